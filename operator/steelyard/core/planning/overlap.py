"""Of pools that have nodes in common a workload uses one: what differs between them could not be measured on the same machines."""

from __future__ import annotations

from collections.abc import Sequence, Set

from steelyard.core.compiling.candidate import Candidate
from steelyard.core.facts.identity import on_pool
from steelyard.core.facts.snapshot import Overlap
from steelyard.core.vocabulary.reason import AWAITED, Reason, Refusal


def overlapping(candidate: Candidate, candidates: Sequence[Candidate], standing: Set[str]) -> Refusal | None:
    """Why the pool is left to another one. standing: pools that hold a part of the load, and stay in use. Otherwise it is the oldest of those
    that the workload may use: one that it does not select, or that cannot run it, stands in nobody's way."""
    if candidate.pool.of in map(on_pool, standing):
        return None
    usable = {c.name for c in candidates if c.pool.selected and (c.refusal is None or c.refusal.reason in AWAITED)}
    taken = next((o for o in candidate.pool.overlaps if o.pool in map(on_pool, standing)), None)
    older = next((o for o in candidate.pool.overlaps if o.older and o.pool in usable), None)
    found = taken or older
    if found is None:
        return None
    why = "where the workload runs" if taken is not None else "which is older"
    return Refusal(
        Reason.OVERLAPPING,
        f"pool {candidate.name} shares {shared(found)} with pool {found.pool}, {why}: nothing is tried there or moved there; give each of the"
        " two a spec.nodes.selector that matches its own nodes alone",
    )


def shared(overlap: Overlap) -> str:
    """The nodes that two pools have in common, in words."""
    if not overlap.nodes:
        return "the nodes that it will have"
    rest = overlap.count - len(overlap.nodes)
    return f"node{'s' if overlap.count > 1 else ''} {', '.join(overlap.nodes)}{f' and {rest} more' if rest > 0 else ''}"
