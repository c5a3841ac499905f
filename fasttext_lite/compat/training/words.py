"""Train word vectors as ``fasttext skipgram`` and ``fasttext cbow`` do: from a text to a model.

Facts: fastText 0.9.2, fasttext.cc and dictionary.cc.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.binary import ModelParts
from fasttext_lite.compat.files.dictionary import Dictionary
from fasttext_lite.compat.files.tables import DenseTable
from fasttext_lite.compat.kernels import word_rows
from fasttext_lite.compat.model import FastTextModel
from fasttext_lite.compat.training.progress import Callback, CommandProgress
from fasttext_lite.compat.training.text import TrainingText, opened
from fasttext_lite.compat.training.word_loop import WordProgress, fill_uniform, train_vectors
from fasttext_lite.parallel import run_blocks

LISTED_BYTES = 1 << 20  # of text listed at a time


def train_unsupervised(
    args: Args,
    *,
    callback: Callback | None = None,
    on_dictionary: Callable[[Dictionary], None] | None = None,
) -> FastTextModel:
    """Train word vectors as ``fasttext skipgram`` and ``fasttext cbow`` do.

    Parameters
    ----------
    args : Args
        With the `model` "sg" or "cbow"; `input` is a file, plain or gzipped.
    callback : callable, optional
        Called with a `CommandProgress` now and then.
    on_dictionary : callable, optional
        Called with the dictionary before training begins.

    Raises
    ------
    InputError
        If an argument or the file does not do.
    TrainingError
        If there is nothing to learn from, or training diverges.
    """
    n_threads = args.n_threads
    begin = time.perf_counter()

    def report(now: WordProgress) -> None:
        assert callback is not None
        left = (time.perf_counter() - begin) * (1 - now.fraction) / max(now.fraction, 1e-9)
        rate = now.tokens_per_second / n_threads
        callback(CommandProgress(now.fraction, now.loss, now.lr, rate, left))

    with opened(args, on_dictionary) as text:
        return train_word_model(text, None if callback is None else report)


def train_word_model(
    text: TrainingText, callback: Callable[[WordProgress], None] | None = None
) -> FastTextModel:
    """Train word vectors on a text whose dictionary is known.

    Rows of buckets that no word of the vocabulary uses are zero; fastText leaves the random
    numbers there that it began with.

    Parameters
    ----------
    text : TrainingText
        The rows of words that have pretrained vectors begin there.
    callback : callable, optional
        See `train_vectors`.

    Raises
    ------
    TrainingError
        If there is nothing to learn from, or training diverges.
    """
    args, dictionary = text.args, text.dictionary
    n_words = dictionary.n_words
    n_threads = args.n_threads
    counts = dictionary.counts[:n_words]
    tokens, starts = list_tokens(dictionary, text.data, n_threads)
    rows, indptr = list_subwords(dictionary)
    rows, used = compact_rows(rows, indptr, dictionary.n_rows)
    table = None
    if text.vectors is not None:
        table = np.empty((used.size, args.dim), np.float32)
        fill_uniform(table, args.seed)
        for word, vector in zip(*text.vectors, strict=True):
            row = dictionary.find(word)
            if 0 <= row < n_words:
                table[row] = vector
    inputs, outputs, _ = train_vectors(
        tokens, starts, counts, rows, indptr, dictionary.n_tokens, args, n_threads=n_threads,
        vectors=table, callback=callback,
    )  # fmt: skip
    places = None
    if used.size < dictionary.n_rows:
        places = np.full(dictionary.n_rows, -1, np.int32)
        places[used] = np.arange(used.size, dtype=np.int32)
    elif not np.array_equal(used, np.arange(used.size)):
        inputs = inputs[np.argsort(used)]
    return FastTextModel(
        ModelParts(args, dictionary, DenseTable.of(inputs, places), DenseTable.of(outputs))
    )


def list_tokens(
    dictionary: Dictionary, data: np.ndarray, n_threads: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of all words and labels of a text that the dictionary has.

    Parameters
    ----------
    dictionary : Dictionary
    data : uint8[n_bytes]
        Read-only.
    n_threads : int

    Returns
    -------
    tokens : int32[n_tokens]
    starts : int64[n_lines + 1]
        Of the lines in `tokens`. A line ends with </s>, if that is in the dictionary; else all
        text is one line, as fastText reads it.
    """
    edges = [0]
    while edges[-1] < data.size:
        edge = min(edges[-1] + LISTED_BYTES, data.size)
        edges.append(int(word_rows.next_space(data, edge)))
    parts: list[tuple[np.ndarray, np.ndarray]] = [(np.empty(0, np.int32), np.empty(0, np.int64))]
    parts *= len(edges) - 1
    lexicon = dictionary.lexicon

    def work(block: int) -> None:
        first, last = edges[block], edges[block + 1]
        tokens, ends = np.empty(last - first, np.int32), np.empty(last - first, np.int64)
        n_tokens, n_ends = word_rows.list_tokens(data, first, last, lexicon, tokens, ends)
        parts[block] = tokens[:n_tokens].copy(), ends[:n_ends].copy()

    run_blocks(work, len(parts), n_threads)
    sizes = np.cumsum([0, *(tokens.size for tokens, _ in parts)], dtype=np.int64)
    tokens = np.empty(sizes[-1], np.int32)
    starts = [np.zeros(1, np.int64)]
    for i, size in enumerate(sizes[:-1]):
        part, ends = parts[i]
        tokens[size : sizes[i + 1]] = part
        starts.append(size + ends)
        parts[i] = starts[0], starts[0]  # its memory is free
    found = np.concatenate(starts)
    return tokens, found if found[-1] == tokens.size else np.append(found, tokens.size)


def list_subwords(dictionary: Dictionary) -> tuple[np.ndarray, np.ndarray]:
    """Return the input rows of each word: its own, and those of its character n-grams.

    Returns
    -------
    rows : int32[], indptr : int64[n_words + 1]
    """
    n_words = dictionary.n_words
    indptr = np.zeros(n_words + 1, np.int64)
    rows = np.empty(16 * n_words + 16, np.int32)
    word = 0
    while True:
        word = int(
            word_rows.list_subwords(
                dictionary.pool, dictionary.offsets, n_words, word, dictionary.lexicon, rows, indptr
            )
        )
        if word == n_words:
            return rows[: indptr[-1]].copy(), indptr
        rows = np.append(rows[: indptr[word]], np.empty(rows.size + (1 << 16), np.int32))


def compact_rows(
    rows: np.ndarray, indptr: np.ndarray, n_rows: int
) -> tuple[np.ndarray, np.ndarray]:
    """Give the rows that words use numbers, so that others need neither memory nor time.

    Words keep their rows; the character n-grams follow in the order of their first use by
    falling word frequency, so that rows that are often needed stand together.

    Parameters
    ----------
    rows : int32[], indptr : int64[n_words + 1]
        Rows of each word in the whole table.
    n_rows : int
        Of the whole table.

    Returns
    -------
    rows : int32[]
        Their numbers.
    used : int32[n_used]
        The row of the whole table that each number stands for.
    """
    n_words = indptr.size - 1
    rows = np.array(rows, np.int32)
    used = np.empty(n_rows, np.int32)
    n_used = word_rows.number_rows(
        rows,
        np.ascontiguousarray(indptr, np.int64),
        np.int64(n_words),
        np.full(n_rows, -1, np.int32),
        used,
        np.empty(n_words, np.float32),
    )
    return rows, used[:n_used].copy()
