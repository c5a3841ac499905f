"""Run the whole suite in several processes: ``make test``.

``python -m tools.suite [--processes N] [WORD...]`` deals the files of tests to groups of about the
same size; each process takes the next group and runs ``python WORD... -m pytest FILE...`` (the
words are those of a program that looks on, such as ``-m coverage run``).  What a group prints is
shown when it ends.  It fails if one of them does.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from fasttext_lite.system import cpu_count

ROOT = Path(__file__).parent.parent
MOST_PROCESSES = 4  # each may take a gigabyte of memory
GROUPS = 4  # for each process: the last ones end at about the same time
DOCTESTS = "fasttext_lite"


def groups(sizes: dict[str, int], n: int) -> list[list[str]]:
    """Deal files to groups of about the same size: the largest first, each to the smallest group.

    Parameters
    ----------
    sizes : dict of str to int
        Bytes of each file.
    n : int

    Returns
    -------
    list of list of str
        None empty, the largest first.
    """
    dealt: list[tuple[int, list[str]]] = [(0, []) for _ in range(max(min(n, len(sizes)), 1))]
    for name in sorted(sizes, key=lambda name: (-sizes[name], name)):
        i = min(range(len(dealt)), key=lambda i: dealt[i][0])
        dealt[i] = dealt[i][0] + sizes[name], [*dealt[i][1], name]
    return [sorted(names) for _, names in sorted(dealt, key=lambda group: -group[0]) if names]


def run(
    shares: Sequence[Sequence[str]], words: Sequence[str], n_processes: int, root: Path = ROOT
) -> list[int]:
    """Run pytest on each group, so many at a time; show what each prints; return its exit codes."""
    lock, ended = threading.Lock(), []

    def one(names: Sequence[str]) -> int:
        done = subprocess.run(
            [sys.executable, *words, "-m", "pytest", *names],
            cwd=root, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        with lock:
            ended.append(names)
            print(f"-- {len(ended)} of {len(shares)}: {' '.join(names)}", flush=True)
            sys.stdout.buffer.write(done.stdout)
            sys.stdout.flush()
        return done.returncode

    with ThreadPoolExecutor(n_processes) as pool:
        return list(pool.map(one, shares))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the suite; return 0, or the exit code of pytest where it fails."""
    parser = argparse.ArgumentParser(prog="tools.suite", description=__doc__)
    default = min(cpu_count(), MOST_PROCESSES)
    parser.add_argument("--processes", type=int, default=default, metavar="N")
    options, words = parser.parse_known_args(argv)
    n = max(options.processes, 1)
    files = {f"tests/{p.name}": p.stat().st_size for p in (ROOT / "tests").glob("test_*.py")}
    shares = groups(files, GROUPS * n if n > 1 else 1)
    shares[-1].append(DOCTESTS)
    codes = run(shares, words, n)
    failed = [(code, names) for names, code in zip(shares, codes, strict=True) if code]
    for code, names in failed:  # below 0: a signal ended it, and it could say nothing
        print(f"exit code {code}: {' '.join(names)}")
    print(f"{len(shares) - len(failed)} of {len(shares)} groups of tests passed", flush=True)
    return max(codes, key=abs)


if __name__ == "__main__":
    sys.exit(main())
