"""Every hyper-parameter, once: name, type, default, range and one-line meaning.

The command-line flags, the parameters of `FastTextClassifier` and the header of the model
file are all made from the fields of `Config`. What belongs to one run and not to the model
(seed, threads, verbosity, file formats) is not here.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from dataclasses import MISSING, dataclass
from typing import Any, get_args, get_origin, get_type_hints

from fasttext_lite.config.analyzers import ANALYZER_CHOICES, ANALYZERS
from fasttext_lite.config.foreign import not_a_choice, with_advice
from fasttext_lite.config.losses import LOSS_CHOICES, LOSSES
from fasttext_lite.config.optimizers import OPTIMIZER_CHOICES, OPTIMIZERS
from fasttext_lite.config.scripts import describe_ngrams
from fasttext_lite.config.texts import DICTIONARY, STOP_WORDS, WORDS, Words, stored_words, words_of
from fasttext_lite.errors import SettingError

HEADS = ("auto", "learned", "linear")
NORMS = ("none", "layer", "batch")
ACTIVATIONS = ("relu", "leaky_relu", "elu", "gelu", "tanh", "sigmoid", "maxout")
SCHEDULES = ("linear", "constant", "step", "exponential", "inverse", "cosine")
TREES = ("auto", "huffman", "cluster", "linkage")
POOLINGS = ("blocks", "tfidf", "mean")
INITS = ("output", "input", "normal", "xavier", "he")
DTYPES = ("auto", "float32", "float16")

# Up to this many labels, all take part in each step of `loss="auto"`. Above, it takes the label
# tree; for rows of several labels, whose probabilities the tree would share out, negative sampling.
DENSE_TO_LABELS = 1000

# Up to this many labels, `tree="auto"` joins labels one by one.
LINKAGE_TO_LABELS = 300

# Up to this many labels, `head="auto"` is linear; the second is for rows of several labels.
LINEAR_TO_LABELS = 20
LINEAR_TO_MULTILABELS = 128
LONG_TEXT = 32  # tokens
FLOAT16_FROM = 1 << 24  # numbers of the input table, with dtype="auto"

# From so many training texts on, features are dropped that fewer than so many texts have.
MIN_DF = ((100_000, 5),)

# For texts of more tokens than this on average, the most frequent features are kept: so many for
# each text, up to so many numbers of the input table, but so many in any case.
LONG_DOCUMENT = 100
FEATURES_PER_TEXT = 30
MOST_NUMBERS, LEAST_FEATURES = 1 << 23, 1 << 15


def _segmenting() -> str:
    return " and ".join(each.name for each in ANALYZERS.values() if each.segments)


def _field(
    default: Any,
    help: str,
    *,
    choices: Sequence[str] | None = None,
    low: float | None = None,
    high: float | None = None,
    low_open: bool = False,
    before: Any = MISSING,
    off: Any = MISSING,
    words: str | None = None,
) -> Any:
    """Return a field.

    `before`: the value that means what was done before there was this field. `off`: the value that
    None means, too, and a switch's is False; without it, None is "chosen" or "no limit" where the
    field may be None. `words`: what the field's text is, of `config.texts`.
    """
    if isinstance(default, bool):
        off = False
    metadata = {
        "help": help, "choices": choices, "low": low, "high": high, "low_open": low_open,
        "before": before, "off": off, "words": words,
    }  # fmt: skip
    return dataclasses.field(default=default, metadata=metadata)


def _defaults_of(beta: str) -> str:
    names: dict[float, list[str]] = {}
    for optimizer in OPTIMIZERS.values():
        value = getattr(optimizer, beta)
        if value is not None:
            names.setdefault(value, []).append(optimizer.name)
    return ", ".join(f"{value:g} for {' and '.join(of)}" for value, of in names.items())


RECIPES = ("auto", "fixed")


@dataclass(frozen=True)
class Config:
    """Hyper-parameters of a classifier; immutable, checked when it is made.

    Each field's meaning, range and choices stand in its declaration and are shown by
    ``fasttext-lite train --help``.

    Raises
    ------
    SettingError
        If a value has the wrong type or lies outside its range; a ValueError, whose message names
        the parameter, the rule and the value received.
    """

    # text -> tokens
    analyzer: str = _field(
        "auto",
        "how text becomes tokens: "
        + ", ".join(each.name + f" ({each.help})" * bool(each.help) for each in ANALYZERS.values()),
        choices=ANALYZER_CHOICES,
    )
    lowercase: bool = _field(True, "lower-case the text")
    nfkc: bool = _field(False, "apply Unicode NFKC normalisation (full width to half width, ...)")
    simplify: bool = _field(
        False,
        "read traditional Chinese characters as simplified ones, each by itself (needs OpenCC: "
        "pip install 'fasttext-lite[zh]')",
        before=False,
    )
    stop_words: str = _field(
        "",
        "tokens to leave out, between spaces or in lines; @FILE reads them from a file; english "
        "= scikit-learn's list",
        before="", off="", words=STOP_WORDS,
    )  # fmt: skip
    user_dictionary: str = _field(
        "",
        f"words for the analyzers {_segmenting()}, a line each as jieba has them (word, and if you "
        "like its frequency and tag); @FILE reads them from a file",
        before="", off="", words=WORDS,
    )  # fmt: skip
    dictionary: str = _field(
        "",
        f"main dictionary of the analyzers {_segmenting()} in place of jieba's own, a line for "
        "each word with its frequency; @FILE reads it from a file, such as jieba's dict.txt.big; "
        "the model keeps it",
        before="", off="", words=DICTIONARY,
    )  # fmt: skip
    lone_marks: bool = _field(
        True,
        "a mark that extends a character (accents, variation selectors, joiners) is a token where "
        "it follows none, and so is a format character that is visible; not for the analyzers "
        "whitespace and jieba",
        before=False,
    )
    script_rules: bool = _field(
        True,
        "cut Hangul into syllables, not words, and choose the longest n-gram of tokens by the "
        "script of the text, too; not for the analyzers whitespace and jieba",
        before=False,
    )
    eos: bool = _field(False, "end every text with fastText's token </s>")
    # tokens -> features
    word_ngrams: int | None = _field(
        None,
        "longest n-gram of tokens; none = 2, or 3 under a linear head for texts of over "
        f"{LONG_TEXT} tokens on average; {describe_ngrams()}; in a tree of over 4,000 "
        "labels 1 where texts held out are told as well by words alone",
        low=1, high=16,
    )  # fmt: skip
    boundaries: bool = _field(
        True, "n-grams of tokens see where a text begins and ends", before=False
    )
    minn: int = _field(
        2, "shortest n-gram of characters inside a word; 0 = as 1", low=0, high=64, off=0
    )
    maxn: int = _field(
        4,
        "longest n-gram of characters inside a word; 0 = none; 4 becomes 0 where a tree of over "
        "4,000 labels does as well without, unless minn, char_energy or recipe fixed is given",
        low=0, high=64, off=0,
    )  # fmt: skip
    min_count: int = _field(
        1, "drop words that occur less often in training", low=1, high=2**31, off=1
    )
    min_df: int | None = _field(
        None,
        "drop words and n-grams that fewer training texts have; none = 1, or "
        + ", ".join(f"{least} from {n:,} texts on" for n, least in MIN_DF),
        low=1, high=2**31 - 1, before=1,
    )  # fmt: skip
    max_features: int | None = _field(
        None,
        "keep at most so many words and n-grams, those that most training texts have; 0 = all; "
        f"none = 0, or for texts of over {LONG_DOCUMENT} tokens on average {FEATURES_PER_TEXT} for "
        f"each text, from {LEAST_FEATURES:,} up to a table of {MOST_NUMBERS >> 18} MB",
        low=0, high=2**31 - 1, before=0,
    )  # fmt: skip
    bucket: int = _field(
        2_000_000,
        "hash slots of each kind of n-grams (bigrams, longer ones, those of characters); with "
        "pooling tfidf and mean of all together",
        low=0, high=100_000_000,
    )  # fmt: skip
    pooling: str = _field(
        "blocks",
        "weights of a text's features: blocks (sublinear tf x idf; n-grams of words and of "
        "characters scaled apart, longer word n-grams count half), tfidf (all scaled together, to "
        "unit length), mean (fastText's)",
        choices=POOLINGS,
    )
    supervision: float | None = _field(
        None,
        "multiply each feature's weight by what it tells about the labels (divergence in nats) to "
        "this power; 0 = not; none = chosen from the number of labels; not for pooling mean",
        low=0.0, high=2.0, before=0.0,
    )  # fmt: skip
    char_energy: float | None = _field(
        None,
        "energy (squared length) of the n-grams of characters beside that of words and their "
        "n-grams, where all words have any; none = 1, or 4 where that does better on texts held "
        "out; only for pooling blocks",
        low=0.01, high=100.0, before=1.0,
    )  # fmt: skip
    pseudo_count: float | None = _field(
        None,
        "labels spread over all that are added to those of a feature's texts when what it tells is "
        "measured; none = estimated: few where texts that share a feature share their label",
        low=0.0, low_open=True, high=1e6, before=1.0,
    )  # fmt: skip
    bias: bool = _field(
        True,
        "one more feature of weight 1, the same in every text; not for pooling mean",
        before=False,
    )
    # what is left open
    recipe: str = _field(
        "auto",
        "how settings that are left open are chosen: auto (some candidates are tried on texts held "
        "out, then all texts are trained on) or fixed (by the shape of the data alone); with both, "
        "probabilities are calibrated on texts held out",
        choices=RECIPES, before="fixed",
    )  # fmt: skip
    # the network and its training
    dim: int | None = _field(
        None, "size of the hidden vector; none = chosen from the number of labels", low=1, high=4096
    )
    loss: str = _field(
        "auto",
        "hs (label tree), softmax, ova (one vs all), ns (negative sampling), hinge and "
        "squared_hinge (one vs all, as linear support vector machines); auto = ova under a linear "
        "head (squared_hinge if labels are skewed, or better on texts held out), softmax up to "
        f"{DENSE_TO_LABELS} labels, else hs; for rows with several labels "
        f"squared_hinge up to {DENSE_TO_LABELS}, else ns",
        choices=LOSS_CHOICES,
    )
    tree: str = _field(
        "auto",
        "label tree of the loss hs: huffman (short paths for frequent labels), cluster (similar "
        "labels share inner nodes), linkage (the most similar labels are joined first, deeper); "
        f"auto = linkage up to {LINKAGE_TO_LABELS} labels, else cluster",
        choices=TREES,
    )
    neg: int = _field(5, "negative labels drawn for each label (loss ns)", low=1, high=1000)
    label_smoothing: float | None = _field(
        None,
        "share of the target spread evenly over the labels (not for the hinge losses); none = "
        f"0.1, or 0.2 for hs above {LINKAGE_TO_LABELS} labels, 0.02 for ns where rows have several "
        "labels",
        low=0.0, high=0.9,
    )  # fmt: skip
    focal: float = _field(
        0.0,
        "focal loss: multiply each term by (1 - probability) to this power, so that hard texts "
        "count more; not for the hinge losses",
        low=0.0, high=10.0, before=0.0, off=0.0,
    )  # fmt: skip
    head: str = _field(
        "auto",
        "learned: train the output table too; linear: it is the identity and stays so, the rows "
        "of the features are the labels' weights (dim must reach the number of output rows); auto "
        f"= linear up to {LINEAR_TO_LABELS} labels, {LINEAR_TO_MULTILABELS} for rows with several",
        choices=HEADS,
        before="learned",
    )
    optimizer: str = _field(
        "sgd", "how rows move against their gradients", choices=OPTIMIZER_CHOICES
    )
    beta1: float | None = _field(
        None,
        f"decay of momentum; none = {_defaults_of('beta1')}",
        low=0.0, high=0.9999, before=0.9,
    )  # fmt: skip
    beta2: float | None = _field(
        None,
        f"decay of the mean of squared gradients; none = {_defaults_of('beta2')}",
        low=0.0, low_open=True, high=0.99999, before=None,
    )  # fmt: skip
    lr: float | None = _field(
        None,
        "highest learning rate; none = chosen from the settings, or on texts held out",
        low=0.0,
        high=1e6,
        low_open=True,
    )
    schedule: str = _field(
        "linear",
        "learning rate over training: linear (to 0), constant, step (a tenth after each third), "
        "exponential (to a hundredth), inverse (1/t, to a tenth), cosine (to 0)",
        choices=SCHEDULES,
        off="constant",
    )
    warmup: float = _field(
        0.0, "share of training in which the learning rate rises from 0",
        low=0.0, high=0.9, off=0.0,
    )  # fmt: skip
    epochs: int = _field(5, "passes over the training rows", low=1, high=100_000)
    shuffle: bool = _field(True, "visit the rows in a new random order in every epoch")
    deterministic: bool = _field(
        False,
        "the same weights for the same seed with any number of threads, by training in rounds of "
        "texts; costs time",
        before=False,
    )
    # against overfitting
    l2: float = _field(
        0.0,
        "weight decay: weights shrink by this times the learning rate a step",
        low=0.0,
        high=1.0,
        before=0.0,
        off=0.0,
    )
    l1: float = _field(
        0.0,
        "weights move towards 0 by lr times this a step; features whose weights "
        "are all 0 leave the model (and the length that texts are scaled to)",
        low=0.0, high=1.0, before=0.0, off=0.0,
    )  # fmt: skip
    max_norm: float | None = _field(
        None, "longest row of a table; none = no limit", low=0.0, low_open=True, before=None
    )
    clip: float | None = _field(
        None,
        "longest gradient of a table in one step; none = no limit",
        low=0.0,
        low_open=True,
        before=None,
    )
    feature_dropout: float = _field(
        0.0,
        "chance of each feature to be left out of a step",
        low=0.0,
        high=0.99,
        before=0.0,
        off=0.0,
    )
    hidden_dropout: float = _field(
        0.0,
        "chance of each element of the hidden vector to be set to 0",
        low=0.0,
        high=0.99,
        before=0.0,
        off=0.0,
    )
    word_dropout: float = _field(
        0.0,
        "chance of each token to be left out of a text, anew in each epoch",
        low=0.0,
        high=0.99,
        before=0.0,
        off=0.0,
    )
    word_swap: float = _field(
        0.0, "chance of two neighbouring tokens to change places, anew in each epoch",
        low=0.0, high=1.0, before=0.0, off=0.0,
    )  # fmt: skip
    averaging: float = _field(
        0.0,
        "share of training, at its end, whose weights are averaged (Polyak)",
        low=0.0,
        high=1.0,
        before=0.0,
        off=0.0,
    )
    patience: int | None = _field(
        None,
        "stop after so many epochs without a better validation accuracy (with several labels to a "
        "text: exact match), and keep the best weights; none = never",
        low=1,
        before=None,
    )
    valid_fraction: float = _field(
        0.1,
        "share of the training rows set aside for patience when no validation data are given",
        low=0.0,
        low_open=True,
        high=0.5,
        before=0.1,
    )
    # the network
    norm: str = _field(
        "none",
        "normalisation of the hidden vector: none, layer or batch",
        choices=NORMS,
        before="none",
        off="none",
    )
    units: int = _field(
        0, "units of a hidden layer; 0 = no hidden layer", low=0, high=4096, before=0, off=0
    )
    activation: str = _field("relu", "of the hidden layer", choices=ACTIVATIONS, before="relu")
    init: str = _field(
        "output",
        "which table starts random: output (normal, rows about 2 long; input zero), input "
        "(uniform in +-1/dim, output zero: fastText's), or both: normal (sd 0.02), xavier, he",
        choices=INITS,
    )
    dtype: str = _field(
        "auto",
        "type of the input table's numbers, in training and in the model: float16 halves memory "
        f"and file, only for plain sgd; auto = float16 from {FLOAT16_FROM / 2**18:.0f} MB on",
        choices=DTYPES,
        before="float32",
    )

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            value = check_value(field, getattr(self, field.name))
            object.__setattr__(self, field.name, value)
        if self.maxn and self.minn > self.maxn:
            raise SettingError(f"minn must not exceed maxn; got minn={self.minn}, maxn={self.maxn}")
        if self.uses_buckets and self.bucket < 1:
            raise SettingError(
                "bucket must be at least 1 when word_ngrams > 1 or maxn > 0; got bucket=0"
            )
        for name in ("user_dictionary", "dictionary"):
            if getattr(self, name) and not ANALYZERS[self.analyzer].segments:
                raise SettingError(
                    f"{name} goes with the analyzers {_segmenting()}; got analyzer "
                    f"{self.analyzer!r}"
                )
        if self.averaging and (self.l1 or self.l2):
            raise SettingError("averaging cannot be combined with l1 or l2; set one of them to 0")
        if self.focal and self.loss != "auto" and LOSSES[self.loss].focal is None:
            raise SettingError(f"focal does not apply to the loss {self.loss}; got {self.focal:g}")
        if self.head == "linear" and (self.units or self.norm != "none" or self.init != "output"):
            raise SettingError(
                "head='linear' has no hidden layer, no norm and an init of its own; leave units, "
                "norm and init at their defaults"
            )
        if self.dtype == "float16" and (others := self._without_float16()):
            raise SettingError(
                "dtype='float16' goes with optimizer sgd without "
                f"{', '.join(_NOT_FLOAT16)}; got {', '.join(others)}"
            )

    def _without_float16(self) -> list[str]:
        """Return the settings that float16 does not go with."""
        others = [name for name in _NOT_FLOAT16 if getattr(self, name) not in (0, None, "none")]
        if not OPTIMIZERS[self.optimizer].is_plain:
            others.insert(0, f"optimizer {self.optimizer}")
        return others

    @property
    def table_dtype(self) -> str:
        """The type of the input table's numbers; float32 where none is chosen yet."""
        return "float16" if self.dtype == "float16" else "float32"

    def with_dtype(self, n_rows: int) -> Config:
        """Return the settings with the type of an input table of so many rows chosen."""
        if self.dtype != "auto":
            return self
        large = n_rows * (self.dim or 0) >= FLOAT16_FROM and not self._without_float16()
        return self.replace(dtype="float16" if large else "float32")

    @property
    def uses_buckets(self) -> bool:
        """Whether any n-gram is hashed at all."""
        return self.word_ngrams is None or self.word_ngrams > 1 or self.maxn > 0

    @property
    def is_noisy(self) -> bool:
        """Whether each epoch is trained on texts disturbed anew."""
        return bool(self.word_dropout or self.word_swap)

    def of_trial(self) -> Config:
        """Return the settings of a training that tries these out: by one thread, on all it has."""
        return self.replace(patience=None, word_dropout=0.0, word_swap=0.0, deterministic=False)

    def replace(self, **changes: Any) -> Config:
        """Return a copy with some values changed (and checked)."""
        kept: dict[str, Any] = {name: Words(getattr(self, name)) for name in TEXTS}
        return dataclasses.replace(self, **{**kept, **changes})

    def __setstate__(self, state: dict[str, Any]) -> None:
        # Of a pickle that is older than some fields.
        vars(self).update({**values_before(), **state})

    def to_dict(self) -> dict[str, Any]:
        """Return the values by name, as the model header stores them."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Config:
        """Make a Config of stored values; an unknown name is a `ValueError`."""
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise ValueError(f"unknown parameter {', '.join(map(repr, unknown))}")
        for name in values:
            if values[name] is None and not field_type(name)[1]:
                raise ValueError(f"{name} must be set; got None")
        texts = {
            name: stored_words(values[name], kind) for name, kind in TEXTS.items() if name in values
        }
        return cls(**{**values, **texts})


Config.__init__ = with_advice()(Config.__init__)  # type: ignore[method-assign]

# The settings that are words, and what kind of `config.texts` they are.
TEXTS: dict[str, str] = {
    field.name: field.metadata["words"]
    for field in dataclasses.fields(Config)
    if field.metadata["words"]
}

# What training with float16 does not do.
_NOT_FLOAT16 = (
    "focal", "l1", "l2", "max_norm", "clip", "averaging", "feature_dropout", "hidden_dropout",
    "norm", "units",
)  # fmt: skip

# The settings that decide which features a text has; the rest belongs to training.
FEATURE_FIELDS = (
    "analyzer", "lowercase", "nfkc", "simplify", "stop_words", "user_dictionary", "dictionary",
    "lone_marks", "script_rules", "eos", "word_ngrams", "boundaries", "minn", "maxn",
    "min_count", "min_df", "max_features", "bucket", "pooling", "char_energy",
    "supervision", "pseudo_count", "bias",
)  # fmt: skip

# The settings that decide which tables there are, and what their numbers mean.
TABLE_FIELDS = ("dim", "loss", "tree", "head", "norm", "units", "activation", "init", "dtype")

# What `resolve` fills in where it is None. (A pseudo-count is estimated with the features.)
RESOLVED = (
    "char_energy", "dim", "label_smoothing", "lr", "max_features", "min_df", "supervision",
    "word_ngrams",
)  # fmt: skip


def values_before() -> dict[str, Any]:
    """Return the fields that models of the past do not have, with what they did in their place.

    That is not the default, which may change.
    """
    fields = dataclasses.fields(Config)
    before = {field.name: field.metadata["before"] for field in fields}
    return {name: value for name, value in before.items() if value is not MISSING}


_HINTS = get_type_hints(Config)


def field_type(name: str) -> tuple[type, bool]:
    """Return a field's plain type (bool, int, float or str) and whether it may be None."""
    hint = _HINTS[name]
    if get_origin(hint) is None:
        return hint, False
    plain = [option for option in get_args(hint) if option is not type(None)]
    return plain[0], True


def check_value(field: dataclasses.Field, value: Any) -> Any:
    """Return `value` as the field's plain type.

    NumPy scalars and whole floats are accepted where they mean the same number.

    Raises
    ------
    SettingError
        With the parameter's name, its rule and the value received.
    """
    expected, optional = field_type(field.name)
    meta = field.metadata
    if value is None and (optional or meta["off"] is not MISSING):
        return None if optional else meta["off"]
    if meta["choices"] is not None:
        if not isinstance(value, str) or value not in meta["choices"]:
            raise SettingError(not_a_choice(field.name, value, meta["choices"]))
        return str(value)
    if expected is str:
        try:
            return str(words_of(value, meta["words"] or WORDS))
        except ValueError as error:
            space = "" if str(error).startswith("must be") else ":"
            raise SettingError(f"{field.name}{space} {error}") from None
    if hasattr(value, "item") and getattr(value, "ndim", None) == 0:
        value = value.item()
    good = (
        isinstance(value, bool)
        if expected is bool
        else isinstance(value, int | float) and not isinstance(value, bool)
    )
    if good and expected is int:
        good = isinstance(value, int) or float(value).is_integer()
    if good and expected is float:
        good = abs(value) <= sys.float_info.max  # false for NaN too
    rule = _rule(expected, meta)
    if good and meta["low"] is not None:
        good = value > meta["low"] if meta["low_open"] else value >= meta["low"]
    if good and meta["high"] is not None:
        good = value <= meta["high"]
    if not good:
        none = " or None" if optional else ""
        raise SettingError(f"{field.name} must be {rule}{none}; got {value!r}")
    return expected(value)


def _rule(expected: type, meta: Any) -> str:
    if expected is bool:
        return "True or False"
    name = "a whole number" if expected is int else "a finite number"
    low, high = meta["low"], meta["high"]
    if low is not None and high is not None and meta["low_open"]:
        return f"{name} above {low} and up to {high}"
    if low is not None and high is not None:
        return f"{name} from {low} to {high}"
    if low is not None:
        return f"{name} {'above' if meta['low_open'] else 'of at least'} {low}"
    return name
