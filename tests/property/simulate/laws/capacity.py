"""Invariant I1."""

from __future__ import annotations

from property.simulate.laws.look import Look
from steelyard.core.vocabulary.reading import Fresh, Stale

SATURATED = 0.9
"""Part of a replica's time that may go into requests before they come late."""
UNSEEN = 900.0
"""Seconds for which a change of speed may not have been measured yet."""


def enough_stays_ready(look: Look) -> None:
    """I1: Steelyard's own actions never bring ready capacity of a workload below max(minAvailable, what the observed demand needs at its
    SLO). What the user's maxReplicas does not allow is not asked for."""
    left, scaling = sum(look.after.values()), look.snapshot.workload.scaling
    if left >= sum(look.before.values()):
        return
    assert left >= scaling.least, f"I1: fewer than minReplicas stay ready: {look.before} to {look.after}: {look}"
    rate = demand(look)
    if look.snapshot.weighted:
        carried = sum(count * capacity(look, key.pool) for key, count in look.after.items())
        enough = left >= scaling.maximum or rate <= carried * SATURATED
        assert enough, f"I1: {rate:.3g}/s by weights on what carries {carried:.3g}/s: {look.before} to {look.after}: {look}"
        return
    slowest = min(capacity(look, pool) for pool in {key.pool for key, count in look.after.items() if count})
    enough = left >= scaling.maximum or rate <= left * slowest * SATURATED
    assert enough, f"I1: {rate:.3g}/s on {left} of {slowest:.3g}/s each: {look.before} to {look.after}: {look}"


def demand(look: Look) -> float:
    """Requests per second in the newest windows of what was ready."""
    rate = 0.0
    for key in look.before:
        reading = look.snapshot.traffic.get(key)
        if isinstance(reading, Fresh | Stale) and reading.value.windows:
            newest = reading.value.windows[-1]
            rate += newest.offered / newest.seconds
    return rate


def capacity(look: Look, pool: str) -> float:
    """Requests per second that keep a replica there busy all the time: as it is, or as it was before what nobody can have seen yet."""
    truth = look.stage.tenants[look.workload].entry.truth[pool]
    services = [truth.service_milliseconds / 1000]
    if look.stage.now - look.stage.changed_at >= UNSEEN:
        services = [r.server.service for r in look.stage.cluster.serving(look.workload) if r.key.pool == pool] or services
    return truth.slots / max(services)
