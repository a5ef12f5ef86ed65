"""Reading requests' bodies: those that are held at once are bounded by the memory that there is, since each of them may be large.

A place in the queue is taken for inputs, and how many there are is known once a body was read: without a bound here, many large ones at once would
have the server killed for its memory before one of them is refused.
"""

from aiohttp import web

from steelyard_runtime.serve.batcher import Full

SMALL = 1 << 16
"""Bytes that every body may have: so much no refusal saves."""
PART = 4
"""Of the memory, one in so many is for bodies: what is made of one takes several times its size."""
UNBOUNDED = 1 << 30
"""Bytes for all of them where nothing bounds the memory."""
AGAIN = 1
"""Seconds after which one that found no room may come again."""


class Bodies:
    """Of one server; belongs to its loop."""

    def __init__(self, largest: int, memory: int | None) -> None:
        """largest: bytes of one; memory: that this container may use, None without a limit. One of the largest always has room."""
        self._largest = largest
        self._room = max(largest, UNBOUNDED if memory is None else memory // PART)
        self._held: dict[int, int] = {}
        """Bytes by request (`id`: it is not hashable), of those that are not small."""

    async def read(self, request: web.Request) -> bytes:
        """Return the body, which is held until it is let go; raises `Full`, or `web.HTTPRequestEntityTooLarge`."""
        parts: list[bytes] = []
        size = 0
        async for part in request.content.iter_any():
            parts.append(part)
            size += len(part)
            if size > self._largest:
                raise web.HTTPRequestEntityTooLarge(max_size=self._largest, actual_size=size)
            if size > SMALL:
                self._held[id(request)] = size
                if sum(self._held.values()) > self._room:
                    raise Full(AGAIN, "large requests fill the memory that is for them")
        return b"".join(parts)

    def let_go(self, request: web.Request) -> None:
        """It was answered."""
        self._held.pop(id(request), None)
