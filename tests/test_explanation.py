"""Why a text has its label: contributions add up to scores, and how they are shown."""

import html.parser
import json
import re
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fasttext_lite
from fasttext_lite import FastTextClassifier, explain, load_model, top_features
from fasttext_lite.cli import main
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.explanation.direction import of_all_labels, of_label
from fasttext_lite.fitting.fit import fit

ROWS = [
    ("sport", "they scored three goals in the last game"),
    ("sport", "the team won the cup after extra time"),
    ("food", "a bowl of hot soup with noodles"),
    ("food", "fresh bread and a cup of coffee"),
    ("money", "the bank raised its interest rates"),
    ("money", "shares fell after the bank's report"),
    ("中文", "这家面馆的汤头很好喝"),
    ("中文", "央行宣布下调存款利率"),
] * 6
TEXTS = [
    "the team had a cup of soup",
    "银行 raised 利率",
    "Goals, GOALS!",
    "x",
    "İstanbul bank ﬁne",
]
MODELS = {
    "default": {},
    "softmax": {"loss": "softmax", "head": "learned", "dim": 8},
    "linear": {"loss": "ova", "head": "linear"},
    "tree": {"loss": "hs", "head": "learned", "dim": 8},
    "mean": {"loss": "ns", "head": "learned", "pooling": "mean", "dim": 8, "bucket": 50},
    "fasttext's": {
        "loss": "softmax", "pooling": "mean", "eos": True, "word_ngrams": 3, "minn": 2, "maxn": 3,
        "bucket": 70, "analyzer": "whitespace", "head": "learned", "dim": 8,
    },
    "chinese": {"analyzer": "mixed", "nfkc": True, "word_ngrams": 2},
    "jieba": {"analyzer": "jieba"},
    "half": {"dtype": "float16", "head": "learned", "dim": 8},
    "ends": {"boundaries": True, "bias": True, "word_ngrams": 3, "stop_words": "the a of"},
    "layer": {"units": 6, "activation": "gelu", "head": "learned", "dim": 8, "loss": "softmax"},
    "norm": {"norm": "layer", "head": "learned", "dim": 8, "loss": "softmax"},
}  # fmt: skip
_fitted = {}


def model_of(name, multilabel=False):
    key = name, multilabel
    if key not in _fitted:
        labels = [[label] for label, _ in ROWS]
        if multilabel:
            labels = [own + ["other"] * (i % 3 == 0) for i, own in enumerate(labels)]
        how = {"epochs": 4, "min_df": 1, "min_count": 1, **MODELS[name]}
        texts = Texts.from_sequence([text for _, text in ROWS])
        _fitted[key] = fit(
            texts, Labels.from_rows(labels), fasttext_lite.Config(**how), n_threads=1,
            multilabel=multilabel,
        ).model  # fmt: skip
    return _fitted[key]


def inner_products(model, text):
    """Return the log-odds of each label, of each decision on its path with a tree."""
    hidden = model.embed([text], 1)[0].astype(float)
    if model.tree is None:
        return model.scale * (model.output.astype(float) @ hidden)
    parents, branches = model.tree.parents(), model.tree.branches()
    n, found = len(model.labels), []
    for leaf in range(n):
        total, node = 0.0, leaf
        while parents[node] >= 0:
            odds = model.scale * float(model.output[parents[node] - n].astype(float) @ hidden)
            total += odds if branches[node] else -odds
            node = parents[node]
        found.append(total)
    return np.array(found)


def check(model, text):
    scores = inner_products(model, text)
    probabilities = model.probabilities([text], 1)[0]
    found = explain(model, text, k=-1)
    everything = [found, *found.more]
    assert {each.label for each in everything} == set(model.labels)
    order = [each.probability for each in everything]
    assert order == sorted(order, reverse=True)
    for each in everything:
        number = model.labels.index(each.label)
        assert each.probability == pytest.approx(probabilities[number], abs=1e-6)
        sums = sum(span.contribution for span in each.spans)
        assert each.bias + sums == pytest.approx(each.score, abs=1e-6)
        assert each.characters.shape == (len(text),)
        assert each.characters.sum() == pytest.approx(sums, abs=1e-6)
        for span in each.spans:
            assert span.word == text[span.start : span.end]
            assert span.contribution == pytest.approx(span.own + span.ngrams)
        ends = [0, *(bound for span in each.spans for bound in (span.start, span.end))]
        assert ends == sorted(ends)
        assert "".join(piece for piece, _ in each.marked()) == text
        assert all(-1 <= share <= 1 for _, share in each.marked())
        if each.n_features:
            assert each.score == pytest.approx(scores[number], rel=1e-4, abs=1e-4)
        else:
            assert sums == 0
    label, other = model.labels[:2]
    compared = explain(model, text, label, other)
    assert compared.bias + sum(span.contribution for span in compared.spans) == pytest.approx(
        compared.score, abs=1e-6
    )
    if compared.n_features:
        assert compared.score == pytest.approx(scores[0] - scores[1], rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("text", [*TEXTS, ""])
def test_contributions_add_up_to_the_score(name, text):
    check(model_of(name), text)


@settings(deadline=None, max_examples=25)
@given(
    name=st.sampled_from(["default", "fasttext's", "chinese", "ends", "layer"]),
    text=st.text(st.characters(codec="utf-8"), max_size=12)
    | st.lists(st.sampled_from(" ".join(text for _, text in ROWS[:8]).split()), max_size=9).map(
        " ".join
    ),
)
def test_contributions_add_up_whatever_the_text(name, text):
    check(model_of(name), text)


def test_of_several_labels_each_is_explained_by_itself():
    for name in ("default", "linear"):
        for text in TEXTS:
            check(model_of(name, True), text)


def test_what_is_compared_is_the_likeliest_of_the_others():
    model = model_of("softmax")
    found = explain(model, TEXTS[0], k=2)
    first, second = found.label, found.more[0].label
    assert explain(model, TEXTS[0], other=first).label == second
    assert explain(model, TEXTS[0], other=second).label == first
    assert len(explain(model, TEXTS[0], other=first, k=-1).more) == len(model.labels) - 2


def test_words_are_given_what_is_theirs():
    model = model_of("mean")
    text = "the bank won"
    found = explain(model, text, "money")
    rows, words = model.space.row_codes, model.space.words()
    row = int(np.flatnonzero(rows == words.index(b"bank"))[0])
    features = model.features([text], 1)
    place = features.ids.tolist().index(row)
    direction = of_label(model, model.labels.index("money"))
    own = float(features.weights[place] * (model.embeddings[row].astype(float) @ direction))
    bank = next(span for span in found.spans if span.word == "bank")
    assert bank.own == pytest.approx(own)
    assert bank.ngrams == pytest.approx(bank.contribution - own)
    assert found.top(1)[0][0] == max(found.spans, key=lambda span: abs(span.contribution)).word


def test_a_model_of_layers_is_explained_to_first_order():
    model = model_of("layer")
    found = explain(model, TEXTS[0])
    assert not found.is_exact and "of first order" in found.to_text()
    # A small change of one weight moves the score as its contribution says.
    features = model.features([TEXTS[0]], 1)
    step = 1e-3
    features.weights[0] *= 1 + step
    number = model.labels.index(found.label)
    hidden = model.embed(features, 1)[0].astype(float)
    moved = float(hidden @ of_label(model, number)) - found.score
    word = TEXTS[0].split()[0]
    of_word = sum(span.own for span in found.spans if span.word == word)
    assert moved / step == pytest.approx(of_word, rel=0.05, abs=1e-3)
    assert explain(model_of("default"), TEXTS[0]).is_exact


def test_directions_of_all_labels_are_those_of_each():
    for name in ("softmax", "tree", "linear"):
        model = model_of(name)
        found = of_all_labels(model)
        for label in range(len(model.labels)):
            np.testing.assert_allclose(found[label], of_label(model, label), atol=1e-9)


def test_files_of_fasttext_and_small_models_are_explained(tmp_path):
    import fasttext_lite.compat as fasttext

    train = tmp_path / "train.txt"
    train.write_text("".join(f"__label__{label} {text}\n" for label, text in ROWS))
    theirs = fasttext.train_supervised(
        str(train), dim=8, epoch=3, wordNgrams=2, minn=2, maxn=3, bucket=2000, minCount=1, thread=1,
        verbose=0,
    )  # fmt: skip
    theirs.save_model(str(tmp_path / "m.bin"))
    theirs.quantize(input=str(train), qnorm=True, cutoff=300, retrain=False)
    theirs.save_model(str(tmp_path / "m.ftz"))
    for name in ("m.bin", "m.ftz"):
        model = load_model(tmp_path / name)
        for text in TEXTS:
            check(model, text)
    model = fasttext_lite.FastTextClassifier(epochs=3).fit(
        [text for _, text in ROWS], [label for label, _ in ROWS]
    )
    model.quantize().save(tmp_path / "q.ftl")
    model.save(tmp_path / "m.ftl")
    for name in ("q.ftl", "m.ftl"):
        for text in TEXTS:
            check(load_model(tmp_path / name, mmap=name == "m.ftl"), text)


# -- mistakes ---------------------------------------------------------------------------------
def test_what_cannot_be_explained_is_said():
    model = model_of("softmax")
    with pytest.raises(TypeError, match="text must be str; got list"):
        explain(model, ["x"])
    with pytest.raises(ValueError, match="'nonsense' is none of the model's 4 labels"):
        explain(model, "x", "nonsense")
    with pytest.raises(ValueError, match="label and other are the same: 'food'"):
        explain(model, "x", "food", "food")
    with pytest.raises(ValueError, match="has no meaning with a label"):
        explain(model, "x", "food", k=2)
    with pytest.raises(ValueError, match="k must be a whole number"):
        explain(model, "x", k=0)
    with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
        top_features(model, 0)
    with pytest.raises(ValueError, match="'nonsense' is none of the model's 4 labels"):
        top_features(model, 3, ["nonsense"])

    classifier = FastTextClassifier(epochs=2).fit(["a b", "c d"] * 3, ["x", "y"] * 3)
    for function in (lambda model: explain(model, "a"), top_features):
        for what, why in (
            (None, "got NoneType"), ("m.ftl", "got str"),
            (classifier, r"got FastTextClassifier \(a fitted classifier has one: .model_\)"),
        ):  # fmt: skip
            with pytest.raises(TypeError, match=f"model must be a Model.*{why}"):
                function(what)
    with pytest.raises(TypeError, match="label must be str; got list"):
        explain(model, "x", ["food"])
    for k in (0, -1, 1.5, True):
        with pytest.raises(ValueError, match="k must be a whole number of at least 1"):
            explain(model, "x").top(k)


@pytest.mark.parametrize("name", ["chinese", "jieba", "default"])
def test_what_shares_a_character_is_one_word(name):
    """In normal form one character may be several words; each word has characters of its own."""
    model = model_of(name)
    for text in ["½", "a½b ㈱ﷺ c", "İİ x", "ﬁne ﬁ", "e\u0301 é"]:
        check(model, text)
        found = explain(model, text)
        assert all(span.word for span in found.spans)
        if name == "chinese" and text == "½":
            assert [span.word for span in found.spans] == ["½"]


# -- the estimator ----------------------------------------------------------------------------
def test_the_classifier_explains_its_classes():
    texts = [text for _, text in ROWS]
    numbers = [["sport", "food", "money", "中文"].index(label) for label, _ in ROWS]
    classifier = FastTextClassifier(random_state=0).fit(texts, numbers)
    found = classifier.explain(TEXTS[0])
    assert found.label == str(classifier.predict([TEXTS[0]])[0])
    found = classifier.explain(TEXTS[0], label=1, other=np.int64(0))
    assert (found.label, found.other) == ("1", "0")
    assert len(classifier.explain(TEXTS[0], k=3).more) == 2
    with pytest.raises(ValueError, match="7 is none of the 4 classes"):
        classifier.explain("x", 7)
    with pytest.raises(Exception, match="not fitted"):
        FastTextClassifier().explain("x")


# -- features of labels -----------------------------------------------------------------------
@pytest.mark.parametrize("name", ["default", "tree", "mean", "layer", "chinese"])
def test_top_features_are_the_words_of_the_label(name):
    model = model_of(name)
    found = top_features(model, 3)
    assert list(found) == model.labels
    for label, (above, below) in found.items():
        assert 0 < len(above) <= 3 and len(below) <= 3
        assert all(share > 0 for _, share in above) and all(share < 0 for _, share in below)
        assert [share for _, share in above] == sorted((s for _, s in above), reverse=True)
        own = {word for own, text in ROWS if own == label for word in text.lower().split()}
        if label != "中文":
            assert above[0][0] in own
    assert list(top_features(model, 2, ["food"])) == ["food"]


# -- how it is shown --------------------------------------------------------------------------
class Tags(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.text = [], ""

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.text += data


def test_html_shows_the_text_and_obeys_none_of_it():
    text = "<script>alert(1)</script> the bank & \x1b[31m 'cup' \"soup\" </div>"
    found = Tags()
    found.feed(explain(model_of("default"), text)._repr_html_())
    assert "script" not in found.tags
    assert "<script>alert(1)</script> the bank & " in found.text
    assert "\x1b" not in found.text


def test_what_is_listed_adds_up_to_the_score():
    """Ten words, the others together, and what belongs to none."""
    text = " ".join(text for _, text in ROWS[:6]) + " the the"
    for name in ("default", "layer"):
        found = explain(model_of(name), text)
        lines = found.to_text().splitlines()[2:]
        assert len(lines) == 12 and re.search(r"\(\d+ more words\)$", lines[10])
        assert sum(float(line.split()[0]) for line in lines) == pytest.approx(found.score, abs=0.02)
    assert re.search(r"the \(\d times\)|more words", found.to_text())


def test_lines_for_terminals():
    found = explain(model_of("softmax"), "the bank\x1b[2J raised its\nrates", k=2)
    plain = found.to_text()
    assert "\x1b" not in plain and len(plain.splitlines()) >= 6
    assert plain.splitlines()[0].startswith("money: probability ")
    assert "(what belongs to no word)" in plain
    colored = found.to_text(color=True)
    assert "\x1b[48;5;75;30m" in colored and "\x1b[2J" not in colored
    stripped = re.sub("\x1b\\[[0-9;]*m", "", colored)
    assert stripped == plain
    assert str(found) == plain
    json.dumps(found.to_dict(), allow_nan=False)


# -- the command ------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def path(tmp_path_factory):
    from fasttext_lite.model.storage import save_model

    path = tmp_path_factory.mktemp("explain") / "m.ftl"
    save_model(model_of("default"), path)
    return str(path)


def good(capsys, *words):
    assert main(["explain", *words]) == 0
    return capsys.readouterr()


def test_the_command_explains_a_text_a_file_and_stdin(path, tmp_path, capsys):
    out = good(capsys, path, "the bank raised its rates").out
    assert out.startswith("money: probability ") and "\x1b" not in out
    file = tmp_path / "texts.txt"
    file.write_text("the bank raised its rates\nhot soup\n")
    lines = good(capsys, path, str(file), "--json").out.splitlines()
    assert [json.loads(line)["label"] for line in lines] == ["money", "food"]
    out = good(capsys, path, str(file), "--color", "always", "-k", "2").out
    assert out.count("probability") == 4 and "\x1b[48" in out
    out = good(capsys, path, "hot soup", "--label", "sport", "--other", "food").out
    assert out.startswith("sport rather than food: probability ")
    done = subprocess.run(
        [sys.executable, "-m", "fasttext_lite", "explain", path, "--json"],
        input="hot soup\n", capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["label"] == "food"


def test_the_command_says_what_is_wrong(path, tmp_path, capsys):
    for words, message in (
        ([path, "x", "--label", "nonsense"], "--label: 'nonsense' is none of the model's 4 labels"),
        ([path, "x", "--label", "food", "-k", "2"], "with --label it has no meaning"),
        ([path, "x", "--label", "food", "--other", "food"], "--label and --other are the same"),
        ([str(tmp_path / "none.ftl"), "x"], "none.ftl"),
    ):
        assert main(["explain", *words]) == 2
        said = capsys.readouterr()
        assert message in said.err and said.err.count("\n") == 1 and not said.out
    said = good(capsys, path, "x", "--json", "--color", "always")
    assert "--color has no effect: --json is not coloured" in said.err
    for name in ("some/file", "texst.txt", "a.csv.gz"):
        said = good(capsys, path, name)
        assert f"{name}: there is no such file; explained as a text" in said.err
    for text in ("3.5", "hot soup.", "e.g."):
        assert not good(capsys, path, text).err.count("no such file")
    said = good(capsys, path, "hot soup", "--format", "csv", "--multilabel")
    assert "has no effect: what is given is a text, and no file" in said.err
    assert "--format" in said.err and "--multilabel" in said.err


def test_info_shows_the_words_of_each_label(path, capsys):
    assert main(["info", path, "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    found = [line for line in lines if line.startswith(("for ", "against "))]
    assert len(found) == 8 and any(re.match(r"for food\s+\w+ \+1\.00", line) for line in found)
    assert main(["info", path, "--top", "2", "--json"]) == 0
    values = json.loads(capsys.readouterr().out)
    assert set(values["top"]) == {label for label, _ in ROWS}
    assert all(share > 0 for _, share in values["top"]["food"]["for"])
    assert main(["info", path, "--top", "2", "--verify"]) == 2
    assert "--top describes what --verify only checks" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["info", path, "--top", "0"])
