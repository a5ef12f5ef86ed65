"""What a replica truly carries, where theory knows it, and where it is bounded."""

from typing import Any

import pytest

from steelyard.api.parse import parse
from steelyard.core.performance.waiting import utilisation
from steelyard.simulate.carried import carried, missed
from steelyard.simulate.workload_entry import WorkloadEntry

TOKENS = {
    "floorMilliseconds": 10,
    "sequenceMicroseconds": 50,
    "contextMicroseconds": 0.1,
    "promptMicroseconds": 40,
    "kvTokens": 100_000,
}
LENGTHS = {"prompt": {"mean": 300}, "output": {"mean": 100}}


def workload(truth: dict[str, Any], **objective: int) -> WorkloadEntry:
    found = parse(WorkloadEntry, {"name": "w", "load": {"constant": 1}, "objective": objective, "lengths": LENGTHS, "truth": {"a": truth}})
    assert isinstance(found, WorkloadEntry), found
    return found


def load(truth: dict[str, Any], **objective: int) -> float:
    found = workload(truth, **objective)
    return carried(found.truth["a"], found.objective, found.lengths)


def test_one_slot_carries_what_the_law_of_late_answers_says():
    """M/D/1 with answers within five service times."""
    assert load({"serviceMilliseconds": 100}, milliseconds=500) == pytest.approx(10 * utilisation(0.01, 5), rel=0.05)


def test_a_promise_that_is_shorter_than_the_service_is_carried_at_no_load():
    assert load({"serviceMilliseconds": 100}, milliseconds=90) == 0.0


@pytest.mark.parametrize(
    ("truth", "tight", "loose"),
    [
        ({"batching": {"alphaMilliseconds": 40, "betaMilliseconds": 2, "maxBatch": 16}}, {"milliseconds": 90}, {"milliseconds": 400}),
        ({"tokens": TOKENS}, {"itlMilliseconds": 12}, {"itlMilliseconds": 30}),
        ({"tokens": TOKENS}, {"ttftMilliseconds": 40}, {"ttftMilliseconds": 400}),
    ],
)
def test_a_looser_promise_is_carried_at_a_higher_load_and_holds_there_and_no_further(truth, tight, loose):
    low, high = load(truth, **tight), load(truth, **loose)
    assert 0 < low < high < workload(truth, **loose).truth["a"].saturation(workload(truth, **loose).lengths)
    for promise, rate in ((tight, low), (loose, high)):
        entry = workload(truth, **promise)
        assert missed(entry.truth["a"], entry.objective, entry.lengths, rate) <= 0.01
        assert missed(entry.truth["a"], entry.objective, entry.lengths, 1.1 * rate) > 0.01
