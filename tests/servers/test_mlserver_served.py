"""The same image of MLServer as a server of Steelyard's own making: placed on the cheaper of two pools, its model fetched, asked, counted, compared by
samples of its requests, moved, replaced."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.ground import OWN
from e2e.reckoning import agrees
from e2e.tenant import WORKLOAD, Tenant
from patience import PATIENCE
from servers import scorer
from servers.asker import Asker
from servers.ground import Servers
from servers.scorer import LEAST, NUMBERS, TAKES

pytestmark = [pytest.mark.servers, pytest.mark.nodes]

DEAR, CHEAP, LESS = "0.80", "0.20", "0.05"
REPLICAS = 2
RATE = 3.0
"""Requests per second. A replica carries less than ten of them, and may get all: clients keep connections."""
SCORES = (2, 3, 23)
"""By the weights 2, 3 and 5 of the model that was fetched."""
BIAS = 1000


def spec(servers: Servers, **variables: int) -> dict[str, Any]:
    """Of the workload. variables: of the program, beside how long it takes."""
    return {
        **scorer.spec(servers, **variables),
        "scaling": {"minReplicas": REPLICAS, "maxReplicas": REPLICAS + 1},
        "rebalancing": {
            "mode": "Auto", "windowSeconds": 5, "bakeSeconds": 5, "minGoodRequests": LEAST, "cooldownSeconds": 60, "deadlineSeconds": 300,
            "exploration": {"budget": "5.00", "deadlineSeconds": 240},
        },
    }  # fmt: skip


@pytest.fixture(scope="module")
def tenant(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """With two pools that do as much and cost four to one."""
    with scorer.tenant(servers, tmp_path_factory.mktemp("tenant")) as tenant:
        tenant.pool("dear", "pool-a", "onnxruntime", DEAR)
        tenant.pool("cheap", "pool-b", "onnxruntime", CHEAP)
        yield tenant


@pytest.fixture(scope="module")
def asker(tenant: Tenant, servers: Servers) -> Iterator[Asker]:
    """Asks from when it serves until the last test has looked."""
    tenant.apply_spec(spec(servers))
    tenant.until_serving(REPLICAS, PATIENCE)
    with scorer.asker(servers, tenant, RATE) as asker:
        yield asker


def answers(asker: Asker, beyond: int = 0) -> set[tuple[int, int]]:
    """(what was asked, what was answered) of all requests after the first so many."""
    return {(entry["asked"], entry["answer"][0]) for entry in asker.entries()[beyond:] if entry["status"] == 200}


def pool(tenant: Tenant, word: str) -> str:
    return next(name for name in tenant.pools() if name.startswith(word))


def test_it_serves_where_it_is_cheaper_with_the_model_that_was_fetched(tenant: Tenant, asker: Asker) -> None:
    assert tenant.holds() == pool(tenant, "cheap")
    assert tenant.condition("Ready").get("status") == "True"
    tenant.until("some of each", lambda: asker.sent() > 10 * len(NUMBERS), PATIENCE)
    assert answers(asker) == set(enumerate(SCORES))
    assert asker.by_pod().keys() == set(tenant.ready()), "each replica answers"
    assert tenant.condition("Compiled") == {}
    assert tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels") == []


def test_its_cost_is_that_of_its_pods_over_what_its_client_saw(tenant: Tenant, asker: Asker) -> None:
    cheap = pool(tenant, "cheap")
    tenant.until("a cost", lambda: tenant.placement(cheap).get("unitCost", {}).get("good", 0) >= LEAST, PATIENCE)
    agrees(tenant, cheap, asker)
    tenant.until("that the promise is kept", lambda: tenant.condition("SLOMet").get("status") == "True", PATIENCE)


def test_two_pools_are_asked_the_same_samples_over_the_same_minutes_and_no_user_notices(tenant: Tenant, asker: Asker) -> None:
    pools, path = [pool(tenant, "dear"), pool(tenant, "cheap")], f"{OWN}/namespaces/{tenant.namespace}/acceleratortrials/asked"
    spec = {"workloadName": WORKLOAD, "pools": pools, "budget": "5.00", "durationSeconds": 120, "deadlineSeconds": 3600}
    made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "AcceleratorTrial", "metadata": {"name": "asked"}, "spec": spec}
    assert tenant.cluster.api.request("POST", path.rsplit("/", 1)[0], made)[0] == 201

    def over() -> dict[str, Any] | None:
        status = (tenant.cluster.api.get(path) or {}).get("status") or {}
        return status if any(c["type"] == "Finished" and c["status"] == "True" for c in status.get("conditions", ())) else None

    rows = tenant.until("the end of the trial", over, PATIENCE)["pools"]
    assert [(row["pool"], row["phase"]) for row in rows] == [(name, "Measured") for name in pools], rows
    for row in rows:
        assert float(row["capacityLower"]) <= float(row["capacityPerReplica"]) <= 1000 / TAKES, row
        assert all(step["requests"] > 0 for step in row["steps"]) and row["steps"]
    assert float(rows[0]["pricePerHour"]) == pytest.approx(4 * float(rows[1]["pricePerHour"]), rel=0.05)
    assert asker.failed() == [] and tenant.holds() == pools[1]
    tenant.cluster.api.delete(path)


def test_a_pool_that_becomes_cheaper_is_asked_the_samples_before_a_user_comes_there(tenant: Tenant, asker: Asker) -> None:
    dear = pool(tenant, "dear")
    tenant.reprice(dear, LESS)
    seen: list[tuple[str, bool]] = []

    def moved() -> bool:
        there = any(pod["metadata"]["labels"].get("steelyard.dev/pool") == dear for pod in tenant.serving())
        seen.append((tenant.step() or "", there))
        return any(past["outcome"] == "Moved" and past["to"] == dear for past in tenant.status().get("history", ()))

    tenant.until("the move", moved, PATIENCE)
    asked = [there for step, there in seen if step == "Probe"]
    assert asked and not any(asked), "it was probed, and nothing served there meanwhile"
    tenant.until("the end of the last pod before", lambda: len(tenant.serving()) == len(tenant.ready()) == REPLICAS, PATIENCE)
    assert tenant.holds() == dear and asker.failed() == []


def test_no_request_fails_while_a_pod_under_load_is_deleted(tenant: Tenant, asker: Asker) -> None:
    victim = tenant.ready()[0]
    before = asker.by_pod()[victim]
    tenant.until("answers from it", lambda: asker.by_pod()[victim] > before, PATIENCE)
    tenant.delete_pod(victim)
    tenant.until("its end", lambda: victim not in {p["metadata"]["name"] for p in tenant.serving()}, PATIENCE)
    tenant.until_serving(REPLICAS, PATIENCE)
    newest = tenant.ready()
    tenant.until("answers from both", lambda: all(asker.by_pod()[pod] > 5 for pod in newest), PATIENCE)
    assert asker.failed() == []


def test_a_changed_variable_replaces_the_replicas_and_no_request_fails(tenant: Tenant, asker: Asker, servers: Servers) -> None:
    (before,) = tenant.until(
        "one Deployment", lambda: (found := tenant.listed("apis/apps/v1", "deployments")) and len(found) == 1 and found, PATIENCE
    )
    tenant.apply_spec(spec(servers, BIAS=BIAS))

    def replaced() -> bool:
        uids = {deployment["metadata"]["uid"] for deployment in tenant.listed("apis/apps/v1", "deployments")}
        return before["metadata"]["uid"] not in uids and tenant.step() is None

    tenant.until("the other revision alone", replaced, PATIENCE)
    tenant.until("the end of the last pod before", lambda: len(tenant.serving()) == len(tenant.ready()) == REPLICAS, PATIENCE)
    sent = asker.sent()
    tenant.until("requests after that", lambda: asker.sent() > sent + 10 * len(NUMBERS), PATIENCE)
    asker.stop()
    assert asker.failed() == []
    assert answers(asker, beyond=sent) == {(asked, score + BIAS) for asked, score in enumerate(SCORES)}
    assert answers(asker) == {(asked, score + bias) for asked, score in enumerate(SCORES) for bias in (0, BIAS)}, "and of nothing else"
    assert [entry["outcome"] for entry in tenant.status()["history"] if entry["kind"] == "Revision"] == ["Moved"]
    assert tenant.condition("Ready").get("status") == "True"
