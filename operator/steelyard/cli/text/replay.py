"""`steelyard replay` as text."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from steelyard.cli.text.figure import UNKNOWN
from steelyard.cli.text.table import Column, table, word
from steelyard.cli.view.replay import ReplayedDecision, ReplayView

SHOWN = 20
"""Differences of one decision, and decisions that are identical."""
_DECISIONS = (
    Column("RECORD"),
    Column("TIME", whole=True),
    Column("WORKLOAD"),
    Column("VERDICT"),
    Column("REASON"),
    Column("DIGEST", whole=True),
    Column("AGAIN"),
)
_DIFFERENCES = (Column("WHERE"), Column("RECORDED"), Column("DECIDED AGAIN"))


def show(console: Console, view: ReplayView) -> None:
    """The different ones in full, the others in short."""
    alike = [each for each in view.decisions if each.identical]
    unlike = [each for each in view.decisions if not each.identical]
    rows = [_decision(each) for each in (*unlike, *alike[:SHOWN])]
    console.print(table(_DECISIONS, rows, console.width))
    if len(alike) > SHOWN:
        console.print(Text(f"and {len(alike) - SHOWN:,} more that are identical"))
    for each in unlike:
        console.print()
        console.print(Text(f"{each.source}: {len(each.differences)} difference(s)", style="bold"))
        shown = [(one.where, one.was, one.found) for one in each.differences[:SHOWN]]
        console.print(table(_DIFFERENCES, [*shown], console.width))
        if len(each.differences) > SHOWN:
            console.print(Text(f"and {len(each.differences) - SHOWN:,} more: -o json has all"))
    console.print()
    many = f"{len(view.decisions):,} decision(s)"
    console.print(Text(f"{many}: identical" if not view.different else f"{many}: {view.different:,} different"))
    if view.other_versions:
        said = f"{len(view.other_versions):,} record(s) of another version, from {view.other_versions[0]} on, are not decided again"
        console.print(Text(f"{said}: use the steelyard that wrote them"))


def _decision(each: ReplayedDecision) -> tuple[str | Text, ...]:
    same = word("identical" if each.identical else "different", each.identical)
    time = f"{each.time:%Y-%m-%d %H:%M:%S.%f}"[:-3]
    return each.source, time, each.workload, each.verdict, each.reason, each.digest or UNKNOWN, same
