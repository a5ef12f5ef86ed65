"""Without faults and at a constant load nothing moves once all is settled; chance may ask for a replica now and then, and that is all. A load between
two sizes has now the one and now the other: what was added stays until it was not needed for UNUSED."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from property.simulate.strategies import POOLS, scenario, workload
from steelyard.core.placing.requirement import UNUSED
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World

SETTLED = 3.0
HOURS = 6.0


@effort(6)
@given(
    rate=st.sampled_from([0.0, 1.0, 9.0, 21.0]),
    service=st.tuples(*[st.sampled_from([50, 60, 100])] * 3),
    prices=st.tuples(*[st.sampled_from([0.5, 1.0, 2.0])] * 3),
    seed=st.integers(0, 1000),
)
def test_a_settled_workload_stays(rate: float, service: tuple[int, ...], prices: tuple[float, ...], seed: int) -> None:
    pools = [{**pool, "pricePerHour": price} for pool, price in zip(POOLS, prices, strict=True)]
    truth = {name: {"serviceMilliseconds": each, "startSeconds": 20} for name, each in zip("abc", service, strict=True)}
    loaded = scenario(days=HOURS / 24, seed=seed, pools=pools, workloads=[workload("w", rate, truth, scaling={"maxReplicas": 8})])
    world = World(loaded.scenario, loaded.traces)
    moved, sizes, added, gone_after = [], set[int](), 0.0, list[float]()
    for decided in steps(world):
        for each in decided:
            if world.now < SETTLED * 3600:
                continue
            intent, move = each.decision.intent, each.decision.memory.move
            if intent.create or intent.gone or move is not None:
                moved.append((world.now, each.decision.verdict, each.decision.message))
            counts = {p.key: p.desired for p in each.snapshot.placements}
            sizes |= {sum(counts.values()), sum({**counts, **intent.scale}.values())}
            if any(n > counts[key] for key, n in intent.scale.items()):
                added = world.now
            gone_after += [world.now - added] * any(n < counts[key] for key, n in intent.scale.items())
    assert moved == []
    assert max(sizes) - min(sizes) <= 1, "between more than two sizes"
    assert min(gone_after, default=UNUSED) >= UNUSED, "what was added goes at once"
