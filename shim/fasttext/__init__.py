"""fastText's module, by fasttext-lite (fasttext_lite.compat)."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fasttext_lite.compat import named

if TYPE_CHECKING:
    from fasttext_lite.compat import BOW as BOW
    from fasttext_lite.compat import EOS as EOS
    from fasttext_lite.compat import EOW as EOW
    from fasttext_lite.compat import cbow as cbow
    from fasttext_lite.compat import load_model as load_model
    from fasttext_lite.compat import skipgram as skipgram
    from fasttext_lite.compat import supervised as supervised
    from fasttext_lite.compat import tokenize as tokenize
    from fasttext_lite.compat import train_supervised as train_supervised
    from fasttext_lite.compat import train_unsupervised as train_unsupervised

named.refuse_others(Path(__file__).parent.parent)
named.fill(sys.modules[__name__])
