"""One of several promises by itself: how many requests missed it. A request is good if it keeps all; each promise allows a share of misses of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Missed(NamedTuple):
    """`late`: answered requests that are not known to have kept the promise of `metric`; `unsure`: those of them that may have. `allowed`: the fraction
    of all requests that may miss it, those that failed or were refused among them."""

    metric: str
    late: int
    unsure: int
    allowed: float


def all_missed(one: Sequence[Missed], other: Sequence[Missed], times: int = 1) -> tuple[Missed, ...]:
    """Both together, by promise; with times -1 what the first has more than the other. One that only one of them tells is as it is told."""
    if not other:
        return tuple(one)
    found = {each.metric: each for each in one}
    for each in other:
        had = found.get(each.metric, Missed(each.metric, 0, 0, each.allowed))
        found[each.metric] = had._replace(late=had.late + times * each.late, unsure=had.unsure + times * each.unsure)
    return tuple(found.values())
