"""fastText's commands: how each is called, and what its program prints as usage.

Light to import: the command line looks here whether a command is one of fastText's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

PROGRAM = "fasttext-lite"


class Command(NamedTuple):
    """How one of fastText's commands is called.

    Attributes
    ----------
    arguments, help : str
        As the usage shows them.
    n_words : (int, int), optional
        Fewest and most words that may follow; None for a command with flags.
    flags : tuple of str
        Names of the fields of `Args`.
    """

    arguments: str
    help: str
    n_words: tuple[int, int] | None = None
    flags: tuple[str, ...] = ()


_TRAINING = (
    "input", "output", "verbose", "min_count", "min_count_label", "word_ngrams", "bucket", "minn",
    "maxn", "t", "label", "lr", "lr_update_rate", "dim", "ws", "epoch", "neg", "loss", "thread",
    "pretrained_vectors", "save_output", "seed",
)  # fmt: skip
_AUTOTUNE = (
    "autotune_validation_file", "autotune_metric", "autotune_predictions", "autotune_duration",
    "autotune_model_size",
)  # fmt: skip
_QUANTIZE = (
    "output", "input", "verbose", "cutoff", "retrain", "epoch", "lr", "thread", "qnorm", "qout",
    "dsub",
)  # fmt: skip
_TOP = "MODEL FILE [K] [THRESHOLD]"
_TRAIN = "-input FILE -output PREFIX [-FLAG VALUE ...]"

COMMANDS = {
    "supervised": Command(
        _TRAIN,
        "Train a classifier; writes PREFIX.bin and PREFIX.vec.",
        flags=_TRAINING + _AUTOTUNE,
    ),
    "quantize": Command(
        "-output PREFIX [-input FILE] [-FLAG VALUE ...]",
        "Make the classifier PREFIX.bin small; writes PREFIX.ftz.",
        flags=_QUANTIZE,
    ),
    "test": Command(_TOP, "Print how many lines were tested, precision and recall.", (2, 4)),
    "test-label": Command(
        _TOP, "Print F1, precision and recall of each label, then of all.", (2, 4)
    ),
    "predict": Command(
        _TOP, "Print the K best labels of each line, those of at least the threshold.", (2, 4)
    ),
    "predict-prob": Command(
        _TOP, "Print the K best labels of each line with their probabilities.", (2, 4)
    ),
    "skipgram": Command(
        _TRAIN,
        "Train word vectors from the words around each; writes PREFIX.bin and PREFIX.vec.",
        flags=_TRAINING,
    ),
    "cbow": Command(
        _TRAIN,
        "Train word vectors from sums of the words around; writes PREFIX.bin and PREFIX.vec.",
        flags=_TRAINING,
    ),
    "print-word-vectors": Command(
        "MODEL  (words on stdin)", "Print the vector of each word.", (1, 1)
    ),
    "print-sentence-vectors": Command(
        "MODEL  (lines on stdin)", "Print the vector of each line.", (1, 1)
    ),
    "print-ngrams": Command(
        "MODEL WORD", "Print the vectors of a word's character n-grams.", (2, 2)
    ),
    "nn": Command(
        "MODEL [K]  (words on stdin)", "Print the K (10) words nearest to each word.", (1, 2)
    ),
    "analogies": Command(
        "MODEL [K]  (triplets of words on stdin)",
        "Print the K (10) words nearest to A - B + C.",
        (1, 2),
    ),
    "dump": Command("MODEL args|dict|input|output", "Print a part of a model.", (2, 2)),
}

_FLAG_HELP = {
    "input": "file to train on",
    "output": "files to write, without their ending",
    "verbose": "0: silent, 1: the end, 2: progress as well",
    "min_count": "drop words rarer than this",
    "min_count_label": "drop labels rarer than this",
    "word_ngrams": "most words of an n-gram",
    "bucket": "rows of the table that n-grams share",
    "minn": "fewest characters of an n-gram",
    "maxn": "most characters of an n-gram; 0: none",
    "t": "frequency above which words are skipped at times",
    "label": "what labels begin with",
    "lr": "learning rate at the start",
    "lr_update_rate": "words between two changes of the learning rate",
    "dim": "numbers of a vector",
    "ws": "most words to either side",
    "epoch": "passes over the file",
    "neg": "wrong words drawn for each right one",
    "loss": "ns, hs, softmax, one-vs-all (ova)",
    "thread": "threads; 0: all processors; 1 makes results reproducible",
    "pretrained_vectors": "word vectors to start from, .vec",
    "save_output": "write PREFIX.output, the vectors of the labels",
    "seed": "of the random numbers",
    "autotune_validation_file": "search settings that do well on this file",
    "autotune_metric": "f1, f1:LABEL, precisionAtRecall:P[:LABEL], recallAtPrecision:P[:LABEL]",
    "autotune_predictions": "labels predicted of each line",
    "autotune_duration": "seconds",
    "autotune_model_size": "largest file, as 2M; the model is quantised",
    "cutoff": "words and n-grams to keep; 0: all",
    "retrain": "train on after the cutoff, on -input",
    "qnorm": "quantise lengths apart",
    "qout": "quantise the labels' vectors, too",
    "dsub": "numbers of each part of a vector",
}


def usage(name: str) -> str:
    """Return how a command is called, with its flags and their defaults."""
    from fasttext_lite.compat.files.arguments import FIELDS, Args

    command = COMMANDS[name]
    text = f"usage: {PROGRAM} {name} {command.arguments}\n\n{command.help}\n"
    if "FILE [K]" in command.arguments:
        text += "\nFILE - is standard input. K is 1 (-1: all labels), THRESHOLD 0.\n"
    if not command.flags:
        return text
    args = Args.supervised() if name == "supervised" else Args()
    lines = []
    for flag in command.flags:
        value = getattr(args, flag)
        default = f"[{'off' if value is False else value}]" if value != "" else ""
        lines.append(f"  -{FIELDS[flag].metadata['flag']:<21}{_FLAG_HELP[flag]} {default}".rstrip())
    return text + "\n" + "\n".join(lines) + "\n"


# Commands of ours, too: what follows says whose is meant.
SHARED = ("test", "predict", "quantize")


def is_number(word: str) -> bool:
    """Return whether a word can be K or THRESHOLD."""
    try:
        float(word)
    except ValueError:
        return False
    return True


def takes(words: Sequence[str]) -> bool:
    """Return whether a command line is one of fastText's, and not of ours.

    Parameters
    ----------
    words : sequence of str
        The command and what follows.
    """
    from fasttext_lite.corpus import STDIN
    from fasttext_lite.model.magic import is_fasttext

    name, rest = words[0], words[1:]
    if name not in COMMANDS:
        return False
    if name not in SHARED:
        return True
    if name == "quantize":
        from fasttext_lite.compat.files.arguments import BY_FLAG

        return any(word[:1] == "-" and len(word) > 2 and word[1:] in BY_FLAG for word in rest)
    paths, numbers = rest[:2], rest[2:]
    if any(word.startswith("-") and word != STDIN for word in paths):
        return False
    theirs = len(paths) == 2 and is_fasttext(paths[0])
    if not numbers:
        return theirs
    if theirs and len(numbers) <= 2:  # a word that is no number is for theirs to refuse
        return not any(word.startswith("-") and not is_number(word) for word in numbers)
    return len(numbers) <= 2 and all(map(is_number, numbers))
