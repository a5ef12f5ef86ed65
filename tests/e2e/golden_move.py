"""A move with real containers, whose operator dies three times on the way, each time between a commit and its answer.

Two pools, of which the one that serves with ONNX Runtime costs twenty times as much. An advertisement says that a good request costs half
as much there, and puts the workload there first. So the move is an exploration that is judged on measurements, refutes the claim, and
goes on.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.audit import Audit
from e2e.client import Client
from e2e.deaths import Deaths
from e2e.tenant import Tenant

DEAR, CHEAP = "4.00", "0.20"
"""So far apart that the cheap one stays it on a machine whose processors others use: what a replica carries there may vary by ten."""
CLAIMED = "0.5"
MOST = 8
RATE = 4.0
CALM: dict[str, Any] = {"intervalSeconds": 4, "timeoutSeconds": 3}
CALM_WINDOW = 8
"""From the end of the move on: an answer that is a second late is no news on a machine where other tests run."""
SEED = 20260103
AMONG = (12, 6, 4)
"""Writes of each chapter that may be the deadly one: fewer than any move was seen to make."""


@dataclass
class Moved:
    """What is left of a move. `audit`: from its beginning on."""

    tenant: Tenant
    client: Client
    dear: str
    cheap: str
    deaths: Deaths
    audit: Audit

    def measured(self, pool: str) -> int:
        """How many good requests the cost of standing on a pool rests on; 0 where it was never measured outside of a move."""
        placement = self.tenant.placement(pool)
        return int(placement["unitCost"]["good"]) if placement.get("steady") else 0


def move(tenant: Tenant) -> Moved:
    """Play it."""
    audit = tenant.cluster.audit()
    cheap = tenant.pool("cheap", "pool-b", "openvino", CHEAP)
    claim = {"name": "advertised", "metric": "UnitCost", "ratio": CLAIMED, "relativeTo": cheap, "source": "a test", "date": "2026-01-01"}
    dear = tenant.pool("dear", "pool-a", "onnxruntime", DEAR, [claim])
    deaths = Deaths(tenant, SEED, AMONG)
    tenant.start_operator()
    tenant.apply(most=MOST)
    tenant.until("the first placement", lambda: tenant.holds() == dear and tenant.ready(), 600)
    client = tenant.keep(tenant.client(RATE))
    tenant.until("the end of the move", lambda: tenant.holds() == cheap and tenant.step() is None, 600)
    tenant.until("the source to be gone", lambda: len(tenant.serving()) == len(tenant.ready()), 120)
    tenant.end_operator()
    tenant.apply(most=MOST, windowSeconds=CALM_WINDOW)
    tenant.start_operator(observe=CALM)
    moved = Moved(tenant, client, dear, cheap, deaths, audit)
    tenant.until("the cost of standing there", lambda: moved.measured(cheap), 180)
    return moved
