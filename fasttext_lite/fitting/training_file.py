"""Train on a labelled file: by chunks where it can be read twice, as a whole where not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fasttext_lite.config.fields import Config
from fasttext_lite.corpus.files import spooled
from fasttext_lite.corpus.formats import ReadOptions
from fasttext_lite.corpus.labels import Labels
from fasttext_lite.corpus.many import open_reader, paths_of, read_corpora
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import InputError
from fasttext_lite.fitting import fit
from fasttext_lite.fitting.advice import warn_of_labels
from fasttext_lite.fitting.class_weight import class_weights, seen_factors
from fasttext_lite.fitting.keeper import TrainingKeeper
from fasttext_lite.fitting.ladder import choose
from fasttext_lite.fitting.monitor import Watch
from fasttext_lite.fitting.more import Further, fit_further, prepare_more
from fasttext_lite.fitting.prepare import TextPieces
from fasttext_lite.fitting.prepared import Prepared
from fasttext_lite.fitting.streaming import (
    CHUNK_BYTES,
    is_streamable,
    prepare_file,
    prepare_more_file,
)
from fasttext_lite.fitting.vectors import Pretrained, join_vectors, with_vectors
from fasttext_lite.model.run import BALANCED, Run


@dataclass(frozen=True)
class TrainingFile:
    """A labelled file that was read and can be trained on.

    Attributes
    ----------
    config : Config
    labels : Labels
        Numbered by falling frequency.
    multilabel : bool
        Whether texts may have several labels or none.
    skipped : list of str
        As `skip_report` returns it.
    notices : list of str
        As `Corpus.notices`.
    data : Prepared or Texts
        Its features, or its texts where they are still to be made.
    pretrained : Pretrained, optional
        File of word vectors to start from.
    fingerprint : str
        See `corpus.fingerprint`.
    weights : float64[n_texts], optional
        How much each text counts, as the file says.
    rows, n_records
        As of `Corpus`, where texts were wanted.
    further : Further, optional
        The model that learns from them.
    """

    config: Config
    labels: Labels
    multilabel: bool
    skipped: list[str]
    notices: list[str]
    data: Prepared | Texts
    pretrained: Pretrained | None = None
    fingerprint: str = ""
    weights: np.ndarray | None = None
    rows: np.ndarray | None = None
    n_records: int = 0
    further: Further | None = None

    def skip_report(self) -> list[str]:
        """Return one line for each reason why lines were skipped."""
        return self.skipped

    def fit(
        self,
        *,
        doc_weights: np.ndarray | None = None,
        seed: int = 0,
        n_threads: int | None = None,
        callback: Callable[[Any], None] | None = None,
        watch: Watch | None = None,
        run: Run | None = None,
        keeper: TrainingKeeper | None = None,
    ) -> fit.Trainee:
        """Train a model; parameters as of `fit.fit`.

        Without `doc_weights` texts count as the file and the class weights of `run` say. A model
        that is there already is trained further.
        """
        if doc_weights is None:
            class_weight = None if run is None else run.class_weight
            doc_weights = class_weights(class_weight, self.labels, self._own_weights(class_weight))
        how: dict[str, Any] = {
            "seed": seed, "n_threads": n_threads, "callback": callback, "watch": watch,
            "keeper": keeper,
        }  # fmt: skip
        if isinstance(self.data, Texts):
            return fit.fit(
                self.data, self.labels, self.config,
                doc_weights=doc_weights, multilabel=self.multilabel, run=run,
                pretrained=self.pretrained, **how,
            )  # fmt: skip
        data = dataclasses.replace(self.data, doc_weights=doc_weights, run=run)
        if self.further is not None:
            return fit_further(data, self.further, **how)
        warn_of_labels(self.labels)
        settle = choose if keeper is None else keeper.choose
        data = settle(join_vectors(data, self.pretrained, n_threads), seed, n_threads)
        return fit.fit_prepared(data, **how)

    def _own_weights(self, class_weight: str | Mapping[str, float] | None) -> np.ndarray | None:
        """Return what texts weigh by themselves, and by how often their labels were seen."""
        before = self.data.before if isinstance(self.data, Prepared) else None
        if before is None or self.further is None or not self.further.as_seen:
            return self.weights
        if class_weight == BALANCED:  # all labels count the same
            return self.weights
        factors = seen_factors(self.labels, before.label_counts)
        return factors if self.weights is None else factors * self.weights


def can_stream(paths: str | Sequence[str], config: Config, *, is_validated: bool = False) -> bool:
    """Return whether a file is read in chunks, and may have a cache of its features.

    It must be a file that can be read twice, without noise in words; and for `Config.patience`
    there must be validation data: texts are set aside before the vocabulary is made, and that
    takes the texts as a whole.
    """
    return is_streamable(paths, config) and _may_stream(config, is_validated)


def _may_stream(config: Config, is_validated: bool) -> bool:
    return not config.is_noisy and (config.patience is None or is_validated)


def read_training_file(
    paths: str | Sequence[str],
    config: Config,
    options: ReadOptions | None = None,
    *,
    multilabel: bool = False,
    is_validated: bool = False,
    as_texts: bool = False,
    n_threads: int | None = None,
    cache: str | None = None,
    pretrained: Pretrained | None = None,
) -> TrainingFile:
    """Read a labelled file to train on it.

    Parameters
    ----------
    paths : str or sequence of str
        One file or several, which are read as if they were one; "-" is standard input.
    config : Config
    options : ReadOptions, optional
    multilabel : bool
        Whether texts may have several labels, even if none has.
    is_validated : bool
        Whether there will be validation data.
    as_texts : bool
        Whether texts are wanted and not their features, whatever the file is.
    n_threads : int, optional
        Default: all processors.
    cache : str, optional
        Folder for the features, made if need be; only for a file that `can_stream`.
    pretrained : Pretrained, optional
        File of word vectors to start from.

    Raises
    ------
    InputError
        If the file cannot be read or cannot have a cache.
    TrainingError
        If there are fewer than two labels.
    """
    options, several = options or ReadOptions(), paths_of(paths)
    may_stream = not as_texts and _may_stream(config, is_validated)
    with spooled(several if may_stream and cache is None else ()):
        if may_stream and can_stream(several, config, is_validated=is_validated):
            return _in_chunks(several, config, options, multilabel, n_threads, cache, pretrained)
    if cache is not None:
        raise InputError(
            f"{several[0]}: a cache needs a file that can be read twice, no noise in words, and "
            "for patience validation data"
        )
    return _as_a_whole(
        several, config, options, multilabel=multilabel, pretrained=pretrained, keeps_rows=as_texts
    )


def _in_chunks(
    paths: Sequence[str],
    config: Config,
    options: ReadOptions,
    multilabel: bool,
    n_threads: int | None,
    cache: str | None,
    pretrained: Pretrained | None,
) -> TrainingFile:
    """Read labelled files twice, chunk by chunk."""
    reader = open_reader(paths, options, CHUNK_BYTES)
    prepared = prepare_file(
        reader, with_vectors(config, pretrained),
        multilabel=multilabel, n_threads=n_threads, cache=cache,
    )  # fmt: skip
    return TrainingFile(
        config, prepared.labels, prepared.multilabel, reader.skip_report(), reader.notices,
        prepared, pretrained, reader.fingerprint, prepared.doc_weights,
    )  # fmt: skip


def read_further_file(
    paths: str | Sequence[str],
    further: Further,
    options: ReadOptions | None = None,
    *,
    is_validated: bool = False,
    n_threads: int | None = None,
) -> TrainingFile:
    """Read a labelled file to train a model further on it.

    Parameters
    ----------
    paths, options, is_validated, n_threads
        As in `read_training_file`.
    further : Further

    Raises
    ------
    InputError
        If the file cannot be read.
    TrainingError
        If it has several labels for a text, and the model one.
    """
    config, options = further.model.config, options or ReadOptions()
    with spooled(paths_of(paths) if _may_stream(config, is_validated) else ()):
        if can_stream(paths, config, is_validated=is_validated):
            reader = open_reader(paths, options, CHUNK_BYTES)
            prepared = prepare_more_file(reader, further, n_threads=n_threads)
            return TrainingFile(
                prepared.config, prepared.labels, prepared.multilabel, reader.skip_report(),
                reader.notices, prepared, fingerprint=reader.fingerprint,
                weights=prepared.doc_weights, further=further,
            )  # fmt: skip
    corpus = read_corpora(paths, options)
    pieces = TextPieces(corpus.texts, corpus.labels, whole=config.is_noisy)
    prepared = prepare_more(pieces, further, n_threads=n_threads)
    return TrainingFile(
        prepared.config, prepared.labels, prepared.multilabel, corpus.skip_report(),
        corpus.notices, prepared, fingerprint=corpus.fingerprint, weights=corpus.weights,
        further=further,
    )  # fmt: skip


def _as_a_whole(
    paths: str | Sequence[str],
    config: Config,
    options: ReadOptions,
    *,
    multilabel: bool,
    pretrained: Pretrained | None,
    keeps_rows: bool,
) -> TrainingFile:
    """Read a labelled file at once, its texts to memory."""
    corpus = read_corpora(paths, options, keeps_rows=keeps_rows)
    several = multilabel or corpus.labels.is_multilabel
    skipped = corpus.skip_report()
    return TrainingFile(
        config, corpus.labels, several, skipped, corpus.notices, corpus.texts, pretrained,
        corpus.fingerprint, corpus.weights, corpus.rows, corpus.n_records,
    )  # fmt: skip
