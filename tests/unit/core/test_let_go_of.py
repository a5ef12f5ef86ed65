"""A place that is let go of because somebody has to mend it is not gone back to at once."""

from __future__ import annotations

import pytest

from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.world import Ground, World, quick, ratio_claim


@pytest.mark.parametrize("reason", [Reason.IMAGE_UNAVAILABLE, Reason.SECRET_MISSING, Reason.CONTAINER_NOT_CREATED])
def test_a_pool_whose_pods_cannot_start_is_let_go_of_and_left_alone_for_a_while(reason: Reason) -> None:
    world = World({"a": Ground(price=1.0), "b": Ground(price=2.0, claims=(ratio_claim(2.0, "a"),))}, policy=quick(cooldown_seconds=60))
    world.until(lambda: world.serves_on == "a" and world.memory.known != ())
    world.tick(5)
    world.kill("a")
    world.grounds["a"].trouble = Refusal(reason, "a replica on pool a waits for image x, which its node cannot pull")
    world.until(lambda: {key.pool for key in world.deployments} == {"b"}, most=40)
    left = world.now
    (entry,) = world.memory.quarantine
    assert (entry.pool, entry.reason) == ("a", reason.value)
    world.tick(20)
    assert not [m for m in world.ended if m.target_pool == "a"]
    assert world.memory.move is None
    assert {key.pool for key in world.deployments} == {"b"}
    assert world.decisions[-1].reason in {Reason.QUARANTINED, Reason.WAITING}, world.decisions[-1]
    world.grounds["a"].trouble = None
    world.until(lambda: world.serves_on == "a", most=120)
    assert world.now - left >= entry.until - left
