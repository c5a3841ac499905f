"""Run tests under each CPython that is on this machine: ``make test-pythons``.

``python tools/pythons.py [--list] [TEST...]`` looks on the PATH and in the folders of pyenv and uv,
takes the newest of each version from the lowest that pyproject.toml allows, gives each an
environment of its own in ``.venv-pythons`` and runs the tests there.  It fails if one of them does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parent.parent
PLACE = ROOT / ".venv-pythons"
EXTRAS = "plot,zh,zstd,filter,test"
WHEEL = "fasttext-numpy2-wheel"
_COMPARES = re.compile(r"^import fasttext( as \w+)?$", re.MULTILINE)
_ASK = "import sys; print(sys.implementation.name, *sys.version_info[:3])"


def least(text: str) -> tuple[int, int]:
    """Return the lowest version that a pyproject.toml allows."""
    major, minor = re.search(r'requires-python = ">=(\d+)\.(\d+)"', text).groups()
    return int(major), int(minor)


def candidates(path: str, folders: Iterable[Path]) -> list[Path]:
    """Return the programs that may be a Python, in folders of the PATH and of installations."""
    found = [each for folder in path.split(os.pathsep) for each in Path(folder).glob("python3*")]
    found += [each for folder in folders for each in folder.glob("*/bin/python3*")]
    return [each for each in found if re.fullmatch(r"python3(\.\d+)?", each.name)]


def newest(programs: Iterable[Path], lowest: tuple[int, int]) -> dict[tuple[int, int], Path]:
    """Return the newest CPython of each version, from the lowest on, asking each program."""
    best: dict[tuple[int, int], tuple[tuple[int, ...], Path]] = {}
    for program in sorted({each.resolve() for each in programs}):
        try:
            said = subprocess.run([program, "-c", _ASK], capture_output=True, text=True, timeout=60)
        except (OSError, subprocess.TimeoutExpired):
            continue
        name, *numbers = said.stdout.split() or [""]
        version = tuple(map(int, numbers))
        if said.returncode or name != "cpython" or version[:2] < lowest:
            continue
        key = (version[0], version[1])
        best[key] = max(best.get(key, (version, program)), (version, program))
    return {key: program for key, (_, program) in sorted(best.items())}


def without_fasttext(names: Iterable[str], root: Path = ROOT) -> list[str]:
    """Return the files of tests that do not compare with fastText, of those named or of all."""
    files = [root / name for name in names] or sorted((root / "tests").glob("test_*.py"))
    kept = [each for each in files if not _COMPARES.search(each.read_text("utf-8"))]
    return [each.relative_to(root).as_posix() for each in kept]


def prepare(program: Path, folder: Path) -> bool:
    """Make an environment, and return whether it has fastText, of which not all have a wheel."""
    subprocess.run([program, "-m", "venv", folder], check=True)
    install = [folder / "bin" / "python", "-m", "pip", "install", "--quiet"]
    install.append("--disable-pip-version-check")
    subprocess.run([*install, "-e", f"{ROOT}[{EXTRAS}]"], check=True)
    version = re.search(rf"{WHEEL}(==[\w.]+)", (ROOT / "pyproject.toml").read_text("utf-8"))[1]
    wheel = subprocess.run([*install, "--only-binary", ":all:", WHEEL + version])
    return not wheel.returncode


def main(words: list[str]) -> int:
    """Run the tests that are named, or all, and print which interpreters passed."""
    home = Path.home()
    folders = [Path(os.environ.get("PYENV_ROOT") or home / ".pyenv") / "versions"]
    folders.append(home / ".local" / "share" / "uv" / "python")
    lowest = least((ROOT / "pyproject.toml").read_text("utf-8"))
    found = newest(candidates(os.environ.get("PATH", ""), folders), lowest)
    if words == ["--list"]:
        for (major, minor), program in found.items():
            print(f"{major}.{minor}\t{program}")
        return 0
    results = {}
    for (major, minor), program in found.items():
        folder = PLACE / f"{major}.{minor}"
        print(f"-- Python {major}.{minor}: {program}", flush=True)
        has_fasttext = prepare(program, folder)
        names = words if has_fasttext else without_fasttext(words)
        command = [folder / "bin" / "python", "-m", "pytest", *names]
        code = subprocess.run(command, cwd=ROOT).returncode
        result = "passed" if code == 0 else f"failed ({code})"
        results[f"{major}.{minor}"] = result + ", without fastText" * (not has_fasttext)
    for version, result in results.items():
        print(f"{version}\t{result}")
    return int(not results or any("failed" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
