"""Nobody asks for a replica: what the first one would take where somebody does, the pool that starts soonest first."""

from __future__ import annotations

from math import inf

from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reason import Reason, Refusal

HOUR = 3600


def idle(seen: Analysis) -> Refusal:
    """Seconds are those that a replica was last measured to take on a pool; money is what its price per hour makes of them. What was never measured
    is not known, and not free."""
    usable = [(o, _start(seen, o)) for o in seen.options if o.refusal is None]
    told = "; ".join(_cold(seen, o, took) for o, took in sorted(usable, key=lambda each: (each[1] or inf, each[0].pool)))
    wake = f" A first replica: {told}." if told else " No pool may be used now: see `kubectl steelyard explain`."
    return Refusal(Reason.IDLE, f"all its ScaleTargets ask for no replica; scale one up, or let what sees the requests do so.{wake}"[:900])


def _cold(seen: Analysis, option: Option, took: float | None) -> str:
    if took is None:
        return f"on pool {option.pool} no start was measured yet"
    paid = (
        ""
        if option.each is None
        else f" and {significant(option.each * took / HOUR, 2):g} {seen.snapshot.settings.currency} until it serves"
    )
    return f"on pool {option.pool} {significant(took, 2):g} s{paid}"


def _start(seen: Analysis, option: Option) -> float | None:
    """Of the revision that would start there, or else of the slowest that ever did."""
    there = {k.revision: k.start_seconds for k in seen.snapshot.memory.known if k.pool == option.pool and k.start_seconds is not None}
    return there.get(option.candidate.revision or "", max(there.values(), default=None))
