"""From options to one proposal: where to go, as a move or as a trial, with every operand of the gates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from steelyard.core.facts.memory import MoveKind
from steelyard.core.facts.snapshot import Placement, PoolChoice, Snapshot, Traffic
from steelyard.core.planning.exact import solve
from steelyard.core.planning.load import Load
from steelyard.core.planning.option import PER_HOUR, Option, good_for_part, usable
from steelyard.core.planning.outcome import Infeasible, Planned, Undecided
from steelyard.core.planning.prior import expected_saving, sigma_of
from steelyard.core.planning.problem import Offer, Problem
from steelyard.core.rebalancing.at_once import in_all, in_pool
from steelyard.core.rebalancing.chain import COST_MOVE, EXPLORATION, Review, review
from steelyard.core.rebalancing.cost_test import CostTest
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.propose_mix import Mix, cheaper_mixes, standing
from steelyard.core.rebalancing.storm import storm
from steelyard.core.statistics.sequential import Test
from steelyard.core.vocabulary.reading import Reading
from steelyard.core.vocabulary.reason import HOLDS, SETTLED, Reason, Refusal

START_SECONDS = 60
"""Assumed start of a replica where none has been seen: it is paid from its order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A target, its proposal and the review of it. `target` None: nothing better is known. `mix`: the target takes a part of the load, or
    takes it from another pool than home; None: it takes all of home's."""

    target: Option | None
    proposal: Proposal
    review: Review
    mix: Mix | None = None


def problem(
    snapshot: Snapshot,
    options: tuple[Option, ...],
    rate: float,
    home: Option | None,
    move_cost_per_hour: float = 0.0,
    *,
    parts: bool = False,
) -> Problem:
    """The placement problem over the usable options; with `parts` also over those that are too small for the whole load. Amortised move cost
    falls on replicas that are not there yet."""
    workload = snapshot.workload
    offers = []
    for option in options:
        if not (good_for_part(option) if parts else usable(option)) or option.most < 1:
            continue
        assert option.capacity is not None
        assert option.each is not None
        choice = workload.pools.get(option.pool, PoolChoice())
        at_home = home is not None and option.pool == home.pool
        offers.append(
            Offer(
                pool=option.pool,
                family=option.candidate.pool.family,
                spot=option.candidate.pool.spot,
                capacity=option.capacity.rate.point,
                cost=option.each,
                least=choice.minimum,
                most=option.most,
                current=(option.replicas or 0) if at_home else 0,
                added=0.0 if at_home else move_cost_per_hour * option.each,
            )
        )
    return Problem(
        load=rate,
        minimum=workload.scaling.least,
        maximum=workload.scaling.maximum,
        offers=tuple(offers),
        min_families=workload.min_families,
        max_spot_percent=workload.max_spot_percent,
    )


def propose(
    snapshot: Snapshot,
    options: tuple[Option, ...],
    home: Option,
    placement: Placement,
    load: Load,
    promise: Test,
    observation: Reading[Traffic],
    good: int,
    now: datetime,
) -> Considered:
    """The best voluntary step known: a cheaper measured pool, else the trial with the best expected saving."""
    measured = tuple(o for o in options if o.measured)
    amortised = _dual_hours(snapshot, 1) / max(1e-9, snapshot.workload.rebalancing.payback_seconds / 3600)

    now_standing = standing(snapshot, home.pool)

    def considering(target: Option | None, kind: MoveKind, none: Refusal | None) -> Considered:
        extra = _source_extra(options, home, target, load, now_standing) if target else 0
        none = none or _no_room(home, extra, now_standing)
        proposal = _proposal(snapshot, home, target, placement, promise, observation, good, now, kind, none, extra)
        return Considered(
            target=target, proposal=proposal, review=review(EXPLORATION if kind is MoveKind.EXPLORATION else COST_MOVE, proposal)
        )

    mixed = _cheapest_mix(snapshot, options, home, placement, load, promise, observation, good, now, now_standing, amortised)
    if mixed is not None and mixed.review.verdict is None:
        return mixed
    if len(now_standing) > 1:
        # Pools are left and joined one by one; what all of the load on one of them would cost is no question then.
        settled = Refusal(Reason.ALREADY_CHEAPEST, f"the mix of {', '.join(sorted(now_standing))} is the cheapest of those measured")
        rest = considering(None, MoveKind.REBALANCE, settled)
        return _or_trial(
            mixed or rest, [considering(o, MoveKind.EXPLORATION, None) for o in _trials(snapshot, options, home, load, now_standing)]
        )
    left = measured
    first = considered = considering(*_best(snapshot, left, load, home, amortised))
    while considered.target is not None and considered.review.verdict and considered.review.verdict.reason in _CLOSED:
        # The cheapest is closed for a while: the next-best one is asked, and the first refusal is told if none may be had.
        left = tuple(o for o in left if o is not considered.target)
        considered = considering(*_best(snapshot, left, load, home, amortised))
    if considered.target is None or considered.review.verdict is not None:
        considered = first
    if considered.target is None or considered.review.verdict is not None:
        trials = [considering(o, MoveKind.EXPLORATION, None) for o in _trials(snapshot, options, home, load, now_standing)]
        return _or_trial(mixed if mixed is not None and considered.target is None else considered, trials)
    return considered


def _or_trial(considered: Considered, trials: list[Considered]) -> Considered:
    """The first trial that may begin, where nothing measured may and nothing holds the workload."""
    if _refused(considered) in HOLDS:
        return considered
    open_ = next((c for c in trials if c.review.verdict is None), None)
    if open_ is not None:
        return open_
    # A trial that may not happen is news only where nothing measured is better than home anyway.
    if trials and _refused(considered) in SETTLED and _refused(trials[0]) not in SETTLED - {Reason.NO_ROOM}:
        return trials[0]
    return considered


def _cheapest_mix(
    snapshot: Snapshot,
    options: tuple[Option, ...],
    home: Option,
    placement: Placement,
    load: Load,
    promise: Test,
    observation: Reading[Traffic],
    good: int,
    now: datetime,
    standing_now: Mapping[str, int],
    amortised: float,
) -> Considered | None:
    """The cheapest mix that may be moved to, or the cheapest with the reason why not; None where none is cheaper, or one pool takes all."""
    first: Considered | None = None
    revisions = dict(snapshot.memory.beside)
    if snapshot.memory.home_pool is not None and snapshot.memory.home_revision is not None:
        revisions[snapshot.memory.home_pool] = snapshot.memory.home_revision
    by_pool = {o.pool: o for o in options}
    for mix in cheaper_mixes(snapshot, options, standing_now, load, amortised):
        if len(standing_now) == 1 and mix.source_replicas == 0:
            continue
        source = by_pool[mix.source]
        added = mix.target_replicas - mix.base
        extra = _source_extra(options, source, mix.target, load, standing_now)
        none = _no_room(source, extra, standing_now)
        plain = _proposal(snapshot, source, mix.target, placement, promise, observation, good, now, MoveKind.REBALANCE, none, extra)
        proposal = replace(
            plain,
            # What stands there grows, whatever revision would be made today.
            target_revision=revisions.get(mix.target.pool, plain.target_revision),
            home_cost=mix.present,
            target_cost=mix.cost,
            home_calm_cost=mix.present,
            target_calm_cost=mix.calm,
            move_cost=((mix.target.each or 0.0) * added + (source.each or 0.0) * extra) * _dual_hours(snapshot, added),
            replicas=sum(standing_now.values()),
            nodes_beyond=_beyond(snapshot, mix.target, mix.target_replicas, mix.base),
        )
        considered = Considered(target=mix.target, proposal=proposal, review=review(COST_MOVE, proposal), mix=mix)
        if considered.review.verdict is None:
            return considered
        first = first or considered
    return first


_CLOSED = frozenset({Reason.QUARANTINED, Reason.POOL_EXHAUSTED, Reason.STORM_BREAKER, Reason.CYCLIC, Reason.POOL_SCARCE})
"""Refusals that speak of the target alone: another one may do."""


def _refused(considered: Considered) -> Reason | None:
    return considered.review.verdict.reason if considered.review.verdict else None


def _best(
    snapshot: Snapshot, measured: tuple[Option, ...], load: Load, home: Option, amortised: float
) -> tuple[Option | None, MoveKind, Refusal | None]:
    """The cheapest single pool; where none can hold the workload alone, what the solver says of all together."""
    alone: list[tuple[float, bool, str, Option]] = []
    for option in measured:
        if option.pool == home.pool and option.cost is not None:
            alone.append((round(option.cost.point, 9), False, option.pool, option))  # It is there, whatever its limits are now.
            continue
        outcome = solve(problem(snapshot, (option,), load.crest, home, amortised))
        if isinstance(outcome, Planned):
            alone.append((round(outcome.cost, 9), True, option.pool, option))
    if not alone or snapshot.workload.min_families > 1:
        return None, MoveKind.REBALANCE, _no_single(solve(problem(snapshot, measured, load.crest, home, amortised)))
    best = min(alone)[-1]
    if best.pool != home.pool:
        return best, MoveKind.REBALANCE, None
    # What the pool is too small for spills over to another one; that is no reason to go.
    if home.refusal is not None and not home.only_for_part:
        return None, MoveKind.REBALANCE, home.refusal
    found = Refusal(Reason.ALREADY_CHEAPEST, f"pool {home.pool} is the cheapest of the {len(measured)} measured")
    return None, MoveKind.REBALANCE, found


def rejudge(
    snapshot: Snapshot,
    home: Option,
    target: Option,
    placement: Placement,
    promise: Test,
    observation: Reading[Traffic],
    good: int,
    now: datetime,
    compared: CostTest | None,
) -> Proposal:
    """The proposal of a move that has begun as a trial and is measured now. compared: with home, over the same minutes."""
    none = target.refusal
    if none is None and target.replicas is not None and target.replicas > target.most:
        none = Refusal(
            Reason.LIMIT_REACHED, f"the peak load needs {target.replicas} replicas on pool {target.pool} and {target.most} are allowed"
        )
    proposal = _proposal(snapshot, home, target, placement, promise, observation, good, now, MoveKind.REBALANCE, none, 0)
    return replace(proposal, compared=compared)


def _no_single(outcome: Planned | Infeasible | Undecided) -> Refusal:
    match outcome:
        case Planned(replicas=replicas):
            names = ", ".join(f"{pool}: {count}" for pool, count in sorted(replicas.items()) if count)
            return Refusal(Reason.INFEASIBLE_TARGET, f"only a mix carries the load within the limits ({names})")
        case Infeasible(relaxation=relaxation):
            return Refusal(Reason.INFEASIBLE_TARGET, relaxation)
        case Undecided(why=why):
            return Refusal(Reason.INFEASIBLE_TARGET, why)


def _trials(snapshot: Snapshot, options: tuple[Option, ...], home: Option, load: Load, standing_now: Mapping[str, int]) -> list[Option]:
    """The pools without sure measurements, that first whose trial is expected to save most, net of its price."""
    candidates = [o for o in options if good_for_part(o) and not o.sure and o.pool not in standing_now and o.most >= 1]
    percent, beside = snapshot.workload.max_spot_percent, sum(standing_now.values())
    candidates = [o for o in candidates if not o.candidate.pool.spot or percent * (beside + 1) >= 100]
    return sorted(candidates, key=lambda o: (_trial_cost(snapshot, o) - _expected(snapshot, o, home, load.mean), o.pool))


def _expected(snapshot: Snapshot, option: Option, home: Option, rate: float) -> float:
    """Money within the payback time: E[max(0, home - target)] per 1,000 requests times the requests."""
    if home.cost is None or home.each is None or not (home.capacity and option.capacity and option.each):
        return 0.0
    at_home = home.each / (PER_HOUR * home.capacity.rate.point)
    there = option.each / (PER_HOUR * option.capacity.rate.point)
    sigma = sigma_of(option.capacity.rate.upper / option.capacity.rate.point)
    # A pool that is too small for all of the load can save on its part alone.
    taken = min(rate, option.most * option.capacity.rate.point)
    return expected_saving(at_home, there, sigma) * taken * snapshot.workload.rebalancing.payback_seconds / 1000


def _source_extra(options: tuple[Option, ...], source: Option, target: Option, load: Load, standing_now: Mapping[str, int]) -> int:
    """Replicas that the source needs beyond those it has, before the first of the target joins."""
    ends = {source.pool, target.pool}
    known = {o.pool: o.limit for o in options if o.limit is not None}
    others = {pool: count for pool, count in standing_now.items() if pool not in ends and count > 0}
    elsewhere = sum(others.values()) + standing_now.get(target.pool, 0) + 1
    slowest = min((known[pool] for pool in others if pool in known), default=None)
    beside = source_beside(load.crest, known.get(source.pool), known.get(target.pool), slowest, elsewhere)
    return max(0, beside - standing_now.get(source.pool, 0))


def _no_room(source: Option, extra: int, standing_now: Mapping[str, int]) -> Refusal | None:
    """Where the source cannot grow by these."""
    wanted = standing_now.get(source.pool, 0) + extra
    if extra == 0 or wanted <= source.most:
        return None
    return Refusal(
        Reason.NO_ROOM,
        f"a replica of the target carries less than an equal part of the load: pool {source.pool} would need {wanted} replicas for a while, "
        f"and {source.most} are allowed there: raise spec.scaling.maxReplicas, spec.placement.pools[].maxReplicas or the pool's "
        "spec.capacity.maxNodes",
    )


def _trial_cost(snapshot: Snapshot, option: Option) -> float:
    """At most one replica until the deadline."""
    return (option.each or 0.0) * snapshot.workload.rebalancing.exploration_deadline_seconds / 3600


def _dual_hours(snapshot: Snapshot, replicas: int) -> float:
    """How long one added replica runs beside the source: start, a window for each step up and down, the bake."""
    policy = snapshot.workload.rebalancing
    return (replicas * (START_SECONDS + policy.window_seconds) + policy.bake_seconds) / 3600


def _price(snapshot: Snapshot, source: Option, target: Option | None, extra: int, *, trial: bool) -> float | None:
    """Money: of a trial at most, until its deadline; of a move the dual running of the target until the source is gone. What the source
    has to grow by runs as long."""
    if target is None or (extra and source.each is None):
        return None
    grown = extra * (source.each or 0.0)
    if trial:
        return _trial_cost(snapshot, target) + grown * snapshot.workload.rebalancing.exploration_deadline_seconds / 3600
    if target.each is None or target.replicas is None:
        return None
    return (target.each * target.replicas + grown) * _dual_hours(snapshot, target.replicas)


def _proposal(
    snapshot: Snapshot,
    home: Option,
    target: Option | None,
    placement: Placement,
    promise: Test,
    observation: Reading[Traffic],
    good: int,
    now: datetime,
    kind: MoveKind,
    none: Refusal | None,
    extra: int,
) -> Proposal:
    trial = kind is MoveKind.EXPLORATION
    there = target.candidate.pool if target else None
    expected = None
    owner = placement.replicas_owner
    if owner is None and snapshot.workload.scaling.owner != "Steelyard":
        owner = "what spec.scaling.owner: External stands for"
    if trial and target is not None:
        rate = home.cost.point / (PER_HOUR * home.unit.point) if home.cost and home.unit and home.unit.point else 0.0
        expected = _expected(snapshot, target, home, rate)
    return Proposal(
        now=now,
        kind=kind,
        policy=snapshot.workload.rebalancing,
        frozen=snapshot.settings.frozen,
        synced=snapshot.synced,
        clock_suspect=snapshot.clock_suspect,
        home_pool=home.pool,
        target_pool=target.pool if target else None,
        target_revision=target.candidate.revision if target else None,
        no_target=none,
        observation=observation,
        good=good,
        promise=promise,
        prices=tuple((o.pool, o.price) for o in (home, target) if o is not None),
        home_cost=home.cost,
        target_cost=target.cost if target and not trial else None,
        home_calm_cost=home.calm_cost,
        target_calm_cost=target.calm_cost if target and not trial else None,
        expected_saving=expected,
        move_cost=_price(snapshot, home, target, extra, trial=trial),
        source_extra=extra,
        history=snapshot.memory.history,
        quarantine=snapshot.memory.quarantine,
        exhausted_until=there.exhausted_until if there else None,
        replicas_owner=owner,
        moves_elsewhere=snapshot.moves_elsewhere,
        moves_at_once=in_all(snapshot.settings.moves_at_once, snapshot.workloads),
        pool_moves=tuple(
            (
                o.pool,
                snapshot.moves_by_pool.get(o.pool, 0),
                in_pool(snapshot.settings.moves_at_once_per_pool, o.candidate.pool.nodes),
            )
            for o in (home, target)
            if o is not None
        ),
        replicas=placement.desired,
        replicas_allowed=snapshot.workload.scaling.maximum,
        storm=storm(there, snapshot.pools),
        nodes_beyond=0.0 if trial or target is None else _beyond(snapshot, target, target.replicas or 0, 0),
        planned=_planned(snapshot, target),
        node_worth=snapshot.target.scarcity.get(target.pool, 0.0) if snapshot.target and target else 0.0,
    )


def _beyond(snapshot: Snapshot, target: Option, wanted: int, base: int) -> float:
    """Nodes that the move takes beyond those that the fleet's plan has for the workload."""
    return max(0, wanted - max(base, _planned(snapshot, target) or 0)) / max(1, target.a_node)


def _planned(snapshot: Snapshot, target: Option | None) -> int | None:
    """Replicas that the fleet's plan has for the workload on the target; None where it has nothing to say."""
    replicas = snapshot.target.replicas if snapshot.target else None
    return None if replicas is None or target is None else replicas.get(target.pool, 0)
