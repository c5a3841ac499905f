"""``fasttext.FastText``: all names of `fasttext_lite.compat.api` under fastText's own."""  # noqa: N999

from fasttext_lite.compat import api
from fasttext_lite.compat.api import *  # noqa: F403

__all__ = api.__all__
