"""Whatever a page says, no more is counted than a replica can answer; and whatever load there is, a burst of it is counted whole."""

from hypothesis import given
from hypothesis import strategies as st

from steelyard.observe.leaps import REQUESTS_AT_MOST, UP_TO_DATE, Leaps
from unit.observe.pods import Rounds, pod, sample

BURST = 50
LEAPS = st.lists(st.integers(-(10**6), 10**7), min_size=2, max_size=30)


@given(LEAPS, st.sampled_from([None, 1.0]))
async def test_no_page_counts_more_than_a_replica_can_answer(steps, start):
    rounds, said, before = Rounds(), 0, 0
    for step in steps:
        said = max(0, said + step)
        await rounds.go([pod()], {"a": sample(rounds.next, said, start=start, cpu=None)})
        for totals in rounds.observer.totals().values():
            counted = (totals.tally - totals.before).good
            assert 0 <= counted - before <= REQUESTS_AT_MOST * max(UP_TO_DATE, rounds.seconds)
            before = counted


@given(st.integers(1, 500), st.lists(st.floats(0, BURST), max_size=20), st.floats(0.001, 0.02))
def test_a_burst_of_fifty_times_all_that_was_told_before_is_believed(first, bursts, took):
    leaps, most, said, now = Leaps(), first, 0, 0.0
    for times in (1.0, *bursts):
        grown = int(min(most * times, 5 * REQUESTS_AT_MOST))
        said, most, now = said + grown, max(most, grown), now + 5
        buckets = {took / 2: 0, took: said, float("inf"): said}
        assert leaps.look(sample(now, said, start=None, cpu=None, buckets=buckets), lived=now) == ""
