"""With one Service the slowest replicas make all others as slow. Where the others carry the load alone they go at once, whatever else is on its way."""

from steelyard.core.facts.snapshot import PoolChoice, Scaling
from unit.core.world import Ground, Pods, World, quick


def mixed() -> tuple[World, Pods]:
    """Slow replicas, of which their pool has five, beside a fast one; both measured. And the fast ones."""
    grounds = {"fast": Ground(price=4.0, speed=20, start=10), "slow": Ground(price=0.5, speed=5, nodes=5)}
    asked = {"fast": PoolChoice(minimum=1), "slow": PoolChoice(minimum=5)}
    world = World(grounds, rate=16.0, policy=quick(exploration_budget=0.0), scaling=Scaling(maximum=40), pools=asked)
    world.until(lambda: world.count("slow") == 5 and world.count("fast") == 1)
    fast = next(pods for key, pods in world.deployments.items() if key.pool == "fast")
    world.pools = {"fast": PoolChoice(minimum=1)}
    world.tick(12)
    assert world.count("slow") >= 4 and world.count("fast") == 1
    return world, fast


def test_they_go_while_another_fast_one_starts() -> None:
    world, fast = mixed()
    world.rate = 39.0
    world.until(lambda: fast.desired > 3, most=3)
    assert world.count("slow") >= 4, "one fast replica does not carry it alone"
    fast.ages = [99, 99, 99, *([0] * (fast.desired - 3))]
    world.tick()
    assert world.count("fast") == 3 < fast.desired, "three do"
    assert world.count("slow") == 0, "beside slow ones they are as slow"


def test_they_stay_while_the_fast_ones_that_are_ready_do_not_carry_it() -> None:
    world, fast = mixed()
    world.rate = 39.0
    world.until(lambda: fast.desired > 3, most=3)
    fast.ages = [99, 99, *([0] * (fast.desired - 2))]
    world.tick(2)
    assert world.count("slow") >= 4
