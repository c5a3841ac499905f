"""Names that people bring from elsewhere, each with ours; and the nearest name to a wrong guess.

`FOREIGN` is the one table: flags, keywords, values and commands of ours are looked up in it, and
fastText's flags and keywords by way of ours. Light to import: a wrong flag is answered at once.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

FASTTEXT, SKLEARN, KERAS, GENSIM = "fastText", "scikit-learn", "Keras", "gensim"
TRANSFORMERS, XGBOOST, PANDAS = "Transformers", "XGBoost", "pandas"
NEAR = 0.75  # least likeness of a name that is suggested, as of `difflib`

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Foreign:
    """Some names of one thing elsewhere.

    Attributes
    ----------
    names : str
        Between spaces.
    origin : str
        Where they are from; empty: from no one place.
    ours : str
        What it is called here, between spaces where that depends on the place: the first name
        that is known there counts. Empty: there is no such thing, and `hint` says why.
    hint : str
        What differs; ``{}`` stands for our name with `value`.
    value : str
        An example in our form.
    of : str
        "" of settings, arguments and flags; else what it is a value of: a setting, or "command".
    place : str
        The only kind of `Place` that it is for, if not for all.
    is_same : bool
        Whether ours is the same thing, and not one that comes near.
    """

    names: str
    origin: str
    ours: str = ""
    hint: str = ""
    value: str = ""
    of: str = ""
    place: str = ""
    is_same: bool = True


class Place(NamedTuple):
    """A kind of place where names are given.

    Attributes
    ----------
    kind : {"flag", "keyword", "word"}
    form : str
        How a name is written there.
    with_value : str
        How a name with its value is written.
    dash : str
        In place of the underscores of a name.
    is_fasttext : bool
        Whether names there are fastText's and not ours.
    """

    kind: str
    form: str
    with_value: str
    dash: str = "_"
    is_fasttext: bool = False

    def write(self, name: str, value: str = "") -> str:
        """Return a name as it is written here."""
        form = self.with_value if value else self.form
        if self.dash == "-" and len(name) == 1:
            form = form.removeprefix("-")
        return form.format(name.replace("_", self.dash), value)


FLAG = Place("flag", "--{}", "--{} {}", "-")
KEYWORD = Place("keyword", "{}", "{}={}")
WORD = Place("word", "{}", "{}")
FASTTEXT_FLAG = Place("flag", "-{}", "-{} {}", is_fasttext=True)
FASTTEXT_KEYWORD = Place("keyword", "{}", "{}={}", is_fasttext=True)

_LONGEST = "the longest n-gram alone: {} for (1, 2)"
_SHARE = "a share of training: {}"
_WAITS = "epochs without a better one: {}"
_FILES = "files are named without a flag; `fasttext-lite supervised` takes fastText's flags"
_WHOLE = "texts are not cut, all of a text counts"
_PROCESSOR = "it runs on the processor, in as many threads as you like"
_OF_TUNE = "of the command tune"
_SEVERAL = "model_.predict(X, k=2, threshold=0.1).rows() has the best labels of each text"
_QUIET = "which leaves only errors and results"

FOREIGN = (
    # Settings and arguments: the network and its training.
    Foreign("epoch", FASTTEXT, "epochs"),
    Foreign("max_iter n_iter", SKLEARN, "epochs", "passes over all texts"),
    Foreign("nb_epoch", KERAS, "epochs"),
    Foreign("num_train_epochs", TRANSFORMERS, "epochs"),
    Foreign("n_epochs num_epochs iterations passes", "", "epochs"),
    Foreign("iter", GENSIM, "epochs"),
    Foreign("n_estimators", SKLEARN, "n_members", place="keyword"),
    Foreign("learning_rate", KERAS, "lr"),
    Foreign("lrate", "", "lr"),
    Foreign("eta0 learning_rate_init", SKLEARN, "lr"),
    Foreign("eta", XGBOOST, "lr"),
    Foreign("lr_scheduler_type", TRANSFORMERS, "schedule"),
    Foreign("lr_scheduler scheduler lr_schedule", "", "schedule"),
    Foreign("warmup_ratio", TRANSFORMERS, "warmup"),
    Foreign("warmup_steps", TRANSFORMERS, "warmup", _SHARE, "0.1"),
    Foreign("weight_decay", TRANSFORMERS, "l2"),
    Foreign("max_grad_norm", TRANSFORMERS, "clip"),
    Foreign("clipnorm", KERAS, "clip"),
    Foreign("alpha", SKLEARN, "l2"),
    Foreign("C", SKLEARN, "l2", "and larger is stronger, where C is weaker"),
    Foreign("penalty", SKLEARN, "l2", "or l1, a number: {}", "1e-5"),
    Foreign("solver", SKLEARN, "optimizer"),
    Foreign("momentum", KERAS, "beta1"),
    Foreign(
        "dropout dropout_rate", "", "feature_dropout", "or hidden_dropout, of the hidden vector"
    ),
    Foreign("early_stopping", SKLEARN, "patience", _WAITS, "3"),
    Foreign("n_iter_no_change", SKLEARN, "patience", _WAITS, "3"),
    Foreign("early_stopping_rounds", XGBOOST, "patience", _WAITS, "3"),
    Foreign("tol", SKLEARN, "patience", _WAITS, "3", is_same=False),
    Foreign("batch_size", KERAS, "", "there are no batches, each text is a step of its own"),
    Foreign("embedding_dim embedding_size hidden_size hidden_dim", "", "dim"),
    Foreign("output_dim", KERAS, "dim"),
    Foreign("vector_size size", GENSIM, "dim"),
    Foreign("n_components", SKLEARN, "dim"),
    Foreign("hidden_layer_sizes", SKLEARN, "units", "one hidden layer: {}", "64"),
    Foreign("hidden_units n_hidden", "", "units"),
    Foreign("hs", GENSIM, "loss", "{}", "hs"),
    Foreign("hierarchical_softmax", "", "loss", "{}", "hs"),
    Foreign("negative", GENSIM, "neg"),
    Foreign("negatives num_negative", "", "neg"),
    Foreign("pretrainedVectors", FASTTEXT, "pretrained_vectors"),
    Foreign("embeddings vectors word_vectors pretrained", "", "pretrained_vectors"),
    Foreign("class_weights", "", "class_weight"),
    Foreign("scale_pos_weight", XGBOOST, "class_weight", "{}", "balanced", place="flag"),
    Foreign("scale_pos_weight", XGBOOST, "class_weight", "{}", "'balanced'", place="keyword"),
    Foreign("sample_weights weights weight", "", "sample_weight", place="keyword"),
    Foreign("ws lrUpdateRate t", FASTTEXT, "", "fastText does not use it for labels either"),
    # Of texts and their features.
    Foreign("wordNgrams", FASTTEXT, "word_ngrams"),
    Foreign("ngram_range", SKLEARN, "word_ngrams", _LONGEST, "2"),
    Foreign("ngrams ngram n_gram n_grams max_ngram", "", "word_ngrams"),
    Foreign("min_n", GENSIM, "minn"),
    Foreign("max_n", GENSIM, "maxn"),
    Foreign("minCount", FASTTEXT, "min_count"),
    Foreign("minCountLabel", FASTTEXT, "", "all labels of the training texts are learnt"),
    Foreign("max_df", SKLEARN, "", "what most texts have counts little anyway (idf)"),
    Foreign("num_words max_tokens", KERAS, "max_features"),
    Foreign("maxlen max_len", KERAS, "", _WHOLE),
    Foreign("max_length max_seq_length", TRANSFORMERS, "", _WHOLE),
    Foreign("max_seq_len seq_len sequence_length", "", "", _WHOLE),
    Foreign("vocab_size vocabulary_size max_vocab", "", "max_features"),
    Foreign("n_features", SKLEARN, "bucket", "hash slots of n-grams"),
    Foreign(
        "tokenizer token_pattern preprocessor",
        SKLEARN,
        "analyzer",
        "or give lists of tokens in place of texts",
        place="keyword",
    ),
    Foreign(
        "tokenizer token_pattern",
        SKLEARN,
        "analyzer",
        "{} takes what stands between spaces",
        "whitespace",
        place="flag",
    ),
    Foreign("lower", KERAS, "lowercase"),
    Foreign("do_lower_case", TRANSFORMERS, "lowercase"),
    Foreign("use_idf sublinear_tf", SKLEARN, "pooling", "{} has it", "blocks", place="flag"),
    Foreign("use_idf sublinear_tf", SKLEARN, "pooling", "{} has it", "'blocks'", place="keyword"),
    # Validation and search.
    Foreign("validation_fraction", SKLEARN, "valid_fraction"),
    Foreign("validation_split", KERAS, "valid_fraction"),
    Foreign("eval_set", XGBOOST, "validation_data", "a pair (X, y)"),
    Foreign("eval_set", XGBOOST, "X_valid", "beside y_valid"),
    Foreign("validation_data", KERAS, "valid X_valid"),
    Foreign("X_val X_test", "", "validation_data X_valid"),
    Foreign("y_val y_test", "", "validation_data y_valid"),
    Foreign("validation_file", TRANSFORMERS, "valid"),
    Foreign("validation val dev dev_file val_file eval_file", "", "valid"),
    Foreign("test test_file", "", "valid", place="keyword"),
    Foreign(
        "test test_file",
        "",
        "",
        "`fasttext-lite test MODEL FILE` measures a model that is trained",
        place="flag",
    ),
    Foreign(
        "autotune-validation autotuneValidationFile", FASTTEXT, "valid", _OF_TUNE, place="flag"
    ),
    Foreign("autotune-validation autotuneValidationFile", FASTTEXT, "valid", place="keyword"),
    Foreign("autotune-duration autotuneDuration", FASTTEXT, "time"),
    Foreign("autotune-metric autotuneMetric", FASTTEXT, "metric"),
    Foreign("autotune-modelsize autotuneModelSize", FASTTEXT, "model_size"),
    Foreign("scoring", SKLEARN, "metric"),
    Foreign("duration timeout time_limit time_budget max_time", "", "time"),
    Foreign("n_iter", SKLEARN, "n_trials trials"),
    Foreign("max_trials num_trials max_evals", "", "n_trials trials"),
    Foreign("max_size", "", "size model_size"),
    # Of a run.
    Foreign("random_state", SKLEARN, "seed"),
    Foreign("seed", FASTTEXT, "random_state", place="keyword"),
    Foreign("random_seed rng", "", "seed random_state"),
    Foreign("n_jobs", SKLEARN, "threads"),
    Foreign("thread", FASTTEXT, "threads n_jobs"),
    Foreign("threads n_threads num_threads jobs", "", "n_jobs threads"),
    Foreign("nthread", XGBOOST, "n_jobs threads"),
    Foreign("workers", GENSIM, "n_jobs threads"),
    Foreign("num_workers n_workers", "", "n_jobs threads"),
    Foreign("verbose", FASTTEXT, "quiet", _QUIET, place="flag", is_same=False),
    Foreign("verbosity", XGBOOST, "quiet", _QUIET, place="flag", is_same=False),
    Foreign("verbosity", XGBOOST, "verbose", place="keyword"),
    Foreign("silent", "", "quiet", place="flag"),
    # Files and results.
    Foreign("input", FASTTEXT, "", _FILES, place="flag"),
    Foreign(
        "i f file data data_file train train_file training_file model m",
        "",
        "",
        _FILES,
        place="flag",
    ),
    Foreign("input", FASTTEXT, "", "texts are given to fit", place="keyword"),
    Foreign("X_train X y", SKLEARN, "", "texts and labels are given to fit", place="keyword"),
    Foreign("output_dir", TRANSFORMERS, "output", "a file", place="flag"),
    Foreign("o out output_file save save_model model_path", "", "output", place="flag"),
    Foreign(
        "o out output output_dir",
        "",
        "data_home",
        "the folder of the sets; > FILE keeps what is printed",
        place="flag",
        is_same=False,
    ),
    Foreign("o out output", "", "", "results are printed: > FILE keeps them", place="flag"),
    Foreign("label", FASTTEXT, "label_prefix", place="flag"),
    Foreign("label", FASTTEXT, "", "labels are given to fit, without a prefix", place="keyword"),
    Foreign("prefix", "", "label_prefix", place="flag"),
    Foreign("sep", PANDAS, "delimiter", place="flag"),
    Foreign("separator field_separator", "", "delimiter", place="flag"),
    Foreign(
        "header names",
        PANDAS,
        "columns",
        "for a file whose first line has no names: {}",
        "label,text",
        place="flag",
        is_same=False,
    ),
    Foreign("predict_proba", SKLEARN, "prob", place="flag"),
    Foreign("probabilities probability proba", "", "prob", place="flag"),
    Foreign("top_k topk n_best", "", "k"),
    Foreign("k threshold", FASTTEXT, "", _SEVERAL, of="predict"),
    Foreign("top_k topk n_best", "", "", _SEVERAL, of="predict"),
    Foreign("save_model", FASTTEXT, "save", of="method"),
    Foreign("dump to_disk export", "", "save", of="method"),
    Foreign("load_model", FASTTEXT, "load", of="method"),
    Foreign("from_pretrained", TRANSFORMERS, "load", of="method"),
    Foreign("evaluate test", "", "score", of="method"),
    Foreign("train train_supervised", FASTTEXT, "fit", of="method"),
    Foreign("predict_one", "", "", "predict([text]) takes one, too", of="method"),
    Foreign(
        "get_sentence_vector embed encode", "", "", "FastTextTransformer gives vectors", of="method"
    ),
    Foreign(
        "multilabel multi_label",
        "",
        "",
        "lists of labels as y make a model of several for each text",
        place="keyword",
    ),
    Foreign("device gpu cuda use_gpu use_cuda no_cuda", "", "", _PROCESSOR),
    Foreign("classification_report", SKLEARN, "per_label", place="flag"),
    Foreign("confusion_matrix", SKLEARN, "confusion", place="flag"),
    # Values of settings.
    Foreign(
        "categorical_crossentropy sparse_categorical_crossentropy", KERAS, "softmax", of="loss"
    ),
    Foreign("crossentropy cross_entropy ce nll", "", "softmax", of="loss"),
    Foreign("log_loss log", SKLEARN, "softmax", of="loss"),
    Foreign("multi:softprob multi:softmax", XGBOOST, "softmax", of="loss"),
    Foreign("binary_crossentropy", KERAS, "ova", of="loss"),
    Foreign("one-vs-all", FASTTEXT, "ova", of="loss"),
    Foreign("ovr one_vs_rest bce sigmoid", "", "ova", of="loss"),
    Foreign("hierarchical_softmax hierarchical hsoftmax tree", "", "hs", of="loss"),
    Foreign("negative_sampling negative", "", "ns", of="loss"),
    Foreign("svm", "", "hinge", of="loss"),
    Foreign("modified_huber", SKLEARN, "squared_hinge", of="loss"),
    Foreign("cosine_with_restarts", TRANSFORMERS, "cosine", of="schedule"),
    Foreign("cosine_annealing cosine_decay", "", "cosine", of="schedule"),
    Foreign("constant_with_warmup", TRANSFORMERS, "constant", "with warmup", of="schedule"),
    Foreign("auto", "", "balanced", of="class_weight"),
    Foreign("ansi", "Windows", "cp1252", of="encoding"),
    Foreign("word", SKLEARN, "auto", of="analyzer"),
    Foreign("words", "", "auto", of="analyzer"),
    Foreign(
        "char_wb", SKLEARN, "auto", "with minn and maxn for n-grams of characters", of="analyzer"
    ),
    Foreign("character characters", "", "char", of="analyzer"),
    Foreign("split space spaces", "", "whitespace", of="analyzer"),
    Foreign("json", PANDAS, "jsonl", "an object in each line", of="format"),
    Foreign("f1_macro", SKLEARN, "macro-f1", of="metric"),
    Foreign("f1_micro", SKLEARN, "micro-f1", of="metric"),
    Foreign("f1", FASTTEXT, "micro-f1", of="metric"),
    Foreign("acc", KERAS, "accuracy", of="metric"),
    # Commands, and those of `datasets`.
    Foreign("fit", SKLEARN, "train", of="command"),
    Foreign("learn", "", "train", of="command"),
    Foreign("evaluate", KERAS, "test", of="command"),
    Foreign("score", SKLEARN, "test", of="command"),
    Foreign("eval validate", "", "test", of="command"),
    Foreign("classify infer", "", "predict", of="command"),
    Foreign("predict_proba", SKLEARN, "predict-prob", of="command"),
    Foreign("transform", SKLEARN, "embed", of="command"),
    Foreign("encode vectors vectorize", "", "embed", of="command"),
    Foreign("autotune search optimize", "", "tune", of="command"),
    Foreign("compress prune", "", "quantize", of="command"),
    Foreign("export", "", "convert", of="command"),
    Foreign("describe summary inspect", "", "info", of="command"),
    Foreign("download fetch", "", "datasets", of="command"),
    Foreign("download get", "", "fetch", of="action"),
    Foreign("ls", "", "list", of="action"),
)


def advice(
    name: str,
    known: Iterable[str],
    place: Place = KEYWORD,
    of: str = "",
    elsewhere: str = "",
    is_near: bool = True,
) -> str:
    """Return what to say behind an unknown name: `": did you mean epochs?"`; empty if nothing.

    Parameters
    ----------
    name : str
        As it was given, dashes in front included.
    known : iterable of str
        The names that there are.
    place : Place
    of : str
        See `Foreign.of`.
    elsewhere : str
        Where the name is known, if somewhere else.
    is_near : bool
        Whether a name that is only spelt alike will do.
    """
    names = {_key(each): each for each in reversed([*known])}
    key = _key(name)
    if key in names:
        return f": did you mean {place.write(names[key])}?"
    said = _translated(key, names, place, of)
    if said:
        return f": {said}"
    if elsewhere:
        return f": {elsewhere}"
    if not is_near or any(
        key in map(_key, record.names.split()) for record in FOREIGN if record.of == of
    ):
        return ""  # it is a word of its own: what is spelt alike is something else
    near = difflib.get_close_matches(key, names, len(names), NEAR) if names else []
    if not near:
        return ""
    nearest = min(near, key=lambda other: (_n_slips(key, other), len(other)))
    return f": did you mean {place.write(names[nearest])}?"


def _n_slips(one: str, other: str) -> int:
    """Return how many letters were left out, added, changed or swapped with the next one."""
    rows = [list(range(len(other) + 1))]
    for i, letter in enumerate(one, 1):
        row = [i]
        for j, theirs in enumerate(other, 1):
            change = rows[-1][j - 1] + (letter != theirs)
            row.append(min(change, rows[-1][j] + 1, row[-1] + 1))
            if i > 1 and j > 1 and one[i - 2 : i] == theirs + other[j - 2]:
                row[-1] = min(row[-1], rows[-2][j - 2] + 1)
        rows.append(row)
    return rows[-1][-1]


def _key(name: str) -> str:
    """Return a name without case, dashes and underscores."""
    return "".join(filter(str.isalnum, name.lower()))


def _translated(key: str, names: dict[str, str], place: Place, of: str) -> str:
    """Return what a foreign name is here, or why there is none."""
    why = ""
    if place.is_fasttext:
        for theirs, ours in _fasttext_names():
            if key == _key(ours) and _key(theirs) in names:
                return f"did you mean {place.write(names[_key(theirs)])}?"
    for record in FOREIGN:
        if record.of != of or record.place not in ("", place.kind):
            continue
        spelt = next((each for each in record.names.split() if _key(each) == key), "")
        if not spelt:
            continue
        ours = next((each for each in _called(record, place) if _key(each) in names), "")
        if ours:
            written = names[_key(ours)]
            hint = record.hint.format(place.write(written, record.value))
            source = f"{spelt} of {record.origin}" if record.origin else spelt
            said = f"{source} is {place.write(written)} here"
            if not record.is_same:
                said = f"there is {place.write(written)}"
            if place.is_fasttext and not record.is_same:
                return said
            return f"{said}, {hint}" if hint else said
        if not record.ours and not place.is_fasttext:
            why = record.hint
    return why


def translations(name: str, place: Place) -> Iterator[tuple[str, str]]:
    """Yield what a foreign name of a flag or argument is here, and the words that say so.

    Parameters
    ----------
    name : str
    place : Place
        Of ours.
    """
    key = _key(name)
    for record in FOREIGN:
        if record.of or record.place not in ("", place.kind) or not record.is_same:
            continue
        for spelt in record.names.split():
            if _key(spelt) == key:
                source = f"{spelt} of {record.origin}" if record.origin else spelt
                for ours in record.ours.split():
                    yield ours, f"{source} is {place.write(ours)}"


def _called(record: Foreign, place: Place) -> list[str]:
    """Return what may be the name of a thing at a place."""
    ours = record.ours.split()
    if not place.is_fasttext:
        return ours
    return ours + [theirs for theirs, name in _fasttext_names() if name in ours]


def _fasttext_names() -> Iterator[tuple[str, str]]:
    """Yield fastText's name and ours of each setting that has both."""
    for record in FOREIGN:
        if record.origin == FASTTEXT and not record.of:
            yield from itertools.product(record.names.split(), record.ours.split())


def with_advice(
    elsewhere: Callable[[str], str] = "".format, place: Place = KEYWORD
) -> Callable[[Function], Function]:
    """Return a decorator: a wrong keyword is answered with the nearest name, or ours.

    Parameters
    ----------
    elsewhere : callable, optional
        Given the wrong name, what `advice` takes as `elsewhere`.
    place : Place

    Raises
    ------
    TypeError
        As Python does, with the advice behind it.
    """

    def decorate(function: Function) -> Function:
        known = set(inspect.signature(function).parameters)
        names = [name for name in inspect.signature(function).parameters if name != "self"]

        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            if not kwargs.keys() <= known:
                wrong = next(name for name in kwargs if name not in known)
                title = function.__qualname__.removesuffix(".__init__")
                raise TypeError(unexpected(title, wrong, names, place, elsewhere(wrong)))
            return function(*args, **kwargs)

        return call  # type: ignore[return-value]

    return decorate


def unexpected(
    function: str,
    name: str,
    known: Iterable[str],
    place: Place = KEYWORD,
    elsewhere: str = "",
    of: str = "",
) -> str:
    """Return the message about a keyword that a function does not have; see `advice`."""
    said = advice(name, known, place, of, elsewhere)
    return f"{function}() got an unexpected keyword argument {name!r}{said}"


def not_a_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return the message about a value that is none of a setting's choices."""
    choices = list(choices)
    said = advice(value, choices, WORD, name) if isinstance(value, str) else ""
    return f"{name} must be one of {', '.join(choices)}; got {value!r}{said}"
