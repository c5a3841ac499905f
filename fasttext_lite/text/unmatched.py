"""Words that a user gave and that no text can ever match, and why."""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from fasttext_lite.compiled import utf8
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.effects import Remark
from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.segmenter.compiled import is_cut_at
from fasttext_lite.segmenter.dictionary import read_user_dictionary
from fasttext_lite.text.analyzers import analyze, segmenter_of
from fasttext_lite.text.normalize import normalize

SHOWN = 40  # characters of a line
# What stands where a frequency should, and is none.
_FREQUENCY = re.compile(r"\s[-+]?[0-9]*[.,eE]?[0-9]+[.,]?\S*(\s|$)")


def unmatched_lines(config: Config) -> Remark | None:
    """Return what to say of lines of the user dictionary that have no effect; None if all have.

    A word that is not cut out where it stands alone never is: what lies beside it makes no other
    way to cut it more probable. A line that lets a word of the main dictionary be cut on purpose,
    by a low frequency, has an effect.
    """
    lines = config.user_dictionary.splitlines()
    numbers = [i for i, line in enumerate(lines) if line.strip()]
    entries = read_user_dictionary(lines)
    words = [word for word, _, _ in entries]
    if not words:
        return None
    texts = _normal(words, config)
    normal = texts.to_list()
    idle = ~_are_words(texts, config.user_dictionary, config.dictionary)
    idle &= np.array([frequency != 0 for _, frequency, _ in entries])
    if idle.any():
        idle &= ~_are_words(texts, "", config.dictionary)
    found = np.flatnonzero(idle)
    if found.size == 0:
        return None
    first = int(found[0])
    line = lines[numbers[first]]
    why = _why(line, words[first], normal[first], entries[first][1])
    return Remark(
        "user_dictionary",
        f"has {_lines(found.size)} of {len(words)} that can never match; the first is line "
        f"{numbers[first] + 1}, {_shown(line)}: {why}",
    )


def _lines(n: int) -> str:
    return f"{n:,} line{'s' * (n != 1)}"


def _shown(text: str) -> str:
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "...")


def _normal(words: list[str], config: Config) -> Texts:
    """Return words as they would stand in a text."""
    texts = Texts.from_sequence(words)
    return normalize(texts, config.lowercase, config.nfkc, 1, config.simplify)


def _are_words(texts: Texts, user_dictionary: str, dictionary: str) -> np.ndarray:
    """Return whether the segmenter leaves each text whole, bool[n_texts]."""
    segmenter = segmenter_of(user_dictionary, dictionary)
    marks = segmenter.mark(texts.buffer, texts.offsets, drop_spaces=True)
    before = np.append(0, np.cumsum(marks != utf8.INSIDE))
    return before[texts.offsets[1:]] - before[texts.offsets[:-1]] <= 1


def _why(line: str, word: str, normal: str, frequency: int | None) -> str:
    """Return why a word of a line, which stands in texts in its normal form, is never cut out."""
    if "\t" in line:
        return "a tab stands in it; between word and frequency write a space"
    if _FREQUENCY.search(word):
        return "its frequency is not a whole number"
    if any(character.isspace() for character in word):
        return "a space stands in the word, or what follows it is no frequency and tag, as 5 n"
    sign = next((character for character in word if is_cut_at(character)), "")
    if sign:
        return f"jieba cuts a text at {sign!r}"
    if normal != word:
        return f"texts are normalised before they are cut; write {normal!r}"
    if frequency is None:
        return "shorter words are more frequent; give it a frequency that is higher"
    return "its frequency is too low beside that of shorter words; leave it out, or raise it"


def unmatched_stop_words(config: Config, given: Any = None) -> Remark | None:
    """Return what to say of stop words that are no token of the analyzer; None if all may be.

    Parameters
    ----------
    config : Config
    given : optional
        The setting as it was given: in a list, an entry is taken for a word.
    """
    is_list = isinstance(given, list | tuple | set | frozenset)
    parted = [entry for entry in given if len(entry.split()) > 1] if is_list else []
    if parted:
        return Remark(
            "stop_words",
            f"has {len(parted):,} of {len(given):,} entries with a space, such as "
            f"{_shown(min(parted))}; each of their words is left out",
        )
    words = sorted(set(config.stop_words.split()))
    words = [word for word in words if any(character.isalnum() for character in word)]
    if not words:
        return None
    texts = _normal(words, config)
    cuts = analyze(Texts.from_sequence(words), config.replace(stop_words="")).tokens()
    never = [
        (word, tokens)
        for word, normal, tokens in zip(words, texts.to_list(), cuts, strict=True)
        if normal not in tokens and not _may_be_joined(normal, config)
    ]
    if not never:
        return None
    word, tokens = never[0]
    return Remark(
        "stop_words",
        f"has {len(never):,} of {len(words):,} words that are never a token, such as "
        f"{_shown(word)}: the analyzer {config.analyzer} makes {' | '.join(tokens) or 'nothing'} "
        "of it",
    )


def _may_be_joined(word: str, config: Config) -> bool:
    """Return whether a segmenter may cut a word out beside others, though not by itself."""
    return ANALYZERS[config.analyzer].segments and not any(map(is_cut_at, word))
