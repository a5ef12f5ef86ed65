"""Saved against what would have been: the best single pool, or one mix throughout, for the same load at the same prices.

Honest in three ways. The counterfactual scales its replicas with the load, as sizing would; a fleet that stands at its peak all day is
easily beaten. The best single pool is the best in hindsight, which nobody could have known. And what was not measured is not counted: a
window in which an operand is missing counts on neither side, and is told.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from steelyard.core.facts.capacity import Capacity
from steelyard.core.planning.sizing import need
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Fresh, Reading, Unknown

UNBOUNDED = 10**6
"""Replicas: a counterfactual has no limits, so that it is never made expensive by them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """A pool as it could have been used in one window. `hourly`: money per hour of one replica. `capacity` None: nothing is known."""

    hourly: Reading[float]
    capacity: Capacity | None

    @property
    def unmeasured(self) -> str | None:
        """Why nothing can be said of it; None where it can."""
        if not isinstance(self.hourly, Fresh):
            return self.hourly.why
        if self.capacity is None or not self.capacity.observed:
            return "its capacity was claimed and never measured"
        if self.capacity.rate.lower <= 0:
            return "its capacity is not known to be more than 0"
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One window of the past. `demand`: requests per second that replicas were needed for. `actual`: money that the ledger booked on the
    workload, moves included; None where a part has no known price. `pools`: every pool that could have been used."""

    seconds: float
    demand: float
    actual: float | None
    pools: Mapping[str, Alternative]


@dataclass(frozen=True, slots=True, kw_only=True)
class Saving:
    """Money over the windows that count; negative where the counterfactual would have been cheaper. `against`: fractions of the load by
    pool. The interval is that of the capacities; they are off in all windows alike, so their bounds add up."""

    against: Mapping[str, float]
    money: Interval
    counterfactual: Interval
    actual: float
    counted_seconds: float
    left_out_seconds: float

    @property
    def sure(self) -> bool:
        """Whether it may be claimed: the interval does not cover 0."""
        return self.money.lower > 0


def against_mix(past: Sequence[Past], mix: Mapping[str, float], least: int = 1) -> Saving | Unknown:
    """Against one mix throughout, for example that of before the first move. mix: positive fractions of the load by pool, of sum 1.

    least: fewest replicas on all pools together, as the workload asks for; it is divided like the load, rounded up.
    """
    if not mix or abs(fsum(mix.values()) - 1) > 1e-9 or min(mix.values()) <= 0:
        raise ValueError(f"a mix divides the whole load: give positive fractions that sum to 1 (got {dict(mix)})")
    counted = [(window, cost) for window in past if window.actual is not None and (cost := _cost(window, mix, least)) is not None]
    if not counted:
        return Unknown(f"no window says what {' and '.join(sorted(mix))} would have cost: {_why(past, mix)}")
    would = Interval(*(fsum(getattr(cost, end) for _, cost in counted) for end in ("point", "lower", "upper")))
    actual = fsum(window.actual for window, _ in counted if window.actual is not None)
    seconds = fsum(window.seconds for window, _ in counted)
    return Saving(
        against=dict(sorted(mix.items())),
        money=Interval(would.point - actual, would.lower - actual, would.upper - actual),
        counterfactual=would,
        actual=actual,
        counted_seconds=seconds,
        left_out_seconds=fsum(window.seconds for window in past) - seconds,
    )


def against_best_single(past: Sequence[Past], least: int = 1) -> Saving | Unknown:
    """Against the pool that would have been cheapest of those measured in every window that is measured at all.

    A pool that was measured for a part of the time only is no rival: its good hours would be compared with everybody's bad ones.
    """
    known = [w for w in past if w.actual is not None and any(a.unmeasured is None for a in w.pools.values())]
    rivals = sorted({name for w in known for name in w.pools if all(name in k.pools and k.pools[name].unmeasured is None for k in known)})
    savings = [s for name in rivals if isinstance(s := against_mix(known, {name: 1.0}, least), Saving)]
    if not savings:
        return Unknown("no pool was measured throughout: there is nothing to compare with")
    best = min(savings, key=lambda s: (s.counterfactual.point, tuple(s.against)))
    left_out = fsum(w.seconds for w in past) - best.counted_seconds
    return Saving(
        against=best.against,
        money=best.money,
        counterfactual=best.counterfactual,
        actual=best.actual,
        counted_seconds=best.counted_seconds,
        left_out_seconds=left_out,
    )


def _cost(window: Past, mix: Mapping[str, float], least: int) -> Interval | None:
    """What the mix would have cost in one window; None where a pool of it was not measured."""
    ends = []
    for name, part in sorted(mix.items()):
        pool = window.pools.get(name)
        if pool is None or pool.unmeasured is not None or pool.capacity is None or not isinstance(pool.hourly, Fresh):
            return None
        rate, money = pool.capacity.rate, pool.hourly.value * window.seconds / 3600
        fewest = need(part * least, 1.0, 0, UNBOUNDED)
        ends.append([need(part * window.demand, c, fewest, UNBOUNDED) * money for c in (rate.point, rate.upper, rate.lower)])
    return Interval(*(fsum(end) for end in zip(*ends, strict=True)))


def _why(past: Sequence[Past], mix: Mapping[str, float]) -> str:
    for window in past:
        for name in sorted(mix):
            if name not in window.pools:
                return f"pool {name} is not among them"
            if (why := window.pools[name].unmeasured) is not None:
                return f"pool {name}: {why}"
    return "what was paid has no known price" if past else "there is no window"
