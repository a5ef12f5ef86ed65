"""What an hour of a node costs, where the figure comes from and how old it is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import isfinite

from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown


class PriceClass(StrEnum):
    """Provenance of a price, best first."""

    EFFECTIVE = "Effective"
    """Amortised after discounts and commitments, from the bill."""
    CONTRACTED = "Contracted"
    """Agreed with the provider and entered by an administrator."""
    SPOT_MARKET = "SpotMarket"
    """The spot market's price; moves by the hour."""
    LIST = "List"
    """The provider's published on-demand price."""
    STATIC = "Static"
    """A figure typed in by hand, for nodes that have no bill."""


OLD_AFTER = {
    PriceClass.EFFECTIVE: timedelta(days=7),
    PriceClass.CONTRACTED: timedelta(days=90),
    PriceClass.SPOT_MARKET: timedelta(hours=24),
    PriceClass.LIST: timedelta(days=90),
    PriceClass.STATIC: None,
}
"""Age at which a price should be read again; at three times of it, it stops justifying a cost move. A static price is right until somebody changes it."""
HOLD = 3
"""Times the age limit."""
AHEAD = timedelta(days=1)
"""By how much a price's day may be ahead of now: the day of whoever wrote it down begins up to 14 hours before the one in UTC."""


@dataclass(frozen=True, slots=True)
class Price:
    """Money per node-hour in the installation's currency."""

    per_hour: float
    price_class: PriceClass
    as_of: datetime | None

    @property
    def plausible(self) -> bool:
        """Whether it is a price at all: a finite number above 0."""
        return isfinite(self.per_hour) and self.per_hour > 0

    @property
    def good_for(self) -> timedelta | None:
        """From `as_of` on; after it the price justifies no cost move. None: for ever."""
        limit = OLD_AFTER[self.price_class]
        return None if limit is None else HOLD * limit

    def reading(self, now: datetime) -> Reading[Price]:
        """Fresh, or stale: past three times the age limit of its class, or of a day to come."""
        if self.as_of is not None and self.as_of - now > AHEAD:
            return Stale(
                self,
                self.as_of,
                f"the price is of {self.as_of:%Y-%m-%d}, a day that is yet to come: correct spec.shapes[].asOf, the day on which it was read",
            )
        if self.good_for is None:
            return Fresh(self, self.as_of or now)
        if self.as_of is None:
            return Unknown(f"price of class {self.price_class.value} has no asOf date: set spec.shapes[].asOf on the pool")
        age = now - self.as_of
        if age > self.good_for:
            return Stale(
                self,
                self.as_of,
                f"the price is of {self.as_of:%Y-%m-%d}, {age.days} days ago, and one of class {self.price_class.value} is good for "
                f"{self.good_for.days} days: read it again, and set pricePerHour and asOf in spec.shapes[] together",
            )
        return Fresh(self, self.as_of)
