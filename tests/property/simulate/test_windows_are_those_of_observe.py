"""Whatever happens to the replicas and the readings, the simulated windows and readings are those that `observe` would have made."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import count, pairwise
from math import inf

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Reading, Unknown
from steelyard.observe.placement_record import PlacementRecord
from steelyard.observe.sample import Sample
from steelyard.simulate.observation import LADDER, Observation, Seen
from steelyard.simulate.requests import GOOD, SLOW, Requests
from unit.observe.pods import DOWN, PLACEMENT, at, pod, sample

STEP, WINDOW = 15, 60
BUSY = 6.0
"""Seconds of a step in which a replica computes."""
Moment = tuple[frozenset[int], bool]
"""Who serves in a step, and whether they can be read."""

moments = st.lists(st.tuples(st.frozensets(st.integers(1, 3), max_size=2), st.integers(0, 5).map(bool)), min_size=6, max_size=40)


def with_ids(steps: list[Moment]) -> Iterator[Moment]:
    """A replica that comes again is another one."""
    numbers = count(1)
    here: dict[int, int] = {}
    for serving, read in steps:
        here = {slot: here[slot] if slot in here else next(numbers) for slot in serving}
        yield frozenset(here.values()), read


def answers(served: frozenset[int]) -> Requests:
    """In a step each replica answers four requests: three within the promise and one not."""
    replicas = np.repeat(sorted(served), 4)
    latency = np.tile([0.05, 0.15, 0.2, 0.9], len(served))
    return Requests(np.zeros(len(replicas)), np.where(latency > 0.2, SLOW, GOOD), replicas, latency, np.zeros((len(replicas), 0)))


def simulated(steps: list[Moment], busy_told: bool) -> Iterator[Reading[Traffic]]:
    seen = Observation(PLACEMENT.pool, WINDOW, 200)
    for number, ((served, read), (serving, _)) in enumerate(pairwise(steps), 1):
        busy = BUSY * len(served) if busy_told else None
        step = Seen(answered=answers(served), served=served, seconds=STEP, busy_seconds=busy, cost=0.0, read=read)
        seen.step(step, serving, at(number * STEP))
        yield seen.reading()


def observed(steps: list[Moment], busy_told: bool) -> Iterator[Reading[Traffic]]:
    """A round at the end of each step; where nobody can be read three of them, which is when `observe` calls it lost. On a device busy time is
    what the server tells, if it does; the CPU says nothing of it."""
    record, interval, done = PlacementRecord(PLACEMENT, first_round=at(0)), timedelta(seconds=STEP), Counter[int]()
    for number, ((served, read), (serving, _)) in enumerate(pairwise(steps), 1):
        done.update(served)
        pods = {each: pod(str(each), cpu_limit=None) for each in sorted(serving)}
        for moment in [number * STEP] if read else [number * STEP - 2, number * STEP - 1, number * STEP]:
            told = {p.uid: counters(moment, done[each], busy_told) if read else DOWN for each, p in pods.items()}
            record.take(list(pods.values()), told, at(moment), at(moment), interval)
            record.settle(timedelta(seconds=WINDOW), interval, None)
        yield record.reading(at(number * STEP), interval)


def counters(moment: float, steps: int, busy_told: bool) -> Sample:
    buckets = {each / 1000: 0 for each in LADDER}
    for edge in buckets:
        buckets[edge] = steps * sum(latency <= edge for latency in (0.05, 0.15, 0.2, 0.9))
    busy = BUSY * steps if busy_told else None
    return sample(moment, good=3 * steps, slow=steps, busy_seconds=busy, buckets={**buckets, inf: 4 * steps})


def shown(window: Window) -> tuple[object, ...]:
    """What a replica answers before it goes is told by its termination message, which is not played here: sums are those of steady windows."""
    told = (window.good, window.slow, window.error, window.shed, window.busy_seconds, window.p99_milliseconds, dict(window.buckets or {}))
    return window.start, window.end, window.steady, window.replica_seconds, told if window.steady else None


def told(reading: Reading[Traffic]) -> tuple[str, list[tuple[object, ...]]]:
    windows = () if isinstance(reading, Unknown) else reading.value.windows
    kind = type(reading).__name__ + (", pending" if isinstance(reading, Unknown) and reading.pending else "")
    return kind, [shown(w) for w in windows]


ALWAYS = frozenset({1})


@effort(300)
@given(moments, st.booleans())
@example([(ALWAYS, True)] * 12, True)
@example([(ALWAYS, True)] * 12, False)
@example([*[(ALWAYS, True)] * 8, *[(ALWAYS, False)] * 2, *[(ALWAYS, True)] * 9], True)
@example([*[(ALWAYS, True)] * 8, *[(frozenset(), True)] * 2, *[(ALWAYS, True)] * 9], True)
@example([*[(ALWAYS, True)] * 7, *[(frozenset({1, 2}), True)] * 9], False)
def test_windows_and_readings_are_the_same(steps: list[Moment], busy_told: bool) -> None:
    known = list(with_ids(steps))
    for step, (one, other) in enumerate(zip(simulated(known, busy_told), observed(known, busy_told), strict=True), 1):
        assert told(one) == told(other), f"step {step}"
