"""Train on gigabytes of text in less memory than they take, beside fastText.

``python -m bench.out_of_core --gigabytes 5 --memory 1G --work-dir DIR --json FILE``

A corpus is generated (``stages/zipf_corpus.py``), trained on with a promise (``--memory``) under a
limit of the operating system, without either, and by fastText, all with the same settings and for
one epoch. The limit is that of a control group (``memory``), which counts pages of files that the
system keeps for a process, too; without the right to make one it is RLIMIT_DATA, which does not.
The corpus and all features lie in the work folder, which needs six times the corpus' size.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import tools
from bench.stages import zipf_corpus
from fasttext_lite.config.sizes import parse_size

SETTINGS = {"lr": 0.5, "epochs": 1, "word_ngrams": 1, "dim": 16, "loss": "softmax"}
GROUPS = ("/sys/fs/cgroup/memory", "/sys/fs/cgroup")  # of version 1 and 2
_FASTTEXT = """
import sys, fasttext
model = fasttext.train_supervised(
    sys.argv[1], lr=0.5, epoch=1, wordNgrams=1, dim=16, loss="softmax", thread=int(sys.argv[4]),
    verbose=0,
)
model.save_model(sys.argv[2])
print("accuracy", model.test(sys.argv[3])[1])
"""


def main() -> int:
    """Run the contenders, print what they took, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m bench.out_of_core", description=__doc__)
    add = parser.add_argument
    add("--gigabytes", type=float, default=5.0, help="of text (default 5)")
    add("--files", type=int, default=8, help="that it lies in (default 8)")
    add("--labels", type=int, default=50)
    add("--memory", default="1G", help="the limit (default 1G)")
    add("--contenders", default="limited,unlimited,fasttext", help="default %(default)s")
    add("--threads", type=int, default=2)
    add("--work-dir", metavar="DIR", help="for the corpus and temporary files")
    add("--json", metavar="FILE")
    options = parser.parse_args()
    known = ("limited", "unlimited", "fasttext")
    names = tools.choose("--contenders", options.contenders, known)
    about = {
        "gigabytes": options.gigabytes, "files": options.files, "labels": options.labels,
        "memory": options.memory, "threads": options.threads, "settings": SETTINGS,
    }  # fmt: skip
    report: dict[str, Any] = {"about": about, "runs": {}}
    with tempfile.TemporaryDirectory(prefix="bench-", dir=options.work_dir) as work:
        folder = Path(work)
        start = time.perf_counter()
        n_bytes = int(options.gigabytes * 1e9)
        files = zipf_corpus.write(folder, n_bytes, options.files, options.labels, prefixed=True)
        about["bytes"] = sum(map(os.path.getsize, files))
        about["generate_seconds"] = time.perf_counter() - start
        for name in names:
            report["runs"][name] = found = contend(name, files, folder, options)
            print(name, found, flush=True)
            tools.write_json(options.json, report)
    return 0


def contend(name: str, files: list[str], work: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Train one contender and test its model; return seconds, memory and accuracy."""
    model, test = str(work / "model"), str(work / "test.tsv")
    if name == "fasttext":
        whole = work / "whole.txt"
        with open(whole, "wb") as target:
            for path in files:
                with open(path, "rb") as source:
                    shutil.copyfileobj(source, target, 1 << 24)
        command = [sys.executable, "-c", _FASTTEXT, str(whole), model, test, str(options.threads)]
        found, said = timed(command, work)
        whole.unlink()
        return {**found, "accuracy": float(said.split("accuracy")[-1])}
    flags = [f"--{key.replace('_', '-')}={value}" for key, value in SETTINGS.items()]
    ours = [sys.executable, "-m", "fasttext_lite"]
    model += ".ftl"
    train = [*ours, "train", *files, "-o", model, "--preset=fasttext", *flags]
    train += [f"--threads={options.threads}"]
    if name == "limited":
        with limited(parse_size(options.memory)) as (kind, enter, failures):
            found, said = timed([*train, "--memory", options.memory], work, enter)
            found |= {"limit": kind, **failures()}
    else:
        found, said = timed(train, work)
    tested = subprocess.run(
        [*ours, "test", model, test], capture_output=True, text=True, check=True
    )
    accuracy = float(tested.stdout.split("accuracy")[1].split()[0])
    return {**found, "accuracy": accuracy, "model_bytes": os.path.getsize(model), "said": said}


def timed(
    command: list[str], work: Path, enter: Callable[[], None] | None = None
) -> tuple[dict[str, float], str]:
    """Run a command; return its seconds, largest resident memory in bytes, and what it said."""
    start = time.perf_counter()
    environment = {**os.environ, "TMPDIR": str(work)}
    with tempfile.TemporaryFile("w+") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=environment, preexec_fn=enter
        )
        _, status, used = os.wait4(process.pid, 0)
        out.seek(0)
        said = out.read()
    if status:
        raise RuntimeError(f"{command[:4]}: status {status}: {said[-2000:]}")
    found = {
        "seconds": time.perf_counter() - start,
        "user_seconds": used.ru_utime,
        "system_seconds": used.ru_stime,
        "peak_bytes": 1024 * used.ru_maxrss,
    }
    return found, said


@contextlib.contextmanager
def limited(
    n_bytes: int,
) -> Iterator[tuple[str, Callable[[], None], Callable[[], dict[str, int]]]]:
    """Yield a kind of limit, what a process enters it by, and what tells of it afterwards."""
    for place, most, top in (
        (GROUPS[0], "memory.limit_in_bytes", "memory.max_usage_in_bytes"),
        (GROUPS[1], "memory.max", "memory.peak"),
    ):
        group = Path(place) / f"bench-out-of-core-{os.getpid()}"
        try:
            group.mkdir()
            (group / most).write_text(str(n_bytes))
        except OSError:
            with contextlib.suppress(OSError):
                group.rmdir()
            continue
        members = str(group / "cgroup.procs")

        def enter(members: str = members) -> None:
            with open(members, "w") as file:
                file.write(str(os.getpid()))

        def tell(group: Path = group, top: str = top) -> dict[str, int]:
            return {"group_peak_bytes": int((group / top).read_text())}

        try:
            yield "cgroup", enter, tell
        finally:
            group.rmdir()
        return
    yield (
        "RLIMIT_DATA",
        lambda: resource.setrlimit(resource.RLIMIT_DATA, (n_bytes, n_bytes)),
        dict,
    )


if __name__ == "__main__":
    sys.exit(main())
