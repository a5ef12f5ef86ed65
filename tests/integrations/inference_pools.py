"""The Gateway API Inference Extension in a cluster of the tests: its definitions, a gateway's controller that is played, and its endpoint picker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

from cluster import binaries
from cluster.cluster import Cluster
from cluster.fulfil import fulfil
from cluster.waiting import wait_until
from patience import PATIENCE
from unit.docs.shown import ROOT, documents

Manifest = dict[str, Any]
ROUTES, POOLS = "/apis/gateway.networking.k8s.io/v1", "/apis/inference.networking.k8s.io/v1"
_PAGE = list(documents(ROOT / "docs/how-to/gateway.md"))
TRAFFIC: Manifest = next(each for each in _PAGE if "inferencePools" in each.get("spec", {}).get("traffic", {}))["spec"]["traffic"]
"""As the documentation shows it."""
CONTROLLER = "example.com/gateway"
GRPC, HEALTH, METRICS = 19102, 19103, 19190


def definitions(cluster: Cluster) -> None:
    """InferencePool, as its own module defines it."""
    fulfil(binaries.pieces(["endpoint-picker"]))
    folder = binaries.paths(["endpoint-picker"])["epp"].parent
    for path in sorted(folder.glob("inference.networking.k8s.io_*.yaml")):
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(path))
    cluster.until_established("crd", "--all")
    # Established is a little before served, and an operator that finds a kind missing ends once it comes.
    kinds = (f"{POOLS}/inferencepools", f"{ROUTES}/httproutes")
    wait_until("the kinds to be served", lambda: all(cluster.api.get(kind) is not None for kind in kinds), seconds=PATIENCE)


def say(cluster: Cluster, path: str, **conditions: str) -> None:
    """Of the route or the InferencePool at the path, each gateway of the documentation says this."""
    found = cluster.api.get(path)
    assert found is not None, path
    told = [
        {
            "type": kind,
            "status": status,
            "reason": kind if status == "True" else "Refused",
            "message": "",
            "observedGeneration": found["metadata"]["generation"],
            "lastTransitionTime": "2026-01-01T00:00:00Z",
        }
        for kind, status in conditions.items()
    ]
    parents = [{"parentRef": ref, "controllerName": CONTROLLER, "conditions": told} for ref in TRAFFIC["parentRefs"]]
    cluster.api.patch(f"{path}/status", {"status": {"parents": parents}})


@contextmanager
def picker(cluster: Cluster, namespace: str, pool: str) -> Iterator[Callable[[], int | None]]:
    """The extension's endpoint picker for an InferencePool, as a process. How many pods it says to choose among; None while it does not say."""
    program = binaries.paths(["endpoint-picker"])["epp"]
    kubeconfig = cluster.control_plane.identity_of(f"picker-{pool}", "picker", "system:masters")
    cluster.supervisor.start(
        f"picker-{pool}",
        program,
        f"--pool-name={pool}",
        f"--pool-namespace={namespace}",
        f"--grpc-port={GRPC}",
        f"--grpc-health-port={HEALTH}",
        f"--metrics-port={METRICS}",
        "--metrics-endpoint-auth=false",
        "--secure-serving=false",
        "--tracing=false",
        "--enable-pprof=false",
        env={"KUBECONFIG": str(kubeconfig)},
    )

    def found() -> int | None:
        try:
            with urlopen(f"http://{cluster.identity.gateway}:{METRICS}/metrics", timeout=5) as page:
                lines = page.read().decode().splitlines()
        except OSError:
            return None
        return sum(line.startswith("inference_pool_per_pod_queue_size{") and f'name="{pool}"' in line for line in lines)

    try:
        yield found
    finally:
        cluster.supervisor.stop(f"picker-{pool}")
