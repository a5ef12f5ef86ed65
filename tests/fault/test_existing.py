"""A Deployment that exists already, on a real API server: its cost is told, and of nothing but the workload's status is a byte written."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.lies import LIES, MILLION, by_means, exposition
from fault.test_least_privilege import account_of_the_chart
from patience import PATIENCE
from steelyard.cli.main import main
from stub.operator_process import OperatorProcess, config

pytestmark = pytest.mark.apiserver

RATE = 40.0
"""Requests per second of each server, of which three of four are fast."""
PRICE = 0.8048
"""Of a g6.xlarge an hour, by the shipped catalogue."""
LIMIT = "e2e=500ms:60"
WINDOWS = 12
"""Seconds, of two windows and a little."""
MERGE = "application/merge-patch+json"


class Page:
    """A server that answers at a steady rate, and says so as vLLM does, unless it is to say something else."""

    def __init__(self, address: str, port: int, says: Callable[[int], str] = exposition) -> None:
        self.says, began, page = says, time.monotonic(), self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                body = page.says(int((time.monotonic() - began) * RATE)).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer((address, port), Handler)
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()


class Standing:
    """Deployment `chat` on nodes of its own, whose kubelet is played: pods run once they have a node, and answer."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster, self.namespace = cluster, namespace
        self.nodes = [f"{namespace}-{n}" for n in range(2)]
        first = Page("127.0.60.1", 0)
        self.port = first.server.server_address[1]
        self.pages = [first, Page("127.0.60.2", self.port)]
        self._ends = threading.Event()
        self._kubelet = threading.Thread(target=self._play, daemon=True)

    def __enter__(self) -> Standing:
        for node in self.nodes:
            labels = {"kubernetes.io/hostname": node, "node.kubernetes.io/instance-type": "g6.xlarge", "for": self.namespace}
            self._call("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node, "labels": labels}})
        self._kubelet.start()
        container = {
            "name": "server",
            "image": "vllm/vllm-openai:v0.20",
            "resources": {"requests": {"cpu": "3", "memory": "12Gi", "nvidia.com/gpu": "1"}, "limits": {"nvidia.com/gpu": "1"}},
        }
        made = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "chat", "namespace": self.namespace},
            "spec": {
                "replicas": 2,
                "selector": {"matchLabels": {"app": "chat"}},
                "template": {
                    "metadata": {"labels": {"app": "chat"}, "annotations": {"prometheus.io/port": str(self.port)}},
                    "spec": {"nodeSelector": {"for": self.namespace}, "containers": [container]},
                },
            },
        }
        self._call("POST", f"/apis/apps/v1/namespaces/{self.namespace}/deployments", made)
        return self

    def __exit__(self, *_: object) -> None:
        self._ends.set()
        self._kubelet.join(PATIENCE)
        for node in self.nodes:
            self.cluster.api.delete(f"/api/v1/nodes/{node}")
        for page in self.pages:
            page.server.shutdown()
            page.server.server_close()

    def deployment(self) -> dict[str, Any]:
        found = self.cluster.api.get(f"/apis/apps/v1/namespaces/{self.namespace}/deployments/chat")
        assert found is not None
        return found

    def workload(self) -> dict[str, Any]:
        return self.cluster.api.get(f"/apis/steelyard.dev/v1alpha1/namespaces/{self.namespace}/inferenceworkloads/chat") or {}

    def placement(self) -> dict[str, Any]:
        return next(iter(self.workload().get("status", {}).get("placements", [])), {})

    def condition(self, kind: str) -> dict[str, Any]:
        return next((c for c in self.workload().get("status", {}).get("conditions", []) if c["type"] == kind), {})

    def begun(self, made: dict[str, Any]) -> dict[str, Any]:
        """The workload with short windows, and the Deployment once both of its replicas are ready."""
        made["spec"]["rebalancing"] = {"windowSeconds": 5, "minGoodRequests": 50}
        self.made(made)
        return wait_until(
            "two replicas", lambda: (d := self.deployment()).get("status", {}).get("readyReplicas") == 2 and d, seconds=PATIENCE
        )

    def made(self, workload: dict[str, Any]) -> None:
        self._call("POST", f"/apis/steelyard.dev/v1alpha1/namespaces/{self.namespace}/inferenceworkloads", workload)

    def say(self, page: Callable[[int], str]) -> None:
        """What its servers say from now on."""
        for each in self.pages:
            each.says = page

    def profiled(self, word: str) -> None:
        """Read it as another server."""
        change = {"spec": {"server": {"existing": {"metrics": {"profile": word}}}}}
        self._call("PATCH", f"/apis/steelyard.dev/v1alpha1/namespaces/{self.namespace}/inferenceworkloads/chat", change, MERGE)

    def scaled(self, replicas: int) -> None:
        self._call("PATCH", f"/apis/apps/v1/namespaces/{self.namespace}/deployments/chat", {"spec": {"replicas": replicas}}, MERGE)

    def _play(self) -> None:
        while not self._ends.wait(0.3):
            with suppress(OSError, ClusterError):
                for node in self.nodes:
                    self._node(node)
                for number, pod in enumerate(self._pods()):
                    self._runs(pod, f"127.0.60.{1 + number % 2}")

    def _node(self, node: str) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": node, "namespace": "kube-node-lease"}}
        spec = {"holderIdentity": node, "leaseDurationSeconds": 40, "renewTime": now}
        path = f"/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/{node}?fieldManager=stub&force=true"
        self._call("PATCH", path, {**lease, "spec": spec}, "application/apply-patch+yaml")
        held = {"cpu": "4", "memory": "16Gi", "pods": "110", "nvidia.com/gpu": "1"}
        ready = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": "2026-01-01T00:00:00Z",
            "lastHeartbeatTime": "2026-01-01T00:00:00Z",
        }
        status = {"status": {"capacity": held, "allocatable": held, "conditions": [ready]}}
        self._call("PATCH", f"/api/v1/nodes/{node}/status", status, MERGE)
        self._call("PATCH", f"/api/v1/nodes/{node}", {"spec": {"taints": None}}, MERGE)

    def _pods(self) -> list[dict[str, Any]]:
        found = self.cluster.api.get(f"/api/v1/namespaces/{self.namespace}/pods") or {}
        return [pod for pod in found.get("items", []) if pod["spec"].get("nodeName")]

    def _runs(self, pod: dict[str, Any], address: str) -> None:
        path, meta, status = f"/api/v1/namespaces/{self.namespace}/pods/{pod['metadata']['name']}", pod["metadata"], pod.get("status", {})
        if meta.get("deletionTimestamp"):
            self._call("DELETE", path, {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})
        elif status.get("phase") != "Running":
            now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
            running = {
                "name": "server",
                "image": "x",
                "imageID": "",
                "ready": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": now}},
            }
            conditions = [*status.get("conditions", []), {"type": "Ready", "status": "True", "lastTransitionTime": now}]
            told = {"phase": "Running", "podIP": address, "startTime": now, "containerStatuses": [running], "conditions": conditions}
            self._call("PATCH", f"{path}/status", {"status": told}, MERGE)

    def _call(self, method: str, path: str, body: Any, content: str = "application/json") -> None:
        status, answer = self.cluster.api.request(method, path, body, content)
        if status >= 300 and status not in {404, 409}:
            raise ClusterError(f"{method} {path}: {status} {answer[:300]!r}")


@pytest.fixture
def standing(kinds: Cluster) -> Iterator[Standing]:
    with new_namespace(kinds, "existing") as namespace, Standing(kinds, namespace) as found:
        yield found


def test_its_cost_is_told_and_nothing_of_it_is_changed(standing: Standing, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kubeconfig, where = standing.cluster.kubeconfig, ["-n", standing.namespace]
    assert main(["observe", "deployment/chat", "--objective", LIMIT, *where, "--kubeconfig", str(kubeconfig)]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    assert made["spec"]["server"]["existing"]["metrics"] == {"profile": "vllm", "port": standing.port}
    before = standing.begun(made)
    settings = config(standing.namespace, store={}, toolchains={})
    with OperatorProcess(kubeconfig, standing.namespace, tmp_path, settings) as operator:
        cost = wait_until("its cost", lambda: standing.placement().get("unitCost"), seconds=PATIENCE)
        place = standing.placement()
        assert (place["pool"], place["pricedBy"], place["readyReplicas"]) == ("g6-xlarge", "Catalogue", 2)
        # What a good request costs, times those that a replica answers in an hour, is what a replica costs an hour.
        each = float(cost["cost"]) / int(cost["good"])
        assert 0.5 * PRICE < each * RATE * 0.75 * 3600 <= 1.2 * PRICE, (
            "a replica requests most of its node, and pays no more than all of it"
        )
        assert float(cost["lower"]) <= float(cost["value"]) <= float(cost["upper"])
        assert standing.condition("SLOMet").get("status") == "True"
        assert standing.condition("Ready").get("status") == "True"
        assert standing.condition("Compiled") == {}

        standing.scaled(0)
        wait_until("what holds it", lambda: standing.condition("Held").get("reason") == "NoReplicas", seconds=PATIENCE)
        standing.scaled(2)
        wait_until("both again", lambda: standing.placement().get("readyReplicas") == 2, seconds=PATIENCE)

        after = standing.deployment()
        assert {m["manager"] for m in after["metadata"]["managedFields"]} & {"steelyard"} == set()
        assert after["spec"]["template"] == before["spec"]["template"]
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        for path in (
            "api/v1/{}/services",
            "policy/v1/{}/poddisruptionbudgets",
            "batch/v1/{}/jobs",
            "steelyard.dev/v1alpha1/{}/compiledmodels",
        ):
            root = "" if path.startswith("api/") else "apis/"
            listed = standing.cluster.api.get(f"/{root}{path.format(f'namespaces/{standing.namespace}')}") or {}
            assert listed.get("items") == [], path

        standing.cluster.api.delete(f"/apis/apps/v1/namespaces/{standing.namespace}/deployments/chat")
        missing = wait_until(
            "that it is gone", lambda: (c := standing.condition("Held")).get("reason") == "ExistingMissing" and c, seconds=PATIENCE
        )
        assert "there is no Deployment chat" in missing["message"]
        assert operator.running


def is_true(cost: dict[str, Any]) -> bool:
    """Whether it is what the requests that are sent cost at the price of the nodes."""
    return 0.5 * PRICE < float(cost["cost"]) / int(cost["good"]) * RATE * 0.75 * 3600 <= 1.2 * PRICE


def test_a_page_that_tells_too_little_or_lies_is_no_cost_and_the_truth_is_one(standing: Standing, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    kubeconfig, where = standing.cluster.kubeconfig, ["-n", standing.namespace]
    standing.say(by_means)
    assert main(["observe", "deployment/chat", "--objective", LIMIT, "--profile", "triton", *where, "--kubeconfig", str(kubeconfig)]) == 0
    made = yaml.safe_load(capsys.readouterr().out)
    made["spec"]["server"]["existing"]["metrics"]["port"] = standing.port
    before = standing.begun(made)
    settings = config(standing.namespace, store={}, toolchains={})
    with OperatorProcess(kubeconfig, standing.namespace, tmp_path, settings) as operator:
        met = wait_until(
            "that nobody sees who was in time",
            lambda: (
                (c := standing.condition("SLOMet")).get("reason") == "LatencyUnobservable" and "1,000 requests cost" in c["message"] and c
            ),
            seconds=PATIENCE,
        )
        assert met["status"] == "Unknown"
        assert "the server tells of e2e a mean alone (nv_inference_request_duration_us)" in met["message"]
        assert "told by a gateway" in met["message"], "and what would show it"
        assert (standing.condition("Observed").get("status"), standing.placement().get("unitCost")) == ("True", None)

        standing.say(LIES[0].says)
        standing.profiled("vllm")
        for lie in LIES:
            standing.say(lie.says)
            told = wait_until(
                lie.told,
                lambda words=lie.told: (c := standing.condition("Observed")).get("status") == "False" and words in c["message"] and c,
                seconds=PATIENCE,
            )
            assert told["reason"] == "ObservationsStale"
            claimed = standing.placement().get("unitCost")
            time.sleep(WINDOWS)
            assert standing.placement().get("unitCost") == claimed, "of what is not believed nothing is added to a cost"
            assert standing.condition("Ready").get("status") == "True", "it serves all the same"
            standing.say(exposition)
            # Of a lie that is doubted later a window may have counted too much: it goes as windows do.
            cost = wait_until(
                "the cost of the truth",
                lambda doubted_later=lie.doubted_later: (
                    standing.condition("Observed").get("status") == "True"
                    and (c := standing.placement().get("unitCost"))
                    and (not doubted_later or is_true(c))
                    and c
                ),
                seconds=PATIENCE,
            )
            assert is_true(cost), "and nothing of the lie is in it"
        counted = re.findall(r"^steelyard_workload_requests_total\{.*\} (\S+)$", operator.metrics(), re.MULTILINE)
        assert counted and sum(map(float, counted)) < MILLION, "what leapt is counted nowhere"
        after = standing.deployment()
        assert (after["metadata"]["uid"], after["metadata"]["generation"]) == (before["metadata"]["uid"], before["metadata"]["generation"])
        assert operator.running


def test_a_workload_that_is_deleted_leaves_its_server_alone_and_the_charts_rights_suffice(standing: Standing, tmp_path: Path) -> None:
    kubeconfig, where = standing.cluster.kubeconfig, ["-n", standing.namespace]
    assert main(["observe", "deployment/chat", "--apply", *where, "--kubeconfig", str(kubeconfig)]) == 0
    run: Any = SimpleNamespace(cluster=standing.cluster, namespace=standing.namespace)
    settings = config(standing.namespace, store={}, toolchains={})
    with account_of_the_chart(run) as account, OperatorProcess(account, standing.namespace, tmp_path, settings):
        wait_until("its placement", lambda: standing.placement().get("readyReplicas") == 2, seconds=PATIENCE)
        before = standing.deployment()
        standing.cluster.api.delete(f"/apis/steelyard.dev/v1alpha1/namespaces/{standing.namespace}/inferenceworkloads/chat")
        wait_until("that it is gone", lambda: standing.workload() == {}, seconds=PATIENCE)
        time.sleep(3)
        after = standing.deployment()
        assert (after["metadata"]["uid"], after["metadata"]["generation"]) == (before["metadata"]["uid"], before["metadata"]["generation"])
        assert after["status"]["readyReplicas"] == 2


def test_the_api_server_refuses_to_move_what_is_not_ours_and_to_turn_one_into_the_other(standing: Standing) -> None:
    path = f"/apis/steelyard.dev/v1alpha1/namespaces/{standing.namespace}/inferenceworkloads"
    existing = {"existing": {"name": "chat", "metrics": {"profile": "vllm"}}}
    latency = {"latency": [{"metric": "e2e", "milliseconds": 500}]}
    made: dict[str, Any] = {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "InferenceWorkload",
        "metadata": {"name": "chat", "namespace": standing.namespace},
        "spec": {"server": existing, "objective": latency, "rebalancing": {"mode": "Auto"}},
    }
    status, answer = standing.cluster.api.request("POST", path, made)
    assert status == 422
    assert b"must be Observe or Recommend when the server is existing" in answer
    made["spec"].pop("rebalancing")
    assert standing.cluster.api.request("POST", path, made)[0] == 201, "mode need not be named"
    model = {"uri": "hf://org/model", "revision": "a" * 40, "task": "text-generation"}
    change = {"spec": {"server": {"existing": None, "vllm": {}}, "model": model}}
    status, answer = standing.cluster.api.request("PATCH", f"{path}/chat", change, MERGE)
    assert status == 422
    assert b"must not change between existing and another server" in answer
