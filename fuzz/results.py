"""The file of counts: what was run so far, by fuzzer and outcome."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fasttext_lite.version import __version__
from fuzz.running import Limits, Tally

FILE = Path(__file__).with_name("results.json")  # of the runs that the documents quote


def read(path: Path) -> dict[str, Any]:
    """Return the counts of a file; none if it is not there."""
    return json.loads(path.read_text("utf-8")) if path.exists() else {"fuzzers": {}, "runs": []}


def add(path: Path, tally: Tally, limits: Limits) -> None:
    """Add what came of a run to a file."""
    found = read(path)
    name = tally.fuzzer.name
    own = found["fuzzers"].setdefault(
        name, {"executions": 0, "broken": 0, "seconds": 0, "outcomes": {}}
    )
    own["executions"] += tally.n_runs
    own["broken"] += tally.n_broken
    own["seconds"] = round(own["seconds"] + tally.seconds)
    for outcome, n in sorted(tally.counts.items()):
        own["outcomes"][outcome] = own["outcomes"].get(outcome, 0) + n
    found["executions"] = sum(each["executions"] for each in found["fuzzers"].values())
    run = {
        "fuzzer": name, "version": __version__, "seed": limits.seed, "first": limits.first,
        "executions": tally.n_runs, "broken": tally.n_broken,
    }  # fmt: skip
    found["runs"].append(run)
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")


def table(path: Path) -> str:
    """Return a table in Markdown: for each fuzzer how many executions ended how."""
    lines = ["| fuzzer | executions | broken | of them |", "|---|--:|--:|---|"]
    found = read(path)["fuzzers"]
    for name in sorted(found, key=lambda name: -found[name]["executions"]):
        own = found[name]
        ends: dict[str, int] = {}
        for outcome, n in own["outcomes"].items():
            what = outcome.rpartition(": ")[2]
            ends[what] = ends.get(what, 0) + n
        of_them = ", ".join(f"{n:,} {what}" for what, n in sorted(ends.items(), key=_largest))
        lines.append(f"| `{name}` | {own['executions']:,} | {own['broken']:,} | {of_them} |")
    total = [sum(own[what] for own in found.values()) for what in ("executions", "broken")]
    return "\n".join([*lines, f"| all | {total[0]:,} | {total[1]:,} | |"])


def _largest(item: tuple[str, int]) -> tuple[int, str]:
    return -item[1], item[0]
