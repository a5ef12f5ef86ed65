"""A pod that is asked for other metrics than before: what those count is no continuation of what the first did."""

from steelyard.core.vocabulary.reading import Fresh
from steelyard.observe.named_metrics import Named, NamedMetrics
from unit.observe.pods import KEY, Rounds, at, pod, sample


def by(name: str) -> NamedMetrics:
    return NamedMetrics(answered=(Named(name),), times=(), promises=())


async def told(rounds: Rounds, name: str, counts: list[int]) -> None:
    for count in counts:
        await rounds.go([pod(contract=by(name))], {"a": sample(rounds.next, count)})


async def test_no_window_counts_the_difference_between_two_metrics() -> None:
    rounds = Rounds()
    await told(rounds, "first_total", list(range(0, 60, 10)))
    await told(rounds, "other_total", list(range(100_000, 100_060, 10)))
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert [window.good for window in reading.value.windows] == [40], "ten a round, and none of before"


async def test_fewer_of_the_other_are_no_process_that_began_anew() -> None:
    rounds = Rounds()
    await told(rounds, "first_total", list(range(100_000, 100_060, 10)))
    await told(rounds, "other_total", list(range(5_000, 5_060, 10)))
    assert [window.good for window in rounds.reading().value.windows] == [40]


async def test_what_was_counted_stays_counted_and_the_others_past_is_nobodys() -> None:
    rounds = Rounds()
    await told(rounds, "first_total", list(range(0, 60, 10)))
    await told(rounds, "other_total", list(range(100_000, 100_060, 10)))
    totals = rounds.observer.news()[KEY]
    assert totals.tally.good - totals.before.good == 50 + 50


async def test_nor_is_the_past_of_a_pod_that_came_into_being_while_it_was_looked_at() -> None:
    rounds = Rounds()
    counts = range(0, 60, 10)
    for name, more in (("first_total", 0), ("other_total", 50)):
        for count in counts:
            facts = pod(contract=by(name), created=at(6))
            await rounds.go([pod("b", contract=by("b_total")), facts], {"a": sample(rounds.next, count + more), "b": sample(rounds.next)})
    totals = rounds.observer.news()[KEY]
    assert totals.tally.good - totals.before.good == 50 + 50, "the second metric goes on from where the first one was"


async def test_an_equal_description_that_was_made_anew_changes_nothing() -> None:
    rounds = Rounds()
    for count in range(0, 120, 10):
        await told(rounds, "first_total", [count])
    assert [window.good for window in rounds.reading().value.windows] == [40, 40]
