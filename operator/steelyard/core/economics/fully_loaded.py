"""Fully loaded cost: a workload's own pods, and its part of what its pools cost beside: idle, shared, overhead.

Divided pool by pool, in proportion to what each workload's own pods paid there. Then all workloads together pay the bill. What a pool cost
while no workload was on it belongs to nobody, and stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.economics.ledger import Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyLoaded:
    """Money by workload (namespace/name) and pool; None where something on the pool had no known price. `unassigned`: by pool, what no workload
    was there to pay. Where all prices are known, both together are what the ledger booked."""

    money: Mapping[str, Mapping[str, float | None]]
    unassigned: Mapping[str, float]


def fully_loaded(booked: Ledger) -> FullyLoaded:
    """What the ledger booked, divided among the workloads."""
    own, beside = _by_pool(booked)
    money: dict[str, dict[str, float | None]] = {}
    for pool, payers in own.items():
        whole = sum(payers.values())
        for workload, amount in payers.items():
            part = amount / whole if whole > 0 else 0.0
            money.setdefault(workload, {})[pool] = amount + part * beside.get(pool, 0.0)
    dark = {account.pool for account in booked.unpriced}
    there = {(workload, pool) for pool, payers in own.items() for workload in payers}
    for workload, pool in there | {(account.workload, account.pool) for account in booked.unpriced if account.workload}:
        if pool in dark:
            money.setdefault(workload, {})[pool] = None
    nobody = {pool: amount for pool, amount in beside.items() if not sum(own.get(pool, {}).values()) > 0}
    return FullyLoaded(money=money, unassigned=nobody)


def _by_pool(booked: Ledger) -> tuple[Mapping[str, Mapping[str, float]], Mapping[str, float]]:
    """(by pool, what each workload's own pods paid; by pool, what was paid beside)."""
    own: dict[str, dict[str, float]] = {}
    beside: dict[str, float] = {}
    for entry, amount in sorted(booked.money.items()):
        workload, pool, _ = entry.account
        payers = own.setdefault(pool, {}) if workload else beside
        key = workload or pool
        payers[key] = payers.get(key, 0.0) + amount
    return own, beside
