"""The command line: one file for each command, over `console`, `arguments` and `files`.

A command is a line in the table of `app` and a file that has ``HELP``, its line in ``--help``;
``add_arguments(parser)``; and ``run(options)``.
"""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["main"]

if TYPE_CHECKING:
    from fasttext_lite.cli.app import main

__getattr__, __dir__ = face(__name__, {"main": "fasttext_lite.cli.app"})
