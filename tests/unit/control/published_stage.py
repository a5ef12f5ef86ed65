"""A publisher before an API server of memory, which takes everything or refuses what a test names."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_POOLS, Resource
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.node_overlays import NodeOverlays
from steelyard.control.reconcile.priorities import Priorities
from steelyard.control.reconcile.publisher import Publisher
from steelyard.core.facts.publication import Publication
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reading import Unknown
from unit.control.virtual_time import ManualClock


class Server:
    """`refuses`: by verb, its answer."""

    def __init__(self) -> None:
        self.refuses: dict[str, ApiError] = {}
        self.made: list[Manifest] = []
        self.overlays: dict[str, Manifest] = {}
        self._version = 1

    def _answer(self, verb: str) -> None:
        if verb in self.refuses:
            raise self.refuses[verb]

    async def list(self, _: Resource) -> Listing:
        self._answer("list")
        return Listing(list(self.overlays.values()), str(self._version))

    async def get(self, *_: Any) -> Manifest:
        self._answer("get")
        raise NotFound("there is none", status=404)

    async def create(self, _: Resource, manifest: Manifest) -> Manifest:
        self._answer("create")
        self.made.append(manifest)
        return self.put(manifest)

    def put(self, manifest: Manifest) -> Manifest:
        """Also by somebody else."""
        self._version += 1
        meta = {"uid": f"u-{self._version}", **manifest["metadata"], "resourceVersion": str(self._version)}
        made = {**manifest, "metadata": meta}
        if manifest["kind"] == "NodeOverlay":
            self.overlays[meta["name"]] = made
        return made

    async def delete(self, _: Resource, __: None, name: str, **___: Any) -> Manifest:
        self._version += 1
        del self.overlays[name]
        return {}


class Stage:
    """Some pools, and how they compare."""

    def __init__(self, *pools: Manifest, relative: Mapping[str, RelativeCost] | None, may: bool = True) -> None:
        """may: whether the configuration lets it be written."""
        self.clock, self.server, self.relative = ManualClock(), Server(), relative
        store = Store(self.clock)
        for raw in pools:
            store.observe(ACCELERATOR_POOLS, "ADDED", raw)
        self.builder = SnapshotBuilder(
            store, settings_of(Config()), lambda *_: Unknown("nothing"), synced=lambda: True, clock_suspect=lambda: False
        )
        client: Any = self.server
        overlays, priorities = NodeOverlays(client, self.clock, "USD"), Priorities(client, self.clock, "kube-system")
        self.publisher = Publisher(store, self.builder, self, overlays if may else None, priorities if may else None)

    def relative_costs(self, _: datetime) -> Mapping[str, RelativeCost] | None:
        return self.relative

    async def look(self) -> dict[str, Publication | None]:
        """What is told of each pool then."""
        await self.publisher.look(self.clock.now())
        return {pool.name: self.publisher.told(pool) for pool in self.builder.pools()}
