"""What would change the decision: the gate that refuses, a price, a moment. All of it is in status; nothing is computed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.compile import Compile
from steelyard.cli.facts.pool import Pool
from steelyard.cli.facts.workload import Workload
from steelyard.cli.view.sentence import meaning
from steelyard.core.facts.identity import on_pool


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`kind`: Gate (it would have to pass), Next (would refuse after it), Price (a node would have to cost less), Time (a wait ends)."""

    kind: str
    pool: str | None = None
    reason: str | None = None
    message: str
    price_below: Decimal | None = None
    """Node price per hour."""
    price_now: Decimal | None = None
    at: datetime | None = None


def changes(workload: Workload, pools: tuple[Pool, ...] | None, compiles: tuple[Compile, ...], now: datetime) -> tuple[Change, ...]:
    """Gates, prices by pool, then moments in order of time."""
    return (*_gates(workload), *_prices(workload, pools), *sorted(_moments(workload, pools, compiles, now), key=_moment))


def _moment(change: Change) -> tuple[float, str]:
    return change.at.timestamp() if change.at else 0.0, change.message


def _gates(workload: Workload) -> list[Change]:
    if workload.decision is None:
        return []
    refused = [g for g in workload.decision.gates if g.passed is False]
    return [
        Change(kind="Next" if behind else "Gate", reason=g.reason, message=g.message or meaning(g.reason) or g.gate)
        for behind, g in enumerate(refused)
    ]


def _prices(workload: Workload, pools: tuple[Pool, ...] | None) -> list[Change]:
    known = {p.name: p.price.value for p in pools or () if p.price is not None}
    options, used = workload.decision.options if workload.decision else (), {place.pool for place in workload.allocation}
    return [
        Change(
            kind="Price",
            pool=o.pool,
            message=f"pool {o.pool}{' (in use)' if o.pool in used else ''} would be the cheapest",
            price_below=o.cheapest_below,
            price_now=known.get(on_pool(o.pool)),
        )
        for o in options
        if o.cheapest_below is not None and not _is_cheapest(o.cheapest_below, known.get(on_pool(o.pool)))
    ]


def _is_cheapest(below: Decimal, price: Decimal | None) -> bool:
    """By the price of now, which may have changed since the decision."""
    return price is not None and price <= below


def _moments(workload: Workload, pools: tuple[Pool, ...] | None, compiles: tuple[Compile, ...], now: datetime) -> list[Change]:
    found = []
    if workload.move is not None and workload.move.deadline is not None:
        found.append(Change(kind="Time", pool=workload.move.target, message="the step under way must be over", at=workload.move.deadline))
    for entry in workload.quarantine:
        if entry.until is not None and entry.until > now:
            message = f"pool {entry.pool} may be tried again after its failure"
            found.append(Change(kind="Time", pool=entry.pool, reason="Quarantined", message=message, at=entry.until))
    for pool in pools or ():
        if pool.exhausted_until is not None and pool.exhausted_until > now:
            message = f"pool {pool.name} is asked for nodes again"
            found.append(Change(kind="Time", pool=pool.name, reason="PoolExhausted", message=message, at=pool.exhausted_until))
    found += [
        Change(kind="Time", reason="CompileFailed", message=f"the compile for {one.target} is tried again", at=one.next_retry)
        for one in compiles
        if one.next_retry is not None and not one.done
    ]
    return found
