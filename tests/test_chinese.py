"""Chinese texts: words, words beside characters, simplified forms, stop words, own words."""

import io
import sys

import jieba
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.fitting import fit
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.text.analyzers import analyze, segmenter_of
from fasttext_lite.text.normalize import _simplified, normalize

jieba.setLogLevel("WARNING")
TEXTS = [
    "央行下调存款利率",
    "中国科学院计算技术研究所 released GPT-4 in 2023年！",
    " 他来到了网易杭研大厦\r\n",
    "",
    "乾燥的漢語，後來的頭髮",
    "ABC",
    "\x1f\0 a",
    "👍好",
]
PIECES = ["中国", "人民", "银行", "a1", "X", " ", "，", "後", "\n", "😀", "3.14%", "\x1f", "的"]


def tokens(texts, **settings):
    return analyze(Texts.from_sequence(texts), Config(**settings), 1).tokens()


def words_of(text):
    return [word for word in jieba.lcut(text.lower()) if word.strip() and word.strip("\0")]


def test_words_are_those_of_jieba():
    assert tokens(TEXTS, analyzer="jieba") == [words_of(text) for text in TEXTS]


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES), max_size=8).map("".join), max_size=5))
def test_mixed_is_words_and_then_the_tokens_of_auto(texts):
    found = tokens(texts, analyzer="mixed")
    words, others = tokens(texts, analyzer="jieba"), tokens(texts, analyzer="auto")
    assert found == [a + ["\x1f"] + b for a, b in zip(words, others, strict=True)]


def test_threads_do_not_matter():
    texts = Texts.from_sequence(TEXTS * 300)
    for settings_ in ({"analyzer": "mixed"}, {"analyzer": "jieba", "stop_words": "的 了"}):
        one, two = (analyze(texts, Config(**settings_), n) for n in (1, 2))
        np.testing.assert_array_equal(one.marks, two.marks)
        np.testing.assert_array_equal(one.buffer, two.buffer)


def test_token_lists_stay_as_they_are():
    lists = [["中国人民", "银行"], ["x"]]
    assert tokens(lists, analyzer="mixed") == lists


@pytest.mark.parametrize("analyzer", ["auto", "char", "whitespace", "jieba", "mixed"])
def test_stop_words_are_no_tokens(analyzer):
    texts = ["银行 的 利率 了 THE end", "的", "的的 了"]
    stop = {"的", "了", "the"}
    found = tokens(texts, analyzer=analyzer, stop_words=["的", "了", "The"])
    plain = tokens(texts, analyzer=analyzer)
    assert found == [[word for word in words if word not in stop] for words in plain]


def test_stop_words_are_normalised_as_texts_are():
    found = tokens(
        ["ＡＢＣ 後來 x"], nfkc=True, simplify=True, stop_words="abc 后", analyzer="auto"
    )
    assert found == [["来", "x"]]


def test_own_words():
    text = "李小福是创新办主任也是云计算方面的专家"
    assert "云计算" not in tokens([text], analyzer="jieba")[0]
    found = tokens([text], analyzer="jieba", user_dictionary=["云计算 5", "创新办 3 i"])[0]
    assert {"云计算", "创新办"} <= set(found)
    tokenizer = jieba.Tokenizer()
    tokenizer.load_userdict(io.StringIO("云计算 5\n创新办 3 i\n"))
    assert found == tokenizer.lcut(text)
    assert "云计算" not in tokens([text], analyzer="jieba")[0]  # the shared one is as it was


def test_own_words_that_cannot_be_read():
    with pytest.raises(InputError, match=r"2: .*frequency"):
        segmenter_of(f"好词 3\n坏词 {'9' * 400}\n")


def test_traditional_characters_become_simplified():
    assert tokens(["漢語", "後來"], simplify=True) == [["汉", "语"], ["后", "来"]]
    texts = Texts.from_sequence(TEXTS)
    table = _simplified()
    for lowercase, nfkc in ((False, False), (True, False), (True, True)):
        plain = normalize(texts, lowercase, nfkc).to_list()
        found = normalize(texts, lowercase, nfkc, 1, True).to_list()
        assert found == [text.translate(table) for text in plain]


def test_the_table_of_simplified_characters():
    opencc = pytest.importorskip("opencc")
    table, converter = _simplified(), opencc.OpenCC("t2s")
    assert len(table) > 2000
    for code in (*map(ord, "漢語後來頭髮乾"), *map(ord, "汉语后来头发干一a")):
        assert table.get(code, code) == ord(converter.convert(chr(code)))


def test_without_opencc_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "opencc", None)
    _simplified.cache_clear()
    try:
        with pytest.raises(InputError, match=r"pip install 'fasttext-lite\[zh\]'"):
            _simplified()
    finally:
        _simplified.cache_clear()


LABELLED = ["央行下调存款利率", "股市大涨银行股领先", "球队主场获胜", "足球比赛进球"] * 8
NAMES = ["财经", "财经", "体育", "体育"] * 8


@pytest.mark.parametrize("analyzer", ["jieba", "mixed"])
def test_a_model_keeps_its_words(tmp_path, analyzer):
    config = Config(
        analyzer=analyzer, stop_words="下调 的", user_dictionary="存款利率 9", simplify=True
    )
    labels = Labels.from_rows([[name] for name in NAMES])
    model = fit.fit(Texts.from_sequence(LABELLED), labels, config, n_threads=1).model
    words = {word.decode() for word in model.space.words()}
    assert "存款利率" in words and "下调" not in words
    save_model(model, tmp_path / "m.ftl")
    again = load_model(tmp_path / "m.ftl")
    assert again.config == model.config
    texts = ["銀行存款利率", "足球 GOAL", ""]
    np.testing.assert_array_equal(again.probabilities(texts), model.probabilities(texts))
    one = [again.predict_one(text)[0] for text in texts]
    found = again.predict(texts)
    assert [label for label, _ in one] == [again.labels[i] for i in found.labels[:, 0]]


def test_the_estimator_takes_lists():
    classifier = FastTextClassifier(analyzer="mixed", stop_words=["的"], user_dictionary=["央行 3"])
    classifier.fit(LABELLED, NAMES)
    assert classifier.model_.config.stop_words == "的"
    assert list(classifier.predict(["存款利率", "足球"])) == ["财经", "体育"]


def test_the_command_line_reads_files(tmp_path, capsys):
    train = tmp_path / "train.tsv"
    train.write_text("".join(f"{a}\t{b}\n" for a, b in zip(NAMES, LABELLED, strict=True)), "utf-8")
    (tmp_path / "stop.txt").write_text("的\n下调\n", "utf-8")
    (tmp_path / "user.txt").write_text("存款利率 9 n\n", "utf-8")
    flags = ["--stop-words", f"@{tmp_path}/stop.txt", "--user-dictionary", f"@{tmp_path}/user.txt"]
    out = str(tmp_path / "m.ftl")
    assert app.main(["train", str(train), "-o", out, "--analyzer", "jieba", "-q", *flags]) == 0
    assert "存款利率".encode() in load_model(out).space.words()
    with pytest.raises(SystemExit) as stop:
        app.main(["train", str(train), "-o", out, "--stop-words", "@none.txt"])
    assert stop.value.code == 2
    assert "none.txt: no such file" in capsys.readouterr().err
    (tmp_path / "user.txt").write_text(f"坏词 {'9' * 400}\n", "utf-8")
    assert app.main(["train", str(train), "-o", out, "--analyzer", "jieba", *flags]) == 2
    assert len(capsys.readouterr().err.strip().splitlines()) == 1
