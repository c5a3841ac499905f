"""A model file as something small that goes to workers: `ModelFile`.

A model is pickled with all its numbers, so that a pickle stands by itself, wherever and whenever it
is read.  For the workers of an engine (Ray, Dask, Spark, a pool of processes) that is the wrong
thing: each would get a copy of its own, 800 MB of a usual ``.bin``, when all of them could map one
file.  Nor may a model do so by itself because it was loaded from a file: a pickle that someone
keeps would be worth nothing once the file is gone.  So who wants the file to be shared says so.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from fasttext_lite import system
from fasttext_lite.errors import ModelError
from fasttext_lite.model.content import fingerprint

if TYPE_CHECKING:
    from fasttext_lite.model.model import Predictions

_MORE = " (every machine that uses a ModelFile needs the file at the same path)"

# The models that this process has, by file, loader and fingerprint of the content.
_LOADED: dict[tuple[str, str, str], Any] = {}
_LOCK = threading.RLock()


def _after_fork() -> None:
    """Give a child a lock of its own: a thread that it does not have may hold the parent's."""
    global _LOCK
    _LOCK = threading.RLock()


system.after_fork(_after_fork)


class ModelFile:
    """A model file that processes share: it pickles as a path, and each process maps it once.

    What is pickled (by pickle, cloudpickle or dill, for any way of starting processes) is the
    absolute path and a fingerprint of the content.  The first `load` in a process reads the model,
    all others there return the same one, from any thread.  The tables of fastText's ``.bin`` and of
    ``.ftl`` files stay in the file, which is mapped: a machine holds them once, however many
    processes use them.

    It means the content that it was made of.  Where the path has other content when a process
    wants to read it (the file was replaced; another machine has another one), `load` raises an
    error; a process that has the model already goes on with it.

    Parameters
    ----------
    path : str or path-like
        Of a model of fastText (``.bin``, ``.ftz``) or of this package (``.ftl``).
    loader : callable, optional
        What reads it: a function or a class method that workers can import, such as
        `fasttext_lite.load`, `FastTextEnsemble.load`.  Default: `compat.load_model` for fastText's
        files, `fasttext_lite.load_model` for others.

    Attributes
    ----------
    path : str
        Absolute.
    fingerprint : str
        Of the size and the content; of files over 1 MB, of 64 pieces spread over them.
    loader : callable or None

    Raises
    ------
    ModelError
        If there is no such file.
    TypeError, ValueError
        If `loader` cannot be called; if workers could not import it.

    Examples
    --------
    >>> model = ModelFile("model.bin")  # doctest: +SKIP
    >>> model.predict_batch(["a late goal"]).rows()  # doctest: +SKIP
    >>> model.load().get_nearest_neighbors("goal")  # doctest: +SKIP
    """

    def __init__(
        self, path: str | os.PathLike[str], loader: Callable[[str], Any] | None = None
    ) -> None:
        self.path = os.path.abspath(os.fsdecode(path))
        self.loader = loader
        self._key = self.path, "" if loader is None else _name_of(loader)
        self.fingerprint = fingerprint(self.path, _MORE)

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (self.path, self.fingerprint, self.loader)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelFile):
            return NotImplemented
        return (self._key, self.fingerprint) == (other._key, other.fingerprint)

    def __hash__(self) -> int:
        return hash((self._key, self.fingerprint))

    def __repr__(self) -> str:
        loader = f", loader={self._key[1]}" if self._key[1] else ""
        return f"ModelFile({self.path!r}{loader})"

    def load(self) -> Any:
        """Return the model; read once in a process.

        Raises
        ------
        ModelError
            If the file is gone, has changed, or is no model.
        """
        key = (*self._key, self.fingerprint)
        with _LOCK:
            if key not in _LOADED:
                _LOADED[key] = self._read()
            return _LOADED[key]

    def _read(self) -> Any:
        self._check()
        model = (self.loader or _load_either)(self.path)
        self._check()  # it may have been replaced meanwhile
        return model

    def _check(self) -> None:
        if fingerprint(self.path, _MORE) != self.fingerprint:
            raise ModelError(
                f"{self.path} is not the file that this ModelFile was made of: it was replaced, or "
                "this machine has another one there; make a new ModelFile of it"
            )

    def predict_batch(
        self,
        texts: Any,
        k: int = 1,
        threshold: float = 0.0,
        threads: int | None = None,
        **others: Any,
    ) -> Predictions:
        """Return what the model predicts for a column of texts.

        Parameters
        ----------
        texts : iterable of str, or a column of Arrow
            A list, an array or chunked array of Arrow, a Series of polars.  A null of a column has
            no label.
        k : int
            Most labels; -1 = all.
        threshold : float
            Least probability.
        threads : int, optional
            Default: all processors; 1 is right in workers of an engine that uses all of them.
        **others
            What the model's own method takes besides: ``exact=False`` of one of fastText.

        Returns
        -------
        Predictions
            Numbers of labels, int32[n_texts, k] (-1 = none), their probabilities,
            float32[n_texts, k] of a model of fastText and float64[n_texts, k] of ours, and the
            names of labels.

        Raises
        ------
        ModelError
            As `load`.
        TypeError
            If the model has no such method (an estimator has none), or it gets no texts.
        """
        model = self.load()
        if not hasattr(model, "predict_batch"):
            name = type(model).__name__
            raise TypeError(f"{name} has no predict_batch: load() gives the model")
        return model.predict_batch(texts, k, threshold, threads, **others)


def _restored(path: str, content: str, loader: Callable[[str], Any] | None) -> ModelFile:
    """Return a `ModelFile` that was pickled; pickles know this function by its name."""
    new = ModelFile.__new__(ModelFile)
    new.path, new.fingerprint, new.loader = path, content, loader
    new._key = path, "" if loader is None else _name_of(loader)
    return new


def _name_of(loader: Callable[[str], Any]) -> str:
    """Return the name by which any process finds a loader."""
    if not callable(loader):
        raise TypeError(f"loader must be a function; got {type(loader).__name__}")
    module, name = getattr(loader, "__module__", None), getattr(loader, "__qualname__", "")
    found: Any = sys.modules.get(module or "")
    try:
        found = reduce(getattr, name.split("."), found)
    except AttributeError:
        found = None
    if found != loader or module == "__main__":
        raise ValueError(
            f"loader must be a function or class method that workers can import; got {loader!r}"
        )
    return f"{module}:{name}"


def _load_either(path: str) -> Any:
    """Read a model of fastText as one of fastText, any other as one of this package."""
    from fasttext_lite.model.magic import is_fasttext

    if is_fasttext(path):
        from fasttext_lite.compat.python.functions import load_model

        return load_model(path)
    from fasttext_lite.model import storage

    return storage.load_model(path)
