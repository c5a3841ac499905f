"""What training saw: words, hash slots in use and their weights; tokens become features by it.

Only features that training saw own a row of the input table.  Rows are numbered by falling
document frequency, words and hash slots together, so that the rows most used lie together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.config.fields import Config
from fasttext_lite.disk.promise import promised
from fasttext_lite.errors import ModelError
from fasttext_lite.features.kernels import codes as codes_kernels
from fasttext_lite.features.kernels import rows as rows_kernels
from fasttext_lite.features.kernels import weighing as weighing_kernels
from fasttext_lite.features.matrix import Codes, Counts, FeatureMatrix, Parts
from fasttext_lite.features.numbered import NumberedTexts
from fasttext_lite.features.slots import code_options, n_slots
from fasttext_lite.features.vocabulary import (
    Vocabulary,
    empty_table,
    find_eos,
    gather_words,
    word_bounds,
    words_in,
)
from fasttext_lite.features.word_codes import WordCodes
from fasttext_lite.parallel import ahead, run_ranges
from fasttext_lite.text.kernels import words as word_kernels
from fasttext_lite.text.marked import MarkedTexts

if TYPE_CHECKING:
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.features.entries import Entries

LONG_FACTOR = 0.5  # of the weight of word n-grams beyond bigrams, with pooling="blocks"
LEAST_GAIN = 1e-4  # nats
SCALED = 1 << 14  # documents at a time
_LOGS = np.float32(1) + np.log(np.maximum(np.arange(64), 1)).astype(np.float32)


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
        Number of training texts that have the feature; 0 of words that were added from a file of
        vectors (`with_words`).
    n_texts : int
        Number of training texts.
    gains : float32[n_rows], optional
        How much each feature tells about the labels (`kernels.gains.measure_gains`); used if
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
        self.row_codes = read_only(np.ascontiguousarray(row_codes, np.int32))
        self.frequency = np.ascontiguousarray(frequency, np.int32)
        self.n_texts = int(n_texts)
        self.options = code_options(config)
        if gains is None:
            gains = np.ones(self.n_rows, np.float32)
        self.gains = np.ascontiguousarray(gains, np.float32)

    def __getstate__(self) -> tuple:
        """Return the arguments of the constructor: the lookup tables are made of them again."""
        return (
            self.config,
            self.pool,
            self.word_ends,
            self.row_codes,
            self.frequency,
            self.n_texts,
            self.gains if self.config.supervision else None,  # without, all are 1
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

    @property
    def _bias_code(self) -> int:
        return self.n_words + n_slots(self.config)

    @cached_property
    def _word_offsets(self) -> np.ndarray:
        return word_bounds(self.word_ends)

    @cached_property
    def _table(self) -> np.ndarray:
        """The hash table of the words, see `text.kernels.words.find_word`."""
        table = empty_table(2 * self.n_words)
        word_kernels.insert_words(self.pool, self._word_offsets, self.n_words, table)
        return table

    @cached_property
    def _rows(self) -> np.ndarray:
        """The hash table of the rows, see `features.kernels.rows.find_code`."""
        table = np.full((empty_table(2 * self.n_rows).size, 2), -1, np.int32)
        if not rows_kernels.insert_codes(self.row_codes, table):
            raise ModelError("the model is damaged: two of its rows have the same feature")
        return table

    @cached_property
    def tables(self) -> tuple[np.ndarray, ...]:
        """What `model.kernels.classify` finds features by.

        Made on first use; threads that come at once may each make them, and they are the same.
        """
        options = self.options.copy()
        options[codes_kernels.EOS_WORD] = self.eos_word
        options[codes_kernels.BIAS_ROW] = self.bias_row
        return (
            self._table, self.pool, self._word_offsets, self._rows, self.factors, _LOGS, options,
        )  # fmt: skip

    @cached_property
    def eos_word(self) -> int:
        """Number of the word </s>, or -1."""
        if not self.config.eos:
            return -1
        return find_eos(self.pool, self._word_offsets)

    @cached_property
    def n_word_rows(self) -> int:
        """Number of words of the vocabulary that have a row."""
        return int(np.count_nonzero(self.row_codes < self.n_words))

    def word_rows(self) -> dict[bytes, int]:
        """Return the row of each word of the vocabulary that has one."""
        rows = np.full(self.n_words, -1)
        of_words = np.flatnonzero(self.row_codes < self.n_words)
        rows[self.row_codes[of_words]] = of_words
        pairs = zip(self.words(), rows.tolist(), strict=True)
        return {word: row for word, row in pairs if row >= 0}

    @cached_property
    def bias_row(self) -> int:
        """Number of the row of the bias, which each text with a known feature has; -1 = none."""
        found = np.flatnonzero(self.row_codes == self._bias_code)
        return int(found[0]) if found.size else -1

    @property
    def has_bias(self) -> bool:
        """Whether each text with a known feature has the bias as one more."""
        return self.bias_row >= 0

    @cached_property
    def factors(self) -> np.ndarray:
        """Weights of the rows: idf * gain ** supervision; empty for mean pooling.

        idf = ln((1 + texts) / (1 + frequency)) + 1; word n-grams of more than two words times
        `LONG_FACTOR` where they have slots of their own; times -1 for n-grams of characters that
        are a block of their own.
        """
        config = self.config
        if config.pooling == "mean":
            return np.empty(0, np.float32)
        factors = np.log((1 + self.n_texts) / (1 + self.frequency.astype(np.float64))) + 1
        if config.supervision:
            factors *= np.maximum(self.gains, LEAST_GAIN) ** config.supervision
        if config.pooling == "blocks":
            longer = self.n_words + self.options[codes_kernels.LONGER]
            chars = self.n_words + self.options[codes_kernels.CHARS]
            codes = self.row_codes
            if (config.word_ngrams or 0) > 2:
                factors[(codes >= longer) & (codes < longer + config.bucket)] *= LONG_FACTOR
            if config.maxn:
                factors[(codes >= chars) & (codes < chars + config.bucket)] *= -1
        return factors.astype(np.float32)

    def words(self) -> list[bytes]:
        """Return the vocabulary, most frequent word first."""
        return words_in(self.pool, self.word_ends)

    def weighed(self, counts: Counts, n_threads: int = 1) -> FeatureMatrix:
        """Return the features of documents, given how often they have each of these rows.

        The counts are spent: their arrays become those of the features.
        """
        ids, weights, starts = counts.matrix.ids, counts.matrix.weights, counts.matrix.indptr
        found = Codes(starts, np.diff(starts), ids, weights, counts.shares)
        self._weigh(found, 0, len(counts), n_threads)
        n = rows_kernels.compact(starts, found.lengths, 0, len(counts), 0, ids, weights)
        starts[-1] = n
        return FeatureMatrix(ids[:n], weights[:n], starts)

    def with_energy(self, energy: float) -> FeatureSpace:
        """Return the space with another `Config.char_energy`."""
        config = self.config.replace(char_energy=energy)
        return FeatureSpace(
            config, self.pool, self.word_ends, self.row_codes, self.frequency, self.n_texts,
            self.gains,
        )  # fmt: skip

    def with_char_energy(
        self, features: FeatureMatrix, energy: float, n_threads: int = 1
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Return the space with another `Config.char_energy`, and features of this one in it.

        Features in memory are changed in place, those in files come into a file of their own.
        """
        space = self.with_energy(energy)
        ratio = energy / (self.config.char_energy or 1.0)
        if features.maps:
            features = features.with_own_weights()
        factors, bias_row = self.factors, self.bias_row

        for begin in range(0, len(features), SCALED):

            def scale(first: int, last: int, begin: int = begin) -> None:
                weighing_kernels.scale_characters(
                    features.ids, features.weights, features.indptr, begin + first, begin + last,
                    factors, bias_row, ratio,
                )  # fmt: skip

            run_ranges(scale, min(SCALED, len(features) - begin), n_threads)
            features.release()
        return space, features

    def of_part(
        self, counts: Counts, labels: Labels, n_threads: int = 1
    ) -> tuple[FeatureSpace, np.ndarray, Counts]:
        """Return the space that would be if some of the texts were all.

        Parameters
        ----------
        counts : Counts
            Of these texts.
        labels : Labels
            Of the same texts.
        n_threads : int

        Returns
        -------
        space : FeatureSpace
            Of the rows that these texts have.
        numbers : int32[n_rows]
            Its number for each row of this space; -1 = none.
        counts : Counts
            Of the same texts, by its rows.
        """
        frequency = np.zeros(self.n_rows, np.int32)
        rows_kernels.count_documents(counts.matrix.ids, frequency)
        rows = np.flatnonzero(frequency)
        numbers = np.full(self.n_rows, -1, np.int32)
        numbers[rows] = np.arange(rows.size, dtype=np.int32)
        space = FeatureSpace(
            self.config, self.pool, self.word_ends, self.row_codes[rows], frequency[rows],
            len(counts),
        )  # fmt: skip
        counts = counts.renumbered(numbers)
        matrix = counts.matrix
        space._measure_gains(lambda: [(matrix.ids, matrix.indptr, 0)], 0, labels, n_threads)
        return space, numbers, counts

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
        labels : Labels, optional
            Of the same texts.

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        vocabulary = Vocabulary()
        return cls.fit_chunks(
            [vocabulary.add(texts, n_threads)], vocabulary, config, n_threads, labels
        )

    @classmethod
    def fit_chunks(
        cls,
        chunks: Iterable[NumberedTexts | MarkedTexts],
        vocabulary: Vocabulary,
        config: Config,
        n_threads: int = 1,
        labels: Labels | None = None,
        entries: Entries | None = None,
        look: Callable[[Entries], None] | None = None,
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Learn the feature space of texts that come in chunks; see `fit`.

        Parameters
        ----------
        chunks : iterable of NumberedTexts or MarkedTexts
        vocabulary : Vocabulary
            Of the same texts.
        config, n_threads, labels
            As in `fit`.
        entries : Entries, optional
            Where the features are kept; default: in memory.
        look : callable, optional
            Given the entries when they are rows and counts, before these become weights.

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        from fasttext_lite.features.entries import Entries

        raw = cls.without_rows(config, *vocabulary.words(config))
        if vocabulary.most_words is not None:
            vocabulary.forget()
        entries = Entries() if entries is None else entries
        frequency = raw.take_codes(chunks, vocabulary, entries, n_threads)
        space = raw.with_frequent(frequency, len(entries))
        space.number(entries, n_threads)
        space.config = space._with_pseudo_count(entries, labels)
        if look is not None:
            look(entries)
        return space, space._finish(entries, 0, labels, n_threads)

    @classmethod
    def without_rows(cls, config: Config, pool: np.ndarray, word_ends: np.ndarray) -> FeatureSpace:
        """Return the space of a vocabulary that has no rows yet: it gives texts their codes."""
        empty = np.empty(0, np.int32)
        return cls(config, pool, word_ends, empty, empty, 0)

    def with_frequent(self, frequency: np.ndarray, n_texts: int) -> FeatureSpace:
        """Return the space whose rows are the codes that enough texts have, and the bias.

        Parameters
        ----------
        frequency : int32[n_codes]
            Number of texts that have each code, as `count` returns it.
        n_texts : int
            Number of all texts.
        """
        config = self.config
        row_codes = most_frequent(frequency, config.min_df or 1, config.max_features or 0)
        frequency = frequency[row_codes]
        if config.bias:
            row_codes = np.append(self._bias_code, row_codes)
            frequency = np.append(n_texts, frequency)
        space = FeatureSpace(config, self.pool, self.word_ends, row_codes, frequency, n_texts)
        space._table = self._table
        return space

    def grow(
        self,
        texts: MarkedTexts,
        n_threads: int = 1,
        labels: Labels | None = None,
        counts: np.ndarray | None = None,
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Return a space that knows these texts as well, and their features in it.

        Rows keep their numbers; new features get new rows after them. New words enter when
        these texts alone have them `min_count` times, new features when `min_df` of these texts
        have them; `max_features` is no limit here.

        Parameters
        ----------
        texts : MarkedTexts
        n_threads : int
        labels : Labels, optional
            Of the same texts.
        counts : int64[n_labels], optional
            How often each label occurs in these texts and those before; default: in these.

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        vocabulary = Vocabulary()
        return self.grow_chunks(
            [vocabulary.add(texts, n_threads)], vocabulary, n_threads, labels, counts=counts
        )

    def grow_chunks(
        self,
        chunks: Iterable[NumberedTexts | MarkedTexts],
        vocabulary: Vocabulary,
        n_threads: int = 1,
        labels: Labels | None = None,
        entries: Entries | None = None,
        counts: np.ndarray | None = None,
    ) -> tuple[FeatureSpace, FeatureMatrix]:
        """Return a space that knows texts that come in chunks as well; see `grow`.

        Parameters
        ----------
        chunks : iterable of NumberedTexts or MarkedTexts
        vocabulary : Vocabulary
            Of the same texts.
        n_threads, labels, counts
            As in `grow`.
        entries : Entries, optional
            Where the features are kept; default: in memory.

        Returns
        -------
        FeatureSpace, FeatureMatrix
        """
        from fasttext_lite.features.entries import Entries

        config, n_old = self.config, self.n_words
        pool, word_ends = vocabulary.words(config)
        known = set(self.words())
        new = [i for i, word in enumerate(words_in(pool, word_ends)) if word not in known]
        new_pool, new_ends = gather_words(pool, word_bounds(word_ends)[np.array(new, np.int64)])
        pool = np.concatenate([self.pool, new_pool])
        word_ends = np.concatenate([self.word_ends, self.pool.size + new_ends])
        shift = word_ends.size - n_old
        old_codes = np.where(self.row_codes < n_old, self.row_codes, self.row_codes + shift)
        raw = FeatureSpace.without_rows(config, pool, word_ends)
        entries = Entries() if entries is None else entries
        added = raw.take_codes(chunks, vocabulary, entries, n_threads)
        added[-1] = len(entries) if self.has_bias else 0
        frequency = self.frequency + added[old_codes]
        added[old_codes] = 0
        new_codes = np.flatnonzero(added >= (config.min_df or 1))
        new_codes = new_codes[np.argsort(-added[new_codes], kind="stable")]
        space = FeatureSpace(
            config,
            pool,
            word_ends,
            np.concatenate([old_codes, new_codes]),
            np.concatenate([frequency, added[new_codes]]),
            self.n_texts + len(entries),
            np.concatenate([self.gains, np.ones(new_codes.size, np.float32)]),
        )
        space.number(entries, n_threads)
        return space, space._finish(entries, self.n_rows, labels, n_threads, counts)

    def with_words(self, words: Sequence[bytes]) -> FeatureSpace:
        """Return a space that has rows for some words more; see `with_rows`.

        Parameters
        ----------
        words : sequence of bytes
            All different, none with a row already.

        Returns
        -------
        FeatureSpace
        """
        code_of = {word: code for code, word in enumerate(self.words())}
        new = [word for word in words if word not in code_of]
        code_of.update(zip(new, range(self.n_words, self.n_words + len(new)), strict=True))
        old = np.where(
            self.row_codes < self.n_words, self.row_codes, self.row_codes + np.int32(len(new))
        )
        sizes = np.array([len(word) for word in new], np.int64)
        space = FeatureSpace(
            self.config,
            np.append(self.pool, np.frombuffer(b"".join(new), np.uint8)),
            np.append(self.word_ends, self.pool.size + np.cumsum(sizes)),
            old, self.frequency, self.n_texts, self.gains,
        )  # fmt: skip
        return space.with_rows(np.array([code_of[word] for word in words], np.int32))

    def with_rows(self, codes: np.ndarray) -> FeatureSpace:
        """Return a space with rows for some words more, which no text that was seen has.

        Rows keep their numbers, the new ones follow. What a new word tells about the labels is
        not known: the median of the words that have a row is taken.

        Parameters
        ----------
        codes : int32[n_new]
            Of words of the vocabulary without a row.

        Returns
        -------
        FeatureSpace
        """
        known = self.gains[self.row_codes < self.n_words]
        gain = np.median(known) if known.size else 1.0
        return FeatureSpace(
            self.config, self.pool, self.word_ends,
            np.append(self.row_codes, codes),
            np.append(self.frequency, np.zeros(codes.size, np.int32)),
            self.n_texts,
            np.append(self.gains, np.full(codes.size, gain, np.float32)),
        )  # fmt: skip

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
        found = self.codes_of(texts, n_threads)
        self._number(found, 0, len(texts), n_threads)
        self._weigh(found, 0, len(texts), n_threads)
        n = rows_kernels.compact(
            found.starts, found.lengths, 0, len(texts), 0, found.codes, found.counts
        )
        found.starts[-1] = n
        return FeatureMatrix(found.codes[:n], found.counts[:n], found.starts)

    def _finish(
        self,
        entries: Entries,
        n_old: int,
        labels: Labels | None,
        n_threads: int,
        counts: np.ndarray | None = None,
    ) -> FeatureMatrix:
        """Turn the counts of entries into weights, and measure the gains of rows from `n_old`."""
        if labels is not None:
            self._measure_gains(entries.parts, n_old, labels, n_threads, counts)
        entries.replace(lambda found, a, b: self._weigh(found, a, b, n_threads))
        return entries.finish(are_long=bool(self.config.max_features))

    def _with_pseudo_count(self, entries: Entries, labels: Labels | None) -> Config:
        """Return the settings with a pseudo-count, estimated where it is left open."""
        config = self.config
        if config.pseudo_count is not None:
            return config
        found = 1.0
        if labels is not None and config.supervision and labels.ids.size:
            from fasttext_lite.features.gains import estimate_pseudo_count

            found = estimate_pseudo_count(entries.parts, labels, self.frequency)
        return config.replace(pseudo_count=found)

    def _measure_gains(
        self,
        parts: Parts,
        n_old: int,
        labels: Labels,
        n_threads: int,
        counts: np.ndarray | None = None,
    ) -> None:
        """Measure the gains of rows from `n_old`; `counts` as of `grow`."""
        if not self.config.supervision or not labels.ids.size:
            return
        from fasttext_lite.features.gains import write_gains

        first_row = max(n_old, int(n_old == 0 and self.has_bias))  # the bias tells nothing
        write_gains(
            parts, labels, self.frequency, first_row, self.config.pseudo_count or 1.0, self.gains,
            n_threads, counts,
        )  # fmt: skip

    def codes_of(self, texts: MarkedTexts, n_threads: int) -> Codes:
        """Return the codes of texts, with gaps between documents."""
        n_docs = len(texts)
        n_codes = np.empty(n_docs, np.int64)
        buffer, marks, offsets = texts.buffer, texts.marks, texts.offsets

        def count(first: int, last: int) -> None:
            codes_kernels.count_codes(buffer, marks, offsets, first, last, self.options, n_codes)

        run_ranges(count, n_docs, n_threads)
        starts = np.zeros(n_docs + 1, np.int64)
        np.cumsum(n_codes, out=starts[1:])
        total = int(starts[-1])
        found = Codes(
            starts,
            n_codes,
            np.empty(total, np.int32),
            np.empty(total, np.float32),
            np.empty(n_docs, np.float32),
        )
        table, word_offsets, eos_word = self._table, self._word_offsets, self.eos_word

        def extract(first: int, last: int) -> None:
            codes_kernels.extract_codes(
                buffer, marks, offsets, first, last,
                table, self.pool, word_offsets, self.options, eos_word,
                found.starts, found.codes, found.counts, found.lengths, found.shares,
            )  # fmt: skip

        run_ranges(extract, n_docs, n_threads)
        return found

    def take_codes(
        self,
        chunks: Iterable[NumberedTexts | MarkedTexts],
        vocabulary: Vocabulary,
        entries: Entries,
        n_threads: int,
    ) -> np.ndarray:
        """Append the codes of all chunks to entries.

        Returns
        -------
        int32[n_codes]
            How many documents have each code; 0 for the bias, the last.
        """
        frequency = np.zeros(self._bias_code + 1, np.int32)
        found: Iterator[Codes] = self._codes_of_chunks(chunks, vocabulary, n_threads)
        if n_threads > 1 and promised() is None:  # else there is no room for another chunk
            found = ahead(found, 1)
        for each in found:
            rows_kernels.count_documents(entries.append(each), frequency)
        entries.complete()
        frequency[-1] = 0
        return frequency

    def _codes_of_chunks(
        self,
        chunks: Iterable[NumberedTexts | MarkedTexts],
        vocabulary: Vocabulary,
        n_threads: int,
    ) -> Iterator[Codes]:
        """Yield the codes of each chunk."""
        known: WordCodes | None = None
        for texts in chunks:
            if isinstance(texts, MarkedTexts):
                yield self.codes_of(texts, n_threads)
            else:
                words = self._table, self.pool, self._word_offsets
                known = known or WordCodes(vocabulary, words, self.options, self.eos_word)
                yield known.extract(texts, n_threads)

    def count(self, entries: Entries) -> np.ndarray:
        """Return how many documents have each code, int32[n_codes]; 0 for the bias, the last."""
        frequency = np.zeros(self._bias_code + 1, np.int32)
        for codes, *_ in entries.parts():
            rows_kernels.count_documents(codes, frequency)
        frequency[-1] = 0
        return frequency

    def dense(self, codes: np.ndarray, n_texts: np.ndarray) -> np.ndarray:
        """Return what `count` returns, of some codes and how many texts have each."""
        frequency = np.zeros(self._bias_code + 1, np.int32)
        frequency[codes] = n_texts
        return frequency

    def with_gains(self, gains: np.ndarray, pseudo_count: float) -> FeatureSpace:
        """Return the space with gains, and the pseudo-count that they were found with."""
        return FeatureSpace(
            self.config.replace(pseudo_count=pseudo_count), self.pool, self.word_ends,
            self.row_codes, self.frequency, self.n_texts, gains,
        )  # fmt: skip

    def number(self, entries: Entries, n_threads: int = 1, n_codes: int | None = None) -> None:
        """Replace the codes of entries by rows, in place; codes without a row vanish.

        Parameters
        ----------
        entries : Entries
        n_threads : int
        n_codes : int, optional
            All codes are less; default: those that this vocabulary has.
        """
        rows = np.full(n_codes or self._bias_code + 1, -1, np.int32)
        rows[self.row_codes] = np.arange(self.n_rows, dtype=np.int32)

        def change(found: Codes, first: int, last: int) -> None:
            def number(a: int, b: int) -> None:
                rows_kernels.number_codes(
                    found.starts, found.lengths, first + a, first + b, found.codes, found.counts,
                    rows,
                )  # fmt: skip

            run_ranges(number, last - first, n_threads)

        entries.replace(change)

    def _number(self, found: Codes, first: int, last: int, n_threads: int) -> None:
        """Replace the codes of documents `first` to `last` - 1 by rows, as far as there are."""
        table = self._rows

        def number(a: int, b: int) -> None:
            rows_kernels.number_rows(
                found.starts, found.lengths, first + a, first + b, found.codes, found.counts, table
            )

        run_ranges(number, last - first, n_threads)

    def _weigh(self, found: Codes, first: int, last: int, n_threads: int) -> None:
        """Replace the counts of documents `first` to `last` - 1 by weights."""
        weigh(found, first, last, self.factors, self.bias_row, n_threads)


def weigh(
    found: Codes, first: int, last: int, factors: np.ndarray, bias_row: int, n_threads: int = 1
) -> None:
    """Replace the counts of documents `first` to `last` - 1 by weights.

    Parameters
    ----------
    found : Codes
        With rows in place of codes.
    first, last : int
    factors : float32[n_rows], bias_row : int
        As of `FeatureSpace`.
    n_threads : int
    """

    def work(a: int, b: int) -> None:
        weighing_kernels.weigh_rows(
            found.starts, found.lengths, first + a, first + b, found.codes, found.counts,
            factors, _LOGS, found.shares, bias_row,
        )  # fmt: skip

    run_ranges(work, last - first, n_threads)


def most_frequent(frequency: np.ndarray, min_df: int, most: int) -> np.ndarray:
    """Return the codes that `min_df` texts have, most frequent first; the first `most`; 0 = all.

    Parameters
    ----------
    frequency : int32[n_codes]
    min_df, most : int
    """
    if most:
        there = frequency[frequency >= min_df]  # few of all codes
        if most < there.size:
            there.partition(there.size - most)
            least = int(there[-most])
            del there
            codes = np.flatnonzero(frequency > least)
            equal = np.flatnonzero(frequency == least)[: most - codes.size]
            codes = codes[np.argsort(-frequency[codes], kind="stable")]
            return np.append(codes, equal)
    codes = np.flatnonzero(frequency >= min_df)
    return codes[np.argsort(-frequency[codes], kind="stable")]
