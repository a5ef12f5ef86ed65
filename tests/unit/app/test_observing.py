"""Of workloads that are gone nothing is kept, once their last pods are gone too."""

from steelyard.app.config import ObserveConfig
from steelyard.app.observing import Observing
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.pod import PodFacts
from steelyard.observe.placement_record import FORGET_AFTER
from unit.control.virtual_time import ManualClock
from unit.observe.pods import pod


def gone(workload: WorkloadKey, clock: ManualClock) -> PodFacts:
    """A pod that has ended, so that nobody asks it anything."""
    seen = pod(workload.name, workload=workload, placement=PlacementKey("a", "r"), ready=False, deleting=True, ended=clock.now())
    return PodFacts(**{field: getattr(seen, field) for field in PodFacts.__dataclass_fields__})


async def test_nothing_is_kept_of_workloads_that_are_gone() -> None:
    clock, metrics = ManualClock(), Metrics()
    observing = Observing(ObserveConfig(), clock, metrics, on_window=lambda _: None)
    stays, goes = WorkloadKey("shop", "stays"), WorkloadKey("shop", "goes")
    try:
        await observing.round([gone(stays, clock), gone(goes, clock)], {stays: 60, goes: 60})
        for _ in range(3):
            clock.seconds += FORGET_AFTER.total_seconds() / 2 + 1
            await observing.round([], {stays: 60})
        assert observing._observer.workloads == {stays}
        assert {key for key, _ in observing._told} <= {stays}
        assert list(observing._observer.totals()) == [(stays, PlacementKey("a", "r"))]
    finally:
        await observing.close()
