"""The application: what is answered where, and the watch over the files of its models."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import gc
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fasttext_lite.parallel import cpu_count
from fasttext_lite.serving.answering import answer
from fasttext_lite.serving.asking import Asked, asked_by, request_of
from fasttext_lite.serving.draining import draining
from fasttext_lite.serving.messages import (
    Health,
    ModelHealth,
    ModelInfo,
    ModelList,
    PredictRequest,
)
from fasttext_lite.serving.metrics import CONTENT_TYPE, Counted, Metrics
from fasttext_lite.serving.openapi import document
from fasttext_lite.serving.shelf import Shelf, Slot
from fasttext_lite.web.access import Access
from fasttext_lite.web.answers import JSON, json_answer
from fasttext_lite.web.app import make_app
from fasttext_lite.web.body import decode, read_body
from fasttext_lite.web.errors import Refused
from fasttext_lite.web.limits import Limits
from fasttext_lite.web.page import HEADERS

PAGE = os.path.join(os.path.dirname(__file__), "page")
SHOWN = 20  # labels of a model, unless all are wanted
MOST_TEXTS = 10_000
LOOK_SECONDS = 1.0
_LOG = logging.getLogger("fasttext_lite.asked.serving")


@dataclass(frozen=True)
class Settings:
    """How models are served.

    Attributes
    ----------
    limits : Limits
    access : Access
    most_texts : int
        Of a request.
    threads : int
        In which what takes longer is worked out.
    logs : bool
        Whether a line is written for each request.
    look_seconds : float
        Between two looks at the files of the models.
    drain_seconds : float
        Between SIGTERM and the end of listening; see `draining`.
    """

    limits: Limits = field(default_factory=Limits)
    access: Access = field(default_factory=Access)
    most_texts: int = MOST_TEXTS
    threads: int = field(default_factory=cpu_count)
    logs: bool = False
    look_seconds: float = LOOK_SECONDS
    drain_seconds: float = 0.0


class Service:
    """The endpoints over some models.

    Parameters
    ----------
    shelf : Shelf
    settings : Settings
    metrics : Metrics

    Attributes
    ----------
    is_draining : bool
        Whether the server is to end, and says so to who asks for its health.
    """

    def __init__(self, shelf: Shelf, settings: Settings, metrics: Metrics) -> None:
        self.shelf, self.settings, self.metrics = shelf, settings, metrics
        self.is_draining = False
        self._pool = ThreadPoolExecutor(settings.threads, "predict")
        self._loader = ThreadPoolExecutor(1, "load")
        self._openapi = msgspec.json.encode(document())
        self._loop: asyncio.AbstractEventLoop | None = None

    # -- endpoints -------------------------------------------------------------------------------
    async def predict(self, request: Request) -> Response:
        """``POST /predict`` and ``GET /predict``."""
        if request.method == "POST":
            wanted = decode(await read_body(request, self.settings.limits), PredictRequest)
        else:
            wanted = request_of(request.scope["query_string"])
        asked = asked_by(wanted, self.shelf, self.settings.most_texts)
        self._note(request, asked)
        return Response(await answer(asked, self._pool, request.is_disconnected), 200, None, JSON)

    def _note(self, request: Request, asked: Asked) -> None:
        n = len(asked.texts)
        self.metrics.texts.labels(asked.served.name).inc(n)
        if self.settings.logs:
            request.state.model, request.state.texts = asked.served.name, n

    async def models(self, request: Request) -> Response:
        """``GET /models``."""
        is_all = _all_labels(request)
        return json_answer(ModelList([_info(slot, is_all) for _, slot in self.shelf]))

    async def model(self, request: Request) -> Response:
        """``GET /models/{name}``."""
        name = request.path_params["name"]
        if self.shelf.get(name) is None:
            raise Refused(
                404, f"there is no model {name!r}", "name", f"models: {', '.join(self.shelf.names)}"
            )
        return json_answer(_info(self.shelf[name], _all_labels(request)))

    async def health(self, request: Request) -> Response:
        """``GET /health``."""
        models = [
            ModelHealth(name, slot.current.version, slot.is_newest, _why(slot))
            for name, slot in self.shelf
        ]
        if self.is_draining:
            return json_answer(Health("draining", models), 503)
        return json_answer(Health("ok", models))

    async def metrics_text(self, request: Request) -> Response:
        """``GET /metrics``."""
        return Response(self.metrics.text(), headers={"Content-Type": CONTENT_TYPE})

    async def openapi(self, request: Request) -> Response:
        """``GET /openapi.json``."""
        return Response(self._openapi, media_type=JSON)

    async def docs(self, request: Request) -> Response:
        """``GET /docs``."""
        with open(os.path.join(PAGE, "docs.html"), "rb") as file:
            return Response(file.read(), headers=HEADERS, media_type="text/html")

    def routes(self) -> list[Route]:
        """Return what is answered where."""
        return [
            Route("/predict", _Bare(self.predict), methods=["GET", "POST"]),
            Route("/models", self.models),
            Route("/models/{name}", self.model),
            Route("/health", self.health),
            Route("/metrics", self.metrics_text),
            Route("/openapi.json", self.openapi),
            Route("/docs", self.docs),
        ]

    # -- files -----------------------------------------------------------------------------------
    @contextlib.asynccontextmanager
    async def lifespan(self, app: Any) -> AsyncIterator[None]:
        """Watch the files of the models while requests are answered."""
        self._loop = asyncio.get_running_loop()
        gc.collect()
        gc.freeze()  # what is there stays: looking for old models' remains need not look at it
        watch = asyncio.create_task(self._watch())
        try:
            with draining(self.settings.drain_seconds, self._drain):
                yield
        finally:
            watch.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watch
            self._loop = None
            self._pool.shutdown(wait=False, cancel_futures=True)
            self._loader.shutdown(wait=False, cancel_futures=True)

    def _drain(self) -> None:
        self.is_draining = True

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self.settings.look_seconds)
            await self._in_loader(self.shelf.look)

    async def _in_loader(self, work: Any) -> None:
        try:
            await asyncio.get_running_loop().run_in_executor(self._loader, work)
        except Exception:  # a fault of ours must not end the watch
            _LOG.exception("the models could not be looked at")

    def reload(self) -> None:
        """Load all models again; may be called by a signal."""
        loop = self._loop
        if loop is not None:
            loop.call_soon_threadsafe(
                lambda: loop.create_task(self._in_loader(self.shelf.reload))
            )  # fmt: skip


class _Bare:
    """An endpoint without the layers that Starlette puts around functions: a tenth of the time.

    Parameters
    ----------
    endpoint : callable
        What it raises is answered by the application.
    """

    def __init__(self, endpoint: Callable[[Request], Awaitable[Response]]) -> None:
        self._endpoint = endpoint

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        response = await self._endpoint(Request(scope, receive))
        await response(scope, receive, send)


def _why(slot: Slot) -> str | None:
    """Return why the newest file is not served, without the folder: it needs no token."""
    path = slot.current.path
    return slot.error.replace(path, os.path.basename(path)) or None


def _all_labels(request: Request) -> bool:
    """Return whether ``?labels=all`` is asked for."""
    wanted = dict(request.query_params)
    given = wanted.pop("labels", None)
    if wanted:
        raise Refused(422, f"there is no parameter {next(iter(wanted))!r}", "query", "labels=all")
    if given not in (None, "all"):
        raise Refused(422, f"labels is {given[:80]!r}", "labels", "send labels=all, or nothing")
    return given == "all"


def _info(slot: Slot, is_all: bool) -> ModelInfo:
    """Return what is told of a model."""
    served = slot.current
    model = served.model
    loaded = datetime.datetime.fromtimestamp(served.loaded_at, datetime.timezone.utc)
    return ModelInfo(
        name=served.name, path=served.path, kind=served.kind, version=served.version,
        size=served.state.size, n_labels=len(model.labels),
        labels=model.labels if is_all else model.labels[:SHOWN], multilabel=model.multilabel,
        abstention=None if model.abstention is None else model.abstention.value,
        threshold=None if model.threshold is None else model.threshold.value,
        loaded_at=loaded.isoformat(timespec="seconds").replace("+00:00", "Z"),
        reloads=slot.reloads, error=slot.error or None,
    )  # fmt: skip


def make_service(shelf: Shelf, settings: Settings, metrics: Metrics) -> tuple[Service, Counted]:
    """Return the endpoints over some models, and the application of ASGI around them.

    Parameters
    ----------
    shelf : Shelf
    settings : Settings
    metrics : Metrics
    """
    service = Service(shelf, settings, metrics)
    routes = service.routes()
    app: Any = make_app(
        routes, page=PAGE, access=settings.access, limits=settings.limits,
        lifespan=service.lifespan, is_open=("/health", "/docs"), on_refused=metrics.refuse,
    )  # fmt: skip
    return service, Counted(app, metrics, {"/", *(each.path for each in routes)}, settings.logs)
