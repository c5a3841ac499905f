"""What a compiled function is made of: a text that differs if its machine code may differ."""

from __future__ import annotations

import hashlib
import operator
import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from types import BuiltinFunctionType, CodeType, FunctionType, MappingProxyType, ModuleType
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.core.serialize import dumps
from numba.core.typing import Signature
from numba.extending import _Intrinsic

# Their versions are part of each name, so what is theirs is known by its own name.
VERSIONED = frozenset({"numba", "llvmlite", "numpy", *sys.stdlib_module_names})

# By file: the `__spec__` of its import, and its hash, or None if it cannot be read.
_SOURCES: dict[str, tuple[Any, str | None]] = {}

# Of kernels, at their import.
SOURCE_OF: WeakKeyDictionary[Any, str | None] = WeakKeyDictionary()
_DESCRIBED: WeakKeyDictionary[Any, _Function] = WeakKeyDictionary()
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
    source = SOURCE_OF.get(function)
    if source is None:
        source = source_hash(function.__code__.co_filename, function.__globals__)
    if source is None:
        raise TypeError(f"{function.__qualname__}: its source cannot be read")
    callees: list[Any] = []
    text = " ".join(
        [source, function.__qualname__, str(function.__code__.co_firstlineno)]
        + ["-" if value is _ABSENT else describe_value(value, callees) for value in used]
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


def source_hash(path: str | None, space: Mapping[str, Any]) -> str | None:
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
    return "(" + ", ".join([describe_value(value, callees) for value in values]) + ")"


# How a value of a class is described.  A quarter of the time of `functools.singledispatch`, which
# asks Numba's abstract classes.
_DESCRIBERS: dict[type, Callable[[Any, list[Any]], str]] = {}


def describe_value(value: Any, callees: list[Any]) -> str:
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
            return f"{describe_value(type(value), callees)} {describe_value(inner, callees)}"
        if not _is_versioned(getattr(value, "__module__", None) or type(value).__module__):
            raise TypeError(f"{value!r} cannot be described")
    try:
        pickled = dumps(value)
    except Exception as error:
        raise TypeError(f"{value!r} cannot be described") from error
    return f"{describe_value(type(value), callees)} {hashlib.sha256(pickled).hexdigest()}"


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
    return f"{describe_value(type(value), callees)}{_values(value, callees)}"


@_describes(dict, MappingProxyType)
def _mapping(value: Any, callees: list[Any]) -> str:
    return f"dict{_values(value.items(), callees)}"


@_describes(set, frozenset)
def _set(value: Any, callees: list[Any]) -> str:
    inside: list[Any] = []
    items = sorted(describe_value(item, inside) for item in value)
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
        return (
            f"{name} {fields!r} {describe_value(getattr(value, '_field_defaults', None), callees)}"
        )
    space = vars(sys.modules[value.__module__])
    source = source_hash(space.get("__file__"), space)
    if source is None:
        raise TypeError(f"{name}: its source cannot be read")
    return f"{name} {source}"


@_describes(ModuleType)
def _module(value: ModuleType, callees: list[Any]) -> str:
    if _is_versioned(value.__name__):
        return value.__name__
    return f"{value.__name__} {source_hash(getattr(value, '__file__', None), vars(value))}"


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
    options = describe_options({**value.targetoptions, "locals": value.locals})
    return f"compiled {options} {describe_value(value.py_func, callees)}"


@_describes(_Intrinsic)
def _intrinsic(value: _Intrinsic, callees: list[Any]) -> str:
    options = describe_options({**value._ctor_kwargs, "prefer_literal": value._prefer_literal})
    return f"intrinsic {options} {describe_value(value._defn, callees)}"


@_describes(types.Type)
def _numba_type(value: types.Type, callees: list[Any]) -> str:
    """Describe what the type is known by in Numba; its name has no names of fields."""
    if isinstance(value, types.Dispatcher):
        return describe_value(value.dispatcher, callees)
    key = value.key
    name = key if isinstance(key, str) else describe_value(key, callees)
    return f"{type(value).__name__} {name}"


@_describes(Signature)
def _signature(value: Signature, callees: list[Any]) -> str:
    return _values((value.args, value.return_type), callees)


def describe_options(options: Mapping[str, Any]) -> str:
    """Return a text for the options of a compiler; `TypeError` if one of them is a function."""
    callees: list[Any] = []
    texts = [f"{name}={describe_value(options[name], callees)}" for name in sorted(options)]
    if callees:
        raise TypeError("options with functions cannot be described")
    return ", ".join(texts)
