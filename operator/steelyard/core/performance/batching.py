"""The law of a replica that computes several requests at a time, from the runs of its engine: what a run costs by its size, what the replica
completes at most, and the load at which the promise just holds.

A run of so many rows takes a time that all runs take, and some for each row. The time of a run rises with its rows, and a row never costs less than
nothing: so even where runs of one size alone were seen, that of a full one lies between theirs and as many times theirs as it has more rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from math import exp, hypot, inf, log, sqrt

import numpy as np
from numpy.typing import NDArray

from steelyard.core.facts.batches import LARGEST, Batches, together
from steelyard.core.facts.window import Window
from steelyard.core.performance.bulk_queue import MOST, Server, quantiles, utilisation
from steelyard.core.performance.fit import TRUST, student
from steelyard.core.statistics.histogram import Buckets
from steelyard.core.statistics.interval import Interval, ratio_interval

Reals = NDArray[np.float64]

SCATTER = 0.2
"""Standard deviation of the time of runs of one size, as a part of it, that is expected before any was seen: inputs differ in length."""
OFF = log(1.02)
"""What the law may be off beside all that is measured, as a logarithm: the queue is computed on a grid, and the way to and from it is in no run."""
FURTHER = 0.03
"""What a run of more rows than any seen may be off by, as a part of the logarithm of how many times as many: costs bend."""
WEIGHED = 4
"""Times that the weights of a fit are taken anew."""
BUSIEST = 0.9
"""Part of the saturation above which a window does not tell what requests wait for beside the engine: the queue is all."""
SHORTEST, LONGEST = 1e-6, 3600.0
"""Seconds of a run; one is counted when it ends, and may have begun before its window."""
UNSURE, CLUSTERED = 0.01, 4.0
"""What a share of the answers may be off, and standard deviations beside it: answers of one batch come together."""
EDGES = 3
"""Of the buckets, that are looked at."""
BROKEN = 3
"""Windows, all of which broke the promise, from which on it is not taken for a load that came at once."""
FULLEST = 5
"""Windows of most answers whose latencies are looked at: two in which the machine itself stood still are outvoted."""


NOTHING = Interval(0.0, 0.0, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLaw:
    """A run of `rows` rows takes `takes` seconds, and each row more or less `each` seconds: from 0 to takes / rows.

    largest: rows of a run of the most inputs. sizes: of runs, the most inputs of each; padded: all of a size take as long. inputs: of a request, 1 or
    more. spent: seconds of runs for each input, as these were filled. workers: runs at the same time. elsewhere: seconds that a request takes beside waiting and its run.
    """

    rows: float
    takes: Interval
    each: Interval
    largest: float
    sizes: tuple[int, ...]
    padded: bool
    workers: int
    inputs: float
    spent: float
    elsewhere: Interval = NOTHING

    @property
    def full(self) -> float:
        """Seconds of a run of the largest size."""
        return self.takes.point + self.each.point * (self.largest - self.rows)

    @property
    def saturation(self) -> Interval:
        """Requests per second that a replica completes at most."""
        return self._spread(lambda law: law.workers * law.sizes[-1] / (law.inputs * law.full))

    def when_full(self, windows: Sequence[Window], chance: random.Random) -> Interval | None:
        """Seconds of a replica that a request takes where runs are full: those beside its run, which are the same at any load, and of its part of a
        full run those in which the replica is busy. Fuller runs are no dearer than those that were seen, and gain no more than these have surely shown.
        None where it is not told how busy it is."""
        told = [
            (busy, sum(ran.seconds) / ran.workers, float(w.good + w.slow))
            for w, ran in _told(windows)
            if w.good + w.slow > 0 and (busy := w.occupied_seconds) is not None
        ]
        within = ratio_interval([(min(busy, runs), runs) for busy, runs, _ in told], chance)
        if within is None:
            return None
        beside = ratio_interval([(max(0.0, busy - runs), answered) for busy, runs, answered in told], chance) or NOTHING
        full, now = self.saturation, self.spent * self.inputs / self.workers

        def takes(beside: float, within: float, rate: float) -> float:
            return beside + min(1.0, within) * min(now, 1 / rate)

        least = takes(beside.lower, within.lower, full.upper)
        if least <= 0:
            return None
        return Interval(takes(beside.point, within.point, full.lower), least, takes(beside.upper, within.upper, full.lower))

    def occupied(self, window: Window) -> float | None:
        """Seconds of replicas that the window's requests would have taken in full runs, as much slower or faster than by the law as its runs were; None
        where it is not told how busy they were, or in runs of which kinds."""
        busy, ran = window.occupied_seconds, window.batches
        if busy is None or ran is None or not _credible(window) or (ran.workers, ran.sizes) != (self.workers, self.sizes):
            return None
        by_law = sum(
            n * self.takes.point + (rows - n * self.rows) * self.each.point for n, rows in zip(ran.runs, ran.rows, strict=True) if n
        )
        within = min(busy, sum(ran.seconds) / ran.workers)
        return busy - within * (1 - min(1.0, ran.inputs / self.sizes[-1] * self.full / by_law))

    def capacity(self, within: float, allowed: float) -> Interval:
        """Requests per second at which no more than the part `allowed` takes longer than `within` seconds."""
        # Several workers are between one that is so many times as fast, and as many that each have a queue of their own.
        apart = self._load(within, allowed, 1)
        if self.workers == 1:
            return apart
        as_one = self._load(within, allowed, self.workers)
        return Interval(_between(apart.point, as_one.point), apart.lower, max(apart.upper, as_one.upper))

    def _load(self, within: float, allowed: float, workers: int) -> Interval:
        found = self._spread(lambda law: law._rate(within, allowed, workers))
        # It is not looked for nearer to the saturation than MOST of it: there it lies between.
        return (
            found if found.point < 0.999 * MOST * self.saturation.point else replace(found, upper=max(found.upper, self.saturation.upper))
        )

    def server(self, workers: int) -> tuple[Server, float, float]:
        """As the queue sees it, in requests: the server, the part of a full batch's time that any takes, and the seconds of a full batch."""
        places = tuple(sorted({max(1, round(size / self.inputs)) for size in self.sizes}))
        fixed = min(1.0, max(0.0, (self.takes.point - self.each.point * self.rows) / self.full))
        return Server(places, self.padded, workers), fixed, self.full * max(1.0, self.inputs / self.sizes[-1])

    def busy_at_capacity(self, within: float, allowed: float) -> float:
        """The point of `capacity` as a part of the saturation: the ends cost six times as much."""
        apart = self._used(within, allowed, 1)
        return apart if self.workers == 1 else _between(apart, self._used(within, allowed, self.workers))

    def _rate(self, within: float, allowed: float, workers: int) -> float:
        return self._used(within, allowed, workers) * self.workers * self.sizes[-1] / (self.inputs * self.full)

    def _used(self, within: float, allowed: float, workers: int) -> float:
        server, fixed, seconds = self.server(workers)
        return utilisation(server, fixed, (within - self.elsewhere.point) / seconds, allowed)

    def _spread(self, rate: Callable[[BatchLaw], float]) -> Interval:
        """A rate with what each figure that is not known leaves open of it, taken as independent."""
        point = rate(self)
        lower = upper = OFF
        for name in ("takes", "each", "elsewhere"):
            figure: Interval = getattr(self, name)
            ends = [log(rate(_with(self, name, end)) / point) for end in (figure.lower, figure.upper) if end != figure.point]
            lower, upper = hypot(lower, min(0.0, *ends, 0.0)), hypot(upper, max(0.0, *ends, 0.0))
        return Interval(point, point * exp(-lower), point * exp(upper))


def _between(apart: float, as_one: float) -> float:
    return sqrt(apart * max(apart, as_one))


def _with(law: BatchLaw, name: str, value: float) -> BatchLaw:
    changed: dict[str, Interval] = {name: Interval(value, value, value)}
    if name == "takes":
        # A slope that is as much of it as before.
        changed["each"] = law.each.times(value / law.takes.point)
    return replace(law, **changed)  # type: ignore[arg-type]


def batch_law(windows: Sequence[Window]) -> BatchLaw | None:
    """The law that these windows tell; None where they tell no batches, or the engine never takes more than one input at a time: then a request
    takes the same at any load."""
    told = _told(windows)
    if not told or told[-1][1].sizes[-1] == 1:
        return None
    answered = sum(w.good + w.slow for w, _ in told)
    if not answered:
        return None
    ran, (rows, takes, each) = _sum([of for _, of in told]), _fitted([of for _, of in told])
    largest = max(float(ran.sizes[-1]), ran.rows[-1] / ran.runs[-1] if ran.runs[-1] else 0.0)
    return BatchLaw(
        rows=rows,
        takes=takes,
        each=_further(rows, takes.point, each, largest, ran),
        largest=largest,
        sizes=ran.sizes,
        padded=_padded(ran),
        workers=ran.workers,
        inputs=max(1.0, ran.inputs / answered),
        spent=sum(ran.seconds) / max(1, ran.inputs),
    )


def explained(law: BatchLaw, windows: Sequence[Window], allowed: float) -> BatchLaw:
    """With the time that answers take beside the engine and its queue, by the latencies of those windows that were answered in time, where the part
    `allowed` may be late: a load that begins in the middle of a window makes a queue that its mean does not explain. Where none was and there are
    BROKEN or more, by those of all: then it is not the load."""
    told = [w for w, _ in _told(windows)]
    calm = [w for w in told if w.late <= allowed * w.offered]
    return replace(law, elsewhere=_elsewhere(law, told if not calm and len(told) >= BROKEN else calm))


def _told(windows: Sequence[Window]) -> list[tuple[Window, Batches]]:
    """The windows that tell credible runs, with these: of the kinds of runs that the newest tells, so that they may be added up."""
    credible = [(w, w.batches) for w in windows if w.batches is not None and _credible(w)]
    return [(w, ran) for w, ran in credible if ran.is_like(credible[-1][1])]


def _credible(window: Window) -> bool:
    """Whether there were runs, and all of them can be: a page may say anything."""
    ran = window.batches
    if ran is None or not any(ran.runs) or sum(ran.seconds) > ran.workers * (window.replica_seconds + LONGEST):
        return False
    sizes = zip(ran.runs, ran.rows, ran.seconds, strict=True)
    return all(runs <= rows <= LARGEST * runs and runs * SHORTEST <= seconds for runs, rows, seconds in sizes if runs)


def _sum(told: Sequence[Batches]) -> Batches:
    total = told[0]
    for each in told[1:]:
        total = together(total, each) or total
    return total


def _padded(ran: Batches) -> bool:
    """Whether runs of any size above one compute as many rows as the size has."""
    above = [(size, runs, rows) for size, runs, rows in zip(ran.sizes, ran.runs, ran.rows, strict=True) if size > 1 and runs]
    return bool(above) and all(rows >= size * runs for size, runs, rows in above)


def _fitted(told: Sequence[Batches]) -> tuple[float, Interval, Interval]:
    """(mean rows of a run, seconds of such a run, seconds of a row more): least squares of relative errors. Runs of a size in a window are one
    observation, weighted by their number."""
    cells = [(n, rows / n, took / n) for b in told for n, rows, took in zip(b.runs, b.rows, b.seconds, strict=True) if n > 0]
    runs, rows, seconds = (np.array(column, dtype=float) for column in zip(*cells, strict=True))
    expected = np.maximum(np.full(len(cells), (runs * seconds).sum() / runs.sum()), 1e-9)
    for _ in range(WEIGHED):
        weight = runs / expected**2
        middle, mean = float((weight * rows).sum() / weight.sum()), float((weight * seconds).sum() / weight.sum())
        width = float((weight * (rows - middle) ** 2).sum())
        steepest = mean / middle
        slope = float((weight * (rows - middle) * (seconds - mean)).sum()) / width if width > 0 else 0.0
        expected = np.maximum(mean + min(max(slope, 0.0), steepest) * (rows - middle), 1e-9)
    freedom = TRUST + max(0, len(cells) - 2)
    scatter = sqrt((TRUST * SCATTER**2 + float((runs * (seconds / expected - 1) ** 2).sum())) / freedom)
    reach = student(freedom) * scatter
    takes = Interval(mean, mean * exp(-reach / sqrt(weight.sum()) / mean), mean * exp(reach / sqrt(weight.sum()) / mean))
    return middle, takes, _bounded(slope, scatter / sqrt(width) if width > 0 else inf, reach / sqrt(width) if width > 0 else inf, steepest)


def _bounded(slope: float, sigma: float, reach: float, most: float) -> Interval:
    """A slope that lies between 0 and `most`, wherever the fit puts it: before any was seen each is as likely."""
    prior = 12 / most**2
    point = (slope / sigma**2 + prior * most / 2) / (1 / sigma**2 + prior) if 0 < sigma < inf else most / 2
    point = min(max(point, 0.0), most)
    return Interval(point, min(point, max(0.0, slope - reach)), max(point, min(most, slope + reach)))


def _further(rows: float, takes: float, each: Interval, largest: float, ran: Batches) -> Interval:
    """The slope with what is not known of runs larger than any seen: a full one may be off by FURTHER, in a row's price of nothing to a whole one."""
    seen = max(count / runs for count, runs in zip(ran.rows, ran.runs, strict=True) if runs)
    more = largest - rows
    if seen >= largest or more <= 0:
        return each
    off = exp(FURTHER * log(largest / seen))
    low, high = ((takes + end * more) * factor for end, factor in ((each.lower, 1 / off), (each.upper, off)))
    lower, upper = (min(max((full - takes) / more, 0.0), takes / rows) for full in (low, high))
    return Interval(each.point, min(each.lower, lower), max(each.upper, upper))


def _elsewhere(law: BatchLaw, windows: Sequence[Window]) -> Interval:
    """Seconds that answers take longer than the law says: reading a request, the network, waiting for others to join a batch. It is as in most of
    those windows of most answers that kept the queue short: a node that stalls makes all that is answered in a window late, whatever its load."""
    most = law.saturation.point
    calm = [w for w in windows if w.buckets and 0 < _load(w) <= BUSIEST * most]
    fullest = sorted(calm, key=lambda w: w.good + w.slow, reverse=True)[:FULLEST]
    found = sorted(_later(law, w, _load(w) / most) for w in fullest)
    if not found:
        return NOTHING
    lower, upper = found[(len(found) - 1) // 2]
    return Interval(lower, lower, upper)


def _later(law: BatchLaw, window: Window, used: float) -> tuple[float, float]:
    """(least, most) seconds that the window's answers take longer, at that part of the saturation: what several edges of its buckets leave open."""
    server, fixed, seconds = law.server(law.workers)
    telling = _telling(window.buckets or {})
    if not telling:
        return 0.0, 0.0
    edges, least, most = np.array(telling).T
    low, high = (edges - seconds * quantiles(server, fixed, used, shares) for shares in (most, least))
    lower = max(0.0, float(low.max()))
    return lower, max(lower, float(high.min()))


def _load(window: Window) -> float:
    return (window.good + window.slow) / window.replica_seconds if window.replica_seconds > 0 else 0.0


def _telling(buckets: Buckets) -> list[tuple[float, float, float]]:
    """(edge, the least and the most share of the answers that is at or below it, by chance): of the edges that are nearest to half of the answers."""
    count = max(buckets.values())
    if not count:
        return []
    unsure = UNSURE + CLUSTERED * sqrt(0.25 / count)
    shares = sorted(((edge, n / count) for edge, n in buckets.items() if edge < inf), key=lambda each: abs(each[1] - 0.5))
    return [(edge, max(0.0, share - unsure), min(1.0, share + unsure)) for edge, share in shares[:EDGES]]
