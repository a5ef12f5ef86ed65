"""Where a workload runs and why, in plain words."""

from __future__ import annotations

from steelyard.cli.facts.workload import Workload
from steelyard.core.vocabulary.reason import Reason
from steelyard.status.read.move import Move
from steelyard.status.read.placement import Placement


def where(workload: Workload) -> str:
    """The first sentence."""
    name, carrier = workload.name, workload.carrier
    if carrier is None:
        standing = [p for p in workload.placements if p.ready_replicas]
        if not standing:
            return f"{name} runs nowhere yet."
        return f"{name} runs on {', '.join(p.pool for p in standing)}."
    move, target = workload.move, _target(workload)
    left = move is not None and move.step in {"Drain", "Back"} and carrier == target
    source = workload.at(move.source, move.source_revision) if move is not None and left else None
    parts = [place for place in workload.allocation if place not in {carrier, source, target}]
    others = "".join(f", on pool {place.pool} with {_of(place)}" for place in parts)
    sentence = f"{name} runs on pool {carrier.pool} with {_of(carrier)} replicas ready{others}"
    return f"{sentence}{_under_way(move, source, target)}." if move is not None and move.target is not None else f"{sentence}."


def stage(move: Move) -> str | None:
    """The step of a move; where a route has weights, Shift with how far the requests are shifted."""
    return f"{move.step} {move.share_percent} %" if move.step == "Shift" and move.share_percent else move.step


def _target(workload: Workload) -> Placement | None:
    move = workload.move
    return workload.at(move.target, move.target_revision) if move is not None else None


def _under_way(move: Move, source: Placement | None, target: Placement | None) -> str:
    """What the move does, seen from where most of the replicas are: `source` is given where that is the target."""
    if source is not None:
        what = "is going back to" if move.step == "Back" else "is leaving"
        return f", and {what} pool {source.pool} ({_figure(source.ready_replicas)} ready there, step {move.step})"
    doing = {"Exploration": "is trying", "Revision": "is changing its revision on", "Rescue": "is being rescued to"}
    what = doing.get(move.kind or "", "is moving to")
    what = "is going back from" if move.step == "Back" else what
    if move.step == "Probe":
        return f", and {what} pool {move.target} with a probe, which serves nobody (step {move.step})"
    return f", and {what} pool {move.target} ({_figure(target.ready_replicas if target else None)} ready there, step {stage(move)})"


def _of(place: Placement) -> str:
    return f"{_figure(place.ready_replicas)} of {_figure(place.desired_replicas)}"


def _figure(count: int | None) -> str:
    return "?" if count is None else str(count)


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
