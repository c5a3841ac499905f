"""One stage of a peer on Chinese text, in a process of its own; ``bench/chinese.py`` starts it.

``python -m bench.stages.chinese JOB RESULT``: as `bench.stages.peers`, but from raw text: the words
or characters that a peer needs are cut within the stage, and so are in its time.
"""

from __future__ import annotations

import logging
import os
import random
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import cache
from typing import Any

from bench.stages import files, peers

Job = peers.Job


# -- text to tokens --------------------------------------------------------------------------
@cache
def load_jieba() -> Any:
    """Return the module jieba, silent; its dictionary is loaded at the first word it cuts."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
    jieba.setLogLevel(logging.WARNING)
    return jieba


def words(text: str) -> list[str]:
    """Return the words that jieba finds in a text."""
    return [word for word in load_jieba().lcut(text) if not word.isspace()]


def spaced(text: str, tokens: str) -> str:
    """Return a text in lower case with spaces between its words or around its characters."""
    text = text.lower()
    return " ".join(words(text)) if tokens == "jieba" else peers.CJK.sub(r" \g<0> ", text)


def rows_of(job: Job) -> list[tuple[str, str]]:
    """Return labels and texts of the training file."""
    return files.complete(files.read_labelled(job["train"]))


def segment(job: Job) -> dict[str, Any]:
    """Cut all texts of the training file into words, and do nothing else."""
    lcut = load_jieba().lcut
    n_words = 0
    for _, text in rows_of(job):
        n_words += len(lcut(text))
    return {"n_words": n_words}


# -- training --------------------------------------------------------------------------------
def train(job: Job) -> dict[str, Any]:
    """Train on the raw file ``job["train"]`` and save to ``job["model"]``."""
    (train_fasttext if job["package"] == "fasttext" else train_sklearn)(job)
    return {"model_bytes": os.path.getsize(job["model"])}


def train_fasttext(job: Job) -> None:
    """Write fastText's file, shuffled, and train on it."""
    import fasttext

    rows = [files.to_fasttext([a], spaced(b, job["tokens"])) for a, b in rows_of(job)]
    random.Random(job["round"]).shuffle(rows)
    path = f"{job['work']}/train.spaced"
    files.write_lines(path, rows)
    settings = {"thread": job["threads"], "seed": job["round"], "verbose": 0, **job["settings"]}
    fasttext.train_supervised(path, **settings).save_model(job["model"])


def train_sklearn(job: Job) -> None:
    """Train TF-IDF with LinearSVC or ComplementNB."""
    import joblib
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.naive_bayes import ComplementNB
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    settings = dict(job["settings"])
    classifier = LinearSVC(C=settings.pop("C")) if job["package"] == "svc" else ComplementNB()
    settings["ngram_range"] = tuple(settings["ngram_range"])
    if job["tokens"] == "jieba":
        settings.update(tokenizer=words, token_pattern=None)
    labels, texts = zip(*rows_of(job), strict=True)
    pipeline = make_pipeline(TfidfVectorizer(**settings), classifier).fit(texts, labels)
    joblib.dump(pipeline, job["model"])


# -- prediction ------------------------------------------------------------------------------
def predict(job: Job) -> dict[str, Any]:
    """Label the raw lines of ``job["texts"]``; the rate is that of the passes after the first."""
    labeller = (load_fasttext if job["package"] == "fasttext" else load_sklearn)(job)
    output = f"{job['work']}/output.txt"
    times: list[float] = []
    while len(times) < 2 or sum(times[1:]) < peers.PASS_SECONDS:
        start = time.perf_counter()
        files.write_lines(output, labeller(files.read_lines(job["texts"])))
        times.append(time.perf_counter() - start)
    rate = len(files.read_lines(output)) / statistics.median(times[1:])
    return {**files.score(output, f"{job['work']}/gold.txt"), "rate": rate}


def load_fasttext(job: Job) -> Callable[[list[str]], list[str]]:
    """Return what labels raw texts with a fastText model (in one thread, its only way)."""
    import fasttext

    model = fasttext.load_model(job["model"])

    def labeller(texts: list[str]) -> list[str]:
        found = model.predict([spaced(text, job["tokens"]) for text in texts])[0]
        return [files.from_fasttext(labels[0]) if labels else "" for labels in found]

    return labeller


def load_sklearn(job: Job) -> Callable[[list[str]], list[str]]:
    """Return what labels raw texts with a scikit-learn pipeline."""
    import joblib

    pipeline = joblib.load(job["model"])
    return lambda texts: pipeline.predict(texts).tolist()


STAGES = {"train": train, "predict": predict, "segment": segment}

if __name__ == "__main__":
    peers.main(sys.argv[1:], STAGES, {})
