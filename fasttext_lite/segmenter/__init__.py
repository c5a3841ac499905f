"""Chinese text cut into words: jieba's segmentation, compiled."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["LibrarySegmenter", "Segmenter"]

if TYPE_CHECKING:
    from fasttext_lite.segmenter.compiled import Segmenter
    from fasttext_lite.segmenter.library import LibrarySegmenter

__getattr__, __dir__ = face(
    __name__,
    {
        "LibrarySegmenter": "fasttext_lite.segmenter.library",
        "Segmenter": "fasttext_lite.segmenter.compiled",
    },
)
