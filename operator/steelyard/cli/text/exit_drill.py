"""Whether a workload could leave its accelerator family, in one line."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from steelyard.cli.text.figure import ago, duration, percent
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.read.exit_drill import ExitDrill, ExitProof


def exit_line(told: ExitDrill, now: datetime) -> str:
    """The newest proof for the family in use, and what came after it; why there is none."""
    proof, said = told.proof, told.message or told.reason or "the operator does not say why"
    if proof is None:
        return f"no proof that it could leave {told.family or 'its accelerator family'}: {said}"
    within = "an unknown time" if proof.within_seconds is None else duration(proof.within_seconds)
    line = f"could leave {proof.source_family} for {proof.target_family} within {within} {_cost(proof)}, proven {_when(proof, now)}"
    since = f"; since then {told.reason}: {said}" if told.reason not in {Reason.EXIT_PROVEN.value, Reason.DRILLING.value, None} else ""
    return f"{line}{since}"


def _when(proof: ExitProof, now: datetime) -> str:
    """The day, which a printed page still says in a year, and how long ago that was."""
    return ago(None, now) if proof.proven is None else f"on {proof.proven:%Y-%m-%d} ({ago(proof.proven, now)})"


def _cost(proof: ExitProof) -> str:
    more, lower, upper = proof.cost_percent, proof.cost_lower, proof.cost_upper
    if more is None:
        return "at a cost that nobody knows"
    if more < 0:
        more, lower, upper = -more, None if upper is None else -upper, None if lower is None else -lower
        return f"at {percent(more)}{_bounds(lower, upper)} less"
    return f"at {percent(more)}{_bounds(lower, upper)} more"


def _bounds(lower: Decimal | None, upper: Decimal | None) -> str:
    """Both ends, where they differ."""
    return "" if lower is None or upper is None or lower == upper else f" [{lower.normalize():f}, {upper.normalize():f}]"
