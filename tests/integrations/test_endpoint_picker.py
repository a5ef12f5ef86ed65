"""The Gateway API Inference Extension's own endpoint picker chooses the pod of each request, also while the workload moves: none fails."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from e2e.golden_move import CHEAP, DEAR
from e2e.ground import Ground
from e2e.tenant import WORKLOAD, Tenant
from integrations import gateway, light_server
from integrations.inference_pools import POOLS, ROUTES, TRAFFIC, WELL, asking, definitions, picker, say
from integrations.look import of_pool
from patience import PATIENCE

pytestmark = pytest.mark.integrations

PROGRAMS, ENVIRONMENTS = ("contour", "endpoint-picker", "helm"), {"envoy": "gateway-envoy.txt"}
REPLICAS, RATE = 2, 50.0
"""Of a light server, and requests per second to all of them."""
LEAST = 500
"""Requests, of which each of two pods that are chosen by their queues gets some."""
LESS = "0.05"
"""What a pool costs that is moved to."""
REQUEST = {"model": "light", "prompt": "of a user"}
"""A picker reads the model's name out of it."""


@pytest.fixture(scope="module")
def ground(pinned: str) -> Iterator[Ground]:
    with Ground.laid("picker", operator=False) as laid:
        gateway.definitions(laid.cluster)
        definitions(laid.cluster)
        yield laid


def test_of_requests_whose_pods_a_picker_chooses_none_fails_while_the_workload_moves(ground: Ground, pinned: str, tmp_path: Path) -> None:
    with Tenant(ground, tmp_path) as tenant:
        api, path = tenant.cluster.api, f"{ROUTES}/namespaces/{tenant.namespace}/httproutes/{WORKLOAD}"

        def backends() -> list[tuple[str, str]]:
            return [(b["kind"], b["name"]) for b in (api.get(path) or {})["spec"]["rules"][0]["backendRefs"]]

        status, told = api.request("POST", f"/api/v1/namespaces/{tenant.namespace}/configmaps", light_server.samples())
        assert status == 201, told
        source = tenant.pool("first", "pool-a", "onnxruntime", CHEAP)
        target = tenant.pool("second", "pool-b", "onnxruntime", DEAR)
        tenant.start_operator(fetchImage=pinned)
        shared = {"extent": "Shared", "endpointPickerRef": {"name": "picker", "port": 9002}}
        tenant.apply_spec(light_server.spec(pinned, {**TRAFFIC, "inferencePools": shared}, REPLICAS))
        tenant.until("the route", lambda: api.get(path), 120)
        say(tenant.cluster, path, **WELL)
        tenant.until_serving(REPLICAS)
        tenant.until("the hold", lambda: tenant.condition("Held").get("reason") == "InferencePoolNotAccepted", PATIENCE)
        say(tenant.cluster, f"{POOLS}/namespaces/{tenant.namespace}/inferencepools/{WORKLOAD}", **WELL)
        tenant.until("all requests to go by the picker", lambda: backends() == [("InferencePool", WORKLOAD)], PATIENCE)
        with (
            picker(tenant.cluster, tenant.namespace, WORKLOAD) as found,
            asking(tenant.cluster) as url,
            ThreadPoolExecutor(1) as threads,
        ):
            tenant.until("the picker to find its pods", lambda: found() == REPLICAS, PATIENCE)
            before = set(tenant.ready())
            crowd = light_server.Crowd(f"{url}/v1/completions", RATE, REQUEST)
            running = threads.submit(asyncio.run, crowd.ask())
            try:
                tenant.until("what it costs there", lambda: tenant.placement(source).get("unitCost"), 240)
                tenant.until(f"{LEAST} answers", lambda: len(crowd.answers) >= LEAST, PATIENCE)
                first = list(crowd.answers)
                tenant.reprice(target, LESS)
                tenant.until("the end of the move", lambda: tenant.holds() == target and tenant.step() is None, 900)
                tenant.until("the source to be gone", lambda: len(tenant.serving()) == len(tenant.ready()) == REPLICAS, 120)
                moved = len(crowd.answers)
                tenant.until(f"{LEAST} answers more", lambda: len(crowd.answers) >= moved + LEAST, PATIENCE)
            finally:
                crowd.enough = True
            running.result(PATIENCE)
        failed = [each for each in crowd.answers if each.pod is None]
        print(f"{len(crowd.answers)} requests; before the move {Counter(each.pod for each in first)}")
        assert not failed, f"{len(failed)} of {len(crowd.answers)}"
        assert {each.pod for each in first} == before
        last = Counter(each.pod for each in crowd.answers[moved:])
        print(f"after it {last}")
        assert set(last) == set(tenant.ready())
        assert all(of_pool(pod or "", target) for pod in last)
