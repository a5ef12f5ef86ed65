"""How often a window's load may exceed the capacity kept for it, learnt so that in the end no more is missed than may be.

One chance for every level of load and every size of the fleet is the cheapest way to miss a given part of all requests: a replica more saves
its capacity times the chance that it is needed (the newsvendor's rule). What that chance has to be is not known, so it follows what is missed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from math import exp, log

from steelyard.core.facts.memory import Risk
from steelyard.core.facts.window import Window

FIRST = 20.0
"""The chance to begin with, as a multiple of the part that may be missed: by how much a load exceeds is far less than how often."""
MOST = 0.6
LEAST = 1 / 20
"""Of the part that may be missed."""
LEAST_PART = 1e-5
"""Nothing is enough for certain: of a promise without a budget so much is planned to be missed."""
PATIENCE = 10_000.0
"""Seconds in which what is missed, beside what may be, changes the chance by a factor of e."""
WRITTEN = timedelta(minutes=45)
"""Age at which a chance is written down anew, before its windows are forgotten."""
NEWS = 2.0
"""Times the remembered chance, either way, that are written down at once."""


def first_risk(allowed: float) -> float:
    """The chance before anything was seen. allowed: part of the requests that sizing may miss."""
    return min(MOST, FIRST * max(allowed, LEAST_PART))


def risk(before: Risk | None, windows: Iterable[Window], allowed: float) -> float:
    """The chance after these windows of all placements, in any order; those that `before` knows already count no more."""
    part = max(allowed, LEAST_PART)
    known = before.until if before else None
    missed: dict[datetime, tuple[int, int, float]] = {}
    for w in windows:
        if known is None or w.end > known:
            bad, asked, _ = missed.get(w.end, (0, 0, 0.0))
            missed[w.end] = (bad + w.violations, asked + w.offered, w.seconds)
    chance = log(before.chance if before else first_risk(allowed))
    for end in sorted(missed):
        bad, asked, seconds = missed[end]
        if asked:
            off = min(bad / asked / part, 1 / part) - 1
            chance = min(log(MOST), max(log(LEAST * part), chance - seconds / PATIENCE * max(-1.0, min(off, 10.0))))
    return exp(chance)


def remembered(before: Risk | None, chance: float, newest: datetime | None) -> Risk | None:
    """What is written down of it: the same as before while it says nearly the same and its windows are still held."""
    if newest is None:
        return before
    rounded = Risk(float(f"{chance:.2g}"), newest)
    if before is None:
        return rounded
    news = abs(log(chance / before.chance)) > log(NEWS) or newest - before.until > WRITTEN
    return rounded if news and rounded.chance != before.chance else before
