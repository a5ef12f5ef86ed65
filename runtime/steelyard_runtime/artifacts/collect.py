"""Removing artifacts that nothing refers to any more and that nobody has written for a while.

Nothing here knows what refers to an artifact: whoever asks says what to keep. Age protects what was published after that was found out.
"""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime

from steelyard_runtime.artifacts.store import Store, Stored


@dataclass(frozen=True, slots=True)
class Judged:
    """A key that is in the store, and what becomes of it."""

    stored: Stored
    kept: str | None
    """Why it stays; None where it goes."""


def collect(store: Store, keep: Collection[str], before: datetime, *, remove: bool) -> Iterator[Judged]:
    """Judge every key of the store, and remove what goes if asked to. `before`: what was written since stays in any case."""
    for stored in sorted(store.stored(), key=lambda each: each.modified):
        if stored.key in keep:
            kept = "it is referred to"
        elif stored.modified >= before:
            kept = "it is too young"
        else:
            kept = None
        if kept is None and remove:
            store.remove(stored.key)
        yield Judged(stored, kept)
