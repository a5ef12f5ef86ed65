"""vLLM as users run it, a Deployment of their own: one object of ten lines, and what 1,000 good requests cost on it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from cluster import images
from cluster.cluster import Cluster
from cluster.node_spec import PRESETS
from demo.installation import provide_llama
from e2e.ground import GENERAL, ROOT, Ground
from e2e.tenant import Tenant
from steelyard.cli.main import main
from text.ground import LEAST, START_SECONDS

pytestmark = [pytest.mark.nodes, pytest.mark.long]

ENVIRONMENT = {
    "HOME": "/tmp",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
    "OMP_NUM_THREADS": "1",
    "VLLM_NO_USAGE_STATS": "1",
}
"""On a node that others use too."""
MAKES = "import sys; sys.path.insert(0, '/source'); import tiny_llama, pathlib; tiny_llama.write(pathlib.Path('/model/llama'))"
ASKS = """
import json, sys, time, urllib.request
body = json.dumps({"model": "chat", "prompt": "how much does one good answer cost", "max_tokens": 8}).encode()
while True:
    asked = urllib.request.Request("http://chat/v1/completions", body, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(asked, timeout=60) as answer:
            print(json.dumps({"status": answer.status}), flush=True)
    except OSError as error:
        print(json.dumps({"status": 0, "error": str(error)}), flush=True)
    time.sleep(0.5)
"""


@pytest.fixture(scope="module")
def tenant(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tenant]:
    """A cluster with vLLM's image, Steelyard by its chart with nothing but its image set, and a pool with a price."""
    operator, vllm, serve = images.build_all(("operator", "runtime-vllm", "runtime-serve"))
    with Cluster.start("existing", PRESETS["demo"], images=[operator, vllm, serve]) as cluster:
        uri, digest = provide_llama(cluster)
        ground = Ground(cluster, operator, serve, vllm, uri, digest)
        ground.install_bare()
        with Tenant(ground, tmp_path_factory.mktemp("tenant")) as tenant:
            tenant.pool("text", "pool-a", "vllm", "0.40", resources={"cpu": "700m", "memory": "5Gi"})
            cluster.apply(yaml.safe_dump_all(objects(tenant, vllm.reference, serve.reference)))
            yield tenant


def objects(tenant: Tenant, vllm: str, serve: str) -> list[dict[str, Any]]:
    """A server of somebody's own with its model, its Service, and a client."""
    within = {"namespace": tenant.namespace}
    source = (ROOT / "tests" / "tiny_llama.py").read_text()
    mounts = [
        {"name": "model", "mountPath": "/model"},
        {"name": "source", "mountPath": "/source"},
        {"name": "scratch", "mountPath": "/tmp"},
        {"name": "shm", "mountPath": "/dev/shm"},
    ]
    common = {
        "image": vllm,
        "imagePullPolicy": "Never",
        "volumeMounts": mounts,
        "env": [{"name": name, "value": value} for name, value in ENVIRONMENT.items()],
    }
    serves = [
        "-m",
        "vllm.entrypoints.openai.api_server",
        "--model",
        "/model/llama",
        "--served-model-name",
        "chat",
        "--dtype",
        "float32",
        "--enforce-eager",
        "--max-model-len",
        "512",
    ]
    asked = {"requests": {"cpu": "700m", "memory": "5Gi"}, "limits": {"memory": "5Gi"}}
    server = {
        **common, "name": "vllm", "command": ["python", *serves], "resources": asked,
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 5},
    }  # fmt: skip
    pod = {
        "nodeSelector": {"steelyard.dev/pool": "pool-a"},
        "initContainers": [{**common, "name": "model", "command": ["python", "-c", MAKES]}],
        "containers": [server],
        "volumes": [
            {"name": "model", "emptyDir": {}},
            {"name": "scratch", "emptyDir": {}},
            {"name": "shm", "emptyDir": {"medium": "Memory"}},
            {"name": "source", "configMap": {"name": "source"}},
        ],
    }
    asks = {"name": "asks", "image": serve, "imagePullPolicy": "Never", "command": ["python", "-c", ASKS]}
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "source", **within}, "data": {"tiny_llama.py": source}},
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "chat", **within},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "chat"}},
                "template": {"metadata": {"labels": {"app": "chat"}}, "spec": pod},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": "chat", **within},
            "spec": {"selector": {"app": "chat"}, "ports": [{"port": 80, "targetPort": 8000}]},
        },
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "asks", **within},
            "spec": {"nodeSelector": GENERAL, "restartPolicy": "Never", "containers": [asks]},
        },
    ]


def test_a_real_vllm_gets_its_cost_by_one_object_of_ten_lines(tenant: Tenant, capsys: pytest.CaptureFixture[str]) -> None:
    cluster, where = tenant.cluster, ["-n", tenant.namespace, "--kubeconfig", str(tenant.cluster.kubeconfig)]
    assert main(["observe", "deployment/chat", "--objective", "e2e=10s:95", "--profile", "vllm", *where]) == 0
    text = capsys.readouterr().out
    assert len(text.splitlines()) <= 10
    made = yaml.safe_load(text)
    tenant.apply_spec({**made["spec"], "rebalancing": {"windowSeconds": 10, "minGoodRequests": LEAST}})
    tenant.until("a cost of good requests", lambda: good(tenant) >= LEAST, START_SECONDS)
    place = tenant.placement(tenant.holds() or "")
    cost = place["unitCost"]
    assert float(cost["lower"]) <= float(cost["value"]) <= float(cost["upper"])
    assert tenant.condition("SLOMet").get("status") == "True"
    log = cluster.kubectl("logs", "asks", "--namespace", tenant.namespace)
    sent = [json.loads(line) for line in log.splitlines() if line.startswith("{")]
    answered = sum(1 for entry in sent if entry["status"] == 200)
    assert int(cost["n"]) <= answered
    assert tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels") == []
    (deployment,) = tenant.listed("apis/apps/v1", "deployments")
    assert deployment["metadata"]["generation"] == 1


def good(tenant: Tenant) -> int:
    """Requests behind the cost that status tells."""
    return int(tenant.placement(tenant.holds() or "").get("unitCost", {}).get("good", 0))


def test_the_server_is_its_owners_to_the_end(tenant: Tenant) -> None:
    tenant.cluster.kubectl("delete", "iwl", "--all", "--namespace", tenant.namespace)
    tenant.until("the workload to be gone", lambda: tenant.workload() == {}, 60)
    (deployment,) = tenant.listed("apis/apps/v1", "deployments")
    assert deployment["status"]["readyReplicas"] == 1
