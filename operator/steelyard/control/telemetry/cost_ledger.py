"""The ledger kept: booked every round, shown as counters, and what each node cost written to the log with every hour; and what an hour costs
each workload as things stand.

A restart loses at most one round of the counters, and of the log the hour that had begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from steelyard.control.log import get_logger
from steelyard.control.telemetry.metrics import Metrics, Sample
from steelyard.core.economics.hourly_cost import HourlyCost, HourlyCosts, hourly_costs
from steelyard.core.economics.ledger import Entry, Ledger, NodeFact, advance
from steelyard.core.economics.node_cost import NodeCost, booked
from steelyard.core.facts.identity import WorkloadKey

_log = get_logger(__name__)

COUNTED_AGAIN = timedelta(seconds=30)
"""Between two counts of what an hour costs: it takes as long as a round's booking, and a report can wait."""


class CostLedger:
    """One ledger a process. Standbys keep one too: counters of all processes are summed by nobody, the leader's count."""

    def __init__(self, metrics: Metrics, now: datetime) -> None:
        self._metrics = metrics
        self._ledger = Ledger(opened=now)
        self._told: dict[Entry, float] = {}
        self._still: Mapping[str, NodeCost] = {}
        self._seen: tuple[tuple[NodeFact, ...], datetime] | None = None
        self._hourly: tuple[HourlyCosts, datetime] | None = None
        metrics.gauges.provide("costs", self._gauges)

    def book(self, nodes: tuple[NodeFact, ...], now: datetime, *, leading: bool) -> None:
        """Book everything up to now, and let the counters grow by it. The leader alone writes the nodes' costs: a bill has them once."""
        self._seen = nodes, now
        before, self._ledger = self._ledger, advance(self._ledger, nodes, now)
        self._still, closed = booked(self._still, before, self._ledger, nodes, now)
        for record in closed if leading else ():
            _log.info("a node's cost", nodeCost=self._record(record))
        counter = f"steelyard_workload_cost_{self._metrics.currency}"
        for entry, money in self._ledger.money.items():
            grown = money - self._told.get(entry, 0.0)
            if grown <= 0:
                continue
            self._told[entry] = money
            namespace, _, workload = entry.account.workload.partition("/")
            labels = (namespace, workload, entry.account.pool, entry.account.component.lower(), str(entry.price_class))
            self._metrics.count(counter, labels, grown)

    def hourly(self, key: WorkloadKey) -> Mapping[str, HourlyCost] | None:
        """By pool, what an hour costs the workload as things stand; None before anything was booked."""
        counted = self._counted()
        return None if counted is None else counted.costs.get("/".join(key), {})

    def _counted(self) -> HourlyCosts | None:
        if self._seen is None:
            return None
        nodes, now = self._seen
        if self._hourly is None or now - self._hourly[1] >= COUNTED_AGAIN:
            self._hourly = hourly_costs(nodes, now), now
        return self._hourly[0]

    def _gauges(self) -> Iterator[Sample]:
        """Made for a reader, in a thread of its own; what is counted there is as true as what the loop counts."""
        counted, name = self._counted(), f"steelyard_hourly_cost_{self._metrics.currency}"
        if counted is None:
            return
        for workload, pools in counted.costs.items():
            for pool, cost in pools.items():
                for way, value in (("allocated", cost.allocated), ("fullyLoaded", cost.fully_loaded), ("avoidable", cost.avoidable)):
                    if value is not None:
                        yield Sample(name, (*workload.split("/", 1), pool, way), value)
        yield from (Sample(name, ("", "", pool, "fullyLoaded"), value) for pool, value in sorted(counted.unassigned.items()))
        yield from (Sample(name, ("", "", pool, "others"), value) for pool, value in sorted(counted.others.items()) if value is not None)

    def _record(self, cost: NodeCost) -> Mapping[str, object]:
        """As `steelyard bill` and `steelyard report` read it."""
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
            "parts": [{"workload": p.workload, "component": p.component.value, "cost": repr(p.cost)} for p in cost.parts],
        }
