"""A route whose backends are InferencePools: what is sent to them and when, and what a move does that an endpoint picker takes part in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from steelyard.control.gather.route_facts import backends_of, route_of
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import Outcome, Step
from steelyard.core.facts.route import InferencePools
from steelyard.core.facts.snapshot import RefusedWrite, Snapshot
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.routed import route_of as route_wanted
from steelyard.core.placing.routed import still_routed
from steelyard.core.planning.weights import TOTAL
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.render.http_route import http_route
from unit.core.test_routed import ROUTING, held
from unit.core.world import Ground, World, ratio_claim

PER_POOL = InferencePools(shared=False, picker="picker-{pool}", picker_port=9002, failure_mode="FailClose")
SHARED = replace(PER_POOL, shared=True, picker="picker")
PICKERS = frozenset({"", "a", "b"})
SAYS_NO = Refusal(Reason.INFERENCE_POOL_NOT_ACCEPTED, "Gateway models does not accept InferencePool embed-b (NotSupportedByParent)")


@dataclass
class Picked(World):
    """A world with a gateway that takes the route as it is written. accepted: the InferencePools that it accepts once they are asked for."""

    asked: InferencePools = PER_POOL
    accepted: frozenset[str] = PICKERS
    refused: tuple[RefusedWrite, ...] = ()
    written: dict[str, Any] = field(default_factory=dict)

    def snapshot(self) -> Snapshot:
        found = super().snapshot()
        placements = tuple(replace(each, name="-".join(each.key)) for each in found.placements)
        routing = replace(ROUTING, pools=self.asked)
        route = None
        if self.written:
            pools = sorted({self.asked.of(each.key) for each in placements})
            told = {"parentRef": {"name": "models"}, "conditions": [{"type": "Accepted", "status": "True"}]}
            raw = {**self.written, "status": {"parents": [told]}}
            seen = route_of(raw, routing, backends_of(found.workload.key, routing, placements))
            route = replace(
                seen,
                accepted=tuple(pool for pool in pools if pool in self.accepted),
                not_picked=None if self.accepted.issuperset(pools) else SAYS_NO,
            )
        workload = replace(found.workload, routing=routing)
        return replace(found, workload=workload, placements=placements, route=route, refused=self.refused)

    @property
    def sent(self) -> Mapping[tuple[str, str], int]:
        """Weights by kind and name; 0 of what waits."""
        first, *others = (rule["backendRefs"] for rule in self.written["spec"]["rules"])
        waiting = {(b["kind"], b["name"]): 0 for rule in others for b in rule}
        return {**waiting, **{(b["kind"], b["name"]): b["weight"] for b in first}}

    def part(self, key: PlacementKey, ready: Mapping[PlacementKey, int]) -> float:
        if not self.written:
            return super().part(key, ready)
        chosen = {each: n for each, n in ready.items() if self.asked.of(each) == self.asked.of(key)}
        called = f"embed-{self.asked.of(key)}" if self.asked.of(key) else "embed"
        weight = self.sent.get(("InferencePool", called), 0) * ready.get(key, 0) / max(1, sum(chosen.values()))
        total = sum(self.sent.values())
        return (weight + self.sent.get(("Service", "-".join(key)), 0)) / total if total else 0.0

    def tick(self, times: int = 1) -> Decision:
        for _ in range(times):
            decision = super().tick()
            if decision.intent.route is not None:
                self.written = http_route(decision.intent.workload, "uid", decision.intent.route, "-".join)
        return decision

    def shares(self, ticks: int) -> set[int | None]:
        """That moves have had meanwhile."""
        found = set[int | None]()
        for _ in range(ticks):
            move = self.tick().memory.move
            found |= {move.share} if move is not None else set()
        return found


def two_pools(**more: object) -> Picked:
    grounds = {"a": Ground(speed=10, price=1.0, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=10, price=0.5)}
    return Picked(grounds, rate=30.0, **more)  # type: ignore[arg-type]


def of_kind(world: Picked, kind: str) -> dict[str, int]:
    return {name: weight for (each, name), weight in world.sent.items() if each == kind}


@pytest.mark.parametrize("asked", [PER_POOL, SHARED])
def test_until_they_are_accepted_services_get_the_requests_and_nothing_is_moved(asked: InferencePools) -> None:
    world = two_pools(asked=asked, accepted=frozenset())
    decision = world.tick(60)
    assert world.moves() == []
    assert (held(decision).status, held(decision).reason, held(decision).message) == (True, SAYS_NO.reason, SAYS_NO.message)
    assert sum(of_kind(world, "Service").values()) == TOTAL
    assert list(of_kind(world, "InferencePool").values()) == [0]
    replicas = sum(decision.desired.values())
    world.rate = 90.0
    assert sum(world.tick(20).desired.values()) > replicas


def test_once_accepted_they_get_all_of_the_requests_and_a_move_goes_by_their_weights() -> None:
    world = two_pools(accepted=frozenset())
    world.tick(30)
    world.accepted = PICKERS
    shares = world.shares(1)
    assert world.sent["InferencePool", "embed-a"] == TOTAL
    assert ("Service", "-".join(next(iter(world.deployments)))) not in world.sent
    assert {1, 5, 25, 50, 100} <= shares | world.shares(120)
    assert [past.outcome for past in world.ended][-1] is Outcome.MOVED
    assert world.sent == {("InferencePool", "embed-b"): TOTAL}


def test_a_target_that_is_not_accepted_gets_no_share_and_the_move_goes_back_at_its_deadline() -> None:
    world = two_pools(accepted=frozenset({"a"}))
    told = set()
    for _ in range(60):
        decision = world.tick()
        if decision.memory.move is not None and decision.memory.move.step is Step.SURGE and held(decision).status is True:
            told.add(held(decision).reason)
        assert world.sent.get(("InferencePool", "embed-b"), 0) == 0
    assert Reason.INFERENCE_POOL_NOT_ACCEPTED in told
    assert world.ended[-1].reason == Reason.INFERENCE_POOL_NOT_ACCEPTED.value
    assert world.serves_on == "a"


def test_a_new_revision_joins_the_inference_pool_of_its_pool_by_replicas() -> None:
    world = Picked({"a": Ground(speed=10, price=1.0)}, rate=30.0)
    world.tick(10)
    world.wish = "n"
    assert world.shares(120) == {None}
    assert [past.outcome for past in world.ended][-1] is Outcome.MOVED
    assert len(world.deployments) == 1
    assert world.sent == {("InferencePool", "embed-a"): TOTAL}


def test_a_move_that_began_by_weights_goes_on_by_replicas_once_a_picker_chooses_among_both_ends() -> None:
    world = Picked({"a": Ground(speed=10, price=1.0)}, rate=30.0, accepted=frozenset())
    world.tick(10)
    world.wish = "n"
    assert world.shares(6) == {0}, "of a Service for each end, and nothing is shifted yet"
    world.accepted = PICKERS
    assert world.shares(120) == {None}
    assert [past.outcome for past in world.ended][-1] is Outcome.MOVED


def test_a_rescue_is_not_held_up_and_goes_by_services() -> None:
    world = Picked({"a": Ground(late=0.3, price=0.5), "b": Ground(price=4.0, speed=20)}, rate=20.0, accepted=frozenset())
    world.until(lambda: world.count("b") > 0 and world.count("a") == 0, most=60)
    assert world.sent["InferencePool", "embed-b"] == 0


def test_one_for_all_has_no_weights_and_moves_go_by_replicas() -> None:
    world = two_pools(asked=SHARED)
    decision = world.tick(5)
    assert world.sent == {("InferencePool", "embed"): TOTAL}
    assert not world.snapshot().weighted
    assert decision.intent.route is not None
    assert decision.intent.route.one_for_all
    assert world.shares(150) == {None}
    assert world.serves_on == "b"
    assert world.sent == {("InferencePool", "embed"): TOTAL}


def test_one_that_is_somebody_elses_is_told_and_its_placements_are_served_by_their_services() -> None:
    world = two_pools(accepted=frozenset())
    world.refused = (RefusedWrite("InferencePool", "embed-a", "", taken=True),)
    decision = world.tick(30)
    assert held(decision).reason is Reason.INFERENCE_POOL_TAKEN
    assert "belongs to somebody else" in held(decision).message
    assert of_kind(world, "InferencePool") == {"embed-a": 0}


def test_the_last_replicas_may_go_where_a_picker_finds_others_that_stay() -> None:
    world = Picked({"a": Ground(speed=10, price=1.0)}, rate=30.0)
    world.tick(10)
    (old,) = world.deployments
    world.wish = "n"
    world.until(lambda: len([key for key in world.deployments if world.ready(key)]) == 2)
    world.tick(0 + 1)
    (new,) = {*world.deployments} - {old}
    seen = analysis(world.snapshot(), world.now)
    ready = {key: world.ready(key) for key in (old, new)}
    intent = route_wanted(seen, {old: 0, new: 3}, None, {old, new})
    assert intent is not None
    assert intent.weights == {key: pytest.approx(TOTAL * n / sum(ready.values()), abs=1) for key, n in ready.items()}, "they get their part"
    assert not still_routed(seen, {old: 0, new: 3}, old)
    assert still_routed(seen, {old: 0, new: 0}, old), "both at once would leave none"
