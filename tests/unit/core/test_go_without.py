"""What a workload does whom the fleet's plan leaves out, and what one is told that starts no move."""

from dataclasses import replace

import pytest

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import FleetTarget, Mode, Owner, Scaling
from steelyard.core.placing.decision import Decision
from steelyard.core.vocabulary.reason import Reason
from steelyard.core.vocabulary.verdict import Verdict
from unit.core.world import START, Ground, World, quick


def decided(world: World, target: FleetTarget) -> Decision:
    return decide(replace(world.snapshot(), target=target), world.now)


def without(most: dict[str, int], *back: str) -> FleetTarget:
    return FleetTarget(replicas=most, scarcity={}, most=most, back=back)


def running(**changes: object) -> World:
    """Three replicas on the one pool."""
    world = World({"a": Ground(speed=10)}, rate=24, **changes)  # type: ignore[arg-type]
    world.tick(12)
    return world


def count(decision: Decision) -> int:
    return sum(decision.desired.values())


def test_the_first_replicas_wait_while_none_are_left_for_them() -> None:
    world = World({"a": Ground(speed=10)}, rate=24)
    decision = decided(world, without({"a": 0}))
    assert (decision.verdict, decision.reason) == (Verdict.HOLD, Reason.GOES_WITHOUT)
    assert decision.desired == {}
    assert "config.namespaceBudgets" in decision.message


def test_what_a_higher_priority_lacks_is_given_back_unless_a_person_said_stop() -> None:
    world = running()
    target = without({"a": 1}, "a")
    before = count(world.decisions[-1])
    assert before > 1
    decision = decided(world, target)
    assert (count(decision), decision.reason) == (1, Reason.GOES_WITHOUT)
    assert any(note.warning and note.reason is Reason.GOES_WITHOUT for note in decision.notes)
    world.frozen = True
    assert count(decided(world, target)) == before
    world.frozen, world.policy = False, quick(paused=True)
    assert count(decided(world, target)) == before


def test_what_nobody_lacks_stays() -> None:
    world = running()
    assert count(decided(world, without({"a": 1}))) == count(world.decisions[-1])


@pytest.mark.parametrize(
    ("policy", "scaling", "reason"),
    [
        (quick(mode=Mode.RECOMMEND, cooldown_seconds=60), Scaling(), Reason.MODE_OBSERVES),
        (quick(cooldown_seconds=60), Scaling(owner=Owner.EXTERNAL), Reason.REPLICAS_OWNED_ELSEWHERE),
    ],
)
def test_who_starts_no_move_is_told_where_it_would_go_at_the_worth_of_nodes(policy: object, scaling: Scaling, reason: Reason) -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24)
    world.until(lambda: world.memory.move is not None and len(world.memory.known) == 2)
    world.policy = quick(paused=True)
    world.until(lambda: world.memory.move is None)
    world.policy, world.scaling = policy, scaling  # type: ignore[assignment]
    world.tick(5)
    (stays_on,) = {key.pool for key in world.decisions[-1].desired}
    assert stays_on == "a"
    stays = {"a": count(world.decisions[-1])}
    told = decided(world, FleetTarget(replicas=stays, scarcity={"b": 0.01}, turn=False))
    assert told.reason is reason
    assert "would move to pool b" in told.message
    assert {o.pool for o in told.demand.problem.offers} == {"a"} if told.demand else False
    dear = decided(world, FleetTarget(replicas=stays, scarcity={"b": 50.0}, turn=False))
    assert "would move" not in dear.message


@pytest.mark.parametrize(
    ("granted", "counts"),
    [({"max_priority": 0}, 0), ({"max_priority": 50}, 50), ({"max_priority": 0, "namespace_priorities": {"ns": 100}}, 90)],
)
def test_a_priority_counts_as_far_as_it_is_granted_to_the_namespace(granted: dict[str, object], counts: int) -> None:
    snapshot = World({"a": Ground(speed=10)}, rate=24).snapshot()
    eager = replace(snapshot.workload, scaling=replace(snapshot.workload.scaling, priority=90))
    asked = replace(snapshot, workload=eager, settings=replace(snapshot.settings, **granted))  # type: ignore[arg-type]
    demand = decide(asked, START).demand
    assert demand is not None
    assert demand.priority == counts


def test_an_installation_grants_no_priority_that_its_configuration_does_not_name() -> None:
    known = settings_of(Config.model_validate({"namespacePriorities": {"team-a": 100}}))
    assert (known.max_priority, known.namespace_priorities) == (0, {"team-a": 100})
