"""Invariant I12: no act is refused for ever by a condition that only the act could end.

Random worlds in which at least one pool can keep the promise: wherever the workload is, within a day it serves within its promise.
"""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.snapshot import Scaling
from unit.core.world import Ground, World, ratio_claim

WITHIN = 24 * 60
"""Windows of a minute. Three failed tries on a pool double their quarantine to two hours."""
START, STILL = 30, 30
"""Windows until it is looked at, and in which the promise then has to hold."""
ALLOWED = 0.01
PART = 0.7
"""Of what all replicas that are allowed carry, the load at most."""

hopeless = st.builds(
    Ground,
    price=st.sampled_from([0.2, 1.0, 4.0]),
    speed=st.sampled_from([5.0, 10.0, 20.0]),
    start=st.integers(1, 3),
    late=st.sampled_from([0.05, 0.3, 1.0]),
)
sound = st.builds(Ground, price=st.sampled_from([0.2, 1.0, 4.0, 8.0]), speed=st.sampled_from([5.0, 10.0, 20.0]), start=st.integers(1, 3))
slow = st.builds(Ground, price=st.sampled_from([0.1, 0.5]), speed=st.sampled_from([0.5, 1.0]))
"""Keeps the promise, and may not carry the load within the limit."""


def missed(world: World, windows: int) -> float:
    """The part of the requests of the next windows that misses the objective."""
    bad = asked = 0
    for _ in range(windows):
        before = world.now
        world.tick()
        newest = [w for pods in world.deployments.values() for w in pods.windows if w.start == before]
        bad, asked = bad + sum(w.violations for w in newest), asked + sum(w.offered for w in newest)
    return bad / asked if asked else 1.0


@effort(12)
@given(
    bad=st.lists(hopeless | slow, min_size=1, max_size=3),
    good=sound,
    claim=st.sampled_from([None, 0.3, 1.0, 3.0]),
    busy_known=st.booleans(),
    part=st.floats(0.1, PART),
    maximum=st.sampled_from([4, 10]),
    seed=st.integers(0, 1000),
)
@example(bad=[Ground(late=0.3, price=0.2)], good=Ground(price=8.0), claim=None, busy_known=False, part=0.2, maximum=10, seed=0)
@example(bad=[Ground(speed=0.5, price=0.1)], good=Ground(price=8.0), claim=None, busy_known=False, part=0.6, maximum=4, seed=0)
def test_where_a_pool_can_keep_the_promise_it_is_kept_wherever_the_workload_was_first_placed(
    bad: list[Ground], good: Ground, claim: float | None, busy_known: bool, part: float, maximum: int, seed: int
) -> None:
    grounds = {"good": good, **{f"bad{at}": ground for at, ground in enumerate(bad)}}
    if claim is not None:
        good.claims = (ratio_claim(claim, "bad0"),)
    rate = part * maximum * good.speed
    world = World(grounds, rate=rate, scaling=Scaling(maximum=maximum), busy_known=busy_known, seed=seed)
    world.tick(START)
    parts = [missed(world, STILL)]
    while parts[-1] > ALLOWED and len(parts) * STILL < WITHIN:
        parts.append(missed(world, STILL))
    assert parts[-1] <= ALLOWED, f"{parts[-3:]} missed; {[d.verdict + ': ' + d.message for d in world.decisions[-2:]]}"
