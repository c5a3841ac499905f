"""How much features tell about the labels of the texts that have them."""

from __future__ import annotations

import math

import numpy as np

from fasttext_lite.compiled.compiling import FAST, compiler

_kernel = compiler(FAST)


@_kernel
def sum_labels(rows, indptr, first_doc, label_indptr, sizes):
    """Add up how many labels the documents of each row have.

    Parameters
    ----------
    rows : int32[n_entries], indptr : int64[n_docs + 1]
        The documents' rows, all different.
    first_doc : int
        Number of the first of these documents.
    label_indptr : int64[n_all_docs + 1]
    sizes : int64[n_rows]
        Written in place.
    """
    for doc in range(indptr.size - 1):
        n = label_indptr[first_doc + doc + 1] - label_indptr[first_doc + doc]
        for i in range(indptr[doc], indptr[doc + 1]):
            sizes[rows[i]] += n


@_kernel
def count_pairs(rows, first, last, range_of, shift, sizes):
    """Add up how many of some entries are of each range of rows.

    Parameters
    ----------
    rows : int32[n_entries]
    first, last : int
        Of the entries.
    range_of : uint8[], shift : int
        A row is of the range range_of[row >> shift].
    sizes : int64[n_ranges]
        Written in place.
    """
    for i in range(first, last):
        sizes[range_of[rows[i] >> shift]] += 1


@_kernel
def sort_pairs(rows, indptr, first_doc, first, last, range_of, shift, ends, pairs):
    """Write the pairs of row and document, those of a range of rows together.

    Parameters
    ----------
    rows : int32[n_entries], indptr : int64[n_docs + 1]
        The documents' rows, all different.
    first_doc : int
        Number of the first of these documents.
    first, last : int
        The documents to take.
    range_of, shift
        As in `count_pairs`.
    ends : int64[n_ranges]
        On entry where the pairs of each range go on, on return where they end.
    pairs : int64[]
        Written in place: row << 32 | document.
    """
    for doc in range(first, last):
        for i in range(indptr[doc], indptr[doc + 1]):
            row = np.int64(rows[i])
            which = range_of[row >> shift]
            at = ends[which]
            pairs[at] = row << 32 | first_doc + doc
            ends[which] = at + 1


@_kernel
def list_labels(pairs, first, label_ids, label_indptr, ends, listed):
    """Write the labels of the documents that have each row.

    Parameters
    ----------
    pairs : int64[]
        As of `sort_pairs`.
    first : int
        The first row; pairs of rows before it are passed over.
    label_ids : int32[], label_indptr : int64[n_all_docs + 1]
    ends : int64[n_rows]
        On entry where the list of each row goes on, on return where it ends.
    listed : uint8[], uint16[] or int32[]
        Written in place.
    """
    for pair in pairs:
        row, doc = (pair >> 32) - first, pair & 0xFFFFFFFF
        if row < 0:
            continue
        begin, end = label_indptr[doc], label_indptr[doc + 1]
        at = ends[row]
        for j in range(begin, end):
            listed[at + j - begin] = label_ids[j]
        ends[row] = at + end - begin


@_kernel
def list_documents(rows, indptr, first_doc, first, shift, ends, docs):
    """Write the documents that have each of some rows: one of 2 ** `shift` neighbours.

    Parameters
    ----------
    rows, indptr, first_doc
        As in `sort_pairs`.
    first : int
        The first of these rows.
    shift : int
    ends : int64[n_asked]
        On entry where the list of each goes on, on return where it ends.
    docs : int32[]
        Written in place.
    """
    mask = (1 << shift) - 1
    last = np.int64(ends.size) << shift
    for doc in range(indptr.size - 1):
        for i in range(indptr[doc], indptr[doc + 1]):
            row = np.int64(rows[i]) - first
            if row & mask == 0 and row >= 0 and row < last:
                at = row >> shift
                docs[ends[at]] = first_doc + doc
                ends[at] += 1


@_kernel
def measure_agreement(begins, ends, docs, label_ids, label_indptr, weights, agreement):
    """Write how often two labels of different texts that have a feature are the same.

    Parameters
    ----------
    begins, ends : int64[n_features]
        The documents of a feature are docs[begin:end].
    docs : int32[]
    label_ids : int32[], label_indptr : int64[n_docs + 1]
    weights : float64[n_labels]
        Of each label; a pair weighs their product.
    agreement : float64[n_features, 2]
        Written in place: mean weight of the pairs that are the same, and of all pairs; 0 where
        there is no pair.
    """
    sums = np.zeros(weights.size)
    for feature in range(len(agreement)):
        n = within = total = inside = same = 0.0
        for i in range(begins[feature], ends[feature]):
            first, last = label_indptr[docs[i]], label_indptr[docs[i] + 1]
            own = 0.0
            for j in range(first, last):
                label = label_ids[j]
                same += 2 * weights[label] * sums[label]
                sums[label] += weights[label]
                own += weights[label]
                inside -= weights[label] * weights[label]
            total += own
            inside += own * own
            n += last - first
            within += (last - first) * (last - first - 1)
        squares = 0.0
        for i in range(begins[feature], ends[feature]):
            for j in range(label_indptr[docs[i]], label_indptr[docs[i] + 1]):
                squares += weights[label_ids[j]] ** 2
                sums[label_ids[j]] = 0
        pairs = n * (n - 1) - within
        agreement[feature, 0] = same / pairs if pairs > 0 else 0.0
        agreement[feature, 1] = (total * total - squares - inside) / pairs if pairs > 0 else 0.0


@_kernel
def measure_gains(begins, ends, listed, prior, pseudo_count, gains):
    """Write how much each feature tells about the labels, all labels being of equal weight.

    The Kullback-Leibler divergence, in nats, of the labels of the texts that have the feature
    from labels that are equally frequent: sum p ln(p k) over the k labels.  Each text weighs as
    much as its label is rare, so that a text of a rare label is no surprise by itself: p =
    (n q + m / k) / (n + m), where n is the number of labels of these texts, q_c proportional to
    count_c / prior_c, and m labels are added that are spread over all.

    Parameters
    ----------
    begins, ends : int64[n_features]
        The labels of a feature's texts are listed[begin:end].
    listed : uint8[], uint16[] or int32[]
    prior : float64[n_labels]
        Share of each label among all; sums to 1.
    pseudo_count : float
        m, above 0.
    gains : float32[n_features]
        Written in place.
    """
    counts = np.zeros(prior.size)
    seen = np.empty(prior.size + 1, np.int32)
    m = pseudo_count
    k = 0
    for label in range(prior.size):
        k += prior[label] > 0
    for feature in range(gains.size):
        n_seen = np.int64(0)
        n = 0.0
        for i in range(begins[feature], ends[feature]):
            one = np.int64(listed[i])
            before = counts[one]
            seen[n_seen] = one
            n_seen += before == 0
            counts[one] = before + 1
            n += 1
        total = 0.0
        for i in range(n_seen):
            total += counts[seen[i]] / prior[seen[i]]
        gain = 0.0
        for i in range(n_seen):
            label = seen[i]
            p = (n * counts[label] / prior[label] / total + m / k) / (n + m)
            gain += p * math.log(p * k)
            counts[label] = 0
        # All labels not seen have p = m / k / (n + m).
        gains[feature] = gain - (k - n_seen) / k * m / (n + m) * math.log((n + m) / m)


@_kernel
def count_labels(pairs, first, label_ids, label_indptr, counts):
    """Count the labels of the documents that have each row.

    Parameters
    ----------
    pairs, first, label_ids, label_indptr
        As in `list_labels`.
    counts : int32[n_rows, n_labels]
        Added to.
    """
    for pair in pairs:
        row, doc = (pair >> 32) - first, pair & 0xFFFFFFFF
        if row < 0:
            continue
        for j in range(label_indptr[doc], label_indptr[doc + 1]):
            counts[row, label_ids[j]] += 1


@_kernel
def gains_of_counts(counts, prior, pseudo_count, gains):
    """Write what `measure_gains` does, given how often each feature's documents have each label.

    Parameters
    ----------
    counts : int32[n_features, n_labels]
    prior, pseudo_count, gains
        As there.
    """
    m = pseudo_count
    k = 0
    for label in range(prior.size):
        k += prior[label] > 0
    for feature in range(gains.size):
        n = 0.0
        total = 0.0
        n_seen = 0
        for label in range(prior.size):
            if counts[feature, label] > 0:
                n += counts[feature, label]
                total += counts[feature, label] / prior[label]
                n_seen += 1
        gain = 0.0
        for label in range(prior.size):
            if counts[feature, label] > 0:
                p = (n * counts[feature, label] / prior[label] / total + m / k) / (n + m)
                gain += p * math.log(p * k)
        gains[feature] = gain - (k - n_seen) / k * m / (n + m) * math.log((n + m) / m)
