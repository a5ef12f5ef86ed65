"""A good request keeps all that is promised: the whole answer, its first token, and the time between its tokens."""

import numpy as np
import pytest

from steelyard.simulate.promise import Promise
from steelyard.simulate.requests import Requests, answered

ROWS = [(0.0, 10.0, 5.0), (0.0, 10.0, 5.0), (0.0, 10.0, 1.0)]
"""The last has one token, so there is no time between its tokens."""


def answers(done: float, first: float) -> Requests:
    return answered(1, ROWS, [done] * 3, [first] * 3)


@pytest.mark.parametrize(
    ("promise", "slow"),
    [
        (Promise(), [False, False, False]),
        (Promise(e2e=3.0, ttft=1.0, itl=0.5), [False, False, False]),
        (Promise(e2e=2.9), [True, True, True]),
        (Promise(ttft=0.9), [True, True, True]),
        (Promise(itl=0.49), [True, True, False]),
    ],
)
def test_what_breaks_one_promise_is_slow(promise, slow):
    assert promise.broken(answers(3.0, 1.0)).tolist() == slow


def test_answers_without_lengths_are_judged_as_a_whole():
    whole = answered(1, [(0.0,), (1.0,)], [1.0, 4.0])
    assert np.array_equal(Promise(e2e=2.0, ttft=0.1).broken(whole), [False, True])
