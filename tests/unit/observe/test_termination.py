import json

import pytest

from steelyard.observe.failure import Reason, RejectedError
from steelyard.observe.sample import Tally
from steelyard.observe.termination import final

MESSAGE = {
    "final": {
        "requests": {"good": 5, "slow": 1, "error": 0, "shed": 2},
        "tokens": {"input": 9},
        "startedAt": "2026-09-01T12:00:00.123Z",
        "endedAt": "2026-09-01T13:00:00.000Z",
    }
}


def test_the_final_counters_are_read():
    told = final(json.dumps(MESSAGE))
    assert told is not None
    assert told.tally == Tally(5, 1, 0, 2)
    assert told.start % 60 == pytest.approx(0.123)


@pytest.mark.parametrize("message", ["", "Traceback: out of memory", '{"message": "exit 1"}', "OOMKilled"])
def test_another_message_says_nothing(message):
    assert final(message) is None


@pytest.mark.parametrize("good", [-1, 1.5, "5", True, None, 1e300])
def test_a_count_that_cannot_be_is_refused(good):
    said = json.loads(json.dumps(MESSAGE))
    said["final"]["requests"]["good"] = good
    with pytest.raises(RejectedError) as caught:
        final(json.dumps(said))
    assert caught.value.reason is Reason.TERMINATION


@pytest.mark.parametrize(
    "message",
    [
        '{"final": 1}',
        '{"final": {}}',
        '{"final": {"requests": [], "startedAt": "2026-09-01T12:00:00Z"}}',
        '{"final": {"requests": {}, "startedAt": "noon"}}',
        '{"final": {"requests": {}, "startedAt": "2026-09-01T12:00:00"}}',
        '{"final"',
        '{"final":' + "[" * 3000,
        '{"final":"' + "x" * 5000 + '"}',
    ],
)
def test_a_broken_final_is_refused(message):
    with pytest.raises(RejectedError):
        final(message)
