"""Money with its currency. An installation counts in one; two currencies are never added, and nothing is converted."""

from __future__ import annotations

from dataclasses import dataclass

from steelyard.core.statistics.significant import significant


class OtherCurrencyError(ValueError):
    """Two currencies met in one sum."""


@dataclass(frozen=True, slots=True)
class Money:
    """An amount of one currency (three letters of ISO 4217). Sums raise OtherCurrencyError where the currencies differ."""

    amount: float
    currency: str

    def __add__(self, other: Money) -> Money:
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: Money) -> Money:
        return Money(self.amount - self._same(other), self.currency)

    def _same(self, other: Money) -> float:
        if other.currency != self.currency:
            raise OtherCurrencyError(f"{self.currency} and {other.currency} are not added: give both in the installation's currency")
        return other.amount


def written(amount: float) -> float:
    """An amount or a price as status holds it, with six significant digits: what is remembered must survive being written and read."""
    return significant(amount, 6)
