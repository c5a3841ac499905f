"""fastText's arguments: names, flags, defaults and the checks that fastText leaves out.

Names and defaults are those of fastText 0.9.2 (args.cc, FastText.py).
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from fasttext_lite.config.foreign import FASTTEXT_FLAG, WORD, advice, not_a_choice
from fasttext_lite.config.records import Records
from fasttext_lite.errors import InputError, UsageError
from fasttext_lite.parallel import cpu_count


@dataclass(frozen=True)
class FastTextLoss:
    """A loss of fastText.

    Attributes
    ----------
    name : str
    number : int
        In model files, and in the kernels of word vectors.
    scored_as : int
        The number of the loss whose way from scores to probabilities it shares.
    has_tree : bool
        Whether the output table is one of a label tree's inner nodes.
    is_drawn : bool
        Whether word vectors learn from words drawn at random.
    full_name : str
        As ``dump`` prints it, and as its flag takes it, too.
    """

    name: str
    number: int
    scored_as: int
    full_name: str
    has_tree: bool = False
    is_drawn: bool = False


@dataclass(frozen=True)
class ModelKind:
    """A kind of model.

    Attributes
    ----------
    name : str
    number : int
        In model files.
    command : str
        That trains it.
    is_supervised : bool
        Whether it predicts labels.
    """

    name: str
    number: int
    command: str
    is_supervised: bool = False


LOSSES: Records[FastTextLoss] = Records(
    "loss",
    FastTextLoss("hs", 1, 1, "hs", has_tree=True),
    FastTextLoss("ns", 2, 4, "ns", is_drawn=True),
    FastTextLoss("softmax", 3, 3, "softmax"),
    FastTextLoss("ova", 4, 4, "one-vs-all"),
)
MODELS: Records[ModelKind] = Records(
    "model",
    ModelKind("cbow", 1, "cbow"),
    ModelKind("sg", 2, "skipgram"),
    ModelKind("sup", 3, "supervised", is_supervised=True),
)
LONGEST_NGRAM = 1 << 10
MAX_TABLE = (1 << 31) - 1  # rows are numbered by int32


def _field(default: Any, flag: str, low: float | None = None, high: float | None = None) -> Any:
    return dataclasses.field(default=default, metadata={"flag": flag, "low": low, "high": high})


@dataclass
class Args:
    """The arguments of one call of fastText; `flag` in each field's metadata is its name there.

    Defaults are those of word vectors; `supervised` has those of classification.
    """

    input: str = _field("", "input")
    output: str = _field("", "output")
    lr: float = _field(0.05, "lr", 0.0)
    lr_update_rate: int = _field(100, "lrUpdateRate", 1)
    dim: int = _field(100, "dim", 1, 1 << 16)
    ws: int = _field(5, "ws", 1)
    epoch: int = _field(5, "epoch", 1)
    min_count: int = _field(5, "minCount", 0)
    min_count_label: int = _field(0, "minCountLabel", 0)
    neg: int = _field(5, "neg", 1)
    word_ngrams: int = _field(1, "wordNgrams", 0, LONGEST_NGRAM)
    loss: str = _field("ns", "loss")
    model: str = _field("sg", "model")
    bucket: int = _field(2_000_000, "bucket", 0)
    minn: int = _field(3, "minn", 0, LONGEST_NGRAM)
    maxn: int = _field(6, "maxn", 0, LONGEST_NGRAM)
    thread: int = _field(12, "thread", 0)  # 0: as many as there are processors
    t: float = _field(1e-4, "t", 0.0)
    label: str = _field("__label__", "label")
    verbose: int = _field(2, "verbose")
    pretrained_vectors: str = _field("", "pretrainedVectors")
    save_output: bool = _field(False, "saveOutput")
    seed: int = _field(0, "seed", 0)
    qout: bool = _field(False, "qout")
    retrain: bool = _field(False, "retrain")
    qnorm: bool = _field(False, "qnorm")
    cutoff: int = _field(0, "cutoff", 0)
    dsub: int = _field(2, "dsub", 1)
    autotune_validation_file: str = _field("", "autotune-validation")
    autotune_metric: str = _field("f1", "autotune-metric")
    autotune_predictions: int = _field(1, "autotune-predictions", 1)
    autotune_duration: int = _field(300, "autotune-duration", 1)
    autotune_model_size: str = _field("", "autotune-modelsize")

    @classmethod
    def supervised(cls, **values: Any) -> Args:
        """Return the defaults of ``fasttext supervised``, with some values changed."""
        return cls(**{**SUPERVISED, **values})

    def replace(self, **changes: Any) -> Args:
        """Return a copy with some values changed."""
        return dataclasses.replace(self, **changes)

    @property
    def is_supervised(self) -> bool:
        """Whether the model predicts labels."""
        return MODELS[self.model].is_supervised

    @property
    def n_threads(self) -> int:
        """How many threads work: `thread`, but never more than there are processors."""
        return min(self.thread or cpu_count(), cpu_count())

    @property
    def uses_buckets(self) -> bool:
        """Whether any n-gram is hashed."""
        return self.word_ngrams > 1 or self.maxn > 0

    def check(self, write: Callable[[str], str] = "-{}".format) -> None:
        """Raise `InputError` for values that cannot work; fastText crashes on some of them.

        Parameters
        ----------
        write : callable
            How the name of an argument is written, given that of its flag.
        """
        for field in dataclasses.fields(self):
            value, low, high = getattr(self, field.name), *_range(field)
            flag = write(field.metadata["flag"])
            if isinstance(value, float) and not math.isfinite(value):
                raise InputError(f"{flag} must be a finite number; got {value}")
            if low is not None and value < low:
                raise InputError(f"{flag} must be at least {low:g}; got {value}")
            if high is not None and value > high:
                raise InputError(f"{flag} must be at most {high:g}; got {value}")
            if isinstance(value, int) and abs(value) > MAX_TABLE:
                raise InputError(f"{flag} is too large: {value}")
        if self.loss not in LOSSES:
            raise InputError(not_a_choice("loss", self.loss, LOSSES))
        if self.model not in MODELS:
            raise InputError(f"-model must be one of {', '.join(MODELS)}; got {self.model!r}")
        if self.uses_buckets and self.bucket < 1:
            raise InputError(
                f"{write('bucket')} must be at least 1 with {write('wordNgrams')} above 1 or "
                f"{write('maxn')} above 0; got {self.bucket}"
            )


SUPERVISED: dict[str, Any] = {
    "model": "sup", "loss": "softmax", "min_count": 1, "minn": 0, "maxn": 0, "lr": 0.1,
}  # fmt: skip
# Of the commands whose flags are parsed, where they are not those of `Args`.
DEFAULTS: dict[str, dict[str, Any]] = {
    "supervised": SUPERVISED, "skipgram": {"model": "sg"}, "cbow": {"model": "cbow"},
    "quantize": {},
}  # fmt: skip
FIELDS = {field.name: field for field in dataclasses.fields(Args)}
BY_FLAG = {field.metadata["flag"]: field for field in FIELDS.values() if field.name != "model"}

# The file's block of twelve numbers and one, in order (args.cc, Args::save).
STORED = (
    "dim", "ws", "epoch", "min_count", "neg", "word_ngrams", "loss", "model", "bucket", "minn",
    "maxn", "lr_update_rate", "t",
)  # fmt: skip


def _range(field: dataclasses.Field[Any]) -> tuple[float | None, float | None]:
    return field.metadata["low"], field.metadata["high"]


def parse_flags(command: str, words: Sequence[str]) -> tuple[Args, set[str]]:
    """Parse the flags of ``fasttext supervised``, ``skipgram``, ``cbow`` or ``quantize``.

    Parameters
    ----------
    command : str
    words : sequence of str
        What follows the command.

    Returns
    -------
    args : Args
    given : set of str
        Names of the fields that were given.

    Raises
    ------
    UsageError
        For an unknown flag, a missing or unreadable value, or one that cannot work.
    """
    args = Args(**DEFAULTS[command])
    given = set()
    rest = iter(words)
    for word in rest:
        field = BY_FLAG.get(word[1:]) if word.startswith("-") else None
        if field is None:
            raise UsageError(f"{_about(word)} (see fasttext-lite {command} --help)")
        if isinstance(field.default, bool):
            value: Any = True
        else:
            text = next(rest, None)
            if text is None or (text[:1] == "-" and text[1:] in BY_FLAG):
                found = "" if text is None else f", and {text} is the next flag"
                raise UsageError(f"{word} needs a value{found}")
            value = _value(field, word, text)
        setattr(args, field.name, value)
        given.add(field.name)
    try:
        args.check()
    except InputError as error:
        raise UsageError(str(error)) from None
    return args, given


def _about(word: str) -> str:
    """Return what to say about a word that is no flag."""
    if not word.startswith("-"):
        said = f": did you mean -{word}?" if word in BY_FLAG else ""
        if os.path.exists(word):
            said = f": did you mean -input {word}?"
        return f"arguments begin with a dash: {word}{said}"
    return f"unknown argument: {word}{advice(word, BY_FLAG, FASTTEXT_FLAG)}"


def _value(field: dataclasses.Field[Any], flag: str, text: str) -> Any:
    if field.name == "loss":
        text = next((loss.name for loss in LOSSES.values() if loss.full_name == text), text)
        if text not in LOSSES:
            said = advice(text, LOSSES, WORD, "loss")
            known = ", ".join(LOSSES)
            raise UsageError(f"{flag}: unknown loss {text}; one of {known}, one-vs-all{said}")
        return text
    kind: Any = type(field.default)
    try:
        return kind(text)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"{flag} needs {what}; got {text!r}") from None
