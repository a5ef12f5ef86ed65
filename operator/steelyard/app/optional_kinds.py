"""Kinds that a cluster may have or not: what of them is served is watched, and a change of that restarts the process, since a watch cannot join later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
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
TRIES, PAUSE_SECONDS = 10, 1.0
"""Of a question at the start: of a kind that was defined a moment ago an API server says that its storage is being initialised (429)."""
_log = get_logger(__name__)


class Asker(Protocol):
    """The part of the API client that is needed."""

    async def list(
        self, resource: Resource, namespace: str | None, *, label_selector: str, keep: Callable[[Manifest], Manifest]
    ) -> Listing:
        """A whole collection, of each object what `keep` makes of it."""
        ...


def kinds(*, requests: bool) -> tuple[Resource, ...]:
    """Those that an installation asks for. requests: whether its moves may ask for capacity."""
    return (*OPTIONAL, *(OF_REQUESTS if requests else ()))


async def served(
    client: Asker, asked: Sequence[Resource], namespaces: Sequence[str], before: frozenset[Resource] = frozenset()
) -> frozenset[Resource]:
    """Those that are there and may be listed. before: what was found last, and stands for what cannot be asked now."""
    answers = {each: await _is_there(client, each, namespaces) for each in asked}
    return frozenset(each for each, there in answers.items() if there is True or (there is not False and each in before))


async def served_at_start(
    client: Asker, asked: Sequence[Resource], namespaces: Sequence[str], sleep: Callable[[float], Awaitable[None]]
) -> frozenset[Resource]:
    """The same before anything is watched. A kind of which the API server says that it cannot tell yet is asked for again, up to TRIES times: a process
    that does not watch what is there would end at the next look."""
    found, left = set[Resource](), asked
    for tried in range(TRIES):
        if tried:
            await sleep(PAUSE_SECONDS)
        answers = {each: await _is_there(client, each, namespaces) for each in left}
        found |= {each for each, there in answers.items() if there is True}
        left = [each for each, there in answers.items() if isinstance(there, ApiError) and there.status]
        if not left:
            break
    return frozenset(found)


async def _is_there(client: Asker, resource: Resource, namespaces: Sequence[str]) -> bool | ApiError:
    """Whether it is there and may be listed, or why that could not be asked; an error without a status is that nobody answered."""
    try:
        # A selector that nothing has: what is asked is whether the question is answered.
        await client.list(resource, next(iter(namespaces), None), label_selector="steelyard.dev/none=none", keep=lambda _: {})
    except NotFound:
        return False
    except Forbidden as error:
        _log.warning("an optional kind may not be listed, and counts as not served: update the operator's role", error=str(error))
        return False
    except ApiError as error:
        _log.warning("an optional kind could not be asked for", resource=resource.label, error=str(error))
        return error
    return True
