"""Plots, made with matplotlib (the extra ``plot``)."""

from __future__ import annotations

import logging
import os
import unicodedata
import warnings
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import InputError

if TYPE_CHECKING:
    from fasttext_lite.evaluation.scores import Evaluation
    from fasttext_lite.fitting.report import EpochReport
logger = logging.getLogger("fasttext_lite")

# Taken first, in this order, where labels hold characters that the default font lacks; other fonts
# that have the characters come after.
CJK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans SC",
    "Source Han Sans SC",
    "Noto Sans CJK JP",  # what matplotlib calls the file of all of them
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
    "Microsoft YaHei",
    "PingFang SC",
    "SimHei",
    "Arial Unicode MS",
)
DEFAULT_FONT = "DejaVu Sans"  # comes with matplotlib
# Packages of fonts by the first character that they are for, the last that fits.
PACKAGES = {
    0: "fonts-noto-core on Debian and Ubuntu, google-noto-sans-fonts on Fedora",
    0x2E80: "fonts-noto-cjk on Debian and Ubuntu, google-noto-sans-cjk-fonts on Fedora",
    0x1F000: "fonts-symbola on Debian and Ubuntu, gdouros-symbola-fonts on Fedora",
    0x20000: "fonts-noto-cjk on Debian and Ubuntu, google-noto-sans-cjk-fonts on Fedora",
}
# Colours that people who are colour-blind tell apart: M. Okabe and K. Ito, Color Universal Design,
# 2008; with a shape for each round of them, as there are more labels than such colours.
COLORS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#000000")
SHAPES = "os^"
BLUE, ORANGE, GREEN = COLORS[0], COLORS[3], COLORS[2]
MAX_LABELS = 2000  # a larger matrix can neither be drawn nor, at some size, be held
MAX_NAMED = 60  # labels; more would not be readable
MAX_NAME = 30  # characters of a label
MAX_COLORS = 18  # labels that a map tells apart by colour; the rest is grey
MAX_POINT_NAMES = 150  # points of a map with their names written beside them
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
    axes.set_title(f"{evaluation.figure} {evaluation.accuracy:.3f} on {evaluation.n} texts")
    if len(names) <= MAX_NAMED:
        style = _font_for("".join(names))
        axes.set_xticks(range(len(names)), names, rotation=90, **style)
        axes.set_yticks(range(len(names)), names, **style)
    if len(names) <= 20:
        for (i, j), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[i, j] > 0.5 else "black"
                axes.text(j, i, str(count), ha="center", va="center", color=color, fontsize=8)
    _save(figure, path)


def plot_learning_curves(reports: Sequence[EpochReport], path: str | os.PathLike[str]) -> None:
    """Write the course of a training: loss (left), accuracy (right), learning rate (below).

    Parameters
    ----------
    reports : sequence of EpochReport
        One for each epoch, as in `History.reports`.
    path : path-like
        .png, .pdf or .svg.

    Raises
    ------
    ValueError
        If there are no reports.
    InputError
        If matplotlib is missing or the file cannot be written.
    """
    if not reports:
        raise ValueError("no reports: nobody watched this training")
    check_plot(path)
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    epochs = [report.epoch for report in reports]
    mark_size = 5 if len(epochs) <= 50 else 0
    figure = Figure(figsize=(8, 5.5), dpi=120, layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    lines = _draw_curves(above, reports, mark_size)
    # Below the curves, where no line can run through it.
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines), frameon=False)
    rates = [report.lr for report in reports]
    below.plot(epochs, rates, color=GREEN, marker="o", markersize=0.6 * mark_size)
    below.set_ylim(0, max(below.get_ylim()[1], 1e-12))
    below.set_ylabel("lr")
    below.set_xlabel("epoch")
    below.grid(alpha=0.3)
    below.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if len(epochs) == 1:
        below.set_xlim(epochs[0] - 1, epochs[0] + 1)
    _save(figure, path)


def _draw_curves(axes: Any, reports: Sequence[EpochReport], mark_size: float) -> list[Any]:
    """Draw loss and share of right texts, those there are; return the lines."""
    epochs, figure = [report.epoch for report in reports], reports[0].figure
    right = axes.twinx()
    curves = [
        (axes, "loss", "train loss", BLUE, "-", "o"),
        (axes, "valid_loss", "validation loss", BLUE, "--", "s"),
        (right, "train_accuracy", f"train {figure}", ORANGE, "-", "o"),
        (right, "valid_accuracy", f"validation {figure}", ORANGE, "--", "s"),
    ]
    lines = []
    for side, field, name, color, style, marker in curves:
        values = [getattr(report, field) for report in reports]
        if any(value is not None for value in values):
            values = [np.nan if value is None else value for value in values]
            # Hollow marks: where curves meet, both are seen.
            lines += side.plot(
                epochs, values, style, color=color, marker=marker, markersize=mark_size,
                markerfacecolor=color if marker == "o" else "white", label=name,
            )  # fmt: skip
    axes.set_ylim(0, max(1.04 * axes.get_ylim()[1], 1e-6))
    axes.set_ylabel("loss", color=BLUE)
    right.set_ylabel(figure, color=ORANGE)
    axes.grid(alpha=0.3)
    return lines


def plot_map(
    points: np.ndarray,
    path: str | os.PathLike[str],
    *,
    groups: Sequence[str] | None = None,
    names: Sequence[str] | None = None,
    title: str = "",
    axis_names: tuple[str, str] = ("", ""),
) -> None:
    """Write a map of points in the plane.

    Parameters
    ----------
    points : float[n, 2]
    path : path-like
        .png, .pdf or .svg.
    groups : sequence of str, optional
        A label for each point, shown by colour; beyond `MAX_COLORS` labels the less frequent
        ones are grey, and the names of all (up to `MAX_POINT_NAMES`) stand in the middle of
        their points.
    names : sequence of str, optional
        Written beside the points, up to `MAX_POINT_NAMES`.
    title, axis_names : str

    Raises
    ------
    InputError
        If matplotlib is missing or the file cannot be written.
    """
    check_plot(path)
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8) if groups or names else (8, 7), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    size = float(np.clip(6000 / max(len(points), 1), 6, 40))
    if groups is None:
        axes.scatter(points[:, 0], points[:, 1], s=size, alpha=0.7, linewidths=0)
    else:
        _draw_groups(axes, points, groups, size)
    if names is not None and len(names) <= MAX_POINT_NAMES:
        _write_names(axes, points, names)
        axes.margins(x=0.1)
    axes.set_title(title, parse_math=False)
    axes.set_xlabel(axis_names[0])
    axes.set_ylabel(axis_names[1])
    axes.set_xticks([])
    axes.set_yticks([])
    _save(figure, path)


def _write_names(axes: Any, points: np.ndarray, names: Sequence[str]) -> None:
    """Write a name beside each point."""
    names = [_shorten(name) for name in names]
    style = _font_for("".join(names))
    size = 8 if len(names) <= MAX_NAMED else 6
    for point, name in zip(points, names, strict=True):
        axes.annotate(
            name, point, xytext=(3, 2), textcoords="offset points", fontsize=size, **style
        )


def _draw_groups(axes: Any, points: np.ndarray, groups: Sequence[str], size: float) -> None:
    """Draw points in the colours of their groups, the most frequent ones first in the legend."""
    found, ids, counts = np.unique(
        np.array(groups, object).astype(str), return_inverse=True, return_counts=True
    )
    order = np.argsort(-counts, kind="stable")
    n_colors = len(order) if len(order) <= MAX_COLORS else MAX_COLORS - 1
    # Grey is kept for the rest.
    looks = [(color, shape) for shape in SHAPES for color in COLORS]
    rest = np.isin(ids, order[n_colors:])
    axes.scatter(*points[rest].T, s=size, color="0.75", alpha=0.6, linewidths=0)
    for group, (color, shape) in zip(order[:n_colors], looks, strict=False):
        own = ids == group
        name = f"{_shorten(str(found[group]))} ({counts[group]})"
        axes.scatter(
            *points[own].T, s=size, color=color, marker=shape, alpha=0.75, linewidths=0, label=name
        )
    if rest.any():
        name = f"{len(order) - n_colors} other labels"
        axes.scatter([], [], s=size, color="0.75", linewidths=0, label=name)
        if len(order) <= MAX_POINT_NAMES:
            middles = np.array([np.median(points[ids == group], axis=0) for group in order])
            _write_names(axes, middles, [str(found[group]) for group in order])
            axes.margins(x=0.1)
    legend = axes.legend(
        loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, markerscale=2, fontsize=9
    )
    texts = legend.get_texts()
    style = _font_for("".join(text.get_text() for text in texts))
    for text in texts:
        text.set(**style)


def _save(figure: Any, path: str | os.PathLike[str]) -> None:
    """Write a figure in the format of its ending, or as a PNG; a failure is an `InputError`."""
    ending = os.path.splitext(path)[1]
    if not ending:
        path, ending = f"{os.fspath(path)}.png", ".png"
    try:
        with warnings.catch_warnings():
            # `_font_for` has said it once; matplotlib says it for each character.
            warnings.filterwarnings("ignore", "Glyph .* missing from")
            with replacing(path) as file:
                figure.savefig(file, format=ending[1:])
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{os.fspath(path)}: cannot write the plot: {reason}") from None


def _shorten(name: str) -> str:
    # Control characters and lone surrogates cannot be drawn.
    name = "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in name)
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _font_for(text: str) -> dict[str, Any]:
    """Return text properties whose fonts have the characters of a text; say so if none has some."""
    style: dict[str, Any] = {"parse_math": False}  # a dollar sign is a dollar sign
    missing = {ord(sign) for sign in text if unicodedata.category(sign)[0] not in "ZCM"}
    missing -= _characters_of(_path_of(DEFAULT_FONT))
    fonts: list[str] = []
    for find in (_fonts, _new_fonts):
        if not missing:
            break
        for name, path in find():
            found = missing & _characters_of(path)
            if found:
                fonts.append(name)
                missing -= found
            if not missing:
                break
    if missing:
        first = min(missing)
        logger.warning(
            "no font found for %d character(s) of the labels in the plot, such as %r: install one "
            "(%s)", len(missing), chr(first), PACKAGES[max(n for n in PACKAGES if n <= first)],
        )  # fmt: skip
    return {**style, "fontfamily": [*fonts, DEFAULT_FONT]} if fonts else style


def _path_of(name: str) -> str:
    """Return the file of an installed font."""
    from matplotlib import font_manager

    return str(font_manager.findfont(name))


def _fonts() -> list[tuple[str, str]]:
    """Return name and file of all installed fonts but the default, those of `CJK_FONTS` first."""
    from matplotlib import font_manager

    order = {name: place for place, name in enumerate(CJK_FONTS)}
    files: dict[str, str] = {}
    for font in font_manager.fontManager.ttflist:
        if font.style == "normal" and font.name != DEFAULT_FONT:
            files.setdefault(font.name, font.fname)
    names = sorted(files, key=lambda name: (order.get(name, len(order)), name))
    return [(name, files[name]) for name in names]


def _new_fonts() -> Iterator[tuple[str, str]]:
    """Yield name and file of the fonts that were installed since matplotlib made its list."""
    from matplotlib import font_manager

    known = {font.fname for font in font_manager.fontManager.ttflist}
    for path in sorted(set(font_manager.findSystemFonts()) - known):
        try:
            font_manager.fontManager.addfont(path)
        except (OSError, RuntimeError):  # it is none that can be drawn with
            continue
        yield font_manager.fontManager.ttflist[-1].name, path


@cache
def _characters_of(path: str) -> frozenset[int]:
    """Return the characters that a file of a font has; none if it cannot be read."""
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(path).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()
