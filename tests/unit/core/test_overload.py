"""A start that is overloaded from the first request: nothing is answered in time, and what is answered tells how many replicas it takes."""

import pytest

from steelyard.core.performance.capacity import RHO, saturated
from unit.core.windows import window
from unit.core.world import Ground, World, quick


@pytest.mark.parametrize("rate", [60.0, 200.0])
def test_an_overloaded_start_is_sized_by_what_full_replicas_answer_and_not_one_by_one(rate: float) -> None:
    world = World({"a": Ground(speed=10)}, rate=rate, policy=quick(paused=True))
    world.until(lambda: world.count("a") > 0)
    counts = []
    for _ in range(4):
        world.tick()
        counts.append(world.count("a"))
    enough = rate / (RHO * 10)
    assert counts[-1] >= 0.9 * min(enough, world.scaling.maximum)
    assert counts[-1] <= 1.3 * enough


def test_only_full_replicas_tell_it() -> None:
    idle = window(0, good=0, slow=120, busy=20.0)
    assert saturated([idle]) is None, "late for another reason than the load"
    assert saturated([window(0, good=0, slow=0, shed=500)]) is None, "nothing was answered at all"
    shedding = window(0, good=0, slow=600, shed=600, busy=None)
    assert saturated([idle, shedding]) == pytest.approx(RHO * 10)
    busy = window(0, good=0, slow=300, busy=59.0)
    assert saturated([busy]) == pytest.approx(RHO * 5)
