"""Why nothing serves, pool by pool: what is wrong with a pool that is meant is not hidden behind those that are not."""

from __future__ import annotations

from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import PoolChoice
from unit.core.world import Ground, World


def test_beside_what_is_wrong_with_a_pool_that_is_meant_others_are_not_told_of() -> None:
    world = World({**{f"a-{n}": Ground(selected=False) for n in range(9)}, "meant": Ground()})
    world.pools = {"meant": PoolChoice(resources=Resources(1000.0, 1.0))}
    world.tick()
    placed = next(c for c in world.decisions[-1].conditions if c.type.value == "Placed")
    assert placed.message.startswith("meant: one replica asks for 1000 CPU")
    assert placed.message.endswith("ask for less in spec.placement.pools[].resources or add a shape")


def test_where_none_is_meant_each_says_how_it_could_be() -> None:
    world = World({"a": Ground(selected=False), "b": Ground(selected=False)})
    world.tick()
    placed = next(c for c in world.decisions[-1].conditions if c.type.value == "Placed")
    assert placed.message.startswith("a: pool a is not selected: to use it, change spec.placement.poolSelector")
    assert "b: pool b is not selected" in placed.message
