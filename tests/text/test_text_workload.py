"""A model that generates text, as a workload: prepared, verified, served by vLLM, under load, counted, drained; and moved to a cheaper pool."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from demo.installation import locked
from e2e.client import Client
from e2e.laws import POD, try_laws
from e2e.tenant import Tenant
from text.ground import LEAST, START_SECONDS, STREAMS, spec, text_tenant

pytestmark = [pytest.mark.nodes, pytest.mark.long]

RATE = 2.0


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """One that generates text on one pool."""
    with text_tenant(tmp_path_factory.mktemp("tenant"), {"pool-a": "0.40"}) as tenant:
        tenant.apply_spec(spec(tenant, "95"))
        yield tenant


@pytest.fixture(scope="module")
def client(tenant: Tenant) -> Iterator[Client]:
    """Asks for 8 to 24 tokens at a time, in streams."""
    tenant.until_serving(seconds=START_SECONDS)
    with tenant.client(RATE, *STREAMS) as sending:
        yield sending


def test_the_model_is_prepared_once_and_its_answers_agree_with_the_reference(tenant: Tenant) -> None:
    tenant.until("the artifact", lambda: tenant.condition("Compiled").get("status") == "True", START_SECONDS)
    (compiled,) = tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")
    assert compiled["spec"]["flags"] == ["--enable-prefix-caching", "--max-model-len=512", "--max-num-seqs=16"]
    assert compiled["status"]["attempts"] == 1


def test_text_streams_to_a_client_and_every_request_is_counted_as_the_client_saw_it(tenant: Tenant, client: Client) -> None:
    (pool,) = tenant.pools()
    tenant.until("a cost of good requests", lambda: tenant.placement(pool).get("unitCost", {}).get("good", 0) >= LEAST, 300)
    client.stop()
    answered = [entry for entry in client.entries() if entry["status"] == 200]
    assert client.failed() == []
    assert all(8 <= entry["tokens"] <= 24 and entry["ttft"] > 0 and entry["itl"] > 0 for entry in answered)
    tenant.until("the operator's count", lambda: sum(tenant.counted()[pool].values()) == len(answered), 60)
    late = sum(1 for entry in answered if entry["outcome"] == "slow")
    # The client's clock starts earlier and ends later than the server's: what it calls good is good.
    assert tenant.counted()[pool]["slow"] <= late
    assert tenant.condition("SLOMet").get("status") == "True"


def test_tokens_are_those_that_the_client_received_and_the_money_is_divided_by_the_good_ones(tenant: Tenant, client: Client) -> None:
    (pool,) = tenant.pools()
    answered = [entry for entry in client.entries() if entry["status"] == 200]
    received, kept = (sum(entry["tokens"] for entry in answered if entry["outcome"] in of) for of in (("good", "slow"), ("good",)))
    # The client's clock starts earlier and ends later than the server's: what it calls good is good.
    tenant.until(f"the operator's count of {kept} to {received} tokens", lambda: tenant.tokens()[pool]["output"] >= kept, 60)
    assert tenant.tokens()[pool]["output"] <= received
    assert tenant.tokens()[pool]["output"] == received or tenant.counted()[pool]["slow"]
    assert tenant.tokens()[pool]["input"] > len(answered), "a prompt has several"
    cost = tenant.placement(pool)["unitCost"]
    output = cost["outputTokens"]
    good = [entry["tokens"] for entry in answered if entry["outcome"] == "good"]
    # Windows hold a part of all requests, whose lengths are drawn alike.
    assert output["tokens"] / cost["n"] == pytest.approx(sum(good) / len(good), rel=0.15)
    assert float(output["value"]) == pytest.approx(1e6 * float(cost["cost"]) / output["tokens"], rel=0.01)
    assert float(output["lower"]) <= float(output["value"]) <= float(output["upper"])


def test_a_pod_that_goes_finishes_its_streams_and_tells_its_last_counts(tenant: Tenant, client: Client) -> None:
    (pool,) = tenant.pools()
    with tenant.client(RATE, *STREAMS) as sending:
        victim = tenant.ready()[0]
        tenant.until("answers from it", lambda: sending.by_pod()[victim] > 10, 60)
        tenant.delete_pod(victim)
        tenant.until("its end", lambda: victim not in {pod["metadata"]["name"] for pod in tenant.serving()}, 120)
    assert [entry for entry in sending.entries() if entry["pod"] == victim and entry["status"] != 200] == []
    # What it counted after it was last read is only in its termination message.
    answered = sum(client.by_pod().values()) + sum(sending.by_pod().values())
    tenant.until("the operator's count", lambda: sum(tenant.counted()[pool].values()) >= answered, 60)


def test_a_real_vllm_prepares_text_vectors_labels_and_scores(tenant: Tenant, tmp_path: Path) -> None:
    with new_namespace(tenant.cluster, "laws") as namespace:
        try_laws(tenant.ground, namespace, tmp_path / "pytest", laws=("text/test_prepared.py",), memory="6Gi")
        path = f"/api/v1/namespaces/{namespace}/pods/{POD}"

        def ended() -> str | None:
            phase = ((tenant.cluster.api.get(path) or {}).get("status") or {}).get("phase")
            return phase if phase in {"Succeeded", "Failed"} else None

        phase = wait_until("the end of the laws' pod", ended, seconds=4 * START_SECONDS, every=1.0)
        log = tenant.cluster.kubectl("logs", POD, "--namespace", namespace)
    assert phase == "Succeeded" and "SKIPPED" not in log, log


def test_the_versions_of_the_test_are_those_of_the_development(tmp_path: Path) -> None:
    """The judge runs inside of vLLM's server with the image's prometheus-client, which is the one that all other tests use."""
    assert locked("prometheus-client") == version("prometheus-client")
