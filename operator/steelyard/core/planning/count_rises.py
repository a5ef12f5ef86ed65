"""Counting how the load rises: once in a while over the windows that came since, and only where it rose, so that nothing is written at rest."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.rises import STEPS, WITHIN, Rises
from steelyard.core.planning.load import PEAK_SIGMAS, REMEMBERED, Rates
from steelyard.core.planning.rises import MOST, left, requests_until
from steelyard.core.statistics.significant import significant

EVERY = timedelta(minutes=30)
"""At most half of the time of the windows that are there to be counted."""
SURE_SIGMAS = 2.0
"""Standard deviations of a window's count that are no part of a rise, once one is seen that chance does not make."""
DIGITS = 2
_STEPS = np.array(STEPS)

Reals = NDArray[np.float64]
Places = NDArray[np.int64]


def count_rises(before: Rises | None, rates: Rates) -> Rises:
    """With the windows that ended since, or as they were where it is not time or the load did not rise. None is before the first window."""
    end = rates.end.replace(microsecond=0)
    if before is None:
        return Rises(until=end)
    passed = end - before.until
    if passed < min(EVERY, timedelta(seconds=REMEMBERED / 2 * rates.length)):
        return before
    new, length = round(passed.total_seconds() / rates.length), rates.length
    each, loads = np.array(rates.each), np.array(rates.loads)
    chance = np.sqrt(max(1.0, rates.learnt[-1].dispersion) * each / length)
    risen, sure = each - PEAK_SIGMAS * chance, each - SURE_SIGMAS * chance
    # What did not rise above the load rose above no forecast of it, which takes longer to make.
    if risen.max() < (1 + STEPS[0]) * loads.min():
        return before
    pairs = [_apart(rates, new, max(1, round(within / length))) for within in WITHIN]
    if not any(_risen(risen, loads, loads, *pair).any() for pair in pairs):
        return before
    slopes, rest = np.array([rates.slope(at) for at in range(len(each))]), left(passed)
    found = [_risen(sure, loads + slopes * within, loads, *pair) * length for within, pair in zip(WITHIN, pairs, strict=True)]
    return Rises(
        until=end,
        requests=_rounded(requests_until(before, float(loads[-new:].mean()), end)),
        risen=tuple(
            tuple(_rounded(rest * old + more) for old, more in zip(counted, row.tolist(), strict=True))
            for counted, row in zip(before.risen, found, strict=True)
        ),
    )


def _rounded(requests: float) -> int:
    return round(significant(requests, DIGITS))


def _apart(rates: Rates, new: int, apart: int) -> tuple[Places, Places]:
    """The places of the newest windows, and of those so many windows before them, where both are told: in one that a placement joined or left the load
    may have been any."""
    at = np.arange(len(rates.each))
    for place, missing in rates.gaps:
        at[place:] += missing
    later = np.flatnonzero(at > at[-1] - new)
    then = np.searchsorted(at, at[later] - apart)
    told = at[then] == at[later] - apart
    return then[told], later[told]


def _risen(sure: Reals, expected: Reals, loads: Reals, then: Places, later: Places) -> Reals:
    """For each of STEPS the requests per second of windows after which so much more surely came than was expected; summed over all of them."""
    than, came = expected[then, None], sure[later, None]
    return np.asarray(loads[then] @ ((came >= (1 + _STEPS) * than) & (came <= (1 + MOST) * than)))
