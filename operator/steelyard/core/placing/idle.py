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
    memory = seen.snapshot.memory
    usable = [(o, memory.start_seconds(o.pool, o.candidate.revision)) for o in seen.eligible]
    told = "; ".join(_cold(seen, o, took) for o, took in sorted(usable, key=lambda each: (each[1] or inf, each[0].pool)))
    wake = f" A first replica: {told}." if told else " No pool may be used now: see `kubectl steelyard explain`."
    return Refusal(Reason.IDLE, f"all its ScaleTargets ask for no replica; scale one up, or let what sees the requests do so.{wake}"[:900])


def _cold(seen: Analysis, option: Option, took: float | None) -> str:
    if took is None:
        return f"on pool {option.pool} no start was measured yet"
    until = f"on pool {option.pool} {significant(took, 2):g} s"
    if option.each is None:
        return until
    return f"{until} and {significant(option.each * took / HOUR, 2):g} {seen.snapshot.settings.currency} until it serves"
