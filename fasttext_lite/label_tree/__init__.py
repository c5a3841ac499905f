"""Trees over labels, for the hierarchical softmax."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["LabelTree"]

if TYPE_CHECKING:
    from fasttext_lite.label_tree.tree import LabelTree

__getattr__, __dir__ = face(__name__, {"LabelTree": "fasttext_lite.label_tree.tree"})
