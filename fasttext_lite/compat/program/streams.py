"""How fastText's commands read and write: standard streams, models, lines in blocks."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from fasttext_lite.compat.program.usage import PROGRAM, SHARED
from fasttext_lite.corpus import DEFAULT_PREFIX
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.errors import ModelError, UsageError, bounded
from fasttext_lite.model.magic import is_fasttext, packing_of

if TYPE_CHECKING:
    import numpy as np

    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.corpus.reader import CorpusReader
    from fasttext_lite.corpus.texts import Texts

CHUNK = 1 << 20  # bytes of a stream taken at a time
SPACES = (b" ", b"\t", b"\n", b"\v", b"\f", b"\r")  # between words for vectors (std::isspace)

# Commands of ours that have the same name.


def write(data: bytes) -> None:
    """Write bytes on stdout at once."""
    if sys.stdout is None:
        raise UsageError("standard output is closed")
    if not hasattr(sys.stdout, "buffer"):  # a notebook's
        sys.stdout.write(data.decode(errors="replace"))
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def say(message: str) -> None:
    """Print a notice on stderr."""
    if sys.stderr is not None:
        sys.stderr.write(f"{PROGRAM}: {bounded(message)}\n")


def standard_input() -> Any:
    """Return the stream of standard input's bytes."""
    if sys.stdin is None:
        raise UsageError("standard input is closed")
    return sys.stdin.buffer


def pieces(stream: Any, ends: Sequence[bytes] = (b"\n",)) -> Iterator[bytes]:
    """Yield what comes from a stream as soon as it is there, cut behind one of `ends`."""
    kept: list[bytes] = []
    while chunk := stream.read1(CHUNK):
        cut = max(chunk.rfind(end) for end in ends) + 1
        if cut:
            yield b"".join([*kept, chunk[:cut]])
            kept = []
        kept.append(chunk[cut:])
    if rest := b"".join(kept):
        yield rest


def words(stream: Any) -> Iterator[list[bytes]]:
    """Yield the words of a stream, as many as have come."""
    for piece in pieces(stream, SPACES):
        if found := piece.split():
            yield found


def blocks(model: FastTextModel, path: str, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the examples of a file or of standard input, see `FastTextModel.blocks`."""
    from fasttext_lite.compat.advice import warn_of_bytes, warn_of_format
    from fasttext_lite.compat.files.dictionary import as_array, mapped
    from fasttext_lite.corpus.files import is_stream, name_of, open_text

    if not is_stream(path):
        with mapped(path) as data:
            warn_of_bytes(data, path)
            warn_of_format(data, path, model.dictionary.labels)
            yield from model.blocks(data, k)
        return
    has_looked = False
    with open_text(path) as stream:
        for piece in pieces(stream):
            data = as_array(piece)
            if not has_looked:
                has_looked = True
                warn_of_bytes(data, name_of(path))
                warn_of_format(data, path, model.dictionary.labels)
            yield from model.blocks(data, k)


def labelled_blocks(
    model: FastTextModel, path: str, k: int, options: ReadOptions
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the examples of a labelled file in any format.

    One in fastText's is read as fastText reads it, see `blocks`; of any other each record becomes
    a line in fastText's format.
    """
    from fasttext_lite.corpus.files import is_regular, is_stream
    from fasttext_lite.corpus.labels import without_prefix
    from fasttext_lite.corpus.reader import CorpusReader

    names = [name.decode("utf-8", "replace") for name in model.dictionary.labels]
    known = [without_prefix(name, DEFAULT_PREFIX) for name in names]
    reader = CorpusReader(path, options, known=known, keeps_raw=True)
    if is_stream(path) or (is_regular(path) and reader.recognise().name not in _LINES):
        yield from examples_of(model, reader, k, has_labels=True)
    else:
        yield from blocks(model, path, k)  # and if there is no such file, that is said


_LINES = ("text", "fasttext")  # formats whose lines fastText reads


def examples_of(
    model: FastTextModel, reader: CorpusReader, k: int, has_labels: bool = False
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield records as fastText's examples.

    Parameters
    ----------
    model : FastTextModel
    reader : CorpusReader
        That keeps the records as they are.
    k : int
        Labels that each is to get.
    has_labels : bool
        Whether the labels are to stand before the texts.
    """
    from fasttext_lite.compat.files.dictionary import as_array

    for chunk in reader:
        assert reader.format is not None and chunk.raw is not None
        if reader.format.name in _LINES:
            yield from model.blocks(as_array(chunk.block or b""), k)
            continue
        labels = None
        if has_labels:
            own = [f"{DEFAULT_PREFIX}{n}".encode("utf-8", "surrogatepass") for n in reader.names]
            ids, bounds = chunk.ids.tolist(), chunk.indptr.tolist()
            labels = [b" ".join([own[i] for i in ids[a:b]] + [b""]) for a, b in pairwise(bounds)]
        yield as_examples(chunk.texts, labels)
    for notice in reader.notices:
        say(notice)


def starts_of(sizes: Sequence[int]) -> np.ndarray:
    """Return where each of some pieces begins, and the last ends, int64[n + 1]."""
    import numpy as np

    return np.append(0, np.cumsum(sizes, dtype=np.int64))


def as_examples(
    texts: Texts, before: Sequence[bytes] | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return texts as fastText's examples: bytes with a newline behind each, and the beginnings.

    Parameters
    ----------
    texts : Texts
    before : sequence of bytes, optional
        What is to stand before each.
    """
    from fasttext_lite.compat.files.dictionary import as_array

    buffer, offsets = texts.buffer.tobytes(), texts.offsets.tolist()
    pieces = [buffer[a:b] for a, b in pairwise(offsets)]
    if before is not None:
        pieces = [head + piece for head, piece in zip(before, pieces, strict=True)]
    starts = starts_of([len(piece) + 1 for piece in pieces])
    return as_array(b"".join([piece + b"\n" for piece in pieces])), starts


def load(path: str, command: str) -> FastTextModel:
    """Read the model that a command is to use.

    Raises
    ------
    ModelError
        If it cannot be read; for a command that we have too, with what to say instead.
    """
    from fasttext_lite.compat.model import FastTextModel

    if os.path.isfile(path) and (packed := packing_of(path)):
        raise ModelError(packed)
    if command in SHARED and os.path.isfile(path) and not is_fasttext(path):
        raise ModelError(
            f"{path} is not a model of fastText; with one of {PROGRAM} say "
            f"{PROGRAM} {command} MODEL FILE -k K --threshold THRESHOLD"
        )
    return FastTextModel.load(path)


def load_classifier(path: str, command: str) -> FastTextModel:
    """Read a model that predicts labels, see `load`."""
    model = load(path, command)
    if not model.is_supervised:
        raise ModelError(f"{path}: Model needs to be supervised for prediction!")
    return model
