"""The contract between the runtime's server and the operator, held against the server's own code."""

import json

from steelyard.observe.contract import STEELYARD
from steelyard.observe.counters import PodCounters
from steelyard.observe.exposition import parse
from steelyard.observe.sample import Tally
from steelyard.observe.termination import final
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.outcome import Outcome
from unit.observe.pods import T0


def test_what_the_server_exposes_and_its_last_word_speak_of_the_same_process():
    metrics = Metrics((100.0,))
    for outcome, seconds in ((Outcome.GOOD, 0.05), (Outcome.GOOD, 0.1), (Outcome.SLOW, 0.4), (Outcome.ERROR, 0.01), (Outcome.SHED, 0.0)):
        metrics.count(outcome, seconds, 3)
    sample = STEELYARD.sample(parse(metrics.exposition(), STEELYARD.wanted), T0, 0)
    assert sample.counts.tally == Tally(2, 1, 1, 1)
    assert sample.buckets[0.1] == 2, "the objective is an edge"
    assert sample.cpu_seconds is not None
    metrics.count(Outcome.GOOD, 0.05, 3)
    told = final(json.dumps(metrics.final()))
    assert told is not None
    counters = PodCounters().read(sample).ended(told)
    assert (len(counters.runs), counters.total, counters.complete) == (1, Tally(3, 1, 1, 1), True)
