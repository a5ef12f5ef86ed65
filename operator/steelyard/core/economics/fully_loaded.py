"""Fully loaded cost: a workload's own pods, and its part of what its pools cost beside: idle, shared, overhead.

Divided for each pool and interval, in proportion to what a workload's own pods paid there. Then all workloads together pay the bill. What
a pool cost while no workload was on it belongs to nobody, and stays visible under an account without a workload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

from steelyard.core.economics.ledger import Account, Entry, Ledger

Key = TypeVar("Key")


@dataclass(frozen=True, slots=True, kw_only=True)
class FullyLoaded:
    """Sums over the intervals that were divided so far; they equal the ledger's. A workload's part of the idle cost of its pool is booked
    as its own Idle there, and so on. unknown: (workload, pool) where something on the pool had no known price while it was there."""

    money: Mapping[Entry, float] = field(default_factory=lambda: MappingProxyType({}))
    unknown: frozenset[tuple[str, str]] = frozenset()

    def cost(self, workload: str, pool: str | None = None) -> float | None:
        """Money of a workload, on one pool or on all; None while a part of it is not known, or nothing was booked."""
        if any(w == workload and pool in {None, p} for w, p in self.unknown):
            return None
        booked = [v for entry, v in sorted(self.money.items()) if entry.account.workload == workload and pool in {None, entry.account.pool}]
        return sum(booked) if booked else None

    @property
    def unassigned(self) -> Mapping[str, float]:
        """Money by pool that no workload was there to pay."""
        left: dict[str, float] = {}
        for entry, amount in sorted(self.money.items()):
            if not entry.account.workload:
                left[entry.account.pool] = left.get(entry.account.pool, 0.0) + amount
        return left


def divide(loaded: FullyLoaded, before: Ledger, after: Ledger) -> FullyLoaded:
    """`loaded` and one interval more: what the ledger booked between two of its states, divided among the workloads of each pool."""
    grown = _grown(before.money, after.money)
    own: dict[str, dict[str, float]] = {}
    for entry, amount in sorted(grown.items()):
        if entry.account.workload:
            payers = own.setdefault(entry.account.pool, {})
            payers[entry.account.workload] = payers.get(entry.account.workload, 0.0) + amount
    money = dict(loaded.money)
    for entry, amount in sorted(grown.items()):
        for payer, part in _payers(entry.account, own.get(entry.account.pool, {})):
            slot = Entry(entry.account._replace(workload=payer), entry.price_class)
            money[slot] = money.get(slot, 0.0) + amount * part
    unpriced = _grown(before.unpriced, after.unpriced)
    dark = {account.pool for account in unpriced}
    there = {(workload, pool) for pool, payers in own.items() for workload in payers}
    there |= {(account.workload, account.pool) for account in unpriced if account.workload}
    unknown = loaded.unknown | {(workload, pool) for workload, pool in there if pool in dark}
    return FullyLoaded(money=MappingProxyType(money), unknown=unknown)


def _payers(account: Account, own: Mapping[str, float]) -> tuple[tuple[str, float], ...]:
    """(workload, fraction) of those who pay for the account; nobody's where nobody is there."""
    total = sum(own.values())
    if account.workload or total <= 0:
        return ((account.workload, 1.0),)
    return tuple((workload, amount / total) for workload, amount in own.items())


def _grown(before: Mapping[Key, float], after: Mapping[Key, float]) -> dict[Key, float]:
    """What was booked between two states of a ledger. Its sums only grow."""
    return {key: value - before.get(key, 0.0) for key, value in after.items() if value > before.get(key, 0.0)}
