"""No key is lost, none is processed twice at once, and many wishes collapse into one."""

import asyncio
import random
from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.control.kube.backoff import Backoff
from steelyard.control.reconcile.workqueue import Priority, WorkQueue
from unit.control.virtual_time import VirtualClock, run

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.sampled_from("abcd"), st.sampled_from(list(Priority))),
        st.tuples(st.just("after"), st.sampled_from("abcd"), st.floats(0.1, 20)),
        st.tuples(st.just("wait"), st.just(""), st.floats(0.01, 5)),
    ),
    max_size=40,
)
works = st.lists(st.tuples(st.floats(0, 3), st.booleans(), st.one_of(st.none(), st.floats(0.1, 30))), min_size=1, max_size=8)


@effort(150)
@given(steps=steps, works=works, workers=st.integers(1, 4), seed=st.integers(0, 99))
def test_every_wish_is_followed_by_a_processing_in_time_and_no_key_is_processed_twice_at_once(steps, works, workers, seed):
    async def scenario() -> None:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock, backoff=Backoff(base=0.5, cap=4.0), chance=random.Random(seed))
        starts: dict[str, list[float]] = defaultdict(list)
        ends: dict[str, list[float]] = defaultdict(list)
        active: set[str] = set()
        overlaps: list[str] = []
        wishes: list[tuple[str, float, float]] = []
        calls = 0

        async def process(key: str) -> float | None:
            nonlocal calls
            if key in active:
                overlaps.append(key)  # the queue would retry an assertion
            active.add(key)
            seconds, fails, again = works[calls % len(works)]
            calls += 1
            starts[key].append(clock.monotonic())
            try:
                await clock.sleep(seconds)
                if fails and calls < 60:
                    raise RuntimeError("on purpose")
                return again if calls < 60 else None
            finally:
                active.discard(key)
                ends[key].append(clock.monotonic())

        running = asyncio.create_task(queue.run(process, workers=workers, grace=60))
        for what, key, value in steps:
            now = clock.monotonic()
            if what == "add":
                queue.add(key, value)
                wishes.append((key, now, now))
            elif what == "after":
                queue.add_after(key, value)
                wishes.append((key, now, now + value))
            else:
                await clock.sleep(value)
        await clock.sleep(3000)
        queue.close()
        await running
        assert not overlaps, "one key, two workers"
        assert len(queue) == 0 and queue.delayed == 0 and not queue.processing
        # While `workers` are busy a key may wait; 4 keys of at most 3 s each, plus those that retry, bound the lateness generously.
        for key, asked_at, due in wishes:
            assert any(asked_at <= start <= due + 60 for start in starts[key]), (key, asked_at, due, starts[key])

    run(scenario())


@effort(60)
@given(adds=st.integers(1, 200), during=st.integers(0, 50))
def test_any_number_of_wishes_before_and_during_a_processing_make_one_processing_each(adds, during):
    async def scenario() -> None:
        clock = VirtualClock()
        queue: WorkQueue[str] = WorkQueue(clock)
        count = 0

        async def process(_: str) -> None:
            nonlocal count
            count += 1
            if count == 1:
                for _ in range(during):
                    queue.add("a")
            await clock.sleep(1)

        for _ in range(adds):
            queue.add("a")
        running = asyncio.create_task(queue.run(process, workers=3, grace=5))
        await clock.sleep(30)
        queue.close()
        await running
        assert count == 1 + bool(during)

    run(scenario())
