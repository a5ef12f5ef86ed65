"""What a trial sends to each pool, for how long, and what that can cost at most.

First a ramp, from well below to well above what one replica there may carry; then a shorter one for each other length that is asked for; then all,
a half and twice of the workload's own load, each by the replicas that it would need there. All pools get the same seconds. What a replica may take
to start is paid as well, so it is a part of what is reserved; nothing is ever paid beyond it, since the Job of a replica ends by itself after its
seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, log

from steelyard.core.facts.probe import LengthRamps, Lengths, Ramp
from steelyard.core.facts.snapshot import Workload
from steelyard.core.placing.analysis import Analysis
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.asked import SPARE, START
from steelyard.core.statistics.significant import significant
from steelyard.core.vocabulary.reading import Fresh

PARTS = (1.0, 0.5, 2.0)
"""Of the workload's load, at which a steady step is sent: its own first, since a trial may end once that is measured."""
GROWTH, HALVINGS = 4.0, 6
"""Times the last rate that the next one is, at least, until the promise breaks, and steps between that one and the last that kept it."""
MOST_GROWTH = 16.0
"""Which the generator takes at most."""
RAMP, STEADY = 0.65, 0.2
"""Of the time for the load, for the ramp and for the steady steps together; the rest is for the queues of steps that were too much."""
SENT = RAMP + STEADY
BETWEEN = 4
"""Times as long as a step that only finds where the promise breaks, those are that tell how near to it, where there is time."""
TWICE = 2.0
"""Times the longest objective that a step lasts at least: a queue that a request waits in for so long has to grow first."""
FULLER = 2
"""Steps beyond those that a ramp is counted with, until a server is full."""
BELOW, WIDE = 16.0, 1024.0
"""Times below what a replica is expected to carry, at least, that a ramp begins; and times its first step that it goes up to. What is known of a pool says
where to begin and not where to end: a trial is to find out."""
FASTEST = 100.0
"""Requests per second that a ramp goes up to at least where nothing is known of a pool and its load."""
AT_LENGTH = 0.2
"""Of the seconds of the load, that a ramp at another length takes beside them."""
FOURFOLD, FEWER_HALVINGS, LONGER = 4.0, 4, 2
"""Times below what is expected at another length, that its ramp begins, and above, that it ends; its halvings, and times as long as its other steps, that
these are. Where work grows with the length or with its square, or does not depend on it, twice or half of it is within the first and the last step."""
LEAST_START = 60
SHORTEST, LONGEST = 180, 3600
"""Seconds of load, where the budget alone says how long."""
HOUR = 3600


def start_seconds(seen: Analysis, option: Option) -> int:
    """That a replica may take there: twice what was measured, or START."""
    standing = [p.start_seconds for p in seen.snapshot.placements if p.key.pool == option.pool and p.start_seconds is not None]
    remembered = [k.start_seconds for k in seen.snapshot.memory.known if k.pool == option.pool and k.start_seconds is not None]
    took = max(standing or remembered, default=None)
    return START if took is None else max(LEAST_START, int(SPARE * took))


def pays_for(budget: float, each: Sequence[float], start: int) -> float:
    """Seconds of load for which the budget is enough. each: money per hour of each replica; start: seconds that all of them may have to wait before."""
    return budget * HOUR / sum(each) - start


def load_seconds(asked: int | None, least: int, pays: float) -> int | None:
    """How long the load lasts: as asked, else as long as the budget pays for; None where that is less than what is asked, or than `least`. pays: seconds that
    it pays for."""
    if asked is not None:
        return asked if asked <= pays else None
    return None if pays < least else int(min(max(LONGEST, least), pays))


def beside(seconds: int, factors: int, least: int) -> int:
    """Seconds of the ramps at so many other lengths, beside so many of load. least: of each of them."""
    return factors * max(int(AT_LENGTH * seconds), least)


def within(total: float, factors: int, least: int) -> float:
    """The most seconds of load that are, with those beside them, no more than so many."""
    return min(total / (1 + AT_LENGTH * factors), total - factors * least)


def least_beside(workload: Workload) -> int:
    """Seconds of a ramp at another length, in which it tells anything."""
    return ceil(_least_step(workload) * (_GROWS + FEWER_HALVINGS) / SENT)


def length_ramps_of(workload: Workload, factors: tuple[float, ...], seconds: int) -> LengthRamps | None:
    """The ramps at other lengths beside so many seconds of load; None where none is asked for."""
    if not factors:
        return None
    least, all_of_it = _least_step(workload), SENT * beside(seconds, 1, least_beside(workload))
    each = max(all_of_it / (_GROWS + LONGER * FEWER_HALVINGS), least)
    between = max(each, (all_of_it - _GROWS * each) / FEWER_HALVINGS)
    return LengthRamps(
        factors=factors,
        growth=FOURFOLD,
        halvings=FEWER_HALVINGS,
        step_seconds=max(1, int(each)),
        between_seconds=max(1, int(between)),
    )


def reserved(each: Sequence[float], seconds: int) -> float:
    """Money that replicas cost at most that are there for so many seconds."""
    return sum(each) * seconds / HOUR


def least_seconds(workload: Workload) -> int:
    """Of load, in which a ramp tells anything: each of its steps has to last for longer than a request may take."""
    return ceil(_least_step(workload) * (_USUAL + HALVINGS) / RAMP)


def ramp_of(seen: Analysis, option: Option, load: float | None, seconds: int) -> Ramp:
    """The ramp to a pool in so many seconds for all of the load. load: of the workload when the trial began."""
    each = max(RAMP * seconds / (_USUAL + BETWEEN * HALVINGS), _least_step(seen.snapshot.workload))
    step = max(1, int(each))
    first, most = _loads(seen, option, load, 1 / step)
    between = max(each, (RAMP * seconds - _USUAL * each) / HALVINGS)
    return Ramp(
        first=significant(first),
        most=significant(most),
        step_seconds=step,
        halvings=HALVINGS,
        lengths=lengths_of(seen),
        between_seconds=max(1, int(between)),
        growth=significant(min(MOST_GROWTH, max(GROWTH, (most / first) ** (1 / _GROWING)))),
    )


_GROWING = ceil(log(WIDE, GROWTH))
"""Times that the rate grows from the first to the most."""
_USUAL = 1 + _GROWING + FULLER
"""Steps of a ramp beside its halvings."""
_GROWS = 3
"""The same of a ramp at another length: below, at and above what is expected."""


def _least_step(workload: Workload) -> float:
    return TWICE * max((o.milliseconds / 1000 for o in workload.latency if o.metric != "itl"), default=0.5)


def steady_seconds(seconds: int) -> int:
    """Of each steady step."""
    return max(1, int(STEADY * seconds / len(PARTS)))


def loads_of(load: float | None) -> tuple[float, ...]:
    """Requests per second of the whole workload, which steady steps are for; none where no load was known."""
    return tuple(significant(part * load) for part in PARTS) if load else ()


def _loads(seen: Analysis, option: Option, load: float | None, least: float) -> tuple[float, float]:
    """Requests per second that one replica is sent first and at most. least: of which one is sent within a step; what is slower is found by halvings."""
    expected = [rate for rate in (_share(seen, load), option.capacity.rate.point if option.capacity is not None else None) if rate]
    if not expected:
        return least, max(FASTEST, WIDE * least)
    # What was carried is there or above; a first step that is too much is halved.
    first = max(least, max(expected) / BELOW)
    return first, WIDE * first


def _share(seen: Analysis, load: float | None) -> float | None:
    """Requests per second of one replica of those that serve."""
    ready = sum(p.ready for p in seen.members)
    return load / ready if load and ready else None


def lengths_of(seen: Analysis) -> Lengths | None:
    """Of the requests where the workload serves, the placement that is named first before the others."""
    keys = sorted((p.key for p in seen.members), key=lambda key: (key != seen.primary, key))
    read = (seen.snapshot.traffic.get(key) for key in keys)
    return next((r.value.lengths for r in read if isinstance(r, Fresh) and r.value.lengths is not None), None)
