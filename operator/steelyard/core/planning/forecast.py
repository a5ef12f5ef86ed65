"""What the load may be when a replica ordered now is ready: a level that wanders, seen through noise, learnt window by window.

Local level model (Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989): the rate of a window is the level plus
noise of variance dispersion * level / seconds (dispersion 1: Poisson), and the level's variance grows by drift * level^2 each second. Both are
learnt: dispersion from how much neighbouring windows differ, drift from how far the forecast of AHEAD seconds was off. A trend is not
followed: at horizons of minutes it adds more starts than it saves misses.
"""

from __future__ import annotations

from typing import NamedTuple

AHEAD = 120.0
"""Seconds over which forecasts are compared with what came."""
DISPERSION = 2.0
DRIFT = 3e-5
"""Before anything is known: twice the noise of Poisson arrivals, and 6 % in two minutes."""
PRIOR = 1800.0
"""Seconds of traffic that these count for."""
DISPERSION_MEMORY = 6 * 3600.0
DRIFT_MEMORY = 1200.0
RECENT_MEMORY = 600.0
"""Seconds over which noise, drift, and noise at short sight are averaged."""
BURST = 1.6
"""Times the usual noise from which on that of the last minutes counts instead: more than chance shows in sixty windows."""
CLIPPED = 9.0
"""Times the usual noise that a window may show at most: what is more is a jump of the level, and none of the noise around it."""
LEAST_DRIFT = 1e-7
WIDEST = 0.25
"""Part of the level that it is taken to wander until replicas are ready: after a jump more is learnt than will come again."""


class Forecast(NamedTuple):
    """level: requests per second, None before the first window. variance: of the level. seen: seconds of traffic. last: the newest
    window's rate. ahead: (level, variance) of the last AHEAD seconds, the oldest first. recent: dispersion of the last minutes."""

    level: float | None = None
    variance: float = 0.0
    dispersion: float = DISPERSION
    recent: float = DISPERSION
    drift: float = DRIFT
    seen: float = PRIOR
    last: float = 0.0
    ahead: tuple[tuple[float, float], ...] = ()

    def after(self, requests: float, seconds: float) -> Forecast:
        """With one window more: requests that came in so many seconds. ValueError for a window of no length."""
        if not seconds > 0:
            raise ValueError(f"a window must have a length, got {seconds} s")
        rate = requests / seconds
        if self.level is None:
            return self._replace(level=rate, variance=self.dispersion * max(rate, 1 / seconds) / seconds, last=rate)
        level = max(self.level, 0.1 / seconds)
        seen = self.seen + seconds
        # After a silence the level is near nothing, and what comes back would look infinitely wild beside it.
        scale = max(level, rate)
        noise = min((rate - self.last) ** 2 * seconds / (2 * scale), CLIPPED * max(self.dispersion, self.recent))
        dispersion = self.dispersion + seconds / min(seen, DISPERSION_MEMORY) * (noise - self.dispersion)
        drift, steps = self.drift, max(1, round(AHEAD / seconds))
        if len(self.ahead) >= steps:
            forecast, variance = self.ahead[-steps]
            # A fall is no wilder than the rise to where it began.
            off = ((rate - forecast) ** 2 - dispersion * level / seconds - variance) / (max(scale, forecast) ** 2 * steps * seconds)
            drift = max(LEAST_DRIFT, drift + seconds / min(seen, DRIFT_MEMORY) * (off - drift))
        variance = self.variance + drift * level**2 * seconds
        gain = variance / (variance + dispersion * level / seconds)
        after, left = max(0.0, self.level + gain * (rate - self.level)), variance * (1 - gain)
        return Forecast(
            level=after,
            variance=left,
            dispersion=dispersion,
            recent=self.recent + min(1.0, seconds / RECENT_MEMORY) * (noise - self.recent),
            drift=drift,
            seen=seen,
            last=rate,
            ahead=(*self.ahead[-steps + 1 :], (after, left)) if steps > 1 else ((after, left),),
        )

    def ahead_of(self, ahead: float, seconds: float) -> tuple[float, float]:
        """(mean, variance) of the requests per second in a window of `seconds`, `ahead` seconds from now; (0, 0) before the first window.

        What comes by chance at a constant rate is left out of the variance: it is the law of queues that counts it.
        """
        if self.level is None:
            return 0.0, 0.0
        mean = max(self.level, 0.1 / seconds)
        dispersion = self.recent if self.recent > BURST * self.dispersion else self.dispersion
        wandered = min(self.drift * ahead, WIDEST**2) * mean**2
        return mean, self.variance + wandered + max(0.0, dispersion - 1.0) * mean / seconds
