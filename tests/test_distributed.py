"""Training on a cluster of Dask: the same features as in one process; a death costs a round."""

import contextlib
import gzip
import json
import logging
import os
import pickle
import time
from collections import Counter

import dask.bag as db
import dask.dataframe as dd
import distributed
import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from fasttext_lite import FastTextClassifier, InputError, TrainingError, load
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.distributed import (
    DaskFastTextClassifier,
    cluster,
    preparing,
    rounds,
    training,
)
from fasttext_lite.distributed.sources import Columns, sources_of
from fasttext_lite.errors import SettingError
from fasttext_lite.estimators.targets import read_target
from fasttext_lite.features import gains
from fasttext_lite.fitting.prepare import prepare
from fasttext_lite.version import __version__

COLUMNS = Columns("text", "label", ReadOptions())
# What a cluster that begins and ends says of itself is no fault of the package.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:distributed"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning:dask"),
]


def made(n, seed, n_labels=3, wrong=0.1):
    """Return texts of words that tell the label beside others, and labels, some of them wrong."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(n_labels, size=n)
    texts = [
        " ".join(
            [f"w{label}x{rng.integers(40)}" for _ in range(2)]
            + [f"z{rng.integers(200)}" for _ in range(4)]
        )
        for label in truth
    ]
    shown = np.where(rng.random(n) < wrong, rng.integers(n_labels, size=n), truth)
    return texts, [f"label{label}" for label in shown]


TEXTS, LABELS = made(1200, 0)
TEST_TEXTS, TEST_LABELS = made(600, 1, wrong=0.0)


@contextlib.contextmanager
def quiet():
    """Let the cluster be silent about workers that are killed."""
    loggers = [logging.getLogger(name) for name in ("distributed", "distributed.nanny")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    yield
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture(scope="module")
def client():
    """Return a client of two workers of one thread each, in this process."""
    with quiet(), distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0",
        silence_logs=logging.CRITICAL,
    ) as workers, distributed.Client(workers) as client:  # fmt: skip
        yield client


def frame(n_partitions=4, texts=TEXTS, labels=LABELS, **others):
    whole = pd.DataFrame({"text": texts, "label": labels, **others})
    return dd.from_pandas(whole, npartitions=n_partitions, sort=False)


@pytest.fixture
def parts(tmp_path):
    """Return the paths of four files with the texts."""
    paths = []
    for i in range(4):
        paths.append(str(tmp_path / f"part-{i}.tsv"))
        rows = range(i * 300, (i + 1) * 300)
        lines = [f"{LABELS[j]}\t{TEXTS[j]}\n" for j in rows]
        (tmp_path / f"part-{i}.tsv").write_text("".join(lines))
    return paths


def fitted(client, X, y=None, **settings):
    return DaskFastTextClassifier(random_state=0, **settings).fit(X, y, client=client)


# -- the same features as in one process ------------------------------------------------------
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"minn": 2, "maxn": 3, "word_ngrams": 3, "bucket": 5000},
        {"max_features": 300, "min_count": 2},
        {"pooling": "mean", "eos": True},
        {"supervision": 0.0},
        {"pseudo_count": 7.0},
    ],
)
@pytest.mark.parametrize("n_partitions", [2, 5])
def test_the_space_is_that_of_one_process(client, settings, n_partitions):
    config = Config(**settings)
    job = cluster.Job(client)
    sources = sources_of(frame(n_partitions), None, COLUMNS)
    ready = preparing.prepare(job, sources, COLUMNS, config)
    alone = prepare(Texts.from_sequence(TEXTS), read_target(LABELS).labels, config, n_threads=1)
    ours, theirs = ready.prepared.space, alone.space
    assert ours.words() == theirs.words()
    assert np.array_equal(ours.row_codes, theirs.row_codes)
    assert np.array_equal(ours.frequency, theirs.frequency)
    assert (
        ours.n_texts == theirs.n_texts and ready.counts.tolist() == alone.labels.counts().tolist()
    )
    assert ours.config.pseudo_count == pytest.approx(theirs.config.pseudo_count, rel=1e-9)
    assert np.allclose(ours.gains, theirs.gains, rtol=1e-6, atol=1e-9)
    assert np.allclose(ours.factors, theirs.factors, rtol=1e-6)


def test_gains_are_those_of_one_process_where_labels_are_counted_or_several(client, monkeypatch):
    several = [[label, "all"] if i % 3 else [label] for i, label in enumerate(LABELS)]
    for most, labels in ((12, LABELS), (12, several), (64, several)):
        for module in (gains, preparing):
            monkeypatch.setattr(module, "MOST_DOCS", most)
        bag = db.from_sequence(list(zip(labels, TEXTS, strict=True)), npartitions=3)
        job = cluster.Job(client)
        ready = preparing.prepare(job, sources_of(bag, None, COLUMNS), COLUMNS, Config())
        alone = prepare(Texts.from_sequence(TEXTS), read_target(labels).labels, Config())
        ours, theirs = ready.prepared.space, alone.space
        assert np.count_nonzero(theirs.frequency > most) > (10 if most == 12 else 0)
        assert ours.config.pseudo_count == pytest.approx(theirs.config.pseudo_count, rel=1e-9)
        assert np.allclose(ours.gains, theirs.gains, rtol=1e-6, atol=1e-9)


def test_results_tell_how_large_they_are(client):
    from dask.sizeof import sizeof

    job = cluster.Job(client)
    ready = preparing.prepare(job, sources_of(frame(2), None, COLUMNS), COLUMNS, Config())
    for numbered in job.gather(ready.numbered):
        matrix = numbered.entries.take(np.arange(len(numbered.labels))).matrix
        assert sizeof(numbered) > matrix.ids.nbytes + matrix.weights.nbytes
    divided = training.divide(job, ready, training.settings_of(ready), 0)
    for share in job.gather(divided.shares):
        size = sizeof(share)
        assert size > share.features.ids.nbytes + share.features.weights.nbytes
        share.state = np.zeros(10**6)
        assert sizeof(share) == size and pickle.loads(pickle.dumps(share)).state is None


def test_the_settings_and_the_calibration_are_those_of_one_process(client):
    ours = fitted(client, frame())
    alone = FastTextClassifier(random_state=0, n_jobs=1).fit(TEXTS, LABELS)
    assert ours.model_.config == alone.model_.config
    assert ours.history_.choice == alone.history_.choice
    assert ours.model_.calibration == alone.model_.calibration
    assert ours.classes_.tolist() == alone.classes_.tolist()
    assert ours.model_.label_counts.tolist() == alone.model_.label_counts.tolist()


@pytest.mark.parametrize(
    "settings",
    [{}, {"loss": "softmax", "head": "learned"}, {"loss": "hs"}, {"loss": "ns", "units": 8},
     {"head": "learned", "loss": "ova", "feature_dropout": 0.1}],
)  # fmt: skip
def test_accuracy_is_that_of_one_process(client, settings):
    ours = fitted(client, frame(), **settings)
    alone = FastTextClassifier(random_state=0, n_jobs=1, **settings).fit(TEXTS, LABELS)
    assert ours.model_.embeddings.dtype == alone.model_.embeddings.dtype
    score = ours.to_local().score(TEST_TEXTS, TEST_LABELS)
    assert score > alone.score(TEST_TEXTS, TEST_LABELS) - 0.03 and score > 0.85


def test_class_weights_are_those_of_one_process(client):
    given = {"label0": 20.0, "label2": 0.5}
    for weight in ("balanced", given):
        ours = fitted(client, frame(), class_weight=weight)
        alone = FastTextClassifier(random_state=0, n_jobs=1, class_weight=weight)
        alone.fit(TEXTS, LABELS)
        assert ours.model_.calibration == alone.model_.calibration
        assert ours.model_.run == alone.model_.run
        means = [each.predict_proba(TEST_TEXTS).mean(axis=0) for each in (ours.to_local(), alone)]
        assert np.allclose(*means, atol=0.02)
    assert means[0][0] > 0.38  # of a third of the texts


def test_of_many_texts_some_are_set_aside_to_calibrate_on(client, monkeypatch):
    from fasttext_lite.fitting import ladder

    monkeypatch.setattr(ladder, "MANY_TEXTS", 1000)
    monkeypatch.setattr(ladder, "CALIBRATED_ON", 200)
    ours = fitted(client, frame(3))
    assert ours.model_.calibration.n_texts == 200
    assert sum(r.n_texts for r in ours.rounds_ if r.epoch == 1) == 1000


def test_labels_in_order_of_the_file_are_mixed(client):
    order = np.argsort(LABELS, kind="stable")
    texts, labels = ([values[i] for i in order] for values in (TEXTS, LABELS))
    ours = fitted(client, frame(4, texts, labels), epochs=3)
    assert ours.to_local().score(TEST_TEXTS, TEST_LABELS) > 0.9
    job = cluster.Job(client)
    ready = preparing.prepare(
        job, sources_of(frame(4, texts, labels), None, COLUMNS), COLUMNS, Config()
    )
    assert ready.uneven > 0.3
    divided = training.divide(job, ready, training.settings_of(ready), 0)
    assert divided.n_moved == 2
    for own in job.gather(divided.shares):
        assert len(own.labels) == 600 and own.labels.counts().min() > 150


# -- what comes in ----------------------------------------------------------------------------
def test_all_forms_of_data_give_the_same_model(client, parts, tmp_path):
    pairs = list(zip(LABELS, TEXTS, strict=True))
    dicts = [{"label": label, "text": text} for label, text in pairs]
    lines = [f"{label}\t{text}" for label, text in pairs]
    whole = frame()
    forms = {
        "frame": (whole, None),
        "series": (whole["text"], whole["label"]),
        "frame and series": (whole, whole["label"]),
        "bag of pairs": (db.from_sequence(pairs, npartitions=4), None),
        "bag of dicts": (db.from_sequence(dicts, npartitions=4), None),
        "bag of lines": (db.from_sequence(lines, npartitions=4), None),
        "bags": (db.from_sequence(TEXTS, npartitions=4), db.from_sequence(LABELS, npartitions=4)),
        "parts": (parts, None),
        "urls": ([f"file://{path}" for path in parts], None),
    }
    models = {
        name: fitted(client, X, y, epochs=2, recipe="fixed") for name, (X, y) in forms.items()
    }
    first = models["frame"].model_
    for name, model in models.items():
        assert np.array_equal(model.model_.embeddings, first.embeddings), name
        assert model.model_.labels == first.labels


def test_parts_of_other_formats_and_behind_urls(client, tmp_path):
    import gzip

    import fsspec

    rows = [{"body": text, "topic": label} for text, label in zip(TEXTS, LABELS, strict=True)]
    packed = tmp_path / "a.jsonl.gz"
    with gzip.open(packed, "wt") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows[:600])
    with fsspec.open("memory://corpus/b.csv", "w") as file:
        pd.DataFrame(rows[600:]).to_csv(file, index=False)
    model = fitted(
        client, [packed, "memory://corpus/b.csv"], text_column="body", label_column="topic"
    )
    assert model.model_.n_texts == 1200
    assert model.to_local().score(TEST_TEXTS, TEST_LABELS) > 0.85


def test_labels_keep_their_type_and_several_are_learnt(client):
    numbers = [int(label[-1]) for label in LABELS]
    ours = fitted(client, frame(labels=numbers), epochs=2)
    assert ours.classes_.tolist() == [0, 1, 2] and ours.classes_.dtype.kind == "i"
    lists = [[label, "all"] if i % 2 else [label] for i, label in enumerate(LABELS)]
    bag = db.from_sequence(list(zip(lists, TEXTS, strict=True)), npartitions=3)
    several = fitted(client, bag)
    assert several.target_kind_ == "lists" and several.model_.multilabel
    assert any(len(labels) > 1 for labels in several.to_local().predict(TEXTS[:50]))


def test_empty_partitions_and_partitions_of_one_label_are_fine(client, tmp_path):
    whole = frame(6)
    some = whole[whole["label"] != "label0"]
    empty = whole[whole["text"] == "nothing"]
    ours = fitted(client, dd.concat([empty, some, empty]), epochs=2)
    assert ours.classes_.tolist() == ["label1", "label2"]
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "one.tsv").write_text("a\tred apples\n" * 20)
    (tmp_path / "two.tsv").write_text("b\tfast cars\n" * 20)
    (tmp_path / "packed.tsv").write_bytes(gzip.compress(b""))
    parts = [tmp_path / f"{name}.tsv" for name in ("empty", "one", "packed", "two")]
    assert fitted(client, parts).to_local().predict(["red", "cars"]).tolist() == ["a", "b"]


# -- mistakes -----------------------------------------------------------------------------------
def test_mistakes_are_said_in_one_line_with_the_place(client, tmp_path):
    whole = frame(2)
    holes = frame(2, [None if i == 900 else text for i, text in enumerate(TEXTS)])
    unlabelled = frame(2, labels=[None if i == 10 else label for i, label in enumerate(LABELS)])
    bad = tmp_path / "bad.tsv"
    bad.write_text("no label here\n" * 30)
    one = whole[whole["label"] == "label1"]
    bag = db.from_sequence([("a", "x"), {"text": "y"}], npartitions=1)
    for X, y, kind, message in (
        (whole.rename(columns={"text": "body"}), None, InputError,
         r"no column 'text' in the DataFrame \(columns: body, label\); name it with text_column="),
        (whole[["text"]], None, InputError, "no column 'label'.*label_column="),
        (holes, None, InputError, "partition 1: text at position 300 must be str"),
        (unlabelled, None, InputError, "partition 0: .*NaN or None"),
        ([str(bad)], None, InputError, "bad.tsv"),
        ([f"file://{bad}"], None, InputError, "file://.*bad.tsv"),
        ([tmp_path / "none.tsv"], None, InputError, "none.tsv"),
        (["memory://none.tsv"], None, InputError, "memory://none.tsv: cannot be read"),
        (["unknown://x.tsv"], None, InputError, "unknown://x.tsv: cannot be read"),
        (whole["text"], None, InputError, "needs their labels beside it"),
        (whole["text"], frame(4)["label"], InputError, "X has 2 partitions and y 4"),
        (whole["text"], LABELS, TypeError, "y must be a collection of Dask"),
        ([str(bad)], LABELS, TypeError, "parts hold their labels"),
        (str(bad), None, TypeError, "got one path"),
        ([], None, TypeError, "list of paths and URLs"),
        (one, None, TrainingError, r"at least 2 labels; found 1 \('label1'\)"),
        (whole[whole["text"] == "none"], None, InputError, "no labelled text in 2 partitions"),
        (bag, None, InputError, "partition 0: record 1 must|partition 0: record 1 has no key"),
    ):  # fmt: skip
        with pytest.raises(kind, match=message) as caught:
            fitted(client, X, y)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "settings",
    [{"optimizer": "adam"}, {"averaging": 0.5}, {"l2": 0.1}, {"patience": 2}, {"norm": "layer"},
     {"word_dropout": 0.1}, {"texts_per_round": 0}, {"texts_per_round": True},
     {"rounds_between": 0}, {"rounds_between": 1.5},
     {"pretrained_vectors": "x.vec"}, {"reading": "csv"}, {"reading": {"sheet": 1}}],
)  # fmt: skip
def test_settings_that_do_not_go_are_refused(client, settings):
    with pytest.raises(SettingError, match=next(iter(settings))):
        fitted(client, frame(), **settings)


def test_without_a_client_or_a_worker_the_message_says_what_to_do(client, monkeypatch):
    def none():
        raise ValueError("no client")

    monkeypatch.setattr(distributed, "default_client", none)
    with pytest.raises(InputError, match="there is no client of Dask: make one first"):
        DaskFastTextClassifier().fit(frame())
    monkeypatch.setattr(type(client), "nthreads", lambda self: {})
    with pytest.raises(InputError, match="the cluster has no worker"):
        fitted(client, frame())


def test_workers_with_another_version_are_refused(client, monkeypatch):
    addresses = sorted(client.nthreads())
    versions = {addresses[0]: "0.0.1", addresses[1]: None}
    monkeypatch.setattr(type(client), "run", lambda self, *args, **others: versions)
    with pytest.raises(InputError) as caught:
        fitted(client, frame())
    message = str(caught.value)
    assert message.startswith("2 of 2 workers have another fasttext_lite than the client")
    assert __version__ in message and f"{addresses[0]} 0.0.1" in message
    assert f"{addresses[1]} lacks it" in message and "\n" not in message


# -- what comes out -----------------------------------------------------------------------------
@pytest.fixture(scope="module")
def model(client):
    return fitted(client, frame())


def test_it_is_an_estimator_of_the_usual_kind(client, model, tmp_path):
    other = clone(model).set_params(lr=0.5, texts_per_round=100)
    assert other.get_params()["lr"] == 0.5 and not hasattr(other, "model_")
    local = model.to_local()
    assert type(local) is FastTextClassifier and local.random_state == 0
    model.save(tmp_path / "m.ftl")
    again = load(tmp_path / "m.ftl")
    assert again.predict(TEST_TEXTS).tolist() == local.predict(TEST_TEXTS).tolist()
    assert again.partial_fit(TEXTS[:50], LABELS[:50]).model_.n_texts == 1250


def test_the_result_depends_on_the_seed_alone(client, model):
    again = fitted(client, frame())
    assert np.array_equal(again.model_.embeddings, model.model_.embeddings)
    other = DaskFastTextClassifier(random_state=1).fit(frame(), client=client)
    assert not np.array_equal(other.model_.embeddings, model.model_.embeddings)


def test_rounds_say_what_they_exchanged(client, monkeypatch):
    monkeypatch.setattr(training, "LEAST_OFTEN", 100)
    monkeypatch.setattr(training, "OFTEN", 0.0)
    ours = fitted(client, frame(), texts_per_round=200, rounds_between=4, epochs=2, recipe="fixed")
    done = ours.rounds_
    assert [r.number for r in done] == list(range(1, 13)) and done[-1].epoch == 2
    assert sum(r.n_texts for r in done) == 2400
    assert [r.number for r in done if r.is_whole] == [4, 8, 12]
    table = ours.model_.embeddings.nbytes + ours.model_.output.nbytes
    # float16 of three columns of the first rows, of two shares.
    often = 2 * 100 * 3 * 2
    n_rows = len(ours.model_.embeddings)
    for r in done:
        after = r.number in (5, 9)
        assert r.bytes_sent > often if after else r.bytes_sent == often
        assert r.bytes_received > often if r.is_whole else r.bytes_received == often
        assert r.bytes_received <= often + 2 * n_rows * 6
        assert r.share == (r.bytes_sent + r.bytes_received) / table and r.seconds > 0
        assert len(r.workers) == 2
    # What one share alone has is not sent back.
    assert done[4].bytes_sent - often < done[3].bytes_received - often


def test_rows_that_are_not_exchanged_in_each_round_are_learnt(client, monkeypatch):
    scores = []
    for least in (1 << 12, 20):
        monkeypatch.setattr(training, "LEAST_OFTEN", least)
        ours = fitted(client, frame(), recipe="fixed", rounds_between=100)
        assert [r.is_whole for r in ours.rounds_].count(True) == 1
        scores.append(ours.to_local().score(TEST_TEXTS, TEST_LABELS))
    assert min(scores) > 0.85 and abs(scores[0] - scores[1]) < 0.03


def test_shares_with_the_same_rows_hear_of_each_other_after_each_epoch(client, monkeypatch):
    monkeypatch.setattr(training, "LEAST_OFTEN", 20)
    monkeypatch.setattr(training, "OFTEN", 0.0)
    monkeypatch.setattr(rounds, "RARE", 0.001)
    config = {"recipe": "fixed", "epochs": 3, "texts_per_round": 200}
    for settings, expected in (({}, [18]), ({"max_features": 100}, [6, 12, 18])):
        done = fitted(client, frame(), **config, **settings).rounds_
        assert [r.number for r in done if r.is_whole] == expected


def forget(share):
    share.state = None


@pytest.mark.parametrize(("between", "n_again"), [(1, 1), (4, 3), (100, 7)])
def test_rounds_since_all_rows_were_exchanged_are_done_again(client, monkeypatch, between, n_again):
    monkeypatch.setattr(training, "LEAST_OFTEN", 20)
    monkeypatch.setattr(training, "OFTEN", 0.0)
    settings = {"texts_per_round": 400, "rounds_between": between, "recipe": "fixed"}
    expected = fitted(client, frame(), **settings)
    asked, real = [], rounds.ClusterRun._asked

    def watched(self, number, which, starts, *others):
        if number == 7 and all(n != 7 for n, _, _ in asked):
            self.job.gather(self.job.map("forget", forget, self.shares[:1]))
        asked.append((number, list(which), [len(own) for own in starts]))
        return real(self, number, which, starts, *others)

    monkeypatch.setattr(rounds.ClusterRun, "_asked", watched)
    ours = fitted(client, frame(), **settings)
    assert [each for each in asked if each[0] == 7] == [
        (7, [0, 1], [1, 1]), (7, [0], [n_again]),
    ]  # fmt: skip
    assert len(asked) == len(ours.rounds_) + 1
    assert np.array_equal(ours.model_.embeddings, expected.model_.embeddings)


def test_nothing_stays_on_the_cluster(client, model):
    fitted(client, frame(), epochs=1)
    import gc

    left = ["not looked at"]
    until = time.monotonic() + 5
    while left and time.monotonic() < until:  # the scheduler hears of it a little later
        gc.collect()
        left = client.run_on_scheduler(
            lambda dask_scheduler: [
                key for key in dask_scheduler.tasks if "fasttext_lite" in str(key)
            ]
        )
        time.sleep(0.1)
    assert left == []


def test_a_partition_is_computed_once(client, tmp_path):
    def noted(part, folder=str(tmp_path)):
        if len(part):
            with open(os.path.join(folder, "log"), "a") as file:
                file.write("x")
        return part

    seen = frame(4).map_partitions(noted, meta=frame()._meta)
    fitted(client, seen, epochs=1)
    assert (tmp_path / "log").read_text() == "xxxx"


def test_training_that_diverges_begins_again_and_gives_up(client, caplog):
    with pytest.raises(TrainingError, match="diverged"):
        fitted(client, frame(), lr=1e6, head="learned", loss="softmax", epochs=1)


# -- prediction ---------------------------------------------------------------------------------
def test_collections_are_labelled(client, model):
    local = model.to_local()
    expected = local.predict(TEST_TEXTS).tolist()
    p = local.predict_proba(TEST_TEXTS).max(axis=1)
    whole = frame(3, TEST_TEXTS, TEST_LABELS, number=list(range(600)))
    found = model.predict(whole).compute()
    assert list(found.columns) == ["text", "label", "number", "probability"]
    assert found["label"].tolist() == expected and np.allclose(found["probability"], p)
    found = model.predict(whole["text"]).compute()
    assert list(found.columns) == ["label", "probability"]
    assert found["label"].tolist() == expected
    bag = db.from_sequence([*TEST_TEXTS, None], npartitions=3)
    labels, probabilities = zip(*model.predict(bag).compute(), strict=True)
    assert list(labels) == [*expected, None] and np.isnan(probabilities[-1])
    assert np.allclose(probabilities[:-1], p)


def test_nothing_else_is_labelled(client, model):
    with pytest.raises(TypeError, match="predict_to takes parts"):
        model.predict(TEST_TEXTS)
    with pytest.raises(InputError, match="no column 'text'"):
        model.predict(frame().rename(columns={"text": "body"}))
    with pytest.raises(ValueError, match="format must be one of parquet, csv; got 'orc'"):
        model.predict_to(frame(), "out", format="orc", client=client)


@pytest.mark.parametrize("form", ["parquet", "csv"])
def test_parts_are_labelled_into_files(client, model, parts, tmp_path, form):
    read = pd.read_parquet if form == "parquet" else pd.read_csv
    local = model.to_local()
    written = model.predict_to(parts, tmp_path / "out", format=form, client=client)
    assert [os.path.basename(w.path) for w in written] == [f"part-{i:05d}.{form}" for i in range(4)]
    assert sorted(os.listdir(tmp_path / "out")) == [os.path.basename(w.path) for w in written]
    found = pd.concat([read(w.path) for w in written])
    assert len(found) == sum(w.n_texts for w in written) == 1200
    assert found["text"].tolist() == TEXTS
    assert found["label"].tolist() == local.predict(TEXTS).tolist()
    whole = frame(2, [*TEXTS[:10], None], [*LABELS[:10], "x"])
    written = model.predict_to(whole, f"file://{tmp_path}/more", format=form, client=client)
    found = pd.concat([read(f"{tmp_path}/more/part-{i:05d}.{form}") for i in range(2)])
    assert found["label"].tolist()[:10] == local.predict(TEXTS[:10]).tolist()
    assert found["label"].isna().tolist() == [False] * 10 + [True]


def test_a_folder_that_cannot_be_written_is_named(client, model, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="file/part-00000.parquet: cannot be written"):
        model.predict_to(frame(1), tmp_path / "file", client=client)


# -- workers that die ---------------------------------------------------------------------------
def watcher(folder):
    """Return what notes the tasks of a worker, and kills it as the files of a folder say.

    The first worker that begins a task whose name fits `target` dies, with `always` each one.
    """
    folder = str(folder)

    class Watcher(distributed.WorkerPlugin):
        def transition(self, key, start, finish, **others):
            if finish != "executing" or not (isinstance(key, tuple) and "fasttext" in str(key[0])):
                return
            with open(os.path.join(folder, "begun"), "a") as file:
                file.write(f"{key[0]}\n")
            with open(os.path.join(folder, "target")) as file:
                target = file.read()
            if key[0] != f"fasttext_lite {target}":
                return
            if not os.path.exists(os.path.join(folder, "always")):
                try:
                    os.close(os.open(os.path.join(folder, "died"), os.O_CREAT | os.O_EXCL))
                except FileExistsError:
                    return
            os._exit(1)

    return Watcher()


class Deaths:
    """Workers of two threads together, in processes of their own, that can be killed."""

    def __init__(self, folder, n_workers=2):
        self.folder, self.n_workers = folder, n_workers
        self._open = contextlib.ExitStack()
        self.begin()

    def begin(self):
        """Start the workers."""
        for name in ("begun", "died", "always"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "target").write_text("")
        workers = distributed.LocalCluster(
            n_workers=self.n_workers, threads_per_worker=2 // self.n_workers, processes=True,
            dashboard_address=":0", silence_logs=logging.CRITICAL + 1,
        )  # fmt: skip
        self.client = self._open.enter_context(
            distributed.Client(self._open.enter_context(workers))
        )
        self.client.register_plugin(watcher(self.folder), name="watcher")

    def end(self):
        self._open.close()

    def aim(self, target, n_workers=None):
        """Let a worker die over the next task of this name."""
        try:
            self.client.wait_for_workers(n_workers or self.n_workers, timeout=30)
        except TimeoutError:  # under load, Dask may give up one that was killed
            self.end()
            self.begin()
        for name in ("begun", "died", "always"):
            (self.folder / name).unlink(missing_ok=True)
        (self.folder / "target").write_text(target)

    @property
    def begun(self):
        return Counter((self.folder / "begun").read_text().splitlines())

    @property
    def has_died(self):
        return (self.folder / "died").exists()


@pytest.fixture(scope="module")
def deaths(tmp_path_factory):
    with quiet():
        deaths = Deaths(tmp_path_factory.mktemp("deaths"))
        yield deaths
        deaths.end()


# All rows are exchanged after ten rounds and in the end.
ROUNDS = {"texts_per_round": 400, "rounds_between": 10}


@pytest.fixture(scope="module")
def undisturbed(deaths, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(training, "LEAST_OFTEN", 100)
        parts = written_parts(tmp_path_factory.mktemp("parts"))
        return fitted(deaths.client, parts, **ROUNDS)


def written_parts(folder):
    for i in range(4):
        rows = range(i * 300, (i + 1) * 300)
        (folder / f"{i}.tsv").write_text("".join(f"{LABELS[j]}\t{TEXTS[j]}\n" for j in rows))
    return [folder / f"{i}.tsv" for i in range(4)]


@pytest.mark.parametrize("phase", ["read", "labels of rows", "share", "round 7", "round 12"])
def test_a_worker_that_dies_costs_its_work_and_nothing_else(
    deaths, undisturbed, tmp_path, phase, monkeypatch
):
    monkeypatch.setattr(training, "LEAST_OFTEN", 100)
    deaths.aim(phase)
    ours = fitted(deaths.client, written_parts(tmp_path), **ROUNDS)
    assert deaths.has_died
    assert np.array_equal(ours.model_.embeddings, undisturbed.model_.embeddings)
    assert ours.model_.calibration == undisturbed.model_.calibration
    begun = deaths.begun
    done = {name: n for name, n in begun.items() if " round " in name}
    assert len(done) == 15
    again = [name for name, n in done.items() if n > 2]
    assert again == ([f"fasttext_lite {phase}"] if "round" in phase else [])
    if again:  # what was kept with the share is sent again, since all rows were exchanged
        number = int(phase.split()[-1])
        often = undisturbed.rounds_[0].bytes_sent // 2
        more = [ours.rounds_[i].bytes_sent - undisturbed.rounds_[i].bytes_sent for i in range(15)]
        assert [i + 1 for i in range(15) if more[i]] == [number]
        assert more[number - 1] >= often * (number - number // 10 * 10)
    # Two shares were read, and the one that was lost with its worker.
    assert begun["fasttext_lite read"] == 3


@pytest.mark.parametrize("phase", ["share", "round 3"])
def test_the_only_worker_may_die(tmp_path, phase):
    """For a moment there is none; the one that comes in its place does all that was lost."""
    (tmp_path / "deaths").mkdir()
    with quiet():
        deaths = Deaths(tmp_path / "deaths", 1)
        try:
            parts = written_parts(tmp_path)
            undisturbed = fitted(deaths.client, parts, **ROUNDS)
            deaths.aim(phase)
            ours = fitted(deaths.client, parts, **ROUNDS)
            assert deaths.has_died
            assert np.array_equal(ours.model_.embeddings, undisturbed.model_.embeddings)
        finally:
            deaths.end()


def test_a_worker_that_dies_in_prediction_costs_its_part(deaths, undisturbed, tmp_path):
    deaths.aim("predict", 1)
    written = undisturbed.predict_to(
        written_parts(tmp_path), tmp_path / "out", client=deaths.client
    )
    assert deaths.has_died and 5 <= deaths.begun["fasttext_lite predict"] <= 6
    found = pd.concat([pd.read_parquet(w.path) for w in written])
    assert found["label"].tolist() == undisturbed.to_local().predict(TEXTS).tolist()
    assert len(os.listdir(tmp_path / "out")) == 4


def test_a_task_that_kills_every_worker_is_named(deaths, tmp_path):
    deaths.aim("codes", 1)
    (deaths.folder / "always").touch()
    deaths.client.cluster.scheduler.allowed_failures = 0
    with pytest.raises(TrainingError, match="the task 'fasttext_lite codes' was given up"):
        fitted(deaths.client, written_parts(tmp_path))
