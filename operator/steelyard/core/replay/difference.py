"""Where two plain values differ: the same words and whole numbers, and floats to 1e-9."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import isclose
from typing import Any

TOLERANCE = 1e-9
"""Relative. Another processor, or another version of numpy, may add in another order."""


EMPTY: tuple[Any, ...] = (None, [], {})


@dataclass(frozen=True, slots=True)
class Difference:
    """`where` is the path to it; None stands for what is not there."""

    where: str
    was: Any
    found: Any


def differences(was: Any, found: Any, where: str = "") -> Iterator[Difference]:
    """In order of the first value, then what only the second has. A field that is newer than the record and holds nothing is no difference."""
    if isinstance(was, dict) and isinstance(found, dict):
        for key in [*was, *(key for key in found if key not in was and found[key] not in EMPTY)]:
            yield from differences(was.get(key), found.get(key), f"{where}.{key}" if where else key)
    elif isinstance(was, list) and isinstance(found, list):
        for index in range(max(len(was), len(found))):
            one, other = (each[index] if index < len(each) else None for each in (was, found))
            yield from differences(one, other, f"{where}[{index}]")
    elif not _same(was, found):
        yield Difference(where, was, found)


def _same(was: Any, found: Any) -> bool:
    if isinstance(was, float) and isinstance(found, float):
        return was == found or isclose(was, found, rel_tol=TOLERANCE) or (was != was and found != found)  # noqa: PLR0124 - NaN
    return type(was) is type(found) and bool(was == found)
