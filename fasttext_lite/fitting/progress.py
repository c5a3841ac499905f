"""A progress bar for training: share done, texts per second, loss, time left."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fasttext_lite.training.history import Progress


@contextmanager
def progress_bar(n_steps: int, show: bool | None = None) -> Iterator[Callable[[Progress], None]]:
    """Yield a training callback that draws a bar on stderr.

    Parameters
    ----------
    n_steps : int
        Texts times epochs.
    show : bool, optional
        Default: only where stderr is a terminal.
    """
    if show is None:
        show = sys.stderr is not None and sys.stderr.isatty()
    if not show:
        yield lambda progress: None
        return
    from tqdm import tqdm

    with tqdm(total=n_steps, unit=" texts", unit_scale=True, file=sys.stderr, leave=False) as bar:

        def update(progress: Progress) -> None:
            bar.set_postfix_str(
                f"epoch {progress.epoch} loss {progress.loss:.4f} lr {progress.lr:.4f}",
                refresh=False,
            )
            bar.update(int(progress.fraction * n_steps) - bar.n)

        yield update
