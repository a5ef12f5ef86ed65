"""Kept-alive connections: bounded in age, and closed in a drain only when nobody seems to use them.

kube-proxy balances connections, not requests: a client that keeps one stays on its pod, whatever was added or taken away since. So a connection
gets `Connection: close` with an answer after a while, and with every answer while draining. Closing without an answer is what loses requests
(the client may be sending at that moment), and is left to the end.
"""

import random
import time
from dataclasses import dataclass

from aiohttp.web_protocol import RequestHandler

JITTER = 0.2
"""Connections opened together must not all come back together."""


@dataclass(slots=True)
class _Life:
    """Times on the monotonic clock."""

    retires: float
    last: float
    requests: int = 0


class Connections:
    """What is known of each open connection. Belongs to the serving loop."""

    def __init__(self, max_age: float, chance: random.Random) -> None:
        self._max_age = max_age
        self._chance = chance
        self._lives: dict[RequestHandler, _Life] = {}
        self._sweep_at = 64
        self._stopped: float | None = None
        self.draining = False
        self.cut_off = False
        """Whether a drain's time is over: a request that is ended now is ended by the server, not by its client."""

    def begin(self, connection: RequestHandler) -> None:
        """A request's head has arrived."""
        life = self._life(connection)
        life.requests += 1
        life.last = time.monotonic()

    def end(self, connection: RequestHandler) -> None:
        """Its answer has been written."""
        life = self._life(connection)
        life.requests -= 1
        life.last = time.monotonic()

    def closes(self, connection: RequestHandler) -> bool:
        """Whether the answer being written is this connection's last."""
        return self.draining or time.monotonic() >= self._life(connection).retires

    def stopped_accepting(self) -> None:
        """Idleness counts from here: before, a client had no reason to be in a hurry."""
        self._stopped = time.monotonic()

    def idle_for(self, connection: RequestHandler) -> float:
        """Seconds without a request since accepting stopped; 0 while one is being answered."""
        life = self._lives.get(connection)
        if self._stopped is None or (life is not None and life.requests > 0):
            return 0.0
        return time.monotonic() - max(self._stopped, life.last if life is not None else self._stopped)

    def _life(self, connection: RequestHandler) -> _Life:
        life = self._lives.get(connection)
        if life is None:
            self._sweep()
            now = time.monotonic()
            age = self._max_age * self._chance.uniform(1 - JITTER, 1 + JITTER) if self._max_age else float("inf")
            life = self._lives[connection] = _Life(now + age, now)
        return life

    def _sweep(self) -> None:
        """Forget closed connections, now and then: aiohttp tells nobody when one ends, and allows no weak references."""
        if len(self._lives) >= self._sweep_at:
            self._lives = {connection: life for connection, life in self._lives.items() if connection.transport is not None}
            self._sweep_at = max(64, 2 * len(self._lives))
