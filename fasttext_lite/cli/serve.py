"""The command ``serve``: models behind HTTP, with a page to try them."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import between, whole
from fasttext_lite.cli.console import say, write
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    from fasttext_lite.serving.app import Settings

HELP = "Answer requests over HTTP by models, and show a page to try them."
HOST, PORT = "127.0.0.1", 8000
MOST_BYTES, MOST_TEXTS, SECONDS = 4_000_000, 10_000, 30.0
MOST_CONNECTIONS, MOST_WAITING = 1_000, 256
MOST_SECONDS = 86_400.0  # of --timeout
LAST_PORT = 65_535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``serve``."""
    parser.add_argument(
        "models", metavar="MODEL", nargs="+",
        help="of ours or of fastText, or NAME=MODEL (default name: the file's, without its "
        "ending); a file that is replaced is loaded anew",
    )  # fmt: skip
    parser.add_argument(
        "--host", default=HOST,
        help=f"address to listen at (default {HOST}: this machine alone); another one needs a "
        "token, from the variable FASTTEXT_LITE_TOKEN or --token-file",
    )  # fmt: skip
    parser.add_argument(
        "--port", type=_port, default=PORT, metavar="N",
        help=f"port to listen at, 0 = any that is free (default {PORT})",
    )  # fmt: skip
    parser.add_argument(
        "--token-file", metavar="FILE", help="file with the token that requests must have"
    )
    group = parser.add_argument_group("limits")
    group.add_argument(
        "--most-bytes", type=whole(1), default=MOST_BYTES, metavar="N",
        help=f"of the body of a request (default {MOST_BYTES:,})",
    )  # fmt: skip
    group.add_argument(
        "--most-texts", type=whole(1), default=MOST_TEXTS, metavar="N",
        help=f"of a request (default {MOST_TEXTS:,})",
    )  # fmt: skip
    group.add_argument(
        "--timeout", type=between(0.01, MOST_SECONDS), default=SECONDS, metavar="SECONDS",
        help=f"for a request to come whole, and for its answer (default {SECONDS:g})",
    )  # fmt: skip
    group.add_argument(
        "--most-connections", type=whole(1), default=MOST_CONNECTIONS, metavar="N",
        help=f"open at a time (default {MOST_CONNECTIONS:,})",
    )  # fmt: skip
    group.add_argument(
        "--most-waiting", type=whole(1), default=MOST_WAITING, metavar="N",
        help=f"requests that are being answered at a time; more get 503 (default {MOST_WAITING})",
    )  # fmt: skip
    parser.add_argument(
        "--drain", type=between(0, MOST_SECONDS), default=0.0, metavar="SECONDS",
        help="at SIGTERM, say 503 at /health for so long and answer on, before no connection is "
        "taken any more: for a load balancer (default 0)",
    )  # fmt: skip
    parser.add_argument(
        "--threads", type=whole(1), metavar="N",
        help="that large requests are worked out in (default: all processors)",
    )  # fmt: skip
    parser.add_argument(
        "--access-log", action="store_true",
        help="write a line of JSON for each request to stderr, without its texts",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="do not print the address")


def _port(text: str) -> int:
    port = whole(0)(text)
    if port > LAST_PORT:
        raise argparse.ArgumentTypeError(f"must be at most {LAST_PORT:,}; got {text!r}")
    return port


def run(options: argparse.Namespace) -> None:
    """Serve until a signal ends it."""
    from fasttext_lite.web.libraries import check_libraries

    check_libraries()
    from fasttext_lite.serving.app import make_service
    from fasttext_lite.serving.metrics import Metrics
    from fasttext_lite.serving.models import names_of
    from fasttext_lite.serving.shelf import Shelf
    from fasttext_lite.web.run import address_of, listen, run_server

    paths = names_of(options.models)
    settings = _settings(options)
    metrics = Metrics()
    with listen(options.host, options.port) as listening:
        shelf = Shelf(paths, metrics.loaded)
        service, app = make_service(shelf, settings, metrics)

        def started() -> None:
            if not options.quiet:
                write(f"{address_of(listening)}: {', '.join(shelf.names)}")

        is_good = run_server(
            app, listening, settings.limits, on_started=started, on_hangup=service.reload,
            on_refused=metrics.refuse,
        )  # fmt: skip
    if not is_good:
        say("ended at once; requests that were being answered were cut")


def _settings(options: argparse.Namespace) -> Settings:
    """Return how models are served; raise `UsageError` for a host that needs a token."""
    from fasttext_lite.serving.app import Settings
    from fasttext_lite.system import cpu_count
    from fasttext_lite.web.access import Access, is_loopback, read_token
    from fasttext_lite.web.limits import Limits

    token = read_token(options.token_file)
    if token is None and not is_loopback(options.host):
        raise UsageError(
            f"--host {options.host}: others than this machine can ask there, and need a token: "
            "set the variable FASTTEXT_LITE_TOKEN, or give --token-file FILE"
        )
    limits = Limits(
        most_bytes=options.most_bytes, read_seconds=options.timeout,
        answer_seconds=options.timeout, most_connections=options.most_connections,
        most_waiting=options.most_waiting,
    )  # fmt: skip
    return Settings(
        limits, Access(token), options.most_texts, options.threads or cpu_count(),
        options.access_log, drain_seconds=options.drain,
    )  # fmt: skip
