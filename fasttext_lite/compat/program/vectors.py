"""fastText's commands that print vectors, n-grams and neighbours."""

from __future__ import annotations

import os

from fasttext_lite.compat.program.predict import parse_k
from fasttext_lite.compat.program.streams import (
    blocks,
    load,
    pieces,
    standard_input,
    words,
    write,
)
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError

VECTOR_CHUNK = 1 << 12  # vectors printed at a time


def print_word_vectors(command: str, given: list[str]) -> None:
    """Print the vector of each word that comes."""
    from fasttext_lite.compat.program.printing import vector_lines

    model = load(given[0], command)
    for names in words(standard_input()):
        for first in range(0, len(names), VECTOR_CHUNK):
            part = names[first : first + VECTOR_CHUNK]
            write(vector_lines(part, model.word_vectors(part)))


def print_sentence_vectors(command: str, given: list[str]) -> None:
    """Print the vector of each line that comes."""
    import numpy as np

    from fasttext_lite.compat.program.printing import vector_lines

    model = load(given[0], command)
    if model.is_supervised:
        for data, starts in blocks(model, STDIN, 1):
            for first in range(0, starts.size - 1, VECTOR_CHUNK):
                part = starts[first : first + VECTOR_CHUNK + 1]
                write(vector_lines(None, model.embed(data, part)[0]))
        return
    for piece in pieces(standard_input()):
        lines = piece.removesuffix(b"\n").split(b"\n")
        for first in range(0, len(lines), VECTOR_CHUNK):
            vectors = map(model.sentence_vector, lines[first : first + VECTOR_CHUNK])
            write(vector_lines(None, np.stack(list(vectors))))


def print_ngrams(command: str, given: list[str]) -> None:
    """Print the vectors of a word's character n-grams."""
    from fasttext_lite.compat.program.printing import vector_lines

    model = load(given[0], command)
    names, rows = model.dictionary.subwords(os.fsencode(given[1]))
    # A pruned model has fewer rows than n-grams; fastText pairs them from the first on.
    pairs = [(names[i], row) for i, row in enumerate(rows) if row < model.input.shape[0]]
    if pairs:
        chosen, ids = zip(*pairs, strict=True)
        write(vector_lines(chosen, model.rows(ids)))


def neighbors(command: str, given: list[str]) -> None:
    """Run ``nn``: print the words nearest to each word that comes."""
    from fasttext_lite.compat.program.printing import pairs

    k = parse_k(given, 1, 10)
    model = load(given[0], command)
    prompt = b"Query word? "
    write(prompt)
    for names in words(standard_input()):
        for name in names:
            write(pairs(model.neighbors(name, k)) + prompt)


def analogies(command: str, given: list[str]) -> None:
    """Print the words nearest to A - B + C, for each triplet that comes."""
    from fasttext_lite.compat.program.printing import pairs

    k = parse_k(given, 1, 10)
    write(b"Loading model " + os.fsencode(given[0]) + b"\n")
    model = load(given[0], command)
    prompt = b"Query triplet (A - B + C)? "
    write(prompt)
    waiting: list[bytes] = []
    for names in words(standard_input()):
        waiting += names
        while len(waiting) >= 3:
            a, b, c = waiting[:3]
            del waiting[:3]
            write(pairs(model.analogies(a, b, c, k)) + prompt)


def dump(command: str, given: list[str]) -> None:
    """Print a part of a model."""
    from fasttext_lite.compat.files.tables import DenseTable
    from fasttext_lite.compat.program import printing

    path, part = given
    if part not in ("args", "dict", "input", "output"):
        raise UsageError(f"{part}: unknown part of a model; one of args, dict, input, output")
    model = load(path, command)
    if part == "args":
        write(printing.argument_lines(model.args))
        return
    if part == "dict":
        for lines in printing.dictionary_lines(model.dictionary):
            write(lines)
        return
    table = model.input if part == "input" else model.output
    if model.is_quantized or not isinstance(table, DenseTable):
        raise UsageError(f"{path}: dump {part}: Not supported for quantized models.")
    for lines in printing.matrix_lines(table.shape, table.chunks()):
        write(lines)
