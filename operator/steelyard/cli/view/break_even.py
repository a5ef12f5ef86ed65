"""At which price a claim of cost would be true, and at which its pool would cost as much as the other: a unit cost is in proportion to the price."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal

from steelyard.cli.view.claim_row import ClaimRow

DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """Of one claim. Prices are per replica and hour, with all else as it was measured."""

    pool: str
    claim: str
    relative_to: str
    price: Decimal
    """That it was measured at."""
    equal_at: Decimal
    """Where a unit costs as much as on the other pool."""
    lower: Decimal | None
    """Ends of the 98 % interval of that, null where the ratio has none."""
    upper: Decimal | None
    true_at: Decimal
    """Where the claim is just true."""


def break_evens(claims: Iterable[ClaimRow], prices: Mapping[str, Decimal | None]) -> Iterator[BreakEven]:
    """Of the claims of cost that are a ratio and measured, on pools whose price is known."""
    for row in claims:
        price = prices.get(row.pool)
        if row.metric != "UnitCost" or row.relative_to is None or row.claimed is None or row.measured is None or price is None:
            continue
        if row.measured <= 0:
            continue
        yield BreakEven(
            pool=row.pool,
            claim=row.name,
            relative_to=row.relative_to,
            price=price,
            equal_at=_rounded(price / row.measured),
            lower=None if not row.upper else _rounded(price / row.upper),
            upper=None if not row.lower else _rounded(price / row.lower),
            true_at=_rounded(price * row.claimed / row.measured),
        )


def _rounded(value: Decimal) -> Decimal:
    """To six significant digits."""
    return round(value, max(0, DIGITS - 1 - value.adjusted()))
