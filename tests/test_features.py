"""Features: hashes against fastText itself, kernels against their twins, the feature space."""

import fasttext
import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.analyzers import analyze
from fasttext_lite.config import Config
from fasttext_lite.corpus import Texts
from fasttext_lite.features import FeatureSpace, _options
from fasttext_lite.kernels import features as kernels

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
    n = kernels.add_subwords(data, 0, data.size, 2, 4, 1009, n_words, codes, 0)
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
    config = Config(
        analyzer="whitespace", lowercase=False, eos=True, word_ngrams=3, minn=2, maxn=4,
        bucket=1009, pooling="mean",
    )  # fmt: skip
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
        pooling=pooling, lowercase=False,
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
    kernels.count_codes(
        texts.buffer, texts.marks, texts.offsets, 0, len(texts), _options(config), n_codes
    )
    assert all(sum(c.values()) <= n for c, n in zip(expected_codes, n_codes, strict=True))


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS, DOCUMENTS, st.integers(1, 3))
def test_transform_is_fit_for_known_and_drops_unknown(seen, unseen, word_ngrams):
    config = Config(word_ngrams=word_ngrams, minn=2, maxn=3, lowercase=False)
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
    assert all(abs(norm - 1) < 1e-5 or norm == 0 for norm in norms)


@settings(deadline=None, max_examples=40)
@given(DOCUMENTS, DOCUMENTS, st.booleans(), st.sampled_from(["mean", "tfidf"]))
def test_growing_equals_fitting_all_at_once(first, second, eos, pooling):
    config = Config(word_ngrams=2, minn=2, maxn=3, eos=eos, pooling=pooling, lowercase=False)
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
    """Return each row's feature as (is slot, slot or word)."""
    words = space.words()
    return [
        (False, words[code].decode()) if code < space.n_words else (True, str(code - space.n_words))
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
    config = Config(min_count=2, word_ngrams=2, maxn=0)
    space, features = FeatureSpace.fit(marked(["a b", "a c"], config), config)
    assert space.words() == [b"a"]
    assert space.n_rows == 1 + 2  # a, and the hash slots of "a b" and "a c"
    assert np.diff(features.indptr).tolist() == [2, 2]


def test_a_single_character_has_no_character_ngrams_under_auto():
    documents = ["中文 ab"]
    sizes = {}
    for analyzer in ("auto", "char", "jieba"):
        config = Config(analyzer=analyzer, word_ngrams=1, minn=1, maxn=3)
        space, _ = FeatureSpace.fit(marked(documents, config), config)
        sizes[analyzer] = space.n_rows - space.n_words
    # auto: 中, 文, ab -> <ab>: a b <a ab b> <ab ab>; char: none; jieba: 中文 and ab
    assert sizes == {"auto": 7, "char": 0, "jieba": 14}


def test_vocabulary_grows_beyond_its_first_table():
    config = Config(word_ngrams=1, maxn=0)
    documents = [[f"w{i}" for i in range(j, 120_000, 3)] for j in range(3)] + [["w7"]]
    space, features = FeatureSpace.fit(marked(documents, config), config)
    assert space.n_words == 120_000 and space.words()[0] == b"w7"
    assert np.diff(features.indptr).tolist() == [40_000, 40_000, 40_000, 1]


def test_literal_end_of_line_token_is_counted_once():
    config = Config(eos=True, analyzer="whitespace", word_ngrams=1, maxn=0)
    space, features = FeatureSpace.fit(marked(["a </s>", "b"], config), config)
    assert sorted(space.words()) == [b"</s>", b"a", b"b"]
    assert np.diff(features.indptr).tolist() == [2, 2]


def test_threads_do_not_change_features():
    config = Config(minn=2, maxn=4)
    texts = marked([f"text number {i} 中文{i % 7} again {i % 13}" for i in range(3000)], config)
    one = FeatureSpace.fit(texts, config, 1)
    three = FeatureSpace.fit(texts, config, 3)
    np.testing.assert_array_equal(one[0].row_codes, three[0].row_codes)
    np.testing.assert_array_equal(one[1].ids, three[1].ids)
    np.testing.assert_array_equal(one[1].weights, three[1].weights)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(0, 50), max_size=200), st.integers(0, 3), st.integers(0, 3))
def test_sort(values, before, after):
    values = [99] * before + values + [-1] * after
    codes = np.array(values, np.int32)
    last = len(values) - after
    kernels.sort_codes(codes, before, last)
    assert codes.tolist() == values[:before] + sorted(values[before:last]) + values[last:]


def test_texts_without_any_token():
    config = Config()
    space, features = FeatureSpace.fit(marked(["", " ", "\n"], config), config)
    assert space.n_rows == 0 and features.indptr.tolist() == [0, 0, 0, 0]
    assert space.transform(marked(["a"], config)).ids.size == 0
