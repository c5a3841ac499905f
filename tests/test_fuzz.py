"""The fuzzers: each has what the frame wants, and the frame survives and tells what may happen."""

import json
import os
import random
import signal
import sys
import time
import types

import pytest

from fuzz import __main__, frame, mutations, results, running, safetensors, samples
from fuzz.frame import BrokenError, Fuzzer
from fuzz.running import Limits

QUICK = Limits(seed=1, first=0, runs=40, seconds=30)


def make(check, one=lambda rng: rng.randrange(100), **more):
    """Return a fuzzer of two functions."""
    module = types.SimpleNamespace(one=one, check=check, **more)
    name = "fuzz.made_up"
    sys.modules[name] = module
    try:
        return Fuzzer.of("made_up")
    finally:
        del sys.modules[name]


@pytest.mark.parametrize("name", frame.NAMES)
def test_every_fuzzer_has_what_the_frame_wants(name):
    fuzzer = Fuzzer.of(name)
    assert fuzzer.seconds > 0 and fuzzer.megabytes > 0 and fuzzer.weight > 0
    assert sys.modules[f"fuzz.{name}"].__doc__
    readme = (samples.GOLDEN.parent.parent / "fuzz" / "README.md").read_text("utf-8")
    assert f"| `{name}` |" in readme


@pytest.mark.parametrize("name", ["texts", "configs", "corpus", "full", "races"])
def test_the_same_seed_and_number_is_the_same_case(name):
    fuzzer = Fuzzer.of(name)
    cases = [repr(fuzzer.case(1, number)) for number in range(20)]
    assert cases == [repr(fuzzer.case(1, number)) for number in range(20)]
    assert len(set(cases)) > 10
    assert repr(fuzzer.case(2, 0)) != cases[0]


def test_outcomes_are_counted():
    tally = running.run(make(lambda case: f"even {case % 2 == 0}"), QUICK, jobs=2)
    cases = [make(str).case(1, number) % 2 for number in range(40)]
    assert tally.counts == {"even True": cases.count(0), "even False": cases.count(1)}
    assert (tally.n_runs, tally.n_broken) == (40, 0)


def killed_by(case):
    os.kill(os.getpid(), signal.SIGSEGV)


def hanging(case):
    time.sleep(60)


def hungry(case):
    assert len(b"x" * (300 << 20)) > 0
    return "good"


def leaving(case):
    os._exit(5)


def untrue(case):
    raise BrokenError("no promise")


@pytest.mark.parametrize(
    "harm, what",
    [(killed_by, "crash: SIGSEGV"), (hanging, "hang: more than 2 s"), (hungry, "MB more than"),
     (leaving, "crash: exit code 5"), (untrue, "no promise"),
     (lambda case: 1 / 0, "traceback: ZeroDivisionError: division by zero")],
)  # fmt: skip
def test_whatever_a_case_does_the_next_ones_go_on(harm, what, tmp_path):
    cases = [make(str).case(1, number) for number in range(40)]
    bad = cases[7]
    seconds = 2.0 if harm is hanging else 60.0
    fuzzer = make(
        lambda case: harm(case) if case == bad else "good", SECONDS=seconds, MEGABYTES=200
    )
    tally = running.run(fuzzer, QUICK, jobs=1)
    assert tally.n_broken == cases.count(bad)
    assert what in tally.failures[0].what
    # What a process has not told yet when it crashes is not counted.
    assert 40 - cases.count(bad) - 7 <= tally.counts["good"] <= 40 - cases.count(bad)
    path = tally.failures[0].save(tmp_path / "failures")
    said = (tmp_path / "failures" / f"{path.name}.txt").read_text()
    assert said.startswith(tally.failures[0].what)
    assert "again: python -m fuzz made_up --seed 1 --first 7 --runs 1 --jobs 1" in said
    if harm is killed_by:
        assert "Segmentation fault" in said and "in killed_by" in said


def test_the_command_counts_and_fails(tmp_path, capsys, monkeypatch):
    path, folder = tmp_path / "results.json", tmp_path / "failures"
    words = ["--runs", "30", "--seed", "1", "--results", str(path), "--failures", str(folder)]
    made = {"good": make(lambda case: "good"), "bad": make(untrue)}
    monkeypatch.setattr(frame, "NAMES", tuple(made))
    monkeypatch.setattr(Fuzzer, "of", lambda name: made[name])
    assert __main__.main(["good", *words]) == 0
    assert __main__.main(["good", *words]) == 0
    assert not folder.exists()
    assert __main__.main(["bad", *words]) == 1
    out = capsys.readouterr().out
    assert "30 executions" in out and "30 broken" in out and "no promise" in out
    assert len(list(folder.iterdir())) == 2 * running.MOST_SAVED
    found = json.loads(path.read_text())
    assert found["executions"] == 90 and len(found["runs"]) == 3
    own = found["fuzzers"]["made_up"]
    assert (own["executions"], own["broken"], own["outcomes"]) == (90, 30, {"good": 60})
    assert __main__.main(["--table", str(path)]) == 0
    assert "| `made_up` | 90 | 30 | 60 good |" in capsys.readouterr().out
    assert results.read(tmp_path / "none.json")["fuzzers"] == {}
    for wrong in (["unheard"], ["good", "--minutes", "0"], ["good", "--jobs", "0"]):
        with pytest.raises(SystemExit):
            __main__.main(wrong)


def test_the_documents_have_the_counts_of_the_file():
    page = (samples.GOLDEN.parent.parent / "docs" / "reliability.md").read_text("utf-8")
    assert results.table(results.FILE) in page


def test_errors_of_ours_are_one_line_and_name_the_file():
    ours = frame.OURS[0]
    assert frame.check_refusal(ours("a.ftl: damaged"), "a.ftl") == frame.REFUSED
    for bad in ("", "two\nlines", "x" * 1000, "b.ftl: damaged"):
        with pytest.raises(BrokenError):
            frame.check_refusal(ours(bad), "a.ftl")
    with pytest.raises(KeyError):
        frame.check_refusal(KeyError("a.ftl"))


def test_damage_is_damage():
    """Each way of it changes most files, and none fails, however short the file."""
    for way in set(mutations.ANYWHERE):
        n_same = 0
        for number in range(200):
            rng = random.Random(number)
            data = b"12 words 3.5\n\x01\x02\x03\x04" * rng.choice((1, 4))
            changed = bytearray(data)
            way(rng, changed)
            n_same += changed == data
        assert n_same < 60, way.__name__
    for number in range(300):
        rng = random.Random(number)
        mutations.damaged(rng, bytes([number % 256]), [b"other"])
        json.loads(mutations.edited_json(rng, b'{"a": [1, {"b": "c"}], "d": null}'))


def test_checksums_can_be_made_right_again():
    """What is damaged so is refused for what it says, or answers, but never for its checksums."""
    from fasttext_lite.errors import ModelError
    from fasttext_lite.model.storage import load_model

    data = (samples.GOLDEN.parent / "failures" / "model" / "bit-of-a-table.ftl").read_bytes()
    with samples.folder() as folder:
        path = folder / "m.ftl"
        path.write_bytes(data)
        with pytest.raises(ModelError, match="checksum"):
            load_model(path)
        path.write_bytes(safetensors.sealed(data))
        load_model(path)
        for number in range(100):
            edited = safetensors.edited(random.Random(number), data)
            path.write_bytes(safetensors.sealed(edited))
            try:
                load_model(path)
            except ModelError as error:
                assert "output: its checksum" not in str(error)
