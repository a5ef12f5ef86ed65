"""The table of what a month costs."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from steelyard.cli.page.element import table
from steelyard.cli.text.figure import UNKNOWN
from steelyard.cli.unit import unit_of
from steelyard.cli.view.month import Month, MonthRow
from steelyard.cli.view.verdict import whole_money


def month(of: Month | None, currency: str | None, pace: str) -> Element | None:
    """A row a pool; `pace` says at which."""
    if of is None:
        return None
    rows = [(row.pool, _money(row), row.basis or UNKNOWN) for row in of.pools]
    bounds = " [95 %]" if any(row.lower is not None for row in of.pools) else ""
    return table(
        ("Pool", f"{currency or 'Money'} a month{bounds}", "Basis"), rows, f"{of.units:,.0f} {unit_of(of.unit).counted} a month, {pace}"
    )


def _money(row: MonthRow) -> str:
    bounds = "" if row.lower is None or row.upper is None else f" [{whole_money(row.lower)}, {whole_money(row.upper)}]"
    return f"{whole_money(row.money)}{bounds}"
