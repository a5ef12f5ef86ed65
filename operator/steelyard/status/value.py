"""A value that was read, as the core has it; what is not known stays so."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import TypeVar

from steelyard.core.statistics.interval import Interval

E = TypeVar("E", bound=Enum)


def word(kind: type[E], value: str | None) -> E | None:
    """The member of that value; None where there is none, as for a word of another version."""
    try:
        return kind(value)
    except ValueError:
        return None


def real(value: Decimal | None) -> float | None:
    """As a float."""
    return None if value is None else float(value)


def interval(point: Decimal | None, lower: Decimal | None, upper: Decimal | None) -> Interval | None:
    """None where one of its three figures is not known, or they are not in order."""
    if point is None or lower is None or upper is None or not lower <= point <= upper:
        return None
    return Interval(float(point), float(lower), float(upper))
