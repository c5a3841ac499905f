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
import time
import warnings
from collections.abc import Callable
from functools import reduce
from typing import TYPE_CHECKING, Any

from fasttext_lite import system
from fasttext_lite.errors import ModelError, bounded
from fasttext_lite.model.content import fingerprint

if TYPE_CHECKING:
    from fasttext_lite.model.model import Predictions

_MORE = " (every machine that uses a ModelFile needs the file at the same path)"

# The models that this process has, by file, loader and fingerprint of the content.
_LOADED: dict[tuple[str, str, str], Any] = {}
# Those that follow their file, by file and loader.
_WATCHED: dict[tuple[str, str], _Watched] = {}
_LOCK = threading.RLock()


def _after_fork() -> None:
    """Give a child a lock of its own: a thread that it does not have may hold the parent's."""
    global _LOCK
    _LOCK = threading.RLock()
    for watched in _WATCHED.values():
        watched.is_busy = False  # the thread that was reading is the parent's


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
    error; a process that has the model already goes on with it.  With `watch` it means whatever the
    file holds: when another one takes its place, a thread reads that one, while the old model
    answers, and then the new one does.

    Parameters
    ----------
    path : str or path-like
        Of a model of fastText (``.bin``, ``.ftz``) or of this package (``.ftl``).
    loader : callable, optional
        What reads it: a function or a class method that workers can import, such as
        `fasttext_lite.load`, `FastTextEnsemble.load`.  Default: `compat.load_model` for fastText's
        files, `fasttext_lite.load_model` for others.
    watch : float, optional
        Seconds between two looks at the file; `load` and `predict_batch` look.  The model is then
        read and checked as a whole, into memory of each process: what happens to the file does it
        no harm.  A file that cannot be read, because it is damaged or being written, is warned of
        once, and the old model stays.  Default: no looks.

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
        If `loader` cannot be called; if workers could not import it; if `watch` is no number above
        0.

    Examples
    --------
    >>> model = ModelFile("model.bin")  # doctest: +SKIP
    >>> model.predict_batch(["a late goal"]).rows()  # doctest: +SKIP
    >>> model.load().get_nearest_neighbors("goal")  # doctest: +SKIP
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        loader: Callable[[str], Any] | None = None,
        watch: float | None = None,
    ) -> None:
        self.path = os.path.abspath(os.fsdecode(path))
        self.loader, self.watch = loader, _checked_watch(watch)
        self._key = self.path, "" if loader is None else _name_of(loader)
        self.fingerprint = fingerprint(self.path, _MORE)

    def __reduce__(self) -> tuple[Any, ...]:
        more = () if self.watch is None else (self.watch,)
        return _restored, (self.path, self.fingerprint, self.loader, *more)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ModelFile):
            return NotImplemented
        return self._meaning == other._meaning

    def __hash__(self) -> int:
        return hash(self._meaning)

    @property
    def _meaning(self) -> tuple[Any, ...]:
        return self._key, self.fingerprint if self.watch is None else self.watch

    def __repr__(self) -> str:
        loader = f", loader={self._key[1]}" if self._key[1] else ""
        watch = "" if self.watch is None else f", watch={self.watch:g}"
        return f"ModelFile({self.path!r}{loader}{watch})"

    def load(self) -> Any:
        """Return the model; read once in a process, and with `watch` when the file was replaced.

        Raises
        ------
        ModelError
            If the file is gone, has changed, or is no model; with `watch`, for the first one alone.
        """
        if self.watch is not None:
            return self._watched().model(self.watch)
        key = (*self._key, self.fingerprint)
        with _LOCK:
            if key not in _LOADED:
                _LOADED[key] = self._read()
            return _LOADED[key]

    def _watched(self) -> _Watched:
        found = _WATCHED.get(self._key)
        if found is None:
            with _LOCK:
                found = _WATCHED.get(self._key)
                if found is None:
                    found = _Watched(self.path, self.loader or _load_whole)
                    _WATCHED[self._key] = found
        return found

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


class _Watched:
    """A model that follows its file.

    Parameters
    ----------
    path : str
    read : callable
        From a path to a model.

    Raises
    ------
    ModelError
        If it cannot be read: there is no older model.

    Attributes
    ----------
    is_busy : bool
        Whether a thread is reading the next model.
    """

    def __init__(self, path: str, read: Callable[[str], Any]) -> None:
        self._path, self._load = path, read
        self._model, self._identity = self._read()
        self._refused: list[Any] = []  # the file that could not be read last, or that there is none
        self._looked = time.monotonic()
        self.is_busy = False

    def model(self, seconds: float) -> Any:
        """Return the model; look at the file if the last look is some seconds ago."""
        now = time.monotonic()
        if now - self._looked >= seconds:
            with _LOCK:
                if not self.is_busy and now - self._looked >= seconds:
                    self._looked = now
                    if _identity(self._path) not in (self._identity, *self._refused):
                        self.is_busy = True
                        threading.Thread(target=self._renew, daemon=True).start()
        return self._model

    def _read(self) -> tuple[Any, Any]:
        """Return the model, and which file it is of."""
        before = _identity(self._path)
        model = _complete(self._load(self._path))
        if _identity(self._path) != before:
            raise ModelError(f"{self._path}: the file was changed while it was read")
        return model, before

    def _renew(self) -> None:
        """Read the new file; the old model stays if that fails."""
        try:
            seen = _identity(self._path)
            try:
                self._model, self._identity = self._read()
                self._refused = []
            except Exception as error:  # a loader may raise anything, and nobody would see it
                if seen != _identity(self._path):
                    return  # it was replaced once more meanwhile: the next look will see that
                if not self._refused:
                    warnings.warn(
                        f"{error} (the model that was read before is used until there is a good "
                        "one)", stacklevel=1,
                    )  # fmt: skip
                self._refused = [seen]
        finally:
            self.is_busy = False


def _complete(model: Any) -> Any:
    """Return a model, whatever a loader has made of it, after all of its tables were read."""
    for part in (model, *getattr(model, "estimators_", ())):
        getattr(getattr(part, "model_", part), "embeddings", None)
    return model


def _identity(path: str) -> Any:
    """Return what tells a file from the one that takes its place; None if there is none."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _checked_watch(watch: float | None) -> float | None:
    if watch is None:
        return None
    if isinstance(watch, bool) or not isinstance(watch, int | float):
        raise TypeError(bounded(f"watch must be a number of seconds, or None; got {watch!r}"))
    try:
        seconds = float(watch)
    except OverflowError:
        raise ValueError("watch must be above 0 seconds, and is too large a number") from None
    if not seconds > 0:
        raise ValueError(bounded(f"watch must be above 0 seconds; got {watch!r}"))
    return seconds


def _restored(
    path: str, content: str, loader: Callable[[str], Any] | None, watch: float | None = None
) -> ModelFile:
    """Return a `ModelFile` that was pickled; pickles know this function by its name."""
    new = ModelFile.__new__(ModelFile)
    new.path, new.fingerprint, new.loader, new.watch = path, content, loader, watch
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
            bounded(
                f"loader must be a function or class method that workers can import; got {loader!r}"
            )
        )
    return f"{module}:{name}"


def _load_either(path: str, mmap: bool = True) -> Any:
    """Read a model of fastText as one of fastText, any other as one of this package."""
    from fasttext_lite.model.magic import is_fasttext

    if is_fasttext(path):
        from fasttext_lite.compat.model import FastTextModel
        from fasttext_lite.compat.python.model import wrapped

        return wrapped(FastTextModel.load(path, mmap), {})
    from fasttext_lite.model import storage

    return storage.load_model(path, mmap)


def _load_whole(path: str) -> Any:
    """Read a model so that what happens to its file later does it no harm."""
    return _load_either(path, mmap=False)
