"""The operator's counters of requests are those of the servers, to the last one, also of servers that are gone."""

from __future__ import annotations

import re
import time

import pytest

from fault.meanwhile import first, meanwhile
from fault.move_run import REPLICAS, SOON, MoveRun
from stub.world import Play

pytestmark = pytest.mark.apiserver


def counted(run: MoveRun, pool: str) -> dict[str, int]:
    """Requests of a pool by outcome, as the operator tells them."""
    lines = re.findall(r"^steelyard_workload_requests_total\{(.*)\} (\S+)$", run.operators[-1].metrics(), re.MULTILINE)
    found = {"good": 0, "slow": 0, "error": 0, "shed": 0}
    for labels, value in lines:
        if f'pool="{pool}"' in labels:
            found[re.findall(r'outcome="(\w+)"', labels)[0]] = int(float(value))
    return found


@first
@meanwhile
def test_after_a_move_the_operator_has_counted_exactly_what_the_servers_answered(a_move):
    # Servers that leave answer requests to their end: what came after the last scrape is told by the termination message alone.
    run = a_move(play=Play(drain_seconds=0.3, lag_seconds=0.3))
    run.play.behaviours[run.dear].broken = 0.005
    run.start_operator()
    run.apply()
    run.until_moved()
    run.play.load = 0
    deadline = time.monotonic() + SOON
    while any(counted(run, pool) != run.world.counted(pool) for pool in (run.dear, run.cheap)) and time.monotonic() < deadline:
        time.sleep(0.5)
    gone = [server for pool, server in run.world.servers.values() if pool == run.dear]
    assert len(gone) == REPLICAS
    assert [server for server in gone if sum(server.counts.values()) > server.told], "some of it only the last words told"
    for pool in (run.dear, run.cheap):
        answered = run.world.counted(pool)
        assert counted(run, pool) == answered
        assert answered["good"] > 1000
    assert run.world.counted(run.dear)["slow"] > 0
    assert 'reason="Termination"' not in run.operators[-1].metrics(), "no last word was refused"
