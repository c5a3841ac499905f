"""Requests over HTTP: `fasttext-lite serve` beside fastText in an application of FastAPI.

``python -m bench.serve`` trains both on a data set, begins their servers, and asks each in turns:
one text a request at 1, 8 and 64 connections, batches of 100, and one text beside somebody who
sends batches of 10,000 all the time.  The load is made by wrk (a package of Debian), for some
seconds each.  A third server is ours with the very model file of fastText's.

``--refuse`` sends one server what it must refuse, ``--reloads`` lets it load its model anew again
and again, and ``--soak`` loads one for some minutes while
its model is replaced every ``--every`` seconds; every answer is compared with the models' own.

    pip install 'fasttext-lite[bench,serve]' fastapi
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bench import tools
from bench.tools import UsageError, table

SERVING = "bench.stages.serving"
CONNECTIONS = (1, 8, 64)
BATCH, LARGE = 100, 10_000
PROGRAMS = ("fasttext-lite", "fasttext-lite, fastText's file", "FastAPI and fastText")

# The application of FastAPI; its environment: MODEL.
PEER = """
import os
import fasttext
from fastapi import FastAPI
from pydantic import BaseModel

class Asked(BaseModel):
    text: str | None = None
    texts: list[str] | None = None
    k: int = 1

app, model = FastAPI(), fasttext.load_model(os.environ["MODEL"])

def rows(texts, k):
    labels, scores = model.predict([text.replace("\\n", " ") for text in texts], k)
    return [
        [{"label": a.removeprefix("__label__"), "probability": float(p)} for a, p in zip(*row)]
        for row in zip(labels, scores)
    ]

@app.post("/predict")
async def predict(asked: Asked):
    if asked.texts is not None:
        return {"predictions": rows(asked.texts, asked.k)}
    return {"labels": rows([asked.text], asked.k)[0]}
"""

# Bodies in turns, from a place of each thread's own; what is no 200 is counted by wrk.
LUA = """
local bodies = {%s}
local i = 0
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
request = function()
  i = i %% #bodies + 1
  return wrk.format(nil, nil, nil, bodies[i])
end
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print; return 0, 1 (a run failed) or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m bench.serve", description=__doc__)
    add = parser.add_argument
    add("--data-dir", default=tools.data_dir(), help="folder of NAME/train.tsv and NAME/test.tsv")
    add("--set", default="en_topics", metavar="NAME", help="data set; default %(default)s")
    add("--seconds", type=float, default=4.0, help="of each load; default %(default)s")
    add("--repeat", type=int, default=3, help="runs of each load; default %(default)s")
    add("--soak", type=float, nargs="?", const=600.0, metavar="SECONDS", help="600 if no number")
    add("--every", type=float, default=10.0, help="seconds between models; default %(default)s")
    add("--reloads", type=int, nargs="?", const=100, metavar="N", help="100 if no number")
    add("--refuse", action="store_true", help="send what must be refused")
    add("--json", metavar="FILE", help="write everything as one JSON object")
    options = parser.parse_args(argv)
    try:
        folder = tools.find_sets(options.data_dir, options.set)[options.set]
        tools.check_folders(files=[options.json])
        is_load = options.soak is None and options.reloads is None and not options.refuse
        _check_programs(is_load)
    except UsageError as error:
        print(f"bench.serve: {error}", file=sys.stderr)
        return 2
    about = tools.about_machine("starlette", "uvicorn", "uvloop", "httptools", "msgspec", "fastapi")
    report: dict[str, Any] = {"about": about, "set": options.set}
    with tempfile.TemporaryDirectory(prefix="bench-serve-") as work:
        job = {"folder": str(folder), "threads": tools.n_usable_cores(), "peer": is_load}
        job["two"] = options.soak is not None or options.reloads is not None
        done = tools.stage("train", job, Path(work), SERVING)
        if "error" not in done and is_load:
            print(tools.heading(f"Requests over HTTP, {options.set}", about) + "\n")
            done = report["load"] = _loads(Path(work), folder, options.seconds, options.repeat)
            print("\n".join(_load_table(done)))
        stages = {
            "refuse": options.refuse,
            "reloads": options.reloads is not None,
            "soak": options.soak is not None,
        }
        for name, is_asked in stages.items():
            if is_asked and "error" not in done:
                job |= {"work": work, "seconds": options.soak, "every": options.every}
                job["reloads"] = options.reloads
                done = report[name] = tools.stage(name, job, Path(work), SERVING)
                print("\n".join(_told(name, done)) if "error" not in done else "")
    tools.write_json(options.json, report)
    if "error" in done:
        print(f"bench.serve: {done['error']}", file=sys.stderr)
    failed = report.get("soak", {}).get("failed") or report.get("refuse", {}).get("failed")
    return 1 if "error" in done or failed else 0


def _check_programs(is_load: bool) -> None:
    """Raise `UsageError` unless what is measured, and measures, is there."""
    needed = {"uvicorn": "fasttext-lite[serve]"}
    if is_load:
        needed |= {"fastapi": "fastapi", "fasttext": "fasttext-lite[bench]"}
        if shutil.which("wrk") is None:
            raise UsageError("wrk is missing: apt-get install wrk")
    for name, package in needed.items():
        if importlib.util.find_spec(name) is None:
            raise UsageError(f"{name} is missing: pip install '{package}'")


# -- servers -------------------------------------------------------------------------------------


def free_port() -> int:
    """Return a port that nobody listens at just now."""
    import socket

    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@contextlib.contextmanager
def running(command: list[str], port: int, path: str, **environment: str) -> Iterator[int]:
    """Run a server until the block ends; give the number of its process when it answers."""
    inherited = {**os.environ, "PYTHONPATH": str(tools.ROOT), "OPENBLAS_NUM_THREADS": "1"}
    process = subprocess.Popen(
        command, cwd=tools.ROOT, env=inherited | environment, stdout=subprocess.DEVNULL
    )
    try:
        for _ in range(1200):
            time.sleep(0.1)
            if process.poll() is not None:
                raise RuntimeError(f"a server ended with code {process.returncode}: {command}")
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                break
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def ours(model: str | Path, port: int, *words: str) -> list[str]:
    """Return the command line of our server."""
    program = [sys.executable, "-m", "fasttext_lite", "serve", str(model), "--port", str(port)]
    return [*program, "-q", *words]


@contextlib.contextmanager
def _all_running(work: Path) -> Iterator[dict[str, tuple[int, int]]]:
    """Run the servers that are compared; give port and process of each."""
    ports = [free_port() for _ in PROGRAMS]
    (work / "peer.py").write_text(PEER, "utf-8")
    peer = [
        sys.executable, "-m", "uvicorn", "peer:app", "--app-dir", str(work), "--port",
        str(ports[2]), "--no-access-log", "--log-level", "warning",
    ]  # fmt: skip
    theirs = str(work / "theirs.bin")
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        processes = [
            enter(running(ours(work / "ours.ftl", ports[0]), ports[0], "/health")),
            enter(running(ours(theirs, ports[1]), ports[1], "/health")),
            enter(running(peer, ports[2], "/openapi.json", MODEL=theirs)),
        ]
        yield dict(zip(PROGRAMS, zip(ports, processes, strict=True), strict=True))


# -- loads ---------------------------------------------------------------------------------------


def _loads(work: Path, folder: Path, seconds: float, repeat: int) -> dict[str, Any]:
    """Return what each load brought of each server: medians, and all runs."""
    lines = (folder / "test.tsv").read_text("utf-8").splitlines()
    texts = [line.split("\t", 1)[1] for line in lines]
    random.Random(tools.SEED).shuffle(texts)
    one = [json.dumps({"text": text}, ensure_ascii=False) for text in texts[:1000]]
    many = [
        json.dumps({"texts": random.Random(i).choices(texts, k=BATCH)}, ensure_ascii=False)
        for i in range(50)
    ]
    scripts = {"one": _script(work / "one.lua", one), "many": _script(work / "many.lua", many)}
    large = json.dumps({"texts": (texts * (LARGE // len(texts) + 1))[:LARGE]}).encode()
    loads = [(f"one text, {n} connection{'s' * (n > 1)}", "one", n, None) for n in CONNECTIONS]
    loads += [(f"{BATCH} texts, {n} connections", "many", n, None) for n in (8,)]
    loads += [(f"one text, beside batches of {LARGE:,}", "one", 1, large)]
    runs: dict[str, dict[str, list[dict[str, float]]]] = {}
    with _all_running(work) as servers:
        for port, _ in servers.values():
            for name in scripts:  # compiles, fills caches
                _wrk(port, scripts[name], 4, 1.0)
        for _ in range(repeat):
            for title, name, connections, beside in loads:
                for program, (port, process) in servers.items():
                    with _beside(port, beside) as done:
                        found = _wrk(port, scripts[name], connections, seconds, process)
                    found["beside"] = len(done) / seconds
                    runs.setdefault(title, {}).setdefault(program, []).append(found)
    medians = {
        title: {
            program: {key: statistics.median(run[key] for run in found) for key in found[0]}
            for program, found in programs.items()
        }
        for title, programs in runs.items()
    }
    return {"medians": medians, "runs": runs}


def _script(path: Path, bodies: list[str]) -> Path:
    """Write the script that sends bodies in turns."""
    path.write_text(LUA % ", ".join(f"[==[{body}]==]" for body in bodies), "utf-8")
    return path


@contextlib.contextmanager
def _beside(port: int, body: bytes | None) -> Iterator[list[int]]:
    """Send one body again and again while the block runs, if there is one; give what came back."""
    done: list[int] = []
    if body is None:
        yield done
        return
    is_over = threading.Event()

    def send() -> None:
        headers = {"Content-Type": "application/json"}
        while not is_over.is_set():
            request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, headers)
            with urllib.request.urlopen(request, timeout=60) as answer:
                done.append(len(answer.read()))

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield done
    finally:
        is_over.set()
        thread.join()


def _wrk(
    port: int, script: Path, connections: int, seconds: float, process: int | None = None
) -> dict[str, float]:
    """Return requests a second, p50 and p99 in ms, failures, and a request's CPU time in us."""
    before = _cpu_seconds(process)
    done = subprocess.run(
        [
            "wrk", "-t1", f"-c{connections}", f"-d{max(1, round(seconds))}s", "--latency", "-s",
            str(script), f"http://127.0.0.1:{port}/predict",
        ],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    used = _cpu_seconds(process) - before
    n = int(_found(r"(\d+) requests in", done))
    bad = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    return {
        "requests": float(_found(r"Requests/sec:\s+([\d.]+)", done)),
        "p50": _milliseconds(_found(r"\n +50%\s+(\S+)", done)),
        "p99": _milliseconds(_found(r"\n +99%\s+(\S+)", done)),
        "cpu": 1e6 * used / max(n, 1),
        "failed": float(bad[1]) if bad else 0.0,
    }


def _found(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"wrk said nothing of {pattern}: {text}")
    return found[1]


def _milliseconds(text: str) -> float:
    """Return a time of wrk's.

    Examples
    --------
    >>> [_milliseconds(text) for text in ("250.00us", "1.50ms", "2.00s")]
    [0.25, 1.5, 2000.0]
    """
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()  # type: ignore[union-attr]
    return float(number) * {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}[unit]


def _cpu_seconds(process: int | None) -> float:
    """Return the seconds of processors that a process has used so far; 0 for none."""
    if process is None:
        return 0.0
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# -- reports -------------------------------------------------------------------------------------


def _load_table(found: dict[str, Any]) -> list[str]:
    """Return the table of loads, with ratios to the application of FastAPI."""
    rows = []
    for title, programs in found["medians"].items():
        peer = programs[PROGRAMS[2]]
        for program, values in programs.items():
            ratio = values["requests"] / peer["requests"]
            rows.append([
                title, program, f"{values['requests']:,.0f}", f"{ratio:.2f}",
                f"{values['p50']:.2f}", f"{values['p99']:.2f}", f"{values['cpu']:,.0f}",
                f"{values['failed']:.0f}", f"{values['beside']:.1f}",
            ])  # fmt: skip
    heads = [
        "load",
        "server",
        "requests/s",
        "ratio",
        "p50, ms",
        "p99, ms",
        "CPU, us",
        "failed",
        "large/s",
    ]
    return table(heads, rows)


def _told(name: str, found: dict[str, Any]) -> list[str]:
    """Return the table of what was refused, or what the soak brought."""
    if name == "refuse":
        rows = [
            [each["what"], each["answer"], f"{each['seconds']:.2f}", f"{each['others']:.1f}"]
            for each in found["rows"]
        ]
        return table(["what is sent", "answer", "after, s", "others' p99 meanwhile, ms"], rows)
    if name == "reloads":
        return table(["reloads", "resident, MB"], [[n, f"{mb:.1f}"] for n, mb in found["rows"]])
    rows = [[key, str(found[key])] for key in found if key not in ("memory", "error", "faults")]
    rows += [[f"resident memory at {at} %, MB", f"{mb:.1f}"] for at, mb in found["memory"].items()]
    return [*table(["soak", "value"], rows), *found["faults"]]


if __name__ == "__main__":
    sys.exit(main())
