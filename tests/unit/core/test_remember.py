"""What a status has no room for is forgotten before it is written, and what matters least of it."""

from dataclasses import replace
from datetime import timedelta

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.memory import Known, Memory, Quarantine
from steelyard.core.placing.remember import KNOWN, QUARANTINED
from steelyard.core.statistics.interval import Interval
from unit.core.world import Ground, World, quick

HOUR = timedelta(hours=1)


def remembered(world: World, **memory: object) -> Memory:
    """After one more look, with this in the memory before."""
    world.memory = replace(world.memory, **memory)
    return world.tick().memory


def test_of_too_many_places_in_quarantine_those_are_kept_that_last_longest() -> None:
    world = World({"a": Ground(speed=10, start=1)}, rate=2.0, policy=quick())
    world.tick()
    failed = [
        Quarantine(pool=f"p{n:02d}", revision=f"{n:08x}", until=world.now + (1 + n) * HOUR, failures=1, reason="TargetCrashed")
        for n in reversed(range(QUARANTINED + 3))
    ]
    kept = remembered(world, quarantine=tuple(failed)).quarantine
    assert [q.pool for q in kept] == [f"p{n:02d}" for n in range(3, QUARANTINED + 3)]


def test_of_too_many_pools_with_evidence_that_which_holds_the_load_is_kept() -> None:
    grounds = {f"p{n:02d}": Ground(speed=10, start=1, exists=n == 0) for n in range(KNOWN + 4)}
    world = World(grounds, rate=2.0, policy=quick())
    for _ in range(8):
        world.tick()
    there = world.memory.allocation[0].pool
    assert there == "p00"
    rate = Capacity(Interval(5.0, 4.0, 6.0), Basis.MEASURED, 1000)
    for ground in grounds.values():
        ground.exists = True
    elsewhere = tuple(Known(pool=f"p{n:02d}", revision="00000000", capacity=rate) for n in range(1, KNOWN + 4))
    kept = remembered(world, known=(*world.memory.known, *elsewhere)).known
    assert len(kept) == KNOWN
    assert there in {k.pool for k in kept}
