"""The contract between the runtime's server and the operator, held against the server's own code."""

import json

import pytest

from steelyard.observe.contract import STEELYARD
from steelyard.observe.counters import PodCounters
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.sample import Tally
from steelyard.observe.termination import final
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.outcome import Outcome
from unit.observe.pods import T0
from unit.observe.test_exposition import exposition


def test_what_the_server_exposes_and_its_last_word_speak_of_the_same_process():
    metrics = Metrics((100.0,))
    for outcome, seconds in ((Outcome.GOOD, 0.05), (Outcome.GOOD, 0.1), (Outcome.SLOW, 0.4), (Outcome.ERROR, 0.01), (Outcome.SHED, 0.0)):
        metrics.count(outcome, seconds, 3)
    sample = STEELYARD.sample(parse(metrics.exposition(), STEELYARD.wanted), T0, 0)
    assert sample.counts.tally == Tally(2, 1, 1, 1)
    assert sample.buckets[0.1] == 2, "the objective is an edge"
    assert sample.took_seconds == pytest.approx(0.05 + 0.1 + 0.4), "of what was answered, and of nothing else"
    assert sample.cpu_seconds is not None
    metrics.count(Outcome.GOOD, 0.05, 3)
    told = final(json.dumps(metrics.final()))
    assert told is not None
    counters = PodCounters().read(sample).ended(told)
    assert (len(counters.runs), counters.total, counters.complete) == (1, Tally(3, 1, 1, 1), True)


LATE = 'steelyard_server_late_requests_total{{metric="{}",percent="{}"}} {}\n'


def read(text: str):
    return STEELYARD.sample(parse(text.encode(), STEELYARD.wanted), T0, 0)


def test_several_promises_are_told_apart_where_the_server_does():
    page = exposition(good=90, slow=10, error=2) + LATE.format("itl", "90", 8) + LATE.format("ttft", "99", 3)
    tally = read(page).counts.tally
    assert (tally.good, tally.slow, tally.unsure) == (90, 10, 0)
    assert [(each.metric, each.late, each.unsure, round(each.allowed, 6)) for each in tally.apart] == [
        ("ttft", 3, 0, 0.01),
        ("itl", 8, 0, 0.1),
    ]
    assert read(exposition()).counts.tally.apart == (), "a server of one promise, or of an older version"


def test_what_grew_of_each_promise_is_counted_by_itself_and_a_count_that_went_back_is_a_new_process():
    old, new = (
        read(exposition(good=good, slow=slow) + LATE.format("ttft", "99", late) + LATE.format("itl", "90", 1)).counts
        for good, slow, late in ((10, 2, 1), (20, 5, 3))
    )
    assert [each.late for each in (new - old).tally.apart] == [2, 0]
    assert old.shrank(new) and not new.shrank(old)


@pytest.mark.parametrize(("metric", "percent"), [("p99", "99"), ("ttft", "100"), ("ttft", "0"), ("ttft", "x"), ("ttft", "1e1")])
def test_a_promise_that_nobody_gives_is_refused(metric, percent):
    with pytest.raises(RejectedError) as caught:
        read(exposition() + LATE.format(metric, percent, 1))
    assert caught.value.reason is Reason.LABEL
