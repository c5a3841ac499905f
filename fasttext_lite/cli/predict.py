"""The command ``predict``: the labels of each text, as it comes."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import (
    add_beam,
    add_reading,
    add_threads,
    add_top,
    add_unlabelled,
    settle_beam,
    settle_top,
    written,
)
from fasttext_lite.cli.console import flat, is_same_file, is_stdin, say, write
from fasttext_lite.cli.files import check_texts, open_texts, say_if_nothing_is_cut
from fasttext_lite.corpus import STDIN
from fasttext_lite.corpus.compression import ENDINGS
from fasttext_lite.corpus.formats import AUTO
from fasttext_lite.disk.replacing import check_replaceable, replacing
from fasttext_lite.errors import UsageError
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.model.threshold import PAIRS, Threshold

if TYPE_CHECKING:
    import numpy as np

    from fasttext_lite.compat.program.predict import AskedModel
    from fasttext_lite.corpus.reader import CorpusReader, LabelledChunk
    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.corpus.writing import RecordWriter
    from fasttext_lite.model.model import Model, Predictions

HELP = "Print the labels of each text of a file."
ADDED = ("predicted_label", "score")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of ``predict``."""
    add_unlabelled(parser)
    add_top(parser)
    add_beam(parser)
    parser.add_argument(
        "--abstain", action="store_true",
        help="no label for a text whose likeliest label is below the threshold that the model has "
        "from `train --answer-rate` or --answer-accuracy, or that has no known feature: an empty "
        "line, and in JSON no labels and those withheld; of a model of several labels, each of "
        "0.5 or more that reaches it",
    )  # fmt: skip
    parser.add_argument("--prob", action="store_true", help="print probabilities too")
    parser.add_argument("--json", action="store_true", help="print a JSON object for each text")
    parser.add_argument(
        "-o", "--output", metavar="OUT", type=written,
        help="write to this file. If it ends in .csv, .tsv or .jsonl, or --format is one of these: "
        "the records of FILE with columns for label and score added (of FILE as it is read, if "
        "that is in another format)",
    )  # fmt: skip
    parser.add_argument(
        "--added-columns", metavar="LABEL,SCORE", default=",".join(ADDED),
        help=f"names of the columns that -o adds (default {','.join(ADDED)}; with -k 2 and more "
        "also LABEL_2, SCORE_2, ..., or lists in JSON)",
    )  # fmt: skip
    add_reading(parser, unlabelled=True)
    # Not given, it is no prefix of what is printed.
    parser.set_defaults(label_prefix=None)
    add_threads(parser)


def run(options: argparse.Namespace) -> None:
    """Print the labels of each text, as our models or as fastText's have them."""
    check_texts(options, "classify")
    options.is_cut = options.multilabel  # by the user's wish, not the model's
    _check_output(options)
    _check_abstaining(options)
    model: Model | AskedModel
    if is_fasttext(options.model):
        from fasttext_lite.compat.program.predict import AskedModel, predict_with_options

        settle_top(options, None)
        settle_beam(options, None)
        model = AskedModel.load(options.model)
        if options.output is None and not options.json:
            reader = None
            if not _is_plain(options, model):
                reader = open_texts(options, model.labels, keeps_raw=True)
            return predict_with_options(model, options, reader)
    else:
        from fasttext_lite.model.storage import load_model

        model = load_model(options.model)
        _settle_abstaining(options, model)
        settle_top(options, model)
        settle_beam(options, model)
        options.multilabel = options.multilabel or model.multilabel
    with _output(options.output) as put:
        _predict(model, options, put)


def _check_abstaining(options: argparse.Namespace) -> None:
    """Raise `UsageError` for flags, or a model, that `--abstain` does not go with."""
    if not options.abstain:
        return
    if options.threshold is not None:
        raise UsageError(
            "--abstain goes by the threshold of the model, and --threshold gives another: leave "
            "one out"
        )
    if is_fasttext(options.model):
        raise UsageError(
            f"{options.model}: a model of fastText's has no threshold to abstain by; give one "
            "with --threshold"
        )


def _settle_abstaining(options: argparse.Namespace, model: Model) -> None:
    """Raise `UsageError` for a model without a threshold; let texts have all labels of several."""
    if not options.abstain:
        return
    if model.abstention is None:
        raise UsageError(
            f"{options.model}: the model has no threshold to abstain by: train it with "
            "--answer-rate or --answer-accuracy, or give a number with --threshold"
        )
    if model.multilabel:
        from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD

        options.threshold = MULTILABEL_THRESHOLD
        options.k = min(PAIRS, len(model.labels)) if options.k is None else options.k


def _is_plain(options: argparse.Namespace, model: AskedModel) -> bool:
    """Return whether fastText's own way of reading does for the file."""
    from fasttext_lite.corpus.files import is_regular

    if not is_regular(options.file):
        return False
    if options.format != AUTO:
        return options.format in ("text", "fasttext")
    return open_texts(options, model.labels).recognise().name in ("text", "fasttext")


def _check_output(options: argparse.Namespace) -> None:
    """Raise `UsageError` for an output that cannot be, and flags that it has no use for."""
    columns = [name.strip() for name in options.added_columns.split(",")]
    options.added_columns = ",".join(columns)
    if len(columns) != 2 or not all(columns) or columns[0] == columns[1]:
        raise UsageError(
            f"--added-columns must be two names, such as {','.join(ADDED)}; got "
            f"{options.added_columns!r}"
        )
    if options.output is None:
        if options.added_columns != ",".join(ADDED):
            raise UsageError("--added-columns is for records that -o FILE writes")
        return
    if options.output != STDIN:
        for path in (options.model, options.file):
            if is_same_file(path, options.output) or (path == STDIN and is_stdin(options.output)):
                raise UsageError(f"{options.output}: the output would overwrite this file")
        _check_ending(options)
        try:
            check_replaceable(options.output, to_streams=True)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{options.output}: cannot write the output: {reason}") from None
    if record_format(options) is not None and (options.prob or options.json):
        flag = "--json" if options.json else "--prob"
        raise UsageError(f"{flag} is not for records, which get a column for the score anyway")


def _check_ending(options: argparse.Namespace) -> None:
    """Raise `UsageError` for an output whose name says what it will not be."""
    from fasttext_lite.model.magic import (
        FASTTEXT_ENDINGS,
        OWN_ENDING,
        PICKLE_ENDINGS,
        TABLE_ENDINGS,
    )  # fmt: skip

    ending = os.path.splitext(options.output.lower())[1]
    if ending in (OWN_ENDING, *FASTTEXT_ENDINGS, *PICKLE_ENDINGS):
        raise UsageError(f"{options.output}: that ending is a model's, and labels are written")
    if ending in ENDINGS:
        raise UsageError(f"{options.output}: what is written is not packed: leave {ending} away")
    if ending in TABLE_ENDINGS and ending != ".txt" and record_format(options) is None:
        raise UsageError(
            f"{options.output}: records are written as .csv, .tsv or .jsonl (or with --format)"
        )


def record_format(options: argparse.Namespace) -> str | None:
    """Return the format of the records that are to be written; None for lines of labels alone."""
    from fasttext_lite.corpus.writing import WRITERS

    if options.output is None:
        return None
    ending = os.path.splitext(options.output.lower())[1]
    by_name = next((name for name in WRITERS if ending == f".{name}"), None)
    return options.format if options.format in WRITERS else by_name


@contextlib.contextmanager
def _output(path: str | None) -> Iterator[Callable[[str], None]]:
    """Give a function that writes lines to stdout, or to a file that is there when all is well.

    A pipe or a device gets them as they come.
    """
    if path in (None, STDIN):
        yield write
        return
    with replacing(str(path), to_streams=True) as file:

        def put(text: str) -> None:
            file.write(f"{text}\n".encode(errors="replace"))

        yield put


def _predict(
    model: Model | AskedModel, options: argparse.Namespace, put: Callable[[str], None]
) -> None:
    """Write the labels of each text.

    Of a file, the next texts are read and predicted while those before are written. Standard
    input is answered as it comes.
    """
    from fasttext_lite.corpus.files import made_ahead
    from fasttext_lite.model.model import most_texts

    names = [(options.label_prefix or "") + name for name in model.labels]
    options.k = len(names) if options.k == -1 else min(options.k, len(names))
    answer, most = _answering(model, options)
    step = most_texts(len(model.labels), most)
    form = record_format(options)
    if form is not None:
        options.format = _format_read(options, model)
    reader = open_texts(options, model.labels, keeps_raw=form is not None)
    said = 0
    writer = None

    def answers() -> Iterator[tuple[str, int, int, int]]:
        """Yield lines, how many, how many of unknown texts, and the first of these or -1."""
        nonlocal writer
        for chunk in made_ahead(reader, options.file):
            if form is not None and writer is None:
                writer = _writer(form, reader, options)
            for start in range(0, len(chunk), step):
                texts = chunk.texts.slice(start, start + step)
                result = answer(texts)
                dropped = _withheld(model, result) if options.abstain else None
                unknown = result.n_features == 0
                first = int(unknown.argmax()) if unknown.any() else -1
                if writer is None:
                    lines = _lines(result, names, options, dropped)
                else:
                    lines = _records(writer, reader, chunk, start, _without(result, dropped), names)
                yield lines, len(texts), int(unknown.sum()), first

    n = n_unknown = first_unknown = 0
    for lines, size, unknown, first in made_ahead(answers(), options.file):
        while said < len(reader.notices):  # what is known before the first answer, before it
            say(reader.notices[said])
            said += 1
        if first >= 0 and not n_unknown:
            first_unknown = n + first + 1
        n_unknown += unknown
        n += size
        put(lines)
    is_empty = form is not None and writer is None and reader.format is not None
    head = _writer(str(form), reader, options).header() if is_empty else ""
    if head:  # of a table without a record
        put(head)
    _say_rest(reader, said, options)
    if n_unknown:
        done = "they get no answer" if options.abstain else "the class prior was used"
        say(f"{n_unknown} of {n} texts have no known feature; {done} (first: text {first_unknown})")


def _say_rest(reader: CorpusReader, n_said: int, options: argparse.Namespace) -> None:
    """Say what is known of a file at its end; `n_said` of the notices were said before."""
    for notice in reader.notices[n_said:]:
        say(notice)
    if options.is_cut:
        say_if_nothing_is_cut(reader)


def _answering(
    model: Model | AskedModel, options: argparse.Namespace
) -> tuple[Callable[[Texts], Predictions], int]:
    """Return what gives texts their labels, and how many labels of a text it looks at."""
    from fasttext_lite.model.decisions import decide_by
    from fasttext_lite.model.model import ALL_LABELS, Model

    k, threshold, n_threads = options.k, options.threshold, options.threads
    if isinstance(model, Model) and isinstance(threshold, Threshold):  # of one label
        return partial(decide_by, model, threshold=threshold, k=k, n_threads=n_threads), ALL_LABELS
    return partial(model.predict, k=k, threshold=threshold, n_threads=n_threads), k


def _format_read(options: argparse.Namespace, model: Model | AskedModel) -> str:
    """Return the format to read, where `--format` is first of all that of the records written."""
    from fasttext_lite.corpus.files import is_regular
    from fasttext_lite.corpus.writing import WRITERS

    if options.format not in WRITERS:
        return options.format
    given, options.format = options.format, AUTO
    if not is_regular(options.file):
        return AUTO
    reader = open_texts(options, model.labels)
    found = reader.recognise().name
    if found == "text" and given == "tsv" and any(b"\t" in line for line in reader.reading.lines):
        return given
    return found


def _writer(form: str, reader: CorpusReader, options: argparse.Namespace) -> RecordWriter:
    """Return what writes the records of a file with the labels found."""
    from fasttext_lite.corpus.writing import RecordWriter

    assert reader.format is not None
    label, score = options.added_columns.split(",")
    k = options.k
    columns = [label, score]
    if form != "jsonl":
        columns += [f"{name}_{i}" for i in range(2, k + 1) for name in (label, score)]
    if len(set(columns)) < len(columns):
        raise UsageError(f"--added-columns gives two columns of -k {k} the same name")
    return RecordWriter(form, reader.format, reader.reading, columns)


def _records(
    writer: RecordWriter,
    reader: CorpusReader,
    chunk: LabelledChunk,
    start: int,
    result: Predictions,
    names: list[str],
) -> str:
    """Return the records of a chunk from a place on, with the labels found, as lines."""
    assert chunk.raw is not None
    k = result.labels.shape[1]
    texts = chunk.texts.slice(start, start + len(result.labels)).to_list()
    lines = []
    for i, (ids, probabilities) in enumerate(
        zip(result.labels.tolist(), result.probabilities.tolist(), strict=True)
    ):
        found = [(names[j], _rounded(p)) for j, p in zip(ids, probabilities, strict=True) if j >= 0]
        added: list[Any] = list(itertools.chain.from_iterable(found))
        if len(writer.columns) == 2 and k > 1:
            added = [[name for name, _ in found], [p for _, p in found]]
        added += [None] * (len(writer.columns) - len(added))
        doc = start + i
        own = chunk.ids[chunk.indptr[doc] : chunk.indptr[doc + 1]].tolist()
        labels = [reader.names[j] for j in own]
        lines.append(writer.lines(chunk.raw[doc], labels, texts[i], added))
    return "\n".join(lines)


def _rounded(probability: float) -> float:
    return float(f"{probability:.6g}")


def _withheld(model: Model | AskedModel, result: Predictions) -> np.ndarray:
    """Return which labels are no answers, bool[n_texts, k], by the model's own threshold."""
    from fasttext_lite.model.decisions import withheld
    from fasttext_lite.model.model import Model

    assert isinstance(model, Model) and model.abstention is not None
    return withheld(result, model.abstention.value, model.multilabel)


def _without(result: Predictions, dropped: np.ndarray | None) -> Predictions:
    if dropped is None:
        return result
    from fasttext_lite.model.decisions import without

    return without(result, dropped)


def _lines(
    result: Predictions,
    names: list[str],
    options: argparse.Namespace,
    dropped: np.ndarray | None = None,
) -> str:
    """Return predictions as lines, one for each text; `dropped` as of `_withheld`."""
    if options.json:
        return "\n".join(_json_lines(result, names, dropped))
    result = _without(result, dropped)
    one = result.labels.shape[1] == 1 and not options.threshold and dropped is None
    if one and not options.prob:
        printed = [flat(name) for name in names]
        return "\n".join(map(printed.__getitem__, result.labels[:, 0].tolist()))
    lines = []
    for pairs in _pairs(result, names):
        if options.prob:
            lines.append("\t".join(f"{flat(label)}\t{p:.6g}" for label, p in pairs))
        else:
            lines.append("\t".join(flat(label) for label, _ in pairs))
    return "\n".join(lines)


def _pairs(result: Predictions, names: list[str]) -> list[list[tuple[str, float]]]:
    """Return label and probability of each label of each text."""
    rows = zip(result.labels.tolist(), result.probabilities.tolist(), strict=True)
    return [[(names[i], p) for i, p in zip(*row, strict=True) if i >= 0] for row in rows]


def _json_lines(result: Predictions, names: list[str], dropped: np.ndarray | None) -> Iterator[str]:
    """Yield predictions as JSON; `dropped` as of `_withheld`."""
    of_dropped = None if dropped is None else _pairs(_without(result, ~dropped), names)
    for i, pairs in enumerate(_pairs(_without(result, dropped), names)):
        record: dict[str, Any] = {
            "labels": [label for label, _ in pairs],
            "probabilities": [p for _, p in pairs],
            "n_features": int(result.n_features[i]),
        }
        if of_dropped is not None:
            record["withheld"] = [label for label, _ in of_dropped[i]]
            record["withheld_probabilities"] = [p for _, p in of_dropped[i]]
        yield json.dumps(record, ensure_ascii=False)
