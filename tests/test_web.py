"""What servers share: errors with their place, who is let in, limits, and the end of a server."""

import asyncio
import builtins
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time

import msgspec
import pytest
from starlette.responses import Response
from starlette.routing import Route
from starlette.testclient import TestClient

from fasttext_lite.errors import InputError, SettingError, UsageError
from fasttext_lite.web.access import TOKEN, Access, is_loopback, read_token
from fasttext_lite.web.answers import json_answer
from fasttext_lite.web.app import make_app
from fasttext_lite.web.body import converted, decode, read_body
from fasttext_lite.web.clock import Clock
from fasttext_lite.web.errors import Refused
from fasttext_lite.web.libraries import check_libraries
from fasttext_lite.web.limits import Limits
from fasttext_lite.web.run import address_of, listen

SECRET = "0123456789abcdef"


class Asked(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    numbers: list[int] = []
    wait: float = 0.0


def routes(limits):
    """Return an echo, which may take its time or fail, and a check of health."""

    async def echo(request):
        asked = decode(await read_body(request, limits), Asked)
        if asked.text == "bug":
            raise KeyError("a bug")
        await asyncio.sleep(asked.wait)
        return json_answer(asked)

    async def health(request):
        return json_answer({"ok": True})

    async def large(request):
        return Response(b"a" * 10_000_000)

    return [
        Route("/echo", echo, methods=["POST"]), Route("/health", health), Route("/large", large)
    ]  # fmt: skip


def client(limits=None, base="http://localhost", **more):
    """Return a client of an application."""
    limits = limits or Limits()
    return TestClient(
        make_app(routes(limits), limits=limits, **more), base, raise_server_exceptions=False
    )


# -- errors ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("body", "status", "where", "what"),
    [
        (b'{"text": 3}', 422, "text", "str"),
        (b'{"text": "a", "numbers": [1, 2, "x"]}', 422, "numbers[2]", "int"),
        (b'{"text": "a", "z": 1}', 422, None, "z"),
        (b'{"numbers": []}', 422, None, "text"),
        (b'{"text": "a"', 400, None, "truncated"),
        (b"", 400, None, "no body"),
        (b'{"text": "\xff"}', 400, None, "UTF-8"),
        (b'{"text": "\\ud800"}', 400, None, ""),
        (b"[" * 5_000, 422, None, "object"),
        (b"[]", 422, None, "object"),
        (b"NaN", 400, None, ""),
    ],
)
def test_what_a_body_lacks_is_told_with_its_place(body, status, where, what):
    answer = client().post("/echo", content=body)
    error = answer.json()["error"]
    assert answer.status_code == status == error["status"]
    assert error.get("where") == where
    assert what.lower() in (error["what"] + error.get("do", "")).lower()


def test_other_paths_methods_and_bugs_are_json(capsys):
    found = client()
    assert found.get("/echoes").json()["error"]["what"] == "there is no /echoes here"
    error = found.get("/echo").json()["error"]
    assert (error["status"], error["do"]) == (405, "use POST")
    answer = found.post("/echo", json={"text": "bug"})
    assert answer.status_code == 500
    assert answer.json()["error"]["what"] == "the server made a mistake"
    assert "a bug" in capsys.readouterr().err, "nothing says where the bug is"


@pytest.mark.parametrize(
    ("body", "what"),
    [
        (b'{"text": "\\\\ud800 \\ud800 a"}', r"\ud800 is half of a character (byte 18)"),
        (b'{"text": "\\ud83d\\ude00 \\uDCFF"}', r"\uDCFF is half of a character (byte 23)"),
        (b'{"text": "ok \xff"}', "the body is no UTF-8 (byte 13)"),
    ],
)
def test_characters_that_are_none_are_told_with_their_place(body, what):
    answer = client().post("/echo", content=body)
    assert (answer.status_code, answer.json()["error"]["what"]) == (400, what)


def test_a_method_that_a_route_has_not_is_told_beside_a_page(tmp_path):
    (tmp_path / "index.html").write_text("a page")
    found = client(page=tmp_path)
    answer = found.request("OPTIONS", "/echo")
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert answer.json()["error"]["do"] == "use POST"
    assert found.post("/").status_code == 405


@pytest.mark.parametrize("part", ["bytes=5-2", "bytes=999-", "lines=1", "bytes=0-1"])
def test_a_page_is_sent_whole(tmp_path, part):
    (tmp_path / "index.html").write_text("a page")
    answer = client(page=tmp_path).get("/", headers={"Range": part})
    assert (answer.status_code, answer.text) == (200, "a page")


def test_values_of_a_query_are_converted():
    assert converted({"text": "a", "wait": "1.5"}, Asked).wait == 1.5
    with pytest.raises(Refused, match="float") as caught:
        converted({"text": "a", "wait": "soon"}, Asked)
    assert (caught.value.status, caught.value.where) == (422, "wait")


# -- limits ------------------------------------------------------------------------------------
def test_large_bodies_are_refused_whether_announced_or_not():
    found = client(Limits(most_bytes=100))
    text = "a" * 200
    assert found.post("/echo", json={"text": text}).status_code == 413
    answer = found.post("/echo", content=iter([b'{"text": "', text.encode(), b'"}']))
    assert answer.status_code == 413
    assert "100 bytes" in answer.json()["error"]["what"]
    assert found.post("/echo", json={"text": "a"}).status_code == 200


def test_an_answer_that_takes_too_long_is_given_up():
    refused = []
    found = client(Limits(answer_seconds=0.05), on_refused=refused.append)
    answer = found.post("/echo", json={"text": "a", "wait": 20})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert refused == ["slow"]
    assert found.post("/echo", json={"text": "a"}).status_code == 200


def test_the_time_of_an_answer_begins_when_the_request_is_whole():
    limits = Limits(read_seconds=20, answer_seconds=0.4)
    app = make_app(routes(limits), limits=limits)
    parts = iter([b'{"text": ', b'"a", "wait": 0.1', b"}"])
    sent = []

    async def receive():
        await asyncio.sleep(0.2)
        part = next(parts)
        return {"type": "http.request", "body": part, "more_body": part != b"}"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]
    scope = {
        "type": "http", "method": "POST", "path": "/echo", "query_string": b"", "headers": headers,
    }  # fmt: skip
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 200


def test_more_requests_than_are_answered_at_a_time_are_refused():
    limits = Limits(most_waiting=2)
    app = make_app(routes(limits), limits=limits)

    async def ask(path, wait=0.0):
        sent = []
        body = json.dumps({"text": "a", "wait": wait}).encode()
        method = "POST" if path == "/echo" else "GET"
        scope = {
            "type": "http", "method": method, "path": path, "query_string": b"", "root_path": "",
            "headers": [(b"host", b"localhost")], "scheme": "http", "server": ("localhost", 80),
        }  # fmt: skip

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        await app(scope, receive, send)
        return sent[0]["status"]

    async def all_at_once():
        slow = [asyncio.create_task(ask("/echo", 0.3)) for _ in range(2)]
        await asyncio.sleep(0.05)
        assert app.n_waiting == 2
        more = [await ask("/echo"), await ask("/health")]
        return [*more, *[await each for each in slow], await ask("/echo")]

    assert asyncio.run(all_at_once()) == [503, 200, 200, 200, 200]
    assert app.n_waiting == 0


@pytest.mark.parametrize("name", ["most_bytes", "read_seconds", "most_waiting"])
@pytest.mark.parametrize("value", [0, -1, float("nan")])
def test_limits_are_positive(name, value):
    with pytest.raises(SettingError, match=f"{name} must be positive"):
        Limits(**{name: value})


def test_a_clock_cancels_what_is_too_slow_alone():
    async def run():
        with Clock(5):
            await asyncio.sleep(0)
        with pytest.raises(TimeoutError), Clock(0.01):
            await asyncio.sleep(20)
        with Clock(0.01) as clock:
            clock.stop()
            await asyncio.sleep(0.05)
        task = asyncio.create_task(waits())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async def waits():
        with Clock(20):
            await asyncio.sleep(20)

    asyncio.run(run())


# -- who is let in -----------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:80", "127.9.9.9"])
def test_hosts_of_this_machine_are_let_in(host):
    assert client().get("/health", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "10.0.0.1"])
def test_hosts_that_are_not_ours_are_refused_without_a_token(host):
    refused = []
    answer = client(on_refused=refused.append).get("/health", headers={"host": host})
    assert (answer.status_code, answer.json()["error"]["where"]) == (403, "header Host")
    assert refused == ["access"]


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://localhost:1"},
        {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
    ],
)  # fmt: skip
def test_pages_of_others_change_nothing(headers):
    assert client().post("/echo", json={"text": "a"}, headers=headers).status_code == 403


def test_an_origin_that_is_no_address_is_refused():
    answer = client().post("/echo", json={"text": "a"}, headers={"origin": "http://["})
    assert (answer.status_code, answer.json()["error"]["where"]) == (403, "header Origin")


def test_pages_of_ours_and_programs_are_let_in():
    for headers in ({}, {"origin": "http://localhost", "sec-fetch-site": "same-origin"}):
        assert client().post("/echo", json={"text": "a"}, headers=headers).status_code == 200


@pytest.mark.parametrize("given", [None, "Bearer", f"Bearer {SECRET}x", f"Basic {SECRET}", SECRET])
def test_without_the_token_there_is_no_answer(given):
    headers = {} if given is None else {"authorization": given}
    found = client(access=Access(SECRET), base="http://far.example")
    answer = found.post("/echo", json={"text": "a"}, headers=headers)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert found.get("/health").status_code == 200


def test_with_the_token_there_is():
    found = client(access=Access(SECRET), base="http://far.example")
    headers = {"authorization": f"bearer  {SECRET} "}
    assert found.post("/echo", json={"text": "a"}, headers=headers).status_code == 200


def test_tokens_are_read_of_the_environment_and_of_a_file(tmp_path, monkeypatch):
    monkeypatch.delenv(TOKEN, raising=False)
    assert read_token() is None
    monkeypatch.setenv(TOKEN, f" {SECRET}\n")
    assert read_token() == SECRET
    path = tmp_path / "token"
    path.write_text("another-token-of-mine\n", "utf-8")
    assert read_token(str(path)) == "another-token-of-mine"
    for bad in ("short", "", "two words of enough signs", "münchen-münchen-münchen"):
        path.write_text(bad, "utf-8")
        with pytest.raises(UsageError, match=r"token: a token is 16 or more"):
            read_token(str(path))
    with pytest.raises(InputError, match="cannot read the token"):
        read_token(str(tmp_path / "none"))


def test_what_is_loopback():
    assert all(map(is_loopback, ["localhost", "LOCALHOST", "127.0.0.1", "::1", "[::1]"]))
    assert not any(map(is_loopback, ["0.0.0.0", "::", "example.org", "", "10.0.0.1"]))


# -- the page ----------------------------------------------------------------------------------
def test_a_page_is_sent_as_it_is_and_may_load_nothing_else(tmp_path):
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "index.html").write_text("<p>hello", "utf-8")
    (tmp_path / "page" / "it.js").write_text("1", "utf-8")
    (tmp_path / "secret").write_text("secret", "utf-8")
    found = client(page=tmp_path / "page", access=Access(SECRET))
    answer = found.get("/")
    assert (answer.status_code, answer.text) == (200, "<p>hello")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "unsafe" not in answer.headers["content-security-policy"]
    assert found.get("/it.js").text == "1"
    found.headers["authorization"] = f"Bearer {SECRET}"
    assert found.get("/echo").json()["error"]["do"] == "use POST"
    assert found.post("/it.js").json()["error"]["status"] == 405
    for path in ("/../secret", "/%2e%2e/secret", "/..%2fsecret", "/none.js", "//etc/passwd"):
        answer = found.get(path)
        assert (answer.status_code, answer.json()["error"]["status"]) == (404, 404), path


# -- sockets -----------------------------------------------------------------------------------
SERVER = """
    import asyncio, sys
    sys.path.insert(0, {tests!r})
    from test_web import routes
    from fasttext_lite.web.app import make_app
    from fasttext_lite.web.limits import Limits
    from fasttext_lite.web.run import address_of, listen, run_server

    limits = Limits(read_seconds=1, answer_seconds=5, most_connections=8, most_bytes=1000)
    at = listen("127.0.0.1", 0)
    tell = lambda *words: print(*words, flush=True)
    good = run_server(
        make_app(routes(limits), limits=limits), at, limits,
        on_started=lambda: tell(address_of(at)), on_hangup=lambda: tell("hangup"),
        on_refused=lambda why: tell("refused", why),
    )
    tell("good" if good else "at once")
"""


@pytest.fixture
def server():
    """Return a server in a process of its own, and its port."""
    code = textwrap.dedent(SERVER.format(tests=os.path.dirname(__file__)))
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    port = int(process.stdout.readline().rsplit(":", 1)[1])
    with contextlib.closing(process.stdout), contextlib.closing(process.stderr):
        yield process, port
        process.kill()
        process.wait()


def connect(port):
    return socket.create_connection(("127.0.0.1", port), timeout=20)


def said(connection):
    """Return all that a server says until it closes."""
    parts = []
    with contextlib.suppress(ConnectionResetError):
        while part := connection.recv(1 << 16):
            parts.append(part)
    return b"".join(parts).decode()


def post(body, more=""):
    """Return a request."""
    return (
        f"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n{more}\r\n{body}"
    ).encode()


SLOW = [
    (b"GET /health HTTP/1.1\r\nHost: loc", "408", "headers"),
    (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{", "408", "whole"),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 70_000, "431", "headers"),
    (b"what is this\r\n\r\n", "400", "HTTP"),
]


@pytest.mark.parametrize(("begun", "status", "word"), SLOW)
def test_requests_that_do_not_come_to_an_end_are_cut(server, begun, status, word):
    with connect(server[1]) as slow, connect(server[1]) as other:
        slow.sendall(begun)
        other.sendall(post('{"text": "a"}', "Connection: close\r\n"))
        assert said(other).startswith("HTTP/1.1 200"), "one slow client stops the others"
        answer = said(slow)
    assert answer.startswith(f"HTTP/1.1 {status}")
    assert word in json.loads(answer.rpartition("\r\n\r\n")[2])["error"]["what"]


def test_connections_that_say_nothing_are_closed(server):
    with connect(server[1]) as silent:
        assert said(silent) == ""


def test_a_body_that_nobody_reads_does_not_hold_a_connection(server):
    with connect(server[1]) as slow:
        slow.sendall(b"POST /none HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{")
        assert said(slow).startswith("HTTP/1.1 404")


def test_what_a_client_is_still_sending_does_not_cost_it_the_answer(server):
    body = b"a" * 5_000_000
    whole = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
    with connect(server[1]) as large:
        large.sendall(whole + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert said(large).startswith("HTTP/1.1 413")
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            stack.enter_context(connect(server[1])).sendall(b"G")
        more = stack.enter_context(connect(server[1]))
        more.sendall(whole + b"Content-Length: %d\r\n\r\n" % len(body) + body)
        assert said(more).startswith("HTTP/1.1 503")


BEHIND = [
    (b"what is this\r\n\r\n", "400", "HTTP"),
    (b"GET /health HTTP/1.1\r\nHost: loc", "408", "headers"),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: " + b"a" * 400_000, "431", "headers"),
    (b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{", "408", "whole"),
    (b"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nX", "400", "HTTP"),
    (b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n" * 99, "503", "requests of this"),
]


@pytest.mark.parametrize(("behind", "status", "word"), BEHIND)
def test_what_is_wrong_behind_a_request_is_no_answer_to_it(server, behind, status, word):
    with connect(server[1]) as both:
        both.sendall(post('{"text": "a", "wait": 1.5}') + behind)
        answers = said(both).split("HTTP/1.1 ")[1:]
    assert answers[0].startswith("200")
    assert '"a"' in answers[0]
    assert {each[:3] for each in answers[1:-1]} <= {"200"}
    assert answers[-1].startswith(status)
    assert word in json.loads(answers[-1].rpartition("\r\n\r\n")[2])["error"]["what"]


@pytest.mark.parametrize("chunk", [b"b" * (1 << 16), (b"X: " + b"b" * 500 + b"\r\n") * 99])
def test_headers_behind_a_body_are_bounded(server, chunk):
    begun = b"POST /echo HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(server[1]) as slow:
        slow.sendall(begun + b"1\r\n{\r\n0\r\n" + b"X: " * (chunk[0] == 98))
        for _ in range(20):
            slow.sendall(chunk)
        answer = said(slow)
    assert answer.startswith("HTTP/1.1 431")
    assert answer.count("HTTP/1.1") == 1


def test_a_request_with_a_body_cannot_change_the_protocol(server):
    with connect(server[1]) as other:
        other.sendall(post('{"text": "a"}', "Connection: Upgrade\r\nUpgrade: h2c\r\n"))
        answer = said(other)
    assert answer.startswith("HTTP/1.1 400")
    assert "HTTP_1_1" in answer


def test_clients_that_read_nothing_are_cut(server):
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            silent = stack.enter_context(socket.socket())
            silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            silent.connect(("127.0.0.1", server[1]))
            silent.sendall(b"GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for _ in range(150):
            with connect(server[1]) as other:
                other.sendall(post('{"text": "a"}', "Connection: close\r\n"))
                answer = said(other)
            if answer.startswith("HTTP/1.1 200"):
                break
            time.sleep(0.1)
    assert answer.startswith("HTTP/1.1 200"), "they are held for ever"
    server[0].send_signal(signal.SIGTERM)
    assert server[0].communicate(timeout=20)[1] == "", "there is nothing to tell"


def test_connections_are_bounded_in_number(server):
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(connect(server[1])) for _ in range(8)]
        for each in held:
            each.sendall(post('{"text": "a"}'))
            assert each.recv(1 << 16).startswith(b"HTTP/1.1 200")
        with connect(server[1]) as more:
            answer = said(more)
        assert answer.startswith("HTTP/1.1 503")
        assert "Retry-After: 1" in answer
    process, _ = server
    assert process.stdout.readline() == "refused connections\n"


def test_a_server_ends_when_what_it_answers_is_answered(server):
    process, port = server
    with connect(port) as running:
        running.sendall(post('{"text": "a", "wait": 1}'))
        with connect(port) as other:  # by now the first is being answered
            other.sendall(post('{"text": "a"}', "Connection: close\r\n"))
            assert said(other)
        process.send_signal(signal.SIGTERM)
        assert said(running).startswith("HTTP/1.1 200")
    output, errors = process.communicate(timeout=20)
    assert (process.returncode, output, errors) == (0, "good\n", "")


def test_the_second_signal_ends_a_server_at_once(server):
    process, port = server
    with connect(port) as running:
        running.sendall(post('{"text": "a", "wait": 4.5}'))
        with connect(port) as other:
            other.sendall(post('{"text": "a"}', "Connection: close\r\n"))
            assert said(other)
        process.send_signal(signal.SIGHUP)
        assert process.stdout.readline() == "hangup\n"
        process.send_signal(signal.SIGTERM)
        with pytest.raises(OSError), contextlib.closing(connect(port)):
            while True:  # until it listens no more
                with connect(port):
                    pass
        process.send_signal(signal.SIGTERM)
        assert "200" not in said(running).partition("\r\n")[0]
    assert process.communicate(timeout=20)[0] == "at once\n"


def test_where_nobody_can_listen_that_is_told():
    with contextlib.closing(listen("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert address_of(taken) == f"http://127.0.0.1:{port}"
        with pytest.raises(UsageError, match=f"127.0.0.1:{port}: cannot listen there: .* --port"):
            listen("127.0.0.1", port)
    with pytest.raises(UsageError, match="no-such-host.invalid"):
        listen("no-such-host.invalid", 0)
    with contextlib.closing(listen("0.0.0.0", 0)) as everywhere:
        assert address_of(everywhere).startswith("http://127.0.0.1:")


def test_without_the_libraries_the_extra_is_named(monkeypatch):
    check_libraries()
    real = builtins.__import__
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    monkeypatch.setattr(builtins, "__import__", real)
    with pytest.raises(InputError, match=r"fasttext-lite\[serve\]"):
        check_libraries()
