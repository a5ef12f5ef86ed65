"""Kinds that a cluster may have or not: what of them is served is watched, and a change of that restarts the process, since a watch cannot join later."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from steelyard.control.kube.api_client import Listing
from steelyard.control.kube.errors import ApiError, Forbidden, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import HTTP_ROUTES, INFERENCE_POOLS, POD_TEMPLATES, PROVISIONING_REQUESTS, Resource
from steelyard.control.log import get_logger

OPTIONAL = (HTTP_ROUTES, INFERENCE_POOLS)
OF_REQUESTS = (PROVISIONING_REQUESTS, POD_TEMPLATES)
"""Where moves may ask for capacity."""
LOOK_SECONDS = 30.0
_log = get_logger(__name__)


class Asker(Protocol):
    """The part of the API client that is needed."""

    async def list(
        self, resource: Resource, namespace: str | None, *, label_selector: str, keep: Callable[[Manifest], Manifest]
    ) -> Listing:
        """A whole collection, of each object what `keep` makes of it."""
        ...


async def served(
    client: Asker, namespaces: Sequence[str], before: frozenset[Resource] = frozenset(), *, requests: bool = False
) -> frozenset[Resource]:
    """Those that are there and may be listed. before: what was found last, and stands for what cannot be asked now. requests: whether moves may ask
    for capacity."""
    found = set[Resource]()
    for resource in (*OPTIONAL, *(OF_REQUESTS if requests else ())):
        try:
            # A selector that nothing has: what is asked is whether the question is answered.
            await client.list(resource, next(iter(namespaces), None), label_selector="steelyard.dev/none=none", keep=lambda _: {})
            found.add(resource)
        except NotFound:
            pass
        except Forbidden as error:
            _log.warning("an optional kind may not be listed, and counts as not served: update the operator's role", error=str(error))
        except ApiError as error:
            _log.warning("an optional kind could not be asked for", resource=resource.label, error=str(error))
            found |= before & {resource}
    return frozenset(found)
