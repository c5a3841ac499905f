"""The scikit-learn face of one model: `FastTextClassifier`, and `load`."""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from sklearn.utils.validation import check_is_fitted

from fasttext_lite.compat.either import read_model
from fasttext_lite.config.effects import Remark
from fasttext_lite.config.fields import Config
from fasttext_lite.config.foreign import unexpected, with_advice
from fasttext_lite.config.recipe import resolve
from fasttext_lite.corpus.texts import Texts
from fasttext_lite.errors import SettingError, bounded
from fasttext_lite.estimators.base import (
    ADVISER,
    OneModel,
    TextClassifier,
    from_saved,
    known_features,
    normalized,
    probabilities,
    run_of,
    set_fitted,
    training_data,
    warn_of_unknown,
)
from fasttext_lite.estimators.parameters import (
    answers_asked,
    check_answers,
    check_verbose,
    config_of,
    given_to,
    in_constructor,
    seed_of,
    threads_of,
    with_parameters,
)
from fasttext_lite.estimators.targets import (
    Target,
    is_matrix,
    joined_labels,
    plain,
    unique_labels,
)
from fasttext_lite.fitting import fit as fitting
from fasttext_lite.fitting import more
from fasttext_lite.fitting.progress import progress_bar
from fasttext_lite.model import model as models
from fasttext_lite.model.abstention import ACCURACY, RATE
from fasttext_lite.model.decisions import MULTILABEL_THRESHOLD, withheld
from fasttext_lite.model.run import Run
from fasttext_lite.model.storage import save_model

if TYPE_CHECKING:
    from fasttext_lite.explanation.explanation import Explanation


@with_parameters({RATE: None, ACCURACY: None})
class FastTextClassifier(TextClassifier, OneModel):
    """Classify texts by the averaged embeddings of their words and n-grams.

    Parameters
    ----------
    answer_rate : default None
        Float or None: share of texts that ``predict(X, abstain=True)`` is to answer, in (0, 1]:
        the threshold is measured on texts that are held out, see ``model_.abstention``.
    answer_accuracy : default None
        Float or None: in its place, the least share of right ones among the answers, in (0, 1]:
        with 95 % confidence they are at least as often right, and as many texts are answered as
        that allows. Where no threshold gives it, that is logged, and the model has none.
    <parameters>

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted.
    model_ : Model
        The trained model.
    history_ : History
        Loss of each epoch, and the learning rate that was used; ``history_.choice`` says which
        settings were chosen on texts held out, and why; with validation data, callbacks or
        `patience` also a report of each epoch (``history_.reports``).
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

    @with_advice(in_constructor)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        validation_data: Any = None,
        callbacks: Any = None,
        unlabelled: Any = None,
        text_embeddings: Any = None,
        checkpoint: Any = None,
    ) -> FastTextClassifier:
        """Train on texts and labels; what was learnt before is forgotten.

        Parameters
        ----------
        X : sequence of str, or of token lists
            List, array or Series. A list of str in place of a text is cut into tokens already.
        y : array-like of shape (n_texts,), list of lists of labels, 0/1 matrix, or shares
            Labels of any type that sorts; several for each text in the lists and the 0/1 matrix.
            Shares of labels, from a teacher: an array or DataFrame of shape (n_texts, n_classes)
            whose rows are at least 0 and sum to 1, with a value that is neither 0 nor 1. The
            classes are the names of a DataFrame's columns, or the numbers of an array's. The
            likeliest label is learnt, with the weight ``max(P**2 / sum(P**2))``.
        sample_weight : array-like of shape (n_texts,), optional
            Factor of each text's loss; only ratios matter, 0 leaves the text out.
        validation_data : pair (X, y), optional
            Texts and labels that are not trained on, to measure each epoch on. The labels must
            occur in the training's y. Without it, `patience` sets the share `valid_fraction` of
            the texts aside: these are not trained on.
        callbacks : callable, or list of callables, optional
            Called after each epoch with its report (`report.EpochReport`: loss, accuracy,
            learning rate, ...); training ends when one returns True.
        unlabelled : sequence of str, or of token lists, optional
            More texts, without labels, of the same kind as those that will be predicted. They
            are learnt from where labelled texts that are held out show that it helps; where not,
            that is said and they are left out. Each text of X has one label then.
        text_embeddings : array-like of shape (n_texts + n_unlabelled, dim), optional
            What an encoder makes of each text of X, and then of each of `unlabelled`. The model
            learns from them and does not need them to predict.
        checkpoint : path-like, optional
            Folder that keeps the training after each epoch: if it is broken off, a `fit` on the
            same data with the same parameters goes on from there.

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
        beside = unlabelled, text_embeddings
        self._fit(X, y, sample_weight, validation_data, callbacks, *beside, checkpoint)
        return self

    @with_advice(in_constructor)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> FastTextClassifier:
        """Train one epoch on some texts, at a constant learning rate.

        New words and n-grams join the model, and so do labels that it did not know: a warning
        is logged that names them.  The idf weights follow the texts seen so far.  Of the
        parameters, `lr`, `label_smoothing` and `neg` may change between calls.  A call copies the
        model, so it costs time in proportion to the model: pass texts by the thousand, not one by
        one.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        classes : array-like, optional
            All labels of this call and those before; needed in the first call (unless y is a 0/1
            matrix or shares), and better with all labels to come. Later a label of y that is not
            among them is a `ValueError`; without them it joins the model.

        Returns
        -------
        FastTextClassifier
            Itself.
        """
        config = config_of(self, self.model_.config if hasattr(self, "_trainee") else None)
        n_threads = threads_of(self, training=True)
        known, kind = self._known_classes(y, classes)
        is_open = classes is None and hasattr(self, "_trainee")
        texts, target, weights, *_ = training_data(
            self, X, y, sample_weight, known, kind, is_whole=False, is_open=is_open
        )
        given = given_to(self)
        ADVISER.look_before(config, given, texts.token_ends is not None)
        check_answers(self)
        ADVISER.say(*_not_of_one_pass(given | answers_asked(self), self.pretrained_vectors))
        run: dict[str, Any] = {
            "doc_weights": weights, "seed": seed_of(self), "n_threads": n_threads
        }  # fmt: skip
        check_verbose(self)
        with progress_bar(len(texts), bool(self.verbose)) as run["callback"]:
            trainee = self._pass(texts, target, config, run, sample_weight)
        set_fitted(self, trainee, target.classes, target.kind)
        return self

    def _pass(
        self, texts: Texts, target: Target, config: Config, run: dict[str, Any], sample_weight: Any
    ) -> fitting.Trainee:
        """Train one epoch, the first or one more; `run` as of `fit_more`."""
        if hasattr(self, "_trainee"):
            old = self._trainee.model
            # What the number of labels decides stays as it was decided.
            fixed = {name: getattr(old.config, name) for name in ("head", "loss", "dim")}
            if config.lr is None:
                fixed["lr"] = old.config.lr
            new = resolve(config.replace(**fixed), len(old.labels), old.multilabel)
            changes = {name: getattr(new, name) for name in ("lr", "label_smoothing", "neg")}
            config = old.config.replace(**changes)
            places = np.asarray(np.searchsorted(target.classes, self.classes_))
            return more.fit_more(
                self._trainee, texts, target.labels, config=config, places=places, **run
            )
        several, about = target.kind != "single", run_of(self, target, sample_weight, run["seed"])
        return fitting.fit(
            texts, target.labels, config, multilabel=several, one_pass=True, run=about, **run
        )

    def _known_classes(self, y: Any, classes: Any) -> tuple[np.ndarray | None, str | None]:
        """Return the classes and the kind of y that `partial_fit` knows beforehand."""
        if hasattr(self, "_trainee"):
            known = self.classes_
            if classes is not None:
                given = unique_labels(classes)
                lacking = set(known.tolist()) - set(given.tolist())
                if lacking:
                    raise ValueError(
                        bounded(
                            f"classes lack a label that the model knows: {plain(min(lacking))!r}"
                        )
                    )
                known = joined_labels(known, given)
            return known, self.target_kind_
        if classes is None and not is_matrix(y):
            raise ValueError("classes must be passed on the first call to partial_fit")
        return None if classes is None else unique_labels(classes), None

    def predict(self, X: Any, *, abstain: bool = False, **others: NoReturn) -> Any:
        """Return the likeliest label of each text.

        Parameters
        ----------
        X : sequence of str, or of token lists
        abstain : bool
            Whether a text has no label below the threshold that `answer_rate` or
            `answer_accuracy` has brought, nor where the model knows no feature of it: None in an
            array of objects. Of texts with several labels, each must reach it.

        Returns
        -------
        ndarray of shape (n_texts,)
            Labels in their own type. After training on label lists: a list of lists; after a
            0/1 matrix: a 0/1 matrix, int64 of shape (n_texts, n_classes); both hold the labels
            of probability 0.5 or more.

        Raises
        ------
        ValueError
            If the model has no threshold to abstain by.
        """
        if others:
            _refuse("predict", others)
        least = self._least(abstain) if abstain is not False else 0.0
        if "model_" in self.__dict__ and self.target_kind_ == "single":
            texts = X if type(X) is list else Texts.from_sequence(X)
            n_threads = None if self.n_jobs is None else threads_of(self, training=False)
            top = self.model_.predict(texts, n_threads=n_threads)
            warn_of_unknown(top.n_features, 2, bool(abstain))
            found = self.classes_[top.labels[:, 0]]
            if abstain:
                found = found.astype(object)
                found[withheld(top, least, False)[:, 0]] = None
            return found
        self._check_fitted()
        n_threads = threads_of(self, training=False)
        features = known_features(self.model_, X, n_threads, 2, bool(abstain))
        n, step = len(features), max(1, models.CHUNK_SCORES // len(self.classes_))
        parts = (features.slice(a, min(a + step, n)) for a in range(0, max(n, 1), step))
        rows = []
        for part in parts:
            found = probabilities(self.model_, self.target_kind_, part, n_threads)
            rows.append(found >= max(MULTILABEL_THRESHOLD, least))
            if abstain:  # of a text without a known feature, it is the prior
                rows[-1][np.diff(part.indptr) == 0] = False
        return self._as_target(rows)

    def _least(self, abstain: Any) -> float:
        """Return the probability below which there is no answer."""
        if not isinstance(abstain, bool | np.bool_):
            raise SettingError(f"abstain must be True or False; got {abstain!r}")
        self._check_fitted()
        if self.model_.abstention is None:
            if not abstain:
                return 0.0
            raise SettingError(
                "the model has no threshold to abstain by: fit it with answer_rate or "
                "answer_accuracy, or compare predict_proba with a number"
            )
        return self.model_.abstention.value if abstain else 0.0

    def predict_proba(self, X: Any, **others: NoReturn) -> np.ndarray:
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
        if others:
            _refuse("predict_proba", others)
        self._check_fitted()
        texts = X if type(X) is list else Texts.from_sequence(X)
        n_threads = None if self.n_jobs is None else threads_of(self, training=False)
        result, n_features = self.model_.judge(texts, n_threads)
        warn_of_unknown(n_features, 2)
        return normalized(result, self.model_, self.target_kind_)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the score of each label.

        Parameters
        ----------
        X : sequence of str, or of token lists

        Returns
        -------
        ndarray of shape (n_texts, n_classes), float64
            What the softmax makes `predict_proba` of, or the sigmoid where texts may have several
            labels; for the loss hs the log-probabilities. With two classes of which each text
            has one: the log-odds of `predict_proba`, shape (n_texts,), positive for
            ``classes_[1]``.
        """
        self._check_fitted()
        n_threads = threads_of(self, training=False)
        features = known_features(self.model_, X, n_threads, 2)
        is_binary = self.target_kind_ == "single" and len(self.classes_) == 2
        if is_binary and not self.model_.is_distribution:
            # Of a model of the past, which judges each label by itself: the scores alone are in
            # another order.
            found = probabilities(self.model_, self.target_kind_, features, n_threads)
            scores = np.log(np.maximum(found, np.finfo(float).tiny))
        else:
            scores = self.model_.scores(features, n_threads)
        return scores[:, 1] - scores[:, 0] if is_binary else scores

    def explain(self, text: str, label: Any = None, other: Any = None, k: int = 1) -> Explanation:
        """Return what each word of a text contributes to a label's score.

        Parameters
        ----------
        text : str
        label : optional
            One of `classes_`; default: the likeliest.
        other : optional
            A class to compare it with: the difference of both scores is explained.
        k : int
            So many classes are explained, likeliest first; -1 = all. Only without a label.

        Returns
        -------
        Explanation
            Marked text in notebooks; see `explanation.contributions.explain`.

        Raises
        ------
        TypeError
            If text is not a str.
        ValueError
            If a label is none of `classes_`, both are the same, or k is out of range.
        """
        from fasttext_lite.explanation.contributions import explain

        self._check_fitted()
        name, against = (None if each is None else self._name_of(each) for each in (label, other))
        return explain(self.model_, text, name, against, k)

    def _name_of(self, label: Any) -> str:
        """Return what the model calls a class."""
        found = np.flatnonzero(self.classes_ == label)
        if found.size != 1:
            raise ValueError(bounded(f"{label!r} is none of the {len(self.classes_)} classes"))
        return self.model_.labels[int(found[0])]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model and the parameters to a file (`.ftl`) that `load` reads.

        Raises
        ------
        ModelError
            If the file cannot be written, or labels are neither text, numbers nor booleans.
        """
        check_is_fitted(self, "model_")
        save_model(self.model_, path, self._to_save(self.model_.config))

    @classmethod
    def load(cls, path: str | os.PathLike[str], mmap: bool | None = None) -> FastTextClassifier:
        """Read a model file, written by `save` or by the command line, or one of fastText's.

        The same as `fasttext_lite.load`.

        Parameters
        ----------
        path : path-like
            A ``.bin`` or ``.ftz`` of fastText becomes a model of this package, see
            `compat.convert.from_fasttext`.
        mmap : bool, optional
            What becomes of an input table of 4 MB or more in a ``.ftl``.  None: it is read into
            memory and checked block by block, where it is needed.  False: all of it is read and
            checked before anything is returned.  True: it stays in the file, which is mapped, so
            that processes share one copy, and is checked block by block; such a file may be
            replaced by renaming alone: whoever cuts it in its place ends the processes that use it.

        Returns
        -------
        FastTextClassifier
            Fitted. `partial_fit` goes on with fresh optimizer state (which matters to adagrad).

        Raises
        ------
        ModelError
            If the file is missing, corrupt, of another kind, or of a newer format.
        """
        model, header = read_model(path, mmap)
        extra = header.get("estimator")
        if extra is None:
            model = model.sorted_by_label()
            run = model.run or Run()
            extra = {
                "parameters": {
                    **model.config.to_dict(),
                    "class_weight": run.class_weight,
                    "random_state": run.seed,
                    RATE: run.answer_rate,
                    ACCURACY: run.answer_accuracy,
                },
                "classes": model.labels,
                "target_kind": "lists" if model.multilabel else "single",
            }
        classifier = from_saved(cls, extra, len(model.labels), path)
        trainee = fitting.Trainee.of_model(model)
        set_fitted(classifier, trainee, classifier.classes_, classifier.target_kind_)
        return classifier

    def quantize(
        self, X: Any = None, y: Any = None, sample_weight: Any = None, **settings: Any
    ) -> FastTextClassifier:
        """Return a copy with a smaller model, which cannot be trained further.

        With X, y and `sample_weight`, as in `fit`, the rows that are kept are trained on these
        once more, with the `class_weight` of the estimator.  The settings are those of
        `fasttext-lite quantize`: size (in bytes, or as "500k"), cutoff, rows, step, dsub, qnorm,
        and of the training lr and epochs; see docs/quantization.md.
        """
        from fasttext_lite.fitting.quantize import Again, quantize_trainee

        self._check_fitted()
        data, n_threads = None, threads_of(self, training=X is not None)
        if X is not None:
            known, kind = self.classes_, self.target_kind_
            texts, target, weights, *_ = training_data(
                self, X, y, sample_weight, known, kind, is_whole=False
            )
            run = run_of(self, target, sample_weight)
            data = Again(texts, target.labels, weights, run)
        other = copy.copy(self)
        other._trainee = quantize_trainee(
            self._trainee,
            settings,
            data,
            self._to_save(self.model_.config),
            seed_of(self),
            n_threads,
        )
        other.model_ = other._trainee.model
        return other


def _refuse(method: str, others: Mapping[str, Any]) -> NoReturn:
    """Raise `TypeError` for keywords that a method does not have, with what to do instead.

    A decorator would do, but between the caller and the method: warnings would point to it.
    """
    name = next(iter(others))
    known = ["X", "abstain"] if method == "predict" else ["X"]
    raise TypeError(unexpected(f"FastTextClassifier.{method}", name, known, of="predict"))


def _not_of_one_pass(given: Mapping[str, Any], vectors: Any) -> list[Remark]:
    """Return what to say of parameters that `partial_fit` has no use for."""
    names = [
        name
        for name in ("epochs", "schedule", "warmup", "averaging", "patience", RATE, ACCURACY)
        if given.get(name)
    ]
    names += ["pretrained_vectors"] * (vectors is not None)
    why = "has no effect on partial_fit, which makes one pass at a constant lr"
    return [Remark(name, why) for name in names]


def load(path: str | os.PathLike[str], mmap: bool | None = None) -> FastTextClassifier:
    """Read a model file; see `FastTextClassifier.load`."""
    return FastTextClassifier.load(path, mmap)
