"""Token boundaries: the kernel against its twin, and the analyzers' rules."""

import pickle
import re
import unicodedata
import zlib
from collections import Counter

import numpy as np
import pytest
import reference
from conftest import JIT_DISABLED
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compiled import utf8
from fasttext_lite.config.analyzers import ANALYZERS, Analyzer
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import resolve
from fasttext_lite.config.scripts import SCRIPTS
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import TrainingError
from fasttext_lite.features import vocabulary as vocabulary_module
from fasttext_lite.features.vocabulary import Vocabulary, words_in
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.text import analyzers
from fasttext_lite.text.analyzers import WHITESPACE, analyze, class_of_characters, disturb
from fasttext_lite.text.kernels import tokens as tokenize
from fasttext_lite.text.kernels import words as words_kernels
from fasttext_lite.text.kernels.noise import disturb_tokens
from fasttext_lite.text.kernels.stop_words import drop_words
from fasttext_lite.text.kernels.tokens import EXTEND, MARK, SINGLE, SPACE, WORD
from fasttext_lite.text.kernels.words import count_tokens, insert_words, number_tokens
from fasttext_lite.text.marked import MarkedTexts
from fasttext_lite.text.normalize import normalize
from fasttext_lite.text.unicode_classes import class_table

pytestmark = pytest.mark.kernels

TEXT = st.text(
    st.one_of(
        st.sampled_from("abcXYZ019_ \t\n\r\v\f\0中文字。，！'’-—️́‍　 éÀßİǅΣς한국어กขひカ👍🏽👩"),
        st.characters(),
    ),
    max_size=30,
)


def cut(texts, n_threads=1, **settings_):
    config = Config(**settings_)
    return analyze(Texts.from_sequence(texts), config, n_threads).tokens()


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXT, max_size=5), st.sampled_from(["auto", "char", "whitespace"]))
def test_kernel_equals_its_twin(texts, analyzer):
    tokens = cut(texts, analyzer=analyzer, lowercase=False)
    assert tokens == [
        reference.tokens_by_class(text, class_of_characters(analyzer)) for text in texts
    ]


@settings(deadline=None, max_examples=150)
@given(TEXT)
def test_whitespace_is_exactly_fasttexts(text):
    tokens = cut([text], analyzer="whitespace", lowercase=False)[0]
    found = [token.encode("utf-8", "surrogatepass") for token in tokens]
    assert found == reference.fasttext_tokens(text.encode("utf-8", "surrogatepass"))


def test_whitespace_keeps_other_spaces_inside_words():
    text = "a\u3000b c\u00a0d e\u2028f g\x85h"
    assert cut([text], analyzer="whitespace") == [["a\u3000b", "c\u00a0d", "e\u2028f", "g\x85h"]]


@settings(deadline=None, max_examples=200)
@given(st.binary(max_size=40))
def test_any_bytes_decode_without_error_and_cover_the_text(data):
    buffer = np.frombuffer(data + b"\xe4", np.uint8)  # what follows must not be looked at
    i, codes = 0, []
    while i < len(data):
        code, length = utf8.decode(buffer, i, len(data))
        assert 1 <= length <= 4 and i + length <= len(data)
        codes.append(code)
        i += length
    try:
        assert "".join(map(chr, codes)) == data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        assert 0xFFFD in codes


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hello, World", ["hello", ",", "world"]),
        ("我爱Python3.11！", ["我", "爱", "python3", ".", "11", "！"]),
        ("snake_case don't", ["snake_case", "don", "'", "t"]),
        ("한국어 텍스트ok", ["한", "국", "어", "텍", "스", "트", "ok"]),
        ("ㅋㅋ ﾡￂ", ["ㅋ", "ㅋ", "ﾡ", "ￂ"]),
        ("\u1112\u1161\u11ab\u1100\u1173", ["\u1112\u1161\u11ab", "\u1100\u1173"]),
        ("\u1161\u11ab", ["\u1161\u11ab"]),
        ("ひらカナ", ["ひ", "ら", "カ", "ナ"]),
        ("コーヒー", ["コ", "ー", "ヒ", "ー"]),
        ("か\u3099ﾊﾟｰﾞ", ["か\u3099", "ﾊﾟ", "ｰﾞ"]),
        ("ที่นี่เป็น", ["ที่", "นี่", "เ", "ป็", "น"]),
        ("naïve cafe\u0301", ["naïve", "cafe\u0301"]),
        ("👍🏽👍", ["👍🏽", "👍"]),
        ("𠮷野家", ["𠮷", "野", "家"]),
        ("\ufeff a\u200bb\u3000c", ["a", "b", "c"]),
        ("", []),
        (" \n\t", []),
        ("a\nb\r\nc", ["a", "b", "c"]),
        ("\u0301a", ["\u0301", "a"]),
    ],
)
def test_auto(text, expected):
    assert cut([text]) == [expected]


@settings(deadline=None, max_examples=100)
@given(st.text(st.characters(min_codepoint=0xAC00, max_codepoint=0xD7A3), max_size=9))
def test_hangul_is_cut_alike_in_both_normal_forms(text):
    decomposed = [unicodedata.normalize("NFD", syllable) for syllable in text]
    assert cut([text, "".join(decomposed)]) == [list(text), decomposed]


def test_char_makes_every_visible_character_a_token():
    assert cut(["ab 1中。"], analyzer="char") == [["a", "b", "1", "中", "。"]]


@pytest.mark.compiled
def test_jieba_cuts_words_and_drops_white_space():
    assert cut(["南京市长江大桥 OK\u3000  abc\n", "", "  "], analyzer="jieba") == [
        ["南京市", "长江大桥", "ok", "abc"],
        [],
        [],
    ]


@settings(deadline=None, max_examples=30)
@given(st.lists(TEXT, max_size=4))
def test_jieba_tokens_partition_what_is_not_space(texts):
    import jieba

    found = cut(texts, analyzer="jieba", lowercase=False)
    expected = [
        [word for word in jieba.cut(text) if word.strip(WHITESPACE) and not word.isspace()]
        for text in texts
    ]
    assert found == expected


def plainly_normalized(text, lowercase, nfkc):
    text = unicodedata.normalize("NFKC", text) if nfkc else text
    text = text.lower() if lowercase else text
    return unicodedata.normalize("NFKC", text) if nfkc else text


@settings(deadline=None, max_examples=150)
@given(st.lists(TEXT, max_size=5), st.booleans(), st.booleans())
def test_normalisation_is_pythons_text_by_text(texts, lowercase, nfkc):
    def plain(text):
        return plainly_normalized(text, lowercase, nfkc)

    expected = [plain(text) for text in texts]
    found = normalize(Texts.from_sequence(texts), lowercase, nfkc).to_list()
    if lowercase or nfkc:
        # NUL, a separator for every analyzer, may become a space.
        expected = [text.replace("\0", " ") for text in expected]
        found = [text.replace("\0", " ") for text in found]
    assert found == expected


@settings(deadline=None, max_examples=100)
@given(st.lists(st.lists(TEXT, max_size=4), max_size=4), st.booleans(), st.booleans())
def test_token_lists_keep_their_boundaries(documents, lowercase, nfkc):
    documents = [*documents, ["x"]]  # at least one, so that they are seen as token lists
    texts = Texts.from_sequence(documents)
    found = analyze(texts, Config(lowercase=lowercase, nfkc=nfkc)).tokens()

    def plain(token):
        return plainly_normalized(token.replace("\0", " "), lowercase, nfkc)

    assert found == [[t for token in tokens if (t := plain(token))] for tokens in documents]


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXT, max_size=4), st.data())
def test_words_of_a_list_are_dropped(texts, data):
    marked = analyze(Texts.from_sequence(texts), Config(lowercase=False), 1)
    tokens = marked.tokens()
    known = sorted({token for document in tokens for token in document} | {"another", ""})
    stops = data.draw(st.sets(st.sampled_from(known)))
    pool = Texts.from_sequence(sorted(stops - {""}))
    places = np.stack([pool.offsets[:-1], pool.offsets[1:]], axis=1)
    table = np.full(256, -1, np.int32)
    insert_words(pool.buffer, places, len(pool), table)
    drop_words(
        marked.buffer, marked.offsets, 0, len(texts), pool.buffer, places, table, marked.marks
    )
    assert marked.tokens() == [[t for t in document if t not in stops] for document in tokens]


@settings(deadline=None, max_examples=100)
@given(st.lists(TEXT, max_size=5), st.data())
def test_tokens_are_numbered(texts, data):
    marked = analyze(Texts.from_sequence(texts), Config(), 1)
    tokens = [[t.encode("utf-8", "surrogatepass") for t in doc] for doc in marked.tokens()]
    known = sorted({token for document in tokens for token in document} | {b"another"})
    words = data.draw(st.lists(st.sampled_from(known), unique=True))
    pool = Texts.from_bytes(words)
    places = np.stack([pool.offsets[:-1], pool.offsets[1:]], axis=1)
    table = np.full(256, -1, np.int32)
    insert_words(pool.buffer, places, len(pool), table)
    starts = np.append(0, np.cumsum([len(document) for document in tokens], dtype=np.int64))
    numbers = np.full(starts[-1], -7, np.int32)
    cut = data.draw(st.integers(0, len(texts)))
    sizes = np.full(len(texts), -7)
    origin = int(marked.offsets[0])
    for first, last in ((cut, len(texts)), (0, cut)):  # each writes at its own place
        count_tokens(marked.marks, marked.offsets, first, last, sizes)
        number_tokens(
            marked.buffer, marked.marks, marked.offsets, first, last, table, pool.buffer, places,
            starts, origin, numbers,
        )  # fmt: skip
    assert sizes.tolist() == np.diff(starts).tolist()
    expected = np.array(reference.token_numbers(tokens, words), np.int32)
    assert np.where(numbers < 0, -1, numbers).tolist() == expected.tolist()
    for number, token in zip(numbers.tolist(), sum(tokens, []), strict=True):
        if number < 0:  # where it stands in the text
            place = origin - 1 - number
            assert marked.buffer[place : place + len(token)].tobytes() == token


@pytest.mark.parametrize("n_threads", [1, 3])
@settings(deadline=None, max_examples=60)
@given(st.lists(st.lists(TEXT, max_size=5), max_size=3))
def test_words_are_numbered_as_they_come(n_threads, pieces):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vocabulary_module, "LEAST_STEP", 4)
        vocabulary, numbered, tokens = Vocabulary(), [], []
        for texts in pieces:
            marked = analyze(Texts.from_sequence(texts), Config(), 1)
            numbered.append(vocabulary.add(marked, n_threads))
            tokens.append(
                [[t.encode("utf-8", "surrogatepass") for t in d] for d in marked.tokens()]
            )
    words = list(dict.fromkeys(token for texts in tokens for found in texts for token in found))
    for found, texts in zip(numbered, tokens, strict=True):
        assert found.numbers.tolist() == reference.token_numbers(texts, words)
        assert np.diff(found.offsets).tolist() == [len(document) for document in texts]
    pool, bounds, counts = vocabulary.arrays()
    assert [pool[a:b].tobytes() for a, b in bounds] == words
    everything = [token for texts in tokens for found in texts for token in found]
    assert counts.tolist() == [everything.count(word) for word in words]
    assert vocabulary.n_tokens == len(everything)


def test_a_text_too_long_for_its_tokens_places_is_refused(monkeypatch):
    monkeypatch.setattr(words_kernels, "MOST_BYTES", 8)
    marked = analyze(Texts.from_sequence(["a b c d e f"]), Config(), 1)
    with pytest.raises(TrainingError, match="more than 2 GB"):
        Vocabulary().add(marked)


def test_threads_do_not_change_the_result():
    texts = [f"text number {i} 中文{i}" for i in range(2000)]
    assert cut(texts, n_threads=3) == cut(texts, n_threads=1)


def test_class_table_agrees_with_unicode():
    table = class_table()
    assert table.shape == (0x110000,) and table.dtype == np.uint8
    for code in range(0x110000):
        character = chr(code)
        category = unicodedata.category(character)
        if category == "Cn":
            continue  # may be assigned in the newer Unicode of the table
        if category[0] == "M":
            assert table[code] == EXTEND
        elif category in ("Zs", "Zl", "Zp", "Cc"):
            assert table[code] == SPACE
        elif category[0] == "L" and table[code] != SINGLE:
            assert table[code] == WORD
    han = [*range(0x4E00, 0xA000), *range(0x3400, 0x4DC0), *range(0x20000, 0x2A6E0)]
    assert (table[han] == SINGLE).all()


def test_class_table_is_frozen():
    # A model file relies on it: a new table is a new tokenisation.
    assert zlib.crc32(class_table().tobytes()) == 3000671654


def test_capitals_that_normalisation_brings_are_lowered():
    assert cut(["℡ ㎒ ＡＢＣ TEL"], nfkc=True) == [["tel", "mhz", "abc", "tel"]]


@pytest.mark.skipif(JIT_DISABLED, reason="a million characters")
def test_lower_case_of_every_character_is_pythons():
    """Alone, after a letter and between letters, where a capital sigma differs."""
    characters = [chr(code) for code in range(0x110000)]
    for texts in (characters, [f"A{c}" for c in characters], [f"É{c}中Z" for c in characters]):
        found = normalize(Texts.from_sequence(texts), True, False).to_list()
        assert found == [text.lower() for text in texts]


CASED = st.lists(
    st.one_of(
        st.sampled_from(
            ["A", "z", "É", "Σ", "σ", "İ", "ẞ", "K", "Å", "Ⱥ", "ⱦ", "Ⴀ", "Ꭰ", "Ａ", "𐐀", "Ω", "汉"]
            + ["THE QUICK BROWN FOX JUMPS OVER THE", "a" * 31, "B" * 32, "\u0301", "'", "\0", " "]
        ),
        st.characters(),
        st.sampled_from("\ud800\udfff"),
    ),
    max_size=8,
).map("".join)


@settings(deadline=None, max_examples=300)
@given(st.lists(CASED, max_size=6), st.integers(1, 3))
def test_lower_case_is_pythons(texts, n_threads):
    found = normalize(Texts.from_sequence(texts), True, False, n_threads)
    assert found.to_list() == [text.lower() for text in texts]


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(CASED, max_size=4), max_size=4), st.booleans())
def test_lower_case_of_tokens_is_pythons(documents, nfkc):
    documents = [*documents, ["X"]]
    found = normalize(Texts.from_sequence(documents), True, nfkc)
    wanted = [
        [plainly_normalized(token.replace("\0", " "), True, nfkc) for token in tokens]
        for tokens in documents
    ]
    assert found.to_list() == ["".join(tokens) for tokens in wanted]
    ends = np.cumsum([len(t.encode("utf-8", "surrogatepass")) for row in wanted for t in row if t])
    assert found.token_ends.tolist() == ends.tolist()


@pytest.mark.parametrize("texts", [["abc 1", ""], ["热汤, é", "σς"], [["a", "é"]], []])
def test_nothing_is_copied_where_nothing_changes(texts):
    texts = Texts.from_sequence(texts)
    assert normalize(texts, True, False) is texts
    found = analyze(texts, Config())
    assert found.buffer is texts.buffer and found.offsets is texts.offsets


def test_normalisation_does_not_depend_on_the_threads():
    texts = Texts.from_sequence([f"Ä{i} ﬁ\u3000Straße ΣΑΣ Text" * (i % 4) for i in range(2000)])
    for nfkc in (False, True):
        one, three = (normalize(texts, True, nfkc, n) for n in (1, 3))
        np.testing.assert_array_equal(one.buffer, three.buffer)
        np.testing.assert_array_equal(one.offsets, three.offsets)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.binary(max_size=12), max_size=4), st.sampled_from(["auto", "whitespace"]))
def test_marks_of_any_bytes_equal_their_twin(documents, analyzer):
    """A byte that is no character counts as U+FFFD; every byte gets its mark."""
    texts = Texts.from_bytes(documents)
    classes = class_of_characters(analyzer)
    marks = np.full(texts.buffer.size, 99, np.uint8)
    tokenize.mark_tokens(texts.buffer, texts.offsets, 0, len(texts), classes, marks)
    wanted = []
    for a, b in zip(texts.offsets[:-1], texts.offsets[1:], strict=True):
        text = texts.buffer[:b]
        characters = []
        while a < b:
            code, length = utf8.decode(text, a, b)
            characters.append((int(classes[code]), length))
            a += length
        wanted += reference.marks_by_class(characters)
    assert marks.tolist() == wanted


def test_words_added_to_jieba_do_not_change_a_model():
    import jieba

    before = cut(["我爱北京天安门广场"], analyzer="jieba")
    level = jieba.default_logger.level
    jieba.add_word("北京天安门广场")
    try:
        assert cut(["我爱北京天安门广场"], analyzer="jieba") == before
    finally:
        jieba.del_word("北京天安门广场")
    assert jieba.default_logger.level == level


# -- noise -----------------------------------------------------------------------------------


def marked(documents, **settings_):
    return analyze(Texts.from_sequence(documents), Config(**settings_))


TOKEN_LISTS = st.lists(st.lists(TEXT.filter(lambda t: t.replace("\0", "")), max_size=5), max_size=4)


@settings(deadline=None, max_examples=100)
@given(
    st.one_of(st.lists(TEXT, max_size=5), TOKEN_LISTS.map(lambda rows: [*rows, ["x"]])),
    st.sampled_from(["auto", "char", "whitespace"]),
    st.sampled_from([0.0, 0.3, 0.9]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.integers(0, 2**63 - 1),
)
def test_noise_only_leaves_out_and_moves_tokens(documents, analyzer, drop, swap, seed):
    texts = marked(documents, analyzer=analyzer)
    before = texts.tokens()
    noisy = disturb(texts, drop, swap, seed)
    after = noisy.tokens()
    np.testing.assert_array_equal(noisy.offsets, texts.offsets)
    assert noisy.buffer.shape == texts.buffer.shape and len(noisy) == len(texts)
    for old, new in zip(before, after, strict=True):
        assert not Counter(new) - Counter(old)
        if drop == 0:
            assert Counter(new) == Counter(old)
        if drop == swap == 0:
            assert new == old
        if swap == 0:
            rest = iter(old)
            assert all(token in rest for token in new), "tokens must keep their order"
    assert disturb(texts, drop, swap, seed).tokens() == after


def test_noise_equals_its_twin():
    """The random numbers are splitmix64's, one or two a token; the seed of a text is its own."""
    documents = [[f"w{i}中" for i in range(n)] for n in (12, 0, 1, 30)]
    drop, swap, seed = 0.25, 0.5, 2**63 - 5
    expected = []
    for doc, tokens in enumerate(documents):
        state = seed ^ (doc * 0xD1342543DE82EF95 % 2**64)
        result, waiting = [], []
        for token in tokens:
            state, number = reference.splitmix64(state)
            if (number >> 11) * 2.0**-53 < drop:
                continue
            state, number = reference.splitmix64(state)
            if not waiting and (number >> 11) * 2.0**-53 < swap:
                waiting = [token]
            else:
                result += [token, *waiting]
                waiting = []
        expected.append(result + waiting)
    texts = marked(documents)
    buffer, marks = np.empty_like(texts.buffer), np.empty_like(texts.marks)
    disturb_tokens(
        texts.buffer, texts.marks, texts.offsets, 0, 4, drop, swap, np.uint64(seed), buffer, marks
    )
    assert MarkedTexts(buffer, texts.offsets, marks).tokens() == expected
    assert disturb(texts, drop, swap, seed).tokens() == expected
    assert expected[3] != documents[3] and len(expected[3]) < 30


def test_all_tokens_swap_in_pairs():
    texts = marked(["a b c d", "中文字", "alone", "", "p q"])
    assert disturb(texts, 0, 1, 0).tokens() == [
        ["b", "a", "d", "c"], ["文", "中", "字"], ["alone"], [], ["q", "p"],
    ]  # fmt: skip


def test_a_token_moves_one_place_at_most():
    documents = [[f"w{i}" for i in range(50)] for _ in range(40)]
    moved = 0
    for tokens in disturb(marked(documents), 0, 0.4, 5).tokens():
        places = [int(token[1:]) for token in tokens]
        steps = [place - i for i, place in enumerate(places)]
        assert set(steps) <= {-1, 0, 1}
        moved += sum(map(abs, steps))
    # Of each token that is not the second of a pair, the chance 0.4: pairs are 0.4 / 1.4.
    assert moved / 2 == pytest.approx(2000 * 0.4 / 1.4, rel=0.1)


@pytest.mark.parametrize("drop", [0.05, 0.5, 0.95])
def test_chance_of_tokens_to_be_left_out(drop):
    texts = marked([[f"w{i}" for i in range(100)] for _ in range(100)])
    noisy = disturb(texts, drop, 0, 3).tokens()
    share = 1 - sum(map(len, noisy)) / 10_000
    assert share == pytest.approx(drop, abs=0.02)  # four standard deviations
    assert len({tuple(tokens) for tokens in noisy}) > 50, "texts must differ in their noise"
    other = disturb(texts, drop, 0, 4).tokens()
    assert other != noisy


def test_noise_does_not_depend_on_the_threads():
    texts = marked([f"text number {i} 中文{i}" for i in range(2000)])
    one, three = (disturb(texts, 0.3, 0.3, 9, n_threads) for n_threads in (1, 3))
    np.testing.assert_array_equal(one.buffer, three.buffer)
    np.testing.assert_array_equal(one.marks, three.marks)


def test_noise_leaves_the_texts_alone():
    texts = marked(["one two three"])
    before = texts.buffer.copy(), texts.marks.copy()
    disturb(texts, 0.5, 0.5, 1)
    np.testing.assert_array_equal(texts.buffer, before[0])
    np.testing.assert_array_equal(texts.marks, before[1])


@pytest.mark.parametrize("documents", [[], [""], ["", " \n"], [[]]])
def test_noise_of_nothing(documents):
    assert disturb(marked(documents), 0.5, 0.5, 1).tokens() == [[] for _ in documents]


# -- the table of analyzers ------------------------------------------------------------------


def test_what_the_records_say():
    assert [name for name, each in ANALYZERS.items() if each.segments] == ["jieba", "mixed"]
    assert [name for name, each in ANALYZERS.items() if each.n_streams == 2] == ["mixed"]
    assert [name for name, each in ANALYZERS.items() if each.as_fasttext] == ["whitespace"]
    assert [name for name, each in ANALYZERS.items() if each.least_subword_chars == 1] == [
        "whitespace"
    ]


def test_a_text_that_is_there_twice_counts_once():
    config = Config(dim=2, head="linear", loss="ova")
    for name, n_streams in (("auto", 1), ("jieba", 1), ("mixed", 2)):
        for mean_tokens, longest in ((32, 2), (33, 3)):
            found = resolve(config.replace(analyzer=name), 2, False, mean_tokens * n_streams)
            assert found.word_ngrams == longest


def bars():
    """Return the classes of an analyzer that cuts at bars alone."""
    table = np.full(0x110000, WORD, np.uint8)
    table[ord("|")] = SPACE
    return table


def test_an_analyzer_from_outside(monkeypatch):
    monkeypatch.setattr(ANALYZERS, "_records", {**ANALYZERS})
    ANALYZERS.add(Analyzer("bars", classes=f"{__name__}:bars", least_subword_chars=3))
    monkeypatch.setattr(analyzers, "class_of_characters", class_of_characters.__wrapped__)
    texts = ["New York|rain", "San Francisco||sun", "New York|wind", "sun"]
    assert cut(texts, analyzer="bars")[0] == ["new york", "rain"]
    config = Config(analyzer="bars", epochs=2, dim=4, bucket=1000)
    labels = Labels.from_rows([["ny"], ["sf"], ["ny"], ["sf"]])
    model = fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    assert b"new york" in model.space.words()
    assert [model.predict_one(text)[0][0] for text in texts] == ["ny", "sf", "ny", "sf"]
    with pytest.raises(ValueError, match="user_dictionary goes with the analyzers jieba and mixed"):
        config.replace(user_dictionary="x")


def test_unknown_analyzers_are_refused():
    with pytest.raises(ValueError, match="analyzer must be one of auto, whitespace, char, jieba"):
        Config(analyzer="words")
    with pytest.raises(ValueError, match="unknown analyzer 'words'; known are auto, whitespace"):
        class_of_characters("words")
    with pytest.raises(ValueError, match="the analyzer jieba does not go by classes"):
        class_of_characters("jieba")
    with pytest.raises(ValueError, match="must have classes or segment"):
        Analyzer("nothing")


def test_no_character_of_unicode_is_lost():
    """But blanks, controls, and format characters that nobody sees."""
    visible = {*analyzers.VISIBLE_FORMATS, *range(0x110000)[analyzers.FLAG_TAGS]}
    for analyzer in ("auto", "char"):
        classes = class_of_characters(analyzer)
        lost = [
            code
            for code in np.flatnonzero(classes == SPACE).tolist()
            if unicodedata.category(chr(code)) not in ("Zs", "Zl", "Zp", "Cc", "Cf", "Cn")
        ]
        assert lost == [] and not visible & set(np.flatnonzero(classes == SPACE).tolist())
        kept = [chr(code) for code in np.flatnonzero(classes != SPACE).tolist()]
        kept = kept[:: 31 if JIT_DISABLED else 1]
        config = Config(analyzer=analyzer, lowercase=False)
        for texts in (kept, [f" {each} " for each in kept]):
            marks = analyze(Texts.from_sequence(texts), config, 2)
            ends = np.add.reduceat(marks.marks == utf8.END, marks.offsets[:-1])
            assert (ends == 1).all()


def test_marks_alone_are_tokens_and_others_belong_to_theirs():
    scotland = "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"
    texts = ["good \ufe0f morning", "\u0301a", "e\u0301 \u2764\ufe0f", f"{scotland} \u06dd"]
    assert cut(texts) == [
        ["good", "\ufe0f", "morning"], ["\u0301", "a"], ["e\u0301", "\u2764\ufe0f"],
        [scotland, "\u06dd"],
    ]  # fmt: skip
    before = cut(["good \ufe0f morning", "\u0301a", f"{scotland} \u06dd"], lone_marks=False)
    assert before == [["good", "morning"], ["a"], ["\U0001f3f4"]]


# -- scripts ---------------------------------------------------------------------------------

# How Unicode names the characters of each script.
SCRIPT_NAMES = {
    "Hangul": "(HALFWIDTH )?HANGUL ",
    "Thai": "THAI ",
    "Lao": "LAO ",
    "Khmer": "KHMER (?!SYMBOL)",
    "Myanmar": "MYANMAR ",
    "kana": "(HALFWIDTH )?(HIRAGANA|KATAKANA)[- ]",
}


@pytest.mark.parametrize("name", SCRIPTS)
def test_characters_of_a_script_are_tokens(name):
    named = re.compile(SCRIPT_NAMES[name])
    own = {code for first, last in SCRIPTS[name].ranges for code in range(first, last + 1)}
    classes, before = class_of_characters("auto"), class_of_characters("auto", script_rules=False)
    n_named = 0
    for code in range(0x20000):
        if not named.match(unicodedata.name(chr(code), "")):
            continue
        n_named += 1
        category = unicodedata.category(chr(code))
        if category[0] == "M":
            assert classes[code] == before[code] == MARK, hex(code)
            continue
        assert code in own or category in ("So", "Po"), hex(code)
        text = unicodedata.name(chr(code))
        trails = "JUNGSEONG" in text or "JONGSEONG" in text or re.search("HALFWIDTH.*VOICED", text)
        assert classes[code] == (MARK if trails else SINGLE), hex(code)
    assert n_named > 60


def test_rules_of_scripts_change_nothing_else():
    for analyzer in ("auto", "char", "whitespace"):
        now = class_of_characters(analyzer)
        changed = np.flatnonzero(now != class_of_characters(analyzer, script_rules=False))
        of_scripts = (
            range(first, last + 1)
            for name in ("Hangul", "Myanmar", "kana")
            for first, last in SCRIPTS[name].ranges
        )
        assert set(changed.tolist()) <= {code for codes in of_scripts for code in codes}
        assert changed.size == 0 or ANALYZERS[analyzer].by_script
    text = "한국어 ｶﾞ"
    assert cut([text], script_rules=False) == [["한국어", "ｶ", "ﾞ"]]
    assert cut([text], analyzer="whitespace") == [text.split()]
    assert cut([text], analyzer="jieba") == cut([text], analyzer="jieba", script_rules=False)


@settings(deadline=None, max_examples=100)
@given(st.lists(st.text(st.one_of(st.sampled_from("한국กขひｶab "), st.characters())), max_size=4))
def test_shares_of_scripts_equal_their_twin(texts):
    marked_texts = analyze(Texts.from_sequence(texts), Config(lowercase=False))
    vocabulary = Vocabulary()
    vocabulary.add(marked_texts)
    tokens = [token for tokens in marked_texts.tokens() for token in tokens]
    assert vocabulary.script_shares() == {
        name: sum(
            any(first <= ord(token[0]) <= last for first, last in script.ranges)
            for token in tokens
        )
        / max(len(tokens), 1)
        for name, script in SCRIPTS.items()
    }  # fmt: skip


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.lists(st.text(st.sampled_from("ab한 "), max_size=9), max_size=4), min_size=1, max_size=4
    )
)
def test_joined_vocabularies_count_as_one(parts):
    whole, joined = Vocabulary(), Vocabulary()
    for part in parts:
        texts = analyze(Texts.from_sequence(part), Config())
        own = Vocabulary()
        own.add(texts)
        whole.add(texts)
        joined.join(pickle.loads(pickle.dumps(own)))
    seen = Counter(
        token for part in parts
        for tokens in analyze(Texts.from_sequence(part), Config()).tokens() for token in tokens
    )  # fmt: skip
    for found in (whole, joined, pickle.loads(pickle.dumps(joined))):
        assert (found.n_texts, found.n_tokens) == (sum(map(len, parts)), seen.total())
        pool, ends = found.words(Config())
        words = [word.decode() for word in words_in(pool, ends)]
        assert words == [word for word, _ in seen.most_common()]  # ties by first occurrence
    joined.add(analyze(Texts.from_sequence(["new words"]), Config()))
    assert joined.n_words == len(seen) + 2


def test_the_longest_ngram_follows_the_script():
    texts = {
        "ko": "한국어 좋아요",
        "th": "ภาษาไทย",
        "ja": "ひらがなカナ",
        "zh": "中文句子",
        "en": "a b",
    }
    longest = {"ko": 4, "th": 4, "ja": 2, "zh": 2, "en": 2}
    labels = Labels.from_rows([["a"], ["b"]])

    def chosen(documents, **changes):
        documents = Texts.from_sequence(documents)
        return prepare(documents, labels, Config(**changes), n_threads=1).config.word_ngrams

    for language, text in texts.items():
        documents = [text, text * 2]
        for analyzer in ("auto", "char", "mixed"):
            assert chosen(documents, analyzer=analyzer) == longest[language], (language, analyzer)
        assert chosen(documents, analyzer="whitespace") == 2
        assert chosen(documents, analyzer="jieba") == 2
        assert chosen(documents, script_rules=False) == 2
        assert chosen(documents, word_ngrams=3) == 3
        assert chosen([document.split() for document in documents]) == 2, "these are words"
    assert chosen([texts["ko"], "one two three four five six"]) == 2, "half is not most"


@pytest.mark.parametrize("script_rules", [True, False])
def test_one_text_is_read_as_many_are(script_rules):
    texts = ["한국어 좋아요", "별로예요 ㅠㅠ", "ภาษาไทยดี", "ไม่ดี", "ｶﾞｶﾞ か\u3099", "한국 ok"]
    labels = Labels.from_rows([[name] for name in "ababab"])
    config = Config(script_rules=script_rules, epochs=2, bucket=1000)
    model = fit(Texts.from_sequence(texts), labels, config, n_threads=1).model
    words = model.space.words()
    assert ("한국어".encode() in words) != script_rules and ("한".encode() in words) == script_rules
    for text in [*texts, *(unicodedata.normalize("NFD", text) for text in texts)]:
        many = model.predict([text, *texts] * 100, n_threads=1)
        one = model.predict_one(text)[0]
        assert one[0] == model.labels[many.labels[0, 0]]
        assert one[1] == pytest.approx(many.probabilities[0, 0], rel=1e-6)
