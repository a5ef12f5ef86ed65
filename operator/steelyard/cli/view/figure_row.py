"""A report as rows of figures, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from decimal import Decimal

from steelyard.cli.view.report import ReportView


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureRow:
    """One figure of one pool. Empty where it is not known."""

    pool: str
    figure: str
    value: Decimal | None
    lower: Decimal | None = None
    upper: Decimal | None = None
    n: int | None = None
    basis: str | None = None
    """Measured or Claimed; of a claim its verdict."""


HEADS = tuple(each.name for each in fields(FigureRow))


def figure_rows(view: ReportView) -> Iterator[FigureRow]:
    """Of each pool, then of the month, then of each claim."""
    for row in view.explanation.pools:
        yield FigureRow(pool=row.pool, figure="unit_cost", value=row.unit_cost, lower=row.lower, upper=row.upper, n=row.n, basis=row.basis)
        yield FigureRow(pool=row.pool, figure="cost_per_hour", value=row.cost_per_hour, basis=row.basis)
        yield FigureRow(pool=row.pool, figure="good_percent", value=row.good_percent, n=row.n)
        yield FigureRow(pool=row.pool, figure="p99_milliseconds", value=row.p99_milliseconds)
        yield FigureRow(pool=row.pool, figure="node_price_per_hour", value=row.price.value if row.price else None)
        yield FigureRow(pool=row.pool, figure="cheapest_below", value=row.cheapest_below)
    for month in view.month.pools if view.month else ():
        yield FigureRow(pool=month.pool, figure="money_a_month", value=month.money, lower=month.lower, upper=month.upper, basis=month.basis)
    for claim in view.explanation.claims:
        yield FigureRow(pool=claim.pool, figure=f"claimed {claim.name}", value=claim.claimed)
        yield FigureRow(
            pool=claim.pool,
            figure=f"measured {claim.name}",
            value=claim.measured,
            lower=claim.lower,
            upper=claim.upper,
            n=claim.n,
            basis=claim.verdict,
        )


def cells(row: FigureRow) -> list[str]:
    """As text. What begins as a formula would is none in a spreadsheet."""
    return [_cell(each) for each in astuple(row)]


def _cell(value: object) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    said = "" if value is None else str(value)
    return f"'{said}" if said[:1] in {"=", "+", "@", "-"} else said
