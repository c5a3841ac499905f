"""Text to token boundaries: the analyzers `auto`, `whitespace`, `char` and `jieba`.

An analyzer first normalises the text (lower case, NFKC), then marks its tokens, one byte of
marks for each byte of text (see `kernels/tokenize.py`).  Token lists are normalised too and
keep their own boundaries.  Nothing here knows what becomes of the tokens.
"""

from __future__ import annotations

import logging
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fasttext_lite.config import Config
from fasttext_lite.corpus import Texts, read_only
from fasttext_lite.parallel import run_ranges
from fasttext_lite.unicode_classes import EXTEND, SINGLE, SPACE, WORD, class_table

# fastText's separators (dictionary.cc, readWord); ours is a superset only in that a text ends.
WHITESPACE = " \n\r\t\v\f\0"

NORMALIZE_BYTES = 1 << 23


@dataclass(frozen=True)
class MarkedTexts:
    """Documents with their token boundaries.

    Attributes
    ----------
    buffer : uint8[n_bytes]
    offsets : int64[n_docs + 1]
    marks : uint8[n_bytes]
        `END` on the last byte of each token, `INSIDE` before it, `OUTSIDE` between tokens.
    """

    buffer: np.ndarray
    offsets: np.ndarray
    marks: np.ndarray

    def __len__(self) -> int:
        return self.offsets.size - 1

    @property
    def n_tokens(self) -> int:
        """Number of tokens of all documents."""
        from fasttext_lite.kernels.tokenize import END

        return int(np.count_nonzero(self.marks == END))

    def tokens(self) -> list[list[str]]:
        """Return each document's tokens as strings, for people and tests."""
        from fasttext_lite.kernels.tokenize import END, OUTSIDE

        result = []
        data = self.buffer.tobytes()
        for first, last in zip(self.offsets[:-1], self.offsets[1:], strict=True):
            words, start = [], first
            for i in range(first, last):
                if self.marks[i] == OUTSIDE:
                    start = i + 1
                elif self.marks[i] == END:
                    words.append(data[start : i + 1].decode("utf-8", "surrogatepass"))
                    start = i + 1
            result.append(words)
        return result


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
    from fasttext_lite.kernels import tokenize

    texts = normalize(texts, config.lowercase, config.nfkc)
    marks = np.empty(texts.buffer.size, np.uint8)
    if texts.token_ends is not None:
        marks[:] = tokenize.INSIDE
        marks[texts.token_ends - 1] = tokenize.END
    elif config.analyzer == "jieba":
        _mark_jieba(texts, marks)
    else:
        classes = _classes(config.analyzer)
        run_ranges(
            lambda first, last: tokenize.mark_tokens(
                texts.buffer, texts.offsets, first, last, classes, marks
            ),
            len(texts),
            n_threads,
        )
    return MarkedTexts(texts.buffer, texts.offsets, marks)


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
    from fasttext_lite.kernels import tokenize

    buffer, marks = np.empty_like(texts.buffer), np.empty_like(texts.marks)
    run_ranges(
        lambda first, last: tokenize.disturb_tokens(
            texts.buffer, texts.marks, texts.offsets, first, last, drop, swap, np.uint64(seed),
            buffer, marks,
        ),
        len(texts),
        n_threads,
    )  # fmt: skip
    return MarkedTexts(read_only(buffer), texts.offsets, marks)


def least_subword_chars(analyzer: str) -> int:
    """Return how many characters a word needs to have character n-grams.

    The analyzers that make tokens of single characters give those none: the character is
    a feature already.
    """
    return 1 if analyzer == "whitespace" else 2


def normalize(texts: Texts, lowercase: bool, nfkc: bool) -> Texts:
    """Return texts in lower case and in Unicode normal form KC, as asked.

    Both change a text's length in bytes, so the buffer and the offsets are new.
    """
    if not (lowercase or nfkc) or texts.buffer.size == 0:
        return texts
    parts = []
    first = 0
    while first < len(texts):
        # Some megabytes at a time: as a string, a text may take four bytes a character.
        end = int(texts.offsets[first]) + NORMALIZE_BYTES
        last = max(first + 1, int(np.searchsorted(texts.offsets, end, "right")) - 1)
        parts.append(_normalize(texts.slice(first, last), lowercase, nfkc))
        first = last
    if len(parts) == 1:
        return parts[0]
    shifts = np.cumsum([0, *(part.buffer.size for part in parts)])
    offsets = [part.offsets[1:] + at for part, at in zip(parts, shifts, strict=False)]
    ends = None
    if texts.token_ends is not None:
        ends = np.concatenate(
            [part.token_ends + at for part, at in zip(parts, shifts, strict=False)]
        )
    buffer = np.concatenate([part.buffer for part in parts])
    return Texts(buffer, np.concatenate([[0], *offsets]), ends)


def _normalize(texts: Texts, lowercase: bool, nfkc: bool) -> Texts:
    if texts.buffer.size == 0:
        return texts
    if texts.buffer.max() < 0x80:
        if not lowercase:
            return texts
        upper = (texts.buffer >= 0x41) & (texts.buffer <= 0x5A)
        lower = texts.buffer + upper.view(np.uint8) * np.uint8(0x20)
        return Texts(lower, texts.offsets, texts.token_ends)
    # One string for all pieces: CPython's string functions are fast, their calls are not.
    # NUL cannot take part in case mapping or normalisation, so no piece touches the next.
    bounds = texts.offsets if texts.token_ends is None else np.append(0, texts.token_ends)
    text = _join(texts.buffer, bounds).tobytes().decode("utf-8", "surrogatepass")
    if nfkc:
        text = unicodedata.normalize("NFKC", text)  # may bring capitals
    if lowercase:
        text = text.lower()
    if nfkc and lowercase:
        text = unicodedata.normalize("NFKC", text)
    data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
    breaks = np.flatnonzero(data == 0)
    # Positions of the breaks once they are taken out again.
    ends = np.append(0, breaks - np.arange(breaks.size))
    clean = np.delete(data, breaks)
    if texts.token_ends is None:
        return Texts(clean, ends)
    which = np.searchsorted(texts.token_ends, texts.offsets, "right")
    keep = np.diff(ends, prepend=-1) > 0  # a token may vanish in normalisation
    return Texts(clean, ends[which], ends[1:][keep[1:]])


def _join(buffer: np.ndarray, bounds: np.ndarray) -> np.ndarray:
    """Return the pieces between bounds, each followed by a NUL; NULs inside become spaces."""
    if not buffer.all():
        buffer = np.where(buffer == 0, np.uint8(0x20), buffer)
    return np.insert(buffer, bounds[1:], 0)


@lru_cache(maxsize=4)
def _classes(analyzer: str) -> np.ndarray:
    """Return the class of each code point under an analyzer, uint8[0x110000]."""
    if analyzer == "whitespace":
        table = np.full(0x110000, WORD, np.uint8)
        table[[ord(character) for character in WHITESPACE]] = SPACE
        return table
    table = class_table()
    if analyzer == "char":
        table[table == WORD] = SINGLE
    assert analyzer in ("auto", "char") and table.max() == EXTEND
    return table


def _mark_jieba(texts: Texts, marks: np.ndarray) -> None:
    """Mark the words that jieba finds (accurate mode, HMM on); its white space is outside."""
    from fasttext_lite.kernels.tokenize import END, INSIDE, OUTSIDE

    jieba = _load_jieba()
    for i, text in enumerate(texts.to_list()):
        position = texts.offsets[i]
        for word in jieba.cut(text):
            size = len(word.encode("utf-8", "surrogatepass"))
            blank = not word.strip(WHITESPACE) or word.isspace()
            marks[position : position + size] = OUTSIDE if blank else INSIDE
            if not blank:
                marks[position + size - 1] = END
            position += size


@lru_cache(maxsize=1)
def _load_jieba():
    """Return a tokenizer with jieba's own dictionary, whatever the program added to the global."""
    import jieba

    tokenizer = jieba.Tokenizer()
    level = jieba.default_logger.level
    jieba.setLogLevel(logging.WARNING)  # it reports its dictionary on stderr
    tokenizer.initialize()
    jieba.setLogLevel(level)
    return tokenizer
