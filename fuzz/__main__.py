"""Run fuzzers for some minutes: `python -m fuzz [NAME ...] --seed S --minutes M --runs N --jobs J`.

Prints how many executions ended how. Exit code 1: something is broken, and the inputs that show it
are in the folder of failures, each with how to run it again.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from fuzz import frame, results, running

FAILURES = "fuzz-failures"


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is asked for; return 0, 1 (something is broken) or 2 (bad usage)."""
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(frame.NAMES)}")
    parser.add_argument("--seed", type=int, default=1, help="of all cases (default 1)")
    parser.add_argument("--minutes", type=float, default=3, help="for all together (default 3)")
    parser.add_argument("--runs", type=int, help="executions of each, at most")
    parser.add_argument("--first", type=int, default=0, help="number of the first case")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="processes")
    parser.add_argument("--results", metavar="FILE", help="JSON file that the counts are added to")
    parser.add_argument("--failures", metavar="DIR", default=FAILURES, help="for inputs that fail")
    parser.add_argument("--table", metavar="FILE", help="print the counts of such a file, alone")
    options = parser.parse_args(argv)
    if options.table:
        print(results.table(Path(options.table)))
        return 0
    names = options.names or list(frame.NAMES)
    unknown = sorted(set(names) - set(frame.NAMES))
    if unknown or options.minutes <= 0 or options.jobs < 1:
        parser.error(f"no such fuzzer: {', '.join(unknown)}" if unknown else "nothing to run")
    fuzzers = [frame.Fuzzer.of(name) for name in names]
    total = sum(fuzzer.weight for fuzzer in fuzzers)
    n_broken = 0
    for fuzzer in fuzzers:
        limits = running.Limits(
            options.seed, options.first, options.runs, 60 * options.minutes * fuzzer.weight / total
        )
        tally = running.run(fuzzer, limits, options.jobs)
        print(tally.text(), flush=True)
        for failure in tally.failures:
            path = failure.save(Path(options.failures))
            print(f"  broken: {failure.what} ({path})", flush=True)
        n_broken += tally.n_broken
        if options.results:
            results.add(Path(options.results), tally, limits)
    return int(n_broken > 0)


if __name__ == "__main__":
    sys.exit(main())
