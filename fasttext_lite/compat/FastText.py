"""``fasttext.FastText``: all names of `compat.python.functions` under its own."""  # noqa: N999

from fasttext_lite.compat.python import functions
from fasttext_lite.compat.python.functions import *  # noqa: F403

__all__ = functions.__all__
