"""One pool as an option for a workload at its load: replicas, cost and unit cost with interval, basis, or why not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import cached_property
from statistics import fmean
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from steelyard.core.catalogue.made_pool import made_without_price, old_list_price
from steelyard.core.catalogue.relative import resolved
from steelyard.core.compiling.candidate import Candidate
from steelyard.core.economics.replica_price import unknown_types
from steelyard.core.facts.capacity import Capacity, Saturation
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.floor import Floor
from steelyard.core.facts.identity import on_pool
from steelyard.core.facts.memory import Known, OptionLine
from steelyard.core.facts.price import Price
from steelyard.core.facts.snapshot import Pool, PoolChoice, Snapshot, Workload
from steelyard.core.facts.tokens import PerRequest
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.performance.ageing import aged, old, widened
from steelyard.core.performance.capacity import claimed
from steelyard.core.performance.epoch import inherited
from steelyard.core.performance.floor import never
from steelyard.core.planning.claim_price import at_prices, first_prices, prices_now
from steelyard.core.planning.counting import Counting, units_of
from steelyard.core.planning.load import Load
from steelyard.core.planning.overlap import overlapping
from steelyard.core.planning.prior import claimed_unit_costs, spread
from steelyard.core.planning.sizing import need
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reading import Fresh, Reading, Stale, Unknown, last_known
from steelyard.core.vocabulary.reason import Reason, Refusal

UNBOUNDED = 10**6
"""Replicas: what the load needs, before any limit is asked."""
_SLACK = 1e-9
_NO_COSTS: Mapping[Unit, Interval] = MappingProxyType({})
PER_HOUR = 3.6
"""Thousands of seconds in an hour: (money per hour) / (PER_HOUR * requests per second) = money per 1,000 requests."""


class Room(NamedTuple):
    """Replicas that a pool has room for: `most` that are allowed there, `a_node` on each of its `nodes`; None: nodes are made as they are needed."""

    most: int
    a_node: int
    nodes: int | None

    def beside(self, held: float) -> int:
        """Those that fit while other workloads hold so many nodes."""
        if self.nodes is None:
            return self.most
        return min(self.most, int(self.a_node * max(0.0, self.nodes - held) + _SLACK))


@dataclass(frozen=True)
class Asked:
    """What the pools are weighed at: the load, None where none is known, and what its requests count for."""

    load: Load | None
    counting: Counting

    @cached_property
    def kept(self) -> float:
        """Capacity that what serves now keeps for one request per second."""
        assert self.load is not None
        rates = self.load.rates
        return rates.times_kept(rates.start, rates.risk.lateness.busy, rates.risk.each)


class Figures(NamedTuple):
    """Of one replica on a pool. `each`: money per hour that the bill changes by with it. `capacity`: in requests as the workload has them now."""

    each: float
    capacity: Capacity

    @property
    def per_request(self) -> float:
        """What orders pools, whatever a replica carries: money per hour over requests per second."""
        return self.each / self.capacity.rate.point


@dataclass(frozen=True, kw_only=True)
class _OnPool:
    """What the pool would cost. `each` and `capacity`: its figures, as far as each of them is known. `listed`: what a replica costs where its nodes are
    paid by the hour, which is what claims speak of. `worth`: as many requests of today are one of those that the capacity was measured with, and
    `tokens` tells the lengths of these. `least`: replicas that are to stand there in any case. What it costs at the load is found once it is asked for:
    most pools are never weighed."""

    pool: str
    candidate: Candidate
    known: Known | None
    price: Reading[Price]
    each: float | None
    listed: float | None
    capacity: Capacity | None
    asked: Asked
    least: int
    most: int
    """Replicas that the user and the pool's limits allow there, whoever holds its nodes now."""
    room: int
    """Those of them that fit on what other workloads leave."""
    old: bool = False
    """Measured, and so long ago that it is worth another look."""
    saturation: Saturation | None = None
    """What a replica completes at most, where that is known, in requests that it was measured with."""
    worth: float = 1.0
    tokens: PerRequest | None = None
    start_seconds: float | None = None
    """From the order of a replica there to its first ready moment: as those took that stand there, the slowest of them, else as is remembered."""
    timed: bool = False
    """Whether the workload has an objective for the whole time of a request."""
    prior: Capacity | None = None
    """What a replica is taken to carry by claims, the catalogue or an older revision, whatever was measured."""

    @property
    def figures(self) -> Figures | None:
        """Both of them; None where one is not known."""
        return None if self.each is None or self.capacity is None else Figures(self.each, self.capacity)

    @cached_property
    def reserve(self) -> float:
        """Times the capacity that is kept ready by what serves now, that must be kept ready there: more where replicas take longer to start, or have less
        to spare; 1 where no start was seen."""
        load = self.asked.load
        if self.capacity is None or load is None or self.start_seconds is None:
            return 1.0
        law = load.rates.risk.lateness
        busy = law.busy if self.saturation is None else min(1.0, self.capacity.rate.point / self.saturation.rate.point)
        return load.rates.times_kept(self.start_seconds, busy, self.capacity.rate.point) / self.asked.kept

    @cached_property
    def carries(self) -> Interval | None:
        """Requests per second of the load that replicas are sized for, which one carries there; None without figures."""
        return None if (known := self.figures) is None else known.capacity.rate.times(1 / self.reserve)

    @cached_property
    def replicas(self) -> int | None:
        """As many as the load needs; None where the figures or the load are not known."""
        if self.asked.load is None or self.carries is None or self.each is None:
            return None
        return need(self.asked.load.soon, self.carries.point, self.least, UNBOUNDED)

    @cached_property
    def cost(self) -> Interval | None:
        """Money per hour, as a mean over usual loads; None as `replicas`."""
        if self.asked.load is None or self.carries is None or self.each is None:
            return None
        return cost_at(self.asked.load.usual, self.carries, self.each, self.least)

    @cached_property
    def by_unit(self) -> Mapping[Unit, Interval]:
        """Money per unit at the mean load, for each unit of which it is told how many a request is."""
        if self.cost is None or self.asked.load is None or self.asked.load.mean <= 0:
            return _NO_COSTS
        return self.asked.counting.costs(self.cost.times(1 / (PER_HOUR * self.asked.load.mean)))

    @property
    def unit(self) -> Interval | None:
        """The same for the unit of the objective."""
        return self.by_unit.get(self.asked.counting.unit)

    @property
    def own(self) -> Capacity | None:
        """The capacity in requests that it was measured with; None of a claim."""
        return _worth(self.capacity, 1 / self.worth) if self.capacity is not None and self.measured else None

    @property
    def space(self) -> Room:
        """Of which `room` is what others leave now."""
        return space(self.candidate, self.most)

    @property
    def a_node(self) -> int:
        """Replicas that fit on one node of the pool."""
        return self.candidate.fitting

    @property
    def node_part(self) -> float:
        """Of a node that one replica takes: 1 over the replicas that fit on one."""
        return 1.0 if self.candidate.shape is None else 1.0 / max(1, self.a_node)

    @property
    def measured(self) -> bool:
        """Whether the figures rest on traffic rather than on claims."""
        return self.capacity is not None and self.capacity.observed

    @property
    def limit(self) -> float | None:
        """Requests per second that one replica bears as measured; None of a claim, and of a load that was only carried."""
        known = self.capacity is not None and self.measured and not self.capacity.at_least
        return self.capacity.rate.point if self.capacity is not None and known else None

    @property
    def sure(self) -> bool:
        """Measured, and lately enough."""
        return self.measured and not self.old


@dataclass(frozen=True, kw_only=True)
class Eligible(_OnPool):
    """A pool that may take all of the load, as far as is known."""


@dataclass(frozen=True, kw_only=True)
class Refused(_OnPool):
    """A pool that may not, and why. `only_for_part`: a limit or the spot share leaves it good for a part of the load."""

    refusal: Refusal
    only_for_part: bool = False


_ON_POOL = tuple(field.name for field in fields(_OnPool))

Option: TypeAlias = Eligible | Refused
"""A pool as a workload sees it. Of either it may be known what it costs and carries: a pool that is refused may hold a part of the load."""


def refusal_of(option: Option) -> Refusal | None:
    """Why the pool may not take all of the load, where it may not."""
    return option.refusal if isinstance(option, Refused) else None


class EvidenceByPool(NamedTuple):
    """What was measured on each pool."""

    present: Mapping[str, Known]
    """Of the revision that stands or would stand there."""
    older: Mapping[str, Known]
    """Of an older revision, where the present one has none: a prior, better than any claim and no more than that."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grounds:
    """What an option rests on. `prior`: its capacity where nothing was measured."""

    candidate: Candidate
    known: Known | None
    price: Reading[Price]
    each: float | None
    listed: float | None
    prior: Capacity | None
    refusal: Refusal | None


def options(
    candidates: tuple[Candidate, ...], snapshot: Snapshot, evidence: EvidenceByPool, asked: Asked, standing: Set[str], now: datetime
) -> tuple[Option, ...]:
    """Every pool as an option. standing: the pools that hold a part of the load."""
    workload, references, counting = snapshot.workload, snapshot.references, asked.counting
    known, older = ({pool: _today(k, counting) for pool, k in each.items()} for each in (evidence.present, evidence.older))
    prices = {c.name: _price(c, now) for c in candidates}
    listed = {c.name: _listed(c, prices[c.name]) for c in candidates}
    costs = {name: cost for name, cost in listed.items() if cost is not None}
    figures = {name: costs[name] / (PER_HOUR * k.capacity.rate.point) for name, k in known.items() if k and k.capacity and name in costs}
    pools, by_name = [c.pool for c in candidates], {c.name: c for c in candidates}
    remembered = {(v.pool, v.name): v for v in snapshot.memory.claims}

    def today(claim: Claim, own: str) -> Claim:
        now_costs = prices_now(claim, own, by_name)
        first = first_prices(claim, remembered.get((own, claim.name)), now_costs)
        priced = at_prices(resolved(claim, own, pools, references), first, now_costs)
        return priced.in_requests(units_of(counting.now, priced.counted(counting.unit)))

    claims = {p.name: tuple(today(claim, p.name) for claim in p.claims) or _as_fast(p) for p in pools}
    advertised = {p.name: p.advertised.throughput for p in pools if p.advertised}
    priors = dict(claimed_unit_costs(claims, costs, figures, workload.model.uri, advertised))
    # Beside others a load that was only carried says little of what is.
    hidden = {name for name in standing if len(standing) > 1 and (k := known.get(name)) and k.capacity and k.capacity.at_least}
    if hidden:
        shown = {name: figure for name, figure in figures.items() if name not in hidden}
        apart = claimed_unit_costs(claims, costs, shown, workload.model.uri, advertised)
        priors |= {name: apart[name] for name in hidden if name in apart}
    spreads = {p.name: spread(claims[p.name], workload.model.uri, claims, p.advertised) for p in pools}
    expected = {name: claimed(costs[name] / (PER_HOUR * prior), spreads[name]) for name, prior in priors.items()}
    expected.update({name: prior for name, k in older.items() if (prior := inherited(k, now)) is not None})
    grounds = (
        _Grounds(
            candidate=c,
            known=evidence.present.get(c.name),
            price=prices[c.name],
            each=_each(c, prices[c.name]),
            listed=listed[c.name],
            prior=expected.get(c.name),
            refusal=c.refusal or overlapping(c, candidates, standing) or _too_late(known.get(c.name), workload, now),
        )
        for c in candidates
    )
    return tuple(_option(each, snapshot, asked, now) for each in grounds)


def _as_fast(pool: Pool) -> tuple[Claim, ...]:
    """What is taken of a variant before it is measured, unless the catalogue knows better: it carries what the model does as it is. Nobody claimed
    that, and nobody judges it."""
    if pool.variant is None or pool.advertised is not None:
        return ()
    return (Claim(name="variant", metric=ClaimMetric.THROUGHPUT, ratio=1.0, relative_to=pool.of),)


def _today(known: Known, counting: Counting) -> Known:
    """With its capacity in requests as they are now."""
    worth = counting.worth(known.tokens)
    return known if worth == 1.0 or known.capacity is None else replace(known, capacity=_worth(known.capacity, worth))


def _worth(capacity: Capacity, each: float) -> Capacity:
    return capacity if each == 1.0 else replace(capacity, rate=capacity.rate.times(each))


def _each(candidate: Candidate, price: Reading[Price]) -> float | None:
    """Money per hour that the bill changes by with one replica, as far as the price is known."""
    known = last_known(price)
    return _charged(candidate.marginal.of(known.per_hour) if candidate.marginal and known else None)


def _listed(candidate: Candidate, price: Reading[Price]) -> float | None:
    """Money per hour of one replica where its nodes are paid by the hour."""
    known = last_known(price)
    return _charged(candidate.marginal.listed(known.per_hour) if candidate.marginal and known else None)


def _charged(money: float | None) -> float | None:
    """None also for a replica that asks for nothing: free of charge is not a price either."""
    return money if money is not None and money > 0 else None


def _price(candidate: Candidate, now: datetime) -> Reading[Price]:
    if candidate.shape is None:
        return Unknown("no shape of the pool fits one replica")
    if unknown := unknown_types(candidate.pool):
        return Unknown(f"pool {candidate.name}: {unknown}")
    if candidate.shape.price is None and candidate.pool.made:
        return Unknown(made_without_price(candidate.pool))
    if candidate.shape.price is None:
        return Unknown(f"the price of {candidate.shape.instance_type} is not known: set spec.shapes[].pricePerHour, priceClass and asOf")
    if not candidate.shape.price.plausible:
        return Unknown(
            f"a price of {candidate.shape.price.per_hour:g} per hour is not plausible: "
            f"correct spec.shapes[].pricePerHour of {candidate.shape.instance_type}"
        )
    told = candidate.shape.price.reading(now)
    return Stale(told.value, told.at, old_list_price(told.value)) if candidate.pool.made and isinstance(told, Stale) else told


def _option(grounds: _Grounds, snapshot: Snapshot, asked: Asked, now: datetime) -> Option:
    workload = snapshot.workload
    candidate, known, each, counting = grounds.candidate, grounds.known, grounds.each, asked.counting
    worth = counting.worth(known.tokens if known else None)
    own = aged(known, now) if known else None
    capacity = own and _worth(own, worth)
    past = known is not None and capacity is not None and old(known, now)
    if capacity is None and each is not None:
        capacity = grounds.prior
    choice = workload.choice(candidate.name)
    most = _most(candidate, workload, choice)
    option = Eligible(
        pool=candidate.name,
        candidate=candidate,
        known=known,
        price=grounds.price,
        each=each,
        listed=grounds.listed,
        capacity=capacity,
        asked=asked,
        least=max(workload.scaling.least, choice.minimum),
        most=most,
        room=space(candidate, most).beside(candidate.pool.held_nodes + _held_by_variants(candidate, snapshot)),
        old=past,
        timed=workload.whole_request is not None,
        prior=grounds.prior,
        saturation=known.saturation and replace(known.saturation, rate=widened(known.saturation.rate, known, now)) if known else None,
        worth=worth,
        tokens=_tokens(known, counting),
        start_seconds=_start(candidate, snapshot),
    )
    if grounds.refusal is not None:
        return _refused(option, grounds.refusal)
    only_part = _spot_limited(option, workload) or _limit_reached(option, workload, asked.load)
    return option if only_part is None else _refused(option, only_part, only_for_part=True)


def _refused(option: Eligible, refusal: Refusal, *, only_for_part: bool = False) -> Refused:
    """The same with what is known of it."""
    known = {name: getattr(option, name) for name in _ON_POOL}
    return Refused(**known, refusal=refusal, only_for_part=only_for_part)


def _start(candidate: Candidate, snapshot: Snapshot) -> float | None:
    standing = [p for p in snapshot.placements if p.key.pool == candidate.name]
    return snapshot.start_seconds(candidate.name, standing[0].key.revision if standing else candidate.revision)


def _tokens(known: Known | None, counting: Counting) -> PerRequest | None:
    """Of the requests that a capacity was measured with; a probe sends some as long as the workload's own."""
    if known is None:
        return None
    return counting.now if known.tokens is None and known.probed is not None else known.tokens


def _too_late(known: Known | None, workload: Workload, now: datetime) -> Refusal | None:
    """Of a pool that was measured, and keeps the promise at no load."""
    floor = known.floor if known else None
    if floor is None or not never(floor, workload.allowed, now):
        return None
    if workload.several_shares:
        least = (1 - floor.most) / workload.allowed
        return Refusal(
            Reason.CANNOT_MEET_OBJECTIVE, f"{met_there(floor, workload)}, and at least {least:.3g} times as often would be at a lower one"
        )
    return Refusal(
        Reason.CANNOT_MEET_OBJECTIVE,
        f"{met_there(floor, workload)}, and at most {100 * floor.most:.4g} % would at a lower one; {100 * (1 - workload.allowed):.6g} % must",
    )


def met_there(floor: Floor, workload: Workload) -> str:
    """How far the promise was kept at the lowest load seen, as a clause."""
    where = f"{floor.n} requests at {floor.load:.3g} requests/s and replica, the lowest load seen"
    if workload.several_shares:
        times = (1 - floor.share.point) / workload.allowed
        return f"the tightest of its promises was missed {times:.3g} times as often as it allows, by {where}"
    share = floor.share.times(100)
    return f"{share.point:.4g} % [{share.lower:.4g}, {share.upper:.4g}] met the objective of {where}"


def _spot_limited(option: Option, workload: Workload) -> Refusal | None:
    if not option.candidate.pool.spot or workload.max_spot_percent >= 100:
        return None
    return Refusal(
        Reason.SPOT_LIMITED,
        f"pool {option.pool} is spot and may not take the whole load: spec.placement.maxSpotPercent is {workload.max_spot_percent}; "
        "raise it to 100 to allow that",
    )


def _limit_reached(option: Option, workload: Workload, load: Load | None) -> Refusal | None:
    """What fits the load's mean is not refused for a peak. Of a pool that was never measured, or not for long, only the best that its claim or
    its age allows for may count against it."""
    if load is None or (known := option.figures) is None:
        return None
    rate = known.capacity.rate.point if option.sure else known.capacity.rate.upper
    surely = need(load.mean, rate, workload.scaling.least, UNBOUNDED)
    if surely <= option.most:
        return None
    return Refusal(
        Reason.LIMIT_REACHED,
        f"the load needs {surely} replicas on pool {option.pool} and {option.most} are allowed: {what_to_raise(workload)}",
    )


def what_to_raise(workload: Workload) -> str:
    """What bounds the replicas of a pool. spec.scaling bounds none of a server that exists already."""
    of_the_workload = "spec.scaling.maxReplicas, " if workload.existing is None else ""
    return f"raise {of_the_workload}spec.placement.pools[].maxReplicas or the pool's spec.capacity.maxNodes"


def cost_at(rates: Sequence[float], rate: Interval, each: float, least: int) -> Interval:
    """Money per hour of the replicas that carry these loads, as a mean, over the interval of what one carries."""
    point, few, many = (fmean([need(load, c, least, UNBOUNDED) for load in rates]) for c in (rate.point, rate.upper, rate.lower))
    return Interval(point * each, few * each, many * each)


def _most(candidate: Candidate, workload: Workload, choice: PoolChoice) -> int:
    most = workload.scaling.maximum if choice.maximum is None else min(workload.scaling.maximum, choice.maximum)
    return min([most, *(candidate.fitting * n for n in _node_limits(candidate))]) if candidate.shape is not None else 0


def _held_by_variants(candidate: Candidate, snapshot: Snapshot) -> float:
    """Nodes that the workload's own replicas take at other places on the pool, each as one here would."""
    count = sum(p.desired for p in snapshot.placements if p.key.pool != candidate.name and on_pool(p.key.pool) == candidate.pool.of)
    return count / max(1, candidate.fitting)


def space(candidate: Candidate, most: int) -> Room:
    """For up to `most` replicas."""
    return Room(most, candidate.fitting, min(_node_limits(candidate), default=None))


def _node_limits(candidate: Candidate) -> list[int]:
    """Where nobody makes nodes, those that stand are all there will be; of a pool that nobody wrote nobody knows."""
    limits = (candidate.pool.max_nodes, None if candidate.pool.provisioned or candidate.pool.made else candidate.pool.nodes)
    return [n for n in limits if n is not None]


def line(option: Option, cheapest: Option | None) -> OptionLine:
    """The option as `explain` shows it."""
    refusal = refusal_of(option)
    return OptionLine(
        pool=option.pool,
        feasible=refusal is None,
        reason=refusal.reason.value if refusal else "",
        message=refusal.message if refusal else _caveat(option),
        replicas=option.replicas,
        cost_per_hour=option.cost.point if option.cost else None,
        unit_cost=option.unit.point if option.unit else None,
        lower=option.unit.lower if option.unit else None,
        upper=option.unit.upper if option.unit else None,
        basis=option.capacity.basis.value if option.capacity else None,
        n=option.capacity.n if option.capacity else 0,
        cheapest_below=_cheapest_below(option, cheapest.cost) if cheapest is not None and cheapest.cost is not None else None,
        cost_basis=option.candidate.marginal.basis.value if option.cost and option.candidate.marginal else None,
        accuracy=option.candidate.artifact.accuracy if option.candidate.artifact else None,
    )


def _cheapest_below(option: Option, least: Interval) -> float | None:
    """The price of a node per hour below which the pool would cost less than `least`; None where it does already, or its figures are not known."""
    if option.cost is None or option.cost.point <= least.point or not option.replicas or option.candidate.marginal is None:
        return None
    part = option.candidate.marginal.of(1.0)
    return least.point / (option.replicas * part) if part > 0 else None


def _caveat(option: Option) -> str:
    """Why a pool is not ruled out though it would need more replicas than are allowed there."""
    if option.replicas is None or option.capacity is None or option.replicas <= option.most:
        return ""
    if option.sure:
        return f"the peak load needs {option.replicas} replicas and {option.most} are allowed; the mean load fits"
    rate = option.capacity.rate
    return (
        f"the best estimate needs {option.replicas} replicas and {option.most} are allowed; it is not measured or not lately, and with up to "
        f"{rate.upper / rate.point:.3g} times the estimated capacity the load would fit"
    )


def good_for_part(option: Option) -> bool:
    """Usable, or refused for the whole load alone, with a fresh price and room for one replica."""
    if isinstance(option, Eligible):
        return usable(option)
    return option.only_for_part and option.most >= 1 and _is_weighed(option)


def usable(option: Option) -> bool:
    """Eligible, with a fresh price and figures."""
    return isinstance(option, Eligible) and _is_weighed(option)


def _is_weighed(option: Option) -> bool:
    return isinstance(option.price, Fresh) and option.figures is not None
