"""The trained thing: analyzer + feature space + weights + label tree.  Predict and embed.

A `Model` does not change after it is made and may be used from many threads at once.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.compiled.paging import PagedTable
from fasttext_lite.config.fields import Config
from fasttext_lite.config.foreign import unexpected
from fasttext_lite.config.losses import LINKS, LOSSES, Loss
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, bounded
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.choice import Choice
from fasttext_lite.model.limits import (
    CACHE_MB,
    FEW_TEXTS,
    LONGEST,
    MAX_SELECTED,
    RANGE_BYTES,
    check_beam,
    check_cache,
)
from fasttext_lite.model.predictions import Predictions
from fasttext_lite.model.run import Run
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.parallel import cpu_count, even_bounds, run_bounds, run_ranges
from fasttext_lite.text.analyzers import analyze, can_mark_one, class_of_characters

if TYPE_CHECKING:
    from fasttext_lite.label_tree.tree import LabelTree
    from fasttext_lite.model.packed import Packed
    from fasttext_lite.model.workers import Worker, Workers

# Documents scored at a time: bounds the memory of scores at chunk x labels x 8 bytes.
CHUNK_SCORES = 1 << 22
NEAR_SCORES = 1 << 16  # scores that are looked at while they are in the cache
RANGE_WORK = 1 << 29  # multiplications between two looks at Ctrl-C
THREAD_WORK = 1 << 17  # multiplications that are worth a thread

ALL_LABELS = -1  # in place of a number of labels, as in fastText

_NOT_FINITE = "numbers of the model, or sums of them, are not finite: its file is damaged"


def _nothing() -> np.ndarray:
    return np.empty((0, 0), np.float32)


@dataclass(eq=False, kw_only=True, repr=False)
class Model:
    """A trained classifier.

    Parameters
    ----------
    config : Config
        Resolved: no None, no "auto" loss.
    labels : list of str
        Names of the labels.
    label_counts : int64[n_labels]
        How often each occurred in training.
    n_texts : int
        Number of training texts.
    space : FeatureSpace
    embeddings : float32[n_rows, dim]
        Or float16, as `Config.dtype` says; sums are float32.  Or a `PagedTable`: then the attribute
        reads what is still missing of it when it is first asked for, and `table` does not.
    output : float32[n_labels, dim]; float32[n_labels - 1, dim] for the loss hs
    tree : LabelTree, optional
        For the loss hs.
    multilabel : bool
        Whether training rows had other than one label each.
    norm : float32[4, dim], optional
        Of the normalisation, see `network.forward`.
    layer : float32[units, dim + 1], optional
        The hidden layer, see `network.forward`.
    calibration : Calibration, optional
        How scores become probabilities; None: as the loss says, in models of the past, whose
        losses of one vs all judge each label by itself whatever the texts are.
    choice : Choice, optional
        How settings that were left open were chosen, where several were tried.
    run : Run, optional
        How the training was run, where that is not the usual way.
    threshold : Threshold, optional
        Of probabilities, where `tune` has found one.
    abstention : Abstention, optional
        From which probability on the model answers, where the training was asked for that.
    packed : packed.Packed, optional
        What the file of a quantised model holds in place of `space` and `embeddings`.
    """

    # Older pickles hold the values in this order: what is new goes to the end.
    config: Config
    labels: list[str]
    label_counts: np.ndarray
    n_texts: int
    space: FeatureSpace
    embeddings: np.ndarray
    output: np.ndarray
    tree: LabelTree | None = None
    multilabel: bool = False
    norm: np.ndarray = field(default_factory=_nothing)
    layer: np.ndarray = field(default_factory=_nothing)
    packed: Packed | None = None
    calibration: Calibration | None = None
    choice: Choice | None = None
    run: Run | None = None
    threshold: Threshold | None = None
    abstention: Abstention | None = None

    def __post_init__(self) -> None:
        self.label_counts = np.asarray(self.label_counts, np.int64)
        self.n_texts = int(self.n_texts)
        if isinstance(self.embeddings, PagedTable):
            self.table: PagedTable | np.ndarray = self.embeddings
            del self.embeddings  # `__getattr__` completes it
        else:
            table = np.ascontiguousarray(self.embeddings, self.config.table_dtype)
            self.table = self.embeddings = read_only(table)
        self.output = read_only(np.ascontiguousarray(self.output, np.float32))
        if not self.norm.size:
            self.norm = np.empty((0, self.dim), np.float32)
        if not self.layer.size:
            self.layer = np.empty((0, self.dim + 1), np.float32)
        tree = self.tree
        self._is_identity = _is_identity(self.output) and tree is None
        self._children = read_only(np.zeros((0, 2), np.int32) if tree is None else tree.children)

    _cache_mb = float(CACHE_MB)
    _beam = 0

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> np.ndarray:
            """Return the embeddings that are missing as yet: all of the table is read."""
            table = vars(self).get("table")
            if name != "embeddings" or not isinstance(table, PagedTable):
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")
            self.embeddings = table.complete()
            return self.embeddings

    def replace(self, **changes: Any) -> Model:
        """Return a copy with some of the arguments of the constructor changed."""
        changes.setdefault("embeddings", self.table)
        new = dataclasses.replace(self, **changes)
        new.cache, new.beam = self.cache, self.beam
        return new

    def __getstate__(self) -> dict[str, Any]:
        """Return the arguments of the constructor; of a quantised model its small form alone."""
        state = {name: getattr(self, name) for name in _names_of_fields()}
        if self.packed is not None:
            from fasttext_lite.model.packed import narrowed_if_same

            output = narrowed_if_same(self.output)
            state |= {"space": None, "embeddings": None, "output": output}
        if self._cache_mb != CACHE_MB:
            state["cache"] = self._cache_mb
        if self._beam:
            state["beam"] = self._beam
        return state

    def __setstate__(self, state: dict[str, Any] | tuple) -> None:
        if isinstance(state, tuple):
            state = dict(zip(_names_of_fields(), state, strict=False))
        if state["embeddings"] is None:
            from fasttext_lite.model.packed import unpack_tables

            parts = state["packed"], state["config"], state["n_texts"]
            state["space"], state["embeddings"] = unpack_tables(*parts)
        cache, beam = state.pop("cache", CACHE_MB), state.pop("beam", 0)
        self.__init__(**state)  # type: ignore[misc]
        self.cache, self.beam = cache, beam

    def sorted_by_label(self) -> Model:
        """Return the same model with its labels in the order of their names."""
        n = len(self.labels)
        order = np.array(sorted(range(n), key=lambda i: self.labels[i]), np.int64)
        output, tree = self.output, self.tree
        if tree is None:
            output = output[order]
        else:
            place = np.append(np.argsort(order), np.arange(n, 2 * n - 1)).astype(np.int32)
            tree = type(tree)(place[tree.children])
        labels = [self.labels[i] for i in order]
        return self.replace(
            labels=labels, label_counts=self.label_counts[order], output=output, tree=tree
        )

    @property
    def dim(self) -> int:
        """Size of the pooled vector."""
        return self.table.shape[1]

    @property
    def hidden_size(self) -> int:
        """Size of the hidden vector that `embed` returns and the output table sees."""
        return self.output.shape[1]

    @property
    def _most_docs(self) -> int:
        """Documents to score in one go, so that Ctrl-C is heard in between."""
        return max(1, RANGE_WORK // self.output.size)

    @property
    def _least_docs(self) -> int:
        """Documents whose scores are worth a thread."""
        return max(1, min(256, THREAD_WORK // self.output.size))

    @property
    def loss(self) -> Loss:
        """What is to be known of the loss that the model was trained with."""
        return LOSSES[self.config.loss]

    @property
    def link(self) -> str:
        """How scores become probabilities, one of `config.losses.LINKS`."""
        link, calibration = self.loss.link, self.calibration
        if calibration is None:
            return link
        if link == "tree":
            return "softmax" if calibration.power else link
        return "softmax" if link == "sigmoid" and not self.multilabel else link

    @property
    def scale(self) -> float:
        """Factor of the inner products before the link."""
        return float(self.loss.scale) if self.calibration is None else self.calibration.scale

    @property
    def power(self) -> float:
        """See `Calibration.power`; 0 where there is none."""
        if self.calibration is None or self.link != "softmax":
            return 0.0
        return self.calibration.power

    @property
    def is_distribution(self) -> bool:
        """Whether the probabilities of a text sum to 1; else each label is judged by itself."""
        return self.link != "sigmoid"

    @property
    def prior(self) -> np.ndarray:
        """Share of each label in training, float64[n_labels].

        Of the label occurrences, summing to 1; of the texts where each label is judged by itself.
        """
        counts = self.label_counts.astype(np.float64)
        if self.is_distribution:
            return counts / max(counts.sum(), 1)
        return np.minimum(counts / max(self.n_texts, 1), 1.0)

    def features(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> FeatureMatrix:
        """Return the known features of texts (which may be features already)."""
        if isinstance(texts, FeatureMatrix):
            return texts
        if not isinstance(texts, Texts):
            texts = Texts.from_sequence(texts)
        n_threads = n_threads or cpu_count()
        return self.space.transform(analyze(texts, self.config, n_threads), n_threads)

    def embed(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> np.ndarray:
        """Return the hidden vector of each text: what the output table sees.

        The weighted sum of its features' rows, after normalisation and hidden layer if any.

        Parameters
        ----------
        texts : Texts, FeatureMatrix, or iterable of str or of token lists
        n_threads : int, optional
            Default: all processors.

        Returns
        -------
        float32[n_texts, hidden_size]
            Without norm and hidden layer, zero for a text without a known feature.
        """
        return self._hidden(texts, n_threads)[0]

    def _hidden(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return hidden vectors, and how many known features (with the bias) each text has."""
        n_threads = n_threads or cpu_count()
        if isinstance(self.table, PagedTable):
            self.table.check_unchanged()
        if isinstance(texts, FeatureMatrix):
            n_features = np.diff(texts.indptr)
            hidden = self._hidden_of_features(texts, n_threads)
            _check_finite(hidden)
        else:
            if not isinstance(texts, Texts):
                texts = Texts.from_sequence(texts)
            hidden, n_features = self._hidden_of_texts(texts, n_threads)
        return self.forward(hidden), n_features

    def _hidden_of_features(self, features: FeatureMatrix, n_threads: int) -> np.ndarray:
        from fasttext_lite.compiled.needed import load_rows
        from fasttext_lite.model.kernels.predict import embed_documents

        hidden = np.empty((len(features), self.dim), np.float32)
        table, paged = self._rows_of_numbers, self._paged

        def embed(first: int, last: int) -> None:
            if paged is not None:
                load_rows(paged, features.ids[features.indptr[first] : features.indptr[last]])
            embed_documents(
                features.ids, features.weights, features.indptr, first, last, table, hidden
            )

        run_ranges(embed, len(features), n_threads)
        return hidden

    def _hidden_of_texts(self, texts: Texts, n_threads: int) -> tuple[np.ndarray, np.ndarray]:
        hidden = np.empty((len(texts), self.dim), np.float32)
        n_features = np.empty(len(texts), np.int64)
        workers = self._workers

        def embed(first: int, last: int) -> None:
            part = analyze(texts.slice(first, last), self.config)
            workers.embed(part, hidden[first:last], n_features[first:last])
            _check_finite(hidden[first:last])

        run_bounds(embed, even_bounds(texts.offsets, RANGE_BYTES), n_threads)
        return hidden, n_features

    @property
    def cache(self) -> float:
        """Megabytes of memory for words that were seen, of each thread that predicts.

        6 unless it is set, and 4 bytes more for each row of the model. What a word becomes is
        remembered, so that it is not worked out again; no answer changes. Setting it makes the
        model forget.

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
        for name in ("_workers", "_quick"):
            vars(self).pop(name, None)

    @property
    def beam(self) -> int:
        """Nodes of each depth of the label tree that are opened to find the best labels; 0 = exact.

        With 0 the labels are the best, however many nodes that takes; with 10 or 20 they nearly
        always are, in a fraction of the time where there are very many (docs/many-labels.md). For
        the loss hs where no more than 32 labels are asked for; else it changes nothing.

        Raises
        ------
        ValueError
            When it is set to what is no whole number from 0 to 4096.
        """
        return self._beam

    @beam.setter
    def beam(self, width: int) -> None:
        check_beam(width)
        self._beam = int(width)
        for name in ("_workers", "_quick"):
            vars(self).pop(name, None)

    @property
    def _rows_of_numbers(self) -> np.ndarray:
        """The embeddings as kernels take them: float16, which Numba does not know, as uint16."""
        table = self.table
        array = table.array if isinstance(table, PagedTable) else table
        return array.view(np.uint16) if array.dtype == np.float16 else array

    def loaded_table(self, rows: np.ndarray) -> np.ndarray:
        """Return the embeddings as kernels take them, with some rows read from the file at least.

        Parameters
        ----------
        rows : int32[n]

        Returns
        -------
        float32[n_rows, dim], or uint16[n_rows, dim] that holds float16
        """
        if self._paged is not None:
            from fasttext_lite.compiled.needed import load_rows

            load_rows(self._paged, rows)
        return self._rows_of_numbers

    def forward(self, pooled: np.ndarray) -> np.ndarray:
        """Return what the output table sees of weighted sums of rows; see `network.forward`."""
        if self.config.norm == "none" and not self.config.units:
            return pooled
        from fasttext_lite.model.network import forward

        with np.errstate(over="ignore", invalid="ignore"):
            hidden = forward(pooled, self.config, self.norm, self.layer)
        _check_finite(hidden)
        return hidden

    @property
    def _paged(self) -> PagedTable | None:
        """The embeddings, where blocks of them may be missing."""
        table = self.table
        return table if isinstance(table, PagedTable) and not table.is_complete else None

    @cached_property
    def _workers(self) -> Workers:
        """What texts are made vectors with.

        Made on first use; threads that come at once may each make one.
        """
        from fasttext_lite.model.workers import Workers
        from fasttext_lite.text.normalize import lower_table

        config, paged = self.config, self._paged
        classes, lowercase = np.empty(0, np.uint8), False
        if can_mark_one(config):
            classes = class_of_characters(config.analyzer, config.lone_marks, config.script_rules)
            lowercase = config.lowercase
        pages, deltas = lower_table(lowercase, False, False)
        arrays = (
            classes, *self.space.tables, self._rows_of_numbers, self.output, self._children,
            self.prior[None], np.asarray(pages, np.uint16), deltas,
            np.array([self.scale, self.power]),
            np.empty(0, np.uint8) if paged is None else paged.there,
        )  # fmt: skip
        is_half = self.table.dtype == np.float16
        numbers = [
            LINKS.index(self.link), int(self._is_identity), int(is_half), int(lowercase),
            0 if paged is None else paged.shift, self._beam,
        ]  # fmt: skip
        return Workers(
            arrays, numbers, len(self.labels), int(config.word_ngrams or 1), self._cache_mb,
            None if paged is None else paged.load,
        )  # fmt: skip

    @cached_property
    def _quick(self) -> Workers | None:
        """What single texts are classified with; None where that takes more than compiled code."""
        config = self.config
        if not can_mark_one(config) or config.norm != "none" or config.units:
            return None
        return self._workers

    def _classify(self, text: str, k: int, threshold: float) -> tuple[int, Worker]:
        """Classify one text of up to `LONGEST` characters.

        Parameters
        ----------
        k : int
            0 = all probabilities are asked for.

        Returns
        -------
        n : int
            Known features, without the bias.
        worker : Worker
            That holds the answer, and is to be given back.
        """
        workers = self._quick
        assert workers is not None
        worker = workers.take()
        n = workers.entry(text, worker.numbers, k, threshold)
        if n < 0:
            n, worker = workers.again(n, worker, text, k, threshold)
            if n < 0:
                workers.give_back(worker)
                raise ModelError(_NOT_FINITE)
        return n - (n > 0 and self.space.has_bias), worker

    def _is_few(self, texts: Any) -> bool:
        """Whether texts are a list that is best classified one after another."""
        if type(texts) is not list or not 0 < len(texts) <= FEW_TEXTS:
            return False
        size = 0
        for text in texts:
            if type(text) is not str:
                return False
            size += len(text)
        return size <= LONGEST and self._quick is not None

    def predict_one(
        self, text: str, k: int = 1, threshold: float = 0.0, **others: NoReturn
    ) -> list[tuple[str, float]]:
        """Return the best labels of one text: the quickest way to classify a single one.

        Parameters
        ----------
        text : str
        k : int
            Most labels; -1, or more than there are labels, means all of them.
        threshold : float
            Least probability of a label, in [0, 1].

        Returns
        -------
        list of (str, float)
            Label and probability, likeliest first. A text without a known feature gets the
            class prior.

        Raises
        ------
        ValueError
            If k or threshold is out of range.
        TypeError
            If text is not a str.
        """
        if (
            type(text) is str
            and type(k) is int
            and 0 < k <= MAX_SELECTED
            and type(threshold) is float
            and 0.0 <= threshold <= 1.0
            and len(text) <= LONGEST
            and not others
            and (workers := self._quick) is not None
        ):
            try:
                worker = workers.idle.pop()
            except IndexError:
                worker = workers.new()
            n = workers.entry(text, worker.numbers, k, threshold)
            if n < 0:
                n, worker = workers.again(n, worker, text, k, threshold)
            names, found = self.labels, worker.labels
            if k > 1:
                pairs = zip(found[:k], worker.best[:k], strict=True)
                result = [(names[i], p) for i, p in pairs if i >= 0]
            else:
                i = found[0]
                result = [(names[i], worker.best[0])] if i >= 0 else []
            workers.idle.append(worker.origin or worker)
            if n < 0:
                raise ModelError(_NOT_FINITE)
            return result
        if others:
            _refuse("predict_one", others, ["text", "k", "threshold"])
        return self._predict_any(text, k, threshold)

    def _predict_any(self, text: str, k: int, threshold: float) -> list[tuple[str, float]]:
        """Do what `predict_one` does, whatever it is given."""
        check_top(k, threshold)
        if not isinstance(text, str):
            raise TypeError(f"text must be str; got {type(text).__name__}")
        k = n_asked(k, len(self.labels))
        text = str.__str__(text)  # of a class derived from it
        if k <= MAX_SELECTED and len(text) <= LONGEST and self._quick is not None:
            return self.predict_one(text, k, float(threshold))
        return self.predict([text], k, threshold, 1).rows()[0]

    def scores(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> np.ndarray:
        """Return each label's score, float64[n_texts, n_labels].

        What softmax or sigmoid makes `probabilities` of; for hs the labels' log-probabilities. A
        text without a known feature gets the score of the class prior.
        """
        hidden, n_features = self._hidden(texts, n_threads)
        scores = np.empty((len(hidden), len(self.labels)))
        run_ranges(
            self._scorer(hidden, scores), len(hidden), n_threads or cpu_count(), self._most_docs
        )
        _check_finite(scores)
        unknown = n_features == 0
        if unknown.any():
            prior = np.clip(self.prior, 1e-12, 1 - 1e-12)
            odds = 0.0 if self.is_distribution else np.log1p(-prior)
            scores[unknown] = np.log(prior) - odds
        # Those of models of the past are the inner products.
        return scores / self.scale if self.calibration is None else scores

    def probabilities(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> np.ndarray:
        """Return each label's probability, float64[n_texts, n_labels].

        Rows sum to 1 where each text has one label; else each label is judged by itself. A text
        without a known feature gets the class prior.
        """
        return self.judge(texts, n_threads)[0]

    def judge(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return what `probabilities` returns, and the number of known features of each text.

        Returns
        -------
        probabilities : float64[n_texts, n_labels]
        n_features : int64[n_texts]
        """
        if self._is_few(texts):
            assert isinstance(texts, list)
            result, counts = np.empty((len(texts), len(self.labels))), []
            for i, text in enumerate(texts):
                n, worker = self._classify(text, 0, 0.0)
                result[i] = worker.scores[0]
                self._workers.give_back(worker)
                counts.append(n)
            return result, np.array(counts)
        hidden, n_features = self._hidden(texts, n_threads)
        result = np.empty((len(hidden), len(self.labels)))
        run_ranges(
            self._judge(hidden, n_features > 0, result),
            len(hidden),
            n_threads or cpu_count(),
            self._most_docs,
            self._least_docs,
        )
        return result, self._without_bias(n_features)

    def _without_bias(self, n_features: np.ndarray) -> np.ndarray:
        return n_features - (self.space.has_bias & (n_features > 0))

    def _scorer(self, hidden: np.ndarray, scores: np.ndarray) -> Callable[[int, int], None]:
        from fasttext_lite.model.kernels.predict import score_labels

        def score(first: int, last: int) -> None:
            score_labels(
                hidden, first, last, self.output, self._children, self._is_identity, self.scale,
                self.power, scores,
            )  # fmt: skip

        return score

    def _judge(
        self, hidden: np.ndarray, known: np.ndarray, result: np.ndarray
    ) -> Callable[[int, int], None]:
        from fasttext_lite.model.kernels.predict import scores_to_probabilities

        score = self._scorer(hidden, result)
        link, prior = self.link, self.prior

        def judge(first: int, last: int) -> None:
            score(first, last)
            if not scores_to_probabilities(result, first, last, link == "softmax", link == "tree"):
                raise ModelError(_NOT_FINITE)
            result[first:last][~known[first:last]] = prior

        return judge

    def predict(
        self,
        texts: Texts | FeatureMatrix | Iterable[Any],
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
        **others: NoReturn,
    ) -> Predictions:
        """Return the best labels of each text, one row for each, always.

        Parameters
        ----------
        texts : Texts, FeatureMatrix, or iterable of str or of token lists
        k : int
            Most labels for a text; -1, or more than there are labels, means all of them.
        threshold : float
            Least probability of a label, in [0, 1].
        n_threads : int, optional
            Default: all processors.

        Returns
        -------
        Predictions
            Label ids (`Predictions.labels`) and probabilities as arrays; the names of the labels
            are in `Predictions.names`, both together in `Predictions.rows`.

        Raises
        ------
        ValueError
            If k or threshold is out of range.
        """
        if others:
            _refuse("predict", others, ["texts", "k", "threshold", "n_threads"])
        check_top(k, threshold)
        k = n_asked(k, len(self.labels))
        if k <= MAX_SELECTED and self._is_few(texts):
            assert isinstance(texts, list)
            return self._predict_few(texts, k, float(threshold))
        hidden, n_features = self._hidden(texts, n_threads)
        labels = np.empty((len(hidden), k), np.int32)
        best = np.empty((len(hidden), k))
        search = self._search if self.link == "tree" and k <= MAX_SELECTED else self._select
        run_ranges(
            lambda first, last: search(
                hidden, n_features > 0, threshold, labels, best, first, last
            ),
            len(hidden),
            n_threads or cpu_count(),
            self._most_docs,
            self._least_docs,
        )
        return Predictions(labels, best, self._without_bias(n_features), self.labels)

    def predict_batch(
        self,
        texts: Any,
        k: int = 1,
        threshold: float = 0.0,
        threads: int | None = None,
        **others: NoReturn,
    ) -> Predictions:
        """Return the best labels of each text of a list or column, as `predict`.

        Parameters
        ----------
        texts : list, tuple, generator, array or Series of str; column of Arrow
            Columns of Arrow (pyarrow's Array and ChunkedArray, a Series of polars, one of pandas
            whose type is a string's) are read as they lie in memory, without a Python object for
            each text.
        k : int
            Most labels for a text; -1, or more than there are labels, means all of them.
        threshold : float
            Least probability of a label, in [0, 1].
        threads : int, optional
            Default: all processors.

        Returns
        -------
        Predictions
            In the order of the texts. A null of a column has no label: -1 in `Predictions.labels`.

        Raises
        ------
        ValueError
            If k or threshold is out of range, or threads below 1.
        TypeError
            If there is anything but texts; the message has the position.
        InputError
            If pyarrow is needed and not installed.
        """
        if others:
            _refuse("predict_batch", others, ["texts", "k", "threshold", "threads"])
        if threads is not None and threads < 1:
            raise ValueError(
                bounded(f"threads must be at least 1, or None for all; got {threads!r}")
            )
        valid = None
        if type(texts) is not list:
            texts, valid = Texts.with_nulls(texts)
        found = self.predict(texts, k, threshold, threads)
        if valid is None:
            return found
        nulls = ~valid
        for column, nothing in (
            (found.labels, -1), (found.probabilities, 0.0), (found.n_features, 0),
        ):  # fmt: skip
            column[nulls] = nothing
        return found

    def _predict_few(self, texts: list[str], k: int, threshold: float) -> Predictions:
        """Return the best labels of a few texts, one after another."""
        labels, best, counts = array("i"), array("d"), array("q")
        for text in texts:
            n, worker = self._classify(text, k, threshold)
            labels += worker.labels[:k]
            best += worker.best[:k]
            self._workers.give_back(worker)
            counts.append(n)
        shape = len(texts), k
        return Predictions(
            np.frombuffer(labels, np.int32).reshape(shape),
            np.frombuffer(best, np.float64).reshape(shape),
            np.frombuffer(counts, np.int64),
            self.labels,
        )

    def _prior_labels(self, k: int, threshold: float) -> tuple[np.ndarray, np.ndarray]:
        """Return the best labels of a text without features: int32[1, k], float64[1, k]."""
        from fasttext_lite.model.kernels.predict import select_top

        labels, best = np.empty((1, k), np.int32), np.empty((1, k))
        select_top(self.prior[None, :], 0, 1, float(threshold), labels, best)
        return labels, best

    def _search(
        self,
        hidden: np.ndarray,
        known: np.ndarray,
        threshold: float,
        labels: np.ndarray,
        best: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        """Find the best labels by search in the label tree."""
        tables, least = (self.output, self._children, self.scale), float(threshold)
        if self._beam:
            from fasttext_lite.model.kernels.beam import search_beam

            is_good = search_beam(hidden, first, last, *tables, self._beam, least, labels, best)
        else:
            from fasttext_lite.model.kernels.predict import search_tree

            is_good = search_tree(hidden, first, last, *tables, least, labels, best)
        if not is_good:
            raise ModelError(_NOT_FINITE)
        unknown = first + np.flatnonzero(~known[first:last])
        if unknown.size:
            labels[unknown], best[unknown] = self._prior_labels(labels.shape[1], threshold)

    def _select(
        self,
        hidden: np.ndarray,
        known: np.ndarray,
        threshold: float,
        labels: np.ndarray,
        best: np.ndarray,
        first: int,
        last: int,
    ) -> None:
        """Find the best labels among the probabilities of all, some documents at a time."""
        from fasttext_lite.model.kernels.predict import select_top

        step = max(1, NEAR_SCORES // len(self.labels))
        k = labels.shape[1]
        for a in range(first, last, step):
            part = slice(a, min(a + step, last))
            size = part.stop - part.start
            found = np.empty((size, len(self.labels)))
            self._judge(hidden[part], known[part], found)(0, size)
            if k <= MAX_SELECTED:
                select_top(found, 0, size, float(threshold), labels[part], best[part])
                continue
            order = np.argsort(-found, axis=1, kind="stable")[:, :k]
            best[part] = np.take_along_axis(found, order, axis=1)
            labels[part] = np.where(best[part] >= threshold, order, -1)
            best[part][labels[part] < 0] = 0


def _check_finite(numbers: np.ndarray) -> None:
    if not np.isfinite(numbers).all():
        raise ModelError(_NOT_FINITE)


def _names_of_fields() -> list[str]:
    return [entry.name for entry in dataclasses.fields(Model)]


def _refuse(method: str, others: Mapping[str, Any], known: Sequence[str]) -> NoReturn:
    """Raise `TypeError` for keywords that a method does not have.

    A decorator would cost as much as a good part of a short text.
    """
    raise TypeError(unexpected(f"Model.{method}", next(iter(others)), known))


def _is_identity(table: np.ndarray) -> bool:
    """Return whether a table is the identity (and zeros after it), as with a linear head."""
    n, dim = table.shape
    return n <= dim and np.count_nonzero(table) == n and bool((np.diagonal(table) == 1).all())


def most_texts(n_labels: int, k: int) -> int:
    """Return how many texts to predict at a time for k labels each, in bounded memory."""
    return max(1, CHUNK_SCORES // max(1, n_asked(k, n_labels)))


def n_asked(k: int, n_labels: int) -> int:
    """Return how many labels a text gets at most, where k is asked for; -1 = all."""
    return n_labels if k == ALL_LABELS else min(int(k), n_labels)


def check_top(k: Any, threshold: Any) -> None:
    """Raise `ValueError` unless k is -1 or a whole number from 1, and threshold in [0, 1]."""
    if type(k) is int and k > 0 and type(threshold) is float and 0.0 <= threshold <= 1.0:
        return  # what follows takes longer than many a text
    whole = isinstance(k, int | np.integer) and not isinstance(k, bool)
    if not whole or (k < 1 and k != ALL_LABELS):
        raise ValueError(
            bounded(
                f"k must be a whole number of at least 1, or {ALL_LABELS} for all labels; got {k!r}"
            )
        )
    number = isinstance(threshold, int | float | np.number) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise ValueError(bounded(f"threshold must be a number from 0 to 1; got {threshold!r}"))
