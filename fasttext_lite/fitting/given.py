"""What a user gave and has no effect is said: settings, lines of dictionaries, stop words."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from fasttext_lite.config.analyzers import ANALYZERS
from fasttext_lite.config.effects import Remark, hardly_with_effect, without_effect
from fasttext_lite.config.fields import Config

logger = logging.getLogger("fasttext_lite")


class Adviser:
    """Says each thing once.

    Parameters
    ----------
    spell : callable, optional
        Makes the name of a parameter what the user knows: a flag.
    """

    def __init__(self, spell: Callable[[str], str] = str) -> None:
        self.spell = spell
        self.said: set[str] = set()

    def say(self, *remarks: Remark | None) -> None:
        """Log remarks, those that were not yet."""
        for remark in remarks:
            line = "" if remark is None else remark.line(self.spell)
            if line and line not in self.said:
                self.said.add(line)
                logger.warning("%s", line)

    def look_before(self, config: Config, given: Mapping[str, Any], are_cut: bool = False) -> None:
        """Say what can be told before training.

        Parameters
        ----------
        config : Config
            Before it is resolved.
        given : mapping
            The settings that the user gave, by name.
        are_cut : bool
            Whether the texts are lists of tokens: no analyzer makes them.
        """
        self.say(*without_effect(config, given))
        if are_cut:
            return
        self.say(*hardly_with_effect(config, given))
        from fasttext_lite.text.unmatched import unmatched_lines, unmatched_stop_words

        if config.stop_words:
            self.say(unmatched_stop_words(config, given.get("stop_words")))
        if config.user_dictionary:
            self.say(unmatched_lines(config))
        elif ANALYZERS[config.analyzer].segments and not config.dictionary:
            self.say(_module_words())

    def look_after(
        self, config: Config, given: Mapping[str, Any], n_labels: int | None = None
    ) -> None:
        """Say what the settings that were chosen, `config`, leave without effect."""
        self.say(*without_effect(config, given, n_labels))


def _module_words() -> Remark | None:
    from fasttext_lite.segmenter.module import module_changes

    found = module_changes()
    if not found:
        return None
    return Remark(
        "",
        f"the module jieba has {found}, which the analyzers here do not see: a model holds what it "
        "needs; give them as user_dictionary or dictionary",
    )
