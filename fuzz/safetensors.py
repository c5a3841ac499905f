"""Safetensors files taken apart, changed where it matters, and put together again."""

from __future__ import annotations

import json
import random
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load

from fasttext_lite.model import checksums
from fasttext_lite.model.storage import KEY
from fuzz.mutations import REAL, WHOLE, edit


def split(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Return the index and the numbers of a file."""
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def join(index: dict[str, Any], numbers: bytes) -> bytes:
    """Return a file."""
    text = json.dumps(index).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + numbers


def edited(rng: random.Random, data: bytes) -> bytes:
    """Return a file with something changed in its index, or in a document of its metadata."""
    index, numbers = split(data)
    metadata = index.get("__metadata__")
    if not isinstance(metadata, dict) or not metadata or rng.random() < 0.3:
        return join(edit(rng, index), numbers)
    key = rng.choice(list(metadata))
    try:
        document = json.loads(metadata[key])
    except ValueError:
        document = metadata[key]
    text = edit(rng, document)
    changed = {**metadata, key: text if isinstance(text, str) else json.dumps(text)}
    return join({**index, "__metadata__": changed}, numbers)


def sealed(data: bytes) -> bytes:
    """Return a file with the checksums that fit what it holds; as it is where that cannot be."""
    try:
        index, numbers = split(data)
        metadata = index["__metadata__"]
        arrays = load(data)
        header = json.loads(metadata[KEY])
        header.pop(checksums.KEY, None)
        text = checksums.as_text(checksums.with_checksums(header, arrays)[0])
    except (SafetensorError, AttributeError, TypeError, ValueError, KeyError, RecursionError):
        return data
    return join({**index, "__metadata__": {**metadata, KEY: text}}, numbers)


def with_other_numbers(rng: random.Random, data: bytes) -> bytes:
    """Return a file with extreme numbers in one of its arrays, each of the array's own type."""
    index, numbers = split(data)
    names = [name for name in index if name != "__metadata__"]
    if not names:
        return data
    entry = index[rng.choice(names)]
    kind = {"F": "f", "I": "i", "U": "u", "B": "u"}[entry["dtype"][0]]
    width = int("".join(c for c in entry["dtype"] if c.isdigit()) or 8) // 8
    start, end = entry["data_offsets"]
    if entry["dtype"] == "BF16":
        kind = "u"
    array = np.frombuffer(numbers[start:end], f"<{kind}{width}").copy()
    if not array.size:
        return data
    for _ in range(rng.choice((1, 1, 3, array.size))):
        place = rng.randrange(array.size)
        with np.errstate(over="ignore"):
            if kind == "f":
                array[place] = rng.choice(REAL)
            else:
                value = rng.choice((*WHOLE, int(array[place]) + 1, int(array[place]) - 1))
                array[place] = np.array(value % 2 ** (8 * width), f"<u{width}").view(array.dtype)
    return join(index, numbers[:start] + array.tobytes() + numbers[end:])
