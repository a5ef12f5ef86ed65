"""What an hour costs as things stand, workload by workload and pool by pool, in the three ways in which a report shows it.

Nothing of it decides: what one replica more or less changes is `replica_price.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from steelyard.core.economics.avoidable import avoidable
from steelyard.core.economics.fully_loaded import fully_loaded
from steelyard.core.economics.ledger import Ledger, NodeFact, advance
from steelyard.core.economics.node_cost import HOUR


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyCost:
    """Money an hour of one workload on one pool; None where a price that counts is not known. allocated: of its own pods. fully_loaded: with its
    part of what stands idle, so that all workloads together pay the bill. avoidable: what the bill would be less without it."""

    allocated: float | None
    fully_loaded: float | None
    avoidable: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourlyCosts:
    """By workload (namespace/name) and pool. `unassigned`: money an hour by pool where nobody is; `others`: what those pay who are no workloads, None
    where a price is not known."""

    costs: Mapping[str, Mapping[str, HourlyCost]]
    unassigned: Mapping[str, float]
    others: Mapping[str, float | None]


def hourly_costs(nodes: Sequence[NodeFact], now: datetime) -> HourlyCosts:
    """Of the coming hour, if nothing changed: the same nodes and pods give the same figures at any time."""
    until = now + HOUR
    booked = advance(Ledger(opened=now), tuple(nodes), until)
    own, loaded, alone = _allocated(booked), fully_loaded(booked), avoidable(nodes, now, until)
    return HourlyCosts(
        costs={
            workload: {
                pool: HourlyCost(
                    allocated=own.get(workload, {}).get(pool),
                    fully_loaded=cost,
                    avoidable=alone.get(workload, {}).get(pool),
                )
                for pool, cost in sorted(pools.items())
            }
            for workload, pools in sorted(loaded.money.items())
        },
        unassigned=loaded.unassigned,
        others=loaded.others,
    )


def _allocated(booked: Ledger) -> Mapping[str, Mapping[str, float | None]]:
    """What each workload's own pods pay, those that only a move needs included."""
    own: dict[str, dict[str, float | None]] = {}
    for entry, amount in sorted(booked.money.items()):
        pools = own.setdefault(entry.account.workload, {})
        pools[entry.account.pool] = (pools.get(entry.account.pool) or 0.0) + amount
    for account in booked.unpriced:
        own.setdefault(account.workload, {})[account.pool] = None
    return own
