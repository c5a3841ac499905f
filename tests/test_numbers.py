"""Numbers that are none: in models, in files of vectors, in sums; and messages of any length."""

import dataclasses
import math
import pickle
import random
import re
import struct
import subprocess
import sys

import numpy as np
import pytest

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTransformer, FastTextTuner
from fasttext_lite.cli.app import main
from fasttext_lite.compat.convert import from_fasttext, read_fasttext
from fasttext_lite.compat.files import binary, vec
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.autotune import parse_size as parse_model_size
from fasttext_lite.config.fields import Config
from fasttext_lite.config.sizes import parse_size
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import (
    MOST_SHOWN,
    InputError,
    ModelError,
    NotFiniteError,
    SettingError,
    TrainingError,
    UsageError,
    bounded,
)
from fasttext_lite.fitting.vector_files import vec_blocks, vec_dim
from fasttext_lite.model.quantization import ProductQuantizer, QuantizedMatrix

DIM, N_WORDS, N_LABELS = 4, 4, 3
BAD = [math.nan, math.inf, -math.inf]
WORDS = [b"</s>", "中".encode(), b"a", b"b"]


def tables(loss="softmax"):
    rng = np.random.default_rng(3)
    rows, output = rng.normal(size=(N_WORDS, DIM)), rng.normal(size=(N_LABELS, DIM))
    return rows.astype(np.float32), output.astype(np.float32)


def make(rows=None, output=None, counts=(8, 6, 2), **settings):
    """Return a model of fastText with some numbers in its tables."""
    own_rows, own_output = tables()
    args = Args.supervised(**{"dim": DIM, "bucket": 0, **settings})
    names = WORDS + [b"__label__x", b"__label__y", b"__label__z"]
    dictionary = Dictionary.of_words(args, names, [9, 5, 4, 1, *counts], N_WORDS, 35)
    return FastTextModel(
        ModelParts(
            args, dictionary, DenseTable.of(own_rows if rows is None else rows),
            DenseTable.of(own_output if output is None else output),
        )
    )  # fmt: skip


def with_number(table, value, place=(2, 1)):
    table = table.copy()
    table[place] = value
    return table


def saved(model, path):
    """Write a model whose numbers the writer would refuse."""
    good = make(**{k: getattr(model.args, k) for k in ("loss",)})
    data = bytearray(binary.to_bytes(good.parts))
    for old, new in ((good.input, model.input), (good.output, model.output)):
        at = bytes(data).index(old.data.tobytes())
        data[at : at + new.data.size] = new.data.tobytes()
    path.write_bytes(data)
    return path


# -- fastText's files ------------------------------------------------------------------------
@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("which", ["input", "output"])
def test_a_small_table_is_looked_through_when_it_is_read(tmp_path, capsys, which, value):
    rows, output = tables()
    bad = {"rows": with_number(rows, value)} if which == "input" else {
        "output": with_number(output, value)
    }  # fmt: skip
    path = saved(make(**bad), tmp_path / "m.bin")
    with pytest.raises(ModelError, match=f"^{path}: the model file is damaged: a table holds"):
        FastTextModel.load(path)
    for words in (["predict", "--prob"], ["convert"], ["info"]):
        out = [str(tmp_path / "out.ftl")] if words[0] == "convert" else []
        assert main([words[0], str(path), *out, *words[1:]]) == 2
        assert "not finite" in capsys.readouterr().err
    assert not (tmp_path / "out.ftl").exists()


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("which", ["rows", "norms", "output"])
def test_codebooks_are_looked_through(tmp_path, which, value):
    rng = np.random.default_rng(0)

    def quantized(n_rows, is_bad, has_norms=False):
        numbers = rng.random(DIM * 256).astype(np.float32)
        norms = rng.random(256).astype(np.float32)
        if is_bad:
            (norms if which == "norms" else numbers)[7] = value
        codes = np.full((n_rows, 2), 9, np.uint8)
        quantizer = ProductQuantizer(DIM, 2, 2, 2, numbers)
        if not has_norms:
            return QuantizedMatrix(codes, quantizer)
        return QuantizedMatrix(codes, quantizer, codes[:, 0], ProductQuantizer(1, 1, 1, 1, norms))

    model = make()
    model.args.qout = True
    parts = ModelParts(
        model.args, model.dictionary, quantized(N_WORDS, which != "output", True),
        quantized(N_LABELS, which == "output"),
    )  # fmt: skip
    path = tmp_path / "m.ftz"
    path.write_bytes(binary.to_bytes(parts))
    with pytest.raises(ModelError, match="a quantiser holds numbers that are not finite"):
        FastTextModel.load(path)


def test_numbers_of_the_header_and_of_words(tmp_path):
    data = binary.to_bytes(make().parts)
    for value in BAD:
        bad = bytearray(data)
        bad[8 + 48 : 8 + 56] = struct.pack("<d", value)
        with pytest.raises(ModelError, match=r"damaged: its threshold of sampling \(t\) is"):
            binary.parse(as_array(bytes(bad)), "m.bin")
    for counts in ((-1, 6, 2), (2**62, 2**62, 2**62)):
        bad = make(counts=counts).parts
        with pytest.raises(ModelError, match="counted below 0, or too often"):
            binary.parse(as_array(binary.to_bytes(bad)), "m.bin")


LOSSES = ["softmax", "hs", "ova", "ns"]
TEXT = "a b 中"
HUGE = 3e38


def asks(model):
    """Return all ways to ask a classifier of fastText something."""
    data = as_array(f"{TEXT}\n".encode())
    starts = np.array([0, data.size])
    return {
        "one": lambda: model.predict_text(TEXT),
        "all labels": lambda: model.predict_text(TEXT, -1),
        "threshold": lambda: model.predict_text(TEXT, 2, 0.9),
        "lines": lambda: model.predict(data, starts, 2),
        "batch": lambda: model.predict_documents(data, starts, -1),
        "loose": lambda: model.predict_documents(data, starts, -1, exact=False),
        "scores": lambda: model.label_scores(data, starts, [0, 2]),
        "loose scores": lambda: model.label_scores(data, starts, [0, 2], exact=False),
    }


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("value", [*BAD, HUGE])
def test_no_way_to_ask_returns_a_number_that_is_none(loss, value):
    rows, output = tables()
    cases = [
        # NaN or a sum that overflows: of the rows, of the products, of two infinities.
        make(with_number(rows, value), loss=loss),
        make(rows, with_number(output, value, (0, 0)), loss=loss),
        make(np.full_like(rows, HUGE), loss=loss),
        make(
            np.full_like(rows, HUGE / 8), np.array([[HUGE, -HUGE] * 2] * 3, np.float32), loss=loss
        ),
        make(np.full_like(rows, 1e30), np.full_like(output, 1e30), loss=loss),
    ]
    n_refused = 0
    for model in cases:
        for name, ask in asks(model).items():
            try:
                found = ask()
            except NotFiniteError as error:
                assert str(error).startswith("Encountered NaN.")  # as fastText says it
                n_refused += 1
                continue
            numbers = found[1] if isinstance(found, tuple) else getattr(found, "scores", found)
            assert np.isfinite(numbers).all(), name
            assert numbers.min(initial=0) >= 0 and numbers.max(initial=0) <= 1.0001, name
    assert n_refused >= (12 if math.isfinite(value) else 24)


@pytest.mark.parametrize("value", [*BAD, HUGE])
def test_vectors_are_finite_or_refused(value):
    rows, _ = tables()
    bad = np.full_like(rows, HUGE) if value == HUGE else with_number(rows, value)
    # Of a huge vector the numbers are finite, its length is not.
    classifier, vectors = make(bad), make(bad, tables()[0], model="sg", loss="ns")
    data = as_array(f"{TEXT}\n".encode())
    refused = [
        lambda: classifier.embed(data, np.array([0, data.size])),
        lambda: classifier.sentence_vector(TEXT),
        lambda: vectors.sentence_vector(TEXT),
        lambda: vectors.neighbors("b", 2),
        lambda: vectors.analogies("a", "b", "中", 2),
    ]
    if value != HUGE:
        refused += [
            lambda: vectors.word_vector("a"),
            lambda: vectors.word_vectors(["b", "a"]),
            lambda: vectors.rows([2]),
            lambda: vectors.input_matrix(),
            lambda: binary.to_bytes(vectors.parts),
        ]
    for ask in refused:
        with pytest.raises(NotFiniteError, match="not finite"):
            ask()
    if value != HUGE:
        assert np.isfinite(vectors.word_vector("b")).all()


def test_convert_refuses_what_could_not_predict(tmp_path, capsys):
    rows, output = tables()
    for model, says in (
        (make(np.full_like(rows, HUGE)), "sums of them are not finite"),
        (make(np.full_like(rows, 1e20), np.full_like(output, 1e20)), "sums of them are not finite"),
        (make(counts=(0, 0, 0)), "none of its labels was counted"),
    ):
        with pytest.raises(ModelError, match=says):
            from_fasttext(model)
        path = tmp_path / "m.bin"
        path.write_bytes(binary.to_bytes(model.parts))
        with pytest.raises(ModelError, match=f"^{re.escape(str(path))}: .*{says}"):
            read_fasttext(path)
        assert main(["convert", str(path), str(tmp_path / "out.ftl")]) == 2
        assert says in capsys.readouterr().err
        assert not (tmp_path / "out.ftl").exists()
    assert from_fasttext(make(rows * np.float32(1e3))).predict_one("a b")


# -- our models ------------------------------------------------------------------------------
TEXTS = ["a b c", "d e f", "a c g", "d f h"] * 4
LABELS = ["x", "y", "x", "y"] * 4


@pytest.fixture(scope="module")
def trained():
    common = {
        "epochs": 1,
        "bucket": 64,
        "recipe": "fixed",
        "dim": 4,
        "head": "learned",
        "n_jobs": 1,
    }
    three = [label if i % 3 else "z" for i, label in enumerate(LABELS)]
    return {
        loss: FastTextClassifier(loss=loss, random_state=0, **common).fit(TEXTS, three).model_
        for loss in ("softmax", "hs", "ova")
    }


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
def test_sums_of_our_models_that_overflow(trained, loss):
    model = trained[loss]
    many = TEXTS * 20
    signs = np.where(np.arange(model.dim) % 2, -1, 1).astype(np.float32)
    for rows, output in (
        (np.full_like(model.embeddings, HUGE), model.output),
        (np.full_like(model.embeddings, 1e30), np.full_like(model.output, HUGE) * signs),
    ):
        broken = dataclasses.replace(
            model, embeddings=np.asarray(rows, np.float32), output=output, norm=model.norm
        )
        for ask in (
            lambda m: m.predict_one("a b c", 1),
            lambda m: m.predict_one("a b c", -1),
            lambda m: m.predict(["a b c"], 2, 0.5),
            lambda m: m.predict(many),
            lambda m: m.predict(many, -1),
            lambda m: m.predict_batch(many),
            lambda m: m.probabilities(many),
            lambda m: m.probabilities(["a b c"]),
            lambda m: m.judge(Texts.from_sequence(many)),
            lambda m: m.scores(many),
        ):
            with pytest.raises(ModelError, match="are not finite: its file is damaged"):
                ask(broken)


def test_an_ensemble_tells_of_a_member_whose_sums_overflow():
    ensemble = FastTextEnsemble(
        n_members=2, epochs=1, bucket=64, recipe="fixed", random_state=0, n_jobs=1
    ).fit(TEXTS, LABELS)
    member = ensemble.estimators_[1]
    rows = np.full_like(np.asarray(member.model_.embeddings), HUGE)
    member.model_ = dataclasses.replace(member.model_, embeddings=rows)
    for ask in (ensemble.predict, ensemble.predict_proba):
        with pytest.raises(ModelError, match="are not finite"):
            ask(["a b c"])


# -- settings that no training can have --------------------------------------------------------
@pytest.mark.parametrize("command", [["train"], ["tune", "--trials", "1"]], ids=str)
@pytest.mark.parametrize("seed", ["9223372036854775808", "9" * 20, "9" * 5000])
def test_a_seed_beyond_what_a_file_holds(tmp_path, monkeypatch, capsys, command, seed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "t.tsv").write_text("a\tb c\nd\te f\n" * 9)
    with pytest.raises(SystemExit, match="2"):
        main([*command, "t.tsv", "-o", "m.ftl", "--seed", seed])
    told = capsys.readouterr().err
    assert "argument --seed: must be a whole number of at " in told and len(told) < 600
    assert [path.name for path in tmp_path.iterdir()] == ["t.tsv"]


def test_a_rate_that_only_overflows(tmp_path, capsys):
    (tmp_path / "t.tsv").write_text("a\tb c\nd\te f\n" * 9)
    command = ["train", f"{tmp_path}/t.tsv", "-o", f"{tmp_path}/m.ftl", "--recipe", "fixed"]
    assert main([*command, "--lr", "1e308"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_going_on_from_a_model_at_a_rate_that_diverges(tmp_path, caplog):
    (tmp_path / "t.tsv").write_text("a\tb c\nd\te f\n" * 99)
    train = ["train", f"{tmp_path}/t.tsv", "--recipe", "fixed"]
    assert main([*train, "-o", f"{tmp_path}/m.ftl"]) == 0
    again = ["train", f"{tmp_path}/t.tsv", "--init", f"{tmp_path}/m.ftl", "-o", f"{tmp_path}/n.ftl"]
    assert main([*again, "--lr", "1e6"]) == 2
    assert "training diverged with lr=1e+06; starting again with lr=250000" in caplog.text
    assert not (tmp_path / "n.ftl").exists()


# -- vectors and sizes -----------------------------------------------------------------------
@pytest.mark.parametrize(
    "content, line",
    [
        (b"9" * 5000 + b" 2\na 1 2\n", 1),
        (b"1 " + b"9" * 5000 + b"\na 1 2\n", 1),
        (b"99999999999999999999 2\na 1 2\n", 1),
        (b"1 99999999999\na 1 2\n", 1),
        (b"-1 2\na 1 2\n", 1),
        (b"2 2\na 1 2\nb nan 2\n", 3),
        (b"2 2\na 1 inf\nb 1 2\n", 2),
        (b"2 2\na 1 1e39\nb 1 2\n", 2),
        (b"1 2\na 1 " + b"9" * 5000 + b"\n", 2),
        (b"1 2\na 1 x\n", 2),
    ],
    ids=lambda value: str(value)[:30],
)
def test_vectors_that_hold_no_numbers(tmp_path, content, line):
    path = tmp_path / "v.vec"
    path.write_bytes(content)

    def all_blocks():
        vec_dim(str(path))
        for block in vec_blocks(str(path)):
            block.take(range(len(block.words)))

    for read in (lambda: vec.read_vec(path), all_blocks):
        with pytest.raises(InputError, match=f"^{re.escape(str(path))}:{line}: .{{1,200}}$"):
            read()


def test_vectors_too_large_to_train_from(tmp_path):
    path = tmp_path / "v.vec"
    path.write_bytes(b"3 2\na 1 2\n\nb 1e6 3e38\nc 1 -3e38\n")
    (block,) = vec_blocks(str(path))
    with pytest.raises(InputError, match=f"^{re.escape(str(path))}:4: a number of 3e.38 is too"):
        block.take([0, 1, 2])
    assert block.take([0]).tolist() == [[1, 2]]


def test_room_is_made_for_the_words_that_came(tmp_path):
    path = tmp_path / "v.vec"
    path.write_bytes(b"999999999999 3\na 1 2 3\n")  # whose numbers would be 12 TB
    with pytest.raises(InputError, match="cut off"):
        vec.read_vec(path)


@pytest.mark.parametrize("text", ["9" * 5000, "9" * 400, "9" * 30, "1e400", "nan", "9" * 400 + "G"])
def test_sizes_that_are_none(text):
    with pytest.raises(ValueError, match="a model size must be"):
        parse_size(text)
    with pytest.raises(InputError, match="a model size is"):
        parse_model_size(text)


# -- messages --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "kind", [InputError, ModelError, NotFiniteError, SettingError, TrainingError, UsageError]
)
def test_messages_are_bounded(kind):
    for text in ("x" * 4000, "a b " * 1000, "汉" * 4000, "'" + "y" * 4000 + "': no such thing"):
        error = kind(f"f.txt:3: got {text}; do this")
        assert len(str(error)) <= MOST_SHOWN + 50
        assert str(error).startswith("f.txt:3: got ") and str(error).endswith("; do this"[-5:])
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
    assert bounded("as it is") == "as it is"


def test_the_name_of_a_file_is_told_whole(tmp_path):
    folder = tmp_path
    while len(str(folder)) < 1500:
        folder = folder / ("long" * 30)
    folder.mkdir(parents=True)
    path = folder / "file.txt"
    path.write_text("x")
    for message in (f"{path}: damaged", f"{path}:12: got {'z' * 3000}", f"cannot read '{path}'"):
        assert str(path) in str(InputError(message))
        assert len(str(InputError(message))) < len(str(path)) + 400


@pytest.mark.parametrize("name", ["loss", "dim", "stop_words", "analyzer", "nonsense"])
def test_settings_quote_little(name):
    with pytest.raises((ValueError, TypeError)) as caught:
        Config(**{name: "@" + "y" * 4000})
    assert len(str(caught.value)) <= MOST_SHOWN + 50


def test_lines_on_stderr_are_bounded(tmp_path, capsys):
    (tmp_path / "t.tsv").write_text("x\ta b\ny\tc d\n" * 4)
    for words in (
        ["train", "t.tsv", "--loss", "l" * 4000],
        ["train", "t.tsv", "--no-such-flag-" + "f" * 4000],
        ["train", "t.tsv", "--lr", "9" * 4000],
        ["predict", "m" * 4000, "t.tsv"],
        ["convert", "a.bin", "o" * 4000],
        ["supervised", "-input", "t" * 4000, "-output", "o"],
        ["supervised", "-" + "q" * 4000],
        ["c" * 4000],
    ):
        try:
            code = main([str(tmp_path / word) if word == "t.tsv" else word for word in words])
        except SystemExit as left:
            code = left.code
        err = capsys.readouterr().err
        assert code == 2
        assert max(map(len, err.splitlines())) < MOST_SHOWN + 200, words[0]


# -- settings, processes ---------------------------------------------------------------------
@pytest.mark.parametrize(
    "bad", ["2", 1.5, 0, True, math.nan, [], "n" * 4000], ids=lambda b: str(b)[:9]
)
@pytest.mark.parametrize(
    "kind", [FastTextClassifier, FastTextTransformer, FastTextEnsemble, FastTextTuner]
)
def test_a_bad_n_jobs_is_noticed_at_fit(kind, bad):
    with pytest.raises(ValueError, match="^n_jobs must be None or a whole number") as caught:
        kind(n_jobs=bad).fit(TEXTS, LABELS)
    assert len(str(caught.value)) < 400


def test_a_bad_n_jobs_that_comes_later_is_noticed_then(tmp_path):
    fitted = FastTextClassifier(epochs=1, bucket=64, recipe="fixed", n_jobs=1).fit(TEXTS, LABELS)
    fitted.set_params(n_jobs="two")
    for ask in (
        lambda: fitted.predict(TEXTS), lambda: fitted.predict_proba(TEXTS),
        lambda: fitted.decision_function(TEXTS), lambda: fitted.partial_fit(TEXTS, LABELS),
        lambda: fitted.quantize(),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="n_jobs must be"):
            ask()


def test_a_fit_with_a_bar_leaves_open_how_processes_start():
    code = (
        "import multiprocessing\n"
        "from fasttext_lite import FastTextClassifier\n"
        "FastTextClassifier(epochs=1, bucket=64, recipe='fixed', verbose=1, n_jobs=1)"
        ".fit(['a b', 'c d'] * 4, ['x', 'y'] * 4)\n"
        "assert multiprocessing.get_start_method(allow_none=True) is None\n"
        "multiprocessing.set_start_method('spawn')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "texts" in done.stderr  # there was a bar


# -- flags -----------------------------------------------------------------------------------
def test_settings_that_the_data_contradict_are_a_line(tmp_path, capsys):
    (tmp_path / "t.tsv").write_text("x\ta b\ny\tc d\nz\te f\n" * 4)
    common = ["--epochs", "1", "--bucket", "64", "-q", "-o", str(tmp_path / "m.ftl")]
    several = "".join(f"__label__x __label__y a{i} b\n__label__z c d{i}\n" for i in range(8))
    (tmp_path / "s.txt").write_text(several)
    for name, flags, says in (
        ("t.tsv", ["--head", "linear", "--dim", "2"], "head='linear' needs a dim of at least 3"),
        ("s.txt", ["--focal", "1"], "focal does not apply to the loss"),
    ):
        assert main(["train", str(tmp_path / name), *flags, *common]) == 2
        err = capsys.readouterr().err
        assert says in err and err.strip().count("\n") == 0
    assert not (tmp_path / "m.ftl").exists()


def test_random_flags_end_with_a_line():
    from fuzz import flags

    lines = [flags.one(random.Random(f"replay-{i}")) for i in range(150)]
    # Training compiles what it is given; `make fuzz` has all of it.
    quick = [line for line in lines if line and line[0] not in ("train", "tune", "quantize")]
    lines = quick[:60] + REPLAYED
    wrong = {" ".join(line)[:200]: said for line in lines if (said := flags.fault(line)[0])}
    assert not wrong


# Lines that ended with a traceback.
REPLAYED = [
    ["test", "class.bin", "several.txt", "--columns", "@missing"],
    ["predict", "nan.bin", "several.txt"],
    ["test", "nan.bin", "several.txt", "-k", "5"],
    ["train", "two.tsv", "--head", "linear", "--dim", "1", "-o", "out/a.ftl", "--bucket", "64"],
    ["train", "two.tsv", "--pretrained-vectors", "digits.vec", "-o", "out/a.ftl"],
    ["tune", "two.tsv", "--model-size", "9" * 400, "-o", "out/a.ftl"],
    ["supervised", "-input", "fasttext.txt", "-output", "out/m", "-autotune-validation",
     "fasttext.txt", "-autotune-modelsize", "9" * 5000, "-autotune-duration", "1"],
]  # fmt: skip
