"""All servers that exist already, on the nodes that are seen: which pools these are, and what each workload sees of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeAlias

from steelyard.api.quantity import number
from steelyard.control.gather.existing_facts import Seen, devices_asked, pods_of, seen_of
from steelyard.control.gather.existing_objects import Looked
from steelyard.control.gather.pool_facts import INSTANCE_TYPE, matches, node_view
from steelyard.control.gather.unchanged import unchanged
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import NODES
from steelyard.control.kube.store import Store
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.made_pool import Offer, made_pool, pool_name
from steelyard.core.facts.existing import Existing, Found
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.pod import PodFacts
from steelyard.core.facts.snapshot import Pool, Workload
from steelyard.core.vocabulary.reason import Reason, Refusal

ReadExisting: TypeAlias = Callable[[WorkloadKey, Existing], Looked | None]
SPOT: Mapping[str, str] = {
    "karpenter.sh/capacity-type": "spot",
    "eks.amazonaws.com/capacityType": "SPOT",
    "cloud.google.com/gke-spot": "true",
    "kubernetes.azure.com/scalesetpriority": "spot",
}
"""Labels by which providers and provisioners tell nodes that may be taken away."""
_Object: TypeAlias = tuple[str, str, str]
"""Namespace, kind and name."""
_Of: TypeAlias = tuple[object, ...]
"""Objects that something was made of."""


class ExistingServers:
    """Reads the store and the last looks; never writes, never waits."""

    def __init__(self, store: Store, read: ReadExisting, reader: Reader, catalogue: Catalogue, currency: str) -> None:
        self._store = store
        self._read = read
        self._reader = reader
        self._catalogue = catalogue
        self._currency = currency
        self._first: Mapping[_Object, WorkloadKey] = {}
        self._made_of: _Of = ()
        self._nodes_then = -1
        self._made: dict[str, Pool] = {}
        self._known: dict[WorkloadKey, tuple[_Of, Seen]] = {}
        self._known_pods: dict[WorkloadKey, tuple[_Of, tuple[PodFacts, ...]]] = {}
        self._pools: tuple[Pool, ...] = ()

    def found(self, mine: Sequence[Workload], pools: tuple[Pool, ...]) -> Sequence[Workload]:
        """Take note of the workloads whose server exists already, the oldest first, and of the pools; those workloads."""
        first: dict[_Object, WorkloadKey] = {}
        for workload in mine:
            first.setdefault(_object(workload), workload.key)
        self._first, self._pools = first, pools
        keys = {workload.key for workload in mine}
        self._known = {key: known for key, known in self._known.items() if key in keys}
        self._known_pods = {key: known for key, known in self._known_pods.items() if key in keys}
        self._make(mine)
        return mine

    def seen(self, workload: Workload, now: datetime) -> Seen | None:
        """What one workload sees of its own; None before the first look."""
        assert workload.existing is not None
        first = self._first.get(_object(workload), workload.key)
        if first != workload.key:
            told = f"{workload.existing} is measured by InferenceWorkload {first.name} already: delete one of the two"
            return Seen(Found(refusal=Refusal(Reason.EXISTING_MISSING, told)))
        looked = self._read(workload.key, workload.existing)
        if looked is None:
            return None
        of, known = self._read_of(workload, looked), self._known.get(workload.key)
        if known is not None and unchanged(known[0], of):
            return known[1]
        seen = seen_of(workload, looked, self._pool_of, self._node, now)
        # What is said of a pod that waits depends on how long it has.
        if sum(place.ready for place in seen.placements) == len(looked.pods):
            self._known[workload.key] = of, seen
        return seen

    def pods(self, workload: Workload) -> tuple[PodFacts, ...]:
        """Those of one workload that have a node; none of one that comes second to an older one."""
        assert workload.existing is not None
        looked = self._read(workload.key, workload.existing) if self._first.get(_object(workload)) == workload.key else None
        if looked is None:
            return ()
        of, known = self._read_of(workload, looked), self._known_pods.get(workload.key)
        if known is None or not unchanged(known[0], of):
            known = self._known_pods[workload.key] = of, pods_of(workload, looked, self._pool_of, self._node)
        return known[1]

    def pools(self, seen: Seen) -> tuple[Pool, ...]:
        """The pools that nobody wrote under what is seen."""
        used = {place.key.pool for place in seen.placements}
        return tuple(sorted({p.name: p for p in self._made.values() if p.name in used}.values(), key=lambda p: p.name))

    def made_on(self, node: str) -> Pool | None:
        """The pool that was made of a node that is in no other, and has pods of such a server."""
        return self._made.get(node)

    def _read_of(self, workload: Workload, looked: Looked) -> _Of:
        """All that what is seen of a workload's server rests on."""
        return (workload, looked, self._pools, self._made, *(self._node(pod) for pod in looked.pods))

    def _make(self, workloads: Sequence[Workload]) -> None:
        looked = [found for w in workloads if w.existing is not None and (found := self._read(w.key, w.existing)) is not None]
        of = (self._pools, *looked)
        nodes_now = self._store.changes(NODES)
        if nodes_now == self._nodes_then and unchanged(self._made_of, of):
            return
        self._made_of, self._nodes_then = of, nodes_now
        groups: dict[tuple[str, bool], dict[str, Manifest]] = {}
        asked: dict[tuple[str, bool], list[Manifest]] = {}
        for pod in (pod for found in looked for pod in found.pods):
            node = self._node(pod)
            if node is None or self._written(node) is not None:
                continue
            labels = manifests.labels(node)
            group = labels.get(INSTANCE_TYPE, ""), any(labels.get(label) == word for label, word in SPOT.items())
            groups.setdefault(group, {})[manifests.name(node)] = node
            asked.setdefault(group, []).append(pod)
        made: dict[str, Pool] = {}
        for (kind, spot), nodes in sorted(groups.items()):
            offers = [_offer(node) for _, node in sorted(nodes.items())]
            pool = made_pool(kind, offers, devices_asked(asked[kind, spot]), self._catalogue, self._currency, spot=spot)
            # An AcceleratorPool of that name has other nodes.
            pool = replace(pool, name=pool_name(kind, spot=spot, taken={each.name for each in self._pools}))
            made.update(dict.fromkeys(nodes, pool))
        if made != self._made:
            self._made = made

    def _pool_of(self, pod: Manifest) -> Pool | None:
        node = self._node(pod)
        if node is None:
            return None
        return self._written(node) or self._made.get(manifests.name(node))

    def _written(self, node: Manifest) -> Pool | None:
        """The AcceleratorPool that selects it: the one that the ledger charges."""
        labels = manifests.labels(node)
        return next((pool for pool in self._pools if matches(labels, pool.node_selector)), None)

    def _node(self, pod: Manifest) -> Manifest | None:
        """The node that it is on, where that is seen and can be read."""
        name = manifests.node_name(pod)
        node = self._store.get(NODES.key(None, name)) if name else None
        return node if node is not None and self._reader.read(NODES, node, _offer) is not None else None


def _object(workload: Workload) -> _Object:
    existing = workload.existing
    assert existing is not None
    return workload.key.namespace, existing.kind, existing.name


def _offer(node: Manifest) -> Offer:
    view = node_view(node, ())
    return Offer(size=view.size, devices={name: number(units) for name, units in view.offered.items() if "/" in name and number(units) > 0})
