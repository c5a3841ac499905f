"""Texts with their words marked by how much they speak for a label, or against it."""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.model.model import Model

MOST_EXPLAINED = 2_000  # characters of a text that are explained
LEAST_SHARE = 0.03  # of a mark: what speaks less for a label or against it is not coloured


@dataclass(frozen=True)
class Marked:
    """Pieces of a text with their shares in what a label gets.

    Attributes
    ----------
    length : int
        Characters of the whole text.
    pieces : list of (str, float)
    is_exact : bool
        False: of first order, where the model is not linear in its words.
    """

    length: int
    pieces: list[tuple[str, float]]
    is_exact: bool = True

    def shown(self, most: int) -> tuple[list[tuple[str, str, str]], str]:
        """Return what a page shows.

        Parameters
        ----------
        most : int
            Characters.

        Returns
        -------
        pieces : list of (str, str, str)
            Text, how strong its colour is, and "for", "against" or nothing.
        more : str
            Number of the characters that are left out; empty where there are none.
        """
        left, pieces = most, []
        for piece, share in self.pieces:
            if left <= 0:
                break
            kind = "" if abs(share) < LEAST_SHARE else "for" if share > 0 else "against"
            pieces.append((piece[:left], f"{abs(share):.2f}", kind))
            left -= len(piece)
        more = self.length - sum(len(piece) for piece, _, _ in pieces)
        return pieces, f"{more:,}" if more > 0 else ""


def marked(model: Model, text: str, label: int) -> Marked:
    """Return a text with what its words contribute to a label.

    Parameters
    ----------
    model : Model
    text : str
    label : int
    """
    from fasttext_lite.explanation.contributions import explain

    explained = explain(model, text[:MOST_EXPLAINED], model.labels[label])
    return Marked(len(text), explained.marked(), explained.is_exact)
