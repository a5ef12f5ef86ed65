"""Does somebody write the replicas that Steelyard would write? Then it writes none of them, and says who it is and what to do."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.snapshot import Placement
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.outcome import Outcome
from steelyard.core.vocabulary.reason import HOLDS, Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict


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
    refusal = owned(seen)
    if (
        refusal is None
        or outcome.move is not None
        or (outcome.refusal is not None and outcome.refusal.reason in HOLDS - {Reason.SLO_AT_RISK})
    ):
        return outcome
    return replace(outcome, verdict=Verdict.HOLD, refusal=refusal)
