"""Reading one field of raw JSON. None is "not known"; no default ever stands for it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

UNSHOWN = {"json": False}
"""Of a field that the operator computes with and commands do not show."""

YEARS = range(1000, 9000)
"""Of the times that are read: what is added to one of them, or taken away, is a time again."""


def text(raw: dict[str, Any], key: str) -> str | None:
    """As it stands; empty is None."""
    value = raw.get(key)
    return value if isinstance(value, str) and value else None


def whole(raw: dict[str, Any], key: str) -> int | None:
    """A count."""
    value = raw.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def number(raw: dict[str, Any], key: str) -> Decimal | None:
    """A decimal string, or a JSON number."""
    value = raw.get(key)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return None
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    return found if found.is_finite() else None


def truth(raw: dict[str, Any], key: str) -> bool | None:
    """True or False."""
    value = raw.get(key)
    return value if isinstance(value, bool) else None


def moment(raw: dict[str, Any], key: str) -> datetime | None:
    """An RFC 3339 time, or a date (its midnight UTC)."""
    value = raw.get(key)
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        return None
    if found.year not in YEARS:
        return None
    if found.tzinfo is UTC:
        return found
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def part(raw: dict[str, Any], key: str) -> dict[str, Any]:
    """A nested object; empty when absent."""
    value = raw.get(key)
    return value if isinstance(value, dict) else {}


def parts(raw: dict[str, Any], key: str) -> tuple[dict[str, Any], ...]:
    """A list of objects; empty when absent."""
    value = raw.get(key)
    return tuple(item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
