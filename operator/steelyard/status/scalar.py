"""Numbers and times as a status has them: decimal strings of at most six significant digits, and RFC 3339."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from steelyard.api.status_values import EXACT_MAX
from steelyard.status.raw import Raw
from steelyard.status.read.field import YEARS

LARGEST = 1e12 - 1
"""The largest number that a decimal of the API can hold."""
MESSAGE = 1000
"""Characters of a sentence for people that a status keeps: the API takes no more than 1,024."""


def decimal(value: float) -> str:
    """Six significant digits of what is less than a million, whole numbers above; never in exponent form, and cut to what the API holds."""
    if abs(value) > LARGEST:
        value = math.copysign(LARGEST, value)
    text = f"{value:.6g}"
    if "e" in text:
        text = f"{value:.0f}" if abs(value) >= 1 else f"{value:.12f}".rstrip("0").rstrip(".")
    return text or "0"


def decimals(**values: float | None) -> Raw:
    """Fields with their numbers; what is not known, or is no number, is left out."""
    return {field: decimal(value) for field, value in values.items() if value is not None and not math.isnan(value)}


def count(value: float) -> int:
    """A whole number, cut to what the API holds."""
    return round(min(max(value, 0), EXACT_MAX))


def time_text(moment: datetime) -> str:
    """RFC 3339 in UTC with milliseconds."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def time_of(text: str) -> datetime:
    """The moment; ValueError if it is not RFC 3339, or not of these `YEARS`."""
    moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.year not in YEARS:
        raise ValueError(f"{text} is not in the years {YEARS[0]} to {YEARS[-1]}")
    return moment


def all_decimals(**values: float) -> Raw:
    """Fields with their numbers; empty where one of them is no number, without which the others could not be read back."""
    told = decimals(**values)
    return told if len(told) == len(values) else {}
