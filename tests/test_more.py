"""Models that go on: labels that they did not know, `partial_fit`, and ``train --init``."""

import gzip
import json
import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fasttext_lite.compat as fasttext
from fasttext_lite import FastTextClassifier, FastTextEnsemble, load
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.fitting import keeper, streaming, training_file
from fasttext_lite.fitting.class_weight import MOST_FACTOR, seen_factors
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.more import Further, places_of, prepare_more, with_labels
from fasttext_lite.fitting.prepare import TextPieces
from fasttext_lite.label_tree.growth import grow_tree
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.model.storage import load_model, read_model
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.training.growth import grow_outputs
from fasttext_lite.training.weights import init_weights

WORDS = {
    "food": "soup bread noodles rice", "sea": "ship wave sail anchor",
    "sport": "goal match coach team", "art": "paint brush canvas opera",
    "law": "court judge trial appeal",
}  # fmt: skip
OLD, NEW = ["food", "sea", "sport"], ["art", "law"]  # both new ones come before "sea"


def rows_of(labels, n=12, start=0):
    return [
        (label, " ".join([*words[i % 3 : i % 3 + 2], f"x{i % 5}"]))
        for i in range(start, start + n)
        for label in labels
        for words in [WORDS[label].split()]
    ]


FIRST, LATER = rows_of(OLD), rows_of([*OLD, *NEW], 8, 20)
QUICK = {"recipe": "fixed", "epochs": 5, "random_state": 0}


def split(rows):
    return [text for _, text in rows], [label for label, _ in rows]


def classifier(**parameters):
    return FastTextClassifier(**{**QUICK, **parameters})


def labels_of(rows, names):
    return Labels.from_rows([[label] for label, _ in rows], names)


def trained(**settings):
    texts, labels = split(FIRST)
    config = Config(**{"recipe": "fixed", **settings})
    return fit(Texts.from_sequence(texts), labels_of(FIRST, OLD), config, n_threads=1)


@pytest.fixture
def said(caplog):
    caplog.set_level(logging.WARNING, "fasttext_lite")

    def said():
        lines = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return lines

    return said


# -- trees -----------------------------------------------------------------------------------
def ways(tree):
    """Return the decisions above each label, from its leaf up: (inner node, branch)."""
    parents, branches, n = tree.parents(), tree.branches(), tree.n_labels
    found = []
    for label in range(n):
        way, node = [], label
        while parents[node] >= 0:
            way.append((int(parents[node]) - n, int(branches[node])))
            node = parents[node]
        found.append(way)
    return found


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_tree_grows_beside_its_leaves(data):
    n_old = data.draw(st.integers(2, 9))
    n_new = data.draw(st.integers(1, 6))
    counts = data.draw(st.lists(st.integers(0, 50), min_size=n_old, max_size=n_old))
    tree = huffman_tree(np.maximum(np.array(counts), 1))
    places = np.sort(data.draw(st.permutations(range(n_old + n_new)))[:n_old])
    places = np.array(data.draw(st.permutations(places.tolist())))
    beside = np.array(
        data.draw(st.lists(st.integers(0, n_old - 1), min_size=n_new, max_size=n_new))
    )
    new_counts = np.array(data.draw(st.lists(st.integers(0, 9), min_size=n_new, max_size=n_new)))
    grown, rows = grow_tree(tree, places, beside, new_counts)
    grown.check()
    assert grown.n_labels == n_old + n_new and rows.tolist() == sorted(set(rows.tolist()))
    before, after = ways(tree), ways(grown)
    for label in range(n_old):
        kept = [(int(rows[row]), branch) for row, branch in before[label]]
        own = after[places[label]]
        assert own[len(own) - len(kept) :] == kept
        assert len(own) - len(kept) == (label in beside)  # one decision more where others joined
    for label, joined in zip(np.setdiff1d(np.arange(n_old + n_new), places), beside, strict=True):
        kept = [(int(rows[row]), branch) for row, branch in before[joined]]
        assert after[label][len(after[label]) - len(kept) :] == kept


def test_labels_of_a_tree_share_the_probability_of_the_one_that_they_join():
    trainee = trained(loss="hs", head="learned", dim=8)
    names = ["law", "food", "art", "sea", "sport"]
    labels = labels_of(LATER, names)
    model = trainee.model
    features = model.features(split(LATER)[0])
    places = places_of(model, names)
    grown = with_labels(trainee, features, labels, places).model
    texts = [text for _, text in LATER if text]
    before, after = model.probabilities(texts), grown.probabilities(texts)
    same = [i for i in range(3) if np.allclose(after[:, places[i]], before[:, i], atol=1e-7)]
    assert len(same) >= 1 and len(same) < 3
    others = [i for i in range(3) if i not in same]
    rest = [k for k in range(5) if k not in places[same]]
    np.testing.assert_allclose(
        after[:, rest].sum(axis=1), before[:, others].sum(axis=1), rtol=1e-5, atol=1e-7
    )
    assert grown.labels == names and len(grown.output) == 4


# -- tables ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {"head": "linear", "loss": "ova"}, {"head": "linear", "loss": "squared_hinge"},
        {"head": "learned", "loss": "softmax", "dim": 6}, {"head": "learned", "loss": "ns"},
        {"head": "linear", "loss": "ova", "dtype": "float16", "dim": 3},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("names", [[*OLD, *NEW], ["art", "food", "law", "sea", "sport"]], ids=str)
def test_what_was_learnt_of_old_labels_stays(settings, names):
    trainee = trained(**settings)
    model = trainee.model
    labels, texts = labels_of(LATER, names), split(LATER)[0]
    places = places_of(model, names)
    found = with_labels(trainee, model.features(texts), labels, places)
    grown, state = found.model, found.weights.states
    assert grown.labels == names and len(grown.output) == 5
    before, after = model.scores(texts, 1), grown.scores(texts, 1)
    np.testing.assert_allclose(after[:, places], before, rtol=2e-6, atol=1e-6)
    assert model.labels == OLD and len(model.output) == 3  # left as it is
    assert (state["output"].moments.shape[1] % max(grown.output.shape[1], 1)) == 0
    if settings["head"] == "linear":
        assert grown._is_identity and grown.config.dim == grown.dim >= 5
        new = np.setdiff1d(np.arange(5), places)
        raw = model.embed(texts) @ model.output.T
        mean = np.repeat(raw.mean(axis=1, keepdims=True), 2, axis=1)  # of the other labels
        np.testing.assert_allclose(grown.embed(texts)[:, new], mean, rtol=1e-2, atol=1e-3)
    else:  # texts of a new label look like it, before anything is learnt
        for k in set(range(5)) - set(places.tolist()):
            mine = labels.ids == k
            known = mine & (np.diff(model.features(texts).indptr) > 2)
            if known.any():
                assert after[known, k].mean() > after[known].mean()


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adadelta"])
@pytest.mark.parametrize("extra", [{}, {"l2": 0.01}, {"averaging": 0.5}], ids=str)
def test_the_state_of_rows_moves_with_them(optimizer, extra):
    config = Config(optimizer=optimizer, loss="ova", head="linear", dim=4, dtype="float32", **extra)
    rng = np.random.default_rng(0)
    weights = init_weights(config, 6, 3, 0)
    weights.steps, weights.path = 7, 0.5
    for state in weights.states.values():
        for array in vars(state).values():
            array[...] = rng.standard_normal(array.shape)
    weights.embeddings[:] = rng.standard_normal((6, 4))
    weights.embeddings[:, 3] = 0
    places = np.array([4, 0, 2])
    wide = config.replace(dim=5)
    grown = grow_outputs(weights, wide, places, np.zeros((2, 4), np.float32))
    np.testing.assert_array_equal(grown.embeddings[:, places], weights.embeddings[:, :3])
    old, new = weights.states["embeddings"], grown.states["embeddings"]
    for before, after in ((old.moments, new.moments), (old.total, new.total)):
        slots = before.shape[1] // 4
        for slot in range(slots if len(before) else 0):
            np.testing.assert_array_equal(
                after[:, slot * 5 : slot * 5 + 5][:, places], before[:, slot * 4 : slot * 4 + 3]
            )
    np.testing.assert_array_equal(new.seen, old.seen)
    learned = config.replace(head="learned", dim=4)
    weights = init_weights(learned, 6, 3, 0)
    weights.steps, weights.path = 7, 0.5
    weights.states["output"].moments[...] = rng.standard_normal(
        weights.states["output"].moments.shape
    )
    grown = grow_outputs(weights, learned, places, np.ones((2, 4), np.float32))
    np.testing.assert_array_equal(grown.output[places], weights.output)
    assert (grown.output[[1, 3]] == 1).all()
    old, new = weights.states["output"], grown.states["output"]
    if len(old.moments):
        np.testing.assert_array_equal(new.moments[places], old.moments)
        assert not new.moments[[1, 3]].any()
    if len(new.seen):
        assert (new.seen[[1, 3], :2] == (7, 0.5)).all()


def test_a_linear_head_that_is_none_is_a_damaged_model():
    config = Config(loss="ova", head="linear", dim=4, dtype="float32")
    weights = init_weights(config, 6, 3, 0)
    weights.output[1, 2] = 0.5
    with pytest.raises(ModelError, match="is damaged: under a linear head"):
        grow_outputs(weights, config, np.arange(3), np.zeros((1, 4), np.float32))


# -- partial_fit -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("loss", "head"),
    [(loss, "linear") for loss in LOSSES if loss != "ns"] + [(loss, "learned") for loss in LOSSES],
)  # fmt: skip
def test_new_labels_are_learnt_and_old_ones_kept(loss, head):
    lr = {"linear": None, "learned": 0.1 if loss == "squared_hinge" else 0.3}[head]
    found = classifier(loss=loss, head=head, lr=lr, epochs=10).fit(*split(FIRST))
    for _ in range(20):
        found.partial_fit(*split(LATER))
    assert found.classes_.tolist() == sorted([*OLD, *NEW]) == found.model_.labels
    assert found.score(*split(LATER)) == 1 and found.score(*split(FIRST)) > 0.95
    proba = found.predict_proba(split(LATER)[0])
    assert proba.shape == (len(LATER), 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert found.classes_[proba.argmax(axis=1)].tolist() == split(LATER)[1]
    assert found.model_.label_counts.sum() == found.model_.n_texts == len(FIRST) + 20 * len(LATER)
    assert found.model_.label_counts[0] == 20 * 8  # "art"
    assert found.model_.config.loss == loss and found.model_.config.head == head


def test_new_labels_are_said_once_by_name(said):
    found = classifier().fit(*split(FIRST))
    said()
    found.partial_fit(*split(LATER))
    assert said() == ["2 labels that the model did not know join it: art, law"]
    found.partial_fit(*split(LATER))
    assert said() == []
    many = [f"label {i}" for i in range(9)]
    found.partial_fit([*many, "soup"], [*many, "food"])
    (line,) = said()
    assert line.startswith("9 labels that the model did not know join it: label 0, ")
    assert line.endswith("label 4, ...")


@pytest.mark.parametrize(
    ("typo", "why"),
    [
        ("Food", "upper and lower case"),
        (" food", "white space"),
        ("__label__food", "the prefix '__label__'"),
        ("seafood", ""),
        ("Ｆood", "case, white space and the form of Unicode"),
    ],
)
def test_a_slip_of_the_pen_is_said(typo, why, said):
    found = classifier().fit(*split(FIRST))
    said()
    found.partial_fit(["soup bread", "ship"], [typo, "sea"])
    (line,) = said()
    assert "1 label that the model did not know joins it" in line
    if why:
        assert line.endswith(f"it: {typo.strip()}; {typo!r} differs from 'food' by {why} alone")
    else:
        assert line.endswith(f"it: {typo}")
    assert typo in found.classes_ and len(found.classes_) == 4
    assert len(set(found.model_.labels)) == 4


def test_slips_are_told_from_other_new_labels(said):
    found = classifier().fit(*split(FIRST))
    said()
    found.partial_fit(["soup", "ship", "court", "goal"], ["Food", "SEA", "auto", "sport"])
    assert said() == [
        "3 labels that the model did not know join it: Food, SEA, auto; 'Food', 'SEA' differ from "
        "'food', 'sea' by upper and lower case alone"
    ]


def test_texts_of_new_labels_alone_are_warned_of(said):
    found = classifier().fit(*split(FIRST))
    said()
    found.partial_fit(*split(rows_of(NEW)))
    assert "no text here has a label that the model knew before" in said()[1]
    assert found.score(*split(rows_of(NEW))) == 1  # new words tell of new labels all the same
    gains = found.model_.space.gains
    assert gains[-1] > 0.1


def test_classes_say_what_is_allowed():
    found = classifier().fit(*split(FIRST))
    with pytest.raises(ValueError, match="y contains a label that is not in classes: 'art'"):
        found.partial_fit(*split(LATER), classes=found.classes_)
    with pytest.raises(ValueError, match="classes lack a label that the model knows: 'sea'"):
        found.partial_fit(*split(FIRST), classes=["food", "sport", "art"])
    assert found.classes_.tolist() == sorted(OLD)
    found.partial_fit(*split(FIRST), classes=[*OLD, "zoo", "art"])  # announced, without a text
    assert found.classes_.tolist() == sorted([*OLD, "zoo", "art"])
    assert np.isfinite(found.predict_proba(["soup", "paint"])).all()
    assert found.score(*split(FIRST)) > 0.9


@pytest.mark.parametrize(
    ("first", "new", "whole"),
    [
        (["a", "b"], "c", ["a", "b", "c"]), ([3, 5], 4, [3, 4, 5]), ([1.0, 4.0], 3, [1, 3, 4]),
        (np.array(["b", "c"], object), "a much longer one", ["a much longer one", "b", "c"]),
        (np.array([1, 2], np.uint8), 300, [1, 2, 300]),
    ],
    ids=str,
)  # fmt: skip
def test_classes_stay_sorted_and_of_their_type(first, new, whole, tmp_path):
    y = np.repeat(first, 6)
    texts = ["soup bread"] * 6 + ["ship wave"] * 6
    found = classifier().fit(texts, y)
    found.partial_fit([*texts, "paint brush"], [*y.tolist(), new])
    assert found.classes_.tolist() == whole and len(found.model_.labels) == 3
    for _ in range(5):
        found.partial_fit([*texts, *["paint brush"] * 6], [*y.tolist(), *[new] * 6])
    assert found.predict(["paint brush", "soup", "ship"]).tolist() == [
        new,
        *np.asarray(first).tolist(),
    ]
    found.save(tmp_path / "m.ftl")
    assert load(tmp_path / "m.ftl").classes_.tolist() == whole


@pytest.mark.parametrize(
    ("first", "new"),
    [(["a", "b"], 3), ([1, 2], "c"), ([False, True], 2), ([1, 2], 2.5), ([1, 2], True)],
)  # fmt: skip
def test_new_labels_are_of_the_type_of_the_old(first, new):
    texts, y = ["soup bread"] * 6 + ["ship wave"] * 6, np.repeat(first, 6)
    found = classifier().fit(texts, y)
    before = found.model_
    if new is True:  # which is 1
        assert found.partial_fit(["paint"], [new]).classes_.tolist() == first
        return
    with pytest.raises(ValueError, match=r"type"):
        found.partial_fit(["paint"], [new])
    assert found.model_ is before and found.classes_.tolist() == first


def test_several_labels(said):
    texts, labels = split(FIRST)
    lists = [[label, "all"] for label in labels]
    found = classifier().fit(texts, lists)
    said()
    later, names = split(LATER)
    for _ in range(10):
        found.partial_fit(later, [[name, "all"] for name in names])
    assert found.classes_.tolist() == sorted([*OLD, *NEW, "all"])
    assert [set(row) for row in found.predict(later)] == [{name, "all"} for name in names]
    assert said() == ["2 labels that the model did not know join it: art, law"]
    with pytest.raises(ValueError, match="y was lists"):
        found.partial_fit(later, names)


def test_matrices_with_more_columns():
    texts, labels = split(FIRST)
    matrix = np.array([[label == name for name in OLD] for label in labels]).astype(int)
    found = classifier().fit(texts, matrix)
    later, names = split(LATER)
    wide = np.array([[name == each for each in [*OLD, *NEW]] for name in names]).astype(int)
    for _ in range(10):
        found.partial_fit(later, wide)
    assert found.classes_.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(found.predict(later), wide)
    with pytest.raises(ValueError, match="4 columns, and the model has 5: give all of these"):
        found.partial_fit(later, wide[:, :4])


def test_shares_with_more_columns(said):
    texts, labels = split(FIRST)
    shares = pd.DataFrame(
        {name: [0.8 if label == name else 0.1 for label in labels] for name in OLD}
    )
    found = classifier().fit(texts, shares)
    later, names = split(LATER)
    all_names = ["law", *OLD, "art"]
    wide = pd.DataFrame(
        {name: [0.6 if each == name else 0.1 for each in names] for name in all_names}
    )
    said()
    for _ in range(8):
        found.partial_fit(later, wide)
    assert found.classes_.tolist() == sorted(all_names) and found.score(later, names) == 1
    assert said() == ["2 labels that the model did not know join it: art, law"]
    fewer = wide.drop(columns="sea")
    with pytest.raises(ValueError, match="the columns of y are not the classes"):
        found.partial_fit(later, fewer.div(fewer.sum(axis=1), axis=0))
    numbered = classifier().fit(texts, shares.to_numpy())
    numbered.partial_fit(later, wide[[*OLD, *NEW]].to_numpy())
    assert numbered.classes_.tolist() == [0, 1, 2, 3, 4]


def test_weights_of_new_labels():
    found = classifier(class_weight={"food": 2.0}).fit(*split(FIRST))
    found.set_params(class_weight={"food": 1.0, "art": 3.0, "law": 0.0})
    found.partial_fit(*split(LATER))
    counts = dict(zip(found.classes_.tolist(), found.model_.label_counts.tolist(), strict=True))
    assert counts["art"] == 8 and counts["law"] == 0  # a text of weight 0 is not there
    with pytest.raises(ValueError, match="class_weight has a label that is not in y: 'zoo'"):
        found.set_params(class_weight={"zoo": 1.0}).partial_fit(*split(LATER))
    balanced = classifier(class_weight="balanced").fit(*split(FIRST)).partial_fit(*split(LATER))
    assert len(balanced.classes_) == 5


def test_settings_that_the_number_of_labels_decides_stay():
    """Above 20 labels another head, loss and rate are usual, but not for tables that are there."""
    texts = [f"word{i % 18} other{i % 18}" for i in range(90)]
    found = FastTextClassifier(recipe="fixed", random_state=0).fit(
        texts, [f"l{i % 18:02}" for i in range(90)]
    )
    before = found.model_.config
    assert before.head == "linear" and before.dim == 32
    more = [f"new{i % 30} fresh{i % 30}" for i in range(90)]
    labels = [f"n{i % 30:02}" for i in range(90)]
    for _ in range(10):
        found.partial_fit([*texts, *more], [*(f"l{i % 18:02}" for i in range(90)), *labels])
    after = found.model_.config
    assert (after.head, after.loss, after.lr) == (before.head, before.loss, before.lr)
    assert after.dim == found.model_.dim == 48 == len(found.classes_)
    assert found.score(more, labels) > 0.95


def test_the_rate_that_was_chosen_stays():
    found = classifier(loss="squared_hinge", lr=0.05).fit(*split(FIRST))
    found.set_params(lr=None, loss="auto").partial_fit(*split(FIRST))
    assert found.model_.config.lr == found.history_.lr == 0.05
    found.set_params(lr=0.02).partial_fit(*split(FIRST))
    assert found.history_.lr == 0.02


def test_calibration_and_threshold_of_a_model_that_grew(said):
    found = FastTextClassifier(random_state=0, epochs=2).fit(*split(FIRST * 4))
    old = found.model_.calibration
    assert old.n_texts
    found.model_ = found.model_.replace(threshold=Threshold(0.5, "f1", None, 0.9, 0.9, 40))
    found._trainee.model = found.model_
    same = load_copy(found).partial_fit(*split(FIRST)).model_.calibration
    assert same == old
    said()
    found.partial_fit(*split(LATER))
    new = found.model_.calibration
    assert (new.scale, new.power) == (old.scale, old.power)
    assert new.n_texts == 0 and new.error is None and "not measured" in new.line()
    assert found.model_.threshold is None
    assert any("it is dropped" in line for line in said())


def load_copy(estimator):
    return pickle.loads(pickle.dumps(estimator))


@pytest.mark.parametrize(
    "settings",
    [
        {}, {"loss": "softmax", "head": "learned"}, {"loss": "hs"},
        {"loss": "ns", "head": "learned"},
        {"loss": "hs", "head": "learned", "tree": "cluster"}, {"l2": 0.001},
        {"pooling": "mean", "lr": 0.5},
    ],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("way", ["file", "pickle"])
def test_saved_models_go_on_as_those_in_memory(settings, way, tmp_path):
    found = classifier(**settings).fit(*split(FIRST))
    if way == "file":
        found.save(tmp_path / "m.ftl")
        other = load(tmp_path / "m.ftl")
    else:
        other = load_copy(found)
    for each in (found, other):
        each.partial_fit(*split(LATER)).partial_fit(*split(LATER))
    exact = not settings.get("l2")  # whose weights of long ago are settled in a file
    for name in ("embeddings", "output"):
        one, two = (getattr(each.model_, name) for each in (found, other))
        if exact:
            np.testing.assert_array_equal(one, two)
        else:
            np.testing.assert_allclose(one, two, rtol=1e-3, atol=1e-5)
    assert other.classes_.tolist() == found.classes_.tolist()


def test_a_model_that_grew_does_all_that_others_do(tmp_path):
    for loss in ("ova", "softmax", "hs"):
        found = classifier(loss=loss).fit(*split(FIRST)).partial_fit(*split(LATER))
        texts = split(LATER)[0]
        proba = found.predict_proba(texts)
        found.save(tmp_path / "m.ftl")
        np.testing.assert_array_equal(load(tmp_path / "m.ftl").predict_proba(texts), proba)
        one = found.model_.predict_one(texts[0], k=5)
        assert {name for name, _ in one} == set(found.classes_)
        small = found.quantize()
        assert small.predict(texts).tolist()
        with pytest.raises(ModelError, match="quantised model cannot be trained further"):
            small.partial_fit(*split(LATER))
        again = found.partial_fit(*split(rows_of(["law"])), classes=[*found.classes_, "zoo"])
        assert len(again.classes_) == 6


def test_a_converted_model_of_fasttext_learns_new_labels(tmp_path, write):
    data = write("".join(f"__label__{label} {text}\n" for label, text in FIRST))
    fasttext.train_supervised(str(data), epoch=20, dim=10, thread=1, lr=0.5).save_model(
        str(tmp_path / "m.bin")
    )
    found = load(tmp_path / "m.bin")
    for _ in range(40):
        found.partial_fit(*split(LATER))
    assert found.score(*split(LATER)) == 1 and found.classes_.tolist() == sorted([*OLD, *NEW])


# -- how much labels count -------------------------------------------------------------------
def test_labels_count_as_in_all_texts_seen():
    labels = Labels.from_rows([["a"], ["a"], ["b"], ["c"], ["a", "c"], []], ["a", "b", "c", "d"])
    before = np.array([0, 3, 58, 4])
    factors = seen_factors(labels, before)
    assert factors.tolist() == [1, 1, 4, MOST_FACTOR, (1 + MOST_FACTOR) / 2, 1]
    none = seen_factors(labels, np.zeros(4, np.int64))
    assert none.tolist() == [1] * 6
    empty = Labels.from_rows([[], []], ["a", "b", "c", "d"])
    assert seen_factors(empty, before).tolist() == [1, 1]


# -- train --init ----------------------------------------------------------------------------
@pytest.fixture
def run(capsys, monkeypatch, said):
    """Return a function that runs a command: its exit code, stdout, and stderr with log lines."""

    def run(*words):
        capsys.readouterr()
        said()
        try:
            code = app.main([str(word) for word in words])
        except SystemExit as stop:
            code = stop.code
        out, err = capsys.readouterr()
        return code, out, err + "".join(f"{line}\n" for line in said())

    return run


def tsv(rows):
    return "".join(f"{label}\t{text}\n" for label, text in rows)


@pytest.fixture
def base(run, write, tmp_path):
    """Return a model of three labels, and a file of five."""
    model = tmp_path / "m.ftl"
    assert (
        run("train", write(tsv(FIRST), "old.tsv"), "-o", model, "--seed", 1, "--recipe", "fixed")[0]
        == 0
    )
    return model, write(tsv(LATER), "new.tsv")


def test_init_goes_on_from_a_model(base, run, tmp_path):
    model, data = base
    out, again = tmp_path / "out.ftl", tmp_path / "again.ftl"
    code, printed, err = run("train", data, "-o", out, "--init", model, "--seed", 1)
    assert code == 0
    assert err == "2 labels that the model did not know join it: art, law\n"
    assert "trained on 40 texts with 5 labels in " in printed and "5 epochs" in printed
    found, before = load_model(out), load_model(model)
    n_words = found.space.n_words - before.space.n_words
    assert (
        n_words >= 8 and f"{out}: {n_words} words and 2 labels joined those of {model}\n" in printed
    )
    assert found.labels[:3] == before.labels and set(found.labels[3:]) == set(NEW)
    assert found.n_texts == len(FIRST) + len(LATER)
    assert found.label_counts.tolist() == [20, 20, 20, 8, 8]
    assert found.space.n_rows > before.space.n_rows
    texts, labels = split(LATER)
    assert [names[0] for names in found.predict(texts).names] == labels
    kept = ("lr", "epochs", "loss", "head", "dim")
    assert [getattr(found.config, n) for n in kept] == [getattr(before.config, n) for n in kept]
    run("train", data, "-o", again, "--init", model, "--seed", 1)
    assert again.read_bytes() == out.read_bytes()


def test_init_may_overwrite_its_model(base, run, tmp_path):
    model, data = base
    out = tmp_path / "out.ftl"
    run("train", data, "-o", out, "--init", model, "--seed", 1)
    assert run("train", data, "-o", model, "--init", model, "--seed", 1)[0] == 0
    assert model.read_bytes() == out.read_bytes()
    code, printed, err = run("train", data, "-o", model, "--init", model, "--seed", 2)
    assert (code, err) == (0, "") and ": 0 words and 0 labels joined those of" in printed
    assert load_model(model).n_texts == len(FIRST) + 2 * len(LATER)


def test_settings_of_training_count_and_stay(base, run, tmp_path):
    model, data = base
    out = tmp_path / "out.ftl"
    flags = ("--epochs", 3, "--lr", 0.7, "--schedule", "cosine", "--optimizer", "adam")
    code, printed, _ = run("train", data, "-o", out, "--init", model, *flags)
    assert code == 0 and "3 epochs, lr 0.7" in printed
    config = load_model(out).config
    assert (config.epochs, config.lr, config.schedule, config.optimizer) == (
        3,
        0.7,
        "cosine",
        "adam",
    )


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--maxn", "3"], "--maxn would make another model of {model}: with --init its own setting "
         "holds; leave it out, or train a new model"),
        (["--dim", "99", "--analyzer", "whitespace", "--no-lowercase"],
         "--analyzer, --lowercase, --dim would make another model of"),
        (["--loss", "hs"], "--loss would make"), (["--head", "learned"], "--head would make"),
        (["--units", "7"], "--units would make"), (["--init", "xavier"], "--init would make"),
        (["--preset", "fasttext"],
         "--preset is for a training from nothing: leave it out, or --init"),
        (["--unlabelled", "{data}", "--cache", "c"],
         "--unlabelled, --cache are for a training from nothing: leave them out"),
        (["--pretrained-vectors", "{data}"], "--pretrained-vectors is for a training from nothing"),
        (["--max-words", "3"], "--max-words is for"), (["--text-embeddings", "{data}"], "is for"),
        (["--multilabel"], "--multilabel: {model} is a model of one label a text"),
        (["--averaging", "0.5", "--l2", "0.1"], "averaging cannot be combined with l1 or l2"),
        (["--stop-words", "soup"], "--stop-words would make"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_flags_that_do_not_go_with_init(flags, message, base, run, tmp_path):
    model, data = base
    flags = [flag.format(data=data) for flag in flags]
    code, _, err = run("train", data, "-o", tmp_path / "out.ftl", "--init", model, *flags)
    assert code == 2 and err.count("\n") == 1 and message.format(model=model) in err
    assert not (tmp_path / "out.ftl").exists()


def test_flags_that_say_what_the_model_is_are_no_fault(base, run, tmp_path):
    model, data = base
    config = load_model(model).config
    flags = ("--loss", config.loss, "--dim", config.dim, "--maxn", config.maxn, "--lr", "none")
    flags += ("--lowercase", "--init", config.init)
    out = tmp_path / "out.ftl"
    assert run("train", data, "-o", out, "--init", model, *flags)[0] == 0
    code, _, err = run("train", data, "-o", out, "--init", model, "--recipe", "fixed", "--neg", 9)
    assert code == 0
    assert "--recipe has no effect: with --init the settings are the model's\n" in err
    assert "--neg has no effect: it is for the loss ns" in err


@pytest.mark.parametrize(
    "kind", ["quantised", "fastText", "ensemble", "text", "none", "typo", "damaged"]
)
def test_models_that_init_cannot_go_on_from(kind, base, run, tmp_path, write):
    model, data = base
    other, message = tmp_path / "other.ftl", "no such file"
    if kind == "quantised":
        run("quantize", model, "-o", other)
        message = (
            "a quantised model cannot be trained further: go on from the model that it was made"
        )
    elif kind == "fastText":
        lines = write("".join(f"__label__{label} {text}\n" for label, text in FIRST), "ft.txt")
        other = tmp_path / "m.bin"
        fasttext.train_supervised(str(lines), epoch=1, dim=4, thread=1).save_model(str(other))
        message = "is a model of fastText: convert it with `fasttext-lite convert"
    elif kind == "ensemble":
        FastTextEnsemble(n_members=2, **QUICK).fit(*split(FIRST)).save(other)
        message = "an ensemble of models"
    elif kind == "text":
        other, message = data, "it is a text"
    elif kind == "typo":
        other, message = "xavir", "xavier"
    elif kind == "damaged":
        other.write_bytes(model.read_bytes()[:-40])
        message = "a model file that is cut"
    code, _, err = run("train", data, "-o", tmp_path / "out.ftl", "--init", other)
    assert code == 2 and err.count("\n") == 1 and message in err
    assert not (tmp_path / "out.ftl").exists()


def test_a_converted_model_of_fasttext_goes_on_with_init(base, run, tmp_path, write):
    _, data = base
    lines = write("".join(f"__label__{label} {text}\n" for label, text in FIRST), "ft.txt")
    fasttext.train_supervised(
        str(lines), epoch=20, dim=8, thread=1, lr=0.5, wordNgrams=2, bucket=500
    ).save_model(str(tmp_path / "m.bin"))
    assert run("convert", tmp_path / "m.bin", tmp_path / "c.ftl")[0] == 0
    code, _, err = run(
        "train",
        data,
        "-o",
        tmp_path / "o.ftl",
        "--init",
        tmp_path / "c.ftl",
        "--lr",
        0.5,
        "--epochs",
        40,
    )
    assert code == 0 and "art, law" in err
    found = load_model(tmp_path / "o.ftl")
    texts, labels = split(LATER)
    assert (
        np.mean([a[0] == b for a, b in zip(found.predict(texts).names, labels, strict=True)]) > 0.9
    )


def test_the_file_of_an_estimator_stays_one(run, tmp_path, write):
    found = classifier(class_weight="balanced").fit(*split(FIRST))
    model, out = tmp_path / "m.ftl", tmp_path / "out.ftl"
    found.save(model)
    data = write(tsv(LATER), "new.tsv")
    assert run("train", data, "-o", out, "--init", model)[0] == 0
    again = load(out)
    assert again.classes_.tolist() == sorted([*OLD, *NEW]) == again.model_.labels
    assert again.class_weight == "balanced" and again.model_.run.class_weight == "balanced"
    assert again.score(*split(LATER)) == 1
    assert again.partial_fit(*split(LATER)).score(*split(LATER)) == 1
    assert read_model(out)[1]["estimator"]["classes"] == sorted([*OLD, *NEW])


@pytest.mark.parametrize(
    ("classes", "name", "whole"),
    [([3, 10, 7], "9", [3, 7, 9, 10]), ([1.0, 2.0, 4.0], "3.0", [1.0, 2.0, 3.0, 4.0]),
     ([3, 10, 7], "nine", None), ([3, 10, 7], "09", None), ([1.0, 2.0, 4.0], "nan", None),
     ([1.0, 2.0, 4.0], "3", None)],
    ids=str,
)  # fmt: skip
def test_labels_of_an_estimator_keep_their_type(classes, name, whole, run, tmp_path, write):
    number = dict(zip(OLD, classes, strict=True))
    found = classifier().fit(split(FIRST)[0], [number[label] for label, _ in FIRST])
    found.save(tmp_path / "m.ftl")
    rows = [(str(number.get(label, name)), text) for label, text in LATER if label != "law"]
    data = write(tsv(rows), "new.tsv")
    code, _, err = run("train", data, "-o", tmp_path / "out.ftl", "--init", tmp_path / "m.ftl")
    if whole is None:
        assert code == 2 and "are of a Python estimator, such as" in err and repr(name) in err
        assert not (tmp_path / "out.ftl").exists()
        return
    assert code == 0
    again = load(tmp_path / "out.ftl")
    assert again.classes_.tolist() == whole
    assert again.predict(["paint brush", "soup bread"]).tolist() == [
        type(whole[0])(name),
        classes[0],
    ]


def test_columns_of_a_matrix_are_counted_on(run, tmp_path, write):
    texts, labels = split(FIRST)
    found = classifier().fit(texts, np.array([[la == n for n in OLD] for la in labels]).astype(int))
    found.save(tmp_path / "m.ftl")
    for new, code in (("3", 0), ("7", 2)):
        rows = [(str(OLD.index(la)) if la in OLD else new, text) for la, text in LATER]
        data = write(tsv(rows), "new.tsv")
        got, _, err = run("train", data, "-o", tmp_path / "o.ftl", "--init", tmp_path / "m.ftl")
        assert got == code
    assert "numbers of a matrix's columns, 0 to 2: a new one is 3; got 7" in err
    assert load(tmp_path / "o.ftl").predict(["paint brush"]).shape == (1, 4)


def test_one_label_a_text_stays_so(base, run, write, tmp_path):
    model, _ = base
    data = write(
        '{"label": ["food", "sea"], "text": "soup ship"}\n{"label": ["food"], "text": "soup"}\n',
        "n.jsonl",
    )
    code, _, err = run("train", data, "-o", tmp_path / "o.ftl", "--init", model)
    assert code == 2 and "the model was made for one label a text" in err


def test_several_labels_with_init(run, write, tmp_path):
    old = write("".join(f"{label},all\t{text}\n" for label, text in FIRST), "old.tsv")
    new = write("".join(f"{label},all\t{text}\n" for label, text in LATER), "new.tsv")
    model, out = tmp_path / "m.ftl", tmp_path / "o.ftl"
    assert run("train", old, "-o", model, "--multilabel", "--seed", 1)[0] == 0
    assert run("train", new, "-o", out, "--init", model, "--epochs", 20)[0] == 0
    found = load_model(out)
    assert found.multilabel and len(found.labels) == 6  # "art", not "art,all"
    assert (
        "accuracy" not in run("test", out, new)[1]
        and load(out).score(split(LATER)[0], [[label, "all"] for label, _ in LATER]) > 0.9
    )


@pytest.mark.parametrize("where", ["memory", "files", "pieces", "stdin", "packed", "noise"])
def test_files_of_every_size_and_kind(where, base, run, write, tmp_path, monkeypatch, feed):
    model, data = base
    out = tmp_path / "out.ftl"
    plain = run("train", data, "-o", tmp_path / "plain.ftl", "--init", model, "--seed", 1)
    flags = []
    if where == "files":
        monkeypatch.setattr(streaming, "MADE_IN_FILES", 0)
        monkeypatch.setattr(streaming, "SPILL_BYTES", 1)
    elif where == "pieces":
        monkeypatch.setattr(training_file, "CHUNK_BYTES", 200)
    elif where == "stdin":
        feed(tsv(LATER).encode())
        data = "-"
    elif where == "packed":
        data = tmp_path / "new.tsv.gz"
        data.write_bytes(gzip.compress(tsv(LATER).encode()))
    elif where == "noise":
        flags = ["--word-dropout", "0.1", "--word-swap", "0.1"]
    code, printed, err = run("train", data, "-o", out, "--init", model, "--seed", 1, *flags)
    assert code == 0 and err == plain[2]
    found, like = load_model(out), load_model(tmp_path / "plain.ftl")
    assert found.labels == like.labels and found.space.words() == like.space.words()
    if where in ("memory", "stdin", "packed"):
        np.testing.assert_array_equal(found.embeddings, like.embeddings)
    texts, labels = split(LATER)
    assert (
        np.mean([a[0] == b for a, b in zip(found.predict(texts).names, labels, strict=True)]) > 0.9
    )


@pytest.mark.parametrize("content", ["", "\n\n", "no label\n", "\tsoup\n"])
def test_files_without_anything_to_learn(content, base, run, write, tmp_path):
    model, _ = base
    before = model.read_bytes()
    code, _, err = run("train", write(content, "n.tsv"), "-o", model, "--init", model)
    assert code == 2 and err.count("\n") == 1 and model.read_bytes() == before


def test_texts_without_a_feature_end_in_a_line(base, run, write):
    model, _ = base
    before = model.read_bytes()
    code, _, err = run(
        "train", write("food\t \u200b\nsea\t\u200b\n", "n.tsv"), "-o", model, "--init", model
    )
    assert code == 2 and model.read_bytes() == before and "Traceback" not in err


def test_valid_patience_log_and_weights(base, run, write, tmp_path):
    model, data = base
    out, log = tmp_path / "o.ftl", tmp_path / "l.jsonl"
    valid = write(tsv(rows_of([*OLD, *NEW], 4, 40)), "valid.tsv")
    code, printed, _ = run(
        "train", data, "-o", out, "--init", model, "--valid", valid, "--log", log, "--patience", 2,
        "--epochs", 9, "--seed", 1,
    )  # fmt: skip
    assert code == 0 and f"{valid}: n 20  accuracy" in printed
    lines = [json.loads(line) for line in log.read_text("utf-8").splitlines()]
    assert any(line.get("valid_accuracy") for line in lines)
    more = write(tsv(LATER * 2), "more.tsv")
    code, printed, _ = run("train", more, "-o", out, "--init", model, "--patience", 2, "--seed", 1)
    assert code == 0 and "set aside" in printed
    records = write(
        "".join(
            json.dumps({"label": la, "text": t, "weight": 1 + i % 3}) + "\n"
            for i, (la, t) in enumerate(LATER)
        ),
        "w.jsonl",
    )
    for flag in ("none", "balanced"):
        assert run("train", records, "-o", out, "--init", model, "--class-weight", flag)[0] == 0
    assert load_model(out).run.class_weight == "balanced" and load_model(out).run.sample_weight


def test_labels_count_as_they_did_unless_told_otherwise(base, monkeypatch, tmp_path, write, run):
    model, _ = base
    rows = [*rows_of(["food"], 2), *rows_of(["sea"], 6), *rows_of(NEW, 6)]
    data = write(tsv(rows), "skewed.tsv")
    seen = []
    from fasttext_lite.training import loop

    train = loop.train

    def noted(*arguments, **values):
        seen.append(values["doc_weights"])
        return train(*arguments, **values)

    monkeypatch.setattr(loop, "train", noted)
    run("train", data, "-o", tmp_path / "o.ftl", "--init", model)
    run("train", data, "-o", tmp_path / "o.ftl", "--init", model, "--class-weight", "none")
    weights, alike = seen
    assert alike is None
    # "food": (12 + 2) / 2 against 1 of a label that is new, "sea": (12 + 6) / 6
    assert weights[0] / weights[-1] == pytest.approx(7) and weights[2] / weights[
        -1
    ] == pytest.approx(3)
    assert weights.mean() == pytest.approx(1)


def test_a_training_that_goes_on_can_be_kept(base, run, tmp_path):
    """A checkpoint of it is of that model: of another one it is refused."""

    model, data = base
    plain = tmp_path / "plain.ftl"
    run("train", data, "-o", plain, "--init", model, "--seed", 1)
    kept = tmp_path / "kept.ftl"
    flags = ("--checkpoint", tmp_path / "c", "--seed", 1)
    assert run("train", data, "-o", kept, "--init", model, *flags)[0] == 0
    assert kept.read_bytes() == plain.read_bytes()


def test_quantising_after_init(base, run, tmp_path):
    model, data = base
    out = tmp_path / "o.ftl"
    run("train", data, "-o", out, "--init", model, "--seed", 1)
    code, printed, _ = run("quantize", out, "-o", tmp_path / "s.ftl", "--test", data)
    assert code == 0 and "accuracy 1.0000" in printed


def test_a_checkpoint_is_of_the_model_that_it_goes_on_from():
    texts, labels = split(LATER)
    pieces = TextPieces(Texts.from_sequence(texts), labels_of(LATER, [*OLD, *NEW]), whole=False)
    about = []
    for lr in (0.5, 0.5, 0.4):
        model = trained(lr=lr, loss="ova").model
        model = model.replace(config=model.config.replace(lr=0.5))
        about.append(keeper._about(prepare_more(pieces, Further(model), n_threads=1)))
    assert about[0] == about[1]
    assert {name for name in about[0] if about[0][name] != about[2][name]} == {
        "model to go on from"
    }


@pytest.mark.parametrize(
    ("y", "names"),
    [
        (["__label__food", "food", "sea", "sea"], ["__label__food", "food", "sea"]),
        (np.array([1, "1", "sea", "sea"], object), None),
        (["__label__food", "__label__sea", "sea,", "sea"], ["__label__food", "__label__sea"]),
    ],
)
def test_no_label_is_written_as_numpy_writes_it(y, names, said):
    try:
        found = classifier().fit(["soup", "bread", "ship", "sail"], y)
    except ValueError as error:  # they do not sort
        assert "np." not in str(error)
        return
    assert found.model_.labels[:2] == names[:2]
    assert len(set(found.model_.labels)) == len(found.classes_)
    assert not any("np." in line for line in said())


@pytest.mark.parametrize(
    ("make", "what"), [(np.asarray, "a 0/1 matrix"), (lambda y: y / 1, "a 0/1 matrix")]
)
@pytest.mark.parametrize("n", [2, 4])
def test_a_matrix_of_fewer_columns_is_told_of_by_their_number(make, what, n):
    y = np.tile(np.eye(5, dtype=int), (4, 1))
    found = classifier().fit(["soup bread", "ship", "goal", "law", "art"] * 4, y)
    with pytest.raises(ValueError) as caught:
        found.partial_fit(["soup", "ship"], make(y[:2, :n]))
    assert f"y is {what} of {n} columns, and the model has 5: give all of" in str(caught.value)
    with pytest.raises(ValueError, match="its classes are the numbers of the columns; got"):
        found.partial_fit(["soup", "ship"], make(y[:2, :n]), classes=[*range(7)])


@pytest.mark.parametrize("name", ["x" * 100_000, "a\n\x1b[31mb", "a b\r\nc\t" * 1000])
def test_what_is_logged_of_a_label_is_one_line(name, said):
    found = classifier().fit(*split(FIRST))
    said()
    found.partial_fit(["soup bread", "ship"], [name, "sea"])
    (line,) = said()
    assert line.startswith("1 label that the model did not know joins it: ")
    assert line.isprintable() and len(line) < 700
