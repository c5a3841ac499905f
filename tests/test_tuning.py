"""Tuning: metrics, space, log, search, and the scikit-learn face."""

import dataclasses
import json
import os
import pickle
import time

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks as checks

from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.split import make_folds
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.ensemble import FastTextEnsemble
from fasttext_lite.estimators.tuner import FastTextTuner
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit
from fasttext_lite.fitting import prepare as fitting
from fasttext_lite.model.size import extent_of, model_bytes
from fasttext_lite.model.storage import save_model
from fasttext_lite.tuning import data as data_room
from fasttext_lite.tuning import judging
from fasttext_lite.tuning import search as tuning
from fasttext_lite.tuning.data import TuningData
from fasttext_lite.tuning.judging import FOLDS, LEAST_ASIDE, choose_folds
from fasttext_lite.tuning.log import TrialLog, TuningError, fingerprint
from fasttext_lite.tuning.metrics import Metric
from fasttext_lite.tuning.search import Search, rungs
from fasttext_lite.tuning.space import SPACE, Pick, Space, Span

WORDS = {
    "food": "soup bread noodles rice pepper salt oven butter",
    "sport": "goal match coach team score league race medal",
    "weather": "rain storm cloud sunny frost wind snow heat",
}
# Feature settings and costs held fixed, so that tests are quick.
FIXED = {
    "maxn": 0, "word_ngrams": 1, "bucket": 1000, "dim": 4, "head": "learned", "loss": "softmax",
    "optimizer": "sgd", "feature_dropout": 0.0,
}  # fmt: skip
QUICK = {**FIXED, "epochs": 1, "lr": 0.01}


def rows(n=20, seed=0):
    """Return texts of a label's words and of words that tell nothing, and their labels."""
    rng = np.random.default_rng(seed)
    pairs = [
        (" ".join([*rng.permutation(words.split())[:2], f"x{rng.integers(9)}"]), label)
        for _ in range(n)
        for label, words in WORDS.items()
    ]
    return [text for text, _ in pairs], [label for _, label in pairs]


X, Y = rows()


def make_data(texts=X, names=Y, **values):
    lists = [[name] if isinstance(name, str) else name for name in names]
    labels = Labels.from_rows(lists)
    values = {"multilabel": labels.is_multilabel, "n_folds": 1, **values}
    return TuningData.divide(Texts.from_sequence(texts), labels, **values)


def search(data=None, *, base=None, fixed=None, **values):
    base = Config(**{**QUICK, "epochs": 4, **(base or {})})
    values = {"n_trials": 6, "n_threads": 1, **values}
    return Search(data or make_data(), base, fixed or set(FIXED), **values)


# -- metrics ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["accuracy", "macro-f1", "micro-f1", "f1:a:b", "precision-at-recall:0.5",
     "recall-at-precision:0.25:a:b"],
)  # fmt: skip
def test_metric_names(text):
    assert str(Metric.parse(text)) == text


@pytest.mark.parametrize(
    "text",
    ["", "f1", "f1:", "accuracy:a", "precision-at-recall", "precision-at-recall:0",
     "precision-at-recall:30", "recall-at-precision:x", "recall-at-precision:nan", "loss", None, 3],
)  # fmt: skip
def test_bad_metric_names(text):
    with pytest.raises(ValueError, match="metric"):
        Metric.parse(text)


class FixedModel:
    """Predicts probabilities that it was given."""

    is_distribution = False

    def __init__(self, table, labels, multilabel=False):
        self.table, self.labels, self.multilabel = np.array(table, float), labels, multilabel

    def _rows(self, features):
        return self.table[features.ids]

    def probabilities(self, features, n_threads=None):
        return self._rows(features)

    def judge(self, features, n_threads=None):
        return self._rows(features), np.ones(len(features), np.int64)

    def predict(self, features, k=1, threshold=0.0, n_threads=None):
        from fasttext_lite.model.model import Predictions

        found = self._rows(features)
        order = np.argsort(-found, axis=1, kind="stable")[:, :k]
        best = np.take_along_axis(found, order, axis=1)
        ids = np.where(best >= threshold, order, -1).astype(np.int32)
        return Predictions(ids, np.where(ids >= 0, best, 0), np.ones(len(found), np.int64))


def documents(n):
    return FeatureMatrix(np.arange(n, dtype=np.int32), np.ones(n, np.float32), np.arange(n + 1))


NAMES = ["a", "b", "c"]
TABLE = [[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.1, 0.8, 0.1], [0.2, 0.3, 0.5], [0.6, 0.1, 0.3]]
GOLD = [["a"], ["b"], ["b"], ["c"], ["new"]]


def measure(text, multilabel=False, gold=GOLD, table=TABLE):
    labels = Labels.from_rows(gold, [*NAMES, "new"])
    model = FixedModel(table, NAMES, multilabel)
    return Metric.parse(text).score(model, documents(len(table)), labels, 1)


def test_metrics_of_single_labels():
    # Predicted: a a b c a; true: a b b c new.
    assert measure("accuracy") == 3 / 5
    assert measure("micro-f1") == 3 / 5
    assert measure("f1:a") == pytest.approx(2 * 1 / (3 + 1))
    assert measure("f1:b") == pytest.approx(2 * 1 / (1 + 2))
    assert measure("macro-f1") == pytest.approx((1 / 2 + 2 / 3 + 1 + 0) / 4)


def test_f1_of_several_labels_counts_what_is_likelier_than_not():
    gold = [["a", "b"], ["b"], ["a"]]
    table = [[0.9, 0.5, 0.1], [0.6, 0.7, 0.2], [0.4, 0.3, 0.2]]
    # Predicted: ab ab -; 3 of 4 right, 4 true.
    assert measure("micro-f1", True, gold, table) == pytest.approx(2 * 3 / (4 + 4))
    assert measure("f1:a", True, gold, table) == pytest.approx(2 * 1 / (2 + 2))


def test_accuracy_of_several_labels_is_exact_match():
    table = [[0.9, 0.5, 0.1], [0.6, 0.7, 0.2], [0.4, 0.3, 0.2]]
    # Predicted: ab ab -.
    assert measure("accuracy", True, [["b", "a"], ["b"], ["a"]], table) == pytest.approx(1 / 3)
    assert measure("accuracy", True, [["b", "a"], ["a", "b"], []], table) == 1
    assert measure("accuracy", True, [["a", "b", "new"], ["a", "b", "c"], ["a"]], table) == 0
    assert Metric("accuracy").name(True) == "exact match"
    assert Metric("accuracy").name(False) == "accuracy"
    assert Metric("micro-f1").name(True) == "micro-f1"


def pairs_by_hand(kind, level, label=None):
    """Try all thresholds, one after another."""
    best = 0.0
    columns = [NAMES.index(label)] if label else range(3)
    total = sum(label is None or name == label for row in GOLD for name in row)
    for threshold in np.unique(TABLE):
        taken = [
            NAMES[j] in GOLD[i]
            for i, row in enumerate(TABLE)
            for j in columns
            if row[j] >= threshold
        ]
        if not taken:
            continue
        precision, recall = sum(taken) / len(taken), sum(taken) / total
        wanted, reached = precision, recall
        if kind == "recall-at-precision":
            wanted, reached = recall, precision
        if reached >= level:
            best = max(best, wanted)
    return best


@pytest.mark.parametrize("kind", ["precision-at-recall", "recall-at-precision"])
@pytest.mark.parametrize("level", [0.1, 0.4, 0.5, 0.6, 0.8, 1.0])
@pytest.mark.parametrize("label", [None, "a", "b", "c"])
def test_metrics_at_a_level(kind, level, label):
    text = f"{kind}:{level}" + f":{label}" * (label is not None)
    assert measure(text) == pytest.approx(pairs_by_hand(kind, level, label))


def test_unknown_label_of_a_metric():
    with pytest.raises(ValueError, match="no label 'drink'; they have food, sport, weather"):
        search(metric=Metric("f1", label="drink"))


# -- sizes -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, size",
    [("2M", 2_000_000), ("2mb", 2_000_000), ("1.5 k", 1500), ("3G", 3 * 10**9), ("700", 700),
     (5, 5), (np.int64(7), 7)],
)  # fmt: skip
def test_sizes(text, size):
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "M", "-2M", "2T", "0", "1e6", 0, -5, True, None, 2.5, "0.1"])
def test_bad_sizes(text):
    with pytest.raises(ValueError, match="model size"):
        parse_size(text)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"loss": "hs", "dim": 9},
        {"loss": "ova", "maxn": 0, "word_ngrams": 1},
        {"bucket": 50, "dim": 100, "min_count": 2},
        {"head": "learned", "units": 7, "norm": "layer"},
    ],
)
@pytest.mark.parametrize("names", [Y, [f'label "{i % 30}" \u00e9' for i in range(len(X))]])
def test_size_foretold_is_just_above_the_size_of_the_file(tmp_path, values, names):
    labels = Labels.from_rows([[name] for name in names])
    model = fit.fit(
        Texts.from_sequence(X), labels, Config(**{"epochs": 1, **values}), n_threads=1
    ).model
    save_model(model, tmp_path / "m.ftl")
    foretold = model_bytes(model.config, model.labels, extent_of(model))
    true = os.path.getsize(tmp_path / "m.ftl")
    assert true <= foretold <= 1.05 * true + 4096


@pytest.mark.parametrize("size", [30_000, 12_000, 8_000])
def test_size_is_kept(tmp_path, size):
    data = make_data(*rows(60))
    trials = []
    found = search(
        data, base={"bucket": 2000, "word_ngrams": 2, "maxn": 4, "dim": 32, "minn": 2},
        fixed={"head", "epochs", "loss", "optimizer", "feature_dropout"},
        model_size=size, on_trial=trials.append,
    )  # fmt: skip
    outcome = found.run()
    save_model(outcome.trainee.model, tmp_path / "m.ftl")
    assert os.path.getsize(tmp_path / "m.ftl") <= size
    assert all(trial.size <= size for trial in trials)
    assert len(trials) == 6
    assert {"dim", "bucket", "min_count"} & set(trials[0].params)


def test_no_model_is_small_enough():
    with pytest.raises(TuningError, match=r"as small as 2,000 bytes: the smallest reached has \d"):
        search(model_size=2000).run()


# -- space -----------------------------------------------------------------------------------


def test_the_table_names_settings_within_their_ranges():
    for line in SPACE:
        assert set(line.names) <= set(Config.__dataclass_fields__)
        if isinstance(line, Pick):
            assert len(set(line.values)) == len(line.values) > 1
            for values in line.values:
                assert Config(**dict(zip(line.names, values, strict=True)))
        elif not line.relative:
            for place in (0.0, 0.5, 1.0):
                assert Config(**{line.name: line.value(place, None)})


@pytest.mark.parametrize("line", [line for line in SPACE if isinstance(line, Span)])
def test_places_and_values(line):
    usual = 100 if line.name == "dim" else 0.2
    for place in (0.0, 0.3, 0.77, 1.0):
        assert line.place(line.value(place, usual), usual) == pytest.approx(place, abs=0.12)
    assert line.value(-3, usual) == line.value(0, usual)
    assert line.value(3, usual) == line.value(1, usual)


def test_draws_vary_what_may_vary():
    space = Space(Config(epochs=7), {"epochs", "maxn"}, 40, False, 8.0)
    rng = np.random.default_rng(0)
    drawn = [space.draw(rng) for _ in range(200)]
    names = {name for params in drawn for name in params}
    varied = {name for line in SPACE for name in line.names}
    assert names == varied - {"epochs", "maxn", "minn"}  # minn goes with maxn
    for params in drawn:
        config = space.base.replace(**params)
        assert config.epochs == 7
        assert all(getattr(space.base, name) != value for name, value in params.items())
        if config.lr is not None:
            usual = space.resolved(config.replace(lr=None)).lr
            assert 1 / 8.1 <= config.lr / usual <= 8.1


def test_draws_near_a_point_are_near():
    space = Space(Config(), {"optimizer"}, 40, False, 8.0)
    rng = np.random.default_rng(0)
    centre = {"lr": 0.3, "epochs": 10}
    ratios = [
        space.draw(rng, centre, 0.05).get(name, centre[name]) / value
        for _ in range(100)
        for name, value in centre.items()
    ]
    assert 0.5 < min(ratios) < 1 < max(ratios) < 2
    assert space.draw(rng, centre, 0.05) != space.draw(rng, centre, 0.05)


def test_nothing_may_vary():
    fixed = {name for line in SPACE for name in line.names}
    assert Space(Config(), fixed, 3, False, 8.0).draw(np.random.default_rng(0)) == {}
    outcome = search(fixed=fixed, n_trials=5).run()
    assert len(outcome.trials) == 1


# -- search ----------------------------------------------------------------------------------


def test_rungs():
    assert rungs(500, 2) == [1.0]
    assert rungs(4000, 2) == [1 / 3, 1.0]
    assert rungs(10**6, 2) == pytest.approx([1 / 9, 1 / 3, 1.0])
    assert rungs(10_000, 200) == [1.0]


def test_the_first_trial_is_the_settings_to_begin_with():
    outcome = search().run()
    first = outcome.trials[0]
    assert (first.number, first.phase, first.share, first.params) == (1, "default", 1.0, {})
    assert outcome.best.score >= first.score
    assert [trial.number for trial in outcome.trials] == list(range(1, 7))


def test_the_best_is_the_highest_of_all_rows(monkeypatch):
    monkeypatch.setattr(tuning, "LEAST_TEXTS", 5)
    monkeypatch.setattr(tuning, "LEAST_PER_LABEL", 1)
    outcome = search(n_trials=25).run()
    full = [trial for trial in outcome.trials if trial.share == 1]
    assert {round(trial.share, 2) for trial in outcome.trials} == {0.11, 0.33, 1.0}
    assert outcome.best.score == max(trial.score for trial in full)
    first = best = outcome.trials[0].score
    error = (first * (1 - first) / 6) ** 0.5
    for trial in outcome.trials:
        if trial.share == 1 and trial.score > max(best, first + error):
            best = trial.score
        assert trial.best == best
    assert {trial.phase for trial in outcome.trials} == {"default", "coarse", "fine"}


def test_a_third_of_a_rung_goes_on(monkeypatch):
    monkeypatch.setattr(tuning, "LEAST_TEXTS", 5)
    monkeypatch.setattr(tuning, "LEAST_PER_LABEL", 1)
    outcome = search(n_trials=14).run()  # the default, and a bracket of 9 + 3 + 1
    shares = [round(9 * trial.share) for trial in outcome.trials]
    assert shares == [9, *[1] * 9, *[3] * 3, 9]
    lowest, middle = outcome.trials[1:10], outcome.trials[10:13]
    best = sorted(lowest, key=lambda trial: -trial.score)[:3]
    assert [trial.params for trial in middle] == [trial.params for trial in best]
    assert outcome.trials[13].params == max(middle, key=lambda trial: trial.score).params


def test_tuning_finds_what_is_better():
    # The settings to begin with drop most of the words that tell the labels.
    outcome = search(base={"min_count": 7}, n_trials=25).run()
    assert outcome.best.params["min_count"] < 7
    assert outcome.best.score > outcome.trials[0].score


def test_the_final_model_is_what_training_gives():
    data = make_data()
    outcome = search(data, seed=3).run()
    texts, labels, _ = data.whole
    again = fit.fit(texts, labels, outcome.config, seed=3, n_threads=1).model
    assert outcome.is_whole and outcome.trainee.model.n_texts == len(X)
    assert np.array_equal(again.embeddings, outcome.trainee.model.embeddings)


def test_validation_data_are_not_trained_on():
    data = make_data()
    given = dataclasses.replace(data, whole=None)
    outcome = search(given).run()
    assert outcome.is_whole and outcome.trainee.model.n_texts == len(data.texts) == 54
    again = fit.fit(data.texts, data.labels, outcome.config, n_threads=1).model
    assert np.array_equal(again.embeddings, outcome.trainee.model.embeddings)


# -- cross-validation ------------------------------------------------------------------------


def test_few_texts_are_cross_validated(monkeypatch):
    assert choose_folds(10 * LEAST_ASIDE - 1) == FOLDS and choose_folds(10 * LEAST_ASIDE) == 1
    assert len(make_data(n_folds=None).folds) == FOLDS
    monkeypatch.setattr(judging, "LEAST_ASIDE", 6)
    assert make_data(n_folds=None).other_folds == ()


def test_each_text_validates_once():
    data = make_data(n_folds=4, doc_weights=np.arange(60, dtype=np.float32))
    judged, weights = [], []
    for fold in data.folds:
        own = fold.valid_texts.to_list()
        judged += own
        weights.append(fold.doc_weights)
        assert len(own) == 15 and len(fold.texts) == len(fold.doc_weights) == 45
        assert fold.valid_labels.counts().tolist() == [5, 5, 5]
        assert fold.whole is not None
    assert sorted(judged) == sorted(X)
    assert np.array_equal(np.sort(np.concatenate(weights)), np.repeat(np.arange(60), 3))
    assert data.n_judged == data.n_whole == 60
    assert (
        data.fingerprint()
        == make_data(n_folds=4, doc_weights=np.arange(60, dtype=np.float32)).fingerprint()
        != make_data(n_folds=4, seed=1).fingerprint()
    )


def test_the_only_text_of_a_label_is_always_trained_on():
    labels = Labels.from_rows([["a"], ["b"], ["c"], *[["a"], ["b"]] * 8])
    for seed in range(5):
        for n in (2, 5):
            folds = make_folds(labels, n, seed)
            found = np.concatenate([valid for _, valid in folds])
            assert sorted(found) == [i for i in range(19) if i != 2]
            for train, valid in folds:
                assert sorted([*train, *valid]) == list(range(19))
                counts = labels.take(valid).counts()
                assert abs(counts - 9 / n).max(where=counts > 0, initial=0) <= 1


def test_a_score_is_the_mean_over_the_folds(tmp_path):
    data = make_data(n_folds=3)
    outcome = search(data, log=tmp_path / "log", base={"min_count": 4}, n_trials=5).run()
    config = outcome.config
    by_hand = []
    for fold in data.folds:
        trainee = fit.fit(fold.texts, fold.labels, config, n_threads=1)
        features = trainee.model.features(fold.valid_texts)
        by_hand.append(Metric("accuracy").score(trainee.model, features, fold.valid_labels))
    assert outcome.best.fold_scores == tuple(by_hand)
    for trial in outcome.trials:
        assert len(trial.fold_scores) == 3
        assert trial.score == pytest.approx(np.mean(trial.fold_scores))
    assert outcome.is_whole and outcome.trainee.model.n_texts == 60
    again = search(data, log=tmp_path / "log", base={"min_count": 4}, n_trials=5, resume=True).run()
    assert again.trials == outcome.trials


def test_folds_are_shares_of_texts_too(monkeypatch):
    monkeypatch.setattr(tuning, "LEAST_TEXTS", 5)
    monkeypatch.setattr(tuning, "LEAST_PER_LABEL", 1)
    first, second = (search(make_data(n_folds=3), n_trials=14).run() for _ in range(2))
    assert {round(9 * trial.share) for trial in first.trials} == {3, 9}
    assert [t.fold_scores for t in first.trials] == [t.fold_scores for t in second.trials]


def test_all_judged_texts_count_in_the_error():
    found = search(make_data(n_folds=5))
    assert found._error(0.5) == pytest.approx((0.25 / 60) ** 0.5)


def test_the_time_ends_a_search_with_folds(monkeypatch):
    clock = Clock(0.01)
    monkeypatch.setattr(tuning.time, "perf_counter", clock)
    outcome = search(make_data(n_folds=5), n_trials=None, seconds=60).run()
    assert len(outcome.trials) > 3
    assert clock.now <= 60
    assert outcome.is_whole


def test_a_short_time_does_without_folds():
    outcome = search(make_data(n_folds=5), n_trials=None, seconds=1e-3).run()
    (trial,) = outcome.trials
    assert (trial.status, trial.note) == ("done", "time for 1 of 5 folds")
    assert trial.fold_scores == (trial.score,)
    assert not outcome.is_whole and outcome.trainee.model.n_texts == 48


def test_progress_runs_over_all_folds():
    seen = []
    found = search(make_data(n_folds=3), n_trials=1, on_progress=lambda *found: seen.append(found))
    found.run()
    shares = [fraction for number, fraction in seen if number == 1]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1) and shares[0] <= 1 / 3


def test_each_kernel():
    trials = search(fixed={*FIXED} - {"optimizer", "feature_dropout"}, n_trials=20).run().trials
    assert {trial.status for trial in trials} == {"done"}
    assert {"optimizer", "feature_dropout"} <= {name for t in trials for name in t.params}


def test_same_seed_same_search():
    first, second, other = (search(seed=seed).run() for seed in (1, 1, 2))
    params = [[trial.params for trial in outcome.trials] for outcome in (first, second, other)]
    assert params[0] == params[1] != params[2]
    assert [t.score for t in first.trials] == [t.score for t in second.trials]


def test_features_are_made_once_for_each_setting(monkeypatch):
    made = []
    prepare = fitting.prepare

    def counted(texts, labels, config, **values):
        if len(texts) == 54:
            made.append(config)
        return prepare(texts, labels, config, **values)

    monkeypatch.setattr(fitting, "prepare", counted)
    monkeypatch.setattr(tuning, "WARM_TEXTS", 10)
    search(fixed={*FIXED, "min_count", "supervision"}).run()
    assert len(made) == 1
    made.clear()
    outcome = search(fixed=set(FIXED), n_trials=15).run()
    keys = {tuple(getattr(config, name) for name in FEATURE_FIELDS) for config in made}
    assert len(made) == len(keys) < len(outcome.trials)
    assert len(keys) > 1


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(data_room, "CACHE_BYTES", 0)
    found = search(n_trials=8)
    found.run()
    assert len(found.features.kept) == 1


class Clock:
    """A clock that goes on by a step with each look at it."""

    def __init__(self, step):
        self.now, self.step = 0.0, step

    def __call__(self):
        self.now += self.step
        return self.now


def test_the_time_ends_the_search(monkeypatch):
    clock = Clock(0.01)
    monkeypatch.setattr(tuning.time, "perf_counter", clock)
    outcome = search(n_trials=None, seconds=60).run()
    assert len(outcome.trials) > 3
    assert clock.now <= 60
    assert outcome.is_whole


def test_a_short_time_gives_the_settings_to_begin_with():
    outcome = search(n_trials=None, seconds=1e-3).run()
    assert [trial.phase for trial in outcome.trials] == ["default"]
    assert not outcome.is_whole  # the model of the trial: no time for another training
    assert outcome.trainee.model.n_texts == 54


def test_a_trial_that_takes_too_long_is_stopped():
    found = search(n_trials=None, seconds=1000.0)
    found._first()
    found.forecast.end = time.perf_counter() - 1
    trial = found._trial({"epochs": 50}, 1.0, "fine")
    assert (trial.status, trial.score) == ("stopped", None)
    assert found.best.number == 1


def test_costly_trials_get_fewer_epochs():
    found = search(n_trials=None, seconds=10.0, fixed={*FIXED})
    found._first()
    assert found.forecast.quick({"epochs": 100_000}, None)["epochs"] < 100_000
    assert found.forecast.quick({"lr": 0.1}, None) == {"lr": 0.1}


def test_failed_trials_do_not_end_the_search(monkeypatch):
    fit_prepared = fit.fit_prepared

    def fail(prepared, config=None, **values):
        if config is not None and config.schedule == "cosine":
            raise TrainingError("training diverged")
        return fit_prepared(prepared, config, **values)

    found = search(n_trials=12)
    monkeypatch.setattr(fit, "fit_prepared", fail)
    trials = found.run().trials
    failed = [trial for trial in trials if trial.status == "failed"]
    assert failed and all(trial.note == "training diverged" for trial in failed)
    assert len(trials) == 12


def test_an_error_of_the_first_trial_is_raised():
    with pytest.raises(TrainingError, match="no text has any feature"):
        search(make_data(["."] * 60, Y), base={"analyzer": "whitespace", "min_count": 100}).run()


@pytest.mark.parametrize("n_before", [1, 3])
def test_interrupt_keeps_the_best(n_before):
    def stop(trial):
        if trial.number == n_before:
            raise KeyboardInterrupt

    told = []
    outcome = search(on_trial=stop, on_interrupt=lambda: told.append(1)).run()
    assert outcome.interrupted and told == [1]
    assert len(outcome.trials) == n_before
    assert outcome.trainee.model.n_texts == len(X)


def test_interrupt_before_the_first_result(monkeypatch):
    def stop(*args, **values):
        raise KeyboardInterrupt

    monkeypatch.setattr(fit, "fit_prepared", stop)
    with pytest.raises(KeyboardInterrupt):
        search().run()


def test_neither_time_nor_trials():
    with pytest.raises(ValueError, match="a time or a number of trials"):
        search(n_trials=None)


def test_too_few_rows():
    with pytest.raises(TuningError, match="3 rows are too few to set some of them aside"):
        make_data(X[:3], Y[:3])
    with pytest.raises(TuningError, match="9 rows are too few to set some of them aside"):
        make_data(X[:9], Y[:9], n_folds=5)


@pytest.mark.parametrize("loss", ["auto", "hs", "ns"])
def test_several_labels(loss):
    names = [[name] if i % 3 else [name, "extra"] for i, name in enumerate(Y)]
    found = search(
        make_data(X, names), base={"loss": loss, "lr": 0.5}, metric=Metric("micro-f1"), n_trials=4
    )  # fmt: skip
    outcome = found.run()
    assert outcome.trainee.model.multilabel
    assert 0 <= outcome.best.score <= 1


# -- log -------------------------------------------------------------------------------------


def test_log_and_resume(tmp_path):
    path = tmp_path / "log.jsonl"
    first = search(log=path, n_trials=3).run()
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0]["metric"] == "accuracy" and lines[0]["fixed"] == sorted(FIXED)
    assert [line["number"] for line in lines[1:]] == [1, 2, 3]
    assert [line["score"] for line in lines[1:]] == [trial.score for trial in first.trials]
    second = search(log=path, resume=True, n_trials=5).run()
    assert second.trials[:3] == first.trials
    assert [trial.number for trial in second.trials] == [1, 2, 3, 4, 5]
    assert not any(trial.phase == "default" for trial in second.trials[1:])
    assert len(path.read_text().splitlines()) == 6
    params = [json.dumps(trial.params) for trial in second.trials if trial.share == 1]
    assert len(set(params)) == len(params)  # nothing is tried twice


def test_resume_with_nothing_left_to_do(tmp_path):
    path = tmp_path / "log.jsonl"
    first = search(log=path).run()
    again = search(log=path, resume=True).run()
    assert again.trials == first.trials and again.best == first.best
    assert np.array_equal(again.trainee.model.embeddings, first.trainee.model.embeddings)


def test_resume_begins_a_log_that_is_not_there(tmp_path):
    search(log=tmp_path / "new.jsonl", resume=True, n_trials=1).run()
    assert len((tmp_path / "new.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize("cut", [5, 40, 100])
def test_a_cut_off_line_is_dropped(tmp_path, cut):
    path = tmp_path / "log.jsonl"
    first = search(log=path, n_trials=3).run()
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    again = search(log=path, resume=True, n_trials=3).run()
    assert again.trials[:2] == first.trials[:2]
    assert len(again.trials) == 3
    assert [json.loads(line) for line in path.read_text().splitlines()][3]["number"] == 3


def test_a_log_is_not_overwritten(tmp_path):
    path = tmp_path / "log.jsonl"
    search(log=path, n_trials=1).run()
    before = path.read_bytes()
    with pytest.raises(TuningError, match="is there already"):
        search(log=path, n_trials=1)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "values, says",
    [
        ({"data": make_data(X[::-1], Y[::-1])}, "data differs; name another"),
        ({"metric": Metric("macro-f1")}, 'metric differs ("accuracy"; now "macro-f1")'),
        ({"base": {"lr": 0.02}}, 'settings differs ({"lr": 0.01}; now {"lr": 0.02})'),
        ({"fixed": {"dim"}}, "fixed differs"),
        ({"seed": 4}, "seed differs (0; now 4)"),
        ({"seed": 4, "data": make_data(seed=4)}, "seed differs (0; now 4)"),
        ({"data": make_data(n_folds=5)}, "data differs; name another"),
        ({"model_size": 10**6}, "model_size differs (null; now 1000000)"),
    ],
)
def test_a_log_of_another_search(tmp_path, values, says):
    path = tmp_path / "log.jsonl"
    search(log=path, n_trials=1).run()
    before = path.read_bytes()
    with pytest.raises(TuningError) as caught:
        search(**values, log=path, resume=True)
    assert says in str(caught.value) and str(path) in str(caught.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change, says",
    [
        (lambda lines: ["{}", *lines[1:]], "not a tuning log"),
        (lambda lines: ["[1]", *lines[1:]], ":1: not a line of a tuning log"),
        (lambda lines: [lines[0], "xxx", lines[2]], ":2: not a line of a tuning log"),
        (lambda lines: [lines[0], '{"number": 1}', lines[2]], ":2: not a line"),
        (lambda lines: [*lines[:2], lines[2].replace('"done"', '"well"')], ":3: not a line"),
        (lambda lines: [*lines[:2], lines[2].replace('"share": ', '"share": "" , "x":')], ":3: "),
        (lambda lines: [*lines[:2], lines[2].replace("[]", '["x"]')], ":3: not a line"),
        (lambda lines: [*lines[:2], lines[2].replace("[]", "3")], ":3: not a line"),
    ],
)
def test_damaged_logs(tmp_path, change, says):
    path = tmp_path / "log.jsonl"
    search(log=path, n_trials=2).run()
    path.write_text("".join(f"{line}\n" for line in change(path.read_text().splitlines())))
    with pytest.raises(TuningError) as caught:
        search(log=path, resume=True)
    assert says in str(caught.value)


def test_a_log_that_cannot_be_written(tmp_path):
    with pytest.raises(TuningError, match="no such file"):
        TrialLog(tmp_path / "none" / "log", {})
    with pytest.raises(TuningError, match="directory"):
        TrialLog(tmp_path, {})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no full device here")
def test_a_log_on_a_full_disk_is_named():
    with pytest.raises(TuningError, match="^/dev/full: cannot write the log: no space left"):
        TrialLog("/dev/full", {})


def test_fingerprints():
    texts, other = Texts.from_sequence(["ab", "c"]), Texts.from_sequence(["a", "bc"])
    found = {
        fingerprint(texts),
        fingerprint(other),
        fingerprint(texts, None),
        fingerprint(texts, Labels.from_rows([["x"], ["y"]])),
        fingerprint(texts, Labels.from_rows([["x"], ["z"]])),
        fingerprint(texts, np.ones(2)),
    }
    assert len(found) == 6
    assert fingerprint(texts) == fingerprint(Texts.from_sequence(["ab", "c"]))


# -- the scikit-learn face -------------------------------------------------------------------


def tuner(**values):
    base = {"params": QUICK | {"epochs": 4}, "time": None, "n_trials": 4, "random_state": 0}
    return FastTextTuner(**{**base, **values})


def test_tuner():
    found = tuner().fit(X, Y)
    assert isinstance(found.best_estimator_, FastTextClassifier)
    assert found.best_score_ == max(t.score for t in found.trials_ if t.is_full)
    assert found.classes_.tolist() == sorted(WORDS)
    assert found.is_refitted_ and found.best_estimator_.model_.n_texts == len(X)
    parameters = found.best_estimator_.get_params()
    assert {name: parameters[name] for name in found.best_params_} == found.best_params_
    assert {name: parameters[name] for name in FIXED} == FIXED
    assert found.predict(X).tolist() == found.best_estimator_.predict(X).tolist()
    assert np.array_equal(found.predict_proba(X), found.best_estimator_.predict_proba(X))
    assert np.array_equal(found.decision_function(X), found.best_estimator_.decision_function(X))
    assert found.score(X, Y) == found.best_estimator_.score(X, Y)


def test_the_best_estimator_is_what_fit_gives():
    found = tuner(n_jobs=1).fit(X, Y)
    again = clone(found.best_estimator_).fit(X, Y)
    assert np.array_equal(again.predict_proba(X), found.predict_proba(X))


def test_tuner_is_repeatable():
    first, second = tuner().fit(X, Y), tuner().fit(X, Y)
    assert first.best_params_ == second.best_params_
    assert np.array_equal(first.predict_proba(X), second.predict_proba(X))


def test_settings_held_fixed():
    estimator = FastTextClassifier(lr=0.07, min_count=1, class_weight="balanced")
    found = tuner(estimator=estimator, params={**FIXED, "min_count": 1}, n_trials=8).fit(X, Y)
    assert found.best_estimator_.lr == 0.07
    assert found.best_estimator_.class_weight == "balanced"
    for trial in found.trials_:
        assert not {"lr", "min_count", *FIXED} & set(trial.params)
    assert estimator.lr == 0.07 and not hasattr(estimator, "classes_")


def test_tuner_with_validation_data():
    texts, names = rows(5, seed=9)
    found = tuner().fit(X, Y, texts, names)
    assert found.best_estimator_.model_.n_texts == len(X)
    again = clone(found.best_estimator_).fit(X, Y)
    assert found.best_score_ == again.score(texts, names)


@pytest.mark.parametrize("kind", ["lists", "indicator"])
def test_tuner_with_several_labels(kind):
    y = [[name] if i % 3 else [name, "extra"] for i, name in enumerate(Y)]
    if kind == "indicator":
        y = np.array([[name in row for name in (*WORDS, "extra")] for row in y], int)
    params = {"params": QUICK | {"epochs": 4, "lr": 0.5}, "metric": "micro-f1"}
    found = tuner(**params).fit(X, y)
    assert found.best_estimator_.target_kind_ == kind
    assert len(found.predict(X)) == len(X)
    again = tuner(**params).fit(X, y, X[:9], y[:9])
    assert again.best_estimator_.model_.n_texts == len(X)


@pytest.mark.parametrize(
    "values, says",
    [
        ({"time": 0}, "time must be"),
        ({"time": "5"}, "time must be"),
        ({"time": float("inf")}, "time must be"),
        ({"n_trials": None}, "time and n_trials are both None"),
        ({"n_trials": 0}, "n_trials must be"),
        ({"model_size": "big"}, "model size"),
        ({"model_size": 900}, "as small as 900 bytes"),
        ({"metric": "auc"}, "metric must be one of"),
        ({"metric": "f1:drink"}, "no label 'drink'"),
        ({"params": {"learning_rate": 1}}, "no setting of the model: 'learning_rate'"),
        ({"params": {"dim": 0}}, "dim must be"),
        ({"resume": True}, "resume needs the log"),
        ({"random_state": "x"}, "random_state"),
        ({"n_jobs": 0}, "n_jobs"),
    ],
)
def test_mistakes(values, says):
    with pytest.raises(ValueError, match=says):
        tuner(**values).fit(X, Y)


@pytest.mark.parametrize("estimator", [FastTextEnsemble(), "classifier", FastTextClassifier])
def test_only_classifiers_are_tuned(estimator):
    with pytest.raises(TypeError, match="must be a FastTextClassifier"):
        tuner(estimator=estimator).fit(X, Y)


def test_mistakes_of_validation_data():
    with pytest.raises(ValueError, match="must be given together"):
        tuner().fit(X, Y, X)
    with pytest.raises(ValueError, match="same number of samples"):
        tuner().fit(X, Y, X, Y[:-1])
    with pytest.raises(ValueError, match="'drink'"):
        tuner().fit(X, Y, ["tea"], ["drink"])
    with pytest.raises(ValueError, match="y is single and y_valid is lists"):
        tuner().fit(X, Y, X, [[name] for name in Y])


def test_verbose_prints_a_line_for_each_trial(capsys):
    tuner(verbose=1).fit(X, Y)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert lines[0].startswith("trial 1 (default, 100% of the rows): ")


def test_not_fitted():
    for call in ("predict", "predict_proba", "decision_function"):
        with pytest.raises(NotFittedError):
            getattr(tuner(), call)(X)


def test_pickle():
    found = tuner(n_trials=2).fit(X, Y)
    again = pickle.loads(pickle.dumps(found))
    assert np.array_equal(again.predict_proba(X), found.predict_proba(X))


@pytest.mark.parametrize(
    "check",
    [
        checks.check_estimator_cloneable,
        checks.check_estimator_tags_renamed,
        checks.check_valid_tag_types,
        checks.check_estimator_repr,
        checks.check_no_attributes_set_in_init,
        checks.check_do_not_raise_errors_in_init_or_set_params,
        checks.check_mixin_order,
        checks.check_parameters_default_constructible,
        checks.check_get_params_invariance,
        checks.check_set_params,
    ],
    ids=lambda check: check.__name__,
)
def test_checks_without_data(check):
    assert check("FastTextTuner", FastTextTuner()) is None


@pytest.mark.parametrize("base", [{}, {"min_count": 7}])
def test_what_is_better_by_chance_does_not_count(base):
    data = make_data()
    outcome = search(data, base=base, n_trials=25).run()
    full = [trial for trial in outcome.trials if trial.is_full]
    first = full[0].score
    error = (first * (1 - first) / len(data.valid_texts)) ** 0.5
    clear = [trial.score for trial in full if trial.score > first + error]
    assert outcome.best.score == max(clear, default=first)
    assert (outcome.best.number == 1) == (not clear)
