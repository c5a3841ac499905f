"""Documents in one buffer, from strings, token lists or bytes."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.compiled.arrays import read_only, take_ragged
from fasttext_lite.corpus.arrow import columns_of, has_pyarrow, is_column


@dataclass(frozen=True)
class Texts:
    """Documents in one buffer: document i is ``buffer[offsets[i]:offsets[i + 1]]``.

    Attributes
    ----------
    buffer : uint8[n_bytes]
        UTF-8 (lone surrogates encoded as if they were characters); read-only.
    offsets : int64[n_docs + 1]
    token_ends : int64[n_tokens] or None
        For text that came as token lists: the positions after each token's last byte,
        ascending. None for plain text.
    """

    buffer: np.ndarray
    offsets: np.ndarray
    token_ends: np.ndarray | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "buffer", read_only(self.buffer))

    def __len__(self) -> int:
        return self.offsets.size - 1

    def to_list(self) -> list[str]:
        """Return the documents as Python strings."""
        data = self.buffer.tobytes()
        bounds = self.offsets.tolist()
        return [data[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(bounds)]

    def slice(self, first: int, last: int) -> Texts:
        """Return documents `first` to `last` - 1 (or to the end) as their own `Texts`."""
        last = min(last, len(self))
        a, b = self.offsets[first], self.offsets[last]
        ends = self.token_ends
        if ends is not None:
            ends = ends[np.searchsorted(ends, a, "right") : np.searchsorted(ends, b, "right")] - a
        return Texts(self.buffer[a:b], self.offsets[first : last + 1] - a, ends)

    def take(self, chosen: np.ndarray) -> Texts:
        """Return the chosen documents, in that order; a number may come more than once."""
        offsets, buffer = take_ragged(self.offsets, chosen, self.buffer)
        if self.token_ends is None:
            return Texts(buffer, offsets)
        first = np.searchsorted(self.token_ends, self.offsets, "right")  # token of each document
        first, ends = take_ragged(first, chosen, self.token_ends)
        shifts = offsets[:-1] - self.offsets[np.asarray(chosen, np.int64)]
        return Texts(buffer, offsets, ends + np.repeat(shifts, np.diff(first)))

    @classmethod
    def joined(cls, first: Texts, second: Texts) -> Texts:
        """Return the documents of both, one after another.

        Raises
        ------
        ValueError
            If one came as token lists and the other as plain text.
        """
        if (first.token_ends is None) != (second.token_ends is None):
            raise ValueError("some texts are lists of tokens, others are not: cut all, or none")
        # Those of Arrow may begin anywhere in their buffer.
        (start, end), (begin, close) = first.offsets[[0, -1]], second.offsets[[0, -1]]
        shift = end - start - begin
        buffer = np.concatenate([first.buffer[start:end], second.buffer[begin:close]])
        offsets = np.concatenate([first.offsets - start, shift + second.offsets[1:]])
        ends = None
        if first.token_ends is not None and second.token_ends is not None:
            ends = np.concatenate([first.token_ends - start, shift + second.token_ends])
        return cls(buffer, offsets, ends)

    @classmethod
    def from_bytes(cls, documents: Sequence[bytes]) -> Texts:
        """Join documents that are UTF-8 already."""
        offsets = np.zeros(len(documents) + 1, np.int64)
        np.cumsum([len(document) for document in documents], out=offsets[1:])
        return cls(np.frombuffer(b"".join(documents), np.uint8), offsets)

    @classmethod
    def from_column(cls, column: Any) -> tuple[Texts, np.ndarray | None]:
        """Take a column in Arrow's form as it lies in memory, see `arrow.columns_of`.

        Returns
        -------
        Texts
        valid : bool[n_docs] or None
            False for nulls, whose texts are to be passed over; None where there is none.

        Raises
        ------
        InputError
            If pyarrow is not installed.
        TypeError
            If it is no column of strings.
        """
        data, offsets, valid = columns_of(column)
        return cls(data, offsets), valid

    @classmethod
    def with_nulls(cls, documents: Any) -> tuple[Texts, np.ndarray | None]:
        """Take a column in Arrow's form as `from_column`, all else as `from_sequence`.

        Returns
        -------
        Texts
        valid : bool[n_docs] or None
            As `from_column` returns it.

        Raises
        ------
        TypeError
            As these.
        """
        if is_column(documents) and (has_pyarrow() or not hasattr(documents, "to_list")):
            return cls.from_column(documents)
        return cls.from_sequence(documents), None

    @classmethod
    def from_sequence(cls, documents: Iterable[Any]) -> Texts:
        """Encode strings, or documents that are lists of tokens.

        Parameters
        ----------
        documents : iterable of str, or iterable of sequences of str
            A sequence of str is a document cut into tokens already. A line break inside a
            text is a space. Columns in Arrow's form are taken as they lie in memory.

        Raises
        ------
        TypeError
            If `documents` is one string, or holds anything else (None, NaN, bytes, numbers);
            the message has the position.
        """
        if isinstance(documents, str | bytes):
            raise TypeError(
                "expected a list of texts, got one text: put it in a list, [text], "
                "to classify a single text"
            )
        shape = getattr(documents, "shape", None)
        if shape is not None and len(shape) != 1:
            raise TypeError(
                f"expected one column of texts, got {type(documents).__name__} of shape "
                f"{tuple(shape)}: pass a list, a 1-D array or one column, as df['text'] is"
            )
        if is_column(documents) and (has_pyarrow() or not hasattr(documents, "to_list")):
            texts, valid = cls.from_column(documents)
            if valid is not None:
                raise TypeError(f"text at position {int(valid.argmin())} must be str, got null")
            return texts
        if hasattr(documents, "to_list") and callable(documents.to_list):
            documents = documents.to_list()  # pandas and polars Series
        elif isinstance(documents, np.ndarray):
            documents = documents.tolist()
        if not isinstance(documents, Iterable) or isinstance(documents, Mapping | Set):
            raise TypeError(f"expected a list of texts, got {type(documents).__name__}")
        items = list(documents)
        if items and all(isinstance(item, list | tuple) for item in items):
            return cls._from_token_lists(items)
        for i, item in enumerate(items):
            if not isinstance(item, str):
                raise TypeError(f"text at position {i} must be str, got {_describe(item)}")
        encoded = [item.encode("utf-8", "surrogatepass") for item in items]
        return cls.from_bytes(encoded)

    @classmethod
    def _from_token_lists(cls, items: list[Sequence[str]]) -> Texts:
        pieces: list[bytes] = []
        lengths = []
        for i, tokens in enumerate(items):
            size = 0
            for token in tokens:
                if not isinstance(token, str):
                    raise TypeError(
                        f"tokens of the text at position {i} must be str, got {_describe(token)}"
                    )
                if token:
                    # NUL separates the pieces in normalisation: it cannot be part of one.
                    pieces.append(token.replace("\0", " ").encode("utf-8", "surrogatepass"))
                    size += len(pieces[-1])
            lengths.append(size)
        offsets = np.zeros(len(items) + 1, np.int64)
        np.cumsum(lengths, out=offsets[1:])
        ends = np.cumsum([len(piece) for piece in pieces], dtype=np.int64)
        return cls(np.frombuffer(b"".join(pieces), np.uint8), offsets, ends)


def _describe(item: Any) -> str:
    name = type(item).__name__
    return f"{name} ({item!r})" if isinstance(item, int | float | bytes) else name
