"""Maps of a model's embeddings in the plane: of documents, or of labels."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence

import numpy as np

from fasttext_lite.config.foreign import not_a_choice
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.evaluation.plots import check_plot, plot_map
from fasttext_lite.model.model import Model

METHODS = ("pca", "tsne")
MAX_POINTS = {"pca": 5000, "tsne": 2000}  # more are neither readable nor, for t-SNE, quick
PERPLEXITY = 30.0


def label_vectors(model: Model) -> np.ndarray:
    """Return a vector for each label, in the space of the documents' hidden vectors.

    Its row of the output table. With the loss hs there is no such row: then the sum of the
    rows on the way from the root to the label, with the sign of each turn (a document's hidden
    vector along this sum makes all of these turns likelier).

    Parameters
    ----------
    model : Model

    Returns
    -------
    float32[n_labels, hidden_size]

    Raises
    ------
    InputError
        If the model has a linear head: its output table is fixed and says nothing.
    """
    if model.config.head == "linear":
        raise InputError(
            "the labels of this model have no vectors of their own (head linear): give a labelled "
            "file, and they stand where their texts are on average"
        )
    if model.tree is None:
        return np.array(model.output)
    n = len(model.labels)
    sums = np.zeros((2 * n - 1, model.output.shape[1]), np.float32)
    for i in range(n - 2, -1, -1):  # parents before children
        left, right = model.tree.children[i]
        sums[left] = sums[n + i] - model.output[i]
        sums[right] = sums[n + i] + model.output[i]
    return sums[:n]


def label_centroids(
    model: Model,
    chunks: Iterable[tuple[Texts, Sequence[str] | None]],
    n_threads: int | None = None,
) -> tuple[np.ndarray, list[str]]:
    """Return the mean hidden vector of each label's texts, and the labels.

    Texts without a known feature are left out.

    Parameters
    ----------
    model : Model
    chunks : iterable of pairs
        Texts, and a label for each of them.
    n_threads : int, optional

    Returns
    -------
    centroids : float64[n_labels, hidden_size]
    names : list of str
        The labels found, by falling number of texts.
    """
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for texts, labels in chunks:
        features = model.features(texts, n_threads)
        known = np.flatnonzero(np.diff(features.indptr) > 0)
        vectors = model.embed(features, n_threads).astype(np.float64)
        own = np.array(labels, object)
        for name in dict.fromkeys(own[known].tolist()):
            rows = known[own[known] == name]
            sums[name] = sums.get(name, 0.0) + vectors[rows].sum(axis=0)
            counts[name] = counts.get(name, 0) + rows.size
    names = sorted(counts, key=lambda name: -counts[name])
    centroids = [sums[name] / counts[name] for name in names]
    return np.array(centroids).reshape(len(names), model.hidden_size), names


def sample_vectors(
    model: Model,
    chunks: Iterable[tuple[Texts, Sequence[str] | None]],
    *,
    most: int = 5000,
    seed: int = 0,
    n_threads: int | None = None,
) -> tuple[np.ndarray, list[str] | None, int, int]:
    """Return the hidden vectors of texts, of a random sample if there are many.

    Parameters
    ----------
    model : Model
    chunks : iterable of pairs
        Texts, and a label for each of them (or None).
    most, seed, n_threads : int

    Returns
    -------
    vectors : float32[n, hidden_size]
        In the order of the texts.
    groups : list of str, or None
        Their labels.
    n_texts : int
        Texts that were read.
    n_unknown : int
        Texts left out because they have no known feature.
    """
    rng = np.random.default_rng(seed)
    keys = np.empty(0)
    vectors = np.empty((0, model.hidden_size), np.float32)
    groups: list[str] | None = None
    n_texts = n_unknown = 0
    for texts, labels in chunks:
        features = model.features(texts, n_threads)
        known = np.diff(features.indptr) > 0
        n_texts += len(texts)
        n_unknown += int((~known).sum())
        if labels is not None:
            own = [label for label, is_known in zip(labels, known, strict=True) if is_known]
            groups = (groups or []) + own
        keys = np.append(keys, rng.random(int(known.sum())))
        vectors = np.concatenate([vectors, model.embed(features, n_threads)[known]])
        if keys.size > most:
            keep = np.sort(np.argpartition(keys, most)[:most])
            keys, vectors = keys[keep], vectors[keep]
            groups = None if groups is None else [groups[i] for i in keep]
    return vectors, groups, n_texts, n_unknown


def project(
    vectors: np.ndarray, method: str = "pca", seed: int = 0
) -> tuple[np.ndarray, tuple[str, str]]:
    """Lay vectors out in the plane.

    Parameters
    ----------
    vectors : float[n, dim]
        Three or more.
    method : str
        "pca" (directions of the largest variance) or "tsne" (neighbours stay neighbours; van
        der Maaten and Hinton 2008).
    seed : int

    Returns
    -------
    points : float64[n, 2]
    axis_names : pair of str
    """
    data = np.asarray(vectors, np.float64)
    n, dim = data.shape
    if method not in METHODS:
        raise ValueError(not_a_choice("method", method, METHODS))
    if n < 3:
        raise ValueError(f"a map needs at least 3 points; got {n}")
    points = np.zeros((n, 2))
    if not np.ptp(data, axis=0).any():  # all the same
        return points, ("", "")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about points that lie on a line
        if method == "tsne":
            from sklearn.manifold import TSNE

            perplexity = min(PERPLEXITY, (n - 1) / 3)
            init = "pca" if dim > 1 else "random"
            tsne = TSNE(2, perplexity=perplexity, init=init, random_state=seed)
            return np.asarray(tsne.fit_transform(data), np.float64), ("", "")
        from sklearn.decomposition import PCA

        found = PCA(min(2, dim), svd_solver="full").fit(data)
    points[:, : min(2, dim)] = found.transform(data)
    shares = np.append(found.explained_variance_ratio_, 0.0)
    return points, (f"first axis ({shares[0]:.0%})", f"second axis ({shares[1]:.0%})")


def map_documents(
    model: Model,
    chunks: Iterable[tuple[Texts, Sequence[str] | None]],
    path: str | os.PathLike[str],
    *,
    method: str = "pca",
    n_threads: int | None = None,
) -> list[str]:
    """Write a map of documents; return what there is to say about it, a line each.

    Parameters
    ----------
    model : Model
    chunks : iterable of pairs
        See `sample_vectors`; labels are shown by colour.
    path : path-like
        .png, .pdf or .svg.
    method : str
        See `project`.
    n_threads : int, optional

    Raises
    ------
    InputError
        If there are fewer than 3 texts to show, or the plot cannot be written.
    """
    check_plot(path)
    vectors, groups, n_texts, n_unknown = sample_vectors(
        model, chunks, most=MAX_POINTS[method], n_threads=n_threads
    )
    notices = []
    if n_unknown:
        notices.append(f"{n_unknown} of {n_texts} texts have no known feature and are left out")
    n = len(vectors)
    if n < 3:
        raise InputError(f"a map needs at least 3 texts with known features; found {n}")
    if n < n_texts - n_unknown:
        notices.append(f"the map shows a random {n:,} of {n_texts - n_unknown:,} texts")
    points, axis_names = project(vectors, method)
    title = f"{n:,} texts, {_METHOD_NAMES[method]}"
    plot_map(points, path, groups=groups, title=title, axis_names=axis_names)
    return notices


def map_labels(
    model: Model,
    path: str | os.PathLike[str],
    *,
    chunks: Iterable[tuple[Texts, Sequence[str] | None]] | None = None,
    method: str = "pca",
    n_threads: int | None = None,
) -> list[str]:
    """Write a map of labels; return what there is to say about it, a line each.

    Parameters
    ----------
    model : Model
    path : path-like
        .png, .pdf or .svg.
    chunks : iterable of pairs, optional
        Labelled texts: each label stands at their mean (see `label_centroids`), which shows best
        what the model takes for each other. Without them, the directions of `label_vectors`.
    method : str
        See `project`.
    n_threads : int, optional

    Raises
    ------
    InputError
        If there are fewer than 3 labels, the model needs texts for this, or the plot cannot be
        written.
    """
    check_plot(path)
    notices = []
    if chunks is not None:
        vectors, names = label_centroids(model, chunks, n_threads)
    else:
        order = np.argsort(-model.label_counts, kind="stable")
        names = [model.labels[i] for i in order]
        vectors = _directions(label_vectors(model))[order]
    n, most = len(names), MAX_POINTS[method]
    if n < 3:
        raise InputError(f"a map needs at least 3 labels; there are {n}")
    if n > most:
        vectors, names = vectors[:most], names[:most]
        notices.append(f"the map shows the {most:,} most frequent of {n:,} labels")
    points, axis_names = project(vectors, method)
    title = f"{len(names):,} labels, {_METHOD_NAMES[method]}"
    plot_map(points, path, names=names, title=title, axis_names=axis_names)
    return notices


def _directions(vectors: np.ndarray) -> np.ndarray:
    """Return vectors around their mean, of length 1: how long they are depends on frequency."""
    vectors = vectors - vectors.mean(axis=0)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


_METHOD_NAMES = {"pca": "PCA", "tsne": "t-SNE"}
