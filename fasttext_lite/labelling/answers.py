"""What was said of texts so far: the events of a session, and where they lead."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from fasttext_lite.errors import bounded
from fasttext_lite.labelling.messages import LABEL, SKIP, Accuracy, Answer

_HALVES = re.compile("[\ud800-\udfff]")  # of surrogate pairs, which no text has
NEW, UNDO, MEASURED = "new", "undo", "measured"  # kinds of events, beside those of answers


@dataclass(frozen=True)
class Event:
    """Something that happened in a session.

    Attributes
    ----------
    event : str
        `LABEL`, `SKIP`, `UNDO`, `NEW`: a label was made, or `MEASURED`: the accuracy was.
    at : float
        Seconds since 1970.
    person : str
    text : str
        Empty of a new label.
    labels : tuple of str
        Of an answer, or the new one.
    asked : str
        Why the text was asked; empty of what was known before.
    version : int
        Of the text's answer, from now on.
    accuracy : Accuracy, optional
        That was measured.
    """

    event: str
    at: float
    person: str = ""
    text: str = ""
    labels: tuple[str, ...] = ()
    asked: str = ""
    version: int = 0
    accuracy: Accuracy | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        found = asdict(self)
        if self.accuracy is None:
            del found["accuracy"]
        return found

    @classmethod
    def from_dict(cls, values: Any) -> Event:
        """Return an event of JSON values.

        Raises
        ------
        ValueError
            If it is none.
        """
        if not isinstance(values, dict):
            raise ValueError("no JSON object")
        kinds = {
            "event": str, "at": (int, float), "person": str, "text": str, "labels": list,
            "asked": str, "version": int,
        }  # fmt: skip
        for name, kind in kinds.items():
            if not isinstance(values.get(name), kind):  # type: ignore[arg-type]
                raise ValueError(bounded(f"no {name!r}, or another kind of value"))
        if values["event"] not in (LABEL, SKIP, UNDO, NEW, MEASURED):
            raise ValueError(bounded(f"no event is called {values['event']!r}"))
        if not all(isinstance(label, str) and label for label in values["labels"]):
            raise ValueError("'labels' holds something else")
        if (values["event"] in (LABEL, NEW)) != bool(values["labels"]):
            raise ValueError("an answer without a label, or labels of something else")
        if any(map(_HALVES.search, (values["person"], *values["labels"]))):
            raise ValueError("half of a surrogate pair")
        given = {name: values[name] for name in kinds}
        accuracy = None
        if values["event"] == MEASURED:
            accuracy = _accuracy(values.get("accuracy"))
        return cls(**{**given, "labels": tuple(given["labels"])}, accuracy=accuracy)


def _accuracy(values: Any) -> Accuracy:
    """Return an accuracy of JSON values; raise `ValueError` if it is none."""
    names = [each.name for each in fields(Accuracy)]
    if not isinstance(values, dict) or sorted(values) != sorted(names):
        raise ValueError("no 'accuracy', or another kind of value")
    if not all(isinstance(values[name], int | float) for name in names):
        raise ValueError("'accuracy' holds something else than numbers")
    return Accuracy(**values)


class Answers:
    """The answers to texts, by the texts' numbers.

    Parameters
    ----------
    labels : sequence of str
        That there are from the start.

    Attributes
    ----------
    labels : list of str
        In the order in which they came.
    n_events : int
        Changes of answers so far.
    n_undone : int
        How many of these took one back.
    curve : tuple of Accuracy
        As it was measured so far.
    """

    def __init__(self, labels: Sequence[str] = ()) -> None:
        self.labels = list(labels)
        self.n_events = self.n_undone = 0
        self.curve: tuple[Accuracy, ...] = ()
        self._given = set(labels)
        self._known = set(labels)
        self._history: dict[int, list[Answer]] = {}
        self._asked: dict[int, str] = {}
        self._versions: dict[int, int] = {}
        self._done: dict[str, list[tuple[int, Answer]]] = {}
        self._counts: Counter[str] = Counter()
        self._people: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()

    # -- what happened --
    def apply(self, event: Event, number: int | None) -> None:
        """Take an event in.

        Parameters
        ----------
        event : Event
        number : int, optional
            Of the text; None of a new label.

        Raises
        ------
        ValueError
            If nothing is there to undo.
        """
        if event.accuracy is not None:
            self.curve = (*self.curve, event.accuracy)
            return
        if event.event == NEW or number is None:
            self._know(event.labels)
            return
        if event.event == UNDO:
            undone = self.last(event.person)
            if undone != number:
                raise ValueError("there is nothing to undo")
            self._forget(event.person, number)
            self.n_undone += 1
        else:
            self._know(event.labels)
            answer = Answer(event.labels, event.person, event.at, event.event)
            self._count(number, -1)
            self._history.setdefault(number, []).append(answer)
            self._count(number, 1)
            self._done.setdefault(event.person, []).append((number, answer))
            self._asked[number] = event.asked
        self._versions[number] = event.version
        self.n_events += 1

    def _know(self, labels: Sequence[str]) -> None:
        for label in labels:
            if label not in self._known:
                self._known.add(label)
                self.labels.append(label)

    def _count(self, number: int, step: int) -> None:
        answer = self.of(number)
        if answer is None:
            return
        self._kinds[answer.kind] += step
        self._people[answer.by] += step
        for label in answer.labels:
            self._counts[label] += step

    def _forget(self, person: str, number: int) -> None:
        done = self._done[person]
        place = next(i for i in range(len(done) - 1, -1, -1) if self._stands(*done[i]))
        del done[place]
        self._count(number, -1)
        self._history[number].pop()
        self._count(number, 1)

    def last(self, person: str) -> int | None:
        """Return the text of a person's last answer that stands; None if there is none.

        What somebody else has answered anew is passed over.
        """
        done = reversed(self._done.get(person, []))
        return next((number for number, answer in done if self._stands(number, answer)), None)

    def _stands(self, number: int, answer: Answer) -> bool:
        history = self._history.get(number, [])
        return bool(history) and history[-1] is answer

    # -- where it led --
    def of(self, number: int) -> Answer | None:
        """Return the answer to a text."""
        history = self._history.get(number)
        return history[-1] if history else None

    def version(self, number: int) -> int:
        """Return how often the answer to a text was changed."""
        return self._versions.get(number, 0)

    def asked(self, number: int) -> str:
        """Return why a text was asked that is answered."""
        return self._asked.get(number, "")

    def is_new(self, label: str) -> bool:
        """Return whether a label was not there from the start."""
        return label not in self._given

    def count(self, label: str) -> int:
        """Return how many texts have a label."""
        return self._counts[label]

    @property
    def n_labelled(self) -> int:
        """Number of texts with labels."""
        return self._kinds[LABEL]

    @property
    def n_skipped(self) -> int:
        """Number of texts that were skipped."""
        return self._kinds[SKIP]

    def people(self) -> tuple[tuple[str, int], ...]:
        """Return who gave how many of the answers that stand, the most first."""
        found = [(name, n) for name, n in self._people.items() if n and name]
        return tuple(sorted(found, key=lambda pair: (-pair[1], pair[0])))

    def labelled(self) -> dict[int, tuple[str, ...]]:
        """Return the labels of the texts that have some, by number."""
        return {
            number: history[-1].labels
            for number, history in self._history.items()
            if history and history[-1].kind == LABEL
        }

    def settled(self) -> set[int]:
        """Return the texts that were labelled or skipped."""
        return {number for number, history in self._history.items() if history}
