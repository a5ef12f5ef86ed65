"""`steelyard simulate` as text."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.text import Text

from steelyard.cli.text.figure import UNKNOWN, count, interval, money
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.simulation import RunLine, SimulatedClaim, SimulatedMove, SimulatedWorkload, SimulationView

_RUNS = (
    Column("RUN"),
    Column("COST", right=True, whole=True),
    Column("COST/1K GOOD", right=True, whole=True),
    Column("MISSED", right=True, whole=True),
    Column("OFFERED", right=True, wide=100),
    Column("GOOD", right=True),
    Column("LATE", right=True),
    Column("SHED", right=True),
    Column("ERRORS", right=True),
    Column("UNSERVED", right=True),
    Column("MOVES", right=True),
    Column("HELD", right=True, whole=True),
    Column("REPLICA-HOURS"),
)
_MOVES = (Column("MOVE ENDED"), Column("FROM"), Column("TO"), Column("OUTCOME"), Column("REASON"))
_CLAIMS = (
    Column("CLAIM"),
    Column("ON POOL"),
    Column("VERDICT"),
    Column("CLAIMED", right=True),
    Column("MEASURED [95 %]", whole=True),
    Column("N", right=True),
)


def show(console: Console, view: SimulationView) -> None:
    """One part a workload, then the nodes and the files."""
    for one in view.workloads:
        _workload(console, one)
    idle = ""
    spent = [one.decided.cost for one in view.workloads]
    if view.node_cost is not None and None not in spent:
        share = view.node_cost - sum((cost for cost in spent if cost is not None), Decimal(0))
        idle = f", {money(max(share, Decimal(0)))} of it for nodes that start, wait or stand idle"
    console.print(Text(f"nodes: {money(view.node_hours)} hours, {money(view.node_cost)}{idle}"))
    console.print(Text(f"seed {view.seed}, days {view.days.normalize():f}"))
    for name in view.files:
        console.print(Text(f"written: {name}"), soft_wrap=True)


def _workload(console: Console, one: SimulatedWorkload) -> None:
    allowed = f"{one.allowed_percent.normalize():f} %"
    console.print(Text(f"{one.name}  (at most {allowed} may take longer than {one.objective_milliseconds} ms or fail)", style="bold"))
    console.print()
    rows = [_run(line, one.allowed_percent) for line in (one.decided, *one.alone)]
    console.print(table(_RUNS, rows, console.width))
    if one.moves:
        console.print()
        console.print(table(_MOVES, [_move(move) for move in one.moves], console.width))
    if one.claims:
        console.print()
        console.print(table(_CLAIMS, [_claim(claim) for claim in one.claims], console.width))
    console.print()


def _run(line: RunLine, allowed: Decimal) -> tuple[Cell, ...]:
    missed = UNKNOWN if line.missed_percent is None else f"{line.missed_percent:.2f} %"
    return (
        "as decided" if line.pool is None else f"only {line.pool}",
        money(line.cost),
        money(line.unit_cost),
        word(missed, None if line.missed_percent is None else line.missed_percent <= allowed),
        count(line.offered),
        count(line.good),
        count(line.slow),
        count(line.shed),
        count(line.error + line.cut),
        count(line.unserved),
        count(line.moves),
        f"{line.held_minutes:.0f} min",
        ", ".join(f"{each.pool} {each.hours:.1f}" for each in line.replica_hours) or UNKNOWN,
    )


def _move(move: SimulatedMove) -> tuple[Cell, ...]:
    return f"{move.time:%Y-%m-%d %H:%M:%S}", move.from_pool, move.to_pool, move.outcome, move.reason


def _claim(claim: SimulatedClaim) -> tuple[Cell, ...]:
    good = {"Confirmed": True, "Refuted": False}.get(claim.verdict)
    measured = UNKNOWN if claim.measured is None else f"{money(claim.measured)} {interval(claim.lower, claim.upper, claim.measured)}"
    return claim.name, claim.pool, word(claim.verdict, good), money(claim.claimed), measured, count(claim.n)
