"""Text to token boundaries: the analyzers `auto`, `whitespace`, `char`, `jieba` and `mixed`.

An analyzer first normalises the text (lower case, NFKC), then marks its tokens, one byte of
marks for each byte of text (see `kernels/tokenize.py`).  Token lists are normalised too and
keep their own boundaries.  Nothing here knows what becomes of the tokens.
"""

from __future__ import annotations

import hashlib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from fasttext_lite.config import SEGMENTED, Config
from fasttext_lite.corpus import Texts, read_only
from fasttext_lite.errors import InputError
from fasttext_lite.parallel import run_ranges
from fasttext_lite.unicode_classes import EXTEND, SINGLE, SPACE, WORD, class_table

# fastText's separators (dictionary.cc, readWord); ours is a superset only in that a text ends.
WHITESPACE = " \n\r\t\v\f\0"
FINAL_SIGMA = 0x3A3  # the capital whose lower case depends on its neighbours
# No code point above has a case.
CASED = 0x20000
# Where characters stand that have simplified forms: CJK radicals to extensions.
HAN_RANGES = ((0x2E80, 0x3100), (0x3400, 0xA000), (0xF900, 0xFB00), (0x20000, 0x32000))


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

    texts = normalize(texts, config.lowercase, config.nfkc, n_threads, config.simplify)
    if texts.token_ends is not None:
        marks = np.full(texts.buffer.size, tokenize.INSIDE, np.uint8)
        marks[texts.token_ends - 1] = tokenize.END
        marked = MarkedTexts(texts.buffer, texts.offsets, marks)
    elif config.analyzer in SEGMENTED:
        marks = segmenter_of(config.user_dictionary).mark(
            texts.buffer, texts.offsets, drop_spaces=True, n_threads=n_threads
        )
        marked = MarkedTexts(texts.buffer, texts.offsets, marks)
        if config.analyzer == "mixed":
            marked = _beside(marked, _mark(texts, "auto", n_threads), n_threads)
    else:
        marked = MarkedTexts(texts.buffer, texts.offsets, _mark(texts, config.analyzer, n_threads))
    if config.stop_words:
        _drop_stop_words(marked, config, n_threads)
    return marked


def can_mark_one(config: Config) -> bool:
    """Return whether a single text can be marked in compiled code alone."""
    plain = config.analyzer not in SEGMENTED
    return plain and not (config.nfkc or config.simplify or config.stop_words)


def _mark(texts: Texts, analyzer: str, n_threads: int) -> np.ndarray:
    """Return the marks of the tokens whose characters go together by their classes."""
    from fasttext_lite.kernels import tokenize

    marks = np.empty(texts.buffer.size, np.uint8)
    classes = class_of_characters(analyzer)
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
    from fasttext_lite.kernels import tokenize

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


def simplified_hash() -> str:
    """Return a hash of the table of simplified characters, which depends on OpenCC's version."""
    return hashlib.sha256(repr(sorted(_simplified().items())).encode()).hexdigest()


def _drop_stop_words(texts: MarkedTexts, config: Config, n_threads: int) -> None:
    """Mark the stop words as outside any token, in place."""
    from fasttext_lite.kernels.stop_words import drop_words

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
    from fasttext_lite.kernels.features import insert_words

    found = Texts.from_sequence(sorted(set(words.split())))
    found = normalize(found, lowercase, nfkc, 1, simplify)
    offsets = np.stack([found.offsets[:-1], found.offsets[1:]], axis=1)
    table = np.full(1 << max((2 * len(found)).bit_length(), 4), -1, np.int32)
    insert_words(found.buffer, offsets, len(found), table)
    return found.buffer, offsets, table


@lru_cache(maxsize=8)
def segmenter_of(user_dictionary: str) -> Any:
    """Return the segmenter of jieba's dictionary and some words more.

    Raises
    ------
    InputError
        If a line of theirs is none of jieba's.
    """
    from fasttext_lite.segmenter import Segmenter

    segmenter = Segmenter.default()
    if not user_dictionary.strip():
        return segmenter
    segmenter = segmenter.copy()
    segmenter.load_userdict(user_dictionary.splitlines())
    return segmenter


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


def normalize(
    texts: Texts, lowercase: bool, nfkc: bool, n_threads: int = 1, simplify: bool = False
) -> Texts:
    """Return texts in lower case, in Unicode normal form KC, and in simplified Chinese, as asked.

    Exactly what Python makes of each text (or token). What it takes more than a table for, a
    text with U+0130 or U+03A3 or, for NFKC, beyond ASCII, goes through Python's strings.

    Parameters
    ----------
    texts : Texts
    lowercase, nfkc : bool
    n_threads : int
    simplify : bool
        Replace each traditional character by the simplified one that OpenCC has for it.

    Returns
    -------
    Texts
        The same object where nothing changes.

    Raises
    ------
    InputError
        If OpenCC is needed and not installed.
    """
    if not (lowercase or nfkc or simplify) or texts.buffer.size == 0:
        return texts
    from fasttext_lite.kernels import tokenize

    is_cut = texts.token_ends is not None
    bounds = np.append(0, texts.token_ends) if is_cut else texts.offsets  # type: ignore[arg-type]
    bounds = np.ascontiguousarray(bounds, np.int64)
    n = bounds.size - 1
    pages, deltas = _lower_table(lowercase, nfkc, simplify)
    sizes = np.empty(n, np.int64)
    changes: list[bool] = []
    run_ranges(
        lambda first, last: changes.append(
            tokenize.lower_sizes(texts.buffer, bounds, first, last, pages, deltas, sizes)
        ),
        n,
        n_threads,
    )
    if not any(changes):
        return texts
    places, extra = np.full(n, -1, np.int64), bytearray()
    for i in np.flatnonzero(sizes < 0).tolist():
        piece = texts.buffer[bounds[i] : bounds[i + 1]].tobytes()
        text = _by_python(piece.decode("utf-8", "surrogatepass"), lowercase, nfkc, simplify)
        data = text.encode("utf-8", "surrogatepass")
        places[i], sizes[i] = len(extra), len(data)
        extra += data
    ready = np.frombuffer(extra or bytearray(1), np.uint8)
    new_bounds = np.zeros(n + 1, np.int64)
    np.cumsum(sizes, out=new_bounds[1:])
    buffer = np.empty(new_bounds[-1], np.uint8)
    run_ranges(
        lambda first, last: tokenize.lower(
            texts.buffer, bounds, first, last, pages, deltas, places, ready, new_bounds, buffer
        ),
        n,
        n_threads,
    )
    if texts.token_ends is None:
        return Texts(buffer, new_bounds)
    which = np.searchsorted(texts.token_ends, texts.offsets, "right")
    return Texts(buffer, new_bounds[which], new_bounds[1:][sizes > 0])  # a token may vanish


def _by_python(text: str, lowercase: bool, nfkc: bool, simplify: bool) -> str:
    if nfkc:
        text = unicodedata.normalize("NFKC", text)  # may bring capitals
    if lowercase:
        text = text.lower()
    if nfkc and lowercase:
        text = unicodedata.normalize("NFKC", text)
    return text.translate(_simplified()) if simplify else text


@lru_cache(maxsize=1)
def _simplified() -> dict[int, int]:
    """Return the simplified form of each character that has another one; as OpenCC says."""
    try:
        from opencc import OpenCC
    except ImportError:
        raise InputError(
            "simplify needs OpenCC, which is not installed: pip install 'fasttext-lite[zh]'"
        ) from None
    converter = OpenCC("t2s")
    found = {}
    for first, last in HAN_RANGES:
        for code in range(first, last):
            text = converter.convert(chr(code))
            if len(text) == 1 and ord(text) != code:
                found[code] = ord(text)
    return found


@lru_cache(maxsize=8)
def _lower_table(lowercase: bool, nfkc: bool, simplify: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return `pages` and `deltas` of `tokenize.lower`, as the running Python has it.

    Without lower-casing all deltas are 0, with NFKC all beyond ASCII are NOT_SIMPLE.
    """
    from fasttext_lite.kernels.tokenize import NOT_SIMPLE

    codes = np.arange(0x110000, dtype="<u4")
    changes = np.zeros(0x110000, np.int32)
    if lowercase:
        asked = codes[:CASED].copy()
        asked[[0x130, FINAL_SIGMA]] = 0
        text = asked.tobytes().decode("utf-32-le", "surrogatepass")
        found = np.frombuffer(text.lower().encode("utf-32-le", "surrogatepass"), "<u4")
        changes[:CASED] = found.astype(np.int32) - asked.astype(np.int32)
        changes[[0x130, FINAL_SIGMA]] = NOT_SIMPLE
    if simplify:
        for code, simple in _simplified().items():
            changes[code] = simple - code
    if nfkc:
        changes[0x80:] = NOT_SIMPLE
        return np.minimum(np.arange(0x1100), 2).astype(np.uint16) + np.uint16(1), np.concatenate(
            [np.zeros(256, np.int32), changes[:768]]
        )
    rows = changes.reshape(0x1100, 256)
    used = rows.any(1)
    pages = np.where(used, np.cumsum(used), 0).astype(np.uint16)
    return pages, np.concatenate([np.zeros(256, np.int32), rows[used].ravel()])


@lru_cache(maxsize=4)
def class_of_characters(analyzer: str) -> np.ndarray:
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
