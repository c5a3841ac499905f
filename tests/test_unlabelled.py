"""Texts without labels: what is read of them, what is learnt from them, and when they stay out."""

import gzip
import io
import json
import os
import pickle
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import approx_fprime
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_info

from fasttext_lite import FastTextClassifier, load
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.fitting import progress
from fasttext_lite.model.storage import load_model
from fasttext_lite.parallel import run_blocks
from fasttext_lite.teaching import files, teachers, unlabelled
from fasttext_lite.teaching.files import (
    Thinning,
    bounded,
    not_blank,
    read_unlabelled,
    without_known,
)
from fasttext_lite.teaching.neighbours import Graph
from fasttext_lite.teaching.pool import Pool
from fasttext_lite.teaching.teachers import LEAST, Probe, enough, fit_powers, log_loss, mixed
from fasttext_lite.teaching.views import EMBEDDINGS, OF_WORDS, View
from fasttext_lite.teaching.words import Words, centred, unit
from fasttext_lite.text.analyzers import analyze
from fasttext_lite.training.history import Progress

N_TOPICS, N_WORDS = 4, 60
LETTERS = np.array(list("abcdefghijklmnopqrstuvwxyz"))
SPELT = ["".join(row) for row in np.random.default_rng(99).choice(LETTERS, (600, 6))]


def topics(n, seed, n_own=3):
    """Return texts of words of their topic and of common ones, and the topics' labels.

    A few texts have few of the words of a topic; many show which words stand together.
    """
    rng = np.random.default_rng(seed)
    ids = np.arange(n) % N_TOPICS
    texts = []
    for topic in ids:
        own = topic * N_WORDS + rng.integers(N_WORDS, size=n_own)
        words = [SPELT[i] for i in (*own, *(400 + rng.integers(200, size=6)))]
        texts.append(" ".join(rng.permutation(words)))
    return texts, [f"topic{i}" for i in ids]


X, Y = topics(60, 1)
POOL = topics(600, 2)[0]
TEST = topics(400, 3)
STRANGE = np.random.default_rng(5).choice(["zq", "xv", "qj", "vz"], (80, 7))
NOISE = [" ".join(row) for row in STRANGE]
LEFT_OUT = "the unlabelled texts are not learnt from: "


def fitted(pool=POOL, x=X, y=Y, fit=None, **parameters):
    clf = FastTextClassifier(**{"random_state": 0, "n_jobs": 1, **parameters})
    return clf.fit(x, y, unlabelled=pool, **(fit or {}))


def tables(clf):
    model = clf.model_
    return [model.embeddings.tobytes(), model.output.tobytes(), model.space.row_codes.tobytes()]


@pytest.fixture(scope="module")
def taught():
    return fitted()


@pytest.fixture
def corpus(write):
    """Return the paths of a labelled file and of one without labels, and the folder's writer."""
    rows = "".join(f"{label}\t{text}\n" for label, text in zip(Y, X, strict=True))
    return write(rows, "train.tsv"), write("".join(f"{text}\n" for text in POOL), "pool.txt")


def train(capsys, *arguments):
    """Return the exit code, and the lines on stderr."""
    code = app.main(["train", *arguments, "--seed", "0"])
    return code, capsys.readouterr().err.splitlines()


# -- where they help, and where not ----------------------------------------------------------


def test_words_that_no_label_has_are_learnt(taught):
    alone = fitted(None)
    assert alone.score(*TEST) < 0.75
    assert taught.score(*TEST) > 0.95
    assert alone.model_.run.unlabelled is None
    assert taught.model_.run.unlabelled == len(POOL)
    assert taught.model_.n_texts == len(X) + len(POOL)
    found = taught.predict_proba(TEST[0])
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert np.median(found.max(axis=1)) > 0.8  # and it says how sure it is


@pytest.mark.parametrize(
    ("pool", "why"),
    [
        (NOISE, "standard errors more right ones"),
        (["a b c"] * 30, "standard errors more right ones"),
        (POOL[:1], "standard errors more right ones"),
        ([], "there is none that is not among the labelled ones"),
        (["", " \t", "\n"], "there is none that is not among the labelled ones"),
        (X + X[:3], "there is none that is not among the labelled ones"),
    ],
    ids=["noise", "one text", "one", "none", "blank", "the labelled ones"],
)
def test_where_they_do_not_help_the_model_is_that_of_the_labelled_texts(pool, why, caplog):
    found, alone = fitted(pool), fitted(None)
    assert tables(found) == tables(alone)
    assert found.model_.calibration == alone.model_.calibration
    assert found.model_.choice == alone.model_.choice
    assert found.model_.run == alone.model_.run
    [message] = [m for m in caplog.messages if m.startswith(LEFT_OUT)]
    assert why in message and "\n" not in message


@pytest.mark.parametrize(
    ("n", "labels", "why"),
    [
        (8, None, "8 labelled texts are too few to tell whether they help"),
        (20, [str(i) for i in range(20)], "each label has one text"),
    ],
)
def test_too_few_labelled_texts(n, labels, why, caplog):
    found, alone = (fitted(p, X[:n], labels or Y[:n]) for p in (POOL, None))
    assert tables(found) == tables(alone)
    assert sum(LEFT_OUT + why in message for message in caplog.messages) == 1


def test_labelled_texts_that_cannot_be_held_out(caplog):
    """In some fold, those that are left have no feature: no reason to end the training."""
    x, y = ["alpha beta", "gamma delta", *[""] * 10], ["a", "b"] * 6
    for seed in range(3):
        assert fitted(POOL[:60], x, y, random_state=seed).model_.n_texts in (12, 72)
    assert any("no text has any feature" in message for message in caplog.messages)


@pytest.mark.parametrize(
    "how",
    [
        {"loss": "hs"}, {"loss": "ns"}, {"loss": "hinge"}, {"loss": "softmax", "head": "learned"},
        {"head": "linear"}, {"norm": "layer", "head": "learned"}, {"analyzer": "whitespace"},
        {"word_dropout": 0.3}, {"patience": 2}, {"patience": 2, "word_dropout": 0.2},
        {"l1": 1e-4}, {"averaging": 0.5}, {"min_count": 3}, {"class_weight": "balanced"},
        {"class_weight": {"topic0": 3.0}}, {"n_jobs": 2},
    ],
    ids=lambda how: "-".join(map(str, how.values())),
)  # fmt: skip
def test_every_kind_of_model_learns_from_them(how):
    found = fitted(**how)
    assert found.model_.run.unlabelled == len(POOL)
    assert found.score(*TEST) > 0.9


def test_texts_that_are_set_aside_are_not_learnt_from_as_unlabelled_ones():
    found = fitted(X + POOL, patience=2)
    assert found.model_.run.unlabelled == len(POOL)
    assert found.model_.n_texts < len(X) + len(POOL)
    assert tables(found) == tables(fitted(patience=2))


def test_validation_data_and_weights():
    weights = np.random.default_rng(0).random(len(X))
    weights[:8] = 0
    valid = TEST[0][:40], TEST[1][:40]
    found = fitted(fit={"sample_weight": weights, "validation_data": valid}, patience=2)
    assert found.model_.n_texts == len(X) - 8 + len(POOL)
    assert found.score(*TEST) > 0.9


def test_labels_of_one_text_and_two_labels():
    found = fitted(y=["lone", *Y[1:]])
    assert found.score(*TEST) > 0.9 and "lone" in found.classes_
    halves = [int(label[-1]) % 2 for label in Y]
    found = fitted(y=halves)
    assert found.score(TEST[0], [int(label[-1]) % 2 for label in TEST[1]]) > 0.9
    odd = {label: f"__label__ü, {label}\n\t" for label in sorted(set(Y))}
    found = fitted(y=[odd[label] for label in Y])
    assert found.score(TEST[0], [odd[label] for label in TEST[1]]) > 0.9


def test_lists_of_tokens():
    def cut(texts):
        return [text.split() for text in texts]

    found = fitted(cut(POOL), cut(X))
    assert found.score(cut(TEST[0]), TEST[1]) > 0.9
    for x, pool in ((X, cut(POOL)), (cut(X), POOL)):
        with pytest.raises(TypeError, match="both be texts, or both lists of tokens"):
            fitted(pool, x)


@pytest.mark.parametrize("pool", ["one text", [1.0], [None], 3])
def test_what_is_no_text(pool):
    with pytest.raises(TypeError, match="^unlabelled: "):
        fitted(pool)


def test_several_labels_of_a_text():
    with pytest.raises(ValueError, match="where each text has one label"):
        fitted(y=[[label] for label in Y])


# -- the same every time ---------------------------------------------------------------------


def test_one_seed_one_model(taught):
    assert tables(fitted()) == tables(taught)
    assert tables(fitted(random_state=1)) != tables(taught)


@pytest.mark.parametrize("name", [EMBEDDINGS, OF_WORDS])
def test_what_stands_with_others_does_not_depend_on_threads(name):
    """All but the vectors of words, which threads write together."""
    texts, names = Texts.from_sequence(X), sorted(set(Y))
    labels = Labels.from_rows([[label] for label in Y])
    assert sorted(labels.names) == names
    dense = unit(np.random.default_rng(0).normal(size=(len(X) + len(POOL), 8)))
    found = []
    for n_threads in (1, 2):
        pool = Pool(texts, labels, Texts.from_sequence(POOL), Config(), n_threads)
        view = View(name, dense, Graph(dense, 3, n_threads))
        room = unlabelled.Classroom(pool, [view], None, 3, unlabelled.Progress())
        room.meet()
        ahead, calibration = room.check()
        said = room.round(room.first(), 1)
        powers = room.powers, room.powers_of_round()
        found.append((powers, view.strength, view.share, ahead, calibration, said.tobytes()))
        assert sum(powers[1]) == pytest.approx(1)
        fitted_powers = [power / sum(powers[0]) for power in powers[0]]
        assert powers[1] == (fitted_powers if name == EMBEDDINGS else [0.5, 0.5])
    assert found[0] == found[1]


def test_new_processes_write_the_same_bytes(corpus, tmp_path):
    train_file, pool = corpus
    written = []
    for seed in ("1", "2"):
        path = tmp_path / f"{seed}.ftl"
        subprocess.run(
            [sys.executable, "-m", "fasttext_lite", "train", train_file, "--unlabelled", pool]
            + ["-o", str(path), "--seed", "0", "-q"],
            check=True, env={**os.environ, "PYTHONHASHSEED": seed},
        )  # fmt: skip
        written.append(path.read_bytes())
    assert written[0] == written[1]


# -- what is kept of the model ---------------------------------------------------------------


def test_a_taught_model_is_a_model(taught, tmp_path, caplog):
    path = str(tmp_path / "m.ftl")
    taught.save(path)
    again = load(path)
    assert again.model_.run.unlabelled == len(POOL)
    expected = taught.predict_proba(TEST[0])
    np.testing.assert_allclose(again.predict_proba(TEST[0]), expected, atol=1e-6)
    same = pickle.loads(pickle.dumps(taught))
    assert same.model_.run == taught.model_.run
    assert np.array_equal(same.predict_proba(TEST[0]), expected)
    assert clone(taught).get_params() == taught.get_params()
    assert not hasattr(clone(taught), "model_")
    more = load(path).partial_fit(*topics(40, 8))
    assert more.model_.run.unlabelled == len(POOL) and more.score(*TEST) > 0.9
    small = taught.quantize()
    assert small.model_.run.unlabelled == len(POOL) and small.score(*TEST) > 0.9
    assert not caplog.messages
    again = taught.quantize(X, Y)
    assert again.model_.run.unlabelled is None
    assert sum("what they taught is lost" in message for message in caplog.messages) == 1


# -- the command -----------------------------------------------------------------------------


def packed(data):
    out = io.BytesIO()
    with gzip.GzipFile(fileobj=out, mode="wb") as file:
        file.write(data)
    return out.getvalue()


def test_files_of_all_kinds_hold_the_same_texts(write):
    plain = "".join(f"{text}\n" for text in POOL[:50])
    forms = {
        "a.txt": plain.encode(),
        "a.txt.gz": packed(plain.encode()),
        "a.csv": ("text\n" + plain).encode(),
        "a.jsonl": "".join(json.dumps({"text": t}) + "\n" for t in POOL[:50]).encode(),
        "b.txt": plain.encode("utf-16"),
        "b.tsv": "".join(f"topic0\t{text}\n" for text in POOL[:50]).encode(),
    }
    for name, content in forms.items():
        found = read_unlabelled([write(content, name)], known=sorted(set(Y)))
        assert found.texts.to_list() == POOL[:50], name
        assert found.rows.tolist() == list(range(50)) and found.n_records == 50


def test_files_with_nothing_in_them(write, tmp_path):
    blank, empty, good = write("\n \n\t\n", "b"), write("", "e"), write("a\n\nb\n", "g")
    for path in (blank, empty):
        with pytest.raises(InputError, match="no text$"):
            read_unlabelled([path])
    found = read_unlabelled([blank, good, empty])
    assert found.texts.to_list() == ["a", "b"]
    expected = [f"{blank}: no text", f"{good}: 1 blank text left out", f"{empty}: no text"]
    assert found.notices == expected
    assert found.rows.tolist() == [found.n_records - 3, found.n_records - 1]


def test_the_command_learns_from_files(corpus, tmp_path, capsys):
    train_file, pool = corpus
    out = str(tmp_path / "m.ftl")
    code, said = train(capsys, train_file, "--unlabelled", pool, "-o", out)
    assert code == 0 and load_model(out).run.unlabelled == len(POOL)
    assert any("held out: " in line for line in said)
    assert app.main(["info", out]) == 0
    assert f"unlabelled {len(POOL)}" in capsys.readouterr().out
    quiet = str(tmp_path / "q.ftl")
    code, said = train(capsys, train_file, "--unlabelled", pool, "-o", quiet, "-q")
    assert (code, said) == (0, [])
    assert (tmp_path / "q.ftl").read_bytes() == (tmp_path / "m.ftl").read_bytes()


def test_standard_input(corpus, tmp_path, capsys, monkeypatch):
    train_file, pool = corpus
    with open(pool, "rb") as file:
        stream = io.TextIOWrapper(io.BufferedReader(io.BytesIO(file.read())))
    monkeypatch.setattr(sys, "stdin", stream)
    out = str(tmp_path / "m.ftl")
    assert train(capsys, train_file, "--unlabelled", "-", "-o", out, "-q") == (0, [])
    assert load_model(out).run.unlabelled == len(POOL)
    code, [line] = train(capsys, "-", "--unlabelled", "-", "-o", out)
    assert code == 2 and "only one of the files of texts can come from stdin" in line


@pytest.mark.parametrize("flag", ["--log", "--plot", "-o"])
def test_no_file_of_texts_is_overwritten(flag, write, corpus, tmp_path, capsys):
    name = {"--log": "p.jsonl", "--plot": "p.png", "-o": "p.ftl"}[flag]
    pool = write("".join(f"{text}\n" for text in POOL), name)
    before = Path(pool).read_bytes()
    out = () if flag == "-o" else ("-o", str(tmp_path / "m.ftl"))
    code, [line] = train(capsys, corpus[0], "--unlabelled", pool, flag, pool, *out)
    assert code == 2 and f"{pool}: the " in line and "would overwrite this file" in line
    assert Path(pool).read_bytes() == before


def test_files_that_are_not_there_are_missed_before_the_training_file_is_read(
    write, tmp_path, capsys
):
    broken = write("no labels at all", "train.csv")
    for path, why in ((str(tmp_path / "none"), "no such file"), (str(tmp_path), "is a directory")):
        code, [line] = train(capsys, broken, "--unlabelled", path, "-o", str(tmp_path / "m.ftl"))
        assert code == 2 and f"{path}: {why}" in line


def test_a_cache_has_no_texts_without_labels(corpus, tmp_path, capsys):
    code, [line] = train(
        capsys, corpus[0], "--unlabelled", corpus[1], "--cache", str(tmp_path / "c"),
        "-o", str(tmp_path / "m.ftl"),
    )  # fmt: skip
    assert code == 2 and "--cache" in line


def test_the_training_file_itself_teaches_nothing(corpus, tmp_path, capsys, caplog):
    train_file = corpus[0]
    plain, same = str(tmp_path / "a.ftl"), str(tmp_path / "b.ftl")
    assert train(capsys, train_file, "-o", plain, "-q") == (0, [])
    code, said = train(capsys, train_file, "--unlabelled", train_file, "-o", same, "-q")
    assert (code, said) == (0, [])
    assert LEFT_OUT + "there is none that is not among the labelled ones" in caplog.messages
    assert (tmp_path / "a.ftl").read_bytes() == (tmp_path / "b.ftl").read_bytes()


def test_a_bar_that_waits_comes_with_the_first_step(monkeypatch):
    screen = io.StringIO()
    monkeypatch.setattr(sys, "stderr", screen)
    with progress.progress_bar(100, True, waits=True) as callback:
        assert screen.getvalue() == ""
        callback(Progress(0, 0.5, 1.0, 0.1, 10.0))
        assert "0%" in screen.getvalue() and "texts/s" not in screen.getvalue()
    with progress.progress_bar(100, True):
        assert "0%" in screen.getvalue() and "texts/s" in screen.getvalue()


# -- which texts are kept --------------------------------------------------------------------

SIZES = st.lists(st.integers(1, 9), min_size=1, max_size=60)


def thinned(sizes, cuts, most, most_bytes, seed=0):
    kept = Thinning(most, most_bytes, seed)
    texts = Texts.from_bytes([bytes([97 + i % 26]) * size for i, size in enumerate(sizes)])
    for first, last in zip([0, *cuts], [*cuts, len(sizes)], strict=True):
        kept.add(texts.slice(first, last), np.arange(first, last))
    found, rows = kept.finish()
    assert found.to_list() == texts.take(rows).to_list()
    return rows.tolist()


@given(SIZES, st.lists(st.integers(0, 60), max_size=6), st.integers(1, 20), st.integers(1, 80))
def test_thinning_does_not_depend_on_how_texts_come(sizes, cuts, most, most_bytes):
    cuts = sorted(min(cut, len(sizes)) for cut in cuts)
    found = thinned(sizes, cuts, most, most_bytes)
    assert found == thinned(sizes, [], most, most_bytes)
    assert found == sorted(set(found)) and 1 <= len(found) <= most
    assert len(found) == 1 or sum(sizes[i] for i in found) <= most_bytes
    if len(sizes) <= most and sum(sizes) <= most_bytes:
        assert found == list(range(len(sizes)))


def test_each_text_has_the_same_chance():
    counts = np.zeros(40)
    for seed in range(600):
        counts[thinned([1] * 40, [7, 20, 33], 10, 1000, seed)] += 1
    assert counts.sum() == 6000
    assert abs(counts - 150).max() < 5 * np.sqrt(600 * 0.25 * 0.75)


def test_more_texts_than_are_kept(write):
    path = write("".join(f"{i}\n" for i in range(1000)))
    found = read_unlabelled([path, path], most=50, seed=3)
    assert len(found.texts) == 50 and found.n_records == 2000
    assert found.texts.to_list() == [str(row % 1000) for row in found.rows]
    assert found.notices == ["50 of 2,000 unlabelled texts are learnt from, chosen at random"]
    again = read_unlabelled([path, path], most=50, seed=3)
    assert np.array_equal(again.rows, found.rows)
    assert not np.array_equal(read_unlabelled([path, path], most=50, seed=4).rows, found.rows)


def test_texts_times_labels_are_bounded(caplog, monkeypatch):
    monkeypatch.setattr(files, "MOST_CELLS", 1000)
    chosen = np.arange(0, 600, 2)
    assert bounded(chosen, 3, 0) is chosen and not caplog.messages
    found = bounded(chosen, 10, 0)
    assert found.size == 100 and (np.diff(found) > 0).all() and np.isin(found, chosen).all()
    assert np.array_equal(found, bounded(chosen, 10, 0))
    assert bounded(chosen, 5000, 0).size == 1
    assert caplog.messages[0] == (
        "100 of 300 unlabelled texts are learnt from, chosen at random: with 10 labels, more would "
        "take too much memory"
    )
    assert fitted(POOL).model_.run.unlabelled == 250


TEXTS = st.lists(st.text("ab 中\n\t\0 ", max_size=4), max_size=12)


@given(TEXTS)
def test_blank_texts(texts):
    expected = [i for i, text in enumerate(texts) if any(byte > 32 for byte in text.encode())]
    assert not_blank(Texts.from_sequence(texts)).tolist() == expected


@given(TEXTS, TEXTS)
def test_texts_that_are_known(texts, others):
    seen, expected = set(texts), []
    for i, text in enumerate(others):
        if text not in seen:
            expected.append(i)
        seen.add(text)
    found = without_known(Texts.from_sequence(texts), Texts.from_sequence(others))
    assert found.dtype == np.int64 and found.tolist() == expected


@given(TEXTS, TEXTS, st.data())
def test_texts_are_joined(first, second, data):
    def part(texts):
        start = data.draw(st.integers(0, len(texts)))
        whole = Texts.from_sequence(texts)
        return Texts(whole.buffer, whole.offsets[start:]), texts[start:]  # as a slice of Arrow's

    (one, a), (two, b) = part(first), part(second)
    assert Texts.joined(one, two).to_list() == a + b


def test_lists_of_tokens_are_joined():
    first, second = [["ab", "c"], []], [["a"], ["b", "中"]]
    found = Texts.joined(Texts.from_sequence(first), Texts.from_sequence(second))
    assert analyze(found, Config()).tokens() == first + second
    with pytest.raises(ValueError, match="lists of tokens"):
        Texts.joined(Texts.from_sequence(["a"]), Texts.from_sequence(second))


def test_a_slice_of_a_column_teaches():
    column = pa.array([*NOISE, *POOL]).slice(len(NOISE))
    assert fitted(column).model_.run.unlabelled == len(POOL)


# -- vectors of words ------------------------------------------------------------------------


def words_of(texts, n_threads=1, **config):
    config = Config(**config)
    return Words(analyze(Texts.from_sequence(texts), config, n_threads), config, n_threads)


def test_words_are_numbered_by_their_frequency():
    found = words_of(["a b b c", "", "b a x", "y"])
    assert found.counts.tolist() == [3, 2]  # b, a: the others occur once
    assert found.numbers.tolist() == [1, 0, 0, 0, 1]
    assert found.indptr.tolist() == [0, 3, 3, 5, 5]
    texts = topics(700, 4)[0]
    one, two = words_of(texts), words_of(texts, 2, max_features=5, min_count=50)
    assert np.array_equal(one.numbers, two.numbers) and np.array_equal(one.indptr, two.indptr)


def test_a_text_is_the_mean_of_its_words_by_tf_idf():
    found = words_of(["a b b", "a c c", "x", "c b"])
    vectors = np.eye(3, 4, dtype=np.float32) + 0.25
    a, b, c = (1 + np.log(5 / (1 + n)) for n in (2, 2, 2))
    order = {"b": 0, "c": 1, "a": 2} if found.counts.tolist() == [3, 3, 2] else {}
    rows = np.zeros((4, 3))
    for i, bag in enumerate([{"a": 1, "b": 2}, {"a": 1, "c": 2}, {}, {"c": 1, "b": 1}]):
        for word, n in bag.items():
            rows[i, order[word]] = (1 + np.log(n)) * {"a": a, "b": b, "c": c}[word]
    expected = centred((rows @ vectors).astype(np.float32))
    np.testing.assert_allclose(found.text_vectors(vectors), expected, atol=1e-6)


def test_words_that_stand_together_are_near():
    texts = topics(1200, 6)[0]
    found = words_of(texts)
    vectors = found.train(0, 1)
    assert len(vectors) == found.counts.size
    assert np.array_equal(vectors, found.train(0, 1))
    dense = found.text_vectors(vectors)
    same = np.arange(1200) % N_TOPICS
    near = dense[:200] @ dense.T
    is_same = same[:200, None] == same
    assert near[is_same].mean() > near[~is_same].mean() + 0.3


def test_vectors_of_unit_length():
    found = unit(np.array([[3, 4], [0, 0]]))
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, [[0.6, 0.8], [0, 0]], rtol=1e-6)
    found = centred(np.array([[1.0, 0], [0, 2], [0, 0]]))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 1, 0], atol=1e-6)
    np.testing.assert_allclose(found.sum(axis=0), 0, atol=1e-6)
    assert not centred(np.zeros((2, 3))).any()


# -- teachers --------------------------------------------------------------------------------


@pytest.mark.parametrize("present", [[0, 1, 2], [0, 2, 4], [1, 3], [3]])
def test_a_probe_is_logistic_regression(present):
    rng = np.random.default_rng(1)
    ids = rng.choice(present, 120)
    vectors = (rng.normal(size=(120, 6)) + ids[:, None] * rng.normal(size=6)).astype(np.float32)
    weights = rng.random(120)
    found = Probe.fit(vectors, ids, 5, 10.0, weights).probabilities(vectors)
    assert found.dtype == np.float32 and found.shape == (120, 5)
    expected = np.zeros((120, 5))
    if len(present) == 1:
        expected[:, present] = 1
    else:
        plain = LogisticRegression(C=10.0, tol=1e-8, max_iter=2000)  # to the very end
        plain.fit(vectors.astype(np.float64), ids, weights)
        expected[:, present] = plain.predict_proba(vectors)
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_a_probe_learns_from_a_bounded_number_of_texts(monkeypatch):
    ids = np.repeat([0, 1, 2], [900, 99, 1])
    vectors = np.eye(3, 4, dtype=np.float32)[ids]
    few = enough(ids, 100)
    assert 100 <= few.size <= 102 and (np.diff(few) > 0).all()
    assert set(ids[few]) == {0, 1, 2}
    expected = Probe.fit(vectors[few], ids[few], 3, 10.0)
    monkeypatch.setattr(teachers, "MOST_CELLS", 300)
    found = Probe.fit(vectors, ids, 3, 10.0)
    assert np.isfinite(found.starts).all()
    assert np.array_equal(found.slopes, expected.slopes)


def test_probes_of_threads_leave_the_process_as_it_was():
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(900, 40)).astype(np.float32)
    ids, sizes = rng.integers(5, size=900), rng.integers(100, 900, size=8)

    def state():
        return sorted((each["filepath"], each["num_threads"]) for each in threadpool_info())

    before, filters = state(), list(warnings.filters)
    with teachers.one_thread:
        run_blocks(lambda i: Probe.fit(vectors[: sizes[i]], ids[: sizes[i]], 5, 1.0) and None, 8, 2)
        blas = [each for each in threadpool_info() if each["user_api"] == "blas"]
        assert {each["num_threads"] for each in blas} == {1}
    assert state() == before
    assert warnings.filters == filters


def shares(n, k, seed, sharpness=1.0):
    scores = sharpness * np.random.default_rng(seed).normal(size=(n, k))
    found = np.exp(scores)
    return (found / found.sum(axis=1, keepdims=True)).astype(np.float32)


def test_a_mixture_is_the_product_of_powers():
    parts = [shares(20, 4, 0), shares(20, 4, 1)]
    expected = parts[0] ** 0.5 * parts[1] ** 2.0
    expected /= expected.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(mixed(parts, [0.5, 2.0]), expected, rtol=1e-4)
    sure = np.array([[1.0, 0.0]], np.float32)  # none is impossible
    np.testing.assert_allclose(mixed([sure], [1.0]), [[1, LEAST]], rtol=1e-3)
    assert log_loss(sure, np.array([1])) == pytest.approx(-np.log(LEAST))


def test_powers_are_where_the_right_labels_are_likeliest():
    parts = [shares(400, 3, 0, 2.0), shares(400, 3, 1, 2.0)]
    rng = np.random.default_rng(2)
    truth = mixed(parts, [1.0, 0.25])
    ids = (truth.cumsum(axis=1) > rng.random((400, 1))).argmax(axis=1)

    def loss(powers):
        away = np.asarray(powers) - teachers.USUAL_POWER
        logs = [np.log(np.maximum(part, LEAST)).astype(float) for part in parts]
        scores = sum(p * log for p, log in zip(powers, logs, strict=True))
        totals = np.log(np.exp(scores).sum(axis=1))
        return (totals - scores[np.arange(400), ids]).mean() + teachers.PULL * away @ away

    found = fit_powers(parts, ids)
    assert found == pytest.approx([1.0, 0.25], abs=0.25)
    assert abs(approx_fprime(np.array(found), loss)).max() < 1e-3
    assert all(loss(found) <= loss(np.array(found) + step) for step in 0.05 * np.eye(2))
    # The one that knows all gets the most, the one that knows nothing none of it.
    sure = mixed([np.eye(3, dtype=np.float32)[ids]], [0.1])
    high, low = fit_powers([sure, parts[1]], ids)
    assert high > 3 and low < 0.6


def test_the_gradient_of_the_powers(monkeypatch):
    parts, ids = [shares(50, 3, 4), shares(50, 3, 5)], np.random.default_rng(6).integers(3, size=50)
    asked = []

    def minimize(function, start, **_):
        for powers in (start, np.array([0.0, 3.0]), np.array([1.7, 0.4])):
            value, slopes = function(powers)
            near = approx_fprime(powers, lambda p: function(p)[0])
            np.testing.assert_allclose(slopes, near, atol=1e-5)
            asked.append(value)
        return type("Found", (), {"x": start})

    monkeypatch.setattr("scipy.optimize.minimize", minimize)
    assert fit_powers(parts, ids) == [teachers.USUAL_POWER] * 2
    assert len(asked) == 3 and np.isfinite(asked).all()


def test_a_pool_in_another_encoding(write, tmp_path):
    """One damaged text among many is read with a sign in its place; other encodings are named."""
    lines = [f"text number {i}".encode() for i in range(40)]
    good, bad = tmp_path / "good.txt", tmp_path / "bad.txt"
    good.write_bytes(b"\n".join([*lines, b"caf\xe9"]))
    found = read_unlabelled([str(good)])
    assert len(found.texts) == 41 and "1 line read with U+FFFD" in found.notices[0]
    bad.write_bytes("央行下调存款利率\n国足客场战平对手\n".encode("gb18030"))
    with pytest.raises(InputError, match="bad.txt:1: not UTF-8.*--encoding gb18030"):
        read_unlabelled([str(bad)])
