"""Rows and labels become weights: loop, schedule, tables; knows no model."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["EpochEnd", "History", "Progress"]

if TYPE_CHECKING:
    from fasttext_lite.training.history import EpochEnd, History, Progress

__getattr__, __dir__ = face(
    __name__,
    {
        "EpochEnd": "fasttext_lite.training.history",
        "History": "fasttext_lite.training.history",
        "Progress": "fasttext_lite.training.history",
    },
)
