"""Documents to labels the quick way: the same rows, sums and bits as the plain way, in any state.

The plain way is `kernels.text.list_example` and `mean_of_rows`, which have their own slow twin.
"""

import ctypes
import re
import threading

import numpy as np
import pytest
from conftest import JIT_DISABLED
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compat import engine as engines
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.kernels import documents, memory, predict, state
from fasttext_lite.compat.kernels.text import list_example
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.quantize import quantize
from fasttext_lite.compiled import addresses, bytes64
from fasttext_lite.compiled.compiling import LEAF, compiler

pytestmark = pytest.mark.kernels

PIECES = [
    b"a", b"bc", b"<", b">", b"</s>", b"__label__x", b"__label__new", b" ", b"\t", b"\0", b" ",
    b"\x0b\x0c\r", "中文".encode(), "é👍".encode(), b"\x80", b"\xbf\xe4", b"\xff", b"</s", b"word",
    b"longer-than-eight-bytes", "分词" * 12, b"\x1c", b" ", b" ",
]  # fmt: skip
PIECES = [piece.encode() if isinstance(piece, str) else piece for piece in PIECES]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map(b"".join)
WORDS = [b"</s>", b"a", b"word", "中文".encode(), b"\xff", b"abc", b"longer-than-eight-bytes"]
LABELS = [b"__label__x", b"__label__y", b"__label__z"]
SETTINGS = [
    {},
    {"word_ngrams": 3},
    {"minn": 2, "maxn": 4},
    {"minn": 1, "maxn": 3, "word_ngrams": 2},
    {"loss": "hs", "minn": 2, "maxn": 5},
    {"loss": "ova", "word_ngrams": 2},
]


def make(dim=5, kept=None, labels=LABELS, seed=1, places=False, **chosen):
    """Return a model with random numbers."""
    args = Args.supervised(**{"dim": dim, "bucket": 50, **chosen})
    n = len(WORDS) + len(labels)
    made = Dictionary.of_words(args, [*WORDS, *labels], range(n, 0, -1), len(WORDS), 99)
    if kept is not None:
        made.pairs = np.array([[b, row] for row, b in enumerate(kept)], np.int32).reshape(-1, 2)
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((made.n_rows, dim)).astype(np.float32)
    where = None
    if places:
        where = rng.permutation(made.n_rows).astype(np.int32)
        where[rng.random(made.n_rows) < 0.5] = -1
    output = rng.standard_normal((len(labels), dim)).astype(np.float32)
    return FastTextModel(ModelParts(args, made, DenseTable.of(rows, where), DenseTable.of(output)))


def plain(model, data):
    """Return the mean of a document's rows, and their number, the plain way."""
    line = np.array([0, len(data) + 1])
    hidden, n_rows = model.embed(as_array(data + b"\n"), line, 1)
    return hidden[0], int(n_rows[0])


def quick(model, data, exact=True):
    """Return the same the quick way; a folded model's scores."""
    numbers = model.engine(exact).state.numbers
    scratch = np.zeros(state.scratch_units(len(data), numbers), np.int64)
    state.lay_out(scratch, len(data), numbers)
    n_rows = documents.sum_document(as_array(data), 0, len(data), True, numbers, scratch)
    place, size = scratch[3 * state.HIDDEN : 3 * state.HIDDEN + 2]
    hidden = np.array((ctypes.c_float * int(size)).from_address(int(place)), np.float32)
    return (hidden * np.float32(1 / n_rows) if n_rows else hidden), int(n_rows)


# -- tokens ----------------------------------------------------------------------------------
def bounds_of(data, start, stop, room):
    found, i = [], start
    bounds, tail = np.zeros(2 * room, np.int64), np.zeros(64, np.uint8)
    while i < stop:
        n, i = documents.find_tokens(as_array(data), i, stop, tail, bounds)
        found += bounds[:n].tolist()
    return list(zip(found[::2], found[1::2], strict=True))


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 9), st.data())
def test_tokens_lie_between_spaces(data, room, draw):
    data = bytes(b if b % 3 else 32 for b in data)  # many spaces, of all kinds
    start = draw.draw(st.integers(0, len(data)))
    while 0 < start < len(data) and data[start - 1 : start] not in (b" ", b"\n"):
        start += 1
    stop = draw.draw(st.integers(start, len(data)))
    found = [m.span() for m in re.finditer(rb"[^ \t\n\v\f\r\0]+", data[start:stop])]
    expected = [(a + start, b + start) for a, b in found]
    assert bounds_of(data, start, stop, room) == expected


@pytest.mark.parametrize("size", [0, 1, 63, 64, 65, 127, 128, 200])
def test_newlines_are_found_wherever_they_are(size):
    tail = np.zeros(64, np.uint8)
    for place in range(size):
        data = as_array(b"x" * place + b"\n" + b"x" * (size - place - 1))
        assert documents.has_newline(data, 0, size, tail)
        assert not documents.has_newline(data, 0, place, tail)
        assert not documents.has_newline(data, place + 1, size, tail)


# Intrinsics are called from compiled code alone.
_kernel = compiler(LEAF)


@_kernel
def masks(data, at):
    return bytes64.space_mask(data, at), bytes64.byte_mask(data, at, np.uint8(10))


@_kernel
def first_bit(mask):
    return bytes64.first_bit(mask)


@_kernel
def share(shared):
    first, second = bytes64.publish(shared, 1, 7), bytes64.publish(shared, 1, 8)
    found = bytes64.load_shared(shared, 1)
    return first, second, found, bytes64.take(shared, 2, 5), bytes64.take(shared, 2, 1)


def test_masks_of_64_bytes():
    data = np.arange(256, dtype=np.uint8)
    for at in range(0, 193, 7):
        spaces, newlines = map(int, masks(data, at))
        for i in range(64):
            assert spaces >> i & 1 == (at + i in b" \t\n\v\f\r\0")
            assert newlines >> i & 1 == (at + i == 10)
    assert [first_bit(np.uint64(1 << i)) for i in range(64)] == list(range(64))


def test_numbers_that_threads_share():
    shared = np.zeros(3, np.int64)
    assert share(shared) == (True, False, 7, 0, 5)
    assert shared.tolist() == [0, 7, 6]


# -- memory ----------------------------------------------------------------------------------
def memory_of(megabytes=1):
    slots, arena, counters = engines.room_for_words(megabytes)
    return memory.Memory(slots, arena, counters, arena.view(np.uint64), arena[:0].view(np.float32))


def enter(store, token, hash64, numbers):
    data = as_array(token)
    assert memory.has_room(len(token), len(numbers), store)
    unit = memory.new_entry(data, 0, len(token), hash64, 3, 9, len(numbers), store)
    at = memory.numbers_of(store.arena, unit)
    store.arena[at : at + len(numbers)] = numbers
    memory.publish_entry(hash64, unit, store)


def find(store, token, hash64):
    unit = memory.find_entry(as_array(token), 0, len(token), hash64, store)
    if not unit:
        return None
    at = memory.numbers_of(store.arena, unit)
    return store.arena[at : at + store.arena[2 * unit + memory.SIZE]].tolist()


def test_words_of_one_hash_are_told_apart_by_their_bytes():
    store, hash64 = memory_of(), np.uint64(0xABCDEF0123456789)
    tokens = [b"a", b"b", b"12345678", b"12345679", b"123456781", b"1234567\x80", b"x" * 64]
    for i, token in enumerate(tokens):
        assert find(store, token, hash64) is None
        enter(store, token, hash64, [i] * (i + 1))
    for i, token in enumerate(tokens):
        assert find(store, token, hash64) == [i] * (i + 1)
    for other in (b"", b"c", b"1234567", b"123456780", b"x" * 63, b"x" * 63 + b"y"):
        assert find(store, other, hash64) is None


@settings(max_examples=100, deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=64), min_size=1, max_size=30, unique=True))
def test_words_are_found_with_what_was_entered(tokens):
    store, hashes = memory_of(), {}
    for i, token in enumerate(tokens):
        padded = as_array(b"??" + token + b"behind it")  # hashes do not see what lies around
        hashes[token] = np.uint64(memory.hash_token(as_array(token), 0, len(token)))
        assert hashes[token] == memory.hash_token(padded, 2, 2 + len(token))
        enter(store, token, hashes[token], [i])
    assert [find(store, token, hashes[token]) for token in tokens] == [
        [i] for i in range(len(tokens))
    ]


def test_half_of_the_slots_stay_free_whatever_threads_do_at_once():
    """Each thread asks for room before any of them has published what it enters."""
    store = memory_of(0.0002)
    assert store.slots.size == 2
    tokens = [b"a", b"b", b"c"]
    assert all(memory.has_room(1, 0, store) for _ in tokens)
    units = [
        memory.new_entry(as_array(token), 0, 1, np.uint64(i), 1, 1, 0, store)
        for i, token in enumerate(tokens)
    ]
    assert [unit > 0 for unit in units] == [True, False, False]
    memory.publish_entry(np.uint64(0), units[0], store)
    assert find(store, b"d", np.uint64(9)) is None


def test_a_memory_is_bounded_and_says_when_it_is_full():
    store = memory_of(0.01)
    n = 0
    while memory.has_room(4, 2, store):
        enter(store, b"%04d" % n, np.uint64(n * 0x9E3779B97F4A7C15 % 2**64), [n, n])
        n += 1
        assert n < 10_000
    assert n > 20
    assert store.counters[memory.ENTRIES] == n
    assert not memory.is_stale(store.counters)
    for _ in range(memory.STALE * 1000):
        memory.has_room(4, 2, store)
    assert memory.is_stale(store.counters)
    none = memory_of(0)
    assert not memory.has_room(1, 1, none)
    assert none.counters[memory.MISSED] == 0


# -- documents -------------------------------------------------------------------------------
@pytest.mark.parametrize("chosen", SETTINGS, ids=str)
@pytest.mark.parametrize("megabytes", [0, 0.003, 1])
def test_sums_have_the_bits_of_the_plain_way(chosen, megabytes):
    model = make(**chosen)
    model.cache = megabytes

    @settings(max_examples=40, deadline=None)
    @given(TEXTS)
    def check(data):
        expected, n_expected = plain(model, data)
        for _ in range(2):  # the second time words are remembered
            hidden, n_rows = quick(model, data)
            assert n_rows == n_expected
            np.testing.assert_array_equal(hidden.view(np.int32), expected.view(np.int32))
        if model.args.loss != "hs":
            loose, n_rows = quick(model, data, exact=False)
            assert n_rows == n_expected
            np.testing.assert_allclose(loose, expected, atol=1e-5)

    check()


@pytest.mark.parametrize("kept", [[], [3, 49, 0], list(range(0, 50, 2))])
def test_pruned_models(kept):
    model = make(kept=kept, minn=1, maxn=4, word_ngrams=2)

    @settings(max_examples=60, deadline=None)
    @given(TEXTS)
    def check(data):
        expected, n_expected = plain(model, data)
        hidden, n_rows = quick(model, data)
        assert n_rows == n_expected
        np.testing.assert_array_equal(hidden.view(np.int32), expected.view(np.int32))

    check()


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 32, 33, 48, 63, 64, 65, 100, 130])
def test_rows_of_any_size_are_summed_in_order(dim):
    rng = np.random.default_rng(dim)
    rows = (rng.standard_normal((40, dim)) * 10.0 ** rng.integers(-6, 6, (40, 1))).astype(
        np.float32
    )
    ids = rng.integers(0, 40, 50).astype(np.int32)
    hidden = rng.standard_normal(dim).astype(np.float32)
    expected = hidden.copy()
    for row in ids[3:45]:
        expected += rows[row]
    documents.add_rows(rows.reshape(-1), ids, 3, 45, hidden)
    np.testing.assert_array_equal(hidden, expected)


@pytest.mark.parametrize("chosen", [{"minn": 2, "maxn": 4}, {"word_ngrams": 2}], ids=str)
def test_documents_and_words_of_any_length(chosen, monkeypatch):
    model = make(**chosen)
    n = 300 if JIT_DISABLED else 30_000
    cases = [
        b"a word abc " * n, b"x" * (5 * n), ("中文" * n).encode(), b" " * n + b"a",
        b" ".join(b"%d" % i for i in range(n)), b"a" + b"\n" * n + b"word", b"\x80" * n,
    ]  # fmt: skip
    for data in cases:
        expected = plain(model, data.replace(b"\n", b" "))
        for _ in range(2):
            hidden, n_rows = quick(model, data)
            assert n_rows == expected[1]
            np.testing.assert_array_equal(hidden, expected[0])


def test_what_follows_the_end_of_a_line_is_not_seen():
    model = make(word_ngrams=2)
    found = model.predict_texts(["a\nword", "a"], 2)
    np.testing.assert_array_equal(found.scores[0], found.scores[1])
    for data in (b"a </s> word", b"</s>", b"a </s> </s> word", b"a </s"):
        expected, n_expected = plain(model, data)
        hidden, n_rows = quick(model, data)
        assert n_rows == n_expected
        np.testing.assert_array_equal(hidden, expected)
    for prefix in ("<", "</s>"):  # </s> looks like a label, and is a word
        model = make(label=prefix, labels=[b"<1", b"<2", b"<3"])
        assert quick(model, b"a word")[1] == plain(model, b"a word")[1]


def test_a_table_with_few_rows():
    model = make(places=True, minn=2, maxn=3)
    for data in (b"a word", "中文 b c".encode(), b""):
        expected, n_expected = plain(model, data)
        for _ in range(2):
            hidden, n_rows = quick(model, data)
            assert n_rows == n_expected
            np.testing.assert_array_equal(hidden, expected)


@pytest.mark.parametrize("chosen", [{"minn": 2, "maxn": 4}, {"word_ngrams": 2}], ids=str)
def test_inexact_sums_are_the_same_whatever_is_remembered(chosen):
    for dim in (5, 16):  # the second is folded
        model = make(dim=dim, **chosen)
        long = 200 if JIT_DISABLED else 5000
        texts = [b"a word \xe4\xb8\xad b", b"x" * long, b"longer-than-eight-bytes " * 30, b"q" * 70]
        model.cache = 0
        expected = [quick(model, data, exact=False)[0] for data in texts]
        for megabytes in (0.003, 1):
            model.cache = megabytes
            for _ in range(2):
                for data, sums in zip(texts, expected, strict=True):
                    found, _ = quick(model, data, exact=False)
                    np.testing.assert_array_equal(found.view(np.int32), sums.view(np.int32))


# -- predictions -----------------------------------------------------------------------------
@pytest.mark.parametrize("decoded", [True, False])
def test_quantised_tables(decoded, monkeypatch):
    if not decoded:
        monkeypatch.setattr(engines, "MOST_DECODED", 0)
    n_labels = 300
    labels = [b"__label__%d" % i for i in range(n_labels)]
    for loss in ("softmax", "hs"):
        dense = make(dim=6, labels=labels, loss=loss, bucket=400, minn=2, maxn=3)
        arguments = Args.supervised(qnorm=True, qout=True, input="", loss=loss)
        model = FastTextModel(quantize(dense, arguments).parts)
        expected = FastTextModel(
            ModelParts(
                model.args, model.dictionary, DenseTable.of(model.input.decode()),
                DenseTable.of(model.output.decode()),
            )
        )  # fmt: skip
        for text in ("a word abc", "中文 q r s", ""):
            ours, theirs = model.predict_text(text, 5), expected.predict_text(text, 5)
            assert ours[0] == theirs[0]
            np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-5)


@pytest.mark.parametrize("loss", ["softmax", "ova", "hs"])
@pytest.mark.parametrize("n_labels", [1, 2, 3])
def test_folded_models_say_the_same_but_for_rounding(loss, n_labels):
    labels = LABELS[:n_labels]
    model = make(dim=16, labels=labels, loss=loss, word_ngrams=2, minn=2, maxn=3)
    is_folded = model.engine(False).state.numbers[state.WIDTH] < 16
    assert is_folded == (n_labels > 1 or loss != "hs")
    texts = ["a word", "中文 b c d", "", "a b a b a b a b", "x" * 100]
    for _ in range(2):
        for text in texts:
            data = text.encode()
            ends = np.array([0, len(data)])
            exact = model.predict_documents(as_array(data), ends, -1)
            loose = model.predict_documents(as_array(data), ends, -1, exact=False)
            atol = 1e-5 if loss != "ova" else 0.01  # a bin of the table of sigmoids
            both = [np.zeros(n_labels), np.zeros(n_labels)]
            for row, found in zip(both, (exact, loose), strict=True):
                row[found.labels[0]] = found.scores[0]
            np.testing.assert_allclose(*both, atol=atol)


def test_documents_of_a_buffer_and_lines_are_the_same_texts():
    model = make(word_ngrams=2, minn=2, maxn=3)
    texts = ["a word", "", "中文 b", "a </s> word", "q" * 70]
    found = model.predict_texts(texts, 3)
    data = "\n\n".join(["!!", *texts, "??"]).encode()
    starts = np.cumsum([4, *(len(text.encode()) + 2 for text in texts)])
    offsets = np.stack([starts[:-1], starts[1:] - 2], axis=1)
    for i, (a, b) in enumerate(offsets.tolist()):
        one = model.predict_documents(as_array(data[:b]), np.array([a, b]), 3)
        np.testing.assert_array_equal(one.labels[0], found.labels[i])
        np.testing.assert_array_equal(one.scores[0], found.scores[i])
        assert one.n_rows[0] == found.n_rows[i]


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
def test_scores_of_chosen_labels_are_those_of_all(loss):
    model = make(dim=6, loss=loss, labels=[b"__label__%d" % i for i in range(9)], word_ngrams=2)
    texts = ["a word", "", "中文 b", "word word", "q" * 70]
    data = "".join(texts).encode()
    offsets = np.cumsum([0, *(len(text.encode()) for text in texts)])
    found = model.predict_documents(as_array(data), offsets, -1)
    wanted = [7, 0, 7, 3]
    scores = model.label_scores(as_array(data), offsets, wanted)
    expected = np.zeros((len(texts), 4), np.float32)
    for column, label in enumerate(wanted):
        docs, places = np.nonzero(found.labels == label)
        expected[docs, column] = found.scores[docs, places]
    np.testing.assert_array_equal(scores, expected)
    loose = model.label_scores(as_array(data), offsets, wanted, exact=False)
    np.testing.assert_allclose(loose, expected, atol=1e-5 if loss != "ova" else 0.01)
    assert model.label_scores(as_array(data), offsets, []).shape == (5, 0)
    for bad in (-1, 9):
        with pytest.raises(ValueError, match="labels are 0 to 8"):
            model.label_scores(as_array(data), offsets, [bad])


@settings(max_examples=200, deadline=None)
@given(st.text(st.characters(codec=None), max_size=20))
def test_strings_become_the_bytes_that_python_makes(text):
    address, n, kind, _ = addresses.text_at(text) if JIT_DISABLED else _text_at(text)
    room = np.zeros(4 * max(n, 1), np.uint8)
    size = predict.encode(address, n, kind, room)
    if "\n" in text.split("\ud800")[0] and size == predict.HAS_NEWLINE:
        return
    try:
        assert room[: max(size, 0)].tobytes() == text.encode() or "\n" in text
    except UnicodeEncodeError:
        assert size in (predict.HAS_SURROGATE, predict.HAS_NEWLINE)


def _text_at(text):
    """Return a copy's address and shape: characters as numbers of four bytes."""
    codes = np.array([ord(character) for character in text], np.uint32)
    _KEPT[:] = [codes]
    return codes.__array_interface__["data"][0], len(text), 4, text.isascii()


_KEPT = [None]


@pytest.mark.parametrize("text", ["ascii only", "é à ü", "ÿ", "中文 é", "👍 中 é a", "", "a" * 100])
def test_one_text_is_a_list_of_one(text):
    model = make(word_ngrams=2, minn=1, maxn=3)
    for k in (1, 2, -1, 50):
        for threshold in (0.0, 0.4, 1.0):
            found = model.predict_texts([text], k, threshold)
            labels, scores = model.predict_text(text, k, threshold)
            n = found.counts()[0]
            assert labels == found.labels[0, :n].tolist()
            np.testing.assert_array_equal(scores, found.scores[0, :n])


@pytest.mark.parametrize("loss", ["softmax", "hs"])
def test_a_model_without_labels_gives_none(loss):
    model = make(labels=[], loss=loss)
    assert model.predict_text("a word") == ([], pytest.approx([]))
    assert model.predict_documents(as_array(b"a"), np.array([0, 1])).labels.shape == (1, 0)


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
@pytest.mark.parametrize("exact", [True, False])
def test_what_is_no_number_is_no_answer(loss, exact):
    model = make(dim=16, loss=loss, word_ngrams=2)
    rows, output = model.input.decode(), model.output.decode()
    rows[1] = np.nan  # of the word a
    broken = FastTextModel(
        ModelParts(model.args, model.dictionary, DenseTable.of(rows), DenseTable.of(output))
    )
    good, bad = (as_array(b"word"), np.array([0, 4])), (as_array(b"a word"), np.array([0, 6]))
    assert broken.predict_documents(*good, 1, exact=exact).labels[0, 0] >= 0
    with pytest.raises(RuntimeError, match="Encountered NaN"):
        broken.predict_documents(*bad, 1, exact=exact)
    with pytest.raises(RuntimeError, match="Encountered NaN"):
        broken.label_scores(*bad, [0], exact=exact)
    with pytest.raises(RuntimeError, match="Encountered NaN"):
        broken.predict_text("a word")
    output[0] = np.nan
    broken = FastTextModel(
        ModelParts(model.args, model.dictionary, model.input, DenseTable.of(output))
    )
    with pytest.raises(RuntimeError, match="Encountered NaN"):
        broken.predict_documents(*good, 1, exact=exact)


def test_a_text_must_be_one_line():
    model = make()
    for text, what in (("a\nb", "newline"), ("é\n", "newline"), ("\ud800", "surrogate")):
        with pytest.raises(ValueError, match=what):
            model.predict_text(text)


# -- threads ---------------------------------------------------------------------------------
@pytest.mark.skipif(JIT_DISABLED, reason="Python's threads take turns")
@pytest.mark.parametrize("exact", [True, False])
def test_threads_share_a_memory_that_fills_and_is_renewed(exact):
    model = make(dim=20, minn=2, maxn=4, word_ngrams=2)
    model.cache = 0.02
    rng = np.random.default_rng(0)
    texts = [" ".join(f"w{i}" for i in rng.zipf(1.3, 30) % 5000) for _ in range(400)]
    data = " ".join(texts).encode()
    offsets = np.cumsum([0, *(len(text) + 1 for text in texts)])
    offsets[-1] -= 1
    expected = [model.predict_text(text, 3) for text in texts]
    model.cache = 0.02
    errors = []

    def run(first):
        for _ in range(15):
            found = model.predict_documents(as_array(data), offsets, 3, 0.0, 2, exact)
            for i, (labels, scores) in enumerate(expected):
                if exact and not (
                    found.labels[i].tolist() == labels and (found.scores[i] == scores).all()
                ):
                    errors.append(i)
                if not exact and abs(found.scores[i] - scores).max() > 1e-5:
                    errors.append(i)
            if not exact and not np.array_equal(found.scores, inexact):
                errors.append(-1)
            label, score = model.predict_text(texts[first], 1)
            if label != expected[first][0][:1] or score[0] != expected[first][1][0]:
                errors.append(first)

    inexact = model.predict_documents(as_array(data), offsets, 3, exact=False).scores
    threads = [threading.Thread(target=run, args=(i,)) for i in range(4)]
    before = model.engine(exact).state
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert model.engine(exact).state is not before


def test_blocks_of_documents_cover_them_once():
    rng = np.random.default_rng(1)
    for sizes in (
        [],
        [0],
        [0, 0, 0],
        [1 << 20, 5, 1 << 20],
        rng.integers(0, 1 << 17, 99),
        [1] * 9000,
    ):
        ends = np.cumsum(np.append(0, np.asarray(sizes, np.int64)))
        edges = engines.edges_of(ends[:-1], ends[1:])
        assert edges[0] == 0
        assert edges[-1] == len(sizes)
        assert edges == sorted(set(edges))


# -- the plain way's own pieces --------------------------------------------------------------
@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(1, 2**31 - 1))
def test_remainders(value, bucket):
    from fasttext_lite.compat.kernels.text import bucket_of, inverse_of

    inverse = np.int64(inverse_of(bucket))
    assert bucket_of(np.uint64(value), bucket, inverse) == value % bucket


def test_rows_are_those_of_the_plain_way():
    model = make(minn=2, maxn=3, word_ngrams=2)
    data = as_array("a 中文 word\n".encode())
    ids, labels = np.zeros(99, np.int32), np.zeros(9, np.int32)
    n, _, _ = list_example(
        data, 0, data.size, model.dictionary.lexicon, ids, np.zeros(9, np.uint64), labels
    )
    assert quick(model, data[:-1].tobytes())[1] == n
