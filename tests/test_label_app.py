"""The web app and the command of ``label``: what its addresses answer, and what is on the disk."""

import contextlib
import io
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request

import pytest
from starlette.testclient import TestClient

from fasttext_lite.cli import app as program
from fasttext_lite.cli import label
from fasttext_lite.corpus.reader import read_corpus
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.labelling.app import MOST_ROWS, PAGE, label_app
from fasttext_lite.labelling.journal import Journal
from fasttext_lite.labelling.session import Session
from fasttext_lite.labelling.settings import Settings
from fasttext_lite.web.access import TOKEN, Access
from fasttext_lite.web.limits import Limits

SECRET = "0123456789abcdef"
LABELS = ("sport", "food")
TEXTS = [f"the {team} won match {i}" for i, team in enumerate(("reds", "blues") * 10)]
TEXTS += [f"bake the {dish} for {i} minutes" for i, dish in enumerate(("bread", "cake") * 10)]


@pytest.fixture
def opened(tmp_path):
    """Return a function that opens a session and a client of its app; all is closed after."""
    with contextlib.ExitStack() as stack:

        def opened(texts=TEXTS, labels=LABELS, access=None, limits=None, output="out.tsv", **more):
            settings = Settings(
                texts=Texts.from_sequence(list(texts)), output=str(tmp_path / output),
                name="texts.txt", labels=labels, n_threads=1, **more,
            )  # fmt: skip
            session = Session.open(settings)
            stack.callback(session.close)
            made = label_app(session, access, limits)
            return TestClient(made, "http://localhost", raise_server_exceptions=False), session

        yield opened


def answers_on_disk(session):
    """Return the events of the journal as they stand on the disk."""
    with open(session.settings.output + ".answers.jsonl", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def ask(client, path, **body):
    """Return the status and the JSON of an answer to a POST."""
    answer = client.post(f"/api/{path}", json=body)
    return answer.status_code, answer.json()


def error_of(client, path, **body):
    """Return the status and the error of a request that is refused."""
    status, found = ask(client, path, **body)
    return status, found["error"]


def right(text):
    """Return the true label of a text."""
    return "sport" if "won" in text else "food"


def test_a_session_from_the_first_text_to_the_last(opened):
    client, session = opened()
    found = client.get("/api/session").json()
    assert (found["name"], found["several"]) == ("texts.txt", False)
    assert found["output"] == session.settings.output
    assert found["commands"][0].startswith("fasttext-lite predict ")
    assert [each["key"] for each in found["progress"]["labels"]] == ["1", "2"]
    question = ask(client, "next", person="me")[1]["question"]
    for n in range(len(TEXTS)):
        given = right(question["text"])
        body = {"person": "me", "id": question["id"], "labels": [given]}
        status, found = ask(client, "answer", **body, version=question["version"])
        assert status == 200
        last = answers_on_disk(session)[-1]
        assert (last["text"], last["labels"]) == (question["text"], [given])
        assert found["progress"]["n_answered"] == n + 1
        question = found["question"]
    assert question is None
    assert ask(client, "next", person="me")[1]["question"] is None
    assert ask(client, "export") == (200, {"path": session.settings.output, "n_rows": 40})
    corpus = read_corpus(session.settings.output)
    assert sorted(corpus.texts.to_list()) == sorted(TEXTS)
    assert [row[0] for row in corpus.label_rows] == [right(t) for t in corpus.texts.to_list()]
    answer = client.get("/api/export/file")
    with open(session.settings.output, "rb") as file:
        assert answer.content == file.read()
    assert 'filename="out.tsv"' in answer.headers["content-disposition"]


def test_guesses_and_marks_arrive(opened):
    client, session = opened()
    question = ask(client, "next", person="me")[1]["question"]
    for _ in range(10):
        body = {"person": "me", "id": question["id"], "labels": [right(question["text"])]}
        question = ask(client, "answer", **body, version=0)[1]["question"]
    assert session.wait(60)
    question = ask(client, "next", person="me")[1]["question"]
    assert {each["label"] for each in question["guess"]} == set(LABELS)
    assert question["marks"]
    for mark in question["marks"]:
        assert question["text"][mark["start"] : mark["end"]].strip()
        assert -1 <= mark["weight"] <= 1


def test_whoever_is_second_overwrites_nothing(opened):
    client, session = opened()
    body = {"id": 3, "labels": ["food"], "version": 0}
    assert ask(client, "answer", person="ann", **body)[0] == 200
    status, found = ask(client, "answer", person="ben", **{**body, "labels": ["sport"]})
    assert status == 409
    assert "'ann'" in found["error"]["what"]
    assert found["question"]["answer"]["labels"] == ["food"]
    assert found["question"]["answer"]["by"] == "ann"
    assert len(answers_on_disk(session)) == 1
    again = {"id": 3, "labels": ["sport"], "version": found["question"]["version"]}
    assert ask(client, "answer", person="ben", **again)[0] == 200
    assert client.get("/api/texts/3?person=ann").json()["question"]["answer"]["by"] == "ben"
    status, found = ask(client, "skip", person="ann", id=3, version=0)
    assert (status, found["question"]["id"]) == (409, 3)


def test_two_people_are_asked_different_texts(opened):
    client, _ = opened()
    asked = [ask(client, "next", person=name)[1]["question"]["id"] for name in ("ann", "ben")]
    assert asked[0] != asked[1]
    assert ask(client, "next", person="ann")[1]["question"]["id"] != asked[1]


def test_undo_and_skip(opened):
    client, session = opened()
    assert error_of(client, "undo", person="me")[0] == 422
    question = ask(client, "next", person="me")[1]["question"]
    found = ask(client, "skip", person="me", id=question["id"], version=0)[1]
    assert found["progress"]["n_skipped"] == 1
    assert found["question"]["id"] != question["id"]
    status, found = ask(client, "undo", person="me")
    assert status == 200
    assert (found["question"]["id"], found["question"]["asked"]) == (question["id"], "again")
    assert found["progress"]["n_skipped"] == 0
    assert [each["event"] for each in answers_on_disk(session)] == ["skip", "undo"]


def test_an_undo_that_is_sent_again_takes_back_one_answer(opened):
    client, session = opened()
    status, found = client.get("/api/last?person=me").status_code, ask(client, "next", person="me")
    assert status == 422  # there is none
    for _ in range(2):
        q = found[1]["question"]
        body = {"person": "me", "id": q["id"], "labels": ["food"], "version": q["version"]}
        found = ask(client, "answer", **body)
    last = client.get("/api/last?person=me").json()
    assert last == {"id": q["id"], "version": 1}
    assert ask(client, "undo", person="me", **last)[0] == 200
    status, found = ask(client, "undo", person="me", **last)
    assert (status, found["question"]["id"], found["question"]["answer"]) == (409, q["id"], None)
    assert session.progress().n_answered == 1
    assert ask(client, "undo", person="me", id=9999, version=0)[0] == 422
    assert ask(client, "undo", person="me", texts="others")[0] == 410
    assert client.get("/api/last").status_code == 422


def test_new_labels(opened):
    client, _ = opened(labels=())
    status, found = ask(client, "labels", name=" 体育 ")
    assert status == 200
    assert found["progress"]["labels"] == [{"name": "体育", "key": "1", "n": 0, "is_new": True}]
    for name in ("", "体育", "a\tb", "x" * 300):
        status, error = error_of(client, "labels", name=name)
        assert status == 422
        assert len(error["what"]) < 700


def test_several_labels(opened):
    client, session = opened(several=True)
    assert client.get("/api/session").json()["several"]
    assert ask(client, "answer", person="me", id=0, labels=["food", "sport"], version=0)[0] == 200
    assert answers_on_disk(session)[-1]["labels"] == ["sport", "food"]
    assert error_of(client, "answer", person="me", id=1, labels=[], version=0)[0] == 422


def test_search_doubtful_and_parts_of_lists(opened):
    client, _ = opened()
    found = client.get("/api/search", params={"q": "BAKE cake", "count": 4}).json()
    assert len(found["rows"]) == 4 and found["is_more"]
    assert all("cake" in row["text"] for row in found["rows"])
    rest = client.get("/api/search", params={"q": "BAKE cake", "start": 4, "count": 30}).json()
    assert len(rest["rows"]) == 6 and not rest["is_more"]
    number = rest["rows"][0]["id"]
    ask(client, "answer", person="me", id=number, labels=["food"], version=0)
    for asked in ({"label": "food"}, {"answered": "true"}):
        found = client.get("/api/search", params=asked).json()
        assert [row["id"] for row in found["rows"]] == [number]
    found = client.get("/api/search", params={"q": "cake", "answered": "false"}).json()
    assert number not in [row["id"] for row in found["rows"]] and len(found["rows"]) == 9
    assert client.get("/api/doubtful").status_code == 200


@pytest.mark.parametrize(
    ("address", "where"),
    [
        (f"search?count={MOST_ROWS + 1}", "count"), ("search?count=0", "count"),
        ("search?start=-1", "start"), ("search?start=" + "9" * 30, "start"),
        ("search?answered=perhaps", "answered"), (f"search?q={'x' * 1001}", "q"),
        ("doubtful?count=many", "count"), ("texts/1", "person"), ("texts/1?person=", "person"),
        ("texts/1?person=me&asked=whim", "asked"), ("texts/1/more?start=x", "start"),
    ],
)  # fmt: skip
def test_what_a_query_says_wrong_is_told_with_its_place(opened, address, where):
    client, _ = opened()
    answer = client.get(f"/api/{address}")
    assert (answer.status_code, answer.json()["error"]["where"]) == (422, where)
    assert answer.json()["error"]["do"]


@pytest.mark.parametrize("number", ["1000", "-1", "x", "9" * 40])
def test_texts_that_are_not_there(opened, number):
    client, _ = opened()
    for address in (f"/api/texts/{number}?person=me", f"/api/texts/{number}/more"):
        answer = client.get(address)
        assert answer.status_code in (404, 422)
        assert "there is no text" in answer.json()["error"]["what"]


@pytest.mark.parametrize(
    ("path", "body", "where"),
    [
        ("next", {}, ""), ("next", {"person": ""}, "person"), ("next", {"person": 3}, "person"),
        ("next", {"person": "x" * 61}, "person"), ("undo", {"person": None}, "person"),
        ("answer", {"person": "me", "id": "1", "labels": [], "version": 0}, "id"),
        ("answer", {"person": "me", "id": -1, "labels": [], "version": 0}, "id"),
        ("answer", {"person": "me", "id": 1, "labels": ["food", 2], "version": 0}, "labels[1]"),
        ("answer", {"person": "me", "id": 1, "labels": "food", "version": 0}, "labels"),
        ("answer", {"person": "me", "id": 1, "labels": ["food"]}, ""),
        ("answer", {"person": "me", "id": 1, "labels": ["wood"], "version": 0}, ""),
        ("answer", {"person": "me", "id": 1, "labels": ["food", "sport"], "version": 0}, ""),
        ("answer", {"person": "me", "id": 99, "labels": ["food"], "version": 0}, ""),
        ("skip", {"person": "me", "id": 1.5, "version": 0}, "id"), ("labels", {"name": 1}, "name"),
    ],
)  # fmt: skip
def test_wrong_bodies_are_told_with_their_place(opened, path, body, where):
    client, session = opened()
    status, error = error_of(client, path, **body)
    assert (status, error.get("where", "")) == (422, where)
    assert answers_on_disk(session) == []


def test_bodies_that_are_none(opened):
    client, _ = opened(limits=Limits(most_bytes=1000))
    for body, status in ((b"", 400), (b"{", 400), (b"[]", 422), (b" " * 1001, 413)):
        answer = client.post("/api/next", content=body)
        assert answer.status_code == status
        assert answer.json()["error"]["what"]
    assert client.get("/api/next").status_code in (404, 405)
    assert client.get("/api/nothing").status_code == 404


def test_an_answer_that_cannot_be_written_is_not_said_to_be(opened, monkeypatch):
    client, _ = opened()

    def full(journal, *events):
        raise OSError(28, "No space left on device", "out.tsv.answers.jsonl")

    monkeypatch.setattr(Journal, "append", full)
    status, error = error_of(client, "answer", person="me", id=1, labels=["food"], version=0)
    assert (status, error["what"]) == (507, "not saved: no space left on device")
    monkeypatch.undo()
    assert client.get("/api/progress").json()["n_answered"] == 0
    assert ask(client, "answer", person="me", id=1, labels=["food"], version=0)[0] == 200


def test_numbers_of_other_texts_are_refused(opened):
    client, session = opened()
    body = {"person": "me", "id": 1, "version": 0}
    for path, more in (("answer", {"labels": ["food"]}), ("skip", {})):
        status, error = error_of(client, path, **body, **more, texts="0123")
        assert (status, error["where"]) == (410, "texts")
    assert answers_on_disk(session) == []
    texts = client.get("/api/session").json()["texts"]
    assert ask(client, "answer", **body, labels=["food"], texts=texts)[0] == 200


def test_long_texts_come_in_parts(opened):
    long = "😀 word " * 8000
    client, _ = opened(texts=[long, "short"])
    question = client.get("/api/texts/0?person=me").json()["question"]
    assert question["is_cut"]
    parts, is_more = [question["text"]], True
    while is_more:
        start = sum(map(len, parts))
        found = client.get(f"/api/texts/0/more?start={start}").json()
        parts, is_more = [*parts, found["text"]], found["is_more"]
    assert "".join(parts) == long


def test_the_model_is_trained_and_its_file_is_there(opened):
    client, session = opened()
    for number, text in enumerate(TEXTS[:5] + TEXTS[-5:]):
        number = number if number < 5 else 30 + number
        body = {"person": "me", "id": number, "labels": [right(text)], "version": 0}
        assert ask(client, "answer", **body)[0] == 200
    status, found = ask(client, "train")
    assert (status, found["progress"]["training"]["path"]) == (200, session.model_path)
    until = time.monotonic() + 60
    while (state := client.get("/api/progress").json()["training"])["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert state["state"] == "done", state
    from fasttext_lite import load_model

    assert load_model(session.model_path).predict_one("the blues won")[0][0] == "sport"


def test_names_of_files_that_are_no_text_or_bite(opened):
    client, session = opened(output='a\nb"\udcff\\.tsv')
    found = client.get("/api/session").json()
    assert found["output"].endswith('a\nb"\udcff\\.tsv')
    question = ask(client, "next", person="me")[1]["question"]
    ask(client, "answer", person="me", id=question["id"], labels=["food"], version=0)
    answer = client.get("/api/export/file")
    assert answer.headers["content-disposition"] == 'attachment; filename="a_b___.tsv"'
    assert answer.text == f"food\t{question['text']}\n"


def test_the_page_needs_no_token_and_its_data_do(opened):
    client, _ = opened(access=Access(SECRET))
    page = client.get("/")
    assert page.status_code == 200
    assert "script-src 'self'" in page.headers["content-security-policy"]
    for name in os.listdir(PAGE):
        assert client.get(f"/{name}").status_code == 200
    assert client.get("/api/session").status_code == 401
    assert client.post("/api/next", json={"person": "me"}).status_code == 401
    with_token = {"Authorization": f"Bearer {SECRET}"}
    assert client.get("/api/session", headers=with_token).status_code == 200
    none = client.get("/api/export/file", headers=with_token)
    assert (none.status_code, none.json()["error"]["what"]) == (422, "there is no answer yet")


def test_pages_of_others_are_not_let_in(opened):
    client, session = opened()
    theirs = {"Origin": "http://evil.example"}
    body = {"person": "me", "id": 1, "labels": ["food"], "version": 0}
    assert client.post("/api/answer", json=body, headers=theirs).status_code == 403
    assert client.get("/api/session", headers={"Host": "evil.example"}).status_code == 403
    assert answers_on_disk(session) == []


def test_the_page_holds_no_script_or_style_of_its_own():
    html = (PAGE / "index.html").read_text("utf-8")
    assert not re.search(
        r"<style|style=|\son\w+=|javascript:|<script(?! type=\"module\" src=)", html
    )
    for path in PAGE.glob("*.js"):
        source = path.read_text("utf-8")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(", source
        )
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", source)
        assert source.count("\n") <= 400 and max(map(len, source.splitlines())) <= 160


def test_threads_that_answer_at_once_lose_nothing(opened):
    client, session = opened()

    def work(name):
        question = ask(client, "next", person=name)[1]["question"]
        while question is not None:
            body = {"person": name, "id": question["id"], "labels": ["food"]}
            status, found = ask(client, "answer", **body, version=question["version"])
            assert status == 200
            question = found["question"]

    threads = [threading.Thread(target=work, args=(f"p{i}",)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    events = answers_on_disk(session)
    assert sorted(each["text"] for each in events) == sorted(TEXTS)


# -- the command ------------------------------------------------------------------------------


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Go to a folder with a file of texts."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(TOKEN, raising=False)
    (tmp_path / "texts.txt").write_text("\n".join(TEXTS) + "\n", "utf-8")
    return tmp_path


@contextlib.contextmanager
def served(*words, stdin=None, env=None):
    """Run the command; yield its process and its address."""
    line = [sys.executable, "-m", "fasttext_lite", "label", *words, "--port", "0", "--no-open"]
    process = subprocess.Popen(
        line, stdin=subprocess.PIPE if stdin else None, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, encoding="utf-8", env={**os.environ, **(env or {})},
    )  # fmt: skip
    try:
        if stdin:
            process.stdin.write(stdin)
            process.stdin.close()
            process.stdin = None
        said = process.stdout.readline()
        found = re.search(r"http://\S+", said)
        assert found, (said, process.stderr.read() if process.poll() is not None else "")
        yield process, found[0], said
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdout, process.stderr):
            stream.close()


def post(address, path, token=None, **body):
    """Return the answer of a server to a POST."""
    base = address.partition("#")[0]
    headers = {"Content-Type": "application/json"}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    request = urllib.request.Request(f"{base}api/{path}", json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


def test_the_command_serves_and_says_how_to_go_on(files):
    words = ("texts.txt", "--labels", "sport,food", "-o", "out.tsv")
    with served(*words) as (process, address, said):
        assert said.startswith("texts.txt: 40 texts to label at http://127.0.0.1:")
        post(address, "answer", person="me", id=1, labels=["sport"], version=0)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out == (
        "out.tsv: 1 labelled text; the same command goes on, and this one trains: fasttext-lite "
        "train out.tsv --unlabelled texts.txt\n"
    )
    assert err == "" or "compiling" in err
    assert (files / "out.tsv").read_text("utf-8") == f"sport\t{TEXTS[1]}\n"
    with served(*words) as (process, address, _):
        assert post(address, "next", person="me")["progress"]["n_answered"] == 1
        process.terminate()
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert out.startswith("out.tsv: 1 labelled text;")


def test_texts_from_stdin_and_a_token(files):
    words = ("-", "--labels", "sport,food", "-o", "out.tsv")
    text, secret = "\n".join(TEXTS), "0123456789+&%#?ef"
    with served(*words, stdin=text, env={TOKEN: secret}) as (process, address, _):
        assert address.endswith("/#token=0123456789%2B%26%25%23%3Fef")  # as a page reads it
        found = post(address, "next", secret, person="me")
        assert found["progress"]["n_texts"] == 40
        process.terminate()
        out, _ = process.communicate(timeout=60)
    assert out == "no answer yet; the same command goes on with out.tsv\n"


REFUSED = {
    "texts.txt --labels a,b -o texts.txt": "texts.txt: the labels would overwrite this file",
    "texts.txt -o -": "labels cannot be written to stdout",
    "texts.txt --labels a,,b -o out.tsv": "one of the labels is empty",
    "texts.txt --labels a,a -o out.tsv": "'a' is there twice",
    "texts.txt --labels-file none -o out.tsv": "none: no such file",
    "texts.txt --labels-file texts.txt -o texts.txt": "would overwrite",
    "texts.txt --labels-file empty.txt -o out.tsv": "empty.txt: no label",
    "texts.txt -o out.doc": "out.doc: its ending must say the format",
    "texts.txt -o no/out.tsv": "no/out.tsv",
    "texts.txt -o out.tsv --model-output out.bin": "that ending is fastText's",
    "texts.txt -o out.tsv --model-output -": "a model cannot be written to stdout",
    "none.txt -o out.tsv": "none.txt: no such file",
    "empty.txt -o out.tsv": "empty.txt",
    "texts.txt -o out.tsv --host 256.0.0.1": "--host 256.0.0.1",
    "texts.txt - -o out.tsv": "standard input cannot be read among other files",
}


@pytest.mark.parametrize("line", REFUSED)
def test_mistakes_are_found_before_anything_is_served(files, capsys, line):
    (files / "empty.txt").write_text("", "utf-8")
    assert program.main(["label", *line.split(), "--port", "0"]) == 2
    out, err = capsys.readouterr()
    assert REFUSED[line] in err
    assert (out, err.count("\n")) == ("", 1)
    assert sorted(os.listdir(files)) == ["empty.txt", "texts.txt"]


@pytest.mark.parametrize(
    ("flag", "value"), [("--port", "65536"), ("--random", "0"), ("--seed", "-1")]
)
def test_numbers_out_of_range(files, capsys, flag, value):
    with pytest.raises(SystemExit) as end:
        program.main(["label", "texts.txt", "-o", "out.tsv", flag, value])
    assert end.value.code == 2
    assert flag in capsys.readouterr().err


def options_of(*words):
    """Return what a command line says."""
    return program.make_parser(["label"]).parse_args(["label", *words])


def test_labels_of_texts_are_named_and_left_out(files, capsys):
    rows = "".join(f"{right(text)}\t{text}\n" for text in TEXTS)
    (files / "known.tsv").write_text(rows, "utf-8")
    options = options_of("known.tsv", "-o", "out.tsv")
    texts = label._read_texts(["known.tsv", "texts.txt"], options, list(LABELS))
    assert texts.to_list() == TEXTS + TEXTS
    said = capsys.readouterr().err
    assert "known.tsv: read as tsv; the labels of 40 texts in it are no part of the texts" in said


def test_a_file_of_labels(files):
    (files / "labels.txt").write_bytes("\ufeffsport, all kinds\n\n体育 \n".encode())
    options = options_of("texts.txt", "-o", "out.tsv", "--labels-file", "labels.txt")
    assert label._labels(options) == ["sport, all kinds", "体育"]
    assert label._labels(options_of("texts.txt", "-o", "out.tsv")) == []
    assert options_of("texts.txt", "-o", "out.tsv").port == label.PORT


def test_without_the_libraries_there_is_one_line(files, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert program.main(["label", "texts.txt", "-o", "out.tsv"]) == 2
    assert "pip install 'fasttext-lite[serve]'" in capsys.readouterr().err


def test_a_second_session_of_a_file_is_refused(files, opened, capsys):
    opened()
    assert program.main(["label", "texts.txt", "-o", str(files / "out.tsv"), "--port", "0"]) == 2
    assert "somebody labels into this file already" in capsys.readouterr().err


def test_what_goes_on_is_said_for_several_labels_and_stdin(capsys):
    label._say_what_next(2, ["-"], options_of("-", "-o", "out.tsv"))
    label._say_what_next(
        2,
        ["a b.txt"],
        options_of("x", "-o", "out.jsonl", "--multilabel", "--model-output", "m.ftl"),
    )
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].endswith(": fasttext-lite train out.tsv")
    assert lines[1].endswith(": fasttext-lite train out.jsonl --multilabel -o m.ftl")


def test_the_browser_is_opened_where_it_is_wanted(monkeypatch):
    opened = threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: opened.set())
    for words in ((), ("--no-open",)):
        monkeypatch.setattr(sys, "stdout", io.StringIO())
        label._open_browser("http://x", options_of("texts.txt", "-o", "out.tsv", *words))
        assert not opened.is_set()
    label._open_browser("http://x", options_of("texts.txt", "-o", "out.tsv", "--open"))
    assert opened.wait(10)
