"""Word vectors against fastText: time of the whole process, memory, and what the vectors are worth.

    python -m bench.word_vectors --data-dir DIR --cli fasttext

Makes a text for each language of the train parts of the labelled sets in DIR (English: words;
Chinese: characters), one line a text, shuffled, and trains on it with fastText's defaults and equal
threads: the command ``fasttext-lite skipgram`` (writes .bin and .vec), the Python package of
fastText (writes .bin) and, if given, its program (writes both). Contenders take turns in each
round, so that what else the machine does hits all of them. Results, one JSON line each:

- seconds from start to end of the process, processor seconds, peak memory;
- neighbours: of the 10 nearest words of the 2,000 most frequent ones, the share that two trainings
  with different seeds have in common, for each pair of contenders (and each with itself; the
  package of fastText 0.9.2 takes no seed: its trainings share one, and much of their noise);
- accuracy: of a logistic regression on the mean of the unit vectors of a text's words, by set.

Only the standard library is imported here: Linux counts a parent's memory to its child's peak.
"""

from __future__ import annotations

import argparse
import importlib.metadata as metadata
import itertools
import json
import os
import platform
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.stages import files
from bench.tools import ROOT

# Sets whose texts are trained on, and those whose labels are predicted.
SETS = {
    "en": ("ag_news_small", "banking77", "clinc150", "goemotions"),
    "zh": ("thucnews", "toutiao", "shopping_category"),
}
SEVERAL_LABELS = ("goemotions",)
MODELS = ("skipgram", "cbow")
NEAREST, ASKED = 10, 2000
MOST_TEXTS = 20_000  # to train a classifier on
WHEEL = """
import sys, fasttext
model, input, output, thread, epoch = sys.argv[1:]
fasttext.train_unsupervised(
    input, model, thread=int(thread), epoch=int(epoch), verbose=0
).save_model(output + ".bin")
"""


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, metavar="DIR")
    parser.add_argument("--cli", metavar="PROGRAM", help="fastText's program")
    parser.add_argument("--languages", default="en,zh")
    parser.add_argument("--models", default="skipgram,cbow")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epoch", type=int, default=5)
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    show(versions(options))
    with tempfile.TemporaryDirectory() as folder:
        for language in options.languages.split(","):
            path = os.path.join(folder, f"{language}.txt")
            facts = write_corpus(options.data_dir, SETS[language], path)
            show({"language": language, **facts})
            for model in options.models.split(","):
                measure(options, language, model, path, folder)


def measure(
    options: argparse.Namespace, language: str, model: str, corpus: str, folder: str
) -> None:
    """Train with all contenders in turn, and print the lines of one model."""
    case = {"language": language, "model": model}
    contenders = ["lite", "fasttext"] + (["cli"] if options.cli else [])
    train(options, "lite", model, corpus, os.path.join(folder, "first"), 1)  # compiles
    found: dict[str, list[Any]] = {name: [] for name in contenders}
    saved: list[tuple[str, str]] = []
    for run in range(options.runs):
        # fastText's generator makes the same of seeds 0 and 1, and adds a thread's number.
        seed = 1000 * (run + 1)
        for name in contenders:
            output = os.path.join(folder, f"{name}-{run}")
            found[name].append(train(options, name, model, corpus, output, seed))
            saved.append((name, vectors_of(output)))
    for name in contenders:
        seconds, processor, memory = (
            statistics.median(column) for column in zip(*found[name], strict=True)
        )
        show({
            **case, "contender": name, "seconds": round(seconds, 2),
            "cpu_seconds": round(processor, 2), "peak_mb": round(memory),
            "of_fasttext": round(seconds / statistics.median(r[0] for r in found["fasttext"]), 3),
        })  # fmt: skip
    lines = child("--quality", json.dumps([options.data_dir, SETS[language], saved]))
    for line in lines.splitlines():
        show({**case, **json.loads(line)})


def train(
    options: argparse.Namespace, name: str, model: str, corpus: str, output: str, seed: int
) -> tuple[float, float, float]:
    """Train in a process of its own; return seconds, processor seconds and MB at the peak."""
    flags = ["-input", corpus, "-output", output, "-thread", str(options.threads)]
    flags += ["-seed", str(seed), "-epoch", str(options.epoch), "-verbose", "0"]
    commands = {
        "lite": [sys.executable, "-m", "fasttext_lite", model, *flags],
        "fasttext": [
            sys.executable, "-c", WHEEL, model, corpus, output, str(options.threads),
            str(options.epoch),
        ],
        "cli": [options.cli, model, *flags],
    }  # fmt: skip
    start = time.perf_counter()
    process = subprocess.Popen(commands[name], cwd=ROOT, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} failed: {' '.join(commands[name])}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def vectors_of(output: str) -> str:
    """Take the word vectors out of a model, which is deleted; return the file of them."""
    child("--vectors", output)
    for kind in (".bin", ".vec"):
        Path(output + kind).unlink(missing_ok=True)
    return output + ".npz"


def child(*arguments: str) -> str:
    """Run this module in a process that may import what it likes."""
    command = [sys.executable, "-m", "bench.word_vectors", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def show(facts: dict[str, Any]) -> None:
    """Print a line."""
    print(json.dumps(facts, ensure_ascii=False), flush=True)


def versions(options: argparse.Namespace) -> dict[str, Any]:
    """Return what was compared, where."""
    packages = {}
    for name in (
        "fasttext-lite",
        "fasttext",
        "fasttext-wheel",
        "fasttext-numpy2-wheel",
        "numba",
        "numpy",
    ):
        try:
            packages[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(), **packages, "cli": options.cli,
        "processors": os.cpu_count(), "threads": options.threads, "epoch": options.epoch,
        "runs": options.runs, "load": os.getloadavg()[0],
    }  # fmt: skip


# -- texts -------------------------------------------------------------------------------------


def tokens(text: str) -> list[str]:
    """Return words and punctuation marks in lower case; Chinese characters one by one."""
    return re.findall(r"[a-z0-9']+|[^\sa-z0-9']", text.lower())


def read_set(folder: str, name: str, part: str) -> list[tuple[str, str]]:
    """Return label and text of each line of a part of a data set."""
    return files.read_labelled(os.path.join(folder, name, f"{part}.tsv"))


def write_corpus(folder: str, names: tuple[str, ...], path: str) -> dict[str, int]:
    """Write the text to train on; return how large it is."""
    lines = [tokens(text) for name in names for _, text in read_set(folder, name, "train")]
    random.Random(0).shuffle(lines)
    with open(path, "w", encoding="utf-8") as file:
        file.writelines(" ".join(line) + "\n" for line in lines)
    return {
        "lines": len(lines), "tokens": sum(len(line) + 1 for line in lines),
        "bytes": os.path.getsize(path),
    }  # fmt: skip


# -- quality, in processes of their own --------------------------------------------------------


def save_vectors(output: str) -> None:
    """Write words and unit vectors of a model."""
    import numpy as np

    from fasttext_lite.compat.model import FastTextModel

    model = FastTextModel.load(output + ".bin")
    vectors = model.all_word_vectors()
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    np.savez(output + ".npz", words=np.array(model.dictionary.words), vectors=vectors)


def print_quality(folder: str, names: list[str], saved: list[tuple[str, str]]) -> None:
    """Print agreement of neighbours, and accuracies."""
    import numpy as np

    tables = []
    for name, path in saved:
        with np.load(path) as found:
            tables.append((name, dict(zip(found["words"].tolist(), found["vectors"], strict=True))))
    words = [word for word in tables[0][1] if all(word in table for _, table in tables)]
    nearest = []
    for _, table in tables:
        vectors = np.stack([table[word] for word in words])
        products = vectors[:ASKED] @ vectors.T
        np.fill_diagonal(products, -2)
        nearest.append(np.argpartition(-products, NEAREST, axis=1)[:, :NEAREST])
    shares: dict[tuple[str, str], list[float]] = {}
    for i, j in itertools.combinations(range(len(tables)), 2):
        common = (nearest[i][:, :, None] == nearest[j][:, None, :]).sum() / nearest[i].size
        shares.setdefault((tables[i][0], tables[j][0]), []).append(common)
    merged: dict[tuple[str, ...], list[float]] = {}
    for pair, values in shares.items():
        merged.setdefault(tuple(sorted(pair)), []).extend(values)
    for pair, values in merged.items():
        show({"neighbours": pair, "share": round(statistics.mean(values), 4)})
    for name in names:
        if name in SEVERAL_LABELS:
            continue
        accuracies: dict[str, list[float]] = {}
        for contender, table in tables:
            accuracies.setdefault(contender, []).append(worth_of(table, folder, name))
        show({"accuracy": name, **{k: round(statistics.mean(v), 4) for k, v in accuracies.items()}})


def worth_of(table: dict[bytes, Any], folder: str, name: str) -> float:
    """Return the accuracy of a logistic regression on means of word vectors."""
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    parts = []
    for part in ("train", "test"):
        rows = read_set(folder, name, part)
        random.Random(0).shuffle(rows)
        means = np.zeros((len(rows[:MOST_TEXTS]), len(next(iter(table.values())))), np.float32)
        for i, (_, text) in enumerate(rows[:MOST_TEXTS]):
            known = [table[word] for word in map(str.encode, tokens(text)) if word in table]
            if known:
                means[i] = np.mean(known, axis=0)
        parts.append((means, [label for label, _ in rows[:MOST_TEXTS]]))
    means, scale = parts[0][0].mean(axis=0), parts[0][0].std() + 1e-9
    classifier = LogisticRegression(max_iter=60)
    classifier.fit((parts[0][0] - means) / scale, parts[0][1])
    found = classifier.predict((parts[1][0] - means) / scale)
    return files.accuracy(found.tolist(), [{label} for label in parts[1][1]])


if __name__ == "__main__":
    if sys.argv[1:2] == ["--vectors"]:
        save_vectors(sys.argv[2])
    elif sys.argv[1:2] == ["--quality"]:
        import warnings

        warnings.simplefilter("ignore")  # the regression is stopped before it has converged
        print_quality(*json.loads(sys.argv[2]))
    else:
        main()
