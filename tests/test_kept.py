"""What a training was run with reaches the commands and methods after it.

Each test trains with a setting that is not the default, and looks at what the last training of the
next step was given.
"""

import copy
import json
import pickle
import shlex

import numpy as np
import pytest
from sklearn.base import clone

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTuner, load
from fasttext_lite.cli import app
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.fitting.class_weight import class_weights
from fasttext_lite.model.run import Run
from fasttext_lite.model.storage import load_model, read_model
from fasttext_lite.training import loop

FREQUENT, RARE = "soup bread noodles rice", "goal match coach team"
PAIRS = [("food", FREQUENT)] * 5 + [("sport", RARE)] + [("sea", "ship wave sail")] * 2
ROWS = [
    (label, " ".join(words.split()[i % 3 :] + [f"x{i % 7}", f"y{i % 3}"]))
    for i in range(14)
    for label, words in PAIRS
]
TEXTS, LABELS = [text for _, text in ROWS], [label for label, _ in ROWS]
SEVERAL = [[label, "wet"] if label != "food" else [label] for label in LABELS]
TSV = "".join(f"{label}\t{text}\n" for label, text in ROWS)
SEVERAL_TSV = "".join(
    f"{','.join(row)}\t{text}\n" for row, text in zip(SEVERAL, TEXTS, strict=True)
)
CSV = "what,kind\n" + "".join(f"{text},{label}\n" for label, text in ROWS)
PREFIXED = "".join(f"#{label} {text}\n" for label, text in ROWS)
VECTORS = "3 8\n" + "".join(
    f"{word} {' '.join(f'{(i * 7 + j) % 5 / 5}' for j in range(8))}\n"
    for i, word in enumerate(("soup", "goal", "wave"))
)
QUICK = ("--recipe", "fixed", "--epochs", "3")
# What noise and early stopping are for is done when the rows are chosen.
NOT_AGAIN = ("word_dropout", "word_swap", "patience", "epochs")

# The flags of a training, and the content of its file.
FLAGS = {
    "nothing": ((), TSV),
    "class weight": (("--class-weight", "balanced"), TSV),
    "class weight, several labels": (("--class-weight", "balanced", "--multilabel"), SEVERAL_TSV),
    "seed": (("--seed", "7"), TSV),
    "both": (("--seed", "7", "--class-weight", "balanced"), TSV),
    "network": (
        ("--head", "learned", "--dim", "6", "--units", "4", "--loss", "softmax", "--lr", "0.2",
         "--optimizer", "adam", "--norm", "layer", "--schedule", "cosine"), TSV,
    ),
    "preset": (("--preset", "fasttext", "--dim", "8"), TSV),
    "columns": (("--format", "csv", "--text-column", "what", "--label-column", "kind"), CSV),
    "prefix": (("--label-prefix", "#"), PREFIXED),
    "patience": (("--patience", "1", "--epochs", "20", "--seed", "1"), TSV),
    "chosen": (("--recipe", "auto", "--seed", "1"), TSV),
}  # fmt: skip
READING = ("--format", "--text-column", "--label-column", "--label-prefix", "--multilabel")


@pytest.fixture
def trainings(monkeypatch):
    """Return a list that gets what each training is given."""
    seen = []
    train = loop.train

    def noted(start, features, labels, config, **values):
        seen.append({"config": config, "labels": labels, **values})
        return train(start, features, labels, config, **values)

    monkeypatch.setattr(loop, "train", noted)
    return seen


@pytest.fixture
def run(capsys):
    """Return a function that runs the command line: stdout of a good end."""

    def run(*arguments):
        capsys.readouterr()
        assert app.main([*map(str, arguments)]) == 0
        return capsys.readouterr()

    return run


def reading(flags):
    """Return the flags that say how a file is read."""
    found = []
    for i, flag in enumerate(flags):
        if flag in READING:
            found += [flag] if flag == "--multilabel" else flags[i : i + 2]
    return found


def assert_trained_alike(first, second, *but):
    same = {
        name: value
        for name, value in first["config"].to_dict().items()
        if name not in (*NOT_AGAIN, *but)
    }
    again = second["config"].to_dict()
    assert {name: again[name] for name in same} == same
    assert again["patience"] is None
    for name in {"seed", "n_threads"} - set(but):
        assert first[name] == second[name], name
    weights = [each["doc_weights"] for each in (first, second)]
    if first["doc_weights"] is None or second["doc_weights"] is None:
        assert weights == [None, None]
    else:
        np.testing.assert_allclose(*weights, rtol=1e-6)


@pytest.mark.parametrize("name", FLAGS)
def test_training_again_for_quantize_is_like_the_first(name, run, trainings, write, tmp_path):
    flags, content = FLAGS[name]
    data, model = write(content, "train.txt"), tmp_path / "m.ftl"
    run("train", data, "-o", model, *QUICK, *flags)
    first = trainings[-1]
    if name == "patience":  # a tenth of the texts was set aside
        first["doc_weights"] = None
    run("quantize", model, "-o", tmp_path / "q.ftl", "--retrain", data, *reading(flags))
    assert_trained_alike(first, trainings[-1])
    kept = load_model(tmp_path / "q.ftl")
    assert (kept.run or Run()).class_weight == (load_model(model).run or Run()).class_weight


def test_training_again_takes_the_epochs_that_were_kept(run, trainings, write, tmp_path):
    data, model = write(TSV, "train.txt"), tmp_path / "m.ftl"
    run("train", data, "-o", model, "--recipe", "fixed", "--patience", 1, "--epochs", 50,
        "--valid", data)  # fmt: skip
    kept = load_model(model).run.epochs
    assert 1 <= kept < 50
    run("quantize", model, "-o", tmp_path / "q.ftl", "--retrain", data)
    assert trainings[-1]["config"].epochs == kept
    run("quantize", model, "-o", tmp_path / "q.ftl", "--retrain", data, "--epochs", 4)
    assert trainings[-1]["config"].epochs == 4


def test_flags_of_quantize_come_first(run, trainings, write, tmp_path):
    data, model = write(TSV, "train.txt"), tmp_path / "m.ftl"
    run("train", data, "-o", model, *QUICK, "--class-weight", "balanced", "--seed", 3)
    again = ("quantize", model, "-o", tmp_path / "q.ftl", "--retrain", data)
    run(*again, "--class-weight", "none", "--seed", 5, "--threads", 2, "--lr", 0.5)
    last = trainings[-1]
    assert last["doc_weights"] is None and (last["seed"], last["n_threads"]) == (5, 2)
    assert last["config"].lr == 0.5
    run("train", data, "-o", model, *QUICK)
    run(*again, "--class-weight", "balanced")
    labels = trainings[-1]["labels"]
    np.testing.assert_allclose(trainings[-1]["doc_weights"], class_weights("balanced", labels))
    run(*again, "--seed", 5)
    assert trainings[-1]["n_threads"] == 1, "a seed makes it reproducible"


@pytest.mark.parametrize("flags", [(), ("--class-weight", "balanced", "--seed", "4")])
def test_info_says_how_a_training_was_run(flags, run, write, tmp_path):
    model = tmp_path / "m.ftl"
    data = write(TSV)
    run("train", data, "-o", model, *QUICK, *flags)
    text, values = run("info", model).out, json.loads(run("info", model, "--json").out)
    texts = read_corpus(data).fingerprint
    if flags:
        assert values["run"] == {"class_weight": "balanced", "seed": 4, "texts": texts}
        assert f"run             class_weight balanced, seed 4, texts {texts}\n" in text
    else:
        assert values["run"] == {"texts": texts} and f"run             texts {texts}\n" in text
    assert load_model(model).run == Run(**values["run"])


def test_the_log_of_a_training_says_how_it_was_run(run, write, tmp_path):
    log = tmp_path / "log.jsonl"
    run("train", write(TSV), "-o", tmp_path / "m.ftl", *QUICK, "--class-weight", "balanced",
        "--log", log)  # fmt: skip
    assert json.loads(log.read_text().splitlines()[0])["class_weight"] == "balanced"


@pytest.mark.parametrize("settings", [
    {"class_weight": "odd"}, {"class_weight": {"a": -1}}, {"class_weight": {"a": float("nan")}},
    {"class_weight": {1: 1}}, {"seed": -1}, {"seed": True}, {"epochs": 0}, {"sample_weight": 1},
    {"colour": 1},
])  # fmt: skip
def test_a_damaged_run_is_refused(settings):
    with pytest.raises((ValueError, TypeError)):
        Run.from_dict(settings)


# -- tune and the command line that it prints -------------------------------------------------


@pytest.mark.parametrize("name", [name for name in FLAGS if name not in ("patience", "chosen")])
@pytest.mark.parametrize("is_validated", [False, True])
def test_the_command_line_of_tune_trains_the_same_model(
    name, is_validated, run, trainings, write, tmp_path
):
    flags, content = FLAGS[name]
    data, model = write(content, "train.txt"), tmp_path / "m.ftl"
    more = ("--valid", data) if is_validated else ()
    out = run("tune", data, "-o", model, "--trials", 2, "--epochs", 3, "--threads", 1, *flags,
              *more).out  # fmt: skip
    tuned = trainings[-1] if not is_validated else None
    first, header = read_model(model)
    program, *arguments = shlex.split(out.splitlines()[-1])
    run(*arguments)
    second, again = read_model(model)
    assert program == "fasttext-lite"
    np.testing.assert_array_equal(first.embeddings, second.embeddings)
    assert header["labels"] == again["labels"]
    assert header.get("run") == again.get("run")
    if tuned is not None:
        assert header == again
        np.testing.assert_array_equal(tuned["doc_weights"], trainings[-1]["doc_weights"])


def test_vectors_are_in_the_command_line_of_tune(run, write, tmp_path):
    data, vectors, model = write(TSV, "t.txt"), write(VECTORS, "v.vec"), tmp_path / "m.ftl"
    out = run("tune", data, "-o", model, "--trials", 2, "--epochs", 2, "--seed", 1,
              "--pretrained-vectors", vectors).out  # fmt: skip
    tuned = load_model(model)
    assert tuned.dim == 8
    line = shlex.split(out.splitlines()[-1])
    assert line[line.index("--pretrained-vectors") + 1] == vectors
    run(*line[1:])
    np.testing.assert_array_equal(load_model(model).embeddings, tuned.embeddings)


def test_a_value_that_begins_with_a_dash_can_be_typed_again(run, write, tmp_path):
    data = write(PREFIXED.replace("#", "-#"), "t.txt")
    model = tmp_path / "m.ftl"
    out = run("tune", data, "-o", model, "--trials", 1, "--epochs", 1, "--label-prefix=-#").out
    run(*shlex.split(out.splitlines()[-1])[1:])
    assert "food" in load_model(model).labels


# -- estimators ------------------------------------------------------------------------------


def test_load_gives_the_estimator_what_the_command_line_was_given(run, trainings, write, tmp_path):
    data, model = write(TSV, "train.txt"), tmp_path / "m.ftl"
    run("train", data, "-o", model, *QUICK, "--class-weight", "balanced", "--seed", 3)
    clf = load(model)
    assert (clf.class_weight, clf.random_state) == ("balanced", 3)
    clf.partial_fit(TEXTS, LABELS)
    weights = trainings[-1]["doc_weights"]
    assert weights.min() < 0.9 < 1.1 < weights.max()
    texts = read_corpus(data).fingerprint
    assert clf.model_.run == Run(class_weight="balanced", seed=3, texts=texts)
    clf.save(tmp_path / "again.ftl")
    assert load(tmp_path / "again.ftl").class_weight == "balanced"


def passed_on(estimator, tmp_path):
    """Return an estimator after each way that it can be passed on."""
    estimator.save(tmp_path / "m.ftl")
    return {
        "itself": estimator,
        "pickle": pickle.loads(pickle.dumps(estimator)),
        "deepcopy": copy.deepcopy(estimator),
        "file": load(tmp_path / "m.ftl"),
        "partial_fit": copy.deepcopy(estimator).partial_fit(TEXTS, SEVERAL if isinstance(
            estimator.predict(TEXTS[:1])[0], list) else LABELS),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("parameters", "y"),
    [
        ({"class_weight": "balanced"}, LABELS),
        ({"class_weight": {"food": 0.25, "sport": 3.0}}, LABELS),
        ({"class_weight": "balanced"}, SEVERAL),
        ({"lr": 0.3, "head": "learned", "dim": 5, "optimizer": "adagrad", "epochs": 4}, LABELS),
        ({"random_state": 5}, LABELS),
    ],
)
def test_quantize_trains_as_fit_did(parameters, y, trainings, tmp_path):
    parameters = {"recipe": "fixed", "epochs": 2, "random_state": 0, **parameters}
    estimator = FastTextClassifier(**parameters).fit(TEXTS, y)
    first = trainings[-1]
    for way, each in passed_on(estimator, tmp_path).items():
        each.quantize(TEXTS, y)
        but = ("lr",) if way == "partial_fit" else ()
        assert_trained_alike(first, trainings[-1], *but)
        assert trainings[-1]["config"].epochs == first["config"].epochs, way
    assert clone(estimator).get_params() == estimator.get_params()


def test_the_command_line_trains_a_saved_estimator_again_as_fit_did(
    run, trainings, write, tmp_path
):
    clf = FastTextClassifier(
        recipe="fixed", epochs=2, random_state=0, class_weight={"food": 0.25, "sport": 3.0}
    ).fit(TEXTS, LABELS)
    first = trainings[-1]
    clf.save(tmp_path / "m.ftl")
    run("quantize", tmp_path / "m.ftl", "-o", tmp_path / "q.ftl", "--retrain", write(TSV))
    assert_trained_alike(first, trainings[-1])


def test_weights_of_texts_are_asked_for_again(run, write, tmp_path, caplog, trainings):
    weights = np.linspace(0.5, 2, len(TEXTS))
    clf = FastTextClassifier(recipe="fixed", epochs=2, random_state=0)
    clf.fit(TEXTS, LABELS, weights).save(tmp_path / "m.ftl")
    first = trainings[-1]
    clf.quantize(TEXTS, LABELS, weights)
    assert_trained_alike(first, trainings[-1])
    assert not caplog.records
    clf.quantize(TEXTS, LABELS)
    assert "had weights of their own in training (sample_weight)" in caplog.text
    caplog.clear()
    run("quantize", tmp_path / "m.ftl", "-o", tmp_path / "q.ftl", "--retrain", write(TSV))
    assert "it is trained again without them" in caplog.text
    assert not load_model(tmp_path / "q.ftl").run.sample_weight


def test_quantize_takes_settings_of_its_training(trainings):
    clf = FastTextClassifier(recipe="fixed", epochs=2, random_state=0).fit(TEXTS, LABELS)
    clf.quantize(TEXTS, LABELS, lr=0.125, epochs=3)
    assert (trainings[-1]["config"].lr, trainings[-1]["config"].epochs) == (0.125, 3)
    with pytest.raises(ValueError, match="quantize has no setting 'lr'"):
        clf.quantize(lr=0.1)


@pytest.mark.parametrize("method", ["seeds", "bagging", "snapshot"])
def test_members_of_an_ensemble_know_their_class_weights(method, trainings, tmp_path):
    ensemble = FastTextEnsemble(
        n_members=2, method=method, recipe="fixed", epochs=2, random_state=0,
        class_weight="balanced",
    ).fit(TEXTS, LABELS)  # fmt: skip
    ensemble.save(tmp_path / "e.ftl")
    for each in (ensemble, FastTextEnsemble.load(tmp_path / "e.ftl")):
        assert each.class_weight == "balanced"
        assert {member.model_.run.class_weight for member in each.estimators_} == {"balanced"}
        each.estimators_[0].quantize(TEXTS, LABELS)
        weights = trainings[-1]["doc_weights"]
        np.testing.assert_allclose(weights, class_weights("balanced", trainings[-1]["labels"]))


def test_a_tuner_trains_with_the_class_weights_and_vectors_of_its_estimator(
    trainings, write, tmp_path
):
    vectors = write(VECTORS, "v.vec")
    estimator = FastTextClassifier(class_weight="balanced", epochs=2, pretrained_vectors=vectors)
    tuner = FastTextTuner(estimator, time=None, n_trials=2, random_state=0).fit(TEXTS, LABELS)
    found = tuner.best_estimator_
    assert found.model_.dim == 8 and found.pretrained_vectors == vectors
    assert found.model_.run.class_weight == found.class_weight == "balanced"
    assert found.model_.run.seed is not None
    for each in trainings:
        if len(each["labels"]) > 80:  # but the one that compiles
            assert each["doc_weights"].min() < 0.9
    again = clone(found).fit(TEXTS, LABELS)
    assert again.model_.dim == 8
    found.save(tmp_path / "m.ftl")
    assert load(tmp_path / "m.ftl").class_weight == "balanced"
