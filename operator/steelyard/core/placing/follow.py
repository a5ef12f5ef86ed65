"""Somebody else says how many replicas there are on each pool, at its ScaleTarget: that is brought about, whatever revisions they are of.

What is asked for is followed in every step, readings or not, so that no autoscaler waits for a roll-out. Steelyard itself places the first replicas,
replaces a revision that is not asked for any more, and moves nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind
from steelyard.core.facts.memory import Outcome as End
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.ended import past_move
from steelyard.core.placing.explore import explore
from steelyard.core.placing.go_on import go_on
from steelyard.core.placing.idle import idle
from steelyard.core.placing.improve import improve
from steelyard.core.placing.outcome import Allocation, Outcome
from steelyard.core.placing.owned import told_if_owned
from steelyard.core.placing.repair import Shortage, repair
from steelyard.core.placing.revise import revise
from steelyard.core.placing.supply import starts_on
from steelyard.core.vocabulary.reason import AWAITED, Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict


def follow(seen: Analysis, short: Shortage) -> Outcome:
    """The replicas that are asked for by pool, or the next step of the roll-out that is under way."""
    move = seen.snapshot.memory.move
    if move is not None:
        return _go_on(seen, move)
    if not seen.members and not seen.snapshot.scale_targets:
        return repair(seen, short) or improve(seen)
    wanted = _wanted(seen)
    missing = _missing(seen, wanted)
    if not wanted:
        return missing or Outcome.wait({}, idle(seen))
    revised = revise(seen)
    if revised is not None and revised.move is not None:
        return _beside(revised, revised.move, wanted)
    outcome = missing or revised or explore(seen, improve(seen))
    return told_if_owned(seen, replace(outcome, allocation=wanted))


def _go_on(seen: Analysis, move: Move) -> Outcome:
    wanted = _wanted(seen)
    if move.kind is not MoveKind.REVISION:
        return _over(seen, move, wanted, "whoever owns the replicas now says how many there are on each pool")
    if not seen.wished(move.target.pool):
        return _over(seen, move, wanted, f"its ScaleTarget asks for no replica on pool {move.target.pool}")
    return _beside(go_on(seen, move, None), move, wanted)


def _beside(outcome: Outcome, move: Move, wanted: Allocation) -> Outcome:
    """Of the pool where a revision is rolled out the roll-out says how many there are of each."""
    elsewhere = {key: n for key, n in wanted.items() if key.pool != move.target.pool}
    here = {key: n for key, n in outcome.allocation.items() if key.pool == move.target.pool}
    return replace(outcome, allocation={**elsewhere, **here})


def _over(seen: Analysis, move: Move, wanted: Allocation, why: str) -> Outcome:
    """What stands is what the ScaleTargets were made with, or what they ask for by now."""
    said = f"the move is over: {why}"
    past = past_move(seen, move, End.ROLLED_BACK, Reason.NOT_ASKED_FOR)
    return Outcome(verdict=Verdict.DONE, allocation=wanted, past=past, target=move.target.pool, notes=(Note(Reason.NOT_ASKED_FOR, said),))


def _wanted(seen: Analysis) -> Allocation:
    """Replicas by placement, on each pool as many in all as are asked for there."""
    wanted: dict[PlacementKey, int] = {}
    for pool in sorted({*seen.snapshot.scale_targets, *(p.key.pool for p in seen.snapshot.placements if p.desired > 0)}):
        count, standing = seen.wished(pool), [p for p in seen.snapshot.placements if p.key.pool == pool and p.desired > 0]
        first = starts_on(seen, pool)
        if standing:
            counts = _spread(seen, count, standing)
            wanted |= {p.key: n for p, n in zip(standing, counts, strict=True)}
        elif count > 0 and first is not None:
            wanted[first] = count
    return wanted


def _spread(seen: Analysis, count: int, standing: Sequence[Placement]) -> Sequence[int]:
    """Over several revisions: more of what a new replica would be of; fewer of those that do not serve first, then of what is not asked for."""
    counts = [p.desired for p in standing]
    first = starts_on(seen, standing[0].key.pool)
    ours = [n for n, p in enumerate(standing) if seen.is_ours(p)]
    if not ours:
        return counts
    order = sorted(ours, key=lambda n: (standing[n].key == first, standing[n].ready))
    more = count - sum(counts)
    if more >= 0:
        counts[order[-1]] += more
        return counts
    for keep in ([standing[n].ready for n in range(len(standing))], [0] * len(standing)):
        for n in order:
            counts[n] -= min(max(0, counts[n] - keep[n]), sum(counts) - count)
    return counts


def _missing(seen: Analysis, wanted: Allocation) -> Outcome | None:
    """Of the first pool that replicas are asked for on and none can start on, why."""
    there = {key.pool for key in wanted}
    for pool, count in sorted(seen.snapshot.scale_targets.items()):
        if count == 0 or pool in there:
            continue
        candidate = seen.candidate(pool)
        refusal = candidate.refusal if candidate is not None else None
        told = refusal or Refusal(Reason.NO_POOL, f"its ScaleTarget asks for {count} replica(s) on pool {pool}, which does not exist")
        return (Outcome.wait if told.reason in AWAITED else Outcome.hold)({}, told, pool)
    return None
