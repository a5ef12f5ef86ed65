"""How long, as people type it: 90s, 20m, 2h, 1d. Both ways."""

from __future__ import annotations

import argparse
import re

LENGTHS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"([0-9]{1,9})([dhms])")


def seconds(text: str) -> int:
    """Of an option."""
    found = _WRITTEN.fullmatch(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"must be a whole number with s, m, h or d, such as 90s, 20m or 2h; found {text!r}")
    return int(found[1]) * LENGTHS[found[2]]


def written(length: int) -> str:
    """By the largest unit that leaves no rest."""
    unit = next(unit for unit, each in LENGTHS.items() if length % each == 0 and (length or each == 1))
    return f"{length // LENGTHS[unit]}{unit}"
