"""Prices that swing, and noise around a tie: a workload moves seldom, and where there is nothing to gain it does not move (fault cases 7, 8)."""

from dataclasses import replace
from datetime import datetime, timedelta
from math import exp, sin, tau
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from property.effort import THOROUGH, effort
from steelyard.core.facts.memory import MoveKind, Outcome, PastMove
from steelyard.core.facts.snapshot import Rebalancing
from unit.core.world import START, Ground, World, quick

DAY = timedelta(days=1)
WINDOW = 600


def policy(cooldown: int) -> Rebalancing:
    return quick(
        window_seconds=WINDOW, bake_seconds=1200, deadline_seconds=7200, exploration_deadline_seconds=7200, cooldown_seconds=cooldown
    )


def most_in(span: timedelta, ends: list[datetime]) -> int:
    return max((sum(end <= other < end + span for other in ends) for end in ends), default=0)


def moved(world: World) -> list[PastMove]:
    return [m for m in world.ended if m.kind is not MoveKind.EXPLORATION]


@effort(4)
@given(
    period=st.integers(1, 300),
    amplitude=st.floats(0.1, 2.0),
    square=st.booleans(),
    phase=st.floats(0, 1),
    cooldown=st.sampled_from([1800, 3600, 6 * 3600]),
    seed=st.integers(0, 99),
)
def test_a_price_that_swings_with_any_period_and_amplitude_moves_a_workload_a_bounded_number_of_times_a_day(
    period: int, amplitude: float, square: bool, phase: float, cooldown: int, seed: int
) -> None:
    world = World({"a": Ground(speed=10, price=4.0), "b": Ground(speed=10, price=4.0)}, rate=30, policy=policy(cooldown), seed=seed)
    days = 4
    for tick in range(days * 24 * 6):
        wave = sin(tau * (tick / period + phase))
        world.grounds["b"].price = 4.0 * exp(amplitude * ((1.0 if wave >= 0 else -1.0) if square else wave))
        world.tick()
    ends = [m.time for m in world.ended]
    # A move takes a few windows, and a rest follows: what ends within a day is bounded by the cool-down alone.
    assert most_in(DAY, ends) <= 86400 / cooldown + 1
    # And the way back grows: to one pool no more than what doubling allows.
    for pool in "ab":
        there = [m.time for m in moved(world) if m.target_pool == pool and (m.outcome is Outcome.MOVED or m.reason == "NotCheaper")]
        assert len(there) <= 4 + days * 86400 / (4 * cooldown)


def walked(seed: int, days: int, noise: float) -> World:
    """Two pools whose true cost is the same."""
    world = World({"a": Ground(speed=12), "b": Ground(speed=12)}, rate=40, policy=replace(policy(6 * 3600)), noise=noise, seed=seed)
    chance = Random(seed)
    for tick in range(days * 24 * 6):
        world.rate = 40 * (1 + 0.2 * sin(tau * tick / 144)) * exp(chance.gauss(0, 0.05))
        world.tick()
    return world


def test_noise_around_a_tie_moves_nobody_within_a_week_and_few_even_begin() -> None:
    worlds = [moved(walked(seed, 7, 0.2)) for seed in range(40 if THOROUGH else 2)]
    assert not [m for moves in worlds for m in moves if m.outcome is Outcome.MOVED]
    assert sum(1 for moves in worlds if moves) <= max(1, 0.15 * len(worlds))


def test_the_clock_of_these_worlds_is_simulated() -> None:
    assert walked(0, 1, 0.2).now - START == DAY
