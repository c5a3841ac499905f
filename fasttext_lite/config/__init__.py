"""Every choice, once: the settings, what the recipe makes of those left open, and presets."""

from typing import TYPE_CHECKING

from fasttext_lite.faces import face

__all__ = ["Config"]

if TYPE_CHECKING:
    from fasttext_lite.config.fields import Config

__getattr__, __dir__ = face(__name__, {"Config": "fasttext_lite.config.fields"})
