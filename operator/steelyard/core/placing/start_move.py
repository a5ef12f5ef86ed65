"""A move at its beginning, before its first side effect."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from steelyard.core.facts.identity import PlacementKey, TrialKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note

_FOR_COST = frozenset({MoveKind.REBALANCE, MoveKind.EXPLORATION})
"""Moves that ask before anything is paid. What keeps the promise, and what the user wants of the workload, waits for nobody's word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """From `source`, which has `source_replicas` and keeps `source_goal` of them, to `target`, which has `base` and ends with `goal`. `extra`:
    replicas that the source needs besides before the first of the target joins. `reserved`: money that a trial may cost. `probe_seconds`: how long the
    probes that it begins with may take; None where it begins without. `trial`: that asks for it, and `deadline`: until when at the latest."""

    source: PlacementKey
    target: PlacementKey
    source_replicas: int
    goal: int
    source_goal: int = 0
    base: int = 0
    extra: int = 0
    reserved: float | None = None
    probe_seconds: int | None = None
    deadline: datetime | None = None
    trial: TrialKey | None = None


def start_move(seen: Analysis, kind: MoveKind, plan: Plan, note: Note) -> Move:
    """The move in its first step: a probe, or one replica of the target, once the source has what it needs beside it."""
    policy = seen.snapshot.workload.rebalancing
    probed = plan.probe_seconds is not None
    pool = seen.snapshot.pool(plan.target.pool)
    seconds = plan.probe_seconds or (policy.exploration_deadline_seconds if kind is MoveKind.EXPLORATION else policy.deadline_seconds)
    return Move(
        id=f"{seen.now:%Y%m%dt%H%M%S}-{plan.target.pool}"[:63],
        kind=kind,
        source=plan.source,
        target=plan.target,
        step=Step.PROBE if probed else Step.SURGE,
        source_replicas=plan.source_replicas + plan.extra,
        target_replicas=plan.base + (0 if plan.extra or probed else 1),
        target_goal=plan.goal,
        started=seen.now,
        step_time=seen.now,
        deadline=plan.deadline or seen.now + timedelta(seconds=seconds),
        reason=note.reason,
        message=note.message,
        source_goal=plan.source_goal,
        target_base=plan.base,
        reserved=plan.reserved,
        trial=plan.trial,
        share=0 if seen.snapshot.by_weights(plan.source, plan.target) else None,
        asking=kind in _FOR_COST and pool is not None and pool.ask is not None,
    )
