"""Two workloads want the same few nodes: they go to the one that saves more with them, whoever asks first."""

from __future__ import annotations

import pytest

from property.simulate.strategies import scenario, workload
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.drive import Decided, Planner, steps
from steelyard.simulate.world import World

WHOLE = {"cpu": 4, "memoryGiB": 16}
POOLS = [
    {"name": "plenty", **WHOLE, "replica": WHOLE, "nodes": 24, "pricePerHour": 1.0},
    {"name": "short", **WHOLE, "replica": WHOLE, "nodes": 4, "pricePerHour": 9.0, "claims": [{"metric": "Throughput", "timesTruth": 1}]},
]
CHEAPER = {"kind": "Price", "at": "20m", "pool": "short", "perHour": 1.0}


def truth(fast: int) -> dict[str, dict[str, int]]:
    return {
        "plenty": {"serviceMilliseconds": 100, "startSeconds": 10},
        "short": {"serviceMilliseconds": fast, "startSeconds": 10},
    }


def played(first: str) -> tuple[World, list[Decided]]:
    """Two hours of two workloads that begin where there is plenty; `first` is on its way a good while before the other."""
    both = {"little": truth(60), "much": truth(25)}
    names = sorted(both, key=lambda name: name != first)
    late = {name: {} if name == first else {"rebalancing": {"cooldownSeconds": 1800}} for name in names}
    loaded = scenario(
        days=2 / 24,
        events=[CHEAPER],
        pools=POOLS,
        workloads=[workload(n, 36.0, both[n], scaling={"maxReplicas": 14}, **late[n]) for n in names],
    )
    world = World(loaded.scenario, loaded.traces)
    return world, [decided for some in steps(world) for decided in some]


@pytest.fixture(scope="module", params=["little", "much"])
def play(request: pytest.FixtureRequest) -> tuple[World, list[Decided]]:
    return played(request.param)


def test_the_nodes_go_to_whom_they_save_most(play: tuple[World, list[Decided]]) -> None:
    world, _ = play
    assert {name: tenant.memory.allocation[0].pool for name, tenant in world.tenants.items()} == {"little": "plenty", "much": "short"}


def test_who_stays_is_told_why(play: tuple[World, list[Decided]]) -> None:
    _, decided = play
    told = [d.decision.message for d in decided if d.workload == "little" and d.decision.reason is Reason.POOL_SCARCE]
    assert told
    assert "short of nodes" in told[-1]


def test_without_a_plan_who_comes_first_takes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Planner, "look", lambda *_: None)
    world, _ = played("little")
    assert world.tenants["little"].memory.allocation[0].pool == "short"
