"""The loop: the world goes on by a step, the fleet is planned, and whoever is due is decided. The same doors that the operator uses, and
nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from steelyard.core.decide import decide
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.placing.decision import Decision
from steelyard.core.placing.last_look import LastLook
from steelyard.core.plan import plan_demands
from steelyard.core.planning.demand import Demand
from steelyard.simulate.event import EventKind
from steelyard.simulate.world import World

PLAN_SECONDS = 60
"""Pace of plans. The operator's is 30, and twice as many of the same would say the same."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision with its facts."""

    workload: str
    snapshot: Snapshot
    decision: Decision


class Planner:
    """Plans the fleet of a world at its pace, where there is one: what one workload asks for is asked for again by its own decision."""

    def __init__(self) -> None:
        self._at = float("-inf")
        self._asked: tuple[tuple[Demand, ...], Mapping[str, float]] | None = None

    def look(self, world: World) -> None:
        """Before decisions. An operator that is down has no plan, and a new one has none yet."""
        if world.happening.goes_on(EventKind.OPERATOR_DOWN):
            world.plan, self._asked = None, None
            return
        if len(world.tenants) < 2 or world.now - self._at < PLAN_SECONDS:
            return
        asked, self._at = world.asked(), world.now
        if asked != self._asked:
            world.plan, self._asked = plan_demands(*asked, {}), asked


def steps(world: World) -> Iterator[list[Decided]]:
    """To the end of the scenario, the decisions of one step after the other. One that stands is not made again."""
    planner, looks = Planner(), dict[str, LastLook]()
    while not world.over:
        world.step()
        planner.look(world)
        decided = []
        for name in world.due():
            snapshot, before = world.snapshot(name), looks.pop(name, None)
            if before is not None and (look := before.goes_on(snapshot, world.moment)) is not None:
                looks[name] = look
                world.leave(name)
                continue
            decision = decide(snapshot, world.moment)
            world.obey(name, decision)
            looks[name] = LastLook.of(snapshot, decision)
            decided.append(Decided(name, snapshot, decision))
        yield decided
