"""What a request asks for, checked against the model that is to answer it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from msgspec import UNSET

from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD
from fasttext_lite.model.model import n_asked
from fasttext_lite.model.threshold import PAIRS, Threshold
from fasttext_lite.serving.messages import PredictRequest
from fasttext_lite.serving.models import Served
from fasttext_lite.serving.shelf import Shelf
from fasttext_lite.web.body import converted
from fasttext_lite.web.errors import Refused

MOST_ANSWERS = 1_000_000  # labels with their probabilities in one answer
MOST_EXPLAINED = 1 << 18  # characters of the texts that are explained, for each label anew
_QUERY = {
    "text": str, "model": str, "k": int, "threshold": float,
    "probabilities": bool, "abstain": bool, "explain": bool,
}  # fmt: skip
_BOOLS = {"true": True, "1": True, "": True, "false": False, "0": False}


@dataclass(frozen=True)
class Asked:
    """A request that can be answered.

    Attributes
    ----------
    served : Served
        The model; it answers the whole request, whatever takes its place meanwhile.
    texts : list of str
    is_one : bool
        Whether it was one text, and no list.
    k : int
        Most labels of a text; -1 = all.
    threshold : float or Threshold
        The latter of one label.
    probabilities, abstain, explain : bool
    """

    served: Served
    texts: list[str]
    is_one: bool
    k: int
    threshold: float | Threshold
    probabilities: bool
    abstain: bool
    explain: bool

    @property
    def n_labels(self) -> int:
        """How many labels of a text are answered at most."""
        n = len(self.served.model.labels)
        return n if self.probabilities else n_asked(self.k, n)

    @property
    def n_judged(self) -> int:
        """How many labels of a text are held in memory while it is answered."""
        is_whole = self.probabilities or isinstance(self.threshold, Threshold)
        return len(self.served.model.labels) if is_whole else self.n_labels


def asked_by(request: PredictRequest, shelf: Shelf, most_texts: int) -> Asked:
    """Return what a request asks for.

    Parameters
    ----------
    request : PredictRequest
    shelf : Shelf
    most_texts : int
        Of a request.

    Raises
    ------
    Refused
        422 for what cannot be or would have no effect, 404 for a model that is not there; the
        field is named.
    """
    texts, is_one = _texts(request, most_texts)
    served = _served(request.model, shelf)
    _check_together(request)
    k, threshold = _top(request, served)
    asked = Asked(
        served, texts, is_one, k, threshold, request.probabilities, request.abstain, request.explain
    )
    _check_size(asked)
    return asked


def _texts(request: PredictRequest, most_texts: int) -> tuple[list[str], bool]:
    """Return the texts, and whether it was one and no list."""
    if request.text is not UNSET and request.texts is not UNSET:
        raise Refused(422, "both text and texts are given", "texts", "send one of them")
    if request.text is not UNSET:
        return [request.text], True
    if request.texts is UNSET:
        raise Refused(
            422,
            "neither text nor texts is given",
            "text",
            'send {"text": "..."} or {"texts": [...]}',
        )
    if len(request.texts) > most_texts:
        raise Refused(
            422, f"{len(request.texts):,} texts; the most of a request is {most_texts:,}", "texts",
            "send them in several requests",
        )  # fmt: skip
    return request.texts, False


def _served(name: Any, shelf: Shelf) -> Served:
    if name is UNSET:
        if (only := shelf.only) is not None:
            return only
        raise Refused(
            422, f"{len(shelf)} models are served, and none is named", "model",
            f"name one of them: {_listed(shelf)}",
        )  # fmt: skip
    found = shelf.get(name)
    if found is None:
        raise Refused(
            404, f"there is no model {name!r}", "model", f"name one of them: {_listed(shelf)}"
        )
    return found


def _listed(shelf: Shelf) -> str:
    names = shelf.names
    return ", ".join(names[:20]) + ", ..." * (len(names) > 20)


def _check_together(request: PredictRequest) -> None:
    """Raise `Refused` for fields that have no effect beside each other."""
    if request.probabilities:
        for name in ("k", "threshold"):
            if getattr(request, name) is not UNSET:
                raise Refused(
                    422, f"{name} has no effect: probabilities are those of all labels", name,
                    f"leave out {name} or probabilities",
                )  # fmt: skip
        for name in ("abstain", "explain"):
            if getattr(request, name):
                raise Refused(
                    422, f"{name} is for labels, and probabilities stand in their place", name,
                    f"leave out {name} or probabilities",
                )  # fmt: skip
    if request.abstain and request.threshold is not UNSET:
        raise Refused(
            422, "abstain goes by the threshold of the model, and threshold is another",
            "threshold", "leave out one of them",
        )  # fmt: skip
    if request.k == 0:
        raise Refused(422, "k is 0", "k", "send at least 1, or -1 for all labels")


def _top(request: PredictRequest, served: Served) -> tuple[int, float | Threshold]:
    """Return k and the threshold that a request means, as the command ``predict`` does."""
    model = served.model
    k: int | None = None if request.k is UNSET else request.k
    given: Any = None if request.threshold is UNSET else request.threshold
    threshold: float | Threshold = 0.0
    if request.abstain:
        if model.abstention is None:
            raise Refused(
                422, f"the model {served.name} has no threshold to abstain by", "abstain",
                "train it with --answer-rate or --answer-accuracy, or send a threshold",
            )  # fmt: skip
        if model.multilabel:
            threshold = MULTILABEL_THRESHOLD
            k = min(PAIRS, len(model.labels)) if k is None else k
    elif isinstance(given, str):
        if model.threshold is None:
            raise Refused(
                422, f"the model {served.name} has no threshold of its own", "threshold",
                "send a number, or tune it with `fasttext-lite tune`",
            )  # fmt: skip
        tuned = model.threshold
        threshold = tuned.value if tuned.label is None else tuned
        k = tuned.most_labels(len(model.labels), model.multilabel) if k is None else k
    elif given is not None:
        threshold = float(given)
    return 1 if k is None else k, threshold


def _check_size(asked: Asked) -> None:
    """Raise `Refused` for an answer that would not be bounded."""
    n = len(asked.texts) * asked.n_labels
    if n > MOST_ANSWERS and not asked.is_one:
        raise Refused(
            422, f"{n:,} labels would be answered; the most of a request is {MOST_ANSWERS:,}",
            "probabilities" if asked.probabilities else "k", "send fewer texts in a request",
        )  # fmt: skip
    if asked.explain:
        n = sum(map(len, asked.texts)) * asked.n_labels
        if n > MOST_EXPLAINED:
            raise Refused(
                422, f"{n:,} characters would be explained, those of each text once for each of "
                f"{asked.n_labels} labels; the most of a request is {MOST_EXPLAINED:,}",
                "explain", "send fewer or shorter texts, or a smaller k",
            )  # fmt: skip


def request_of(query: bytes) -> PredictRequest:
    """Return what the query of ``GET /predict`` asks for.

    Parameters
    ----------
    query : bytes
        ``text=...&k=3``, as it stands in the address.

    Raises
    ------
    Refused
        400 for a query that cannot be read, 422 for a field that is not known or of another type.
    """
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=20
        )
    except ValueError:
        raise Refused(
            400, "the query cannot be read: it is no UTF-8 in percent signs", "query",
            "encode it, as curl -G --data-urlencode does",
        ) from None  # fmt: skip
    values: dict[str, Any] = {}
    for name, text in pairs:
        if name not in _QUERY:
            raise Refused(
                422, f"there is no field {name[:80]!r}", "query", f"fields: {', '.join(_QUERY)}"
            )
        if name in values:
            raise Refused(422, f"{name} is given twice", name, "send several texts with POST")
        values[name] = _value(name, text)
    return converted(values, PredictRequest)


def _value(name: str, text: str) -> Any:
    """Return a value of a query as what its field holds."""
    kind = _QUERY[name]
    if kind is str or (name == "threshold" and text == "tuned"):
        return text
    try:
        return _BOOLS[text] if kind is bool else kind(text)
    except (ValueError, KeyError):
        wanted = {bool: "true or false", int: "a whole number", float: "a number"}[kind]
        raise Refused(422, f"{name} is {text[:80]!r}", name, f"send {wanted}") from None
