"""The unharmed files that fuzzers damage: small ones, of every format, and what they answer."""

from __future__ import annotations

import atexit
import contextlib
import gzip
import io
import itertools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite import FastTextClassifier, FastTextEnsemble, compat
from fasttext_lite.compiled import paging

GOLDEN = Path(__file__).parent.parent / "tests" / "golden"
TEXTS = [
    "red apples and pears", "green apples", "fast cars on wet roads", "slow cars", "old songs",
    "new songs of 热汤", "a bowl of pears", "roads and cars", "songs, old songs",
] * 3  # fmt: skip
LABELS = ["fruit", "fruit", "cars", "cars", "music", "music", "fruit", "cars", "music"] * 3
QUERIES = ["red cars", "old apples of 热汤", "", "nothing known"]
QUICK: dict[str, Any] = {
    "recipe": "fixed", "epochs": 3, "dim": 4, "bucket": 64, "random_state": 0, "n_jobs": 1,
}  # fmt: skip
FASTTEXT: dict[str, Any] = {
    "dim": 4, "epoch": 3, "bucket": 50, "thread": 1, "minCount": 1, "verbose": 0,
}  # fmt: skip


@dataclass(frozen=True)
class Sample:
    """A file, and who reads it.

    Attributes
    ----------
    name : str
    kind : str
        Of reader, see `fuzz.readers`.
    data : bytes
    ending : str
    is_sealed : bool
        Whether checksums tell all damage.
    """

    name: str
    kind: str
    data: bytes = field(repr=False)
    ending: str = ".ftl"
    is_sealed: bool = False


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """Yield a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=place()) as name:
        yield Path(name)


@cache
def place() -> str:
    """Return the folder of all files of this run: in memory, where the system has that.

    Processes that are forked have the same one; the first removes it at its end.
    """
    in_memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    found, owner = tempfile.mkdtemp(prefix="fuzz-", dir=in_memory), os.getpid()

    def remove() -> None:
        if os.getpid() == owner:
            shutil.rmtree(found, ignore_errors=True)

    atexit.register(remove)
    return found


def new_path(ending: str) -> str:
    """Return a path that nobody had before: maps of files of old may still be there."""
    return f"{place()}/{os.getpid()}-{next(_NUMBERS)}{ending}"


_NUMBERS = itertools.count()


def classifier(**settings: Any) -> FastTextClassifier:
    """Return a small classifier, fitted."""
    labels: Any = LABELS
    if settings.pop("several", False):
        labels = [[name, "all"] for name in LABELS]
    return FastTextClassifier(**QUICK | settings).fit(TEXTS, labels)


MODELS: dict[str, Callable[[], Any]] = {
    "plain": lambda: classifier(),
    "hs": lambda: classifier(loss="hs", head="learned"),
    "deep": lambda: classifier(norm="layer", units=3, head="learned", word_ngrams=2),
    "batch": lambda: classifier(norm="batch", activation="maxout", units=2, head="learned"),
    "several": lambda: classifier(several=True),
    "chars": lambda: classifier(minn=1, maxn=2, pooling="tfidf"),
    "half": lambda: classifier(dtype="float16"),
    "chosen": lambda: classifier(recipe="auto"),
    "small": lambda: classifier(word_ngrams=2).quantize(),
    "tiny": lambda: classifier(loss="hs", head="learned").quantize(size=4200),
}


SEALED = (*MODELS, "paged", "ensemble", "checkpoint")
OLD = tuple(path.stem for path in sorted(GOLDEN.glob("v[1-4]_*.ftl")))
FASTTEXT_MODELS = ("softmax.bin", "hs.bin", "ova.bin", "ns.bin", "words.bin", "cut.ftz", "out.ftz")
VECTORS = ("words.vec", "packed.vec.gz")
EMBEDDINGS = ("rows.npy", "rows.safetensors", "rows16.safetensors", "rows.parquet")
RECORDS = ("trials.jsonl", "manifest.json", "part.json")
KINDS = {
    **dict.fromkeys((*MODELS, "paged", *OLD), "model"), "ensemble": "ensemble",
    "checkpoint": "checkpoint",
    **dict.fromkeys(FASTTEXT_MODELS, "fasttext"), **dict.fromkeys(VECTORS, "vectors"),
    **dict.fromkeys(EMBEDDINGS, "embeddings"),
    **{name: name.partition(".")[0] for name in RECORDS},
}  # fmt: skip


@cache
def sample(name: str) -> Sample:
    """Return a file of `KINDS`."""
    if name in SEALED:
        return Sample(name, KINDS[name], _of_this_version(name), is_sealed=True)
    if name in OLD:
        return Sample(name, KINDS[name], (GOLDEN / f"{name}.ftl").read_bytes())
    group = _of_fasttext if name in (*FASTTEXT_MODELS, *VECTORS) else _tables
    data = (_records if name in RECORDS else group)()[name]
    return Sample(name, KINDS[name], data, os.path.splitext(name)[1])


def _of_this_version(name: str) -> bytes:
    with folder() as own:
        path = own / "model.ftl"
        if name in MODELS:
            MODELS[name]().save(path)
        elif name == "checkpoint":
            return _broken_off(own)
        elif name == "paged":
            with _small_blocks():
                classifier(dim=16, minn=1, maxn=3, bucket=200, head="learned").save(path)
        else:
            FastTextEnsemble(n_members=2, **QUICK).fit(TEXTS, LABELS).save(path)
        return path.read_bytes()


def _broken_off(own: Path) -> bytes:
    """Return the checkpoint of a training after its first epoch."""
    from fasttext_lite.fitting.checkpoint import LAST

    def end(training: Any) -> None:
        if training.epoch == 2:
            raise KeyboardInterrupt

    estimator = FastTextClassifier(**QUICK | {"loss": "hs", "optimizer": "adam", "patience": 2})
    with contextlib.suppress(KeyboardInterrupt):
        estimator.fit(TEXTS, LABELS, checkpoint=own / "kept", callbacks=[end])
    return (own / "kept" / LAST).read_bytes()


@contextlib.contextmanager
def _small_blocks() -> Iterator[None]:
    """Let small tables be written as large ones are: in blocks, each with its checksum."""
    kept = paging.LARGE, paging.BLOCK
    paging.LARGE, paging.BLOCK = 1024, 512
    try:
        yield
    finally:
        paging.LARGE, paging.BLOCK = kept


@cache
def _of_fasttext() -> dict[str, bytes]:
    """Return model files of fastText, and vectors."""
    with folder() as own:
        return _trained_by_compat(own)


def _trained_by_compat(own: Path) -> dict[str, bytes]:
    texts = own / "texts"
    lines = [f"__label__{a} {b}\n" for a, b in zip(LABELS, TEXTS, strict=True)]
    texts.write_text("".join(lines), "utf-8")
    models = {
        "softmax.bin": {"wordNgrams": 2}, "hs.bin": {"loss": "hs", "minn": 2, "maxn": 3},
        "ova.bin": {"loss": "ova"}, "ns.bin": {"loss": "ns"},
    }  # fmt: skip
    for name, settings in models.items():
        model = compat.train_supervised(str(texts), **FASTTEXT | settings)
        model.save_model(str(own / name))
    # Tables of fewer than 256 rows have no such form.
    many = {"bucket": 400, "wordNgrams": 2}
    model = compat.train_supervised(str(texts), **FASTTEXT | many)
    model.quantize(cutoff=300, qnorm=True)
    model.save_model(str(own / "cut.ftz"))
    texts.write_text("".join(f"__label__{i % 260} word{i} word\n" for i in range(520)), "utf-8")
    model = compat.train_supervised(str(texts), **FASTTEXT | many)
    model.quantize(qout=True)
    model.save_model(str(own / "out.ftz"))
    texts.write_text("".join(lines), "utf-8")
    words = compat.train_unsupervised(str(texts), **FASTTEXT | {"minn": 2, "maxn": 3})
    words.save_model(str(own / "words.bin"))
    found = {name: (own / name).read_bytes() for name in FASTTEXT_MODELS}
    vectors = {word: words.get_word_vector(word) for word in words.words}
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in own)}\n" for word, own in vectors.items()]
    text = f"{len(lines)} 4\n" + "".join(lines)
    found["words.vec"] = text.encode()
    found["packed.vec.gz"] = gzip.compress(text.encode(), mtime=0)
    return found


@cache
def _tables() -> dict[str, bytes]:
    """Return tables of embeddings of the texts."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from safetensors.numpy import save

    rows = np.random.default_rng(1).normal(size=(len(TEXTS), 3)).astype(np.float32)
    array = io.BytesIO()
    np.save(array, rows)
    found = {
        "rows.npy": array.getvalue(),
        "rows.safetensors": save({"embeddings": rows}),
        "rows16.safetensors": save({"embeddings": rows.astype(np.float16)}),
    }
    file = io.BytesIO()
    table = pa.table({"embeddings": [list(map(float, row)) for row in rows]})
    pq.write_table(table, file)
    return {**found, "rows.parquet": file.getvalue()}


@cache
def _records() -> dict[str, bytes]:
    """Return what searches and filters keep of their work."""
    from fuzz import readers

    with folder() as own:
        trials = readers.trials(own / "trials.jsonl")
    return {
        "trials.jsonl": trials,
        "manifest.json": json.dumps(readers.MADE_WITH).encode(),
        "part.json": json.dumps(readers.RECORD).encode(),
    }
