"""AcceleratorPools and nodes as the core sees them."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from steelyard.api.accelerator import CPU_FAMILY
from steelyard.api.accelerator_pool import AcceleratorPool
from steelyard.api.capacity import CapacityType, ProvisionerType
from steelyard.api.placement import LabelSelector
from steelyard.api.quantity import gibibytes, number
from steelyard.control.gather.provisioning import Found, asking, supply_of
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.capacity_request import Ask
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.facts.resources import CompileResources, Resources
from steelyard.core.facts.snapshot import Exhaustion, Pool, Shape, TooManyUnready, Unnamed
from steelyard.core.vocabulary import architecture
from steelyard.status.scalar import time_of

REGISTERING = timedelta(minutes=1)
"""A node's first condition comes with it. One that becomes ready so soon and is lost within the same minute is taken for one that starts."""
INSTANCE_TYPE = "node.kubernetes.io/instance-type"


ALWAYS_READ = frozenset({INSTANCE_TYPE, architecture.LABEL})
"""Labels of nodes; beside them those that selectors name."""


@dataclass(frozen=True, slots=True)
class NodeView:
    """What pools ask of a node. Kubelets, feature discovery and autoscalers write much more of it, and all the time."""

    labels: Mapping[str, str]
    ready: bool
    starting: bool
    offered: Mapping[str, str] = field(default_factory=dict)
    """Resources that it hands out."""
    size: Resources = field(default=Resources(0.0, 0.0))
    """CPU and memory of the whole node."""
    pods: int | None = None
    """That it takes."""


def node_view(node: Manifest, read: Container[str]) -> NodeView:
    """The view of one node; `read`: the labels that any pool reads."""
    ready = is_ready(node)
    labels = {key: value for key, value in manifests.labels(node).items() if key in read}
    status = node.get("status") or {}
    offered = status.get("allocatable") or {}
    whole = status.get("capacity") or offered
    return NodeView(
        labels=labels,
        ready=ready,
        starting=not ready and _starting(node),
        offered=offered,
        size=Resources(number(whole.get("cpu", 0)), gibibytes(whole.get("memory", 0))),
        pods=int(number(offered["pods"])) if "pods" in offered else None,
    )


def pool_of(
    parsed: AcceleratorPool,
    raw: Manifest,
    nodes: Iterable[NodeView],
    found: Found = None,
    *,
    can_ask: bool = False,
    unsupported: str = "",
    device_memory: float | None = None,
) -> Pool:
    """One pool with its nodes counted. `selected` is set for each workload by `selects`; `can_ask`: whether ProvisioningRequests are
    served, and may be made; `unsupported` is the catalogue's word, and `device_memory` its GiB of one device."""
    spec = parsed.spec
    mine = [n for n in nodes if matches(n.labels, spec.node_labels)]
    shapes = tuple(_standing(_shape(s.to_raw()), mine) for s in spec.shapes)
    own = tuple(_toleration(t.to_raw()) for t in spec.nodes.tolerations)
    supply = supply_of(spec, shapes, len(mine), own, found)
    status = raw.get("status") or {}
    return Pool(
        name=manifests.name(raw),
        family=str(spec.accelerator.family),
        accelerator=spec.accelerator.model,
        architecture=_architecture(parsed, mine),
        unsupported=unsupported,
        device_memory=device_memory if spec.accelerator.memory_gib is None else float(spec.accelerator.memory_gib),
        resource_name=spec.accelerator.resource_name,
        backends=tuple(str(b.name) for b in spec.backends),
        targets={str(b.name): b.target for b in spec.backends if b.target is not None},
        node_selector=spec.node_labels,
        tolerations=(*own, *(_toleration(t) for t in supply.tolerations)),
        scheduler=spec.nodes.scheduler_name,
        runtime_class=spec.nodes.runtime_class_name,
        shapes=shapes,
        unnamed=_unnamed(mine, {s.instance_type for s in spec.shapes}, spec.accelerator.resource_name),
        spot=spec.capacity.type == CapacityType.SPOT,
        reserved=spec.capacity.type == CapacityType.RESERVED,
        max_nodes=supply.most,
        provisioned=spec.provisioner.type != ProvisionerType.NONE,
        provisioning=asking(supply.told, spec.provisioner, can_ask=can_ask),
        ask=Ask(spec.provisioner.ask) if can_ask and spec.provisioner.ask is not None else None,
        node_group=spec.provisioner.node_group,
        publishes=spec.provisioner.publish,
        claims=tuple(claim_of(c.to_raw()) for c in spec.claims),
        nodes=len(mine),
        unready_nodes=sum(1 for n in mine if not n.ready),
        starting_nodes=sum(1 for n in mine if n.starting),
        exhaustion=_exhaustion(status.get("exhausted")),
        too_many_unready=_too_many_unready(status.get("unreadyNodes")),
        default_resources=resources_of(spec.resources.to_raw()) if spec.resources else None,
    )


def _architecture(parsed: AcceleratorPool, nodes: Sequence[NodeView]) -> str | None:
    """Of a CPU pool's processors: what its selector asks for, else what all of its nodes are, else what its model says."""
    spec = parsed.spec
    if spec.accelerator.family != CPU_FAMILY:
        return None
    there = {node.labels.get(architecture.LABEL) for node in nodes}
    alike = there.pop() if len(there) == 1 else None
    return spec.nodes.selector.get(architecture.LABEL) or alike or architecture.of_model(spec.accelerator.model)


def selects(selector: LabelSelector | None, labels: Mapping[str, str]) -> bool:
    """Kubernetes' label selector; none selects every pool."""
    if selector is None:
        return True
    raw = selector.to_raw()
    if any(labels.get(k) != v for k, v in (raw.get("matchLabels") or {}).items()):
        return False
    return all(_expression(e, labels) for e in raw.get("matchExpressions") or ())


def with_selection(pool: Pool, *, selected: bool) -> Pool:
    """The pool as one workload sees it."""
    return pool if pool.selected == selected else replace(pool, selected=selected)


def resources_of(raw: Mapping[str, Any]) -> Resources:
    """A `resources` block: cpu, memory and devices."""
    return Resources(cpu=number(raw["cpu"]), memory_gib=gibibytes(raw["memory"]), devices=float(raw.get("devices", 0)))


def compile_resources_of(raw: Mapping[str, Any]) -> CompileResources:
    """Those of a compile: cpu, memory, and disk where it is said."""
    disk = raw.get("disk")
    return CompileResources(cpu=number(raw["cpu"]), memory_gib=gibibytes(raw["memory"]), disk_gib=None if disk is None else gibibytes(disk))


def is_ready(node: Manifest) -> bool:
    """Whether the node's Ready condition is True; without one it cannot be told, and is not ready."""
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in (node.get("status") or {}).get("conditions") or ())


def readiness_since(node: Manifest) -> datetime | None:
    """When it last became ready, or ceased to be; None where it does not say. An exception where what it says is no time."""
    since = (_readiness(node) or {}).get("lastTransitionTime")
    return time_of(since) if since else None


def _readiness(node: Manifest) -> Manifest | None:
    return next((c for c in (node.get("status") or {}).get("conditions") or () if c.get("type") == "Ready"), None)


def _starting(node: Manifest) -> bool:
    """Whether it has never been ready: its Ready condition says so since it registered, or there is none yet. A pool that grows has many."""
    made, since = manifests.metadata(node).get("creationTimestamp"), readiness_since(node)
    return _readiness(node) is None or (made is not None and since is not None and since - time_of(made) < REGISTERING)


def matches(labels: Mapping[str, str], selector: Mapping[str, str]) -> bool:
    """Whether a node with these labels is one of a pool with this selector."""
    return bool(selector) and all(labels.get(k) == v for k, v in selector.items())


def _expression(raw: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = raw["key"], raw.get("values") or []
    match raw["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels


def _toleration(raw: Mapping[str, Any]) -> dict[str, str]:
    return {k: str(v) for k, v in sorted(raw.items())}


def _shape(raw: Mapping[str, Any]) -> Shape:
    price = None
    if raw.get("pricePerHour") is not None and raw.get("priceClass") is not None:
        price = Price(float(raw["pricePerHour"]), PriceClass(raw["priceClass"]), _date(raw.get("asOf")))
    return Shape(instance_type=raw["instanceType"], resources=resources_of(raw), price=price)


def _standing(shape: Shape, nodes: Sequence[NodeView]) -> Shape:
    """With the nodes that are of this type, and the fewest pods that one of them takes."""
    here = [n for n in nodes if n.labels.get(INSTANCE_TYPE) == shape.instance_type]
    return replace(shape, standing=len(here), pods=min((n.pods for n in here if n.pods is not None), default=None)) if here else shape


def _unnamed(nodes: Sequence[NodeView], named: Container[str], resource_name: str | None) -> tuple[Unnamed, ...]:
    """A node that tells no type is none of these: what it costs is as unknown, and there is no line to add."""
    found: dict[str, list[NodeView]] = {}
    for node in nodes:
        kind = node.labels.get(INSTANCE_TYPE)
        if kind and kind not in named:
            found.setdefault(kind, []).append(node)
    return tuple(
        Unnamed(
            instance_type=kind,
            nodes=len(here),
            resources=replace(here[0].size, devices=number(here[0].offered.get(resource_name or "", 0))),
        )
        for kind, here in sorted(found.items())
    )


def _date(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(str(text)[:10]).replace(tzinfo=UTC)


def _exhaustion(raw: Mapping[str, Any] | None) -> Exhaustion | None:
    if not raw or not raw.get("until"):
        return None
    until = time_of(raw["until"])
    since = time_of(raw["since"]) if raw.get("since") else until
    return Exhaustion(since=since, until=until, failures=int(raw.get("failures", 1)), reason=str(raw.get("reason", "")))


def _too_many_unready(raw: Mapping[str, Any] | None) -> TooManyUnready | None:
    if not raw or not raw.get("startedTime"):
        return None
    ended = raw.get("endedTime")
    return TooManyUnready(started=time_of(raw["startedTime"]), ended=time_of(ended) if ended else None)


def claim_of(raw: Mapping[str, Any]) -> Claim:
    """Of a pool, or of a trial: one that says no model is of all."""
    return Claim(
        name=raw["name"],
        metric=ClaimMetric(raw["metric"]),
        model=raw.get("model", "*"),
        ratio=_float(raw.get("ratio")),
        relative_to=raw.get("relativeTo"),
        value=_float(raw.get("value")),
        unit=raw.get("unit"),
        source=raw.get("source", ""),
        stated=OperatingPoint(raw["at"]) if raw.get("at") else None,
    )


def _float(text: str | None) -> float | None:
    return None if text is None else float(text)
