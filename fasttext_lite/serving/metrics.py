"""What is counted, as Prometheus reads it, and what stands around every request to count it."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest
from prometheus_client.process_collector import ProcessCollector

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"  # in place of paths that are no routes: there may be any number of them
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
# Of answers; what is refused before a route sees it is told by `web`.
REASONS = {
    400: "malformed", 404: "unknown", 405: "method", 408: "slow", 413: "too large",
    422: "invalid", 499: "gone", 500: "failure",
}  # fmt: skip


class Metrics:
    """Counters of a server, in a registry of their own.

    Attributes
    ----------
    texts : Counter
        By model.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        to: dict[str, Any] = {"registry": self.registry, "namespace": "fasttext_lite"}
        self.requests = Counter("requests", "Requests answered.", ["route", "status"], **to)
        self.seconds = Histogram(
            "request_seconds", "From the first byte of a request's body to the last of its answer.",
            ["route"], buckets=SECONDS, **to,
        )  # fmt: skip
        self.texts = Counter("texts", "Texts classified.", ["model"], **to)
        self.in_flight = Gauge("requests_in_flight", "Requests being answered.", **to)
        self.refused = Counter("refused", "Requests refused.", ["reason"], **to)
        self.loads = Counter("model_loads", "Model files loaded or not.", ["model", "result"], **to)
        ProcessCollector(registry=self.registry)
        self._children: dict[tuple[str, int], tuple[Any, Any, Any]] = {}

    def loaded(self, name: str, result: str) -> None:
        """Count a model file that was loaded ("ok"), or could not be ("failed")."""
        for each in ("ok", "failed"):  # both are seen from the beginning
            self.loads.labels(name, each).inc(each == result)

    def refuse(self, reason: str) -> None:
        """Count a request that was refused before it was read, by the reason."""
        self.refused.labels(reason).inc()

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        found = self._children.get((route, status))
        if found is None:
            reason = REASONS.get(status)
            found = self._children[route, status] = (
                self.requests.labels(route, str(status)),
                self.seconds.labels(route),
                None if reason is None else self.refused.labels(reason),
            )
        requests, histogram, refused = found
        requests.inc()
        histogram.observe(seconds)
        if refused is not None:
            refused.inc()

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        return generate_latest(self.registry)


class Counted:
    """An ASGI app whose requests are counted, and written to a log if that is wanted.

    Parameters
    ----------
    app : ASGI app
    metrics : Metrics
    routes : collection of str
        Paths that are counted by their names, all others as "other".
    logs : bool
        Whether to write a line of JSON for each request to stderr; it has no text of a request.
    """

    def __init__(
        self, app: App, metrics: Metrics, routes: Collection[str], logs: bool = False
    ) -> None:
        self._app, self._metrics, self._logs = app, metrics, logs
        self._routes = frozenset(routes)

    def _route(self, path: str) -> str:
        if path in self._routes:
            return path
        return "/models/{name}" if path.startswith("/models/") else OTHER

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, and count it."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        start, status, size = time.perf_counter(), 499, 0

        async def sent(message: Message) -> None:
            nonlocal status, size
            if message["type"] == "http.response.start":
                status = message["status"]
            elif self._logs:
                size += len(message.get("body", b""))
            await send(message)

        metrics = self._metrics
        metrics.in_flight.inc()
        try:
            await self._app(scope, receive, sent)
        finally:
            metrics.in_flight.dec()
            seconds = time.perf_counter() - start
            metrics.answered(self._route(scope["path"]), status, seconds)
            if self._logs:
                self._log(scope, status, size, seconds)

    def _log(self, scope: Message, status: int, size: int, seconds: float) -> None:
        client = scope.get("client")
        state = scope.get("state") or {}
        line = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
            "method": scope["method"], "path": scope["path"], "status": status,
            "milliseconds": round(1e3 * seconds, 3), "bytes": size,
            "client": client[0] if client else None,
            **{name: state[name] for name in ("model", "texts") if name in state},
        }  # fmt: skip
        if sys.stderr is not None:
            with contextlib.suppress(OSError, ValueError):  # nobody listens, or the disk is full
                sys.stderr.write(json.dumps(line, ensure_ascii=True) + "\n")
