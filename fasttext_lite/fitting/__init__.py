"""Texts become a model: prepare once, fit as often as wanted, watched on the way."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Prepared", "Trainee"]

if TYPE_CHECKING:
    from fasttext_lite.fitting.prepared import Prepared
    from fasttext_lite.fitting.trainee import Trainee

__getattr__, __dir__ = face(
    __name__,
    {"Prepared": "fasttext_lite.fitting.prepared", "Trainee": "fasttext_lite.fitting.trainee"},
)
