"""One series of a Prometheus' answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Series:
    """Its newest sample: `at` in Unix seconds, and the value as it was sent."""

    name: str
    labels: Mapping[str, str]
    at: float
    value: str
