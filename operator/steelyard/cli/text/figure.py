"""Figures for people. None is `-`: it is not known, and never 0."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal

from steelyard.cli.unit import GOOD, unit_of
from steelyard.core.facts.price import AHEAD

UNKNOWN = "-"
DIGITS = 3


def money(value: Decimal | None) -> str:
    """Three significant digits, never in scientific notation."""
    if value is None:
        return UNKNOWN
    return _rounded(value, _places(value))


def to_the_cent(value: Decimal | None) -> str:
    """To the hundredth at least: sums are added up and compared to it."""
    return money(value) if value is None or 0 < abs(value) < 1 else f"{value:,.2f}"


def exact(value: Decimal | None) -> str:
    """As it was given: a price is no measurement."""
    return UNKNOWN if value is None else f"{value:,f}"


def unit_cost(currencies: Iterable[str | None], units: Iterable[str | None] = ()) -> str:
    """The head of a column of costs, with their currency. Where they are for different units each says its own (`in_unit`)."""
    kinds = {unit_of(each).head for each in units} or {GOOD.head}
    return f"{_common(currencies) or 'COST'}/{kinds.pop() if len(kinds) == 1 else 'UNIT'}"


def in_unit(figure: str, unit: str, among: Iterable[str]) -> str:
    """A cost in a column of several units."""
    return f"{figure} /{unit_of(unit).head.lower()}" if figure != UNKNOWN and len({unit_of(each) for each in among}) > 1 else figure


def node_price(currencies: Iterable[str | None]) -> str:
    """The head of a column of prices."""
    return f"NODE {_common(currencies) or 'PRICE'}/H"


def _common(currencies: Iterable[str | None]) -> str | None:
    """None where nobody says it, as an older operator does, and where two installations count in two."""
    found = [*{each for each in currencies if each is not None}]
    return found[0] if len(found) == 1 else None


def interval(lower: Decimal | None, upper: Decimal | None, like: Decimal | None) -> str:
    """[lower, upper] with the decimals of the figure that they belong to; empty when neither is known, or both are the same figure: no width
    is no interval."""
    if lower is None and upper is None:
        return ""
    places = _places(like or upper or lower or Decimal(0))
    ends = [UNKNOWN if end is None else _rounded(end, places) for end in (lower, upper)]
    return f"[{ends[0]}, {ends[1]}]" if ends[0] != ends[1] else ""


def with_interval(value: Decimal | None, lower: Decimal | None, upper: Decimal | None) -> str:
    """value [lower, upper]."""
    return f"{money(value)} {interval(lower, upper, value)}".strip()


def count(value: int | None) -> str:
    """With separators."""
    return UNKNOWN if value is None else f"{value:,}"


def percent(value: Decimal | None) -> str:
    """As given."""
    return UNKNOWN if value is None else f"{value.normalize():f} %"


def milliseconds(value: Decimal | int | None) -> str:
    """From 10 s on in seconds."""
    if value is None:
        return UNKNOWN
    if value >= 10_000:
        return f"{_rounded(Decimal(value) / 1000, 1)} s"
    return f"{_rounded(Decimal(value), 0 if value >= 100 or value == int(value) else 1)} ms"


def duration(seconds: float) -> str:
    """The largest unit that leaves one digit or more: 45s, 12m, 5h, 3d. As kubectl's ages."""
    whole = max(0, int(seconds))
    for unit, length in (("d", 86400), ("h", 3600), ("m", 60)):
        if whole >= 2 * length or (unit == "d" and whole >= length):
            return f"{whole // length}{unit}"
    return f"{whole}s"


def age(then: datetime | None, now: datetime) -> str:
    """Since then."""
    return UNKNOWN if then is None else duration((now - then).total_seconds())


def price_age(as_of: datetime | None, now: datetime) -> str:
    """Since it was read; a day to come is said to come."""
    return "of a day to come" if as_of is not None and as_of - now > AHEAD else age(as_of, now)


def ago(then: datetime | None, now: datetime) -> str:
    """`12m ago`, `in 5m`, or `at an unknown time`. Less than a second ahead is the difference of two clocks."""
    if then is None:
        return "at an unknown time"
    seconds = (now - then).total_seconds()
    return f"{duration(seconds)} ago" if seconds > -1 else f"in {duration(-seconds)}"


def replicas(ready: int | None, wanted: int | None) -> str:
    """ready/wanted."""
    return UNKNOWN if ready is None and wanted is None else f"{count(ready)}/{count(wanted)}"


def basis(word: str | None, n: int | None) -> str:
    """measured n=12,345; a claim has no n."""
    if word is None:
        return UNKNOWN
    return word.lower() if word == "Claimed" or n is None else f"{word.lower()} n={n:,}"


def _places(value: Decimal) -> int:
    return 0 if value == 0 else max(0, DIGITS - 1 - value.adjusted())


def _rounded(value: Decimal, places: int) -> str:
    return format(value.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_EVEN), "f")
