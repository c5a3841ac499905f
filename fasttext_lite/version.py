"""The version of the package; nothing else, so that everybody may use it."""

__version__ = "0.1.0"
