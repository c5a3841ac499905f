"""``python -m fasttext_lite.cli``: the command line."""

import sys

from fasttext_lite.cli.app import main

sys.exit(main())
