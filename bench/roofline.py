"""How near the training loop comes to what this machine can do.

``python -m bench.roofline`` measures the machine (reading in order, fetching and changing rows
at random, multiplying), then epochs of the real kernel on made-up texts shaped like short Chinese
titles, and prints what share of the machine's speed they reach, as Markdown tables.  Then
fastText and the kernel train in turns on the same texts.  ``--quick`` takes half a minute.

All times are processor times of the thread that works: on a machine with other work to do, the
time on the clock says little.  With two threads it is the sum of both; their share is that of
one thread's speed times two.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numba import njit

from bench.tools import UsageError, about_machine, check_folders, table, write_json
from fasttext_lite.compiled import blocks
from fasttext_lite.compiled.arrays import make_table
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.label_tree.tree import huffman_tree
from fasttext_lite.training import run as runs
from fasttext_lite.training.weights import init_weights, n_output_rows

OPTIONS: Any = {
    "nogil": True, "error_model": "numpy", "fastmath": {"reassoc", "contract", "nsz"},
}  # fmt: skip
DIMS = (16, 32, 64, 100, 128)
TABLES = (50_000, 300_000, 1_300_000)
AHEAD = 16  # rows
FEATURES = 40  # of a text, on average
# Loss, head, labels, dim.
TASKS = (
    ("ova", "linear", 10, 16), ("softmax", "learned", 10, 16), ("softmax", "learned", 10, 100),
    ("softmax", "learned", 150, 128), ("ova", "linear", 150, 160), ("ova", "learned", 150, 128),
    ("hs", "learned", 150, 128), ("hs", "learned", 1600, 128), ("ns", "learned", 1600, 128),
    ("squared_hinge", "linear", 28, 32),
)  # fmt: skip
QUICK_TASKS = (TASKS[0], TASKS[2], TASKS[3], TASKS[7])

load, store, plus, zeros = (
    blocks.load_block,
    blocks.store_block,
    blocks.add_product,
    blocks.zero_block,
)
LANES = blocks.LANES


@njit(**OPTIONS)
def gather(rows, ids, vector, ahead):
    """Add the rows `ids` to a vector."""
    dim, none = vector.size, rows[:0]
    for j in range(ids.size):
        if ahead:
            blocks.fetch_rows(
                rows, none, ids, min(j + ahead, ids.size - 1), min(j + ahead + 1, ids.size)
            )
        at = np.int64(ids[j]) * dim
        for d in range(0, dim, LANES):
            n = dim - d
            block = plus(load(vector, d, n), np.float32(1), load(rows, at + d, n))
            store(vector, d, block, n, np.uint32(0))


@njit(**OPTIONS)
def update(rows, ids, vector, ahead):
    """Read and change the rows `ids`, each once, having asked for them so many rows `ahead`."""
    dim, none = vector.size, rows[:0]
    for j in range(ids.size):
        if ahead:
            blocks.fetch_rows(
                rows, none, ids, min(j + ahead, ids.size - 1), min(j + ahead + 1, ids.size)
            )
        at = np.int64(ids[j]) * dim
        for d in range(0, dim, LANES):
            n = dim - d
            block = plus(load(rows, at + d, n), np.float32(1e-9), load(vector, d, n))
            store(rows, at + d, block, n, np.uint32(0))


@njit(**OPTIONS)
def read_in_order(numbers):
    """Return the sum of all numbers."""
    total = zeros(numbers)
    other = zeros(numbers)
    one = np.float32(1)
    for at in range(0, numbers.size - 2 * LANES, 2 * LANES):
        total = plus(total, one, load(numbers, at, LANES))
        other = plus(other, one, load(numbers, at + LANES, LANES))
    return blocks.sum_of(total) + blocks.sum_of(other)


@njit(**OPTIONS)
def many_products(rows, ids, vector, scores, times):
    """Multiply rows that stay in the cache with a vector."""
    for _ in range(times):
        blocks.inner_products(rows, ids, ids.size, vector, scores)


@njit(**OPTIONS)
def many_changes(rows, ids, errors, vector, gradient, times):
    """Change rows that stay in the cache, and sum them up."""
    for _ in range(times):
        blocks.descend_rows(rows, ids, ids.size, errors, np.float32(1e-9), vector, gradient)


def seconds(work: Callable[[], Any], budget: float) -> float:
    """Return the least processor time of this thread for `work`, over a budget of seconds."""
    work()
    best, end = np.inf, time.perf_counter() + budget
    while True:
        start = time.thread_time()
        work()
        best = min(best, time.thread_time() - start)
        if time.perf_counter() > end:
            return best


def row_time(kernel: Any, rows: Any, ids: Any, vector: Any, budget: float) -> float:
    """Return the nanoseconds for each row, in the better of two ways."""
    ways = [partial(kernel, rows, ids, vector, ahead) for ahead in (0, AHEAD)]
    return min(seconds(way, budget / 2) for way in ways) / ids.size * 1e9


def zipf_ids(rng: np.random.Generator, n: int, n_rows: int) -> np.ndarray:
    """Return ids drawn with chances about 1 / (id + 1)."""
    ids = np.exp(rng.random(n) * np.log(n_rows + 1)) - 1
    return np.minimum(ids, n_rows - 1).astype(np.int32)


def texts(n_docs: int, n_rows: int, n_labels: int) -> tuple[FeatureMatrix, Labels]:
    """Return made-up texts of about `FEATURES` features each, of Zipf's frequencies."""
    rng = np.random.default_rng(0)
    sizes = rng.integers(FEATURES // 2, FEATURES * 3 // 2 + 1, n_docs)
    indptr = np.append(0, np.cumsum(sizes)).astype(np.int64)
    ids = zipf_ids(rng, int(indptr[-1]), n_rows)
    weights = np.repeat(1 / np.sqrt(sizes), sizes).astype(np.float32)
    labels = rng.integers(0, n_labels, n_docs).astype(np.int32)
    names = [str(label) for label in range(n_labels)]
    return FeatureMatrix(ids, weights, indptr), Labels(labels, np.arange(n_docs + 1), names)


def measure_machine(options: argparse.Namespace) -> dict[str, Any]:
    """Return the machine's speeds: GB/s, ns for each row, and GFLOP/s by dim."""
    rng = np.random.default_rng(0)
    budget = 0.05 if options.quick else 0.15
    numbers = make_table(1, 1 << 26).ravel()
    numbers[:] = 1
    found: dict[str, Any] = {
        "in_order": numbers.nbytes / seconds(partial(read_in_order, numbers), budget) / 1e9,
        "rows": [], "flops": [],
    }  # fmt: skip
    del numbers
    n_ids = 100_000 if options.quick else 400_000
    for dim in options.dims:
        for n_rows in options.tables:
            rows, vector = make_table(n_rows, dim), make_table(1, dim)[0]
            rows[:] = 1e-3
            for pattern in ("uniform", "zipf"):
                if pattern == "zipf":
                    ids = zipf_ids(rng, n_ids, n_rows)
                else:
                    ids = rng.integers(0, n_rows, n_ids).astype(np.int32)
                entry: dict[str, Any] = {"dim": dim, "n_rows": n_rows, "pattern": pattern}
                for name, kernel in (("gather", gather), ("update", update)):
                    entry[name] = row_time(kernel, rows, ids, vector, budget)
                found["rows"].append(entry)
    for dim in options.dims:
        n = max(4, 16384 // (4 * dim) // 4 * 4)  # 16 KB
        rows, vector, gradient = make_table(n, dim), make_table(1, dim)[0], make_table(1, dim)[0]
        ids, scores = np.arange(n, dtype=np.int32), np.zeros(n, np.float32)
        times = 2_000_000 // (n * dim) + 1
        dot = seconds(partial(many_products, rows, ids, vector, scores, times), budget)
        changes = partial(many_changes, rows, ids, scores, vector, gradient, times)
        axpy = seconds(changes, budget)
        work = n * dim * times / 1e9
        found["flops"].append({"dim": dim, "dot": 2 * work / dot, "axpy": 4 * work / axpy})
    return found


class Epoch:
    """The real kernel on made-up texts."""

    def __init__(self, task: tuple[str, str, int, int], n_docs: int, n_rows: int, **settings):
        loss, head, n_labels, dim = task
        features, labels = texts(n_docs, n_rows, n_labels)
        config = Config(loss=loss, head=head, dim=dim, lr=0.05, **settings)
        config = resolve(config, n_labels, False)
        tree = huffman_tree(labels.counts()) if loss == "hs" else None
        n_output = n_output_rows(config, n_labels)
        self.output_rows = float(config.neg + 1 if loss == "ns" else n_output)
        if tree is not None:
            self.output_rows = float(np.average(tree.depths(), weights=labels.counts()))
        self.output_rows *= head == "learned"
        weights = init_weights(config, n_rows, n_output, 0)
        self.features, self.config = features, config
        self.run = runs.Run(weights, features, labels, config, tree=tree, n_threads=2)
        self.order = np.random.default_rng(1).permutation(n_docs).astype(np.int32)

    def step(self) -> None:
        """Train on all texts, in this thread."""
        self.run.train_block(self.order, 0, 0.0, (0.05, 0.05), 1)

    def one_thread(self, budget: float) -> float:
        """Return the processor time of an epoch."""
        self.run.apart = 0
        return seconds(self.step, budget)

    def two_threads(self, times: int) -> float:
        """Return the time on the clock of an epoch in two threads, best of some."""
        self.run.n_threads, self.run.rng = 2, np.random.default_rng(0)
        self.run.apart = runs.steps_apart(self.config, 2)
        best = np.inf
        for _ in range(times):
            clock = runs._Clock(None, 1 << 30)
            start = time.perf_counter()
            self.run.epoch(0, lambda progress: 0.05, clock)
            best = min(best, time.perf_counter() - start)
        return best

    def bytes_and_flops(self) -> tuple[float, float]:
        """Return what an epoch must move to and from memory, and compute.

        Each row is read and written once (the second reading is from the cache), with its id and
        weight; the output table stays in the cache. A number of a row is multiplied and added
        once on the way forward and once back, one of an output row three times.
        """
        n, docs, dim = self.features.ids.size, self.order.size, self.config.dim or 0
        return n * (8 * dim + 8), 4 * n * dim + 6 * docs * self.output_rows * dim


def measure_training(machine: dict[str, Any], options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the times of the tasks beside those of the machine."""
    found = []
    for n_rows in options.epoch_tables:
        for task in options.tasks:
            epoch = Epoch(task, options.texts, n_rows)
            rows = make_table(n_rows, task[3])
            rows[:] = 1e-3
            vector, ids = make_table(1, task[3])[0], epoch.features.ids
            floor = row_time(update, rows, ids, vector, options.budget) * ids.size / 1e9
            one = epoch.one_thread(options.budget)
            two = epoch.two_threads(options.repeat)
            moved, flops = epoch.bytes_and_flops()
            near = min(machine["flops"], key=lambda speeds: abs(speeds["dim"] - task[3]))
            computing = flops / min(near["dot"], near["axpy"]) / 1e9
            found.append({
                "task": task, "n_rows": n_rows, "moved": moved, "flops": flops,
                "one_thread": one, "two_threads": two, "rows": floor, "computing": computing,
                "tokens": ids.size,
            })  # fmt: skip
    return found


def measure_fasttext(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the tokens that fastText and the kernel train on in a second, in turns."""
    import fasttext  # type: ignore[import-untyped]

    found = []
    n_docs, n_rows = options.texts, 50_000
    for loss, n_labels, dim in options.fasttext_tasks:
        features, labels = texts(n_docs, n_rows, n_labels)
        epoch = Epoch((loss, "learned", n_labels, dim), n_docs, n_rows)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "train.txt"
            with file.open("w") as out:
                for doc in range(n_docs):
                    ids = features.ids[features.indptr[doc] : features.indptr[doc + 1]]
                    out.write(
                        f"__label__{labels.ids[doc]} " + " ".join(f"w{i}" for i in ids) + "\n"
                    )

            def fit(epochs: int, file=file, dim=dim, loss=loss) -> float:
                while True:
                    start = time.process_time()
                    # It begins with memory that it has not cleared, sometimes NaN.
                    with contextlib.suppress(RuntimeError):
                        fasttext.train_supervised(
                            str(file), lr=0.05, epoch=epochs, thread=1, dim=dim, loss=loss,
                            wordNgrams=1, bucket=1, minCount=1, verbose=0,
                        )  # fmt: skip
                        return time.process_time() - start

            theirs, ours = [], []
            for _ in range(options.repeat):
                theirs.append((fit(6) - fit(1)) / 5)
                ours.append(epoch.one_thread(options.budget))
        n = features.ids.size
        found.append({
            "loss": loss, "labels": n_labels, "dim": dim,
            "fasttext": (n + n_docs) / min(theirs), "lite": n / min(ours),
        })  # fmt: skip
    return found


def report(found: dict[str, Any]) -> str:
    """Return the Markdown text of a run."""
    machine = found["machine"]
    lines = [found["about"], "", f"Reading in order: {machine['in_order']:.1f} GB/s", ""]
    titles = ["dim", "rows", "pattern", "gather, ns", "GB/s", "gather + update, ns", "GB/s"]
    cells = [
        [
            str(e["dim"]), f"{e['n_rows']:,}", e["pattern"], f"{e['gather']:.1f}",
            f"{4 * e['dim'] / e['gather']:.1f}", f"{e['update']:.1f}",
            f"{8 * e['dim'] / e['update']:.1f}",
        ]
        for e in machine["rows"]
    ]  # fmt: skip
    lines += [*table(titles, cells), ""]
    cells = [[str(e["dim"]), f"{e['dot']:.0f}", f"{e['axpy']:.0f}"] for e in machine["flops"]]
    lines += [*table(["dim", "dot, GFLOP/s", "axpy, GFLOP/s"], cells), ""]
    titles = [
        "loss, head, labels, dim", "rows", "ns/token", "GB/s", "share of rows",
        "share of roofline", "2 threads", "Mtokens/s",
    ]  # fmt: skip
    cells = []
    for e in found["training"]:
        n, one = e["tokens"], e["one_thread"]
        cells.append([
            " ".join(map(str, e["task"])), f"{e['n_rows']:,}", f"{one / n * 1e9:.1f}",
            f"{e['moved'] / one / 1e9:.1f}", f"{e['rows'] / one:.0%}",
            f"{max(e['rows'], e['computing']) / one:.0%}", f"{one / e['two_threads']:.2f}x",
            f"{n / one / 1e6:.1f}",
        ])  # fmt: skip
    lines += [*table(titles, cells), ""]
    lines += [
        "Share of rows: time of reading and changing the same rows once in the same order, "
        "over the epoch's time. Share of roofline: the larger of that and of the time that all "
        "multiplications take in the cache. 2 threads: on the clock, against one thread.", "",
    ]  # fmt: skip
    titles = ["loss, labels, dim", "fastText, Mtokens/s", "fasttext-lite, Mtokens/s", "ratio"]
    cells = [
        [
            f"{e['loss']} {e['labels']} {e['dim']}", f"{e['fasttext'] / 1e6:.2f}",
            f"{e['lite'] / 1e6:.2f}", f"{e['lite'] / e['fasttext']:.2f}x",
        ]
        for e in found["fasttext"]
    ]  # fmt: skip
    return "\n".join(lines + table(titles, cells))


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.roofline", description=__doc__.split("\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="half a minute, fewer cases")
    parser.add_argument("--json", metavar="FILE", help="write everything there")
    options = parser.parse_args(argv)
    try:
        check_folders(files=[options.json])
    except UsageError as error:
        print(f"bench.roofline: {error}", file=sys.stderr)
        return 2
    options.dims = (16, 128) if options.quick else DIMS
    options.tables = TABLES[:2] if options.quick else TABLES
    options.epoch_tables = TABLES[:1] if options.quick else TABLES[:2]
    options.tasks = QUICK_TASKS if options.quick else TASKS
    options.texts = 5_000 if options.quick else 15_000
    options.budget, options.repeat = (0.15, 2) if options.quick else (0.4, 4)
    options.fasttext_tasks = (("softmax", 10, 100),) if options.quick else (
        ("softmax", 10, 16), ("softmax", 10, 100), ("softmax", 150, 100), ("hs", 150, 100),
        ("ns", 150, 100),
    )  # fmt: skip
    run = about_machine()
    machine = measure_machine(options)
    found = {
        "about": f"{run['versions']}; {run['machine']}", "machine": machine,
        "training": measure_training(machine, options), "fasttext": measure_fasttext(options),
    }  # fmt: skip
    print(report(found))
    write_json(options.json, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
