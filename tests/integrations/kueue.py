"""Kueue's controller beside a cluster of the tests, as one process: its webhooks are called at this process's address.

Only what is counted here is in force: the webhooks of pods, Deployments and Kueue's own kinds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

import yaml

from cluster import binaries
from cluster.cluster import Cluster
from cluster.fulfil import fulfil
from cluster.waiting import wait_until
from patience import PATIENCE
from unit.docs.shown import ROOT, documents

Manifest = dict[str, Any]
NAMESPACE = "kueue-system"
WEBHOOKS, HEALTH, METRICS = 19443, 19081, 19444
NEEDED = frozenset(
    f"{kind}{of}.kb.io"
    for kind in "mv"
    for of in ("pod", "deployment", "workload", "clusterqueue", "localqueue", "resourceflavor", "cohort")
)
_PAGE = list(documents(ROOT / "docs/how-to/kueue.md"))
PODS: Manifest = next(each for each in _PAGE if "spec" in each and "pods" in each["spec"])["spec"]["pods"]
"""Of a workload, as the documentation shows it."""


def queues(pools: Mapping[str, str], namespace: str, tag: str) -> list[Manifest]:
    """What the documentation shows, with names of their own. pools: by its word for one."""
    made = []
    for shown in _PAGE:
        if "kueue.x-k8s.io" not in str(shown.get("apiVersion")):
            continue
        each = deepcopy(shown)
        if each["kind"] == "ResourceFlavor":
            pool = pools[each["metadata"]["name"]]
            each["metadata"]["name"] = pool
            each["spec"]["nodeLabels"] = {"steelyard.dev/pool": pool}
        if each["kind"] == "ClusterQueue":
            each["metadata"]["name"] += f"-{tag}"
            for flavor in each["spec"]["resourceGroups"][0]["flavors"]:
                flavor["name"] = pools[flavor["name"]]
        if each["kind"] == "LocalQueue":
            each["metadata"]["namespace"] = namespace
            each["spec"]["clusterQueue"] += f"-{tag}"
        made.append(each)
    return made


def set_quota(made: list[Manifest], pool: str, cpu: str) -> Manifest:
    """The ClusterQueue with another quota of processors for a pool."""
    queue = next(each for each in made if each["kind"] == "ClusterQueue")
    flavor = next(each for each in queue["spec"]["resourceGroups"][0]["flavors"] if each["name"] == pool)
    next(each for each in flavor["resources"] if each["name"] == "cpu")["nominalQuota"] = cpu
    return queue


def start(cluster: Cluster) -> None:
    """Install its kinds, start it, and wait until it says that it is ready and its webhooks are called."""
    fulfil(binaries.pieces(["kueue"]))
    program = binaries.paths(["kueue"])["kueue"]
    for path in sorted(program.parent.glob("kueue.x-k8s.io_*.yaml")):
        cluster.kubectl("apply", "--server-side", "-f", str(path))
    cluster.until_established("crd", "--all")
    cluster.api.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    address = cluster.identity.gateway
    served = cluster.control_plane.authority.issue("kueue-webhooks", "kueue", addresses=(f"IP:{address}", "IP:127.0.0.1"))
    folder = cluster.identity.folder / "kueue"
    folder.mkdir(exist_ok=True)
    for name, path in (("tls.crt", served.certificate), ("tls.key", served.key)):
        (folder / name).write_bytes(path.read_bytes())
    config = folder / "config.yaml"
    config.write_text(yaml.safe_dump(_configuration(address, str(folder))))
    kubeconfig = cluster.control_plane.identity_of("kueue", "kueue", "system:masters")
    # Where it looks for the certificate of its metrics cannot be told.
    etc = "mount -t tmpfs none /etc && mkdir -p /etc/kueue/metrics/certs"
    begun = f'{etc} && cp "{folder}"/tls.* /etc/kueue/metrics/certs && exec "{program}" --config="{config}" --kubeconfig="{kubeconfig}"'
    cluster.supervisor.start("kueue", "unshare", "--mount", "sh", "-ec", begun)
    for webhooks in yaml.safe_load_all((program.parent / "manifests.yaml").read_text()):
        _apply_webhooks(cluster, webhooks, f"https://{address}:{WEBHOOKS}")
    probe = {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": "ResourceFlavor", "metadata": {"name": "is-it-called"}}

    def called() -> bool:
        path = "/apis/kueue.x-k8s.io/v1beta2/resourceflavors?dryRun=All"
        status, _ = cluster.api.request("POST", path, probe)
        return status == 201

    logs = [cluster.supervisor.log("kueue")]
    wait_until("Kueue's webhooks to answer", called, seconds=PATIENCE, logs=logs, check=cluster.supervisor.check)


def _configuration(address: str, certificates: str) -> Manifest:
    return {
        "apiVersion": "config.kueue.x-k8s.io/v1beta2",
        "kind": "Configuration",
        "namespace": NAMESPACE,
        "health": {"healthProbeBindAddress": f"127.0.0.1:{HEALTH}"},
        "metrics": {"bindAddress": f"127.0.0.1:{METRICS}"},
        "webhook": {"host": address, "port": WEBHOOKS, "certDir": certificates},
        "leaderElection": {"leaderElect": False},
        "internalCertManagement": {"enable": False},
        "integrations": {"frameworks": ["pod", "deployment"]},
        # An aggregated API, which nothing here asks.
        "featureGates": {"VisibilityOnDemand": False},
    }


def _apply_webhooks(cluster: Cluster, shown: Manifest, url: str) -> None:
    """Those that are needed, at that address. Kueue's own namespace and kube-system are left out, as its chart does."""
    authority = base64.b64encode(cluster.authority.read_bytes()).decode()
    webhooks = []
    for each in shown["webhooks"]:
        if each["name"] not in NEEDED:
            continue
        path = each["clientConfig"]["service"]["path"]
        selector = {"matchExpressions": [{"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": ["kube-system", NAMESPACE]}]}
        webhooks.append({**each, "clientConfig": {"url": url + path, "caBundle": authority}, "namespaceSelector": selector})
    made = {**shown, "metadata": {"name": f"kueue-{shown['metadata']['name']}"}, "webhooks": webhooks}
    cluster.apply(yaml.safe_dump(made))
