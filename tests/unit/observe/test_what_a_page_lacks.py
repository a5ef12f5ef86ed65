"""What of the names that were given is not on the page of a pod: told after some minutes, and the reading goes on."""

from __future__ import annotations

from dataclasses import replace

from steelyard.core.vocabulary.reading import Fresh
from unit.observe.pods import Rounds, pod, sample

DOUBT = "failures_total is not on the page: the page has failure_total: correct the name, or the profile"


async def read_for(rounds: Rounds, seconds: float, **more: object) -> Fresh:
    for _ in range(int(seconds / rounds.interval)):
        n = int(rounds.next)
        await rounds.go([pod()], {"a": sample(rounds.next, good=n, **more)})
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    return reading


async def test_a_name_that_is_missing_is_told_after_minutes_and_what_is_read_counts():
    rounds = Rounds()
    early = await read_for(rounds, 120, doubts=(DOUBT,))
    assert early.value.doubts == (), "some libraries have a metric from its first event on"
    late = await read_for(rounds, 120, doubts=(DOUBT,))
    assert late.value.doubts == (DOUBT,)
    assert late.value.windows[-1].good > 0


async def test_a_name_that_has_come_is_told_no_more():
    rounds = Rounds()
    await read_for(rounds, 300, doubts=(DOUBT,))
    assert (await read_for(rounds, 60)).value.doubts == ()


async def test_a_server_that_tells_a_mean_alone_has_windows_that_say_so():
    rounds = Rounds()
    told = await read_for(rounds, 60, blind="the server tells of e2e a mean alone")
    assert told.value.blind == "the server tells of e2e a mean alone"
    assert all(window.blind for window in told.value.windows)
    seen = await read_for(rounds, 60)
    assert (seen.value.blind, seen.value.windows[-1].blind) == ("", False)


def test_what_is_told_apart_is_summed_apart():
    one = sample(1, good=1).counts.tally
    assert (one + one).apart == () == replace(one, slow=1).apart
