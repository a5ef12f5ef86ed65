"""One pool as an option: the decision's figures, what is measured there, the pool's price, the verdicts on its claims."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from steelyard.cli.facts.pool import Pool, Price
from steelyard.cli.facts.workload import Workload
from steelyard.core.facts.identity import on_pool
from steelyard.status.read.claim import Verdict
from steelyard.status.read.compiled_model import ToldAccuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """Null where it is not known."""

    pool: str
    accelerator: str | None
    exists: bool | None
    """Null: pools may not be read."""
    used: bool
    """It holds the load, or a part of it, outside of the move under way."""
    carries: bool
    """The most ready replicas are there; in a move that may be its target already."""
    target: bool
    """A move goes there, and nothing of the load was there before."""
    feasible: bool | None
    """Null: it was not considered yet."""
    reason: str | None
    """Why it is not feasible."""
    message: str | None
    replicas: int | None
    """That the load would need there."""
    cost_per_hour: Decimal | None
    unit_cost: Decimal | None
    """For one unit at the present load."""
    lower: Decimal | None
    """Lower end of the 95 % interval."""
    upper: Decimal | None
    basis: str | None
    """Measured or Claimed."""
    n: int | None
    """Good requests behind the figures."""
    good_percent: Decimal | None
    """Share of requests within the objective, as measured there."""
    p50_milliseconds: Decimal | None
    p95_milliseconds: Decimal | None
    p99_milliseconds: Decimal | None
    """What 50, 95 and 99 of 100 requests took at most."""
    price: Price | None
    """Of a node."""
    claims: tuple[Verdict, ...]
    cheapest_below: Decimal | None
    """Node price per hour below which this pool would be the cheapest."""
    cost_basis: str | None
    """What the cost is made from."""
    exhausted_until: datetime | None
    quarantined_until: datetime | None
    accuracy: ToldAccuracy | None
    """Of its artifact, where it was compared with the reference."""
    priced_by: str | None
    """Catalogue: nobody wrote this pool, and its nodes are taken at the list price. Null: the pool's own price."""


def pool_rows(workload: Workload, pools: tuple[Pool, ...] | None, now: datetime) -> tuple[PoolRow, ...]:
    """What carries the load first, then what else is used, then what the decision could use, by cost; then the rest by name."""
    known = {p.name: p for p in pools or ()}
    options = {o.pool for o in workload.decision.options} if workload.decision else set()
    names = set(known) | options | {p.pool for p in workload.placements}
    rows = [_row(name, workload, known.get(on_pool(name)), pools is None, now) for name in names]
    return tuple(sorted(rows, key=_order))


def _order(row: PoolRow) -> tuple[bool, bool, bool, bool, Decimal, str]:
    return not row.carries, not row.used, row.feasible is not True, row.unit_cost is None, row.unit_cost or Decimal(0), row.pool


def _row(name: str, workload: Workload, pool: Pool | None, unreadable: bool, now: datetime) -> PoolRow:
    option, move = workload.option(name), workload.move
    used = next((place for place in workload.allocation if place.pool == name), None)
    moving = move is not None and move.target == name
    target = workload.at(name, move.target_revision) if move is not None and moving else None
    measured = used or target or workload.at(name, None)
    until = [q.until for q in workload.quarantine if q.pool == name and q.until is not None and q.until > now]
    return PoolRow(
        pool=name,
        accelerator=pool.accelerator if pool else None,
        exists=None if unreadable else pool is not None,
        used=used is not None,
        carries=workload.carrier is not None and workload.carrier.pool == name,
        target=moving and used is None,
        feasible=option.feasible if option else None,
        reason=option.reason if option else None,
        message=option.message if option else None,
        replicas=option.replicas if option else None,
        cost_per_hour=option.cost_per_hour if option else None,
        unit_cost=option.unit_cost if option else None,
        lower=option.lower if option else None,
        upper=option.upper if option else None,
        basis=option.basis if option else None,
        n=option.n if option else None,
        good_percent=measured.good_percent if measured else None,
        p50_milliseconds=measured.p50_milliseconds if measured else None,
        p95_milliseconds=measured.p95_milliseconds if measured else None,
        p99_milliseconds=measured.p99_milliseconds if measured else None,
        price=pool.price if pool else None,
        claims=tuple(c for c in workload.claims if c.pool == name),
        cheapest_below=option.cheapest_below if option else None,
        cost_basis=option.cost_basis if option else None,
        exhausted_until=pool.exhausted_until if pool and pool.exhausted_until and pool.exhausted_until > now else None,
        quarantined_until=max(until, default=None),
        accuracy=option.accuracy if option else None,
        priced_by=measured.priced_by if measured else None,
    )
