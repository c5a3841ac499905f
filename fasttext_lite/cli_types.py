"""Types of command-line arguments that several commands share."""

from __future__ import annotations

import argparse
from typing import Any


def whole(least: int) -> Any:
    """Return a parser of whole numbers of at least `least`."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"must be a whole number of at least {least}; got {text!r}"
            )
        return value

    return parse
