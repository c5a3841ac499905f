"""The model class of fastText's Python package, under its names; see `compat.python.functions`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy import empty

from fasttext_lite.compat.engine import CACHE_MB
from fasttext_lite.compat.files import binary
from fasttext_lite.compat.files.arguments import MODELS
from fasttext_lite.compat.files.dictionary import EOS, as_array, as_bytes
from fasttext_lite.compat.meter import Meter
from fasttext_lite.compat.model import BLOCK_NUMBERS, FastTextModel
from fasttext_lite.compat.program.printing import Report
from fasttext_lite.compat.python.arguments import (
    ATTRIBUTES,
    SUPERVISED_NAMES,
    Path,
    as_number,
    as_path,
    as_whole,
    field_of,
    loss_name,
    model_name,
)
from fasttext_lite.compat.python.meter import _Meter
from fasttext_lite.compat.python.text import TOKENS, list_of, one_line, token_bytes, utf8
from fasttext_lite.config.foreign import FASTTEXT_KEYWORD, with_advice
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import bounded
from fasttext_lite.model.limits import FEW_TEXTS
from fasttext_lite.model.predictions import Predictions, as_lists

NO_LABEL, NO_ANSWER = -1, -9
INT32, FLOAT32 = np.dtype(np.int32), np.dtype(np.float32)  # quicker than the types themselves
_NEWLINE = 10


# -- names ---------------------------------------------------------------------------------
class _Names(dict[int, str]):
    """Names of labels by number, decoded when they are first needed: some may not be UTF-8."""

    def __init__(self, names: Sequence[bytes], errors: str) -> None:
        super().__init__()
        self._source, self._errors = names, errors

    @cached_property
    def all(self) -> list[str]:
        """All names in order."""
        return [self[i] for i in range(len(self._source))]

    @cached_property
    def quick(self) -> Sequence[str] | _Names:
        """All names if all can be decoded: a list is asked in half the time."""
        try:
            return self.all
        except UnicodeDecodeError:
            return self

    def __missing__(self, number: int) -> str:
        name = self[number] = self._source[number].decode("utf-8", self._errors)
        return name


def _decoded(found: Iterable[tuple[float, bytes]], errors: str) -> list[tuple[float, str]]:
    return [(score, word.decode("utf-8", errors)) for score, word in found]


# -- the model -------------------------------------------------------------------------------
class _Internal:
    """What code that reaches for ``model.f`` most often finds there."""

    def __init__(self, owner: _FastText) -> None:
        self._owner = owner

    def predict(
        self, text: str, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Return probabilities and labels of a line, with its newline behind it."""
        labels, scores = self._owner.predict(
            text.partition("\n")[0], k, threshold, on_unicode_error
        )
        return list(zip(scores.tolist(), labels, strict=True))

    def multilinePredict(  # noqa: N802 - fastText's name
        self, texts: list[str], k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> tuple[list[list[str]], list[np.ndarray]]:
        """Return labels and probabilities of lines, each with its newline behind it."""
        lines = [text.partition("\n")[0] for text in texts]
        return self._owner.predict(lines, k, threshold, on_unicode_error)

    def getArgs(self) -> SimpleNamespace:  # noqa: N802 - fastText's name
        """Return the arguments of the model."""
        args = self._owner.model.args
        values = {name: getattr(args, field_of(name)) for name in SUPERVISED_NAMES}
        values["loss"] = loss_name[args.loss]
        values["model"] = model_name[MODELS[args.model].command]
        return SimpleNamespace(**values)


class _FastText:
    """A model; `load_model` and the functions that train make it.

    Parameters
    ----------
    model_path : str or path-like, optional
    args : object, optional
        Its attributes named like arguments of training become attributes of the model.
    """

    def __init__(self, model_path: Path | None = None, args: Any = None) -> None:
        self._words: list[str] | None = None
        self._labels: list[str] | None = None
        self._model: FastTextModel | None = None
        self._names: dict[str, _Names] = {}
        if model_path is not None:
            self._model = FastTextModel.load(as_path("path", model_path))
        self.set_args(args)

    @property
    def model(self) -> FastTextModel:
        """The model itself.

        Raises
        ------
        ValueError
            If nothing was loaded or trained.
        """
        if self._model is None:
            raise ValueError("there is no model: use load_model or train_supervised")
        return self._model

    @property
    def f(self) -> _Internal:
        """A stand-in for fastText's compiled object, with a few of its methods."""
        return _Internal(self)

    def __reduce__(self) -> tuple[Any, ...]:
        attributes = {name: vars(self)[name] for name in ATTRIBUTES if name in vars(self)}
        return _restored, (self.model.parts, attributes, self.model.cache)

    def set_args(self, args: Any = None) -> None:
        """Take over arguments of training as attributes."""
        if args:
            for name in ATTRIBUTES:
                setattr(self, name, getattr(args, name))

    def is_quantized(self) -> bool:
        """Return whether the model is quantised."""
        return self.model.is_quantized

    def get_dimension(self) -> int:
        """Return the size of a vector."""
        return self.model.dim

    # -- prediction

    def predict(
        self, text: Any, k: int = 1, threshold: float = 0.0, on_unicode_error: str = "strict"
    ) -> Any:
        """Return the best labels of a line of text, or of each line of a list.

        Parameters
        ----------
        text : str or list of str
            Without newlines. A tuple, an array or a Series is as good as a list.
        k : int
            Most labels; -1 = all.
        threshold : float
            Least probability.
        on_unicode_error : str
            What to do about labels that are not UTF-8; see `bytes.decode`.

        Returns
        -------
        labels : tuple of str
            Of a list: a list of lists.
        probabilities : float64[n]
            Of a list: a list of float32[n].

        Raises
        ------
        ValueError
            If there is a newline in the text, `k` is 0 or below -1, or the model is not supervised.
        """
        if type(k) is not int or type(threshold) is not float:
            k, threshold = as_whole("k", k), as_number("threshold", threshold)
        if type(text) is not str:
            return self._predict_any(text, k, threshold, on_unicode_error)
        model = self._model or self.model
        engine = model.engines.get(True) or model.engine()
        state = engine.state  # kept: another thread may renew it
        names = self._names.get(on_unicode_error) or self._names_of(on_unicode_error)
        if k == 1:
            score = empty(1)
            label = engine.predict_top(text, state.numbers, threshold, score)
            if label >= 0:
                return (names[label],), score
            if label == NO_LABEL:
                return (), score[:0]
        elif (width := engine.n_labels if k == -1 else min(k, engine.n_labels)) > 0:
            labels, scores = empty(width, INT32), empty(width)
            n = engine.predict_text(text, state.numbers, threshold, labels, scores)
            if n >= 0:
                every = names.quick
                if n < width:
                    labels, scores = labels[:n], scores[:n]
                return tuple([every[i] for i in labels.tolist()]), scores
        found, scores = self._predict_text(text, k, threshold)
        return tuple([names[i] for i in found]), scores

    def _predict_any(self, text: Any, k: int, threshold: float, errors: str) -> Any:
        """Predict as `predict` does, what is not exactly a str."""
        if isinstance(text, str):
            return self.predict(str.__str__(text), k, threshold, errors)
        texts = text if type(text) is list else list_of(text)
        names = self._names_of(errors)
        if len(texts) > FEW_TEXTS or not all([type(each) is str for each in texts]):
            return self._predict_list(texts, k, threshold, names)
        all_labels, all_scores = [], []
        engine = self.model.engine()
        for each in texts:
            label, scores = NO_ANSWER, empty(1)
            if k == 1:
                state = engine.state  # kept, as in `predict`
                label = engine.predict_top(each, state.numbers, threshold, scores)
            if label >= 0:
                all_labels.append([names[label]])
            else:
                found, scores = self._predict_text(each, k, threshold)
                all_labels.append([names[i] for i in found])
            all_scores.append(scores.astype(FLOAT32))
        return all_labels, all_scores

    def _predict_text(self, text: str, k: int, threshold: float) -> tuple[list[int], np.ndarray]:
        """Return the numbers of the best labels of a text, and their probabilities."""
        try:
            return (self._model or self.model).predict_text(text, k, threshold)
        except ValueError:
            one_line(text, "predict")  # fastText's words for it, if it is the text
            raise

    def _names_of(self, errors: str) -> _Names:
        names = self._names.get(errors)
        if names is None:
            names = self._names[errors] = _Names(self.model.dictionary.labels, errors)
        return names

    def _predict_list(
        self, texts: list[Any], k: int, threshold: float, names: _Names
    ) -> tuple[list[list[str]], list[np.ndarray]]:
        all_labels: list[list[str]] = []
        all_scores: list[np.ndarray] = []
        model = self.model
        step = max(1, BLOCK_NUMBERS // (model.width(k) + 1))
        for first in range(0, len(texts), step):
            data, starts = _joined(texts[first : first + step], "predict")
            found = model.predict(data, starts, k, threshold)
            labels, scores = as_lists(found.labels, found.scores, names.__getitem__)
            all_labels += labels
            all_scores += scores
        return all_labels, all_scores

    def predict_batch(
        self,
        texts: Any,
        k: int = 1,
        threshold: float = 0.0,
        threads: int | None = None,
        exact: bool = True,
        on_unicode_error: str = "strict",
    ) -> Predictions:
        """Return the best labels of many texts, as arrays; line breaks in a text are spaces.

        Parameters
        ----------
        texts : iterable of str, or a column of Arrow
            A list, tuple, generator, array or Series; of `pyarrow.Array`, `ChunkedArray` and what
            hands itself over as these (a Series of polars) no Python object is made for a text.
            A null of a column or of a Series has no label. A lone surrogate of a str, which
            `predict` refuses, is the three bytes that it would be.
        k, threshold, on_unicode_error
            As in `predict`.
        threads : int, optional
            Default: all processors.
        exact : bool
            Whether probabilities are those of fastText to the last bit. False is quicker: sums of
            words are remembered, so that sums round differently, by some 1e-6.

        Returns
        -------
        Predictions
            Numbers of labels, int32[n_texts, k] (-1 = none), their probabilities,
            float32[n_texts, k], and their names. It unpacks into the two lists that `predict`
            returns of a list.

        Raises
        ------
        TypeError
            If it is one text, or holds anything but texts.
        ValueError
            If `k` is 0 or below -1, `threads` is below 1, or the model is not supervised.
        """
        k, threshold = as_whole("k", k), as_number("threshold", threshold)
        if threads is not None and as_whole("threads", threads) < 1:
            raise ValueError(
                bounded(f"threads must be at least 1, or None for all; got {threads!r}")
            )
        documents, valid = Texts.with_nulls(texts)
        if documents.token_ends is not None:
            raise TypeError("texts must be str; got lists of tokens: ' '.join(tokens) makes a text")
        found = self.model.predict_documents(
            documents.buffer, documents.offsets, k, threshold, threads, exact
        )
        if valid is not None:
            found.labels[~valid], found.scores[~valid], found.n_rows[~valid] = -1, 0, 0
        names = self._names_of(on_unicode_error)
        return Predictions(found.labels, found.scores, found.n_rows, names.all)

    @property
    def cache(self) -> float:
        """Megabytes of memory for words that were seen, 64 unless it is set; 0 = none.

        What a word becomes is remembered, so that it is not worked out again; no answer changes.
        `predict` and exact batches share one memory, other batches have another of this size.
        Setting it makes them forget.
        """
        return self.model.cache

    @cache.setter
    def cache(self, megabytes: float) -> None:
        self.model.cache = megabytes

    def test(self, path: Path, k: int = 1, threshold: float = 0.0) -> tuple[int, float, float]:
        """Return the number of examples of a labelled file, precision and recall."""
        meter = self._meter(path, k, threshold)
        return meter.n_examples, meter.precision(), meter.recall()

    def _meter(self, path: Path, k: int, threshold: float) -> Meter:
        k, threshold = as_whole("k", k), as_number("threshold", threshold)
        return Meter.of(self.model, as_path("path", path), k, threshold)

    def test_label(
        self, path: Path, k: int = 1, threshold: float = 0.0
    ) -> dict[str, dict[str, float]]:
        """Return precision, recall and F1 of each label on a labelled file; NaN if undefined."""
        meter = self._meter(path, k, threshold)
        metrics = {}
        for number, label in enumerate(self.model.dictionary.labels):
            counts = meter.counts(number)
            metrics[label.decode()] = {
                "precision": counts.precision, "recall": counts.recall, "f1score": counts.f1_score,
            }  # fmt: skip
        return metrics

    def get_meter(self, path: Path, k: int = -1) -> _Meter:
        """Return the metrics of a labelled file; k labels of each line are predicted, -1 = all."""
        return _Meter(self, self._meter(path, k, 0.0))

    # -- dictionary

    def get_words(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """Return the words; with `include_freq`, and how often each occurred, int64[n_words]."""
        dictionary = self.model.dictionary
        words = [word.decode("utf-8", on_unicode_error) for word in dictionary.words]
        return (words, dictionary.counts[: len(words)].copy()) if include_freq else words

    def get_labels(self, include_freq: bool = False, on_unicode_error: str = "strict") -> Any:
        """Return the labels, as `get_words` does; of word vectors the words."""
        if not self.model.is_supervised:
            return self.get_words(include_freq)
        dictionary = self.model.dictionary
        labels = [label.decode("utf-8", on_unicode_error) for label in dictionary.labels]
        return (labels, dictionary.label_counts.copy()) if include_freq else labels

    @property
    def words(self) -> list[str]:
        """The words, most frequent first."""
        if self._words is None:
            self._words = self.get_words()
        return self._words

    @property
    def labels(self) -> list[str]:
        """The labels, most frequent first."""
        if self._labels is None:
            self._labels = self.get_labels()
        return self._labels

    def __contains__(self, word: object) -> bool:
        if not isinstance(word, str):
            return False
        return 0 <= self.model.dictionary.find(word) < self.model.dictionary.n_words

    def get_word_id(self, word: str) -> int:
        """Return the number of a word, -1 if it is unknown; labels follow the words."""
        return self.model.dictionary.find(utf8(word))

    def get_label_id(self, label: str) -> int:
        """Return the number of a label, -1 if it is unknown."""
        number = self.get_word_id(label)
        return number if number == -1 else number - self.model.dictionary.n_words

    def get_subword_id(self, subword: str) -> int:
        """Return the row of the input table that an n-gram of characters is hashed to."""
        if self.model.args.bucket < 1:
            raise ValueError("the model has no buckets for n-grams")
        dictionary = self.model.dictionary
        return dictionary.n_words + dictionary.bucket_of(utf8(subword))

    def get_subwords(
        self, word: str, on_unicode_error: str = "strict"
    ) -> tuple[list[str], np.ndarray]:
        """Return a word and its n-grams of characters, and the row of each, int64[n]."""
        texts, ids = self.model.dictionary.subwords(utf8(word))
        return [text.decode("utf-8", on_unicode_error) for text in texts], np.array(ids.tolist())

    def get_line(self, text: Any, on_unicode_error: str = "strict") -> Any:
        """Return the words of a line, and its labels that the model knows; lists for a list."""
        if type(text) is list:
            lines = [one_line(entry, "get_line") for entry in text]
            pairs = [self._line(line, on_unicode_error) for line in lines]
            return [words for words, _ in pairs], [labels for _, labels in pairs]
        return self._line(one_line(text, "get_line"), on_unicode_error)

    def _line(self, line: bytes, errors: str) -> tuple[list[str], list[str]]:
        dictionary = self.model.dictionary
        prefix = as_bytes(self.model.args.label)
        words, labels = [], []
        for token in map(token_bytes, TOKENS.findall(line)):
            number = dictionary.find(token)
            is_label = number >= dictionary.n_words if number >= 0 else token.startswith(prefix)
            if not is_label:
                words.append(token.decode("utf-8", errors))
            elif number >= 0:
                labels.append(token.decode("utf-8", errors))
            if token == EOS.encode():
                break
        return words, labels

    # -- vectors

    def get_word_vector(self, word: str) -> np.ndarray:
        """Return the vector of a word, known or not, float32[dim]."""
        return self.model.word_vector(utf8(word))

    def __getitem__(self, word: str) -> np.ndarray:
        return self.get_word_vector(word)

    def get_sentence_vector(self, text: str) -> np.ndarray:
        """Return the vector of a line of text, float32[dim]."""
        return self.model.sentence_vector(one_line(text, "predict")[:-1])

    def get_input_vector(self, ind: int) -> np.ndarray:
        """Return a row of the input table, float32[dim]."""
        return self.model.rows([as_whole("ind", ind)])[0]

    def get_input_matrix(self) -> np.ndarray:
        """Return a copy of the input table, float32[n_rows, dim]; ValueError if quantised."""
        return self.model.input_matrix()

    def get_output_matrix(self) -> np.ndarray:
        """Return a copy of the output table, float32[n_rows, dim]; ValueError if quantised."""
        return self.model.output_matrix()

    def get_nearest_neighbors(
        self, word: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Return cosine and word of the nearest words, nearest first."""
        return _decoded(self.model.neighbors(utf8(word), self._most(k)), on_unicode_error)

    def get_analogies(
        self, wordA: str, wordB: str, wordC: str, k: int = 10, on_unicode_error: str = "strict"
    ) -> list[tuple[float, str]]:
        """Return cosine and word of the words nearest to A - B + C."""
        a, b, c = utf8(wordA), utf8(wordB), utf8(wordC)
        return _decoded(self.model.analogies(a, b, c, self._most(k)), on_unicode_error)

    def _most(self, k: int) -> int:
        if as_whole("k", k) == 0:
            raise ValueError("k needs to be 1 or higher, or below 0 for all words; got 0")
        return k if k > 0 else self.model.dictionary.n_words

    # -- changes

    def set_matrices(self, input_matrix: np.ndarray, output_matrix: np.ndarray) -> None:
        """Put other tables in the place of the model's.

        Raises
        ------
        ValueError
            If they do not fit the dictionary or each other.
        """
        self._change(
            self.model.with_tables(
                np.asarray(input_matrix, np.float32), np.asarray(output_matrix, np.float32)
            )
        )

    def _change(self, model: FastTextModel) -> None:
        model.cache = self.model.cache
        self._model, self._names = model, {}
        self._words = self._labels = None

    @with_advice(place=FASTTEXT_KEYWORD)
    def quantize(
        self,
        input: Path | None = None,  # noqa: A002 - fastText's name
        qout: bool = False,
        cutoff: int = 0,
        retrain: bool = False,
        epoch: int | None = None,
        lr: float | None = None,
        thread: int | None = None,
        verbose: int | None = None,
        dsub: int = 2,
        qnorm: bool = False,
    ) -> None:
        """Compress the model in place.

        Parameters
        ----------
        input : str or path-like, optional
            The training text, for `retrain`.
        qout : bool
            Compress the output table, too.
        cutoff : int
            Rows kept; 0 = all.
        retrain : bool
            Train on with the rows kept.
        epoch, lr, thread, verbose : optional
            For `retrain`; else those of the model.
        dsub : int
            Numbers that one byte stands for.
        qnorm : bool
            Compress the lengths of the rows apart.

        Raises
        ------
        ValueError
            If the model is not supervised or is quantised, or the file is missing.
        """
        if retrain and not input:
            raise ValueError("Need input file path if retraining: quantize(input=PATH, ...)")
        from fasttext_lite.compat.training import quantize as training

        own = self.model.args
        args = own.replace(
            input=as_path("input", input) if input else "",
            qout=bool(qout), retrain=bool(retrain), qnorm=bool(qnorm),
            cutoff=as_whole("cutoff", cutoff), dsub=as_whole("dsub", dsub),
            epoch=as_whole("epoch", epoch or own.epoch), lr=as_number("lr", lr or own.lr),
            thread=as_whole("thread", thread or own.thread),
            verbose=as_whole("verbose", verbose or own.verbose),
        )  # fmt: skip
        args.check("{}".format)
        report = Report(args.verbose)
        self._change(training.quantize(self.model, args, callback=report.progress))
        report.finish(True)

    def save_model(self, path: Path) -> None:
        """Write the model as fastText does; an old file stays if that goes wrong."""
        self.model.save(as_path("path", path))


def wrapped(model: FastTextModel, attributes: dict[str, Any] | None = None) -> _FastText:
    """Return a model under fastText's names.

    Parameters
    ----------
    model : FastTextModel
    attributes : dict, optional
        Arguments that become attributes; default: those of the model.
    """
    new = _FastText()
    new._model = model
    if attributes is None:
        new.set_args(new.f.getArgs())
    else:
        vars(new).update(attributes)
    return new


def _restored(
    parts: binary.ModelParts, attributes: dict[str, Any], cache: float = CACHE_MB
) -> _FastText:
    """Return a model that was pickled; pickles know this function by its name."""
    new = wrapped(FastTextModel(parts), attributes)
    new.cache = cache
    return new


def _joined(texts: list[Any], function: str) -> tuple[np.ndarray, np.ndarray]:
    """Return lines, each with a newline behind it, as bytes, and where each begins and all end."""
    try:
        text = "\n".join(texts)
    except TypeError:
        text = ""
    if not text or text.count("\n") != len(texts) - 1:
        for entry in texts:
            one_line(entry, function)
    data = as_array(utf8(text) + b"\n")
    ends = np.flatnonzero(data == _NEWLINE) + 1
    return data, np.append(0, ends)
