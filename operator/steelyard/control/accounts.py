"""The ledger kept: booked every round, shown as counters. A restart loses at most one round."""

from __future__ import annotations

from datetime import datetime

from steelyard.control.metrics import Metrics
from steelyard.core.economics.ledger import Entry, Ledger, NodeFact, advance


class Accounts:
    """One ledger a process. Standbys keep one too: counters of all processes are summed by nobody, the leader's count."""

    def __init__(self, metrics: Metrics, now: datetime) -> None:
        self._metrics = metrics
        self._ledger = Ledger(opened=now)
        self._told: dict[Entry, float] = {}

    def book(self, nodes: tuple[NodeFact, ...], now: datetime) -> None:
        """Book everything up to now, and let the counters grow by it."""
        self._ledger = advance(self._ledger, nodes, now)
        for entry, money in self._ledger.money.items():
            grown = money - self._told.get(entry, 0.0)
            if grown <= 0:
                continue
            self._told[entry] = money
            namespace, _, workload = entry.account.workload.partition("/")
            labels = (namespace, workload, entry.account.pool, entry.account.component.value.lower(), entry.price_class.value)
            self._metrics.count(f"steelyard_workload_cost_{self._metrics.currency}", labels, grown)
