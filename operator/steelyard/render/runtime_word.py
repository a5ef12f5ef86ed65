"""The runtime's words for the API's: the two are versioned apart."""

from __future__ import annotations

_TASKS = {"feature-extraction": "embeddings", "sentence-similarity": "embeddings"}
"""Hugging Face's task names, as users write them, and what the server does for them."""


def task(word: str) -> str:
    """What the server is asked to do; a task it does not know travels on, and is refused there by name."""
    return _TASKS.get(word, word)


def dtype(word: str) -> str:
    """Auto is the back end's own default."""
    return "default" if word == "Auto" else word


def quantization(word: str) -> str:
    """As the runtime spells it."""
    return word.lower()
