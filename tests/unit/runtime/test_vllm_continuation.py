"""Generated tokens against the reference's: the same, a near tie, another machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from steelyard_runtime.failure import Failure, Reason
from steelyard_runtime.generate import golden
from steelyard_runtime.generate.continuation import Continuation, answered

REFERENCE = Continuation(
    np.array([[5, 6, 7], [8, 9, 10], [11, 12, 13]]),
    np.array([[-0.5, -0.6, -9.0], [-0.5, -0.6, -9.0], [-0.5, -0.6, -9.0]], np.float32),
)


def test_the_reference_s_own_tokens_lose_nothing() -> None:
    assert REFERENCE.loss([5, 8, 11]) == 0.0


def test_a_near_tie_that_falls_the_other_way_loses_little_and_ends_the_comparison() -> None:
    assert REFERENCE.loss([6, 99, 99]) == pytest.approx(0.1)
    assert REFERENCE.loss([5, 9, 99]) == pytest.approx(0.1 / 2), "the mean over the tokens that could be compared"


def test_a_token_that_the_reference_holds_to_be_unlikely_loses_much() -> None:
    assert REFERENCE.loss([7, 8, 11]) == pytest.approx(8.5)
    assert REFERENCE.loss([99, 8, 11]) == float("inf"), "it is not among the likeliest"


def test_too_few_tokens_are_no_agreement() -> None:
    assert REFERENCE.loss([]) == float("inf")
    assert REFERENCE.loss([5, 8]) == float("inf")


def test_continuations_are_kept_with_the_golden_samples(tmp_path: Path) -> None:
    ids = (np.arange(3), np.arange(4))
    logprobs = (np.zeros(2, np.float32), np.zeros(3, np.float32))
    golden.save(golden.Golden(ids, logprobs, (REFERENCE, REFERENCE)), tmp_path)
    found = golden.load(tmp_path).continuations
    assert [each.loss([5, 9, 99]) for each in found] == [REFERENCE.loss([5, 9, 99])] * 2
    golden.save(golden.Golden(ids, logprobs), tmp_path)
    assert golden.load(tmp_path).continuations == ()


def test_an_answer_without_its_tokens_is_refused_and_not_taken_for_a_wrong_one() -> None:
    with pytest.raises(Failure, match="return_token_ids") as caught:
        answered({"choices": [{"text": "x"}]})
    assert caught.value.reason is Reason.UNSUPPORTED_TARGET
