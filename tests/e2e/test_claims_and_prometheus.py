"""Artifacts and model on claims that many pods share, and readings through a Prometheus: an installation without S3 and without scrapes."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

import minilm
from e2e.ground import Ground
from e2e.tenant import Tenant

pytestmark = pytest.mark.nodes

RUNTIME_USER = 65532
RATE = 4.0
SCRAPES = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
- job_name: replicas
  kubernetes_sd_configs: [{role: pod}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_label_steelyard_dev_role], regex: serving, action: keep}
  - {source_labels: [__meta_kubernetes_pod_container_port_name], regex: metrics, action: keep}
  - {source_labels: [__meta_kubernetes_namespace], target_label: namespace}
  - {source_labels: [__meta_kubernetes_pod_name], target_label: pod}
"""


def shared_volume(ground: Ground, namespace: str, claim: str, folder: Path) -> None:
    """A ReadWriteMany claim on a folder: every node of this cluster sees the same files."""
    called = f"{claim}-{namespace}"
    access = {"accessModes": ["ReadWriteMany"], "storageClassName": ""}
    volume = {**access, "capacity": {"storage": "1Gi"}, "hostPath": {"path": str(folder), "type": "Directory"}}
    wanted = {**access, "volumeName": called, "resources": {"requests": {"storage": "1Gi"}}}
    manifests = [
        {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": called}, "spec": volume},
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": claim, "namespace": namespace}, "spec": wanted},
    ]
    ground.cluster.apply(yaml.safe_dump_all(manifests))


@pytest.fixture(scope="module")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder behind the artifacts' claim. A volume on a folder takes no group from the pod, so the folder is the runtime's."""
    folder = tmp_path_factory.mktemp("artifacts")
    folder.chmod(0o755)
    shutil.chown(folder, RUNTIME_USER, RUNTIME_USER)
    return folder


@pytest.fixture(scope="module")
def tenant(ground: Ground, a_tenant: Callable[[], Tenant], artifacts: Path, beside_the_rest: None) -> Iterator[Tenant]:
    """One that compiles for itself and has no other source of readings than Prometheus."""
    with a_tenant() as made:
        shared_volume(ground, made.namespace, "artifacts", artifacts)
        shared_volume(ground, made.namespace, "models", minilm.fetch().parent)
        url = ground.cluster.prometheus(SCRAPES)
        made.pool("claimed", "pool-a", "openvino", "0.40")
        made.start_operator(
            store={"uri": "pvc://artifacts/steelyard"},
            observe={"source": "Prometheus", "prometheusUrl": url, "intervalSeconds": 1, "timeoutSeconds": 1},
        )
        made.apply(model={"uri": f"pvc://models/{minilm.fetch().name}"}, mode="Observe", most=1)
        yield made
        made.cluster.kubectl("delete", "persistentvolume", f"artifacts-{made.namespace}", f"models-{made.namespace}", "--wait=false")


def test_a_model_on_a_claim_is_compiled_to_a_claim_and_served_from_it(ground: Ground, tenant: Tenant, artifacts: Path) -> None:
    tenant.until_serving()
    (compiled,) = tenant.listed("apis/steelyard.dev/v1alpha1", "compiledmodels")
    assert compiled["status"]["artifact"]["uri"].startswith("file://")
    uid = (ground.cluster.api.get(f"/api/v1/namespaces/{tenant.namespace}") or {})["metadata"]["uid"]
    assert list((artifacts / "steelyard" / uid).glob("*/manifest.json")), "it lies in the namespace's own part of the claim"
    (pod,) = tenant.serving()
    mounts = {m["name"]: m for m in pod["spec"]["containers"][0]["volumeMounts"]}
    assert mounts["store"]["readOnly"]
    assert "secretKeyRef" not in str(pod["spec"]), "no credentials of an object store"


def test_with_prometheus_as_the_source_the_workload_is_observed_and_gets_a_unit_cost(tenant: Tenant) -> None:
    tenant.until_serving()
    (pool,) = tenant.pools()
    with tenant.client(RATE) as client:
        tenant.until("a unit cost", lambda: tenant.placement(pool).get("unitCost", {}).get("good", 0) >= 60, 120)
        observed = tenant.condition("Observed")
        assert (observed["status"], observed["reason"]) == ("True", "Observed")
        assert client.failed() == []
    cost = tenant.placement(pool)["unitCost"]
    assert float(cost["lower"]) <= float(cost["value"]) <= float(cost["upper"])
    assert 'source="prometheus"' in tenant.operator.metrics()
