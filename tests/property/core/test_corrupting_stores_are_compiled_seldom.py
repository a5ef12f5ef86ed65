"""Whatever pods say and whenever they say it, no artifact is compiled for ever in a row, and none that is refused stays as it is."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.compiling.attempt import Attempts, Built, NoJob, next_attempt
from steelyard.core.compiling.corrupt import FIRST_PAUSE, LASTED, LONGEST_PAUSE, Refused, reopened

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
BUILT = Built(uri="u", digest="d", size_bytes=1, seconds=1.0)
MOST = 10
"""Begun within a day: at once, then after 10, 20, 40 ... minutes until these sum to a day, and one for a day's edge."""


@given(st.lists(st.integers(min_value=1, max_value=26 * 3600), min_size=1, max_size=40))
def test_within_any_day_few_compiles_begin_however_the_store_corrupts_them(gaps: list[int]) -> None:
    """gaps: seconds from a finished compile to the first container that refuses what came of it."""
    now, begun = BEGIN, []
    attempts = Attempts(count=1, built=BUILT, built_at=now)
    for gap in gaps:
        now += timedelta(seconds=gap)
        word = Refused(pod="p", uri="u", digest="d", started=now, reason="ArtifactCorrupt", message="m")
        attempts = reopened(attempts, [word], now)
        assert attempts.built is None
        assert attempts.retry_at is not None
        assert now <= attempts.retry_at <= now + LONGEST_PAUSE
        now = attempts.retry_at
        attempts, start = next_attempt(attempts, NoJob(), now, may_start=True)
        assert start is not None
        begun.append(now)
        attempts, _ = next_attempt(attempts, BUILT, now, may_start=True)
    for at in begun:
        assert sum(at <= other < at + LASTED for other in begun) <= MOST


@given(st.permutations(range(5)), st.integers(min_value=-3, max_value=3))
def test_the_order_of_the_pods_changes_nothing(order: list[int], offset: int) -> None:
    words = [
        Refused(pod=f"p{k}", uri="u", digest="d", started=BEGIN + timedelta(seconds=k + offset), reason="ArtifactCorrupt", message=str(k))
        for k in range(5)
    ]
    attempts = Attempts(count=1, built=BUILT, built_at=BEGIN)
    now = BEGIN + FIRST_PAUSE
    assert reopened(attempts, [words[k] for k in order], now) == reopened(attempts, words, now)
