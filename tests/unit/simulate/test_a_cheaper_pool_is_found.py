"""Through `decide`: whatever kind of server it is, a workload moves within hours to a pool that costs it less, though it is claimed to cost more."""

from __future__ import annotations

import pytest

from bench.kinds import OTHERS, Kind, saturation, server
from bench.wrong.cases import Ground, scenario
from bench.wrong.play import play, unchanged
from steelyard.core.facts.memory import MoveKind, Outcome

HOURS = 4.0
GROUNDS = {
    "near": Ground(price=1.0, milliseconds=1600, claim=1.9),
    "far": Ground(price=1.25, milliseconds=1000, claim=0.6),
}
"""A request truly costs 0.78 times as much on the far pool, and is claimed to cost 2.5 times as much."""


@pytest.mark.parametrize(("kind", "told"), [(Kind.SEQUENTIAL, True), *OTHERS], ids=str)
def test_a_pool_that_is_cheaper_than_claimed_is_moved_to(kind: Kind, told: bool) -> None:
    full = 1.0 if kind is Kind.SEQUENTIAL else saturation(kind, server(kind, 1.0))
    load = {"steps": [{"at": "0s", "rate": full}, {"at": "20m", "rate": 3 * full}]}
    played = play(scenario(2, HOURS / 24, GROUNDS, load, server=kind, told=told), unchanged)
    assert played.ends_on == "far"
    assert played.ended[MoveKind.REBALANCE, Outcome.ROLLED_BACK] == 0
