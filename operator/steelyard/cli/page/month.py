"""The table of what a month costs."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from steelyard.cli.page.element import table
from steelyard.cli.text.figure import UNKNOWN, with_interval
from steelyard.cli.unit import unit_of
from steelyard.cli.view.month import Month


def month(of: Month | None, currency: str | None, pace: str) -> Element | None:
    """A row a pool; `pace` says at which."""
    if of is None:
        return None
    rows = [(row.pool, with_interval(row.money, row.lower, row.upper), row.basis or UNKNOWN) for row in of.pools]
    bounds = " [95 %]" if any(row.lower is not None for row in of.pools) else ""
    return table(
        ("Pool", f"{currency or 'Money'} a month{bounds}", "Basis"), rows, f"{of.units:,.0f} {unit_of(of.unit).counted} a month, {pace}"
    )
