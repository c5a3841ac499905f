"""The trained thing: analyzer + feature space + weights + label tree.  Predict and embed.

A `Model` does not change after it is made and may be used from many threads at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.analyzers import analyze
from fasttext_lite.config import Config
from fasttext_lite.corpus import Texts, read_only
from fasttext_lite.features import FeatureMatrix, FeatureSpace
from fasttext_lite.label_tree import LabelTree
from fasttext_lite.network import forward
from fasttext_lite.parallel import cpu_count, run_ranges

# Documents scored at a time: bounds the memory of scores at chunk x labels x 8 bytes.
CHUNK_SCORES = 1 << 22
RANGE_WORK = 1 << 29  # multiplications between two looks at Ctrl-C
# Up to this many labels asked for, they are selected while searching; beyond, all are sorted.
MAX_SELECTED = 32


@dataclass(frozen=True)
class Predictions:
    """The best labels of each text.

    Attributes
    ----------
    labels : int32[n_texts, k]
        Label ids, likeliest first; -1 where the threshold left none.
    probabilities : float64[n_texts, k]
        In [0, 1]; 0 where there is no label.
    n_features : int64[n_texts]
        Known features of each text; where 0, the labels are those of the class prior.
    """

    labels: np.ndarray
    probabilities: np.ndarray
    n_features: np.ndarray


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
    output : float32[n_labels, dim]; float32[n_labels - 1, dim] for the loss hs
    tree : LabelTree, optional
        For the loss hs.
    multilabel : bool
        Whether training rows had other than one label each.
    norm : float32[4, dim], optional
        Of the normalisation, see `network.forward`.
    layer : float32[units, dim + 1], optional
        The hidden layer, see `network.forward`.
    """

    def __init__(
        self,
        config: Config,
        labels: list[str],
        label_counts: np.ndarray,
        n_texts: int,
        space: FeatureSpace,
        embeddings: np.ndarray,
        output: np.ndarray,
        tree: LabelTree | None = None,
        multilabel: bool = False,
        norm: np.ndarray | None = None,
        layer: np.ndarray | None = None,
    ) -> None:
        self.config = config
        self.labels = labels
        self.label_counts = np.asarray(label_counts, np.int64)
        self.n_texts = int(n_texts)
        self.space = space
        self.embeddings = read_only(np.ascontiguousarray(embeddings, np.float32))
        self.output = read_only(np.ascontiguousarray(output, np.float32))
        self.tree = tree
        self.multilabel = multilabel
        dim = self.embeddings.shape[1]
        self.norm = np.empty((0, dim), np.float32) if norm is None else norm
        self.layer = np.empty((0, dim + 1), np.float32) if layer is None else layer
        self._children = read_only(np.zeros((0, 2), np.int32) if tree is None else tree.children)

    def __getstate__(self) -> tuple:
        """Return the arguments of the constructor."""
        return (
            self.config,
            self.labels,
            self.label_counts,
            self.n_texts,
            self.space,
            self.embeddings,
            self.output,
            self.tree,
            self.multilabel,
            self.norm,
            self.layer,
        )

    def __setstate__(self, state: tuple) -> None:
        self.__init__(*state)  # type: ignore[misc]

    def sorted_by_label(self) -> Model:
        """Return the same model with its labels in the order of their names."""
        n = len(self.labels)
        order = np.array(sorted(range(n), key=lambda i: self.labels[i]), np.int64)
        output, tree = self.output, self.tree
        if tree is None:
            output = output[order]
        else:
            place = np.append(np.argsort(order), np.arange(n, 2 * n - 1)).astype(np.int32)
            tree = LabelTree(place[tree.children])
        labels = [self.labels[i] for i in order]
        return Model(
            self.config, labels, self.label_counts[order], self.n_texts, self.space,
            self.embeddings, output, tree, self.multilabel, self.norm, self.layer,
        )  # fmt: skip

    @property
    def dim(self) -> int:
        """Size of the pooled vector."""
        return self.embeddings.shape[1]

    @property
    def hidden_size(self) -> int:
        """Size of the hidden vector that `embed` returns and the output table sees."""
        return self.output.shape[1]

    @property
    def _most_docs(self) -> int:
        """Documents to score in one go, so that Ctrl-C is heard in between."""
        return max(1, RANGE_WORK // self.output.size)

    @property
    def prior(self) -> np.ndarray:
        """Share of each label in training, float64[n_labels].

        Of the label occurrences (summing to 1) for softmax and hs; of the texts for the
        losses that judge each label by itself (the others).
        """
        counts = self.label_counts.astype(np.float64)
        if self.config.loss in ("softmax", "hs"):
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
        return self._hidden(self.features(texts, n_threads), n_threads)

    def _hidden(self, features: FeatureMatrix, n_threads: int | None) -> np.ndarray:
        from fasttext_lite.kernels.predict import embed_documents

        hidden = np.empty((len(features), self.dim), np.float32)

        def embed(first: int, last: int) -> None:
            embed_documents(
                features.ids, features.weights, features.indptr, first, last,
                self.embeddings, hidden,
            )  # fmt: skip

        run_ranges(embed, len(features), n_threads or cpu_count())
        if self.config.norm == "none" and not self.config.units:
            return hidden
        return forward(hidden, self.config, self.norm, self.layer)

    def scores(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> np.ndarray:
        """Return each label's score, float64[n_texts, n_labels].

        Inner products before softmax or sigmoid; for hs the labels' log-probabilities. A text
        without a known feature gets the score of the class prior.
        """
        features = self.features(texts, n_threads)
        scores = np.empty((len(features), len(self.labels)))
        hidden = self._hidden(features, n_threads)
        run_ranges(
            self._scorer(hidden, scores), len(features), n_threads or cpu_count(), self._most_docs
        )
        unknown = np.diff(features.indptr) == 0
        if unknown.any():
            prior = np.clip(self.prior, 1e-12, 1 - 1e-12)
            loss = self.config.loss
            odds = 0.0 if loss in ("softmax", "hs") else np.log1p(-prior)
            # The hinge losses' probability is the sigmoid of twice the score (see `_judge`).
            half = 0.5 if loss in ("hinge", "squared_hinge") else 1.0
            scores[unknown] = half * (np.log(prior) - odds)
        return scores

    def probabilities(
        self, texts: Texts | FeatureMatrix | Iterable[Any], n_threads: int | None = None
    ) -> np.ndarray:
        """Return each label's probability, float64[n_texts, n_labels].

        Rows sum to 1 for softmax and hs; for ova and ns each label is judged by itself. A text
        without a known feature gets the class prior.
        """
        features = self.features(texts, n_threads)
        result = np.empty((len(features), len(self.labels)))
        hidden = self._hidden(features, n_threads)
        known = np.diff(features.indptr) > 0
        run_ranges(
            self._judge(hidden, known, result),
            len(known),
            n_threads or cpu_count(),
            self._most_docs,
        )
        return result

    def _scorer(self, hidden: np.ndarray, scores: np.ndarray) -> Callable[[int, int], None]:
        from fasttext_lite.kernels.predict import score_labels

        def score(first: int, last: int) -> None:
            score_labels(hidden, first, last, self.output, self._children, scores)

        return score

    def _judge(
        self, hidden: np.ndarray, known: np.ndarray, result: np.ndarray
    ) -> Callable[[int, int], None]:
        from fasttext_lite.kernels.predict import scores_to_probabilities

        score = self._scorer(hidden, result)
        loss, prior = self.config.loss, self.prior

        def judge(first: int, last: int) -> None:
            score(first, last)
            if loss in ("hinge", "squared_hinge"):
                # The squared hinge aims at 2 p - 1: the sigmoid of twice the score is near
                # p = (1 + score) / 2 where that lies in [0, 1], and never ties outside.
                result[first:last] *= 2
            scores_to_probabilities(result, first, last, loss == "softmax", loss == "hs")
            result[first:last][~known[first:last]] = prior

        return judge

    def predict(
        self,
        texts: Texts | FeatureMatrix | Iterable[Any],
        k: int = 1,
        threshold: float = 0.0,
        n_threads: int | None = None,
    ) -> Predictions:
        """Return the best labels of each text, one row for each, always.

        Parameters
        ----------
        texts : Texts, FeatureMatrix, or iterable of str or of token lists
        k : int
            Most labels for a text; more than there are labels means all of them.
        threshold : float
            Least probability of a label, in [0, 1].
        n_threads : int, optional
            Default: all processors.

        Returns
        -------
        Predictions

        Raises
        ------
        ValueError
            If k or threshold is out of range.
        """
        check_top(k, threshold)
        k = min(int(k), len(self.labels))
        features = self.features(texts, n_threads)
        n_features = np.diff(features.indptr)
        hidden = self._hidden(features, n_threads)
        labels = np.empty((len(features), k), np.int32)
        best = np.empty((len(features), k))
        search = self._search if self.tree is not None and k <= MAX_SELECTED else self._select
        run_ranges(
            lambda first, last: search(
                hidden, n_features > 0, threshold, labels, best, first, last
            ),
            len(features),
            n_threads or cpu_count(),
            self._most_docs,
        )
        return Predictions(labels, best, n_features - (self.space.has_bias & (n_features > 0)))

    def _search(self, hidden, known, threshold, labels, best, first, last) -> None:
        """Find the best labels by search in the label tree."""
        from fasttext_lite.kernels.predict import search_tree, select_top

        search_tree(
            hidden, first, last, self.output, self._children, float(threshold), labels, best
        )
        unknown = first + np.flatnonzero(~known[first:last])
        if unknown.size:
            prior_labels = np.empty((1, labels.shape[1]), np.int32)
            prior_best = np.empty((1, labels.shape[1]))
            select_top(self.prior[None, :], 0, 1, float(threshold), prior_labels, prior_best)
            labels[unknown], best[unknown] = prior_labels, prior_best

    def _select(self, hidden, known, threshold, labels, best, first, last) -> None:
        """Find the best labels among the probabilities of all, some documents at a time."""
        from fasttext_lite.kernels.predict import select_top

        step = max(1, CHUNK_SCORES // len(self.labels))
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


def most_texts(n_labels: int, k: int) -> int:
    """Return how many texts to predict at a time for k labels each, in bounded memory."""
    return max(1, CHUNK_SCORES // max(1, min(k, n_labels)))


def check_top(k: Any, threshold: Any) -> None:
    """Raise `ValueError` unless k is a whole number from 1 and threshold a number in [0, 1]."""
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ValueError(f"k must be a whole number of at least 1; got {k!r}")
    number = isinstance(threshold, int | float | np.number) and not isinstance(threshold, bool)
    if not number or not 0 <= threshold <= 1:
        raise ValueError(f"threshold must be a number from 0 to 1; got {threshold!r}")
