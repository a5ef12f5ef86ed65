"""A gate that asks about the workload alone refuses every trial where it refuses one: the others need not be asked."""

from dataclasses import replace
from typing import Any

import pytest

from steelyard.core.facts.snapshot import Mode, Scaling
from steelyard.core.rebalancing import propose
from steelyard.core.rebalancing.chain import EXPLORATION, OF_THE_WORKLOAD
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.vocabulary.reading import Unknown
from unit.core.proposals import passing
from unit.core.world import Ground, World, quick

OTHER: dict[str, Any] = {"target_pool": "z", "target_revision": None, "room": 0, "target_cost": None, "move_cost": 1e6, "pool_moves": ()}
REFUSED = (
    lambda p: replace(p, frozen=True),
    lambda p: replace(p, synced=False),
    lambda p: replace(p, clock_suspect=True),
    lambda p: replace(p, observation=Unknown("the metrics endpoint refuses connections")),
    lambda p: replace(p, good=0),
    lambda p: replace(p, replicas_owner="an autoscaler"),
    lambda p: replace(p, policy=replace(p.policy, mode=Mode.RECOMMEND)),
)


@pytest.mark.parametrize("refused", REFUSED)
def test_it_refuses_whatever_the_target(refused: Any) -> None:
    proposal: Proposal = refused(passing())
    gates = [gate for gate in EXPLORATION if gate.__name__ in OF_THE_WORKLOAD]
    said = [gate.__name__ for gate in gates if gate(proposal) is not None]
    assert len(gates) == len(OF_THE_WORKLOAD)
    assert len(said) == 1
    assert [gate.__name__ for gate in gates if gate(replace(proposal, **OTHER)) is not None] == said


@pytest.mark.parametrize(("mode", "asked"), [(Mode.RECOMMEND, 1), (Mode.AUTO, 5)])
def test_of_many_pools_that_could_be_tried_one_is_asked_about_where_none_may_be(
    mode: Mode, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    policy = quick(mode=mode, exploration_budget=0.0)
    world = World({"a": Ground(price=0.5), **{f"p{n}": Ground(price=0.6) for n in range(5)}}, rate=4.0, policy=policy, scaling=Scaling())
    world.tick(6)
    reviewed = list[object]()
    real = propose.review
    monkeypatch.setattr(propose, "review", lambda gates, p: reviewed.append(p.target_pool) or real(gates, p))  # type: ignore[func-returns-value]
    world.tick()
    assert len({pool for pool in reviewed if pool and pool.startswith("p")}) == asked
