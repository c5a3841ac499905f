"""Models of fastText become models of this package and back, with the same predictions."""

import json

import fasttext
import numpy as np
import pytest
from test_conformance import NGRAMS, THREADS, sentence, train_with_wheel, training_text

from fasttext_lite.cli import app
from fasttext_lite.compat.convert import (
    from_fasttext,
    has_empty_rows,
    obstacles,
    to_fasttext,
)
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.quantize import quantize
from fasttext_lite.compat.training.words import train_unsupervised
from fasttext_lite.config.fields import FEATURE_FIELDS, Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.fitting import fit
from fasttext_lite.model.storage import load_model

SHIFT = 1e-5  # that fastText adds to each probability


def texts_and_labels(n_labels=6, n=300):
    rng = np.random.default_rng(n_labels)
    numbers = rng.integers(0, n_labels, n)
    numbers[:n_labels] = np.arange(n_labels)
    texts = [sentence(rng, n_labels, int(label)) for label in numbers]
    return texts, [[f"label {label}".replace(" ", "-")] for label in numbers]


def train(n_labels=6, **settings):
    """Return a model of this package with settings that fastText's format can hold."""
    texts, labels = texts_and_labels(n_labels)
    values = {**PRESETS["fasttext"], "epochs": 3, "dim": 8, "bucket": 2000, "lr": 0.5, **settings}
    return fit.fit(
        Texts.from_sequence(texts), Labels.from_rows(labels), Config(**values), n_threads=1
    ).model


def check_same(model, converted, texts, tolerance=1e-5):
    """Compare a model of this package with one of fastText."""
    found = converted.predict_texts(texts, -1)
    # A scale of softmax goes along, other calibrations have no place in fastText's format.
    plain = model if model.config.loss == "softmax" else model.replace(calibration=None)
    expected = plain.probabilities(texts, 1)
    names = [label.decode().removeprefix("__label__") for label in converted.dictionary.labels]
    columns = [model.labels.index(name) for name in names]
    for i in range(len(texts)):
        known = found.labels[i] >= 0
        ids, scores = found.labels[i][known], found.scores[i][known]
        np.testing.assert_allclose(scores, expected[i, columns][ids] + SHIFT, atol=tolerance)


TEXTS = [*texts_and_labels(6, 40)[0], "w1", "w1 w1 w1 w2"]


@pytest.mark.parametrize("ngrams", NGRAMS, ids=str)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_from_fasttext(tmp_path, loss, ngrams):
    words, minn, maxn = ngrams
    theirs = train_with_wheel(
        tmp_path, training_text(7), loss=loss, wordNgrams=words, minn=minn, maxn=maxn
    )
    theirs.save_model(str(tmp_path / "model.bin"))
    source = FastTextModel.load(tmp_path / "model.bin")
    # A sigmoid of fastText's is that of the next lower step of its table.
    tolerance = 1e-2 if loss in ("ova", "ns") else 2e-5
    check_same(from_fasttext(source), source, [*TEXTS, "unknown words"], tolerance)


@pytest.mark.parametrize("cutoff", [0, 400])
def test_from_a_quantized_model(tmp_path, cutoff):
    theirs = train_with_wheel(tmp_path, training_text(7), wordNgrams=2, minn=2, maxn=3)
    theirs.quantize(str(tmp_path / "train.txt"), cutoff=cutoff, thread=THREADS, verbose=0)
    theirs.save_model(str(tmp_path / "model.ftz"))
    source = FastTextModel.load(tmp_path / "model.ftz")
    check_same(from_fasttext(source), source, TEXTS, 2e-5)


def test_word_vectors_are_no_classifier(tmp_path):
    path = tmp_path / "text.txt"
    path.write_text(training_text(7))
    model = train_unsupervised(Args(input=str(path), dim=4, min_count=1, bucket=100, epoch=1))
    with pytest.raises(ModelError, match="predicts no labels"):
        from_fasttext(model)


SETTINGS = [
    {}, {"loss": "hs"}, {"loss": "ova"}, {"loss": "ns"}, {"norm": "batch"},
    {"eos": False}, {"loss": "hinge", "lr": 0.05}, {"loss": "squared_hinge", "lr": 0.02},
    {"analyzer": "whitespace", "minn": 2, "maxn": 3}, {"word_ngrams": 2},
]  # fmt: skip


@pytest.mark.parametrize("settings", SETTINGS, ids=str)
def test_to_fasttext(tmp_path, settings):
    model = train(**settings)
    converted = to_fasttext(model)
    texts, _ = texts_and_labels()  # all n-grams of these are known
    sigmoid = converted.args.loss in ("ova", "ns")
    check_same(model, converted, texts, 1e-2 if sigmoid else 2e-5)
    converted.save(tmp_path / "model.bin")
    theirs = fasttext.load_model(str(tmp_path / "model.bin"))
    names, scores = theirs.predict(texts, k=3)
    found = converted.predict_texts(texts, 3)
    np.testing.assert_allclose(found.scores, np.array(scores), atol=1e-5)
    labels = converted.dictionary.labels
    assert [labels[i].decode() for i in found.labels[:, 0]] == [row[0] for row in names]
    assert has_empty_rows(converted) == bool(model.config.uses_buckets)


def test_unknown_ngrams_are_left_out_where_the_format_prunes(tmp_path):
    model = train(n_labels=20, word_ngrams=3)
    converted = to_fasttext(model, pruned=True)
    assert converted.input.shape[0] == model.space.n_rows
    check_same(model, converted, [*TEXTS, "w5 w77 w9 w31 w44"], 2e-5)
    small = quantize(converted, Args(dsub=1))
    small.save(tmp_path / "model.ftz")
    theirs = fasttext.load_model(str(tmp_path / "model.ftz"))
    names, scores = theirs.predict(TEXTS, k=2)
    found = small.predict_texts(TEXTS, 2)
    np.testing.assert_allclose(found.scores, np.array(scores), atol=1e-5)
    again = to_fasttext(from_fasttext(small), pruned=True)
    np.testing.assert_allclose(again.predict_texts(TEXTS, 2).scores, found.scores, atol=2e-5)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({"pooling": "tfidf"}, "pooling tfidf"),
        ({"analyzer": "char"}, "analyzer char"),
        ({"lowercase": True}, "lowercase"),
        ({"nfkc": True}, "nfkc"),
        ({"simplify": True}, "simplify"),
        ({"stop_words": "the of"}, "stop words"),
        ({"boundaries": True, "word_ngrams": 2}, "boundaries"),
        ({"eos": False, "word_ngrams": 2}, "without eos"),
        ({"norm": "layer"}, "norm layer"),
        ({"units": 4}, "hidden layer"),
        ({"loss": "hs", "tree": "cluster"}, "tree cluster"),
    ],
    ids=lambda value: "",
)
def test_what_the_format_cannot_hold_is_named(settings, named):
    values = {**PRESETS["fasttext"], "dim": 8, **settings}
    found = obstacles(Config(**values), False, False)
    assert len(found) == 1
    assert found[0].startswith(named) or named in found[0]


def test_every_setting_of_text_is_held_or_named():
    """Settings that decide about tokens: none may be left out in silence."""
    other = {"analyzer": "char", "lowercase": True, "nfkc": True, "simplify": True}
    other |= {"stop_words": "a", "boundaries": True, "pooling": "tfidf", "eos": False}
    held = {"word_ngrams", "minn", "maxn", "min_count", "min_df", "max_features", "bucket"}
    held |= {"supervision", "pseudo_count", "char_energy", "bias"}
    assert set(FEATURE_FIELDS) == other.keys() | held | {
        "user_dictionary",
        "dictionary",
        "lone_marks",
        "script_rules",
    }  # of analyzers
    for name, value in other.items():
        config = Config(**{**PRESETS["fasttext"], "word_ngrams": 2, name: value})
        assert len(obstacles(config, False, False)) == 1, name


def test_several_obstacles_are_named_at_once():
    model = train(pooling="tfidf", lowercase=True, units=3)
    with pytest.raises(ModelError, match=r"pooling tfidf.*lowercase.*hidden layer.*--preset"):
        to_fasttext(model)


def test_prepared_texts_need_no_analyzer():
    texts, labels = texts_and_labels()
    upper = [text.upper() for text in texts]
    values = {**PRESETS["fasttext"], "dim": 8, "lowercase": True, "eos": False}
    model = fit.fit(
        Texts.from_sequence(upper), Labels.from_rows(labels), Config(**values), n_threads=1
    ).model
    with pytest.raises(ModelError, match="lowercase"):
        to_fasttext(model)
    check_same(model, to_fasttext(model, prepared=True), [text.lower() for text in upper], 2e-5)


def test_labels_with_white_space_are_refused():
    texts, _ = texts_and_labels()
    labels = Labels.from_rows([["a b"], ["c"]] * (len(texts) // 2))
    config = Config(**{**PRESETS["fasttext"], "dim": 4})
    model = fit.fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    with pytest.raises(ModelError, match="'__label__a b': it has white space"):
        to_fasttext(model)


# -- what the format has no place for --------------------------------------------------------


def convert(capsys, *paths):
    capsys.readouterr()
    assert app.main(["convert", *map(str, paths)]) == 0
    return [line for line in capsys.readouterr().err.splitlines() if "how the model was" in line]


RUNS = [
    ({}, (), None),
    ({"lr": 0.1}, (), None),
    ({"lr": 0.7}, (), "lr 0.7"),
    ({}, ("--seed", "3"), "seed 3"),
    ({"lr": 0.5}, ("--seed", "3", "--class-weight", "balanced"),
     "lr 0.5, class_weight balanced, seed 3"),
]  # fmt: skip


@pytest.mark.parametrize("ending", [".bin", ".ftz"])
@pytest.mark.parametrize(("settings", "flags", "lost"), RUNS)
def test_how_a_model_was_trained_is_lost_with_a_line(
    tmp_path, capsys, caplog, settings, flags, lost, ending
):
    data, own, back = tmp_path / "t.tsv", tmp_path / "own.ftl", tmp_path / "back.ftl"
    data.write_text("".join(f"{'ab'[i % 2]}\tw{i % 9} v{i % 2} x{i}\n" for i in range(600)))
    words = [word for name, value in settings.items() for word in (f"--{name}", str(value))]
    train_with = ["train", str(data), "-o", str(own), "--preset", "fasttext", "--dim", "4"]
    assert app.main([*train_with, *words, *flags, "-q"]) == 0
    theirs = tmp_path / f"m{ending}"
    found = convert(capsys, own, theirs)
    assert len(found) == (lost is not None)
    if lost is not None:
        where = f"{theirs}: fastText's format has no place for how the model was trained: {lost}; "
        assert where in found[0]
    assert convert(capsys, theirs, back) == []
    # ... and what is not known is not stated.
    assert app.main(["info", str(back)]) == 0
    printed = capsys.readouterr().out
    assert "lr              not known: fastText's files have no place for lr\n" in printed
    assert "run             source fastText\n" in printed
    assert app.main(["info", str(back), "--json"]) == 0
    described = json.loads(capsys.readouterr().out)
    assert described["config"]["lr"] is None and described["config"]["epochs"] == 5
    # Trained again, it is known.
    small = tmp_path / "small.ftl"
    again = ["quantize", str(back), "-o", str(small), "--retrain", str(data), "-q"]
    for more, is_said in (((), True), (("--lr", "0.3"), False)):
        caplog.clear()
        assert app.main([*again, *more]) == 0
        assert any("does not know what it was trained" in m for m in caplog.messages) == is_said
        model = load_model(small)
        assert (model.run is None or model.run.source is None) and model.config.lr == (
            0.1 if is_said else 0.3
        )
        capsys.readouterr()
        assert app.main(["info", str(small)]) == 0
        assert "not known" not in capsys.readouterr().out
