"""What the formats share: the judges, where a record goes, what is counted."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.filtering.judging import Judge, Verdict
from fasttext_lite.filtering.plan import BAD_FOLDER, DROPPED_FOLDER, NONE_FOLDER, Part
from fasttext_lite.filtering.settings import Settings

# Where a record goes: nowhere, or to one of these; behind them come the labels.
NOWHERE, MAIN, DROPPED, BAD, NO_LABEL, FIRST_LABEL = -1, 0, 1, 2, 3, 4
FOLDERS = {MAIN: "", DROPPED: DROPPED_FOLDER, BAD: BAD_FOLDER, NO_LABEL: NONE_FOLDER}

# Why a record is bad.
NOT_UTF8, NO_JSON = "not UTF-8", "not JSON"
NO_OBJECT, NO_TEXT, NO_STRING = "no JSON object", "no text field", "a text that is no string"
WRONG_SIZE, BAD_QUOTES = "another number of cells than the header", "misplaced quotes"

_LONGEST_NAME = 200  # bytes of a folder's name
_SAFE = " !#$&'()+,;=@[]^`{}~"  # in names of folders, beside letters, digits and _.-
_DEVICES = re.compile("con|nul|aux|prn|(com|lpt)[0-9¹²³]", re.IGNORECASE)  # of Windows


@dataclass
class Counts:
    """What was met in a part, or in all of them.

    Attributes
    ----------
    documents, kept, blank : int
        Records; those that are written, bad ones that are kept among them; empty lines.
    bytes : int
        That were read, unpacked.
    bad : dict of str to int
        Reasons.
    labels : dict of str to dict
        For each model, how many records have which label.
    """

    documents: int = 0
    kept: int = 0
    blank: int = 0
    bytes: int = 0
    bad: dict[str, int] = field(default_factory=dict)
    labels: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def n_bad(self) -> int:
        """How many records are bad."""
        return sum(self.bad.values())

    def add(self, other: dict[str, Any]) -> None:
        """Add the counts of a part, as `as_dict` of its own gives them."""
        for name in ("documents", "kept", "blank", "bytes"):
            setattr(self, name, getattr(self, name) + other[name])
        _add_up(self.bad, other["bad"])
        for name, labels in other["labels"].items():
            _add_up(self.labels.setdefault(name, {}), labels)

    def as_dict(self) -> dict[str, Any]:
        """Return the counts as JSON has them."""
        return dict(vars(self))


def _add_up(sums: dict[str, int], more: dict[str, int]) -> None:
    for name, n in more.items():
        sums[name] = sums.get(name, 0) + n


@dataclass
class Work:
    """What a process has to work through parts.

    Attributes
    ----------
    settings : Settings
    judges : list of Judge
    n_threads : int
    report : callable
        Told of the part's records and bytes that are done, and the place in its file.
    """

    settings: Settings
    judges: list[Judge]
    n_threads: int = 1
    report: Callable[[int, int, int], None] = lambda n_documents, n_bytes, place: None

    def __post_init__(self) -> None:
        names = [judge.rule.name for judge in self.judges]
        self._split = names.index(self.settings.split_by) if self.settings.split_by else -1
        self._folders = dict(FOLDERS)
        if self._split >= 0:
            names = folders_of(self.judges[self._split].labels)
            self._folders |= {FIRST_LABEL + i: name for i, name in enumerate(names)}

    def name_of(self, part: Part, route: int) -> str:
        """Return the name of the file that records of a part go to."""
        folder = self._folders[route]
        return f"{folder}/{part.name}" if folder else part.name

    @property
    def is_split(self) -> bool:
        """Whether labels have folders of their own."""
        return self._split >= 0

    @property
    def bad_route(self) -> int:
        """Where bad records go."""
        if self.settings.bad == "aside":
            return BAD
        return NO_LABEL if self.is_split else MAIN

    def note_bad(self, counts: Counts, reason: str, place: str) -> None:
        """Count a bad record; `place` names it.

        Raises
        ------
        InputError
            If it is to stop the part.
        """
        if self.settings.bad == "fail":
            raise InputError(f"{place}: {reason}; --bad aside sets such records aside")
        counts.bad[reason] = counts.bad.get(reason, 0) + 1

    def decide(self, texts: Texts, counts: Counts) -> tuple[list[Verdict], np.ndarray]:
        """Return what the models say of texts, and where each goes, int64[n_texts]."""
        verdicts = [judge.judge(texts, self.n_threads) for judge in self.judges]
        is_kept = np.ones(len(texts), bool)
        for judge, verdict in zip(self.judges, verdicts, strict=True):
            is_kept &= verdict.is_kept
            found = verdict.labels[verdict.labels >= 0]
            numbers, sizes = np.unique(found, return_counts=True)
            sums = counts.labels.setdefault(judge.rule.name, {})
            for i, n in zip(numbers.tolist(), sizes.tolist(), strict=True):
                _add_up(sums, {judge.labels[i]: n})  # two labels may be shown as one
        routes = np.full(len(texts), MAIN, np.int64)
        if self.is_split:
            labels = verdicts[self._split].labels
            routes = np.where(labels < 0, NO_LABEL, labels + FIRST_LABEL)
        routes[~is_kept] = DROPPED if self.settings.keep_dropped else NOWHERE
        counts.kept += int(is_kept.sum())
        return verdicts, routes


def folders_of(labels: Sequence[str]) -> list[str]:
    """Return the names of labels' folders, no two of which any file system takes for one."""
    names: list[str] = []
    taken: set[str] = set()
    for label in labels:
        own = name = folder_of(label)
        salt = ""
        while _as_systems_see(name) in taken:
            name = _with_digest(own, label + salt)
            salt += "\0"  # for a label that stands there twice
        taken.add(_as_systems_see(name))
        names.append(name)
    return names


def _as_systems_see(name: str) -> str:
    """Return what names have in common that are one where case and composition do not count."""
    return normalize("NFC", normalize("NFC", name).casefold())


def folder_of(label: str) -> str:
    """Return the name of a label's folder: what no file system takes is written as %XX."""
    safe = _SAFE + "".join(sign for sign in label if _is_letter(sign))
    name = "".join(
        sign if sign in safe else quote(sign, "", "utf-8", "surrogatepass") for sign in label
    )
    if name[:1] in "._":  # a folder of ours, or a hidden one
        name = f"%{ord(name[0]):02X}{name[1:]}" if name else "%"
    if name[-1] in ". ":  # Windows leaves it out
        name = f"{name[:-1]}%{ord(name[-1]):02X}"
    if _DEVICES.fullmatch(name.partition(".")[0].rstrip()):
        name = f"%{ord(name[0]):02X}{name[1:]}"
    return _with_digest(name, label) if len(name.encode()) > _LONGEST_NAME else name


def _with_digest(name: str, label: str) -> str:
    digest = hashlib.blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()
    return name.encode()[: _LONGEST_NAME - 20].decode("utf-8", "ignore") + f"%{digest}"


def _is_letter(sign: str) -> bool:
    return sign > "\x7f" and sign.isprintable() and not "\ud800" <= sign <= "\udfff"


def texts_of(pieces: Sequence[bytes]) -> Texts:
    """Return texts, with spaces for line breaks."""
    flat = bytes.maketrans(b"\r\n", b"  ")
    return Texts.from_bytes([piece.translate(flat) for piece in pieces])


def joined(one: Texts, other: Texts) -> Texts:
    """Return the texts of both, one after another."""
    if not len(other):
        return one
    buffer = np.concatenate([one.buffer[: one.offsets[-1]], other.buffer])
    return Texts(buffer, np.concatenate([one.offsets, other.offsets[1:] + one.offsets[-1]]))
