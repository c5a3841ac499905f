"""The arguments of what a training learns from beside labelled texts."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from fasttext_lite.cli.arguments import read_options, whole
from fasttext_lite.cli.console import is_same_file, say
from fasttext_lite.cli.files import called, named_files
from fasttext_lite.corpus import STDIN
from fasttext_lite.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from fasttext_lite.fitting.training_file import TrainingFile
    from fasttext_lite.teaching.encoders import Encoder
    from fasttext_lite.teaching.files import UnlabelledTexts
    from fasttext_lite.teaching.fit import Beside

NPY = ".npy"
BATCH_SIZE = 32


def add_beside(parser: argparse.ArgumentParser) -> None:
    """Add the flags of texts without labels."""
    parser.add_argument(
        "--unlabelled",
        metavar="FILE",
        nargs="+",
        help="more texts, without labels, to learn from too, in any format, packed or - for stdin; "
        "left out where labelled texts that are held out show that they do not help",
    )
    parser.set_defaults(encoder=None, text_embeddings=None, save_embeddings=None)


def add_embeddings(parser: argparse.ArgumentParser, encodes: bool = False) -> None:
    """Add the flags of embeddings of the texts.

    Parameters
    ----------
    parser : ArgumentParser
    encodes : bool
        Whether an encoder makes them, and no file has them.
    """
    if not encodes:
        parser.add_argument(
            "--text-embeddings",
            metavar="FILE",
            nargs="+",
            help="what an encoder makes of each record of TRAIN, and then of the unlabelled files, "
            "a row each in their order: .npy, .safetensors, .parquet; left out where held out "
            "texts show that they do not help",
        )
        return
    parser.add_argument(
        "--save-embeddings",
        metavar="FILE",
        help="keep what the encoder makes of the texts, .npy, for --text-embeddings of train",
    )
    parser.add_argument(
        "--batch-size",
        metavar="N",
        type=whole(1),
        default=BATCH_SIZE,
        help=f"texts that the encoder works on at a time (default {BATCH_SIZE})",
    )


def is_taught(options: argparse.Namespace) -> bool:
    """Return whether there is anything beside labelled texts."""
    return bool(options.unlabelled or _has_embeddings(options))


def _has_embeddings(options: argparse.Namespace) -> bool:
    return bool(options.text_embeddings or options.encoder is not None)


def check_beside(
    options: argparse.Namespace, train: Sequence[str], valid: str | None, cache: str | None
) -> None:
    """Raise an error for files that cannot be read or written beside the others."""
    if not is_taught(options):
        return
    if cache is not None:
        raise UsageError("--cache keeps the features of TRAIN alone: leave it out")
    from fasttext_lite.corpus.files import is_stream, open_binary

    if options.unlabelled:
        options.unlabelled = named_files(options.unlabelled, options)
    texts, embeddings = options.unlabelled or [], options.text_embeddings or []
    if [*train, valid, *texts].count(STDIN) > 1:
        raise UsageError("only one of the files of texts can come from stdin")
    if STDIN in embeddings:
        raise UsageError("--text-embeddings: embeddings cannot come from stdin; name a file")
    written = {"model": options.output}
    written |= {kind: getattr(options, kind, None) for kind in ("log", "plot")}
    read = [*((path, "file of texts") for path in texts), *((path, "file") for path in embeddings)]
    for path, what in read:
        for kind, target in written.items():
            if path != STDIN and is_same_file(path, target):
                raise UsageError(f"{path}: the {kind} would overwrite this {what}")
    for path in texts:
        if not is_stream(path):  # before TRAIN is read
            with open_binary(path):
                pass
    if _has_embeddings(options) and options.pretrained_vectors is not None:
        from fasttext_lite.teaching.fit import BOTH_STARTS

        raise UsageError(BOTH_STARTS)
    if options.save_embeddings is not None:
        _check_saved(options)


def _check_saved(options: argparse.Namespace) -> None:
    """Raise an error unless embeddings can be written, and overwrite no other file."""
    from fasttext_lite.model.safetensors import check_writable

    path = options.save_embeddings
    if not path.endswith(NPY):
        raise UsageError(f"--save-embeddings: the file must be called *{NPY}; got {path}")
    others = [*options.train, options.valid, options.output, options.log, options.plot]
    if any(is_same_file(path, other) for other in [*others, *(options.unlabelled or [])]):
        raise UsageError(f"{path}: the embeddings would overwrite this file")
    check_writable(path, "the embeddings")


def read_beside(
    options: argparse.Namespace,
    names: Sequence[str],
    seed: int,
    file: TrainingFile | None = None,
    encoder: Encoder | None = None,
) -> Beside:
    """Return what there is beside labelled texts.

    Parameters
    ----------
    options : Namespace
    names : sequence of str
        Labels of the labelled texts.
    seed : int
        Of the choice, where there are more unlabelled texts than are kept.
    file : TrainingFile, optional
        The labelled texts and their rows, where there are embeddings.
    encoder : Encoder, optional
        Of `options.encoder`.
    """
    from fasttext_lite.teaching.files import read_unlabelled
    from fasttext_lite.teaching.fit import Beside

    tell, others = None if options.quiet else say, None
    if options.unlabelled:
        # Embeddings of the same texts can be kept for a training with another seed.
        seed = 0 if _has_embeddings(options) else seed
        others = read_unlabelled(options.unlabelled, read_options(options), names, seed=seed)
        for notice in others.notices if tell else ():
            say(notice)
    embeddings = None
    if file is not None and encoder is not None:
        embeddings = _encoded(options, file, others, encoder, tell)
    elif file is not None and options.text_embeddings:
        from fasttext_lite.teaching.matching import read_matched

        embeddings = read_matched(options.text_embeddings, called(options.train), file, others)
    return Beside(None if others is None else others.texts, embeddings, tell)


def open_encoder(options: argparse.Namespace) -> Encoder | None:
    """Return the encoder that is asked for, before time is spent on anything else."""
    if options.encoder is None:
        return None
    from fasttext_lite.teaching.encoders import open_encoder

    return open_encoder(options.encoder)


def _encoded(
    options: argparse.Namespace,
    file: TrainingFile,
    others: UnlabelledTexts | None,
    encoder: Encoder,
    tell: Callable[[str], None] | None,
) -> np.ndarray:
    """Return what an encoder makes of all texts, and keep it if that is asked for."""
    import numpy as np

    from fasttext_lite.corpus.texts import Texts
    from fasttext_lite.model.safetensors import new_file

    texts = file.data
    assert isinstance(texts, Texts)
    if others is not None:
        texts = Texts.joined(texts, others.texts)
    embeddings = encoder.encode(texts, options.batch_size, tell)
    if options.save_embeddings is not None:
        with new_file(options.save_embeddings, "the embeddings") as target:
            np.save(target, embeddings)
    return embeddings
