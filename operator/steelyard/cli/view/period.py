"""What the nodes of a workload cost over some days, as the ledger and the bill have it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from steelyard.cli.facts.plain import plain
from steelyard.cli.ledger_file import Ledger
from steelyard.cli.problem import Problem
from steelyard.cli.view.bill import Foreign, foreign_of, in_decimals, require_currency
from steelyard.core.economics.bill import BillLine
from steelyard.core.economics.period import Billed, PoolPeriod, Purpose, period
from steelyard.core.economics.reconciliation import Cause

NONE = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodBill:
    """The bill's EffectiveCost of the same machines on the same days."""

    amount: Decimal
    hours: Decimal | None
    """Null where the bill does not tell."""
    missing: Decimal
    """Money of the ledger for machines and days that the bill does not have: nothing is compared with it."""
    rest: Decimal
    """What the ledger does not explain: the amount less the ledger's money for the same machines and days. Negative where that is more."""
    rest_percent: Decimal | None
    """Of the amount. Null where the amount is 0."""
    rest_hours: Decimal
    """Of the rest: other hours than the ledger saw."""
    rest_price_class: Decimal
    """Of the rest: another price before commitments."""
    rest_commitment: Decimal
    """Of the rest: commitments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodRow:
    """Money of the ledger. `used` to `untold` sum to `ledger`."""

    pool: str | None
    """Null: all pools together."""
    node_days: int
    """Machines times days (UTC) on which the workload had a part of the machine, and whose price is known."""
    unpriced: int
    """Node-days left out, because the ledger has no price for them."""
    hours: Decimal
    """Of these nodes, as the ledger saw them."""
    used: Decimal
    """By the workload's own pods."""
    idle: Decimal
    """Part of ready nodes that nobody asked for."""
    start: Decimal
    """Nodes before they were ready."""
    moves: Decimal
    """Pods that only a move or an exploration of the workload needed."""
    trials: Decimal
    """Pods of its AcceleratorTrials and exit drills."""
    shared: Decimal
    """Agents of the nodes, and compiles."""
    other_workloads: Decimal
    others: Decimal
    """Pods of somebody else."""
    untold: Decimal
    """Of records that do not say what for: an operator of an earlier version wrote them."""
    ledger: Decimal
    """The sum: price times hours."""
    bill: PeriodBill | None
    """Null without a bill."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Hours of a day (UTC) of which the ledger has no record of any node."""

    day: str
    hours: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class PeriodView:
    """Of the nodes that the workload ran on."""

    currency: str
    first_day: str
    """UTC."""
    last_day: str
    pools: tuple[PeriodRow, ...]
    together: PeriodRow
    gaps: tuple[Gap, ...]
    foreign: tuple[Foreign, ...]
    """Money of the bill in other currencies, which is compared with nothing."""


def period_view(ledger: Ledger, bill: Iterable[BillLine] | None, workload: str, since: date, until: date) -> PeriodView:
    """workload: NAMESPACE/NAME. Problem where the ledger has nothing of it, or the bill nothing in the ledger's currency."""
    try:
        found = period(ledger.records, workload, bill=None if bill is None else (bill, ledger.currency), since=since, until=until)
    except ValueError as error:
        raise Problem(
            str(error),
            "give a log of days on which it ran, of an operator of this version: its records of nodes' costs have the field `parts`",
        ) from error
    if found.bill is not None:
        require_currency(found.bill)
    return PeriodView(
        currency=ledger.currency,
        first_day=found.first.isoformat(),
        last_day=found.last.isoformat(),
        pools=tuple(_row(each) for each in found.pools),
        together=_row(found.together),
        gaps=tuple(Gap(day=day.isoformat(), hours=in_decimals(hours)) for day, hours in sorted(found.gaps.items())),
        foreign=() if found.bill is None else tuple(map(foreign_of, found.bill.foreign)),
    )


def _row(of: PoolPeriod) -> PeriodRow:
    money = {purpose: in_decimals(value) for purpose, value in of.money.items()}
    return PeriodRow(
        pool=None if of.pool is None else plain(of.pool),
        node_days=of.node_days,
        unpriced=of.unpriced,
        hours=in_decimals(of.hours),
        used=money[Purpose.USED],
        idle=money[Purpose.IDLE],
        start=money[Purpose.START],
        moves=money[Purpose.MOVES],
        trials=money[Purpose.TRIALS],
        shared=money[Purpose.SHARED],
        other_workloads=money[Purpose.OTHER_WORKLOADS],
        others=money[Purpose.OTHERS],
        untold=money[Purpose.UNTOLD],
        ledger=sum(money.values(), NONE),
        bill=None if of.billed is None else _bill(of.billed),
    )


def _bill(of: Billed) -> PeriodBill:
    amount = in_decimals(of.money)
    rest = in_decimals(of.money - of.ledger)
    return PeriodBill(
        amount=amount,
        hours=None if of.hours is None else in_decimals(of.hours),
        missing=in_decimals(of.missing),
        rest=rest,
        rest_percent=_percent(rest, amount),
        rest_hours=in_decimals(-of.causes[Cause.HOURS]),
        rest_price_class=in_decimals(-of.causes[Cause.PRICE_CLASS]),
        rest_commitment=in_decimals(-of.causes[Cause.COMMITMENT]),
    )


def _percent(rest: Decimal, amount: Decimal) -> Decimal | None:
    return in_decimals(float(100 * rest / amount)) if amount else None
