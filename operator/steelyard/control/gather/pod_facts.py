"""A serving pod as observe wants it: address, life time, and what an hour of it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from steelyard.api.quantity import GIB, number
from steelyard.control.gather.pool_facts import INSTANCE_TYPE
from steelyard.control.gather.running import asked_together
from steelyard.control.gather.workload_facts import moment, pod_ready, server_status
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.economics.attribution import share
from steelyard.core.economics.device_part import device_part
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import Pool, Shape
from steelyard.core.facts.window import Crash
from steelyard.render import label
from steelyard.render.deployment import METRICS_PORT


def pod_facts(pod: Manifest, pool: Pool | None, node: Manifest | None, page: ServerPage | None = None) -> PodFacts:
    """One serving pod, or one of a probe. `pool` None: it was deleted; `node` None: not bound, or the node is not seen. page: of a program of the
    user's own, of which one process need not be all, so that its CPU time is not taken for its busy time."""
    labels, namespace = manifests.labels(pod), manifests.namespace(pod) or ""
    key = label.key_of(labels)
    probes = labels.get(label.ROLE) == label.PROBE
    facts = replace(
        served_pod(pod, pool, node, WorkloadKey(namespace, labels[label.WORKLOAD]), key),
        probes=probes,
        tries=probes and label.TRIAL in labels,
    )
    if page is not None:
        service = "" if probes else _service(pod)
        # What no gateway sends requests to is read by its page.
        page = replace(page, port=_metrics_port(pod) or page.port, at_gateway=page.at_gateway and service != "")
        return replace(facts, page=page, service=service)
    on_cpu = pool is not None and pool.resource_name is None and facts.resources.cpu > 0
    return replace(facts, cpu_limit=facts.resources.cpu if on_cpu else None)


def _service(pod: Manifest) -> str:
    """Of its placement: it has the Deployment's name, and so begins that of the ReplicaSet. Empty of a pod that no ReplicaSet made."""
    owners = manifests.metadata(pod).get("ownerReferences") or ()
    made_by = next((str(owner.get("name", "")) for owner in owners if owner.get("controller") and owner.get("kind") == "ReplicaSet"), "")
    return made_by.removesuffix(f"-{manifests.labels(pod).get('pod-template-hash', '')}")


def _metrics_port(pod: Manifest) -> int | None:
    """Where this pod has its page: one of an earlier revision may have it elsewhere than the spec says now."""
    ports = {p.get("name"): p.get("containerPort") for c in (pod.get("spec") or {}).get("containers") or () for p in c.get("ports") or ()}
    return ports.get("metrics") or ports.get("http")


def served_pod(pod: Manifest, pool: Pool | None, node: Manifest | None, workload: WorkloadKey, placement: PlacementKey) -> PodFacts:
    """A pod of a placement, whoever made it. Nothing is taken for its busy time: what it may use is not said by what it asks for."""
    meta, status = manifests.metadata(pod), pod.get("status") or {}
    server = server_status(pod)
    ended = (server.get("state") or {}).get("terminated") or {}
    bound = next(
        (
            c.get("lastTransitionTime")
            for c in status.get("conditions") or ()
            if c.get("type") == "PodScheduled" and c.get("status") == "True"
        ),
        None,
    )
    created = moment(bound) or moment(meta["creationTimestamp"])
    assert created is not None
    shape = _shape(pool, node)
    asked = resources_of(asked_together(pod.get("spec") or {}), pool, node, shape)
    return PodFacts(
        uid=manifests.uid(pod),
        name=manifests.name(pod),
        namespace=manifests.namespace(pod) or "",
        workload=workload,
        placement=placement,
        address=status.get("podIP"),
        metrics_port=METRICS_PORT,
        ready=pod_ready(pod),
        created=created,
        started=moment(((server.get("state") or {}).get("running") or {}).get("startedAt") or ended.get("startedAt")),
        deleting=manifests.is_leaving(pod),
        ended=_ended(pod, ended, created),
        termination_message=ended.get("message") or ((server.get("lastState") or {}).get("terminated") or {}).get("message"),
        cost_per_hour=_cost_per_hour(pod, asked, shape),
        cpu_limit=None,
        phase=status.get("phase", "Pending"),
        node=manifests.node_name(pod),
        resources=asked,
        crash=_crash(pod, server),
    )


def _ended(pod: Manifest, terminated: Mapping[str, Any], bound: datetime) -> datetime | None:
    """When it ended for good; None while it may go on. One that the kubelet rejected has no container that could tell: it ended with the last
    of its conditions, and where these tell no time, when it came to the node."""
    status = pod.get("status") or {}
    over = status.get("phase") in {"Succeeded", "Failed"}
    if terminated and (over or manifests.is_leaving(pod)):
        return moment(terminated.get("finishedAt"))
    if not over:
        return None
    return max((at for c in status.get("conditions") or () if (at := moment(c.get("lastTransitionTime"))) is not None), default=bound)


def _crash(pod: Manifest, server: Mapping[str, Any]) -> Crash | None:
    states = ((server.get(which) or {}).get("terminated") or {} for which in ("state", "lastState"))
    at = next((finished for state in states if (finished := moment(state.get("finishedAt"))) is not None), None)
    if at is None or manifests.is_leaving(pod):
        return None
    conditions = (pod.get("status") or {}).get("conditions") or ()
    since = next((moment(c.get("lastTransitionTime")) for c in conditions if c.get("type") == "Ready" and c.get("status") == "True"), None)
    # Ready since before the crash: it was back before anybody wrote that it was not.
    return Crash(at, None if since is None else max(since, at))


def _shape(pool: Pool | None, node: Manifest | None) -> Shape | None:
    if pool is None or node is None:
        return None
    kind = manifests.labels(node).get(INSTANCE_TYPE)
    return next((s for s in pool.shapes if s.instance_type == kind), None)


def resources_of(asked: Mapping[str, float], pool: Pool | None, node: Manifest | None, shape: Shape | None) -> Resources:
    """What was asked for (`asked_together`); devices as the shape counts them, where the node hands out parts of devices."""
    resource = pool.resource_name if pool is not None else None
    devices = asked.get(resource, 0.0) if resource else 0.0
    if resource and node is not None and shape is not None:
        # Capacity, not allocatable: a device that is broken is paid for too.
        status = node.get("status") or {}
        offered = {name: number(each) for name, each in (status.get("capacity") or status.get("allocatable") or {}).items() if "/" in name}
        devices = device_part(resource, devices, offered, shape.resources.devices)
    return Resources(asked.get("cpu", 0.0), asked.get("memory", 0.0) / GIB, devices)


def _cost_per_hour(pod: Manifest, asked: Resources, shape: Shape | None) -> float | None:
    """Its requested share of its node's price (basis Share). A pod without a node costs nothing yet; what is unknown stays unknown."""
    if manifests.node_name(pod) is None:
        return 0.0
    if shape is None or shape.price is None:
        return None
    return shape.price.per_hour * share(asked, shape.resources)
