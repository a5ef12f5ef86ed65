"""vLLM as a server of the user's own: an image and its arguments, the model fetched by Steelyard, and judged by vLLM's own page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from cluster import images
from cluster.cluster import Cluster
from cluster.image_store import ImageStore
from cluster.node_spec import PRESETS
from demo.installation import SECRET, provide_llama
from e2e.client import Client
from e2e.ground import ROOT, Ground
from e2e.tenant import WORKLOAD, Tenant
from text.ground import LEAST, START_SECONDS
from text.test_existing_vllm import ENVIRONMENT

pytestmark = [pytest.mark.nodes, pytest.mark.long]

RATE = 2.0
MODEL = "/models/llama"
ARGUMENTS = ("--model", MODEL, "--served-model-name", WORKLOAD, "--dtype", "float32", "--enforce-eager", "--max-model-len", "512")
STREAMS = ("--generate", "8:8", "--ttft-ms", "10000", "--itl-ms", "10000")
"""So long that the client calls good what vLLM does: the workload promises whole answers."""


def spec(ground: Ground, pinned: str) -> dict[str, Any]:
    """Of the workload: nothing in it is of vLLM but words of its own."""
    server = {
        "image": pinned,
        "families": ["cpu"],
        "command": ["python", "-m", "vllm.entrypoints.openai.api_server"],
        "args": list(ARGUMENTS),
        "env": [{"name": name, "value": value} for name, value in ENVIRONMENT.items()],
        "port": 8000,
        "modelPath": MODEL,
        "probes": {"livePath": "/health", "readyPath": "/health", "startupSeconds": START_SECONDS},
        "metrics": {"profile": "vllm", "port": 8000},
    }
    return {
        "model": {"uri": ground.model_uri, "digest": ground.model_digest, "secretName": SECRET},
        "server": {"custom": server},
        "objective": {"latency": [{"metric": "e2e", "milliseconds": 10_000, "percent": "95"}]},
        "scaling": {"minReplicas": 1, "maxReplicas": 1},
        "rebalancing": {"mode": "Observe", "windowSeconds": 10, "minGoodRequests": LEAST},
    }


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A cluster with vLLM's image, known by its digest, and an operator without store and toolchains."""
    vllm, serve = images.build_all(("runtime-vllm", "runtime-serve"))
    pinned = ImageStore().by_digest(vllm)
    with Cluster.start("custom-text", PRESETS["demo"], images=[vllm, serve]) as cluster:
        uri, digest = provide_llama(cluster)
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        cluster.until_established()
        ground = Ground(cluster, serve, serve, vllm, uri, digest)
        with Tenant(ground, tmp_path_factory.mktemp("tenant")) as tenant:
            tenant.pool("text", "pool-a", "vllm", "0.40", resources={"cpu": "700m", "memory": "5Gi"})
            tenant.start_operator(toolchains={}, store={"endpoint": cluster.s3.endpoint}, fetchImage=serve.reference)
            tenant.apply_spec(spec(ground, pinned))
            yield tenant


@pytest.fixture(scope="module")
def client(tenant: Tenant) -> Iterator[Client]:
    tenant.until_serving(seconds=START_SECONDS)
    with tenant.client(RATE, *STREAMS) as sending:
        yield sending


def test_vllm_serves_what_was_fetched_and_its_requests_are_those_of_its_client(tenant: Tenant, client: Client) -> None:
    (pool,) = tenant.pools()
    tenant.until("a cost of good requests", lambda: tenant.placement(pool).get("unitCost", {}).get("good", 0) >= LEAST, START_SECONDS)
    cost = tenant.placement(pool)["unitCost"]
    assert float(cost["lower"]) <= float(cost["value"]) <= float(cost["upper"])
    assert tenant.condition("SLOMet").get("status") == "True"
    assert tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels") == []
    client.stop()
    assert client.failed() == []
    answered = client.sent()
    # What it answered before the operator first read it is not told apart from what it never answered.
    tenant.until("the last counts", lambda: sum(tenant.counted().get(pool, Counter()).values()) >= answered - 5, START_SECONDS)
    assert sum(tenant.counted()[pool].values()) <= answered
