"""Windows of a placement whose requests a gateway tells of, in virtual time on scripted answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from steelyard.core.facts.window import Window
from steelyard.core.vocabulary.reading import Fresh, Stale, Unknown
from steelyard.observe.backend import Backend, contract_at_a_gateway
from steelyard.observe.contract import SteelyardMetrics
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.gateway_record import MISSED
from steelyard.observe.gateway_source import AtGateway
from steelyard.observe.observer import Observer
from steelyard.observe.sample import Counts, Sample, Tally, Within
from unit.observe.pods import KEY, Rounds, at, pod, sample

BACKEND = Backend("shop_minilm_80", contract_at_a_gateway((("e2e", 0.05),), (0.01,)))
PAGE = SteelyardMetrics(path="/unjudged")
NOTHING = Failure(Reason.EMPTY, "the query returned nothing recent")


class Scripted:
    """Gateways that say what the test put into it."""

    def __init__(self) -> None:
        self.answer: AtGateway = NOTHING

    async def read(self, backends: Sequence[Backend]) -> Mapping[Backend, AtGateway]:
        return dict.fromkeys(backends, self.answer)


class Routed(Rounds):
    """The pod's page is read as well, and tells another number of requests, none of them in time."""

    def __init__(self) -> None:
        super().__init__()
        self.gateways = Scripted()
        self.observer = Observer(self.source, self.interval, self.news.append, gateways=self.gateways)

    async def tell(self, answer: AtGateway) -> None:
        self.gateways.answer = answer
        await self.go([pod(backend=BACKEND, contract=PAGE)], {"a": sample(self.next, slow=int(7 * self.next), cpu=self.next)})

    async def each(self, *processes: Sample) -> None:
        await self.tell({f"10.0.0.{number}:8002": told for number, told in enumerate(processes)})

    @property
    def windows(self) -> Sequence[Window]:
        reading = self.reading()
        assert not isinstance(reading, Unknown)
        return tuple(reading.value.windows)

    @property
    def total(self) -> Tally:
        totals = self.observer.totals()[KEY]
        return totals.tally - totals.before


def told(seconds: float, answered: int, late: int = 0, error: int = 0, shown: int | None = None) -> Sample:
    """shown: of them in the histogram; None: all."""
    observed = answered if shown is None else shown
    within = Within(least=observed - late, most=observed - late, observed=observed, of_all=False, metric="e2e")
    return sample(
        seconds,
        counts=Counts(answered=answered, error=error, told=(within,)),
        buckets={0.05: observed - late, float("inf"): observed},
        start=None,
        took_seconds=0.02 * observed,
    )


async def test_requests_and_latencies_are_the_gateways_and_replicas_and_cost_are_the_pods() -> None:
    rounds = Routed()
    for count in range(5):
        await rounds.each(told(rounds.next, 10 * count, late=count, error=count))
    (window,) = rounds.windows
    assert isinstance(rounds.reading(), Fresh)
    assert (window.start, window.end, window.replica_seconds, window.cost) == (at(5), at(25), 20, 20 * 0.36 / 3600)
    assert (window.good, window.slow, window.error) == (36, 4, 4)
    assert window.buckets is not None and dict(window.buckets)[0.05] == 36
    assert window.took_seconds is not None and round(window.took_seconds, 6) == 0.8, "the gateway's 40 answers, 20 ms each"
    assert rounds.total == Tally(36, 4, 4)


async def test_what_had_been_counted_before_the_first_look_is_no_news() -> None:
    rounds = Routed()
    for count in range(5):
        await rounds.each(told(rounds.next, 1000 + 10 * count))
    assert (rounds.windows[0].offered, rounds.total.offered) == (40, 40)


async def test_requests_that_turn_out_to_be_late_after_they_were_counted_are_held_against_the_next_ones() -> None:
    rounds = Routed()
    await rounds.each(told(rounds.next, 0))
    await rounds.each(told(rounds.next, 20, shown=0))
    await rounds.each(told(rounds.next, 20, late=5))
    assert rounds.total == Tally(good=20), "what was told is not taken back, and nobody is counted twice"
    await rounds.each(told(rounds.next, 40, late=5))
    await rounds.each(told(rounds.next, 40, late=5))
    assert rounds.total == Tally(good=35, slow=5)
    assert (rounds.windows[0].good, rounds.windows[0].slow) == (35, 5)


async def test_processes_of_a_gateway_add_up() -> None:
    rounds = Routed()
    for count in range(5):
        await rounds.each(told(rounds.next, 10 * count), told(rounds.next, 5 * count))
    assert rounds.windows[0].good == 60


async def test_a_window_in_which_a_process_came_or_went_or_began_anew_is_thrown_away() -> None:
    for other in ((10, 10), (10,), (0, 10)):
        rounds = Routed()
        await rounds.each(*(told(rounds.next, 10) for _ in (1, 2)) if other != (10, 10) else (told(rounds.next, 10),))
        await rounds.each(*(told(rounds.next, 10) for _ in (1, 2)) if other != (10, 10) else (told(rounds.next, 10),))
        await rounds.each(*(told(rounds.next, count) for count in other))
        assert isinstance(rounds.reading(), Stale)
        for count in range(1, 6):
            await rounds.each(*(told(rounds.next, each + 10 * count) for each in other))
        assert isinstance(rounds.reading(), Fresh)
        assert [window.offered for window in rounds.windows] == [40 * len(other)]


async def test_counters_of_a_gateway_that_leap_are_no_requests_and_break_the_window() -> None:
    rounds = Routed()
    for count in range(4):
        await rounds.each(told(rounds.next, 10 * count))
    await rounds.each(told(rounds.next, 1_000_000))
    reading = rounds.reading()
    assert isinstance(reading, Stale)
    assert reading.why.startswith("the gateway's counters leapt, by 999,970 requests more than 5 s before")
    for count in range(1, 6):
        await rounds.each(told(rounds.next, 1_000_000 + 10 * count))
    assert isinstance(rounds.reading(), Fresh)
    assert ([window.offered for window in rounds.windows], rounds.total.offered) == ([40], 80)


async def test_one_lost_scrape_breaks_no_window_and_two_make_the_reading_stale() -> None:
    rounds = Routed()
    for count in range(3):
        await rounds.each(told(rounds.next, 10 * count))
    await rounds.each(told(rounds.seconds, 20))
    assert isinstance(rounds.reading(), Fresh)
    await rounds.each(told(rounds.next, 40))
    assert rounds.windows[0].offered == 40
    for lost in (True, False):
        await rounds.tell(NOTHING)
        assert isinstance(rounds.reading(), Fresh if lost else Stale)
    reading = rounds.reading()
    assert isinstance(reading, Stale) and reading.why == NOTHING.why


async def test_a_gateway_that_was_never_read_is_unknown_and_says_why_though_the_servers_page_is_read() -> None:
    rounds = Routed()
    for round_ in range(1, MISSED + 1):
        await rounds.tell(NOTHING)
        assert rounds.reading() == Unknown(NOTHING.why, pending=round_ < MISSED)
    assert rounds.observer.refused == {("gateway", "Empty"): MISSED}


async def test_requests_of_both_kinds_of_reading_are_counted_once_where_one_follows_the_other() -> None:
    rounds = Routed()
    for count in range(3):
        await rounds.go([pod()], {"a": sample(rounds.next, good=10 * count, cpu=rounds.next)})
    assert rounds.total.offered == 20
    for count in range(3):
        await rounds.each(told(rounds.next, 100 * count))
    assert rounds.total.offered == 220
    await rounds.go([pod()], {"a": sample(rounds.next, good=500, cpu=rounds.next)})
    assert rounds.total.offered == 220


async def test_a_probes_server_that_tells_a_mean_alone_hides_nothing_that_the_gateway_tells() -> None:
    rounds = Routed()
    for count in range(5):
        rounds.gateways.answer = {"10.0.0.1:8002": told(rounds.next, 10 * count)}
        pods = [pod(backend=BACKEND, contract=PAGE), pod("b", ready=False, probes=True)]
        await rounds.go(pods, {name: sample(rounds.next, cpu=rounds.next, blind="a mean alone") for name in "ab"})
    reading = rounds.reading()
    assert isinstance(reading, Fresh)
    assert (reading.value.blind, rounds.windows[0].blind, rounds.windows[0].good) == ("", False, 40)
