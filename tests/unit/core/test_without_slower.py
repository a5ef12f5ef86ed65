"""With one Service the slowest replicas make all others as slow. Where the others carry the load alone they go at once, whatever else is on its way."""

from dataclasses import replace

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.snapshot import PoolChoice, Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.placing.repair import shortage
from steelyard.core.placing.trim import trim
from steelyard.core.statistics.interval import Interval
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


def left_by_trim(grounds: dict[str, Ground], rates: dict[str, Interval], *, weighted: bool = False) -> dict[str, int]:
    """Replicas by pool after Trim, where a load of 50 requests/s is on all of these pools and each replica carries what `rates` say. weighted: by a
    route."""
    world = World(grounds, rate=50.0, policy=quick(exploration_budget=0.0), scaling=Scaling(maximum=40))
    world.tick(12)
    assert all(world.count(pool) for pool in grounds)
    seen = analysis(world.looked_at, world.now)
    kept = {key: replace(known, capacity=Capacity(rates[key.pool], Basis.MEASURED, 300)) for key, known in seen.kept.items()}
    seen = replace(seen, kept=kept)
    short = shortage(seen)
    outcome = trim(seen, replace(short, rules=replace(short.rules, weighted=weighted)))
    assert outcome is not None
    return {key.pool: n for key, n in outcome.allocation.items() if n}


@pytest.mark.parametrize(
    ("slow", "fast", "left"),
    [
        (Interval(8.5, 8.4, 8.6), Interval(12.0, 11.5, 12.5), {"fast": 5}),
        (Interval(8.5, 8.4, 8.6), Interval(12.0, 4.0, 38.0), {"slow": 3, "fast": 4}),
        (Interval(8.5, 6.0, 13.0), Interval(12.0, 11.9, 12.1), {"slow": 3, "fast": 4}),
        (Interval(8.5, 8.4, 8.6), Interval(18.0, 4.0, 38.0), {"fast": 4}),
    ],
    ids=["surely", "the fast one is hardly known", "the slow one is hardly known", "twice as fast"],
)
def test_of_more_than_is_needed_the_slower_go_where_they_surely_are_and_the_dearer_where_that_may_be_chance(
    slow: Interval, fast: Interval, left: dict[str, int]
) -> None:
    grounds = {"slow": Ground(speed=10, price=0.4, nodes=3), "fast": Ground(speed=10, price=0.8)}
    assert left_by_trim(grounds, {"slow": slow, "fast": fast}) == left


def test_a_third_pool_that_is_surely_slower_makes_no_chance_a_certainty_between_the_others() -> None:
    grounds = {
        "slowest": Ground(speed=10, price=0.3, nodes=1),
        "slow": Ground(speed=10, price=0.4, nodes=3),
        "fast": Ground(speed=10, price=0.8),
    }
    rates = {"slowest": Interval(7.5, 7.4, 7.6), "slow": Interval(9.0, 8.9, 9.1), "fast": Interval(14.0, 8.0, 38.0)}
    assert left_by_trim(grounds, rates)["slow"] == 3


def test_by_weights_no_replica_bounds_another_and_what_each_is_measured_to_carry_counts() -> None:
    grounds = {"slow": Ground(speed=10, price=0.4, nodes=3), "fast": Ground(speed=10, price=0.8)}
    rates = {"slow": Interval(8.5, 8.4, 8.6), "fast": Interval(16.0, 4.0, 38.0)}
    assert sum(left_by_trim(grounds, rates, weighted=True).values()) < sum(left_by_trim(grounds, rates).values())
