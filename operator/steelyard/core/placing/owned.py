"""Does somebody write the replicas that Steelyard would write? Then it writes none of them, and says who it is and what to do."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import HOLDS, Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict

OVERRULED = frozenset({Reason.SLO_AT_RISK, Reason.REPLICAS_OWNED_ELSEWHERE})
"""Holds that say less: sizing mends nothing here, and a gate does not know the ScaleTarget."""


def owned(seen: Analysis) -> Refusal | None:
    """The first placement, by key, whose Deployment somebody else writes."""
    return next((refusal for p in seen.members if (refusal := owned_by(seen, p)) is not None), None)


def owned_by(seen: Analysis, placement: Placement) -> Refusal | None:
    """A move writes replicas; where somebody else does, it could neither grow nor drain."""
    if seen.is_ours(placement):
        return None
    target = f"ScaleTarget {seen.snapshot.workload.key.name}.{placement.key.pool}"
    todo = (
        f"point it at {target}"
        if seen.snapshot.workload.sized_elsewhere
        else f"delete it, or set spec.scaling.owner to External and point it at {target}"
    )
    which = f"Deployment {placement.name}" if placement.name else "the Deployment"
    return Refusal(
        Reason.REPLICAS_OWNED_ELSEWHERE,
        f"{placement.replicas_owner} writes the replicas of {which} on pool {placement.key.pool}, which Steelyard leaves alone: {todo}",
    )


def told_if_owned(seen: Analysis, outcome: Outcome) -> Outcome:
    """The same, held where somebody else writes the replicas and nothing else holds it: nothing follows the load there, so that no promise is mended
    by replicas either."""
    refusal, before = owned(seen), outcome.refusal
    if refusal is None or outcome.move is not None or (before is not None and before.reason in HOLDS - OVERRULED):
        return outcome
    gated = before is not None and before.reason is Reason.REPLICAS_OWNED_ELSEWHERE and outcome.target is not None
    would = f"would move to pool {outcome.target}; " if gated else ""
    return replace(outcome, verdict=Verdict.HOLD, refusal=replace(refusal, message=f"{would}{refusal.message}"))
