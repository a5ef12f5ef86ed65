"""From one status to the next: what is written where something differs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from steelyard.status.raw import Raw


def changes(old: Mapping[str, Any], new: Mapping[str, Any]) -> Raw | None:
    """A merge patch from one status to the other: changed fields whole, vanished ones null; None where they say the same.

    Condition times count as the same while the conditions do: they are copied.
    """
    patch: Raw = {field: value for field, value in new.items() if old.get(field) != value and not (not value and field not in old)}
    patch |= {field: None for field in old if field not in new}
    return patch or None
