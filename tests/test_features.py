"""Features: hashes against fastText itself, kernels against their twins, the feature space."""

import math
import pickle
from collections import Counter

import fasttext
import numpy as np
import pytest
import reference
from conftest import JIT_DISABLED
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fasttext_lite.config.fields import Config
from fasttext_lite.config.presets import PRESETS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features import gains as gains_module
from fasttext_lite.features import word_codes
from fasttext_lite.features.gains import estimate_pseudo_count
from fasttext_lite.features.kernels import codes as codes_kernels
from fasttext_lite.features.kernels import gains as gains_kernels
from fasttext_lite.features.kernels import numbered as numbered_kernels
from fasttext_lite.features.kernels import rows as rows_kernels
from fasttext_lite.features.kernels import weighing as weighing_kernels
from fasttext_lite.features.slots import code_options, n_slots
from fasttext_lite.features.space import LEAST_GAIN, LONG_FACTOR, FeatureSpace, most_frequent
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.text.kernels import words as kernels

pytestmark = pytest.mark.kernels

WORDS = ["", "a", "ab", "hello", "中", "中文", "naïve", "👍🏽", "x" * 40, "<b>", "한국어", "\u0301"]
# FNV-1a 32-bit with sign-extended bytes; a change here is another file format.
GOLDEN_HASHES = {
    "": 2166136261,
    "a": 3826002220,
    "ab": 1294271946,
    "hello": 1335831723,
    "</s>": 3617362777,
    "中": 3930512628,
    "中文": 1907909189,
    "naïve": 3440832043,
    "👍🏽": 3785677867,
    "é": 1023043777,
}
DOCUMENTS = st.lists(
    st.lists(
        st.sampled_from(["a", "b", "ab", "中", "hello", "naïve", "longerword", "👍"]), max_size=12
    ),
    min_size=1,
    max_size=6,
)


# What tokens, n-grams and weights come to without the newer parts.
PLAIN = {"supervision": 0.0, "bias": False, "boundaries": False}


def marked(documents, config):
    return analyze(Texts.from_sequence(documents), config)


def hash_of(data: bytes) -> int:
    value = kernels.FNV_OFFSET
    for byte in data:
        value = kernels.fnv_step(value, np.uint8(byte))
    return int(value)


@pytest.mark.parametrize("text", GOLDEN_HASHES)
def test_hashes_are_frozen(text):
    data = text.encode()
    assert hash_of(data) == reference.fnv(data) == GOLDEN_HASHES[text]


@pytest.fixture(scope="module")
def fasttext_model(tmp_path_factory):
    """Return a tiny model of fastText with character and word n-grams."""
    file = tmp_path_factory.mktemp("fasttext") / "train.txt"
    file.write_text("__label__x hello world 中文 naïve\n__label__y ab hello 👍🏽 한국어\n", "utf-8")
    # fastText initialises its embeddings in tenths, one by each thread: with fewer than 10
    # threads, or a size that 10 does not divide, a part stays whatever the memory held.
    return fasttext.train_supervised(
        str(file), dim=10, epoch=1, wordNgrams=3, minn=2, maxn=4, bucket=1009, thread=10, verbose=0
    )


@pytest.mark.parametrize("word", [word for word in WORDS if word])
def test_subwords_are_fasttexts(fasttext_model, word):
    n_words = len(fasttext_model.words)
    grams, ids = fasttext_model.get_subwords(word)
    grams, ids = list(grams), list(ids)
    if word in fasttext_model.words:
        grams, ids = grams[1:], ids[1:]
    data = np.frombuffer(word.encode(), np.uint8)
    codes = np.zeros(400, np.int32)
    n = codes_kernels.add_subwords(data, 0, data.size, 2, 4, 1009, n_words, codes, 0)
    assert codes[:n].tolist() == ids
    assert reference.subwords(word, 2, 4) == [gram.encode() for gram in grams]
    for gram, found in zip(grams, ids, strict=True):
        assert fasttext_model.get_subword_id(gram) == found
        assert n_words + hash_of(gram.encode()) % 1009 == found


@pytest.mark.parametrize(
    "text", ["hello world", "中文 naïve hello 中文", "unknown words only", "ab", "", "a b c d e f"]
)
def test_features_of_a_text_are_fasttexts(fasttext_model, text):
    """The mean of fastText's own rows over our features is its own sentence vector."""
    preset = PRESETS["fasttext"]
    config = Config(**(preset | {"word_ngrams": 3, "minn": 2, "maxn": 4, "bucket": 1009}))
    words = fasttext_model.words
    pool = np.frombuffer("".join(words).encode(), np.uint8)
    ends = np.cumsum([len(word.encode()) for word in words])
    rows = np.arange(len(words) + 1009, dtype=np.int32)
    space = FeatureSpace(config, pool, ends, rows, np.ones_like(rows), 2)
    found = space.transform(marked([text], config))
    vector = found.weights @ fasttext_model.get_input_matrix()[found.ids]
    np.testing.assert_allclose(
        vector, fasttext_model.get_sentence_vector(text), rtol=1e-4, atol=1e-7
    )


@settings(deadline=None, max_examples=60)
@given(
    DOCUMENTS,
    st.integers(1, 4),
    st.sampled_from([(0, 0), (1, 1), (2, 3), (3, 6), (0, 2)]),
    st.sampled_from([1, 7, 2_000]),
    st.booleans(),
    st.sampled_from(["whitespace", "auto"]),
    st.sampled_from(["mean", "tfidf"]),
)
def test_kernels_equal_their_twins(documents, word_ngrams, lengths, bucket, eos, analyzer, pooling):
    minn, maxn = lengths
    config = Config(
        analyzer=analyzer, word_ngrams=word_ngrams, minn=minn, maxn=maxn, bucket=bucket, eos=eos,
        pooling=pooling, lowercase=False, **PLAIN,
    )  # fmt: skip
    texts = marked(documents, config)
    space, features = FeatureSpace.fit(texts, config)
    vocabulary = {word.decode(): i for i, word in enumerate(space.words())}
    assert set(vocabulary) == {t for tokens in documents for t in tokens} | (
        {"</s>"} if eos else set()
    )
    expected_codes = [
        reference.codes(
            tokens, vocabulary, word_ngrams=word_ngrams, minn=max(minn, 1), maxn=maxn,
            bucket=bucket, eos=eos, least_chars=1 if analyzer == "whitespace" else 2,
        )
        for tokens in documents
    ]  # fmt: skip
    rows = {int(code): row for row, code in enumerate(space.row_codes)}
    assert set(rows) == {code for counts in expected_codes for code in counts}
    frequency = [sum(int(code) in counts for counts in expected_codes) for code in space.row_codes]
    assert space.frequency.tolist() == frequency
    assert frequency == sorted(frequency, reverse=True)
    idf = None
    if pooling == "tfidf":
        idf = np.log((1 + len(documents)) / (1 + np.array(frequency, float))) + 1
    for i, counts in enumerate(expected_codes):
        part = slice(features.indptr[i], features.indptr[i + 1])
        found = dict(zip(features.ids[part].tolist(), features.weights[part].tolist(), strict=True))
        assert len(found) == part.stop - part.start, "a row stands twice"
        expected = reference.weights(counts, rows, idf)
        assert found.keys() == expected.keys()
        np.testing.assert_allclose(
            [found[row] for row in expected], list(expected.values()), rtol=1e-5
        )
    n_codes = np.zeros(len(documents), np.int64)
    codes_kernels.count_codes(
        texts.buffer, texts.marks, texts.offsets, 0, len(texts), code_options(config), n_codes
    )
    assert all(sum(c.values()) <= n for c, n in zip(expected_codes, n_codes, strict=True))


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS, DOCUMENTS, st.integers(1, 3), st.sampled_from(["blocks", "tfidf"]), st.booleans())
def test_transform_is_fit_for_known_and_drops_unknown(seen, unseen, word_ngrams, pooling, bias):
    config = Config(
        word_ngrams=word_ngrams, minn=2, maxn=3, lowercase=False, pooling=pooling, bias=bias
    )
    space, features = FeatureSpace.fit(marked(seen, config), config)
    again = space.transform(marked(seen, config))
    for a, b in zip(
        (features.ids, features.weights, features.indptr),
        (again.ids, again.weights, again.indptr),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)
    other = space.transform(marked(unseen, config))
    assert other.ids.size == 0 or other.ids.max() < space.n_rows
    norms = [
        np.square(other.weights[a:b], dtype=float).sum()
        for a, b in zip(other.indptr[:-1], other.indptr[1:], strict=True)
    ]
    assert all(abs(norm - 1 - bias) < 1e-5 or norm == 0 for norm in norms)


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS, DOCUMENTS, st.booleans(), st.sampled_from(["mean", "tfidf", "blocks"]))
def test_growing_equals_fitting_all_at_once(first, second, eos, pooling):
    config = Config(word_ngrams=3, minn=2, maxn=3, eos=eos, pooling=pooling, lowercase=False)
    space, _ = FeatureSpace.fit(marked(first, config), config)
    old_names = names(space)
    grown, features = space.grow(marked(second, config))
    assert names(grown)[: space.n_rows] == old_names, "rows must keep their features"
    whole, _ = FeatureSpace.fit(marked(first + second, config), config)
    assert sorted(names(grown)) == sorted(names(whole))
    frequency = dict(zip(names(grown), grown.frequency.tolist(), strict=True))
    assert frequency == dict(zip(names(whole), whole.frequency.tolist(), strict=True))
    assert grown.n_texts == whole.n_texts
    expected = whole.transform(marked(second, config))
    a = by_name(grown, features)
    b = by_name(whole, expected)
    assert [d.keys() for d in a] == [d.keys() for d in b]
    for found, wanted in zip(a, b, strict=True):
        np.testing.assert_allclose([found[k] for k in wanted], list(wanted.values()), rtol=1e-6)


def names(space):
    """Return each row's feature as (kind, word or number of the slot)."""
    words = space.words()
    last = space.n_words + n_slots(space.config)
    return [
        ("word", words[code].decode())
        if code < space.n_words
        else ("bias", "")
        if code == last
        else ("slot", str(code - space.n_words))
        for code in space.row_codes.tolist()
    ]


def by_name(space, features):
    row_names = names(space)
    bounds = zip(features.indptr[:-1], features.indptr[1:], strict=True)
    return [
        {row_names[i]: w for i, w in zip(features.ids[a:b], features.weights[a:b], strict=True)}
        for a, b in bounds
    ]


def test_min_count_drops_words_but_not_their_ngrams():
    config = Config(min_count=2, word_ngrams=2, maxn=0, **PLAIN)
    space, features = FeatureSpace.fit(marked(["a b", "a c"], config), config)
    assert space.words() == [b"a"]
    assert space.n_rows == 1 + 2  # a, and the hash slots of "a b" and "a c"
    assert np.diff(features.indptr).tolist() == [2, 2]


@given(st.lists(st.integers(0, 4)), st.integers(1, 4), st.integers(0, 12))
@example([], 1, 3)
def test_themost_frequent_features_are_kept(frequency, min_df, most):
    codes = [code for code, n in enumerate(frequency) if n >= min_df]
    codes = sorted(codes, key=lambda code: -frequency[code])
    found = most_frequent(np.array(frequency, np.int32), min_df, most)
    assert found.tolist() == (codes[:most] if most else codes)


@settings(deadline=None, max_examples=80)
@given(
    st.lists(DOCUMENTS, min_size=1, max_size=3),
    st.sampled_from([(1, 0, 0), (2, 2, 4), (3, 1, 3), (1, 3, 6)]),
    st.sampled_from(["blocks", "tfidf"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 8, 1 << 12]),
    st.sampled_from([1, 3]),
)
def test_codes_of_numbers_are_those_of_texts(
    pieces, ngrams, pooling, eos, others, listed, n_threads
):
    """Whatever of the words' n-grams is kept, and of words without a code."""
    word_ngrams, minn, maxn = ngrams
    config = Config(
        word_ngrams=word_ngrams, minn=minn, maxn=maxn, bucket=50, pooling=pooling, eos=eos,
        boundaries=others, bias=others, min_count=2 if others else 1, analyzer="whitespace",
    )  # fmt: skip
    vocabulary, empty = Vocabulary(), np.empty(0, np.int32)
    texts = [marked([" ".join(found) for found in documents], config) for documents in pieces]
    numbered = [vocabulary.add(each) for each in texts]
    space = FeatureSpace(config, *vocabulary.words(config), empty, empty, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word_codes, "LISTED", listed)
        words = space._table, space.pool, space._word_offsets
        known = word_codes.WordCodes(vocabulary, words, space.options, space.eos_word)
    for one, other in zip(texts, numbered, strict=True):
        expected, found = space.codes_of(one, 1), known.extract(other, n_threads)
        assert found.lengths.tolist() == expected.lengths.tolist()
        np.testing.assert_array_equal(found.shares, expected.shares)
        for doc, n in enumerate(found.lengths):
            a, b = found.starts[doc], expected.starts[doc]
            assert found.codes[a : a + n].tolist() == expected.codes[b : b + n].tolist()
            assert found.counts[a : a + n].tolist() == expected.counts[b : b + n].tolist()
    assert all(not room.any() for room in known._rooms)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.integers(0, 60), max_size=80), st.integers(0, 9))
def test_different_numbers_are_counted(numbers, first):
    array = np.array([*range(first), *numbers, 3], np.int32)
    seen = np.full(256, -7, np.int32)
    words, times = np.empty(len(numbers) + 1, np.int32), np.empty(len(numbers) + 1, np.float32)
    last = first + len(numbers)
    n = numbered_kernels.distinct_numbers(array, first, last, seen, words, times)
    assert dict(zip(words[:n].tolist(), times[:n].tolist(), strict=True)) == Counter(numbers)
    assert words[:n].tolist() == list(dict.fromkeys(numbers))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(st.integers(0, 9), max_size=6), max_size=6), st.data())
def test_codes_become_rows_without_gaps(documents, data):
    rows = np.array(data.draw(st.lists(st.integers(-1, 5), min_size=10, max_size=10)), np.int32)
    gaps = data.draw(st.lists(st.integers(0, 2), min_size=6, max_size=6))
    lengths = np.array([len(found) for found in documents], np.int64)
    room = lengths + gaps[: len(documents)]
    starts = np.append(0, np.cumsum(room)).astype(np.int64)
    codes, counts = np.full(starts[-1], -7, np.int32), np.zeros(starts[-1], np.float32)
    for start, found in zip(starts[:-1], documents, strict=True):
        codes[start : start + len(found)] = found
        counts[start : start + len(found)] = np.arange(1, len(found) + 1)
    cut = data.draw(st.integers(0, len(documents)))
    for first, last in ((cut, len(documents)), (0, cut)):
        if first < last:
            begin = starts[first]
            rows_kernels.number_codes(starts, lengths, first, last, codes, counts, rows)
            assert (
                starts[first:last].tolist()
                == (begin + np.append(0, np.cumsum(lengths[first:last])[:-1])).tolist()
            )
    for start, n, found in zip(starts[:-1], lengths, documents, strict=True):
        kept = [(rows[code], i) for i, code in enumerate(found, 1) if rows[code] >= 0]
        assert list(zip(codes[start:][:n], counts[start:][:n], strict=True)) == kept


@pytest.mark.parametrize("bias", [True, False])
def test_features_beyond_themost_frequent_are_dropped(bias):
    config = Config(
        word_ngrams=2, maxn=0, boundaries=False, supervision=0.0, max_features=3, bias=bias
    )
    texts = marked(["a b", "a b", "a c", "b"], config)
    known, features = FeatureSpace.fit(texts, config)
    words = known.word_rows()
    assert known.n_rows == 3 + bias and set(words) == {b"a", b"b"}
    assert known.frequency[bias:].tolist() == [3, 3, 2]
    again = known.transform(texts)
    np.testing.assert_array_equal(again.ids, features.ids)
    np.testing.assert_array_equal(again.weights, features.weights)
    grown, _ = known.grow(marked(["a c"], config))
    assert set(grown.word_rows()) == {b"a", b"b", b"c"}, "more texts may bring more"


def test_a_single_character_has_no_character_ngrams_under_auto():
    documents = ["中文 ab"]
    sizes = {}
    # jieba's dictionary is made in minutes where nothing is compiled.
    for analyzer in ("auto", "char") if JIT_DISABLED else ("auto", "char", "jieba"):
        config = Config(analyzer=analyzer, word_ngrams=1, minn=1, maxn=3, **PLAIN)
        space, _ = FeatureSpace.fit(marked(documents, config), config)
        sizes[analyzer] = space.n_rows - space.n_words
    # auto: 中, 文, ab -> <ab>: a b <a ab b> <ab ab>; char: none; jieba: 中文 and ab
    assert sizes == {name: {"auto": 7, "char": 0, "jieba": 14}[name] for name in sizes}


@pytest.mark.compiled
def test_vocabulary_grows_beyond_its_first_table():
    config = Config(word_ngrams=1, maxn=0, **PLAIN)
    documents = [[f"w{i}" for i in range(j, 120_000, 3)] for j in range(3)] + [["w7"]]
    space, features = FeatureSpace.fit(marked(documents, config), config)
    assert space.n_words == 120_000 and space.words()[0] == b"w7"
    assert np.diff(features.indptr).tolist() == [40_000, 40_000, 40_000, 1]


def test_literal_end_of_line_token_is_counted_once():
    config = Config(eos=True, analyzer="whitespace", word_ngrams=1, maxn=0, **PLAIN)
    space, features = FeatureSpace.fit(marked(["a </s>", "b"], config), config)
    assert sorted(space.words()) == [b"</s>", b"a", b"b"]
    assert np.diff(features.indptr).tolist() == [2, 2]


@pytest.mark.parametrize("documents", [["a </s>", "b"], ["<//s bbbb", "</s </s>>"], ["x"]])
@pytest.mark.parametrize("eos", [True, False])
def test_the_end_of_a_text_is_found_among_the_words(documents, eos):
    config = Config(eos=eos, analyzer="whitespace", word_ngrams=1, maxn=0, **PLAIN)
    space, _ = FeatureSpace.fit(marked(documents, config), config)
    words = space.words()
    assert space.eos_word == (words.index(b"</s>") if eos and b"</s>" in words else -1)


@pytest.mark.compiled
def test_threads_do_not_change_features():
    config = Config(word_ngrams=3, supervision=0.5, minn=2, maxn=4)
    texts = marked([f"text number {i} 中文{i % 7} again {i % 13}" for i in range(3000)], config)
    labels = Labels.from_rows([[str(i % 5)] for i in range(3000)])
    one = FeatureSpace.fit(texts, config, 1, labels)
    three = FeatureSpace.fit(texts, config, 3, labels)
    np.testing.assert_array_equal(one[0].row_codes, three[0].row_codes)
    np.testing.assert_array_equal(one[0].gains, three[0].gains)
    assert one[0].gains.std() > 0.01
    np.testing.assert_array_equal(one[1].ids, three[1].ids)
    np.testing.assert_array_equal(one[1].weights, three[1].weights)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 9)), max_size=4))
def test_distinct_codes_in_the_order_of_their_first_occurrence(lists):
    """Of several lists of one document, which stands behind others."""
    n_all = sum(map(len, lists))
    shift = 32 - max(4, int(2 * n_all).bit_length())
    seen = np.zeros(1 << (32 - shift), np.int32)
    codes, counts = np.full(5 + n_all, -1, np.int32), np.zeros(5 + n_all, np.float32)
    n = 5
    for found in lists:
        found = np.array(found, np.int32)
        n = codes_kernels.add_distinct(found, found.size, 5, n, shift, seen, codes, counts)
    every = [code for found in lists for code in found]
    assert codes[:n].tolist() == [-1] * 5 + list(dict.fromkeys(every))
    assert counts[5:n].tolist() == [every.count(code) for code in codes[5:n]]


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 2**31 - 1) | st.integers(0, 99), unique=True, max_size=100))
def test_rows_are_found_by_their_codes(codes):
    table = np.full((256, 2), -1, np.int32)
    rows_kernels.insert_codes(np.array(codes, np.int32), table)
    for row, code in enumerate(codes):
        assert table[rows_kernels.find_code(np.int32(code), table)].tolist() == [code, row]
    for code in {5, 2**30} - set(codes):
        assert table[rows_kernels.find_code(np.int32(code), table), 0] == -1


@pytest.mark.parametrize("bias", [False, True])
def test_texts_without_any_token(bias):
    config = Config(word_ngrams=2, bias=bias)
    space, features = FeatureSpace.fit(marked(["", " ", "\n"], config), config)
    assert space.n_rows == bias and features.indptr.tolist() == [0, 0, 0, 0]
    assert space.transform(marked(["a"], config)).ids.size == 0


# -- gains -----------------------------------------------------------------------------------

LABEL_ROWS = st.lists(st.sampled_from(["x", "y", "z", "w"]), max_size=3, unique=True)


def label_matrix(labels):
    """Return 1 for each document and label that it has, else 0."""
    matrix = np.zeros((len(labels), len(labels.names)))
    for doc in range(len(labels)):
        matrix[doc, labels.ids[labels.indptr[doc] : labels.indptr[doc + 1]]] = 1
    return matrix


def has_feature(space, features):
    """Return 1 for each row and document that has it, else 0."""
    matrix = np.zeros((space.n_rows, len(features)))
    for doc, (a, b) in enumerate(zip(features.indptr[:-1], features.indptr[1:], strict=True)):
        matrix[features.ids[a:b], doc] = 1
    return matrix


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(DOCUMENTS.map(lambda rows: rows[0]), LABEL_ROWS), min_size=1),
    st.sampled_from([0.1, 1.0, 20.0]),
)
def test_gains_are_the_divergence_of_a_features_labels(pairs, pseudo_count):
    """Of texts with one label, several, or none; of features of one text and of all."""
    config = Config(
        word_ngrams=2, minn=2, maxn=2, bucket=50, supervision=1.0, pseudo_count=pseudo_count
    )
    labels = Labels.from_rows([row for _, row in pairs])
    texts = marked([tokens for tokens, _ in pairs] + [["last"]], config)
    texts = type(texts)(texts.buffer, texts.offsets[:-1], texts.marks)
    space, features = FeatureSpace.fit(texts, config, 1, labels)
    assert space.has_bias and space.gains[0] == 1
    if labels.ids.size == 0:
        assert (space.gains == 1).all()
        return
    of_label = label_matrix(labels)
    prior = of_label.sum(0) / of_label.sum()
    expected = reference.gains(has_feature(space, features) @ of_label, prior, pseudo_count)
    np.testing.assert_allclose(space.gains[1:], expected[1:], rtol=1e-4, atol=1e-6)
    assert (space.gains > -1e-6).all()


def test_gains_by_hand():
    """Two labels of equal share, one text each; a feature that both texts have tells nothing."""
    config = Config(word_ngrams=1, maxn=0, supervision=1.0, bias=False, pseudo_count=1)
    labels = Labels.from_rows([["x"], ["y"]])
    space, _ = FeatureSpace.fit(marked(["both one", "both"], config), config, 1, labels)
    gains = dict(zip(space.words(), space.gains.tolist(), strict=True))
    # p = (1 + 1/2) / 2 and (1/2) / 2
    assert gains[b"one"] == pytest.approx(0.75 * math.log(1.5) + 0.25 * math.log(0.5), rel=1e-6)
    assert gains[b"both"] == pytest.approx(0, abs=1e-7)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 9)), LABEL_ROWS), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_pseudo_count_is_that_of_the_texts_agreement(pairs, in_parts):
    labels = Labels.from_rows([row for _, row in pairs])
    if labels.ids.size == 0:
        return
    often = Counter(row for found, _ in pairs for row in found)
    numbers = {row: i for i, (row, _) in enumerate(often.most_common())}  # as a space has them
    documents = [{numbers[row] for row in found} for found, _ in pairs]
    rows = np.array([row for found in documents for row in sorted(found)], np.int32)
    indptr = np.append(0, np.cumsum([len(found) for found in documents], dtype=np.int64))
    frequency = np.bincount(rows, minlength=10).astype(np.int32)
    at = len(documents) // 2 if in_parts else len(documents)

    def parts():
        for a, b in ((0, at), (at, len(documents))):
            bounds = indptr[a : b + 1]
            yield rows[bounds[0] : bounds[-1]], bounds - bounds[0], a

    found = estimate_pseudo_count(parts, labels, frequency)
    expected = reference.pseudo_count(documents, [row for _, row in pairs])
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("labels_of, low, high", [("ab", 1, 1), ("mixed", 10, 250), ("none", 1, 1)])
def test_the_pseudo_count_tells_what_kind_of_data_there_is(labels_of, low, high):
    """Few where features tell the label, many where they do not, one where there is nothing."""
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, 400)
    words = [f"word{label}{rng.integers(20)}" for label in truth]
    if labels_of == "none":
        words = [f"own{i}" for i in range(400)]
    shown = rng.permutation(truth) if labels_of == "mixed" else truth
    config = Config(word_ngrams=1, maxn=0, supervision=0.5)
    labels = Labels.from_rows([["ab"[label]] for label in shown])
    space, _ = FeatureSpace.fit(marked(words, config), config, 1, labels)
    assert low <= space.config.pseudo_count <= high


@pytest.mark.parametrize("most, shift", [(1 << 16, 0), (300, 0), (299, 1), (20, 4), (1, 9)])
def test_where_very_many_features_could_be_asked_some_are(monkeypatch, most, shift):
    frequency = np.repeat([90, 64, 40, 3, 2, 1], [7, 50, 50, 100, 100, 40]).astype(np.int32)
    monkeypatch.setattr(gains_module, "MOST_ASKED", most)
    first, found, n = gains_module.asked_rows(frequency)
    assert (first, found) == (7, shift)
    asked = first + (np.arange(n) << found)
    assert asked.tolist() == list(range(7, 307, 1 << shift)) and n <= most
    rng = np.random.default_rng(0)
    rows = [np.flatnonzero(rng.random(frequency.size) < frequency / 200) for _ in range(200)]
    indptr = np.append(0, np.cumsum([len(each) for each in rows]))
    rows = np.concatenate(rows).astype(np.int32)
    docs, ends = np.empty(rows.size, np.int32), np.zeros(n, np.int64)
    sizes = np.bincount(rows, minlength=frequency.size)[asked]
    ends[1:] = np.cumsum(sizes)[:-1]
    gains_kernels.list_documents(rows, indptr, 5, first, found, ends, docs)
    assert ends.tolist() == np.cumsum(sizes).tolist()
    for row, end, size in zip(asked.tolist(), ends.tolist(), sizes.tolist(), strict=True):
        of_row = np.searchsorted(indptr, np.flatnonzero(rows == row), "right") - 1 + 5
        assert docs[end - size : end].tolist() == of_row.tolist()


def test_no_feature_may_be_asked():
    for frequency in ([], [1], [99, 80], [65, 1, 1]):
        assert gains_module.asked_rows(np.array(frequency, np.int32))[2] == 0


def test_labels_that_no_text_has_change_no_gain():
    config = Config(word_ngrams=1, maxn=0, supervision=1.0)
    texts = marked(["a b", "b c", "c"], config)
    rows = [["x"], ["y"], ["y"]]
    few, _ = FeatureSpace.fit(texts, config, 1, Labels.from_rows(rows))
    many, _ = FeatureSpace.fit(texts, config, 1, Labels.from_rows(rows, ["v", "x", "y", "z"]))
    np.testing.assert_array_equal(few.gains, many.gains)


@pytest.mark.parametrize("changes", [{"supervision": 0.0}, {"supervision": None}])
def test_without_supervision_there_is_nothing_to_gain(changes):
    config = Config(word_ngrams=2, **changes)
    labels = Labels.from_rows([["x"], ["y"]])
    space, features = FeatureSpace.fit(marked(["a b", "b c"], config), config, 1, labels)
    plain, same = FeatureSpace.fit(marked(["a b", "b c"], config), config)
    assert (space.gains == 1).all() and (plain.gains == 1).all()
    np.testing.assert_array_equal(features.weights, same.weights)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.tuples(st.sets(st.integers(0, 9)), LABEL_ROWS), max_size=12),
    st.integers(0, 10),
    st.integers(0, 10),
    st.integers(0, 3),
    st.sampled_from([np.uint8, np.uint16, np.int32]),
)
def test_labels_of_each_row(pairs, first, last, n_before, dtype):
    """Of a range of rows, and of texts behind others."""
    first, last = sorted((first, last))
    documents = [found for found, _ in pairs]
    labels = Labels.from_rows([["a"]] * n_before + [row for _, row in pairs])
    rows = np.array([row for found in documents for row in sorted(found)], np.int32)
    indptr = np.append(0, np.cumsum([len(found) for found in documents], dtype=np.int64))
    frequency = np.zeros(10, np.int32)
    rows_kernels.count_documents(rows, frequency)
    assert frequency.tolist() == [sum(row in found for found in documents) for row in range(10)]
    expected = [
        [
            label
            for i, found in enumerate(documents, n_before)
            if row in found
            for label in labels.ids[labels.indptr[i] : labels.indptr[i + 1]].tolist()
        ]
        for row in range(10)
    ]
    sizes = np.zeros(10, np.int64)
    gains_kernels.sum_labels(rows, indptr, n_before, labels.indptr, sizes)
    assert sizes.tolist() == [len(found) for found in expected]
    # Sorted by which of three ranges they are of: below `first`, in it, or above.
    range_of = np.repeat([2, 0, 1], [first, last - first, 11 - last]).astype(np.uint8)
    n_pairs = np.zeros(3, np.int64)
    gains_kernels.count_pairs(rows, 0, rows.size, range_of, 0, n_pairs)
    assert n_pairs.tolist() == np.bincount(range_of[rows], minlength=3).tolist()
    places, sorted_pairs = np.append(0, np.cumsum(n_pairs)), np.empty(rows.size, np.int64)
    at, middle = places[:-1].copy(), len(documents) // 2
    for a, b in ((0, middle), (middle, len(documents))):
        gains_kernels.sort_pairs(rows, indptr, n_before, a, b, range_of, 0, at, sorted_pairs)
    assert at.tolist() == places[1:].tolist()
    every = [(row, doc) for doc, found in enumerate(documents, n_before) for row in sorted(found)]
    every.sort(key=lambda pair: range_of[pair[0]])
    assert [(pair >> 32, pair & 0xFFFFFFFF) for pair in sorted_pairs.tolist()] == every
    bounds = np.append(0, np.cumsum(sizes[first:last]))
    ends, listed = bounds[:-1].copy(), np.full(bounds[-1], 99, dtype)
    pairs = sorted_pairs[places[2] :], sorted_pairs[places[0] : places[1]]  # some are too low
    gains_kernels.list_labels(np.concatenate(pairs), first, labels.ids, labels.indptr, ends, listed)
    assert ends.tolist() == bounds[1:].tolist()
    lists = [listed[a:b].tolist() for a, b in zip(bounds[:-1], ends, strict=True)]
    assert lists == expected[first:last]
    counts = np.zeros((last - first, len(labels.names)), np.int32)
    gains_kernels.count_labels(np.concatenate(pairs), first, labels.ids, labels.indptr, counts)
    twin = [np.bincount(found, minlength=len(labels.names)).tolist() for found in lists]
    assert counts.tolist() == twin


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 999), st.sampled_from([0.25, 1.0, 4.0]), st.booleans())
def test_the_energy_of_characters_equals_its_twin(seed, ratio, has_bias):
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, 6, 5)
    indptr = np.append(0, np.cumsum(sizes))
    ids = np.concatenate([rng.permutation(8)[:n] for n in sizes]).astype(np.int32)
    factors = rng.choice([-1.0, 1.0], 9).astype(np.float32)
    bias_row = 7 if has_bias else -1
    weights = rng.random(ids.size).astype(np.float32)
    found = weights.copy()
    weighing_kernels.scale_characters(ids, found, indptr, 0, 5, factors, bias_row, ratio)
    for a, b in zip(indptr[:-1], indptr[1:], strict=True):
        others = np.flatnonzero(ids[a:b] != bias_row) + a
        expected = weights[a:b].astype(float)
        if others.size:
            of_chars = factors[ids[others]] < 0
            expected[others - a] = reference.scaled_characters(weights[others], of_chars, ratio)
        np.testing.assert_allclose(found[a:b], expected, rtol=1e-5)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.integers(0, 7), unique=True, max_size=6), max_size=6),
    st.lists(st.integers(-1, 5), min_size=8, max_size=8),
)
def test_rows_get_other_numbers(documents, numbers):
    ids = np.array([row for found in documents for row in found], np.int32)
    counts = np.arange(ids.size, dtype=np.float32)
    indptr = np.append(0, np.cumsum([len(found) for found in documents], dtype=np.int64))
    table = np.array(numbers, np.int32)
    expected = [
        [(numbers[ids[i]], counts[i]) for i in range(a, b) if numbers[ids[i]] >= 0]
        for a, b in zip(indptr[:-1].tolist(), indptr[1:].tolist(), strict=True)
    ]
    n = rows_kernels.renumber_rows(ids, counts, indptr, table)
    assert n == indptr[-1] == sum(map(len, expected))
    for a, b, pairs in zip(indptr[:-1], indptr[1:], expected, strict=True):
        assert list(zip(ids[a:b].tolist(), counts[a:b].tolist(), strict=True)) == pairs


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 4), max_size=9), st.data())
def test_copies_of_documents(sizes, data):
    rng = np.random.default_rng(len(sizes))
    indptr = np.append(0, np.cumsum(sizes, dtype=np.int64))
    rows = rng.integers(0, 99, indptr[-1]).astype(np.int32)
    weights = rng.random(indptr[-1], np.float32)
    docs = data.draw(st.lists(st.integers(0, len(sizes) - 1))) if sizes else []
    cut = data.draw(st.integers(0, len(docs)))
    new = np.append(0, np.cumsum([sizes[doc] for doc in docs], dtype=np.int64))
    found = np.full(new[-1], -1, np.int32), np.full(new[-1], -1, np.float32)
    for first, last in ((0, cut), (cut, len(docs))):
        rows_kernels.copy_documents(
            rows, weights, indptr, np.array(docs, np.int64), first, last, new, *found
        )
    for array, copy in ((rows, found[0]), (weights, found[1])):
        parts = [array[indptr[doc] : indptr[doc + 1]] for doc in docs]
        assert copy.tolist() == [value for part in parts for value in part.tolist()]


# -- blocks and bias -------------------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    DOCUMENTS,
    DOCUMENTS,
    st.integers(1, 4),
    st.sampled_from([(0, 0), (1, 1), (2, 3), (0, 2)]),
    st.sampled_from([1, 7, 2_000]),
    st.booleans(),
    st.sampled_from(["whitespace", "auto"]),
    st.sampled_from([0.0, 0.35, 2.0]),
    st.booleans(),
    st.booleans(),
)
@example([[], ["a"]], [["b"]], 2, (0, 0), 7, True, "whitespace", 0.0, False, True)
@example([["ab", "a"]], [["b"]], 4, (2, 3), 2_000, True, "auto", 0.35, True, True)
@example([["a"], ["b"]], [["a"]], 1, (1, 1), 1, False, "whitespace", 2.0, False, True)
def test_blocks_equal_their_twin(
    documents, others, word_ngrams, lengths, bucket, eos, analyzer, supervision, bias, boundaries
):
    minn, maxn = lengths
    config = Config(
        analyzer=analyzer, word_ngrams=word_ngrams, minn=minn, maxn=maxn, bucket=bucket, eos=eos,
        lowercase=False, supervision=supervision, bias=bias, boundaries=boundaries,
    )  # fmt: skip
    assert config.pooling == "blocks"
    labels = Labels.from_rows([["x" if "a" in tokens else "y"] for tokens in documents])
    space, features = FeatureSpace.fit(marked(documents, config), config, 1, labels)
    vocabulary = {word.decode(): i for i, word in enumerate(space.words())}
    found = [
        reference.block_codes(
            tokens, vocabulary, word_ngrams=word_ngrams, minn=max(minn, 1), maxn=maxn,
            bucket=bucket, eos=eos, least_chars=1 if analyzer == "whitespace" else 2,
            boundaries=boundaries,
        )
        for tokens in [*documents, *others]
    ]  # fmt: skip
    rows = {int(code): row for row, code in enumerate(space.row_codes)}
    seen = [{code for kind in block[0].values() for code in kind} for block in found]
    seen = seen[: len(documents)]
    bias_code = space.n_words + n_slots(config)
    assert set(rows) == set().union(*seen) | ({bias_code} if bias else set())
    assert space.has_bias == bias and rows.get(bias_code) == (0 if bias else None)
    for code, row in rows.items():
        here = sum(code in codes for codes in seen) if code != bias_code else len(documents)
        assert space.frequency[row] == here
    again = space.transform(marked([*documents, *others], config))
    first = again.slice(0, len(documents))
    np.testing.assert_array_equal(first.ids, features.ids)
    np.testing.assert_array_equal(first.weights, features.weights)
    for i, block in enumerate(found):
        part = slice(again.indptr[i], again.indptr[i + 1])
        weights = dict(zip(again.ids[part].tolist(), again.weights[part].tolist(), strict=True))
        assert len(weights) == part.stop - part.start, "a row stands twice"
        factors = reference.block_factors(
            block, rows, space.frequency, space.n_texts, space.gains, supervision
        )
        expected = reference.block_weights(block, rows, factors, bias=0 if bias else None)
        assert weights.keys() == expected.keys()
        np.testing.assert_allclose(
            [weights[row] for row in expected], list(expected.values()), rtol=1e-4
        )


@pytest.mark.parametrize("eos", [False, True])
def test_word_ngrams_see_where_a_text_begins_and_ends(eos):
    def found(text, **changes):
        config = Config(word_ngrams=3, maxn=0, bias=False, eos=eos, **changes)
        space, features = FeatureSpace.fit(marked([text], config), config)
        assert np.diff(features.indptr).tolist() == [space.n_rows]
        return {name for kind, name in names(space) if kind == "slot"}

    # Two bigrams and two trigrams more; of a lone word the n-grams of its ends.
    inside, whole = found("a b c", boundaries=False), found("a b c")
    n = 3 + eos
    assert (len(inside), len(whole)) == (2 * n - 3, 2 * (n + 2) - 3) and inside < whole
    assert not found("a", boundaries=False) or eos
    assert len(found("a")) == (5 if eos else 3)
    assert len(found("a b c") & found("x y z")) == eos  # </s> before the end
    assert len(found("a b c") & found("a y z")) == 1 + eos
    assert not found("a b c") & found("a y z", boundaries=False)
    for pooling in ("mean", "tfidf"):
        assert len(found("a b c", pooling=pooling)) == len(whole)


@pytest.mark.parametrize("text", ["", " "])
def test_ends_of_a_text_without_tokens(text):
    config = Config(word_ngrams=2)
    _, features = FeatureSpace.fit(marked([text, "a"], config), config)
    assert np.diff(features.indptr).tolist() == [0, 1 + 2 + 1]  # the word, its ends, the bias
    with_eos = config.replace(eos=True)
    _, features = FeatureSpace.fit(marked([text, "a"], with_eos), with_eos)
    assert np.diff(features.indptr).tolist() == [1 + 2 + 1, 2 + 3 + 1]


def test_kinds_of_ngrams_do_not_share_slots():
    texts = ["one two three four", "two one four three"]
    rows = {}
    for pooling in ("blocks", "tfidf", "mean"):
        config = Config(word_ngrams=4, minn=2, maxn=4, bucket=1, pooling=pooling, bias=False)
        space, _ = FeatureSpace.fit(marked(texts, config), config)
        rows[pooling] = space.n_rows - space.n_words
    assert rows == {"blocks": 3, "tfidf": 1, "mean": 1}


@pytest.mark.parametrize(
    ("word_ngrams", "maxn", "expected"), [(1, 0, 0), (2, 0, 1), (3, 0, 2), (5, 3, 3), (1, 3, 1)]
)
def test_only_kinds_in_use_have_slots(word_ngrams, maxn, expected):
    config = Config(word_ngrams=word_ngrams, maxn=maxn, bucket=10)
    assert n_slots(config) == 10 * expected
    assert n_slots(config.replace(pooling="mean")) == (10 if expected else 0)


def test_blocks_by_hand():
    """Each feature in all texts, so that idf is 1; and one token of three is of one character."""
    config = Config(word_ngrams=3, minn=2, maxn=2, supervision=0.0, boundaries=False)
    text = "ab cd x"
    space, features = FeatureSpace.fit(marked([text], config), config)
    weights = dict(zip(names(space), features.weights[np.argsort(features.ids)], strict=True))
    # ab, cd, x, two bigrams and half a trigram; <a ab b> <c cd d>, as long as root(2/3) together.
    words, chars = 5 + LONG_FACTOR**2, 6
    total = math.sqrt(1 + 2 / 3)
    assert weights["bias", ""] == 1
    for word in ("ab", "cd", "x"):
        assert weights["word", word] == pytest.approx(1 / math.sqrt(words) / total, rel=1e-5)
    slots = sorted(weight for (kind, _), weight in weights.items() if kind == "slot")
    of_chars = math.sqrt(2 / 3 / chars) / total
    of_ngrams = [LONG_FACTOR / math.sqrt(words) / total] + [1 / math.sqrt(words) / total] * 2
    assert slots == pytest.approx(sorted([of_chars] * 6 + of_ngrams), rel=1e-5)


def test_a_block_alone_has_length_one():
    config = Config(word_ngrams=1, minn=2, maxn=3, bias=False)
    space, _ = FeatureSpace.fit(marked(["hello 中", "help"], config), config)
    # Known words alone; and characters alone, of one word of two.
    for text, kind in (("中 中", "word"), ("hel 文", "slot")):
        found = space.transform(marked([text], config))
        assert {names(space)[row][0] for row in found.ids} == {kind}
        assert np.square(found.weights, dtype=float).sum() == pytest.approx(1, rel=1e-5)


def test_supervision_turns_features_that_tell_nothing_down():
    texts = ["same red", "same blue"] * 5
    labels = Labels.from_rows([["x"], ["y"]] * 5)
    ratios = []
    for supervision in (0.0, 0.5, 1.0):
        config = Config(
            word_ngrams=1, maxn=0, supervision=supervision, bias=False, pseudo_count=1.0
        )
        space, features = FeatureSpace.fit(marked(texts, config), config, 1, labels)
        weights = dict(zip(features.ids[:2], features.weights[:2], strict=True))
        rows = {word: row for row, (_, word) in enumerate(names(space))}
        ratios.append(float(weights[rows["same"]] / weights[rows["red"]]))
    # "same" gains 0, which counts as the least gain; "red" p = 5.5 / 6 and 0.5 / 6.
    gain = 5.5 / 6 * math.log(11 / 6) + 0.5 / 6 * math.log(1 / 6)
    idf = math.log(11 / 6) + 1
    expected = [(LEAST_GAIN / gain) ** power / idf for power in (0, 0.5, 1)]
    assert ratios == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("pooling", ["blocks", "tfidf", "mean"])
def test_bias_is_one_more_feature_of_texts_that_have_any(pooling):
    options = {"word_ngrams": 1, "maxn": 0, "pooling": pooling}
    config = Config(**options)
    texts = marked(["a b b", "", "b c"], config)
    space, features = FeatureSpace.fit(texts, config)
    plain = Config(**options, bias=False)
    other, without = FeatureSpace.fit(texts, plain)
    assert space.has_bias and not other.has_bias
    assert np.diff(features.indptr).tolist() == [3, 0, 3]
    assert np.diff(without.indptr).tolist() == [2, 0, 2]
    found = space.transform(marked(["b unknown", "unknown", ""], config))
    assert np.diff(found.indptr).tolist() == [2, 0, 0]
    for a, b in zip(by_name(space, features), by_name(other, without), strict=True):
        assert a.pop(("bias", ""), 1) == 1
        assert a == b


def test_growing_keeps_rows_and_gains():
    config = Config(word_ngrams=3, minn=2, maxn=2, supervision=0.7, pseudo_count=2)
    first, second = ["red hot soup", "red car", "soup"], ["blue car", "blue blue soup 热", "red"]
    labels = Labels.from_rows([["x"], ["y"], ["x"]])
    more = Labels.from_rows([["y"], ["x"], ["y"]], labels.names)
    space, _ = FeatureSpace.fit(marked(first, config), config, 1, labels)
    grown, features = space.grow(marked(second, config), 1, more)
    n = space.n_rows
    assert grown.has_bias and grown.row_codes[0] == grown.n_words + n_slots(config)
    assert grown.frequency[0] == grown.n_texts == 6
    assert names(grown)[:n] == names(space) and grown.n_rows > n
    np.testing.assert_array_equal(grown.gains[:n], space.gains)
    of_label = label_matrix(more)
    counts = has_feature(grown, features) @ of_label
    expected = reference.gains(counts, of_label.sum(0) / 3, 2)
    np.testing.assert_allclose(grown.gains[n:], expected[n:], rtol=1e-4)
    again = grown.transform(marked(second, config))
    np.testing.assert_array_equal(again.ids, features.ids)
    np.testing.assert_array_equal(again.weights, features.weights)


def test_growing_without_labels_or_news():
    config = Config(word_ngrams=2, supervision=0.7, boundaries=False)
    labels = Labels.from_rows([["x"], ["y"]])
    space, _ = FeatureSpace.fit(marked(["red soup", "car"], config), config, 1, labels)
    grown, _ = space.grow(marked(["soup", ""], config), 1, labels)
    assert (grown.n_rows, grown.n_texts) == (space.n_rows, 4)
    np.testing.assert_array_equal(grown.gains, space.gains)
    other, _ = space.grow(marked(["new"], config))
    assert (other.gains[space.n_rows :] == 1).all() and other.n_rows > space.n_rows


def test_rows_taken_are_all_that_is_left():
    config = Config(word_ngrams=2, minn=2, maxn=2, supervision=0.5)
    labels = Labels.from_rows([["x"], ["y"], ["y"]])
    texts = ["red hot soup", "red car", "old car"]
    space, _ = FeatureSpace.fit(marked(texts, config), config, 1, labels)
    kept = np.array([5, 0, 3, 2])
    part = space.take(kept)
    assert names(part) == [names(space)[row] for row in kept]
    assert part.n_texts == 3 and part.words() == space.words()
    np.testing.assert_array_equal(part.gains, space.gains[kept])
    np.testing.assert_array_equal(part.frequency, space.frequency[kept])
    for a, b in zip(
        by_name(part, part.transform(marked(texts, config))),
        by_name(space, space.transform(marked(texts, config))),
        strict=True,
    ):
        left = set(b) & set(names(part))
        assert set(a) == (left if left - {("bias", "")} else set())
    assert not space.take(np.array([1, 2])).has_bias


def test_growing_after_rows_were_taken_brings_features_back():
    config = Config(word_ngrams=1, maxn=0, supervision=0.5)
    labels = Labels.from_rows([["x"], ["y"]])
    space, _ = FeatureSpace.fit(marked(["red soup", "blue car"], config), config, 1, labels)
    rows = {word: row for row, (_, word) in enumerate(names(space))}
    part = space.take(np.array([rows[""], rows["soup"]]))
    grown, features = part.grow(marked(["red soup", "green"], config), 1, labels)
    assert names(grown)[:2] == names(part)
    assert {word for _, word in names(grown)[2:]} == {"red", "green"}
    assert np.diff(features.indptr).tolist() == [3, 2]


def test_a_pickled_space_is_the_same():
    config = Config(word_ngrams=3, supervision=0.5)
    labels = Labels.from_rows([["x"], ["y"]])
    texts = marked(["red hot soup", "old car 中文"], config)
    space, features = FeatureSpace.fit(texts, config, 1, labels)
    again = pickle.loads(pickle.dumps(space))
    assert names(again) == names(space) and again.has_bias
    np.testing.assert_array_equal(again.gains, space.gains)
    np.testing.assert_array_equal(again.transform(texts).weights, features.weights)
