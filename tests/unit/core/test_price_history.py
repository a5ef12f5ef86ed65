"""A glitch of a price feed is not believed; a real step is, after it has stayed."""

from datetime import datetime, timedelta

import pytest

from steelyard.core.economics.price_history import APART, PERSISTS, PriceHistory, read
from steelyard.core.facts.price import WIDEST, Price, PriceClass
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown
from unit.core.world import START


def spot(per_hour: float, at: datetime = START) -> Price:
    return Price(per_hour, PriceClass.SPOT_MARKET, at)


def after(*prices: float | None, apart: timedelta = APART) -> tuple[PriceHistory, Reading[Price]]:
    """The last of these reads."""
    history, reading, now = PriceHistory(), Unknown("nothing was read"), START
    for price in prices:
        history, reading = read(history, None if price is None else spot(price, now), "inf2.xlarge", now)
        now += apart
    return history, reading


def told(*prices: float | None, apart: timedelta = APART) -> float | None:
    """What may be believed after these reads; None where it justifies no move."""
    reading = after(*prices, apart=apart)[1]
    return reading.value.per_hour if isinstance(reading, Fresh) else None


def test_the_first_price_and_every_plausible_one_is_believed() -> None:
    assert told(0.2) == 0.2
    assert told(0.2, 0.25, 0.15, 0.6) == 0.6


@pytest.mark.parametrize("glitch", [0.0, -1.0, float("nan"), float("inf"), 200.0, 0.0002, None])
def test_a_glitch_is_held_against_the_last_good_price_and_forgotten(glitch: float | None) -> None:
    reading = after(0.2, 0.21, glitch)[1]
    assert isinstance(reading, Stale)
    assert reading.value.per_hour == 0.21
    assert "inf2.xlarge" in reading.why
    assert told(0.2, 0.21, glitch, 0.22) == 0.22


@pytest.mark.parametrize("broken", [0.0, -1.0, float("nan"), None])
def test_what_is_no_price_never_becomes_one(broken: float | None) -> None:
    assert told(0.2, *[broken] * 20) is None
    assert isinstance(after(*[broken] * 20)[1], Unknown)


@pytest.mark.parametrize("step", [0.02, 2.0])
def test_a_step_that_stays_is_accepted(step: float) -> None:
    assert told(0.2, 0.2, *[step] * (PERSISTS - 1)) is None
    assert told(0.2, 0.2, *[step] * PERSISTS) == step
    assert told(0.2, 0.2, *[step] * PERSISTS, step) == step


def test_asking_again_at_once_confirms_nothing() -> None:
    assert told(0.2, *[2.0] * 20, apart=timedelta(seconds=5)) is None
    assert told(0.2, *[2.0] * 400, apart=timedelta(seconds=5)) == 2.0


def test_reads_that_disagree_confirm_nothing() -> None:
    assert told(0.2, *[2.0, 20.0] * 10) is None
    assert told(0.2, 2.0, 2.0, None, 2.0, 2.0) is None, "they must be in a row"


def test_a_price_may_drift_as_far_as_it_likes() -> None:
    prices = [0.2 * 1.2**i for i in range(30)]
    assert told(*prices) == prices[-1]


def test_the_median_is_over_time_and_not_over_how_often_was_asked() -> None:
    history, _ = after(*[0.2] * 9)
    now = START + 9 * APART
    for _ in range(20):
        history, reading = read(history, spot(0.9, now), "x", now)
        assert isinstance(reading, Fresh)
        now += timedelta(seconds=5)
    assert isinstance(read(history, spot(4.0, now), "x", now)[1], Stale)


def test_a_return_before_the_step_is_accepted_ends_the_quarantine() -> None:
    history, _ = after(0.2, 2.0, 2.0, 0.2)
    assert history.suspect == ()


def test_a_price_in_quarantine_is_as_old_as_it_is() -> None:
    reading = after(0.2, 2.0)[1]
    assert isinstance(reading, Stale)
    assert reading.at == START


def test_age_widens_a_price_before_it_holds_moves() -> None:
    def at(hours: float) -> float:
        interval = spot(1.0).interval(START + timedelta(hours=hours))
        assert interval.lower * interval.upper == pytest.approx(1.0)
        return interval.upper

    assert at(1) == at(24) == 1.0
    assert 1.0 < at(36) < at(48) < at(71) < WIDEST
    assert at(72) == at(1000) == pytest.approx(WIDEST)
    assert isinstance(spot(1.0).reading(START + timedelta(hours=71)), Fresh)
    assert isinstance(spot(1.0).reading(START + timedelta(hours=73)), Stale)


def test_a_static_price_does_not_age_and_one_without_a_date_is_as_wide_as_it_gets() -> None:
    assert Price(1.0, PriceClass.STATIC, None).interval(START).upper == 1.0
    assert Price(1.0, PriceClass.LIST, None).interval(START).upper == WIDEST
