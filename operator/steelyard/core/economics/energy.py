"""Energy of a good request, from counters of joules. What no counter tells is unknown, and never 0.

Counters are read when their exporter is scraped, which is seldom at the ends of a window, and an exporter may stand still. So what is known of a
window is how much was drawn in how many of its replica-seconds; where that is most of them, the rest drew as much. Idle time of a device is
part of it: energy is that of the device over the whole time, not of the requests alone.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import isfinite

from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.window import Window
from steelyard.core.statistics.interval import ratio_interval

MOST_METERS = 16
"""Counters of one pod. More of them are no devices."""
MOST_WATTS = 10_000.0
"""Of one counter; no device draws as much."""
COVERED = 0.6
"""Part of a window's replica-seconds that counters have to tell of."""


@dataclass(frozen=True, slots=True)
class Meters:
    """Joules counted for one pod until `at`, by device. `estimated`: a part of what a node's processors drew, and not a device's own."""

    at: datetime
    joules: Mapping[str, float]
    estimated: bool = False


@dataclass(frozen=True, slots=True)
class Drawn:
    """Joules that were drawn in so many replica-seconds of which counters tell."""

    joules: float = 0.0
    seconds: float = 0.0
    estimated: bool = False

    def __add__(self, other: Drawn) -> Drawn:
        """What is estimated in part is an estimate."""
        return Drawn(self.joules + other.joules, self.seconds + other.seconds, self.estimated or other.estimated)

    def over(self, replica_seconds: float) -> float | None:
        """Joules of all of them at the same power; None where counters tell of less than COVERED."""
        if replica_seconds <= 0 or self.seconds < COVERED * replica_seconds:
            return None
        return self.joules / self.seconds * replica_seconds


NOTHING = Drawn()


def meters(told: Iterable[tuple[str, float]], at: datetime, *, estimated: bool = False) -> Meters | None:
    """Of counters by device; None where there is none, one is there twice or is no number, or there are more than a pod has devices."""
    found: dict[str, float] = {}
    for device, joules in told:
        if device in found or len(found) == MOST_METERS or not (isfinite(joules) and joules >= 0):
            return None
        found[device] = joules
    return Meters(at, found, estimated) if found else None


def between(old: Meters | None, new: Meters | None) -> Drawn:
    """What a pod drew from one reading to another one; nothing is known where a device came or went, or a counter went back or too fast."""
    if old is None or new is None or old.joules.keys() != new.joules.keys():
        return NOTHING
    seconds = (new.at - old.at).total_seconds()
    grown = [joules - old.joules[device] for device, joules in new.joules.items()]
    if seconds <= 0 or any(not 0 <= each <= MOST_WATTS * seconds for each in grown):
        return NOTHING
    return Drawn(sum(grown), seconds, new.estimated or old.estimated)


def unit_energy(windows: Sequence[Window], chance: random.Random) -> UnitEnergy | None:
    """Joules per good request and watts of a replica over those of the windows that tell their energy; None without any, or without a good request."""
    told = [(w, w.joules) for w in windows if w.joules is not None and w.replica_seconds > 0]
    each = ratio_interval([(joules, float(w.good)) for w, joules in told], chance)
    watts = ratio_interval([(joules, w.replica_seconds) for w, joules in told], chance)
    if each is None or watts is None:
        return None
    return UnitEnergy(
        each=each,
        watts=watts,
        load=sum(w.good + w.slow for w, _ in told) / sum(w.replica_seconds for w, _ in told),
        n=sum(w.good for w, _ in told),
        estimated=any(w.joules_estimated for w, _ in told),
    )
