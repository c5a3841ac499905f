"""fastText's commands: the same words behind ``fasttext-lite``, the same bytes on stdout.

main.cc and args.cc of fastText 0.9.2.  Heavy imports stand inside the commands, so that their
help is quick.
"""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fasttext_lite.compat.arguments import BY_FLAG, FIELDS, Args, parse_flags
from fasttext_lite.errors import InputError, ModelError

if TYPE_CHECKING:
    import numpy as np

    from fasttext_lite.compat.model import FastTextModel
    from fasttext_lite.compat.printing import Report

PROGRAM = "fasttext-lite"
STDIN = "-"
CHUNK = 1 << 20  # bytes of a stream taken at a time
VECTOR_CHUNK = 1 << 12  # vectors printed at a time
SPACES = (b" ", b"\t", b"\n", b"\v", b"\f", b"\r")  # between words for vectors (std::isspace)
MAX_K = (1 << 31) - 1

_TOP = "[K] [THRESHOLD]"
_USAGE = {
    "supervised": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "skipgram": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "cbow": "-input FILE -output PREFIX [-FLAG VALUE ...]",
    "quantize": "-output PREFIX [-input FILE] [-FLAG VALUE ...]",
    "test": f"MODEL FILE {_TOP}",
    "test-label": f"MODEL FILE {_TOP}",
    "predict": f"MODEL FILE {_TOP}",
    "predict-prob": f"MODEL FILE {_TOP}",
    "print-word-vectors": "MODEL  (words on stdin)",
    "print-sentence-vectors": "MODEL  (lines on stdin)",
    "print-ngrams": "MODEL WORD",
    "nn": "MODEL [K]  (words on stdin)",
    "analogies": "MODEL [K]  (triplets of words on stdin)",
    "dump": "MODEL args|dict|input|output",
}
_WHAT = {
    "supervised": "Train a classifier; writes PREFIX.bin and PREFIX.vec.",
    "skipgram": "Train word vectors from the words around each; writes PREFIX.bin and PREFIX.vec.",
    "cbow": "Train word vectors from sums of the words around; writes PREFIX.bin and PREFIX.vec.",
    "quantize": "Make the classifier PREFIX.bin small; writes PREFIX.ftz.",
    "test": "Print how many lines were tested, precision and recall.",
    "test-label": "Print F1, precision and recall of each label, then of all.",
    "predict": "Print the K best labels of each line, those of at least the threshold.",
    "predict-prob": "Print the K best labels of each line with their probabilities.",
    "print-word-vectors": "Print the vector of each word.",
    "print-sentence-vectors": "Print the vector of each line.",
    "print-ngrams": "Print the vectors of a word's character n-grams.",
    "nn": "Print the K (10) words nearest to each word.",
    "analogies": "Print the K (10) words nearest to A - B + C.",
    "dump": "Print a part of a model.",
}
_HELP = {
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
    "thread": "threads; 1 makes results reproducible",
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
_TRAINING = (
    "input", "output", "verbose", "min_count", "min_count_label", "word_ngrams", "bucket", "minn",
    "maxn", "t", "label", "lr", "lr_update_rate", "dim", "ws", "epoch", "neg", "loss", "thread",
    "pretrained_vectors", "save_output", "seed",
)  # fmt: skip
_AUTOTUNE = tuple(name for name in FIELDS if name.startswith("autotune"))
_QUANTIZE = (
    "output", "input", "verbose", "cutoff", "retrain", "epoch", "lr", "thread", "qnorm", "qout",
    "dsub",
)  # fmt: skip
_FLAGS = {
    "supervised": _TRAINING + _AUTOTUNE,
    "skipgram": _TRAINING,
    "cbow": _TRAINING,
    "quantize": _QUANTIZE,
}
# Commands of ours that have the same name.
SHARED = ("test", "predict", "quantize")


def takes(words: Sequence[str]) -> bool:
    """Return whether a command line is one of fastText's, and not of ours.

    Parameters
    ----------
    words : sequence of str
        The command and what follows.
    """
    command, rest = words[0], words[1:]
    if command not in _USAGE:
        return False
    if command not in SHARED:
        return True
    if command == "quantize":
        return any(word[:1] == "-" and len(word) > 2 and word[1:] in BY_FLAG for word in rest)
    paths, numbers = rest[:2], rest[2:]
    if any(word.startswith("-") and word != STDIN for word in paths):
        return False
    if numbers:
        return len(numbers) <= 2 and all(map(_is_number, numbers))
    return len(paths) == 2 and is_fasttext(paths[0])


def is_fasttext(path: str) -> bool:
    """Return whether a file begins like a model of fastText (without NumPy)."""
    try:
        if not os.path.isfile(path):  # a pipe would wait, and lose what is read
            return False
        with open(path, "rb") as file:
            return file.read(4) == b"\xba\x16\x4f\x2f"
    except OSError:
        return False


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
        _write(usage(command).encode())
        raise SystemExit(0)
    least, most = _N_WORDS.get(command, (1, len(rest)))
    if not least <= len(rest) <= most:
        if sys.stderr is not None:
            sys.stderr.write(usage(command))
        raise SystemExit(2)
    _COMMANDS[command](command, rest)


def usage(command: str) -> str:
    """Return how a command is called, with its flags and their defaults."""
    text = f"usage: {PROGRAM} {command} {_USAGE[command]}\n\n{_WHAT[command]}\n"
    if command not in _FLAGS:
        more = ""
        if "FILE" in _USAGE[command]:
            more = "\nFILE - is standard input. K is 1 (-1: all labels), THRESHOLD 0.\n"
        return text + more
    args = Args.supervised() if command == "supervised" else Args()
    lines = []
    for name in _FLAGS[command]:
        value = getattr(args, name)
        default = f"[{'off' if value is False else value}]" if value != "" else ""
        lines.append(f"  -{FIELDS[name].metadata['flag']:<21}{_HELP[name]} {default}".rstrip())
    return text + "\n" + "\n".join(lines) + "\n"


# -- streams ---------------------------------------------------------------------------------


def _write(data: bytes) -> None:
    """Write bytes on stdout at once."""
    if sys.stdout is None:
        raise InputError("standard output is closed")
    if not hasattr(sys.stdout, "buffer"):  # a notebook's
        sys.stdout.write(data.decode(errors="replace"))
        return
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()


def _say(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(f"{PROGRAM}: {message}\n")


def _stdin() -> Any:
    if sys.stdin is None:
        raise InputError("standard input is closed")
    return sys.stdin.buffer


def _pieces(stream: Any, ends: Sequence[bytes] = (b"\n",)) -> Iterator[bytes]:
    """Yield what comes from a stream as soon as it is there, cut behind one of `ends`."""
    kept: list[bytes] = []
    while chunk := stream.read1(CHUNK):
        cut = max(chunk.rfind(end) for end in ends) + 1
        if cut:
            yield b"".join([*kept, chunk[:cut]])
            kept = []
        kept.append(chunk[cut:])
    if rest := b"".join(kept):
        yield rest


def _words(stream: Any) -> Iterator[list[bytes]]:
    """Yield the words of a stream, as many as have come."""
    for piece in _pieces(stream, SPACES):
        if words := piece.split():
            yield words


def _blocks(model: FastTextModel, path: str, k: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the examples of a file or of standard input, see `FastTextModel.blocks`."""
    from fasttext_lite.compat.dictionary import as_array, mapped

    if path != STDIN and not _is_pipe(path):
        with mapped(path) as data:
            yield from model.blocks(data, k)
        return
    stream = _stdin() if path == STDIN else open(path, "rb")  # noqa: SIM115 - closed below
    try:
        for piece in _pieces(stream):
            yield from model.blocks(as_array(piece), k)
    finally:
        if path != STDIN:
            stream.close()


def _is_pipe(path: str) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode) and not os.path.isdir(path)
    except OSError:
        return False  # and `mapped` says why


def _ahead(items: Iterable[Any], path: str) -> Iterator[Any]:
    """Yield items that a thread of their own makes ahead, if they come from a file.

    A thread that waits for standard input would keep the process from ending.
    """
    from fasttext_lite.parallel import ahead

    return iter(items) if path == STDIN or _is_pipe(path) else ahead(items)


def _load(path: str, command: str) -> FastTextModel:
    from fasttext_lite.compat.model import FastTextModel

    if command in SHARED and os.path.isfile(path) and not is_fasttext(path):
        raise ModelError(
            f"{path} is not a model of fastText; with one of {PROGRAM} say "
            f"{PROGRAM} {command} MODEL FILE -k K --threshold THRESHOLD"
        )
    return FastTextModel.load(path)


def _classifier(path: str, command: str) -> FastTextModel:
    model = _load(path, command)
    if not model.is_supervised:
        raise ModelError(f"{path}: Model needs to be supervised for prediction!")
    return model


# -- arguments -------------------------------------------------------------------------------


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _k(words: Sequence[str], place: int, default: int, all_labels: bool = False) -> int:
    if len(words) <= place:
        return default
    try:
        k = int(words[place])
    except ValueError:
        k = 0
    if not (1 <= k <= MAX_K or (all_labels and k == -1)):
        more = ", or -1 for all labels" if all_labels else ""
        raise InputError(f"k needs to be 1 or higher{more}; got {words[place]!r}")
    return k


def _threshold(words: Sequence[str]) -> float:
    if len(words) <= 3:
        return 0.0
    try:
        value = float(words[3])
    except ValueError:
        value = float("nan")
    if value != value:
        raise InputError(f"the threshold needs to be a number; got {words[3]!r}")
    return value


def _own_flags(options: argparse.Namespace, names: Sequence[str], instead: str) -> None:
    """Refuse flags of ours that do nothing for a model of fastText."""
    for name in names:
        if getattr(options, name, None):
            flag = "--" + name.replace("_", "-")
            raise InputError(f"{flag} is not for models of fastText; {instead}")


# -- prediction ------------------------------------------------------------------------------


def _predict(command: str, words: list[str]) -> None:
    k, threshold = _k(words, 2, 1, all_labels=True), _threshold(words)
    model = _classifier(words[0], command)
    _print_labels(model, words[1], k, threshold, command == "predict-prob")


def predict_with_options(options: argparse.Namespace) -> None:
    """Run our ``predict`` with a model of fastText: its output, with our flags."""
    _own_flags(options, ["json"], "--prob prints probabilities")
    model = _classifier(options.model, "predict")
    prefix = options.label_prefix.encode() or None
    _print_labels(
        model, options.file, options.k, options.threshold, options.prob, prefix, options.threads
    )


def _print_labels(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    with_numbers: bool,
    prefix: bytes | None = None,
    n_threads: int | None = None,
) -> None:
    from fasttext_lite.compat.dictionary import DEFAULT_LABEL
    from fasttext_lite.compat.printing import Names

    labels = model.dictionary.labels
    if prefix is not None:
        labels = [prefix + name.removeprefix(DEFAULT_LABEL.encode()) for name in labels]
    names = Names(labels)
    found = (
        model.predict(data, starts, k, threshold, n_threads)
        for data, starts in _blocks(model, path, k)
    )
    for block in _ahead(found, path):
        if with_numbers:
            _write(names.lines_with_numbers(block.labels, block.scores))
        else:
            _write(names.lines(block.labels))


def _test(command: str, words: list[str]) -> None:
    k, threshold = _k(words, 2, 1, all_labels=True), _threshold(words)
    model = _classifier(words[0], command)
    _print_metrics(model, words[1], k, threshold, command == "test-label")


def test_with_options(options: argparse.Namespace) -> None:
    """Run our ``test`` with a model of fastText: its output, with our flags."""
    from fasttext_lite.compat.dictionary import DEFAULT_LABEL

    instead = "they read fastText's files and print its metrics"
    _own_flags(options, ["json", "confusion", "multilabel"], instead)
    if options.format not in ("auto", "fasttext") or options.label_prefix != DEFAULT_LABEL:
        raise InputError(f"--format and --label-prefix are not for models of fastText; {instead}")
    model = _classifier(options.model, "test")
    _print_metrics(
        model, options.file, options.k, options.threshold, options.per_label, options.threads
    )


def _print_metrics(
    model: FastTextModel,
    path: str,
    k: int,
    threshold: float,
    per_label: bool,
    n_threads: int | None = None,
) -> None:
    import numpy as np

    from fasttext_lite.compat import printing
    from fasttext_lite.compat.meter import Meter
    from fasttext_lite.parallel import cpu_count

    meter = Meter(model.dictionary)
    n_lines = 0
    for data, starts in _blocks(model, path, k):
        examples = model.dictionary.list(data, starts, n_threads or cpu_count())
        counted = (np.diff(examples.indptr) > 0) & (np.diff(examples.label_indptr) > 0)
        if counted.any():
            meter.add(examples, model.predict(data, starts, k, threshold, n_threads), counted)
        n_lines += counted.size
    if per_label:
        _write(printing.label_lines(meter))
    _write(printing.summary(meter, k, ".3f" if per_label else ".3g"))
    if n_lines and not meter.n_examples:
        _say(f"{path}: none of {n_lines:,} lines has a label and a word that the model knows")


# -- vectors ---------------------------------------------------------------------------------


def _print_word_vectors(command: str, words: list[str]) -> None:
    from fasttext_lite.compat.printing import vector_lines

    model = _load(words[0], command)
    for names in _words(_stdin()):
        for first in range(0, len(names), VECTOR_CHUNK):
            part = names[first : first + VECTOR_CHUNK]
            _write(vector_lines(part, model.word_vectors(part)))


def _print_sentence_vectors(command: str, words: list[str]) -> None:
    import numpy as np

    from fasttext_lite.compat.printing import vector_lines

    model = _load(words[0], command)
    if model.is_supervised:
        for data, starts in _blocks(model, STDIN, 1):
            for first in range(0, starts.size - 1, VECTOR_CHUNK):
                part = starts[first : first + VECTOR_CHUNK + 1]
                _write(vector_lines(None, model.embed(data, part)[0]))
        return
    for piece in _pieces(_stdin()):
        lines = piece.removesuffix(b"\n").split(b"\n")
        for first in range(0, len(lines), VECTOR_CHUNK):
            vectors = map(model.sentence_vector, lines[first : first + VECTOR_CHUNK])
            _write(vector_lines(None, np.stack(list(vectors))))


def _print_ngrams(command: str, words: list[str]) -> None:
    from fasttext_lite.compat.printing import vector_lines

    model = _load(words[0], command)
    names, rows = model.dictionary.subwords(os.fsencode(words[1]))
    # A pruned model has fewer rows than n-grams; fastText pairs them from the first on.
    pairs = [(names[i], row) for i, row in enumerate(rows) if row < model.input.shape[0]]
    if pairs:
        chosen, ids = zip(*pairs, strict=True)
        _write(vector_lines(chosen, model.rows(ids)))


def _nn(command: str, words: list[str]) -> None:
    from fasttext_lite.compat.printing import pairs

    k = _k(words, 1, 10)
    model = _load(words[0], command)
    prompt = b"Query word? "
    _write(prompt)
    for names in _words(_stdin()):
        for name in names:
            _write(pairs(model.neighbors(name, k)) + prompt)


def _analogies(command: str, words: list[str]) -> None:
    from fasttext_lite.compat.printing import pairs

    k = _k(words, 1, 10)
    _write(b"Loading model " + os.fsencode(words[0]) + b"\n")
    model = _load(words[0], command)
    prompt = b"Query triplet (A - B + C)? "
    _write(prompt)
    waiting: list[bytes] = []
    for names in _words(_stdin()):
        waiting += names
        while len(waiting) >= 3:
            a, b, c = waiting[:3]
            del waiting[:3]
            _write(pairs(model.analogies(a, b, c, k)) + prompt)


def _dump(command: str, words: list[str]) -> None:
    from fasttext_lite.compat import printing
    from fasttext_lite.compat.tables import DenseTable

    path, part = words
    if part not in ("args", "dict", "input", "output"):
        raise InputError(f"{part}: unknown part of a model; one of args, dict, input, output")
    model = _load(path, command)
    if part == "args":
        _write(printing.argument_lines(model.args))
        return
    if part == "dict":
        for lines in printing.dictionary_lines(model.dictionary):
            _write(lines)
        return
    table = model.input if part == "input" else model.output
    if model.is_quantized or not isinstance(table, DenseTable):
        raise InputError(f"{path}: dump {part}: Not supported for quantized models.")
    for lines in printing.matrix_lines(table.shape, table.chunks()):
        _write(lines)


# -- training --------------------------------------------------------------------------------


def _train(command: str, words: list[str]) -> None:
    args, given = parse_flags(command, words)
    if not args.input or not args.output:
        raise InputError(f"{command} needs -input and -output (see {PROGRAM} {command} --help)")
    if args.input == STDIN:
        raise InputError("Cannot use stdin for training!")
    with_autotune = bool(args.autotune_validation_file)
    if with_autotune and command != "supervised":
        raise InputError(f"-autotune-validation is for supervised, not for {command}")
    small = with_autotune and bool(args.autotune_model_size)
    if small and args.save_output:
        raise InputError("Option -saveOutput is not supported for quantized models.")
    target = args.output + (".ftz" if small else ".bin")
    more = [".vec", ".output"] if args.save_output else [".vec"]
    _check_files(args, [target, *(args.output + ending for ending in more)])
    from fasttext_lite.compat.printing import Report

    report = Report(args.verbose)
    well = False
    try:
        model = _trained(args, given, report)
        well = True
    finally:
        report.finish(well)
    from fasttext_lite.compat import training

    model.save(target)
    training.write_vectors(model, args.output + ".vec")
    if args.save_output:
        training.write_output(model, args.output + ".output")


def _check_files(args: Args, targets: Sequence[str]) -> None:
    """Refuse what would be found out only after training."""
    from fasttext_lite.storage import check_writable

    if args.autotune_model_size and not args.autotune_validation_file:
        raise InputError("-autotune-modelsize needs -autotune-validation FILE")
    for target in targets:
        check_writable(target)
        for path in (args.input, args.autotune_validation_file, args.pretrained_vectors):
            both = path and os.path.exists(path) and os.path.exists(target)
            if both and os.path.samefile(path, target):
                raise InputError(f"{path}: -output would overwrite this file")


def _trained(args: Args, given: set[str], report: Report) -> FastTextModel:
    from fasttext_lite.compat import training

    if args.autotune_validation_file:
        from fasttext_lite.compat.autotune import autotune

        return autotune(args, given, callback=report.trial)[0]
    train = training.train_supervised if args.model == "sup" else training.train_unsupervised
    return train(args, callback=report.progress, on_dictionary=report.dictionary)


def _quantize(command: str, words: list[str]) -> None:
    args, _ = parse_flags(command, words)
    if not args.output:
        raise InputError(
            f"{command} needs -output, the model's file without .bin "
            f"(see {PROGRAM} {command} --help)"
        )
    if args.retrain and not args.input:
        raise InputError("-retrain needs -input, the file to train on")
    target = args.output + ".ftz"
    model = _load(args.output + ".bin", "quantize -output")
    _check_files(args, [target])
    from fasttext_lite.compat import training
    from fasttext_lite.compat.printing import Report

    report = Report(args.verbose)
    well = False
    try:
        model = training.quantize(model, args, callback=report.progress)
        well = True
    finally:
        report.finish(well)
    model.save(target)


_COMMANDS: dict[str, Callable[[str, list[str]], None]] = {
    "supervised": _train,
    "skipgram": _train,
    "cbow": _train,
    "quantize": _quantize,
    "test": _test,
    "test-label": _test,
    "predict": _predict,
    "predict-prob": _predict,
    "print-word-vectors": _print_word_vectors,
    "print-sentence-vectors": _print_sentence_vectors,
    "print-ngrams": _print_ngrams,
    "nn": _nn,
    "analogies": _analogies,
    "dump": _dump,
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
