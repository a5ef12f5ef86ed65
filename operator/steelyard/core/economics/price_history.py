"""Prices of one offering over time: what is not plausible is quarantined, and the last good one used meanwhile (fault case 9).

A glitch of a feed is 0, negative, or off by a factor of a thousand, and passes. A real step stays: it is accepted when it has been read
several times in a row, some time apart. Whatever happens, a price that nobody has confirmed moves nothing: while one is in quarantine the
reading is stale.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from statistics import median

from steelyard.core.facts.price import Price
from steelyard.core.vocabulary.reading import Reading, Stale, Unknown

PLAUSIBLE = (0.2, 5.0)
"""Of the trailing median."""
TRAILING = 9
"""Reads that the median is of."""
PERSISTS = 3
"""Reads in a row that make a step real."""
APART = timedelta(minutes=10)
"""Between two reads that count: asking a broken feed again at once confirms nothing."""
ALIKE = 1.25
"""Factor within which reads of one step agree; a feed that says something else each time confirms nothing either."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceHistory:
    """`good`: the newest accepted prices, oldest first. `suspect`: reads in a row that agree with each other and not with the good ones.
    `read`: when the last read that counts was."""

    good: tuple[Price, ...] = ()
    suspect: tuple[Price, ...] = ()
    read: datetime | None = None


def read(history: PriceHistory, price: Price | None, offering: str, now: datetime) -> tuple[PriceHistory, Reading[Price]]:
    """One read of the source at `now`: the history with it, and what may be believed. None: the source did not name the offering."""
    if price is None or not (isfinite(price.per_hour) and price.per_hour > 0):
        said = "no price" if price is None else f"{price.per_hour:g} per hour"
        return replace(history, suspect=()), _held(history, f"the source says {said} for {offering}, which is not plausible: mend it", now)
    counts = history.read is None or now - history.read >= APART
    low, high = PLAUSIBLE
    usual = median(p.per_hour for p in history.good) if history.good else price.per_hour
    if low * usual <= price.per_hour <= high * usual:
        # Between two reads that count the newest replaces the last one: the median is over time, not over how often was asked.
        kept = history.good if counts or not history.good else history.good[:-1]
        good = (*kept, price)[-TRAILING:]
        return PriceHistory(good=good, read=now if counts else history.read), price.reading(now)
    agrees = bool(history.suspect) and 1 / ALIKE <= price.per_hour / history.suspect[-1].per_hour <= ALIKE
    if not agrees:
        history = replace(history, suspect=(price,), read=now)
    elif counts:
        history = replace(history, suspect=(*history.suspect, price), read=now)
    if len(history.suspect) >= PERSISTS:
        return PriceHistory(good=history.suspect, read=now), price.reading(now)
    why = (
        f"{offering} costs {price.per_hour:g} per hour by its source and {usual:g} until now: in quarantine until {PERSISTS} reads agree "
        f"({len(history.suspect)} so far); if it is right, nothing is to be done"
    )
    return history, _held(history, why, now)


def _held(history: PriceHistory, why: str, now: datetime) -> Reading[Price]:
    """The last good price, which justifies no move."""
    if not history.good:
        return Unknown(why)
    last = history.good[-1]
    return Stale(last, last.as_of or history.read or now, why)
