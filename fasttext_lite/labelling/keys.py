"""The keys that give labels."""

from __future__ import annotations

from collections.abc import Sequence

RESERVED = "usnfdejk?/"  # give commands
KEYS = "123456789" + "".join(sign for sign in "abcdefghijklmnopqrstuvwxyz" if sign not in RESERVED)


def keys_of(labels: Sequence[str]) -> list[str]:
    """Return the key of each label, by its place; empty where there are more labels than keys.

    Examples
    --------
    >>> keys_of(["sport", "politics"])
    ['1', '2']
    """
    if len(labels) > len(KEYS):
        return [""] * len(labels)
    return list(KEYS[: len(labels)])
