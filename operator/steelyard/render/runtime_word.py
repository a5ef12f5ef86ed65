"""The runtime's words for the API's: the two are versioned apart."""

from __future__ import annotations

from steelyard.core.vocabulary.task import SERVED


def task(word: str) -> str:
    """What the server is asked to do; a task it does not know travels on, and is refused there by name."""
    return SERVED.get(word, word)


def dtype(word: str) -> str:
    """Auto is the back end's own default."""
    return "default" if word == "Auto" else word


def quantization(word: str) -> str:
    """As the runtime spells it."""
    return word.lower()
