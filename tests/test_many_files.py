"""Several files are read as one, patterns stand for files, and streams are read twice."""

import contextlib
import gzip
import io
import lzma
import os
import sys
import threading

import numpy as np
import pytest

from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus import files as corpus_files
from fasttext_lite.corpus import spool
from fasttext_lite.corpus.inputs import files_of
from fasttext_lite.corpus.many import ManyReader, open_reader, read_corpora
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.disk.promise import promise
from fasttext_lite.errors import EmptyError, InputError
from fasttext_lite.fitting import prepare, streaming
from fasttext_lite.fitting.streaming import prepare_file
from fasttext_lite.fitting.training_file import read_training_file

LABELS = ("red", "blue", "green")


def rows(n=300):
    rng = np.random.default_rng(4)
    return [
        f"{LABELS[i % 3]}\t{LABELS[i % 3]}ish {' '.join(f'w{k}' for k in rng.integers(0, 40, 5))}"
        for i in range(n)
    ]


@pytest.fixture
def parts(tmp_path):
    """Return three files, one of them packed, and one file with all their texts."""
    lines = rows()
    names = ["part-0.tsv", "part-1.tsv.gz", "part-2.tsv"]
    for i, name in enumerate(names):
        data = "".join(f"{line}\n" for line in lines[100 * i : 100 * i + 100]).encode()
        (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    whole = tmp_path / "whole.tsv"
    whole.write_text("".join(f"{line}\n" for line in lines))
    return [str(tmp_path / name) for name in names], str(whole)


def run(capsys, *arguments):
    code = app.main([str(each) for each in arguments])
    return code, capsys.readouterr()


# -- names and patterns ----------------------------------------------------------------------
def test_patterns_stand_for_files_in_their_order(tmp_path):
    for name in ("b.tsv", "a.tsv", "c.txt", "_SUCCESS.tsv", ".d.tsv"):
        (tmp_path / name).write_text("x")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "e.tsv").write_text("x")
    names = [str(tmp_path / name) for name in ("a.tsv", "b.tsv", "c.txt")]
    assert files_of([f"{tmp_path}/*.tsv"]) == (names[:2], [])
    assert files_of([names[2], f"{tmp_path}/[ab].tsv"]) == ([names[2], *names[:2]], [])
    assert files_of([f"{tmp_path}/**/*.tsv"])[0] == [*names[:2], str(tmp_path / "sub" / "e.tsv")]
    found, notices = files_of([names[1], f"{tmp_path}/*.tsv", os.path.relpath(names[0])])
    assert found == [names[1], names[0]]
    assert [line.rpartition(": ")[2] for line in notices] == ["named twice, read once"] * 2
    assert files_of(["-", "missing.tsv"]) == (["-", "missing.tsv"], [])  # their reader says so
    with pytest.raises(InputError, match=r"\*.xyz: no file has a name of this pattern$"):
        files_of([f"{tmp_path}/*.xyz"])
    (tmp_path / "[odd].tsv").write_text("x")  # a file that is called so
    assert files_of([str(tmp_path / "[odd].tsv")])[0] == [str(tmp_path / "[odd].tsv")]


def test_a_file_that_is_called_as_standard_input_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "-").write_text("x")
    assert files_of(["[-]"]) == ([os.path.join(".", "-")], [])
    assert files_of(["*"]) == ([os.path.join(".", "-")], [])
    assert files_of(["-"]) == (["-"], [])  # which is the stream


def test_an_empty_name_is_refused():
    with pytest.raises(InputError, match="^the name of a file of texts is empty: leave it out$"):
        files_of(["a.tsv", ""])


# -- several files ---------------------------------------------------------------------------
def test_several_files_are_read_as_one(parts):
    names, whole = parts
    reader, expected = ManyReader(names, chunk_bytes=500), read_corpus(whole)
    chunks = list(reader)
    assert len(chunks) > 6
    assert [text for chunk in chunks for text in chunk.texts.to_list()] == expected.texts.to_list()
    found = [reader.names[i] for chunk in chunks for i in chunk.ids]
    assert found == [label for (label,) in expected.label_rows]
    assert reader.fingerprint == expected.fingerprint
    joined = read_corpora(names)
    assert joined.texts.to_list() == expected.texts.to_list()
    assert joined.label_rows == expected.label_rows
    assert joined.labels.names == expected.labels.names
    assert isinstance(open_reader(names[0]), CorpusReader)


def test_records_are_counted_over_all_files(tmp_path):
    for name, text in (("a.tsv", "x\tone\n\nx\ttwo\n"), ("b.tsv", "y\t\ny\tthree\n")):
        (tmp_path / name).write_text(text)
    corpus = read_corpora([str(tmp_path / "a.tsv"), str(tmp_path / "b.tsv")], keeps_rows=True)
    assert corpus.rows.tolist() == [0, 2, 4] and corpus.n_records == 5
    assert [count for count, _ in corpus.skipped.values()] == [1, 1]
    assert "a.tsv:2" in corpus.skip_report()[0] and "b.tsv:1" in corpus.skip_report()[1]


@pytest.mark.parametrize("limit", [None, 10**9])
def test_empty_files_among_others_are_left_out(parts, tmp_path, limit):
    """As programs leave them that write in parts; with a header, or packed, they are empty, too."""
    names, whole = parts
    contents = {"0.tsv": b"", "1.gz": gzip.compress(b""), "2.csv": b"label,text\n"}
    empty = [str(tmp_path / name) for name in contents]
    for path, data in zip(empty, contents.values(), strict=True):
        with open(path, "wb") as file:
            file.write(data)
    expected = read_corpus(whole)
    given = [empty[0], names[0], empty[1], *names[1:], empty[2]]
    found = read_corpora(given)
    assert found.texts.to_list() == expected.texts.to_list()
    assert found.label_rows == expected.label_rows and found.fingerprint == expected.fingerprint
    assert found.notices == [f"{empty[0]} and 2 files more are empty, and left out"]
    assert read_corpora([names[0], empty[1]]).notices == [f"{empty[1]} is empty, and left out"]
    with promise(limit):
        data = read_training_file(given, Config(recipe="fixed")).data
        expected = read_training_file(whole, Config(recipe="fixed")).data
    np.testing.assert_array_equal(data.features.ids, expected.features.ids)
    with pytest.raises(EmptyError, match="0.tsv and 1 file more: the files are empty$"):
        read_corpora(empty[:2])
    (tmp_path / "bad.txt").write_text("no label\n")
    with pytest.raises(InputError, match="bad.txt:1: "):
        read_corpora([names[0], str(tmp_path / "bad.txt")])


def test_small_files_need_little_room(parts, monkeypatch):
    """Very many would else take their time to clear it."""
    names, _ = parts
    taken = []
    monkeypatch.setattr(
        corpus_files, "bytearray", lambda n: taken.append(n) or bytearray(n), raising=False
    )
    assert len(list(ManyReader(names, chunk_bytes=1 << 24))) == 3
    assert len(taken) == 3 and max(taken) <= 1 << 16


def test_blocks_are_as_large_as_asked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(corpus_files, "_FIRST_BYTES", 8)
    data = b"".join(b"%d %s\n" % (i, b"x" * (i % 90)) for i in range(300))
    (tmp_path / "a.txt").write_bytes(data)
    path = str(tmp_path / "a.txt")
    for size in (1, 7, 8, 9, 100, 1000, 1 << 20):
        blocks = [block.tobytes() for block in corpus_files.iter_blocks(path, size)]
        assert b"".join(blocks) == data and all(block.endswith(b"\n") for block in blocks)
        if size > 100:  # whole lines that have room
            assert all(size - 100 < len(block) <= size for block in blocks[:-1])


# -- files that change -----------------------------------------------------------------------
@pytest.mark.parametrize("change", [("w1 ", "w2 "), ("w1 ", "w "), ("\n", " more\n")])
def test_a_file_that_changes_between_two_readings_is_refused(parts, monkeypatch, change):
    """Also if it has as many texts as before, of the same size."""
    _, whole = parts

    def change_it():
        with open(whole) as file:
            text = file.read()
        with open(whole, "w") as file:
            file.write(text.replace(*change, 1))

    monkeypatch.setattr(prepare, "return_memory", change_it)  # between the passes
    with promise(10**9), pytest.raises(InputError, match="whole.tsv: the file changed while it"):
        read_training_file(whole, Config(recipe="fixed"))


def test_a_cache_has_nothing_of_a_file_that_changes(parts, tmp_path, monkeypatch):
    _, whole = parts
    cache, count = tmp_path / "cache", prepare.count_words

    def change_it(*given):
        with open(whole, "a") as file:
            file.write("red\tone more\n")
        return count(*given)

    monkeypatch.setattr(prepare, "count_words", change_it)
    with pytest.raises(InputError, match="whole.tsv: the file changed while it was read"):
        prepare_file(open_reader(whole), Config(), cache=str(cache))
    assert not cache.exists()


def test_a_cache_tells_promises_apart(parts, tmp_path):
    """Words and features that one leaves no room for must not be missing without it."""
    _, whole = parts
    cache = str(tmp_path / "cache")
    for limit in (None, 10**9, None, 2 * 10**9, 10**9):
        with promise(limit):
            prepare_file(open_reader(whole), Config(), cache=cache)
    assert len(os.listdir(cache)) == 3


def test_weights_and_labels_of_several_formats(tmp_path):
    (tmp_path / "a.jsonl").write_text('{"label": "x", "text": "one", "weight": 2}\n')
    (tmp_path / "b.tsv").write_text("y\ttwo\nx\tthree\n")
    corpus = read_corpora([str(tmp_path / "a.jsonl"), str(tmp_path / "b.tsv")])
    assert corpus.label_rows == [("x",), ("y",), ("x",)]
    assert corpus.weights is None or corpus.weights.tolist() == [2, 1, 1]
    assert any("several formats" in line and "as tsv" in line for line in corpus.notices)


def test_a_model_of_several_files_is_that_of_one(parts, tmp_path, capsys):
    names, whole = parts
    flags = ("--seed", "1", "--epochs", "2", "-q", "-o")
    for target, given in (("one", [whole]), ("many", names), ("again", [f"{tmp_path}/part-*"])):
        code, said = run(capsys, "train", *given, *flags, tmp_path / f"{target}.ftl")
        assert (code, said.err) == (0, "")
    one, many, again = ((tmp_path / f"{n}.ftl").read_bytes() for n in ("one", "many", "again"))
    assert one == many == again
    code, said = run(capsys, "test", tmp_path / "one.ftl", f"{tmp_path}/part-*", names[0])
    assert code == 0 and "n 300" in said.out
    assert "part-0.tsv: named twice" in said.err and "2 files more: these are the" in said.err


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["{0}", "{1}"], "several files have no name to call the model by: say -o MODEL.ftl"),
        (["{0}", "-", "-o", "{m}"], "standard input cannot be read among other files"),
        (["{0}*none", "-o", "{m}"], "no file has a name of this pattern"),
        (["{0}", "{0}.gone", "-o", "{m}"], "part-0.tsv.gone: no such file or directory"),
        (["{0}", "{1}", "-o", "{1}"], "the model would overwrite this file of texts"),
    ],
)
def test_mistakes_with_several_files(parts, tmp_path, capsys, given, expected):
    names, _ = parts
    before = list(map(os.path.getsize, names))
    filled = [each.format(*names, m=tmp_path / "m.ftl") for each in given]
    code, said = run(capsys, "train", *filled)
    assert code == 2 and expected in said.err and said.err.count("\n") == 1
    assert before == list(map(os.path.getsize, names))


def test_the_cache_tells_files_apart(parts, tmp_path):
    names, whole = parts
    cache = str(tmp_path / "cache")
    first = prepare_file(open_reader(names), Config(), cache=cache)
    again = prepare_file(open_reader(names), Config(), cache=cache)
    other = prepare_file(open_reader(names[:2]), Config(), cache=cache)
    assert len(os.listdir(cache)) == 2 and len(other.labels) == 200
    np.testing.assert_array_equal(first.features.ids, again.features.ids)
    expected = prepare_file(CorpusReader(whole), Config())
    np.testing.assert_array_equal(expected.features.ids, first.features.ids)
    np.testing.assert_array_equal(expected.features.weights, first.features.weights)


# -- streams ---------------------------------------------------------------------------------
@contextlib.contextmanager
def standard_input(monkeypatch, data):
    """Let standard input be a pipe with some bytes, that can be read but once."""
    reading, writing = os.pipe()

    def write():
        with contextlib.suppress(BrokenPipeError), open(writing, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    with io.TextIOWrapper(open(reading, "rb")) as stream:  # noqa: SIM115 - closed by it
        monkeypatch.setattr(sys, "stdin", stream)
        yield
    thread.join()


PACKED = {"plain": bytes, "gzip": gzip.compress, "xz": lzma.compress}


@pytest.mark.parametrize("packing", PACKED)
@pytest.mark.parametrize("most", [1 << 22, 100])
def test_a_stream_is_read_as_often_as_a_file(parts, monkeypatch, packing, most):
    monkeypatch.setattr(spool, "SPOOLED_BYTES", most)
    _, whole = parts
    with open(whole, "rb") as file:
        data = PACKED[packing](file.read())
    expected = prepare_file(CorpusReader(whole), Config())
    with standard_input(monkeypatch, data):
        found = read_training_file("-", Config()).data
    np.testing.assert_array_equal(found.features.ids, expected.features.ids)
    np.testing.assert_array_equal(found.features.weights, expected.features.weights)
    assert corpus_files.is_stream("-")  # it is forgotten


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
def test_a_pipe_with_a_name_is_read_twice(parts, tmp_path):
    _, whole = parts
    pipe = str(tmp_path / "pipe")
    os.mkfifo(pipe)
    with open(whole, "rb") as file:
        data = file.read()

    def write():
        with open(pipe, "wb") as file:
            file.write(data)

    thread = threading.Thread(target=write)
    thread.start()
    found = read_training_file(pipe, Config())
    thread.join()
    expected = prepare_file(CorpusReader(whole), Config())
    np.testing.assert_array_equal(found.data.features.ids, expected.features.ids)


def test_a_stream_on_a_full_disk_is_told(parts, monkeypatch):
    class Full(io.BytesIO):
        def write(self, data):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(spool, "SPOOLED_BYTES", 100)
    monkeypatch.setattr("fasttext_lite.system.nameless_file", Full)
    monkeypatch.setattr("fasttext_lite.system.temporary_folder", lambda: "folder")
    with open(parts[1], "rb") as file:
        data = file.read()
    match = (
        "^folder: cannot keep the texts of <stdin> here: no space left on device; name .* TMPDIR"
    )
    with standard_input(monkeypatch, data), pytest.raises(InputError, match=match):
        read_training_file("-", Config())


def test_lines_of_a_stream_are_named_as_they_were(monkeypatch):
    with (
        standard_input(monkeypatch, b"a\tone\nb\t\xff\n"),
        pytest.raises(InputError, match="^<stdin>:2: not UTF-8"),
    ):
        read_training_file("-", Config())


def test_features_of_a_stream_lie_in_files_as_those_of_a_file(parts, monkeypatch):
    for name in ("MADE_IN_FILES", "SPILL_BYTES"):
        monkeypatch.setattr(streaming, name, 10)
    with open(parts[1], "rb") as file:
        data = file.read()
    with standard_input(monkeypatch, data):
        found = read_training_file("-", Config())
    assert len(found.data.features.maps) == 2
    assert found.fingerprint == read_corpus(parts[1]).fingerprint
