"""Training with few labels, for `bench.few_labels`: rounds, the files of a command, embeddings.

``python -m bench.stages.few_labels JOB RESULT`` does a round or writes the files.  What an encoder
needs is imported by `embed` alone, so that this runs in an environment that has nothing else.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.stages import files, peers
from bench.tools import MANY_LABELS

Job = dict[str, Any]

# Contenders take turns in passes of prediction: each has at least as many as the job says, and
# goes on until it has taken this long.
PASS_SECONDS, MOST_PASSES = 1.0, 50

WARM_ROWS, WARM_TEXTS = 5, 200  # of each label, and of the others, in an untimed training first
SLOW = ("svc", "encoder")  # left out where there are more than `MANY_LABELS` labels
LITE = ["fasttext_lite.estimators.classifier", "fasttext_lite.teaching.fit"]
MODULES = {
    "default": LITE,
    "unlabelled": LITE,
    "taught": LITE,
    "svc": peers.MODULES["svc"],
    "encoder": ["sklearn.linear_model"],
    "model2vec": ["model2vec", "model2vec.train"],
}

# Of an encoder: texts at once, texts between two lines of progress, tokens of a text at most.
BATCH, CHUNK, MOST_TOKENS = 64, 2048, 128


class Part(NamedTuple):
    """What a round has.

    Attributes
    ----------
    texts, labels : list of str
        The labelled ones.
    others, asked : list of str
        Texts without labels, and those of the test part.
    own, of_others, of_asked : float[n, dim], optional
        Their embeddings.
    """

    texts: list[str]
    labels: list[str]
    others: list[str]
    asked: list[str]
    own: Any = None
    of_others: Any = None
    of_asked: Any = None


class Trained(NamedTuple):
    """What a contender has learnt: a pass of prediction, and what else is to be told."""

    predict: Callable[[], Sequence[str]]
    about: dict[str, Any]


# -- what is labelled ------------------------------------------------------------------------


def sample(labels: Sequence[str], n: int | None, seed: int) -> Any:
    """Return which rows keep their labels.

    Parameters
    ----------
    labels : sequence of str
    n : int, optional
        Rows of each label, or all that it has; None for all rows.
    seed : int

    Returns
    -------
    int64[n_chosen]
        Places of the rows, in their order.

    Examples
    --------
    >>> sample(["a", "b", "a", "a"], None, 0).tolist()
    [0, 1, 2, 3]
    >>> rows = sample(["a", "b", "a", "a"], 1, 0).tolist()
    >>> len(rows), 1 in rows
    (2, True)
    """
    import numpy as np

    if n is None:
        return np.arange(len(labels))
    rng, names = np.random.default_rng(seed), np.array(labels)
    chosen = [rng.permutation(np.flatnonzero(names == name))[:n] for name in np.unique(names)]
    return np.sort(np.concatenate(chosen))


def read_rows(path: str) -> tuple[Any, list[tuple[str, str]]]:
    """Return the rows of a file that have a label and a text, and their places among all."""
    import numpy as np

    rows = files.read_labelled(path)
    kept = [i for i, row in enumerate(rows) if files.complete([row])]
    return np.array(kept, np.int64), [rows[i] for i in kept]


def read_embeddings(path: str, source: str) -> Any:
    """Return the embeddings of the rows of a file, float32[n_rows, dim].

    Raises
    ------
    ValueError
        If there is not one of each row.
    """
    import numpy as np

    vectors, n_rows = np.load(path), len(files.read_lines(source))
    if vectors.ndim != 2 or len(vectors) != n_rows:
        shape = " x ".join(map(str, vectors.shape))
        raise ValueError(f"{path}: {shape} numbers, for {n_rows} rows of {source}")
    return vectors.astype(np.float32)


def read_part(job: Job) -> tuple[Part, list[str]]:
    """Return what a round has, and the true labels of the texts that are asked for."""
    import numpy as np

    places, rows = read_rows(job["train"])
    test_places, test = read_rows(job["test"])
    labels, texts = ([row[i] for row in rows] for i in (0, 1))
    chosen = sample(labels, job["rows"], job["round"])
    others = np.setdiff1d(np.arange(len(rows)), chosen)
    part = Part(
        [texts[i] for i in chosen], [labels[i] for i in chosen], [texts[i] for i in others],
        [text for _, text in test],
    )  # fmt: skip
    if job["embeddings"]:
        own = read_embeddings(job["embeddings"]["train"], job["train"])[places]
        asked = read_embeddings(job["embeddings"]["test"], job["test"])[test_places]
        part = part._replace(own=own[chosen], of_others=own[others], of_asked=asked)
    return part, [label for label, _ in test]


def few_of(part: Part) -> Part:
    """Return a few texts of a part, of all its labels."""
    rows = sample(part.labels, WARM_ROWS, 0)
    return part._replace(
        texts=[part.texts[i] for i in rows],
        labels=[part.labels[i] for i in rows],
        others=part.others[:WARM_TEXTS],
        own=None if part.own is None else part.own[rows],
        of_others=None if part.own is None else part.of_others[:WARM_TEXTS],
    )


def split(job: Job) -> dict[str, Any]:
    """Write labelled.tsv and others.txt: the rows that keep their labels, the texts of the rest."""
    part, _ = read_part({**job, "embeddings": None})
    work = Path(job["work"])
    rows = zip(part.labels, part.texts, strict=True)
    files.write_lines(work / "labelled.tsv", [f"{label}\t{text}" for label, text in rows])
    files.write_lines(work / "others.txt", [text.replace("\t", " ") for text in part.others])
    return {"n_labelled": len(part.texts), "n_others": len(part.others)}


# -- a round ---------------------------------------------------------------------------------


def measure(job: Job) -> dict[str, Any]:
    """Train all contenders of the job on one sample, and let them predict in turns.

    Returns
    -------
    dict
        Sizes, and "runs": of each contender what was measured, "error" or "left_out".
    """
    part, gold = read_part(job)
    n_labels = len(set(part.labels))
    runs: dict[str, dict[str, Any]] = {}
    trained: dict[str, Trained] = {}
    for name in job["contenders"]:
        if name in SLOW and n_labels > MANY_LABELS:
            runs[name] = {"left_out": f"there are more than {MANY_LABELS:,} labels"}
            continue
        try:
            trained[name], runs[name] = train(name, part, job)
            found = list(trained[name].predict())
            runs[name]["accuracy"] = files.accuracy(found, [{label} for label in gold])
        except Exception as error:  # whatever it is, the others go on
            runs[name] = {"error": f"{type(error).__name__}: {error}".partition("\n")[0]}
    passes = {name: each.predict for name, each in trained.items() if "error" not in runs[name]}
    for name, times in take_turns(passes, job["passes"]).items():
        runs[name] |= trained[name].about
        seconds = runs[name].pop("encode_seconds", 0.0)
        known = seconds is not None
        runs[name]["rate"] = len(gold) / (min(times) + seconds) if known else None
        runs[name]["passes"] = len(times)
    return {
        "n_labelled": len(part.texts), "n_others": len(part.others), "n_test": len(gold),
        "n_labels": n_labels, "runs": runs,
    }  # fmt: skip


def train(name: str, part: Part, job: Job) -> tuple[Trained, dict[str, Any]]:
    """Train a contender; return it, and how long it took and what was said."""
    for module in MODULES[name]:
        importlib.import_module(module)
    if MODULES[name] is LITE:
        TRAINERS[name](few_of(part), job)
    with heard() as lines:
        start = time.perf_counter()
        trained = TRAINERS[name](part, job)
        return trained, {"train_seconds": time.perf_counter() - start, "said": lines}


def take_turns(
    passes: Mapping[str, Callable[[], Any]], least: int, seconds: float = PASS_SECONDS
) -> dict[str, list[float]]:
    """Return the seconds of each pass; contenders take turns until each had its passes."""
    times: dict[str, list[float]] = {name: [] for name in passes}

    def waits(name: str) -> bool:
        done = times[name]
        return len(done) < least or (sum(done) < seconds and len(done) < MOST_PASSES)

    while waiting := [name for name in passes if waits(name)]:
        for name in waiting:
            start = time.perf_counter()
            passes[name]()
            times[name].append(time.perf_counter() - start)
    return times


class _Listener(logging.Handler):
    def __init__(self, lines: list[str]) -> None:
        super().__init__(logging.WARNING)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextlib.contextmanager
def heard() -> Iterator[list[str]]:
    """Collect what the package warns of."""
    logger, lines = logging.getLogger("fasttext_lite"), list[str]()
    listener = _Listener(lines)
    logger.addHandler(listener)
    try:
        yield lines
    finally:
        logger.removeHandler(listener)


# -- contenders ------------------------------------------------------------------------------


def train_lite(part: Part, job: Job, **beside: Any) -> Trained:
    """Train fasttext-lite, with what there is beside labelled texts."""
    import fasttext_lite

    model = fasttext_lite.FastTextClassifier(random_state=job["round"])
    model.fit(part.texts, part.labels, **beside)
    model.set_params(n_jobs=job["threads"])  # a training with a seed has one thread
    run = model.model_.run
    learnt = {"n_learnt_from": (run.unlabelled if run else None) or 0} if beside else {}
    return Trained(lambda: model.predict(part.asked).tolist(), learnt)


def train_unlabelled(part: Part, job: Job) -> Trained:
    """Train fasttext-lite on texts without labels, too."""
    return train_lite(part, job, unlabelled=part.others)


def train_taught(part: Part, job: Job) -> Trained:
    """Train fasttext-lite on the embeddings of all texts, too."""
    import numpy as np

    if not part.others:
        return train_lite(part, job, text_embeddings=part.own)
    vectors = np.concatenate([part.own, part.of_others])
    return train_lite(part, job, unlabelled=part.others, text_embeddings=vectors)


def train_svc(part: Part, job: Job) -> Trained:
    """Train TF-IDF + LinearSVC."""
    settings = job["svc"]["cjk" if peers.is_cjk(part.texts) else "other"]
    pipeline = peers.svc_pipeline(settings).fit(part.texts, part.labels)
    return Trained(lambda: pipeline.predict(part.asked).tolist(), {})


def train_encoder(part: Part, job: Job) -> Trained:
    """Train a logistic regression on embeddings of the labelled texts."""
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(**job["logistic"]).fit(part.own, part.labels)
    about = Path(job["embeddings"]["test"]).with_suffix(".json")
    known = about.is_file()
    seconds = json.loads(about.read_text("utf-8"))["seconds"] if known else None
    return Trained(lambda: model.predict(part.of_asked).tolist(), {"encode_seconds": seconds})


def train_model2vec(part: Part, job: Job) -> Trained:
    """Train model2vec's classifier, with the model of a local folder."""
    from model2vec import StaticModel
    from model2vec.train import StaticModelForClassification

    static = StaticModel.from_pretrained(job["model2vec"])
    model = StaticModelForClassification.from_static_model(model=static)
    takes = "random_seed" in inspect.signature(model.fit).parameters  # else it has its own
    seed = {"random_seed": job["round"]} if takes else {}
    model = model.fit(part.texts, part.labels, **seed)
    return Trained(lambda: [str(name) for name in model.predict(part.asked)], {})


TRAINERS: dict[str, Callable[[Part, Job], Trained]] = {
    "default": train_lite,
    "svc": train_svc,
    "unlabelled": train_unlabelled,
    "encoder": train_encoder,
    "taught": train_taught,
    "model2vec": train_model2vec,
}


# -- embeddings ------------------------------------------------------------------------------


def load_encoder(folder: str) -> Callable[[list[str]], Any]:
    """Return what makes embeddings of texts, by an encoder of sentence-transformers in a folder.

    Parameters
    ----------
    folder : str
        Nothing is fetched.
    """
    os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(folder)
    model.max_seq_length = min(model.max_seq_length or MOST_TOKENS, MOST_TOKENS)
    return lambda texts: model.encode(
        texts, batch_size=BATCH, show_progress_bar=False, convert_to_numpy=True
    )


def embed(
    encode: Callable[[list[str]], Any], source: str, output: Path, name: str,
    say: Callable[[str], None],
) -> None:  # fmt: skip
    """Write the embeddings of the rows of a file, and beside them how long they took.

    Parameters
    ----------
    encode : callable
        Given texts; returns float[n, dim].
    source : str
        The file.
    output : Path
        ``.npy``, float16[n_rows, dim]; the same with ``.json`` has the encoder and the seconds.
    name : str
        Of the encoder.
    say : callable
        Given lines of progress.
    """
    import numpy as np

    texts = [text for _, text in files.read_labelled(source)]
    start, parts = time.perf_counter(), []
    for begin in range(0, len(texts), CHUNK):
        parts.append(np.asarray(encode(texts[begin : begin + CHUNK]), np.float16))
        done = min(begin + CHUNK, len(texts))
        say(f"{done:,} of {len(texts):,} texts, {time.perf_counter() - start:.0f} s")
    about = {"encoder": name, "texts": len(texts), "seconds": time.perf_counter() - start}
    half = output.with_suffix(".part.npy")  # an interrupted run leaves no half file
    np.save(half, np.concatenate(parts))
    output.with_suffix(".json").write_text(json.dumps(about) + "\n", "utf-8")
    half.replace(output)


STAGES = {"measure": measure, "split": split}

if __name__ == "__main__":
    peers.main(sys.argv[1:], STAGES, {})
