"""What records of tables and JSON lines say beside their labels: weights, and shares of labels.

A column is read by its usual name only if its first value is what it should be: "weight" may be
that of a product, in grams. One that was asked for must be there and be good.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.corpus.headers import Header
from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.corpus.reading import Judgement
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.corpus.reading import Reading

NEWLINES = str.maketrans("\r\n", "  ")
_LONGEST = 40  # characters of a value in a message
_EXAMPLE = '{"sport": 0.7, "politics": 0.3}'
_NUMBERS, _LARGEST = {int, float}, sys.float_info.max
_MOST_KEYS = 1 << 10  # sets of labels that are remembered


def label_name(text: str, prefix: str) -> str:
    """Return a label as it is called everywhere: in one line, without its prefix."""
    return without_prefix(text.translate(NEWLINES).strip(), prefix)


def number_or_text(field: str) -> float | str | None:
    """Return the number in a field of a table; the text if it is none, None if it is empty."""
    text = field.strip()
    try:
        return text if "_" in text else float(text)
    except ValueError:
        return text or None


class _Column:
    """A column, or key, that may be there.

    Attributes
    ----------
    name, flag : str
    is_asked : bool
        Whether the user gave its name.
    is_read, is_seen : bool
        Whether values are looked at, and whether there was one.
    """

    def __init__(self, reading: Reading, field: str) -> None:
        options = reading.options
        self.name: str = getattr(options, field)
        self.flag = f"--{field.replace('_', '-')}"
        self.is_asked = bool(self.name) and self.name != getattr(type(options), field)
        others = (options.text_column, options.label_column)
        self.is_read = bool(self.name) and (self.is_asked or self.name not in others)
        self.is_seen = False


class Judgements:
    """Makes a `Judgement` of what a record holds, and says what the user should know.

    Parameters
    ----------
    reading : Reading

    Raises
    ------
    InputError
        From all methods: if a weight or shares are not what they should be, with path:line.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.weight = _Column(reading, "weight_column")
        self.shares = _Column(reading, "probabilities_column")
        self.n_without = self.first_without = 0
        self.several = 0  # the first line with several labels
        self._names: dict[tuple[str, ...], tuple[str, ...]] = {}

    def of(self, number: int, weight: Any, shares: Any, labels: Sequence[str]) -> Judgement | None:
        """Return the judgement of a record; None if it has nothing but its label.

        Parameters
        ----------
        number : int
            Its line.
        weight, shares : object
            As they stand there; None = nothing does.
        labels : sequence of str
        """
        factor = self._factor(weight, number)
        if len(labels) > 1:
            self.several = self.several or number
        if shares is not None and self._are_read(shares, number, bool(labels)):
            if self.reading.options.multilabel or self.several:
                raise InputError(self._not_of_one(number))
            return self._judgement(1.0 if factor is None else factor, shares, number)
        if self.several and self.shares.is_seen and self.shares.is_read:
            raise InputError(self._not_of_one(number))
        return None if factor is None or self.reading.judges else Judgement(factor)

    def of_object(
        self, number: int, record: Mapping[str, Any], labels: Sequence[str]
    ) -> Judgement | None:
        """Return the judgement of a JSON object; None if it has nothing but its label."""
        weight, shares = record.get(self.weight.name), record.get(self.shares.name)
        if weight is None and shares is None and len(labels) < 2 and self.n_without:
            self.n_without += 1  # as most records of most files
            return None
        return self.of(number, weight, shares, labels)

    def end(self) -> None:
        """Say what is known when all records were read."""
        reading = self.reading
        for column in (self.weight, self.shares):
            if column.is_asked and not column.is_seen and not reading.judges:
                raise InputError(
                    f"{reading.where}: no record has a value of {column.name!r}, which "
                    f"{column.flag} names"
                )
        if self.n_without and self.weight.is_seen and self.weight.is_read and not reading.judges:
            n = self.n_without
            reading.say(
                f"{n:,} record{'s' * (n != 1)} without a weight count{'s' * (n == 1)} 1 (first: "
                f"{reading.where}:{self.first_without})"
            )

    # -- weights -----------------------------------------------------------------------------
    def _factor(self, weight: Any, number: int) -> float | None:
        """Return the weight of a record; None if it has none and counts 1."""
        column, reading = self.weight, self.reading
        if weight is None:
            self.first_without = self.first_without or number
            self.n_without += 1
            return None
        if not column.is_read:
            return None
        is_good, is_first = _is_amount(weight), not column.is_seen
        column.is_seen = True
        if reading.judges:
            column.is_read = False
            if is_good:
                reading.say(
                    f"{reading.where}: {column.name!r} is not used here: in measuring each text "
                    "counts once"
                )
            return None
        if is_first and not column.is_asked:
            if not is_good:
                column.is_read = False
                reading.say(
                    f"{reading.where}:{number}: {column.name!r} is not read as weights of records: "
                    f"{_shown(weight)} is no number of at least 0"
                )
                return None
            reading.say(
                f"{reading.where}: {column.name!r} is read as the weight of each record in "
                f"training; {column.flag} '' leaves it unread"
            )
        if not is_good:
            raise InputError(
                f"{reading.where}:{number}: the weight must be a number of at least 0 (0 leaves "
                f"the record out), got {_shown(weight)}{self._way_out(column)}"
            )
        return float(weight)

    def _way_out(self, column: _Column) -> str:
        return "" if column.is_asked else f"; {column.flag} '' leaves {column.name!r} unread"

    # -- shares ------------------------------------------------------------------------------
    def _are_read(self, shares: Any, number: int, has_label: bool) -> bool:
        """Return whether the shares of a record count; say so where the first ones are met."""
        column, reading = self.shares, self.reading
        if not column.is_read or (reading.judges and has_label):
            return False
        is_first, column.is_seen = not column.is_seen, True
        if not is_first or column.is_asked:
            return True
        if not isinstance(shares, Mapping) and has_label:
            column.is_read = False
            reading.say(
                f"{reading.where}:{number}: {column.name!r} is not read as shares of labels: "
                f"{_shown(shares)} is no object such as {_EXAMPLE}"
            )
            return False
        if not reading.judges:  # which says at the end how many there are
            reading.say(
                f"{reading.where}: {column.name!r} is read as shares of labels, of which the "
                f"likeliest is learnt; {column.flag} '' leaves it unread"
            )
        return True

    def _not_of_one(self, number: int) -> str:
        where = f"{self.reading.where}:{number}"
        if self.reading.options.multilabel:
            why = "with --multilabel texts may have several"
        else:
            why = f"the texts have several (first: {self.reading.where}:{self.several})"
        return (
            f"{where}: probabilities are shares of the one label that a text has, and {why}"
            f"{self._way_out(self.shares)}"
        )

    def _judgement(self, factor: float, shares: Any, number: int) -> Judgement:
        """Return the judgement of a record with shares.

        Raises
        ------
        InputError
            If they are no shares of labels.
        """
        if not isinstance(shares, Mapping) or not _are_good(shares.values()):
            self._check_shares(shares, f"{self.reading.where}:{number}")
        names = self._names.get(tuple(shares))
        if names is None:
            names = self._different(tuple(shares), f"{self.reading.where}:{number}")
        return Judgement(factor, names, list(shares.values()))

    def _check_shares(self, shares: Any, where: str) -> None:
        """Raise `InputError` if something is no shares of labels."""
        if not isinstance(shares, Mapping):
            raise InputError(
                f"{where}: probabilities must be an object with a number for each label, such as "
                f"{_EXAMPLE}, got {_shown(shares)}{self._way_out(self.shares)}"
            )
        if not shares:
            raise InputError(f"{where}: probabilities name no label")
        for label, share in shares.items():
            if not _is_amount(share):
                raise InputError(
                    f"{where}: the share of the label {label!r} must be a number of at least 0, "
                    f"got {_shown(share)}"
                )
        if not any(shares.values()):
            raise InputError(f"{where}: all shares are 0: leave the record out, or its shares")

    def _different(self, keys: tuple[str, ...], where: str) -> tuple[str, ...]:
        """Return the labels that keys name, which must be different ones."""
        names = tuple(label_name(key, self.reading.options.label_prefix) for key in keys)
        if "" in names:
            raise InputError(f"{where}: probabilities name a label that is empty")
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise InputError(f"{where}: probabilities name the label {twice!r} twice")
        self.reading.named.update(names)
        if len(self._names) < _MOST_KEYS:
            self._names[keys] = names
        return names


class TableJudgements(Judgements):
    """Judgements of the records of a table.

    Parameters
    ----------
    reading : Reading
    header : Header

    Attributes
    ----------
    least : int
        Fields that a row must have.
    has_shares : bool
        Whether there is a column of shares, so that none of labels is needed.
    """

    def __init__(self, reading: Reading, header: Header) -> None:
        super().__init__(reading)
        self.weight_at = self._place(self.weight, header)
        self.object_at = self._place(self.shares, header)
        self.parts = header.parts_of(self.shares.name) if self.shares.is_read else {}
        self.has_shares = self.object_at is not None or bool(self.parts)
        for column, found in (
            (self.weight, self.weight_at is not None), (self.shares, self.has_shares),
        ):  # fmt: skip
            if column.is_asked and not found and not reading.judges:
                raise InputError(
                    f"{reading.begin}: no column {column.name!r} in the header ({header.shown}), "
                    f"which {column.flag} names"
                )
        if len(set(self.parts.values())) < len(self.parts):
            raise InputError(
                f"{reading.begin}: two columns of {self.shares.name!r} have the same label "
                f"({header.shown})"
            )
        places = [place for place in (self.weight_at, self.object_at) if place is not None]
        self.least = max((*places, *self.parts), default=-1) + 1

    def _place(self, column: _Column, header: Header) -> int | None:
        if not column.is_read:
            return None
        found = header.index(column.name)
        if found is not None and header.names.count(column.name) > 1:
            raise InputError(
                f"{self.reading.begin}: two columns are called {column.name!r} ({header.shown})"
            )
        return found

    def of_row(self, number: int, row: Sequence[str], labels: Sequence[str]) -> Judgement | None:
        """Return the judgement of a row; None if it has nothing but its label."""
        weight = None if self.weight_at is None else number_or_text(row[self.weight_at])
        shares: Any = None
        if self.object_at is not None and (field := row[self.object_at].strip()):
            shares = _object(field)
        found = {
            label: value
            for place, label in self.parts.items()
            if (value := number_or_text(row[place])) is not None
        }
        if found and shares is not None:
            raise InputError(
                f"{self.reading.where}:{number}: probabilities stand in {self.shares.name!r} and "
                "in columns of labels: leave one of both empty"
            )
        return self.of(number, weight, found or shares, labels)


def _object(field: str) -> Any:
    """Return what the JSON in a field says; the text if it is none."""
    try:
        return json.loads(field)
    except (ValueError, RecursionError):
        return field


def _are_good(shares: Collection[Any]) -> bool:
    """Return whether shares are numbers as they should be, at a glance; else they may yet be."""
    if not shares or not set(map(type, shares)) <= _NUMBERS:
        return False
    return min(shares) >= 0 and max(shares) <= _LARGEST and 0 < sum(shares) <= _LARGEST


def _is_amount(value: Any) -> bool:
    """Return whether a value is a number that is finite and at least 0."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0 <= value <= _LARGEST


def _shown(value: Any) -> str:
    """Return a value for a message."""
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    try:
        text = json.dumps(value, ensure_ascii=False)
    except ValueError:  # a number of thousands of digits
        return "a number that is too large"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."
