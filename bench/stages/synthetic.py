"""Labelled texts by rule, as many and of as many labels as wanted; ``scaling.py`` asks for them.

Labels follow Zipf's law. A label has a few words of its own, which some other labels have too; a
text has most of its label's words, in any order, among words that tell nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from bench.stages.files import to_fasttext, write_lines

LABEL_WORDS, SHARED = 4, 6  # words of a label, labels of a word
CHANCE = 0.7  # of each of the label's words to be in a text
NOISE, NOISE_WORDS = 5, 20_000  # other words in a text, and in all
SYLLABLES = [a + b for a in "bcdfghjklmnprstvwxyz" for b in "aeiou"]


def write(job: dict[str, Any]) -> dict[str, Any]:
    """Write the files of a data set to the folder ``job["work"]``.

    ``train.tsv``, ``train.ft`` (for fastText), ``texts.txt`` and ``gold.txt`` (for the test),
    of ``job["rows"]`` and ``job["test_rows"]`` rows with ``job["labels"]`` labels.
    """
    work, n_labels = Path(job["work"]), job["labels"]
    labels, texts = make(n_labels, job["rows"], np.random.default_rng([job["seed"], 0]), True)
    write_lines(work / "train.tsv", [f"l{a}\t{b}" for a, b in zip(labels, texts, strict=True)])
    write_lines(
        work / "train.ft", [to_fasttext([f"l{a}"], b) for a, b in zip(labels, texts, strict=True)]
    )
    rng = np.random.default_rng([job["seed"], 1])
    labels, texts = make(n_labels, job["test_rows"], rng, False)
    write_lines(work / "texts.txt", texts)
    write_lines(work / "gold.txt", [f"l{label}" for label in labels])
    return {}


def make(
    n_labels: int, n_rows: int, rng: np.random.Generator, every: bool
) -> tuple[list[int], list[str]]:
    """Return labels and texts in random order; with `every`, each label once at least.

    The words of a label depend on its number and `n_labels` alone.
    """
    chances = 1 / np.arange(1, n_labels + 1)
    labels = rng.choice(n_labels, n_rows, p=chances / chances.sum())
    if every:
        labels[:n_labels] = np.arange(n_labels)[:n_rows]
        rng.shuffle(labels)
    n_words = max(LABEL_WORDS * n_labels // SHARED, 50)
    own = np.random.default_rng(0).integers(n_words, size=(n_labels, LABEL_WORDS))
    frequency = 1 / np.arange(10, NOISE_WORDS + 10)
    noise = rng.choice(NOISE_WORDS, (n_rows, NOISE), p=frequency / frequency.sum())
    words = np.hstack([NOISE_WORDS + own[labels], noise])
    words[:, :LABEL_WORDS][rng.random((n_rows, LABEL_WORDS)) >= CHANCE] = -1
    words = np.take_along_axis(words, rng.random(words.shape).argsort(axis=1), axis=1)
    names = [word(i) for i in range(NOISE_WORDS + n_words)]
    texts = [" ".join([names[i] for i in row if i >= 0]) for row in words.tolist()]
    return labels.tolist(), texts


def word(number: int) -> str:
    """Return a word of three syllables or more, a different one for each number."""
    rest = number * 7919 % 1_000_000 + number // 1_000_000 * 1_000_000  # neighbours look unlike
    syllables = []
    while rest or len(syllables) < 3:
        rest, digit = divmod(rest, len(SYLLABLES))
        syllables.append(SYLLABLES[digit])
    return "".join(syllables)
