"""One run of a fleet in the simulator: of the operator, or of allocations that are carried out as they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from bench.hands import deploy, scale, wanted
from bench.scarce.case import HOUR, NODE_SECONDS, START_SECONDS, STEP, WARM_UP, Case
from bench.scarce.known import PERIOD, Allocation
from steelyard.simulate.drive import steps
from steelyard.simulate.world import World

AHEAD = NODE_SECONDS + START_SECONDS + 4 * STEP
"""Seconds before it is needed that a replica is ordered: its start, and what that may be off."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fared:
    """cost: money for nodes. missed, worst: part of all requests, and of those of the workload that missed most. above: workloads that missed
    more than they may. moves: replicas that were ordered of one pool while another was wanted less of, by the same workload within an hour."""

    cost: float
    missed: float
    worst: float
    above: int
    moves: int


def operator(case: Case) -> Fared:
    """`decide` for each workload, and `plan` for all."""
    world = World(case.scenario, case.traces)
    return _fared(case, world, (None for _ in steps(world)))


def carried_out(case: Case, allocations: Sequence[Allocation]) -> Fared:
    """One allocation after the other, each ordered early enough to be ready when it begins."""
    world = World(case.scenario, case.traces)
    return _fared(case, world, _carried_out(world, allocations))


def _carried_out(world: World, allocations: Sequence[Allocation]) -> Iterator[None]:
    for name, tenant in world.tenants.items():
        deploy(world, name, tenant.entry.truth)
    while not world.over:
        world.step()
        now, ahead = (allocations[min(int(max(0.0, at) // PERIOD), len(allocations) - 1)] for at in (world.now, world.now + AHEAD))
        for name, tenant in world.tenants.items():
            ready = Counter(replica.key.pool for replica in world.cluster.serving(name))
            asked = wanted(world, name)
            scale(world, name, {pool: _count(pool, asked[pool], now[name], ahead[name], ready) for pool in tenant.entry.truth})
        yield


def _count(pool: str, asked: int, now: Mapping[str, int], ahead: Mapping[str, int], ready: Mapping[str, int]) -> int:
    """What is wanted now and soon; what is wanted no more stays until all of what is wanted now is ready."""
    needed = max(now.get(pool, 0), ahead.get(pool, 0))
    complete = all(ready[other] >= many for other, many in now.items())
    return needed if complete else max(needed, asked)


def _fared(case: Case, world: World, run: Iterator[None]) -> Fared:
    before, paid = {name: tenant.tally.copy() for name, tenant in world.tenants.items()}, world.nodes.copy()
    last: dict[str, dict[str, int]] = {name: {} for name in world.tenants}
    more: Counter[tuple[str, int]] = Counter()
    less: Counter[tuple[str, int]] = Counter()
    for _ in run:
        if world.now == WARM_UP:
            before, paid = {name: tenant.tally.copy() for name, tenant in world.tenants.items()}, world.nodes.copy()
        for name in world.tenants:
            asked = wanted(world, name)
            if world.now > WARM_UP:
                changes = [asked.get(pool, 0) - last[name].get(pool, 0) for pool in {*asked, *last[name]}]
                more[name, int(world.now // HOUR)] += sum(max(0, change) for change in changes)
                less[name, int(world.now // HOUR)] += sum(max(0, -change) for change in changes)
            last[name] = asked
    counted = {name: tenant.tally.since(before[name]) for name, tenant in world.tenants.items()}
    parts = [tally.missed / max(1, tally.ended) for tally in counted.values()]
    cost = world.nodes.since(paid).cost
    assert cost is not None
    allowed = 1 - case.scenario.workloads[0].objective.percent / 100
    return Fared(
        cost=cost,
        missed=sum(t.missed for t in counted.values()) / max(1, sum(t.ended for t in counted.values())),
        worst=max(parts),
        above=sum(part > allowed for part in parts),
        moves=sum(min(more[at], less[at]) for at in more),
    )
