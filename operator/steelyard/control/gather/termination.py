"""The last word of a container: the JSON that the runtime leaves as its termination message (`steelyard_runtime/termination.py`)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def last_word(ended: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What a `terminated` state of a container says; empty where it says nothing, or nothing of ours."""
    if not ended or not ended.get("message"):
        return {}
    try:
        found = json.loads(ended["message"])
    except (ValueError, RecursionError):  # a pod may say anything
        return {}
    return found if isinstance(found, dict) else {}
