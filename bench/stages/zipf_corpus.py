"""Write a corpus of any size whose words, and labels that depend on them, are Zipf distributed.

``python -m bench.stages.zipf_corpus DIR --gigabytes 5 [--files 8] [--labels 50] [--zst]``

A text is ``label<TAB>words``, or has fastText's prefix. Its label is drawn in proportion to 1 /
rank, and its length is
log-normal. Of its words, a part (`TOPICAL`) is drawn from the label's own words, a few (`FRESH`)
are drawn evenly from millions, so that the vocabulary grows with the text as that of real text
does (Heaps' law), and the others are drawn from all `WORDS` in proportion to 1 / rank
(G. K. Zipf: Human Behavior and the Principle of Least Effort, 1949). One label is as good as
another at random, and a text that has few topical words is one that nobody can be sure of.

Everything is drawn as numbers in arrays, and a word is at most seven letters and a space: eight
bytes, one number, so that texts are gathered and the unused bytes dropped at some 100 MB/s.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

WORDS, OWN_WORDS = 300_000, 2_000
TOPICAL, FRESH = 0.06, 0.003
MEAN_WORDS, SPREAD = 40, 0.6  # words of a text; standard deviation of their logarithm
TEXTS, TEST_TEXTS = 1 << 16, 10_000  # written at a time, and to test on
PLACES = 1 << 22  # of a table to draw words from

_SYLLABLES = np.frombuffer(
    "".join(a + b for a in "bcdfghklmnprst" for b in "aeiou").encode(), np.uint8
).reshape(-1, 2)
_BASE = len(_SYLLABLES)


def spell(numbers: np.ndarray) -> np.ndarray:
    """Return words as they are written, a space behind them, uint64[n]: eight bytes each.

    Parameters
    ----------
    numbers : int64[n]
        Below `_BASE` ** 3 * 26; one word each, the lowest ones the shortest.
    """
    cells = np.zeros((numbers.size, 8), np.uint8)
    cells[:, :2] = _SYLLABLES[numbers % _BASE]
    length = np.full(numbers.size, 2)
    for i, least in enumerate((_BASE, _BASE**2), start=1):
        longer = numbers >= least
        rest = numbers // least - 1
        cells[longer, 2 * i : 2 * i + 2] = _SYLLABLES[rest[longer] % _BASE]
        length += 2 * longer
    last = numbers >= _BASE**3
    cells[last, 6] = ord("a") + (numbers[last] // _BASE**3 - 1) % 26
    length += last
    cells[np.arange(numbers.size), length] = ord(" ")
    return cells.view(np.uint64).ravel()


def zipf_table(n: int, n_places: int, rng: np.random.Generator) -> np.ndarray:
    """Return numbers below `n`, int32[n_places], each as often as its rank has it."""
    shares = 1 / np.arange(1, n + 1)
    ends = np.cumsum(shares)
    # One place each, at even distances with one common offset: rare ones are there or not.
    places = (np.arange(n_places) + rng.random()) / n_places * ends[-1]
    return np.searchsorted(ends, places).clip(max=n - 1).astype(np.int32)


class Corpus:
    """Draws texts.

    Parameters
    ----------
    n_labels : int
    seed : int
    prefixed : bool
        Whether labels have fastText's prefix, and no tab behind them.
    """

    def __init__(self, n_labels: int, seed: int = 0, prefixed: bool = False) -> None:
        self.rng = np.random.default_rng(seed)
        words = zipf_table(WORDS, PLACES, self.rng)
        self.common = spell(words.astype(np.int64))
        self.labels = zipf_table(n_labels, 1 << 16, self.rng)
        # Own words of a label: neither the most frequent nor the rarest ones, and some are shared.
        own = self.rng.integers(200, WORDS, (n_labels, OWN_WORDS))
        ranks = zipf_table(OWN_WORDS, 1 << 13, self.rng)
        self.own = spell(own[:, ranks].ravel()).reshape(n_labels, -1)
        form = "__label__L{:05} " if prefixed else "L{:05}\t\0"
        names = "".join(form.format(i) for i in range(n_labels))
        self.names = np.frombuffer(names.encode(), np.uint64).reshape(n_labels, -1)

    def texts(self, n: int) -> bytes:
        """Return `n` texts, a line each."""
        rng = self.rng
        label = self.labels[rng.integers(0, self.labels.size, n)]
        sizes = np.exp(rng.normal(np.log(MEAN_WORDS) - SPREAD**2 / 2, SPREAD, n))
        sizes = sizes.astype(np.int64).clip(3, 2000)
        n_cells = self.names.shape[1]
        ends = np.cumsum(sizes + n_cells)
        begins, total = ends - sizes - n_cells, int(ends[-1])
        cells = self.common[rng.integers(0, PLACES, total, np.int32)]
        kind = rng.random(total, np.float32)
        own = np.flatnonzero(kind < TOPICAL)
        of_text = np.repeat(label, sizes + n_cells)
        cells[own] = self.own[of_text[own], rng.integers(0, self.own.shape[1], own.size)]
        fresh = np.flatnonzero(kind > 1 - FRESH)
        cells[fresh] = spell(rng.integers(_BASE**3, _BASE**3 * 26, fresh.size))
        for i in range(n_cells):
            cells[begins + i] = self.names[label, i]
        bytes_ = cells.view(np.uint8)
        last = bytes_.reshape(-1, 8)[ends - 1]
        last[last == ord(" ")] = ord("\n")
        bytes_.reshape(-1, 8)[ends - 1] = last
        return bytes_[bytes_ != 0].tobytes()


def write(
    folder: str | Path, n_bytes: int, n_files: int = 8, n_labels: int = 50, packed: bool = False,
    seed: int = 0, prefixed: bool = False,
) -> list[str]:  # fmt: skip
    """Write the corpus, and ``test.tsv`` of texts like its own; return the names of its files.

    Parameters
    ----------
    folder : str
        Made if need be.
    n_bytes : int
        Of all files, before they are packed.
    n_files, n_labels : int
    packed : bool
        With zstd.
    seed : int
    prefixed : bool
        As of `Corpus`.
    """
    os.makedirs(folder, exist_ok=True)
    corpus, paths = Corpus(n_labels, seed, prefixed), []
    with open(os.path.join(folder, "test.tsv"), "wb") as file:
        file.write(corpus.texts(TEST_TEXTS))
    for i in range(n_files):
        path = os.path.join(folder, f"part-{i:03}.tsv" + ".zst" * packed)
        with open(path, "wb") as file:
            for data in _blocks(corpus, n_bytes * (i + 1) // n_files - n_bytes * i // n_files):
                file.write(_zstd(data) if packed else data)
        paths.append(path)
    return paths


def _blocks(corpus: Corpus, n_bytes: int) -> Iterator[bytes]:
    n_texts = TEXTS
    while n_bytes > 0:
        data = corpus.texts(min(n_texts, n_bytes // 200 + 1))
        n_bytes -= len(data)
        yield data


def _zstd(data: bytes) -> bytes:
    """Return a frame; several of them, one after another, are a file."""
    import zstandard

    return zstandard.ZstdCompressor(level=1).compress(data)


def main() -> None:
    """Write a corpus and say how large it is."""
    parser = argparse.ArgumentParser(prog="python -m bench.stages.zipf_corpus", description=__doc__)
    parser.add_argument("folder", metavar="DIR")
    parser.add_argument("--gigabytes", type=float, default=5.0, help="of text (default 5)")
    parser.add_argument("--files", type=int, default=8)
    parser.add_argument("--labels", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--zst", action="store_true", help="pack the files with zstd")
    parser.add_argument("--prefixed", action="store_true", help="labels as fastText has them")
    options = parser.parse_args()
    n_bytes = int(options.gigabytes * 1e9)
    for path in write(
        options.folder, n_bytes, options.files, options.labels, options.zst, options.seed,
        options.prefixed,
    ):  # fmt: skip
        print(path, os.path.getsize(path))


if __name__ == "__main__":
    main()
