"""`steelyard top` as text."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.text import Text

from steelyard.cli.facts.event import Event
from steelyard.cli.facts.pool import Pool
from steelyard.cli.text.figure import UNKNOWN, ago, basis, count, in_unit, milliseconds, money, node_price, price_age, replicas, unit_cost
from steelyard.cli.text.news import unseen
from steelyard.cli.text.rollout import changes, evidence, head, shares, steps, time_left
from steelyard.cli.text.status import cost, move, slo
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.text.trials import line, stage
from steelyard.cli.view.line import Line
from steelyard.cli.view.rollout import Rollout
from steelyard.cli.view.top import TopView
from steelyard.status.read.move import Move


def picture(view: TopView, width: int) -> RenderableType:
    """Title, workloads, their moves, trials, pools."""
    place = view.namespace or "all namespaces"
    parts: list[RenderableType] = [Text(f"steelyard top  {place}  {view.now:%Y-%m-%d %H:%M:%S} UTC", style="bold"), Text()]
    units = frozenset(one.unit for one in view.workloads)
    rows = [_workload(one, view.now, units, spaces=view.namespace is None) for one in view.workloads]
    parts.append(table(_workload_columns(view.workloads), rows, width) if rows else Text("There is no InferenceWorkload here."))
    parts.append(Text())
    for moving, told in view.each_move():
        parts += [*_moving(moving, view, width), *(_event(each, view.now) for each in told), Text()]
    if view.trials:
        parts += [*(Text(line(one, view.now, spaces=view.namespace is None)) for one in view.trials), Text()]
    if view.pools is not None:
        pools = [_pool(pool, view.now) for pool in view.pools]
        parts.append(table(_pool_columns(view.pools), pools, width) if pools else Text("There is no AcceleratorPool."))
    parts += [Text(f"hint: {note}") for note in view.notes]
    return Group(*parts)


def _moving(moving: Rollout, view: TopView, width: int) -> Iterator[RenderableType]:
    if moving.move is not None:
        where = f"{moving.namespace}/{moving.name}" if view.namespace is None else moving.name
        yield Text(f"{where}: {head(moving.move, view.now)}", style="bold")
        yield steps(moving)
        yield time_left(moving.move, view.now)
        yield shares(moving, width) or Text()
        yield from evidence(moving)


def _event(told: Event, now: datetime) -> Text:
    warns = told.type == "Warning"
    return Text(f"{ago(told.time, now)}: {told.reason or UNKNOWN}, {told.message or UNKNOWN}", style="yellow" if warns else "dim")


def news(before: TopView | None, view: TopView) -> list[str]:
    """A line for everything that was not so before."""
    return unseen(_facts, before, view)


def _facts(view: TopView) -> Iterator[str]:
    for one in view.workloads:
        what = f"{one.namespace}/{one.name}"
        yield f"{what}: {_state(one)}"
        yield f"{what}: on {one.pool or 'no pool'}, {replicas(one.ready_replicas, one.desired_replicas)} ready"
        yield f"{what}: objective {'met' if one.slo_met == 'True' else 'missed' if one.slo_met == 'False' else 'unknown'}"
    for moving, told in view.each_move():
        yield from (f"{moving.namespace}/{moving.name}: {change}" for change in changes(moving))
        yield from (
            f"{moving.namespace}/{moving.name}: event {each.reason or UNKNOWN}: {each.message or UNKNOWN}" for each in reversed(told)
        )
    yield from (f"trial {one.namespace}/{one.name}: {stage(one)}" for one in view.trials or ())
    for pool in view.pools or ():
        price = "price unknown" if pool.price is None else f"a node costs {money(pool.price.value)} {pool.price.currency or ''} an hour"
        yield f"pool {pool.name}: {count(pool.nodes)} node(s), {price.rstrip()}"
        if pool.exhausted_until is not None and pool.exhausted_until > view.now:
            yield f"pool {pool.name}: could not deliver nodes; asked again at {pool.exhausted_until:%H:%M:%S} UTC"
    yield from (f"hint: {note}" for note in view.notes)


def _workload_columns(lines: tuple[Line, ...]) -> tuple[Column, ...]:
    return (
        Column("WORKLOAD"),
        Column("POOL"),
        Column("REPLICAS", right=True),
        Column("SLO", whole=True),
        Column("P99", right=True, wide=100),
        Column(f"{unit_cost((one.currency for one in lines), (one.unit for one in lines))} [95 %]", whole=True),
        Column("BASIS", wide=150),
        Column("MOVE"),
        Column("STATE"),
    )


def _pool_columns(pools: tuple[Pool, ...]) -> tuple[Column, ...]:
    return (
        Column("POOL"),
        Column("ACCELERATOR", wide=80),
        Column("NODES", right=True),
        Column("DEVICES USED", right=True),
        Column(node_price(pool.price.currency for pool in pools if pool.price), right=True),
        Column("CLASS"),
        Column("PRICE AGE", right=True),
        Column("STATE"),
    )


def _workload(one: Line, now: datetime, units: frozenset[str], *, spaces: bool) -> tuple[Cell, ...]:
    return (
        f"{one.namespace}/{one.name}" if spaces else one.name,
        one.pool or UNKNOWN,
        replicas(one.ready_replicas, one.desired_replicas),
        slo(one),
        milliseconds(one.p99_milliseconds),
        in_unit(cost(one, now), one.unit, units),
        basis(one.basis, one.n),
        f"{move(one)} {_counts(one.move, now)}" if one.move else UNKNOWN,
        _state(one),
    )


def _counts(moving: Move, now: datetime) -> str:
    left = f", deadline {ago(moving.deadline, now)}" if moving.deadline else ""
    return f"({count(moving.target_replicas)} of {count(moving.target_goal)}{left})"


def _state(one: Line) -> Text:
    if one.held == "True":
        return word(f"Held: {one.reason}", False)
    if one.ready != "True":
        return word(f"{'not ready' if one.ready == 'False' else 'unknown'}: {one.reason or UNKNOWN}", False)
    return word(one.reason or UNKNOWN, True)


def _pool(pool: Pool, now: datetime) -> tuple[Cell, ...]:
    exhausted = pool.exhausted_until is not None and pool.exhausted_until > now
    used = UNKNOWN if pool.devices_total is None else f"{count(pool.devices_used)}/{count(pool.devices_total)}"
    return (
        pool.name,
        pool.accelerator or UNKNOWN,
        count(pool.nodes),
        used,
        money(pool.price.value) if pool.price else "unknown",
        (pool.price.price_class if pool.price else None) or UNKNOWN,
        price_age(pool.price.as_of, now) if pool.price else UNKNOWN,
        word(f"exhausted, again {ago(pool.exhausted_until, now)}", False) if exhausted else Text("ok" if pool.nodes else UNKNOWN),
    )
