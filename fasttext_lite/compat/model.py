"""A model of fastText: predicts, embeds and answers questions as fastText 0.9.2 does.

fasttext.cc and loss.cc; see `compat.kernels` for the rules.  A model does not change after it
is made (`quantize` and `set_matrices` of the Python face make a new one).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fasttext_lite.compat.engine import CACHE_MB, Engine
from fasttext_lite.compat.files import binary
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array, as_bytes
from fasttext_lite.compat.files.tables import DenseTable, is_finite, kernel_table, not_finite
from fasttext_lite.compat.files.vec import write_vec
from fasttext_lite.compat.kernels import text as kernels
from fasttext_lite.compat.kernels.predict import HAS_NEWLINE, IS_MISSING, IS_STALE
from fasttext_lite.compat.kernels.scores import HAS_NAN
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import ModelError
from fasttext_lite.model.limits import check_cache
from fasttext_lite.model.quantization import QuantizedMatrix
from fasttext_lite.parallel import cpu_count, run_ranges

_BAD_K = "k needs to be 1 or higher, or -1 for all labels; got {}"
MOST_LOOKED_UP = 1 << 10  # words whose rows are read one by one; for more, all rows are
_INT32 = np.dtype(np.int32)  # an array of it is made in three quarters of the time
BLOCK_NUMBERS = 1 << 22  # of results of a block of examples


@dataclass(frozen=True)
class Found:
    """The best labels of each example.

    Attributes
    ----------
    labels : int32[n_examples, k]
        Best first; -1 behind the last.
    scores : float32[n_examples, k]
        fastText's probabilities, p + 1e-5; 0 behind the last.
    n_rows : int64[n_examples]
        Rows of the input table behind each; where 0, there is no label.
    """

    labels: np.ndarray
    scores: np.ndarray
    n_rows: np.ndarray

    def counts(self) -> np.ndarray:
        """Return how many labels each example has, int64[n_examples]."""
        return np.count_nonzero(self.labels >= 0, axis=1)


class FastTextModel:
    """A model with fastText's behaviour.

    Parameters
    ----------
    parts : ModelParts
        Arguments, dictionary and tables.
    """

    def __init__(self, parts: ModelParts) -> None:
        self.args: Args = parts.args
        self.dictionary: Dictionary = parts.dictionary
        self.input = parts.input
        self.output = parts.output
        self._cache_mb: float = CACHE_MB
        self.engines: dict[bool, Engine] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.parts, self._cache_mb)

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool | None = None) -> FastTextModel:
        """Read a ``.bin`` or ``.ftz`` file; see `binary.read`."""
        return cls(binary.read(path, mmap))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write a file that fastText reads, too; see `binary.write`."""
        binary.write(self.parts, path)

    def save_vectors(self, path: str | os.PathLike[str]) -> None:
        """Write the vectors of all words as text; see `vec.write_vec`."""
        write_vec(path, self.dictionary.words, self.all_word_vectors())

    def save_output(self, path: str | os.PathLike[str]) -> None:
        """Write the output table as text, a row for each label (or word, for word vectors).

        Raises
        ------
        ModelError
            If the model is quantised, or the file cannot be written.
        """
        if self.is_quantized:
            raise ModelError("Option -saveOutput is not supported for quantized models.")
        names = self.dictionary.labels if self.is_supervised else self.dictionary.words
        write_vec(path, names, self.output.decode()[: len(names)])

    @property
    def parts(self) -> ModelParts:
        """What the model is made of."""
        return ModelParts(self.args, self.dictionary, self.input, self.output)

    @property
    def is_quantized(self) -> bool:
        """Whether the input table is product-quantised."""
        return isinstance(self.input, QuantizedMatrix)

    @property
    def is_supervised(self) -> bool:
        """Whether the model predicts labels."""
        return self.args.is_supervised

    @property
    def dim(self) -> int:
        """Size of a vector."""
        return self.args.dim

    @property
    def _is_paged(self) -> bool:
        """Whether some rows are still in the file alone."""
        paged = self.input.paged if isinstance(self.input, DenseTable) else None
        return paged is not None and not paged.is_complete

    def _read_rows(self, rows: np.ndarray | None = None) -> None:
        """See to it that rows of the input table, default all, were read from the file."""
        if isinstance(self.input, DenseTable):
            self.input.read(rows)

    @cached_property
    def _table(self) -> kernels.KernelTable:
        return kernel_table(self.input)

    # -- prediction --------------------------------------------------------------------------

    def embed(
        self, data: np.ndarray, starts: np.ndarray, n_threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return the mean of each example's rows, and the number of these rows.

        Parameters
        ----------
        data : uint8[n_bytes]
            Read-only.
        starts : int64[n_examples + 1]
            See `Dictionary.split`.

        Returns
        -------
        hidden : float32[n_examples, dim]
        n_rows : int64[n_examples]
        """
        n = starts.size - 1
        hidden, n_found = np.empty((n, self.dim), np.float32), np.empty(n, np.int64)
        lexicon, table = self.dictionary.lexicon, self._table
        if self._is_paged:
            self._read_rows(self.dictionary.list(data, starts, n_threads or cpu_count()).ids)

        def embed(first: int, last: int) -> None:
            kernels.embed_examples(data, starts, first, last, lexicon, table, hidden, n_found)

        run_ranges(embed, n, n_threads or cpu_count())
        if not is_finite(hidden):
            raise not_finite()
        return hidden, n_found

    def engine(self, exact: bool = True) -> Engine:
        """Return what predicts; made on first use.

        Parameters
        ----------
        exact : bool
            Whether probabilities are fastText's to the last bit. Else sums of words are remembered,
            and with few labels what each row says of them: quicker, and as good but for rounding
            (`docs/speed.md` says by how much).

        Raises
        ------
        ValueError
            If the model is not supervised.
        """
        engine = self.engines.get(exact)
        if engine is None:
            if not self.is_supervised:
                raise ValueError("Model needs to be supervised for prediction!")
            engines, megabytes = self.engines, self._cache_mb
            engine = engines[exact] = Engine(self.parts, exact, megabytes)
        return engine

    @property
    def cache(self) -> float:
        """Megabytes of memory for words that were seen, of each engine; 0 = none.

        Raises
        ------
        ValueError
            When it is set to what is no size.
        """
        return self._cache_mb

    @cache.setter
    def cache(self, megabytes: float) -> None:
        check_cache(megabytes)
        self._cache_mb = megabytes
        self.engines = {}

    def width(self, k: int) -> int:
        """Return how many labels a text gets at most.

        Raises
        ------
        ValueError
            If k is 0 or below -1.
        """
        if k == 0 or k < -1:
            raise ValueError(_BAD_K.format(k))
        n_labels = self.dictionary.n_labels
        return n_labels if k == -1 else min(k, n_labels)

    def predict(
        self,
        data: np.ndarray,
        starts: np.ndarray,
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
        exact: bool = True,
    ) -> Found:
        """Return the best labels of examples.

        Parameters
        ----------
        data, starts
            As in `embed`; a newline within an example is a space.
        k : int
            Most labels; -1 = all.
        threshold : float
            Least probability.
        n_threads : int, optional
            Default: all processors.
        exact : bool
            See `engine`.

        Raises
        ------
        ValueError
            If k is 0 or below -1, or the model is not supervised.
        """
        return self._predict(data, starts[:-1], starts[1:], True, k, threshold, n_threads, exact)

    def _predict(
        self,
        data: np.ndarray,
        starts: np.ndarray,
        ends: np.ndarray,
        is_line: bool,
        k: int,
        threshold: float,
        n_threads: int | None,
        exact: bool,
    ) -> Found:
        engine, k = self.engine(exact), self.width(k)
        labels, scores, n_rows = engine.predict(
            read_only(data), starts, ends, is_line, k, float(threshold), n_threads or cpu_count()
        )
        return Found(labels[:, :k], scores[:, :k], n_rows)

    def predict_text(
        self, text: str, k: int = 1, threshold: float = 0.0
    ) -> tuple[list[int], np.ndarray]:
        """Return the best labels of one text, quickly.

        Parameters
        ----------
        text : str
            Without newlines; what follows </s> is not seen.
        k, threshold
            As in `predict`.

        Returns
        -------
        labels : list of int
            Best first.
        scores : float64[n]
            fastText's probabilities, float32 numbers.

        Raises
        ------
        ValueError
            As in `predict`; if there is a newline in the text, or a lone surrogate.
        """
        engine = self.engines.get(True) or self.engine()
        if k != 1:
            k = self.width(k)
        labels, scores = np.empty(k, _INT32), np.empty(k)
        state = engine.state  # kept: another thread may renew it
        n = engine.predict_text(text, state.numbers, threshold, labels, scores)
        if n == k:
            return labels.tolist(), scores
        if n == IS_STALE:
            engine.renew(state)
            return self.predict_text(text, k, threshold)
        if n == HAS_NAN:
            raise not_finite()
        if n == IS_MISSING:
            engine.read_rows(text.encode())
            n = engine.predict_text(text, state.numbers, threshold, labels, scores)
            if n == IS_MISSING:
                engine.read_rows(b"", has_asked=True)
            return self.predict_text(text, k, threshold)
        if n < 0:
            what = "a newline" if n == HAS_NEWLINE else "a lone surrogate"
            raise ValueError(f"the text has {what}, which a line of UTF-8 does not have")
        return labels[:n].tolist(), scores[:n]

    def predict_documents(
        self,
        data: np.ndarray,
        offsets: np.ndarray,
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
        exact: bool = True,
    ) -> Found:
        """Return the best labels of documents; line breaks within them are spaces.

        Parameters
        ----------
        data : uint8[n_bytes]
        offsets : int64[n_docs + 1]
            Document i is ``data[offsets[i]:offsets[i + 1]]``.
        k, threshold, n_threads, exact
            As in `predict`.

        Raises
        ------
        ValueError
            As in `predict`.
        """
        offsets = np.ascontiguousarray(offsets, np.int64)
        return self._predict(data, offsets[:-1], offsets[1:], False, k, threshold, n_threads, exact)

    def blocks(self, data: np.ndarray, k: int = 1) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield a text in blocks of whole examples: bytes, and where the examples begin."""
        k = self.dictionary.n_labels if k == -1 else min(k, self.dictionary.n_labels)
        most = max(1, BLOCK_NUMBERS // (k + 1 + self.dim))
        i = 0
        starts = np.empty(most + 1, np.int64)
        while i < data.size:
            n, end = kernels.split_examples(data, i, starts[:most], 0)
            starts[n] = end
            yield data, starts[: n + 1].copy()
            i = end

    def predict_texts(
        self,
        texts: Sequence[str | bytes],
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
    ) -> Found:
        """Return the best labels of texts, each of which is one example; see `predict`.

        A newline is put behind each; what follows a newline or </s> within it is not seen.
        """
        pieces = [as_bytes(text).partition(b"\n")[0] + b"\n" for text in texts]
        ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        return self.predict(as_array(b"".join(pieces)), ends, k, threshold, n_threads)

    def label_scores(
        self,
        data: np.ndarray,
        offsets: np.ndarray,
        labels: Sequence[int],
        n_threads: int | None = None,
        exact: bool = True,
    ) -> np.ndarray:
        """Return the probabilities of some labels.

        Parameters
        ----------
        data, offsets, n_threads, exact
            As in `predict_documents`.
        labels : sequence of int
            Their numbers.

        Returns
        -------
        float32[n_docs, n_asked]
            0 of a document without a row.

        Raises
        ------
        ValueError
            If there is no such label, or the model is not supervised.
        """
        wanted = np.array(labels, np.int32).reshape(-1)
        if np.any(wanted < 0) or np.any(wanted >= self.dictionary.n_labels):
            raise ValueError(f"labels are 0 to {self.dictionary.n_labels - 1}; got {list(labels)}")
        offsets = np.ascontiguousarray(offsets, np.int64)
        return self.engine(exact).score(
            read_only(data), offsets[:-1], offsets[1:], wanted, n_threads or cpu_count()
        )

    # -- vectors -----------------------------------------------------------------------------

    def word_vectors(self, words: Sequence[str | bytes]) -> np.ndarray:
        """Return a vector of each word, known or not; float32[n_words, dim]."""
        pieces = [as_bytes(word) for word in words]
        ends = np.cumsum([0, *map(len, pieces)], dtype=np.int64)
        offsets = np.stack([ends[:-1], ends[1:]], axis=1)
        return self._word_vectors(as_array(b"".join(pieces)), offsets)

    def word_vector(self, word: str | bytes) -> np.ndarray:
        """Return the vector of a word, known or not, float32[dim]; quickly."""
        vector = np.empty(self.dim, np.float32)
        data = as_array(as_bytes(word))
        if self._is_paged:
            self._read_rows(self.dictionary.rows_of(data))
        if not kernels.embed_word(data, *self.dictionary.lexicon, *self._table, vector):
            raise not_finite()
        return vector

    def all_word_vectors(self, n_threads: int | None = None) -> np.ndarray:
        """Return the vectors of the vocabulary, float32[n_words, dim]."""
        dictionary = self.dictionary
        offsets = dictionary.offsets[: dictionary.n_words]
        return self._word_vectors(dictionary.pool, offsets, n_threads)

    def _word_vectors(
        self, pool: np.ndarray, offsets: np.ndarray, n_threads: int | None = None
    ) -> np.ndarray:
        vectors = np.empty((len(offsets), self.dim), np.float32)
        lexicon, table = self.dictionary.lexicon, self._table
        if self._is_paged and len(offsets) > MOST_LOOKED_UP:
            self._read_rows()
        elif self._is_paged:
            for start, end in offsets.tolist():
                self._read_rows(self.dictionary.rows_of(pool[start:end]))

        def embed(first: int, last: int) -> None:
            kernels.embed_words(pool, offsets, first, last, lexicon, table, vectors)

        run_ranges(embed, len(offsets), n_threads or cpu_count())
        if not is_finite(vectors):
            raise not_finite()
        return vectors

    def sentence_vector(self, text: str | bytes) -> np.ndarray:
        """Return the vector of a text, float32[dim].

        The hidden vector of a supervised model; else the mean of the words' vectors, each
        divided by its length.
        """
        data = as_bytes(text)
        if self.is_supervised:
            array = as_array(data + b"\n")
            return self.embed(array, np.array([0, array.size]), 1)[0][0]
        words = data.partition(b"\n")[0].split()
        if not words:
            return np.zeros(self.dim, np.float32)
        vectors = self.word_vectors(words)
        norms = _norms(vectors)[:, 0]
        known = vectors[norms > 0] / norms[norms > 0, None]
        return known.mean(axis=0) if len(known) else np.zeros(self.dim, np.float32)

    def rows(self, ids: np.ndarray | Sequence[int]) -> np.ndarray:
        """Return rows of the input table, float32[n, dim].

        Raises
        ------
        ValueError
            If a row is out of range.
        """
        ids = np.asarray(ids, np.int64)
        if np.any(ids < 0) or np.any(ids >= self.input.shape[0]):
            raise ValueError(f"rows lie in 0 to {self.input.shape[0] - 1}; got {ids.tolist()}")
        return self.input.decode(ids)

    @cached_property
    def _unit_vectors(self) -> np.ndarray:
        vectors = self.all_word_vectors()
        norms = _norms(vectors)
        return np.divide(vectors, norms, out=vectors, where=norms > 0)

    def nearest(
        self, query: np.ndarray, k: int, banned: Sequence[str | bytes] = ()
    ) -> list[tuple[float, bytes]]:
        """Return the words whose vectors point most in the direction of `query`.

        Parameters
        ----------
        query : float32[dim]
        k : int
        banned : sequence of str or bytes
            Words left out.

        Returns
        -------
        list of (float, bytes)
            Cosine and word, nearest first.
        """
        norm = float(_norms(query[None])[0, 0])
        cosines = self._unit_vectors @ query.astype(np.float32)
        cosines /= np.float32(norm if norm >= 1e-8 else 1.0)
        banned_ids = {i for i in map(self.dictionary.find, banned) if 0 <= i < cosines.size}
        cosines[list(banned_ids)] = -np.inf
        k = min(k, cosines.size - len(banned_ids))
        if k < 1:
            return []
        best = np.argpartition(-cosines, k - 1)[:k]
        best = best[np.argsort(-cosines[best], kind="stable")]
        return [(float(cosines[i]), self.dictionary.entry(int(i))) for i in best]

    def neighbors(self, word: str | bytes, k: int = 10) -> list[tuple[float, bytes]]:
        """Return the nearest words of a word."""
        return self.nearest(self.word_vectors([word])[0], k, [word])

    def analogies(
        self, a: str | bytes, b: str | bytes, c: str | bytes, k: int = 10
    ) -> list[tuple[float, bytes]]:
        """Return the words nearest to a - b + c."""
        vectors = self.word_vectors([a, b, c])
        vectors /= _norms(vectors) + 1e-8
        return self.nearest(vectors[0] - vectors[1] + vectors[2], k, [a, b, c])

    # -- tables ------------------------------------------------------------------------------

    def input_matrix(self) -> np.ndarray:
        """Return the input table, float32[n_rows, dim].

        Raises
        ------
        ValueError
            If it is quantised.
        """
        if not isinstance(self.input, DenseTable):
            raise ValueError("Can't get quantized Matrix")
        return self.input.decode()

    def output_matrix(self) -> np.ndarray:
        """Return the output table, float32[n_outputs, dim]; see `input_matrix`."""
        if self.is_quantized or not isinstance(self.output, DenseTable):
            raise ValueError("Can't get quantized Matrix")
        return self.output.decode()

    def with_tables(self, rows: np.ndarray, output: np.ndarray) -> FastTextModel:
        """Return the model with other tables.

        Raises
        ------
        ModelError
            If they do not fit the dictionary or each other.
        """
        if rows.ndim != 2 or output.ndim != 2 or rows.shape[1] != output.shape[1]:
            raise ModelError(
                f"the tables need the same number of columns; got {rows.shape}, {output.shape}"
            )
        if rows.shape[0] < self.input.shape[0] or output.shape[0] < self.output.shape[0]:
            raise ModelError(
                f"the tables need {self.input.shape[0]} and {self.output.shape[0]} rows; got "
                f"{rows.shape[0]} and {output.shape[0]}"
            )
        args = self.args.replace(dim=rows.shape[1])
        return FastTextModel(
            ModelParts(args, self.dictionary, DenseTable.of(rows), DenseTable.of(output))
        )


def _norms(vectors: np.ndarray) -> np.ndarray:
    """Return the length of each vector, float32[n, 1].

    Raises
    ------
    NotFiniteError
        If one is too long for a float32 number, which a vector may be whose numbers are none.
    """
    with np.errstate(over="ignore"):
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    if not is_finite(norms):
        raise not_finite()
    return norms


def _restored(parts: ModelParts, megabytes: float) -> FastTextModel:
    """Return a model that was pickled; pickles know this function by its name."""
    new = FastTextModel(parts)
    new.cache = megabytes
    return new
