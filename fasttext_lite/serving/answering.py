"""Answers: rows of labels as JSON, small ones at once, large ones piece by piece in threads.

A piece is so small that nobody waits long behind it, and between two pieces a request can end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Executor
from typing import Any

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.explanation.contributions import explain
from fasttext_lite.explanation.explanation import Explanation
from fasttext_lite.model.decisions import decide_by, withheld, without
from fasttext_lite.model.limits import FEW_TEXTS, LONGEST
from fasttext_lite.model.model import Predictions, most_texts
from fasttext_lite.model.threshold import Threshold
from fasttext_lite.serving.asking import Asked
from fasttext_lite.serving.messages import Contributions, Label, ManyAnswers, OneAnswer, Span
from fasttext_lite.web.answers import encode
from fasttext_lite.web.errors import Refused

# What is answered where requests are read: what takes longer would keep others waiting, and goes
# to a thread, which costs 0.1 ms.
SMALL_TEXTS = 16
SMALL_CHARACTERS = 1 << 13
SMALL_WORK = 1 << 20  # multiplications with the output table
# Of a piece.
PIECE_TEXTS = 512
PIECE_CHARACTERS = 1 << 16
PIECE_ANSWERS = 1 << 13  # labels
EXPLAINED = 64  # characters cost so many times more when they are explained

Row = list[Label] | dict[str, float] | None
Gone = Callable[[], Awaitable[bool]]


def is_small(asked: Asked) -> bool:
    """Return whether a request is answered sooner than a thread would be asked."""
    texts = asked.texts
    if len(texts) > SMALL_TEXTS or asked.explain:
        return False
    n = sum(map(len, texts))
    work = len(texts) * asked.served.model.output.size
    return n <= SMALL_CHARACTERS and work <= SMALL_WORK and len(texts) * asked.n_judged <= 1 << 10


def pieces(asked: Asked) -> Iterator[tuple[int, int]]:
    """Yield the first text of each piece, and the one behind its last."""
    most = min(
        PIECE_TEXTS,
        most_texts(len(asked.served.model.labels), asked.n_judged),
        max(1, PIECE_ANSWERS // asked.n_labels),
    )
    characters = PIECE_CHARACTERS // (EXPLAINED if asked.explain else 1)
    first = size = 0
    for i, text in enumerate(asked.texts):
        if i > first and (i - first >= most or size + len(text) > characters):
            yield first, i
            first, size = i, 0
        size += len(text)
    if first < len(asked.texts):
        yield first, len(asked.texts)


def rows(asked: Asked, first: int, last: int) -> list[Row]:
    """Return the answers to some of the texts, bit for bit those of `Model.predict` and others.

    Parameters
    ----------
    asked : Asked
    first, last : int
        Texts ``asked.texts[first:last]``.

    Raises
    ------
    Refused
        500 if numbers of the model are not finite.
    """
    texts, model = asked.texts[first:last], asked.served.model
    # A few texts are judged one by one, which may differ in the last bit: it depends on how many
    # the request has, and not on where it was cut.
    few = len(asked.texts) <= FEW_TEXTS and sum(map(len, asked.texts)) <= LONGEST
    given = texts if few else Texts.from_sequence(texts)
    try:
        if asked.probabilities:
            found = model.judge(given, 1)[0].tolist()
            return [dict(zip(model.labels, row, strict=True)) for row in found]
        return _labels(asked, texts, given)
    except ModelError as error:
        raise Refused(500, str(error), "model", "load a sound file in its place") from None


def _labels(asked: Asked, texts: list[str], given: Any) -> list[Row]:
    """Return the labels of texts; `given` are the same texts as the model takes them."""
    model, threshold = asked.served.model, asked.threshold
    if asked.is_one and not asked.abstain and not isinstance(threshold, Threshold):
        found = [model.predict_one(texts[0], asked.k, threshold)]
    else:
        if isinstance(threshold, Threshold):
            predicted = decide_by(model, given, threshold, asked.k, 1)
        else:
            predicted = model.predict(given, asked.k, threshold, 1)
        found = _answered(asked, predicted).rows()
    if asked.explain:
        return [
            _explained(asked, text, pairs) for text, pairs in zip(texts, found, strict=True)
        ]  # fmt: skip
    labels: list[Row] = [[Label(*pair) for pair in pairs] for pairs in found]
    return [row or None for row in labels] if asked.abstain else labels


def _answered(asked: Asked, predicted: Predictions) -> Predictions:
    """Return predictions without those that the model is not sure enough of, if that is asked."""
    model = asked.served.model
    if not asked.abstain or model.abstention is None:
        return predicted
    return without(predicted, withheld(predicted, model.abstention.value, model.multilabel))


def _explained(asked: Asked, text: str, pairs: list[tuple[str, float]]) -> Row:
    """Return the labels of a text with what speaks for them."""
    if not pairs:
        return None if asked.abstain else []
    model = asked.served.model
    found = explain(model, text, k=len(pairs))
    by_label = {each.label: each for each in (found, *found.more)}
    return [
        Label(label, p, _contributions(by_label.get(label) or explain(model, text, label)))
        for label, p in pairs
    ]


def _contributions(found: Explanation) -> Contributions:
    spans = [Span(*span) for span in found.spans]
    return Contributions(found.score, found.bias, found.is_exact, found.n_features, spans)


def _part(asked: Asked, first: int, last: int) -> bytes:
    """Return the answers to some of the texts as JSON, without the brackets around them."""
    return encode(rows(asked, first, last))[1:-1]


def whole(asked: Asked) -> bytes:
    """Return the answer to a request, worked out at once, as JSON."""
    found = rows(asked, 0, len(asked.texts))
    about = asked.served.name, asked.served.version
    if asked.is_one:
        name = "probabilities" if asked.probabilities else "labels"
        return encode(OneAnswer(*about, **{name: found[0]}))  # type: ignore[arg-type]
    name = "probabilities" if asked.probabilities else "predictions"
    return encode(ManyAnswers(*about, **{name: found}))  # type: ignore[arg-type]


async def answer(asked: Asked, pool: Executor, is_gone: Gone | None = None) -> bytes:
    """Return the answer to a request as JSON, `OneAnswer` or `ManyAnswers`.

    Parameters
    ----------
    asked : Asked
    pool : Executor
        Threads that pieces are worked out in. Cancelled, only the piece at work goes on.
    is_gone : callable, optional
        Whether nobody waits for the answer any more; asked between pieces.

    Raises
    ------
    Refused
        As `rows`.
    """
    if is_small(asked):
        return whole(asked)
    work: Any = asyncio.get_running_loop().run_in_executor
    if asked.is_one:
        return await work(pool, whole, asked)
    parts: list[bytes] = []
    for first, last in pieces(asked):
        if parts and is_gone is not None and await is_gone():
            raise Refused(499, "the client closed the connection")
        parts.append(await work(pool, _part, asked, first, last))
    about = encode({"model": asked.served.name, "version": asked.served.version})
    name = b"probabilities" if asked.probabilities else b"predictions"
    return b'%b,"%b":[%b]}' % (about[:-1], name, b",".join(parts))
