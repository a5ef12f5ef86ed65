"""What keeps a new revision from replacing the old one, the first thing first."""

from dataclasses import replace
from datetime import timedelta

from steelyard.core.compiling.candidate import candidates
from steelyard.core.facts.memory import MoveKind, Quarantine
from steelyard.core.vocabulary.reason import Reason
from unit.core.world import Ground, World, quick


def serving() -> World:
    world = World({"a": Ground(speed=100)}, rate=20.0)
    world.tick(20)
    return world


def test_each_of_several_reasons_against_a_new_revision_is_told_once_those_before_it_are_gone() -> None:
    world = serving()
    ((old, pods),) = world.deployments.items()
    world.wish = "n"
    (candidate,) = candidates(world.snapshot())
    failed = Quarantine(
        pool="a", revision=str(candidate.revision), until=world.now + timedelta(hours=9), failures=1, reason=Reason.TARGET_CRASHED.value
    )
    world.memory = replace(world.memory, quarantine=(failed,))
    world.grounds["a"].compiled = False
    world.policy, world.seeing = quick(paused=True), False
    told = [world.tick().reason]
    world.grounds["a"].compiled, pods.owner = True, "HorizontalPodAutoscaler embed"
    told.append(world.tick().reason)
    world.policy = quick()
    told.append(world.tick().reason)
    world.seeing = True
    told.append(world.tick(5).reason)
    pods.owner = None
    told.append(world.tick().reason)
    world.memory = replace(world.memory, quarantine=())
    told.append(world.tick().reason)
    assert told == [
        Reason.COMPILING,
        Reason.FROZEN,
        Reason.OBSERVATIONS_STALE,
        Reason.REPLICAS_OWNED_ELSEWHERE,
        Reason.QUARANTINED,
        Reason.NEW_REVISION,
    ]
    assert world.memory.move is not None
    assert (world.memory.move.kind, world.memory.move.source) == (MoveKind.REVISION, old)
