"""The view of `steelyard explain`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from steelyard.cli.facts.compile import Compile, compile_of
from steelyard.cli.facts.event import Event, newest_first
from steelyard.cli.facts.pool import pool
from steelyard.cli.facts.workload import Objective, workload
from steelyard.cli.gathered import Gathered
from steelyard.cli.view.change import Change, changes
from steelyard.cli.view.claim_row import ClaimRow, claim_rows, written_by
from steelyard.cli.view.pool_row import PoolRow, pool_rows
from steelyard.cli.view.rollout import Rollout, rollout
from steelyard.cli.view.sentence import meaning, where, why
from steelyard.cli.view.trials import TrialLine, running
from steelyard.cli.view.wrong import Wrong, first_wrong
from steelyard.status.read.condition import Condition
from steelyard.status.read.cost import PoolCost
from steelyard.status.read.decision import Gate
from steelyard.status.read.exit_drill import ExitDrill
from steelyard.status.read.move import Move, PastMove, Quarantine
from steelyard.status.read.placement import Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplainView:
    """Everything that status holds of one workload, in the order in which a person asks."""

    now: datetime = field(metadata={"json": False})
    namespace: str
    name: str
    wrong: Wrong | None
    """The first thing that is wrong with it, null where nothing is."""
    model: str | None
    model_revision: str | None
    """Of the repository that it comes from, or its digest."""
    mode: str | None
    """Observe, Recommend or Auto."""
    where: str
    """Where it runs, as a sentence."""
    why: str
    """Why, as a sentence."""
    verdict: str | None
    """Of the last decision: Place, Stay, Hold, Wait, Move or Done."""
    reason: str | None
    meaning: str | None
    """What that reason means in general."""
    decided: datetime | None
    """When the decision last changed."""
    digest: str | None
    """Finds its full record in the operator's log."""
    objective: tuple[Objective, ...]
    currency: str | None
    """Of all costs."""
    unit: str
    """What the costs of pools are counted by: GoodRequests, OutputTokens or InputTokens."""
    slo_met: Condition | None
    exit_drill: ExitDrill | None
    """Whether it could leave its accelerator family, null where no drill is asked for."""
    pools: tuple[PoolRow, ...]
    placements: tuple[Placement, ...]
    allocation: tuple[Placement, ...] = field(metadata={"json": False})
    """Those of the placements that hold the load outside of the move under way."""
    costs: tuple[PoolCost, ...]
    """An hour of this workload, in three ways."""
    claims: tuple[ClaimRow, ...]
    gates: tuple[Gate, ...]
    would_change: tuple[Change, ...]
    move: Move | None
    rollout: Rollout
    """How the workload changes: steps of the move, replicas and traffic by pool, claims, money of a trial."""
    trials: tuple[TrialLine, ...] | None
    """AcceleratorTrials of the workload that go on. Null: they were not read, or may not be."""
    quarantine: tuple[Quarantine, ...]
    history: tuple[PastMove, ...]
    """Newest first."""
    compiles: tuple[Compile, ...]
    """Of this workload, the finished ones too."""
    conditions: tuple[Condition, ...]
    events: tuple[Event, ...] | None
    """Kubernetes Events of the workload, newest first. Null: they were not read, or may not be."""
    notes: tuple[str, ...]
    """What could not be read, and why."""


def explain(seen: Gathered) -> ExplainView:
    """From the raw objects of one workload."""
    one = workload(seen.workloads[0])
    pools = None if seen.pools is None else tuple(pool(p) for p in seen.pools)
    compiles = tuple(c for c in (compile_of(m) for m in seen.models or ()) if c.namespace == one.namespace and one.name in c.users)
    decided = one.decision
    claims = claim_rows(one.claims, written_by(pools or ()))
    trials = running(seen.trials)
    return ExplainView(
        now=seen.now,
        namespace=one.namespace,
        name=one.name,
        wrong=first_wrong(one),
        model=one.model,
        model_revision=one.model_revision,
        mode=one.mode,
        where=where(one),
        why=why(one),
        verdict=decided.verdict if decided else None,
        reason=decided.reason if decided else None,
        meaning=meaning(decided.reason) if decided else None,
        decided=decided.time if decided else None,
        digest=decided.digest if decided else None,
        objective=one.objective,
        currency=one.currency,
        unit=one.counted_by,
        slo_met=one.condition("SLOMet"),
        exit_drill=one.exit_drill,
        pools=pool_rows(one, pools, seen.now),
        placements=one.placements,
        allocation=one.allocation,
        costs=one.costs,
        claims=claims,
        gates=decided.gates if decided else (),
        would_change=changes(one, pools, compiles, seen.now),
        move=one.move,
        rollout=rollout(one, claims, seen.now),
        trials=None if trials is None else tuple(t for t in trials if (t.namespace, t.workload) == (one.namespace, one.name)),
        quarantine=one.quarantine,
        history=tuple(sorted(one.history, key=lambda p: p.time.timestamp() if p.time else 0.0, reverse=True)),
        compiles=compiles,
        conditions=one.conditions,
        events=None if seen.events is None else newest_first(seen.events),
        notes=seen.notes,
    )
