"""Random command lines: every command, every flag, good values and bad ones, over tiny files.

``one(rng)`` makes a line, ``check(argv)`` runs it in this process and says what is wrong with how
it ended. What a command line may do: end with 0 or 2, say what is wrong in lines of a bounded
length, print no number that is none, and leave every file that it was not told to write.
``python -m fuzz.flags -n 3000 --seed 1`` runs some.

Names of files are relative to a folder that `check` makes once for a process and enters for the
time of a run.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import logging
import os
import random
import re
import shutil
import struct
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from fasttext_lite.cli.app import main, make_parser
from fasttext_lite.compat.program.usage import COMMANDS as FASTTEXT
from fuzz.frame import GOOD, REFUSED, BrokenError
from fuzz.samples import place

SECONDS, MEGABYTES, WEIGHT = 60.0, 900, 2.0
LONGEST_LINE = 1300  # characters on stderr, of what is no usage
NOT_RUN = {"alias", "demo", "datasets", "teach"}  # they write elsewhere, take long or need more
WEIGHTS = {
    "train": 6, "tune": 2, "quantize": 3, "predict": 4, "test": 3, "convert": 3, "embed": 2,
    "filter": 2, "info": 1,
}  # fmt: skip

NUMBERS = ("0", "1", "2", "3", "5", "0.5", "1e-3")
BAD_NUMBERS = (
    "-1", "-0.5", "nan", "inf", "-inf", "1e39", "1e400", "", " ", "x", "1,5", "0x10", "٣", "1_0",
    "9" * 30, "9" * 5000, "none", "auto", "true", "--", "1\n2", "9223372036854775808", "-0",
    "5e-324",
)  # fmt: skip
TEXTS = ("a", "text", "label", "text,label", "label,text", "", " ", "é", "汉字", "x" * 5000, "\t",
         "a,b,c", "@", "@words.txt", "@missing", "none", "english", "utf-8", "gb18030", "utf-16",
         "rot13", "comma", "tab", ";", "__label__", "0", "A=1", "=", "m=a", "%s", "{}",
         "\\")  # fmt: skip
TRAINING = ("two.tsv", "many.tsv", "several.txt", "fasttext.txt", "table.csv", "lines.jsonl")
INPUTS = (*TRAINING, "one-label.tsv", "one-line.tsv", "empty", "garbage", "blank", "missing", "-",
          ".", "words.txt", "texts.txt", "linear.ftl", "two.vec", "nul.tsv")  # fmt: skip
MODELS = ("linear.ftl", "learned.ftl", "tree.ftl", "small.ftl", "several.ftl", "class.bin",
          "class.ftz", "words.bin", "empty", "garbage", "missing", ".", "two.tsv", "cut.ftl",
          "nan.bin", "tune.ftl")  # fmt: skip
VECTORS = ("two.vec", "wide.vec", "nan.vec", "digits.vec", "cut.vec", "empty", "garbage", "missing",
           "rows.npy", "nan.npy", "static.safetensors", "two.tsv")  # fmt: skip
OUTPUTS = ("out/a.ftl", "out/b.bin", "out/c.ftz", "out/d.vec", "out/e", "out/no/f.ftl", "out/g.png",
           "out", "out/dir", "two.tsv", "-", "", "out/" + "n" * 300)  # fmt: skip
LOGS = ("out/log.jsonl", "out/log.csv", "out", "garbage", "")
# What would only take long: these flags get numbers from here, or bad ones.
BOUNDED = {
    "--epochs": ("1", "2"), "--time": ("0.01", "0.2"), "--trials": ("1", "2"),
    "--bucket": ("0", "64"),
    "--units": ("0", "4"), "--threads": ("1", "2"), "--workers": ("1",), "--dim": ("1", "2", "8"),
    "--cache": ("0", "1", "0.5"), "--word-ngrams": ("1", "2", "3"), "--maxn": ("0", "3"),
    "--minn": ("0", "2"), "-bucket": ("0", "64"), "-epoch": ("1", "2"), "-dim": ("1", "2", "8"),
    "-thread": ("0", "1", "2"), "-autotune-duration": ("1",), "-wordNgrams": ("1", "2"),
    "-minn": ("0", "2"), "-maxn": ("0", "3"), "-neg": ("1", "3"), "-ws": ("1", "3"),
}  # fmt: skip
# Each mix of these compiles a training loop of its own: a line has one of them.
COMPOSED = {
    "--optimizer", "--loss", "--activation", "--norm", "--units", "--l1", "--l2", "--max-norm",
    "--clip", "--feature-dropout", "--hidden-dropout", "--averaging", "--label-smoothing",
    "--focal", "--head", "--beta1", "--beta2", "--word-dropout", "--word-swap", "--dtype",
    "--preset",
}  # fmt: skip
# Huge but good values of these would fill memory or time, so bad ones leave them out.
HUGE = {"1e39", "1e400", "9" * 30, "9" * 5000, "9223372036854775808", "1_0", "0x10", "5e-324"}


# -- the files -------------------------------------------------------------------------------
def _rows(n: int, labels: Sequence[str]) -> list[tuple[str, str]]:
    rng = random.Random(1)
    words = {label: [f"{label}{i}" for i in range(5)] + ["the", "of", "and"] for label in labels}
    return [
        (label, " ".join(rng.choices(words[label], k=6)))
        for label in (labels[i % len(labels)] for i in range(n))
    ]


def make_files(folder: Path) -> None:
    """Write the files that command lines name."""
    two, many = _rows(24, ("good", "bad")), _rows(60, tuple("abcdefghijklmnopqrstuvwx"))
    contents: dict[str, str | bytes] = {
        "two.tsv": "".join(f"{a}\t{b}\n" for a, b in two),
        "many.tsv": "".join(f"{a}\t{b}\n" for a, b in many),
        "one-label.tsv": "".join(f"good\t{b}\n" for _, b in two),
        "one-line.tsv": "good\tthe only text\n",
        "nul.tsv": "a\0\tone text\na\tanother text\nb\ta third\n",
        "fasttext.txt": "".join(f"__label__{a} {b}\n" for a, b in two),
        "several.txt": "".join(f"__label__{a} __label__c {b}\n__label__{a} {b}\n" for a, b in two),
        "table.csv": "label,text\n" + "".join(f'{a},"{b}"\n' for a, b in two),
        "lines.jsonl": "".join(f'{{"label": "{a}", "text": "{b}"}}\n' for a, b in two),
        "texts.txt": "".join(f"{b}\n" for _, b in many),
        "words.txt": "the 5 n\nof\n汉字 3 nr\n",
        "empty": b"", "blank": b"\n \n\t\n", "garbage": random.Random(2).randbytes(3000),
        "two.vec": "3 2\nthe 0.1 0.2\nof 1 -1\ngood0 0 1e-3\n",
        "wide.vec": "2 4\nthe 1 2 3 4\nof 4 3 2 1\n",
        "nan.vec": "2 2\nthe nan 1\nof 1 inf\n",
        "digits.vec": "9" * 5000 + " 2\nthe 1 2\n",
        "cut.vec": "9 2\nthe 1 2\n",
    }  # fmt: skip
    for name, content in contents.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / name).write_bytes(data)
    _make_arrays(folder)
    _make_models(folder)


def _make_arrays(folder: Path) -> None:
    import numpy as np

    rows = np.random.default_rng(1).normal(size=(24, 3)).astype(np.float32)
    np.save(folder / "rows.npy", rows)
    rows[3, 1] = np.nan
    np.save(folder / "nan.npy", rows)
    header = b'{"embeddings":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}'
    data = struct.pack("<Q", len(header)) + header + struct.pack("<4f", 1, float("nan"), 2, 3)
    (folder / "static.safetensors").write_bytes(data)


def _make_models(folder: Path) -> None:
    few = ["--epochs", "1", "--bucket", "64", "--threads", "1", "-q", "--recipe", "fixed"]
    lines = [
        ["train", "two.tsv", "-o", "linear.ftl", *few],
        ["train", "two.tsv", "-o", "learned.ftl", "--head", "learned", "--dim", "4", *few],
        ["train", "many.tsv", "-o", "tree.ftl", "--loss", "hs", "--dim", "4", *few],
        ["train", "several.txt", "-o", "several.ftl", *few],
        ["tune", "two.tsv", "-o", "tune.ftl", "--trials", "1", "--time", "1", "-q",
         "--metric", "precision-at-recall:0.5"],
        ["quantize", "linear.ftl", "-o", "small.ftl"],
        ["supervised", "-input", "fasttext.txt", "-output", "class", "-dim", "4", "-epoch", "1",
         "-wordNgrams", "2", "-bucket", "300", "-verbose", "0"],
        ["quantize", "-output", "class", "-verbose", "0"],
        ["skipgram", "-input", "texts.txt", "-output", "words", "-dim", "4", "-epoch", "1",
         "-bucket", "64", "-minCount", "1", "-verbose", "0"],
    ]  # fmt: skip
    for line in lines:
        code, _, said = run(line, folder)
        if code:
            raise RuntimeError(f"{line}: {said}")
    for name in ("class.vec", "words.vec"):
        (folder / name).unlink()
    (folder / "cut.ftl").write_bytes((folder / "linear.ftl").read_bytes()[:-100])
    data = bytearray((folder / "class.bin").read_bytes())
    data[-4:] = struct.pack("<f", float("nan"))
    (folder / "nan.bin").write_bytes(data)
    (folder / "out" / "dir").mkdir(parents=True, exist_ok=True)


@cache
def _files() -> Path:
    """Return a folder with the files, which nobody changes."""
    folder = Path(tempfile.mkdtemp(prefix="flags-", dir=place()))
    make_files(folder)
    return folder


def prepare() -> None:
    """Make the files."""
    _files()


@cache
def _folder_of(process: int) -> Path:
    """Return the folder of one process."""
    folder = Path(tempfile.mkdtemp(prefix=f"flags-{process}-", dir=place()))
    shutil.copytree(_files(), folder, dirs_exist_ok=True)
    return folder


# -- a line ----------------------------------------------------------------------------------
def one(rng: random.Random) -> list[str]:
    """Return a random command line."""
    if rng.random() < 0.3:
        return _of_fasttext(rng)
    names = list(WEIGHTS)
    command = rng.choices(names, [WEIGHTS[name] for name in names])[0]
    line = [command, *_positional(command, rng)]
    actions = _actions(command)
    composed = False
    for _ in range(rng.choice((0, 1, 1, 2, 2, 3, 4, 6))):
        words = _flag(rng.choice(actions), rng)
        name = words[0].partition("=")[0]
        if name not in COMPOSED or not composed:
            line += words
        composed |= name in COMPOSED
    line = _bounded(command, line, rng)
    if rng.random() < 0.05:  # a word dropped or doubled, wherever it stands
        i = rng.randrange(len(line))
        line = line[:i] + line[i + rng.choice((0, 1)) :] + line[i:]
    if rng.random() < 0.03:
        line.insert(rng.randrange(len(line) + 1), rng.choice((*TEXTS, *BAD_NUMBERS)))
    return line


@cache
def _actions(command: str) -> list[argparse.Action]:
    parser = make_parser([command])
    subparsers = next(a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    own = subparsers.choices[command]._actions
    return [action for action in own if action.option_strings and action.dest != "help"]


def _positional(command: str, rng: random.Random) -> list[str]:
    good = rng.random() < 0.8
    model = rng.choice(MODELS[:8] if good else MODELS)
    texts = rng.choice(TRAINING if good else INPUTS)
    if command in ("train", "tune"):
        return [texts]
    if command == "quantize" or command == "info":
        return [model]
    if command == "convert":
        return [model, rng.choice(OUTPUTS[:4] if good else OUTPUTS)]
    if command == "filter":
        return [model, rng.choice(("lines.jsonl", "table.csv")) if good else texts]
    return [model, texts]


def _flag(action: argparse.Action, rng: random.Random) -> list[str]:
    flag = rng.choice(action.option_strings)
    if action.nargs == 0 or isinstance(action, argparse.BooleanOptionalAction):
        return [flag]
    good = rng.random() < 0.85
    value = _value(flag, action, good, rng)
    return [f"{flag}={value}"] if flag[:2] == "--" and rng.random() < 0.1 else [flag, value]


def _value(flag: str, action: argparse.Action, good: bool, rng: random.Random) -> str:
    dest = action.dest
    if action.choices:
        return str(rng.choice(list(action.choices))) if good else rng.choice(TEXTS + BAD_NUMBERS)
    if flag in BOUNDED:
        bad = [number for number in BAD_NUMBERS if number not in HUGE]
        return rng.choice(BOUNDED[flag] if good else bad)
    if dest in ("output", "plot", "confusion"):
        return rng.choice(OUTPUTS)
    if dest in ("log", "status"):
        return rng.choice(LOGS)
    if dest in ("pretrained_vectors", "text_embeddings", "unlabelled_embeddings", "embeddings"):
        return rng.choice(VECTORS if not good else VECTORS[:2] + VECTORS[8:9])
    if dest in ("valid", "test", "retrain", "unlabelled"):
        return rng.choice(TRAINING if good else INPUTS)
    if action.metavar in ("N", "X", "SECONDS", "SIZE", "BYTES", "P") or flag in (
        "-k",
        "--threshold",
    ):
        return rng.choice(NUMBERS if good else BAD_NUMBERS)
    return rng.choice(TEXTS + (NUMBERS if good else BAD_NUMBERS))


def _bounded(command: str, line: list[str], rng: random.Random) -> list[str]:
    """Return a line that ends soon and writes into the folder of outputs."""
    given = {word.partition("=")[0] for word in line}
    if command in ("train", "tune", "quantize", "filter") and not given & {"-o", "--output"}:
        line += ["-o", rng.choice(OUTPUTS[:1] if rng.random() < 0.9 else OUTPUTS)]
    if command in ("train", "tune"):
        line += [] if "--epochs" in given else ["--epochs", "1"]
        line += [] if "--bucket" in given else ["--bucket", "64"]
    if command == "tune":
        line += [] if "--time" in given else ["--time", "0.1"]
        line += [] if "--trials" in given else ["--trials", "1"]
    if command == "filter" and "--workers" not in given:
        line += ["--workers", "1"]
    if command == "train" and rng.random() < 0.7 and "--recipe" not in given:
        line += ["--recipe", "fixed"]
    return line


def _of_fasttext(rng: random.Random) -> list[str]:
    command = rng.choice(list(FASTTEXT))
    form = FASTTEXT[command]
    good = rng.random() < 0.7
    line = [command]
    if form.n_words is not None:
        line.append(rng.choice(MODELS[5:8] if good else MODELS))
        if command == "dump":
            line.append(rng.choice(("args", "dict", "input", "output", "x")))
        elif command == "print-ngrams":
            line.append(rng.choice(TEXTS))
        elif form.n_words[1] == 4:
            line.append(rng.choice(("fasttext.txt", "several.txt") if good else INPUTS))
        if rng.random() < 0.5:
            line += rng.choices((*NUMBERS, *BAD_NUMBERS), k=rng.choice((1, 1, 2, 3)))
        return line
    values = {"-dim": "4", "-epoch": "1", "-bucket": "64", "-thread": "1", "-minCount": "1"}
    if command == "quantize":
        values = {"-output": rng.choice(("class", "out/q", "words", "")), "-thread": "1"}
        if good:
            shutil_copy = "class"
            values["-output"] = shutil_copy
    else:
        values["-input"] = rng.choice(("fasttext.txt", "texts.txt") if good else INPUTS)
        values["-output"] = rng.choice(("out/m", "out/no/m", "out", ""))
    for name in rng.sample(form.flags, k=rng.randrange(4)):
        values.update(_flag_of_fasttext(name, rng))
    words = [word for flag, value in values.items() for word in (flag, value) if word is not None]
    if rng.random() < 0.05:
        words.pop(rng.randrange(len(words)))
    return line + words


def _flag_of_fasttext(name: str, rng: random.Random) -> dict[str, str | None]:
    from fasttext_lite.compat.files.arguments import FIELDS

    field = FIELDS[name]
    flag, good = "-" + field.metadata["flag"], rng.random() < 0.8
    if isinstance(field.default, bool):
        return {flag: None}
    if name in ("input", "autotune_validation_file"):
        more = {"-autotune-duration": "1"} if name != "input" else {}
        return {flag: rng.choice(("fasttext.txt",) if good else INPUTS), **more}
    if name == "pretrained_vectors":
        return {flag: rng.choice(VECTORS)}
    if name == "output":
        return {flag: rng.choice(("out/m", "out", "out/no/x", ""))}
    if isinstance(field.default, str):
        known = ("hs", "ns", "softmax", "ova", "one-vs-all") if name == "loss" else ("f1", "1M")
        return {flag: rng.choice(known if good else TEXTS)}
    if flag in BOUNDED:
        bad = [number for number in BAD_NUMBERS if number not in HUGE]
        return {flag: rng.choice(BOUNDED[flag] if good else bad)}
    return {flag: rng.choice(NUMBERS if good else BAD_NUMBERS)}


STDIN = b"good0 the of\nbad1 and\n"


# -- a run -----------------------------------------------------------------------------------
class _Stream(io.TextIOWrapper):
    """A standard stream in memory."""

    def __init__(self, data: bytes = b"") -> None:
        super().__init__(io.BufferedReader(io.BytesIO(data)) if data else io.BytesIO(), "utf-8",
                         "surrogateescape", write_through=True)  # fmt: skip


def run(
    argv: Sequence[str], folder: Path, stdin: bytes = b"good0 the of\nbad1 and\n"
) -> tuple[int, str, str]:
    """Run a command line in a folder; return exit code, stdout and stderr.

    Raises
    ------
    Exception
        Whatever is no exit: a traceback for the user.
    """
    given, out, err = _Stream(stdin), _Stream(), _Stream()
    before, kept = os.getcwd(), (sys.stdin, sys.stdout, sys.stderr)
    loggers = list(logging.root.handlers)
    os.chdir(folder)
    sys.stdin, sys.stdout, sys.stderr = given, out, err
    try:
        code = main(list(argv))
    except SystemExit as leaving:
        code = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    finally:
        sys.stdin, sys.stdout, sys.stderr = kept
        os.chdir(before)
        logging.root.handlers = loggers
    texts = [stream.buffer.getvalue().decode("utf-8", "replace") for stream in (out, err)]
    return code, texts[0], texts[1]


def _state(folder: Path) -> dict[str, tuple[int, int]]:
    return {
        entry.name: (entry.stat().st_size, entry.stat().st_mtime_ns)
        for entry in os.scandir(folder)
        if entry.is_file()
    }


_NO_NUMBER = re.compile(r"(?<![\w.-])[-+]?(?:nan|inf)(?![\w.-])", re.IGNORECASE)


def check(argv: Sequence[str]) -> str:
    """Run a command line: `GOOD`, or `REFUSED` with a line; see `fuzz.frame`."""
    wrong, code = fault(argv)
    if wrong:
        raise BrokenError(wrong)
    return REFUSED if code else GOOD


def fault(argv: Sequence[str]) -> tuple[str, int]:
    """Run a command line; return what is wrong with how it ended, "" if nothing is, and its code.

    Parameters
    ----------
    argv : sequence of str
    """
    folder, code = _folder_of(os.getpid()), 0
    before = _state(folder)
    wrong = ""
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter("always")
            code, out, err = run(argv, folder)
    except Exception:  # noqa: BLE001 - whatever comes is what is looked for, and told
        wrong = "traceback: " + traceback.format_exc()
    else:
        wrong = next(_faults(argv, code, out, err), "")
        for one_of in warned:
            if not wrong and not issubclass(one_of.category, DeprecationWarning | ResourceWarning):
                wrong = f"warning: {one_of}"
    left = sorted(set(os.listdir(folder)) - set(before) - {"out"})
    left += [name for name in map(str, (folder / "out").rglob("*")) if ".tmp" in name]
    allowed = {os.path.basename(word.partition("=")[2] or word) for word in argv}
    strangers = [name for name in left if not _may_write(name, allowed)]
    if strangers and not wrong:
        wrong = f"left behind: {strangers}"
    if left or _state(folder) != before:
        _renew(folder)
    else:
        shutil.rmtree(folder / "out")
        (folder / "out" / "dir").mkdir(parents=True)
    return wrong, code


def _may_write(name: str, words: set[str]) -> bool:
    """Return whether a name follows from a word of a line: it, or it with an ending."""
    return any(word and name.startswith(word.partition(".")[0]) for word in words)


def _renew(folder: Path) -> None:
    for entry in folder.iterdir():
        shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    shutil.copytree(_files(), folder, dirs_exist_ok=True)


# Precision of no answer is none, as fastText has it in `test`.
def _faults(argv: Sequence[str], code: int, out: str, err: str) -> Iterator[str]:
    if code not in (0, 2):
        yield f"exit code {code}: {err}"
    if "Traceback (most recent" in err:
        yield f"traceback on stderr: {err}"
    if code == 2 and not err:
        yield "exit code 2 without a word"
    for line in err.split("\n"):
        if len(line) > LONGEST_LINE:
            yield f"a line of {len(line):,} characters: {line[:300]}"
    if code == 0 and argv[0] not in ("test", "test-label") and (found := _NO_NUMBER.search(out)):
        yield f"no number on stdout: {out[max(found.start() - 40, 0) : found.end() + 40]!r}"


def main_of_this(argv: Sequence[str] | None = None) -> int:
    """Run some command lines; return 1 if any ended as it should not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("-n", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=1e9)
    parser.add_argument("--show", action="store_true", help="print each line")
    options = parser.parse_args(argv)
    begun, n_bad, n_done = time.monotonic(), 0, 0
    for i in range(options.n):
        if time.monotonic() - begun > options.seconds:
            break
        line = one(random.Random(f"{options.seed}-{i}"))
        start = time.monotonic()
        wrong, _ = fault(line)
        n_done += 1
        took = time.monotonic() - start
        if options.show or took > 10:
            print(f"{i}: {took:.2f} s: {[w[:60] for w in line]}", flush=True)
        if wrong:
            n_bad += 1
            print(f"{options.seed}-{i}: {[w[:80] for w in line]}\n    {wrong}", flush=True)
    print(f"{n_done} lines, {n_bad} ended badly, {time.monotonic() - begun:.0f} s")
    return int(n_bad > 0)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(main_of_this())
