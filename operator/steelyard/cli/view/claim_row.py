"""One advertised figure with its verdict; a claim that was not judged yet is shown as such."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from steelyard.cli.facts.claim import Claim
from steelyard.cli.facts.pool import Pool
from steelyard.cli.facts.workload import GOOD_REQUESTS
from steelyard.status.read.claim import ClaimAtLength, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimRow:
    """Null where it is not known."""

    pool: str
    name: str
    metric: str | None
    """UnitCost, Throughput, Latency or Power."""
    relative_to: str | None
    """The other pool, where the claim is a ratio."""
    unit: str | None
    at: str | None
    """Objective or Saturation: the load at which it holds. Null: as is usual for the metric."""
    counts: str | None
    """What was measured of it: GoodRequests, OutputTokens or InputTokens. Null: not judged yet."""
    verdict: str | None
    """Confirmed, Refuted or Inconclusive. Null: not judged yet."""
    n: int | None
    claimed: Decimal | None
    measured: Decimal | None
    lower: Decimal | None
    upper: Decimal | None
    message: str | None
    flips: str | None
    """Of a trial's claim of cost: at which loads of the workload it would be true or false, as a sentence."""
    conditions: str | None
    """Under which the claim holds, in its author's words."""
    lengths: tuple[ClaimAtLength, ...]
    """Of a trial that asks for other lengths: what the claim is worth there."""
    source: str | None
    date: datetime | None


Key: TypeAlias = tuple[str, str]
"""(pool, name of the claim)."""


def written_by(pools: Iterable[Pool]) -> dict[Key, Claim]:
    """What the owners of the pools wrote down."""
    return {(p.name, c.name): c for p in pools for c in p.claims}


def claim_rows(verdicts: Iterable[Verdict], written: Mapping[Key, Claim]) -> tuple[ClaimRow, ...]:
    """Verdicts of status first to last, then claims that are not judged yet: which of the pools' claims speak of the model is the operator's
    to say, so before any verdict all of them are listed."""
    judged = {(v.pool, v.name): v for v in verdicts}
    rest = sorted(key for key in written if key not in judged) if not judged else []
    return tuple(_row(key, judged.get(key), written.get(key)) for key in [*judged, *rest])


def _row(key: Key, verdict: Verdict | None, claim: Claim | None) -> ClaimRow:
    pool, name = key
    written = (claim.ratio if claim.ratio is not None else claim.value) if claim else None
    return ClaimRow(
        pool=pool,
        name=name,
        metric=claim.metric if claim else None,
        relative_to=claim.relative_to if claim else verdict.relative_to if verdict else None,
        unit=claim.unit if claim else None,
        at=claim.at if claim else None,
        counts=(verdict.unit or GOOD_REQUESTS) if verdict else None,
        verdict=verdict.verdict if verdict else None,
        n=verdict.n if verdict else None,
        claimed=verdict.claimed if verdict and verdict.claimed is not None else written,
        measured=verdict.measured if verdict else None,
        lower=verdict.lower if verdict else None,
        upper=verdict.upper if verdict else None,
        message=verdict.message if verdict else None,
        flips=verdict.flips if verdict else None,
        conditions=claim.conditions if claim else None,
        lengths=verdict.lengths if verdict else (),
        source=claim.source if claim else None,
        date=claim.date if claim else None,
    )
