"""Ensembles: members, averages, files."""

import json
import os
import pickle
import warnings

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file
from sklearn.base import clone
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.model_selection import cross_val_score
from sklearn.utils import estimator_checks as checks
from sklearn.utils.validation import check_is_fitted, validate_data

import fasttext_lite
from fasttext_lite.errors import ModelError
from fasttext_lite.estimators.base import UnknownTextWarning
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.ensemble import METHODS, FastTextEnsemble
from fasttext_lite.fitting import fit as fitting_fit
from fasttext_lite.fitting import prepare as fitting
from fasttext_lite.model.checksums import as_text, with_checksums

SMALL = {"dim": 6, "epochs": 3, "lr": 0.3, "bucket": 2000, "random_state": 0}
WORDS = {
    "food": "soup bread noodles rice pepper salt oven butter",
    "sport": "goal match coach team score league race medal",
    "weather": "rain storm cloud sunny frost wind snow heat",
}


def rows(n=12, seed=0):
    rng = np.random.default_rng(seed)
    pairs = [
        (" ".join(rng.permutation(words.split())[:4].tolist()), label)
        for _ in range(n)
        for label, words in WORDS.items()
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


X, Y = rows()
TEST, TRUE = rows(4, seed=1)
LISTS = [[label] if i % 3 else [label, "extra"] for i, label in enumerate(Y)]
MATRIX = np.array([[label == name for name in (*WORDS, "extra")] for label in Y], int)


def ensemble(**values):
    return FastTextEnsemble(**{"n_members": 3, **SMALL, **values})


@pytest.mark.parametrize("method", METHODS)
def test_probabilities_are_the_mean_of_those_of_the_members(method):
    found = ensemble(method=method).fit(X, Y)
    assert len(found.estimators_) == 3
    parts = [member.predict_proba(TEST) for member in found.estimators_]
    assert not np.allclose(parts[0], parts[1])
    np.testing.assert_allclose(found.predict_proba(TEST), np.mean(parts, axis=0), rtol=1e-12)
    best = found.classes_[np.mean(parts, axis=0).argmax(axis=1)]
    assert found.predict(TEST).tolist() == best.tolist()
    assert found.score(TEST, TRUE) > 0.9


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_each_loss(method, loss):
    found = ensemble(method=method, loss=loss, n_members=2, epochs=8).fit(X, Y)
    np.testing.assert_allclose(found.predict_proba(TEST).sum(axis=1), 1)
    assert found.score(TEST, TRUE) > 0.8


@pytest.mark.parametrize("method", METHODS)
def test_same_seed_same_ensemble(method):
    first, second, other = (
        ensemble(method=method, random_state=seed, n_jobs=1).fit(X, Y).predict_proba(TEST)
        for seed in (1, 1, 2)
    )
    assert np.array_equal(first, second)
    assert not np.array_equal(first, other)


def test_a_member_is_what_the_classifier_trains():
    found = ensemble().fit(X, Y)
    for member in found.estimators_:
        alone = clone(member).fit(X, Y)
        assert np.array_equal(alone.predict_proba(TEST), member.predict_proba(TEST))
    states = {member.random_state for member in found.estimators_}
    assert len(states) == 3


@pytest.mark.parametrize("method", METHODS)
def test_features_are_made_once(monkeypatch, method):
    calls = []
    prepare = fitting.prepare

    def counted(*args, **values):
        calls.append(1)
        return prepare(*args, **values)

    monkeypatch.setattr(fitting, "prepare", counted)
    found = ensemble(method=method).fit(X, Y)
    assert len(calls) == 1
    assert len({id(member.model_.space) for member in found.estimators_}) == 1


def test_bagging_trains_on_what_was_drawn_alone(monkeypatch):
    seen = []
    fit_prepared = fitting_fit.fit_prepared

    def watched(prepared, *args, **values):
        seen.append(prepared)
        return fit_prepared(prepared, *args, **values)

    monkeypatch.setattr(fitting_fit, "fit_prepared", watched)
    weights = np.linspace(1, 2, len(X))
    found = ensemble(method="bagging").fit(X, Y, sample_weight=weights)
    plain = weights / weights.mean()
    for prepared, member in zip(seen, found.estimators_, strict=True):
        assert len(prepared.features) == len(prepared.labels) < len(X)
        factors = prepared.doc_weights
        assert (factors > 0).all()
        # How often each was drawn; the features and their weights are those of all texts.
        drawn = member.model_.label_counts
        assert drawn.sum() == len(X) == member.model_.n_texts
        assert not np.array_equal(drawn, [12, 12, 12])
        assert factors.sum() == pytest.approx(len(X), rel=0.25)
        assert set(np.round(factors / plain.min(), 4)) - set(np.round(plain / plain.min(), 4))
        assert member.model_.space.n_texts == len(X)


def test_snapshots_go_on_from_the_last_weights():
    # At a tiny learning rate the second cycle moves little from where the first one ended.
    values = {"method": "snapshot", "n_members": 2, "lr": 1e-6}
    found = ensemble(**values).fit(X, Y)
    first, second = (member.model_ for member in found.estimators_)
    assert first.config.schedule == second.config.schedule == "cosine"
    np.testing.assert_allclose(first.output, second.output, atol=1e-4)
    assert not np.array_equal(first.embeddings, second.embeddings)
    cosine = FastTextClassifier(
        **{**SMALL, "lr": 1e-6, "schedule": "cosine"}
        | {"random_state": found.estimators_[0].random_state}
    ).fit(X, Y)
    assert np.array_equal(cosine.model_.embeddings, first.embeddings)


@pytest.mark.parametrize("optimizer", ["sgd", "adagrad"])
def test_snapshots_get_better_with_each_cycle(optimizer):
    found = ensemble(method="snapshot", epochs=2, optimizer=optimizer, lr=0.05).fit(X, Y)
    losses = [member.history_.loss[-1] for member in found.estimators_]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("y", [LISTS, MATRIX], ids=["lists", "indicator"])
def test_several_labels(method, y):
    found = ensemble(method=method, epochs=12, lr=0.5).fit(X, y)
    chosen = found.predict_proba(TEST) >= 0.5
    predicted = found.predict(TEST)
    if found.target_kind_ == "lists":
        assert predicted == [found.classes_[row].tolist() for row in chosen]
    else:
        assert np.array_equal(predicted, chosen.astype(int))
    assert found.score(X, y) > 0.5
    scores = found.decision_function(TEST)
    assert np.array_equal(scores >= 0, chosen)


def test_token_lists():
    lists = [text.split() for text in X]
    found = ensemble(epochs=10).fit(lists, Y)
    parts = [member.predict_proba(lists[:5]) for member in found.estimators_]
    np.testing.assert_allclose(found.predict_proba(lists[:5]), np.mean(parts, axis=0), rtol=1e-12)
    assert found.score([text.split() for text in TEST], TRUE) > 0.8


def test_decision_function_orders_as_probabilities():
    found = ensemble().fit(X, Y)
    assert np.array_equal(
        found.decision_function(TEST).argsort(axis=1), found.predict_proba(TEST).argsort(axis=1)
    )
    two = ensemble().fit(X, [label == "food" for label in Y])
    assert np.array_equal(two.decision_function(TEST) > 0, two.predict(TEST))


def test_unknown_text_gets_the_prior_with_a_warning():
    found = ensemble(eos=False).fit(X, Y)
    with pytest.warns(UnknownTextWarning, match="1 of 2 texts"):
        result = found.predict_proba(["soup", "?"])
    np.testing.assert_allclose(result[1], [1 / 3] * 3)


def test_no_texts():
    found = ensemble().fit(X, Y)
    assert found.predict([]).shape == (0,)
    assert found.predict_proba([]).shape == (0, 3)


# -- parameters ------------------------------------------------------------------------------


def test_parameters():
    found = ensemble(method="bagging")
    usual = set(FastTextClassifier().get_params()) - {"answer_rate", "answer_accuracy"}
    assert set(found.get_params()) == {*usual, "n_members", "method"}
    again = clone(found)
    assert again.get_params() == found.get_params()
    assert again.set_params(n_members=2, dim=4).fit(X, Y).estimators_[0].model_.dim == 4
    with pytest.raises(TypeError, match="FastTextEnsemble.*'members': did you mean n_members"):
        FastTextEnsemble(members=3)


@pytest.mark.parametrize(
    "values, says",
    [
        ({"n_members": 0}, "n_members must be a whole number of at least 1; got 0"),
        ({"n_members": True}, "n_members"),
        ({"n_members": 2.5}, "n_members"),
        ({"method": "boosting"}, "method must be one of seeds, bagging, snapshot; got 'boosting'"),
        ({"method": None}, "method"),
        ({"epochs": 0}, "epochs"),
        ({"verbose": -1}, "verbose"),
        ({"n_jobs": 0}, "n_jobs"),
        ({"method": "snapshot", "averaging": 0.5}, "snapshot"),
    ],
)
def test_mistakes(values, says):
    with pytest.raises(ValueError, match=says):
        ensemble(**values).fit(X, Y)


def test_not_fitted():
    for call in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(ensemble(), call)(TEST)
    with pytest.raises(NotFittedError):
        ensemble().save("never.fte")
    assert not os.path.exists("never.fte")


@pytest.mark.parametrize("name", ["quantize", "partial_fit", "model_", "history_"])
def test_what_a_single_model_can_do_and_an_ensemble_cannot(name):
    for found in (ensemble(), ensemble().fit(X, Y)):
        assert not hasattr(found, name)
        says = f"'FastTextEnsemble' object has no attribute '{name}'"
        with pytest.raises(AttributeError, match=says):
            getattr(found, name)
    assert hasattr(FastTextClassifier(**SMALL).fit(X, Y), name)


def test_members_can_be_quantised_one_by_one():
    found = ensemble(n_members=2).fit(X, Y)
    before = found.predict(TEST)
    found.estimators_ = [member.quantize() for member in found.estimators_]
    assert found.predict(TEST).tolist() == before.tolist()


@pytest.mark.parametrize("y", [Y, LISTS], ids=["single", "lists"])
@pytest.mark.parametrize("call", ["predict", "predict_proba", "decision_function"])
@pytest.mark.parametrize("cls", [FastTextClassifier, FastTextEnsemble])
def test_the_warning_of_unknown_texts_names_the_line_of_the_call(cls, call, y):
    found = cls(**SMALL, eos=False).fit(X, y)
    with pytest.warns(UnknownTextWarning) as caught:
        getattr(found, call)(["soup", "?"])
    assert [warning.filename for warning in caught] == [__file__]


def test_nobody_watches_an_ensemble():
    for values in ({"validation_data": (TEST, TRUE)}, {"callbacks": print}):
        with pytest.raises(ValueError, match="takes neither validation_data nor callbacks"):
            ensemble().fit(X, Y, **values)


def test_cross_validation():
    assert cross_val_score(ensemble(n_members=2), X, Y, cv=3).mean() > 0.9


# -- files -----------------------------------------------------------------------------------


def test_pickle():
    found = ensemble().fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.predict_proba(TEST), found.predict_proba(TEST))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("y", [Y, LISTS, MATRIX], ids=["single", "lists", "indicator"])
def test_save_and_load(tmp_path, method, y):
    found = ensemble(method=method, loss="hs" if y is Y else "auto").fit(X, y)
    found.save(tmp_path / "e.fte")
    again = FastTextEnsemble.load(tmp_path / "e.fte")
    assert again.get_params() == found.get_params()
    assert again.target_kind_ == found.target_kind_
    assert np.array_equal(again.classes_, found.classes_)
    assert np.array_equal(again.predict_proba(TEST), found.predict_proba(TEST))
    assert len({id(member.model_.space) for member in again.estimators_}) == 1
    again.save(tmp_path / "f.fte")
    assert (tmp_path / "e.fte").read_bytes() == (tmp_path / "f.fte").read_bytes()
    assert sorted(os.listdir(tmp_path)) == ["e.fte", "f.fte"]


def test_the_features_are_stored_once(tmp_path):
    found = ensemble().fit(X, Y)
    found.save(tmp_path / "e.fte")
    with safe_open(tmp_path / "e.fte", framework="numpy") as file:
        names = set(file.keys())
    assert {"shared.words", "shared.row_codes", "0.embeddings", "2.embeddings"} <= names
    assert not {"0.words", "1.row_codes"} & names


def test_one_member(tmp_path):
    found = ensemble(n_members=1).fit(X, Y)
    found.save(tmp_path / "e.fte")
    again = FastTextEnsemble.load(tmp_path / "e.fte")
    assert np.array_equal(again.predict_proba(TEST), found.predict_proba(TEST))


def test_the_other_kind_of_file(tmp_path):
    ensemble().fit(X, Y).save(tmp_path / "e.fte")
    FastTextClassifier(**SMALL).fit(X, Y).save(tmp_path / "m.ftl")
    with pytest.raises(ModelError, match=r"e\.fte: an ensemble of models: read it with FastTextEn"):
        fasttext_lite.load(tmp_path / "e.fte")
    with pytest.raises(
        ModelError, match=r"m\.ftl: a single model: read it with fasttext_lite.load"
    ):
        FastTextEnsemble.load(tmp_path / "m.ftl")


def test_files_that_cannot_be(tmp_path):
    found = ensemble().fit(X, Y)
    with pytest.raises(ModelError, match="no such file"):
        FastTextEnsemble.load(tmp_path / "none")
    with pytest.raises(ModelError, match="directory"):
        found.save(tmp_path)
    (tmp_path / "text").write_text("not a model")
    with pytest.raises(ModelError, match="not a model file"):
        FastTextEnsemble.load(tmp_path / "text")


def _damage_members(header, tensors):
    header["members"].pop()


def _damage_labels(header, tensors):
    header["members"][1]["labels"] = ["a", "b", "c"]


def _damage_extra(header, tensors):
    tensors["9.words"] = np.zeros(3, np.uint8)


def _damage_lacking(header, tensors):
    del tensors["1.embeddings"]


def _damage_header(header, tensors):
    header["members"] = "none"


def _damage_estimator(header, tensors):
    header["estimator"] = 5


def _damage_values(header, tensors):
    name = next(name for name in tensors if name.endswith(".gains"))
    tensors[name][0] = np.nan


def _damage_parameters(header, tensors):
    header["estimator"]["parameters"]["strange"] = 1


@pytest.mark.parametrize(
    "damage",
    [
        _damage_members, _damage_labels, _damage_extra, _damage_lacking, _damage_header,
        _damage_estimator, _damage_values, _damage_parameters,
    ],
)  # fmt: skip
def test_damaged_files(tmp_path, damage):
    path = tmp_path / "e.fte"
    ensemble().fit(X, Y).save(path)
    with safe_open(path, framework="numpy") as file:
        header = json.loads(file.metadata()["fasttext-lite-ensemble"])
        tensors = {name: file.get_tensor(name).copy() for name in file.keys()}  # noqa: SIM118
    del header["checksums"]
    damage(header, tensors)
    header, tensors = with_checksums(header, tensors)
    save_file(tensors, path, {"fasttext-lite-ensemble": as_text(header)})
    with pytest.raises(ModelError, match=r"damaged: (?!.*checksum)"):
        FastTextEnsemble.load(path)


def test_newer_format(tmp_path):
    path = tmp_path / "e.fte"
    header = {"format_version": 99, "created_by": "later"}
    save_file({"a": np.zeros(1)}, path, {"fasttext-lite-ensemble": json.dumps(header)})
    with pytest.raises(ModelError, match="format 99, this program reads up to"):
        FastTextEnsemble.load(path)


# -- scikit-learn's own checks ---------------------------------------------------------------


class NumberEnsemble(FastTextEnsemble):
    """An ensemble of tables: each number is cut into tokens, from coarse to fine."""

    def _tokens(self, X, reset=False):
        if not reset:
            check_is_fitted(self)
        X = validate_data(self, X, reset=reset, dtype=[np.float64, np.float32])
        tokens = [[] for _ in X]
        for step in (64.0, 8.0, 1.0, 0.25):
            for row, numbers in zip(tokens, np.floor(X / step), strict=True):
                row.extend(f"f{i}={number:.0f}/{step}" for i, number in enumerate(numbers))
        return tokens

    def fit(self, X, y, sample_weight=None):
        return super().fit(self._tokens(X, reset=True), y, sample_weight)

    def predict(self, X):
        return super().predict(self._tokens(X))

    def predict_proba(self, X):
        if isinstance(X, list) and X and isinstance(X[0], list) and isinstance(X[0][0], str):
            return super().predict_proba(X)
        return super().predict_proba(self._tokens(X))

    def decision_function(self, X):
        return super().decision_function(self._tokens(X))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        tags.input_tags.one_d_array = False
        tags.input_tags.string = False
        return tags


EXPECTED_FAILURES = {
    "check_sample_weight_equivalence_on_dense_data",
    "check_classifiers_multilabel_representation_invariance",
    "check_array_api_input",
}


def _checks():
    tiny = {
        "loss": "softmax",
        "bucket": 500,
        "dim": 3,
        "epochs": 4,
        "lr": 0.8,
        "word_ngrams": 1,
        "maxn": 0,
        "minn": 0,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SkipTestWarning)
        for method in METHODS:
            made = NumberEnsemble(n_members=2, method=method, **tiny)
            for instance, check in checks.estimator_checks_generator(made):
                if check.func.__name__ not in EXPECTED_FAILURES:
                    yield pytest.param(instance, check, id=f"{method}-{check.func.__name__}")
        for instance, check in checks.estimator_checks_generator(FastTextEnsemble()):
            yield pytest.param(instance, check, id=f"texts-{check.func.__name__}")


@pytest.mark.filterwarnings("ignore::fasttext_lite.UnknownTextWarning")
@pytest.mark.parametrize("estimator, check", list(_checks()))
def test_common_checks(estimator, check):
    assert check(estimator) is None
