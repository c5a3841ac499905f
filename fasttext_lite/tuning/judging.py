"""What trials are judged on where no validation data are given: a part set aside, or folds.

Data only: the help of the command line shows it.
"""

from __future__ import annotations

VALID_SHARE = 0.1  # of the texts, set aside

# With fewer texts set aside than this, chance decides among the trials: the standard error of an
# accuracy of 0.85 is 0.016 with 500 texts, 0.03 with 150. Then each trial is cross-validated, and
# all texts judge it: with 1,500 the error is 0.009, at the price of so many trainings.
LEAST_ASIDE = 500
FOLDS = 5


def choose_folds(n_texts: int) -> int:
    """Return the number of folds that trials are judged by; 1: a part set aside."""
    return FOLDS if VALID_SHARE * n_texts < LEAST_ASIDE else 1


# Of the time of a search, to give texts without labels what to learn of them, in each fold anew;
# folds that take longer are left out.
TEACHING_SHARE = 0.4
