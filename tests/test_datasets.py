"""The bundled data: what their README promises; and that a model learns from them."""

import re
from collections import Counter

import numpy as np
import pytest

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting import fit

TOPICS = [
    "education",
    "entertainment",
    "finance",
    "food",
    "health",
    "sports",
    "technology",
    "travel",
]
LEAST = {"zh_topics": 960, "en_topics": 480}


@pytest.fixture(params=sorted(LEAST))
def name(request):
    return request.param


def rows(data_dir, name, part):
    text = (data_dir / name / f"{part}.tsv").read_text("utf-8")
    assert text.endswith("\n") and "\r" not in text and "\ufeff" not in text
    return [tuple(line.split("\t")) for line in text[:-1].split("\n")]


def test_lines_are_labels_and_different_texts(data_dir, name):
    train, test = rows(data_dir, name, "train"), rows(data_dir, name, "test")
    assert len(train) + len(test) >= LEAST[name]
    texts = [text for _, text in train + test]
    assert len({text.lower() for text in texts}) == len(texts)
    for part in (train, test):
        counts = Counter(label for label, _ in part)
        assert sorted(counts) == TOPICS and len(set(counts.values())) == 1
        labels = [label for label, _ in part]
        assert labels != sorted(labels), "the lines are not shuffled"


def test_texts_vary(data_dir, name):
    texts = [text for _, text in rows(data_dir, name, "train")]
    lengths = np.array([len(text) if name == "zh_topics" else len(text.split()) for text in texts])
    assert lengths.min() <= 8 and lengths.max() >= 35 and lengths.std() >= 4
    starts = Counter(text[:6] if name == "zh_topics" else text[:20] for text in texts)
    assert max(starts.values()) <= 8, starts.most_common(3)
    if name == "zh_topics":
        mixed = sum(bool(re.search("[A-Za-z0-9]", text)) for text in texts)
        assert mixed >= 0.1 * len(texts)
        assert all(re.search("[\u4e00-\u9fff]", text) for text in texts)


def test_sizes_in_the_readme_are_true(data_dir, name):
    readme = (data_dir / "README.md").read_text("utf-8")
    sizes = [f"{len(rows(data_dir, name, part)):,}" for part in ("train", "test")]
    line = next(line for line in readme.splitlines() if f"`{name}`" in line)
    assert " / ".join(sizes) in line


@pytest.mark.parametrize("settings", [{}, {"loss": "softmax"}, {"loss": "hs"}], ids=str)
def test_a_model_learns_them(data_dir, name, settings):
    train = read_corpus(str(data_dir / name / "train.tsv"))
    test = read_corpus(str(data_dir / name / "test.tsv"))
    config = Config(epochs=10, **settings)
    labels = Labels.from_rows(train.label_rows)
    fitted = fit.fit(train.texts, labels, config, n_threads=1)
    result = evaluate(fitted.model, test.texts, test.label_rows)
    assert result.n_unseen_texts == 0
    assert result.accuracy > 0.6, "eight topics: chance is 0.125"
