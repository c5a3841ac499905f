"""When a setting has an effect, once: what it depends on, and the words for where it has none.

A setting that is not in `EFFECTS` always has one.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fasttext_lite.config.analyzers import ANALYZERS, Analyzer
from fasttext_lite.config.fields import RESOLVED, Config
from fasttext_lite.config.losses import LOSSES, Loss
from fasttext_lite.config.optimizers import OPTIMIZERS, Optimizer
from fasttext_lite.config.recipe import usual_dim


@dataclass(frozen=True)
class Effect:
    """What a setting depends on.

    Attributes
    ----------
    applies : callable
        Whether it has an effect, given the settings and the number of labels, or None where that is
        not known yet. What is still open may become anything: it has one.
    reason : str
        Why it has none, if not; fields of `Config` in braces are filled in.
    idle : tuple
        Values that ask for nothing: who gives one of these misses nothing.
    """

    applies: Callable[[Config, int | None], bool]
    reason: str
    idle: tuple[Any, ...] = ()


def _of_loss(asks: Callable[[Loss], Any]) -> Callable[[Config, int | None], bool]:
    return lambda config, _: config.loss == "auto" or bool(asks(LOSSES[config.loss]))


def _of_optimizer(asks: Callable[[Optimizer], Any]) -> Callable[[Config, int | None], bool]:
    return lambda config, _: bool(asks(OPTIMIZERS[config.optimizer]))


def _of_analyzer(asks: Callable[[Analyzer], Any]) -> Callable[[Config, int | None], bool]:
    return lambda config, _: bool(asks(ANALYZERS[config.analyzer]))


def _of_config(asks: Callable[[Config], Any]) -> Callable[[Config, int | None], bool]:
    return lambda config, _: bool(asks(config))


def _has_token_ngrams(config: Config) -> bool:
    return config.word_ngrams is None or config.word_ngrams > 1


def _is_wide(config: Config, n_labels: int | None) -> bool:
    """Return whether `dim` may matter: not where a linear head has a number for each label."""
    if config.head != "linear" or n_labels is None or config.dim is None:
        return True
    return config.dim <= usual_dim("linear", n_labels)


# Of `max_words`, which belongs to a run.
NO_VECTORS = "has no effect: there are no pretrained vectors to take words from"
_BY_OPTIMIZER = "the optimizer {optimizer} has none"
EFFECTS: dict[str, Effect] = {
    "lone_marks": Effect(
        _of_analyzer(lambda analyzer: analyzer.sees_marks),
        "the analyzer {analyzer} does not go by marks",
    ),
    "script_rules": Effect(
        _of_analyzer(lambda analyzer: analyzer.by_script),
        "the analyzer {analyzer} does not go by scripts",
    ),
    "boundaries": Effect(
        _of_config(_has_token_ngrams), "there are no n-grams of tokens (word_ngrams 1)", (False,)
    ),
    "minn": Effect(
        _of_config(lambda config: config.maxn), "there are no n-grams of characters (maxn 0)", (0,)
    ),
    "bucket": Effect(
        _of_config(lambda config: config.uses_buckets),
        "there are no n-grams (word_ngrams 1, maxn 0)",
        (0,),
    ),
    "supervision": Effect(
        _of_config(lambda config: config.pooling != "mean"),
        "pooling mean weighs all features alike",
        (0,),
    ),
    "char_energy": Effect(
        _of_config(lambda config: config.pooling == "blocks" and config.maxn),
        "it is for pooling blocks with n-grams of characters; pooling is {pooling}, maxn {maxn}",
        (1,),
    ),
    "pseudo_count": Effect(
        _of_config(lambda config: config.pooling != "mean" and config.supervision != 0),
        "features are not weighed by what they tell about the labels (supervision 0, or pooling "
        "mean)",
        (1,),
    ),
    "bias": Effect(
        _of_config(lambda config: config.pooling != "mean"), "pooling mean has none", (False,)
    ),
    "dim": Effect(
        _is_wide,
        "under a linear head there is one number for each label, and the others stay 0; head "
        "learned uses them",
    ),
    "tree": Effect(
        _of_loss(lambda loss: loss.uses_tree), "it is for the loss hs; the loss is {loss}"
    ),
    "neg": Effect(
        _of_loss(lambda loss: loss.participants == "drawn"),
        "it is for the loss ns; the loss is {loss}",
    ),
    "label_smoothing": Effect(
        _of_loss(lambda loss: loss.smoothed), "the loss {loss} takes none", (0,)
    ),
    "focal": Effect(
        _of_loss(lambda loss: loss.focal is not None), "the loss {loss} takes none", (0,)
    ),
    "beta1": Effect(
        _of_optimizer(lambda optimizer: optimizer.beta1 is not None), _BY_OPTIMIZER
    ),
    "beta2": Effect(
        _of_optimizer(lambda optimizer: optimizer.beta2 is not None), _BY_OPTIMIZER
    ),
    "word_swap": Effect(
        _of_config(_has_token_ngrams),
        "the order of tokens tells nothing without n-grams of them (word_ngrams 1)",
        (0,),
    ),
    "valid_fraction": Effect(
        _of_config(lambda config: config.patience is not None),
        "texts are set aside for patience alone, which is not given",
    ),
    "activation": Effect(
        _of_config(lambda config: config.units), "there is no hidden layer (units 0)"
    ),
}  # fmt: skip


def _has_subwords(config: Config, _: int | None) -> bool:
    return not config.maxn or not ANALYZERS[config.analyzer].by_character


# Settings that change but few texts, and when they do more; an analyzer must have cut these.
HARDLY: dict[str, Effect] = {
    name: Effect(
        _has_subwords,
        "the tokens of the analyzer {analyzer} are single characters, and only one with marks of "
        "its own has n-grams of characters",
        (0,),
    )
    for name in ("minn", "maxn")
}


@dataclass(frozen=True)
class Remark:
    """Something that a user gave and should know more about.

    Attributes
    ----------
    name : str
        Of the setting; empty for none.
    text : str
        What follows the name.
    """

    name: str
    text: str

    def line(self, spell: Callable[[str], str] = str) -> str:
        """Return it in one line; `spell` makes the name of a parameter what the user knows."""
        return f"{spell(self.name)} {self.text}".strip()


def without_effect(
    config: Config, given: Mapping[str, Any], n_labels: int | None = None
) -> list[Remark]:
    """Return the settings that were given and have no effect.

    Parameters
    ----------
    config : Config
        The settings that were trained with; or, before that, those that will be resolved: then what
        depends on what is left open is not told.
    given : mapping
        The settings that the user gave, by name.
    n_labels : int, optional

    Returns
    -------
    list of Remark
    """
    return _remarks(EFFECTS, "has no effect", config, given, n_labels)


def hardly_with_effect(config: Config, given: Mapping[str, Any]) -> list[Remark]:
    """Return the settings that were given and change but few texts; see `without_effect`."""
    return _remarks(HARDLY, "has next to no effect", config, given, None)


def _remarks(
    effects: Mapping[str, Effect],
    what: str,
    config: Config,
    given: Mapping[str, Any],
    n_labels: int | None,
) -> list[Remark]:
    """Return what to say of the settings that were given and do not apply."""
    found = []
    values = _Shown(config)
    for name, value in given.items():
        effect = effects.get(name)
        if effect is None or value is None or value in effect.idle:
            continue
        if not effect.applies(config, n_labels):
            found.append(Remark(name, f"{what}: {effect.reason.format_map(values)}"))
    return found


class _Shown(dict[str, Any]):
    """The settings by name, those left open as 0."""

    def __init__(self, config: Config) -> None:
        super().__init__({name: value or 0 for name, value in config.to_dict().items()})


def not_default(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that a user gave, of values of which most are defaults.

    Where nothing is left open they are those of a preset or of a trained model: nobody chose them
    one by one.
    """
    if all(values[name] is not None for name in RESOLVED):
        return {}
    return {
        field.name: values[field.name]
        for field in dataclasses.fields(Config)
        if not _is_same(values[field.name], field.default)
    }


def _is_same(value: Any, default: Any) -> bool:
    return value is default or (not isinstance(value, list | tuple) and bool(value == default))
