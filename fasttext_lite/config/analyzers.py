"""Analyzers: what is to be known of each, once.

Nothing else in the package asks for an analyzer by its name.  To add one, add a function of its
classes of characters to `text.analyzers` and a record here; or from outside, with
``ANALYZERS.add(Analyzer(...))`` and a function of your own.
"""

from __future__ import annotations

from dataclasses import dataclass

from fasttext_lite.config.records import Choices, Records

_TEXT = "fasttext_lite.text.analyzers"


@dataclass(frozen=True)
class Analyzer:
    """One analyzer.

    Attributes
    ----------
    name : str
    help : str
        What its tokens are, in a few words, if the name does not say it.
    classes : str, optional
        Place of the function that returns the class of each code point, ``module:function``; see
        `text.analyzers`. None: tokens do not go by them.
    segments : bool
        Whether a segmenter cuts text into Chinese words. With `classes` too, the text is there
        twice, side by side: as words, then as tokens by classes.
    least_subword_chars : int
        Characters that a token needs to have n-grams of characters. Analyzers that make tokens of
        single characters give those none: the character is a feature already.
    by_script : bool
        Whether the characters of some scripts are tokens, and longer n-grams the default there; see
        `config.scripts`.
    by_character : bool
        Whether each token is a character with the marks that extend it: of n-grams of characters
        there are next to none.
    as_fasttext : bool
        Whether fastText would cut the text into the same tokens.

    Raises
    ------
    ValueError
        If there are neither classes nor a segmenter.
    """

    name: str
    help: str = ""
    classes: str | None = None
    segments: bool = False
    least_subword_chars: int = 2
    by_script: bool = False
    by_character: bool = False
    as_fasttext: bool = False

    def __post_init__(self) -> None:
        if not (self.classes or self.segments):
            raise ValueError(f"the analyzer {self.name} must have classes or segment")

    @property
    def n_streams(self) -> int:
        """How often a text is there, side by side."""
        return self.segments + bool(self.classes)

    @property
    def sees_marks(self) -> bool:
        """Whether marks that extend a character may be tokens by themselves."""
        return bool(self.classes) and not self.as_fasttext

    @property
    def can_mark_one(self) -> bool:
        """Whether a single text can be marked in compiled code alone."""
        return not self.segments


ANALYZERS: Records[Analyzer] = Records(
    "analyzer",
    Analyzer(
        "auto",
        "CJK characters, words of other scripts, symbols",
        classes=f"{_TEXT}:words_by_script",
        by_script=True,
    ),
    Analyzer(
        "whitespace",
        "fastText's separators",
        classes=f"{_TEXT}:words_by_separators",
        least_subword_chars=1,
        as_fasttext=True,
    ),
    Analyzer("char", classes=f"{_TEXT}:single_characters", by_script=True, by_character=True),
    Analyzer("jieba", "Chinese words", segments=True),
    Analyzer(
        "mixed",
        "those words and the tokens of auto, side by side",
        classes=f"{_TEXT}:words_by_script",
        segments=True,
        by_script=True,
    ),
)
ANALYZER_CHOICES = Choices(table=ANALYZERS)
