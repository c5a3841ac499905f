"""Plots, made with matplotlib (the extra ``plot``)."""

from __future__ import annotations

import logging
import os
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.evaluation import Evaluation

logger = logging.getLogger("fasttext_lite")

# Looked for, in this order, when labels hold characters that the default font lacks.
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "Arial Unicode MS",
)
MAX_LABELS = 2000  # a larger matrix can neither be drawn nor, at some size, be held
MAX_NAMED = 60  # labels; more would not be readable
MAX_NAME = 30  # characters of a label
PLOT_SUFFIXES = (".png", ".pdf", ".svg")


def check_plot(path: str | os.PathLike[str], n_labels: int = 0) -> None:
    """Raise `InputError` unless a plot of so many labels can be made and its folder exists."""
    path = os.fspath(path)
    if n_labels > MAX_LABELS:
        raise InputError(f"{path}: no plot of more than {MAX_LABELS} labels; there are {n_labels}")
    if not path.lower().endswith(PLOT_SUFFIXES):
        raise InputError(f"{path}: a plot must be named {', '.join(PLOT_SUFFIXES)}")
    if os.path.isdir(path):
        raise InputError(f"{path}: cannot write the plot: it is a directory")
    folder = os.path.dirname(path) or "."
    if not os.path.isdir(folder) or not os.access(folder, os.W_OK):
        raise InputError(f"{path}: cannot write the plot: no such folder, or not writable")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise InputError("plots need matplotlib: pip install 'fasttext-lite[plot]'") from None


def plot_confusion(evaluation: Evaluation, path: str | os.PathLike[str]) -> None:
    """Write a confusion matrix: true labels down, predicted labels across, shares of each row.

    Labels that occur neither way are left out; above `MAX_NAMED` labels the axes have no names.

    Parameters
    ----------
    evaluation : Evaluation
    path : path-like
        .png, .pdf or .svg.

    Raises
    ------
    InputError
        If matplotlib is missing or the file cannot be written.
    """
    check_plot(path, len(evaluation.names))
    from matplotlib.figure import Figure

    counts = evaluation.confusion
    used = (counts.sum(0) + counts.sum(1)) > 0
    used |= not used.any()
    counts = counts[used][:, used]
    names = [_shorten(name) for name, use in zip(evaluation.names, used, strict=True) if use]
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    size = min(4 + 0.35 * len(names), 24)
    figure = Figure(figsize=(size + 1, size), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(image, label="share of the true label", shrink=0.8)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    axes.set_title(f"accuracy {evaluation.accuracy:.3f} on {evaluation.n} texts")
    if len(names) <= MAX_NAMED:
        style = _font_for("".join(names))
        axes.set_xticks(range(len(names)), names, rotation=90, **style)
        axes.set_yticks(range(len(names)), names, **style)
    if len(names) <= 20:
        for (i, j), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[i, j] > 0.5 else "black"
                axes.text(j, i, str(count), ha="center", va="center", color=color, fontsize=8)
    try:
        with warnings.catch_warnings():
            # `_font_for` has said it once; matplotlib says it for each character.
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            figure.savefig(path)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{path}: cannot write the plot: {reason}") from None


def _shorten(name: str) -> str:
    # Control characters and lone surrogates cannot be drawn.
    name = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in name)
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _font_for(text: str) -> dict[str, Any]:
    """Return text properties whose font has the characters of a text."""
    from matplotlib import font_manager

    style: dict[str, Any] = {"parse_math": False}  # a dollar sign is a dollar sign
    if all(ord(character) < 0x2E80 for character in text):
        return style
    installed = {font.name for font in font_manager.fontManager.ttflist}
    found = [name for name in CJK_FONTS if name in installed]
    if not found:
        logger.warning("no font found for the labels in the plot: install one, as Noto Sans CJK")
    return {**style, "fontfamily": [*found[:1], "DejaVu Sans"]}
