"""What pods that no watch of ours brings ask for on the nodes of pools: those of others, and agents of the nodes.

They are looked at now and then, by a list of all running pods, page by page, of which no more is kept than what is asked for on each node. A watch of
every pod of the cluster would cost memory and processor time in proportion to what others run, and reports can be minutes old.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Set
from functools import partial
from types import MappingProxyType
from typing import TypeAlias

from steelyard.control.gather.device_claims import NOTHING, Held, claimed
from steelyard.control.gather.running import CLAIMED, asked_together
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import PODS
from steelyard.core.economics.ledger import Component
from steelyard.render import label

LOOK_SECONDS = 300.0
"""Between two looks."""
PAGE = 100
"""Pods of one answer: each may be more than a megabyte of its owner's making."""
Others: TypeAlias = Mapping[Component, Mapping[str, float]]
"""By what their cost is, what they ask for (`asked_together`), and what they hold by ResourceClaims."""
NOBODY: Others = MappingProxyType({})


class OtherPods:
    """As they were at the last look."""

    def __init__(self, client: Lister) -> None:
        self._client = client
        self._on: dict[str, Others] = {}
        self.seen = False
        """Whether anybody was looked at yet."""

    def on(self, node: str) -> Others:
        """The same object until another look finds something else there."""
        return self._on.get(node, NOBODY)

    async def look(self, nodes: Set[str], is_ours: Callable[[Manifest], bool]) -> None:
        """Look at what stands on these nodes. is_ours: whether a pod is one of ours, whatever it says of itself. Raises ApiError."""
        by_claims = await claimed(self._client)
        keep = partial(_told, nodes=nodes, is_ours=is_ours, by_claims=by_claims)
        listing = await self._client.list(PODS, field_selector="status.phase=Running", page_size=PAGE, keep=keep)
        found = _by_node(listing.items)
        self._on = {node: known if (known := self._on.get(node)) == now else now for node, now in found.items()}
        self.seen = True


def _by_node(told: Iterable[Manifest]) -> dict[str, Others]:
    sums: dict[str, dict[Component, dict[str, float]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(float)))
    for pod in told:
        for name, units in pod.get("asked", {}).items():
            sums[pod["node"]][pod["component"]][name] += units
    return {node: {component: dict(asked) for component, asked in each.items()} for node, each in sums.items()}


def _told(pod: Manifest, nodes: Set[str], is_ours: Callable[[Manifest], bool], by_claims: Mapping[str, Held]) -> Manifest:
    """Empty for a pod that is elsewhere, is counted as a workload's own, or cannot be read: what one says is that one's alone."""
    try:
        node = manifests.node_name(pod)
        if node not in nodes:
            return {}
        ours = is_ours(pod)
        if ours and label.COMPILED_MODEL not in manifests.labels(pod):
            return {}
        component = Component.SHARED if ours or _is_agent(pod) else Component.OTHERS
        spec = {**(pod.get("spec") or {}), CLAIMED: by_claims.get(manifests.uid(pod), NOTHING).devices}
        return {"node": node, "component": component, "asked": asked_together(spec)}
    except Exception:
        return {}


def _is_agent(pod: Manifest) -> bool:
    """Whether it is there because the node is: of a DaemonSet, or a static pod, which its node owns."""
    owners = manifests.metadata(pod).get("ownerReferences") or ()
    return any(owner.get("controller") and owner.get("kind") in {"DaemonSet", "Node"} for owner in owners)
