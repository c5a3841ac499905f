"""What is shown while training runs: a bar (share, texts per second, loss, time left), epochs."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.parallel import bar_class

if TYPE_CHECKING:
    from tqdm import tqdm

    from fasttext_lite.config.fields import Config
    from fasttext_lite.fitting.report import EpochReport
    from fasttext_lite.training.history import Progress


@contextmanager
def progress_bar(
    n_steps: int, show: bool | None = None, name: str = "", waits: bool = False
) -> Iterator[Callable[[Progress], None]]:
    """Yield a training callback that draws a bar on stderr.

    Parameters
    ----------
    n_steps : int
        Texts times epochs.
    show : bool, optional
        Default: only where stderr is a terminal.
    name : str
        What the bar begins with.
    waits : bool
        Whether lines are printed before training begins, and the number of texts is not known
        yet: the bar comes with the first step, and tells the share alone.
    """
    if show is None:
        show = sys.stderr is not None and sys.stderr.isatty()
    if not show:
        yield lambda progress: None
        return
    draw = bar_class()

    def begin() -> tqdm:
        return draw(
            total=n_steps, desc=name.rstrip(": ") or None, unit=" texts", unit_scale=True,
            file=sys.stderr, leave=False,
            bar_format="{l_bar}{bar}| [{elapsed}<{remaining}{postfix}]" if waits else None,
        )  # fmt: skip

    with ExitStack() as stack:
        bar = None if waits else stack.enter_context(begin())

        def update(progress: Progress) -> None:
            nonlocal bar
            if bar is None:
                bar = stack.enter_context(begin())
            bar.set_postfix_str(
                f"epoch {progress.epoch} loss {progress.loss:.4f} lr {progress.lr:.4f}",
                refresh=False,
            )
            bar.update(int(progress.fraction * n_steps) - bar.n)

        yield update


def show_epoch(n_epochs: int, report: EpochReport, before: str = "") -> None:
    """Print an epoch's line on stderr, above the progress bar if there is one.

    Parameters
    ----------
    n_epochs : int
        Of the whole training.
    report : EpochReport
    before : str
        What the line begins with.
    """
    if sys.stderr is None:
        return
    line = before + report.line(n_epochs)
    with suppress(OSError):  # training goes on though nobody reads
        if "tqdm" not in sys.modules:
            sys.stderr.write(f"{line}\n")
            sys.stderr.flush()
            return
        bar_class().write(line, file=sys.stderr)


def shown(watch: Watch | None, config: Config, before: str = "") -> Watch | None:
    """Return a watch that prints each epoch as well; None where nobody watches the training.

    A report takes time, so there is none unless somebody has asked for one: with validation data,
    callbacks or patience.

    Parameters
    ----------
    watch : Watch, optional
    config : Config
    before : str
        See `show_epoch`.
    """
    if watch is None and config.patience is None:
        return None
    watch, show = watch or Watch(), partial(show_epoch, config.epochs, before=before)
    return dataclasses.replace(watch, callbacks=(show, *watch.callbacks))
