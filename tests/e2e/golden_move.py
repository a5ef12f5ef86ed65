"""A move with real containers, whose operator is killed while it compiles, while the traffic shifts and while the old home drains.

The dear pool serves with ONNX Runtime, the cheap one at a twentieth of the price with OpenVINO; a claim that the cheap one does but a
thirtieth of the work puts the workload on the dear one first. So the move is an exploration that is judged on measurements, and goes on.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from cluster.audit import Audit
from e2e.client import Client
from e2e.tenant import Tenant

DEAR, CHEAP = "4.00", "0.20"
"""So far apart that the cheap one stays it on a machine whose processors others use: what a replica carries there may vary by ten."""
MOST = 8
RATE = 4.0
SETTLING_SECONDS = 30.0
SEEDS = {"compile": 11, "Shift": 12, "Drain": 13}
"""By moment: how far into it the operator dies."""


@dataclass
class Moved:
    """What is left of a move."""

    tenant: Tenant
    client: Client
    dear: str
    cheap: str
    died: list[str]
    audit: Audit
    resting_since: float


def move(tenant: Tenant) -> Moved:
    """Play it."""
    dear = tenant.pool("dear", "pool-a", "onnxruntime", DEAR)
    claim = {"name": "advertised", "metric": "Throughput", "ratio": "0.033", "relativeTo": dear, "source": "a test", "date": "2026-01-01"}
    cheap = tenant.pool("cheap", "pool-b", "openvino", CHEAP, [claim])
    tenant.start_operator()
    tenant.apply(most=MOST)
    died: list[str] = []

    def die(moment: str, is_now: Callable[[], bool], seconds: float) -> None:
        tenant.until(moment, is_now, seconds)
        time.sleep(random.Random(SEEDS[moment]).uniform(0, 1.5))
        died.append(f"{moment}/{tenant.step()}")
        tenant.kill_operator()

    die("compile", lambda: any(j.get("status", {}).get("active") for j in tenant.listed("apis/batch/v1", "jobs")), 60)
    tenant.until("the first home", lambda: tenant.home() == dear and tenant.ready(), 240)
    client = tenant.keep(tenant.client(RATE))
    die("Shift", lambda: tenant.step() == "Shift", 240)
    die("Drain", lambda: tenant.step() == "Drain", 240)
    tenant.until("the end of the move", lambda: tenant.home() == cheap and tenant.step() is None, 240)
    tenant.until("the old home to be gone", lambda: len(tenant.serving()) == len(tenant.ready()), 120)
    time.sleep(SETTLING_SECONDS)
    return Moved(tenant, client, dear, cheap, died, tenant.cluster.audit(), time.monotonic())
