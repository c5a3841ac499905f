"""Training on a cluster of Dask against one process: accuracy, processor time, what is exchanged.

``python -m bench.distributed --write bench/results/distributed.json`` trains with the default
settings on files cut into eight parts: in one process of one thread, and on clusters of workers of
one thread each, in processes of their own on this machine.  A training that is measured follows
one that is not, in the same processes: compiled code is loaded.  Processor time is that of all
processes together; what starting them and the training before took is told apart.  Before each
training on a cluster, one process trains in the same conditions: the ratio is to that.  Dask's own
timers (profiler, monitors, ticks) run through all of it, whatever is done, and longer where the
machine has other work: they are slowed down here (`TIMERS`), and what they cost is measured both
ways.  Of one training, a worker is killed in a round in the middle.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.tools import UsageError

SETS = "thucnews,shopping_category,poem_author"
N_PARTS = 8
# Dask's settings, as variables of the environment.
TIMERS = {
    "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False",
    "DASK_DISTRIBUTED__ADMIN__TICK__INTERVAL": "2s",
    "DASK_DISTRIBUTED__ADMIN__TICK__CYCLE": "10s",
    "DASK_DISTRIBUTED__ADMIN__SYSTEM_MONITOR__INTERVAL": "5s",
    "DASK_DISTRIBUTED__WORKER__MEMORY__MONITOR_INTERVAL": "2s",
}
IDLE = 5.0  # seconds that are looked at
HEAD = (
    "set", "workers", "correct: one process", "cluster", "processor s: one process", "cluster",
    "ratio", "rounds", "exchanged a round, % of the tables", "s a round",
)  # fmt: skip


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print it; return 0 or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="bench.distributed", description=__doc__)
    parser.add_argument("--data-dir", default=tools.data_dir(), metavar="DIR")
    parser.add_argument("--sets", default=SETS, metavar="A,B")
    parser.add_argument("--workers", default="2,1,4", metavar="N,N", help="the first is compared")
    parser.add_argument("--seeds", type=int, default=2, metavar="N")
    parser.add_argument(
        "--small", type=int, default=100, metavar="N",
        help="rounds of an epoch, where a round is to exchange little; 0 = not measured",
    )  # fmt: skip
    parser.add_argument("--no-kill", action="store_true", help="let all workers live")
    parser.add_argument("--write", metavar="FILE", help="where the figures go, as JSON")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    options = parser.parse_args(argv)
    if options.stage:
        print(json.dumps(_stage(json.loads(options.stage))), flush=True)
        return 0
    try:
        folders = tools.find_sets(options.data_dir, options.sets)
        workers = [int(number) for number in tools.split_names(options.workers)]
    except (UsageError, ValueError) as error:
        print(f"bench.distributed: {error}", file=sys.stderr)
        return 2
    found = {"about": tools.about_machine("dask", "distributed")}
    if options.write and os.path.exists(options.write):  # other sets stay
        found = {**json.loads(Path(options.write).read_text()), **found}
    print("| " + " | ".join(HEAD) + " |\n|" + "---|" * len(HEAD))
    for name, folder in folders.items():
        for result in _of_set(name, str(folder), workers, options):
            found[name] = result
            if options.write:  # what is there, as soon as it is
                Path(options.write).write_text(json.dumps(found, indent=1) + "\n")
    return 0


def _of_set(name: str, folder: str, workers: list[int], options: Any) -> Iterator[dict[str, Any]]:
    """Measure a set and print its lines; yield what is there after each cluster."""
    with tempfile.TemporaryDirectory() as parts:
        job = {
            "folder": folder,
            "parts": _cut(f"{folder}/train.tsv", parts),
            "seeds": options.seeds,
        }
        result: dict[str, Any] = {"one": _run({**job, "workers": 0}), "clusters": []}
        n_texts = result["one"]["n_texts"]
        for i, n in enumerate(workers):
            own = {
                **job,
                "workers": n,
                "kill": i == 0 and not options.no_kill,
                "seeds": options.seeds if i == 0 else 1,
            }
            jobs = [own]
            if i == 0 and options.small:
                small = {"kill": False, "seeds": 1, "per_round": n_texts // options.small}
                jobs.append({**own, **small})
            for each in jobs:
                result["clusters"].append(_run(each))
                _print(name, result["one"], result["clusters"][-1])
                yield result


def _print(name: str, one: dict[str, Any], many: dict[str, Any]) -> None:
    seconds = [statistics.mean(run[key] for run in many["runs"]) for key in ("one_cpu", "cpu")]
    correct = [statistics.mean(run["correct"] for run in each["runs"]) for each in (one, many)]
    first = many["runs"][0]
    row = (
        name, str(many["workers"]), f"{correct[0]:.4f}", f"{correct[1]:.4f}", f"{seconds[0]:.1f}",
        f"{seconds[1]:.1f}", f"{seconds[1] / seconds[0]:.2f}", str(first["rounds"]),
        f"{100 * first['share']:.1f}", f"{first['seconds_a_round']:.2f}",
    )  # fmt: skip
    print("| " + " | ".join(row) + " |", flush=True)


def _cut(path: str, folder: str) -> list[str]:
    """Write neighbouring lines of a file as parts, in its order."""
    lines = Path(path).read_bytes().splitlines(keepends=True)
    parts = []
    for i in range(N_PARTS):
        parts.append(f"{folder}/part-{i}.tsv")
        own = lines[len(lines) * i // N_PARTS : len(lines) * (i + 1) // N_PARTS]
        Path(parts[-1]).write_bytes(b"".join(own))
    return parts


def _run(job: dict[str, Any]) -> dict[str, Any]:
    """Return what a stage measures, in a process of its own."""
    command = [sys.executable, "-m", "bench.distributed", "--stage", json.dumps(job)]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    if not job.get("is_idle"):
        environment |= TIMERS
    if job["workers"] and not job.get("is_idle"):
        job = {**job, "idle_usual": _run({"workers": job["workers"], "is_idle": True})["idle"]}
        command[-1] = json.dumps(job)
    done = subprocess.run(
        command, cwd=tools.ROOT, env=environment, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


# -- in a process of its own -----------------------------------------------------------------
def _stage(job: dict[str, Any]) -> dict[str, Any]:
    if job.get("is_idle"):
        with _cluster(job["workers"]) as (cluster, _):
            return {"idle": _idle(cluster)}
    from fasttext_lite.corpus.reader import read_corpus

    test = read_corpus(f"{job['folder']}/test.tsv")
    rows = [each[0] for each in test.labels.rows()]
    texts = test.texts.to_list()

    def score(model: Any) -> float:
        found = model.predict(texts, n_threads=2)
        names = [model.labels[i] for i in found.labels[:, 0].tolist()]
        return sum(a == b for a, b in zip(names, rows, strict=True)) / len(rows)

    return (_of_cluster if job["workers"] else _of_process)(job, score)


def _fit_alone(job: dict[str, Any], seed: int) -> tuple[Any, int, float]:
    """Train in this process; return the model, the number of texts and the processor time."""
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.reader import read_corpus
    from fasttext_lite.fitting.fit import fit

    before = time.process_time()
    corpus = read_corpus(f"{job['folder']}/train.tsv")
    trainee = fit(corpus.texts, corpus.labels, Config(), seed=seed, n_threads=1)
    return trainee.model, len(corpus.texts), time.process_time() - before


def _of_process(job: dict[str, Any], score: Any) -> dict[str, Any]:
    _fit_alone(job, 0)
    runs = []
    for seed in range(job["seeds"]):
        begun = time.perf_counter()
        model, n_texts, spent = _fit_alone(job, seed)
        seconds = time.perf_counter() - begun
        runs.append({"seed": seed, "cpu": spent, "seconds": seconds, "correct": score(model)})
    return {"workers": 0, "n_texts": n_texts, "runs": runs}


@contextlib.contextmanager
def _cluster(n_workers: int) -> Iterator[tuple[Any, Any]]:
    import logging

    from distributed import Client, LocalCluster

    with LocalCluster(
        n_workers=n_workers, threads_per_worker=1, processes=True, dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    ) as cluster, Client(cluster) as client:  # fmt: skip
        yield cluster, client


def _idle(cluster: Any) -> float:
    """Return the processor time that a cluster takes in a second in which nothing is done."""
    time.sleep(2)
    before, begun = _spent(cluster), time.perf_counter()
    time.sleep(IDLE)
    return (_spent(cluster) - before) / (time.perf_counter() - begun)


def _of_cluster(job: dict[str, Any], score: Any) -> dict[str, Any]:
    from fasttext_lite.distributed import DaskFastTextClassifier

    def fitted(seed: int, **others: Any) -> Any:
        settings = {"texts_per_round": job.get("per_round"), "random_state": seed, "n_jobs": 1}
        return DaskFastTextClassifier(**settings, **others).fit(job["parts"])

    with _cluster(job["workers"]) as (cluster, client):
        _fit_alone(job, 0)
        fitted(0, epochs=1)
        result: dict[str, Any] = {
            "workers": job["workers"], "per_round": job.get("per_round"),
            "start_cpu": _spent(cluster), "idle": _idle(cluster), "idle_usual": job["idle_usual"],
        }  # fmt: skip
        runs = result["runs"] = []
        for seed in range(job["seeds"]):
            alone = _fit_alone(job, seed)[2]
            before, begun = _spent(cluster), time.perf_counter()
            model = fitted(seed)
            spent, seconds = _spent(cluster) - before, time.perf_counter() - begun
            own = {"seed": seed, "cpu": spent, "seconds": seconds, "one_cpu": alone}
            runs.append({**own, "correct": score(model.model_), **_of_rounds(model)})
            if seed == 0:
                first = model
        result["phases"] = _of_phases(client, fitted)
        if job.get("kill"):
            result["killed"] = _of_kill(client, cluster, fitted, first, score)
    return result


def _of_phases(client: Any, fitted: Any) -> dict[str, Any]:
    """Train once more; return tasks and bytes by what they are called.

    Of each name: tasks, bytes of their results, and bytes of these that went to other workers.
    What goes to the client is the results of ``count``, ``frequencies``, ``agreement``, ``gains``,
    ``sample``, ``calibration``, ``rows of shares``, ``round`` and ``points of labels``; what comes
    from there is ``words``, ``rows``, ``weights of rows`` and ``settings``, and, with rounds, what
    ``bytes_a_round`` says.
    """
    client.register_plugin(_counter(), name="counter")
    fitted(0)
    found: dict[str, list[int]] = {}

    def counted(dask_worker: Any) -> dict[str, list[int]]:
        return dask_worker.plugins["counter"].counts

    for counts in client.run(counted).values():
        for name, values in counts.items():
            sums = found.setdefault(name, [0, 0, 0])
            sums[:] = [a + b for a, b in zip(sums, values, strict=True)]
    client.unregister_worker_plugin("counter")
    return {
        name: dict(zip(("tasks", "bytes", "bytes_moved"), values, strict=True))
        for name, values in sorted(found.items())
    }


def _counter() -> Any:
    """Return what counts the results of a worker, and their bytes, by the names of tasks."""
    from distributed import WorkerPlugin

    class Counter(WorkerPlugin):
        def setup(self, worker: Any) -> None:
            self.worker, self.counts = worker, {}

        def transition(self, key: Any, start: str, finish: str, **others: Any) -> None:
            if finish != "memory" or not (isinstance(key, tuple) and "fasttext" in str(key[0])):
                return
            name = str(key[0]).removeprefix("fasttext_lite ").rstrip("0123456789 ")
            size = self.worker.state.tasks[key].nbytes or 0
            counts = self.counts.setdefault(name, [0, 0, 0])
            if start == "flight":
                counts[2] += size
            else:
                counts[0] += 1
                counts[1] += size

    return Counter()


def _spent(cluster: Any) -> float:
    """Return the processor time of this process, with client and scheduler, and of the workers."""
    import psutil

    total = time.process_time()
    for nanny in list(cluster.workers.values()):
        times = psutil.Process(nanny.pid).cpu_times()
        total += times.user + times.system
    return total


def _of_rounds(model: Any) -> dict[str, Any]:
    rounds, table = model.rounds_, model.model_.embeddings
    return {
        "rounds": len(rounds),
        "rows": len(table),
        "table_bytes": table.nbytes,
        "share": statistics.mean(r.share for r in rounds),
        "most_share": max(r.share for r in rounds),
        "whole_rounds": sum(r.is_whole for r in rounds),
        "bytes_a_round": statistics.mean(r.bytes_sent + r.bytes_received for r in rounds),
        "seconds_a_round": statistics.mean(r.seconds for r in rounds),
    }


def _of_kill(client: Any, cluster: Any, fitted: Any, first: Any, score: Any) -> dict[str, Any]:
    """Train once more, and kill a worker in the round in the middle."""
    import numpy as np

    middle = len(first.rounds_) // 2
    with tempfile.TemporaryDirectory() as folder:
        client.register_plugin(_killer(f"fasttext_lite round {middle}", folder), name="killer")
        begun = time.perf_counter()
        model = fitted(0)
        seconds = time.perf_counter() - begun
        tasks = Path(folder, "begun").read_text().split("\n")[:-1]
    again = {name: tasks.count(name) for name in tasks}
    usual = statistics.mode(again[name] for name in again if " round " in name)
    return {
        "round": middle,
        "seconds": seconds,
        "correct": score(model.model_),
        "same_weights": bool(np.array_equal(model.model_.embeddings, first.model_.embeddings)),
        "rounds_done_again": [n for n in again if " round " in n and again[n] > usual],
        "shares_read": again["fasttext_lite read"],
    }


def _killer(name: str, folder: str) -> Any:
    """Return what notes the tasks of a worker, and kills the first that begins one of a name."""
    from distributed import WorkerPlugin

    class Killer(WorkerPlugin):
        def transition(self, key: Any, start: str, finish: str, **others: Any) -> None:
            if finish != "executing" or not (isinstance(key, tuple) and "fasttext" in str(key[0])):
                return
            with open(os.path.join(folder, "begun"), "a") as file:
                file.write(f"{key[0]}\n")
            if key[0] == name:
                try:
                    os.close(os.open(os.path.join(folder, "died"), os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return
                os._exit(1)

    return Killer()


if __name__ == "__main__":
    sys.exit(main())
