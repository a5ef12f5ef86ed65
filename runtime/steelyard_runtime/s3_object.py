"""Reading a large S3 object fast: its parts come over several connections, each is asked for again by itself, and all are told in order."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from obstore.store import S3Store

T = TypeVar("T")

PART = 8 << 20
"""Bytes of a part: a size that AWS names as typical for ranges (Performance guidelines for Amazon S3, byte-range fetches)."""
AHEAD = 6
"""Parts on their way at once, and so in memory."""
TRIES = 5
PAUSE = 0.2
"""Seconds before the second try; doubled each time."""


def read_object(
    store: "S3Store",
    path: str,
    *,
    size: int | None = None,
    start: int = 0,
    part: int = PART,
    pause: Callable[[float], None] = time.sleep,
) -> Iterator[bytes]:
    """Yield an object's bytes from `start` on.

    `size`: what the caller takes it for; a small one is asked for at once, and of a longer one no more than the byte that shows it. Raises
    obstore's NotFoundError, and PreconditionError where the object is longer or was replaced while it was read; every other error of a part
    after TRIES tries.
    """
    import obstore  # noqa: PLC0415
    from obstore.exceptions import BaseError, NotFoundError, PreconditionError  # noqa: PLC0415

    def tried(ask: Callable[[], T]) -> T:
        for number in range(TRIES):
            try:
                return ask()
            except (NotFoundError, FileNotFoundError, PreconditionError):
                raise
            except BaseError:
                if number == TRIES - 1:
                    raise
                pause(PAUSE * 2**number)
        raise AssertionError

    if size is not None and start < size <= part:
        data = tried(lambda: bytes(obstore.get(store, path, options={"range": (start, size + 1)}).bytes()))
        yield data
        if start + len(data) > size:
            raise PreconditionError(f"{path} is longer than {size} bytes")
        return
    found = tried(lambda: obstore.head(store, path))
    # A few servers name no version; then the digest that the caller knows tells a mixture.
    same = {"if_match": found["e_tag"]} if found["e_tag"] else {}

    def fetch(offset: int) -> bytes:
        end = min(offset + part, found["size"])
        return tried(lambda: bytes(obstore.get(store, path, options={"range": (offset, end), **same}).bytes()))  # type: ignore[arg-type]

    offsets = iter(range(start, found["size"], part))
    connections = ThreadPoolExecutor(AHEAD, thread_name_prefix="s3")
    try:
        waiting: deque[Future[bytes]] = deque(connections.submit(fetch, offset) for offset in islice(offsets, AHEAD))
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(connections.submit(fetch, offset) for offset in islice(offsets, 1))
    finally:
        connections.shutdown(wait=False, cancel_futures=True)
