"""A report as rows of figures, for a spreadsheet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, dataclass, fields
from decimal import Decimal

from steelyard.cli.view.claim_row import ClaimRow
from steelyard.cli.view.month import Month
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.trial_report import TrialReportView


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
    """Measured or Claimed; of a claim its verdict, of a price its class."""


STEP_FIGURES = ("good_percent", "p50_milliseconds", "p95_milliseconds", "p99_milliseconds", "unit_cost", "joules_per_request")
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
    yield from _month(view.month)
    yield from _claims(view.explanation.claims)


def trial_rows(view: TrialReportView) -> Iterator[FigureRow]:
    """Of each pool, then of its steady loads, then of the month, then of each claim."""
    for found in view.trial.pools:
        pool, full, cost = found.pool, found.saturation, found.unit_cost.by(view.trial.unit) if found.unit_cost else None
        yield FigureRow(
            pool=pool,
            figure="capacity_per_replica",
            value=found.capacity,
            lower=found.capacity_lower,
            upper=found.capacity_upper,
            n=found.capacity_requests if found.capacity is not None else None,
            basis=found.capacity_basis,
        )
        yield FigureRow(
            pool=pool,
            figure="saturation_per_replica",
            value=full.per_replica if full else None,
            lower=full.lower if full else None,
            upper=full.upper if full else None,
            n=full.n if full else None,
        )
        yield FigureRow(
            pool=pool,
            figure="unit_cost",
            value=cost.value if cost else None,
            lower=cost.lower if cost else None,
            upper=cost.upper if cost else None,
            n=found.unit_cost.n if found.unit_cost else None,
            basis=found.unit_cost.basis if found.unit_cost else None,
        )
        yield FigureRow(pool=pool, figure="replica_price_per_hour", value=found.price_per_hour, basis=found.price_class)
        yield FigureRow(pool=pool, figure="start_seconds", value=found.start_seconds)
        yield FigureRow(
            pool=pool, figure="compile_seconds", value=None if found.compile_seconds is None else Decimal(found.compile_seconds)
        )
        yield FigureRow(pool=pool, figure="spent", value=found.spent)
        for step in found.steps:
            for figure in STEP_FIGURES:
                yield FigureRow(
                    pool=pool, figure=f"{figure} at {step.load or 'unknown load'}", value=getattr(step, figure), n=step.requests
                )
    yield from _month(view.trial.month)
    yield from _claims(view.trial.claims)


def _month(month: Month | None) -> Iterator[FigureRow]:
    for row in month.pools if month else ():
        yield FigureRow(pool=row.pool, figure="money_a_month", value=row.money, lower=row.lower, upper=row.upper, basis=row.basis)


def _claims(rows: Iterable[ClaimRow]) -> Iterator[FigureRow]:
    for claim in rows:
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
