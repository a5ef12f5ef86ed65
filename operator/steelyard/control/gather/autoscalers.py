"""HorizontalPodAutoscalers and ScaledObjects by what they scale: looked at every few seconds, so that one is known before it has written anything.

They are listed and not watched: KEDA's kind may be missing or come later, and all that is asked of one is its name and its target. KEDA makes a
HorizontalPodAutoscaler for each ScaledObject; of the two the ScaledObject is named, since a person has written that one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.errors import Forbidden, NotFound
from steelyard.control.kube.lister import Lister
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import DEPLOYMENTS, POD_AUTOSCALERS, SCALED_OBJECTS, Resource

LOOK_SECONDS = 10.0
"""Less than the 15 s after which the cluster's own autoscaler decides for the first time on one that was just made."""
PAGE = 500


class Autoscalers:
    """As they were at the last look; the same value for as long as a look finds the same."""

    def __init__(self, client: Lister, namespaces: Sequence[str] = ()) -> None:
        """namespaces: that are worked in; all where none is named."""
        self._client = client
        self._namespaces: Sequence[str | None] = tuple(namespaces) or (None,)
        self._of: Mapping[tuple[str, str], str] = {}

    def of(self, namespace: str, deployment: str) -> str | None:
        """Which one scales the Deployment, as `kind name`."""
        return self._of.get((namespace, deployment))

    async def look(self) -> Sequence[tuple[str, str]]:
        """Look at all of them; the Deployments, with their namespaces, of which another is known than before. Raises ApiError, and leaves what was found."""
        found: dict[tuple[str, str], str] = {}
        for resource in (POD_AUTOSCALERS, SCALED_OBJECTS):
            for namespace in self._namespaces:
                found |= dict(await self._listed(resource, namespace))
        changed = sorted(where for where in {*found, *self._of} if found.get(where) != self._of.get(where))
        if changed:
            self._of = {where: self._of[where] if self._of.get(where) == told else told for where, told in found.items()}
        return changed

    async def _listed(self, resource: Resource, namespace: str | None) -> Sequence[tuple[tuple[str, str], str]]:
        try:
            listing = await self._client.list(resource, namespace, page_size=PAGE, keep=_target)
        except (NotFound, Forbidden):
            # The kind is not there, or an older chart's role does not know of it: then managedFields tell, once something was written.
            return ()
        return tuple(_told(resource, listing.items))


def _target(raw: Manifest) -> Manifest:
    """Its name, and the Deployment that it scales; empty where it scales something else or cannot be read."""
    try:
        ref = raw["spec"]["scaleTargetRef"]
        group = str(ref.get("apiVersion") or "apps/v1").partition("/")[0]
        if (group, ref.get("kind") or DEPLOYMENTS.kind) != (DEPLOYMENTS.group, DEPLOYMENTS.kind):
            return {}
        meta = manifests.metadata(raw)
        return {"metadata": {"name": meta["name"], "namespace": meta["namespace"]}, "scales": str(ref["name"])}
    except (KeyError, TypeError, AttributeError):
        return {}


def _told(resource: Resource, items: Sequence[Manifest]) -> Iterator[tuple[tuple[str, str], str]]:
    for each in sorted((each for each in items if each), key=manifests.name):
        yield (manifests.namespace(each) or "", each["scales"]), f"{resource.kind} {manifests.name(each)}"
