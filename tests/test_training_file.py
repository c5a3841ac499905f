"""Training on a labelled file: in chunks or as a whole, by one call."""

import numpy as np
import pytest

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.disk.promise import promise
from fasttext_lite.errors import InputError, TrainingError
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit, prepare, trees
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.fitting.training_file import can_stream, read_training_file
from fasttext_lite.fitting.vectors import Pretrained

WORDS = {"food": "soup bread rice salt", "sport": "goal match team race", "sky": "rain wind snow"}


@pytest.fixture
def path(tmp_path):
    """Return a file of 90 rows and one that is skipped."""
    rng = np.random.default_rng(0)
    rows = [
        f"{label}\t{' '.join(rng.permutation(words.split())[:3])}"
        for _ in range(30)
        for label, words in WORDS.items()
    ]
    path = tmp_path / "train.tsv"
    path.write_text("\n".join([*rows, "food\t "]) + "\n")
    return str(path)


@pytest.mark.parametrize("multilabel", [False, True])
@pytest.mark.parametrize(
    "changes, in_chunks", [({}, True), ({"word_dropout": 0.2}, False), ({"patience": 2}, False)]
)
def test_a_file_trains_the_model_that_its_texts_do(path, changes, in_chunks, multilabel):
    config = Config(epochs=3, **changes)
    file = read_training_file(path, config, multilabel=multilabel)
    assert isinstance(file.data, Prepared) == in_chunks == can_stream(path, config)
    assert file.skipped == [f"skipped 1 line without text (first: {path}:91)"]
    assert file.multilabel == multilabel
    weights = np.linspace(0.5, 1.5, len(file.labels), dtype=np.float32)
    found = file.fit(doc_weights=weights, seed=4, n_threads=1).model
    corpus = read_corpus(path)
    expected = fit.fit(
        corpus.texts, corpus.labels, config,
        multilabel=multilabel, doc_weights=weights, seed=4, n_threads=1,
    ).model  # fmt: skip
    assert found.labels == expected.labels and found.config == expected.config
    assert np.array_equal(found.embeddings, expected.embeddings)
    assert np.array_equal(found.output, expected.output)


def test_validation_data_leave_patience_to_chunks(path, tmp_path):
    config = Config(epochs=2, patience=1)
    assert not can_stream(path, config)
    assert can_stream(path, config, is_validated=True)
    cache = str(tmp_path / "cache")
    file = read_training_file(path, config, is_validated=True, cache=cache)
    assert isinstance(file.data, Prepared) and file.data.features.maps
    for changes in ({"patience": 1}, {"word_swap": 0.1}):
        with pytest.raises(InputError, match="train.tsv: a cache needs a file that can be read tw"):
            read_training_file(path, Config(**changes), cache=cache)


def test_vectors_set_the_settings_of_chunks_too(path, tmp_path):
    vectors = tmp_path / "words.vec"
    vectors.write_text("2 3\nsoup 1 2 3\ngoal 3 2 1\n")
    file = read_training_file(path, Config(epochs=1), pretrained=Pretrained(vectors))
    model = file.fit(n_threads=1).model
    assert (model.dim, model.config.head) == (3, "learned")


def test_the_format_is_what_the_options_say(path):
    file = read_training_file(path, Config(), ReadOptions(format="tsv"))
    assert sorted(file.labels.names) == sorted(WORDS)
    with pytest.raises(InputError, match="no line with a label"):
        read_training_file(path, Config(), ReadOptions(format="fasttext"))


class Counted:
    """Labelled texts in two pieces that count how often they are gone over."""

    def __init__(self, corpus):
        self.corpus, self.passes = corpus, []

    def first(self):
        self.passes.append("first")
        return [self.corpus.texts.slice(0, 40), self.corpus.texts.slice(40, 90)]

    def labels(self):
        assert self.passes == ["first"]
        return self.corpus.labels

    def again(self):
        pieces = self.first()
        self.passes[-1] = "again"
        return pieces


@pytest.mark.parametrize(
    ("total", "passes"), [(None, ["first"]), (900_000_000, ["first", "again"])]
)
def test_pieces_are_gone_over_once_or_twice(path, total, passes):
    """Within a promise of memory the words of texts are not numbered for good."""
    pieces = Counted(read_corpus(path))
    with promise(total):
        found = prepare.prepare_pieces(pieces, Config())
    assert pieces.passes == passes
    whole = prepare.prepare(pieces.corpus.texts, pieces.corpus.labels, Config())
    assert np.array_equal(found.features.ids, whole.features.ids)
    assert isinstance(found.features, FeatureMatrix) and found.marked is None


def test_noise_in_words_keeps_the_texts(path):
    corpus = read_corpus(path)
    found = prepare.prepare(corpus.texts, corpus.labels, Config(word_dropout=0.1))
    assert len(found.marked) == len(corpus.texts)


def test_too_few_labels_are_seen_before_texts_are_cut(path, monkeypatch):
    def fail(*_):
        raise AssertionError

    corpus = read_corpus(path)
    one = corpus.labels.renamed(["food"])
    monkeypatch.setattr(prepare, "analyze", fail)
    with pytest.raises(TrainingError, match="at least 2 labels; found 1"):
        prepare.prepare(corpus.texts, one, Config())


@pytest.mark.parametrize("tree", ["huffman", "linkage", "cluster"])
def test_the_tree_is_the_one_that_the_settings_name(path, tree, monkeypatch):
    made = []
    for name in ("huffman", "linkage", "cluster"):
        monkeypatch.setattr(trees, f"{name}_tree", lambda *_, name=name: made.append(name))
    corpus = read_corpus(path)
    prepared = prepare.prepare(corpus.texts, corpus.labels, Config(loss="hs", tree=tree))
    trees.make_tree(prepared, prepared.config, 0, 1)
    assert made == [tree]
    assert trees.make_tree(prepared, prepared.config.replace(loss="softmax"), 0, 1) is None


def test_an_unknown_tree_is_an_error(path):
    corpus = read_corpus(path)
    prepared = prepare.prepare(corpus.texts, corpus.labels, Config(loss="hs"))
    object.__setattr__(prepared.config, "tree", "oak")
    with pytest.raises(ValueError, match="there is no tree 'oak'"):
        trees.make_tree(prepared, prepared.config, 0, 1)
