"""What a training learns from an encoder: files of embeddings, the rows of texts, ``teach``."""

import json
import os
import sys
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite import FastTextClassifier
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import CorpusReader, read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, ModelError, TrainingError
from fasttext_lite.estimators.beside import read_beside
from fasttext_lite.fitting.training_file import read_training_file
from fasttext_lite.model.storage import load_model
from fasttext_lite.teaching import encoders
from fasttext_lite.teaching.encoders import Encoder, open_encoder
from fasttext_lite.teaching.files import read_unlabelled
from fasttext_lite.teaching.fit import Beside, fit_beside
from fasttext_lite.teaching.matching import rows_of
from fasttext_lite.teaching.words import centred, unit

NAMES = ["food", "money", "sport"]
DIM = 8
MEANS = np.random.default_rng(9).standard_normal((len(NAMES), DIM))
QUICK = ("--maxn", "0", "--word-ngrams", "1", "--recipe", "fixed", "--seed", "0")


def corpus(n=240, seed=0, n_words=60):
    """Return texts of words that are rare, and their labels."""
    rng = np.random.default_rng([seed, n])
    ids = np.arange(n) % len(NAMES)
    topics = np.where(rng.random((n, 4)) < 0.3, rng.integers(0, len(NAMES), (n, 4)), ids[:, None])
    words = rng.integers(0, n_words, (n, 4))
    texts = [
        " ".join(f"w{t}x{w}" for t, w in zip(*row, strict=True))
        for row in zip(topics, words, strict=True)
    ]
    return texts, [NAMES[i] for i in ids]


def meaning(texts):
    """Return what an encoder makes of texts of `corpus`: it knows the topic of each word."""
    found = np.zeros((len(texts), DIM), np.float32)
    for i, text in enumerate(texts):
        for word in text.split():
            if word[:1] == "w" and word[1:2].isdigit():
                found[i] += MEANS[int(word[1])]
    return found + np.float32(1e-3)


def accuracy(path):
    texts, labels = corpus(900, 5)
    model = load_model(path)
    predicted = model.predict(Texts.from_sequence(texts)).labels[:, 0]
    return np.mean([model.labels[i] == label for i, label in zip(predicted, labels, strict=True)])


def tsv(texts, labels):
    return "".join(f"{label}\t{text}\n" for text, label in zip(texts, labels, strict=True))


@pytest.fixture
def run(capsys):
    """Return a function that runs a command and returns its exit code and what is on stderr."""

    def run(*words):
        try:
            code = app.main([str(word) for word in words])
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def refused(run):
    """Return a function that runs a command in vain, and returns the one line that it says."""

    def refused(*words):
        code, err = run(*words)
        assert code == 2
        *usage, line = err.splitlines()
        assert all(each.startswith(("usage: ", " ")) for each in usage)
        return line.removeprefix("fasttext-lite: ")

    return refused


# -- which record a document is ----------------------------------------------------------------
KINDS = ("good", "no label", "no text", "empty", "gap")


def lines_of(form, kinds):
    """Return a file of records of these kinds, and the number of the record of each, or None."""
    lines, records, n = [], [], 0
    for i, kind in enumerate(kinds):
        text = f"text {i}" if kind in ("good", "no label") else ""
        label = f"l{i % 3}" if kind in ("good", "no text") else ""
        line = {
            "tsv": f"{label}\t{text}",
            "fasttext": f"{'__label__' * bool(label)}{label} {text}".strip(),
            "csv": f"{label},{text}",
            "jsonl": json.dumps({"label": label or None, "text": text}),
        }[form]
        lines.append("" if kind == "gap" else line)
        is_record = kind != "gap" or form in ("tsv", "fasttext")
        records.append(n if is_record else None)
        n += is_record
    header = "label,text\n" * (form == "csv")
    return header + "".join(f"{line}\n" for line in lines), records, n


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["tsv", "fasttext", "csv", "jsonl"]),
    st.lists(st.sampled_from(KINDS), min_size=1, max_size=40).filter(lambda k: "good" in k),
    st.sampled_from([16, 100, 1 << 20]),
)
def test_the_reader_knows_the_record_of_each_document(tmp_path_factory, form, kinds, chunk_bytes):
    path = tmp_path_factory.mktemp("rows") / "file"
    content, records, n = lines_of(form, kinds)
    path.write_text(content, "utf-8")
    options = ReadOptions(format=form)
    reader = CorpusReader(str(path), options, chunk_bytes, keeps_rows=True)
    chunks = list(reader)
    rows = [row for chunk in chunks for row in chunk.rows.tolist()]
    texts = [text.strip() for chunk in chunks for text in chunk.texts.to_list()]
    good = [i for i, kind in enumerate(kinds) if kind == "good"]
    assert texts == [f"text {i}" for i in good]
    assert rows == [records[i] for i in good]
    assert all(chunk.rows.dtype == np.int64 for chunk in chunks)
    # Those that are asked about are records, each a document.
    asked = CorpusReader(str(path), options, chunk_bytes, known=["l0"], keeps_rows=True)
    assert sum(map(len, asked)) == n == reader.n_records == asked.n_records


def test_rows_are_kept_where_they_are_asked_for(write):
    path = write("a\tone\n\nb\ttwo\n")
    assert read_corpus(path).rows is None
    found = read_corpus(path, keeps_rows=True)
    assert found.rows.tolist() == [0, 2] and found.n_records == 3


def test_records_of_weight_0_have_a_row(write):
    weights = [1, 0, 2, 0, 1]
    path = write(
        "".join(
            json.dumps({"label": "ab"[i % 2], "text": f"t{i}", "weight": weight}) + "\n"
            for i, weight in enumerate(weights)
        )
    )
    found = read_corpus(path, keeps_rows=True)
    assert found.rows.tolist() == [0, 2, 4] and found.n_records == 5
    assert found.texts.to_list() == ["t0", "t2", "t4"]


# -- rows of embeddings --------------------------------------------------------------------------
def files_of(write, train="a\tone\n\nb\ttwo\n", more="three\n \nfour\nfive\n", most=9):
    file = read_training_file(write(train), Config(), as_texts=True)
    return file, read_unlabelled([write(more, "more.txt")], known=["a", "b"], most=most)


def test_rows_are_those_of_records_or_of_texts(write):
    file, others = files_of(write)
    assert rows_of(3, "E", "T", file, None).tolist() == [0, 2]
    assert rows_of(2, "E", "T", file, None).tolist() == [0, 1]
    assert rows_of(7, "E", "T", file, others).tolist() == [0, 2, 3, 5, 6]
    assert rows_of(5, "E", "T", file, others).tolist() == [0, 1, 2, 3, 4]


def test_rows_of_texts_that_are_some_of_many(write):
    more = "".join(f"text {i}\n\n" for i in range(40))
    file, others = files_of(write, more=more, most=6)
    kept = [int(text.split()[1]) for text in others.texts.to_list()]
    assert len(kept) == 6 and others.n_found == 40 and others.n_records == 80
    assert rows_of(83, "E", "T", file, others).tolist() == [0, 2, *(3 + 2 * i for i in kept)]
    assert rows_of(42, "E", "T", file, others).tolist() == [0, 1, *(2 + i for i in kept)]
    assert rows_of(8, "E", "T", file, others).tolist() == list(range(8))


def test_rows_that_do_not_fit(write):
    file, others = files_of(write)
    with pytest.raises(InputError) as caught:
        rows_of(1, "E.npy", "T.tsv", file, None)
    assert str(caught.value) == (
        "E.npy: 1 row, but one is needed for each of the 3 records of T.tsv, or for each of the 2 "
        "texts among them that can be learnt from, in their order"
    )
    with pytest.raises(
        InputError, match="7 records of T.tsv and the unlabelled files, or for each"
    ):
        rows_of(3, "E.npy", "T.tsv", file, others)


# -- train --text-embeddings ---------------------------------------------------------------------
@pytest.fixture
def taught(write, tmp_path):
    """Return files of texts, whose third line has no label, and of embeddings of all lines."""
    texts, labels = corpus()
    train = write(tsv([*texts[:2], "no label", *texts[2:]], [*labels[:2], "", *labels[2:]]))
    np.save(tmp_path / "kept.npy", meaning(texts))
    rows = np.insert(meaning(texts), 2, np.nan, axis=0)  # no text that is learnt from
    np.save(tmp_path / "all.npy", rows)
    np.save(tmp_path / "first.npy", rows[:100])
    np.save(tmp_path / "second.npy", rows[100:])
    return SimpleNamespace(train=train, folder=tmp_path, texts=texts, labels=labels)


def test_train_with_embeddings(taught, run):
    folder, call = taught.folder, ("train", taught.train, *QUICK, "-o")
    assert run(*call, folder / "plain.ftl")[0] == 0
    made = []
    for names in (["kept"], ["all"], ["first", "second"]):
        paths = [folder / f"{name}.npy" for name in names]
        path = folder / f"{names[0]}.ftl"
        code, err = run(*call, path, "--text-embeddings", *paths)
        assert code == 0 and "text embeddings: right of 240 texts held out" in err
        assert "skipped 1 line without a label" in err
        made.append(path.read_bytes())
    assert made[0] == made[1] == made[2]
    model = load_model(folder / "all.ftl")
    assert model.run.embeddings and model.run.unlabelled is None
    assert accuracy(folder / "all.ftl") > accuracy(folder / "plain.ftl") + 0.01


@pytest.mark.parametrize("form", ["fasttext", "csv", "jsonl"])
def test_embeddings_of_other_formats(form, taught, write, run):
    texts, labels, folder = taught.texts, taught.labels, taught.folder
    rows = list(zip(texts, labels, strict=True))
    rows.insert(2, ("no label", ""))
    path = write(
        {
            "fasttext": "".join(f"{'__label__' * bool(b)}{b} {a}\n".lstrip() for a, b in rows),
            "csv": "label,text\n\n" + "".join(f"{b},{a}\n" for a, b in rows),
            "jsonl": "\n".join(json.dumps({"text": a, "label": b or None}) for a, b in rows),
        }[form],
        f"texts.{form}",
    )
    made = []
    for name in ("kept", "all"):
        call = ("train", path, *QUICK, "-q", "-o", folder / "m.ftl", "--text-embeddings")
        assert run(*call, folder / f"{name}.npy") == (0, "")
        made.append((folder / "m.ftl").read_bytes())
    assert made[0] == made[1]


def test_embeddings_from_python(taught):
    E = meaning(taught.texts)
    plain = FastTextClassifier(random_state=0, maxn=0, word_ngrams=1, recipe="fixed")
    plain.fit(taught.texts, taught.labels)
    folded = FastTextClassifier(random_state=0, maxn=0, word_ngrams=1, recipe="fixed")
    folded.fit(taught.texts, taught.labels, text_embeddings=E)
    texts, labels = corpus(900, 5)
    assert folded.score(texts, labels) > plain.score(texts, labels) + 0.01
    assert folded.model_.run.embeddings
    weights = np.ones(len(E))
    weights[::5] = 0
    some = weights > 0
    by_weight = FastTextClassifier(random_state=0, recipe="fixed").fit(
        taught.texts, taught.labels, sample_weight=weights, text_embeddings=E
    )
    by_rows = FastTextClassifier(random_state=0, recipe="fixed").fit(
        np.array(taught.texts)[some], np.array(taught.labels)[some], text_embeddings=E[some],
        sample_weight=weights[some],
    )  # fmt: skip
    np.testing.assert_array_equal(by_weight.predict_proba(texts), by_rows.predict_proba(texts))


def test_embeddings_of_texts_of_weight_0_in_python(taught):
    texts, labels, E = taught.texts[:40], taught.labels[:40], meaning(taught.texts[:40])
    weights, more = np.ones(40), ["w0x1 w0x2", " "]
    weights[[3, -1]] = 0
    E = np.concatenate([E, meaning(more)])
    for n in (38, 39, 41, 43):
        with pytest.raises(ValueError, match=f"has {n} rows, for 40 texts and 2 unlabelled ones"):
            FastTextClassifier().fit(
                texts, labels, sample_weight=weights, unlabelled=more,
                text_embeddings=np.resize(E, (n, DIM)),
            )  # fmt: skip
        with pytest.raises(ValueError, match=f"has {n} rows, for 40 texts and 0 unlabelled ones"):
            FastTextClassifier().fit(
                texts, labels, sample_weight=weights, text_embeddings=np.resize(E, (n, DIM))
            )
    read = partial(read_beside, Texts.from_sequence(texts), 40, np.flatnonzero(weights), more)
    E[[3, 39, 41]] = np.nan  # of weight 0, and blank
    kept = np.append(np.flatnonzero(weights), 40)
    np.testing.assert_array_equal(read(E, False).embeddings, E[kept])
    E[[7, 40]] = np.inf
    with pytest.raises(ValueError, match="text_embeddings: row 7 has a number that is not finite"):
        read(E, False)


@pytest.mark.filterwarnings("error")
def test_what_are_no_embeddings_in_python(taught):
    texts, labels = taught.texts[:4], ["a", "b"] * 2
    for kind in (complex, bool, str, object):
        with pytest.raises(TypeError, match="text_embeddings must be numbers of shape"):
            FastTextClassifier().fit(texts, labels, text_embeddings=np.ones((4, 2), kind))
    with pytest.raises(ValueError, match="text_embeddings: row 0 has a number that is too large"):
        FastTextClassifier().fit(texts, labels, text_embeddings=np.full((4, 2), 1e200))
    with pytest.raises(ValueError, match="at most 16,384 numbers for each text; got 16,385"):
        FastTextClassifier().fit(texts, labels, text_embeddings=np.ones((4, 16_385)))


def test_texts_of_several_labels_have_embeddings_too(taught):
    several = [[label, "any"] if i % 2 else [label] for i, label in enumerate(taught.labels)]
    model = FastTextClassifier(random_state=0, recipe="fixed")
    model.fit(taught.texts, several, text_embeddings=meaning(taught.texts))
    assert model.model_.run.embeddings and model.model_.multilabel


def test_unlabelled_texts_have_embeddings_too(taught, write, run):
    folder, (more, _) = taught.folder, corpus(600, 7)
    few = write(tsv(taught.texts[:60], taught.labels[:60]), "few.tsv")
    others = write("".join(f"{text}\n\n" for text in [*taught.texts[:5], *more]), "more.txt")
    every = np.ones((60 + 2 * 605, DIM), np.float32)
    every[:60], every[60::2] = meaning(taught.texts[:60]), meaning([*taught.texts[:5], *more])
    np.save(folder / "every.npy", every)
    np.save(folder / "kept.npy", np.concatenate([every[:60], every[60::2]]))
    call = ("train", few, "--unlabelled", others, *QUICK, "-o")
    assert run(*call, folder / "plain.ftl")[0] == 0
    for name in ("every", "kept"):
        path = folder / f"{name}.ftl"
        code, err = run(*call, path, "--text-embeddings", folder / f"{name}.npy")
        assert code == 0 and "embeddings right of" in err
    assert (folder / "every.ftl").read_bytes() == (folder / "kept.ftl").read_bytes()
    found = load_model(folder / "every.ftl").run
    assert found.embeddings and found.unlabelled == 600
    assert accuracy(folder / "every.ftl") > accuracy(folder / "plain.ftl")


def test_embeddings_help_where_unlabelled_texts_do_not(taught, caplog):
    found = read_corpus(taught.train)
    strange = [f"z{i} y{i} x{i}" for i in range(30)]
    beside = Beside(Texts.from_sequence(strange), meaning([*taught.texts, *strange]))
    trainee = fit_beside(
        found.texts, found.labels, Config(recipe="fixed", maxn=0, word_ngrams=1), beside,
        n_threads=1,
    )  # fmt: skip
    assert "the unlabelled texts are not learnt from" in caplog.text
    assert trainee.model.run.embeddings and trainee.model.run.unlabelled is None


def test_embeddings_and_patience(taught, run):
    call = ("train", taught.train, *QUICK, "--patience", "2", "-o", taught.folder / "m.ftl")
    code, err = run(*call, "--text-embeddings", taught.folder / "all.npy")
    assert code == 0 and "epoch 1/" in err
    assert load_model(taught.folder / "m.ftl").n_texts < 240


def test_embeddings_that_cannot_be(taught, refused, write):
    folder, train = taught.folder, taught.train
    rows = np.load(folder / "all.npy")
    np.save(folder / "less.npy", rows[:-2])
    np.save(folder / "wide.npy", np.ones((41, DIM + 1)))
    rows[7, 1] = np.nan
    np.save(folder / "nan.npy", rows)
    call = ("train", train, "-o", folder / "m.ftl", "-q", "--text-embeddings")
    less = folder / "less.npy"
    assert refused(*call, less) == (
        f"{less}: 239 rows, but one is needed for each of the 241 records of {train}, or for each "
        "of the 240 texts among them that can be learnt from, in their order"
    )
    assert "nan.npy: row 8 has a number that is not finite" in refused(*call, folder / "nan.npy")
    said = refused(*call, folder / "first.npy", folder / "wide.npy")
    assert "wide.npy: embeddings of 9 numbers" in said
    assert "nothing.npy" in refused(*call, folder / "nothing.npy")
    assert "not a file of embeddings" in refused(*call, train)
    assert refused(*call, "-") == (
        "--text-embeddings: embeddings cannot come from stdin; name a file"
    )
    kept = folder / "kept.npy"
    for flag in ("--output", "--log", "--plot"):
        same = folder / ("kept.npy" if flag != "--plot" else "kept.png")
        if same != kept:
            os.link(kept, same)
        kind = {"--output": "model"}.get(flag, flag.removeprefix("--"))
        assert f"the {kind} would overwrite this file" in refused(*call, same, flag, same)
    vectors = write("2 2\nw0x1 1 2\nw1x1 2 1\n", "words.vec")
    said = refused(*call, kept, "--pretrained-vectors", vectors)
    assert said.startswith("text embeddings and pretrained vectors both say what words start from")
    assert "--cache keeps the features of TRAIN alone" in refused(*call, kept, "--cache", folder)
    assert "take units 0" in refused(*call, kept, "--units", "8")
    assert not (folder / "m.ftl").exists()


def test_embeddings_and_word_vectors_in_python(taught, write):
    vectors = write("2 2\nw0x1 1 2\nw1x1 2 1\n", "words.vec")
    model = FastTextClassifier(pretrained_vectors=vectors)
    with pytest.raises(TrainingError, match="both say what words start from"):
        model.fit(taught.texts, taught.labels, text_embeddings=meaning(taught.texts))


# -- encoders ------------------------------------------------------------------------------------
FAKE = """
import json, os
import numpy as np
from tests_meaning import meaning


class Model:
    def __init__(self, folder):
        if not os.path.isdir(folder):
            raise AssertionError(f"{folder} would be downloaded")
        assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
        with open(os.path.join(folder, "modules.json")) as file:
            self.fault = json.load(file)[0].get("fault")
        if self.fault == "broken":
            raise KeyError("weights")
        self.calls = 0

    def _encode(self, texts, batch_size):
        assert type(texts) is list and all(type(text) is str for text in texts) and batch_size
        self.calls += 1
        found = meaning(texts)
        if self.fault == "nan":
            found[1, 0] = np.nan
        elif self.fault == "fewer":
            found = found[1:]
        elif self.fault == "flat":
            found = found[:, 0]
        elif self.fault == "dim":
            found = found[:, : 9 - self.calls]
        elif self.fault == "fails":
            raise RuntimeError("no memory\\nfor this")
        return found


class {name}(Model):
    {calls}
"""
SENTENCE = """
    def __init__(self, model_name_or_path=None, *, device=None, local_files_only=False):
        assert local_files_only
        super().__init__(model_name_or_path)

    def encode(self, inputs, prompt_name=None, prompt=None, batch_size=32, show_progress_bar=None,
               convert_to_numpy=True):
        assert show_progress_bar is False
        return self._encode(inputs, batch_size)
"""
STATIC = """
    @classmethod
    def from_pretrained(cls, path, token=None, normalize=None, subfolder=None):
        return cls(path)

    def encode(self, sentences, *, show_progress_bar=False, max_length=512, batch_size=1024):
        return self._encode(sentences, batch_size)
"""
HUB = """
import os


def snapshot_download(repo_id, *, cache_dir=None, local_files_only=False):
    assert local_files_only
    if repo_id.count("/") > 1:
        raise ValueError(repo_id)
    path = os.path.join(os.environ["FAKE_HUB"], repo_id)
    if not os.path.isdir(path):
        raise FileNotFoundError(path)
    return path
"""
PACKAGES = ("sentence_transformers", "model2vec", "huggingface_hub")


@pytest.fixture
def packages(monkeypatch, tmp_path):
    """Return a function that makes packages of encoders importable, and no others of them."""
    place = tmp_path / "packages"
    place.mkdir()
    fakes = {
        "sentence_transformers": FAKE.replace("{name}", "SentenceTransformer").replace(
            "{calls}", SENTENCE.strip()
        ),
        "model2vec": FAKE.replace("{name}", "StaticModel").replace("{calls}", STATIC.strip()),
        "huggingface_hub": HUB,
    }
    for name in (*PACKAGES, "transformers"):
        for module in [each for each in sys.modules if each.split(".")[0] == name]:
            monkeypatch.delitem(sys.modules, module)
    for variable in encoders.OFFLINE:
        monkeypatch.setenv(variable, "0")
    monkeypatch.setenv("FAKE_HUB", str(tmp_path / "hub"))
    monkeypatch.setitem(sys.modules, "tests_meaning", SimpleNamespace(meaning=meaning))
    monkeypatch.syspath_prepend(str(place))

    def install(*names):
        for name in names:
            (place / f"{name}.py").write_text(fakes[name], "utf-8")
        monkeypatch.setattr(encoders, "find_spec", lambda name: name in names)
        for name in PACKAGES:
            if name not in names:
                monkeypatch.setitem(sys.modules, name, None)  # cannot be imported

    return install


def make_encoder(path, kind="models.Transformer", fault=None, model_type="bert"):
    path.mkdir(parents=True)
    module = {"type": f"sentence_transformers.{kind}", "path": ".", "fault": fault}
    (path / "modules.json").write_text(json.dumps([module]))
    (path / "config.json").write_text(json.dumps({"model_type": model_type}))
    return path


KEPT = {
    "a sentence-transformer": ({}, ["sentence_transformers"]),
    "a static one": ({"kind": "models.StaticEmbedding"}, ["model2vec"]),
    "one of model2vec": ({"model_type": "model2vec"}, ["model2vec"]),
    "a static one without model2vec": (
        {"kind": "models.StaticEmbedding"}, ["sentence_transformers"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", KEPT)
def test_encoders(kind, packages, tmp_path):
    how, needs = KEPT[kind]
    packages(*needs)
    texts = [f"w{i % 3}x1 w1x{i}" for i in range(1_100)]
    said = []
    encoder = open_encoder(str(make_encoder(tmp_path / "encoder", **how)))
    assert [os.environ[name] for name in encoders.OFFLINE] == ["1", "1"]
    found = encoder.encode(Texts.from_sequence(texts), 7, said.append)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, meaning(texts))
    assert said[-1].startswith(f"{encoder.name}: 1,100 texts, 8 numbers each (")


def test_texts_are_given_in_batches_as_strings():
    given, said = [], []

    def call(texts, batch_size):
        given.append((len(texts), batch_size))
        assert "\ud800" not in "".join(texts)
        return np.ones((len(texts), 2))

    texts = Texts.from_sequence(["a \ud800 b"] + ["text"] * 1_300)
    assert Encoder("e", call).encode(texts, 100, said.append).shape == (1_301, 2)
    assert given == [(500, 100), (500, 100), (301, 100)]
    assert len(said) == 1


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("broken", "cannot load this encoder: KeyError: 'weights'"),
        ("fails", "the encoder failed: RuntimeError: no memory for this"),
        ("nan", "the encoder returns a number that is not finite in float32 for text 2, "),
        ("fewer", "the encoder returns an array of shape (239, 8) for 240 texts, not a row of"),
        ("flat", "the encoder returns an array of shape (240,) for 240 texts, not a row of num"),
    ],
)
def test_encoders_that_fail(fault, said, packages, taught, refused):
    packages("sentence_transformers")
    path = make_encoder(taught.folder / "encoder", fault=fault)
    line = refused("teach", path, taught.train, "-q", "-o", taught.folder / "m.ftl")
    assert line.startswith(f"{path}: {said}")
    assert not (taught.folder / "m.ftl").exists()


@pytest.mark.filterwarnings("error")
def test_an_encoder_of_numbers_that_are_too_large_or_too_many():
    texts = Texts.from_sequence(["one", "two"])
    with pytest.raises(ModelError, match="not finite in float32 for text 1, 'one'"):
        Encoder("e", lambda texts, n: np.full((len(texts), 2), 1e200)).encode(texts)
    with pytest.raises(ModelError, match="returns 16,385 numbers for a text, and 16,384 are the"):
        Encoder("e", lambda texts, n: np.ones((len(texts), 16_385))).encode(texts)


def test_rows_of_zeros_of_an_encoder_can_be_kept(taught, run):
    rows = meaning(taught.texts)
    rows[5] = 0
    np.save(taught.folder / "zeros.npy", rows)
    path = taught.folder / "m.ftl"
    call = ("train", taught.train, *QUICK, "-q", "-o", path, "--text-embeddings")
    assert run(*call, taught.folder / "zeros.npy") == (0, "")
    assert load_model(path).run.embeddings


def test_an_encoder_of_changing_size(packages, tmp_path):
    packages("sentence_transformers")
    encoder = open_encoder(str(make_encoder(tmp_path / "encoder", fault="dim")))
    with pytest.raises(ModelError, match="returns 8 numbers for one text and 7 for another"):
        encoder.encode(Texts.from_sequence(["w1x1"] * 600))


def test_what_is_not_installed_is_said(packages, taught, refused):
    path = make_encoder(taught.folder / "encoder")
    call = ("teach", path, taught.train, "-o", taught.folder / "m.ftl")
    packages()
    assert refused(*call) == (
        f"{path}: encoders need sentence-transformers or model2vec, and neither is installed: "
        "pip install 'fasttext-lite[teacher]'"
    )
    packages("model2vec")
    assert refused(*call) == (
        f"{path}: this encoder needs sentence-transformers, which is not installed: "
        "pip install 'fasttext-lite[teacher]'"
    )


def test_a_name_is_looked_up_on_this_machine_alone(packages, tmp_path):
    packages("sentence_transformers", "huggingface_hub")
    make_encoder(tmp_path / "hub" / "sentence-transformers" / "small")
    make_encoder(tmp_path / "hub" / "someone" / "own")
    for name in ("small", "sentence-transformers/small", "someone/own"):
        found = open_encoder(name).encode(Texts.from_sequence(["w1x1"]))
        np.testing.assert_array_equal(found, meaning(["w1x1"]))
    for name in ("large", "someone/other", "a/b/c"):
        with pytest.raises(ModelError) as caught:
            open_encoder(name)
        assert str(caught.value) == (
            f"{name}: no such folder, and no model of this name on this machine: nothing is "
            "downloaded, so download it first and give its folder"
        )


def test_folders_and_files_that_are_no_encoders(packages, tmp_path, write):
    packages("sentence_transformers")
    with pytest.raises(ModelError, match=r"a folder without modules.json or config.json"):
        open_encoder(str(tmp_path))
    with pytest.raises(ModelError, match="an encoder is a folder, and this is a file"):
        open_encoder(write("a\tb\n"))


# -- teach ---------------------------------------------------------------------------------------
def test_teach_is_train_with_embeddings(packages, taught, run):
    packages("sentence_transformers")
    folder = taught.folder
    encoder = make_encoder(folder / "encoder")
    (folder / "old.npy").write_bytes(b"old")
    code, err = run(
        "teach", encoder, taught.train, *QUICK, "-o", folder / "t.ftl", "--batch-size", "16",
        "--save-embeddings", folder / "old.npy",
    )  # fmt: skip
    assert code == 0 and f"{encoder}: 240 texts, 8 numbers each" in err
    kept = np.load(folder / "old.npy")
    assert kept.dtype == np.float32
    np.testing.assert_array_equal(kept, meaning(taught.texts))
    call = ("train", taught.train, *QUICK, "-q", "-o", folder / "m.ftl", "--text-embeddings")
    assert run(*call, folder / "old.npy") == (0, "")
    assert (folder / "t.ftl").read_bytes() == (folder / "m.ftl").read_bytes()
    assert not [path for path in folder.iterdir() if path.name.endswith(".tmp")]


def test_teach_with_unlabelled_texts_that_are_some_of_many(packages, taught, run, monkeypatch):
    from fasttext_lite.teaching import files

    packages("model2vec")
    folder = taught.folder
    monkeypatch.setattr(files.read_unlabelled, "__kwdefaults__", {
        **files.read_unlabelled.__kwdefaults__, "most": 300,
    })  # fmt: skip
    encoder = make_encoder(folder / "encoder", model_type="model2vec")
    more = folder / "more.txt"
    more.write_text("".join(f"{text}\n" for text in corpus(900, 7)[0]))
    how = (taught.train, "--unlabelled", more, *QUICK)
    code, err = run(
        "teach", encoder, *how, "-o", folder / "t.ftl", "--save-embeddings", folder / "e.npy"
    )
    assert code == 0 and "300 of 900 unlabelled texts are learnt from" in err
    assert np.load(folder / "e.npy").shape == (540, DIM)
    how = [*how[:-1], "7"]  # another seed takes the same texts
    assert run("teach", encoder, *how, "-q", "-o", folder / "t.ftl")[0] == 0
    embeddings = ("--text-embeddings", folder / "e.npy")
    assert run("train", *how, *embeddings, "-q", "-o", folder / "m.ftl")[0] == 0
    assert (folder / "t.ftl").read_bytes() == (folder / "m.ftl").read_bytes()


def test_teach_reads_stdin_and_needs_no_encoder_to_predict(packages, taught, run, feed):
    packages("model2vec")
    folder = taught.folder
    encoder = make_encoder(folder / "encoder", model_type="model2vec")
    feed(tsv(taught.texts, taught.labels))
    assert run("teach", encoder, "-", *QUICK, "-q", "-o", folder / "m.ftl") == (0, "")
    packages()
    assert accuracy(folder / "m.ftl") > 0.7


def test_mistakes_of_teach(packages, taught, refused, write):
    packages("sentence_transformers")
    folder, train = taught.folder, taught.train
    encoder = make_encoder(folder / "encoder")
    call = ("teach", encoder, train, "-o", folder / "m.ftl")
    said = refused(*call, "--save-embeddings", folder / "kept.txt")
    assert said == f"--save-embeddings: the file must be called *.npy; got {folder}/kept.txt"
    said = refused(*call, "--save-embeddings", folder / "nowhere" / "kept.npy")
    assert said.endswith("kept.npy: cannot write the embeddings: no such file or directory")
    (folder / "dir.npy").mkdir()
    said = refused(*call, "--save-embeddings", folder / "dir.npy")
    assert said.endswith("dir.npy: cannot write the embeddings: is a directory")
    texts = write(tsv(taught.texts, taught.labels), "texts.npy")
    for how in (
        (texts,), (train, "--valid", texts), (train, "--unlabelled", texts),
        (train, "--log", texts),
    ):  # fmt: skip
        words = ("teach", encoder, *how, "-o", folder / "m.ftl", "--save-embeddings", texts)
        assert refused(*words) == f"{texts}: the embeddings would overwrite this file"
    assert "must be a whole number of at least 1" in refused(*call, "--batch-size", "0")
    assert "no flag --text-embeddings" in refused(*call, "--text-embeddings", "x.npy")
    assert "no flag --save-embeddings" in refused("train", train, "--save-embeddings", "x.npy")
    assert "only one of the files of texts" in refused(
        "teach", encoder, "-", "-o", folder / "m.ftl", "--unlabelled", "-"
    )
    assert not (folder / "m.ftl").exists()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("size", [1e-30, 1e30, 1e38, 3e38])
def test_vectors_of_any_length_become_units(size):
    rng = np.random.default_rng(0)
    vectors = (rng.choice([-1, 1], (20, 8)) * size).astype(np.float32)
    vectors[3] = 0
    found = unit(vectors)
    expected = vectors / np.where(vectors.any(axis=1, keepdims=True), size * np.sqrt(8), 1)
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.dtype == np.float32 and np.isfinite(centred(vectors)).all()


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_the_largest_embeddings_are_learnt_from():
    texts, labels = ["soup bread", "goal match"] * 20, ["food", "sport"] * 20
    E = np.where(np.arange(4) % 2, 3e38, -3e38) * np.where(np.arange(40) % 2, 1, -1)[:, None]
    found = FastTextClassifier(epochs=2, random_state=0)
    found.fit(texts, labels, text_embeddings=E, unlabelled=[])
    assert found.score(texts, labels) == 1
