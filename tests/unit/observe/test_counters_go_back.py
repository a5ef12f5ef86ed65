"""A server that lies about what it counted: counters that go back once are no news, and those that go back again and again are not believed."""

from __future__ import annotations

from steelyard.core.facts.tokens import Counted, Tokens
from steelyard.core.facts.window import Crash
from steelyard.core.vocabulary.reading import Fresh, Stale
from unit.observe.pods import KEY, Rounds, at, pod, sample


async def told(rounds: Rounds, *counts: int, **facts: object) -> None:
    for good in counts:
        await rounds.go([pod(**facts)], {"a": sample(rounds.next, good=good, start=None, cpu=None)})


def requests(rounds: Rounds) -> int:
    totals = rounds.observer.totals()[KEY]
    return (totals.tally - totals.before).good


async def test_a_counter_that_goes_back_by_little_counts_none_of_its_requests_again():
    rounds = Rounds()
    await told(rounds, 100_000, 100_010, 99_990, 100_000)
    assert requests(rounds) == 20, "ten before, and ten since"


async def test_nor_are_its_latencies_and_tokens_those_of_a_window():
    rounds = Rounds()
    for good in (100_000, 100_010, 100_020, 99_990, 100_000, 100_010, 100_020):
        tokens = Tokens(every=Counted(input=good, cached=0, output=good), good=None)
        await rounds.go([pod()], {"a": sample(rounds.next, good=good, start=None, cpu=None, tokens=tokens)})
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    (window,) = reading.value.windows
    assert window.good == 30
    assert max((window.buckets or {}).values(), default=0) <= 40
    assert window.tokens is not None
    assert window.tokens.every.input <= 40


async def test_a_counter_that_begins_anew_counts_from_zero():
    rounds = Rounds()
    await told(rounds, 100_000, 100_010, 8, 20)
    assert requests(rounds) == 30


async def test_a_crash_explains_any_counter():
    rounds = Rounds()
    await told(rounds, 10, 20)
    await told(rounds, 15, crash=Crash(at(11), at(12)))
    assert requests(rounds) == 25


async def test_two_processes_that_answer_in_turn_are_not_believed_until_they_share_a_page():
    rounds = Rounds()
    await told(rounds, *range(1000, 1040, 10))
    assert isinstance(rounds.reading(), Fresh) or requests(rounds) == 30
    before = requests(rounds)
    for n in range(12):
        await told(rounds, 1040 + n, 700 + n)
    reading = rounds.reading()
    assert isinstance(reading, Stale)
    assert "go back again and again" in reading.why and "multiprocess" in reading.why
    assert requests(rounds) - before < 700, "what the other one had counted is no news"
    before = requests(rounds)
    await told(rounds, *range(2000, 2400, 10))
    assert isinstance(rounds.reading(), Fresh), "they share one now"
    assert requests(rounds) - before < 400, "and what both had counted until then is no news either"


async def test_of_two_processes_that_answered_in_turn_the_one_that_stays_counts_none_of_its_requests_again():
    rounds = Rounds()
    for n in range(12):
        await told(rounds, 1040 + n, 700 + n)
    before = requests(rounds)
    await told(rounds, *range(720, 760))
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) - before < 40


async def test_more_processes_than_are_remembered_are_not_believed():
    rounds = Rounds()
    for n in range(40):
        await rounds.go([pod()], {"a": sample(rounds.next, good=100 + n, start=1.0 + n % 6, cpu=None)})
    reading = rounds.reading()
    assert isinstance(reading, Stale)
    assert "several processes" in reading.why


async def test_a_container_that_ends_again_and_again_is_believed():
    rounds = Rounds()
    for n in range(40):
        await rounds.go([pod()], {"a": sample(rounds.next, good=1 + n % 4, start=1.0 + n // 4, cpu=None)})
    assert isinstance(rounds.reading(), Fresh)
    assert requests(rounds) == 39


async def test_two_processes_that_say_when_they_began_are_added_up():
    rounds = Rounds()
    for n in range(20):
        await rounds.go([pod()], {"a": sample(rounds.next, good=100 + n, start=1.0 + n % 2, cpu=None)})
    assert isinstance(rounds.reading(), Fresh)
