"""Figures are remembered with few significant digits: what is written to a status has to be read back the same, and noise is no news."""

from __future__ import annotations


def significant(value: float, digits: int = 4) -> float:
    """The value with so many significant digits."""
    return float(f"{value:.{digits}g}")
