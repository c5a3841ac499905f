"""Encoders of texts that are on this machine: models of sentence-transformers and of model2vec.

Nothing is downloaded. Both packages are optional and imported when an encoder is opened.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np

from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.model.safetensors import reason
from fasttext_lite.teaching.embedding_files import MOST_DIM

# What tells the packages that nothing may be downloaded.
OFFLINE = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE")
SENTENCE_TRANSFORMERS, MODEL2VEC = "sentence_transformers", "model2vec"
STATIC = "StaticEmbedding"  # what sentence-transformers calls a model of vectors of tokens
INSTALL = "pip install 'fasttext-lite[teacher]'"
BATCH_SIZE = 32
AT_A_TIME = 1 << 9  # texts that an encoder is given, more or less
SAID_EVERY = 10.0  # seconds


@dataclass(frozen=True)
class Encoder:
    """An encoder of texts.

    Attributes
    ----------
    name : str
        As the user calls it.
    call : callable
        Given a list of str and a batch size, returns float[n_texts, dim].
    """

    name: str
    call: Callable[[list[str], int], Any]

    def encode(
        self,
        texts: Texts,
        batch_size: int = BATCH_SIZE,
        say: Callable[[str], None] | None = None,
    ) -> np.ndarray:
        """Return what the encoder makes of texts.

        Parameters
        ----------
        texts : Texts
        batch_size : int
            Texts that the encoder works on at a time.
        say : callable, optional
            Given a line from time to time, and in the end.

        Returns
        -------
        float32[n_texts, dim]

        Raises
        ------
        ModelError
            If the encoder fails, or returns anything but a row of finite numbers for each text.
        """
        n = len(texts)
        found = np.empty((0, 0), np.float32)
        size = max(AT_A_TIME // batch_size, 1) * batch_size
        start = said = time.monotonic()
        for first in range(0, n, size):
            part = self._encode(texts.slice(first, first + size), batch_size, first)
            if not first:
                found = np.empty((n, part.shape[1]), np.float32)
            elif part.shape[1] != found.shape[1]:
                raise ModelError(
                    f"{self.name}: the encoder returns {found.shape[1]:,} numbers for one text and "
                    f"{part.shape[1]:,} for another"
                )
            found[first : first + size] = part
            done, now = first + size, time.monotonic()
            if say is not None and done < n and now - said > SAID_EVERY:
                said = now
                say(f"{self.name}: {done:,} of {n:,} texts ({now - start:.0f} s)")
        if say is not None:
            seconds = time.monotonic() - start
            say(f"{self.name}: {n:,} texts, {found.shape[1]:,} numbers each ({seconds:.1f} s)")
        return found

    def _encode(self, texts: Texts, batch_size: int, first: int) -> np.ndarray:
        """Return what the encoder makes of some texts; `first` is the number of the first."""
        data, bounds = texts.buffer.tobytes(), texts.offsets.tolist()
        pairs = zip(bounds[:-1], bounds[1:], strict=True)
        given = [data[a:b].decode("utf-8", "replace") for a, b in pairs]
        try:
            made = self.call(given, batch_size)
            with np.errstate(over="ignore"):  # what is too large is not finite then
                found = np.asarray(made, np.float32)
        except Exception as error:  # whatever other people's code raises
            raise ModelError(f"{self.name}: the encoder failed: {_said(error)}") from error
        if found.ndim != 2 or len(found) != len(given) or not found.shape[1]:
            raise ModelError(
                f"{self.name}: the encoder returns an array of shape {found.shape} for "
                f"{len(given):,} texts, not a row of numbers for each"
            )
        if found.shape[1] > MOST_DIM:
            raise ModelError(
                f"{self.name}: the encoder returns {found.shape[1]:,} numbers for a text, and "
                f"{MOST_DIM:,} are the most that is taken"
            )
        good = np.isfinite(found).all(axis=1)
        if not good.all():
            bad = int(good.argmin())
            raise ModelError(
                f"{self.name}: the encoder returns a number that is not finite in float32 for "
                f"text {first + bad + 1:,}, {given[bad][:60]!r}"
            )
        return found


def open_encoder(name: str) -> Encoder:
    """Return an encoder that is on this machine; this process downloads nothing from then on.

    Parameters
    ----------
    name : str
        A folder, or the name of a model that an earlier program has downloaded.

    Raises
    ------
    ModelError
        If there is none, it cannot be loaded, or what loads it is not installed.
    """
    for variable in OFFLINE:
        os.environ[variable] = "1"
    if not any(map(find_spec, (SENTENCE_TRANSFORMERS, MODEL2VEC))):
        raise ModelError(
            f"{name}: encoders need sentence-transformers or model2vec, and neither is installed: "
            f"{INSTALL}"
        )
    folder = _folder(name)
    is_static = _is_static(folder)
    if not is_static and not find_spec(SENTENCE_TRANSFORMERS):
        raise ModelError(
            f"{name}: this encoder needs sentence-transformers, which is not installed: {INSTALL}"
        )
    opened = _open_static if is_static else _open_sentence_transformer
    try:
        return Encoder(name, opened(folder))
    except Exception as error:  # whatever other people's code raises
        raise ModelError(f"{name}: cannot load this encoder: {_said(error)}") from error


def _said(error: Exception) -> str:
    """Return an error of other people's code in a line, with its kind."""
    said = reason(error)
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def _folder(name: str) -> str:
    """Return the folder of an encoder."""
    if os.path.isdir(name):
        known = ("modules.json", "config.json")
        if not any(os.path.isfile(os.path.join(name, each)) for each in known):
            raise ModelError(
                f"{name}: a folder without {' or '.join(known)}: not one of an encoder of "
                "sentence-transformers or model2vec"
            )
        return name
    if os.path.exists(name):
        raise ModelError(f"{name}: an encoder is a folder, and this is a file")
    found = _cached(name)
    if found is None:
        raise ModelError(
            f"{name}: no such folder, and no model of this name on this machine: nothing is "
            "downloaded, so download it first and give its folder"
        )
    return found


def _cached(name: str) -> str | None:
    """Return the folder of a model that was downloaded, None where there is none."""
    try:
        from huggingface_hub import snapshot_download
    except ImportError:
        return None
    names = [name] if "/" in name else [f"sentence-transformers/{name}", name]
    for cache in dict.fromkeys((None, os.environ.get("SENTENCE_TRANSFORMERS_HOME"))):
        for each in names:
            try:
                return snapshot_download(each, cache_dir=cache, local_files_only=True)
            except (OSError, ValueError):  # it is not there, or this can be no name
                continue
    return None


def _is_static(folder: str) -> bool:
    """Return whether a folder is one of model2vec, or of a static sentence-transformer."""
    about = _json(os.path.join(folder, "config.json"))
    if isinstance(about, dict) and about.get("model_type") == MODEL2VEC:
        return True
    modules = _json(os.path.join(folder, "modules.json"))
    first = modules[0] if isinstance(modules, list) and modules else None
    return isinstance(first, dict) and str(first.get("type")).endswith(f".{STATIC}")


def _json(path: str) -> Any:
    """Return what a file of JSON says, None where there is none."""
    try:
        with open(path, encoding="utf-8") as file:
            return json.load(file)
    except (OSError, ValueError, RecursionError):
        return None


def _open_static(folder: str) -> Callable[[list[str], int], Any]:
    """Open a model of vectors of tokens, with whichever package is there."""
    if not find_spec(MODEL2VEC):
        return _open_sentence_transformer(folder)
    from model2vec import StaticModel

    model = StaticModel.from_pretrained(folder)
    return lambda texts, n: model.encode(texts, batch_size=n, show_progress_bar=False)


def _open_sentence_transformer(folder: str) -> Callable[[list[str], int], Any]:
    """Open a model of sentence-transformers."""
    from sentence_transformers import SentenceTransformer

    if find_spec("transformers"):
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()  # what there is to see, `Encoder.encode` says
    model = SentenceTransformer(folder, local_files_only=True)
    return lambda texts, n: model.encode(
        texts, batch_size=n, show_progress_bar=False, convert_to_numpy=True
    )
