"""Good requests per second that one replica serves while the promise holds, with uncertainty.

Utilisation law (Denning and Buzen, 1978): U = X * S. The time S that a request occupies a replica is measured at any load as
busy time over requests; the promise holds up to a utilisation RHO that queueing allows, so capacity = RHO / S. A claim is only a wide
prior: one window of real traffic outweighs it. A server that takes several requests at once has a law of its own (`batching`). Where
the server does not tell its busy time, the load itself is the evidence: a load carried within the promise is a lower bound of capacity,
a load that broke it an upper one.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime
from math import floor, inf, sqrt

from steelyard.core.facts.capacity import CLAIM_SPREAD, Basis, Capacity
from steelyard.core.facts.snapshot import Promise
from steelyard.core.facts.window import Window
from steelyard.core.performance.batching import BatchLaw, batch_law
from steelyard.core.performance.belief import Belief, Evidence
from steelyard.core.performance.token_law import token_law
from steelyard.core.performance.waiting import utilisation
from steelyard.core.statistics.histogram import quantile
from steelyard.core.statistics.interval import Interval, lowest, ratio_interval

RHO = 0.7
"""Planned utilisation. At 0.7 the mean wait of an M/D/1 queue is 1.2 service times and arrivals may exceed their mean by 40 %."""
FULL = 0.9
"""Utilisation from which a replica can do no more, and part of the requests that it then answers at most."""


BACKLOG = 2
"""Windows after a shortage in which what had piled up may still be answered late."""
CLUSTERED = 5.0
"""Requests that are taken to be late together: the variance of their number over its mean, which is 1 where each is late by itself."""
ALIKE = 1.1
"""Times a load within which another is about the same."""
NEARLY = 0.999
"""Of a figure that is measured, to which a load that was carried raises its lower end: at its own lower end it would be one of which no more is known
than that load, or than one that broke the promise (`Capacity.of_traffic`, `Capacity.taught`), and no forecast would be sized by it."""
LESS = 1.05
"""Times a window's load per replica that was more before, or its replicas that were fewer: less of a change is none."""
REVISION_SPREAD = 1.3
"""What an older revision measured may be off by this factor for the next one: software changes less than advertisements promise."""


def claimed(rate: float, spread: float = CLAIM_SPREAD) -> Capacity:
    """Prior from a claim of `rate` requests per second and replica, which may be off by the factor `spread`."""
    return Capacity(Interval(rate, rate / spread, rate * spread), Basis.CLAIMED, 0)


def believed(prior: Belief, evidence: Evidence, n: int) -> Capacity:
    """Prior and evidence of one figure, the capacity, as one. Measured once the evidence weighs at least as much as the prior."""
    own = float(evidence.precision[0, 0])
    basis = Basis.MEASURED if own >= float(prior.precision[0, 0]) else Basis.CLAIMED
    return Capacity(prior.given(evidence).interval(), basis, n)


def occupied(windows: Sequence[Window], chance: random.Random) -> Interval | None:
    """Seconds of a replica that a request takes; None where the server does not tell, or takes less of it the more there are (`Window.occupied_seconds`)."""
    served = [(took, float(w.good + w.slow)) for w in windows if w.good + w.slow > 0 and (took := w.occupied_seconds) is not None]
    found = ratio_interval(served, chance) if served else None
    return found if found is not None and found.lower > 0 else None


def measured(
    windows: Sequence[Window],
    allowed: float,
    takes: Interval | None,
    curve: Interval | None = None,
    within: float | None = None,
    law: BatchLaw | None = None,
) -> Capacity | None:
    """Capacity from windows of real traffic; None without any answer.

    takes: `occupied` of these windows, as where runs are full (`BatchLaw.when_full`). allowed: fraction of requests that may miss the objective. within: seconds that the whole of a request may take, where that is promised. curve: capacity at the limit by the law of token servers
    (`TokenLaw.capacity`), where it explains these windows and knows a load that keeps the promise; it stands in for RHO / S, and loads that were carried or that broke the promise correct it the same way. law: of batches
    (`batch_law` of these windows). Where both this and `takes` are known, as on processors, both bind.
    """
    good, answered = sum(w.good for w in windows), sum(w.good + w.slow for w in windows)
    if answered <= 0:
        return None
    if curve is not None:
        return Capacity(_within_seen(curve, windows, allowed), Basis.FITTED, answered)
    rho, rates, planned = RHO, list[Interval](), list[Interval]()
    if law is not None and within is not None:
        rates.append(law.capacity(within, allowed))
    elif law is not None:
        planned.append(law.saturation.times(RHO))
    if takes is not None:
        seen = bearable(windows, takes.point, within, allowed)
        rho = seen or RHO
        (planned if seen is None else rates).append(Interval(rho / takes.point, rho / takes.upper, rho / takes.lower))
    if rates or planned:
        least = lowest([*rates, *planned])
        # Late answers took their time as well: an overload tells the capacity without a good request.
        return Capacity.of_traffic(
            _within_seen(least, windows, allowed, rho), answered, planned=least.point < min((r.point for r in rates), default=inf)
        )
    top = carried(windows, allowed)
    if top is None:
        return None
    broken = [_per_replica(w) for w in windows if broke(w, allowed)]
    limit = min(broken, default=top * CLAIM_SPREAD)
    if limit > 1.5 * top:
        return Capacity.of_traffic(Interval(top, top, limit), good)
    point = min(top, limit)
    return Capacity.of_traffic(Interval(point, point / 1.25, max(point, limit)), good)


def bearable(windows: Sequence[Window], occupied: float, within: float | None, allowed: float) -> float | None:
    """The utilisation at which the promise just holds (`waiting.utilisation`), where the server tells how long requests take; None where it does not.

    occupied: seconds of a replica that a request takes. A server that works on several at once answers each of them later than that: how late
    even the quickest half are counts as the time without a wait.
    """
    told = [w for w in windows if w.buckets and w.occupied_seconds is not None]
    if within is None or not told or occupied <= 0:
        return None
    # Where the promise was broken, or a replica is busy most of the time, the quickest have waited too.
    calm = [w for w in told if w.violations <= allowed * w.offered and (w.busy_seconds or 0.0) < RHO * w.replica_seconds]
    alone = max(occupied, min((found for w in calm if (found := quantile(w.buckets, 0.5)) is not None), default=occupied))
    return utilisation(allowed, floor(20 * ((within - alone) / occupied + 1)) / 20)


def busy_at_capacity(windows: Sequence[Window], promise: Promise) -> float | None:
    """How much of its saturation a replica carries that carries as much as the promise allows, by these windows; None where they do not tell."""
    tokens = token_law(windows)
    if tokens is not None and (busy := tokens.busy_at_capacity(promise)) is not None:
        return busy
    law = batch_law(windows) if promise.within is not None else None
    if law is not None and promise.within is not None:
        return law.busy_at_capacity(promise.within, promise.allowed)
    served = [(took, w.good + w.slow) for w in windows if w.good + w.slow > 0 and (took := w.occupied_seconds) is not None]
    answered = sum(count for _, count in served)
    if not answered:
        return None
    return bearable(windows, sum(seconds for seconds, _ in served) / answered, promise.within, promise.allowed) or RHO


def carried(windows: Sequence[Window], allowed: float) -> float | None:
    """The highest load (requests per second and replica) that was carried within the promise; None where none was.

    All that was offered counts: sizing divides what is offered by this, and a promise kept for all but a few was kept for these too.
    """
    kept = [w.offered / w.replica_seconds for w in windows if w.good and w.replica_seconds > 0 and w.violations <= allowed * w.offered]
    return max(kept, default=None)


def _per_replica(window: Window) -> float:
    return (window.good + window.slow) / window.replica_seconds


def broke(window: Window, allowed: float) -> bool:
    """Whether the load itself broke the promise: more requests were shed or surely late than chance explains (three sigma, and one).

    Errors say nothing of capacity. A bare `more than allowed` would call every second window of a workload at its limit broken.
    """
    late = window.surely_late
    if late <= 1 or window.replica_seconds <= 0 or window.good + window.slow <= 0:
        return False
    expected = allowed * window.offered
    return late > expected + 3 * sqrt(expected) + 1


def _too_much(window: Window, windows: Sequence[Window], allowed: float) -> bool:
    """Whether the window broke the promise, and all of about its load or more together do, by more than chance explains: late requests come in
    clusters, and one window of many breaks it by chance."""
    if not broke(window, allowed):
        return False
    as_much = [w for w in windows if w.replica_seconds > 0 and _offered(w) * ALIKE >= _offered(window)]
    expected = allowed * sum(w.offered for w in as_much)
    return sum(w.late for w in as_much) > expected + 3 * sqrt(CLUSTERED * expected)


def without_backlog(windows: Sequence[Window], allowed: float) -> tuple[Window, ...]:
    """Those in which no late answer may be of a shortage before: a window that broke the promise counts unless one of the BACKLOG before it broke it
    at a higher load per replica."""
    broken = [broke(w, allowed) for w in windows]
    if not any(broken):
        return tuple(windows)
    kept = []
    for at, w in enumerate(windows):
        before = [windows[k] for k in range(max(0, at - BACKLOG), at) if broken[k]]
        if not broken[at] or not any(_offered(b) > LESS * _offered(w) for b in before):
            kept.append(w)
    return tuple(kept)


def at_its_load(windows: Sequence[Window], allowed: float) -> tuple[Window, ...]:
    """Those whose load is the one that they were served at. Where load comes in the middle of a window, the mean of nothing and of far too much
    breaks the promise, and is not the load that broke it: such a window is followed by one with more. The newest has none that follows it, and counts
    where it had no more load than the one before it."""
    return tuple(w for at, w in enumerate(windows) if not (broke(w, allowed) and _rose(windows, at)))


def _rose(windows: Sequence[Window], at: int) -> bool:
    """Whether there was more load for each replica after this window, or about as much for each of more; as far as that is not known yet, before it."""
    earlier, later = (at, at + 1) if at + 1 < len(windows) else (at - 1, at)
    if earlier < 0 or windows[earlier].end != windows[later].start:
        return False
    # Where each of far more replicas had about as much, all of them had more.
    rise = 1 / ALIKE if windows[later].replicas > ALIKE**2 * windows[earlier].replicas else ALIKE
    return _offered(windows[later]) > rise * _offered(windows[earlier])


def left_over(windows: Sequence[Window], allowed: float) -> frozenset[datetime]:
    """Ends of those that do not tell what their replicas carry. What fewer replicas left over that could do no more is answered late by more of them,
    whatever these carry: a window that broke the promise does not count if such a one ended less than BACKLOG windows before it began."""
    broken = [w for w in windows if broke(w, allowed)]
    short = [w for w in broken if full(w)]
    return frozenset(w.end for w in broken if any(_left(one, w) for one in short))


def _left(short: Window, window: Window) -> bool:
    since = (window.start - short.end).total_seconds()
    return LESS * short.replicas < window.replicas and 0 <= since < (BACKLOG - 0.5) * window.seconds


def _offered(window: Window) -> float:
    return window.offered / window.replica_seconds if window.replica_seconds > 0 else 0.0


def saturated(windows: Sequence[Window]) -> float | None:
    """Capacity as far as replicas tell it that can do no more: RHO of what they answered, late or not, while they shed load or were busy all
    the time. None where none was so. It needs no good request, as there are none in an overload."""
    told = [w for w in windows if w.replica_seconds > 0 and w.good + w.slow > 0 and full(w)]
    return RHO * max(map(_per_replica, told)) if told else None


def full(window: Window) -> bool:
    """Whether replicas could do no more in it: busy all the time, and with full batches where an engine takes several requests at once; or shedding."""
    busy = window.occupied_seconds is not None and window.occupied_seconds > FULL * window.replica_seconds
    return busy or _full_batches(window) or window.shed > (1 - FULL) * window.offered


def _full_batches(window: Window) -> bool:
    ran = window.batches
    if ran is None or sum(ran.seconds) <= FULL * ran.workers * window.replica_seconds:
        return False
    return ran.inputs > FULL * ran.sizes[-1] * sum(ran.runs)


def broken_at(windows: Sequence[Window], allowed: float) -> float | None:
    """The load (requests per second and replica) that broke the promise in two windows; None where fewer did. One may be an accident."""
    loads = sorted(_per_replica(w) for w in windows if broke(w, allowed))
    return loads[1] if len(loads) > 1 else None


def _busy(window: Window, rho: float) -> bool:
    return window.busy_seconds is not None and window.busy_seconds / window.replica_seconds > rho / 2


def _within_seen(rate: Interval, windows: Sequence[Window], allowed: float, rho: float = RHO) -> Interval:
    """Raise the bounds to a load that was carried; a load that broke the promise while busy lowers them."""
    lower, point, upper = rate.lower, rate.point, rate.upper
    for w in windows:
        if w.replica_seconds <= 0 or w.offered < 1 / max(allowed, 0.01):
            continue
        load = _per_replica(w)
        if w.violations <= allowed * w.offered:
            lower = max(lower, min(load, NEARLY * rate.point))
        elif _too_much(w, windows, allowed) and (_busy(w, rho) if w.busy_seconds is not None else load > rate.point / 2):
            # A window is busy above rho / 2, so by the utilisation law its load is above half of the figure; less is another fault's work.
            load = max(load, rate.point / 2)
            point, lower = min(point, load), min(lower, load)
    return Interval(point, min(lower, point), max(upper, point))
