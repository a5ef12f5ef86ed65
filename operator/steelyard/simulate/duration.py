"""Lengths of time as people write them: seconds as a number, or 90s, 6h30m, 2d."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from steelyard.api.rule import BROKEN

_UNITS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = r"(\d+(?:\.\d+)?)([dhms])"


def seconds(value: Any) -> float:
    """Seconds of a number or of a text such as 1d12h. ValueError for anything else, and for less than 0."""
    if isinstance(value, int | float) and not isinstance(value, bool) and value >= 0:
        return float(value)
    if isinstance(value, str) and re.fullmatch(f"({_PART})+", value.strip()):
        return sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, value))
    raise ValueError(f"{value!r} is no length of time")


def _checked(value: Any) -> float:
    try:
        return seconds(value)
    except ValueError:
        raise PydanticCustomError(BROKEN, "{sentence}", {"sentence": "must be a length of time, such as 90, 15m, 6h30m or 2d"}) from None


Duration = Annotated[float, BeforeValidator(_checked), WithJsonSchema({"type": "string", "format": "duration"})]
"""Seconds, 0 or more."""
