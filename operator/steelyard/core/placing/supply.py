"""Which replicas are surely coming, and which are waited for in vain."""

from __future__ import annotations

from datetime import timedelta

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.snapshot import ArtifactState, Placement
from steelyard.core.performance.capacity import RHO
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.exhaustion import DEADLINE
from steelyard.core.vocabulary.reason import Reason, Refusal

QUOTA_PATIENCE = timedelta(minutes=1)
"""How long a replica that waits for quota is counted on. A queue answers at once: who still waits then waits for somebody else to end, which nobody can
tell, and a start elsewhere takes minutes."""


def lost(seen: Analysis, placement: Placement) -> int:
    """Replicas that are wanted and are not counted on: they keep ending, or are waited for in vain, or what serves without them is too little."""
    absent = placement.desired - placement.ready
    if absent <= 0:
        return 0
    hopeless = _waiting(placement) if _waits_in_vain(seen, placement) else displaced(seen, placement)
    return max(0, min(absent, placement.crashing + hopeless + without_quota(seen, placement)))


def without_quota(seen: Analysis, placement: Placement) -> int:
    """Replicas whose queue has no quota for them. Nothing is wrong with their pool, its nodes or its servers."""
    since = placement.queued_since
    return placement.queued if since is not None and seen.now - since >= QUOTA_PATIENCE else 0


def displaced(seen: Analysis, placement: Placement) -> int:
    """Replicas that served lately, lost their nodes, and wait for others, while what is ready can do no more: nobody knows yet whether they come back
    within minutes or not at all, so they are waited for and replaced elsewhere as well."""
    gone = min(_waiting(placement), seen.served_lately(placement) - placement.ready)
    return max(0, gone) if gone > 0 and not _waits_in_vain(seen, placement) and _overloaded(seen) else 0


def _waiting(placement: Placement) -> int:
    """Replicas without a place, or in trouble that is not of their own."""
    return placement.desired - placement.ready - placement.crashing if placement.trouble is not None else placement.unplaced


def _waits_in_vain(seen: Analysis, placement: Placement) -> bool:
    """Whether those that wait have waited for longer than DEADLINE, or their pool delivers nothing, or it was said that no node comes for them."""
    overdue = placement.waiting_since is not None and seen.now - placement.waiting_since >= DEADLINE
    return overdue or bool(placement.refused_nodes) or seen.is_exhausted(placement.key.pool)


def _overloaded(seen: Analysis) -> bool:
    """Whether the replicas that are ready would be busy all the time with the load of now, by the capacities that are known: most requests are late
    then. Less of an overload is over before replicas elsewhere are ready."""
    ready = [(p.ready, capacity) for p in seen.members if p.ready > 0 and (capacity := seen.capacity(p.key)) is not None]
    if seen.load is None or len(ready) < sum(1 for p in seen.members if p.ready > 0):
        return False
    return sum(count for count, _ in ready) * min((capacity for _, capacity in ready), default=0.0) < RHO * seen.load.now


def coming(seen: Analysis, placement: Placement) -> int:
    """Replicas that are ready or surely will be."""
    return placement.desired - lost(seen, placement)


def never_came(seen: Analysis, placement: Placement) -> bool:
    """Whether its containers keep ending and it has never served anything: the place is at fault, or the model on it."""
    return placement.ready == 0 and placement.crashing > 0 and placement.key not in seen.kept and not is_outlived(seen, placement)


def is_outlived(seen: Analysis, placement: Placement) -> bool:
    """Whether a placement is of an artifact that the store has no more, so that no new pod of it can start, and another can be made instead.

    A compile of the same key need not give the same bytes, and a template is never written again (docs/adr/0024-a-corrupt-artifact-is-compiled-again.md).
    """
    found = seen.snapshot.artifacts.get(placement.artifact_key or "")
    if found is None or (found.state is ArtifactState.READY and found.digest == placement.artifact_digest):
        return False
    candidate = seen.candidate(placement.key.pool)
    return candidate is not None and candidate.refusal is None and candidate.revision != placement.key.revision


def why_lost(seen: Analysis, placement: Placement) -> Refusal:
    """What keeps its replicas from coming, the cause before what follows of it."""
    pool = placement.key.pool
    if placement.trouble is not None:
        return placement.trouble
    if is_outlived(seen, placement):
        return Refusal(Reason.PLACING, f"no replica on pool {pool} can start, since its artifact was compiled again and is another")
    if placement.crashing > 0:
        return Refusal(
            Reason.TARGET_CRASHED, f"replicas on pool {pool} keep ending: {placement.crash_message or 'see kubectl logs --previous'}"
        )
    if gone := displaced(seen, placement):
        return Refusal(Reason.UNPLACED, f"{gone} replica(s) on pool {pool} lost their nodes and wait for others")
    if not placement.unplaced and without_quota(seen, placement):
        return Refusal(Reason.WAITING_FOR_QUOTA, f"replicas on pool {pool} {placement.queued_message}")
    told = seen.why_exhausted(pool) or placement.unplaced_message or "replicas wait for one"
    return Refusal(Reason.POOL_EXHAUSTED, f"pool {pool} delivers no nodes: {told}")


def starts_on(seen: Analysis, pool: str) -> PlacementKey | None:
    """The placement that a new replica on the pool would belong to: what stands there, as long as a replica of it can start, else what would be
    made today; None where there is neither."""
    candidate = seen.candidate(pool)
    standing = [p for p in seen.members if p.key.pool == pool and not is_outlived(seen, p)]
    if standing:
        return max(standing, key=lambda p: (candidate is not None and candidate.wants(p.asked), p.ready, p.key)).key
    if candidate is None or candidate.revision is None or candidate.refusal is not None:
        return None
    return PlacementKey(pool, candidate.revision)
