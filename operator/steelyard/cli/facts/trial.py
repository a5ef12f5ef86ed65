"""An AcceleratorTrial: what it asks, and everything its status says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from steelyard.cli.facts.claim import Claim, claims
from steelyard.cli.facts.plain import cleaned
from steelyard.status.raw import Raw
from steelyard.status.read.condition import Condition
from steelyard.status.read.field import moment, number, part, text, truth, whole
from steelyard.status.read.trial import TrialStatus, trial_status

LIVE = "Live"
"""The mode of spec.load by which a part of the users' own requests is measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """Spec and status."""

    namespace: str
    name: str
    uid: str | None
    created: datetime | None
    workload: str
    pools: tuple[str, ...]
    budget: Decimal | None
    duration_seconds: int | None
    """None: as long as the budget pays for."""
    deadline_seconds: int | None
    claims: tuple[Claim, ...]
    """Empty: those that the pools have."""
    stop: bool
    length_factors: tuple[str, ...]
    """Times all lengths, at which the pools are measured as well."""
    live: bool
    """Whether the users' own requests are measured, and not some that are made for it."""
    told: TrialStatus

    @property
    def finished(self) -> Condition | None:
        """None before an operator has looked at it."""
        return next((c for c in self.told.conditions if c.type == "Finished"), None)

    @property
    def ended(self) -> bool:
        """For whatever reason."""
        return self.finished is not None and self.finished.status == "True"


def trial(raw: Raw) -> Trial:
    """From the raw object."""
    metadata, spec, status = (cleaned(part(raw, each)) for each in ("metadata", "spec", "status"))
    pools, load = spec.get("pools"), part(spec, "load")
    factors = load.get("lengthFactors")
    return Trial(
        namespace=text(metadata, "namespace") or "",
        name=text(metadata, "name") or "",
        uid=text(metadata, "uid"),
        created=moment(metadata, "creationTimestamp"),
        workload=text(spec, "workloadName") or "",
        pools=tuple(each for each in pools if isinstance(each, str)) if isinstance(pools, list) else (),
        budget=number(spec, "budget"),
        duration_seconds=whole(spec, "durationSeconds"),
        deadline_seconds=whole(spec, "deadlineSeconds"),
        claims=claims(spec),
        stop=truth(spec, "stop") or False,
        length_factors=tuple(each for each in factors if isinstance(each, str)) if isinstance(factors, list) else (),
        live=text(load, "mode") == LIVE,
        told=trial_status(status),
    )


def after(begin: datetime | None, seconds: int | None) -> datetime | None:
    """So many seconds later; None where either is not known."""
    try:
        return None if begin is None or seconds is None else begin + timedelta(seconds=seconds)
    except OverflowError:
        return None
