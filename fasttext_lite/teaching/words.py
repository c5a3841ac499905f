"""Vectors of texts that are learnt from the texts alone: what words stand near each other.

Vectors of words are trained on all texts, labelled or not, with the skip-gram of word2vec
(T. Mikolov, I. Sutskever, K. Chen, G. Corrado, J. Dean: Distributed Representations of Words and
Phrases and their Compositionality, 2013, arXiv:1310.4546); a text is the mean of its words'
vectors, each weighed by tf-idf.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.training.word_loop import train_vectors
from fasttext_lite.compiled.utf8 import END
from fasttext_lite.config.fields import Config
from fasttext_lite.features.vocabulary import Vocabulary, empty_table, word_bounds
from fasttext_lite.parallel import run_ranges
from fasttext_lite.text.kernels import words as kernels
from fasttext_lite.text.marked import MarkedTexts

DIM, DIM_OF_FEW = 100, 200  # the second for small collections, whose vectors cost little
FEW_TOKENS = 200_000
LEAST_COUNT = 2  # occurrences of a word that has a vector
# Small collections are gone over more often, until so many tokens were seen.
TOKENS, LEAST_EPOCHS, MOST_EPOCHS = 5_000_000, 3, 50
NEGATIVES = 3  # words drawn for each pair: 5 take longer and are no better on average
LONGEST = 2.0**120  # length of a vector that float32 computes with as it is
MEANS = 1 << 14  # texts whose vectors are made at a time


class Words:
    """The words of texts, in order, by number.

    Parameters
    ----------
    texts : MarkedTexts
    config : Config
        Of which the settings of the vocabulary do not count.
    n_threads : int

    Attributes
    ----------
    numbers : int32[n_numbers]
        Words of text i: ``numbers[indptr[i]:indptr[i + 1]]``, without those that occur less than
        `LEAST_COUNT` times.
    indptr : int64[n_texts + 1]
    counts : int64[n_words]
        Occurrences, falling.
    """

    def __init__(self, texts: MarkedTexts, config: Config, n_threads: int) -> None:
        self.is_deterministic = config.deterministic
        vocabulary = Vocabulary()
        vocabulary.add(texts)
        pool, ends = vocabulary.words(config.replace(min_count=LEAST_COUNT, eos=False))
        bounds = word_bounds(ends)
        table = empty_table(2 * max(ends.size, 1))
        kernels.insert_words(pool, bounds, ends.size, table)
        self._known = table, pool, bounds
        self.numbers, self.indptr = self.number(texts, n_threads)
        self.counts = np.bincount(self.numbers, minlength=ends.size)

    def number(self, texts: MarkedTexts, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the words of texts, these or others, by number, without those that have none.

        Returns
        -------
        numbers : int32[n_numbers]
        indptr : int64[n_texts + 1]
        """
        table, pool, bounds = self._known
        sizes = np.append(0, np.cumsum(texts.marks == END))[texts.offsets]
        numbers = np.empty(sizes[-1], np.int32)

        def number(first: int, last: int) -> None:
            kernels.number_tokens(
                texts.buffer, texts.marks, texts.offsets, first, last, table, pool, bounds, sizes,
                0, numbers,
            )  # fmt: skip

        run_ranges(number, len(texts), n_threads)
        known = numbers >= 0
        indptr = np.append(0, np.cumsum(known))[sizes].astype(np.int64)
        return numbers[known], indptr

    def __len__(self) -> int:
        return self.indptr.size - 1

    def train(
        self, seed: int, n_threads: int, callback: Callable[[Any], None] | None = None
    ) -> np.ndarray:
        """Return the vector of each word, float32[n_words, dim].

        Parameters
        ----------
        seed, n_threads : int
            With one thread the result depends on the seed alone; so it is one with
            `Config.deterministic`.
        callback : callable, optional
            As of `word_loop.train_vectors`.

        Raises
        ------
        TrainingError
            If there are no two words to learn from.
        """
        n_threads = 1 if self.is_deterministic else n_threads
        n_words = np.int32(self.counts.size)
        epochs = min(max(TOKENS // max(self.numbers.size, 1), LEAST_EPOCHS), MOST_EPOCHS)
        dim = DIM_OF_FEW if self.numbers.size <= FEW_TOKENS else DIM
        args = Args(
            model="sg", dim=dim, neg=NEGATIVES, epoch=epochs, minn=0, maxn=0, bucket=0, seed=seed
        )
        vectors, _, _ = train_vectors(
            self.numbers, self.indptr, self.counts, np.arange(n_words, dtype=np.int32),
            np.arange(n_words + 1, dtype=np.int64), int(self.numbers.size), args,
            n_threads=n_threads, callback=callback,
        )  # fmt: skip
        return vectors

    def text_vectors(self, vectors: np.ndarray) -> np.ndarray:
        """Return the tf-idf mean of each text's words, float32[n_texts, dim], see `centred`.

        Parameters
        ----------
        vectors : float32[n_words, dim]
        """
        return centred(self.means(self.numbers, self.indptr, self.weighed(vectors)))

    def weighed(self, vectors: np.ndarray) -> np.ndarray:
        """Return words' vectors times their inverse frequency in texts, float32[n_words, dim]."""
        texts = np.repeat(np.arange(len(self)), np.diff(self.indptr))
        pairs = np.unique(texts * self.counts.size + self.numbers)
        frequency = np.bincount(pairs % max(self.counts.size, 1), minlength=self.counts.size)
        idf = np.log((1 + len(self)) / (1 + frequency)) + 1
        return (vectors * idf[:, None]).astype(np.float32)

    def means(self, numbers: np.ndarray, indptr: np.ndarray, weighed: np.ndarray) -> np.ndarray:
        """Return sums of the weighed vectors of texts' words, float32[n_texts, dim].

        Parameters
        ----------
        numbers, indptr
            Of `number`.
        weighed : float32[n_words, dim]
        """
        from scipy import sparse

        shape = indptr.size - 1, self.counts.size
        ones = np.ones(numbers.size, np.float32)
        counts = sparse.csr_matrix((ones, numbers.copy(), indptr.copy()), shape=shape)
        counts.sum_duplicates()
        counts.data = 1 + np.log(counts.data)
        found = np.empty((shape[0], weighed.shape[1]), np.float32)
        for first in range(0, shape[0], MEANS):
            found[first : first + MEANS] = counts[first : first + MEANS] @ weighed
        return found


def centred(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of unit length, less their mean, of unit length again, float32[n, dim].

    Texts without a word are all 0.
    """
    found = unit(vectors)
    there = found.any(axis=1)
    if there.any():
        found[there] -= found[there].mean(axis=0)
    return unit(found)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Return vectors of unit length, float32[n, dim]; those of length 0 as they are."""
    vectors = np.asarray(vectors, np.float32)
    lengths = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))[:, None]
    if (lengths > LONGEST).any():  # float32 has no such number: powers of two change no digit
        scales = np.where(lengths > LONGEST, 2.0**-64, 1.0)
        vectors, lengths = vectors * scales.astype(np.float32), lengths * scales
    return vectors / np.where(lengths > 0, lengths, 1).astype(np.float32)
