"""Whether a drill is made now: the first of two ordered lists of checks that finds something says why not. A pool to try is looked for in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeAlias

from steelyard.core.drill.way_out import WayOut, way_out
from steelyard.core.facts.exit_drill import Drill, DrillMemory, ExitDrill
from steelyard.core.facts.snapshot import Mode
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.fresh import frozen
from steelyard.core.placing.outcome import Outcome
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.statistics.sequential import Result
from steelyard.core.vocabulary.reason import Reason, Refusal

AGAIN = timedelta(hours=1)
"""After a drill of which no replica was ordered: it cost nothing, and proved nothing."""
Check: TypeAlias = Callable[[Analysis, Outcome], Refusal | None]


def due(asked: ExitDrill, last: Drill | None, wanted: datetime) -> datetime:
    """When the next drill is due: its budget is spent once a period at most, whatever became of the last one."""
    if last is None:
        return wanted
    return last.time + (timedelta(seconds=asked.every_seconds) if last.began else AGAIN)


def may_begin(seen: Analysis, outcome: Outcome, memory: DrillMemory, asked: ExitDrill) -> WayOut | Refusal:
    """What the drill that is due tries, or why it waits."""
    stops = _first(BEFORE, seen, outcome)
    if stops is not None:
        return stops
    found = way_out(seen, memory, asked)
    waits = None if isinstance(found, Refusal) else _first(AFTER, seen, outcome)
    return found if waits is None else waits


def _first(checks: Sequence[Check], seen: Analysis, outcome: Outcome) -> Refusal | None:
    return next((found for check in checks if (found := check(seen, outcome)) is not None), None)


def not_ours(seen: Analysis, _: Outcome) -> Refusal | None:
    """Of what its owner runs no replica can be made elsewhere, and what takes requests that nobody knows cannot be asked."""
    why = not_askable(seen.snapshot)
    return None if why is None else replace(why, message=f"{why.message}, or leave spec.placement.exitDrill out")


def observed_only(seen: Analysis, _: Outcome) -> Refusal | None:
    """A drill makes replicas, and Observe makes none of its own accord."""
    if seen.snapshot.workload.rebalancing.mode is not Mode.OBSERVE:
        return None
    return Refusal(
        Reason.MODE_OBSERVES, "spec.rebalancing.mode is Observe, in which no replica is made for a drill: set it to Recommend or Auto"
    )


def stopped(seen: Analysis, _: Outcome) -> Refusal | None:
    """A person said stop."""
    return frozen(seen)


def serves_nobody(seen: Analysis, _: Outcome) -> Refusal | None:
    """There is no family to leave."""
    if any(p.ready for p in seen.members):
        return None
    return Refusal(Reason.PLACING, "no replica serves yet: a drill is made once one does")


def moving(seen: Analysis, outcome: Outcome) -> Refusal | None:
    """One voluntary change at a time."""
    if seen.snapshot.memory.move is None and outcome.move is None:
        return None
    return Refusal(Reason.MOVING, "a move is under way: a drill is made after it")


def missed(seen: Analysis, _: Outcome) -> Refusal | None:
    """Users come first."""
    if seen.promise.result is not Result.FAIL:
        return None
    return Refusal(Reason.SLO_AT_RISK, "the workload misses its objective over the last windows: a drill takes nothing from it now")


def waiting(seen: Analysis, _: Outcome) -> Refusal | None:
    """What serves comes before what is tried, where nodes are short."""
    if any(p.queued for p in seen.members):
        return Refusal(Reason.WAITING_FOR_QUOTA, "serving replicas wait for quota: a drill takes none from them")
    if not any(p.unplaced for p in seen.members):
        return None
    return Refusal(Reason.UNPLACED, "serving replicas wait for a node: a drill takes none from them")


def tried(seen: Analysis, _: Outcome) -> Refusal | None:
    """Two trials beside each other would be measured on each other's nodes."""
    names = seen.snapshot.other_trials
    if not names:
        return None
    return Refusal(Reason.MEASURING, f"AcceleratorTrial {names[0]} of this workload is under way: a drill is made after it")


def no_load(seen: Analysis, _: Outcome) -> Refusal | None:
    """Nobody knows how many replicas another pool would need."""
    if seen.load is not None and seen.load.mean > 0:
        return None
    return Refusal(
        Reason.NO_TRAFFIC, "the workload's load is not known, or there is none: how many replicas another pool needs cannot be said"
    )


BEFORE: tuple[Check, ...] = (
    not_ours,
    observed_only,  # what a person asks for
    stopped,
    serves_nobody,
)
AFTER: tuple[Check, ...] = (
    moving,  # what passes by itself
    missed,
    waiting,
    tried,
    no_load,
)
