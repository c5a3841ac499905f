"""The models that are served, by name, and how a new one takes an old one's place.

A request takes the model that is there when it begins and keeps it to its end; the next request
takes the next one.  A file that cannot be loaded changes nothing but what is told of it.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from fasttext_lite import system
from fasttext_lite.errors import ModelError, NotFiniteError
from fasttext_lite.serving.models import ChangingError, FileState, Served, load, state_of

_LOG = logging.getLogger("fasttext_lite.asked.serving")
_MISSING = FileState(-1, -1, -1)  # of a file that is not there
LOOKS = 10  # after which a file is tried again whose fault may have passed
Told = Callable[[str, str], None]  # name of a model, "ok" or "failed"


def _may_pass(error: BaseException | None) -> bool:
    """Return whether a file may be good though it could not be loaded.

    Memory or open files were short, or nobody was let in: that leaves no trace at the file.
    """
    while error is not None and not isinstance(error, (OSError, MemoryError)):
        error = error.__context__
    return error is not None


@dataclass
class Slot:
    """The place of a model.

    Attributes
    ----------
    current : Served
    reloads : int
        How often another one took its place.
    error : str
        Why the file that has its name now is not served; empty where it is.
    """

    current: Served
    reloads: int = 0
    error: str = ""
    _failed: FileState | None = None  # of the file that could not be loaded
    _looks: int = 0  # until that file is tried again; 0: never
    _seen: FileState | None = None  # at the last look

    @property
    def is_newest(self) -> bool:
        """Whether the model is that of the file that has its name now, as far as was seen."""
        return not self.error


class Shelf:
    """Models by name.

    Parameters
    ----------
    paths : mapping of str to str
        Of the files, by the names of the models.
    on_load : callable, optional
        Called with the name, and "ok" or "failed", after each try to load.

    Raises
    ------
    ModelError
        If one of them cannot be loaded.
    """

    def __init__(self, paths: Mapping[str, str], on_load: Told | None = None) -> None:
        self._on_load = on_load or (lambda name, how: None)
        self._lock = threading.Lock()  # one at a time is loaded
        self._slots = {name: Slot(load(name, path)) for name, path in paths.items()}
        for name in self._slots:
            self._on_load(name, "ok")

    def __len__(self) -> int:
        return len(self._slots)

    def __iter__(self) -> Iterator[tuple[str, Slot]]:
        return iter(self._slots.items())

    def __getitem__(self, name: str) -> Slot:
        return self._slots[name]

    def get(self, name: str) -> Served | None:
        """Return the model of a name as it is now; None where there is none."""
        slot = self._slots.get(name)
        return None if slot is None else slot.current

    @property
    def names(self) -> list[str]:
        """The names, in the order of the command line."""
        return list(self._slots)

    @property
    def only(self) -> Served | None:
        """The model, where there is but one."""
        return next(iter(self._slots.values())).current if len(self._slots) == 1 else None

    def look(self) -> bool:
        """Look at the files, and load those that have been replaced and no longer change.

        Not to be called where requests are answered: it takes as long as a model takes to load.

        Returns
        -------
        bool
            Whether a model has taken another's place.
        """
        with self._lock:
            swapped = [self._look(name, slot) for name, slot in self._slots.items()]
        return self._tidied(any(swapped))

    def reload(self) -> bool:
        """Load all files again, whether or not they were replaced; see `look`."""
        with self._lock:
            swapped = [
                self._load(name, slot, state_of(slot.current.path) or _MISSING)
                for name, slot in self._slots.items()
            ]
        return self._tidied(any(swapped))

    def _look(self, name: str, slot: Slot) -> bool:
        now = state_of(slot.current.path) or _MISSING
        seen, slot._seen = slot._seen, now
        if now == slot.current.state:
            if slot.error:
                _LOG.warning("%s: the file that is served is there again", slot.current.path)
            slot.error, slot._failed = "", None
            return False
        if now != seen:  # it may still change
            return False
        is_again = now == slot._failed
        if is_again:
            slot._looks = max(0, slot._looks - 1)
            if slot._looks != 1:  # known to be bad
                return False
        return self._load(name, slot, now, slot.error if is_again else "")

    def _load(self, name: str, slot: Slot, now: FileState, told: str = "") -> bool:
        """Load a file in the place of another; return whether that was done.

        What went wrong is told, unless it was `told` before.
        """
        path = slot.current.path
        try:
            new = load(name, path)
        except ChangingError:
            return False  # the next look sees it
        except (ModelError, NotFiniteError, MemoryError, OSError, ValueError) as error:
            slot.error, slot._failed = str(error) or "out of memory", now
            slot._looks = LOOKS if _may_pass(error) else 0
            self._on_load(name, "failed")
            if slot.error != told:
                version = slot.current.version
                _LOG.warning("%s; %s goes on as it was (%s)", slot.error, name, version)
            return False
        slot.current, slot.error, slot._failed = new, "", None
        slot.reloads += 1
        _LOG.warning("%s: loaded anew (%s)", path, new.version)
        self._on_load(name, "ok")
        return True

    @staticmethod
    def _tidied(is_swapped: bool) -> bool:
        """Give the memory of old models back."""
        if is_swapped:
            gc.collect()
            system.return_memory()
        return is_swapped
