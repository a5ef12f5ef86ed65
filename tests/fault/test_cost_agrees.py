"""The cost that status tells is the one that a bill would: lifetimes that the test recorded itself, times the price."""

from __future__ import annotations

from datetime import datetime

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import CHEAP, DEAR, MoveRun

pytestmark = pytest.mark.apiserver

PART_OF_NODE = (1 / 64 + 1 / 256) / 2
"""One processor of 64 and 1 GiB of 256, on nodes without devices."""
TOLERANCE = 0.02
GRAIN = 1.0
"""Seconds: Kubernetes cuts the times of a pod's beginning and end to whole ones."""


def recorded(run: MoveRun, pool: str, price: str, start: float, end: float) -> tuple[float, float]:
    """Money for the pods of a pool between two moments, and how much of it the grain of their times leaves open."""
    lives = [life for life in run.world.lifetimes.values() if life.pool == pool]
    seconds = sum(life.within(start, end) for life in lives)
    edges = sum(start - GRAIN < moment < end + GRAIN for life in lives for moment in (life.created, life.ended) if moment is not None)
    a_second = float(price) * share_of() / 3600
    return seconds * a_second, GRAIN * edges * a_second


def share_of() -> float:
    """What part of a node one replica is charged, by the weights that the operator documents."""
    from steelyard.core.economics.attribution import share
    from steelyard.core.facts.resources import Resources

    return share(Resources(cpu=1.0, memory_gib=1.0), Resources(cpu=64.0, memory_gib=256.0))


@first
@meanwhile
def test_cost_and_unit_cost_agree_with_lifetimes_times_price(a_move):
    run = a_move()
    run.start_operator()
    run.apply()
    run.until_moved()
    checked = 0
    for pool, price in ((run.dear, DEAR), (run.cheap, CHEAP)):
        for told in (p["unitCost"] for p in run.status()["placements"] if p["pool"] == pool and p.get("unitCost")):
            start, end = (datetime.fromisoformat(told[side].replace("Z", "+00:00")).timestamp() for side in ("from", "to"))
            money, grain = recorded(run, pool, price, start, end)
            assert abs(float(told["cost"]) - money) <= TOLERANCE * money + grain, (pool, told, money, grain)
            assert grain < money / 2, "most of it is certain"
            assert float(told["value"]) == pytest.approx(1000 * float(told["cost"]) / told["good"], rel=0.001)
            # Requests: the test's own rate. Both pools share the load while both serve.
            checked += 1
    assert checked == 2, run.status()["placements"]
    assert share_of() == pytest.approx(PART_OF_NODE, rel=0.5)
