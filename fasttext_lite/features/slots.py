"""Which hash slots each kind of n-grams has, and the settings that kernels make codes by."""

from __future__ import annotations

import numpy as np

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.features.kernels import codes as codes_kernels


def _regions(config: Config) -> tuple[list[int], int]:
    """Return the first slot of bigrams, longer word n-grams and character n-grams; and the end.

    With pooling="blocks" each of them that is in use has `bucket` slots of its own.
    """
    if not config.uses_buckets:
        return [0, 0, 0], 0
    if config.pooling != "blocks":
        return [0, 0, 0], config.bucket
    assert config.word_ngrams is not None
    used = np.array([config.word_ngrams > 1, config.word_ngrams > 2, config.maxn > 0])
    ends = np.cumsum(used * config.bucket)
    return (ends - used * config.bucket).tolist(), int(ends[-1])


def n_slots(config: Config) -> int:
    """Return the number of hash slots."""
    return _regions(config)[1]


def code_options(config: Config) -> np.ndarray:
    """Return `options` of `features.kernels`; of a vocabulary without </s> and no rows yet.

    Returns
    -------
    int64[N_OPTIONS]
    """
    assert config.word_ngrams is not None
    options = np.empty(codes_kernels.N_OPTIONS, np.int64)
    options[codes_kernels.WORD_NGRAMS] = config.word_ngrams
    options[codes_kernels.MINN] = max(config.minn, 1) if config.maxn else 1
    options[codes_kernels.MAXN] = config.maxn
    options[codes_kernels.BUCKET] = config.bucket
    options[codes_kernels.WITH_EOS] = config.eos
    options[codes_kernels.LEAST_CHARS] = ANALYZERS[config.analyzer].least_subword_chars
    options[codes_kernels.WITH_ENDS] = config.boundaries
    options[codes_kernels.CHAR_ENERGY] = round(100 * (config.char_energy or 1))
    begins, end = _regions(config)
    options[[codes_kernels.BIGRAMS, codes_kernels.LONGER, codes_kernels.CHARS]] = begins
    options[codes_kernels.BIAS] = end if config.bias else -1
    options[[codes_kernels.EOS_WORD, codes_kernels.BIAS_ROW]] = -1
    return options
