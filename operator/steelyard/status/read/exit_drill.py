"""Whether a workload could leave its accelerator family, as its status says."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal

from steelyard.status.raw import Raw
from steelyard.status.read.field import UNSHOWN, moment, number, part, parts, text, truth, whole


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitProof:
    """That one accelerator family could be left for another."""

    source_family: str
    target_family: str
    source: str | None
    """The pool in use, by which the cost is compared."""
    target: str | None
    """The pool that was tried."""
    trial: str | None
    proven: datetime | None
    within_seconds: int | None
    """Until all replicas are ready there, with the artifact that is kept."""
    compile_seconds: int | None
    """To be added where the artifact is lost."""
    replicas: int | None
    cost_percent: Decimal | None
    """What these replicas cost more than those in use; negative where they cost less."""
    cost_lower: Decimal | None
    cost_upper: Decimal | None
    basis: str | None
    """How the capacity of the pool in use is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drill:
    """The one under way, or the last one."""

    name: str
    source: str | None
    target: str | None
    compares: bool | None
    """Whether the pool in use is measured beside the other one."""
    time: datetime | None
    duration_seconds: int | None
    reason: str | None
    """How it ended; null while it goes on."""
    message: str | None
    spent: Decimal | None
    seen: bool | None = field(metadata=UNSHOWN)
    began: bool | None = field(metadata=UNSHOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExitDrill:
    """As far as it was tried."""

    family: str | None
    """The one in use."""
    wanted: datetime | None
    """Since when a proof for it is wanted."""
    next: datetime | None
    reason: str | None
    message: str | None
    last: Drill | None
    proofs: tuple[ExitProof, ...]
    """Newest first."""

    @property
    def proof(self) -> ExitProof | None:
        """The newest that the family in use could be left."""
        return next((each for each in self.proofs if each.source_family == self.family), None)


def exit_drill(status: Raw) -> ExitDrill | None:
    """None where no drill is asked for, or nobody has looked at it."""
    raw = part(status, "exitDrill")
    if not raw:
        return None
    return ExitDrill(
        family=text(raw, "from"),
        wanted=moment(raw, "wantedTime"),
        next=moment(raw, "nextTime"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        last=_drill(part(raw, "last")),
        proofs=tuple(_proof(each) for each in parts(raw, "proofs")),
    )


def _drill(raw: Raw) -> Drill | None:
    if not raw:
        return None
    return Drill(
        name=text(raw, "name") or "",
        source=text(raw, "fromPool"),
        target=text(raw, "toPool"),
        compares=truth(raw, "compares"),
        time=moment(raw, "time"),
        duration_seconds=whole(raw, "durationSeconds"),
        reason=text(raw, "reason"),
        message=text(raw, "message"),
        spent=number(raw, "spent"),
        seen=truth(raw, "seen"),
        began=truth(raw, "began"),
    )


def _proof(raw: Raw) -> ExitProof:
    return ExitProof(
        source_family=text(raw, "from") or "",
        target_family=text(raw, "to") or "",
        source=text(raw, "fromPool"),
        target=text(raw, "toPool"),
        trial=text(raw, "trialName"),
        proven=moment(raw, "provenTime"),
        within_seconds=whole(raw, "withinSeconds"),
        compile_seconds=whole(raw, "compileSeconds"),
        replicas=whole(raw, "replicas"),
        cost_percent=number(raw, "costPercent"),
        cost_lower=number(raw, "costPercentLower"),
        cost_upper=number(raw, "costPercentUpper"),
        basis=text(raw, "basis"),
    )
