"""What a teacher says, from a file or in Python: weights of texts, and shares of labels."""

import csv
import gzip
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite import FastTextClassifier, FastTextEnsemble, FastTextTuner, load
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.corpus.shares import likeliest, likeliest_of
from fasttext_lite.errors import InputError
from fasttext_lite.estimators.parameters import seed_of
from fasttext_lite.fitting.class_weight import class_weights
from fasttext_lite.fitting.streaming import prepare_file
from fasttext_lite.fitting.training_file import read_training_file
from fasttext_lite.model.storage import load_model

WORDS = {
    "food": "soup bread rice salt oven", "money": "bank loan rate fund tax",
    "sport": "goal match team race medal",
}  # fmt: skip
LABELS = list(WORDS)
QUICK = ("--epochs", "3", "--recipe", "fixed", "--seed", "0", "-q")


def teach(n=90, seed=0):
    """Return texts, float64[n, 3] shares of LABELS, and weights; "food" is the most frequent."""
    rng = np.random.default_rng(seed)
    truth = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    truth[:3] = range(3)
    texts = [" ".join(rng.choice(WORDS[LABELS[k]].split(), 4)) for k in truth]
    shares = np.eye(3)[truth] + rng.integers(0, 8, (n, 3)) / 8
    return texts, shares, rng.integers(0, 5, n) / 2


def lines(records):
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def table(rows, delimiter=","):
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return out.getvalue()


def read(path, **options):
    return read_corpus(path, ReadOptions(**options))


def message(path, **options):
    with pytest.raises(InputError) as caught:
        read(path, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value).replace(path, "FILE")


# -- the rule --------------------------------------------------------------------------------

AMOUNTS = st.one_of(
    st.integers(0, 9).map(float), st.floats(0, 1e300, allow_nan=False), st.just(0.5)
)


@given(st.lists(st.lists(AMOUNTS, min_size=1, max_size=5).filter(any), max_size=6))
def test_the_rule_is_its_definition(rows):
    values = np.array([value for row in rows for value in row])
    indptr = np.append(0, np.cumsum([len(row) for row in rows], dtype=int))
    ids, weights = likeliest_of(values, indptr)
    assert ids.dtype == np.int32 and weights.dtype == np.float32
    assert ids.tolist() == [row.index(max(row)) for row in rows]
    for row, weight in zip(rows, weights, strict=True):
        squares = [(value / max(row)) ** 2 for value in row]
        assert weight == pytest.approx(max(squares) / sum(squares), rel=1e-6)
    for row, place, weight in zip(rows, ids, weights, strict=True):
        alone = likeliest(np.array([row]))
        assert alone[0].tolist() == [place] and alone[1].tolist() == [weight]


def test_the_rule_on_known_values():
    ids, weights = likeliest(np.array([[0.0, 1.0], [0.5, 0.5], [1, 2], [30, 10]]))
    assert ids.tolist() == [1, 0, 1, 0]
    np.testing.assert_allclose(weights, [1, 0.5, 0.8, 0.9], rtol=1e-6)
    ids, weights = likeliest(np.empty((0, 3)))
    assert ids.size == weights.size == 0


# -- reading ---------------------------------------------------------------------------------


def test_json_lines(write):
    path = write(lines([
        {"text": "a b", "probabilities": {"x": 3, "y": 1}},
        {"text": "c d", "label": "y"},
        {"text": "e f", "probabilities": {"__label__y": 0.5, "x": 0.5}, "weight": 2},
        {"text": "g h", "label": "x", "weight": 0},
        {"text": "i j", "label": "y", "probabilities": None, "weight": None},
        {"text": " ", "probabilities": {"x": 1}},
    ]))  # fmt: skip
    found = read(path)
    assert found.texts.to_list() == ["a b", "c d", "e f", "i j"]
    assert found.label_rows == [("x",), ("y",), ("y",), ("y",)]
    np.testing.assert_allclose(found.weights, [0.9, 1, 1, 1], rtol=1e-6)
    assert found.weights.dtype == np.float64
    assert found.skipped == {
        "of weight 0": (1, f"{path}:4"), "without text": (1, f"{path}:6"),
    }  # fmt: skip
    assert found.notices == [
        f"{path}: 'probabilities' is read as shares of labels, of which the likeliest is learnt; "
        "--probabilities-column '' leaves it unread",
        f"{path}: 'weight' is read as the weight of each record in training; --weight-column '' "
        "leaves it unread",
        f"4 records without a weight count 1 (first: {path}:1)",
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_tables(write, delimiter):
    rows = [
        ["weight", "text", "probabilities"],
        ["0.5", "a b", '{"x": 3, "y, z": 1}'],
        ["", "c, d", '{"y, z": 1}'],
        ["0", "e", '{"x": 1}'],
    ]
    found = read(write(table(rows, delimiter)))
    assert found.label_rows == [("x",), ("y, z",)]
    np.testing.assert_allclose(found.weights, [0.45, 1], rtol=1e-6)
    rows = [
        ["text", "label", "Probabilities.x", "probabilities.y.z"],
        ["a b", "", "3", "1"], ["c", "", "", "1"], ["d", "x", "", ""], ["e", "", "", ""],
    ]  # fmt: skip
    found = read(write(table(rows, delimiter)))
    assert found.label_rows == [("x",), ("y.z",), ("x",)]
    np.testing.assert_allclose(found.weights, [0.9, 1, 1], rtol=1e-6)
    assert list(found.skipped) == ["without a label"]


def test_tables_of_pandas(write):
    records = [
        {"text": "a b", "probabilities": {"x": 0.75, "y z": 0.25}, "weight": 2},
        {"text": "c d", "label": "y z", "probabilities": None},
    ]
    found = read(write(pd.json_normalize(records).to_csv(index=False)))
    expected = read(write(lines(records)))
    assert found.label_rows == expected.label_rows == [("x",), ("y z",)]
    assert found.weights.tolist() == expected.weights.tolist()


@pytest.mark.parametrize("pack", ["plain", "gz", "bom", "utf-16"])
@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_packed_and_marked_files(form, pack, tmp_path):
    content = lines([{"text": "汤 b", "probabilities": {"吃": 3, "y": 1}}])
    if form == "csv":
        content = table([["text", "probabilities"], ["汤 b", '{"吃": 3, "y": 1}']])
    data = {
        "plain": content.encode(), "gz": gzip.compress(content.encode()),
        "bom": content.encode("utf-8-sig"), "utf-16": content.encode("utf-16"),
    }[pack]  # fmt: skip
    path = tmp_path / "file"
    path.write_bytes(data)
    found = read(str(path))
    assert found.label_rows == [("吃",)] and found.weights == pytest.approx([0.9])


def test_columns_of_other_names(write):
    record = {"text": "a b", "label": "x", "sure": 0.5, "p": {"y": 1}, "weight": "2 kg"}
    path = write(lines([record]))
    found = read(path, weight_column="sure", probabilities_column="p")
    assert found.label_rows == [("y",)] and found.weights.tolist() == [0.5]
    assert found.notices == [
        "1 record with a label that is not the likeliest of the probabilities: these count "
        f"(first: {path}:1)"
    ]
    found = read(path, weight_column="", probabilities_column="")
    assert found.label_rows == [("x",)] and found.weights is None and not found.notices
    rows = [["text", "label", "sure", "p.x", "p.y"], ["a b", "x", "0.5", "0", "1"]]
    found = read(write(table(rows)), weight_column="sure", probabilities_column="p")
    assert found.label_rows == [("y",)] and found.weights.tolist() == [0.5]


def test_columns_that_are_something_else_are_not_read(write):
    path = write("weight,text,label\n2 kg,a b,x\n3,c d,y\n")
    found = read(path)
    assert found.weights is None
    assert found.notices == [
        f"{path}:2: 'weight' is not read as weights of records: \"2 kg\" is no number of at least 0"
    ]
    path = write(lines([{"text": "a", "label": "x", "probabilities": [0.5, 0.5]}]))
    found = read(path)
    assert found.label_rows == [("x",)] and found.weights is None
    assert found.notices == [
        f"{path}:1: 'probabilities' is not read as shares of labels: [0.5, 0.5] is no object such "
        'as {"sport": 0.7, "politics": 0.3}'
    ]
    # A column that is the label or the text is nothing else.
    found = read(write("weight,text\n1,a b\n2,c d\n"), label_column="weight")
    assert found.label_rows == [("1",), ("2",)] and found.weights is None and not found.notices


FAULTS = {
    "-1": '"weight": -1', "text": '"weight": "a lot"', "a number as text": '"weight": "1"',
    "nan": '"weight": NaN', "inf": '"weight": Infinity', "list": '"weight": [1]',
    "true": '"weight": true', "huge": f'"weight": 1{"0" * 400}',
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("is_asked", [False, True])
def test_bad_weights(fault, is_asked, write):
    first = '{"text": "a", "label": "x", "weight": 1}\n'
    bad = f'{{"text": "b", "label": "y", {FAULTS[fault]}}}\n'
    options = {"weight_column": "w"} if is_asked else {}
    content = first + bad
    if is_asked:
        content = content.replace('"weight"', '"w"')
    said = message(write(content), **options)
    assert said.startswith("FILE:2: the weight must be a number of at least 0 (0 leaves the rec")
    assert ("--weight-column '' leaves 'weight' unread" in said) == (not is_asked)
    if is_asked:  # the first value is no reason to leave it out
        assert "FILE:1: the weight must be" in message(
            write(bad.replace('"weight"', '"w"')), **options
        )


@pytest.mark.parametrize("cell", ["-1", "nan", "inf", "1_0", "one", "[1]", "-0.1", "1,5"])
def test_bad_weights_of_tables(cell, write):
    path = write(table([["text", "label", "weight"], ["a", "x", "1"], ["b", "y", cell]]))
    assert message(path).startswith("FILE:3: the weight must be a number of at least 0")


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        ("[0.5, 0.5]", "probabilities must be an object with a number for each label, such as"),
        ('"x"', "probabilities must be an object"),
        ("1", "probabilities must be an object"),
        ("{}", "probabilities name no label"),
        ('{"x": 0, "y": 0}', "all shares are 0"),
        ('{"x": -0.1, "y": 1}', "the share of the label 'x' must be a number of at least 0, got"),
        ('{"x": NaN}', "the share of the label 'x' must be a number of at least 0, got nan"),
        ('{"x": Infinity}', "the share of the label 'x' must be a number of at least 0, got inf"),
        ('{"x": "0.5"}', "the share of the label 'x' must be a number of at least 0, got \"0.5\""),
        ('{"x": {"y": 1}}', "the share of the label 'x' must be a number"),
        ('{"x": null}', "the share of the label 'x' must be a number of at least 0, got null"),
        ('{"x": true}', "the share of the label 'x' must be a number of at least 0, got true"),
        ('{" ": 1}', "probabilities name a label that is empty"),
        ('{"x": 1, "__label__x": 1}', "probabilities name the label 'x' twice"),
    ],
)
def test_bad_shares(shares, said, write):
    content = '{"text": "a", "probabilities": {"x": 1}}\n'
    content += f'{{"text": "b", "label": "y", "probabilities": {shares}}}\n'
    assert message(write(content)).startswith(f"FILE:2: {said}")
    rows = [["text", "label", "probabilities"], ["a", "", '{"x": 1}'], ["b", "y", shares]]
    assert message(write(table(rows))).startswith(f"FILE:3: {said}")


def test_a_dictionary_of_python_is_no_json(write):
    path = write(table([["text", "probabilities"], ["a", "{'x': 0.5}"]]))
    assert message(path).startswith("FILE:2: probabilities must be an object with a number for ea")


def test_bad_columns(write):
    rows = [["text", "probabilities.x", "probabilities.x"], ["a", "1", "1"]]
    assert "FILE:1: two columns of 'probabilities' have the same label" in message(
        write(table(rows))
    )
    rows = [["text", "probabilities", "probabilities.x"], ["a", '{"x": 1}', "1"]]
    assert "stand in 'probabilities' and in columns of labels" in message(write(table(rows)))
    rows = [["text", "label", "weight", "weight"], ["a", "x", "1", "1"]]
    assert "FILE:1: two columns are called 'weight'" in message(write(table(rows)))
    rows = [["text", "probabilities.x", "probabilities."], ["a", "1", "1"]]
    assert "FILE:2: probabilities name a label that is empty" in message(write(table(rows)))
    rows = [["text", "probabilities.x", "probabilities.y"], ["a", "0", "0"]]
    assert "FILE:2: all shares are 0" in message(write(table(rows)))
    rows = [["text", "probabilities.x"], ["a", "much"]]
    assert "FILE:2: the share of the label 'x' must be a number" in message(write(table(rows)))


@pytest.mark.parametrize("column", ["weight", "probabilities"])
def test_a_column_that_is_asked_for_must_be_there(column, write):
    options, flag = {f"{column}_column": "sure"}, f"--{column}-column"
    path = write(table([["text", "label"], ["a", "x"]]))
    assert message(path, **options) == (
        f"FILE:1: no column 'sure' in the header (text, label), which {flag} names"
    )
    path = write(lines([{"text": "a", "label": "x"}]))
    assert message(path, **options) == f"FILE: no record has a value of 'sure', which {flag} names"
    path = write("x\ta b\n")
    assert message(path, **options) == (
        f"FILE: {flag} sure: the format tsv has no such column; a table with a header or JSON "
        "lines have"
    )
    assert read(path, weight_column="", probabilities_column="").label_rows == [("x",)]


def test_no_label_and_no_shares(write):
    content = lines([{"text": "a", "probabilities": {"x": 1}}, {"text": "b"}])
    assert message(write(content)).startswith("FILE:2: no key 'label' (keys: text)")
    content = lines(
        [{"text": "a", "probabilities": {"x": 1}}, {"text": "b", "probabilities": None}]
    )
    assert message(write(content)).startswith("FILE:2: no key 'label' (keys: text, probabilities)")
    path = write(lines([{"text": "a", "label": "x", "weight": 0}]))
    assert message(path) == (
        "FILE: no line with a label and text (skipped 1 line of weight 0 (first: FILE:1))"
    )


def test_shares_are_of_one_label(write):
    shared = {"text": "a", "probabilities": {"x": 1}}
    several = {"text": "b", "label": ["x", "y"]}
    for records in ([shared, several], [several, shared]):
        said = message(write(lines(records)))
        assert said.startswith("FILE:2: probabilities are shares of the one label that a text has")
        assert "the texts have several (first: FILE:" in said
    said = message(write(lines([shared])), multilabel=True)
    assert "and with --multilabel texts may have several; --probabilities-column ''" in said


def test_labels_that_no_text_has_likeliest_are_said(write):
    path = write(lines([{"text": "a", "probabilities": {"x": 2, "y": 1, "z": 1}}]))
    assert read(path).notices[-1] == (
        f"{path}: the model will not know 2 labels of the probabilities, the likeliest of no text: "
        "y, z"
    )


def test_who_measures_counts_each_text_once(write):
    path = write(lines([
        {"text": "a", "label": "x", "probabilities": {"y": 1}, "weight": 3},
        {"text": "b", "probabilities": {"y": 2, "x": 1}, "weight": 0},
    ]))  # fmt: skip
    found = read_corpus(path, judges=True)
    assert found.label_rows == [("x",), ("y",)] and found.weights is None and not found.skipped
    assert found.notices == [
        f"{path}: 'weight' is not used here: in measuring each text counts once",
        f"1 text without a label, measured by the likeliest of the probabilities (first: {path}:2)",
    ]
    assert found.fingerprint == read(path).fingerprint, "texts of weight 0 are of the file, too"
    # What is asked for in training may be missing where it is not needed.
    plain = write(lines([{"text": "a", "label": "x"}]))
    options = ReadOptions(weight_column="sure", probabilities_column="p")
    assert read_corpus(plain, options, judges=True).label_rows == [("x",)]


def test_who_predicts_reads_neither(write):
    path = write(lines([{"text": "a", "weight": "heavy", "probabilities": 1}, {"text": "b"}]))
    (chunk,) = CorpusReader(path, known=("x",))
    assert chunk.texts.to_list() == ["a", "b"] and chunk.weights is None


# -- the same in every form ------------------------------------------------------------------

NAMES = st.sampled_from(["food", "money, tax", "体育", 'say "x" y', "a.b"])
DISTRIBUTIONS = st.dictionaries(NAMES, st.integers(0, 4).map(lambda n: n / 4), min_size=2).filter(
    lambda shares: any(shares.values())
)


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(DISTRIBUTIONS, st.sampled_from([0, 0.5, 1, 3])), min_size=1, max_size=8
    ).filter(lambda rows: any(weight for _, weight in rows)),
    st.integers(1, 200),
)
def test_every_form_says_the_same(tmp_path_factory, rows, chunk_bytes):
    records = [
        {"text": f"text {i}", "probabilities": shares, "weight": weight}
        for i, (shares, weight) in enumerate(rows)
    ]
    columns = list(dict.fromkeys(name for shares, _ in rows for name in shares))
    header = ["text", "weight", *(f"probabilities.{name}" for name in columns)]
    forms = {
        "lines.jsonl": lines(records),
        "objects.csv": table(
            [["weight", "probabilities", "text"]]
            + [[r["weight"], json.dumps(r["probabilities"]), r["text"]] for r in records]
        ),
        "columns.csv": table(
            [header]
            + [
                [r["text"], r["weight"], *(r["probabilities"].get(name, "") for name in columns)]
                for r in records
            ]
        ),
    }
    folder = tmp_path_factory.mktemp("forms")
    found = []
    for name, content in forms.items():
        (folder / name).write_text(content, "utf-8")
        whole = read_corpus(str(folder / name))
        chunks = list(CorpusReader(str(folder / name), chunk_bytes=chunk_bytes))
        weights = np.concatenate([chunk.weights for chunk in chunks])
        assert weights.tolist() == whole.weights.tolist()
        found.append((whole.texts.to_list(), whole.label_rows, whole.weights))
    kept = [i for i, record in enumerate(records) if record["weight"]]
    for texts, _, weights in found:
        assert texts == [f"text {i}" for i in kept]
        np.testing.assert_allclose(weights, found[0][2], rtol=1e-6)
    # Of equal shares the first counts: by the order of keys, or of columns.
    assert found[0][1] == found[1][1]
    for i, labels in zip(kept, found[2][1], strict=True):
        shares = records[i]["probabilities"]
        likely = [name for name in columns if shares.get(name) == max(shares.values())]
        assert labels == (likely[0],)


def same_model(found, expected):
    assert found.labels == expected.labels
    assert found.config == expected.config and found.space.n_rows == expected.space.n_rows
    assert np.array_equal(found.embeddings, expected.embeddings)
    assert np.array_equal(found.output, expected.output)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
@pytest.mark.parametrize("form", ["jsonl", "objects", "columns"])
def test_a_file_trains_the_model_of_fit(form, class_weight, tmp_path):
    texts, shares, weights = teach()
    if form == "jsonl":
        content = lines(
            {"text": text, "probabilities": dict(zip(LABELS, row, strict=True)), "weight": weight}
            for text, row, weight in zip(texts, shares.tolist(), weights.tolist(), strict=True)
        )
    else:
        frame = pd.DataFrame({"text": texts, "weight": weights})
        if form == "objects":
            frame["probabilities"] = [
                json.dumps(dict(zip(LABELS, row, strict=True))) for row in shares.tolist()
            ]
        for k, label in enumerate(LABELS if form == "columns" else ()):
            frame[f"probabilities.{label}"] = shares[:, k]
        content = frame.to_csv(index=False)
    data, path = tmp_path / "data.txt", str(tmp_path / "m.ftl")
    data.write_text(content, "utf-8")
    classifier = FastTextClassifier(
        epochs=3, recipe="fixed", random_state=0, class_weight=class_weight
    )
    flags = ["--seed", str(seed_of(classifier))]
    flags += [] if class_weight is None else ["--class-weight", class_weight]
    assert app.main(["train", str(data), "-o", path, *QUICK, *flags]) == 0
    found = load_model(path)
    assert found.run.sample_weight
    Y = pd.DataFrame(shares / shares.sum(axis=1, keepdims=True), columns=LABELS)
    expected = classifier.fit(texts, Y, sample_weight=weights).model_
    same_model(found, expected)
    assert found.n_texts == np.count_nonzero(weights) < len(texts)
    hard, factors = likeliest(shares)
    plain = classifier.fit(texts, np.array(LABELS)[hard], sample_weight=weights * factors)
    same_model(plain.model_, expected)


# -- training --------------------------------------------------------------------------------


@pytest.fixture
def data(write):
    texts, shares, weights = teach()
    return write(lines(
        {"text": f"{text} {'never' * (not weight)}", "weight": weight,
         "probabilities": dict(zip(LABELS, row, strict=True))}
        for text, row, weight in zip(texts, shares.tolist(), weights.tolist(), strict=True)
    ))  # fmt: skip


@pytest.mark.parametrize("changes", [{}, {"word_dropout": 0.2}, {"patience": 2}])
def test_in_chunks_and_as_a_whole(data, changes):
    config = Config(epochs=3, recipe="fixed", **changes)
    file, corpus = read_training_file(data, config), read_corpus(data)
    assert file.weights.tolist() == corpus.weights.tolist()
    assert file.skipped and "of weight 0" in file.skipped[0]
    from fasttext_lite.fitting import fit

    expected = fit.fit(
        corpus.texts, corpus.labels, config, seed=4, n_threads=1,
        doc_weights=class_weights(None, corpus.labels, corpus.weights),
    ).model  # fmt: skip
    same_model(file.fit(seed=4, n_threads=1).model, expected)
    assert b"never" not in expected.space.pool.tobytes()


def test_chunks_of_which_only_some_have_weights(write):
    path = write(lines(
        [{"text": f"a b{i}", "label": "x"} for i in range(50)]
        + [{"text": f"c d{i}", "label": "y", "weight": 2} for i in range(50)]
    ))  # fmt: skip
    prepared = prepare_file(CorpusReader(path, chunk_bytes=200), Config())
    assert prepared.doc_weights.tolist() == [1.0] * 50 + [2.0] * 50
    assert (
        prepare_file(CorpusReader(path, ReadOptions(weight_column="")), Config()).doc_weights
        is None
    )


def test_the_cache_keeps_weights_and_notices(data, tmp_path):
    config, cache = Config(epochs=2, recipe="fixed"), str(tmp_path / "cache")
    plain = read_training_file(data, config)
    for _ in range(2):
        found = read_training_file(data, config, cache=cache)
        assert found.weights.tolist() == plain.weights.tolist()
        assert found.notices == plain.notices and found.skipped == plain.skipped
        assert found.data.doc_weights is found.weights
    read_training_file(data, config, ReadOptions(weight_column=""), cache=cache)
    assert len(list((tmp_path / "cache").iterdir())) == 2


def test_class_weights_multiply():
    from fasttext_lite.corpus.labels import Labels

    labels = Labels.from_rows([("a",), ("a",), ("b",)])
    found = class_weights("balanced", labels, np.array([1.0, 2.0, 6.0]))
    np.testing.assert_allclose(found, [0.5, 1.0, 1.5])  # both labels count the same
    huge = class_weights(None, labels, np.array([1e308, 1e308, 2e307]))
    np.testing.assert_allclose(huge, [15 / 11, 15 / 11, 3 / 11], rtol=1e-6)
    assert class_weights(None, labels) is None


@pytest.fixture
def run(capsys):
    def run(*words, code=0):
        assert app.main([str(word) for word in words]) == code
        return capsys.readouterr()

    return run


def test_validation_data_and_the_texts_of_the_training(run, data, tmp_path, write):
    model = tmp_path / "m.ftl"
    flags = [flag for flag in QUICK if flag != "-q"]
    err = run("train", data, "-o", model, "--valid", data, "--patience", 1, *flags).err
    assert "these are the texts that the model is trained on" in err
    assert f"{data}: 'weight' is not used here" in err and "texts without a label, meas" in err
    run("train", data, "-o", model, "--patience", 1, "-q", "--seed", 0)
    out = run("test", model, data)
    assert out.out.startswith("n 90 ") and "these are the texts that the model" in out.err


def test_validation_data_need_no_columns_of_training(run, tmp_path):
    texts, shares, weights = teach()
    train, gold = tmp_path / "train.jsonl", tmp_path / "gold.tsv"
    train.write_text(lines(
        {"text": text, "p": dict(zip(LABELS, row, strict=True)), "sure": weight}
        for text, row, weight in zip(texts, shares.tolist(), weights.tolist(), strict=True)
    ))  # fmt: skip
    gold.write_text("".join(f"{label}\t{words}\n" for label, words in WORDS.items()))
    run("train", train, "-o", tmp_path / "m.ftl", "--valid", gold, "--weight-column", "sure",
        "--probabilities-column", "p", *QUICK)  # fmt: skip
    assert load_model(tmp_path / "m.ftl").run.sample_weight


def test_quantize_and_tune(run, data, tmp_path, caplog):
    model, small, tuned = tmp_path / "m.ftl", tmp_path / "s.ftl", tmp_path / "t.ftl"
    run("train", data, "-o", model, *QUICK)
    run("quantize", model, "-o", small, "--retrain", data, "-q")
    assert "it is trained again without them" not in caplog.text
    assert load_model(small).run.sample_weight
    run("quantize", model, "-o", small, "--retrain", data, "-q", "--weight-column", "",
        "--probabilities-column", "", code=2)  # fmt: skip
    out = run(
        "tune", data, "-o", tuned, "--trials", 1, "--seed", 0, "--weight-column", "", "-q"
    ).out
    assert load_model(tuned).run.sample_weight, "by its shares"
    assert "--weight-column ''" in out, "the command that trains it again"
    assert load(tuned).predict(["soup bread"]).tolist() == ["food"]


@pytest.mark.parametrize("command", ["test", "predict", "embed"])
def test_flags_are_those_of_commands_that_train(command, capsys):
    with pytest.raises(SystemExit) as ended:
        app.main([command, "m.ftl", "texts", "--weight-column", "w"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no flag --weight-column: train, teach, tune and quantize have it" in said


# -- in Python -------------------------------------------------------------------------------


@pytest.fixture
def shared():
    texts, shares, _ = teach()
    return texts, pd.DataFrame(shares / shares.sum(axis=1, keepdims=True), columns=LABELS[::-1])


SMALL = {"epochs": 3, "recipe": "fixed", "random_state": 0}


def test_fit_on_shares(shared):
    texts, Y = shared
    found = FastTextClassifier(**SMALL).fit(texts, Y, validation_data=(texts, Y))
    assert found.classes_.tolist() == LABELS and found.target_kind_ == "single"
    assert found.predict_proba(texts).shape == (len(texts), 3)
    hard = np.array(Y.columns)[Y.values.argmax(axis=1)]
    assert found.score(texts, Y) == found.score(texts, hard)
    by_number = FastTextClassifier(**SMALL).fit(texts, Y.to_numpy())
    assert by_number.classes_.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(by_number.predict(texts), Y.values.argmax(axis=1))
    assert found.model_.run.sample_weight
    whole = pd.DataFrame(np.eye(3)[:2], columns=Y.columns)
    found.fit(texts, Y, validation_data=(texts[:2], whole))
    assert found.score(texts[:2], whole) in (0.0, 0.5, 1.0)


@pytest.mark.parametrize("loss", ["softmax", "hs", "ns", "ova"])
def test_a_label_that_no_text_has_likeliest(loss, shared, caplog):
    texts, Y = shared
    Y = pd.concat([Y * 0.9, pd.Series(0.1, Y.index, name="none")], axis=1)
    found = FastTextClassifier(loss=loss, **SMALL).fit(texts, Y)
    assert "1 of 4 columns of y, the likeliest label of no text, will" in caplog.text
    probabilities = found.predict_proba(texts)
    assert found.classes_.tolist() == ["food", "money", "none", "sport"]
    assert probabilities.shape == (len(texts), 4) and np.isfinite(probabilities).all()
    assert "none" not in found.predict(texts)
    with pytest.raises(ValueError, match="at least 2 classes that are the likeliest of some text"):
        FastTextClassifier(**SMALL).fit(texts, np.tile([0.6, 0.4], (len(texts), 1)))


def test_partial_fit_on_shares(shared):
    texts, Y = shared
    found = FastTextClassifier(**SMALL).partial_fit(texts[:50], Y[:50])
    whole = pd.DataFrame(np.eye(3), columns=Y.columns)
    found.partial_fit(texts[:3], whole)  # sure by chance
    found.partial_fit(texts[:3], LABELS)
    assert found.classes_.tolist() == LABELS
    with pytest.raises(ValueError, match="a matrix of shares of 3 columns: its classes are the n"):
        found.partial_fit(texts[50:], Y[50:].to_numpy())
    with pytest.raises(ValueError, match="the columns of y are not the classes"):
        found.partial_fit(texts[50:], Y[50:].rename(columns={"food": "meal"}))
    several = FastTextClassifier(**SMALL).fit(texts, np.eye(3)[Y.values.argmax(axis=1)])
    assert several.target_kind_ == "indicator"
    with pytest.raises(ValueError, match="y was indicator in the first call of partial_fit"):
        several.partial_fit(texts, Y.to_numpy())


def test_ensembles_and_tuners(shared):
    texts, Y = shared
    ensemble = FastTextEnsemble(n_members=2, **SMALL).fit(texts, Y)
    assert ensemble.predict_proba(texts[:2]).shape == (2, 3)
    tuner = FastTextTuner(FastTextClassifier(**SMALL), time=None, n_trials=1, random_state=0)
    tuner.fit(texts, Y, texts[:2], pd.DataFrame(np.eye(3)[:2], columns=Y.columns))
    assert tuner.best_estimator_.target_kind_ == "single"
    assert tuner.score(texts, Y) > 0.9
    assert tuner.best_estimator_.model_.run.sample_weight


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda Y: Y * 2, "row 0 sums to 2; of counts, such as votes, pass y / y.sum"),
        (lambda Y: Y - 1, "row 0 holds -"),
        (lambda Y: Y.astype(str), "its values are no numbers"),
        (lambda Y: Y.astype(object).replace(Y.iloc[0, 0], None), "its values are no numbers"),
        (lambda Y: Y.replace(Y.iloc[0, 0], np.nan), "Input y contains NaN or infinity"),
        (lambda Y: Y.set_axis(["a", "a", "b"], axis=1), "two columns of the same name"),
        (lambda Y: Y.to_numpy().tolist(), "a list of lists, which hold labels; these look like sh"),
    ],
)
def test_matrices_that_are_no_shares(change, said, shared):
    texts, Y = shared
    with pytest.raises(ValueError, match=re.escape(said)):
        FastTextClassifier(**SMALL).fit(texts, change(Y))
