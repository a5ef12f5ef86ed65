"""What a pool's good requests cost by the client's log and the lifetimes that the test recorded, held against the operator's word."""

from __future__ import annotations

from bisect import bisect

import pytest

from demo import checker
from e2e.client import Client
from e2e.tenant import Tenant

COST_TOLERANCE = 0.03
"""Kubernetes tells times in whole seconds."""
EDGE_SECONDS = 1.5
"""The operator's windows begin and end with a reading, which is a second apart from the next, and half a second late on a busy machine."""


def agrees(tenant: Tenant, pool: str, client: Client, *, gaps: bool = False) -> None:
    """Assert that money, good requests and their ratio in status are what the test's own records say.

    gaps: windows in which pods came or went may be left out of what status tells, so that only the ratio can be compared, and only with
    its interval.
    """
    told = tenant.placement(pool)["unitCost"]
    start, end = checker.seconds(told["from"]), checker.seconds(told["to"])
    pods = [p for p in tenant.lifetimes.pods(tenant.instance_types()) if p["pool"] == pool]
    money = sum(checker.hourly(p, tenant.pools()) * checker.overlap(p, start, end) / 3600 for p in pods)
    names = {p["name"] for p in pods}
    done = sorted(e["done"] for e in client.entries() if e["pod"] in names and e["outcome"] == "good")

    def good(shorter: float) -> int:
        return bisect(done, end - shorter) - bisect(done, start + shorter)

    seen = (pool, told, money, good(0), pods)
    assert float(told["value"]) == pytest.approx(1000 * float(told["cost"]) / told["good"], rel=0.001), seen
    assert told["good"] <= good(-EDGE_SECONDS), seen
    if gaps:
        assert float(told["cost"]) <= money * (1 + COST_TOLERANCE), seen
        assert float(told["lower"]) * 0.9 <= 1000 * money / good(0) <= float(told["upper"]) * 1.1, seen
    else:
        assert float(told["cost"]) == pytest.approx(money, rel=COST_TOLERANCE), seen
        assert told["good"] >= good(EDGE_SECONDS), seen
