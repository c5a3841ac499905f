"""The compiled segmenter against jieba itself, which is always the twin."""

import io
import logging
import pickle
import random
import re
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from conftest import JIT_DISABLED
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.compiled.utf8 import END, INSIDE, OUTSIDE
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError
from fasttext_lite.segmenter import base, compiled
from fasttext_lite.segmenter.compiled import Segmenter
from fasttext_lite.segmenter.dictionary import (
    VERIFIED,
    WordTable,
    jieba_folder,
    jieba_version,
    read_model,
)
from fasttext_lite.segmenter.kernels import adding, cutting, trie
from fasttext_lite.segmenter.library import LibrarySegmenter

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # jieba imports pkg_resources
    import jieba
    from jieba import finalseg

jieba.setLogLevel(logging.WARNING)
pytestmark = [
    pytest.mark.kernels,
    pytest.mark.skipif(
        jieba_version(jieba_folder()) != VERIFIED, reason=f"jieba {VERIFIED} is the twin"
    ),
]

# What jieba 0.42.1 makes of texts, with the words of its own dictionary: HMM on, HMM off.  None of
# the texts has a space.
GOLDEN = {
    "我来到北京清华大学": ("我 来到 北京 清华大学", "我 来到 北京 清华大学"),
    "他来到了网易杭研大厦": ("他 来到 了 网易 杭研 大厦", "他 来到 了 网易 杭 研 大厦"),
    "小明硕士毕业于中国科学院计算所，后在日本京都大学深造": (
        "小明 硕士 毕业 于 中国科学院 计算所 ， 后 在 日本京都大学 深造",
        "小 明 硕士 毕业 于 中国科学院 计算所 ， 后 在 日本京都大学 深造",
    ),
    "南京市长江大桥": ("南京市 长江大桥", "南京市 长江大桥"),
    "约3.14%的B超，v2.0.1和10-11": (
        "约 3.14% 的 B超 ， v2.0 . 1 和 10 - 11",
        "约 3 . 14 % 的 B超 ， v2 . 0 . 1 和 10 - 11",
    ),
    "C++和AT&T，c++": ("C++ 和 AT&T ， c++", "C++ 和 AT&T ， c++"),
    "用γ射线--a_b#.": ("用 γ 射线 -- a _ b #.", "用 γ 射线 - - a _ b # ."),
    "春眠不覺曉處處聞啼鳥": ("春眠 不 覺曉處 處聞 啼鳥", "春 眠 不 覺 曉 處 處 聞 啼 鳥"),
    "龘靐齉爩": ("龘 靐 齉 爩", "龘 靐 齉 爩"),
    "\u9fd6一\u3400二\u3007": ("\u9fd6 一 \u3400 二 \u3007", "\u9fd6 一 \u3400 二 \u3007"),
    "李小福v2.0-50%.": ("李小福 v2.0 - 50% .", "李 小 福 v2 . 0 - 50 % ."),
    # Single characters that are a word together stay single.
    "土地供应量不断从紧": ("土地 供应量 不断 从 紧", "土地 供应量 不断 从 紧"),
    # log(f / total) in place of log(f) - log(total) cuts this in another way ...
    "好好好货": ("好 好好 货", "好 好好 货"),
    # ... so does the other choice between equal scores, in the dictionary's part ...
    "天天天": ("天天 天", "天天 天"),
    # ... and in the model's, a milder number than -3.14e100, -inf, and a sum in another order.
    "子諵": ("子 諵", "子 諵"),
    "皛皛": ("皛皛", "皛 皛"),
    "差差差差差差评": ("差差 差 差差 差评", "差 差 差 差 差 差 评"),
}
PIECES = [
    *"0123456789abxyzABZ+#&._%- \t\n\r\f\v\0，。！？、“”", "\r\n", "\r\r\n", "3.14%", "v2.0.1",
    "e-mail", "C++", "AT&T", "B超", "T恤", "γ射线", "\ufeff", "\u2028", "\u3000", "\x1c", "\x85",
    "\u3007",
    "\u3400", "\U00020000", "\u9fd5", "\u9fd6", "\u9fff", "\uf900", "Ａ", "１", "é", "😀", "👨‍👩‍👧",
    "\ud800", "\udfff", "\ud83d\ude00", "龘", "靐", "齉", "覺", "處", "曉", "啼", "鳥",
]  # fmt: skip
MORE = "中国科学院计算所小明硕士毕业于南京市长江大桥春眠不觉晓的了在是我他她们人大一二三"
FREE_TEXT = st.text(st.characters(codec=None) | st.characters(categories=["Cs"]), max_size=6)


def chosen_lines():
    """Return jieba's dictionary, or with kernels that are not compiled what matters here.

    The frequencies of the lines that are missing are kept, by a word that never occurs.
    """
    data = (jieba_folder() / "dict.txt").read_bytes()
    if not JIT_DISABLED:
        return data
    known = set("".join([*GOLDEN, *PIECES, MORE]))
    lines, rest = [], 0
    for line in data.decode().splitlines():
        word, frequency, _ = line.split(" ")
        if set(word) <= known:
            lines.append(line)
        else:
            rest += int(frequency)
    return "\n".join([*lines, f"\N{OGHAM LETTER BEITH} {rest}", ""]).encode()


DICTIONARY = chosen_lines()
WORDS = sorted(
    {line.split(" ")[0] for line in random.Random(1).sample(DICTIONARY.decode().splitlines(), 400)}
)
MIXED = st.lists(
    st.sampled_from(PIECES) | st.sampled_from(WORDS) | st.sampled_from(list(MORE)) | FREE_TEXT,
    max_size=14,
).map("".join)


def twin_of(data):
    """Return a tokenizer of jieba with a dictionary that it keeps on no disk."""
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(io.BytesIO(data))
    tokenizer.initialized = True
    return tokenizer


OWN = Segmenter(io.BytesIO(DICTIONARY))
TWIN = twin_of(DICTIONARY)


@pytest.fixture(autouse=True)
def forced():
    """Keep one test's words that may not be found away from the next: jieba has one set of them."""
    finalseg.Force_Split_Words.clear()
    yield
    finalseg.Force_Split_Words.clear()


def check_same_words(own, twin, text):
    for hmm in (True, False):
        assert own.lcut(text, HMM=hmm) == twin.lcut(text, HMM=hmm)
        assert own.lcut_for_search(text, HMM=hmm) == twin.lcut_for_search(text, HMM=hmm)
    assert own.lcut(text, cut_all=True) == twin.lcut(text, cut_all=True)


def small(*lines):
    """Return segmenter and twin of a dictionary of some lines."""
    data = "".join(f"{line}\n" for line in lines).encode()
    return Segmenter(io.BytesIO(data)), twin_of(data)


# -- words -----------------------------------------------------------------------------------


@pytest.mark.parametrize("text", GOLDEN)
def test_golden_words(text):
    with_hmm, without = GOLDEN[text]
    assert OWN.lcut(text) == with_hmm.split(" ") == TWIN.lcut(text)
    assert OWN.lcut(text, HMM=False) == without.split(" ") == TWIN.lcut(text, HMM=False)


@pytest.mark.parametrize(
    "text, words",
    [
        ("a\r\r\nb", ["a", "\r", "\r\n", "b"]),
        ("一 \n二\r\n", ["一", " ", "\n", "二", "\r\n"]),
        ("\n\r\u3000\0", ["\n", "\r", "\u3000", "\0"]),
        ("１Ａ中\U00020000", ["１", "Ａ", "中", "\U00020000"]),
        ("\ud83d\ude00中", ["\ud83d", "\ude00", "中"]),
    ],
)
def test_characters_outside_the_class_are_words_but_for_one_line_break(text, words):
    assert OWN.lcut(text) == OWN.lcut(text, HMM=False) == words == TWIN.lcut(text)


@settings(deadline=None, max_examples=200 if JIT_DISABLED else 1000)
@given(MIXED)
def test_words_are_those_of_jieba(text):
    check_same_words(OWN, TWIN, text)
    assert list(OWN.cut(text)) == OWN.lcut(text)
    assert list(OWN.cut_for_search(text)) == OWN.lcut_for_search(text)


@settings(deadline=None, max_examples=50 if JIT_DISABLED else 200)
@given(st.lists(MIXED, max_size=6), st.booleans())
def test_a_batch_is_cut_as_each_text(texts, hmm):
    assert OWN.lcut_batch(texts, hmm) == [TWIN.lcut(text, HMM=hmm) for text in texts]


def test_random_han_is_cut_as_by_jieba():
    """Most of these have no probability in some state: equal numbers are the rule here."""
    rng = random.Random(3)
    for _ in range(20 if JIT_DISABLED else 300):
        text = "".join(chr(rng.randrange(0x4DF0, 0x9FF0)) for _ in range(rng.randrange(30)))
        check_same_words(OWN, TWIN, text)


def test_each_character_is_cut_as_by_jieba():
    step = 997 if JIT_DISABLED else 3
    codes = [*range(0x3000), *range(0x3000, 0x11000, step), *range(0x11000, 0x110000, 40 * step)]
    for code in codes[:: 17 if JIT_DISABLED else 1]:
        text = f"中{chr(code)}国{chr(code)}"
        assert OWN.lcut(text) == TWIN.lcut(text)


def test_every_ascii_character_at_once():
    """No byte is left to join words by."""
    text = "".join(map(chr, range(128))) + "我来到北京"
    assert OWN.lcut(text) == TWIN.lcut(text)


def test_texts_longer_than_what_is_cut_together():
    rng = random.Random(5)
    texts = [
        "".join(rng.choices([*WORDS, *PIECES], k=k)) for k in (3, 600, 40, 0, 1500, 1)
    ]  # fmt: skip
    assert OWN.lcut_batch(texts) == [TWIN.lcut(text) for text in texts]


def test_bytes_are_utf8_or_else_gbk():
    for data in ("南京市长江大桥".encode(), "南京市长江大桥".encode("gbk"), b"\xff\xffabc\xd6\xd0"):
        assert OWN.lcut(data) == TWIN.lcut(data)
        assert OWN.lcut_for_search(data) == TWIN.lcut_for_search(data)


@pytest.mark.parametrize("bad", [None, 3, ["南京"]])
def test_what_is_no_text_is_refused(bad):
    with pytest.raises(InputError, match="expected a text, got"):
        OWN.lcut(bad)
    with pytest.raises(InputError, match="expected a text, got"):
        OWN.lcut_batch(["南京", bad])
    with pytest.raises(InputError, match="expected a list of texts, got one text"):
        OWN.lcut_batch("南京")


# -- marks -----------------------------------------------------------------------------------


def plain_marks(text, hmm, drop_spaces):
    """Return marks from jieba's words, as the classifier has always made them."""
    marks = []
    for word in TWIN.cut(text, HMM=hmm):
        size = len(word.encode("utf-8", "surrogatepass"))
        blank = not word.strip(" \n\r\t\v\f\0") or word.isspace()
        marks += [OUTSIDE] * size if drop_spaces and blank else [INSIDE] * (size - 1) + [END]
    return marks


@settings(deadline=None, max_examples=50 if JIT_DISABLED else 200)
@given(st.lists(MIXED, max_size=5), st.booleans(), st.booleans())
def test_marks_are_those_of_jieba(texts, hmm, drop_spaces):
    data = Texts.from_sequence(texts)
    expected = [mark for text in texts for mark in plain_marks(text, hmm, drop_spaces)]
    library = LibrarySegmenter.__new__(LibrarySegmenter)
    library._tokenizer = TWIN
    for one in (OWN, library):
        marks = one.mark(data.buffer, data.offsets, hmm, drop_spaces)
        assert marks.dtype == np.uint8
        assert marks.tolist() == expected


def test_space_is_what_python_calls_space_and_nul():
    codes = range(0x110000) if not JIT_DISABLED else [*range(0x3100), 0xFEFF, 0x1F600]
    found = [code for code in codes if cutting.is_space(code)]
    assert found == [code for code in codes if chr(code).isspace() or code == 0]


def test_threads_make_no_difference():
    rng = random.Random(2)
    data = Texts.from_sequence(["".join(rng.choices([*WORDS, *PIECES], k=4)) for _ in range(600)])
    expected = OWN.mark(data.buffer, data.offsets)
    for n in (2, 3):
        assert np.array_equal(OWN.mark(data.buffer, data.offsets, n_threads=n), expected)
    assert OWN.lcut_batch(data.to_list(), n_threads=2) == OWN.lcut_batch(data.to_list())


@pytest.mark.skipif(JIT_DISABLED, reason="nothing is compiled")
def test_each_kernel_is_compiled_for_one_kind_of_arguments():
    data = Texts.from_sequence(["南京市长江大桥", "B超"])
    for offsets in (data.offsets, data.offsets.astype(np.int32), data.offsets.tolist()):
        for buffer in (data.buffer, data.buffer.copy()):
            OWN.mark(buffer, offsets, 1, np.bool_(True), n_threads=2)
    own = OWN.copy()
    own.add_word("长江大桥", "7")
    own.lcut("长江", HMM=0)
    own.lcut_batch(["长江"])
    own.lcut_for_search("长江")
    Segmenter.from_bytes(own.to_bytes()).lcut("长江")
    own.load_userdict([f"云{i}" for i in range(compiled.LEAST_AT_ONCE)])
    for kernel in (
        cutting.join_words, trie.list_words, trie.insert, trie.look_up, trie.read_lines,
        adding.add_words, adding.enter_numbers,
    ):  # fmt: skip
        assert len(kernel.signatures) <= 1, kernel
    assert len(cutting.mark_words.signatures) == 1


def test_no_texts_and_empty_texts():
    assert OWN.lcut("") == OWN.lcut("", cut_all=True) == OWN.lcut_for_search("") == []
    assert OWN.lcut_batch([]) == []
    assert OWN.lcut_batch(["", "中国", ""]) == [[], ["中国"], []]
    assert OWN.mark(np.empty(0, np.uint8), np.zeros(1, np.int64)).size == 0


def test_bytes_that_are_not_utf8_are_marked_somehow():
    rng = np.random.default_rng(1)
    data = rng.integers(0, 256, 2000, dtype=np.uint8)
    data[::3] = 0xE4
    offsets = np.array([0, 1, 2, 5, 1999, 2000])
    marks = OWN.mark(data, offsets, drop_spaces=True)
    assert set(marks.tolist()) <= {INSIDE, END, OUTSIDE}
    assert all(marks[offsets[1:] - 1] != INSIDE)


# -- the dictionary --------------------------------------------------------------------------


def test_the_total_has_both_lines_of_a_word_and_words_that_never_match():
    assert OWN.total == TWIN.total == 60101967
    assert OWN.frequency("B超") == TWIN.FREQ["B超"]
    assert OWN.frequency("γ射线") == TWIN.FREQ.get("γ射线")


def test_every_word_has_its_frequency():
    words = list(TWIN.FREQ)
    for word in words[:: 1 if JIT_DISABLED else 7]:
        assert OWN.frequency(word) == TWIN.FREQ[word]
    for word in ("", "中国科学中", "的的", "Ω", "γ射线们", "\ud800"):
        assert OWN.frequency(word) == TWIN.FREQ.get(word)


ALPHABET = "一二三ab1.%γ"
ENTRY = st.tuples(
    st.text(ALPHABET, min_size=1, max_size=4),
    st.sampled_from(["0", "1", "2", "7", "7", "100", "007", "1_0", "+3", "123456789012345678901"]),
    st.sampled_from(["", " n", " n x", "  ", "\r", "\t", " 名词"]),
).map(lambda parts: f"{parts[0]} {parts[1]}{parts[2]}")
DICTIONARIES = st.lists(ENTRY, max_size=25)


@settings(deadline=None, max_examples=150 if JIT_DISABLED else 400)
@given(DICTIONARIES, st.lists(st.text(ALPHABET + "，", max_size=12), min_size=1, max_size=4))
def test_other_dictionaries(lines, texts):
    own, twin = small(*lines)
    assert own.total == twin.total
    assert all(own.frequency(word) == frequency for word, frequency in twin.FREQ.items())
    for text in texts:
        if own.total:
            check_same_words(own, twin, text)
        else:
            with pytest.raises(InputError, match="add up to 0"):
                own.lcut(text)


def test_a_dictionary_of_letters_that_only_begin_words():
    """A single character is a word if it has a frequency, or if nothing else is there."""
    own, twin = small("一二 3", "二三四 2", "一 0", "x 9")
    for text in ("一", "二", "一二", "一二三四", "二三", "三", "一三二三四"):
        check_same_words(own, twin, text)
    assert own.lcut("二三四一二", HMM=False) == ["二三四", "一二"]


def test_of_equal_scores_the_longer_first_word_is_taken():
    own, twin = small("一二 5", "三 5", "一 5", "二三 5", "四 5")
    assert own.lcut("一二三") == twin.lcut("一二三") == ["一二", "三"]
    check_same_words(own, twin, "四一二三四一二三")


def test_words_of_many_characters():
    long = "一二三四五六七八九十" * 30
    own, twin = small(f"{long} 5", "一二 3", "C++C++ 2")
    for text in (long, long[1:], long * 2, f"C++C++C{long}"):
        check_same_words(own, twin, text)


def test_numbers_of_any_size_are_frequencies():
    own, twin = small(f"一 {10**200}", "二 999999999999", "二三 1000000000000", "三 1")
    assert own.total == twin.total
    check_same_words(own, twin, "一二三")


def test_a_last_line_without_line_break_and_other_line_ends(tmp_path):
    path = tmp_path / "dict.txt"
    path.write_bytes("中国 3 n\r\n国人 4\n中国人 5".encode())
    own = Segmenter(path)
    assert [own.frequency(word) for word in ("中国", "国人", "中国人", "中", "人")] == [
        3, 4, 5, 0, None,
    ]  # fmt: skip
    assert own.total == 12


@pytest.mark.parametrize(
    "content, message",
    [
        (b"\xe4\xb8\x80 3\n\n", "2: expected a word and its frequency, got ''"),
        (b"\xe4\xb8\x80 3\nabc\n", "2: expected a word and its frequency, got 'abc'"),
        (b"\xe4\xb8\x80 3\nabc x\n", "2: expected a frequency"),
        (b"\xe4\xb8\x80 3\nabc  5\n", "2: expected a frequency"),
        (b"abc 1\n\xe4\xb8\x80 -3\n", "2: expected a frequency"),
        (b"abc 1\n\nabc -3", "2: expected a word"),
        (b"abc 1\nd 2\n\xff 3\n", "3: not UTF-8"),
        (b"abc 1\n\xe4\xb8", "2: not UTF-8"),
    ],
)
def test_lines_of_a_dictionary_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "dict.txt"
    path.write_bytes(content)
    with pytest.raises(InputError, match=re.escape(f"{path}:{message}")):
        Segmenter(path)


def test_a_dictionary_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="no such file or directory: check the path"):
        Segmenter(tmp_path / "none.txt")
    with pytest.raises(InputError, match="no such file or directory"):
        OWN.copy().load_userdict(str(tmp_path / "none.txt"))


def test_the_trie_grows():
    rng = random.Random(7)
    words = {
        "".join(rng.choices("一丁七万丈三上下abc1", k=rng.randrange(1, 9))) for _ in range(8000)
    }
    words = sorted(words)[: 700 if JIT_DISABLED else None]
    table = WordTable()
    table._allocate(16)
    expected = {}
    for number, word in enumerate(words):
        table.set(word, number % 50)
        for end in range(1, len(word)):
            expected.setdefault(word[:end], 0)
        expected[word] = number % 50
    assert table.tags.size > 16
    assert {word: table.get(word) for word in expected} == expected
    assert table.get("一丁七万丈三上下abc1") is None
    assert table.total == sum(number % 50 for number in range(len(words)))


def test_a_dictionary_larger_than_expected(monkeypatch):
    monkeypatch.setattr("fasttext_lite.segmenter.dictionary.BYTES_PER_NODE", 10**9)
    lines = DICTIONARY.splitlines(keepends=True)
    data = b"".join(lines[:: 4 if JIT_DISABLED else 9])
    own = Segmenter(io.BytesIO(data))
    twin = twin_of(data)
    assert own._table.tags.size * trie.PER_BUCKET > len(twin.FREQ) - 12000
    assert all(own.frequency(word) == twin.FREQ[word] for word in list(twin.FREQ)[::5])


def test_a_dictionary_of_too_many_words_is_refused(monkeypatch):
    monkeypatch.setattr(trie, "MOST_BUCKETS", 1 << 10)
    with pytest.raises(InputError, match="more than 5324 words"):
        WordTable(6000)


def test_the_model_is_that_of_jieba():
    model = read_model(jieba_folder())
    for column, state in enumerate("BMES"):
        assert model[cutting.START, column] == finalseg.start_P[state]
        emissions = {
            chr(trie.FIRST_CODE + i): p
            for i, p in enumerate(model[trie.FIRST_HAN :, column].tolist())
            if p != finalseg.MIN_FLOAT
        }
        own = {c: p for c, p in finalseg.emit_P[state].items() if "\u4e00" <= c <= "\u9fd5"}
        assert emissions == own
        for other, target in enumerate("BMES"):
            expected = finalseg.trans_P[state].get(target, finalseg.MIN_FLOAT)
            assert model[cutting.FROM_B + column, other] == expected


# -- words that are added --------------------------------------------------------------------

OPERATION = st.one_of(
    st.tuples(
        st.just("add_word"),
        st.text(ALPHABET, max_size=4),
        st.sampled_from([None, 0, 1, 5, "12", 10**20]),
    ),
    st.tuples(st.just("del_word"), st.text(ALPHABET, max_size=4)),
    st.tuples(st.just("suggest_freq"), st.text(ALPHABET, max_size=5), st.booleans()),
    st.tuples(
        st.just("suggest_freq"),
        st.lists(st.text(ALPHABET, max_size=2), max_size=3).map(tuple),
        st.booleans(),
    ),
    st.tuples(st.just("load_userdict"), st.lists(st.sampled_from(
        ["一二", "二三 5", "三 n", "一二三 3 nr", "a b", "1.% 0", "γ一 ", "  ", "\ufeff二一 4"])
    )),
)  # fmt: skip


@settings(deadline=None, max_examples=150 if JIT_DISABLED else 400)
@given(st.lists(OPERATION, max_size=8), st.lists(st.text(ALPHABET, max_size=9), max_size=3))
def test_words_are_added_and_taken_out_as_by_jieba(operations, texts):
    finalseg.Force_Split_Words.clear()
    own, twin = small("一二 5", "二三 3", "一 8", "三 1", "1.% 2", "二三一 2")
    for name, *arguments in operations:
        assert getattr(own, name)(*arguments) == getattr(twin, name)(*arguments)
        assert own.total == twin.total
    assert {word: own.frequency(word) for word in twin.FREQ} == twin.FREQ
    assert own.tags == twin.user_word_tag_tab
    restored = Segmenter.from_bytes(own.to_bytes())
    for text in [*texts, "一二三一二", "二二三三一"]:
        check_same_words(own, twin, text)
        check_same_words(restored, twin, text)


def test_words_of_frequency_0_are_not_found_as_unknown_words():
    own, twin = OWN.copy(), twin_of(DICTIONARY)
    text = "他来到了网易杭研大厦"
    assert "杭研" in own.lcut(text)
    for one in (own, twin):
        one.del_word("杭研")
    assert own.lcut(text) == twin.lcut(text) == ["他", "来到", "了", "网易", "杭", "研", "大厦"]
    for one in (own, twin):
        one.add_word("杭研", 1)  # jieba does not forget that
        one.add_word("杭研", 0)
        one.add_word("大厦", 0)
    check_same_words(own, twin, text)
    assert OWN.lcut(text) == ["他", "来到", "了", "网易", "杭研", "大厦"]


def test_the_total_keeps_the_old_frequency():
    own = OWN.copy()
    own.add_word("清华大学", 7)
    own.add_word("清华大学", 7)
    assert own.total == OWN.total + 14
    assert own.frequency("清华大学") == 7


def test_jieba_s_own_example_of_tuning():
    own, twin = OWN.copy(), twin_of(DICTIONARY)
    for one in (own, twin):
        assert one.lcut("如果放到post中将出错。", HMM=False)[-4:-2] != ["中", "将"] or JIT_DISABLED
        one.suggest_freq(("中", "将"), True)
        one.suggest_freq("台中", True)
        one.add_word("石墨烯")
        one.add_word("凱特琳", tag="nz")
    for text in ("如果放到post中将出错。", "「台中」正确应该不会被切开", "石墨烯和凱特琳"):
        check_same_words(own, twin, text)


def test_a_user_dictionary(tmp_path):
    path = tmp_path / "user.txt"
    path.write_bytes(
        "\ufeff云计算 5\r\n李小福 2 nr\neasy_install 3 eng\n好用 300\n\n八一双鹿\n".encode()
    )
    own, twin = OWN.copy(), twin_of(DICTIONARY)
    own.load_userdict(path)
    with open(path, "rb") as file:
        twin.load_userdict(file)
    assert own.total == twin.total
    assert own.tags == twin.user_word_tag_tab == {"李小福": "nr", "easy_install": "eng"}
    check_same_words(
        own, twin, "李小福是创新办主任也是云计算方面的专家；八一双鹿easy_install很好用"
    )
    with open(path, "rb") as file:
        other = Segmenter(io.BytesIO(DICTIONARY), [file, ["台中 7"]])
    assert other.total == own.total + 7


def many_entries(n=600, seed=3):
    """Return lines of a user dictionary of all kinds, most of them plain words in a row."""
    rng = random.Random(seed)
    lines = []
    for i in range(n):
        word = "".join(rng.choices(MORE + "ab1.%", k=rng.choice((1, 2, 2, 3, 3, 4, 6))))
        word = rng.choice((word, word, *WORDS[:3]))
        line = word + rng.choice(("", "", "", " 3", f" {rng.randrange(10**6)}", " 5 nr", " n"))
        lines.append(
            line if i % 150 else rng.choice(("·" + word, word + " 0", word + f" {10**18}"))
        )
    return lines


@pytest.mark.parametrize("frequencies", ["all kinds", "none", "large"])
def test_many_words_are_added_as_one_by_one(frequencies):
    finalseg.Force_Split_Words.clear()
    lines = many_entries()
    if frequencies == "none":
        lines = [line.split(" ")[0] for line in lines]
    elif frequencies == "large":  # sums of them are no float64 at last
        lines = [line.split(" ")[0] + f" {10**13 + i}" for i, line in enumerate(lines * 2)]
    own, one_by_one, twin = OWN.copy(), OWN.copy(), twin_of(DICTIONARY)
    own.load_userdict(lines)
    for line in lines:
        one_by_one.load_userdict([line])
    twin.load_userdict(lines)
    assert own.total == one_by_one.total == twin.total
    assert own.tags == one_by_one.tags == twin.user_word_tag_tab
    words = sorted({line.split(" ")[0] for line in lines})
    assert [own.frequency(word) for word in words] == [twin.FREQ.get(word) for word in words]
    assert own._changes == one_by_one._changes
    assert own.to_bytes() == one_by_one.to_bytes()
    for text in ("".join(words)[:500], *list(GOLDEN)[:20]):
        check_same_words(own, twin, text)


@pytest.mark.parametrize(
    "content, message",
    [
        (b"abc\n\xff\n", "2: not UTF-8"),
        (b"abc 1\n\n" + b"d " + b"9" * 5000, "3: expected a frequency"),
    ],
)
def test_a_user_dictionary_that_cannot_be_read_adds_nothing(tmp_path, content, message):
    path = tmp_path / "user.txt"
    path.write_bytes(content)
    own = OWN.copy()
    with pytest.raises(InputError, match=re.escape(f"{path}:{message}")):
        own.load_userdict(path)
    assert own.total == OWN.total
    with pytest.raises(InputError, match="user dictionary:1: a line break inside"):
        own.load_userdict(["a\nb"])


@pytest.mark.parametrize("bad", ["x", -1, "-2", 1j, float("inf"), 10**400, "9" * 5000])
def test_what_is_no_frequency_is_refused(bad):
    own = OWN.copy()
    with pytest.raises(InputError, match="^'云': expected a frequency, an integer .{,80}$"):
        own.add_word("云", bad)
    assert own.total == OWN.total


def test_many_different_frequencies():
    own, twin = small("一二 5", "二三 3", "一 8")
    for number in range(3, 80):
        for one in (own, twin):
            one.add_word("二三", number * number)
    check_same_words(own, twin, "一二三二三一")


# -- keeping ---------------------------------------------------------------------------------


def test_a_pickled_segmenter_has_its_words():
    own = OWN.copy()
    own.add_word("\ud800云计算", 5, "n")
    own.add_word("小明", 5)
    own.del_word("杭研")
    other = pickle.loads(pickle.dumps(own))
    assert (other.total, other.tags) == (own.total, own.tags)
    for text in GOLDEN:
        assert other.lcut(text) == own.lcut(text)
    assert other.to_bytes() == own.to_bytes()


@pytest.mark.skipif(JIT_DISABLED, reason="jieba's whole dictionary takes too long")
def test_bytes_name_jieba_s_own_dictionary_only():
    own = Segmenter()
    own.add_word("云计算", 5)
    data = own.to_bytes()
    assert len(data) < 1000
    assert Segmenter.from_bytes(data).lcut("云计算") == ["云计算"]


def test_bytes_that_hold_no_segmenter(monkeypatch):
    data = OWN.to_bytes()
    for bad in (b"", b"abc", data[:-9], data[:50] + b"xx" + data[52:]):
        with pytest.raises(ModelError, match="damaged"):
            Segmenter.from_bytes(bad)
    monkeypatch.setattr(base, "FORMAT", 2)
    newer = small("一 1")[0].to_bytes()
    monkeypatch.undo()
    with pytest.raises(ModelError, match="newer version of fasttext-lite"):
        Segmenter.from_bytes(newer)


def test_bytes_with_another_dictionary_of_jieba(monkeypatch):
    own = small("一 1")[0]
    own._source = None
    with pytest.raises(ModelError, match="made with another dictionary"):
        Segmenter.from_bytes(own.to_bytes())


# -- the default -----------------------------------------------------------------------------


@pytest.fixture
def few_words(monkeypatch, tmp_path):
    """Let jieba's own folder have a small dictionary; return the folder."""
    folder = tmp_path / "jieba"
    folder.mkdir()
    (folder / "finalseg").symlink_to(jieba_folder() / "finalseg")
    (folder / "dict.txt").write_bytes("中国 5\n国人 3\n".encode())
    (folder / "__init__.py").write_text(f"__version__ = '{VERIFIED}'\n")
    for one in (compiled, base):
        monkeypatch.setattr(one, "jieba_folder", lambda: folder)
    compiled._default.cache_clear()
    yield folder
    compiled._default.cache_clear()


def test_the_default_is_one_and_cannot_be_changed(few_words):
    own = Segmenter.default()
    assert own is Segmenter.default()
    for change in (
        lambda: own.add_word("云", 1),
        lambda: own.del_word("中国"),
        lambda: own.suggest_freq("云", True),
        lambda: own.load_userdict(["云 1"]),
    ):
        with pytest.raises(InputError, match="cannot be changed"):
            change()
    other = own.copy()
    other.add_word("人中", 9)
    assert other.lcut("人中国人") != own.lcut("人中国人")
    assert own.total == 8


def test_another_version_of_jieba_is_called_itself(few_words, caplog):
    (few_words / "__init__.py").write_text("__version__ = '0.43'\n")
    with caplog.at_level(logging.WARNING, "fasttext_lite"):
        own = Segmenter.default()
        assert own is Segmenter.default()
    assert isinstance(own, LibrarySegmenter)
    assert len(caplog.records) == 1
    assert "jieba 0.43 is installed" in caplog.text
    assert own.lcut("中国人") == ["中国", "人"]
    with pytest.raises(InputError, match="cannot be changed"):
        own.suggest_freq("云", True)


def test_the_library_has_the_same_methods(few_words):
    library, own = LibrarySegmenter(None, [["云计算 4 n"]]), Segmenter(None, [["云计算 4 n"]])
    for one in (library, own):
        one.add_word("人中", "3")
        one.del_word("国人")
        one.add_word("国人", 1)
        one.suggest_freq(("人", "中"), True)
    assert library.to_bytes() == own.to_bytes()
    texts = ["中国人中云计算", "", "人 中"]
    assert library.lcut_batch(texts) == own.lcut_batch(texts)
    for other in (library, library.copy(), LibrarySegmenter.from_bytes(own.to_bytes())):
        assert (other.total, other.tags) == (own.total, own.tags) == (16, {"云计算": "n"})
        for word in ("云计算", "云", "国人", "人", "们"):
            assert other.frequency(word) == own.frequency(word)
        for text in texts:
            check_same_words(own, other, text)
            assert other.suggest_freq(text) == own.suggest_freq(text)
    other.add_word("计算云", 1)
    library.copy().add_word("计算云", 1)
    assert library.to_bytes() == own.to_bytes()
    with pytest.raises(InputError, match="expected a frequency"):
        library.add_word("云", -1)
    with pytest.raises(InputError, match="no such file"):
        LibrarySegmenter(few_words / "none.txt")
    (few_words / "bad.txt").write_text("a 1\nb\n")
    with pytest.raises(InputError, match="bad.txt at Line 2: b: expected a word"):
        LibrarySegmenter(few_words / "bad.txt")


def test_the_methods_of_both_have_the_same_arguments():
    import inspect

    names = [name for name in dir(Segmenter) if hasattr(LibrarySegmenter, name)]
    for name in names:
        one, other = getattr(Segmenter, name), getattr(LibrarySegmenter, name)
        if inspect.isfunction(one) and name[0] != "_" and name != "copy":
            assert inspect.signature(one) == inspect.signature(other), name
    assert {"mark", "lcut", "lcut_batch", "add_word", "suggest_freq"} <= set(names)


@pytest.mark.skipif(JIT_DISABLED, reason="jieba's whole dictionary takes too long")
def test_jieba_itself_is_not_imported():
    code = (
        "import sys\nfrom fasttext_lite.segmenter import Segmenter\n"
        "assert Segmenter.default().lcut('中国') == ['中国']\nassert 'jieba' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_without_jieba(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(InputError, match="jieba is not installed: pip install jieba"):
        Segmenter()


def test_a_version_that_is_not_written(tmp_path):
    (tmp_path / "__init__.py").write_text("")
    assert jieba_version(Path(tmp_path)) == "unknown"
    (tmp_path / "finalseg").mkdir()
    for name in ("start", "trans", "emit"):
        (tmp_path / "finalseg" / f"prob_{name}.py").write_text("P={}\n")
    with pytest.raises(InputError, match="not the table of jieba"):
        read_model(tmp_path)
