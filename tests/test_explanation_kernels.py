"""Where features come from and who gets their contributions, against plain twins."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.explanation import kernels
from fasttext_lite.features.kernels.codes import BIAS_ROW, LEAST_CHARS
from fasttext_lite.features.kernels.codes import list_codes as plain_codes
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.text.analyzers import analyze

pytestmark = pytest.mark.kernels

CONFIGS = [
    {"word_ngrams": 1, "maxn": 0},
    {"word_ngrams": 2, "minn": 2, "maxn": 4, "boundaries": True},
    {"word_ngrams": 3, "minn": 1, "maxn": 2, "eos": True, "pooling": "mean", "bucket": 7},
    {"word_ngrams": 4, "minn": 3, "maxn": 6, "bucket": 50, "pooling": "blocks"},
    {"word_ngrams": 3, "minn": 2, "maxn": 3, "eos": True, "boundaries": True},
    {"word_ngrams": 2, "maxn": 0, "pooling": "tfidf", "eos": True, "bias": True},
]
WORDS = ["red", "apple", "x", "苹果", "é", "sky", "blue", "new"]
DOCUMENTS = st.lists(st.sampled_from(WORDS), max_size=7)


def space_of(given):
    config = resolve(Config(analyzer="whitespace", min_count=1, min_df=1, **given), 2, False)
    texts = ["red apple 苹果 x", "blue sky é", "red sky red apple", "苹果 é x"]
    space, _ = FeatureSpace.fit(analyze(Texts.from_sequence(texts), config), config)
    return space


SPACES = [space_of(given) for given in CONFIGS]


def document(tokens):
    """Return text and marks of a document of tokens, a space behind each."""
    text = "".join(f"{token} " for token in tokens).encode()
    marks = [
        mark for token in tokens for mark in [*[INSIDE] * (len(token.encode()) - 1), END, OUTSIDE]
    ]
    return np.frombuffer(text, np.uint8), np.array(marks, np.uint8)


def traced(space, tokens):
    text, marks = document(tokens)
    table, pool, bounds, *_, options = space.tables
    found = kernels.list_tokens(text, marks, text.size)
    return text, marks, found, kernels.list_places(text, found, table, pool, bounds, options)


@pytest.mark.parametrize("space", SPACES, ids=lambda space: str(space.config.word_ngrams))
@settings(deadline=None, max_examples=50)
@given(tokens=DOCUMENTS)
def test_codes_are_those_of_features_and_their_places_hold_them(space, tokens):
    text, marks, found, (of_words, places, is_own, of_chars, bounds, share) = traced(space, tokens)
    assert [text[a:b].tobytes().decode() for a, b in found] == tokens
    config, options = space.config, space.tables[-1]
    room = [np.empty(1000, np.int32), np.empty(1000, np.int32)]
    running = np.zeros(config.word_ngrams + 1, np.uint64)
    n_words, n_chars, expected = plain_codes(
        text, marks, 0, text.size, *space.tables[:3], options, space.eos_word, running, *room
    )
    assert of_words.tolist() == room[0][:n_words].tolist()
    assert of_chars.tolist() == room[1][:n_chars].tolist()
    assert share == expected
    # Own words, and n-grams that end with each token, the longest first.
    frame = [-1] if config.boundaries and config.word_ngrams > 1 else []
    words = space.words()
    plain = []

    def end(token):
        for length in range(min(len(frame) + 1, config.word_ngrams), 1, -1):
            real = [i for i in [*frame[-length + 1 :], token] if 0 <= i < len(tokens)]
            plain.append((real[0], real[-1], False) if real else None)
        frame.append(token)

    for i, token in enumerate(tokens):
        if token.encode() in words:
            plain.append((i, i, True))
        end(i)
    if config.eos:
        plain += [None] * (b"</s>" in words)
        end(len(tokens))
    if config.boundaries and (tokens or config.eos) and config.word_ngrams > 1:
        end(len(tokens) + 1)
    noted = [
        (int(a), int(b), bool(own)) if a <= b else None
        for (a, b), own in zip(places, is_own, strict=True)
    ]
    assert noted == plain
    # N-grams of characters: the bytes without < and >.
    least = options[LEAST_CHARS]
    grams = []
    if config.maxn:
        for (start, _), token in zip(found, tokens, strict=True):
            if len(token) < least:
                continue
            framed = f"<{token}>"
            for gram, (a, b) in zip(
                reference.subwords(token, max(config.minn, 1), config.maxn),
                spans_of(framed, max(config.minn, 1), config.maxn),
                strict=True,
            ):
                assert framed[a:b].encode() == gram
                inside = framed[max(a, 1) : min(b, len(framed) - 1)]
                first = start + len(framed[1 : max(a, 1)].encode())
                grams.append((first, first + len(inside.encode())))
    assert [tuple(pair) for pair in bounds.tolist()] == grams


def spans_of(framed, minn, maxn):
    size = len(framed)
    return [
        (i, i + n)
        for i in range(size)
        for n in range(1, maxn + 1)
        if i + n <= size and n >= minn and not (n == 1 and (i == 0 or i + n == size))
    ]


@pytest.mark.parametrize("space", SPACES, ids=lambda space: str(space.config.word_ngrams))
@settings(deadline=None, max_examples=50)
@given(tokens=DOCUMENTS, seed=st.integers(0, 9))
def test_contributions_go_where_features_come_from(space, tokens, seed):
    text, marks = document(tokens)
    found, places, is_own, bounds, rows, weights, counts, numbers = kernels.trace_document(
        text, marks, *space.tables
    )
    texts = Texts.from_sequence([" ".join(tokens)])
    features = space.transform(analyze(texts, space.config))
    assert rows.tolist() == features.ids.tolist()
    np.testing.assert_allclose(weights, features.weights, rtol=1e-6)  # a share as float32
    rng = np.random.default_rng(seed)
    table = rng.normal(size=(space.n_rows, 5)).astype(np.float32)
    halves = table.astype(np.float16)
    columns, direction = np.array([1, 3, 4]), rng.normal(size=3)
    for embeddings, numbers_of in ((table, table), (halves.view(np.uint16), halves)):
        shares, rest = kernels.share_out(
            text, found, places, is_own, bounds, numbers, rows, weights, counts, embeddings,
            columns, direction,
        )  # fmt: skip
        values = weights * (numbers_of[rows][:, columns].astype(float) @ direction)
        expected, free = np.zeros((2, text.size)), float(values.sum())

        def give(start, end, value, own, expected=expected):
            firsts = [i for i in range(start, end) if text[i] & 0xC0 != 0x80]
            for i in firsts:
                expected[own, i] += value / len(firsts)

        for i, number in enumerate(numbers.tolist()):
            if number < 0:
                continue
            value = values[number] / counts[number]
            if i >= len(places):
                give(*bounds[i - len(places)], value, 1)
            elif places[i, 0] <= places[i, 1]:
                named = range(places[i, 0], places[i, 1] + 1)
                for token in named:
                    give(*found[token], value / len(named), int(not is_own[i]))
            else:
                continue
            free -= value
        np.testing.assert_allclose(shares, expected, atol=1e-9)
        assert rest == pytest.approx(free, abs=1e-9)
        assert rest + shares.sum() == pytest.approx(values.sum(), abs=1e-9)


def test_a_document_of_unknown_tokens_has_no_features():
    for space in SPACES:
        text, marks = document(["unbeknown"] if not space.config.maxn else [])
        *_, rows, weights, counts, numbers = kernels.trace_document(text, marks, *space.tables)
        if space.config.eos:
            continue
        assert rows.size == weights.size == counts.size == 0
        assert (numbers == -1).all()
        assert space.tables[-1][BIAS_ROW] == space.bias_row


def test_words_have_what_their_bytes_have_of_both_streams():
    rng = np.random.default_rng(0)
    shares = rng.normal(size=(2, 21))
    plain = shares.copy()
    ends = np.array([[0, 3, 7], [3, 6, 10]])
    own, ngrams, both = kernels.sum_units(shares, ends, 10)
    folded = plain[:, :10] + plain[:, 11:]
    for i, (a, b) in enumerate(ends.T):
        assert own[i] == pytest.approx(folded[0, a:b].sum())
        assert ngrams[i] == pytest.approx(folded[1, a:b].sum())
    np.testing.assert_allclose(both, folded.sum(axis=0))
    own, ngrams, both = kernels.sum_units(plain[:, :10].copy(), ends, 10)
    np.testing.assert_allclose(both, plain[:, :10].sum(axis=0))
