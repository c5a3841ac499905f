"""What is published: the same bytes from any clone, and in them what belongs there and no more."""

import os
import re
import shutil
import tarfile
import zipfile
from configparser import ConfigParser
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling import build

from fasttext_lite.compat import named
from fasttext_lite.version import __version__

ROOT = Path(__file__).parent.parent
LITTER = shutil.ignore_patterns(
    ".*",
    "build",
    "dist",
    "demo",
    "bench-work",
    "__pycache__",
    "*.py[cod]",
    "*.nb[ic]",
    "*.egg-info",
)
BUNDLED = [
    f"{name}/{part}.tsv" for name in ("en_topics", "zh_topics") for part in ("test", "train")
]
# A folder that grew by an archive or by a model is noticed: today 1.3, 3.4 and 0.02 million bytes.
MOST_WHEEL, MOST_SDIST, MOST_SHIM = 1_700_000, 4_300_000, 40_000


def clone(folder):
    """Copy what is under version control, more or less, and return the folder."""
    shutil.copytree(ROOT, folder, ignore=LITTER)
    for name in (".gitignore", ".dockerignore"):
        shutil.copy(ROOT / name, folder)
    return folder


def disturb(folder):
    """Make a clone differ in all that must not count: times, modes, and what work leaves behind."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file():
            os.utime(path, (1, 1_000_000_000 + len(path.name)))
            path.chmod(0o600)
    for room in ("fasttext_lite", "fasttext_lite/cli", "shim/fasttext", "tests", "tools"):
        cache = folder / room / "__pycache__"
        cache.mkdir()
        for name in ("x.cpython-311.pyc", "x.kernel-1.nbi", "x.kernel-1.nbc"):
            (cache / name).write_bytes(b"x")
    for name in (".pytest_cache", ".venv", ".hypothesis", "dist", "build", "demo"):
        (folder / name).mkdir()
        (folder / name / "left.py").write_text("left = 1\n")


def built(monkeypatch, project, out):
    """Build wheel and sdist of a project, as front ends do, and return their paths."""
    monkeypatch.chdir(project)
    out.mkdir()
    return [out / make(str(out)) for make in (build.build_wheel, build.build_sdist)]


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """Build the package and the shim twice, the second time elsewhere and later."""
    folder = tmp_path_factory.mktemp("builds")
    found = {}
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
        first, second = clone(folder / "a"), clone(folder / "else" / "where, with spaces")
        disturb(second)
        for time, clone_of in enumerate((first, second)):
            monkeypatch.setenv("TZ", ("UTC", "Asia/Shanghai")[time])
            for name, project in (("package", clone_of), ("shim", clone_of / "shim")):
                found[name, time] = built(monkeypatch, project, folder / f"{name}{time}")
    return found


def names_in(path):
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    else:
        with tarfile.open(path) as archive:
            names = archive.getnames()
    assert len(names) == len(set(names))
    return set(names)


def files_below(*rooms, root=ROOT):
    """Return the names of all files below some folders, without what work leaves behind."""
    found = set()
    for room in rooms:
        for path in (root / room).rglob("*") if (root / room).is_dir() else [root / room]:
            parts = path.relative_to(root).parts
            hidden = any(part == "__pycache__" or part.startswith(".") for part in parts[:-1])
            if path.is_file() and not hidden:
                found.add("/".join(parts))
    return found


@pytest.mark.parametrize("name", ["package", "shim"])
def test_two_clones_give_the_same_bytes(builds, name):
    for first, second in zip(builds[name, 0], builds[name, 1], strict=True):
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("name", ["package", "shim"])
def test_the_sdist_gives_the_wheel(builds, name, tmp_path, monkeypatch):
    wheel, sdist = builds[name, 0]
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (unpacked,) = tmp_path.iterdir()
    again, _ = built(monkeypatch, unpacked, tmp_path / "out")
    assert again.read_bytes() == wheel.read_bytes()


def test_what_the_wheel_has(builds):
    wheel, _ = builds["package", 0]
    info = f"fasttext_lite-{__version__}.dist-info"
    expected = files_below("fasttext_lite") | {f"fasttext_lite/bundled/{name}" for name in BUNDLED}
    expected |= {f"{info}/{name}" for name in (
        "METADATA", "WHEEL", "RECORD", "entry_points.txt", "licenses/LICENSE",
    )}  # fmt: skip
    assert names_in(wheel) == expected
    assert wheel.name == f"fasttext_lite-{__version__}-py3-none-any.whl"
    kinds = (".py", ".tsv", "/py.typed")
    pages = re.compile(r"fasttext_lite/\w+/page/\w+\.(html|css|js|svg)")
    assert all(name.endswith(kinds) or info in name or pages.fullmatch(name) for name in expected)
    assert wheel.stat().st_size < MOST_WHEEL
    with zipfile.ZipFile(wheel) as archive:
        said = {name: archive.read(f"{info}/{name}").decode() for name in ("METADATA", "WHEEL")}
        points = ConfigParser()
        points.read_string(archive.read(f"{info}/entry_points.txt").decode())
        assert archive.read(f"{info}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
        for name in BUNDLED:
            data = archive.read(f"fasttext_lite/bundled/{name}")
            assert data == (ROOT / "datasets" / name).read_bytes()
    metadata = Parser().parsestr(said["METADATA"])
    assert (metadata["Name"], metadata["Version"]) == ("fasttext-lite", __version__)
    assert metadata["Requires-Python"] == ">=3.10" and metadata["License-Expression"] == "MIT"
    assert "Root-Is-Purelib: true" in said["WHEEL"]
    assert dict(points["console_scripts"]) == {"fasttext-lite": "fasttext_lite.cli.app:main"}
    # Everything that any installation brings is declared, and no tool of developers.
    needed = [each for each in metadata.get_all("Requires-Dist") if "extra ==" not in each]
    assert sorted(each.split(">=")[0] for each in needed) == [
        "jieba", "numba", "numpy", "safetensors", "scikit-learn", "tqdm",
    ]  # fmt: skip


def test_what_the_sdist_has(builds):
    _, sdist = builds["package", 0]
    top = f"fasttext_lite-{__version__}"
    expected = files_below(
        "fasttext_lite", "datasets", "docs", "tests", "bench", "fuzz", "tools", "shim",
        "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE", "pyproject.toml",
        ".gitignore", "Dockerfile", "compose.yaml", ".dockerignore",
    )  # fmt: skip
    assert names_in(sdist) == {f"{top}/{name}" for name in expected | {"PKG-INFO"}}
    assert sdist.stat().st_size < MOST_SDIST


def test_what_the_shim_has(builds):
    wheel, sdist = builds["shim", 0]
    (info,) = {name.split("/")[0] for name in names_in(wheel) if ".dist-info/" in name}
    modules = files_below("fasttext", root=ROOT / "shim")
    files = {f"{info}/{name}" for name in ("METADATA", "WHEEL", "RECORD", "licenses/LICENSE")}
    assert len(modules) == 4 and names_in(wheel) == modules | files
    top = sdist.name.removesuffix(".tar.gz")
    more = {"README.md", "LICENSE", "pyproject.toml", "PKG-INFO", ".gitignore"}
    assert names_in(sdist) - {f"{top}/.gitignore"} == {
        f"{top}/{name}" for name in modules | more - {".gitignore"}
    }
    assert wheel.stat().st_size < MOST_SHIM and sdist.stat().st_size < MOST_SHIM
    with zipfile.ZipFile(wheel) as archive:
        metadata = Parser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert metadata["Name"] == named.SHIM
