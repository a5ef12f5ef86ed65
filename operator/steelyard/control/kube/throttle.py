"""A token bucket in front of writes to the API server, which also keeps the silence that a 429 asked for."""

import random

from steelyard.control.clock import Clock
from steelyard.control.kube.retry_after import heeded


class Throttle:
    """At most `burst` at once and `rate` a second in the long run. Waiters are served in the order they came."""

    def __init__(self, clock: Clock, *, rate: float, burst: int, chance: random.Random | None = None) -> None:
        if rate <= 0 or burst < 1:
            raise ValueError(f"a throttle needs a rate above 0 and a burst of at least 1 (got {rate}, {burst})")
        self._clock = clock
        self._chance = chance or random.Random()
        self._rate = rate
        self._burst = float(burst)
        self._tokens = float(burst)
        self._counted_at = clock.monotonic()
        self._silent_until = 0.0

    def silence(self, seconds: float) -> None:
        """Let nothing pass for this long, as far as it is heeded: the server said Retry-After."""
        self._silent_until = max(self._silent_until, self._clock.monotonic() + heeded(seconds, self._chance))

    async def take(self) -> None:
        """Wait for a token, then for the end of any silence."""
        now = self._clock.monotonic()
        self._tokens = min(self._burst, self._tokens + (now - self._counted_at) * self._rate)
        self._counted_at = now
        self._tokens -= 1.0  # a debt is a place in the queue
        if self._tokens < 0:
            await self._clock.sleep(-self._tokens / self._rate)
        while (left := self._silent_until - self._clock.monotonic()) > 0:
            await self._clock.sleep(left)
