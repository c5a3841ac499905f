"""The unharmed files that fuzzers damage: small ones, of every format, and what they answer."""

from __future__ import annotations

import contextlib
import gzip
import io
import json
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite import FastTextClassifier, FastTextEnsemble, compat

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
    """Yield a folder in memory, where the system has one, that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", dir=in_memory()) as name:
        yield Path(name)


def in_memory() -> str | None:
    """Return the place for files in memory; None where there is none."""
    return "/dev/shm" if os.path.isdir("/dev/shm") else None


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


@cache
def sealed() -> dict[str, Sample]:
    """Return model files as this version writes them."""
    found = {}
    with folder() as place:
        path = str(place / "model.ftl")
        for name, make in MODELS.items():
            make().save(path)
            found[name] = Sample(name, "model", Path(path).read_bytes(), is_sealed=_is_sealed())
        FastTextEnsemble(n_members=2, **QUICK).fit(TEXTS, LABELS).save(path)
        data = Path(path).read_bytes()
        found["ensemble"] = Sample("ensemble", "ensemble", data, is_sealed=_is_sealed())
    return found


def _is_sealed() -> bool:
    from fasttext_lite.model import storage

    return storage.FORMAT_VERSION >= 5


@cache
def unsealed() -> dict[str, Sample]:
    """Return files of formats without checksums."""
    found = {
        path.stem: Sample(path.stem, "model", path.read_bytes())
        for path in sorted(GOLDEN.glob("v[1-4]_*.ftl"))
    }
    with folder() as place:
        for name, data in {**_of_fasttext(place), **_tables(place)}.items():
            kind = "fasttext" if name.endswith((".bin", ".ftz")) else "vectors"
            kind = "embeddings" if name.startswith("rows") else kind
            found[name] = Sample(name, kind, data, os.path.splitext(name)[1])
        for name, data in _records(place).items():
            found[name] = Sample(name, name.partition(".")[0], data, os.path.splitext(name)[1])
    return found


def samples() -> dict[str, Sample]:
    """Return all files."""
    return {**sealed(), **unsealed()}


def _of_fasttext(place: Path) -> dict[str, bytes]:
    """Return model files of fastText, and vectors."""
    texts = place / "texts"
    lines = [f"__label__{a} {b}\n" for a, b in zip(LABELS, TEXTS, strict=True)]
    texts.write_text("".join(lines), "utf-8")
    models = {
        "softmax.bin": {"wordNgrams": 2}, "hs.bin": {"loss": "hs", "minn": 2, "maxn": 3},
        "ova.bin": {"loss": "ova"}, "ns.bin": {"loss": "ns"},
    }  # fmt: skip
    for name, settings in models.items():
        model = compat.train_supervised(str(texts), **FASTTEXT | settings)
        model.save_model(str(place / name))
    # Tables of fewer than 256 rows have no such form.
    many = {"bucket": 400, "wordNgrams": 2}
    model = compat.train_supervised(str(texts), **FASTTEXT | many)
    model.quantize(cutoff=300, qnorm=True)
    model.save_model(str(place / "cut.ftz"))
    texts.write_text("".join(f"__label__{i % 260} word{i} word\n" for i in range(520)), "utf-8")
    model = compat.train_supervised(str(texts), **FASTTEXT | many)
    model.quantize(qout=True)
    model.save_model(str(place / "out.ftz"))
    texts.write_text("".join(lines), "utf-8")
    words = compat.train_unsupervised(str(texts), **FASTTEXT | {"minn": 2, "maxn": 3})
    words.save_model(str(place / "words.bin"))
    found = {path.name: path.read_bytes() for path in place.iterdir() if path.suffix in _THEIRS}
    vectors = {word: words.get_word_vector(word) for word in words.words}
    lines = [f"{word} {' '.join(f'{x:.4f}' for x in own)}\n" for word, own in vectors.items()]
    text = f"{len(lines)} 4\n" + "".join(lines)
    found["words.vec"] = text.encode()
    found["packed.vec.gz"] = gzip.compress(text.encode(), mtime=0)
    return found


_THEIRS = (".bin", ".ftz")


def _tables(place: Path) -> dict[str, bytes]:
    """Return tables of embeddings of the texts."""
    from safetensors.numpy import save

    rows = np.random.default_rng(1).normal(size=(len(TEXTS), 3)).astype(np.float32)
    array = io.BytesIO()
    np.save(array, rows)
    found = {
        "rows.npy": array.getvalue(),
        "rows.safetensors": save({"embeddings": rows}),
        "rows16.safetensors": save({"embeddings": rows.astype(np.float16)}),
    }
    with contextlib.suppress(ImportError):
        import pyarrow as pa
        import pyarrow.parquet as pq

        table = pa.table({"embeddings": [list(map(float, row)) for row in rows]})
        pq.write_table(table, place / "rows.parquet")
        found["rows.parquet"] = (place / "rows.parquet").read_bytes()
    return found


def _records(place: Path) -> dict[str, bytes]:
    """Return what searches and filters keep of their work."""
    from fuzz import readers

    return {
        "trials.jsonl": readers.trials(place / "trials.jsonl"),
        "manifest.json": json.dumps(readers.MADE_WITH).encode(),
        "part.json": json.dumps(readers.RECORD).encode(),
    }
