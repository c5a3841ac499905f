"""The words of a segmenter and its model of unknown words, read from jieba's own files.

`WordTable` is what jieba calls FREQ: the frequency of every word, and 0 for whatever a word
begins with.  It is a trie in arrays for the kernels (see `kernels.trie`); words with
characters that jieba never looks up in a text stand beside it in a dict.

jieba itself is not imported: its files are found and read.
"""

from __future__ import annotations

import importlib.util
import math
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.errors import InputError
from fasttext_lite.segmenter.kernels import adding, cutting, trie

# The version that every behaviour was compared with.
VERIFIED = "0.42.1"
MOST = 10**300  # frequency
MIN_LOG = -3.14e100  # finalseg's logarithm of what never happens
FULLEST = 0.65  # share of the places of the hash table
BYTES_PER_NODE = 10  # about, of a dictionary
STATES = "BMES"
_ENTRY = re.compile(r"'(.)': (-?[0-9][-+.0-9e]*)")
_USER_ENTRY = re.compile("^(.+?)( [0-9]+)?( [a-z]+)?$")
_EMISSION = re.compile(r"'\\u([0-9a-f]{4})': (-?[0-9][-+.0-9e]*)")


class WordTable:
    """Words with their frequencies, as jieba keeps them.

    Parameters
    ----------
    n_nodes : int
        How many words and beginnings of words are expected.

    Attributes
    ----------
    tags, slots : uint64[]
        Of the trie.
    logs : float64[]
        Logarithm of the frequency of each number, -inf for number 0.
    total : int
        Sum of the frequencies that were ever given: jieba does not take the old one of a word
        off when it gets a new one.
    n_forced : int
        Number of words that may not be found as unknown words.
    """

    def __init__(self, n_nodes: int = 0) -> None:
        n_buckets = 1 << 10
        while n_buckets * trie.PER_BUCKET * FULLEST < n_nodes:
            n_buckets *= 2
        self._allocate(n_buckets)
        self.total = 0
        self.n_forced = 0
        self._values: list[int] = [0]
        self._numbers = {0: 0}
        self.logs = np.full(1, -np.inf)
        self._others: dict[str, int] = {}
        self._counts = np.array([0, 1], np.int64)

    def _allocate(self, n_buckets: int) -> None:
        if n_buckets > trie.MOST_BUCKETS:
            most = int(trie.MOST_BUCKETS * trie.PER_BUCKET * FULLEST)
            raise InputError(
                f"the dictionary has more than {most} words and beginnings of words: shorten it"
            )
        self.tags = np.zeros(n_buckets, np.uint64)
        self.slots = np.zeros(trie.ROOTS + trie.PER_BUCKET * n_buckets, np.uint64)
        self._limit = int(n_buckets * trie.PER_BUCKET * FULLEST)

    def _grow(self, n_more: int) -> None:
        """Make room for more nodes."""
        while self._counts[trie.N_NODES] + n_more > self._limit:
            tags, slots = self.tags, self.slots
            self._allocate(2 * tags.size)
            trie.grow(tags, slots, self.tags, self.slots, np.zeros(slots.size, np.uint64))

    def copy(self) -> WordTable:
        """Return a table that can be changed by itself."""
        other = WordTable.__new__(WordTable)
        other.__dict__.update(self.__dict__)
        for name in ("tags", "slots", "logs", "_counts", "_values", "_numbers", "_others"):
            setattr(other, name, getattr(self, name).copy())
        return other

    @classmethod
    def read(cls, data: bytes, name: str) -> WordTable:
        """Return the words of a dictionary: lines of word, frequency and maybe a tag.

        Parameters
        ----------
        data : bytes
            The file, UTF-8.
        name : str
            For messages.

        Raises
        ------
        InputError
            For a line that jieba cannot read, with its number.
        """
        _check_utf8(data, name)
        table = cls(len(data) // BYTES_PER_NODE)
        text = np.frombuffer(data if data.endswith(b"\n") else data + b"\n", np.uint8)
        values = np.zeros(int(np.count_nonzero(text == 10)) + 1, np.int64)
        numbers = np.zeros(1 << (2 * values.size).bit_length(), np.int32)
        large: dict[int, int] = {}
        i = 0
        while i < len(data):
            i, total = trie.read_lines(
                text, i, table._limit, table.tags, table.slots, numbers, values, table._counts
            )
            table.total += int(total)
            if i >= len(data):
                break
            end = data.find(b"\n", i)
            line = data[i : end if end >= 0 else len(data)]
            if table._counts[trie.N_NODES] + len(line) > table._limit:
                table._grow(len(line))
                continue
            number_of_line = data.count(b"\n", 0, i) + 1
            word, frequency = _parse_entry(line, f"{name}:{number_of_line}")
            node = table._insert(word)
            table.total += frequency
            if node == 0:
                table._others[word] = frequency
            else:
                number = int(table._counts[trie.N_NUMBERS]) if frequency else 0
                if number:
                    large[number] = frequency
                    table._counts[trie.N_NUMBERS] += 1
                table._put(node, number)
            i += len(line) + 1
        table._values = values[: table._counts[trie.N_NUMBERS]].tolist()
        if len(table._values) - 1 > trie.FREQUENCY:
            raise InputError(f"{name}: too many different frequencies: round them")
        for number, frequency in large.items():
            table._values[number] = frequency
        table._numbers = {value: number for number, value in enumerate(table._values)}
        table.logs = np.array([-np.inf, *map(math.log, table._values[1:])])
        return table

    def get(self, word: str) -> int | None:
        """Return the frequency of a word, 0 for what only begins a word, None for what does not."""
        node = self._node(word)
        if node:
            return self._values[int(self.slots[node] & trie.FREQUENCY)]
        return self._others.get(word)

    def _node(self, word: str) -> int:
        """Return the node of a word or of what begins one, 0 if the trie has none."""
        text = _bytes_of(word)
        return int(trie.look_up(text, 0, text.size, self.tags, self.slots))

    def set(self, word: str, frequency: int) -> None:
        """Give a word a frequency, and add that to the total."""
        number = self._numbers.get(frequency)
        if number is None:
            number = len(self._values)
            if number > trie.FREQUENCY:
                raise InputError("too many different frequencies of words: round them")
            if number == self.logs.size:
                logs = np.full(2 * number, np.inf)
                logs[:number] = self.logs
                self.logs = logs
            self.logs[number] = math.log(frequency)
            self._values.append(frequency)
            self._numbers[frequency] = number
        node = self._insert(word)
        if node:
            self._put(node, number)
        else:
            self._others[word] = frequency
        self.total += frequency

    def add(self, words: Sequence[bytes], wanted: np.ndarray, model: np.ndarray) -> int:
        """Add words, up to one that `set` has to be asked for.

        Parameters
        ----------
        words : sequence of bytes
            UTF-8, of jieba's class.
        wanted : int64[n_words]
            Frequencies; below 0 for one with which the word is cut out. Replaced by what each got.
        model : float64[N_LABELS, 4]
            See `kernels.cutting.mark_words`.

        Returns
        -------
        int
            How many were added.
        """
        if self.total > adding.MOST_TOTAL:
            return 0
        offsets = np.zeros(len(words) + 1, np.int64)
        np.cumsum([len(word) for word in words], out=offsets[1:])
        text = np.frombuffer(b"".join(words) + b"\n", np.uint8)
        n_known, size = len(self._values), int(np.diff(offsets).max(initial=0)) + 3
        n_numbers = min(n_known + len(words), int(trie.FREQUENCY) + 1)
        logs = np.full(max(n_numbers, n_known), np.inf)
        logs[:n_known] = self.logs[:n_known]
        values = np.zeros(logs.size, np.int64)
        values[:n_known] = [v if v <= adding.MOST_TOTAL else -1 for v in self._values]
        numbers = np.zeros(1 << (2 * logs.size).bit_length(), np.int32)
        adding.enter_numbers(values, n_known, numbers)
        self._counts[trie.N_NUMBERS] = n_known
        scratch = [np.empty(size, kind) for kind in adding.SCRATCH]
        marks, word = np.zeros(text.size, np.uint8), 0
        while word < len(words):
            word, total = adding.add_words(
                text, read_only(offsets), word, wanted, self._limit, self.total, self.tags,
                self.slots, logs, numbers, values, self._counts, model, *scratch, marks,
            )  # fmt: skip
            self.total = int(total)
            if word < len(words) and self._counts[trie.N_NODES] + len(words[word]) > self._limit:
                self._grow(len(words[word]))
            else:
                break
        new = values[n_known : self._counts[trie.N_NUMBERS]].tolist()
        self._numbers.update({value: n for n, value in enumerate(new, n_known)})
        self._values += new
        self.logs = logs
        return int(word)

    def force_split(self, word: str) -> None:
        """Let a word of the table never be found as an unknown word."""
        node = self._node(word)
        if node and not self.slots[node] & trie.FORCED:
            self.slots[node] |= trie.FORCED
            self.n_forced += 1

    def _insert(self, word: str) -> int:
        """Add a word and its beginnings; return its node, 0 for one outside jieba's class."""
        text = _bytes_of(word)
        self._grow(text.size)
        node = int(trie.insert(text, 0, text.size, self.tags, self.slots, self._counts))
        if node == 0:
            for end in range(1, len(word) + 1):
                if not self._node(word[:end]):
                    self._others.setdefault(word[:end], 0)
        return node

    def _put(self, node: int, number: int) -> None:
        self.slots[node] = self.slots[node] & ~trie.FREQUENCY | np.uint64(number)


def _bytes_of(text: str) -> np.ndarray:
    return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)


def _check_utf8(data: bytes, name: str) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name}:{line}: not UTF-8: save the dictionary as UTF-8") from None


def _parse_entry(line: bytes, place: str) -> tuple[str, int]:
    """Return word and frequency of a line of a dictionary, read as jieba reads it."""
    parts = line.strip().decode("utf-8").split(" ")
    if len(parts) < 2:
        raise InputError(f"{place}: expected a word and its frequency, got {' '.join(parts)!r}")
    return parts[0], parse_frequency(parts[1], place)


def parse_frequency(frequency: Any, place: str) -> int:
    """Return a frequency as `int` makes it.

    There is no place for one below 0, which has no logarithm, nor above `MOST`, with which sums
    would be no floats.
    """
    try:
        number = int(frequency)
        if 0 <= number <= MOST:
            return number
    except (ValueError, TypeError, OverflowError):
        pass
    shown = repr(frequency)[:30] if isinstance(frequency, str) else type(frequency).__name__
    if isinstance(frequency, int | float) and abs(frequency) <= MOST:
        shown = str(frequency)
    raise InputError(f"{place}: expected a frequency, an integer from 0 to 1e300, got {shown}")


def read_user_dictionary(f: Any) -> list[tuple[str, int | None, str | None]]:
    """Read a user dictionary: word, frequency or None, tag or None of each line.

    Parameters
    ----------
    f : path, or iterable of lines
        Bytes are UTF-8, with or without a byte order mark.

    Raises
    ------
    InputError
        With path and line.
    """
    if isinstance(f, str | os.PathLike):
        name = os.fspath(f)
        f = read_bytes(f).split(b"\n")
    else:
        name = str(getattr(f, "name", "user dictionary"))
    entries = []
    for number, line in enumerate(f, 1):
        line = line.strip()
        if not isinstance(line, str):
            try:
                line = line.decode("utf-8").lstrip("\ufeff")
            except UnicodeDecodeError:
                raise InputError(
                    f"{name}:{number}: not UTF-8: save the user dictionary as UTF-8"
                ) from None
        if not line:
            continue
        found = _USER_ENTRY.match(line)
        if not found:
            raise InputError(f"{name}:{number}: a line break inside a line: one word a line")
        word, frequency, tag = found.groups()
        value = None if frequency is None else parse_frequency(frequency, f"{name}:{number}")
        entries.append((word, value, None if tag is None else tag.strip()))
    return entries


# -- jieba's files -----------------------------------------------------------------------------
def jieba_folder() -> Path:
    """Return the folder of the installed jieba, which is not imported.

    Raises
    ------
    InputError
        If there is none.
    """
    spec = importlib.util.find_spec("jieba")
    places = list(spec.submodule_search_locations or ()) if spec else []
    if not places:
        raise InputError(f"jieba is not installed: pip install jieba=={VERIFIED}")
    return Path(places[0])


def jieba_version(folder: Path) -> str:
    """Return the version that jieba's code names, "unknown" if it names none."""
    with open(folder / "__init__.py", encoding="utf-8", errors="replace") as file:
        found = re.search(r"^__version__ = ['\"](.*)['\"]", file.read(), re.MULTILINE)
    return found[1] if found else "unknown"


def read_bytes(path: str | os.PathLike[str]) -> bytes:
    """Return the content of a file; `InputError` if it cannot be read."""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or "cannot be read").lower()
        raise InputError(f"{os.fspath(path)}: {reason}: check the path of the dictionary") from None


def read_model(folder: Path) -> np.ndarray:
    """Read the hidden Markov model of unknown words from jieba's files.

    Returns
    -------
    float64[N_LABELS, 4]
        See `kernels.cutting.mark_words`.
    """
    model = np.full((trie.N_LABELS, 4), MIN_LOG)
    for name, first in (("start", cutting.START), ("trans", cutting.FROM_B)):
        for row, text in enumerate(_parts(folder, name, per_state=name == "trans")):
            for state, value in _ENTRY.findall(text):
                model[first + row, STATES.index(state)] = float(value)
    for column, text in enumerate(_parts(folder, "emit", per_state=True)):
        entries = _EMISSION.findall(text)
        codes = np.array([int(code, 16) for code, _ in entries]) - trie.FIRST_CODE
        values = np.array([float(value) for _, value in entries])
        used = (codes >= 0) & (codes < trie.N_HAN)
        model[trie.FIRST_HAN + codes[used], column] = values[used]
    return model


def _parts(folder: Path, name: str, per_state: bool) -> list[str]:
    """Return the text of each state's dict in a file of probabilities, in order of STATES."""
    path = folder / "finalseg" / f"prob_{name}.py"
    text = read_bytes(path).decode("utf-8")
    if not per_state:
        return [text]
    found = dict(re.findall(r"'([BMES])': \{([^}]*)\}", text))
    if set(found) != set(STATES):
        raise InputError(f"{path}: not the table of jieba {VERIFIED}: reinstall jieba")
    return [found[state] for state in STATES]
