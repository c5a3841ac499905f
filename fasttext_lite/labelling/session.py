"""A labelling session: questions and answers, the model behind them, and the files."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fasttext_lite.errors import SettingError, bounded
from fasttext_lite.labelling.answers import NEW, UNDO, Event
from fasttext_lite.labelling.background import Background
from fasttext_lite.labelling.behind import Behind
from fasttext_lite.labelling.errors import Stale
from fasttext_lite.labelling.journal import ENDING, Journal
from fasttext_lite.labelling.keys import keys_of
from fasttext_lite.labelling.leases import Leases
from fasttext_lite.labelling.lists import Lists
from fasttext_lite.labelling.marks import marks_of, shown
from fasttext_lite.labelling.messages import (
    AGAIN,
    ASKED,
    LABEL,
    SKIP,
    Guess,
    LabelInfo,
    Mark,
    Progress,
    Question,
    Rows,
)
from fasttext_lite.labelling.output import Output
from fasttext_lite.labelling.settings import Settings, checked_label
from fasttext_lite.labelling.state import State
from fasttext_lite.labelling.training import Training

GUESSES = 5


class Session:
    """Texts that people label together.

    Its methods may be called from any number of threads. Make one with `open`.

    Attributes
    ----------
    settings : Settings
    notices : list of str
        What the user should know about the files.
    """

    def __init__(self, settings: Settings, output: Output, journal: Journal) -> None:
        self.settings = settings
        self._state = State(settings, output, journal)
        self._lock, self._pool, self._answers = (
            self._state.lock, self._state.pool, self._state.answers,
        )  # fmt: skip
        self.notices = self._state.notices
        self._leases = Leases()
        self._lists = Lists(self._state)
        self._behind = Behind(self._state)
        self._folding = Background(self._lists.prepare, "labelling: search")
        self._folding.call()
        self._training = Training(self._pool, settings.several, settings.seed, settings.n_threads)

    # -- beginning and end --
    @classmethod
    def open(cls, settings: Settings) -> Session:
        """Begin a session, or go on with one.

        Raises
        ------
        InputError
            If the journal is held by another session or damaged, or the output cannot be read,
            written or hold the texts.
        SettingError
            If the output's ending or a label does not do.
        """
        output = Output(settings.output, settings.several)
        for label in settings.labels:
            try:
                output.check_label(label)
            except ValueError as error:
                raise SettingError(f"labels: {error}") from None
        journal = Journal(settings.output + ENDING)
        try:
            return cls(settings, output, journal)
        except BaseException:
            journal.close()
            raise

    def close(self) -> None:
        """End the session, and wait for a training; all answers are in the output, too, then."""
        self._behind.close()
        self._folding.close()
        self._training.wait()
        try:
            self._state.write()
        finally:
            self._state.journal.close()

    @property
    def model_path(self) -> str:
        """The file that `train` writes."""
        if self.settings.model is not None:
            return self.settings.model
        return self._state.output.path.rpartition(".")[0] + ".ftl"

    # -- questions --
    def next(self, person: str) -> Question | None:
        """Return the next question for a person; None if all texts are answered.

        Asked again without an answer, it is the same one.
        """
        with self._lock:
            taken = self._leases.of_others(person)
            found = self._behind.asker.next(taken)
            if found is None:
                self._leases.end(person)
                return None
            self._leases.take(person, *found)
        return self._question(*found)

    def question(self, id: int, person: str, asked: str = AGAIN) -> Question:
        """Return a text as a question, whether it is answered or not; it is before the person then.

        Parameters
        ----------
        id : int
        person : str
        asked : str
            Why, one of `messages.ASKED`.

        Raises
        ------
        ValueError
            If there is no such text or reason.
        """
        self._check_id(id)
        if asked not in ASKED:
            raise ValueError(bounded(f"asked must be one of {', '.join(ASKED)}; got {asked!r}"))
        with self._lock:
            self._leases.take(person, id, asked)
        return self._question(id, asked)

    def _check_id(self, number: Any) -> None:
        if type(number) is not int or not 0 <= number < len(self._pool):
            raise ValueError(
                bounded(f"there is no text {number!r}: the {len(self._pool):,} texts count from 0")
            )

    def _question(self, number: int, asked: str) -> Question:
        text, is_cut = shown(self._pool.text_of(number))
        guesser = self._behind.learnt.guesser
        guesses: tuple[Guess, ...] = ()
        marks: tuple[Mark, ...] = ()
        if guesser is not None:
            p = guesser.probabilities(np.array([number]), 1)[0]
            best = np.argsort(-p, kind="stable")[:GUESSES].tolist()
            guesses = tuple(Guess(guesser.labels[i], float(p[i])) for i in best)
            marks = marks_of(guesser.model, text, guesses[0].label)
        with self._lock:
            answer, version = self._answers.of(number), self._answers.version(number)
        return Question(number, text, is_cut, asked, guesses, marks, answer, version)

    def text_of(self, id: int, start: int = 0) -> tuple[str, bool]:
        """Return a part of a text from a character on, and whether there is more behind it.

        Raises
        ------
        ValueError
            If there is no such text or place.
        """
        self._check_id(id)
        if type(start) is not int or start < 0:
            raise ValueError(bounded(f"start must be a whole number of at least 0; got {start!r}"))
        return shown(self._pool.text_of(id), start)

    # -- answers --
    def answer(self, person: str, id: int, labels: Sequence[str], version: int) -> Progress:
        """Take an answer; it is on the disk when this returns.

        Parameters
        ----------
        person : str
        id : int
            Of the text.
        labels : sequence of str
            One, or with `Settings.several` one or more.
        version : int
            Of the answer that the person saw.

        Raises
        ------
        Stale
            If the answer has changed since: nothing is overwritten.
        ValueError
            If there is no such text or label, or they are too many or none.
        OSError
            If it cannot be written; then it does not count.
        """
        labels = self._checked(labels)
        return self._take(person, id, LABEL, labels, version)

    def _checked(self, labels: Sequence[str]) -> tuple[str, ...]:
        if isinstance(labels, str):
            raise ValueError("labels must be a list of labels, not one text")
        found = tuple(dict.fromkeys(labels))
        if not found:
            raise ValueError("an answer needs a label; skip the text if none is right")
        if len(found) > 1 and not self.settings.several:
            raise ValueError(
                f"one label is asked for, {len(found)} were given: start with --multilabel"
            )
        with self._lock:
            known = set(self._answers.labels)
        for label in found:
            if label not in known:
                raise ValueError(bounded(f"there is no label {label!r}: add it first"))
        # As everybody writes them: in the order of the keys.
        order = {label: i for i, label in enumerate(self._answers.labels)}
        return tuple(sorted(found, key=order.__getitem__))

    def skip(self, person: str, id: int, version: int) -> Progress:
        """Take note that a text is not to be asked again; as `answer` else."""
        return self._take(person, id, SKIP, (), version)

    def _take(
        self, person: str, number: int, kind: str, labels: tuple[str, ...], version: int
    ) -> Progress:
        self._check_id(number)
        with self._lock:
            if version != self._answers.version(number):
                stale = True
            else:
                stale = False
                asked = self._leases.asked(person, number) or AGAIN
                text = self._pool.text_of(number)
                event = Event(kind, time.time(), person, text, labels, asked, version + 1)
                self._state.record(event, number)
                self._leases.end(person)
        if stale:
            raise Stale(self._question(number, AGAIN))
        self._behind.hear()
        return self.progress()

    def last(self, person: str) -> tuple[int, int]:
        """Return the text of a person's last answer that stands, and its version.

        Raises
        ------
        ValueError
            If there is none.
        """
        with self._lock:
            number = self._answers.last(person)
            if number is None:
                raise ValueError("there is nothing to undo: no answer of yours is left")
            return number, self._answers.version(number)

    def undo(self, person: str, seen: tuple[int, int] | None = None) -> Question:
        """Take a person's last answer that stands back, and return the text as a question.

        Parameters
        ----------
        person : str
        seen : tuple of int, optional
            What `last` said: whoever asks twice, as the first answer got lost, takes back one.

        Raises
        ------
        Stale
            If that is not so any more: nothing is taken back.
        ValueError
            If there is none.
        OSError
            If it cannot be written; then the answer stands.
        """
        if seen is not None:
            self._check_id(seen[0])
        with self._lock:
            is_stale = seen is not None and (
                self._answers.version(seen[0]) != seen[1] or self._answers.last(person) != seen[0]
            )
            if not is_stale:
                number, version = self.last(person)
                text = self._pool.text_of(number)
                event = Event(UNDO, time.time(), person, text, (), "", version + 1)
                self._state.record(event, number)
                self._leases.take(person, number, AGAIN)
        if is_stale:
            assert seen is not None
            raise Stale(self._question(seen[0], AGAIN))
        return self._question(number, AGAIN)

    def add_label(self, name: str) -> Progress:
        """Make a new label.

        Raises
        ------
        ValueError
            If it is empty, there already, or no file could hold it.
        OSError
            If it cannot be written; then it is not there.
        """
        name = checked_label(name, self.settings.several)
        self._state.output.check_label(name)
        with self._lock:
            if name in self._answers.labels:
                raise ValueError(bounded(f"there is a label {name!r} already"))
            event = Event(NEW, time.time(), "", "", (name,), "", 0)
            self._state.record(event, None)
        return self.progress()

    # -- lists --
    def search(
        self,
        words: str,
        start: int = 0,
        count: int = 50,
        label: str | None = None,
        answered: bool | None = None,
    ) -> Rows:
        """Return texts that have all of some words, whatever their letters' case.

        Parameters
        ----------
        words : str
            Between spaces; all texts have none.
        start, count : int
            Which of them.
        label : str, optional
            Those that were given this label alone.
        answered : bool, optional
            Those that were labelled, or were not.
        """
        return self._lists.search(words, start, count, label, answered, self._behind.learnt)

    def doubtful(self, start: int = 0, count: int = 50) -> Rows:
        """Return labelled texts whose labels the model doubts, the most doubtful first."""
        return self._lists.doubtful(start, count, self._behind)

    # -- where it stands --
    def progress(self) -> Progress:
        """Return where the session stands."""
        answers = self._answers
        with self._lock:
            curve = answers.curve
            labels = tuple(
                LabelInfo(name, key, answers.count(name), answers.is_new(name))
                for name, key in zip(answers.labels, keys_of(answers.labels), strict=True)
            )
            return Progress(
                self._pool.n_asked, answers.n_labelled, answers.n_skipped, self._behind.n_since(),
                labels, answers.people(), curve[-1] if curve else None, curve,
                self._behind.model_state(), self._training.state,
            )  # fmt: skip

    # -- files --
    def export(self) -> tuple[str, int]:
        """Write the output; return its path and the number of its rows.

        Raises
        ------
        OSError, InputError
            If it cannot be written, or cannot hold the rows: the old one stays.
        """
        return self._state.output.path, self._state.write()

    def train(self, path: str | None = None) -> None:
        """Train the model that is kept, in the background; `progress` tells how it goes.

        Parameters
        ----------
        path : str, optional
            Of the model file; default: that of the settings.

        Raises
        ------
        ValueError
            If a training is under way.
        """
        with self._lock:
            given, curve = self._answers.labelled(), self._answers.curve
        self._training.start(path or self.model_path, given, curve[-1] if curve else None)

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the model has learnt all that is due; return whether it has."""
        return self._behind.wait(seconds)
