"""Charts of a report: drawn by matplotlib, as pieces of SVG whose colours and fonts are the page's.

Colours are drawn as `SENTINELS` and then replaced by variables of the page's style, so that charts
follow its light and dark mode; text stays text, in the browser's font.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from fasttext_lite.reporting.curve import LearningCurve

# What a colour is drawn as, and the variable of the page's style that takes its place.
SENTINELS = {
    "#010203": "var(--ink)",
    "#020304": "var(--faint)",
    "#030405": "var(--line)",
    "#040506": "var(--good)",
    "#050607": "var(--bad)",
    "#060708": "var(--third)",
}
INK, FAINT, LINE, GOOD, BAD, THIRD = SENTINELS
SIZE = (4.7, 3.4)  # inches, of 72 points
_SETTINGS: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10.5,
    "text.color": INK,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.color": FAINT,
    "ytick.labelcolor": INK,
    "figure.facecolor": "none",
    "savefig.facecolor": "none",
    "legend.frameon": False,
    "text.parse_math": False,
    "text.usetex": False,
    "lines.linewidth": 2,
}


def reliability_chart(confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray) -> str:
    """Return the calibration curve: how often the model is right, by how sure it says it is.

    Parameters
    ----------
    confidence, accuracy : float64[n_bins]
        Means of each bin.
    counts : float64[n_bins]
        Texts of each bin.
    """

    def draw(axes: Any) -> None:
        axes.plot([0, 1], [0, 1], "--", color=FAINT, lw=1.2, label="as sure as it should be")
        used = np.asarray(counts) > 0
        axes.plot(
            np.asarray(confidence)[used], np.asarray(accuracy)[used], "o-", color=GOOD, ms=5,
            label="this model",
        )  # fmt: skip
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="how sure it says it is (%)")
        axes.set_ylabel("how often it is right (%)")
        axes.legend(loc="upper left")
        _percents(axes.xaxis)
        _percents(axes.yaxis)

    return _chart("calibration", "Calibration curve", draw)


def coverage_chart(
    answered: np.ndarray, accuracy: np.ndarray, overall: float, unit: str = "texts"
) -> str:
    """Return how right the answers are when only the surest texts are answered.

    Parameters
    ----------
    answered, accuracy : float64[n]
        Shares of the texts that are answered, and of right answers.
    overall : float
        Of right answers where all are answered.
    unit : str
        What is answered: texts, or labels where each text may have several.
    """
    done = "given" if unit == "labels" else "answered"
    answered, accuracy = np.asarray(answered), np.asarray(accuracy)
    if answered.size > 200:  # a screen has no more to show
        some = np.unique(np.linspace(0, answered.size - 1, 200).round().astype(int))
        answered, accuracy = answered[some], accuracy[some]

    def draw(axes: Any) -> None:
        axes.axhline(overall, ls="--", color=FAINT, lw=1.2)
        axes.text(0.01, overall, f"all {unit} {done}", va="bottom", fontsize="small")
        axes.plot(answered, accuracy, color=GOOD)
        low = min(float(accuracy.min(initial=1.0)), overall)
        axes.set(xlim=(0, 1), ylim=(max(low - 0.1 * (1 - low) - 0.01, 0), 1.005))
        axes.set_xlabel(f"{unit} {done} (%)")
        axes.set_ylabel("answers that are right (%)")
        _percents(axes.xaxis)
        _percents(axes.yaxis)

    return _chart("coverage", "Coverage against accuracy", draw)


def novelty_chart(
    thresholds: np.ndarray, known: np.ndarray, novel: np.ndarray, own: float | None
) -> str:
    """Return how many texts of known labels and of none are answered, by the threshold.

    Parameters
    ----------
    thresholds, known, novel : float64[n]
        Shares of the texts that reach each threshold.
    own : float, optional
        The threshold of the model.
    """

    def draw(axes: Any) -> None:
        axes.plot(thresholds, known, color=GOOD, label="tested on")
        axes.plot(thresholds, novel, "--", color=BAD, label="no known label")
        if own is not None:
            axes.axvline(own, ls=":", color=FAINT, lw=1.6, label="model's threshold")
        axes.set(xlim=(0, 1), ylim=(0, 1.02), xlabel="threshold")
        axes.set_ylabel("texts answered (%)")
        axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize="small")
        _percents(axes.yaxis)

    return _chart("novelty", "Texts answered by the threshold", draw)


def learning_chart(curve: LearningCurve) -> str:
    """Return the accuracy by the number of training texts, and what is forecast."""
    from matplotlib.ticker import FuncFormatter, NullLocator

    def draw(axes: Any) -> None:
        for point in curve.points:
            axes.plot(
                [point.n_texts] * len(point.accuracies), point.accuracies, "o", color=GOOD, ms=4,
                alpha=0.5, mew=0,
            )  # fmt: skip
        sizes = [point.n_texts for point in curve.points]
        means = [point.accuracy for point in curve.points]
        axes.plot(sizes, means, "o-", color=GOOD, ms=6, label="measured")
        ticks = list(sizes)
        if curve.forecast is not None:
            more = 2 * sizes[-1]
            xs = np.geomspace(sizes[0], more, 60)
            axes.plot(xs, curve.forecast.accuracy(xs), ":", color=BAD, label="power law")
            base = means[-1]
            middle = base + curve.forecast.gain
            ends = sorted((base + curve.forecast.low, base + curve.forecast.high))
            axes.plot([more, more], ends, "-", color=BAD, lw=4, alpha=0.6)
            axes.plot(more, middle, "D", color=BAD, ms=6)
            ticks.append(more)
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks)
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.set_xlabel("training texts")
        axes.set_ylabel("accuracy (%)")
        axes.legend(loc="lower right")
        _percents(axes.yaxis, 1)

    return _chart("learning", "Learning curve", draw)


def _percents(axis: Any, digits: int = 0) -> None:
    """Write the numbers of an axis as percents."""
    from matplotlib.ticker import FuncFormatter

    axis.set_major_formatter(FuncFormatter(lambda x, _: f"{100 * x:.{digits}f}"))


def _chart(name: str, title: str, draw: Callable[[Any], None]) -> str:
    """Return a chart as a piece of SVG."""
    import matplotlib
    from matplotlib.figure import Figure

    settings: Any = {**_SETTINGS, "svg.hashsalt": name}
    with matplotlib.rc_context(settings), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        figure = Figure(figsize=SIZE, layout="constrained")
        draw(figure.add_subplot())
        file = io.BytesIO()
        figure.savefig(file, format="svg", metadata={"Date": None})
    return page_svg(file.getvalue().decode("utf-8"), name, title)


def page_svg(svg: str, name: str, title: str) -> str:
    """Return a file of SVG as a piece of a page: its colours and fonts are the page's.

    Parameters
    ----------
    svg : str
        As matplotlib writes it.
    name : str
        What its ids begin with, so that several charts of a page have different ones.
    title : str
        For those who cannot see it; without signs of HTML.
    """
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'((?:xlink:)?href)="#', rf'\1="#{name}-', svg)
    svg = re.sub(r"url\(#", f"url(#{name}-", svg)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font: ([\d.]+)px [^;\"]*", r"font-size: \1px", svg)
    svg = re.sub(r"font-family: [^;\"]*;? ?", "", svg)
    svg = re.sub(r"\n(?! *<)", " ", svg)
    for sentinel, variable in SENTINELS.items():
        svg = svg.replace(sentinel, variable)
    head = f'<svg role="img" aria-label="{title}" class="chart"'
    return svg.replace("<svg", head, 1).strip()
