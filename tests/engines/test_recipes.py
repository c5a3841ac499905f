"""The recipes of docs/engines.md, run exactly as they are printed, against direct predictions.

Each runs as a program of its own, in an activated environment as a user has it, on texts in several
parts.  The other kinds of models take part by their names.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import N_FILES, ROOT, ROWS
from documents import DOCUMENTS

PAGE = "docs/engines.md"
RECIPES = {
    part.partition("\n")[0]: re.findall(r"^```python\n(.*?)^```", part, re.DOTALL | re.MULTILINE)
    for part in re.split(r"^## ", DOCUMENTS[PAGE], flags=re.MULTILINE)[1:]
}
MEMORY = RECIPES.pop("Memory, and how to check it")
ENGINES = {
    # Of each recipe, whether it reads a folder of files, and the least workers that load the model.
    "Ray Data": (True, 1),  # of so few texts it may make one task; see the test of its workers
    "Dask": (True, 2),
    "Spark": (True, 2),
    "Hugging Face datasets": (False, 2),
    "Polars": (False, 1),
    "DuckDB": (False, 1),
}
MOST_LINES = 15


def in_a_folder(place: Path) -> None:
    """Put a folder of files in the place of the file of texts."""
    table = pq.read_table("texts.parquet")
    Path("texts.parquet").unlink()
    Path("texts.parquet").mkdir()
    for i in range(N_FILES):
        pq.write_table(table.slice(i * ROWS, ROWS), f"texts.parquet/part-{i}.parquet")


def run(place: Path, code: str) -> subprocess.CompletedProcess:
    """Run a script as a program."""
    (place / "recipe.py").write_text(code, "utf-8")
    env = {
        **os.environ,
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": os.pathsep.join([str(place / "hooks"), str(ROOT)]),
        "HF_HOME": str(place / "hub"),
        "HF_HUB_OFFLINE": "1",
    }
    done = subprocess.run([sys.executable, "recipe.py"], env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return done


def check(place: Path, expected: list, in_order: bool) -> None:
    """Compare what a script has written with direct predictions."""
    (output,) = place.glob("labelled*")
    table = ds.dataset(output, format="parquet").to_table()
    if not in_order:
        table = table.sort_by("id")
    assert table["id"].to_pylist() == list(range(len(expected)))
    names = table["label"].to_pylist()
    assert names == [name for name, _ in expected]
    assert None in names and len(set(names)) > 2
    for found, (_, wanted) in zip(table["probability"].to_pylist(), expected, strict=True):
        assert found == (None if wanted is None else pytest.approx(wanted, abs=1e-6))


def loads(place: Path) -> list[str]:
    """Return the processes that read the model, one for each time."""
    return (place / "loads").read_text().split()


def test_every_recipe_is_run():
    assert RECIPES.keys() == ENGINES.keys()
    for name, (code,) in RECIPES.items():
        lines = [line for line in code.splitlines() if line.strip()]
        assert len(lines) <= MOST_LINES, name


@pytest.mark.parametrize("ending", ["bin", "ftz", "ftl"])
@pytest.mark.parametrize("name", RECIPES)
def test_recipes_give_what_direct_predictions_give(name, ending, place, expected):
    has_folder, least = ENGINES[name]
    if has_folder:
        in_a_folder(place)
    (code,) = RECIPES[name]
    assert code.count("model.bin") == 1
    run(place, code.replace("model.bin", f"model.{ending}"))
    check(place, expected[ending], in_order=name not in ("Ray Data", "Spark"))
    readers = loads(place)
    assert len(set(readers)) >= least
    assert len(set(readers)) == len(readers), "a process has read the model twice"


def test_the_first_example_runs(place):
    code = DOCUMENTS[PAGE].partition("## ")[0]
    (code,) = re.findall(r"^```python\n(.*?)^```", code, re.DOTALL | re.MULTILINE)
    out = run(place, code).stdout
    assert out.count("__label__") == 8  # of two texts, two each, in rows and in columns
    assert len(loads(place)) == 1


def test_the_memory_of_a_process_is_shown(place):
    (code,) = MEMORY
    found = re.fullmatch(r"PSS of this process: (\d+) MB\n", run(place, code).stdout)
    assert 3 < int(found[1]) < 100


def test_what_duckdb_passes(place, texts):
    assert "up to 2,048 texts at a time, and none that is null" in DOCUMENTS[PAGE]
    (code,) = RECIPES["DuckDB"]
    start = "def predicted(texts):\n"
    line = "f'{len(texts)} {texts.null_count}\\n'"  # in one piece: threads write at the same time
    code = code.replace(start, f"{start}    print({line}, end='')\n")
    sizes = [line.split() for line in run(place, code).stdout.splitlines()]
    assert {int(nulls) for _, nulls in sizes} == {0}
    assert max(int(size) for size, _ in sizes) <= 2048
    there = sum(text is not None for text in texts)
    assert sum(int(size) for size, _ in sizes) == there


def test_ray_with_several_workers_in_order(place, expected):
    in_a_folder(place)
    (code,) = RECIPES["Ray Data"]
    option = "ray.data.DataContext.get_current().execution_options.preserve_order"
    assert f"`{option}` to True" in " ".join(DOCUMENTS[PAGE].split())
    for old, new in {
        "texts = ray": f"ray.init(num_cpus=4)\n{option} = True\ntexts = ray",
        '("texts.parquet")': f'("texts.parquet").repartition({N_FILES})',
        "add_label(batch):": "add_label(batch):\n    __import__('time').sleep(1)",
        '.write_parquet("labelled")': '.to_pandas().to_parquet("labelled.parquet")',
    }.items():
        assert code.count(old) == 1
        code = code.replace(old, new)
    run(place, code)
    check(place, expected["bin"], in_order=True)
    readers = loads(place)
    assert len(set(readers)) == len(readers) >= 2


@pytest.mark.parametrize("way", ["client", "threads"])
def test_dask_by_its_other_ways(way, place, expected):
    in_a_folder(place)
    (code,) = RECIPES["Dask"]
    if way == "client":
        code = code.replace(', compute_kwargs={"scheduler": "processes"}', "")
        start = "    from dask.distributed import Client\n"
        start += "    Client(n_workers=2, threads_per_worker=1, dashboard_address=None)\n"
        code = code.replace("    labelled = ", f"{start}    labelled = ")
    else:
        code = code.replace(', compute_kwargs={"scheduler": "processes"}', "")
    run(place, code)
    check(place, expected["bin"], in_order=True)
    readers = loads(place)
    assert len(set(readers)) == len(readers)
    assert len(readers) == 1 if way == "threads" else len(readers) > 2


def test_the_cache_of_datasets_finds_what_it_knows(place, expected):
    (code,) = RECIPES["Hugging Face datasets"]
    run(place, code)
    first = loads(place)
    run(place, code)
    assert loads(place) == first, "the function was called again"
    check(place, expected["bin"], in_order=True)
    os.replace("model.ftz", "model.bin")  # another model: the cache does not have its labels
    run(place, code)
    assert len(loads(place)) > len(first)
    check(place, expected["ftz"], in_order=True)


@pytest.mark.parametrize("pickler", ["cloudpickle", "dill", "pickle"])
def test_pickles_are_small_and_the_same_each_time(pickler, place):
    from importlib import import_module

    from fasttext_lite import ModelFile

    pickler = import_module(pickler)
    model = ModelFile("model.bin")
    before = pickler.dumps(model)
    model.predict_batch(["a late goal"])
    assert pickler.dumps(model) == before == pickler.dumps(ModelFile("model.bin"))
    assert len(before) < 1000
    again = pickler.loads(before)
    assert again == model and again.load() is model.load()


def test_columns_of_every_kind_are_the_same(place):
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from fasttext_lite import ModelFile

    values = ["a late goal", None, "", "cheap flights\nand a hotel", "央行下调存款利率"]
    for ending in ("bin", "ftz", "ftl"):
        model = ModelFile(f"model.{ending}")
        wanted = model.predict_batch(pa.array(values), k=3)
        assert (wanted.labels[1] == -1).all() and (wanted.probabilities[1] == 0).all()
        column = pa.array(values)
        for texts in (
            column,
            column.cast(pa.large_string()),
            column.cast(pa.string_view()),
            pa.chunked_array([column.slice(0, 2), column.slice(2)]),
            pl.Series(values),
            pa.array(pd.Series(values), from_pandas=True),
        ):
            found = model.predict_batch(texts, k=3)
            assert found.labels.tolist() == wanted.labels.tolist()
            assert found.probabilities.tolist() == wanted.probabilities.tolist()
        there = [value for value in values if value is not None]
        for texts in (there, (value for value in there)):
            found = model.predict_batch(texts, k=3)
            assert found.labels.tolist() == wanted.labels[[0, 2, 3, 4]].tolist()
        assert model.predict_batch(pa.array([], pa.string())).to_arrow()[0].to_pylist() == []
        assert model.predict_batch(pa.array([None], pa.string())).to_arrow()[0].to_pylist() == [
            None
        ]
