"""Words that a program added to the module jieba: segmenters here do not see them."""

from __future__ import annotations

import sys

from fasttext_lite.segmenter.compiled import Segmenter


def module_changes() -> str:
    """Return what the module jieba has that its own dictionary has not, "" for nothing.

    The module is looked at where a program has loaded it, and never imported.
    """
    module = sys.modules.get("jieba")
    tokenizer = getattr(module, "dt", None)
    if tokenizer is None:
        return ""
    if getattr(tokenizer, "dictionary", None):
        return "another main dictionary"
    initialized = getattr(tokenizer, "initialized", False)
    # A word that is added, or gets another frequency, adds to the total.
    if initialized and tokenizer.total != Segmenter.default().total:
        return "words of its own"
    return "words of its own" if getattr(module, "user_word_tag_tab", None) else ""
