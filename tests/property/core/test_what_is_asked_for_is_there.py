"""Where somebody else sizes, each pool has at each look as many replicas as are asked for: whatever is asked, rolled out, lost or seen meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Owner, Scaling
from unit.core.world import Ground, World, quick

POOLS = ("a", "b")


@dataclass(frozen=True)
class Act:
    """What happens before a look."""

    pool: str
    replicas: int | None
    wish: str | None
    seeing: bool
    killed: int
    forgets: bool


acts = st.builds(
    Act,
    pool=st.sampled_from(POOLS),
    replicas=st.none() | st.integers(0, 9),
    wish=st.none() | st.sampled_from(["m", "n", "o"]),
    seeing=st.booleans(),
    killed=st.integers(0, 2),
    forgets=st.booleans(),
)


def standing(world: World, pool: str) -> int:
    return sum(pods.desired for key, pods in world.deployments.items() if key.pool == pool)


@effort(40)
@given(
    story=st.lists(acts, max_size=60),
    start=st.integers(1, 4),
    rate=st.sampled_from([0.0, 1.0, 30.0, 200.0]),
    maximum=st.sampled_from([1, 10]),
)
def test_each_pool_has_what_is_asked_for_and_at_rest_no_more(story: list[Act], start: int, rate: float, maximum: int) -> None:
    world = World({"a": Ground(speed=10, start=start), "b": Ground(speed=10, start=start)}, rate=rate, policy=quick())
    world.scaling = Scaling(owner=Owner.EXTERNAL, maximum=maximum)
    world.tick()
    for act in story:
        if act.replicas is not None:
            world.scale_targets[act.pool] = act.replicas
        world.wish, world.seeing = act.wish or world.wish, act.seeing
        world.kill(act.pool, act.killed)
        if act.forgets:
            world.restart()
        world.tick()
        for pool in POOLS:
            assert standing(world, pool) >= world.scale_targets[pool]
    world.seeing = True
    world.until(lambda: world.memory.move is None, most=400)
    world.until(lambda: all(standing(world, pool) == world.scale_targets[pool] for pool in POOLS), most=400)
    assert {m.kind for m in world.ended} <= {MoveKind.REVISION}
