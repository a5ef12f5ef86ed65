"""What a claim's `relativeTo` means: a pool, an instance type that a pool has, or one that only the catalogue knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.snapshot import Pool, Reference


def meant(relative_to: str, pools: Iterable[Pool], own: str) -> str | None:
    """The pool that `relative_to` of a claim of pool `own` stands for: the one of that name, else another one with a shape of that
    instance type, on demand before spot, by name. None where there is none."""
    found = [
        (p.name != relative_to, p.spot, p.name)
        for p in pools
        if p.name == relative_to or (p.name != own and p.variant is None and any(s.instance_type == relative_to for s in p.shapes))
    ]
    return min(found)[-1] if found else None


def resolved(claim: Claim, own: str, pools: Iterable[Pool], references: Mapping[str, Reference]) -> Claim:
    """The claim as one relative to a pool, or as a value of its own by what the catalogue has of the instance type; unchanged where
    neither is possible, and then it says nothing."""
    if claim.ratio is None or claim.relative_to is None:
        return claim
    pool = meant(claim.relative_to, pools, own)
    if pool is not None:
        return claim if pool == claim.relative_to else replace(claim, relative_to=pool)
    reference = references.get(claim.relative_to)
    if reference is None:
        return claim
    value = reference.throughput if claim.metric is ClaimMetric.THROUGHPUT else reference.unit_cost
    if value is None or claim.metric not in (ClaimMetric.THROUGHPUT, ClaimMetric.UNIT_COST):
        return claim
    return replace(claim, ratio=None, relative_to=None, value=claim.ratio * value, spread=max(claim.spread, reference.spread))
