"""What one good request would cost on a pool that was never measured: the claims, taken as wide priors.

A prior is lognormal: median from the claim, 90 % of it within a factor CLAIM_SPREAD. The expected saving of trying a pool is then an
option value: E[max(0, m - C)] with m the measured unit cost and C the prior. It is positive even where the claim says "more expensive",
because claims are often wrong: that is why a claim of the present pool gets checked against its rivals at all.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from math import erf, exp, isfinite, log, sqrt
from types import MappingProxyType
from typing import TypeGuard

from steelyard.core.facts.capacity import CLAIM_SPREAD
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.estimate import Estimate
from steelyard.core.performance.capacity import RHO

SIGMA = log(CLAIM_SPREAD) / 1.645


def _phi(x: float) -> float:
    return 0.5 * (1.0 + erf(x / sqrt(2.0)))


def expected_saving(measured: float, median: float, sigma: float = SIGMA) -> float:
    """E[max(0, measured - C)] for C lognormal(median, sigma); same unit as the arguments. Source: Black (1976), undiscounted put."""
    if measured <= 0 or median <= 0 or sigma <= 0:
        return 0.0
    a = (log(measured) - log(median)) / sigma
    return max(0.0, measured * _phi(a) - median * exp(sigma * sigma / 2) * _phi(a - sigma))


def sigma_of(spread: float) -> float:
    """Sigma of a prior that is right within the factor `spread` nine times in ten."""
    return log(spread) / 1.645


def _says(claim: Claim, model: str) -> bool:
    """Whether it speaks of requests to the model. What it says of tokens counts requests where it is told how many of them these have
    (`Claim.in_requests`)."""
    return claim.of_requests and claim.speaks_of(model)


def _rate(claim: Claim, value: float) -> float:
    """Of a claim of throughput, as a load at which an objective may hold."""
    return value * RHO if claim.at is OperatingPoint.SATURATION else value


def _positive(figure: float | None) -> TypeGuard[float]:
    """A figure that is zero, negative or not a number claims nothing."""
    return figure is not None and isfinite(figure) and figure > 0


def claimed_unit_costs(
    claims: Mapping[str, tuple[Claim, ...]],
    replica_costs: Mapping[str, float],
    known: Mapping[str, float],
    model: str,
    advertised: Mapping[str, float] = MappingProxyType({}),
) -> Mapping[str, float]:
    """Median unit cost by pool (money per 1,000 good requests), for every pool with a replica cost.

    Measured figures (`known`) win. Then, in this order: a ratio to a pool whose figure is known, a value, a throughput, what the catalogue
    expects (`advertised`, requests per second and replica), and without any of it the same capacity as the others. Ratios are followed
    both ways and through other pools, nearest first.
    """
    figures = {pool: cost for pool, cost in known.items() if pool in replica_costs}
    _follow_ratios(figures, claims, replica_costs, model)
    for pool in sorted(replica_costs):
        if pool not in figures:
            value = _absolute(claims.get(pool, ()), replica_costs[pool], model)
            if value is not None:
                figures[pool] = value
    _follow_ratios(figures, claims, replica_costs, model)
    _in_proportion(figures, {p: cost for p, cost in figures.items() if p in known} or dict(figures), replica_costs, advertised)
    _follow_ratios(figures, claims, replica_costs, model)
    # Nothing is said of these, not even through others: the same capacity as the rest. One reference keeps them comparable.
    capacities = [replica_costs[p] / figures[p] for p in sorted(figures)]
    reference = exp(sum(map(log, capacities)) / len(capacities)) if capacities else 1.0
    anchors = {c.relative_to for p in sorted(claims) for c in claims[p] if _positive(c.ratio) and c.speaks_of(model)}
    for pool in sorted(replica_costs, key=lambda p: (p not in anchors, p)):
        if pool not in figures:
            figures[pool] = replica_costs[pool] / reference
            _follow_ratios(figures, claims, replica_costs, model)
    return figures


def spread(claims: tuple[Claim, ...], model: str, pools: Container[str], advertised: Estimate | None) -> float:
    """The factor that a pool's prior may be off by: that of its own claims that say anything, else that of the catalogue's estimate, else
    a claim's."""
    own = [c.spread for c in claims if _says(c, model) and (_positive(c.value) or (_positive(c.ratio) and c.relative_to in pools))]
    return max(own) if own else advertised.spread if advertised else CLAIM_SPREAD


def _in_proportion(
    figures: dict[str, float], anchors: Mapping[str, float], replica_costs: Mapping[str, float], advertised: Mapping[str, float]
) -> None:
    """What is advertised holds for somebody's lengths and limits, its proportions hold more widely: it is scaled to the pools that have
    both a figure and an estimate, and taken as it is where none has."""
    speeds = {p: replica_costs[p] / (3.6 * anchors[p]) / advertised[p] for p in sorted(anchors) if p in advertised}
    scale = exp(sum(map(log, speeds.values())) / len(speeds)) if speeds else 1.0
    for pool in sorted(advertised):
        if pool in replica_costs and pool not in figures:
            figures[pool] = replica_costs[pool] / (3.6 * advertised[pool] * scale)


def _absolute(claims: tuple[Claim, ...], replica_cost: float, model: str) -> float | None:
    for claim in claims:
        if _positive(claim.value) and _says(claim, model):
            if claim.metric is ClaimMetric.UNIT_COST:
                return claim.value
            if claim.metric is ClaimMetric.THROUGHPUT:
                return replica_cost / (_rate(claim, claim.value) * 3.6)
    return None


def _links(claims: Mapping[str, tuple[Claim, ...]], replica_costs: Mapping[str, float], model: str) -> tuple[tuple[str, str, float], ...]:
    """(pool, other, factor) of each claim that compares two known pools: the pool's unit cost is the other's times the factor."""
    links: list[tuple[str, str, float]] = []
    for pool, claim in ((p, c) for p in sorted(claims) for c in claims[p]):
        other = claim.relative_to
        if not (_positive(claim.ratio) and other and claim.speaks_of(model) and pool in replica_costs and other in replica_costs):
            continue
        if claim.metric is ClaimMetric.UNIT_COST:
            links.append((pool, other, claim.ratio))
        elif claim.metric is ClaimMetric.THROUGHPUT:
            links.append((pool, other, replica_costs[pool] / (replica_costs[other] * claim.ratio)))
    return tuple(links)


def _follow_ratios(
    figures: dict[str, float], claims: Mapping[str, tuple[Claim, ...]], replica_costs: Mapping[str, float], model: str
) -> None:
    links = _links(claims, replica_costs, model)
    while True:
        # One round a link: what is nearer to a known figure is never overruled by a longer way round.
        found: dict[str, float] = {}
        for pool, other, ratio in links:
            if other in figures and pool not in figures:
                found.setdefault(pool, figures[other] * ratio)
            elif pool in figures and other not in figures:
                found.setdefault(other, figures[pool] / ratio)
        if not found:
            return
        figures.update(found)
