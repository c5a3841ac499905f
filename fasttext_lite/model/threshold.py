"""The threshold of probabilities that tuning has found: what ``--threshold tuned`` stands for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fasttext_lite.errors import bounded

TUNED = "tuned"  # in place of a number: the threshold that the model has
PAIRS = 100  # likeliest labels of each text that count, where the threshold is for all labels


@dataclass(frozen=True)
class Threshold:
    """A threshold, and what was measured with it.

    Attributes
    ----------
    value : float
        In [0, 1]: a label is given to a text where its probability reaches it. Of `label` alone,
        if there is one: see `decisions.decide_by`.
    metric : str
        What it is the best threshold for, as `tuning.metrics.Metric` names it.
    label : str, optional
        The only label that was looked at; default: all together.
    precision, recall : float
        Of the decisions on texts that were not trained on.
    n_texts : int
        Number of these.
    n_folds : int
        Above 1: they were judged by so many models, each trained on the others, and the final
        model is another one. 0: by the model itself. 1: by one that was trained without them,
        and the final model is another one.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    value: float
    metric: str
    label: str | None
    precision: float
    recall: float
    n_texts: int
    n_folds: int = 0

    def __post_init__(self) -> None:
        for name in ("value", "precision", "recall"):
            number = getattr(self, name)
            if type(number) not in (int, float) or not 0 <= number <= 1:
                raise ValueError(
                    bounded(f"the {name} of a threshold is out of range; got {number!r}")
                )
        for name in ("n_texts", "n_folds"):
            number = getattr(self, name)
            if type(number) is not int or not 0 <= number < 2**63:
                raise ValueError(bounded(f"the {name} of a threshold is no count; got {number!r}"))
        if not isinstance(self.metric, str) or not isinstance(self.label, str | None):
            raise ValueError("the metric of a threshold is unreadable")

    def most_labels(self, n_labels: int, multilabel: bool) -> int:
        """Return how many labels a text may get by it, of a model of so many labels.

        Where it is that of one label, the others are decided for as without it.
        """
        if self.label is None:
            return min(PAIRS, n_labels)
        return n_labels if multilabel else 1

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Threshold:
        """Return what `to_dict` was called of; raise `ValueError` or `TypeError` if it is none."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)

    def line(self, quantized: bool = False) -> str:
        """Return one line that says what it is, and what it was measured on.

        Parameters
        ----------
        quantized : bool
            Whether the model was quantised since: tuning finds none of a model that is.
        """
        judges = {0: "", 1: ", judged before the last training"}
        how = judges.get(self.n_folds, f", judged in {self.n_folds} folds")
        how += ", measured before quantisation" * quantized
        return (
            f"{self.value!r} for {self.metric}: precision {self.precision:.4f}, recall "
            f"{self.recall:.4f} ({self.n_texts:,} texts held out{how})"
        )
