"""The table of claims with their sources."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from steelyard.cli.page.element import table
from steelyard.cli.text.claim import about, source
from steelyard.cli.text.figure import count, money, with_interval
from steelyard.cli.view.claim_row import ClaimRow


def claims(claimed: Iterable[ClaimRow]) -> Element | None:
    """A row a claim; None without any."""
    rows = [
        (
            row.pool,
            row.name,
            about(row),
            money(row.claimed),
            with_interval(row.measured, row.lower, row.upper),
            count(row.n),
            row.verdict or "not judged yet",
            source(row),
        )
        for row in claimed
    ]
    return table(
        ("Pool", "Claim", "Of", "Claimed", "Measured [98 %]", "n", "Verdict", "Source"),
        rows,
        "What was claimed, and what was measured in its place",
    )
