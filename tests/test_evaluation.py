"""Figures of a test run, against cases worked by hand and against scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics
from sklearn.preprocessing import MultiLabelBinarizer

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.model import model as models
from fasttext_lite.model.model import Predictions

NAMES = ["a", "b", "c"]


class FixedModel:
    """Answers with given labels, best first; notes what it was asked."""

    multilabel = False

    def __init__(self, answers, labels=NAMES, n_features=None):
        self.labels = list(labels)
        self.answers = answers
        self.n_features = n_features

    def predict(self, texts, k, threshold, n_threads):
        self.asked = (len(texts), k, threshold, n_threads)
        width = min(k, len(self.labels))
        ids = np.full((len(self.answers), width), -1, np.int32)
        for i, answer in enumerate(self.answers):
            for j, name in enumerate(answer[:k]):
                ids[i, j] = self.labels.index(name)
        n = np.ones(len(ids), np.int64) if self.n_features is None else np.array(self.n_features)
        return Predictions(ids, np.where(ids >= 0, 0.5, 0.0), n)


def run(answers, gold, k=1, **options):
    texts = Texts.from_sequence(["x"] * len(gold))
    return evaluate(FixedModel(answers, **options), texts, gold, k)


def test_single_labels_by_hand():
    result = run(["a", "a", "b", "c"], ["a", "b", "b", "a"])
    assert (result.n, result.n_right, result.accuracy) == (4, 2, 0.5)
    assert result.hits.tolist() == [1, 1, 0]
    assert result.predicted.tolist() == [2, 1, 1]
    assert result.gold.tolist() == [2, 2, 0]
    assert result.precision == result.recall == 0.5
    precision, recall, f1 = result.per_label()
    assert precision.tolist() == [0.5, 1, 0]
    assert recall.tolist() == [0.5, 0.5, 0]
    assert f1 == pytest.approx([1 / 2, 2 / 3, 0])
    assert result.macro_f1 == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)
    assert result.confusion.tolist() == [[1, 0, 1], [1, 1, 0], [0, 0, 0]]


def test_several_predictions_by_hand():
    result = run(["ab", "ba", "ca"], ["a", "a", "b"], k=2)
    assert result.accuracy == pytest.approx(1 / 3)  # the first one alone
    assert result.precision == pytest.approx(2 / 6)
    assert result.recall == pytest.approx(2 / 3)
    assert result.k == 2


def test_several_labels_by_hand():
    result = run(["ab", "c", "", "b"], ["a", "bc", "a", "bca"], k=2)
    assert result.accuracy == pytest.approx(3 / 4)
    assert result.hits.tolist() == [1, 1, 1]
    assert result.precision == pytest.approx(3 / 4)  # of 4 predictions
    assert result.recall == pytest.approx(3 / 7)  # of 7 true labels
    # Rows: first true label; the text without a prediction is nowhere.
    assert result.confusion.tolist() == [[1, 0, 0], [0, 1, 1], [0, 0, 0]]


class SeveralLabels(FixedModel):
    """A model of several labels, which is sure of its answers and of nothing else."""

    multilabel = True
    is_distribution = False
    n_texts = 0

    def judge(self, texts, n_threads):
        found = np.full((len(self.answers), len(self.labels)), 0.4999)
        for i, answer in enumerate(self.answers):
            for j, name in enumerate(answer):
                found[i, self.labels.index(name)] = 0.9 - j * 0.4
        return found, np.ones(len(found), np.int64)


def test_a_model_of_several_labels_is_measured_by_what_it_decides():
    answers, gold = ["ab", "c", "", "b", "ba"], ["ba", "bc", "", "bca", "a"]
    result = evaluate(SeveralLabels(answers), Texts.from_sequence(["x"] * 5), gold)
    assert (result.k, result.threshold) == (None, 0.5)
    assert (result.figure, result.n_right, result.accuracy) == ("exact match", 2, 2 / 5)
    assert result.micro_f1 == pytest.approx(2 * 5 / (6 + 8))
    assert result.hits.tolist() == [2, 2, 1] and result.predicted.tolist() == [2, 3, 1]
    assert result.macro_f1 == pytest.approx((4 / 5 + 4 / 6 + 2 / 3) / 3)
    assert result.first_found.tolist() == [0, 2, -1, 1, 1], "the likeliest first"


def test_an_unknown_label_is_no_exact_match():
    texts = Texts.from_sequence(["x"] * 3)
    result = evaluate(SeveralLabels(["a", "a", ""]), texts, [["a", "new"], ["a"], ["new"]])
    assert (result.n_right, result.n_unseen_texts) == (1, 2)
    nameless = Labels.from_rows([["a", "new"], ["a"], ["new"]], NAMES)
    assert evaluate(SeveralLabels(["a", "a", ""]), texts, nameless).n_right == 1


@pytest.mark.parametrize(
    "given, expected", [({"k": 2}, (2, 0.0)), ({"threshold": 0.3}, (1, 0.3))], ids=str
)
def test_k_or_threshold_alone_is_a_wish(given, expected):
    model = SeveralLabels(["ab"])
    result = evaluate(model, Texts.from_sequence(["x"]), ["ab"], **given)
    assert (result.k, result.threshold) == expected == model.asked[1:3]


def test_decisions_are_made_in_parts(monkeypatch):
    monkeypatch.setattr(models, "CHUNK_SCORES", 7)
    rng = np.random.default_rng(0)
    table = rng.random((10, 3))
    texts = [f"{i}" for i in range(10)]

    class Slices(SeveralLabels):
        def judge(self, texts, n_threads):
            assert len(texts) <= 2
            chosen = [int(text) for text in texts.to_list()]
            return table[chosen], np.ones(len(texts), np.int64)

    gold = [[NAMES[j] for j in np.flatnonzero(row >= 0.5)] for row in table]
    result = evaluate(Slices([]), Texts.from_sequence(texts), gold)
    assert result.n_right == 10 and result.micro_f1 == 1


def test_unseen_labels_are_errors():
    result = run(["a", "b", "a"], [["a"], ["new"], ["a", "other"]])
    assert result.names == ["a", "b", "c", "new", "other"]
    assert (result.n, result.n_known, result.n_unseen_texts) == (3, 3, 2)
    assert result.accuracy == pytest.approx(2 / 3)
    assert result.recall == pytest.approx(2 / 4)
    assert result.gold.tolist() == [2, 0, 0, 1, 1]
    # "c" is nowhere and does not count; "new" and "other" count as never found.
    assert result.macro_f1 == pytest.approx((1 + 0 + 0 + 0) / 4)
    assert result.confusion[3].tolist() == [0, 1, 0, 0, 0]


def test_all_labels_unseen():
    result = run(["a", "b"], [["x"], ["y"]])
    assert (result.accuracy, result.precision, result.recall, result.macro_f1) == (0, 0, 0, 0)


def test_no_predictions_at_all():
    result = run(["", ""], ["a", "b"])
    assert (result.accuracy, result.precision, result.recall, result.macro_f1) == (0, 0, 0, 0)
    assert result.confusion.sum() == 0


def test_no_texts_at_all():
    result = run([], [])
    assert (result.n, result.accuracy, result.precision, result.macro_f1) == (0, 0, 0, 0)


def test_labels_given_twice_count_once():
    result = run(["a"], [["a", "a", "b", "a"]])
    assert result.gold.tolist() == [1, 1, 0]
    assert result.recall == 0.5


def test_a_text_without_a_true_label():
    result = run(["a", "b"], [[], ["b"]])
    assert (result.n, result.accuracy, result.precision, result.recall) == (2, 0.5, 0.5, 1)
    assert result.confusion.tolist() == [[0, 0, 0], [0, 1, 0], [0, 0, 0]]


def test_texts_without_a_known_feature_are_counted():
    assert run(["a", "a", "a"], "aab", n_features=[0, 2, 0]).n_unknown_texts == 2


def test_the_model_is_asked_what_was_asked():
    model = FixedModel(["ab"])
    evaluate(model, Texts.from_sequence(["x"]), ["a"], k=2, threshold=0.25, n_threads=3)
    assert model.asked == (1, 2, 0.25, 3)


@pytest.mark.parametrize("seed", range(5))
def test_single_labels_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    names = [f"label {i}" for i in range(7)]
    truth = rng.choice([*names, "unseen 1", "unseen 2"], 200)
    found = np.where(rng.random(200) < 0.5, truth, rng.choice(names, 200))
    found = np.where(np.isin(found, names), found, names[0])
    result = run([[name] for name in found], [[name] for name in truth], labels=names)
    assert result.accuracy == pytest.approx(metrics.accuracy_score(truth, found))
    assert result.macro_f1 == pytest.approx(
        metrics.f1_score(truth, found, average="macro", zero_division=0)
    )
    order = {"labels": result.names, "zero_division": 0}
    expected = metrics.precision_recall_fscore_support(truth, found, **order)
    for ours, theirs in zip([*result.per_label(), result.gold], expected, strict=True):
        assert ours == pytest.approx(theirs)
    matrix = metrics.confusion_matrix(truth, found, labels=result.names)
    assert np.array_equal(result.confusion, matrix)


@pytest.mark.parametrize("seed", range(5))
def test_several_labels_against_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    names = np.array([f"label {i}" for i in range(6)])
    truth = [names[rng.permutation(6)[: rng.integers(1, 4)]].tolist() for _ in range(100)]
    found = [names[rng.permutation(6)[: rng.integers(0, 5)]].tolist() for _ in range(100)]
    result = run(found, truth, k=5, labels=names)
    binarizer = MultiLabelBinarizer(classes=names)
    truth, found = binarizer.fit_transform(truth), binarizer.transform(found)
    options = {"average": "micro", "zero_division": 0}
    assert result.micro_f1 == pytest.approx(metrics.f1_score(truth, found, **options))
    assert result.precision == pytest.approx(metrics.precision_score(truth, found, **options))
    assert result.recall == pytest.approx(metrics.recall_score(truth, found, **options))
    expected = metrics.precision_recall_fscore_support(truth, found, zero_division=0)
    for ours, theirs in zip([*result.per_label(), result.gold], expected, strict=True):
        assert ours == pytest.approx(theirs)
    assert result.macro_f1 == pytest.approx(
        metrics.f1_score(truth, found, average="macro", zero_division=0)
    )


def test_many_labels_need_no_table_of_all_pairs():
    names = [f"label {i}" for i in range(100_000)]
    result = run([names[:1], names[1:2]], [names[:1], names[2:3]], labels=names)
    assert result.accuracy == 0.5


@pytest.mark.parametrize(
    "rows",
    [
        ["a", "b", "b", "a"],
        [["a"], ["new"], ["a", "other"], ["b", "b", "a"]],
        [[], ["b"], ["c", "x"], []],
        [["x"], ["y"], ["y"], ["x"]],
    ],
)
def test_labels_in_numbers_are_as_good_as_names(rows):
    by_name = run(["ab", "b", "ca", "a"], rows, k=2)
    for names in (None, ["y", "other", "c", "new", "b", "nowhere", "x", "a"]):
        by_number = run(["ab", "b", "ca", "a"], Labels.from_rows(rows, names), k=2)
        for name, value in vars(by_name).items():
            assert np.array_equal(getattr(by_number, name), value), name


def test_a_label_without_a_name_is_never_found():
    labels = Labels.from_rows([["a"], ["what"]], NAMES)
    result = run(["a", "a"], labels)
    assert (result.n_right, result.n_unseen_texts, result.names) == (1, 1, NAMES)
    assert result.first_gold.tolist() == [0, -1] and result.hits.tolist() == [1, 0, 0]


def test_predictions_are_shown_without_the_names_of_all_labels():
    names = [f"label{i}" for i in range(1000)]
    found = Predictions(np.array([[7]]), np.array([[0.5]]), np.array([3]), names)
    assert len(repr(found)) < 150 and "label7" not in repr(found)
    assert found.rows() == [[("label7", 0.5)]]
