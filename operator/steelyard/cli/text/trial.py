"""A trial as text: the verdict first, then how far it is, then what was found on each pool."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Console, Group, RenderableType
from rich.text import Text

from steelyard.cli.text.accuracy import accuracies
from steelyard.cli.text.by_length import by_length
from steelyard.cli.text.claim import claims
from steelyard.cli.text.figure import UNKNOWN, ago, count, duration, milliseconds, money, percent, unit_cost, with_interval
from steelyard.cli.text.news import unseen
from steelyard.cli.text.section import section
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.unit import unit_of
from steelyard.cli.view.trial import STEPS, TrialView
from steelyard.status.read.trial import PRESENT, TrialLength, TrialPool, TrialStep

PHASES = {"Measured": True, "Failed": False, "Refused": False}
STYLES = {"Confirmed": "bold green", "Refuted": "bold red"}


def show(console: Console, view: TrialView) -> None:
    """Sections without content are left out."""
    console.print(Group(*_all(view, console.width - 2)))


def live(view: TrialView, width: int) -> Group:
    """The same for who watches it fill."""
    title = Text(f"steelyard trial  {view.namespace}/{view.name}  {view.now:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    return Group(title, Text(), *_all(view, width - 2))


def _all(view: TrialView, width: int) -> Iterator[RenderableType]:
    for answer in view.answers:
        yield Text(f"{answer.said} {answer.money or ''}".rstrip(), style=STYLES.get(answer.claim.verdict or "", "bold"))
    yield Text(view.state)
    yield Text(f"{_time(view)}." if view.local else f"{spent(view)}. {_time(view)}.", style="dim")
    yield from section(
        "Pools",
        _pools(view, width),
        [*(f"{p.pool}: {p.message}" for p in view.pools if p.message), *besides(view), *same_money(view), *accuracies(view.pools)],
    )
    yield from section("As served" if view.live else "Steady loads", _steps(view, width))
    yield from section("Other lengths", _lengths(view, width), missing_lengths(view))
    yield from section("Claims", claims(view.claims, width), [*flips(view), *by_lengths(view)])
    for note in view.notes:
        yield Text(f"\nhint: {note}")


def spent(view: TrialView) -> str:
    """Of the money that it may cost."""
    return f"Spent {money(view.spent)} of {money(view.reserved)} reserved; budget {money(view.budget)} {view.currency or ''}".rstrip()


def _time(view: TrialView) -> str:
    if view.ended:
        return f"Ended {ago(view.ended_time, view.now)}"
    until = f"load until {view.load_until:%H:%M:%S} UTC, {ago(view.load_until, view.now)}; " if view.load_until else ""
    said = f"{until}deadline {ago(view.deadline, view.now)}"
    return f"{said[0].upper()}{said[1:]}"


def _pools(view: TrialView, width: int) -> RenderableType:
    columns = (
        Column("POOL"),
        Column("PHASE"),
        Column("COMPILE", right=True, wide=130),
        Column("START", right=True),
        Column("REQUESTS/S A REPLICA [95 %]", whole=True),
        Column("SATURATION", right=True),
        Column("P99 AT LOAD", right=True),
        Column(f"{unit_cost([view.currency], [view.unit])} [95 %]", whole=True),
        Column("N", right=True),
    )
    return table(columns, [_pool(p, view) for p in view.pools], width)


def _pool(found: TrialPool, view: TrialView) -> tuple[Cell, ...]:
    present = next(iter(found.steps), None) if view.live else found.at(PRESENT)
    return (
        found.pool,
        word(found.phase or UNKNOWN, PHASES.get(found.phase or "")),
        UNKNOWN if found.compile_seconds is None else duration(found.compile_seconds),
        start(found),
        capacity(found),
        money(found.saturation.per_replica if found.saturation else None),
        milliseconds(present.p99_milliseconds if present else None),
        cost(found, view.unit),
        good(found),
    )


def start(found: TrialPool) -> str:
    """How long its replica took until it was ready."""
    return UNKNOWN if found.start_seconds is None else duration(float(found.start_seconds))


def capacity(found: TrialPool | TrialLength) -> str:
    """Where the objective held at all loads, there is more."""
    said = with_interval(found.capacity, found.capacity_lower, found.capacity_upper)
    return f"{said} or more" if found.capacity_basis == "Carried" else said


def cost(found: TrialPool | TrialLength, unit: str) -> str:
    """Where the objective is just kept; where that was not reached, less."""
    told = found.unit_cost.by(unit) if found.unit_cost else None
    if told is None:
        return UNKNOWN
    said = with_interval(told.value, told.lower, told.upper)
    return f"{said} or less" if found.capacity_basis == "Carried" else said


def same_money(view: TrialView) -> list[str]:
    """The cost of each pool by the units that the workload does not count by, where its server tells them."""
    lines = []
    for found in view.pools:
        said = [
            f"{cost(found, unit)} for {unit_of(unit).whole} (n {count(n)})"
            for unit in view.other_units
            if found.unit_cost is not None and (n := found.unit_cost.behind(unit)) is not None
        ]
        if said:
            lines.append(f"{found.pool}: the same money is {' and '.join(said)}")
    return lines


def good(found: TrialPool | TrialLength) -> str:
    """How many good requests capacity and cost rest on."""
    return count(found.capacity_requests if found.capacity is not None else None)


def by_load(view: TrialView) -> Iterator[tuple[TrialPool, TrialStep]]:
    """Each load with all its pools side by side; of live traffic each pool with its own."""
    if view.live:
        yield from ((found, step) for found in view.pools for step in found.steps)
        return
    for load in sorted({step.of_present for found in view.pools for step in found.steps if step.of_present is not None}):
        yield from ((found, step) for found in view.pools if (step := found.at(load)) is not None)


def load(step: TrialStep, *, live: bool = False) -> str:
    """half, 60.0/s; of live traffic, which no load is made of, 60.0/s alone."""
    if live:
        return f"{money(step.load)}/s"
    part = STEPS.get(step.of_present, f"{money(step.of_present)} times") if step.of_present is not None else UNKNOWN
    return f"{part}, {money(step.load)}/s"


def _steps(view: TrialView, width: int) -> RenderableType | None:
    columns = (
        Column("LOAD", whole=True),
        Column("POOL"),
        Column("REPLICAS", right=True),
        Column("REQUESTS" if view.live else "SENT", right=True, wide=80),
        Column("GOOD", right=True, whole=True),
        Column("P50", right=True, whole=True),
        Column("P95", right=True, whole=True),
        Column("P99", right=True, whole=True),
        Column(unit_cost([view.currency]), right=True),
        Column("J/REQUEST", right=True, wide=100),
    )
    rows: list[tuple[Cell, ...]] = [
        (
            load(step, live=view.live),
            found.pool,
            count(step.replicas),
            count(step.requests),
            percent(step.good_percent),
            milliseconds(step.p50_milliseconds),
            milliseconds(step.p95_milliseconds),
            milliseconds(step.p99_milliseconds),
            money(step.unit_cost),
            money(step.joules_per_request),
        )
        for found, step in by_load(view)
    ]
    return table(columns, rows, width) if rows else None


def by_factor(view: TrialView) -> Iterator[tuple[TrialPool, TrialLength]]:
    """Each other length with all pools that were measured at it side by side."""
    for factor in sorted({each.factor for found in view.pools for each in found.lengths if each.factor is not None}):
        yield from ((p, each) for p in view.pools for each in p.lengths if each.factor == factor and each.capacity is not None)


def length_rows(view: TrialView) -> list[tuple[str, ...]]:
    """Of each other length and pool: the length, the pool, what a replica carries, saturation, unit cost, n."""
    return [
        (
            f"times {each.factor:f}",
            found.pool,
            capacity(each),
            money(each.saturation.per_replica if each.saturation else None),
            cost(each, view.unit),
            good(each),
        )
        for found, each in by_factor(view)
    ]


def _lengths(view: TrialView, width: int) -> RenderableType | None:
    columns = (
        Column("ALL LENGTHS", whole=True),
        Column("POOL"),
        Column("REQUESTS/S A REPLICA [95 %]", whole=True),
        Column("SATURATION", right=True),
        Column(f"{unit_cost([view.currency], [view.unit])} [95 %]", whole=True),
        Column("N", right=True),
    )
    rows = length_rows(view)
    return table(columns, rows, width) if rows else None


def missing_lengths(view: TrialView) -> list[str]:
    """What was not measured of them, and why."""
    return [
        f"{p.pool}, all lengths times {each.factor:f}: {each.message}"
        for p in view.pools
        for each in p.lengths
        if each.factor and each.message
    ]


def by_lengths(view: TrialView) -> list[str]:
    """At which lengths a claim is true."""
    return [f"{row.pool}, {row.name}: {said}" for row in view.claims if (said := by_length(row)) is not None]


def besides(view: TrialView) -> list[str]:
    """Who else was on the nodes while it was measured."""
    return [f"{p.pool}: {p.beside}" for p in view.pools if p.beside]


def flips(view: TrialView) -> list[str]:
    """At which loads a claim would be true."""
    return [f"{row.pool}, {row.name}: {row.flips}" for row in view.claims if row.flips]


def news(before: TrialView | None, view: TrialView) -> list[str]:
    """A line for everything that was not so before."""
    return unseen(_facts, before, view)


def _facts(view: TrialView) -> Iterator[str]:
    if view.ended or not view.message or view.message not in _as_a_whole(view):
        yield view.state
    for found in view.pools:
        if found.phase is not None:
            yield f"{found.pool}: {found.phase}{f', {found.message}' if found.message else ''}"
        if found.start_seconds is not None:
            yield f"{found.pool}: ready after {start(found)}"
        if found.capacity is not None:
            yield f"{found.pool}: {capacity(found)} requests/s a replica"
        for each in found.lengths:
            if each.factor is not None and each.capacity is not None:
                yield f"{found.pool}: all lengths times {each.factor:f}: {capacity(each)} requests/s a replica"
        for step in found.steps if not view.live or found.phase == "Measured" else ():
            yield f"{found.pool}: {load(step, live=view.live)}: {percent(step.good_percent)} good, p99 {milliseconds(step.p99_milliseconds)}"
    for answer in view.answers:
        yield answer.said


def _as_a_whole(view: TrialView) -> tuple[str, str]:
    """The messages by which the operator tells of all pools what each tells of itself: while they measure, and before."""
    told = (f"{p.pool}: {(p.phase or UNKNOWN).lower()}{f', {p.message}' if p.message else ''}" for p in view.pools)
    waits = (f"pool {p.pool}: {p.message}" for p in view.pools if p.phase == "Waiting" and p.message)
    return "; ".join(told), "; ".join(waits)
