"""The parameters of the estimators: those of `Config` and of a run, and what they ask for."""

from __future__ import annotations

import dataclasses
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.utils import check_random_state

from fasttext_lite.config.effects import NO_VECTORS, Remark, not_default
from fasttext_lite.config.fields import TEXTS, Config
from fasttext_lite.config.foreign import advice, unexpected
from fasttext_lite.config.texts import Words
from fasttext_lite.errors import SettingError, bounded
from fasttext_lite.fitting.vectors import MOST_WORDS, Pretrained
from fasttext_lite.model.abstention import ACCURACY, RATE
from fasttext_lite.parallel import cpu_count

_OF_A_RUN = {
    "class_weight": (
        None,
        'dict {label: weight}, "balanced" or None: factor of the loss of each label\'s texts',
    ),
    "pretrained_vectors": (
        None,
        "path or None: word vectors to start from, a .vec file or static embeddings (model2vec's "
        "folder, or its model.safetensors); `dim` is theirs",
    ),
    "max_words": (
        MOST_WORDS,
        "int: of so many first words of `pretrained_vectors`, those that the texts do not have are "
        "words of the model, too; 0 = none",
    ),
    "random_state": (
        None,
        "int, RandomState or None: seed of the initial weights and of the order of texts",
    ),
    "n_jobs": (
        None,
        "int or None: threads; -1 = all processors. None = all processors, but 1 for training "
        "when `random_state` is given without `deterministic`, because only one thread gives the "
        "same result every time then",
    ),
    "verbose": (
        0,
        "int: 1 shows a progress bar on stderr while training, and a line for each epoch with "
        "validation data, callbacks or `patience`",
    ),
}
# What was done before there were these parameters, which older pickles do not have.
BEFORE = {"max_words": 0, "answer_rate": None, "answer_accuracy": None}
SETTINGS = {field.name: field for field in dataclasses.fields(Config)}
_SHARED = {
    name: (field.default, field.metadata["help"]) for name, field in SETTINGS.items()
} | _OF_A_RUN


def with_parameters(own: Mapping[str, Any] | None = None) -> Callable[[type], type]:
    """Return a decorator that gives a class its `__init__`, and its docstring the parameters.

    Parameters
    ----------
    own : mapping, optional
        Parameters of that class alone with their defaults; they come first. The others are
        those of `Config` and of a run.
    """
    defaults = dict(own or {}) | {name: default for name, (default, _) in _SHARED.items()}
    parameters = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default)
        for name, default in defaults.items()
    ]
    itself = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    signature = inspect.Signature([itself, *parameters])

    def decorate(cls: type) -> type:
        def __init__(self: Any, **values: Any) -> None:  # noqa: N807 - it becomes the method
            for name in values:
                if name not in defaults:
                    raise TypeError(unexpected(cls.__name__, name, defaults))
            for name, default in defaults.items():
                setattr(self, name, values.get(name, default))

        __init__.__signature__ = signature  # type: ignore[attr-defined]
        __init__.__qualname__ = f"{cls.__name__}.__init__"
        __init__.__doc__ = "Store the parameters; they are checked by `fit`."
        cls.__init__ = __init__  # type: ignore[misc]
        lines = [
            f"    {name} : default {default!r}\n        {text[0].upper()}{text[1:]}."
            for name, (default, text) in _SHARED.items()
        ]
        head, marker, tail = (cls.__doc__ or "").partition("    <parameters>\n")
        cls.__doc__ = head + "\n".join(lines) + "\n" + tail if marker else head
        return cls

    return decorate


class AdvisedMethods:
    """A wrong method is answered with the name that it has here."""

    if not TYPE_CHECKING:  # which would know no wrong name any more

        def __getattr__(self, name: str) -> Any:
            """Raise `AttributeError`, with what a method of elsewhere is called here."""
            said = ""
            if not name.startswith("_") and not name.endswith("_"):
                methods = [each for each in dir(type(self)) if each[0] != "_"]
                said = advice(name, methods, of="method", is_near=False)
            text = f"{type(self).__name__!r} object has no attribute {name!r}{said}"
            raise AttributeError(text, name=name, obj=self)


def in_constructor(name: str) -> str:
    """Return what to say about a setting that is given to `fit`; empty if it is none."""
    return _as_setting(name, "given to the constructor")


def in_params(name: str) -> str:
    """Return what to say about a setting that is given to the tuner; empty if it is none."""
    return _as_setting(name, "held fixed by params, a dict")


def _as_setting(name: str, how: str) -> str:
    if name in _SHARED:
        return f"it is {how}"
    said = advice(name, _SHARED, is_near=False).removeprefix(": ")
    return f"{said} ({how})" if said else ""


def check_names(estimator: Any, given: Iterable[str]) -> None:
    """Raise `ValueError` for a name that is none of an estimator's parameters.

    Those of estimators inside it, with two underscores, are theirs to check.
    """
    known = estimator._get_param_names()
    for name in given:
        own, _, inner = name.partition("__")
        if inner and own in known and not hasattr(getattr(estimator, own), "set_params"):
            raise ValueError(
                bounded(
                    f"{name!r} cannot be set: {own} is {getattr(estimator, own)!r}; give one first"
                )
            )
        if own not in known:
            raise ValueError(
                bounded(
                    f"invalid parameter {own!r} for {type(estimator).__name__}{advice(own, known)}"
                )
            )


def check_answers(estimator: Any) -> None:
    """Raise `ValueError` unless what is asked of answers is a share, or nothing; and but one."""
    for name in (RATE, ACCURACY):
        value = getattr(estimator, name, None)
        number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
        if value is not None and not (number and 0 < value <= 1):
            raise SettingError(f"{name} must be None or a number above 0, up to 1; got {value!r}")
    if None not in (getattr(estimator, RATE, None), getattr(estimator, ACCURACY, None)):
        raise SettingError(f"{RATE} and {ACCURACY} are both given: a model has one threshold")


def answers_asked(estimator: Any) -> dict[str, Any]:
    """Return what is asked of answers, as arguments of `model.run.Run`."""
    given = {name: getattr(estimator, name, None) for name in (RATE, ACCURACY)}
    return {name: float(value) for name, value in given.items() if value is not None}


def config_of(estimator: Any, trained: Config | None = None) -> Config:
    """Return the settings of an estimator; a `ValueError` says which is out of range.

    Parameters
    ----------
    estimator : estimator
    trained : Config, optional
        Of its model, which has the words already that the parameters may name files of.
    """
    values = {name: getattr(estimator, name) for name in SETTINGS}
    if trained is not None:
        values |= {name: Words(getattr(trained, name)) for name in TEXTS}
    return Config(**values)


def given_to(estimator: Any) -> dict[str, Any]:
    """Return the settings that a user gave to an estimator, by name, as they were given."""
    return not_default({name: getattr(estimator, name) for name in SETTINGS})


def pretrained_of(estimator: Any) -> Pretrained | None:
    """Return the word vectors to start from; a `ValueError` if `max_words` is out of range."""
    return Pretrained.of(estimator.pretrained_vectors, estimator.max_words)


def idle_words(estimator: Any) -> Remark | None:
    """Return what to say of `max_words` where there is no file that it is of."""
    if estimator.max_words in (None, 0, MOST_WORDS) or estimator.pretrained_vectors is not None:
        return None
    return Remark("max_words", NO_VECTORS)


def words_kept(parameters: Mapping[str, Any], config: Config) -> dict[str, Any]:
    """Return parameters for a file: words in place of the files that hold them.

    Parameters
    ----------
    parameters : mapping
    config : Config
        Of the trained model.
    """
    kept = dict(parameters)
    for name in TEXTS:
        value = kept[name]
        if isinstance(value, os.PathLike) or (isinstance(value, str) and value[:1] == "@"):
            kept[name] = getattr(config, name)
        elif isinstance(value, tuple | set | frozenset):
            kept[name] = sorted(value) if isinstance(value, set | frozenset) else list(value)
    return kept


def threads_of(estimator: Any, *, training: bool) -> int:
    """Return the number of threads that `n_jobs` and `random_state` ask for.

    Raises
    ------
    ValueError
        If `n_jobs` is no number of threads.
    """
    n_jobs = estimator.n_jobs
    if n_jobs is None:
        is_seeded = estimator.random_state is not None
        deterministic = getattr(estimator, "deterministic", False)
        return 1 if training and is_seeded and not deterministic else cpu_count()
    if isinstance(n_jobs, bool) or not isinstance(n_jobs, int | np.integer) or n_jobs == 0:
        raise SettingError(f"n_jobs must be None or a whole number other than 0; got {n_jobs!r}")
    return int(n_jobs) if n_jobs > 0 else max(1, cpu_count() + 1 + int(n_jobs))


def seed_of(estimator: Any) -> int:
    """Return a seed from `random_state`, which moves on if it is a generator.

    Raises
    ------
    ValueError
        If it is no random state.
    """
    try:
        generator = check_random_state(estimator.random_state)
    except ValueError:
        raise SettingError(
            "random_state must be None, a RandomState or a whole number from 0 to 2**32 - 1; "
            f"got {estimator.random_state!r}"
        ) from None
    return int(generator.randint(2**31 - 1))


def check_verbose(estimator: Any) -> None:
    """Raise `ValueError` if `verbose` is no whole number of at least 0, nor None for 0."""
    verbose = estimator.verbose or 0
    if not isinstance(verbose, int | np.integer | np.bool_) or verbose < 0:
        raise SettingError(f"verbose must be a whole number of at least 0; got {verbose!r}")
