"""fastText's helpers around a model, by fasttext-lite."""

from fasttext_lite.compat.util import *  # noqa: F403
from fasttext_lite.compat.util import __all__ as __all__
