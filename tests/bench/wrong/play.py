"""One run of one workload in the simulator, where a policy is a lens: `decide` sizes, places and moves for all of them, on what the lens shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypeAlias

from steelyard.core.compiling.candidate import candidates
from steelyard.core.decide import decide
from steelyard.core.facts.identity import PlacementKey
from steelyard.core.facts.memory import ClaimVerdict, Memory, Move, MoveKind, Outcome, Step
from steelyard.core.facts.snapshot import Mode, Snapshot
from steelyard.core.vocabulary.reason import Reason
from steelyard.simulate.run import HOLD
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.world import World

Lens: TypeAlias = Callable[[Snapshot, World], Snapshot]
"""What `decide` gets to see of the snapshot."""
Schedule: TypeAlias = Callable[[float], tuple[str, int]]
"""The pool to be on, and the replicas to come there with, so many seconds after the load began."""


@dataclass(slots=True, kw_only=True)
class Played:
    """costs: money by window. floor: money that the requests' own service takes where it costs least. tried: money on targets of trials.

    ended: by (kind, outcome), those that were to lead to another pool. missed: part of the requests. held: part of the time.
    """

    costs: list[float] = field(default_factory=list)
    floor: float = 0.0
    tried: float = 0.0
    ended: Counter[tuple[MoveKind, Outcome]] = field(default_factory=Counter)
    missed: float = 0.0
    held: float = 0.0
    ends_on: str = ""
    claims: tuple[ClaimVerdict, ...] = ()

    @property
    def cost(self) -> float:
        """All of it."""
        return sum(self.costs)


def play(scenario: Scenario, lens: Lens) -> Played:
    """From the lead to the end; a replica of these worlds takes a whole node."""
    world, played = World(scenario, {}), Played()
    (name, tenant), verdict = next(iter(world.tenants.items())), ""
    window = tenant.entry.rebalancing.window_seconds
    pools = {p.name: p for p in scenario.pools}
    paid, offered, hours = 0.0, 0, dict[str, float]()
    while not world.over:
        move = tenant.memory.move
        trial = move.target.pool if move is not None and move.kind is MoveKind.EXPLORATION else None
        world.step()
        happening, tally = world.happening, tenant.tally
        if trial is not None:
            played.tried += (tally.replica_hours.get(trial, 0.0) - hours.get(trial, 0.0)) * (happening.bill(pools[trial]) or 0.0)
        hours = dict(tally.replica_hours)
        played.floor += (tally.offered - offered) * min(_least(world, name, pool) for pool in pools)
        offered = tally.offered
        for due in world.due():
            snapshot = lens(world.snapshot(due), world)
            decision = decide(snapshot, world.moment)
            _count(played, snapshot.memory, decision.memory)
            verdict = decision.verdict
            world.obey(due, decision)
        played.held += world.now > 0 and verdict == HOLD
        if world.now > 0 and world.now % window == 0:
            assert tally.cost is not None
            played.costs.append(tally.cost - paid)
            paid = tally.cost
    played.held *= scenario.step_seconds / scenario.seconds
    played.missed = tenant.tally.missed / max(1, tenant.tally.ended)
    played.ends_on, played.claims = _pool(tenant.memory) or "", tenant.memory.claims
    return played


def _least(world: World, workload: str, pool: str) -> float:
    """Money that one request's own service takes on the pool now."""
    happening, truth = world.happening, world.tenants[workload].entry.truth[pool]
    bill = happening.bill(next(p for p in world.scenario.pools if p.name == pool))
    slow = happening.slowness(pool, workload, happening.wishes(workload), happening.images)
    return (bill or 0.0) * slow / truth.saturation(world.tenants[workload].entry.lengths) / 3_600


def _count(played: Played, before: Memory, after: Memory) -> None:
    if before.move is not None and after.history != before.history and before.move.source.pool != before.move.target.pool:
        played.ended[before.move.kind, after.history[-1].outcome] += 1


def unchanged(snapshot: Snapshot, world: World) -> Snapshot:
    """Steelyard itself."""
    return snapshot


def following(schedule: Schedule) -> Lens:
    """Be where the schedule says, whatever is measured. Sizing is Steelyard's. So is the way to another pool, but in one go and without a
    bake: all replicas there at once, then the source is drained."""

    def lens(snapshot: Snapshot, world: World) -> Snapshot:
        (wanted, replicas), memory = schedule(max(0.0, world.now)), snapshot.memory
        policy = replace(snapshot.workload.rebalancing, mode=Mode.OBSERVE, bake_seconds=0)
        ends = {memory.move.source.pool, memory.move.target.pool} if memory.move else {_pool(memory) or wanted, wanted}
        seen = replace(
            snapshot,
            workload=replace(snapshot.workload, rebalancing=policy),
            pools=tuple(p for p in snapshot.pools if p.name in ends),
        )
        if memory.move is not None or _pool(memory) in {None, wanted} or world.now <= 0:
            return seen
        return replace(seen, memory=replace(memory, move=_move(seen, wanted, replicas, world.moment)))

    return lens


def _pool(memory: Memory) -> str | None:
    return memory.allocation[0].pool if memory.allocation else None


def _move(seen: Snapshot, target: str, replicas: int, now: datetime) -> Move | None:
    """None while nothing that could be left is ready."""
    memory, there = seen.memory, next(c for c in candidates(seen) if c.name == target)
    here = seen.placement(memory.allocation[0]) if memory.allocation else None
    if here is None or here.ready == 0 or there.revision is None or there.refusal is not None:
        return None
    return Move(
        id=f"to-{target}",
        kind=MoveKind.REBALANCE,
        source=here.key,
        target=PlacementKey(target, there.revision),
        step=Step.BAKE,
        source_replicas=here.desired,
        target_replicas=replicas,
        target_goal=replicas,
        started=now,
        step_time=now,
        deadline=now + timedelta(seconds=seen.workload.rebalancing.deadline_seconds),
        reason=Reason.MOVE_STARTED,
        message="as scheduled",
    )
