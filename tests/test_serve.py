"""`serve`: the same answers as in Python, errors with their place, reload, metrics, and the end."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import textwrap
import threading
import urllib.error
import urllib.request
import weakref
from pathlib import Path

import numpy as np
import pytest
from documents import DOCUMENTS
from starlette.testclient import TestClient

import fasttext_lite.compat as fasttext
from fasttext_lite.cli import app, serve
from fasttext_lite.compat.either import load_model
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError, UsageError
from fasttext_lite.explanation.contributions import explain
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.decisions import decide_by
from fasttext_lite.model.model import Model
from fasttext_lite.model.storage import save_model
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.serving import answering, asking, models
from fasttext_lite.serving.app import Settings, make_service
from fasttext_lite.serving.draining import draining
from fasttext_lite.serving.metrics import Metrics
from fasttext_lite.serving.models import names_of
from fasttext_lite.serving.shelf import LOOKS, Shelf
from fasttext_lite.web.access import TOKEN, Access
from fasttext_lite.web.limits import Limits
from tools import warm

ROOT = Path(__file__).parent.parent
SECRET = "0123456789abcdef"
ROWS = [
    tuple(line.split("\t", 1))
    for line in (ROOT / "datasets/en_topics/train.tsv").read_text("utf-8").splitlines()[:300]
]
TEXTS = [text for _, text in ROWS]
ODD = ["", " ", "\n", "\x00", "nothing known: qqqq zzzz", "😀 goal 😀", "股市 大涨", "a" * 70_000]


def trained(n=300, **more):
    """Return a model of some of the rows."""
    labels = Labels.from_rows([[label] for label, _ in ROWS[:n]])
    config = Config(epochs=2, lr=0.3, dim=8, loss="softmax")
    model = fit(Texts.from_sequence(TEXTS), labels, config, n_threads=1).model
    return model.replace(**more)


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Return files of models by their names; nobody writes there."""
    folder = tmp_path_factory.mktemp("models")
    model = trained()
    save_model(model, folder / "plain.ftl")
    value = float(np.median(model.predict(TEXTS).probabilities))
    held = Abstention(value, "answer_rate", 0.5, 0.5, 0.9, 150, 300)
    tuned = Threshold(0.2, "f1", model.labels[0], 0.9, 0.9, 300)
    save_model(model.replace(abstention=held, threshold=tuned), folder / "careful.ftl")
    first = {name for name, _ in ROWS[:2]}
    labels = Labels.from_rows([[a, *(["also"] * (a in first))] for a, _ in ROWS])
    config = Config(epochs=20, lr=0.5, dim=8)
    several = fit(Texts.from_sequence(TEXTS), labels, config, n_threads=1).model
    for_all = Threshold(0.3, "f1", None, 0.9, 0.9, 300)
    save_model(several.replace(abstention=held, threshold=for_all), folder / "several.ftl")
    (folder / "train.txt").write_text("".join(f"__label__{a} {b}\n" for a, b in ROWS), "utf-8")
    theirs = fasttext.train_supervised(
        str(folder / "train.txt"), dim=8, epoch=2, bucket=1000, wordNgrams=2, thread=1, verbose=0
    )
    theirs.save_model(str(folder / "theirs.bin"))
    theirs.quantize()
    theirs.save_model(str(folder / "small.ftz"))
    return {path.stem: str(path) for path in folder.iterdir() if path.suffix != ".txt"}


@pytest.fixture(scope="module")
def shelf(files):
    return Shelf(files)


def client(shelf, base="http://localhost", **settings):
    _, made = make_service(shelf, Settings(**settings), Metrics())
    return TestClient(made, base)


@pytest.fixture(scope="module")
def asked(shelf):
    """Return a client of all models, and what one of them answers."""
    found = client(shelf)

    def ask(**body):
        body = {"model": "plain", **body}
        answer = found.post("/predict", json=body)
        return answer.json() if answer.status_code == 200 else answer.json()["error"]

    return ask


def pairs(rows):
    return [[(each["label"], each["probability"]) for each in row] for row in rows]


# -- answers -----------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["plain", "theirs", "small", "several"])
@pytest.mark.parametrize("k", [1, 3, -1])
def test_answers_are_those_of_the_model_to_the_last_bit(asked, files, name, k):
    model = load_model(files[name])
    few, many = TEXTS[:5] + ODD, (TEXTS + ODD) * 5
    for texts in (few, many):
        answer = asked(model=name, texts=texts, k=k)
        assert pairs(answer["predictions"]) == model.predict(texts, k).rows()
        assert (answer["model"], len(answer["version"])) == (name, 16)
    for text in few:
        answer = asked(model=name, text=text, k=k, threshold=0.25)
        assert pairs([answer["labels"]]) == [model.predict_one(text, k, 0.25)]


@pytest.mark.parametrize("name", ["plain", "theirs", "several"])
def test_probabilities_are_those_of_all_labels(asked, files, name):
    model = load_model(files[name])
    for texts in (TEXTS[:5] + ODD, TEXTS):
        expected = model.probabilities(texts).tolist()
        rows = asked(model=name, texts=texts, probabilities=True)["probabilities"]
        assert [list(row) for row in rows] == [model.labels] * len(texts)
        assert [list(row.values()) for row in rows] == expected
    one = asked(model=name, text=TEXTS[0], probabilities=True)["probabilities"]
    assert list(one.values()) == model.probabilities(TEXTS[:1])[0].tolist()


@pytest.mark.parametrize("name", ["plain", "theirs"])
def test_explanations_are_those_of_explain(asked, files, name):
    model = load_model(files[name])
    texts = [*TEXTS[:40], *ODD[:-1]]
    rows = asked(model=name, texts=texts, k=2, explain=True)["predictions"]
    for text, row in zip(texts, rows, strict=True):
        found = explain(model, text, k=2)
        for each, expected in zip(row, (found, *found.more), strict=True):
            told = each["explanation"]
            assert each["label"] == expected.label
            assert told["spans"] == [span.to_dict() for span in expected.spans]
            assert (told["score"], told["bias"]) == (expected.score, expected.bias)
            assert told["n_features"] == expected.n_features
            assert all(text[s["start"] : s["end"]] == s["word"] for s in told["spans"])
    assert asked(model=name, text=TEXTS[0], explain=True, threshold=1.0)["labels"] == []


def test_the_model_abstains_below_its_own_threshold(asked, files):
    model = load_model(files["careful"])
    rows = asked(model="careful", texts=[*TEXTS, *ODD[:5]], abstain=True)["predictions"]
    expected = model.predict([*TEXTS, *ODD[:5]])
    sure = (expected.probabilities[:, 0] >= model.abstention.value) & (expected.n_features > 0)
    assert 0 < sure.sum() < len(TEXTS)
    assert [row is not None for row in rows] == sure.tolist()
    assert [pairs([row])[0] for row in rows if row] == [
        row for row, is_sure in zip(expected.rows(), sure, strict=True) if is_sure
    ]
    assert asked(model="careful", text="zzzz", abstain=True, explain=True)["labels"] is None


def test_of_several_labels_each_answers_for_itself(asked, files):
    model = load_model(files["several"])
    least = max(model.abstention.value, 0.5)
    rows = asked(model="several", texts=TEXTS[:50], abstain=True)["predictions"]
    found = [[p for p in row if p[1] >= least] for row in model.predict(TEXTS[:50], -1).rows()]
    assert [pairs([row])[0] if row else [] for row in rows] == found
    assert any(len(row) > 1 for row in found)


def test_the_tuned_threshold_is_that_of_predict(asked, files):
    model = load_model(files["careful"])
    found = asked(model="careful", texts=TEXTS, threshold="tuned")["predictions"]
    expected = decide_by(model, Texts.from_sequence(TEXTS), model.threshold, 1)
    assert pairs(found) == expected.rows()
    assert expected.rows() != model.predict(TEXTS).rows(), "the threshold changes nothing"
    model = load_model(files["several"])
    found = asked(model="several", texts=TEXTS, threshold="tuned")["predictions"]
    assert pairs(found) == model.predict(TEXTS, -1, 0.3).rows()


def test_large_requests_are_worked_out_in_pieces(shelf):
    request = asking.PredictRequest(texts=["a b"] * 1_300 + ["c" * 200_000], model="plain")
    found = asking.asked_by(request, shelf, 10_000)
    bounds = list(answering.pieces(found))
    assert [a for a, _ in bounds] == [0, *[b for _, b in bounds[:-1]]]
    assert bounds[-1] == (1_300, 1_301), "a long text is a piece of its own"
    assert max(b - a for a, b in bounds) == answering.PIECE_TEXTS
    assert not answering.is_small(found)


def test_answers_do_not_depend_on_where_a_request_was_cut(asked, files, monkeypatch):
    """Single texts and batches may differ in the last bit; the pieces of a batch may not."""
    model = load_model(files["plain"])
    monkeypatch.setattr(answering, "PIECE_TEXTS", 7)

    def classify(*args):
        raise AssertionError("a piece of many texts was judged as if they were few")

    monkeypatch.setattr(Model, "_classify", classify)
    answer = asked(texts=TEXTS, k=-1)
    assert pairs(answer["predictions"]) == model.predict(TEXTS, -1).rows()
    rows = asked(texts=TEXTS, probabilities=True)["probabilities"]
    assert [list(row.values()) for row in rows] == model.probabilities(TEXTS).tolist()


def test_a_request_ends_between_two_pieces(shelf):
    """Where it is cancelled, or nobody waits for the answer any more."""
    request = asking.PredictRequest(texts=["a b"] * 9_000, model="plain")
    found = asking.asked_by(request, shelf, 10_000)
    done = []

    class Pool:
        def submit(self, work, *args):
            done.append(args)
            return real.submit(work, *args)

    async def gone():
        return len(done) >= 2

    async def run():
        await answering.answer(found, Pool(), gone)

    with answering_pool() as real, pytest.raises(answering.Refused) as caught:
        asyncio.run(run())
    assert (caught.value.status, len(done)) == (499, 2)


def answering_pool():
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(1)


# -- errors ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "status", "where", "what"),
    [
        ({}, 422, "text", "neither text nor texts"),
        ({"text": "a", "texts": ["a"]}, 422, "texts", "both text and texts"),
        ({"text": None}, 422, "text", "Expected `str`"),
        ({"text": ["a"]}, 422, "text", "Expected `str`"),
        ({"texts": ["a", "b", 3]}, 422, "texts[2]", "got `int`"),
        ({"texts": "a"}, 422, "texts", "Expected `array`"),
        ({"text": "a", "top": 3}, 422, None, "top"),
        ({"text": "a", "k": 0}, 422, "k", "k is 0"),
        ({"text": "a", "k": -2}, 422, "k", ">= -1"),
        ({"text": "a", "k": 1.5}, 422, "k", "float"),
        ({"text": "a", "k": True}, 422, "k", "bool"),
        ({"text": "a", "threshold": 1.1}, 422, "threshold", "<= 1"),
        ({"text": "a", "threshold": "best"}, 422, "threshold", "best"),
        ({"text": "a", "threshold": "tuned"}, 422, "threshold", "no threshold of its own"),
        ({"text": "a", "abstain": True}, 422, "abstain", "no threshold to abstain by"),
        ({"text": "a", "abstain": True, "threshold": 0.5}, 422, "threshold", "abstain goes by"),
        ({"text": "a", "abstain": 1}, 422, "abstain", "int"),
        ({"text": "a", "probabilities": True, "k": 2}, 422, "k", "k has no effect"),
        ({"text": "a", "probabilities": True, "threshold": 0}, 422, "threshold", "no effect"),
        ({"text": "a", "probabilities": True, "explain": True}, 422, "explain", "for labels"),
        ({"text": "a", "probabilities": True, "abstain": True}, 422, "abstain", "for labels"),
        ({"text": "a", "model": "none"}, 404, "model", "there is no model 'none'"),
        ({"texts": ["a"] * 10_001}, 422, "texts", "10,001 texts"),
        ({"texts": ["a b " * 9_999] * 30, "explain": True}, 422, "explain", "be explained"),
    ],
)
def test_what_is_wrong_with_a_request_is_told_with_its_place(asked, body, status, where, what):
    error = asked(**body)
    assert (error["status"], error.get("where")) == (status, where)
    assert what in error["what"]


def test_where_several_models_are_served_one_is_named(shelf, files):
    answer = client(shelf).post("/predict", json={"text": "a"})
    error = answer.json()["error"]
    assert (answer.status_code, error["where"]) == (422, "model")
    assert "plain" in error["do"]
    only = client(Shelf({"it": files["plain"]}))
    assert only.post("/predict", json={"text": "a"}).json()["model"] == "it"
    assert only.post("/predict", json={"text": "a", "model": "it"}).status_code == 200


def test_answers_are_bounded(shelf, monkeypatch):
    monkeypatch.setattr(asking, "MOST_ANSWERS", 100)
    found = client(shelf)
    n = len(shelf["plain"].current.model.labels)
    for body, where in (({"k": -1}, "k"), ({"probabilities": True}, "probabilities")):
        body = {"model": "plain", "texts": ["a"] * (100 // n + 1), **body}
        error = found.post("/predict", json=body).json()["error"]
        assert (error["status"], error["where"]) == (422, where)
        body["texts"].pop()
        assert found.post("/predict", json=body).status_code == 200


def test_numbers_that_are_not_finite_are_told(files):
    shelf = Shelf({"it": files["plain"]})
    model = shelf["it"].current.model
    bad = model.replace(output=np.full_like(model.output, np.nan))
    object.__setattr__(shelf["it"].current, "model", bad)
    answer = client(shelf).post("/predict", json={"text": TEXTS[0]})
    assert answer.status_code == 500
    assert "not finite" in answer.json()["error"]["what"]


# -- in the address ----------------------------------------------------------------------------
def test_one_text_may_stand_in_the_address(shelf, files):
    found = client(shelf)
    model = load_model(files["plain"])
    for text in (TEXTS[0], "股市 & 大涨 + 1 = 😀", "", "true", "3"):
        params = {"text": text, "k": 3, "model": "plain"}
        answer = found.get("/predict", params=params).json()
        assert pairs([answer["labels"]]) == [model.predict_one(text, 3)]
    words = "/predict?text=a&model=careful&threshold="
    assert len(found.get(words + "1").json()["labels"]) == 0
    assert len(found.get(words + "tuned").json()["labels"]) == 1
    answer = found.get("/predict?text=goal&model=plain&explain").json()
    assert answer["labels"][0]["explanation"]["spans"][0]["word"] == "goal"


@pytest.mark.parametrize(
    ("query", "status", "where"),
    [
        ("", 422, "text"), ("text=a&text=b", 422, "text"), ("texts=a", 422, "query"),
        ("text=%ff", 400, "query"), ("text=%ed%a0%80", 400, "query"), ("text=a&k=x", 422, "k"),
        ("text=a&k=-7", 422, "k"), ("text=a&explain=yes", 422, "explain"),
        ("text=a&threshold=nan", 422, "threshold"), ("text=a&threshold=x", 422, "threshold"),
        ("text=a&threshold=2", 422, "threshold"), ("&".join(["k=1"] * 30), 400, "query"),
    ],
)  # fmt: skip
def test_bad_addresses_are_told(shelf, query, status, where):
    answer = client(shelf).get(f"/predict?{query}")
    assert (answer.status_code, answer.json()["error"]["where"]) == (status, where)


# -- about models ------------------------------------------------------------------------------
def test_models_tell_what_they_are(shelf, files):
    found = client(shelf)
    listed = {each["name"]: each for each in found.get("/models").json()["models"]}
    assert set(listed) == set(files)
    kinds = {name: each["kind"] for name, each in listed.items()}
    assert kinds["plain"] == "fasttext-lite"
    assert (kinds["theirs"], kinds["small"]) == ("fastText", "fastText")
    plain = found.get("/models/plain").json()
    assert plain == listed["plain"]
    assert plain["size"] == os.path.getsize(files["plain"])
    assert (plain["reloads"], plain["error"], plain["abstention"]) == (0, None, None)
    assert listed["careful"]["threshold"] == 0.2
    import hashlib

    digits = hashlib.sha256(Path(files["plain"]).read_bytes()).hexdigest()
    assert plain["version"] == digits[:16]
    assert found.get("/models/none").status_code == 404
    assert found.get("/models?labels=some").json()["error"]["where"] == "labels"
    assert found.get("/models?label=all").json()["error"]["where"] == "query"


def test_labels_and_names_of_files_that_have_no_utf8_are_answered(tmp_path):
    labels = Labels.from_rows([["\ud800 half"], ["whole"]] * 10)
    config = Config(epochs=1, dim=4, loss="softmax")
    model = fit(Texts.from_sequence(["a goal", "a match"] * 10), labels, config, n_threads=1).model
    path = os.fsdecode(os.fsencode(tmp_path) + b"/\xff.ftl")
    save_model(model, path)
    found = client(Shelf({"it": path}))
    for text in ("a goal", ["a goal"] * 30):
        one = isinstance(text, str)
        wanted = {"text" if one else "texts": text, "k": 2, "explain": not one}
        answer = found.post("/predict", json=wanted).json()
        rows = [answer["labels"]] if one else answer["predictions"]
        expected = [model.predict_one(text, 2)] if one else model.predict(text, 2).rows()
        assert pairs(rows) == expected
    answer = found.post("/predict", json={"text": "a goal", "probabilities": True}).json()
    assert set(answer["probabilities"]) == {"\ud800 half", "whole"}
    assert found.get("/models/it").json()["path"] == path


def test_all_labels_are_listed_where_they_are_wanted(tmp_path):
    rows = [[f"label {i}"] for i in range(30)] * 3
    texts = Texts.from_sequence([f"word{row[0]}" for row in rows])
    model = fit(texts, Labels.from_rows(rows), Config(epochs=1, dim=4), n_threads=1).model
    save_model(model, tmp_path / "it.ftl")
    found = client(Shelf({"it": str(tmp_path / "it.ftl")}))
    assert found.get("/models/it").json()["labels"] == model.labels[:20]
    assert found.get("/models/it?labels=all").json()["labels"] == model.labels


def test_names_of_models():
    assert names_of(["a/b.ftl", "x=c.bin", "d"]) == {"b": "a/b.ftl", "x": "c.bin", "d": "d"}
    assert names_of(["/x=y/b.ftl"]) == {"b": "/x=y/b.ftl"}
    with pytest.raises(UsageError, match="are both called b"):
        names_of(["a/b.ftl", "c/b.bin"])
    for bad in ("=a.ftl", "a=", "a\x1b=b.ftl"):
        with pytest.raises(UsageError, match="NAME=MODEL"):
            names_of([bad])


def test_the_description_is_whole(shelf):
    found = client(shelf).get("/openapi.json").json()
    text = json.dumps(found)
    names = found["components"]["schemas"]
    for name in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert name in names
    fields = set(names["PredictRequest"]["properties"])
    assert fields == set(asking.PredictRequest.__struct_fields__)
    in_query = {each["name"] for each in found["paths"]["/predict"]["get"]["parameters"]}
    assert in_query == fields - {"texts"}
    assert all(each.get("description") for each in names["PredictRequest"]["properties"].values())
    assert names["PredictRequest"]["additionalProperties"] is False


def test_what_is_answered_is_described(shelf):
    """Each answer has the fields of its schema, and no others."""
    found = client(shelf)
    schemas = found.get("/openapi.json").json()["components"]["schemas"]

    def check(name, value):
        known, needed = schemas[name]["properties"], schemas[name].get("required", [])
        assert set(needed) <= set(value) <= set(known)

    check("ModelInfo", found.get("/models").json()["models"][0])
    check("Health", found.get("/health").json())
    check("ModelHealth", found.get("/health").json()["models"][0])
    check("Fault", found.post("/predict", json={}).json()["error"])
    body = {"model": "plain", "text": TEXTS[0], "explain": True}
    one = found.post("/predict", json=body).json()
    check("OneAnswer", one)
    check("Label", one["labels"][0])
    check("Contributions", one["labels"][0]["explanation"])
    check("Span", one["labels"][0]["explanation"]["spans"][0])
    many = found.post("/predict", json={"model": "plain", "texts": TEXTS}).json()
    check("ManyAnswers", many)


# -- reload ------------------------------------------------------------------------------------
@pytest.fixture
def place(tmp_path, files):
    """Return the path of a model to replace, and what replaces it."""
    path = str(tmp_path / "it.ftl")
    shutil.copy(files["plain"], path)

    def put(source, copied=False):
        if copied:
            shutil.copy(source, path)
            return
        shutil.copy(source, path + ".new")
        os.replace(path + ".new", path)

    return path, put


def test_a_replaced_file_is_loaded_when_it_no_longer_changes(place, files):
    path, put = place
    told = []
    shelf = Shelf({"it": path}, lambda *words: told.append(words))
    old = shelf.get("it")
    assert not shelf.look()
    put(files["several"])
    assert not shelf.look(), "it may still be written"
    assert shelf.look()
    new = shelf.get("it")
    assert new is not old
    assert new.version == models.load("it", files["several"]).version
    assert (shelf["it"].reloads, told) == (1, [("it", "ok")] * 2)
    assert not shelf.look()
    put(files["plain"], copied=True)
    assert [shelf.look(), shelf.look(), shelf.get("it").version] == [False, True, old.version]


def test_a_request_ends_with_the_model_that_it_began_with(place, files):
    path, put = place
    shelf = Shelf({"it": path})
    texts = TEXTS * 3
    request = asking.PredictRequest(texts=texts)
    began = asking.asked_by(request, shelf, 10_000)
    expected = load_model(files["plain"]).predict(texts).rows()
    put(files["several"])

    class Pool:
        def submit(self, work, *args):
            shelf.reload()
            return real.submit(work, *args)

    with answering_pool() as real:
        answer = json.loads(asyncio.run(answering.answer(began, Pool())))
    assert pairs(answer["predictions"]) == expected
    assert answer["version"] == began.served.version != shelf.get("it").version


def test_a_bad_file_changes_nothing_and_is_told_once(place, files, tmp_path, caplog):
    path, put = place
    told = []
    shelf = Shelf({"it": path}, lambda *words: told.append(words))
    old = shelf.get("it")
    found = client(shelf)
    (tmp_path / "bad").write_bytes(Path(files["several"]).read_bytes()[:-100])
    caplog.set_level(logging.WARNING)
    put(tmp_path / "bad")
    for _ in range(4):
        shelf.look()
    assert shelf.get("it") is old
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert told == [("it", "ok"), ("it", "failed")]
    assert "it.ftl" in found.get("/models/it").json()["error"]
    health = found.get("/health")
    told_of = health.json()["models"][0]
    assert (health.status_code, told_of["is_newest"]) == (200, False)
    assert told_of["error"].startswith("it.ftl: "), "who has no token sees no folders"
    assert found.post("/predict", json={"text": "a"}).json()["version"] == old.version
    put(files["several"])
    shelf.look(), shelf.look()
    assert found.get("/health").json()["models"][0] == {
        "name": "it", "version": shelf.get("it").version, "is_newest": True, "error": None,
    }  # fmt: skip


@pytest.mark.parametrize("error", [OSError(24, "Too many open files"), MemoryError()])
def test_a_file_that_could_not_be_read_for_a_while_is_tried_again(
    place, files, monkeypatch, caplog, error
):
    path, put = place
    shelf = Shelf({"it": path})
    put(files["several"])

    def failing(*args, **others):
        try:
            raise error
        except OSError as found:
            raise ModelError(f"{path}: {found.strerror}") from None

    with monkeypatch.context() as patch:
        patch.setattr(models, "read_model", failing)
        for _ in range(3 * LOOKS):
            shelf.look()
    assert shelf["it"].error
    assert len(caplog.records) == 1, "told once"
    assert any(shelf.look() for _ in range(LOOKS))
    assert shelf["it"].is_newest


def test_a_pipe_in_the_place_of_a_model_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.ftl")
    with pytest.raises(ModelError, match="pipe.ftl: .*not a regular file"):
        models.load("it", str(tmp_path / "pipe.ftl"))


def test_a_removed_file_is_told_until_it_is_there_again(place, caplog):
    path, _ = place
    shelf = Shelf({"it": path})
    old = shelf.get("it")
    os.rename(path, path + ".aside")
    for _ in range(4):
        shelf.look()
    assert shelf.get("it") is old
    assert "there is no such file" in shelf["it"].error
    assert len(caplog.records) == 1
    os.rename(path + ".aside", path)
    shelf.look()
    assert shelf["it"].is_newest


def test_a_file_that_changes_while_it_is_read_is_left_for_the_next_look(place, files, monkeypatch):
    path, put = place
    shelf = Shelf({"it": path})
    old = shelf.get("it")
    real = models.read_model

    def reading(*args, **others):
        found = real(*args, **others)
        put(files["careful"])
        return found

    put(files["several"])
    with monkeypatch.context() as patch:
        patch.setattr(models, "read_model", reading)
        assert not shelf.reload()
    assert (shelf.get("it"), shelf["it"].error) == (old, "")
    assert [shelf.look(), shelf.look()] == [False, True] or shelf.look()
    assert shelf.get("it").version == models.load("it", files["careful"]).version


def test_old_models_leave_nothing_behind(place, files):
    path, put = place
    shelf = Shelf({"it": path})
    found = client(shelf)
    gone = []
    for name in ("several", "plain") * 5:
        found.post("/predict", json={"text": TEXTS[0], "explain": True})
        found.post("/predict", json={"texts": TEXTS})
        gone.append(weakref.ref(shelf.get("it").model))
        put(files[name])
        shelf.reload()
    assert [each() for each in gone] == [None] * 10
    assert shelf["it"].reloads == 10


def test_models_that_cannot_be_loaded_are_told_at_the_start(tmp_path):
    (tmp_path / "bad.ftl").write_bytes(b"nothing")
    for name in ("bad.ftl", "none.ftl"):
        with pytest.raises(ModelError, match=name):
            Shelf({"it": str(tmp_path / name)})


# -- metrics and logs --------------------------------------------------------------------------
def values(text):
    """Return the figures of an exposition by their names with labels."""
    rows = [line.rsplit(" ", 1) for line in text.splitlines() if not line.startswith("#")]
    return {name: float(value) for name, value in rows}


def test_metrics_count_what_happens(files, capsys):
    metrics = Metrics()
    shelf = Shelf({"it": files["plain"]}, metrics.loaded)
    limits = Limits(most_bytes=5_000)
    _, made = make_service(shelf, Settings(limits, logs=True), metrics)
    found = TestClient(made, "http://localhost")
    found.post("/predict", json={"texts": ["a secret"] * 3})
    found.post("/predict", json={"text": "a secret"})
    found.post("/predict", json={"text": "a" * 6_000})
    found.post("/predict", json={"txt": "a secret"})
    found.get("/predict?text=secret")
    found.get("/none/secret")
    found.get("/models/it")
    found.get("/health", headers={"host": "evil.example"})
    answer = found.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    seen = values(answer.text)
    prefix = "fasttext_lite_"
    assert seen[prefix + 'requests_total{route="/predict",status="200"}'] == 3
    assert seen[prefix + 'requests_total{route="/models/{name}",status="200"}'] == 1
    assert seen[prefix + 'requests_total{route="other",status="404"}'] == 1
    assert seen[prefix + 'request_seconds_count{route="/predict"}'] == 5
    assert seen[prefix + 'texts_total{model="it"}'] == 5
    assert seen[prefix + "requests_in_flight"] == 1, "this one"
    for reason in ("too large", "invalid", "unknown", "access"):
        assert seen[prefix + f'refused_total{{reason="{reason}"}}'] == 1
    assert seen[prefix + 'model_loads_total{model="it",result="ok"}'] == 1
    assert seen[prefix + 'model_loads_total{model="it",result="failed"}'] == 0
    assert seen["process_resident_memory_bytes"] > 1e6
    logged = capsys.readouterr().err
    lines = [json.loads(line) for line in logged.splitlines()]
    assert [line["status"] for line in lines] == [200, 200, 413, 422, 200, 404, 200, 403, 200]
    assert (lines[0]["texts"], lines[0]["model"]) == (3, "it")
    assert "secret" not in "".join(json.dumps({**line, "path": ""}) for line in lines)


def test_a_log_that_cannot_be_written_stops_no_answer(shelf, monkeypatch):
    with open("/dev/full", "w", buffering=1, encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        found = client(shelf, logs=True)
        assert [found.get("/health").status_code for _ in range(2)] == [200, 200]
        monkeypatch.undo()
        with contextlib.suppress(OSError):
            full.close()


def test_the_token_is_for_all_but_health_and_the_page(shelf):
    found = client(shelf, "http://far.example", access=Access(SECRET))
    for path in ("/health", "/", "/docs", "/serve.js", "/serve.css"):
        assert found.get(path).status_code == 200, path
    for path in ("/metrics", "/models", "/models/plain", "/openapi.json", "/predict?text=a"):
        assert found.get(path).status_code == 401, path
    found.headers["authorization"] = f"Bearer {SECRET}"
    assert found.get("/metrics").status_code == 200
    assert found.get("/predict?text=a&model=plain").status_code == 200


# -- processes ---------------------------------------------------------------------------------
@contextlib.contextmanager
def served(*words, environment=None, cwd=None):
    """Run the command in a process of its own; give it and the address that it prints."""
    process = subprocess.Popen(
        [sys.executable, "-m", "fasttext_lite", "serve", "--port", "0", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | (environment or {}),
    )  # fmt: skip
    with contextlib.closing(process.stdout), contextlib.closing(process.stderr):
        try:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            yield process, line.split(": ")[0]
        finally:
            process.kill()
            process.wait()


def fetch(url, body=None, headers=None):
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, headers or {})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read())


def test_a_process_reloads_and_ends_well(place, files):
    path, put = place
    with served(path, "--timeout", "60") as (process, url):
        old = fetch(f"{url}/predict", {"text": TEXTS[0]})
        put(files["several"])
        process.send_signal(signal.SIGHUP)
        for _ in range(600):
            new = fetch(f"{url}/predict", {"text": TEXTS[0]})
            if new["version"] != old["version"]:
                break
            threading.Event().wait(0.05)
        assert new["version"] == models.load("it", files["several"]).version
        assert fetch(f"{url}/models")["models"][0]["reloads"] >= 1
        answers = []
        body = {"texts": [" ".join(TEXTS[:10])] * 900, "k": -1}
        asking = threading.Thread(target=lambda: answers.append(fetch(f"{url}/predict", body)))
        asking.start()
        while not answers and values_of(url)["fasttext_lite_requests_in_flight"] < 2:
            threading.Event().wait(0.002)
        process.terminate()
        asking.join(60)
        assert process.wait(60) == 0
        assert len(answers[0]["predictions"]) == 900, "a running request is answered"
        assert "Traceback" not in process.stderr.read()


def test_a_process_that_drains_says_so_and_answers_on(files):
    with served(files["plain"], "--drain", "60") as (process, url):
        process.terminate()
        for _ in range(600):
            try:
                fetch(f"{url}/health")
            except urllib.error.HTTPError as error:
                with contextlib.closing(error):
                    assert (error.code, json.loads(error.read())["status"]) == (503, "draining")
                break
            threading.Event().wait(0.02)
        assert fetch(f"{url}/predict", {"text": "a"})["model"] == "plain"
        assert process.poll() is None
        process.terminate()
        assert process.wait(60) == 0


@pytest.mark.parametrize("seconds", [0, 0.05, 60])
def test_draining_puts_a_time_before_the_end(seconds):
    """And none before the second signal."""
    seen = []
    old = signal.signal(signal.SIGTERM, lambda number, frame: seen.append("end"))
    mine = signal.getsignal(signal.SIGTERM)

    async def run():
        with draining(seconds, lambda: seen.append("begin")):
            signal.raise_signal(signal.SIGTERM)
            assert seen == (["begin"] if seconds else ["end"])
            if seconds == 60:
                signal.raise_signal(signal.SIGTERM)
            while seen[-1] != "end":
                await asyncio.sleep(0.01)
        assert signal.getsignal(signal.SIGTERM) is mine

    try:
        asyncio.run(asyncio.wait_for(run(), 30))
    finally:
        signal.signal(signal.SIGTERM, old)
    assert seen == (["begin", "end"] if seconds else ["end"])


def test_draining_ends_by_itself(files):
    with served(files["plain"], "--drain", "0.1") as (process, _):
        process.terminate()
        assert process.wait(60) == 0


def values_of(url):
    with urllib.request.urlopen(f"{url}/metrics", timeout=60) as answer:
        return values(answer.read().decode())


def test_a_process_with_a_token(files, tmp_path):
    (tmp_path / "token").write_text(SECRET + "\n", "utf-8")
    words = (files["plain"], "--host", "0.0.0.0", "--token-file", str(tmp_path / "token"))
    with served(*words) as (process, url):
        assert url.startswith("http://127.0.0.1:")
        with pytest.raises(urllib.error.HTTPError) as caught:
            fetch(f"{url}/models")
        with contextlib.closing(caught.value):
            assert caught.value.code == 401
        headers = {"Authorization": f"Bearer {SECRET}"}
        assert fetch(f"{url}/models", headers=headers)["models"][0]["name"] == "plain"
        assert fetch(f"{url}/health")["status"] == "ok"
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["MODEL", "--host", "0.0.0.0"], "--host 0.0.0.0: others than this machine can ask there"),
        (["MODEL", "MODEL"], "are both called plain: give one another name"),
        (["none.ftl", "--port", "0"], "none.ftl: there is no such file"),
        (["MODEL", "--port", "0", "--token-file", "none"], "none: cannot read the token"),
        (["MODEL", "--port", "70000"], "argument --port: must be at most 65,535; got '70000'"),
        (["MODEL", "--timeout", "0"], "argument --timeout: must be a number from 0.01 to 86400"),
        (["MODEL", "--most-texts", "0"], "argument --most-texts: must be a whole number"),
    ],
)
def test_mistakes_are_one_line(files, words, said, capsys, monkeypatch):
    monkeypatch.delenv("FASTTEXT_LITE_TOKEN", raising=False)
    words = [files["plain"] if word == "MODEL" else word for word in words]
    try:
        code = app.main(["serve", *words])
    except SystemExit as end:
        code = end.code
    error = capsys.readouterr().err
    assert (code, said in error) == (2, True), error
    assert len(error.strip().splitlines()) == 1 or "usage:" in error


def test_a_port_that_is_taken_is_told(files, capsys):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert app.main(["serve", files["plain"], "--port", str(port)]) == 2
    assert f"127.0.0.1:{port}: cannot listen there" in capsys.readouterr().err


# -- docs --------------------------------------------------------------------------------------
def shown(start):
    """Return the block of docs/serve.md that begins with a line: indented, so that it is not run
    among the commands that end by themselves.
    """
    lines = DOCUMENTS["docs/serve.md"].splitlines()
    first = next(i for i, line in enumerate(lines) if line.startswith("    " + start))
    last = next(i for i in range(first, len(lines)) if lines[i] and lines[i][0] != " ")
    return textwrap.dedent("\n".join(lines[first:last])).strip()


def test_the_guide_runs(files, tmp_path):
    """Each command, each line of curl and of Python, at another port."""
    text = DOCUMENTS["docs/serve.md"]
    lines = re.findall(r"^    (fasttext-lite serve .*)$", text, re.MULTILINE)
    assert [line.split()[2] for line in lines] == ["model.ftl"] * 3
    shutil.copy(files["plain"], tmp_path / "model.ftl")
    shutil.copy(files["several"], tmp_path / "other.ftl")
    asked = shown("curl").splitlines()
    assert len(asked) == 3
    with served("model.ftl", cwd=tmp_path) as (_, url):
        for line in asked:
            line = line.replace("http://127.0.0.1:8000", url)
            done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=True)
            answer = json.loads(done.stdout)
            assert (answer["model"], "error" in answer) == ("model", False)
            assert len(answer.get("labels", [])) in (0, 2)
        names = {}
        exec(shown("import json").replace("http://127.0.0.1:8000", url), names)
        assert [len(row) for row in names["rows"]] == [3, 3]
    words = lines[1].split()[2:]
    with served(*words, cwd=tmp_path) as (_, url):
        assert {each["name"] for each in fetch(f"{url}/models")["models"]} == {"model", "topics"}
    with served(*lines[2].split()[2:], cwd=tmp_path, environment={TOKEN: SECRET}) as (_, url):
        line = re.search(r"^    (curl .*/models .*)$", text, re.MULTILINE)[1]
        done = subprocess.run(
            ["sh", "-c", line.replace("http://127.0.0.1:8000", url)],
            capture_output=True, check=True, env=os.environ | {TOKEN: SECRET},
        )  # fmt: skip
        assert len(json.loads(done.stdout)["models"]) == 1


def test_the_tables_of_the_guide_are_whole():
    text = DOCUMENTS["docs/serve.md"]
    for name in asking.PredictRequest.__struct_fields__:
        assert re.search(rf"^\| .*`{name}`.* \|", text, re.MULTILINE), name
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    values = parser.parse_args(["model.ftl"])
    for flag, value in (
        ("--most-bytes", values.most_bytes), ("--most-texts", values.most_texts),
        ("--timeout", values.timeout), ("--most-waiting", values.most_waiting),
        ("--most-connections", values.most_connections),
    ):  # fmt: skip
        assert re.search(rf"^\| `{flag}`.* \| {value:,.0f} \|", text, re.MULTILINE), flag
    assert f"{asking.MOST_ANSWERS:,} labels" in text
    assert f"{asking.MOST_EXPLAINED:,} characters" in text
    assert f"Up to {answering.SMALL_TEXTS} short texts" in text
    for name in values_of_nothing():
        if name.startswith("fasttext_lite_"):
            name = name.removesuffix("_bucket").removesuffix("_count").removesuffix("_sum")
            assert f"`{name}`" in text, name


def values_of_nothing():
    """Return the names of the figures of a server that was asked once."""
    metrics = Metrics()
    metrics.loaded("it", "ok")
    metrics.refuse("busy")
    metrics.texts.labels("it").inc()
    metrics.answered("/predict", 200, 0.1)
    names = {name.partition("{")[0] for name in values(metrics.text().decode())}
    return {name for name in names if not name.endswith("_created")}


def test_the_files_of_the_image_are_those_that_it_needs():
    """What the Dockerfile copies is let in, and its command line is understood."""
    text = (ROOT / "Dockerfile").read_text("utf-8")
    allowed = re.findall(r"^!(.*)$", (ROOT / ".dockerignore").read_text("utf-8"), re.MULTILINE)
    copied = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--).*$", text, re.MULTILINE)]
    assert {name for names in copied for name in names} == set(allowed)
    assert all((ROOT / name).exists() for name in allowed)
    words = [*json.loads(re.search(r"^ENTRYPOINT (.*)$", text, re.MULTILINE)[1])]
    words += json.loads(re.search(r"^CMD (.*)$", text, re.MULTILINE)[1])
    values = app.make_parser(words[1:]).parse_args(words[1:])
    assert (values.host, values.port, values.models) == ("0.0.0.0", 8000, ["/models/model.ftl"])
    assert all(Config(**settings) for settings in warm.KINDS), "what the image is warmed with"
    assert "EXPOSE 8000" in text and "127.0.0.1:8000/health" in text
