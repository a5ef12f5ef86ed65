"""Tells what makes a pool's nodes what good requests cost there, for the pools that ask for it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.resource import ACCELERATOR_POOLS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.node_overlays import NodeOverlays
from steelyard.control.reconcile.priorities import Priorities
from steelyard.control.reconcile.publishing import not_publishable
from steelyard.core.facts.publication import Publication
from steelyard.core.facts.snapshot import Pool
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reason import Reason

LOOK_SECONDS = 30.0
NOT_LOOKED = Publication(
    None, Reason.NOT_COMPARED, "not every workload was decided on yet since the operator began: what is published stays as it is"
)
NO_OVERLAYS = not_publishable(
    "config.publish.nodeOverlays of the operator's chart is false: set it, and the operator may write NodeOverlays"
)
NO_PRIORITIES = not_publishable(
    "config.publish.priorityExpanderNamespace of the operator's chart is not set: set it to the namespace of Cluster Autoscaler"
)


class Compared(Protocol):
    """How pools compare."""

    def relative_costs(self, now: datetime) -> Mapping[str, RelativeCost] | None:
        """By pool; None while that is not known."""
        ...


class Publisher:
    """Of all pools."""

    def __init__(
        self, store: Store, snapshots: SnapshotBuilder, compared: Compared, overlays: NodeOverlays | None, priorities: Priorities | None
    ) -> None:
        """overlays, priorities: None where the configuration does not let them be written."""
        self._store = store
        self._snapshots = snapshots
        self._compared = compared
        self._overlays = overlays
        self._priorities = priorities
        self._told: Mapping[str, Publication] = {}

    def told(self, pool: Pool) -> Publication | None:
        """What its condition says; None of a pool that does not ask for it."""
        if not pool.publishes:
            return None
        writer, not_allowed = (self._overlays, NO_OVERLAYS) if pool.node_group is None else (self._priorities, NO_PRIORITIES)
        return not_allowed if writer is None else self._told.get(pool.name, NOT_LOOKED)

    async def look(self, now: datetime) -> frozenset[str]:
        """Publish what is known now; the pools of which something else is told than before. Raises ApiError."""
        relative = self._compared.relative_costs(now)
        if relative is None:
            return frozenset()
        before, pools = self._told, [pool for pool in self._snapshots.pools() if pool.publishes]
        grouped = [pool for pool in pools if pool.node_group is not None]
        others = {manifests.uid(raw): pool for pool in pools if pool.node_group is None and (raw := self._raw(pool)) is not None}
        told: dict[str, Publication] = {}
        if self._overlays is not None:
            told |= await self._overlays.keep(others, relative, now)
        if self._priorities is not None:
            told |= await self._priorities.keep(grouped, relative)
        self._told = told
        return frozenset(name for name in {*before, *told} if before.get(name) != told.get(name))

    def _raw(self, pool: Pool) -> dict[str, object] | None:
        return self._store.get(ACCELERATOR_POOLS.key(None, pool.name))
