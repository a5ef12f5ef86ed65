"""Energy of a good request: measured where the device reports watts or joules, estimated where it is a percentage, unknown otherwise.

GPUs count joules (DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION, in millijoules since boot) or tell watts. Neuron devices tell a percentage of a
maximum that is not published, so the rated power has to be given and the result is called estimated. What is idle draws power too: energy
is that of the device over the whole time, not of the requests alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from math import fsum, isfinite

from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown

GAP = timedelta(minutes=3)
"""Longest time between two samples of power that is bridged; Neuron tells one a minute."""


class Method(StrEnum):
    """Where a figure comes from."""

    MEASURED = "measured"
    ESTIMATED = "estimated"


@dataclass(frozen=True, slots=True)
class Energy:
    """Joules, and how they are known."""

    joules: float
    method: Method

    def __add__(self, other: Energy) -> Energy:
        """What is estimated in part is an estimate."""
        measured = self.method is other.method is Method.MEASURED
        return Energy(self.joules + other.joules, Method.MEASURED if measured else Method.ESTIMATED)

    def times(self, part: float) -> Energy:
        """A fraction of it: of a device that is shared, of a time."""
        return Energy(self.joules * part, self.method)


def counted(first: float, last: float, at: datetime) -> Reading[Energy]:
    """From a counter of joules at both ends of a time."""
    if not (isfinite(first) and isfinite(last)) or last < first:
        return Unknown("the device's energy counter went back: it was reset in between, and what it counted before is lost")
    return Fresh(Energy(last - first, Method.MEASURED), at)


def integrated(watts: Sequence[tuple[datetime, float]]) -> Reading[Energy]:
    """From samples of power in order of time, by the trapezoidal rule."""
    return _integrated(watts, Method.MEASURED)


def estimated(percents: Sequence[tuple[datetime, float]], rated_watts: float | None) -> Reading[Energy]:
    """From samples of percent of the rated power, in order of time. rated_watts None: nobody has said."""
    if rated_watts is None or not (isfinite(rated_watts) and rated_watts > 0):
        return Unknown("the device tells a percentage and its rated power is not known: give the rated watts of the accelerator")
    if any(not 0 <= percent <= 100 for _, percent in percents):
        return Unknown("the device tells a power outside of 0 to 100 percent")
    return _integrated([(at, rated_watts * percent / 100) for at, percent in percents], Method.ESTIMATED)


def per_thousand_good(energy: Reading[Energy], good: int) -> Reading[Energy]:
    """Energy of 1,000 good requests; no good request, no value."""
    if isinstance(energy, Unknown):
        return energy
    if good <= 0:
        return Unknown("there was no good request")
    each = energy.value.times(1000 / good)
    return Fresh(each, energy.at) if isinstance(energy, Fresh) else Stale(each, energy.at, energy.why)


def _integrated(watts: Sequence[tuple[datetime, float]], method: Method) -> Reading[Energy]:
    if len(watts) < 2:
        return Unknown("fewer than two samples of power")
    if any(not (isfinite(power) and power >= 0) for _, power in watts):
        return Unknown("the device tells a power that cannot be one")
    steps = [((after - before).total_seconds(), (a + b) / 2) for (before, a), (after, b) in pairwise(watts)]
    if any(seconds <= 0 for seconds, _ in steps):
        return Unknown("the samples of power are not in order of time")
    if max(seconds for seconds, _ in steps) > GAP.total_seconds():
        return Unknown(f"samples of power are missing for more than {GAP.total_seconds():.0f} s")
    return Fresh(Energy(fsum(seconds * power for seconds, power in steps), method), watts[-1][0])
