"""The threshold of the final model, where the metric of a search asks for one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fasttext_lite.corpus.labels import Labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting.calibrate import Judged, calibrate
from fasttext_lite.model.model import Model
from fasttext_lite.tuning.data import TuningData
from fasttext_lite.tuning.metrics import Metric


def calibrated(model: Model, features: FeatureMatrix, gold: Labels) -> Model:
    """Return a model, calibrated on texts that it was not trained on."""
    judged = Judged.of(model, features, gold, np.ones(len(gold)))
    return model.replace(calibration=calibrate([judged]))


def with_threshold(
    final: Model, judges: Sequence[Model], data: TuningData, metric: Metric, n_threads: int
) -> Model:
    """Return the final model with the threshold that is the best on texts held out.

    Where the final model has learnt from the texts that trials were judged by, nothing can be
    measured with it: the models of the best trial judge in its place, each on the texts that it
    has not seen, with the final model's calibration, and their decisions are looked at together.

    Parameters
    ----------
    final : Model
    judges : sequence of Model
        Of the first folds; the final model alone, if it has not seen the first fold's texts.
    data : TuningData
    metric : Metric
    n_threads : int
    """
    parts = []
    for judge, fold in zip(judges, data.folds, strict=False):
        judge = judge.replace(calibration=final.calibration)
        features = judge.features(fold.valid_texts, n_threads)
        parts.append(metric.pairs(judge, features, fold.valid_labels, n_threads))
    found = metric.best(parts).threshold
    is_itself = len(judges) == 1 and judges[0] is final
    if found is not None and not is_itself:
        found = replace(found, n_folds=len(judges))
    return final.replace(threshold=found)
