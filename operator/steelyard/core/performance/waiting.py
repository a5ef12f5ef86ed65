"""How busy a replica may be while its promise holds: first come, first served, one request at a time, Poisson arrivals, and a constant time for each
(M/D/1). The bound on utilisation is a matter of the objective: 0.32 where 99 % may take three times the service time, 0.91 where they may take 25.
"""

from __future__ import annotations

from functools import lru_cache
from math import exp, floor

LONGEST = 40.0
"""Service times; what may take longer is planned as if it might not: there a hundredth of utilisation is left to gain."""
LEAST, MOST = 0.05, 0.95
"""Utilisations between which the bound is looked for: an empty replica says nothing, and a full one has no bound."""
STEPS = 12


@lru_cache(maxsize=4096)
def utilisation(late: float, limit: float) -> float:
    """The highest at which no more than the part `late` of the requests takes longer than `limit` service times, waiting included; to 2e-4, in
    [LEAST, MOST]."""
    low, high, limit = LEAST, MOST, min(limit, LONGEST)
    if 1 - answered(high, limit) <= late:
        return high
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - answered(middle, limit) <= late else (low, middle)
    return low


def answered(rho: float, limit: float) -> float:
    """The part of the requests that is answered within `limit` service times at utilisation `rho` < 1.

    The chance of a wait is that of the requests which are in the system when the wait ends (Franx, A simple solution for the M/D/c waiting time
    distribution, Operations Research Letters 29, 2001): sums of positive terms alone.
    """
    if limit < 1:
        return 0.0
    whole = floor(limit - 1) + 1
    left = rho * (whole - (limit - 1))
    fewer, total = _in_system(rho, whole), 0.0
    poisson = exp(-left)
    for arrived in range(whole):
        total += poisson * fewer[whole - 1 - arrived]
        poisson *= left / (arrived + 1)
    return min(1.0, total)


def _in_system(rho: float, most: int) -> list[float]:
    """The chance of at most n + 1 requests in the system, for n below `most`. By the levels that are crossed as often upwards as downwards."""
    arrivals, beyond = [exp(-rho)], [1.0, 1 - exp(-rho)]
    for n in range(1, most + 2):
        arrivals.append(arrivals[-1] * rho / n)
        beyond.append(beyond[-1] - arrivals[-1])
    chance = [1 - rho]
    for n in range(most):
        up = chance[0] * beyond[n + 1] + sum(chance[i] * beyond[n + 2 - i] for i in range(1, n + 1))
        chance.append(up / arrivals[0])
    sums = [chance[0]]
    for each in chance[1:]:
        sums.append(sums[-1] + each)
    return sums[1:]
