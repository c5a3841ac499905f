"""What `bench.labelling` measures in processes of their own.

``python -m bench.stages.labelling JOB RESULT`` does one stage.
"""

from __future__ import annotations

import json
import logging
import os
import random
import sys
import threading
import time
from pathlib import Path
from typing import Any

# Strategy: share of questions drawn at random, and how many typical texts come first.
STRATEGIES = {"random": (1.0, 0), "uncertain": (0.0, 0), "ours": (0.2, None)}  # None: as usual


def read(path: str) -> tuple[list[str], list[str]]:
    """Return the labels and the texts of a file."""
    lines = Path(path).read_text("utf-8").splitlines()
    labels, texts = zip(*(line.split("\t", 1) for line in lines), strict=True)
    return list(labels), list(texts)


def open_pool(job: dict[str, Any]) -> tuple[Any, list[str]]:
    """Return a pool of texts of the training file and the label of each text."""
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.labelling.pool import Pool

    labels, texts = read(job["train"])
    rows = list(zip(labels, texts, strict=True))
    random.Random(7).shuffle(rows)
    rows = rows[job["skipped"] :][: job["pool"]]
    truth: dict[str, str] = {}
    for label, text in rows:
        truth.setdefault(text, label)
    pool = Pool(Texts.from_sequence([text for _, text in rows]), job["run_seed"])
    return pool, [truth[pool.text_of(number)] for number in range(len(pool))]


class Run:
    """A labelling in step: the model learns whenever it is due, and nobody waits for less."""

    def __init__(self, job: dict[str, Any]) -> None:
        from fasttext_lite.corpus.texts import Texts
        from fasttext_lite.labelling.answers import Answers
        from fasttext_lite.labelling.asking import Asker
        from fasttext_lite.labelling.choosing import FIRST, Chooser
        from fasttext_lite.labelling.learner import Learner, Learnt
        from fasttext_lite.labelling.settings import Settings
        from fasttext_lite.labelling.vectors import PoolVectors

        self.job, self.threads = job, job["threads"]
        self.pool, self.truth = open_pool(job)
        share, n_first = STRATEGIES[job["strategy"]]
        self.spreads = n_first is None
        self.settings = Settings(self.pool.texts, "labelled.tsv", seed=job["run_seed"])
        self.answers = Answers()
        self.asker = Asker(self.pool, self.answers, share)
        self.learner = Learner(self.pool, seed=job["run_seed"])
        self.learner.vectors = PoolVectors(self.pool, job["run_seed"], self.threads)
        self.chooser = Chooser(self.learner, FIRST if n_first is None else n_first)
        self.learnt = Learnt()
        if job["test"]:
            self.labels, texts = read(job["test"])
            self.tested = Texts.from_sequence(texts)
        else:  # a part of the training file that is not in the pool
            labels, texts = read(job["train"])
            rows = list(zip(labels, texts, strict=True))
            random.Random(7).shuffle(rows)
            self.labels, texts = zip(*rows[: job["skipped"]], strict=True)
            self.tested = Texts.from_sequence(texts)
        self.seconds: list[float] = []
        self.learn()

    def learn(self) -> None:
        """Train, and choose what is asked next."""
        start = time.perf_counter()
        self.learnt = self.learner.learn(self.answers.labelled())
        n_asked = self.settings.between(self.answers.n_labelled) if self.spreads else 0
        self.asker.queue = self.chooser.choose(
            self.learnt, self.answers.settled(), n_asked, self.threads
        )
        self.seconds.append(time.perf_counter() - start)

    def label(self, n: int) -> None:
        """Answer questions until so many texts have a label."""
        from fasttext_lite.labelling.answers import Event

        since = 0
        while self.answers.n_labelled < n:
            choice = self.asker.next()
            if choice is None:
                return
            number, asked = choice
            text = self.pool.text_of(number)
            event = Event("label", 0.0, "one", text, (self.truth[number],), asked, 1)
            self.answers.apply(event, number)
            since += 1
            is_first = self.learnt.guesser is None
            if is_first or since >= self.settings.between(self.answers.n_labelled):
                self.learn()
                since = 0
        if since:
            self.learn()

    def accuracy(self) -> float:
        """Return the share of the test texts that the guesses are right of."""
        guesser = self.learnt.guesser
        if guesser is None:
            return 0.0
        guesses = guesser.chosen(guesser.of_texts(self.tested, self.threads))
        return sum(a == (b,) for a, b in zip(guesses, self.labels, strict=True)) / len(self.labels)

    def honest(self) -> dict[str, float]:
        """Return the accuracy that is estimated from the answers."""
        from fasttext_lite.labelling.honest import Check, sampled

        given = self.answers.labelled()
        drawn = sampled(self.pool.order, lambda number: number in given)
        check = Check(given, drawn)
        if not check.is_enough:
            return {}
        for _ in check.run(self.learner):
            pass
        found = check.accuracy()
        return {
            "n_random": found.n_random, "value": found.value, "low": found.low, "high": found.high,
        }  # fmt: skip

    def final(self) -> float:
        """Return the accuracy of the model that is trained at the end."""
        from fasttext_lite.labelling.training import train_model

        model = train_model(
            self.pool, self.answers.labelled(), seed=self.job["run_seed"], n_threads=self.threads
        )
        found = model.predict(self.tested, n_threads=self.threads).labels[:, 0]
        right = sum(model.labels[i] == b for i, b in zip(found.tolist(), self.labels, strict=True))
        return right / len(self.labels)


def simulate(job: dict[str, Any]) -> dict[str, Any]:
    """Label by one strategy; return what was reached at some numbers of answers."""
    start = time.perf_counter()
    run, found = Run(job), []
    for n in job["points"]:
        run.label(n)
        point: dict[str, Any] = {"n": n, "n_labels": len(run.answers.labels)}
        point["accuracy"] = run.accuracy()
        if n in job["honest"]:
            point["honest"] = run.honest()
        if n in job["final"]:
            point["final"] = run.final()
        found.append(point)
    return {
        "points": found, "pool": len(run.pool), "seconds": time.perf_counter() - start,
        "learn_seconds": sum(run.seconds) / len(run.seconds), "n_learnt": len(run.seconds),
    }  # fmt: skip


def wait(job: dict[str, Any]) -> dict[str, Any]:
    """Label in a session as a person does; return what it waits for between two texts, seconds."""
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.labelling.session import Session
    from fasttext_lite.labelling.settings import Settings

    labels, texts = read(job["train"])
    truth = dict(zip(texts, labels, strict=True))
    n = job["texts"]
    many = [texts[i % len(texts)] + (f" {i}" if i >= len(texts) else "") for i in range(n)]
    output = str(Path(job["work"]) / "labelled.tsv")
    start = time.perf_counter()
    settings = Settings(Texts.from_sequence(many), output, labels=tuple(sorted(set(labels))))
    session = Session.open(settings)
    opened = time.perf_counter() - start
    question = session.next("one")
    waits, answers, models = [], [], []
    for _ in range(job["answers"]):
        assert question is not None
        time.sleep(job["think"])
        label = truth.get(question.text) or truth[question.text.rpartition(" ")[0]]
        before = time.perf_counter()
        progress = session.answer("one", question.id, [label], question.version)
        between = time.perf_counter()
        question = session.next("one")
        waits.append(time.perf_counter() - before)
        answers.append(between - before)
        models.append(progress.model.n_answers)
    before = time.perf_counter()
    session.search(job["words"], 0, 50)
    first = time.perf_counter() - before
    before = time.perf_counter()
    session.search(job["words"], 0, 50)
    again = time.perf_counter() - before
    session.close()
    return {
        "texts": n, "open": opened, "waits": waits, "answers": answers, "models": models,
        "threads": threading.active_count(), "search_first": first, "search_again": again,
    }  # fmt: skip


STAGES = {"simulate": simulate, "wait": wait}

if __name__ == "__main__":
    logging.disable(logging.WARNING)
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    result = STAGES[job["stage"]](job)
    Path(sys.argv[2]).write_text(json.dumps(result), "utf-8")
