"""Whatever a feed says, what is believed is a price, near the last ones or confirmed several times, and quarantine never lasts for ever."""

from __future__ import annotations

from datetime import timedelta
from math import isfinite

from hypothesis import given
from hypothesis import strategies as st

from property.effort import effort
from steelyard.core.economics.price_history import ALIKE, APART, PERSISTS, PLAUSIBLE, TRAILING, PriceHistory, read
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.vocabulary.reading import Fresh
from unit.core.world import START

said = st.none() | st.floats(allow_nan=True, allow_infinity=True) | st.floats(0.01, 100)


@effort(200)
@given(feed=st.lists(st.tuples(said, st.integers(0, 3600)), max_size=30))
def test_what_is_believed_is_near_what_was_or_was_confirmed(feed: list[tuple[float | None, int]]) -> None:
    history, now, last = PriceHistory(), START, None
    heard: list[float | None] = []
    for price, wait in feed:
        now += timedelta(seconds=wait)
        heard.append(price)
        history, reading = read(history, None if price is None else Price(price, PriceClass.STATIC, None), "x", now)
        assert len(history.good) <= TRAILING
        if not isinstance(reading, Fresh):
            continue
        value = reading.value.per_hour
        assert isfinite(value)
        assert value > 0
        near = last is None or PLAUSIBLE[0] * min(last) <= value <= PLAUSIBLE[1] * max(last)
        recent = heard[-PERSISTS:]
        confirmed = all(p is not None and isfinite(p) and 1 / ALIKE**PERSISTS <= p / value <= ALIKE**PERSISTS for p in recent)
        assert near or confirmed
        last = [p.per_hour for p in history.good]


@effort(200)
@given(
    feed=st.lists(st.tuples(said, st.integers(0, 3600)), max_size=30),
    price=st.floats(1e-3, 1e3),
)
def test_a_price_that_stays_is_believed_in_the_end(feed: list[tuple[float | None, int]], price: float) -> None:
    history, now = PriceHistory(), START
    for each, wait in feed:
        now += timedelta(seconds=wait)
        history, _ = read(history, None if each is None else Price(each, PriceClass.STATIC, None), "x", now)
    for _ in range(PERSISTS + 1):
        now += APART
        history, reading = read(history, Price(price, PriceClass.STATIC, None), "x", now)
    assert reading == Fresh(Price(price, PriceClass.STATIC, None), now)
