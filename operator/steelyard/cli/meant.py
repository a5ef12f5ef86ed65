"""What a person may have meant who wrote a name that is not there."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def meant(word: str, known: Iterable[str]) -> str | None:
    """A question that names what is like it; None where nothing is."""
    close = get_close_matches(word, list(known), n=5)
    return f"did you mean {' or '.join(close)}?" if close else None
