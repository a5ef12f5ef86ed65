"""Requests for a graph: of the shapes that its server tells."""

import random

import aiohttp

from steelyard_runtime.failure import Reason, infrastructure_failure
from steelyard_runtime.tasks.graph_task import GraphTask, LoadRequest

MOST_BYTES = 64 << 20
"""Of all that are made together: they are sent again and again."""


async def graph_requests(
    session: aiohttp.ClientSession, url: str, model: str, task: GraphTask, chance: random.Random, most: int
) -> list[LoadRequest]:
    """Make at most so many, and at least one. Raises `Failure` where the server does not tell what it takes."""
    address = f"{url}/v2/models/{model}"
    try:
        async with session.get(address, allow_redirects=False) as answer:
            if answer.status != 200:
                raise infrastructure_failure(Reason.UNEXPECTED, f"{address} answers {answer.status}: what {model} takes is not known")
            metadata = await answer.json(content_type=None)
        made, size = [task.request(model, metadata, chance)], 0
        while len(made) < most and (size := size + len(made[-1].body)) < MOST_BYTES:
            made.append(task.request(model, metadata, chance))
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError, LookupError, TypeError) as error:
        raise infrastructure_failure(
            Reason.UNEXPECTED,
            f"{address} does not tell what {model} takes as Steelyard's own server does ({type(error).__name__}: {error})",
        ) from error
    return made
