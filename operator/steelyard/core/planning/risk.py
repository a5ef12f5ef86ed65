"""How often a window's load may exceed the capacity kept for it, learnt so that in the end no more is missed than may be.

One chance for every level of load and every size of the fleet is the cheapest way to miss a given part of all requests: a replica more saves
its capacity times the chance that it is needed (the newsvendor's rule). What that chance has to be is not known, so it follows what is missed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

FIRST = 20.0
"""The chance to begin with, as a multiple of the part that may be missed: by how much a load exceeds is far less than how often."""
MOST = 0.6
LEAST_PART = 1 / 20
AIM = 0.97
"""Part of what may be missed that is aimed at."""
PATIENCE = 10_000.0
MEMORY = 100_000.0
"""Seconds: after so many a window counts as much as all before, rising from PATIENCE to this with the time seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Risk:
    """allowed: part of all requests that may be missed, above 0. chance: that a window exceeds its capacity. seen: seconds so far."""

    allowed: float
    chance: float
    seen: float = 0.0

    @classmethod
    def of(cls, allowed: float) -> Risk:
        """Before anything was seen. ValueError where nothing may be missed: no capacity is enough for certain."""
        if not 0 < allowed < 1:
            raise ValueError(f"a part of the requests between 0 and 1 must be allowed to miss the objective, got {allowed}")
        return cls(allowed=allowed, chance=min(MOST, FIRST * allowed))

    def after(self, missed: float, expected: float, seconds: float) -> Risk:
        """With one window more, in which so many of the `expected` requests were missed."""
        seen = self.seen + seconds
        off = missed / max(1.0, expected) / self.allowed - AIM
        chance = log(self.chance) - seconds / (PATIENCE + min(seen, MEMORY)) * off
        return Risk(allowed=self.allowed, chance=exp(min(log(MOST), max(log(LEAST_PART * self.allowed), chance))), seen=seen)
