"""Settings of the whole suite.

Compiled kernels are kept in a folder of the suite's own, one for each user. It serves all versions
of the kernel files and all of Numba's flags: the names of its files tell them apart.
"""

import io
import os
import signal
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from fasttext_lite.compiled.notice import NOTICE

ROOT = Path(__file__).parent.parent

assert "numba" not in sys.modules, "numba was imported before its cache folder was set"
USER = os.getuid() if hasattr(os, "getuid") else os.environ.get("USERNAME", "")
os.environ["NUMBA_CACHE_DIR"] = os.path.join(tempfile.gettempdir(), f"fasttext-lite-tests-{USER}")

# What tests look for on stderr does not depend on whether this run is the first one here.
NOTICE.is_told = True

# Shells let what they start in the background ignore Ctrl-C, and so would all programs under test.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes says nothing on a machine that others use, too.
hypothesis.settings.register_profile(
    "suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("suite")

JIT_DISABLED = os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0")
BOUNDS_CHECKED = os.environ.get("NUMBA_BOUNDSCHECK", "0") not in ("", "0")

# Of the examples of a test, what is enough where kernels run a second and a third time: each line
# is to run as plain Python, which is a hundred times slower, and each index to be looked at.
SHARE_OF_EXAMPLES = 0.2 if JIT_DISABLED else 0.5 if BOUNDS_CHECKED else 1.0


def pytest_configure(config):
    if JIT_DISABLED:
        # Hashes wrap around, and training may diverge: compiled code does so silently, NumPy
        # scalars warn.
        config.addinivalue_line(
            "filterwarnings", "ignore:(overflow|invalid value) encountered in scalar:RuntimeWarning"
        )


def pytest_collection_modifyitems(items):
    """Leave out some examples, see `SHARE_OF_EXAMPLES`."""
    if SHARE_OF_EXAMPLES == 1:
        return
    for function in {item.obj for item in items if hypothesis.is_hypothesis_test(item.obj)}:
        function = getattr(function, "__func__", function)
        given = function._hypothesis_internal_use_settings
        most = max(int(given.max_examples * SHARE_OF_EXAMPLES), min(given.max_examples, 10))
        function._hypothesis_internal_use_settings = hypothesis.settings(given, max_examples=most)


def pytest_ignore_collect(collection_path, config):
    """Leave out `tests/peers`, which needs an environment of its own, unless it is asked for."""
    asked = any("peers" in Path(argument).parts for argument in config.args)
    return True if collection_path.name == "peers" and not asked else None


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of the bundled data sets."""
    return ROOT / "datasets"


@pytest.fixture
def write(tmp_path):
    """Return a function that writes a file and returns its path."""

    def write(content, name="data.txt"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    return write


@pytest.fixture
def feed(monkeypatch):
    """Return a function that puts bytes on standard input."""

    def feed(data):
        data = data if isinstance(data, bytes) else data.encode()
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(data)))
        monkeypatch.setattr(sys, "stdin", stream)

    return feed
