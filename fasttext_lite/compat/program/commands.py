"""fastText's commands: the same words behind ``fasttext-lite``, the same bytes on stdout.

main.cc and args.cc of fastText 0.9.2.  Heavy imports stand inside the commands, so that their
help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from fasttext_lite.compat.program.predict import predict, test
from fasttext_lite.compat.program.streams import write
from fasttext_lite.compat.program.train import quantize, train
from fasttext_lite.compat.program.usage import COMMANDS, usage
from fasttext_lite.compat.program.vectors import (
    analogies,
    dump,
    neighbors,
    print_ngrams,
    print_sentence_vectors,
    print_word_vectors,
)

# What runs each of `COMMANDS`, given its name and the words behind it.
FUNCTIONS: dict[str, Callable[[str, list[str]], None]] = {
    "supervised": train,
    "quantize": quantize,
    "test": test,
    "test-label": test,
    "predict": predict,
    "predict-prob": predict,
    "skipgram": train,
    "cbow": train,
    "print-word-vectors": print_word_vectors,
    "print-sentence-vectors": print_sentence_vectors,
    "print-ngrams": print_ngrams,
    "nn": neighbors,
    "analogies": analogies,
    "dump": dump,
}


def run(words: Sequence[str]) -> None:
    """Run one of fastText's commands.

    Parameters
    ----------
    words : sequence of str
        The command and what follows.

    Raises
    ------
    UsageError, InputError, ModelError, TrainingError
        For a mistake in the arguments or the files.
    SystemExit
        With code 2 behind the usage on stderr, if arguments are missing or too many; with 0
        behind the usage on stdout for ``--help``.
    """
    name, rest = words[0], list(words[1:])
    if any(word in ("-h", "-help", "--help") for word in rest):
        write(usage(name).encode())
        raise SystemExit(0)
    least, most = COMMANDS[name].n_words or (1, len(rest))
    if not least <= len(rest) <= most:
        if sys.stderr is not None:
            sys.stderr.write(usage(name))
        raise SystemExit(2)
    FUNCTIONS[name](name, rest)
