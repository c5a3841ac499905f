"""Word vectors that training starts from, and words that a model knows by them alone.

Each format of files is a record of `VECTOR_FORMATS`.
"""

from __future__ import annotations

import dataclasses
import itertools
import logging
import os
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeGuard

import numpy as np

from fasttext_lite.compiled import utf8
from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.fields import Config
from fasttext_lite.config.records import Records
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError, bounded
from fasttext_lite.features.vocabulary import EOS, Vocabulary, words_in
from fasttext_lite.fitting.prepared import Prepared, WordVectors
from fasttext_lite.fitting.static_vectors import is_static, static_blocks, static_dim
from fasttext_lite.fitting.vector_files import VectorBlock, vec_blocks, vec_dim
from fasttext_lite.model.magic import is_fasttext
from fasttext_lite.parallel import cpu_count
from fasttext_lite.text.analyzers import analyze

logger = logging.getLogger("fasttext_lite")
MOST_WORDS = 200_000  # first words of a file, the most frequent ones, that a model gets to know
LOOKED_AT = 10_000  # words of a file of which none is known, to say why


@dataclass(frozen=True)
class VectorFormat:
    """A format of files of word vectors.

    Attributes
    ----------
    name : str
    is_of : callable
        Given a path, returns whether the file, or the folder, is of this format.
    dim : callable
        Given a path, returns the number of dimensions.
    blocks : callable
        Given a path, yields `VectorBlock`, the most frequent words first.
    """

    name: str
    is_of: Callable[[str], bool]
    dim: Callable[[str], int]
    blocks: Callable[[str], Iterator[VectorBlock]]


def _fasttext_dim(path: str) -> int:
    file, out = shlex.quote(path), shlex.quote(os.path.splitext(path)[0] + ".vec")
    raise InputError(
        f"{path}: a model of fastText, not its vectors: `fasttext-lite convert {file} {out}` "
        "writes them"
    )


def _fasttext_blocks(path: str) -> Iterator[VectorBlock]:
    _fasttext_dim(path)
    return iter(())


# The first that a file is of; what is of none of them may be a text.
VECTOR_FORMATS: Records[VectorFormat] = Records(
    "format of vectors",
    VectorFormat("static", is_static, static_dim, static_blocks),
    VectorFormat("fasttext", is_fasttext, _fasttext_dim, _fasttext_blocks),
    VectorFormat("vec", lambda path: True, vec_dim, vec_blocks),
)


def format_of(path: str) -> VectorFormat:
    """Return the format of a file of vectors."""
    return next(each for each in VECTOR_FORMATS.values() if each.is_of(path))


@dataclass(frozen=True)
class Pretrained:
    """A file of word vectors, and what is taken from it.

    Attributes
    ----------
    path : path-like
    max_words : int
        Of so many first words of the file, those that the texts do not have are added to the
        vocabulary.

    Raises
    ------
    ValueError
        If it is no number of words.
    """

    path: str | os.PathLike[str]
    max_words: int = MOST_WORDS

    def __post_init__(self) -> None:
        n = self.max_words
        if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 0:
            raise ValueError(bounded(f"max_words must be a whole number of at least 0; got {n!r}"))

    @classmethod
    def of(cls, path: str | os.PathLike[str] | None, max_words: int | None) -> Pretrained | None:
        """Return what is asked for; None where there is no file."""
        found = cls("" if path is None else path, MOST_WORDS if max_words is None else max_words)
        return None if path is None else found

    @property
    def name(self) -> str:
        """The path as text."""
        return os.fspath(self.path)

    def dim(self) -> int:
        """Return the number of dimensions; an `InputError` if the file cannot be read."""
        return format_of(self.name).dim(self.name)

    def blocks(self) -> Iterator[VectorBlock]:
        """Yield the words of the file; an `InputError` if it cannot be read or is damaged."""
        yield from format_of(self.name).blocks(self.name)


@dataclass(frozen=True)
class Held(Pretrained):
    """What several trainings may take from a file, in memory: see `hold`.

    Attributes
    ----------
    words : list of bytes
        The first `max_words` of them may be added.
    vectors : float32[n_words, dim]
    """

    words: list[bytes] = dataclasses.field(default_factory=list)
    vectors: np.ndarray = dataclasses.field(default_factory=lambda: np.empty((0, 1), np.float32))

    def dim(self) -> int:
        """Return the number of dimensions."""
        return self.vectors.shape[1]

    def blocks(self) -> Iterator[VectorBlock]:
        """Yield the words that are held, in one block."""
        yield VectorBlock(self.words, lambda places: self.vectors[list(places)])


def with_vectors(config: Config, pretrained: Pretrained | None) -> Config:
    """Return the settings that a file of vectors asks for: its `dim`, and a learned head.

    Raises
    ------
    InputError
        If the file is not one of vectors, or the settings leave no place for them.
    """
    if pretrained is None:
        return config
    return settings_of(config, pretrained.name, pretrained.dim())


def settings_of(config: Config, path: str, dim: int) -> Config:
    """Return the settings that vectors of so many dimensions ask for; see `with_vectors`."""
    if config.dim not in (None, dim):
        raise InputError(f"{path}: the vectors have {dim} dimensions; got dim={config.dim}")
    if config.head == "linear":
        raise InputError(f"{path}: head='linear' leaves no place for pretrained vectors")
    return config.replace(dim=dim, head="learned")


def join_vectors(
    prepared: Prepared, pretrained: Pretrained | None, n_threads: int | None = None
) -> Prepared:
    """Return training data with the vectors of its words, and with words more.

    A word of the file is looked up as it stands, then as the analyzer writes it; the first line
    of a word counts. A word that the analyzer makes several tokens of, or none, is passed over:
    no text would have it. A warning if no word of the texts has a vector.

    Parameters
    ----------
    prepared : Prepared
    pretrained : Pretrained, optional
    n_threads : int, optional
        Default: all processors.

    Returns
    -------
    Prepared
        With `vectors`; the same without a file.

    Raises
    ------
    InputError
        If the file cannot be read or is damaged; with the line, if it has lines.
    """
    if pretrained is None:
        return prepared
    joining = _Joining(prepared, pretrained.max_words, n_threads or cpu_count())
    for block in pretrained.blocks():
        joining.take(block)
    if not joining.rows and not isinstance(pretrained, Held):
        _warn_of_none(pretrained.name, joining.seen, list(joining.rows_of), prepared.config)
    vectors = joining.result(pretrained.name, pretrained.dim())
    return dataclasses.replace(prepared, vectors=vectors)


def hold(pretrained: Pretrained, texts: Texts, config: Config, n_threads: int) -> Held:
    """Read a file once for many trainings on some texts, whatever they count as a word.

    Parameters
    ----------
    pretrained : Pretrained
    texts : Texts
        All that may be trained on.
    config : Config
        Of all trainings, as far as it says how texts are cut.
    n_threads : int

    Returns
    -------
    Held

    Raises
    ------
    InputError
        As `join_vectors`.
    """
    vocabulary, are_cut = Vocabulary(), texts.token_ends is not None
    vocabulary.add(analyze(texts, config, n_threads))
    known = dict.fromkeys(words_in(*vocabulary.words(config.replace(min_count=1))))
    words: list[bytes] = []
    seen: list[bytes] = []
    vectors = [np.empty((0, pretrained.dim()), np.float32)]
    n = n_first = n_known = 0
    for block in pretrained.blocks():
        seen += block.words if len(seen) < LOOKED_AT else ()
        tokens = as_tokens(block.words, config, are_cut, n_threads)
        pairs = zip(block.words, tokens, strict=True)
        is_known = np.array([word in known or token in known for word, token in pairs])
        is_first = n + np.arange(len(tokens)) < pretrained.max_words
        is_kept = is_known | (is_first & np.array([token is not None for token in tokens]))
        kept = np.flatnonzero(is_kept).tolist()
        words += [block.words[place] for place in kept]
        vectors.append(block.take(kept))
        n, n_known = n + len(tokens), n_known + int(is_known.sum())
        n_first += int((is_kept & is_first).sum())
    if not n_known:
        _warn_of_none(pretrained.name, seen, list(known), config)
    return Held(pretrained.path, n_first, words, np.concatenate(vectors))


class _Joining:
    """Words of a file on their way to rows.

    Attributes
    ----------
    rows_of : dict of bytes to int
        The row of each word that has one.
    rows : dict of int
        Those that have a vector, in the order of `vectors`.
    words : dict of bytes
        Those that are added, in the order of `added`.
    seen : list of bytes
        The first words of the file.
    """

    def __init__(self, prepared: Prepared, max_words: int, n_threads: int) -> None:
        self.space, self.config, self.are_cut = prepared.space, prepared.config, prepared.are_cut
        self.max_words, self.n_threads = max_words, n_threads
        self.rows_of = prepared.space.word_rows()
        self.rows: dict[int, None] = {}
        self.words: dict[bytes, None] = {}
        self.vectors: list[np.ndarray] = []
        self.added: list[np.ndarray] = []
        self.seen: list[bytes] = []
        self.n = 0

    def take(self, block: VectorBlock) -> None:
        """Take the vectors of words that have a row, or get one."""
        if len(self.seen) < LOOKED_AT:
            self.seen += block.words
        tokens = as_tokens(block.words, self.config, self.are_cut, self.n_threads)
        known: list[int] = []
        new: list[int] = []
        for place, (word, token) in enumerate(zip(block.words, tokens, strict=True)):
            row = self.rows_of.get(word)
            if row is None and token is not None:
                row = self.rows_of.get(token)
            if row is not None:
                if row not in self.rows:
                    self.rows[row] = None
                    known.append(place)
            elif self._is_new(token, self.n + place):
                self.words[token] = None
                new.append(place)
        self.n += len(block.words)
        self.vectors.append(block.take(known))
        self.added.append(block.take(new))

    def _is_new(self, token: bytes | None, place: int) -> TypeGuard[bytes]:
        """Return whether a word becomes one of the model that the texts do not have."""
        is_word = token is not None and token != EOS
        return is_word and place < self.max_words and token not in self.words

    def result(self, path: str, dim: int) -> WordVectors:
        """Return what was taken."""
        empty, words = np.empty((0, dim), np.float32), list(self.words)
        return WordVectors(
            path,
            np.fromiter(self.rows, np.int64, len(self.rows)),
            np.concatenate([empty, *self.vectors]),
            len(self.rows_of),
            self.space.with_words(words) if words else self.space,
            np.concatenate([empty, *self.added]),
        )


def as_tokens(
    words: Sequence[bytes], config: Config, are_cut: bool = False, n_threads: int = 1
) -> list[bytes | None]:
    """Return each word as the analyzer writes it; None of those that do not come out as one token.

    Parameters
    ----------
    words : sequence of bytes
    config : Config
    are_cut : bool
        Whether no analyzer cuts the texts: then words are normalised alone.
    n_threads : int
    """
    if ANALYZERS[config.analyzer].n_streams > 1:  # the words come first, and count
        config = config.replace(analyzer="jieba")
    texts = [word.decode("utf-8", "replace") for word in words]
    marked = analyze(Texts.from_sequence([[t] for t in texts] if are_cut else texts), config,
                     n_threads)  # fmt: skip
    is_end, is_inside = marked.marks == utf8.END, marked.marks != utf8.OUTSIDE
    n_ends = np.append(0, np.cumsum(is_end))[marked.offsets]
    n_inside = np.append(0, np.cumsum(is_inside))[marked.offsets]
    ends, inside = np.flatnonzero(is_end), np.flatnonzero(is_inside)
    data = marked.buffer.tobytes()
    found: list[bytes | None] = [None] * len(words)
    for doc in np.flatnonzero(np.diff(n_ends) == 1).tolist():
        found[doc] = data[inside[n_inside[doc]] : ends[n_ends[doc]] + 1]
    return found


def _warn_of_none(name: str, seen: Sequence[bytes], known: Sequence[bytes], config: Config) -> None:
    """Log that no word has a vector, and what is the likely reason."""
    if not seen or not known:
        logger.warning("%s: no word of the texts has a vector: there are none", name)
        return
    theirs = [word.decode("utf-8", "replace") for word in seen]
    own = {word.decode("utf-8", "replace") for word in known}
    why = "are they of the same language, cut in the same way?"
    folded = {word.casefold() for word in own}
    tails = {word[max(word.rfind(sign) for sign in "/:_|") + 1 :] for word in theirs}
    if any(word.casefold() in folded for word in theirs):
        why = "they differ in case: leave lowercase on, and give vectors of words in lower case"
    elif any(tail in own for tail in tails):
        why = "the words of the file have a prefix: take it away"
    elif not ANALYZERS[config.analyzer].segments and _is_in(theirs, own):
        why = "the texts are cut into characters: analyzer jieba cuts Chinese ones into words"
    logger.warning(
        "%s: no word of the texts has a vector: the file has words such as %r, the texts %r; %s",
        name, theirs[0], known[0].decode("utf-8", "replace"), why,
    )  # fmt: skip


def _is_in(theirs: Sequence[str], own: set[str]) -> bool:
    """Return whether words of a file consist of single characters that the texts have as tokens."""
    longer = itertools.islice((word for word in theirs if len(word) > 1), 100)
    return any(all(character in own for character in word) for word in longer)
