"""How long a price is good, and what is said of one that is not."""

from datetime import timedelta

import pytest

from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.vocabulary.reading import Fresh, Stale
from unit.core.world import START

GOOD_FOR = {
    PriceClass.EFFECTIVE: 21,
    PriceClass.CONTRACTED: 270,
    PriceClass.SPOT_MARKET: 3,
    PriceClass.LIST: 270,
}
"""Days, as docs/how-to/pools-and-prices.md says."""


@pytest.mark.parametrize("price_class", GOOD_FOR)
def test_a_price_justifies_moves_as_long_as_its_class_is_good_for(price_class: PriceClass) -> None:
    price = Price(0.5, price_class, START)
    assert price.good_for == timedelta(days=GOOD_FOR[price_class])
    assert isinstance(price.reading(START + price.good_for), Fresh)
    assert isinstance(price.reading(START + price.good_for + timedelta(seconds=1)), Stale)


def test_a_price_of_ones_own_hardware_is_good_for_ever() -> None:
    price = Price(0.5, PriceClass.STATIC, START)
    assert price.good_for is None
    assert isinstance(price.reading(START + timedelta(days=10_000)), Fresh)


def test_an_old_price_says_its_day_its_age_its_limit_and_what_to_do() -> None:
    reading = Price(0.5, PriceClass.LIST, START).reading(START + timedelta(days=330))
    assert isinstance(reading, Stale)
    assert reading.why == (
        f"the price is of {START:%Y-%m-%d}, 330 days ago, and one of class List is good for 270 days: "
        "read it again, and set pricePerHour and asOf in spec.shapes[] together"
    )


@pytest.mark.parametrize("price_class", PriceClass)
def test_a_price_of_a_day_to_come_is_suspect_whatever_its_class(price_class: PriceClass) -> None:
    reading = Price(0.5, price_class, START + timedelta(days=365)).reading(START)
    assert isinstance(reading, Stale)
    assert f"{START + timedelta(days=365):%Y-%m-%d}, a day that is yet to come: correct spec.shapes[].asOf" in reading.why


@pytest.mark.parametrize("price_class", PriceClass)
def test_the_day_of_another_time_zone_is_not_one_to_come(price_class: PriceClass) -> None:
    assert isinstance(Price(0.5, price_class, START + timedelta(hours=14)).reading(START), Fresh)
