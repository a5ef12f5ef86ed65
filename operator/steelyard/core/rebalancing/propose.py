"""From options to proposals: where to go, as a move or as a trial, with every operand of the gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from steelyard.core.economics.money import written
from steelyard.core.facts.live_trial import LiveTrial
from steelyard.core.facts.memory import Move, MoveKind
from steelyard.core.facts.snapshot import Pool, Snapshot
from steelyard.core.performance.floor import missed_there
from steelyard.core.planning.exact import solve
from steelyard.core.planning.exhaustion import LONGEST
from steelyard.core.planning.offers import problem_of
from steelyard.core.planning.option import Option, Refused, met_there, refusal_of, usable, what_to_raise
from steelyard.core.planning.outcome import Infeasible, Planned, Undecided
from steelyard.core.planning.wish import Wish
from steelyard.core.rebalancing.alternative import Alternative, alternatives, standing_cost
from steelyard.core.rebalancing.askable import not_askable
from steelyard.core.rebalancing.asked import SPARE, START, Fitted, Wanted, fitted, left_of, not_tried, spent_on
from steelyard.core.rebalancing.at_once import in_all, in_namespace, in_pool
from steelyard.core.rebalancing.chain import (
    ASIDE,
    ASKED,
    COST_MOVE,
    EXPLORATION,
    OF_THE_FLEET,
    PROBED_FOR_ASKED,
    RESCUE,
    Review,
    review,
)
from steelyard.core.rebalancing.cost_test import CostTest
from steelyard.core.rebalancing.equal_share import source_beside
from steelyard.core.rebalancing.gates.budget import trial_too_expensive
from steelyard.core.rebalancing.gates.scarcity import pool_scarce
from steelyard.core.rebalancing.grounds import Grounds
from steelyard.core.rebalancing.probing import EndToProbe, probed_first, probes_cost
from steelyard.core.rebalancing.proposal import Proposal
from steelyard.core.rebalancing.unready import unready_nodes
from steelyard.core.rebalancing.untried import trial_cost, undecided, untried
from steelyard.core.vocabulary.reason import Reason, Refusal

_WAITED_FOR = frozenset(gate.__name__ for gate in OF_THE_FLEET)


@dataclass(frozen=True, slots=True, kw_only=True)
class Considered:
    """A proposal and what the gates say of it. `target` None: nothing better is known. `alternative`: the allocation that a move ends with; None
    of a trial."""

    target: Option | None
    proposal: Proposal
    review: Review
    alternative: Alternative | None = None
    wishes: tuple[Wish, ...] = ()
    """Moves that wait for room or for their turn alone: the first of each."""
    probes: tuple[EndToProbe, ...] = ()
    """What a trial begins with, before a user's request comes to its target."""
    fitted: Fitted | None = None
    """Of a trial that a person asks for: until when, and for how much."""


def cheaper(grounds: Grounds) -> Considered:
    """The cheapest allocation that may be moved to; where none may, the cheapest that there is with the first reason against it, or why there is
    none."""
    first: Considered | None = None
    wishes: list[Wish] = []
    for found in alternatives(grounds):
        considered = _move(grounds, found)
        if considered.review.verdict is None:
            return considered
        first, wishes = first or considered, [*wishes, *wished(considered, considered.proposal.added)]
    return replace(first, wishes=first_of_each(wishes)) if first else _none(grounds)


def wished(considered: Considered, replicas: int) -> tuple[Wish, ...]:
    """The move, where it waits for room or for its turn alone. replicas: that the target gets."""
    asked, target = considered.proposal, considered.target
    refusing = {f.gate for f in considered.review.findings if f.refusal is not None}
    # What it may cost is its own: no room and no turn makes it less, and that is cheaper to ask than all of it once more.
    if target is None or not refusing <= _WAITED_FOR or trial_too_expensive(asked) is not None:
        return ()
    alone = replace(asked, room=max(asked.added, asked.room), turn=True, moves_elsewhere=0, moves_in_namespace=0, pool_moves=())
    if any(gate(alone) is not None for gate in OF_THE_FLEET):
        return ()
    saves = asked.saving.point if asked.saving is not None else (asked.expected_saving or 0.0) * 3600 / asked.policy.payback_seconds
    return (
        Wish(
            gain=_gain(asked),
            pool=target.candidate.pool.of,
            nodes=replicas * target.node_part,
            saving=saves,
            room=asked.room >= asked.added,
            under_way=asked.moves_elsewhere,
            at_once=asked.moves_at_once,
            in_namespace=asked.moves_in_namespace,
            at_once_in_namespace=asked.moves_at_once_in_namespace,
            by_pool=asked.pool_moves,
        ),
    )


def _gain(proposal: Proposal) -> float:
    """Money within the payback time over the money that the move costs."""
    saved = proposal.expected_saving
    if proposal.saving is not None:
        saved = proposal.saving.point * proposal.policy.payback_seconds / 3600
    return (saved or 0.0) / max(1e-9, proposal.move_cost or 0.0)


def first_of_each(wishes: Iterable[Wish]) -> tuple[Wish, ...]:
    """The first with room, and the first without."""
    by_room: dict[bool, Wish] = {}
    for one in wishes:
        by_room.setdefault(one.room, one)
    return tuple(by_room[room] for room in sorted(by_room))


def trials(grounds: Grounds) -> Iterator[Considered]:
    """Of each pool without sure measurements, or with those of a probe that leave the decision open, that first whose trial is expected to save most,
    net of its price."""
    dearest = grounds.dearest
    for one in untried(grounds, dearest) if dearest is not None else ():
        target, source = one.option, one.source
        probes = probed_first(grounds, source, target)
        # What the source needs beside a slower target is known after the probe.
        extra = 0 if probes else _source_extra(grounds, source, target)
        proposal = _proposal(grounds, source, target, MoveKind.EXPLORATION, _no_room(grounds, source, extra))
        proposal = replace(
            proposal,
            source_cost=source.cost if len(grounds.standing) == 1 else one.here,
            source_extra=extra,
            expected_saving=one.saves,
            move_cost=probes_cost(grounds, probes) if probes else _trial_price(grounds, source, target, extra),
            exhausted_until=_asked_again(target, extra),
            room=target.room,
            judges=undecided(grounds, target),
        )
        gates = ASIDE if target.pool in grounds.standing else EXPLORATION
        yield Considered(target=target, proposal=proposal, review=review(gates, proposal), probes=probes)


def asked(grounds: Grounds, trial: LiveTrial, source: Option, target: Option, begun: Move | None = None) -> Considered:
    """The trial of a pool without a part of the load that a person asks for. begun: the move that has probed it; its target would join now."""
    probes = () if begun is not None else probed_first(grounds, source, target, asked=True)
    # What the source needs beside a slower target is known after the probe.
    extra = 0 if probes else _source_extra(grounds, source, target)
    fits = _fitted(grounds, trial, _wanted(grounds, source, target, extra, probes), begun)
    proposal = replace(
        _proposal(grounds, source, target, MoveKind.EXPLORATION, _not_even_one(grounds, target) or _no_room(grounds, source, extra)),
        asked_by=trial.key,
        source_extra=extra,
        move_cost=fits.reserved if isinstance(fits, Fitted) else None,
        unpaid=fits if isinstance(fits, Refusal) else None,
        exhausted_until=_asked_again(target, extra),
        room=target.room,
    )
    return Considered(
        target=target,
        proposal=proposal,
        review=review(ASKED if begun is None else PROBED_FOR_ASKED, proposal),
        probes=probes,
        fitted=fits if isinstance(fits, Fitted) else None,
    )


def _not_even_one(grounds: Grounds, target: Option) -> Refusal | None:
    """Why no replica may be there. What only keeps all of the load from going there is no reason."""
    if not grounds.may_have_one(target):
        return Refusal(
            Reason.SPOT_LIMITED,
            f"pool {target.pool} is spot, and one replica of {grounds.replicas + 1} is more than is allowed "
            f"({grounds.snapshot.workload.max_spot_percent} percent): raise spec.placement.maxSpotPercent",
        )
    return _lasting(target)


def _lasting(option: Option) -> Refusal | None:
    """Why not even a part of the load may be there."""
    return option.refusal if isinstance(option, Refused) and not option.only_for_part else None


def _wanted(grounds: Grounds, source: Option, target: Option, extra: int, probes: tuple[EndToProbe, ...]) -> Wanted | Refusal:
    policy, paid = grounds.snapshot.workload.rebalancing, probes_cost(grounds, probes)
    if target.each is None or (extra and source.each is None) or paid is None:
        return Refusal(
            Reason.PRICE_SUSPECT,
            f"what a trial on pool {target.pool} may cost is not known: set the prices of the shapes of its pool and of {source.pool}",
        )
    waits = [target, source] if extra else [target]  # one after the other: the source grows first
    return Wanted(
        each=target.each + extra * (source.each or 0.0),
        start=sum(START if each.start_seconds is None else SPARE * each.start_seconds for each in waits),
        probing=sum(end.seconds for end in probes),
        probes=paid,
        usual=policy.exploration_deadline_seconds,
        window=policy.window_seconds,
    )


def _fitted(grounds: Grounds, trial: LiveTrial, wanted: Wanted | Refusal, begun: Move | None) -> Fitted | Refusal:
    if isinstance(wanted, Refusal):
        return wanted
    history = grounds.snapshot.memory.history
    left = left_of(trial, history)
    if begun is not None:
        spent = spent_on(begun, grounds.now)
        fits = fitted(trial, wanted, left - spent, (begun.reserved or 0.0) - spent, grounds.now)
        return replace(fits, reserved=written(spent + fits.reserved)) if isinstance(fits, Fitted) else fits
    pools = [pool for pool in not_tried(trial, history) if pool not in grounds.standing]
    return fitted(trial, wanted, left, left / max(1, len(pools)), grounds.now)


def rescuing(grounds: Grounds, source: Option, target: Option | None, none: Refusal | None = None) -> Considered:
    """Leaving `source` for `target`, whatever it costs up to the user's ceiling. none: why there is no target."""
    proposal = replace(
        _proposal(grounds, source, target, MoveKind.RESCUE, none),
        target_unit=target.unit if target and target.measured else None,
        most_unit=grounds.snapshot.workload.max_unit_cost,
        unit=grounds.snapshot.workload.unit,
    )
    return Considered(target=target, proposal=proposal, review=review(RESCUE, proposal))


def rejudge(grounds: Grounds, source: Option, target: Option, compared: CostTest | None) -> Proposal:
    """The proposal of a move that has begun as a trial and is measured now. compared: with the source, over the same minutes."""
    none, most = refusal_of(target), min(target.most, grounds.room(target))
    if none is None and target.replicas is not None and target.replicas > most:
        left = "allowed" if most == target.most else "left there by other workloads"
        none = Refusal(Reason.LIMIT_REACHED, f"the peak load needs {target.replicas} replicas on pool {target.pool} and {most} are {left}")
    proposal = _proposal(grounds, source, target, MoveKind.REBALANCE, none)
    return replace(
        proposal,
        source_cost=standing_cost(grounds),
        target_cost=grounds.cost(target),
        move_cost=_move_price(grounds, source, target, target.replicas, 0),
        compared=compared,
    )


def judge_probed(grounds: Grounds, source: Option, target: Option) -> Proposal:
    """The proposal of a trial that was probed: its first replica would join now, beside those that the source needs for that."""
    extra = _source_extra(grounds, source, target)
    proposal = rejudge(grounds, source, target, None)
    return replace(
        proposal,
        no_target=proposal.no_target or _no_room(grounds, source, extra),
        move_cost=_move_price(grounds, source, target, target.replicas, extra),
        source_extra=extra,
    )


def _move(grounds: Grounds, found: Alternative) -> Considered:
    source, added = grounds.option(found.source), found.target_replicas - found.base
    assert source is not None
    extra = _source_extra(grounds, source, found.target)
    none = _missed_there(grounds, found.target) or _no_room(grounds, source, extra)
    plain = _proposal(grounds, source, found.target, MoveKind.REBALANCE, none)
    proposal = replace(
        plain,
        # What stands there grows, whatever revision would be made today.
        target_revision=grounds.revisions.get(found.target.pool, plain.target_revision),
        source_cost=found.present,
        target_cost=found.cost,
        move_cost=_move_price(grounds, source, found.target, added, extra),
        source_extra=extra,
        exhausted_until=_asked_again(found.target, extra),
        room=grounds.room(found.target) - found.base,
        added=added,
    )
    return Considered(target=found.target, proposal=proposal, review=review(COST_MOVE, proposal), alternative=found)


def _missed_there(grounds: Grounds, target: Option) -> Refusal | None:
    """Where replicas of the target missed more than is allowed with no more load than they would be sized for."""
    floor, workload = target.known.floor if target.known else None, grounds.snapshot.workload
    if floor is None or target.capacity is None or not missed_there(floor, workload.allowed, target.capacity.rate.point, grounds.now):
        return None
    return Refusal(
        Reason.CANNOT_MEET_OBJECTIVE, f"pool {target.pool}: {met_there(floor, workload)}; {100 * (1 - workload.allowed):.6g} % must"
    )


def _asked_again(target: Option, extra: int) -> datetime | None:
    """When a move or a trial may ask a pool for nodes that delivered none: where the source grows first and waits with that, only once the failure is
    long over or a node was found."""
    failed = target.candidate.pool.exhaustion
    return None if failed is None else failed.until + LONGEST if extra else failed.until


def _none(grounds: Grounds) -> Considered:
    source = grounds.option(grounds.primary)
    assert source is not None
    proposal = _proposal(grounds, source, None, MoveKind.REBALANCE, _why_none(grounds, source))
    return Considered(target=None, proposal=proposal, review=review(COST_MOVE, proposal))


def _why_none(grounds: Grounds, source: Option) -> Refusal:
    measured = [o for o in grounds.options if o.measured]
    left = _left_to_others(grounds, source, measured)
    if left is not None:
        return left
    if len(grounds.standing) > 1:
        return Refusal(Reason.ALREADY_CHEAPEST, f"the mix of {', '.join(sorted(grounds.standing))} is the cheapest of those measured")
    if not source.measured or grounds.snapshot.workload.min_families > 1:
        options = [o for o in measured if usable(o)]
        return _no_single(solve(problem_of(grounds.snapshot, options, grounds.load.soon, grounds.standing, grounds.amortised)))
    # What the pool is too small for is carried by another one; that is no reason to go.
    return _lasting(source) or Refusal(
        Reason.ALREADY_CHEAPEST, f"pool {source.pool} is the cheapest of the {len(measured)} measured{_unasked(grounds, source)}"
    )


def _unasked(grounds: Grounds, source: Option) -> str:
    """What could be known of the others, as a clause: an equal share of live requests shows of a replica that it carries no less."""
    why = not_askable(grounds.snapshot)
    if why is None or grounds.snapshot.workload.custom is None:
        return ""
    open_ = sorted(o.pool for o in grounds.options if o is not source and usable(o) and (o.capacity is None or o.capacity.at_least))
    return f"; whether a replica carries more on {', '.join(open_)} is not probed: {why.message}" if open_ else ""


def _left_to_others(grounds: Grounds, source: Option, measured: Iterable[Option]) -> Refusal | None:
    """A pool that would cost less, were its nodes not worth more to others."""
    cheaper = (
        o for o in measured if usable(o) and o.cost and source.cost and o.cost.point < source.cost.point and o.pool not in grounds.standing
    )
    refused = (pool_scarce(_proposal(grounds, source, o, MoveKind.REBALANCE, None)) for o in cheaper)
    return next((r for r in refused if r is not None), None)


def _no_single(outcome: Planned | Infeasible | Undecided) -> Refusal:
    match outcome:
        case Planned(replicas=replicas):
            names = ", ".join(f"{pool}: {count}" for pool, count in sorted(replicas.items()) if count)
            return Refusal(Reason.INFEASIBLE_TARGET, f"only a mix carries the load within the limits ({names})")
        case Infeasible(relaxation=relaxation):
            return Refusal(Reason.INFEASIBLE_TARGET, relaxation)
        case Undecided(why=why):
            return Refusal(Reason.INFEASIBLE_TARGET, why)


def _source_extra(grounds: Grounds, source: Option, target: Option) -> int:
    """Replicas that the source needs beyond those it has, before the first of the target joins; none where a route has weights."""
    if grounds.snapshot.weighted:
        return 0
    standing, known, ends = grounds.standing, grounds.limits, {source.pool, target.pool}
    others = {pool: count for pool, count in standing.items() if pool not in ends and count > 0}
    elsewhere = sum(others.values()) + standing.get(target.pool, 0) + 1
    slowest = min((known[pool] for pool in others if pool in known), default=None)
    beside = source_beside(grounds.load.dual, known.get(source.pool), known.get(target.pool), slowest, elsewhere)
    return max(0, beside - standing.get(source.pool, 0))


def _no_room(grounds: Grounds, source: Option, extra: int) -> Refusal | None:
    """Where the source cannot grow by these."""
    wanted = grounds.standing.get(source.pool, 0) + extra
    most = min(source.most, source.room)  # what others hold cannot be grown into either
    if extra == 0 or wanted <= most:
        return None
    return Refusal(
        Reason.NO_ROOM,
        f"a replica of the target carries less than an equal part of the load: pool {source.pool} would need {wanted} replicas for a while, "
        f"and {most} are allowed there or left by others: {what_to_raise(grounds.snapshot.workload)}",
    )


def _trial_price(grounds: Grounds, source: Option, target: Option, extra: int) -> float | None:
    """Money that a trial costs at most, with what the source has to grow by; None where a price of it is not known."""
    if target.each is None or (extra and source.each is None):
        return None
    return trial_cost(grounds, target) + extra * trial_cost(grounds, source)


def _move_price(grounds: Grounds, source: Option, target: Option, added: int | None, extra: int) -> float | None:
    """Money of the dual running of the target until the source is gone; what the source has to grow by runs as long."""
    if target.each is None or added is None or (extra and source.each is None):
        return None
    return (target.each * added + extra * (source.each or 0.0)) * grounds.dual_hours(added, target)


def _proposal(grounds: Grounds, source: Option, target: Option | None, kind: MoveKind, none: Refusal | None) -> Proposal:
    """What the gates ask of every act; what it saves and costs is added by the kind of it."""
    snapshot, there = grounds.snapshot, _There() if target is None else _there(grounds, target)
    ends = (source,) if target is None else (source, target)
    return Proposal(
        now=grounds.now,
        kind=kind,
        policy=snapshot.workload.rebalancing,
        frozen=snapshot.settings.frozen,
        synced=snapshot.synced,
        clock_suspect=snapshot.clock_suspect,
        source_pool=source.pool,
        target_pool=there.place,
        target_revision=there.revision,
        no_target=none,
        observation=grounds.observation,
        good=grounds.good.get(source.pool, 0),
        promise=grounds.promise,
        prices=tuple((o.pool, o.price) for o in ends),
        source_cost=source.cost,
        target_cost=None,
        expected_saving=None,
        move_cost=None,
        history=snapshot.memory.own_history,
        quarantine=snapshot.memory.quarantine,
        exhausted_until=there.exhausted_until,
        replicas_owner=grounds.owner,
        existing="" if snapshot.workload.existing is None else str(snapshot.workload.existing),
        moves_elsewhere=snapshot.moves_elsewhere,
        moves_at_once=in_all(snapshot.settings.moves_at_once, snapshot.workloads),
        moves_in_namespace=snapshot.moves_in_namespace,
        moves_at_once_in_namespace=in_namespace(snapshot.settings.moves_at_once, snapshot.workloads, snapshot.workloads_in_namespace),
        pool_moves=tuple(_pool_moves(snapshot, o.candidate.pool) for o in ends),
        replicas=grounds.replicas,
        replicas_allowed=snapshot.workload.scaling.maximum,
        unready_nodes=unready_nodes(there.pool, snapshot.pools),
        planned=there.planned,
        node_worth=there.node_worth,
        turn=grounds.turn,
        weighted=snapshot.weighted,
        frees=grounds.frees(source.pool),
    )


class _There(NamedTuple):
    """The target as the gates see it; by its defaults, that there is none."""

    place: str | None = None
    pool: Pool | None = None
    revision: str | None = None
    exhausted_until: datetime | None = None
    planned: int | None = None
    node_worth: float = 0.0


def _there(grounds: Grounds, target: Option) -> _There:
    pool = target.candidate.pool
    return _There(
        place=target.pool,
        pool=pool,
        revision=target.candidate.revision,
        exhausted_until=pool.exhausted_until,
        planned=grounds.planned(target.pool),
        node_worth=grounds.scarcity(target.pool),
    )


def _pool_moves(snapshot: Snapshot, pool: Pool) -> tuple[str, int, int]:
    """(pool, moves of other workloads to or from it, how many there may be)."""
    return pool.of, snapshot.moves_by_pool.get(pool.of, 0), in_pool(snapshot.settings.moves_at_once_per_pool, pool.nodes)
