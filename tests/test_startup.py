"""Compiled code on disk: loaded when it is right, never when it is not, never in the way.

Most tests run a package of one tiny kernel file with the real `compiling`, in processes of
their own.
"""

import contextlib
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import numba
import numpy as np
import pytest

from fasttext_lite.cli import app
from fasttext_lite.compiled import compiling, made_of, notice

PACKAGE = Path(__file__).parent.parent / "fasttext_lite"
NO_CODE = shutil.ignore_patterns("__pycache__")
TINY = """
import numpy as np
from fasttext_lite.compiled.compiling import EXACT, compiler

FACTOR = 3
_kernel = compiler(EXACT)


@_kernel
def scaled(value):
    return value * FACTOR


@_kernel
def total(values):
    out = np.zeros(1)
    for i in range(len(values)):
        out[0] += scaled(values[i])
    return out


@_kernel
def item(values, i):
    return values[i]


def make(shift):
    @_kernel
    def shifted(value):
        return value + shift

    return shifted
"""
# Kernels that reach others in another file, by their name, by their module, and by a closure, and
# through these a third file, and a number in a file that has no kernels.
REACHING = {
    "limits.py": "STEP = 1\n",
    "kernels/low.py": """
from fasttext_lite.compiled.compiling import EXACT, compiler
from fasttext_lite.limits import STEP

_kernel = compiler(EXACT)


@_kernel
def low(value):
    return value + STEP


@_kernel
def lower(value):
    return value - STEP
""",
    "kernels/middle.py": """
from fasttext_lite.compiled.compiling import EXACT, compiler
from fasttext_lite.kernels.low import low, lower

_kernel = compiler(EXACT)


@_kernel
def up(value):
    return low(value)


@_kernel
def down(value):
    return lower(value)


STEPS = {"up": up, "down": down}
""",
    "kernels/top.py": """
from fasttext_lite.compiled.compiling import EXACT, compiler
from fasttext_lite.kernels import middle
from fasttext_lite.kernels.middle import STEPS, up

_kernel = compiler(EXACT)


@_kernel
def by_name(value):
    return up(value)


@_kernel
def by_module(value):
    return middle.up(value)


def make(name):
    step = STEPS[name]

    @_kernel
    def by_closure(value):
        return step(value)

    return by_closure
""",
}
REACH = """
from fasttext_lite.kernels import top
for function in (top.by_name, top.by_module, top.make("up"), top.make("down")):
    print(function(10), sum(function.stats.cache_hits.values()))
"""
USE = "import numpy as np; from fasttext_lite.kernels import tiny\n"
TOTAL = USE + "print(tiny.total(np.arange(4.0))[0])\n"
COUNTS = (
    "stats = tiny.total.stats\n"
    "print('loaded', sum(stats.cache_hits.values()), 'of',\n"
    "    sum(stats.cache_hits.values()) + sum(stats.cache_misses.values()))\n"
)
# Files end at this size: what a program meets when the disk is full.
LITTLE_SPACE = (
    "import resource\n"
    "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, resource.RLIM_INFINITY))\n"
)  # fmt: skip
# A slow machine may take so long for tiny kernels that it says so.
QUIET = "from fasttext_lite.compiled.notice import NOTICE; NOTICE.is_told = True\n"
COMPILED, LOADED = ["18.0", "loaded 0 of 1"], ["18.0", "loaded 1 of 1"]
with_limits = pytest.mark.skipif(sys.platform == "win32", reason="it has no such limit")


@pytest.fixture(scope="session")
def cold_root(tmp_path_factory):
    """Return a folder with a package of one kernel file, and room for a home."""
    root = tmp_path_factory.mktemp("startup") / "cold"
    kernels = root / "fasttext_lite" / "kernels"
    kernels.mkdir(parents=True)
    (root / "home").mkdir()
    for room in ("compiled", "disk"):
        shutil.copytree(PACKAGE / room, root / "fasttext_lite" / room, ignore=NO_CODE)
    shutil.copy(PACKAGE / "system.py", root / "fasttext_lite")
    for file in (kernels.parent / "__init__.py", kernels / "__init__.py"):
        file.touch()
    (kernels / "tiny.py").write_text(TINY)
    return root


@pytest.fixture(scope="session")
def warm_root(cold_root):
    """Return the same after a first run."""
    root = cold_root.with_name("warm")
    shutil.copytree(cold_root, root)
    assert run(root) == COMPILED
    return root


@pytest.fixture
def root(cold_root, tmp_path):
    """Return a package of the test's own that was never run."""
    return shutil.copytree(cold_root, tmp_path / "root")


@pytest.fixture
def warm(warm_root, tmp_path):
    """Return a package of the test's own that was run once."""
    return shutil.copytree(warm_root, tmp_path / "warm")


@pytest.fixture(scope="session")
def reached_root(cold_root):
    """Return a package of files that use each other, after a first run."""
    root = cold_root.with_name("reached")
    shutil.copytree(cold_root, root)
    for name, text in REACHING.items():
        (root / "fasttext_lite" / name).write_text(text)
    assert run(root, REACH) == ["11 0", "11 0", "11 0", "9 0"]
    return root


@pytest.fixture
def reached(reached_root, tmp_path):
    """Return such a package of the test's own."""
    return shutil.copytree(reached_root, tmp_path / "reached")


def start(root, code, **changes):
    env = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    env.pop("XDG_CACHE_HOME", None)
    # Python's own .pyc files know seconds only: a test edits faster.
    env |= {"HOME": str(root / "home"), "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1"}
    env |= changes
    env = {name: value for name, value in env.items() if value is not None}
    return subprocess.Popen(
        [sys.executable, "-c", QUIET + code],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env, cwd=root / "home",
    )  # fmt: skip


def finish(process):
    """Return what a process printed, having seen that it was content."""
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    return out.splitlines()


def run(root, code=TOTAL + COUNTS, **changes):
    return finish(start(root, code, **changes))


def cache_of(root):
    return root / "fasttext_lite" / "kernels" / "__pycache__"


def flip(data):
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :]


def block_all_folders(root):
    """Let no folder be made, whoever runs the tests."""
    cache_of(root).write_text("")
    (root / "home" / ".cache").write_text("")
    (root / "home" / "Library").write_text("")


# -- what is kept ----------------------------------------------------------------------------


def test_the_second_process_loads(warm):
    names = sorted(path.name.split(".")[:2] for path in cache_of(warm).iterdir())
    assert names == [["tiny", "scaled"], ["tiny", "total"]]
    assert run(warm) == LOADED


def test_loading_leaves_scipy_alone(warm):
    code = TOTAL + "import sys; print('scipy.linalg' in sys.modules)\nimport scipy.linalg\n"
    oldest, newest = compiling.QUICK_LOADING
    known = oldest <= compiling.numba.version_info.short <= newest
    assert run(warm, code) == ["18.0", str(not known)]


def test_a_process_that_loads_can_still_compile(warm):
    code = TOTAL + COUNTS + "print(tiny.total(np.arange(4))[0])\n"
    assert run(warm, code) == [*LOADED, "18.0"]
    assert run(warm, code) == [*LOADED, "18.0"]


def test_closures_are_told_apart_by_what_they_hold(root):
    code = USE + (
        "for shift in (1, 2):\n"
        "    function = tiny.make(shift)\n"
        "    print(function(10), sum(function.stats.cache_hits.values()))\n"
    )
    assert run(root, code) == ["11 0", "12 0"]
    assert run(root, code) == ["11 1", "12 1"]


def test_a_copy_elsewhere_shares_the_chosen_folder(root, tmp_path_factory):
    chosen = str(tmp_path_factory.mktemp("chosen"))
    other = tmp_path_factory.mktemp("other") / "copy"
    assert run(root, NUMBA_CACHE_DIR=chosen) == COMPILED
    assert not cache_of(root).exists()
    shutil.copytree(root, other)
    assert run(other, NUMBA_CACHE_DIR=chosen) == LOADED


def test_kernels_that_reach_others_are_loaded(reached):
    assert run(reached, REACH) == ["11 1", "11 1", "11 1", "9 1"]
    closures = [path.name for path in cache_of(reached).glob("top.by_closure.*")]
    assert len(closures) == 2


def test_other_hashes_of_strings_have_the_same_files(reached):
    for seed in ("1", "2"):
        assert run(reached, REACH, PYTHONHASHSEED=seed) == ["11 1", "11 1", "11 1", "9 1"]


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("kernels/tiny.py", "FACTOR = 3", "FACTOR = 4"),
        ("limits.py", "STEP = 1", "STEP = 1  # at a time\nUNUSED = 3"),
    ],
)
def test_what_is_not_reached_may_change(reached, name, old, new):
    change(reached, name, old, new)
    assert run(reached, REACH) == ["11 1", "11 1", "11 1", "9 1"]


def test_the_same_kernels_elsewhere_have_the_same_description(tmp_path):
    """Each of the real ones has one, whatever the place and the hashes of strings."""
    skipped = shutil.ignore_patterns("__pycache__")
    code = (
        "import importlib, pkgutil\n"
        "from numba.core.dispatcher import Dispatcher\n"
        "import fasttext_lite\n"
        "from fasttext_lite.compiled.made_of import made_of\n"
        "for info in pkgutil.walk_packages(fasttext_lite.__path__, 'fasttext_lite.'):\n"
        "    if not {'kernels', 'compiled'} & set(info.name.split('.')): continue\n"
        "    module = importlib.import_module(info.name)\n"
        "    assert module.__file__.startswith(PLACE), module.__file__\n"
        "    for name, value in sorted(vars(module).items()):\n"
        "        if isinstance(value, Dispatcher): print(name, made_of(value.py_func))\n"
        "from fasttext_lite.training.kernels.general import make_trainer\n"
        "from fasttext_lite.config import Config\n"
        "from fasttext_lite.training.composition import compose\n"
        "for changes in ({}, {'optimizer': 'adam', 'norm': 'layer'}, {'units': 4, 'l2': 0.1}):\n"
        "    config = Config(loss='hs', head='learned', **changes)\n"
        "    print(made_of(make_trainer(compose(config)).py_func))\n"
    )
    outputs = []
    for seed in ("1", "2"):
        root = tmp_path / seed
        (root / "home").mkdir(parents=True)
        shutil.copytree(PACKAGE, root / "fasttext_lite", ignore=skipped)
        outputs.append(run(root, f"PLACE = {str(root)!r}\n{code}", PYTHONHASHSEED=seed))
        assert str(tmp_path) not in "".join(outputs[-1])
    assert len(outputs[0]) > 200
    assert outputs[0] == outputs[1]


# -- what must not be loaded -----------------------------------------------------------------


def edit(root, factor=5):
    """Change a constant of the kernel file in place: path, size and time stay."""
    file = root / "fasttext_lite" / "kernels" / "tiny.py"
    before = file.stat()
    file.write_text(file.read_text().replace("FACTOR = 3", f"FACTOR = {factor}"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.stat().st_size == before.st_size


def test_an_upgrade_in_place_runs_the_new_code(warm):
    edit(warm)
    assert run(warm) == ["30.0", "loaded 0 of 1"]
    assert run(warm) == ["30.0", "loaded 1 of 1"]
    (warm / "fasttext_lite" / "kernels" / "tiny.py").write_text(TINY)
    assert run(warm) == LOADED


def test_an_upgrade_under_a_running_process_keeps_its_code_apart(root):
    """What was imported before is not filed under the hash of what came after."""
    rewrite = (
        "from pathlib import Path; file = Path(tiny.__file__)\n"
        "file.write_text(file.read_text().replace('FACTOR = 3', 'FACTOR = 5'))\n"
    )
    assert run(root, USE + rewrite + TOTAL) == ["18.0"]
    assert run(root) == ["30.0", "loaded 0 of 1"]


def test_a_module_that_is_imported_anew_has_the_new_hash(root):
    code = (
        "from pathlib import Path; import importlib; file = Path(tiny.__file__)\n"
        "file.write_text(file.read_text().replace('FACTOR = 3', 'FACTOR = 5'))\n"
        "importlib.reload(tiny)\n"
    )
    assert run(root, TOTAL + code + TOTAL) == ["18.0", "30.0"]
    assert run(root) == ["30.0", "loaded 1 of 1"]


def test_a_number_that_is_replaced_in_a_running_process(warm):
    """Numba looks again for each type of the arguments."""
    code = USE + "print(tiny.total(np.arange(4))[0])\n"
    assert run(warm, TOTAL + "tiny.FACTOR = 5\n" + code) == ["18.0", "30.0"]
    assert run(warm, code) == ["18.0"]


def change(root, name, old, new):
    file = root / "fasttext_lite" / name
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    ("name", "old", "new", "values"),
    [
        ("kernels/low.py", "value + STEP", "value * 3", "30 30 30 9"),
        ("kernels/middle.py", "low(value)", "low(low(value))", "12 12 12 9"),
        ("kernels/top.py", "step(value)", "-step(value)", "11 11 -11 -9"),
        ("limits.py", "STEP = 1", "STEP = 2", "12 12 12 8"),
    ],
)
def test_what_is_reached_is_seen_to_change(reached, name, old, new, values):
    change(reached, name, old, new)
    assert run(reached, REACH) == [f"{value} 0" for value in values.split()]
    assert run(reached, REACH) == [f"{value} 1" for value in values.split()]


def test_fields_in_another_order_have_other_files(root):
    """Numba's signatures are equal, and show no names of fields."""
    (root / "fasttext_lite" / "pairs.py").write_text(
        "import os; from collections import namedtuple\n"
        "Pair = namedtuple('Pair', os.environ['FIELDS'])\n"
    )
    (root / "fasttext_lite" / "kernels" / "user.py").write_text(
        "from fasttext_lite.compiled.compiling import EXACT, compiler\n"
        "_kernel = compiler(EXACT)\n"
        "@_kernel\n"
        "def left_of(pairs):\n"
        "    return pairs[0].left\n"
    )
    code = (
        "from fasttext_lite.kernels.user import left_of\n"
        "from fasttext_lite.pairs import Pair\n"
        "print(left_of((Pair(left=1, right=2), 3.0)), sum(left_of.stats.cache_hits.values()))\n"
    )
    assert run(root, code, FIELDS="left right") == ["1 0"]
    assert run(root, code, FIELDS="right left") == ["1 0"]
    assert run(root, code, FIELDS="left right") == ["1 1"]


def test_what_cannot_be_described_is_compiled_each_time(root):
    (root / "fasttext_lite" / "kernels" / "user.py").write_text(
        "import threading\n"
        "from fasttext_lite.compiled.compiling import EXACT, compiler\n"
        "size = threading.Lock()\n"  # an attribute of arrays has the same name
        "_kernel = compiler(EXACT)\n"
        "@_kernel\n"
        "def size_of(values):\n"
        "    return values.size\n"
    )
    code = USE + "from fasttext_lite.kernels import user; print(user.size_of(np.zeros(3)))\n"
    assert run(root, code) == ["3"]
    assert not cache_of(root).exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (1, 1.0),
        (1, True),
        ("1", b"1"),
        (0.0, -0.0),
        (np.int64(1), np.uint64(1)),
        (np.float32(1), np.float64(1)),
        (np.zeros(4, np.uint8), np.zeros(1, np.int32)),
        (np.zeros((2, 3)), np.zeros((3, 2))),
        (np.zeros((2, 3)), np.zeros((2, 3), order="F")),
        (np.zeros(1, [("a", "f4"), ("b", "f4")]), np.zeros(1, [("b", "f4"), ("a", "f4")])),
        ((1, 2), [1, 2]),
        ((1, (2, 3)), ((1, 2), 3)),
        (app.main, start),
        (compiling.KernelCache, compiling._CodeFiles),
        (os, sys),
        (len, abs),
        (numba.int64, numba.uint64),
        (numba.njit(flip), numba.njit(nogil=True)(flip)),
        (numba.njit(flip), flip),
    ],
    ids=repr,
)
def test_different_values_have_different_descriptions(one, other):
    def holder(value):
        def function():
            return value

        return function

    assert made_of.made_of(holder(one)) == made_of.made_of(holder(one))
    assert made_of.made_of(holder(one)) != made_of.made_of(holder(other))


def test_values_of_a_module_are_told_apart_by_their_names():
    module = ModuleType("somebody")

    def function():
        return module.left, module.right

    module.itself, module.left, module.right = module, 1, 2
    before = made_of.made_of(function)
    module.left, module.right = 2, 1
    assert made_of.made_of(function) != before
    module.left, module.right = 1, 2
    assert made_of.made_of(function) == before


def test_profiles_cannot_be_changed():
    for profile in (compiling.FAST, compiling.EXACT, compiling.FAST_LEAF, compiling.LEAF):
        with pytest.raises(TypeError):
            profile["nogil"] = False


@with_limits
def test_an_upgrade_that_cannot_write_runs_the_new_code(warm):
    """Numba's own cache runs the old code then: its index was written, the code was not."""
    edit(warm)
    assert run(warm, LITTLE_SPACE + TOTAL) == ["30.0"]
    assert run(warm) == ["30.0", "loaded 0 of 1"]


def test_another_processor_compiles_for_itself(warm):
    assert run(warm, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES="") == COMPILED
    assert run(warm) == LOADED


def test_code_without_checks_is_not_served_to_a_run_with_checks(root):
    code = USE + (
        "try: tiny.item(np.arange(4.0), 4); print('no check')\n"
        "except IndexError: print('checked')\n"
    )  # fmt: skip
    assert run(root, code) == ["no check"]
    assert run(root, code, NUMBA_BOUNDSCHECK="1") == ["checked"]
    assert run(root, code) == ["no check"]


class Codegen:
    """Stands in for Numba's, of which only the description of the processor is used."""

    def __init__(self, processor):
        self.processor = processor

    def magic_tuple(self):
        return self.processor


@pytest.mark.parametrize("name", ["numba", "llvmlite", "np"])
def test_other_versions_have_other_files(monkeypatch, name):
    cache = compiling.KernelCache(flip, compiling.EXACT)
    before = cache._name((), Codegen(("x86_64", "znver4", "+avx2")))
    assert before == cache._name((), Codegen(("x86_64", "znver4", "+avx2")))
    monkeypatch.setattr(getattr(compiling, name), "__version__", "99.0")
    assert before != cache._name((), Codegen(("x86_64", "znver4", "+avx2")))


def test_another_python_has_other_files(monkeypatch):
    cache = compiling.KernelCache(flip, compiling.EXACT)
    before = cache._name((), Codegen(()))
    monkeypatch.setattr(sys, "version", "9.9.9")
    assert before != cache._name((), Codegen(()))


# -- trouble with the disk -------------------------------------------------------------------


def test_where_no_folder_can_be_made_it_compiles_in_memory(root):
    block_all_folders(root)
    assert run(root) == COMPILED
    assert run(root, NUMBA_CACHE_DIR=str(cache_of(root) / "below")) == COMPILED


def test_a_chosen_folder_that_cannot_be_made_leaves_the_others(warm):
    assert (
        run(warm, NUMBA_CACHE_DIR=str(warm / "fasttext_lite" / "compiled" / "compiling.py"))
        == LOADED
    )


def test_a_chosen_folder_is_the_only_one(warm):
    assert run(warm, NUMBA_CACHE_DIR=str(warm / "chosen")) == COMPILED


def test_without_a_home(root):
    cache_of(root).write_text("")
    code = (
        "import os\n"
        "os.path.expanduser = lambda path: path\n"  # a user whom the system does not know
    )
    assert run(root, code + TOTAL, HOME=None) == ["18.0"]
    assert os.listdir(root / "home") == []  # no folder named ~


def test_a_blocked_package_folder_leaves_the_home(root):
    cache_of(root).write_text("")
    assert run(root) == COMPILED
    assert run(root) == LOADED


@pytest.mark.parametrize("folder", ["__pycache__", "chosen"])
def test_a_folder_that_is_only_readable_is_read(warm, folder):
    """As in an image whose files are compiled by its builder and used by somebody else."""
    place, env = cache_of(warm), {}
    if folder == "chosen":
        env = {"NUMBA_CACHE_DIR": str(warm / "chosen")}
        (warm / "chosen").mkdir()
        place = place.rename(warm / "chosen" / "fasttext_lite")
    paths = [place, *place.iterdir()]
    for path in paths:
        path.chmod(0o555)
    try:
        assert run(warm, **env) == LOADED
    finally:
        for path in paths:
            path.chmod(0o755)


@pytest.mark.skipif(os.name != "posix", reason="chmod means nothing there")
def test_a_folder_that_becomes_unwritable_later(root):
    cache_of(root).mkdir()
    (root / "home" / ".cache").write_text("")
    code = USE + f"import os; os.chmod({str(cache_of(root))!r}, 0o555)\n" + TOTAL + COUNTS
    try:
        assert run(root, code) == COMPILED
    finally:
        cache_of(root).chmod(0o755)


def test_a_folder_that_vanishes_is_made_again(root):
    code = TOTAL + f"import shutil; shutil.rmtree({str(cache_of(root))!r})\n"
    code += "tiny.item(np.arange(4), 1)\n"
    assert run(root, code) == ["18.0"]
    assert [path.name.split(".")[1] for path in cache_of(root).iterdir()] == ["item"]


@with_limits
def test_a_full_disk_leaves_nothing_behind(root):
    assert run(root, LITTLE_SPACE + TOTAL) == ["18.0"]
    assert list(cache_of(root).iterdir()) == []
    assert run(root) == COMPILED
    assert run(root) == LOADED


DAMAGES = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "zeros": lambda data: data[:4096] + bytes(len(data) - 4096),
    "a flipped bit": flip,
    "something else": lambda data: b"hello\n" * 100,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_written_anew(warm, damage):
    files = list(cache_of(warm).iterdir())
    for file in files:
        file.write_bytes(DAMAGES[damage](file.read_bytes()))
    assert run(warm) == COMPILED
    assert sorted(cache_of(warm).iterdir()) == sorted(files)
    assert run(warm) == LOADED


def test_processes_that_compile_at_once(root):
    processes = [start(root, TOTAL) for _ in range(3)]
    assert [finish(process) for process in processes] == [["18.0"]] * 3
    assert len(list(cache_of(root).iterdir())) == 2
    assert run(root) == LOADED


# -- the command line's process --------------------------------------------------------------


def test_imports_block_nothing():
    code = (
        "import sys\n"
        "from fasttext_lite import FastTextClassifier, cli\n"
        "print([name for name, module in sys.modules.items() if module is None])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"


def test_scipy_works_after_a_command(tmp_path):
    (tmp_path / "train.tsv").write_text("a\tx y\nb\tz\n" * 4)
    arguments = ["train", f"{tmp_path}/train.tsv", "-o", f"{tmp_path}/m.ftl", "-q"]
    assert app.main([*arguments, "--epochs", "1"]) == 0
    import scipy.linalg

    assert scipy.linalg.det([[2.0, 0.0], [0.0, 3.0]]) == 6.0


@pytest.mark.parametrize("own", [True, False])
def test_the_collector_is_tuned_in_our_own_process_alone(monkeypatch, capsys, own):
    before = gc.get_threshold()
    registered = []
    monkeypatch.setattr(app.atexit, "register", registered.append)
    monkeypatch.setattr(sys, "argv", ["fasttext-lite", "--version"])
    try:
        with contextlib.suppress(SystemExit):
            app.main(None if own else ["--version"])
        assert (gc.get_threshold() != before) == own
        assert registered == [gc.freeze] * own
    finally:
        gc.set_threshold(*before)


# -- what a first run says -------------------------------------------------------------------
ONE_TRAINING = """
from fasttext_lite import FastTextClassifier
texts = ["red apples", "green apples", "fast cars", "slow cars"]
FastTextClassifier(random_state=0, epochs=1).fit(texts, list("aabb"))
"""


def test_the_first_training_says_once_that_it_compiles(tmp_path):
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path), "NUMBA_DISABLE_JIT": "0"}
    first, second = (
        subprocess.run(
            [sys.executable, "-c", ONE_TRAINING],
            capture_output=True,
            text=True,
            env=env,
            check=True,
        )
        for _ in range(2)
    )
    assert first.stderr.splitlines() == [notice.FIRST] and first.stdout == ""
    assert (second.stderr, second.stdout) == ("", "")


@pytest.fixture
def clock(monkeypatch, caplog):
    """Return a function that a notice asks for the time: what it was set to last."""
    now = [0.0]
    monkeypatch.setattr(notice.time, "perf_counter", lambda: now[0])
    caplog.set_level("WARNING", "fasttext_lite")
    return lambda seconds: now.__setitem__(0, seconds)


def test_a_kernel_or_two_are_no_news(clock, caplog, tmp_path):
    told = notice.Notice()
    told.begin("a", [str(tmp_path)])
    clock(0.3)
    told.begin("b", [str(tmp_path)])  # inside a
    told.end("b")
    clock(0.6)
    told.end("a")
    clock(50.0)  # nothing compiles meanwhile
    told.begin("c", [str(tmp_path)])
    assert not told.is_told and not caplog.records
    clock(50.5)
    told.begin("d", [str(tmp_path)])
    clock(99.0)
    told.begin("e", [str(tmp_path)])
    assert told.is_told
    assert [record.message for record in caplog.records] == [notice.FIRST]


def test_where_no_folder_can_be_written_it_says_so(clock, caplog, tmp_path):
    (tmp_path / "file").touch()
    told = notice.Notice()
    told.begin("a", [])
    clock(2.0)
    told.begin("b", [str(tmp_path / "file"), str(tmp_path / "file" / "below")])
    assert [record.message for record in caplog.records] == [notice.EACH_TIME]
    told = notice.Notice()
    told.begin("a", [])
    clock(4.0)
    told.begin("b", [str(tmp_path / "new" / "below")])  # it can be made
    assert caplog.records[-1].message == notice.FIRST


@pytest.mark.parametrize("flags", [(), ("-q",)])
def test_the_command_line_has_the_notice_in_one_line(flags, write, tmp_path):
    data = write("a\tx y\nb\tz w\n" * 9, "t.tsv")
    code = (
        "import sys; from fasttext_lite.compiled import notice\n"
        "from fasttext_lite.cli.app import main\n"
        "notice.LEAST = -1\n"
        "begin = notice.NOTICE.begin\n"
        "main(sys.argv[1:]); begin('a', ['.'])"
    )
    out = str(tmp_path / "m.ftl")
    done = subprocess.run(
        [sys.executable, "-c", code, "train", data, "-o", out, "--epochs", "1", *flags],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    expected = [] if flags else [f"fasttext-lite: {notice.FIRST}"]
    assert done.stderr.splitlines() == expected
