"""Lines of bills, and records of the ledger, for tests of how they are matched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from steelyard.core.economics.bill import BillLine, bill_line
from steelyard.core.economics.node_cost import NodeCost, Part
from steelyard.core.facts.price import PriceClass

DAY = datetime(2026, 3, 1, tzinfo=UTC)
MACHINE, OTHER = "i-0123456789abcdef0", "i-0fedcba9876543210"


def row(cost: float = 1.0, *, hour: float = 0, hours: float = 1.0, resource: str | None = MACHINE, **columns: Any) -> dict[str, Any]:
    """A row of a FOCUS export: an hour of a machine."""
    start = DAY + timedelta(hours=hour)
    return {
        "BilledCost": str(cost),
        "EffectiveCost": str(cost),
        "ContractedCost": str(cost),
        "BillingCurrency": "USD",
        "ChargeCategory": "Usage",
        "ChargeClass": "",
        "ChargePeriodStart": start.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "ChargePeriodEnd": (start + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "CommitmentDiscountStatus": "",
        "ConsumedQuantity": str(hours),
        "ConsumedUnit": "Hours",
        "ResourceId": resource or "",
        **columns,
    }


def line(cost: float = 1.0, **rest: Any) -> BillLine:
    return bill_line(row(cost, **rest))


def record(
    cost: float | None = 1.0,
    *,
    hour: float = 0,
    hours: float = 1.0,
    resource: str = f"aws:///us-east-1a/{MACHINE}",
    pool: str = "p",
    word: PriceClass | None = PriceClass.CONTRACTED,
    parts: tuple[Part, ...] = (),
) -> NodeCost:
    start = DAY + timedelta(hours=hour)
    return NodeCost(
        node=f"node-of-{resource[-4:]}",
        resource=resource,
        pool=pool,
        instance_type="inf2.xlarge",
        start=start,
        end=start + timedelta(hours=hours),
        cost=cost,
        price_class=word,
        parts=parts,
    )
