"""How busy a server may be while its promise holds that takes what waits as one batch: Poisson arrivals, first come, first served, at most so many at
once, and a time for each batch that grows with its size (M/D[1,B]/1; Bailey, On queueing processes with bulk service, 1954).

Between two starts of batches the queue is a Markov chain: of n that wait min(n, B) are taken, and those that come while they are served wait at the
next start. Its stationary law is solved for, and everyone who comes during a batch is followed to the end of his own. With B = 1 it is M/D/1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil, exp, floor, log

import numpy as np
from numpy.typing import NDArray

Reals = NDArray[np.float64]

LEAST, MOST = 0.05, 0.95
"""Parts between which the bound is looked for: LEAST of what it would serve one at a time, MOST of the saturation."""
STEPS = 16
"""At most; half of them are enough where the part that is late rises smoothly."""
CLOSE = 2e-3
"""The bound is found to this part of the saturation, or of what may be late."""
PLACES = 64
"""Places of a batch that are told apart; a larger batch is taken as so many, of several inputs each. Fewer pieces come less evenly: the safe side."""
RAREST = 1e-4
"""Part that may be late at least: of less the queue says nothing."""
BEYOND = 6.0
"""Over what is free of the saturation: how many are followed that wait beside two batches. More of them do so once in 100,000 batches."""
STATIONARY, SETTLED = 60, 1e-7
"""Steps to the stationary law before it is solved for, and the change that ends them."""
FINE, FIXED = 25, 64
"""Points of the grid between 0 and 1: of limits, between which the bound is interpolated, and of the part that any batch takes, of which it is the nearest."""
JUMP, FINER = 1.25, 20
"""Times a point of the grid that the next one may be, and points between two that are farther from one another."""
COARSE, SLOWEST = 32, 2.5
"""Points of the grid of latencies in the time of a full batch, and times of that which it reaches to."""
LONGEST = 16.0
"""Times the time of a full batch; what may take longer is planned as if it might not."""


@dataclass(frozen=True, slots=True)
class Server:
    """sizes: of its batches, rising. padded: a batch takes as long as a full one of its size. workers: batches that it serves at a time, which is taken
    as one after the other, each in that part of the time, but not answered sooner."""

    sizes: tuple[int, ...]
    padded: bool = False
    workers: int = 1


def utilisation(server: Server, fixed: float, limit: float, late: float) -> float:
    """The highest load, as a part of the saturation, at which no more than the part `late` of the requests takes longer than `limit`, waiting included;
    in [LEAST, MOST].

    fixed: the part of a full batch's time that any batch takes, in [0, 1]; limit in times of a full batch. Interpolated between limits of a grid, whose
    values are kept, or computed where two of them are far from one another: within 2 %.
    """
    late = max(late, RAREST)
    grown, near = _grown(min(max(limit, 0.0), LONGEST)), round(fixed * FIXED)
    low = floor(grown)
    part = grown - low
    below = _at(server, near, float(low), late)
    above = _at(server, near, float(low + 1), late) if part else below
    if above > JUMP * below:
        return _at(server, near, floor(grown * FINER) / FINER, late)
    return (1 - part) * below + part * above


def _grown(limit: float) -> float:
    """Where on the grid a limit is: evenly up to 1, and evenly in its logarithm above, where it matters less."""
    return limit * FINE if limit <= 1 else FINE * (1 + log(limit))


@lru_cache(maxsize=16384)
def _at(server: Server, fixed: int, grown: float, late: float) -> float:
    limit = grown / FINE if grown <= FINE else exp(grown / FINE - 1)
    return highest(server, fixed / FIXED, limit, late)


def highest(server: Server, fixed: float, limit: float, late: float) -> float:
    """As `utilisation`, without the grid."""
    times = times_of(server, fixed)

    def above(used: float) -> float:
        return log(max(Queue(times, used).late(limit, server.workers), late / 1e4) / late)

    low, high = LEAST / (len(times) * float(times[0])), MOST
    if limit < times[0] or (at_low := above(low)) > 0:
        return low
    if (at_high := above(high)) <= 0:
        return high
    for _ in range(STEPS):
        # A straight line through both ends; one that stays counts half the next time, so that both close in (the Illinois method).
        used = low + (high - low) * at_low / (at_low - at_high)
        at = above(used)
        if abs(at) < CLOSE or high - low < CLOSE:
            return used
        low, at_low, high, at_high = (used, at, high, at_high / 2) if at < 0 else (low, at_low / 2, used, at)
    return low


def quantiles(server: Server, fixed: float, used: float, shares: Reals) -> Reals:
    """In which time each of these parts of the requests is answered at a load of `used` times the saturation, below 1; in times of a full batch, and
    at most SLOWEST of them. Of the nearest server and load of a grid, within 1 / COARSE."""
    limits, answered = _answered(server, round(fixed * COARSE), max(1, round(min(used, MOST) * COARSE)))
    found: Reals = np.interp(shares, answered, limits)
    return found


@lru_cache(maxsize=8192)
def _answered(server: Server, fixed: int, used: int) -> tuple[Reals, Reals]:
    """Limits, and the part that is answered within each."""
    times = times_of(server, fixed / COARSE)
    queue, limits = Queue(times, min(used / COARSE, MOST)), np.linspace(float(times[0]), SLOWEST, 2 * COARSE)
    return limits, np.maximum.accumulate([1 - queue.late(float(limit), server.workers) for limit in limits])


def times_of(server: Server, fixed: float) -> Reals:
    """(B,): of batches of 1, 2, ... up to the largest, in times of a full one."""
    largest = min(server.sizes[-1], PLACES)
    taken = np.arange(1, largest + 1) * server.sizes[-1] / largest
    rows = np.array(server.sizes)[np.searchsorted(server.sizes, taken - 1e-9)] if server.padded else taken
    times: Reals = fixed + (1 - fixed) * rows / server.sizes[-1]
    return times


class Queue:
    """At a load of `used` times the saturation, below 1. times: `times_of` the server; so are all times here.

    Of each number that waits at a start (K,): `_batch`, the place of its batch in `times`; `_stay`, how many are left; `_starts`, its chance. `_moves`
    (K, K + 1): the chance of how many wait after it. `_came`: of those who come during each batch.
    """

    def __init__(self, times: Reals, used: float) -> None:
        most = 2 * len(times) + ceil(BEYOND / (1 - used))
        waiting = np.arange(1, most + 1)
        self._times, self._came = times, used * len(times) * times
        self._batch = np.minimum(waiting, len(times)) - 1
        self._stay = waiting - self._batch - 1
        new = np.arange(most + 1) - self._stay[:, None]
        moves = np.where(new >= 0, _poisson(self._came, most)[self._batch[:, None], np.maximum(new, 0)], 0.0)
        moves[:, -1] += np.maximum(0.0, 1 - moves.sum(axis=1))
        self._moves, self._starts = moves, _stationary(moves)

    def late(self, limit: float, workers: int = 1) -> float:
        """The part of the requests that takes longer."""
        if limit < self._times[0]:
            return 1.0
        idle = float(self._starts @ self._moves[:, 0])
        everyone = float(self._starts @ self._came[self._batch]) + idle
        return min(1.0, (self._late_next(workers * limit, workers) + self._late_later(workers * limit - workers)) / everyone)

    def _late_next(self, limit: float, workers: int) -> float:
        """How many of those that come during a batch are late by the end of the next, and are in that: it is known how many wait for it, and who came
        early waits too long."""
        largest, after = len(self._times), np.arange(self._moves.shape[1])
        then = self._times[np.clip(after, 1, largest) - 1]
        early = np.clip(1 - (limit - workers * then) / self._times[self._batch][:, None], 0.0, 1.0)
        room = np.maximum(largest - self._stay, 0)[:, None]
        late = np.minimum(np.maximum(after - self._stay[:, None], 0) * early, room)
        return float(self._starts @ (self._moves * late).sum(axis=1))

    def _late_later(self, left: float) -> float:
        """How many that come during a batch are late of those that have to let full ones pass, each of one time, and are in a full one. left: of their
        limit without the time of that."""
        largest, most = len(self._times), len(self._starts)
        first = np.maximum(1, np.floor(left - self._times) + 1)
        part = np.clip(1 - (left - first) / self._times, 0.0, 1.0)
        some, every = _excess(self._came * part, most), _excess(self._came, most)
        low = np.clip(first[self._batch] * largest - self._stay, 0, most).astype(int)
        high = np.clip((first[self._batch] + 1) * largest - self._stay, 0, most).astype(int)
        return float(self._starts @ (some[self._batch, low] - some[self._batch, high] + every[self._batch, high]))


def _poisson(means: Reals, most: int) -> Reals:
    """(B, K + 1): the chance of each number."""
    numbers = np.arange(most + 1)
    factorials = np.concatenate(([0.0], np.cumsum(np.log(numbers[1:]))))
    chances: Reals = np.exp(numbers * np.log(np.maximum(means, 1e-300))[:, None] - means[:, None] - factorials)
    return chances


def _excess(means: Reals, most: int) -> Reals:
    """(B, K + 1): by how many, on the average, more than so many come."""
    more = np.maximum(0.0, 1 - np.cumsum(_poisson(means, most), axis=1))
    excess: Reals = np.cumsum(more[:, ::-1], axis=1)[:, ::-1]
    return excess


def _stationary(moves: Reals) -> Reals:
    """(K,): the chance that so many wait at a start. After an empty queue the next start is with the next arrival."""
    chain = moves[:, 1:].T.copy()
    chain[0] += moves[:, 0]
    starts: Reals = np.full(len(chain), 1 / len(chain))
    for _ in range(STATIONARY):
        # A few are enough, as the next queue hardly depends on this one while all that waits is taken.
        then = chain @ starts
        settled = float(np.abs(then - starts).sum()) < SETTLED
        starts = then
        if settled:
            return starts
    balance = chain - np.eye(len(chain))
    balance[-1], right = 1.0, np.zeros(len(chain))
    right[-1] = 1.0
    return np.asarray(np.maximum(np.linalg.solve(balance, right), 0.0), dtype=np.float64)
