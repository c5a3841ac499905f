"""Texts become a model: prepare once, fit as often as wanted, watched on the way."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Prepared", "Trainee"]

if TYPE_CHECKING:
    from fasttext_lite.fitting.fit import Trainee
    from fasttext_lite.fitting.prepare import Prepared

__getattr__, __dir__ = face(
    __name__, {"Prepared": "fasttext_lite.fitting.prepare", "Trainee": "fasttext_lite.fitting.fit"}
)
