"""The ledger kept: booked every round, shown as counters, and what each node cost written to the log with every hour.

A restart loses at most one round of the counters, and of the log the hour that had begun.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from steelyard.control.log import get_logger
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.economics.ledger import Entry, Ledger, NodeFact, advance
from steelyard.core.economics.node_cost import NodeCost, booked

_log = get_logger(__name__)


class CostLedger:
    """One ledger a process. Standbys keep one too: counters of all processes are summed by nobody, the leader's count."""

    def __init__(self, metrics: Metrics, now: datetime) -> None:
        self._metrics = metrics
        self._ledger = Ledger(opened=now)
        self._told: dict[Entry, float] = {}
        self._still: Mapping[str, NodeCost] = {}

    def book(self, nodes: tuple[NodeFact, ...], now: datetime, *, leading: bool) -> None:
        """Book everything up to now, and let the counters grow by it. The leader alone writes the nodes' costs: a bill has them once."""
        before, self._ledger = self._ledger, advance(self._ledger, nodes, now)
        self._still, closed = booked(self._still, before, self._ledger, nodes, now)
        for record in closed if leading else ():
            _log.info("a node's cost", nodeCost=self._record(record))
        for entry, money in self._ledger.money.items():
            grown = money - self._told.get(entry, 0.0)
            if grown <= 0:
                continue
            self._told[entry] = money
            namespace, _, workload = entry.account.workload.partition("/")
            labels = (namespace, workload, entry.account.pool, entry.account.component.value.lower(), entry.price_class.value)
            self._metrics.count(f"steelyard_workload_cost_{self._metrics.currency}", labels, grown)

    def _record(self, cost: NodeCost) -> Mapping[str, str | None]:
        """As `steelyard bill` reads it."""
        return {
            "node": cost.node,
            "resource": cost.resource,
            "pool": cost.pool,
            "instanceType": cost.instance_type,
            "start": cost.start.isoformat(),
            "end": cost.end.isoformat(),
            "cost": None if cost.cost is None else repr(cost.cost),
            "currency": self._metrics.currency.upper(),
            "priceClass": None if cost.price_class is None else cost.price_class.value,
        }
