"""Avoidable cost: what the bill would have dropped by, had the workload not been there. Decisions rest on it, reports on fullyLoaded.

It does not sum to the bill: a node that two workloads share goes for neither of them alone. Packing what would be left onto fewer nodes
might save more; nobody can tell before it is done, and it is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.economics.ledger import NodeFact, parts_of, per_second, segments
from steelyard.core.economics.when_empty import BASIS, CostBasis, WhenEmpty


@dataclass(frozen=True, slots=True)
class Avoidable:
    """Money over the interval; None while the price of a node that counts is not known."""

    cost: float | None
    basis: CostBasis


def avoidable(
    workload: str, nodes: Sequence[NodeFact], when_empty: Mapping[str, WhenEmpty], begin: datetime, end: datetime
) -> Mapping[str, Avoidable]:
    """By pool, for the pools where pods of `workload` (namespace/name) were between two moments. KeyError for a pool not in `when_empty`.

    A node's `pods` must hold all that would keep it: of other workloads and of other tenants. Pods booked as Shared do not keep a node.
    """
    found: dict[str, Avoidable] = {}
    for node in sorted(nodes, key=lambda n: n.uid):
        first, last = max(begin, node.launched), min(end, node.terminated) if node.terminated is not None else end
        if last <= first or workload not in _keepers(node, first, last):
            continue
        rule = when_empty[node.pool]
        seconds = _share_seconds(workload, node, first, last) if rule is WhenEmpty.STAYS else _sole_seconds(workload, node, first, last)
        basis = BASIS[rule]
        rate = 0.0 if rule is WhenEmpty.COMMITTED else per_second(node)
        before = found.get(node.pool, Avoidable(0.0, basis)).cost
        unknown = before is None or (rate is None and seconds > 0)
        found[node.pool] = Avoidable(None if unknown else (before or 0.0) + (rate or 0.0) * seconds, basis)
    return found


def _keepers(node: NodeFact, first: datetime, last: datetime) -> frozenset[str]:
    """Workloads with a pod on the node at any time in [first, last)."""
    there = (p for p in node.pods if p.since < last and (p.until is None or max(first, p.since) < p.until))
    return frozenset(p.account.workload for p in there if p.account.workload)


def _sole_seconds(workload: str, node: NodeFact, first: datetime, last: datetime) -> float:
    """Time in which the node stood for the workload alone; its boot and its end count where nobody else was on it at all."""
    alone = _keepers(node, first, last) == {workload}
    seconds = 0.0
    for begin, end in segments(node, first, last):
        keepers = _keepers(node, begin, end)
        if keepers == {workload} or (alone and not keepers):
            seconds += (end - begin).total_seconds()
    return seconds


def _share_seconds(workload: str, node: NodeFact, first: datetime, last: datetime) -> float:
    """Node-seconds that the workload's pods asked for, as the ledger books them."""
    return sum(
        part
        for begin, end in segments(node, first, last)
        for account, part in parts_of(node, begin, (end - begin).total_seconds()).items()
        if account.workload == workload
    )
