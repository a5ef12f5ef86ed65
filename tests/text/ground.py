"""A small Llama as a workload that vLLM prepares and serves on pools of CPU nodes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cluster import images
from cluster.cluster import Cluster
from cluster.node_spec import PRESETS
from demo.installation import SECRET, VLLM_PACKAGES, locked, provide_llama
from e2e.ground import GENERAL, ROOT, Ground
from e2e.tenant import Tenant

LEAST = 60
"""Good requests: what a cost has to rest on."""
START_SECONDS = 900
"""vLLM imports for a minute, and where two processors do everything else as well, for several."""
CPU, MEMORY = "700m", "5Gi"
TTFT, ITL = 2000, 500
"""Milliseconds."""
LIMITS = ("--ttft-ms", str(TTFT), "--itl-ms", str(ITL))
STREAMS = ("--generate", "8:24", *LIMITS)


@contextmanager
def text_tenant(folder: Path, prices: Mapping[str, str]) -> Iterator[Tenant]:
    """A cluster with vLLM's image, an operator that knows it, and a pool for each of these nodes, by the price of an hour of it. No workload yet."""
    vllm, serve = images.build_all(("runtime-vllm", "runtime-serve"))
    with Cluster.start("text", PRESETS["demo"], images=[vllm, serve]) as cluster:
        uri, digest = provide_llama(cluster)
        cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
        cluster.until_established()
        with Tenant(Ground(cluster, serve, serve, vllm, uri, digest), folder) as tenant:
            toolchain = {
                "serveImage": vllm.reference,
                "compileImage": vllm.reference,
                "target": "cpu/x86-64-v3",
                "versions": {package: locked(package) for package in VLLM_PACKAGES},
            }
            for node, price in prices.items():
                tenant.pool(node.replace("pool-", "on-"), node, "vllm", price, resources={"cpu": CPU, "memory": MEMORY})
            tenant.start_operator(toolchains={"vllm": toolchain}, compile={"nodeSelector": GENERAL, "memory": "6Gi"})
            yield tenant


def spec(tenant: Tenant, percent: str, most: int = 2) -> dict[str, Any]:
    """Of the workload: so many of its answers within both limits, by at most so many replicas."""
    promised = (("ttft", TTFT), ("itl", ITL))
    return {
        "model": {"uri": tenant.ground.model_uri, "digest": tenant.ground.model_digest, "secretName": SECRET, "task": "text-generation"},
        "server": {"vllm": {"maxModelLength": 512, "maxSequences": 16}},
        "compile": {"dtype": "float32"},
        "objective": {"latency": [{"metric": metric, "milliseconds": limit, "percent": percent} for metric, limit in promised]},
        "scaling": {"minReplicas": 1, "maxReplicas": most},
        "rebalancing": {"mode": "Observe", "windowSeconds": 10, "minGoodRequests": LEAST},
    }
