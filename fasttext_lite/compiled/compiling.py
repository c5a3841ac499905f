"""Compile kernels on their first call, and keep the machine code on disk for the next process.

Numba's own disk cache (``njit(cache=True)``) is replaced, for reasons that docs/startup.md
gives with figures and tests/test_startup.py proves:

- A file's name holds the hash of all that decides about its content: what the kernel is made of
  (`made_of`), signature, processor, flags, and versions.  So an upgrade never meets old code, two
  processes that write at once write the same, and files of all versions live side by side.
- Trouble with the disk (no folder, read-only, full, damaged file) means compiling in memory.
- A folder that can be read but not written is used all the same.
- Loading skips Numba's start-up for compiling, half of which is an import of scipy.linalg.

Files can be deleted at any time.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any
from weakref import WeakKeyDictionary

import llvmlite
import numba
import numpy as np
from numba import njit
from numba.core.caching import IndexDataCacheFile, NullCache
from numba.core.compiler import CompileResult
from numba.core.runtime import rtsys
from numba.misc.appdirs import AppDirs

from fasttext_lite.compiled.made_of import (
    SOURCE_OF,
    describe_options,
    describe_value,
    made_of,
    source_hash,
)
from fasttext_lite.compiled.notice import NOTICE
from fasttext_lite.disk.replacing import replacing

# Options of `numba.njit`, by what a kernel needs.  All let other threads run, and divide as NumPy
# does instead of looking for a zero at each division.

# Sums must be taken in the order that is written: they are compared with those of another program,
# or nothing is summed up at all.
EXACT: Mapping[str, Any] = MappingProxyType({"nogil": True, "error_model": "numpy"})

# Sums may be taken in any order, so that loops use vector registers; NaN and infinity still count.
FAST: Mapping[str, Any] = MappingProxyType(
    {**EXACT, "fastmath": frozenset({"reassoc", "contract", "nsz"})}
)

# What allocates nothing needs no counting of references: in small helpers that take many arrays it
# costs more than the work itself.
LEAF: Mapping[str, Any] = MappingProxyType({**EXACT, "_nrt": False})

# Helpers that become part of each function that calls them before it is compiled: a call that hands
# over arrays costs more than a small one does.
INLINE: Mapping[str, Any] = MappingProxyType({**LEAF, "inline": "always"})

# The same for loops over numbers: counting would take a third of the time of a training.
FAST_LEAF: Mapping[str, Any] = MappingProxyType({**FAST, "_nrt": False})

# Flags of Numba that change the code it makes.
FLAGS = ("BOUNDSCHECK", "OPT", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")

# Versions between which "loaded code needs nothing but the run-time system" was tried out.
QUICK_LOADING = (0, 60), (0, 68)
DIGEST_BYTES = hashlib.sha256().digest_size


def compiler(profile: Mapping[str, Any], **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles kernels.

    A file's first use of one reads the file: its hash must be that of the code which runs,
    whatever stands there later.  So each file uses one while it is being imported.

    Parameters
    ----------
    profile : mapping
        `FAST`, `EXACT`, `FAST_LEAF`, `LEAF` or `INLINE`.
    **options
        More of `numba.njit`.
    """
    # C callbacks are never made from kernels; leaving them out saves 6 % of the compile time.
    options = {"no_cfunc_wrapper": True, **profile, **options}
    if isinstance(options.get("fastmath"), frozenset):
        options["fastmath"] = set(options["fastmath"])  # Numba takes no other

    def kernel(function: Any) -> Any:
        compiled = njit(**options)(function)
        SOURCE_OF[function] = source_hash(function.__code__.co_filename, function.__globals__)
        # There is no cache with NUMBA_DISABLE_JIT, nor for a file from an archive.
        if SOURCE_OF[function] is not None and hasattr(compiled, "_cache"):
            compiled._cache = KernelCache(function, options)
        return compiled

    return kernel


_PROCESSORS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


# -- the files ---------------------------------------------------------------------------------
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
    function : function
    options : dict
        Of `numba.njit`.
    """

    def __init__(self, function: Any, options: Mapping[str, Any]) -> None:
        self._function = function
        self._options = options
        self._path = function.__code__.co_filename

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
        found = self._stored(sig, target_context)
        if found is None:
            NOTICE.begin((self._function, sig), (files.folder for files in self._files))
        return found

    def _stored(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled version that a file holds, or None."""
        name = self._name(sig, target_context.codegen())
        if name is None:
            return None
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
        NOTICE.end((self._function, sig))
        if data.lifted or data.library.has_dynamic_globals:
            return
        name = self._name(sig, data.codegen)
        if name is None:
            return
        content = sig, data._reduce()
        for files in self._files:
            with suppress(Exception):
                files.write(name, content)
                return

    def _name(self, sig: Any, codegen: Any) -> str | None:
        """Return the name of the file, a hash of what decides about its content.

        None if something cannot be described; then the code is not kept.
        """
        function = self._function
        arguments: list[Any] = []
        try:
            key = (
                made_of(function),
                describe_options(self._options),
                describe_value(sig, arguments),
                [made_of(argument) for argument in arguments],
                _processor(codegen),
                [getattr(numba.config, flag, None) for flag in FLAGS],
                (numba.__version__, llvmlite.__version__, np.__version__, sys.version),
            )
        except Exception:  # a value may raise anything when it is asked what it is
            return None
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:32]
        return f"{Path(self._path).stem}.{function.__name__}.{digest}.nbc"


def _processor(codegen: Any) -> Any:
    """Return Numba's description of the system and the processor."""
    if codegen not in _PROCESSORS:
        _PROCESSORS[codegen] = codegen.magic_tuple()  # asks LLVM
    return _PROCESSORS[codegen]


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
        # Not durable: a file that was damaged when the power failed is found out by its checksum.
        with replacing(self._data_path(name), is_durable=False) as file:
            file.write(self._dump(content))

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
