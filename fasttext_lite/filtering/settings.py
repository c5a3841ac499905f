"""What is asked of a run: models with their rules, and how records are read and written."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from fasttext_lite.config.foreign import WORD, advice
from fasttext_lite.errors import InputError, UsageError

BAD_WAYS = ("keep", "aside", "fail")
SAME = "same"  # compression of the output: as that of the input
PLAIN = "none"
_DOT = re.compile(r"(?<!\\)\.")


class FieldTakenError(InputError):
    """Raised for a record that has a field of the name of one that is to be added."""


@dataclass(frozen=True)
class Rule:
    """A model, and what its answers decide.

    Attributes
    ----------
    name : str
        Of the model, in messages and columns.
    path : str
    keep : tuple of str
        Labels of which one must be met; none = all records are kept.
    drop : tuple of str
        Labels of which none may be met.
    threshold : float, optional
        A label of these is met where its probability is at least this; without, where it is the
        likeliest.
    probabilities : tuple of str
        Labels whose probabilities get columns of their own.
    label_column, score_column : str
        Names of what is added; "" = it is not.
    """

    name: str
    path: str
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    threshold: float | None = None
    probabilities: tuple[str, ...] = ()
    label_column: str = "predicted_label"
    score_column: str = "predicted_score"

    @property
    def columns(self) -> list[tuple[str, str, str]]:
        """The columns that are added: name, what it holds ("label" or "score"), of which label."""
        own = [(self.label_column, "label", ""), (self.score_column, "score", "")]
        stem = self.score_column or self.name
        own += [(f"{stem}_{label}", "score", label) for label in self.probabilities]
        return [column for column in own if column[0]]


@dataclass(frozen=True)
class Settings:
    r"""All that decides what is written.

    Attributes
    ----------
    rules : tuple of Rule
    text_field : str
        Keys on the way to the text, with dots between; ``\.`` is a dot in a key.
    split_by : str
        Name of the model whose labels have folders of their own; "" = none.
    keep_dropped : bool
        Whether the records that are not kept go to a folder of their own.
    bad : str
        What becomes of records without a text: one of `BAD_WAYS`.
    exact : bool
        Whether probabilities are fastText's to the last bit.
    format : str
        Of the files: "auto", or one of `formats.FORMATS`.
    delimiter, columns : str
        Of tables: what separates cells ("" = tried), names of columns that stand in no line.
    compression : str
        "same", "none", or one of `corpus.compression.COMPRESSIONS`.
    """

    rules: tuple[Rule, ...]
    text_field: str = "text"
    split_by: str = ""
    keep_dropped: bool = False
    bad: str = "aside"
    exact: bool = False
    format: str = "auto"
    delimiter: str = ""
    columns: str = ""
    compression: str = SAME

    @property
    def path(self) -> list[str]:
        """The keys on the way to the text."""
        return [key.replace("\\.", ".") for key in _DOT.split(self.text_field)]

    @property
    def added(self) -> list[str]:
        """The names of all columns that are added."""
        return [name for rule in self.rules for name, _, _ in rule.columns]

    def check(self) -> None:
        """Raise `UsageError` for what contradicts itself."""
        if not all(self.path):
            raise UsageError(
                f"--text-field must be keys with dots between, such as content.body; got "
                f"{self.text_field!r}"
            )
        names = [rule.name for rule in self.rules]
        for name in names:
            if names.count(name) > 1:
                raise UsageError(f"two models are called {name!r}: name them, NAME=FILE")
        added = self.added
        for name in added:
            if added.count(name) > 1:
                raise UsageError(f"two columns would be called {name!r}: name them differently")
        for rule in self.rules:
            if rule.keep and rule.drop:
                raise UsageError(f"--keep and --drop are both given for {rule.name}: choose one")

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as JSON has them."""
        return asdict(self)


def label_number(label: str, labels: list[str], rule: Rule) -> int:
    """Return the number of a label that a flag names.

    Raises
    ------
    UsageError
        If the model has no such label.
    """
    if label in labels:
        return labels.index(label)
    said = advice(label, labels, WORD)
    known = ", ".join(labels[:8]) + ", ..." * (len(labels) > 8)
    raise UsageError(f"{rule.path}: the model has no label {label!r}{said or f' (it has {known})'}")
