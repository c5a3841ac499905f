"""The errors that a user can cause, each with one line that says what, where and what to do.

All derive from `ValueError`, so that code written against scikit-learn's conventions
catches them; the command line prints their message alone and exits with code 2.
"""


class InputError(ValueError):
    """Raised for labelled or unlabelled text that cannot be read; the message has path:line."""


class ModelError(ValueError):
    """Raised for a model file that is missing, corrupt, too new or of another kind."""


class TrainingError(ValueError):
    """Raised when training cannot start or diverges beyond repair."""


class UsageError(ValueError):
    """Raised for a mistake in the arguments of a command, which names the argument or file."""
