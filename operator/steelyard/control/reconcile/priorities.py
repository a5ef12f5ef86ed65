"""The ConfigMap of Cluster Autoscaler's priority expander, for the node groups of the pools that publish.

It is never deleted: without it some versions of the autoscaler add no node (expander/priority/priority.go). When nothing is published any more it
says of all groups that they are alike.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from steelyard.control.clock import Clock
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.ownership import is_ours
from steelyard.control.kube.resource import CONFIG_MAPS
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.publishing import NOT_COMPARED, compared, not_publishable, published
from steelyard.core.facts.publication import Publication
from steelyard.core.facts.snapshot import Pool
from steelyard.core.planning.published import ranked_groups
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reason import Reason
from steelyard.render.priority_expander import NAME, priority_expander


class Priorities:
    """In the namespace of Cluster Autoscaler."""

    def __init__(self, client: ApiClient, clock: Clock, namespace: str) -> None:
        self._client = client
        self._key = CONFIG_MAPS.key(namespace, NAME)
        self._store = Store(clock)
        self._applier = Applier(client, self._store)

    async def keep(self, pools: Collection[Pool], relative: Mapping[str, RelativeCost]) -> Mapping[str, Publication]:
        """Write the order of the pools that publish. What is so now, by name of the pool. Raises ApiError where the next look may succeed."""
        ranked = ranked_groups(pools, relative)
        desired = priority_expander(self._key.namespace, ranked)
        try:
            live = await self._client.get(CONFIG_MAPS, self._key.namespace, self._key.name)
        except NotFound:
            live = None
        except Forbidden as error:
            refused = not_publishable(f"the operator may not read {self._key}: update its role ({error})")
            return dict.fromkeys((pool.name for pool in pools), refused)
        self._see(live)
        if not pools and (live is None or not is_ours(live, desired)):
            return {}
        wrong = await published(self._applier, CONFIG_MAPS, desired)
        return {pool.name: wrong or self._told(pool, ranked, relative.get(pool.name)) for pool in pools}

    def _see(self, live: dict[str, object] | None) -> None:
        before = self._store.get(self._key)
        if live is not None:
            self._store.wrote(CONFIG_MAPS, live)
        elif before is not None:
            self._store.gone(self._key, manifests.uid(before))

    def _told(self, pool: Pool, ranked: Sequence[Sequence[str]], relative: RelativeCost | None) -> Publication:
        place = next((place for place, groups in enumerate(ranked, 1) if relative is not None and pool.node_group in groups), None)
        if relative is None or place is None:
            return NOT_COMPARED
        told = f"{self._key} has node group {pool.node_group} in place {place} of {len(ranked)}"
        return Publication(True, Reason.PUBLISHED, f"{told}: {compared(relative)}")
