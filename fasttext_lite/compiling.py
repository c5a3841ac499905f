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
import operator
import os
import sys
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import llvmlite  # type: ignore[import-untyped]
import numba
import numpy as np
from numba import njit, types
from numba.core.caching import IndexDataCacheFile, NullCache
from numba.core.compiler import CompileResult
from numba.core.dispatcher import Dispatcher
from numba.core.runtime import rtsys
from numba.core.serialize import dumps
from numba.core.typing import Signature
from numba.extending import _Intrinsic
from numba.misc.appdirs import AppDirs

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
# The same for loops over numbers: counting would take a third of the time of a training.
FAST_LEAF: Mapping[str, Any] = MappingProxyType({**FAST, "_nrt": False})

# Flags of Numba that change the code it makes.
FLAGS = ("BOUNDSCHECK", "OPT", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX")
# Versions between which "loaded code needs nothing but the run-time system" was tried out.
QUICK_LOADING = (0, 60), (0, 68)
DIGEST_BYTES = hashlib.sha256().digest_size
# Their versions are part of each name, so what is theirs is known by its own name.
VERSIONED = frozenset({"numba", "llvmlite", "numpy", *sys.stdlib_module_names})


def compiler(profile: Mapping[str, Any], **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Return a decorator that compiles kernels.

    A file's first use of one reads the file: its hash must be that of the code which runs,
    whatever stands there later.  So each file uses one while it is being imported.

    Parameters
    ----------
    profile : mapping
        `FAST`, `EXACT`, `FAST_LEAF` or `LEAF`.
    **options
        More of `numba.njit`.
    """
    # C callbacks are never made from kernels; leaving them out saves 6 % of the compile time.
    options = {"no_cfunc_wrapper": True, **profile, **options}
    if isinstance(options.get("fastmath"), frozenset):
        options["fastmath"] = set(options["fastmath"])  # Numba takes no other

    def kernel(function: Any) -> Any:
        compiled = njit(**options)(function)
        _SOURCE_OF[function] = _source(function.__code__.co_filename, function.__globals__)
        # There is no cache with NUMBA_DISABLE_JIT, nor for a file from an archive.
        if _SOURCE_OF[function] is not None and hasattr(compiled, "_cache"):
            compiled._cache = KernelCache(function, options)
        return compiled

    return kernel


# -- what a kernel is made of ------------------------------------------------------------------


# By file: the `__spec__` of its import, and its hash, or None if it cannot be read.
_SOURCES: dict[str, tuple[Any, str | None]] = {}
# Of kernels, at their import.
_SOURCE_OF: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()
_DESCRIBED: WeakKeyDictionary[Any, _Function] = WeakKeyDictionary()
_PROCESSORS: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()
_ABSENT = object()


class _Function(NamedTuple):
    """A function by itself.

    Attributes
    ----------
    names : list of str
        What it may look up.
    used : list
        What it found there, see `_used`.
    text : str
        Describes it, with @ in the place of each other function.
    callees : list of function
        Those, in the order of the text.
    """

    names: list[str]
    used: list[Any]
    text: str
    callees: list[Any]


def made_of(function: Any) -> str:
    """Return a text that differs if a function's compiled code may differ.

    It describes the function and all functions that are reached from it, through closures and
    global names, each by its file's hash, its name, and the values that it uses.  The text is the
    same in each process, and wherever the package lies.

    Two things are not seen: a value that is changed in place after the first call, and an
    `overload` that stands in another file than the function it stands for.

    Raises
    ------
    TypeError
        Something is of a kind that cannot be described.
    """
    functions = [function]
    numbers = {id(function): 0}
    texts = []
    for each in functions:  # it grows
        described = _describe(each)
        texts.append(described.text)
        for callee in described.callees:
            number = numbers.setdefault(id(callee), len(functions))
            if number == len(functions):
                functions.append(callee)
            texts.append(str(number))
    return "\n".join(texts)


def _describe(function: Any) -> _Function:
    """Return a function's own description: the last one while its names mean the same objects."""
    last = _DESCRIBED.get(function)
    names = _names(function.__code__) if last is None else last.names
    used = _used(function, names)
    if last is not None and len(used) == len(last.used) and all(map(operator.is_, used, last.used)):
        return last
    source = _SOURCE_OF.get(function)
    if source is None:
        source = _source(function.__code__.co_filename, function.__globals__)
    if source is None:
        raise TypeError(f"{function.__qualname__}: its source cannot be read")
    callees: list[Any] = []
    text = " ".join(
        [source, function.__qualname__, str(function.__code__.co_firstlineno)]
        + ["-" if value is _ABSENT else _value(value, callees) for value in used]
    )
    described = _DESCRIBED[function] = _Function(names, used, text, callees)
    return described


def _names(code: CodeType) -> list[str]:
    """Return the global names in a function's code; attributes are among them."""
    names = dict.fromkeys(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names.update(dict.fromkeys(_names(constant)))
    return list(names)


def _used(function: Any, names: list[str]) -> list[Any]:
    """Return what a function uses: defaults, cells, globals, attributes of modules among them.

    For each name that there is not, `_ABSENT` keeps the place.
    """
    space = function.__globals__
    used = [function.__defaults__, function.__kwdefaults__]
    used += [_content(cell) for cell in function.__closure__ or ()]
    used += [space.get(name, _ABSENT) for name in names]
    for value in used:  # it grows
        if isinstance(value, ModuleType) and not _is_versioned(value.__name__):
            inside = [vars(value).get(name, _ABSENT) for name in names]
            seen = {id(other) for other in used if isinstance(other, ModuleType)}
            used += [_ABSENT if id(each) in seen else each for each in inside]  # they may be cyclic
    return used


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not filled yet
        return _ABSENT


def _is_versioned(module: str | None) -> bool:
    return (module or "").partition(".")[0] in VERSIONED


def _source(path: str | None, space: Mapping[str, Any]) -> str | None:
    """Return the hash of a module's file, as it was when it was first asked for."""
    if path is None:
        return None
    spec, digest = _SOURCES.get(path, (_ABSENT, None))
    if spec is not space.get("__spec__"):  # never read, or imported anew
        try:
            digest = hashlib.sha256(Path(path).read_bytes()).hexdigest()
        except OSError:  # imported from an archive, or not from a file
            digest = None
        _SOURCES[path] = space.get("__spec__"), digest
    return digest


def _values(values: Iterable[Any], callees: list[Any]) -> str:
    return "(" + ", ".join([_value(value, callees) for value in values]) + ")"


# How a value of a class is described.  A quarter of the time of `functools.singledispatch`, which
# asks Numba's abstract classes.
_DESCRIBERS: dict[type, Callable[[Any, list[Any]], str]] = {}


def _value(value: Any, callees: list[Any]) -> str:
    """Return a text for a value, and append the functions that it holds to `callees`."""
    kind = type(value)
    describer = _DESCRIBERS.get(kind)
    if describer is None:
        describer = next(_DESCRIBERS[base] for base in kind.__mro__ if base in _DESCRIBERS)
        _DESCRIBERS[kind] = describer
    return describer(value, callees)


def _describes(*kinds: type) -> Callable[[Any], Any]:
    def register(describer: Any) -> Any:
        _DESCRIBERS.update(dict.fromkeys(kinds, describer))
        return describer

    return register


@_describes(object)
def _any(value: Any, callees: list[Any]) -> str:
    if callable(value):  # pickle has its name, but not what it does
        inner = getattr(value, "__wrapped__", None)
        if inner is not None:
            return f"{_value(type(value), callees)} {_value(inner, callees)}"
        if not _is_versioned(getattr(value, "__module__", None) or type(value).__module__):
            raise TypeError(f"{value!r} cannot be described")
    try:
        pickled = dumps(value)
    except Exception as error:
        raise TypeError(f"{value!r} cannot be described") from error
    return f"{_value(type(value), callees)} {hashlib.sha256(pickled).hexdigest()}"


@_describes(int, float, complex, str, bytes, type(None), type(Ellipsis))
def _plain(value: Any, callees: list[Any]) -> str:
    return f"{type(value).__name__} {value!r}"


@_describes(np.generic)
def _scalar(value: np.generic, callees: list[Any]) -> str:
    return f"{value.dtype.str} {value.dtype.names and value.dtype.descr} {value.tobytes().hex()}"


@_describes(np.ndarray)
def _array(value: np.ndarray, callees: list[Any]) -> str:
    if value.dtype.hasobject:
        raise TypeError("an array of objects cannot be described")
    layout = value.flags.c_contiguous, value.flags.f_contiguous, value.flags.aligned
    digest = hashlib.sha256(value.tobytes()).hexdigest()
    return f"array {value.dtype!r} {value.shape} {layout} {digest}"


@_describes(tuple, list)
def _sequence(value: Any, callees: list[Any]) -> str:
    return f"{_value(type(value), callees)}{_values(value, callees)}"


@_describes(dict, MappingProxyType)
def _mapping(value: Any, callees: list[Any]) -> str:
    return f"dict{_values(value.items(), callees)}"


@_describes(set, frozenset)
def _set(value: Any, callees: list[Any]) -> str:
    inside: list[Any] = []
    items = sorted(_value(item, inside) for item in value)
    if inside:  # which have no order
        raise TypeError("a set of functions cannot be described")
    return f"set({', '.join(items)})"


@_describes(type)
def _class(value: type, callees: list[Any]) -> str:
    name = f"{value.__module__}.{value.__qualname__}"
    if _is_versioned(value.__module__):
        return name
    fields = getattr(value, "_fields", None)
    if issubclass(value, tuple) and fields is not None:
        return f"{name} {fields!r} {_value(getattr(value, '_field_defaults', None), callees)}"
    space = vars(sys.modules[value.__module__])
    source = _source(space.get("__file__"), space)
    if source is None:
        raise TypeError(f"{name}: its source cannot be read")
    return f"{name} {source}"


@_describes(ModuleType)
def _module(value: ModuleType, callees: list[Any]) -> str:
    if _is_versioned(value.__name__):
        return value.__name__
    return f"{value.__name__} {_source(getattr(value, '__file__', None), vars(value))}"


@_describes(FunctionType)
def _function(value: FunctionType, callees: list[Any]) -> str:
    if _is_versioned(value.__module__):
        return f"{value.__module__}.{value.__qualname__}"
    callees.append(value)
    return "@"


@_describes(BuiltinFunctionType)
def _builtin(value: BuiltinFunctionType, callees: list[Any]) -> str:
    if not _is_versioned(value.__module__):
        raise TypeError(f"{value!r} cannot be described")
    return f"{value.__module__}.{value.__qualname__}"


@_describes(Dispatcher)
def _dispatcher(value: Dispatcher, callees: list[Any]) -> str:
    options = _options({**value.targetoptions, "locals": value.locals})
    return f"compiled {options} {_value(value.py_func, callees)}"


@_describes(_Intrinsic)
def _intrinsic(value: _Intrinsic, callees: list[Any]) -> str:
    options = _options({**value._ctor_kwargs, "prefer_literal": value._prefer_literal})
    return f"intrinsic {options} {_value(value._defn, callees)}"


@_describes(types.Type)
def _numba_type(value: types.Type, callees: list[Any]) -> str:
    """Describe what the type is known by in Numba; its name has no names of fields."""
    if isinstance(value, types.Dispatcher):
        return _value(value.dispatcher, callees)
    key = value.key
    name = key if isinstance(key, str) else _value(key, callees)
    return f"{type(value).__name__} {name}"


@_describes(Signature)
def _signature(value: Signature, callees: list[Any]) -> str:
    return _values((value.args, value.return_type), callees)


def _options(options: Mapping[str, Any]) -> str:
    callees: list[Any] = []
    texts = [f"{name}={_value(options[name], callees)}" for name in sorted(options)]
    if callees:
        raise TypeError("options with functions cannot be described")
    return ", ".join(texts)


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
                _options(self._options),
                _value(sig, arguments),
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
