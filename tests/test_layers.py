"""The structure of the package: imports run down the stair, kernel files are closed and tested,
functions are short, imports are lazy.

Rooms are the folders of the package, and files at its root: they are found, not listed here. Their
order is that of docs/architecture.md.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "fasttext_lite"
STAIR = TESTS.parent / "docs" / "architecture.md"
NAME = PACKAGE.name
FILES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in sorted(PACKAGE.rglob("*.py"))
}
KERNELS = [name for name in FILES if "kernels" in name.split(".")]
HEAVY = ("sklearn", "jieba", "matplotlib", "pandas", "scipy.stats")
# Where packages give names to their users: they look like imports upward, and are none.
FACES = {name for name, path in FILES.items() if path.name == "__init__.py"}
LONGEST = 60  # lines of a function, from `def` to its end
# Functions that are longer, and why.
LONGER: dict[str, str] = {}


def imported_modules(path: Path) -> set[str]:
    """Return every module that a file names in an import, at any depth."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def file_of(module: str) -> str | None:
    """Return the file of the package that an imported name stands in."""
    while module and module not in FILES:
        module = module.rpartition(".")[0]
    return module or None


def imports() -> dict[str, set[str]]:
    """Return the files of the package that each file imports, lazily or not."""
    return {
        name: {file_of(module) for module in imported_modules(path)} - {name, NAME, None}
        for name, path in FILES.items()
        if name not in FACES
    }


def room_of(name: str) -> str:
    """Return the folder, or the file at the root, that a file belongs to."""
    return name.split(".")[1]


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Return a circle of a graph; empty if it has none."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node not in done:
            for other in sorted(graph.get(node, ())):
                if found := walk(other, [*way, node]):
                    return found
            done.add(node)
        return []

    return next(filter(None, (walk(node, []) for node in sorted(graph))), [])


def by_room(graph: dict[str, set[str]]) -> dict[str, set[str]]:
    """Return which rooms each room imports."""
    rooms: dict[str, set[str]] = {}
    for name, others in graph.items():
        rooms.setdefault(room_of(name), set()).update(map(room_of, others))
    return {room: others - {room} for room, others in rooms.items()}


def test_a_circle_is_found():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}, "c": set()}) == []


def test_files_import_in_no_circle():
    assert circle(imports()) == []


def test_rooms_import_in_no_circle():
    assert circle(by_room(imports())) == []


def stair() -> list[str]:
    """Return the rooms as docs/architecture.md lists them: folders as ``name/``, and files."""
    part = STAIR.read_text("utf-8").partition("## The stair")[2].partition("\n## ")[0]
    return [
        room
        for cell in re.findall(r"^\| (`[^|]*`) \|", part, re.MULTILINE)
        for room in re.findall(r"`([^`]+)`", cell)
    ]


def test_the_stair_names_every_room():
    rooms = {
        f"{path.name}/" if path.is_dir() else path.name
        for path in PACKAGE.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    } - {"__init__.py"}
    assert len(rooms) > 15
    assert sorted(stair()) == sorted(rooms)


def test_the_architecture_names_places_that_are_there():
    """Of the package, of the room `compat`, or of the repository."""
    places = re.findall(r"`((?:[a-z_]+/)+(?:[a-z_]+\.py)?)", STAIR.read_text("utf-8"))
    assert len(places) > 20
    roots = (PACKAGE, PACKAGE / "compat", TESTS.parent)
    assert [p for p in places if not any((root / p).exists() for root in roots)] == []


def test_rooms_import_from_rooms_above_them():
    order = [room.removesuffix("/").removesuffix(".py") for room in stair()]
    wrong = [
        f"{room} imports {other}"
        for room, others in by_room(imports()).items()
        for other in others
        if order.index(other) > order.index(room)
    ]
    assert wrong == []


def test_the_root_holds_what_everybody_may_use():
    """What grows gets a room: a folder."""
    assert len([path for path in FILES.values() if path.parent == PACKAGE]) <= 8


def roots(modules: Iterable[str]) -> set[str]:
    return {module.split(".")[0] for module in modules}


# -- functions -------------------------------------------------------------------------------


def functions(tree: ast.AST, prefix: str) -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of every function, inner ones after their outer."""
    for node in ast.iter_child_nodes(tree):
        name = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            name = f"{prefix}.{node.name}"
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield name, (node.end_lineno or 0) - node.lineno + 1
        yield from functions(node, name)


def test_functions_are_measured():
    text = (
        "class A:\n    def b(self):\n        if self:\n            def c():\n                pass\n"
    )
    assert list(functions(ast.parse(text), "m")) == [("m.A.b", 4), ("m.A.b.c", 2)]


def test_functions_are_short():
    """Compiled loops may be longer: a call is not free there, and its arguments are many."""
    exempt = {*KERNELS, f"{NAME}.compiled.blocks"}
    long = {
        name: n_lines
        for file, path in FILES.items()
        if file not in exempt
        for name, n_lines in functions(ast.parse(path.read_text("utf-8")), file)
        if n_lines > LONGEST
    }
    assert {name: n for name, n in long.items() if name not in LONGER} == {}
    assert LONGER.keys() <= long.keys(), "no exception is needed any more"


# -- compiled code ---------------------------------------------------------------------------

# Files with compiled functions, wherever they stand.
COMPILED = {name for name, others in imports().items() if f"{NAME}.compiled.compiling" in others}


def test_compiled_code_stands_in_kernel_files():
    assert len(COMPILED) > 15
    room = {name for name in FILES if room_of(f"{name}.") == "compiled"}
    assert {*KERNELS, *room} >= COMPILED


def kernel_tests() -> list[Path]:
    """Return the files with tests that `make test-nojit` runs: those marked as of kernels."""
    return [
        path
        for path in sorted(TESTS.glob("test_*.py"))
        if any(
            isinstance(node, ast.Attribute)
            and node.attr == "kernels"
            and isinstance(node.value, ast.Attribute)
            and node.value.attr == "mark"
            for node in ast.walk(ast.parse(path.read_text("utf-8")))
        )
    ]


def named_modules(path: Path) -> set[str]:
    """Return the files of the package whose names a file has as text: records name kernels so."""
    nodes = ast.walk(ast.parse(path.read_text("utf-8")))
    texts = {node.value for node in nodes if isinstance(node, ast.Constant)}
    return {str(text).partition(":")[0] for text in texts} & FILES.keys()


def test_every_kernel_file_has_a_kernel_test():
    """A test imports it, or a table that names it, or a kernel file that is made of it."""
    graph = imports()
    direct = {
        file for path in kernel_tests() for file in map(file_of, imported_modules(path)) if file
    }
    waiting = direct.union(*(named_modules(FILES[file]) for file in direct))
    reached: set[str] = set()
    while waiting:
        reached |= waiting
        waiting = {other for name in waiting & COMPILED for other in graph[name]} & COMPILED
        waiting -= reached
    assert COMPILED - reached == set()


@pytest.mark.parametrize("name", KERNELS)
def test_kernel_files_are_closed(name):
    """Compiled code needs numbers alone, and no other part of the package but compiled code."""
    modules = imported_modules(FILES[name])
    own = {module for module in modules if module.startswith(NAME + ".")}
    allowed = {"numpy", "numba", "llvmlite", "math", "functools", "typing", "__future__"}
    assert roots(modules - own) <= allowed
    compiled = {file for file in map(file_of, own) if "compiled" in file.split(".")}
    assert {file_of(module) for module in own} <= {*KERNELS, *compiled}


def test_only_the_estimators_and_maps_import_scikit_learn():
    users = {name for name, path in FILES.items() if "sklearn" in roots(imported_modules(path))}
    assert users == {
        f"{NAME}.{name}"
        for name in (
            "distributed.classifier",
            "config.texts",  # its list of English stop words, when it is asked for
            "distributed.classifier",
            "evaluation.maps",
            "estimators.base",
            "estimators.classifier",
            "estimators.ensemble",
            "estimators.targets",
            "estimators.parameters",
            "estimators.transformer",
            "estimators.tuner",
        )
    }


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
        "from fasttext_lite.fitting.fit import fit\n"
        "labels = Labels.from_rows([['a'], ['b']])\n"
        "m = fit(Texts.from_sequence(['x y', 'z']), labels, Config(epochs=1)).model\n"
        "m.predict(['x'])\n"
    )
    assert not loaded_by(code) & set(HEAVY)


def test_import_of_the_package_loads_nothing_but_itself():
    loaded = loaded_by("import fasttext_lite")
    own = {f"fasttext_lite{name}" for name in ("", ".faces", ".moved", ".version")}
    assert {name for name in loaded if name.startswith("fasttext_lite")} == own
    assert "numpy" not in loaded


def test_public_names_exist():
    import fasttext_lite

    for name in fasttext_lite.__all__:
        assert getattr(fasttext_lite, name) is not None
    assert set(fasttext_lite.__all__) == set(dir(fasttext_lite))
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = fasttext_lite.nonsense


@pytest.mark.parametrize("name", sorted(FACES))
def test_the_faces_of_packages_keep_what_they_promise(name):
    import importlib

    package = importlib.import_module(name)
    for public in getattr(package, "__all__", ()):
        assert getattr(package, public) is not None


def quotes_unbounded(node: ast.AST) -> bool:
    """Return whether a statement raises an error that quotes what it was given at any length."""
    if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
        return False
    kinds = ("ValueError", "TypeError")
    if not isinstance(node.exc.func, ast.Name) or node.exc.func.id not in kinds:
        return False
    return any(
        isinstance(part, ast.FormattedValue) and part.conversion == ord("r")
        for text in node.exc.args
        if isinstance(text, ast.JoinedStr)
        for part in text.values
    )


def test_what_a_message_quotes_is_bounded():
    """Errors of our own are bounded; others that quote a value say `errors.bounded`."""
    found = [
        f"{name}:{node.lineno}"
        for name, path in FILES.items()
        if ".compiled." not in name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if quotes_unbounded(node)
    ]
    assert found == []
