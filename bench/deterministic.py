"""Deterministic training: what the same bytes for any number of threads cost, and their accuracy.

``python -m bench.deterministic`` trains on four fifths of the training part of each set and tests
on the fifth; settings are chosen once.  Trainings without locks and deterministic ones take turns;
what is timed is the loop of training, epoch by epoch.  ``--long N`` joins so many texts of a label
to one, for a set of long documents.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any
from unittest import mock

from bench import tools
from bench.tools import UsageError

HEAD = (
    "set", "threads", "ns a text and epoch: without locks", "deterministic", "ratio of medians",
    "of the fastest", "correct without locks", "deterministic",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="bench.deterministic", description=__doc__)
    parser.add_argument("--data-dir", default=tools.data_dir(), metavar="DIR")
    parser.add_argument("--sets", default="", metavar="A,B", help="default: all in DIR")
    parser.add_argument("--threads", default="1,2", metavar="N,N")
    parser.add_argument("--repeats", type=int, default=5, metavar="N", help="one seed each")
    parser.add_argument("--epochs", type=int, default=5, metavar="N", help="the first is not timed")
    parser.add_argument("--long", type=int, default=1, metavar="N")
    options = parser.parse_args(argv)
    try:
        folders = tools.find_sets(options.data_dir, options.sets)
        threads = [int(number) for number in tools.split_names(options.threads)]
    except (UsageError, ValueError) as error:
        print(f"bench.deterministic: {error}", file=sys.stderr)
        return 2
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for name, folder in folders.items():
        data = _data(str(folder / "train.tsv"), options.long)
        for n in threads:
            row = _compared(data, n, options.repeats, options.epochs)
            print(f"| {name} | {n} | " + " | ".join(row) + " |", flush=True)
    return 0


def _data(path: str, n_joined: int) -> tuple[Any, Any, Any]:
    """Return what is trained on, and features and labels of what is held out."""
    import numpy as np

    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.corpus.reader import read_corpus
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.fitting.ladder import choose
    from fasttext_lite.fitting.prepare import prepare

    corpus = read_corpus(path)
    rows, texts = corpus.label_rows, corpus.texts.to_list()
    if n_joined > 1:
        by_label: dict[Any, list[str]] = {}
        for row, text in zip(rows, texts, strict=True):
            by_label.setdefault(row, []).append(text)
        pairs = [
            (row, " ".join(of_label[i : i + n_joined]))
            for row, of_label in by_label.items()
            for i in range(0, len(of_label), n_joined)
        ]
        rows, texts = [row for row, _ in pairs], [text for _, text in pairs]
    order = np.random.default_rng(0).permutation(len(texts))
    held, rest = order[: len(order) // 5], np.sort(order[len(order) // 5 :])
    labels = Labels.from_rows([rows[i] for i in rest])
    known = Texts.from_sequence([texts[i] for i in rest])
    prepared = choose(prepare(known, labels, Config()), 0)
    others = Labels.from_rows([rows[i] for i in held]).renamed(labels.names)
    from fasttext_lite.text.analyzers import analyze

    marked = analyze(Texts.from_sequence([texts[i] for i in held]), prepared.config, 2)
    return prepared, prepared.model_space.transform(marked, 2), others


def _compared(data: tuple[Any, Any, Any], n_threads: int, n_repeats: int, epochs: int) -> list[str]:
    """Return the cells of a row."""
    from fasttext_lite.fitting.fit import fit_prepared
    from fasttext_lite.fitting.measures import first_right
    from fasttext_lite.training.run import Run

    prepared, features, labels = data
    times: dict[bool, list[float]] = {False: [], True: []}
    right: dict[bool, list[float]] = {False: [], True: []}
    for seed in range(n_repeats):
        for deterministic in (False, True):
            config = prepared.config.replace(deterministic=deterministic, epochs=epochs)
            seconds: list[float] = []
            with mock.patch.object(Run, "epoch", _timed(Run.epoch, seconds)):
                trainee = fit_prepared(prepared, config, seed=seed, n_threads=n_threads)
            n = len(prepared.labels)
            times[deterministic] += [1e9 * each / n for each in seconds[-epochs:][1:]]
            right[deterministic].append(first_right(trainee.model, features, labels).mean())
    medians = [statistics.median(times[each]) for each in (False, True)]
    shares = [statistics.mean(right[each]) for each in (False, True)]
    return [
        *(f"{median:,.0f}" for median in medians), f"{medians[1] / medians[0]:.2f}",
        f"{min(times[True]) / min(times[False]):.2f}", *(f"{share:.2%}" for share in shares),
    ]  # fmt: skip


def _timed(epoch: Any, seconds: list[float]) -> Any:
    """Return a method that writes down how long each epoch takes."""

    def timed(*arguments: Any) -> float:
        start = time.perf_counter()
        loss = epoch(*arguments)
        seconds.append(time.perf_counter() - start)
        return loss

    return timed


if __name__ == "__main__":
    sys.exit(main())
