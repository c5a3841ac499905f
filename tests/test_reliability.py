"""How sure a model is: thresholds, answers and bins beside slow twins, and what `test` prints."""

import json

import numpy as np
import pytest

from fasttext_lite.cli import app
from fasttext_lite.evaluation.reliability import (
    WANTED,
    answers_for,
    area_under_roc,
    coverage,
    lower_bound,
    reliability,
    shown_threshold,
)
from fasttext_lite.model.calibration import calibration_error
from fasttext_lite.model.coverage import threshold_for_rate
from fasttext_lite.model.storage import load_model


def drawn(n, seed=0, digits=1):
    """Return confidences with many ties, and hits that are about as likely as they say."""
    rng = np.random.default_rng(seed)
    confidence = rng.random(n).round(digits)
    return confidence, rng.random(n) < confidence


# -- arrays ----------------------------------------------------------------------------------
@pytest.mark.parametrize("digits", [1, 2, 12])
def test_a_threshold_answers_all_texts_of_equal_confidence(digits):
    confidence, right = drawn(200, 1, digits)
    found = coverage(confidence, right)
    assert found.threshold.tolist() == sorted(set(confidence.tolist()))
    area = 0.0
    for own in confidence:
        given = confidence >= own
        place = found.threshold.tolist().index(own)
        assert found.answered[place] == pytest.approx(given.mean())
        assert found.accuracy[place] == pytest.approx(right[given].mean())
        area += right[given].mean() / confidence.size
    assert found.area == pytest.approx(area)
    assert (np.diff(found.answered) < 0).all() and found.answered[0] == 1


@pytest.mark.parametrize("by_bound", [False, True])
def test_the_threshold_of_an_accuracy_answers_most(by_bound):
    confidence, right = drawn(300, 2)
    asked = (0.3, *WANTED, 1.0)
    for wanted, found in zip(
        asked, answers_for(confidence, right, asked, by_bound=by_bound), strict=True
    ):
        tried = {}
        for threshold in set(confidence.tolist()):
            given = confidence >= threshold
            lower = lower_bound(right[given].sum(), given.sum())
            tried[threshold] = right[given].mean(), given.mean(), given.sum(), lower
        reached = 3 if by_bound else 0
        good = [each for each, values in tried.items() if values[reached] >= wanted - 1e-12]
        best = max(tried, key=lambda each: (tried[each][reached], -each))
        assert found.wanted == wanted
        assert found.threshold == (min(good) if good else None)
        expected = tried[min(good) if good else best]
        told = found.accuracy, found.answered, found.n, found.lower
        assert told == pytest.approx(expected)
        assert found.lower <= found.accuracy


def test_equal_confidence_leaves_one_threshold():
    found = answers_for(np.full(10, 0.7), np.arange(10) < 9, (0.9, 0.95))
    assert (found[0].threshold, found[0].answered, found[0].accuracy) == (0.7, 1.0, 0.9)
    assert (found[1].threshold, found[1].accuracy) == (None, 0.9)


def test_the_threshold_of_a_rate_is_the_highest():
    confidence, _ = drawn(77, 3)
    for rate in (0.01, 0.2, 0.5, 0.8, 1.0):
        threshold = threshold_for_rate(confidence, rate)
        assert (confidence >= threshold).mean() >= rate - 1e-12
        higher = confidence[confidence > threshold]
        assert higher.size / 77 < rate
    assert threshold_for_rate(confidence, 1.0) == confidence.min()


def test_the_lower_bound_is_wilsons():
    from scipy.stats import binomtest

    for hits, n in ((0, 1), (1, 1), (19, 20), (95, 100), (400, 1000), (0, 50)):
        # A two-sided interval of 90 % has the ends of one-sided ones of 95 %.
        theirs = binomtest(hits, n).proportion_ci(0.9, method="wilson").low
        assert lower_bound(hits, n) == pytest.approx(theirs, abs=1e-9)
    assert lower_bound(0, 0) == 0


@pytest.mark.parametrize("n", [0, 1, 7, 15, 16, 400])
def test_bins_have_the_error_that_is_printed(n):
    confidence, right = drawn(n, 4, 6)
    weights = np.random.default_rng(5).random(n)
    for each in (None, weights):
        found = reliability(confidence, right, each)
        assert found.error == pytest.approx(calibration_error(confidence, right, each))
        assert found.counts.sum() == n and (found.counts > 0).all()
        assert found.counts.size == min(n, 15)
        assert (np.diff(found.confidence) >= 0).all()
    plain = reliability(confidence, right)
    assert plain.counts @ plain.accuracy == pytest.approx(right.sum())
    assert plain.counts @ plain.confidence == pytest.approx(confidence.sum())
    assert len(reliability(confidence, right, n_bins=4).counts) == min(n, 4)


def test_the_area_is_that_of_the_curve():
    from sklearn.metrics import roc_auc_score

    known, novel = drawn(60, 6)[0] + 0.1, drawn(90, 7)[0]
    theirs = roc_auc_score([1] * 60 + [0] * 90, np.concatenate([known, novel]))
    assert area_under_roc(known, novel) == pytest.approx(theirs)
    assert area_under_roc(known[:0], novel) is None
    assert area_under_roc(known, novel[:0]) is None


def test_nothing_has_no_threshold():
    nothing = np.empty(0), np.empty(0, bool)
    found = coverage(*nothing)
    assert found.threshold.size == found.answered.size == found.area == 0
    assert {each.threshold for each in answers_for(*nothing)} == {None}


def test_arrays_that_do_not_fit_are_refused():
    for function in (coverage, answers_for, reliability):
        with pytest.raises(ValueError, match="must be of one length"):
            function(np.zeros(3), np.zeros(2, bool))
    with pytest.raises(ValueError, match="not finite"):
        coverage(np.array([0.5, np.nan]), np.ones(2, bool))
    with pytest.raises(ValueError, match="above 0 and at most 1"):
        answers_for(np.ones(1), np.ones(1, bool), [1.5])
    with pytest.raises(ValueError, match="n_bins must be at least 1; got 0"):
        reliability(np.ones(1), np.ones(1, bool), n_bins=0)


# -- the command -----------------------------------------------------------------------------
WORDS = {kind: [f"{kind}{i}" for i in range(40)] for kind in ("ham", "spam", "news", "odd")}


def rows(n, seed, several=False):
    """Return lines of three labels, whose words are mixed, so that some are hard."""
    rng = np.random.default_rng(seed)
    lines = []
    for _ in range(n):
        first, second = rng.choice(["ham", "spam", "news"], 2, replace=False)
        n_own = rng.integers(1, 5)
        words = [*rng.choice(WORDS[first], n_own), *rng.choice(WORDS[second], 5 - n_own)]
        label = f"{first},{second}" if several and n_own < 4 else first
        lines.append(f"{label}\t{' '.join(words)}\n")
    return "".join(lines)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with two models and files of texts."""
    folder = tmp_path_factory.mktemp("sure")
    for name, several in (("one", False), ("several", True)):
        (folder / f"{name}.tsv").write_text(rows(300, 1, several), "utf-8")
        (folder / f"{name}.test.tsv").write_text(rows(120, 2, several), "utf-8")
        more = ["--multilabel"] if several else []
        assert app.main([
            "train", str(folder / f"{name}.tsv"), "-o", str(folder / f"{name}.ftl"), "--seed", "1",
            "-q", "--answer-rate", "0.7", *more,
        ]) == 0  # fmt: skip
    odd = np.random.default_rng(3).choice(sum(WORDS.values(), []), (50, 6))
    (folder / "odd.txt").write_text("".join(f"{' '.join(each)}\n" for each in odd), "utf-8")
    (folder / "odd.tsv").write_text(
        "".join(f"odd\t{' '.join(each)}\n" for each in odd), "utf-8"
    )  # fmt: skip
    return folder


@pytest.fixture
def run(folder, capsys):
    """Return a function that runs `test` on a model: exit code, stdout, stderr."""

    def run(model, *arguments, file=None):
        capsys.readouterr()
        files = str(folder / f"{model}.ftl"), str(file or folder / f"{model}.test.tsv")
        code = app.main(["test", *files, *map(str, arguments)])
        return code, *capsys.readouterr()

    return run


@pytest.mark.parametrize("model", ["one", "several"])
def test_what_is_told_is_measured_on_the_file(model, folder, run):
    code, said, _ = run(model, "--confidence", "--json")
    found = json.loads(said)
    assert code == 0
    bins = found["reliability"]
    error = sum(b["n"] * abs(b["confidence"] - b["accuracy"]) for b in bins)
    assert error / sum(b["n"] for b in bins) == pytest.approx(found["calibration_error"])
    assert [each["wanted"] for each in found["answers"]] == list(WANTED)
    assert found["unit"] == ("texts" if model == "one" else "labels given")
    own = found["abstention"]
    ftl = load_model(folder / f"{model}.ftl")
    assert own["threshold"] == ftl.abstention.value
    # Once more, by what is predicted.
    lines = (folder / f"{model}.test.tsv").read_text("utf-8").splitlines()
    gold, texts = zip(*(line.split("\t") for line in lines), strict=True)
    given = ftl.predict(list(texts), k=3 if model == "several" else 1).rows()
    pairs = [
        (name in labels.split(","), p)
        for labels, row in zip(gold, given, strict=True)
        for name, p in row
        if model == "one" or p >= 0.5
    ]
    for each in (*found["answers"], own):
        if each["threshold"] is not None:
            hits = [hit for hit, p in pairs if p >= each["threshold"]]
            assert each["n"] == len(hits)
            assert each["answered"] == pytest.approx(len(hits) / len(pairs))
            assert each["accuracy"] == pytest.approx(np.mean(hits))
    if model == "one":
        assert sum(b["n"] for b in bins) == found["n"] == 120


def test_tables_are_printed_after_the_summary(run):
    code, said, _ = run("one", "--confidence")
    lines = said.splitlines()
    assert code == 0 and lines[0].startswith("n 120  accuracy ")
    assert lines[1] == "confidence\taccuracy\tn\t(texts)"
    assert len(lines) == 2 + 15 + 1 + len(WANTED) + 1
    assert lines[17] == "wanted\tthreshold\tanswered\taccuracy\tat least\tn"
    assert [line.split("\t")[0] for line in lines[18:]] == [
        *(f"{each:g}" for each in WANTED), "model's",
    ]  # fmt: skip
    assert run("several", "--confidence")[1].splitlines()[1].endswith("(labels given)")


@pytest.mark.parametrize("name", ["odd.txt", "odd.tsv"])
def test_novel_texts_need_no_labels(name, folder, run):
    code, said, _ = run("one", "--novel", folder / name, "--json")
    novel = json.loads(said)["novel"]
    assert code == 0 and novel["n"] == 50
    model = load_model(folder / "one.ftl")
    texts = (folder / "odd.txt").read_text("utf-8").splitlines()
    sure = model.predict(texts).probabilities[:, 0]
    lines = (folder / "one.test.tsv").read_text("utf-8").splitlines()
    known = model.predict([line.split("\t")[1] for line in lines]).probabilities[:, 0]
    assert novel["area_under_roc"] == pytest.approx(area_under_roc(known, sure))
    assert 0.5 < novel["area_under_roc"] <= 1
    assert novel["abstention"] == pytest.approx((sure >= model.abstention.value).mean())
    for each in novel["answers"]:
        shares = None if each["threshold"] is None else (sure >= each["threshold"]).mean()
        assert each["answered"] == shares
    plain = run("one", "--novel", folder / name)[1].splitlines()
    assert len(plain) == 2
    assert plain[1].startswith(
        f"{folder / name}: n 50  AUC {novel['area_under_roc']:.4f}  answered"
    )
    assert "(the model's threshold)" in plain[1]


def test_texts_that_are_not_novel_are_told(folder, run, tmp_path):
    lines = (folder / "one.test.tsv").read_text("utf-8").splitlines()
    few = tmp_path / "few.tsv"
    few.write_text("\n".join(lines[:20]) + "\n", "utf-8")
    same = tmp_path / "same.tsv"
    same.write_text("\n".join(lines) + "\n", "utf-8")
    for file, why in ((same, "the very texts of FILE"), (few, "all its labels")):
        code, said, errors = run("one", "--novel", file)
        assert code == 0 and said.splitlines()[1].startswith(f"{file}: n ")
        assert why in errors and errors.count("\n") == 1
    few.write_text("\n".join("odd\t" + line.split("\t")[1] for line in lines[:20]) + "\n", "utf-8")
    assert run("one", "--novel", few)[2] == "", "labels of other texts are no mistake"


def test_a_threshold_counts_no_text_without_a_feature(folder, run, tmp_path):
    blank = tmp_path / "blank.tsv"
    names = load_model(folder / "one.ftl").labels
    blank.write_text("".join(f"{name}\t\u0bf5\u0bf5\n" for name in names) * 5, "utf-8")
    code, said, _ = run("one", "--confidence", "--novel", blank, "--json", file=blank)
    found = json.loads(said)
    assert code == 0 and found["n_unknown_text"] == found["n"] == found["novel"]["n"]
    assert found["abstention"]["answered"] == found["novel"]["abstention"] == 0


def test_the_first_labels_are_those_of_k():
    helps = [action.help for action in _flags("test") if action.dest in ("k", "threshold")]
    assert ["first 1, 3 and 5" in text for text in helps] == [True, False]


def _flags(command):
    parser = app.make_parser([command])
    return parser._subparsers._group_actions[0].choices[command]._actions


def test_what_cannot_be_is_one_line(folder, run, tmp_path):
    empty = tmp_path / "empty.txt"
    empty.write_text("")
    cases = {
        "leave --threshold out": ["--confidence", "--threshold", "0.5"],
        "--novel tries all thresholds": ["--novel", folder / "odd.txt", "--threshold", "tuned"],
        "there is no text in the file of --novel": ["--novel", empty],
        "no such file": ["--novel", tmp_path / "not.there"],
    }
    for why, arguments in cases.items():
        code, said, errors = run("one", *arguments)
        assert (code, said) == (2, ""), why
        assert why in errors and errors.count("\n") == 1, errors
    code, _, errors = run("one", "--novel", "-", file="-")
    assert code == 2 and "cannot both come from stdin" in errors


def test_models_of_fasttext_are_told_to_convert(folder, tmp_path, capsys):
    from fasttext_lite import compat as fasttext

    train = tmp_path / "train.txt"
    train.write_text("__label__a x y\n__label__b z w\n" * 3)
    model = tmp_path / "theirs.bin"
    fasttext.train_supervised(str(train), dim=2, epoch=1, verbose=0).save_model(str(model))
    for flag in (["--confidence"], ["--novel", str(folder / "odd.txt")]):
        assert app.main(["test", str(model), str(train), *flag]) == 2
        said = capsys.readouterr().err
        assert f"{flag[0]} is not for models of fastText: `fasttext-lite convert" in said


@pytest.mark.parametrize(
    "value, shown",
    [(0.99995, "0.99995000"), (0.95, "0.95000"), (0.5, "0.5000"), (0.12349, "0.1234"),
     (1, "1.0000"), (0.0001239, "0.0001239"), (1 - 2**-53, "0.99999999999999990"), (0, "0.0000")],
)  # fmt: skip
def test_a_threshold_that_is_copied_loses_no_text(value, shown):
    assert shown_threshold(value) == shown
    assert float(shown_threshold(value)) <= value
