"""What came of comparing the ledger with a bill: node-days matched, what only one of them knows, and the difference by cause.

Compared is EffectiveCost: after discounts and commitments, amortised (FOCUS). It is what a machine's hour costs, and need not match the
invoice of a period. Every line of the bill is accounted for exactly once, on a node or in what is left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import NamedTuple

from steelyard.core.economics.money import Money
from steelyard.core.facts.price import PriceClass

TOLERANCE: Mapping[PriceClass, float] = {PriceClass.EFFECTIVE: 0.02, PriceClass.CONTRACTED: 0.05, PriceClass.SPOT_MARKET: 0.05}
"""Of the bill, by which the ledger may be off. A list price or a static one never claimed to be what is paid."""


class Cause(StrEnum):
    """Why ledger and bill differ on a node-day. The parts sum to the difference."""

    HOURS = "Hours"
    """The node was paid for longer, or shorter, than the ledger saw it: it boots before it joins, and a minute is often the least."""
    PRICE_CLASS = "PriceClass"
    """The pool's price is another than the bill's before commitments: a list price beside a contract, or an old one."""
    COMMITMENT = "CommitmentDiscount"
    """A commitment lowers what the bill charges for the hour."""


class NotANode(StrEnum):
    """Lines of the bill that are compared with nothing."""

    UNUSED_COMMITMENT = "UnusedCommitment"
    """A commitment or a reservation that nothing used: overhead, and no model's."""
    BESIDE_HOURS = "BesideHours"
    """What a node is charged beside its hours, such as traffic."""
    CORRECTION = "Correction"
    """Of an earlier bill."""
    OTHER_CATEGORY = "OtherCategory"
    """Purchases, taxes, credits and adjustments."""
    OTHER_RESOURCE = "OtherResource"
    """Usage of what is in no pool."""
    OTHER_DAY = "OtherDay"
    """Usage on days of which the ledger has no record."""


class NodeDay(NamedTuple):
    """A machine and a day (UTC)."""

    resource: str
    day: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One node-day. Money in the ledger's currency. `pool` None: the ledger does not know the machine. `ours` None: it has no price for it.
    `theirs` None: the bill does not know it."""

    key: NodeDay
    node: str
    pool: str | None
    price_class: PriceClass | None
    ours: float | None
    theirs: float | None
    hours: float
    billed_hours: float | None
    causes: Mapping[Cause, float]

    @property
    def difference(self) -> float | None:
        """Ledger less bill; None unless both are known."""
        return None if self.ours is None or self.theirs is None else self.ours - self.theirs


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSum:
    """The node-days of one pool that both know, without the `unpriced` ones. `tolerance` None: its prices never claimed to be the bill's."""

    pool: str
    node_days: int
    unpriced: int
    ours: float
    theirs: float
    causes: Mapping[Cause, float]
    tolerance: float | None

    @property
    def ratio(self) -> float | None:
        """Ledger over bill; None where the bill is 0."""
        return self.ours / self.theirs if self.theirs else None

    @property
    def within(self) -> bool | None:
        """Whether the ledger is as near as it must be; None where nothing is asked of it."""
        return None if self.tolerance is None else abs(self.ours - self.theirs) <= self.tolerance * abs(self.theirs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """What came of it. `matched`, `only_ledger`, `only_bill` in order of machine and day. `left`: money of the bill's other lines.
    `foreign`: lines in other currencies, which are in no sum. `billed`: BilledCost of all lines, which is the invoice's side."""

    currency: str
    pools: tuple[PoolSum, ...]
    matched: tuple[Row, ...]
    only_ledger: tuple[Row, ...]
    only_bill: tuple[Row, ...]
    left: Mapping[NotANode, float]
    foreign: tuple[Money, ...]
    effective: float
    billed: float

    @property
    def agrees(self) -> bool:
        """Every pool within its tolerance, and no node that only one of them knows."""
        return not self.only_ledger and not self.only_bill and all(pool.within is not False for pool in self.pools)
