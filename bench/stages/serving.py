"""What `bench.serve` does in processes of their own: training, a soak, and what is refused.

``python -m bench.stages.serving JOB RESULT`` does one stage.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

CLIENTS, PAUSE = 6, 0.03  # connections of a soak, and the seconds that each waits after an answer
KINDS = {"one": 50, "many": 15, "large": 2, "query": 10, "map": 8, "why": 8, "bad": 7}


def train(job: dict[str, Any]) -> dict[str, Any]:
    """Train what is served: ours, a second one of ours, and fastText's."""
    from bench import tools
    from bench.stages import peers

    folder, work = Path(job["folder"]), Path(job["work"])
    data = str(folder / "train.tsv")
    models = {"ours.ftl": ()} | ({"second.ftl": ("--epochs", "2")} if job["two"] else {})
    for name, words in models.items():
        command = [sys.executable, "-m", "fasttext_lite", "train", data, "-q", *words]
        subprocess.run([*command, "-o", str(work / name)], check=True)
    if job["peer"]:
        import fasttext  # type: ignore[import-untyped]

        peers.prepare({
            "train": data, "test": str(folder / "test.tsv"), "work": str(work), "seed": tools.SEED,
            "multilabel": False,
        })  # fmt: skip
        settings = {**tools.FASTTEXT, "thread": job["threads"], "verbose": 0}
        fasttext.train_supervised(str(work / "train.ft"), **settings).save_model(
            str(work / "theirs.bin")
        )
    return {"done": sorted(os.listdir(work))}


# -- soak ----------------------------------------------------------------------------------------


class Checker:
    """Knows what each of two models answers, to the last bit.

    Parameters
    ----------
    paths : list of Path
    texts : list of str
    """

    def __init__(self, paths: list[Path], texts: list[str]) -> None:
        from fasttext_lite.explanation.contributions import explain
        from fasttext_lite.model.storage import load_model
        from fasttext_lite.serving.models import load

        self.texts, self._answers = texts, {}
        for path in paths:
            model = load_model(path)
            # One text and many differ in the last bit, in Python as well.
            ones, rows = (
                [[{"label": a, "probability": p} for a, p in row] for row in found]
                for found in (
                    [model.predict_one(text, 3) for text in texts],
                    model.predict(texts, 3).rows(),
                )
            )
            maps = [
                dict(zip(model.labels, model.probabilities([text])[0].tolist(), strict=True))
                for text in texts
            ]
            whys = [[s.to_dict() for s in explain(model, text).spans] for text in texts[:200]]
            self._answers[load("it", str(path)).version] = ones, rows, maps, whys

    def request(self, kind: str, dice: random.Random) -> tuple[str, str, Any, list[int]]:
        """Return method, path and body of a request of a kind, and which texts it asks about."""
        n = {"many": 100, "large": 3000, "map": 3, "why": 1}.get(kind, 1)
        chosen = [dice.randrange(200 if kind == "why" else len(self.texts)) for _ in range(n)]
        texts = [self.texts[i] for i in chosen]
        if kind == "query":
            from urllib.parse import urlencode

            return "GET", "/predict?" + urlencode({"text": texts[0], "k": 3}), None, chosen
        body: Any = {"text": texts[0], "k": 3} if kind == "one" else {"texts": texts, "k": 3}
        if kind == "map":
            body = {"texts": texts, "probabilities": True}
        if kind == "why":
            body = {"text": texts[0], "explain": True}
        if kind == "bad":
            body = dice.choice([{"text": 3}, {"texts": ["a", None]}, {"txt": "a"}, [], {"k": 1}])
        return "POST", "/predict", body, chosen

    def fault(self, kind: str, status: int, answer: Any, chosen: list[int]) -> str:
        """Return what is wrong with an answer; empty if nothing is."""
        if kind == "bad":
            good = status == 422 and answer["error"]["what"]
            return "" if good else f"a bad request got {status}"
        if status != 200:
            return f"{kind} got {status}: {answer}"
        if answer["version"] not in self._answers:
            return f"{kind} got a version of no model: {answer['version']}"
        ones, rows, maps, whys = self._answers[answer["version"]]
        if kind == "map":
            good = answer["probabilities"] == [maps[i] for i in chosen]
        elif kind == "why":
            good = answer["labels"][0]["explanation"]["spans"] == whys[chosen[0]]
        elif kind in ("one", "query"):
            good = answer["labels"] == ones[chosen[0]]
        else:
            good = answer["predictions"] == [rows[i] for i in chosen]
        return "" if good else f"{kind} got another answer than the model's"


def soak(job: dict[str, Any]) -> dict[str, Any]:
    """Load a server for some minutes while its model is replaced; compare every answer."""
    from bench.serve import free_port, ours, running

    work, seconds = Path(job["work"]), job["seconds"]
    lines = Path(job["folder"], "test.tsv").read_text("utf-8").splitlines()
    texts = [line.split("\t", 1)[1] for line in lines][:3000]
    paths = [work / "ours.ftl", work / "second.ftl"]
    # The process that compiles a kernel and those that find it in the cache may differ in the last
    # bit of single texts: let both sides find it.
    code = "import sys; from fasttext_lite.serving.models import load; load('it', sys.argv[1])"
    subprocess.run([sys.executable, "-c", code, str(paths[0])], check=True)
    checker = Checker(paths, texts)
    shutil.copy(paths[0], work / "live.ftl")
    port = free_port()
    with running(ours(work / "live.ftl", port), port, "/health") as process:
        found = _soaked(checker, paths, work / "live.ftl", port, process, seconds, job["every"])
        about = _json(port, "/models")["models"][0]
    return {**found, "reloads": about["reloads"], "last error": about["error"]}


def _soaked(
    checker: Checker,
    paths: list[Path],
    live: Path,
    port: int,
    process: int,
    seconds: float,
    every: float,
) -> dict[str, Any]:
    """Return counts of requests, replacements and faults, and the memory on the way."""
    counts = {kind: 0 for kind in KINDS}
    faults: list[str] = []
    start, lock = time.monotonic(), threading.Lock()
    end = start + seconds

    def client(number: int) -> None:
        dice = random.Random(number)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.monotonic() < end:
            kind = dice.choices(list(KINDS), list(KINDS.values()))[0]
            method, path, body, chosen = checker.request(kind, dice)
            try:
                data = None if body is None else json.dumps(body).encode()
                connection.request(method, path, data)
                answer = connection.getresponse()
                fault = checker.fault(kind, answer.status, json.loads(answer.read()), chosen)
            except (OSError, http.client.HTTPException, ValueError) as error:
                fault = f"{kind} failed: {error!r}"
                connection.close()
            with lock:
                counts[kind] += 1
                if fault:
                    faults.append(fault)
            time.sleep(PAUSE)
        connection.close()

    threads = [threading.Thread(target=client, args=(i,)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    memory, replaced = {}, 0
    while (now := time.monotonic()) < end:
        for at in (10, 50, 99):
            if now - start >= at / 100 * seconds and at not in memory:
                memory[at] = _resident(process)
        if (now - start) / every >= replaced + 1:
            replaced += 1
            shutil.copy(paths[replaced % 2], f"{live}.new")
            os.replace(f"{live}.new", live)
        time.sleep(0.2)
    for thread in threads:
        thread.join()
    memory[100] = _resident(process)
    memory.pop(99, None)
    return {
        "seconds": seconds, "requests": sum(counts.values()), **counts, "replaced": replaced,
        "failed": len(faults), "faults": faults[:20], "memory": memory,
    }  # fmt: skip


def _resident(process: int) -> float:
    """Return the resident memory of a process in MB."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _json(port: int, path: str, body: Any = None) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        data = None if body is None else json.dumps(body)
        connection.request("GET" if body is None else "POST", path, data)
        return json.loads(connection.getresponse().read())


# -- reloads -------------------------------------------------------------------------------------


def reloads(job: dict[str, Any]) -> dict[str, Any]:
    """Load a model anew some times, by SIGHUP, and ask each; note the memory on the way."""
    from bench.serve import free_port, ours, running

    work, port = Path(job["work"]), free_port()
    lines = Path(job["folder"], "test.tsv").read_text("utf-8").splitlines()[:300]
    texts = [line.split("\t", 1)[1] for line in lines]
    live, rows = work / "live.ftl", []
    shutil.copy(work / "ours.ftl", live)
    with running(ours(live, port), port, "/health") as process:
        for n in range(1, job["reloads"] + 1):
            shutil.copy(work / ("second.ftl", "ours.ftl")[n % 2], f"{live}.new")
            os.replace(f"{live}.new", live)
            os.kill(process, signal.SIGHUP)
            while _json(port, "/models")["models"][0]["reloads"] < n:
                time.sleep(0.05)
            _json(port, "/predict", {"texts": texts, "k": 3})
            for text in texts[:50]:
                _json(port, "/predict", {"text": text, "explain": True})
            if n in (1, 10, job["reloads"] // 2, job["reloads"]):
                rows.append([str(n), _resident(process)])
    return {"rows": rows}


# -- what is refused -----------------------------------------------------------------------------


def refuse(job: dict[str, Any]) -> dict[str, Any]:
    """Send what must be refused; note the answers, and how others are answered meanwhile."""
    from bench.serve import free_port, ours, running

    port = free_port()
    words = ("--timeout", "3", "--most-bytes", "100000", "--most-connections", "40")
    rows = []
    with running(ours(Path(job["work"]) / "ours.ftl", port, *words), port, "/health"):
        for what, expected, send in _cases():
            others = _Others(port)
            start = time.monotonic()
            answer = send(port)
            seconds = time.monotonic() - start
            rows.append({
                "what": what, "answer": answer, "seconds": seconds, "others": others.end(),
                "good": answer.startswith(expected) and not others.failed,
            })  # fmt: skip
    failed = [row["what"] for row in rows if not row["good"]]
    return {"rows": rows, "failed": failed}


class _Others:
    """Somebody who asks for the label of a text all the time."""

    def __init__(self, port: int) -> None:
        self._port, self._is_over = port, threading.Event()
        self._times: list[float] = []
        self.failed = 0
        self._thread = threading.Thread(target=self._ask)
        self._thread.start()
        time.sleep(0.3)

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        with contextlib.closing(connection):
            while not self._is_over.is_set():
                start = time.perf_counter()
                connection.request("POST", "/predict", b'{"text": "a text"}')
                answer = connection.getresponse()
                answer.read()
                self.failed += answer.status != 200
                self._times.append(time.perf_counter() - start)
                time.sleep(0.01)

    def end(self) -> float:
        """Return the p99 in milliseconds."""
        time.sleep(0.3)
        self._is_over.set()
        self._thread.join()
        return 1e3 * sorted(self._times)[len(self._times) * 99 // 100]


Case = tuple[str, str, Callable[[int], str]]


def _cases() -> list[Case]:
    """Return what is sent: its name, how the answer begins, and a function of the port."""
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\n"
    long = '{"text": "' + "a" * 200_000 + '"}'
    return [
        ("a body of 200 kB where 100 kB are allowed", "413", _sending(_post(long))),
        ("the same in chunks of no announced size", "413", _sending(_chunked(long))),
        ("JSON that is cut", "400", _sending(_post('{"text": "a'))),
        ("100,000 open brackets", "4", _sending(_post("[" * 99_000))),
        ("a number for a text", "422", _sending(_post('{"text": 3}'))),
        ("an unknown field", "422", _sending(_post('{"text": "a", "top": 3}'))),
        ("no HTTP", "400", _sending(b"\x16\x03\x01 hello\r\n\r\n")),
        ("the name of another host", "403", _sending(_post('{"text": "a"}', "evil.example"))),
        ("headers of 200 kB", "431", _sending(head.encode() + b"X: " + b"a" * 200_000)),
        ("a body of 1 byte a second", "408", _slowly(head + "Content-Length: 50\r\n\r\n", "x")),
        ("headers of 1 byte a second", "408", _slowly("", head)),
        ("nothing at all", "closed", _slowly("", "")),
        ("80 connections where 40 are allowed", "503", _crowd),
    ]  # fmt: skip


def _post(body: str, host: str = "127.0.0.1") -> bytes:
    return (
        f"POST /predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
        f"Connection: close\r\n\r\n{body}"
    ).encode()


def _chunked(body: str) -> bytes:
    head = "POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    parts = [body[i : i + 10_000] for i in range(0, len(body), 10_000)]
    chunks = [f"{len(part):x}\r\n{part}\r\n" for part in parts]
    return "".join([head, *chunks, "0\r\n\r\n"]).encode()


def _connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=30)


def _status(connection: socket.socket) -> str:
    """Return status and what is wrong of an answer; "closed" if there is none."""
    data = b""
    with contextlib.suppress(OSError):
        while part := connection.recv(1 << 16):
            data += part
            if b"\r\n\r\n" in data and data.endswith(b"}"):
                break
    if not data:
        return "closed"
    head, _, body = data.partition(b"\r\n\r\n")
    what = json.loads(body)["error"]["what"] if body else ""
    return f"{head.split()[1].decode()} {what[:60]}"


def _sending(data: bytes) -> Callable[[int], str]:
    def send(port: int) -> str:
        with _connected(port) as connection:
            with contextlib.suppress(OSError):  # the answer may come before all is sent
                connection.sendall(data)
            return _status(connection)

    return send


def _slowly(at_once: str, rest: str) -> Callable[[int], str]:
    """Return what sends a byte a second until there is an answer."""

    def send(port: int) -> str:
        with _connected(port) as connection:
            connection.sendall(at_once.encode())
            connection.settimeout(1.0)
            for i in range(30):
                with contextlib.suppress(OSError):
                    if rest:
                        connection.sendall(rest[i % len(rest)].encode())
                try:
                    if not connection.recv(1, socket.MSG_PEEK):
                        return "closed"
                    connection.settimeout(5.0)
                    return _status(connection)
                except TimeoutError:
                    continue
                except OSError:
                    return "closed"
        return "no answer in 30 s"

    return send


def _crowd(port: int) -> str:
    """Open more connections than are taken; return what the last one is told."""
    with contextlib.ExitStack() as stack:
        crowd = [stack.enter_context(_connected(port)) for _ in range(80)]
        return _status(crowd[-1])


STAGES = {"train": train, "soak": soak, "refuse": refuse, "reloads": reloads}


def main() -> None:
    """Do the stage that a job names, and write what was measured."""
    job = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(sys.argv[2]).write_text(json.dumps(STAGES[job["stage"]](job)), "utf-8")


if __name__ == "__main__":
    main()
