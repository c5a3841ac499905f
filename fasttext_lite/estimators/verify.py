"""Look at every byte of a model file: `verify`, and ``fasttext-lite info --verify``."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from fasttext_lite.errors import ModelError
from fasttext_lite.model.magic import is_fasttext

_FASTTEXT = "model of fastText"  # kind of a file


@dataclass(frozen=True)
class Verified:
    """What was found of a model file that is not damaged, as far as one can tell.

    Attributes
    ----------
    path : str
    size : int
        In bytes.
    kind : str
        "model", "quantised model", "ensemble", or "model of fastText".
    has_checksums : bool
        Whether each byte was compared with a checksum.  Without, it is known that the parts fit
        together, that indexes are in range and that numbers are finite: a number that was changed
        into another one is not noticed.
    """

    path: str
    size: int
    kind: str
    has_checksums: bool

    def line(self) -> str:
        """Return it as text."""
        what = f"{self.path}: {self.kind}, {self.size:,} bytes: "
        if self.has_checksums:
            return what + "every byte is what was written"
        what += "nothing is wrong with its structure and its numbers; "
        if self.kind == _FASTTEXT:
            return what + "its format has no checksums that would tell more"
        return what + "it has no checksums that would tell more (models that are saved now have)"


def verify(path: str | os.PathLike[str]) -> Verified:
    """Read all of a model file, and check what can be checked.

    Parameters
    ----------
    path : path-like
        Of a model or an ensemble of this package, or a model of fastText.

    Returns
    -------
    Verified

    Raises
    ------
    ModelError
        If it is damaged (the message names the array and the place), cut, of another kind, or of a
        newer format.
    """
    path = os.fsdecode(path)
    if is_fasttext(path):
        return _fasttext(path)
    from fasttext_lite.estimators.ensemble_file import read_ensemble
    from fasttext_lite.model.checksums import KEY
    from fasttext_lite.model.storage import ENSEMBLE_KEY, load_model, read_header

    key, header = read_header(path)
    if key == ENSEMBLE_KEY:
        read_ensemble(path, mmap=False)
        kind = "ensemble"
    else:
        model = load_model(path, mmap=False)
        kind = "model" if model.packed is None else "quantised model"
    return Verified(path, os.path.getsize(path), kind, KEY in header)


def _fasttext(path: str) -> Verified:
    """Check a model of fastText: its structure is when it is read, its numbers are here."""
    from fasttext_lite.compat.files.tables import DenseTable
    from fasttext_lite.compat.model import FastTextModel

    model = FastTextModel.load(path)
    for name, table in (("input", model.input), ("output", model.output)):
        parts = table.chunks() if isinstance(table, DenseTable) else [table.quantizer.centroids]
        if not all(np.isfinite(part).all() for part in parts):
            raise ModelError(
                f"{path}: the model file is damaged: its {name} table holds values that are not "
                "finite"
            )
    return Verified(path, os.path.getsize(path), _FASTTEXT, False)
