"""Nodes that replicas take, by pool: of all workloads, and of each by itself. A Deployment that changes is counted anew, and no other one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from functools import partial

from steelyard.control.gather.node_part import node_part
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import DEPLOYMENTS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.core.facts.snapshot import Pool
from steelyard.render import label

GRAINS = 10**15
"""Of a node: whole numbers add up to the same in any order, whatever was taken away in between."""
EXACT = 9
"""Decimals of a sum: so many thousand parts, each rounded to a grain, are right to the last of them."""
Part = tuple[str, str, int]
"""Owner, pool and grains of one Deployment."""


class HeldNodes:
    """Remembers each Deployment's part. `version` changes when a sum does."""

    def __init__(self, store: Store, reader: Reader) -> None:
        self._store = store
        self._reader = reader
        self._changed = store.journal(DEPLOYMENTS)
        self._pools: tuple[Pool, ...] = ()
        self._by_name: Mapping[str, Pool] = {}
        self._parts: dict[ObjectKey, Part] = {}
        self._total: dict[str, int] = defaultdict(int)
        self._of: dict[str, dict[str, int]] = {}
        self.version = 0

    def count(self, pools: tuple[Pool, ...]) -> None:
        """Take note of what changed since the last call: the pools, or some Deployments."""
        if pools is not self._pools:
            self._pools, self._by_name, self.version = pools, {p.name: p for p in pools}, self.version + 1
            self._parts, self._total, self._of = {}, defaultdict(int), {}
            self._changed.update(DEPLOYMENTS.key_of(each) for each in self._store.all(DEPLOYMENTS))
        while self._changed:
            self._count(self._changed.pop())

    def total(self, pool: str) -> float:
        """Nodes that all replicas there take together."""
        return round(self._total.get(pool, 0) / GRAINS, EXACT)

    def without(self, owner: str) -> Mapping[str, float]:
        """The same without those of the workload with this uid, of the pools where it has any."""
        return {pool: round((self._total[pool] - mine) / GRAINS, EXACT) for pool, mine in self._of.get(owner, {}).items()}

    def _count(self, key: ObjectKey) -> None:
        before, after = self._parts.pop(key, None), self._part(key)
        if after is not None:
            self._parts[key] = after
        if before == after:
            return
        self.version += 1
        for part, sign in ((before, -1), (after, 1)):
            if part is not None:
                self._add(part, sign)

    def _add(self, part: Part, sign: int) -> None:
        owner, pool, grains = part
        self._total[pool] += sign * grains
        mine = self._of.setdefault(owner, {})
        mine[pool] = mine.get(pool, 0) + sign * grains
        if not mine[pool]:
            del mine[pool]
        if not mine:
            del self._of[owner]

    def _part(self, key: ObjectKey) -> Part | None:
        deployment = self._store.get(key)
        if deployment is None:
            return None
        part = self._reader.read(DEPLOYMENTS, deployment, partial(node_part, pools=self._by_name))
        owner, pool = manifests.controller_uid(deployment), manifests.labels(deployment).get(label.POOL, "")
        return (owner, pool, round(part * GRAINS)) if part and owner and pool in self._by_name else None
