"""What all parts of a session share: texts, answers and the files, behind one lock."""

from __future__ import annotations

import threading
import time
from collections.abc import Collection

from fasttext_lite.errors import InputError, SettingError
from fasttext_lite.labelling.answers import Answers, Event
from fasttext_lite.labelling.journal import Journal
from fasttext_lite.labelling.messages import LABEL
from fasttext_lite.labelling.output import Output
from fasttext_lite.labelling.pool import Pool
from fasttext_lite.labelling.settings import Settings


class State:
    """Texts and their answers, as the journal has them.

    Parameters
    ----------
    settings : Settings
    output : Output
    journal : Journal
        Open.

    Attributes
    ----------
    lock : RLock
        Held by whoever reads or changes the answers.
    pool : Pool
    answers : Answers
    notices : list of str
        What the user should know about the files.

    Raises
    ------
    InputError
        If there is no text, or the output cannot be read or cannot hold the texts.
    SettingError
        If there are texts with several labels, and these are not asked for.
    """

    def __init__(self, settings: Settings, output: Output, journal: Journal) -> None:
        self.settings, self.output, self.journal = settings, output, journal
        self.lock, self._writing = threading.RLock(), threading.Lock()
        self.notices = list(journal.notices)
        self.answers = Answers(settings.labels)
        known = {output.plain(event.text) for event in journal.events}
        added = self._from_file(known)
        events = [*journal.events, *added]
        others = dict.fromkeys(event.text for event in events if event.text)
        self.pool = Pool(settings.texts, settings.seed, others)
        if not self.pool.n_asked:
            raise InputError(f"{settings.name}: no text to label: all are blank")
        output.check_pool(self.pool, settings.name)
        self._apply(events)
        self._check_labels()
        if added:
            self.journal.append(*added)
        if journal.events:
            self._say_what_differs()
        is_answered = any(event.person for event in events)
        # Events; rows from before are not written again before somebody answers.
        self._n_written = -1 if is_answered else self.answers.n_events
        if output.lost and not is_answered:
            self._say(f"the first answer will not keep these in it: {'; '.join(output.lost)}")

    def _from_file(self, known: Collection[str]) -> list[Event]:
        """Return answers of the output's rows that the journal does not know."""
        self._rows = self.output.read()  # of the output as it was
        now, n_other = time.time(), 0
        found: dict[str, Event] = {}
        as_asked = self._as_asked(known)
        for row, labels in self._rows:
            plain = self.output.plain(row)
            text = as_asked.get(plain, row)
            if plain not in known:
                n_other += text in found and found[text].labels != labels
                found[text] = Event(LABEL, now, "", text, labels, "", 1)
        if not found:
            return []
        self._say(f"{len(found):,} texts are labelled already")
        if n_other:
            self._say(
                f"{n_other:,} rows have a text of a row before and other labels: the last ones "
                "count"
            )
        return list(found.values())

    def _as_asked(self, known: Collection[str]) -> dict[str, str]:
        """Return the texts to label whose spaces the output does not keep, by what it keeps."""
        plain = self.output.plain
        if plain("  ") == "  ":
            return {}
        wanted = {plain(text) for text, _ in self._rows}.difference(known)
        if not wanted:
            return {}
        found = ((plain(text), text) for text in self.settings.texts.to_list())
        return {kept: text for kept, text in found if kept in wanted}

    def _apply(self, events: list[Event]) -> None:
        """Take events in; what takes back an answer that is not there does nothing."""
        n_lost = 0
        for event in events:
            try:
                self.answers.apply(event, self.pool.find(event.text) if event.text else None)
            except ValueError:
                n_lost += 1
        if n_lost:
            self.notices.append(
                f"{self.journal.path}: {n_lost:,} lines take back answers that are not there: "
                "they are passed over"
            )

    def _say_what_differs(self) -> None:
        """Say so if the output was changed by somebody else: what the journal says counts."""
        n = 0
        for text, labels in self._rows:
            number = self.pool.find(text)
            answer = None if number is None else self.answers.of(number)
            n += answer is not None and sorted(answer.labels) != sorted(labels)
        if n:
            self._say(
                f"{n:,} rows have other labels than {self.journal.path} says, which counts: to "
                "begin with the rows as they are, move it away"
            )

    def _say(self, what: str) -> None:
        self.notices.append(f"{self.output.path}: {what}")

    def _check_labels(self) -> None:
        for label in self.answers.labels:
            try:
                self.output.check_label(label)
            except ValueError as error:
                raise InputError(
                    f"{self.output.path}: a label of the answers so far cannot be written: {error}"
                ) from None
        if self.settings.several:
            return
        for number, labels in self.answers.labelled().items():
            if len(labels) > 1:
                raise SettingError(
                    f"{self.output.path}: there are texts with several labels "
                    f"({self.pool.text_of(number)[:60]!r}): go on with --multilabel"
                )

    def record(self, event: Event, number: int | None) -> None:
        """Write an event to the disk, and then take it in. The lock is held.

        Raises
        ------
        OSError
            If it cannot be written; then it did not happen.
        """
        self.journal.append(event)
        self.answers.apply(event, number)

    def write(self) -> int:
        """Write the output if something has changed; return the number of its rows.

        Raises
        ------
        OSError, InputError
            If it cannot be written, or cannot hold the rows: the old one stays.
        """
        with self._writing:  # answers go on meanwhile
            with self.lock:
                given, n_events = self.answers.labelled(), self.answers.n_events
            if n_events not in (0, self._n_written):
                rows = [(self.pool.text_of(number), given[number]) for number in sorted(given)]
                self.output.write(rows)
                self._n_written = n_events
            return len(given)
