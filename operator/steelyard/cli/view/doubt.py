"""What a reader of a report should not take for sure, as sentences; empty where there is nothing to say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.cli.view.claim_row import ClaimRow
from steelyard.cli.view.verdict import figure

OLD_PRICE = timedelta(days=30)
"""Age from which on a price is told as a doubt."""


def of_claims(rows: Iterable[ClaimRow]) -> Iterator[str]:
    """Those without an answer."""
    for row in rows:
        if row.verdict == "Inconclusive":
            yield f"{row.pool}: the claim {row.name} is Inconclusive, {row.message or 'without a reason given'}"


def of_capacity(pool: str, capacity: Decimal | None, basis: str | None) -> str:
    """One that was never reached is a lower end."""
    if basis != "Carried":
        return ""
    return f"{pool}: a replica carries at least {figure(capacity)} requests/s; how much more is not known"


def of_price(pool: str, word: str | None, as_of: datetime | None, now: datetime) -> str:
    """One without a date, or an old one."""
    if as_of is None:
        return f"{pool}: its price ({word or 'of no class'}) has no date"
    return f"{pool}: its price is of {as_of:%Y-%m-%d}" if now - as_of > OLD_PRICE else ""
