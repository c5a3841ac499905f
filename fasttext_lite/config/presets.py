"""Named sets of settings to start from."""

from __future__ import annotations

from typing import Any

# fastText 0.9.2's defaults of `fasttext supervised`, in our words.
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "fasttext": {
        "analyzer": "whitespace",
        "lowercase": False,
        "eos": True,
        "word_ngrams": 1,
        "boundaries": False,
        "min_df": 1,
        "max_features": 0,
        "minn": 0,
        "maxn": 0,
        "pooling": "mean",
        "char_energy": 1.0,
        "pseudo_count": 1.0,
        "recipe": "fixed",
        "supervision": 0.0,
        "bias": False,
        "dim": 100,
        "loss": "softmax",
        "tree": "huffman",
        "label_smoothing": 0.0,
        "lr": 0.1,
        "shuffle": False,
        "init": "input",
        "dtype": "float32",
    },
}
