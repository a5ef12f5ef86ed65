"""Nodes that are paid for in any case are used first, and what is claimed of them is judged by what nodes cost that are paid by the hour."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.facts.memory import VerdictWord
from unit.core.world import Ground, World, quick, ratio_claim


def test_a_workload_goes_to_reserved_nodes_that_would_cost_more_by_the_hour_and_stays_there():
    world = World({"hourly": Ground(price=1.0), "paid": Ground(price=3.0, reserved=True, exists=False)}, rate=20.0)
    world.tick(30)
    assert world.serves_on == "hourly"
    world.grounds["paid"].exists = True
    world.tick(200)
    assert world.serves_on == "paid"
    assert world.count("hourly") == 0


def test_the_same_nodes_by_the_hour_are_left_alone():
    world = World({"hourly": Ground(price=1.0), "paid": Ground(price=3.0)}, rate=20.0)
    world.tick(200)
    assert world.serves_on == "hourly"


def test_a_false_claim_of_reserved_nodes_is_not_confirmed_because_somebody_has_paid_for_them():
    claim = ratio_claim(0.5, "hourly")
    grounds = {"hourly": Ground(price=1.0), "paid": Ground(price=3.0, reserved=True, claims=(claim,), exists=False)}
    world = World(grounds, rate=20.0, policy=replace(quick(), min_good_requests=100))
    world.tick(30)
    world.grounds["paid"].exists = True
    world.tick(200)
    assert world.serves_on == "paid"
    (verdict,) = world.memory.claims
    assert verdict.verdict is VerdictWord.REFUTED
    assert verdict.measured is not None and verdict.measured > 2
