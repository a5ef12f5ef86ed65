"""Nodes run pods as a real cluster does: restricted, resolved by name, reached by Service, and from this machine."""

import json
from pathlib import Path
from urllib.request import urlopen

import pytest

from cluster.cluster import Cluster
from cluster.errors import ClusterError
from cluster.image_store import box
from cluster.node_spec import NodeSpec, node_set
from cluster.waiting import wait_until
from patience import PATIENCE

pytestmark = pytest.mark.nodes

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {{name: web, namespace: {namespace}}}
spec:
  replicas: 2
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata: {{labels: {{app: web}}}}
    spec:
      nodeSelector: {{steelyard.dev/pool: {pool}}}
      securityContext: {{runAsNonRoot: true, runAsUser: 65532, seccompProfile: {{type: RuntimeDefault}}}}
      containers:
      - name: web
        image: {image}
        args: [serve, ":8080"]
        resources: {{requests: {{cpu: 10m}}, limits: {{cpu: 250m, memory: 64Mi}}}}
        readinessProbe: {{httpGet: {{port: 8080}}, periodSeconds: 1}}
        securityContext: {{allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {{drop: [ALL]}}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {namespace}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80, targetPort: 8080}}]}}
"""

GET = """
apiVersion: v1
kind: Pod
metadata: {{name: get, namespace: {namespace}}}
spec:
  restartPolicy: Never
  nodeSelector: {{steelyard.dev/pool: {pool}}}
  containers: [{{name: get, image: {image}, args: [{how}, "{url}"]}}]
"""


def answer_of(url: str) -> bytes:
    with urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def phase(cluster: Cluster, namespace: str, pod: str) -> str:
    found = cluster.api.get(f"/api/v1/namespaces/{namespace}/pods/{pod}") or {}
    return str(found.get("status", {}).get("phase", ""))


def test_a_restricted_pod_serves_another_pod_by_name_and_this_machine(nodes_cluster: Cluster, node_namespace: str) -> None:
    image = box().reference
    nodes_cluster.kubectl("label", "namespace", node_namespace, "pod-security.kubernetes.io/enforce=privileged")
    nodes_cluster.apply(WEB.format(namespace=node_namespace, image=image, pool="pool-a"))
    nodes_cluster.kubectl("-n", node_namespace, "rollout", "status", "deployment/web", "--timeout=90s")

    url = f"http://web.{node_namespace}.svc.cluster.local/from-a-pod"
    nodes_cluster.apply(GET.format(namespace=node_namespace, image=image, pool="pool-b", how="get", url=url))
    wait_until("the pod that asks", lambda: phase(nodes_cluster, node_namespace, "get") in {"Succeeded", "Failed"}, seconds=90)
    assert "/from-a-pod" in nodes_cluster.kubectl("-n", node_namespace, "logs", "get")
    assert phase(nodes_cluster, node_namespace, "get") == "Succeeded"

    pods = json.loads(nodes_cluster.kubectl("-n", node_namespace, "get", "pods", "-l", "app=web", "-o", "json"))["items"]
    service = json.loads(nodes_cluster.kubectl("-n", node_namespace, "get", "service", "web", "-o", "json"))
    for address in (f"{pods[0]['status']['podIP']}:8080", service["spec"]["clusterIP"]):
        wait_until(f"an answer of {address}", lambda a=address: b"/from-here" in answer_of(f"http://{a}/from-here"), seconds=PATIENCE)


@pytest.mark.parametrize(("host", "reason"), [("192.0.2.1", "no route to host"), ("example.org", "no such host")])
def test_what_is_outside_the_cluster_is_refused_at_once(nodes_cluster: Cluster, node_namespace: str, host: str, reason: str) -> None:
    pod = GET.format(namespace=node_namespace, image=box().reference, pool="pool-a", how="try", url=f"http://{host}/")
    nodes_cluster.apply(pod)
    wait_until("the pod that asks", lambda: phase(nodes_cluster, node_namespace, "get") == "Failed", seconds=60)
    assert reason in nodes_cluster.kubectl("-n", node_namespace, "logs", "get")


def test_nodes_come_and_go_with_taints_resources_and_reservations(nodes_cluster: Cluster) -> None:
    spec = NodeSpec(
        "extra",
        labels={"steelyard.dev/pool": "extra"},
        taints=("dedicated=extra:NoSchedule",),
        reserved={"cpu": "500m", "memory": "1Gi"},
        capacity={"aws.amazon.com/neuron": "2"},
    )
    nodes_cluster.nodes.add(spec)
    try:
        node = nodes_cluster.api.get("/api/v1/nodes/extra")
        assert node
        assert {"key": "dedicated", "value": "extra", "effect": "NoSchedule"} in node["spec"]["taints"]
        status = node["status"]
        assert status["allocatable"]["aws.amazon.com/neuron"] == "2"
        assert status["allocatable"]["cpu"] != status["capacity"]["cpu"]
    finally:
        nodes_cluster.nodes.remove("extra")
    assert nodes_cluster.api.get("/api/v1/nodes/extra") is None
    assert "extra" not in [node.name for node in nodes_cluster.nodes]


def test_a_killed_node_is_noticed_and_comes_back(nodes_cluster: Cluster) -> None:
    nodes_cluster.nodes.add(NodeSpec("doomed"))
    node = nodes_cluster.nodes["doomed"]
    try:
        nodes_cluster.nodes.kill("doomed")
        wait_until("the node to be called not ready", lambda: not node.is_ready(), seconds=40, every=0.5)
        nodes_cluster.nodes.restart("doomed")
        assert node.is_ready()
    finally:
        nodes_cluster.nodes.remove("doomed")


def test_a_node_set_may_be_a_name_or_a_file(tmp_path: Path) -> None:
    assert [node.name for node in node_set("demo")] == ["general", "pool-a", "pool-b"]
    assert [node.name for node in node_set("general,pool-a")] == ["general", "pool-a"]
    described = tmp_path / "nodes.yaml"
    described.write_text("- {name: big, labels: {size: big}, max_pods: 20}\n")
    assert node_set(str(described)) == [NodeSpec("big", labels={"size": "big"}, max_pods=20)]
    described.write_text("- {name: big, colour: red}\n")
    with pytest.raises(ClusterError, match="not colour"):
        node_set(str(described))
    with pytest.raises(ClusterError, match="no node set is called nonsense"):
        node_set("nonsense")
