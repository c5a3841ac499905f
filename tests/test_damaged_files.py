"""Model files that were damaged, cut, overwritten in their place: noticed, or without effect."""

import json
import os
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load as from_bytes
from safetensors.numpy import save as to_bytes
from test_storage import QUERIES, deep_model, small_model

import fasttext_lite
from fasttext_lite import FastTextEnsemble, ModelError
from fasttext_lite.cli.app import main
from fasttext_lite.compiled import paging
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.quantize import quantize_model
from fasttext_lite.model import checksums
from fasttext_lite.model.storage import load_model, read_document, save_model

ROOT = Path(__file__).parent.parent
TEXTS = [f"word{i} word{i * 7 % 30} more{i * 3 % 20} and" for i in range(60)]
LABELS = [f"l{i % 3}" for i in range(60)]
SETTINGS = {"recipe": "fixed", "epochs": 2, "dim": 8, "minn": 0, "maxn": 0, "head": "learned"}


def middle_model(**settings):
    config = Config(**{**SETTINGS, **settings})
    return fit(Texts.from_sequence(TEXTS), Labels.from_rows([[x] for x in LABELS]), config).model


@pytest.fixture
def tiny_blocks(monkeypatch):
    """Let each table be a large one, of blocks of 2 to 4 rows."""
    monkeypatch.setattr(paging, "LARGE", 1)
    monkeypatch.setattr(paging, "BLOCK", 64)


def asked(model):
    """Return what a model answers to all kinds of calls; `ModelError` where it notices damage."""
    texts = TEXTS + QUERIES
    features = model.features(texts)
    one = [model.predict_one(text, 3) for text in texts]
    return [
        one,
        model.predict(texts, 2).probabilities.tolist(),
        model.probabilities(texts).tolist(),
        model.predict(features, 3).probabilities.tolist(),
        model.embed(texts).tolist(),
    ]


# -- tables in blocks ------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float16"])
@pytest.mark.parametrize("mmap", [None, True, False])
def test_a_table_in_blocks_answers_as_one_in_memory(tmp_path, tiny_blocks, dtype, mmap):
    model = middle_model(dtype=dtype)
    path = tmp_path / "m.ftl"
    save_model(model, path)
    found = load_model(path, mmap)
    if mmap is False:
        assert isinstance(found.table, np.ndarray)
    else:
        assert not found.table.there.any() and found.table.is_mapped == (mmap is True)
        assert found.predict_one(TEXTS[0]) == model.predict_one(TEXTS[0])
        n = found.table.there.sum()
        assert 0 < n < found.table.there.size
        assert found.embed(TEXTS[1:2]).tolist() == model.embed(TEXTS[1:2]).tolist()
        assert n < found.table.there.sum() < found.table.there.size
    assert asked(found) == asked(model)
    for again in (load_model(path, mmap), load_model(path, mmap)):
        np.testing.assert_array_equal(again.embeddings, model.embeddings)
    with pytest.raises(ValueError, match="mmap must be True, False or None; got 'r'"):
        load_model(path, "r")


def test_one_text_reads_the_blocks_of_its_rows_alone(tmp_path, tiny_blocks):
    save_model(middle_model(), tmp_path / "m.ftl")
    model = load_model(tmp_path / "m.ftl")
    features = model.features(TEXTS[:1])
    model.predict_one(TEXTS[0])
    expected = np.unique(features.ids >> model.table.shift)
    assert np.flatnonzero(model.table.there).tolist() == expected.tolist()


def test_capitals_and_long_texts_read_blocks_too(tmp_path, tiny_blocks):
    model = middle_model()
    save_model(model, tmp_path / "m.ftl")
    for text in ("WORD1 İ more3", " ".join(TEXTS * 40), "word1 " * 3000 + "İ"):
        assert load_model(tmp_path / "m.ftl").predict_one(text) == model.predict_one(text)


def test_threads_read_blocks_at_once(tmp_path, tiny_blocks):
    model = middle_model()
    save_model(model, tmp_path / "m.ftl")
    expected = asked(model)
    for _ in range(5):
        paged, found = load_model(tmp_path / "m.ftl"), []

        def ask(paged=paged, found=found):
            found.append(asked(paged))

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [expected] * 4


def test_who_needs_the_whole_table_gets_it(tmp_path, tiny_blocks):
    """To save, to quantise, to pickle, to train on."""
    classifier = fasttext_lite.FastTextClassifier(**SETTINGS, random_state=0).fit(TEXTS, LABELS)
    path, copy = tmp_path / "m.ftl", tmp_path / "copy.ftl"
    classifier.save(path)
    save_model(load_model(path).replace(n_texts=60), copy)
    np.testing.assert_array_equal(load_model(copy).embeddings, classifier.model_.embeddings)
    assert asked(quantize_model(load_model(path))) == asked(quantize_model(classifier.model_))
    loaded = fasttext_lite.load(path)
    assert not loaded.model_.table.there.any()
    assert loaded.predict(TEXTS).tolist() == classifier.predict(TEXTS).tolist()
    loaded.partial_fit(TEXTS, LABELS)
    loaded.save(path)  # over the file that it came from
    assert load_model(path).n_texts == 120
    with pytest.raises(AttributeError, match="'Model' object has no attribute 'embedding'"):
        loaded.model_.embedding  # noqa: B018


def test_an_ensemble_in_blocks(tmp_path, tiny_blocks):
    ensemble = FastTextEnsemble(n_members=2, **SETTINGS, random_state=0).fit(TEXTS, LABELS)
    ensemble.save(tmp_path / "e.ftl")
    for mmap in (None, True, False):
        found = FastTextEnsemble.load(tmp_path / "e.ftl", mmap)
        assert found.predict_proba(TEXTS).tolist() == ensemble.predict_proba(TEXTS).tolist()


# -- flipped bits ----------------------------------------------------------------------------


def noticed(path, expected):
    """Whether damage is noticed: at loading or by asking; else the answers must be the same."""
    try:
        with np.errstate(all="ignore"):
            found = asked(load_model(path))
    except ModelError as error:
        assert "\n" not in str(error) and str(path) in str(error)
        return True
    assert found == expected
    return False


def flips(data, n, seed):
    """Yield copies of a file with one bit changed: each byte of the start, others by chance."""
    generator = np.random.default_rng(seed)
    places = generator.choice(len(data), min(n, len(data)), replace=False)
    for place in places.tolist():
        damaged = bytearray(data)
        damaged[place] ^= 1 << int(generator.integers(8))
        yield place, bytes(damaged)


FILES = {
    "small": lambda: small_model(),
    "deep": lambda: deep_model("hs"),
    "half": lambda: middle_model(dtype="float16"),
    "int8": lambda: quantize_model(middle_model()),
    "blocks": lambda: middle_model(),
}


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_noticed_or_changes_no_answer(tmp_path, monkeypatch, name):
    """Of tables in blocks: damage of rows that no text has is no business of the texts."""
    if name == "blocks":
        monkeypatch.setattr(paging, "LARGE", 1)
        monkeypatch.setattr(paging, "BLOCK", 64)
    path = tmp_path / "m.ftl"
    save_model(FILES[name](), path)
    data, expected = path.read_bytes(), asked(load_model(path))
    n_noticed = n = 0
    for _, damaged in flips(data, 150, len(name)):
        path.write_bytes(damaged)
        n += 1
        n_noticed += noticed(path, expected)
        with pytest.raises(ModelError):
            fasttext_lite.verify(path)
    assert n_noticed > 0.9 * n


def test_each_byte_of_each_array_and_of_the_header_is_covered(tmp_path, tiny_blocks):
    """Whatever the bit: reading all of the file tells."""
    path = tmp_path / "m.ftl"
    save_model(deep_model("hs"), path)
    data = path.read_bytes()
    for place in range(len(data)):
        damaged = bytearray(data)
        damaged[place] ^= 1 << (place % 8)
        path.write_bytes(damaged)
        with pytest.raises(ModelError):
            load_model(path, mmap=False)


def test_the_kind_and_the_place_are_named(tmp_path, tiny_blocks):
    path = tmp_path / "m.ftl"
    save_model(middle_model(), path)
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    index = json.loads(data[8 : 8 + size])

    def says(place):
        damaged = bytearray(data)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        with pytest.raises(ModelError) as caught:
            load_model(path, mmap=False)
        return str(caught.value)

    first = 8 + size
    for name, entry in index.items():
        if name == "__metadata__" or not entry["data_offsets"][1] - entry["data_offsets"][0]:
            continue
        expected = f"array {name}: its checksum is another"
        if name == "embeddings":
            expected = "array embeddings, rows 0 to 1: its checksum is another"
        text = says(first + entry["data_offsets"][0])
        assert text == f"{path}: the model file is damaged: {expected}"
    place = data.index(b'\\"n_texts\\": 60') + 14
    assert "the checksum of its header is another" in says(place)
    path.write_bytes(data[:-5])
    with pytest.raises(ModelError, match="m.ftl: a model file that is cut: its arrays end at byte"):
        load_model(path)


@pytest.mark.parametrize(
    "change, expected",
    [
        (lambda sums: sums.pop("arrays"), "the checksum of its header is another"),
        (lambda sums: sums.update(header=1), "the checksum of its header is another"),
        (lambda sums: sums.clear(), "the checksum of its header is another"),
    ],
)
def test_checksums_that_are_none(tmp_path, change, expected):
    path = tmp_path / "m.ftl"
    save_model(small_model(), path)
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    index = json.loads(data[8 : 8 + size])
    header = json.loads(index["__metadata__"]["fasttext-lite"])
    change(header["checksums"])
    index["__metadata__"]["fasttext-lite"] = json.dumps(header)
    text = json.dumps(index).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data[8 + size :])
    with pytest.raises(ModelError, match=expected):
        load_model(path)


@pytest.mark.parametrize(
    "blocks", [[], {"words": 2}, {"embeddings": 0}, {"embeddings": 3}, {"embeddings": 2**40},
               {"embeddings": "2"}, {"embeddings": 1}, {"none": 2}],
    ids=str,
)  # fmt: skip
def test_blocks_that_fit_nothing(tmp_path, tiny_blocks, blocks):
    """With a header whose checksum is right: made so on purpose."""
    path = tmp_path / "m.ftl"
    save_model(middle_model(), path)
    header, _ = read_document(str(path))
    arrays = from_bytes(path.read_bytes())
    header["checksums"]["blocks"] = blocks
    del header["checksums"]["header"]
    text = checksums.as_text(header).encode()
    header["checksums"]["header"] = f"{zlib.crc32(text):08x}"
    path.write_bytes(to_bytes(arrays, {"fasttext-lite": checksums.as_text(header)}))
    with pytest.raises(ModelError, match=r"m\.ftl: the model file is damaged: "):
        load_model(path, mmap=False)


def test_checksums_take_little_room(tmp_path):
    save_model(middle_model(), tmp_path / "m.ftl")
    header, arrays = read_document(str(tmp_path / "m.ftl"))
    assert len(json.dumps(header["checksums"])) < 400
    assert not [name for name in arrays if name.endswith(checksums.SUFFIX)]
    table = np.zeros((100_000, 100), np.float32)
    _, written = checksums.with_checksums({}, {"embeddings": table})
    assert written["embeddings.checks"].nbytes < table.nbytes / 10_000


# -- files that change -----------------------------------------------------------------------

CHANGED = """
import os, sys
from fasttext_lite import ModelError, load_model
from fasttext_lite.compiled import paging

paging.LARGE, paging.BLOCK = 1, 64
path, new = sys.argv[1:3]
texts = [f"word{i} word{i * 7 % 30} more{i * 3 % 20} and" for i in range(60)]
old = [row[0] for row in load_model(path, False).predict(texts).rows()]
model = load_model(path)
assert model.predict_one(texts[0])[0] == old[0]
with open(new, "rb") as source, open(path, "wb") as target:  # as cp does
    target.write(source.read())
later = os.stat(path).st_mtime_ns + 10**9
os.utime(path, ns=(later, later))
n_errors = 0
for ask in (model.predict_one, lambda text: model.predict([text] * 40).rows()[0]):
    for i, text in enumerate(texts):
        try:
            assert ask(text)[0] == old[i]
        except ModelError as error:
            assert "was changed in its place after it was loaded: load it again" in str(error)
            n_errors += 1
print("asked", n_errors > 0)
"""


@pytest.mark.parametrize("version", ["new", "old"])
@pytest.mark.parametrize("change", ["smaller", "larger", "same size", "empty"])
def test_a_file_that_is_overwritten_while_it_is_used(tmp_path, tiny_blocks, change, version):
    """The old answer or an error, never another answer, never a signal."""
    model, path, new = middle_model(), tmp_path / "m.ftl", tmp_path / "new.ftl"
    save_model(model, path)
    if version == "old":
        write_version_3(path)
    if change == "smaller":
        save_model(small_model(), new)
    elif change == "larger":
        save_model(middle_model(dim=64), new)
    elif change == "same size":
        save_model(model.replace(embeddings=model.embeddings[::-1] * 3), new)
        if version == "old":
            write_version_3(new)
        assert new.stat().st_size == path.stat().st_size
    else:
        new.write_bytes(b"")
    command = [sys.executable, "-c", CHANGED, str(path), str(new)]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "asked True\n", "")


def write_version_3(path):
    """Write a model file again as older programs did."""
    header, _ = read_document(str(path))
    arrays = from_bytes(path.read_bytes())
    header = {**header, "format_version": 3}
    del header["checksums"]
    arrays.pop("embeddings.checks", None)
    path.write_bytes(to_bytes(arrays, {"fasttext-lite": json.dumps(header, sort_keys=True)}))


# -- verify ----------------------------------------------------------------------------------


def test_verify(tmp_path, capfd):
    model = middle_model()
    paths = [tmp_path / f"{name}.ftl" for name in ("plain", "small", "ensemble")]
    save_model(model, paths[0])
    save_model(quantize_model(model), paths[1])
    FastTextEnsemble(n_members=2, **SETTINGS).fit(TEXTS, LABELS).save(paths[2])
    kinds = ["model", "quantised model", "ensemble"]
    for path, kind in zip(paths, kinds, strict=True):
        found = fasttext_lite.verify(path)
        assert (found.kind, found.has_checksums) == (kind, True)
        assert found.size == path.stat().st_size
    golden = ROOT / "tests" / "golden" / "v3_small.ftl"
    assert fasttext_lite.verify(golden).has_checksums is False
    assert main(["info", "--verify", *map(str, paths), str(golden)]) == 0
    lines = capfd.readouterr().out.splitlines()
    for line, path, kind in zip(lines, paths, kinds, strict=False):
        assert line == (
            f"{path}: {kind}, {path.stat().st_size:,} bytes: every byte is what was written"
        )
    assert lines[3].endswith("no checksums that would tell more (models that are saved now have)")
    for i, place in ((0, -3), (1, 3000)):
        data = bytearray(paths[i].read_bytes())
        data[place] ^= 1
        paths[i].write_bytes(data)
    assert main(["info", "--verify", *map(str, paths)]) == 2
    out, err = capfd.readouterr()
    assert out.startswith(f"{paths[2]}: ensemble") and out.count("\n") == 1
    assert [line.split(": ")[1] for line in err.splitlines()] == [str(paths[0]), str(paths[1])]
    assert err.count("the model file is damaged") == 2
    assert main(["info", "--verify", "--json", str(paths[2])]) == 0
    assert json.loads(capfd.readouterr().out)["has_checksums"] is True
    assert main(["info", str(paths[2]), str(golden)]) == 2
    assert "info describes one model; got 2 (with --verify it takes several)" in (
        capfd.readouterr().err
    )


def test_verify_of_models_of_fasttext(tmp_path, capfd):
    import fasttext_lite.compat as fasttext

    (tmp_path / "t.txt").write_text(
        "".join(f"__label__{y} {x}\n" for x, y in zip(TEXTS, LABELS, strict=True))
    )
    model = fasttext.train_supervised(str(tmp_path / "t.txt"), dim=4, verbose=0, thread=1)
    path = tmp_path / "m.bin"
    model.save_model(str(path))
    assert fasttext_lite.verify(path).kind == "model of fastText"
    assert main(["info", "--verify", str(path)]) == 0
    said = capfd.readouterr().out
    assert said.endswith("its numbers; its format has no checksums that would tell more\n")
    data = path.read_bytes()
    path.write_bytes(data[:-4] + struct.pack("<f", np.nan))
    assert main(["info", "--verify", str(path)]) == 2
    path.write_bytes(data[:-9])
    assert main(["info", "--verify", str(path)]) == 2
    err = capfd.readouterr().err.splitlines()
    assert len(err) == 2 and all("m.bin" in line for line in err)
