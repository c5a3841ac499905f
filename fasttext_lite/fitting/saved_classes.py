"""The classes that an estimator keeps in a model file, beside the names of the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fasttext_lite.errors import InputError, ModelError


@dataclass(frozen=True)
class SavedClasses:
    """Classes in their own type, and the label that stands for each.

    Attributes
    ----------
    values : list
        Sorted; text, numbers or truth values.
    labels : list of str
        Of the same length.
    are_columns : bool
        Whether they are the numbers of a 0/1 matrix's columns.
    """

    values: list[Any]
    labels: list[str]
    are_columns: bool = False

    @classmethod
    def of(cls, estimator: Mapping[str, Any], labels: Sequence[str], path: str) -> SavedClasses:
        """Return the classes of a header's ``estimator``.

        Raises
        ------
        ModelError
            If they are not those of as many labels.
        """
        values = estimator.get("classes")
        if not isinstance(values, list) or len(values) != len(labels):
            raise ModelError(
                f"{path}: the model file is damaged: the classes do not fit the labels"
            )
        return cls(values, list(labels), estimator.get("target_kind") == "indicator")

    def grown(self, names: Sequence[str], where: str) -> SavedClasses:
        """Return the classes with those of labels that are new.

        Parameters
        ----------
        names : sequence of str
            Labels, new ones among them.
        where : str
            The file that they are of.

        Raises
        ------
        InputError
            If a new one cannot be of the type of the others.
        """
        known = set(self.labels)
        new = [name for name in names if name not in known]
        pairs = list(zip(self.values, self.labels, strict=True))
        pairs += [(self._value(name, where), name) for name in new]
        pairs.sort(key=lambda pair: pair[0])
        values = [value for value, _ in pairs]
        if self.are_columns and values != list(range(len(values))):
            raise InputError(
                f"{where}: the labels of the model are the numbers of a matrix's columns, 0 to "
                f"{len(self.values) - 1}: a new one is {len(self.values)}; got "
                f"{', '.join(new[:3])}"
            )
        return SavedClasses(values, [name for _, name in pairs], self.are_columns)

    def _value(self, name: str, where: str) -> Any:
        """Return the class that a new label stands for."""
        first = self.values[0]
        if isinstance(first, str):
            if name not in self.values:
                return name
        elif not isinstance(first, bool):
            try:
                value = type(first)(name)
            except ValueError:
                value = None
            if value not in self.values and str(value) == name and value == value:
                return value
        raise InputError(
            f"{where}: the labels of the model are of a Python estimator, such as {first!r}, and "
            f"{name!r} cannot be one of them: go on with `partial_fit` there, or train a new model"
        )
