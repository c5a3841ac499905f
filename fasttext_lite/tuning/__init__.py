"""Search for better settings under a budget of time and size."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Outcome"]

if TYPE_CHECKING:
    from fasttext_lite.tuning.search import Outcome

__getattr__, __dir__ = face(__name__, {"Outcome": "fasttext_lite.tuning.search"})
