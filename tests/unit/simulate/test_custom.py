"""A workload with an image of the user's own, simulated: placed without a compile, moved and revised as any, and probed where samples are given."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.decide import decide
from steelyard.core.facts.memory import MoveKind, Outcome
from steelyard.core.placing.intent import CustomIntent
from steelyard.simulate.drive import steps
from unit.simulate.test_world import until, world

REBALANCING = {"mode": "Auto", "bakeSeconds": 120, "cooldownSeconds": 600, "exploration": {"budget": "5.00", "deadlineSeconds": 900}}


def test_its_first_replica_waits_for_no_compile() -> None:
    seen = world(custom=True)
    first = until(seen, 0)
    orders = [order for each in first for order in each.decision.intent.create]
    assert orders and all(isinstance(order, CustomIntent) for order in orders)
    assert not any(each.decision.intent.compile for each in first)
    assert seen.tenants["w"].artifacts.running == 0


@pytest.mark.parametrize("custom", [True, False])
def test_of_a_custom_server_no_busy_time_is_told_and_without_samples_no_probe_is_made(custom: bool) -> None:
    seen = world(custom=custom, rebalancing=REBALANCING, hours=2.0)
    decided = until(seen, 7200)
    windows = seen.tenants["w"].observations[decided[-1].decision.memory.allocation[0]].reading()
    told = {window.busy_seconds is not None for window in windows.value.windows}  # type: ignore[union-attr]
    assert told == {not custom}
    if custom:
        assert not any(each.decision.intent.probe for each in decided)


@pytest.mark.parametrize(("samples", "ends"), [(True, "b"), (False, "a")])
def test_with_samples_it_is_probed_on_a_cheaper_pool_and_moved_there_and_without_it_stays(samples: bool, ends: str) -> None:
    seen = world(custom=True, samples=samples, rebalancing=REBALANCING, hours=2.0)
    decided = until(seen, 7200)
    probes = [probe for each in decided if (probe := each.decision.intent.probe) is not None]
    assert bool(probes) == samples and all(isinstance(probe.placement, CustomIntent) for probe in probes)
    assert decided[-1].decision.memory.allocation[0].pool == ends
    assert samples or decided[-1].decision.message.endswith("give some in spec.traffic.samples")
    assert (Outcome.MOVED in {move.outcome for move in seen.tenants["w"].memory.history}) == samples


def test_samples_that_are_taken_back_end_the_probe() -> None:
    seen = world(custom=True, samples=True, rebalancing=REBALANCING, hours=2.0)
    asked = next(each.snapshot for decided in steps(seen) for each in decided if each.snapshot.memory.move and each.decision.intent.probe)
    assert decide(asked, seen.moment).intent.probe is not None
    assert decide(replace(asked, workload=replace(asked.workload, samples=None)), seen.moment).intent.probe is None


def test_another_revision_replaces_it_step_by_step() -> None:
    seen = world({"kind": "NewRevision", "workload": "w", "at": "10m", "percent": 0}, custom=True)
    until(seen, 3600)
    ended = [move.outcome for move in seen.tenants["w"].memory.history if move.kind is MoveKind.REVISION]
    assert ended and set(ended) == {Outcome.MOVED}
    assert seen.tenants["w"].tally.ended > 0
