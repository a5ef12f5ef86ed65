"""Who paid for what: node prices integrated from launch to termination and split over the pods that were there.

Boot, image pull, drain and unready time are paid for, so they are charged. What nobody asked for is idle, what a node costs before it is
ready is overhead, and both together with the workloads' parts are the bill (invariant I5, to 1e-9). A price that is not known makes a
cost that is not known: its node-seconds are counted apart and never enter a sum as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from math import isfinite
from types import MappingProxyType
from typing import NamedTuple

from steelyard.core.economics.attribution import attribute
from steelyard.core.economics.when_empty import WhenEmpty
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import Resources

REMEMBERED = timedelta(days=1)
"""A node missing from a list may be back in the next one; charged again from its launch, it would be paid twice."""


class Component(StrEnum):
    """What a cost is for."""

    ALLOCATED = "Allocated"
    """A workload's own pods."""
    TRANSITION = "Transition"
    """A workload's pods that only a move needs; an exploration is one."""
    TRIAL = "Trial"
    """Pods of a workload's AcceleratorTrials and exit drills."""
    SHARED = "Shared"
    """Pods that all workloads of the pool carry: agents of a node, and what compiles."""
    OTHERS = "Others"
    """Pods of somebody else, who pay their part of a node themselves, and keep it."""
    IDLE = "Idle"
    """Part of a ready node that nobody asked for."""
    OVERHEAD = "Overhead"
    """A node before it is ready."""


class Account(NamedTuple):
    """Where a cost is booked. `workload` (namespace/name) is empty for what is none's: shared, others', idle and overhead cost."""

    workload: str
    pool: str
    component: Component


def component_of(placement: PlacementKey, move: Move | None) -> Component:
    """What the pods of a placement cost for, while this move of their workload is under way: what only a move needs is booked apart, the
    target until the move has ended."""
    # Replicas that were there before the move are not needed by it alone.
    passing = move is not None and move.target_base == 0 and placement == move.target
    return Component.TRANSITION if passing else Component.ALLOCATED


class Entry(NamedTuple):
    """An account's money is kept by the class of the price that made it."""

    account: Account
    price_class: PriceClass


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFact:
    """A pod on a node. `until` None: it is still there. `resources`: max(request, usage)."""

    uid: str
    account: Account
    resources: Resources
    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeFact:
    """A node as it is paid. `ready` None: not ready yet. `price` None: not known. `resource`: what its provider calls it. `when_empty`: what
    becomes of it once nobody is on it."""

    uid: str
    pool: str
    allocatable: Resources
    price: Price | None
    launched: datetime
    ready: datetime | None
    terminated: datetime | None = None
    pods: tuple[PodFact, ...] = ()
    name: str = ""
    resource: str = ""
    instance_type: str = ""
    when_empty: WhenEmpty = WhenEmpty.STAYS


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """Sums since `opened`; every one only grows, so that it can be shown as a counter.

    money: by entry, in the installation's currency. unpriced: node-seconds by account without a known price. paid: node cost integrated
    without any attribution, for the proof that nothing is lost. charged: until when each node is booked.
    """

    opened: datetime
    money: Mapping[Entry, float] = field(default_factory=lambda: MappingProxyType({}))
    unpriced: Mapping[Account, float] = field(default_factory=lambda: MappingProxyType({}))
    paid: float = 0.0
    charged: Mapping[str, datetime] = field(default_factory=lambda: MappingProxyType({}))

    def cost(self, account: Account) -> float | None:
        """Money booked on the account over all price classes; None while a part of it has no known price, or nothing was booked."""
        if self.unpriced.get(account, 0.0) > 0:
            return None
        booked = [value for entry, value in sorted(self.money.items()) if entry.account == account]
        return sum(booked) if booked else None


def advance(ledger: Ledger, nodes: tuple[NodeFact, ...], now: datetime) -> Ledger:
    """The ledger with everything booked up to `now`. A clock that steps back books nothing; the order of nodes and pods changes nothing.

    A new process opens its ledger now: nodes that were there before are charged from then on, those launched later from their launch.
    """
    money, unpriced, paid = dict(ledger.money), dict(ledger.unpriced), ledger.paid
    charged = {uid: until for uid, until in ledger.charged.items() if now - until < REMEMBERED}
    for node in sorted(nodes, key=lambda n: n.uid):
        begin = max(node.launched, ledger.charged.get(node.uid, ledger.opened))
        end = min(now, node.terminated) if node.terminated is not None else now
        if end <= begin:
            continue
        charged[node.uid] = end
        rate = per_second(node)
        for first, last in segments(node, begin, end):
            seconds = (last - first).total_seconds()
            parts = parts_of(node, first, seconds if rate is None else rate * seconds)
            if rate is None or node.price is None:
                for account, part in parts.items():
                    unpriced[account] = unpriced.get(account, 0.0) + part
                continue
            paid += rate * seconds
            for account, part in parts.items():
                entry = Entry(account, node.price.price_class)
                money[entry] = money.get(entry, 0.0) + part
    return Ledger(
        opened=ledger.opened,
        money=MappingProxyType(money),
        unpriced=MappingProxyType(unpriced),
        paid=paid,
        charged=MappingProxyType(charged),
    )


def per_second(node: NodeFact) -> float | None:
    """Money per second; None for a price that is missing or cannot be one."""
    if node.price is None or not isfinite(node.price.per_hour) or node.price.per_hour <= 0:
        return None
    return node.price.per_hour / 3600


def segments(node: NodeFact, begin: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
    """[begin, end] cut wherever the node became ready or a pod came or went."""
    cuts = {begin, end}
    moments = [node.ready, *(m for pod in node.pods for m in (pod.since, pod.until))]
    cuts.update(m for m in moments if m is not None and begin < m < end)
    return list(pairwise(sorted(cuts)))


def parts_of(node: NodeFact, first: datetime, amount: float) -> Mapping[Account, float]:
    """`amount` of the segment that begins at `first`, by account; the parts sum to it."""
    if node.ready is None or first < node.ready or node.allocatable.weight <= 0:
        return {Account("", node.pool, Component.OVERHEAD): amount}
    there = {p.uid: p for p in node.pods if p.since <= first and (p.until is None or first < p.until)}
    shares, idle = attribute({uid: p.resources for uid, p in there.items()}, node.allocatable, amount)
    parts: dict[Account, float] = {}
    for uid in sorted(shares):
        account = there[uid].account
        parts[account] = parts.get(account, 0.0) + shares[uid]
    free = Account("", node.pool, Component.IDLE)
    parts[free] = parts.get(free, 0.0) + idle
    return parts
