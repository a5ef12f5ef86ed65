"""Turns: probes that share the processors of one machine send one after the other, step by step.

Whoever gives the turns listens on a socket of the machine and takes one connection after the other, in the order in which they came: a byte on it is
the turn, and its end is the end of the turn, however it comes.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from steelyard_runtime.failure import Reason, infrastructure_failure


@asynccontextmanager
async def turn(socket: str | None) -> AsyncIterator[None]:
    """Wait for the turn, and hold it meanwhile; at once where there are none. Raises `Failure` where nobody gives any."""
    if socket is None:
        yield
        return
    try:
        reader, writer = await asyncio.open_unix_connection(socket)
    except OSError as error:
        raise infrastructure_failure(Reason.INTERRUPTED, f"nobody gives turns at {socket}: {error}") from error
    try:
        if not await reader.read(1):
            raise infrastructure_failure(Reason.INTERRUPTED, f"who gives turns at {socket} has ended")
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
