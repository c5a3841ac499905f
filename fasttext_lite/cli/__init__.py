"""The command line: one file for each command, over `console` and `arguments`."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["main"]

if TYPE_CHECKING:
    from fasttext_lite.cli.app import main

__getattr__, __dir__ = face(__name__, {"main": "fasttext_lite.cli.app"})
