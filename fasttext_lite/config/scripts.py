"""Scripts that words between blanks serve badly: how each becomes features, once.

Thai and its neighbours have no blanks between words, nor has Japanese; Korean has some, but
suffixes make most of its words rare.  Their characters are tokens, and n-grams of these stand for
words.  Han is not in the table: it is cut into characters anyway, and longer n-grams won nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from fasttext_lite.config.records import Records

# A script decides about the longest n-gram if more than this share of the training tokens is in it:
# longer n-grams of what is beside it win nothing, and each has a row.
LEAST_SHARE = 0.5


@dataclass(frozen=True)
class Script:
    """One script.

    Attributes
    ----------
    name : str
    ranges : tuple of (int, int)
        First and last code point of its blocks.
    word_ngrams : int, optional
        Longest n-gram of tokens by default, where most are in the script. None: as elsewhere.
    trailing : tuple of (int, int)
        First and last code point of letters that belong to the character before, as marks do.
    """

    name: str
    ranges: tuple[tuple[int, int], ...]
    word_ngrams: int | None = None
    trailing: tuple[tuple[int, int], ...] = ()


SCRIPTS: Records[Script] = Records(
    "script",
    # Measured, as Thai is: docs/accuracy.md.
    Script(
        "Hangul",
        (
            (0x1100, 0x11FF),  # conjoining jamo
            (0x3130, 0x318F),  # compatibility jamo
            (0xA960, 0xA97F),
            (0xAC00, 0xD7FF),  # syllables, more conjoining jamo
            (0xFFA0, 0xFFDC),  # half-width
        ),
        word_ngrams=4,
        trailing=((0x1160, 0x11FF), (0xD7B0, 0xD7FF)),  # vowels and final consonants
    ),
    Script("Thai", ((0x0E00, 0x0E7F),), word_ngrams=4),
    # As Thai is written: consonants with marks around them, no blanks.
    Script("Lao", ((0x0E80, 0x0EFF),), word_ngrams=4),
    Script("Khmer", ((0x1780, 0x17FF),), word_ngrams=4),
    Script(
        "Myanmar",
        ((0x1000, 0x109F), (0xA9E0, 0xA9FF), (0xAA60, 0xAA7F), (0x116D0, 0x116FF)),
        word_ngrams=4,
    ),
    # Beside as much Han, for which bigrams do.
    Script(
        "kana",
        ((0x3040, 0x30FF), (0x31F0, 0x31FF), (0xFF66, 0xFF9F), (0x1AFF0, 0x1B16F)),
        trailing=((0xFF9E, 0xFF9F),),  # half-width voiced and semi-voiced marks
    ),
)


def longest_ngram(shares: Mapping[str, float]) -> int:
    """Return the longest n-gram of tokens that scripts ask for; 1 = none asks.

    Parameters
    ----------
    shares : mapping of str to float
        Share of each script in the training tokens.
    """
    return max(
        (SCRIPTS[name].word_ngrams or 1 for name, share in shares.items() if share > LEAST_SHARE),
        default=1,
    )


def describe_ngrams() -> str:
    """Return what `longest_ngram` does, in words."""
    names: dict[int, list[str]] = {}
    for script in SCRIPTS.values():
        if script.word_ngrams:
            names.setdefault(script.word_ngrams, []).append(script.name)
    parts = (f"{n} if it is {', '.join(of[:-1])} or {of[-1]}" for n, of in names.items())
    return f"of text over {LEAST_SHARE:.0%} in one script, " + ", ".join(parts)
