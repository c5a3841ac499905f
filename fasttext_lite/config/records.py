"""Tables of choices: one record for each, looked up by name, open to records from outside."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol, TypeVar

from fasttext_lite.errors import bounded


class Named(Protocol):
    """A record: what is to be known of one choice."""

    @property
    def name(self) -> str:
        """What users call the choice."""


R = TypeVar("R", bound=Named)


class Records(Mapping[str, R]):
    """The records of one kind of choice by name, in a fixed order.

    Parameters
    ----------
    kind : str
        What they are, for messages: "loss".
    *records : object with a name
    reserved : tuple of str
        Words that stand beside names where one chooses, such as "auto".

    Examples
    --------
    >>> from fasttext_lite.config.losses import LOSSES
    >>> LOSSES["hs"].link
    'tree'
    >>> LOSSES["hearts"]
    Traceback (most recent call last):
        ...
    ValueError: unknown loss 'hearts'; known are softmax, hs, ova, ns, hinge, squared_hinge
    """

    def __init__(self, kind: str, *records: R, reserved: tuple[str, ...] = ()) -> None:
        self.kind, self.reserved = kind, reserved
        self._records: dict[str, R] = {}
        for record in records:
            self.add(record)

    def add(self, record: R) -> None:
        """Add a choice.

        Raises
        ------
        ValueError
            If there is one of this name, or the name is reserved.
        """
        if record.name in self.reserved:
            raise ValueError(bounded(f"no {self.kind} can be called {record.name!r}"))
        if record.name in self._records:
            raise ValueError(bounded(f"there is a {self.kind} {record.name!r} already"))
        self._records[record.name] = record

    def remove(self, name: str) -> None:
        """Take a choice away again; a `ValueError` if there is none of this name."""
        del self._records[self[name].name]

    def __getitem__(self, name: str) -> R:
        try:
            return self._records[name]
        except KeyError:
            known = ", ".join(self._records)
            raise ValueError(bounded(f"unknown {self.kind} {name!r}; known are {known}")) from None

    def __contains__(self, name: object) -> bool:
        return name in self._records

    def __iter__(self) -> Iterator[str]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def get(self, name: str, default: Any = None) -> Any:
        """Return a record, or `default` if there is none of this name."""
        return self._records.get(name, default)


class Choices(Sequence[str]):
    """The values that a setting may have: some words, and the names of a table as it is now."""

    def __init__(self, *words: str, table: Records[Any]) -> None:
        self.words, self.table = words, table

    def __getitem__(self, place: Any) -> Any:
        return (*self.words, *self.table)[place]

    def __len__(self) -> int:
        return len(self.words) + len(self.table)


def load(reference: str) -> Any:
    """Return what stands under a name in a module, ``package.module:name``.

    Records name compiled functions so, as text: the command line shows its help without them.

    Raises
    ------
    ValueError
        If there is no such place.
    """
    module, _, name = reference.partition(":")
    try:
        return getattr(import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ValueError(
            bounded(f"a record names {reference!r}, which is not there: {error}")
        ) from None
