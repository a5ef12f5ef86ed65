"""The loop: the world goes on by a step, and whoever is due is decided. The same door that the operator uses, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from steelyard.core.decide import decide
from steelyard.core.decision import Decision
from steelyard.core.snapshot import Snapshot
from steelyard.simulate.world import World


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with its facts."""

    workload: str
    snapshot: Snapshot
    decision: Decision


def steps(world: World) -> Iterator[list[Decided]]:
    """To the end of the scenario, the decisions of one step after the other."""
    while not world.over:
        world.step()
        decided = []
        for name in world.due():
            snapshot = world.snapshot(name)
            decision = decide(snapshot, world.moment)
            world.obey(name, decision)
            decided.append(Decided(name, snapshot, decision))
        yield decided
