"""The view of `steelyard report`: what was claimed and what was measured, for somebody who decides and does not operate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.cli.facts.workload import GOOD_REQUESTS
from steelyard.cli.gathered import Gathered
from steelyard.cli.unit import unit_of
from steelyard.cli.view.doubt import of_capacity, of_claims, of_price
from steelyard.cli.view.explain import ExplainView, explain
from steelyard.cli.view.month import CENT, HOURS_A_MONTH, Month, MonthRow, month_of
from steelyard.cli.view.period import PeriodView
from steelyard.cli.view.verdict import Sentence, sentences
from steelyard.status.read.placement import Placement, TokenCost, UnitCost

A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """The verdicts first, then what they rest on."""

    now: datetime = field(metadata={"json": False})
    title: str
    """The first verdict as a sentence; without one, where the workload runs."""
    verdicts: tuple[Sentence, ...]
    month: Month | None
    """Null where no cost is measured yet."""
    doubts: tuple[str, ...]
    """What was not measured, or not lately, as sentences."""
    explanation: ExplainView
    """All figures, as `steelyard explain` has them."""
    period: PeriodView | None
    """What the nodes cost over the days of a ledger. Null without --ledger."""

    @property
    def digest(self) -> str | None:
        """Of the decision that it rests on."""
        return self.explanation.digest


def report(seen: Gathered, period: PeriodView | None = None) -> ReportView:
    """From the raw objects of one workload, and what the ledger has of it."""
    view = explain(seen)
    month = _month(view)
    verdicts = sentences(view.claims, month, view.currency)
    return ReportView(
        now=view.now,
        title=verdicts[0].said if verdicts else view.where,
        verdicts=verdicts,
        month=month,
        doubts=tuple(_doubts(view)),
        explanation=view,
        period=period,
    )


def _month(view: ExplainView) -> Month | None:
    """At the pace of what holds the load, without the target of a move, which gets a part of the same requests: None where a part of it is not measured."""
    used = [place for place in view.allocation if place.ready_replicas]
    paces = [_pace(p, view.unit) for p in used]
    if not used or any(pace is None for pace in paces):
        return None
    an_hour = sum((pace for pace in paces if pace is not None), Decimal(0))
    times = an_hour * HOURS_A_MONTH / unit_of(view.unit).many
    rows = (
        MonthRow(
            pool=row.pool,
            money=(row.unit_cost * times).quantize(CENT),
            lower=None if row.lower is None else (row.lower * times).quantize(CENT),
            upper=None if row.upper is None else (row.upper * times).quantize(CENT),
            basis=row.basis,
        )
        for row in view.pools
        if row.unit_cost is not None
    )
    return month_of(an_hour, view.unit, rows)


def _pace(place: Placement, unit: str) -> Decimal | None:
    """Units an hour, as measured there."""
    cost = place.unit_cost
    if cost is None or cost.since is None or cost.until is None or cost.until <= cost.since:
        return None
    counted = _counted(cost, unit)
    return None if counted is None else Decimal(counted) * 3600 / Decimal((cost.until - cost.since).total_seconds())


def _counted(cost: UnitCost, unit: str) -> int | None:
    if unit == GOOD_REQUESTS:
        return cost.good
    by = cost.by(unit)
    return by.tokens if isinstance(by, TokenCost) else None


def _doubts(view: ExplainView) -> list[str]:
    found = [*of_claims(view.claims)]
    found += [f"{row.pool}: its figures are claims; nothing was measured there" for row in view.pools if row.basis == "Claimed"]
    found += [of_capacity(p.pool, p.capacity, p.capacity_basis) for p in view.placements]
    spans = [
        (p.pool, p.unit_cost.until - p.unit_cost.since) for p in view.placements if p.unit_cost and p.unit_cost.since and p.unit_cost.until
    ]
    found += [
        f"{pool}: its cost was measured over {span.total_seconds() / 3600:.1f} hours; other hours of the day may have other loads and lengths"
        for pool, span in spans
        if span < A_DAY
    ]
    found += [of_price(row.pool, row.price.price_class, row.price.as_of, view.now) for row in view.pools if row.price is not None]
    found += [f"{row.pool}: its price is not known" for row in view.pools if row.price is None and row.exists]
    if view.slo_met is None or view.slo_met.status != "True":
        found.append(f"the objective is not known to be met now: {view.slo_met.message if view.slo_met else 'nothing was measured'}")
    return [one for one in [*found, *view.notes] if one]
