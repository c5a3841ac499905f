"""Reports: what is counted, said and forecast, and a page that holds whatever texts hold."""

import dataclasses
import gzip
import json
import re
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from fasttext_lite import compat
from fasttext_lite.cli import app
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.evaluation.compare import compare, mid_p, proportion_interval
from fasttext_lite.evaluation.novelty import novel_texts
from fasttext_lite.evaluation.reliability import shown_threshold
from fasttext_lite.evaluation.scores import evaluate
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.abstention import Abstention
from fasttext_lite.model.storage import save_model
from fasttext_lite.reporting import curve, limits, render, words
from fasttext_lite.reporting.charts import SENTINELS, page_svg
from fasttext_lite.reporting.confusion import hard_pairs, mistakes, table_labels
from fasttext_lite.reporting.findings import Data, find
from fasttext_lite.reporting.measured import measure
from fasttext_lite.reporting.novel import MOST_NOVEL, curves
from fasttext_lite.reporting.report import write_report
from fasttext_lite.reporting.view import View

WORDS = {"food": "soup bread rice", "sport": "goal match team", "金钱": "bank loan 利率"}
NASTY = (
    "<script>alert(1)</script>", "</script><img src=x onerror=alert(1)>", "\"'><b id=broken>",
    "مرحبا بالعالم", "nul\0 \x1b[31m \ud800", "{{ 7 * 7 }} {% raw %}", "😀\ttab", " ", "x" * 500,
    "\u202eright to left",
)  # fmt: skip


def data(rows, path="test.tsv"):
    """Return labelled texts: rows of labels (a tuple, or one) and a text."""
    rows = [(own if isinstance(own, tuple) else (own,), text) for own, text in rows]
    texts = Texts.from_sequence([text for _, text in rows])
    return Data(path, texts, Labels.from_rows([own for own, _ in rows]))


def trained(rows, **settings):
    given = data(rows)
    config = Config(**{"epochs": 20, "lr": 0.5, "dim": 8, "maxn": 0, **settings})
    return fit(given.texts, given.labels, config, n_threads=1).model


ROWS = [
    (label, f"{word} {word}s {i}")
    for i in range(8)
    for label, some in WORDS.items()
    for word in some.split()
]
# Some are wrong on purpose, so that there is something to tell.
TEST = [*ROWS[:45], *[("sport", "soup bread")] * 7, *[("food", "goal soup")] * 3, ("food", "loan")]


@pytest.fixture(scope="module")
def model():
    return trained(ROWS)


@pytest.fixture(scope="module")
def found(model):
    return find("m.ftl", model, data(TEST), train=data(ROWS, "train.tsv"), n_threads=1)


@pytest.fixture(scope="module")
def nasty():
    """Return what is found where labels and texts hold what breaks pages."""
    rows = [(label, f"{label} w{i % 3}") for i in range(6) for label in NASTY]
    model = trained(rows, epochs=3)
    test = [*rows, *[(NASTY[i], f"{NASTY[i - 1]} w1") for i in range(len(NASTY))]]
    return find(
        "</title><script>m", model, data(test, "<b>&.tsv"), train=data(rows, "<i>"),
        against=('"><b>', trained(rows, epochs=1)), n_threads=1,
    )  # fmt: skip


class Reader(HTMLParser):
    """Reads a page: tags, ids, links and the text of each element with an id."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.ids, self.links, self.text = [], [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.tags.append((tag, attrs))
        self.ids += [attrs[name] for name in ("id",) if name in attrs]
        self.links += [attrs[name] for name in ("href", "xlink:href") if name in attrs]

    def handle_data(self, text):
        self.text.append(text)


# -- two models ----------------------------------------------------------------------------------
def slow_mid_p(b, c):
    """McNemar's mid-p by its definition: both tails, and half of what is as likely as the seen."""
    from math import comb

    n = b + c
    chances = [comb(n, k) / 2**n for k in range(n + 1)]
    seen = chances[b]
    less = sum(p for p in chances if p < seen * (1 - 1e-9))
    same = sum(p for p in chances if abs(p - seen) <= seen * 1e-9)
    return less + same / 2


@pytest.mark.parametrize(
    "b, c", [(0, 1), (1, 0), (0, 5), (3, 9), (7, 7), (1, 1), (12, 30), (40, 41)]
)
def test_mid_p_is_that_of_the_definition(b, c):
    assert mid_p(b, c) == pytest.approx(slow_mid_p(b, c), rel=1e-9)


def test_mid_p_of_few_and_of_very_many():
    assert mid_p(0, 0) == 1
    assert mid_p(0, 100_000) == 0
    assert mid_p(50_000, 50_000) == pytest.approx(1, abs=0.01)
    assert mid_p(49_000, 51_000) < 1e-9


def test_a_comparison_counts_pairs():
    first, second = np.zeros(100, bool), np.zeros(100, bool)
    first[:60], second[10:80] = True, True
    test = compare(first, second)
    assert (test.n, test.n_first, test.n_second) == (100, 60, 70)
    assert (test.only_first, test.only_second) == (10, 20)
    assert test.difference == pytest.approx(0.1)
    assert test.low < 0.1 < test.high
    assert test.p == pytest.approx(slow_mid_p(10, 20))
    assert not test.is_significant
    other = compare(second, first)
    assert (other.p, other.low, other.high) == (test.p, -test.high, -test.low)


@pytest.mark.parametrize("first, second", [([], []), ([1], [1, 0])])
def test_a_comparison_of_nothing(first, second):
    with pytest.raises(ValueError, match="a comparison is of the same texts"):
        compare(np.array(first, bool), np.array(second, bool))


def test_the_interval_of_a_share_is_wilsons():
    low, high = proportion_interval(45, 50)  # Newcombe 1998, by hand
    assert (low, high) == (pytest.approx(0.7864, abs=1e-4), pytest.approx(0.9565, abs=1e-4))
    assert proportion_interval(0, 0) == (0, 1)
    assert proportion_interval(0, 10)[0] == 0
    assert proportion_interval(10, 10)[1] == pytest.approx(1)


# -- what is taken for what ----------------------------------------------------------------------
def test_what_is_measured_text_by_text(model):
    measured = measure(model, data(TEST).texts, data(TEST).labels, 1)
    best = model.predict([text for _, text in TEST], 2)
    np.testing.assert_array_equal(measured.labels, best.labels)
    np.testing.assert_allclose(measured.probabilities, best.probabilities)
    right = [row[0] == names[0] for row, names in zip(TEST, best.names, strict=True)]
    np.testing.assert_array_equal(measured.is_right, right)
    assert measured.result.n_right == sum(right)
    again = evaluate(model, data(TEST).texts, data(TEST).labels, n_threads=1)
    assert vars(measured.result).keys() == vars(again).keys()
    for name, value in vars(again).items():
        np.testing.assert_array_equal(getattr(measured.result, name), value, name)
    assert [measured.names[measured.own(i)[0]] for i in range(len(TEST))] == [x for x, _ in TEST]
    assert [measured.text(i) for i in range(len(TEST))] == [text for _, text in TEST]


def test_labels_that_the_model_does_not_know(model):
    rows = [*TEST, ("new", "soup"), (("food", "new"), "goal"), (("sport", "food"), "goal match")]
    strange = data([*rows, ("food", "zzz")])
    measured = measure(model, strange.texts, strange.labels, 1)
    again = evaluate(model, strange.texts, strange.labels, n_threads=1)
    for name, value in vars(again).items():
        np.testing.assert_array_equal(getattr(measured.result, name), value, name)
    assert again.n_unseen_texts == 2 and again.n_unknown_texts == 1
    page = find("m.ftl", model, strange, n_threads=1)
    text = " ".join("".join(check_page(render.render(page)).text).split())
    assert "2 texts have labels that the model does not know" in text
    assert "1 text have no word" in text or "1 text has no word" in text


def test_mistakes_are_counted_by_hand(found):
    measured = found.measured
    wrong: dict = {}
    for i in np.flatnonzero(~measured.is_right):
        pair = int(measured.first_gold[i]), int(measured.labels[i, 0])
        wrong.setdefault(pair, []).append(i)
    assert {(m.true, m.found): m.count for m in found.mistakes} == {
        pair: len(docs) for pair, docs in wrong.items()
    }
    assert [m.count for m in found.mistakes] == sorted(map(len, wrong.values()), reverse=True)
    for each in found.mistakes:
        docs = wrong[each.true, each.found]
        assert set(each.docs.tolist()) <= set(docs) and len(each.docs) == min(len(docs), 8)
        sure = measured.confidence[each.docs]
        assert (np.diff(sure) <= 0).all() and sure[0] == measured.confidence[docs].max()


def test_pairs_are_both_ways_together(found):
    gold = found.measured.result.gold
    pairs = hard_pairs(mistakes(found.measured, 1), gold, 99)
    counts = {(m.true, m.found): m.count for m in found.mistakes}
    assert sum(pair.there + pair.back for pair in pairs) == sum(counts.values())
    for pair in pairs:
        assert pair.there == counts.get((pair.one, pair.other), 0) >= pair.back
        assert pair.back == counts.get((pair.other, pair.one), 0)
        assert pair.share == (pair.there + pair.back) / (gold[pair.one] + gold[pair.other])


def test_labels_that_are_mistaken_stand_side_by_side():
    from fasttext_lite.reporting.confusion import Mistake

    docs = np.empty(0, np.int64)
    pairs = {(0, 5): 9, (5, 0): 4, (1, 2): 8, (2, 0): 1, (3, 4): 2}
    found = [Mistake(true, taken, n, docs) for (true, taken), n in pairs.items()]
    assert table_labels(found) == [0, 5, 2, 1, 3, 4]
    assert table_labels(found, 2) == [0, 5]
    assert table_labels([]) == []


# -- more texts ----------------------------------------------------------------------------------
def rights(sizes, power, factor, n=4000, seed=0):
    rng = np.random.default_rng(seed)
    return {size: [rng.random(n) > factor * size**-power for _ in range(2)] for size in sizes}


def test_a_power_law_is_found_again():
    law = curve.forecast(rights([500, 1000, 2000, 4000], 0.4, 3.0), np.random.default_rng(1))
    assert law.power == pytest.approx(0.4, abs=0.05)
    gain = 3.0 * 4000**-0.4 * (1 - 2**-0.4)
    assert law.low < gain < law.high
    assert law.gain == pytest.approx(gain, abs=0.01)
    assert law.accuracy(8000) - law.accuracy(4000) == pytest.approx(law.gain, abs=0.005)
    assert law.checked == pytest.approx(1 - 3.0 * 4000**-0.4, abs=0.02)


def test_a_forecast_of_few_texts_is_less_sure():
    wide, narrow = (
        curve.forecast(rights([50, 100, 200], 0.4, 1.0, n, 3), np.random.default_rng(1))
        for n in (100, 10_000)
    )
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert wide.checked is None


def test_no_forecast_where_there_is_nothing_to_fit():
    rng = np.random.default_rng(0)
    assert curve.forecast(rights([10, 20], 0.4, 1.0), rng) is None
    assert curve.forecast({10: [np.ones(9, bool)], 20: [np.ones(9, bool)]} | {
        40: [np.ones(9, bool)]}, rng) is None  # fmt: skip
    assert curve.forecast({}, rng) is None


def test_a_learning_curve_takes_its_shares(found):
    sizes = [point.n_texts for point in found.curve.points]
    assert sizes == [9, 18, 36, 72]
    assert [len(point.accuracies) for point in found.curve.points] == [3, 3, 2, 1]
    assert found.curve.n_tested == len(TEST) and found.curve.notes == []


def test_a_learning_curve_ends_in_time(model):
    given = data(ROWS)
    pair = given.texts, given.labels
    short = curve.learning_curve(model, pair, pair, most_seconds=1e-9, n_threads=1)
    assert len(short.points) == 1  # the first shows how long a training takes
    assert short.forecast is None
    assert [note.partition(":")[0] for note in short.notes] == [
        "Further samples of 9 texts are left out", "Samples of 18 texts are left out",
        "Samples of 36 texts are left out", "Samples of 72 texts are left out",
    ]  # fmt: skip
    assert "needs samples of three sizes" in words.honesty(short)


# -- the page ------------------------------------------------------------------------------------
def check_page(page):
    """Check what all pages are: UTF-8, closed in themselves, without a sign that is none."""
    text = page.decode("utf-8")
    read = Reader(text)
    tags = {tag for tag, _ in read.tags}
    assert not tags & {"img", "link", "iframe", "object", "form", "base", "video", "audio"}
    assert [attrs for tag, attrs in read.tags if tag == "script"] == [{}]
    assert not [a for _, attrs in read.tags for a in attrs if a.startswith("on") or a == "src"]
    assert len(read.ids) == len(set(read.ids))
    assert {link for link in read.links if not link.startswith("#")} == set()
    assert {link[1:] for link in read.links} <= set(read.ids)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]", text)
    assert not re.search(r"url\((?!#)|@import", text)
    assert not [sentinel for sentinel in SENTINELS if sentinel in text]
    return read


def test_texts_and_labels_stay_texts(nasty):
    page = render.render(nasty)
    read = check_page(page)
    assert "broken" not in read.ids
    titles = [attrs.get("title", "") for _, attrs in read.tags]
    assert any("<script>alert(1)</script>" in title for title in titles)
    said = "".join(read.text)
    for part in ("<script>alert(1)</script>", "{{ 7 * 7 }}", "مرحبا بالعالم", "\"'><b id=broken>"):
        assert part in said
    assert "49" not in re.sub(r"[\d.,]{3,}", "", said.partition("{{ 7 * 7 }}")[2][:20])
    assert "nul\ufffd" in said and "\0" not in said
    assert "(empty)" in said
    assert "x" * 79 + "…" in said


def test_the_script_of_a_page_is_the_one_that_it_allows(found):
    import base64
    import hashlib

    text = render.render(found).decode("utf-8")
    script = re.search(r"<script>(.*?)</script>", text, re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', text)[1].replace("&#43;", "+")
    assert f"script-src 'sha256-{digest}'" in policy.replace("&#39;", "'").replace("&#61;", "=")
    assert policy.startswith("default-src")


def test_a_page_is_small_whatever_it_tells(model):
    labels = [f"{i} {'标签' * 60}" for i in range(700)]
    rng = np.random.default_rng(0)
    rows = [
        (labels[rng.integers(700)], f"{'词' * 900} w{rng.integers(900)} {i}") for i in range(3000)
    ]
    many = trained(rows[:1500], epochs=1)
    known = [row for row in rows if row[0] in many.labels]
    found = find("m.ftl", many, data(known), n_threads=1)
    page = render.render(found)
    assert 100_000 < len(page) < limits.MOST_BYTES
    said = "".join(check_page(page).text)
    assert "To keep the page small, parts are cut" in said
    assert re.search(r"Shown are [\d,]+ of [\d,]+ kinds of mistakes", said)
    least = render.render(found, 1)  # the last level, however small
    assert len(least) < 200_000
    check_page(least)


def test_all_levels_show_less_and_less():
    for more, less in zip(limits.LEVELS, limits.LEVELS[1:], strict=False):
        both = [(getattr(more, n), getattr(less, n)) for n in vars(more)]
        assert all(a >= b for a, b in both) and any(a > b for a, b in both)


def test_the_page_tells_what_was_found(found):
    read = check_page(render.render(found))
    said = " ".join("".join(read.text).split())
    result = found.measured.result
    assert f"Of {result.n} texts, the model labels {result.n_right} right" in said
    for part in ("summary", "labels", "confusion", "sure", "errors", "features", "more", "about"):
        assert part in read.ids
    assert "against" not in read.ids
    assert "With twice the rows (144), expect about" in said or "There is no forecast" in said
    for name in WORDS:
        assert name in said
    for each in found.mistakes:
        assert f"m{each.true}-{each.found}" in read.ids


def test_the_page_tells_what_an_audit_found(found):
    """The texts measured on are those trained on, but for eleven."""
    assert len(found.audit.rows("leaks", 1)) >= 45
    read = check_page(render.render(found))
    text = " ".join("".join(read.text).split())
    assert "audit" in read.ids
    assert "Texts of the test that are in the training" in text
    assert "of the test are in the training, too: take them out" in text
    assert "Looked for and not found" in text
    leaks = View(found, limits.Limits(), {}).values()["audit"][0]
    assert len(leaks["rows"]) == limits.Limits().findings
    assert leaks["text"].endswith(f"The first 20 of {len(found.audit.of('leaks'))}.")
    first, finding = leaks["rows"][0], found.audit.of("leaks")[0]
    assert first[0] == TEST[finding.place.row][1]
    assert first[1] == f"test {finding.place.row + 1}"


def test_words_are_marked_as_they_are_explained(found):
    from fasttext_lite.explanation.contributions import explain

    view = View(found, limits.Limits(), {}).values()
    measured = found.measured
    sure = np.flatnonzero(~measured.is_right)
    sure = sure[np.argsort(-measured.confidence[sure], kind="stable")]
    assert [error.doc for error in found.errors] == sure.tolist()
    for doc, row in zip(sure.tolist(), view["errors"], strict=True):
        text = measured.text(doc)
        assert "".join(piece for piece, _, _ in row["pieces"]) == text and row["more"] == ""
        label = measured.names[measured.labels[doc, 0]]
        marked = explain(measured.model, text, label).marked()
        kinds = ["" if abs(s) < 0.03 else "for" if s > 0 else "against" for _, s in marked]
        assert [kind for _, _, kind in row["pieces"]] == kinds
    assert any(kind == "for" for row in view["errors"] for _, _, kind in row["pieces"])
    assert not view["is_first_order"]


def test_each_cell_has_its_own_texts(found):
    view = View(found, limits.Limits(), {}).values()
    shown = {each["id"]: each for each in view["examples"]}
    for each in found.mistakes:
        example = shown[f"m{each.true}-{each.found}"]
        assert example["count"] == each.count
        texts = [found.measured.text(i) for i in each.docs.tolist()][:5]
        assert [text["text"] for text in example["texts"]] == texts
    cells = {cell["link"]: cell["count"] for row in view["heat"]["rows"] for cell in row["cells"]}
    assert {link: n for link, n in cells.items() if link} == {
        id: each["count"] for id, each in shown.items()
    }


def test_rows_of_the_table_add_up(found):
    for row in View(found, limits.Limits(heat=2), {}).values()["heat"]["rows"]:
        label = found.measured.names.index(row["name"])
        assert sum(cell["count"] for cell in row["cells"]) == found.measured.result.gold[label]


def test_the_same_page_again(model):
    one, other = (render.render(find("m.ftl", model, data(TEST), n_threads=1)) for _ in range(2))
    assert one == other


# -- in words ------------------------------------------------------------------------------------
def said(sentences):
    """Return sentences as text."""
    return [
        "".join(piece if isinstance(piece, str) else piece[0] for piece in sentence)
        for sentence in sentences
    ]


def test_the_summary_is_in_words(found):
    first, beside, *_ = said(words.summary(found))
    result = found.measured.result
    assert first.startswith(f"Of {result.n} texts, the model labels {result.n_right} right")
    most = result.names[int(result.gold.argmax())]
    share = words.percent(result.gold.max() / result.n)
    assert beside.startswith(f"Always answering {most} would be right for {share}")
    assert any("between these two" in step for step in said(words.next_steps(found)))


@pytest.mark.parametrize(
    ("b", "c", "says"),
    [
        (0, 0, "Both models are right for the very same texts"),
        (5, 7, "a difference that chance makes easily"),
        (5, 60, "The other model is better"),
        (60, 5, "This model is better"),
    ],
)
def test_a_verdict_in_words(b, c, says):
    first, second = np.zeros(200, bool), np.zeros(200, bool)
    first[:b], second[100 : 100 + c] = True, True
    assert says in words.verdict(compare(first, second))


def test_a_perfect_model_and_a_useless_one(model):
    perfect = find("m.ftl", model, data(ROWS), n_threads=1)
    assert perfect.measured.result.accuracy == 1
    text = "".join(check_page(render.render(perfect)).text)
    assert "No text gets a wrong label" in text and "There is no error." in text
    swapped = {"food": "sport", "sport": "金钱", "金钱": "food"}
    useless = find("m.ftl", model, data([(swapped[a], t) for a, t in ROWS]), n_threads=1)
    assert "the model is no better than that" in " ".join(said(words.summary(useless)))
    check_page(render.render(useless))


# -- texts of no known label ---------------------------------------------------------------------
STRANGE = [*(f"weather {i}" for i in range(20)), "soup soup", *NASTY[:7], "soup goal", "bank bank"]


def asked(model, texts=STRANGE, n=MOST_NOVEL):
    """Return what a model says of texts, in parts of seven."""
    parts = (Texts.from_sequence(texts[i : i + 7]) for i in range(0, len(texts), 7))
    return novel_texts("<b>&others.txt", model, parts, n, 1)


@pytest.fixture(scope="module")
def beside(model):
    """Return what is found beside texts of no known label, by a model with a threshold."""
    own = Abstention(0.6, "answer_rate", 0.9, 0.9, 0.9, 90, 100)
    model = dataclasses.replace(model, abstention=own)
    return find("m.ftl", model, data(TEST), novel=asked(model), n_threads=1)


def test_the_surest_texts_of_no_known_label_are_marked(beside):
    from fasttext_lite.explanation.contributions import explain

    model = beside.measured.model
    best = model.predict(STRANGE)
    order = np.argsort(-best.probabilities[:, 0], kind="stable")[:MOST_NOVEL]
    assert MOST_NOVEL == 20 < len(STRANGE)
    rows = View(beside, limits.Limits(), {}).values()["novel"]["rows"]
    for i, row in zip(order.tolist(), rows, strict=True):
        text, label = STRANGE[i].encode("utf-8", "surrogatepass"), best.names[i][0]
        assert "".join(p for p, _, _ in row["pieces"]).encode("utf-8", "surrogatepass") == text
        assert row["found"] == label
        assert row["probability"] == words.percent(best.probabilities[i, 0], 0)
        marked = explain(model, STRANGE[i], label).marked()
        kinds = ["" if abs(s) < 0.03 else "for" if s > 0 else "against" for _, s in marked]
        assert [kind for _, _, kind in row["pieces"]] == kinds
    assert any(kind == "for" for row in rows for _, _, kind in row["pieces"])
    page = render.render(beside)
    assert {"novel", "surest-novel"} <= set(check_page(page).ids)
    said = "".join(Reader(page.decode().partition('id="surest-novel"')[2]).text)
    assert sum(text.partition("\0")[0] in said for text in STRANGE) >= 10


def test_what_is_answered_of_no_known_label_is_counted_by_hand(beside):
    measured = beside.measured
    sure = measured.model.predict(STRANGE).probabilities[:, 0]
    pairs = (measured.confidence[:, None] > sure) + 0.5 * (measured.confidence[:, None] == sure)
    view = View(beside, limits.Limits(), {}).values()
    assert beside.novel.area == pytest.approx(pairs.mean())
    for each, row in zip(beside.answers, view["answers"][1:], strict=True):
        least = each.threshold
        assert row["novel"] == ("" if least is None else f"{100 * (sure >= least).mean():.1f}")
    own, known = (words.percent((x >= 0.6).mean()) for x in (sure, measured.confidence))
    assert view["novel"]["said"][1] == (
        f"The model's own threshold, 0.6000, answers {known} of the texts tested on, and {own} of "
        "those of no known label."
    )
    thresholds, *shares = curves(measured, beside.novel)
    for values, share in zip((measured.confidence, sure), shares, strict=True):
        np.testing.assert_allclose(share, [(values >= t).mean() for t in thresholds])


@pytest.mark.parametrize("loss, says", [("softmax", "all of them"), ("ova", "It gives a label to")])
def test_a_model_without_a_threshold_says_so(loss, says, model):
    rows = [*ROWS, *[(("food", "sport"), "soup goal")] * 5] if loss == "ova" else ROWS
    model = trained(rows, loss="ova", epochs=3) if loss == "ova" else model
    found = find("m.ftl", model, data([("food", "soup"), ("new", "x")]), novel=asked(model))
    said = words.about_novel(found.novel, model.multilabel)
    assert says in said[1] and "it has no threshold of its own" in said[1]
    if model.multilabel:
        sure = model.predict(STRANGE).probabilities[:, 0]
        assert f"to {words.percent((sure >= 0.5).mean())} of those of no known" in said[1]
    alone = find("m.ftl", model, data([(("new", "food"), "soup")]), novel=asked(model))
    assert alone.novel.area is None
    assert "nothing to compare" in words.about_novel(alone.novel, model.multilabel)[0]


def test_the_surest_are_kept_part_by_part(model):
    found, more = asked(model, n=3), asked(model, n=99)
    assert found.surest == more.surest[:3] and len(more.surest) == len(STRANGE)
    assert [each.probability for each in more.surest] == sorted(found.confidence, reverse=True)
    assert asked(model, ["", " \t", "\n"]).confidence.size == 0


def test_several_labels():
    rows = [((a, b), f"{WORDS[a].split()[i % 3]} {WORDS[b].split()[i % 3]}")
            for i in range(9) for a, b in (("food", "sport"), ("sport", "金钱"))]  # fmt: skip
    rows += [((a,), WORDS[a].split()[i % 3]) for i in range(9) for a in WORDS]
    several = trained(rows, loss="ova")
    assert several.multilabel
    found = find("m.ftl", several, data([*rows, (("food",), "goal")]), n_threads=1)
    assert found.measured.result.n_right == found.measured.is_right.sum()
    text = "".join(check_page(render.render(found)).text)
    assert "exact match" in text and "likeliest label" in text


def test_slips_of_several_labels_are_counted_by_hand():
    rows = [((a, b), f"{WORDS[a].split()[i % 3]} {WORDS[b].split()[i % 3]}")
            for i in range(9) for a, b in (("food", "sport"), ("sport", "金钱"))]  # fmt: skip
    rows += [((a,), WORDS[a].split()[i % 3]) for i in range(9) for a in WORDS]
    several = trained(rows, loss="ova", epochs=9)
    asked = data(
        [*rows, (("food", "金钱"), "goal match"), (("sport",), "soup loan"), ((), "bread")]
    )
    found = find("m.ftl", several, asked, n_threads=1)
    result, measured = found.measured.result, found.measured
    view = View(found, limits.Limits(), {}).values()
    for row in view["rows"]:
        label = measured.names.index(row["name"])
        assert [count for count, _ in row["slips"]] == [
            result.predicted[label] - result.hits[label], result.gold[label] - result.hits[label]
        ]  # fmt: skip
    assert found.slips and found.mistakes == []
    assert {each["id"] for each in view["examples"]} == {
        link for row in view["rows"] for count, link in row["slips"] if count
    }
    # What is told of sureness is what `test` tells, and guesses are whole sets as well.
    assert found.reliability.error == pytest.approx(result.calibration_error)
    sets = [frozenset(measured.own(i)) for i in range(result.n)]
    assert measured.guess[1] == max(map(sets.count, sets)) / len(sets)
    read = check_page(render.render(found))
    text = " ".join("".join(read.text).split())
    assert "given in error" in text and "What is taken for what" not in text
    for each in found.slips:
        assert f"s{each.label}-{each.kind}" in read.ids


def test_the_diagonal_where_texts_have_several_labels(model):
    rows = [*TEST, (("food", "sport"), "goal match"), (("金钱", "sport"), "goal team"),
            (("sport", "food"), "bank loan")]  # fmt: skip
    found = find("m.ftl", model, data(rows), n_threads=1)
    measured = found.measured
    for row in View(found, limits.Limits(), {}).values()["heat"]["rows"]:
        label = measured.names.index(row["name"])
        right = [cell["count"] for cell in row["cells"] if cell["kind"] == "right"]
        assert right == [measured.result.hits[label]]
        assert sum(cell["count"] for cell in row["cells"]) == (measured.counted_as == label).sum()


def test_same_and_nearly_the_same_are_counted_apart():
    from fasttext_lite.auditing.findings import Audit, Finding, Place

    other = "nearly the same text"
    findings = (
        Finding("leaks", Place(1, 0), why="the same text"),
        Finding("leaks", Place(1, 0), why=other),
        *(Finding("leaks", Place(1, i), why=other) for i in (1, 2)),
        *(Finding("wrong", Place(part, i)) for part, i in ((0, 1), (0, 2), (0, 3), (1, 4))),
    )  # fmt: skip
    audit = Audit(findings, (5, 5), 2, ("leaks", "wrong"))
    assert words.leaks(audit) == (1, 2)
    assert "1 are the same, 2 nearly the same" in words.by_file(audit, "leaks")
    assert "3 of the training, 1 of the test" in words.by_file(audit, "wrong")


def test_a_range_is_as_wide_as_the_forecast_is_off():
    draws = np.random.default_rng(2)
    right = {n: [draws.random(4000) < p for _ in range(2)]
             for n, p in ((500, 0.6), (1000, 0.75), (2000, 0.85), (4000, 0.87))}  # fmt: skip
    law = curve.forecast(right, np.random.default_rng(1))
    off = abs(law.checked - np.mean([each.mean() for each in right[4000]]))
    assert off > 0.02
    assert law.gain - law.low >= off - 1e-9 and law.high - law.gain >= off - 1e-9


def test_a_chart_takes_the_colours_of_the_page():
    svg = page_svg(
        '<?xml version="1.0"?>\n<!DOCTYPE svg PUBLIC "-//W3C//DTD">\n<svg xmlns="x" width="9pt">'
        '<metadata>http://x</metadata><defs><style type="text/css">*{}</style></defs>'
        '<path id="a" style="fill: #040506; clip-path: url(#b)"/><use xlink:href="#a"/>'
        "<text style=\"font: 10px 'DejaVu Sans', sans-serif; fill: #010203\">x</text></svg>",
        "name", "Title",
    )  # fmt: skip
    assert svg.startswith('<svg role="img" aria-label="Title" class="chart" xmlns="x"')
    assert 'id="name-a"' in svg and '"#name-a"' in svg and "url(#name-b)" in svg
    assert "fill: var(--good)" in svg and "fill: var(--ink)" in svg
    assert "font-size: 10px" in svg and "DejaVu" not in svg
    assert "style type" not in svg and "metadata" not in svg


# -- the command ---------------------------------------------------------------------------------
def tsv(rows):
    return "".join(f"{label}\t{text}\n" for label, text in rows)


@pytest.fixture(scope="module")
def shelf(tmp_path_factory, model):
    """Return a folder of models and files; nobody writes there."""
    folder = tmp_path_factory.mktemp("report")
    save_model(model, folder / "m.ftl")
    save_model(trained(ROWS[::2], epochs=1), folder / "other.ftl")
    rows = [((a, b), f"{WORDS[a]} {WORDS[b]}") for a, b in (("food", "sport"), ("sport", "金钱"))]
    save_model(trained([*rows * 5, *ROWS], loss="ova"), folder / "several.ftl")
    (folder / "test.tsv").write_text(tsv(TEST), "utf-8")
    (folder / "train.tsv").write_text(tsv(ROWS), "utf-8")
    (folder / "test.tsv.gz").write_bytes(gzip.compress(tsv(TEST).encode()))
    (folder / "strange.tsv").write_text(tsv([("x", "soup"), ("y", "goal")]), "utf-8")
    (folder / "one.tsv").write_text("food\tsoup\n", "utf-8")
    (folder / "empty.tsv").write_text("", "utf-8")
    (folder / "blank.txt").write_text("\n \n\n", "utf-8")
    (folder / "others.txt").write_text("weather today\nsoup soup\nrain\n", "utf-8")
    lines = "".join(f"__label__{label} {text}\n" for label, text in ROWS)
    (folder / "train.txt").write_text(lines, "utf-8")
    theirs = compat.train_supervised(
        str(folder / "train.txt"),
        dim=8,
        epoch=20,
        lr=0.5,
        bucket=1000,
        minn=2,
        maxn=3,
        thread=1,
        verbose=0,
    )
    theirs.save_model(str(folder / "theirs.bin"))
    theirs.quantize(input=str(folder / "train.txt"), verbose=0)
    theirs.save_model(str(folder / "theirs.ftz"))
    csv = "".join(f'"{text}",{label}\n' for label, text in TEST)
    (folder / "test.csv").write_text(f"text,label\n{csv}", "utf-8")
    return folder


@pytest.fixture
def run(shelf, tmp_path, monkeypatch, capfd):
    """Return a function that types `report` in a folder of its own: exit code, stdout, stderr."""
    for path in shelf.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)

    def run(line):
        capfd.readouterr()
        try:
            code = app.main(["report", *line.split()])
        except SystemExit as stop:
            code = stop.code
        return code, *capfd.readouterr()

    return run


@pytest.mark.parametrize(
    "line",
    [
        "m.ftl test.tsv", "m.ftl test.tsv.gz", "m.ftl test.csv", "m.ftl one.tsv",
        "m.ftl test.tsv one.tsv", "several.ftl test.tsv", "m.ftl test.tsv --against other.ftl",
        "theirs.bin test.tsv --train train.tsv",
        "theirs.ftz test.tsv --against m.ftl --novel others.txt",
    ],
)  # fmt: skip
def test_the_command_writes_a_page(run, line):
    code, out, err = run(f"{line} -o r.html --threads 1")
    assert (code, err) == (0, "")
    assert re.fullmatch(r"r\.html: \d+ kB, n \d+  (accuracy|exact match) [01]\.\d{4}\n", out)
    check_page(Path("r.html").read_bytes())


@pytest.mark.parametrize("name", ["m.ftl", "several.ftl"])
def test_texts_of_no_known_label_are_measured_as_test_does(run, name, capfd):
    assert run(f"{name} test.tsv --novel others.txt -o r.html --threads 1")[0] == 0
    text = " ".join("".join(check_page(Path("r.html").read_bytes()).text).split())
    assert app.main(["test", name, "test.tsv", "--novel", "others.txt", "--json"]) == 0
    novel = json.loads(capfd.readouterr().out)["novel"]
    assert f"area under the ROC curve {novel['area_under_roc']:.4f}" in text
    assert novel["n"] == 3 and "Here are 3 texts that belong to no label" in text
    if name == "m.ftl":
        assert app.main(["test", name, "test.tsv", "--confidence", "--novel", "others.txt",
                         "--json"]) == 0  # fmt: skip
        answers = json.loads(capfd.readouterr().out)["answers"]
        for each, other in zip(answers, novel["answers"], strict=True):
            if each["threshold"] is not None:
                figures = [each["threshold"], *(100 * x for x in (each["answered"],
                           each["accuracy"], each["lower"], other["answered"]))]  # fmt: skip
                row = f"{100 * each['wanted']:g} {shown_threshold(figures[0])} " + " ".join(
                    f"{x:.1f}" for x in figures[1:]
                )
                cells = re.sub(r"<[^>]*>", " ", Path("r.html").read_text("utf-8"))
                assert row in " ".join(cells.split())


def test_stdin_is_read_for_texts_of_no_known_label(run, feed):
    feed("text,label\nrain,x\nsoup,\n")
    code, _, err = run("m.ftl test.csv --novel - --format csv -o r.html --threads 1")
    assert (code, err) == (0, "")
    assert "Here are 2 texts" in "".join(check_page(Path("r.html").read_bytes()).text)


def test_stdin_and_a_training_file(run, feed):
    feed(tsv(TEST))
    code, out, err = run("m.ftl - --train train.tsv -o r.html --threads 1")
    assert code == 0 and err == ""
    assert "more" in check_page(Path("r.html").read_bytes()).ids


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("m.ftl test.tsv", "-o"),
        ("m.ftl test.tsv -o r.pdf", "r.pdf: a report must be named .html"),
        ("m.ftl test.tsv -o -", "a report cannot be written to stdout"),
        (
            "m.ftl test.tsv -o none/r.html",
            "none/r.html: cannot write the report: no such file or directory",
        ),
        ("m.ftl test.tsv -o d.html", "d.html: cannot write the report: is a directory"),
        ("m.ftl test.tsv -o /dev/null/r.html", "cannot write the report: not a directory"),
        ("m.ftl empty.tsv -o r.html", "empty.tsv: the file is empty"),
        ("m.ftl nothing.tsv -o r.html", "nothing.tsv: no such file"),
        ("nothing.ftl test.tsv -o r.html", "nothing.ftl"),
        ("m.ftl strange.tsv -o r.html", "none of its labels is known to the model"),
        ("test.tsv m.ftl -o r.html", "first the model"),
        ("m.ftl test.tsv -o r.html --train strange.tsv", "none of its labels is known to"),
        ("m.ftl test.tsv -o r.html --train empty.tsv", "empty.tsv: the file is empty"),
        ("m.ftl test.tsv -o r.html --against test.tsv", "test.tsv"),
        ("m.ftl test.tsv -o r.html --against several.ftl", "they cannot be compared"),
        ("m.ftl - -o r.html --train -", "cannot both come from stdin"),
        ("m.ftl - -o r.html --novel -", "cannot both come from stdin"),
        ("m.ftl test.tsv -o r.html --train - --novel -", "cannot both come from stdin"),
        ("m.ftl test.tsv -o r.html --novel empty.tsv", "no text in the file of --novel"),
        ("m.ftl test.tsv -o r.html --novel blank.txt", "no text in the file of --novel"),
        ("m.ftl test.tsv -o r.html --novel nothing.txt", "nothing.txt: no such file"),
        ("m.ftl test.tsv -o r.html --novel d.html", "d.html"),
        ("m.ftl test.tsv -o r.html --novel other.ftl", "other.ftl"),
    ],
)
def test_mistakes_are_told_in_a_line(run, line, says):
    Path("d.html").mkdir()
    before = sorted(path.name for path in Path().iterdir())
    code, out, err = run(line)
    assert code == 2 and out == "" and err.count("\n") == 1
    assert says in err
    assert sorted(path.name for path in Path().iterdir()) == before


@pytest.mark.parametrize("name", ["test.html", "train.html", "m.html", "other.html", "others.html"])
def test_what_is_read_is_not_overwritten(run, name):
    for path in ("test.tsv", "train.tsv", "m.ftl", "other.ftl", "others.txt"):
        Path(path).rename(Path(path).stem + ".html")
    before = Path(name).read_bytes()
    code, _, err = run(
        "m.html test.html --train train.html --against other.html --novel others.html "
        f"-o {name} --format tsv"
    )
    assert code == 2 and "the report would overwrite this file" in err
    assert Path(name).read_bytes() == before


@pytest.mark.parametrize("library", ["jinja2", "matplotlib"])
def test_without_what_reports_need(run, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    code, out, err = run("m.ftl test.tsv -o r.html")
    assert (code, out) == (2, "")
    assert err == (
        "fasttext-lite: reports need jinja2 and matplotlib: pip install 'fasttext-lite[report]'\n"
    )


def test_a_page_needs_its_ending(model, tmp_path):
    with pytest.raises(InputError, match="must be named .html"):
        write_report(tmp_path / "r.txt", "m.ftl", model, data(TEST))
    assert list(tmp_path.iterdir()) == []


def test_notices(run):
    code, _, err = run("m.ftl test.tsv --against m.ftl --novel test.tsv -o r.html --threads 1")
    assert code == 0 and "this is the model itself" in err
    assert "test.tsv: texts of --novel belong to no label" in err
    code, _, err = run("m.ftl test.tsv --multilabel -o r.html --threads 1")
    assert code == 0 and "--multilabel has no effect: no text of test.tsv has several" in err
    code, _, err = run("m.ftl test.tsv --train one.tsv -o r.html --threads 1")
    assert code == 0 and err == ""
    text = "".join(check_page(Path("r.html").read_bytes()).text)
    assert "There is no learning curve" in text
    assert run("m.ftl test.tsv --against m.ftl --novel test.tsv -q -o r.html --threads 1")[2] == ""


def test_labels_that_a_model_does_not_know_are_told_as_test_tells_them(run, capfd):
    rows = Path("test.tsv").read_text("utf-8") + "new\tsoup\n"
    Path("strange.tsv").write_text(rows, "utf-8")
    n = rows.count("\n")
    notice = f"1 of {n} texts have labels that the model does not know"
    code, _, err = run("m.ftl strange.tsv -o r.html --threads 1")
    assert code == 0 and f"{notice}, counted as errors: new" in err
    assert app.main(["test", "m.ftl", "strange.tsv"]) == 0
    assert f"{notice}, counted as errors: new" in capfd.readouterr().err
    code, _, err = run("m.ftl test.tsv --train strange.tsv -o r.html --threads 1")
    assert code == 0 and f"strange.tsv: {notice}: new" in err
    assert run("m.ftl strange.tsv --train strange.tsv -q -o r.html --threads 1")[2] == ""
