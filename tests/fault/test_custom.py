"""A program of the user's own, on a real API server: placed where an image is for the family, measured by its metrics, and replaced step by step."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from cluster.bearer import Bearer
from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.lies import LIES, exposition
from fault.test_existing import MERGE, RATE, WINDOWS, Page
from fault.test_least_privilege import account_of_the_chart
from patience import PATIENCE
from stub.operator_process import RUN, OperatorProcess, config, tag_of

pytestmark = pytest.mark.apiserver

OWN = "/apis/steelyard.dev/v1alpha1"
GOOD, OTHER, BROKEN = (f"example.com/team/{name}@sha256:{digit * 64}" for name, digit in (("ranker", "1"), ("ranker", "2"), ("gone", "3")))
PRICE, LESS = "0.40", "0.04"
PART = 0.103
"""Of a node with 4 CPUs and 16 GiB, that half a CPU and 1 GiB are by their weights."""
NETS = itertools.count(61)
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "some"},
    "spec": {
        "selector": {"matchLabels": {"a": "b"}},
        "template": {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": GOOD}]}},
    },
}
RESTRICTED = "pod-security.kubernetes.io/enforce"


class Ground:
    """A pool of CPUs and a cheaper one of devices, with a node each, whose kubelet is played: pods run and answer, but for an image that nobody has."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        tag = namespace.rsplit("-", 1)[-1]
        self.cpus, self.devices = f"cpus-{tag}", f"devices-{tag}"
        self.nodes = {f"node-{pool}": pool for pool in (self.cpus, self.devices)}
        self._net, self._hosts = next(NETS), itertools.count(2)
        first = Page(f"127.0.{self._net}.1", 0)
        self.port = first.server.server_address[1]
        self.pages = {"": first}
        self._says: Callable[[int], str] = exposition
        self._ends = threading.Event()
        self._kubelet = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Ground:
        for node, pool in self.nodes.items():
            labels = {"kubernetes.io/hostname": node, "node.kubernetes.io/instance-type": pool, "for": pool}
            self._call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}})
        self._pool(self.cpus, {"family": "cpu", "model": "plain"}, PRICE)
        self._pool(self.devices, {"family": "tpu", "model": "some-tpu", "resourceName": "example.com/device"}, LESS)
        self._kubelet.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._kubelet.join(PATIENCE)
        for node, pool in self.nodes.items():
            self.cluster.api.delete(f"/api/v1/nodes/{node}")
            self.cluster.api.delete(f"{OWN}/acceleratorpools/{pool}")
        for page in self.pages.values():
            page.server.shutdown()
            page.server.server_close()

    def _pool(self, name: str, accelerator: dict[str, str], price: str) -> None:
        shape = {"instanceType": name, "devices": 0 if "resourceName" not in accelerator else 1, "cpu": "4", "memory": "16Gi", "pricePerHour": price, "priceClass": "Static", "asOf": "2026-01-01"}  # fmt: skip
        spec = {
            "accelerator": accelerator,
            "backends": [{"name": "onnxruntime"}],
            "nodes": {"selector": {"for": name}},
            "shapes": [shape],
            "resources": {"cpu": "500m", "memory": "1Gi"},
        }
        made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "AcceleratorPool", "metadata": {"name": name, "labels": {RUN: tag_of(self.namespace)}}, "spec": spec}  # fmt: skip
        self._call("POST", f"{OWN}/acceleratorpools", made)

    # --- the workload -----------------------------------------------------------------------------------------------------------------

    def apply(self, image: str = GOOD, *, deadline: int = 300, mode: str = "Recommend", **custom: Any) -> None:
        """Write it, as it is to be from now on; `deadline`: seconds for a move."""
        server = {
            "image": image,
            "families": ["cpu"],
            "port": self.port,
            "probes": {"livePath": "/metrics", "readyPath": "/metrics"},
            "metrics": {"profile": "vllm", "port": self.port},
            **custom,
        }
        spec = {
            "server": {"custom": server},
            "objective": {"latency": [{"metric": "e2e", "milliseconds": 500, "percent": "60"}]},
            "scaling": {"minReplicas": 1, "maxReplicas": 2},
            "placement": {"poolSelector": {"matchLabels": {RUN: tag_of(self.namespace)}}},
            "rebalancing": {"mode": mode, "windowSeconds": 5, "cooldownSeconds": 5, "minGoodRequests": 20, "bakeSeconds": 10, "deadlineSeconds": deadline, "exploration": {"deadlineSeconds": 30}},
        }  # fmt: skip
        made = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "metadata": {"name": "ranker", "namespace": self.namespace}, "spec": spec}  # fmt: skip
        path = f"{OWN}/namespaces/{self.namespace}/inferenceworkloads/ranker?fieldManager=user&force=true"
        status, answer = self.cluster.api.request("PATCH", path, made, "application/apply-patch+yaml")
        assert status in {200, 201}, answer

    def say(self, page: Callable[[int], str]) -> None:
        """What its servers say from now on."""
        self._says = page
        for each in self.pages.values():
            each.says = page

    def priced(self, pool: str, price: str) -> None:
        """What a node of that pool costs an hour from now on."""
        path = f"{OWN}/acceleratorpools/{pool}"
        found = self.cluster.api.get(path)
        assert found is not None
        (shape,) = found["spec"]["shapes"]
        self._call("PATCH", path, {"spec": {"shapes": [{**shape, "pricePerHour": price}]}}, MERGE)

    def workload(self) -> dict[str, Any]:
        return self.cluster.api.get(f"{OWN}/namespaces/{self.namespace}/inferenceworkloads/ranker") or {}

    def status(self) -> dict[str, Any]:
        return self.workload().get("status") or {}

    def placement(self) -> dict[str, Any]:
        return next(iter(self.status().get("placements", [])), {})

    def condition(self, kind: str) -> dict[str, Any]:
        return next((c for c in self.status().get("conditions", []) if c["type"] == kind), {})

    def listed(self, path: str) -> list[dict[str, Any]]:
        group, plural = path.rsplit("/", 1)
        return list((self.cluster.api.get(f"/{group}/namespaces/{self.namespace}/{plural}") or {}).get("items", []))

    def images(self) -> list[str]:
        """Of the Deployments that stand."""
        found = self.listed("apis/apps/v1/deployments")
        return sorted(d["spec"]["template"]["spec"]["containers"][0]["image"] for d in found if d["spec"]["replicas"])

    def until(self, what: str, found: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        return wait_until(what, found, seconds=seconds)

    # --- the played kubelet -----------------------------------------------------------------------------------------------------------

    def _play(self) -> None:
        while not self._ends.wait(0.3):
            with suppress(OSError, ClusterError):
                for node, pool in self.nodes.items():
                    self._node(node, pool)
                for pod in self.listed("api/v1/pods"):
                    if pod["spec"].get("nodeName"):
                        self._runs(pod)

    def _node(self, node: str, pool: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": node, "namespace": "kube-node-lease"}}
        spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now}
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}?fieldManager=stub&force=true"
        self._call("PATCH", path, {**lease, "spec": spec}, "application/apply-patch+yaml")
        held = {"cpu": "4", "memory": "16Gi", "pods": "110", "ephemeral-storage": "500Gi", **({"example.com/device": "1"} if pool == self.devices else {})}  # fmt: skip
        since = "2026-01-01T00:00:00Z"
        ready = {"type": "Ready", "status": "True", "lastTransitionTime": since, "lastHeartbeatTime": since}
        self._call(
            "PATCH", f"/api/v1/nodes/{node}/status", {"status": {"capacity": held, "allocatable": held, "conditions": [ready]}}, MERGE
        )
        self._call("PATCH", f"/api/v1/nodes/{node}", {"spec": {"taints": None}}, MERGE)

    def _runs(self, pod: dict[str, Any]) -> None:
        path, meta, status = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}", pod["metadata"], pod.get("status", {})
        image = pod["spec"]["containers"][0]["image"]
        if meta.get("deletionTimestamp"):
            self._call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        elif image == BROKEN:
            waits = {"waiting": {"reason": "ImagePullBackOff", "message": f'Back-off pulling image "{image}": ErrImagePull: not found'}}
            self._told(path, pod, "Pending", {"ready": False, "state": waits}, "False")
        elif status.get("phase") != "Running":
            address = f"127.0.{self._net}.{next(self._hosts)}"
            self.pages[meta["uid"]] = Page(address, self.port, self._says)
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            self._told(
                path, pod, "Running", {"ready": True, "state": {"running": {"startedAt": now}}}, "True", podIP=address, startTime=now
            )

    def _told(self, path: str, pod: dict[str, Any], phase: str, container: dict[str, Any], ready: str, **more: Any) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before = [c for c in pod["status"].get("conditions", []) if c["type"] != "Ready"]
        told = {
            "phase": phase,
            "containerStatuses": [{"name": "server", "image": "x", "imageID": "", "restartCount": 0, **container}],
            "conditions": [*before, {"type": "Ready", "status": ready, "lastTransitionTime": now}],
            **more,
        }
        if pod["status"].get("containerStatuses", [{}])[0].get("state") != container["state"]:
            self._call("PATCH", f"{path}/status", {"status": told}, MERGE)

    def _call(self, method: str, path: str, body: Any, content: str = "application/json") -> None:
        status, answer = self.cluster.api.request(method, path, body, content)
        if status >= 300 and status not in {404, 409}:
            raise ClusterError(f"{method} {path}: {status} {answer[:300]!r}")


@pytest.fixture
def ground(kinds: Cluster) -> Iterator[Ground]:
    with new_namespace(kinds, "custom") as namespace, Ground(kinds, namespace) as found:
        kinds.kubectl("label", "namespace", namespace, f"{RESTRICTED}=restricted")
        yield found


def settings(ground: Ground) -> dict[str, Any]:
    """Without a store and without a toolchain."""
    return config(ground.namespace, store={}, toolchains={})


def test_it_is_placed_measured_and_replaced_step_by_step(ground: Ground, tmp_path: Path) -> None:
    kubeconfig = ground.cluster.kubeconfig
    with OperatorProcess(kubeconfig, ground.namespace, tmp_path, settings(ground)) as operator:
        ground.apply()
        cost = ground.until("its cost", lambda: ground.placement().get("unitCost"))
        each = float(cost["cost"]) / int(cost["good"])
        assert each * RATE * 0.75 * 3600 == pytest.approx(float(PRICE) * PART, rel=0.3), "its share of the node, for three of four requests"
        assert ground.placement()["pool"] == ground.cpus, "the cheaper pool is of a family that the image does not run on"
        assert ground.condition("Ready").get("status") == "True"
        assert (ground.condition("SLOMet").get("status"), ground.condition("Compiled")) == ("True", {})
        refused = {o["pool"]: o for o in ground.status()["lastDecision"]["options"]}[ground.devices]
        assert (refused["reason"], "add {family: tpu, image: NAME@sha256:DIGEST} to variants" in refused["message"]) == ("NoVariant", True)
        assert ground.listed("apis/steelyard.dev/v1alpha1/compiledmodels") == []
        [service] = [s for s in ground.listed("api/v1/services") if s["metadata"]["name"] == "ranker"]
        assert service["spec"]["ports"][0]["targetPort"] == "http"

        [before] = ground.listed("apis/apps/v1/deployments")
        ground.apply(drain={"delaySeconds": 9})
        ground.until("that it is seen", lambda: ground.status().get("observedGeneration") == 2)
        ground.apply(OTHER)
        ground.until("the other image", lambda: ground.images() == [OTHER], seconds=3 * PATIENCE)
        ground.until("the end", lambda: not ground.status().get("move") and ground.condition("Placed").get("status") == "True")
        assert ground.condition("Ready").get("status") == "True"
        moved = [h for h in ground.status()["history"] if h["kind"] == "Revision"]
        assert [h["outcome"] for h in moved] == ["Moved"], "the other times of the drain were no move"
        old = before["metadata"]["uid"]
        ground.until("the old one to go", lambda: old not in {d["metadata"]["uid"] for d in ground.listed("apis/apps/v1/deployments")})
        assert operator.running


def test_an_image_that_cannot_be_pulled_is_told_and_what_serves_goes_on(ground: Ground, tmp_path: Path) -> None:
    with OperatorProcess(ground.cluster.kubeconfig, ground.namespace, tmp_path, settings(ground)):
        ground.apply(BROKEN)
        placed = ground.until("the image", lambda: (c := ground.condition("Placed")).get("reason") == "ImageUnavailable" and c)
        assert BROKEN in placed["message"] and "correct the image in spec.server.custom" in placed["message"]
        ground.apply(GOOD)
        ground.until("a replica", lambda: ground.condition("Ready").get("status") == "True", seconds=2 * PATIENCE)
        ground.until("its traffic", lambda: ground.placement().get("unitCost"))
        ground.apply(BROKEN, deadline=30, args=["--other"])
        stuck = ground.until("the move", lambda: (c := ground.condition("Balanced")).get("reason") == "ImageUnavailable" and c)
        assert BROKEN in stuck["message"]
        ground.until("its end", lambda: not ground.status().get("move") and ground.status().get("quarantine"), seconds=2 * PATIENCE)
        assert ground.images() == [GOOD]
        assert ground.condition("Ready").get("status") == "True"


def test_a_server_that_lies_costs_nothing_and_moves_nowhere_until_it_tells_the_truth(ground: Ground, tmp_path: Path) -> None:
    """A pool at a hundredth of the price is there all the while, and what would be worth a move is worth none of a page that is not believed."""
    ground.priced(ground.devices, "4.00")
    ground.say(LIES[0].says)
    with OperatorProcess(ground.cluster.kubeconfig, ground.namespace, tmp_path, settings(ground)) as operator:
        ground.apply(mode="Auto", variants=[{"family": "tpu", "image": GOOD}])
        ground.until("a replica", lambda: ground.condition("Ready").get("status") == "True", seconds=2 * PATIENCE)
        assert ground.placement()["pool"] == ground.cpus
        ground.priced(ground.devices, "0.004")
        [before] = ground.listed("apis/apps/v1/deployments")
        for lie in (each for each in LIES if not each.doubted_later):
            ground.say(lie.says)
            told = ground.until(
                lie.told,
                lambda words=lie.told: (c := ground.condition("Observed")).get("status") == "False" and words in c["message"] and c,
            )
            assert told["reason"] == "ObservationsStale"
            time.sleep(WINDOWS)
            assert ground.placement().get("unitCost") is None
            assert ground.condition("Ready").get("status") == "True", "it serves all the same"
            [after] = ground.listed("apis/apps/v1/deployments")
            assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
            assert ground.status().get("move") is None
        ground.say(exposition)
        ground.until("a move to the cheaper pool", lambda: (ground.status().get("move") or {}).get("to") == ground.devices)
        assert operator.running


def test_the_charts_account_may_make_it_where_its_values_name_image_and_secret(ground: Ground, tmp_path: Path) -> None:
    """And nothing more is asked for than the API server grants."""
    run: Any = SimpleNamespace(cluster=ground.cluster, namespace=ground.namespace)
    ground.apply(GOOD, env=[{"name": "KEY", "secret": {"name": "serving-ranker", "key": "token"}}])
    with account_of_the_chart(run) as account:
        bearer, some = (
            Bearer.of(ground.cluster, ground.namespace, "steelyard"),
            {"kind": "Deployment", "apiVersion": "apps/v1", **DEPLOYMENT},
        )
        where = f"/apis/apps/v1/namespaces/{ground.namespace}/deployments?dryRun=All"
        ground.until("the policies to be known", lambda: "Steelyard's account" in bearer.request("POST", where, some)[1].get("message", ""))
        with OperatorProcess(account, ground.namespace, tmp_path, settings(ground)):
            refused = ground.until("the refusal", lambda: (c := ground.condition("Placed")).get("reason") == "ObjectInvalid" and c)
            assert "config.toolchains or admissionPolicy.imagePrefixes: example.com/team/ranker@sha256:1" in refused["message"]
    policy = {"imagePrefixes": ["example.com/team/"], "secretPrefixes": ["serving-"]}
    with (
        account_of_the_chart(run, admissionPolicy=policy) as account,
        OperatorProcess(account, ground.namespace, tmp_path, settings(ground)),
    ):
        ground.until("a replica", lambda: ground.condition("Ready").get("status") == "True", seconds=2 * PATIENCE)


def test_the_api_server_refuses_to_turn_it_into_another_server(ground: Ground) -> None:
    ground.apply()
    change = {"spec": {"server": {"custom": None, "vllm": {}}, "model": {"uri": "hf://org/m", "revision": "a" * 40}}}
    path = f"{OWN}/namespaces/{ground.namespace}/inferenceworkloads/ranker"
    status, answer = ground.cluster.api.request("PATCH", path, change, MERGE)
    assert status == 422
    assert b"must not change between custom and another server" in answer
