"""Labelling by hand: answers and their journal, files, what is asked, the model behind."""

import errno
import json
import os
import subprocess
import sys
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fasttext_lite import system
from fasttext_lite.compat.either import load_model
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, SettingError, TrainingError
from fasttext_lite.evaluation.compare import proportion_interval
from fasttext_lite.labelling import honest, learner, training
from fasttext_lite.labelling.answers import Answers, Event
from fasttext_lite.labelling.asking import Asker, Choice
from fasttext_lite.labelling.background import Background
from fasttext_lite.labelling.choosing import Chooser, uncertainty
from fasttext_lite.labelling.errors import Stale
from fasttext_lite.labelling.honest import MOST_OPEN, Check, sampled
from fasttext_lite.labelling.journal import ENDING, Journal
from fasttext_lite.labelling.keys import KEYS, RESERVED, keys_of
from fasttext_lite.labelling.learner import TOO_FEW, Learner, Learnt
from fasttext_lite.labelling.marks import marks_of, shown
from fasttext_lite.labelling.messages import LABEL, RANDOM, SKIP
from fasttext_lite.labelling.output import FORMATS, Output
from fasttext_lite.labelling.pool import SHOWN, Pool, flat, is_blank
from fasttext_lite.labelling.searching import Search, folded_words
from fasttext_lite.labelling.session import Session
from fasttext_lite.labelling.settings import Settings, checked_label
from fasttext_lite.labelling.typical import typical
from fasttext_lite.labelling.vectors import PoolVectors

SUBJECTS = {
    "sport": "match goal team player league coach stadium referee striker trophy final cup",
    "food": "soup bread pepper oven dough butter salad dinner recipe garlic cheese plate",
    "travel": "flight hotel beach ticket luggage island museum border guide ferry train tour",
}
WORDS = {label: words.split() for label, words in SUBJECTS.items()}


def make_texts(n=60, seed=3):
    """Return different texts of three subjects with their labels."""
    rng = np.random.default_rng(seed)
    labels = [list(SUBJECTS)[i % 3] for i in range(n)]
    texts = [" ".join([*rng.choice(WORDS[label], 4), f"no{i}"]) for i, label in enumerate(labels)]
    return texts, labels


TEXTS, LABELS = make_texts()
TRUTH = dict(zip(TEXTS, LABELS, strict=True))


def make_pool(texts=TEXTS, seed=0, others=()):
    return Pool(Texts.from_sequence(texts), seed, others)


@pytest.fixture
def start(tmp_path):
    """Return a function that opens a session; all are closed at the end."""
    opened = []

    def start(texts=TEXTS, output="labelled.tsv", labels=tuple(SUBJECTS), **others):
        given = Settings(
            Texts.from_sequence(texts), str(tmp_path / output), labels=labels, **others
        )
        opened.append(Session.open(given))
        return opened[-1]

    yield start
    for session in opened:
        session.close()


def label(session, n, person="ann"):
    """Answer n questions truly; return their texts."""
    texts = []
    for _ in range(n):
        question = session.next(person)
        session.answer(person, question.id, [TRUTH[question.text]], question.version)
        texts.append(question.text)
    return texts


# -- texts -----------------------------------------------------------------------------------
def test_equal_texts_are_one_and_blank_ones_none():
    pool = make_pool(["a b", "", "c\nd", " \t", "a b", "c d"])
    assert [pool.text_of(i) for i in range(len(pool))] == ["a b", "c d"]
    assert pool.find("c\rd") == 1
    assert pool.find("x") is None
    assert (pool.n_equal, pool.n_blank) == (2, 2)  # the texts with a break is equal to another


def test_texts_that_are_labelled_already_are_never_asked():
    pool = make_pool(["a", "b"], others=["b", "old", "old", ""])
    assert (len(pool), pool.n_asked) == (3, 2)
    assert pool.find("old") == 2
    assert sorted(pool.order.tolist()) == [0, 1]


def test_the_random_order_stays_when_texts_come_and_go():
    few, many = make_pool(TEXTS[10:40], seed=5), make_pool(["new", *TEXTS], seed=5)
    order = [few.text_of(i) for i in few.order]
    assert [t for t in (many.text_of(i) for i in many.order) if t in set(order)] == order
    assert order != TEXTS[10:40]
    assert few.order.tolist() != make_pool(TEXTS[10:40], seed=6).order.tolist()


def test_all_texts_are_drawn_first_equally_often():
    counts = np.zeros(4)
    for seed in range(400):
        counts[make_pool(["a", "b", "c", "d"], seed=seed).order[0]] += 1
    assert counts.min() > 60  # of 100; 60 is 4.6 standard deviations below


def test_many_texts_cost_no_more_than_some(monkeypatch):
    from fasttext_lite.labelling import pool as module

    pool = make_pool()
    monkeypatch.setattr(module, "MOST_WORKED", 7)
    assert pool.worked_on().tolist() == pool.order[:7].tolist()
    monkeypatch.setattr(module, "MOST_WORKED_BYTES", 60)
    sizes = [len(pool.bytes_of(i)) for i in pool.worked_on()]
    assert 0 < sum(sizes) <= 60


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=5), max_size=30))
@settings(max_examples=50)
def test_every_text_is_found_again(texts):
    pool = make_pool(texts)
    wanted = list(dict.fromkeys(flat(t) for t in texts if not is_blank(flat(t))))
    assert [pool.bytes_of(i) for i in range(len(pool))] == wanted
    assert [pool.find(text.decode()) for text in wanted] == list(range(len(wanted)))


# -- search ----------------------------------------------------------------------------------
@given(st.lists(st.text("aÄäß b", max_size=6), max_size=20), st.text("aÄs b", max_size=3))
def test_search_finds_what_a_loop_finds(texts, words):
    pool = make_pool(texts)
    wanted = [
        i
        for i in range(len(pool))
        if all(word in pool.text_of(i).casefold() for word in words.casefold().split())
    ]
    assert list(Search(pool).find(folded_words(words))) == wanted


def test_search_goes_from_block_to_block(monkeypatch):
    from fasttext_lite.labelling import searching

    monkeypatch.setattr(searching, "BLOCK", 4)
    search = Search(make_pool([f"text {i}" for i in range(11)]))
    search.prepare()
    assert list(search.find(folded_words("TEXT 1"))) == [1, 10]


def test_lists_of_texts(start):
    session = start()
    done = label(session, 4)
    rows = session.search("GOAL", count=2)
    assert [("goal" in row.text, row.score) for row in rows.rows] == [(True, 0.0)] * 2
    assert rows.is_more
    assert rows.n_found >= 3
    behind = session.search("goal", start=2, count=100)
    assert not {r.id for r in behind.rows} & {r.id for r in rows.rows}
    assert behind.n_found == 2 + len(behind.rows)
    assert {row.text for row in session.search("", answered=True).rows} == set(done)
    assert len(session.search("", answered=False, count=100).rows) == len(TEXTS) - 4
    assert session.search("", label="sport", answered=False).rows == ()
    sport = [text for text in done if TRUTH[text] == "sport"]
    assert [row.text for row in session.search("", label="sport").rows] == sorted(
        sport, key=TEXTS.index
    )


# -- labels and keys -------------------------------------------------------------------------
def test_keys_are_those_that_no_command_has():
    assert not set(KEYS) & set(RESERVED)
    assert len(set(KEYS)) == len(KEYS)
    assert keys_of(["a"] * 10)[8:] == ["9", "a"]
    assert keys_of(["a"] * len(KEYS)) == list(KEYS)
    assert set(keys_of(["a"] * (len(KEYS) + 1))) == {""}


@pytest.mark.parametrize("name", ["", "  ", "a\tb", "a\nb", "a\u2028b", "__label__a", "x" * 201])
def test_labels_that_no_file_gives_back_are_refused(name):
    with pytest.raises(ValueError, match="label"):
        checked_label(name, several=False)
    with pytest.raises(SettingError, match="labels: "):
        Settings(Texts.from_sequence(["a"]), "o.tsv", labels=(name,))


def test_a_comma_ends_a_label_where_there_are_several():
    assert checked_label(" a, b ", several=False) == "a, b"
    with pytest.raises(ValueError, match="comma"):
        checked_label("a,b", several=True)


@pytest.mark.parametrize(
    ("given", "what"),
    [
        ({"labels": ("a", "a")}, "twice"),
        ({"labels": (" a",)}, "write 'a'"),
        ({"random_share": 0.0}, "random_share"),
        ({"n_between": 0}, "n_between"),
    ],
)
def test_settings_out_of_range(given, what):
    with pytest.raises(SettingError, match=what):
        Settings(Texts.from_sequence(["a"]), "o.tsv", **given)


def test_new_labels(start):
    session = start(labels=())
    assert session.next("ann").answer is None
    progress = session.add_label(" sport ")
    assert [(each.name, each.key, each.n, each.is_new) for each in progress.labels] == [
        ("sport", "1", 0, True)
    ]
    with pytest.raises(ValueError, match="already"):
        session.add_label("sport")
    with pytest.raises(ValueError, match="empty"):
        session.add_label(" ")


def test_fasttexts_labels_have_no_space(start):
    session = start(output="labelled.txt")
    with pytest.raises(ValueError, match="no space in fastText's format"):
        session.add_label("two words")
    with pytest.raises(SettingError, match="no space in fastText's format"):
        start(output="other.txt", labels=("two words",))


# -- answers ---------------------------------------------------------------------------------
def test_answers_count_and_are_asked_no_more(start):
    session = start()
    texts = label(session, 10)
    assert len(set(texts)) == 10
    progress = session.progress()
    assert (progress.n_texts, progress.n_answered, progress.n_skipped) == (60, 10, 0)
    assert {each.name: each.n for each in progress.labels} == {
        name: sum(TRUTH[text] == name for text in texts) for name in SUBJECTS
    }
    assert progress.people == (("ann", 10),)


def test_all_texts_are_asked_once_and_then_none(start):
    session = start(TEXTS[:7])
    assert sorted(label(session, 7)) == sorted(TEXTS[:7])
    assert session.next("ann") is None
    question = session.undo("ann")
    assert session.next("ann").id == question.id


def test_equal_texts_are_answered_together(start, tmp_path):
    session = start([TEXTS[0], TEXTS[1], TEXTS[0]])
    label(session, 2)
    assert session.next("ann") is None
    assert session.export() == (str(tmp_path / "labelled.tsv"), 2)


def test_the_same_question_until_it_is_answered(start):
    session = start()
    first = session.next("ann")
    assert session.next("ann").id == first.id
    session.skip("ann", first.id, first.version)
    assert session.next("ann").id != first.id
    assert session.progress().n_skipped == 1
    assert session.question(first.id, "ann", "search").answer.kind == SKIP


def test_bad_answers(start):
    session = start()
    question = session.next("ann")
    for labels, what in ([], "needs a label"), (["x"], "no label 'x'"), ("sport", "list"):
        with pytest.raises(ValueError, match=what):
            session.answer("ann", question.id, labels, 0)
    with pytest.raises(ValueError, match="one label is asked for"):
        session.answer("ann", question.id, ["sport", "food"], 0)
    for number in (-1, 60, True, "1"):
        with pytest.raises(ValueError, match="there is no text"):
            session.answer("ann", number, ["sport"], 0)
    with pytest.raises(ValueError, match="nothing to undo"):
        session.undo("ann")
    with pytest.raises(ValueError, match="asked must be one of"):
        session.question(question.id, "ann", "why not")
    assert session.progress().n_answered == 0


def test_nobody_overwrites_what_was_not_seen(start):
    session = start()
    question = session.next("ann")
    session.question(question.id, "bob", "search")
    session.answer("ann", question.id, ["sport"], question.version)
    for late in (
        lambda: session.answer("bob", question.id, ["food"], question.version),
        lambda: session.skip("bob", question.id, question.version),
    ):
        with pytest.raises(Stale, match="answered by 'ann'") as caught:
            late()
        now = caught.value.question
        assert (now.id, now.answer.labels, now.version) == (question.id, ("sport",), 1)
    session.answer("bob", question.id, ["food"], 1)
    assert session.question(question.id, "ann").answer.labels == ("food",)
    assert session.progress().people == (("bob", 1),)


def test_two_people_are_asked_different_texts(start, monkeypatch):
    session = start(TEXTS[:2])
    ann, bob = session.next("ann"), session.next("bob")
    assert ann.id != bob.id
    assert session.next("cy") is None
    session._leases.seconds = -1  # what is given from now on has ended already
    session.question(ann.id, "ann")
    assert session.next("cy").id == ann.id


def test_many_threads_lose_nothing(start):
    session = start()
    errors = []

    def work(person):
        try:
            label(session, 10, person)
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(f"p{i}",)) for i in range(6)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert errors == []
    assert session.progress().n_answered == 60
    assert dict(session.progress().people) == {f"p{i}": 10 for i in range(6)}


def test_undo_is_of_ones_own_answers_in_turn(start):
    session = start()
    first, second = label(session, 2)
    other = label(session, 1, "bob")[0]
    assert session.undo("ann").text == second
    question = session.undo("ann")
    assert (question.text, question.answer, question.version) == (first, None, 2)
    assert session.progress().n_answered == 1
    with pytest.raises(ValueError, match="nothing to undo"):
        session.undo("ann")
    assert session.undo("bob").text == other


def test_undo_brings_back_what_was_before_and_passes_over_what_others_changed(start):
    session = start()
    question = session.next("ann")
    session.answer("ann", question.id, ["sport"], 0)
    session.answer("bob", question.id, ["food"], 1)
    with pytest.raises(ValueError, match="nothing to undo"):
        session.undo("ann")
    assert session.undo("bob").answer.labels == ("sport",)
    assert session.undo("ann").answer is None


def test_several_labels(start, tmp_path):
    session = start(several=True)
    question = session.next("ann")
    session.answer("ann", question.id, ["food", "sport", "food"], 0)
    assert session.question(question.id, "ann").answer.labels == ("sport", "food")
    session.export()
    line = (tmp_path / "labelled.tsv").read_text("utf-8")
    assert line == f"sport,food\t{question.text}\n"
    session.close()
    with pytest.raises(SettingError, match="go on with --multilabel"):
        start()


# -- on disk ---------------------------------------------------------------------------------
def test_an_answer_is_on_the_disk_before_it_is_told(start, monkeypatch, tmp_path):
    session, synced = start(), []
    journal = tmp_path / f"labelled.tsv{ENDING}"
    sync = system.sync
    monkeypatch.setattr(system, "sync", lambda fd: (sync(fd), synced.append(journal.read_text())))
    question = session.next("ann")
    session.answer("ann", question.id, ["sport"], 0)
    event = json.loads(synced[0].splitlines()[-1])
    assert event.pop("at") > 1e9
    assert event == {
        "event": "label", "person": "ann", "text": question.text, "labels": ["sport"],
        "asked": question.asked, "version": 1,
    }  # fmt: skip


def test_an_answer_that_cannot_be_written_does_not_count(start, monkeypatch):
    session = start()
    label(session, 1)
    question = session.next("ann")
    write = os.write

    def full(fd, data):
        write(fd, bytes(data)[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space left") as caught:
        session.answer("ann", question.id, ["sport"], 0)
    assert caught.value.filename.endswith(ENDING)
    monkeypatch.undo()
    assert session.progress().n_answered == 1
    session.answer("ann", question.id, ["sport"], 0)
    session.close()
    assert start().progress().n_answered == 2


def test_coming_back_loses_nothing(start):
    session = start()
    session.add_label("new")
    label(session, 5)
    label(session, 3, "bob")
    question = session.next("ann")
    session.skip("ann", question.id, 0)
    before = session.progress()
    session.close()
    session = start()
    after = session.progress()
    assert (after.n_answered, after.n_skipped, after.people) == (8, 1, before.people)
    assert after.labels == before.labels
    assert session.undo("ann").id == question.id
    assert session.undo("ann").answer is None


def test_answers_follow_the_text(start, tmp_path):
    done = label(session := start(), 5)
    session.close()
    session = start([*reversed(TEXTS[5:]), "something new"])
    progress = session.progress()
    gone = [text for text in done if text in TEXTS[:5]]
    assert (progress.n_texts, progress.n_answered) == (56, 5)
    assert gone  # among those that are kept
    for text in done:
        rows = session.search(text, answered=True).rows
        assert (text, (TRUTH[text],)) in [(row.text, row.labels) for row in rows]


def test_a_line_that_a_crash_has_cut_is_cut_off(start, tmp_path):
    session = start()
    label(session, 2)
    session.close()
    path = tmp_path / f"labelled.tsv{ENDING}"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    (tmp_path / "labelled.tsv").unlink()  # as it was before both
    session = start()
    assert session.notices == [
        f"{path}: the last line was not written to its end; "
        f"{len(whole.splitlines()[1]) - 8} bytes are cut off"
    ]
    assert session.progress().n_answered == 1
    label(session, 1)
    session.close()
    assert start().progress().n_answered == 2


def event(kind="label", text=TEXTS[0], labels=("sport",), person="ann"):
    """Return a line of a journal."""
    found = {"event": kind, "at": 1.0, "person": person, "text": text, "labels": list(labels)}
    return json.dumps({**found, "asked": "", "version": 1}).encode()


@pytest.mark.parametrize(
    "line", [
        b"{}", b"[1]", b"\xff", b'{"event": "label"}', b"", b"[" * 100_000, event("x", labels=()),
        event(labels=()), event("skip"), event(labels=("",)), event(labels=("\ud800",)),
        event(person="\ud800"),
    ]
)  # fmt: skip
def test_a_damaged_line_is_named(start, tmp_path, line):
    session = start()
    label(session, 2)
    session.close()
    path = tmp_path / f"labelled.tsv{ENDING}"
    lines = path.read_bytes().splitlines()
    path.write_bytes(b"\n".join([lines[0], line, lines[1], b""]))
    with pytest.raises(InputError, match=f"{path.name}:2: no event"):
        start()


def test_an_answer_whose_line_was_removed_is_taken_back_no_more(start, tmp_path):
    path = tmp_path / f"labelled.tsv{ENDING}"
    lines = [event(text=TEXTS[1]), event("undo", labels=()), event(text=TEXTS[2])]
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    session = start()
    assert session.notices == [
        f"{path}: 1 lines take back answers that are not there: they are passed over"
    ]
    assert session.progress().n_answered == 2


def test_labels_from_before_that_the_output_cannot_hold(start, tmp_path):
    path = tmp_path / "labelled.tsv"
    path.write_text('{"label": "a\\tb", "text": "one"}\n{"label": "c", "text": "two"}\n', "utf-8")
    with pytest.raises(InputError, match=r"labelled.tsv: a label .* cannot be written: .*a\\tb"):
        start()
    assert (tmp_path / f"labelled.tsv{ENDING}").read_bytes() == b""  # nothing to undo by hand
    path.rename(tmp_path / "labelled.jsonl")
    assert start(output="labelled.jsonl").progress().n_answered == 2


@pytest.mark.parametrize("several", [False, True])
def test_fasttexts_spaces_are_those_of_the_texts(start, tmp_path, several):
    texts = ["  two  spaces ", "\ttab\tand more", "plain"]
    for _ in range(2):
        session = start(texts, "labelled.txt", several=several)
        question = session.next("ann")
        while question is not None:
            labels = ("sport", "food") if several else ("sport",)
            session.answer("ann", question.id, labels, question.version)
            question = session.next("ann")
        session.close()
        written = (tmp_path / "labelled.txt").read_text("utf-8")
        assert written.count("\n") == 3
    (tmp_path / f"labelled.txt{ENDING}").unlink()
    session = start(texts, "labelled.txt", several=several)
    assert (session.progress().n_texts, session.progress().n_answered) == (3, 3)
    assert session.next("ann") is None
    session.close()
    assert (tmp_path / "labelled.txt").read_text("utf-8") == written


def test_fasttexts_format_has_no_text_that_begins_with_a_label(tmp_path):
    output = Output(str(tmp_path / "x.txt"), several=False)
    output.check_pool(make_pool(["first", "_ other", "x__label__y"]), "t.txt")
    with pytest.raises(InputError, match="some texts have words .*first: '__label__x y'"):
        output.check_pool(make_pool(["first", "_ other", "__label__x y"]), "t.txt")


def test_fasttexts_format_is_read_as_it_was_written(tmp_path):
    output, rows = Output(str(tmp_path / "x.txt"), several=False), [("label\ttext", ("a",))]
    output.write(rows)
    assert output.read() == rows


@pytest.mark.parametrize("change", ["remove", "replace", "cut"])
def test_a_journal_that_is_taken_away_is_not_written_to(start, tmp_path, change):
    session = start()
    label(session, 2)
    path = tmp_path / f"labelled.tsv{ENDING}"
    whole = path.read_bytes()
    if change == "cut":
        os.truncate(path, 9)
    else:
        path.unlink()
        if change == "replace":
            path.write_bytes(whole)
    question = session.next("ann")
    with pytest.raises(OSError, match="somebody"):
        session.answer("ann", question.id, ("sport",), question.version)
    assert session.progress().n_answered == 2
    assert not path.exists() or path.read_bytes() in (whole, whole[:9])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
def test_a_pipe_is_no_journal(tmp_path):
    path = tmp_path / f"labelled.tsv{ENDING}"
    os.mkfifo(path)
    with pytest.raises(InputError, match="cannot be opened: not a regular file"):
        Journal(str(path))


def test_one_session_has_a_journal(start, tmp_path):
    start()
    code = (
        "import sys\nfrom fasttext_lite.labelling.journal import Journal\n"
        "try: Journal(sys.argv[1])\nexcept ValueError as error: print(error)"
    )
    path = str(tmp_path / f"labelled.tsv{ENDING}")
    done = subprocess.run(
        [sys.executable, "-c", code, path], capture_output=True, text=True, check=True
    )
    assert "somebody labels into this file already" in done.stdout
    assert done.stdout.count("\n") == 1


def test_a_journal_that_cannot_be_opened(tmp_path):
    with pytest.raises(InputError, match="cannot be opened"):
        Journal(str(tmp_path / "nowhere" / "x"))


def test_rows_from_before_are_answers(start, tmp_path):
    rows = [f"sport\t{TEXTS[0]}", "food\tan old one", f"travel\t{TEXTS[0]}"]
    (tmp_path / "labelled.tsv").write_text("\n".join(rows) + "\n", "utf-8")
    session = start()
    assert [notice.partition("labelled.tsv: ")[2] for notice in session.notices] == [
        "2 texts are labelled already",
        "1 rows have a text of a row before and other labels: the last ones count",
    ]
    assert session.progress().n_answered == 2
    assert session.progress().people == ()
    label(session, 1)
    session.close()
    written = (tmp_path / "labelled.tsv").read_text("utf-8")
    assert "food\tan old one\n" in written
    assert f"travel\t{TEXTS[0]}\n" in written
    assert written.count("\n") == 3


@pytest.mark.parametrize(
    ("name", "content"),
    [("a.csv", "id,label,text\n1,sport,one\n2,,two\n"),
     ("a.jsonl", '{"id": 1, "label": "sport", "text": "one"}\n{"label": "", "text": "two"}\n')],
)  # fmt: skip
def test_what_a_file_from_before_loses_is_said_and_kept_until_an_answer(
    start, tmp_path, name, content
):
    (tmp_path / name).write_text(content, "utf-8")
    for _ in range(2):
        session = start(output=name)
        said = session.notices[-1]
        assert "without a label" in said
        assert "columns beside label and text (id)" in said
        session.wait()
        session.close()
        assert (tmp_path / name).read_text("utf-8") == content
    session = start(output=name)
    label(session, 1)
    session.close()
    assert (tmp_path / name).read_text("utf-8") != content


def test_what_others_change_in_the_output(start, tmp_path):
    session = start()
    first, second = label(session, 2)
    session.close()
    path = tmp_path / "labelled.tsv"
    rows = path.read_text("utf-8").replace(f"{TRUTH[first]}\t{first}", f"other\t{first}")
    path.write_text(f"{rows}food\tone more\n", "utf-8")
    session = start()
    assert [notice.partition("labelled.tsv: ")[2] for notice in session.notices] == [
        "1 texts are labelled already",
        f"1 rows have other labels than {path}{ENDING} says, which counts: to begin with the rows "
        "as they are, move it away",
    ]
    assert session.export()[1] == 3
    assert f"{TRUTH[first]}\t{first}\n" in path.read_text("utf-8")


def test_the_output_is_written_anew_and_whole(start, tmp_path):
    session = start()
    done = label(session, 5)
    session.wait()
    rows = (tmp_path / "labelled.tsv").read_text("utf-8").splitlines()
    assert len(rows) == 5
    assert {row.partition("\t")[2] for row in rows} == set(done)
    for _ in range(5):
        session.undo("ann")
    session.close()
    assert (tmp_path / "labelled.tsv").read_text("utf-8") == ""


def test_blank_texts_are_not_labelled(start):
    with pytest.raises(InputError, match="texts: no text to label"):
        start([" ", ""])


def test_answers_go_on_while_the_output_is_written(start, monkeypatch):
    session = start()
    label(session, 2)
    session.wait()
    label(session, 1)
    writing, done = threading.Event(), threading.Event()
    write = Output.write

    def slow(self, rows):
        writing.set()
        assert done.wait(30)
        write(self, rows)

    monkeypatch.setattr(Output, "write", slow)
    thread = threading.Thread(target=session.export)
    thread.start()
    assert writing.wait(30)
    label(session, 1)
    done.set()
    thread.join()
    assert session.export()[1] == 4


def test_an_output_that_cannot_be(tmp_path, start):
    with pytest.raises(SettingError, match=r"its ending must say the format: \.tsv"):
        start(output="labelled.doc")
    with pytest.raises(InputError, match="cannot be written"):
        start(output="nowhere/labelled.tsv")
    with pytest.raises(InputError, match=r"words that begin with __label__.*'b __label__x'"):
        start(["a", "b __label__x"], output="labelled.txt")


TEXT = st.text(
    st.sampled_from("ab \t\"',{}[]:=__label__\u00e9\u4e2d\u3000\U0001f600sepxt\v\f\0\x85")
    | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=12,
).filter(lambda text: not is_blank(flat(text)))
NAME = st.text(st.sampled_from("ab ,\"'{[=lext_\u4e2d\U0001f600"), min_size=1, max_size=8).filter(
    lambda name: name.strip() == name and not name.startswith("__label__")
)
ROWS = st.lists(st.tuples(TEXT, st.lists(NAME, min_size=1, max_size=3, unique=True)), max_size=25)


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("ending", [".tsv", ".csv", ".jsonl"])
@given(rows=ROWS)
@settings(max_examples=40)
def test_train_reads_what_was_written(tmp_path_factory, ending, several, rows):
    path = str(tmp_path_factory.getbasetemp() / f"some{several}{ending}")
    names = [[n.replace(",", "") or "x" if several else n for n in labels] for _, labels in rows]
    wanted = [
        (flat(text).decode(), tuple(dict.fromkeys(labels if several else labels[:1])))
        for (text, _), labels in zip(rows, names, strict=True)
    ]
    wanted = [(t, tuple(label.strip() or "x" for label in ls)) for t, ls in wanted]
    wanted = [(t, tuple(dict.fromkeys(ls))) for t, ls in wanted]
    output = Output(path, several)
    try:
        output.write(wanted)
    except InputError as error:
        assert "ends with .csv or .jsonl" in str(error)
        assert ending == ".tsv"
        assert any("\t" in text for text, _ in wanted)
    else:
        assert output.read() == wanted


@given(rows=ROWS)
@settings(max_examples=40)
def test_fasttexts_format_keeps_tokens_and_labels(tmp_path_factory, rows):
    path = str(tmp_path_factory.getbasetemp() / "some.txt")
    wanted = []
    for text, labels in rows:
        words = [word for word in text.split() if not word.startswith("__label__")]
        names = ["_".join(label.split()) for label in labels]
        if words and not is_blank(flat(" ".join(words))) and "\0" not in text:
            wanted.append((" ".join(words), tuple(dict.fromkeys(names))))
    output = Output(path, several=True)
    output.write(wanted)
    corpus = [] if not wanted else read_corpus(path, ReadOptions())
    found = zip(corpus.texts.to_list(), corpus.label_rows, strict=True) if wanted else []
    assert [(" ".join(t.split()), ls) for t, ls in found] == wanted


def test_halves_of_surrogate_pairs_need_json(tmp_path):
    pool = make_pool(["fine", "bad \ud800"])
    for ending in FORMATS:
        output = Output(str(tmp_path / f"x{ending}"), several=False)
        if ending in (".tsv", ".csv", ".txt"):
            with pytest.raises(InputError, match=r"surrogate pair.*ends with \.jsonl"):
                output.check_pool(pool, "t.txt")
    output = Output(str(tmp_path / "x.jsonl"), several=False)
    output.check_pool(pool, "t.txt")
    output.write([("bad \ud800", ("a",))])
    assert output.read() == [("bad \ud800", ("a",))]


# -- texts as they are shown -----------------------------------------------------------------
def test_long_texts_are_shown_in_parts(start):
    long = "word " * 5_000
    session = start([long, "short"], labels=("a",))
    question = session.question(0, "ann", "search")
    assert (question.text, question.is_cut) == (long[:SHOWN], True)
    assert session.text_of(0, SHOWN) == (long[SHOWN:], False)
    with pytest.raises(ValueError, match="start must be"):
        session.text_of(0, -1)
    assert shown("x\ud800y") == ("x\ufffdy", False)


def test_marks_are_in_units_of_utf16():
    pool = make_pool()
    text = "\U0001f600 goal \U0001f600 soup"
    learnt = Learner(pool).learn({i: (LABELS[i],) for i in range(30)})
    marks = marks_of(learnt.guesser.model, text, "sport")
    units = text.encode("utf-16-le")
    words = {units[2 * m.start : 2 * m.end].decode("utf-16-le"): m.weight for m in marks}
    assert words["goal"] == 1
    assert words["soup"] < 0
    assert [abs(m.weight) for m in marks] == sorted((abs(m.weight) for m in marks), reverse=True)


# -- the model -------------------------------------------------------------------------------
@pytest.mark.parametrize("answers", [{}, {0: ("a",)}, {0: ("a",), 1: ("a",)}])
def test_too_little_for_a_model(answers):
    learnt = Learner(make_pool()).learn(answers)
    assert (learnt.guesser, learnt.note, learnt.n_answers) == (None, TOO_FEW, len(answers))


@pytest.mark.parametrize("several", [False, True])
@pytest.mark.parametrize("has_vectors", [False, True])
def test_a_model_of_two_texts(several, has_vectors):
    pool = make_pool()
    taught = Learner(pool, several)
    if has_vectors:
        taught.vectors = PoolVectors(pool)
    guesser = taught.learn({0: ("b",), 1: ("a",)}).guesser
    p = guesser.probabilities(np.arange(6), 1)
    assert p.shape == (6, 2)
    assert guesser.chosen(p[:2]) == [("b",), ("a",)]
    assert np.allclose(guesser.of_texts(pool.texts.slice(0, 6), 1), p, atol=1e-5)


def test_a_model_of_150_labels():
    pool = make_pool()
    taught = Learner(pool)
    taught.vectors = PoolVectors(pool)
    answers = {i: (f"label {i}",) for i in range(60)}
    guesser = taught.learn(answers).guesser
    assert guesser.chosen(guesser.probabilities(np.arange(60), 1)) == list(answers.values())


def test_texts_without_a_label_teach_words_that_no_labelled_text_has():
    texts, labels = make_texts(240)
    pool = make_pool(texts)
    answers = {i: (labels[i],) for i in range(12)}
    right = {}
    for teaches in (False, True):
        taught = Learner(pool, teaches=teaches)
        taught.vectors = PoolVectors(pool)
        guesser = taught.learn(answers).guesser
        guesses = guesser.chosen(guesser.probabilities(np.arange(240), 1))
        right[teaches] = sum(a == (b,) for a, b in zip(guesses, labels, strict=True))
    assert right[True] >= right[False]
    assert right[True] > 200


def test_a_failure_is_told_and_the_thread_goes_on(start, monkeypatch):
    def fail(*args, **kwargs):
        raise TrainingError("no luck")

    session = start()
    monkeypatch.setattr(learner, "fit_prepared", fail)
    label(session, 6)
    session.wait()
    assert session.progress().model.note == "no model could be trained: no luck"
    monkeypatch.undo()
    label(session, 6)
    session.wait()
    state = session.progress().model
    assert (state.is_there, state.note) == (True, "")
    assert state.n_answers > 7


def test_only_skipped_texts(start):
    session = start()
    for _ in range(8):
        question = session.next("ann")
        session.skip("ann", question.id, 0)
    session.wait()
    assert session.progress().model.note == TOO_FEW


def test_errors_of_the_work_behind_are_logged(caplog):
    done = []

    def work():
        done.append(1)
        if len(done) == 1:
            raise KeyError("x")

    behind = Background(work, "test")
    behind.call()
    assert behind.wait(10)
    behind.call()
    assert behind.wait(10)
    behind.close()
    assert len(done) == 2
    assert "labelling: 'x'" in caplog.text


def test_the_model_guesses_and_marks(start):
    session = start()
    label(session, 30)
    assert session.wait(60)
    state = session.progress()
    assert state.model.is_there
    assert state.n_since_model < 6
    question = session.question(session.search("goal", answered=False).rows[0].id, "ann")
    assert question.guess[0].label == "sport"
    assert len(question.guess) == 3
    assert abs(sum(each.probability for each in question.guess) - 1) < 1e-5
    assert max(mark.weight for mark in question.marks) == 1
    row = session.search("soup", answered=False).rows[0]
    assert (row.guess, row.labels) == ("food", ())


# -- what is asked ---------------------------------------------------------------------------
def answered(pool, numbers, labels=LABELS):
    answers = Answers()
    for number in numbers:
        answers.apply(Event(LABEL, 0, "ann", "", (labels[number],), "", 1), number)
    return answers


def test_a_share_is_drawn_at_random():
    pool, answers = make_pool(), Answers()
    asker = Asker(pool, answers, 0.2)
    asker.queue = [Choice(int(i), "uncertain") for i in pool.order[::-1]]
    asked = []
    for _ in range(50):
        number, why = asker.next()
        asked.append(why)
        answers.apply(Event(LABEL, 0, "ann", "", ("a",), why, 1), number)
    assert asked.count(RANDOM) == 10
    assert [why == RANDOM for why in asked] == [i % 5 == 4 for i in range(50)]
    drawn = sampled(pool.order, lambda n: answers.of(n) is not None)
    assert len(drawn) >= 10


def test_what_was_answered_otherwise_is_in_the_sample_and_not_asked_again():
    pool = make_pool()
    first, second, third = pool.order[:3].tolist()
    answers = answered(pool, [first, third])
    assert Asker(pool, answers, 1.0).next() == (second, RANDOM)
    answers = answered(pool, [first, second, third])
    assert sampled(pool.order, lambda n: answers.of(n) is not None) == [first, second, third]


def test_uncertainty():
    p = np.array([[0.5, 0.5, 0], [0.9, 0.1, 0], [1, 0, 0]])
    assert uncertainty(p, several=False).round(6).tolist() == [1, 0.2, 0]
    p = np.array([[0.5, 0.9], [0.99, 0.0]])
    assert uncertainty(p, several=True).round(6).tolist() == [1, 0.02]


def test_typical_texts_are_of_all_kinds_and_uncertain_ones_follow():
    pool = make_pool()
    taught = Learner(pool)
    assert Chooser(taught).choose(Learnt(), ()) == []
    taught.vectors = PoolVectors(pool)
    chooser = Chooser(taught)
    first = chooser.choose(Learnt(), ())
    assert {each.asked for each in first} == {"diverse"}
    assert {LABELS[each.number] for each in first[:12]} == set(SUBJECTS)
    learnt = taught.learn({i: (LABELS[i],) for i in range(40)})
    later = chooser.choose(learnt, set(range(40)))
    assert sorted(each.number for each in later) == list(range(40, 60))
    assert {each.asked for each in later} == {"uncertain"}
    assert chooser.choose(learnt, set(range(60))) == []


def test_typical_rows():
    rng = np.random.default_rng(0)
    middles = np.eye(4, dtype=np.float32)
    vectors = np.repeat(middles, [50, 30, 10, 5], axis=0)
    vectors += rng.normal(0, 0.01, vectors.shape).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    found = typical(vectors, 4, 0)
    assert [int(vectors[row].argmax()) for row in found] == [0, 1, 2, 3]
    assert typical(np.zeros((3, 2), np.float32), 4, 0) == []


# -- how good it is --------------------------------------------------------------------------
def test_models_are_asked_of_texts_that_they_did_not_see():
    seen = []

    class Spy(Learner):
        def learn(self, answers, unseen=()):
            learnt = super().learn(answers, unseen)
            guesser = learnt.guesser
            ask = guesser.probabilities

            def probabilities(numbers, n_threads=None):
                seen.append((set(answers), set(numbers.tolist())))
                assert set(unseen) >= set(numbers.tolist())
                return ask(numbers, n_threads)

            guesser.probabilities = probabilities
            return learnt

    pool = make_pool()
    given = {i: (LABELS[i],) for i in range(40)}
    drawn = [int(n) for n in pool.order if n < 40][:15]
    check = Check(given, drawn)
    assert check.is_enough
    assert len(list(check.run(Spy(pool)))) == honest.FOLDS
    assert all(not known & asked and known | asked == set(given) for known, asked in seen)
    assert set().union(*(asked for _, asked in seen)) == set(given)
    assert {len(asked & set(drawn)) for _, asked in seen} == {1, 2}
    found = check.accuracy()
    right = sum(check.right[n] for n in drawn)
    assert (found.n_answers, found.n_random, found.value) == (40, 15, right / 15)
    assert (found.low, found.high) == proportion_interval(right, 15)


def test_wrong_labels_are_doubted_most(start):
    session = start()
    label(session, 40)
    wrong = session.next("ann")
    other = next(name for name in SUBJECTS if name != TRUTH[wrong.text])
    session.answer("ann", wrong.id, [other], 0)
    label(session, 10)
    assert session.wait(60)
    progress = session.progress()
    assert progress.accuracy is progress.curve[-1]
    assert progress.accuracy.n_random >= honest.LEAST_RANDOM
    assert progress.accuracy.low <= progress.accuracy.value <= progress.accuracy.high
    rows = session.doubtful(count=3)
    assert rows.n_found == 51
    assert rows.is_more
    assert rows.rows[0].text == wrong.text
    assert rows.rows[0].score > 0.5
    assert [row.score for row in rows.rows] == sorted((r.score for r in rows.rows), reverse=True)
    session.close()
    session = start()
    assert session.progress().curve == progress.curve
    assert session.wait(60)
    assert session.progress().curve[: len(progress.curve)] == progress.curve


# -- the end ---------------------------------------------------------------------------------
def test_train_writes_a_model(start, tmp_path, monkeypatch):
    session = start()
    assert session.progress().training.state == "none"
    label(session, 30)
    session.train()
    session._training.wait()
    state = session.progress().training
    assert (state.state, state.path) == ("done", str(tmp_path / "labelled.ftl"))
    assert state.message == "trained on 30 labelled texts"
    assert load_model(state.path).predict_one("goal match team")[0][0] == "sport"


def test_a_training_that_fails_says_why(start, tmp_path, monkeypatch):
    session = start()
    label(session, 1)
    session.train(str(tmp_path / "m.ftl"))
    session._training.wait()
    state = session.progress().training
    assert (state.state, state.message) == (
        "failed", "two labels with a text each are needed to train a model",
    )  # fmt: skip
    waiting = threading.Event()
    monkeypatch.setattr(training, "train_model", lambda *args: waiting.wait(30))
    monkeypatch.setattr(training, "save_model", lambda *args: None)
    session.train()
    try:
        with pytest.raises(ValueError, match="being trained already"):
            session.train()
        assert session.progress().training.state == "running"
    finally:
        waiting.set()


def test_the_core_needs_no_web():
    code = (
        "import sys\nimport fasttext_lite.labelling.session\n"
        "print([n for n in ('starlette', 'uvicorn', 'msgspec', 'sklearn') if n in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_random_sample_passes_over_a_few_texts_that_are_before_somebody():
    order = np.random.default_rng(0).permutation(40)
    answered = set(order.tolist())
    assert sampled(order, answered.__contains__) == order.tolist()
    answered -= set(order[[3, 7]].tolist())
    assert sampled(order, answered.__contains__) == [n for n in order.tolist() if n in answered]
    answered -= set(order[20 : 20 + MOST_OPEN].tolist())
    assert sampled(order, answered.__contains__) == [
        n for n in order[: 20 + MOST_OPEN - 2].tolist() if n in answered
    ], "what was answered for another reason counts as drawn at random"
