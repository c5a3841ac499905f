"""Print the lowest version of each dependency that pyproject.toml allows, as constraints of pip.

``python tools/lowest.py EXTRA...`` takes the dependencies of the package and of these extras, and
of the extras that they name in turn.  A bound is written once, there: this reads it.  A dependency
without a lowest version stops the tool.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

try:
    import tomllib
except ImportError:  # Python 3.10: pip, which is to read what is printed, brings the same
    from pip._vendor import tomli as tomllib

TARGET = Path(__file__).parent.parent / "pyproject.toml"
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)(\[(?P<extras>[^]]*)\])?(?P<bounds>[^;]*)")
_LEAST = re.compile(r"(?:>=|==)\s*([\w.]+)")


def requirements(project: dict[str, Any], extras: Iterable[str]) -> list[str]:
    """Return the requirements of a project and of some of its extras, not the project itself."""
    waiting, seen = list(extras), set()
    found = list(project["dependencies"])
    while waiting:
        extra = waiting.pop(0)
        if extra in seen:
            continue
        seen.add(extra)
        for requirement in project["optional-dependencies"][extra]:
            match = _REQUIREMENT.match(requirement)
            if match["name"] == project["name"]:
                waiting += [each.strip() for each in match["extras"].split(",")]
            else:
                found.append(requirement)
    return found


def lowest(project: dict[str, Any], extras: Iterable[str] = ()) -> dict[str, str]:
    """Return the lowest version of each dependency; the highest of its bounds where it has more.

    Parameters
    ----------
    project : dict
        The table ``project`` of pyproject.toml.
    extras : iterable of str
        Those whose dependencies are wanted as well.
    """
    found: dict[str, str] = {}
    for requirement in requirements(project, extras):
        match = _REQUIREMENT.match(requirement)
        least = _LEAST.search(match["bounds"])
        if least is None:
            raise SystemExit(f"{TARGET.name}: no lowest version in {requirement!r}")
        name, version = match["name"].lower(), least[1]
        found[name] = max(found.get(name, version), version, key=_order)
    return found


def _order(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def main(extras: list[str]) -> None:
    """Print the constraints."""
    project = tomllib.loads(TARGET.read_text("utf-8"))["project"]
    for name, version in sorted(lowest(project, extras).items()):
        print(f"{name}=={version}")


if __name__ == "__main__":
    main(sys.argv[1:])
