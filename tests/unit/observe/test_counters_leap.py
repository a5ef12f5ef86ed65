"""A server whose counters leap: what no replica can have answered, or this one never came near, is no request and no cost; a burst is both."""

from __future__ import annotations

import pytest

from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.observe.failure import Reason
from unit.observe.pods import KEY, Rounds, at, pod, sample

QUICK = 0.005


async def told(rounds: Rounds, *counts: int, took: float = QUICK, **facts: object) -> None:
    """Pages of a server whose requests took as long, each and all."""
    for good in counts:
        buckets = {took / 2: 0, took: good, float("inf"): good}
        await rounds.go([pod(**facts)], {"a": sample(rounds.next, good=good, start=None, cpu=None, buckets=buckets)})


def requests(rounds: Rounds) -> int:
    totals = rounds.observer.totals()[KEY]
    return (totals.tally - totals.before).good


async def test_a_million_requests_more_than_a_moment_before_are_no_requests_and_the_reading_says_why():
    rounds = Rounds()
    await told(rounds, *range(0, 1000, 200))
    assert isinstance(rounds.reading(), Fresh)
    await told(rounds, 1_000_000)
    reading = rounds.reading()
    assert isinstance(reading, Stale), "at the first look, however short the window is"
    assert reading.why == (
        "pod shop/a: its counters leapt, by 999,200 requests more than 5 s before, which are more than 50,000 requests a second, which no replica "
        "answers: nothing of it is counted until they go on without a leap; look whether they are of several processes behind one port, or of a time "
        "before"
    )
    await told(rounds, 1_000_200, 1_000_400)
    assert rounds.reading() == reading, "and at the next ones, in the same words"
    await told(rounds, *range(1_000_600, 1_003_000, 200))
    reading = rounds.reading()
    assert isinstance(reading, Fresh), "it has told the truth for a window"
    assert {window.good for window in reading.value.windows} == {800}
    assert max(max((window.buckets or {}).values()) for window in reading.value.windows) == 800
    assert requests(rounds) < 5_000
    assert rounds.observer.refused["script", Reason.LEAPT] == 3


@pytest.mark.parametrize(
    ("more", "took", "words"),
    [
        (100_000, 0.8, "more than 100 times the 40 requests a second"),
        (300_000, 0.8, "more than 10,000 were under way at once, which no replica has"),
        (120_000, QUICK, "more than 100 times the 40 requests a second"),
    ],
    ids=["too many at once for it", "too many at once for any", "too many for it"],
)
async def test_what_it_never_came_near_is_no_burst(more, took, words):
    rounds = Rounds()
    await told(rounds, *range(0, 2000, 200), took=took)
    assert isinstance(rounds.reading(), Fresh)
    await told(rounds, 1800 + more, took=took)
    assert isinstance(rounds.reading(), Stale)
    assert words in rounds.reading().why
    assert requests(rounds) == 1800


async def test_tokens_that_leap_are_no_tokens():
    rounds = Rounds()

    async def worked(good: int, tokens: int) -> None:
        every = Tokens(every=Counted(input=tokens, cached=0, output=tokens), good=None)
        await rounds.go([pod()], {"a": sample(rounds.next, good=good, start=None, cpu=None, tokens=every)})

    for n in range(10):
        await worked(10 * n, 1000 * n)
    assert isinstance(rounds.reading(), Fresh)
    await worked(100, 50_000_000)
    assert isinstance(rounds.reading(), Stale)
    assert (
        "10 requests and 99,982,000 tokens more than 5 s before, which are more than 100 times the 400 tokens a second"
        in rounds.reading().why
    )


@pytest.mark.parametrize("times", [10, 50])
async def test_a_burst_is_believed(times):
    rounds = Rounds()
    await told(rounds, *range(0, 5000, 500))
    await told(rounds, *range(4500, 4500 + 20 * 500 * times, 500 * times))
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert reading.value.windows[-1].good == 4 * 500 * times
    assert requests(rounds) == 4500 + 19 * 500 * times


@pytest.mark.parametrize("took", [QUICK, 0.4])
async def test_so_is_one_after_it_stood_idle_and_the_first_one_of_its_life(took):
    rounds = Rounds()
    await told(rounds, *[0] * 10, 1, *[1] * 10, *range(10_001, 100_001, 10_000), took=took)
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) == 90_001


async def test_a_level_that_it_stays_at_is_believed_after_a_moment():
    rounds = Rounds()
    await told(rounds, *range(0, 500, 50))
    level = range(120_000, 3_000_000, 120_000)
    await told(rounds, *level[:3])
    assert isinstance(rounds.reading(), Stale)
    await told(rounds, *level[3:])
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert reading.value.windows[-1].good == 4 * 120_000


async def test_counters_that_return_from_a_leap_count_nothing_of_before_it_again():
    rounds = Rounds()
    await told(rounds, *range(0, 20_000, 200))
    # The leap is over for long enough that one page of it is believed.
    await told(rounds, 1_020_000, 1_020_200, 1_020_400, 1_020_600)
    assert requests(rounds) < 20_100
    await told(rounds, *range(20_800, 22_000, 200))
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) < 22_000, "the 20,800 of the first page are of no process that began since"


async def test_long_after_a_leap_a_counter_that_falls_is_a_process_that_began_anew():
    rounds = Rounds()
    await told(rounds, *range(0, 20_000, 200))
    await told(rounds, *range(1_020_000, 1_030_000, 200))
    before = requests(rounds)
    await told(rounds, 100, 300)
    assert requests(rounds) - before == 300


async def test_leaps_that_follow_each_other_are_told_in_the_words_of_the_first():
    rounds = Rounds()
    await told(rounds, *range(0, 1000, 200))
    await told(rounds, 1_000_000)
    first = rounds.reading()
    await told(rounds, 3_000_000, 3_000_200)
    assert isinstance(first, Stale) and "999,200 requests" in first.why
    assert rounds.reading() == first


async def test_a_first_page_that_says_more_than_can_have_been_since_the_pod_was_made_is_not_believed():
    rounds = Rounds()
    await told(rounds, 0)
    await rounds.go([pod(), new := pod("b", created=at(6))], {"a": sample(rounds.next, start=None), "b": sample(rounds.next, 800_000)})
    assert isinstance(rounds.reading(), Stale | Unknown)
    assert "pod shop/b: its counters leapt, by 800,000 requests more than 4 s before" in rounds.reading().why
    for n in range(10):
        await rounds.go([pod(), new], {"a": sample(rounds.next, start=None), "b": sample(rounds.next, 800_000 + 10 * n)})
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) < 100


async def test_one_liar_among_many_replicas_ends_the_window_of_all():
    rounds = Rounds()
    names = [f"p{n}" for n in range(10)]
    pods = [pod(name) for name in names]
    for n in range(6):
        await rounds.go(pods, {name: sample(rounds.next, 10 * n) for name in names})
    assert isinstance(rounds.reading(), Fresh)
    await rounds.go(pods, {name: sample(rounds.next, 1_000_000 if name == "p3" else 60) for name in names})
    assert "pod shop/p3: its counters leapt" in rounds.reading().why


async def test_what_leapt_while_the_pod_was_not_ready_is_no_request_either():
    rounds = Rounds()
    await told(rounds, *range(0, 1000, 200))
    await told(rounds, 1_000_000, ready=False)
    await told(rounds, *range(1_000_200, 1_003_000, 200))
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) < 4_000


async def test_a_server_that_begins_anew_while_it_is_not_believed_counts_from_when_it_is():
    rounds = Rounds()
    await told(rounds, *range(0, 1000, 200), 1_000_000, 40, 80, 120, 160)
    assert requests(rounds) == 800 + 40
    assert rounds.observer.totals()[KEY].incomplete == 0
