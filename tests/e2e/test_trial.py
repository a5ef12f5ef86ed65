"""A trial that a person asks for, with real servers and real requests: two pools over the same minutes, a verdict, and users who notice nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from e2e.client import Client
from e2e.ground import OWN
from e2e.tenant import WORKLOAD, Tenant

pytestmark = pytest.mark.nodes

RATE = 3.0
OBJECTIVE = {"latency": [{"metric": "e2e", "milliseconds": 2000, "percent": "95"}]}
"""Each step of a ramp lasts for twice as long: generous enough for a busy machine."""
DURATION, DEADLINE, BUDGET = 100, 3600, "5.00"
PRICES = {"pool-a": "0.40", "pool-b": "0.20"}
"""Of a node: a replica does as much on either pool, and costs twice as much on the first."""
CLAIMED = "0.02"
"""Of what a good request costs on the other pool: a hundredth of the truth, so that the verdict is the same on any machine. On one that has much else
to do a replica was seen to carry 2.4 times as much as its like, and the ratio was known within a factor of seven."""


class Asked:
    """The trial as its object tells."""

    def __init__(self, tenant: Tenant, pools: list[str]) -> None:
        self.tenant, self.pools = tenant, pools
        self.path = f"{OWN}/namespaces/{tenant.namespace}/acceleratortrials/asked"
        self.behind_services: set[str] = set()
        self.together = False

    def apply(self, **load: str) -> None:
        """load: of the spec, where requests are not its own."""
        dear, cheap = self.pools
        claim = {"name": "a-fiftieth", "pool": dear, "metric": "UnitCost", "ratio": CLAIMED, "relativeTo": cheap}
        spec = {"workloadName": WORKLOAD, "pools": self.pools, "budget": BUDGET, "durationSeconds": DURATION, "deadlineSeconds": DEADLINE}
        named = {"name": "asked", "namespace": self.tenant.namespace}
        self.tenant._write(self.path, "AcceleratorTrial", named, {**spec, "claims": [claim], "load": load})

    def status(self) -> dict[str, Any]:
        return (self.tenant.cluster.api.get(self.path) or {}).get("status") or {}

    def look(self) -> str | None:
        """Why it has ended; meanwhile, who is behind a Service, and whether both pools are measured at once."""
        for each in self.tenant.listed("apis/discovery.k8s.io/v1", "endpointslices"):
            self.behind_services.update((end.get("targetRef") or {}).get("name", "") for end in each.get("endpoints") or ())
        status = self.status()
        self.together = self.together or [row["phase"] for row in status.get("pools", ())] == ["Measuring"] * 2
        finished = next(iter(status.get("conditions", ())), {})
        return str(finished["reason"]) if finished.get("status") == "True" else None

    def pods(self) -> set[str]:
        pods = (pod["metadata"] for pod in self.tenant.listed("api/v1", "pods"))
        return {meta["name"] for meta in pods if "steelyard.dev/trial" in meta.get("labels", {})}


@pytest.fixture(scope="module")
def serving(a_tenant: Callable[[], Tenant]) -> Iterator[tuple[Tenant, Asked, Client]]:
    """A replica that serves a client, and two pools that it may use."""
    with a_tenant() as tenant:
        tenant.ground.give_artifacts(tenant.namespace)
        pools = [tenant.pool(name.replace("pool-", "on-"), name, "openvino", price) for name, price in PRICES.items()]
        tenant.start_operator()
        tenant.apply(replicas=1, most=2, mode="Observe", objective=OBJECTIVE)
        tenant.until_serving()
        client = tenant.keep(tenant.client(RATE))
        yield tenant, Asked(tenant, pools), client


def test_two_pools_are_measured_at_once_a_claim_is_refuted_and_users_notice_nothing(serving: tuple[Tenant, Asked, Client]) -> None:
    tenant, asked, client = serving
    asked.apply()
    reason = tenant.until("the end of the trial", asked.look, 1200)
    status = asked.status()
    assert reason == "Decided", status
    dear, cheap = status["pools"]
    assert {dear["phase"], cheap["phase"]} == {"Measured"} and asked.together
    began = [datetime.fromisoformat(row["from"]) for row in (dear, cheap)]
    assert abs(began[0] - began[1]) < timedelta(seconds=10), "both were told the same moment"
    (verdict,) = status["claims"]
    assert verdict["verdict"] == "Refuted" and float(verdict["lower"]) > float(CLAIMED)
    assert verdict["n"] >= 60, "good requests, by the generators"
    for row in (dear, cheap):
        assert float(row["capacityLower"]) <= float(row["capacityPerReplica"]) <= float(row["capacityUpper"])
        assert float(row["startSeconds"]) > 0 and row["compileSeconds"] >= 0
        assert [step["requests"] > 0 for step in row["steps"]] == [True] * len(row["steps"])
    assert float(dear["pricePerHour"]) == pytest.approx(2 * float(cheap["pricePerHour"]), rel=0.05)
    assert 0 < float(status["spent"]) <= float(status["reserved"]) <= float(BUDGET)
    assert asked.pods() and not asked.pods() & asked.behind_services
    assert client.failed() == []
    assert not tenant.status().get("move")


def test_deleted_it_takes_with_it_all_that_was_made_for_it(serving: tuple[Tenant, Asked, Client]) -> None:
    tenant, asked, _ = serving
    tenant.cluster.api.delete(asked.path)
    tenant.until("its pods to be gone", lambda: not asked.pods(), 120)
    assert not [job for job in tenant.listed("apis/batch/v1", "jobs") if "steelyard.dev/trial" in job["metadata"]["labels"]]


STAYS = {"exploration": {"budget": "0.000001", "deadlineSeconds": 240}, "minSavingPercent": 90}
"""The workload tries no pool by itself, and no saving is large enough for it to move."""


@pytest.mark.long
def test_users_own_requests_judge_the_claim_too_and_the_workload_stays_where_it_is(serving: tuple[Tenant, Asked, Client]) -> None:
    tenant, asked, client = serving
    stood = tenant.holds()
    tenant.apply(replicas=1, most=2, mode="Auto", objective=OBJECTIVE, **STAYS)
    asked.apply(mode="Live")
    reason = tenant.until("the end of the trial", asked.look, 1200)
    status = asked.status()
    assert reason == "Decided", status
    (verdict,) = status["claims"]
    assert verdict["verdict"] == "Refuted" and float(verdict["lower"]) > float(CLAIMED)
    assert {row["phase"] for row in status["pools"]} == {"Measured"}
    assert all(row["steps"][0]["requests"] > 0 and "jobName" not in row for row in status["pools"])
    assert float(status["spent"]) <= float(status["reserved"]) <= float(BUDGET)
    tenant.until("what it left to be gone", lambda: len(tenant.serving()) == 1 and not tenant.status().get("move"), 300)
    assert tenant.holds() == stood
    assert [past["outcome"] for past in tenant.status()["history"]] == ["Explored"]
    assert client.failed() == []
