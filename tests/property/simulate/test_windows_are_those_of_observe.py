"""Whatever happens to the replicas and the readings, the simulated windows and readings are those that `observe` would have made."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count, pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.facts.snapshot import Traffic
from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Reading, Unknown
from steelyard.observe.placement_record import PlacementRecord
from steelyard.simulate.observation import Observation, Seen
from steelyard.simulate.queues import NONE
from unit.observe.pods import DOWN, PLACEMENT, at, pod, sample

STEP, WINDOW = 15, 60
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


def simulated(steps: list[Moment]) -> Iterator[Reading[Traffic]]:
    seen = Observation(PLACEMENT.pool, WINDOW, 200)
    for number, ((served, read), (serving, _)) in enumerate(pairwise(steps), 1):
        seen.step(Seen(answered=NONE, served=served, seconds=STEP, busy_seconds=0.0, cost=0.0, read=read), serving, at(number * STEP))
        yield seen.reading()


def observed(steps: list[Moment]) -> Iterator[Reading[Traffic]]:
    """A round at the end of each step; where nobody can be read three of them, which is when `observe` calls it lost."""
    record, interval = PlacementRecord(PLACEMENT, first_round=at(0)), timedelta(seconds=STEP)
    for number, ((_, read), (serving, _)) in enumerate(pairwise(steps), 1):
        pods = [pod(str(each)) for each in sorted(serving)]
        for moment in [number * STEP] if read else [number * STEP - 2, number * STEP - 1, number * STEP]:
            record.take(pods, {p.uid: sample(moment) if read else DOWN for p in pods}, at(moment), interval)
            record.settle(timedelta(seconds=WINDOW), interval, None)
        yield record.reading(at(number * STEP), interval)


def shown(window: Window) -> tuple[object, ...]:
    return window.start, window.end, window.steady, window.replica_seconds


def told(reading: Reading[Traffic]) -> tuple[str, list[tuple[object, ...]]]:
    windows = () if isinstance(reading, Unknown) else reading.value.windows
    kind = type(reading).__name__ + (", pending" if isinstance(reading, Unknown) and reading.pending else "")
    return kind, [shown(w) for w in windows]


ALWAYS = frozenset({1})


@effort(300)
@given(moments)
@example([(ALWAYS, True)] * 12)
@example([*[(ALWAYS, True)] * 8, *[(ALWAYS, False)] * 2, *[(ALWAYS, True)] * 9])
@example([*[(ALWAYS, True)] * 8, *[(frozenset(), True)] * 2, *[(ALWAYS, True)] * 9])
@example([*[(ALWAYS, True)] * 7, *[(frozenset({1, 2}), True)] * 9])
def test_windows_and_readings_are_the_same(steps: list[Moment]) -> None:
    known = list(with_ids(steps))
    for step, (one, other) in enumerate(zip(simulated(known), observed(known), strict=True), 1):
        assert told(one) == told(other), f"step {step}"
