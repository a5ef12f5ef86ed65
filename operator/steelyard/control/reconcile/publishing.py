"""One write of what is published, with why it is not so in the words of a condition."""

from __future__ import annotations

from steelyard.control.kube.apply import Applier, OwnedElsewhere, Refused
from steelyard.control.kube.errors import Forbidden, Invalid
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import Resource
from steelyard.core.facts.publication import Publication
from steelyard.core.planning.relative_cost import RelativeCost
from steelyard.core.vocabulary.reason import Reason

NOT_COMPARED = Publication(
    False,
    Reason.NOT_COMPARED,
    "nothing is told of the pool: no workload was measured within seven days both here and on another pool, which a trial does (steelyard trial)",
)


def not_publishable(why: str) -> Publication:
    """What keeps it from being told."""
    return Publication(False, Reason.NOT_PUBLISHABLE, why)


def compared(relative: RelativeCost) -> str:
    """For people."""
    workloads = f"{relative.workloads} workload{'s' if relative.workloads > 1 else ''}"
    return (
        f"by {workloads} a good request costs {relative.cost:g} times what it does on the cheapest pool, and {relative.replicas:g} replicas do what "
        "one does there"
    )


async def published(applier: Applier, resource: Resource, desired: Manifest) -> Publication | None:
    """Make the object as desired; why it is not, and None where it is. Raises ApiError where the next try may succeed."""
    try:
        outcome = await applier.apply(resource, desired)
    except (Forbidden, Invalid) as error:
        return not_publishable(f"the API server refuses {resource.key_of(desired)}: {error.message}")
    match outcome:
        case Refused(_, _, message):
            return Publication(False, Reason.PUBLISHED_ELSEWHERE, message)
        case OwnedElsewhere():
            return Publication(False, Reason.PUBLISHED_ELSEWHERE, str(outcome))
        case _:
            return None
