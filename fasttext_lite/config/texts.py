"""Settings that are words: as a text, a list, the name of a list, or a file that holds them.

The command line and Python give them alike, and what becomes of them is decided here, once.  A
model keeps the words, not where they came from.
"""

from __future__ import annotations

import base64
import os
import re
import zlib
from functools import lru_cache
from typing import Any

from fasttext_lite.errors import bounded

# What a setting of words is: words between white space, those or the name of a built-in list, lines
# of a user dictionary, or lines of a whole dictionary, which are kept packed.
WORDS, STOP_WORDS, DICTIONARY = "words", "stop words", "dictionary"
PACKED = "packed:"
MOST_UNPACKED = 1 << 30  # bytes
# A file says how much it becomes: words and frequencies deflate by a factor of 5.
_ALWAYS_UNPACKED, _MOST_OF_BYTE = 1 << 24, 100
ENGLISH = "english"
# What other libraries have lists for: as the only stop word, none of these is meant as a word.
_LANGUAGES = (
    "arabic azerbaijani basque bengali bulgarian catalan chinese croatian czech danish dutch "
    "estonian finnish french galician german greek hebrew hindi hinglish hungarian indonesian "
    "irish italian japanese kazakh korean latvian lithuanian nepali norwegian persian polish "
    "portuguese romanian russian slovak slovene slovenian spanish swedish tajik tamil thai turkish "
    "ukrainian urdu vietnamese"
)
LANGUAGES = frozenset(_LANGUAGES.split())
_FILE_NAME = re.compile(r"[^\n]+\.(txt|dict|dic|csv|tsv|json|lst|big|gz|zip)", re.IGNORECASE)


class Words(str):
    """A text that stands for itself: what it may name, a list or a file, was looked up before.

    Attributes
    ----------
    given : str
        What the user wrote.
    """

    given: str

    def __new__(cls, text: str, given: str | None = None) -> Words:
        """Return a text, with what the user wrote in its place."""
        words = super().__new__(cls, text)
        words.given = text if given is None else given
        return words


def words_of(value: Any, kind: str = WORDS) -> Words:
    """Return the words that a setting asks for, in lines; those of a dictionary packed.

    Parameters
    ----------
    value : str, path, or list, tuple or set of str
        ``@FILE`` and a path stand for what the file holds.
    kind : {WORDS, STOP_WORDS, DICTIONARY}
        Of stop words, ``"english"`` stands for scikit-learn's list.

    Raises
    ------
    ValueError
        If it is none of these, a file cannot be read, or a text looks like the name of a file.
    """
    if isinstance(value, Words):
        return value
    words = _words_of(value, kind == STOP_WORDS)
    if kind == DICTIONARY and words.given.startswith("@") and not words.strip():
        name = words.given[1:]
        raise ValueError(f"{name}: the dictionary is empty: leave it out for jieba's own")
    return Words(_packed(words), words.given) if kind == DICTIONARY else words


def _words_of(value: Any, has_lists: bool) -> Words:
    if isinstance(value, os.PathLike):
        return Words(_read(os.fspath(value)), f"@{os.fspath(value)}")
    if isinstance(value, list | tuple | set | frozenset):
        items = list(value)
        if not all(isinstance(word, str) for word in items):
            raise ValueError(bounded(f"must be a text or a list of texts; got {value!r}"))
        if len(items) == 1:
            _refuse_name(items[0])
        return Words("\n".join(sorted(items) if isinstance(value, set | frozenset) else items))
    if not isinstance(value, str):
        raise ValueError(bounded(f"must be a text or a list of texts; got {value!r}"))
    if value.startswith("@") and len(value) > 1 and "\n" not in value:
        return Words(_read(value[1:]), value)
    _refuse_name(value)
    name = value.strip().lower()
    if has_lists and name == ENGLISH:
        return Words(_english(), value)
    if has_lists and name in LANGUAGES:
        raise ValueError(
            f"a list of stop words is built in for {ENGLISH} alone, not for {name}: give the words "
            "themselves, or @FILE"
        )
    return Words(value)


def _refuse_name(word: str) -> None:
    """Raise `ValueError` for what is the name of a file where words are expected, or looks so."""
    if "\n" in word or "\0" in word:
        return
    if word.startswith("@") and os.path.isfile(word[1:]):
        raise ValueError(bounded(f"{word!r} stands in a list: give it by itself to read the file"))
    if os.path.isfile(word):
        raise ValueError(bounded(f"{word!r} is the name of a file: write @{word} to read the file"))
    if _FILE_NAME.fullmatch(word):
        raise ValueError(
            bounded(
                f"{word!r} looks like the name of a file, which is not there: write @ and its path "
                "to read a file"
            )
        )


def _read(path: str | bytes) -> str:
    """Return the content of a file, UTF-8 with or without a byte order mark."""
    name = os.fsdecode(path)
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as error:
        raise ValueError(f"{name}: {(error.strerror or str(error)).lower()}") from None
    except ValueError:  # a NUL in the name
        raise ValueError(bounded(f"{name!r}: no such file")) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        data = error.object
        line = data.count(b"\n", 0, error.start) + 1
        raise ValueError(
            f"{name}:{line}: not UTF-8 (byte 0x{data[error.start]:02x}); convert the file, for "
            "example with: iconv -f GB18030 -t UTF-8"
        ) from None
    return text.replace("\r\n", "\n")


def _english() -> str:
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return "\n".join(sorted(ENGLISH_STOP_WORDS))


# -- dictionaries ----------------------------------------------------------------------------
def _packed(text: str) -> str:
    """Return a dictionary as a text of a third of the size: words and frequencies, without tags."""
    if not text.strip() or text.startswith(PACKED):
        return text.strip()
    lines = (" ".join(line.strip().split(" ")[:2]) for line in text.splitlines())
    data = "".join(f"{line}\n" for line in lines if line).encode("utf-8", "surrogatepass")
    return PACKED + base64.b85encode(zlib.compress(data)).decode("ascii")


@lru_cache(maxsize=2)
def unpacked(text: str) -> bytes:
    """Return the lines of a packed dictionary, as UTF-8.

    Raises
    ------
    ValueError
        If it is damaged.
    """
    try:
        unpacker = zlib.decompressobj()
        packed = base64.b85decode(text.removeprefix(PACKED))
        most = min(MOST_UNPACKED, _ALWAYS_UNPACKED + _MOST_OF_BYTE * len(packed))
        data = unpacker.decompress(packed, most)
        if text.startswith(PACKED) and unpacker.eof:
            data.decode("utf-8")
            return data
    except (zlib.error, ValueError):
        pass
    raise ValueError("the dictionary is damaged")


def stored_words(value: Any, kind: str) -> Any:
    """Return a setting of words as a model file has it, to be taken as it stands.

    Raises
    ------
    ValueError
        If it is a damaged dictionary.
    """
    if not isinstance(value, str):
        return value
    if kind == DICTIONARY and value:
        unpacked(value)
    return Words(value)
