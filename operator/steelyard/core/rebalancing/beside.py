"""A figure that was measured beside the operating point, or at another load than the one that it is compared with: how far off it may be there.

*Power* rises with the load, and the energy of a request falls with it, since a device draws power while it is idle too. So where x requests per second
drew P watts, c of them draw from P to P c / x (from P c / x to P, where c is below x). *Latency* rises with the load: of one server, with times that
are constant or come by chance, by no more than ((1 - x) / (1 - y)) ** STEEPEST from the part x of what it completes at most to the part y.
"""

from __future__ import annotations

from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.rebalancing.verdict import Seen
from steelyard.core.vocabulary.reason import Reason, Refusal

STEEPEST = 1.6
"""Of a constant time for each request (`waiting.answered`), at percentiles up to 99.9 and from a fifth of saturation on; 1 where times are exponential."""
FULL = 0.99
"""Part of saturation from which on a latency says nothing of another load."""
UNLIKE = 1.5
"""Times that a latency may differ for the load alone, from which on two are not compared."""


def power_at(energy: UnitEnergy, rate: Seen, devices: float) -> Seen | Refusal:
    """Watts of one of the replica's devices at that rate, in requests per second and replica."""
    if energy.load <= 0:
        return Refusal(Reason.TOO_FEW_REQUESTS, "nothing was answered while the energy was told")
    at = rate.by_chance
    low, high = min(1.0, at.lower / energy.load), max(1.0, at.upper / energy.load)
    return Seen(energy.watts.times(1 / devices), energy.n, low=low, high=high)


def over(mine: Seen, theirs: Seen) -> Seen | Refusal:
    """The ratio of two figures of the same quantity, at the load of the first where they depend on it."""
    low, high = mine.low / theirs.high, mine.high / theirs.low
    if mine.full is not None and theirs.full is not None:
        more, less = _growth(theirs.full.lower, mine.full.upper), _growth(mine.full.lower, theirs.full.upper)
        if max(more, less) > UNLIKE:
            return Refusal(
                Reason.NOT_COMPARABLE,
                f"the one was measured at {100 * mine.full.point:.0f} % of what it completes at most and the other at {100 * theirs.full.point:.0f} %",
            )
        low, high = low / more, high * less
    n, once, sure = min(mine.n, theirs.n), mine.once and theirs.once, mine.sure and theirs.sure
    # What reaches from edge to edge of a histogram is not off by chance.
    value = mine.value.over(theirs.value) if sure else mine.value.by_chance_over(theirs.value)
    return Seen(value, n, once=once, sure=sure, low=low, high=high)


def _growth(x: float, y: float) -> float:
    """Times the latency at the part x of saturation that it is at most at the part y."""
    return 1.0 if y <= x else ((1 - min(x, FULL)) / (1 - min(y, FULL))) ** STEEPEST
