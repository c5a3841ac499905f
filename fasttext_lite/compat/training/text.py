"""What every training of fastText begins with: checked arguments, a text, its dictionary."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from fasttext_lite.compat.files.arguments import Args
from fasttext_lite.compat.files.dictionary import Dictionary, mapped
from fasttext_lite.compat.files.vec import read_vec
from fasttext_lite.errors import InputError


@dataclass(frozen=True)
class TrainingText:
    """A text to train on.

    Attributes
    ----------
    args : Args
        Checked; a copy of those given.
    data : uint8[n_bytes]
        Read-only.
    dictionary : Dictionary
        Of the text and the pretrained vectors.
    vectors : tuple of (list of bytes, float32[n, dim]), optional
        The pretrained vectors, if there are any.
    """

    args: Args
    data: np.ndarray
    dictionary: Dictionary
    vectors: tuple[list[bytes], np.ndarray] | None = None


@contextlib.contextmanager
def opened(
    args: Args, on_dictionary: Callable[[Dictionary], None] | None = None
) -> Iterator[TrainingText]:
    """Map the training text and count its tokens.

    Parameters
    ----------
    args : Args
    on_dictionary : callable, optional
        Called with the dictionary.

    Raises
    ------
    InputError
        If an argument or a file does not do.
    """
    args = args.replace()
    args.check()
    check_input(args)
    with mapped(args.input) as data:
        vectors = None
        if args.pretrained_vectors:
            vectors = read_vec(args.pretrained_vectors)
            if vectors[1].shape[1] != args.dim:
                raise InputError(
                    f"Dimension of pretrained vectors ({vectors[1].shape[1]}) does not match "
                    f"dimension ({args.dim})!"
                )
        if not args.uses_buckets:
            args.bucket = 0
        dictionary = Dictionary.read(data, args, vectors[0] if vectors else ())
        if on_dictionary is not None:
            on_dictionary(dictionary)
        yield TrainingText(args, data, dictionary, vectors)


def check_input(args: Args) -> None:
    """Raise `InputError` unless `Args.input` names what may be a file."""
    if not args.input:
        raise InputError("the input cannot be opened: no file is given")
    if args.input == "-":
        raise InputError("Cannot use stdin for training!")
    if os.path.isdir(args.input):
        raise InputError(f"{args.input} cannot be opened for training: it is a directory")
