"""Compiled parsing of files against its twins in plain Python, for random bytes."""

import re

import numpy as np
import pytest
import reference
from conftest import JIT_DISABLED
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from fasttext_lite.compiled import utf8
from fasttext_lite.corpus import kernels
from fasttext_lite.corpus import reader as corpus
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.errors import InputError

pytestmark = pytest.mark.kernels

# Bytes and pieces at which a parser can go wrong.
PIECES = [
    *(bytes([i]) for i in b" \t\n\n\n\v\f\r\0,,ab_#\x1c\x1f\x85"),
    *("\u3000", "\u00a0", "\u0085", "\u1680", "\u2003", "\u200b", "\u2028", "\u205f", "\ufeff"),
    *("热汤", "é", "😀", "a,b", "\r\n", "\t\t", "a\tx\n", "b, a\ty z\r\n", "\n\n"),
    *("__label__", " __label__", "__label__a x\n", "__label__b ", "\0__label__热 ", "#a ", "# "),
]
PIECES = [piece if isinstance(piece, bytes) else piece.encode() for piece in PIECES]
GOOD = st.lists(st.sampled_from([p for p in PIECES if p != b"\x85"]), max_size=25).map(b"".join)
DAMAGED = st.lists(
    st.one_of(st.sampled_from(PIECES), st.binary(min_size=1, max_size=3)), max_size=15
).map(b"".join)
UTF8 = st.lists(
    st.one_of(
        st.binary(max_size=4),
        st.text(max_size=2).map(lambda text: text.encode("utf-8", "surrogatepass")),
        st.text(max_size=2).map(lambda text: text.encode("utf-8", "surrogatepass")[:-1]),
        st.sampled_from([b"a" * 40, b"\xe0\x80", b"\xed\xa0\x80", b"\xf4\x90", b"\xf0\x9f\x98"]),
    ),
    max_size=6,
).map(b"".join)


def array(data):
    return np.frombuffer(bytearray(data), np.uint8)


def file_of(tmp_path_factory, data):
    assume(reference.is_plain(data))
    path = tmp_path_factory.getbasetemp() / "any.txt"
    path.write_bytes(data)
    return str(path)


def outcome_of_twin(data, kind, prefix, multilabel, path):
    try:
        rows, texts, skipped = reference.labelled_lines(data, kind, prefix, multilabel)
    except reference.BadLineError as bad:
        number, what = bad.args
        if what == "no tab":
            return f"{path}:{number}: no tab"
        return f"{path}:{number}: not UTF-8 (byte 0x{what[0]:02x} at column {what[1]})"
    skipped = {reason: (n, f"{path}:{line}") for reason, (n, line) in skipped.items()}
    if not rows:
        return f"{path}: no line with" if skipped else f"{path}: the file is empty"
    return rows, [text.decode() for text in texts], list(skipped.items())


def outcome(reading, path):
    try:
        return reading()
    except InputError as error:
        return str(error)


def whole(path, options):
    found = read_corpus(path, options)
    names = list(dict.fromkeys(name for row in found.label_rows for name in row))
    counts = {name: sum(name in row for row in found.label_rows) for name in names}
    assert found.labels.names == sorted(names, key=lambda name: -counts[name])
    assert found.labels.ids.dtype == np.int32 and found.labels.indptr.dtype == np.int64
    return found.label_rows, found.texts.to_list(), list(found.skipped.items())


def by_chunks(path, options, chunk_bytes):
    reader = CorpusReader(path, options, chunk_bytes)
    rows, texts = [], []
    chunks = list(reader)
    for chunk in chunks:
        assert len(chunk) > 0
        bounds = zip(chunk.indptr[:-1], chunk.indptr[1:], strict=True)
        rows += [tuple(reader.names[i] for i in chunk.ids[a:b]) for a, b in bounds]
        texts += chunk.texts.to_list()
    assert reader.names == list(dict.fromkeys(name for row in rows for name in row))
    again = [chunk.texts.to_list() for chunk in reader]
    assert again == [chunk.texts.to_list() for chunk in chunks]
    return rows, texts, list(reader.skipped.items())


@settings(deadline=None, max_examples=600)
@given(
    st.one_of(GOOD, DAMAGED),
    st.sampled_from(["tsv", "fasttext"]),
    st.booleans(),
    st.sampled_from(["__label__", "#", "", "# ", "热", "a\0"]),
    st.integers(1, 40),
)
@example(b"\xef\xbb\xbf", "tsv", False, "#", 3)
@example(b"a\tx\r", "tsv", False, "#", 3)
@example(b"#a x\r", "fasttext", False, "#", 2)
@example(b"a\tx\nno tab\n\xff", "tsv", False, "#", 100)
def test_labelled_files_equal_their_twin(
    tmp_path_factory, data, kind, multilabel, prefix, chunk_bytes
):
    path = file_of(tmp_path_factory, data)
    options = ReadOptions(kind, prefix, multilabel=multilabel)
    wanted = outcome_of_twin(data, kind, prefix, multilabel, path)
    for found in (
        outcome(lambda: whole(path, options), path),
        outcome(lambda: by_chunks(path, options, chunk_bytes), path),
    ):
        if isinstance(wanted, str):
            assert isinstance(found, str) and found.startswith(wanted)
        else:
            assert found == wanted


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(GOOD, DAMAGED),
    st.sampled_from(["tsv", "fasttext"]),
    st.booleans(),
    st.sampled_from(["__label__", "#", "# ", "热"]),
    st.integers(1, 40),
)
def test_files_to_predict_equal_their_twin(
    tmp_path_factory, data, kind, multilabel, prefix, chunk_bytes
):
    path = file_of(tmp_path_factory, data)
    options = ReadOptions(kind, prefix, multilabel=multilabel)
    rows, texts = [], []
    reader = CorpusReader(path, options, chunk_bytes, known=("a", "b"), keeps_raw=True)
    wanted = reference.all_lines(data, kind, prefix, multilabel)
    if not any(line.strip() for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n")):
        return  # read as plain text: nothing says what it is
    for chunk in reader:
        bounds = zip(chunk.indptr[:-1], chunk.indptr[1:], strict=True)
        rows += [tuple(reader.names[i] for i in chunk.ids[a:b]) for a, b in bounds]
        texts += [text.encode() for text in chunk.texts.to_list()]
        assert len(chunk.raw) == len(chunk)
    assert (rows, texts) == wanted


def texts_of(path, chunk_bytes, prefix):
    options = ReadOptions("text", label_prefix=prefix or "")
    return [chunk.texts for chunk in CorpusReader(path, options, chunk_bytes, known=())]


@settings(deadline=None, max_examples=400)
@given(
    st.one_of(GOOD, DAMAGED, UTF8),
    st.sampled_from([None, "__label__", "#", "# ", "热"]),
    st.integers(1, 40),
)
def test_unlabelled_files_equal_their_twin(tmp_path_factory, data, prefix, chunk_bytes):
    path = file_of(tmp_path_factory, data)
    parts = texts_of(path, chunk_bytes, prefix)
    found = [text.encode() for part in parts for text in part.to_list()]
    assert found == reference.plain_lines(data, prefix)
    assert all(len(part) for part in parts)


@settings(deadline=None, max_examples=600)
@given(UTF8)
def test_faults_are_pythons(data):
    try:
        data.decode()
        wanted = -1
    except UnicodeDecodeError as error:
        wanted = error.start
    assert utf8.first_fault(array(data)) == wanted


@pytest.mark.parametrize("lead", [*range(0x80, 0x100)])
def test_faults_of_each_lead_byte(lead):
    ends = [0x00, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC0]
    for second in ends:
        for third in (0x7F, 0x80, 0xBF):
            data = bytes([lead, second, third, 0x80])
            text, offsets = np.empty(12, np.uint8), np.empty(2, np.int64)
            utf8.replace_faults(array(data), np.array([0, 4]), text, offsets)
            wanted = data.decode("utf-8", "replace").encode()
            assert text[: offsets[1]].tobytes() == wanted
            for size in (1, 2, 3):
                utf8.replace_faults(array(data), np.array([0, size]), text, offsets)
                wanted = data[:size].decode("utf-8", "replace").encode()
                assert text[: offsets[1]].tobytes() == wanted


def test_white_space_around_labels_is_pythons(write):
    spaces = [chr(i) for i in range(0x110000) if chr(i).isspace() and chr(i) not in "\n\t"]
    others = ["\0", "\u200b", "\ufeff", "\u180e", "\u2007b", "\u0084", "\u3001", "\u1681"]
    path = write("".join(f"{c}{c}a{c}b{c}{c}\tx\n" for c in [*spaces, *others]), "x.tsv")
    wanted = [(f"{c}{c}a{c}b{c}{c}".strip(),) for c in [*spaces, *others]]
    assert len(spaces) > 20
    assert read_corpus(path).label_rows == wanted


@pytest.mark.parametrize("multilabel", [False, True])
def test_many_labels_and_long_ones(write, multilabel):
    """The table of labels and the arrays of rows grow several times."""
    rng, n = np.random.default_rng(0), 400 if JIT_DISABLED else 4000
    names = [f"label {i} " + "x" * int(rng.integers(0, 300)) for i in range(3000)]
    chosen = [[names[i].strip() for i in rng.integers(0, 3000, 3)] for _ in range(n)]
    path = write("".join(f"{','.join(row)}\ttext {i}\n" for i, row in enumerate(chosen)), "x.tsv")
    wanted = [tuple(dict.fromkeys(row)) if multilabel else (",".join(row),) for row in chosen]
    found = read_corpus(path, ReadOptions(multilabel=multilabel))
    assert found.label_rows == wanted
    assert found.texts.to_list() == [f"text {i}" for i in range(n)]
    options = ReadOptions(multilabel=multilabel)
    assert by_chunks(path, options, 1 << 14)[0] == wanted


def test_a_row_of_very_many_labels(write):
    names = [str(i) for i in range(2_000 if JIT_DISABLED else 20_000)]
    path = write("__label__" + " __label__".join(names + names) + " text\n")
    assert read_corpus(path).label_rows == [tuple(names)]


def test_chunks_are_bounded(write):
    path = write("".join(f"a\ttext number {i}\n" for i in range(5000)), "x.tsv")
    sizes = [chunk.texts.buffer.size for chunk in CorpusReader(path, chunk_bytes=1000)]
    assert len(sizes) > 50 and max(sizes) <= 1000


def test_chunks_of_tables_are_bounded_too(write):
    path = write("label,text\n" + "".join(f"a,text number {i}\n" for i in range(5000)), "x.csv")
    reader = CorpusReader(path, chunk_bytes=1000)
    chunks = list(reader)
    assert len(chunks) > 50 and max(chunk.texts.buffer.size for chunk in chunks) < 1100
    assert sum(map(len, chunks)) == 5000 and reader.names == ["a"]


def test_errors_come_when_their_chunk_is_read(write):
    path = write("a\tx\n" * 1000 + "no tab\n", "x.tsv")
    reader = iter(CorpusReader(path, chunk_bytes=100))
    next(reader)
    with pytest.raises(InputError, match=re.escape(f"{path}:1001: no tab")):
        list(reader)


def test_the_default_chunk_is_some_megabytes():
    assert CorpusReader("x").chunk_bytes == corpus.DEFAULT_CHUNK_BYTES == 1 << 24


def test_each_kernel_is_compiled_once(write):
    if not hasattr(kernels.read_tsv, "signatures"):
        pytest.skip("nothing is compiled")
    read_corpus(write("a\tx\n"))
    read_corpus(write("__label__a x\n"))
    texts_of(write(b"\xff"), 100, "__label__")
    for kernel in (
        kernels.read_tsv, kernels.read_fasttext, utf8.first_fault, kernels.clean_lines,
        utf8.replace_faults,
    ):  # fmt: skip
        assert len(kernel.signatures) <= 2, kernel  # the tests call some with other arrays
