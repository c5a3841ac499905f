"""Normalisation and hidden layer at prediction: formulas, the kernel, and fitted models."""

import numpy as np
import pytest
import reference

from fasttext_lite.config.fields import ACTIVATIONS, Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.fitting import fit
from fasttext_lite.model.network import forward, gradient
from fasttext_lite.training import weights as tables
from fasttext_lite.training.composition import compose
from fasttext_lite.training.kernels import general, parts

pytestmark = pytest.mark.kernels

DIM, UNITS, N_LABELS = 6, 4, 3
NETWORKS = [
    {"norm": "layer"},
    {"norm": "batch"},
    *({"units": UNITS, "activation": name} for name in ACTIVATIONS),
    {"norm": "layer", "units": UNITS, "activation": "maxout"},
    {"norm": "batch", "units": UNITS, "activation": "elu"},
]


def random_tables(config, seed=0):
    rng = np.random.default_rng(seed)
    n_layer = config.units * (2 if config.activation == "maxout" else 1)
    norm = rng.uniform(0.3, 2, (4 if config.norm != "none" else 0, DIM))
    layer = rng.normal(size=(n_layer, DIM + 1))
    return norm.astype(np.float32), layer.astype(np.float32)


def by_definition(vectors, config, norm, layer):
    kind = {"none": "none", "layer": "layer", "batch": "running"}[config.norm]
    activation = config.activation if config.units else ""
    vectors, norm, layer = (np.asarray(a, np.float64) for a in (vectors, norm, layer))
    return reference.network(vectors, norm, layer, kind, activation)


@pytest.mark.parametrize("settings", NETWORKS, ids=str)
def test_forward_is_its_definition(settings):
    config = Config(dim=DIM, **settings)
    norm, layer = random_tables(config)
    vectors = np.random.default_rng(1).normal(size=(9, DIM)).astype(np.float32) * 3
    found = forward(vectors, config, norm, layer)
    assert found.dtype == np.float32 and found.flags.c_contiguous
    assert found.shape == (9, settings.get("units", DIM))
    expected = by_definition(vectors, config, norm, layer)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    # A row does not depend on its neighbours.
    np.testing.assert_allclose(forward(vectors[3:4], config, norm, layer), found[3:4], 1e-5, 1e-6)


@pytest.mark.parametrize("settings", NETWORKS, ids=str)
def test_the_gradient_is_that_of_the_definition(settings):
    config = Config(dim=DIM, **settings)
    norm, layer = random_tables(config)
    rng = np.random.default_rng(2)
    for pooled in rng.normal(size=(5, DIM)) * 2:
        direction = rng.normal(size=settings.get("units", DIM))

        x = pooled.copy()

        def score(x=x, direction=direction):
            return float(by_definition(x[None], config, norm, layer)[0] @ direction)

        expected = reference.numeric_gradient(score, x)
        found = gradient(pooled, direction, config, norm, layer)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


def test_forward_of_no_and_of_huge_vectors():
    for settings in NETWORKS:
        config = Config(dim=DIM, **settings)
        norm, layer = random_tables(config)
        empty = forward(np.zeros((0, DIM), np.float32), config, norm, layer)
        assert empty.shape == (0, settings.get("units", DIM))
        huge = np.full((2, DIM), 1e4, np.float32) * np.array([[1], [-1]], np.float32)
        assert np.isfinite(forward(huge, config, norm, layer)).all()


def test_formulas_at_known_places():
    z = np.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    known = {
        "relu": [0, 0, 0, 0.5, 2],
        "leaky_relu": [-0.02, -0.005, 0, 0.5, 2],
        "elu": [-0.8646647, -0.3934693, 0, 0.5, 2],
        "gelu": [-0.0455003, -0.1542688, 0, 0.3457312, 1.9544997],
        "tanh": [-0.9640276, -0.4621172, 0, 0.4621172, 0.9640276],
        "sigmoid": [0.1192029, 0.3775407, 0.5, 0.6224593, 0.8807971],
        "maxout": [-0.5, 0.5, 2],
    }
    assert set(known) == set(ACTIVATIONS)
    for name, expected in known.items():
        scores = z if name != "maxout" else np.append(z, 1.0)
        config = Config(dim=1, units=len(expected), activation=name)
        layer = np.stack([scores, np.zeros_like(scores)], axis=1).astype(np.float32)
        found = forward(np.ones((1, 1), np.float32), config, np.zeros((0, 1)), layer)
        np.testing.assert_allclose(found[0], expected, rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("network", NETWORKS, ids=str)
def test_training_and_prediction_see_the_same(network):
    """The loss of the kernel on one document is that of the vector at prediction.

    Of batch normalisation as well: one document alone is standardised by the running means.
    """
    config = Config(dim=DIM, loss="ova", label_smoothing=0.0, **network)
    norm, layer = random_tables(config)
    rng = np.random.default_rng(2)
    embeddings = rng.normal(size=(3, DIM))
    output = rng.normal(size=(N_LABELS, config.units or DIM))
    weights = tables.stateless(config, embeddings, output, norm.astype(float), layer.astype(float))
    docs = parts.Docs(
        np.array([0, 2], np.int32), np.array([0.5, 0.25], np.float32), np.array([0, 2]),
        np.array([1], np.int32), np.array([0, 1]), np.ones(1, np.float32),
    )  # fmt: skip
    kernel = general.make_trainer(compose(config))
    settings, span = parts.Settings(*[0.0] * 10), parts.Span(0, 0.0, 0.0, 0.0, 0)
    loss, _ = getattr(kernel, "py_func", kernel)(
        np.zeros(1, np.int32), docs, settings, span, np.zeros((2, 0), np.int32),
        np.zeros(1, np.int32), np.ones(1, np.uint64), N_LABELS,
        *(weights.table(name) for name in tables.TABLES),
    )  # fmt: skip
    pooled = (0.5 * embeddings[0] + 0.25 * embeddings[2])[None]
    top = forward(pooled, config, norm.astype(float), layer.astype(float))[0]
    expected = reference.loss_of_scores("ova", output @ top, np.array([0.0, 1.0, 0.0]))
    assert loss == pytest.approx(expected, rel=1e-5)


FITTED = [
    {"norm": "layer"},
    {"norm": "batch"},
    {"norm": "layer", "units": 5, "activation": "maxout", "loss": "hs"},
    {"norm": "batch", "units": 5, "activation": "gelu", "loss": "ova"},
]


@pytest.mark.compiled
@pytest.mark.parametrize("settings", FITTED, ids=str)
def test_fitted_models_use_their_network(settings):
    names = ["red", "green", "blue"]
    texts = [f"{name} w{i}" for i in range(14) for name in names]
    labels = Labels.from_rows([[name] for _ in range(14) for name in names])
    config = Config(**{"dim": 8, "loss": "softmax", "lr": 0.3, "epochs": 30, **settings})
    model = fit.fit(Texts.from_sequence(texts), labels, config, seed=1, n_threads=1).model
    assert (model.predict(texts).labels[:, 0] == labels.ids).mean() > 0.9
    features = model.features(texts)
    pooled = np.zeros((len(texts), 8))
    rows = np.repeat(np.arange(len(texts)), np.diff(features.indptr))
    entries = features.weights[:, None] * model.embeddings[features.ids].astype(float)
    np.add.at(pooled, rows, entries)
    tops = by_definition(pooled, model.config, model.norm, model.layer)
    assert tops.shape == (len(texts), model.hidden_size) == (42, config.units or 8)
    np.testing.assert_allclose(model.embed(texts), tops, rtol=1e-4, atol=1e-4)
    scores = tops @ model.output.T.astype(float)
    if config.loss == "hs":
        children = model.tree.children
        logs = [reference.leaf_log_probabilities(children, model.output, top) for top in tops]
        expected = np.exp(logs)
    elif config.loss == "softmax":
        expected = reference.softmax(scores)
    else:
        expected = reference.sigmoid(scores)
    plain = model.replace(calibration=None)
    np.testing.assert_allclose(plain.probabilities(texts), expected, rtol=1e-3, atol=1e-4)
    # A text without a known feature gets the prior, whatever the network makes of a zero.
    np.testing.assert_allclose(model.probabilities([""])[0], model.prior)
