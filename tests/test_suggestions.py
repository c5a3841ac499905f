"""A wrong guess is answered in one line: the nearest name, or ours for one from elsewhere."""

import inspect
import subprocess
import sys
from encodings.aliases import aliases

import pytest
from sklearn.model_selection import GridSearchCV

from fasttext_lite import (
    Config,
    FastTextClassifier,
    FastTextEnsemble,
    FastTextTransformer,
    FastTextTuner,
    compat,
)
from fasttext_lite.cli import app
from fasttext_lite.cli.arguments import flag_of
from fasttext_lite.compat.files.arguments import BY_FLAG
from fasttext_lite.config.fields import field_type
from fasttext_lite.config.foreign import FLAG, FOREIGN, KEYWORD, _key, advice
from fasttext_lite.corpus.formats import AUTO, FORMATS
from fasttext_lite.estimators.parameters import _SHARED, SETTINGS
from fasttext_lite.model.run import BALANCED
from fasttext_lite.tuning.metrics import METRICS

X, Y = ["red apples", "fast cars"] * 5, ["fruit", "cars"] * 5
# Of each command line of ours: what its one line must name.
FLAGS = {
    "train x --epoch 3": "--epochs",
    "train x --learning-rate 1": "--lr",
    "train x --min_count 3": "--min-count",
    "train x --wordngrams 2": "--word-ngrams",
    "train x --wordNgrams=2": "--word-ngrams",
    "train x --ngrams 2": "--word-ngrams",
    "train x --ngram-range 2": "--word-ngrams 2 for (1, 2)",
    "train x --thread 2": "--threads",
    "train x --n-jobs 2": "--threads",
    "train x --num-threads 2": "--threads",
    "train x --random-state 1": "--seed",
    "train x --class-weights balanced": "--class-weight",
    "train x --batch-size 32": "there are no batches",
    "train x --early-stopping": "--patience",
    "train x --verbose": "--quiet",
    "train x -v": "no flag -v",
    "train x --max-iter 9": "--epochs",
    "train x --C 9": "--l2",
    "train x --alpha 9": "--l2",
    "train x --embedding-dim 9": "--dim",
    "train x --dropout 0.1": "--feature-dropout",
    "train x --validation x": "--valid",
    "train x --optimiser adam": "--optimizer",
    "train x --stopwords @x": "--stop-words",
    "train x --lossfunction hs": "no flag --lossfunction",
    "train x --out m": "--output",
    "train x -output m": "did you mean --output?",
    "train x -out m": "-out is read as -o ut",
    "train x -epoch 5 -lr 0.5": "--epochs",
    "train x -lr 0.5": "did you mean --lr?",
    "train -i x": "files are named without a flag",
    "train --input x": "`fasttext-lite supervised` takes fastText's flags",
    "train x --shuffle no": "--no-shuffle is its contrary",
    "train x --scoring acc": "no flag --scoring",
    "train x --prob": "predict has it",
    "predict m --proba": "--prob",
    "predict m --valid x": "train, teach and tune have it",
    "predict m --quiet": "train, teach, tune, quantize, report, filter and serve have it",
    "predict m --top-k 3": "top_k is -k here",
    "predict m --topk 3": "k is -k here",
    "test m x --n-best 3": "n_best is -k here",
    "predict m --k 3": "did you mean -k?",
    "train x --sep tab": "sep of pandas is --delimiter here",
    "predict m --separator ,": "separator is --delimiter here",
    "train x --header 0": "there is --columns, for a file whose first line has no names: "
    "--columns label,text",
    "train x --autotune-duration 60": "autotune-duration of fastText is --time: tune has it",
    "train x --autotune-metric f1": "autotune-metric of fastText is --metric: tune has it",
    "train x --autotune-modelsize 2M": "is --model-size: tune has it",
    "train x --autotune-validation v": "is --valid here, of the command tune",
    "train x --max-len 9": "texts are not cut",
    "train x --maxlen 9": "texts are not cut",
    "train x --max-length 9": "texts are not cut",
    "predict m --max-seq-length 9": "texts are not cut",
    "train x --test t": "`fasttext-lite test MODEL FILE` measures a model",
    "tune x --test-file t": "`fasttext-lite test MODEL FILE` measures a model",
    "train x --pretrained v": "--pretrained-vectors",
    "train x --lrate 1": "lrate is --lr here",
    "train x --device cpu": "it runs on the processor",
    "predict m --gpu": "it runs on the processor",
    "train x --cuda": "it runs on the processor",
    "predict m --epoch 3": "epoch of fastText is --epochs: train, teach, tune and quantize have it",
    "predict m --treshold 0.5": "--threshold",
    "predict m --verbose": "no flag --verbose",
    "predict m -output out": "did you mean --output?",
    "test m x -o out": "> FILE",
    "info m -o out": "> FILE",
    "embed m x --out out": "> FILE",
    "convert m.ftl -o m.bin": "no flag -o: OUT stands without one: fasttext-lite convert MODEL OUT",
    "convert m.ftl --output m.bin": "no flag --output: OUT stands without one",
    "datasets fetch x -o out": "no flag -o: there is --data-home, the folder of the sets",
    "demo -o out": "--output",
    "test m x --perlabel": "--per-label",
    "test m x --classification-report": "--per-label",
    "test m x --confusion-matrix c.png": "--confusion",
    "quantize m --epoch 3": "--epochs",
    "tune x --duration 60": "--time",
    "tune x --autotune-duration 60": "--time",
    "tune x --autotune-modelsize 2M": "--model-size",
    "tune x --n-trials 5": "--trials",
    "tune x --scoring f1": "--metric",
    "datasets list --jsn": "--json",
    "--train x": "train is a command, without dashes",
}
COMMANDS = {
    "evaluate": "test",
    "eval": "test",
    "score": "test",
    "supervized": "supervised",
    "fit": "train",
    "trian": "train",
    "classify": "predict",
    "predict_prob": "predict-prob",
    "predict_proba": "predict-prob",
    "transform": "embed",
    "compress": "quantize",
    "autotune": "tune",
    "download": "datasets",
    "datasets download": "fetch",
    "skip-gram": "skipgram",
}
CHOICES = {
    "--loss crossentropy": "crossentropy is softmax here",
    "--loss log_loss": "log_loss of scikit-learn is softmax here",
    "--loss one-vs-all": "one-vs-all of fastText is ova here",
    "--loss Softmax": "did you mean softmax?",
    "--optimizer Adam": "did you mean adam?",
    "--analyzer word": "word of scikit-learn is auto here",
    "--analyzer jeiba": "did you mean jieba?",
    "--optimizer adma": "did you mean adam?",
    "--optimizer adamaxx": "did you mean adamax?",
    "--loss hierarchical": "hierarchical is hs here",
    "--loss hierarchical_softmax": "is hs here",
    "--loss sigmoid": "sigmoid is ova here",
    "--loss binary_crossentropy": "is ova here",
    "--analyzer words": "words is auto here",
    "--schedule cosine_annealing": "cosine_annealing is cosine here",
    "--class-weight auto": "auto is balanced here",
    "--format json": "json of pandas is jsonl here",
    "--class-weight balance": "did you mean balanced?",
    "--schedule Linear": "did you mean linear?",
}
KEYWORDS = {
    "epoch": "epochs",
    "n_epochs": "epochs",
    "max_iter": "epochs",
    "learning_rate": "lr",
    "wordNgrams": "word_ngrams",
    "ngram_range": "word_ngrams=2 for (1, 2)",
    "minCount": "min_count",
    "seed": "random_state",
    "thread": "n_jobs",
    "n_threads": "n_jobs",
    "pretrainedVectors": "pretrained_vectors",
    "tokenizer": "analyzer",
    "use_idf": "pooling='blocks'",
    "C": "l2",
    "early_stopping": "patience=3",
    "n_iter_no_change": "patience",
    "validation_fraction": "valid_fraction",
    "hidden_layer_sizes": "units=64",
    "verbos": "verbose",
    "batch_size": "no batches",
    "input": "given to fit",
    "multilabel": "lists of labels as y",
    "device": "runs on the processor",
    "max_len": "texts are not cut",
}
FASTTEXT_FLAGS = {
    "-epochs 3": "-epoch?",
    "--epoch 3": "-epoch?",
    "-wordngrams 2": "-wordNgrams?",
    "-lr 0.5 -ngrams 2": "-wordNgrams",
    "-ngram_range 2": "-wordNgrams 2 for (1, 2)",
    "-learning_rate 1": "-lr",
    "-threads 2": "-thread?",
    "-n_jobs 2": "-thread",
    "-random_state 2": "-seed",
    "-min_count 2": "-minCount?",
    "-autotuneDuration 3": "-autotune-duration?",
    "-valid x": "-autotune-validation?",
    "-o x": "-output",
    "epoch 3": "did you mean -epoch?",
}
FASTTEXT_KEYWORDS = {
    "epochs": "epoch?",
    "ngrams": "wordNgrams",
    "learning_rate": "lr",
    "n_jobs": "thread",
    "autotune_duration": "autotuneDuration?",
    "random_state": "seed",
}
NOTHING_NEAR = ("foo", "tpu", "driver", "xyz", "fp16", "a", "gradient", "zzz_top")


def refused(capsys, line: str) -> str:
    """Return the one line that a command line is refused with."""
    with pytest.raises(SystemExit) as caught:
        raise SystemExit(app.main(line.split()))
    out, err = capsys.readouterr()
    assert (caught.value.code, out, err.count("\n")) == (2, "", 1), err
    return err


@pytest.mark.parametrize("line", FLAGS)
def test_a_wrong_flag(capsys, line):
    said = refused(capsys, line)
    assert FLAGS[line] in said
    command = " ".join(
        word for word in line.split()[:2] if word in ("list", "fetch", *app.COMMANDS)
    )
    assert said.endswith(f"(see {f'fasttext-lite {command}'.strip()} --help)\n")


@pytest.mark.parametrize("line", COMMANDS)
def test_a_wrong_command(capsys, line):
    said = refused(capsys, line)
    assert f"no {'action' if ' ' in line else 'command'} {line.split()[-1]}: " in said
    assert f" {COMMANDS[line]}" in said.partition(": no ")[2].partition("(see")[0]


@pytest.mark.parametrize("line", CHOICES)
def test_a_wrong_choice(capsys, line):
    said = refused(capsys, f"train x {line}")
    assert CHOICES[line] in said and "must be one of" in said


NUMBERS = [field.name for field in SETTINGS.values() if field_type(field.name)[0] in (int, float)]


@pytest.mark.parametrize("given", ["auto", "1-3", "1,5", "two", ""])
@pytest.mark.parametrize("name", NUMBERS)
def test_what_is_no_number_is_told_the_rule(capsys, name, given):
    with pytest.raises(ValueError) as ours:
        Config(**{name: given})
    assert app.main(["train", "x", flag_of(name), given]) == 2
    assert capsys.readouterr().err == f"fasttext-lite: {ours.value}\n"
    assert str(ours.value).startswith(f"{name} must be a ")


@pytest.mark.parametrize("name", [name for name in NUMBERS if field_type(name)[0] is int])
def test_half_a_whole_number_is_told_the_rule(capsys, name):
    said = refused(capsys, f"train x {flag_of(name)} 2.5")
    assert f"fasttext-lite: {name} must be a whole number " in said and "got 2.5" in said


@pytest.mark.parametrize(
    "name, nearest",
    [("utf8-sig", "utf-8-sig"), ("ansi", "cp1252"), ("latin_one", ""), ("utf-9", "utf-"),
     ("shiftjis2", "shift_jis")],
)  # fmt: skip
def test_a_wrong_encoding(capsys, name, nearest):
    said = refused(capsys, f"train x --encoding {name}")
    assert f"got '{name}'" in said and nearest in said.partition("got ")[2]


@pytest.mark.parametrize("name", KEYWORDS)
@pytest.mark.parametrize("cls", [FastTextClassifier, FastTextEnsemble, FastTextTransformer])
def test_a_wrong_keyword(cls, name):
    with pytest.raises(TypeError, match=f"{cls.__name__}.*'{name}'") as caught:
        cls(**{name: 1})
    assert KEYWORDS[name] in str(caught.value).partition(": ")[2]
    with pytest.raises(
        ValueError, match=f"invalid parameter '{name}' for {cls.__name__}: "
    ) as set_:
        cls().set_params(**{name: 1})
    assert KEYWORDS[name] in str(set_.value)


@pytest.mark.parametrize("name", [name for name in KEYWORDS if KEYWORDS[name] in SETTINGS])
def test_a_wrong_keyword_of_settings(name):
    for make in (Config, Config().replace):
        with pytest.raises(TypeError, match=f"'{name}': .*{KEYWORDS[name]}"):
            make(**{name: 1})


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: FastTextTuner(epochs=3), "held fixed by params"),
        (lambda: FastTextTuner(epoch=3), "epochs here .held fixed by params"),
        (lambda: FastTextTuner(n_iter=3), "n_trials"),
        (lambda: FastTextTuner(time_limit=3), "time here"),
        (lambda: FastTextTuner().fit(X, Y, validation_data=(X, Y)), "X_valid"),
        (lambda: FastTextClassifier().fit(X, Y, eval_set=(X, Y)), "validation_data .*pair"),
        (lambda: FastTextClassifier().fit(X, Y, X_val=X), "validation_data"),
        (lambda: FastTextClassifier().fit(X, Y, epochs=3), "given to the constructor"),
        (lambda: FastTextClassifier().fit(X, Y, sample_weights=3), "sample_weight"),
        (lambda: FastTextClassifier().partial_fit(X, Y, clases=Y), "classes"),
        (lambda: FastTextTransformer().fit(X, Y, weights=3), "sample_weight"),
        (lambda: FastTextEnsemble(n_estimators=3), "n_members"),
    ],
)
def test_a_wrong_argument(call, says):
    with pytest.raises(TypeError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def classifier():
    return FastTextClassifier(epochs=1, recipe="fixed", dim=4).fit(X, Y)


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda c: c.predict(X, k=2), "predict.. got .* 'k': model_.predict.X, k=2, "),
        (lambda c: c.predict(X, top_k=2), "predict.. got .* 'top_k': model_.predict.X, k=2, "),
        (lambda c: c.predict_proba(X, threshold=0.5), "predict_proba.. got .* 'threshold': model_"),
        (lambda c: c.predict(X, foo=1), "predict.. got an unexpected keyword argument 'foo'$"),
        (lambda c: c.model_.predict_one("a", top_k=3), "Model.predict_one.. got .*k here"),
        (lambda c: c.model_.predict_one("a", treshold=3), "did you mean threshold"),
        (lambda c: c.model_.predict(X, topk=3), "Model.predict.. got .*k here"),
        (lambda c: c.model_.predict(X, n_jobs=3), "Model.predict.. got an unexpected"),
    ],
)
def test_a_wrong_keyword_of_a_prediction(classifier, call, says):
    with pytest.raises(TypeError, match=says) as caught:
        call(classifier)
    assert "\n" not in str(caught.value)


def test_what_the_hint_says_works(classifier):
    rows = classifier.model_.predict(X, k=2, threshold=0.1).rows()
    assert len(rows) == len(X) and {label for label, _ in rows[0]} <= set(Y)


@pytest.mark.parametrize(
    "name, says",
    [
        ("save_model", "save_model of fastText is save here"),
        ("to_disk", "to_disk is save here"),
        ("train", "fit here"),
        ("evaluate", "evaluate is score here"),
        ("predict_one", "predict.\\[text\\]. takes one"),
        ("embed", "FastTextTransformer"),
        ("nothing_such", "no attribute 'nothing_such'$"),
        ("model_", "no attribute 'model_'$"),
    ],
)
@pytest.mark.parametrize("cls", [FastTextClassifier, FastTextEnsemble, FastTextTuner])
def test_a_wrong_method(cls, name, says):
    with pytest.raises(AttributeError, match=f"{cls.__name__}.*{says}") as caught:
        getattr(cls(), name)
    assert caught.value.name == name and not hasattr(cls(), name)


def test_a_method_that_only_some_have():
    with pytest.raises(AttributeError, match="load_model of fastText is load here"):
        FastTextClassifier().load_model  # noqa: B018 - the name alone is looked up
    with pytest.raises(AttributeError, match="no attribute 'load_model'$"):
        FastTextTuner().load_model  # noqa: B018


@pytest.mark.parametrize(
    "call, says",
    [
        (lambda: FastTextTuner().set_params(duration=3), "duration is time here"),
        (lambda: FastTextTuner(FastTextClassifier()).set_params(estimator__epoch=3), "epochs"),
        (lambda: FastTextTuner().set_params(estimator__epochs=3), "estimator is None"),
        (lambda: FastTextTuner(params={"epoch": 3}).fit(X, Y), "epochs"),
        (lambda: GridSearchCV(FastTextClassifier(), {"epoch": [3]}).fit(X, Y), "epochs"),
        (lambda: FastTextClassifier(loss="log_loss").fit(X, Y), "softmax here"),
        (lambda: FastTextClassifier(optimizer="Adam").fit(X, Y), "did you mean adam"),
        (lambda: FastTextEnsemble(method="bags").fit(X, Y), "must be one of"),
        (lambda: FastTextTuner(metric="f1_macro").fit(X, Y), "is macro-f1 here"),
    ],
)
def test_a_wrong_value(call, says):
    with pytest.raises(ValueError, match=says) as caught:
        call()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("line", FASTTEXT_FLAGS)
def test_a_wrong_flag_of_fasttext(capsys, line):
    said = refused(capsys, f"supervised -input x -output y {line}")
    assert FASTTEXT_FLAGS[line] in said and "see fasttext-lite supervised --help" in said


@pytest.mark.parametrize("name", FASTTEXT_KEYWORDS)
def test_a_wrong_keyword_of_fasttext(name):
    with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}': ") as caught:
        compat.train_supervised("x", **{name: 1})
    assert FASTTEXT_KEYWORDS[name] in str(caught.value)


@pytest.mark.parametrize("name", NOTHING_NEAR)
def test_nothing_is_suggested_where_nothing_is_near(capsys, name):
    assert f"no flag --{name} (see" in refused(capsys, f"train x --{name} 3")
    assert f"no command {name} (see" in refused(capsys, name)
    assert f"unknown argument: -{name} (see" in refused(capsys, f"supervised -{name} 3")
    assert f"got '{name}' (see" in refused(capsys, f"train x --loss {name}")
    for call in (FastTextClassifier, FastTextTuner, Config, compat.train_supervised):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'$"):
            call(**{name: 1})


def test_a_word_from_elsewhere_is_not_taken_for_one_that_is_spelt_alike():
    assert advice("thread", ["head"]) == ""
    assert advice("n_estimators", ["estimator"]) == ""
    assert advice("heat", ["head"]) == ": did you mean head?"


# -- the table -------------------------------------------------------------------------------
def known_names() -> dict[str, set[str]]:
    """Return all names of ours, by what they are a name of."""
    parser = app.make_parser()
    commands = parser._subparsers._group_actions[0].choices
    actions = commands["datasets"]._subparsers._group_actions[0].choices
    flags = {
        flag.strip("-").replace("-", "_")
        for sub in (*commands.values(), *actions.values())
        for flag in sub._option_string_actions
    }
    arguments = {
        name
        for cls in (FastTextClassifier, FastTextEnsemble, FastTextTransformer, FastTextTuner)
        for call in (cls, cls.fit)
        for name in inspect.signature(call).parameters
    }
    choices = {
        name: set(field.metadata["choices"])
        for name, field in SETTINGS.items()
        if field.metadata["choices"]
    }
    return {
        "": flags | arguments | set(_SHARED),
        "command": set(parser.other_commands),
        "action": set(actions),
        "format": {AUTO, *FORMATS},
        "metric": set(METRICS),
        "class_weight": {BALANCED},
        "encoding": set(aliases.values()),
        "predict": set(),
        "method": set(dir(FastTextClassifier)),
        **choices,
    }


def test_all_names_of_the_table_are_real():
    known = known_names()
    for record in FOREIGN:
        assert record.ours or record.hint, record
        assert set(record.ours.split()) <= known[record.of], record


def test_fasttexts_names_are_fasttexts():
    theirs = {_key(flag) for flag in BY_FLAG} | {"autotunevalidationfile"}
    for record in FOREIGN:
        if record.origin == "fastText" and not record.of:
            assert {_key(name) for name in record.names.split()} <= theirs, record


def test_each_record_is_found():
    for record in FOREIGN:
        place = FLAG if record.place == "flag" else KEYWORD
        ours = record.ours.split()[:1]
        for name in record.names.split():
            said = advice(name, ours, place, record.of)
            assert said, (record, name)
            assert not ours or place.write(ours[0]) in said or "there is" in said


def test_the_answer_comes_before_heavy_imports():
    code = (
        "import sys\nfrom fasttext_lite.cli.app import main\n"
        "try: main(sys.argv[1:])\n"
        "except SystemExit as done: print(done.code)\n"
        "print(*[name for name in ('numpy', 'numba', 'sklearn') if name in sys.modules])"
    )
    for line in ("train x --epoch 3", "predict m --valid x", "evaluate", "supervised -epochs 3"):
        done = subprocess.run(
            [sys.executable, "-c", code, *line.split()], capture_output=True, text=True, check=True
        )
        assert done.stdout.split() == ["2"] or done.stdout == "\n", (line, done)
