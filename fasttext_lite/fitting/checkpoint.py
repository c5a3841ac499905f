"""The files of a checkpoint: a training that was broken off, in a folder of its own.

``checkpoint.safetensors`` is the last state, ``checkpoint.previous.safetensors`` the one before. A
file is written under another name and renamed when it is whole, after the last one has become the
one before: there is always one that can be read.  Each is a safetensors file whose metadata has one
key, ``fasttext-lite-checkpoint``, with a JSON object: what training it is of, see `keeper`, and
checksums (CRC-32) of the object itself and of each array.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.disk.temporary import sweep
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.model.safetensors import check_writable, reason, write_file
from fasttext_lite.version import __version__

logger = logging.getLogger("fasttext_lite")

KEY, VERSION = "fasttext-lite-checkpoint", 1
LAST, PREVIOUS = "checkpoint.safetensors", "checkpoint.previous.safetensors"
_WHAT = "the checkpoint"


@dataclass(frozen=True)
class State:
    """What a checkpoint holds.

    Attributes
    ----------
    path : str
        Its file.
    header : dict
        JSON values.
    arrays : dict of str to ndarray
    """

    path: str
    header: dict[str, Any]
    arrays: dict[str, np.ndarray]


class CheckpointFolder:
    """A folder with the checkpoint of one training.

    Parameters
    ----------
    path : path-like
        Made with the first file, if need be.

    Raises
    ------
    InputError
        If it cannot be made or written to, or another training keeps its checkpoint there.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fsdecode(path)
        self.is_new = not os.path.isdir(self.path)
        self._damaged: list[str] = []
        self._held: int | None = None
        if os.path.exists(self.path) and not os.path.isdir(self.path):
            raise InputError(f"{self.path}: the checkpoint needs a folder, and this is a file")
        if not self.path:
            raise InputError("the checkpoint needs the name of a folder")
        try:
            os.makedirs(self.path, exist_ok=True)
            self._hold()
            check_writable(self._file(LAST), _WHAT)
            if self.is_new:  # made with its first file: who is killed before leaves nothing
                self.close()
        except OSError as error:
            self.close()
            raise InputError(
                f"{self.path}: cannot keep a checkpoint here: {reason(error)}"
            ) from None
        except ModelError as error:
            self.close()
            raise InputError(str(error)) from None

    def _hold(self) -> None:
        """Keep other trainings out, where the system can: two would go on with one checkpoint."""
        if self._held is None:
            try:
                self._held = system.hold_folder(self.path)
            except BlockingIOError:
                raise InputError(
                    f"{self.path}: another training keeps its checkpoint here: wait for its end, "
                    "or name another folder"
                ) from None

    def _file(self, name: str) -> str:
        return os.path.join(self.path, name)

    def files(self) -> list[str]:
        """Return the files of a checkpoint that are there, the last one first."""
        return [path for path in map(self._file, (LAST, PREVIOUS)) if os.path.lexists(path)]

    def read(self) -> State | None:
        """Return the last state that is whole; None if there is no file.

        Raises
        ------
        InputError
            If there are files, and none is whole.
        """
        fault = None
        for path in self.files():
            try:
                state = State(path, *_read(path))
            except InputError as error:
                if fault is not None:
                    logger.warning("%s", fault)
                fault = error
                self._damaged.append(path)
                continue
            self.is_new = self.is_new or state.header["is_new_folder"]
            if fault is not None:
                logger.warning("%s; the training goes on from the one before, %s", fault, path)
            return state
        if fault is None:
            return None
        raise InputError(f"{fault}; there is no good one: remove {self.path} to begin anew")

    def write(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        """Write a state; the last one, if it is whole, becomes the one before.

        Raises
        ------
        ModelError
            If it cannot be written; then the last one is the one before.
        InputError
            If another training has begun to keep its checkpoint here.
        """
        last = self._file(LAST)
        os.makedirs(self.path, exist_ok=True)
        self._hold()
        if os.path.exists(last) and last not in self._damaged:
            system.replace(last, self._file(PREVIOUS))
        _write(last, {**header, "is_new_folder": self.is_new}, arrays)
        self._damaged = []

    def remove(self) -> None:
        """Remove the files, and the folder if it was made for them and holds nothing else."""
        for path in self.files():
            system.unlink(path)
        sweep(self.path, LAST)
        self.close()

    def close(self) -> None:
        """Let others have the folder; remove it if it was made here and is empty."""
        if self.is_new:
            with contextlib.suppress(OSError):
                os.rmdir(self.path)
        if self._held is not None:
            os.close(self._held)
            self._held = None


def _write(path: str, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    about = {"format_version": VERSION, "created_by": f"fasttext-lite {__version__}", **header}
    about["checksums"] = {name: _checksum(array) for name, array in arrays.items()}
    text = json.dumps(about, sort_keys=True)
    whole = json.dumps({"header": text, "checksum": zlib.crc32(text.encode())})
    write_file(path, arrays, {KEY: whole}, _WHAT)


def _checksum(array: np.ndarray) -> int:
    start = zlib.crc32(f"{array.dtype.str} {array.shape}".encode())
    return zlib.crc32(array.reshape(-1).view(np.uint8).data, start)


def _read(path: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the header and the arrays of a file.

    Raises
    ------
    InputError
        If it cannot be read, is of a newer format, or is not what was written.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            whole = json.loads((file.metadata() or {})[KEY])
            text = whole["header"]
            if zlib.crc32(text.encode()) != whole["checksum"]:
                raise ValueError("its header has another checksum")
            header = json.loads(text)
            if header["format_version"] > VERSION:
                raise InputError(
                    f"{path}: this checkpoint is of a newer version, {header['created_by']}"
                )
            arrays = {}
            for name, checksum in header["checksums"].items():
                arrays[name] = file.get_tensor(name)
                if _checksum(arrays[name]) != checksum:
                    raise ValueError(f"{name} has another checksum")
    except OSError as error:
        raise InputError(f"{path}: cannot read the checkpoint: {reason(error)}") from None
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, SafetensorError) as error:
        why = "it is none" if isinstance(error, KeyError) else reason(error)
        raise InputError(f"{path}: this checkpoint is damaged ({why})") from None
    return header, arrays
