"""What a user gave and has no effect is said, once; what has one is never spoken of."""

import gzip
import logging
import pickle
import subprocess
import sys
from pathlib import Path

import jieba
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS
from sklearn.model_selection import GridSearchCV, cross_val_score

from fasttext_lite import (
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTransformer,
    FastTextTuner,
    load,
)
from fasttext_lite.cli.app import main
from fasttext_lite.cli.arguments import flag_of
from fasttext_lite.config import texts as words
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.effects import (
    EFFECTS,
    HARDLY,
    hardly_with_effect,
    not_default,
    without_effect,
)
from fasttext_lite.config.fields import TEXTS, Config, field_type
from fasttext_lite.config.losses import LOSSES
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.config.texts import Words, unpacked, words_of
from fasttext_lite.estimators.base import ADVISER
from fasttext_lite.fitting.quantize import QuantizeSettings
from fasttext_lite.model.storage import load_model
from fasttext_lite.segmenter import Segmenter
from fasttext_lite.segmenter.module import module_changes
from fasttext_lite.text.analyzers import segmenter_of
from fasttext_lite.text.unmatched import unmatched_lines, unmatched_stop_words

X = ["red apples", "green apples", "fast cars", "slow cars"] * 6
Y = ["fruit", "fruit", "cars", "cars"] * 6
ZH = ["央行下调存款利率", "云计算服务器降价", "足球比赛进球", "篮球联赛冠军"] * 6
SMALL = {"epochs": 1, "random_state": 0, "recipe": "fixed"}


@pytest.fixture
def said(caplog):
    """Return a function that returns what was said since it was last called."""
    ADVISER.said.clear()
    caplog.set_level(logging.WARNING, "fasttext_lite")

    def said():
        lines = [record.getMessage() for record in caplog.records]
        caplog.clear()
        return lines

    yield said
    ADVISER.said.clear()


@pytest.fixture
def train_cli(said, capsys, tmp_path):
    """Return a function that trains with the command line: exit code, and what it prints."""

    def train_cli(*arguments, texts=X, command="train"):
        file = tmp_path / "train.tsv"
        file.write_text("".join(f"{y}\t{x}\n" for x, y in zip(texts, Y, strict=True)), "utf-8")
        arguments = [command, file, "-o", tmp_path / "m.ftl", "--seed", 1, *arguments]
        capsys.readouterr()
        try:
            code = main(list(map(str, arguments)))
        except SystemExit as stop:
            code = stop.code
        # Where tests run, logged lines do not reach stderr.
        lines = "".join(f"fasttext-lite: {line}\n" for line in said())
        return code, lines + ("" if code == 0 else capsys.readouterr().err)

    return train_cli


# -- settings that another one leaves without effect -----------------------------------------
LINES = [
    ("neg", 9, {"loss": "softmax"}), ("neg", 9, {}), ("tree", "huffman", {"loss": "ova"}),
    ("label_smoothing", 0.3, {"loss": "hinge"}),
    ("label_smoothing", 0.3, {"loss": "squared_hinge"}),
    ("beta1", 0.8, {}), ("beta1", 0.8, {"optimizer": "adagrad"}), ("beta2", 0.8, {}),
    ("beta2", 0.8, {"optimizer": "momentum"}), ("char_energy", 2.0, {"pooling": "tfidf"}),
    ("char_energy", 2.0, {"pooling": "mean"}), ("char_energy", 2.0, {"maxn": 0}),
    ("supervision", 0.3, {"pooling": "mean"}), ("pseudo_count", 3.0, {"pooling": "mean"}),
    ("pseudo_count", 3.0, {"supervision": 0.0}), ("minn", 1, {"maxn": 0}),
    ("bucket", 99, {"word_ngrams": 1, "maxn": 0}), ("activation", "tanh", {}),
    ("valid_fraction", 0.3, {}), ("word_swap", 0.3, {"word_ngrams": 1}),
    ("lone_marks", False, {"analyzer": "whitespace"}),
    ("script_rules", False, {"analyzer": "jieba"}), ("dim", 300, {}),
]  # fmt: skip
SPELLED = [
    (name, value, others) for name, value, others in LINES if field_type(name)[0] is not bool
]


def test_every_effect_is_of_a_setting_and_has_a_line():
    assert set(EFFECTS) <= set(Config().to_dict())
    # focal is refused by `Config`; the others are given as their defaults on the command line.
    assert {name for name, _, _ in LINES} == set(EFFECTS) - {"focal", "boundaries", "bias"}


@pytest.mark.parametrize(("name", "value", "others"), LINES)
def test_an_estimator_says_it_once(said, name, value, others):
    estimator = FastTextClassifier(**{**SMALL, **others, name: value})
    estimator.fit(X, Y)
    found = said()
    assert len(found) == 1
    assert found[0].startswith(f"{name} has no effect: ")
    clone(estimator).fit(X, Y)
    assert said() == []


@pytest.mark.parametrize(("name", "value", "others"), SPELLED)
def test_the_command_line_names_the_flag(train_cli, name, value, others):
    flags = [word for given in others.items() for word in (flag_of(given[0]), given[1])]
    flags += ["--epochs", 1, flag_of(name), value]
    code, err = train_cli(*flags)
    assert code == 0
    found = [line for line in err.splitlines() if "has no effect" in line]
    assert len(found) == 1
    assert found[0].startswith(f"fasttext-lite: {flag_of(name)} has no effect: ")


def test_stderr_and_quiet(train_cli, tmp_path):
    train_cli()
    command = [sys.executable, "-m", "fasttext_lite", "train", str(tmp_path / "train.tsv"), "-o",
               str(tmp_path / "m.ftl"), "--neg", "9"]  # fmt: skip
    found = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    line = "fasttext-lite: --neg has no effect: it is for the loss ns; the loss is ova"
    assert line in found.splitlines()
    assert subprocess.run([*command, "-q"], check=True, capture_output=True, text=True).stderr == ""


def test_a_flag_that_says_the_default_is_given_too(train_cli):
    for flags in (("--neg", 5), ("--bias", "--pooling", "mean"), ("--tree", "huffman")):
        assert f"{flags[0]} has no effect" in train_cli(*flags)[1]


def test_the_loss_that_auto_chose_is_named(said):
    FastTextClassifier(**SMALL, neg=9).fit(X, Y)
    assert said() == ["neg has no effect: it is for the loss ns; the loss is ova"]


def test_what_is_still_open_is_not_judged():
    given = {"neg": 9, "tree": "huffman", "label_smoothing": 0.3, "dim": 300, "focal": 1.0}
    assert without_effect(Config(), given) == []


@pytest.mark.parametrize("loss", LOSSES)
def test_records_of_losses_own_what_they_ignore(loss):
    config = Config(loss=loss)
    given = {"neg": 9, "tree": "huffman", "label_smoothing": 0.3, "focal": 1.0}
    record, found = LOSSES[loss], {remark.name for remark in without_effect(config, given)}
    assert ("neg" not in found) == (record.participants == "drawn")
    assert ("tree" not in found) == record.uses_tree
    assert ("label_smoothing" not in found) == record.smoothed
    assert ("focal" not in found) == (record.focal is not None)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_records_of_optimizers_own_what_they_ignore(optimizer):
    found = without_effect(Config(optimizer=optimizer), {"beta1": 0.5, "beta2": 0.5})
    expected = {name for name in ("beta1", "beta2") if getattr(OPTIMIZERS[optimizer], name) is None}
    assert {remark.name for remark in found} == expected


@pytest.mark.parametrize("analyzer", ANALYZERS)
def test_records_of_analyzers_own_what_they_ignore(analyzer):
    given = {"lone_marks": False, "script_rules": False}
    found = {remark.name for remark in without_effect(Config(analyzer=analyzer), given)}
    assert bool(found) == (analyzer in ("whitespace", "jieba"))


def test_what_could_not_be_meant_is_refused():
    with pytest.raises(ValueError, match="focal"):
        FastTextClassifier(**SMALL, loss="hinge", focal=1.0).fit(X, Y)


# focal is refused with a loss that has none, and dim has a test of its own.
@pytest.mark.parametrize("name", [name for name in EFFECTS if name not in ("focal", "dim")])
def test_a_setting_without_effect_changes_nothing(said, name):
    """What is said is true: the same model with and without it."""
    value, others = next(
        (line[1:] for line in LINES if line[0] == name),
        (True, {"pooling": "mean"} if name == "bias" else {"word_ngrams": 1}),
    )
    plain = FastTextClassifier(**{**SMALL, **others}).fit(X, Y)
    given = FastTextClassifier(**{**SMALL, **others, name: value}).fit(X, Y)
    np.testing.assert_allclose(plain.predict_proba(X), given.predict_proba(X), atol=1e-6)


def test_dim_beyond_the_labels_of_a_linear_head_changes_nothing():
    plain, wide = (FastTextClassifier(**SMALL, dim=dim).fit(X, Y) for dim in (None, 300))
    np.testing.assert_allclose(plain.predict_proba(X), wide.predict_proba(X), atol=1e-6)


QUIET = [
    {}, {"loss": "ns", "neg": 3}, {"loss": "hs", "tree": "huffman"}, {"dim": 8},
    {"head": "learned", "dim": 100}, {"loss": "hinge", "label_smoothing": 0.0},
    {"optimizer": "adam", "beta1": 0.8, "beta2": 0.99}, {"pooling": "mean", "bias": False},
    {"word_ngrams": 1, "boundaries": False}, {"minn": 0, "maxn": 0},
    {"units": 4, "activation": "elu"},
    {"patience": 2, "valid_fraction": 0.2}, {"char_energy": 2.0}, {"supervision": 0.0},
    {"stop_words": ["the", "of"]}, {"stop_words": "english"}, {"stop_words": None},
    {"analyzer": "jieba"}, {"analyzer": "mixed", "lone_marks": False}, {"lowercase": False},
    {"loss": "squared_hinge", "epochs": 3, "lr": 0.1, "word_ngrams": 3, "minn": 2, "maxn": 5},
]  # fmt: skip


@pytest.mark.parametrize("settings", QUIET, ids=str)
@pytest.mark.parametrize("cls", [FastTextClassifier, FastTextTransformer, FastTextEnsemble])
def test_usual_settings_say_nothing(said, cls, settings):
    cls(**{**SMALL, **settings}).fit(X, Y)
    assert said() == []


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_say_nothing(train_cli, said, preset):
    FastTextClassifier(**{**PRESETS[preset], "random_state": 0}).fit(X, Y)
    FastTextClassifier(**{**PRESETS[preset], "random_state": 0, "epochs": 2}).fit(X, Y)
    assert said() == []
    assert train_cli("--preset", preset) == (0, "")


def test_a_trained_model_of_the_command_line_is_no_list_of_wishes(train_cli, said, tmp_path):
    train_cli()
    found = load(tmp_path / "m.ftl")
    clone(found).fit(X, Y)
    assert said() == []


def test_a_search_says_a_thing_once(said):
    estimator = FastTextClassifier(**SMALL, neg=9)
    cross_val_score(estimator, X, Y, cv=3)
    GridSearchCV(estimator, {"lr": [0.1, 1.0]}, cv=2).fit(X, Y)
    assert len(said()) == 1


@pytest.mark.parametrize("name", HARDLY)
def test_what_changes_but_few_texts_is_said_and_true(said, train_cli, name):
    value = {"minn": 1, "maxn": 6}[name]
    given = {"analyzer": "char", name: value}
    marked = [text.replace("a", "a\u0301") for text in X]  # n-grams of characters with marks
    for texts, is_same in ((X, True), (marked, False)):
        one, other = (
            FastTextClassifier(**{**SMALL, "lr": 1.0, **settings}).fit(texts, Y)
            for settings in ({"analyzer": "char"}, {**given, "minn": 1})
        )
        rows = one.model_.space.n_rows, other.model_.space.n_rows
        assert (rows[0] == rows[1]) == is_same
        if is_same:
            np.testing.assert_allclose(one.predict_proba(texts), other.predict_proba(texts))
    said()
    ADVISER.said.clear()
    line = "has next to no effect: the tokens of the analyzer char are single characters"
    FastTextClassifier(**{**SMALL, **given}).fit(X, Y)
    (found,) = said()
    assert found.startswith(f"{name} {line}")
    flags = ("--analyzer", "char", "--epochs", 1, flag_of(name), value)
    assert train_cli(*flags)[1].count(f"{flag_of(name)} {line}") == 1
    FastTextClassifier(**{**SMALL, **given}).fit([text.split() for text in X], Y)
    assert without_effect(Config(**given), given) == []
    assert said() == []
    assert hardly_with_effect(Config(**{name: value}), {name: value}) == []


@pytest.mark.parametrize(
    ("command", "form"),
    [
        (command, form)
        for command in ("predict", "embed", "test")
        for form in ("text", "fasttext", "tsv", "csv", "jsonl")
        if (command, form) != ("test", "text")  # texts without labels cannot be tested on
    ],
)
def test_a_cut_at_commas_of_what_has_none(train_cli, tmp_path, capsys, command, form):
    train_cli("--epochs", 1)
    lines = {
        "text": "red fast\nsweet\n",
        "fasttext": "__label__cars red fast\n__label__fruit sweet\n",
        "tsv": "cars\tred fast\nfruit\tsweet\n",
        "csv": "label,text\ncars,red fast\nfruit,sweet\n",
        "jsonl": '{"label": "cars", "text": "red"}\n{"label": "fruit", "text": "sweet"}\n',
    }
    path = tmp_path / f"texts.{form}"
    path.write_text(lines[form])
    for flags, is_said in (((), False), (("--multilabel",), command == "test" or form not in
                                         ("tsv", "csv", "jsonl"))):  # fmt: skip
        capsys.readouterr()
        assert main([command, str(tmp_path / "m.ftl"), str(path), *flags]) == 0
        assert ("--multilabel has no effect: " in capsys.readouterr().err) == is_said


def test_that_several_labels_are_allowed_is_an_effect(train_cli, tmp_path):
    assert train_cli("--multilabel", "--epochs", 1) == (0, "")
    assert load(tmp_path / "m.ftl").model_.multilabel


def test_a_tuner_speaks_of_what_is_held_fixed(said):
    FastTextTuner(FastTextClassifier(beta1=0.8), params={"neg": 5}, time=None, n_trials=1,
                  random_state=0).fit(X, Y)  # fmt: skip
    assert sorted(line.split()[0] for line in said()) == ["beta1", "neg"]
    FastTextTuner(time=None, n_trials=1, random_state=0).fit(X, Y)
    assert said() == []


def test_tune_names_flags(train_cli):
    flags = ("--time", 60, "--trials", 1, "--model-size", "none", "--neg", 9)
    code, err = train_cli(*flags, command="tune")
    assert code == 0
    assert err.count("--neg has no effect: it is for the loss ns; the loss is ova\n") == 1


def test_what_an_ensemble_and_partial_fit_have_no_use_for(said):
    FastTextEnsemble(**SMALL, n_members=2, method="snapshot", schedule="step").fit(X, Y)
    assert said() == ["schedule has no effect: method snapshot has cosines of its own"]
    FastTextEnsemble(**SMALL, n_members=2, method="snapshot").fit(X, Y)
    assert said() == []
    classifier = FastTextClassifier(schedule="cosine", warmup=0.1, random_state=0)
    for _ in range(2):
        classifier.partial_fit(X, Y, classes=["cars", "fruit"])
    found = said()
    assert [line.split()[0] for line in found] == ["schedule", "warmup"]
    assert all("no effect on partial_fit" in line for line in found)


def test_validation_data_leave_the_fraction_without_effect(train_cli, said, tmp_path):
    estimator = FastTextClassifier(**SMALL, patience=2, valid_fraction=0.3)
    estimator.fit(X, Y, validation_data=(X, Y))
    assert said() == ["valid_fraction has no effect: validation_data are given"]
    train_cli()
    flags = ("--patience", 2, "--valid-fraction", 0.3, "--valid", tmp_path / "train.tsv")
    assert "--valid-fraction has no effect: --valid" in train_cli(*flags)[1]


def test_threads_are_not_reproducible_with_a_seed(train_cli):
    line = "--seed does not make 2 threads reproducible"
    assert line in train_cli("--threads", 2)[1]
    assert train_cli("--threads", 1)[1] == ""


@pytest.mark.parametrize("settings", [{"dsub": 4}, {"qnorm": True}, {"rows": "pq", "step": 0.25}])
def test_quantize_refuses_what_has_no_effect(train_cli, capsys, tmp_path, settings):
    with pytest.raises(ValueError, match="for rows="):
        QuantizeSettings(**settings)
    flags = [word for name, value in settings.items() for word in (flag_of(name), str(value))]
    flags = [flag for flag in flags if flag != "True"]
    train_cli()
    model, small = str(tmp_path / "m.ftl"), str(tmp_path / "s.ftl")
    assert main(["quantize", model, "-o", small, *flags]) == 2
    assert "for --rows" in capsys.readouterr().err
    assert main(["quantize", model, "-o", small, "--cutoff", "none", "--size", "none", "-q"]) == 0


# -- None where a setting may be off ---------------------------------------------------------
OFF = {
    field.name: field.metadata["off"]
    for field in Config.__dataclass_fields__.values()
    if not isinstance(
        field.metadata["off"], type(Config.__dataclass_fields__["lr"].metadata["off"])
    )
}


# What does nothing and is not said by a word of its own, or by 0.
OFF_BY_NAME = {"schedule": ("constant",), "min_count": (1,)}


def test_what_may_be_off():
    assert {
        "stop_words",
        "user_dictionary",
        "dictionary",
        "norm",
        "units",
        "maxn",
        "minn",
        "schedule",
        "min_count",
        "l1",
        "l2",
    } < set(OFF)
    switches = {name for name in Config().to_dict() if field_type(name)[0] is bool}
    assert switches < set(OFF)
    for name, off in OFF.items():
        assert off in ("", "none", 0, 0.0, False, *OFF_BY_NAME.get(name, ())), name
        assert not field_type(name)[1], f"{name}: None means something else"


@pytest.mark.parametrize("name", OFF)
def test_none_is_off(name):
    assert getattr(Config(**{name: None}), name) == OFF[name]
    assert Config(**{name: None}) == Config(**{name: OFF[name]})


@pytest.mark.parametrize("name", [name for name in OFF if field_type(name)[0] is not bool])
def test_none_is_off_on_the_command_line(train_cli, tmp_path, name):
    assert train_cli(flag_of(name), "none") == (0, "")
    assert getattr(load_model(tmp_path / "m.ftl").config, name) == OFF[name]


def test_estimators_take_none(said):
    none = dict.fromkeys(OFF) | {"class_weight": None, "pretrained_vectors": None, "verbose": None}
    none["max_words"] = None
    for cls in (FastTextClassifier, FastTextTransformer, FastTextEnsemble):
        estimator = cls(**{**SMALL, **none})
        clone(estimator).fit(X, Y)
        assert all(estimator.get_params()[name] is None for name in none)
    FastTextTuner(time=None, n_trials=1, log=None, resume=None, verbose=None).fit(X, Y)


def test_a_model_file_does_not_say_none():
    with pytest.raises(ValueError, match="bias must be set"):
        Config.from_dict({**Config().to_dict(), "bias": None})


# -- words, files, lists ---------------------------------------------------------------------
@pytest.fixture
def file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "words.txt"
    path.write_bytes("\ufeff红 5\r\napples 3\r\n".encode())
    return path


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("kind", ["text", "path", "list", "missing", "directory"])
def test_the_name_of_a_file_is_no_word(file, name, kind):
    value = {
        "text": "words.txt", "path": str(file), "list": ["words.txt"], "missing": "other.txt",
        "directory": "@.",
    }[kind]  # fmt: skip
    expected = {
        "missing": "looks like the name of a file", "directory": "is a directory",
    }.get(kind, "write @.*words.txt to read the file")  # fmt: skip
    with pytest.raises(ValueError, match=f"^{name}: .*{expected}"):
        Config(**{name: value}, analyzer="jieba")
    with pytest.raises(ValueError, match=f"^{name}: "):
        FastTextClassifier(**{name: value}, analyzer="jieba").fit(ZH, Y)


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("value", ["words.txt", "other.txt", "@other.txt", "@bad.txt"])
def test_the_command_line_refuses_it_in_one_line(train_cli, capsys, file, name, value):
    Path("bad.txt").write_bytes("好\n".encode() + "坏\n".encode("gb18030"))
    code, err = train_cli(
        capsys, file.parent, "--analyzer", "jieba", flag_of(name), value, texts=ZH
    )
    assert code == 2
    assert err.count("\n") == 1
    assert f"argument {flag_of(name)}: " in err
    assert ("bad.txt:2: not UTF-8 (byte 0xbb)" in err) == (value == "@bad.txt")


@pytest.mark.parametrize("value", ["@words.txt", "path"])
@pytest.mark.parametrize("name", ["stop_words", "user_dictionary"])
def test_a_file_is_read_and_the_model_stands_alone(said, file, tmp_path, name, value):
    value = file if value == "path" else value
    estimator = FastTextClassifier(**SMALL, analyzer="mixed", **{name: value})
    assert clone(estimator).get_params()[name] == value
    estimator.fit(ZH, Y)
    assert estimator.get_params()[name] == value
    assert getattr(estimator.model_.config, name).split() == ["红", "5", "apples", "3"]
    expected = estimator.predict_proba(ZH)
    estimator.save(tmp_path / "m.ftl")
    pickled = pickle.dumps(estimator)
    file.unlink()
    for other in (load(tmp_path / "m.ftl"), pickle.loads(pickled)):
        np.testing.assert_array_equal(other.predict_proba(ZH), expected)
        other.partial_fit(ZH, Y)
    clone(load(tmp_path / "m.ftl")).fit(ZH, Y)
    with pytest.raises(ValueError, match="words.txt: no such file"):
        estimator.fit(ZH, Y)


def test_an_ensemble_stands_alone_too(said, file, tmp_path):
    ensemble = FastTextEnsemble(**SMALL, n_members=2, stop_words=file).fit(X, Y)
    ensemble.save(tmp_path / "e.ftl")
    file.unlink()
    other = FastTextEnsemble.load(tmp_path / "e.ftl")
    np.testing.assert_array_equal(other.predict_proba(X), ensemble.predict_proba(X))
    clone(other).fit(X, Y)


@pytest.mark.parametrize("value", [{"b", "a"}, ("a", "b"), ["a", "b"], frozenset("ba"), "a\nb"])
def test_lists_and_sets_are_words(tmp_path, value):
    assert Config(stop_words=value).stop_words == "a\nb"
    FastTextClassifier(**SMALL, stop_words=value).fit(X, Y).save(tmp_path / "m.ftl")
    assert load(tmp_path / "m.ftl").model_.config.stop_words == "a\nb"


def test_english_is_a_list(train_cli, said, tmp_path):
    expected = "\n".join(sorted(ENGLISH_STOP_WORDS))
    for value in ("english", "English "):
        assert Config(stop_words=value).stop_words == expected
    texts = [f"the {text} of them" for text in X]
    estimator = FastTextClassifier(**SMALL, stop_words="english").fit(texts, Y)
    assert b"the" not in estimator.model_.space.words()
    assert estimator.get_params()["stop_words"] == "english"
    estimator.save(tmp_path / "e.ftl")
    assert load(tmp_path / "e.ftl").model_.config.stop_words == expected
    assert train_cli("--stop-words", "english") == (0, "")
    assert load_model(tmp_path / "m.ftl").config.stop_words == expected
    search = GridSearchCV(FastTextClassifier(**SMALL), {"stop_words": ["english", None]}, cv=2)
    assert search.fit(texts, Y).best_score_ == 1.0
    assert said() == []


def test_english_may_be_a_word():
    assert Config(stop_words=["english"]).stop_words == "english"
    old = Config.from_dict({**Config().to_dict(), "stop_words": "english"})  # of a model of before
    assert old.stop_words == "english"
    assert old.replace(lr=1.0).stop_words == "english"
    assert pickle.loads(pickle.dumps(old)) == old


@pytest.mark.parametrize("name", ["french", "Chinese", "german"])
def test_other_languages_have_no_list(name):
    with pytest.raises(ValueError, match=f"^stop_words: .*english alone, not for {name.lower()}"):
        Config(stop_words=name)
    assert Config(stop_words=[name]).stop_words == name


def test_what_was_read_is_not_read_again(file):
    config = Config(stop_words="@words.txt")
    file.unlink()
    assert config.replace(lr=1.0).stop_words == config.stop_words
    assert Config.from_dict(config.to_dict()) == config
    assert words_of(Words("english"), words.STOP_WORDS) == "english"


def test_tune_prints_the_file_that_was_given(capsys, file, tmp_path):
    train = tmp_path / "train.tsv"
    train.write_text("".join(f"{y}\t{x}\n" for x, y in zip(X, Y, strict=True)))
    arguments = [
        "tune",
        train,
        "-o",
        tmp_path / "m.ftl",
        "--trials",
        1,
        "--stop-words",
        "@words.txt",
    ]
    assert main(list(map(str, arguments))) == 0
    assert "--stop-words @words.txt" in capsys.readouterr().out.splitlines()[-1]


# -- lines of a user dictionary --------------------------------------------------------------
NEVER = [
    ("云计算\t5\tn", "a tab"), ("云计算\t5", "a tab"), ("云计算 5.5", "not a whole number"),
    ("云计算 -5", "not a whole number"), ("云 计算 5", "a space"), ("云计算 5 N", "a space|whole"),
    ("云·计算 5", "jieba cuts a text at '·'"), ("云（计算） 5", "jieba cuts a text at '（'"),
    ("NLP算法 5", "write 'nlp算法'"), ("我们的 1", "frequency is too low"),
]  # fmt: skip
GOOD = [
    "云计算 5 n", "云计算", "李小福 2 nr", "easy_install 3 eng", "好用 300", "八一双鹿 3 nz",
    "台中",
    "c++ 5", "iphone手机 5", "3.5毫米 100", "iPhone 5", "★ 3", "下调存款 0",
]  # fmt: skip


def cut_alone(word, line):
    """Return whether a word is one token of the segmenter with a line more."""
    return len(segmenter_of(line).lcut(word)) == 1


@pytest.mark.parametrize("analyzer", ["jieba", "mixed"])
@pytest.mark.parametrize(("line", "why"), NEVER)
def test_a_line_that_can_never_match(said, analyzer, line, why):
    text = f"足球比赛 9\n\n{line}\n云服务器 9 n"
    remark = unmatched_lines(Config(analyzer=analyzer, user_dictionary=text))
    assert remark.name == "user_dictionary"
    start, _, reason = remark.text.partition(": ")
    assert start == f"has 1 line of 3 that can never match; the first is line 3, {line!r}"
    assert any(part in reason for part in why.split("|"))
    word = line.split("\t")[0].rsplit(" ", 1)[0].lower()
    assert not cut_alone(word, line.replace("N", "N")) or "\t" in line or " " in line
    FastTextClassifier(**SMALL, analyzer=analyzer, user_dictionary=text).fit(ZH, Y)
    assert said() == [f"user_dictionary {remark.text}"]


@pytest.mark.parametrize(("line", "why"), NEVER)
def test_it_never_does(line, why):
    """The token as it would stand in a text is not cut out, neither alone nor beside others."""
    word = {"云 计算 5": "云 计算"}.get(line, line.replace("\t", " ").split(" ")[0]).lower()
    if "low" not in why and "tab" not in why and "whole" not in why:
        for text in (word, f"我们{word}了", f"，{word}。"):
            assert word not in segmenter_of(line).lcut(text)
    plain = segmenter_of("")
    for text in (word, f"我们{word}了", f"，{word}。"):
        assert segmenter_of(line).lcut(text) == plain.lcut(text)


def test_a_usual_dictionary_says_nothing(said):
    config = Config(analyzer="jieba", user_dictionary=GOOD)
    assert unmatched_lines(config) is None
    assert unmatched_lines(config.replace(analyzer="mixed", lowercase=False)) is None
    assert unmatched_lines(config.replace(user_dictionary="\n \n")) is None
    # A line may be there to let a word of the main dictionary be cut.
    assert unmatched_lines(config.replace(user_dictionary="比赛项目 1\n存款利率 1")) is None


def test_all_lines_are_counted_and_long_ones_are_shortened():
    lines = ["云计算\t5"] * 3 + ["云" * 60 + "，9"] + ["云计算 9"]
    text = unmatched_lines(Config(analyzer="jieba", user_dictionary=lines[::-1])).text
    assert text.startswith("has 4 lines of 5 that can never match; the first is line 2, '云云")
    assert len(text) < 150


def test_lists_of_tokens_are_not_cut(said):
    X = [list(text) for text in ZH]
    FastTextClassifier(**SMALL, analyzer="jieba", user_dictionary="云计算\t5").fit(X, Y)
    assert said() == []


# -- stop words that are no tokens -----------------------------------------------------------
@pytest.mark.parametrize(
    ("analyzer", "given", "n", "first", "cut"),
    [
        ("auto", "的 我们 the 但是", 2, "但是", "但 | 是"),
        ("char", "的 the", 1, "the", "t | h | e"),
        ("auto", "don't it", 1, "don't", "don | ' | t"),
        ("jieba", "我们 、的", 1, "、的", "、 | 的"),
        ("auto", "한국 of", 1, "한국", "한 | 국"),
    ],
)
def test_a_stop_word_that_is_never_a_token(said, analyzer, given, n, first, cut):
    remark = unmatched_stop_words(Config(analyzer=analyzer, stop_words=given), given)
    assert remark.text == (
        f"has {n} of {len(given.split())} words that are never a token, such as {first!r}: the "
        f"analyzer {analyzer} makes {cut} of it"
    )
    FastTextClassifier(**SMALL, analyzer=analyzer, stop_words=given).fit(X, Y)
    assert said() == [f"stop_words {remark.text}"]


@pytest.mark.parametrize(
    ("analyzer", "given"),
    [
        ("auto", "the of The 的 了"), ("whitespace", "don't the"), ("char", "的 了 a"),
        ("jieba", "我们 但是 的 the 不外乎 -- ... ）。"), ("mixed", "我们 的 the"),
        ("auto", "english"),
        ("auto", ["the", "of"]),
    ],
)  # fmt: skip
def test_usual_stop_words_say_nothing(analyzer, given):
    assert unmatched_stop_words(Config(analyzer=analyzer, stop_words=given), given) is None


def test_an_entry_of_two_words():
    given = ["New York", "the"]
    text = unmatched_stop_words(Config(stop_words=given), given).text
    assert text.startswith("has 1 of 2 entries with a space, such as 'New York'")


# -- the module jieba ------------------------------------------------------------------------
@pytest.fixture
def module(monkeypatch):
    """The module jieba, with a tokenizer of its own."""
    jieba.setLogLevel(60)
    tokenizer = jieba.Tokenizer()
    monkeypatch.setattr(jieba, "dt", tokenizer)
    monkeypatch.setattr(jieba, "user_word_tag_tab", {})
    return tokenizer


@pytest.mark.parametrize("change", ["add_word", "load_userdict", "set_dictionary"])
def test_words_of_the_module_are_spoken_of(said, module, tmp_path, change):
    assert module_changes() == ""
    module.initialize()
    assert module_changes() == ""
    if change == "add_word":
        module.add_word("央行下调", 100000)
    elif change == "load_userdict":
        (tmp_path / "user.txt").write_text("央行下调 100000\n", "utf-8")
        with open(tmp_path / "user.txt", "rb") as file:
            module.load_userdict(file)
    else:
        (tmp_path / "dict.txt").write_text("央行下调 100000\n", "utf-8")
        module.set_dictionary(str(tmp_path / "dict.txt"))
    for _ in range(2):
        FastTextClassifier(**SMALL, analyzer="jieba").fit(ZH, Y)
    (line,) = said()
    assert line.startswith("the module jieba has ")
    assert "user_dictionary" in line
    FastTextClassifier(**SMALL, analyzer="auto").fit(ZH, Y)
    FastTextClassifier(**SMALL, analyzer="jieba", user_dictionary="央行下调").fit(ZH, Y)
    assert said() == []


def test_the_module_is_not_imported_for_it(tmp_path):
    code = (
        "import sys\n"
        "from fasttext_lite.segmenter.module import module_changes\n"
        "assert module_changes() == '' and 'jieba' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


# -- a main dictionary of one's own ----------------------------------------------------------
@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Return a dictionary of half of jieba's words, other frequencies, and some words more."""
    source = Path(jieba.__file__).with_name("dict.txt").read_text("utf-8").splitlines()
    lines = [line for i, line in enumerate(source) if i % 2 or len(line.split()[0]) == 1]
    lines += ["央行下調 3000 n", "存款利率 900", "雲計算 50 n"]
    path = tmp_path_factory.mktemp("dictionary") / "dict.txt.big"
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


SENTENCES = [
    *ZH[:4],
    "央行下調存款利率",
    "雲計算服務器",
    "他来到了网易杭研大厦",
    "小明硕士毕业于中国科学院计算所",
]


def test_a_dictionary_gives_the_tokens_of_jieba(large, module):
    module.set_dictionary(str(large))
    config = Config(analyzer="jieba", dictionary=f"@{large}")
    segmenter = segmenter_of("", config.dictionary)
    for text in SENTENCES:
        assert segmenter.lcut(text) == module.lcut(text)
    assert segmenter.lcut(SENTENCES[4]) != Segmenter.default().lcut(SENTENCES[4])
    module.add_word("杭研大厦", 9)
    both = segmenter_of("杭研大厦 9", config.dictionary)
    for text in SENTENCES:
        assert both.lcut(text) == module.lcut(text)


def test_a_model_keeps_its_dictionary(train_cli, said, capsys, large, tmp_path):
    texts = [SENTENCES[i % 6] for i in range(len(X))]
    flags = ("--analyzer", "jieba", "--dictionary", f"@{large}", "--epochs", 1)
    assert train_cli(*flags, texts=texts) == (0, "")
    size = (tmp_path / "m.ftl").stat().st_size
    assert size < large.stat().st_size
    here = load_model(tmp_path / "m.ftl")
    assert "央行下調".encode() in here.space.words()
    (tmp_path / "texts.txt").write_text("\n".join(SENTENCES) + "\n", "utf-8")
    command = [sys.executable, "-m", "fasttext_lite", "predict", str(tmp_path / "m.ftl"),
               str(tmp_path / "texts.txt"), "--prob"]  # fmt: skip
    there = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    capsys.readouterr()
    main(command[3:])
    assert capsys.readouterr().out == there
    assert main(["info", str(tmp_path / "m.ftl")]) == 0
    shown = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert shown["dictionary"].endswith("words in place of jieba's")
    by_hand = FastTextClassifier(**SMALL, analyzer="jieba", dictionary=large).fit(texts, Y)
    assert by_hand.model_.config.dictionary == here.config.dictionary
    assert said() == []


@pytest.mark.parametrize(
    ("text", "message"),
    [("云计算\n", "dictionary:1: expected a word and its frequency"),
     ("云 5\n云计算 5.5\n", "dictionary:2: expected a frequency"),
     ("云 0\n", "add up to 0")],
)  # fmt: skip
def test_a_bad_dictionary_is_refused(train_cli, tmp_path, text, message):
    path = tmp_path / "dict.txt"
    path.write_text(text, "utf-8")
    with pytest.raises(ValueError, match=message):
        FastTextClassifier(**SMALL, analyzer="jieba", dictionary=path).fit(ZH, Y)
    code, err = train_cli("--analyzer", "jieba", "--dictionary", f"@{path}", texts=ZH)
    assert (code, err.count("\n")) == (2, 1)
    assert message in err


def test_dictionaries_are_packed_once_and_checked(large):
    config = Config(analyzer="jieba", dictionary=large)
    assert config.dictionary.startswith(words.PACKED)
    assert config == Config(analyzer="jieba", dictionary=large.read_text("utf-8"))
    assert config == Config(analyzer="jieba", dictionary=large.read_text("utf-8").splitlines())
    assert config.replace(lr=1.0).dictionary == config.dictionary
    assert Config.from_dict(config.to_dict()) == config
    assert unpacked(config.dictionary).count(b"\n") == len(large.read_text("utf-8").splitlines())
    for damaged in (config.dictionary[:-9], words.PACKED + "???", "云 5", "packed:"):
        with pytest.raises(ValueError, match="the dictionary is damaged"):
            Config.from_dict({**config.to_dict(), "dictionary": damaged})


def test_a_dictionary_goes_with_analyzers_that_segment():
    with pytest.raises(ValueError, match="^dictionary goes with the analyzers jieba and mixed"):
        Config(dictionary="云 5\n计 3")


# -- pretrained vectors ----------------------------------------------------------------------
def vectors(tmp_path, text, name="v.vec"):
    path = tmp_path / name
    data = text.encode()
    path.write_bytes(gzip.compress(data) if name.endswith("z") else data)
    return path


GOOD_VEC = "3 2\nred 1 2\nApples 3 4\nnot 5 6\n"


@pytest.mark.parametrize("text", [
    GOOD_VEC, GOOD_VEC.replace(" ", "\t"), GOOD_VEC.replace(" ", "\t", 2), "\ufeff" + GOOD_VEC,
    GOOD_VEC.replace("\n", "\r\n"), GOOD_VEC.replace("\n", " \n"), GOOD_VEC.replace(" ", "  "),
    GOOD_VEC + "\n\n", GOOD_VEC.rstrip("\n"),
])  # fmt: skip
@pytest.mark.parametrize("name", ["v.vec", "v.gz", "vectors_z"])
def test_vectors_that_are_found_are_counted(train_cli, said, capsys, tmp_path, text, name):
    path = vectors(tmp_path, text, name)
    history = FastTextClassifier(**SMALL, pretrained_vectors=path).fit(X, Y).history_
    assert history.vectors == (2, 6)
    assert said() == []
    train_cli()
    file, model = str(tmp_path / "train.tsv"), str(tmp_path / "m.ftl")
    assert main(["train", file, "-o", model, "--pretrained-vectors", str(path)]) == 0
    line = f"{path}: 2 of 6 words of the texts have a vector, 1 word added\n"
    assert line in capsys.readouterr().out
    assert main(["train", file, "-o", model, "-q", "--pretrained-vectors", str(path)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("text", "settings", "texts", "why"),
    [
        ("1 2\nGoalX 1 2\n", {}, X, "of the same language"),
        ("1 2\nRED 1 2\n", {"lowercase": False}, X, "differ in case"),
        ("1 2\n/c/en/red 1 2\n", {}, X, "have a prefix"),
        ("1 2\n央行 1 2\n", {}, ZH, "cut into characters"),
        ("0 2\n", {}, X, "there are none"),
    ],
)
def test_no_word_with_a_vector_is_a_warning(said, tmp_path, text, settings, texts, why):
    path = vectors(tmp_path, text)
    estimator = FastTextClassifier(**SMALL, **settings, pretrained_vectors=path).fit(texts, Y)
    assert estimator.history_.vectors[0] == 0
    (line,) = said()
    assert line.startswith(f"{path}: no word of the texts has a vector")
    assert why in line


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("900000 2\nred 1 2\nnot 1 2\n", ": cut off: line 1 states 900,000 words, it has 2"),
        ("2 2\nred 1 2\nnot 1", ":3: not a word and 2 numbers"),
        ("1 2\nred 1 two\n", ":2: not a word and 2 numbers"),
        ("red 1 2\nnot 1 2\n", ":1: not a file of vectors"),
    ],
)
@pytest.mark.parametrize("name", ["v.vec", "v.gz"])
def test_damaged_vectors_are_an_error(tmp_path, text, message, name):
    from fasttext_lite.compat.files.vec import read_vec

    path = vectors(tmp_path, text, name)
    with pytest.raises(ValueError) as error:
        FastTextClassifier(**SMALL, pretrained_vectors=path).fit(X, Y)
    assert str(error.value).startswith(f"{path}{message}")
    with pytest.raises(ValueError) as error:
        read_vec(path)
    assert str(error.value).startswith(f"{path}{message}")


def test_more_vectors_than_stated_are_read_and_said(said, tmp_path):
    path = vectors(tmp_path, "1 2\nnot 1 2\nred 1 2\n")
    assert FastTextClassifier(**SMALL, pretrained_vectors=path).fit(X, Y).history_.vectors == (1, 6)
    assert said() == [f"{path}: line 1 states 1 words, it has 2: all are read"]


def test_vectors_do_not_come_from_standard_input(tmp_path):
    with pytest.raises(ValueError, match="cannot be read from standard input"):
        FastTextClassifier(**SMALL, pretrained_vectors="-").fit(X, Y)


def test_given_is_what_differs_from_the_default():
    defaults = Config().to_dict()
    assert not_default(defaults) == {}
    assert not_default({**defaults, "neg": np.int64(5), "lr": None}) == {}
    assert not_default({**defaults, "neg": 6, "stop_words": ["a"]}) == {
        "neg": 6, "stop_words": ["a"],
    }  # fmt: skip


@pytest.mark.parametrize("content", ["", "\n \n", "\ufeff"])
def test_an_empty_dictionary_is_refused(tmp_path, content):
    path = tmp_path / "empty.txt"
    path.write_text(content, "utf-8")
    for given in (f"@{path}", path):
        with pytest.raises(ValueError, match="empty.txt: the dictionary is empty"):
            Config(analyzer="jieba", dictionary=given)
