"""What a trial of live traffic asks of its workload now."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.trial import Trial, TrialMemory


def asks(trial: Trial, memory: TrialMemory) -> LiveTrial | None:
    """By its spec and its status alone; None of one that asks for nothing, or no more."""
    if not trial.live or trial.budget is None or trial.stop or memory.finished:
        return None
    return LiveTrial(
        key=trial.mine,
        created=trial.created,
        deadline=trial.created + timedelta(seconds=trial.deadline_seconds),
        pools=_still_asked(trial, memory),
        budget=trial.budget,
        duration_seconds=trial.duration_seconds,
        spent={row.pool: row.spent for row in memory.rows if row.phase.is_over and row.spent is not None},
    )


def _still_asked(trial: Trial, memory: TrialMemory) -> tuple[str, ...]:
    """The pools of which it does not know enough yet. A pool that is left out here goes back by that."""
    known = {row.pool for row in memory.rows if row.phase.is_over or row.ended is not None}
    return tuple(pool for pool in trial.pools if pool not in known)
