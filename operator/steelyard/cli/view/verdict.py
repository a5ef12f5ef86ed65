"""A verdict on a claim as a sentence, and what it means in money."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from steelyard.cli.facts.workload import GOOD_REQUESTS
from steelyard.cli.unit import REQUESTS, unit_of
from steelyard.cli.view.claim_row import ClaimRow
from steelyard.cli.view.month import Month
from steelyard.cli.view.sentence import ended

WEIGHT = {"Refuted": 0, "Confirmed": 1, "Inconclusive": 2}
"""Which verdict is told first."""
METRICS = {"UnitCost": "unit cost", "Throughput": "throughput", "Latency": "latency", "Power": "power"}
UNITS = {
    "PerThousandRequests": "for 1,000 requests",
    "PerMillionTokens": "for 1M output tokens",
    "PerMillionInputTokens": "for 1M input tokens",
    "RequestsPerSecond": "requests/s",
    "TokensPerSecond": "output tokens/s",
    "InputTokensPerSecond": "input tokens/s",
    "Milliseconds": "ms",
    "Watts": "W",
}
POINTS = {"Saturation": " at saturation", "Objective": " at the objective"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """The verdict on one claim. `money`: what it means for a month, where the claim is a ratio of cost and the other pool is measured."""

    claim: ClaimRow
    said: str
    money: str | None


def sentences(rows: Iterable[ClaimRow], month: Month | None, currency: str | None) -> tuple[Sentence, ...]:
    """Of the claims that have a verdict: what is refuted first, and costs before other figures."""
    judged = sorted((row for row in rows if row.verdict is not None), key=_order)
    return tuple(Sentence(claim=row, said=_said(row), money=_in_money(row, month, currency)) for row in judged)


def _order(row: ClaimRow) -> tuple[int, bool, str, str]:
    return WEIGHT.get(row.verdict or "", len(WEIGHT)), row.metric != "UnitCost", row.pool, row.name


def _said(row: ClaimRow) -> str:
    if row.measured is None:
        return ended(f"{row.pool}: claimed {_claimed(row)}: {row.verdict}, {row.message or 'it is not measured yet'}")
    return f"{row.pool}: claimed {_claimed(row)}, measured {figure(row.measured)}{_bounds(row)}: {row.verdict}."


def _claimed(row: ClaimRow) -> str:
    counted = "" if (row.counts or GOOD_REQUESTS) == GOOD_REQUESTS else f" in {unit_of(row.counts).counted}"
    what = f"{METRICS.get(row.metric or '', f'figure ({row.name})')}{counted}{POINTS.get(row.at or '', '')}"
    if row.relative_to is not None:
        return f"{figure(row.claimed)} of {row.relative_to}'s {what}"
    return f"a {what} of {figure(row.claimed)} {UNITS.get(row.unit or '', row.unit or '')}".rstrip()


def figure(value: Decimal | None) -> str:
    """Three significant digits."""
    # From 999.5 on three digits would be written with an exponent.
    return "unknown" if value is None else f"{value:.3g}" if abs(value) < Decimal("999.5") else f"{value:,.0f}"


def _bounds(row: ClaimRow) -> str:
    return f" [{figure(row.lower)}, {figure(row.upper)}]" if row.lower is not None or row.upper is not None else ""


def _in_money(row: ClaimRow, month: Month | None, currency: str | None) -> str | None:
    """A month on both pools, and what the claim would have made of it."""
    if month is None or row.metric != "UnitCost" or row.claimed is None or row.measured is None:
        return None
    known = {one.pool: one.money for one in month.pools if one.basis != "Claimed"}
    other = known.get(row.relative_to or "")
    if other is None:
        return None
    here, claimed = known.get(row.pool, other * row.measured), other * row.claimed
    both = f"{whole_money(here)} against {whole_money(other)}{f' {currency}' if currency else ''}"
    whole = ", with whole replicas," if month.unit == REQUESTS else ""
    return f"At your {_amount(month.units)} {unit_of(month.unit).counted} a month{whole} {both}, not {whole_money(claimed)}."


def _amount(units: Decimal) -> str:
    for size, word in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "M")):
        if units >= size:
            return f"{figure(units / size)} {word}"
    return f"{units:,.0f}"


def whole_money(value: Decimal) -> str:
    """Of a month: without decimals from 100 on."""
    return f"{value:,.0f}" if value >= 100 else f"{value:,.2f}"
