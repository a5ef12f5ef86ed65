"""A move with real containers, whose operator dies three times on the way, each time between a commit and its answer.

Two pools, of which the one that serves with ONNX Runtime costs twenty times as much. An advertisement says that a good request costs half
as much there, and puts the workload there first. So the move is an exploration that is judged on measurements, refutes the claim, and
goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from cluster.audit import Audit
from e2e.client import Client
from e2e.deaths import Deaths
from e2e.tenant import Tenant

DEAR, CHEAP = "4.00", "0.20"
"""So far apart that the cheap one stays it on a machine whose processors others use: what a replica carries there may vary by ten."""
CLAIMED = "0.5"
MOST = 8
RATE = 4.0
SETTLING_SECONDS = 30.0
SEED = 20260101
AMONG = (12, 8, 6)
"""Writes of each chapter that may be the deadly one: fewer than any move was seen to make."""


@dataclass
class Moved:
    """What is left of a move. `whole` is the audit log from its beginning on, `resting` from its end on."""

    tenant: Tenant
    client: Client
    dear: str
    cheap: str
    deaths: Deaths
    whole: Audit
    resting: Audit
    resting_since: float


def move(tenant: Tenant) -> Moved:
    """Play it."""
    whole = tenant.cluster.audit()
    cheap = tenant.pool("cheap", "pool-b", "openvino", CHEAP)
    claim = {"name": "advertised", "metric": "UnitCost", "ratio": CLAIMED, "relativeTo": cheap, "source": "a test", "date": "2026-01-01"}
    dear = tenant.pool("dear", "pool-a", "onnxruntime", DEAR, [claim])
    deaths = Deaths(tenant, SEED, AMONG)
    tenant.start_operator()
    tenant.apply(most=MOST)
    tenant.until("the first home", lambda: tenant.home() == dear and tenant.ready(), 240)
    client = tenant.keep(tenant.client(RATE))
    tenant.until("the end of the move", lambda: tenant.home() == cheap and tenant.step() is None, 360)
    tenant.until("the old home to be gone", lambda: len(tenant.serving()) == len(tenant.ready()), 120)
    time.sleep(SETTLING_SECONDS)
    return Moved(tenant, client, dear, cheap, deaths, whole, tenant.cluster.audit(), time.monotonic())
