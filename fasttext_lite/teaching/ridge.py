"""Ridge regression from the features of texts to dense vectors, by conjugate gradients.

It is solved in its dual form: what is found is one row for each text, not one for each feature,
and the rows of features are sums of these.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.parallel import run_ranges

MOST_STEPS = 30
NEAR = 0.02  # what is left of the targets' length when it is near enough
MOST_BYTES = 1 << 28  # of the rows of all features, which are made for some columns at a time
LEAST_DOCS = 64  # of a thread


@dataclass(frozen=True)
class Ridge:
    """What a regression found.

    Attributes
    ----------
    by_row : FeatureMatrix
        The texts that have each row, in place of the rows of each text.
    coefficients : float32[n_texts, n_targets]
        Of the texts, 0 for those of weight 0.
    n_threads : int
    """

    by_row: FeatureMatrix
    coefficients: np.ndarray
    n_threads: int

    def rows(self, mixture: np.ndarray) -> np.ndarray:
        """Return what each row of the features stands for, float32[n_rows, n_columns].

        Parameters
        ----------
        mixture : float32[n_targets, n_columns]
            What the targets are multiplied by.
        """
        mixed = np.ascontiguousarray(self.coefficients @ mixture, np.float32)
        return multiplied(self.by_row, mixed, self.n_threads)


def fit_ridge(
    features: FeatureMatrix,
    n_rows: int,
    targets: np.ndarray,
    penalty: float,
    weights: np.ndarray | None = None,
    n_threads: int = 1,
) -> Ridge:
    """Return a regression of the targets on the features, without a constant.

    Parameters
    ----------
    features : FeatureMatrix
        Of n_texts texts.
    n_rows : int
        Rows that features may have.
    targets : float32[n_texts, n_targets]
    penalty : float
        Of the squares of what is found, above 0.
    weights : float[n_texts], optional
        Of the squared errors, at least 0; default: 1.
    n_threads : int
    """
    from scipy import sparse

    n_texts = len(features)
    weights = np.ones(n_texts) if weights is None else np.asarray(weights, np.float64)
    there = weights > 0
    shape = n_texts, n_rows
    matrix = sparse.csr_matrix((features.weights, features.ids, features.indptr), shape=shape)
    turned = matrix.tocsc()
    by_row = FeatureMatrix(
        turned.indices.astype(np.int32, copy=False), turned.data,
        turned.indptr.astype(np.int64),
    )  # fmt: skip
    pull = np.zeros((n_texts, 1), np.float32)
    pull[there, 0] = penalty / weights[there]
    coefficients = np.zeros(targets.shape, np.float32)
    width = max(MOST_BYTES // (4 * max(n_rows, 1)) // 16 * 16, 16)
    for first in range(0, targets.shape[1], width):
        columns = slice(first, first + width)
        part = np.ascontiguousarray(targets[:, columns] * there[:, None], np.float32)
        _descend(features, by_row, part, pull, there, coefficients[:, columns], n_threads)
    return Ridge(by_row, coefficients, n_threads)


def _descend(
    features: FeatureMatrix,
    by_row: FeatureMatrix,
    left: np.ndarray,
    pull: np.ndarray,
    there: np.ndarray,
    found: np.ndarray,
    n_threads: int,
) -> None:
    """Solve (features features' + diag(pull)) found = left, each column by itself, in place."""
    way = left.copy()
    squares = _squares(left)
    enough = NEAR**2 * squares.sum()
    for _ in range(MOST_STEPS):
        if squares.sum() <= enough:
            return
        step = multiplied(features, multiplied(by_row, way, n_threads), n_threads)
        step += pull * way
        step[~there] = 0
        rate = (squares / np.maximum(_products(way, step), 1e-30)).astype(np.float32)
        found += rate * way
        left -= rate * step
        before, squares = squares, _squares(left)
        way *= (squares / np.maximum(before, 1e-30)).astype(np.float32)
        way += left


def _products(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->j", a, b, dtype=np.float64)


def _squares(a: np.ndarray) -> np.ndarray:
    return _products(a, a)


def multiplied(matrix: FeatureMatrix, table: np.ndarray, n_threads: int = 1) -> np.ndarray:
    """Return a sparse matrix times a dense one, float32[len(matrix), n_columns].

    Parameters
    ----------
    matrix : FeatureMatrix
    table : float32[n, n_columns]
        n above all of the matrix's ids.
    n_threads : int
    """
    from fasttext_lite.model.kernels.predict import embed_documents

    result = np.empty((len(matrix), table.shape[1]), np.float32)

    def multiply(first: int, last: int) -> None:
        embed_documents(matrix.ids, matrix.weights, matrix.indptr, first, last, table, result)

    run_ranges(multiply, len(matrix), n_threads, least_items=LEAST_DOCS)
    return result
