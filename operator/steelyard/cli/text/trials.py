"""`steelyard trial list` as text."""

from __future__ import annotations

from datetime import datetime

from rich.console import Console

from steelyard.cli.text.figure import UNKNOWN, age, duration, money
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


def line(one: TrialLine, now: datetime, *, spaces: bool = False) -> str:
    """One that goes on: how far it is, how long it may take, and what it has cost of what it can cost."""
    where = f"{one.namespace}/{one.name}" if spaces else one.name
    return f"trial {where} of {one.workload}{' by its own requests' if one.live else ''}: {stage(one)}; {_left(one, now)}; {_paid(one)}"


def stage(one: TrialLine) -> str:
    """What it does."""
    return one.reason or "not seen yet by an operator"


def _left(one: TrialLine, now: datetime) -> str:
    if one.deadline is None:
        return "its deadline is not known"
    left = (one.deadline - now).total_seconds()
    over = f"deadline {one.deadline:%H:%M:%S} UTC"
    return f"{duration(left)} left ({over})" if left > 0 else f"its {over} has passed"


def _paid(one: TrialLine) -> str:
    of = f" {one.currency}" if one.currency else ""
    if one.reserved is None:
        return f"nothing is reserved yet of its budget of {money(one.budget)}{of}"
    return f"spent {money(one.spent)} of {money(one.reserved)}{of} reserved"


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
