"""The view of `steelyard report`: what was claimed and what was measured, for somebody who decides and does not operate."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.cli.facts.workload import GOOD_REQUESTS
from steelyard.cli.gathered import Gathered
from steelyard.cli.view.claim_row import ClaimRow
from steelyard.cli.view.explain import ExplainView, explain
from steelyard.status.read.placement import Placement, TokenCost, UnitCost

HOURS_A_MONTH = Decimal(730)
PER = {"OutputTokens": Decimal(1_000_000), "InputTokens": Decimal(1_000_000)}
"""Units that a cost is for, by the word of spec.objective.unit; 1,000 good requests else."""
UNITS = {"OutputTokens": "an output token", "InputTokens": "an input token"}
COUNTED = {"OutputTokens": "output tokens", "InputTokens": "input tokens"}
"""The same words for people; good requests else."""
CENT = Decimal("0.01")
WEIGHT = {"Refuted": 0, "Confirmed": 1, "Inconclusive": 2}
"""Which verdict is told first."""
OLD_PRICE = timedelta(days=30)
"""Age from which on a price is told as a doubt."""
A_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthRow:
    """Money for the units of a month on one pool, at its unit cost."""

    pool: str
    money: Decimal
    lower: Decimal | None
    upper: Decimal | None
    basis: str | None
    """Measured or Claimed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """What a month of 730 hours asks for at the measured pace, and what that costs."""

    units: Decimal
    unit: str
    """GoodRequests, OutputTokens or InputTokens."""
    pools: tuple[MonthRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """The verdict on one claim. `money`: what it means for a month, where the claim is a ratio of cost and both pools are measured."""

    claim: ClaimRow
    said: str
    money: str | None


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


def report(seen: Gathered) -> ReportView:
    """From the raw objects of one workload."""
    view = explain(seen)
    month = _month(view)
    verdicts = tuple(_sentence(row, view, month) for row in sorted(view.claims, key=_order) if row.verdict is not None)
    return ReportView(
        now=view.now,
        title=verdicts[0].said if verdicts else view.where,
        verdicts=verdicts,
        month=month,
        doubts=tuple(_doubts(view)),
        explanation=view,
    )


def _order(row: ClaimRow) -> tuple[int, bool, str, str]:
    return WEIGHT.get(row.verdict or "", len(WEIGHT)), row.metric != "UnitCost", row.pool, row.name


def _sentence(row: ClaimRow, view: ExplainView, month: Month | None) -> Sentence:
    claimed = f"Claimed: {_claim(row)}."
    if row.measured is None:
        return Sentence(claim=row, said=f"{claimed} {row.verdict}: {row.message or 'it is not measured yet'}.", money=None)
    n = f" (n = {row.n:,})" if row.n else ""
    said = f"{claimed} Measured: {_figure(row.measured)}{_bounds(row)}{n}. {row.verdict}."
    return Sentence(claim=row, said=said, money=_in_money(row, view, month))


def _claim(row: ClaimRow) -> str:
    """What it says, without a full stop."""
    here, there, figure = row.pool, row.relative_to, _figure(row.claimed)
    if there is None:
        return f"{row.metric or row.name} on {here} is {figure} {row.unit or ''}".rstrip()
    said = {
        "UnitCost": f"{UNITS.get(row.counts or '', 'a good request')} on {here} costs {figure} times what it costs on {there}",
        "Throughput": f"a replica on {here} completes {figure} times what one on {there} does",
        "Latency": f"answers on {here} take {figure} times as long as on {there}",
        "Power": f"a replica on {here} draws {figure} times the power of one on {there}",
    }
    return said.get(row.metric or "", f"{row.metric or row.name} on {here} is {figure} times that on {there}")


def _figure(value: Decimal | None) -> str:
    return "?" if value is None else f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def _bounds(row: ClaimRow) -> str:
    return f" [{_figure(row.lower)}, {_figure(row.upper)}]" if row.lower is not None or row.upper is not None else ""


def _in_money(row: ClaimRow, view: ExplainView, month: Month | None) -> str | None:
    """A month on both pools, and what the claim would have made of it."""
    if month is None or row.metric != "UnitCost" or row.relative_to is None or row.claimed is None or row.measured is None:
        return None
    other = next((m for m in month.pools if m.pool == row.relative_to and m.basis != "Claimed"), None)
    if other is None:
        return None
    unit = COUNTED.get(month.unit, "good requests")
    own = next((m.money for m in month.pools if m.pool == row.pool and m.basis != "Claimed"), other.money * row.measured)
    here, claimed, currency = own, other.money * row.claimed, view.currency or ""
    return (
        f"At your {_amount(month.units)} {unit} a month: {_money(here)} {currency} on {row.pool} against {_money(other.money)} on {other.pool}; "
        f"the claim says {_money(claimed)}."
    ).replace("  ", " ")


def _amount(units: Decimal) -> str:
    for size, word in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M")):
        if units >= size:
            return f"{units / size:.3g} {word}"
    return f"{units:,.0f}"


def _money(value: Decimal) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"


def _month(view: ExplainView) -> Month | None:
    """At the pace of what holds the load: None where a part of it is not measured."""
    used = [p for p in view.placements if any(row.used and row.pool == p.pool for row in view.pools) and p.ready_replicas]
    paces = [_pace(p, view.unit) for p in used]
    if not used or any(pace is None for pace in paces):
        return None
    units = sum((pace for pace in paces if pace is not None), Decimal(0)) * HOURS_A_MONTH
    times = units / PER.get(view.unit, Decimal(1000))
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
    return Month(units=units.quantize(Decimal(1)), unit=view.unit, pools=tuple(rows)) if units > 0 else None


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
    found = [
        f"{row.pool}: the claim {row.name} is {row.verdict}, {row.message or 'without a reason given'}"
        for row in view.claims
        if row.verdict == "Inconclusive"
    ]
    found += [f"{row.pool}: its figures are claims; nothing was measured there" for row in view.pools if row.basis == "Claimed"]
    found += [
        f"{p.pool}: a replica carries at least {_figure(p.capacity)} requests/s; how much more is not known"
        for p in view.placements
        if p.capacity_basis == "Carried"
    ]
    spans = [
        (p.pool, p.unit_cost.until - p.unit_cost.since) for p in view.placements if p.unit_cost and p.unit_cost.since and p.unit_cost.until
    ]
    found += [
        f"{pool}: its cost was measured over {span.total_seconds() / 3600:.1f} hours; other hours of the day may have other loads and lengths"
        for pool, span in spans
        if span < A_DAY
    ]
    found += [_of_price(row.pool, row.price.price_class, row.price.as_of, view.now) for row in view.pools if row.price is not None]
    found += [f"{row.pool}: its price is not known" for row in view.pools if row.price is None and row.exists]
    if view.slo_met is None or view.slo_met.status != "True":
        found.append(f"the objective is not known to be met now: {view.slo_met.message if view.slo_met else 'nothing was measured'}")
    return [one for one in [*found, *view.notes] if one]


def _of_price(pool: str, word: str | None, as_of: datetime | None, now: datetime) -> str:
    """A doubt, or nothing."""
    if as_of is None:
        return f"{pool}: its price ({word or 'of no class'}) has no date"
    return f"{pool}: its price is of {as_of:%Y-%m-%d}" if now - as_of > OLD_PRICE else ""
