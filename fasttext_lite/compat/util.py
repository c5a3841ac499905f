"""fastText's ``fasttext.util``: small helpers around a model (util.py of fastText 0.9.2)."""

from __future__ import annotations

import gzip
import os
import re
import shutil
import sys
import urllib.error
from collections.abc import Collection, Iterable
from typing import Any
from urllib.request import urlopen

import numpy as np

from fasttext_lite.disk.replacing import replacing
from fasttext_lite.errors import InputError

__all__ = [
    "download_model", "find_nearest_neighbor", "reduce_model", "test", "valid_lang_ids",
]  # fmt: skip

ADDRESS = "https://dl.fbaipublicfiles.com/fasttext/vectors-crawl/cc.{}.300.bin.gz"
# The languages that have vectors at that address.
_LANGUAGES = """
af als am an ar arz as ast az azb ba bar bcl be bg bh bn bo bpy br bs ca ce ceb ckb co cs cv cy da
de diq dv el eml en eo es et eu fa fi fr frr fy ga gd gl gom gu gv he hi hif hr hsb ht hu hy ia id
ilo io is it ja jv ka kk km kn ko ku ky la lb li lmo lt lv mai mg mhr min mk ml mn mr mrj ms mt
mwl my myv mzn nah nap nds ne new nl nn no nso oc or os pa pam pfl pl pms pnb ps pt qu rm ro ru sa
sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt ug uk ur uz vec vi vls vo
wa war xmf yi yo zea zh
"""
valid_lang_ids = set(_LANGUAGES.split())
MAPPED_ROWS = 100_000  # that the principal axes are taken from
TIMEOUT = 60  # seconds without a byte


def test(
    predictions: Iterable[Iterable[str]], labels: Iterable[Collection[str]], k: int = 1
) -> tuple[float, float]:
    """Return precision and recall of predicted labels.

    Parameters
    ----------
    predictions : iterable of iterables of str
        As `predict` returns them for a list.
    labels : iterable of collections of str
        The right labels of each.
    k : int
        Labels predicted of each.
    """
    n_right = n_examples = n_labels = 0
    for predicted, right in zip(predictions, labels, strict=False):
        n_right += sum(label in right for label in predicted)
        n_examples += 1
        n_labels += len(right)
    return n_right / (k * n_examples), n_right / n_labels


test.__test__ = False  # type: ignore[attr-defined] # not one of pytest's


def find_nearest_neighbor(
    query: np.ndarray,
    vectors: np.ndarray,
    ban_set: Collection[int],
    cossims: np.ndarray | None = None,
) -> np.intp:
    """Return which vector has the largest inner product with `query`.

    Parameters
    ----------
    query : float[dim]
    vectors : float[n, dim]
    ban_set : collection of int
        Vectors left out.
    cossims : float[n], optional
        Written in place: all inner products.

    Raises
    ------
    ValueError
        If no vector is left.
    """
    products = np.matmul(vectors, query, out=cossims)
    allowed = np.ones(len(products), bool)
    allowed[[i for i in ban_set if 0 <= i < len(products)]] = False
    if not allowed.any():
        raise ValueError("all vectors are banned")
    return np.argmax(np.where(allowed, products, -np.inf))


def reduce_model(ft_model: Any, target_dim: int) -> Any:
    """Reduce the dimension of a model in place, and return it.

    Both tables are turned to the principal axes of the input table.

    Parameters
    ----------
    ft_model : _FastText
        Not quantised.
    target_dim : int
        New size of the vectors.

    Raises
    ------
    ValueError
        If the model is quantised, or `target_dim` is not within 1 and the model's dimension.
    """
    rows = ft_model.get_input_matrix()
    if not 1 <= target_dim <= rows.shape[1]:
        raise ValueError(f"target_dim must lie in 1 to {rows.shape[1]}; got {target_dim}")
    sample = rows[:MAPPED_ROWS]
    centred = sample - sample.mean(axis=0, dtype=np.float32)
    covariance = centred.T.astype(np.float64) @ centred / max(len(centred) - 1, 1)
    axes = np.linalg.eigh(covariance)[1][:, ::-1][:, :target_dim].astype(np.float32)
    ft_model.set_matrices(rows @ axes, ft_model.get_output_matrix() @ axes)
    return ft_model


def download_model(
    lang_id: str, if_exists: str = "strict", dimension: int | None = None
) -> str | None:
    """Download fastText's vectors of a language (Common Crawl, 300 numbers a word).

    They come to ``cc.LANGUAGE.300.bin`` in the current folder, complete or not at all; gigabytes.

    Parameters
    ----------
    lang_id : str
        As in ``https://fasttext.cc/docs/en/crawl-vectors.html``, such as ``"en"``.
    if_exists : str
        ``strict``: leave a file that is there, return None; ``ignore``: use it; ``overwrite``.
    dimension : int, optional
        Not used, as in fastText.

    Returns
    -------
    str or None
        Name of the file.

    Raises
    ------
    InputError
        If there is no such language, or it cannot be had.
    """
    if not re.fullmatch("[a-z]{2,3}", lang_id):
        raise InputError(f"Invalid lang id {lang_id!r}: two or three letters, such as 'en'")
    if if_exists not in ("strict", "ignore", "overwrite"):
        raise InputError(f"if_exists must be strict, ignore or overwrite; got {if_exists!r}")
    name, address = f"cc.{lang_id}.300.bin", ADDRESS.format(lang_id)
    if os.path.isfile(name) and if_exists != "overwrite":
        if if_exists == "ignore":
            return name
        _tell(f"{name} exists; if_exists='overwrite' downloads it anyway")
        return None
    _tell(f"Downloading {address}")
    try:
        with (
            urlopen(address, timeout=TIMEOUT) as response,
            gzip.open(response) as file,
            replacing(name) as target,
        ):
            shutil.copyfileobj(file, target, 1 << 20)
    except urllib.error.HTTPError as error:
        raise InputError(f"Invalid lang id {lang_id!r}: {address}: {error}") from None
    except (OSError, EOFError) as error:
        raise InputError(f"{address} cannot be downloaded: {error}") from None
    return name


def _tell(message: str) -> None:
    if sys.stderr is not None:
        sys.stderr.write(message + "\n")
