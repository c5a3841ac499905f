"""What a labelling session is started with."""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError, bounded

PREFIX = "__label__"
LONGEST_LABEL = 200  # characters
_MARK = "\ufeff"  # at the beginning of a file it is no part of the text


@dataclass(frozen=True)
class Settings:
    """What a session labels, and how.

    Attributes
    ----------
    texts : Texts
    output : str
        The labelled file to write: its ending says the format.
    name : str
        What messages call the texts.
    labels : tuple of str
        May be empty: the first are made in the session then.
    several : bool
        Whether a text may have several labels, or none of them.
    model : str, optional
        The model file that `Session.train` writes; default: `output` with the ending ``.ftl``.
    seed : int
    n_threads : int, optional
        Default: all processors.
    random_share : float
        Share of the questions that are drawn at random, in (0, 1].
    n_between : int
        Answers after which the model is trained anew; grows with their number.

    Raises
    ------
    SettingError
        If a label cannot be one, comes twice, or a number is out of its range.
    """

    texts: Texts
    output: str
    name: str = "texts"
    labels: tuple[str, ...] = ()
    several: bool = False
    model: str | None = None
    seed: int = 0
    n_threads: int | None = None
    random_share: float = 0.2
    n_between: int = 5

    def __post_init__(self) -> None:
        seen = set()
        for label in self.labels:
            try:
                name = checked_label(label, self.several)
            except ValueError as error:
                raise SettingError(f"labels: {error}") from None
            if name != label:
                raise SettingError(f"labels: write {name!r} for {label!r}")
            if label in seen:
                raise SettingError(f"labels: {label!r} is there twice")
            seen.add(label)
        if not 0 < self.random_share <= 1:
            raise SettingError(
                f"random_share must be above 0 and at most 1; got {self.random_share!r}: without "
                "texts drawn at random, nobody knows how good the model is"
            )
        if self.n_between < 1:
            raise SettingError(f"n_between must be at least 1; got {self.n_between!r}")

    def between(self, n_answers: int) -> int:
        """Return how many answers after so many the model is trained anew."""
        return max(self.n_between, n_answers // 20)


def checked_label(label: str, several: bool) -> str:
    """Return a label as it is kept, without white space around it.

    Raises
    ------
    ValueError
        If it cannot be one: no file of labelled texts would give it back.
    """
    name = label.strip()
    if not name:
        raise ValueError("a label needs a name: this one is empty")
    if len(name) > LONGEST_LABEL:
        raise ValueError(bounded(f"a label has {LONGEST_LABEL} characters at most: {name!r}"))
    check_signs(name, several)
    return name


def check_signs(name: str, several: bool) -> None:
    """Raise `ValueError` for a label with signs that no file of labelled texts gives back."""
    if any(ord(sign) < 32 or 0xD800 <= ord(sign) < 0xE000 or sign == _MARK for sign in name):
        raise ValueError(
            bounded(f"a label has no tab, line break or other sign that is not seen: {name!r}")
        )
    if len(name.splitlines()) > 1:
        raise ValueError(bounded(f"a label has no line break: {name!r}"))
    if without_prefix(name, PREFIX) != name:
        raise ValueError(bounded(f"{name!r}: leave {PREFIX} out, it is what files put before one"))
    if several and "," in name:
        raise ValueError(bounded(f"{name!r}: where texts have several labels, a comma ends one"))
