"""What each node cost, hour by hour, as the ledger booked it: the side of the ledger in the reconciliation with a bill.

The ledger's sums know no nodes. A record is kept open while the node is booked, and closed with its hour, its price or the node itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import NamedTuple

from steelyard.core.economics.ledger import Component, Ledger, NodeFact, parts_of, per_second, segments
from steelyard.core.facts.price import PriceClass

HOUR = timedelta(hours=1)


class Part(NamedTuple):
    """Money of a node's cost. `workload` (namespace/name) is empty for what is none's."""

    workload: str
    component: Component
    cost: float


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeCost:
    """One node in [start, end). `resource`: its spec.providerID, or what the bill calls it. `cost`: money, spread evenly over the time; None
    without a known price. `parts`: who that was for, which sums to it; empty where it is not told."""

    node: str
    resource: str
    pool: str
    instance_type: str
    start: datetime
    end: datetime
    cost: float | None
    price_class: PriceClass | None
    parts: tuple[Part, ...] = ()

    @property
    def hours(self) -> float:
        """Length."""
        return (self.end - self.start) / HOUR

    def since(self, moment: datetime) -> NodeCost:
        """The part from `moment` on."""
        return self._within(moment, self.end)

    def until(self, moment: datetime) -> NodeCost:
        """The part before `moment`."""
        return self._within(self.start, moment)

    def _within(self, start: datetime, end: datetime) -> NodeCost:
        part = (end - start) / (self.end - self.start)
        return replace(
            self,
            start=start,
            end=end,
            cost=None if self.cost is None else self.cost * part,
            parts=tuple(each._replace(cost=each.cost * part) for each in self.parts),
        )


def booked(
    still: Mapping[str, NodeCost], before: Ledger, after: Ledger, nodes: Sequence[NodeFact], now: datetime
) -> tuple[Mapping[str, NodeCost], tuple[NodeCost, ...]]:
    """What the ledger booked between two of its states: (records still open by uid, records closed).

    still: the open records of the last call. nodes, now: those that took the ledger from `before` to `after`.
    """
    open_, closed = dict(still), []
    here = {n.uid: n for n in nodes}
    for uid in sorted({*open_, *here}):
        node, last = here.get(uid), open_.pop(uid, None)
        for piece in [] if node is None else _pieces(node, before, after):
            if last is not None and _continues(last, piece):
                last = _together(last, piece)
                continue
            closed += [] if last is None else [last]
            last = piece
        if last is None:
            continue
        # A node that is missing from one list may be back in the next, and is charged on: its record waits for its hour to end.
        if now >= _hour(last) + HOUR or (node is not None and node.terminated is not None):
            closed.append(last)
        else:
            open_[uid] = last
    return open_, tuple(closed)


def distinct(records: Iterable[NodeCost]) -> tuple[NodeCost, ...]:
    """Every moment of every node once, in order of node and time: two logs of one hour, or one log read twice, must not cost twice."""
    kept: list[NodeCost] = []
    for record in sorted(records, key=lambda r: (r.resource, r.start, -r.hours, r.pool, r.node, r.cost is None, r.cost or 0.0)):
        last = kept[-1] if kept and kept[-1].resource == record.resource else None
        if last is not None and record.end <= last.end:
            continue
        kept.append(record if last is None or record.start >= last.end else record.since(last.end))
    return tuple(kept)


def _pieces(node: NodeFact, before: Ledger, after: Ledger) -> list[NodeCost]:
    """What was booked of the node, cut at the hours."""
    begin, end = max(node.launched, before.charged.get(node.uid, before.opened)), after.charged.get(node.uid)
    pieces = []
    rate = per_second(node)
    while end is not None and begin < end:
        until = min(end, _floor(begin) + HOUR)
        pieces.append(
            NodeCost(
                node=node.name or node.uid,
                resource=node.resource or node.name or node.uid,
                pool=node.pool,
                instance_type=node.instance_type,
                start=begin,
                end=until,
                cost=None if rate is None else rate * (until - begin).total_seconds(),
                price_class=None if rate is None or node.price is None else node.price.price_class,
                parts=_parts(node, rate, begin, until),
            )
        )
        begin = until
    return pieces


def _parts(node: NodeFact, rate: float | None, begin: datetime, until: datetime) -> tuple[Part, ...]:
    """What of it is for whom, as the ledger divides it."""
    if rate is None:
        return ()
    found = (
        Part(account.workload, account.component, money)
        for first, last in segments(node, begin, until)
        for account, money in parts_of(node, first, rate * (last - first).total_seconds()).items()
    )
    return _summed(found)


def _summed(parts: Iterable[Part]) -> tuple[Part, ...]:
    sums: dict[tuple[str, Component], float] = {}
    for part in parts:
        if part.cost > 0:
            sums[part[:2]] = sums.get(part[:2], 0.0) + part.cost
    return tuple(Part(*who, money) for who, money in sorted(sums.items()))


def _together(last: NodeCost, piece: NodeCost) -> NodeCost:
    cost = None if last.cost is None or piece.cost is None else last.cost + piece.cost
    return replace(last, end=piece.end, cost=cost, parts=_summed((*last.parts, *piece.parts)))


def _continues(last: NodeCost, piece: NodeCost) -> bool:
    return (last.end, last.price_class, _hour(last)) == (piece.start, piece.price_class, _hour(piece))


def _hour(record: NodeCost) -> datetime:
    return _floor(record.start)


def _floor(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
