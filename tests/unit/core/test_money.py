"""Two currencies are never added."""

import pytest

from steelyard.core.economics.money import Money, OtherCurrencyError, price_in
from steelyard.core.facts.price import Price, PriceClass
from steelyard.core.vocabulary.reading import Fresh, Unknown
from unit.core.world import START

PRICE = Price(1.0, PriceClass.LIST, START)


def test_one_currency_adds_up() -> None:
    assert Money(1.5, "EUR") + Money(2.0, "EUR") - Money(0.5, "EUR") == Money(3.0, "EUR")


@pytest.mark.parametrize("sum_", [lambda a, b: a + b, lambda a, b: a - b])
def test_two_do_not(sum_) -> None:
    with pytest.raises(OtherCurrencyError, match="USD and EUR are not added: give both in the installation's currency"):
        sum_(Money(1, "USD"), Money(1, "EUR"))


def test_a_price_in_another_currency_is_unknown_and_says_what_to_do() -> None:
    reading = price_in("USD", "EUR", PRICE, "the price list of pool inf2", START)
    assert reading == Unknown(
        "the price list of pool inf2 quotes EUR and this installation counts in USD: give the price in USD, or set config.currency"
    )
    assert isinstance(price_in("USD", "", PRICE, "the feed", START), Unknown), "no currency is not ours either"
    assert price_in("USD", "USD", PRICE, "the feed", START) == Fresh(PRICE, START)
