"""The reference: what must be paid at least in queues, by one who knows every rate and every outage in advance and may miss as much.

It knows no single request: like any policy it bears the share of late answers that chance makes at a rate (`waiting`), with an equal share
for each ready replica. It orders each start-up so that it ends in the step that needs it. So only the counts of ready replicas are to be
chosen: a replica more in step t costs its start-up before t, one less its drain from t on. At a price for a missed request that leaves one
dynamic programme over the counts of all pools, which is solved exactly; its value less price x allowed misses is a lower bound at every
price (Lagrangian duality; Geoffrion 1974), and the best of some prices is taken. The counts at the start are free of charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bench.loop.waiting import Law, Reals, Whole

HOUR = 3600.0
SWEEP = np.geomspace(1, 10_000, 7)
"""Prices of a missed request that are tried first, times the least that serving a request costs."""
CLOSER = (0.5, 0.25, 0.125)
"""Then those on either side of the best of them, so far apart in steps of SWEEP."""
FEW = 5e-5
"""A pool that answers so few requests late needs no replica more."""
DEARER = 1.5
"""Times the cheapest pool that is safe in this sense: more is never spent at once."""
ROUND = 4
"""The array of counts has a length of a multiple of this, so that it seldom changes."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Place:
    """T steps of `seconds`, P pools. rates: (T,) requests per second. prices: (T, P) money per hour. limits: (T, P) replicas. laws: (P,) of what one
    replica answers too late. startup, drain: (P,) seconds."""

    seconds: float
    rates: Reals
    prices: Reals
    limits: Whole
    laws: Sequence[Law]
    startup: Sequence[float]
    drain: Sequence[float]

    @property
    def requests(self) -> float:
        """That are expected in all."""
        return float(self.rates.sum() * self.seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """prices: (M,) money of a missed request; values: (M,) least cost and price of what is missed, of any policy."""

    requests: float
    prices: Reals
    values: Reals

    def at(self, missed: float) -> float:
        """Money that any policy pays that misses no more than this part of the requests."""
        return max(0.0, float((self.values - self.prices * missed * self.requests).max()))


def reference(place: Place, allowed: Sequence[float]) -> Reference:
    """Valid at any part missed, and sharp at these."""
    prices = _least_price(place) * SWEEP
    values = _values(place, prices)
    ratio = SWEEP[1] / SWEEP[0]
    for closer in CLOSER:
        best = {float(prices[int((values - prices * part * place.requests).argmax())]) for part in allowed}
        more = np.array(sorted({price * ratio**away for price in best for away in (-closer, closer)}))
        prices, values = np.append(prices, more), np.append(values, _values(place, more))
    return Reference(requests=place.requests, prices=prices, values=values)


def _least_price(place: Place) -> float:
    """Of serving one request: a replica that is always busy."""
    return float((place.prices.min(axis=0) / [law.most(1.0) for law in place.laws]).min() / HOUR)


def _values(place: Place, prices: Reals) -> Reals:
    """(M,) of each price of a missed request: least cost and price of what is missed.

    The state is the number of ready replicas of each pool; the array has a dimension for each, and the last one for the prices.
    """
    caps, walls = _caps(place), _ready_limits(place)
    ups, downs = _sums(place, [-s for s in place.startup]), _sums(place, place.drain)
    value: Reals = np.zeros([*(caps[0] + 1), prices.size])
    for p, wall in enumerate(walls[0]):
        np.moveaxis(value, p, 0)[wall + 1 :] = np.inf
    for step in range(place.rates.size):
        wide = _resized(value, np.maximum(caps[step], np.array(value.shape[:-1]) - 1), prices.size)
        for p, wall in enumerate(walls[step]):
            along = np.moveaxis(wide, p, 0)
            if wall + 1 < len(along):
                # A limit that falls takes what is above it, and that drains free of charge.
                along[wall] = along[wall:].min(axis=0)
            _change(along, ups[step, p], downs[step, p])
            along[wall + 1 :] = np.inf
        value = _resized(wide, caps[step], prices.size)
        value += _step_cost(place, step, value.shape[:-1], prices)
    least: Reals = value.reshape(-1, prices.size).min(axis=0)
    return least


def _resized(value: Reals, caps: Whole, many: int) -> Reals:
    """The same as far as it goes; what is new cannot be yet."""
    shape = [*(caps + 1), many]
    if list(value.shape) == shape:
        return value
    made: Reals = np.full(shape, np.inf)
    common = tuple(slice(0, min(a, b)) for a, b in zip(value.shape, shape, strict=True))
    made[common] = value[common]
    return made


def _change(value: Reals, up: float, down: float) -> None:
    """Reach each count from every other: `up` for a replica more, `down` for one less. By 1, 2, 4 ... at once, which sum to any change."""
    by = 1
    while by < len(value):
        np.minimum(value[by:], value[:-by] + by * up, out=value[by:])
        np.minimum(value[:-by], value[by:] + by * down, out=value[:-by])
        by *= 2


def _step_cost(place: Place, step: int, shape: Sequence[int], prices: Reals) -> Reals:
    """Of every count: the replicas' pay, and the price of what is late."""
    pools, rate = range(len(shape)), float(place.rates[step])
    counts = [np.arange(shape[p]).reshape([-1 if d == p else 1 for d in pools]) for p in pools]
    together = sum(counts, start=np.zeros(shape, dtype=np.int64))
    some = np.maximum(np.arange(together.max() + 1), 1)
    missed: Reals = np.where(together == 0, 1.0, 0.0)
    for p in pools:
        missed += counts[p] * (place.laws[p].late(rate / some) / some)[together]
    paid = sum((counts[p] * (float(place.prices[step, p]) * place.seconds / HOUR) for p in pools), start=np.zeros(1))
    cost: Reals = paid[..., None] + missed[..., None] * (rate * place.seconds * prices)
    return cost


def _caps(place: Place) -> Whole:
    """(T, P) replicas that are worth a thought: no more than the pool alone needs to answer all in time, nor than are dearer by far than that
    is on another pool; at the highest rate within the time that a start and a drain take, for what is needed again so soon stays."""
    around = int(np.ceil(max(u + d for u, d in zip(place.startup, place.drain, strict=True)) / place.seconds))
    most = np.array(place.rates)
    for by in range(1, around + 1):
        most[by:] = np.maximum(most[by:], place.rates[:-by])
        most[:-by] = np.maximum(most[:-by], place.rates[by:])
    walls = _ready_limits(place)
    need = np.stack([np.ceil(most / law.most(FEW)) for law in place.laws], axis=1) + 1
    safe = np.where(need <= walls, need * place.prices, np.inf).min(axis=1, keepdims=True)
    caps = np.minimum(need, np.where(np.isfinite(safe), np.ceil(DEARER * safe / place.prices), need))
    rounded = np.ceil((np.maximum(caps, 1) + 1) / ROUND) * ROUND - 1
    within: Whole = np.minimum(rounded, np.maximum(place.limits.max(axis=0), 1)).astype(np.int64)
    return within


def _ready_limits(place: Place) -> Whole:
    """(T, P) replicas that can be ready: each was within the limit through its start-up, but for those of the beginning."""
    most = np.array(place.limits)
    for p, startup in enumerate(place.startup):
        for back in range(1, round(startup / place.seconds) + 1):
            most[back:, p] = np.minimum(most[back:, p], place.limits[:-back, p])
    return most


def _sums(place: Place, spans: Sequence[float]) -> Reals:
    """(T, P) money of one replica of each pool for so many seconds from the beginning of step t, or before it where they are less than 0."""
    paid = np.concatenate((np.zeros((1, len(spans))), np.cumsum(place.prices * (place.seconds / HOUR), axis=0)))
    edges = np.arange(len(paid)) * place.seconds
    sums = np.empty_like(place.prices)
    for p, span in enumerate(spans):
        there = np.interp(edges[:-1] + span, edges, paid[:, p])
        sums[:, p] = np.abs(there - paid[:-1, p])
    return sums
