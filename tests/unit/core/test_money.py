"""Two currencies are never added."""

from collections.abc import Callable

import pytest

from steelyard.core.economics.money import Money, OtherCurrencyError


def test_one_currency_adds_up() -> None:
    assert Money(1.5, "EUR") + Money(2.0, "EUR") - Money(0.5, "EUR") == Money(3.0, "EUR")


@pytest.mark.parametrize("sum_", [lambda a, b: a + b, lambda a, b: a - b])
def test_two_do_not(sum_: Callable[[Money, Money], Money]) -> None:
    with pytest.raises(OtherCurrencyError, match="USD and EUR are not added: give both in the installation's currency"):
        sum_(Money(1, "USD"), Money(1, "EUR"))
