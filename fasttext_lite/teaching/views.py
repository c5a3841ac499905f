"""Views of texts: dense vectors of one kind, what a probe on them says, and how far it spreads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fasttext_lite.teaching.neighbours import Graph
from fasttext_lite.teaching.teachers import Probe

EMBEDDINGS, OF_WORDS = "embeddings", "vectors of words"
STRENGTHS = (1.0, 10.0)  # of a probe: inverse of the regularisation
SHARES = (0.0, 0.5, 0.8, 0.9)  # how far it spreads to texts around, see `Graph.spread`


@dataclass
class View:
    """Dense vectors of all texts.

    Attributes
    ----------
    name : str
    vectors : float32[n_texts, dim]
        Of unit length or 0.
    graph : Graph
        Of these.
    strength : float
        Of `STRENGTHS`, once it is known.
    share : float
        Of `SHARES`, once it is known.
    """

    name: str
    vectors: np.ndarray
    graph: Graph
    strength: float = STRENGTHS[0]
    share: float = SHARES[0]

    def probes(
        self, docs: np.ndarray, ids: np.ndarray, n_labels: int, weights: np.ndarray
    ) -> list[Probe]:
        """Return what is learnt from some texts, with each of `STRENGTHS`."""
        vectors = self.vectors[docs]
        return [Probe.fit(vectors, ids, n_labels, each, weights) for each in STRENGTHS]

    def chosen(self, probes: Sequence[Probe]) -> Probe:
        """Return that of `probes` which has the view's own strength."""
        return probes[STRENGTHS.index(self.strength)]

    def probe(self, docs: np.ndarray, ids: np.ndarray, n_labels: int, weights: np.ndarray) -> Probe:
        """Return what is learnt from some texts.

        Parameters
        ----------
        docs : int64[n_docs]
            Their numbers.
        ids : int[n_docs]
            Their labels.
        n_labels : int
        weights : float[n_docs]
        """
        return Probe.fit(self.vectors[docs], ids, n_labels, self.strength, weights)

    def says(
        self, probe: Probe, docs: np.ndarray, ids: np.ndarray, asked: np.ndarray
    ) -> np.ndarray:
        """Return what a probe says of some texts, together with the texts around them.

        Parameters
        ----------
        probe : Probe
        docs, ids : int64[n_docs], int[n_docs]
            Texts whose labels are known, and these labels.
        asked : int64[n_asked]

        Returns
        -------
        float32[n_asked, n_labels]
        """
        if not self.share:
            return probe.probabilities(self.vectors[asked])
        return self.spread(probe, docs, ids, asked, [self.share])[0]

    def spread(
        self,
        probe: Probe,
        docs: np.ndarray,
        ids: np.ndarray,
        asked: np.ndarray,
        shares: Sequence[float] = SHARES,
    ) -> list[np.ndarray]:
        """Return what `says` returns, for each of several shares."""
        said = probe.probabilities(self.vectors)
        said[docs] = 0
        said[docs, ids] = 1
        return self.graph.spread(said, shares, asked)
