"""Who reads which file, and what is asked of it.

A reader takes a path and returns what the file answers, as arrays and texts that can be compared.
It raises an error of the package for a file that it refuses, and `BrokenError` for an answer that
no file may give: a number that is none, a probability above one.
"""

from __future__ import annotations

import dataclasses
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite import FastTextEnsemble, compat
from fasttext_lite.compat.either import load_model
from fasttext_lite.fitting.vectors import Pretrained
from fasttext_lite.model import storage
from fasttext_lite.teaching.embedding_files import read_embeddings
from fasttext_lite.tuning.log import Trial, TrialLog
from fuzz.frame import BrokenError

QUERIES = ["red cars", "old apples of 热汤", "", "nothing known"]


def check_numbers(values: Any, what: str, are_shares: bool = False) -> None:
    """Raise `BrokenError` unless all numbers are finite, and in [0, 1] if they are shares."""
    values = np.asarray(values)
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise BrokenError(f"{what} that are not finite: {values.ravel()[:8]}")
    # fastText adds 1e-5 to a probability before it takes the logarithm.
    if are_shares and values.size and not (values.min() >= 0 and values.max() <= 1 + 3e-5):
        raise BrokenError(f"{what} outside of [0, 1]: {values.ravel()[:8]}")


def of_model(path: str) -> list[Any]:
    """Return what a model of ours answers."""
    model = storage.load_model(path)
    probabilities = model.probabilities(QUERIES)
    check_numbers(probabilities, "probabilities", are_shares=True)
    one = model.predict_one(QUERIES[0], k=2)
    check_numbers([p for _, p in one], "probabilities", are_shares=True)
    hidden = model.embed(QUERIES[:2])
    check_numbers(hidden, "embeddings")
    return [model.labels, probabilities, one, hidden]


def of_ensemble(path: str) -> list[Any]:
    """Return what an ensemble answers."""
    ensemble = FastTextEnsemble.load(path)
    probabilities = ensemble.predict_proba(QUERIES)
    check_numbers(probabilities, "probabilities", are_shares=True)
    return [list(ensemble.classes_), probabilities]


def of_fasttext(path: str) -> list[Any]:
    """Return what a model of fastText answers, as it is and as one of ours."""
    theirs = compat.load_model(path)
    words, counts = theirs.get_words(include_freq=True, on_unicode_error="replace")
    found: list[Any] = [words[:20], counts[:20]]
    vectors = np.array([theirs.get_word_vector("cars"), theirs.get_sentence_vector("red cars")])
    check_numbers(vectors, "vectors")
    found.append(vectors)
    if not theirs.model.is_supervised:
        nearest = theirs.get_nearest_neighbors("cars", k=2, on_unicode_error="replace")
        check_numbers([similarity for similarity, _ in nearest], "similarities")
        return [*found, nearest]
    found.append(theirs.get_labels(on_unicode_error="replace")[:20])
    labels, probabilities = theirs.predict(QUERIES[:2], k=2, on_unicode_error="replace")
    check_numbers(np.concatenate(probabilities), "probabilities", are_shares=True)
    ours = load_model(path).probabilities(QUERIES)
    check_numbers(ours, "probabilities", are_shares=True)
    return [*found, labels, [p.tolist() for p in probabilities], ours]


def of_vectors(path: str) -> list[Any]:
    """Return the words and vectors of a file."""
    pretrained = Pretrained(path)
    found: list[Any] = [pretrained.dim()]
    for block in pretrained.blocks():
        taken = block.take(range(len(block.words)))
        check_numbers(taken, "vectors")
        found += [block.words, taken]
    return found


def of_embeddings(path: str) -> list[Any]:
    """Return a table of embeddings."""
    rows = read_embeddings(path)
    check_numbers(rows, "embeddings")
    return [rows]


# -- records of searches ---------------------------------------------------------------------
ABOUT = {"data": "0" * 16, "space": {"lr": [0.1, 0.5]}, "metric": "accuracy"}


def _trial(number: int) -> Trial:
    values: dict[str, Any] = {
        "number": number, "params": {"lr": 0.1 * number}, "status": "done", "share": 1.0,
        "score": 0.5, "best": 0.5, "size": 1000, "seconds": 0.1, "pace": 1e-5,
        "fold_scores": (0.5,),
    }  # fmt: skip
    known = {f.name: f for f in dataclasses.fields(Trial)}
    rest = {name: None for name in known if name not in values}
    return Trial(**{name: value for name, value in values.items() if name in known} | rest)


def trials(path: Path) -> bytes:
    """Write a log of trials; return its bytes."""
    log = TrialLog(path, ABOUT)
    for number in range(3):
        log.add(_trial(number))
    log.close()
    return path.read_bytes()


def of_trials(path: str) -> list[Any]:
    """Return the trials of a log that is gone on with."""
    log = TrialLog(path, ABOUT, resume=True)
    log.close()
    again = TrialLog(path, ABOUT, resume=True)
    again.close()
    if again.trials != log.trials:
        raise BrokenError("a log that was opened has other trials afterwards")
    for trial in log.trials:
        check_numbers([x for x in (trial.score, trial.best) if x is not None], "scores")
    return [log.trials]


# -- records of filters ----------------------------------------------------------------------
MADE_WITH: dict[str, Any] = {"format": 1, "models": {"m": "0" * 16}, "settings": {"keep": "a"}}
COUNTS: dict[str, Any] = {
    "documents": 3, "kept": 2, "blank": 0, "bytes": 100, "bad": {}, "labels": {"m": {"a": 2}},
}  # fmt: skip
RECORD: dict[str, Any] = {
    "size": 100, "time": 1, "files": {"out.jsonl": 4}, "counts": COUNTS,
}  # fmt: skip


def _in_folder(path: str, name: str) -> list[Any]:
    """Return what a folder that was filtered into says with one of its files damaged.

    The text that it holds is an answer, too: it must not be lost, and nothing outside be touched.
    """
    from fasttext_lite.filtering.manifest import Folder
    from fasttext_lite.filtering.plan import Part

    root = Path(path + ".d") / "out"
    own = root / "_filter"
    (own / "parts").mkdir(parents=True)
    beside = root.parent / "beside"
    beside.write_bytes(b"mine")
    (root / "out.jsonl").write_bytes(b"text")
    files = {"manifest.json": MADE_WITH, "parts/in.jsonl.json": RECORD}
    for file, content in files.items():
        (own / file).write_text(json_of(content))
    os.replace(path, own / name)
    values = {"name": "in.jsonl", "path": "in.jsonl", "size": 100, "time": 1}
    known = {f.name for f in dataclasses.fields(Part)}
    rest = {f.name: "" for f in dataclasses.fields(Part) if f.name not in values}
    part = Part(**{n: v for n, v in values.items() if n in known} | rest)  # type: ignore[arg-type]
    folder = Folder(str(root))
    with folder.opened(MADE_WITH, overwrite=False):
        done = folder.done(part)
        if done is None:
            folder.forget(part)
    if beside.read_bytes() != b"mine":
        raise BrokenError("a file outside of the folder was touched")
    if name == "manifest.json" and not (root / "out.jsonl").exists():
        raise BrokenError("a damaged manifest took what was done with it")
    return [done]


def json_of(content: Any) -> str:
    """Return a JSON document."""
    import json

    return json.dumps(content)


def of_manifest(path: str) -> list[Any]:
    """Return what a folder with this manifest has done."""
    return _in_folder(path, "manifest.json")


def of_part(path: str) -> list[Any]:
    """Return what a folder with this record of a part has done."""
    return _in_folder(path, "parts/in.jsonl.json")


# -- checkpoints -----------------------------------------------------------------------------
def of_checkpoint(path: str) -> list[Any]:
    """Return the training that a folder with this checkpoint has."""
    from fasttext_lite.fitting.checkpoint import LAST, CheckpointFolder

    os.makedirs(path + ".d")
    os.replace(path, os.path.join(path + ".d", LAST))
    folder = CheckpointFolder(path + ".d")
    try:
        state = folder.read()
    finally:
        folder.close()
    assert state is not None
    return [state.header, *(found for pair in sorted(state.arrays.items()) for found in pair)]


READERS: dict[str, Callable[[str], list[Any]]] = {
    "model": of_model, "ensemble": of_ensemble, "fasttext": of_fasttext, "vectors": of_vectors,
    "embeddings": of_embeddings, "trials": of_trials, "manifest": of_manifest, "part": of_part,
    "checkpoint": of_checkpoint,
}  # fmt: skip


def ask(kind: str, path: str) -> list[Any]:
    """Return what a file answers, with warnings aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return READERS[kind](path)


def are_same(one: Any, other: Any) -> bool:
    """Return whether two answers are the same, bit for bit."""
    if isinstance(one, np.ndarray) or isinstance(other, np.ndarray):
        one, other = np.asarray(one), np.asarray(other)
        return (one.dtype, one.shape, one.tobytes()) == (other.dtype, other.shape, other.tobytes())
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        pairs = len(one) == len(other) and zip(one, other, strict=True)
        return bool(pairs is not False and all(are_same(a, b) for a, b in pairs))
    return one == other
