"""A labelling session: questions and answers, the model behind them, and the files."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from fasttext_lite.errors import SettingError, bounded
from fasttext_lite.labelling.answers import NEW, UNDO, Answers, Event
from fasttext_lite.labelling.background import Background
from fasttext_lite.labelling.choosing import choose
from fasttext_lite.labelling.errors import Stale
from fasttext_lite.labelling.journal import ENDING, Journal
from fasttext_lite.labelling.keys import keys_of
from fasttext_lite.labelling.learner import Learner, Learnt
from fasttext_lite.labelling.leases import Leases
from fasttext_lite.labelling.marks import marks_of, shown
from fasttext_lite.labelling.messages import (
    AGAIN,
    LABEL,
    RANDOM,
    SKIP,
    Accuracy,
    Guess,
    LabelInfo,
    Mark,
    ModelState,
    Progress,
    Question,
    Row,
    Rows,
)
from fasttext_lite.labelling.output import Output
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.labelling.searching import Search, folded_words
from fasttext_lite.labelling.settings import Settings, checked_label
from fasttext_lite.labelling.training import Training

GUESSES = 5
ROW_TEXT = 300  # characters of a text in a list


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
        self.settings, self.output, self.journal = settings, output, journal
        self.notices = list(journal.notices)
        self._lock = threading.RLock()
        self.answers = Answers(settings.labels)
        events = journal.events or self._before()
        others = dict.fromkeys(event.text for event in events if event.text)
        self.pool = Pool(settings.texts, settings.seed, others)
        output.check_pool(self.pool, settings.name)
        for event in events:
            self.answers.apply(event, self.pool.find(event.text) if event.text else None)
        self._check_labels()
        self._leases = Leases()
        self._search = Search(self.pool)
        self.learner = Learner(self.pool, settings.several, settings.seed, settings.n_threads)
        self._learnt = Learnt()
        self._learnt_events = 0
        self._queue: list[tuple[int, str]] = []
        self._curve: tuple[Accuracy, ...] = ()
        self._training = Training(self.pool, settings.several, settings.seed, settings.n_threads)
        self._written_events = -1
        self._place = 0  # in the random order: all before are answered
        self._behind = Background(self._learn, "labelling: model")
        self._behind.call()

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

    def _before(self) -> list[Event]:
        """Take the rows of an output without a journal into one, and return their events."""
        rows = self.output.read()
        if not rows:
            return []
        now = time.time()
        found: dict[str, Event] = {}
        for text, labels in rows:
            if text in found and found[text].labels != labels:
                labels = found[text].labels if not self.settings.several else labels
            found[text] = Event(LABEL, now, "", text, labels, "", 1)
        self.journal.append(*found.values())
        self.notices.append(f"{self.output.path}: {len(found):,} texts are labelled already")
        return list(found.values())

    def _check_labels(self) -> None:
        """Raise `SettingError` if old answers have several labels and new ones may not."""
        if self.settings.several:
            return
        for number, labels in self.answers.labelled().items():
            if len(labels) > 1:
                raise SettingError(
                    f"{self.output.path}: there are texts with several labels "
                    f"({self.pool.text_of(number)[:60]!r}): go on with --several"
                )

    def close(self) -> None:
        """End the session: all answers are on the disk already, and now in the output, too."""
        self._behind.close()
        self._training.wait()
        with self._lock:
            try:
                self._write()
            finally:
                self.journal.close()

    @property
    def model_path(self) -> str:
        """The file that `train` writes."""
        if self.settings.model is not None:
            return self.settings.model
        return self.output.path.rpartition(".")[0] + ".ftl"

    # -- questions --
    def next(self, person: str) -> Question | None:
        """Return the next question for a person; None if all texts are answered.

        Asked again without an answer, it is the same one.
        """
        with self._lock:
            taken = self._leases.of_others(person)
            found = self._random(taken) if self._is_random_due() else self._chosen(taken)
            found = found or self._chosen(taken) or self._random(taken)
            if found is None:
                self._leases.end(person)
                return None
            self._leases.take(person, *found)
        return self._question(*found)

    def _is_random_due(self) -> bool:
        n = self.answers.n_labelled + self.answers.n_skipped
        share = self.settings.random_share
        return int(share * (n + 1)) > int(share * n)

    def _random(self, taken: set[int]) -> tuple[int, str] | None:
        order = self.pool.order
        while self._place < order.size and self.answers.of(int(order[self._place])) is not None:
            self._place += 1
        for place in range(self._place, order.size):
            number = int(order[place])
            if number not in taken and self.answers.of(number) is None:
                return number, RANDOM
        return None

    def _chosen(self, taken: set[int]) -> tuple[int, str] | None:
        for number, asked in self._queue:
            if number not in taken and self.answers.of(number) is None:
                return number, asked
        return None

    def question(self, id: int, person: str, asked: str = AGAIN) -> Question:
        """Return a text as a question, whether it is answered or not; it is before the person then.

        Raises
        ------
        ValueError
            If there is no such text.
        """
        self._check_id(id)
        with self._lock:
            self._leases.take(person, id, asked)
        return self._question(id, asked)

    def _check_id(self, number: Any) -> None:
        if type(number) is not int or not 0 <= number < len(self.pool):
            raise ValueError(
                bounded(f"there is no text {number!r}: the {len(self.pool):,} texts count from 0")
            )

    def _question(self, number: int, asked: str) -> Question:
        text, is_cut = shown(self.pool.text_of(number))
        learnt = self._learnt
        guesses = self._guesses(learnt, number)
        marks: tuple[Mark, ...] = ()
        if guesses and learnt.model is not None and guesses[0].label in learnt.model.labels:
            marks = marks_of(learnt.model, text, guesses[0].label)
        with self._lock:
            answer, version = self.answers.of(number), self.answers.version(number)
        return Question(number, text, is_cut, asked, guesses, marks, answer, version)

    def _guesses(self, learnt: Learnt, number: int) -> tuple[Guess, ...]:
        if learnt.model is None:
            return ()
        p = learnt.judge_pool(np.array([number]), 1)[0][0]
        best = np.argsort(-p, kind="stable")[:GUESSES].tolist()
        return tuple(Guess(learnt.labels[i], float(p[i])) for i in best)

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
        return shown(self.pool.text_of(id), start)

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
                f"one label is asked for, {len(found)} were given: start with --several"
            )
        with self._lock:
            known = set(self.answers.labels)
        for label in found:
            if label not in known:
                raise ValueError(bounded(f"there is no label {label!r}: add it first"))
        # As everybody writes them: in the order of the keys.
        order = {label: i for i, label in enumerate(self.answers.labels)}
        return tuple(sorted(found, key=order.__getitem__))

    def skip(self, person: str, id: int, version: int) -> Progress:
        """Take note that a text is not to be asked again; as `answer` else."""
        return self._take(person, id, SKIP, (), version)

    def _take(
        self, person: str, number: int, kind: str, labels: tuple[str, ...], version: int
    ) -> Progress:
        self._check_id(number)
        with self._lock:
            if version != self.answers.version(number):
                stale = True
            else:
                stale = False
                asked = self._leases.asked(person, number) or AGAIN
                text = self.pool.text_of(number)
                event = Event(kind, time.time(), person, text, labels, asked, version + 1)
                self.journal.append(event)
                self.answers.apply(event, number)
                self._leases.end(person)
                self._call_if_due()
        if stale:
            raise Stale(self._question(number, AGAIN))
        return self.progress()

    def _call_if_due(self) -> None:
        since = self.answers.n_events - self._learnt_events
        if since >= self.settings.between(self.answers.n_labelled) or (
            self._learnt.model is None and since
        ):
            self._behind.call()

    def undo(self, person: str) -> Question:
        """Take a person's last answer that stands back, and return the text as a question.

        Raises
        ------
        ValueError
            If there is none.
        OSError
            If it cannot be written; then the answer stands.
        """
        with self._lock:
            number = self.answers.last(person)
            if number is None:
                raise ValueError("there is nothing to undo: no answer of yours is left")
            version = self.answers.version(number) + 1
            text = self.pool.text_of(number)
            event = Event(UNDO, time.time(), person, text, (), "", version)
            self.journal.append(event)
            self.answers.apply(event, number)
            self._place = 0
            self._leases.take(person, number, AGAIN)
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
        self.output.check_label(name)
        with self._lock:
            if name in self.answers.labels:
                raise ValueError(bounded(f"there is a label {name!r} already"))
            event = Event(NEW, time.time(), "", "", (name,), "", 0)
            self.journal.append(event)
            self.answers.apply(event, None)
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
        wanted = folded_words(words)
        with self._lock:
            given = self.answers.labelled()
        if label is not None or answered:
            numbers = iter(sorted(n for n, have in given.items() if label is None or label in have))
            found = (n for n in numbers if self._search.has(n, wanted))
        else:
            found = (n for n in self._search.find(wanted) if answered is None or n not in given)
        part = list(itertools.islice(found, start, start + count + 1))
        shown_part = part[:count]
        learnt = self._learnt
        rows = self._rows(learnt, shown_part, [0.0] * len(shown_part))
        return Rows(rows, start + len(part), len(part) > count)

    def _rows(self, learnt: Learnt, numbers: list[int], scores: list[float]) -> tuple[Row, ...]:
        guesses: list[tuple[str, float]] = [("", 0.0)] * len(numbers)
        if learnt.model is not None and numbers:
            p = learnt.judge_pool(np.array(numbers, np.int64), 1)[0]
            best = p.argmax(axis=1)
            guesses = [
                (learnt.labels[i], float(row[i])) for i, row in zip(best.tolist(), p, strict=True)
            ]
        found = []
        with self._lock:
            for number, (guess, probability), score in zip(numbers, guesses, scores, strict=True):
                answer = self.answers.of(number)
                text = shown(self.pool.text_of(number)[:ROW_TEXT])[0]
                labels = () if answer is None else answer.labels
                found.append(Row(number, text, labels, guess, probability, score))
        return tuple(found)

    def doubtful(self, start: int = 0, count: int = 50) -> Rows:
        """Return labelled texts whose labels the model doubts, the most doubtful first."""
        with self._lock:
            given, learnt = self.answers.labelled(), self._learnt
        doubts = learnt.doubts(given)
        part = doubts[start : start + count]
        rows = self._rows(learnt, [n for n, _ in part], [score for _, score in part])
        return Rows(rows, len(doubts), len(doubts) > start + count)

    # -- where it stands --
    def progress(self) -> Progress:
        """Return where the session stands."""
        with self._lock:
            answers, learnt = self.answers, self._learnt
            labels = tuple(
                LabelInfo(name, key, answers.count(name), answers.is_new(name))
                for name, key in zip(answers.labels, keys_of(answers.labels), strict=True)
            )
            model = ModelState(
                learnt.model is not None, learnt.n_answers, self._behind.is_busy, learnt.seconds,
                learnt.note,
            )  # fmt: skip
            return Progress(
                self.pool.n_asked, answers.n_labelled, answers.n_skipped,
                answers.n_events - self._learnt_events, labels, answers.people(),
                self._curve[-1] if self._curve else None, self._curve, model, self._training.state,
            )  # fmt: skip

    # -- files --
    def export(self) -> tuple[str, int]:
        """Write the output; return its path and the number of its rows.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        with self._lock:
            return self.output.path, self._write()

    def _write(self) -> int:
        with self._lock:
            given = self.answers.labelled()
            n_events = self.answers.n_events
            if n_events != self._written_events and (given or n_events):
                rows = [(self.pool.text_of(number), given[number]) for number in sorted(given)]
                self.output.write(rows)
                self._written_events = n_events
            return len(given)

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
            given, curve = self.answers.labelled(), self._curve
        self._training.start(path or self.model_path, given, curve[-1] if curve else None)

    # -- behind --
    def wait(self, seconds: float | None = None) -> bool:
        """Wait until the model has learnt what is due; return whether it has."""
        return self._behind.wait(seconds)

    def _learn(self) -> None:
        """Train a model anew and choose what to ask next."""
        with self._lock:
            n_events = self.answers.n_events
            given, settled = self.answers.labelled(), self.answers.settled()
        learnt = self.learner.learn(given)
        queue = choose(self.pool, learnt, settled, self.settings.n_threads)
        with self._lock:
            self._learnt, self._queue, self._learnt_events = learnt, queue, n_events
        try:
            self._write()
        except OSError as error:
            self._learnt = learnt
            self.notices.append(f"{self.output.path}: cannot be written: {error.strerror}")
