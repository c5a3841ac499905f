"""What a labelling session refuses."""

from __future__ import annotations

from fasttext_lite.labelling.messages import Question


class Stale(Exception):  # noqa: N818 - what was seen is stale; nothing went wrong
    """Raised where somebody else has answered a text meanwhile; nothing was overwritten.

    Attributes
    ----------
    question : Question
        The text as it is now.
    """

    def __init__(self, question: Question) -> None:
        answer = question.answer
        who = f"by {answer.by!r} " if answer is not None and answer.by else ""
        super().__init__(f"the text {question.id} was answered {who}meanwhile")
        self.question = question
