"""Pools that have nodes in common: what serves is untouched, and nothing is tried or moved between them."""

from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Overlap
from steelyard.core.planning.option import refusal_of
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World


def sharing(other: str, *, older: bool) -> tuple[Overlap, ...]:
    return (Overlap(pool=other, nodes=("n1",), count=1, older=older),)


def option(world: World, pool: str) -> tuple[Reason | None, str]:
    found = next(o for o in world.decisions[-1].options if o.pool == pool)
    refusal = refusal_of(found)
    return (refusal.reason, refusal.message) if refusal else (None, "")


def test_nothing_is_tried_on_a_pool_that_shares_its_nodes_with_the_present_one() -> None:
    twin = Ground(price=0.5, speed=20, overlaps=sharing("a", older=True))
    world = World({"a": Ground(speed=10, overlaps=sharing("b", older=False)), "b": twin}, rate=8.0)
    world.tick(60)
    assert world.serves_on == "a"
    assert (world.ended, world.memory.move) == ([], None)
    reason, message = option(world, "b")
    assert reason is Reason.OVERLAPPING
    assert message.startswith("pool b shares node n1 with pool a, where the workload runs: nothing is tried there or moved there; ")
    world.grounds["a"].overlaps = world.grounds["b"].overlaps = ()
    world.until(lambda: world.memory.move is not None)
    assert world.memory.move is not None
    assert (world.memory.move.kind, world.memory.move.target.pool) == (MoveKind.EXPLORATION, "b")


def test_what_runs_on_the_newer_one_of_two_stays_and_grows_there() -> None:
    world = World({"b": Ground(speed=10)}, rate=8.0)
    world.until(lambda: world.count("b") == 1)
    world.grounds["b"].overlaps = sharing("a", older=True)
    world.grounds["a"] = Ground(price=0.2, speed=20, overlaps=sharing("b", older=False))
    world.rate = 24.0
    world.until(lambda: world.count("b") >= 3)
    world.tick(30)
    assert (world.serves_on, option(world, "b")[0], option(world, "a")[0]) == ("b", None, Reason.OVERLAPPING)


def test_of_two_that_share_nodes_the_older_one_that_can_be_used_is_where_a_workload_starts() -> None:
    dear = Ground(price=2.0, overlaps=sharing("b", older=False))
    cheap = Ground(price=0.5, overlaps=sharing("a", older=True))
    world = World({"a": dear, "b": cheap}, rate=8.0)
    world.tick(2)
    assert world.serves_on == "a"
    for unusable in ({"selected": False}, {"corrupt": True}):
        world = World({"a": Ground(price=2.0, overlaps=sharing("b", older=False), **unusable), "b": cheap}, rate=8.0)
        world.tick(2)
        assert world.serves_on == "b", "serving comes before tidiness"


def test_a_trial_ends_when_its_pool_turns_out_to_share_nodes_with_the_source() -> None:
    world = World({"a": Ground(speed=10), "b": Ground(speed=20)}, rate=24.0)
    world.until(lambda: world.memory.move is not None and world.count("b") == 1)
    world.grounds["a"].overlaps, world.grounds["b"].overlaps = sharing("b", older=False), sharing("a", older=True)
    world.until(lambda: world.memory.move is None)
    assert (world.serves_on, world.ended[-1].target_pool, world.ended[-1].outcome.value) == ("a", "b", "Explored")
