"""The view of `steelyard bill`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal

from steelyard.cli.facts.plain import plain
from steelyard.cli.ledger_file import Ledger
from steelyard.cli.problem import Problem
from steelyard.core.economics.bill import BillLine
from steelyard.core.economics.money import Money
from steelyard.core.economics.reconcile import reconcile
from steelyard.core.economics.reconciliation import Cause, PoolSum, Reconciliation, Row

DECIMALS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Ledger less bill, by cause; the causes sum to `total`."""

    total: Decimal
    percent: Decimal | None
    """Of the bill. Null where the bill is 0."""
    hours: Decimal
    """The node was paid for longer, or shorter, than the ledger saw it."""
    price_class: Decimal
    """The pool's price is another than the bill's before commitments."""
    commitment: Decimal
    """A commitment lowers what the bill charges for the hour."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillPool:
    """A pool's node-days that both know and the ledger has a price for."""

    pool: str
    node_days: int
    unpriced: int
    """Node-days left out, because the ledger has no price for them."""
    ledger: Decimal
    bill: Decimal
    difference: Difference
    allowed_percent: Decimal | None
    """What the price's class allows. Null: a list price or a static one never claimed to be what is paid."""
    within: bool | None
    """Null where nothing is asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BillNode:
    """One machine on one day (UTC)."""

    day: str
    resource: str
    """As bill and ledger both name it."""
    node: str | None
    """Null: the ledger does not know the machine."""
    pool: str | None
    ledger: Decimal | None
    """Null: it has no price, or does not know the machine."""
    bill: Decimal | None
    """Null: the bill does not know the machine."""
    hours: Decimal
    billed_hours: Decimal | None
    """Null where the bill does not tell."""
    difference: Difference | None
    """Null unless both have an amount."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Lines of the bill that are no node's hours."""

    kind: str
    """UnusedCommitment, BesideHours, Correction, OtherCategory, OtherResource or OtherDay."""
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """Lines in another currency, which are in no sum."""

    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BillView:
    """Money is EffectiveCost in the ledger's currency."""

    now: datetime = field(metadata={"json": False})
    currency: str
    first_day: str
    """UTC."""
    last_day: str
    agrees: bool
    """Every pool within what is allowed, and no node in one of the two only. The exit code is 0 then, else 1."""
    tag: str | None
    """By which nodes that the ledger does not know were looked for. Null: they were not."""
    pools: tuple[BillPool, ...]
    nodes: tuple[BillNode, ...]
    """All node-days, in order of machine and day."""
    rest: tuple[Rest, ...]
    foreign: tuple[Foreign, ...]
    effective: Decimal
    """Of all lines of the bill: the nodes' and the rest."""
    billed: Decimal
    """BilledCost of the same lines, which sums to the invoice."""

    @property
    def only_ledger(self) -> tuple[BillNode, ...]:
        """Node-days that the bill does not know."""
        return tuple(n for n in self.nodes if n.bill is None)

    @property
    def only_bill(self) -> tuple[BillNode, ...]:
        """Node-days that the ledger does not know."""
        return tuple(n for n in self.nodes if n.pool is None)


def compare(ledger: Ledger, lines: Iterable[BillLine], tag: str | None, since: date, until: date) -> BillView:
    """Problem where nothing can be compared."""
    key, _, value = (tag or "").partition("=")

    def ours(line: BillLine) -> bool:
        return bool(key) and key in line.tags and value in {"", line.tags[key]}

    try:
        found = reconcile(lines, ledger.records, ledger.currency, ours=ours, since=since, until=until)
    except ValueError as error:
        raise Problem(str(error), "give other days by --since and --until, or another ledger") from error
    require_currency(found)
    return _view(found, tag)


def require_currency(found: Reconciliation) -> None:
    """Problem where all of the bill is in another currency than the ledger."""
    if found.foreign and not (found.effective or found.billed):
        raise Problem(
            f"the bill is in {' and '.join(m.currency for m in found.foreign)} and the ledger in {found.currency}: nothing is converted",
            f"give prices in the bill's currency to the pools and set config.currency, or export the bill in {found.currency}",
        )


def _view(found: Reconciliation, tag: str | None) -> BillView:
    rows = sorted((*found.matched, *found.only_ledger, *found.only_bill), key=lambda r: r.key)
    days = sorted({row.key.day for row in rows})
    return BillView(
        now=datetime.now(UTC),
        currency=found.currency,
        first_day=days[0].isoformat(),
        last_day=days[-1].isoformat(),
        agrees=found.agrees,
        tag=tag,
        pools=tuple(_pool(each) for each in found.pools),
        nodes=tuple(_node(row) for row in rows),
        rest=tuple(Rest(kind=kind.value, amount=in_decimals(amount)) for kind, amount in found.left.items() if amount),
        foreign=tuple(foreign_of(each) for each in found.foreign),
        effective=in_decimals(found.effective),
        billed=in_decimals(found.billed),
    )


def _pool(each: PoolSum) -> BillPool:
    return BillPool(
        pool=plain(each.pool),
        node_days=each.node_days,
        unpriced=each.unpriced,
        ledger=in_decimals(each.ours),
        bill=in_decimals(each.theirs),
        difference=_difference(each.ours, each.theirs, each.causes),
        allowed_percent=None if each.tolerance is None else in_decimals(100 * each.tolerance),
        within=each.within,
    )


def _node(row: Row) -> BillNode:
    both = row.ours is not None and row.theirs is not None
    return BillNode(
        day=row.key.day.isoformat(),
        resource=plain(row.key.resource),
        node=plain(row.node) or None,
        pool=None if row.pool is None else plain(row.pool),
        ledger=None if row.ours is None else in_decimals(row.ours),
        bill=None if row.theirs is None else in_decimals(row.theirs),
        hours=in_decimals(row.hours),
        billed_hours=None if row.billed_hours is None else in_decimals(row.billed_hours),
        difference=_difference(row.ours or 0.0, row.theirs or 0.0, row.causes) if both else None,
    )


def _difference(ours: float, theirs: float, causes: Mapping[Cause, float]) -> Difference:
    return Difference(
        total=in_decimals(ours - theirs),
        percent=in_decimals(100 * (ours / theirs - 1)) if theirs else None,
        hours=in_decimals(causes[Cause.HOURS]),
        price_class=in_decimals(causes[Cause.PRICE_CLASS]),
        commitment=in_decimals(causes[Cause.COMMITMENT]),
    )


def foreign_of(money: Money) -> Foreign:
    """As it is told."""
    return Foreign(currency=plain(money.currency), amount=in_decimals(money.amount))


def in_decimals(value: float) -> Decimal:
    """To DECIMALS places."""
    return Decimal(repr(round(value, DECIMALS) + 0.0))
