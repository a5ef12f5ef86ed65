"""Of the places on one pool a plan has one: two variants of a model on the same nodes at the same price are never better than the better of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from math import inf

from steelyard.core.planning.option import Option


def one_place_each(options: Iterable[Option], standing: Mapping[str, int]) -> tuple[Option, ...]:
    """Of each pool the place with most replicas, else that with the cheapest requests, the pool's own before its variants. standing: replicas by place.
    Which of them is better is the workload's own question: no node changes hands by it."""
    best: dict[str, Option] = {}
    for option in options:
        pool = option.candidate.pool.of
        if pool not in best or _rank(option, standing) < _rank(best[pool], standing):
            best[pool] = option
    return tuple(best.values())


def _rank(option: Option, standing: Mapping[str, int]) -> tuple[int, float, str]:
    known = option.figures
    return -standing.get(option.pool, 0), known.per_request if known else inf, option.pool
