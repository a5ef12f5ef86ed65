"""`steelyard explain` as text: the answer first, its evidence below."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from steelyard.cli.facts.workload import Objective
from steelyard.cli.text.claim import claims
from steelyard.cli.text.exit_drill import exit_line
from steelyard.cli.text.explain_costs import costs, three_costs
from steelyard.cli.text.explain_pools import cost_basis, deciding_cost, energy, floors, latencies, placements, pools, refusals, token_costs
from steelyard.cli.text.figure import UNKNOWN, age, ago, count, milliseconds, money, percent
from steelyard.cli.text.rollout import events, shares, under_way
from steelyard.cli.text.section import section
from steelyard.cli.text.status import progress
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.text.trials import line
from steelyard.cli.view.change import Change
from steelyard.cli.view.explain import ExplainView


def show(console: Console, view: ExplainView) -> None:
    """Sections without content are left out."""
    width = console.width - 2
    console.print(
        Group(
            *_head(view),
            *_measured(view, width),
            *_decided(view, width),
            *_under_way(view, width),
            *_rest(view, width),
            *_told(view, width),
        )
    )


def live(view: ExplainView, width: int) -> Group:
    """The same for who watches it change: what is under way, and what was told of it, come before figures that change by hours."""
    title = Text(f"steelyard explain  {view.namespace}/{view.name}  {view.now:%Y-%m-%d %H:%M:%S} UTC", style="bold")
    inside = width - 2
    changing = (*_head(view), *_under_way(view, inside), *_standing(view, inside), *_told(view, inside))
    return Group(title, Text(), *changing, *_measured(view, inside), *_decided(view, inside), *_rest(view, inside))


def _head(view: ExplainView) -> Iterator[RenderableType]:
    if view.wrong is not None:
        yield Text(view.wrong.sentence, style="bold red")
    yield Text(view.where, style="bold")
    if view.wrong is None or view.wrong.message.lower() not in view.why.lower():
        yield Text(view.why)
    yield from _aside(view)
    yield Text()
    yield Text(objective(view))
    if view.exit_drill is not None:
        yield Text(f"Exit: {exit_line(view.exit_drill, view.now)}.")


def _measured(view: ExplainView, width: int) -> Iterator[RenderableType]:
    yield from section("Pools", pools(view, width), [*deciding_cost(view), *refusals(view)])
    yield from section(
        "Measured here",
        placements(view, width),
        [*cost_basis(view), *token_costs(view), *floors(view), *energy(view), *latencies(view)],
    )
    yield from section("An hour now", costs(view, width), three_costs(view))
    yield from section("Claims", claims(view.claims, width), [])


def _decided(view: ExplainView, width: int) -> Iterator[RenderableType]:
    yield from section("Gates of the last decision", _gates(view, width), _passed(view))
    yield from section(
        "What would change this",
        None,
        [*_first(view), *(told_change(c, view) for c in view.would_change if c.kind not in {"Gate", "Next"})],
    )


def _under_way(view: ExplainView, width: int) -> Iterator[RenderableType]:
    if view.rollout.move is not None:
        yield Text("\nMove under way", style="bold")
        for each in under_way(view.rollout, view.now, width):
            yield Padding(each, (0, 0, 0, 2))
    yield from section("Trials under way", None, [line(one, view.now) for one in view.trials or ()])
    yield from section("Compiles", None, [progress(c, view.now) for c in view.compiles])


def _standing(view: ExplainView, width: int) -> Iterator[RenderableType]:
    """Replicas and traffic while nothing moves."""
    if view.rollout.move is None:
        yield from section("Replicas and traffic", shares(view.rollout, width))


def _told(view: ExplainView, width: int) -> Iterator[RenderableType]:
    yield from section("Events", events(view.events, view.now, width))


def _rest(view: ExplainView, width: int) -> Iterator[RenderableType]:
    yield from section("Quarantine", None, _quarantine(view))
    yield from section("Moves of the past", _history(view, width), [])
    for note in view.notes:
        yield Text(f"\nhint: {note}")


def _aside(view: ExplainView) -> Iterator[RenderableType]:
    if view.decided is None:
        return
    said = f"{view.verdict or UNKNOWN}, {view.reason or 'no reason given'}, unchanged for {age(view.decided, view.now)}; mode {view.mode or UNKNOWN}"
    yield Text(f"({said})" + (f" {view.meaning}" if view.meaning else ""), style="dim")


def objective(view: ExplainView) -> str:
    """The promise and how it stands where the load is. The share is of the best-known period: unless the promise is met now, it is of before."""
    there = next((row for row in view.pools if row.carries), None)
    share = None
    if there is not None and (there.good_percent is not None or there.p99_milliseconds is not None):
        share = f"{percent(there.good_percent)} within, p99 {milliseconds(there.p99_milliseconds)} on {there.pool}"
    met = view.slo_met
    verdict = {"True": "met", "False": "MISSED"}.get(met.status if met else "", "unknown whether it is met")
    why = f", {met.reason}: {met.message}" if met and met.status != "True" else ""
    is_now = share is None or (met is not None and met.status == "True")
    now = f"{share or 'not measured yet'}; {verdict}{why}" if is_now else f"{verdict}{why}. Measured before: {share}"
    return f"{promise(view.objective)} Now: {now}."


def promise(objectives: Iterable[Objective]) -> str:
    """What is promised, as a sentence."""
    promised = " and ".join(f"{percent(o.percent)} of requests within {milliseconds(o.milliseconds)} ({o.metric})" for o in objectives)
    return f"Objective: {promised or UNKNOWN}."


def _gates(view: ExplainView, width: int) -> RenderableType | None:
    """Those that refused, in chain order: the first is the verdict, the others would refuse next."""
    refused = [gate for gate in view.gates if gate.passed is not True]
    rows: list[tuple[Cell, ...]] = []
    for place, gate in enumerate(refused):
        answer = "not known" if gate.passed is None else "would refuse next" if place else "REFUSED"
        rows.append((gate.reason or gate.gate, word(answer, False), gate.message or ""))
    return table((Column("GATE", whole=True), Column("ANSWER", whole=True), Column("WHY")), rows, width) if rows else None


def _passed(view: ExplainView) -> list[str]:
    passed = [gate.gate for gate in view.gates if gate.passed]
    return [f"{len(passed)} of {len(view.gates)} passed: {', '.join(passed)}"] if view.gates else []


def _first(view: ExplainView) -> list[str]:
    """The gates' own messages stand above."""
    reasons = [change.reason or change.message for change in view.would_change if change.kind in {"Gate", "Next"}]
    if not reasons:
        return []
    after = f", then {' and '.join(reasons[1:])}" if reasons[1:] else ""
    return [f"for a move, {reasons[0]} must no longer hold{after}"]


def told_change(change: Change, view: ExplainView) -> str:
    """What would have to be otherwise, or the moment at which something is decided anew."""
    if change.kind == "Price":
        now = f"now {money(change.price_now)}" if change.price_now is not None else "its price is unknown now"
        return f"{change.message} if a node of it cost less than {money(change.price_below)} an hour ({now})"
    return f"{ago(change.at, view.now)}: {change.message}" if change.at else change.message


def _quarantine(view: ExplainView) -> list[str]:
    return [
        f"{q.pool}, revision {q.revision or UNKNOWN}: failed {count(q.failures)} time(s), {q.reason or UNKNOWN}; tried again {ago(q.until, view.now)}"
        for q in view.quarantine
    ]


def _history(view: ExplainView, width: int) -> RenderableType | None:
    rows: list[tuple[Cell, ...]] = [
        (ago(p.time, view.now), f"{p.source or UNKNOWN} to {p.target or UNKNOWN}", p.outcome or UNKNOWN, p.reason or UNKNOWN)
        for p in view.history
    ]
    return table((Column("WHEN"), Column("MOVE"), Column("OUTCOME"), Column("REASON")), rows, width) if rows else None
