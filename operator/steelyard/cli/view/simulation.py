"""The view of `steelyard simulate`: what became of each workload, beside what each of its pools alone would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.core.memory import ClaimVerdict, PastMove
from steelyard.simulate.run import Run, WorkloadRun
from steelyard.simulate.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHours:
    """Time of replicas on one pool."""

    pool: str
    hours: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run of one workload. Requests: offered = good + slow + shed + error + cut + unserved + inFlight."""

    pool: str | None
    """The only pool that it could use; null for the run in which Steelyard decided."""
    cost: Decimal | None
    """Of its replicas: their shares of their nodes' prices. Null where a price is not known."""
    unit_cost: Decimal | None
    """Cost of 1,000 good requests."""
    offered: int
    good: int
    slow: int
    """Answered later than the objective allows."""
    shed: int
    """Refused by a full queue."""
    error: int
    cut: int
    """Their replica ended before it answered."""
    unserved: int
    """There was no ready replica."""
    in_flight: int
    """Not answered yet at the end."""
    missed_percent: Decimal | None
    """Of those that something became of: all but the good ones."""
    moves: int
    """Moves and trials that ended."""
    held_minutes: Decimal
    """Time in which the verdict was Hold."""
    replica_hours: tuple[PoolHours, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedMove:
    """A move that ended."""

    time: datetime
    from_pool: str
    to_pool: str
    outcome: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedClaim:
    """The last verdict on a claim. Null where nothing was measured."""

    pool: str
    name: str
    verdict: str
    claimed: Decimal
    measured: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedWorkload:
    """One workload."""

    name: str
    objective_milliseconds: int
    allowed_percent: Decimal
    """Requests that may miss the promise."""
    decided: RunLine
    alone: tuple[RunLine, ...]
    """On each of its pools alone, sized by the same rule; empty without a comparison."""
    moves: tuple[SimulatedMove, ...]
    claims: tuple[SimulatedClaim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationView:
    """A scenario that was run. `time` of the document is its end."""

    now: datetime = field(metadata={"json": False})
    seed: int
    days: Decimal
    workloads: tuple[SimulatedWorkload, ...]
    node_hours: Decimal
    """Of the nodes of all pools, from order to end."""
    node_cost: Decimal | None
    """Of the same, idle parts included. Null where a price is not known."""
    files: tuple[str, ...]
    """That were written."""


def simulation(scenario: Scenario, run: Run, alone: Mapping[tuple[str, str], WorkloadRun], files: tuple[str, ...]) -> SimulationView:
    """From runs."""
    workloads = []
    for entry, found in zip(scenario.workloads, run.workloads, strict=True):
        workloads.append(
            SimulatedWorkload(
                name=entry.name,
                objective_milliseconds=entry.objective.milliseconds,
                allowed_percent=_decimal(100 - entry.objective.percent),
                decided=_line(None, found),
                alone=tuple(_line(pool, other) for (name, pool), other in alone.items() if name == entry.name),
                moves=tuple(_move(move) for move in found.moves),
                claims=tuple(_claim(claim) for claim in found.claims),
            )
        )
    return SimulationView(
        now=scenario.start + timedelta(seconds=scenario.seconds),
        seed=scenario.seed,
        days=_decimal(scenario.seconds / 86400),
        workloads=tuple(workloads),
        node_hours=_decimal(sum(run.nodes.replica_hours.values())),
        node_cost=_known(run.nodes.cost),
        files=files,
    )


def _line(pool: str | None, run: WorkloadRun) -> RunLine:
    tally = run.tally
    return RunLine(
        pool=pool,
        cost=_known(tally.cost),
        unit_cost=_known(1000 * tally.cost / tally.good if tally.cost is not None and tally.good else None),
        offered=tally.offered,
        good=tally.good,
        slow=tally.slow,
        shed=tally.shed,
        error=tally.error,
        cut=tally.cut,
        unserved=tally.unserved,
        in_flight=run.in_flight,
        missed_percent=_known(100 * tally.missed / tally.ended if tally.ended else None),
        moves=len(run.moves),
        held_minutes=_decimal(run.held_seconds / 60),
        replica_hours=tuple(PoolHours(pool=name, hours=_decimal(hours)) for name, hours in sorted(tally.replica_hours.items())),
    )


def _move(move: PastMove) -> SimulatedMove:
    return SimulatedMove(
        time=move.time, from_pool=move.source_pool, to_pool=move.target_pool, outcome=move.outcome.value, reason=move.reason
    )


def _claim(claim: ClaimVerdict) -> SimulatedClaim:
    return SimulatedClaim(
        pool=claim.pool,
        name=claim.name,
        verdict=claim.verdict.value,
        claimed=_decimal(claim.claimed),
        measured=_known(claim.measured),
        lower=_known(claim.lower),
        upper=_known(claim.upper),
        n=claim.n,
    )


def _known(value: float | None) -> Decimal | None:
    return None if value is None else _decimal(value)


def _decimal(value: float) -> Decimal:
    """Nine significant digits: more would show the order of additions."""
    return Decimal(f"{value:.9g}")
