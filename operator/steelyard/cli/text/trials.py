"""`steelyard trial list` as text."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console

from steelyard.cli.text.figure import UNKNOWN, age, money
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.trials import TrialLine, TrialsView
from steelyard.core.vocabulary.reason import Reason


def show(console: Console, view: TrialsView) -> None:
    """One line a trial."""
    if not view.trials:
        place = f"namespace {view.namespace}" if view.namespace else "any namespace"
        console.print(f"There is no AcceleratorTrial in {place}. `steelyard trial start --help` says how to make one.")
        return
    spaces = view.namespace is None
    columns = (
        *((Column("NAMESPACE"),) if spaces else ()),
        Column("NAME"),
        Column("WORKLOAD"),
        Column("POOLS"),
        Column("STATE"),
        Column("VERDICT"),
        Column("SPENT", right=True),
        Column("BUDGET", right=True),
        Column("AGE", right=True, wide=80),
    )
    console.print(table(columns, [_row(one, view.now, spaces=spaces) for one in view.trials], console.width))


def _row(one: TrialLine, now: datetime, *, spaces: bool) -> tuple[Cell, ...]:
    return (
        *((one.namespace,) if spaces else ()),
        one.name,
        one.workload,
        ", ".join(one.pools),
        word(f"{one.reason or 'not seen yet'}{', live' if one.live else ''}", None if not one.ended else one.reason == Reason.DECIDED),
        one.verdict or UNKNOWN,
        money(one.spent),
        f"{money(one.budget)} {one.currency or ''}".strip(),
        age(one.created, now),
    )
