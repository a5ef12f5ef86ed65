"""Where a workload runs and why, in plain words."""

from __future__ import annotations

from steelyard.cli.facts.workload import Workload
from steelyard.core.vocabulary.reason import Reason


def where(workload: Workload) -> str:
    """The first sentence."""
    name, home = workload.name, workload.home
    if workload.home_pool is None:
        standing = [p for p in workload.placements if p.ready_replicas]
        if not standing:
            return f"{name} runs nowhere yet."
        return f"{name} runs on {', '.join(p.pool for p in standing)}."
    if home is None:
        return f"{name} belongs on pool {workload.home_pool}; its replicas are not known."
    carrier = workload.carrier or home
    ready = "?" if carrier.ready_replicas is None else str(carrier.ready_replicas)
    wanted = "?" if carrier.desired_replicas is None else str(carrier.desired_replicas)
    sentence = f"{name} runs on pool {carrier.pool} with {ready} of {wanted} replicas ready"
    for pool in workload.beside:
        part = workload.at(pool, None)
        sentence += f", beside it {'?' if part is None or part.ready_replicas is None else part.ready_replicas} on pool {pool}"
    move = workload.move
    if move is None or move.target is None:
        return f"{sentence}."
    if carrier is not home:
        left = "?" if home.ready_replicas is None else str(home.ready_replicas)
        what = "is going back to" if move.step == "Back" else "is leaving"
        return f"{sentence}, and {what} pool {home.pool} ({left} ready there, step {move.step})."
    target = workload.at(move.target, move.target_revision)
    there = target.ready_replicas if target else None
    what = {"Exploration": "is trying", "Revision": "is changing its revision on", "Rescue": "is being rescued to"}.get(
        move.kind or "", "is moving to"
    )
    what = "is going back from" if move.step == "Back" else what
    return f"{sentence}, and {what} pool {move.target} ({'?' if there is None else there} ready there, step {move.step})."


def why(workload: Workload) -> str:
    """The second sentence: the decision's own message; where it has none, what its reason means."""
    decided, held, ready = workload.decision, workload.condition("Held"), workload.condition("Ready")
    if held is not None and held.status == "True":
        return _whole(f"held, no voluntary action is taken: {held.message or meaning(held.reason) or held.reason}")
    if decided is not None:
        said = decided.message or meaning(decided.reason)
        if said:
            return _whole(said)
    if ready is not None and ready.status != "True" and (ready.message or ready.reason):
        return _whole(ready.message or meaning(ready.reason) or str(ready.reason))
    return "Nothing was decided yet: no operator has looked at it."


def meaning(reason: str | None) -> str | None:
    """The sentence of the vocabulary; None for a word of another version."""
    try:
        return Reason.named(reason).meaning if reason else None
    except ValueError:
        return None


def _whole(said: str) -> str:
    return ended(f"{said[0].upper()}{said[1:]}")


def ended(said: str) -> str:
    """With a full stop."""
    return f"{said}{'' if said.endswith(('.', '!', '?')) else '.'}"
