"""What a month costs on each pool."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

HOURS_A_MONTH = Decimal(730)
CENT = Decimal("0.01")


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """Money for the units of a month on one pool."""

    pool: str
    money: Decimal
    lower: Decimal | None
    upper: Decimal | None
    basis: str | None
    """Measured or Claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a month of 730 hours asks for, and what that costs."""

    units: Decimal
    unit: str
    """GoodRequests, OutputTokens or InputTokens; of a trial Requests, the good and the others."""
    pools: tuple[MonthRow, ...]


def month_of(an_hour: Decimal, unit: str, rows: Iterable[MonthRow]) -> Month | None:
    """From units an hour. None where there are none."""
    return Month(units=(an_hour * HOURS_A_MONTH).quantize(Decimal(1)), unit=unit, pools=tuple(rows)) if an_hour > 0 else None
