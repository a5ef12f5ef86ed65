"""From one status to the next: what is written where something differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.status.raw import Raw


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Raw | None:
    """A merge patch from one status to the other: changed fields whole, vanished ones null, at any depth, since an API server merges objects within
    objects (RFC 7386); None where they say the same.

    Condition times count as the same while the conditions do: they are copied.
    """
    patch: Raw = {
        field: _instead(old.get(field), value)
        for field, value in new.items()
        if old.get(field) != value and not (not value and field not in old)
    }
    patch |= {field: None for field in old if field not in new}
    return patch or None


def _instead(old: Any, new: Any) -> Any:
    """The new one, with null for each field of the old one that it leaves out."""
    if not (isinstance(old, Mapping) and isinstance(new, Mapping)):
        return new
    return {**dict.fromkeys(old), **{field: _instead(old.get(field), value) for field, value in new.items()}}
