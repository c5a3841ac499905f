"""Labels of a file that a model, or a training file, does not have; and why, if one can see it."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable, Sequence

from fasttext_lite.errors import InputError

SHOWN = 5  # labels of each side in a message
LOOKED_AT = 100  # labels that may have a prefix
LEAST_SHARE = 0.5  # of a file's labels that a difference must explain


def check_known(
    names: Sequence[str], known: Sequence[str], where: str, whom: str = "the model"
) -> None:
    """Raise `InputError` if a file has labels, and none of them is known.

    Parameters
    ----------
    names : sequence of str
        The labels that occur in the file.
    known : sequence of str
        Those of the model or of the training.
    where : str
        The file.
    whom : str
        Who knows the latter.
    """
    if not names or not set(names).isdisjoint(known):
        return
    why = difference(names, known)
    raise InputError(
        f"{where}: none of its labels is known to {whom}: the file has {shown(names)}; {whom} has "
        f"{shown(known)}{f'; {why}' if why else ''}"
    )


def shown(names: Sequence[str]) -> str:
    """Return the first of some labels as text."""
    return f"{', '.join(names[:SHOWN])}{', ...' * (len(names) > SHOWN)}"


def difference(names: Iterable[str], known: Iterable[str]) -> str:
    """Return how labels that are not known differ from known ones; "" if one cannot see it.

    Looked for are upper and lower case, white space, the form of Unicode, and a prefix on one
    side. At least a share of `LEAST_SHARE` of the labels must be known but for that.
    """
    strange = sorted(set(names) - set(known))
    mine = set(known)
    if not strange or not mine:
        return ""
    least = LEAST_SHARE * len(strange)
    for what, form in FORMS.items():
        forms = set(map(form, mine))
        if sum(form(name) in forms for name in strange) >= least:
            return f"they differ by {what} alone"
    for prefix in _prefixes(strange, mine):
        if sum(name.removeprefix(prefix) in mine for name in strange) >= least:
            return f"they differ by the prefix {prefix!r} alone, which the file's labels have"
    for prefix in _prefixes(sorted(mine), set(strange)):
        if sum(prefix + name in mine for name in strange) >= least:
            return f"they differ by the prefix {prefix!r} alone, which the file's labels lack"
    return ""


def slips(names: Sequence[str], known: Sequence[str]) -> str:
    """Return which labels may be slips of the pen, and of which known ones; "" if none is.

    Parameters
    ----------
    names, known : sequence of str
        Without a label in both.
    """
    left, mine = list(names), set(known)
    found: list[str] = []

    def explain(pairs: Sequence[tuple[str, str]], what: str) -> None:
        if pairs:
            found.append(_slip(pairs, what))
            done = dict(pairs)
            left[:] = [name for name in left if name not in done]

    for what, form in FORMS.items():
        forms = {form(name): name for name in reversed(known)}
        explain([(name, forms[form(name)]) for name in left if form(name) in forms], what)
    for prefix in _prefixes(left, mine):
        if not prefix[-1].isalnum():  # else it may be a word made of another
            rests = [(n, n.removeprefix(prefix)) for n in left if n.startswith(prefix)]
            explain([pair for pair in rests if pair[1] in mine], f"the prefix {prefix!r}")
    return "; ".join(found)


def _slip(pairs: Sequence[tuple[str, str]], what: str) -> str:
    """Return how labels differ from known ones."""
    new, old = (shown([*map(repr, side)]) for side in zip(*pairs, strict=True))
    one = len(pairs) == 1
    return f"{new} differ{'s' * one} from {old} by {what} alone"


def _prefixes(longer: Sequence[str], shorter: set[str]) -> list[str]:
    """Return what names have before one of the shorter names that they end in."""
    return list(
        dict.fromkeys(
            name[:i]
            for name in longer[:LOOKED_AT]
            for i in range(1, len(name))
            if name[i:] in shorter
        )
    )


def _spaceless(name: str) -> str:
    return "".join(name.split())


def _normal(name: str) -> str:
    return unicodedata.normalize("NFKC", name)


FORMS: dict[str, Callable[[str], str]] = {
    "upper and lower case": str.casefold,
    "white space": _spaceless,
    "the form of Unicode (NFKC)": _normal,
    "case, white space and the form of Unicode": lambda name: _spaceless(_normal(name)).casefold(),
}
