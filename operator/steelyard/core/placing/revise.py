"""Is something else asked for? Then the new revision replaces the old one step by step, in any mode, once it is compiled."""

from __future__ import annotations

from collections.abc import Iterable

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
            return _revised(seen, placement, candidate, why)
    return None


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


def _revised(seen: Analysis, placement: Placement, candidate: Candidate, why: str) -> Outcome:
    pool = candidate.name
    refusal = candidate.refusal or frozen(seen) or unread(seen) or owned_by(seen, placement)
    if refusal is not None or candidate.revision is None:
        told = refusal or Refusal(Reason.COMPILING, f"the new revision of pool {pool} is not known yet")
        return (Outcome.wait if told.reason in AWAITED else Outcome.hold)(seen.allocation, told, pool)
    target = PlacementKey(pool, candidate.revision)
    entry = next((q for q in seen.snapshot.memory.quarantine if (q.pool, q.revision) == target and seen.now < q.until), None)
    if entry is not None:
        return Outcome.hold(seen.allocation, _failed(entry), pool)
    count = seen.wished(pool) if seen.snapshot.workload.sized_elsewhere else placement.desired
    # Where a variant goes, the model as it is may stand beside it.
    base = seen.allocation.get(target, 0)
    plan = Plan(source=placement.key, target=target, source_replicas=count, goal=base + count, base=base)
    move = start_move(seen, MoveKind.REVISION, plan, Note(Reason.NEW_REVISION, why))
    return Outcome.begin(seen.allocation, move, Note(Reason.NEW_REVISION, why))
