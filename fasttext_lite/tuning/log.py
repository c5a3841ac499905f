"""The trials of a search, and the file of JSON lines that keeps them.

The first line says what was searched: data, metric, settings. Each line after it is a trial,
written as soon as it ends, so that a search can go on where it was broken off.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError

FORMAT_VERSION = 2
STATES = ("done", "stopped", "failed")
MOST = 1e300  # no number of a trial is so large, nor is NaN below it


class TuningError(TrainingError):
    """Raised when a search for settings cannot start, go on or end with a model."""


@dataclass(frozen=True)
class Trial:
    """One training with some settings, and how good it was.

    Attributes
    ----------
    number : int
        From 1.
    phase : str
        "default", "coarse" (from the whole space) or "fine" (near the best so far).
    share : float
        Of the training texts that were used; below 1 in the lower rungs of a bracket.
    params : dict
        The settings that differ from those the search began with.
    score : float or None
        The metric on the validation texts, with cross-validation the mean over the folds; None
        unless `status` is "done".
    best : float or None
        Score of the best settings so far, this trial included; those that are better than the
        first by chance only do not count.
    size : int
        Bytes of the saved model, about.
    seconds : float
        Duration, with the features.
    status : str
        "done", "stopped" (time was up) or "failed" (training could not go through).
    note : str
        Why it failed, or what else there is to know.
    pace : float
        Seconds of training for a unit of work: what the search foretells durations with.
    fold_scores : tuple of float
        With cross-validation, the metric on each fold.
    """

    number: int
    phase: str
    share: float
    params: dict[str, Any]
    score: float | None
    best: float | None
    size: int
    seconds: float
    status: str = "done"
    note: str = ""
    pace: float = 0.0
    fold_scores: tuple[float, ...] = ()

    @property
    def is_full(self) -> bool:
        """Whether the trial counts for the best: done, on all training texts."""
        return self.status == "done" and self.share == 1 and self.score is not None


_FIELDS = {field.name for field in dataclasses.fields(Trial)}


def fingerprint(*parts: Texts | Labels | np.ndarray | None) -> str:
    """Return a hash of data, the same only for the same texts, labels and weights."""
    digest = hashlib.sha256()
    for part in parts:
        arrays: list[Any] = [part]
        if isinstance(part, Texts):
            arrays = [part.buffer, part.offsets, part.token_ends]
        elif isinstance(part, Labels):
            arrays = [part.ids, part.indptr]
            digest.update(json.dumps(part.names).encode())
        for array in arrays:
            data = b"" if array is None else np.ascontiguousarray(array).tobytes()
            digest.update(f"/{len(data)}/".encode())
            digest.update(data)
    return digest.hexdigest()


class TrialLog:
    """A file of trials.

    Parameters
    ----------
    path : path-like
    about : dict
        What is searched, as JSON values; a file is gone on with only if it says the same.
    resume : bool
        Whether the file may be there already; a line cut off at its end is dropped.

    Attributes
    ----------
    trials : list of Trial
        Those the file had.

    Raises
    ------
    TuningError
        If the file is there and `resume` is false, is of another search, is damaged, or cannot
        be read or written.
    """

    def __init__(
        self, path: str | os.PathLike[str], about: dict[str, Any], resume: bool = False
    ) -> None:
        self.path = Path(path)
        self.trials: list[Trial] = []
        about = json.loads(json.dumps({"format_version": FORMAT_VERSION, **about}))
        try:
            # What is no file, as a pipe or a device, has no end, or nothing to go on with.
            data = self.path.read_bytes() if self.path.is_file() else b""
            if data and not resume:
                raise TuningError(
                    f"{path}: this log is there already: go on with it (--resume, resume=True) "
                    "or name another"
                )
            whole = data[: data.rfind(b"\n") + 1]
            self._read(whole.splitlines(), about)
            if whole != data:
                os.truncate(self.path, len(whole))
            self._file = open(self.path, "ab")  # noqa: SIM115 - closed by `close`
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise TuningError(f"{path}: cannot use the log: {reason}") from None
        if not whole:
            self._write(about)

    def _read(self, lines: list[bytes], about: dict[str, Any]) -> None:
        for number, line in enumerate(lines, 1):
            try:
                record = json.loads(line)
                if not isinstance(record, dict):
                    raise ValueError("not an object")
                if number > 1:
                    self.trials.append(_trial(record))
            except (ValueError, RecursionError) as error:
                text = " ".join(str(error).split())[:100]
                raise TuningError(
                    f"{self.path}:{number}: not a line of a tuning log: {text}"
                ) from None
            if number == 1:
                self._compare(record, about)

    def _compare(self, found: dict[str, Any], about: dict[str, Any]) -> None:
        if "format_version" not in found or set(found) != set(about):
            raise TuningError(f"{self.path}: not a tuning log, or of another version")
        for name, value in about.items():
            if found[name] != value:
                detail = ""
                if name != "data":
                    detail = f" ({_short(found[name], value)}; now {_short(value, found[name])})"
                raise TuningError(
                    f"{self.path}: this log is of another search: {name} differs{detail}; "
                    "name another log"
                )

    def _write(self, record: dict[str, Any]) -> None:
        try:
            self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
            self._file.flush()
        except OSError as error:
            self.close()
            reason = (error.strerror or str(error)).lower()
            raise TuningError(f"{self.path}: cannot write the log: {reason}") from None

    def add(self, trial: Trial) -> None:
        """Write a trial."""
        self._write(dataclasses.asdict(trial))

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):  # what is still to be written has failed before
            self._file.close()


def _short(value: Any, other: Any) -> str:
    """Return a value as text; of an object only what is not the same in another one."""
    if isinstance(value, dict) and isinstance(other, dict):
        value = {name: v for name, v in value.items() if other.get(name) != v}
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:80] + " ..."


def _trial(record: dict[str, Any]) -> Trial:
    if set(record) != _FIELDS:
        raise ValueError(f"its fields are {', '.join(map(repr, record))}")
    if not isinstance(record["fold_scores"], list):
        raise ValueError("fold_scores is no array")
    trial = Trial(**{**record, "fold_scores": tuple(record["fold_scores"])})
    numbers = [trial.share, trial.size, trial.seconds, trial.pace, *trial.fold_scores]
    numbers += [value for value in (trial.score, trial.best) if value is not None]
    good = (
        type(trial.number) is int
        and isinstance(trial.params, dict)
        and trial.status in STATES
        and all(type(value) in (int, float) and abs(value) < MOST for value in numbers)
    )
    if not good:
        raise ValueError("its values are of wrong types")
    return trial
