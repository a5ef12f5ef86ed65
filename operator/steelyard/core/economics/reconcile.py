"""Match a bill's lines with the ledger's records, by machine and day."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from math import fsum

from steelyard.core.economics.bill import BillLine, resource_key
from steelyard.core.economics.money import Money
from steelyard.core.economics.node_cost import HOUR, NodeCost, distinct
from steelyard.core.economics.reconciliation import TOLERANCE, Cause, NodeDay, NotANode, PoolSum, Reconciliation, Row
from steelyard.core.facts.price import PriceClass

DAY = timedelta(days=1)


@dataclass(slots=True)
class _Charged:
    """What the bill says of a node-day."""

    effective: float = 0.0
    contracted: float | None = 0.0
    periods: dict[tuple[datetime, datetime], float] = field(default_factory=dict)

    def take(self, line: BillLine, part: float, start: datetime, end: datetime) -> None:
        self.effective += line.effective.amount * part
        if self.contracted is None or line.contracted is None:
            self.contracted = None
        else:
            self.contracted += line.contracted.amount * part
        if line.hours is not None:
            self.periods[start, end] = self.periods.get((start, end), 0.0) + line.hours * part

    @property
    def hours(self) -> float | None:
        """A machine is charged by several lines of one period, for its cores, or for what a commitment covers of it."""
        return fsum(min(hours, (end - start) / HOUR) for (start, end), hours in self.periods.items()) if self.periods else None


def reconcile(
    lines: Iterable[BillLine],
    records: Iterable[NodeCost],
    currency: str,
    *,
    ours: Callable[[BillLine], bool] = lambda _: False,
    since: date = date.min,
    until: date = date.max,
) -> Reconciliation:
    """Match the bill's lines with the ledger's records, on the days (UTC) from `since` to `until` of which the ledger has any.

    currency: the ledger's. ours: whether a line is of this installation's nodes, for example by a tag; without it a machine that the ledger
    does not know is taken for somebody else's. `lines` is read once and not kept. ValueError without a record.
    """
    booked = {key: mine for key, mine in by_day(records).items() if since <= key.day <= until}
    if not booked:
        raise ValueError("the ledger has no record of a node on these days")
    days = {key.day for key in booked}
    known = {key.resource: mine[-1] for key, mine in sorted(booked.items())}
    charged: dict[NodeDay, _Charged] = {}
    left = dict.fromkeys(NotANode, 0.0)
    foreign: dict[str, float] = {}
    effective = billed = 0.0
    for line in lines:
        if line.effective.currency != currency:
            foreign[line.effective.currency] = foreign.get(line.effective.currency, 0.0) + line.effective.amount
            continue
        effective += line.effective.amount
        billed += line.billed.amount
        mine = line.resource is not None and (line.resource in known or ours(line))
        kind = _not_a_node(line, mine=mine)
        if kind is not None or line.resource is None:
            left[kind or NotANode.OTHER_RESOURCE] += line.effective.amount
            continue
        for day, part, start, end in _days(line):
            key = NodeDay(line.resource, day)
            if day in days:
                charged.setdefault(key, _Charged()).take(line, part, start, end)
            else:
                left[NotANode.OTHER_DAY] += line.effective.amount * part
    rows = [_row(key, booked.get(key, ()), charged.get(key), known.get(key.resource)) for key in sorted({*booked, *charged})]
    return Reconciliation(
        currency=currency,
        pools=_pools(rows),
        matched=tuple(r for r in rows if r.pool is not None and r.theirs is not None),
        only_ledger=tuple(r for r in rows if r.theirs is None),
        only_bill=tuple(r for r in rows if r.pool is None),
        left=left,
        foreign=tuple(Money(amount, code) for code, amount in sorted(foreign.items())),
        effective=effective,
        billed=billed,
    )


def _not_a_node(line: BillLine, *, mine: bool) -> NotANode | None:
    """Why the line is compared with nothing; None where it is a node's hours."""
    if line.unused:
        return NotANode.UNUSED_COMMITMENT
    if line.correction:
        return NotANode.CORRECTION
    if line.category != "Usage":
        return NotANode.OTHER_CATEGORY
    if not mine:
        return NotANode.OTHER_RESOURCE
    return None if line.timed else NotANode.BESIDE_HOURS


def by_day(records: Iterable[NodeCost]) -> dict[NodeDay, list[NodeCost]]:
    """The records cut at midnight (UTC)."""
    found: dict[NodeDay, list[NodeCost]] = {}
    for record in distinct(records):
        rest = record
        while True:
            midnight = _midnight(rest.start) + DAY
            mine = found.setdefault(NodeDay(resource_key(rest.resource), rest.start.astimezone(UTC).date()), [])
            if rest.end <= midnight:
                mine.append(rest)
                break
            mine.append(rest.until(midnight))
            rest = rest.since(midnight)
    return found


def _days(line: BillLine) -> list[tuple[date, float, datetime, datetime]]:
    """(day, fraction of the line, start, end): a charge over several days is spread evenly."""
    cuts = [line.start]
    while (midnight := _midnight(cuts[-1]) + DAY) < line.end:
        cuts.append(midnight)
    cuts.append(line.end)
    whole = line.end - line.start
    return [(first.date(), (last - first) / whole, first, last) for first, last in pairwise(cuts)]


def _midnight(moment: datetime) -> datetime:
    return datetime.combine(moment.astimezone(UTC).date(), time(), UTC)


def _row(key: NodeDay, records: Sequence[NodeCost], charged: _Charged | None, known: NodeCost | None) -> Row:
    """`known`: a record of the machine on any day. On a day without one it cost the ledger nothing: it boots before midnight, and joins
    after it."""
    costs = [r.cost for r in records if r.cost is not None]
    ours = fsum(costs) if known is not None and len(costs) == len(records) else None
    hours = fsum(r.hours for r in records)
    classes = [r.price_class for r in records or ([known] if known else []) if r.price_class is not None]
    order = list(PriceClass)
    return Row(
        key=key,
        node=known.node if known else "",
        pool=known.pool if known else None,
        price_class=max(classes, key=order.index) if classes else None,
        ours=ours,
        theirs=charged.effective if charged else None,
        hours=hours,
        billed_hours=charged.hours if charged else None,
        causes={} if ours is None or charged is None else _causes(ours, hours, charged),
    )


def _causes(ours: float, hours: float, charged: _Charged) -> Mapping[Cause, float]:
    """The difference in steps: the ledger's hours to the bill's at the ledger's rate, that rate to the bill's, and then the commitment."""
    if hours <= 0:
        return {Cause.HOURS: ours - charged.effective, Cause.PRICE_CLASS: 0.0, Cause.COMMITMENT: 0.0}
    at_their_hours = ours if charged.hours is None else ours / hours * charged.hours
    before_commitment = charged.effective if charged.contracted is None else charged.contracted
    return {
        Cause.HOURS: ours - at_their_hours,
        Cause.PRICE_CLASS: at_their_hours - before_commitment,
        Cause.COMMITMENT: before_commitment - charged.effective,
    }


def _pools(rows: Sequence[Row]) -> tuple[PoolSum, ...]:
    sums = []
    for pool in sorted({r.pool for r in rows if r.pool is not None}):
        mine = [r for r in rows if r.pool == pool and r.difference is not None]
        asked = [TOLERANCE[r.price_class] for r in mine if r.price_class is not None and r.price_class in TOLERANCE]
        sums.append(
            PoolSum(
                pool=pool,
                node_days=len(mine),
                unpriced=sum(1 for r in rows if r.pool == pool and r.ours is None),
                ours=fsum(r.ours for r in mine if r.ours is not None),
                theirs=fsum(r.theirs for r in mine if r.theirs is not None),
                causes={cause: fsum(r.causes[cause] for r in mine) for cause in Cause},
                tolerance=max(asked) if asked and len(asked) == len(mine) else None,
            )
        )
    return tuple(sums)
