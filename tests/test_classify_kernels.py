"""From a text to its labels in one compiled call, and what the call is made of, against twins."""

import itertools

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.compiled.compiling import LEAF, compiler
from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.kernels import codes as codes_kernels
from fasttext_lite.features.kernels.rows import insert_codes
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.kernels import classify, remember
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.normalize import lower_table

pytestmark = pytest.mark.kernels
_kernel = compiler(LEAF)

TRAIN = [
    ("a", "red apple"),
    ("b", "blue sky"),
    ("c", "苹果 很红"),
    ("a", "apple pie"),
    ("b", "sky"),
]
TEXTS = ["red sky", "apple apple pie 苹果", "很 blue", "an apple", "sky?"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 2**31 - 1), max_size=40, unique=True),
    st.lists(st.integers(0, 2**31 - 1), max_size=40),
    st.data(),
)
def test_codes_without_a_row_are_left_out(known, others, data):
    table = np.full((128, 2), -1, np.int32)
    assert insert_codes(np.array(known, np.int32), table)
    asked = data.draw(st.lists(st.sampled_from([*known, *others, 0]), max_size=60))
    codes = np.array([7, *asked], np.int32)
    n = remember.find_rows(codes, 1, codes.size, table)
    assert codes[1 : 1 + n].tolist() == [known.index(code) for code in asked if code in known]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 2**64 - 1), st.integers(1, 2**31 - 1))
def test_remainders(number, bucket):
    for divisor in (bucket, 1, 2**20, 2_000_000):
        inverse = np.uint64(codes_kernels.inverse_of(np.int64(divisor)))
        assert inverse == (2**64 - 1) // divisor
        assert (
            codes_kernels.remainder(np.uint64(number), np.int64(divisor), inverse)
            == number % divisor
        )


WORDS = [
    "a",
    "ab",
    "苹",
    "a\0",
    "\0",
    "wordofeight",
    "x" * 24,
    "x" * 25,
    "é" * 12,
    "é" * 13,
    "</s>",
]
CONFIGS = [
    {"word_ngrams": 1, "maxn": 0},
    {"word_ngrams": 2, "minn": 2, "maxn": 4, "boundaries": True},
    {"word_ngrams": 3, "minn": 1, "maxn": 2, "eos": True, "pooling": "mean", "bucket": 7},
    {"word_ngrams": 4, "minn": 3, "maxn": 6, "bucket": 50, "pooling": "blocks"},
    {"word_ngrams": 2, "maxn": 0, "pooling": "tfidf", "eos": True},
]


def marked(documents):
    """Return text, marks and offsets of documents of tokens, a space between each two."""
    text, marks, offsets = bytearray(), [], [0]
    for tokens in documents:
        for token in tokens:
            data = token.encode()
            text += data + b" "
            marks += [INSIDE] * (len(data) - 1) + [END, OUTSIDE]
        offsets.append(len(text))
    buffer = np.frombuffer(bytes(text), np.uint8)
    return buffer, np.array(marks, np.uint8), np.array(offsets, np.int64)


class Rows:
    """What finds the rows of documents: memory and room as `Worker` has them."""

    def __init__(self, space, n_entries, n_remembered):
        self.tables, self.n_rows = space.tables, space.n_rows
        self.memory = [
            np.zeros((n_entries, remember.ENTRY), np.int64),
            np.empty(n_remembered, np.int32),
            np.zeros(remember.N_COUNTERS, np.int64),
        ]
        self.places = np.zeros(space.n_rows, np.int32)
        self.room = [
            np.zeros(space.config.word_ngrams + 1, np.uint64),
            np.empty(4000, np.int32),
            np.empty(4000, np.int32),
            np.empty((4000, remember.PIECE), np.int32),
            np.zeros((remember.WAITING, remember.TOKEN), np.int64),
        ]

    def of(self, text, marks, start, end):
        """Return the rows of a document, how often it has each, and the share of characters."""
        words, pool, bounds, rows, factors, _, options = self.tables
        running, of_words, of_chars, pieces, tokens = self.room
        n_words, n_pieces, share = remember.list_pieces(
            text, marks, start, end, words, pool, bounds, rows, options, *self.memory,
            running, of_words, of_chars, pieces, tokens,
        )  # fmt: skip
        found, counts = np.empty(4000, np.int32), np.full(4000, np.nan, np.float32)
        n = remember.distinct_rows(
            of_words, n_words, of_chars, pieces, n_pieces, self.memory[1], rows, factors,
            self.memory[2], self.places, found, counts,
        )  # fmt: skip
        return found[:n].tolist(), counts[:n].tolist(), share


def plain_rows(space, text, marks, start, end):
    """The slow twin: all codes one after another, their rows, and how often each comes."""
    words, pool, bounds, _, _, _, options = space.tables
    running = np.zeros(space.config.word_ngrams + 1, np.uint64)
    of_words, of_chars = np.empty(4000, np.int32), np.empty(4000, np.int32)
    n_words, n_chars, share = codes_kernels.list_codes(
        text, marks, start, end, words, pool, bounds, options, options[codes_kernels.EOS_WORD],
        running, of_words, of_chars,
    )  # fmt: skip
    row_of = {code: row for row, code in enumerate(space.row_codes.tolist())}
    counts = {}
    for code in [*of_words[:n_words].tolist(), *of_chars[:n_chars].tolist()]:
        if code in row_of:
            counts[row_of[code]] = counts.get(row_of[code], 0) + 1
    return list(counts), list(counts.values()), share


@pytest.mark.parametrize("changes", CONFIGS, ids=str)
@settings(deadline=None, max_examples=15)
@given(
    known=st.lists(st.lists(st.sampled_from(WORDS[:8]), max_size=6), min_size=1, max_size=5),
    asked=st.lists(st.lists(st.sampled_from(WORDS), max_size=20), min_size=1, max_size=6),
    n_entries=st.sampled_from([1, 4, 16, 64]),
    n_remembered=st.sampled_from([0, 5, 40, 1000]),
)
def test_rows_are_the_same_however_full_the_memory_is(
    changes, known, asked, n_entries, n_remembered
):
    config = resolve(Config(analyzer="whitespace", recipe="fixed", **changes), 2, False)
    space = FeatureSpace.fit(analyze(Texts.from_sequence(known), config), config)[0]
    rows = Rows(space, n_entries, n_remembered)
    text, marks, offsets = marked(asked * 2)
    for start, end in itertools.pairwise(offsets.tolist()):
        expected = plain_rows(space, text, marks, start, end)
        assert rows.of(text, marks, start, end) == expected
    rows.memory[2][remember.DOCUMENT] = remember.LAST_DOCUMENT - 1
    rows.memory[2][remember.BASE] = remember.LAST_BASE - 1
    for start, end in itertools.pairwise(offsets.tolist()):
        expected = plain_rows(space, text, marks, start, end)
        assert rows.of(text, marks, start, end) == expected
    assert rows.memory[2][remember.DOCUMENT] < remember.LAST_DOCUMENT


@pytest.mark.parametrize("dim", [1, 15, 16, 17, 40, 64, 100, 129])
def test_sums_of_rows(dim):
    rng = np.random.default_rng(dim)
    table = read_only(rng.normal(size=(50, dim)).astype(np.float32))
    for n in (0, 1, 30, 60):
        found = rng.integers(0, 50, n).astype(np.int32)
        weights = rng.normal(size=n).astype(np.float32)
        hidden = np.full((3, dim), 7, np.float32)
        classify.sum_rows(table, found, weights, n, hidden, 1)
        expected = weights.astype(float) @ table[found].astype(float)
        np.testing.assert_allclose(hidden[1], expected, rtol=1e-5, atol=1e-5)
        assert (hidden[[0, 2]] == 7).all()


@settings(deadline=None, max_examples=80)
@given(st.text(st.characters(), max_size=12), st.booleans())
def test_characters_are_written_as_python_has_them(text, lowercase):
    pages, deltas = lower_table(lowercase, False, False)
    codes = np.array([ord(character) for character in text], np.uint32)
    room = np.zeros(4 * codes.size, np.uint8)
    kinds = [
        kind for kind in (np.uint8, np.uint16, np.uint32) if (codes <= np.iinfo(kind).max).all()
    ]
    for kind in kinds:
        size = classify.write_text(
            codes.astype(kind), np.asarray(pages, np.uint16), deltas, lowercase, room
        )
        if lowercase and any(character in "\u0130\u03a3" for character in text):
            assert size == -1
        else:
            expected = (text.lower() if lowercase else text).encode("utf-8", "surrogatepass")
            assert room[:size].tobytes() == expected


@pytest.mark.parametrize(
    ("loss", "head"), [("softmax", "learned"), ("ova", "linear"), ("ova", "learned")]
)
@pytest.mark.parametrize("changes", [{}, {"maxn": 3, "word_ngrams": 3}, {"bias": False}], ids=str)
def test_a_text_is_classified_as_its_rows_say(loss, head, changes):
    names, texts = zip(*TRAIN, strict=True)
    labels = Labels.from_rows([[name] for name in names])
    config = Config(loss=loss, head=head, epochs=2, dim=8 if head == "learned" else None, **changes)
    model = fit(Texts.from_sequence(texts), labels, config, seed=1, n_threads=1).model
    features = model.space.transform(analyze(Texts.from_sequence(TEXTS), model.config, 1), 1)
    for doc, text in enumerate(TEXTS):
        part = slice(features.indptr[doc], features.indptr[doc + 1])
        hidden = features.weights[part].astype(float) @ model.embeddings[features.ids[part]]
        np.testing.assert_allclose(model.embed([text])[0], hidden, rtol=1e-5, atol=1e-6)
        hidden = hidden[:3] if head == "linear" else hidden
        scores = hidden if head == "linear" else model.output.astype(float) @ hidden
        chances = reference.softmax(scores)
        if loss != "softmax":
            chances = reference.sigmoid(scores) / reference.sigmoid(scores).sum()
        found = model.predict_one(text, k=3)
        best = sorted(range(3), key=lambda label: -chances[label])
        assert [name for name, _ in found] == [model.labels[label] for label in best]
        np.testing.assert_allclose([p for _, p in found], chances[best], rtol=1e-5)
