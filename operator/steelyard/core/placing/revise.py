"""Is something else asked for? Then the new revision replaces the old one step by step, in any mode, once it is compiled."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.facts.identity import PlacementKey, on_pool
from steelyard.core.facts.memory import MoveKind, Quarantine
from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.decision import Note
from steelyard.core.placing.fresh import frozen, unread
from steelyard.core.placing.outcome import Outcome
from steelyard.core.placing.owned import owned_by
from steelyard.core.placing.start_move import Plan, start_move
from steelyard.core.placing.supply import is_outlived
from steelyard.core.vocabulary.reason import ASKED_IN_VAIN, AWAITED, Reason, Refusal

_ASKED = "the spec asks for a new revision"
_GONE = "spec.compile.variants does not have its variant any more"
_OUTLIVED = "the artifact was compiled again and is another: no new replica of the old one could start"


def revise(seen: Analysis) -> Outcome | None:
    """The move to the revision that is asked for, of the placement with the most replicas first, or what keeps it from beginning; None where
    what runs is what is asked for."""
    for placement in sorted(_kept(seen), key=lambda p: (p.key != seen.primary, p.key)):
        candidate = seen.candidate(placement.key.pool) or seen.candidate(on_pool(placement.key.pool))
        why = None if candidate is None else _why(seen, placement, candidate)
        if candidate is not None and why is not None:
            return _revised(Replacement(seen, placement, candidate), why)
    return None


class Replacement(NamedTuple):
    """Of a placement, by what is asked for of the pool now."""

    seen: Analysis
    placement: Placement
    candidate: Candidate

    @property
    def target(self) -> PlacementKey:
        """Its revision is empty where that is not known yet."""
        return PlacementKey(self.candidate.name, self.candidate.revision or "")


def _cannot_run(asked: Replacement) -> Refusal | None:
    return asked.candidate.refusal


def _frozen(asked: Replacement) -> Refusal | None:
    return frozen(asked.seen)


def _unread(asked: Replacement) -> Refusal | None:
    return unread(asked.seen)


def _owned(asked: Replacement) -> Refusal | None:
    return owned_by(asked.seen, asked.placement)


def _unnamed(asked: Replacement) -> Refusal | None:
    if asked.candidate.revision is not None:
        return None
    return Refusal(Reason.COMPILING, f"the new revision of pool {asked.candidate.name} is not known yet")


def _quarantined(asked: Replacement) -> Refusal | None:
    memory, now = asked.seen.snapshot.memory, asked.seen.now
    entry = next((q for q in memory.quarantine if (q.pool, q.revision) == asked.target and now < q.until), None)
    return None if entry is None else _failed(entry)


Gate: TypeAlias = Callable[[Replacement], Refusal | None]

REVISION: tuple[Gate, ...] = (
    _cannot_run,  # its artifact is still to come, or the pool cannot run what is asked for
    _frozen,  # a person said stop
    _unread,  # nothing recent enough to hold it against
    _owned,  # somebody else writes the replicas
    _unnamed,  # what would run is not known
    _quarantined,  # failed there before
)
"""The chain of the fourth act, beside those of `rebalancing/chain.py`: the first refusal is the verdict. The user asked for it, so it needs no saving,
rest, turn, mode or price, and no kept promise where it begins; each step of its move tests that it keeps the promise itself."""


def _kept(seen: Analysis) -> Iterable[Placement]:
    """Those that stay: what is asked to go by whoever sizes is not replaced first."""
    if not seen.snapshot.workload.sized_elsewhere:
        return seen.members
    return (p for p in seen.members if seen.wished(p.key.pool))


def _failed(entry: Quarantine) -> Refusal:
    until = f"the old one serves until {entry.until:%H:%M:%S} UTC"
    if entry.reason in ASKED_IN_VAIN:
        waited = f"the new revision waited for {ASKED_IN_VAIN[entry.reason]} on pool {entry.pool} in vain"
        return Refusal(Reason.named(entry.reason), f"{waited}; {until}", entry.until)
    return Refusal(Reason.QUARANTINED, f"the new revision failed on pool {entry.pool} ({entry.reason}); {until}", entry.until)


def _why(seen: Analysis, placement: Placement, candidate: Candidate) -> str | None:
    if candidate.name != placement.key.pool:
        return _GONE
    # The same revision under another wish: what was asked for is what runs, and there is nothing to replace.
    if placement.asked and not candidate.wants(placement.asked) and candidate.revision != placement.key.revision:
        return _ASKED
    return _OUTLIVED if is_outlived(seen, placement) else None


def _revised(asked: Replacement, why: str) -> Outcome:
    seen, placement, target = asked.seen, asked.placement, asked.target
    pool = target.pool
    refusal = next((found for gate in REVISION if (found := gate(asked)) is not None), None)
    if refusal is not None:
        return (Outcome.wait if refusal.reason in AWAITED else Outcome.hold)(seen.allocation, refusal, pool)
    count = seen.wished(pool) if seen.snapshot.workload.sized_elsewhere else placement.desired
    # Where a variant goes, the model as it is may stand beside it.
    base = seen.allocation.get(target, 0)
    plan = Plan(source=placement.key, target=target, source_replicas=count, goal=base + count, base=base)
    move = start_move(seen, MoveKind.REVISION, plan, Note(Reason.NEW_REVISION, why))
    return Outcome.begin(seen.allocation, move, Note(Reason.NEW_REVISION, why))
