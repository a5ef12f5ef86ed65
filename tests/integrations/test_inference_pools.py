"""InferencePools by their own definitions: no share is shifted until a gateway accepts them, and those of others are left alone."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.move_run import WORKLOAD, MoveRun, pool_of
from integrations import gateway
from integrations.inference_pools import POOLS, ROUTES, TRAFFIC, WELL, Manifest, definitions, say
from integrations.operators_account import Thefts, makes_no_other, operators_account
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.route import InferencePools, RouteParent, Routing
from steelyard.core.placing.intent import RouteIntent
from steelyard.core.planning.weights import TOTAL
from steelyard.render.http_route import http_route
from steelyard.render.inference_pool import inference_pool

pytestmark = pytest.mark.integrations

PROGRAMS = ("contour", "endpoint-picker", "helm")
CRDS = Path(__file__).parents[2] / "crds"
WATCHED = 20.0
"""Seconds: several windows."""


@pytest.fixture(scope="module")
def cluster(control_plane: Cluster) -> Cluster:
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    gateway.definitions(control_plane)
    definitions(control_plane)
    return control_plane


class Routed:
    """A golden move whose requests come by InferencePools, which nobody but the test says anything of."""

    def __init__(self, run: MoveRun) -> None:
        self.run = run
        run.ask_for(traffic=TRAFFIC)

    @property
    def route(self) -> str:
        return f"{ROUTES}/namespaces/{self.run.namespace}/httproutes/{WORKLOAD}"

    def pool(self, name: str) -> str:
        return f"{POOLS}/namespaces/{self.run.namespace}/inferencepools/{WORKLOAD}-{name}"

    def sent(self) -> dict[tuple[str, str], int]:
        """Weights by kind and pool; 0 of what waits to be accepted."""
        rules = (self.run.cluster.api.get(self.route) or {"spec": {"rules": []}})["spec"]["rules"]
        pools = (self.run.dear, self.run.cheap)
        return {
            (b["kind"], next(p for p in pools if p in b["name"])): b["weight"] if number == 0 else 0
            for number, rule in reversed([*enumerate(rules)])
            for b in rule["backendRefs"]
        }

    def backends(self) -> list[tuple[str, str]]:
        """Kind and name of what gets requests."""
        (rule, *_) = self.run.cluster.api.get(self.route)["spec"]["rules"]  # type: ignore[index]
        return [(b["kind"], b["name"]) for b in rule["backendRefs"]]

    def held(self, reason: str) -> Manifest | None:
        told = self.run.condition("Held")
        return told if (told.get("status"), told.get("reason")) == ("True", reason) else None

    def accept_the_route(self) -> None:
        self.run.until("the route", lambda _: self.run.cluster.api.get(self.route))
        say(self.run.cluster, self.route, **WELL)


@contextmanager
def routed(cluster: Cluster) -> Iterator[Routed]:
    with new_namespace(cluster, "move") as namespace, MoveRun(cluster, namespace, small=True) as run:
        yield Routed(run)


def test_no_share_is_shifted_before_the_gateway_has_accepted_and_then_it_goes_on(cluster: Cluster) -> None:
    with routed(cluster) as it:
        run = it.run
        run.start_operator()
        run.apply()
        run.until_serving()
        it.accept_the_route()
        held = run.until("the hold", lambda _: it.held("InferencePoolNotAccepted"))
        print(held["message"])
        assert f"has said nothing of InferencePool {WORKLOAD}-{run.dear}" in held["message"]
        began = time.monotonic()
        while time.monotonic() < began + WATCHED:
            assert it.sent() == {("Service", run.dear): TOTAL, ("InferencePool", run.dear): 0}
            assert not run.status().get("move")
            time.sleep(0.5)
        say(run.cluster, it.pool(run.dear), **WELL)
        run.until("the InferencePool to get the requests", lambda _: it.sent().get(("InferencePool", run.dear)) == TOTAL)
        assert ("Service", run.dear) not in it.sent()
        # The move begins, and its target has an InferencePool of its own, of which nothing is said yet.
        run.until("the target to be ready", lambda _: run.world.ready_pods(run.cheap) and it.held("InferencePoolNotAccepted"))
        began = time.monotonic()
        while time.monotonic() < began + WATCHED:
            assert run.status()["move"]["sharePercent"] == 0
            assert it.sent()["InferencePool", run.dear] == TOTAL
            time.sleep(0.5)
        say(run.cluster, it.pool(run.cheap), **WELL)
        run.until("the first share", lambda s: (s.get("move") or {}).get("sharePercent"))
        run.until("its weight", lambda _: it.sent().get(("InferencePool", run.cheap), 0) > 0)
        assert ("Service", run.cheap) not in it.sent()
        assert run.world.lost == 0
        # One that is not accepted any more is sent nothing, in the controller's words.
        say(run.cluster, it.pool(run.dear), Accepted="True", ResolvedRefs="False")
        run.until("Services to get its requests", lambda _: it.sent().get(("Service", run.dear)))
        assert it.sent()["InferencePool", run.dear] == 0


def test_one_for_the_pods_of_all_pools_keeps_all_requests_while_the_workload_moves_within_it(cluster: Cluster) -> None:
    with routed(cluster) as it:
        run = it.run
        asked = {"extent": "Shared", "endpointPickerRef": {"name": "picker", "port": 9002}}
        run.ask_for(traffic={**TRAFFIC, "inferencePools": asked})
        run.start_operator()
        run.apply()
        run.until_serving()
        it.accept_the_route()
        run.until("the hold", lambda _: it.held("InferencePoolNotAccepted"))
        path = f"{POOLS}/namespaces/{run.namespace}/inferencepools/{WORKLOAD}"
        say(cluster, path, **WELL)
        run.until("all requests to go there", lambda _: it.backends() == [("InferencePool", WORKLOAD)])
        run.until("pods of both pools", lambda _: run.world.ready_pods(run.dear) and run.world.ready_pods(run.cheap))
        wanted = cluster.api.get(path)["spec"]["selector"]["matchLabels"].items()  # type: ignore[index]
        chosen = [labels for pod in run.listed("v1/pods") if wanted <= (labels := pod["metadata"]["labels"]).items()]
        assert {labels["steelyard.dev/pool"] for labels in chosen} == {run.dear, run.cheap}

        def moved(status: Manifest) -> bool:
            assert it.backends() == [("InferencePool", WORKLOAD)]
            return not status.get("move") and pool_of(status) == run.cheap

        run.until("the end of the move", moved)
        assert {made["metadata"]["name"] for made in run.listed("inference.networking.k8s.io/v1/inferencepools")} == {WORKLOAD}
        assert run.world.lost == 0


def test_an_inference_pool_of_somebody_elses_is_left_alone_and_what_is_not_asked_for_any_more_goes(cluster: Cluster) -> None:
    with routed(cluster) as it:
        run = it.run
        name = f"{WORKLOAD}-{run.dear}"
        theirs: Manifest = {
            "apiVersion": "inference.networking.k8s.io/v1",
            "kind": "InferencePool",
            "metadata": {"name": name, "namespace": run.namespace},
            "spec": {
                "selector": {"matchLabels": {"app": "theirs"}},
                "targetPorts": [{"number": 8000}],
                "endpointPickerRef": {"name": "theirs", "port": {"number": 9002}},
            },
        }
        cluster.apply(yaml.safe_dump(theirs))
        say(cluster, it.pool(run.dear), **WELL)
        run.start_operator()
        run.apply()
        run.until_serving()
        it.accept_the_route()
        held = run.until("the hold", lambda _: it.held("InferencePoolTaken"))
        assert f"InferencePool {name} exists and belongs to somebody else" in held["message"]
        assert it.sent() == {("Service", run.dear): TOTAL, ("InferencePool", run.dear): 0}
        assert cluster.api.get(it.pool(run.dear))["spec"]["selector"] == theirs["spec"]["selector"]  # type: ignore[index]
        cluster.api.delete(it.pool(run.dear))
        made = run.until("its own", lambda _: cluster.api.get(it.pool(run.dear)))
        assert made["spec"]["endpointPickerRef"]["name"] == TRAFFIC["inferencePools"]["endpointPickerRef"]["name"].format(pool=run.dear)
        run.ask_for(traffic={"parentRefs": TRAFFIC["parentRefs"]})
        run.apply()
        run.until("it to be gone", lambda _: cluster.api.get(it.pool(run.dear)) is None)
        assert it.sent() == {("Service", run.dear): TOTAL}


OF_A_THIEF: Thefts = {
    "pods of another workload": (
        lambda p: p["spec"]["selector"]["matchLabels"].update({"steelyard.dev/workload": "shop"}),
        "only InferencePools for serving pods of their workload",
    ),
    "pods that do not serve": (
        lambda p: p["spec"]["selector"]["matchLabels"].pop("steelyard.dev/role"),
        "only InferencePools for serving pods of their workload",
    ),
    "another name": (lambda p: p["metadata"].update(name="shop"), "named after their workload"),
    "a picker that is no Service": (lambda p: p["spec"]["endpointPickerRef"].update(kind="Secret"), "only Services as endpoint pickers"),
    "no owner": (lambda p: p["metadata"].pop("ownerReferences"), "with an owner of the kind"),
}
"""What a thief of the operator's token would make of an InferencePool."""


def test_the_operators_account_makes_inference_pools_of_a_workload_and_no_others(cluster: Cluster) -> None:
    with operators_account(cluster) as (operator, namespace):
        workload = WorkloadKey(namespace, "chat")
        asked = InferencePools(shared=False, picker="picker", picker_port=9002, failure_mode="FailClose")

        def create(path: str, manifest: Manifest) -> tuple[int, str]:
            status, answer = operator.request("POST", f"{path}?dryRun=All", manifest)
            return status, str(answer.get("message", ""))

        pools, routes = f"{POOLS}/namespaces/{namespace}/inferencepools", f"{ROUTES}/namespaces/{namespace}/httproutes"
        makes_no_other(lambda manifest: create(pools, manifest), inference_pool(workload, "1", asked, "dear"), OF_A_THIEF)
        routing = Routing(parents=(RouteParent(name="models"),), pools=asked)
        route = http_route(workload, "1", RouteIntent(routing=routing, weights={PlacementKey("dear", "1"): TOTAL}), lambda _: "chat-dear")
        assert create(routes, route) == (201, "")
        route["spec"]["rules"][1]["backendRefs"][0]["name"] = "shop-dear"
        status, told = create(routes, route)
        assert status == 422 and "only to Services and InferencePools of the workload" in told, told
