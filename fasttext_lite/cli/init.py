"""``train --init``: a model that is there learns from more labelled texts."""

from __future__ import annotations

import argparse
import dataclasses
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fasttext_lite.cli.arguments import PREFIX, flag_of, given_class_weight, given_settings
from fasttext_lite.cli.console import say
from fasttext_lite.cli.files import called
from fasttext_lite.config.effects import Remark
from fasttext_lite.config.fields import FEATURE_FIELDS, INITS, RESOLVED, TABLE_FIELDS, Config
from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.errors import ModelError, UsageError

if TYPE_CHECKING:
    from fasttext_lite.fitting.more import Further
    from fasttext_lite.fitting.saved_classes import SavedClasses
    from fasttext_lite.fitting.training_file import TrainingFile
    from fasttext_lite.model.model import Model
    from fasttext_lite.model.run import Run

# Flags of what a training from nothing starts with.
_OF_A_START = (
    "preset",
    "pretrained_vectors",
    "max_words",
    "unlabelled",
    "text_embeddings",
    "cache",
)


class _Start(argparse.Action):
    """What weights start from: a setting, or a model."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Store it as what it is."""
        setattr(namespace, PREFIX + "init" if values in INITS else self.dest, values)


def _start(text: str) -> str:
    """Return a kind of start, or what looks like the name of a file."""
    if text in INITS or os.path.exists(text) or os.path.splitext(text)[1] or os.sep in text:
        return text
    raise argparse.ArgumentTypeError(
        f"{not_a_choice('init', text, INITS)}; or give the file of a model to go on from"
    )


def add_init(parser: argparse.ArgumentParser, encodes: bool) -> None:
    """Add the flag of what weights start from; `encodes` as of `add_embeddings`: no model then."""
    parser.set_defaults(init=None)
    if encodes:
        return
    text = next(field for field in dataclasses.fields(Config) if field.name == "init")
    parser.add_argument(
        "--init", metavar="MODEL", action=_Start, type=_start,
        help="go on from this model (.ftl): its settings, words and labels stay, what is new in "
        "TRAIN joins them; flags of training (--epochs, --lr, ...) count, and without "
        "--class-weight a label counts as it does in all texts seen, up to 10 times its texts "
        f"here. Or, for a training from nothing, {text.metadata['help']} (default {text.default})",
    )  # fmt: skip


@dataclass(frozen=True)
class Init:
    """The model that ``--init`` names.

    Attributes
    ----------
    path : str
    model : Model
        As it is in the file.
    further : Further
        What it is trained further with.
    estimator : dict, optional
        What a Python estimator keeps in the file.
    classes : SavedClasses, optional
        Of that estimator.
    """

    path: str
    model: Model
    further: Further
    estimator: dict[str, Any] | None
    classes: SavedClasses | None

    @property
    def config(self) -> Config:
        """The settings of the training to come."""
        return self.further.model.config

    def run(self, options: argparse.Namespace, file: TrainingFile) -> Run:
        """Return how the training is run: as the one before, with what was given."""
        from fasttext_lite.model.run import Run

        before = self.model.run or Run()
        weight = before.class_weight
        if options.class_weight is not None:
            weight = given_class_weight(options)
        found = dataclasses.replace(
            before, class_weight=weight, sample_weight=file.weights is not None,
            seed=options.seed, texts=file.fingerprint, epochs=None,
            answer_rate=options.answer_rate, answer_accuracy=options.answer_accuracy,
        )  # fmt: skip
        if found.wanted is None or not found.texts or found.texts != before.texts:
            return found
        say(
            f"{called(options.train)}: {self.path} has learnt from these very texts, so that "
            f"{flag_of(found.wanted[0])} cannot be measured on them: the model has no threshold to "
            "abstain by; train a new one on all texts"
        )
        return dataclasses.replace(found, answer_rate=None, answer_accuracy=None)

    def saved(self, labels: list[str]) -> dict[str, Any] | None:
        """Return what the estimator keeps in the new model's file."""
        if self.estimator is None or self.classes is None:
            return None
        classes = self.classes.grown(labels, self.path)
        return {**self.estimator, "classes": classes.values}

    def line(self, model: Model, output: str) -> str:
        """Return what a model has learnt that was written to a file, for people."""
        n_words = model.space.n_word_rows - self.model.space.n_word_rows
        n_labels = len(model.labels) - len(self.model.labels)
        return (
            f"{output}: {n_words:,} word{'s' * (n_words != 1)} and {n_labels:,} "
            f"label{'s' * (n_labels != 1)} joined those of {self.path}"
        )


def open_init(options: argparse.Namespace) -> Init | None:
    """Return the model to go on from; None without the flag.

    Raises
    ------
    ModelError
        If it cannot be read, or is quantised.
    UsageError
        If flags would make another model of it.
    """
    if options.init is None:
        return None
    given = [name for name in _OF_A_START if getattr(options, name) not in (None, "default")]
    if given:
        flags = ", ".join(map(flag_of, given))
        are = "is" if len(given) == 1 else "are"
        raise UsageError(
            f"{flags} {are} for a training from nothing: leave {'it' * (len(given) == 1)}"
            f"{'them' * (len(given) > 1)} out, or --init"
        )
    from fasttext_lite.fitting.more import Further
    from fasttext_lite.fitting.saved_classes import SavedClasses
    from fasttext_lite.model.storage import read_model

    model, header = read_model(options.init)
    if model.packed is not None:
        raise ModelError(
            f"{options.init}: a quantised model cannot be trained further: go on from the model "
            "that it was made from, and quantise that"
        )
    if options.multilabel and not model.multilabel:
        raise UsageError(
            f"--multilabel: {options.init} is a model of one label a text: leave the flag out, or "
            "train a new model"
        )
    options.multilabel = model.multilabel
    training = _settings(options, model.config)
    estimator, classes, joined = header.get("estimator"), None, None
    if estimator is not None:
        classes = SavedClasses.of(estimator, model.labels, options.init)
        joined = _joined(classes, called(options.train))
    further = Further(model.replace(config=training), options.class_weight != "none", joined)
    return Init(options.init, model, further, estimator, classes)


def _joined(classes: SavedClasses, where: str) -> Any:
    return lambda names: classes.grown(names, where).labels


def _settings(options: argparse.Namespace, config: Config) -> Config:
    """Return the settings of the training to come: a model's, with what was given."""
    given = given_settings(options)
    given = {n: value for n, value in given.items() if not (value is None and n in RESOLVED)}
    given.pop("recipe", None)
    fixed = [name for name in (*FEATURE_FIELDS, *TABLE_FIELDS) if name in given]
    try:
        asked = config.replace(**given)
    except ValueError as error:
        if not fixed:
            raise UsageError(str(error)) from None
        asked = None  # another head, say, that goes with nothing here
    changed = [
        name for name in fixed if asked is None or getattr(asked, name) != getattr(config, name)
    ]
    if changed:
        flags = ", ".join(map(flag_of, changed))
        raise UsageError(
            f"{flags} would make another model of {options.init}: with --init its own "
            f"{'setting holds' if len(changed) == 1 else 'settings hold'}; leave "
            f"{'it' if len(changed) == 1 else 'them'} out, or train a new model"
        )
    assert asked is not None
    return asked


def idle_init(options: argparse.Namespace) -> list[Remark]:
    """Return what to say of flags that have no effect beside ``--init``."""
    if options.init is not None and "recipe" in given_settings(options):
        return [Remark("recipe", "has no effect: with --init the settings are the model's")]
    return []
