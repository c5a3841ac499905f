"""The compiled segmenter against jieba: the same words, and in which time.

``python -m bench.segment --data-dir DIR`` times, on the test part of each data set, jieba,
rjieba 0.2.2 (where it is installed: its words differ from jieba's), and `Segmenter`: token
boundaries (`mark`) with and without the hidden Markov model, and lists of words (`lcut_batch`).
One thread is measured in seconds of its processor time, two threads by the clock; the programs
take turns, and the best of all rounds counts.  Then whole set-ups, each in a new process.

``--check`` compares the words of every line of every data set, train and test part, with
those of jieba, HMM on and off; no difference is the only good result (exit code 1 otherwise).
jieba takes a while: ``--keep FOLDER`` keeps what it found for the next check.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from bench import tools
from bench.stages import chinese, files
from fasttext_lite.compiled.utf8 import END
from fasttext_lite.segmenter.compiled import Segmenter

CHINESE = "thucnews,toutiao,shopping_category,shopping_sentiment,poem_author"
CHUNK = 5000  # lines that are compared at once
SLOW_BYTES = 300_000  # of text for jieba, of 4,000,000 for rjieba
RJIEBA_BYTES = 2_000_000
SET_UPS = {
    "jieba, its cache on disk": "import logging, jieba\njieba.setLogLevel(logging.WARNING)\n"
    "jieba.initialize()",
    "jieba, no cache": "import logging, jieba, os, tempfile\njieba.setLogLevel(logging.WARNING)\n"
    "with tempfile.TemporaryDirectory() as d:\n    jieba.dt.tmp_dir = d\n    jieba.initialize()",
    "rjieba": "import rjieba\nrjieba.cut('中文')",
    "Segmenter": "from fasttext_lite.segmenter import Segmenter\nSegmenter().lcut('中文')",
}


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0, 1 for a difference, 2 for bad usage."""
    parser = argparse.ArgumentParser(prog="python -m bench.segment", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv")
    add("--sets", default="", help=f"names joined by commas; default: those there of {CHINESE}")
    add("--check", action="store_true", help="compare words instead of timing")
    add("--lines", type=int, default=0, help="check the first lines of each file; 0 = all")
    add("--processes", type=int, default=2, help="of a check; default %(default)s")
    add("--keep", metavar="FOLDER", help="where jieba's words are kept")
    add("--rounds", type=int, default=5, help="of timing; default %(default)s")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    if not options.sets:
        options.sets = ",".join(
            name for name in CHINESE.split(",") if (Path(options.data_dir) / name).is_dir()
        )
    try:
        sets = tools.find_sets(options.data_dir, options.sets)
        tools.check_folders(files=[options.json])
    except tools.UsageError as error:
        print(f"bench.segment: {error}", file=sys.stderr)
        return 2
    report = check(sets, options) if options.check else measure(sets, options)
    tools.write_json(options.json, report)
    return int(any(row.get("differing", 0) for row in report["rows"]))


def make_tokenizer() -> Any:
    """Return a jieba tokenizer of its own, its dictionary loaded."""
    tokenizer = chinese.load_jieba().Tokenizer()
    tokenizer.initialize()
    return tokenizer


def read_texts(path: Path) -> list[str]:
    """Return the texts of a data set's file."""
    return [text for _, text in files.read_labelled(path)]


def join(texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of all texts, and where each begins."""
    parts = [text.encode("utf-8", "surrogatepass") for text in texts]
    offsets = np.zeros(len(parts) + 1, np.int64)
    np.cumsum([len(part) for part in parts], out=offsets[1:])
    return np.frombuffer(b"".join(parts), np.uint8), offsets


# -- the same words ----------------------------------------------------------------------------


def check(sets: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """Compare all words; print and return the counts."""
    make_tokenizer()  # writes its cache before two processes do
    jobs = []
    for name, folder in sets.items():
        for part in ("train", "test"):
            n_lines = len(read_texts(folder / f"{part}.tsv"))
            n_lines = min(n_lines, options.lines or n_lines)
            jobs += [
                (name, part, str(folder), hmm, first, min(first + CHUNK, n_lines), options.keep)
                for hmm in (True, False)
                for first in range(0, n_lines, CHUNK)
            ]
    rows: dict[tuple[str, str, bool], dict[str, Any]] = {}
    with multiprocessing.get_context("spawn").Pool(options.processes) as pool:
        for job, found in pool.imap_unordered(check_chunk, jobs):
            key = (job[0], job[1], job[3])
            empty = {"documents": 0, "bytes": 0, "tokens": 0, "differing": 0}
            row = rows.setdefault(key, {"set": key[0], "part": key[1], "hmm": key[2], **empty})
            for field in empty:
                row[field] += found[field]
            for text in found["examples"]:
                print(f"differs: {text!r}", file=sys.stderr)
    heads = ["set", "part", "hmm", "documents", "bytes", "tokens", "differing"]
    ordered = sorted(rows.values(), key=lambda row: (row["hmm"], row["set"], row["part"]))
    for hmm in (True, False):
        total = {"set": "all", "part": "", "hmm": hmm}
        chosen = [row for row in ordered if row["hmm"] == hmm and row["set"] != "all"]
        ordered.append({**total, **{h: sum(r[h] for r in chosen) for h in heads[3:]}})
    cells = [[f"{row[h]:,}" if h in heads[3:] else str(row[h]) for h in heads] for row in ordered]
    print("\n".join(tools.table(heads, cells)))
    return {"rows": ordered}


def check_chunk(job: tuple) -> tuple[tuple, dict[str, Any]]:
    """Compare the words of some lines."""
    name, part, folder, hmm, first, last, keep = job
    texts = _texts_of(folder, part)[first:last]
    buffer, offsets = join(texts)
    wanted = marks_of_jieba(texts, buffer, hmm, keep)
    found = Segmenter.default().mark(buffer, offsets, hmm) == END  # type: ignore[union-attr]
    wrong = np.flatnonzero(wanted != found)
    docs = np.unique(np.searchsorted(offsets, wrong, "right") - 1)
    return job, {
        "documents": len(texts),
        "bytes": int(buffer.size),
        "tokens": int(np.count_nonzero(wanted)),
        "differing": int(docs.size),
        "examples": [texts[doc] for doc in docs[:3]],
    }


_TEXTS: dict[tuple[str, str], list[str]] = {}
_JIEBA: list[Any] = []


def _texts_of(folder: str, part: str) -> list[str]:
    if (folder, part) not in _TEXTS:
        _TEXTS.clear()
        _TEXTS[folder, part] = read_texts(Path(folder) / f"{part}.tsv")
    return _TEXTS[folder, part]


def marks_of_jieba(texts: list[str], buffer: np.ndarray, hmm: bool, keep: str | None) -> np.ndarray:
    """Return whether each byte is the last of a word of jieba, bool[n_bytes]."""
    digest = hashlib.sha256(repr((texts, hmm)).encode("utf-8", "surrogatepass")).hexdigest()[:24]
    path = Path(keep) / f"{digest}.npy" if keep else None
    if path and path.is_file():
        return np.unpackbits(np.load(path), count=buffer.size).view(bool)
    if not _JIEBA:
        _JIEBA.append(make_tokenizer())
    sizes = []
    for text in texts:
        words = _JIEBA[0].lcut(text, HMM=hmm)
        if "".join(words) != text:
            raise AssertionError(f"jieba's words are not the text: {text!r}")
        sizes += [len(word.encode("utf-8", "surrogatepass")) for word in words]
    marks = np.zeros(buffer.size, bool)
    marks[np.cumsum(sizes, dtype=np.int64) - 1] = True
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_suffix(f".{os.getpid()}.tmp")
        with open(temporary, "wb") as file:
            np.save(file, np.packbits(marks))
        temporary.replace(path)
    return marks


# -- in which time -----------------------------------------------------------------------------


def measure(sets: dict[str, Path], options: argparse.Namespace) -> dict[str, Any]:
    """Time everything; print and return the rates in MB (1,000,000 bytes) of UTF-8 a second."""
    about = tools.about_machine("jieba", "rjieba")
    print(tools.heading("Words of Chinese text", about))
    rjieba = None
    with suppress(ImportError):
        import rjieba  # type: ignore[import-not-found,no-redef]
    if rjieba is None:
        print("- rjieba is not installed: left out (pip install rjieba==0.2.2)")
    rows = []
    tokenizer = make_tokenizer()
    heads = ["set", "program", "MB/s", "x jieba", "x rjieba"]
    print("\n" + "\n".join(tools.table(heads, [])))
    for name, folder in sets.items():
        calls = calls_of(read_texts(folder / "test.tsv"), tokenizer, rjieba)
        rates = dict.fromkeys(calls, 0.0)
        for _ in range(options.rounds):
            for title, (call, size, clock) in calls.items():
                before = clock()
                call()
                rates[title] = max(rates[title], size / 1e6 / max(clock() - before, 1e-9))
        for title, rate in rates.items():
            row: dict[str, Any] = {"set": name, "program": title, "MB/s": rate}
            for peer in ("jieba.lcut", "rjieba.cut"):
                if peer in rates:
                    row[f"x {peer.split('.')[0]}"] = rate / rates[peer]
            rows.append(row)
            cells = [name, title, *(f"{row[h]:.2f}" if h in row else "" for h in heads[2:])]
            print(f"| {' | '.join(cells)} |", flush=True)
    ups = set_ups(options.rounds, rjieba is not None)
    print("\n" + "\n".join(tools.table(
        ["set-up in a new process", "seconds, CPU", "seconds, clock"],
        [[title, f"{cpu:.2f}", f"{wall:.2f}"] for title, (cpu, wall) in ups.items()],
    )))  # fmt: skip
    return {"about": about, "rows": rows, "set_ups": ups}


def calls_of(
    texts: list[str], tokenizer: Any, rjieba: Any
) -> dict[str, tuple[Callable[[], Any], int, Callable[[], float]]]:
    """Return what is timed: a function, the bytes it works on, its clock."""
    order = np.random.default_rng(1).permutation(len(texts))
    texts = [texts[i] for i in order]
    buffer, offsets = join(texts)
    few = texts[: int(np.searchsorted(offsets, SLOW_BYTES))]
    some = texts[: int(np.searchsorted(offsets, RJIEBA_BYTES))]
    few_bytes, some_bytes = int(offsets[len(few)]), int(offsets[len(some)])
    segmenter = Segmenter.default()
    for hmm in (True, False):
        segmenter.mark(buffer[:0], offsets[:1], hmm)
    cpu, wall = time.process_time, time.perf_counter
    calls: dict[str, tuple[Callable[[], Any], int, Callable[[], float]]] = {
        "jieba.lcut": (lambda: [tokenizer.lcut(t) for t in few], few_bytes, cpu),
        "jieba.lcut, HMM=False": (lambda: [tokenizer.lcut(t, HMM=False) for t in few], few_bytes,
                                  cpu),
    }  # fmt: skip
    if rjieba is not None:
        calls["rjieba.cut"] = lambda: [rjieba.cut(t) for t in some], some_bytes, cpu
    size = int(buffer.size)
    calls |= {
        "Segmenter.mark": (lambda: segmenter.mark(buffer, offsets), size, cpu),
        "Segmenter.mark, HMM=False": (lambda: segmenter.mark(buffer, offsets, False), size, cpu),
        "Segmenter.lcut": (lambda: [segmenter.lcut(t) for t in some], some_bytes, cpu),
        "Segmenter.lcut_batch": (lambda: segmenter.lcut_batch(texts), size, cpu),
        "Segmenter.mark, by the clock": (lambda: segmenter.mark(buffer, offsets), size, wall),
        "Segmenter.mark, 2 threads, by the clock": (
            lambda: segmenter.mark(buffer, offsets, n_threads=2), size, wall,
        ),
    }  # fmt: skip
    return calls


def set_ups(rounds: int, with_rjieba: bool) -> dict[str, tuple[float, float]]:
    """Return the least seconds, of the processor and by the clock, of each set-up.

    Python's own start is part of them.
    """
    times: dict[str, tuple[float, float]] = {}
    for _ in range(rounds + 1):  # the first may compile
        for title, code in SET_UPS.items():
            if title == "rjieba" and not with_rjieba:
                continue
            before, start = os.times(), time.perf_counter()
            subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
            wall, after = time.perf_counter() - start, os.times()
            cpu = sum(after[2:4]) - sum(before[2:4])
            old = times.get(title, (cpu, wall))
            times[title] = min(old[0], cpu), min(old[1], wall)
    return times


if __name__ == "__main__":
    sys.exit(main())
