"""Bytes that a training reads, writes and keeps, as formulas, and what a run really moves.

``python -m bench.bytes_moved [--points 5:1,50:1,50:2,250:2] [--json FILE]`` generates a corpus for
each point (megabytes and longest word n-gram; ``stages/zipf_corpus.py``), trains on it in a process
of its own, and prints what the kernel counted for that process (``/proc/self/io``, Linux) beside
what the formulas of `moved` say.  ``--forecast 1e10:100`` says what they, and those of a cluster
(`forecast`), make of so many tokens on so many workers.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.stages import zipf_corpus
from bench.tools import UsageError

# Words and word n-grams, as fastText has them, in a table that no slot of is shared.
SETTINGS: dict[str, Any] = {
    "lr": 0.5, "epochs": 2, "dim": 16, "loss": "softmax", "maxn": 0, "head": "learned",
    "pooling": "mean", "supervision": 0.0, "bias": False, "bucket": 20_000_000, "min_df": 1,
}  # fmt: skip
POINTS = "5:1,50:1,50:2,250:1,250:2"
HEAD = ("corpus, MB", "n-grams", "tokens", "features", "rows", *(
    f"{stage} {way}: MB ({what})"
    for stage in ("features", "training") for way in ("read", "written")
    for what in ("formula", "measured")
), "model: MB (formula)", "(measured)", "CPU ns a token", "a visit")  # fmt: skip


def moved(load: dict[str, Any]) -> dict[str, dict[str, int]]:
    """Return the bytes that a training on a file of over 32 MB reads and writes, by stage.

    - A text is read once, and its words are kept as numbers of 4 bytes, which are read again.
    - A feature of a text is a row and a weight: 8 bytes.  Those that are too rare are written, too.
    - A text has an end of its features (8), a share (4), an end of its labels (8), and 4 for each
      label; in training a place in the order (8).
    - An epoch reads the features once.

    Parameters
    ----------
    load : dict
        What `_stage` counts: corpus (bytes), tokens, texts, labelled (labels of all texts),
        entries (features of all texts), kept (those with a row), epochs.
    """
    numbers = 4 * load["tokens"]
    return {
        "features": {
            "read": load["corpus"] + numbers,
            "written": numbers
            + 8 * load["entries"]
            + 20 * load["texts"]
            + 4 * load["labelled"],
        },
        "training": {"read": 8 * load["kept"] * load["epochs"], "written": 8 * load["texts"]},
    }  # fmt: skip


def model_bytes(load: dict[str, Any]) -> int:
    """Return the bytes of a model: each row and each word has 8 bytes beside its own."""
    rows = (load["item"] * load["dim"] + 8) * load["rows"]
    return rows + 8 * load["words"] + load["word_bytes"]


# Measured: `python -m bench.bytes_moved` (processor ns of a token and of a visit; features of a
# token; bytes of a token), and bench.distributed (the share of the rows that one of n shares of the
# texts has: n ** ROWS_OF_SHARE; ms of processor of a task of Dask; parts of the tables a round).
FEATURES_NS, VISIT_NS, PER_TOKEN, TOKEN_BYTES = 540, 65, 1.91, 5.2
ROWS_OF_SHARE, TASK_MS, ROUND_SHARE, ROUNDS, PHASES = -0.63, 9, 0.01, 16, 17
NETWORK, PRICE = 1.25e9, 0.05  # assumed: bytes a second (10 Gbit), and of an hour of a processor


def forecast(
    tokens: float, workers: int, rows: float = 1e7, dim: int = 16, epochs: int = 5
) -> dict[str, float]:
    """Return what training on a cluster of one-thread workers takes, by the formulas.

    Parameters
    ----------
    tokens : float
        Of all texts.
    workers : int
    rows : float
        Of the table.
    dim, epochs : int

    Returns
    -------
    dict
        Seconds of each stage, bytes on the way and in memory, and the price.
    """
    own, table = tokens / workers, 4 * dim * rows
    features, of_share = own * PER_TOKEN, rows * workers**ROWS_OF_SHARE
    found = {
        "a worker: features, s": own * FEATURES_NS / 1e9,
        "a worker: training, s": features * epochs * VISIT_NS / 1e9,
        "tasks, s": (PHASES + ROUNDS * epochs) * workers * TASK_MS / 1e3,
        "words and rows to the workers, bytes": 8 * rows * workers,
        "frequencies and rows of shares to the client, bytes": 10 * of_share * workers
        + rows / 8 * workers,
        "labels of rows between workers, bytes": features * workers + 4 * rows * workers,
        "rounds, bytes": ROUND_SHARE * table * ROUNDS * epochs,
        "all rows to the client in the end, bytes": 2 * dim * of_share * workers,
        "a worker: memory, bytes": 4 * own + 8 * features + 4 * dim * of_share,
        "the client: memory, bytes": table + 4 * of_share * workers + 16 * rows,
        "text, bytes": TOKEN_BYTES * tokens,
    }  # fmt: skip
    to_client = ("words", "frequencies", "rounds", "all rows")
    at_client = sum(value for name, value in found.items() if name.startswith(to_client))
    found["the client's network, s"] = at_client / NETWORK
    seconds = sum(value for name, value in found.items() if name.endswith(", s"))
    return {**found, "all, s": seconds, "price": seconds / 3600 * workers * PRICE}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print it; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="bench.bytes_moved", description=__doc__)
    parser.add_argument("--points", default=POINTS, metavar="MB:N,...")
    parser.add_argument("--work-dir", metavar="DIR", help="for the corpus and temporary files")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument(
        "--forecast",
        default="",
        metavar="TOKENS:WORKERS,...",
        help="instead: by the formulas alone",
    )
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.stage:
        print(json.dumps(_stage(**json.loads(options.stage))))
        return 0
    try:
        for tokens, workers in map(_point, tools.split_names(options.forecast)):
            for name, value in forecast(tokens, workers).items():
                is_size = name.endswith("bytes")
                print(f"{name:<55}{value / 1e9 if is_size else value:>10,.2f}{' e9' * is_size}")
        if options.forecast:
            return 0
        points = [_point(text) for text in tools.split_names(options.points)]
        tools.check_folders(files=[options.json])
    except UsageError as error:
        print(f"bench.bytes_moved: {error}", file=sys.stderr)
        return 2
    report: dict[str, Any] = {"about": tools.about_machine(), "settings": SETTINGS, "points": []}
    print("| " + " | ".join(HEAD) + " |\n|" + "--:|" * len(HEAD))
    for megabytes, ngrams in points:
        with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
            found = measure(megabytes, ngrams, Path(work))
        report["points"].append(found)
        print("| " + " | ".join(row(found)) + " |", flush=True)
        tools.write_json(options.json, report)
    return 0


def _point(text: str) -> tuple[float, int]:
    megabytes, _, ngrams = text.partition(":")
    try:
        return float(megabytes), int(ngrams or 1)
    except ValueError:
        raise UsageError(f"{text}: a point is two numbers, A:B") from None


def measure(megabytes: float, ngrams: int, work: Path) -> dict[str, Any]:
    """Generate a corpus, train on it, and return what was counted."""
    (path,) = zipf_corpus.write(work, int(megabytes * 1e6), 1, 50)
    job = {"path": path, "ngrams": ngrams, "model": str(work / "model.ftl")}
    command = [sys.executable, "-m", "bench.bytes_moved", "--stage", json.dumps(job)]
    done = subprocess.run(
        command, cwd=tools.ROOT, env={**os.environ, "TMPDIR": str(work)}, check=True,
        stdout=subprocess.PIPE,
    )  # fmt: skip
    found = json.loads(done.stdout)
    return {**found, "megabytes": megabytes, "ngrams": ngrams, "formula": moved(found)}


def row(found: dict[str, Any]) -> list[str]:
    """Return the cells of a line of the table."""
    cells = [
        f"{found['megabytes']:g}", str(found["ngrams"]),
        *(f"{found[name] / 1e6:.2f} M" for name in ("tokens", "kept", "rows")),
    ]  # fmt: skip
    for stage in ("features", "training"):
        for way in ("read", "written"):
            cells += [
                f"{each[stage][way] / 1e6:,.1f}" for each in (found["formula"], found["measured"])
            ]
    cells += [f"{size / 1e6:.1f}" for size in (model_bytes(found), found["model_bytes"])]
    seconds = {stage: found["measured"][stage]["cpu"] for stage in ("features", "training")}
    cells.append(f"{1e9 * seconds['features'] / found['tokens']:.0f}")
    cells.append(f"{1e9 * seconds['training'] / found['kept'] / found['epochs']:.0f}")
    return cells


# -- in a process of its own -----------------------------------------------------------------
def _stage(path: str, ngrams: int, model: str) -> dict[str, Any]:
    """Make features, train and save; return what was counted, and what it was counted of."""
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.formats import ReadOptions
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.features import vocabulary
    from fasttext_lite.features.entries import Entries
    from fasttext_lite.fitting import fit
    from fasttext_lite.fitting.streaming import CHUNK_BYTES, prepare_file
    from fasttext_lite.model.storage import save_model

    seen = {"tokens": 0, "entries": 0}
    finish, words = Entries.complete, vocabulary.Vocabulary.words

    def complete(entries: Any) -> None:
        finish(entries)
        seen["entries"] = entries.size

    def words_of(self: Any, config: Any) -> Any:
        seen["tokens"] = self.n_tokens
        return words(self, config)

    Entries.complete, vocabulary.Vocabulary.words = complete, words_of  # type: ignore[method-assign]
    config = Config(**SETTINGS, word_ngrams=ngrams)
    measured, before = {}, _counted()
    prepared = prepare_file(CorpusReader(path, ReadOptions(), CHUNK_BYTES), config)
    measured["features"] = _since(before)
    before = _counted()
    trained = fit.fit_prepared(prepared, seed=1).model
    measured["training"] = _since(before)
    save_model(trained, model)
    space = prepared.space
    return {
        **seen, "measured": measured, "corpus": os.path.getsize(path),
        "texts": len(prepared.labels),
        "labelled": int(prepared.labels.ids.size), "kept": int(prepared.features.indptr[-1]),
        "epochs": config.epochs, "rows": space.n_rows, "words": space.n_words,
        "word_bytes": int(space.pool.size), "dim": trained.embeddings.shape[1],
        "item": trained.embeddings.itemsize, "model_bytes": os.path.getsize(model),
        "peak_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
    }  # fmt: skip


def _counted() -> tuple[int, int, float]:
    lines = Path("/proc/self/io").read_text().splitlines()
    counts = dict(line.split(": ") for line in lines)
    return int(counts["rchar"]), int(counts["wchar"]), time.process_time()


def _since(before: tuple[int, int, float]) -> dict[str, float]:
    now = _counted()
    names = ("read", "written", "cpu")
    return {name: b - a for name, a, b in zip(names, before, now, strict=True)}


if __name__ == "__main__":
    sys.exit(main())
