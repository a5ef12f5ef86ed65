"""What the replicas of a Deployment keep of a pool's nodes from others."""

from __future__ import annotations

from collections.abc import Mapping

from steelyard.api.quantity import gibibytes, number
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.economics.node_reserve import for_replicas
from steelyard.core.economics.replica_price import dominant_share, replica_price
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool
from steelyard.render import label


def node_part(deployment: Manifest, pools: Mapping[str, Pool]) -> float:
    """Nodes of the shape by which such a replica is priced that its wanted replicas take; of the first where it fits on none. 0 for one of no pool,
    or of a pool without a shape."""
    pool = pools.get(manifests.labels(deployment).get(label.POOL, ""))
    if pool is None or not pool.shapes:
        return 0.0
    spec = deployment.get("spec") or {}
    containers = ((spec.get("template") or {}).get("spec") or {}).get("containers") or ()
    asked = [(c.get("resources") or {}).get("requests") or {} for c in containers]
    replica = Resources(
        cpu=sum(number(each.get("cpu", 0)) for each in asked),
        memory_gib=sum(gibibytes(each.get("memory", 0)) for each in asked),
        devices=sum(number(each.get(pool.resource_name, 0)) for each in asked) if pool.resource_name else 0.0,
    )
    priced = replica_price(pool, replica)
    return int(spec.get("replicas", 0)) * dominant_share(replica, for_replicas(priced.shape if priced else pool.shapes[0]))
