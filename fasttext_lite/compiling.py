"""Compile kernels on their first call, and keep the machine code on disk for the next process.

Numba's own disk cache (``njit(cache=True)``) is replaced, for reasons that docs/startup.md
gives with figures and tests/test_startup.py proves:

- A file's name holds the hash of all that decides about its content: the source file as it was
  imported (and those it uses), signature, processor, flags, and versions.  So an upgrade never
  meets old code, two processes that write at once write the same, and files of all versions live
  side by side.
- Trouble with the disk (no folder, read-only, full, damaged file) means compiling in memory.
- A folder that can be read but not written is used all the same.
- Loading skips Numba's start-up for compiling, half of which is an import of scipy.linalg.

Files can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from numba import njit
from numba.core.caching import IndexDataCacheFile, NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.misc.appdirs import AppDirs

# Flags of Numba that change the code it makes.
FLAGS = ("BOUNDSCHECK", "OPT", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")
# Versions between which "loaded code needs nothing but the run-time system" was tried out.
QUICK_LOADING = (0, 60), (0, 68)
DIGEST_BYTES = hashlib.sha256().digest_size
# The hash of each file of kernels that was imported, with those of the files that it uses.
_SOURCES: dict[str, str | None] = {}


def compiler(
    path: str, uses: tuple[str, ...] = (), **options: Any
) -> Callable[[Callable[..., Any]], Any]:
    """Return the decorator of a file of kernels.

    Parameters
    ----------
    path : str
        The file's own ``__file__``.  It is read now, while it is being imported: its hash must
        be that of the code which runs, whatever stands there later.
    uses : tuple of str
        The ``__file__`` of each file of kernels whose functions this one calls: their code
        becomes part of the compiled code, so their hashes become part of its name.
    **options
        Of `numba.njit`.  They stand in the file, so that they are part of its hash.
    """
    # C callbacks are never made from kernels; leaving them out saves 6 % of the compile time.
    options = {"no_cfunc_wrapper": True, **options}
    source: str | None
    try:
        source = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    except OSError:  # imported from an archive
        source = None
    if uses and source is not None:
        used = [_SOURCES[other] for other in uses]  # all of them have been imported
        source = None if None in used else "+".join([source, *map(str, used)])
    _SOURCES[path] = source

    def kernel(function: Callable[..., Any]) -> Any:
        compiled = njit(**options)(function)
        if source is not None and hasattr(compiled, "_cache"):  # else NUMBA_DISABLE_JIT is set
            compiled._cache = KernelCache(function, path, source)
        return compiled

    return kernel


def _folders(path: str) -> list[str]:
    """Return where compiled code of a file may be: Numba's places, the best first."""
    chosen = getattr(numba.config, "CACHE_DIR", "")
    if chosen:
        folder = os.path.join(chosen, "fasttext_lite")
        with suppress(OSError):
            os.makedirs(folder, exist_ok=True)
            return [folder]
    places = [os.path.join(os.path.dirname(os.path.abspath(path)), "__pycache__")]
    home = AppDirs(appname="numba", appauthor=False).user_cache_dir
    if os.path.isabs(home):  # else there is no home, and the path begins with ~
        places.append(os.path.join(home, "fasttext_lite"))
    return places


class KernelCache(NullCache):
    """The compiled versions of one function on disk: one file for each signature.

    Parameters
    ----------
    function : callable
    path, source : str
        Its source file, and the hash of it.
    """

    def __init__(self, function: Callable[..., Any], path: str, source: str) -> None:
        self._function = function
        self._path = path
        self._source = source

    @cached_property
    def _files(self) -> list[_CodeFiles]:
        return [_CodeFiles(folder) for folder in _folders(self._path)]

    @property
    def cache_path(self) -> str:
        """The folder that is tried first."""
        return self._files[0].folder

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled version for a signature, or None: Numba compiles it then."""
        _prepare(target_context)
        name = self._name(sig, target_context.codegen())
        for files in self._files:
            try:
                found, payload = files.read(name)
                if found == sig:
                    return CompileResult._rebuild(target_context, *payload)
            except OSError:  # nothing there
                continue
            except Exception:  # a damaged file raises anything
                files.remove(name)
        return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Write a compiled version into the first folder that takes it."""
        if data.lifted or data.library.has_dynamic_globals:
            return
        name = self._name(sig, data.codegen)
        content = sig, data._reduce()
        for files in self._files:
            with suppress(Exception):
                files.write(name, content)
                return

    def _name(self, sig: Any, codegen: Any) -> str:
        """Return the name of the file: what decides about its content is hashed."""
        function = self._function
        cells = tuple(cell.cell_contents for cell in function.__closure__ or ())
        key = (
            self._source,
            function.__qualname__,
            function.__code__.co_firstlineno,
            repr(sig),
            codegen.magic_tuple(),  # system and processor
            dumps(cells) if cells else b"",
            [getattr(numba.config, flag, None) for flag in FLAGS],
            (numba.__version__, llvmlite.__version__, np.__version__, sys.version),
        )
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return f"{Path(self._path).stem}.{function.__name__}.{digest}.nbc"


class _CodeFiles(IndexDataCacheFile):
    """Reads and writes files of compiled code in a folder, by Numba's own serialisation.

    A checksum stands at the end of each file: code of which a page was lost when the power
    failed must not be run.
    """

    def __init__(self, folder: str) -> None:
        super().__init__(folder, "", None)
        self.folder = folder

    def read(self, name: str) -> Any:
        """Return what a file holds; OSError if there is none, ValueError if it is damaged."""
        with open(self._data_path(name), "rb") as file:
            data = file.read()
        if hashlib.sha256(data[:-DIGEST_BYTES]).digest() != data[-DIGEST_BYTES:]:
            raise ValueError(f"{name}: damaged")
        return self._load_data(name)

    def write(self, name: str, content: Any) -> None:
        """Write a file, all or nothing."""
        os.makedirs(self.folder, exist_ok=True)
        self._save_data(name, content)

    def remove(self, name: str) -> None:
        """Remove a file if that is possible."""
        with suppress(OSError):
            os.unlink(self._data_path(name))

    def _dump(self, obj: Any) -> bytes:
        data = super()._dump(obj)
        return data + hashlib.sha256(data).digest()  # unpickling stops before it


def _prepare(target_context: Any) -> None:
    """Make Numba ready to run code; before it compiles, it makes itself ready for that."""
    oldest, newest = QUICK_LOADING
    if oldest <= numba.version_info.short <= newest:
        rtsys.initialize(target_context)
    else:
        target_context.refresh()
