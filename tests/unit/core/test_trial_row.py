"""What the row of a pool says, of steps as real queues make them: requests that take turns at one server (0.5 s each), 4 s within the objective."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from steelyard.core.facts.capacity import Basis
from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.snapshot import LatencyObjective, Mode, Snapshot
from steelyard.core.facts.trial import SteadyStep, TrialPhase, TrialRow
from steelyard.core.trials.look import TrialSnapshot
from unit.core.asked_trial import AskedTrial
from unit.core.world import Ground, World, quick

PROMISED = (LatencyObjective(metric="e2e", milliseconds=4000, percent=99.0),)
FULL = (3, 4, 5, 4, 3, 5, 4, 4, 4, 4, 5, 5, 4, 5, 5, 4, 4, 3, 4, 4)


def step(rate: float, seconds: float, good: int, slow: int = 0, finished: tuple[int, ...] = ()) -> ProbeStep:
    return ProbeStep(
        rate=rate, seconds=seconds, good=good, slow=slow, error=0, shed=0, p50_milliseconds=500.0, p99_milliseconds=900.0, finished=finished
    )


RAMP = (
    step(0.089, 41.0, 4),
    step(0.357, 41.0, 16),
    step(1.429, 41.0, 62),
    step(5.716, 41.0, 12, 248, FULL),
    step(1.965, 165.0, 161, 166),
    step(1.563, 165.0, 176, 94),
    step(1.496, 165.0, 254),
)


class Patient(AskedTrial):
    """Of a workload that promises an answer within 4 s."""

    def snapshot(self, **changes: Any) -> TrialSnapshot:
        found = super().snapshot(**changes)
        assert isinstance(found.workload, Snapshot)
        return replace(found, workload=replace(found.workload, workload=replace(found.workload.workload, latency=PROMISED)))


def row(steps: tuple[ProbeStep, ...], steady: tuple[ProbeStep, ...] = ()) -> TrialRow:
    """Of the only pool of a trial that was told these steps."""
    world = World(grounds={"dear": Ground()}, rate=5.0, policy=quick(mode=Mode.OBSERVE))
    world.tick(20)
    trial = Patient(world=world, pools=("dear",))
    held = [SteadyStep(load=each.rate, replicas=1, step=each) for each in steady]
    trial._measured = lambda *_: (list(steps), [], held)  # type: ignore[method-assign]
    trial.to_its_end()
    return trial.row("dear")


def test_a_pool_that_kept_the_promise_in_316_requests_is_measured_wherever_the_limit_is_estimated() -> None:
    """The limit is estimated below both steps that kept it, since a server that full bears less than short steps show."""
    found = row(RAMP)
    assert found.phase is TrialPhase.MEASURED and found.capacity is not None, found.message
    assert found.capacity.basis is Basis.PROBED
    assert 1.0 < found.capacity.rate.point < 1.5


def test_a_pool_that_kept_the_promise_in_a_handful_of_requests_is_not_measured_by_them() -> None:
    found = row((step(0.089, 41.0, 4), step(0.357, 41.0, 0, 16), step(1.429, 41.0, 0, 62)))
    assert found.capacity is None and "missed at any load" in found.message


def test_steady_loads_tell_of_the_same_replica_what_the_ramp_left_open() -> None:
    """By the ramp alone the limit is anywhere from 0.6 to 3.2 requests per second."""
    ramp = (
        step(0.193, 48.0, 12),
        step(0.77, 48.0, 29),
        step(3.082, 48.0, 154, 2),
        step(12.326, 48.0, 26, 585),
        step(3.659, 193.0, 138, 608),
        step(3.226, 193.0, 494, 121),
    )
    alone, with_steady = row(ramp), row(ramp, (step(2.46, 159.0, 414), step(2.74, 159.0, 432)))
    assert alone.capacity is not None and with_steady.capacity is not None
    assert alone.capacity.rate.point < 1.0
    assert with_steady.capacity.rate.point == pytest.approx(2.74, rel=0.1)
    assert with_steady.capacity.n == alone.capacity.n + 414 + 432
