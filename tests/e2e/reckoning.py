"""What a pool's good requests cost by the client's log and the lifetimes that the test recorded, held against the operator's word."""

from __future__ import annotations

import pytest

from e2e.client import Client
from e2e.tenant import Tenant
from steelyard.cli.demo import checker

COST_TOLERANCE = 0.03
"""Kubernetes tells times in whole seconds."""
GOOD_TOLERANCE = 0.05
"""The operator's windows begin and end between two requests, and are read by a clock of their own."""


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
    good = sum(1 for e in client.entries() if e["pod"] in names and e["outcome"] == "good" and start <= e["done"] <= end)
    seen = (pool, told, money, good, pods)
    assert float(told["value"]) == pytest.approx(1000 * float(told["cost"]) / told["good"], rel=0.001), seen
    if gaps:
        assert float(told["cost"]) <= money * (1 + COST_TOLERANCE), seen
        assert told["good"] <= good * (1 + GOOD_TOLERANCE), seen
        assert float(told["lower"]) * 0.9 <= 1000 * money / good <= float(told["upper"]) * 1.1, seen
    else:
        assert float(told["cost"]) == pytest.approx(money, rel=COST_TOLERANCE), seen
        assert told["good"] == pytest.approx(good, rel=GOOD_TOLERANCE), seen
