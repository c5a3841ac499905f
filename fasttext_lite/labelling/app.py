"""The web app of ``label``: a session as JSON, and the page that shows it.

Requests that wait for the disk or the model run in threads; each answers as `messages` has it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shlex
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from fasttext_lite.labelling.errors import Stale
from fasttext_lite.web.access import Access
from fasttext_lite.web.answers import json_answer
from fasttext_lite.web.app import make_app
from fasttext_lite.web.body import decode, read_body
from fasttext_lite.web.errors import Refused
from fasttext_lite.web.limits import Limits

if TYPE_CHECKING:
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.labelling.session import Session

PAGE = Path(__file__).parent / "page"
MOST_ROWS = 200  # of a list, in one answer
MOST_WORDS = 1000  # characters that are searched for
_BLOCK = 1 << 18
_FULL = (errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC))

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=60)]
Whole = Annotated[int, msgspec.Meta(ge=0)]
Value = TypeVar("Value")
Body = TypeVar("Body", bound=msgspec.Struct)


class PersonBody(msgspec.Struct):
    """Who asks."""

    person: Name


class SkipBody(msgspec.Struct):
    """Who leaves out which text of which texts, and the version of the answer that was seen."""

    person: Name
    id: Whole
    version: Whole
    texts: str = ""


class AnswerBody(msgspec.Struct):
    """Who gives which labels to which text; as `SkipBody` else."""

    person: Name
    id: Whole
    labels: list[str]
    version: Whole
    texts: str = ""


class UndoBody(msgspec.Struct):
    """Who takes back which answer, as ``last`` said; without, whatever is the last one."""

    person: Name
    id: Whole | None = None
    version: Whole = 0
    texts: str = ""


class LabelBody(msgspec.Struct):
    """The name of a new label."""

    name: str


class EmptyBody(msgspec.Struct):
    """Nothing that matters."""


def label_app(
    session: Session, access: Access | None = None, limits: Limits | None = None
) -> ASGIApp:
    """Return the web app of a session: its page at ``/``, what the page asks for at ``/api``.

    Parameters
    ----------
    session : Session
        Stays open: whoever opened it closes it, after the server has stopped.
    access : Access, optional
        Who is let in; default: whoever is on this machine.
    limits : Limits, optional
    """
    limits = limits or Limits()
    api = _Api(session, limits)
    posts = {
        "next": api.next, "answer": api.answer, "skip": api.skip, "undo": api.undo,
        "labels": api.labels, "export": api.export, "train": api.train,
    }  # fmt: skip
    gets = {
        "session": api.session_, "progress": api.progress, "search": api.search,
        "doubtful": api.doubtful, "last": api.last, "texts/{id}": api.text,
        "texts/{id}/more": api.more, "export/file": api.file,
    }  # fmt: skip
    routes = [Route(f"/api/{path}", work, methods=["POST"]) for path, work in posts.items()]
    routes += [Route(f"/api/{path}", work, methods=["GET"]) for path, work in gets.items()]
    return make_app(routes, page=PAGE, access=access or Access(), limits=limits)


class _Api:
    """What the addresses answer."""

    def __init__(self, session: Session, limits: Limits) -> None:
        self.session, self.limits = session, limits
        self.texts = _fingerprint(session.settings.texts)

    async def _body(self, request: Request, kind: type[Body]) -> Body:
        """Return the body of a request, checked."""
        return decode(await read_body(request, self.limits), kind)

    # -- what changes something --
    async def next(self, request: Request) -> Response:
        """Answer with a text for a person."""
        body = await self._body(request, PersonBody)
        return json_answer(await _done(self._asked, body.person))

    async def answer(self, request: Request) -> Response:
        """Keep an answer, and answer with the next text."""
        body = await self._body(request, AnswerBody)
        self._check(body.texts)
        session, labels = self.session, tuple(body.labels)
        return await self._then(
            body.person, lambda: session.answer(body.person, body.id, labels, body.version)
        )

    async def skip(self, request: Request) -> Response:
        """Leave a text out, and answer with the next one."""
        body = await self._body(request, SkipBody)
        self._check(body.texts)
        return await self._then(
            body.person, lambda: self.session.skip(body.person, body.id, body.version)
        )

    async def undo(self, request: Request) -> Response:
        """Take a person's last answer back, and answer with its text."""
        body = await self._body(request, UndoBody)
        self._check(body.texts)
        seen = None if body.id is None else (body.id, body.version)

        def work() -> dict[str, Any]:
            question = self.session.undo(body.person, seen)
            return {"question": question, "progress": self.session.progress()}

        return await _unless_stale(work)

    async def labels(self, request: Request) -> Response:
        """Make a label."""
        body = await self._body(request, LabelBody)

        def work() -> dict[str, Any]:
            self.session.add_label(body.name)
            return {"progress": self.session.progress()}

        return json_answer(await _done(work))

    async def export(self, request: Request) -> Response:
        """Write the labelled file."""
        await self._body(request, EmptyBody)
        path, n_rows = await _done(self.session.export)
        return json_answer({"path": path, "n_rows": n_rows})

    async def train(self, request: Request) -> Response:
        """Begin to train the model that is kept."""
        await self._body(request, EmptyBody)

        def work() -> dict[str, Any]:
            self.session.train()
            return {"progress": self.session.progress()}

        return json_answer(await _done(work))

    def _check(self, texts: str) -> None:
        """Refuse numbers of other texts: of a page that was open when the server was ended."""
        if texts and texts != self.texts:
            raise Refused(410, "the server was started with other texts", "texts", "load it again")

    async def _then(self, person: str, work: Callable[[], Any]) -> Response:
        """Do something with a text, and answer with the next one; 409 where another was first."""

        def both() -> dict[str, Any]:
            work()
            return self._asked(person)

        return await _unless_stale(both)

    def _asked(self, person: str) -> dict[str, Any]:
        question = self.session.next(person)
        return {"question": question, "progress": self.session.progress()}

    # -- what is only read --
    async def session_(self, request: Request) -> Response:
        """Answer with what stays the same, and the progress."""
        settings, model = self.session.settings, self.session.model_path
        progress = await _done(self.session.progress)
        commands = (["predict", model, "TEXTS"], ["serve", model])
        return json_answer(
            {
                "name": settings.name,
                "texts": self.texts,
                "several": settings.several,
                "output": settings.output,
                "model": model,
                "commands": [shlex.join(["fasttext-lite", *words]) for words in commands],
                "progress": progress,
            }
        )

    async def progress(self, request: Request) -> Response:
        """Answer with how far it has come."""
        return json_answer(await _done(self.session.progress))

    async def search(self, request: Request) -> Response:
        """Answer with texts that have some words."""
        asked = request.query_params
        words, label = asked.get("q", ""), asked.get("label") or None
        if len(words) > MOST_WORDS:
            raise Refused(422, f"{len(words)} characters", "q", f"search for at most {MOST_WORDS}")
        start, count = _part_of(request)
        answered = _yes_or_no(request, "answered")
        return json_answer(
            await _done(lambda: self.session.search(words, start, count, label, answered))
        )

    async def doubtful(self, request: Request) -> Response:
        """Answer with texts whose answers the model doubts."""
        start, count = _part_of(request)
        return json_answer(await _done(lambda: self.session.doubtful(start, count)))

    async def text(self, request: Request) -> Response:
        """Answer with one text, to look at or to answer anew."""
        number, asked = _number(request), request.query_params.get("asked", "search")
        if asked not in ("search", "doubtful", "again"):
            raise Refused(422, f"got {asked!r}", "asked", "give search, doubtful or again")
        person = _person(request)
        question = await _done(lambda: self.session.question(number, person, asked))
        return json_answer({"question": question})

    async def last(self, request: Request) -> Response:
        """Answer with which text a person would take the answer back of."""
        number, version = await _done(self.session.last, _person(request))
        return json_answer({"id": number, "version": version})

    async def more(self, request: Request) -> Response:
        """Answer with the next part of a long text."""
        number, start = _number(request), _whole(request, "start", 0)
        text, is_more = await _done(lambda: self.session.text_of(number, start))
        return json_answer({"text": text, "is_more": is_more})

    async def file(self, request: Request) -> Response:
        """Answer with the labelled file, written anew."""
        path, n_rows = await _done(self.session.export)
        if not n_rows and not os.path.exists(path):
            raise Refused(422, "there is no answer yet", do="label a text first")
        blocks, size = await _done(lambda: _blocks_of(path))
        name = re.sub(r'[^ -~]|["\\]', "_", os.path.basename(path))  # as a header may have it
        return StreamingResponse(
            blocks, media_type="application/octet-stream",
            headers={
                "Content-Length": str(size),
                "Content-Disposition": f'attachment; filename="{name}"',
            },
        )  # fmt: skip


def _done(work: Callable[..., Value], *given: Any) -> Awaitable[Value]:
    """Do something in a thread; what the session or the disk refuses is told to the client."""

    def told() -> Value:
        try:
            return work(*given)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            what = "make room" if error.errno in _FULL else "see to that file"
            raise Refused(
                507, f"not saved: {reason}", error.filename or "", f"{what}, and try again"
            ) from error
        except ValueError as error:
            raise Refused(422, str(error)) from error

    return run_in_threadpool(told)


async def _unless_stale(work: Callable[[], Any]) -> Response:
    """Answer with what is done; 409, and the text as it is now, where another was first."""
    try:
        return json_answer(await _done(work))
    except Stale as error:
        what = {"status": 409, "what": str(error), "where": "version", "do": "look at it again"}
        return json_answer({"error": what, "question": error.question}, 409)


def _fingerprint(texts: Texts) -> str:
    """Return a name of texts: numbers mean the same as long as it is the same."""
    found = hashlib.blake2b(texts.buffer.data, digest_size=8)
    found.update(texts.offsets.data)
    return found.hexdigest()


def _blocks_of(path: str) -> tuple[Iterator[bytes], int]:
    """Return the blocks of a file as it is now, and its size in bytes; it may be replaced after."""
    handle = open(path, "rb")  # noqa: SIM115 - closed when all is sent

    def blocks() -> Iterator[bytes]:
        with handle:
            while block := handle.read(_BLOCK):
                yield block

    return blocks(), os.fstat(handle.fileno()).st_size


def _number(request: Request) -> int:
    """Return the number of a text in an address."""
    given = request.path_params["id"]
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise Refused(404, f"there is no text {given[:40]!r}", "id", "give a number of a text")
    return int(given)


def _person(request: Request) -> str:
    """Return the name of a query."""
    person = request.query_params.get("person", "")
    if not 1 <= len(person) <= 60:
        raise Refused(422, "no name", "person", "give a name of 1 to 60 characters")
    return person


def _whole(request: Request, name: str, default: int) -> int:
    """Return a whole number of a query."""
    given = request.query_params.get(name, str(default))
    if not given.isascii() or not given.isdigit() or len(given) > 18:
        raise Refused(422, f"got {given[:40]!r}", name, "give a whole number from 0 on")
    return int(given)


def _part_of(request: Request) -> tuple[int, int]:
    """Return which part of a list is asked for: its first row, and how many."""
    start, count = _whole(request, "start", 0), _whole(request, "count", 30)
    if not 1 <= count <= MOST_ROWS:
        raise Refused(422, f"got {count}", "count", f"ask for 1 to {MOST_ROWS} rows")
    return start, count


def _yes_or_no(request: Request, name: str) -> bool | None:
    """Return true or false of a query; None where it is not asked for."""
    given = request.query_params.get(name, "")
    if given not in ("", "true", "false"):
        raise Refused(422, f"got {given[:40]!r}", name, "give true or false")
    return None if given == "" else given == "true"
