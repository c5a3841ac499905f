"""One stage of one contender, in a process of its own; `bench.tools.stage` starts it.

``python -m bench.stages.peers JOB RESULT`` reads the job, a JSON object, from the file JOB and
writes the measurements to RESULT.  Imports are done before the stage's clock starts.
"""

from __future__ import annotations

import importlib
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.stages import files
from bench.stages.files import LABEL_SPACE, read_lines, write_lines
from bench.tools import MANY_LABELS

Job = dict[str, Any]
Labeller = Callable[[str, int], list[str]]
# From a file of texts and a label: how sure it is that each text has it, and the probability of
# each text's likeliest label. Without either it is None.
Judge = Callable[[str, str], tuple[list[float] | None, list[float] | None]]
CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")

# Prediction passes after the first go on for this long.
PASS_SECONDS, MOST_PASSES = 1.0, 50

# What a contender needs; imported before the clock starts.
_LITE = (
    "cli.app", "cli.train", "corpus.reader", "text.analyzers", "training.kernels.general",
    "fitting.fit", "fitting.streaming", "model.storage",
)  # fmt: skip
_SVC = ("feature_extraction.text", "multiclass", "pipeline", "preprocessing", "svm")
MODULES = {
    "lite": [f"fasttext_lite.{name}" for name in _LITE],
    "fasttext": ["fasttext"],
    "cli": [],
    "svc": ["joblib", *(f"sklearn.{name}" for name in _SVC)],
    "synthetic": ["bench.stages.synthetic"],
    "extreme": [],
    "variants": ["bench.variants"],
}


def main(
    arguments: list[str],
    stages: Mapping[str, Callable[[Job], dict[str, Any]]],
    modules: Mapping[str, list[str]],
) -> None:
    """Do the job of the first file and write its measurements to the second."""
    job = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    for module in modules.get(job["package"], ()):
        importlib.import_module(module)
    result = stages[job["stage"]](job)
    result.setdefault("peak_memory", files.peak_memory())
    Path(arguments[1]).write_text(json.dumps(result), encoding="utf-8")


# -- the files of a data set -----------------------------------------------------------------
def prepare(job: Job) -> dict[str, Any]:
    """Write the files that the contenders read, and describe the data set.

    In the folder ``job["work"]``: ``texts.txt`` and ``gold.txt``, the test texts and their
    labels line by line; ``train.ft`` (rows shuffled) and ``texts.ft``, the same for fastText.
    """
    from fasttext_lite.corpus.formats import ReadOptions
    from fasttext_lite.corpus.reader import read_corpus
    from fasttext_lite.corpus.texts import Texts

    work = Path(job["work"])
    options = ReadOptions(format="tsv", multilabel=job["multilabel"])
    train, test = (read_corpus(job[name], options) for name in ("train", "test"))
    texts = train.texts.to_list()
    cjk = is_cjk(texts)
    convert = split_tokens if cjk else same_texts
    convert(Texts.from_sequence(["warm 热"]))
    start = time.perf_counter()
    rows = [
        files.to_fasttext(labels, text)
        for labels, text in zip(train.label_rows, convert(train.texts), strict=True)
    ]
    random.Random(job["seed"]).shuffle(rows)
    write_lines(work / "train.ft", rows)
    write_lines(work / "texts.ft", convert(test.texts))
    seconds = time.perf_counter() - start
    write_lines(work / "texts.txt", same_texts(test.texts))
    write_lines(work / "gold.txt", ["\t".join(labels) for labels in test.label_rows])
    names = [name for labels in train.label_rows for name in labels]
    rarest, n_labels = files.rarest(names), len(train.labels.names)
    counts = {"n_train": len(rows), "n_test": len(test.texts), "n_labels": n_labels}
    counts |= {"rarest": rarest, "n_rarest": names.count(rarest)}
    return {**counts, "cjk": cjk, "multilabel": job["multilabel"], "convert_seconds": seconds}


def is_cjk(texts: Collection[str]) -> bool:
    """Return whether more than a tenth of the texts have Chinese, Japanese or Korean characters."""
    return sum(CJK.search(text) is not None for text in texts) > 0.1 * len(texts)


def same_texts(texts: Any) -> list[str]:
    """Return texts as they are, each in one line."""
    return [text.replace("\r", " ") for text in texts.to_list()]


def split_tokens(texts: Any) -> list[str]:
    """Return texts as the tokens of fasttext-lite's `auto` analyzer, with spaces between."""
    from fasttext_lite.config.fields import Config
    from fasttext_lite.text.analyzers import analyze

    return [" ".join(tokens) for tokens in analyze(texts, Config(analyzer="auto")).tokens()]


def vary(job: Job) -> dict[str, Any]:
    """Write train.tsv and test.tsv of a variant of a data set, or return why there is none."""
    from bench import variants

    try:
        variants.write(job["variant"], Path(job["source"]), Path(job["work"]))
    except variants.UnfitError as error:
        return {"unfit": str(error)}
    return {}


def synthesize(job: Job) -> dict[str, Any]:
    """Write the files of a synthetic data set."""
    from bench.stages import synthetic

    return synthetic.write(job)


# -- training --------------------------------------------------------------------------------
def train(job: Job) -> dict[str, Any]:
    """Train on the file ``job["train"]`` and save to ``job["model"]``; the clock sees both."""
    start = time.perf_counter()
    trainers = {"lite": train_lite, "fasttext": train_fasttext, "cli": train_cli, "svc": train_svc}
    trainers[job["package"]](job)
    seconds = time.perf_counter() - start
    return {
        "train_seconds": seconds,
        "train_cpu_seconds": time.process_time(),  # of all threads, with the imports
        "model_bytes": os.path.getsize(job["model"]),
    }


def train_lite(job: Job) -> None:
    """Run the command line's own ``train``."""
    from fasttext_lite.cli.app import main as command

    arguments = ["train", job["train"], "-o", job["model"], "--quiet", *job["settings"]]
    if command([*arguments, "--threads", str(job["threads"])]):
        sys.exit(2)


def train_fasttext(job: Job) -> None:
    """Train with fastText's Python module."""
    import fasttext

    settings = {"thread": job["threads"], "verbose": 0, **job["settings"]}
    fasttext.train_supervised(job["train"], **settings).save_model(job["model"])


def train_cli(job: Job) -> None:
    """Train with fastText's own command line."""
    settings = {"thread": job["threads"], "verbose": 0, **job["settings"]}
    flags = [word for name, value in settings.items() for word in (f"-{name}", str(value))]
    output = job["model"].removesuffix(".bin")
    command = [job["program"], "supervised", "-input", job["train"], "-output", output, *flags]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    Path(output + ".vec").unlink(missing_ok=True)


def train_svc(job: Job) -> None:
    """Train TF-IDF + LinearSVC with scikit-learn."""
    import joblib
    from sklearn.preprocessing import MultiLabelBinarizer

    labels, texts = zip(*files.complete(files.read_labelled(job["train"])), strict=True)
    binarizer = MultiLabelBinarizer()
    if job["multilabel"]:
        labels = binarizer.fit_transform([label.split(",") for label in labels])
    pipeline = svc_pipeline(job["settings"], job["multilabel"]).fit(texts, labels)
    names = binarizer.classes_ if job["multilabel"] else pipeline.classes_
    joblib.dump((pipeline, names), job["model"])


def svc_pipeline(settings: Mapping[str, Any], multilabel: bool = False) -> Any:
    """Return TF-IDF + LinearSVC, untrained."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.svm import LinearSVC

    settings = {**settings, "ngram_range": tuple(settings["ngram_range"])}
    classifier = LinearSVC(C=settings.pop("C"))
    classifier = OneVsRestClassifier(classifier) if multilabel else classifier
    return make_pipeline(TfidfVectorizer(**settings), classifier)


# -- prediction ------------------------------------------------------------------------------
def predict(job: Job) -> dict[str, Any]:
    """Label the lines of ``job["texts"]`` with ``job["model"]``; time and score it.

    A pass reads the file, predicts and writes a file of labels. The first pass, with what a
    process does once, is reported by itself; the rate is the median of the passes after it.
    """
    loaders = {"lite": load_lite, "fasttext": load_fasttext, "cli": load_cli, "svc": load_svc}
    labeller, judge, config = loaders[job["package"]](job)
    output = f"{job['work']}/output.txt"

    def one_pass(threads: int = job["threads"]) -> float:
        start = time.perf_counter()
        write_lines(output, labeller(job["texts"], threads))
        return time.perf_counter() - start

    def median_pass(threads: int) -> float:
        times: list[float] = []
        while sum(times) < PASS_SECONDS and len(times) < MOST_PASSES:
            times.append(one_pass(threads))
        return statistics.median(times)

    one_pass()
    seconds = time.time() - job["started"]
    scores = files.score(output, f"{job['work']}/gold.txt")
    n_texts = len(read_lines(output))
    rate = rate_one = n_texts / median_pass(job["threads"])
    if config and job["threads"] > 1:
        rate_one = n_texts / median_pass(1)
    peak_memory = files.peak_memory()
    if judge is not None and job.get("rarest") is not None:
        scores |= measured(judge, job)
    return {
        **scores,
        "peak_memory": peak_memory,
        "start_to_labels_seconds": seconds,
        "rate": rate,
        "rate_one_thread": rate_one,
        "config": config,
    }


def measured(judge: Judge, job: Job) -> dict[str, float | None]:
    """Return the average precision of the label ``job["rarest"]`` and the calibration error."""
    import numpy as np

    from fasttext_lite.model.calibration import calibration_error

    found, gold = (read_lines(f"{job['work']}/{name}.txt") for name in ("output", "gold"))
    true = [set(line.split("\t")) for line in gold]
    own, confidence = judge(job["texts"], job["rarest"])
    scores: dict[str, float | None] = {}
    if own is not None:
        of_label = [job["rarest"] in labels for labels in true]
        scores["average_precision"] = files.average_precision(own, of_label)
    if confidence is not None:
        right = np.array([name in labels for name, labels in zip(found, true, strict=True)])
        scores["calibration_error"] = calibration_error(np.array(confidence), right)
    return scores


def load_lite(job: Job) -> tuple[Labeller, Judge, dict[str, Any]]:
    """Return what labels and judges a file with a fasttext-lite model, and the model's settings."""
    from fasttext_lite.corpus.formats import ReadOptions
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.storage import load_model

    model = load_model(job["model"])
    names = [name.replace(LABEL_SPACE, " ") for name in model.labels]

    def read(path: str) -> Iterator[Texts]:
        for chunk in CorpusReader(path, ReadOptions("text", label_prefix=""), 1 << 20, known=()):
            yield chunk.texts

    def labeller(path: str, threads: int) -> list[str]:
        labels: list[str] = []
        for texts in read(path):
            best = model.predict(texts, n_threads=threads).labels[:, 0]
            labels.extend([names[i] for i in best.tolist()])
        return labels

    def judge(path: str, label: str) -> tuple[list[float] | None, list[float]]:
        own: list[float] = []
        confidence: list[float] = []
        for texts in read(path):
            confidence += model.predict(texts, n_threads=1).probabilities[:, 0].tolist()
            if len(names) <= MANY_LABELS:
                own += model.probabilities(texts, 1)[:, names.index(label)].tolist()
        return own or None, confidence

    return labeller, judge, model.config.to_dict()


def load_fasttext(job: Job) -> tuple[Labeller, Judge, None]:
    """Return what labels and judges a file with a fastText model (in one thread)."""
    import fasttext

    model = fasttext.load_model(job["model"])

    def labeller(path: str, threads: int) -> list[str]:
        found = model.predict(read_lines(path))[0]
        return [files.from_fasttext(labels[0]) if labels else "" for labels in found]

    def judge(path: str, label: str) -> tuple[list[float] | None, list[float]]:
        ranked = len(model.labels) <= MANY_LABELS
        labels, chances = model.predict(read_lines(path), k=-1 if ranked else 1)
        confidence = [float(each[0]) if len(each) else 0.0 for each in chances]
        if not ranked:
            return None, confidence
        (name,) = files.to_fasttext([label], "").split(" ")[:1]
        found = (dict(zip(*pair, strict=True)) for pair in zip(labels, chances, strict=True))
        return [float(each.get(name, 0.0)) for each in found], confidence

    return labeller, judge, None


def load_cli(job: Job) -> tuple[Labeller, None, None]:
    """Return what labels a file with fastText's own command line, which loads the model first."""

    def labeller(path: str, threads: int) -> list[str]:
        command = [job["program"], "predict", job["model"], path]
        found = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
        names = found.decode("utf-8", "surrogatepass").split("\n")[:-1]
        return [files.from_fasttext(name) for name in names]

    return labeller, None, None


def load_svc(job: Job) -> tuple[Labeller, Judge, None]:
    """Return what labels and judges a file with a scikit-learn pipeline (in one thread)."""
    import joblib

    pipeline, names = joblib.load(job["model"])

    def labeller(path: str, threads: int) -> list[str]:
        scores = pipeline.decision_function(read_lines(path))
        best = (scores > 0).astype(int) if scores.ndim == 1 else scores.argmax(axis=1)
        return names[best].tolist()

    def judge(path: str, label: str) -> tuple[list[float], None]:
        scores = pipeline.decision_function(read_lines(path))
        place = names.tolist().index(label)
        if scores.ndim == 1:  # of two labels: how much speaks for the second
            return (scores if place else -scores).tolist(), None
        return scores[:, place].tolist(), None

    return labeller, judge, None


STAGES = {
    "vary": vary, "prepare": prepare, "synthesize": synthesize, "train": train, "predict": predict
}  # fmt: skip

if __name__ == "__main__":
    main(sys.argv[1:], STAGES, MODULES)
