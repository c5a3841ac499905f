"""What an encoder knows of texts, brought into the form of a model's tables.

An encoder gives each training text a dense vector. A ridge regression from features to these
vectors says what each feature means to the encoder, also the rare ones: rows of words that it takes
for alike become alike. A probe, logistic regression on the vectors themselves, says what the
vectors mean for the labels. Both together are tables that a training can start from.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.prepared import Prepared, Start
from fasttext_lite.teaching.ridge import Ridge, fit_ridge
from fasttext_lite.teaching.teachers import Probe
from fasttext_lite.teaching.words import unit

COLUMNS = 128  # that vectors are reduced to
PENALTY = 0.5  # of the ridge, by the mean squared length of the texts' features
STRENGTH = 1.0  # inverse of the regularisation of the probe, of vectors whose mean length is 1
MOST_WORK = 2_000_000_000  # multiplications of a step of the probe; above, means do in its place
SHRINKAGE = 0.1  # of the covariance within labels towards a multiple of the identity
OUTPUT_LENGTH = 4.0  # mean length of the output rows that a learned head starts from
AT_A_TIME = 1 << 14  # vectors


def reduced(embeddings: np.ndarray, n_columns: int = COLUMNS) -> np.ndarray:
    """Return vectors of unit length, less their mean, by their principal components.

    Parameters
    ----------
    embeddings : float[n_texts, d]
        Rows that are all 0 stay so.
    n_columns : int
        Components that are kept at most.

    Returns
    -------
    float32[n_texts, min(d, n_columns)]
        Of a mean squared length of 1.
    """
    n, d = embeddings.shape
    total, products = np.zeros(d), np.zeros((d, d))
    n_there = 0
    for first in range(0, n, AT_A_TIME):
        part = unit(embeddings[first : first + AT_A_TIME])
        total += part.sum(axis=0, dtype=np.float64)
        products += part.T @ part
        n_there += int(np.count_nonzero(part.any(axis=1)))
    mean = total / max(n_there, 1)
    covariance = products / max(n_there, 1) - np.outer(mean, mean)
    values, directions = np.linalg.eigh(covariance)
    kept = slice(None, -min(d, n_columns) - 1, -1)
    length = np.sqrt(max(float(values[kept].sum()), 1e-12))
    directions = (directions[:, kept] / length).astype(np.float32)
    result = np.empty((n, directions.shape[1]), np.float32)
    for first in range(0, n, AT_A_TIME):
        part = unit(embeddings[first : first + AT_A_TIME])
        there = part.any(axis=1, keepdims=True)
        result[first : first + AT_A_TIME] = ((part - mean.astype(np.float32)) @ directions) * there
    return result


@dataclass(frozen=True)
class Knowledge:
    """What an encoder knows of the features and the labels of texts.

    Attributes
    ----------
    ridge : Ridge
        From features to vectors.
    slopes : float32[n_labels, n_columns]
        From vectors to labels.
    """

    ridge: Ridge
    slopes: np.ndarray

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        vectors: np.ndarray,
        others: FeatureMatrix | None = None,
        n_threads: int = 1,
    ) -> Knowledge:
        """Learn it from texts.

        Parameters
        ----------
        prepared : Prepared
            Its texts whose weight is 0 are not learnt from.
        vectors : float32[n_texts + n_others, n_columns]
        others : FeatureMatrix, optional
            Of texts without labels, in the same space.
        n_threads : int
        """
        features, weights = prepared.features, prepared.doc_weights
        n_texts = len(features)
        own = vectors[:n_texts]
        slopes = fit_slopes(own, prepared.labels, weights, prepared.multilabel)
        if others is not None and len(others):
            features = _joined(features, others)
            if weights is not None:
                weights = np.append(weights, np.ones(len(others), np.float32))
        square = float(np.square(features.weights, dtype=np.float64).sum()) / max(len(features), 1)
        ridge = fit_ridge(
            features, prepared.space.n_rows, vectors, max(PENALTY * square, 1e-6), weights,
            n_threads,
        )  # fmt: skip
        return cls(ridge, slopes)

    def start(self, config: Config, factor: float = 1.0) -> Start:
        """Return tables to start from.

        Parameters
        ----------
        config : Config
            Resolved.
        factor : float
            Of the scores.
        """
        factor /= LOSSES[config.loss].scale
        slopes = self.slopes
        if config.head == "linear":
            return Start(self.ridge.rows(np.float32(factor) * slopes.T))
        dim = config.dim or 0
        if slopes.shape[1] > dim:  # those that come first say most
            slopes = slopes[:, :dim]
        length = float(np.sqrt(np.square(slopes).sum(axis=1).mean())) or 1.0
        mixture = np.eye(self.slopes.shape[1], slopes.shape[1], dtype=np.float32)
        mixture *= np.float32(factor * length / OUTPUT_LENGTH)
        return Start(self.ridge.rows(mixture), slopes * np.float32(OUTPUT_LENGTH / length))


def fit_slopes(
    vectors: np.ndarray, labels: Labels, weights: np.ndarray | None, multilabel: bool
) -> np.ndarray:
    """Return what vectors mean for labels, float32[n_labels, n_columns].

    By logistic regression, of each label for itself where texts may have several; of very many
    texts and labels by linear discriminant analysis.

    Parameters
    ----------
    vectors : float32[n_texts, n_columns]
    labels : Labels
    weights : float[n_texts], optional
        Texts of weight 0 are not learnt from.
    multilabel : bool
    """
    n_labels = len(labels.names)
    there = np.arange(len(labels)) if weights is None else np.flatnonzero(weights > 0)
    vectors, labels = vectors[there], labels.take(there)
    weights = None if weights is None else weights[there].astype(np.float64)
    if vectors.size * n_labels > MOST_WORK:
        return _discriminants(vectors, labels, weights)
    if not multilabel:
        slopes = Probe.fit(vectors, labels.ids, n_labels, STRENGTH, weights).slopes
        return slopes - slopes.mean(axis=0)
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    slopes = np.zeros((n_labels, vectors.shape[1]), np.float32)
    for label in range(n_labels):
        has = np.zeros(len(labels), np.int32)
        has[docs[labels.ids == label]] = 1
        slopes[label] = Probe.fit(vectors, has, 2, STRENGTH, weights).slopes[1]
    return slopes


def _discriminants(vectors: np.ndarray, labels: Labels, weights: np.ndarray | None) -> np.ndarray:
    """Return the directions of labels' means, by the covariance within labels."""
    n_labels = len(labels.names)
    docs = np.repeat(np.arange(len(labels)), np.diff(labels.indptr))
    shares = np.ones(docs.size) if weights is None else weights[docs]
    order = np.argsort(labels.ids, kind="stable")
    totals = np.bincount(labels.ids, shares, n_labels)
    means = np.zeros((n_labels, vectors.shape[1]))
    products = np.zeros((vectors.shape[1], vectors.shape[1]))
    for first in range(0, order.size, AT_A_TIME):
        part = order[first : first + AT_A_TIME]
        found = vectors[docs[part]].astype(np.float64)
        heavy = found * shares[part, None]
        np.add.at(means, labels.ids[part], heavy)
        products += found.T @ heavy
    center = means.sum(axis=0) / max(totals.sum(), 1e-12)
    means /= np.maximum(totals, 1e-12)[:, None]
    within = (products - (means * totals[:, None]).T @ means) / max(totals.sum(), 1e-12)
    within += SHRINKAGE * max(np.trace(within) / len(within), 1e-12) * np.eye(len(within))
    means[totals == 0] = center
    return np.linalg.solve(within, (means - center).T).T.astype(np.float32)


def _joined(a: FeatureMatrix, b: FeatureMatrix) -> FeatureMatrix:
    indptr = np.append(a.indptr, a.indptr[-1] + b.indptr[1:])
    ids, weights = np.concatenate([a.ids, b.ids]), np.concatenate([a.weights, b.weights])
    return FeatureMatrix(ids, weights, indptr)


def check_config(config: Config) -> None:
    """Raise `TrainingError` unless tables of these settings can be started from.

    Parameters
    ----------
    config : Config
        Resolved.
    """
    for name, is_good, change in (
        ("loss", not LOSSES[config.loss].uses_tree, "take loss ova, softmax or ns"),
        ("units", not config.units, "take units 0, a model without a hidden layer"),
        ("norm", config.norm == "none", "take norm none"),
    ):
        if not is_good:
            raise TrainingError(
                f"text embeddings do not go with {name}={getattr(config, name)!r}: "
                f"{change}, or leave the embeddings out"
            )
