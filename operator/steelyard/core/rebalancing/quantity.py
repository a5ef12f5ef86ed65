"""What a claim speaks of, as it is measured on a pool: a rate, a cost, a power or a latency, at one operating point. Each reads one type of figure alone."""

from __future__ import annotations

from dataclasses import replace
from enum import Enum

from steelyard.core.facts.capacity import Basis, Capacity, Saturation
from steelyard.core.facts.claim import Claim, ClaimMetric, OperatingPoint
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.planning.counting import units_of
from steelyard.core.planning.option import Option
from steelyard.core.rebalancing.beside import power_at
from steelyard.core.rebalancing.verdict import Seen
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal

SECONDS = 3600
"""In an hour, for which prices are."""


class Quantity(Enum):
    """A metric at an operating point."""

    RATE_AT_OBJECTIVE = (ClaimMetric.THROUGHPUT, OperatingPoint.OBJECTIVE)
    RATE_AT_SATURATION = (ClaimMetric.THROUGHPUT, OperatingPoint.SATURATION)
    COST_AT_OBJECTIVE = (ClaimMetric.UNIT_COST, OperatingPoint.OBJECTIVE)
    COST_AT_SATURATION = (ClaimMetric.UNIT_COST, OperatingPoint.SATURATION)
    POWER_AT_OBJECTIVE = (ClaimMetric.POWER, OperatingPoint.OBJECTIVE)
    POWER_AT_SATURATION = (ClaimMetric.POWER, OperatingPoint.SATURATION)
    LATENCY_AT_OBJECTIVE = (ClaimMetric.LATENCY, OperatingPoint.OBJECTIVE)
    LATENCY_AT_SATURATION = (ClaimMetric.LATENCY, OperatingPoint.SATURATION)

    @classmethod
    def of(cls, claim: Claim) -> Quantity:
        """Of the metric that is advertised, where it holds."""
        return cls((claim.metric, claim.at))

    @property
    def metric(self) -> ClaimMetric:
        """What is advertised."""
        return self.value[0]

    @property
    def lower_is_better(self) -> bool:
        """Of all but a rate."""
        return self.metric is not ClaimMetric.THROUGHPUT

    @property
    def at_objective(self) -> bool:
        """Where the objective is just kept; else when full."""
        return self.value[1] is OperatingPoint.OBJECTIVE

    def told(self, claim: Claim, unit: Unit) -> str:
        """In words, with its unit."""
        where = "where the objective is just kept" if self.at_objective else "when full"
        if self is Quantity.LATENCY_AT_OBJECTIVE:
            where = "from half of the load at which the objective is just kept up to it"
        if claim.relative_to is not None:
            of = "" if unit is Unit.GOOD_REQUESTS else f" of {_COUNTS[unit]}"
            return f"{_NAMES[self.metric]}{of} relative to {claim.relative_to}, {where}"
        return f"{_UNITS[self.metric].format(unit=unit, counts=_COUNTS[unit])}, {where}"

    def on(self, option: Option, unit: Unit) -> Seen | Refusal:
        """The figure as measured on a pool, with the requests that came there. unit: what a rate and a cost count; all else is of requests."""
        rate = _counted(_capacity(option) if self.at_objective else _saturation(option), option, unit)
        if isinstance(rate, Refusal):
            return rate
        match self.metric:
            case ClaimMetric.UNIT_COST:
                return _cost(option, rate, unit)
            case ClaimMetric.POWER:
                return _power(option, rate)
            case ClaimMetric.LATENCY:
                return (
                    _latency(option)
                    if self.at_objective
                    else Refusal(Reason.NOT_COMPARABLE, "when full, a request takes as long as the queue is")
                )
        return rate


_NAMES = {
    ClaimMetric.UNIT_COST: "unit cost",
    ClaimMetric.THROUGHPUT: "throughput",
    ClaimMetric.POWER: "power",
    ClaimMetric.LATENCY: "latency at the objective's percentile",
}
_UNITS = {
    ClaimMetric.UNIT_COST: "cost per {unit}",
    ClaimMetric.THROUGHPUT: "{counts} per second and replica",
    ClaimMetric.POWER: "watts of one device",
    ClaimMetric.LATENCY: "milliseconds at the objective's percentile",
}


_COUNTS = {Unit.GOOD_REQUESTS: "requests", Unit.OUTPUT_TOKENS: "output tokens", Unit.INPUT_TOKENS: "input tokens"}


def _counted(rate: Seen | Refusal, option: Option, unit: Unit) -> Seen | Refusal:
    """A rate of requests as one of what the unit counts."""
    if isinstance(rate, Refusal) or unit is Unit.GOOD_REQUESTS:
        return rate
    each = units_of(option.tokens, unit)
    if each is None:
        return Refusal(Reason.NOT_COMPARABLE, f"the servers of pool {option.pool} do not tell the {_COUNTS[unit]} of good requests")
    value = rate.value
    return replace(rate, value=Interval(value.point * each.point, value.lower * each.lower, value.upper * each.upper))


def _cost(option: Option, rate: Seen, unit: Unit) -> Seen | Refusal:
    if option.listed is None:
        return Refusal(Reason.PRICE_SUSPECT, f"the price of pool {option.pool} is not known")
    at = rate.value
    each = option.listed / SECONDS * unit.per
    return Seen(Interval(each / at.point, each / at.upper, each / at.lower), rate.n, rate.once)


def _power(option: Option, rate: Seen) -> Seen | Refusal:
    """Of one device; of the replica on a pool of processors."""
    energy = option.known.energy if option.known is not None else None
    if energy is None or option.old:
        return Refusal(Reason.NOT_COMPARABLE, f"nothing tells what energy pool {option.pool} draws, or nothing has lately")
    if energy.estimated:
        return Refusal(
            Reason.NOT_COMPARABLE, f"the energy of pool {option.pool} is attributed and not metered: an estimate judges no claim"
        )
    return power_at(energy, rate, max(1.0, option.candidate.resources.devices))


def _latency(option: Option) -> Seen | Refusal:
    known = option.known
    if not option.timed:
        return Refusal(
            Reason.LATENCY_UNOBSERVABLE,
            "no objective of the workload is for the whole of a request (e2e), so there is no percentile to tell",
        )
    if known is not None and known.unit_cost is not None and known.p99_milliseconds is None:
        return Refusal(Reason.LATENCY_UNOBSERVABLE, f"the servers of pool {option.pool} tell no histogram of how long their answers took")
    found = known.percentile if known is not None else None
    if found is None or option.old:
        return Refusal(
            Reason.TOO_FEW_REQUESTS,
            f"pool {option.pool} has not answered enough lately at such a load to tell a percentile",
        )
    return Seen(found.milliseconds, found.n, sure=True, full=_part_of_full(option.saturation, found.load))


def _part_of_full(full: Saturation | None, load: float) -> Interval | None:
    """The load of a replica over what it completes at most; None where that is not known."""
    if full is None or full.rate.lower <= 0:
        return None
    return Interval(load / full.rate.point, load / full.rate.upper, load / full.rate.lower)


def _capacity(option: Option) -> Seen | Refusal:
    """Where a broken promise holds the figure down, what the busy time says is the point: how much a queue allows is a matter of the objective,
    and the same on both sides."""
    capacity: Capacity | None = option.own
    if capacity is None or not capacity.observed:
        return _unmeasured(option)
    if capacity.at_least:
        return _only_carried(option, capacity)
    rate = capacity.rate
    seen = Interval(rate.upper, rate.lower, rate.upper) if capacity.taught else rate
    return Seen(seen, capacity.n, once=capacity.basis is Basis.PROBED) if seen.lower > 0 else _unmeasured(option)


def planned_only(option: Option, quantity: Quantity) -> Refusal | None:
    """Why a quantity is no figure of its own: how full a replica may be at the objective was planned, not seen. Beside another of the same servers
    it says which carries more, as that is the same on both sides."""
    capacity, by_capacity = option.own, quantity.at_objective and quantity.metric is not ClaimMetric.LATENCY
    if not by_capacity or capacity is None or capacity.basis is not Basis.PLANNED:
        return None
    return Refusal(
        Reason.LATENCY_UNOBSERVABLE,
        f"how long answers take on pool {option.pool} is not told, or not promised of whole requests (e2e), so that how full a replica may be where the "
        f"objective is just kept was not seen: replicas are sized for {capacity.rate.point:.3g} requests per second each, and may carry more or less",
    )


def _saturation(option: Option) -> Seen | Refusal:
    full: Saturation | None = option.saturation
    if full is not None and full.rate.lower > 0:
        ramp = option.own if option.own is not None and option.own.basis is Basis.PROBED else None
        # How alike the parts of a full step are says how sure a probe is of it; behind it is the whole ramp.
        return Seen(full.rate, max(full.n, ramp.n), once=True) if ramp is not None else Seen(full.rate, full.n)
    return _only_carried(option, option.own) if option.own is not None and option.own.observed else _unmeasured(option)


def _unmeasured(option: Option) -> Refusal:
    return Refusal(Reason.TOO_FEW_REQUESTS, f"nothing was measured on pool {option.pool} yet")


def _only_carried(option: Option, capacity: Capacity) -> Refusal:
    return Refusal(
        Reason.ONLY_CARRIED,
        f"pool {option.pool} carried {capacity.rate.point:.3g} requests per second and replica and was never full, and its servers do not tell "
        "how busy they are: it may carry any more",
    )
