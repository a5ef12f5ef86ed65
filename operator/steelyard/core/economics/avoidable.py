"""Avoidable cost: what the bill would have dropped by, had the workload not been there.

It does not sum to the bill: a node that two workloads share goes for neither of them alone. Packing what would be left onto fewer nodes
might save more; nobody can tell before it is done, and it is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from steelyard.core.economics.ledger import Component, NodeFact, parts_of, per_second, segments
from steelyard.core.economics.when_empty import WhenEmpty


def avoidable(nodes: Sequence[NodeFact], begin: datetime, end: datetime) -> Mapping[str, Mapping[str, float | None]]:
    """Money by workload (namespace/name) and pool, for all whose pods were on the nodes between two moments; None while the price of a node
    that counts is not known.

    A node's `pods` must hold all that would keep it. Pods booked as Shared do not keep a node, and those of Others do.
    """
    found: dict[str, dict[str, float | None]] = {}
    for node in sorted(nodes, key=lambda n: n.uid):
        first, last = max(begin, node.launched), min(end, node.terminated) if node.terminated is not None else end
        if last <= first:
            continue
        rate = per_second(node)
        for workload, seconds in _seconds(node, first, last).items():
            booked = found.setdefault(workload, {})
            before = booked.get(node.pool, 0.0)
            booked[node.pool] = before if seconds == 0 else None if before is None or rate is None else before + rate * seconds
    return found


def _seconds(node: NodeFact, first: datetime, last: datetime) -> Mapping[str, float]:
    """Node-seconds by workload that would not have been paid without it."""
    match node.when_empty:
        case WhenEmpty.COMMITTED:
            return dict.fromkeys(_workloads(node, first, last), 0.0)
        case WhenEmpty.STAYS:
            return _shares(node, first, last)
        case WhenEmpty.REMOVED:
            return _alone(node, first, last)


def _keepers(node: NodeFact, first: datetime, last: datetime) -> frozenset[str]:
    """Who has a pod on the node at any time in [first, last): workloads, and all others together under the empty name."""
    there = (p for p in node.pods if p.since < last and (p.until is None or max(first, p.since) < p.until))
    return frozenset(p.account.workload for p in there if p.account.workload or p.account.component is Component.OTHERS)


def _workloads(node: NodeFact, first: datetime, last: datetime) -> Sequence[str]:
    return sorted(filter(None, _keepers(node, first, last)))


def _alone(node: NodeFact, first: datetime, last: datetime) -> Mapping[str, float]:
    """Time in which the node stood for one workload alone; its boot and its end count where nobody else was on it at all."""
    keepers = _keepers(node, first, last)
    seconds = dict.fromkeys(filter(None, sorted(keepers)), 0.0)
    for begin, end in segments(node, first, last):
        there = _keepers(node, begin, end) or keepers
        if len(there) == 1 and (alone := min(there)):
            seconds[alone] += (end - begin).total_seconds()
    return seconds


def _shares(node: NodeFact, first: datetime, last: datetime) -> Mapping[str, float]:
    """What the workload's pods asked for, as the ledger books it."""
    seconds = dict.fromkeys(_workloads(node, first, last), 0.0)
    for begin, end in segments(node, first, last):
        for account, part in parts_of(node, begin, (end - begin).total_seconds()).items():
            if account.workload:
                seconds[account.workload] = seconds.get(account.workload, 0.0) + part
    return seconds
