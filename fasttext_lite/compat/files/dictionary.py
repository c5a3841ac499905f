"""fastText's dictionary: words and labels with their counts, and from bytes to row numbers.

dictionary.cc of fastText 0.9.2.  What differs: words of equal counts keep the order of their first
occurrence (there it is left to an unstable sort), and no rare word is dropped on the way when there
are very many.
"""

from __future__ import annotations

import contextlib
import mmap
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from fasttext_lite import system
from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.kernels import text as kernels
from fasttext_lite.compat.kernels.text import Lexicon
from fasttext_lite.compiled.arrays import read_only
from fasttext_lite.corpus import DEFAULT_PREFIX
from fasttext_lite.corpus.compression import DAMAGE, LONGEST_MAGIC, compression_of
from fasttext_lite.corpus.encodings import BOM_UTF8, WIDE_MARKS
from fasttext_lite.corpus.files import open_text
from fasttext_lite.errors import InputError
from fasttext_lite.features.kernels.rows import insert_codes
from fasttext_lite.parallel import run_blocks
from fasttext_lite.text.kernels.words import insert_words

EOS, BOW, EOW = "</s>", "<", ">"
EOS_BYTES = EOS.encode()
DEFAULT_LABEL = DEFAULT_PREFIX  # it is not in the file
RANGE_EXAMPLES = 1 << 12  # listed at a time
_NO_ROWS = read_only(np.full((1, 2), -1, np.int32))


def as_bytes(text: str | bytes) -> bytes:
    """Return text as UTF-8; a lone surrogate, which is none, as the bytes it stands for."""
    if isinstance(text, bytes):
        return text
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogatepass")


def as_array(data: bytes | mmap.mmap) -> np.ndarray:
    """Return bytes as a read-only uint8 array; also if there are none."""
    return np.frombuffer(data, np.uint8) if len(data) else read_only(np.empty(0, np.uint8))


@contextlib.contextmanager
def mapped(path: str | os.PathLike[str]) -> Iterator[np.ndarray]:
    """Map a file into memory; or read it, if it is packed or in UTF-16 or UTF-32 by its mark.

    The byte order mark of UTF-8 is no part of the text.

    Yields
    ------
    uint8[n_bytes]
        Read-only.

    Raises
    ------
    InputError
        If it cannot be opened or read.
    """
    name = os.fspath(path)
    try:
        with open(name, "rb") as file:
            head = file.peek(LONGEST_MAGIC)[:LONGEST_MAGIC]
            if compression_of(head) or head.startswith(WIDE_MARKS):
                data = as_array(_unpacked(name))
            elif os.fstat(file.fileno()).st_size == 0:
                data = as_array(file.read())  # also of what has no size, such as a pipe
            else:
                data = as_array(system.map_or_read(file))
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise InputError(f"{name} cannot be opened: {reason}") from None
    yield data[len(BOM_UTF8) :] if data[: len(BOM_UTF8)].tobytes() == BOM_UTF8 else data


def _unpacked(name: str) -> bytes:
    """Return what a packed file, or one in UTF-16 or UTF-32, holds, as UTF-8."""
    pieces = []
    try:
        with open_text(name) as stream:
            while piece := stream.read1(1 << 20):
                pieces.append(piece)
    except InputError:
        raise
    except DAMAGE as error:
        raise InputError(f"{name}: cannot be unpacked: {error}") from None
    return b"".join(pieces)


@dataclass(frozen=True)
class Examples:
    """The examples of a text as row numbers.

    Attributes
    ----------
    ids : int32[n_ids], indptr : int64[n_examples + 1]
        Rows of the input table, as often as they occur.
    labels : int32[n_label_ids], label_indptr : int64[n_examples + 1]
    n_tokens : int64[n_examples]
    """

    ids: np.ndarray
    indptr: np.ndarray
    labels: np.ndarray
    label_indptr: np.ndarray
    n_tokens: np.ndarray


class Dictionary:
    """Words, then labels, each by falling count.

    Parameters
    ----------
    args : Args
        `word_ngrams`, `minn`, `maxn`, `bucket` and `label` are used.
    pool : uint8[n_bytes], offsets : int64[size, 2]
        Words and labels.
    counts : int64[size]
    n_words : int
    n_tokens : int
        All tokens of the training text.
    pairs : int32[n_kept, 2], optional
        Of a pruned model: bucket, and row behind the words. None: nothing was dropped.
    """

    def __init__(
        self,
        args: Args,
        pool: np.ndarray,
        offsets: np.ndarray,
        counts: np.ndarray,
        n_words: int,
        n_tokens: int,
        pairs: np.ndarray | None = None,
    ) -> None:
        self.args = args
        self.pool = read_only(np.ascontiguousarray(pool, np.uint8))
        self.offsets = np.ascontiguousarray(offsets, np.int64)
        self.counts = np.ascontiguousarray(counts, np.int64)
        self.n_words = int(n_words)
        self.n_tokens = int(n_tokens)
        self.pairs = pairs

    @classmethod
    def of_words(
        cls, args: Args, words: Sequence[bytes], counts: Sequence[int], n_words: int, n_tokens: int
    ) -> Dictionary:
        """Make a dictionary of words and labels in their final order."""
        ends = np.cumsum([0, *map(len, words)], dtype=np.int64)
        offsets = np.stack([ends[:-1], ends[1:]], axis=1)
        return cls(args, as_array(b"".join(words)), offsets, np.array(counts), n_words, n_tokens)

    @property
    def size(self) -> int:
        """Words and labels."""
        return len(self.offsets)

    @property
    def n_labels(self) -> int:
        """Number of labels."""
        return self.size - self.n_words

    @property
    def label_counts(self) -> np.ndarray:
        """How often each label occurred, int64[n_labels]."""
        return self.counts[self.n_words :]

    @property
    def n_rows(self) -> int:
        """Rows of the input table: of words and buckets, or those kept."""
        n_ngrams = self.args.bucket if self.pairs is None else len(self.pairs)
        return self.n_words + n_ngrams

    def entry(self, i: int) -> bytes:
        """Return a word or label."""
        return self.pool[self.offsets[i, 0] : self.offsets[i, 1]].tobytes()

    def __getstate__(self) -> dict[str, Any]:
        """Return what the dictionary is made of, without what follows from that."""
        left_out = ("words", "labels", "lexicon")
        return {name: value for name, value in vars(self).items() if name not in left_out}

    @cached_property
    def words(self) -> list[bytes]:
        """All words."""
        return [self.entry(i) for i in range(self.n_words)]

    @cached_property
    def labels(self) -> list[bytes]:
        """All labels, with their prefix."""
        return [self.entry(i) for i in range(self.n_words, self.size)]

    @cached_property
    def lexicon(self) -> Lexicon:
        """What the kernels look tokens up in."""
        table = np.full(1 << max(int(2 * self.size).bit_length(), 4), -1, np.int32)
        insert_words(self.pool, self.offsets, self.size, table)
        kept, is_kept, pruned = _NO_ROWS, np.empty(0, np.uint64), kernels.NOT_PRUNED
        if self.pairs is not None:
            pruned = kernels.SOME_PRUNED if len(self.pairs) else kernels.ALL_PRUNED
            kept = np.full((1 << max(int(2 * len(self.pairs)).bit_length(), 4), 2), -1, np.int32)
            if not insert_codes(np.ascontiguousarray(self.pairs[:, 0]), kept):
                raise InputError("the model is damaged: a bucket has two rows")
            used = kept[:, 0] >= 0
            kept[used, 1] = self.pairs[kept[used, 1], 1]
            # As many bits as the file claims to have buckets: pages without a one take no memory.
            is_kept = np.zeros(max(self.args.bucket, 1) // 64 + 1, np.uint64)
            codes = self.pairs[:, 0].astype(np.uint64)
            np.bitwise_or.at(
                is_kept, codes >> np.uint64(6), np.uint64(1) << (codes & np.uint64(63))
            )
        args = self.args
        options = np.zeros(kernels.N_OPTIONS, np.int64)
        options[kernels.N_WORDS] = self.n_words
        options[kernels.WORD_NGRAMS] = args.word_ngrams
        options[kernels.MINN], options[kernels.MAXN] = args.minn, args.maxn
        options[kernels.BUCKET] = max(args.bucket, 1)
        options[kernels.INVERSE] = kernels.inverse_of(max(args.bucket, 1))
        options[kernels.PRUNED] = pruned
        options[kernels.EOS_IS_LABEL] = EOS.startswith(args.label)
        lexicon = Lexicon(
            read_only(table), self.pool, self.offsets, read_only(kept),
            read_only(is_kept), options,
            as_array(as_bytes(args.label)),
        )  # fmt: skip
        options[kernels.EOS_WORD] = self._find(EOS_BYTES, lexicon)
        return lexicon

    def _find(self, word: bytes, lexicon: Lexicon) -> int:
        data = as_array(word)
        return int(kernels.find_entry(data, lexicon.table, lexicon.pool, lexicon.offsets))

    def find(self, word: str | bytes) -> int:
        """Return the number of a word or label, -1 if there is none."""
        return self._find(as_bytes(word), self.lexicon)

    def subwords(self, word: str | bytes) -> tuple[list[bytes], np.ndarray]:
        """Return a word and its character n-grams, and the row of each.

        As fastText does for a pruned model, the texts of all n-grams come, whether they have a
        row or not, and rows of those that have.
        """
        data = as_bytes(word)
        number = self.find(data)
        texts = [data] if 0 <= number < self.n_words else []
        if data != EOS_BYTES:
            texts += list(ngrams(b"<" + data + b">", self.args.minn, self.args.maxn))
        return texts, self.rows_of(as_array(data))

    def rows_of(self, word: np.ndarray) -> np.ndarray:
        """Return the rows of a word, uint8[n_bytes], and its character n-grams: int32[n]."""
        ids = np.empty((word.size + 3) * (max(self.args.maxn, 0) + 1) + 1, np.int32)
        n = kernels.list_word(word, 0, word.size, self.lexicon, ids)
        return ids[:n].copy()

    def bucket_of(self, ngram: str | bytes) -> int:
        """Return the bucket of an n-gram of characters."""
        data = as_array(as_bytes(ngram))
        return int(kernels.hash_bytes(data, 0, data.size)) % max(self.args.bucket, 1)

    def split(self, data: np.ndarray) -> np.ndarray:
        """Return where the examples of a text begin, and its end; int64[n_examples + 1].

        An example ends with a newline, or with </s> as a token of the text.
        """
        found = []
        i, n = 0, 0
        starts = np.empty(max(data.size // 32, 16), np.int64)
        while i < data.size:
            n, i = kernels.split_examples(data, i, starts, 0)
            found.append(starts[:n].copy())
        return np.append(np.concatenate([np.empty(0, np.int64), *found]), data.size)

    def list(self, data: np.ndarray, starts: np.ndarray, n_threads: int = 1) -> Examples:
        """Return rows and labels of all examples.

        Parameters
        ----------
        data : uint8[n_bytes]
            Read-only.
        starts : int64[n_examples + 1]
            As `split` returns them.
        n_threads : int
        """
        n = starts.size - 1
        edges = np.append(np.arange(0, n, RANGE_EXAMPLES), n)
        parts: list[tuple[np.ndarray, ...]] = [()] * (edges.size - 1)
        lexicon = self.lexicon

        def work(block: int) -> None:
            first, last = int(edges[block]), int(edges[block + 1])
            most = kernels.room_of_all(data, starts, first, last, lexicon.options)
            ids, labels = np.empty(most[0], np.int32), np.empty(most[1], np.int32)
            ends, label_ends, n_tokens = np.empty((3, last - first), np.int64)
            kernels.list_examples(
                data, starts, first, last, lexicon, ids, ends, labels, label_ends, n_tokens
            )
            parts[block] = (
                ids[: ends[-1]].copy(), np.diff(ends, prepend=0),
                labels[: label_ends[-1]].copy(), np.diff(label_ends, prepend=0), n_tokens,
            )  # fmt: skip

        run_blocks(work, len(parts), n_threads)
        if not parts:
            none = np.empty(0, np.int32)
            zero = np.zeros(1, np.int64)
            return Examples(none, zero, none, zero, np.empty(0, np.int64))
        ids, sizes, labels, label_sizes, n_tokens = map(np.concatenate, zip(*parts, strict=True))
        return Examples(
            ids, indptr_of(sizes), labels, indptr_of(label_sizes), n_tokens,
        )  # fmt: skip

    @classmethod
    def read(cls, data: np.ndarray, args: Args, more: Sequence[bytes] = ()) -> Dictionary:
        """Count the tokens of a training text, and keep those frequent enough.

        Parameters
        ----------
        data : uint8[n_bytes]
            Read-only.
        args : Args
            Its `min_count`, `min_count_label` and `label` are used, too.
        more : sequence of bytes
            Words that count once more and are kept however rare: those of pretrained vectors.

        Raises
        ------
        InputError
            If no word and no label is left.
        """
        counter = _Counter()
        counter.add(data)
        before = counter.counts[: counter.n].copy()
        counter.add(as_array(b" ".join(more)))
        pool, offsets, counts = counter.found()
        before = np.append(before, np.zeros(counts.size - before.size, np.int64))
        n_tokens = int(counts.sum())
        is_label = kernels.mark_prefix(pool, offsets, as_array(as_bytes(args.label)))
        keep = before >= np.where(is_label, args.min_count_label, args.min_count)
        keep &= before > 0
        counts = np.where(keep, counts, counts - before)  # dropped, and entered anew
        keep |= counts > 0 if more else False
        chosen = np.flatnonzero(keep)
        if chosen.size == 0:
            raise InputError("Empty vocabulary. Try a smaller -minCount value.")
        chosen = chosen[np.lexsort((-counts[chosen], is_label[chosen]))]
        n_words = int(chosen.size - np.count_nonzero(is_label[chosen]))
        pool, offsets = _compact(pool, offsets[chosen])
        return cls(args, pool, offsets, counts[chosen], n_words, n_tokens)

    def prune(self, rows: np.ndarray) -> tuple[Dictionary, np.ndarray]:
        """Return the dictionary with some rows of the input table alone, and these in its order.

        Parameters
        ----------
        rows : int[n_kept]
            Rows of words and buckets, in any order.

        Returns
        -------
        Dictionary
        rows : int64[n_kept]
            Words first, in their order.
        """
        rows = np.sort(np.asarray(rows, np.int64))
        words, buckets = rows[rows < self.n_words], rows[rows >= self.n_words]
        chosen = np.concatenate([words, np.arange(self.n_words, self.size)])
        pool, offsets = _compact(self.pool, self.offsets[chosen])
        pairs = np.stack([buckets - self.n_words, np.arange(buckets.size)], axis=1)
        pruned = Dictionary(
            self.args, pool, offsets, self.counts[chosen], words.size, self.n_tokens,
            pairs.astype(np.int32),
        )  # fmt: skip
        return pruned, rows


class _Counter:
    """The distinct tokens of a text, and how often each occurs."""

    def __init__(self) -> None:
        self.n = 0
        self.pool = np.empty(1 << 17, np.uint8)
        self.offsets = np.zeros((1 << 13, 2), np.int64)
        self.counts = np.empty(1 << 13, np.int64)
        self.table = np.full(1 << 14, -1, np.int32)

    def add(self, data: np.ndarray) -> None:
        i = 0
        while True:
            before = i
            i, self.n, _ = kernels.count_tokens(
                data, i, self.table, self.pool, self.offsets, self.counts, self.n
            )
            if i == data.size:
                return
            self._grow(data.size if i == before else 0)

    def _grow(self, n_bytes: int) -> None:
        """Double the room, and make room for so many bytes more."""

        def larger(array: np.ndarray, size: int) -> np.ndarray:
            new = np.empty((size, *array.shape[1:]), array.dtype)
            new[: len(array)] = array
            return new

        self.pool = larger(self.pool, 2 * self.pool.size + min(n_bytes, 1 << 26))
        self.offsets = larger(self.offsets, 2 * len(self.offsets))
        self.counts = larger(self.counts, 2 * self.counts.size)
        self.table = np.full(2 * self.table.size, -1, np.int32)
        insert_words(read_only(self.pool), self.offsets, self.n, self.table)

    def found(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return bytes, offsets and counts of the words, in the order of their first occurrence."""
        end = int(self.offsets[self.n - 1, 1]) if self.n else 0
        return read_only(self.pool[:end]), self.offsets[: self.n], self.counts[: self.n]


def ngrams(word: bytes, minn: int, maxn: int) -> Iterator[bytes]:
    """Yield the character n-grams of <word> in fastText's order (dictionary.cc)."""
    for first in range(len(word)):
        if word[first] & 0xC0 == 0x80:
            continue
        end = first
        for length in range(1, maxn + 1):
            if end >= len(word):
                break
            end += 1
            while end < len(word) and word[end] & 0xC0 == 0x80:
                end += 1
            if length >= minn and not (length == 1 and (first == 0 or end == len(word))):
                yield word[first:end]


def indptr_of(sizes: np.ndarray) -> np.ndarray:
    """Return where parts of some sizes begin, and the end; int64[n + 1]."""
    indptr = np.zeros(sizes.size + 1, np.int64)
    np.cumsum(sizes, out=indptr[1:])
    return indptr


def _compact(pool: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Copy words together; return pool and offsets."""
    sizes = offsets[:, 1] - offsets[:, 0]
    ends = np.cumsum(sizes)
    total = int(ends[-1]) if ends.size else 0
    at = np.arange(total) + np.repeat(offsets[:, 0] - (ends - sizes), sizes)
    return pool[at], np.stack([ends - sizes, ends], axis=1)
