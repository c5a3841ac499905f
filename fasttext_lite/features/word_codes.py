"""Texts of numbered words become codes, by what is known of each word."""

from __future__ import annotations

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.features.kernels import numbered as kernels
from fasttext_lite.features.kernels.codes import BUCKET, MAXN
from fasttext_lite.features.matrix import Codes
from fasttext_lite.features.numbered import NumberedTexts
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.parallel import run_ranges

LISTED = 1 << 22  # codes of n-grams of characters that are kept with their words


class WordCodes:
    """What is known of each word of a vocabulary when its texts become codes.

    Parameters
    ----------
    vocabulary : Vocabulary
        Of the texts.
    words : tuple
        Hash table, pool and bounds of the words that have codes, see
        `text.kernels.words.find_word`.
    options : int64[N_OPTIONS]
        See `kernels.codes`.
    eos_word : int
        Code of the word </s>, or -1.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        words: tuple[np.ndarray, np.ndarray, np.ndarray],
        options: np.ndarray,
        eos_word: int,
    ) -> None:
        table, known_pool, known_bounds = words
        self.options, self.eos_word, self.n_known = options, eos_word, len(known_bounds)
        pool, bounds, counts = vocabulary.arrays()
        self.pool, self.bounds = read_only(pool), bounds
        n_words = counts.size
        self.hashes = np.empty(n_words, np.uint32)
        self.codes, self.begins, self.sizes = np.empty((3, n_words), np.int32)
        self._rooms: list[np.ndarray] = []  # that no thread is using
        n_slots = int(options[BUCKET]) if options[MAXN] else 0
        self.ngrams = np.empty(LISTED if n_slots else 0, np.int32)
        self.places, self.slots = np.full(n_slots, -1, np.int32), np.empty(n_slots, np.int32)
        self.n_places = kernels.look_up_words(
            self.pool, bounds, counts, table, known_pool, known_bounds, self.options, self.hashes,
            self.codes, self.begins, self.sizes, self.ngrams, self.places, self.slots,
        )  # fmt: skip

    def extract(self, texts: NumberedTexts, n_threads: int = 1) -> Codes:
        """Return the codes of texts, with gaps where a thread's share of them ends."""
        n_docs, numbers, offsets = len(texts), texts.numbers, texts.offsets
        lengths = np.empty(n_docs, np.int64)

        def bound(first: int, last: int) -> None:
            kernels.bound_codes(numbers, offsets, first, last, self.sizes, self.options, lengths)

        run_ranges(bound, n_docs, n_threads)
        starts = np.zeros(n_docs + 1, np.int64)
        np.cumsum(lengths, out=starts[1:])
        total = int(starts[-1])
        codes, counts = np.empty(total, np.int32), np.empty(total, np.float32)
        shares = np.empty(n_docs, np.float32)

        def extract(first: int, last: int) -> None:
            room = self._rooms.pop() if self._rooms else np.zeros(self.n_places + 1, np.int32)
            kernels.extract_numbered(
                numbers, offsets, first, last, self.hashes, self.codes, self.begins, self.sizes,
                self.ngrams, self.places, self.slots, self.pool, self.bounds, self.n_known,
                self.options, self.eos_word, room, starts, codes, counts, lengths, shares,
            )  # fmt: skip
            self._rooms.append(room)

        run_ranges(extract, n_docs, n_threads)
        return Codes(starts, lengths, codes, counts, shares)
