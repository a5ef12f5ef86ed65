"""How many sequences a token server runs at the same time, and how long a request waits that finds no room: a birth and death chain.

Requests come at `rate`, and leave at k / (output * T(k)) while k of them run, where T(k) is the time of an iteration with k sequences and with the
prompts of those that take the place of who leaves. For servers that share their time among all it holds whatever the lengths are (Kelly, Reversibility
and Stochastic Networks, 1979, section 3.3). Who finds no slot free waits in line, and the tail of the wait is exponential (M/M/c; Erlang, 1917).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from steelyard.core.performance.belief import Reals
from steelyard.core.performance.iteration import Iteration

POINTS = 16
"""Numbers of sequences that are looked at; between two of them the logarithm of a chance is straight."""
_EVENLY = np.linspace(0.0, 1.0, POINTS + 1)
_HALVES = np.array([0.5, *[1.0] * (POINTS - 1), 0.5])
_MOMENTS = np.array([_HALVES * _EVENLY**power for power in range(3)])
"""(3, POINTS + 1): what sums chances, what makes their mean, and their mean square, by the trapezoidal rule; in widths and in tops."""
_SUMS = np.tril(np.ones((POINTS + 1, POINTS + 1)))[1:] - np.eye(POINTS + 1)[1:] / 2
_SUMS[:, 0] = 0.5
"""(POINTS, POINTS + 1): sums from the first point to each other one, by the same rule."""
FAR, FURTHER = 5.0, 20.0
"""Times the number that is most likely, and as many more, that are looked at where there are slots for so many."""
NEAREST = 1e-9
"""Part of the saturation to which a rate comes near it at most: beyond it the line is as long as one likes."""


@dataclass(frozen=True, slots=True, eq=False)
class Concurrency:
    """At one rate: `mean` and `deviation` of the sequences that run; `full`, the chance that all slots are taken; and `falls`, the seconds in which the
    tail of the wait behind that falls to 1/e."""

    mean: Reals
    deviation: Reals
    full: Reals
    falls: Reals

    def wait(self, allowed: float) -> Reals:
        """Seconds that no more than the part `allowed` of the requests waits for longer than."""
        return np.asarray(self.falls * np.log(np.maximum(self.full / allowed, 1.0)))


def concurrency(iteration: Iteration, rate: Reals, slots: Reals, likely: Reals) -> Concurrency:
    """Of a server that runs so many `slots` sequences at most, a finite number, and `likely` so many at this rate (`Iteration.arrivals` times the output).
    The figures of the iteration, and the others, broadcast."""
    top = np.minimum(slots, FAR * likely + FURTHER)
    # The points are the first axis: along the others numbers are many, and lie together.
    running = np.multiply.outer(_EVENLY, top)
    stays = np.log(iteration.output * iteration.itl(running / iteration.output, running))
    width = top / POINTS
    chance = running * np.log(rate) - _log_factorial(running)
    chance[1:] += np.tensordot(_SUMS, stays, 1) * width + (stays[1:] - stays[0]) / 2
    chance = np.exp(chance - chance.max(axis=0))
    most = top / np.exp(stays[-1])
    used = np.minimum(rate / most, 1 - NEAREST)
    waits, last = top == slots, chance[-1]
    waiting = np.where(waits, last * used / (1 - used), 0.0)
    # Each point stands for the width around it, and the two ends for half of one number more.
    total, once, twice = np.tensordot(_MOMENTS, chance, 1) * width
    beside = last / 2 + waiting
    total = total + chance[0] / 2 + beside
    mean, square = top * (once + beside) / total, top * top * (twice + beside) / total
    return Concurrency(
        mean=mean,
        deviation=np.sqrt(np.maximum(square - mean**2, 0.0)),
        full=np.where(waits, np.minimum(1.0, (last + waiting) / total), 0.0),
        falls=1 / (most * (1 - used)),
    )


def _log_factorial(numbers: Reals) -> Reals:
    """Of reals from 0 on: Stirling's series, three further on; to 1e-6."""
    further = numbers + 4
    product = (numbers + 1) * (numbers + 2) * (numbers + 3)
    inverse = 1 / further
    return np.asarray(
        (further - 0.5) * np.log(further) - further + np.log(2 * np.pi) / 2 + inverse * (1 - inverse * inverse / 30) / 12 - np.log(product)
    )
