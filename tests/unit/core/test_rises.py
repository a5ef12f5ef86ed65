"""How the load rises within minutes is remembered for days, and a pool whose replicas take long to start keeps more ready for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.core.performance.lateness import Lateness
from steelyard.core.placing.analysis import analysis
from steelyard.core.planning.count_rises import EVERY, count_rises
from steelyard.core.planning.load import Load, load
from steelyard.core.planning.reserve import Risk
from steelyard.core.planning.rises import HALF_LIFE, risen
from unit.core.windows import window
from unit.core.world import START, Ground, World

RISK = Risk(lateness=Lateness(allowed=0.001, busy=0.7))
HOUR = 60
JUMP = (*[600] * 40, *[900] * 20)
"""Requests in each minute: a half more within one of them."""
WILD = Rises(
    until=START, requests=1_000_000, risen=((100,) * len(STEPS), (1_000,) * len(STEPS), (10_000,) * len(STEPS), (20_000,) * len(STEPS))
)


def asked(requests: Sequence[int], rises: Rises | None = None, start: float = 120.0) -> Load:
    """The last hour of these minutes."""
    minutes = [window(i, good=n) for i, n in enumerate(requests)][-HOUR:]
    found = load([minutes], [], RISK, start, rises)
    assert found is not None
    return found


def looked_at(requests: Sequence[int], rises: Rises | None = None) -> list[Rises | None]:
    """What is remembered after each minute."""
    seen = [rises]
    for now in range(1, len(requests) + 1):
        seen.append(count_rises(seen[-1], asked(requests[:now]).rates))
    return seen


def test_a_load_that_does_not_rise_changes_nothing_that_is_remembered() -> None:
    first, *others = looked_at([600, 620, 590, 610, 585] * 60)[1:]
    assert first is not None
    assert all(each is first for each in others)


@pytest.mark.parametrize("mean", [3.0, 30.0, 500.0])
def test_what_chance_makes_of_a_constant_load_is_no_rise(mean: float) -> None:
    first, *others = looked_at(np.random.default_rng(7).poisson(mean, 300).tolist())[1:]
    assert first is not None
    assert all(each is first for each in others)


def test_a_rise_is_counted_once_however_often_it_is_looked_at() -> None:
    last = looked_at([*JUMP, *[900] * 120])[-1]
    assert last is not None
    by = STEPS.index(0.3)
    assert [row[by] for row in last.risen] == [1200, 2400, 4800, 9600], "of 600 requests in each minute that it came within so many of"
    assert [row[-1] for row in last.risen] == [0] * len(WITHIN), "it was no rise by three quarters"


def test_two_windows_that_are_farther_apart_than_they_look_show_no_rise_within_minutes() -> None:
    """The load grows by a tenth in each minute, and the eight are not told in which a placement joined: between those beside them it is doubled."""
    growing = [600] * 30 + [round(600 * 1.1**k) for k in range(8)] + [1200] * 22
    one = [window(i, good=n) for i, n in enumerate(growing)]
    told, without = (load([each], [], RISK).rates for each in (one, [*one[:30], *one[38:]]))  # type: ignore[union-attr]
    before = Rises(until=told.end - timedelta(minutes=32))
    by_minutes, gap = count_rises(before, told), count_rises(before, without)
    assert by_minutes is not None and gap is not None
    assert [row[-2:] for row in gap.risen[:2]] == [(0, 0)] * 2
    assert any(by_minutes.risen[-1]) and any(gap.risen[-1])


def test_it_is_not_written_more_often_than_twice_an_hour_while_the_load_jumps() -> None:
    seen = looked_at([*[600] * 10, *[900] * 10] * 9)
    assert len({id(each) for each in seen}) <= 2 + 180 * 60 / EVERY.total_seconds()


@pytest.mark.parametrize("after", [[0] * 30 + [600] * 60, [600] * 30 + [6000] * 60])
def test_what_more_than_doubles_is_no_rise_that_anybody_keeps_ready_for(after: list[int]) -> None:
    last = looked_at([600] * 30 + after)[-1]
    assert last is not None
    assert not any(map(any, last.risen))


def test_a_rise_of_days_ago_counts_for_less_and_a_calm_time_makes_it_a_smaller_part() -> None:
    part = [found.parts.sum() for days in (0, 1, 3, 9) if (found := risen(WILD, 300.0, 10.0, START + timedelta(days=days)))]
    assert part == sorted(part, reverse=True)
    assert part[3] < part[0] / 8
    assert timedelta(days=3) == HALF_LIFE


def test_more_is_kept_for_a_load_that_has_risen_and_the_more_the_longer_a_replica_takes_to_start() -> None:
    calm = asked([600] * 60).soon
    kept = [asked([600] * 60, WILD, start).soon for start in (30.0, 120.0, 300.0, 900.0)]
    assert calm < kept[0]
    assert kept == sorted(kept)
    assert kept[2] > 1.3 * calm
    assert asked([600] * 60, Rises(until=START)).soon == calm, "what never rose is sized as without a memory"


def costs(rises: Rises | None) -> dict[str, float]:
    """Money an hour of two pools that are alike but for the start that was measured there."""
    world = World({"quick": Ground(), "slow": Ground(exists=False)}, rate=60.0)
    world.tick(20)
    world.grounds["slow"].exists = True
    known = world.memory.known[0]
    starts = {"quick": 60.0, "slow": 600.0}
    world.memory = replace(
        world.memory,
        rises=rises and replace(rises, until=world.now),
        known=tuple(replace(known, pool=pool, start_seconds=took) for pool, took in starts.items()),
    )
    seen = analysis(world.snapshot(), world.now)
    return {o.pool: o.cost.point for o in seen.options if o.cost is not None}


def test_a_pool_that_takes_long_to_start_costs_more_by_what_must_be_kept_ready_there() -> None:
    calm, wild = costs(None), costs(WILD)
    assert calm["slow"] == calm["quick"], "as long as no rise is remembered"
    assert wild["slow"] > 1.1 * wild["quick"]


def test_what_is_remembered_stays_as_it_is_at_a_constant_load() -> None:
    world = World({"a": Ground()}, rate=40.0)
    world.tick(30)
    before = world.memory.rises
    world.tick(240)
    assert before is not None
    assert world.memory.rises == before
