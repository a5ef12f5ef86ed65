"""Whoever waits for a place to compile, in whichever namespaces: places are never given twice or left over, and nobody is passed by for ever."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.compiling.queue import CompileQueue, Waiter
from unit.core.compiles import NOW

NAMESPACES = st.sampled_from("abc")
COUNTS = st.dictionaries(NAMESPACES, st.integers(0, 4))
TIMES = st.integers(0, 5).map(lambda n: NOW + timedelta(minutes=n))
WAITERS = st.sets(st.builds(Waiter, TIMES, NAMESPACES, st.sampled_from("xyz")), min_size=1, max_size=9)
PLACES = st.integers(1, 5)


def admitted(waiting: set[Waiter], queue: CompileQueue, places: int) -> list[Waiter]:
    """Those who would begin now, each by its own look at the same facts."""
    return [
        one
        for one in sorted(waiting)
        if CompileQueue(
            running=queue.running, stuck=queue.stuck, served=queue.served, waiting=tuple(w for w in waiting if w != one)
        ).admits(one, places)
    ]


@effort(300)
@given(WAITERS, COUNTS, COUNTS, st.dictionaries(NAMESPACES, TIMES), PLACES)
def test_no_place_is_given_twice_and_none_is_left_over(waiting, running, stuck, served, places) -> None:
    free = places - sum(running.values())
    queue = CompileQueue(running=running, stuck=stuck, served=served)
    begin = admitted(waiting, queue, places)
    assert len(begin) <= max(0, free)
    left = [w for w in waiting if w not in begin]
    for one in left:
        assert sum(running.values()) + len(begin) + stuck.get(one.namespace, 0) >= places, "it waits although a place is free for it"
    if not stuck:
        assert len(begin) == max(0, min(free, len(waiting)))


@effort(300)
@given(WAITERS, COUNTS, st.dictionaries(NAMESPACES, TIMES), PLACES)
def test_no_namespace_gets_a_place_while_one_that_waits_holds_fewer(waiting, running, served, places) -> None:
    begin = admitted(waiting, CompileQueue(running=running, served=served), places)
    after = Counter(running)
    after.update(w.namespace for w in begin)
    for one in begin:
        for other in {w.namespace for w in waiting if w not in begin}:
            assert after[one.namespace] <= after[other] + 1


@effort(60)
@given(st.integers(1, 30), PLACES)
def test_one_compile_beside_a_namespace_with_many_begins_with_the_next_place(many, places) -> None:
    crowd = {Waiter(NOW, "crowd", f"{n:02}") for n in range(many)}
    late = Waiter(NOW + timedelta(hours=1), "late", "m")
    full = CompileQueue(running={"crowd": places - 1}, served={"crowd": NOW})
    assert admitted(crowd | {late}, full, places) == [late]
