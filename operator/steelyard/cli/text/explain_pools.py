"""The tables of pools: as options, and as measured."""

from __future__ import annotations

from rich.console import RenderableType
from rich.text import Text

from steelyard.cli.text.accuracy import compared, figure_of
from steelyard.cli.text.figure import (
    UNKNOWN,
    age,
    ago,
    basis,
    count,
    interval,
    milliseconds,
    money,
    node_price,
    percent,
    price_age,
    replicas,
    unit_cost,
    with_interval,
)
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.explain import ExplainView
from steelyard.cli.view.pool_row import PoolRow


def pools(view: ExplainView, width: int) -> RenderableType:
    """Two lines a pool: the figure, and how far it can be trusted. How near its answers are stands beside what they cost, where any were compared."""
    if not view.pools:
        return Text("none: there is no AcceleratorPool, or none may be read")
    columns = (
        Column("POOL"),
        Column("FEASIBLE"),
        Column("REPLICAS", right=True),
        Column(f"{unit_cost([view.currency], [view.unit])}\n[95 %]", whole=True),
        *([Column("ACCURACY", whole=True)] if compared(view.pools) else []),
        Column("BASIS\nn good", whole=True),
        Column("LATENCY\nwithin objective", whole=True),
        Column(f"{node_price(row.price.currency for row in view.pools if row.price)}\nclass, age", whole=True),
        Column("CLAIM"),
    )
    return table(columns, [_row(row, view) for row in view.pools], width)


def _row(row: PoolRow, view: ExplainView) -> tuple[Cell, ...]:
    mark = "in use" if row.used else "moving here" if row.target else "gone" if row.exists is False else ""
    answer = (
        Text("not considered")
        if row.feasible is None
        else word("yes", True)
        if row.feasible
        else word(f"no\n{row.reason or UNKNOWN}", False)
    )
    return (
        f"{row.pool}\n{mark}".strip(),
        answer,
        count(row.replicas),
        f"{money(row.unit_cost)}\n{interval(row.lower, row.upper, row.unit_cost)}".strip(),
        *(["\n".join(figure_of(row.accuracy) or (UNKNOWN,))] if compared(view.pools) else []),
        basis(row.basis, row.n).replace(" ", "\n"),
        _latency(row),
        _price(row, view),
        "\n".join(f"{c.verdict}\n{c.name}" for c in row.claims) or UNKNOWN,
    )


def _latency(row: PoolRow) -> str:
    if row.good_percent is None and row.p99_milliseconds is None:
        return UNKNOWN
    return f"p99 {milliseconds(row.p99_milliseconds)}\n{percent(row.good_percent)}"


def _price(row: PoolRow, view: ExplainView) -> str:
    if row.price is None and row.priced_by is not None:
        return f"List\n{row.priced_by.lower()}"
    if row.price is None:
        return "unknown"
    old = price_age(row.price.as_of, view.now) if row.price.as_of else "age unknown"
    return f"{money(row.price.value)}\n{row.price.price_class or UNKNOWN}, {old}"


def refusals(view: ExplainView) -> list[str]:
    """Why pools are not feasible, or hardly, in full; and what else is true of a pool."""
    lines = [f"{row.pool}: {row.message or row.reason}" for row in view.pools if row.feasible is False or row.message]
    lines += [
        f"{row.pool}: could not deliver nodes; asked again {ago(row.exhausted_until, view.now)}"
        for row in view.pools
        if row.exhausted_until
    ]
    lines += [
        f"{row.pool}: in quarantine; tried again {ago(row.quarantined_until, view.now)}" for row in view.pools if row.quarantined_until
    ]
    return lines


def placements(view: ExplainView, width: int) -> RenderableType | None:
    """What traffic said, with n and the time it is from."""
    rows: list[tuple[Cell, ...]] = []
    for p in view.placements:
        cost = p.unit_cost
        period = f"{age(cost.since, view.now)} to {age(cost.until, view.now)} ago" if cost else UNKNOWN
        if cost and cost.replicas:
            period += f" × {cost.replicas}"
        rows.append(
            (
                p.pool,
                (p.revision or UNKNOWN)[:12],
                replicas(p.ready_replicas, p.desired_replicas),
                with_interval(p.capacity, p.capacity_lower, p.capacity_upper),
                basis(p.capacity_basis, p.capacity_requests),
                with_interval(cost.value, cost.lower, cost.upper) if cost else UNKNOWN,
                count(cost.n) if cost else UNKNOWN,
                period,
            )
        )
    columns = (
        Column("POOL"),
        Column("REVISION", wide=100),
        Column("READY", right=True),
        Column("REQUESTS/S A REPLICA", whole=True),
        Column("BASIS"),
        Column(f"{unit_cost([view.currency])} [95 %]", whole=True),
        Column("N", right=True),
        Column("FROM × REPLICAS", wide=80),
    )
    return table(columns, rows, width) if rows else None


def token_costs(view: ExplainView) -> list[str]:
    """The same money over tokens, where the servers tell them."""
    lines = []
    for p in view.placements:
        cost = p.unit_cost
        told = [(kind, each) for kind, each in (("output", cost.output_tokens), ("input", cost.input_tokens)) if each] if cost else []
        said = " and ".join(
            f"{with_interval(each.value, each.lower, each.upper)} for 1M {kind} tokens (n {count(each.tokens)})" for kind, each in told
        )
        kept = next((each.cached for kind, each in told if kind == "input" and each.cached), None)
        if said:
            cached = f"; {count(kept)} of the input tokens were cached" if kept else ""
            lines.append(f"{p.pool}: all of the cost is {said}: two views of the same money{cached}")
    return lines


def floors(view: ExplainView) -> list[str]:
    """What is reached at the lowest load seen, where the placement was seen at one."""
    return [
        f"{p.pool}: {with_interval(p.floor.percent, p.floor.lower, p.floor.upper)} % good at {money(p.floor.requests_per_second)} requests/s and "
        f"replica, the lowest load seen (n {count(p.floor.n)}); at most {money(p.floor.most)} % at any lower one"
        for p in view.placements
        if p.floor is not None
    ]


def energy(view: ExplainView) -> list[str]:
    """What a good request draws, where it is told."""
    return [
        f"{p.pool}: {with_interval(p.energy.joules, p.energy.lower, p.energy.upper)} J a good request, "
        f"{with_interval(p.energy.watts, p.energy.watts_lower, p.energy.watts_upper)} W a replica at {money(p.energy.requests_per_second)} "
        f"requests/s ({'estimated, ' if p.energy.method == 'Estimated' else ''}n {count(p.energy.n)})"
        for p in view.placements
        if p.energy is not None
    ]


def latencies(view: ExplainView) -> list[str]:
    """How long requests take at a usual load, where that is told."""
    return [
        f"{p.pool}: {percent(p.latency.percent)} of requests within {with_interval(p.latency.milliseconds, p.latency.lower, p.latency.upper)} ms at "
        f"{money(p.latency.requests_per_second)} requests/s and replica, from half of its capacity to all of it (n {count(p.latency.n)})"
        for p in view.placements
        if p.latency is not None
    ]


def cost_basis(view: ExplainView) -> list[str]:
    """What kind of money it is that was measured."""
    shares = any(p.unit_cost is not None and p.unit_cost.basis == "Share" for p in view.placements)
    return ["cost is the share of the node's price that the replicas request (basis Share)"] if shares else []


DECIDES = {
    "Nodes": "the price of a node over the replicas that fit on it, since its nodes come and go",
    "Share": "the largest part of a node's devices, CPU or memory that a replica keeps, since its nodes stay",
    "Committed": "next to nothing, since its nodes are paid for in any case",
}


def deciding_cost(view: ExplainView) -> list[str]:
    """Which cost decides on each pool, as one sentence."""
    by_basis: dict[str, list[str]] = {}
    for row in view.pools:
        if row.cost_basis in DECIDES:
            by_basis.setdefault(row.cost_basis, []).append(row.pool)
    told = [f"{DECIDES[basis]} ({basis}: {', '.join(sorted(pools))})" for basis, pools in sorted(by_basis.items())]
    return [f"the cost that decides is what the bill changes by: a replica counts {'; '.join(told)}"] if told else []
