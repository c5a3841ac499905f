"""What keeps a training while it runs: checkpoints, and an end that is asked for from outside.

A `TrainingKeeper` is asked between blocks of documents (`training.keeping`).  Its checkpoint holds
what a training needs to go on: its settings, and checksums of its data, that tell it from others;
what the recipe has chosen; the label tree; weights and the optimizer's state; random numbers; what
early stopping knows.  Features are not in it: they are made again.
"""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import time
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.checkpoint import CheckpointFolder, State
from fasttext_lite.fitting.ladder import choose, settled
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.fitting.room import check_room
from fasttext_lite.label_tree.tree import LabelTree
from fasttext_lite.model.abstention import ACCURACY, RATE, Abstention
from fasttext_lite.model.calibration import Calibration
from fasttext_lite.model.choice import Choice

if TYPE_CHECKING:
    from fasttext_lite.fitting.monitor import Monitor
    from fasttext_lite.training.history import History
    from fasttext_lite.training.keeping import Place
    from fasttext_lite.training.weights import Weights

logger = logging.getLogger("fasttext_lite")

_COUNTED = 1 << 22  # numbers that go into a checksum at a time
_BEST = "best."  # begins the names of the best weights so far


@dataclass(frozen=True)
class Every:
    """How often a checkpoint is written.

    Attributes
    ----------
    epochs : int
        After each so many epochs, if `seconds` is not given.
    seconds : float, optional
        As soon as so many have passed since the last one, also within an epoch.
    """

    epochs: int = 1
    seconds: float | None = None


class Outside(Protocol):
    """Who may ask a training to end."""

    def defer(self) -> None:
        """Say from now on by `is_asked` what has ended the process until now."""

    def release(self) -> None:
        """End the process at once again."""

    def is_asked(self) -> bool:
        """Return whether the training is to end at the next block; all threads ask it."""

    def end(self, note: str) -> NoReturn:
        """Raise what ends the process; the note goes into its message."""


class TrainingKeeper:
    """Keeps one training.

    Parameters
    ----------
    folder : CheckpointFolder, optional
        Where checkpoints are kept. A training whose checkpoint is there is gone on with.
    every : Every, optional
    output : path-like, optional
        The model that will be written, whose room is made sure of.
    outside : Outside, optional
        Who may ask for an end.
    saves : bool
        Whether a model of the weights so far is wanted then.

    Attributes
    ----------
    kept : Kept, optional
        Where the training was broken off.
    stopped_at : float, optional
        Epochs after which it was ended from outside, with the part of the one under way.
    """

    def __init__(
        self,
        folder: CheckpointFolder | None = None,
        every: Every | None = None,
        *,
        output: str | os.PathLike[str] | None = None,
        outside: Outside | None = None,
        saves: bool = False,
    ) -> None:
        self.folder, self.every, self.output = folder, every or Every(), output
        self.outside, self.saves = outside, saves
        self.state: State | None = None
        self.kept: _Kept | None = None
        self.stopped_at: float | None = None
        self._about: dict[str, Any] = {}
        self._n_threads: int | None = None
        self._recipe: dict[str, Any] = {}
        self._tree: LabelTree | None = None
        self._monitor: Monitor | None = None
        self._n_epochs = 0
        self._last: float | None = None  # epochs at the last checkpoint
        self._fault = ""  # of the last one that could not be written
        self._next = time.monotonic() + (self.every.seconds or 0)

    # -- before the training ------------------------------------------------------------------
    def choose(self, prepared: Prepared, seed: int, n_threads: int | None) -> Prepared:
        """Return training data with what is open chosen: anew, or as it was.

        Parameters
        ----------
        prepared, seed, n_threads
            As of `ladder.choose`.

        Raises
        ------
        InputError
            If the checkpoint is of another training.
        """
        if self.folder is not None:  # not before: while features are made, it would take memory
            self.state = self.folder.read()
            self._compare({**_about(prepared), "seed": seed})
        if self.state is None:
            prepared = choose(prepared, seed, n_threads)
        else:
            recipe = self.state.header["recipe"]
            calibration, choice = recipe["calibration"], recipe["choice"]
            abstention = recipe.get("abstention")
            prepared = settled(
                prepared, Config.from_dict(recipe["config"]),
                calibration and Calibration.from_dict(calibration),
                choice and Choice.from_dict(choice), recipe["is_aside"], seed, n_threads,
                abstention and Abstention.from_dict(abstention),
            )  # fmt: skip
        self._recipe = {
            "config": prepared.config.to_dict(),
            "calibration": prepared.calibration and prepared.calibration.to_dict(),
            "choice": prepared.choice and prepared.choice.to_dict(),
            "is_aside": prepared.aside is not None,
            "abstention": prepared.abstention and prepared.abstention.to_dict(),
        }
        return prepared

    def begin(
        self,
        prepared: Prepared,
        config: Config,
        valid: tuple[FeatureMatrix, Labels] | None,
        n_threads: int,
        make_tree: Callable[[], LabelTree | None],
    ) -> LabelTree | None:
        """Make sure of the room on the disk; return the label tree: a new one, or as it was.

        Parameters
        ----------
        prepared : Prepared
        config : Config
            Resolved.
        valid : pair of FeatureMatrix and Labels, optional
            What is validated on.
        n_threads : int
        make_tree : callable

        Raises
        ------
        InputError
            If there is no room, or the checkpoint is of another training.
        """
        check_room(prepared, config, self.output, None if self.folder is None else self.folder.path)
        self._n_epochs, self._n_threads = config.epochs, n_threads
        if self.folder is not None:
            self._compare({"validation data": None if valid is None else _marks(*valid)})
        if self.state is None:
            self._tree = make_tree()
            if self.folder is not None:
                self._write({"place": None}, {"results": np.zeros((0, 2))})
        else:
            children = self.state.arrays.get("tree")
            self._tree = None if children is None else LabelTree(children)
            if self.state.header["place"] is not None:
                if not config.deterministic:
                    self._warn_of_threads(self.state.header["threads"])
                self.kept = _Kept(self.state)
                self._last = self.kept.place.n_epochs
        if self.outside is not None:
            self.outside.defer()
        return self._tree

    def _compare(self, about: dict[str, Any]) -> None:
        """Note what training this is; raise `InputError` if the checkpoint is of another one."""
        about = json.loads(json.dumps(about))
        self._about |= about
        if self.state is None:
            return
        before = self.state.header["about"]
        differ = list(_differences(before, about))
        if differ:
            raise InputError(
                f"{self.state.path}: this checkpoint is of another training: {'; '.join(differ)}"
            )

    def _warn_of_threads(self, before: int) -> None:
        if before == 1 != self._n_threads:
            logger.warning(
                "the training began with 1 thread and goes on with %d: its model will not be that "
                "of a training that was not broken off", self._n_threads,
            )  # fmt: skip

    def follow(self, monitor: Monitor | None) -> None:
        """Keep what follows the training, too: it goes on from what it knew."""
        self._monitor = monitor
        if monitor is not None and self.kept is not None:
            self.kept.give(monitor)

    # -- while it runs ------------------------------------------------------------------------
    def is_due(self) -> bool:
        """See `training.keeping.Keeper`."""
        if self.outside is not None and self.outside.is_asked():
            return True
        return self.every.seconds is not None and self._is_time()

    def _is_time(self) -> bool:
        return self.folder is not None and time.monotonic() >= self._next

    def look(self, place: Place, weights: Weights, history: History) -> bool:
        """See `training.keeping.Keeper`."""
        is_asked = self.outside is not None and self.outside.is_asked()
        if self.folder is not None and (is_asked or self._is_wanted(place)):
            self._keep(place, weights, history)
        if is_asked:
            self.stopped_at = place.n_epochs
            if not self.saves or not place.n_epochs:
                self.end()
        return is_asked

    def _is_wanted(self, place: Place) -> bool:
        """Return whether a checkpoint is due."""
        if place.epoch == self._n_epochs:  # the model is about to be written
            return False
        if self.every.seconds is not None:
            return self._is_time()
        return not place.visits and place.epoch % self.every.epochs == 0

    def _keep(self, place: Place, weights: Weights, history: History) -> None:
        """Write a checkpoint; where that fails, say so: the training goes on."""
        from fasttext_lite.training.keeping import as_arrays

        course: dict[str, Any] | None = None
        arrays = {**as_arrays(weights), "results": place.results}
        if self._monitor is not None:
            course, best = self._monitor.course()
            arrays |= {} if best is None else as_arrays(best, _BEST)
        at = dataclasses.asdict(place)
        del at["results"]
        header = {
            "place": at,
            "weights": {"steps": weights.steps, "path": weights.path},
            "history": {name: getattr(history, name) for name in ("loss", "lr", "restarts")},
            "course": course,
        }
        try:
            self._write(header, arrays)
            self._last, self._fault = place.n_epochs, ""
        except (OSError, ModelError, InputError) as error:
            if str(error) != self._fault:  # else it is known
                logger.warning("%s; the training goes on", error)
            self._fault = str(error)
        self._next = time.monotonic() + (self.every.seconds or 0)

    def _write(self, header: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        assert self.folder is not None
        if self._tree is not None:
            arrays = {**arrays, "tree": self._tree.children}
        about = {"about": self._about, "recipe": self._recipe, "threads": self._n_threads}
        self.folder.write({**about, **header}, arrays)

    # -- after it -----------------------------------------------------------------------------
    def trained(self) -> None:
        """Say that the training is over: from now on an end that is asked for comes at once.

        Unless the model is wanted whatever comes.
        """
        if self.outside is None or self.saves:
            return
        if self.outside.is_asked():
            self.stopped_at = float(self._n_epochs)
            self.end()
        self.outside.release()

    def end(self) -> NoReturn:
        """End the process, and say what becomes of the training."""
        assert self.outside is not None
        self.outside.end(self.note())

    def note(self) -> str:
        """Return what is said of a training that was ended from outside."""
        at, n_epochs = self.stopped_at or 0.0, self._n_epochs
        note = f" after {at:.4g} of {n_epochs} epochs"
        if not at:
            note = " before anything was learnt" + ": there is nothing to save" * self.saves
        elif self.saves:
            note += f": {self.output} has what was learnt so far"
        if self.folder is None or self._last is None:
            return note + ": nothing is kept" * (self.folder is not None and not self.saves)
        if self._last != at:
            return f"{note}; what there was after {self._last:.4g} is kept in {self.folder.path}"
        return f"{note}; kept in {self.folder.path}: go on with --resume"

    def left(self) -> str:
        """Return what is said where no model could be written."""
        if self.folder is None or self._last is None:
            return ""
        return f": make room and go on with --resume, from epoch {self._last:.4g} on"

    def done(self) -> None:
        """Remove the checkpoint of a training whose model is written, but not if it was ended."""
        if self.folder is not None and self.stopped_at is None:
            self.folder.remove()


class _Kept:
    """A training that was broken off, as a checkpoint has it."""

    def __init__(self, state: State) -> None:
        from fasttext_lite.training.history import History
        from fasttext_lite.training.keeping import Place

        self.state, header = state, state.header
        try:
            self.place = Place(**header["place"], results=state.arrays["results"])
            self.history = History(**header["history"])
        except (TypeError, KeyError) as error:
            raise _unusable(state, error) from None

    def fill(self, weights: Weights) -> None:
        """Set weights to those that were kept; their memory is free then."""
        from fasttext_lite.training.keeping import fill

        try:
            fill(weights, self.state.arrays, **self.state.header["weights"])
        except (ValueError, TypeError, KeyError) as error:
            raise _unusable(self.state, error) from None
        self.state.arrays.clear()

    def give(self, monitor: Monitor) -> None:
        """Give what follows the training what it knew."""
        from fasttext_lite.training.keeping import as_weights

        course, best = self.state.header["course"], None
        if course is None:
            return
        if course["best"] is not None:
            best = as_weights(self.state.arrays, _BEST, **course["best"]["weights"])
        monitor.go_on(course, best, self.place.n_epochs)


def _unusable(state: State, error: Exception) -> InputError:
    return InputError(f"{state.path}: this checkpoint cannot be gone on with ({error})")


# -- what training it is ---------------------------------------------------------------------
def _about(prepared: Prepared) -> dict[str, Any]:
    """Return what tells a training from others: values, and checksums of data."""
    vectors, weights, before = prepared.vectors, prepared.doc_weights, prepared.before
    wanted = {name: getattr(prepared.run, name, None) for name in (RATE, ACCURACY)}
    return {
        "settings": {**(prepared.asked or prepared.config).to_dict(), **wanted},
        "texts": _marks(prepared.features) + _checksum(prepared.space.pool),
        "labels": _marks(None, prepared.labels),
        "weights of texts": None if weights is None else _checksum(weights),
        "word vectors": None
        if vectors is None
        else _checksum(vectors.rows, vectors.vectors, vectors.added),
        "model to go on from": None
        if before is None
        else _checksum(before.weights.embeddings, before.weights.output),
        "kind of labels": "several" if prepared.multilabel else "one",
    }


def _marks(features: FeatureMatrix | None, labels: Labels | None = None) -> str:
    """Return a checksum of features (of their rows: weights follow from them) and labels."""
    found = ""
    if features is not None:
        found += f"{len(features)}-{features.ids.size}-{_checksum(features.indptr)}"
        number = 0
        for start in range(0, features.ids.size, _COUNTED):
            number = zlib.crc32(features.ids[start : start + _COUNTED].data, number)
            features.release()
        found += f"{number:08x}"
    if labels is not None:
        found += _checksum(labels.ids, labels.indptr)
        found += f"{zlib.crc32(json.dumps(labels.names).encode()):08x}"
    return found


def _checksum(*arrays: np.ndarray) -> str:
    number = 0
    for array in arrays:
        flat = np.ascontiguousarray(array).reshape(-1)
        number = zlib.crc32(flat.view(np.uint8).data, number)
    return f"{number:08x}"


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return what differs between two trainings, as far as they say the same."""
    old, new = before.get("settings", {}), now.get("settings", {})
    names = [name for name in new if old.get(name) != new[name]] if new else []
    found = [f"{name} was {_text(old.get(name))} and is {_text(new[name])}" for name in names]
    if found:
        return found
    for name, value in now.items():
        if name == "settings" or before.get(name) == value:
            continue
        if name in ("seed", "kind of labels"):
            found.append(f"{name} was {before.get(name)} and is {value}")
        elif None in (value, before.get(name)):
            found.append(f"it has {'no ' * (before.get(name) is None)}{name}")
        else:
            found.append(f"the {name} {'is' if name == 'seed' else 'are'} others")
    return found


def _text(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else "open" if value is None else str(value)
