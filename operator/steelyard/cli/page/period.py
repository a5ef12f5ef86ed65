"""What a workload's nodes cost over some days: what for, the sum, the bill, and what is not explained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeAlias
from xml.etree.ElementTree import Element

from steelyard.cli.page.element import element, listed, table
from steelyard.cli.text.bill import node_days
from steelyard.cli.text.figure import UNKNOWN, to_the_cent
from steelyard.cli.view.period import PeriodBill, PeriodRow, PeriodView
from steelyard.core.economics.period import HOURS_A_DAY

Read: TypeAlias = Callable[[PeriodRow], Decimal | None]
PARTS: tuple[tuple[str, Read], ...] = (
    ("Used by the workload", lambda row: row.used),
    ("Idle: nobody asked for it", lambda row: row.idle),
    ("Start: nodes before they were ready", lambda row: row.start),
    ("Moves and explorations", lambda row: row.moves),
    ("Trials and exit drills", lambda row: row.trials),
    ("Agents of the nodes, and compiles", lambda row: row.shared),
    ("Other workloads", lambda row: row.other_workloads),
    ("Pods of somebody else", lambda row: row.others),
    ("Not told, by an earlier version", lambda row: row.untold),
)
ALWAYS = 5
"""Lines of PARTS that are there even where all of it is 0."""


def period(of: PeriodView | None) -> Element | None:
    """A column a pool, and one for all where there are several. None without a ledger."""
    if of is None:
        return None
    rows = (*of.pools, of.together) if len(of.pools) > 1 else of.pools
    heads = (f"{of.currency}, {of.first_day} to {of.last_day} (UTC)", *(row.pool or "Together" for row in rows))
    said = "What the nodes that it ran on cost: price times hours of each machine on each day on which it had a part of it"
    return element("div", table(heads, list(_lines(rows)), said), listed(_notes(of)))


def _lines(rows: tuple[PeriodRow, ...]) -> Iterator[tuple[str, ...]]:
    yield ("Hours of nodes", *(f"{row.hours:,.1f}" for row in rows))
    yield ("Price of an hour, in the mean", *(to_the_cent(row.ledger / row.hours if row.hours else None) for row in rows))
    for number, (what, read) in enumerate(PARTS):
        if number < ALWAYS or any(read(row) for row in rows):
            yield (what, *(to_the_cent(read(row)) for row in rows))
    yield ("Sum", *(to_the_cent(row.ledger) for row in rows))
    bills = [row.bill for row in rows if row.bill is not None]
    if bills:
        yield from _bill(bills)


def _bill(bills: list[PeriodBill]) -> Iterator[tuple[str, ...]]:
    if any(bill.missing for bill in bills):
        yield ("Of it not in the bill", *(to_the_cent(bill.missing) for bill in bills))
    yield ("Hours billed", *(UNKNOWN if bill.hours is None else f"{bill.hours:,.1f}" for bill in bills))
    yield ("Billed", *(to_the_cent(bill.amount) for bill in bills))
    yield ("Unexplained rest", *(f"{to_the_cent(bill.rest)}{_percent(bill.rest_percent)}" for bill in bills))


def _percent(value: Decimal | None) -> str:
    return "" if value is None else f" ({value:+.1f} %)"


def _notes(of: PeriodView) -> Iterator[str]:
    """What is missing of the days, and why the bill differs."""
    for gap in of.gaps:
        said = f"{gap.day}: the ledger has no record for {gap.hours:.1f} of 24 hours: no pool had a node, or no operator led"
        whole = gap.hours >= HOURS_A_DAY and of.together.bill is not None
        yield f"{said}; what the bill has for that day is in no figure here" if whole else said
    for other in of.foreign:
        yield f"the bill has {to_the_cent(other.amount)} {other.currency} besides, which are not converted and in no figure here"
    for row in of.pools:
        if row.unpriced:
            yield f"{row.pool}: {node_days(row.unpriced)} left out, because the ledger has no price there"
        if row.bill is not None and row.bill.rest:
            yield (
                f"{row.pool}: of the rest {to_the_cent(row.bill.rest_hours)} are other hours than the ledger saw, {to_the_cent(row.bill.rest_price_class)} "
                f"another price before commitments, {to_the_cent(row.bill.rest_commitment)} commitments"
            )
