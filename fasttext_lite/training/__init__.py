"""Rows and labels become weights: loop, schedule, tables; knows no model."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["History"]

if TYPE_CHECKING:
    from fasttext_lite.training.history import History

__getattr__, __dir__ = face(__name__, {"History": "fasttext_lite.training.history"})
