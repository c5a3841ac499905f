"""Training and prediction on a cluster of Dask.

>>> from fasttext_lite.distributed import DaskFastTextClassifier  # doctest: +SKIP
>>> model = DaskFastTextClassifier(random_state=0).fit(frame)  # doctest: +SKIP
>>> model.to_local().save("model.ftl")  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["DaskFastTextClassifier"]

if TYPE_CHECKING:
    from fasttext_lite.distributed.classifier import DaskFastTextClassifier

__getattr__, __dir__ = face(
    __name__, {"DaskFastTextClassifier": "fasttext_lite.distributed.classifier"}
)
