"""What keeps a training of the command line: its checkpoint, Ctrl-C and SIGTERM, a full disk."""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from fasttext_lite import system
from fasttext_lite.cli.arguments import checked, written
from fasttext_lite.cli.beside import is_taught
from fasttext_lite.cli.console import say
from fasttext_lite.errors import ModelError, UsageError, bounded

if TYPE_CHECKING:
    from fasttext_lite.fitting.checkpoint import CheckpointFolder
    from fasttext_lite.fitting.keeper import Every, TrainingKeeper
    from fasttext_lite.model.model import Model

SAVE, DISCARD = "save", "discard"
_UNITS = {"s": 1, "m": 60, "h": 3600}
_SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # no system has all of them


def add_keeping(parser: argparse.ArgumentParser) -> None:
    """Add the flags of a training that may be broken off."""
    parser.add_argument(
        "--checkpoint",
        metavar="DIR",
        type=written,
        help="folder that keeps the training as it goes; it is removed when the model is written",
    )
    parser.add_argument(
        "--checkpoint-every",
        type=checked(_every),
        metavar="N",
        help="how often: after N epochs, or after some time, also within an epoch: 30s, 10m, 1h "
        "(default 1)",
    )
    parser.add_argument(
        "--resume",
        action="store_true",
        help="go on with the training that was broken off, if one is in the --checkpoint",
    )
    parser.add_argument(
        "--on-interrupt",
        choices=(DISCARD, SAVE),
        default=DISCARD,
        help="what Ctrl-C does to a training: save ends it after the texts under way and writes "
        "the model as it is, twice ends at once (default discard)",
    )


def _every(text: str) -> Every:
    """Return how often a checkpoint is written."""
    found = re.fullmatch(r"([0-9]{1,9})([smh]?)", text.strip().lower())
    if found is None or not int(found[1]):
        raise ValueError(
            bounded(f"must be a number of epochs, or a time such as 30s, 10m or 1h: {text!r}")
        )
    from fasttext_lite.fitting.keeper import Every

    number, unit = int(found[1]), found[2]
    return Every(seconds=float(number * _UNITS[unit])) if unit else Every(number)


def check_keeping(options: argparse.Namespace) -> None:
    """Raise `UsageError` where these flags do not go with others."""
    if options.checkpoint is None:
        for flag in ("resume", "checkpoint_every"):
            if getattr(options, flag):
                raise UsageError(f"--{flag.replace('_', '-')} needs the folder of a --checkpoint")
    if is_taught(options):
        given = {"--checkpoint": options.checkpoint is not None}
        given["--on-interrupt save"] = options.on_interrupt == SAVE
        for flag in (flag for flag in given if given[flag]):
            raise UsageError(
                f"{flag} is for a training on labelled texts alone: leave it out, or the "
                "unlabelled texts and embeddings"
            )


@contextlib.contextmanager
def kept(options: argparse.Namespace) -> Iterator[TrainingKeeper]:
    """Yield what keeps a training.

    Parameters
    ----------
    options : Namespace
        Of a command with `add_keeping`.

    Raises
    ------
    UsageError
        If there is a checkpoint that is not to be gone on with.
    InputError
        If the folder of checkpoints cannot be written.
    """
    from fasttext_lite.fitting.keeper import TrainingKeeper

    folder, saves = _folder(options), options.on_interrupt == SAVE
    with Interruption(saves, folder) as interruption:
        try:
            yield TrainingKeeper(
                folder, options.checkpoint_every, output=options.output, saves=saves,
                outside=interruption if saves or folder is not None else None,
            )  # fmt: skip
        finally:
            if folder is not None:
                folder.close()


def _folder(options: argparse.Namespace) -> CheckpointFolder | None:
    """Return the folder of the checkpoint; say so where there is nothing to go on with."""
    if options.checkpoint is None:
        return None
    from fasttext_lite.fitting.checkpoint import CheckpointFolder

    folder = CheckpointFolder(options.checkpoint)
    files = folder.files()
    if files and not options.resume:
        raise UsageError(
            f"{options.checkpoint}: here is the checkpoint of a training that was broken off: go "
            "on with it (--resume), or remove it"
        )
    if options.resume and not files and not options.quiet:
        say(f"{options.checkpoint}: there is no checkpoint here: the training begins anew")
    return folder


# -- Ctrl-C and SIGTERM ----------------------------------------------------------------------
class Interruption:
    """Signals that ask to end: while a training runs, the first is answered between two blocks.

    A second one ends the process at once, as does the first outside of a training.

    Parameters
    ----------
    saves : bool
        Whether the model is to be saved.
    folder : CheckpointFolder, optional
        Where the training is kept.
    """

    def __init__(self, saves: bool, folder: CheckpointFolder | None = None) -> None:
        self.saves, self.folder = saves, folder
        self.number, self.is_deferred, self.is_over = 0, False, False
        self._old: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            for name in _SIGNALS:
                number = getattr(signal, name, None)
                # What is ignored, as under nohup, stays so.
                if number is not None and callable(signal.getsignal(number)):
                    self._old[number] = signal.signal(number, self._hear)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for number, handler in self._old.items():
            signal.signal(number, handler)

    def _hear(self, number: int, frame: FrameType | None) -> None:
        if self.is_deferred and not self.number:
            self.number = number
        elif not (self.is_deferred or self.is_over) and (self.saves or self.folder is not None):
            self.number = number
            self.end(self._nothing())
        else:
            self._old[number](number, frame)

    def _nothing(self) -> str:
        """Return what is said before the training begins."""
        if self.folder is not None and self.folder.files():
            return f" before the training went on: {self.folder.path} is as it was"
        what = "there is nothing to save" if self.saves else "nothing is kept"
        return f" before anything was learnt: {what}"

    def defer(self) -> None:
        """See `fitting.keeper.Outside`."""
        self.is_deferred = True

    def release(self) -> None:
        """See `fitting.keeper.Outside`."""
        self.is_deferred, self.is_over = False, True

    def is_asked(self) -> bool:
        """See `fitting.keeper.Outside`."""
        return self.number != 0

    def end(self, note: str) -> NoReturn:
        """See `fitting.keeper.Outside`."""
        if self.number in (0, signal.SIGINT):
            raise KeyboardInterrupt(note)
        error = system.Terminated(self.number)
        error.note = note
        raise error


# -- a full disk -----------------------------------------------------------------------------
def write_model(
    model: Model, keeper: TrainingKeeper, output: str, estimator: Mapping[str, Any] | None = None
) -> None:
    """Write a model; if that fails, elsewhere: the time that it took is not lost.

    Parameters
    ----------
    model : Model
    keeper : TrainingKeeper
    output : str
    estimator : mapping, optional
        What a Python estimator keeps in the file.

    Raises
    ------
    ModelError
        If it could not be written where it should be; says where it is instead.
    """
    from fasttext_lite.model.storage import save_model

    try:
        return save_model(model, output, estimator)
    except ModelError as error:
        fault = str(error)
    places = [system.temporary_folder(), os.getcwd()]
    if keeper.folder is not None:
        places.insert(0, keeper.folder.path)
    for folder in places:
        if os.path.realpath(folder) == os.path.dirname(os.path.realpath(output)):
            continue
        path = _free_name(folder, os.path.basename(output))
        try:
            save_model(model, path, estimator)
        except ModelError:
            continue
        raise ModelError(f"{fault}; it was written to {path} instead: move it from there")
    raise ModelError(f"{fault}, nor anywhere else{keeper.left()}")


def _free_name(folder: str, name: str) -> str:
    """Return the path of a file that is not there yet."""
    stem, ending = os.path.splitext(name)
    path, number = os.path.join(folder, name), 1
    while os.path.lexists(path):
        number += 1
        path = os.path.join(folder, f"{stem}-{number}{ending}")
    return path
