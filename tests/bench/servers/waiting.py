"""Batches as a full server can make them: of what waits, and not of all that will ever come. Imported beside the engine, with the runtime on the path."""

from __future__ import annotations

import random
from bisect import bisect_left, insort
from collections.abc import Iterator, Sequence

from steelyard_runtime.serve.batch import Shapes

ROUNDS = 4
"""Of all requests: the first fills the queue, and what is left in it at the end does not run."""


def batches_of_waiting(lengths: Sequence[int], pairs: int, waiting: int, most: int) -> list[list[int]]:
    """Return the places of the inputs of each batch, where so many requests are always under way and each batch is the oldest input that waits
    with neighbours in length, by the rule of our own server.

    lengths: of each input, in tokens; a request is `pairs` of them, one after the other, and requests come in an order by chance, over and over. A
    client that has an answer asks again, so the batch before is not among those that may be chosen.
    """
    shapes = Shapes((max(lengths),), (most,), fixed_lengths=False, fixed_batch=False)
    # More than there are would never come together.
    room = min(len(lengths), max(most, waiting * pairs - most))
    coming = _arrivals(len(lengths) // pairs, pairs)
    queue: list[tuple[int, int, int]] = []
    """Rising in length: length, number of arrival, place."""
    found: list[list[int]] = []
    for number, place in coming:
        insort(queue, (lengths[place], number, place))
        if len(queue) < room:
            continue
        oldest = min(queue, key=lambda each: each[1])
        these = shapes.chosen([each[0] for each in queue], bisect_left(queue, oldest), most)
        found.append([place for _, _, place in queue[these]])
        del queue[these]
    return found


def _arrivals(requests: int, pairs: int) -> Iterator[tuple[int, int]]:
    """Number and place of each input."""
    chance = random.Random(1)
    order = [request for _ in range(ROUNDS) for request in chance.sample(range(requests), requests)]
    return enumerate(request * pairs + at for request in order for at in range(pairs))
