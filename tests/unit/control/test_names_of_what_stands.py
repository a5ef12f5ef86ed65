"""Deployments that an older version has named otherwise: known by owner and labels, scaled and removed by the name that they have."""

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.placing.intent import Intent
from steelyard.render import name
from steelyard.render.objects import desired
from unit.control.reconciler_stage import KEY, Stage, serving_too_few, standing
from unit.control.virtual_time import VirtualClock, run
from unit.core.compiles import SETTINGS


def as_before(workload: WorkloadKey, key: PlacementKey) -> str:
    """As versions did that knew no length in the name."""
    return f"{workload.name}-{key.pool}-{key.revision}"


def test_what_stands_is_scaled_under_its_name_and_not_made_once_more() -> None:
    async def scenario() -> None:
        stage = Stage(serving_too_few(), VirtualClock())
        standing(stage, as_before)
        (key,) = stage.world.deployments
        await stage.reconciler.reconcile(KEY)
        assert stage.server.scaled == [as_before(KEY, key)]
        assert stage.server.taken["create", "deployments"] == 0

    run(scenario())


def test_what_has_to_go_goes_under_its_name_with_its_service() -> None:
    here, there = PlacementKey("a", "0a1b2c3d"), PlacementKey("b", "1a1b2c3d")
    intent = Intent(workload=KEY, workload_uid="u", gone=(here, there))
    found = desired(intent, SETTINGS, {here: as_before(KEY, here)})
    names = {each.name for each in found.absent if each.kind in {"Deployment", "Service"}}
    assert names == {as_before(KEY, here), name.placement(KEY, there)}
