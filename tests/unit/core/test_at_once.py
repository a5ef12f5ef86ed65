"""Invariant I3: how many moves are under way at once, in the installation, in a namespace of it, and at one pool."""

from collections import Counter

import pytest

from steelyard.core.facts.memory import Outcome
from steelyard.core.rebalancing.at_once import in_all, in_namespace, in_pool
from unit.core.world import Ground, World, ratio_claim


@pytest.mark.parametrize(("workloads", "allowed"), [(0, 1), (1, 1), (39, 1), (40, 2), (500, 25)])
def test_a_twentieth_of_the_workloads_may_move_at_once_and_always_one(workloads: int, allowed: int) -> None:
    assert in_all(None, workloads) == allowed
    assert in_all(7, workloads) == 7, "what the installation says counts"


@pytest.mark.parametrize(
    ("limit", "workloads", "here", "allowed"),
    [
        (None, 5_000, 5_000, 250),
        (None, 5_010, 5_000, 249),
        (None, 5_010, 10, 1),
        (None, 1, 1, 1),
        (4, 30, 15, 2),
        (1, 30, 29, 1),
        (3, 0, 0, 1),
    ],
)
def test_a_namespace_has_its_part_of_them_by_its_workloads_and_always_one(
    limit: int | None, workloads: int, here: int, allowed: int
) -> None:
    assert in_namespace(limit, workloads, here) == allowed


@pytest.mark.parametrize(("nodes", "allowed"), [(0, 1), (3, 1), (19, 1), (20, 2), (250, 25)])
def test_a_pool_takes_and_gives_as_many_moves_at_once_as_it_has_tens_of_nodes_and_always_one(nodes: int, allowed: int) -> None:
    assert in_pool(None, nodes) == allowed
    assert in_pool(3, nodes) == 3


def fleet(size: int, nodes: int) -> list[World]:
    """Workloads that all start on a, by its claim, and would all be better off on b."""
    worlds = [
        World({"a": Ground(speed=10, claims=(ratio_claim(0.5, "b"),)), "b": Ground(speed=20, nodes=nodes)}, rate=24, seed=seed)
        for seed in range(size)
    ]
    for world in worlds:
        world.fleet = worlds
    return worlds


@pytest.mark.parametrize(("nodes", "most"), [(40, 2), (15, 1)])
def test_no_more_workloads_move_than_the_installation_and_the_pool_allow_and_in_the_end_all_have(nodes: int, most: int) -> None:
    worlds, seen = fleet(40, nodes)[:6], Counter[int]()
    for _ in range(600):
        for world in worlds:
            world.tick()
        seen[sum(world.memory.move is not None for world in worlds)] += 1
        if all(world.serves_on == "b" for world in worlds):
            break
    assert max(seen) == most
    assert all(world.moves()[-1] == ("a", "b", Outcome.MOVED) for world in worlds)
