"""Labelled and unlabelled text, from files, standard input and Python sequences."""

import gzip
import io
import json
import re
import sys

import numpy as np
import pandas as pd
import pytest
import reference
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fasttext_lite.cli import app
from fasttext_lite.corpus import kernels
from fasttext_lite.corpus.files import iter_blocks, split_lines
from fasttext_lite.corpus.formats import (
    FORMATS,
    Format,
    Reading,
    ReadOptions,
    find_format,
    labelled_formats,
)
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError

pytestmark = pytest.mark.bounds

ROWS = [("sport", "a late goal"), ("food", "hot soup, 热汤"), ("sport", 'they "won" it')]
CONTENT = {
    "fasttext": "".join(f"__label__{label} {text}\n" for label, text in ROWS),
    "tsv": "".join(f"{label}\t{text}\n" for label, text in ROWS),
    "csv": 'id,text,label\n1,a late goal,sport\n2,"hot soup, 热汤",food\n'
    '3,"they ""won"" it",sport\n',
    "jsonl": "".join(json.dumps({"label": a, "text": b}) + "\n" for a, b in ROWS),
}


def rows(path, **options):
    corpus = read_corpus(path, ReadOptions(**options))
    return [
        (",".join(labels), text)
        for labels, text in zip(corpus.label_rows, corpus.texts.to_list(), strict=True)
    ]


def message(path, **options):
    with pytest.raises(InputError) as caught:
        read_corpus(path, ReadOptions(**options))
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(path, "FILE")


# -- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", CONTENT)
def test_each_format_by_content(write, kind):
    assert rows(write(CONTENT[kind])) == ROWS


@pytest.mark.parametrize("kind", CONTENT)
def test_each_format_when_named(write, kind):
    assert rows(write(CONTENT[kind]), format=kind) == ROWS


@pytest.mark.parametrize("kind", CONTENT)
def test_each_format_compressed(write, kind):
    data = gzip.compress(CONTENT[kind].encode())
    assert rows(write(data, "data.gz")) == ROWS
    assert rows(write(data, "no_suffix")) == ROWS


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("compress", [False, True])
def test_each_format_on_stdin(feed, kind, compress):
    data = CONTENT[kind].encode()
    feed(gzip.compress(data) if compress else data)
    assert rows("-") == ROWS


@pytest.mark.parametrize("kind", CONTENT)
def test_bom_crlf_and_no_newline_at_the_end(write, kind):
    content = CONTENT[kind].replace("\n", "\r\n").removesuffix("\r\n")
    assert rows(write("\ufeff" + content)) == ROWS


@pytest.mark.parametrize("kind", CONTENT)
def test_many_empty_lines_first(write, kind):
    corpus = read_corpus(write("\n" * 50 + CONTENT[kind]))
    assert corpus.texts.to_list() == [text for _, text in ROWS]


@pytest.mark.parametrize(
    "name, kind",
    [
        ("x.tsv", "tsv"),
        ("x.csv", "csv"),
        ("x.CSV", "csv"),
        ("x.jsonl", "jsonl"),
        ("x.ndjson", "jsonl"),
        ("x.tsv.gz", "tsv"),
        ("/a.csv/b.c.jsonl.gz", "jsonl"),
    ],
)
def test_format_by_name(name, kind):
    assert guess_format(name, [b"neither here nor there"]) == kind


@pytest.mark.parametrize(
    "lines, kind",
    [
        (["__label__a\tsome text"], "fasttext"),
        (["some text __label__a"], "fasttext"),
        (["no label here", "__label__a text"], "fasttext"),
        (["", '{"text": "see __label__a b", "label": "x"}'], "jsonl"),
        (["a\tb, c"], "tsv"),
        (["a\tb", "c\td", "no tab"], "tsv"),
        (["text,label", "b,a"], "csv"),
        (['"Text", "Label"', "b,a"], "csv"),
        (["labels,text", "b,a"], "csv"),
    ],
)
def test_format_by_content(lines, kind):
    assert guess_format("data.txt", [line.encode() for line in lines]) == kind


@pytest.mark.parametrize(
    "lines",
    [["plain words"], ["some, words"], ["label"], ["a\tb", "c", "d"], ["\0\1\2"], ["{", "x"]],
)
def test_format_that_cannot_be_guessed(lines):
    with pytest.raises(InputError, match="the format is not recognised.*--format"):
        guess_format("data.txt", [line.encode() for line in lines])


def test_format_of_a_file_with_one_very_long_line():
    with pytest.raises(InputError, match="not recognised"):
        guess_format("data.txt", [b'"' + b"a, b " * 100_000])


def guess_format(path, lines, known=None):
    """Return the name of the format of a file that begins with some lines."""
    filled = [line for line in lines if line.strip()]
    return find_format(Reading(path, ReadOptions(), filled, known=known)).name


def bar_records(reading, lines):
    """Yield the records of lines ``text | label``."""
    for number, line in enumerate(lines, 1):
        text, _, label = line.rpartition(b"|")
        yield number, (label.decode().strip(),) if label.strip() else (), text.strip()


def bar_blocks(reading):
    """Return a parser of whole blocks, as compiled ones are: it turns lines into TSV."""

    def parse(block, state, docs, table):
        lines = [line.rpartition(b"|") for line in block.tobytes().splitlines()]
        if not all(bar for _, bar, _ in lines):
            return kernels.BAD_LINE
        tsv = b"".join(b"%s\t%s\n" % (label.strip(), text.strip()) for text, _, label in lines)
        tsv, mark = np.frombuffer(bytearray(tsv), np.uint8), np.empty(0, np.uint8)
        return kernels.read_tsv(tsv, False, mark, False, state, docs, table)

    return parse


@pytest.fixture(params=["records", "blocks"])
def bars(request, monkeypatch):
    """A format that the package does not know, by either kind of parser."""
    monkeypatch.setattr(FORMATS, "_records", {**FORMATS})
    parser = {"parse_records": bar_records} if request.param == "records" else {}
    new = Format(
        name="bars",
        lines="'text | name'",
        recognises=lambda reading: all(b" | " in line for line in reading.lines),
        endings=(".bars",),
        bad_line="no bar",
        **(parser or {"parse_blocks": bar_blocks}),
    )
    FORMATS.add(new)
    return new


BARS = "a late goal | sport\nhot soup | food\nthey won | sport\n"
BAR_ROWS = [("sport", "a late goal"), ("food", "hot soup"), ("sport", "they won")]


@pytest.mark.usefixtures("bars")
def test_a_format_from_outside_is_read_and_guessed(write):
    path = write(BARS)
    assert rows(path, format="bars") == rows(path) == BAR_ROWS
    assert guess_format("x.BARS.gz", [b"a b"]) == "bars"
    assert guess_format("x.BARS.gz", [b"a\tb"]) == "tsv"  # what the lines show is stronger
    reader = CorpusReader(path, ReadOptions("bars"))
    assert [text for chunk in reader for text in chunk.texts.to_list()] == [
        text for _, text in BAR_ROWS
    ]
    assert reader.names == ["sport", "food"]
    with pytest.raises(InputError, match=r"CSV with a header, JSON objects or 'text \| name' \("):
        guess_format("data.txt", [b"plain words"])
    with pytest.raises(ValueError, match="there is a format 'bars' already"):
        FORMATS.add(FORMATS["bars"])


@pytest.mark.usefixtures("bars")
def test_a_format_from_outside_on_the_command_line(write, tmp_path, capsys):
    model = str(tmp_path / "model")
    settings_ = ["--epochs", "1", "--dim", "4", "--bucket", "100"]
    assert app.main(["train", write(BARS), "-o", model, "--format", "bars", *settings_]) == 0
    capsys.readouterr()
    assert app.main(["test", model, write(BARS), "--format", "bars"]) == 0
    assert "n 3" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        app.main(["train", "--help"])
    assert f"{{auto,{','.join(labelled_formats())}}}" in capsys.readouterr().out


def test_a_bad_line_of_a_format_from_outside(write, bars):
    if bars.parse_blocks is not None:
        assert message(write("no label\n"), format="bars") == "FILE:1: no bar"
    else:
        assert "no line with a label" in message(write("no label\n"), format="bars")


def test_a_strict_format_is_asked_before_the_others(monkeypatch):
    lines = [b"{1 __label__a\tb}"]
    assert guess_format("data.txt", [*lines, b"c"]) == "fasttext"
    assert guess_format("data.txt", lines) == "jsonl"
    monkeypatch.setattr(FORMATS, "_records", {**FORMATS})
    FORMATS.remove("jsonl")
    assert guess_format("data.txt", lines) == "tsv"


def test_unknown_formats_are_refused():
    with pytest.raises(ValueError, match=f"one of auto, {', '.join(FORMATS)}; got 'xml'"):
        ReadOptions("xml")
    with pytest.raises(ValueError, match="no format can be called auto"):
        Format("auto", "", lambda reading: True, bar_records)
    with pytest.raises(ValueError, match="must have one parser"):
        Format("two", "", lambda reading: True, bar_records, bar_blocks)
    with pytest.raises(ValueError, match="must have one parser"):
        Format("none", "", lambda reading: True)


# -- fastText's lines ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "line, expected",
    [
        ("__label__a  two \t words ", ("a", "two \t words ")),
        (" __label__a  two \t words ", ("a", "two words")),
        ("__label__a\ttwo\x0bwords\r", ("a", "two\x0bwords")),
        ("__label__ two __label__b", ("b", "two")),
        ("two __label__a words", ("a", "two words")),
        ("two words __label__a", ("a", "two words")),
        ("__label__a __label__b text", ("a,b", "text")),
        ("__label__a __label__a text", ("a", "text")),
        ("__label__a, text", ("a,", "text")),
        ("__label__a\0text\0more", ("a", "text more")),
        ("__label__热 汤\u3000面", ("热", "汤\u3000面")),
        ("__label__a x__label__b", ("a", "x__label__b")),
        ("__label__ __label__a text", ("a", "text")),
    ],
)
def test_fasttext_line(write, line, expected):
    assert rows(write(line + "\n")) == [expected]


def test_custom_prefix(write):
    path = write("#a __label__x text\n#b more\n")
    assert rows(path, label_prefix="#") == [("a", "__label__x text"), ("b", "more")]


# -- tables ----------------------------------------------------------------------------------


def test_tsv_keeps_tabs_and_quotes_in_the_text(write):
    assert rows(write(' a \tone\ttwo "three\n', "x.tsv")) == [("a", 'one\ttwo "three')]


def test_csv_fields_with_newlines_commas_and_quotes(write):
    path = write('label,text\r\n"a,b","one,\r\ntwo ""x""\nthree"\r\nc,d\r\n', "x.csv")
    assert rows(path) == [("a,b", 'one, two "x" three'), ("c", "d")]


def test_csv_line_numbers_count_lines_in_quotes(write):
    path = write('label,text\na,"one\n\ntwo"\nb,\nc,d\n', "x.csv")
    assert read_corpus(path).skip_report() == [f"skipped 1 line without text (first: {path}:5)"]


def test_columns_by_name(write):
    path = write(" topic ,body,text\na,b,c\n", "x.csv")
    assert rows(path, label_column="topic", text_column="body") == [("a", "b")]
    path = write('{"topic": "a", "body": "b", "text": "c"}\n', "x.jsonl")
    assert rows(path, label_column="topic", text_column="body") == [("a", "b")]


@pytest.mark.parametrize("kind", ["tsv", "csv", "jsonl"])
def test_labels_joined_by_commas(write, kind):
    content = {
        "tsv": "a, b ,,a\tx\n",
        "csv": 'label,text\n"a, b ,,a",x\n',
        "jsonl": '{"label": "a, b ,,a", "text": "x"}\n',
    }[kind]
    path = write(content)
    assert read_corpus(path, ReadOptions(kind, multilabel=True)).label_rows == [("a", "b")]
    assert read_corpus(path, ReadOptions(kind)).label_rows == [("a, b ,,a",)]


@pytest.mark.parametrize(
    "label, expected",
    [
        (["a", "b"], ("a", "b")),
        (["a,b"], ("a,b",)),
        (["", " "], None),
        ([], None),
        ("", None),
        (None, None),
        (3, ("3",)),
        (2.5, ("2.5",)),
        (True, ("true",)),
        ([1, "x"], ("1", "x")),
        ("a\nb\r", ("a b",)),
        (["a\nb"], ("a b",)),
        ("\ud800", ("\ud800",)),
    ],
)
def test_json_labels(write, label, expected):
    lines = [{"label": label, "text": "x"}, {"label": "z", "text": "y"}]
    corpus = read_corpus(write("".join(json.dumps(line) + "\n" for line in lines)))
    assert corpus.label_rows == [row for row in (expected, ("z",)) if row]


def test_json_text_with_line_breaks_and_lone_surrogates(write):
    path = write('{"label": "a", "text": "one\\r\\ntwo \\ud83d\\u0000"}\n')
    assert rows(path) == [("a", "one  two \ud83d\0")]


@pytest.mark.parametrize(
    "kind, form",
    [
        ("fasttext", "__label__a {}\n"),
        ("tsv", "a\t{}\n"),
        ("csv", 'label,text\na,"{}"\n'),
        ("jsonl", '{{"label": "a", "text": "{}"}}\n'),
    ],
)
def test_very_long_line(write, kind, form):
    text = "word " * 100_000 + "end"
    assert rows(write(form.format(text)), format=kind) == [("a", text)]


# -- what is skipped -------------------------------------------------------------------------


def test_skipped_lines_are_counted_and_reported_once_for_each_reason(write):
    path = write("__label__a x\n\nno label\n__label__b\n  \nno label either\n__label__c \0\t\n")
    corpus = read_corpus(path)
    assert corpus.label_rows == [("a",)]
    assert corpus.skipped == {
        "that are empty": (2, f"{path}:2"),
        "without a label": (2, f"{path}:3"),
        "without text": (2, f"{path}:4"),
    }
    assert corpus.skip_report() == [
        f"skipped 2 lines that are empty (first: {path}:2)",
        f"skipped 2 lines without a label (first: {path}:3)",
        f"skipped 2 lines without text (first: {path}:4)",
    ]


def test_label_without_a_name_is_no_label(write):
    corpus = read_corpus(write("__label__ x\n__label__a y\n"))
    assert corpus.label_rows == [("a",)]
    assert "without a label" in corpus.skipped


@pytest.mark.parametrize(
    "kind, content",
    [
        ("tsv", "\tno label\nno text\t \n\na\tx\n"),
        ("csv", "label,text\n,no label\nno text, \n\na,x\n"),
        (
            "jsonl",
            '{"label": null, "text": "no label"}\n{"label": "no text", "text": null}\n\n'
            '{"label": "a", "text": "x"}\n',
        ),
    ],
)
def test_skipped_lines_of_tables(write, kind, content):
    corpus = read_corpus(write(content), ReadOptions(kind))
    assert (corpus.label_rows, corpus.texts.to_list()) == ([("a",)], ["x"])
    assert {reason: count for reason, (count, _) in corpus.skipped.items()} == {
        "without a label": 1,
        "without text": 1,
        "that are empty": 1,
    }


def test_nothing_skipped_nothing_reported(write):
    assert read_corpus(write(CONTENT["tsv"])).skip_report() == []


# -- files that cannot be read ---------------------------------------------------------------


@pytest.mark.parametrize("kind", ["auto", *CONTENT])
def test_empty_file(write, kind):
    assert message(write(""), format=kind) == "FILE: the file is empty"


@pytest.mark.parametrize("kind", ["auto", *CONTENT])
def test_file_of_empty_lines(write, kind):
    assert message(write("\n \r\n\n"), format=kind) == (
        "FILE: no line with a label and text (skipped 3 lines that are empty (first: FILE:1))"
    )


@pytest.mark.parametrize(
    "content, kind, reason",
    [
        ("words\n", "fasttext", "without a label (first: FILE:1)"),
        ("__label__a\n__label__b\n", "auto", "skipped 2 lines without text (first: FILE:1)"),
        ("\twords\n", "tsv", "without a label (first: FILE:1)"),
        ("label,text\n,words\n", "csv", "without a label (first: FILE:2)"),
        ('{"label": [], "text": "x"}\n', "jsonl", "without a label (first: FILE:1)"),
        ("label,text\n", "csv", "FILE: the file is empty"),
    ],
)
def test_file_with_nothing_to_use(write, content, kind, reason):
    assert reason in message(write(content), format=kind)


@pytest.mark.parametrize(
    "content, kind, expected",
    [
        ("a\tx\nno tab\n", "tsv", "FILE:2: no tab between label and text; expected label<TAB>text"),
        ("name,text\na,x\n", "csv", "FILE:1: no column 'label' in the header (name, text); "),
        ("\n\nname,label\n", "csv", "FILE:3: no column 'text' in the header "),
        ("label,text\na\n", "csv", "FILE:2: 1 column, the header has 2 "),
        ("label,text\na,b\na,b,c\n", "csv", "FILE:3: 3 columns, the header has 2"),
        ('label,text\na,"b\nc\n', "csv", "FILE:2: bad CSV: "),
        ('label,text\na,b\nc,"d"e\n', "csv", "FILE:3: bad CSV: "),
        ('{"label": "a", "text": "x"}\n{"label"\n', "jsonl", "FILE:2: bad JSON: "),
        ("[" * 200_000 + "\n", "jsonl", "FILE:1: bad JSON: "),
        ("[1]\n", "jsonl", "FILE:1: expected a JSON object, got list"),
        ('{"x": 1, "text": ""}\n', "jsonl", "FILE:1: no key 'label' (keys: x, text); "),
        ('{"label": 1}\n', "jsonl", "FILE:1: no key 'text' "),
        ('{"label": {}, "text": "x"}\n', "jsonl", "FILE:1: the label must be a string, "),
        ('{"label": [null], "text": "x"}\n', "jsonl", "FILE:1: the label must be a string, "),
        ('{"label": [["a"]], "text": "x"}\n', "jsonl", "FILE:1: the label must be a string, "),
        ('{"label": "a", "text": 1}\n', "jsonl", "FILE:1: the text must be a string, got int"),
        ("plain words\n", "auto", "FILE:1: the format is not recognised; "),
    ],
)
def test_bad_line(write, content, kind, expected):
    assert message(write(content), format=kind).startswith(expected)


def test_messages_say_what_to_do(write):
    assert "--text-column" in message(write("label,x\n"), format="csv")
    assert "--label-column" in message(write("text,x\n"), format="csv")
    assert "--label-column" in message(write('{"x": 1}\n'), format="jsonl")
    assert "in quotes" in message(write("label,text\na,b,c\n"), format="csv")
    assert "--format" in message(write("plain words\n"))


@pytest.mark.parametrize("kind", CONTENT)
def test_bytes_that_are_no_utf8(write, kind):
    lines = CONTENT[kind].encode().split(b"\n")
    lines[2] = lines[2][:3] + "汉".encode("gb18030") + lines[2][3:]
    where = "FILE:3: not UTF-8 (byte 0xba at column 4); "
    assert message(write(b"\n".join(lines)), format=kind).startswith(where)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
@pytest.mark.parametrize("kind", CONTENT)
def test_byte_order_marks_are_obeyed(write, kind, encoding):
    mark = "" if encoding in ("utf-8-sig", "utf-16", "utf-32") else "\ufeff"
    path = write((mark + CONTENT[kind]).encode(encoding))
    assert rows(path) == rows(write(CONTENT[kind], "utf8.txt"))


def test_truncated_gzip(write):
    data = gzip.compress("".join(f"a\t{i * 7919}\n" for i in range(5000)).encode())
    found = message(write(data[:-2000], "x.tsv.gz"))
    assert re.match(r"FILE:\d+: cannot read on: ", found)
    assert int(found.split(":")[1]) > 100


def test_damaged_gzip(write):
    data = bytearray(gzip.compress(CONTENT["tsv"].encode()))
    data[-6] ^= 1
    assert "cannot read on" in message(write(bytes(data), "x.tsv.gz"))


def test_gzip_with_rubbish_at_the_end(write):
    data = gzip.compress(CONTENT["tsv"].encode()) + b"rubbish"
    assert "cannot read on" in message(write(data, "x.tsv.gz"))


def test_missing_file(tmp_path):
    assert message(str(tmp_path / "none.tsv")) == "FILE: no such file or directory"


def test_folder_instead_of_a_file(tmp_path):
    advice = "name a file in it; where several are read, 'FILE/*' stands for all"
    assert message(str(tmp_path)) == f"FILE: is a directory: {advice}"
    with pytest.raises(InputError, match="is a directory"):
        list(read_texts(str(tmp_path)))


def test_file_below_a_file(write):
    assert message(write("") + "/x") == "FILE: not a directory"


def test_errors_of_stdin_have_its_name(feed, monkeypatch):
    feed(b"a\tx\n\xff\ty\n")
    with pytest.raises(InputError, match=r"^<stdin>:2: not UTF-8"):
        read_corpus("-", ReadOptions("tsv"))
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(InputError, match="^<stdin>: standard input is closed"):
        read_corpus("-")


def test_stdin_stays_open(feed):
    feed(CONTENT["tsv"].encode())
    assert len(read_corpus("-").texts) == 3
    assert not sys.stdin.buffer.closed


def test_lines_are_cut_at_newlines_alone(write):
    path = write("a\x0bb\x0cc\x85d\u2028e\rf\r\n\ng\r")
    lines = [line for block in iter_blocks(path, 100) for line in split_lines(block)]
    assert [line.decode() for line in lines] == ["a\x0bb\x0cc\x85d\u2028e\rf", "", "g\r"]


# -- sequences -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "documents",
    [
        ["a b", "", "热汤"],
        ("a b", "", "热汤"),
        (text for text in ["a b", "", "热汤"]),
        np.array(["a b", "", "热汤"]),
        np.array(["a b", "", "热汤"], object),
        pd.Series(["a b", "", "热汤"], index=[7, 8, 9]),
    ],
    ids=lambda documents: type(documents).__name__,
)
def test_texts_of_sequences(documents):
    texts = Texts.from_sequence(documents)
    assert texts.to_list() == ["a b", "", "热汤"]
    assert texts.offsets.tolist() == [0, 3, 3, 9]
    assert (texts.buffer.dtype, texts.offsets.dtype) == (np.uint8, np.int64)
    assert texts.token_ends is None


def test_texts_of_nothing():
    texts = Texts.from_sequence([])
    assert (len(texts), texts.to_list()) == (0, [])


def test_lone_surrogates_survive():
    assert Texts.from_sequence(["a\ud800b"]).to_list() == ["a\ud800b"]


@pytest.mark.parametrize("items", [[["a", "", "热"], [], ["b"]], [("a", "热"), (), ("b",)]])
def test_texts_of_token_lists(items):
    texts = Texts.from_sequence(items)
    assert texts.to_list() == ["a热", "", "b"]
    assert texts.token_ends.tolist() == [1, 4, 5]


@pytest.mark.parametrize(
    "documents, expected",
    [
        ("one text", "got one text: put it in a list"),
        (b"one text", "got one text: put it in a list"),
        (None, "expected a list of texts, got NoneType"),
        (3, "expected a list of texts, got int"),
        ({"a": 1}, "expected a list of texts, got dict"),
        ({"a"}, "expected a list of texts, got set"),
        ({"a": 1}.keys(), "expected a list of texts, got dict_keys"),
        (["a", None], "text at position 1 must be str, got NoneType"),
        (["a", float("nan")], r"text at position 1 must be str, got float \(nan\)"),
        (["a", b"b"], r"text at position 1 must be str, got bytes \(b'b'\)"),
        ([1], r"text at position 0 must be str, got int \(1\)"),
        (["a", ["b"]], "text at position 1 must be str, got list"),
        ([["a"], ["b", 2]], r"tokens of the text at position 1 must be str, got int \(2\)"),
        (np.array([["a", "b"]]), r"got ndarray of shape \(1, 2\)"),
        (np.array("a"), r"got ndarray of shape \(\)"),
        (pd.DataFrame({"x": ["a"]}), r"got DataFrame of shape \(1, 1\)"),
        (pd.Series(["a", None], dtype=object), "text at position 1 must be str, got NoneType"),
    ],
)
def test_sequences_that_are_refused(documents, expected):
    with pytest.raises(TypeError, match=expected):
        Texts.from_sequence(documents)


DOCUMENTS = ["", "ab", "", "热汤", "c", ""]
TOKENS = [[], ["a", "b"], [], ["热", "汤"], ["c"], []]


@pytest.mark.parametrize("items", [DOCUMENTS, TOKENS], ids=["texts", "tokens"])
def test_slice_and_take(items):
    texts = Texts.from_sequence(items)
    for first in range(len(items) + 1):
        for last in range(first, len(items) + 1):
            check_same(texts.slice(first, last), Texts.from_sequence(items[first:last]), items)
            chosen = np.arange(first, last)[::-1]
            wanted = Texts.from_sequence([items[i] for i in chosen])
            check_same(texts.take(chosen), wanted, items)
    check_same(texts.take(np.array([3, 3])), Texts.from_sequence([items[3]] * 2), items)


def check_same(found, expected, items):
    assert found.to_list() == expected.to_list()
    assert found.offsets.tolist() == expected.offsets.tolist()
    if items is DOCUMENTS:
        assert found.token_ends is None
    elif len(expected):  # an empty list has no tokens to tell it from a list of texts
        assert found.token_ends.tolist() == expected.token_ends.tolist()


# -- labels ----------------------------------------------------------------------------------


def test_labels_are_numbered_by_frequency_then_first_occurrence():
    labels = Labels.from_rows([("b",), ("a", "c"), ("c",), ("d",)])
    assert labels.names == ["c", "b", "a", "d"]
    assert labels.ids.tolist() == [1, 2, 0, 0, 3]
    assert labels.indptr.tolist() == [0, 1, 3, 4, 5]
    assert labels.counts().tolist() == [2, 1, 1, 1]
    assert (len(labels), labels.is_multilabel) == (4, True)


def test_labels_by_given_names():
    labels = Labels.from_rows([("b",), ("x",), ("a",)], ["a", "b", "z"])
    assert labels.ids.tolist() == [1, -1, 0]
    assert labels.counts().tolist() == [1, 1, 0]
    assert not labels.is_multilabel


def test_a_row_without_a_label_makes_labels_multilabel():
    assert Labels.from_rows([("a",), ()]).is_multilabel
    assert len(Labels.from_rows([])) == 0


def test_labels_renamed():
    labels = Labels.from_rows([("b", "a"), ("x",), (), ("a",)], ["a", "b", "z"])
    found = labels.renamed(["z", "b"])
    assert (found.ids.tolist(), found.names) == ([1, -1, -1, -1], ["z", "b"])
    assert found.ids.dtype == np.int32 and found.indptr.tolist() == [0, 2, 3, 3, 4]
    assert labels.renamed([]).ids.tolist() == [-1] * 4


def test_labels_by_frequency_leave_out_what_does_not_occur():
    labels = Labels.from_rows([("b",), ("c", "a"), ("c",), ("x",)], ["z", "a", "b", "c"])
    found = labels.by_frequency()
    assert found.names == ["c", "a", "b"] and found.ids.tolist() == [2, 0, 1, 0, -1]


def test_rows_of_labels():
    labels = Labels.from_rows([("b", "a"), (), ("x", "a")], ["a", "b"])
    assert labels.rows() == [("b", "a"), (), ("a",)]
    assert labels.used() == ["a", "b"]
    assert labels.take(np.array([2, 0, 0])).rows() == [("a",), ("b", "a"), ("b", "a")]
    assert labels.take(np.array([], int)).rows() == []


def test_labels_without_repeats():
    rows = [("b", "a", "b"), (), ("a",), ("a", "a"), ("c", "b")]
    labels = Labels.from_rows(rows)
    assert labels.without_repeats().rows() == [tuple(dict.fromkeys(row)) for row in rows]
    single = Labels.from_rows([("a",), ("b",)])
    assert single.without_repeats() is single


# -- unlabelled text -------------------------------------------------------------------------

HARD = [
    b"\xef\xbb\xbffirst",
    b"",
    "热汤面".encode(),
    b"cr at the end\r",
    b"\xff\xfe bad \xe7\x83",
    b"nul \0 inside",
    b"a\rb\x0bc\x0cd\xc2\x85e\xe2\x80\xa8f",
    "😀 emoji".encode(),
    b"\r",
    b"\xef\xbb\xbf not at the start",
    b"__label__a is text here",
    b"last",
]
CLEAN = [
    "first",
    "",
    "热汤面",
    "cr at the end",
    "\ufffd\ufffd bad \ufffd",
    "nul \0 inside",
    "a\rb\x0bc\x0cd\x85e\u2028f",
    "😀 emoji",
    "",
    "\ufeff not at the start",
    "__label__a is text here",
    "last",
]


def read_texts(path, chunk_bytes=1 << 20, drop_prefix=""):
    """Yield the texts of a file of plain text."""
    options = ReadOptions("text", label_prefix=drop_prefix)
    for chunk in CorpusReader(path, options, chunk_bytes, known=()):
        assert chunk.ids.size == 0 and not chunk.indptr.any()
        yield chunk.texts


def lines_of(path, *arguments, **options):
    return [text for texts in read_texts(path, *arguments, **options) for text in texts.to_list()]


@pytest.mark.parametrize("chunk_bytes", [1, 2, 3, 5, 7, 64, 1 << 20])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("compress", [False, True])
def test_every_line_is_read_once(write, chunk_bytes, end, compress):
    data = b"\n".join(HARD) + end
    path = write(gzip.compress(data) if compress else data)
    assert lines_of(path, chunk_bytes) == CLEAN


@settings(max_examples=200, deadline=None)
@given(st.lists(st.binary(max_size=6)), st.integers(1, 9), st.sampled_from([b"\n", b"\r\n"]))
def test_lines_of_any_bytes(tmp_path_factory, pieces, chunk_bytes, newline):
    data = newline.join(pieces)
    assume(reference.is_plain(data))
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    expected = data.removeprefix(b"\xef\xbb\xbf").split(b"\n") if data else []
    if expected and not expected[-1]:
        del expected[-1]  # the end of the last line, not the start of another
    assert lines_of(str(path), chunk_bytes) == [
        line.removesuffix(b"\r").decode("utf-8", "replace") for line in expected
    ]


@pytest.mark.parametrize(
    "data, expected",
    [
        (b"", []),
        (b"\xef\xbb\xbf", []),
        (b"\n", [""]),
        (b"\r\n", [""]),
        (b"\n\n", ["", ""]),
        (b"a", ["a"]),
        (b"a\n", ["a"]),
        (b"\xef\xbb\xbf\n", [""]),
    ],
)
@pytest.mark.parametrize("chunk_bytes", [1, 100])
def test_small_files(write, data, expected, chunk_bytes):
    assert lines_of(write(data), chunk_bytes) == expected


def test_texts_of_stdin(feed):
    feed(b"one\ntwo")
    assert lines_of("-") == ["one", "two"]


def test_a_line_is_there_before_the_next_is_written(monkeypatch):
    class Slow(io.RawIOBase):
        """Gives one piece for each read, as a pipe does."""

        def __init__(self):
            self.n_read = 0

        def readable(self):
            return True

        def readinto(self, space):
            piece = (b"a\n", b"b", b"c\nd\n", b"")[self.n_read]
            self.n_read += 1
            space[: len(piece)] = piece
            return len(piece)

    slow = Slow()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(slow)))
    found = [(texts.to_list(), slow.n_read) for texts in read_texts("-")]
    assert found == [(["a"], 1), (["bc", "d"], 3)]


def test_very_long_line_of_text(write):
    text = "词 " * 500_000
    assert lines_of(write(f"{text}\nend\n"), 1000) == [text, "end"]


def test_damaged_gzip_of_texts(write):
    data = gzip.compress(b"".join(b"%d\n" % (i * 7919) for i in range(5000)))
    path = write(data[:-2000])
    with pytest.raises(InputError, match="cannot read on"):
        lines_of(path)


@pytest.mark.parametrize(
    "line, expected",
    [
        ("__label__a  two  words", "two  words"),
        ("two __label__a\0__label__b\twords", "two words"),
        ("\t__label__a\rtwo __label__b", "\ttwo "),
        ("__label____label__a two", "two"),
        ("__label__a ", ""),
        ("__label__a", ""),
        ("__label__", ""),
        ("two  words ", "two  words "),
        ("x__label__a  y", "x__label__a  y"),
        ("__label_a __label__", "__label_a "),
        ("热__label__热 汤", "热__label__热 汤"),
    ],
)
def test_labels_can_be_dropped(write, line, expected):
    path = write(line + "\nnext")
    assert lines_of(path, drop_prefix="__label__") == [expected, "next"]
    assert lines_of(path) == [line, "next"]


def test_a_labelled_file_gives_the_same_texts_both_ways(write):
    path = write(
        "__label__a  one\ttwo \n热 __label__b 汤\r\n__label__c x __label__d\n"
        "\0__label__c\0x\0y__label__z\n__label__ __label__a\x0bb\n"
    )
    one, other = lines_of(path, drop_prefix="__label__"), read_corpus(path).texts.to_list()
    assert [text.replace("\0", " ").split() for text in one] == [text.split() for text in other]
    assert len(one) == 5


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(["__label__", "a", "热", " ", "\t", "\0", "\r", "\n"])))
def test_labels_are_dropped_as_tokens(tmp_path_factory, pieces):
    path = tmp_path_factory.getbasetemp() / "labels.txt"
    data = "".join(pieces).encode()
    path.write_bytes(data)
    found = [text.encode() for text in lines_of(str(path), 2, drop_prefix="__label__")]
    lines = data.split(b"\n")
    expected = [
        [token for token in line.replace(b"\0", b" ").split() if not token.startswith(b"__label__")]
        for line in (lines if lines[-1] else lines[:-1])
    ]
    assert [line.replace(b"\0", b" ").split() for line in found] == expected
