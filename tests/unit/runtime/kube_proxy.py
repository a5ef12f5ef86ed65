"""kube-proxy in small: balances *connections* over the endpoints that are ready, learns of readiness late, and never touches a connection it made."""

import asyncio
import random
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from patience import PATIENCE


class KubeProxy:
    """Listens on a port; `endpoints` are ports, with a function that tells whether each is ready.

    `forgot`: when it learnt that an endpoint is no longer ready, on the monotonic clock.
    """

    def __init__(self, port: int, endpoints: dict[int, Callable[[], bool]], lag: float = 0.5) -> None:
        self.forgot: dict[int, float] = {}
        self._port = port
        self._endpoints = endpoints
        self._lag = lag
        self._ready = set(endpoints)
        self._stop = threading.Event()
        self._started = threading.Event()
        self._threads = [
            threading.Thread(target=self._watch, daemon=True),
            threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True),
        ]

    def __enter__(self) -> "KubeProxy":
        for thread in self._threads:
            thread.start()
        assert self._started.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _watch(self) -> None:
        while not self._stop.is_set():
            ready = {port for port, probe in self._endpoints.items() if probe()}
            time.sleep(self._lag)  # news travel: endpoints, slices, iptables
            self.forgot |= dict.fromkeys(self._ready - ready, time.monotonic())
            self._ready = ready

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._connect, "127.0.0.1", self._port, backlog=512)
        self._started.set()
        async with server:
            while not self._stop.is_set():
                await asyncio.sleep(0.1)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            upstream = await asyncio.open_connection("127.0.0.1", random.choice(sorted(self._ready)))
        except OSError:
            writer.transport.abort()
            return
        await asyncio.gather(self._copy(reader, upstream[1]), self._copy(upstream[0], writer))

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(1 << 16):
                writer.write(data)
                await writer.drain()
        with suppress(OSError, RuntimeError):
            writer.close()
