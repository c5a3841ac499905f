"""Single bits of model files as this version writes them: each is noticed, or changes no answer."""

from __future__ import annotations

import os
import random
from typing import NamedTuple

from fasttext_lite.errors import ModelError
from fasttext_lite.estimators.verify import verify
from fuzz import files, samples
from fuzz.files import Case
from fuzz.frame import REFUSED, check_refusal

SECONDS = 10.0
MEGABYTES = 200
WEIGHT = 2.0


class Bit(NamedTuple):
    """One bit of a file."""

    name: str
    place: int


def prepare() -> None:
    """Make the files, and ask them all."""
    for name in samples.SEALED:
        files.answers_of(name)


def one(rng: random.Random) -> Bit:
    """Return any bit of any file."""
    name = rng.choice(samples.SEALED)
    return Bit(name, rng.randrange(8 * len(samples.sample(name).data)))


def as_bytes(bit: Bit) -> bytes:
    """Return the file with the bit flipped."""
    data = bytearray(samples.sample(bit.name).data)
    data[bit.place >> 3] ^= 1 << (bit.place & 7)
    return bytes(data)


def check(bit: Bit) -> str:
    """Read the file, and ask it; what it does not read to answer, `verify` does."""
    outcome = files.check(Case(bit.name, as_bytes(bit), True))
    if outcome.endswith(REFUSED):
        return "noticed when it was used"
    path = files.written(as_bytes(bit), ".ftl")
    try:
        verify(path)
    except ModelError as error:
        check_refusal(error, path)
        return "no answer needs it, and verify notices"
    finally:
        os.unlink(path)
    return "without effect"
