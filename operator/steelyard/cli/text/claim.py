"""The table of claims with their verdicts."""

from __future__ import annotations

from collections.abc import Iterable

from rich.console import RenderableType

from steelyard.cli.text.figure import UNKNOWN, count, money, with_interval
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.unit import UNITS, unit_of
from steelyard.cli.view.claim_row import ClaimRow


def claims(claimed: Iterable[ClaimRow], width: int) -> RenderableType | None:
    """A row a claim; None without any."""
    rows: list[tuple[Cell, ...]] = []
    for row in claimed:
        good = {"Confirmed": True, "Refuted": False}.get(row.verdict or "")
        measured = with_interval(row.measured, row.lower, row.upper)
        verdict = word(row.verdict or "not judged yet", good)
        rows.append((row.pool, row.name, about(row), money(row.claimed), measured, count(row.n), verdict, source(row)))
    columns = (
        Column("POOL"),
        Column("CLAIM"),
        Column("OF"),
        Column("CLAIMED", right=True),
        Column("MEASURED [98 %]", whole=True),
        Column("N", right=True),
        Column("VERDICT"),
        Column("SOURCE", wide=90),
    )
    return table(columns, rows, width) if rows else None


def about(row: ClaimRow) -> str:
    """The metric, and what it is relative to or its unit."""
    counted = f" of {unit_of(row.counts).counted}" if row.counts in UNITS else ""
    rest = f" relative to {row.relative_to}" if row.relative_to else f", {row.unit}" if row.unit else ""
    return f"{row.metric or UNKNOWN}{counted}{rest}"


def source(row: ClaimRow) -> str:
    """Who says so, when, and of what."""
    said = f"{row.source or UNKNOWN}, {row.date:%Y-%m-%d}" if row.date else row.source or UNKNOWN
    return f"{said}; {row.conditions}" if row.conditions else said
