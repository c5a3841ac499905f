"""The one call that writes a report."""

from __future__ import annotations

import os

from fasttext_lite.disk.replacing import replacing
from fasttext_lite.evaluation.novelty import Novel
from fasttext_lite.model.model import Model
from fasttext_lite.reporting.findings import Data, Findings, find
from fasttext_lite.reporting.render import check_report, render


def write_report(
    output: str | os.PathLike[str],
    path: str,
    model: Model,
    data: Data,
    *,
    train: Data | None = None,
    against: tuple[str, Model] | None = None,
    novel: Novel | None = None,
    n_threads: int | None = None,
) -> tuple[Findings, int]:
    """Measure a model on labelled texts and write all there is to say as a page of HTML.

    Parameters
    ----------
    output : path-like
        .html or .htm.
    path, model, data, train, against, novel, n_threads
        See `findings.find`.

    Returns
    -------
    found : Findings
    n_bytes : int
        Of the page.

    Raises
    ------
    InputError
        If Jinja2 or matplotlib is missing, or the name of the page has another ending.
    OSError
        If the page cannot be written.
    """
    check_report(output)
    found = find(
        path, model, data, train=train, against=against, novel=novel, n_threads=n_threads
    )  # fmt: skip
    page = render(found)
    with replacing(output) as file:
        file.write(page)
    return found, len(page)
