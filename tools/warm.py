"""Compile what `fasttext-lite serve` needs, into the folder of `NUMBA_CACHE_DIR`: for images.

Models of the kinds that are served most are trained on a few texts and loaded as the server does.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.fitting.fit import fit
from fasttext_lite.model.storage import save_model
from fasttext_lite.serving.models import load

ROWS = [("a", "one two three"), ("b", "four five six"), ("a", "one two"), ("b", "五 六 七")] * 5
KINDS = [
    {}, {"analyzer": "char"}, {"loss": "ova"}, {"loss": "hs"}, {"dtype": "float16"},
    {"word_ngrams": 2, "minn": 2, "maxn": 4},
]  # fmt: skip


def main() -> int:
    """Train, save and load a model of each kind; return 0."""
    texts = Texts.from_sequence([text for _, text in ROWS])
    labels = Labels.from_rows([[label] for label, _ in ROWS])
    with tempfile.TemporaryDirectory() as folder:
        for i, settings in enumerate(KINDS):
            config = Config(epochs=1, dim=8, recipe="fixed", **settings)
            path = Path(folder) / f"{i}.ftl"
            save_model(fit(texts, labels, config, n_threads=1).model, path)
            load("it", str(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
