"""Fully loaded cost: a workload's own pods, and its part of what its pools cost beside: idle, shared, overhead.

Divided pool by pool, in proportion to what each workload's own pods paid there, and the pods of others. Then all of them together pay the bill. What a
pool cost while none was on it belongs to nobody, and stays visible.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard.core.economics.ledger import Account, Component, Ledger


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyLoaded:
    """Money by workload (namespace/name) and pool; None where something on the pool had no known price. `others`: by pool, the same of pods that are
    somebody else's. `unassigned`: by pool, what nobody was there to pay. Where all prices are known, they together are what the ledger booked."""

    money: Mapping[str, Mapping[str, float | None]]
    unassigned: Mapping[str, float]
    others: Mapping[str, float | None]


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
    unpriced = {(account.workload, account.pool) for account in booked.unpriced if _pays(account)}
    for workload, pool in there | unpriced:
        if pool in dark:
            money.setdefault(workload, {})[pool] = None
    others = money.pop("", {})
    nobody = {pool: amount for pool, amount in beside.items() if not sum(own.get(pool, {}).values()) > 0}
    return FullyLoaded(money=money, unassigned=nobody, others=others)


def _by_pool(booked: Ledger) -> tuple[Mapping[str, Mapping[str, float]], Mapping[str, float]]:
    """(by pool, what each workload's own pods paid, and under the empty name those of others; by pool, what was paid beside)."""
    own: dict[str, dict[str, float]] = {}
    beside: dict[str, float] = {}
    for entry, amount in sorted(booked.money.items()):
        workload, pool, _ = entry.account
        payers = own.setdefault(pool, {}) if _pays(entry.account) else beside
        key = workload if _pays(entry.account) else pool
        payers[key] = payers.get(key, 0.0) + amount
    return own, beside


def _pays(account: Account) -> bool:
    return bool(account.workload) or account.component is Component.OTHERS
