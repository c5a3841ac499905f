"""Document embeddings for other estimators."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.foreign import with_advice
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.estimators.base import OneModel
from fasttext_lite.estimators.parameters import in_constructor, threads_of, with_parameters


@with_parameters()
class FastTextTransformer(ClassNamePrefixFeaturesOutMixin, TransformerMixin, OneModel):
    """Turn texts into document embeddings learnt from labels.

    The embedding of a text is the hidden vector of a `FastTextClassifier` trained in the same
    way: the weighted sum of the embeddings of its words and n-grams.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels of training, sorted.
    model_ : Model
        The trained model.
    history_ : History
        Loss of each epoch, and the learning rate that was used.
    target_kind_ : str
        "single", "lists" or "indicator".

    See Also
    --------
    FastTextClassifier : The classifier itself.
    """

    @with_advice(in_constructor)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> FastTextTransformer:
        """Train on texts and labels, as `FastTextClassifier.fit`."""
        self._fit(X, y, sample_weight)
        self._n_features_out = self.model_.hidden_size
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return the embedding of each text, float32 of shape (n_texts, dim).

        A text without a known feature has the zero vector.
        """
        check_is_fitted(self, "model_")
        return self.model_.embed(Texts.from_sequence(X), threads_of(self, training=False))

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags
