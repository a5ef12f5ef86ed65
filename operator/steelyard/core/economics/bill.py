"""One line of a bill in the FinOps Open Cost and Usage Specification (FOCUS 1.0 and later), and which machine it speaks of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from steelyard.core.economics.money import Money

COLUMNS = ("BilledCost", "EffectiveCost", "BillingCurrency", "ChargeCategory", "ChargePeriodStart", "ChargePeriodEnd", "ResourceId")
"""Without these nothing can be compared."""
MORE_COLUMNS = (
    "ChargeClass",
    "ContractedCost",
    "CommitmentDiscountStatus",
    "CapacityReservationStatus",
    "ConsumedQuantity",
    "ConsumedUnit",
    "PricingQuantity",
    "PricingUnit",
    "Tags",
)
"""With these the difference can be explained."""

_TIME = re.compile(r"hour|hrs?\b|second|minute", re.IGNORECASE)
_PLAIN = {"hour": 1.0, "hours": 1.0, "hr": 1.0, "hrs": 1.0, "minute": 1 / 60, "minutes": 1 / 60, "second": 1 / 3600, "seconds": 1 / 3600}


@dataclass(frozen=True, slots=True, kw_only=True)
class BillLine:
    """One charge. `resource`: a machine's key, None where the charge names none. Amounts in the line's own currency.

    `contracted`: before commitment discounts; None where the provider does not tell. `timed`: charged by time, as a machine is and its
    traffic is not. `hours`: how many, where the unit is time alone and not core-hours.
    """

    resource: str | None
    start: datetime
    end: datetime
    effective: Money
    billed: Money
    contracted: Money | None
    category: str
    correction: bool
    unused: bool
    timed: bool
    hours: float | None
    tags: Mapping[str, str]


def bill_line(row: Mapping[str, Any]) -> BillLine:
    """From a row of a FOCUS export: text, or the types of a Parquet file. ValueError names the column that cannot be read."""
    start, end = _moment(row, "ChargePeriodStart"), _moment(row, "ChargePeriodEnd")
    if end <= start:
        raise ValueError(f"ChargePeriodEnd {end:%Y-%m-%dT%H:%M:%SZ} is not after ChargePeriodStart")
    currency = _text(row, "BillingCurrency")
    contracted = _number(row, "ContractedCost")
    timed, hours = _hours(row)
    resource = _text(row, "ResourceId")
    return BillLine(
        resource=resource_key(resource) if resource else None,
        start=start,
        end=end,
        effective=Money(_needed(row, "EffectiveCost"), currency),
        billed=Money(_needed(row, "BilledCost"), currency),
        contracted=None if contracted is None else Money(contracted, currency),
        category=_text(row, "ChargeCategory") or "Unknown",
        correction=_text(row, "ChargeClass") == "Correction",
        unused="Unused" in {_text(row, "CommitmentDiscountStatus"), _text(row, "CapacityReservationStatus")},
        timed=timed,
        hours=hours,
        tags=row.get("Tags") or {},
    )


def resource_key(named: str) -> str:
    """The part by which a bill's ResourceId and a node's spec.providerID name the same machine.

    AWS: the instance's id, out of an ARN or aws:///ZONE/ID. Google: PROJECT/ZONE/NAME. Azure: the path of the resource. Others: as it is.
    """
    name = re.sub(r"^[a-z0-9+.-]+:/*", "", named.strip().lower()).strip("/")
    if (instance := re.search(r"(?:^|[/:])(i-[0-9a-f]{8,17})$", name)) is not None:
        return instance[1]
    if (google := re.search(r"projects/([^/]+)/zones/([^/]+)/instances/([^/]+)$", name)) is not None:
        return "/".join(google.groups())
    return name


def _hours(row: Mapping[str, Any]) -> tuple[bool, float | None]:
    """(whether the charge is by time, its hours)."""
    for kind in ("Consumed", "Pricing"):
        unit = _text(row, f"{kind}Unit")
        if unit:
            times, _, word = unit.rpartition(" ")
            plain, quantity = _PLAIN.get(word.lower()), _number(row, f"{kind}Quantity")
            known = plain is not None and quantity is not None and (not times or times.isdigit())
            return bool(_TIME.search(unit)), (quantity or 0.0) * (plain or 0.0) * int(times or 1) if known else None
    return True, None  # A provider that names no unit leaves nothing to tell a machine from its traffic by.


def _text(row: Mapping[str, Any], column: str) -> str:
    value = row.get(column)
    return "" if value is None else str(value).strip()


def _number(row: Mapping[str, Any], column: str) -> float | None:
    text = _text(row, column)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        raise ValueError(f"{column} {text!r} is not a number") from None
    if not isfinite(value):
        raise ValueError(f"{column} {text!r} is not a finite number")
    return value


def _needed(row: Mapping[str, Any], column: str) -> float:
    value = _number(row, column)
    if value is None:
        raise ValueError(f"{column} is empty")
    return value


def _moment(row: Mapping[str, Any], column: str) -> datetime:
    value = row.get(column)
    if not isinstance(value, datetime):
        try:
            value = datetime.fromisoformat(_text(row, column))
        except ValueError:
            raise ValueError(f"{column} {_text(row, column)!r} is not a time like 2026-01-31T00:00:00Z") from None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
