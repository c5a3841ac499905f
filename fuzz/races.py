"""Several at one file or model: each answer is one of the old or the new model, and nobody dies.

``replace``: processes load and predict while another saves over the file. ``in place``: a file is
overwritten, cut or emptied where it stands (as `cp` does) while processes use it. ``writers``: two
save to one name. ``threads``: many predict with one model.
"""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from fasttext_lite import compat
from fasttext_lite.compat.convert import read_fasttext
from fasttext_lite.errors import ModelError
from fasttext_lite.model import storage
from fuzz import samples
from fuzz.frame import GOOD, BrokenError
from fuzz.readers import QUERIES, are_same

SECONDS = 60.0
MEGABYTES = 600
WEIGHT = 1.0
HOW = ("replace", "in place", "in place", "writers", "threads")
PAIRS = {
    "small": ("plain", "chars"),
    "large": ("large", "larger"),
    "bin": ("large.bin", "larger.bin"),
}


class Case(NamedTuple):
    """Who meets whom, and when."""

    how: str
    pair: str
    damage: str
    wait: float  # seconds
    seed: int


@cache
def _files() -> dict[str, tuple[bytes, Any]]:
    """Return files and what they answer."""
    found = {name: samples.sample(name).data for name in ("plain", "chars")}
    found.update(_large())
    answers = {}
    with samples.folder() as folder:
        for name, data in found.items():
            path = folder / (name if "." in name else f"{name}.ftl")
            path.write_bytes(data)
            answers[name] = (data, _answer(_load(str(path))))
    return answers


def _large() -> dict[str, bytes]:
    """Return models of 4 MB and more, which are not read as a whole."""
    found = {}
    with samples.folder() as folder:
        texts = folder / "texts"
        lines = zip(samples.LABELS, samples.TEXTS, strict=True)
        texts.write_text("".join(f"__label__{a} {b}\n" for a, b in lines), "utf-8")
        for name, own in {"large": {"wordNgrams": 2}, "larger": {"minn": 2, "maxn": 3}}.items():
            settings = {**samples.FASTTEXT, "dim": 16, "bucket": 80_000, **own}
            model = compat.train_supervised(str(texts), **settings)
            model.save_model(str(folder / f"{name}.bin"))
            found[f"{name}.bin"] = (folder / f"{name}.bin").read_bytes()
            storage.save_model(read_fasttext(str(folder / f"{name}.bin")), folder / f"{name}.ftl")
            found[name] = (folder / f"{name}.ftl").read_bytes()
    return found


def _load(path: str) -> Callable[[list[str]], Any]:
    """Return what predicts with the model of a file."""
    if path.endswith(".bin"):
        model = compat.load_model(path)
        return lambda texts: [
            (labels, list(map(float, shares)))
            for labels, shares in (model.predict(text, k=2) for text in texts if text)
        ]
    ours = storage.load_model(path)
    return lambda texts: [ours.labels, ours.probabilities(texts)]


def _answer(predict: Callable[[list[str]], Any]) -> Any:
    return predict(QUERIES)


def prepare() -> None:
    """Make the files, and compile what is run."""
    _files()


def one(rng: random.Random) -> Case:
    """Return a meeting."""
    damage = rng.choice(("other", "cut", "empty", "zeros", "noise"))
    wait = rng.choice((0.0, 0.0, 0.001, 0.005, 0.02))
    return Case(rng.choice(HOW), rng.choice(list(PAIRS)), damage, wait, rng.randrange(1 << 30))


def check(case: Case) -> str:
    """Let them meet."""
    _files()
    with samples.folder() as folder:
        outcome = MEETINGS[case.how](case, folder)
    return f"{case.how}: {outcome}"


def _child(work: Callable[[], str]) -> int:
    """Start a process that ends with 0, or with 1 after it wrote what is wrong; return its id."""
    pid = os.fork()
    if pid:
        return pid
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
    signal.alarm(50)
    try:
        os._exit(1 if work() else 0)
    except BaseException:  # noqa: BLE001 - told by the exit code
        import faulthandler

        faulthandler.dump_traceback()
        os._exit(3)


def _end(pid: int, whose: str) -> None:
    """Wait for a process; raise `BrokenError` if it did not end well."""
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code < 0:
        raise BrokenError(f"{whose} died of {signal.Signals(-code).name}")
    if code:
        raise BrokenError(f"{whose}: {'another answer' if code == 1 else f'exit code {code}'}")


def _ending(name: str) -> str:
    return ".bin" if name.endswith(".bin") else ".ftl"


def _replace(case: Case, folder: Path) -> str:
    names = PAIRS[case.pair]
    path = str(folder / f"model{_ending(names[0])}")
    known = [_files()[name] for name in names]
    Path(path).write_bytes(known[0][0])

    def read() -> str:
        for _ in range(15):
            predict = _load(path)
            answer = predict(QUERIES)
            if not any(are_same(answer, own) for _, own in known):
                return "another answer"
            time.sleep(case.wait / 4)
            if not are_same(answer, predict(QUERIES)):
                return "another answer"
        return ""

    readers_ = [_child(read) for _ in range(2)]
    for i in range(10):
        new = folder / "new"
        new.write_bytes(known[(i + 1) % 2][0])
        os.replace(new, path)
        time.sleep(case.wait)
    for pid in readers_:
        _end(pid, "a reader")
    return GOOD


def _in_place(case: Case, folder: Path) -> str:
    names = PAIRS[case.pair]
    path = str(folder / f"model{_ending(names[0])}")
    (old, answer), (new, _) = (_files()[name] for name in names)
    rng = random.Random(case.seed)
    Path(path).write_bytes(old)
    ready, told = os.pipe()
    uses_first = rng.random() < 0.5

    def use() -> str:
        predict = _load(path)
        if uses_first:
            predict(QUERIES[:1])
        os.write(told, b"x")
        end = time.monotonic() + 0.05 + 2 * case.wait
        while time.monotonic() < end:
            try:
                found = predict(QUERIES)
            except ModelError:
                return ""  # noticed
            if not are_same(found, answer):
                return "another answer"
        return ""

    pid = _child(use)
    os.read(ready, 1)
    os.close(ready)
    os.close(told)
    time.sleep(case.wait)
    content = {
        "other": new, "cut": old[: rng.randrange(len(old))], "empty": b"", "zeros": bytes(len(old)),
        "noise": rng.randbytes(len(old)),
    }[case.damage]  # fmt: skip
    with open(path, "wb") as file:  # as cp does: emptied, then written
        for start in range(0, len(content), 1 << 20):
            file.write(content[start : start + (1 << 20)])
            file.flush()
    _end(pid, f"who used a file that became {case.damage}")
    return GOOD


def _writers(case: Case, folder: Path) -> str:
    names = PAIRS["small" if case.pair == "bin" else case.pair]
    path = str(folder / "model.ftl")
    known = []
    for i, name in enumerate(names):
        source = folder / f"source-{i}.ftl"
        source.write_bytes(_files()[name][0])
        known.append(storage.load_model(source))
        source.unlink()

    def write(i: int) -> str:
        for _ in range(5):
            storage.save_model(known[i], path)
            time.sleep(case.wait / 4)
        return ""

    for pid in [_child(lambda i=i: write(i)) for i in (0, 1)]:  # type: ignore[misc]
        _end(pid, "a writer")
    answer = _load(path)(QUERIES)
    if not any(are_same(answer, _files()[name][1]) for name in names):
        raise BrokenError("the file is of neither writer")
    if left := [name for name in os.listdir(folder) if name != "model.ftl"]:
        raise BrokenError(f"left behind: {left}")
    return GOOD


def _threads(case: Case, folder: Path) -> str:
    name = PAIRS[case.pair][0]
    path = folder / f"model{_ending(name)}"
    path.write_bytes(_files()[name][0])
    predict, rng = _load(str(path)), random.Random(case.seed)
    batches = [rng.sample(samples.TEXTS, rng.choice((1, 2, 5, 20))) for _ in range(6)]
    alone = [_load(str(path))(batch) for batch in batches]
    wrong: list[str] = []

    def work(i: int) -> None:
        try:
            for _ in range(3):
                if not are_same(predict(batches[i]), alone[i]):
                    wrong.append(f"batch {i}: another answer")
        except Exception as error:  # noqa: BLE001 - carried to the caller's thread
            wrong.append(f"batch {i}: {error!r}")

    threads = [threading.Thread(target=work, args=(i,)) for i in range(len(batches))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong:
        raise BrokenError(wrong[0])
    return GOOD


MEETINGS: dict[str, Callable[[Case, Path], str]] = {
    "replace": _replace, "in place": _in_place, "writers": _writers, "threads": _threads,
}  # fmt: skip
