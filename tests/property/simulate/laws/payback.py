"""Invariant I9."""

from __future__ import annotations

import re
from datetime import timedelta

from property.simulate.laws.look import Look
from steelyard.core.facts.memory import Move, MoveKind, Step
from steelyard.core.facts.snapshot import Rebalancing
from steelyard.core.planning.option import Option

START = 120
"""Seconds that a start is reckoned with where none was seen there."""
BOUNDS = re.compile(r"saves \S+ \[(\S+), \S+\] an hour")


def moves_pay_back(look: Look) -> None:
    """I9: The lower 95 % bound of the predicted saving over the payback time exceeds the cost of the move: when a move for cost begins, and
    when a trial that was measured becomes one. A trial stays within its budget."""
    before, move = look.snapshot.memory.move, look.decision.memory.move
    goes_on = move is not None and before is not None and before.kind is MoveKind.EXPLORATION and move.kind is MoveKind.REBALANCE
    if move is None or not (look.voluntary or goes_on):
        return
    policy = look.snapshot.workload.rebalancing
    home, target = (next(o for o in look.decision.options if o.pool == pool) for pool in (move.source.pool, move.target.pool))
    assert target.each is not None, f"I9: begun without a price: {look}"
    if move.kind is MoveKind.EXPLORATION:
        price = target.each * policy.exploration_deadline_seconds / 3600
        if move.step is Step.PROBE:
            assert move.reserved is not None, f"I9: a probe of unknown price: {look}"
            price = move.reserved
        assert price <= policy.exploration_budget, f"I9: a trial for {price} of {policy.exploration_budget}: {look}"
        return
    told = BOUNDS.search(move.message)
    mixed = move.source_goal > 0 or move.target_base > 0 or len({p.key for p in look.snapshot.placements if p.desired}) > 1
    added = move.target_goal - move.target_base if mixed else target.replicas or move.target_goal
    beside = sum(p.desired for p in look.snapshot.placements if not (goes_on and p.key == move.target))
    cost = target.each * added * dual_hours(policy, added, beside, bake_of(look, move), start_on(look, move))
    lower = float(told.group(1)) if mixed and told else surely_saved(home, target)
    saved = lower * policy.payback_seconds / 3600
    assert saved > cost, f"I9: saves {saved:.4g} for sure and costs {cost:.4g}: {look}"


def surely_saved(home: Option, target: Option) -> float:
    """Money an hour, as a mean over usual loads."""
    assert home.cost is not None and target.cost is not None
    return home.cost.lower - target.cost.upper


def bake_of(look: Look, move: Move) -> int:
    """Seconds: no more than eight windows where the revision served within a day."""
    policy, known = look.snapshot.workload.rebalancing, look.snapshot.memory.of(*move.target)
    lately = (
        known is not None and known.steady and known.unit_cost is not None and move.step_time - known.unit_cost.end <= timedelta(days=1)
    )
    return min(policy.bake_seconds, 8 * policy.window_seconds) if lately else policy.bake_seconds


def start_on(look: Look, move: Move) -> float:
    """Seconds: as the replicas took that stand on the target's pool, else as it is remembered."""
    there = [p.start_seconds for p in look.snapshot.placements if p.key.pool == move.target.pool and p.start_seconds is not None]
    known = [k for k in look.snapshot.memory.known if k.pool == move.target.pool and k.start_seconds is not None]
    own = [k.start_seconds for k in known if k.revision == move.target.revision]
    remembered = [*own, *(k.start_seconds for k in known)]
    return max(there) if there else remembered[0] if remembered else START


def dual_hours(policy: Rebalancing, added: int, beside: int, bake: int, start: float) -> float:
    """How long both serve: one replica is added first, then as many as make a quarter of all, half of all, and all that are needed; half of the drain
    is paid on average."""
    surges = len({count for count in (1, beside // 3, beside) if 1 <= count < added} | {added})
    return (surges * (start + policy.window_seconds) + bake + added * policy.window_seconds / 2) / 3600
