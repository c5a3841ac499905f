"""Product quantisation of tables (Jégou et al. 2011), as fastText's quantised files hold it.

A row is cut into sub-vectors, and each is replaced by the number of the nearest of 256 centroids
that k-means found for its place.  The norms of the rows can be quantised by themselves.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from fasttext_lite.errors import ModelError
from fasttext_lite.parallel import run_blocks

N_CODES = 256
N_ITERATIONS = 25
MOST_SAMPLED = 1 << 16  # rows that k-means sees
ROWS_AT_ONCE = 1 << 13  # rows of one sub-vector that a thread takes in turn


@dataclass(frozen=True)
class ProductQuantizer:
    """The centroids of each sub-vector.

    Attributes
    ----------
    dim : int
        Size of a row.
    nsubq : int
        Number of sub-vectors.
    dsub, lastdsub : int
        Size of a sub-vector, and of the last one.
    centroids : float32[dim * 256]
        Code c of sub-vector s begins at (s * 256 + c) * dsub; of the last one at
        s * 256 * dsub + c * lastdsub.
    """

    dim: int
    nsubq: int
    dsub: int
    lastdsub: int
    centroids: np.ndarray

    @classmethod
    def train(
        cls, x: np.ndarray, dsub: int, seed: int = 1234, n_threads: int = 1
    ) -> ProductQuantizer:
        """Find centroids by k-means: 25 iterations over up to 65,536 rows drawn at random.

        The result depends on the seed, not on the number of threads.

        Parameters
        ----------
        x : float32[n_rows, dim]
        dsub : int
            Size of a sub-vector; the last one has what is left of `dim`.
        seed, n_threads : int

        Raises
        ------
        ModelError
            If there are fewer than 256 rows, or numbers that are not finite.
        """
        x = _table(x)
        n_rows, dim = x.shape
        if n_rows < N_CODES:
            raise ModelError(
                f"product quantisation needs at least {N_CODES} rows; the table has {n_rows:,}"
            )
        if dsub < 1:
            raise ModelError(f"dsub must be at least 1; got {dsub}")
        if not np.isfinite(x).all():
            raise ModelError("the table holds numbers that are not finite")
        from fasttext_lite.model.kernels.quantize import move_centroids

        dsub = min(int(dsub), dim)
        nsubq = -(-dim // dsub)
        rng = np.random.default_rng([seed, 7])
        if n_rows > MOST_SAMPLED:
            x = x[np.sort(rng.choice(n_rows, MOST_SAMPLED, replace=False))]
        centroids = np.empty(dim * N_CODES, np.float32)
        for sub, begin in enumerate(range(0, dim, dsub)):
            chosen = rng.choice(len(x), N_CODES, replace=False)
            values = x[chosen, begin : begin + dsub].ravel()
            centroids[sub * N_CODES * dsub :][: values.size] = values
        found = cls(dim, nsubq, dsub, dim - (nsubq - 1) * dsub, centroids)
        codes = np.empty((len(x), nsubq), np.uint8)
        active = list(range(nsubq))  # sub-vectors whose centroids still move
        for _ in range(N_ITERATIONS):
            if not active:
                break
            found._assign(x, codes, active, n_threads)
            moved = [False] * len(active)

            def move(i: int, active: list[int] = active, moved: list[bool] = moved) -> None:
                moved[i] = bool(move_centroids(x, codes, active[i], dsub, centroids))

            run_blocks(move, len(active), n_threads)
            active = list(itertools.compress(active, moved))
        return found

    def encode(self, x: np.ndarray, n_threads: int = 1) -> np.ndarray:
        """Return the codes of the nearest centroids.

        Parameters
        ----------
        x : float32[n_rows, dim]
        n_threads : int

        Returns
        -------
        uint8[n_rows, nsubq]
        """
        x = _table(x)
        if x.shape[1] != self.dim:
            raise ModelError(f"rows have {x.shape[1]} numbers, the quantiser knows {self.dim}")
        codes = np.empty((len(x), self.nsubq), np.uint8)
        self._assign(x, codes, list(range(self.nsubq)), n_threads)
        return codes

    def _assign(self, x: np.ndarray, codes: np.ndarray, subs: list[int], n_threads: int) -> None:
        from fasttext_lite.model.kernels.quantize import assign_rows

        centroids = _read_only(self.centroids)
        tasks = [(sub, first) for sub in subs for first in range(0, len(x), ROWS_AT_ONCE)]

        def assign(i: int) -> None:
            sub, first = tasks[i]
            last = min(first + ROWS_AT_ONCE, len(x))
            assign_rows(x, first, last, sub, self.dsub, centroids, codes)

        run_blocks(assign, len(tasks), n_threads)

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Return the centroids of codes, one after another.

        Parameters
        ----------
        codes : uint8[n_rows, nsubq]

        Returns
        -------
        float32[n_rows, dim]
        """
        rows = np.empty((len(codes), self.dim), np.float32)
        for sub, begin in enumerate(range(0, self.dim, self.dsub)):
            end = min(begin + self.dsub, self.dim)
            table = self.centroids[begin * N_CODES : end * N_CODES]
            rows[:, begin:end] = table.reshape(N_CODES, end - begin)[codes[:, sub]]
        return rows


@dataclass(frozen=True)
class QuantizedMatrix:
    """A table as codes; a row is its centroids, one after another, times the norm if there is one.

    Attributes
    ----------
    codes : uint8[n_rows, nsubq]
    quantizer : ProductQuantizer
    norm_codes : uint8[n_rows], optional
    norm_quantizer : ProductQuantizer, optional
        Of the norms: its dim is 1.
    """

    codes: np.ndarray
    quantizer: ProductQuantizer
    norm_codes: np.ndarray | None = None
    norm_quantizer: ProductQuantizer | None = None

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the table."""
        return len(self.codes), self.quantizer.dim

    @classmethod
    def quantize(
        cls, x: np.ndarray, dsub: int, qnorm: bool = False, seed: int = 1234, n_threads: int = 1
    ) -> QuantizedMatrix:
        """Quantise a table.

        Parameters
        ----------
        x : float32[n_rows, dim]
        dsub, seed, n_threads : int
            As in `ProductQuantizer.train`.
        qnorm : bool
            Divide rows by their Euclidean norms, and quantise these by themselves.

        Raises
        ------
        ModelError
            As `ProductQuantizer.train`.
        """
        x = _table(x)
        norm_codes = norm_quantizer = None
        if qnorm:
            norms = np.sqrt(np.einsum("ij,ij->i", x, x, dtype=np.float64))
            norms = norms.astype(np.float32)[:, None]
            norm_quantizer = ProductQuantizer.train(norms, 1, seed, n_threads)
            norm_codes = norm_quantizer.encode(norms, n_threads)[:, 0]
            x = x / np.where(norms > 0, norms, np.float32(1))
        quantizer = ProductQuantizer.train(x, dsub, seed, n_threads)
        return cls(quantizer.encode(x, n_threads), quantizer, norm_codes, norm_quantizer)

    def decode(self, rows: np.ndarray | slice | None = None) -> np.ndarray:
        """Return rows as numbers, float32[n_rows, dim]; default: all."""
        chosen = slice(None) if rows is None else rows
        table = self.quantizer.decode(self.codes[chosen])
        if self.norm_codes is not None and self.norm_quantizer is not None:
            table *= self.norm_quantizer.centroids[self.norm_codes[chosen]][:, None]
        return table


def _table(x: np.ndarray) -> np.ndarray:
    table = np.asarray(x, np.float32)
    if table.ndim != 2 or not table.shape[1]:
        raise ModelError(f"a table has two dimensions; got the shape {table.shape}")
    return _read_only(table)


def _read_only(array: np.ndarray) -> np.ndarray:
    """Return a view as kernels take it: contiguous float32 that cannot be written."""
    view = np.ascontiguousarray(array, np.float32).view()
    view.flags.writeable = False
    return view
