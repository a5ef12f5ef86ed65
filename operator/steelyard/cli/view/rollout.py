"""A workload as it changes: the steps of the move under way, and how replicas and traffic are shared out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.cli.facts.workload import Workload
from steelyard.cli.view.claim_row import ClaimRow
from steelyard.core.planning.weights import TOTAL
from steelyard.status.read.field import UNSHOWN
from steelyard.status.read.move import Move
from steelyard.status.read.placement import Placement

SHIFT = "Shift"
STEPS = ("Surge", SHIFT, "Bake", "Drain")
"""Of a move that goes on to its end. Surge and Shift are gone through again as replicas join."""
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step of a move."""

    name: str
    state: str
    """Passed, Now or Ahead."""
    share_percent: int | None
    """Of Shift, how far the requests are shifted. Null of other steps, and where no route has weights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareRow:
    """One pool's part in the workload. Null where it is not known."""

    pool: str
    role: str | None
    """From or To, in a move."""
    ready: int | None
    desired: int | None
    goal: int | None
    """Replicas that it is to have at the end of the move; of a trial's source that depends on its outcome."""
    traffic_percent: int | None
    """Of the requests, about: by the weights of the workload's route, or without one by ready replicas, each of which gets the same part of a Service."""
    weight: int | None
    """What the route sends there, of 1000. Null where it names the pool nowhere, and where there is none."""
    n: int | None
    """Good requests measured there."""
    needed: int | None
    """That a trial needs before it is judged."""
    unit_cost: Decimal | None
    lower: Decimal | None
    """Lower end of the 95 % interval."""
    upper: Decimal | None
    basis: str | None
    """Measured or Claimed."""
    cost_per_hour: Decimal | None
    """Of all replicas that the load needs, were it there alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialMoney:
    """What trials of a workload may cost. One that a person asked for has a budget of its own, and counts in no other."""

    asked_by: str | None
    """The AcceleratorTrial that asked for the one under way, null where the workload explores by itself."""
    reserved: Decimal | None
    """For the one under way: the most that it can cost until its deadline."""
    spent: Decimal | None
    """By those of the last 24 hours that have ended. Null: that of one is not known."""
    budget: Decimal | None
    """Within 24 hours. Null: left out, so it is a tenth of what the workload costs in a day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """`steps` is empty while none is under way."""

    namespace: str
    name: str
    currency: str | None
    unit: str
    """What unit costs are counted by: GoodRequests, OutputTokens or InputTokens."""
    move: Move | None = field(metadata=UNSHOWN)
    steps: tuple[StepRow, ...]
    shares: tuple[ShareRow, ...]
    """Of the pools with replicas, or with a part in the move; the source first, the target last."""
    claims: tuple[ClaimRow, ...]
    """Those that the target of the move has a part in: how far they are judged."""
    trial: TrialMoney | None
    """Of a trial under way."""


def rollout(workload: Workload, claims: Iterable[ClaimRow], now: datetime) -> Rollout:
    """Nothing is computed but parts of a whole: all else stands in status."""
    move = workload.move
    return Rollout(
        namespace=workload.namespace,
        name=workload.name,
        currency=workload.currency,
        unit=workload.counted_by,
        move=move,
        steps=tuple(_steps(workload, move)) if move is not None else (),
        shares=_shares(workload),
        claims=tuple(row for row in claims if move is not None and move.target is not None and move.target in {row.pool, row.relative_to}),
        trial=_trial(workload, move, now) if move is not None and move.kind == "Exploration" else None,
    )


def _steps(workload: Workload, move: Move) -> Iterator[StepRow]:
    if move.step == "Back":
        yield StepRow(name="Back", state="Now", share_percent=None)
        return
    names = ("Probe", *STEPS) if _probed(workload, move) else STEPS
    at = names.index(move.step) if move.step in names else None
    if at is None and move.step is not None:
        yield StepRow(name=move.step, state="Now", share_percent=None)  # Of a newer operator.
        return
    for place, name in enumerate(names):
        state = "Ahead" if at is None or place > at else "Now" if place == at else "Passed"
        yield StepRow(name=name, state=state, share_percent=move.share_percent if name == SHIFT else None)


def _probed(workload: Workload, move: Move) -> bool:
    """A move does not say which steps it had; what its target's figures rest on does."""
    target = workload.at(move.target, move.target_revision)
    probed = target.probed if target is not None else None
    return move.step == "Probe" or (probed is not None and move.started is not None and probed >= move.started)


def _shares(workload: Workload) -> tuple[ShareRow, ...]:
    move = workload.move
    source = (move.source, move.source_revision) if move else None
    target = (move.target, move.target_revision) if move else None
    shown = [p for p in workload.placements if p.ready_replicas or p.desired_replicas or (p.pool, p.revision) in {source, target}]
    parts = _parts(shown)
    rows = [_share(workload, p, part) for p, part in zip(shown, parts, strict=True)]
    if move is not None and move.target is not None and not any(row.role == "To" for row in rows):
        rows.append(_absent(move))
    return tuple(sorted(rows, key=lambda row: {"From": 0, None: 1, "To": 2}[row.role]))


def _parts(shown: list[Placement]) -> list[int | None]:
    """Percent of the requests for each, None where it is not known. A route sends nothing to what it does not name, however many are ready there."""
    if any(p.weight is not None for p in shown):
        return [round(100 * (p.weight or 0) / TOTAL) for p in shown]
    known = [p.ready_replicas for p in shown if p.ready_replicas is not None]
    serving = sum(known) if len(known) == len(shown) else None
    return [round(100 * (p.ready_replicas or 0) / serving) if serving else None for p in shown]


def _share(workload: Workload, place: Placement, part: int | None) -> ShareRow:
    move, option = workload.move, workload.option(place.pool)
    key, role = (place.pool, place.revision), None
    if move is not None:
        role = "To" if key == (move.target, move.target_revision) else "From" if key == (move.source, move.source_revision) else None
    told = place.unit_cost.by(workload.counted_by) if place.unit_cost else None
    cost = told or (option if option and option.unit_cost is not None else None)
    measured = place.unit_cost.n if place.unit_cost and told else option.n if option and option.basis in {"Measured", "Planned"} else None
    judged = [claim.n for claim in workload.claims if claim.pool == place.pool and claim.n]
    return ShareRow(
        pool=place.pool,
        role=role,
        ready=place.ready_replicas,
        desired=place.desired_replicas,
        goal=_goal(move, role),
        traffic_percent=part,
        weight=place.weight,
        n=measured or max(judged, default=None),
        needed=workload.least_requests if move is not None and role == "To" and move.kind == "Exploration" else None,
        unit_cost=(told.value if told else option.unit_cost if option else None) if cost else None,
        lower=cost.lower if cost else None,
        upper=cost.upper if cost else None,
        basis="Measured" if told else option.basis if option and cost else None,
        cost_per_hour=option.cost_per_hour if option else None,
    )


def _goal(move: Move | None, role: str | None) -> int | None:
    if move is None or role is None:
        return None
    if role == "To":
        return move.target_goal
    return None if move.kind == "Exploration" else move.source_goal or 0


def _absent(move: Move) -> ShareRow:
    """The target before it has replicas, or while a probe serves nobody."""
    assert move.target is not None
    return ShareRow(
        pool=move.target, role="To", ready=None, desired=move.target_replicas, goal=move.target_goal, traffic_percent=None, weight=None,
        n=None, needed=None, unit_cost=None, lower=None, upper=None, basis=None, cost_per_hour=None,
    )  # fmt: skip


def _trial(workload: Workload, move: Move, now: datetime) -> TrialMoney:
    ended = [p.cost for p in workload.history if p.kind == "Exploration" and p.trial is None and (p.time is None or now < p.time + DAY)]
    known = [cost for cost in ended if cost is not None]
    return TrialMoney(
        asked_by=None if move.trial is None else move.trial.partition("/")[0],
        reserved=move.reserved,
        spent=sum(known, Decimal(0)) if len(known) == len(ended) else None,
        budget=workload.trial_budget,
    )
