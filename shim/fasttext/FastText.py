"""fastText's module `fasttext.FastText`, by fasttext-lite."""  # noqa: N999

from fasttext_lite.compat.FastText import *  # noqa: F403
from fasttext_lite.compat.FastText import __all__ as __all__
