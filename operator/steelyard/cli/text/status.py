"""`steelyard status` as text."""

from __future__ import annotations

from datetime import datetime, timedelta

from rich.console import Console, RenderableType
from rich.padding import Padding
from rich.text import Text

from steelyard.cli.facts.compile import Compile
from steelyard.cli.text.exit_drill import exit_line
from steelyard.cli.text.figure import UNKNOWN, age, ago, basis, duration, in_unit, percent, replicas, unit_cost, with_interval
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.hint import Hint
from steelyard.cli.view.line import Line
from steelyard.cli.view.sentence import stage
from steelyard.cli.view.status import StatusView

SHOWN = 5
"""Sentences on what is wrong, before the table."""
OLD = timedelta(minutes=15)
"""A serving workload's figures are renewed well within that."""


def show(console: Console, view: StatusView, *, verbose: bool) -> None:
    """What is wrong first, of the operator before the workloads; then these, and when verbose more of each; hints last, where the eye ends."""
    urgent = [hint for hint in view.hints if hint.first]
    for hint in urgent:
        console.print(_hint("", hint))
    if urgent:
        console.print()
    _wrong(console, view)
    if not view.workloads:
        place = f"namespace {view.namespace}" if view.namespace else "any namespace"
        console.print(f"There is no InferenceWorkload in {place}.")
    else:
        console.print(workloads(view.workloads, view.now, console.width, spaces=view.namespace is None))
    if verbose:
        for one in view.workloads:
            _more(console, one, view.now)
        console.print(Text(f"\noperator: {view.operator.state.value}: {view.operator.message}"))
    last = [hint for hint in view.hints if not hint.first]
    if last:
        console.print()
    for hint in last:
        console.print(_hint("hint: ", hint))


def _hint(word: str, hint: Hint) -> Text:
    return Text(f"{word}{hint.what}" + (f" - {hint.todo}" if hint.todo else ""))


def _wrong(console: Console, view: StatusView) -> None:
    """A line for each workload that somebody has to look at."""
    found = [one for one in view.workloads if one.wrong is not None]
    for one in found[:SHOWN]:
        assert one.wrong is not None
        console.print(Text(f"{one.namespace}/{one.wrong.sentence}", style="bold red"))
    if len(found) > SHOWN:
        console.print(Text(f"and {len(found) - SHOWN} more: `steelyard explain WORKLOAD` says what is wrong with one", style="bold red"))
    if found:
        console.print()


def workloads(lines: tuple[Line, ...], now: datetime, width: int, *, spaces: bool) -> RenderableType:
    """The table."""
    columns = (
        *((Column("NAMESPACE"),) if spaces else ()),
        Column("NAME"),
        Column("MODEL", wide=140),
        Column("READY"),
        Column("POOL"),
        Column("REPLICAS", right=True),
        Column(f"{unit_cost((one.currency for one in lines), (one.unit for one in lines))} [95 %]", whole=True),
        Column("BASIS", wide=140),
        Column("SLO", whole=True),
        Column("MOVE"),
        Column("REASON"),
        Column("AGE", right=True, wide=80),
    )
    units = frozenset(one.unit for one in lines)
    return table(columns, [_row(one, now, units, spaces=spaces) for one in lines], width)


def _row(one: Line, now: datetime, units: frozenset[str], *, spaces: bool) -> tuple[Cell, ...]:
    return (
        *((one.namespace,) if spaces else ()),
        one.name,
        short_model(one.model),
        word({"True": "yes", "False": "no"}.get(one.ready, "unknown"), {"True": True, "False": False}.get(one.ready)),
        one.pool or UNKNOWN,
        replicas(one.ready_replicas, one.desired_replicas),
        in_unit(cost(one, now), one.unit, units),
        basis(one.basis, one.n),
        slo(one),
        move(one),
        word(f"Held: {one.reason}" if one.held == "True" else one.reason or UNKNOWN, False if one.held == "True" else None),
        age(one.created, now),
    )


def cost(one: Line, now: datetime) -> str:
    """A claimed figure says so, and an old one its age: neither must pass for a fresh measurement."""
    figure = with_interval(one.unit_cost, one.lower, one.upper)
    if one.cost_until is not None and now - one.cost_until > OLD:
        return f"{figure} {age(one.cost_until, now)} old"
    return f"{figure} claimed" if one.basis == "Claimed" and one.unit_cost is not None else figure


def slo(one: Line) -> Text:
    """met, missed or unknown; where it is met with the share that is within. Else the share that is remembered is of before."""
    said = {"True": "met", "False": "missed"}.get(one.slo_met, "unknown")
    share = f" {percent(one.good_percent)}" if one.good_percent is not None and one.slo_met == "True" else ""
    return word(f"{said}{share}", {"True": True, "False": False}.get(one.slo_met))


def move(one: Line) -> str:
    """`Shift to cpu-b`, or nothing."""
    if one.move is None:
        return UNKNOWN
    way = "from" if one.move.step == "Back" else "to"
    return f"{stage(one.move)} {way} {one.move.target}"


def short_model(uri: str | None) -> str:
    """The last part of the address: enough to know it."""
    return UNKNOWN if uri is None else uri.rstrip("/").rpartition("/")[2]


def _more(console: Console, one: Line, now: datetime) -> None:
    console.print(Text(f"\n{one.namespace}/{one.name}", style="bold"))
    rows: list[tuple[Cell, ...]] = [(c.type, c.status, c.reason or UNKNOWN, age(c.since, now), c.message or "") for c in one.conditions]
    columns = (Column("CONDITION"), Column("STATUS"), Column("REASON"), Column("SINCE", right=True), Column("MESSAGE"))
    console.print(Padding(table(columns, rows, console.width), (0, 0, 0, 2)) if rows else "  no conditions yet")
    for compiling in one.compiles:
        console.print(Text(f"  compile {progress(compiling, now)}"))
    if one.exit_drill is not None:
        console.print(Text(f"  exit: {exit_line(one.exit_drill, now)}"))


def progress(compiling: Compile, now: datetime) -> str:
    """One line: what, how far, or why not and when again."""
    head = f"{compiling.backend or UNKNOWN} for {compiling.target or UNKNOWN}: {compiling.phase or 'not begun'}"
    if compiling.percent is not None and not compiling.done:
        head += f" {compiling.percent} %"
    if compiling.eta_seconds is not None and not compiling.done:
        head += f", {duration(compiling.eta_seconds)} left"
    if compiling.failure is not None and not compiling.done:
        again = f", tried again {ago(compiling.next_retry, now)}" if compiling.next_retry else ", not tried again by itself"
        return f"{head}; failed ({compiling.failure}{again}): {compiling.failure_message or UNKNOWN}"
    if compiling.waits is not None and not compiling.done:
        return f"{head}: {compiling.waits}"
    return f"{head}: {compiling.last_log_line}" if compiling.last_log_line and not compiling.done else head
