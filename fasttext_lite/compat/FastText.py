"""``fasttext.FastText``: another name of `fasttext_lite.compat.api`."""  # noqa: N999

import sys

from fasttext_lite.compat import api

sys.modules[__name__] = api
