"""Text of the cluster as it may be shown in a terminal."""

from __future__ import annotations

import re
from typing import Any

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]+")
"""Messages carry log lines of tenants' containers; none of them may move the reader's cursor or turn the text around."""


def plain(value: str) -> str:
    """One line without control characters."""
    return _CONTROL.sub(" ", value).strip()


def cleaned(value: Any) -> Any:
    """JSON with all its texts plain."""
    if isinstance(value, str):
        return plain(value)
    if isinstance(value, dict):
        return {key: cleaned(each) for key, each in value.items()}
    return [cleaned(each) for each in value] if isinstance(value, list) else value
