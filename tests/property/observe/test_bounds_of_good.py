"""From marginal histograms follows how many requests can have been good; the truth is always within, whatever was asked and observed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.counters import PodCounters
from steelyard.observe.exposition import parse
from steelyard.observe.profiles import contract_of
from steelyard.observe.sample import Counts
from unit.observe.pods import T0

EDGES = (0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(frozen=True)
class Request:
    failed: bool
    whole: float
    first: float


requests = st.lists(
    st.builds(Request, st.booleans(), st.sampled_from((0.05, 0.2, 0.3, 0.7, 3.0)), st.sampled_from((0.05, 0.2, 0.3))), max_size=30
)
promises = st.lists(
    st.tuples(st.sampled_from(("e2e", "ttft")), st.sampled_from((0.1, 0.2, 0.25, 0.4, 3.0))), min_size=1, unique_by=lambda p: p[0]
)


def histogram(name: str, times: list[float]) -> str:
    counts = [(f"{edge}", sum(time <= edge for time in times)) for edge in EDGES]
    lines = [f'{name}_bucket{{le="{edge}"}} {count}\n' for edge, count in (*counts, ("+Inf", len(times)))]
    return "".join(lines)


def counted(sent: list[Request], kept: list[tuple[str, float]], *, failures_observed: bool) -> Counts:
    observed = [r for r in sent if failures_observed or not r.failed]
    text = f"n_total {sum(not r.failed for r in sent)}\nfailed_total {sum(r.failed for r in sent)}\n"
    text += histogram("whole", [r.whole for r in observed]) + histogram("first", [r.first for r in observed])
    names = PageNames(requests="n_total", errors="failed_total", whole="whole", first="first")
    contract = contract_of(ServerPage(names=names, promises=tuple(kept), port=80))
    return contract.sample(parse(text.encode(), contract.wanted), T0, 0).counts


def good(sent: list[Request], kept: list[tuple[str, float]]) -> int:
    times = {"e2e": lambda r: r.whole, "ttft": lambda r: r.first}
    return sum(not r.failed and all(times[metric](r) <= seconds for metric, seconds in kept) for r in sent)


@given(requests, promises, st.booleans())
def test_the_truth_is_within_the_bounds(sent: list[Request], kept: list[tuple[str, float]], failures_observed: bool) -> None:
    tally = counted(sent, kept, failures_observed=failures_observed).tally
    assert tally.good <= good(sent, kept) <= tally.good + tally.unsure
    assert (tally.good + tally.slow, tally.error) == (sum(not r.failed for r in sent), sum(r.failed for r in sent))
    assert tally.unsure <= tally.slow


@given(requests, requests, promises)
def test_what_came_later_is_bounded_by_itself(before: list[Request], after: list[Request], kept: list[tuple[str, float]]) -> None:
    grown = counted([*before, *after], kept, failures_observed=True) - counted(before, kept, failures_observed=True)
    assert grown.tally == counted(after, kept, failures_observed=True).tally


ahead = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 5)), max_size=20)
"""Round by round: first tokens in time, late ones, and answers that end, as far as there are any under way."""


@given(ahead)
def test_first_tokens_that_are_told_before_their_answers_end_make_as_many_slow_as_were_late(rounds: list[tuple[int, int, int]]) -> None:
    contract = contract_of(ServerPage(profile="vllm", promises=(("ttft", 0.5),), port=80))
    counters, early, late, answered = PodCounters(), 0, 0, 0
    for n, (in_time, too_late, ended) in enumerate([*rounds, (0, 0, 1000)]):
        early, late = early + in_time, late + too_late
        answered = min(answered + ended, early + late)
        name = "vllm:time_to_first_token_seconds_bucket"
        text = f'{name}{{le="0.5"}} {early}\n{name}{{le="+Inf"}} {early + late}\nvllm:request_success_total{{finished_reason="stop"}} {answered}\n'
        counters = counters.read(contract.sample(parse(text.encode(), contract.wanted), T0 + timedelta(seconds=n), n))
        told = counters.total
        assert told.good + told.slow == answered
        assert max(0, answered - early) <= told.slow <= late, "no request is slow that may not be, and no late one is forgotten"
    assert (counters.total.good, counters.total.slow) == (early, late)


@given(requests, st.sampled_from([0.25, 1.0]))
def test_where_an_edge_is_at_the_promise_and_failures_are_apart_nothing_is_unsure(sent: list[Request], seconds: float) -> None:
    tally = counted(sent, [("e2e", seconds)], failures_observed=False).tally
    assert (tally.good, tally.unsure) == (good(sent, [("e2e", seconds)]), 0)
