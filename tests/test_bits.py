"""The same bits: labels, their order and float32 probabilities are fastText's on every text.

Models of random numbers, the same in each run, are written here and read by the `fasttext` wheel;
texts are drawn anew for each model.  No tolerance: one other bit fails.
"""

import itertools

import fasttext
import numpy as np
import pytest
from conftest import JIT_DISABLED

from fasttext_lite.compat import load_model
from fasttext_lite.compat.files.arguments import LOSSES, Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary, as_array
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.quantize import quantize

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="200,000 texts are too many for this")

N_TEXTS = 6000  # of each model
N_SINGLE = 150  # of these one by one, too
EACH_ALL = 4  # of so many texts one is compared in all labels
N_LABELS = 40
MANY_LABELS = 300  # a quantised output table has at least 256 rows
BUCKET = 3000
WORDS = [f"w{i}".encode() for i in range(250)] + [
    word.encode()
    for word in ("中文", "分词", "的", "机器学习", "naïve", "a", "ß", "Ω", "👍", "don't", "x-y")
]
# Unknown words, labels, ends of lines, and bytes that are no text.
UNKNOWN = [
    b"unseen", "未知的词".encode(), "ไทย".encode(), b"q", b"zz9", b"<w1>", b"<", b">",
    b"x" * 90, "中".encode() * 40,
]  # fmt: skip
ODD = [
    b"__label__7", b"__label__new", b"</s>", b"\xff\xfe", b"\x80abc", b"\xe4\xb8", b"w1\x00w2",
    b"\x01", b"\x7f", b"\xbf\xbf", "\u3000".encode(), b"\t\x0b\x0c\r",
]  # fmt: skip
NGRAMS = {"words": (1, 0, 0), "bigrams": (2, 0, 0), "subwords": (1, 2, 4), "both": (3, 2, 3)}
DIMS = {"words": 100, "bigrams": 10, "subwords": 13, "both": 33}
QUANTIZE = {
    "plain": {}, "qnorm": {"qnorm": True, "dsub": 4}, "qout": {"qout": True},
    "qnorm, qout": {"qnorm": True, "qout": True, "dsub": 3},
    "pruned": {"cutoff": 900}, "pruned, all": {"cutoff": 900, "qnorm": True, "qout": True},
}  # fmt: skip
KS = (1, 5, -1)
THRESHOLDS = (0.0, 0.01, 0.3)
COMPARED = {"texts": 0, "predictions": 0}


def random_model(rng, loss, ngrams, n_labels=N_LABELS):
    """Return a model of random numbers; scores lie some units apart, and beyond 8 at times."""
    words, minn, maxn = NGRAMS[ngrams]
    dim = DIMS[ngrams]
    args = Args.supervised(
        loss=loss, word_ngrams=words, minn=minn, maxn=maxn, dim=dim,
        bucket=BUCKET if words > 1 or maxn else 0,
    )  # fmt: skip
    labels = [b"__label__%d" % i for i in range(n_labels)]
    entries = [b"</s>", *WORDS, *labels]
    counts = [10_000, *range(5000, 5000 - len(WORDS), -1)]
    counts += np.sort(rng.integers(1, 2000, n_labels))[::-1].tolist()
    dictionary = Dictionary.of_words(args, entries, counts, 1 + len(WORDS), sum(counts))
    scale = np.float32(8 / np.sqrt(dim))
    table = rng.standard_normal((dictionary.n_rows, dim), np.float32) * scale
    output = rng.standard_normal((n_labels, dim), np.float32)
    parts = ModelParts(args, dictionary, DenseTable.of(table), DenseTable.of(output))
    return FastTextModel(parts)


def random_texts(rng, n=N_TEXTS):
    """Return texts of 0 to 40 tokens, some of 400: known words in the main."""
    lengths = rng.integers(0, 15, n)
    lengths[::5] = rng.integers(10, 40, lengths[::5].size)
    lengths[::200] = rng.integers(200, 400, lengths[::200].size)
    kinds = [WORDS, UNKNOWN, ODD]
    total = int(lengths.sum())
    kind = rng.choice(3, total, p=[0.85, 0.12, 0.03])
    draw = rng.random(total)
    tokens = [
        kinds[a][int(b * len(kinds[a]))] for a, b in zip(kind.tolist(), draw.tolist(), strict=True)
    ]
    ends = np.cumsum(lengths).tolist()
    return [b" ".join(tokens[a:b]) for a, b in zip([0, *ends[:-1]], ends, strict=True)]


def as_lists(found, names):
    """Return labels, float32 bits and their number for each text, one text after another."""
    there = found.labels >= 0
    labels = np.array(names, object)[found.labels[there]].tolist()
    return labels, found.scores[there].view(np.int32), there.sum(axis=1).tolist()


def check_same(found, expected, names, where):
    """Compare what was found with the wheel's labels and probabilities."""
    labels, bits, counts = as_lists(found, names)
    their_labels, their_scores = expected
    their_bits = np.concatenate(their_scores).astype(np.float32, copy=False).view(np.int32)
    assert counts == [len(row) for row in their_labels], where
    assert labels == list(itertools.chain.from_iterable(their_labels)), where
    other = np.flatnonzero(bits != their_bits)
    assert other.size == 0, (where, other.size, bits.size)
    COMPARED["predictions"] += bits.size


def check_every_way(model, path, rng):
    """Compare all ways to predict with the wheel's, on texts of the model's own."""
    model.save(path)
    theirs = fasttext.load_model(str(path))
    ours = FastTextModel.load(path)
    names = [name.decode() for name in ours.dictionary.labels]
    texts = random_texts(rng)
    for k, threshold in [(k, 0.0) for k in KS] + [(5, x) for x in THRESHOLDS[1:]]:
        chosen = texts if k > 0 else texts[::EACH_ALL]
        lines = [text + b"\n" for text in chosen]
        data, offsets = as_array(b"".join(chosen)), np.cumsum([0, *map(len, chosen)])
        expected = theirs.f.multilinePredict(lines, k, threshold, "")
        check_same(ours.predict_texts(chosen, k, threshold), expected, names, (k, threshold))
        found = ours.predict_documents(data, offsets, k, threshold, 1)
        check_same(found, expected, names, ("documents", k, threshold))
    check_single(load_model(str(path)), theirs, texts)
    COMPARED["texts"] += len(texts)


def check_single(ours, theirs, texts):
    """Compare single calls, whose float64 are those of float32; and lists of few texts."""
    texts = [text.decode("utf-8", "replace") for text in texts[:N_SINGLE]]
    for k in KS:
        for text in texts:
            labels, scores = ours.predict(text, k)
            their_labels, their_scores = theirs.predict(text, k)
            assert labels == their_labels, (k, text)
            assert scores.dtype == np.float64
            assert scores.tolist() == their_scores.tolist(), (k, text)
        for few in (texts[:1], texts[:7], texts):
            labels, scores = ours.predict(few, k)
            their_labels, their_scores = theirs.predict(few, k)
            assert labels == their_labels
            for a, b in zip(scores, their_scores, strict=True):
                assert a.dtype == np.float32 and a.tolist() == b.tolist()


@pytest.mark.parametrize("ngrams", NGRAMS)
@pytest.mark.parametrize("loss", LOSSES)
def test_dense(tmp_path, loss, ngrams):
    rng = np.random.default_rng([*LOSSES].index(loss) * 10 + [*NGRAMS].index(ngrams))
    check_every_way(random_model(rng, loss, ngrams), tmp_path / "model.bin", rng)


@pytest.mark.parametrize("options", QUANTIZE)
@pytest.mark.parametrize("loss", LOSSES)
def test_quantised(tmp_path, loss, options):
    rng = np.random.default_rng(100 + [*LOSSES].index(loss) * 10 + [*QUANTIZE].index(options))
    ngrams = "subwords" if options == "qout" else "both"
    n_labels = MANY_LABELS if "qout" in QUANTIZE[options] else N_LABELS
    model = random_model(rng, loss, ngrams, n_labels)
    settings = Args(thread=1, **{"dsub": 2, **QUANTIZE[options]})
    check_every_way(quantize(model, settings), tmp_path / "model.ftz", rng)


def test_how_much_was_compared(capsys):
    planned = N_TEXTS * len(LOSSES) * (len(NGRAMS) + len(QUANTIZE))
    assert planned >= 240_000
    if COMPARED["texts"] < planned:  # only a part of this file was run
        return
    with capsys.disabled():
        print(
            f"\nthe same bits as fastText: {COMPARED['texts']:,} texts, "
            f"{COMPARED['predictions']:,} predictions"
        )
    assert COMPARED["texts"] == planned
    assert COMPARED["predictions"] >= 19_000_000
