"""What a claim speaks of, as it is measured on a pool: a rate or a cost, at one operating point. Each reads one type of figure alone."""

from __future__ import annotations

from enum import Enum

from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.planning.option import PER_HOUR, Option
from steelyard.core.rebalancing.verdict import Seen
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal


class Quantity(Enum):
    """A metric at an operating point."""

    RATE_AT_OBJECTIVE = (ClaimMetric.THROUGHPUT, OperatingPoint.OBJECTIVE)
    RATE_AT_SATURATION = (ClaimMetric.THROUGHPUT, OperatingPoint.SATURATION)
    COST_AT_OBJECTIVE = (ClaimMetric.UNIT_COST, OperatingPoint.OBJECTIVE)
    COST_AT_SATURATION = (ClaimMetric.UNIT_COST, OperatingPoint.SATURATION)

    @classmethod
    def of(cls, claim: Claim) -> Quantity | None:
        """Of requests; None where nothing of the kind is measured."""
        if not claim.of_requests or claim.metric not in {ClaimMetric.THROUGHPUT, ClaimMetric.UNIT_COST}:
            return None
        return cls((claim.metric, claim.at))

    @property
    def is_cost(self) -> bool:
        """Money per 1,000 good requests; else requests per second and replica."""
        return self in {Quantity.COST_AT_OBJECTIVE, Quantity.COST_AT_SATURATION}

    @property
    def at_objective(self) -> bool:
        """Where the objective is just kept; else when full."""
        return self in {Quantity.RATE_AT_OBJECTIVE, Quantity.COST_AT_OBJECTIVE}

    def told(self, claim: Claim) -> str:
        """In words, with its unit."""
        where = "where the objective is just kept" if self.at_objective else "when full"
        if claim.relative_to is not None:
            return f"{'unit cost' if self.is_cost else 'throughput'} relative to {claim.relative_to}, {where}"
        return f"{'cost per 1,000 good requests' if self.is_cost else 'requests per second and replica'}, {where}"

    def on(self, option: Option) -> Seen | Refusal:
        """The figure as measured on a pool."""
        rate = _capacity(option) if self.at_objective else _saturation(option)
        if isinstance(rate, Refusal) or not self.is_cost:
            return rate
        if option.listed is None:
            return Refusal(Reason.PRICE_SUSPECT, f"the price of pool {option.pool} is not known")
        at = rate.value
        each = option.listed / PER_HOUR
        return Seen(Interval(each / at.point, each / at.upper, each / at.lower), rate.n, rate.once)


def _capacity(option: Option) -> Seen | Refusal:
    """Where a broken promise holds the figure down, what the busy time says is the point: how much a queue allows is a matter of the objective,
    and the same on both sides."""
    capacity: Capacity | None = option.capacity
    if capacity is None or not option.measured:
        return _unmeasured(option)
    if capacity.at_least:
        return _only_carried(option, capacity)
    rate = capacity.rate
    seen = Interval(rate.upper, rate.lower, rate.upper) if capacity.taught else rate
    return Seen(seen, capacity.n, once=capacity.basis is Basis.PROBED) if seen.lower > 0 else _unmeasured(option)


def _saturation(option: Option) -> Seen | Refusal:
    full: Saturation | None = option.saturation
    if full is not None and full.rate.lower > 0:
        ramp = option.capacity if option.capacity is not None and option.capacity.basis is Basis.PROBED else None
        # How alike the parts of a full step are says how sure a probe is of it; behind it is the whole ramp.
        return Seen(full.rate, max(full.n, ramp.n), once=True) if ramp is not None else Seen(full.rate, full.n)
    return _only_carried(option, option.capacity) if option.measured and option.capacity is not None else _unmeasured(option)


def _unmeasured(option: Option) -> Refusal:
    return Refusal(Reason.TOO_FEW_REQUESTS, f"nothing was measured on pool {option.pool} yet")


def _only_carried(option: Option, capacity: Capacity) -> Refusal:
    return Refusal(
        Reason.ONLY_CARRIED,
        f"pool {option.pool} carried {capacity.rate.point:.3g} requests per second and replica and was never full, and its servers do not tell "
        "how busy they are: it may carry any more",
    )
