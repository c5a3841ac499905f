"""fastText's commands: the same words behind ``fasttext-lite``, the same bytes on stdout.

main.cc and args.cc of fastText 0.9.2.  Heavy imports stand inside the commands, so that their
help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from fasttext_lite.compat.files.arguments import BY_FLAG
from fasttext_lite.compat.program.predict import is_number, run_predict, run_test
from fasttext_lite.compat.program.streams import SHARED, STDIN, is_fasttext, write
from fasttext_lite.compat.program.train import run_quantize, train_model
from fasttext_lite.compat.program.usage import USAGE, usage
from fasttext_lite.compat.program.vectors import (
    analogies,
    dump,
    nn,
    print_ngrams,
    print_sentence_vectors,
    print_word_vectors,
)


def takes(words: Sequence[str]) -> bool:
    """Return whether a command line is one of fastText's, and not of ours.

    Parameters
    ----------
    words : sequence of str
        The command and what follows.
    """
    command, rest = words[0], words[1:]
    if command not in USAGE:
        return False
    if command not in SHARED:
        return True
    if command == "quantize":
        return any(word[:1] == "-" and len(word) > 2 and word[1:] in BY_FLAG for word in rest)
    paths, numbers = rest[:2], rest[2:]
    if any(word.startswith("-") and word != STDIN for word in paths):
        return False
    if numbers:
        return len(numbers) <= 2 and all(map(is_number, numbers))
    return len(paths) == 2 and is_fasttext(paths[0])


def run(words: Sequence[str]) -> None:
    """Run one of fastText's commands.

    Parameters
    ----------
    words : sequence of str
        The command and what follows.

    Raises
    ------
    InputError, ModelError, TrainingError
        For a mistake in the arguments or the files.
    SystemExit
        With code 2 behind the usage on stderr, if arguments are missing or too many; with 0
        behind the usage on stdout for ``--help``.
    """
    command, rest = words[0], list(words[1:])
    if any(word in ("-h", "-help", "--help") for word in rest):
        write(usage(command).encode())
        raise SystemExit(0)
    least, most = _N_WORDS.get(command, (1, len(rest)))
    if not least <= len(rest) <= most:
        if sys.stderr is not None:
            sys.stderr.write(usage(command))
        raise SystemExit(2)
    _COMMANDS[command](command, rest)


_COMMANDS: dict[str, Callable[[str, list[str]], None]] = {
    "supervised": train_model,
    "skipgram": train_model,
    "cbow": train_model,
    "quantize": run_quantize,
    "test": run_test,
    "test-label": run_test,
    "predict": run_predict,
    "predict-prob": run_predict,
    "print-word-vectors": print_word_vectors,
    "print-sentence-vectors": print_sentence_vectors,
    "print-ngrams": print_ngrams,
    "nn": nn,
    "analogies": analogies,
    "dump": dump,
}

# How many words may follow those that take no flags.
_N_WORDS = {
    "test": (2, 4),
    "test-label": (2, 4),
    "predict": (2, 4),
    "predict-prob": (2, 4),
    "print-word-vectors": (1, 1),
    "print-sentence-vectors": (1, 1),
    "print-ngrams": (2, 2),
    "nn": (1, 2),
    "analogies": (1, 2),
    "dump": (2, 2),
}
