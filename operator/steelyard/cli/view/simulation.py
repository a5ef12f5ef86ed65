"""The view of `steelyard simulate`: what became of each workload, beside what each of its pools alone would have cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.core.facts.memory import ClaimVerdict, PastMove
from steelyard.simulate.pool_entry import PoolEntry
from steelyard.simulate.run import Run, WorkloadRun
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.tally import Tally, known_sum


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolHours:
    """Time of replicas on one pool."""

    pool: str
    hours: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTokens:
    """Tokens of answers: of prompts and of what was generated, and of both those of good requests."""

    prompt: int
    output: int
    good_prompt: int
    good_output: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLine:
    """One run of one workload. Requests: offered = good + slow + shed + error + cut + unserved + inFlight."""

    pool: str | None
    """The only pool that it could use; null for the run in which Steelyard decided."""
    cost: Decimal | None
    """Of its replicas: their shares of their nodes' prices. Null where a price is not known."""
    unit_cost: Decimal | None
    """Cost of 1,000 good requests."""
    booked_cost: Decimal | None
    """What Steelyard booked for its replicas: their shares at the prices that it read. Null where it read none."""
    node_cost: Decimal | None
    """Bill of whole nodes in this run. Null where a price is not known, or the run had other workloads too."""
    saving_percent: Decimal | None
    """How much less `cost` was when Steelyard decided than in this run; negative: more. Null for the former itself."""
    node_saving_percent: Decimal | None
    """The same of `nodeCost`."""
    objective_met: bool | None
    """Whether no more requests missed the promise than may. Null without requests."""
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
    tokens: RunTokens | None
    """Null where the workload has no lengths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolReplicas:
    """Ready replicas on one pool."""

    pool: str
    ready: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatedEnd:
    """Where a workload was at the end, and what was decided last."""

    replicas: tuple[PoolReplicas, ...]
    """Pools with a ready replica."""
    reason: str
    message: str
    """Why, in a sentence."""


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
    objective_milliseconds: int | None
    """For a whole answer. Null where it is not promised."""
    ttft_milliseconds: int | None
    """To the first token. Null where it is not promised."""
    itl_milliseconds: int | None
    """Between tokens. Null where it is not promised."""
    allowed_percent: Decimal
    """Requests that may miss the promise."""
    decided: RunLine
    alone: tuple[RunLine, ...]
    """On each of its pools alone, sized by the same rule; empty without a comparison."""
    moves: tuple[SimulatedMove, ...]
    claims: tuple[SimulatedClaim, ...]
    ended: SimulatedEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolNodes:
    """Nodes of one pool."""

    pool: str
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolBill:
    """The bill of one pool's nodes in the run in which Steelyard decided, from order to end, beside what the workloads' replicas took of it."""

    pool: str
    node_hours: Decimal
    cost: Decimal | None
    """Of whole nodes. Null where the scenario has no price."""
    shares: Decimal | None
    """Of it: replicas' shares of their nodes."""
    booked: Decimal | None
    """What Steelyard booked for these shares, at the prices that it read. Null where it read none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationView:
    """A scenario that was run. `time` of the document is its end."""

    now: datetime = field(metadata={"json": False})
    seed: int
    days: Decimal
    currency: str
    """Of all money here."""
    workloads: tuple[SimulatedWorkload, ...]
    node_hours: Decimal
    """Of the nodes of all pools, from order to end."""
    node_cost: Decimal | None
    """Of the same, idle parts included. Null where a price is not known."""
    node_starting_cost: Decimal | None
    """Of it: for nodes that were ordered and not ready yet."""
    node_empty_cost: Decimal | None
    """Of it: for nodes on which no replica was."""
    bills: tuple[PoolBill, ...]
    """Of pools that had nodes."""
    standing_nodes: tuple[PoolNodes, ...]
    """Nodes that stand from the start and are paid for whether they are used or not."""
    files: tuple[str, ...]
    """That were written."""


def simulation(scenario: Scenario, run: Run, alone: Mapping[tuple[str, str], Run], files: tuple[str, ...]) -> SimulationView:
    """From runs."""
    workloads = []
    for entry, found in zip(scenario.workloads, run.workloads, strict=True):
        allowed = 100 - entry.objective.percent
        decided = _line(None, found, run.nodes.cost if len(run.workloads) == 1 else None, allowed)
        others = [_line(pool, other.workloads[0], other.nodes.cost, allowed) for (name, pool), other in alone.items() if name == entry.name]
        workloads.append(
            SimulatedWorkload(
                name=entry.name,
                objective_milliseconds=entry.objective.milliseconds,
                ttft_milliseconds=entry.objective.ttft_milliseconds,
                itl_milliseconds=entry.objective.itl_milliseconds,
                allowed_percent=_decimal(allowed),
                decided=decided,
                alone=tuple(_compared(other, decided) for other in others),
                moves=tuple(_move(move) for move in found.moves),
                claims=tuple(_claim(claim) for claim in found.claims),
                ended=_ended(found),
            )
        )
    return SimulationView(
        now=scenario.start + timedelta(seconds=scenario.seconds),
        seed=scenario.seed,
        days=_decimal(scenario.seconds / 86400),
        currency=scenario.currency,
        workloads=tuple(workloads),
        node_hours=_decimal(sum(run.nodes.replica_hours.values())),
        node_cost=_known(run.nodes.cost),
        node_starting_cost=_known(run.starting.cost),
        node_empty_cost=_known(run.empty.cost),
        bills=tuple(_bill(pool, run) for pool in scenario.pools if run.nodes.replica_hours.get(pool.name)),
        standing_nodes=tuple(PoolNodes(pool=pool.name, nodes=pool.nodes) for pool in scenario.pools if pool.nodes),
        files=files,
    )


def _line(pool: str | None, run: WorkloadRun, node_cost: float | None, allowed: float) -> RunLine:
    tally = run.tally
    missed = 100 * tally.missed / tally.ended if tally.ended else None
    return RunLine(
        pool=pool,
        cost=_known(tally.cost),
        unit_cost=_known(1000 * tally.cost / tally.good if tally.cost is not None and tally.good else None),
        booked_cost=_known(tally.booked_cost),
        node_cost=_known(node_cost),
        saving_percent=None,
        node_saving_percent=None,
        objective_met=None if missed is None else missed <= allowed,
        offered=tally.offered,
        good=tally.good,
        slow=tally.slow,
        shed=tally.shed,
        error=tally.error,
        cut=tally.cut,
        unserved=tally.unserved,
        in_flight=run.in_flight,
        missed_percent=_known(missed),
        moves=len(run.moves),
        held_minutes=_decimal(run.held_seconds / 60),
        replica_hours=tuple(PoolHours(pool=name, hours=_decimal(hours)) for name, hours in sorted(tally.replica_hours.items())),
        tokens=_tokens(tally),
    )


def _tokens(tally: Tally) -> RunTokens | None:
    if not tally.prompt_tokens:
        return None
    return RunTokens(
        prompt=tally.prompt_tokens,
        output=tally.output_tokens,
        good_prompt=tally.good_prompt_tokens,
        good_output=tally.good_output_tokens,
    )


def _bill(pool: PoolEntry, run: Run) -> PoolBill:
    tallies = [workload.tally for workload in run.workloads]
    return PoolBill(
        pool=pool.name,
        node_hours=_decimal(run.nodes.replica_hours[pool.name]),
        cost=_known(run.nodes.costs.get(pool.name, 0.0)),
        shares=_known(known_sum(each.costs.get(pool.name, 0.0) for each in tallies)),
        booked=_known(known_sum(each.booked.get(pool.name, 0.0) for each in tallies)),
    )


def _compared(line: RunLine, decided: RunLine) -> RunLine:
    return replace(
        line,
        saving_percent=_saving(decided.cost, line.cost),
        node_saving_percent=_saving(decided.node_cost, line.node_cost),
    )


def _saving(decided: Decimal | None, other: Decimal | None) -> Decimal | None:
    return None if decided is None or not other else _decimal(float(100 * (other - decided) / other))


def _ended(run: WorkloadRun) -> SimulatedEnd:
    replicas = tuple(PoolReplicas(pool=pool, ready=ready) for pool, ready in sorted(run.ready.items()) if ready)
    return SimulatedEnd(replicas=replicas, reason=run.reason, message=run.message)


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
