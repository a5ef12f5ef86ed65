"""`steelyard bill` as text."""

from __future__ import annotations

from decimal import Decimal

from rich.console import Console
from rich.text import Text

from steelyard.cli.text.figure import UNKNOWN, count, percent, to_the_cent
from steelyard.cli.text.table import Cell, Column, table, word
from steelyard.cli.view.bill import BillNode, BillPool, BillView

SHOWN = 10
"""Node-days of a list; all of them are in the JSON."""

_POOLS = (
    Column("POOL"),
    Column("NODE-DAYS", right=True),
    Column("LEDGER", right=True),
    Column("BILL", right=True),
    Column("DIFFERENCE", right=True, whole=True),
    Column("HOURS", right=True, wide=110),
    Column("PRICE CLASS", right=True, wide=110),
    Column("COMMITMENT", right=True, wide=110),
    Column("ALLOWED", whole=True),
)
_NODES = (
    Column("DAY"),
    Column("RESOURCE"),
    Column("NODE", wide=120),
    Column("POOL", wide=80),
    Column("HOURS", right=True),
    Column("AMOUNT", right=True),
)
_LEFT = (Column(""), Column("AMOUNT", right=True))
_REST = {
    "UnusedCommitment": "commitments that nothing used; overhead, and no model's",
    "BesideHours": "what nodes are charged beside their hours",
    "Correction": "corrections of earlier bills",
    "OtherCategory": "purchases, taxes, credits, adjustments",
    "OtherResource": "what is in no pool",
    "OtherDay": "nodes on days without a record in the ledger",
}


def show(console: Console, view: BillView) -> None:
    """Pools; then what only one of the two knows; then where the rest of the bill is; the verdict last."""
    console.print(Text(f"ledger and bill, {view.first_day} to {view.last_day} (UTC), effective cost in {view.currency}", style="bold"))
    console.print()
    pools = [_pool(pool) for pool in view.pools if pool.node_days]
    console.print(table(_POOLS, pools, console.width) if pools else Text("No node-day is in both with a price."))
    for pool in view.pools:
        if pool.unpriced:
            console.print(Text(f"hint: the ledger has no price for {node_days(pool.unpriced)} of {pool.pool}, left out above"))
    _list(console, "only in the ledger", view.only_ledger, "bills come late; else compare how both name the machine")
    _list(console, "only in the bill", view.only_bill, "nodes that no pool selects, or of a time without an operator")
    console.print(
        Text(f"\nthe whole bill: {to_the_cent(view.effective)} effective, {to_the_cent(view.billed)} billed; of it are no hours of nodes:")
    )
    rows: list[tuple[Cell, ...]] = [(f"  {_REST[each.kind]}", to_the_cent(each.amount)) for each in view.rest]
    rows += [(f"  in {each.currency}, which is in no sum", f"{to_the_cent(each.amount)} {each.currency}") for each in view.foreign]
    console.print(table(_LEFT, rows, console.width) if rows else Text("  nothing"))
    console.print()
    if view.tag is None:
        console.print(Text("hint: nodes that the ledger does not know were not looked for; --tag KEY[=VALUE] finds them"))
    console.print(_verdict(view))


def _verdict(view: BillView) -> Text:
    if not view.agrees:
        return word("the ledger does not agree with the bill", False)
    if any(pool.within is None for pool in view.pools):
        return word("the ledger agrees with the bill where its prices claim to be what is paid", None)
    return word("the ledger agrees with the bill", True)


def _pool(pool: BillPool) -> tuple[Cell, ...]:
    difference = pool.difference
    return (
        pool.pool,
        count(pool.node_days),
        to_the_cent(pool.ledger),
        to_the_cent(pool.bill),
        f"{_signed(difference.total)} {_percent(difference.percent)}".strip(),
        _signed(difference.hours),
        _signed(difference.price_class),
        _signed(difference.commitment),
        _allowed(pool),
    )


def _allowed(pool: BillPool) -> Text:
    if pool.within is None:
        return Text("not judged")
    return word(f"{percent(pool.allowed_percent)}: {'within' if pool.within else 'exceeded'}", pool.within)


def _list(console: Console, title: str, nodes: tuple[BillNode, ...], todo: str) -> None:
    if not nodes:
        return
    amounts = [n.ledger if n.bill is None else n.bill for n in nodes]
    total = sum((a for a in amounts if a is not None), Decimal(0))
    console.print(Text(f"\n{title}: {to_the_cent(total)} in {node_days(len(nodes))} ({todo})"))
    order = sorted(zip(nodes, amounts, strict=True), key=lambda each: (-(each[1] or 0), each[0].resource, each[0].day))
    rows: list[tuple[Cell, ...]] = [
        (
            node.day,
            node.resource,
            node.node or UNKNOWN,
            node.pool or UNKNOWN,
            f"{node.hours if node.bill is None else node.billed_hours or 0:.1f}",
            to_the_cent(amount),
        )
        for node, amount in order[:SHOWN]
    ]
    console.print(table(_NODES, rows, console.width))
    if len(nodes) > SHOWN:
        console.print(Text(f"and {count(len(nodes) - SHOWN)} more; -o json has all"))


def node_days(number: int) -> str:
    """With the word."""
    return f"{count(number)} node-day{'' if number == 1 else 's'}"


def _signed(value: Decimal) -> str:
    return f"+{to_the_cent(value)}" if value > 0 else to_the_cent(value)


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f"({value:+.1f} %)"
