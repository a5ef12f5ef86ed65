"""Which part of the requests the workload's route sends to each placement, and what the gateways make of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from math import sqrt

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.snapshot import RefusedWrite
from steelyard.core.facts.window import since
from steelyard.core.placing.analysis import Analysis
from steelyard.core.placing.intent import RouteIntent
from steelyard.core.placing.outcome import Allocation, Outcome
from steelyard.core.planning.weights import Backend, Spread, as_picked, between, bounded, by_capacity, in_whole, standing
from steelyard.core.rebalancing.shares import COMPARED, WHOLE
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.core.vocabulary.verdict import Verdict

ROUTE, INFERENCE_POOL = "HTTPRoute", "InferencePool"
"""The kinds, as they are called in a refused write."""
SIGMAS = 2.576
"""Of a binomial count, within which it is in 99 of 100 cases."""
OFF = 0.1
"""Part of the expected share that windows may be off besides, which do not begin and end at the same moment."""


def route_of(seen: Analysis, allocation: Allocation, move: Move | None, there: Collection[PlacementKey]) -> RouteIntent | None:
    """The route with a weight for each of the placements that are `there`, or are made in the same pass. move: as it stands now."""
    routing, route = seen.snapshot.workload.routing, seen.snapshot.route
    if routing is None or (route is not None and not route.served) or not there:
        return None
    backends, spread = _spread(seen, allocation, move, there)
    weights = {key: n for key, n in (route.weights if route is not None else {}).items() if key in backends}
    if not standing(weights, spread.parts, backends, _load(seen)):
        weights = in_whole(spread.parts)
    accepted = routing.pools.sent_to(route.accepted, weights) if routing.pools is not None and route is not None else ()
    return RouteIntent(routing=routing, weights=dict(sorted(weights.items())), accepted=accepted)


def unrouted(seen: Analysis) -> Refusal | None:
    """Why no gateway sends the workload's requests as it asks for; None where one does, and where it does not ask."""
    return no_route(seen) or not_picked(seen)


def no_route(seen: Analysis) -> Refusal | None:
    """Why no gateway sends the workload's requests by the route that it asks for."""
    snapshot = seen.snapshot
    if snapshot.workload.routing is None or not snapshot.placements:
        return None
    if (told := _unwritten(seen, ROUTE)) is not None:
        return Refusal(Reason.ROUTE_TAKEN if told.taken else Reason.ROUTE_NOT_ACCEPTED, str(told))
    if snapshot.route is None:
        return Refusal(Reason.ROUTE_NOT_ACCEPTED, f"{ROUTE} {snapshot.workload.key.name} is being made")
    return snapshot.route.refusal


def not_picked(seen: Analysis) -> Refusal | None:
    """Why requests are sent to Services though InferencePools are asked for."""
    if (told := _unwritten(seen, INFERENCE_POOL)) is not None:
        return Refusal(Reason.INFERENCE_POOL_TAKEN if told.taken else Reason.INFERENCE_POOL_NOT_ACCEPTED, str(told))
    return seen.snapshot.route.not_picked if seen.snapshot.route is not None else None


def _unwritten(seen: Analysis, kind: str) -> RefusedWrite | None:
    return next((write for write in seen.snapshot.refused if write.kind == kind), None)


def held_by_route(seen: Analysis) -> Outcome | None:
    """Nothing is moved while no gateway takes the route: what would be measured is not what clients get."""
    refusal = unrouted(seen)
    return None if refusal is None else Outcome.hold(seen.allocation, refusal)


def told_if_unrouted(seen: Analysis, outcome: Outcome) -> Outcome:
    """The same, held: replicas follow the load meanwhile, and whoever looks is to see why nothing else happens."""
    refusal = unrouted(seen)
    if refusal is None or outcome.move is not None or outcome.verdict is not Verdict.STAY:
        return outcome
    return replace(outcome, verdict=Verdict.HOLD, refusal=refusal)


def overloaded(seen: Analysis, allocation: Allocation, move: Move | None) -> bool:
    """Whether all backends of the route together have too little ready capacity for any of them to be spared."""
    there = {p.key for p in seen.snapshot.placements}
    return seen.snapshot.weighted and bool(there) and _spread(seen, allocation, move, there)[1].overloaded


def still_routed(seen: Analysis, allocation: Allocation, key: PlacementKey) -> bool:
    """Whether a gateway may still send requests to ready replicas there: the last of them go once the route as it stands sends them none, and the
    gateways have seen that. What is not ready gets none in any case, and must not stand in the way of what takes its place; nor need replicas stay
    where an endpoint picker finds others, which are to stay."""
    route, placement = seen.snapshot.route, seen.snapshot.placement(key)
    if seen.snapshot.workload.routing is None or route is None or not any(route.weights.values()):
        return False
    if placement is None or not placement.ready:
        return False
    beside = (p for p in seen.snapshot.placements if p.key != key and seen.snapshot.backend(p.key) == seen.snapshot.backend(key))
    if any(p.ready and allocation.get(p.key, p.desired) for p in beside):
        return False
    return route.part(key) > 0 or (key in route.weights and route.refusal is None and not route.taken_up)


def not_shifted(seen: Analysis, move: Move) -> str | None:
    """Why the target's share does not count as shifted yet: the route as it stands has other weights, or the windows since the step began show that
    something else is served. None where the share that is served says so."""
    snapshot, route = seen.snapshot, seen.snapshot.route
    if move.share is None or route is None or not snapshot.weighted:
        return None
    there = {p.key for p in snapshot.placements}
    backends, spread = _spread(seen, seen.allocation, move, there)
    if not standing({key: n for key, n in route.weights.items() if key in there}, spread.parts, backends, _load(seen)):
        return f"the weights of {ROUTE} {snapshot.workload.key.name} are being changed"
    chosen = {key for key in there if snapshot.backend(key) == snapshot.backend(move.target)}
    part = sum(route.part(key) for key in chosen)
    rates, seconds = dict[PlacementKey, float](), 0.0
    for placement in snapshot.placements:
        windows = since(seen.every_window(placement.key), move.step_time)
        took = sum(w.seconds for w in windows)
        if took <= 0 and placement.ready > 0:
            return f"no whole window of pool {placement.key.pool} was read since the weights changed"
        rates[placement.key] = sum(w.offered for w in windows) / took if took > 0 else 0.0
        seconds = took if placement.key == move.target else seconds
    total, served = sum(rates.values()) * seconds, sum(rates.get(key, 0.0) for key in chosen) * seconds
    off = SIGMAS * sqrt(total * part * (1 - part)) + OFF * part * total
    if abs(served - part * total) <= off + 1:
        return None
    return (
        f"pool {move.target.pool} served {served:.0f} of {total:.0f} requests, and by the weights {part:.1%} of them are its: do clients come by "
        f"Service {snapshot.workload.key.name} and not by the gateway?"
    )


def _load(seen: Analysis) -> float | None:
    return None if seen.load is None else seen.load.dual


def _spread(
    seen: Analysis, allocation: Allocation, move: Move | None, there: Collection[PlacementKey]
) -> tuple[dict[PlacementKey, Backend], Spread[PlacementKey]]:
    """(what the backends carry that are to serve, the parts of the requests)."""
    backends = {key: _backend(seen, key, move) for key in sorted(there)}
    serving = {key: each if allocation.get(key, _desired(seen, key)) > 0 else Backend(0) for key, each in backends.items()}
    if move is None or move.share is None or not {move.source, move.target} <= set(serving):
        # While nothing is ready, what is wanted is what is waited for.
        wanted = {key: each for key, each in serving.items() if allocation.get(key, _desired(seen, key)) > 0} or serving
        parts = dict.fromkeys(serving, 0.0) | by_capacity(wanted)
        spread = bounded(parts, serving, _load(seen))
    else:
        before, after = _ends(move, backends, serving)
        parts = between(by_capacity(before), by_capacity(after), move.share / WHOLE)
        spread = bounded(parts, serving, _load(seen), {move.target} if _is_held(move, backends) else frozenset())
    ready = {key: each.ready for key, each in backends.items()}
    return serving, replace(spread, parts=as_picked(spread.parts, ready, seen.snapshot.backend))


def _is_held(move: Move, backends: Mapping[PlacementKey, Backend]) -> bool:
    """Whether the target gets no more than its share. On the way back it serves until the source can, and where replicas of the source are lost, what
    was measured of it is worth more than the steps."""
    if move.step is Step.BACK or move.share == WHOLE:
        return False
    source, target = backends[move.source], backends[move.target]
    compared = move.share is not None and move.share >= COMPARED
    return not compared or source.ready >= move.source_replicas or target.capacity is None or target.at_least


def _ends(
    move: Move, backends: Mapping[PlacementKey, Backend], serving: Mapping[PlacementKey, Backend]
) -> tuple[dict[PlacementKey, Backend], dict[PlacementKey, Backend]]:
    """What would serve before the move, and after it. A trial's target serves beside its source."""
    source, target = backends[move.source], backends[move.target]
    base = Backend(min(target.ready, move.target_base), target.capacity, target.at_least)
    rest = {key: each for key, each in serving.items() if key not in {move.source, move.target}}
    before = {**rest, move.source: source, move.target: base}
    stays = source.ready if move.kind is MoveKind.EXPLORATION else min(source.ready, move.source_goal)
    after = {**rest, move.source: Backend(stays, source.capacity, source.at_least), move.target: target}
    # Where nothing of the target is ready there is nothing to go to; where nothing of the source is, nothing to come from.
    if not any(each.ready for each in after.values()):
        after = before
    return (after if not any(each.ready for each in before.values()) else before), after


def _backend(seen: Analysis, key: PlacementKey, move: Move | None) -> Backend:
    placement = seen.snapshot.placement(key)
    ready = placement.ready if placement is not None else 0
    capacity, at_least = seen.capacity(key), seen.only_carried(key)
    if move is not None and key == move.target and (capacity is None or at_least):
        # A small share shows a small load: until it has had all of it, what it carries is what it was moved to for.
        told = seen.claimed(key.pool) if move.kind in {MoveKind.REBALANCE, MoveKind.RESCUE} else seen.capacity(move.source)
        capacity, at_least = max((each for each in (capacity, told) if each is not None), default=None), True
    return Backend(ready, capacity, at_least)


def _desired(seen: Analysis, key: PlacementKey) -> int:
    placement = seen.snapshot.placement(key)
    return placement.desired if placement is not None else 1
