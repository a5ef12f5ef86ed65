"""What a move has saved: what was paid for a while after it, against what the same good requests would have cost where it came from.

Both sides count replicas at what the bill changes by (`economics/replica_price.py`), over everything that served the workload, so that a move
of a part and one to a mix are measured alike. The interval is made of those of both sides, each by block bootstrap over windows.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import MoveKind, Outcome, PastMove, Realised
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.facts.window import Window
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.counting import units_in
from steelyard.core.statistics.interval import Interval, ratio_interval

LEAST_BEFORE = 4
"""Windows of what was before; of fewer a bootstrap sees no spread."""
WINDOWS = 16
"""Of what came after."""


def cost_before(seen: Analysis, begun: datetime) -> Interval | None:
    """Money per unit of the objective until a move was begun; None where too little of that time is still known."""
    unit = seen.snapshot.workload.unit
    rows = _spent(seen, unit, until=begun)
    return None if rows is None or len(rows) < LEAST_BEFORE else _per_unit(seen, rows, unit, "before")


def measured(seen: Analysis, history: tuple[PastMove, ...]) -> tuple[PastMove, ...]:
    """The history with what its last move has saved, once that has been seen for long enough; what is measured stays as it is."""
    if not history or seen.snapshot.memory.move is not None or not _is_awaited(history[-1]):
        return history
    saved = _realised(seen, history[-1])
    return history if saved is None else (*history[:-1], replace(history[-1], saved=saved))


def _is_awaited(past: PastMove) -> bool:
    """Revisions and rescues are not made to save."""
    return past.kind is MoveKind.REBALANCE and past.outcome is Outcome.MOVED and past.cost_before is not None and past.saved is None


def _realised(seen: Analysis, past: PastMove) -> Realised | None:
    rows = _spent(seen, past.unit, since=past.time)
    if rows is None or len(rows) < WINDOWS:
        return None
    after, before = _per_unit(seen, rows, past.unit, "after"), past.cost_before
    good, counted = sum(one.good for one in rows.values()), sum(one.units for one in rows.values())
    if after is None or before is None or good < seen.snapshot.workload.rebalancing.min_good_requests:
        return None
    units = counted / past.unit.per
    money = before.less(after).times(units)
    start = min(one.start for one in rows.values())  # of its first whole window, which begins after the move's end
    return Realised(money=money, paid=after.point * units, good=good, start=start, end=max(rows))


class _Spent(NamedTuple):
    """Money, good requests, and what the unit counts of them, since `start`."""

    cost: float
    good: int
    units: int
    start: datetime


def _per_unit(seen: Analysis, rows: Mapping[datetime, _Spent], unit: Unit, which: str) -> Interval | None:
    """Money per unit."""
    chance = random.Random(f"{seen.snapshot.workload.uid}/{which}/{max(rows).isoformat()}")
    return ratio_interval([(spent.cost * unit.per, spent.units) for _, spent in sorted(rows.items())], chance)


def _spent(seen: Analysis, unit: Unit, since: datetime | None = None, until: datetime | None = None) -> dict[datetime, _Spent] | None:
    """What was spent by the end of each window within a time; None where the cost of a pool that served then is not known, or its units are not
    told."""
    rows: dict[datetime, _Spent] = {}
    for key, windows in _windows(seen).items():
        option = seen.option(key.pool)
        for window in windows:
            if (since is not None and window.start < since) or (until is not None and window.end > until):
                continue
            units = units_in(window, unit)
            if option is None or option.each is None or units is None:
                return None
            before = rows.get(window.end, _Spent(0.0, 0, 0, window.start))
            cost = before.cost + window.replica_seconds / 3600 * option.each
            rows[window.end] = _Spent(cost, before.good + window.good, before.units + units, min(before.start, window.start))
    return rows


def _windows(seen: Analysis) -> Mapping[PlacementKey, tuple[Window, ...]]:
    """Of all placements, those included that are gone."""
    return dict(sorted({**{key: tuple(each) for key, each in seen.snapshot.past.items()}, **seen.read}.items()))
