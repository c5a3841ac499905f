"""The command line: ``fasttext-lite COMMAND``, each command a function here or a ``cli_*`` file.

Parse, call, print.  Results go to stdout, progress and notices to stderr.  Exit codes: 0 good,
2 the user's mistake (one line on stderr), 1 our bug, 130 interrupted.  Heavy imports stand
inside the commands: ``--help`` loads neither NumPy nor Numba.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import dataclasses
import gc
import io
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite import (
    __version__,
    cli_convert,
    cli_datasets,
    cli_predict,
    cli_quantize,
    cli_tune,
    cli_watch,
)
from fasttext_lite.cli_types import flat, text_or_file, whole
from fasttext_lite.config import PRESETS, RESOLVED, Config, field_type

if TYPE_CHECKING:
    from fasttext_lite.corpus import Corpus
    from fasttext_lite.evaluation import Evaluation
    from fasttext_lite.fitting import Prepared
    from fasttext_lite.model import Model
    from fasttext_lite.sources import ReadOptions

PROGRAM = "fasttext-lite"
FASTTEXT = (
    "supervised", "quantize", "test", "test-label", "predict", "predict-prob", "skipgram", "cbow",
    "print-word-vectors", "print-sentence-vectors", "print-ngrams", "nn", "analogies", "dump",
)  # fmt: skip


class _Parser(argparse.ArgumentParser):
    """Reports a mistake in one line."""

    def error(self, message: str) -> Any:
        """Print the message and the way to help; exit with code 2."""
        self.exit(2, f"{self.prog}: {_one_line(message)} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit code.

    Parameters
    ----------
    argv : sequence of str, optional
        Arguments without the program's name; default: those of the process.
    """
    if argv is None:
        _own_process()
    parser = _parser()
    words = sys.argv[1:] if argv is None else argv
    options = _fasttext_command(words) or parser.parse_args(words)
    if options.command is None:
        parser.print_help()
        return 0
    level = logging.ERROR if getattr(options, "quiet", False) else logging.WARNING
    logging.basicConfig(format=f"{PROGRAM}: %(message)s", level=level, stream=sys.stderr)
    try:
        options.run(options)
    except BrokenPipeError:
        _abandon_stdout()  # the reader has seen enough, as in `predict | head`
    except OSError as error:
        _abandon_stdout()
        _say(f"{error.filename or 'output'}: {(error.strerror or str(error)).lower()}")
        return 2
    except KeyboardInterrupt:
        _say("interrupted")
        return 130
    except MemoryError:
        _say("out of memory")
        return 2
    except (ValueError, TypeError) as error:
        from fasttext_lite.errors import InputError, ModelError, TrainingError

        if not isinstance(error, InputError | ModelError | TrainingError | _UsageError):
            raise  # our bug: show where
        _say(str(error))
        return 2
    return 0


def _fasttext_command(words: Sequence[str]) -> argparse.Namespace | None:
    """Return how to run a command of fastText's; None for one of ours, or for none."""
    if not words or words[0] not in FASTTEXT:
        return None
    from fasttext_lite.compat import commands

    if not commands.takes(words):
        return None
    return argparse.Namespace(command=words[0], run=lambda _: commands.run(words))


def _is_fasttext(path: str) -> bool:
    from fasttext_lite.compat.commands import is_fasttext

    return is_fasttext(path)


def _own_process() -> None:
    """Spare a process of ours what the garbage collector would cost at its start and its end."""
    gc.set_threshold(50_000, 20, 100)  # imports make much and drop little
    atexit.register(gc.freeze)  # nothing is left to find when all ends


def _abandon_stdout() -> None:
    """Send what is still to be written nowhere, so that the exit does not fail on it."""
    if sys.stdout is not None:
        with contextlib.suppress(io.UnsupportedOperation):  # it may be no file at all
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class _UsageError(ValueError):
    """A mistake in the arguments that only the command itself can see."""


def _say(message: str) -> None:
    """Print a notice or an error on stderr, in one line."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError):  # nobody listens, or the disk behind it is full
            print(f"{PROGRAM}: {_one_line(message)}", file=sys.stderr)


def _print(text: str) -> None:
    """Print a line or more on stdout at once, as UTF-8 whatever the locale says."""
    if sys.stdout is None:
        raise _UsageError("standard output is closed")
    if not hasattr(sys.stdout, "buffer"):  # a notebook's
        sys.stdout.write(f"{text}\n")
        return
    sys.stdout.buffer.write(f"{text}\n".encode("utf-8", "surrogatepass"))
    sys.stdout.buffer.flush()


def _one_line(text: str) -> str:
    return " ".join(text.split())


# -- arguments -------------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(
        prog=PROGRAM,
        description="Train and use fast text classifiers.",
        epilog="fastText's own commands work unchanged, on its files and with its flags: "
        f"{', '.join(FASTTEXT)} (`{PROGRAM} supervised --help` and so on).",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"{PROGRAM} {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")

    def command(name: str, run: Any, help: str) -> argparse.ArgumentParser:
        sub = commands.add_parser(name, help=help, description=help, allow_abbrev=False)
        sub.set_defaults(run=run)
        return sub

    train = command("train", _train, "Train a model on a labelled file.")
    train.add_argument("train", metavar="TRAIN", help="labelled text, .gz or - for stdin too")
    train.add_argument("-o", "--output", required=True, metavar="MODEL", help="file to write, .ftl")
    cli_watch.add_training_arguments(train)
    train.add_argument(
        "--preset", choices=sorted(PRESETS), default="default", help="settings to start from"
    )
    train.add_argument(
        "--pretrained-vectors", metavar="FILE", help="word vectors to start from, .vec; sets --dim"
    )
    train.add_argument(
        "--cache",
        metavar="DIR",
        help="keep the features of TRAIN in files here and not in memory; the next training on "
        "the same file with the same settings of features uses them again",
    )
    train.add_argument(
        "--class-weight",
        choices=("none", "balanced"),
        default="none",
        help="balanced: rare labels count as much as frequent ones (default none)",
    )
    _add_config(train)
    _add_reading(train)
    train.add_argument(
        "--seed",
        type=whole(0),
        metavar="N",
        help="makes training reproducible: one thread, unless --threads says otherwise",
    )
    _add_threads(train)
    train.add_argument(
        "-q", "--quiet", action="store_true", help="print only errors and the result of --valid"
    )

    tools = cli_tune.Tools(_read, _config, _say, _print, _is_same_file)
    tune = command("tune", partial(cli_tune.run, tools), cli_tune.HELP)
    cli_tune.add_arguments(tune)
    _add_config(tune)
    _add_reading(tune)
    _add_threads(tune)

    lent = cli_quantize.Tools(_read, _load, _print, _is_same_file)
    quantize = command("quantize", partial(cli_quantize.run, lent), cli_quantize.HELP)
    cli_quantize.add_arguments(quantize)
    _add_reading(quantize)
    _add_threads(quantize)

    convert = command(
        "convert",
        partial(cli_convert.run, cli_convert.Tools(_load, _say, _is_same_file)),
        cli_convert.HELP,
    )
    cli_convert.add_arguments(convert)

    test = command("test", _test, "Test a model on a labelled file.")
    test.add_argument("model", metavar="MODEL")
    test.add_argument("file", metavar="FILE", help="labelled text, .gz or - for stdin too")
    _add_top(test)
    test.add_argument("--per-label", action="store_true", help="print a line for each label")
    test.add_argument("--json", action="store_true", help="print one JSON object")
    test.add_argument("--confusion", metavar="PNG", help="draw a confusion matrix")
    _add_reading(test)
    _add_threads(test)

    predict = command("predict", _predict, "Print the labels of each line of text.")
    _add_unlabelled(predict)
    _add_top(predict)
    predict.add_argument("--prob", action="store_true", help="print probabilities too")
    predict.add_argument("--json", action="store_true", help="print a JSON object for each line")
    predict.add_argument(
        "--label-prefix", default="", metavar="P", help="put before each label printed"
    )
    _add_threads(predict)

    embed = command("embed", _embed, "Print the embedding of each line of text.")
    _add_unlabelled(embed)
    cli_watch.add_map_arguments(embed)
    _add_reading(embed)
    _add_threads(embed)

    sets = command(
        "datasets", partial(cli_datasets.run, cli_datasets.Tools(_say, _print)), cli_datasets.HELP
    )
    cli_datasets.add_arguments(sets)

    info = command("info", _info, "Describe a model file.")
    info.add_argument("model", metavar="MODEL")
    info.add_argument("--json", action="store_true", help="print one JSON object")

    demo = command("demo", _demo, "Train, test and predict on the bundled data.")
    demo.add_argument("--data", choices=("zh_topics", "en_topics"), default="zh_topics")
    demo.add_argument("--output", default="demo", metavar="DIR", help="folder for model and plot")
    return parser


def _add_config(parser: argparse.ArgumentParser) -> None:
    """Add a flag for each field of `Config`; what is not given stays out of the namespace."""
    group = parser.add_argument_group("settings of the model")
    for field in dataclasses.fields(Config):
        kind: Any
        kind, optional = field_type(field.name)
        flag = "--" + field.name.replace("_", "-")
        default = field.default
        if default in (None, ""):
            default = "chosen" if field.name in RESOLVED else "none"
        text = f"{field.metadata['help']} (default {default})".replace("%", "%%")
        extra: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": f"config_{field.name}"}
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text, **extra)
            continue
        if field.metadata["choices"]:
            extra["choices"] = field.metadata["choices"]
        elif kind is str:
            extra["metavar"], kind = "TEXT", text_or_file
        else:
            extra["metavar"] = "N" if kind is int else "X"
        group.add_argument(flag, type=_or_none(kind) if optional else kind, help=text, **extra)


def _or_none(kind: type) -> Any:
    def parse(text: str) -> Any:
        return None if text == "none" else kind(text)

    parse.__name__ = kind.__name__  # argparse names it in its message
    return parse


def _add_reading(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("format of the file")
    group.add_argument(
        "--format",
        choices=("auto", "fasttext", "tsv", "csv", "jsonl"),
        default="auto",
        help="fasttext: __label__name text; tsv: name<TAB>text; csv: with a header; jsonl: an "
        "object in each line; auto (default) looks at the file",
    )
    group.add_argument(
        "--label-prefix", default="__label__", metavar="P", help="of the fasttext format"
    )
    group.add_argument("--text-column", default="text", metavar="NAME", help="of csv and jsonl")
    group.add_argument("--label-column", default="label", metavar="NAME", help="of csv and jsonl")
    group.add_argument(
        "--multilabel", action="store_true", help="several labels in a field, joined by commas"
    )


def _add_unlabelled(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("model", metavar="MODEL")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        default="-",
        help="a text in each line, .gz too; default stdin; words that begin with __label__ are "
        "dropped, so that a labelled file can be given",
    )


def _add_top(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("-k", type=whole(1), default=1, help="most labels for a text (default 1)")
    parser.add_argument(
        "--threshold", type=_probability, default=0.0, help="least probability (default 0)"
    )


def _add_threads(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--threads", type=whole(1), metavar="N", help="default: all processors")


def _probability(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"must be a number from 0 to 1; got {text!r}")
    return value


def _config(options: argparse.Namespace) -> Config:
    values = dict(PRESETS[options.preset])
    prefix = "config_"
    for name, value in vars(options).items():
        if name.startswith(prefix):
            values[name[len(prefix) :]] = value
    try:
        return Config(**values)
    except ValueError as error:
        raise _UsageError(str(error)) from None


# -- commands --------------------------------------------------------------------------------


def _train(options: argparse.Namespace) -> None:
    config = _config(options)
    from fasttext_lite.storage import check_writable

    if options.output == "-":
        raise _UsageError("a model cannot be written to stdout; name a file (./- is one too)")
    check_writable(options.output)
    if options.train == "-" and options.valid == "-":
        raise _UsageError("training and validation data cannot both come from stdin")
    for path in (options.train, options.valid):
        if _is_same_file(path, options.output):
            raise _UsageError(f"{path}: the model would overwrite this file of texts")
    cli_watch.check_files(options)
    valid = _read(options.valid, options) if options.valid else None
    from fasttext_lite import fitting
    from fasttext_lite.progress import progress_bar
    from fasttext_lite.storage import save_model
    from fasttext_lite.streaming import is_streamable

    start = time.perf_counter()
    prepared = corpus = None
    # Rows are set aside before the vocabulary is made: that takes the texts as a whole.
    if is_streamable(options.train, config) and (config.patience is None or valid is not None):
        prepared = _prepare(options, fitting.with_vectors(config, options.pretrained_vectors))
        labels = prepared.labels
    elif options.cache:
        raise _UsageError(
            "--cache needs a file that can be read twice, no noise in words, and for patience a "
            "--valid file"
        )
    else:
        corpus = _read(options.train, options)
        labels = corpus.labels
    n_texts = len(labels)
    weights = fitting.balanced_weights(labels) if options.class_weight == "balanced" else None
    settings: dict[str, Any] = {
        "seed": options.seed or 0,
        "n_threads": options.threads or (None if options.seed is None else 1),
        "watch": cli_watch.make_watch(options, config, labels.names, valid),
        "pretrained": options.pretrained_vectors,
    }
    with progress_bar(n_texts * config.epochs, False if options.quiet else None) as callback:
        if prepared is not None:
            fitting.warn_of_rare_labels(labels)
            prepared = dataclasses.replace(prepared, doc_weights=weights)
            trainee = fitting.fit_prepared(prepared, callback=callback, **settings)
        else:
            assert corpus is not None
            trainee = fitting.fit(
                corpus.texts,
                labels,
                config,
                multilabel=labels.is_multilabel or options.multilabel,
                doc_weights=weights,
                callback=callback,
                **settings,
            )
    seconds = time.perf_counter() - start
    model = trainee.model
    save_model(model, options.output)
    if not options.quiet:
        size = os.path.getsize(options.output)
        aside = f" ({n_texts - model.n_texts:,} set aside)" * (n_texts != model.n_texts)
        history = trainee.history
        _print(
            f"trained on {model.n_texts:,} texts{aside} with {len(model.labels):,} labels in "
            f"{seconds:.1f} s: loss {model.config.loss}, {cli_watch.course(history)}, "
            f"lr {history.lr:g}, final loss {cli_watch.kept_loss(history):.4f}"
        )
        _print(
            f"{options.output}: {size / 1e6:.1f} MB, {model.space.n_words:,} words, "
            f"{model.space.n_rows - model.space.n_words:,} n-grams, dim {model.dim}"
        )
    if valid is not None:
        result = _evaluate(model, valid, options, k=1, threshold=0.0)
        _print(f"{options.valid}: {_summary(result)}")
    cli_watch.finish(options, trainee.history, _say)


def _prepare(options: argparse.Namespace, config: Config) -> Prepared:
    """Make features of the training file without holding its text in memory."""
    from fasttext_lite.corpus import CorpusReader
    from fasttext_lite.streaming import CHUNK_BYTES, prepare_file

    reader = CorpusReader(options.train, _read_options(options), CHUNK_BYTES)
    prepared = prepare_file(
        reader, config, multilabel=options.multilabel, n_threads=options.threads,
        cache=options.cache,
    )  # fmt: skip
    if not options.quiet:
        for line in reader.skip_report():
            _say(line)
    return prepared


def _is_same_file(path: str | None, other: str) -> bool:
    if not path or not os.path.exists(path) or not os.path.exists(other):
        return False
    return os.path.samefile(path, other)


def _read(path: str, options: argparse.Namespace) -> Corpus:
    from fasttext_lite.corpus import read_corpus

    corpus = read_corpus(path, _read_options(options))
    if not getattr(options, "quiet", False):
        for line in corpus.skip_report():
            _say(line)
    return corpus


def _read_options(options: argparse.Namespace) -> ReadOptions:
    from fasttext_lite.sources import ReadOptions

    names = [field.name for field in dataclasses.fields(ReadOptions)]
    return ReadOptions(**{name: getattr(options, name) for name in names})


def _test(options: argparse.Namespace) -> None:
    if _is_fasttext(options.model):
        from fasttext_lite.compat.commands import test_with_options

        return test_with_options(options)
    if options.confusion:
        from fasttext_lite.plotting import check_plot

        check_plot(options.confusion)
    model = _load(options.model)
    if options.confusion:
        check_plot(options.confusion, len(model.labels))
    options.multilabel = options.multilabel or model.multilabel
    corpus = _read(options.file, options)
    result = _evaluate(model, corpus, options, options.k, options.threshold)
    skipped = sum(count for count, _ in corpus.skipped.values())
    if options.json:
        _print(json.dumps(_as_json(result, skipped, options.per_label), ensure_ascii=False))
    else:
        if options.per_label:
            _print_labels(result)
        _print(_summary(result))
    if options.confusion:
        from fasttext_lite.plotting import plot_confusion

        plot_confusion(result, options.confusion)
        _say(f"confusion matrix in {options.confusion}")


def _load(path: str) -> Model:
    from fasttext_lite.storage import load_model

    return load_model(path)


def _evaluate(
    model: Model, corpus: Corpus, options: argparse.Namespace, k: int, threshold: float
) -> Evaluation:
    from fasttext_lite.evaluation import evaluate

    result = evaluate(model, corpus.texts, corpus.labels, k, threshold, options.threads)
    if result.n_unseen_texts:
        unseen = result.names[result.n_known :]
        _say(
            f"{result.n_unseen_texts} of {result.n} texts have labels that the model does not "
            f"know, counted as errors: {', '.join(unseen[:5])}{', ...' * (len(unseen) > 5)}"
        )
    if result.n_unknown_texts:
        _say(
            f"{result.n_unknown_texts} of {result.n} texts have no known feature; the class "
            "prior was used"
        )
    return result


def _summary(result: Evaluation) -> str:
    return (
        f"n {result.n}  accuracy {result.accuracy:.4f}  P@{result.k} {result.precision:.4f}  "
        f"R@{result.k} {result.recall:.4f}  macro-F1 {result.macro_f1:.4f}"
    )


def _print_labels(result: Evaluation) -> None:
    _print("precision\trecall\tF1\tn\tlabel")
    for name, n, p, r, f in zip(result.names, result.gold, *result.per_label(), strict=True):
        _print(f"{p:.4f}\t{r:.4f}\t{f:.4f}\t{n}\t{flat(name)}")


def _as_json(result: Evaluation, skipped: int, per_label: bool) -> dict[str, Any]:
    values: dict[str, Any] = {
        "n": result.n,
        "accuracy": result.accuracy,
        "k": result.k,
        "threshold": result.threshold,
        "precision_at_k": result.precision,
        "recall_at_k": result.recall,
        "macro_f1": result.macro_f1,
        "n_skipped": skipped,
        "n_unseen_label": result.n_unseen_texts,
        "n_unknown_text": result.n_unknown_texts,
    }
    if per_label:
        rows = zip(result.names, result.gold, *result.per_label(), strict=True)
        values["labels"] = {
            name: {"n": int(n), "precision": float(p), "recall": float(r), "f1": float(f)}
            for name, n, p, r, f in rows
        }
    return values


def _predict(options: argparse.Namespace) -> None:
    if _is_fasttext(options.model):
        from fasttext_lite.compat.commands import predict_with_options

        return predict_with_options(options)
    cli_predict.predict(_load(options.model), options, _print, _say)


def _embed(options: argparse.Namespace) -> None:
    cli_watch.check_map_arguments(options)
    model = _load(options.model)
    if options.plot is not None:
        cli_watch.draw_map(options, model, _read, _say)
    else:
        cli_predict.embed(model, options, _print)


def _info(options: argparse.Namespace) -> None:
    from fasttext_lite.storage import read_model

    model, header = read_model(options.model)
    values = {
        "file": options.model,
        "bytes": os.path.getsize(options.model),
        "format_version": header["format_version"],
        "created_by": header.get("created_by"),
        "n_labels": len(model.labels),
        "n_texts": model.n_texts,
        "n_words": model.space.n_words,
        "n_ngrams": model.space.n_rows - model.space.n_words,
        "multilabel": model.multilabel,
        **({} if model.packed is None else {"quantized": model.packed.about}),
        "config": model.config.to_dict(),
        "labels": model.labels,
    }
    if options.json:
        _print(json.dumps(values, ensure_ascii=False))
        return
    labels = values.pop("labels")
    settings = values.pop("config")
    for name, value in {**values, **settings}.items():
        _print(flat(f"{name:<16}{'none' if value == '' else value}"))
    _print(flat(f"{'labels':<16}{', '.join(labels[:20])}{', ...' * (len(labels) > 20)}"))


_DEMO_TEXTS = {
    "zh_topics": ["这家面馆的汤头熬了六个小时", "央行宣布下调存款利率", "中场休息后他们连进3球"],
    "en_topics": [
        "The soup simmered for six hours",
        "The bank raised its mortgage rates",
        "They scored three goals after half time",
    ],
}


def _demo(options: argparse.Namespace) -> None:
    from fasttext_lite import fitting
    from fasttext_lite.corpus import read_corpus
    from fasttext_lite.evaluation import evaluate
    from fasttext_lite.progress import progress_bar
    from fasttext_lite.storage import check_writable, save_model

    data = _bundled(options.data)
    try:
        os.makedirs(options.output, exist_ok=True)
    except OSError as error:
        raise _UsageError(f"{options.output}: {(error.strerror or '').lower()}") from None
    path = os.path.join(options.output, f"{options.data}.ftl")
    check_writable(path)
    train = read_corpus(os.path.join(data, "train.tsv"))
    test = read_corpus(os.path.join(data, "test.tsv"))
    config = Config(epochs=20, lr=0.3)
    start = time.perf_counter()
    with progress_bar(len(train.texts) * config.epochs) as callback:
        model = fitting.fit(train.texts, train.labels, config, callback=callback).model
    seconds = time.perf_counter() - start
    save_model(model, path)
    n_texts, n_labels = len(train.texts), len(model.labels)
    _print(f"trained on {n_texts} texts with {n_labels} labels in {seconds:.1f} s")
    result = evaluate(model, test.texts, test.labels)
    _print(_summary(result))
    texts = _DEMO_TEXTS[options.data]
    top = model.predict(texts, k=2)
    for text, ids, probabilities in zip(texts, top.labels, top.probabilities, strict=True):
        best = "  ".join(
            f"{model.labels[i]} {p:.2f}" for i, p in zip(ids, probabilities, strict=True)
        )
        _print(f"  {text}  ->  {best}")
    _print(f"model: {path} ({os.path.getsize(path) / 1e3:.0f} kB)")
    plot = os.path.join(options.output, f"{options.data}_confusion.png")
    from fasttext_lite.errors import InputError
    from fasttext_lite.plotting import plot_confusion

    try:
        plot_confusion(result, plot)
        _print(f"plot:  {plot}")
    except InputError as error:
        _print(f"plot:  none ({error})")


def _bundled(name: str) -> str:
    """Return the folder of a bundled data set, in the installed package or the checkout."""
    here = os.path.dirname(os.path.abspath(__file__))
    for folder in (os.path.join(here, "bundled"), os.path.join(here, "..", "datasets")):
        if os.path.isdir(os.path.join(folder, name)):
            return os.path.join(folder, name)
    raise _UsageError(f"the bundled data set {name} is missing from this installation")


if __name__ == "__main__":
    sys.exit(main())
