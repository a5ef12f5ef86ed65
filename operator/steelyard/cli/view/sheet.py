"""A report for a spreadsheet: a row a pool, of a trial a row a pool and load, and units in the heads. What is true of a pool stands in all of its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias, TypeVar

from steelyard.cli.facts.pool import Price
from steelyard.cli.unit import GOOD, unit_of
from steelyard.cli.view.hour import HourRow
from steelyard.cli.view.month import HOURS_A_MONTH, MonthRow
from steelyard.cli.view.period import PeriodBill, PeriodRow, PeriodView
from steelyard.cli.view.pool_row import PoolRow
from steelyard.cli.view.report import ReportView
from steelyard.cli.view.trial_report import TrialReportView
from steelyard.status.read.trial import PRESENT, TrialLength, TrialPool, TrialStep

Value: TypeAlias = Decimal | datetime | int | str | None
Of = TypeVar("Of")
Part = TypeVar("Part")
Read: TypeAlias = Callable[[Of], Value]
"""One cell of a row; None where it is not known."""
Bounds: TypeAlias = tuple[Decimal | None, Decimal | None, Decimal | None]
"""A figure with the ends of its interval."""
NONE: Bounds = (None, None, None)
Columns: TypeAlias = Sequence[tuple[str, Read[Of]]]


@dataclass(frozen=True, slots=True)
class Sheet:
    """Cells are text, empty where nothing is known."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class _Now:
    """A workload on a pool."""

    pool: PoolRow
    month: MonthRow | None


@dataclass(frozen=True, slots=True)
class _Tried:
    """A trial on a pool at a load, where there is one, or at another length."""

    pool: TrialPool
    step: TrialStep | None
    hour: HourRow | None
    unit: str
    length: TrialLength | None = None

    @property
    def found(self) -> TrialPool | TrialLength:
        """What has a capacity and a cost."""
        return self.pool if self.length is None else self.length


def report_sheet(view: ReportView) -> Sheet:
    """Of a workload: what its load of now costs on each pool; with a ledger, what its nodes cost on each pool over the days, and together."""
    told = view.explanation
    if view.period is not None:
        return _sheet(_of_days(view.period), (*view.period.pools, view.period.together))
    months = {row.pool: row for row in view.month.pools} if view.month else {}
    return _sheet(_of_now(told.currency or "money", unit_of(told.unit).whole), (_Now(row, months.get(row.pool)) for row in told.pools))


def _factor(at: _Tried) -> Decimal | None:
    """Empty where nothing was measured."""
    if at.length is not None:
        return at.length.factor
    return None if at.pool.capacity is None else PRESENT


_WHERE: Columns[_Tried] = (
    ("pool", lambda at: at.pool.pool),
    ("lengths (of the workload's)", _factor),
)


def trial_sheet(view: TrialReportView) -> Sheet:
    """A pool without steady loads has one row, and one more for each other length that was asked for."""
    told, hours = view.trial, {(each.pool, each.load): each for each in view.hours}

    def rows() -> Iterator[_Tried]:
        for pool in told.pools:
            for step in pool.steps or (None,):
                hour = None if step is None or step.load is None else hours.get((pool.pool, step.load))
                yield _Tried(pool, step, hour, told.unit)
            for length in pool.lengths:
                yield _Tried(pool, None, None, told.unit, length)

    money = told.currency or "money"
    others = [column for unit in told.other_units for column in _in_unit(money, unit)]
    return _sheet((*_WHERE, *_of_load(money), *_of_pool(money, unit_of(told.unit).whole), *others), rows())


def _of_now(money: str, unit: str) -> Columns[_Now]:
    return (
        ("pool", lambda at: at.pool.pool),
        ("in use", lambda at: "yes" if at.pool.used else "no"),
        ("replicas needed", lambda at: at.pool.replicas),
        (f"cost ({money}/hour)", lambda at: at.pool.cost_per_hour),
        *_interval(f"cost ({money} for {unit})", _now_cost),
        ("basis of the cost", lambda at: at.pool.basis),
        ("good requests behind it", lambda at: at.pool.n),
        ("within the objective (%)", lambda at: at.pool.good_percent),
        ("p50 (ms)", lambda at: at.pool.p50_milliseconds),
        ("p95 (ms)", lambda at: at.pool.p95_milliseconds),
        ("p99 (ms)", lambda at: at.pool.p99_milliseconds),
        ("accuracy", lambda at: None if at.pool.accuracy is None else at.pool.accuracy.value),
        ("measure of the accuracy", lambda at: None if at.pool.accuracy is None else at.pool.accuracy.measure),
        (f"node price ({money}/hour)", _part(_price, lambda price: price.value)),
        ("class of the price", _part(_price, lambda price: price.price_class)),
        ("price of", _part(_price, lambda price: price.as_of)),
        ("source of the price", _part(_price, lambda price: price.source)),
        (f"cheapest below a node price of ({money}/hour)", lambda at: at.pool.cheapest_below),
        *_interval(f"a month ({money})", _month),
    )


def _of_days(period: PeriodView) -> Columns[PeriodRow]:
    money = period.currency
    return (
        ("pool", lambda at: at.pool or "together"),
        ("first day (UTC)", lambda _: period.first_day),
        ("last day (UTC)", lambda _: period.last_day),
        ("node-days", lambda at: at.node_days),
        ("node-days without a price, left out", lambda at: at.unpriced),
        ("hours of nodes (h)", lambda at: at.hours),
        (f"used by the workload ({money})", lambda at: at.used),
        (f"idle ({money})", lambda at: at.idle),
        (f"start of nodes ({money})", lambda at: at.start),
        (f"moves and explorations ({money})", lambda at: at.moves),
        (f"trials and exit drills ({money})", lambda at: at.trials),
        (f"agents and compiles ({money})", lambda at: at.shared),
        (f"other workloads ({money})", lambda at: at.other_workloads),
        (f"pods of somebody else ({money})", lambda at: at.others),
        (f"not told ({money})", lambda at: at.untold),
        (f"sum ({money})", lambda at: at.ledger),
        (f"of it not in the bill ({money})", _part(_period_bill, lambda bill: bill.missing)),
        ("hours billed (h)", _part(_period_bill, lambda bill: bill.hours)),
        (f"billed ({money})", _part(_period_bill, lambda bill: bill.amount)),
        (f"unexplained rest ({money})", _part(_period_bill, lambda bill: bill.rest)),
        ("unexplained rest (% of the billed)", _part(_period_bill, lambda bill: bill.rest_percent)),
    )


def _period_bill(at: PeriodRow) -> PeriodBill | None:
    return at.bill


def _of_load(money: str) -> Columns[_Tried]:
    return (
        ("load (requests/s)", _part(_step, lambda step: step.load)),
        ("load (of the workload's)", _part(_step, lambda step: step.of_present)),
        ("replicas", _part(_step, lambda step: step.replicas)),
        ("requests sent", _part(_step, lambda step: step.requests)),
        ("within the objective (%)", _part(_step, lambda step: step.good_percent)),
        ("p50 (ms)", _part(_step, lambda step: step.p50_milliseconds)),
        ("p95 (ms)", _part(_step, lambda step: step.p95_milliseconds)),
        ("p99 (ms)", _part(_step, lambda step: step.p99_milliseconds)),
        (f"cost at this load ({money} for {GOOD.whole})", _part(_step, lambda step: step.unit_cost)),
        (f"cost at this load ({money}/hour)", _part(_hour, lambda hour: hour.money)),
        (f"cost at this load ({money}/month)", _part(_hour, lambda hour: None if hour.money is None else hour.money * HOURS_A_MONTH)),
        ("of it spare (%)", _part(_hour, lambda hour: None if hour.spare is None else 100 * hour.spare)),
        ("energy (J/good request)", _part(_step, lambda step: step.joules_per_request)),
    )


def _of_pool(money: str, unit: str) -> Columns[_Tried]:
    return (
        *_interval("capacity of a replica (good requests/s)", _capacity),
        ("basis of the capacity", lambda at: at.found.capacity_basis),
        ("good requests behind it", lambda at: at.found.capacity_requests if at.found.capacity is not None else None),
        ("completed by a replica at most (requests/s)", _full),
        *_interval(f"cost where the objective is just kept ({money} for {unit})", _cost),
        (f"price of a replica ({money}/hour)", lambda at: at.pool.price_per_hour),
        ("class of the price", lambda at: at.pool.price_class),
        ("start (s)", lambda at: at.pool.start_seconds),
        ("compile (s)", lambda at: at.pool.compile_seconds),
        (f"spent by the trial ({money})", lambda at: at.pool.spent),
    )


def _in_unit(money: str, unit: str) -> Columns[_Tried]:
    """The same money by another unit than the workload's."""
    each = unit_of(unit)

    def cost(at: _Tried) -> Bounds:
        return _cost_by(at, unit)

    return (
        *_interval(f"cost where the objective is just kept ({money} for {each.whole})", cost),
        (f"{each.counted} behind this cost", lambda at: at.found.unit_cost.behind(unit) if at.found.unit_cost else None),
    )


def _price(at: _Now) -> Price | None:
    return at.pool.price


def _now_cost(at: _Now) -> Bounds:
    return at.pool.unit_cost, at.pool.lower, at.pool.upper


def _month(at: _Now) -> Bounds:
    return (at.month.money, at.month.lower, at.month.upper) if at.month else NONE


def _step(at: _Tried) -> TrialStep | None:
    return at.step


def _hour(at: _Tried) -> HourRow | None:
    return at.hour


def _full(at: _Tried) -> Decimal | None:
    return at.found.saturation.per_replica if at.found.saturation else None


def _capacity(at: _Tried) -> Bounds:
    return at.found.capacity, at.found.capacity_lower, at.found.capacity_upper


def _cost(at: _Tried) -> Bounds:
    return _cost_by(at, at.unit)


def _cost_by(at: _Tried, unit: str) -> Bounds:
    cost = at.found.unit_cost.by(unit) if at.found.unit_cost else None
    return (cost.value, cost.lower, cost.upper) if cost else NONE


def _part(of: Callable[[Of], Part | None], read: Read[Part]) -> Read[Of]:
    """Of something that may not be there."""

    def found(at: Of) -> Value:
        part = of(at)
        return None if part is None else read(part)

    return found


def _interval(head: str, read: Callable[[Of], Bounds]) -> Columns[Of]:
    """Three columns."""
    return tuple((f"{head}{end}", lambda at, place=place: read(at)[place]) for place, end in enumerate(("", ", lower", ", upper")))


def _sheet(columns: Columns[Of], rows: Iterable[Of]) -> Sheet:
    return Sheet(tuple(head for head, _ in columns), tuple(tuple(_cell(read(row)) for _, read in columns) for row in rows))


def _cell(value: Value) -> str:
    """As text. What begins as a formula would is none in a spreadsheet."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat()
    said = "" if value is None else str(value)
    return f"'{said}" if said[:1] in {"=", "+", "@", "-"} else said
