"""The tables: how they begin, grow and settle."""

import math

import numpy as np
import pytest

from fasttext_lite.compiled import arrays as compiled_arrays
from fasttext_lite.config.fields import ACTIVATIONS, INITS, Config
from fasttext_lite.config.optimizers import OPTIMIZERS
from fasttext_lite.training import weights as tables
from fasttext_lite.training.kernels.regularizers import shrink_row

pytestmark = pytest.mark.kernels

N_ROWS, N_OUTPUT, DIM = 3000, 400, 50


def config_of(**settings):
    return Config(**{"dim": DIM, "loss": "softmax", "head": "learned"} | settings)


def init(n_rows=N_ROWS, n_output=N_OUTPUT, seed=3, **settings):
    return tables.init_weights(config_of(**settings), n_rows, n_output, seed)


def check_normal(table, deviation):
    """Check the first four moments of many numbers."""
    x = table.ravel() / deviation
    assert table.dtype == np.float32
    assert abs(x.mean()) < 5 / math.sqrt(x.size)
    assert x.std() == pytest.approx(1, rel=0.03)
    assert (x**4).mean() == pytest.approx(3, rel=0.1)


def check_uniform(table, limit):
    x = table.ravel() / limit
    assert table.dtype == np.float32
    assert abs(x.mean()) < 5 / math.sqrt(3 * x.size)
    assert -1 <= x.min() < -0.99 and 0.99 < x.max() <= 1
    assert (x**2).mean() == pytest.approx(1 / 3, rel=0.03)
    assert (x**4).mean() == pytest.approx(1 / 5, rel=0.05)


# -- the beginning -----------------------------------------------------------------------------


def test_the_default_starts_with_random_output():
    weights = init(init="output")
    assert not weights.embeddings.any()
    check_normal(weights.output, 2 / math.sqrt(DIM))
    lengths = np.linalg.norm(weights.output, axis=1)
    assert lengths.mean() == pytest.approx(2, rel=0.02)


def test_the_way_of_fasttext():
    weights = init(init="input")
    check_uniform(weights.embeddings, 1 / DIM)
    assert not weights.output.any()


def test_normal():
    weights = init(init="normal")
    check_normal(weights.embeddings, 0.02)
    check_normal(weights.output, 0.02)


def test_xavier():
    weights = init(init="xavier")
    check_uniform(weights.embeddings, math.sqrt(6 / (N_ROWS + DIM)))
    check_uniform(weights.output, math.sqrt(6 / (DIM + N_OUTPUT)))


def test_he():
    weights = init(init="he")
    check_normal(weights.embeddings, math.sqrt(2 / N_ROWS))
    check_normal(weights.output, math.sqrt(2 / DIM))


@pytest.mark.parametrize("name", INITS)
@pytest.mark.parametrize("settings", [{}, {"norm": "layer"}, {"units": 40}], ids=str)
def test_first_scores_are_small(name, settings):
    """What features begin with is little beside what they learn; weights of a text: root 2 long."""
    weights = init(init=name, **settings)
    rng = np.random.default_rng(0)
    texts = np.zeros((20, N_ROWS))
    for text in texts:
        text[rng.choice(N_ROWS, 100, replace=False)] = math.sqrt(2 / 100)
    hidden = texts @ weights.embeddings
    assert np.linalg.norm(hidden, axis=1).max() < 0.5
    if settings.get("norm"):
        hidden = weights.norm[0] * (hidden / hidden.std(axis=1, keepdims=True))
        np.testing.assert_allclose(np.linalg.norm(hidden, axis=1), 1, rtol=0.1)
    if settings.get("units"):
        inputs = np.hstack([hidden, np.ones((20, 1))])
        hidden = np.maximum(inputs @ weights.layer.T, 0)
    assert (hidden @ weights.output.T).std() < (1.2 if settings else 0.1)


@pytest.mark.parametrize("name", INITS)
def test_every_init_is_deterministic(name):
    a, b, other = (init(init=name, seed=seed) for seed in (3, 3, 4))
    for table in tables.TABLES:
        np.testing.assert_array_equal(getattr(a, table), getattr(b, table))
    tables_differ = [
        not np.array_equal(getattr(a, table), getattr(other, table)) for table in tables.TABLES
    ]
    assert any(tables_differ)
    assert (a.steps, a.path) == (0, 0.0)


def test_a_linear_head_is_the_identity():
    weights = init(n_output=20, head="linear")
    np.testing.assert_array_equal(weights.output, np.eye(20, DIM))
    assert not weights.embeddings.any()
    assert init(n_output=DIM, head="linear").output.trace() == DIM
    with pytest.raises(ValueError, match="head='linear' needs a dim of at least 51.*got dim=50"):
        init(n_output=DIM + 1, head="linear")


@pytest.mark.parametrize("settings", [{"norm": "layer"}, {"norm": "batch"}, {"units": 40}], ids=str)
def test_networks_start_with_embeddings_that_are_not_zero(settings):
    weights = init(**settings)
    check_normal(weights.embeddings, 0.02)
    width = settings.get("units", DIM)
    check_normal(weights.output, (1 if "units" in settings else 2) / math.sqrt(width))
    assert weights.output.shape == (N_OUTPUT, width)
    if "norm" in settings:
        ones, zeros = np.ones(DIM), np.zeros(DIM)
        gain = np.float32(1 / math.sqrt(DIM)) * ones
        np.testing.assert_allclose(weights.norm, [gain, zeros, zeros, ones])
        assert weights.layer.shape == (0, DIM + 1)
    else:
        assert weights.norm.shape == (0, DIM)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_hidden_layers_start_as_their_activation_asks(activation):
    weights = init(units=300, activation=activation)
    assert weights.layer.shape == (600 if activation == "maxout" else 300, DIM + 1)
    length = 1 if activation in ("relu", "leaky_relu") else 2
    check_normal(weights.output, length / math.sqrt(300))
    assert (weights.layer[:, DIM] == (0.5 if activation in ("relu", "leaky_relu") else 0)).all()
    if activation in ("tanh", "sigmoid"):
        gain = 4 if activation == "sigmoid" else 1
        check_uniform(weights.layer[:, :DIM], gain * math.sqrt(6 / (DIM + 300)))
    else:
        check_normal(weights.layer[:, :DIM], math.sqrt(2 / DIM))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_state_is_kept_only_where_it_is_needed(optimizer):
    slots, forgets = OPTIMIZERS[optimizer].slots, OPTIMIZERS[optimizer].forgets
    for more in ({}, {"l1": 0.1}, {"l2": 0.1}, {"averaging": 0.5}):
        weights = init(n_rows=7, n_output=5, optimizer=optimizer, units=4, **more)
        timed = forgets or more
        for name in tables.TABLES:
            table, state = getattr(weights, name), weights.states[name]
            n, dim = table.shape
            assert state.moments.shape[0] == (n if slots else 0)
            assert state.moments.size == n * dim * slots
            assert state.seen.shape == (n if timed else 0, 3)
            assert state.total.shape == (n if "averaging" in more else 0, dim)
            assert not state.moments.any() and not state.seen.any() and not state.total.any()
            assert weights.table(name).values is table
            assert weights.table(name).moments is state.moments


def test_rows_of_the_output_table():
    assert tables.n_output_rows(config_of(loss="hs"), 9) == 8
    for loss in ("softmax", "ova", "ns", "hinge", "squared_hinge"):
        assert tables.n_output_rows(config_of(loss=loss), 9) == 9


# -- copies and growth ------------------------------------------------------------------------


def used(config, n_rows=6, n_output=4):
    """Return weights that look as if they had been trained."""
    weights = tables.init_weights(config, n_rows, n_output, 1)
    rng = np.random.default_rng(5)
    for name in tables.TABLES:
        state = weights.states[name]
        getattr(weights, name)[:] = rng.normal(size=getattr(weights, name).shape)
        state.moments[:] = rng.uniform(1, 2, state.moments.shape)
        state.seen[:] = rng.integers(0, 30, state.seen.shape)
        state.total[:] = rng.normal(size=state.total.shape)
    weights.steps, weights.path = 30, 2.5
    return weights


def arrays(weights):
    """Return every array by name."""
    found = {name: getattr(weights, name) for name in tables.TABLES}
    for name in tables.TABLES:
        found |= {f"{name} {part}": a for part, a in vars(weights.states[name]).items()}
    return found


NETWORK = {"optimizer": "adam", "averaging": 0.5, "norm": "layer", "units": 3, "dim": 5}


def test_copies_are_independent():
    weights = used(config_of(**NETWORK))
    copy = weights.copy()
    assert (copy.steps, copy.path) == (30, 2.5)
    for name, array in arrays(copy).items():
        assert array.size and not np.shares_memory(array, arrays(weights)[name]), name
        np.testing.assert_array_equal(array, arrays(weights)[name])


@pytest.mark.parametrize("name", INITS)
def test_growth_keeps_old_rows_and_their_state(name):
    config = config_of(**NETWORK, init=name)
    weights = used(config)
    before = weights.copy()
    grown = tables.grow_weights(weights, config, 9, seed=1)
    again = tables.grow_weights(weights, config, 9, seed=1)
    assert (grown.steps, grown.path) == (30, 2.5)
    for part, array in arrays(grown).items():
        old = arrays(before)[part]
        np.testing.assert_array_equal(arrays(weights)[part], old, err_msg="not touched")
        np.testing.assert_array_equal(array, arrays(again)[part])
        if not part.endswith("total"):  # each training has an average of its own
            np.testing.assert_array_equal(array[: len(old)], old, err_msg=part)
        assert len(array) == (9 if part.startswith("embeddings") else len(old))
        assert not np.shares_memory(array, arrays(weights)[part])
    state = grown.states["embeddings"]
    assert not state.moments[6:].any() and not state.total.any()
    assert (state.seen[6:, 0] == 30).all() and (state.seen[6:, 1] == 2.5).all()
    assert grown.embeddings[6:].any()
    assert np.unique(grown.embeddings[6:]).size > 10


def test_growth_is_as_the_beginning():
    plain = config_of(dim=5)
    grown = tables.grow_weights(used(plain), plain, 9, seed=1)
    assert not grown.embeddings[6:].any()
    config = config_of(dim=DIM, init="xavier")
    grown = tables.grow_weights(used(config), config, N_ROWS, seed=1)
    check_uniform(grown.embeddings[6:], math.sqrt(6 / (N_ROWS + DIM)))
    unequal = tables.grow_weights(used(config), config, N_ROWS, seed=2)
    assert not np.array_equal(unequal.embeddings, grown.embeddings)
    same = tables.grow_weights(used(config), config, 6, seed=1)
    np.testing.assert_array_equal(same.embeddings, used(config).embeddings)


def test_growth_without_averaging_drops_what_it_needed():
    """More training after `averaging` runs without it."""
    old = config_of(dim=5, averaging=0.5)
    grown = tables.grow_weights(used(old), old.replace(averaging=0.0), 9, seed=1)
    assert grown.states["embeddings"].seen.shape == (0, 3)
    timed = tables.grow_weights(grown, old.replace(averaging=0.0, l2=0.1), 10, seed=1)
    assert (timed.states["output"].seen[:, :2] == [30, 2.5]).all()


# -- settling --------------------------------------------------------------------------------


@pytest.mark.parametrize(("l1", "l2"), [(0, 0.3), (0.2, 0), (0.1, 0.2), (0.05, 1e-7), (0, 1e-7)])
def test_weight_decay_is_the_limit_of_small_steps(l1, l2):
    values = np.random.default_rng(0).normal(size=(4, 3))
    distance = np.array([0.0, 0.5, 1.0, 3.0])
    found = tables.shrunk(values, l1, l2, distance)
    stepped, n = values.copy(), 4000
    for _ in range(n):
        push = distance[:, None] / n * (l1 * np.sign(stepped) + l2 * stepped)
        stepped = np.where(abs(stepped) > abs(push), stepped - push, 0)
    np.testing.assert_allclose(found, stepped, atol=2e-4)
    np.testing.assert_array_equal(found[0], values[0])
    # Two ways are one way of their sum.
    twice = tables.shrunk(tables.shrunk(values, l1, l2, distance), l1, l2, 2 * distance)
    np.testing.assert_allclose(twice, tables.shrunk(values, l1, l2, 3 * distance), atol=1e-12)


@pytest.mark.parametrize("l1", [0.0, 0.01])
@pytest.mark.parametrize("l2", [0.0, 1e-9, 1e-7, 1e-4, 0.5])
def test_the_kernel_decays_alike(l1, l2):
    """Also where the decay by L2 is less than float32 can tell from none, and L1 is not."""
    values = np.random.default_rng(0).normal(size=(1, 6)).astype(np.float32) / 10
    for distance in (0.1, 2.0):
        found = values.copy()
        shrink_row(found, 0, np.float32(l1), np.float32(l2), distance)
        expected = tables.shrunk(values.astype(float), l1, l2, np.array([distance]))
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-8)
        assert (found != values).any() or l2 < 1e-6


def test_values_stop_at_zero():
    values = np.array([[0.3, -0.3, 0.0, 2.0]])
    found = tables.shrunk(values, 1.0, 0.0, np.array([0.5]))
    np.testing.assert_array_equal(found, [[0, 0, 0, 1.5]])


@pytest.mark.parametrize("more", [{"l1": 0.1}, {"l2": 0.2}, {"averaging": 0.5}], ids=str)
def test_settling_twice_is_settling_once(more, monkeypatch):
    monkeypatch.setattr(tables, "SETTLED_ROWS", 4)
    config = config_of(dim=5, units=3, norm="layer", optimizer="momentum", **more)
    weights = used(config)
    for state in weights.states.values():
        state.seen[:, 1] /= 20
    before = weights.copy()
    tables.settle(weights, config, 10)
    for name in tables.TABLES:
        seen = weights.states[name].seen
        assert (seen[:, :2] == [30, 2.5]).all(), name
        np.testing.assert_array_equal(seen[:, 2], before.states[name].seen[:, 2])
        old, new = getattr(before, name), getattr(weights, name)
        past = before.states[name].seen
        if "averaging" in more:
            np.testing.assert_array_equal(new, old)
            count = 30 - np.maximum(past[:, :1], 10)
            total = before.states[name].total + count * old
            np.testing.assert_allclose(weights.states[name].total, total, rtol=1e-5)
        elif name == "norm":
            np.testing.assert_array_equal(new, old)
        else:
            l1, l2 = more.get("l1", 0), more.get("l2", 0)
            expected = tables.shrunk(old.astype(float), l1, l2, 2.5 - past[:, 1])
            np.testing.assert_allclose(new, expected, rtol=1e-5, atol=1e-6)
    once = weights.copy()
    tables.settle(weights, config, 10)
    for name, array in arrays(weights).items():
        np.testing.assert_array_equal(array, arrays(once)[name], err_msg=name)


def test_nothing_to_settle():
    config = config_of(dim=5, optimizer="adam")
    weights = used(config)
    before = weights.copy()
    tables.settle(weights, config, 0)
    for name, array in arrays(weights).items():
        np.testing.assert_array_equal(array, arrays(before)[name])
    assert tables.averaged(weights, config, 0) is weights


def test_averages():
    config = config_of(dim=5, units=3, norm="batch", averaging=0.5)
    weights = used(config)
    tables.settle(weights, config, 10)
    before = weights.copy()
    means = tables.averaged(weights, config, 10)
    assert (means.steps, means.path) == (30, 2.5) and means.states is weights.states
    for name in tables.TABLES:
        expected = weights.states[name].total / 20
        if name == "norm":  # the running mean and variance are means already
            expected[2:] = weights.norm[2:]
        np.testing.assert_allclose(getattr(means, name), expected, rtol=1e-6)
        np.testing.assert_array_equal(getattr(weights, name), getattr(before, name))
    for average_from in (30, 31):
        assert tables.averaged(weights, config, average_from) is weights


def test_the_average_of_a_frozen_output_is_the_output():
    config = config_of(dim=5, head="linear", averaging=0.5)
    weights = used(config)
    tables.settle(weights, config, 0)
    means = tables.averaged(weights, config, 0)
    np.testing.assert_array_equal(means.output, weights.output)
    assert not np.array_equal(means.embeddings, weights.embeddings)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_tables_begin_at_a_cache_line(dtype):
    assert compiled_arrays.make_table(0, 16, dtype).shape == (0, 16)
    for shape in ((1, 1), (7, 5), (1000, 64)):
        table = compiled_arrays.make_table(*shape, dtype)
        assert table.ctypes.data % 64 == 0 and table.shape == shape and table.dtype == dtype
        assert table.flags.c_contiguous and table.flags.writeable and not table.any()


@pytest.mark.parametrize("init", ["output", "input", "normal", "xavier", "he"])
def test_float16_tables_start_and_grow_like_float32(init):
    half, single = (
        tables.init_weights(Config(dim=8, init=init, dtype=dtype), 50, 3, 1)
        for dtype in ("float16", "float32")
    )
    assert half.embeddings.dtype == np.float16 and half.output.dtype == np.float32
    np.testing.assert_allclose(half.embeddings, single.embeddings, 1e-3, 1e-6)
    np.testing.assert_array_equal(half.output, single.output)
    config = Config(dim=8, init=init, dtype="float16")
    grown = tables.grow_weights(half, config, 70, 2)
    assert grown.embeddings.dtype == np.float16 and grown.embeddings.shape == (70, 8)
    np.testing.assert_array_equal(grown.embeddings[:50], half.embeddings)
    assert grown.embeddings[50:].any() == (init != "output")
    assert grown.table("embeddings").values.dtype == np.uint16
