"""What the condition Compiled says where several things keep artifacts from pools: the first check of the list that finds something."""

from dataclasses import replace

import pytest

from steelyard.core.facts.snapshot import RefusedWrite
from steelyard.core.placing.analysis import Analysis, analysis
from steelyard.core.placing.compiled import CHECKS, compiled
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.world import Ground, World

STUCK = Ground(compiled=False, waits=Refusal(Reason.SECRET_MISSING, "Secret hub is missing"))
UNPLACED = Ground(compiled=False, waits=Refusal(Reason.UNPLACED, "no node has room for it"))
COMPILING = Ground(compiled=False)
FAILED = Ground(corrupt=True)
READY = Ground()


def seen(**grounds: Ground) -> Analysis:
    world = World(grounds)
    return analysis(world.snapshot(), world.now)


@pytest.mark.parametrize(
    ("grounds", "reason"),
    [
        ({"a": FAILED, "b": COMPILING, "c": UNPLACED, "d": STUCK}, Reason.SECRET_MISSING),
        ({"a": FAILED, "b": COMPILING, "c": UNPLACED}, Reason.UNPLACED),
        ({"a": FAILED, "b": COMPILING}, Reason.COMPILING),
        ({"a": READY, "b": FAILED}, Reason.COMPILE_FAILED),
        ({"a": READY}, Reason.COMPILED),
        ({}, Reason.NO_POOL),
    ],
)
def test_what_a_person_has_to_mend_comes_before_what_mends_itself(grounds: dict[str, Ground], reason: Reason) -> None:
    told = compiled(seen(**grounds))
    assert (told.reason, told.status) == (reason, reason is Reason.COMPILED)


def test_what_could_not_be_written_comes_before_what_the_pools_wait_for() -> None:
    looked = seen(a=STUCK)
    refused = RefusedWrite(kind="CompiledModel", name="m", message="quota exceeded")
    looked = replace(looked, snapshot=replace(looked.snapshot, refused=(refused,)))
    assert compiled(looked).reason is Reason.OBJECT_INVALID


@pytest.mark.parametrize("check", CHECKS)
def test_no_check_relies_on_an_earlier_one(check: object) -> None:
    for grounds in ({}, {"a": READY}, {"a": FAILED, "b": COMPILING, "c": UNPLACED, "d": STUCK}):
        found = check(seen(**grounds))  # type: ignore[operator]
        assert found is None or isinstance(found, Refusal)
