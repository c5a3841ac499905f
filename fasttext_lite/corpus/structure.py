"""Labels that look like a mistake in the structure of a file: each kind is a check.

Nothing is changed: what is strange is said in one line, with what to do.  A check is silent on
labels that can be meant as they are, so it asks for much: most of the labels, or parts that are
labels by themselves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from fasttext_lite.corpus import DEFAULT_PREFIX
from fasttext_lite.corpus.labels import Labels

FEWEST_TEXTS = 10  # of which the labels are counted
OWN_SHARE = 0.5  # of the texts have a label that no other has
# What programs write for a label that is missing.
MISSING = ("nan", "NaN", "NAN", "<NA>", "NaT", "NULL", "null", "#N/A", "N/A", "\\N")
_SEPARATORS = (",", ";", "|", "/", " ", "+", "&", "，", "、")
_FEWEST_COMBINED = 6  # labels made of others, where none of these stands alone
_MARK = "\ufeff"  # of byte order


@dataclass(frozen=True)
class LabelCounts:
    """Labels of some texts, and how often each occurs.

    Attributes
    ----------
    names : list of str
    counts : list of int
    n_texts : int
    """

    names: list[str]
    counts: list[int]
    n_texts: int

    @classmethod
    def of(cls, labels: Labels) -> LabelCounts:
        """Return the labels that occur."""
        counts = labels.counts().tolist()
        used = [(name, n) for name, n in zip(labels.names, counts, strict=True) if n]
        return cls([name for name, _ in used], [n for _, n in used], len(labels))


def label_fault(labels: LabelCounts, prefix: str = DEFAULT_PREFIX) -> str | None:
    """Return what is strange about the labels of a file, in a line; None if nothing is.

    Parameters
    ----------
    labels : LabelCounts
    prefix : str
        What begins a label in fastText's format.
    """
    return next((found for check in _CHECKS if (found := check(labels, prefix))), None)


def _prefixed(labels: LabelCounts, prefix: str) -> str | None:
    found = [name for name in labels.names if prefix and prefix in name]
    if not found:
        return None
    return (
        f"{len(found):,} label{'s' * (len(found) != 1)} contain{'s' * (len(found) == 1)} the "
        f"prefix {prefix} ({found[0]!r}): separate labels by spaces"
    )


def _glued(labels: LabelCounts, prefix: str) -> str | None:
    """Most labels are a short word, a comma or other sign, and the first word of the text."""
    used = labels.names
    for sign in (",", ";", ":", "|"):
        pairs = [name.partition(sign) for name in used]
        glued = [
            (name, head) for name, (head, found, tail) in zip(used, pairs, strict=True)
            if found and head and tail and tail == tail.strip()
        ]  # fmt: skip
        heads = {head for _, head in glued}
        if len(glued) * 2 <= len(used) or len(glued) < 4 or len(heads) * 2 > len(glued):
            continue
        # Several labels in a field have each part as often as another; a text's words differ.
        tails = {name.partition(sign)[2] for name, _ in glued}
        if len(tails - heads) * 2 > len(tails) and not tails <= set(used):
            what = "a comma" if sign == "," else repr(sign)
            return (
                f"most labels hold {what} followed by a word ({glued[0][0]!r}): put a space (or in "
                "TSV a tab) after the label"
            )
    return None


def _several(labels: LabelCounts, prefix: str) -> str | None:
    """Labels are made of labels: several in one field."""
    used = labels.names
    known = set(used)
    brackets = [name for name in used if name[:1] == "[" and name[-1:] == "]"]
    if brackets and len(brackets) * 2 > len(used):
        return (
            f"labels look like lists ({brackets[0]!r}): several labels for a row are joined by "
            "commas, with --multilabel, or are a list in JSON lines"
        )
    for sign in _SEPARATORS:
        joined = [name for name in used if sign in name.strip()]
        parts = [[part for piece in name.split(sign) if (part := piece.strip())] for name in joined]
        alone = [
            name for name, own in zip(joined, parts, strict=True)
            if len(own) > 1 and all(part in known for part in own)
        ]  # fmt: skip
        if len(alone) * 2 <= len(joined) or (len(alone) < 2 and sign != ","):
            alone = joined if _are_combined(used, joined, parts) else []
        if alone and sign == ",":
            return (
                f"labels contain commas ({alone[0]!r}), and what is between them comes again in "
                "others: several labels for a row need --multilabel (in Python, a list for each "
                "text)"
            )
        if alone:
            return (
                f"labels contain {sign!r} ({alone[0]!r}), and what is between comes again in "
                "others: several labels for a row are joined by commas, with --multilabel"
            )
    return None


def _are_combined(used: list[str], joined: list[str], parts: list[list[str]]) -> bool:
    """Return whether most labels are made of parts that are few, each in several places."""
    if len(joined) < _FEWEST_COMBINED or len(joined) * 2 <= len(used):
        return False
    different = {part for own in parts for part in own}
    places: dict[str, set[int]] = {}
    for own in parts:
        for place, part in enumerate(own):
            places.setdefault(part, set()).add(place)
    moving = sum(len(where) > 1 for where in places.values())
    return len(different) * 2 <= len(joined) and moving * 2 > len(different)


def _trailing(labels: LabelCounts, prefix: str) -> str | None:
    used = labels.names
    ends = [name for name in used if name[-1:] in ",;" and len(name) > 1]
    if not ends or (len(ends) * 2 <= len(used) and ends[0][:-1] not in used):
        return None
    sign = ends[0][-1]
    return (
        f"{len(ends):,} label{'s' * (len(ends) != 1)} end{'s' * (len(ends) == 1)} in {sign!r} "
        f"({ends[0]!r}): leave it out"
    )


def _missing(labels: LabelCounts, prefix: str) -> str | None:
    for name in MISSING:
        if name in labels.names:
            n = labels.counts[labels.names.index(name)]
            return (
                f"{n:,} text{'s' * (n != 1)} {'has' if n == 1 else 'have'} the label {name!r}, "
                "which usually stands for one that is missing: leave them out, or name it otherwise"
            )
    return None


def _put_together(labels: LabelCounts, prefix: str) -> str | None:
    """Files were put together, each with a beginning of its own."""
    for name, n in zip(labels.names, labels.counts, strict=True):
        if name.startswith(_MARK):
            return (
                f"a label begins with a byte order mark ({name.strip(_MARK)!r}): take the marks "
                "out of the middle of the file, where files were put together"
            )
        if name.casefold() in ("label", "labels") and n * 20 <= labels.n_texts:
            return (
                f"{n:,} text{'s' * (n != 1)} {'has' if n == 1 else 'have'} the label {name!r}: is "
                "a header among the rows?"
            )
    return None


def _case(labels: LabelCounts, prefix: str) -> str | None:
    folded: dict[str, str] = {}
    for name in labels.names:
        other = folded.setdefault(name.casefold(), name)
        if other != name:
            return f"two labels differ by case alone ({other!r}, {name!r}): are they one?"
    return None


def _own(labels: LabelCounts, prefix: str) -> str | None:
    used, n = labels.names, labels.counts.count(1)
    if labels.n_texts < FEWEST_TEXTS or n <= OWN_SHARE * max(labels.n_texts, sum(labels.counts)):
        return None
    numbers = all(name.strip().lstrip("-").isdigit() for name in used[:100])
    lengths = [len(name.split()) for name in used[:1000]]
    if numbers:
        why = "is the first column a number of the row? --columns id,label,text names the columns"
    elif sum(lengths) > 3 * len(lengths):
        why = "are label and text swapped? --columns text,label names the columns"
    else:
        why = (
            "is the first column really the label (--columns names the columns of a table), or a "
            "space missing after it?"
        )
    return f"nearly every text has a label of its own ({n:,} of {labels.n_texts:,}): {why}"


Check = Callable[[LabelCounts, str], "str | None"]
_CHECKS: tuple[Check, ...] = (
    _prefixed, _put_together, _several, _glued, _trailing, _missing, _own, _case,
)  # fmt: skip
