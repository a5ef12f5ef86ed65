"""NodeOverlays of Karpenter for the pools that publish: one for each offering, gone when it is not known any more what it should say.

They are listed at each look and not watched: the kind is optional, there are few, and all are needed, since one of somebody else's for the same
offering would be a second price for it. Nothing is read back as a price: what is published is made anew from the pool's own price each time.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from steelyard.control.clock import Clock
from steelyard.control.gather.node_overlays import doubt, may_price
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import NODE_OVERLAYS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.publishing import NOT_COMPARED, compared, not_publishable, published
from steelyard.core.facts.publication import Publication
from steelyard.core.facts.snapshot import Pool
from steelyard.core.planning.published import published_prices
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from steelyard.render.node_overlay import OWNER, Offering, node_overlay, offering

NOT_SERVED = not_publishable("the API server does not serve NodeOverlays of karpenter.sh/v1alpha1: install a Karpenter that has them")
NO_PRICE = Publication(False, Reason.PRICE_SUSPECT, "no instance type of the pool has a price that can be used: see its condition Priced")


class NodeOverlays:
    """Of all pools that publish."""

    def __init__(self, client: ApiClient, clock: Clock, currency: str) -> None:
        self._client = client
        self._currency = currency
        self._store = Store(clock)
        self._applier = Applier(client, self._store)

    async def keep(self, pools: Mapping[str, Pool], relative: Mapping[str, RelativeCost], now: datetime) -> Mapping[str, Publication]:
        """Write those of pools that are compared, and delete all others of ours. pools: that publish, by uid. What is so now, by name of the pool.
        Raises ApiError where the next look may succeed."""
        names = [pool.name for pool in pools.values()]
        mark = self._store.mark()
        try:
            listing = await self._client.list(NODE_OVERLAYS)
        except NotFound:
            return dict.fromkeys(names, NOT_SERVED)
        except Forbidden as error:
            return dict.fromkeys(names, not_publishable(f"the operator may not list NodeOverlays: update its role ({error})"))
        self._store.absorb(NODE_OVERLAYS, listing.items, version=listing.version, mark=mark)
        told: dict[str, Publication] = {}
        kept: set[ObjectKey] = set()
        for uid, pool in pools.items():
            found = relative.get(pool.name)
            told[pool.name] = NOT_COMPARED if found is None else await self._publish(pool, uid, found, now, kept)
        for live in self._store.all(NODE_OVERLAYS):
            if _is_ours(live) and NODE_OVERLAYS.key_of(live) not in kept:
                await self._applier.delete(NODE_OVERLAYS, None, manifests.name(live), owner_uid=manifests.controller_uid(live) or "")
        return told

    async def _publish(self, pool: Pool, uid: str, relative: RelativeCost, now: datetime, kept: set[ObjectKey]) -> Publication:
        """What is wrong is told before what is not known. kept: takes those that stay."""
        prices = published_prices(pool, relative, now)
        wrong: list[Publication] = []
        for instance_type, per_hour in prices.items():
            of = offering(pool, instance_type)
            problem = self._priced_elsewhere(of)
            if problem is None:
                desired = node_overlay(pool, uid, of, per_hour)
                problem = await published(self._applier, NODE_OVERLAYS, desired)
                key = NODE_OVERLAYS.key_of(desired)
                live = self._store.get(key)
                if live is not None and manifests.controller_uid(live) == uid:
                    kept.add(key)
                    problem = problem or doubt(key.name, live)
            wrong += [] if problem is None else [problem]
        if not prices:
            return NO_PRICE
        return min(wrong, key=lambda each: each.holds is None, default=Publication(True, Reason.PUBLISHED, self._told(prices, relative)))

    def _told(self, prices: Mapping[str, float], relative: RelativeCost) -> str:
        told = ", ".join(f"{instance_type} at {per_hour:g} {self._currency} an hour" for instance_type, per_hour in prices.items())
        return f"NodeOverlays say {told}: {compared(relative)}"

    def _priced_elsewhere(self, of: Offering) -> Publication | None:
        overlays = self._store.all(NODE_OVERLAYS)
        name = next((manifests.name(each) for each in overlays if not _is_ours(each) and may_price(each, of)), None)
        if name is None:
            return None
        told = f"NodeOverlay {name} is somebody else's and may set the price of {of.instance_type} ({of.capacity_type})"
        return Publication(False, Reason.PUBLISHED_ELSEWHERE, f"{told}: there is to be one, so delete it or publish nothing of this pool")


def _is_ours(overlay: Manifest) -> bool:
    """Made for a pool, which is its controller, and labelled."""
    owners = manifests.metadata(overlay).get("ownerReferences") or ()
    owned = any(each.get("controller") and each.get("kind") == OWNER for each in owners)
    return owned and manifests.labels(overlay).get(label.MANAGED_BY) == label.MANAGER
