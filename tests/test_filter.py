"""The command `filter`: formats, packings, rules, byte for byte; restart, signals, bad records."""

import bz2
import contextlib
import csv
import gzip
import io
import json
import lzma
import os
import queue
import resource
import signal
import subprocess
import sys
import threading
import time
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from conftest import ROOT

import fasttext_lite.compat as fasttext
from fasttext_lite import load_model
from fasttext_lite.cli import app
from fasttext_lite.cli.filter import status_line
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compiled import paging
from fasttext_lite.corpus.compression import COMPRESSIONS
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, UsageError
from fasttext_lite.filtering import judging, lines, outputs, reading, running, work
from fasttext_lite.filtering.formats import parquet
from fasttext_lite.filtering.formats.table import FORMATS
from fasttext_lite.filtering.judging import Judge
from fasttext_lite.filtering.running import Status
from fasttext_lite.filtering.settings import Rule, Settings
from fasttext_lite.filtering.work import folder_of, folders_of
from fasttext_lite.model.content import fingerprint

GOOD, BAD = "a fine and careful text", "buy cheap pills now"
TEXTS = [GOOD, BAD, "", 'fine "pills", 热汤 😀\nsecond line', "nothing known"]
PACK = {
    "": lambda data: data,
    ".gz": gzip.compress,
    ".zst": lambda data: zstandard.ZstdCompressor().compress(data),
    ".bz2": bz2.compress,
    ".xz": lzma.compress,
}
UNPACK = {
    "": lambda data: data,
    ".gz": gzip.decompress,
    ".zst": lambda data: (
        zstandard.ZstdDecompressor().stream_reader(io.BytesIO(data), read_across_frames=True).read()
    ),
    ".bz2": bz2.decompress,
    ".xz": lzma.decompress,
}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """Return a folder with quality.bin, topic.ftl and words.bin; nobody writes there."""
    folder = tmp_path_factory.mktemp("models")
    rows = [("hq", GOOD), ("lq", BAD), ("hq", "careful and fine"), ("lq", "cheap cheap now")]
    train = folder / "quality.txt"
    train.write_text("".join(f"__label__{a} {b}\n" for a, b in rows * 20))
    given = {"bucket": 100, "dim": 8, "minCount": 1, "verbose": 0, "thread": 1}
    model = fasttext.train_supervised(str(train), epoch=20, lr=0.5, **given)
    model.save_model(str(folder / "quality.bin"))
    fasttext.train_unsupervised(str(train), **given).save_model(str(folder / "words.bin"))
    topics = [("a/b", "热汤 second"), ("_x", "fine text"), ("Sport, e.g.", "pills now")] * 20
    (folder / "topic.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in topics), "utf-8")
    assert app.main(["train", f"{folder}/topic.tsv", "-o", f"{folder}/topic.ftl", "-q"]) == 0
    return folder


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(models, capfd):
    """Return a function that filters: the exit code, stdout and stderr."""

    def run(*words, model="quality.bin"):
        capfd.readouterr()
        code = app.main(["filter", *([str(models / model)] if model else []), *map(str, words)])
        return code, *capfd.readouterr()

    return run


@pytest.fixture
def good(run):
    """Return a function that filters without fault: the summary as an object."""

    def good(*words, **given):
        code, out, err = run(*words, "--json", **given)
        assert code == 0, err
        return json.loads(out)

    return good


def expected(models, texts=TEXTS, name="quality.bin"):
    """Return label and probability as the Python functions give them."""
    if name == "quality.bin":
        model = fasttext.load_model(str(models / name))
        found = [model.predict(text.replace("\n", " ")) for text in texts]
        return [(a[0].removeprefix("__label__"), min(float(b[0]), 1.0)) for a, b in found]
    return [model_rows[0] for model_rows in load_model(models / name).predict(list(texts)).rows()]


def jsonl(records, **style):
    return "".join(json.dumps(record, **style) + "\n" for record in records).encode()


def records(texts=TEXTS):
    return [{"id": i, "text": text, "more": {"a": [1, None]}} for i, text in enumerate(texts)]


def loaded(data):
    return [json.loads(line) for line in data.splitlines()]


# -- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("style", [{}, {"separators": (",", ":"), "ensure_ascii": False}])
def test_json_lines(packing, style, good, place, models):
    data = jsonl(records(), **style)
    (place / f"x.jsonl{packing}").write_bytes(PACK[packing](data))
    done = good(f"x.jsonl{packing}", "-o", "out")
    out = UNPACK[packing]((place / "out" / f"x.jsonl{packing}").read_bytes())
    answers = expected(models)
    for line, new, (label, score) in zip(data.splitlines(), out.splitlines(), answers, strict=True):
        comma, colon = (",", ":") if style else (", ", ": ")
        shown = json.loads(new)["predicted_score"]
        tail = f'{comma}"predicted_label"{colon}"{label}"{comma}"predicted_score"{colon}{shown}}}'
        assert new == line[:-1] + tail.encode()
        assert np.float32(shown) == pytest.approx(score, abs=1e-6)
        assert repr(shown) == repr(float(str(np.float32(shown))))
    assert (done["documents"], done["kept"], done["bad"], done["files"]) == (5, 5, 0, 1)
    assert sum(done["labels"]["quality"].values()) == 5
    assert done["bytes"] == len(data)


def test_bytes_of_lines_stay(good, place):
    """CRLF, a byte order mark, blanks, double keys, escapes, no newline at the end."""
    lines = [
        b'{"text": "\\ud83d\\ude00 \\ud83d fine", "n": 1.0e5 }\r\n',
        b' {"text":1,"text":"caf\\u00e9" , "a":{"text":[]}}  \n',
        b'{"te\\u0078t": "fine", "n": NaN}\n',
        b'{"text": "fine"}',
    ]
    (place / "x.json").write_bytes(b"\xef\xbb\xbf" + b"".join(lines))
    good("x.json", "-o", "out", "--score-column", "none", "--label-column", "l")
    out = (place / "out/x.json").read_bytes()
    new = out.removeprefix(b"\xef\xbb\xbf").splitlines(keepends=True)
    assert len(out) > len(b"".join(new))
    ends = [b" }\r\n", b"}  \n", b"}\n", b"}"]
    for old, line, end in zip(lines, new, ends, strict=True):
        begin = old.removesuffix(end)
        comma = b',"l":"' if b'":' in old and b'": ' not in old[:20] else b', "l": "'
        assert line.startswith(begin + comma)
        assert line.endswith(b'q"' + end)


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("delimiter", [",", ";"])
def test_csv(packing, delimiter, good, place, models):
    out = io.StringIO(newline="")
    rows = [[i, text, 'q"'] for i, text in enumerate(TEXTS)]
    csv.writer(out, delimiter=delimiter).writerows([["id", "text", "z"], *rows])
    data = out.getvalue().encode().removesuffix(b"\r\n")
    (place / f"x.csv{packing}").write_bytes(PACK[packing](data))
    good(f"x.csv{packing}", "-o", "out")
    new = UNPACK[packing]((place / f"out/x.csv{packing}").read_bytes())
    read = list(csv.reader(io.StringIO(new.decode(), newline=""), delimiter=delimiter))
    assert read[0] == ["id", "text", "z", "predicted_label", "predicted_score"]
    for row, (*own, label, score), answer in zip(rows, read[1:], expected(models), strict=True):
        assert own == [str(row[0]), *row[1:]]
        assert label == answer[0]
        assert float(score) == pytest.approx(answer[1], abs=1e-6)
    # Without what is added, the bytes are those of before.
    for *_, label, score in read[1:]:
        new = new.replace(f"{delimiter}{label}{delimiter}{score}".encode(), b"", 1)
    assert (
        new.replace(f"{delimiter}predicted_label{delimiter}predicted_score".encode(), b"") == data
    )


@pytest.mark.parametrize("packing", PACK)
def test_tsv(packing, good, place, models):
    flat = [text.replace("\n", " ") for text in TEXTS]
    data = "id\ttext\r\n" + "".join(f"{i}\t{text}\r\n" for i, text in enumerate(flat))
    (place / f"x.tsv{packing}").write_bytes(PACK[packing](data.encode()))
    good(f"x.tsv{packing}", "-o", "out")
    new = UNPACK[packing]((place / f"out/x.tsv{packing}").read_bytes()).decode()
    for old, line in zip(data.splitlines(), new.splitlines(), strict=True):
        assert line.startswith(old + "\t")
    found = [tuple(line.split("\t")[-2:]) for line in new.splitlines()[1:]]
    assert [label for label, _ in found] == [label for label, _ in expected(models)]
    assert new.count("\r\n") == 6


def test_tables_without_a_header(good, run, place):
    (place / "x.csv").write_text(f'1,"{GOOD}"\n2,{BAD}\n')
    said = run("x.csv", "-o", "no")[2]
    assert "no column 'text' in the header" in said
    assert "; if it has no header, --columns label,text" in said
    said = run("x.csv", "-o", "no", "--columns", "id,body", "--text-field", "bod")[2]
    assert "if it has no header" not in said
    good("x.csv", "-o", "out", "--columns", "id,text", "--score-column", "none")
    assert (place / "out/x.csv").read_text() == f'1,"{GOOD}",hq\n2,{BAD},lq\n'
    (place / "y.csv").write_text(f"sep=|\nText|id\n{GOOD}|1\n")
    good("y.csv", "-o", "out2", "--score-column", "none")
    assert (place / "out2/y.csv").read_text() == f"sep=|\nText|id|predicted_label\n{GOOD}|1|hq\n"


def table_of(**columns):
    return pa.table(columns).replace_schema_metadata({b"who": b"me", b"pandas": b"{}"})


@pytest.mark.parametrize("codec", ["snappy", "zstd", "gzip", "none"])
def test_parquet(codec, good, place, models):
    n = len(TEXTS)
    struct = pa.array([{"body": text, "n": i} for i, text in enumerate(TEXTS)])
    table = table_of(
        id=pa.array(range(n), pa.int16()), text=pa.array(TEXTS),
        when=pa.array([0] * n, pa.timestamp("us", "UTC")),
        kind=pa.array(["a", "b", None, "a", "b"]).dictionary_encode(), content=struct,
        large=pa.array(TEXTS, pa.large_string()), numbers=pa.array([[1.5], None, [], [2], [3]]),
    )  # fmt: skip
    pq.write_table(table, place / "x.parquet", compression=codec, row_group_size=2)
    for field in ("text", "content.body", "large"):
        good("x.parquet", "-o", f"out-{field}", "--text-field", field)
        file = pq.ParquetFile(place / f"out-{field}/x.parquet")
        new = file.read()
        assert new.select(table.column_names).equals(table)
        before = pq.read_schema(place / "x.parquet")
        assert new.schema.remove(8).remove(7).equals(before, check_metadata=True)
        assert new.schema.metadata[b"who"] == b"me"
        assert file.num_row_groups == 3
        group = file.metadata.row_group(0)
        codecs = {group.column(i).compression for i in range(group.num_columns)}
        assert codecs == {"UNCOMPRESSED" if codec == "none" else codec.upper()}
        assert str(new.schema.field("predicted_score").type) == "float"
        answers = expected(models)
        assert new["predicted_label"].to_pylist() == [label for label, _ in answers]
        scores = new["predicted_score"].to_numpy()
        np.testing.assert_allclose(scores, [score for _, score in answers], atol=1e-6)


def test_rows_of_parquet_are_kept_split_and_set_aside(good, place, models, monkeypatch):
    monkeypatch.setattr(parquet, "_BATCH_ROWS", 3)
    monkeypatch.setattr(parquet, "_MOST_HELD", 200)
    bad = pa.array([b"\xff"], pa.binary()).view(pa.string())
    texts = pa.concat_arrays([pa.array([GOOD, None, BAD, GOOD]), bad, pa.array([BAD, GOOD])])
    pq.write_table(pa.table({"id": range(7), "text": texts}), place / "x.pq", row_group_size=5)
    done = good("x.pq", "-o", "out", "--keep", "hq", "--threshold", 0.5, "--keep-dropped")
    ids = {
        name: pq.read_table(place / f"out/{name}")["id"].to_pylist()
        for name in ("x.pq", "_bad/x.pq", "_dropped/x.pq")
    }
    assert ids == {"x.pq": [0, 3, 6], "_bad/x.pq": [1, 4], "_dropped/x.pq": [2, 5]}
    assert pq.read_schema(place / "out/_bad/x.pq").names == ["id", "text"]
    assert done["bad_by_reason"] == {"a text that is no string": 1, "not UTF-8": 1}
    assert (done["kept"], done["documents"]) == (3, 7)
    good("x.pq", "-o", "split", "--split", "--bad", "keep")
    for name, own in (("hq", [0, 3, 6]), ("lq", [2, 5]), ("_none", [1, 4])):
        table = pq.read_table(place / f"split/{name}/x.pq")
        assert table["id"].to_pylist() == own
        assert table["predicted_label"].to_pylist() == [name if name != "_none" else None] * len(
            own
        )


def test_a_sign_that_is_whole_across_two_cells_is_not_utf8(good, place):
    cells = [b"a\xc3", b"\xa9b", b"", "caf\u00e9".encode(), b"fine"]
    texts = pa.array(cells, pa.binary()).view(pa.string())
    pq.write_table(pa.table({"text": texts, "id": range(5)}), place / "x.parquet")
    assert good("x.parquet", "-o", "out")["bad_by_reason"] == {"not UTF-8": 2}
    assert pq.read_table(place / "out/x.parquet")["id"].to_pylist() == [2, 3, 4]


def test_views_of_strings_with_nulls(good, place, models):
    texts = [GOOD, None, "a long text that is not held within the view", BAD]
    table = pa.table(
        {"text": pa.array(texts, pa.string_view()), "id": range(4),
         "data": pa.array([b"a", b"b", None, b"\xff" * 20], pa.binary_view())}
    )  # fmt: skip
    pq.write_table(table, place / "x.parquet")
    assert pq.read_schema(place / "x.parquet").field("text").type == pa.string_view()
    assert good("x.parquet", "-o", "out")["bad"] == 1
    new = pq.read_table(place / "out/x.parquet")
    assert new["id"].to_pylist() == [0, 2, 3]
    assert new["data"].to_pylist() == [b"a", None, b"\xff" * 20]
    assert new.schema.types[:3] == table.schema.types
    answers = expected(models, [text for text in texts if text is not None])
    assert new["predicted_label"].to_pylist() == [label for label, _ in answers]


def test_what_parquet_refuses(run, place):
    pq.write_table(pa.table({"body": ["a"], "text": [1]}), place / "x.parquet")
    code, _, err = run("x.parquet", "-o", "out")
    assert (code, "holds int64, not strings" in err) == (2, True)
    assert (
        "no column 'txt' (columns: body, text)"
        in run("x.parquet", "-o", "o", "--text-field", "txt")[2]
    )
    code, _, err = run("x.parquet", "-o", "o2", "--text-field", "body", "--label-column", "text")
    assert (code, "has a field 'text' already" in err) == (2, True)
    data = (place / "x.parquet").read_bytes()
    (place / "y.parquet").write_bytes(data[:-30])
    assert "y.parquet: cannot read as Parquet" in run("y.parquet", "-o", "o3")[2]
    odd = Path(__file__).parent / "failures" / "embeddings" / "name-not-text.parquet"
    assert "name-not-text.parquet: cannot read as Parquet" in run(odd, "-o", "o4")[2]
    assert not list(place.glob("o*/*.parquet"))


def test_a_table_without_rows_and_empty_files(good, place):
    pq.write_table(pa.table({"text": pa.array([], pa.string())}), place / "x.parquet")
    for name in ("x.jsonl", "x.csv", "x.tsv"):
        (place / name).write_bytes(b"")
    (place / "h.csv").write_bytes(b"text")
    (place / "x.jsonl.gz").write_bytes(gzip.compress(b""))
    done = good(".", "-o", "out")
    assert (done["documents"], done["files"]) == (0, 6)
    assert pq.read_table(place / "out/x.parquet").column_names == [
        "text", "predicted_label", "predicted_score",
    ]  # fmt: skip
    assert (place / "out/x.jsonl").read_bytes() == b""
    assert (place / "out/h.csv").read_bytes() == b"text,predicted_label,predicted_score"
    assert gzip.decompress((place / "out/x.jsonl.gz").read_bytes()) == b""


def test_content_says_what_a_file_is_where_its_name_does_not(good, run, place):
    pq.write_table(pa.table({"text": [GOOD]}), place / "a.jsonl")
    (place / "b.data").write_bytes(gzip.compress(jsonl(records())))
    (place / "c.data").write_text("text\nx\n")
    good("a.jsonl", "b.data", "-o", "out")
    assert pq.read_table(place / "out/a.jsonl")["predicted_label"].to_pylist() == ["hq"]
    assert len(loaded(gzip.decompress((place / "out/b.data").read_bytes()))) == 5
    code, _, err = run("c.data", "-o", "out2")
    assert (code, "say --format jsonl, parquet, csv or tsv" in err) == (2, True)
    good("c.data", "-o", "out3", "--format", "csv")


def test_long_files_are_read_in_blocks(good, place, monkeypatch):
    """Records longer than a block, and those that two blocks share."""
    whole = records([*(f"fine {i} " * (i % 50) for i in range(300)), "now " * 4000])
    (place / "x.jsonl.gz").write_bytes(gzip.compress(jsonl(whole)))
    out = io.StringIO(newline="")
    csv.writer(out).writerows([["text"], *([f'{r["text"]},\n"x"'] for r in whole)])
    (place / "x.csv").write_text(out.getvalue(), newline="")
    good("x.jsonl.gz", "x.csv", "-o", "one", "--bad", "fail")
    monkeypatch.setattr(reading.LineFile.__init__, "__defaults__", (1000,))
    good("x.jsonl.gz", "x.csv", "-o", "two", "--bad", "fail", "--threads", 2)
    for name in ("x.jsonl.gz", "x.csv"):
        one, two = ((place / folder / name).read_bytes() for folder in ("one", "two"))
        unpack = UNPACK[".gz" if name.endswith("gz") else ""]
        assert unpack(one) == unpack(two)
    assert len(loaded(gzip.decompress((place / "two/x.jsonl.gz").read_bytes()))) == 301


# -- fields and columns ----------------------------------------------------------------------


def test_texts_in_other_fields(good, place):
    rows = [{"a": {"b": {"c": GOOD}}, "text": BAD, "a.b": GOOD}, {"a": {"b": 1}, "a.b": BAD}]
    (place / "x.jsonl").write_bytes(jsonl(rows))
    assert good("x.jsonl", "-o", "1", "--text-field", "a.b.c")["bad"] == 1
    assert loaded((place / "1/x.jsonl").read_bytes())[0]["predicted_label"] == "hq"
    good("x.jsonl", "-o", "2", "--text-field", r"a\.b")
    labels = [row["predicted_label"] for row in loaded((place / "2/x.jsonl").read_bytes())]
    assert labels == ["hq", "lq"]


def test_several_models_in_one_pass(good, run, place, models):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    other = ["-m", f"topic={models / 'topic.ftl'}"]
    good("x.jsonl", "-o", "out", *other, "--probabilities", "quality=hq,lq", "--probabilities",
         "topic=a/b", "--label-column", "topic=subject")  # fmt: skip
    rows = loaded((place / "out/x.jsonl").read_bytes())
    assert list(rows[0])[3:] == [
        "quality_label", "quality_score", "quality_score_hq", "quality_score_lq", "subject",
        "topic_score", "topic_score_a/b",
    ]  # fmt: skip
    flat = [text.replace("\n", " ") for text in TEXTS]
    for row, (a, p), (b, q) in zip(
        rows, expected(models), expected(models, flat, "topic.ftl"), strict=True
    ):
        assert (row["quality_label"], row["subject"]) == (a, b)
        assert row["quality_score"] == pytest.approx(p, abs=1e-6)
        assert row["topic_score"] == pytest.approx(q, abs=1e-6)
        assert row["quality_score"] == row[f"quality_score_{a}"]
        assert row["quality_score_hq"] + row["quality_score_lq"] == pytest.approx(1, abs=1e-4)
    done = good("x.jsonl", "-o", "both", *other, "--keep", "quality=hq", "--drop", "topic=_x")
    kept = loaded((place / "both/x.jsonl").read_bytes())
    wanted = [r["id"] for r in rows if r["quality_label"] == "hq" and r["subject"] != "_x"]
    assert [row["id"] for row in kept] == wanted
    assert done["kept"] == len(wanted) < done["documents"]
    good("x.jsonl", "-o", "split", *other, "--split-by", "topic")
    assert sorted(p.name for p in (place / "split").iterdir()) == [
        "%5Fx",
        "Sport, e.g%2E",
        "_filter",
        "a%2Fb",
    ]
    code, _, err = run("x.jsonl", "-o", "no", *other, "--keep", "hq")
    assert (code, "--keep hq: say of which model: quality=hq" in err) == (2, True)


def test_a_field_of_that_name_stops_all(run, place):
    (place / "x.jsonl").write_bytes(jsonl([{"text": "a"}, {"text": "b", "score": 1}]))
    code, _, err = run("x.jsonl", "-o", "out", "--score-column", "score")
    assert code == 2
    assert "x.jsonl: record 2 has a field 'score' already: name what is added with" in err
    assert not (place / "out/x.jsonl").exists()
    (place / "x.csv").write_text("text,predicted_label\na,b\n")
    assert "the header has a field 'predicted_label' already" in run("x.csv", "-o", "o2")[2]
    (place / "y.jsonl").write_bytes(jsonl([{"text": "a"}]))
    words = ["x.csv", "y.jsonl", "--workers"]
    for n_workers in (1, 2):
        code, out, err = run(*words, n_workers, "-o", f"o{n_workers}-of-two")
        assert (code, out) == (2, "")
        assert "x.csv: the header has a field 'predicted_label' already" in err


@pytest.mark.parametrize("n_workers", [1, 2])
def test_words_of_a_flag_in_the_name_of_a_file_stop_nothing(n_workers, run, place):
    (place / "a--label-column.jsonl.gz").write_bytes(gzip.compress(jsonl(records()) * 50)[:-20])
    (place / "b.jsonl").write_bytes(jsonl(records()))
    code, out, err = run("*.*", "-o", "out", "--workers", n_workers)
    assert (code, "a--label-column.jsonl.gz: cannot read on" in err) == (2, True)
    assert "1 of 2 files could not be read: the others are done" in err
    assert out.startswith("1 files, 5 documents")


# -- what is kept ----------------------------------------------------------------------------


def kept(place, folder="out"):
    return [row["id"] for row in loaded((place / folder / "x.jsonl").read_bytes())]


def test_records_are_kept_by_threshold_likeliest_or_not(good, place, models):
    texts = [GOOD, BAD, "fine pills", "cheap and careful pills now", ""]
    (place / "x.jsonl").write_bytes(jsonl(records(texts)))
    model = fasttext.load_model(str(models / "quality.bin"))
    hq = [
        dict(zip(*model.predict(text, k=-1), strict=True)).get("__label__hq", 0) for text in texts
    ]
    by_p = sorted(hq)
    for threshold in (0.018, (by_p[1] + by_p[2]) / 2, 0.5, 0.9999):
        folder = f"at-{threshold}"
        good("x.jsonl", "-o", folder, "--keep", "hq", "--threshold", threshold)
        wanted = [i for i, p in enumerate(hq) if p >= threshold]
        assert kept(place, folder) == wanted
        for row in loaded((place / folder / "x.jsonl").read_bytes()):
            assert row["predicted_label"] == "hq"  # for which it was kept
            assert row["predicted_score"] == pytest.approx(min(hq[row["id"]], 1), abs=1e-6)
        good("x.jsonl", "-o", folder + "d", "--drop", "hq", "--threshold", threshold)
        assert kept(place, folder + "d") == [i for i in range(5) if i not in wanted]
    good("x.jsonl", "-o", "likeliest", "--keep", "hq")
    assert kept(place, "likeliest") == [i for i, p in enumerate(hq) if p > 0.5]
    good("x.jsonl", "-o", "either", "--keep", "hq,lq", "--threshold", 0.5)
    assert kept(place, "either") == list(range(5))


def test_kept_records_can_stay_as_they_are(good, place):
    data = jsonl(records())
    (place / "x.jsonl").write_bytes(data)
    good("x.jsonl", "-o", "out", "--keep", "hq", "--keep-dropped", "--label-column", "none",
         "--score-column", "none")  # fmt: skip
    both = [(place / name).read_bytes() for name in ("out/x.jsonl", "out/_dropped/x.jsonl")]
    assert sorted(b"".join(both).splitlines()) == sorted(data.splitlines())
    assert all(both)


def test_below_the_threshold_the_label_is_empty(good, place):
    (place / "x.jsonl").write_bytes(jsonl(records([GOOD, "", "fine pills"])))
    (place / "x.csv").write_text(f"text\n{GOOD}\nfine pills\n")
    good("x.jsonl", "x.csv", "-o", "out", "--threshold", 0.99)
    rows = loaded((place / "out/x.jsonl").read_bytes())
    assert [row["predicted_label"] for row in rows] == ["hq", None, None]
    assert all(0.4 < row["predicted_score"] < 0.99 for row in rows[1:])
    assert (place / "out/x.csv").read_text().splitlines()[2].startswith("fine pills,,0.")
    good("x.jsonl", "-o", "split", "--split", "--threshold", 0.99)
    assert len(loaded((place / "split/_none/x.jsonl").read_bytes())) == 2


@pytest.mark.parametrize("packing", PACK)
def test_records_are_split_by_label(packing, good, place, models, monkeypatch):
    from fasttext_lite.filtering import outputs

    monkeypatch.setattr(outputs, "_BUFFER", 300)  # so that files are packed in pieces
    monkeypatch.setattr(outputs, "_MOST_BUFFERED", 500)
    texts = [f"热汤 second {i}" if i % 3 else f"fine text {i}" for i in range(60)]
    data = jsonl(records(texts))
    (place / "d/e").mkdir(parents=True)
    (place / f"d/e/x.jsonl{packing}").write_bytes(PACK[packing](data))
    good("d", "-o", "out", "--split", "--label-column", "none", "--score-column", "none",
         model="topic.ftl")  # fmt: skip
    answers = expected(models, texts, "topic.ftl")
    for label, folder in (("a/b", "a%2Fb"), ("_x", "%5Fx")):
        own = [i for i, (found, _) in enumerate(answers) if found == label]
        new = UNPACK[packing]((place / f"out/{folder}/e/x.jsonl{packing}").read_bytes())
        assert [row["id"] for row in loaded(new)] == own
        assert all(line in data for line in new.splitlines(keepends=True))


def test_folders_of_labels():
    labels = ["en", "a/b", "..", ".", "_bad", "", "热汤", "a:b", "100%", "x" * 300,
              "\ud800", "a\0b", "x" * 301, "%2F", "/"]  # fmt: skip
    names = [folder_of(label) for label in labels]
    assert len(set(names)) == len(labels)
    assert names[:3] == ["en", "a%2Fb", "%2E%2E"]
    assert names[6] == "热汤"
    for name in names:
        assert name not in (".", "..", "")
        assert not name.startswith(("_", "."))
        assert "/" not in name
        assert "\0" not in name
        assert len(name.encode()) <= 255
    assert list(map(folder_of, ["a.", "a ", " ", "a. b", "x" * 300 + "."])) == [
        "a%2E", "a%20", "%20", "a. b", folder_of("x" * 300 + "."),
    ]  # fmt: skip
    assert list(map(folder_of, ["con", "NUL.txt", "com1", "aux .c", "icon", "com", "com10"])) == [
        "%63on", "%4EUL.txt", "%63om1", "%61ux .c", "icon", "com", "com10",
    ]  # fmt: skip


def test_folders_differ_where_case_and_composition_do_not_count(good, place):
    labels = ["en", "EN", "En", "caf\u00e9", "cafe\u0301", "CAFE\u0301", "stra\u00dfe", "STRASSE",
              "x" * 300, "X" * 300, "Con", "con", "\ud800" + "x" * 300,
              "\ud801" + "x" * 300]  # fmt: skip
    names = folders_of(labels)
    seen = {unicodedata.normalize("NFD", unicodedata.normalize("NFD", n).casefold()) for n in names}
    assert len(seen) == len(labels)
    assert names[0] == "en"
    assert names[1].startswith("EN%")
    assert names == folders_of(labels)
    assert all(len(name.encode()) <= 255 for name in names)
    (place / "t.tsv").write_text("en\tgood word\nEN\tother sign\n" * 20)
    assert app.main(["train", "t.tsv", "-o", "t.ftl", "-q"]) == 0
    (place / "x.jsonl").write_bytes(jsonl(records(["good word", "other sign"])))
    good("x.jsonl", "-o", "out", "--split", model=place / "t.ftl")
    found = tree(place / "out")
    assert len({name.casefold() for name in found}) == 2


def test_labels_that_are_shown_as_one_have_folders_of_their_own(good, place):
    assert len(set(folders_of(["x", "x", "X", "x"]))) == 4
    rows = [(b"\xfe", "good word"), (b"\xff", "other sign"), (b"y", "last thing")]
    lines = [b"__label__" + label + b" " + text.encode() + b"\n" for label, text in rows * 20]
    (place / "t.txt").write_bytes(b"".join(lines))
    given = {"minCount": 1, "verbose": 0, "thread": 1, "bucket": 0, "dim": 8}
    model = fasttext.train_supervised(str(place / "t.txt"), epoch=20, lr=0.5, **given)
    model.save_model(str(place / "t.bin"))
    (place / "x.jsonl").write_bytes(jsonl(records([text for _, text in rows])))
    done = good("x.jsonl", "-o", "out", "--split", model=place / "t.bin")
    found = [loaded((place / "out" / name).read_bytes()) for name in tree(place / "out")]
    assert sorted(record["id"] for part in found for record in part) == [0, 1, 2]
    assert len(found) == 3
    assert done["labels"]["t"] == {"\ufffd": 2, "y": 1}


# -- bad records -----------------------------------------------------------------------------

BAD_LINES = [
    b"no json\n", b'{"text": 1}\n', b'{"txt": "x"}\n', b'{"text": "caf\xe9"}\n', b"[1]\n",
    b'{"text": null}\r\n', b'{"text": "x"',
]  # fmt: skip
REASONS = {
    "not JSON": 2, "a text that is no string": 2, "no text field": 1, "not UTF-8": 1,
    "no JSON object": 1,
}  # fmt: skip


def test_bad_lines_are_set_aside_kept_or_stop(good, run, place):
    ok = jsonl(records([GOOD]))
    mixed = b"".join([ok, BAD_LINES[0], b"\n", *(ok + line for line in BAD_LINES[1:])])
    (place / "x.jsonl").write_bytes(mixed)
    done = good("x.jsonl", "-o", "aside")
    assert (done["bad"], done["bad_by_reason"]) == (7, REASONS)
    assert (done["documents"], done["kept"]) == (14, 7)
    assert (place / "aside/_bad/x.jsonl").read_bytes() == b"".join(BAD_LINES)
    assert len(loaded((place / "aside/x.jsonl").read_bytes())) == 7
    done = good("x.jsonl", "-o", "keep", "--bad", "keep", "--keep", "hq")
    assert done["kept"] == 14
    new = (place / "keep/x.jsonl").read_bytes().splitlines(keepends=True)
    assert [line for line in new if b"predicted" not in line] == BAD_LINES
    assert new[1] == BAD_LINES[0]  # in their place
    code, out, err = run("x.jsonl", "-o", "fail", "--bad", "fail")
    assert (code, out) == (2, "")
    assert "x.jsonl: record 2: not JSON; --bad aside sets such records aside" in err
    assert not (place / "fail/x.jsonl").exists()
    assert "7 of 14 records are bad (a text that is no string 2, not JSON 2, " in run(
        "x.jsonl", "-o", "aside"
    )[2]  # fmt: skip


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (jsonl(records()), "no text field 5): the first has the fields id, text, more; name the "),
        (json.dumps(records()).encode(), "no JSON object 1): write one JSON object a line"),
        (b"\n" + json.dumps(records()[0], indent=1).encode(), "): write one JSON object a line"),
        (b"{}\n\n", "no text field 1): the first has the fields none; name the text's"),
    ],
)
def test_a_file_without_a_good_line_fails_and_the_others_are_done(data, said, run, place):
    (place / "a.jsonl").write_bytes(data)
    (place / "b.jsonl").write_bytes(b'{"body": "fine"}\n{}\n')
    (place / "empty.jsonl").write_bytes(b"\n")
    words = ("a.jsonl", "b.jsonl", "empty.jsonl", "--text-field", "body")
    code, out, err = run(*words, "-o", "out")
    assert (code, "a.jsonl: all records are bad (" in err, said in err) == (2, True, True), err
    assert tree(place / "out") == ["_bad/b.jsonl", "b.jsonl", "empty.jsonl"]
    assert run(*words, "-o", "keep", "--bad", "keep")[0] == 0
    assert (place / "keep/a.jsonl").read_bytes().strip() == data.strip()


def test_a_bad_line_with_a_field_of_that_name_is_bad(good, place):
    """Its other field is of no account: nothing is added to it."""
    bad = b'{"text": "caf\xe9", "predicted_label": "x"}\n'
    (place / "x.jsonl").write_bytes(jsonl(records()) + bad)
    assert good("x.jsonl", "-o", "out")["bad_by_reason"] == {"not UTF-8": 1}
    assert (place / "out/_bad/x.jsonl").read_bytes() == bad


@pytest.mark.parametrize("ending", ["csv", "tsv"])
def test_bad_rows_of_tables(ending, good, place):
    d = b"," if ending == "csv" else b"\t"
    bad = [b"1" + d + b"a" + d + b"b\n", b"only\n", b"2" + d + b"caf\xe9\n"]
    if ending == "csv":
        bad.append(b'3,"a" b\n')
    ok = b"9" + d + GOOD.encode() + b"\n"
    head = b"id" + d + b"text\n"
    (place / f"x.{ending}").write_bytes(head + ok + b"".join(line + ok for line in bad) + b"\n")
    done = good(f"x.{ending}", "-o", "out")
    assert (place / f"out/_bad/x.{ending}").read_bytes() == head + b"".join(bad)
    assert done["documents"] == 2 * len(bad) + 1
    assert done["bad_by_reason"]["another number of cells than the header"] == 2
    assert done["bad_by_reason"]["not UTF-8"] == 1
    assert (place / f"out/x.{ending}").read_bytes().count(GOOD.encode() + d + b"hq") == len(bad) + 1


def test_files_that_cannot_be_read_do_not_stop_the_others(run, place):
    (place / "d").mkdir()
    (place / "d/a.jsonl").write_bytes(jsonl(records()))
    packed = gzip.compress(jsonl(records(["fine " * 1000] * 50)))
    (place / "d/b.jsonl.gz").write_bytes(packed[:-200])
    (place / "d/c.jsonl").write_bytes('{"text": "a"}\n'.encode("utf-16"))
    (place / "d/d.jsonl").write_bytes(b"%PDF-1.4")
    (place / "d/e.jsonl").write_bytes(gzip.compress(gzip.compress(b"x")))
    code, out, err = run("d", "-o", "out")
    assert code == 2
    assert "1 files, 5 documents" in out
    assert "b.jsonl.gz: cannot read on after " in err
    assert "c.jsonl: the file is UTF-16 or UTF-32: write it as UTF-8 first" in err
    assert "d.jsonl: not text but a PDF file" in err
    assert "packed twice" in err
    assert "4 of 5 files could not be read: the others are done" in err
    assert sorted(p.name for p in (place / "out").glob("*.*")) == ["a.jsonl"]
    assert not (place / "out/_filter/tmp").exists()


@pytest.mark.parametrize("is_mapped", [False, True])
def test_a_model_whose_numbers_are_none_labels_nothing(is_mapped, models, run, place, monkeypatch):
    """A small table is looked through when it is read, of a mapped one the scores are."""
    parts = FastTextModel.load(models / "quality.bin").parts
    data = (models / "quality.bin").read_bytes()
    row = parts.input.data.tobytes()[:32]  # of the first word
    assert data.count(row) == 1
    (place / "bad.bin").write_bytes(data.replace(row, np.full(8, np.nan, np.float32).tobytes()))
    if is_mapped:
        monkeypatch.setattr(paging, "LARGE", 64)
    (place / "x.jsonl").write_bytes(jsonl(records([parts.dictionary.words[0].decode()])))
    code, _, err = run("x.jsonl", "-o", "out", model=place / "bad.bin")
    assert code == 2 and "not finite" in err and len(err) < 400
    assert not list((place / "out").glob("*.jsonl"))


# -- folders, patterns, names ----------------------------------------------------------------


def tree(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*")
                  if p.is_file() and "_filter" not in p.parts)  # fmt: skip


def test_folders_keep_their_structure(good, run, place):
    for name in ("d/x.jsonl", "d/a/x.jsonl", "d/a/b/x.jsonl.gz", "d/.hidden.jsonl", "d/_SUCCESS",
                 "d/a/notes.txt"):  # fmt: skip
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        data = jsonl(records([name]))
        (place / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    code, _, err = run("d", "-o", "out")
    assert (code, tree(place / "out")) == (0, ["a/b/x.jsonl.gz", "a/x.jsonl", "x.jsonl"])
    assert "1 file of other kinds left out (first: d/a/notes.txt)" in err
    assert loaded((place / "out/a/x.jsonl").read_bytes())[0]["text"] == "d/a/x.jsonl"
    good("d/*/x.jsonl", "d/**/*.gz", "-o", "glob")
    assert tree(place / "glob") == ["a/b/x.jsonl.gz", "a/x.jsonl"]
    code, _, err = run("d/x.jsonl", "d/a/x.jsonl", "-o", "no")
    assert code == 2
    assert "would both become no/x.jsonl: name the folder that both are in" in err
    (place / "d/link.jsonl").symlink_to("x.jsonl")  # another name is another file
    good("d", "-o", "links")
    assert len(tree(place / "links")) == 4
    (place / "d/link.jsonl").unlink()
    good("d/x.jsonl", "d", "-o", "twice")  # the same file: once
    assert len(tree(place / "twice")) == 3


def test_the_output_is_never_read(good, run, place):
    (place / "d").mkdir()
    (place / "d/x.jsonl").write_bytes(jsonl(records()))
    for _ in range(2):
        assert good("d", "-o", "d/out")["files"] == 1
    assert good("d/**", "-o", "d/out")["files"] == 1
    for words in (("d", "-o", "d"), ("d/x.jsonl", "-o", "d"), ("d", "-o", ".")):
        code, _, err = run(*words, "--overwrite")
        assert (code, "is in the folder that is written to" in err) == (2, True)
    assert (place / "d/x.jsonl").read_bytes() == jsonl(records())


def test_names_that_compression_makes_one(run, place):
    (place / "d").mkdir()
    (place / "d/x.jsonl").write_bytes(jsonl(records()))
    (place / "d/x.jsonl.gz").write_bytes(gzip.compress(jsonl(records())))
    assert run("d", "-o", "out")[0] == 0
    code, _, err = run("d", "-o", "no", "--compression", "zstd")
    assert (code, "x.jsonl.zst: leave out --compression zstd, or rename" in err) == (2, True), err


def test_labels_of_flags_may_have_the_prefix(good, place):
    (place / "x.jsonl").write_bytes(jsonl(records([GOOD, BAD])))
    words = ("--keep", "__label__hq", "--probabilities", "__label__lq,hq")
    assert good("x.jsonl", "-o", "out", *words)["kept"] == 1
    kept = loaded((place / "out/x.jsonl").read_bytes())[0]
    assert list(kept)[-2:] == ["predicted_score_lq", "predicted_score_hq"]


def test_patterns_leave_out_what_an_earlier_run_set_aside(good, run, place):
    (place / "d").mkdir()
    (place / "d/x.jsonl").write_bytes(jsonl(records()) + BAD_LINES[0])
    good("d", "-o", "a", "--keep", "hq", "--keep-dropped")
    assert {"_bad/x.jsonl", "_dropped/x.jsonl", "x.jsonl"} == set(tree(place / "a"))
    done = good("a/**/*.json*", "-o", "out", "--score-column", "s", "--label-column", "l")
    assert done["files"] == 1
    assert good("a/_dropped/*", "-o", "again", "--label-column", "l", "--score-column", "s")["kept"]
    code, _, err = run("a/_b*/x.jsonl", "-o", "no")
    assert (code, "no file has a name of this pattern that does not begin with _" in err) == (
        2,
        True,
    )
    for name in ("_filter", "_bad", "_None"):
        (place / name).write_bytes(jsonl(records()))
        code, _, err = run(name, "-o", "no", "--format", "jsonl")
        assert (code, "where filter keeps its own files" in err) == (2, True)


def test_pipes_are_not_waited_for(good, run, place):
    (place / "d").mkdir()
    (place / "d/x.jsonl").write_bytes(jsonl(records()))
    os.mkfifo(place / "d/y.jsonl")
    for number, words in enumerate(["d", "d/*.jsonl"]):
        assert good(words, "-o", f"out{number}")["files"] == 1
    code, _, err = run("d/y.jsonl", "-o", "no")
    assert (code, "d/y.jsonl: a pipe or device cannot be read twice" in err) == (2, True)


@pytest.mark.parametrize("n_workers", [1, 2])
def test_names_of_files_need_not_be_text(n_workers, good, run, place):
    os.mkdir(b"d")
    for name in (b"d/caf\xe9.jsonl", b"d/\xff.jsonl"):
        Path(os.fsdecode(name)).write_bytes(jsonl(records()))
    words = ("d", "-o", "out", "--workers", n_workers)
    assert good(*words)["documents"] == 10
    assert good(*words)["files_done_before"] == 2
    assert sorted(os.listdir(b"out")) == [b"_filter", b"caf\xe9.jsonl", b"\xff.jsonl"]
    Path(os.fsdecode(b"d/\xfe.jsonl")).write_bytes(b"%PDF-1.4")
    code, out, err = run(*words, "--json")
    assert (code, "not text but a PDF file" in err, len(json.loads(out)["files_failed"])) == (
        2, True, 1,
    )  # fmt: skip


@pytest.mark.parametrize("words", ["d", "d/**/*.jsonl"])
def test_links_to_nothing_do_not_stop_the_others(words, run, place):
    (place / "d").mkdir()
    (place / "d/x.jsonl").write_bytes(jsonl(records()))
    (place / "d/gone.jsonl").symlink_to("nowhere")
    (place / "d/loop").symlink_to(".")
    code, out, err = run(words, "-o", "out")
    assert (code, "d/gone.jsonl: no such file or directory" in err) == (2, True)
    assert "1 of 2 files could not be read: the others are done" in err
    assert tree(place / "out") == ["x.jsonl"]


def test_input_on_another_drive_is_not_under_the_output(good, place, monkeypatch):
    """On Windows two drives have no common path, which is an error to `os.path`."""
    (place / "x.jsonl").write_bytes(jsonl(records()))

    def commonpath(paths):
        raise ValueError("Paths don't have the same drive")

    monkeypatch.setattr(os.path, "commonpath", commonpath)
    assert good("x.jsonl", "-o", "out")["files"] == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["-", "-o", "o"], "filter reads files, not stdin"),
        (["no.jsonl", "-o", "o"], "no.jsonl: no such file or directory"),
        (["*.nothing", "-o", "o"], "no file has a name of this pattern"),
        (["empty", "-o", "o"], "empty: the folder has no files of records (.jsonl, "),
        (["x.jsonl", "-o", "x.jsonl"], "x.jsonl: is a file: -o names a folder"),
        (["x.jsonl", "-o", "other"], "other: the folder is not empty, and not of filter (mine)"),
        (["x.jsonl", "-o", "o", "--keep", "hg"], "the model has no label 'hg' (it has hq, lq)"),
        (["x.jsonl", "-o", "o", "--keep", "hq", "--drop", "lq"], "choose one"),
        (["x.jsonl", "-o", "o", "--keep", ","], "must be labels with commas between"),
        (["x.jsonl", "-o", "o", "--threshold", "2"], "must be a number from 0 to 1"),
        (["x.jsonl", "-o", "o", "--threshold", ".1", "--threshold", ".2"], "is given twice"),
        (["x.jsonl", "-o", "o", "--keep-dropped"], "--keep-dropped needs --keep or --drop"),
        (["x.jsonl", "-o", "o", "--text-field", "a..b"], "keys with dots between"),
        (["x.jsonl", "-o", "o", "--split-by", "x"], "no model is called 'x' (quality)"),
        (["x.jsonl", "-o", "o", "-m", "quality=x.bin"], "two models are called 'quality'"),
        (["x.jsonl", "-o", "o", "--label-column", "a", "--score-column", "a"], "two columns"),
        (["x.jsonl", "-o", "o", "--label-column", "none", "--score-column", "none"], "nothing is"),
        (["x.jsonl", "-o", "o", "--columns", "a,b"], "'text' among them"),
        (["x.jsonl"], "required: -o/--output"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words, said, run, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    (place / "empty").mkdir()
    (place / "other").mkdir()
    (place / "other/mine").write_text("x")
    try:
        code, out, err = run(*words)
    except SystemExit as exit_:
        code, out, err = exit_.code, "", said
    assert (code, out) == (2, "")
    assert said in err
    assert err.count("\n") <= 1
    assert not (place / "o").exists()


def test_files_that_are_no_classifiers(run, place, models):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    for model, said in (
        (models / "words.bin", "the model holds word vectors and predicts no labels"),
        (place / "x.jsonl", "it is a text"),
        (place / "nothing.bin", "no such file"),
    ):
        code, _, err = run(model, "x.jsonl", "-o", "o", model=None)
        assert (code, said in err.lower()) == (2, True), err
    with pytest.raises(ModelError, match="no such file"):
        fingerprint(str(place / "nothing.bin"))


def test_without_pyarrow_lines_still_work(good, run, place, monkeypatch):
    pq.write_table(pa.table({"text": [GOOD]}), place / "x.parquet")
    (place / "x.jsonl").write_bytes(jsonl(records()))
    for name in ("pyarrow", "pyarrow.parquet"):
        monkeypatch.setitem(sys.modules, name, None)
    assert good("x.jsonl", "-o", "out")["documents"] == 5
    code, _, err = run("x.parquet", "-o", "out2")
    assert code == 2
    assert "x.parquet: Parquet needs pyarrow: pip install 'fasttext-lite[filter]'" in err
    monkeypatch.setitem(sys.modules, "zstandard", None)
    code, _, err = run("x.jsonl", "-o", "out3", "--compression", "zstd")
    assert (code, "pip install 'fasttext-lite[filter]'" in err) == (2, True)


def test_what_has_no_effect_is_said(run, place):
    pq.write_table(pa.table({"text": [GOOD]}), place / "x.parquet")
    code, _, err = run(
        "x.parquet", "-o", "out", "--exact", "--compression", "gzip", model="topic.ftl"
    )
    assert code == 0
    assert "--exact has no effect" in err
    assert "--compression has no effect: Parquet files keep their own" in err
    assert "--delimiter" not in err
    (place / "x.jsonl.gz").write_bytes(gzip.compress(jsonl(records())))
    err = run("x.jsonl.gz", "-o", "two", "--delimiter", "tab", "--columns", "text")[2]
    assert "--delimiter has no effect: no file is a table" in err
    assert "--columns has no effect: no file is a table" in err


@pytest.mark.parametrize("name", [*COMPRESSIONS, "none"])
def test_output_can_be_packed_otherwise(name, good, place):
    data = jsonl(records())
    (place / "x.jsonl.gz").write_bytes(gzip.compress(data))
    good("x.jsonl.gz", "-o", "out", "--compression", name, "--keep", "hq,lq", "--label-column",
         "none", "--score-column", "none")  # fmt: skip
    ending = "" if name == "none" else COMPRESSIONS[name].ending
    assert tree(place / "out") == [f"x.jsonl{ending}"]
    assert UNPACK[ending]((place / f"out/x.jsonl{ending}").read_bytes()) == data


def test_what_waits_is_written_before_it_is_too_much(place, monkeypatch):
    """Of many files, none of which has much; the sizes of the others are not asked for."""
    monkeypatch.setattr(outputs, "_MOST_BUFFERED", 1000)
    monkeypatch.setattr(outputs, "_BUFFER", 300)
    files = outputs.Outputs(str(place), None, True, lambda route: b"head ")
    expected: dict[int, bytes] = {}
    rng = np.random.default_rng(1)
    for _ in range(500):
        route, data = int(rng.integers(20)), b"x" * int(rng.integers(90))
        files._put(route, data)
        expected[route] = expected.get(route, b"head ") + data
        assert files._n_waiting == sum(file.size for file in files._files.values()) <= 1000
    found = {route: Path(path).read_bytes() for route, path in files.finish().items()}
    assert found == expected


# -- running again ---------------------------------------------------------------------------


def test_parts_that_are_done_are_skipped(good, run, place):
    for i in range(3):
        (place / f"{i}.jsonl").write_bytes(jsonl(records()))
    first = good("0.jsonl", "1.jsonl", "-o", "out")
    times = {p: p.stat().st_mtime_ns for p in place.glob("out/*.jsonl")}
    assert first["files_done_before"] == 0
    again = good("*.jsonl", "-o", "out", "--workers", 1)
    assert again["files_done_before"] == 2
    assert (again["documents"], again["files"]) == (15, 3)
    assert all(p.stat().st_mtime_ns == t for p, t in times.items())
    # Of a file that changed, and of one whose output is not there, the part is made anew.
    (place / "0.jsonl").write_bytes(jsonl(records()) * 2)
    (place / "out/1.jsonl").unlink()
    again = good("*.jsonl", "-o", "out", "--workers", 1)
    assert (again["files_done_before"], again["documents"]) == (1, 20)
    assert len(loaded((place / "out/0.jsonl").read_bytes())) == 10


def test_other_settings_are_told_and_overwrite_begins_anew(good, run, place, models):
    for name in ("a.jsonl", "b.jsonl"):
        (place / name).write_bytes(jsonl(records()))
    good("a.jsonl", "b.jsonl", "-o", "out")
    code, out, err = run("a.jsonl", "-o", "out", "--bad", "keep")
    assert (code, out) == (2, "")
    assert (
        "out: was begun with other settings (bad): give the same, another -o, or --overwrite" in err
    )
    code, _, err = run("a.jsonl", "-o", "out", model="topic.ftl")
    assert (code, "was begun with other models" in err) == (2, True)
    moved = place / "quality.bin"  # the same model elsewhere is the same
    moved.write_bytes((models / "quality.bin").read_bytes())
    assert good(moved, "a.jsonl", "-o", "out", model=None)["files_done_before"] == 1
    (place / "out/mine.txt").write_text("stays")
    assert good("a.jsonl", "-o", "out", "--bad", "keep", "--overwrite")["files_done_before"] == 0
    assert tree(place / "out") == ["a.jsonl", "mine.txt"]  # no part of before is left


@pytest.mark.parametrize("left", [None, b"", b"[]", b'{"format"'])
def test_without_a_manifest_nothing_counts_as_done(left, good, run, place):
    for name in ("a.jsonl", "b.jsonl"):
        (place / name).write_bytes(jsonl(records()))
    good("a.jsonl", "b.jsonl", "-o", "out")
    (place / "out/mine.txt").write_text("stays")
    path = place / "out/_filter/manifest.json"
    path.unlink() if left is None else path.write_bytes(left)
    words = ["a.jsonl", "-o", "out", "--score-column", "none"]
    code, _, err = run(*words)
    said = "the folder is not empty, and not of filter" if left is None else "damaged, so nobody"
    assert (code, said in err, err.count("\n")) == (2, True, 1)
    assert tree(place / "out") == ["a.jsonl", "b.jsonl", "mine.txt"]
    assert good(*words, "--overwrite")["files_done_before"] == 0
    assert tree(place / "out") == ["a.jsonl", "mine.txt"]
    assert "predicted_score" not in loaded((place / "out/a.jsonl").read_bytes())[0]
    assert json.loads(path.read_bytes())["format"] == 1


@pytest.mark.parametrize(
    "record",
    ["[]", "5", '{"files": [1]}', '{"files": {}, "counts": 5}', {"files": [1]}, {"counts": []},
     {"labels": 1}, {"labels": {"quality": 3}}, {"bad": {"x": "y"}}, {"kept": None}],
)  # fmt: skip
def test_a_record_of_another_shape_is_no_record(record, good, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    good("x.jsonl", "-o", "out")
    path = place / "out/_filter/parts/x.jsonl.json"
    if isinstance(record, dict):
        own = json.loads(path.read_text())
        place_of = own if record.keys() <= own.keys() else own["counts"]
        place_of |= record
        record = json.dumps(own)
    for words in ((), ("--overwrite",)):
        path.write_text(record)
        done = good("x.jsonl", "-o", "out", *words)
        assert (done["files_done_before"], done["documents"]) == (0, 5)


@pytest.mark.parametrize("name", ["../mine.txt", "{place}/mine.txt", "a/../../mine.txt", "x\0y"])
def test_a_record_removes_no_file_outside_of_the_folder(name, good, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    (place / "mine.txt").write_text("stays")
    good("x.jsonl", "-o", "out")
    path = place / "out/_filter/parts/x.jsonl.json"
    record = json.loads(path.read_text())
    for words in ((), ("--overwrite",)):
        path.write_text(json.dumps(record | {"files": {name.format(place=place): 5}}))
        assert good("x.jsonl", "-o", "out", *words)["files_done_before"] == 0
        assert (place / "mine.txt").read_text() == "stays"


@pytest.mark.parametrize("settings", [[], 5, None, {}])
def test_a_manifest_of_another_shape_has_other_settings(settings, good, run, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    good("x.jsonl", "-o", "out")
    path = place / "out/_filter/manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"settings": settings}))
    code, _, err = run("x.jsonl", "-o", "out")
    assert (code, "out: was begun with other settings" in err) == (2, True)


def test_a_manifest_that_cannot_be_opened_removes_nothing(good, run, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    good("x.jsonl", "-o", "out")
    (place / "out/_filter/manifest.json").unlink()
    (place / "out/_filter/manifest.json").mkdir()
    code, _, err = run("x.jsonl", "-o", "out")
    assert (code, "manifest.json: is a directory" in err) == (2, True)
    assert tree(place / "out") == ["x.jsonl"]


@pytest.mark.parametrize("n_renames", [1, 2, 3])
def test_no_file_of_a_part_that_was_broken_off_is_forgotten(
    n_renames, good, place, models, monkeypatch
):
    """What is written counts as done only at the end; before, it is known and is removed."""
    (place / "x.jsonl").write_bytes(jsonl(records()))
    (place / "y.jsonl").write_bytes(jsonl(records()))
    replace, renamed = os.replace, []

    def breaking(source, target):
        if not str(target).endswith("manifest.json"):
            if len(renamed) == n_renames:
                raise KeyboardInterrupt
            renamed.append(target)
        replace(source, target)

    command = ["filter", str(models / "quality.bin"), "x.jsonl", "-o", "out", "--split"]
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", breaking)
        with contextlib.suppress(KeyboardInterrupt):
            assert app.main(command) == 130
    assert len(renamed) == n_renames
    assert len(tree(place / "out")) == n_renames - 1
    assert good("y.jsonl", "-o", "out", "--overwrite")["files_done_before"] == 0
    assert tree(place / "out") == ["y.jsonl"]


@pytest.mark.parametrize("words", [[], ["--split"]])
@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_what_has_its_name_is_on_the_disk(name, words, good, place, monkeypatch):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    pq.write_table(pa.table({"text": TEXTS}), place / "x.parquet")
    saved, renamed = [], []
    fsync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda file: (saved.append(os.fstat(file)), fsync(file)))
    monkeypatch.setattr(os, "replace", lambda a, b: (renamed.append(os.stat(a)), replace(a, b)))
    good(name, "-o", "out", *words)
    sizes = {status.st_ino: status.st_size for status in saved}
    assert len(renamed) == 3 + len(tree(place / "out"))
    assert all(sizes[status.st_ino] == status.st_size for status in renamed)


def test_two_runs_do_not_share_a_folder(run, place):
    import fcntl

    (place / "x.jsonl").write_bytes(jsonl(records()))
    (place / "out/_filter").mkdir(parents=True)
    with open(place / "out/_filter/lock", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        code, _, err = run("x.jsonl", "-o", "out")
    assert (code, "out: another run is writing there" in err) == (2, True)


def test_several_processes(good, run, place):
    (place / "d").mkdir()
    for i in range(4):
        (place / f"d/{i}.jsonl.zst").write_bytes(PACK[".zst"](jsonl(records()) * (i + 1)))
    (place / "d/bad.jsonl.gz").write_bytes(gzip.compress(jsonl(records()) * 100)[:-20])
    code, out, err = run("d", "-o", "out", "--workers", 2)
    assert code == 2
    assert "bad.jsonl.gz: cannot read on" in err
    assert "4 files, 50 documents, 50 kept, 0 bad" in out
    (place / "d/bad.jsonl.gz").unlink()
    assert good("d", "-o", "out", "--workers", 2)["files_done_before"] == 4
    good("d", "-o", "one", "--workers", 1)
    for name in tree(place / "one"):
        one, two = ((place / folder / name).read_bytes() for folder in ("one", "out"))
        assert one == two
    code, _, err = run("d", "-o", "no", "--workers", 2, "--keep", "nothing")
    assert (code, "has no label 'nothing'" in err) == (2, True)
    (place / "d/0.jsonl.zst").write_bytes(PACK[".zst"](b"oops\n"))
    code, _, err = run("d", "-o", "fail", "--workers", 2, "--bad", "fail")
    assert (code, "0.jsonl.zst: record 1: not JSON" in err) == (2, True)
    assert not (place / "fail/_filter/tmp").exists()


def is_noted(record):
    """Return whether a part is noted as done: while its file has no name yet, it has no time."""
    try:
        return json.loads(record.read_bytes())["time"] is not None
    except FileNotFoundError:
        return False


def begun(place, models, *words, n_long=1):
    """Start the command on a file that takes long, in a process of its own.

    Of one long file it is begun when a short one is done; of several when all are written.
    """
    (place / "d").mkdir(exist_ok=True)
    data = jsonl(records(["fine and careful " * 20]))
    (place / "d/a.jsonl").write_bytes(data)
    with gzip.open(place / "d/b.jsonl.gz", "wb", compresslevel=1) as file:
        for _ in range(300):
            file.write(data * 2000)
    for i in range(1, n_long):
        (place / f"d/b{i}.jsonl.gz").write_bytes((place / "d/b.jsonl.gz").read_bytes())
    command = [
        sys.executable,
        "-m",
        "fasttext_lite",
        "filter",
        str(models / "quality.bin"),
        "d",
        "-o",
        "out",
    ]
    process = subprocess.Popen(
        [*command, *words], cwd=place, env=os.environ | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    end = time.monotonic() + 120
    while process.poll() is None and time.monotonic() < end:
        sizes = [p.stat().st_size for p in place.glob("out/_filter/tmp/*") if p.exists()]
        is_done = is_noted(place / "out/_filter/parts/a.jsonl.json")
        if any(sizes) and is_done if n_long == 1 else sum(map(bool, sizes)) == n_long:
            break
        time.sleep(0.02)
    assert process.poll() is None, process.communicate()
    return process


@pytest.mark.parametrize("workers", ["1", "2"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_what_is_done_and_no_litter(number, workers, place, models, good):
    process = begun(place, models, "--workers", workers)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (143 if number == signal.SIGTERM else 130, "")
    assert (
        err.strip()
        .splitlines()[-1]
        .startswith(
            "fasttext-lite: " + ("ended by SIGTERM" if number == signal.SIGTERM else "interrupted")
        )
    )
    assert "Traceback" not in err
    assert tree(place / "out") == ["a.jsonl"]
    assert not (place / "out/_filter/tmp").exists()
    (place / "d/b.jsonl.gz").write_bytes(gzip.compress(jsonl(records())))
    done = good("d", "-o", "out")
    assert (done["files_done_before"], done["documents"]) == (1, 6)


def test_a_process_that_is_killed_is_told(place, models):
    process = begun(place, models, "--workers", "2")
    for child in psutil.Process(process.pid).children():
        if "spawn_main" in " ".join(child.cmdline()):
            child.kill()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "a process was ended (exit code -9): the memory may be" in err.splitlines()[-1]
    assert tree(place / "out") == ["a.jsonl"]
    assert not (place / "out/_filter/tmp").exists()


def test_one_of_several_processes_that_is_killed_is_told(place, models):
    """The others work on; without a look between what they tell, it is told at the end."""
    process = begun(place, models, "--workers", "2", n_long=2)
    children = psutil.Process(process.pid).children()
    working = [child for child in children if "spawn_main" in " ".join(child.cmdline())]
    assert len(working) == 2
    working[0].kill()
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "a process was ended (exit code -9)" in err.splitlines()[-1]
    assert tree(place / "out") == []
    assert not any(child.is_running() for child in working)


def test_processes_end_where_the_first_one_was_killed(place, models):
    process = begun(place, models, "--workers", "2", n_long=2)
    children = psutil.Process(process.pid).children()
    process.kill()
    process.communicate(timeout=60)
    _, alive = psutil.wait_procs(children, timeout=30)
    for child in alive:
        child.kill()
    assert alive == []


def test_a_process_that_waits_for_work_looks_whether_the_first_one_lives(monkeypatch):
    class EndedError(Exception):
        pass

    def ended(code):
        raise EndedError

    alive = iter([True, True, False])
    parent = SimpleNamespace(is_alive=lambda: next(alive))
    tasks = queue.Queue()
    tasks.put((0, "part"))
    monkeypatch.setattr(os, "_exit", ended)
    monkeypatch.setattr(running, "_LOOK", 0.01)
    assert running._next_task(tasks, parent) == (0, "part")
    with pytest.raises(EndedError):
        running._next_task(tasks, parent)


class Process:
    """Stands for a process: it has an exit code, None while it runs."""

    def __init__(self, exitcode):
        self.exitcode = exitcode


class Tracker(list):
    """Stands for what follows the parts."""

    def progress(self, *told):
        self.append(told)

    def end(self, *told):
        self.append(told)

    def show(self):
        pass


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ([None, -9], "a process was ended (exit code -9): the memory may be too small"),
        ([137, 0], "a process was ended (exit code 137): the memory may be too small"),
        ([None, 1], "a process ended by an error of its own (exit code 1): see above"),
        ([0, 0], "a process ended by an error of its own (exit code 0)"),
    ],
)
@pytest.mark.parametrize("is_silent", [True, False])
def test_processes_are_looked_at_while_others_talk(is_silent, codes, said):
    told = queue.Queue()
    stop = threading.Event()

    def talk():
        while not stop.wait(0.01):
            told.put(("progress", 0, (1, 1, 1)))

    talker = threading.Thread(target=talk)
    is_over = codes == [0, 0]  # whoever ended well says nothing more
    if not (is_silent or is_over):
        talker.start()
    begin = time.monotonic()
    try:
        with pytest.raises(UsageError) as caught:
            running._follow(["x"], running._Watch([*map(Process, codes)]), told, Tracker())
    finally:
        stop.set()
    assert said in str(caught.value)
    assert time.monotonic() - begin < 30


def test_what_a_process_told_before_it_ended_counts():
    told, tracker = queue.Queue(), Tracker()
    for number in range(1000):
        told.put(("done", number, None))
    parts = list(range(1000))
    running._follow(parts, running._Watch([Process(0), Process(0)]), told, tracker)
    assert [part for (part,) in tracker] == parts


def test_memory_does_not_grow_with_the_file(place, models):
    line = jsonl(records(["fine and careful text " * 2000]))
    code = (
        "import sys; from fasttext_lite.cli.app import main; main(sys.argv[1:]);"
        "print(next(line for line in open('/proc/self/status') if 'VmHWM' in line).split()[1])"
    )
    peaks = []
    for n_lines in (600, 3000):  # 26 and 132 MB
        with open(place / "x.jsonl", "wb") as file:
            file.writelines([line] * n_lines)
        command = ["filter", str(models / "quality.bin"), "x.jsonl", "-o", f"out-{n_lines}"]
        done = subprocess.run(
            [sys.executable, "-c", code, *command],
            cwd=place, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
        )  # fmt: skip
        peaks.append(int(done.stdout.split()[-1]) / 1000)
    assert 50 < peaks[1] < peaks[0] + 40


@pytest.mark.parametrize("name", ["x.jsonl", "x.parquet"])
def test_a_full_disk_is_told_and_leaves_nothing(name, place, models):
    """A limit of the size of files stands for it."""
    if name == "x.jsonl":
        (place / name).write_bytes(jsonl(records(["fine " * 500] * 4000)))
    else:
        texts = np.random.default_rng(1).integers(97, 123, (3000, 3000), np.uint8)
        table = pa.table({"text": [row.tobytes().decode() for row in texts]})
        pq.write_table(table, place / name, row_group_size=500)
    code = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20));"
        "from fasttext_lite.cli.app import main; sys.exit(main(sys.argv[1:]))"
    )
    assert resource.RLIMIT_FSIZE is not None
    done = subprocess.run(
        [sys.executable, "-c", code, "filter", str(models / "quality.bin"), name, "-o", "out"],
        cwd=place, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (2, "")
    told = done.stderr.splitlines()[-1]
    assert told.endswith("file too large") and os.path.join("out", "_filter") in told
    assert "Traceback" not in done.stderr
    assert tree(place / "out") == []
    assert not (place / "out/_filter/tmp").exists()


def test_a_folder_that_cannot_be_written(run, place):
    (place / "x.jsonl").write_bytes(jsonl(records()))
    (place / "file").write_text("")
    code, _, err = run("x.jsonl", "-o", "file/out")
    assert (code, "not a directory" in err) == (2, True)
    if os.getuid():
        (place / "locked").mkdir(mode=0o500)
        code, _, err = run("x.jsonl", "-o", "locked/out")
        assert (code, "permission denied" in err) == (2, True)


# -- models ----------------------------------------------------------------------------------


def test_judges_agree_with_the_models(models):
    texts = Texts.from_sequence(TEXTS)
    for name in ("quality.bin", "topic.ftl"):
        labels = Judge(Rule("m", str(models / name))).labels
        judge = Judge(Rule("m", str(models / name), probabilities=tuple(labels)))
        for n_threads in (1, 2):
            found = judge.judge(texts, n_threads)
            answers = expected(models, [t.replace("\n", " ") for t in TEXTS], name)
            assert [labels[i] for i in found.labels] == [label for label, _ in answers]
            np.testing.assert_allclose(found.scores, [p for _, p in answers], atol=1e-6)
            best = np.take_along_axis(found.asked, found.labels[:, None], 1)[:, 0]
            np.testing.assert_allclose(best, found.scores, atol=1e-6)
            assert found.is_kept.all()
    none = judge.judge(Texts.from_sequence([]))
    assert none.asked.shape == (0, len(labels))


def test_few_labels_are_asked_for_at_once(models, monkeypatch):
    texts = Texts.from_sequence(TEXTS)
    for name, label in (("quality.bin", "hq"), ("topic.ftl", "_x")):
        rule = Rule("m", str(models / name), probabilities=(label,), threshold=0.6)
        monkeypatch.setattr(judging, "_FEW_LABELS", 16)
        at_once = Judge(rule).judge(texts)
        monkeypatch.setattr(judging, "_FEW_LABELS", 0)
        apart = Judge(rule).judge(texts)
        np.testing.assert_array_equal(at_once.labels, apart.labels)
        np.testing.assert_allclose(at_once.scores, apart.scores, atol=1e-6)
        np.testing.assert_allclose(at_once.asked, apart.asked, atol=1e-6)


@pytest.mark.parametrize("loss", ["ova", "hs"])
def test_asking_for_more_does_not_change_the_label(loss, place, good):
    """Many labels have one score: which of them is the likeliest, the model says."""
    rows = [f"__label__{chr(97 + i % 8)} word{i % 8}" for i in range(80)]
    (place / "train.txt").write_text("\n".join(rows) + "\n")
    given = {"bucket": 10, "dim": 4, "minCount": 1, "verbose": 0, "thread": 1}
    model = fasttext.train_supervised("train.txt", epoch=1, lr=1e-9, loss=loss, **given)
    model.save_model("ties.bin")
    texts = [f"word{i % 8} word{i % 5}" for i in range(40)]
    judge = Judge(Rule("m", "ties.bin", probabilities=tuple("abcdefgh")))
    found = judge.judge(Texts.from_sequence(texts))
    n_equal = (found.asked == found.asked.max(axis=1, keepdims=True)).sum(axis=1)
    assert (n_equal > 1).all()
    (place / "x.jsonl").write_bytes(jsonl(records([*texts, "unknown"])))
    good("x.jsonl", "-o", "one", model=place / "ties.bin")
    good("x.jsonl", "-o", "all", "--probabilities", "a", model=place / "ties.bin")
    one, every = (loaded((place / f"{name}/x.jsonl").read_bytes()) for name in ("one", "all"))
    answers = [model.predict(text)[0][0].removeprefix("__label__") for text in texts]
    for name in ("predicted_label", "predicted_score"):
        assert [row[name] for row in every] == [row[name] for row in one]
    assert [row["predicted_label"] for row in every[:-1]] == answers


def test_judges_ask_in_pieces(models, monkeypatch):
    texts = Texts.from_sequence([f"fine text {i}" for i in range(600)])
    rule = Rule("m", str(models / "topic.ftl"), keep=("_x",), threshold=0.3)
    whole = Judge(rule).judge(texts)
    monkeypatch.setattr(judging, "_MOST_NUMBERS", 1)
    pieces = Judge(rule).judge(texts)
    for name in ("labels", "scores", "is_kept"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(pieces, name))


def test_exact_scores_are_fasttexts_and_others_at_most_1(good, place, models):
    sure = [GOOD] * 3
    (place / "x.jsonl").write_bytes(jsonl(records(sure)))
    model = fasttext.load_model(str(models / "quality.bin"))
    score = np.float32(model.predict(GOOD)[1][0])
    good("x.jsonl", "-o", "exact", "--exact")
    row = loaded((place / "exact/x.jsonl").read_bytes())[0]
    assert np.float32(row["predicted_score"]) == score
    found = judging._FastTexts(FastTextModel.load(models / "quality.bin"), exact=False)
    assert found._limited(np.array([1.00001, 0.5], np.float32)).tolist() == [1.0, 0.5]


def test_fingerprints_tell_models_apart(place):
    data = bytes(range(256)) * 40000
    for i, changed in enumerate((b"", b"x", b"")):
        (place / str(i)).write_bytes(data + changed)
    one, two, three = (fingerprint(str(place / str(i))) for i in range(3))
    assert one != two
    assert one == three
    (place / "2").write_bytes(b"y" + data[1:])
    assert fingerprint(str(place / "2")) != one


# -- what is shown ---------------------------------------------------------------------------


def test_the_summary(run, place):
    (place / "x.jsonl").write_bytes(jsonl(records()) + b"oops\n")
    code, out, err = run("x.jsonl", "-o", "out")
    first, second = out.splitlines()
    assert code == 0
    assert first.startswith("1 files, 6 documents, 5 kept, 1 bad, ")
    assert first.endswith(" MB/s")
    assert second.startswith("quality: ")
    assert "1 of 6 records are bad (not JSON 1): they are in out/_bad" in err
    assert "(1 done before)" in run("x.jsonl", "-o", "out")[1]


def test_progress_on_a_terminal(run, place, monkeypatch):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    (place / "x.jsonl").write_bytes(jsonl(records()))
    shown = Terminal()
    with contextlib.redirect_stderr(shown):
        assert run("x.jsonl", "-o", "out")[0] == 0
    assert "1/1 files, 5 documents, " in shown.getvalue()
    assert shown.getvalue().endswith("\r")
    status = Status(100, 12, 0, 1_234_567, 10**9, 25, 100, 10.0)
    assert status_line(status) == "12/100 files, 1,234,567 documents, 100.0 MB/s, ETA 0:00:30"
    assert status_line(Status(1)).endswith("ETA ?")


def test_every_format_and_packing_is_in_the_tables():
    assert set(FORMATS) == {"jsonl", "parquet", "csv", "tsv"}
    assert {each.ending for each in COMPRESSIONS.values()} == set(PACK) - {""}
    for each in COMPRESSIONS.values():
        packer = each.packer()
        data = packer.compress(b"some bytes") + packer.flush()
        assert data.startswith(each.magics)
        assert each.unpack(io.BytesIO(data)).read() == b"some bytes"


def test_settings_name_what_they_add():
    rules = (Rule("a", "a", label_column="", probabilities=("x",)), Rule("b", "b", score_column=""))
    names = Settings(rules).added
    assert names == ["predicted_score", "predicted_score_x", "predicted_label"]
    assert Settings(rules, text_field=r"a\.b.c").path == ["a.b", "c"]
    assert lines.taken("x", "y", "z").args[0].startswith("x: z has a field 'y' already")
    assert work.FOLDERS[work.MAIN] == ""
