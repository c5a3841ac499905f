"""Damage to bytes: what disks, networks, editors and enemies do to files."""

from __future__ import annotations

import json
import random
import re
import struct
from collections.abc import Callable, Sequence
from typing import Any

BYTES = (0, 1, 0x0A, 0x20, 0x22, 0x7F, 0x80, 0xBF, 0xC0, 0xED, 0xF4, 0xFE, 0xFF)
WHOLE = (
    0, 1, 2, 3, 7, 8, 127, 128, 255, 256, 4095, 4096, 65_535, 65_536, 2**31 - 1, 2**31, 2**32 - 1,
    2**32, 2**53, 2**62, 2**63 - 1, 2**63, 2**64 - 1, -1, -2, -(2**31), -(2**63),
)  # fmt: skip
REAL = (
    float("nan"), float("inf"), float("-inf"), 3.4e38, -3.4e38, 1e30, 1e19, 1e-45, -0.0, 0.0,
    65_504.0, 1e308,
)  # fmt: skip
NUMBERS = (
    b"nan", b"inf", b"-inf", b"1e39", b"1e400", b"-1", b"0", b"", b"0x10", b"1_0", b"9" * 30,
    b"9" * 5000, b"4294967296", b"99999999999", b"1e-400", b"+-1", b"\xd9\xa3",
)  # fmt: skip
# What stands in a JSON document in place of something else.
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2**31, 2**63, 2**70, 10**400, 0.5, -0.0, 1e308, float("nan"),
    float("inf"), "", "a", "a\0", "\ud800", "auto", "none", "x" * 5000, [], {}, [[]], [None],
    [0, 0], ["a", "a"], {"": None},
)  # fmt: skip


# -- any bytes -------------------------------------------------------------------------------
def flip_bits(rng: random.Random, data: bytearray) -> None:
    """Flip one bit, or a few."""
    for _ in range(rng.choice((1, 1, 1, 2, 8))):
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def set_bytes(rng: random.Random, data: bytearray) -> None:
    """Set some bytes in a row to one that is often special."""
    start = rng.randrange(len(data))
    end = min(len(data), start + rng.choice((1, 1, 2, 4, 8, 64)))
    data[start:end] = bytes([rng.choice(BYTES)]) * (end - start)


def cut(rng: random.Random, data: bytearray) -> None:
    """Cut the end off, or a piece out."""
    place = rng.randrange(len(data))
    if rng.random() < 0.3:
        place = max(0, len(data) - rng.randrange(1, 64))
    del data[place : None if rng.random() < 0.6 else place + rng.randrange(1, 64)]


def insert(rng: random.Random, data: bytearray) -> None:
    """Insert random bytes, or a piece of the file itself."""
    place, n = rng.randrange(len(data) + 1), rng.choice((1, 2, 4, 8, 100, 4096))
    start = rng.randrange(len(data))
    data[place:place] = rng.randbytes(n) if rng.random() < 0.5 else data[start : start + n]


def overwrite(rng: random.Random, data: bytearray) -> None:
    """Write a piece of the file over another place, or random bytes."""
    place, start, n = rng.randrange(len(data)), rng.randrange(len(data)), rng.choice((4, 64, 512))
    piece = rng.randbytes(n) if rng.random() < 0.5 else bytes(data[start : start + n])
    data[place : place + len(piece)] = piece[: len(data) - place]


def set_whole(rng: random.Random, data: bytearray) -> None:
    """Set a whole number to an extreme one, or a little more or less: lengths, counts, indices."""
    width = rng.choice((1, 2, 4, 4, 8, 8))
    if len(data) < width:
        return
    # Sizes stand at the beginning, and most numbers at a multiple of their width.
    place = rng.randrange(min(len(data), rng.choice((16, 128, len(data)))) - width + 1)
    place -= place % rng.choice((1, width))
    now = int.from_bytes(data[place : place + width], "little")
    new = rng.choice((*WHOLE, now + 1, now - 1, now * 2, len(data)))
    data[place : place + width] = (new % 2 ** (8 * width)).to_bytes(width, "little")


def set_real(rng: random.Random, data: bytearray) -> None:
    """Set a floating-point number to one that is none, or a huge one."""
    form = rng.choice(("<f", "<f", "<d", "<e"))
    width = struct.calcsize(form)
    value = rng.choice(REAL)
    if form == "<e" and abs(value) > 65_504:
        value = float("inf")
    if form == "<f" and abs(value) > 3.4e38:
        value = 3.4e38 if value == 1e308 else value
    for _ in range(rng.choice((1, 1, 4))):
        place = rng.randrange(len(data))
        place -= place % rng.choice((1, width))
        piece = struct.pack(form, value)
        data[place : place + width] = piece[: len(data) - place]


def set_number(rng: random.Random, data: bytearray) -> None:
    """Set a number that is written in digits to another one, or to what is none."""
    found = list(re.finditer(rb"-?\d[\d.]*", data))
    if found:
        match = rng.choice(found[:3] if rng.random() < 0.3 else found)
        data[match.start() : match.end()] = rng.choice(NUMBERS)


def repeat_line(rng: random.Random, data: bytearray) -> None:
    """Write a line again, or drop one."""
    lines = bytes(data).split(b"\n")
    place = rng.randrange(len(lines))
    lines[place : place + 1] = [lines[place]] * rng.choice((0, 2, 2, 50))
    data[:] = b"\n".join(lines)


ANYWHERE: tuple[Callable[[random.Random, bytearray], None], ...] = (
    flip_bits, flip_bits, set_bytes, cut, insert, overwrite, set_whole, set_whole, set_real,
    set_number, repeat_line,
)  # fmt: skip


def damaged(rng: random.Random, data: bytes, others: Sequence[bytes]) -> bytes:
    """Return damaged bytes.

    Parameters
    ----------
    rng : random.Random
    data : bytes
        Not empty.
    others : sequence of bytes
        What a part may be taken of.
    """
    result = bytearray(data)
    if others and rng.random() < 0.08:
        other = rng.choice(others)
        place = rng.randrange(len(data))
        return bytes(data[:place] + other[rng.choice((place, rng.randrange(len(other) + 1))) :])
    for _ in range(rng.choice((1, 1, 1, 1, 2, 3))):
        if result:
            rng.choice(ANYWHERE)(rng, result)
    return bytes(result)


# -- documents -------------------------------------------------------------------------------
def other_value(rng: random.Random, value: Any) -> Any:
    """Return what stands in place of a value of a JSON document."""
    kind = rng.random()
    if isinstance(value, bool) and kind < 0.5:
        return not value
    if isinstance(value, int | float) and kind < 0.6:
        return rng.choice((value + 1, value - 1, -value, value * 2, value / 2, *WHOLE, *REAL))
    if isinstance(value, str) and value and kind < 0.5:
        place = rng.randrange(len(value))
        return value[:place] + rng.choice(("", "x", "\0", "é", "\n", value)) + value[place + 1 :]
    return rng.choice(VALUES)


def edit(rng: random.Random, document: Any) -> Any:
    """Return a JSON document with something changed, dropped, doubled, added or swapped."""
    if isinstance(document, dict) and document and rng.random() < 0.97:
        key = rng.choice(list(document))
        found = dict(document)
        what = rng.random()
        if what < 0.06:
            del found[key]
        elif what < 0.1:
            found[key + rng.choice(("", "_", "\0", "2"))] = found.pop(key)
        elif what < 0.14:
            found[rng.choice(("", "new", "__metadata__", key + "x"))] = rng.choice(VALUES)
        elif what < 0.2:
            other = rng.choice(list(document))
            found[key], found[other] = found[other], found[key]
        else:
            found[key] = edit(rng, found[key])
        return found
    if isinstance(document, list) and document and rng.random() < 0.9:
        place, many = rng.randrange(len(document)), list(document)
        what = rng.random()
        if what < 0.15:
            del many[place]
        elif what < 0.3:
            many.insert(place, many[rng.randrange(len(many))])
        else:
            many[place] = edit(rng, many[place])
        return many
    return other_value(rng, document)


def edited_json(rng: random.Random, data: bytes) -> bytes:
    """Return the bytes of a JSON document with something changed; as they are if it is none."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return data
    return json.dumps(edit(rng, document)).encode()
