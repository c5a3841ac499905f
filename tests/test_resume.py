"""A training that is broken off and gone on with ends with the bits that it would have had."""

import copy
import dataclasses

import numpy as np
import pytest
from reference import MIXES
from test_training import LABELS, LOSSES, TEXTS

from fasttext_lite.config.fields import Config
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.trees import make_tree
from fasttext_lite.parallel import run_blocks
from fasttext_lite.training import loop
from fasttext_lite.training import run as running
from fasttext_lite.training.weights import TABLES, init_weights, n_output_rows

pytestmark = pytest.mark.bounds


class BrokenOffError(Exception):
    pass


class Memory:
    """Keeps a training in memory, and breaks it off at the `last`-th look."""

    def __init__(self, last=None, kept=None, ends=False):
        self.last, self.kept, self.ends = last, kept, ends
        self.places = []

    def is_due(self):
        self.asked = not getattr(self, "asked", False)
        return not self.asked  # after each block

    def look(self, place, weights, history):
        self.places.append((place.epoch, place.visits))
        if len(self.places) == self.last:
            self.weights, self.place = weights.copy(), copy.deepcopy(place)
            self.history = dataclasses.replace(history, loss=[*history.loss])
            if not self.ends:
                raise BrokenOffError
            return True
        return False

    def fill(self, weights):
        for name in TABLES:
            getattr(weights, name)[:] = getattr(self.weights, name)
            for key, array in vars(weights.states[name]).items():
                array[:] = getattr(self.weights.states[name], key)
        weights.steps, weights.path = self.weights.steps, self.weights.path


def train(settings, keeper=None, n_threads=1, lr=None, **how):
    config = Config(**{"epochs": 3, "dim": 4, **settings})
    prepared = prepare(TEXTS, LABELS, config, n_threads=1)
    config = prepared.config if lr is None else prepared.config.replace(lr=lr)
    tree = make_tree(prepared, config, 1, 1)

    def start():
        n_output = n_output_rows(config, len(LABELS.names))
        return init_weights(config, prepared.space.n_rows, n_output, 1)

    return loop.train(
        start, prepared.features, prepared.labels, config,
        tree=tree, seed=1, n_threads=n_threads, keeper=keeper, **how,
    )  # fmt: skip


def bits(weights):
    """Return all of the weights and their state."""
    arrays = [getattr(weights, name).tobytes() for name in TABLES]
    arrays += [a.tobytes() for name in TABLES for a in vars(weights.states[name]).values()]
    return arrays, weights.steps, weights.path


def resumed(last, settings, **how):
    """Return what a training makes that is broken off at a look, and how often it was looked at."""
    keeper = Memory(last)
    with pytest.raises(BrokenOffError):
        train(settings, keeper, **how)
    other = Memory(kept=keeper)
    return train(settings, other, **how), keeper, other


@pytest.mark.parametrize(
    "settings",
    [*MIXES.values(), *({"loss": loss, "head": "learned"} for loss in LOSSES),
     *({"optimizer": name} for name in OPTIMIZERS), {"norm": "batch"},
     {"shuffle": False, "dtype": "float16", "schedule": "cosine", "warmup": 0.3},
     {"averaging": 0.5}],
    ids=str,
)  # fmt: skip
def test_a_training_resumed_anywhere_ends_with_the_same_bits(settings, monkeypatch):
    monkeypatch.setattr(running, "BLOCKS_PER_THREAD", 3)
    weights, history = train(settings)
    looks = Memory()
    train(settings, looks)
    assert len(looks.places) >= 3 and looks.places[-1] == (3, 0)
    for last in range(1, len(looks.places) + 1):
        (again, course), before, after = resumed(last, settings)
        assert before.places + after.places == looks.places
        assert bits(again) == bits(weights)
        assert course.loss == history.loss


def test_a_training_with_threads_goes_on_with_as_many_or_fewer(monkeypatch):
    monkeypatch.setattr(running, "BLOCKS_PER_THREAD", 3)
    keeper = Memory(2)
    with pytest.raises(BrokenOffError):
        train({"epochs": 2}, keeper)
    assert keeper.place.visits
    monkeypatch.setattr(running, "BLOCKS_PER_THREAD", 2)  # other blocks, as with other threads
    monkeypatch.setattr(running.Run, "_edges", lambda self, n: np.arange(0, n + 1, 4))
    weights, history = train({"epochs": 2}, Memory(kept=keeper))
    assert weights.steps == 2 * len(TEXTS) and len(history.loss) == 2
    assert history.loss[1] < history.loss[0]


def test_what_has_diverged_before_is_not_tried_again(caplog):
    keeper = Memory()
    settings = {"optimizer": "sgd", "lr": 3000.0, "epochs": 4}
    weights, history = train(settings, keeper)
    assert history.restarts >= 1
    again = Memory(len(keeper.places) - 1)
    with pytest.raises(BrokenOffError):
        train(settings, again)
    caplog.clear()
    (last, course), *_ = resumed(len(keeper.places) - 1, settings)
    assert bits(last) == bits(weights)
    assert (course.restarts, course.lr) == (history.restarts, history.lr)


@pytest.mark.parametrize("settings", [{}, {"averaging": 0.9}, {"l2": 0.1}])
def test_a_training_that_is_ended_between_blocks_leaves_settled_weights(settings, monkeypatch):
    monkeypatch.setattr(running, "BLOCKS_PER_THREAD", 3)
    keeper = Memory(5, ends=True)
    weights, history = train(settings, keeper)
    assert keeper.places[-1][0] == 1 and keeper.places[-1][1]
    assert weights.steps == keeper.places[-1][0] * len(TEXTS) + keeper.places[-1][1]
    assert len(history.loss) == 2
    assert all(np.isfinite(getattr(weights, name)).all() for name in TABLES)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_blocks_go_on_where_they_were_paused(n_threads):
    done, paused = [], [False]

    def work(block):
        done.append(block)
        paused[0] = paused[0] or block == 4

    first = run_blocks(work, 12, n_threads, is_paused=lambda: paused[0])
    assert sorted(done) == list(range(first)) and 5 <= first <= 4 + n_threads
    paused[0] = None
    assert run_blocks(work, 12, n_threads, first, lambda: False) == 12
    assert sorted(done) == list(range(12))
