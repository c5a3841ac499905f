"""The structure of the package: imports run downward, kernel files are closed, imports are lazy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "fasttext_lite"
# Ground floor first: a room imports only from rooms before it.
ROOMS = [
    "compiling",
    "kernels.read",
    "kernels.tokenize",
    "kernels.features",
    "kernels.blocks",
    "kernels.train",
    "kernels.predict",
    "kernels.classify",
    "kernels.tree",
    "kernels.segment",
    "kernels.stop_words",
    "kernels.fasttext",
    "kernels.fasttext_scores",
    "kernels.skipgram",
    "kernels.word_rows",
    "kernels.quantize",
    "unicode_classes",
    "errors",
    "config",
    "parallel",
    "quantization",
    "datasets_registry",
    "datasets_download",
    "datasets_convert",
    "datasets",
    "sources",
    "corpus",
    "segmenter_dictionary",
    "segmenter_library",
    "segmenter",
    "analyzers",
    "entries",
    "features",
    "compression",
    "rows",
    "vectors",
    "label_tree",
    "network",
    "weights",
    "training",
    "model",
    "monitoring",
    "fitting",
    "streaming",
    "storage",
    "pruning",
    "evaluation",
    "progress",
    "plotting",
    "maps",
    "tuning_metrics",
    "tuning_space",
    "tuning_log",
    "tuning_data",
    "tuning",
    "targets",
    "estimator",
    "ensemble",
    "tuner",
    "cli_types",
    "cli_datasets",
    "cli_predict",
    "cli_tune",
    "cli_watch",
    "compat.arguments",
    "compat.dictionary",
    "compat.tables",
    "compat.binary",
    "compat.model",
    "compat.word_training",
    "compat.training",
    "compat.meter",
    "compat.autotune",
    "compat.printing",
    "compat.convert",
    "compat.api_arguments",
    "compat.api_model",
    "compat.api",
    "compat.FastText",
    "compat.util",
    "compat.commands",
    "cli_quantize",
    "cli_convert",
    "cli",
    "__main__",
]
KERNELS = sorted((PACKAGE / "kernels").glob("*.py"))
HEAVY = ("sklearn", "jieba", "matplotlib", "pandas", "scipy.stats")


def imported_modules(path: Path) -> set[str]:
    """Return every module that a file names in an import, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def room_of(module: str) -> str | None:
    name = module.removeprefix("fasttext_lite.")
    matches = [room for room in ROOMS if name == room or name.startswith(room + ".")]
    return max(matches, key=len) if matches else None


def test_every_file_has_a_room():
    files = {
        str(path.relative_to(PACKAGE).with_suffix("")).replace("/", ".")
        for path in PACKAGE.rglob("*.py")
        if path.name != "__init__.py"
    }
    assert files == set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_imports_run_downward(room):
    path = PACKAGE / (room.replace(".", "/") + ".py")
    for module in imported_modules(path):
        if module.startswith("fasttext_lite.") and room_of(module):
            assert ROOMS.index(room_of(module)) < ROOMS.index(room), f"{room} imports {module}"


@pytest.mark.parametrize("path", KERNELS, ids=lambda path: path.name)
def test_kernel_files_are_closed(path):
    """What compiled code follows from stays small: a change elsewhere compiles nothing anew."""
    allowed = {"numpy", "numba", "llvmlite", "math", "functools", "typing"}
    modules = imported_modules(path)
    own = {module for module in modules if module.startswith("fasttext_lite.")}
    roots = {module.split(".")[0] for module in modules - own}
    assert roots <= allowed, roots - allowed
    rooms = {room_of(module) for module in own} - {"compiling", None}
    assert all(room.startswith("kernels.") for room in rooms), rooms


def test_only_the_estimators_rooms_import_scikit_learn():
    users = [
        room
        for room in ROOMS
        if any(
            module.split(".")[0] == "sklearn"
            for module in imported_modules(PACKAGE / (room.replace(".", "/") + ".py"))
        )
    ]
    assert users == ["maps", "targets", "estimator", "ensemble", "tuner"]


def loaded_by(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_help_loads_neither_numpy_nor_numba():
    code = (
        "from fasttext_lite.cli import main\n"
        "import contextlib, io\n"
        "with contextlib.redirect_stdout(io.StringIO()):\n"
        "    try: main(['train', '--help'])\n"
        "    except SystemExit: pass\n"
    )
    assert not loaded_by(code) & {"numpy", "numba", *HEAVY}


def test_training_and_prediction_load_no_heavy_library():
    code = (
        "from fasttext_lite.corpus import Texts, Labels\n"
        "from fasttext_lite.config import Config\n"
        "from fasttext_lite import fitting\n"
        "labels = Labels.from_rows([['a'], ['b']])\n"
        "m = fitting.fit(Texts.from_sequence(['x y', 'z']), labels, Config(epochs=1)).model\n"
        "m.predict(['x'])\n"
    )
    assert not loaded_by(code) & set(HEAVY)


def test_import_of_the_package_loads_nothing_but_itself():
    loaded = loaded_by("import fasttext_lite")
    assert {name for name in loaded if name.startswith("fasttext_lite")} == {"fasttext_lite"}
    assert "numpy" not in loaded


def test_public_names_exist():
    import fasttext_lite

    for name in fasttext_lite.__all__:
        assert getattr(fasttext_lite, name) is not None
    assert set(fasttext_lite.__all__) == set(dir(fasttext_lite))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fasttext_lite.nonsense
