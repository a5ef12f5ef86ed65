"""Constant traffic after a move, and nothing else to do: what the operator writes then, it writes for nothing."""

from __future__ import annotations

import time
from math import log
from typing import Any

from cluster.audit import AuditEvent
from e2e.golden_move import Moved

ENOUGH_REQUESTS = 120
"""Twice the fewest that a figure needs. A figure of fewer is told anew when it rests on twice as many, which sixteen windows hold even where
half of the requests are late; one of twice as many might never be."""


class Rest:
    """Begins when its figures stand on enough requests."""

    def __init__(self, moved: Moved) -> None:
        self.client, self._tenant = moved.client, moved.tenant
        self._tenant.until("figures that stay", lambda: moved.measured(moved.cheap) >= ENOUGH_REQUESTS, 300)
        self._figures = self._tenant.status()["placements"]
        self._pools = {name: pool.get("status", {}) for name, pool in self._tenant.pools().items()}
        self._audit, self._begun = self._tenant.cluster.audit(), time.monotonic()

    def until_it_lasted(self, seconds: float) -> None:
        """Sleep for what is left of these seconds."""
        time.sleep(max(0.0, self._begun + seconds - time.monotonic()))

    def written(self) -> list[AuditEvent]:
        """By the operator, but for its Lease. Pools belong to the cluster: those that other tests make meanwhile are left out, for they get
        a status from every operator that sees them."""
        others = {"acceleratorpools/status", "events"}
        mine = self._tenant.pools()
        own = [e for e in self._audit.writes(self._tenant.user) if not (e.resource in others and e.namespace == "" and e.name not in mine)]
        told = dict(self._pools)
        return [e for e in own if not _of_shared_nodes(e, told)]

    def without_news(self) -> list[AuditEvent]:
        """Those of `written` that tell no figure anew. A replica's work takes longer while other tests keep the processors busy: that its
        capacity is another one then, and is known better afterwards, is worth a write (docs/explanation/capacity.md), and nothing else is."""
        told, found = self._figures, []
        for event in self.written():
            status = (event.request or {}).get("status", {}) if event.resource == "inferenceworkloads/status" else {}
            if "placements" not in status or not _news(told, status["placements"]):
                found.append(event)
            told = status.get("placements", told)
        return found

    def renewals(self) -> int:
        """How often it renewed its Lease."""
        return sum(1 for e in self._audit.writes(self._tenant.user, except_resources=()) if e.resource == "leases")


def _of_shared_nodes(event: AuditEvent, told: dict[str, dict[str, Any]]) -> bool:
    """Whether it tells that pools of other tests, on the same nodes, came or went, and nothing else. told: each pool's status before it, and
    after it."""
    request = event.request or {}
    if event.resource != "acceleratorpools/status":
        return request.get("reason") == "Overlapping"
    before = told.get(event.name, {})
    after = told[event.name] = {**before, **request.get("status", {})}
    return before != after and _but_overlapping(before) == _but_overlapping(after)


def _but_overlapping(status: dict[str, Any]) -> dict[str, Any]:
    return {**status, "conditions": [c for c in status.get("conditions", []) if c["type"] != "Overlapping"]}


def _news(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> bool:
    """Whether a figure of one of these pools became another: by more than 20 %, twice as sharp, or of twice as many requests."""
    old, new = ({(p["pool"], p["revision"]): p for p in each} for each in (before, after))
    return any(_another(_figures(old[key]), _figures(new[key])) for key in old.keys() & new.keys())


TOLD = (
    ("", ("capacityPerReplica", "capacityLower", "capacityUpper", "capacityRequests")),
    ("unitCost", ("value", "lower", "upper", "good")),
    ("saturation", ("perReplica", "lower", "upper", "requests")),
    ("latency", ("milliseconds", "lower", "upper", "n")),
)
"""Point, lower, upper and number of answers of each figure of a placement, and the field that holds them."""


def _figures(placement: dict[str, Any]) -> dict[str, tuple[float, float, float, float]]:
    """By field: those that are told."""
    found = {field: [(placement.get(field, {}) if field else placement).get(name) for name in names] for field, names in TOLD}
    return {field: (float(a), float(b), float(c), float(d)) for field, (a, b, c, d) in found.items() if None not in (a, b, c, d)}


def _another(old: dict[str, tuple[float, float, float, float]], new: dict[str, tuple[float, float, float, float]]) -> bool:
    if old.keys() != new.keys():
        return True
    for field, (point, lower, upper, n) in old.items():
        point2, lower2, upper2, n2 = new[field]
        if abs(log(point2 / point)) > log(1.2) or log(upper / lower) > 2 * log(upper2 / lower2) or n2 >= 2 * n:
            return True
    return False
