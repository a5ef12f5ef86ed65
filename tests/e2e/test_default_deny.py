"""Namespaces that are restricted and closed: Pod Security `restricted`, and a NetworkPolicy that denies everything, for the operator and for
the workload. What the chart's policies allow is enough to compile, to serve and to be read; what no policy allows is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import yaml

from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.fixtures import new_namespace
from cluster.image_store import box
from cluster.waiting import wait_until
from demo.installation import NAMESPACE, RELEASE
from e2e.ground import GENERAL, Ground
from e2e.tenant import Tenant
from patience import PATIENCE

pytestmark = pytest.mark.nodes

SHOP = {"app": "shop"}
"""Pods that may ask the model."""
DNS = {"ports": [{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]}
REFUSED = "connection refused"
"""What a pod is told whose connection a policy rejects."""


def close(cluster: Cluster, namespace: str) -> None:
    """Nothing but restricted pods starts there, and nothing comes in or goes out."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace, "labels": labels}})
    cluster.apply(policy(namespace, "default-deny", {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}))


def policy(namespace: str, name: str, spec: dict[str, Any]) -> str:
    """A NetworkPolicy as YAML."""
    metadata = {"name": name, "namespace": namespace}
    return yaml.safe_dump({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec})


def install(ground: Ground, namespace: str) -> None:
    """Steelyard by its chart, with all of its policies; the object store is the only address outside of the cluster that they allow."""
    store = [{"ipBlock": {"cidr": f"{ground.cluster.identity.gateway}/32"}}]
    workloads = {"enabled": True, "clients": [{"podSelector": {"matchLabels": SHOP}}], "store": store, "models": store}
    ground.install_chart(namespace, "--set-json", f"networkPolicy={json.dumps({'enabled': True, 'workloads': workloads})}")


class Asker:
    """A pod that waits, and asks what it is told to: what a policy is for it is known by then."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, labels: dict[str, str], *arguments: str) -> None:
        self._cluster, self._where = cluster, ("--namespace", namespace, name)
        container = {
            "name": "box",
            "image": box().reference,
            "imagePullPolicy": "Never",
            "args": [*arguments],
            "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        }
        spec = {
            "automountServiceAccountToken": False,
            "nodeSelector": GENERAL,
            "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [container],
        }
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        cluster.apply(yaml.safe_dump({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}))
        self._path = f"/api/v1/namespaces/{namespace}/pods/{name}"
        self.address: str = wait_until(f"{name} to run", self._running, seconds=PATIENCE)

    def _running(self) -> str:
        status = (self._cluster.api.get(self._path) or {}).get("status", {})
        return str(status.get("podIP", "")) if status.get("phase") == "Running" else ""

    def answer(self, url: str) -> str:
        """The answer, or why there is none."""
        try:
            return self._cluster.kubectl("exec", *self._where, "--", "/box", "try", url)
        except ClusterError as error:
            return str(error)

    def until_answered(self, url: str) -> None:
        """Wait for an answer: nodes are told of a new pod a moment after it runs."""
        wait_until(f"an answer of {url}", lambda: "exit code" not in self.answer(url), seconds=PATIENCE, every=0.5)


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A workload in a closed namespace, by an operator in another one, in a cluster that enforces policies."""
    with ExitStack() as stack:
        ground = stack.enter_context(Ground.laid("e2e-policies"))
        cluster = ground.cluster
        cluster.nodes.enforce_policies()
        tenant = stack.enter_context(Tenant(ground, tmp_path_factory.mktemp("closed")))
        for namespace in (NAMESPACE, tenant.namespace):
            close(cluster, namespace)
        asking = {"to": [{"podSelector": {"matchLabels": {"steelyard.dev/role": "serving"}}}], "ports": [{"port": 8080}]}
        egress = {"podSelector": {"matchLabels": SHOP}, "policyTypes": ["Egress"], "egress": [DNS, asking]}
        cluster.apply(policy(tenant.namespace, "shop-asks", egress))
        install(ground, tenant.namespace)
        tenant.pool("only", "pool-b", "openvino", "0.20")
        tenant.apply(mode="Observe")
        try:
            tenant.until_serving()
        except AssertionError:
            print(cluster.kubectl("logs", "-n", NAMESPACE, "-l", "app.kubernetes.io/component=operator", "--tail=50"))
            raise
        yield tenant
        cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE)


def test_a_model_is_compiled_served_and_read_where_everything_else_is_denied(closed: Tenant) -> None:
    [compiled] = closed.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")
    assert compiled["status"]["artifact"]["digest"]
    with closed.client(4.0, labels=SHOP) as client:
        [pool] = closed.pools()
        closed.until("a cost by the readings", lambda: closed.placement(pool).get("unitCost", {}).get("good", 0) > 60, PATIENCE)
    assert client.failed() == []


def test_a_connection_that_no_policy_allows_is_refused(closed: Tenant) -> None:
    cluster = closed.cluster
    with new_namespace(cluster, "open") as elsewhere:
        shop, stranger = (Asker(cluster, closed.namespace, name, {"app": name}) for name in ("shop", "stranger"))
        open_server = Asker(cluster, elsewhere, "server", {}, "serve", ":8080")
        outsider = Asker(cluster, elsewhere, "outsider", {})
        [server] = [p["status"]["podIP"] for p in closed.serving()]
        model, metrics, open_door = (
            f"http://{server}:8080/v2/health/ready",
            f"http://{server}:9090/metrics",
            f"http://{open_server.address}:8080/",
        )

        shop.until_answered(model)
        outsider.until_answered(open_door)
        refused = {
            "a pod that is no client": stranger.answer(model),
            "a client that reads metrics": shop.answer(metrics),
            "a pod of another namespace": outsider.answer(model),
            "a client that goes elsewhere": shop.answer(open_door),
        }
        assert [who for who, said in refused.items() if REFUSED not in said] == [], refused
