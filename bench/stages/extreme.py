"""Texts of several labels of very many, by rule, for `bench.extreme`; its contenders and scores.

The texts are made like the public sets of extreme classification (Amazon-670K, Wiki-500K and their
titles):

- Labels are frequent as rank ** -`SKEW`: of as many texts as labels, a label has five texts on
  average, the most frequent a thousand times as many, most two or three.
- Labels form groups of `GROUP`, and these families of `FAMILY` groups. A text has a first label and
  others, `MORE` on average, most of its group, some of its family, some any.
- A label has `OWN` words, each of which `SHARED` labels have; a group and a family have words, too.
  A text has each word of its labels with the chance `CHANCE`, some words of the first label's group
  and family, and `NOISE` words that tell nothing: a dozen in all, as a title.

Each line is fastText's, ``__label__l12 __label__l7 text``; label numbers tell nothing.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.stages import peers
from bench.stages.files import PREFIX, peak_memory, read_lines
from bench.stages.synthetic import word

SKEW = 0.5  # as Amazon-670K: its most frequent label has 1,800 of 490,000 texts
GROUP, FAMILY = 16, 32
MORE, MOST = 4.0, 20  # labels of a text: beside the first on average, and at most
OF_GROUP, OF_FAMILY = 0.6, 0.25  # of the other labels
OWN, SHARED, CHANCE = 2, 4, 0.6
GROUP_WORDS, GROUP_CHANCE = 4, 0.4
FAMILY_WORDS, FAMILY_DRAWN = 12, 2
NOISE, NOISE_WORDS = 3, 20_000
CHUNK = 100_000  # texts made at a time


class World(NamedTuple):
    """What texts are drawn from; a label's place is the number that groups go by.

    Attributes
    ----------
    names : int[n_labels]
        The number in each label's name, by its place.
    chances : float64[n_labels]
        Of the first label.
    within : float64[n_groups, GROUP]
        Sums of the chances in a group, up to 1.
    own : int64[n_labels, OWN]
    groups : int64[n_groups, GROUP_WORDS]
    families : int64[n_families, FAMILY_WORDS]
        Numbers of words.
    words : list of str
    """

    names: np.ndarray
    chances: np.ndarray
    within: np.ndarray
    own: np.ndarray
    groups: np.ndarray
    families: np.ndarray
    words: list[str]


def make_world(n_labels: int) -> World:
    """Return the labels and their words; they depend on the number of labels alone."""
    rng = np.random.default_rng([n_labels, 0])
    ranks = rng.permutation(n_labels)
    chances = (1.0 + ranks) ** -SKEW
    n_groups = -(-n_labels // GROUP)
    n_families = -(-n_groups // FAMILY)
    within = np.zeros((n_groups, GROUP))
    within.flat[:n_labels] = chances
    within = np.cumsum(within, axis=1)
    within /= within[:, -1:]
    n_own = max(OWN * n_labels // SHARED, 50)
    sizes = (NOISE_WORDS, n_own, n_groups * GROUP_WORDS // 2 + 50, n_families * FAMILY_WORDS)
    first = np.cumsum(np.append(0, sizes))
    own = first[1] + rng.integers(n_own, size=(n_labels, OWN))
    groups = first[2] + rng.integers(sizes[2], size=(n_groups, GROUP_WORDS))
    families = first[3] + np.arange(sizes[3]).reshape(n_families, FAMILY_WORDS)
    words = [word(i) for i in range(first[-1])]
    return World(
        rng.permutation(n_labels), chances / chances.sum(), within, own, groups, families, words
    )


def draw_labels(world: World, n: int, rng: np.random.Generator) -> np.ndarray:
    """Return the places of the labels of n texts, int64[n, MOST], the first first; -1 = none.

    A place may stand there twice.
    """
    places = np.full((n, MOST), -1)
    ends = np.cumsum(world.chances)
    n_labels, n_groups = len(world.names), len(world.within)

    def draw(size: int) -> np.ndarray:
        return np.minimum(np.searchsorted(ends, rng.random(size)), n_labels - 1)

    places[:, 0] = draw(n)
    docs, ranks = np.nonzero(np.arange(1, MOST) <= rng.poisson(MORE, n)[:, None])
    group = places[docs, 0] // GROUP
    kind = rng.random(docs.size)
    near = group // FAMILY * FAMILY + rng.integers(FAMILY, size=docs.size)
    group = np.where(kind < OF_GROUP, group, np.minimum(near, n_groups - 1))
    at = (world.within[group] < rng.random(docs.size)[:, None]).sum(axis=1)
    chosen = np.minimum(group * GROUP + np.minimum(at, GROUP - 1), n_labels - 1)
    anywhere = kind >= OF_GROUP + OF_FAMILY
    chosen[anywhere] = draw(int(anywhere.sum()))
    places[docs, ranks + 1] = chosen
    return places


def draw_words(world: World, places: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the numbers of the words of texts, int64[n, :], in random order; -1 = none."""
    n, group = len(places), places[:, 0] // GROUP
    own = world.own[places]
    own[(places < 0)[:, :, None] | (rng.random(own.shape) >= CHANCE)] = -1
    of_group = world.groups[group]
    of_group[rng.random(of_group.shape) >= GROUP_CHANCE] = -1
    family = rng.integers(FAMILY_WORDS, size=(n, FAMILY_DRAWN))
    of_family = world.families[(group // FAMILY)[:, None], family]
    ranks = (NOISE_WORDS + 10.0) ** rng.random((n, NOISE)) * 10 ** (1 - rng.random((n, NOISE)))
    noise = np.clip(ranks.astype(np.int64) - 10, 0, NOISE_WORDS - 1)
    words = np.hstack([own.reshape(n, -1), of_group, of_family, noise])
    return np.take_along_axis(words, rng.random(words.shape).argsort(axis=1), axis=1)


def draw_texts(world: World, n: int, seed: list[int]) -> Iterator[tuple[list[int], str]]:
    """Yield label numbers, each once, and text."""
    rng = np.random.default_rng(seed)
    for start in range(0, n, CHUNK):
        places = draw_labels(world, min(CHUNK, n - start), rng)
        words = draw_words(world, places, rng)
        numbers = np.where(places >= 0, world.names[places], -1)
        for labels, row in zip(numbers.tolist(), words.tolist(), strict=True):
            own = [label for label in dict.fromkeys(labels) if label >= 0]
            yield own, " ".join([world.words[i] for i in row if i >= 0])


def write(job: dict[str, Any]) -> dict[str, Any]:
    """Write the files of a set to the folder ``job["folder"]``, and describe it.

    ``train.ft``; ``test.ft``, whose labels training has, and ``texts.txt``, the same without
    labels; ``gold.npz``: ``ids`` and ``indptr``, the labels of the test texts by the numbers in
    their names, and ``counts``, how often each label occurs in training.
    """
    work, n_labels = Path(job["folder"]), job["labels"]
    world = make_world(n_labels)
    counts = np.zeros(n_labels, np.int64)
    with open(work / "train.ft", "w", encoding="utf-8") as file:
        for labels, text in draw_texts(world, job["rows"], [job["seed"], 1]):
            counts[labels] += 1
            file.write(_line(labels, text))
    ids, sizes = [], [0]
    with (
        open(work / "test.ft", "w", encoding="utf-8") as labelled,
        open(work / "texts.txt", "w", encoding="utf-8") as bare,
    ):
        for labels, text in draw_texts(world, job["test_rows"], [job["seed"], 2]):
            if known := [label for label in labels if counts[label]]:
                labelled.write(_line(known, text))
                bare.write(text + "\n")
                ids += known
                sizes.append(len(known))
    np.savez(work / "gold.npz", ids=ids, indptr=np.cumsum(sizes), counts=counts)
    return describe(job)


def describe(job: dict[str, Any]) -> dict[str, Any]:
    """Return what is to be known of the files of `write` in the folder ``job["folder"]``."""
    gold = np.load(Path(job["folder"]) / "gold.npz")
    with open(Path(job["folder"]) / "train.ft", "rb") as file:
        n_train = sum(1 for _ in file)
    used = gold["counts"][gold["counts"] > 0]
    return {
        "n_train": n_train, "n_test": gold["indptr"].size - 1, "n_labels": int(used.size),
        "labels_per_text": float(used.sum() / n_train), "texts_per_label": float(used.mean()),
        "median_texts": float(np.median(used)), "most_texts": int(used.max()),
    }  # fmt: skip


def _line(labels: list[int], text: str) -> str:
    return "".join(f"{PREFIX}l{label} " for label in labels) + text + "\n"


# -- contenders ------------------------------------------------------------------------------
TOP, WARM_TEXTS = 5, 20
BEAMS = (5, 10, 20, 50)
# A text or many to the numbers in the names of their first labels, int[n, TOP], -1 = none.
Ranker = Callable[[list[str]], np.ndarray]


def predict(job: dict[str, Any]) -> dict[str, Any]:
    """Rank the labels of the texts with ``job["model"]``, in one thread; time and score it."""
    start = time.perf_counter()
    rank, beamed = {"lite": load_lite, "fasttext": load_fasttext}[job["package"]](job["model"])
    loaded = time.perf_counter()
    texts = read_lines(job["texts"])
    rank(texts[:1])
    first = time.perf_counter()
    rank(texts[:WARM_TEXTS])
    cpu = time.process_time()
    found = rank(texts)
    cpu = time.process_time() - cpu
    peak, gold, beams = peak_memory(), np.load(job["gold"]), {}
    for width in BEAMS if beamed else ():
        beamed(width)
        rank(texts[:WARM_TEXTS])
        began = time.process_time()
        again = rank(texts)
        spent = 1e6 * (time.process_time() - began) / len(texts)
        beams[str(width)] = {**score(again, gold, job["train"]), "predict_microseconds": spent}
    return {
        **score(found, gold, job["train"]), "beams": beams,
        "load_seconds": loaded - start, "first_seconds": first - loaded,
        "predict_microseconds": 1e6 * cpu / len(texts), "peak_memory": peak,
    }  # fmt: skip


def load_lite(path: str) -> tuple[Ranker, Callable[[int], None] | None]:
    """Return what ranks with a fasttext-lite model, and what sets its beam if it has a tree."""
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.storage import load_model

    model = load_model(path)
    numbers = np.array([*(int(name[1:]) for name in model.labels), -1])

    def rank(texts: list[str]) -> np.ndarray:
        return numbers[model.predict(Texts.from_sequence(texts), TOP, n_threads=1).labels]

    def set_beam(width: int) -> None:
        model.beam = width

    return rank, set_beam if model.link == "tree" else None


def load_fasttext(path: str) -> tuple[Ranker, None]:
    """Return what ranks with a fastText model."""
    import fasttext

    model = fasttext.load_model(path)
    begin = len(PREFIX) + 1

    def rank(texts: list[str]) -> np.ndarray:
        rows = [[int(name[begin:]) for name in row] for row in model.predict(texts, k=TOP)[0]]
        return np.array([row + [-1] * (TOP - len(row)) for row in rows])

    return rank, None


def score(found: np.ndarray, gold: Any, train: str) -> dict[str, float]:
    """Return precision and propensity-scored precision at 1, 3 and 5."""
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.evaluation import ranking

    with open(train, "rb") as file:
        n_train = sum(1 for _ in file)
    counts = gold["counts"]
    labels = Labels(gold["ids"].astype(np.int32), gold["indptr"], [""] * counts.size)
    chances = ranking.propensities(counts, n_train)
    ks = (1, 3, 5)
    plain = ranking.precision_at_k(found, labels, ks)
    scored = ranking.propensity_scored_precision_at_k(found, labels, chances, ks)
    return {
        **{f"p{k}": value for k, value in zip(ks, plain, strict=True)},
        **{f"psp{k}": value for k, value in zip(ks, scored, strict=True)},
    }


STAGES = {"synthesize": write, "describe": describe, "train": peers.train, "predict": predict}

if __name__ == "__main__":
    peers.main(sys.argv[1:], STAGES, peers.MODULES)
