"""No request is counted twice or lost, whatever the order of the news."""

from hypothesis import given
from hypothesis import strategies as st

from property.observe.strategies import Life, lives
from steelyard.observe.counters import PodCounters
from steelyard.observe.sample import Sample, Tally
from steelyard.observe.termination import Final
from unit.observe.pods import sample


def told(news: list[Sample | Final]) -> PodCounters:
    counters = PodCounters()
    for each in news:
        before = counters.total
        counters = counters.read(each) if isinstance(each, Sample) else counters.ended(each)
        grown = counters.total - before
        assert min(grown.good, grown.slow, grown.error, grown.shed) >= 0, "counters never go back"
    return counters


@given(lives(), st.randoms())
def test_the_order_of_scrapes_and_last_words_changes_nothing(life: Life, chance):
    news = list(life.news)
    chance.shuffle(news)
    assert told(news).total == life.truth


@given(lives())
def test_news_heard_twice_counts_once(life: Life):
    assert told([each for each in life.news for _ in range(2)]).total == life.truth
    assert told([*life.news, *life.news]).total == life.truth


@given(lives())
def test_a_life_is_complete_exactly_when_every_process_had_its_last_word(life: Life):
    assert told(list(life.news)).complete == life.complete


@given(lives(most_runs=12))
def test_a_crash_loop_keeps_few_runs_and_all_requests(life: Life):
    counters = told(list(life.news))
    assert (counters.total, counters.complete) == (life.truth, life.complete)
    assert len(counters.runs) <= 4
    assert told([*life.news, *life.news]).total == life.truth


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=20))
def test_without_a_start_time_a_counter_that_goes_back_begins_anew(values):
    counters, expected, before = PodCounters(), Tally(), (0, 0)
    for n, (good, slow) in enumerate(values):
        counters = counters.read(sample(n + 1, good, slow, start=None, cpu=None))
        reset = good < before[0] or good + slow < sum(before)
        expected += Tally(good, slow) if reset else Tally(good - before[0], slow - before[1])
        before = (good, slow)
        assert counters.total.offered == expected.offered
    assert min(counters.total.good, counters.total.slow) >= 0
