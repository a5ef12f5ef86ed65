"""What the nodes that a workload ran on cost over some days, by what for, and what the bill has for them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from math import fsum

from steelyard.core.economics.bill import BillLine
from steelyard.core.economics.ledger import Component
from steelyard.core.economics.node_cost import HOUR, NodeCost, Part
from steelyard.core.economics.reconcile import by_day, reconcile
from steelyard.core.economics.reconciliation import Cause, NodeDay, Reconciliation, Row

HOURS_A_DAY = 24
LEAST = 1 / 60
"""Hours of a day without a record that are worth a word: a node is seen a round after it joined."""


class Purpose(StrEnum):
    """What money for a node was for, as one workload sees it. All of them sum to the node's cost."""

    USED = "Used"
    """The workload's own pods."""
    IDLE = "Idle"
    """Part of ready nodes that nobody asked for."""
    START = "Start"
    """Nodes before they are ready."""
    MOVES = "Moves"
    """Pods that only a move or an exploration of the workload needs."""
    TRIALS = "Trials"
    """Pods of its AcceleratorTrials and exit drills."""
    SHARED = "Shared"
    """Agents of the nodes, and compiles."""
    OTHER_WORKLOADS = "OtherWorkloads"
    OTHERS = "Others"
    """Pods of somebody else."""
    UNTOLD = "Untold"
    """Of records that do not say what for."""


_MINE = {Component.ALLOCATED: Purpose.USED, Component.TRANSITION: Purpose.MOVES, Component.TRIAL: Purpose.TRIALS}
_NOBODYS = {
    Component.IDLE: Purpose.IDLE,
    Component.OVERHEAD: Purpose.START,
    Component.SHARED: Purpose.SHARED,
    Component.OTHERS: Purpose.OTHERS,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What the bill has for node-days, and the ledger for the same ones. `causes`: ledger less bill. `hours`: None where the bill does not tell.
    `missing`: money of the ledger for node-days that the bill does not have."""

    money: float
    ledger: float
    hours: float | None
    causes: Mapping[Cause, float]
    missing: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPeriod:
    """The priced node-days of one pool, or of all (None), on which the workload ran. `billed` None: there is no bill."""

    pool: str | None
    node_days: int
    unpriced: int
    """Node-days left out, because the ledger has no price for them."""
    hours: float
    money: Mapping[Purpose, float]
    billed: Billed | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """By pool, and of all together. `gaps`: hours of each day of which the ledger has no record of any node, by day. `bill`: all that came of comparing
    the ledger with it; None without one."""

    first: date
    last: date
    pools: tuple[PoolPeriod, ...]
    together: PoolPeriod
    gaps: Mapping[date, float]
    bill: Reconciliation | None


def period(
    records: Iterable[NodeCost],
    workload: str,
    *,
    bill: tuple[Iterable[BillLine], str] | None = None,
    since: date = date.min,
    until: date = date.max,
) -> Period:
    """On the days (UTC) from `since` to `until` of which the ledger has any. Whole node-days: a machine on a day on which the workload
    (namespace/name) had a part of it.

    bill: its lines, which are read once, and the ledger's currency. ValueError where the ledger has nothing of the workload.
    """
    booked = {key: mine for key, mine in by_day(records).items() if since <= key.day <= until}
    mine = {key: found for key, found in sorted(booked.items()) if any(part.workload == workload for each in found for part in each.parts)}
    if not mine:
        raise ValueError(f"the ledger has no cost of the workload {workload} on these days")
    found = None
    if bill is not None:
        found = reconcile(bill[0], [each for several in booked.values() for each in several], bill[1], since=since, until=until)
    rows = None if found is None else {row.key: row for row in (*found.matched, *found.only_ledger)}
    first, last = min(key.day for key in booked), max(key.day for key in booked)
    days = (first + timedelta(days=number) for number in range((last - first).days + 1))
    pools = sorted({several[-1].pool for several in mine.values()})
    return Period(
        first=first,
        last=last,
        pools=tuple(_pool(pool, {key: each for key, each in mine.items() if each[-1].pool == pool}, workload, rows) for pool in pools),
        together=_pool(None, mine, workload, rows),
        gaps={day: gap for day in days if (gap := _gap(day, booked)) > LEAST},
        bill=found,
    )


def _pool(pool: str | None, mine: Mapping[NodeDay, Sequence[NodeCost]], workload: str, rows: Mapping[NodeDay, Row] | None) -> PoolPeriod:
    priced = {key: several for key, several in mine.items() if all(each.cost is not None for each in several)}
    records = [each for several in priced.values() for each in several]
    by_purpose: dict[Purpose, list[float]] = {purpose: [] for purpose in Purpose}
    for each in records:
        for part in each.parts:
            by_purpose[_purpose(part, workload)].append(part.cost)
    money = {purpose: fsum(found) for purpose, found in by_purpose.items()}
    untold = fsum(each.cost or 0.0 for each in records) - fsum(money.values())
    return PoolPeriod(
        pool=pool,
        node_days=len(priced),
        unpriced=len(mine) - len(priced),
        hours=fsum(each.hours for each in records),
        # What is left of a sum of parts is chance of its additions.
        money={**money, Purpose.UNTOLD: untold if untold > 1e-9 * len(records) else 0.0},
        billed=None if rows is None else _billed([rows[key] for key in priced]),
    )


def _purpose(part: Part, workload: str) -> Purpose:
    if part.workload and part.workload != workload:
        return Purpose.OTHER_WORKLOADS
    return (_MINE if part.workload else _NOBODYS).get(part.component, Purpose.UNTOLD)


def _billed(rows: Sequence[Row]) -> Billed:
    both = [row for row in rows if row.theirs is not None]
    hours = [row.billed_hours for row in both]

    def total(read: Callable[[Row], float | None], of: Sequence[Row]) -> float:
        return fsum(read(row) or 0.0 for row in of)

    return Billed(
        money=total(lambda row: row.theirs, both),
        ledger=total(lambda row: row.ours, both),
        hours=None if not hours or None in hours else fsum(each or 0.0 for each in hours),
        causes={cause: fsum(row.causes[cause] for row in both) for cause in Cause},
        missing=total(lambda row: row.ours, [row for row in rows if row.theirs is None]),
    )


def _gap(day: date, booked: Mapping[NodeDay, Sequence[NodeCost]]) -> float:
    """Hours of the day in which no node is booked."""
    seen, end = 0.0, datetime.combine(day, time(), UTC)
    records = (each for key, several in booked.items() if key.day == day for each in several)
    for record in sorted(records, key=lambda each: each.start):
        seen += max(0.0, (record.end - max(record.start, end)) / HOUR)
        end = max(end, record.end)
    return max(0.0, HOURS_A_DAY - seen)
