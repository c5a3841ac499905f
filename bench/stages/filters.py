"""Texts and models for `bench.predict_peers`: a quality filter, and a model of GlotLID's shape.

``bench.tools.stage`` runs it in a process of its own, as models of a gigabyte are made in memory.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from bench.stages import files, peers

Job = dict[str, Any]
SPACES = re.compile(r"\s+")
SET_ROWS = 20_000  # most rows of a set
SHORT_BYTES, LONG_BYTES = 80, 6_800  # rows are joined until a text has as many
MOST_SHORT = 220
LABELS, DIM, BUCKET = 2_101, 256, 1_000_000  # GlotLID's shape
WORDS = 100_000
FILTER_LABELS = ("__label__hq", "__label__lq")
FILTER = {"dim": 100, "wordNgrams": 2, "bucket": 2_000_000, "epoch": 1, "lr": 0.2, "minCount": 2}
FILTER_THREADS = 11  # the wheel leaves a part of its table as memory was with less than ten


def texts(job: Job) -> dict[str, Any]:
    """Write ``short.txt`` and ``long.txt``: texts of natural language, each of one data set.

    ``same.txt`` has one long text, of the first set. Rows of a set follow each other in random
    order, and begin anew when all were used.
    """
    rng = random.Random(job["seed"])
    sets = [rows_of(Path(folder)) for folder in job["sets"]]
    work, sizes = Path(job["work"]), {}
    for name, n, least, most in (
        ("long", job["n_long"], LONG_BYTES, LONG_BYTES + 1000),
        ("short", job["n_short"], SHORT_BYTES, MOST_SHORT),
    ):
        pools = [endless(rows, rng) for rows in sets]
        found = [joined(pools[i % len(pools)], least, most) for i in range(n)]
        if name == "long":
            files.write_lines(work / "same.txt", found[:1])
        rng.shuffle(found)
        files.write_lines(work / f"{name}.txt", found)
        sizes[name] = sum(len(text.encode()) for text in found) / max(n, 1)
    return {"bytes": sizes}


def rows_of(folder: Path) -> list[str]:
    """Return the texts of a set's training file, each in one line without control characters."""
    rows = (SPACES.sub(" ", text).strip() for _, text in files.read_labelled(folder / "train.tsv"))
    return [text for text in rows if text][:SET_ROWS]


def endless(rows: list[str], rng: random.Random) -> Any:
    """Yield rows in random order, over and over."""
    while True:
        yield from rng.sample(rows, len(rows))


def joined(rows: Any, least: int, most: int) -> str:
    """Join rows until they have enough bytes; cut what is over."""
    found: list[str] = []
    size = 0
    while size < least:
        found.append(next(rows))
        size += len(found[-1].encode()) + 1
    return " ".join(found).encode()[:most].decode("utf-8", "ignore").strip()


def models(job: Job) -> dict[str, Any]:
    """Write a model to ``job["model"]``; ``job["kind"]`` is "filter" or "glotlid"."""
    {"filter": write_filter, "glotlid": write_glotlid}[job["kind"]](job)
    return {}


def write_filter(job: Job) -> None:
    """Train a filter of two labels on word bigrams: half of the sets against the others."""
    import fasttext

    rng = random.Random(job["seed"])
    lines = []
    for i, folder in enumerate(job["sets"]):
        rows = endless(source := rows_of(Path(folder)), rng)
        n = max(sum(len(row.encode()) for row in source) // 700, 2)
        lines += [f"{FILTER_LABELS[i % 2]} {joined(rows, 700, 800)}" for _ in range(n)]
    rng.shuffle(lines)
    train = Path(job["work"]) / "filter.txt"
    files.write_lines(train, lines)
    model = fasttext.train_supervised(str(train), **FILTER, thread=FILTER_THREADS, verbose=0)
    model.save_model(job["model"])
    train.unlink()


def write_glotlid(job: Job) -> None:
    """Write a model of random numbers that knows the most frequent words of the sets."""
    import numpy as np

    from fasttext_lite.compat.files.arguments import Args
    from fasttext_lite.compat.files.binary import ModelParts, write
    from fasttext_lite.compat.files.dictionary import Dictionary
    from fasttext_lite.compat.files.tables import DenseTable

    counts = Counter(
        w for folder in job["sets"] for row in rows_of(Path(folder)) for w in row.split(" ")
    )
    words = [(word.encode(), n) for word, n in counts.most_common(WORDS)]
    labels = [(f"__label__{i:04d}_Latn".encode(), LABELS - i) for i in range(LABELS)]
    args = Args.supervised(dim=DIM, bucket=BUCKET, minn=2, maxn=5, word_ngrams=1, loss="softmax")
    names, numbers = zip(*[(b"</s>", 1 + words[0][1]), *words, *labels], strict=True)
    dictionary = Dictionary.of_words(args, names, numbers, len(words) + 1, sum(numbers))
    rng = np.random.default_rng(job["seed"])
    table = rng.standard_normal((len(words) + 1 + BUCKET, DIM), np.float32)
    output = rng.standard_normal((LABELS, DIM), np.float32)
    write(ModelParts(args, dictionary, DenseTable.of(table), DenseTable.of(output)), job["model"])


STAGES = {"texts": texts, "models": models}

if __name__ == "__main__":
    peers.main(sys.argv[1:], STAGES, {})
