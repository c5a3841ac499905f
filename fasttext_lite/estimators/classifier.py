"""The scikit-learn face: `FastTextClassifier`, `FastTextTransformer` and `load`."""

from __future__ import annotations

import copy
import os
from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import ModelError
from fasttext_lite.estimators.base import FastTextBase, warn_of_unknown, with_parameters
from fasttext_lite.estimators.targets import is_matrix, label_array, plain, unique_labels
from fasttext_lite.features.matrix import FeatureMatrix
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.model import model as models
from fasttext_lite.model.storage import read_model, save_model

MULTILABEL_THRESHOLD = 0.5


@with_parameters
class FastTextClassifier(ClassifierMixin, FastTextBase):
    """Classify texts by the averaged embeddings of their words and n-grams.

    Parameters
    ----------
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : Model
        The trained model.
    history_ : History
        Loss of each epoch, and the learning rate that was used; with validation data, callbacks
        or `patience` also a report of each epoch (``history_.reports``).
    target_kind_ : str
        "single", "lists" (each text had a list of labels) or "indicator" (a 0/1 matrix).

    See Also
    --------
    FastTextTransformer : Document embeddings for other estimators.

    References
    ----------
    A. Joulin, E. Grave, P. Bojanowski, T. Mikolov: Bag of Tricks for Efficient Text
    Classification, 2016, arXiv:1607.01759.

    Examples
    --------
    >>> from fasttext_lite import FastTextClassifier
    >>> texts = ["red apples", "green apples", "fast cars", "slow cars"]
    >>> clf = FastTextClassifier(random_state=0).fit(texts, ["fruit", "fruit", "cars", "cars"])
    >>> clf.predict(["yellow apples", "old cars"]).tolist()
    ['fruit', 'cars']
    """

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        callbacks: Any = None,
    ) -> FastTextClassifier:
        """Train on texts and labels; what was learnt before is forgotten.

        Parameters
        ----------
        X : sequence of str, or of token lists
            List, array or Series. A list of str in place of a text is cut into tokens already.
        y : array-like of shape (n_texts,), list of lists of labels, or 0/1 matrix
            Labels of any type that sorts; several for each text in the last two forms.
        sample_weight : array-like of shape (n_texts,), optional
            Factor of each text's loss; only ratios matter, 0 leaves the text out.
        validation_data : pair (X, y), optional
            Texts and labels that are not trained on, to measure each epoch on. The labels must
            occur in the training's y. Without it, `patience` sets the share `valid_fraction` of
            the texts aside: these are not trained on.
        callbacks : callable, or list of callables, optional
            Called after each epoch with its report (`monitoring.EpochReport`: loss, accuracy,
            learning rate, ...); training ends when one returns True.

        Returns
        -------
        FastTextClassifier
            Itself.

        Raises
        ------
        TypeError
            If X is one string or holds something other than text, or a callback cannot be
            called.
        ValueError
            If a parameter, y or `validation_data` is not as described, or there are fewer than
            two labels.
        """
        self._fit(X, y, sample_weight, validation_data, callbacks)
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> FastTextClassifier:
        """Train one epoch on some texts, at a constant learning rate.

        New words and n-grams join the model; labels do not, so the first call needs all of
        them.  The idf weights follow the texts seen so far.  Of the parameters, `lr`,
        `label_smoothing` and `neg` may change between calls.  A call copies the model, so it
        costs time in proportion to the model: pass texts by the thousand, not one by one.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels that will ever occur; needed in the first call (unless y is a 0/1
            matrix) and may be left out later.

        Returns
        -------
        FastTextClassifier
            Itself.
        """
        config = self._config()
        n_threads = self._threads(training=True)
        started = hasattr(self, "_trainee")
        known: np.ndarray | None
        if started:
            if classes is not None and not np.array_equal(unique_labels(classes), self.classes_):
                raise ValueError("classes differ from those of the first call of partial_fit")
            known, kind = self.classes_, self.target_kind_
        else:
            known, kind = None if classes is None else unique_labels(classes), None
            if known is None and not is_matrix(y):
                raise ValueError("classes must be passed on the first call to partial_fit")
        texts, target, weights = self._training_data(X, y, sample_weight, known, kind)
        seed = self._seed()
        if started:
            old = self._trainee.model
            new = resolve(config, len(old.labels), old.multilabel)
            changes = {name: getattr(new, name) for name in ("lr", "label_smoothing", "neg")}
            trainee = fitting.fit_more(
                self._trainee, texts, target.labels, config=old.config.replace(**changes),
                doc_weights=weights, seed=seed, n_threads=n_threads,
            )  # fmt: skip
        else:
            trainee = fitting.fit(
                texts, target.labels, config,
                doc_weights=weights, multilabel=target.kind != "single", seed=seed,
                n_threads=n_threads, one_pass=True,
            )  # fmt: skip
        self._keep(trainee, target)
        return self

    def predict(self, X: Any) -> Any:
        """Return the likeliest label of each text.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts,)
            Labels in their own type. After training on label lists: a list of lists; after a
            0/1 matrix: a 0/1 matrix, int64 of shape (n_texts, n_classes); both hold the labels
            of probability 0.5 or more.
        """
        if "model_" in self.__dict__ and self.target_kind_ == "single":
            texts = X if type(X) is list else Texts.from_sequence(X)
            n_threads = None if self.n_jobs is None else self._threads(training=False)
            top = self.model_.predict(texts, n_threads=n_threads)
            warn_of_unknown(top.n_features, 3)
            return self.classes_[top.labels[:, 0]]
        features = self._features(X)
        step = max(1, models.CHUNK_SCORES // len(self.classes_))
        chosen = [
            self._probabilities(features.slice(a, min(a + step, len(features))))
            >= MULTILABEL_THRESHOLD
            for a in range(0, max(len(features), 1), step)
        ]
        return self._as_target(chosen)

    def _as_target(self, chosen: list[np.ndarray]) -> Any:
        """Return label lists or a 0/1 matrix, as in training, of bool[n, n_classes] parts."""
        if self.target_kind_ == "indicator":
            return np.concatenate(chosen).astype(np.int64)
        return [self.classes_[row].tolist() for part in chosen for row in part]

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probability of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Columns in the order of `classes_`. Rows sum to 1 if each text had one label in
            training; otherwise each label is judged by itself (all losses but softmax and hs).
        """
        self._check_fitted()
        texts = X if type(X) is list else Texts.from_sequence(X)
        n_threads = None if self.n_jobs is None else self._threads(training=False)
        result, n_features = self.model_.judge(texts, n_threads)
        warn_of_unknown(n_features, 3)
        return self._normalized(result)

    def _probabilities(self, features: FeatureMatrix) -> np.ndarray:
        return self._normalized(self.model_.probabilities(features, self._threads(training=False)))

    def _normalized(self, result: np.ndarray) -> np.ndarray:
        """Make rows sum to 1, in place, where texts had one label each."""
        if self.target_kind_ == "single" and self.model_.config.loss not in ("softmax", "hs"):
            result[~result.any(axis=1)] = 1  # no label is likelier than another
            result /= result.sum(axis=1, keepdims=True)
        return result

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            Higher is likelier; for the loss hs the log-probabilities. With two classes of
            which each text has one: the log-odds of `predict_proba`, shape (n_texts,),
            positive for ``classes_[1]``.
        """
        features = self._features(X)
        is_binary = self.target_kind_ == "single" and len(self.classes_) == 2
        if is_binary and self.model_.config.loss not in ("softmax", "hs"):
            # Each label was judged by itself: the scores alone are in another order.
            scores = np.log(np.maximum(self._probabilities(features), np.finfo(float).tiny))
        else:
            scores = self.model_.scores(features, self._threads(training=False))
        return scores[:, 1] - scores[:, 0] if is_binary else scores

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of texts whose labels are predicted exactly.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.

        Returns
        -------
        float
        """
        predicted = self.predict(X)
        if self.target_kind_ == "single":
            y = label_array(y)
        if self.target_kind_ != "lists":
            return float(accuracy_score(y, predicted, sample_weight=sample_weight))
        if len(y) != len(predicted):
            raise ValueError(
                f"X and y have inconsistent numbers of samples: {len(predicted)}, {len(y)}"
            )
        right = [set(a) == set(b) for a, b in zip(y, predicted, strict=True)]
        return float(np.average(right, weights=sample_weight))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the parameters to a file (`.ftl`) that `load` reads.

        Raises
        ------
        ModelError
            If the file cannot be written, or labels are neither text, numbers nor booleans.
        """
        check_is_fitted(self, "model_")
        save_model(self.model_, path, self._to_save())

    def quantize(self, X: Any = None, y: Any = None, **settings: Any) -> FastTextClassifier:
        """Return a copy with a smaller model, which cannot be trained further.

        With X and y, as in `fit`, the rows that are kept are trained on these once more.  The
        settings are those of `pruning.Settings`: size, cutoff, rows, step, dsub, qnorm.
        """
        from fasttext_lite.fitting.pruning import quantize_trainee

        self._check_fitted()
        data, n_threads = None, self._threads(training=X is not None)
        if X is not None:
            known, kind = self.classes_, self.target_kind_
            texts, target, weights = self._training_data(X, y, None, known, kind)
            data = texts, target.labels, weights
        other = copy.copy(self)
        other._trainee = quantize_trainee(
            self._trainee, settings, data, self._to_save(), self._seed(), n_threads
        )
        other.model_ = other._trainee.model
        return other

    def _to_save(self) -> dict[str, Any]:
        """Return parameters and classes as JSON values."""
        kind = self.classes_.dtype.kind
        if kind == "O" and all(isinstance(name, str) for name in self.classes_):
            kind = "U"
        if kind not in "Uiufb":
            raise ModelError(
                "labels must be text, numbers or booleans to be saved; these are "
                f"{self.classes_.dtype} (pickle keeps any type)"
            )
        parameters = self.get_params(deep=False)
        if isinstance(parameters["class_weight"], dict):
            pairs = parameters["class_weight"].items()
            parameters["class_weight"] = [[plain(label), float(value)] for label, value in pairs]
        if parameters["pretrained_vectors"] is not None:
            parameters["pretrained_vectors"] = os.fspath(parameters["pretrained_vectors"])
        if not isinstance(parameters["random_state"], int | np.integer):
            parameters["random_state"] = None
        return {
            "parameters": {name: plain(value) for name, value in parameters.items()},
            "classes": self.classes_.tolist(),
            "target_kind": self.target_kind_,
        }

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def load(path: str | os.PathLike[str]) -> FastTextClassifier:
    """Read a model file, written by `FastTextClassifier.save` or by the command line.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    FastTextClassifier
        Fitted. `partial_fit` goes on with fresh optimizer state (which matters to adagrad).

    Raises
    ------
    ModelError
        If the file is missing, corrupt, of another kind, or of a newer format.
    """
    from fasttext_lite.training.loop import History
    from fasttext_lite.training.weights import stateless

    model, header = read_model(path)
    extra = header.get("estimator")
    if extra is None:
        model = model.sorted_by_label()
        extra = {
            "parameters": model.config.to_dict(),
            "classes": model.labels,
            "target_kind": "lists" if model.multilabel else "single",
        }
    classifier = from_saved(FastTextClassifier, extra, len(model.labels), path)
    classifier.model_ = model
    classifier.history_ = History()
    weights = stateless(model.config, model.embeddings, model.output, model.norm, model.layer)
    classifier._trainee = fitting.Trainee(model, weights, classifier.history_)
    return classifier


def from_saved(
    cls: type[FastTextClassifier],
    extra: dict[str, Any],
    n_labels: int,
    path: str | os.PathLike[str],
) -> FastTextClassifier:
    """Return a classifier with its parameters and classes as they were saved, without a model."""
    try:
        parameters = dict(extra["parameters"])
        if isinstance(parameters.get("class_weight"), list):
            parameters["class_weight"] = dict(map(tuple, parameters["class_weight"]))
        classifier = cls(**parameters)
        classifier.classes_ = np.array(extra["classes"])
        classifier.target_kind_ = extra["target_kind"]
        good = classifier.target_kind_ in ("single", "lists", "indicator")
        if not good or classifier.classes_.shape != (n_labels,):
            raise ValueError("the classes do not fit the labels")
        if not np.array_equal(unique_labels(classifier.classes_), classifier.classes_):
            raise ValueError("the classes are not sorted")
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: the model file is damaged: {error}") from None
    return classifier
