"""Where labels are very many: n-grams are tried on some labels with all their texts."""

import itertools
import tempfile

import numpy as np
import pytest

from fasttext_lite import load
from fasttext_lite.cli.app import main
from fasttext_lite.config.fields import Config
from fasttext_lite.config.recipe import leaner, resolve
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.numbered import NumberedPieces
from fasttext_lite.features.vocabulary import Vocabulary
from fasttext_lite.fitting import ngrams
from fasttext_lite.fitting.fit import fit
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.text.analyzers import analyze

CONFIG = Config(loss="hs")


def tried(**settings):
    config = Config(**settings)
    return leaner(config, resolve(config, 5000, False, 8.0, 10_000))


def test_what_is_set_is_not_tried():
    without = [{"maxn": 0, "word_ngrams": 2}, {"maxn": 0, "word_ngrams": 1}]
    assert tried() == without
    assert tried(word_ngrams=2) == without[:1]
    for length, settings in ((4, {"char_energy": 1.0}), (3, {"maxn": 3})):
        assert tried(**settings) == [{"maxn": length, "word_ngrams": 1}]
    assert tried(maxn=0) == without[1:]
    assert tried(recipe="fixed") == tried(maxn=0, word_ngrams=1) == []


def made(n_labels, n_texts, by_order, seed=0):
    """Return texts of words that tell the label, alone or (by_order) by which stands first."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(n_labels, size=n_texts)
    texts = []
    for label in labels.tolist():
        if by_order:  # two labels have the same words
            words = [f"a{label // 2}", f"b{label // 2}"][:: 1 - 2 * (label % 2)]
            words = [f"z{rng.integers(200)}", *words, f"z{rng.integers(200)}"]
        else:
            words = [f"{'abc'[i]}{label}" for i in range(3) if rng.random() < 0.6]
            words += [f"z{x}" for x in rng.integers(200, size=6)]
            rng.shuffle(words)
        texts.append(" ".join(words))
    return Texts.from_sequence(texts), Labels.from_rows([[f"l{x}"] for x in labels.tolist()])


def numbered(texts, file=None):
    """Return texts as numbers in three pieces, and their vocabulary."""
    vocabulary, pieces = Vocabulary(), NumberedPieces(file)
    for part in np.array_split(np.arange(len(texts)), 3):
        found = analyze(texts.slice(int(part[0]), int(part[-1]) + 1), CONFIG, 1)
        pieces.append(vocabulary.add(found))
    return pieces, vocabulary


def words_of(texts, vocabulary):
    pool, bounds, _ = vocabulary.arrays()
    names = [pool[a:b].tobytes().decode() for a, b in bounds.tolist()]
    pairs = itertools.pairwise(texts.offsets.tolist())
    return [[names[x] for x in texts.numbers[a:b]] for a, b in pairs]


@pytest.mark.parametrize("in_file", [False, True])
def test_some_texts_are_taken_with_a_vocabulary_of_their_own(in_file):
    texts, _ = made(5, 40, False)
    with tempfile.TemporaryFile() as file:
        pieces, vocabulary = numbered(texts, file if in_file else None)
        docs = np.array([0, 12, 13, 14, 39])
        some, own = ngrams.of_texts(pieces.take(docs), vocabulary)
        expected = [texts.to_list()[i].split() for i in docs]
        assert words_of(some, own) == expected
        assert own.n_words == len({word for row in expected for word in row})
        assert own.n_tokens == some.numbers.size and own.n_texts == docs.size
        assert own.arrays()[2].tolist() == np.bincount(some.numbers).tolist()
        assert sum(len(piece) for piece in pieces) == len(texts), "all are still there"
        assert len(NumberedPieces().take(np.empty(0, np.int64))) == 0


def test_labels_are_drawn_with_all_their_texts_but_no_frequent_ones(monkeypatch):
    monkeypatch.setattr(ngrams, "TRIED_TEXTS", 60)  # no label of more than 6 texts, then
    rng = np.random.default_rng(3)
    rows = [["often", f"l{rng.integers(100)}", "l100"][: 2 + i % 7 // 6] for i in range(300)]
    labels = Labels.from_rows(rows)
    docs, some = ngrams.some_labels(labels)
    drawn = set(some.names)
    assert "often" not in drawn and 10 < len(drawn) < 40
    assert docs.tolist() == [i for i, row in enumerate(rows) if drawn & set(row)]
    assert some.rows() == [tuple(x for x in rows[i] if x in drawn) for i in docs]
    again, _ = ngrams.some_labels(labels)
    other, _ = ngrams.some_labels(labels, 1)
    assert docs.tolist() == again.tolist() != other.tolist()


def chosen(monkeypatch, by_order, config=CONFIG, n_threads=1):
    monkeypatch.setattr(ngrams, "MOST_LEAVES", 100)
    texts, labels = made(200, 1500, by_order)
    pieces, vocabulary = numbered(texts)
    resolved = resolve(config, 200, False, 6.0, 1500)
    return ngrams.choose_ngrams(
        pieces, vocabulary, labels, resolved, config, 0, n_threads
    )  # fmt: skip


def test_n_grams_go_where_they_are_in_the_way_and_stay_where_they_tell(monkeypatch):
    config, choice = chosen(monkeypatch, by_order=False)
    assert (config.maxn, config.word_ngrams) == (0, 1)
    assert choice.chosen == 2 and "word_ngrams 1" in choice.line()
    first, *others = choice.candidates
    assert first.settings == {"maxn": 4, "word_ngrams": 2} and first.ahead == 0
    assert len(others) == 2
    config, choice = chosen(monkeypatch, by_order=True)
    assert config.word_ngrams == 2, "which word comes first is all that tells two labels apart"
    accuracies = [each.accuracy for each in choice.candidates]
    assert accuracies[2] < 0.6 < 0.8 < max(accuracies)
    assert chosen(monkeypatch, True, n_threads=2) == (config, choice), "whatever the threads"


def test_nothing_is_tried_where_the_settings_or_few_labels_say_what_there_is(monkeypatch):
    for config in (CONFIG.replace(recipe="fixed"), CONFIG.replace(maxn=0, word_ngrams=1)):
        assert chosen(monkeypatch, False, config)[1] is None
    texts, labels = made(200, 1500, False)
    pieces, vocabulary = numbered(texts)
    for loss in ("hs", "ns"):
        config = Config(loss=loss)
        resolved = resolve(config, 200, False, 6.0, 1500)
        monkeypatch.setattr(ngrams, "MOST_LEAVES", {"hs": 200, "ns": 100}[loss])
        found = ngrams.choose_ngrams(pieces, vocabulary, labels, resolved, config)
        assert found == (resolved, None)


def test_a_training_takes_what_was_chosen_and_says_so(monkeypatch):
    texts, labels = made(200, 1500, False)
    config = CONFIG.replace(epochs=1, dim=16)
    plain = prepare(texts, labels, config, n_threads=1)
    assert plain.config.maxn == 4 and plain.choice is None
    monkeypatch.setattr(ngrams, "MOST_LEAVES", 100)
    monkeypatch.setattr("fasttext_lite.fitting.ladder.MOST_LEAVES", 100)
    trainee = fit(texts, labels, config, n_threads=1)
    assert (trainee.model.config.maxn, trainee.model.config.word_ngrams) == (0, 1)
    assert trainee.model.choice is not None and trainee.model.choice.chosen == 2
    assert trainee.model.space.n_rows < plain.space.n_rows


def test_a_cache_keeps_what_was_chosen_and_with_which_loss(monkeypatch, tmp_path):
    monkeypatch.setattr(ngrams, "MOST_LEAVES", 100)
    monkeypatch.setattr("fasttext_lite.fitting.ladder.MOST_LEAVES", 100)
    texts, labels = made(200, 1500, False)
    rows = zip(labels.rows(), texts.to_list(), strict=True)
    (tmp_path / "train.tsv").write_text("".join(f"{row[0]}\t{text}\n" for row, text in rows))
    found = {}
    for loss, folders in (("hs", 1), ("hs", 1), ("ns", 2)):
        arguments = [str(tmp_path / "train.tsv"), "-o", str(tmp_path / "m.ftl"), "-q", "--dim=8"]
        arguments += ["--epochs=1", f"--loss={loss}", "--cache", str(tmp_path / "cache")]
        assert main(["train", *arguments]) == 0
        model = load(tmp_path / "m.ftl").model_
        found.setdefault(loss, []).append((model.config.maxn, model.choice))
        assert len(list((tmp_path / "cache").iterdir())) == folders
    assert found["hs"][0] == found["hs"][1] and found["hs"][0][0] == 0
    assert found["hs"][0][1] is not None and found["ns"][0][0] == 4


def test_the_rate_of_a_tree_grows_with_the_root_of_the_labels_of_a_text():
    def rate(per_text, **settings):
        config = Config(**{"loss": "hs", **settings})
        return resolve(config, 5000, True, labels_per_text=per_text).lr

    assert rate(4.0) == 2 * rate(1.0) == 2 * rate(0.5) > 0
    assert rate(4.0, loss="ns") == rate(1.0, loss="ns"), "in a tree alone"
    assert rate(4.0, optimizer="adagrad") == rate(1.0, optimizer="adagrad")
    assert rate(4.0, lr=0.3) == 0.3
