"""What fastText's command line prints: numbers as C++ streams write them, lines as bytes.

`%g` of a float32 number with six digits (five for vectors), as ``operator<<`` has it
(main.cc, vector.cc, densematrix.cc, meter.cc, fasttext.cc).  Names come as the bytes they are in
the model, whether UTF-8 or not.
"""

from __future__ import annotations

import contextlib
import math
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from fasttext_lite.compat.advice import warn_of_labels
from fasttext_lite.compat.files.arguments import LOSSES, STORED, Args
from fasttext_lite.compat.files.dictionary import Dictionary
from fasttext_lite.compat.meter import Meter

if TYPE_CHECKING:
    from fasttext_lite.compat.training.autotune import AutotuneTrial
    from fasttext_lite.compat.training.progress import CommandProgress

# Each byte as the character of its number: Python formats text, not bytes, quickly.
_BYTES = "latin-1"
_STORED_FLAGS = {
    "min_count": "minCount", "word_ngrams": "wordNgrams", "lr_update_rate": "lrUpdateRate",
}  # fmt: skip


class Names:
    """Names of labels, ready to be printed.

    Parameters
    ----------
    names : sequence of bytes
    """

    def __init__(self, names: Sequence[bytes]) -> None:
        self._alone = names
        self._lines = [name + b"\n" for name in [*names, b""]]  # -1 finds the last
        self._before_number = [name.decode(_BYTES) + " " for name in names]

    def lines(self, labels: np.ndarray) -> bytes:
        """Return a line of labels for each example.

        Parameters
        ----------
        labels : int32[n_examples, k]
            -1 behind the last.
        """
        if labels.shape[1] == 1:
            return b"".join(map(self._lines.__getitem__, labels[:, 0].tolist()))
        names = self._alone
        lines = [b" ".join([names[i] for i in row if i >= 0]) + b"\n" for row in labels.tolist()]
        return b"".join(lines)

    def lines_with_numbers(self, labels: np.ndarray, numbers: np.ndarray) -> bytes:
        """Return a line of labels and their numbers for each example.

        Parameters
        ----------
        labels : int32[n_examples, k]
            -1 behind the last.
        numbers : float32[n_examples, k]
        """
        known = labels >= 0
        counts = np.count_nonzero(known, axis=1).tolist()
        forms = [" ".join(["%s%.6g"] * n) + "\n" for n in range(labels.shape[1] + 1)]
        values: list[str | float] = [0.0] * (2 * sum(counts))
        values[::2] = map(self._before_number.__getitem__, labels[known].tolist())
        values[1::2] = numbers[known].tolist()
        form = "".join(map(forms.__getitem__, counts))
        return (form % tuple(values)).encode(_BYTES)


def pairs(found: Iterable[tuple[float, bytes]]) -> bytes:
    """Return a line for each word and its number."""
    return b"".join([b"%s %.6g\n" % (name, number) for number, name in found])


def vector_lines(names: Sequence[bytes] | None, vectors: np.ndarray) -> bytes:
    """Return a line for each vector, with its name in front if there are names.

    Parameters
    ----------
    names : sequence of bytes, optional
    vectors : float32[n, dim]
    """
    n, dim = vectors.shape
    form = "%.5g " * dim + "\n"
    if names is None:
        return (form * n % tuple(vectors.reshape(-1).tolist())).encode(_BYTES)
    rows = zip(names, vectors.tolist(), strict=True)
    return b"".join([name + b" " + (form % tuple(row)).encode(_BYTES) for name, row in rows])


def matrix_lines(shape: tuple[int, int], chunks: Iterable[np.ndarray]) -> Iterator[bytes]:
    """Yield a table as ``dump`` prints it: its shape, then its rows."""
    yield b"%d %d\n" % shape
    form = " ".join(["%.6g"] * shape[1]) + "\n"
    for chunk in chunks:
        yield (form * len(chunk) % tuple(chunk.reshape(-1).tolist())).encode(_BYTES)


def argument_lines(args: Args) -> bytes:
    """Return the arguments that a model file holds as ``dump`` prints them."""
    lines = []
    for name in STORED:
        value = getattr(args, name)
        if name == "t":
            value = f"{value:.6g}"
        elif name == "loss":
            value = LOSSES[value].full_name
        lines.append(f"{_STORED_FLAGS.get(name, name)} {value}\n")
    return "".join(lines).encode()


def dictionary_lines(dictionary: Dictionary) -> Iterator[bytes]:
    """Yield words and labels with their counts as ``dump`` prints them."""
    yield b"%d\n" % dictionary.size
    counts = dictionary.counts.tolist()
    for names, kind, first in (
        (dictionary.words, b"word", 0),
        (dictionary.labels, b"label", dictionary.n_words),
    ):
        yield b"".join(
            [b"%s %d %s\n" % (name, counts[first + i], kind) for i, name in enumerate(names)]
        )


def summary(meter: Meter, k: int, form: str = ".3g") -> bytes:
    """Return the lines of ``test``; those of ``test-label`` end in them in the form ``.3f``."""
    counts = meter.counts()
    return (
        f"N\t{meter.n_examples}\nP@{k}\t{counts.precision:{form}}\nR@{k}\t{counts.recall:{form}}\n"
    ).encode()


def label_lines(meter: Meter) -> bytes:
    """Return a line for each label: F1, precision, recall."""
    lines = []
    for i, name in enumerate(meter.dictionary.labels):
        counts = meter.counts(i)
        lines.append(
            b"F1-Score : %s  Precision : %s  Recall : %s   %s\n"
            % (*map(_metric, (counts.f1_score, counts.precision, counts.recall)), name)
        )
    return b"".join(lines)


def _metric(value: float) -> bytes:
    return b"%.6f" % value if math.isfinite(value) else b"--------"


def progress_line(
    fraction: float, loss: float, lr: float, words_per_second: float, eta: float
) -> str:
    """Return fastText's line of progress (fasttext.cc, printInfo; utils.cc, ClockPrint).

    Parameters
    ----------
    fraction : float
        From 0 to 1.
    loss, lr : float
    words_per_second : float
        Of each thread.
    eta : float
        Seconds to go.
    """
    return (
        f"Progress: {100 * fraction:5.1f}% words/sec/thread: {int(words_per_second):7d} "
        f"lr: {lr:9.6f} avg.loss: {loss:9.6f} ETA: {_clock(eta)}"
    )


def search_line(fraction: float, n_trials: int, best: float | None, eta: float) -> str:
    """Return fastText's line of progress of a search (autotune.cc, printInfo).

    Parameters
    ----------
    fraction : float
        Of the time, from 0 to 1.
    n_trials : int
    best : float, optional
        Best score.
    eta : float
        Seconds to go.
    """
    score = "  unknown" if best is None else f"{best:9.6f}"
    return (
        f"Progress: {100 * fraction:5.1f}% Trials: {n_trials:4d} Best score: {score} "
        f"ETA: {_clock(eta)}"
    )


def _clock(seconds: float) -> str:
    hours, rest = divmod(max(int(seconds), 0), 3600)
    return f"{hours:3d}h{rest // 60:2d}m{rest % 60:2d}s"


class Report:
    """What training tells on stderr, as far as ``-verbose`` asks for it."""

    INTERVAL = 0.1  # seconds between two lines of progress

    def __init__(self, verbose: int, args: Args | None = None) -> None:
        self._args = args  # until something is said about the labels
        self.verbose = verbose if sys.stderr is not None else 0
        self.last: Any = None
        self._due = 0.0
        self._open = False

    def _write(self, text: str) -> None:
        with contextlib.suppress(OSError):  # nobody listens, or the disk behind it is full
            sys.stderr.write(text)
            sys.stderr.flush()

    def dictionary(self, dictionary: Dictionary) -> None:
        """Print the size of the dictionary, and what looks wrong with its labels."""
        if self._args is not None:
            warn_of_labels(dictionary, self._args)
            self._args = None
        if self.verbose > 0:
            self._write(
                f"\rRead {dictionary.n_tokens // 1_000_000}M words\n"
                f"Number of words:  {dictionary.n_words}\n"
                f"Number of labels: {dictionary.n_labels}\n"
            )

    def progress(self, progress: CommandProgress) -> None:
        """Take note of progress, and print it if it is time."""
        self.last = progress
        if self.verbose > 1 and time.monotonic() >= self._due:
            self._due = time.monotonic() + self.INTERVAL
            self._print(progress.fraction, progress.lr, progress.eta)

    def trial(self, trial: AutotuneTrial) -> None:
        """Print how far a search has come."""
        if self.verbose > 0:
            fraction = min(trial.elapsed / trial.duration, 1.0)
            left = trial.duration - trial.elapsed
            self._write("\r" + search_line(fraction, trial.number, trial.best, left))
            self._open = True

    def _print(self, fraction: float, lr: float, eta: float) -> None:
        p = self.last
        self._write("\r" + progress_line(fraction, p.loss, lr, p.words_per_second, eta))
        self._open = True

    def finish(self, well: bool) -> None:
        """Print the last line, or end a line that was begun."""
        if well and self.last is not None and self.verbose > 0:
            self._print(1.0, 0.0, 0.0)
        if self._open:
            self._write("\n")
            self._open = False
