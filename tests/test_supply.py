"""The tools that find the lowest versions of dependencies and the interpreters of a machine."""

import os
import re
import stat
import sys
from pathlib import Path

import pytest

from tools import lowest, pythons

ROOT = Path(__file__).parent.parent
PROJECT = {
    "name": "own", "dependencies": ["numpy>=1.26", "Numba >= 0.60, <2"],
    "optional-dependencies": {
        "a": ["x[more]>=1.9; python_version > '3'", "numpy>=1.9"], "b": ["y==2.1"],
        "all": ["own[a,b]", "x>=1.10"], "none": ["z"], "round": ["own[round, a]"],
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("extras", "expected"),
    [
        ([], {"numpy": "1.26", "numba": "0.60"}),
        (["a"], {"numpy": "1.26", "numba": "0.60", "x": "1.9"}),
        (["all"], {"numpy": "1.26", "numba": "0.60", "x": "1.10", "y": "2.1"}),
        (["round"], {"numpy": "1.26", "numba": "0.60", "x": "1.9"}),
    ],
    ids=str,
)
def test_the_lowest_version_is_the_highest_bound(extras, expected):
    assert lowest.lowest(PROJECT, extras) == expected


def test_a_dependency_without_a_bound_stops_the_tool():
    with pytest.raises(SystemExit, match="no lowest version in 'z'"):
        lowest.lowest(PROJECT, ["none"])


def test_each_dependency_of_this_project_has_a_bound(capsys):
    lowest.main(["dev", "engines", "teacher"])
    found = capsys.readouterr().out.splitlines()
    assert len(found) > 20 and all(re.fullmatch(r"[\w.-]+==[\d.]+", line) for line in found)
    assert "numpy==1.26" in found


def program(folder, name, says, code=0):
    """Make a program that says its version as an interpreter does."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(f"#!/bin/sh\necho {says}\nexit {code}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.skipif(os.name == "nt", reason="the programs are shell scripts")
def test_the_newest_of_each_version_is_found(tmp_path):
    versions, path = tmp_path / "versions", tmp_path / "bin"
    program(versions / "3.10.2" / "bin", "python3", "cpython 3 10 2")
    wanted = [program(versions / "3.10.13" / "bin", "python3.10", "cpython 3 10 13")]
    program(versions / "3.9" / "bin", "python3", "cpython 3 9 18")
    program(versions / "pypy" / "bin", "python3", "pypy 3 11 9")
    program(path, "python3.13", "cpython 3 13 0", code=1)
    program(path, "python3-config", "cpython 3 14 0")
    (path / "python3.14").write_text("no program")
    wanted.append(program(path, "python3.11", "cpython 3 11 1"))
    (path / "python3").symlink_to(wanted[1])
    found = pythons.newest(pythons.candidates(str(path), [versions]), (3, 10))
    assert found == {(3, 10): wanted[0], (3, 11): wanted[1]}


def test_the_lowest_version_of_python_is_that_of_the_package():
    assert pythons.least((ROOT / "pyproject.toml").read_text("utf-8")) == (3, 10)
    assert pythons.newest([Path(sys.executable)], (3, 10)).keys() == {sys.version_info[:2]}


def test_what_compares_with_fasttext_is_known():
    names = ["tests/test_bits.py", "tests/test_arrays.py", "tests/test_install.py"]
    assert pythons.without_fasttext(names) == ["tests/test_arrays.py"]
    left = pythons.without_fasttext([])
    everything = {f"tests/{path.name}" for path in (ROOT / "tests").glob("test_*.py")}
    assert "tests/test_supply.py" in left and 8 <= len(everything - set(left)) <= 15
