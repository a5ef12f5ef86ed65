"""`steelyard simulate` as text: the answer first, then what it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from steelyard.cli.text.figure import UNKNOWN, count, interval, money
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.examples import ExamplesView
from steelyard.cli.view.simulation import (
    PoolBill,
    RunLine,
    RunTokens,
    SimulatedClaim,
    SimulatedEnd,
    SimulatedMove,
    SimulatedWorkload,
    SimulationView,
)

_MOST = 3
"""Pools in the answer's first line: the cheapest ones, which are the hardest to beat. All of them are in the table."""
_SAME = Decimal("0.5")
"""Percent."""
_MOVES = (Column("MOVE ENDED", whole=True), Column("FROM"), Column("TO"), Column("OUTCOME"), Column("REASON"))
_CLAIMS = (
    Column("CLAIM"),
    Column("ON POOL"),
    Column("VERDICT"),
    Column("CLAIMED", right=True),
    Column("MEASURED [98 %]", whole=True),
    Column("N", right=True),
)
_EXAMPLES = (Column("EXAMPLE", whole=True), Column("WHAT IT IS ABOUT"))


def show(console: Console, view: SimulationView) -> None:
    """One part a workload, then the nodes and the files."""
    for one in view.workloads:
        _workload(console, one, view.currency)
    console.print(table(_bills(view.currency), [_bill(each) for each in view.bills], console.width))
    console.print()
    console.print(Text(_nodes(view)))
    console.print(Text(f"seed {view.seed}, days {view.days.normalize():f}"))
    for name in view.files:
        console.print(Text(f"written: {name}"), soft_wrap=True)


def show_examples(console: Console, view: ExamplesView) -> None:
    """The list."""
    console.print(table(_EXAMPLES, [(each.name, each.about) for each in view.examples], console.width))


def _workload(console: Console, one: SimulatedWorkload, currency: str) -> None:
    console.print(Text(" ".join((f"{one.name}: {_costs(one, currency)}.", *_verdicts(one.claims))), style="bold"))
    console.print(_objective(one))
    if one.decided.node_cost is not None:
        console.print(Text(f"Whole nodes, with what stood idle: {_node_costs(one, currency)}."))
    if one.decided.tokens is not None:
        console.print(Text(_tokens(one.decided.tokens, one.decided.cost, currency)))
    console.print(Text(_ended(one.ended)))
    console.print()
    console.print(table(_runs(currency), [_run(line) for line in (one.decided, *one.alone)], console.width))
    if one.moves:
        console.print()
        console.print(table(_MOVES, [_move(move) for move in one.moves], console.width))
    if one.claims:
        console.print()
        console.print(table(_CLAIMS, [_claim(claim) for claim in one.claims], console.width))
    console.print()


# --- the answer


def _costs(one: SimulatedWorkload, currency: str) -> str:
    """as decided 245 USD, on present alone 307: saves 20 %."""
    decided = "as decided " + ("at an unknown cost" if one.decided.cost is None else f"{money(one.decided.cost)} {currency}")
    return f"{decided}, {_against([(each, each.cost, each.saving_percent) for each in one.alone])}".removesuffix(", ")


def _node_costs(one: SimulatedWorkload, currency: str) -> str:
    others = _against([(each, each.node_cost, each.node_saving_percent) for each in one.alone])
    return f"as decided {money(one.decided.node_cost)} {currency}, {others}".removesuffix(", ")


def _against(others: list[tuple[RunLine, Decimal | None, Decimal | None]]) -> str:
    """The most expensive first, by the shares."""
    known = sorted((each for each in others if each[1] is not None), key=lambda each: (each[0].cost or 0, each[0].pool), reverse=True)
    return "; ".join(
        f"on {line.pool} alone {money(cost)}{', which broke the objective' if line.objective_met is False else ''}: {_saving(percent)}"
        for line, cost, percent in known[-_MOST:]
    )


def _saving(percent: Decimal | None) -> str:
    if percent is None:
        return UNKNOWN
    if abs(percent) < _SAME:
        return "the same"
    return f"saves {percent:.0f} %" if percent > 0 else f"costs {-percent:.0f} % more"


def _verdicts(claims: tuple[SimulatedClaim, ...]) -> Iterator[str]:
    for claim in claims:
        which = "" if len(claims) == 1 else f" {claim.name} of {claim.pool}"
        measured = f": measured {_measured(claim)}" if claim.measured is not None else ": nothing was measured"
        yield f"The claim{which} ({money(claim.claimed)}) is {claim.verdict}{measured}."


def _objective(one: SimulatedWorkload) -> Text:
    missed = one.decided.missed_percent
    if missed is None:
        return Text("There were no requests, so nothing can be said of the objective.")
    verb = word("met", True) if one.decided.objective_met else word("NOT met", False)
    limits = (
        (one.objective_milliseconds, ""),
        (one.ttft_milliseconds, " to the first token"),
        (one.itl_milliseconds, " between tokens"),
    )
    longer = " or ".join(f"{limit} ms{what}" for limit, what in limits if limit is not None)
    rest = f": {missed:.2f} % of the requests took longer than {longer} or failed; "
    return Text.assemble("The objective was ", verb, rest, f"{one.allowed_percent.normalize():f} % may.")


def _tokens(tokens: RunTokens, cost: Decimal | None, currency: str) -> str:
    """With what a million generated tokens of good requests cost."""
    told = f"Tokens of answers: {count(tokens.prompt)} of prompts, {count(tokens.output)} generated, {count(tokens.good_output)} of them for good requests"
    if cost is None or not tokens.good_output:
        return f"{told}."
    return f"{told}, for {money(cost * 1_000_000 / tokens.good_output)} {currency} a million."


def _ended(end: SimulatedEnd) -> str:
    where = " and ".join(f"{each.pool} ({each.ready} replica{'' if each.ready == 1 else 's'})" for each in end.replicas)
    return f"It ended {f'on {where}' if where else 'without a ready replica'}. The last decision: {end.reason}, {end.message}."


# --- the tables


def _runs(currency: str) -> tuple[Column, ...]:
    return (
        Column("RUN", whole=True),
        Column(f"SHARE {currency}", right=True, whole=True),
        Column(f"NODES {currency}", right=True, whole=True),
        Column(f"{currency}/1K GOOD", right=True, whole=True),
        Column("MISSED", right=True, whole=True),
        Column("GOOD", right=True, whole=True),
        Column("LATE", right=True, wide=150),
        Column("SHED", right=True, wide=150),
        Column("ERRORS", right=True, wide=150),
        Column("UNSERVED", right=True, wide=150),
        Column("MOVES", right=True, whole=True),
        Column("HELD", right=True, whole=True, wide=90),
        Column("REPLICA-HOURS", wide=110),
    )


def _run(line: RunLine) -> tuple[Cell, ...]:
    missed = UNKNOWN if line.missed_percent is None else f"{line.missed_percent:.2f} %"
    return (
        "as decided" if line.pool is None else f"only {line.pool}",
        money(line.cost),
        money(line.node_cost),
        money(line.unit_cost),
        word(missed, line.objective_met),
        count(line.good),
        count(line.slow),
        count(line.shed),
        count(line.error + line.cut),
        count(line.unserved),
        count(line.moves),
        f"{line.held_minutes:.0f} min",
        ", ".join(f"{each.pool} {each.hours:.1f}" for each in line.replica_hours) or UNKNOWN,
    )


def _bills(currency: str) -> tuple[Column, ...]:
    return (
        Column("POOL"),
        Column("NODE-HOURS", right=True),
        *(Column(f"{what} {currency}", right=True, whole=True) for what in ("BILL", "SHARES", "BOOKED")),
    )


def _bill(bill: PoolBill) -> tuple[Cell, ...]:
    return bill.pool, f"{bill.node_hours:.1f}", money(bill.cost), money(bill.shares), money(bill.booked)


def _move(move: SimulatedMove) -> tuple[Cell, ...]:
    return f"{move.time:%Y-%m-%d %H:%M:%S}", move.from_pool, move.to_pool, move.outcome, move.reason


def _claim(claim: SimulatedClaim) -> tuple[Cell, ...]:
    good = {"Confirmed": True, "Refuted": False}.get(claim.verdict)
    measured = UNKNOWN if claim.measured is None else _measured(claim)
    return claim.name, claim.pool, word(claim.verdict, good), money(claim.claimed), measured, count(claim.n)


def _measured(claim: SimulatedClaim) -> str:
    return f"{money(claim.measured)} {interval(claim.lower, claim.upper, claim.measured)}".strip()


def _standing(view: SimulationView) -> str:
    standing = " and ".join(f"{each.nodes} of {each.pool}" for each in view.standing_nodes)
    return f" ({standing} stand from the start and are paid all the time)" if standing else ""


def _nodes(view: SimulationView) -> str:
    """What the nodes' bill is made of."""
    whole = f"nodes: {money(view.node_hours)} hours"
    shares = [one.decided.cost for one in view.workloads]
    if view.node_cost is None or view.node_starting_cost is None or view.node_empty_cost is None or None in shares:
        return f"{whole}, at a cost that is not known"
    used = sum((cost for cost in shares if cost is not None), Decimal(0))
    rest = view.node_cost - used - view.node_starting_cost - view.node_empty_cost
    parts = (
        (used, "for the replicas' shares of them"),
        (view.node_empty_cost, f"for nodes on which no replica was{_standing(view)}"),
        (view.node_starting_cost, "for nodes that started"),
        (rest, "for room beside the replicas that none of them took"),
    )
    told = ", ".join(f"{money(cost)} {what}" for cost, what in parts if cost > view.node_cost / 1000)
    return f"{whole}, {money(view.node_cost)} {view.currency}: {told}"
