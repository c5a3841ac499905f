"""Texts that are the same, or nearly: found in time that grows with the texts, not their pairs.

Two texts are the same if they are so in Unicode normal form KC (which makes full width half width),
in lower case and with one blank for any white space. They are nearly the same if the sets of their
pieces of a few characters have much in common (Jaccard index). Candidates are those whose MinHash
signatures agree in a band (Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, ch. 3); each is
then compared exactly.
"""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.parallel import run_ranges

LEAST_NEAR, MOST_HASHES = 0.3, 128  # a threshold below finds what is not alike
MISSED = 0.002  # of pairs at the threshold, the share that no band shows
LAGS = 8  # earlier texts of a band that each is compared with, and the first


@dataclass(frozen=True)
class Alike:
    """Which texts are the same or nearly the same.

    Attributes
    ----------
    same : int64[n_texts]
        The first text that is the same as each; its own number where none is before it.
    one, other : int64[n_pairs]
        Pairs of first texts that are nearly the same, `other` < `one`, ascending.
    similarity : float32[n_pairs]
        Jaccard index, from the threshold on.
    groups : int64[n_texts]
        The first text of each text's group: all that pairs lead to.
    """

    same: np.ndarray
    one: np.ndarray
    other: np.ndarray
    similarity: np.ndarray
    groups: np.ndarray


def normal_form(text: str) -> str:
    """Return a text as it is compared: NFKC, without case, one blank for any white space.

    Examples
    --------
    >>> normal_form(" Ｇｏｏｄ   value !")
    'good value !'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def find_alike(texts: list[str], near: float = 1.0, seed: int = 0, n_threads: int = 1) -> Alike:
    """Find texts that are the same or nearly the same.

    Parameters
    ----------
    texts : list of str
    near : float
        Least Jaccard index of pairs, in [`LEAST_NEAR`, 1]; 1 = only the same are looked for.
    seed : int
        Of the hash functions.
    n_threads : int
    """
    normal = [normal_form(text) for text in texts]
    first: dict[str, int] = {}
    numbers = (first.setdefault(each, i) if each else i for i, each in enumerate(normal))
    same = np.fromiter(numbers, np.int64, len(normal))  # a text without a sign is like no other
    none = np.empty(0, np.int64)
    one, other, similarity = none, none, np.empty(0, np.float32)
    if near < 1 and len(first) > 1:
        found = _near_pairs(list(first), near, seed, n_threads)
        kept = np.fromiter(first.values(), np.int64, len(first))
        one, other, similarity = kept[found[0]], kept[found[1]], found[2]
    return Alike(same, one, other, similarity, _groups(same, one, other))


def bands_of(near: float) -> tuple[int, int]:
    """Return how many bands a signature has, and of how many hashes each is.

    As many hashes as can be, so that few other texts agree in a band: while pairs at the threshold
    agree in one but for a share of `MISSED`.
    """
    found = 1, 1
    for width in range(1, 17):
        chance = near**width
        n = math.ceil(math.log(MISSED) / math.log1p(-chance)) if chance < 1 else 1
        if n * width <= MOST_HASHES:
            found = n, width
    return found


def _near_pairs(
    texts: list[str], near: float, seed: int, n_threads: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return pairs of different texts, `other` < `one`, and their Jaccard index."""
    from fasttext_lite.auditing import kernels

    packed = Texts.from_bytes([text.encode("utf-8", "surrogatepass") for text in texts])
    data, offsets, n = packed.buffer, packed.offsets, len(texts)
    sets, sizes = np.empty(data.size + n, np.uint64), np.empty(n, np.int64)
    run_ranges(
        lambda a, b: kernels.cut_pieces(data, offsets, a, b, sets, sizes), n, n_threads, 1 << 13
    )
    n_bands, width = bands_of(near)
    rng = np.random.default_rng([seed, 31])
    factors = rng.integers(0, 1 << 63, n_bands * width, np.uint64) * np.uint64(2) + np.uint64(1)
    signatures = np.empty((n, factors.size), np.uint32)
    run_ranges(
        lambda a, b: kernels.sign(sets, offsets, sizes, a, b, factors, signatures),
        n, n_threads, 1 << 12,
    )  # fmt: skip
    one, other = _candidates(signatures.reshape(n, n_bands, width))
    similarity = np.empty(one.size, np.float32)
    run_ranges(
        lambda a, b: kernels.similarities(sets, offsets, sizes, one, other, a, b, similarity),
        one.size, n_threads,
    )  # fmt: skip
    is_near = similarity >= np.float32(near)
    return one[is_near], other[is_near], similarity[is_near]


def _candidates(signatures: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return pairs of texts that agree in a band, each once, the first number above the second.

    Of many that agree, each is paired with the `LAGS` before it and with the first: others are
    reached through these.

    Parameters
    ----------
    signatures : uint32[n_texts, n_bands, width]
    """
    n, n_bands, width = signatures.shape
    pairs = np.empty(0, np.int64)
    mix = np.uint64(0x9E3779B97F4A7C15)
    for band in range(n_bands):
        keys = np.zeros(n, np.uint64)
        for k in range(width):
            keys = (keys ^ signatures[:, band, k]) * mix
            keys ^= keys >> np.uint64(29)
        order = np.argsort(keys, kind="stable")
        ordered = keys[order]
        begins = np.flatnonzero(np.append(True, ordered[1:] != ordered[:-1]))
        heads = np.repeat(begins, np.diff(np.append(begins, n)))
        place, found = np.arange(n), []
        for lag in range(LAGS + 1):
            back = place - lag if lag else heads  # first of all the one at the head
            fits = (back >= heads) & (back < place)
            if not fits.any():
                break
            found.append(order[fits] * n + order[back[fits]])
        pairs = np.unique(np.concatenate([pairs, *found]))
    return pairs // max(n, 1), pairs % max(n, 1)


def _groups(same: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the first text of each text's group, int64[n_texts]."""
    parent = same.copy()

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = int(parent[i])
        return i

    for a, b in zip(one.tolist(), other.tolist(), strict=True):
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    while True:
        above = parent[parent]
        if np.array_equal(above, parent):
            return parent
        parent = above
