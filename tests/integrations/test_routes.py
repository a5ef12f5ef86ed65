"""Routes with weights, by a real gateway: what it serves is what the weights say, and no request is lost by a change of them, nor by a move."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass
from math import sqrt
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from chart.helm import outlasting, rendered
from cluster.bearer import Bearer
from cluster.fixtures import new_namespace
from cluster.image_store import box
from cluster.waiting import wait_until
from e2e.golden_move import CHEAP, CLAIMED, DEAR, MOST
from e2e.ground import Ground
from e2e.tenant import WORKLOAD, Tenant
from integrations.gateway import NAME, NAMESPACE, TRAFFIC, Gateway, definitions, start
from patience import PATIENCE
from steelyard.control.gather.route_facts import route_of
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import RouteParent, Routing
from steelyard.core.placing.intent import RouteIntent
from steelyard.core.planning.weights import TOTAL
from steelyard.core.rebalancing.shares import STEPS
from steelyard.render.http_route import http_route

pytestmark = pytest.mark.integrations

PROGRAMS, ENVIRONMENTS = ("contour", "helm"), {"envoy": "gateway-envoy.txt"}
REQUESTS = 50_000
AT_ONCE = 16
SETTLED = 1.0
"""Seconds after a change of weights from which on what is served is held against them."""
SIGMAS = 4.0
"""Of a binomial count: one in 16,000 is farther off by chance, and a test of five shares should not fail by it."""
OLD, NEW = PlacementKey("old", "11111111"), PlacementKey("new", "22222222")
ROUTES = "/apis/gateway.networking.k8s.io/v1"
ROUTING = Routing(parents=(RouteParent(name=NAME, namespace=NAMESPACE, section="http"),))


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    with Ground.laid("routes", operator=False) as laid:
        definitions(laid.cluster)
        yield laid


@pytest.fixture(scope="module")
def gateway(ground: Ground) -> Gateway:
    return start(ground.cluster)


@dataclass(frozen=True)
class Answer:
    """When it was asked for, and who answered; nobody where it failed."""

    at: float
    backend: str | None


async def _load(url: str, answers: list[Answer], path: str = "/") -> None:
    async def ask(session: aiohttp.ClientSession) -> None:
        while len(answers) < REQUESTS:
            at = time.monotonic()
            try:
                async with session.get(url + path) as answer:
                    text = await answer.text()
                    answers.append(Answer(at, text.partition("-")[0] if answer.status == 200 else None))
            except aiohttp.ClientError:
                answers.append(Answer(at, None))

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(ask(session) for _ in range(AT_ONCE)))


def _server(name: str, namespace: str) -> list[dict[str, Any]]:
    labels = {"app": name}
    container = {
        "name": "web",
        "image": box().reference,
        "imagePullPolicy": "Never",
        "args": ["serve", ":8080"],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
        "lifecycle": {"preStop": {"sleep": {"seconds": 3}}},
    }
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"selector": labels, "ports": [{"port": 80, "targetPort": 8080}]},
        },
    ]


def _off(served: int, of: int, part: float) -> float:
    """How many standard deviations a count is from what its part lets expect."""
    return abs(served - of * part) / sqrt(of * part * (1 - part)) if 0 < part < 1 else float(served != of * part)


@pytest.mark.short
def test_weights_that_change_under_load_lose_no_request_and_are_what_is_served(gateway: Gateway) -> None:
    cluster = gateway.cluster
    with new_namespace(cluster) as namespace:
        gateway.accept(namespace)
        cluster.apply(yaml.safe_dump_all([*_server("old", namespace), *_server("new", namespace)]))
        for name in ("old", "new"):
            cluster.kubectl("rollout", "status", f"deployment/{name}", "--namespace", namespace, "--timeout=300s")
        workload = WorkloadKey(namespace, "web")
        path = f"{ROUTES}/namespaces/{namespace}/httproutes/web"

        def weigh(share: int) -> float:
            weights = {OLD: TOTAL * (100 - share) // 100, NEW: TOTAL * share // 100}
            made = http_route(workload, "0", RouteIntent(routing=ROUTING, weights=weights), lambda key: key.pool)
            made["metadata"].pop("ownerReferences")
            cluster.api.apply(made)
            return time.monotonic()

        def accepted() -> bool:
            found = route_of(cluster.api.get(path) or {}, ROUTING, {})
            return found.refusal is None and found.taken_up

        weigh(0)
        wait_until("the route to be accepted", accepted, seconds=PATIENCE)
        answers: list[Answer] = []
        changed: list[tuple[float, int]] = []

        async def play() -> None:
            load = asyncio.create_task(_load(gateway.url, answers))
            for at, share in enumerate(STEPS):
                while len(answers) < REQUESTS * at // len(STEPS):
                    await asyncio.sleep(0.05)
                changed.append((await asyncio.to_thread(weigh, share), share))
            await load

        asyncio.run(play())
        failed = [each for each in answers if each.backend is None]
        assert len(answers) >= REQUESTS
        assert not failed, f"{len(failed)} of {len(answers)}"
        ends = [*(at for at, _ in changed[1:]), float("inf")]
        for (at, share), end in zip(changed, ends, strict=True):
            there = Counter(each.backend for each in answers if at + SETTLED <= each.at < end)
            of = sum(there.values())
            off = _off(there["new"], of, share / 100)
            print(f"{share:3} %: {there['new']} of {of} requests, {off:.2f} standard deviations off")
            assert of > REQUESTS // 20
            assert off <= SIGMAS, f"{there} at {share} %"


def test_a_move_with_real_servers_goes_share_by_share_and_no_request_fails(ground: Ground, gateway: Gateway, tmp_path: Path) -> None:
    with Tenant(ground, tmp_path) as tenant:
        gateway.accept(tenant.namespace)
        cheap = tenant.pool("cheap", "pool-b", "openvino", CHEAP)
        claim = {
            "name": "advertised",
            "metric": "UnitCost",
            "ratio": CLAIMED,
            "relativeTo": cheap,
            "source": "a test",
            "date": "2026-01-01",
        }
        dear = tenant.pool("dear", "pool-a", "onnxruntime", DEAR, [claim])
        path = f"{ROUTES}/namespaces/{tenant.namespace}/httproutes/{WORKLOAD}"
        theirs = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": WORKLOAD, "namespace": tenant.namespace}, "spec": {}}  # fmt: skip
        tenant.cluster.api.apply(theirs)
        tenant.start_operator()
        tenant.apply(most=MOST, traffic=TRAFFIC)
        tenant.until("the first placement", lambda: tenant.holds() == dear and tenant.ready(), 600)
        tenant.until("the hold", lambda: tenant.condition("Held").get("reason") == "RouteTaken", 60)
        assert "parentRefs" not in tenant.cluster.api.get(path)["spec"]  # type: ignore[index]
        tenant.cluster.api.delete(path)
        tenant.until("the route to be accepted", lambda: (tenant.cluster.api.get(path) or {}).get("status"), 120)
        client = tenant.keep(tenant.client(8.0, url=gateway.url))
        shares: list[int] = []

        def moved() -> bool:
            told = (tenant.status().get("move") or {}).get("sharePercent")
            if told is not None and told not in shares[-1:]:
                shares.append(told)
            return tenant.holds() == cheap and tenant.step() is None

        tenant.until("the end of the move", moved, 900)
        tenant.until("the source to be gone", lambda: len(tenant.serving()) == len(tenant.ready()), 120)
        client.go_on(5)
        client.stop()
        print(f"shares {shares}, {client.sent()} requests, by pod {client.by_pod()}")
        assert client.failed() == []
        assert {1, 5, 25, 50, 100} <= set(shares)
        backends = tenant.cluster.api.get(path)["spec"]["rules"][0]["backendRefs"]  # type: ignore[index]
        assert [each["weight"] for each in backends] == [TOTAL]
        # The workload is held once nobody takes its namespace's routes any more, in the gateway's own words.
        tenant.cluster.kubectl("label", "namespace", tenant.namespace, "models-")
        held = tenant.until("the hold", lambda: tenant.condition("Held").get("status") == "True" and tenant.condition("Held"), 120)
        assert held["reason"] == "RouteNotAccepted"
        assert "does not accept" in held["message"]
        tenant.apply(most=MOST)
        tenant.until("the route to be gone", lambda: tenant.cluster.api.get(path) is None, 60)


OF_THE_GATEWAY_API: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a Service of another workload": (
        lambda r: r["spec"]["rules"][0]["backendRefs"][0].update(name="shop-web"),
        "only to Services and InferencePools of the workload",
    ),
    "a Service of another namespace": (
        lambda r: r["spec"]["rules"][0]["backendRefs"][0].update(namespace="kube-system"),
        "only to Services and InferencePools of the workload",
    ),
    "a copy of every request for somebody else": (
        lambda r: r["spec"]["rules"][0].update(
            filters=[{"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "spy", "port": 80}}}]
        ),
        "only to Services and InferencePools of the workload",
    ),
    "another name": (lambda r: r["metadata"].update(name="shop"), "only the HTTPRoute of a workload's own name"),
    "no owner": (lambda r: r["metadata"].pop("ownerReferences"), "with an owner of the kind"),
}
"""What a thief of the operator's token would make of a route."""


def test_the_operators_account_makes_the_route_of_a_workload_and_no_other(ground: Ground) -> None:
    cluster = ground.cluster
    with ExitStack() as stack:
        release = stack.enter_context(new_namespace(cluster, "release"))
        namespace = stack.enter_context(new_namespace(cluster))
        chart = rendered({"crds": {"install": False}}, namespace=release)
        cluster.apply(yaml.safe_dump_all(chart))
        for one in outlasting(chart, release):
            stack.callback(cluster.kubectl, "delete", *one, "--wait=false")
        operator = Bearer.of(cluster, release, "steelyard")
        workload = WorkloadKey(namespace, "chat")
        made = http_route(workload, "1", RouteIntent(routing=ROUTING, weights={OLD: 1, NEW: 999}), lambda key: f"chat-{key.pool}")

        def create(route: dict[str, Any]) -> tuple[int, str]:
            status, answer = operator.request("POST", f"{ROUTES}/namespaces/{namespace}/httproutes?dryRun=All", route)
            return status, str(answer.get("message", ""))

        stolen = deepcopy(made)
        OF_THE_GATEWAY_API["no owner"][0](stolen)
        wait_until("the policies to be known", lambda: "Steelyard's account" in create(stolen)[1], seconds=PATIENCE)
        assert create(made) == (201, "")
        for what, (change, words) in OF_THE_GATEWAY_API.items():
            stolen = deepcopy(made)
            change(stolen)
            status, said = create(stolen)
            assert status == 422 and words in said, f"{what}: {said}"
