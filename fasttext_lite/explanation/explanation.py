"""What an explanation holds, and how people see it: lines in a terminal, marked text in a notebook.

What speaks for a label is blue, what speaks against it is orange: people who are colour-blind
tell these two apart.  The stronger, the deeper the colour.
"""

from __future__ import annotations

import html
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from fasttext_lite.errors import bounded

MOST_WORDS = 10  # listed below a text
WEAK = 0.05  # shares of the strongest word that get no colour
# Backgrounds of the 256 colours of terminals, from weak to strong; the text on them is black.
FOR, AGAINST = (153, 111, 75), (223, 215, 208)
BLUE, ORANGE = "86, 180, 233", "230, 159, 0"  # of Okabe and Ito, Color Universal Design, 2008


class Span(NamedTuple):
    """A word of a text, and what it contributes.

    Attributes
    ----------
    start, end : int
        Characters ``text[start:end]``.
    word : str
        These characters.
    contribution : float
        ``own + ngrams``.
    own : float
        Of the word itself.
    ngrams : float
        Of n-grams of characters in the word, and its parts of n-grams of words.
    """

    start: int
    end: int
    word: str
    contribution: float
    own: float
    ngrams: float

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return self._asdict()


@dataclass(frozen=True)
class Explanation:
    """Why a text has a label: what each word contributes to the label's score.

    The contributions of all words and the bias add up to the score.

    Attributes
    ----------
    text : str
    label : str
    other : str or None
        What the label is compared with: then the score is the difference of both.
    score : float
        Log-odds of the label before calibration powers: the unnormalised log-probability under
        a softmax; with a label tree the sum of the log-odds of the decisions on its path.
    probability : float
        Of the label.
    bias : float
        Of the score, what no word contributes; of a text without a known feature all of it. Where
        explanations are of first order, also what they leave over.
    spans : tuple of Span
        The words, in the order of the text.
    characters : float64[n_characters]
        What each character contributes.
    is_exact : bool
        False with a normalisation or a hidden layer: contributions are then those of the linear
        function that touches the score at this text.
    n_features : int
        Known features of the text, without the bias.
    more : tuple of Explanation
        Of the next likeliest labels, where they were asked for.
    """

    text: str
    label: str
    other: str | None
    score: float
    probability: float
    bias: float
    spans: tuple[Span, ...]
    characters: np.ndarray = field(repr=False, compare=False)
    is_exact: bool = True
    n_features: int = 0
    more: tuple[Explanation, ...] = ()

    def top(self, k: int = 10) -> list[tuple[str, float]]:
        """Return the words that contribute most, for or against, each but once.

        Parameters
        ----------
        k : int
            So many at most.

        Returns
        -------
        list of (str, float)
            Largest magnitude first; the contribution is that of all places of the word.

        Raises
        ------
        ValueError
            If k is not a whole number of at least 1.
        """
        if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
            raise ValueError(bounded(f"k must be a whole number of at least 1; got {k!r}"))
        sums: dict[str, float] = {}
        for span in self.spans:
            sums[span.word] = sums.get(span.word, 0.0) + span.contribution
        return sorted(sums.items(), key=lambda pair: -abs(pair[1]))[:k]

    def marked(self) -> list[tuple[str, float]]:
        """Return the text in pieces, with a share of each.

        Returns
        -------
        list of (str, float)
            Words, with their contribution by the largest of all magnitudes, in [-1, 1]; what lies
            between them, with 0.
        """
        largest = max((abs(span.contribution) for span in self.spans), default=0.0) or 1.0
        pieces, at = [], 0
        for span in self.spans:
            if span.start > at:
                pieces.append((self.text[at : span.start], 0.0))
            pieces.append((span.word, span.contribution / largest))
            at = span.end
        if at < len(self.text):
            pieces.append((self.text[at:], 0.0))
        return pieces

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values; contributions of characters are left out."""
        left_out = ("characters", "spans", "more")
        values = {name: value for name, value in vars(self).items() if name not in left_out}
        values["spans"] = [span.to_dict() for span in self.spans]
        if self.more:
            values["more"] = [each.to_dict() for each in self.more]
        return values

    def to_text(self, color: bool = False) -> str:
        """Return lines for a terminal.

        Parameters
        ----------
        color : bool
            Whether to colour words with the escape sequences of terminals: what speaks for the
            label blue, what speaks against it orange.
        """
        return _as_text(self, color)

    def _repr_html_(self) -> str:
        """Return the marked text for notebooks."""
        return _as_html(self)

    def __str__(self) -> str:
        return self.to_text()


def _as_text(explanation: Explanation, color: bool) -> str:
    """Return an explanation as lines; see `Explanation.to_text`."""
    lines = [_head(explanation)]
    if color:
        lines.append("".join(_painted(*piece) for piece in explanation.marked()))
    else:
        lines.append(printable(explanation.text))
    rows = _listed(explanation)
    width = max(len(_number(value)) for _, value in rows)
    lines += [f"  {_number(value):>{width}}  {what}" for what, value in rows]
    return "\n".join(lines + [_as_text(each, color) for each in explanation.more])


def _listed(explanation: Explanation) -> list[tuple[str, float]]:
    """Return what contributes, in words, and how much; it adds up to the score."""
    times = Counter(span.word for span in explanation.spans)
    best = explanation.top(MOST_WORDS)
    rows = [
        (printable(word) + f" ({times[word]} times)" * (times[word] > 1), value)
        for word, value in best
    ]
    n_more = len(times) - len(best)
    if n_more:
        rest = sum(span.contribution for span in explanation.spans)
        rest -= sum(value for _, value in best)
        rows.append((f"({n_more} more word{'s' * (n_more > 1)})", rest))
    what = "what belongs to no word" if explanation.is_exact else "the rest"
    return [*rows, (f"({what})", explanation.bias)]


def _as_html(explanation: Explanation) -> str:
    """Return an explanation as a piece of HTML that needs nothing else."""
    pieces = "".join(_marked(*piece) for piece in explanation.marked())
    rows = "".join(
        f'<tr><td style="text-align:right">{_number(value)}</td>'
        f'<td style="text-align:left">{_escaped(what)}</td></tr>'
        for what, value in _listed(explanation)
    )
    return (
        '<div style="max-width:50em;line-height:1.7">'
        f"<div><b>{_escaped(_head(explanation))}</b></div>"
        f'<div dir="auto" style="white-space:pre-wrap">{pieces}</div>'
        f"<details><summary>{len(explanation.spans)} words</summary><table>{rows}"
        "</table></details></div>"
    ) + "".join(map(_as_html, explanation.more))


def printable(text: str) -> str:
    """Return a text in one line, without what a terminal would obey."""
    return "".join(c if c.isprintable() else " " for c in text)


def _head(explanation: Explanation) -> str:
    label = printable(explanation.label)
    against = ""
    if explanation.other is not None:
        against = f" rather than {printable(explanation.other)}"
    about = "" if explanation.is_exact else ", of first order"
    if not explanation.n_features:
        about += ", no known feature: the class prior"
    return (
        f"{label}{against}: probability {explanation.probability:.4f}, "
        f"score {_number(explanation.score)}{about}"
    )


def _number(value: float) -> str:
    return f"{value:+.3f}"


def _painted(piece: str, share: float) -> str:
    piece = printable(piece)
    if abs(share) < WEAK:
        return piece
    colors = FOR if share > 0 else AGAINST
    depth = min(int(abs(share) * len(colors)), len(colors) - 1)
    return f"\x1b[48;5;{colors[depth]};30m{piece}\x1b[0m"


def _marked(piece: str, share: float) -> str:
    if abs(share) < WEAK:
        return _escaped(piece)
    color = BLUE if share > 0 else ORANGE
    return (
        f'<span style="background:rgba({color}, {0.15 + 0.75 * abs(share):.2f});'
        f'border-radius:.2em">{_escaped(piece)}</span>'
    )


def _escaped(text: str) -> str:
    text = "".join(
        c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return html.escape(text)
