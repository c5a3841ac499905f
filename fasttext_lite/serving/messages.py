"""What is asked and answered: the one description that checks, the OpenAPI document and docs have.

Fields that a request leaves out are `UNSET`; null stands for nothing.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType


class PredictRequest(Struct, frozen=True, forbid_unknown_fields=True):
    """Texts to classify, and what is wanted of them; one of `text` and `texts` is given."""

    text: Annotated[str, Meta(description="One text.")] | UnsetType = UNSET
    texts: Annotated[list[str], Meta(description="Texts; answered in their order.")] | UnsetType = (
        UNSET
    )
    model: (
        Annotated[str, Meta(description="Name of the model; needed where several are served.")]
        | UnsetType
    ) = UNSET
    k: (
        Annotated[
            int,
            Meta(
                ge=-1,
                le=2**31 - 1,
                description="Most labels of a text, likeliest first (1 unless given); -1 = all.",
            ),
        ]
        | UnsetType
    ) = UNSET
    threshold: (
        Annotated[
            Annotated[float, Meta(ge=0, le=1)] | Literal["tuned"],
            Meta(
                description='Least probability of a label, 0 to 1; or "tuned", the threshold that '
                "`fasttext-lite tune` has found."
            ),
        ]
        | UnsetType
    ) = UNSET
    probabilities: Annotated[
        bool, Meta(description="Whether to give the probabilities of all labels, as a map.")
    ] = False
    abstain: Annotated[
        bool,
        Meta(
            description="Whether the model gives no answer (null) below its own threshold, that "
            "of `train --answer-rate` or --answer-accuracy."
        ),
    ] = False
    explain: Annotated[
        bool, Meta(description="Whether to tell what each word contributes to each label's score.")
    ] = False


class Span(Struct, frozen=True):
    """A word of a text, and what it contributes to the score of a label."""

    start: Annotated[
        int,
        Meta(
            description="Where it begins: Unicode code points from the beginning of the text, as "
            "Python counts them. JavaScript counts UTF-16 units: use Array.from(text)."
        ),
    ]
    end: Annotated[int, Meta(description="Where it ends, the first code point behind it.")]
    word: str
    contribution: Annotated[float, Meta(description="The sum of own and ngrams.")]
    own: Annotated[float, Meta(description="Of the word itself.")]
    ngrams: Annotated[float, Meta(description="Of its parts, and its share of several words.")]


class Contributions(Struct, frozen=True):
    """Why a text has a label: bias and the contributions of all words add up to the score."""

    score: float
    bias: float
    is_exact: Annotated[
        bool, Meta(description="false: contributions are of first order (a hidden layer or norm).")
    ]
    n_features: Annotated[int, Meta(description="Known features of the text; 0: the class prior.")]
    spans: list[Span]


class Label(Struct, frozen=True, omit_defaults=True):
    """A label of a text."""

    label: str
    probability: Annotated[float, Meta(description="0 to 1.")]
    explanation: (
        Annotated[Contributions, Meta(description="Where `explain` is true.")] | UnsetType
    ) = UNSET


class OneAnswer(Struct, frozen=True, omit_defaults=True):
    """The answer to `text`."""

    model: str
    version: Annotated[
        str, Meta(description="Of the model file: the first 16 digits of its SHA-256.")
    ]
    labels: (
        Annotated[
            list[Label] | None,
            Meta(description="Likeliest first; null where the model abstains."),
        ]
        | UnsetType
    ) = UNSET
    probabilities: (
        Annotated[
            dict[str, float], Meta(description="In place of `labels`, where it was asked for.")
        ]
        | UnsetType
    ) = UNSET


class ManyAnswers(Struct, frozen=True, omit_defaults=True):
    """The answer to `texts`."""

    model: str
    version: Annotated[
        str, Meta(description="Of the model file: the first 16 digits of its SHA-256.")
    ]
    predictions: (
        Annotated[
            list[list[Label] | None],
            Meta(description="For each text its labels, likeliest first; null where it abstains."),
        ]
        | UnsetType
    ) = UNSET
    probabilities: (
        Annotated[
            list[dict[str, float]],
            Meta(description="In place of `predictions`, where it was asked for."),
        ]
        | UnsetType
    ) = UNSET


class ModelInfo(Struct, frozen=True):
    """A model that is served."""

    name: str
    path: str
    kind: Annotated[str, Meta(description="fasttext-lite (quantised or not) or fastText.")]
    version: Annotated[
        str, Meta(description="Of the model file: the first 16 digits of its SHA-256.")
    ]
    size: Annotated[int, Meta(description="Of the file, in bytes.")]
    n_labels: int
    labels: Annotated[list[str], Meta(description="The first 20; all of them with ?labels=all.")]
    multilabel: Annotated[bool, Meta(description="Whether a text may have several labels.")]
    abstention: Annotated[
        float | None, Meta(description="The threshold of `abstain`; null where it has none.")
    ]
    threshold: Annotated[
        float | None, Meta(description='The threshold that "tuned" is; null where it has none.')
    ]
    loaded_at: Annotated[str, Meta(description="ISO 8601, UTC.")]
    reloads: Annotated[int, Meta(description="How often the file was replaced.")]
    error: Annotated[
        str | None, Meta(description="Why the newest file is not served; null where it is.")
    ]


class ModelList(Struct, frozen=True):
    """The models that are served."""

    models: list[ModelInfo]


class ModelHealth(Struct, frozen=True):
    """How a model is."""

    name: str
    version: str
    is_newest: Annotated[
        bool, Meta(description="false: the file was replaced by one that cannot be loaded.")
    ]
    error: Annotated[str | None, Meta(description="Why; null where all is well.")]


class Health(Struct, frozen=True):
    """How the server is."""

    status: Literal["ok", "draining"]
    models: list[ModelHealth]


class Fault(Struct, frozen=True, omit_defaults=True):
    """What is wrong with a request."""

    status: Annotated[int, Meta(description="The status of the answer.")]
    what: Annotated[str, Meta(description="What is wrong.")]
    where: Annotated[
        str, Meta(description="The field, or the header; left out where it is all of it.")
    ] = ""
    do: Annotated[str, Meta(description="What to do.")] = ""


class ErrorAnswer(Struct, frozen=True):
    """Every answer whose status is 400 or more."""

    error: Fault
