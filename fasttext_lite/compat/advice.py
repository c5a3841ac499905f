"""What looks wrong with a text in fastText's format; it is read as fastText reads it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import mapped
from fasttext_lite.corpus.files import name_of, not_utf8
from fasttext_lite.corpus.formats import Reading, ReadOptions, find_format
from fasttext_lite.corpus.labels import without_prefix
from fasttext_lite.corpus.structure import LabelCounts, label_fault
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np

    from fasttext_lite.compat.files.dictionary import Dictionary

logger = logging.getLogger("fasttext_lite")

LOOKED_AT = 1 << 24  # bytes at the beginning of a text
_LINES = 20


def warn_of_text(path: str) -> None:
    """Log one line if the beginning of a file is not UTF-8; nothing if it cannot be read."""
    try:
        with mapped(path) as data:
            warn_of_bytes(data, path)
    except InputError:
        return  # who reads it next says why


def warn_of_bytes(data: np.ndarray, path: str) -> bool:
    """Log one line if the beginning of a text is not UTF-8; return whether it is not."""
    from fasttext_lite.compiled import utf8

    start = data[:LOOKED_AT]
    fault = int(utf8.first_fault(start))
    if fault < 0 or (fault > start.size - 4 and data.size > LOOKED_AT):  # a character is cut there
        return False
    before = start[:fault].tobytes()
    begin = before.rfind(b"\n") + 1
    number = before.count(b"\n") + 1
    error = not_utf8(path, number, start[begin : begin + (1 << 16)].tobytes(), has_flag=False)
    logger.warning("%s", error)
    return True


def warn_of_labels(dictionary: Dictionary, args: Args) -> None:
    """Log one line if the labels of a training text look like a mistake."""
    if not args.is_supervised:
        return
    names = [
        label.decode("utf-8", "replace").removeprefix(args.label) for label in dictionary.labels
    ]
    counts = dictionary.label_counts.tolist()
    fault = label_fault(LabelCounts(names, counts, sum(counts)), args.label)
    if fault is not None:
        logger.warning("%s: %s", args.input, fault)


def warn_of_format(data: np.ndarray, path: str, labels: Sequence[bytes]) -> None:
    """Log one line if a text to predict is a table or JSON lines, which fastText takes for text.

    Parameters
    ----------
    data : uint8[n_bytes]
    path : str
    labels : sequence of bytes
        Of the model.
    """
    lines = [line for line in data[: 1 << 16].tobytes().split(b"\n") if line.strip()][:_LINES]
    if not lines:
        return
    options = ReadOptions()
    known = {without_prefix(name.decode("utf-8", "replace"), options.label_prefix)
             for name in labels}  # fmt: skip
    try:
        form = find_format(Reading(path, options, lines, known=known))
    except InputError:
        return  # it is no table that could be read instead
    if form.name not in ("text", "fasttext"):
        logger.warning(
            "%s: looks like %s, of which fastText takes each line for a text, labels and all; "
            "with `--format %s` behind MODEL FILE the texts alone are read",
            name_of(path), form.lines, form.name,
        )  # fmt: skip
