"""A reading is fresh, stale or unknown. No number ever stands for "don't know"."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Fresh(Generic[T]):
    """A value young enough to act on. `at` is when it was true (UTC), not when it was fetched."""

    value: T
    at: datetime


@dataclass(frozen=True, slots=True)
class Stale(Generic[T]):
    """The last value known, too old (or too partial) to justify a voluntary action. `why` names the input."""

    value: T
    at: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Never read, or refused at the boundary. `why` names the input and what is wrong with it.

    `pending`: it could not have been read yet, so nothing is wrong with it.
    """

    why: str
    pending: bool = False


Reading: TypeAlias = Fresh[T] | Stale[T] | Unknown


def last_known(reading: Reading[T]) -> T | None:
    """The value of a fresh or stale reading; None when it was never known."""
    return None if isinstance(reading, Unknown) else reading.value
