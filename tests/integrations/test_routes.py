"""Routes with weights, by a real gateway: what it serves is what the weights say, and no request is lost by a change of them, nor by a move. Where half
a pool dies, its weight follows, and what is lost is what was under way there."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import groupby
from math import sqrt
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import aiohttp
import pytest
import yaml

from cluster.fixtures import new_namespace
from cluster.image_store import box
from cluster.node_spec import pool_node
from cluster.waiting import wait_until
from e2e.golden_move import CHEAP, CLAIMED, DEAR, MOST
from e2e.ground import Ground
from e2e.tenant import WORKLOAD, Tenant, at_least
from integrations import light_server, means
from integrations.gateway import NAME, NAMESPACE, TRAFFIC, Gateway, definitions, start
from integrations.light_server import Answer
from integrations.look import ROUTES, Look, look, of_pool, part_at
from integrations.operators_account import Thefts, makes_no_other, operators_account
from integrations.shares import SETTLED, SIGMAS, off
from patience import PATIENCE
from steelyard.control.gather.route_facts import route_of
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import RouteParent, Routing
from steelyard.core.placing.intent import RouteIntent
from steelyard.core.planning.weights import SAFE, TOTAL
from steelyard.core.rebalancing.shares import STEPS
from steelyard.render.http_route import http_route

pytestmark = pytest.mark.integrations

PROGRAMS, ENVIRONMENTS = ("contour", "helm", "prometheus"), {"envoy": "gateway-envoy.txt"}
REQUESTS = 50_000
AT_ONCE = 16
OLD, NEW = PlacementKey("old", "11111111"), PlacementKey("new", "22222222")
ROUTING = Routing(parents=(RouteParent(name=NAME, namespace=NAMESPACE, section="http"),))
CALM = 6.0
"""Requests per second while capacities are measured."""
LOADED = 0.46
"""Part of what all replicas carry that is asked for then. A pool that loses half of its replicas is asked for 0.92 of what is left until its weight
follows, and for 0.69 from then on."""
DYING = pool_node("pool-a-2", "pool-a", "c7i.large")
FOLLOWS = 5.0
"""Seconds within which weights follow replicas."""
WATCHED = 45.0
"""Seconds for which it is looked at after the loss."""
ASKED, ASKED_RATE = 1_500, 30.0
LESS = "0.05"
"""What a pool costs that is moved to."""
REPLICAS, LIGHT_RATE = 2, 200.0
"""Of a light server, and requests per second to all of them."""


@pytest.fixture(scope="module")
def ground(pinned: str) -> Iterator[Ground]:
    with Ground.laid("routes", operator=False) as laid:
        definitions(laid.cluster)
        yield laid


@pytest.fixture(scope="module")
def gateway(ground: Ground) -> Gateway:
    return start(ground.cluster)


async def _load(url: str, answers: list[Answer], over: asyncio.Event) -> None:
    async def ask(session: aiohttp.ClientSession) -> None:
        while not over.is_set():
            at = time.time()
            try:
                async with session.get(url) as answer:
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
            return time.time()

        def accepted() -> bool:
            found = route_of(cluster.api.get(path) or {}, ROUTING, {})
            return found.refusal is None and found.taken_up

        weigh(0)
        wait_until("the route to be accepted", accepted, seconds=PATIENCE)
        # A controller says so before its proxy has the route.
        wait_until("the gateway to serve it", lambda: urlopen(gateway.url, timeout=5).status == 200, seconds=PATIENCE)
        answers: list[Answer] = []
        changed: list[tuple[float, int]] = []

        async def play() -> None:
            over = asyncio.Event()
            load = asyncio.create_task(_load(gateway.url, answers, over))
            for share in STEPS:
                changed.append((await asyncio.to_thread(weigh, share), share))
                await asyncio.sleep(SETTLED)
                before = len(answers)
                while len(answers) - before < REQUESTS // len(STEPS) and not load.done():
                    await asyncio.sleep(0.05)
            over.set()
            await load

        asyncio.run(play())
        failed = [f"{each.at - answers[0].at:.2f}" for each in answers if each.pod is None]
        assert len(answers) >= REQUESTS
        assert not failed, f"{len(failed)} of {len(answers)}, so many seconds after the first: {failed}"
        ends = [*(at for at, _ in changed[1:]), float("inf")]
        for (at, share), end in zip(changed, ends, strict=True):
            there = Counter(each.pod for each in answers if at + SETTLED <= each.at < end)
            of = sum(there.values())
            by = off(there["new"], of, share / 100)
            print(f"{share:3} %: {there['new']} of {of} requests, {by:.2f} standard deviations off")
            assert of > REQUESTS // 20
            assert by <= SIGMAS, f"{there} at {share} %"


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


def test_of_fifty_thousand_requests_through_a_move_none_fails_and_each_pool_serves_its_share(
    ground: Ground, gateway: Gateway, pinned: str, tmp_path: Path
) -> None:
    with Tenant(ground, tmp_path) as tenant:
        gateway.accept(tenant.namespace)
        status, told = tenant.cluster.api.request("POST", f"/api/v1/namespaces/{tenant.namespace}/configmaps", light_server.samples())
        assert status == 201, told
        source = tenant.pool("first", "pool-a", "onnxruntime", CHEAP)
        target = tenant.pool("second", "pool-b", "onnxruntime", DEAR)
        tenant.start_operator(fetchImage=pinned)
        tenant.apply_spec(light_server.spec(pinned, TRAFFIC, REPLICAS))
        tenant.until_serving(REPLICAS)
        crowd = light_server.Crowd(gateway.url, LIGHT_RATE)
        with ThreadPoolExecutor(1) as threads:
            asking = threads.submit(asyncio.run, crowd.ask())
            try:
                tenant.until("what it costs there", lambda: tenant.placement(source).get("unitCost"), 240)
                tenant.reprice(target, LESS)
                looks, steps = [look(tenant, (source, target))], list[str]()

                def over() -> bool:
                    steps.append(tenant.step() or "")
                    looks.append(look(tenant, (source, target)))
                    gone = len(tenant.serving()) == len(tenant.ready()) == REPLICAS
                    return tenant.holds() == target and steps[-1] == "" and gone and len(crowd.answers) >= REQUESTS

                tenant.until("the end of the move", over, 900)
            finally:
                crowd.enough = True
            asking.result(PATIENCE)
        during = [each for each in crowd.answers if each.at >= looks[0].at]
        failed = [each for each in during if each.pod is None]
        print(f"{len(during)} requests since the price fell, of {len(crowd.answers)}; steps {[step for step, _ in groupby(steps) if step]}")
        assert len(crowd.answers) >= REQUESTS
        assert not failed, f"{len(failed)} of {len(during)}"
        assert {round(100 * each.parts[target]) for each in looks} >= set(STEPS)
        # Until it is probed, what the source carries is known from below alone.
        loads = {pool: max(each.loads(LIGHT_RATE).get(pool, 0.0) for each in looks if each.parts[target]) for pool in (source, target)}
        print(f"of what they were measured to carry the pools were asked for at most {loads}")
        assert max(loads.values()) <= SAFE
        for part, there in groupby(looks, lambda each: each.parts[target]):
            seen = list(there)
            asked = [each for each in during if each.pod and seen[0].at + SETTLED <= each.at < seen[-1].at]
            served = sum(of_pool(each.pod or "", target) for each in asked)
            by = off(served, len(asked), part) if asked else 0.0
            print(f"{100 * part:5.1f} %: {served} of {len(asked)} requests, {by:.2f} standard deviations off")
            assert by <= SIGMAS


def test_where_half_a_pool_dies_its_weight_follows_and_what_was_under_way_there_is_all_that_is_lost(
    ground: Ground, gateway: Gateway, tmp_path: Path
) -> None:
    with Tenant(ground, tmp_path) as tenant, ExitStack() as stack:
        cluster = tenant.cluster
        cluster.nodes.add(DYING)
        stack.callback(cluster.nodes.remove, DYING.name)
        gateway.accept(tenant.namespace)
        halved, whole = (tenant.pool(word, nodes, "openvino", CHEAP) for word, nodes in (("halved", "pool-a"), ("whole", "pool-b")))
        tenant.start_operator()
        tenant.apply(most=MOST, traffic=TRAFFIC, placement=at_least({halved: 2, whole: 1}), mode="Observe")
        tenant.until_serving(3)

        def measured() -> Look | None:
            told = [tenant.placement(pool).get("capacityBasis") for pool in (halved, whole)]
            return look(tenant, (halved, whole)) if not {None, "Claimed", "Carried"} & set(told) else None

        with tenant.client(CALM, url=gateway.url):
            before = tenant.until("measured capacities", measured, 240)
        rate = LOADED * before.room(1.0)
        client = tenant.keep(tenant.client(rate, url=gateway.url))
        client.go_on(20)
        before = look(tenant, (halved, whole))
        dying = {p["metadata"]["name"] for p in tenant.serving() if p["spec"]["nodeName"] == DYING.name}
        assert 2 * len(dying) == before.ready[halved] == 2
        # No other node takes what was on this one. Its machine loses power, and a moment later whoever runs the machines says so.
        cluster.kubectl("cordon", "pool-a")
        stack.callback(cluster.kubectl, "uncordon", "pool-a")
        died = time.time()
        cluster.nodes[DYING.name].kill()
        pods = f"/api/v1/namespaces/{tenant.namespace}/pods?fieldSelector=spec.nodeName%3D{DYING.name}"
        status, body = cluster.api.request("DELETE", pods, {"gracePeriodSeconds": 0})
        assert status < 300, body.decode()
        told = time.time()
        cluster.api.delete(f"/api/v1/nodes/{DYING.name}")
        looks = [before]
        while time.time() < told + WATCHED:
            looks.append(look(tenant, (halved, whole)))
        client.stop()
        _say(looks, client.entries(), rate, (died, told))

        lessened = next(each.at for each in looks if each.parts[halved] < before.parts[halved])
        assert lessened < told + FOLLOWS
        later = [each for each in looks if each.at >= told + FOLLOWS]
        with_room = [each for each in later if each.room(SAFE) >= rate]
        assert len(with_room) > len(later) // 2
        assert all(load <= SAFE for each in with_room for load in each.loads(rate).values())
        entries = [each for each in client.entries() if each["sent"] is not None]
        lost = [each for each in client.failed() if each["sent"] is None or not each["sent"] < told + SETTLED]
        assert not lost, f"{len(lost)} failed that no dead replica had: {lost[:3]}"
        assert all(each["done"] > died for each in client.failed())
        assert not [each for each in entries if each["sent"] >= told + FOLLOWS and each["outcome"] != "good"]
        answered = [
            (part_at(looks, halved, each["sent"]), of_pool(each["pod"], halved)) for each in entries if each["sent"] >= told + FOLLOWS
        ]
        expected, spread = sum(part for part, _ in answered), sqrt(sum(part * (1 - part) for part, _ in answered))
        served = sum(there for _, there in answered)
        print(f"served {served} of {len(answered)} there, {abs(served - expected) / spread:.2f} standard deviations off")
        assert abs(served - expected) <= SIGMAS * spread


def _say(looks: list[Look], entries: list[dict[str, Any]], rate: float, loss: tuple[float, float]) -> None:
    """What happened, to be read."""
    died, told = loss
    failed = [each for each in entries if each["outcome"] not in {"good", "slow"}]
    under_way = [each for each in failed if each["sent"] is not None and each["sent"] < died]
    print(f"{rate:.1f} requests/s; the API server was told {told - died:.2f} s after the machine died")
    print(
        f"{len(failed)} of {len(entries)} requests failed: {len(under_way)} were under way, {len(failed) - len(under_way)} were sent afterwards"
    )
    print(
        "failed, by seconds after the death and answer:",
        [(round(each["sent"] - died, 2), each["status"]) for each in failed if each["sent"]],
    )
    for one, other in zip([None, *looks], looks, strict=False):
        if one is None or (one.parts, one.ready) != (other.parts, other.ready):
            loads = {pool: round(load, 2) for pool, load in other.loads(rate).items()}
            print(f"{other.at - told:6.2f} s: parts {other.parts}, ready {dict(other.ready)}, of their capacity {loads}")


def test_what_a_gateway_tells_of_a_server_that_tells_no_times_is_what_its_clients_saw(
    ground: Ground, gateway: Gateway, pinned: str, tmp_path: Path
) -> None:
    target = {"job_name": "envoy", "metrics_path": "/stats/prometheus", "static_configs": [{"targets": [gateway.statistics]}]}
    url = ground.cluster.prometheus(yaml.safe_dump({"global": {"scrape_interval": "1s"}, "scrape_configs": [target]}))
    with Tenant(ground, tmp_path) as tenant:
        gateway.accept(tenant.namespace)
        pool = tenant.pool("only", "pool-b", "onnxruntime", CHEAP)
        tenant.start_operator(observe={"intervalSeconds": 2, "timeoutSeconds": 2, "gateway": {"prometheusUrl": url}})
        tenant.apply_spec(means.spec(pinned, TRAFFIC))
        tenant.until_serving(2)
        tenant.until("the gateway to be read", lambda: tenant.condition("Observed").get("status") == "True", PATIENCE)
        seen = asyncio.run(means.ask(gateway.url, ASKED, ASKED_RATE))
        saw = Counter({"/slow": "slow", "/bad": "error"}.get(each.path, "good") for each in seen)
        assert {each.status for each in seen if each.path != "/bad"} == {200}

        def all_told() -> bool:
            counted = tenant.counted().get(pool, Counter())
            return sum(counted.values()) >= ASKED and counted["slow"] + counted["unsure"] >= saw["slow"]

        tenant.until("all requests", all_told, 60)
        told = tenant.counted()[pool]
        near = sum(each.path == "/" and each.seconds > means.OBJECTIVE / 2000 for each in seen)
        print(f"the client saw {dict(saw)}, {near} more of which took longer than half of the objective; the gateway told {dict(told)}")
        assert (sum(told.values()), told["error"]) == (ASKED, saw["error"])
        assert saw["slow"] <= told["slow"] + told["unsure"] <= saw["slow"] + near
        assert tenant.condition("SLOMet").get("status") == "True"


OF_THE_GATEWAY_API: Thefts = {
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
    with operators_account(ground.cluster) as (operator, namespace):
        workload = WorkloadKey(namespace, "chat")
        made = http_route(workload, "1", RouteIntent(routing=ROUTING, weights={OLD: 1, NEW: 999}), lambda key: f"chat-{key.pool}")

        def create(route: dict[str, Any]) -> tuple[int, str]:
            status, answer = operator.request("POST", f"{ROUTES}/namespaces/{namespace}/httproutes?dryRun=All", route)
            return status, str(answer.get("message", ""))

        makes_no_other(create, made, OF_THE_GATEWAY_API)
