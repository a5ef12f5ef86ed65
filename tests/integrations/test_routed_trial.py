"""A person's trial of users' own requests behind a real gateway: the share is made by weight, it is what is served, and all of the requests come back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from e2e.client import Client
from e2e.ground import OWN, Ground
from e2e.tenant import WORKLOAD, Tenant
from e2e.test_trial import OBJECTIVE, PRICES, STAYS
from integrations.gateway import TRAFFIC, Gateway, definitions, start
from integrations.look import ROUTES, of_pool
from integrations.shares import SETTLED, SIGMAS, off
from steelyard.core.planning.weights import TOTAL
from steelyard.core.rebalancing.shares import STEPS

pytestmark = pytest.mark.integrations

PROGRAMS, ENVIRONMENTS = ("contour", "helm"), {"envoy": "gateway-envoy.txt"}
RATE = 12.0
REPLICAS = 2
GOOD = 400
"""Requests that each pool is to show: more than the first shares bring."""
CLAIMED = "0.02"
"""Of what a good request costs on the other pool: a hundredth of the truth."""
DURATION, DEADLINE, BUDGET = 600, 1800, "5.00"
WINDOW = 5.0
"""Seconds, as the tenant asks for."""
READ = 5.0
"""Seconds by which what is counted in a window may begin or end beside it: a look at the servers, twice."""
KINDS = (
    ("apis/apps/v1", "deployments"),
    ("apis/apps/v1", "replicasets"),
    ("api/v1", "services"),
    ("api/v1", "pods"),
    ("apis/discovery.k8s.io/v1", "endpointslices"),
    ("apis/batch/v1", "jobs"),
)
"""Of all that may be made for a pool."""


@dataclass(frozen=True)
class Seen:
    """A look at the workload. `share`: as its status tells, None where nothing moves; `weights`: of the route, by pool."""

    at: float
    step: str | None
    share: int | None
    weights: dict[str, int]

    def part(self, pool: str) -> float:
        """Of the requests, that go there by the weights."""
        return self.weights.get(pool, 0) / (sum(self.weights.values()) or 1)


class Trial:
    """It is asked for on a pool that serves nobody, beside the one that serves."""

    def __init__(self, tenant: Tenant, tried: str, serves: str, name: str) -> None:
        self.tenant, self.tried, self.serves = tenant, tried, serves
        self.path = f"{OWN}/namespaces/{tenant.namespace}/acceleratortrials/{name}"
        self.looks: list[Seen] = []
        claim = {"name": "a-fiftieth", "pool": tried, "metric": "UnitCost", "ratio": CLAIMED, "relativeTo": serves}
        spec = {
            "workloadName": WORKLOAD, "pools": [tried, serves], "budget": BUDGET, "durationSeconds": DURATION,
            "deadlineSeconds": DEADLINE, "claims": [claim], "load": {"mode": "Live"},
        }  # fmt: skip
        self.looks.append(self.look())
        tenant._write(self.path, "AcceleratorTrial", {"name": name, "namespace": tenant.namespace}, spec)

    def look(self) -> Seen:
        """As it is now: the route, then what the status had before it was changed."""
        api = self.tenant.cluster.api
        move = self.tenant.status().get("move") or {}
        route = api.get(f"{ROUTES}/namespaces/{self.tenant.namespace}/httproutes/{WORKLOAD}") or {}
        backends = route["spec"]["rules"][0]["backendRefs"]
        weights = {pool: sum(b["weight"] for b in backends if of_pool(b["name"], pool)) for pool in (self.tried, self.serves)}
        assert sum(weights.values()) == sum(b["weight"] for b in backends) == TOTAL
        return Seen(time.time(), move.get("step"), move.get("sharePercent"), weights)

    def status(self) -> dict[str, Any]:
        return (self.tenant.cluster.api.get(self.path) or {}).get("status") or {}

    def ended(self) -> str | None:
        """Why; each time it is looked at the workload too."""
        self.looks.append(self.look())
        finished: dict[str, Any] = next(iter(self.status().get("conditions", ())), {})
        return str(finished["reason"]) if finished.get("status") == "True" else None

    def left(self) -> list[str]:
        """What still is of the tried pool."""
        found = ((kind, each["metadata"]) for group, kind in KINDS for each in self.tenant.listed(group, kind))
        return [f"{kind}/{meta['name']}" for kind, meta in found if of_pool(meta["name"], self.tried)]

    def is_gone(self) -> bool:
        """Nothing of it stands, and every request goes where it went before."""
        self.looks.append(self.look())
        return not self.left() and not self.tenant.status().get("move") and self.looks[-1].weights == self.looks[0].weights


@dataclass(frozen=True)
class Scene:
    """A workload that serves behind the gateway, and a pool that it does not use."""

    tenant: Tenant
    client: Client
    tried: str
    serves: str

    def trial(self, name: str) -> Trial:
        return Trial(self.tenant, self.tried, self.serves, name)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with Ground.laid("routed-trial", operator=False) as ground:
        definitions(ground.cluster)
        gateway: Gateway = start(ground.cluster)
        folder: Path = tmp_path_factory.mktemp("tenant")
        with Tenant(ground, folder) as tenant:
            gateway.accept(tenant.namespace)
            tried, serves = (tenant.pool(name.replace("pool-", "on-"), name, "openvino", price) for name, price in PRICES.items())
            tenant.start_operator()
            stays: dict[str, Any] = {**STAYS, "minGoodRequests": GOOD}
            tenant.apply(replicas=REPLICAS, most=REPLICAS + 1, objective=OBJECTIVE, traffic=TRAFFIC, **stays)
            tenant.until_serving(REPLICAS)
            client = tenant.keep(tenant.client(RATE, url=gateway.url))
            tenant.until("what it costs there", lambda: tenant.placement(serves).get("unitCost"), 240)
            yield Scene(tenant, client, tried, serves)


def test_the_share_is_made_by_weight_and_is_served_and_all_requests_come_back(scene: Scene) -> None:
    tenant, client, tried, serves = scene.tenant, scene.client, scene.tried, scene.serves
    trial = scene.trial("asked")
    assert trial.looks[0].weights == {tried: 0, serves: TOTAL}
    reason = tenant.until("the end of the trial", trial.ended, DEADLINE)
    status = trial.status()
    tenant.until("what it left to be gone", trial.is_gone, 300)
    client.go_on(SETTLED)
    entries = [each for each in client.entries() if each["sent"] is not None]
    said = [(each.step, each.share, each.weights[tried]) for each in trial.looks]
    print(f"step, share, weight of the tried pool: {[key for key, _ in groupby(said)]}")
    print(f"{len(entries)} requests, {sum(of_pool(each['pod'] or '', tried) for each in entries)} of them by the tried pool")
    print(f"the trial: {reason}; {status['claims']}; {status['pools']}")
    assert client.failed() == []
    assert reason == "Decided", status

    by_share: dict[int, int] = {}
    for look in trial.looks:
        if look.step == "Shift" and look.share:
            by_share[look.share] = max(by_share.get(look.share, 0), look.weights[tried])
    assert list(by_share) == list(STEPS)
    assert 0 < by_share[1] < by_share[5] < by_share[25] < by_share[100] < TOTAL
    for weights, there in groupby(trial.looks, lambda each: each.weights[tried]):
        looks = list(there)
        asked = [each for each in entries if looks[0].at + SETTLED <= each["sent"] < looks[-1].at]
        served = sum(of_pool(each["pod"], tried) for each in asked)
        by = off(served, len(asked), weights / TOTAL) if asked else 0.0
        print(f"{weights / TOTAL:6.1%}: {served} of {len(asked)} requests, {by:.2f} standard deviations off")
        assert by <= SIGMAS

    (verdict,) = status["claims"]
    assert verdict["verdict"] == "Refuted" and float(verdict["lower"]) > float(CLAIMED)
    rows = {row["pool"]: row for row in status["pools"]}
    assert {row["phase"] for row in rows.values()} == {"Measured"}
    began, ended = (datetime.fromisoformat(rows[tried][edge]).timestamp() for edge in ("from", "to"))
    for pool, row in rows.items():
        (step,) = row["steps"]
        answered = [each for each in entries if of_pool(each["pod"], pool)]
        # What a window counts is known to its ends alone: a window and a look at either end.
        least, most = (sum(began - more <= each["done"] <= ended + more for each in answered) for more in (-WINDOW - READ, READ))
        print(
            f"pool {pool}: {step['requests']} requests in its row; the client has {least} to {most}, by which ends of the windows are counted"
        )
        assert least <= step["requests"] <= most
        assert step["failed"] == 0 and float(step["goodPercent"]) >= 95
        paid = float(row["pricePerHour"]) * step["replicas"] * float(step["seconds"]) / 3600
        good = step["requests"] * float(step["goodPercent"]) / 100
        assert float(step["unitCost"]) == pytest.approx(1000 * paid / good, rel=0.01)
        assert GOOD <= row["capacityRequests"] <= step["requests"]
    assert verdict["n"] == rows[tried]["capacityRequests"]
    assert float(status["spent"]) <= float(status["reserved"]) <= float(BUDGET)
    assert [past["outcome"] for past in tenant.status()["history"]] == ["Explored"]


def test_deleted_in_mid_trial_it_leaves_the_route_as_it_was(scene: Scene) -> None:
    tenant, client, tried = scene.tenant, scene.client, scene.tried
    trial = scene.trial("deleted")

    def has_a_share() -> bool:
        assert trial.ended() is None, trial.status()
        return trial.looks[-1].step == "Shift" and trial.looks[-1].weights[tried] > 0

    tenant.until("a share of the requests", has_a_share, DEADLINE)
    tenant.cluster.api.delete(trial.path)
    tenant.until("what it left to be gone", trial.is_gone, 300)
    client.go_on(SETTLED)
    assert client.failed() == []
    assert tenant.holds() == scene.serves
