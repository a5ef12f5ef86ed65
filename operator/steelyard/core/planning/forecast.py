"""What the load may be when a replica ordered now is ready: a level that wanders, seen through noise, learnt window by window.

Local level model (Harvey, Forecasting, Structural Time Series Models and the Kalman Filter, 1989): the rate of a window is the level plus
noise of variance dispersion * level / seconds (dispersion 1: Poisson), and the level's variance grows by drift * level^2 each second. Both are
learnt: dispersion from how much neighbouring windows differ, drift from how far the forecast of AHEAD seconds was off. A trend is not
followed: at horizons of minutes it adds more starts than it saves misses.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from statistics import NormalDist

AHEAD = 120.0
"""Seconds over which forecasts are compared with what came."""
DISPERSION = 2.0
DRIFT = 3e-5
"""Before anything is known: twice the noise of Poisson arrivals, and 6 % in two minutes."""
PRIOR = 1800.0
"""Seconds of traffic that these count for."""
DISPERSION_MEMORY = 6 * 3600.0
DRIFT_MEMORY = 1800.0
RECENT_MEMORY = 600.0
"""Seconds over which noise, drift, and noise at short sight are averaged."""
BURST = 1.6
"""Times the usual noise from which on that of the last minutes counts instead: more than chance shows in sixty windows."""
LEAST_DRIFT = 1e-7
_NORMAL = NormalDist()


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
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
            return replace(self, level=rate, variance=self.dispersion * max(rate, 1 / seconds) / seconds, last=rate)
        level = max(self.level, 0.1 / seconds)
        seen = self.seen + seconds
        # After a silence the level is near nothing, and what comes back would look infinitely wild beside it.
        scale = max(level, rate)
        noise = (rate - self.last) ** 2 * seconds / (2 * scale)
        dispersion = self.dispersion + seconds / min(seen, DISPERSION_MEMORY) * (noise - self.dispersion)
        drift, steps = self.drift, max(1, round(AHEAD / seconds))
        if len(self.ahead) >= steps:
            forecast, variance = self.ahead[-steps]
            off = ((rate - forecast) ** 2 - dispersion * level / seconds - variance) / (scale**2 * steps * seconds)
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

    def quantile(self, ahead: float, exceeded: float, seconds: float) -> float:
        """Requests per second that a window of `seconds`, `ahead` seconds from now, exceeds with that chance. 0 before the first window.

        Of a gamma distribution with the forecast's mean and variance (Wilson and Hilferty, 1931): rates are not negative, and skewed.
        """
        if self.level is None:
            return 0.0
        mean = max(self.level, 0.1 / seconds)
        dispersion = self.recent if self.recent > BURST * self.dispersion else self.dispersion
        variance = self.variance + self.drift * mean**2 * ahead + dispersion * mean / seconds
        shape = mean**2 / variance
        # Of a spread far wider than the mean the approximation falls to nothing; what is rarely exceeded is never below the mean.
        least = mean if exceeded < 0.5 else 0.0
        return max(least, self._skewed(mean, shape, exceeded))

    @staticmethod
    def _skewed(mean: float, shape: float, exceeded: float) -> float:
        return mean * max(0.0, 1 - 1 / (9 * shape) - _NORMAL.inv_cdf(exceeded) / (3 * sqrt(shape))) ** 3
