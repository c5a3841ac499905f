"""From a text to its labels in one compiled call, and what the call is made of, against twins."""

import numpy as np
import pytest
import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.features.kernels import insert_codes
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.kernels import classify
from fasttext_lite.text.analyzers import analyze

pytestmark = pytest.mark.kernels

TRAIN = [
    ("a", "red apple"),
    ("b", "blue sky"),
    ("c", "苹果 很红"),
    ("a", "apple pie"),
    ("b", "sky"),
]
TEXTS = ["red sky", "apple apple pie 苹果", "很 blue", "an apple", "sky?"]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.integers(0, 2**31 - 1), max_size=40, unique=True),
    st.lists(st.integers(0, 2**31 - 1), max_size=40),
    st.data(),
)
def test_codes_without_a_row_are_left_out(known, others, data):
    table = np.full((128, 2), -1, np.int32)
    assert insert_codes(np.array(known, np.int32), table)
    asked = data.draw(st.lists(st.sampled_from([*known, *others, 0]), max_size=60))
    codes = np.array(asked, np.int32)
    n = classify.keep_known(codes, codes.size, table, np.zeros(0, np.float32))
    assert codes[:n].tolist() == [known.index(code) for code in asked if code in known]


@pytest.mark.parametrize(
    ("loss", "head"), [("softmax", "learned"), ("ova", "linear"), ("ova", "learned")]
)
@pytest.mark.parametrize("changes", [{}, {"maxn": 3, "word_ngrams": 3}, {"bias": False}], ids=str)
def test_a_text_is_classified_as_its_rows_say(loss, head, changes):
    names, texts = zip(*TRAIN, strict=True)
    labels = Labels.from_rows([[name] for name in names])
    config = Config(loss=loss, head=head, epochs=2, dim=8 if head == "learned" else None, **changes)
    model = fit(Texts.from_sequence(texts), labels, config, seed=1, n_threads=1).model
    features = model.space.transform(analyze(Texts.from_sequence(TEXTS), model.config, 1), 1)
    for doc, text in enumerate(TEXTS):
        part = slice(features.indptr[doc], features.indptr[doc + 1])
        hidden = features.weights[part].astype(float) @ model.embeddings[features.ids[part]]
        np.testing.assert_allclose(model.embed([text])[0], hidden, rtol=1e-5, atol=1e-6)
        hidden = hidden[:3] if head == "linear" else hidden
        scores = hidden if head == "linear" else model.output.astype(float) @ hidden
        chances = reference.softmax(scores)
        if loss != "softmax":
            chances = reference.sigmoid(scores) / reference.sigmoid(scores).sum()
        found = model.predict_one(text, k=3)
        best = sorted(range(3), key=lambda label: -chances[label])
        assert [name for name, _ in found] == [model.labels[label] for label in best]
        np.testing.assert_allclose([p for _, p in found], chances[best], rtol=1e-5)
