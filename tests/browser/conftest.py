"""Pages of reports, made once, and a browser without a window that opens them.

The browser and its driver are those of the system, found by their names; without them the tests
fail, and say what to install.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

assert "numba" not in sys.modules, "numba was imported before its cache folder was set"
USER = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
os.environ["NUMBA_CACHE_DIR"] = os.path.join(tempfile.gettempdir(), f"fasttext-lite-tests-{USER}")

ROOT = Path(__file__).resolve().parent.parent.parent
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage",
)  # fmt: skip
NASTY = (
    "<script>window.broken = 1</script>", "</script><img src=x onerror='window.broken = 1'>",
    "\"'><b id=broken>", "مرحبا بالعالم", "nul\0 and \x1b[31m", "{{ 7 * 7 }} {% raw %}", "😀 سلام",
)  # fmt: skip


def program(*names):
    """Return the path of a program of the system."""
    found = next(filter(None, map(shutil.which, names)), None)
    assert found, f"{names[0]} is missing: apt-get install chromium chromium-driver"
    return found


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Return a browser that notes all it says and all it asks for."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = program("chromium", "chromium-browser", "google-chrome")
    for flag in (*FLAGS, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(program("chromedriver")))
    yield driver
    driver.quit()


def make_report(folder, name, rows, train, **more):
    """Write the report of a small model; return its path and the page."""
    from fasttext_lite.config.fields import Config
    from fasttext_lite.corpus.labels import Labels
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.fitting.fit import fit
    from fasttext_lite.reporting.findings import Data
    from fasttext_lite.reporting.report import write_report

    def data(pairs, path):
        labels = Labels.from_rows([[label] for label, _ in pairs])
        return Data(path, Texts.from_sequence([text for _, text in pairs]), labels)

    learnt, test = data(train, "train.tsv"), data(rows, "test.tsv")
    config = Config(epochs=5, lr=0.3, dim=16)
    model = fit(learnt.texts, learnt.labels, config, n_threads=1).model
    other = fit(learnt.texts, learnt.labels, config.replace(epochs=1), n_threads=1).model
    path = folder / f"{name}.html"
    write_report(
        path, f"{name}.ftl", model, test, train=learnt, against=("other.ftl", other), **more
    )
    return path


def bundled(name, part):
    """Return the rows of a bundled set."""
    lines = (ROOT / "datasets" / name / f"{part}.tsv").read_text("utf-8").splitlines()
    return [tuple(line.split("\t", 1)) for line in lines]


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Return the pages by name: of English and Chinese texts, and of labels and texts that bite."""
    folder = tmp_path_factory.mktemp("pages")
    found = {}
    for name in ("en_topics", "zh_topics"):
        found[name] = make_report(folder, name, bundled(name, "test"), bundled(name, "train"))
    labels = [*NASTY, *(f"label {i}" for i in range(25))]
    rows = [(label, f"{label} word{i % 3} {i}") for i in range(8) for label in labels]
    rows += [(labels[i % 32], f"{labels[(i + 1) % 32]} word{i % 3} {i}") for i in range(64)]
    found["nasty"] = make_report(folder, "nasty", rows, rows)
    return found
