"""At constant load, with the noise that arrivals have, there is nothing to write."""

from __future__ import annotations

import time

import pytest

from fault.meanwhile import first, meanwhile
from steelyard.core.performance.evidence import LATEST
from stub.world import Play

pytestmark = pytest.mark.apiserver

WINDOW_SECONDS, READ_SECONDS = 8, 4
REST_SECONDS = 120.0
"""Five minutes of it, with real servers, are in tests/e2e."""


@first
@meanwhile
def test_constant_traffic_writes_nothing_but_the_lease(a_move):
    run = a_move(play=Play(noise=True), settings={"observe": {"intervalSeconds": READ_SECONDS, "timeoutSeconds": 3}})
    run.start_operator()
    run.apply(windowSeconds=WINDOW_SECONDS)
    # As it is in life: after a move, with evidence of both pools, and a cost that rests on as many windows as it ever does.
    run.until_moved()
    # A window ends with the first read that comes after its length.
    time.sleep((LATEST + 2) * (WINDOW_SECONDS + READ_SECONDS))
    run.audit.mark()
    time.sleep(REST_SECONDS)
    # Pools belong to the whole cluster: those of other tests come and go.
    written = [e for e in run.writes() if e.namespace == run.namespace or run.tag in e.name]
    assert not written, [(e.verb, e.resource, e.name, str(e.request)[:2000]) for e in written]
    leases = [e for e in run.audit.writes(run.user, except_resources=()) if e.resource == "leases" and e.code < 300]
    own = [e for e in leases if e.namespace == run.namespace]
    assert len(own) > REST_SECONDS / 5, "it was alive all the time"
    assert {e.name for e in leases} == {"steelyard", "steelyard-installations"}
    assert len(leases) - len(own) <= len(own) / 3, "the claim of its installation is renewed seldom"
