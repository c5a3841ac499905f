"""The command ``label``: a page on which people label texts, with a model at their side."""

from __future__ import annotations

import argparse
import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import (
    add_reading,
    add_threads,
    read_options,
    share,
    whole,
    written,
)
from fasttext_lite.cli.console import PROGRAM, is_same_file, say, write
from fasttext_lite.cli.files import called, check_output, named_files
from fasttext_lite.cli.listening import access_of, add_listening
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import InputError, UsageError

if TYPE_CHECKING:
    import socket

    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.labelling.session import Session
    from fasttext_lite.labelling.settings import Settings
    from fasttext_lite.web.access import Access

HELP = "Label texts by hand in the browser, with a model that learns along."
PORT = 8766
PATIENCE = 1.0  # seconds, after which it is said what is waited for


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``label``."""
    parser.add_argument(
        "texts", metavar="TEXTS", nargs="+",
        help="a text in each line, or whatever train reads, packed or - for stdin too; several "
        "files, or patterns in quotes, are read as one",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", metavar="LABELLED", type=written, required=True,
        help="labelled file to write, .tsv, .csv, .jsonl, or .txt for fastText's format; if it is "
        "there, its labels are those from before. Beside it, .answers.jsonl keeps each answer",
    )  # fmt: skip
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--labels", metavar="A,B,C", help="labels to choose among; more can be made in the page"
    )
    group.add_argument("--labels-file", metavar="FILE", help="a file with a label in each line")
    parser.add_argument(
        "--model-output", metavar="MODEL", type=written,
        help="model that the page's button trains, .ftl (default: LABELLED with .ftl in place of "
        "its ending)",
    )  # fmt: skip
    parser.add_argument(
        "--random", metavar="SHARE", type=share, default=0.2,
        help="share of the texts that are asked at random; the accuracy is estimated from these "
        "(default 0.2)",
    )  # fmt: skip
    parser.add_argument(
        "--seed", type=whole(0), default=0, metavar="N", help="of the random order (default 0)"
    )
    add_listening(parser, PORT, "for another one a token is made, unless there is one")
    parser.add_argument(
        "--open", action=argparse.BooleanOptionalAction, default=None,
        help="open the page in the browser (default: on a terminal)",
    )  # fmt: skip
    add_reading(parser, unlabelled=True)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Serve the page until a signal ends it."""
    from fasttext_lite.web.libraries import check_libraries

    files = named_files(options.texts, options)
    labels = _labels(options)
    _check_names(options, files)
    check_libraries()
    from fasttext_lite.labelling.settings import Settings
    from fasttext_lite.web.run import listen

    access, token = access_of(options, makes_token=True)
    with listen(options.host, options.port) as listening:
        settings = Settings(
            texts=_read_texts(files, options, labels), output=options.output, name=called(files),
            labels=tuple(labels), several=options.multilabel, model=options.model_output,
            seed=options.seed, n_threads=options.threads, random_share=options.random,
        )  # fmt: skip
        address = _address(listening, token)
        n = _serve(settings, listening, access, address, options)
    _say_what_next(n, files, options)


def _check_names(options: argparse.Namespace, files: Sequence[str]) -> None:
    """Raise an error for files that cannot be written, before anything is read."""
    if options.output == STDIN:
        raise UsageError("labels cannot be written to stdout; name a file, .tsv")
    from fasttext_lite.labelling.journal import ENDING

    for path in (*files, options.labels_file):
        for written_to in (options.output, options.output + ENDING):
            if is_same_file(path, written_to):
                raise UsageError(f"{written_to}: the labels would overwrite this file")
    if options.model_output is None:
        return
    check_output(options.model_output)
    for path in (*files, options.labels_file, options.output):
        if is_same_file(path, options.model_output):
            raise UsageError(f"{options.model_output}: the model would overwrite this file")
    from fasttext_lite.disk.replacing import check_replaceable

    check_replaceable(options.model_output)


def _labels(options: argparse.Namespace) -> list[str]:
    """Return the labels that were given; none is good, too: the page makes them then."""
    if options.labels is not None:
        names = [name.strip() for name in options.labels.split(",")]
        if not all(names):
            raise UsageError(f"--labels {options.labels!r}: one of the labels is empty")
        return names
    if options.labels_file is None:
        return []
    path = options.labels_file
    try:
        with open(path, encoding="utf-8-sig") as file:
            names = [line.strip() for line in file]
    except OSError as error:
        raise InputError(f"{path}: {(error.strerror or str(error)).lower()}") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: a file of labels is UTF-8: {error.reason}") from None
    names = [name for name in names if name]
    if not names:
        raise InputError(f"{path}: no label; write one in each line")
    return names


def _read_texts(files: Sequence[str], options: argparse.Namespace, labels: Sequence[str]) -> Texts:
    """Return the texts of files one after another; say how labels in them are taken."""
    import numpy as np

    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.corpus.texts import Texts

    parts: list[Texts] = []
    for path in files:
        reader, n = CorpusReader(path, read_options(options), known=labels), 0
        labelled = 0
        for chunk in reader:
            parts.append(chunk.texts)
            n, labelled = n + len(chunk), labelled + int((np.diff(chunk.indptr) > 0).sum())
        reader.reading.check_faults(n)
        for notice in reader.notices:
            say(notice)
        if labelled and reader.format is not None:
            say(
                f"{reader.reading.where}: read as {reader.format.name}; the labels of {labelled:,} "
                "texts in it are no part of the texts, and not taken over: to go on with them, "
                "give a copy of them as -o"
            )
    if not any(part.offsets[-1] > part.offsets[0] for part in parts):
        raise InputError(f"{called(files)}: no text")
    sizes = np.concatenate([np.diff(part.offsets) for part in parts])
    buffers = [part.buffer[part.offsets[0] : part.offsets[-1]] for part in parts]
    return Texts(np.concatenate(buffers), np.append(0, np.cumsum(sizes)))


def _address(listening: socket.socket, token: str | None) -> str:
    """Return the address of the page, with the token where no server sees it."""
    from urllib.parse import quote

    from fasttext_lite.web.run import address_of

    return address_of(listening) + "/" + (f"#token={quote(token, safe='')}" if token else "")


def _serve(
    settings: Settings,
    listening: socket.socket,
    access: Access,
    address: str,
    options: argparse.Namespace,
) -> int:
    """Serve a session's page until a signal comes; return how many texts have labels."""
    from fasttext_lite.labelling.app import label_app
    from fasttext_lite.labelling.session import Session
    from fasttext_lite.web.access import is_loopback
    from fasttext_lite.web.limits import Limits
    from fasttext_lite.web.run import run_server

    session, limits = Session.open(settings), Limits()
    try:
        for notice in session.notices:
            say(notice)
        if not is_loopback(options.host):
            say("in a browser elsewhere, the name of this machine takes the place of 127.0.0.1")

        def on_started() -> None:
            n, n_all = session.progress().n_texts, len(settings.texts)
            if n < n_all:
                say(f"{n_all - n:,} of {n_all:,} texts are blank or repeat another: not asked")
            write(f"{settings.name}: {n:,} texts to label at {address} (Ctrl-C ends)")
            _open_browser(address, options)

        run_server(label_app(session, access, limits), listening, limits, on_started=on_started)
    finally:
        _close(session)
    return session.progress().n_answered


def _close(session: Session) -> None:
    """Close a session; where that takes its time, say what is waited for."""
    import threading

    is_training = session.progress().training.state == "running"
    what = (
        "the model is still being trained" if is_training else "what learns behind comes to an end"
    )
    timer = threading.Timer(
        PATIENCE, say, [f"all answers are on the disk; {what}: a second Ctrl-C does not wait"]
    )
    timer.daemon = True
    timer.start()
    try:
        session.close()
    finally:
        timer.cancel()


def _open_browser(address: str, options: argparse.Namespace) -> None:
    """Open the page in a browser, if that is wanted."""
    import sys
    import threading

    is_wanted = options.open
    if is_wanted is None:
        is_wanted = sys.stdout is not None and sys.stdout.isatty()
    if is_wanted:
        import webbrowser

        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()


def _say_what_next(n: int, files: Sequence[str], options: argparse.Namespace) -> None:
    """Print how many answers are where, and the command that trains a model on them."""
    if not n:
        write(f"no answer yet; the same command goes on with {options.output}")
        return
    words = ["train", options.output]
    if options.multilabel:
        words += ["--multilabel"]
    elif STDIN not in files:
        words += ["--unlabelled", *files]
    if options.model_output:
        words += ["-o", options.model_output]
    write(
        f"{options.output}: {n:,} labelled text{'s' * (n != 1)}; the same command goes on, and "
        f"this one trains: {PROGRAM} {shlex.join(words)}"
    )
