"""The suite runs in several processes, and fails where one of them does."""

import sys

import pytest

from tools import suite


def test_files_are_dealt_to_groups_of_about_the_same_size():
    sizes = {f"test_{i}.py": size for i, size in enumerate([9, 1, 5, 5, 4, 4, 2, 0])}
    found = suite.groups(sizes, 3)
    assert sorted(name for names in found for name in names) == sorted(sizes)
    totals = [sum(sizes[name] for name in names) for names in found]
    assert totals == [11, 10, 9]
    assert suite.groups({"a": 1}, 3) == [["a"]]
    assert suite.groups({}, 3) == []


@pytest.mark.parametrize("n_processes", [1, 2])
def test_what_fails_in_one_process_fails(tmp_path, capfdbinary, n_processes):
    for name, body in {"good": "pass", "bad": "assert 0, 'this is bad'"}.items():
        (tmp_path / f"test_{name}.py").write_text(f"def test_{name}():\n    {body}\n")
    shares = [["test_good.py"], ["test_bad.py"]]
    assert suite.run(shares, ["-B"], n_processes, tmp_path) == [0, 1]
    out = capfdbinary.readouterr().out.decode()
    assert "1 passed" in out and "this is bad" in out and "2 of 2: test_" in out


def test_every_file_is_run_once_and_the_worst_code_returned(monkeypatch, capsys):
    told = []

    def run(shares, words, n_processes):
        told.append((shares, words, n_processes))
        return [0] * (len(shares) - 1) + [1]

    monkeypatch.setattr(suite, "run", run)
    assert suite.main(["--processes", "2", "-m", "coverage", "run"]) == 1
    ((shares, words, n),) = told
    assert (words, n, len(shares)) == (["-m", "coverage", "run"], 2, 2 * suite.GROUPS)
    names = [name for share in shares for name in share]
    files = sorted(f"tests/{path.name}" for path in (suite.ROOT / "tests").glob("test_*.py"))
    assert sorted(names) == sorted([*files, "fasttext_lite"])
    said = capsys.readouterr().out.splitlines()
    assert said == [f"exit code 1: {' '.join(shares[-1])}", "7 of 8 groups of tests passed"]
    assert suite.main(["--processes", "1"]) == 1
    assert len(told[1][0]) == 1


def test_the_interpreter_is_this_one(tmp_path, capfdbinary):
    (tmp_path / "test_one.py").write_text(
        f"import sys\ndef test_it():\n    assert sys.executable == {sys.executable!r}\n"
    )
    assert suite.run([["test_one.py"]], [], 1, tmp_path) == [0]
    assert "1 of 1: test_one.py" in capfdbinary.readouterr().out.decode()
