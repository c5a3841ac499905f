"""What a fuzzer is, and what comes of one execution.

A fuzzer is a module of this folder with

``one(rng)``
    Returns a case: anything that pickles, made of the random numbers alone, so that seed and number
    of a case are enough to have it again.
``check(case)``
    Does what users would do, and returns in a word or two how it ended (`GOOD`, `REFUSED`, ...).
    It raises `BrokenError`, or lets any other exception through, where a promise does not hold.

and, where the defaults do not fit: ``prepare()``, called once before anything forks; ``SECONDS``,
after which an execution counts as hanging; ``MEGABYTES`` that one may need beside what the process
had before; ``WEIGHT``, its share of the time; ``CASES``, after how many there is nothing new;
``as_bytes(case)``, for the file that a case is saved to.
"""

from __future__ import annotations

import importlib
import pickle
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fasttext_lite import errors

GOOD = "good"
REFUSED = "refused"
NAMES = tuple(
    path.stem
    for path in sorted(Path(__file__).parent.glob("*.py"))
    if "\ndef one(" in path.read_text("utf-8")
)
OURS = tuple(
    each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)
)
LONGEST = 700  # characters of a message, beside the paths that it names


class BrokenError(Exception):
    """A promise that does not hold; the message says which."""


@dataclass(frozen=True)
class Fuzzer:
    """A module of this folder, with what it leaves out filled in."""

    name: str
    one: Callable[[random.Random], Any]
    check: Callable[[Any], str]
    prepare: Callable[[], None]
    as_bytes: Callable[[Any], bytes]
    seconds: float
    megabytes: int
    weight: float
    cases: int

    @classmethod
    def of(cls, name: str) -> Fuzzer:
        """Return the fuzzer of a name."""
        module = importlib.import_module(f"fuzz.{name}")
        return cls(
            name, module.one, module.check,
            getattr(module, "prepare", lambda: None),
            getattr(module, "as_bytes", _as_bytes),
            getattr(module, "SECONDS", 10.0),
            getattr(module, "MEGABYTES", 256),
            getattr(module, "WEIGHT", 1.0),
            getattr(module, "CASES", 2**62),
        )  # fmt: skip

    def case(self, seed: int, number: int) -> Any:
        """Return a case by its number."""
        return self.one(random.Random(f"{self.name}-{seed}-{number}"))


def _as_bytes(case: Any) -> bytes:
    return case if isinstance(case, bytes) else pickle.dumps(case, protocol=4)


def check_refusal(error: BaseException, name: str = "") -> str:
    """Return `REFUSED` for one of our errors, in one line of bounded length.

    Parameters
    ----------
    error : BaseException
    name : str
        A file that the message must name.

    Raises
    ------
    BrokenError
        If the message is not one line, is long, or does not name the file.
    BaseException
        `error` itself, if it is none of ours.
    """
    if not isinstance(error, OURS):
        raise error
    text = str(error)
    if not text or "\n" in text or len(text.replace(name or "\n", "")) > LONGEST:
        raise BrokenError(f"not one line of bounded length: {text[:2000]!r}") from error
    if name not in text:
        raise BrokenError(f"the message does not name the file: {text!r}") from error
    return REFUSED
