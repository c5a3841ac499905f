"""The audit of labelled texts: each kind of finding, the command, and the kernels."""

import gzip
import io
import json
import subprocess
import sys

import numpy as np
import pytest
from scipy import sparse

import fasttext_lite
from fasttext_lite.auditing import kernels
from fasttext_lite.auditing.audit import audit
from fasttext_lite.auditing.duplicates import bands_of, find_alike, normal_form
from fasttext_lite.cli import app
from fasttext_lite.corpus.reader import CorpusReader
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError, TrainingError

SUBJECTS = {
    "sport": "match goal team player league coach stadium referee striker trophy final cup",
    "food": "soup bread pepper oven dough butter salad dinner recipe garlic cheese plate",
    "travel": "flight hotel beach ticket luggage island museum border guide ferry train tour",
}
WORDS = {label: words.split() for label, words in SUBJECTS.items()}


def make_rows(n=240, seed=3):
    """Return texts of three subjects with their labels."""
    rng = np.random.default_rng(seed)
    labels = [list(SUBJECTS)[i % 3] for i in range(n)]
    rest = [f"word{i}" for i in range(400)]
    texts = [" ".join([*rng.choice(WORDS[label], 5), *rng.choice(rest, 4)]) for label in labels]
    return texts, labels


# -- kernels ---------------------------------------------------------------------------------
def pieces_of(text):
    """Return the set of pieces of a text: the slow twin of `kernels.cut_pieces`."""
    pieces, i = set(), 0
    while i < len(text):
        width = 2 if text[i].encode("utf-8", "surrogatepass")[0] >= 0xE2 else 3
        if i + width > len(text):
            break
        pieces.add(text[i : i + width])
        i += 1
    return pieces or {text}


def cut(texts):
    packed = Texts.from_bytes([text.encode() for text in texts])
    sets = np.zeros(packed.buffer.size + len(texts), np.uint64)
    sizes = np.zeros(len(texts), np.int64)
    kernels.cut_pieces(packed.buffer, packed.offsets, 0, len(texts), sets, sizes)
    return packed.offsets, sets, sizes


WRITTEN = [
    "", "a", "ab", "abc", "abcabc", "the cat sat", "the cat sits", "é", "naïve café", "你", "你好",
    "你好吗你好", "今天天气很好", "今天天气不好", "mixed 文字 text", "🙂🙂🙂", "مرحبا", "x" * 50,
]  # fmt: skip


@pytest.mark.kernels
def test_pieces_and_their_similarity_are_those_of_sets():
    offsets, sets, sizes = cut(WRITTEN)
    expected = [pieces_of(text) for text in WRITTEN]
    assert sizes.tolist() == [len(each) for each in expected]
    for i, size in enumerate(sizes.tolist()):
        own = sets[offsets[i] + i : offsets[i] + i + size]
        assert (own[1:] > own[:-1]).all()
    one, other = (each.ravel() for each in np.indices((len(WRITTEN),) * 2))
    result = np.zeros(one.size, np.float32)
    kernels.similarities(sets, offsets, sizes, one, other, 0, one.size, result)
    slow = [
        len(expected[a] & expected[b]) / len(expected[a] | expected[b])
        for a, b in zip(one, other, strict=True)
    ]
    np.testing.assert_allclose(result, slow, rtol=1e-6)


@pytest.mark.kernels
def test_signatures_are_least_hashes():
    offsets, sets, sizes = cut(WRITTEN)
    factors = np.array([1, 0x9E3779B97F4A7C15, 12345677], np.uint64)
    signatures = np.zeros((len(WRITTEN), 3), np.uint32)
    kernels.sign(sets, offsets, sizes, 0, len(WRITTEN), factors, signatures)
    for i, size in enumerate(sizes.tolist()):
        own = [int(value) for value in sets[offsets[i] + i : offsets[i] + i + size]]
        for k, factor in enumerate(factors.tolist()):
            assert signatures[i, k] == min(value * factor % (1 << 64) for value in own) >> 32


# -- texts that come again -------------------------------------------------------------------
def test_near_pairs_are_those_that_all_pairs_show():
    rng = np.random.default_rng(5)
    texts = []
    for i in range(150):
        words = [f"w{j}" for j in rng.integers(0, 500, 12)]
        texts.append(" ".join(words))
        if i % 3 == 0:
            words[int(rng.integers(12))] = f"changed{i}"
            texts.append(" ".join(words))
    found = find_alike(texts, 0.6)
    sets = [pieces_of(text) for text in texts]
    slow = {
        (a, b)
        for a in range(len(texts))
        for b in range(a)
        if len(sets[a] & sets[b]) >= 0.6 * len(sets[a] | sets[b])
    }
    assert len(slow) >= 40
    assert set(zip(found.one.tolist(), found.other.tolist(), strict=True)) == slow


def test_a_band_misses_few_pairs_at_the_threshold():
    for near in (0.3, 0.5, 0.8, 0.95):
        n, width = bands_of(near)
        assert n * width <= 128
        assert (1 - near**width) ** n <= 0.002


def test_texts_are_the_same_but_for_case_width_and_blanks():
    assert normal_form("  Ｆｕｌｌ\u3000WIDTH\t１ ") == "full width 1"
    found = audit(["A  b", "ａ B", "c"], ["x", "x", "x"], checks=["duplicates"])
    assert found.rows("duplicates") == [1]
    assert found.findings[0].others == ((0, 0),)


def test_one_text_many_times_takes_no_time():
    alike = find_alike(
        ["the very same"] * 5_000 + [f"the very same {i}" for i in range(5_000)], 0.5
    )
    assert len(np.unique(alike.groups)) == 1
    assert alike.one.size <= 5_000 * 9 * 40


def test_contradictions_propose_what_most_say():
    texts = ["same text", "Same text", "same  text", "tie here", "tie here"]
    found = audit(texts, ["a", "b", "a", "a", "b"], checks=["contradictions", "duplicates"])
    first, *ties = found.of("contradictions")
    assert (first.place.row, first.proposed, first.action) == (1, ("a",), "relabel")
    assert [(each.place.row, each.proposed, each.action) for each in ties] == [
        (3, (), "drop"), (4, (), "drop"),
    ]  # fmt: skip
    assert found.rows("duplicates") == [2]


def test_leaks_are_rows_of_later_parts():
    texts, labels = make_rows(30)
    near = texts[4] + "!"
    others = [([texts[3], "a text of its own", near], ["food", "food", "sport"])]
    found = audit(texts, labels, others=others, checks=["leaks"], near=0.8)
    assert [(each.place, each.others) for each in found.findings] == [
        ((1, 0), ((0, 3),)), ((1, 2), ((0, 4),)),
    ]  # fmt: skip


# -- labels ----------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def flipped():
    """Texts with a tenth of their labels wrong, which those are, and the audit of them."""
    texts, labels = make_rows()
    rng = np.random.default_rng(7)
    bad = np.sort(rng.choice(len(labels), 24, replace=False))
    names, given = list(SUBJECTS), list(labels)
    for row in bad.tolist():
        given[row] = names[(names.index(labels[row]) + int(rng.integers(1, 3))) % 3]
    return texts, labels, given, bad, audit(texts, given, seed=1, n_threads=1)


def test_flipped_labels_are_found_with_the_right_one_proposed(flipped):
    _, labels, _, bad, found = flipped
    wrong = found.of("wrong")
    rows = [finding.place.row for finding in wrong]
    assert len(set(rows) & set(bad.tolist())) >= 0.9 * bad.size
    assert len(set(rows) - set(bad.tolist())) <= 0.1 * bad.size
    right = [
        f.proposed == (labels[f.place.row],) for f in wrong if f.place.row in set(bad.tolist())
    ]
    assert np.mean(right) >= 0.95
    scores = [finding.score for finding in wrong]
    assert scores == sorted(scores, reverse=True) and min(scores) > 0.5


def test_an_audit_depends_on_the_seed_alone(flipped):
    texts, _, given, _, found = flipped
    assert audit(texts, given, seed=1, n_threads=2).to_dict() == found.to_dict()


def test_duplicates_do_not_vouch_for_each_other():
    texts, labels = make_rows()
    for _ in range(4):  # a wrong label, five times
        texts.append(texts[0])
        labels.append("food")
    labels[0] = "food"
    found = audit(texts, labels, checks=["wrong"], n_threads=1)
    assert {0, *range(240, 244)} <= set(found.rows("wrong"))


def test_labels_that_mean_the_same_cannot_be_told_apart():
    texts, labels = make_rows()
    labels = [f"food{i % 2}" if label == "food" else label for i, label in enumerate(labels)]
    found = audit(texts, labels, checks=["alike"], n_threads=1)
    assert [set(each.labels) for each in found.findings] == [{"food0", "food1"}]


def test_labels_that_differ_in_case_alone_are_named():
    found = audit(["a b", "c d"], ["Food", "food "], checks=["alike"])
    assert [set(each.labels) for each in found.findings] == [{"Food", "food "}]


def test_nothing_is_said_of_a_label_with_few_texts():
    texts, labels = make_rows()
    labels[:3] = ["rare"] * 3
    found = audit(texts, labels, checks=["few", "wrong"], n_threads=1)
    assert [each.labels for each in found.of("few")] == [("rare",)]
    assert not set(found.rows("wrong")) & {0, 1, 2}
    assert all("rare" not in each.proposed for each in found.of("wrong"))


def test_each_of_several_labels_is_judged_by_itself():
    texts, labels = make_rows()
    more, _ = make_rows(seed=9)
    both = [f"{a} {b}" for a, b in zip(texts, more[1:] + more[:1], strict=True)]
    pairs = [[a, b] for a, b in zip(labels, labels[1:] + labels[:1], strict=True)]
    missing, pairs[5] = pairs[5][1], pairs[5][:1]
    strange = next(name for name in SUBJECTS if name not in pairs[9])
    pairs[9] = [*pairs[9], strange]
    found = audit(both, pairs, checks=["wrong", "alike"], n_threads=1)
    proposed = {each.place.row: each.proposed for each in found.of("wrong")}
    assert missing in proposed[5]
    assert strange not in proposed[9]
    assert "alike: left out, rows have several labels or none" in found.notices


def test_what_cannot_be_judged_is_said():
    found = audit(["one text", "another"], ["a", "a"])
    assert found.notices == (
        "wrong and alike: left out, fewer than two labels have enough texts to be judged",
    )


def test_what_no_model_can_judge_keeps_the_other_findings(monkeypatch):
    def diverge(*args):
        raise TrainingError("the loss is NaN")

    monkeypatch.setattr("fasttext_lite.auditing.audit.out_of_fold", diverge)
    texts, labels = make_rows(60)
    found = audit([*texts, texts[0]], [*labels, labels[0]])
    assert found.rows("duplicates") == [60]
    assert found.notices == (
        "wrong and alike: left out, no model could be trained: the loss is NaN",
    )


# -- odd rows --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        (" \t ", "empty"),
        ("many words " * 200, "2200 characters; half of the rows have up to"),
        ("совсем другой язык", "Cyrillic letters; most rows have Latin"),
        ("中文的句子", "Chinese letters; most rows have Latin"),
        ("12345 67890 ---", "mostly digits and signs"),
        ("bell \x07 here", "U+0007"),
        ("lost \ufffd sign", "U+FFFD"),
        ("un cafÃ© trÃ¨s bon", "looks read in a wrong encoding: 'Ã©'"),
    ],
)
def test_odd_rows(text, why):
    texts, labels = make_rows(60)
    found = audit([*texts, text], [*labels, "food"], checks=["odd"])
    assert found.rows("odd") == [60]
    assert why in found.findings[0].why


@pytest.mark.parametrize("text", ["café très naïve Ängström", "¿Qué tal? ¡Bien!", "good 🙂 emoji"])
def test_usual_signs_are_not_odd(text):
    texts, labels = make_rows(60)
    assert len(audit([*texts, text], [*labels, "food"], checks=["odd"])) == 0


@pytest.mark.parametrize(
    ("usual", "text", "is_odd"),
    [
        ("四强名单今天揭晓客队提前晋级下一轮比赛", "《光环5》Logo泄露 Kinect版几无悬念", False),
        ("四强名单今天揭晓客队提前晋级下一轮比赛", "伊达传说EDDA Online", False),
        ("四强名单今天揭晓客队提前晋级下一轮比赛", "on a b c d e f g h i j 完", True),
        ("a few words", "Yes!!!!!!", False), ("a few words", "great 😀😀😀😀😀", False),
        ("a few words", "no: 10:30, 12:40, 11:20", True),
        ("a few words", "the 🙂 東京 sushi", False),
    ],
)  # fmt: skip
def test_a_row_is_odd_in_script_where_hardly_a_word_is_in_the_usual_one(usual, text, is_odd):
    texts = [f"{usual} {chr(0x4E00 + i) if usual > 'z' else i}" for i in range(60)]
    found = audit([*texts, text], ["a"] * 61, checks=["odd"]).findings
    assert [(each.place.row, each.action) for each in found] == [(60, "keep")] * is_odd


def test_only_what_is_damaged_empty_or_long_is_dropped_of_itself():
    texts, _ = make_rows(60)
    strange = ["", "12345 67890", "совсем другой язык", "bell \x07"]
    found = audit([*texts, *strange], ["a"] * 64, checks=["odd"])
    assert [each.action for each in found.findings] == ["drop", "keep", "keep", "drop"]


def test_labels_with_blanks_are_odd():
    found = audit(["a text"], ["food "], checks=["odd"])
    assert found.findings[0].action == "keep"
    assert "'food '" in found.findings[0].why


# -- in Python -------------------------------------------------------------------------------
def test_settings_are_checked():
    assert fasttext_lite.audit is audit
    with pytest.raises(SettingError, match="no check is called 'typos'"):
        audit(["a"], ["b"], checks=["typos"])
    with pytest.raises(SettingError, match="near must be a number from 0.3 to 1"):
        audit(["a"], ["b"], near=0.1)
    with pytest.raises(ValueError, match="2 texts, but 1 labels"):
        audit(["a", "b"], ["c"])
    with pytest.raises(ValueError, match=r"1 texts of others\[0\], but 0 labels"):
        audit(["a"], ["c"], others=[(["d"], [])])
    with pytest.raises(ValueError, match="label at position 1 is missing"):
        audit(["a", "b"], ["c", None])
    with pytest.raises(ValueError, match="no kind of finding"):
        audit(["a"], ["c"], checks=["odd"]).of("typos")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        *(({"seed": seed}, "seed must be") for seed in (-1, "a", None, True)),
        *(({"near": near}, "near must be") for near in ("0.8", None, True, float("nan"))),
        *(({"n_threads": n}, "n_threads must be") for n in (0, -3, 1.5, "2")),
        ({"least_score": 2}, "least_score must be"),
        ({"checks": 5}, "checks must be"), ({"checks": [["odd"]]}, "no check is called"),
        *(({"others": o}, "others must be") for o in ((["a"], ["b"]), None, 5, "ab", [5])),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_are_named(settings, said):
    with pytest.raises((TypeError, ValueError), match=said):
        audit(["a"], ["b"], **settings)


@pytest.mark.parametrize(
    ("labels", "found"),
    [
        (np.array([[0, 1], [1, 1]]), [("1",), ("0", "1")]), ([3, 4.5], [("3",), ("4.5",)]),
        (sparse.csr_array([[1, 0], [0, 1]]), [("0",), ("1",)]),
        ([["b", "a"], []], [("a", "b"), ()]), (np.array([["x"], ["y"]]), [("x",), ("y",)]),
        (np.array([True, False]), [("True",), ("False",)]),
    ],
)  # fmt: skip
def test_labels_are_read_as_text(labels, found):
    texts = ["\x07", "\x08"]
    assert [each.labels for each in audit(texts, labels, checks=["odd"]).findings] == found


@pytest.mark.parametrize(
    ("texts", "labels", "error", "said"),
    [
        ([], [], ValueError, "found 0 texts"), (["a"], "b", TypeError, "labels must be a list"),
        (["a"], 5, TypeError, "labels must be a list"), (["a"], [b"x"], TypeError, "got bytes"),
        (["a"], [["b", None]], ValueError, "position 0 is missing"),
        (["a"], np.array([[0.2, 0.8]]), TypeError, "other values than 0 and 1"),
    ],
)  # fmt: skip
def test_labels_that_are_none_are_told(texts, labels, error, said):
    with pytest.raises(error, match=said):
        audit(texts, labels)


def test_only_what_was_looked_for_is_told():
    found = audit(["a"], ["c"], checks=["odd"])
    with pytest.raises(ValueError, match="duplicates were not looked for: odd"):
        found.of("duplicates")
    with pytest.raises(TypeError, match="must be a name; got list"):
        found.rows(["odd"])


def test_an_audit_prints_what_it_found():
    found = audit(["one text", "other", "One text"], ["a", "b", "a"], checks=["duplicates"])
    assert repr(found) == "<Audit of 3 rows, 2 labels: duplicates=1>"
    assert "0:2  a  One text\n      score 1.000: the same text and labels (also 0:0)" in str(found)


def test_many_wrong_labels_are_no_list_of_mistakes():
    texts, labels = make_rows()
    rng = np.random.default_rng(5)
    for row in rng.choice(len(labels), 60, replace=False).tolist():
        labels[row] = list(SUBJECTS)[(list(SUBJECTS).index(labels[row]) + 1) % 3]
    found = audit(texts, labels, checks=["wrong"], n_threads=1)
    assert any("so many are no list of mistakes" in notice for notice in found.notices)
    scores = [each.score for each in found.findings]
    least = float(np.median(scores))
    fewer = audit(texts, labels, checks=["wrong"], n_threads=1, least_score=least)
    assert [each.score for each in fewer.findings] == [s for s in scores if s >= least]
    assert len(fewer) < len(found)


# -- the command -----------------------------------------------------------------------------
def run(capsys, *words):
    code = app.main(["audit", *map(str, words)])
    out, err = capsys.readouterr()
    return code, out, err


ROWS = [
    ("a", "first text of the file"), ("b", "second, and quite another one"),
    ("a", "First text  of the file"), ("b", "first text of the file"), ("b", "12 34 --- 56 78"),
]  # fmt: skip
TSV = "".join(f"{label}\t{text}\n" for label, text in ROWS)
WRITTEN_AS = {
    "tsv": TSV,
    "fasttext": "".join(f"__label__{label} {text}\n" for label, text in ROWS),
    "csv": "id,label,text\n" + "".join(f'{i},{a},"{b}"\n' for i, (a, b) in enumerate(ROWS)),
    "jsonl": "".join(json.dumps({"n": 1, "label": a, "text": b}) + "\n" for a, b in ROWS),
}


@pytest.mark.parametrize("form", WRITTEN_AS)
def test_files_are_mended_in_their_own_format(form, tmp_path, capsys):
    path, out = tmp_path / f"in.{form}", tmp_path / f"out.{form}"
    path.write_text(WRITTEN_AS[form], "utf-8")
    checks = "contradictions,duplicates"
    code, done, err = run(
        capsys, path, "--check", checks, "--fix", out, "--agree", checks, "--format", form
    )
    assert (code, "1 row dropped, 1 given another label" in done) == (0, True), err
    before, after = WRITTEN_AS[form].splitlines(), out.read_text("utf-8").splitlines()
    head = len(before) - len(ROWS)
    changed = after.pop(head + 2)
    assert after == [line for i, line in enumerate(before) if i - head not in (2, 3)]
    expected = {
        "tsv": "a\tfirst text of the file", "fasttext": "__label__a first text of the file",
        "csv": "3,a,first text of the file",
        "jsonl": '{"n": 1, "label": "a", "text": "first text of the file"}',
    }  # fmt: skip
    assert changed == expected[form]


def test_what_the_user_looked_through_is_done(tmp_path, capsys):
    path, found, out = tmp_path / "in.tsv", tmp_path / "found.jsonl", tmp_path / "out.tsv"
    path.write_text(TSV, "utf-8")
    assert run(capsys, path, "-o", found, "--check", "contradictions,duplicates")[0] == 0
    lines = [json.loads(line) for line in found.read_text("utf-8").splitlines()]
    assert [(each["kind"], each["line"], each["action"]) for each in lines] == [
        ("contradictions", 4, "relabel"), ("duplicates", 3, "drop"),
    ]  # fmt: skip
    lines[0]["proposed"], lines[1]["action"] = "c", "keep"
    found.write_text("".join(json.dumps(each) + "\n" for each in lines), "utf-8")
    code, done, _ = run(capsys, path, "--fix", out, "--agreed", found)
    assert (code, out.read_text("utf-8")) == (
        0, TSV.replace("b\tfirst text of the file", "c\tfirst text of the file"),
    )  # fmt: skip
    assert done == f"{out}: 0 rows dropped, 1 given another label\n"
    path.write_text("a\tnew\n" + TSV, "utf-8")
    code, _, err = run(capsys, path, "--fix", out, "--agreed", found)
    assert code == 2 and "found.jsonl:2: line 3 of" in err and "has another text" in err
    assert "c\tfirst" in out.read_text("utf-8")


def test_lines_are_those_of_the_file(tmp_path, capsys):
    path = tmp_path / "in.csv"
    path.write_text('label,text\n\na,"two\nlines"\nb,other\nb,Other\n,\n', "utf-8")
    code, out, _ = run(capsys, path, "-o", "-", "--check", "duplicates,odd", "--format", "csv")
    found = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert [(each["kind"], each["line"], each["others"]) for each in found] == [
        ("duplicates", 6, [f"{path}:5"]), ("odd", 2, []), ("odd", 7, []),
    ]  # fmt: skip


def test_several_files_are_mended_into_a_folder(tmp_path, capsys):
    train, test, out = tmp_path / "train.tsv", tmp_path / "test.tsv.gz", tmp_path / "out"
    train.write_text(TSV, "utf-8")
    test.write_bytes(gzip.compress(b"a\tunseen words\na\tFirst text of the file\n"))
    code, _, err = run(capsys, train, test, "--check", "leaks", "--fix", out, "--agree", "leaks")
    assert (code, (out / "train.tsv").read_text("utf-8")) == (0, TSV), err
    assert (out / "test.tsv").read_text("utf-8") == "a\tunseen words\n"


def test_counts_as_json(tmp_path, capsys):
    path = tmp_path / "in.tsv"
    path.write_text(TSV, "utf-8")
    code, out, _ = run(capsys, path, "--json")
    values = json.loads(out)
    assert (code, values["n"], values["n_labels"]) == (0, [5], 2)
    assert values["counts"]["duplicates"] == values["counts"]["contradictions"] == 1


def test_findings_for_people(tmp_path, capsys):
    path = tmp_path / "in.tsv"
    path.write_text(TSV, "utf-8")
    code, out, _ = run(capsys, path, "--show", "1")
    assert code == 0 and out.startswith("5 rows with 2 labels in 1 file\n")
    assert f"{path}:4  b -> a  first text of the file" in out
    assert f"(also {path}:1)" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fix", "out.tsv"], "say --agree KINDS"),
        (["--agree", "wrong"], "--agree is for a file that --fix OUT writes"),
        (["--fix", "in.tsv", "--agree", "odd"], "the output would overwrite this file"),
        (["-o", "in.tsv"], "the output would overwrite this file"),
        (["--fix", "no/out.tsv", "--agree", "odd"], "cannot write it"),
        (["--fix", "out.ftl", "--agree", "odd"], "that ending is a model's"),
        (["--fix", "out.tsv.gz", "--agree", "odd"], "what is written is not packed"),
        (["--fix", "-", "--agree", "odd"], "--fix writes a file"),
        (["--check", "odd", "--agree", "wrong", "--fix", "o"], "--check does not look for it"),
        (["--fix", "o", "--agreed", "in.tsv"], "no finding: bad JSON"),
        (["--fix", "o", "--agreed", "none.jsonl"], "none.jsonl: "),
        (["--fix", "o", "--agreed", "f", "--json"], "--json is for an audit"),
        (["--fix", "o", "--agreed", "f", "--show", "0"], "--show is for an audit"),
        (["--fix", "o", "--agreed", "f", "--seed", "0"], "--seed is for an audit"),
        (["--fix", "o", "--agreed", "f", "--least-score", "0"], "--least-score is for an audit"),
        (["--fix", "o", "--agree", "odd", "-o", "o"], "would be in one file"),
        (["--fix", "in.tsv/x", "--agree", "odd"], "cannot write it: not a directory"),
        (["none.tsv"], "none.tsv: "),
        (["empty.tsv"], "empty.tsv: the file is empty"),
    ],
)
def test_mistakes_are_told_in_one_line(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.tsv").write_text(TSV, "utf-8")
    (tmp_path / "empty.tsv").write_text("", "utf-8")
    code, out, err = run(capsys, "in.tsv", *words)
    assert (code, out) == (2, "")
    assert said in err and len(err.splitlines()) == 1, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.tsv", "in.tsv"]


@pytest.mark.parametrize(
    ("agreed", "said"),
    [
        ("duplicates:relabel", "duplicates propose no label"),
        ("wrong,wrong:drop", "wrong is named twice"),
    ],
)
def test_what_cannot_be_agreed_to(agreed, said, capsys):
    with pytest.raises(SystemExit) as ended:
        app.main(["audit", "in.tsv", "--fix", "o", "--agree", agreed])
    assert ended.value.code == 2 and said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fix", "NEW", "-o", "NEW"], "NEW: findings and mended texts would be in one file"),
        (["--fix", "a.tsv/x"], "cannot write it: not a directory"),
        (["--fix", "a.tsv/x/y"], "cannot write it: not a directory"),
    ],
)
def test_folders_are_checked_before_the_audit(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fasttext_lite.auditing.audit.audit_rows", None)
    for name in ("a.tsv", "b.tsv"):
        (tmp_path / name).write_text(TSV, "utf-8")
    code, out, err = run(capsys, "a.tsv", "b.tsv", *words, "--agree", "leaks")
    assert (code, out) == (2, "") and said in err and len(err.splitlines()) == 1, err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tsv", "b.tsv"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--check", "leaks"], "--check leaks finds nothing in one file"),
        (["--fix", "o", "--agree", "leaks"], "--agree leaks has no effect"),
        (["--check", "duplicates", "--seed", "5"], "--seed has no effect: --check duplicates"),
        (["--check", "near", "--near", "1"], "--check near finds nothing with --near 1"),
        (["--check", "few,near", "--near", "1", "--seed", "0"], "--seed has no effect: --near 1"),
        (["--check", "odd", "--least-score", "0.8"], "--least-score has no effect: --check odd"),
        (["--check", "odd", "--multilabel"], "--multilabel has no effect: no row has several"),
        (["--check", "odd", "-o", "-", "--show", "3"], "--show has no effect: -o - prints all"),
    ],
)
def test_what_is_idle_is_said(words, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.tsv").write_text(TSV, "utf-8")
    code, _, err = run(capsys, "in.tsv", *words)
    assert code == 0 and said in err, err


def test_findings_and_counts_are_not_mixed_on_stdout(tmp_path):
    path = tmp_path / "in.tsv"
    path.write_text(TSV, "utf-8")
    words = [sys.executable, "-m", "fasttext_lite", "audit", str(path), "--check", "duplicates"]
    words += ["--json", "-o", "/dev/stdout"]
    done = subprocess.run(words, capture_output=True, check=False, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "would both write to stdout" in done.stderr


def test_contradictions_show_what_they_contradict(tmp_path, capsys):
    path, test = tmp_path / "in.tsv", tmp_path / "test.tsv"
    path.write_text(TSV, "utf-8")
    test.write_text("c\tsecond, and quite another ONE\n", "utf-8")
    kinds = ["--check", "leaks,contradictions", "--near", "1"]
    _, out, _ = run(capsys, path, test, *kinds)
    assert f"      also {path}:1 (label a): first text of the file\n" in out
    assert f"score 1.000: the same text (also {path}:2 with label b)" in out
    assert "nearly" not in out and "leaks: rows whose text is in a file before theirs" in out
    _, out, _ = run(capsys, path, test, *kinds, "-o", "-")
    assert json.loads(out.splitlines()[0])["other_labels"] == ["b"]


def test_labels_are_printed_like_texts(tmp_path, capsys):
    path = tmp_path / "in.tsv"
    long, hidden = "x" * 70_000, "a\u202eb"
    path.write_text(f"{long}\tsome text\n{long}\tsome text\n{hidden}\tt w\n{hidden}\tt w\n")
    code, out, _ = run(capsys, path, "--check", "duplicates")
    assert code == 0 and "\u202e" not in out and max(map(len, out.splitlines())) < 300


@pytest.mark.parametrize(("agreed", "left"), [("odd", 25), ("odd:drop", 24)])
def test_odd_scripts_are_dropped_explicitly(agreed, left, tmp_path, capsys):
    path, out = tmp_path / "in.tsv", tmp_path / "out.tsv"
    path.write_text("".join(f"a\tsome words {i}\n" for i in range(24)) + "a\tдругой\n", "utf-8")
    code, _, err = run(capsys, path, "--check", "odd", "--fix", out, "--agree", agreed)
    assert (code, len(out.read_text("utf-8").splitlines())) == (0, left), err


def test_standard_input_has_one_name(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(TSV.encode()))))
    code, out, err = run(capsys, "-", "--check", "duplicates")
    assert code == 0 and "<stdin>:3" in out and "(also <stdin>:1)" in out, err


def test_models_are_not_audited(tmp_path, capsys):
    path = tmp_path / "h.ftl"
    path.write_bytes((40).to_bytes(8, "little") + b'{"a": 1}' + b" " * 40)
    code, _, err = run(capsys, path)
    assert code == 2 and "audit takes labelled texts alone" in err


def test_flags_without_effect_are_named(tmp_path, capsys):
    path = tmp_path / "in.tsv"
    path.write_text(TSV, "utf-8")
    _, _, err = run(capsys, path, "--check", "odd", "--near", "0.5", "--json", "--show", "2")
    assert "--near has no effect" in err and "--show has no effect" in err


@pytest.mark.parametrize("chunk_bytes", [8, 30, 1 << 20])
@pytest.mark.parametrize("form", ["tsv", "jsonl"])
def test_lines_are_the_same_whatever_the_blocks(form, chunk_bytes, tmp_path):
    rows = [("a", "one"), None, ("b", "two"), ("c", ""), None, ("a", "three"), ("b", "four")]
    path = tmp_path / f"in.{form}"
    lines = [
        "" if row is None
        else f"{row[0]}\t{row[1]}" if form == "tsv"
        else json.dumps({"label": row[0], "text": row[1]})
        for row in rows
    ]  # fmt: skip
    path.write_text("\n".join(lines) + "\n", "utf-8")
    reader = CorpusReader(str(path), chunk_bytes=chunk_bytes, keeps_lines=True)
    kept = np.concatenate([chunk.rows for chunk in reader])
    assert kept.tolist() == [0, 2, 5, 6]
    assert np.concatenate(reader.unread).tolist() == [1, 3, 4]


# -- what users write into findings ----------------------------------------------------------
FINDING = {
    "kind": "wrong", "action": "relabel", "file": "in.jsonl", "line": 1, "label": "3",
    "proposed": "4", "text": "one text",
}  # fmt: skip


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"kind": ["wrong"]}, '"kind" is missing or unknown'),
        ({"kind": {}}, '"kind" is missing or unknown'),
        ({"action": ["drop"]}, '"action" must be'),
        ({"line": None}, '"line" a number from 1 on'),
        ({"line": True}, '"line" a number from 1 on'),
        ({"file": 3}, '"file" must be a name'),
        ({"text": 3}, '"text" must be a string'),
        ({"proposed": "\ud800"}, '"proposed" must be a label'),
        ({"proposed": "a\rb"}, '"proposed" must be a label'),
        ({"proposed": [["a"]]}, '"proposed" must be a label'),
        ({"label": 3}, '"label" must be a label'),
        ({"propsed": "5"}, "no finding has the key 'propsed'"),
        ({"kind": "few"}, "about labels and no row"),
    ],
)
def test_values_of_findings_are_checked(changed, said, tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text('{"label": 3, "text": "one text"}\n', "utf-8")
    (tmp_path / "found.jsonl").write_text(json.dumps(FINDING | changed) + "\n", "utf-8")
    code, _, err = run(capsys, "in.jsonl", "--fix", "out.jsonl", "--agreed", "found.jsonl")
    assert code == 2 and err.startswith("fasttext-lite: found.jsonl:1: ") and said in err
    assert len(err.splitlines()) == 1 and not (tmp_path / "out.jsonl").exists()


def test_two_labels_for_one_row_are_refused(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "in.jsonl").write_text('{"label": 3, "text": "one text"}\n', "utf-8")
    lines = [json.dumps(FINDING), json.dumps(FINDING | {"proposed": "5"})]
    (tmp_path / "found.jsonl").write_text("\n".join(lines), "utf-8")
    code, _, err = run(capsys, "in.jsonl", "--fix", "out.jsonl", "--agreed", "found.jsonl")
    assert code == 2 and "found.jsonl:2: it gives line 1" in err and "found.jsonl:1 does" in err


@pytest.mark.parametrize(
    ("old", "proposed", "new"),
    [
        ("3", "4", "4"), ("3", "1e5", '"1e5"'), ("3", "null", '"null"'), ("3", "NaN", '"NaN"'),
        ("3", "true", '"true"'), ("3", "{}", '"{}"'), ("3", "2.50", '"2.50"'), ("3", "2.5", "2.5"),
        ('"3"', "4", '"4"'), ("[3]", ["3", "4"], '[3, "4"]'),
    ],
)  # fmt: skip
def test_a_label_is_read_back_as_proposed_and_all_else_stands(old, proposed, new, tmp_path, capsys):
    path, found, out = (tmp_path / name for name in ("in.jsonl", "found.jsonl", "out.jsonl"))
    line = (
        '{"n":12345678901234567890.12,"label" : "x", "e": 1e400 , "o":{"label":1},"label" :%s ,'
        '"text":"one te\\u0078t", "s": "a\\/b"}'
    )
    path.write_text(line % old + "\r\n", "utf-8", newline="")
    finding = FINDING | {"file": str(path), "proposed": proposed}
    found.write_text(json.dumps(finding), "utf-8")
    code, _, err = run(capsys, path, "--fix", out, "--agreed", found)
    assert (code, out.read_bytes().decode()) == (0, line % new + "\r\n"), err
