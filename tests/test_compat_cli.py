"""fastText's commands: what they print, byte by byte, and what they say to mistakes.

The literal outputs are those of fastText's C++ program 0.9.2 on the same model.  Other expectations
come from its Python package.
"""

import gzip
import os
import re
import subprocess
import sys
import time

import fasttext
import numpy as np
import pytest

from fasttext_lite.cli import app
from fasttext_lite.compat.files.arguments import BY_FLAG, Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.program import commands, printing, streams, usage

TRAIN = b"__label__sun warm day\n__label__rain wet day\n__label__sun warm\n__label__snow cold\n"
TEST = (
    b"__label__sun warm day\n\n__label__rain __label__snow wet unknown\n__label__fog day\n"
    b"__label__snow"
)
PROBABILITIES = b"""\
__label__snow 0.392704 __label__rain 0.352035 __label__sun 0.255291
__label__sun 0.595008 __label__snow 0.212785 __label__rain 0.192237
__label__rain 0.424581 __label__snow 0.324003 __label__sun 0.251447
__label__snow 0.500344 __label__sun 0.355147 __label__rain 0.144539

"""
DUMPED_INPUT = b"""\
12 3
-0.78125 -0.203125 0.375
-0.625 -0.046875 0.53125
-0.46875 0.109375 0.6875
-0.3125 0.265625 -0.734375
-0.15625 0.421875 -0.578125
0 0.578125 -0.421875
0.15625 0.734375 -0.265625
0.3125 -0.6875 -0.109375
0.46875 -0.53125 0.046875
0.625 -0.375 0.203125
0.78125 -0.21875 0.359375
-0.640625 -0.0625 0.515625
"""
OUTPUTS = {
    "predict MODEL TEST": b"__label__snow\n__label__sun\n__label__rain\n__label__snow\n\n",
    "predict MODEL TEST 2": (
        b"__label__snow __label__rain\n__label__sun __label__snow\n__label__rain __label__snow\n"
        b"__label__snow __label__sun\n\n"
    ),
    "predict-prob MODEL TEST 3": PROBABILITIES,
    "predict-prob MODEL TEST 9": PROBABILITIES,
    "predict-prob MODEL TEST -1 0.25": (
        b"__label__snow 0.392704 __label__rain 0.352035 __label__sun 0.255291\n"
        b"__label__sun 0.595008\n"
        b"__label__rain 0.424581 __label__snow 0.324003 __label__sun 0.251447\n"
        b"__label__snow 0.500344 __label__sun 0.355147\n\n"
    ),
    "test MODEL TEST": b"N\t2\nP@1\t0.5\nR@1\t0.333\n",
    "test MODEL TEST 2 0.3": b"N\t2\nP@2\t0.5\nR@2\t0.667\n",
    "test MODEL EMPTY": b"N\t0\nP@1\tnan\nR@1\tnan\n",
    "predict MODEL EMPTY 2": b"",
    "print-ngrams MODEL wet": (
        b"wet -0.3125 0.26562 -0.73438 \n<w 0.625 -0.375 0.20312 \n<we 0.15625 0.73438 -0.26562 \n"
        b"we 0.625 -0.375 0.20312 \nwet 0.15625 0.73438 -0.26562 \net 0.46875 -0.53125 0.046875 \n"
        b"et> 0.3125 -0.6875 -0.10938 \nt> -0.64062 -0.0625 0.51562 \n"
    ),
    "print-ngrams MODEL __label__sun": None,
    "dump MODEL args": (
        b"dim 3\nws 5\nepoch 5\nminCount 1\nneg 5\nwordNgrams 2\nloss softmax\nmodel sup\n"
        b"bucket 7\nminn 2\nmaxn 3\nlrUpdateRate 100\nt 0.0001\n"
    ),
    "dump MODEL dict": (
        b"8\n</s> 4 word\nwarm 2 word\nday 2 word\nwet 1 word\ncold 1 word\n"
        b"__label__sun 2 label\n__label__rain 1 label\n__label__snow 1 label\n"
    ),
    "dump MODEL input": DUMPED_INPUT,
    "dump MODEL output": b"3 3\n-3 0.3125 -2.4375\n0.875 -1.875 1.4375\n-1.3125 2 -0.75\n",
}
OUTPUTS_OF_STDIN = {
    ("print-word-vectors MODEL", b"warm wetter"): (
        b"warm 0.24844 -0.12031 0.14219 \nwetter 0.3113 0.039663 0.010817 \n"
    ),
    ("print-sentence-vectors MODEL", TEST): (
        b"0.13318 0.11012 0.011905 \n-0.78125 -0.20312 0.375 \n0.099159 0.0096154 0.041466 \n"
        b"0.015625 0.27813 -0.090625 \n0 0 0 \n"
    ),
    ("nn MODEL 2", b"warm new"): (
        b"Query word? cold 0.859727\nwet 0.704362\nQuery word? wet 0.984504\ncold 0.925604\n"
        b"Query word? "
    ),
    ("predict-prob MODEL - 3", TEST): PROBABILITIES,
    ("predict-prob MODEL - 1", b"wet </s> warm day </s>\n"): (
        b"__label__rain 0.338583\n__label__snow 0.392704\n__label__sun 0.595008\n"
    ),
    ("test MODEL -", TEST): b"N\t2\nP@1\t0.5\nR@1\t0.333\n",
    ("nn MODEL", b""): b"Query word? ",
    ("print-word-vectors MODEL", b" \n"): b"",
}


def small_model(path):
    """Write a model whose numbers are all exact, so that sums of any order agree."""
    args = Args.supervised(dim=3, minn=2, maxn=3, bucket=7, word_ngrams=2)
    dictionary = Dictionary.read(as_array(TRAIN), args)
    n_rows, n_labels = dictionary.n_rows, dictionary.n_labels
    rows = ((np.arange(3 * n_rows) * 37 % 101 - 50) / 64).astype(np.float32).reshape(-1, 3)
    output = ((np.arange(3 * n_labels) * 53 % 97 - 48) / 16).astype(np.float32).reshape(-1, 3)
    tables = DenseTable.of(rows), DenseTable.of(output)
    FastTextModel(ModelParts(args, dictionary, *tables)).save(path)


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Return paths of a small model, its test file and an empty file."""
    folder = tmp_path_factory.mktemp("compat_cli")
    small_model(folder / "m.bin")
    (folder / "test.txt").write_bytes(TEST)
    (folder / "empty.txt").write_bytes(b"")
    (folder / "train.txt").write_bytes(TRAIN * 5)
    return {
        "MODEL": f"{folder}/m.bin",
        "TEST": f"{folder}/test.txt",
        "EMPTY": f"{folder}/empty.txt",
        "TRAIN": f"{folder}/train.txt",
        "NONE": f"{folder}/none",
        "FOLDER": str(folder),
    }


@pytest.fixture
def run(places, capsysbinary):
    """Return a function that runs a command line and returns its exit code, stdout and stderr."""

    def run(line):
        words = [places.get(word, word) for word in line.split()]
        try:
            code = app.main(words)
        except SystemExit as error:
            code = error.code
        out, err = capsysbinary.readouterr()
        return code, out, err.decode()

    return run


@pytest.mark.parametrize("line", [line for line, out in OUTPUTS.items() if out is not None])
def test_output_is_that_of_fasttext(run, line):
    code, out, _ = run(line)
    assert (code, out) == (0, OUTPUTS[line])


@pytest.mark.parametrize(("line", "text"), OUTPUTS_OF_STDIN)
def test_output_of_stdin_is_that_of_fasttext(run, feed, line, text):
    feed(text)
    code, out, _ = run(line)
    assert (code, out) == (0, OUTPUTS_OF_STDIN[line, text])


def test_per_label_metrics_have_fasttexts_form(run):
    """The numbers are those that are right: the C++ program 0.9.2 forgets the gold labels."""
    code, out, _ = run("test-label MODEL TEST 2")
    assert code == 0
    assert out == (
        b"F1-Score : 0.000000  Precision : --------  Recall : 0.000000   __label__sun\n"
        b"F1-Score : 0.666667  Precision : 0.500000  Recall : 1.000000   __label__rain\n"
        b"F1-Score : 0.666667  Precision : 0.500000  Recall : 1.000000   __label__snow\n"
        b"N\t2\nP@2\t0.500\nR@2\t0.667\n"
    )


def test_analogies_end_with_the_input(run, feed):
    feed(b"warm wet\nday warm")
    code, out, _ = run("analogies MODEL 2")
    prompt = "Query triplet (A - B + C)? "
    head, *lines = out.decode().split("\n")
    assert code == 0 and head.startswith("Loading model ") and head.endswith("m.bin")
    assert [line.split(" ")[-2:-1] for line in lines] == [["cold"], ["</s>"], ["C)?"]]
    assert lines[0].startswith(prompt) and lines[2] == prompt
    numbers = [float(line.split(" ")[-1]) for line in lines[:2]]
    np.testing.assert_allclose(numbers, [-0.0209765, -0.194295], atol=1e-6)


def test_a_label_has_ngrams_but_no_row_of_its_own(run):
    code, out, _ = run("print-ngrams MODEL __label__sun")
    assert code == 0
    assert out.startswith(b"<_ ")


def test_gzipped_files_and_pipes_are_read(run, places, tmp_path):
    (tmp_path / "t.gz").write_bytes(gzip.compress(TEST))
    assert run(f"predict MODEL {tmp_path}/t.gz 2")[1] == OUTPUTS["predict MODEL TEST 2"]
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        writer = subprocess.Popen(["cp", places["TEST"], f"{tmp_path}/pipe"])
        assert run(f"predict MODEL {tmp_path}/pipe 2")[1] == OUTPUTS["predict MODEL TEST 2"]
        assert writer.wait() == 0


# -- trained models --------------------------------------------------------------------------


def texts(seed, n=60):
    rng = np.random.default_rng(seed)
    words = {"food": "soup bread rice", "sport": "goal match race", "weather": "rain storm 下雨"}
    lines = []
    for i in range(n):
        label, own = list(words.items())[i % 3]
        picked = rng.choice([*own.split(), "the", "a"], 4)
        lines.append(f"__label__{label} {' '.join(picked)}\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Return a folder with models of the wheel, of different losses, and a test file."""
    folder = tmp_path_factory.mktemp("wheel")
    (folder / "train.txt").write_text(texts(0), "utf-8")
    (folder / "test.txt").write_text(texts(1, 20) + "\n__label__none zzz\n", "utf-8")
    for loss in ("softmax", "hs", "ova", "ns"):
        settings = {"softmax": {}, "hs": {"wordNgrams": 2, "bucket": 50}}.get(
            loss, {"minn": 2, "maxn": 3, "bucket": 40}
        )
        model = fasttext.train_supervised(
            f"{folder}/train.txt", loss=loss, dim=5, epoch=5, lr=0.5, thread=11, verbose=0,
            **settings,
        )  # fmt: skip
        model.save_model(f"{folder}/{loss}.bin")
    return folder


def as_printed(numbers, digits=6):
    return [f"{float(x):.{digits}g}" for x in numbers]


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
@pytest.mark.parametrize(("k", "threshold"), [(1, 0.0), (3, 0.0), (2, 0.4), (-1, 0.2)])
def test_prediction_is_that_of_the_wheel(run, trained, loss, k, threshold):
    path = trained / f"{loss}.bin"
    code, out, _ = run(f"predict-prob {path} {trained}/test.txt {k} {threshold}")
    lines = (trained / "test.txt").read_text("utf-8").splitlines()
    labels, numbers = fasttext.load_model(str(path)).predict(lines, k=k, threshold=threshold)
    got = [line.split(" ") if line else [] for line in out.decode().split("\n")]
    assert code == 0 and got.pop() == [] and len(got) == len(lines)
    for row, names, values in zip(got, labels, numbers, strict=True):
        assert row[::2] == list(names)
        np.testing.assert_allclose(np.array(row[1::2], float), values, rtol=2e-5)
        assert row[1::2] == as_printed(map(float, row[1::2]))
    plain = run(f"predict {path} {trained}/test.txt {k} {threshold}")[1].decode()
    assert plain == "".join(" ".join(row[::2]) + "\n" for row in got)


@pytest.mark.parametrize("loss", ["softmax", "ova"])
def test_metrics_are_those_of_the_wheel(run, trained, loss):
    model = fasttext.load_model(str(trained / f"{loss}.bin"))
    for k in (1, 2):
        n, precision, recall = model.test(str(trained / "test.txt"), k=k)
        _, out, _ = run(f"test {trained}/{loss}.bin {trained}/test.txt {k}")
        assert out.decode() == f"N\t{n}\nP@{k}\t{precision:.3g}\nR@{k}\t{recall:.3g}\n"


def test_vectors_are_those_of_the_wheel(run, feed, trained):
    model = fasttext.load_model(str(trained / "ova.bin"))
    feed("rain 下雨\nunseen\tthe")
    lines = run(f"print-word-vectors {trained}/ova.bin")[1].decode().split("\n")
    words = ["rain", "下雨", "unseen", "the"]
    assert [line.split(" ")[0] for line in lines] == [*words, ""]
    for word, line in zip(words, lines, strict=False):
        got = line.split(" ")[1:]
        assert got.pop() == ""  # each number has a space behind it
        np.testing.assert_allclose(np.array(got, float), model.get_word_vector(word), rtol=1e-4)


# -- which command it is ---------------------------------------------------------------------


def test_shared_names_go_by_what_is_given(places):
    model, test = places["MODEL"], places["TEST"]
    for line in (
        f"predict {model} {test}", f"predict {model} -", f"test {test} {test} 3",
        f"predict {model} {test} -1", f"test {model} {test} 1 0.5", f"predict {model} {test} x",
        "supervised", "dump", "quantize -output x", "quantize -cutoff 10",
    ):  # fmt: skip
        assert usage.takes(line.split()), line
    for line in (
        "predict", f"predict {model}", f"predict {test} {test}", f"predict {model} {test} -k 3",
        f"test {model} {test} --per-label", "quantize m.ftl -o x.ftl", "quantize --help", "train",
        f"predict {model} {test} 1 2 3", f"predict {test} {test} x", "quantize",
    ):  # fmt: skip
        assert not usage.takes(line.split()), line


def test_our_flags_work_with_fasttexts_models(run, feed):
    assert run("predict MODEL TEST -k 3 --prob")[1] == PROBABILITIES
    assert run("predict MODEL TEST -k 2 --label-prefix @")[1].startswith(b"@snow @rain\n@sun ")
    assert run("predict --prob MODEL TEST --threshold 0.5")[1].startswith(b"\n__label__sun 0.595")
    assert run("test MODEL TEST -k 2 --threshold 0.3")[1] == OUTPUTS["test MODEL TEST 2 0.3"]
    assert run("test MODEL TEST --per-label")[1].startswith(b"F1-Score : ")
    feed(TEST)
    assert run("predict MODEL")[1] == OUTPUTS["predict MODEL TEST"]


# -- mistakes --------------------------------------------------------------------------------

MISTAKES = {
    "predict-prob NONE TEST": "cannot be opened for loading: no such file",
    "predict-prob TEST TEST": "is not a model of fastText",
    "predict TEST TEST 3": "say fasttext-lite predict MODEL FILE -k K --threshold THRESHOLD",
    "predict MODEL NONE": "none cannot be opened: no such file",
    "predict MODEL FOLDER": "cannot be opened",
    "predict MODEL TEST 0": "k needs to be 1 or higher, or -1 for all labels; got '0'",
    "predict MODEL TEST 1.5": "k needs to be 1 or higher, or -1 for all labels; got '1.5'",
    "test-label MODEL TEST -2": "k needs to be 1 or higher, or -1 for all labels; got '-2'",
    "predict-prob MODEL TEST 1 much": "the threshold needs to be a number; got 'much'",
    "nn MODEL 0": "k needs to be 1 or higher; got '0'",
    "dump MODEL words": "words: unknown part of a model; one of args, dict, input, output",
    "test MODEL TEST --json": "--json is not for models of fastText",
    "test MODEL TEST --label-prefix #": "--label-prefix is not for models of fastText",
    "supervised -input TRAIN": "supervised needs -output PREFIX (see",
    "supervised -dim 3": "supervised needs -input FILE and -output PREFIX (see",
    "supervised -input -output NONE": "-input needs a value, and -output is the next flag",
    "supervised TRAIN": "did you mean -input ",
    "supervised -input TRAIN -loss crossentropy": "crossentropy is softmax here",
    "quantize -output NONE.bin": "-output names the model's file without .bin: -output ",
    "predict MODEL TEST much": "k needs to be 1 or higher, or -1 for all labels; got 'much'",
    "supervised -input": "-input needs a value",
    "supervised -speed 3": "unknown argument: -speed",
    "supervised -input - -output NONE": "Cannot use stdin for training!",
    "supervised -input NONE -output NONE": "cannot be opened: no such file",
    "supervised -input EMPTY -output NONE": "Empty vocabulary. Try a smaller -minCount value.",
    "supervised -input TRAIN -output FOLDER/none/x": "cannot write the model",
    "skipgram -input TRAIN -output NONE -autotune-validation TEST": "is for supervised",
    "quantize -cutoff 10": "quantize needs -output",
    "quantize -output NONE": "none.bin cannot be opened for loading: no such file",
    "quantize -output NONE -retrain": "-retrain needs -input",
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_and_code_2(run, places, line):
    code, out, err = run(line.replace("FOLDER/", places["FOLDER"] + "/"))
    said = [part for part in err.split("\n") if part.startswith("fasttext-lite: ")]
    assert (code, out) == (2, b"")
    assert len(said) == 1 and MISTAKES[line] in said[0]
    assert not [name for name in os.listdir(places["FOLDER"]) if "none" in name]


def test_a_file_of_texts_is_not_overwritten(run, tmp_path):
    path = tmp_path / "data.bin"
    path.write_bytes(TRAIN)
    code, _, err = run(f"supervised -input {path} -output {tmp_path}/data")
    assert code == 2 and "-output would overwrite this file" in err
    assert path.read_bytes() == TRAIN and os.listdir(tmp_path) == ["data.bin"]


def test_nothing_to_test_is_said(run, feed):
    feed(b"__label__unseen warm\n")
    code, out, err = run("test MODEL -")
    assert (code, out) == (0, b"N\t0\nP@1\tnan\nR@1\tnan\n")
    assert "none of 1 lines has a label and a word that the model knows" in err


@pytest.mark.parametrize("command", ["supervised", "skipgram", "quantize -dsub", "predict-prob"])
def test_usage_names_flags_and_defaults(run, command):
    name = command.split()[0]
    code, out, err = run(name if name != "quantize" else "quantize -help -output")
    text = out.decode() + err
    assert text.startswith(f"usage: fasttext-lite {name} ")
    assert code == (0 if name == "quantize" else 2)
    assert run(f"{name} -output --help")[1].decode() == text
    assert text == usage.usage(name)


def test_each_command_has_a_function():
    assert list(commands.FUNCTIONS) == list(usage.COMMANDS)


def test_usage_has_every_flag():
    shown = set(re.findall(r"^  -(\S+)", usage.usage("supervised"), re.MULTILINE))
    shown |= set(re.findall(r"^  -(\S+)", usage.usage("quantize"), re.MULTILINE))
    assert shown == set(BY_FLAG)
    assert re.search(r"-lr  .*\[0\.1\]", usage.usage("supervised"))
    assert re.search(r"-lr  .*\[0\.05\]", usage.usage("skipgram"))


def test_help_names_the_commands_without_numpy():
    code = (
        "import sys\nfrom fasttext_lite.cli import main\n"
        "try: main(sys.argv[1:])\nexcept SystemExit: pass\n"
        "print('numpy' in sys.modules)\n"
    )
    for words in (["--help"], ["supervised", "--help"], ["predict-prob", "--help"]):
        done = subprocess.run(
            [sys.executable, "-c", code, *words], capture_output=True, text=True, check=True
        )
        assert words[0] in done.stdout or "supervised, quantize, test" in done.stdout
        assert done.stdout.endswith("False\n")


# -- streams ---------------------------------------------------------------------------------


def test_lines_are_answered_as_they_come(places):
    words = [sys.executable, "-m", "fasttext_lite", "predict", places["MODEL"], "-"]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        for word, label in ((b"wet", b"__label__rain\n"), (b"warm day", b"__label__snow\n")):
            process.stdin.write(word + b"\n")
            process.stdin.flush()
            assert process.stdout.readline() == label
        process.stdin.close()
        assert process.wait() == 0


class Slow:
    """A stream that gives a few bytes at a time."""

    def __init__(self, data, step):
        self.data, self.step = data, step

    def read1(self, _size):
        piece, self.data = self.data[: self.step], self.data[self.step :]
        return piece


@pytest.mark.parametrize("step", [1, 2, 3, 7, 100])
def test_pieces_are_cut_behind_lines_and_words(step):
    data = b"one two\n\nthree\tfour \xe4\xb8\x8b five"
    pieces = list(streams.pieces(Slow(data, step)))
    assert b"".join(pieces) == data
    assert all(piece.endswith(b"\n") for piece in pieces[:-1])
    words = [word for some in streams.words(Slow(data, step)) for word in some]
    assert words == data.split()


# -- training --------------------------------------------------------------------------------


def test_supervised_writes_what_fasttext_writes(run, places, tmp_path):
    line = f"supervised -input TRAIN -output {tmp_path}/m -dim 4 -epoch 3 -thread 1 -saveOutput"
    code, out, err = run(line)
    assert (code, out) == (0, b"")
    assert sorted(os.listdir(tmp_path)) == ["m.bin", "m.output", "m.vec"]
    assert err.startswith("\rRead 0M words\nNumber of words:  5\nNumber of labels: 3\n")
    last = err.rstrip("\n").split("\r")[-1]
    form = r"Progress: 100\.0% words/sec/thread: +\d+ lr:  0\.000000 avg\.loss: +\d\.\d{6} ETA:   0"
    assert re.match(form + r"h 0m 0s$", last)
    wheel = fasttext.load_model(f"{tmp_path}/m.bin")
    assert sorted(wheel.labels) == ["__label__rain", "__label__snow", "__label__sun"]
    vectors = (tmp_path / "m.vec").read_text().split("\n")
    assert vectors[0] == "5 4" and vectors[-1] == "" and len(vectors) == 7
    assert run(f"predict {tmp_path}/m.bin TEST")[0] == 0
    for verbose, found in ((0, []), (1, ["Number", "Progress"])):
        err = run(f"supervised -input TRAIN -output {tmp_path}/m -dim 4 -verbose {verbose}")[2]
        assert [word for word in ("Number", "Progress") if word in err] == found
        assert err.count("Progress") <= 1


@pytest.mark.parametrize("command", ["supervised", "skipgram", "cbow"])
def test_no_threads_are_all_processors(run, command, tmp_path):
    line = f"{command} -input TRAIN -output {tmp_path}/m -dim 4 -epoch 1 -minCount 1 -bucket 50"
    assert run(f"{line} -thread 0 -verbose 0") == (0, b"", "")
    assert fasttext.load_model(f"{tmp_path}/m.bin").get_dimension() == 4
    code, _, err = run(f"{line} -thread -1")
    assert code == 2 and "-thread must be at least 0; got -1" in err


def test_search_writes_the_best_model(run, tmp_path):
    line = f"supervised -input TRAIN -output {tmp_path}/m -autotune-validation TEST"
    code, out, err = run(f"{line} -autotune-duration 1 -dim 4 -epoch 1")
    assert (code, out) == (0, b"")
    assert sorted(os.listdir(tmp_path)) == ["m.bin", "m.vec"]
    form = r"Progress: +\d+\.\d% Trials: +\d+ Best score: +\S+ ETA:   0h 0m 0s$"
    assert re.match(form, err.rstrip("\n").split("\r")[-1])
    assert b"\ndim 4\n" in b"\n" + run(f"dump {tmp_path}/m.bin args")[1]
    code, _, err = run(f"{line} -autotune-modelsize 1M -saveOutput")
    assert code == 2 and "-saveOutput is not supported for quantized models" in err


@pytest.mark.parametrize("command", ["skipgram", "cbow"])
def test_word_vectors_are_trained(run, feed, command, tmp_path):
    line = f"{command} -input TRAIN -output {tmp_path}/v -dim 4 -epoch 1 -minCount 1 -bucket 50"
    code, out, err = run(line + " -thread 1 -verbose 1")
    assert (code, out) == (0, b"") and "Number of words:  5\n" in err
    assert sorted(os.listdir(tmp_path)) == ["v.bin", "v.vec"]
    feed("warm")
    code, out, _ = run(f"nn {tmp_path}/v.bin 2")
    assert code == 0 and len(out.split(b"\n")) == 3


def test_quantize_needs_no_input(run, tmp_path):
    words = " ".join(f"w{i}" for i in range(300))
    (tmp_path / "t.txt").write_text(f"__label__a {words}\n__label__b {words} more\n")
    line = f"supervised -input {tmp_path}/t.txt -output {tmp_path}/m -dim 4 -epoch 1 -verbose 0"
    assert run(line)[0] == 0
    assert run(f"quantize -output {tmp_path}/m -qnorm -thread 0")[:2] == (0, b"")
    assert sorted(os.listdir(tmp_path)) == ["m.bin", "m.ftz", "m.vec", "t.txt"]
    labels = fasttext.load_model(f"{tmp_path}/m.ftz").predict("w1 w2", k=2)[0]
    assert run(f"predict {tmp_path}/m.ftz {tmp_path}/t.txt")[0] == 0 and len(labels) == 2
    code, _, err = run(f"dump {tmp_path}/m.ftz input")
    assert code == 2 and "Not supported for quantized models." in err


# -- forms -----------------------------------------------------------------------------------


def test_progress_line():
    line = printing.progress_line(0.1234, 1.5, 0.05, 12345.9, 3725.8)
    assert line == (
        "Progress:  12.3% words/sec/thread:   12345 lr:  0.050000 avg.loss:  1.500000 "
        "ETA:   1h 2m 5s"
    )


def test_search_line():
    assert printing.search_line(0.5, 12, 0.25, 61) == (
        "Progress:  50.0% Trials:   12 Best score:  0.250000 ETA:   0h 1m 1s"
    )
    assert "Best score:   unknown ETA" in printing.search_line(0, 1, None, 61)


def test_progress_is_printed_ten_times_a_second(capsys):
    log = printing.Report(2)
    seen = printing.progress_line(0.5, 1.0, 0.1, 10.0, 1.0)
    begin = time.monotonic()
    for _ in range(50):
        log.progress(_Seen())
    log.finish(True)
    lines = capsys.readouterr().err.split("\r")
    assert lines[1] == seen and lines[-1].startswith("Progress: 100.0%")
    assert len(lines) <= 3 + (time.monotonic() - begin) / log.INTERVAL


class _Seen:
    fraction, loss, lr, words_per_second, eta = 0.5, 1.0, 0.1, 10.0, 1.0


def test_numbers_are_printed_as_streams_print_them():
    names = printing.Names([b"a%s", b"\xff"])
    labels = np.array([[0, 1], [1, -1], [-1, -1]], np.int32)
    numbers = np.array([[1.00001, 1e-5], [0.1, 0], [0, 0]], np.float32)
    assert names.lines_with_numbers(labels, numbers) == b"a%s 1.00001 \xff 1e-05\n\xff 0.1\n\n"
    assert names.lines(labels) == b"a%s \xff\n\xff\n\n"
    assert names.lines(labels[:, :1]) == b"a%s\n\xff\n\n"
    vectors = np.array([[0.1, -1234567.0], [1e-10, -0.0]], np.float32)
    assert printing.vector_lines([b"x", b"%"], vectors) == b"x 0.1 -1.2346e+06 \n% 1e-10 -0 \n"
    assert printing.vector_lines(None, vectors[:1]) == b"0.1 -1.2346e+06 \n"
    form = printing.argument_lines(Args.supervised(loss="ova", t=1e-6))
    assert b"\nloss one-vs-all\n" in form and form.endswith(b"\nt 1e-06\n")
