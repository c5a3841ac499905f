"""Texts to marked tokens, by the analyzers of `config.analyzers`.

An analyzer first normalises the text (lower case, NFKC), then marks its tokens, one byte of
marks for each byte of text (see `compiled.utf8`).  Token lists are normalised too and keep their
own boundaries.  Nothing here knows what becomes of the tokens.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.config.records import load
from fasttext_lite.config.scripts import SCRIPTS
from fasttext_lite.config.texts import unpacked
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.parallel import run_ranges
from fasttext_lite.text.marked import MarkedTexts
from fasttext_lite.text.normalize import normalize
from fasttext_lite.text.unicode_classes import class_table

# Format characters (Cf) that one sees: Unicode 17, Prepended_Concatenation_Mark.
VISIBLE_FORMATS = [
    *range(0x0600, 0x0606), 0x06DD, 0x070F, 0x0890, 0x0891, 0x08E2, 0x110BD, 0x110CD,
]  # fmt: skip
FLAG_TAGS = slice(0xE0020, 0xE0080)  # behind a black flag: whose flag it is

# fastText's separators (dictionary.cc, readWord); ours is a superset only in that a text ends.
WHITESPACE = " \n\r\t\v\f\0"


def analyze(texts: Texts, config: Config, n_threads: int = 1) -> MarkedTexts:
    """Normalise texts and mark their tokens.

    Parameters
    ----------
    texts : Texts
    config : Config
        Its `analyzer`, `lowercase` and `nfkc` are used.
    n_threads : int

    Returns
    -------
    MarkedTexts
        Of normalised text, document for document.
    """
    from fasttext_lite.compiled import utf8

    texts = normalize(texts, config.lowercase, config.nfkc, n_threads, config.simplify)
    if texts.token_ends is not None:
        marks = np.full(texts.buffer.size, utf8.INSIDE, np.uint8)
        marks[texts.token_ends - 1] = utf8.END
        marked = MarkedTexts(texts.buffer, texts.offsets, marks)
    else:
        marked = _mark(texts, config, n_threads)
    if config.stop_words:
        _drop_stop_words(marked, config, n_threads)
    return marked


def can_mark_one(config: Config) -> bool:
    """Return whether a single text can be marked in compiled code alone."""
    analyzer = ANALYZERS[config.analyzer]
    return analyzer.can_mark_one and not (config.nfkc or config.simplify or config.stop_words)


def _mark(texts: Texts, config: Config, n_threads: int) -> MarkedTexts:
    """Return texts with the tokens of their analyzer."""
    analyzer = ANALYZERS[config.analyzer]
    if not analyzer.segments:
        marks = _mark_by_classes(texts, config, n_threads)
        return MarkedTexts(texts.buffer, texts.offsets, marks)
    marks = segmenter_of(config.user_dictionary, config.dictionary).mark(
        texts.buffer, texts.offsets, drop_spaces=True, n_threads=n_threads
    )
    words = MarkedTexts(texts.buffer, texts.offsets, marks)
    if not analyzer.classes:
        return words
    return _beside(words, _mark_by_classes(texts, config, n_threads), n_threads)


def _mark_by_classes(texts: Texts, config: Config, n_threads: int) -> np.ndarray:
    """Return the marks of the tokens whose characters go together by their classes."""
    from fasttext_lite.text.kernels import tokens as tokenize

    marks = np.empty(texts.buffer.size, np.uint8)
    classes = class_of_characters(config.analyzer, config.lone_marks, config.script_rules)
    run_ranges(
        lambda first, last: tokenize.mark_tokens(
            texts.buffer, texts.offsets, first, last, classes, marks
        ),
        len(texts),
        n_threads,
    )
    return marks


def _beside(words: MarkedTexts, others: np.ndarray, n_threads: int) -> MarkedTexts:
    """Return texts with the words first and then, behind a token of its own, the other tokens."""
    from fasttext_lite.text.kernels import tokens as tokenize

    n = len(words)
    offsets = 2 * words.offsets + np.arange(n + 1)
    buffer = np.empty(offsets[-1], np.uint8)
    marks = np.empty(offsets[-1], np.uint8)
    run_ranges(
        lambda first, last: tokenize.put_beside(
            words.buffer, words.offsets, words.marks, others, first, last, offsets, buffer, marks
        ),
        n,
        n_threads,
    )
    return MarkedTexts(read_only(buffer), offsets, marks)


def _drop_stop_words(texts: MarkedTexts, config: Config, n_threads: int) -> None:
    """Mark the stop words as outside any token, in place."""
    from fasttext_lite.text.kernels.stop_words import drop_words

    pool, offsets, table = _stop_words(
        config.stop_words, config.lowercase, config.nfkc, config.simplify
    )
    run_ranges(
        lambda first, last: drop_words(
            texts.buffer, texts.offsets, first, last, pool, offsets, table, texts.marks
        ),
        len(texts),
        n_threads,
    )


@lru_cache(maxsize=8)
def _stop_words(
    words: str, lowercase: bool, nfkc: bool, simplify: bool
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return stop words, normalised as texts are, with their places and a hash table of them."""
    from fasttext_lite.text.kernels.words import insert_words

    found = Texts.from_sequence(sorted(set(words.split())))
    found = normalize(found, lowercase, nfkc, 1, simplify)
    offsets = np.stack([found.offsets[:-1], found.offsets[1:]], axis=1)
    table = np.full(1 << max((2 * len(found)).bit_length(), 4), -1, np.int32)
    insert_words(found.buffer, offsets, len(found), table)
    return found.buffer, offsets, table


@lru_cache(maxsize=8)
def segmenter_of(user_dictionary: str, dictionary: str = "") -> Any:
    """Return the segmenter of a dictionary and some words more.

    Parameters
    ----------
    user_dictionary, dictionary : str
        As in `Config`; without a dictionary, jieba's own.

    Raises
    ------
    InputError
        If a line is none of jieba's.
    """
    if user_dictionary.strip():
        segmenter = segmenter_of("", dictionary).copy()
        segmenter.load_userdict(user_dictionary.splitlines())
        return segmenter
    from fasttext_lite.segmenter.compiled import Segmenter

    return Segmenter.of_words(unpacked(dictionary)) if dictionary else Segmenter.default()


def disturb(
    texts: MarkedTexts, drop: float, swap: float, seed: int, n_threads: int = 1
) -> MarkedTexts:
    """Return texts with some tokens left out and some neighbours exchanged, at random.

    Parameters
    ----------
    texts : MarkedTexts
    drop, swap : float
        Chance of each token to be left out, and to change places with the next.
    seed : int
        Decides all; the number of threads does not matter.
    n_threads : int

    Returns
    -------
    MarkedTexts
        Document for document.

    References
    ----------
    J. Wei, K. Zou, EDA: Easy Data Augmentation Techniques for Boosting Performance on Text
    Classification Tasks, 2019 (random swap, random deletion).
    """
    from fasttext_lite.text.kernels.noise import disturb_tokens

    buffer, marks = np.empty_like(texts.buffer), np.empty_like(texts.marks)
    run_ranges(
        lambda first, last: disturb_tokens(
            texts.buffer, texts.marks, texts.offsets, first, last, drop, swap, np.uint64(seed),
            buffer, marks,
        ),
        len(texts),
        n_threads,
    )  # fmt: skip
    return MarkedTexts(read_only(buffer), texts.offsets, marks)


# -- classes of characters: what `Analyzer.classes` names ------------------------------------
def words_by_script() -> np.ndarray:
    """Return classes by which words are tokens, and characters of scripts without spaces.

    No character is lost: a MARK that follows no token is one, and so are format characters that are
    visible; the tags of a flag belong to it.
    """
    from fasttext_lite.text.kernels.tokens import EXTEND, MARK, SINGLE

    table = class_table()
    table[table == EXTEND] = MARK
    table[VISIBLE_FORMATS] = SINGLE
    table[FLAG_TAGS] = MARK
    return table


def words_by_separators() -> np.ndarray:
    """Return classes by which all between fastText's separators is a token."""
    from fasttext_lite.text.kernels.tokens import SPACE, WORD

    table = np.full(0x110000, WORD, np.uint8)
    table[[ord(character) for character in WHITESPACE]] = SPACE
    return table


def single_characters() -> np.ndarray:
    """Return classes by which each character is a token."""
    from fasttext_lite.text.kernels.tokens import SINGLE, WORD

    table = words_by_script()
    table[table == WORD] = SINGLE
    return table


def _cut_scripts(table: np.ndarray) -> None:
    """Make tokens of the characters of `config.scripts`, in place."""
    from fasttext_lite.text.kernels.tokens import MARK, SINGLE, WORD

    for script in SCRIPTS.values():
        for first, last in script.ranges:
            part = table[first : last + 1]
            part[part == WORD] = SINGLE
        for first, last in script.trailing:
            table[first : last + 1] = MARK


@lru_cache(maxsize=4)
def class_of_characters(
    analyzer: str, lone_marks: bool = True, script_rules: bool = True
) -> np.ndarray:
    """Return the class of each code point under an analyzer, uint8[0x110000].

    Parameters
    ----------
    analyzer : str
    lone_marks, script_rules : bool
        See `Config`.

    Raises
    ------
    ValueError
        If there is no such analyzer, or its tokens do not go by classes.
    """
    from fasttext_lite.text.kernels.tokens import EXTEND, MARK, SINGLE, SPACE

    classes = ANALYZERS[analyzer].classes
    if classes is None:
        raise ValueError(f"the analyzer {analyzer} does not go by classes of characters")
    table = load(classes)()
    if script_rules and ANALYZERS[analyzer].by_script:
        _cut_scripts(table)
    if not lone_marks:
        for codes, now, before in (
            (VISIBLE_FORMATS, SINGLE, SPACE), (FLAG_TAGS, MARK, SPACE), (slice(None), MARK, EXTEND),
        ):  # fmt: skip
            part = table[codes]
            part[part == now] = before
            table[codes] = part
    return table
