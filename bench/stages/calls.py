"""A worker that calls one program's predictions and times them; `bench.predict_peers` starts it.

``python bench/stages/calls.py MODULE`` reads jobs, one JSON object a line, from stdin and answers
each with a line.  It stands alone: nothing of the benchmarks and nothing of the package is
imported, so that what MODULE names comes from the path the worker was started with.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

Job = dict[str, Any]
WARM_CALLS = 20  # before the clock starts
WARM_TEXT = "warm"  # what compiled code is called with before the first timed call
OWN = "fasttext_lite"  # the module of models of our own; others have fastText's names


class Worker:
    """One program with one model."""

    def __init__(self, module: str) -> None:
        self.module = importlib.import_module(module)
        self.model: Any = None
        self.path = ""
        self.texts: dict[str, list[str]] = {}

    # -- jobs: each returns what is sent back

    def load(self, job: Job) -> Any:
        """Load a model and read texts; return the seconds that the model took."""
        self.path = job["model"]
        self.texts = {name: read_lines(path) for name, path in job["texts"].items()}
        self._reload()
        self._warm()
        return self._reload()

    def has_inexact(self, job: Job) -> bool:
        """Return whether the program's `predict_batch` can trade the last bits for speed."""
        batch = getattr(self.model, "predict_batch", None)
        return batch is not None and "exact" in batch.__code__.co_varnames

    def reload(self, job: Job) -> float:
        """Load the model anew and label one word; return the seconds."""
        return self._reload()

    def single(self, job: Job) -> float:
        """Return the median of microseconds of a call, over texts that were seen before."""
        call, texts = self._call(job), self._chosen(job)
        for text in texts[:WARM_CALLS] if job.get("few") else texts:
            call(text)
        clock, times = time.perf_counter_ns, []
        end = time.perf_counter() + job["seconds"]
        while time.perf_counter() < end or not times:
            for text in texts:
                before = clock()
                call(text)
                times.append(clock() - before)
        return statistics.median(times) / 1e3

    def first(self, job: Job) -> float:
        """Return the mean of processor microseconds of a call, over texts that come once each."""
        self._reload()
        texts = self._chosen(job)
        return self._stream(texts, job) / len(texts) * 1e6

    def passes(self, job: Job) -> list[float]:
        """Return the processor seconds of a first and of a second pass over all texts."""
        self._reload()
        texts = self._chosen(job)
        run = self._stream if job["how"] == "stream" else self._batch
        return [run(texts, job) for _ in range(2)]

    def threads(self, job: Job) -> float | None:
        """Return how many times quicker two threads are than one, wall clock; None: not offered."""
        if not hasattr(self.model, "predict_batch"):
            return None
        texts, times = self._chosen(job), {}
        self.model.predict_batch(texts, threads=2)
        for n in (1, 2):
            start = time.perf_counter()
            self.model.predict_batch(texts, threads=n)
            times[n] = time.perf_counter() - start
        return times[1] / times[2]

    def answers(self, job: Job) -> list[Any] | None:
        """Return labels of each text, and its probabilities as hexadecimal float32.

        ``job["how"]`` is "single", "list" or "batch", the last with ``job["exact"]`` where given;
        None if the program has no such call.
        """
        import numpy as np

        k, texts = job.get("k", 1), self._chosen(job)
        if job["how"] == "single":
            found = [self.model.predict(text, k) for text in texts]
        elif job["how"] == "list":
            found = list(zip(*self.model.predict(texts, k), strict=True))
        else:
            more = {"exact": job["exact"]} if "exact" in job else {}
            if not hasattr(self.model, "predict_batch") or (more and not self.has_inexact(job)):
                return None
            found = list(zip(*self.model.predict_batch(texts, k, threads=1, **more), strict=True))
        return [[list(a), np.asarray(b, np.float32).tobytes().hex()] for a, b in found]

    # -- how

    def _chosen(self, job: Job) -> list[str]:
        return self.texts[job["texts"]][: job.get("n")]

    def _reload(self) -> float:
        self.model = None
        gc.collect()
        start = time.perf_counter()
        if self.module.__name__ == OWN:
            self.model = self.module.load(self.path).model_
        else:
            self.model = self.module.load_model(self.path)
            self.model.predict(WARM_TEXT)
        return time.perf_counter() - start

    def _warm(self) -> None:
        """Have all be compiled that is called later."""
        if self.module.__name__ == OWN:
            self.model.predict_one(WARM_TEXT)
            return
        for text in (WARM_TEXT, [WARM_TEXT], [WARM_TEXT] * 100):
            self.model.predict(text)
            self.model.predict(text, k=-1)
        if hasattr(self.model, "predict_batch"):
            for n in (1, 2):
                self.model.predict_batch([WARM_TEXT] * 100, threads=n)
            if self.has_inexact({}):
                self.model.predict_batch([WARM_TEXT] * 100, threads=1, exact=False)

    def _call(self, job: Job) -> Any:
        predict = self.model.predict_one if job["how"] == "own" else self.model.predict
        if job["how"] == "list":
            return lambda text: predict([text])
        if job["how"] == "all":
            return lambda text: predict(text, k=-1)
        return predict

    def _stream(self, texts: list[str], job: Job) -> float:
        predict = self.model.predict
        start = time.process_time()
        for text in texts:
            predict(text)
        return time.process_time() - start

    def _batch(self, texts: list[str], job: Job) -> float:
        start = time.process_time()
        if hasattr(self.model, "predict_batch"):
            exact = {"exact": job["exact"]} if "exact" in job else {}
            self.model.predict_batch(texts, threads=1, **exact)
        else:
            self.model.predict(texts)
        return time.process_time() - start


def read_lines(path: str) -> list[str]:
    """Read the lines of a UTF-8 file, cut at line feeds alone."""
    lines = Path(path).read_bytes().decode("utf-8").split("\n")
    return lines if lines[-1] else lines[:-1]


def label_file(module: str, model: str, source: str, target: str) -> None:
    """Write the first label of each line of a file; a whole process is timed with it."""
    found = importlib.import_module(module).load_model(model).predict(read_lines(source))[0]
    text = "".join(f"{labels[0] if labels else ''}\n" for labels in found)
    Path(target).write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> None:
    """Answer jobs until stdin ends; or label a file, if there are three more arguments."""
    if len(arguments) > 1:
        label_file(*arguments)
        return
    # What a program prints goes to stderr, and answers alone to stdout.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker = Worker(arguments[0])
    for line in sys.stdin:
        job = json.loads(line)
        try:
            answer = {"value": getattr(worker, job["do"])(job)}
        except Exception as error:  # the benchmark says which program failed, and goes on
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    sys.path.pop(0)  # the folder of this file, whose names are none that a program may import
    main(sys.argv[1:])
