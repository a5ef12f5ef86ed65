"""One run of a scenario, and what is kept of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from steelyard.core.facts.memory import ClaimVerdict, Memory, PastMove
from steelyard.core.placing.decision import Note
from steelyard.simulate.drive import Decided, steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.tally import Tally
from steelyard.simulate.world import Tenant, World

HOLD = "Hold"
Say: TypeAlias = Callable[[float], None]
"""Progress: the part that is done, 0 to 1."""
Keep: TypeAlias = Callable[[Decided, World], None]
"""Told of every decision whose digest is another than that of the workload's last one: those that an operator logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One window of a workload, so many `seconds` long, `until` that many since the load began. Replicas by pool, at its end."""

    until: float
    seconds: float
    tally: Tally
    ready: Mapping[str, int]
    desired: Mapping[str, int]
    verdict: str
    reason: str
    move: str


@dataclass(slots=True, kw_only=True)
class WorkloadRun:
    """What became of one workload. `notes` with seconds since the load began; `held_seconds`: its verdict was Hold. At the end: `ready`
    replicas by pool, and what was decided last, and why."""

    name: str
    tally: Tally
    in_flight: int = 0
    held_seconds: float = 0.0
    moves: list[PastMove] = field(default_factory=list)
    claims: tuple[ClaimVerdict, ...] = ()
    rows: list[Row] = field(default_factory=list)
    notes: list[tuple[float, Note]] = field(default_factory=list)
    ready: Mapping[str, int] = field(default_factory=dict)
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What became of all. `nodes`: cost and node-hours of all pools, idle parts included; of it `starting` until nodes were ready, and
    `empty` while no replica was on them."""

    workloads: tuple[WorkloadRun, ...]
    nodes: Tally
    starting: Tally
    empty: Tally


def run(loaded: Loaded, say: Say, keep: Keep) -> Run:
    """From the lead to the end."""
    world = World(loaded.scenario, loaded.traces, loaded.catalogue)
    kept = {name: WorkloadRun(name=name, tally=tenant.tally) for name, tenant in world.tenants.items()}
    last: dict[str, tuple[str, str]] = dict.fromkeys(kept, ("", ""))
    before = {name: Tally() for name in kept}
    lead = -world.now
    for decisions in steps(world):
        for each in decisions:
            _decided(kept[each.workload], each, world, keep)
            last[each.workload] = (each.decision.verdict, each.decision.reason.value)
        if world.now <= 0:
            continue
        for name, tenant in world.tenants.items():
            if last[name][0] == HOLD:
                kept[name].held_seconds += world.scenario.step_seconds
            if world.now % tenant.entry.rebalancing.window_seconds == 0:
                kept[name].rows.append(_row(name, tenant, world, before[name], last[name]))
                before[name] = tenant.tally.copy()
        say((world.now + lead) / (world.scenario.seconds + lead))
    for name, tenant in world.tenants.items():
        kept[name].in_flight, kept[name].claims = tenant.queues.in_flight, tenant.memory.claims
        kept[name].ready, _ = _replicas(name, world)
    return Run(workloads=tuple(kept.values()), nodes=world.nodes, starting=world.starting, empty=world.empty)


def _decided(kept: WorkloadRun, each: Decided, world: World, keep: Keep) -> None:
    before, after = each.snapshot.memory, each.decision.memory
    if _digest(before) != _digest(after):
        keep(each, world)
    if after.history != before.history and after.history:
        kept.moves.append(after.history[-1])
    kept.notes += [(world.now, note) for note in each.decision.notes]
    kept.reason, kept.message = each.decision.reason.value, each.decision.message


def _digest(memory: Memory) -> str:
    return memory.last.digest if memory.last else ""


def _row(name: str, tenant: Tenant, world: World, before: Tally, last: tuple[str, str]) -> Row:
    move = tenant.memory.move
    ready, desired = _replicas(name, world)
    return Row(
        until=world.now,
        seconds=tenant.entry.rebalancing.window_seconds,
        tally=tenant.tally.since(before),
        ready=ready,
        desired=desired,
        verdict=last[0],
        reason=last[1],
        move=f"{move.source.pool} to {move.target.pool}: {move.step.value}" if move else "",
    )


def _replicas(name: str, world: World) -> tuple[dict[str, int], dict[str, int]]:
    """(ready, desired) by pool."""
    ready: dict[str, int] = {}
    desired: dict[str, int] = {}
    for key in world.cluster.of(name):
        placement = world.cluster.placement(name, key)
        ready[key.pool] = ready.get(key.pool, 0) + placement.ready
        desired[key.pool] = desired.get(key.pool, 0) + placement.desired
    return ready, desired
