"""The steps of `bench.shared_memory`: make the models, or be one of the workers.

``python -m bench.stages.shared_memory make FOLDER BUCKETS DIM NAME...`` writes models of random
numbers; ``... work FOLDER NAME`` loads one, predicts texts that touch its whole table, prints
"ready" and waits for the end of its input.
"""

from __future__ import annotations

import json
import pickle
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

SEED = 1
N_WORDS = 100_000
N_LABELS = 8
ROWS_OF_A_PIECE = 1 << 16
# Of a table of dim 100 a page of memory holds ten rows: it is missed with probability exp(-15).
NGRAMS_OF_A_ROW = 1.5
TEXT_WORDS = 250


def make(folder: Path, n_buckets: int, dim: int, names: list[str]) -> None:
    """Write models and texts; print the size of each file as JSON."""
    import numpy as np

    from fasttext_lite.compat.convert import from_fasttext
    from fasttext_lite.compat.files.arguments import Args
    from fasttext_lite.compat.files.binary import ModelParts
    from fasttext_lite.compat.files.dictionary import Dictionary
    from fasttext_lite.compat.files.tables import DenseTable
    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.compat.python.model import wrapped
    from fasttext_lite.model.storage import save_model

    generator = np.random.default_rng(SEED)
    args = Args.supervised(dim=dim, bucket=n_buckets, word_ngrams=2, minn=0, maxn=0)
    entries = [f"word{i}" for i in range(N_WORDS)] + [f"__label__{i}" for i in range(N_LABELS)]
    dictionary = Dictionary.of_words(
        args, [entry.encode() for entry in entries], [1000] * len(entries), N_WORDS, 1 << 20
    )
    table = np.empty((N_WORDS + n_buckets, dim), np.float32)
    for first in range(0, len(table), ROWS_OF_A_PIECE):
        piece = table[first : first + ROWS_OF_A_PIECE]
        generator.standard_normal(out=piece, dtype=np.float32)
    output = generator.standard_normal((N_LABELS, dim), dtype=np.float32)
    parts = ModelParts(args, dictionary, DenseTable.of(table), DenseTable.of(output))
    model = FastTextModel(parts)
    model.save(folder / "model.bin")
    if "pickle" in names:
        with open(folder / "model.pickle", "wb") as file:
            pickle.dump(wrapped(model), file, protocol=5)
    if "ftl" in names:
        save_model(from_fasttext(model), folder / "model.ftl")
    n_texts = int(NGRAMS_OF_A_ROW * len(table)) // TEXT_WORDS + 1
    words = random.Random(SEED).choices(entries[:N_WORDS], k=n_texts * TEXT_WORDS)
    texts = [" ".join(words[i * TEXT_WORDS : (i + 1) * TEXT_WORDS]) for i in range(n_texts)]
    (folder / "texts.txt").write_text("\n".join(texts), "utf-8")
    print(json.dumps({path.suffix[1:]: path.stat().st_size for path in folder.glob("model.*")}))


def _model_file(path: Path) -> Callable[[list[str]], Any]:
    from fasttext_lite import ModelFile

    model = ModelFile(path)
    return lambda texts: model.predict_batch(texts, threads=1)


def _pickle(path: Path) -> Callable[[list[str]], Any]:
    with open(path, "rb") as file:
        return pickle.load(file).predict


def _fasttext(path: Path) -> Callable[[list[str]], Any]:
    import fasttext

    return fasttext.load_model(str(path)).predict


PREDICTORS: dict[str, tuple[str, Callable[[Path], Callable[[list[str]], Any]]]] = {
    "bin": ("model.bin", _model_file),
    "ftl": ("model.ftl", _model_file),
    "pickle": ("model.pickle", _pickle),
    "fasttext": ("model.bin", _fasttext),
}


def work(folder: Path, name: str) -> None:
    """Load a model, predict, and wait, with the model in memory."""
    file, load = PREDICTORS[name]
    predict = load(folder / file)
    texts = (folder / "texts.txt").read_text("utf-8").split("\n")
    for first in range(0, len(texts), 500):
        predict(texts[first : first + 500])
    del texts
    print("ready", flush=True)
    sys.stdin.read()
    del predict


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4]), sys.argv[5:])
    else:
        work(Path(sys.argv[2]), sys.argv[3])
