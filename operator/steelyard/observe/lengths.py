"""How long a placement's requests were: the histograms of all its pods together."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce

from steelyard.core.facts.probe import Lengths
from steelyard.core.statistics.histogram import Buckets, added


def lengths(tokens: Iterable[tuple[Buckets | None, Buckets | None]]) -> Lengths | None:
    """Of (input, output) by pod, where a pod tells; None where none tells, nothing was asked, or two tell by different edges."""
    told = list(tokens)
    inputs, outputs = (_together(each[which] for each in told) for which in (0, 1))
    return Lengths(input=inputs, output=outputs) if inputs else None


def _together(each: Iterable[Buckets | None]) -> tuple[tuple[float, int], ...]:
    nothing: Buckets | None = {}
    total = reduce(added, (buckets for buckets in each if buckets), nothing)
    return tuple(sorted(total.items())) if total and max(total.values()) else ()
