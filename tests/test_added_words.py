"""Words that a model knows from a file of vectors alone: which, what becomes of them, what with."""

import copy
import logging
import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTransformer, FastTextTuner
from fasttext_lite.cli.app import main
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.estimators.base import ADVISER
from fasttext_lite.features.space import FeatureSpace
from fasttext_lite.features.vocabulary import EOS
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.more import fit_more
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.fitting.quantize import QuantizeSettings, quantize_model
from fasttext_lite.fitting.training_file import read_training_file
from fasttext_lite.fitting.vectors import MOST_WORDS, Pretrained, as_tokens, hold, join_vectors
from fasttext_lite.model.storage import load_model, save_model
from fasttext_lite.text.analyzers import analyze

FRUIT, CARS = ["apple", "pear", "plum", "fig"], ["car", "truck", "van", "bus"]
NEW = {"cherry": "fruit", "mango": "fruit", "tram": "cars", "lorry": "cars"}
# Each text has two words of its label.
TEXTS = [f"{a} {b}" for words in (FRUIT, CARS) for a in words for b in words if a != b] * 3
NAMES = (["fruit"] * 12 + ["cars"] * 12) * 3
LABELS = Labels.from_rows([[name] for name in NAMES])


def vector_of(word):
    rng = np.random.default_rng(list(word.encode()))
    side = 1 if word in FRUIT or NEW.get(word) == "fruit" else -1
    return np.array([side, -side, side, 0]) + rng.normal(0, 0.2, 4)


def write(path, words):
    lines = [f"{word} {' '.join(f'{x:.5f}' for x in vector_of(word.lower()))}" for word in words]
    path.write_text(f"{len(words)} 4\n" + "".join(f"{line}\n" for line in lines), "utf-8")
    return path


@pytest.fixture
def vectors(tmp_path):
    """Return a file with the words of the texts and of others near to them."""
    return write(tmp_path / "words.vec", [*FRUIT, *CARS, *NEW])


def fit(path, max_words=MOST_WORDS, texts=TEXTS, labels=LABELS, seed=0, watch=None, **settings):
    config = Config(**{"maxn": 0, "lr": 0.5, "recipe": "fixed", **settings})
    return fitting.fit(
        Texts.from_sequence(texts), labels, config, n_threads=1, seed=seed, watch=watch,
        pretrained=Pretrained(path, max_words),
    )  # fmt: skip


def predicted(model, texts=tuple(NEW)):
    found = model.probabilities(model.features(Texts.from_sequence(list(texts)), 1), 1)
    return [model.labels[i] for i in found.argmax(axis=1)]


def row_of(model, word):
    return model.embeddings[model.space.word_rows()[word.encode()]].astype(np.float32)


def check_knows(model):
    """Check that a model understands words that no text has had."""
    assert predicted(model) == list(NEW.values())
    for word in NEW:
        np.testing.assert_allclose(row_of(model, word), vector_of(word), atol=2e-3)


# -- which words -----------------------------------------------------------------------------
def test_words_of_the_file_are_understood(vectors):
    trainee = fit(vectors)
    check_knows(trainee.model)
    assert trainee.history.vectors == (8, 8) and trainee.history.words_added == 4
    space = trainee.model.space
    rows = [space.word_rows()[word.encode()] for word in NEW]
    assert rows == list(range(space.n_rows - 4, space.n_rows))  # in the file's order, at the end
    assert not space.frequency[rows].any()
    of_texts = np.setdiff1d(np.flatnonzero(space.row_codes < space.n_words), rows)
    np.testing.assert_array_equal(space.gains[rows], np.float32(np.median(space.gains[of_texts])))
    assert len(trainee.weights.embeddings) == space.n_rows


@pytest.mark.parametrize(("n", "added"), [(0, 0), (8, 0), (9, 1), (11, 3), (12, 4), (99, 4)])
def test_the_first_words_of_the_file(vectors, n, added):
    trainee = fit(vectors, n)
    known = [word for word in NEW if word.encode() in trainee.model.space.word_rows()]
    assert known == list(NEW)[:added] and trainee.history.words_added == added
    assert trainee.history.vectors == (8, 8)  # words of the texts are found wherever they are


def test_without_words_the_model_is_as_it_was(vectors, tmp_path):
    short = write(tmp_path / "short.vec", [*FRUIT, *CARS])
    a, b = fit(vectors, 0).model, fit(short).model
    np.testing.assert_array_equal(a.embeddings, b.embeddings)
    np.testing.assert_array_equal(a.space.factors, b.space.factors)


def test_training_is_the_same_with_words_more(vectors):
    a, b = fit(vectors, 0).model, fit(vectors).model
    n = a.space.n_rows
    np.testing.assert_array_equal(a.embeddings, b.embeddings[:n])
    np.testing.assert_array_equal(a.output, b.output)
    assert a.calibration == b.calibration


def test_a_word_in_several_cases_is_one(tmp_path):
    words = [*FRUIT, "Mango", "mango", "MANGO", "Apple"]
    model = fit(write(tmp_path / "v.vec", words)).model
    assert model.space.words().count(b"mango") == 1 and b"Mango" not in model.space.words()
    model = fit(tmp_path / "v.vec", lowercase=False).model
    assert {b"mango", b"Mango", b"MANGO", b"Apple"} <= set(model.space.word_rows())


def test_the_first_line_of_a_word_counts(tmp_path):
    path = tmp_path / "v.vec"
    path.write_text("4 2\nApple 1 2\napple 3 4\nMANGO 5 6\nmango 7 8\n")
    model = fit(path, lr=1e-9).model
    np.testing.assert_allclose(row_of(model, "apple"), [1, 2], atol=1e-5)
    np.testing.assert_allclose(row_of(model, "mango"), [5, 6])


@pytest.mark.parametrize(
    ("analyzer", "added"),
    [
        ("auto", ["naïve", "酒", "!"]),
        ("whitespace", ["new-york", "u.s.", "naïve", "银行", "酒", "!", "<s>"]),
        ("char", ["酒", "!"]),
        ("jieba", ["银行", "酒", "!"]),
        ("mixed", ["银行", "酒", "!"]),
    ],
)
def test_what_is_no_token_is_not_added(tmp_path, analyzer, added):
    words = ["New-York", "U.S.", "naïve", "银行", "酒", "</s>", "!", "<s>"]
    for eos in (False, True):
        path = write(tmp_path / "v.vec", words)
        space = fit(path, analyzer=analyzer, lr=1e-9, eos=eos).model.space
        assert [word.decode() for word in space.words() if word not in known_to(analyzer)] == added


def known_to(analyzer):
    return [*{t for text in TEXTS for t in tokens_of(text, Config(analyzer=analyzer))}, EOS]


def tokens_of(text, config):
    """Return the tokens of a text, one by one."""
    marked = analyze(Texts.from_sequence([text]), config)
    found, token = [], bytearray()
    for byte, mark in zip(marked.buffer.tolist(), marked.marks.tolist(), strict=True):
        if mark != 2:
            token.append(byte)
        if mark == 1:
            found.append(bytes(token))
            token.clear()
    return found


@given(
    words=st.lists(st.text("aB1-. é\u0301中国İΣ\u200b👍", min_size=1, max_size=4), max_size=6),
    analyzer=st.sampled_from([name for name in ANALYZERS if not ANALYZERS[name].segments]),
    lowercase=st.booleans(), nfkc=st.booleans(),
)  # fmt: skip
def test_tokens_as_one_by_one(words, analyzer, lowercase, nfkc):
    config = Config(analyzer=analyzer, lowercase=lowercase, nfkc=nfkc, stop_words="a é")
    expected = [tokens_of(word, config) for word in words]
    encoded = [word.encode() for word in words]
    assert as_tokens(encoded, config) == [x[0] if len(x) == 1 else None for x in expected]


def test_stop_words_are_not_added(vectors):
    trainee = fit(vectors, stop_words="mango")
    assert b"mango" not in trainee.model.space.words() and trainee.history.words_added == 3


def test_texts_that_are_cut_have_words_as_they_are(tmp_path):
    path = write(tmp_path / "v.vec", ["New-York", "apple"])
    texts = [text.split() for text in TEXTS]
    model = fit(path, texts=texts).model
    assert b"new-york" in model.space.word_rows()
    assert b"new-york" not in fit(path).model.space.word_rows()


def test_damage_in_a_line_of_an_added_word(tmp_path):
    path = tmp_path / "v.vec"
    path.write_text("3 2\napple 1 2\nmango 1 x\ntram 1 2\n")
    with pytest.raises(InputError, match=r"v.vec:3: not a word and 2 numbers"):
        fit(path)
    assert fit(path, 1).history.words_added == 0  # what is not taken is not read


# -- what they live through ------------------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {"min_count": 3}, {"min_df": 3}, {"max_features": 5}, {"l1": 1e-3}, {"l1": 0.1, "lr": 0.1},
        {"dtype": "float16"}, {"pooling": "mean", "lr": 0.05}, {"pooling": "tfidf"},
        {"averaging": 0.5}, {"optimizer": "adam", "lr": 0.01}, {"supervision": 0.0},
        {"word_dropout": 0.2}, {"word_swap": 0.5}, {"maxn": 4}, {"loss": "hs"}, {"loss": "ova"},
        {"recipe": "auto"}, {"eos": True}, {"bias": False}, {"units": 4}, {"norm": "layer"},
    ],
    ids=str,
)  # fmt: skip
def test_settings(vectors, settings, tmp_path):
    trainee = fit(vectors, **settings)
    model = trainee.model
    for word in NEW:
        np.testing.assert_allclose(row_of(model, word), vector_of(word), atol=2e-3)
    if not {"units", "norm"} & set(settings):
        assert predicted(model) == list(NEW.values())
    save_model(model, tmp_path / "m.ftl")
    loaded = load_model(tmp_path / "m.ftl")
    assert predicted(loaded) == predicted(model)
    again = pickle.loads(pickle.dumps(trainee))
    np.testing.assert_array_equal(again.model.embeddings, model.embeddings)
    assert predicted(copy.deepcopy(trainee).model) == predicted(model)


def test_weight_decay_is_that_of_a_word_that_no_text_has(vectors):
    trainee = fit(vectors, l2=0.01)
    share = np.exp(-0.01 * trainee.weights.path)
    assert share < 0.9
    for word in NEW:
        np.testing.assert_allclose(row_of(trainee.model, word), share * vector_of(word), atol=1e-4)


def test_words_of_the_texts_without_a_row_get_one(tmp_path):
    path = write(tmp_path / "v.vec", [*FRUIT, *CARS, "rare", "mango"])
    space = fit(path, texts=["rare", *TEXTS[1:]], min_df=2).model.space
    assert space.words().count(b"rare") == 1
    rows = space.word_rows()
    assert space.frequency[rows[b"rare"]] == 0 and rows[b"rare"] > rows[b"apple"]


def test_more_training_goes_on_with_them(vectors):
    trainee = fit(vectors)
    old = trainee.model
    texts = Texts.from_sequence(["mango kiwi", "lorry bike"] * 4)
    labels = Labels.from_rows([["fruit"], ["cars"]] * 4).renamed(old.labels)
    grown = fit_more(trainee, texts, labels, n_threads=1)
    check_moved = {word: row_of(grown.model, word) - row_of(old, word) for word in NEW}
    assert np.abs(check_moved["mango"]).max() > 1e-3 and not check_moved["cherry"].any()
    rows = grown.model.space.word_rows()
    assert grown.model.space.frequency[rows[b"mango"]] == 4
    assert rows[b"mango"] == old.space.word_rows()[b"mango"] and b"kiwi" in rows
    assert predicted(grown.model) == list(NEW.values())


@pytest.mark.parametrize("settings", [{}, {"cutoff": 16}, {"size": "3500"}], ids=str)
def test_quantised(vectors, settings, tmp_path):
    small = quantize_model(fit(vectors).model, QuantizeSettings(**settings), n_threads=1)
    assert predicted(small) == list(NEW.values())
    save_model(small, tmp_path / "q.ftl")
    assert predicted(load_model(tmp_path / "q.ftl")) == list(NEW.values())


def test_trained_again_they_leave(vectors):
    """Vectors do not come back: their words would be rows of zeros that count in a text."""
    model, texts = fit(vectors).model, Texts.from_sequence(TEXTS)
    small = quantize_model(model, retrain=(texts, LABELS), n_threads=1)
    assert set(map(str.encode, [*FRUIT, *CARS])) == set(small.space.word_rows())


# -- who trains ------------------------------------------------------------------------------
@pytest.fixture
def file(tmp_path):
    path = tmp_path / "train.tsv"
    path.write_text("".join(f"{a}\t{b}\n" for a, b in zip(NAMES, TEXTS, strict=True)))
    return str(path)


@pytest.mark.parametrize("is_cached", [False, True])
def test_chunks_and_the_cache(vectors, file, tmp_path, is_cached):
    config = Config(maxn=0, lr=0.5, recipe="fixed")
    cache = str(tmp_path / "cache") if is_cached else None
    models = []
    for n in (MOST_WORDS, 0, MOST_WORDS):  # the cache serves all of them
        read = read_training_file(
            file, config, cache=cache, pretrained=Pretrained(vectors, n), n_threads=1
        )
        models.append(read.fit(n_threads=1).model)
    check_knows(models[0])
    assert b"mango" not in models[1].space.word_rows()
    np.testing.assert_array_equal(models[0].embeddings, models[2].embeddings)
    if not is_cached:
        np.testing.assert_array_equal(models[0].embeddings, fit(vectors).model.embeddings)


def test_patience_measures_on_them(vectors):
    """Texts to validate on may have words that are known by their vectors alone."""
    reports = []
    labels = Labels.from_rows([[name] for name in NEW.values()]).renamed(LABELS.names)
    watch = Watch((Texts.from_sequence(list(NEW)), labels), (reports.append,))
    trainee = fit(vectors, watch=watch, patience=2)
    assert reports[-1].valid_accuracy == 1.0
    check_knows(trainee.model)
    assert fit(vectors, 0, watch=watch).history.reports[-1].valid_accuracy < 1.0
    aside = fit(vectors, patience=2, valid_fraction=0.2)
    check_knows(aside.model)


@pytest.mark.parametrize("method", ["seeds", "bagging", "snapshot"])
def test_ensemble(vectors, method, tmp_path):
    ensemble = FastTextEnsemble(
        n_members=2, method=method, pretrained_vectors=vectors, random_state=0, recipe="fixed",
        maxn=0, lr=0.5,
    ).fit(TEXTS, NAMES)  # fmt: skip
    assert ensemble.predict(list(NEW)).tolist() == list(NEW.values())
    first, second = (member.model_ for member in ensemble.estimators_)
    assert first.space is second.space and first.space.n_rows == len(first.embeddings)
    ensemble.save(tmp_path / "e.ftl")
    loaded = FastTextEnsemble.load(tmp_path / "e.ftl")
    assert loaded.predict(list(NEW)).tolist() == list(NEW.values())


def test_estimators(vectors):
    clf = FastTextClassifier(pretrained_vectors=vectors, random_state=0, epochs=20)
    assert clf.fit(TEXTS, NAMES).predict(list(NEW)).tolist() == list(NEW.values())
    assert clf.history_.words_added == 4
    clf.set_params(max_words=9).fit(TEXTS, NAMES)
    assert clf.history_.words_added == 1
    shape = FastTextTransformer(pretrained_vectors=vectors, random_state=0).fit(TEXTS, NAMES)
    assert np.abs(shape.transform(["mango"])).max() > 0


def test_tuning(vectors, tmp_path):
    base = FastTextClassifier(pretrained_vectors=vectors, random_state=0)
    names = [NEW[word] for word in list(NEW) * 3]
    tuner = FastTextTuner(base, time=None, n_trials=2, random_state=0)
    tuner.fit(TEXTS, NAMES, X_valid=list(NEW) * 3, y_valid=names)
    assert tuner.best_score_ == 1.0
    assert tuner.predict(list(NEW)).tolist() == list(NEW.values())
    size = 3500  # the added words count
    tuner = FastTextTuner(base, time=None, n_trials=1, random_state=0, model_size=size)
    with pytest.raises(ValueError, match="bytes"):
        tuner.fit(TEXTS, NAMES, X_valid=list(NEW) * 3, y_valid=names)


def test_command_line(vectors, file, tmp_path, capsys, caplog):
    flags = [file, "-o", str(tmp_path / "m.ftl"), "--seed", "1"]
    given = ["--pretrained-vectors", str(vectors)]
    assert main(["train", *flags, *given]) == 0
    line = f"{vectors}: 8 of 8 words of the texts have a vector, "
    assert line + "4 words added\n" in capsys.readouterr().out
    assert main(["train", *flags, *given, "--max-words", "9"]) == 0
    assert line + "1 word added\n" in capsys.readouterr().out
    assert main(["train", *flags, *given, "--max-words", "0"]) == 0
    assert line + "0 words added\n" in capsys.readouterr().out
    with pytest.raises(SystemExit) as stop:
        main(["train", *flags, *given, "--max-words", "-1"])
    assert stop.value.code == 2
    assert main(["tune", *flags, *given, "--max-words", "9", "--trials", "1"]) == 0
    assert "--max-words 9" in capsys.readouterr().out.splitlines()[-1]


def test_a_number_without_a_file_is_said(file, tmp_path, caplog):
    caplog.set_level(logging.WARNING, "fasttext_lite")
    why = "has no effect: there are no pretrained vectors to take words from"
    flags = [file, "-o", str(tmp_path / "m.ftl"), "--seed", "1", "--max-words", "5"]
    for command in (["train", *flags], ["tune", *flags, "--trials", "1"]):
        caplog.clear()
        assert main(command) == 0
        assert [record.getMessage() for record in caplog.records] == [f"--max-words {why}"]
    settings = {"max_words": 5, "random_state": 0, "epochs": 1}
    for estimator in (FastTextClassifier(**settings), FastTextEnsemble(n_members=1, **settings)):
        ADVISER.said.clear()
        caplog.clear()
        estimator.fit(TEXTS, NAMES)
        assert [record.getMessage() for record in caplog.records] == [f"max_words {why}"]


def test_older_pickles_add_none(vectors):
    clf = FastTextClassifier(pretrained_vectors=vectors)
    state = {name: value for name, value in clf.__getstate__().items() if name != "max_words"}
    old = FastTextClassifier.__new__(FastTextClassifier)
    old.__setstate__(state)
    assert old.max_words == 0


# -- what is tried on texts held out ---------------------------------------------------------
def test_words_that_are_held_out_have_their_vectors(vectors):
    prepared = prepare(Texts.from_sequence(TEXTS), LABELS, Config(maxn=0, head="learned", dim=4),
                       n_threads=1)  # fmt: skip
    prepared = join_vectors(prepared, Pretrained(vectors))
    docs = np.flatnonzero(["plum" not in text and "bus" not in text for text in TEXTS])
    counts = prepared.sample.counts.take(docs)
    space, numbers, _ = prepared.space.of_part(counts, LABELS.take(docs))
    part, numbers = prepared.vectors.of_part(space, numbers)
    whole = prepared.space.word_rows()
    for word in (b"plum", b"bus", b"apple"):
        row = part.space.word_rows()[word]
        assert row == numbers[whole[word]]
        table = np.concatenate([np.zeros((space.n_rows, 4), np.float32), part.added])
        table[part.rows] = part.vectors
        np.testing.assert_allclose(table[row], vector_of(word.decode()), atol=1e-4)
    assert part.n_words == 6 and len(part.added) == 2


def test_probabilities_are_those_of_texts_with_words_of_the_file(tmp_path):
    """Calibration sees texts as those to come: many of their words are known by vectors alone."""
    rng = np.random.default_rng(5)
    words = [f"w{i}" for i in range(4000)]
    sides = rng.choice([-1.0, 1.0], len(words))
    table = sides[:, None] * np.array([1, 0, 0, 0]) + rng.normal(0, 2.0, (len(words), 4))
    path = tmp_path / "v.vec"
    lines = [f"{w} {' '.join(f'{x:.4f}' for x in v)}\n" for w, v in zip(words, table, strict=True)]
    path.write_text(f"{len(words)} 4\n" + "".join(lines))

    def texts_of(n):
        chosen = [rng.choice(len(words), 6) for _ in range(n)]
        names = ["fruit" if sides[each].sum() > 0 else "cars" for each in chosen]
        return [" ".join(words[i] for i in each) for each in chosen], names

    texts, names = texts_of(150)
    model = fit(path, texts=texts, labels=Labels.from_rows([[name] for name in names])).model
    assert model.calibration.n_texts > 0
    texts, names = texts_of(2000)
    found = model.probabilities(model.features(Texts.from_sequence(texts), 1), 1)
    right = np.array([model.labels[i] for i in found.argmax(axis=1)]) == names
    assert right.mean() > 0.6
    assert abs(found.max(axis=1).mean() - right.mean()) < 0.08


def test_energy_of_characters_is_that_of_all_spaces(vectors):
    """The candidate that is taken weighs the added words as its own."""
    from fasttext_lite.fitting.prepared import with_energy

    prepared = prepare(Texts.from_sequence(TEXTS), LABELS, Config(head="learned", dim=4),
                       n_threads=1)  # fmt: skip
    prepared = join_vectors(prepared, Pretrained(vectors))
    changed = with_energy(prepared, prepared.features, 4.0)
    for space in (changed.space, changed.model_space):
        assert isinstance(space, FeatureSpace) and space.config.char_energy == 4.0
    np.testing.assert_array_equal(prepared.model_space.factors, changed.model_space.factors)


@pytest.mark.parametrize("n", [MOST_WORDS, 10, 0])
@pytest.mark.parametrize("min_count", [1, 4])
def test_a_file_that_is_held_is_as_one_that_is_read(tmp_path, n, min_count):
    words = ["U.S.", *NEW, "Mango", *FRUIT, "kiwi", *CARS, "late"]
    pretrained = Pretrained(write(tmp_path / "v.vec", words), n)
    texts = Texts.from_sequence(["late", *TEXTS[1:]])
    config = Config(head="learned", dim=4, min_count=min_count)
    held = hold(pretrained, texts, config, 1)
    assert held.dim() == 4 and b"U.S." not in held.words
    prepared = prepare(texts, LABELS, config, n_threads=1)
    a, b = (join_vectors(prepared, each, 1).vectors for each in (pretrained, held))
    assert a.space.words() == b.space.words() and a.n_words == b.n_words
    for name in ("rows", "vectors", "added"):
        np.testing.assert_array_equal(getattr(a, name), getattr(b, name))
