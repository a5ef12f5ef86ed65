"""A node of a pool as the ledger sees it: what it costs, since when, and who is on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from steelyard.control.gather.other_pods import NOBODY, Others
from steelyard.control.gather.pod_facts import resources_of
from steelyard.control.gather.pool_facts import INSTANCE_TYPE, is_ready
from steelyard.control.gather.workload_facts import moment
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.economics.ledger import Account, Component, NodeFact, PodFact, component_of
from steelyard.core.economics.when_empty import when_empty
from steelyard.core.facts.identity import WorkloadKey, on_pool
from steelyard.core.facts.memory import Move
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Pool, Shape


def paid_node(
    node: Manifest,
    left: datetime | None,
    pools: Sequence[Pool],
    pods: Sequence[PodFacts],
    moves: Mapping[WorkloadKey, Move],
    others: Others = NOBODY,
) -> NodeFact | None:
    """None for a node of no pool, or of a pool without a shape for it: whose price nobody has said belongs to nobody's ledger. others: who is on it
    beside `pods`.

    Kubernetes knows when a node joined, not when its instance was launched: the minutes before are missing here, and the daily
    reconciliation with the bill names them.
    """
    labels = manifests.labels(node)
    pool = next((p for p in pools if p.node_selector and all(labels.get(k) == v for k, v in p.node_selector.items())), None)
    if pool is None:
        return None
    shape = next((s for s in pool.shapes if s.instance_type == labels.get(INSTANCE_TYPE)), None)
    joined = moment(manifests.metadata(node).get("creationTimestamp"))
    if shape is None or joined is None:
        return None
    name = manifests.name(node)
    here = tuple(_pod(p, pool.name, moves) for p in pods if p.node == name and on_pool(p.placement.pool) == pool.name)
    beside = tuple(_beside(component, asked, pool, node, shape, joined) for component, asked in sorted(others.items()))
    return NodeFact(
        uid=manifests.uid(node),
        pool=pool.name,
        allocatable=shape.resources,
        price=shape.price,
        launched=joined,
        ready=joined if is_ready(node) or here else None,
        terminated=left,
        pods=(*here, *beside),
        name=name,
        resource=str((node.get("spec") or {}).get("providerID") or name),
        instance_type=shape.instance_type,
        when_empty=when_empty(pool),
    )


def _pod(pod: PodFacts, pool: str, moves: Mapping[WorkloadKey, Move]) -> PodFact:
    probed = Component.TRIAL if pod.tries else Component.TRANSITION
    component = probed if pod.probes else component_of(pod.placement, moves.get(pod.workload))
    account = Account(f"{pod.workload.namespace}/{pod.workload.name}", pool, component)
    return PodFact(uid=pod.uid, account=account, resources=pod.resources, since=pod.created, until=pod.ended)


def _beside(component: Component, asked: Mapping[str, float], pool: Pool, node: Manifest, shape: Shape, since: datetime) -> PodFact:
    """All of a kind as one, and never more than the node has. since: when they came is not looked at; what is booked already stays as it is."""
    held, most = resources_of(asked, pool, node, shape), shape.resources
    resources = Resources(min(held.cpu, most.cpu), min(held.memory_gib, most.memory_gib), min(held.devices, most.devices))
    return PodFact(uid=f"{manifests.uid(node)}/{component}", account=Account("", pool.name, component), resources=resources, since=since)
