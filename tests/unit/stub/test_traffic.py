"""The played users: each request meets one server, and servers that are too few are found out."""

from __future__ import annotations

import pytest

from stub.lifetime import Lifetime
from stub.server import Behaviour, StubServer
from stub.world import Play, StubWorld, _Pod

LOAD = 300.0
SLOW_POOL, FAST_POOL = Behaviour(0.00513), Behaviour(0.0034)


class Scene:
    """A world without a cluster, and its pods."""

    def __init__(self, play: Play) -> None:
        self.world = StubWorld(None, "none", play, {})  # type: ignore[arg-type]

    def add(self, name: str, behaviour: Behaviour) -> _Pod:
        """One more ready server."""
        server = StubServer(behaviour)
        self.world.servers[name] = ("pool", server)
        made = _Pod(server, "pool", "", None, 0, 0.0, Lifetime(name, "pool", 0.0), ready=True)  # type: ignore[arg-type]
        self.world._pods[name] = made
        return made

    def play(self, seconds: float, tick: float = 0.1) -> None:
        """Let time pass."""
        for _ in range(round(seconds / tick)):
            self.world._traffic(tick)


def scene(slow: int, fast: int, **play: object) -> Scene:
    """With so many servers of each kind."""
    made = Scene(Play(load=LOAD, **play))  # type: ignore[arg-type]
    for number in range(slow):
        made.add(f"slow-{number}", SLOW_POOL)
    for number in range(fast):
        made.add(f"fast-{number}", FAST_POOL)
    return made


@pytest.mark.parametrize(("slow", "fast"), [(3, 0), (3, 1), (3, 2), (2, 2), (1, 2), (0, 2)])
@pytest.mark.parametrize("tick", [0.1, 2.0])
def test_what_the_golden_move_goes_through_loses_no_request(slow, fast, tick):
    seen = scene(slow, fast)
    seen.play(60, tick)
    assert seen.world.lost == 0
    assert seen.world.margin is not None
    assert seen.world.margin >= 1
    assert sum(seen.world.counted("pool").values()) == 60 * LOAD


def test_fewer_than_the_load_needs_show_in_the_margin_and_far_too_few_lose_requests():
    seen = scene(3, 1)
    seen.play(5)
    for name in ("slow-0", "slow-1"):
        seen.world._pods[name].ready = False
    seen.play(5)
    assert seen.world.margin is not None
    assert seen.world.margin < 1
    assert seen.world.lost == 0
    seen.world._pods["slow-2"].ready = False
    seen.play(5)
    assert seen.world.lost > 0


def test_nobody_comes_before_the_first_placement_stands_and_nobody_is_forgotten_after_it():
    seen = scene(1, 0, opens_with=2)
    seen.play(5)
    assert seen.world.counted("pool")["good"] == 0
    seen.add("second", SLOW_POOL)
    seen.play(5)
    answered = seen.world.counted("pool")["good"]
    assert answered == 5 * LOAD
    for pod in seen.world._pods.values():
        pod.ready = False
    seen.play(2)
    assert seen.world.lost == 2 * LOAD
