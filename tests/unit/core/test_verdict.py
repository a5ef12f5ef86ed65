"""Sequential tests keep their error rates; verdicts on claims need their sample."""

import random

import pytest

from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.rebalancing.claims import still_says
from steelyard.core.rebalancing.verdict import Comparison, Seen, on_claim
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.sequential import Result, violations, wilson


def ends(fraction: float, seed: int, allowed: float = 0.01) -> Result:
    chance = random.Random(seed)
    bad = n = 0
    for _ in range(200):
        bad, n = bad + sum(chance.random() < fraction for _ in range(20)), n + 20
        test = violations(bad, n, 0, 0, allowed)
        if test.result is not Result.INCONCLUSIVE:
            return test.result
    return Result.INCONCLUSIVE


def test_a_healthy_target_fails_and_a_bad_one_passes_at_most_one_time_in_twenty() -> None:
    runs = 300
    healthy = [ends(0.01, seed) for seed in range(runs)]
    bad = [ends(0.03, seed) for seed in range(runs)]
    assert healthy.count(Result.FAIL) / runs <= 0.075
    assert bad.count(Result.PASS) / runs <= 0.075
    assert healthy.count(Result.INCONCLUSIVE) + bad.count(Result.INCONCLUSIVE) <= 0.05 * runs


def test_no_data_is_never_a_pass() -> None:
    assert violations(0, 0, 0, 0, 0.01).result is Result.INCONCLUSIVE
    assert violations(0, 0, 50, 100, 0.01).result is Result.INCONCLUSIVE


def test_a_target_is_not_blamed_for_what_the_source_shows_too() -> None:
    assert violations(50, 500, 0, 500, 0.01).result is Result.FAIL
    assert violations(50, 500, 50, 500, 0.01).result is not Result.FAIL


def test_one_bad_request_of_the_source_excuses_no_target() -> None:
    assert violations(0, 2, 1, 1, 0.01).result is Result.INCONCLUSIVE


@pytest.mark.parametrize("allowed", [0.0, 0.2, 0.6, 0.96, 1.0])
def test_any_objective_has_an_answer(allowed: float) -> None:
    test = violations(500, 500, 0, 0, allowed)
    assert 0 < test.p0 < test.p1 < 1
    assert violations(500, 500, 0, 0, min(allowed, 0.6)).result is Result.FAIL


def test_wilson_bounds_hold_the_fraction() -> None:
    for bad, n in [(0, 1), (1, 1), (3, 300), (150, 300)]:
        lower, upper = wilson(bad, n)
        assert 0 <= lower <= bad / n <= upper <= 1 + 1e-9


def word(lower: float, upper: float, n: int = 1000, claimed: float = 0.5) -> VerdictWord:
    measured = Interval((lower + upper) / 2, lower, upper)
    seen = Comparison(what="unit cost relative to b", claimed=claimed, seen=Seen(measured, n), lower_is_better=True)
    return on_claim("a", "c", seen, 300).verdict


def test_a_claim_is_confirmed_within_its_tolerance_refuted_beyond_it_and_open_between() -> None:
    assert word(0.44, 0.51) is VerdictWord.CONFIRMED
    assert word(0.6, 0.7) is VerdictWord.REFUTED
    assert word(0.4, 0.7) is VerdictWord.INCONCLUSIVE
    assert word(0.56, 0.7) is VerdictWord.INCONCLUSIVE, "by the look after the next it may be otherwise"
    assert word(1.9, 2.1, n=299) is VerdictWord.INCONCLUSIVE, "too small a sample decides nothing"


def test_what_is_measured_on_needs_wider_bounds_than_what_is_looked_at_once() -> None:
    def verdict(once: bool) -> VerdictWord:
        seen = Seen(Interval(0.65, 0.59, 0.71), 1000, once)
        return on_claim("a", "c", Comparison(what="unit cost", claimed=0.505, seen=seen, lower_is_better=True), 300).verdict

    assert (verdict(once=True), verdict(once=False)) == (VerdictWord.REFUTED, VerdictWord.INCONCLUSIVE)


def test_a_doubt_replaces_a_conclusive_word_only_with_four_times_its_evidence_and_another_conclusive_word_at_once() -> None:
    def seen(lower: float, upper: float, n: int) -> ClaimVerdict:
        measured = Interval((lower + upper) / 2, lower, upper)
        return on_claim("a", "c", Comparison(what="unit cost", claimed=0.5, seen=Seen(measured, n), lower_is_better=True), 100)

    confirmed, doubt = seen(0.3, 0.4, 144), seen(0.3, 0.9, 144)
    assert (confirmed.verdict, doubt.verdict) == (VerdictWord.CONFIRMED, VerdictWord.INCONCLUSIVE)
    assert still_says(confirmed, doubt)
    assert still_says(confirmed, seen(0.3, 0.9, 145)), "a word that changes with every request says nothing"
    assert not still_says(confirmed, seen(0.3, 0.9, 4 * 144))
    assert not still_says(confirmed, seen(0.8, 0.9, 100))
    assert not still_says(doubt, confirmed)
