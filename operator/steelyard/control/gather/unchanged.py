"""Whether what was made of some objects still stands: the store gives the same object for as long as it has not changed."""

from __future__ import annotations

from collections.abc import Sequence
from operator import is_


def unchanged(before: Sequence[object], now: Sequence[object]) -> bool:
    """Whether both are the same objects, in the same order."""
    return len(before) == len(now) and all(map(is_, before, now))
