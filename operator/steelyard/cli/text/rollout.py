"""A workload as it changes, as text: steps, time left, replicas, traffic, evidence, money, events. Each word and figure says what colour says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import RenderableType
from rich.text import Text

from steelyard.cli.facts.event import Event
from steelyard.cli.text.figure import UNKNOWN, ago, count, duration, money, replicas, unit_cost, with_interval
from steelyard.cli.text.table import ROOMY, Cell, Column, table
from steelyard.cli.view.rollout import Rollout, ShareRow
from steelyard.cli.view.sentence import stage
from steelyard.status.read.move import Move

BAR, SHORT_BAR = 24, 10
"""Characters: of time, and of a part of the traffic."""
MARKS = {"Passed": ("[x]", "green"), "Now": ("[>]", "bold yellow"), "Ahead": ("[ ]", "dim")}
SHOWN = 8
"""Events: the newest."""


def head(move: Move, now: datetime) -> str:
    """What moves where, since when."""
    return f"{move.kind or 'Move'} from {move.source or UNKNOWN} to {move.target or UNKNOWN}, begun {ago(move.started, now)}"


def steps(seen: Rollout) -> Text:
    """All in order, with the one under way marked."""
    told = Text()
    for row in seen.steps:
        mark, style = MARKS[row.state]
        share = f" {row.share_percent} %" if row.share_percent else ""
        told.append("  " if told else "").append(f"{mark} {row.name}{share}", style=style)
    return told


def time_left(move: Move, now: datetime) -> Text:
    """Of the step under way, as a bar and in words."""
    since, until = move.step_since, move.deadline
    said = f"step {stage(move) or UNKNOWN}, begun {ago(since, now)}"
    if until is None:
        return Text(f"{said}; its deadline is not known")
    left = (until - now).total_seconds()
    over = f"deadline {until:%H:%M:%S} UTC"
    told = f"{said}, {duration(left)} left ({over})" if left > 0 else f"{said}; its {over} has passed"
    whole = (until - since).total_seconds() if since is not None else 0.0
    return Text(told) if whole <= 0 else Text.assemble(bar(1 - left / whole, BAR), " ", told)


def bar(part: float, width: int) -> Text:
    """[####------]."""
    filled = round(min(max(part, 0.0), 1.0) * width)
    return Text.assemble("[", ("#" * filled, "cyan"), ("-" * (width - filled), "dim"), "]")


def shares(seen: Rollout, width: int) -> RenderableType | None:
    """A row a pool: replicas, its part of the traffic, and what is known of it: good requests measured (of those that a trial needs), cost."""
    columns = (
        Column("POOL", whole=True),
        Column("READY", right=True),
        Column("GOAL", right=True),
        Column("TRAFFIC", whole=True),
        Column("N GOOD", right=True),
        Column(f"{unit_cost([seen.currency], [seen.unit])} [95 %]", whole=True),
        Column(f"{seen.currency or 'COST'}/H ALONE", right=True, wide=100),
    )
    return table(columns, [_share(row, width) for row in seen.shares], width) if seen.shares else None


def _share(row: ShareRow, width: int) -> tuple[Cell, ...]:
    return (
        f"{row.pool}{'' if row.role is None else f' ({row.role.lower()})'}",
        replicas(row.ready, row.desired),
        count(row.goal),
        traffic(row, width),
        measured(row),
        _cost(row),
        money(row.cost_per_hour),
    )


def traffic(row: ShareRow, width: int) -> Text:
    """About, by weights or by ready replicas; as a bar where there is room."""
    if row.traffic_percent is None or width < ROOMY:
        return Text(UNKNOWN if row.traffic_percent is None else _part(row))
    return Text.assemble(bar(row.traffic_percent / 100, SHORT_BAR), f" {_part(row)}")


def _part(row: ShareRow) -> str:
    """A weight is told to a tenth: 5 of 1000 is not nothing."""
    return f"{row.traffic_percent if row.weight is None else row.weight / 10:g} %"


def measured(row: ShareRow) -> str:
    """n, or n of N where a trial needs so many."""
    return count(row.n) if row.needed is None else f"{count(row.n or 0)} of {count(row.needed)}"


def _cost(row: ShareRow) -> str:
    said = with_interval(row.unit_cost, row.lower, row.upper)
    return f"{said} claimed" if row.basis == "Claimed" and row.unit_cost is not None else said


def judged(seen: Rollout) -> Iterator[str]:
    """How far the claims are judged that the target has a part in: the ratio or figure that is measured, beside the one that is claimed."""
    for row in seen.claims:
        found = with_interval(row.measured, row.lower, row.upper)
        relative = f" relative to {row.relative_to}" if row.relative_to else ""
        yield (
            f"claim {row.name} of {row.pool}{relative}: claimed {money(row.claimed)}, measured {found if row.measured is not None else 'not yet'}"
            f"{' [98 %]' if row.measured is not None else ''}, n {count(row.n)}: {row.verdict or 'not judged yet'}"
        )


def trial_money(seen: Rollout) -> str | None:
    """What the trial under way may cost, of what."""
    told = seen.trial
    if told is None:
        return None
    of = seen.currency or "money"
    if told.asked_by is not None:
        return (
            f"trial: asked for by AcceleratorTrial {told.asked_by}; costs at most {money(told.reserved)} {of}, which is of its own budget"
        )
    budget = "a tenth of what the workload costs in a day" if told.budget is None else f"{money(told.budget)} {of}"
    spent = "is not known" if told.spent is None else f"is {money(told.spent)}"
    return (
        f"exploration: costs at most {money(told.reserved)} {of}; what others of the last 24 hours cost {spent}; budget for a day: {budget}"
    )


def evidence(seen: Rollout) -> Iterator[Text]:
    """What is known by now, and what it may cost to know it."""
    yield from (Text(line) for line in judged(seen))
    if (spent := trial_money(seen)) is not None:
        yield Text(spent)


def under_way(seen: Rollout, now: datetime, width: int) -> Iterator[RenderableType]:
    """The move: how far it is, who serves what, what is known by now."""
    move = seen.move
    if move is None:
        return
    yield Text(head(move, now))
    yield steps(seen)
    yield time_left(move, now)
    if move.back_reason:
        yield Text(f"it goes back because of {move.back_reason}", style="red")
    yield Text(f"{move.reason or UNKNOWN}: {move.message or UNKNOWN}")
    yield from ((Text(), shared, Text()) if (shared := shares(seen, width)) is not None else ())
    yield from evidence(seen)


def events(told: tuple[Event, ...] | None, now: datetime, width: int) -> RenderableType | None:
    """The newest first; None where there are none or they were not read."""
    rows: list[tuple[Cell, ...]] = [
        (
            ago(each.time, now),
            Text(each.type or UNKNOWN, style="" if each.type == "Normal" else "yellow"),
            each.reason or UNKNOWN,
            f"{each.message or UNKNOWN}{f' ({each.count} times)' if each.count > 1 else ''}",
        )
        for each in (told or ())[:SHOWN]
    ]
    columns = (Column("WHEN", whole=True), Column("TYPE", whole=True), Column("REASON"), Column("WHAT"))
    return table(columns, rows, width) if rows else None


def changes(seen: Rollout) -> Iterator[str]:
    """What a follower is told once: the step, and each pool's part."""
    move = seen.move
    if move is not None:
        back = f"; it goes back because of {move.back_reason}" if move.back_reason else ""
        yield f"{move.kind or 'Move'} from {move.source or UNKNOWN} to {move.target or UNKNOWN}: step {stage(move) or UNKNOWN}: {move.message or UNKNOWN}{back}"
    for row in seen.shares:
        part = "" if row.traffic_percent is None else f", about {_part(row)} of the traffic"
        yield f"{row.pool}: {replicas(row.ready, row.desired)} ready{part}"
