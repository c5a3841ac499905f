"""fastText and this package on the same models and the same lines, in both directions.

Models are trained here with the `fasttext` wheel over a matrix of settings, and with this package;
both read both, and every line's labels and probabilities are compared.
"""

import functools
import itertools
from pathlib import Path

import fasttext
import numpy as np
import pytest
from conftest import JIT_DISABLED

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import as_array
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.quantize import quantize
from fasttext_lite.compat.training.supervised import train_supervised

pytestmark = pytest.mark.skipif(JIT_DISABLED, reason="the wheel's models are too large for this")

DENSE = QUANTIZED = 1e-5
# The wheel fills tenths of its table, a thread each, and leaves the rest and what is over as the
# memory was (fastText #1061): with fewer threads it may even meet NaN.
THREADS = 11
COMPARED = {"lines": 0, "predictions": 0, "models": 0}

WORDS = [f"w{i}" for i in range(150)] + [
    "中文",
    "分词",
    "naïve",
    "a",
    "ß",
    "Ω",
    "👍",
    "don't",
    "x-y",
]
ODD_LINES = [
    b"",
    b" ",
    b"\t \x0b\x0c\r",
    b"nothing-known qqqq zzzz",
    b"\xff\xfe w1 \x80\x81 w2 \xe4\xb8",
    b"\x80abc w3 \xbf\xbf\xbf",
    b"w1\x00w2\x00\x00w3",
    b"w1\x01 \x02w2 \x7f",
    b"w1 w2 __label__1 w3",
    b"__label__0",
    b"__label__unknown w4 w5",
    b"w1 </s> w2 w3",
    b"</s>",
    "w1\u3000w2\u00a0w3".encode(),
    b"w1 " * 3000,
    ("中" * 2500).encode(),
    b"x" * 5000,
    b"<w1> <> < >",
    "👍👍 naïve NAÏVE".encode(),
]


def sentence(rng, n_labels, label=None):
    """Return words that hint at a label."""
    label = rng.integers(n_labels) if label is None else label
    hints = [WORDS[(label * 7 + j) % len(WORDS)] for j in range(3)]
    others = [WORDS[i] for i in rng.integers(0, len(WORDS), rng.integers(2, 9))]
    return " ".join(rng.permutation(hints + others))


@functools.cache
def training_text(n_labels, multilabel=False, prefix="__label__"):
    """Return a training text; each label is there."""
    rng = np.random.default_rng([n_labels, multilabel])
    lines = []
    for i in range(max(600, 4 * n_labels)):
        own = {i % n_labels}
        if multilabel:
            own |= set(rng.integers(0, n_labels, rng.integers(0, 3)).tolist())
        names = " ".join(f"{prefix}{label}" for label in sorted(own))
        lines.append(f"{names} {sentence(rng, n_labels, i % n_labels)}\n")
    return "".join(lines)


@functools.cache
def lines_to_predict(n_labels):
    """Return lines to predict, as bytes."""
    rng = np.random.default_rng(n_labels)
    usual = [sentence(rng, n_labels).encode() for _ in range(60)]
    return [line + b" unseen" if i % 3 == 0 else line for i, line in enumerate(usual)] + ODD_LINES


def train_with_wheel(folder: Path, text: str, **settings):
    path = folder / "train.txt"
    path.write_text(text)
    values = {"dim": 12, "epoch": 3, "lr": 0.2, "bucket": 3000, "verbose": 0, "thread": THREADS}
    return fasttext.train_supervised(str(path), **{**values, **settings})


def predictions_of_wheel(model, lines, k, threshold):
    """Return the wheel's labels and probabilities of bytes, which its own face does not take."""
    labels, scores = model.f.multilinePredict([line + b"\n" for line in lines], k, threshold, "")
    return labels, [np.asarray(row) for row in scores]


def check_same(
    ours: FastTextModel, theirs, n_labels, tolerance, ks=(1, 5, -1), thresholds=(0.0, 0.2)
):
    """Compare all predictions of two models that hold the same numbers."""
    lines = lines_to_predict(n_labels)
    names = ours.dictionary.labels
    for k, threshold in itertools.product((1, 5, -1), (0.0, 0.2)):
        found = ours.predict_texts(lines, k, threshold)
        labels, scores = predictions_of_wheel(theirs, lines, k, threshold)
        for i, line in enumerate(lines):
            mine = [names[j].decode() for j in found.labels[i] if j >= 0]
            p = found.scores[i][: len(mine)]
            q = scores[i]
            where = (line[:40], k, threshold)
            if len(mine) != len(q):  # a probability on the threshold itself
                longer = p if len(p) > len(q) else q
                assert abs(longer[min(len(p), len(q)) :] - threshold).max() < tolerance, where
                n = min(len(p), len(q))
                p, q, mine = p[:n], q[:n], mine[:n]
            if len(q):
                np.testing.assert_allclose(p, q, rtol=0, atol=tolerance, err_msg=str(where))
            for j, (a, b) in enumerate(zip(mine, labels[i], strict=False)):
                if a != b:  # two probabilities that only rounding tells apart
                    other = labels[i].index(a) if a in labels[i] else j
                    near = abs(q[j] - q[other]) if a in labels[i] else abs(p[j] - q[j])
                    assert near < tolerance / 10, (where, a, b, near)
            COMPARED["predictions"] += len(mine)
        COMPARED["lines"] += len(lines)


def check_both_ways(model, folder: Path, n_labels, tolerance=DENSE):
    """Compare the wheel's model with ours of its file, and with the file that ours writes."""
    path = folder / ("model.ftz" if model.is_quantized() else "model.bin")
    model.save_model(str(path))
    ours = FastTextModel.load(path)
    check_same(ours, model, n_labels, tolerance)
    again = folder / ("again" + path.suffix)
    ours.save(again)
    assert again.read_bytes() == path.read_bytes()
    COMPARED["models"] += 1
    return ours


NGRAMS = [(1, 0, 0), (2, 0, 0), (5, 0, 0), (1, 2, 4), (3, 1, 3), (2, 3, 6)]


@pytest.mark.parametrize("n_labels", [2, 7, 300])
@pytest.mark.parametrize("ngrams", NGRAMS, ids=str)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_dense(tmp_path, loss, ngrams, n_labels):
    words, minn, maxn = ngrams
    text = training_text(n_labels)
    model = train_with_wheel(tmp_path, text, loss=loss, wordNgrams=words, minn=minn, maxn=maxn)
    check_both_ways(model, tmp_path, n_labels)


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
@pytest.mark.parametrize("settings", [{}, {"wordNgrams": 2, "minn": 2, "maxn": 3}], ids=str)
def test_several_labels(tmp_path, loss, settings):
    model = train_with_wheel(tmp_path, training_text(20, True), loss=loss, **settings)
    check_both_ways(model, tmp_path, 20)


QUANTIZE = [
    {"dsub": 2}, {"dsub": 5}, {"qnorm": True}, {"qout": True}, {"cutoff": 400},
    {"cutoff": 100, "qnorm": True, "dsub": 4}, {"cutoff": 400, "retrain": True, "qout": True},
]  # fmt: skip


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
@pytest.mark.parametrize("options", QUANTIZE, ids=str)
def test_quantized(tmp_path, loss, options):
    if options.get("cutoff") == 100:  # of fewer than 256 rows there can be no codes
        options = {**options, "cutoff": 300}
    model = train_with_wheel(
        tmp_path, training_text(300), loss=loss, wordNgrams=2, minn=2, maxn=3, dim=13
    )
    model.quantize(str(tmp_path / "train.txt"), verbose=0, thread=THREADS, **options)
    check_both_ways(model, tmp_path, 300, QUANTIZED)


def test_pruned_to_words_alone(tmp_path):
    model = train_with_wheel(tmp_path, training_text(300), wordNgrams=2, bucket=300, dim=4)
    # Rows of n-grams of zeros are the first to go.
    table = model.get_input_matrix()
    table[-300:] = 0
    model.set_matrices(table, model.get_output_matrix())
    n_words = len(model.words)
    if n_words >= 256:
        model.quantize(cutoff=n_words, verbose=0)
        check_both_ways(model, tmp_path, 300, QUANTIZED)
    assert n_words > 100


def test_a_label_prefix_of_ones_own(tmp_path):
    text = training_text(5, prefix="#")
    model = train_with_wheel(tmp_path, text, label="#")
    ours = check_both_ways(model, tmp_path, 5)
    assert ours.dictionary.labels[0].startswith(b"#")


@pytest.mark.parametrize("loss", ["softmax", "hs", "ova"])
@pytest.mark.parametrize("k", [1, 2, 3, 5, 8, 11, 40, -1])
def test_ties_come_in_fasttexts_order(tmp_path, loss, k):
    model = train_with_wheel(tmp_path, training_text(40), loss=loss)
    rng = np.random.default_rng(k + 1)
    output = model.get_output_matrix()
    output[:] = output[rng.integers(0, 4, 40)] if loss != "hs" else 0
    model.set_matrices(model.get_input_matrix(), output)
    model.save_model(str(tmp_path / "model.bin"))
    ours = FastTextModel.load(tmp_path / "model.bin")
    lines = lines_to_predict(40)
    found = ours.predict_texts(lines, k)
    labels, _ = predictions_of_wheel(model, lines, k, 0.0)
    names = ours.dictionary.labels
    for i in range(len(lines)):
        assert [names[j].decode() for j in found.labels[i] if j >= 0] == labels[i]
    COMPARED["lines"] += len(lines)


@pytest.mark.parametrize("n_labels", [2, 7, 300])
@pytest.mark.parametrize("ngrams", NGRAMS[:5:2], ids=str)
@pytest.mark.parametrize("loss", ["softmax", "hs", "ova", "ns"])
def test_the_wheel_reads_what_is_trained_here(tmp_path, loss, ngrams, n_labels):
    path = tmp_path / "train.txt"
    path.write_text(training_text(n_labels, n_labels == 7))
    words, minn, maxn = ngrams
    args = Args.supervised(
        input=str(path), loss=loss, word_ngrams=words, minn=minn, maxn=maxn, dim=12, bucket=3000,
        epoch=3, lr=0.2, thread=1,
    )  # fmt: skip
    ours = train_supervised(args)
    ours.save(tmp_path / "model.bin")
    check_same(ours, fasttext.load_model(str(tmp_path / "model.bin")), n_labels, DENSE)
    if n_labels == 300 and words > 1:
        small = quantize(ours, Args(qnorm=True, qout=True, cutoff=420, dsub=3, thread=1))
        small.save(tmp_path / "model.ftz")
        theirs = fasttext.load_model(str(tmp_path / "model.ftz"))
        check_same(small, theirs, n_labels, QUANTIZED)
        assert theirs.is_quantized()
    COMPARED["models"] += 1


def test_files_are_cut_into_the_same_examples(tmp_path):
    model = train_with_wheel(tmp_path, training_text(7), wordNgrams=2, minn=2, maxn=3)
    model.save_model(str(tmp_path / "model.bin"))
    ours = FastTextModel.load(tmp_path / "model.bin")
    rng = np.random.default_rng(0)
    pieces = [
        b"w1",
        b"w2",
        b" ",
        b"\n",
        b"\t",
        b"\0",
        b"</s>",
        b"__label__1",
        b"__label__3",
        b"\xff",
    ]
    for round in range(50):
        text = b"".join(pieces[i] for i in rng.integers(0, len(pieces), 200))
        path = tmp_path / "text.txt"
        path.write_bytes(text)
        n, precision, recall = model.test(str(path), 2)
        data = as_array(text)
        starts = ours.dictionary.split(data)
        listed = ours.dictionary.list(data, starts)
        found = ours.predict(data, starts, 2)
        n_labels, n_ids = np.diff(listed.label_indptr), np.diff(listed.indptr)
        counted = np.flatnonzero((n_labels > 0) & (n_ids > 0))
        hits = 0
        for i in counted:
            gold = listed.labels[listed.label_indptr[i] : listed.label_indptr[i + 1]]
            hits += sum(label in gold for label in found.labels[i] if label >= 0)
        assert counted.size == n, round
        if n:
            assert hits / found.counts()[counted].sum() == pytest.approx(precision, abs=1e-7)
            assert hits / n_labels[counted].sum() == pytest.approx(recall, abs=1e-7)
        COMPARED["lines"] += starts.size - 1


@pytest.mark.parametrize("model", ["skipgram", "cbow"])
def test_word_vectors(tmp_path, model):
    path = tmp_path / "text.txt"
    path.write_text(training_text(50, prefix="topic"))
    theirs = fasttext.train_unsupervised(
        str(path), model=model, dim=10, minCount=1, bucket=500, epoch=1, thread=THREADS, verbose=0
    )
    theirs.save_model(str(tmp_path / "model.bin"))
    ours = FastTextModel.load(tmp_path / "model.bin")
    words = [*theirs.words, "unseen", "中", "", "</s>", "x" * 300]
    vectors = ours.word_vectors(words)
    for word, vector in zip(words, vectors, strict=True):
        np.testing.assert_allclose(vector, theirs.get_word_vector(word), atol=1e-6)
    for word in words[:50]:
        names = [name for _, name in theirs.get_nearest_neighbors(word)]
        assert [name.decode() for _, name in ours.neighbors(word)] == names
    for text in ("w1 w2", "", "unseen words w3"):
        expected = theirs.get_sentence_vector(text)
        np.testing.assert_allclose(ours.sentence_vector(text), expected, atol=1e-6)
    ours.save(tmp_path / "again.bin")
    assert (tmp_path / "again.bin").read_bytes() == (tmp_path / "model.bin").read_bytes()
    args = Args(
        input=str(path), model="sg" if model == "skipgram" else "cbow", dim=10, min_count=1,
        bucket=500, epoch=1, thread=1,
    )  # fmt: skip
    from fasttext_lite.compat.training.words import train_unsupervised

    own = train_unsupervised(args)
    own.save(tmp_path / "own.bin")
    theirs = fasttext.load_model(str(tmp_path / "own.bin"))
    for word, vector in zip(words, own.word_vectors(words), strict=True):
        np.testing.assert_allclose(vector, theirs.get_word_vector(word), atol=1e-6)
    COMPARED["models"] += 2


def test_how_much_was_compared(capsys):
    if COMPARED["models"] < 100:
        pytest.skip("only a part of this file was run")
    with capsys.disabled():
        print(
            f"\ncompared with fastText: {COMPARED['lines']:,} lines, "
            f"{COMPARED['predictions']:,} predictions, {COMPARED['models']:,} models"
        )
    assert COMPARED["lines"] > 20_000
