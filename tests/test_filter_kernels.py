"""Compiled code of filtering against plain Python: `json.loads`, the csv module, `repr`."""

import csv
import io
import json

import numpy as np
import pytest
from conftest import JIT_DISABLED
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.filtering import work as why
from fasttext_lite.filtering.cells import Cells, pool
from fasttext_lite.filtering.formats.json_lines import Finder, encoded, heads
from fasttext_lite.filtering.judging import Verdict
from fasttext_lite.filtering.kernels import joining, json_lines, strings, tables
from fasttext_lite.filtering.settings import Rule

pytestmark = pytest.mark.kernels
MANY = settings(max_examples=40 if JIT_DISABLED else 400, deadline=None)
FEW = settings(max_examples=20 if JIT_DISABLED else 100, deadline=None)


def array(data):
    return np.frombuffer(bytes(data), np.uint8)


# -- JSON lines ------------------------------------------------------------------------------

KEYS = st.sampled_from(["text", "body", "content", "id", "te", "text ", "é", "", 'a"b', "x\\y"])
STRINGS = st.one_of(
    st.text(max_size=6),
    st.text(st.characters(codec=None), max_size=6),  # lone surrogates, too
    st.sampled_from(["\ud83d\ude00", "😀", "\ud83d", "\ude00\ud83d", "a\nb", "\r\n", "\x00", "/"]),
    st.text(st.sampled_from('ab"\\\n\té热😀'), min_size=20, max_size=90),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(), st.floats(), STRINGS,
        st.sampled_from([1e999, -0.0, 1e-7, 10**20, 0]),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(KEYS, inner, max_size=4)
    ),
    max_leaves=12,
)  # fmt: skip
RECORDS = st.dictionaries(KEYS, VALUES, max_size=5)
STYLES = st.sampled_from(
    [{}, {"separators": (",", ":")}, {"separators": (" , ", " : ")}, {"ensure_ascii": True}]
)


@st.composite
def lines_of_records(draw):
    """Return a line of a record, sometimes with a key twice, blanks around, or a fault."""
    style = {"ensure_ascii": False, **draw(STYLES)}
    line = json.dumps(draw(RECORDS), **style).encode("utf-8", "surrogatepass")
    if draw(st.booleans()):
        more = json.dumps(draw(RECORDS), **style).encode("utf-8", "surrogatepass")
        between = b"," if line != b"{}" and more != b"{}" else b""
        line = line[:-1] + between + more[1:]
    if draw(st.booleans()):
        line = draw(st.sampled_from([b" ", b"\t", b""])) + line + draw(
            st.sampled_from([b"\r", b"  ", b"", b"\r\r"])
        )  # fmt: skip
    if draw(st.integers(0, 3)) == 0:
        place = draw(st.integers(0, len(line)))
        piece = draw(
            st.sampled_from([*map(bytes, zip(b'{}[],:"\\ ue01-+.\x00\x1f\xff\xc3tn')), b""])
        )
        line = line[:place] + piece + line[place + draw(st.integers(0, 1)) :]
    return line.replace(b"\n", b"")


def outcome(line, keys):
    """Return the text of a line, or why there is none, as `json.loads` has it."""
    try:
        decoded = line.decode()
    except UnicodeDecodeError:
        return why.NOT_UTF8
    if not decoded.strip(" \t\r\n"):
        return "blank"
    try:
        value = json.loads(decoded)
    except (ValueError, RecursionError):
        return why.NO_JSON
    if not isinstance(value, dict):
        return why.NO_OBJECT
    for key in keys:
        if not isinstance(value, dict) or key not in value:
            return why.NO_TEXT
        value = value[key]
    if not isinstance(value, str):
        return why.NO_STRING
    return value.replace("\n", " ").replace("\r", " ").encode("utf-8", "surrogatepass")


def found_by(block):
    """Return what `outcome` says of each record of a block."""
    data, bounds = block.texts.buffer.tobytes(), block.texts.offsets.tolist()
    found = dict(block.bad)
    for record, first, last in zip(block.docs.tolist(), bounds[:-1], bounds[1:], strict=True):
        found[record] = data[first:last]
    found |= dict.fromkeys(np.flatnonzero(block.is_blank).tolist(), "blank")
    return [found[i] for i in range(len(block.starts))]


@given(
    st.lists(lines_of_records(), max_size=4),
    st.booleans(),
    st.sampled_from([["text"], ["content", "body"], ["text", "text"], ["é"], ['a"b'], [""]]),
)
@example([b'{"text": "\\ud83d\\ude00\\ud83d \\u00e9\\/\\n"}'], True, ["text"])
@example([b'{"text": 1, "text": "last"}', b'{"text": "first", "text": 1}'], False, ["text"])
@example([b'{"te\\u0078t": "escaped key"}'], True, ["text"])
@example([b'{"text": NaN, "a": -Infinity}', b'{"text": "x", "a": NaN}'], True, ["text"])
@example([b"{" + b'"a":' * 1], True, ["text"])
@example([b'{"a": ' + b"[" * 400 + b"]" * 400 + b', "text": "deep"}'], True, ["text"])
@example([b'{"a": ' + b"[" * 99999 + b"]" * 99999 + b', "text": "deeper"}'], True, ["text"])
@example([b'{"content": {"body": "x"}, "content": {}}'], True, ["content", "body"])
@example([b'{"content": {"content": {"body": "no"}, "body": "x"}}'], True, ["content", "body"])
@example([b'{"text": "x",}', b'{"text": "x"} x', b'{"text": "x"', b'["text"]', b'"text"'], True,
         ["text"])  # fmt: skip
@example([b'{"text": "a\tb"}', b'{"text": "\\x"}', b'{"text": "\\u12"}', b"{}"], True, ["text"])
@example([b'{"n": 01, "text": ""}', b'{"n": 1., "text": ""}', b'{"n": -, "text": ""}'], True,
         ["text"])  # fmt: skip
@MANY
def test_texts_are_found_as_json_has_them(lines, has_last, keys):
    data = b"\n".join(lines) + b"\n" * (has_last or not lines)
    expected = [outcome(line, keys) for line in data.split(b"\n")]
    if data.endswith(b"\n"):
        expected.pop()
    block = Finder("x", keys, []).find(array(data))
    assert found_by(block) == expected
    assert b"".join(
        data[a:b] for a, b in zip(block.starts.tolist(), block.stops.tolist(), strict=True)
    ) == data  # fmt: skip


class _Judge:
    """Stands for a model of two labels."""

    labels = ["hq", 'a"b\\']
    rule = Rule("m", "m", probabilities=("hq",), label_column="l", score_column="s")


def verdict(n, label=0, score=0.5):
    return Verdict(
        np.full(n, label, np.int32), np.full(n, score, np.float32),
        np.full((n, 1), 0.25, np.float32), np.ones(n, bool),
    )  # fmt: skip


@given(st.lists(lines_of_records(), min_size=1, max_size=4), st.integers(-1, 1))
@example([b"{}", b'{"text":"x"}', b'{ "text" : "x" , "a": {} }\r', b'{"text": "x"}  '], 1)
@MANY
def test_fields_are_added_and_all_other_bytes_stay(lines, label):
    data = b"\n".join(lines)
    finder = Finder("x", ["text"], [])
    block = finder.find(array(data))
    n = len(block.starts)
    block.styles[[record for record, _ in block.bad]] = joining.AS_IT_IS
    block.styles[block.is_blank] = joining.AS_IT_IS
    cells = Cells([_Judge()], encoded, b"null", heads(["l", "s", "s_hq"]))
    added = cells.arrays(n, block.docs, [verdict(block.docs.size, label)])
    bounds = block.starts, block.inserts, block.stops
    out = bytes(cells.join(block.data, np.arange(n), bounds, block.styles, added))
    written = out.split(b"\n")
    docs = set(block.docs.tolist())
    for i, (line, new) in enumerate(zip(data.split(b"\n"), written, strict=False)):
        if i not in docs:
            assert new == line
            continue
        more = {"l": None if label < 0 else _Judge.labels[label], "s": 0.5, "s_hq": 0.25}
        assert repr(json.loads(new)) == repr({**json.loads(line), **more})
        place = int(block.inserts[i] - block.starts[i])
        assert new.startswith(line[:place])
        assert new.endswith(line[place:])


def test_a_field_that_is_there_already_is_refused():
    for line in (
        b'{"text": "a", "l": 1}',
        b'{"l": 1, "te\\u0078t": "a"}',
        b'{"\\u006c":1,"text":""}',
    ):
        with pytest.raises(InputError, match="record 2 has a field 'l' already"):
            Finder("x", ["text"], ["l"]).find(array(b'{"text": "a", "m": {"l": 1}}\n' + line))


# -- tables ----------------------------------------------------------------------------------

# The csv module of older Pythons leaves a \r alone without quotes.
PIECES = [*'ab,;"\n\t é热', "\r\n"]
CELLS = st.lists(st.sampled_from(PIECES), max_size=5).map("".join)
ROWS = st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=5)


def find(data, delimiter=b",", column=1, n_columns=3, quotes=True, is_end=True):
    """Return the flags of the records, their texts by record, and the bytes that are done."""
    most = data.count(b"\n") + 1
    starts, inserts, stops, docs = (np.empty(most, np.int64) for _ in range(4))
    flags, offsets = np.empty(most, np.uint8), np.empty(most + 1, np.int64)
    text = np.empty(len(data), np.uint8)
    n, n_docs, n_done = tables.find_cells(
        array(data), is_end, ord(delimiter), quotes, column, n_columns,
        np.empty(tables.FOUND_SIZE, np.int64), starts, inserts, stops, flags, docs, text, offsets,
    )  # fmt: skip
    texts = Texts(text[: offsets[n_docs]], offsets[: n_docs + 1]).to_list()
    ends = [data[i:s] for i, s in zip(inserts[:n].tolist(), stops[:n].tolist(), strict=True)]
    return flags[:n].tolist(), dict(zip(docs[:n_docs].tolist(), texts, strict=True)), n_done, ends


@given(ROWS, st.sampled_from([",", ";"]), st.sampled_from(["\n", "\r\n"]), st.booleans(),
       st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]))  # fmt: skip
@FEW
def test_cells_are_found_as_the_csv_module_has_them(rows, delimiter, end, has_end, quoting):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator=end, quoting=quoting).writerows(rows)
    data = out.getvalue().encode()
    if not has_end:
        data = data.removesuffix(end.encode())
    flags, texts, n_done, ends = find(data, delimiter.encode())
    assert flags == [tables.GOOD] * len(rows)
    assert n_done == len(data)
    flat = str.maketrans("\r\n", "  ")
    assert list(texts.values()) == [row[1].translate(flat) for row in rows]
    assert ends == [end.encode()] * (len(rows) - (not has_end)) + [b""] * (bool(rows) > has_end)


@given(ROWS, st.integers(0, 60))
@FEW
def test_a_record_that_goes_on_is_left(rows, cut):
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerows(rows)
    data = out.getvalue().encode()
    whole = data[: data.rfind(b"\n", 0, cut) + 1]
    flags, texts, n_done, _ = find(whole, is_end=False)
    rest = find(data[n_done:])
    assert [*flags, *rest[0]] == [tables.GOOD] * len(rows)
    assert [*texts.values(), *rest[1].values()] == list(find(data)[1].values())


def test_records_that_are_bad():
    data = b'a,b,c\n"a"x,b,c\n\na,b\na,b,c,d\na,"b""c",d\r\n \nx,"open\n,'
    flags, texts, n_done, _ = find(data)
    assert flags == [
        tables.GOOD, tables.BAD_QUOTES, tables.BLANK, tables.WRONG_SIZE, tables.WRONG_SIZE,
        tables.GOOD, tables.BLANK, tables.BAD_QUOTES,
    ]  # fmt: skip
    assert texts == {0: "b", 5: 'b"c'}
    assert n_done == len(data)


def test_quotes_between_tabs():
    data = b'a\t"b ""c"""\td\na\t"b" c\td\na\t"b"c"\td\r\na\t"\td\n'
    flags, texts, _, ends = find(data, b"\t", quotes=False)
    assert flags == [tables.GOOD] * 4
    assert list(texts.values()) == ['b "c"', '"b" c', '"b"c"', '"']
    assert ends == [b"\n", b"\n", b"\r\n", b"\n"]


# -- pieces ----------------------------------------------------------------------------------


def written(score):
    out = np.zeros(joining.LONGEST_SCORE, np.uint8)
    return out[: joining.write_score(np.float32(score), out, 0)].tobytes().decode()


@given(st.one_of(
    st.floats(0, 2, width=32), st.floats(0, 2**-13, width=32),
    st.integers(0, 10**6).map(lambda n: n / 10**6),
))  # fmt: skip
@example(1.00001)
@example(0.018)
@example(9.999999)
@example(1e-5)
@example(1.17549435e-38)
@MANY
def test_scores_have_the_fewest_digits_that_are_exact(score):
    score = np.float32(score)
    text = written(score)
    if score >= np.float32(1.2e-38):  # no normal number: as exact, with more digits
        assert text == repr(float(str(score)))
    assert np.float32(text) == score or score < np.float32(1.2e-38)


@given(st.binary(max_size=80), st.integers(0, 5))
@FEW
def test_runs_of_bytes(data, first):
    first = min(first, len(data))
    find = [i for i in range(first, len(data)) if data[i] == 34 or data[i] == 92 or data[i] < 32]
    assert strings.plain_end(array(data), first, len(data)) == (find[0] if find else len(data))
    for sign, function in ((b'"', strings.quote_end), (b"\n", strings.line_end)):
        found = data.find(sign, first)
        rest = (len(data),) if function is strings.quote_end else ()
        assert function(array(data), first, *rest) == (found if found >= 0 else len(data))


@given(st.lists(st.one_of(st.binary(max_size=4), st.sampled_from(
    ["é".encode(), "\ufffd".encode(), b"\xed\xa0\x80", b"\n", "😀".encode(), b"\xf0\x9f"]
)), max_size=8).map(b"".join))  # fmt: skip
@FEW
def test_faults_are_masked(data):
    clean, places = np.empty(len(data), np.uint8), np.empty(data.count(b"\n") + 1, np.int64)
    n = strings.mask_faults(array(data), clean, places)
    expected = []
    start = 0
    for line in data.split(b"\n"):
        try:
            line.decode()
        except UnicodeDecodeError as error:
            expected.append(start + error.start)
        start += len(line) + 1
    assert places[:n].tolist() == expected
    clean = clean.tobytes()
    clean.decode()
    assert len(clean) == len(data)
    assert all(a in (b, ord("?")) for a, b in zip(clean, data, strict=True))
    if not expected:
        assert clean == data


def test_names_are_pooled():
    data, ends = pool(["a", "", "热"])
    assert data.tobytes() == "a热".encode()
    assert ends.tolist() == [0, 1, 1, 4]
    assert json_lines.MOST_DEPTH <= 256  # the stack's bytes
