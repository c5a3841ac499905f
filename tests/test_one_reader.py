"""One reader for all commands: the same file gives the same texts and labels in each of them."""

import bz2
import csv
import gzip
import io
import json
import lzma
import os
import re
import tarfile
import threading
import time

import numpy as np
import pytest
import zstandard

from fasttext_lite import FastTextClassifier, load
from fasttext_lite.cli import app
from fasttext_lite.corpus import compression
from fasttext_lite.corpus.encodings import looks_like
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.headers import find_header
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.corpus.signs import SIGNS
from fasttext_lite.corpus.structure import LabelCounts, label_fault
from fasttext_lite.errors import InputError
from fasttext_lite.model.storage import load_model

ROWS = [
    ("sport", "goal match team"), ("money", "bank rate loan"), ("food", "soup bread oven"),
    ("sport", "coach league, race"), ("money", "stock fund tax"), ("food", "热汤 面条"),
    ("sport", "medal score"), ("money", "cash price"), ("food", "salt, pepper"),
]  # fmt: skip
LABELS, TEXTS = [label for label, _ in ROWS], [text for _, text in ROWS]
QUICK = ("--epochs", "20", "--recipe", "fixed", "--maxn", "0", "-q")


def table(delimiter, header=("label", "text"), rows=ROWS):
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
    writer.writerows([header, *rows] if header else rows)
    return out.getvalue()


# The same labelled texts in every form that is read without a flag.
FORMS = {
    "fasttext": "".join(f"__label__{a} {b}\n" for a, b in ROWS),
    "fasttext with a tab": "".join(f"__label__{a}\t{b}\n" for a, b in ROWS),
    "fasttext, label behind": "".join(f"{b} __label__{a}\n" for a, b in ROWS),
    "tsv": "".join(f"{a}\t{b}\n" for a, b in ROWS),
    "tsv with a header": "label\ttext\n" + "".join(f"{a}\t{b}\n" for a, b in ROWS),
    "tsv with an index": "\tlabel\ttext\n" + "".join(
        f"{i}\t{a}\t{b}\n" for i, (a, b) in enumerate(ROWS)
    ),
    "csv": table(","),
    "csv, columns the other way": table(",", ("text", "label"), [(b, a) for a, b in ROWS]),
    "csv with an index": table(
        ",", ("", "label", "text"), [(i, *row) for i, row in enumerate(ROWS)]
    ),
    "csv with prefixes": table(",", rows=[(f"__label__{a}", b) for a, b in ROWS]),
    "csv of semicolons": table(";"),
    "csv of bars": table("|"),
    "csv in capitals": table(",", ("Label", "TEXT")),
    "jsonl": "".join(json.dumps({"text": b, "label": a}) + "\n" for a, b in ROWS),
    "jsonl with prefixes": "".join(
        json.dumps({"text": b, "label": f"__label__{a}"}, ensure_ascii=False) + "\n"
        for a, b in ROWS
    ),
}  # fmt: skip
NAMES = ("data.txt", "data.tsv", "data.csv", "data.jsonl", "data")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A model that knows the rows by heart."""
    path = tmp_path_factory.mktemp("reader") / "m.ftl"
    FastTextClassifier(epochs=20, recipe="fixed", random_state=0).fit(TEXTS, LABELS).save(path)
    return str(path)


@pytest.fixture
def run(capfd):
    """Return a function that runs a command and returns code, stdout and stderr."""

    def run(*words):
        capfd.readouterr()
        try:
            code = app.main([str(word) for word in words])
        except SystemExit as exit_:
            code = exit_.code
        return code, *capfd.readouterr()

    return run


def good(run, *words):
    code, out, err = run(*words)
    assert code == 0, err
    return out


# -- formats ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_content_decides_whatever_the_name(write, form, name):
    corpus = read_corpus(write(FORMS[form], name))
    assert corpus.label_rows == [(label,) for label in LABELS]
    assert corpus.texts.to_list() == TEXTS
    assert corpus.skipped == {}


@pytest.mark.parametrize("form", FORMS)
def test_every_command_reads_the_same(run, write, model, tmp_path, form):
    path = write(FORMS[form])
    good(run, "train", path, "-o", tmp_path / "own.ftl", *QUICK)
    assert sorted(load_model(tmp_path / "own.ftl").labels) == sorted(set(LABELS))
    assert "n 9  accuracy 1.0000" in good(run, "test", model, path)
    assert good(run, "predict", model, path).splitlines() == LABELS
    embedded = good(run, "embed", model, path)
    plain = good(run, "embed", model, write("".join(f"{text}\n" for text in TEXTS), "plain.txt"))
    assert embedded == plain
    out = good(
        run, "tune", path, "-o", tmp_path / "t.ftl", "--trials", 1, "--time", 20, "--valid", path,
        "--seed", 1, "-q",
    )  # fmt: skip
    assert f"on {path}" in out
    out = good(run, "quantize", model, "-o", tmp_path / "q.ftl", "--retrain", path, "--test", path)
    assert out.count("n 9") == 2


@pytest.mark.parametrize("form", FORMS)
def test_a_stream_is_read_as_a_file_is(run, write, feed, model, form):
    feed(FORMS[form])
    assert good(run, "predict", model, "-").splitlines() == LABELS
    feed(FORMS[form])
    assert "n 9  accuracy 1.0000" in good(run, "test", model, "-")


@pytest.mark.parametrize("form", [form for form in FORMS if form != "fasttext, label behind"])
def test_a_map_is_coloured_by_label(run, write, model, tmp_path, monkeypatch, form):
    seen = []
    from fasttext_lite.evaluation import maps

    draw = maps.map_documents

    def look(model, chunks, *rest, **more):
        chunks = list(chunks)
        seen.extend(group for _, groups in chunks for group in groups)
        return draw(model, chunks, *rest, **more)

    monkeypatch.setattr(maps, "map_documents", look)
    good(run, "embed", model, write(FORMS[form]), "--plot", tmp_path / "map.png")
    assert seen == LABELS


PLAIN = {
    "words": "goal match team\nbank rate loan\n\nsoup bread oven\n",
    "tabs of another meaning": "goal\tmatch team\nbank\trate loan\nsoup\tbread oven\n",
    "commas": "goal, match, team\nbank, rate loan\nsoup, bread oven\n",
    "a text about labels": "the label, text and all\ngoal, match\nbank rate\n",
    "braces": "{goal} match\n{bank rate\n",
    "one word": "text\ngoal match\n",
    "quotes": '"goal match\nbank" rate\n',
    "a comma each": "Text, please\nHello, world\nYes, sir\n",
    "a semicolon each": "Text; me\nhow; why\n",
    "bars": "x | y\n1 | 2\n",
    "a name and a number": "Review | 5\nA | 3\n",
    "names with spaces": "content; language\nfoo; bar\nbaz; qux\n",
    "names of columns in a sentence": "text, label\nhello you\n",
    "one line": "Text, STOP\n",
    "a bracket": "[goal] match\n[bank\n",
}


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("streamed", [False, True])
def test_plain_lines_stay_plain(run, write, feed, model, kind, streamed):
    path = write(PLAIN[kind], "texts.txt")
    if streamed:
        feed(PLAIN[kind])
    code, out, err = run("predict", model, "-" if streamed else path, "--json")
    assert code == 0
    assert len(out.splitlines()) == PLAIN[kind].count("\n")
    reader = CorpusReader(path, known=set(LABELS))
    assert [t for chunk in reader for t in chunk.texts.to_list()] == PLAIN[kind].splitlines()
    assert ("tabs" in err) == (kind == "tabs of another meaning")


def test_what_looks_labelled_and_is_read_as_text_is_said(run, write, feed, model):
    lines = table(",", header=None)
    for path in (write(lines, "x.txt"), "-"):
        feed(lines)
        code, out, err = run("predict", model, path)
        assert (code, len(out.splitlines()), len(err.splitlines())) == (0, 9, 1)
        assert "--columns label,text reads them" in err
    out = good(run, "predict", model, write(lines, "x.txt"), "--columns", "label,text")
    assert out.splitlines() == LABELS


def test_each_record_has_one_answer(run, write, model):
    data = {
        "records.csv": 'label,text\nsport,"goal\nmatch"\n\nmoney,\n,bank\n',
        "records.jsonl": '{"text": "goal\\nmatch"}\n\n{"text": null}\n{"text": "bank"}\n',
        "lines.tsv": "sport\tgoal match\nmoney\t\n\tbank\n",
        "lines.txt": "__label__sport goal match\n__label__money\nbank\n",
    }  # fmt: skip
    for name, content in data.items():
        out = good(run, "predict", model, write(content, name), "--json")
        known = [json.loads(line)["n_features"] > 0 for line in out.splitlines()]
        assert known == [True, False, True], name


def test_a_table_of_texts_alone(run, write, model):
    path = write("id,text,more\n1,goal match,x\n2,bank rate,y\n3,soup bread,z\n", "t.csv")
    assert good(run, "predict", model, path).splitlines() == ["sport", "money", "food"]
    path = write("text\ngoal match\n", "one.csv")
    assert good(run, "predict", model, path).splitlines() == ["sport"]


def test_an_answer_comes_before_the_next_record_is_written(monkeypatch):
    pieces = [b"label,text\n", b'sport,"goal\n', b'match"\nmoney,bank\nfood,so', b"up\n", b""]
    n_read = 0

    class Slow(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, space):
            nonlocal n_read
            piece = pieces[n_read]
            n_read += 1
            space[: len(piece)] = piece
            return len(piece)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Slow())))
    seen = [(c.texts.to_list(), n_read) for c in CorpusReader("-", known=["sport"]) if len(c)]
    assert seen == [(["goal match", "bank"], 3), (["soup"], 4)]


# -- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flags", "content"),
    [
        (["--columns", "label,text"], table(",", header=None)),
        (["--columns", "text,label"], table(",", None, [(b, a) for a, b in ROWS])),
        (
            ["--columns", "id,label,text"],
            "".join(f"{i}\t{a}\t{b}\n" for i, (a, b) in enumerate(ROWS)),
        ),
        (["--columns", "text,label"], "".join(f"{b}\t{a}\n" for a, b in ROWS)),
        (["--columns", "label,text", "--format", "tsv"], FORMS["tsv"]),
        (["--delimiter", "semicolon"], table(";")),
        (["--delimiter", "^"], table("^")),
        (["--delimiter", "^", "--columns", "label,text"], table("^", header=None)),
        (["--label-column", "topic", "--text-column", "body"], table(",", ("topic", "body"))),
        (["--label-column", "topic", "--text-column", "body"], table("\t", ("topic", "body"))),
        (["--label-prefix", "#"], FORMS["fasttext"].replace("__label__", "#")),
        (["--label-prefix", "#"], table(",", rows=[(f"#{a}", b) for a, b in ROWS])),
        (["--encoding", "gb18030"], FORMS["tsv"].encode("gb18030")),
        (["--encoding", "utf-16-le"], FORMS["csv"].encode("utf-16-le")),
        (["--encoding", "UTF-8"], FORMS["csv"].encode("utf-8-sig")),
    ],
)  # fmt: skip
def test_flags_of_reading(run, write, model, flags, content):
    path = write(content)
    assert "n 9  accuracy 1.0000" in good(run, "test", model, path, *flags)
    printed = [
        label.removeprefix("#") for label in good(run, "predict", model, path, *flags).split()
    ]
    assert printed == LABELS


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--delimiter", "ab"], "delimiter must be one character, or one of comma, tab"),
        (["--columns", "label,body"], "'text' among them"),
        (["--columns", "text,text"], "columns must be different names"),
        (["--encoding", "klingon"], "one that Python knows, such as utf-8"),
        (["--encoding", "rot13"], "one that Python knows"),
        (["--encoding", "ascii"], "FILE:7: not ascii (byte 0xe7)"),
        (["--encoding", "utf-16"], "no byte order mark: name utf-16-le or utf-16-be"),
        (["--format", "xml"], "must be one of auto, fasttext"),
    ],
)
def test_bad_flags_of_reading(run, write, model, flags, message):
    path = write(FORMS["csv"])
    code, out, err = run("test", model, path, *flags)
    assert (code, out) == (2, "")
    assert message in err.replace(path, "FILE") and len(err.splitlines()) == 1


@pytest.mark.parametrize("kind", ["fasttext", "tsv"])
@pytest.mark.parametrize("flag", ["--text-column", "--label-column", "--delimiter"])
def test_flags_of_reading_without_effect_are_said(run, write, model, kind, flag):
    code, _, err = run("test", model, write(FORMS[kind]), flag, "x", "--format", kind)
    assert code == 0
    assert err.endswith(f"{flag} has no effect on the format {kind}\n")


# -- packed files ----------------------------------------------------------------------------

PACKERS = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "zstd in frames": lambda data: b"".join(
        zstandard.ZstdCompressor().compress(data[i : i + 50]) for i in range(0, len(data), 50)
    ),
    "bzip2": bz2.compress,
    "bzip2 -1": lambda data: bz2.compress(data, 1),
    "xz": lzma.compress,
}


@pytest.mark.parametrize("name", ["data.tsv", "data.tsv.gz", "data"])
@pytest.mark.parametrize("packed", PACKERS)
def test_packed_files_are_recognised_by_content(run, write, feed, model, packed, name):
    data = PACKERS[packed](FORMS["tsv"].encode())
    path = write(data, name)
    assert "n 9  accuracy 1.0000" in good(run, "test", model, path)
    assert good(run, "predict", model, path).splitlines() == LABELS
    feed(data)
    assert good(run, "predict", model, "-").splitlines() == LABELS


@pytest.mark.parametrize("sign", ["BZh", "BZh9", "BZh91AY", "BZh01AY&SY"])
def test_a_text_that_begins_as_packed_files_do(run, write, model, sign):
    path = write(f"{sign} goal match\nbank rate\n")
    assert good(run, "predict", model, path).splitlines() == ["sport", "money"]


@pytest.mark.parametrize("level", range(1, 10))
def test_an_empty_file_that_bzip2_packed(run, write, model, level):
    assert good(run, "predict", model, write(bz2.compress(b"", level))) == ""


@pytest.mark.parametrize("packed", PACKERS)
def test_fasttexts_commands_read_packed_files(run, write, tmp_path, packed):
    path = write(PACKERS[packed](FORMS["fasttext"].encode()))
    stem = str(tmp_path / "m")
    words = ["supervised", "-input", path, "-output", stem, "-bucket", "10", "-epoch", "50"]
    good(run, *words, "-dim", "8", "-lr", "1", "-verbose", "0")
    out = good(run, "predict", f"{stem}.bin", path)
    assert out.split() == [f"__label__{label}" for label in LABELS]


@pytest.mark.parametrize("packed", [each for each in PACKERS if each != "zstd in frames"])
def test_damaged_packed_files(write, packed):
    data = PACKERS[packed]("".join(f"a\t{i * 7919}\n" for i in range(20_000)).encode())
    with pytest.raises(InputError, match=r"data\.txt:\d+: cannot read on: "):
        read_corpus(write(data[: len(data) // 2]))


def test_without_the_library_of_a_packed_file(write, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(
        InputError, match=r"packed with zstd: unpack it with unzstd, or pip install"
    ):
        read_corpus(write(PACKERS["zstd"](b"a\tb\n")))


def test_each_sign_has_its_advice():
    assert set(compression.NO_TEXT) == set(SIGNS)


@pytest.mark.parametrize("name", SIGNS)
def test_what_is_no_text_is_named(write, name):
    starts = SIGNS[name].starts or {
        "tar": (bytes(257) + b"ustar",), "ours": (b"\x10" + bytes(7) + b'{"a": {}}',)
    }[name]  # fmt: skip
    for start in starts:
        with pytest.raises(InputError, match="data.txt: not text but a"):
            read_corpus(write(start + bytes(600)))
        with pytest.raises(InputError, match="data.txt: not text but a"):
            read_corpus(write(gzip.compress(start + bytes(600))))


# -- encodings -------------------------------------------------------------------------------

ZH = "体育\t球队在主场赢得了比赛，球迷们非常高兴。\n财经\t央行下调存款利率，股市上涨。\n"
HANT = "體育\t球隊在主場贏得了比賽，球迷們非常高興。\n財經\t央行下調存款利率，這對股市是好消息。\n"
JA = (
    "スポーツ\tチームは試合に勝って、ファンはとても喜んだ。\n経済\t金利が下がり、株価が上がった。\n"
)
KO = (
    "스포츠\t우리 팀이 경기에서 이겨서 팬들이 아주 기뻐했다.\n"
    "경제\t금리가 내려가고 주가가 올랐다.\n"
)
WEST = (
    "café\tLe café était très bon, mais où est passée l'équipe ?\nhôtel\tDas Frühstück war schön.\n"
)
RU = "спорт\tКоманда выиграла матч, и все были рады.\nденьги\tСтавка снова выросла.\n"
PL = "ćwiczenia\tDrużyna wygrała mecz, a kibice byli szczęśliwi.\nżużel\tŁódź płynęła w górę.\n"
EL = "αθλητικά\tΗ ομάδα κέρδισε τον αγώνα.\nοικονομία\tΗ τιμή είναι πολύ ψηλή σήμερα.\n"
HE = "ספורט\tהקבוצה ניצחה במשחק והאוהדים היו שמחים מאוד.\nכלכלה\tהמחיר גבוה מדי היום.\n"
AR = "رياضة\tفاز الفريق في المباراة وكان المشجعون سعداء جدا\nاقتصاد\tالسعر مرتفع جدا اليوم\n"
TH = "กีฬา\tทีมชนะการแข่งขันและแฟน ๆ ดีใจมาก\nการเงิน\tราคาแพงเกินไปสำหรับฉัน\n"
SAMPLES = {
    "cp1250": PL, "cp1253": EL, "cp1255": HE, "cp1256": AR, "cp874": TH,
    "cp950": HANT + "體育\t這裡的風景很美，我們在這裏住了三天。\n",
    "cp949": KO + "스포츠\t그 펲은 정말 좋았다.\n",
    "gb18030": ZH, "big5": HANT, "shift_jis": JA, "euc_jp": JA, "euc_kr": KO, "cp1252": WEST,
    "cp1251": RU, "utf-16-le": ZH, "utf-16-be": ZH,
}  # fmt: skip


@pytest.mark.parametrize("encoding", SAMPLES)
def test_the_hint_looks_at_the_bytes(run, write, model, tmp_path, encoding):
    path = write(SAMPLES[encoding].encode(encoding))
    assert looks_like(SAMPLES[encoding].encode(encoding)) == encoding
    commands = {
        "train": ["train", path, "-o", tmp_path / "x.ftl"],
        "test": ["test", model, path],
        "tune": ["tune", path, "-o", tmp_path / "x.ftl"],
    }
    for words in commands.values():
        code, out, err = run(*words)
        assert (code, out) == (2, "")
        assert err.startswith(f"fasttext-lite: {path}:1: ")
        assert err.endswith(f"read it with --encoding {encoding}\n")
        assert len(err.splitlines()) == 1
    lines = [line.split("\t") for line in SAMPLES[encoding].splitlines()]
    for content in (
        table(",", rows=lines),
        "".join(json.dumps({"label": a, "text": b}, ensure_ascii=False) + "\n" for a, b in lines),
    ):
        with pytest.raises(InputError, match=f"--encoding {encoding}$"):
            read_corpus(write(content.encode(encoding), "other"))
    corpus = read_corpus(path, ReadOptions(encoding=encoding))
    assert corpus.texts.to_list() == [
        line.split("\t")[1] for line in SAMPLES[encoding].splitlines()
    ]


@pytest.mark.parametrize("encoding", [e for e in SAMPLES if not e.startswith("utf")])
@pytest.mark.parametrize("command", ["predict", "embed"])
def test_who_must_answer_says_it_once(run, write, feed, model, command, encoding):
    lines = ["fine", "fine", *SAMPLES[encoding].splitlines()]
    data = "".join(f"{line}\n" for line in lines).encode(encoding)
    for path in (write(data), "-"):
        feed(data)
        code, out, err = run(command, model, path)
        assert (code, len(out.splitlines())) == (0, len(lines))
        where = "<stdin>" if path == "-" else path
        said = [line for line in err.splitlines() if "U+FFFD" in line]
        assert len(said) == 1
        assert said[0].startswith(
            f"fasttext-lite: {len(lines) - 2} lines read with U+FFFD in place of what is no"
        )
        assert f"the first is {where}:3: not UTF-8" in said[0]
        assert said[0].endswith(f"--encoding {encoding}")


@pytest.mark.parametrize("form", ["tsv", "csv", "jsonl", "fasttext"])
@pytest.mark.parametrize("at", [0, 3, 2000])
@pytest.mark.parametrize("bad", [b"\xff", b"\xe9", b"\xb9\xfe"])
def test_one_bad_line_among_good_ones_is_to_be_mended(write, form, at, bad):
    rows = [("食物", f"热汤面条 {i}") for i in range(at + 20)]
    lines = {
        "tsv": [f"{a}\t{b}" for a, b in rows],
        "csv": ["label,text", *(f"{a},{b}" for a, b in rows)],
        "jsonl": [json.dumps({"label": a, "text": b}, ensure_ascii=False) for a, b in rows],
        "fasttext": [f"__label__{a} {b}" for a, b in rows],
    }[form]
    lines = [line.encode() for line in lines]
    at += form == "csv"
    lines[at] = lines[at].replace("汤".encode(), bad)
    path = write(b"\n".join(lines) + b"\n")
    with pytest.raises(InputError, match=rf"data\.txt:{at + 1}: not UTF-8 .* mend this one"):
        read_corpus(path)
    reader = CorpusReader(path, known=["食物"])
    assert sum(len(chunk) for chunk in reader) == len(rows)
    assert "mend this one" in reader.notices[-1]


def test_columns_that_the_user_names_make_a_table(run, write, model):
    content = "date,product,complaint\n1,x,goal match\n2,y,bank rate\n"
    path = write(content, "t.txt")
    out = good(run, "predict", model, path, "--text-column", "complaint")
    assert out.splitlines() == ["sport", "money"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_marked_files_are_read_by_every_command(run, write, feed, model, tmp_path, encoding):
    data = FORMS["tsv"].replace("\n", "\r\n").encode(encoding)
    path = write(data)
    good(run, "train", path, "-o", tmp_path / "x.ftl", *QUICK)
    assert "n 9  accuracy 1.0000" in good(run, "test", model, path)
    for each in (path, "-"):
        feed(data)
        assert good(run, "predict", model, each).splitlines() == LABELS
    stem = str(tmp_path / "m")
    words = ["supervised", "-input", write(FORMS["fasttext"].encode(encoding), "f.txt"), "-output"]
    good(run, *words, stem, "-bucket", "10", "-verbose", "0")
    assert good(run, "dump", f"{stem}.bin", "dict").count("__label__") == 3


@pytest.mark.parametrize("form", ["tsv", "jsonl"])
@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le"])
def test_wide_text_without_a_mark_is_named_though_it_is_utf8(run, write, model, form, encoding):
    ascii_form = re.sub("[^\0-\x7f]+", "soup", FORMS[form])
    path = write(ascii_form.encode(encoding))
    for command in ("test", "predict", "embed"):
        code, out, err = run(command, model, path)
        assert (code, out) == (2, "")
        assert err.endswith(f"read it with --encoding {encoding}\n")


def test_fasttexts_commands_name_what_is_not_utf8(run, write, tmp_path, caplog):
    data = "".join(f"__label__{line}\n" for line in ZH.splitlines()).encode("gb18030")
    path, stem = write(data), str(tmp_path / "m")
    words = ["supervised", "-input", path, "-output", stem, "-bucket", "10", "-verbose", "0"]
    for command in (words, ["predict", f"{stem}.bin", path], ["test", f"{stem}.bin", path]):
        caplog.clear()
        good(run, *command)
        (said,) = [record.message for record in caplog.records]
        assert said.startswith(f"{path}:1: not UTF-8")
        assert said.endswith("convert it with iconv -f gb18030")


# -- the prefix of labels --------------------------------------------------------------------


@pytest.mark.parametrize("form", FORMS)
def test_the_prefix_is_never_a_part_of_a_label(run, write, tmp_path, form):
    path = write(FORMS[form].replace("__label__", "__label____label__"))
    good(run, "train", path, "-o", tmp_path / "x.ftl", *QUICK)
    assert sorted(load_model(tmp_path / "x.ftl").labels) == sorted(set(LABELS))


def test_python_keeps_labels_and_the_model_has_no_prefix(run, write, tmp_path):
    marked = [f"__label__{label}" for label in LABELS]
    settings = {"pooling": "mean", "analyzer": "whitespace", "lowercase": False, "bias": False}
    more = {"boundaries": False, "maxn": 0, "word_ngrams": 1, "eos": True, "recipe": "fixed"}
    classifier = FastTextClassifier(**settings, **more, epochs=50, lr=1.0, random_state=0)
    classifier.fit(TEXTS, marked)
    assert classifier.predict(TEXTS).tolist() == marked and classifier.score(TEXTS, marked) == 1
    assert sorted(classifier.classes_) == sorted(set(marked))
    assert sorted(classifier.model_.labels) == sorted(set(LABELS))
    path = tmp_path / "p.ftl"
    classifier.save(path)
    assert load(path).predict(TEXTS).tolist() == marked
    assert "accuracy 1.0000" in good(run, "test", path, write(FORMS["fasttext"]))
    good(run, "convert", path, tmp_path / "p.bin", "--prepared")
    printed = good(run, "predict", tmp_path / "p.bin", write(FORMS["fasttext"])).split()
    assert printed == marked
    both = FastTextClassifier(recipe="fixed").fit(["a b", "c d"] * 9, ["x", "__label__x"] * 9)
    assert both.predict(["a b", "c d"]).tolist() == ["x", "__label__x"]


# -- structure -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("a,b c\nd,e f\n", "line 1 looks like data (a, b c): a header such as label,text"),
        ("a;b c\nd;e f\n", "the fields seem to be separated by ';': say --delimiter ';'"),
        ("topic,body\na,b\n", "no column 'label' in the header (topic, body); name it with "
         "--label-column topic"),
        ("label,review\na,b\n", "name it with --text-column review"),
        ("category;sentence\na;b\n", "name it with --label-column category"),
    ],
)  # fmt: skip
def test_tables_without_the_header_that_is_needed(write, lines, message):
    with pytest.raises(InputError) as caught:
        read_corpus(write(lines, "x.csv"))
    assert message in str(caught.value) and str(caught.value).count("x.csv:1: ") == 1


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("category\tsentence\na\tb\nc\td\n", "--label-column category"),
        ("id\tclass\treview\n1\ta\tb\n2\tc\td\n", "--label-column class"),
        ('[{"text": "a", "label": "b"}]\n', "one JSON object in each line is needed"),
        ("sport,goal match\nmoney,bank rate\n", "--columns label,text reads them"),
        (
            "sport;goal match\nmoney;bank rate\n",
            "--columns label,text --delimiter semicolon reads them",
        ),
    ],
)
def test_structures_that_are_named(write, lines, message):
    with pytest.raises(InputError) as caught:
        read_corpus(write(lines))
    assert message in str(caught.value) and str(caught.value).count("data.txt:1: ") == 1


def test_a_header_is_said_where_it_is_not_obvious(write):
    for form, words in {"tsv with a header": "by the names here (label, text)",
                        "csv of semicolons": "separated by ';'"}.items():  # fmt: skip
        notices = read_corpus(write(FORMS[form])).notices
        assert len(notices) == 1 and words in notices[0]
    assert read_corpus(write(FORMS["csv"])).notices == []
    forced = read_corpus(write(FORMS["tsv with a header"]), ReadOptions("tsv"))
    assert ("label",) in forced.label_rows
    assert "looks like a header (label, text) and is read as a text" in forced.notices[0]


@pytest.mark.parametrize(
    "first",
    [
        "airline_sentiment\ttweet_text", "#label\ttext_a", "类别\t新闻标题",
        "label_id\tquestion_text", "stars\treview_body", "v_1\tv_2", "klasse\tartikel", "0\t1",
        "category\tsentence_1",
    ],
)  # fmt: skip
def test_a_first_line_that_looks_like_a_header_is_said(write, first):
    rows = "".join(f"{a}\t{b}\n" for a, b in ROWS * 2 if " " in b)
    try:
        notices = read_corpus(write(f"{first}\n{rows}")).notices
    except InputError as error:
        notices = [str(error)]
    label, text = first.split("\t")
    (said,) = notices
    assert said.count("data.txt:1: ") == 1 and f"--label-column {label}" in said
    found = read_corpus(
        write(f"{first}\n{rows}"), ReadOptions(label_column=label, text_column=text)
    )
    assert label not in found.labels.names


@pytest.mark.parametrize("first", ["sport\tgoal", "travel\tHello", "travel\ta trip to text"])
def test_a_first_line_that_is_a_text_is_none(write, first):
    rows = "".join(f"{a}\t{b}\n" for a, b in ROWS * 2)
    assert read_corpus(write(f"{first}\n{rows}")).notices == []


def test_labels_with_spaces_in_fasttexts_format_are_said(write):
    path = write("".join(f"__label__real {a}\t{b}\n" for a, b in ROWS))
    notices = read_corpus(path).notices
    assert len(notices) == 1 and "('real sport')" in notices[0] and "--format tsv" in notices[0]
    assert read_corpus(path, ReadOptions("tsv")).labels.names[0] == "real sport"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("label,text", ["label", "text"]),
        ("Text,Label", ["Text", "Label"]),
        ("id\tlabel\ttext", ["id", "label", "text"]),
        ("label;text", ["label", "text"]),
    ],
)
def test_headers_are_found(text, names):
    found = find_header([text, "a"], "text", "label")
    assert found is not None and found.names == names


@pytest.mark.parametrize(
    "lines",
    [
        ["a label, a text", "b, c"],
        ["sport\tthe text on the label", "money\tbank"],
        ["label\tthis is a text about labels", "sport\tgoal"],
        ["class dismissed, content warning", "x, y"],
        ["text", "label"],
        ["__label__x text, label", "__label__y z"],
        [""],
    ],
)
def test_no_header_is_seen_in_texts(lines):
    assert find_header(lines, "text", "label") is None


def counts_of(rows):
    names = [name for row in rows for name in ([row] if isinstance(row, str) else row)]
    found = dict.fromkeys(names, 0)
    for name in names:
        found[name] += 1
    return LabelCounts(list(found), list(found.values()), len(rows))


WORDS = [
    "the",
    "a",
    "one",
    "when",
    "how",
    "why",
    "who",
    "he",
    "she",
    "they",
    "it",
    "my",
    "your",
    "our",
    "some",
    "any",
    "all",
    "each",
    "no",
]
FAULTS = {
    "hold a comma followed by a word": [f"{a},{b}" for a in ("x", "y", "z") for b in WORDS],
    "hold ':' followed by a word": [f"{a}:{b}" for a in ("x", "y", "z") for b in WORDS],
    "contain the prefix __label__": ["a", "b", "a,__label__b", "b,__label__a"] * 5,
    "need --multilabel": ["a", "b", "c", "a,b", "b,c"] * 4,
    "contain '|'": ["a", "b", "c", "a|b", "b|c"] * 4,
    "contain ' '": ["a", "b", "c", "a b", "b c"] * 4,
    "look like lists": ["['a', 'b']", "['a']", "['b']"] * 4,
    "label 'NaN'": ["a", "b", "NaN"] * 5,
    "label 'nan'": ["a", "nan"] * 5,
    "ends in ','": ["a", "b", "a,"] * 5,
    "a number of the row": [str(i) for i in range(30)],
    "really the label": [f"id{i}" for i in range(30)],
    "need --multilabel (": ["a,b", "b,a", "b,c", "c,b", "a,c", "c,a", "a,d", "d,a"] * 3,
    "contain '、'": ["甲、乙", "乙、丙", "丙、甲", "乙、甲", "丙、乙", "甲、丙", "丁、甲", "甲、丁"]
    * 3,
    "begins with a byte order mark": ["a", "b", "\ufeffa"] * 5,
    "a header among the rows": [*["a", "b"] * 20, "label"],
    "differ by case alone": ["Health", "food", "health"] * 5,
    "are label and text swapped": [f"a text of some words {i}" for i in range(30)],
}
FINE = {
    "names": ["sport", "money"] * 10,
    "numbers": ["1", "2", "3"] * 10,
    "names with commas": ["Business, Finance", "Arts, Culture", "Sport"] * 10,
    "names with spaces": ["real estate", "home office", "travel"] * 10,
    "names with slashes": ["tv/radio", "science/nature"] * 10,
    "two parts, each in its place": [f"{a}, {b}" for a in "xyz" for b in "uvw"] * 3,
    "hierarchies": ["sci:space", "sci:med", "rec:autos", "rec:sport", "talk:politics"] * 10,
    "none": ["none", "spam"] * 10,
    "few texts": [f"id{i}" for i in range(5)],
    "rare ones": ["a", "b", "c", "d"] * 10 + [f"r{i}" for i in range(20)],
    "several each": [("a", f"r{i}") for i in range(10)] + [("a", "b")] * 30,
}


@pytest.mark.parametrize("message", FAULTS)
def test_labels_that_look_like_a_mistake(message):
    found = label_fault(counts_of(FAULTS[message]))
    assert found is not None and message in found and "\n" not in found


@pytest.mark.parametrize("kind", FINE)
def test_labels_that_are_fine(kind):
    assert label_fault(counts_of(FINE[kind])) is None


def test_every_command_says_what_is_wrong_with_labels(run, write, model, tmp_path, caplog):
    path = write("".join(f"__label__{a},{b}\n" for a, b in ROWS * 3))
    words = "hold a comma followed by a word"
    run("train", path, "-o", tmp_path / "x.ftl", *QUICK[:-1])
    assert [record.message for record in caplog.records if words in record.message]
    caplog.clear()
    run("supervised", "-input", path, "-output", tmp_path / "s", "-bucket", 10, "-verbose", 0)
    assert len([record for record in caplog.records if words in record.message]) == 1
    _, _, err = run("test", model, path)
    assert words in err
    with caplog.at_level("WARNING"):
        FastTextClassifier(recipe="fixed").fit(TEXTS * 3, [f"{a},{b}" for a, b in ROWS * 3])
    assert caplog.records


# -- records written -------------------------------------------------------------------------


@pytest.mark.parametrize("flags", [[], ["--format", "csv"]])
def test_records_of_a_table_get_columns(run, write, model, tmp_path, flags):
    rows = [(i, *row, 'say "x"') for i, row in enumerate(ROWS)]
    path, out = (
        write(table(",", ("id", "label", "text", "note"), rows), "in.csv"),
        tmp_path / "o.csv",
    )
    assert good(run, "predict", model, path, "-o", out, *flags) == ""
    found = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["predicted_label"] for row in found] == LABELS
    assert [(int(r["id"]), r["label"], r["text"], r["note"]) for r in found] == rows
    assert all(0 < float(row["score"]) <= 1 for row in found)
    assert [each.name for each in tmp_path.iterdir() if ".tmp" in each.name] == []


def test_json_records_keep_their_bytes(run, write, model, tmp_path):
    lines = [
        '{"text":"goal match", "n": 1.0e2,  "x": [1,{"a":"\\u00e9"}]}',
        '{ "text" : "bank rate"}  ',
    ]
    out = tmp_path / "o.jsonl"
    good(run, "predict", model, write("\n".join(lines), "in.jsonl"), "-o", out, "-k", 2)
    for line, own, label in zip(
        out.read_text().splitlines(), lines, ["sport", "money"], strict=True
    ):
        assert line.startswith(own.rstrip()[:-1].rstrip())
        found = json.loads(line)
        assert found["predicted_label"][0] == label and len(found["score"]) == 2


def test_lines_get_fields(run, write, model, tmp_path):
    out = tmp_path / "o.tsv"
    good(run, "predict", model, write(FORMS["tsv"], "in.tsv"), "-o", out, "-k", 2)
    for line, own in zip(out.read_text().splitlines(), FORMS["tsv"].splitlines(), strict=True):
        fields = line.removeprefix(own + "\t").split("\t")
        assert len(fields) == 4 and fields[0] == own.split("\t")[0]


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("form", [*FORMS, "plain"])
def test_records_in_another_format(run, write, model, tmp_path, form, ending):
    content = "".join(f"{text}\n" for text in TEXTS) if form == "plain" else FORMS[form]
    for flags, name in (([], f"o.{ending}"), (["--format", ending], "o.out")):
        out = tmp_path / name
        good(run, "predict", model, write(content), "-o", out, *flags)
        lines = out.read_text(encoding="utf-8").splitlines()
        if ending == "jsonl":
            found = [json.loads(line)["predicted_label"] for line in lines]
        else:
            found_in = "\t" if ending == "tsv" else next(d for d in ";|," if d in lines[0])
            rows = list(csv.reader(lines, delimiter=found_in))
            found = [row[-2] for row in rows if row[-2] != "predicted_label"]
        assert found == LABELS


def test_plain_answers_go_to_a_file(run, write, model, tmp_path):
    out = tmp_path / "answers.txt"
    good(run, "predict", model, write("goal match\n\nbank\n"), "-o", out, "--prob")
    assert len(out.read_text().splitlines()) == 3


def test_an_output_that_cannot_be(run, write, model, tmp_path):
    path = write(FORMS["csv"], "in.csv")
    out = tmp_path / "o.csv"
    cases = {
        (path, "-o", path): "would overwrite this file",
        (path, "-o", model): "would overwrite this file",
        (path, "-o", tmp_path / "no" / "o.csv"): "o.csv",
        (path, "-o", out, "--prob"): "--prob is not for records",
        (path, "-o", tmp_path / "o.ftl"): "that ending is a model's",
        (path, "-o", tmp_path / "o.bin"): "that ending is a model's",
        (path, "-o", tmp_path / "o.csv.gz"): "is not packed",
        (path, "-o", tmp_path / "o.xlsx"): "written as .csv, .tsv or .jsonl",
        (path, "-o", tmp_path / "o.json"): "written as .csv, .tsv or .jsonl",
        (path, "-o", out, "--added-columns", "a"): "--added-columns must be two names",
        (path, "-o", out, "--added-columns", "text,b"): "there is a column 'text' already",
        (path, "--added-columns", "a,b"): "--added-columns is for records that -o FILE writes",
        (write('{"text": "a"}\n{"text": "b", "more": 1}\n', "in.jsonl"), "-o", out): "'more' that",
        (write("label,text\na,b\nc\n", "bad.csv"), "-o", out): "bad.csv:3: 1 column",
    }  # fmt: skip
    for words, message in cases.items():
        code, printed, err = run("predict", model, *words)
        assert (code, printed) == (2, "") and message in err and len(err.splitlines()) == 1
        assert not out.exists() and not list(tmp_path.glob("*.tmp"))


def test_models_of_fasttext_read_the_same(run, write, tmp_path, caplog):
    stem = str(tmp_path / "m")
    words = ["supervised", "-input", write(FORMS["fasttext"], "f.txt"), "-output", stem, "-lr", "1"]
    good(run, *words, "-bucket", "10", "-dim", "8", "-epoch", "50", "-verbose", "0")
    wanted = [f"__label__{label}" for label in LABELS]
    for form, content in FORMS.items():
        path = write(content)
        assert good(run, "predict", f"{stem}.bin", path, "--threads", 1).split() == wanted, form
        assert "P@1\t1\n" in good(run, "test", f"{stem}.bin", path)
        out = tmp_path / "o.jsonl"
        good(run, "predict", f"{stem}.bin", path, "-o", out)
        found = [json.loads(line)["predicted_label"] for line in out.read_text().splitlines()]
        assert found == LABELS
    printed = good(run, "predict", f"{stem}.bin", write(FORMS["csv"]))
    assert len(printed.split()) == 10 and "--format csv" in caplog.records[-1].message


def test_the_arrays_of_a_reader_that_takes_all(write):
    path = write("sport\tgoal\n\nmoney\t\n\tbank\nsport\tcoach\n")
    chunks = list(CorpusReader(path, known=["sport", "money"], keeps_raw=True))
    assert len(chunks) == 1
    assert chunks[0].texts.to_list() == ["goal", "", "", "bank", "coach"]
    assert np.diff(chunks[0].indptr).tolist() == [1, 0, 1, 0, 1]
    assert chunks[0].raw == [b"sport\tgoal", b"", b"money\t", b"\tbank", b"sport\tcoach"]


@pytest.mark.parametrize("form", ["csv", "jsonl", "tsv", "gzip", "utf-16"])
def test_the_texts_of_the_training_are_known_again(run, write, tmp_path, form):
    path, model = write(FORMS["fasttext"], "train.txt"), tmp_path / "x.ftl"
    content = {
        "gzip": gzip.compress(FORMS["tsv"].encode()),
        "utf-16": FORMS["tsv"].encode("utf-16"),
    }
    same = write(content.get(form, FORMS.get(form)), "same")
    other = write(FORMS["tsv"].replace("goal", "gaol"), "other")
    words = "are the texts that the model is trained on"
    quick = QUICK[:-1]
    for valid, expected in ((same, 1), (other, 0)):
        _, _, err = run("train", path, "-o", model, *quick, "--valid", valid)
        assert err.count(words) == expected
        _, _, err = run(
            "train", path, "-o", model, *quick, "--valid", valid, "--cache", tmp_path / "c"
        )
        assert err.count(words) == expected
        _, _, err = run("test", model, valid)
        assert err.count(words) == expected
        _, _, err = run("quantize", model, "-o", tmp_path / "q.ftl", "--test", valid)
        assert err.count(words) == expected
        out = ("-o", tmp_path / "t.ftl", "--trials", 1, "--time", 20, "--seed", 1)
        _, _, err = run("tune", path, *out, "--valid", valid)
        assert err.count(words) == expected
        _, _, err = run("test", tmp_path / "t.ftl", valid)
        assert err.count(words) == expected


# -- streams, ends of lines, wide fields ---------------------------------------------------------


def through_a_pipe(folder, data, pause=0.0):
    """Return a named pipe through which bytes come in two pieces."""
    path = str(folder / "pipe")
    os.mkfifo(path)

    def feed():
        with open(path, "wb") as file:
            file.write(data[:1])
            file.flush()
            time.sleep(pause)
            file.write(data[1:])

    threading.Thread(target=feed, daemon=True).start()
    return path


@pytest.mark.parametrize("form", ["csv", "jsonl", "tsv", "gzip"])
@pytest.mark.parametrize("flags", [[], ["--format", "csv"]])
def test_a_pipe_with_a_name_loses_nothing(run, model, tmp_path, form, flags):
    data = FORMS["tsv"].encode() if form == "gzip" else FORMS[form].encode()
    data = gzip.compress(data) if form == "gzip" else data
    out = tmp_path / "o.csv"
    good(run, "predict", model, through_a_pipe(tmp_path, data, 0.2), "-o", out, *flags)
    found = list(csv.DictReader(out.read_text(encoding="utf-8").splitlines()))
    assert [row["predicted_label"] for row in found] == LABELS


@pytest.mark.parametrize("form", ["fasttext", "csv", "jsonl", "tsv", "gzip"])
@pytest.mark.parametrize("way", ["pipe", "stdin"])
def test_streams_for_models_of_fasttext(run, write, feed, tmp_path, form, way):
    stem = str(tmp_path / "m")
    words = ["supervised", "-input", write(FORMS["fasttext"], "f.txt"), "-output", stem, "-lr", "1"]
    good(run, *words, "-bucket", "10", "-dim", "8", "-epoch", "50", "-verbose", "0")
    data = gzip.compress(FORMS["tsv"].encode()) if form == "gzip" else FORMS[form].encode()
    for command in (["predict", f"{stem}.bin"], ["test", f"{stem}.bin"]):
        path = "-"
        if way == "pipe":
            folder = tmp_path / command[0]
            folder.mkdir()
            path = through_a_pipe(folder, data)
        else:
            feed(data)
        out = good(run, *command, path, "--threads", 1)
        if command[0] == "test":
            assert out.startswith("N\t9\nP@1\t1\n")
        else:
            assert out.split() == [f"__label__{label}" for label in LABELS]


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("  \nlabel,text\nsport,goal\n  \nmoney,bank\n", ["goal", "bank"]),
        ("label,text\n1,", None),
        ("text\tlabel\n\t\ngoal\tsport\n", ["", "goal"]),
        ("label,text\n,\nsport,goal\n", ["", "goal"]),
        ("sep=;\nlabel;text\nsport;goal\n", ["goal"]),
        ("id,text,label\r\n1,goal,sport\r\n", ["goal"]),
        (
            '{"text": "goal", "label": {"a": 1}}\n{"text": "bank", "label": [["x"]]}\n',
            ["goal", "bank"],
        ),
        ("sport\tgoal\nbank rate\nmoney\tloan\n", ["goal", "bank rate", "loan"]),
        (
            'text,label\n"goal' + "\nof" * 30 + '",sport\nbank,money\n',
            ["goal" + " of" * 30, "bank"],
        ),
        ('text,label\n"goal\nmatch",sport', ["goal match"]),
        ('{"text": "goal", "n": ' + "9" * 5000 + "}\n", ["goal"]),
    ],
)
def test_records_are_neither_lost_nor_made(write, content, texts):
    if texts is None:  # wider than the csv module's own limit
        content, texts = content + "a " * 70_000 + "\n2,goal\n", ["a " * 70_000, "goal"]
    for chunk_bytes in (5, 1 << 20):
        reader = CorpusReader(write(content), None, chunk_bytes, known=set(LABELS))
        assert [text for chunk in reader for text in chunk.texts.to_list()] == texts


def test_a_header_is_one_before_the_first_record_comes(monkeypatch):
    pieces = [b"id,text\n", b"1,goal\n2,bank\n", b""]

    class Slow(io.RawIOBase):
        def readable(self):
            return True

        def readinto(self, space):
            piece = pieces.pop(0)
            space[: len(piece)] = piece
            return len(piece)

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(Slow())))
    reader = CorpusReader("-", known=["sport"])
    assert [text for chunk in reader for text in chunk.texts.to_list()] == ["goal", "bank"]


@pytest.mark.parametrize(
    ("first", "flags"),
    [
        ("note,text", ["--format", "csv"]),
        ("sentence,kind", ["--format", "csv", "--text-column", "sentence"]),
        ("note\ttext", ["--format", "csv", "--delimiter", "tab"]),
    ],
)
def test_a_header_that_is_read_as_a_text_is_said(run, write, model, first, flags):
    sign = "\t" if "\t" in first else ","
    path = write(f"{first}\nA{sign}goal match\nB{sign}bank rate\n", "n.txt")
    code, out, err = run("predict", model, path)
    assert (code, len(out.splitlines())) == (0, 3)
    assert "looks like a header" in err and " ".join(flags) in err
    assert len(good(run, "predict", model, path, *flags).splitlines()) == 2


@pytest.mark.parametrize(
    "content",
    [
        '{"text":"goal\n{"text":"bank"}\n',
        '{"text":"goal"},\n{"text":"bank"},\n',
        '[{"text":"goal"},{"text":"bank"}]\n',
        '[\n {"text": "goal"},\n {"text": "bank"}\n]\n',
        '{\n "text": "goal"\n}\n',
    ],
)
def test_bad_json_is_no_plain_text(run, write, model, content):
    for command in ("predict", "embed"):
        code, out, err = run(command, model, write(content, "x.txt"))
        assert (code, out, len(err.splitlines())) == (2, "", 1)
        assert "JSON" in err and "x.txt:1: " in err


def test_ends_of_lines_of_old_macs_are_named(run, write, model):
    for content in (FORMS["tsv"], FORMS["csv"], FORMS["fasttext"]):
        path = write(content.replace("\n", "\r"))
        for command in (["test", model, path], ["train", path, "-o", path + ".ftl"]):
            code, out, err = run(*command)
            assert (code, out, len(err.splitlines())) == (2, "", 1)
            assert "end with a carriage return alone" in err
        assert "end with a carriage return alone" in run("predict", model, path)[2]


def test_archives_and_what_is_packed_twice_are_named(run, write, model):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("train.tsv")
        info.size = len(FORMS["tsv"].encode())
        archive.addfile(info, io.BytesIO(FORMS["tsv"].encode()))
    tar = out.getvalue()
    cases = {
        tar: "a tar archive: unpack it",
        gzip.compress(tar): "a tar archive: unpack it",
        gzip.compress(gzip.compress(FORMS["tsv"].encode())): "packed twice",
    }
    for data, message in cases.items():
        path = write(data)
        for command in (["predict", model, path], ["test", model, path]):
            code, printed, err = run(*command)
            assert (code, printed, len(err.splitlines())) == (2, "", 1) and message in err
    code, _, err = run("predict", model, model)
    assert code == 2 and "not text but a model" in err


@pytest.mark.parametrize("packed", PACKERS)
def test_a_flipped_byte_in_a_packed_file_is_one_line(run, write, model, packed):
    data = bytearray(PACKERS[packed]("".join(f"{a}\t{b}\n" for a, b in ROWS * 50).encode()))
    for place in range(2, len(data), max(1, len(data) // 40)):
        damaged = bytearray(data)
        damaged[place] ^= 0xFF
        code, _, err = run("test", model, write(bytes(damaged)))
        assert code in (0, 2) and "Traceback" not in err


def test_records_written_can_be_read_again(run, write, model, tmp_path):
    texts = ["goal\nmatch", "bank\rrate", 'soup "bread"', '"goal"', '""', "a,b", "tab\there", ""]
    rows = [{"label": "sport", "text": text, "n": i} for i, text in enumerate(texts)]
    path = write("".join(json.dumps(row) + "\n" for row in rows), "in.jsonl")
    flat = [re.sub("[\r\n]", " ", text) for text in texts]
    for ending in ("csv", "tsv", "jsonl"):
        out = tmp_path / f"o.{ending}"
        good(run, "predict", model, path, "-o", out)
        if ending == "csv":
            with out.open(encoding="utf-8", newline="") as file:
                assert [row["text"] for row in csv.DictReader(file)] == texts
        wanted = [text.replace("\t", " ") for text in flat] if ending == "tsv" else flat
        reader = CorpusReader(str(out), known=LABELS)
        assert [text for chunk in reader for text in chunk.texts.to_list()] == wanted
    double = write("label,text,note,note\nsport,goal,A,B\nmoney,bank\n", "in.csv")
    good(run, "predict", model, double, "-o", tmp_path / "d.csv")
    lines = (tmp_path / "d.csv").read_text().splitlines()
    assert lines[0] == "label,text,note,note,predicted_label,score"
    assert lines[1].startswith("sport,goal,A,B,") and lines[2].startswith("money,bank,,,")
    code, _, err = run("predict", model, double, "-o", tmp_path / "d.jsonl")
    assert code == 2 and "two columns are called 'note'" in err
    empty = write("label,text\n", "empty.csv")
    good(run, "predict", model, empty, "-o", tmp_path / "e.csv")
    assert (tmp_path / "e.csv").read_text() == "label,text,predicted_label,score\n"


@pytest.mark.parametrize("ending", ["csv", "tsv", "jsonl"])
def test_numbers_of_any_length_are_written_as_they_are(run, write, model, tmp_path, ending):
    digits = "9" * 5000
    path, out = write(f'{{"text": "goal", "n": {digits}}}\n', "in.jsonl"), tmp_path / f"o.{ending}"
    good(run, "predict", model, path, "-o", out)
    assert digits in out.read_text()


def test_a_plot_over_the_data_is_refused(run, write, model):
    path = write(FORMS["tsv"], "data.png")
    code, _, err = run("test", model, path, "--confusion", path)
    assert code == 2 and "the plot would overwrite this file" in err


def test_what_is_written_over(run, write, feed, model, tmp_path):
    path, out, link = write(FORMS["csv"], "in.csv"), tmp_path / "o.csv", tmp_path / "link.csv"
    out.write_text("old")
    out.chmod(0o600)
    link.symlink_to(out)
    good(run, "predict", model, path, "-o", link)
    assert link.is_symlink() and out.read_text().startswith("label,text,predicted_label")
    assert out.stat().st_mode & 0o777 == 0o600
    assert good(run, "predict", model, path, "-o", "-", "--format", "csv").startswith("label,text,")
    good(run, "predict", model, path, "-o", out, "-k", 1_000_000)
    assert out.read_text().splitlines()[0].endswith("predicted_label_3,score_3")
    good(run, "predict", model, path, "-o", out, "-k", -1)
    assert out.read_text().splitlines()[0].endswith("predicted_label_3,score_3")
