"""One stage of a peer on Chinese text, in a process of its own; ``chinese.py`` starts it.

``python -m bench.stages.chinese JOB RESULT``: as ``_worker.py``, but from raw text: the words or
characters that a peer needs are cut within the stage, and so are in its time.
"""

from __future__ import annotations

import json
import logging
import os
import random
import re
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.stages import files, peers

Job = dict[str, Any]


def main(arguments: list[str]) -> None:
    """Do the job of the first file and write its measurements to the second."""
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    stages = {"train": train, "predict": predict, "segment": segment}
    result = stages[job["stage"]](job)
    result["peak_memory"] = files.peak_memory()
    Path(arguments[1]).write_text(json.dumps(result), encoding="utf-8")


# -- text to tokens --------------------------------------------------------------------------
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


def read_rows(path: str) -> list[tuple[str, str]]:
    """Return labels and texts of a file of ``label<TAB>text``."""
    rows = (line.partition("\t") for line in files.read_lines(path))
    return [(label.strip(), text) for label, _, text in rows if label.strip() and text.strip()]


def segment(job: Job) -> dict[str, Any]:
    """Cut all texts of the training file into words, and do nothing else."""
    lcut = load_jieba().lcut
    n_words = 0
    for _, text in read_rows(job["train"]):
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

    rows = []
    for label, text in read_rows(job["train"]):
        name = re.sub(r"\s", peers.LABEL_SPACE, label)
        rows.append(f"{files.PREFIX}{name} {spaced(text, job['tokens'])}")
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
    labels, texts = zip(*read_rows(job["train"]), strict=True)
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
    found, gold = files.read_lines(output), files.read_lines(f"{job['work']}/gold.txt")
    accuracy, macro_f1 = files.score(found, [set(line.split("\t")) for line in gold])
    rate = len(found) / statistics.median(times[1:])
    return {"accuracy": accuracy, "macro_f1": macro_f1, "rate": rate}


def load_fasttext(job: Job) -> Callable[[list[str]], list[str]]:
    """Return what labels raw texts with a fastText model (in one thread, its only way)."""
    import fasttext

    model = fasttext.load_model(job["model"])

    def labeller(texts: list[str]) -> list[str]:
        found = model.predict([spaced(text, job["tokens"]) for text in texts])[0]
        names = [labels[0] if labels else "" for labels in found]
        return [name.removeprefix(files.PREFIX).replace(peers.LABEL_SPACE, " ") for name in names]

    return labeller


def load_sklearn(job: Job) -> Callable[[list[str]], list[str]]:
    """Return what labels raw texts with a scikit-learn pipeline."""
    import joblib

    pipeline = joblib.load(job["model"])
    return lambda texts: pipeline.predict(texts).tolist()


if __name__ == "__main__":
    main(sys.argv[1:])
