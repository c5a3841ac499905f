"""New labels: what a model makes of labels that come later, and what it keeps of the others.

``python -m bench.new_labels SET=N...`` trains on the texts of all labels but N of a set, less a
fifth of them, and then goes on with the N labels' texts, alone or with some of the others.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bench import tools
from bench.tools import UsageError

HELD = 0.2  # share of the old labels' texts that comes later
FEW = 0.1  # share of the first texts that is kept for later

# What goes on with: texts of the new labels, and of the old ones.
BATCHES = {
    "the new labels' texts alone": "new",
    "with 1 in 10 of the first texts": "few",
    "with other texts of the old labels": "later",
    "with all first texts": "first",
}
Rows = list[tuple[str, str]]


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m bench.new_labels", description=__doc__)
    parser.add_argument("sets", nargs="+", metavar="SET=N")
    parser.add_argument("--data-dir", default=tools.data_dir())
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", type=int, help="of the training file, the first of a shuffle")
    options = parser.parse_args(argv)
    try:
        chosen = dict(text.split("=") for text in options.sets)
        sets = tools.find_sets(options.data_dir, ",".join(chosen))
    except (UsageError, ValueError) as error:
        print(f"bench.new_labels: {error}", file=sys.stderr)
        return 2
    for name, path in sets.items():
        found: dict[str, list[list[float]]] = {}
        for seed in range(options.seeds):
            for way, figures in run(path, int(chosen[name]), seed, options.rows):
                found.setdefault(way, []).append(figures)
        rows = [
            [way, *(f"{figure:.3f}" for figure in np.mean(each, axis=0))]
            for way, each in found.items()
        ]
        print("\n".join(tools.table([name, "all", "old labels", "new labels"], rows)), flush=True)
    return 0


def read(path: Path) -> Rows:
    """Return labels and texts of a file."""
    lines = path.read_text("utf-8").splitlines()
    return [(label, text) for label, _, text in (line.partition("\t") for line in lines)]


def run(path: Path, n_new: int, seed: int, most: int | None) -> list[tuple[str, list[float]]]:
    """Return the accuracy of each way for all, the old and the new labels' test texts."""
    rng = np.random.default_rng(seed)
    rows, test = read(path / "train.tsv"), read(path / "test.tsv")
    rows = [rows[i] for i in rng.permutation(len(rows))[:most]]
    names = sorted({label for label, _ in rows})
    new = set(rng.permutation(names)[:n_new].tolist())
    old = [row for row in rows if row[0] not in new]
    n_held = round(HELD * len(old))
    later, first = old[:n_held], old[n_held:]
    parts = {"new": [row for row in rows if row[0] in new], "later": later, "first": first}
    parts["few"] = first[: round(FEW * len(first))]
    with tempfile.TemporaryDirectory() as folder:
        ways = _Ways(Path(folder), parts, seed)
        found: list[tuple[str, Callable[[], Any]]] = [
            ("trained anew on all", ways.anew), ("the first model", ways.first)
        ]  # fmt: skip
        for what, batch in BATCHES.items():
            found += [
                (f"partial_fit, {what}", partial(ways.more, batch)),
                (f"the same, its classes told at first, {what}", partial(ways.told, batch)),
                (f"train --init, {what}", partial(ways.init, batch)),
            ]
        return [(way, judged(make(), test, new)) for way, make in found]


def judged(model: Any, test: Rows, new: set[str]) -> list[float]:
    """Return the accuracy on all texts, on those of old labels, and on those of new ones."""
    right = model.predict([text for _, text in test]) == np.array([label for label, _ in test])
    is_new = np.array([label in new for label, _ in test])
    return [float(right.mean()), float(right[~is_new].mean()), float(right[is_new].mean())]


class _Ways:
    """Ways to a model that knows the new labels."""

    def __init__(self, folder: Path, parts: dict[str, Rows], seed: int) -> None:
        from fasttext_lite import FastTextClassifier

        self.folder, self.parts, self.seed = folder, parts, seed
        self.kind = FastTextClassifier
        self.base = self._classifier().fit(*_split(parts["first"]))
        self.base.save(folder / "base.ftl")
        self.names = sorted({label for rows in parts.values() for label, _ in rows})

    def _classifier(self) -> Any:
        return self.kind(random_state=self.seed)

    def _batch(self, name: str) -> Rows:
        rows = self.parts["new"] + (self.parts[name] if name != "new" else [])
        order = np.random.default_rng(self.seed).permutation(len(rows))
        return [rows[i] for i in order]

    def first(self) -> Any:
        """Return the model that knows the old labels alone."""
        return self.base

    def anew(self) -> Any:
        """Train on all texts at once."""
        rows = self.parts["first"] + self.parts["later"] + self.parts["new"]
        return self._classifier().fit(*_split(rows))

    def more(self, batch: str) -> Any:
        """Go on with one pass."""
        return self.kind.load(self.folder / "base.ftl").partial_fit(*_split(self._batch(batch)))

    def told(self, batch: str) -> Any:
        """Go on with one pass after one, whose classes had the new labels already."""
        found = self._classifier().partial_fit(*_split(self.parts["first"]), classes=self.names)
        return found.partial_fit(*_split(self._batch(batch)))

    def init(self, batch: str) -> Any:
        """Go on from the command line."""
        from fasttext_lite.cli import app

        data, out = self.folder / "more.tsv", self.folder / "out.ftl"
        data.write_text("".join(f"{a}\t{b}\n" for a, b in self._batch(batch)), "utf-8")
        words = ["train", data, "-o", out, "--init", self.folder / "base.ftl", "-q", "--seed"]
        assert app.main([*map(str, words), str(self.seed)]) == 0
        return self.kind.load(out)


def _split(rows: Rows) -> tuple[list[str], list[str]]:
    return [text for _, text in rows], [label for label, _ in rows]


if __name__ == "__main__":
    sys.exit(main())
