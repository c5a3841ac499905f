"""The face of scikit-learn's kind of a classifier that is trained on a cluster of Dask."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from sklearn.utils.validation import check_is_fitted

from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.distributed import predicting, preparing, training
from fasttext_lite.distributed.cluster import Job, client_of
from fasttext_lite.distributed.rounds import Round
from fasttext_lite.distributed.sources import Columns, collection_kind, parts_of, sources_of
from fasttext_lite.distributed.supported import check_supported
from fasttext_lite.errors import SettingError, bounded
from fasttext_lite.estimators.base import ADVISER, TextEstimator, set_fitted
from fasttext_lite.estimators.classifier import FastTextClassifier
from fasttext_lite.estimators.parameters import (
    check_verbose,
    config_of,
    given_to,
    seed_of,
    threads_of,
    with_parameters,
)
from fasttext_lite.estimators.targets import named_weights
from fasttext_lite.fitting.progress import progress_bar
from fasttext_lite.model.run import Run

if TYPE_CHECKING:
    from distributed import Client

    from fasttext_lite.fitting.trainee import Trainee

OWN = {
    "text_column": "text", "label_column": "label", "reading": None, "texts_per_round": None,
    "rounds_between": None,
}  # fmt: skip


@with_parameters(OWN)
class DaskFastTextClassifier(TextEstimator):
    """Train a `FastTextClassifier` on a cluster of Dask, and label what lies there.

    Parameters
    ----------
    text_column, label_column : default "text", "label"
        Columns of DataFrames, keys of dicts and of JSON lines, columns of tables in files.
    reading : default None
        How parts are read: a dict of attributes of `corpus.formats.ReadOptions`, such as
        ``{"format": "csv", "multilabel": True}``.
    texts_per_round : default None
        Texts that all workers together train on between two exchanges of what they have learnt;
        None: so many that the exchange costs little beside the training.
    rounds_between : default None
        After so many rounds the weights of all features are exchanged, and not those of frequent
        ones alone. A worker that dies costs its share's rounds since then: with 1, its round. None:
        so many that it costs little.
    <parameters>

    Attributes
    ----------
    classes_, model_, history_, target_kind_
        As of `FastTextClassifier`.
    rounds_ : list of rounds.Round
        What each round of the training has exchanged, and how long it took.

    See Also
    --------
    FastTextClassifier : Training in one process; `to_local` gives one.

    References
    ----------
    S. U. Stich: Local SGD Converges Fast and Communicates Little, 2019, arXiv:1805.09767.

    Examples
    --------
    >>> from dask.distributed import Client  # doctest: +SKIP
    >>> client = Client("scheduler:8786")  # doctest: +SKIP
    >>> model = DaskFastTextClassifier(random_state=0)  # doctest: +SKIP
    >>> model.fit(["s3://bucket/part-0.tsv", "s3://bucket/part-1.tsv"])  # doctest: +SKIP
    >>> model.to_local().predict(["a late goal"])  # doctest: +SKIP
    """

    def fit(self, X: Any, y: Any = None, client: Client | None = None) -> DaskFastTextClassifier:
        """Train on texts that lie on a cluster; what was learnt before is forgotten.

        Parameters
        ----------
        X : DataFrame, Series or bag of Dask, or list of paths and URLs
            A DataFrame has a column of texts and one of labels; records of a bag are pairs
            (label, text), dicts with both, or lines of a file; a part is a file of any format that
            the package reads, behind a path or a URL of fsspec.
        y : Series or bag of Dask, optional
            Labels of the texts of X, with the same partitions: of a Series, of a bag of texts, or
            of a DataFrame in place of its own column.
        client : distributed.Client, optional
            Default: the one there is.

        Returns
        -------
        DaskFastTextClassifier
            Itself.

        Raises
        ------
        InputError
            If there is no client, workers have another version of this package, or a partition
            cannot be read; the message names it.
        SettingError
            If a parameter is out of range, or a cluster cannot train with it.
        TrainingError
            If there are fewer than two labels, training diverges, or workers die again and again.
        TypeError
            If X is none of these.
        """
        config = config_of(self)
        check_supported(config)
        self._check_own()
        check_verbose(self)
        seed, n_threads = seed_of(self), threads_of(self, training=True)
        given, columns = given_to(self), self._columns()
        sources = sources_of(X, y, columns)
        ADVISER.look_before(config, given, False)
        rounds: list[Round] = []
        with Job(client_of(client)) as job:
            ready = preparing.prepare(
                job, sources, columns, config,
                class_weight=self.class_weight, seed=seed, n_threads=n_threads,
            )  # fmt: skip
            trainee = self._trained(job, ready, seed, rounds)
        ADVISER.look_after(trainee.model.config, given, len(ready.target.classes))
        set_fitted(self, trainee, ready.target.classes, ready.target.kind)
        self.rounds_ = rounds
        return self

    def _trained(self, job: Job, ready: preparing.Ready, seed: int, rounds: list[Round]) -> Trainee:
        """Train on texts that are ready; each round is added to `rounds`."""
        config = training.settings_of(ready)
        divided = training.divide(
            job, ready, config, seed, self.texts_per_round, self.rounds_between
        )
        run = Run(
            class_weight=named_weights(self.class_weight, ready.target),
            seed=None if self.random_state is None else seed,
        )
        show = None if self.verbose else False  # to a terminal alone
        with progress_bar(ready.n_texts * config.epochs, show) as callback:
            return training.train(
                job, ready, divided, config,
                seed=seed, rounds=rounds, callback=callback, run=run,
            )  # fmt: skip

    def _check_own(self) -> None:
        """Raise `SettingError` for a parameter that is out of range or does not go here."""
        for name in ("texts_per_round", "rounds_between"):
            n = getattr(self, name)
            if n is not None and (isinstance(n, bool) or not isinstance(n, int) or n < 1):
                raise SettingError(
                    f"{name} must be a whole number of at least 1, or None; got {n!r}"
                )
        if self.pretrained_vectors is not None:
            raise SettingError("a cluster does not train from pretrained_vectors: leave them out")

    def _columns(self) -> Columns:
        given = {"text_column": self.text_column, "label_column": self.label_column}
        if self.reading is not None and not isinstance(self.reading, Mapping):
            raise SettingError(
                f"reading must be a dict of attributes of ReadOptions; got {self.reading!r}"
            )
        try:
            options = ReadOptions(**{**given, **(self.reading or {})})
        except TypeError as error:
            raise SettingError(f"reading: {str(error).rpartition('()')[2].strip()}") from None
        return Columns(self.text_column, self.label_column, options)

    def to_local(self) -> FastTextClassifier:
        """Return the same model as a `FastTextClassifier`: to predict in this process, to save."""
        check_is_fitted(self, "model_")
        names = set(FastTextClassifier._get_param_names()) & set(self._get_param_names())
        local = FastTextClassifier(**{name: getattr(self, name) for name in names})
        set_fitted(local, self._trainee, self.classes_, self.target_kind_)
        return local

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model to a file that `fasttext_lite.load` reads, as `to_local` would."""
        self.to_local().save(path)

    def predict(self, X: Any) -> Any:
        """Return a collection of Dask with the likeliest label of each text; it is not computed.

        Parameters
        ----------
        X : DataFrame, Series or bag of Dask
            Of texts; labels are not needed, and texts may be null.

        Returns
        -------
        DataFrame or bag of Dask
            Of a DataFrame: the same with columns ``label`` and ``probability``; of a Series these
            two; of a bag pairs of both. A text that is null has the label None.

        Raises
        ------
        TypeError
            If X is none of these.
        """
        check_is_fitted(self, "model_")
        kind = collection_kind(X) if not isinstance(X, list | tuple) else "parts"
        if kind == "parts":
            raise TypeError(
                "predict takes a DataFrame, a Series or a bag of Dask; predict_to takes parts, and "
                "to_local().predict texts in memory"
            )
        import dask

        columns = self._columns()
        if kind == "frame":
            sources_of(X, None, columns, needs_labels=False)
        asked = dask.delayed(predicting.Asked(self.model_, self.classes_), traverse=False)
        if kind == "bag":
            return X.map_partitions(partial(predicting.label_records, columns=columns), asked)
        meta = predicting.frame_like(X._meta, self.classes_)
        return X.map_partitions(partial(predicting.label_frame, columns=columns), asked, meta=meta)

    def predict_to(
        self,
        X: Any,
        folder: str | os.PathLike[str],
        format: str = "parquet",
        client: Client | None = None,
    ) -> list[predicting.Written]:
        """Label texts on the cluster and write a file of each partition or part.

        Parameters
        ----------
        X : DataFrame, Series or bag of Dask, or list of paths and URLs
            As of `fit`; labels are not needed.
        folder : path-like
            That all machines share, or a URL of fsspec.
        format : "parquet" or "csv"
            Of the files, whose columns are the text, ``label`` and ``probability``.
        client : distributed.Client, optional
            Default: the one there is.

        Returns
        -------
        list of predicting.Written
            Path and number of texts of each file, in the order of X.

        Raises
        ------
        InputError
            As of `fit`, and if a file cannot be written.
        ValueError
            If there is no such format.
        """
        check_is_fitted(self, "model_")
        if format not in predicting.WRITERS:
            raise ValueError(
                bounded(f"format must be one of {', '.join(predicting.WRITERS)}; got {format!r}")
            )
        columns = self._columns()
        sources = sources_of(X, None, columns, needs_labels=False)
        (place,) = parts_of([folder])
        asked = predicting.Asked(self.model_, self.classes_)
        with Job(client_of(client)) as job:
            return predicting.predict_parts(job, sources, columns, asked, place, format)
