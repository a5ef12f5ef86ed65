"""What the gateways make of a workload's route, and what is done and not done by it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Step
from steelyard.core.facts.route import Route, RouteParent, Routing
from steelyard.core.facts.snapshot import RefusedWrite, Scaling, Snapshot
from steelyard.core.performance.capacity import RHO
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.routed import still_routed
from steelyard.core.planning.weights import SAFE, TOTAL
from steelyard.core.vocabulary.condition import Condition, ConditionType
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.world import Ground, World, ratio_claim

ROUTING = Routing(parents=(RouteParent(name="models"),))
NOT_ALLOWED = Refusal(Reason.ROUTE_NOT_ACCEPTED, "Gateway models does not accept HTTPRoute embed (NotAllowedByListeners)")


@dataclass
class Routed(World):
    """A world with a route that does what it is told: `refusal` and `taken_up` are what gateways say of it."""

    refusal: Refusal | None = None
    taken_up: bool = True
    refused: tuple[RefusedWrite, ...] = ()
    served: bool = True
    by_gateway: bool = True
    """Whether requests come by the gateway, and not by the Service."""
    written: Mapping[PlacementKey, int] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        there = {p.key for p in found.placements}
        weights = {key: n for key, n in self.written.items() if key in there}
        route = Route(weights=weights, refusal=self.refusal, taken_up=self.taken_up, served=self.served)
        made = route if self.written or not self.served else None
        return replace(found, workload=replace(found.workload, routing=ROUTING), route=made, refused=self.refused)

    def part(self, key: PlacementKey, ready: Mapping[PlacementKey, int]) -> float:
        total = sum(self.written.values()) if self.by_gateway else 0
        return self.written.get(key, 0) / total if total else super().part(key, ready)

    def tick(self, times: int = 1) -> Decision:
        for _ in range(times):
            decision = super().tick()
            if decision.intent.route is not None:
                self.written = decision.intent.route.weights
        return decision


def two_pools(**more: object) -> Routed:
    grounds = {"a": Ground(speed=10, price=1.0, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10, price=0.5)}
    return Routed(grounds, rate=30.0, **more)  # type: ignore[arg-type]


def held(decision: Decision) -> Condition:
    return next(c for c in decision.conditions if c.type is ConditionType.HELD)


def test_a_gateway_that_does_not_accept_the_route_holds_moves_with_its_own_words_and_the_load_is_followed() -> None:
    world = two_pools(refusal=NOT_ALLOWED)
    decision = world.tick(60)
    assert world.moves() == []
    assert held(decision).status is True
    assert (held(decision).reason, held(decision).message) == (NOT_ALLOWED.reason, NOT_ALLOWED.message)
    replicas = sum(decision.desired.values())
    world.rate = 90.0
    assert sum(world.tick(20).desired.values()) > replicas


def test_once_the_gateway_accepts_the_route_the_move_begins() -> None:
    world = two_pools(refusal=NOT_ALLOWED)
    world.tick(30)
    world.refusal = None
    world.tick(60)
    assert world.moves() != []


def test_a_route_that_is_somebody_elses_is_told_and_left_alone() -> None:
    world = two_pools()
    world.refused = (RefusedWrite("HTTPRoute", "embed", "", taken=True),)
    decision = world.tick(30)
    assert held(decision).reason is Reason.ROUTE_TAKEN
    assert "belongs to somebody else" in held(decision).message
    placed = next(c for c in decision.conditions if c.type is ConditionType.PLACED)
    assert placed.status is True, "what serves is there all the same"


def test_without_the_kind_no_route_is_made_and_the_hold_says_what_to_do() -> None:
    why = Refusal(Reason.NO_GATEWAY_API, "install the Gateway API's definitions")
    world = two_pools(served=False, refusal=why)
    decision = world.tick(30)
    assert decision.intent.route is None
    assert held(decision).message == why.message


def test_the_last_replicas_of_a_pool_go_only_when_the_gateways_have_seen_that_nothing_is_sent_there() -> None:
    world = two_pools()
    moving = None
    for _ in range(200):
        moving = world.tick().memory.move
        if moving is not None and moving.step is Step.DRAIN and moving.source_replicas == 0:
            break
        if moving is not None and moving.step is Step.BAKE:
            world.taken_up = False
    assert moving is not None
    assert moving.step is Step.DRAIN
    world.tick(3)
    assert world.deployments[moving.source].desired > 0, "no gateway has seen the last weights"
    assert world.written[moving.source] == 0
    world.taken_up = True
    world.tick()
    assert world.deployments[moving.source].desired == 0


def test_what_is_not_ready_gives_way_at_once_though_the_route_names_it() -> None:
    world = two_pools()
    world.grounds["a"].start = 4  # windows
    world.tick()
    (key,) = world.deployments
    assert world.written[key] == TOTAL
    assert not world.ready(key)
    assert not still_routed(analysis(world.snapshot(), world.now), {key: 0}, key)
    world.tick(8)
    assert world.ready(key)
    assert still_routed(analysis(world.snapshot(), world.now), {key: 0}, key)


def test_a_share_that_is_not_served_does_not_count_and_the_move_goes_back() -> None:
    world = two_pools(by_gateway=False)
    world.tick(1)
    seen = set()
    for _ in range(120):
        move = world.tick().memory.move
        if move is not None and move.share:
            seen.add(move.share)
    assert seen == {1}
    assert next(past.reason for past in world.ended) == Reason.SHARE_NOT_SERVED.value


def test_where_there_is_no_room_for_both_ends_the_source_goes_as_the_target_comes_and_nobody_is_asked_for_too_much() -> None:
    carries = 14.0
    world = Routed(
        {"a": Ground(speed=10, start=3, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=carries / RHO, price=0.5, start=3)},
        rate=0.85 * carries,
        scaling=Scaling(minimum=2, maximum=3),
    )
    drained = False
    for _ in range(300):
        moving = world.tick().memory.move
        if moving is not None and moving.step is Step.DRAIN:
            drained = True
            asked = world.written[moving.target] / TOTAL * world.rate
            assert asked <= 1.01 * SAFE * carries * world.ready(moving.target), (
                f"{asked:.3g} of {world.ready(moving.target)}: {moving.message}"
            )
    assert drained
    assert world.serves_on == "b"
