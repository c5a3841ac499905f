"""Tokens to features: vocabulary, word n-grams, character n-grams, weights.

Only features that training saw own a row of the input table.  Rows are numbered by falling
document frequency, words and hash slots together, so that the rows most used lie together.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.analyzers import MarkedTexts, least_subword_chars
from fasttext_lite.config import Config
from fasttext_lite.corpus import Labels, read_only
from fasttext_lite.kernels import features as kernels
from fasttext_lite.kernels.features import END
from fasttext_lite.parallel import run_ranges

EOS = b"</s>"
LONG_FACTOR = 0.5  # of the weight of word n-grams beyond bigrams, with pooling="blocks"
LEAST_GAIN = 1e-4  # nats


@dataclass(frozen=True)
class FeatureMatrix:
    """The features of documents in compressed rows.

    Attributes
    ----------
    ids : int32[n_entries]
        Rows of the input table, each at most once in a document.
    weights : float32[n_entries]
    indptr : int64[n_docs + 1]
        Document i owns the entries indptr[i] to indptr[i + 1] - 1.
    """

    ids: np.ndarray
    weights: np.ndarray
    indptr: np.ndarray

    def __len__(self) -> int:
        return self.indptr.size - 1

    def slice(self, first: int, last: int) -> FeatureMatrix:
        """Return documents `first` to `last` - 1."""
        indptr = self.indptr[first : last + 1]
        part = slice(indptr[0], indptr[-1])
        return FeatureMatrix(self.ids[part], self.weights[part], indptr - indptr[0])


class FeatureSpace:
    """What training saw: the vocabulary, the used hash slots, and how many texts have each.

    Parameters
    ----------
    config : Config
        Its feature settings are used (`word_ngrams`, `minn`, `maxn`, `bucket`, `eos`,
        `pooling`, `analyzer`).
    pool : uint8[n_pool_bytes]
        Bytes of the words, one after another.
    word_ends : int64[n_words]
        Where each word ends in the pool.
    row_codes : int32[n_rows]
        The feature of each row: word w has code w, hash slot s code n_words + s, and the bias
        n_words + n_slots.
    frequency : int32[n_rows]
        Number of training texts that have the feature.
    n_texts : int
        Number of training texts.
    gains : float32[n_rows], optional
        How much each feature tells about the labels (`kernels.features.measure_gains`); used if
        `Config.supervision` is not 0.
    """

    def __init__(
        self,
        config: Config,
        pool: np.ndarray,
        word_ends: np.ndarray,
        row_codes: np.ndarray,
        frequency: np.ndarray,
        n_texts: int,
        gains: np.ndarray | None = None,
    ) -> None:
        self.config = config
        self.pool = read_only(np.ascontiguousarray(pool, np.uint8))
        self.word_ends = np.ascontiguousarray(word_ends, np.int64)
        self.row_codes = np.ascontiguousarray(row_codes, np.int32)
        self.frequency = np.ascontiguousarray(frequency, np.int32)
        self.n_texts = int(n_texts)
        self._word_offsets = _word_offsets(self.word_ends)
        self._table = _new_table(2 * self.n_words)
        kernels.insert_words(self.pool, self._word_offsets, self.n_words, self._table)
        self._options = _options(config)
        if gains is None:
            gains = np.ones(self.n_rows, np.float32)
        self.gains = np.ascontiguousarray(gains, np.float32)
        rows = np.full(self.n_words + n_slots(config) + 1, -1, np.int32)
        rows[self.row_codes] = np.arange(self.n_rows, dtype=np.int32)
        self._word_rows, self._slot_rows = rows[: self.n_words], rows[self.n_words : -1]
        self._bias_row = int(rows[-1])
        self._factors = self._row_factors()
        self._eos_word = self.words().index(EOS) if config.eos and EOS in self.words() else -1

    def __getstate__(self) -> tuple:
        """Return the arguments of the constructor: the lookup tables are made of them again."""
        return (
            self.config,
            self.pool,
            self.word_ends,
            self.row_codes,
            self.frequency,
            self.n_texts,
            self.gains,
        )

    def __setstate__(self, state: tuple) -> None:
        self.__init__(*state)  # type: ignore[misc]

    @property
    def n_rows(self) -> int:
        """Number of rows of the input table."""
        return self.row_codes.size

    @property
    def n_words(self) -> int:
        """Number of words in the vocabulary."""
        return self.word_ends.size

    def word_rows(self) -> dict[bytes, int]:
        """Return the row of each word of the vocabulary that has one."""
        rows = self._word_rows.tolist()
        return {word: row for word, row in zip(self.words(), rows, strict=True) if row >= 0}

    @property
    def has_bias(self) -> bool:
        """Whether each text with a known feature has the bias as one more."""
        return self._bias_row >= 0

    def _row_factors(self) -> np.ndarray:
        """Return idf * gain ** supervision of each row; empty for mean pooling.

        idf = ln((1 + texts) / (1 + frequency)) + 1; word n-grams of more than two words times
        `LONG_FACTOR` where they have slots of their own.
        """
        config = self.config
        if config.pooling == "mean":
            return np.empty(0, np.float32)
        factors = np.log((1 + self.n_texts) / (1 + self.frequency.astype(np.float64))) + 1
        if config.supervision:
            factors *= np.maximum(self.gains, LEAST_GAIN) ** config.supervision
        if config.pooling == "blocks" and (config.word_ngrams or 0) > 2:
            first = self.n_words + self._options[8]
            last = first + config.bucket
            factors[(self.row_codes >= first) & (self.row_codes < last)] *= LONG_FACTOR
        return factors.astype(np.float32)

    def words(self) -> list[bytes]:
        """Return the vocabulary, most frequent word first."""
        data = self.pool.tobytes()
        return [data[a:b] for a, b in self._word_offsets.tolist()]

    @classmethod
    def fit(
        cls,
        texts: MarkedTexts,
        config: Config,
        n_threads: int = 1,
        labels: Labels | None = None,
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Learn the feature space of training texts and return it with their features.

        Parameters
        ----------
        texts : MarkedTexts
        config : Config
        n_threads : int

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        pool, word_ends, counts = _count_vocabulary(texts, config)
        keep = np.flatnonzero(counts >= config.min_count)
        keep = keep[np.argsort(-counts[keep], kind="stable")]
        pool, word_ends = _take_words(pool, _word_offsets(word_ends)[keep])
        empty = np.empty(0, np.int32)
        raw = cls(config, pool, word_ends, empty, empty, 0)
        codes = raw._extract(texts, n_threads)
        frequency = np.zeros(raw.n_words + n_slots(config), np.int32)
        kernels.count_documents(codes.starts, codes.lengths, codes.codes, frequency)
        row_codes = np.flatnonzero(frequency)
        frequency = frequency[row_codes]
        order = np.argsort(-frequency, kind="stable")
        row_codes, frequency = row_codes[order], frequency[order]
        if config.bias:
            row_codes = np.append(raw.n_words + n_slots(config), row_codes)
            frequency = np.append(len(texts), frequency)
        gains = raw._measure_gains(codes, row_codes, labels, n_threads)
        space = cls(config, pool, word_ends, row_codes, frequency, len(texts), gains)
        return space, space._weigh(codes, n_threads)

    def grow(
        self, texts: MarkedTexts, n_threads: int = 1, labels: Labels | None = None
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Return a space that knows these texts as well, and their features in it.

        Rows keep their numbers; new features get new rows after them. New words enter when
        these texts alone have them `min_count` times.

        Parameters
        ----------
        texts : MarkedTexts
        n_threads : int

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        config, n_old = self.config, self.n_words
        pool, word_ends, counts = _count_vocabulary(texts, config)
        known = set(self.words())
        words = _words(pool, word_ends)
        keep = [i for i, word in enumerate(words) if counts[i] >= config.min_count]
        new = np.array([i for i in keep if words[i] not in known], np.int64)
        new_pool, new_ends = _take_words(pool, _word_offsets(word_ends)[new])
        pool = np.concatenate([self.pool, new_pool])
        word_ends = np.concatenate([self.word_ends, self.pool.size + new_ends])
        shift = word_ends.size - n_old
        old_codes = np.where(self.row_codes < n_old, self.row_codes, self.row_codes + shift)
        empty = np.empty(0, np.int32)
        raw = FeatureSpace(config, pool, word_ends, empty, empty, 0)
        codes = raw._extract(texts, n_threads)
        added = np.zeros(raw.n_words + n_slots(config) + 1, np.int32)
        kernels.count_documents(codes.starts, codes.lengths, codes.codes, added)
        if self.has_bias:
            added[-1] = len(texts)
        frequency = self.frequency + added[old_codes]
        added[old_codes] = 0
        new_codes = np.flatnonzero(added)
        new_codes = new_codes[np.argsort(-added[new_codes], kind="stable")]
        space = FeatureSpace(
            config,
            pool,
            word_ends,
            np.concatenate([old_codes, new_codes]),
            np.concatenate([frequency, added[new_codes]]),
            self.n_texts + len(texts),
            np.concatenate([self.gains, raw._measure_gains(codes, new_codes, labels, n_threads)]),
        )
        return space, space._weigh(codes, n_threads)

    def take(self, rows: np.ndarray) -> FeatureSpace:
        """Return the space with the given rows alone, numbered in their order."""
        return FeatureSpace(
            self.config, self.pool, self.word_ends, self.row_codes[rows], self.frequency[rows],
            self.n_texts, self.gains[rows],
        )  # fmt: skip

    def transform(self, texts: MarkedTexts, n_threads: int = 1) -> FeatureMatrix:
        """Return the features of texts; features without a row are left out.

        Parameters
        ----------
        texts : MarkedTexts
        n_threads : int

        Returns
        -------
        FeatureMatrix
        """
        return self._weigh(self._extract(texts, n_threads), n_threads)

    def _measure_gains(
        self, found: _Codes, row_codes: np.ndarray, labels: Labels | None, n_threads: int
    ) -> np.ndarray:
        """Return the gain of each code of `row_codes`; 1 for the bias and without labels."""
        gains = np.ones(row_codes.size, np.float32)
        if labels is None or not self.config.supervision or labels.ids.size == 0:
            return gains
        n_codes = self.n_words + n_slots(self.config)
        frequency = np.zeros(n_codes, np.int32)
        kernels.count_documents(found.starts, found.lengths, found.codes, frequency)
        begins = np.append(0, np.cumsum(frequency, dtype=np.int64))
        docs = np.empty(begins[-1], np.int32)
        ends = begins[:-1].copy()
        kernels.list_documents(found.starts, found.lengths, found.codes, ends, docs)
        prior = labels.counts() / labels.ids.size
        real = np.flatnonzero(row_codes < n_codes)
        measured = np.empty(real.size, np.float32)
        begins, ends = begins[row_codes[real]], ends[row_codes[real]]

        def measure(first: int, last: int) -> None:
            kernels.measure_gains(
                begins, ends, first, last, docs, labels.ids, labels.indptr, prior, measured
            )

        run_ranges(measure, real.size, n_threads)
        gains[real] = measured
        return gains

    def _extract(self, texts: MarkedTexts, n_threads: int) -> _Codes:
        n_docs = len(texts)
        n_codes = np.empty(n_docs, np.int64)
        buffer, marks, offsets = texts.buffer, texts.marks, texts.offsets

        def count(first: int, last: int) -> None:
            kernels.count_codes(buffer, marks, offsets, first, last, self._options, n_codes)

        run_ranges(count, n_docs, n_threads)
        starts = np.cumsum(n_codes) - n_codes
        total = int(n_codes.sum())
        found = _Codes(
            starts,
            np.empty(n_docs, np.int64),
            np.empty(total, np.int32),
            np.empty(total, np.float32),
            np.empty(n_docs, np.float32),
        )

        def extract(first: int, last: int) -> None:
            kernels.extract_codes(
                buffer, marks, offsets, first, last,
                self._table, self.pool, self._word_offsets, self._options, self._eos_word,
                found.starts, found.codes, found.counts, found.lengths, found.shares,
            )  # fmt: skip

        run_ranges(extract, n_docs, n_threads)
        return found

    def _weigh(self, found: _Codes, n_threads: int) -> FeatureMatrix:
        chars = self.n_words + n_slots(self.config) + 1  # no block of their own
        if self.config.pooling == "blocks" and self.config.maxn:
            chars = self.n_words + int(self._options[9])

        def weigh(first: int, last: int) -> None:
            kernels.weigh_rows(
                found.starts, found.lengths, first, last, found.codes, found.counts,
                self._word_rows, self._slot_rows, self._factors, chars, found.shares,
                self._bias_row,
            )  # fmt: skip

        run_ranges(weigh, found.starts.size, n_threads)
        n = kernels.compact(found.starts, found.lengths, found.codes, found.counts)
        indptr = np.append(found.starts, n)
        return FeatureMatrix(found.codes[:n], found.counts[:n], indptr)


@dataclass(frozen=True)
class _Codes:
    """Codes of documents, with gaps: document i has lengths[i] codes from starts[i] on."""

    starts: np.ndarray
    lengths: np.ndarray
    codes: np.ndarray
    counts: np.ndarray
    shares: np.ndarray


def _regions(config: Config) -> tuple[list[int], int]:
    """Return the first slot of bigrams, longer word n-grams and character n-grams; and the end.

    With pooling="blocks" each of them that is in use has `bucket` slots of its own.
    """
    if not config.uses_buckets:
        return [0, 0, 0], 0
    if config.pooling != "blocks":
        return [0, 0, 0], config.bucket
    assert config.word_ngrams is not None
    used = np.array([config.word_ngrams > 1, config.word_ngrams > 2, config.maxn > 0])
    ends = np.cumsum(used * config.bucket)
    return (ends - used * config.bucket).tolist(), int(ends[-1])


def n_slots(config: Config) -> int:
    """Return the number of hash slots."""
    return _regions(config)[1]


def _options(config: Config) -> np.ndarray:
    minn = max(config.minn, 1) if config.maxn else 1
    least = least_subword_chars(config.analyzer)
    begins, _ = _regions(config)
    values = [config.word_ngrams, minn, config.maxn, config.bucket, config.eos, least]
    values += [config.boundaries, *begins]
    return np.array(values, np.int64)


def _new_table(n: int) -> np.ndarray:
    capacity = 1 << max(int(n - 1).bit_length(), 4)
    return np.full(capacity, -1, np.int32)


def _word_offsets(word_ends: np.ndarray) -> np.ndarray:
    offsets = np.empty((word_ends.size, 2), np.int64)
    offsets[:1, 0] = 0
    offsets[1:, 0] = word_ends[:-1]
    offsets[:, 1] = word_ends
    return offsets


def _words(pool: np.ndarray, word_ends: np.ndarray) -> list[bytes]:
    data = pool.tobytes()
    return [data[a:b] for a, b in _word_offsets(word_ends).tolist()]


def _take_words(text: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy the words text[offsets[i, 0]:offsets[i, 1]] together; return pool and ends."""
    sizes = offsets[:, 1] - offsets[:, 0]
    ends = np.cumsum(sizes)
    positions = np.arange(ends[-1] if ends.size else 0)
    return text[positions + np.repeat(offsets[:, 0] - (ends - sizes), sizes)], ends


def _enlarge(array: np.ndarray, size: int) -> np.ndarray:
    """Return a copy with room for more; what is not used costs no memory."""
    larger = np.empty((size, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger


def _count_vocabulary(
    texts: MarkedTexts, config: Config
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pool, ends and counts of all words of texts, in order of first occurrence."""
    n_docs = len(texts)
    capacity = 1 << 15
    offsets, counts = np.empty((0, 2), np.int64), np.empty(0, np.int64)
    doc = n_words = 0
    while True:
        # The table is twice as large as the words that the other two can hold.
        offsets, counts = _enlarge(offsets, capacity), _enlarge(counts, capacity)
        table = _new_table(2 * capacity)
        kernels.insert_words(texts.buffer, offsets, n_words, table)
        doc, n_words = kernels.count_words(
            texts.buffer, texts.marks, texts.offsets, doc, table, offsets, counts, n_words
        )
        if doc == n_docs:
            break
        marks = texts.marks[texts.offsets[doc] : texts.offsets[doc + 1]]
        capacity = 2 * max(capacity, n_words + int(np.count_nonzero(marks == END)))
    pool, ends = _take_words(texts.buffer, offsets[:n_words])
    counts = counts[:n_words]
    if config.eos:
        words = _words(pool, ends)
        if EOS in words:
            counts[words.index(EOS)] += n_docs
        else:
            pool = np.append(pool, np.frombuffer(EOS, np.uint8))
            ends = np.append(ends, pool.size)
            counts = np.append(counts, n_docs)
    return pool, ends, counts
