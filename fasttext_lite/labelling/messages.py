"""What a labelling session tells whoever shows it: questions, answers, progress."""

from __future__ import annotations

from dataclasses import dataclass

# Why a text is asked.
RANDOM, UNCERTAIN, DIVERSE = "random", "uncertain", "diverse"
SEARCH, DOUBTFUL, AGAIN = "search", "doubtful", "again"
ASKED = (RANDOM, UNCERTAIN, DIVERSE, SEARCH, DOUBTFUL, AGAIN)

LABEL, SKIP = "label", "skip"  # kinds of answers


@dataclass(frozen=True)
class Guess:
    """A label that the model holds to be likely.

    Attributes
    ----------
    label : str
    probability : float
    """

    label: str
    probability: float


@dataclass(frozen=True)
class Mark:
    """A part of a text, and what it contributes to the first guess.

    Attributes
    ----------
    start, end : int
        In units of UTF-16, as JavaScript counts.
    weight : float
        In [-1, 1]: 1 and -1 are the strongest of the text, for the guess and against it.
    """

    start: int
    end: int
    weight: float


@dataclass(frozen=True)
class Answer:
    """What somebody said of a text.

    Attributes
    ----------
    labels : tuple of str
        None where it was skipped.
    by : str
        The person.
    at : float
        When, seconds since 1970.
    kind : str
        `LABEL` or `SKIP`.
    """

    labels: tuple[str, ...]
    by: str
    at: float
    kind: str


@dataclass(frozen=True)
class Question:
    """A text to label.

    Attributes
    ----------
    id : int
        Of the text, in this session.
    text : str
        Its beginning, if it is long.
    is_cut : bool
        Whether there is more of it, see `Session.text_of`.
    asked : str
        Why it is asked, one of `ASKED`.
    guess : tuple of Guess
        The likeliest labels; empty where there is no model yet.
    marks : tuple of Mark
        The strongest first.
    answer : Answer or None
        What was said of it so far.
    version : int
        Of the answer; whoever answers says which version was seen.
    """

    id: int
    text: str
    is_cut: bool
    asked: str
    guess: tuple[Guess, ...]
    marks: tuple[Mark, ...]
    answer: Answer | None
    version: int


@dataclass(frozen=True)
class LabelInfo:
    """A label.

    Attributes
    ----------
    name : str
    key : str
        That gives it; empty where there are more labels than keys.
    n : int
        Texts that have it.
    is_new : bool
        Whether it was made in the session, and not given before.
    """

    name: str
    key: str
    n: int
    is_new: bool


@dataclass(frozen=True)
class Accuracy:
    """How often the model is right of all texts, estimated from those that were drawn at random.

    Attributes
    ----------
    n_answers : int
        Labelled texts that there were.
    n_random : int
        Those among them that the estimate is from.
    value : float
        Share of them that models of the others are right of.
    low, high : float
        Wilson's interval of 95 %.
    """

    n_answers: int
    n_random: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class ModelState:
    """The model that guesses.

    Attributes
    ----------
    is_there : bool
    n_answers : int
        That it has learnt from.
    is_busy : bool
        Whether a new one is trained.
    seconds : float
        That the last training took.
    note : str
        Why there is none, or what went wrong; else empty.
    """

    is_there: bool
    n_answers: int
    is_busy: bool
    seconds: float
    note: str


@dataclass(frozen=True)
class TrainingState:
    """The training of the model that is kept.

    Attributes
    ----------
    state : str
        ``none``, ``running``, ``done`` or ``failed``.
    path : str
        Of the model file.
    message : str
        What it is doing, or what went wrong.
    seconds : float
        So far.
    accuracy : Accuracy or None
        Of the guessing model when the training began.
    """

    state: str
    path: str
    message: str
    seconds: float
    accuracy: Accuracy | None


@dataclass(frozen=True)
class Progress:
    """Where a session stands.

    Attributes
    ----------
    n_texts : int
        Different texts that may be asked.
    n_answered, n_skipped : int
        Texts that have a label, those from before among them, and that were skipped.
    n_since_model : int
        Answers that the model has not learnt from.
    labels : tuple of LabelInfo
        In the order of their keys.
    people : tuple of (str, int)
        Who gave how many of the answers; the most first.
    accuracy : Accuracy or None
        The last of `curve`.
    curve : tuple of Accuracy
    model : ModelState
    training : TrainingState
    """

    n_texts: int
    n_answered: int
    n_skipped: int
    n_since_model: int
    labels: tuple[LabelInfo, ...]
    people: tuple[tuple[str, int], ...]
    accuracy: Accuracy | None
    curve: tuple[Accuracy, ...]
    model: ModelState
    training: TrainingState


@dataclass(frozen=True)
class Row:
    """A text in a list.

    Attributes
    ----------
    id : int
    text : str
        Its beginning, if it is long.
    labels : tuple of str
        Given ones.
    guess : str
        The likeliest label; empty without a model.
    probability : float
        Of the guess.
    score : float
        How much the model doubts the given labels, in [0, 1]; 0 in other lists.
    """

    id: int
    text: str
    labels: tuple[str, ...]
    guess: str
    probability: float
    score: float


@dataclass(frozen=True)
class Rows:
    """A part of a list.

    Attributes
    ----------
    rows : tuple of Row
    n_found : int
        All that were found so far: with `is_more`, at least so many.
    is_more : bool
        Whether there are more behind these.
    """

    rows: tuple[Row, ...]
    n_found: int
    is_more: bool
