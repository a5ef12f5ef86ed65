"""What a drill's trial proves, from its figures: how many replicas, how soon, at which cost; and what is no proof."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.drill.proof import proof_of
from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.exit_drill import Drill, DrilledPool, DrillTrial, ExitProof
from steelyard.core.facts.snapshot import Scaling
from steelyard.core.placing.analysis import analysis
from steelyard.core.statistics.interval import Interval
from steelyard.core.vocabulary.reason import Reason, Refusal
from unit.core.drilling import drilling
from unit.core.world import START

DRILL = Drill(name="d", source="inf2", target="g5", compares=True, time=START, duration_seconds=900, seen=True, began=True)
TARGET = DrilledPool(
    pool="g5",
    measured=True,
    compile_seconds=840,
    start_seconds=94.2,
    each=1.5,
    capacity=Capacity(Interval(40.0, 36.0, 50.0), Basis.PROBED, 900),
    replicas=3,
    requests=1000,
    bad=5,
)
SOURCE = replace(TARGET, pool="inf2", each=1.0, capacity=Capacity(Interval(30.0, 29.0, 31.0), Basis.PROBED, 900), replicas=4)
TRIAL = DrillTrial(
    name="d", created=START, pools=DRILL.pools, finished="Decided", began=True, ended=START, load=100.0, rows=(SOURCE, TARGET)
)


def found(*rows: DrilledPool, least: int = 1, **changes: object) -> ExitProof | Refusal:
    world = drilling().world
    world.scaling = Scaling(minimum=least, maximum=50)
    world.tick()
    trial = replace(TRIAL, rows=rows or TRIAL.rows, **changes)  # type: ignore[arg-type]
    return proof_of(analysis(world.snapshot(), world.now), DRILL, trial)


def proof(*rows: DrilledPool, least: int = 1) -> ExitProof:
    told = found(*rows, least=least)
    assert isinstance(told, ExitProof)
    return told


def test_the_cost_is_that_of_whole_replicas_with_the_doubt_of_both_capacities() -> None:
    told = proof()
    # 3 at 1.5 against 4 at 1.0; at the bounds 3 (100 / 45) to 4 (100 / 32.4) against 4 (100 / 27.9) to 4 (100 / 26.1).
    assert told.cost == Interval(12.5, 12.5, 50.0)
    assert (told.replicas, told.basis) == (3, Basis.PROBED)


def test_the_way_out_takes_as_long_as_a_start_and_the_compile_is_told_beside_it() -> None:
    told = proof()
    assert (told.within_seconds, told.compile_seconds) == (95, 840)


def test_no_fewer_replicas_are_counted_than_the_workload_asks_for() -> None:
    told = proof(least=6)
    assert told.replicas == 6 and told.cost == Interval(50.0, 50.0, 50.0)


@pytest.mark.parametrize("row", [replace(TARGET, each=None), replace(TARGET, replicas=None, requests=None, bad=None)])
def test_without_a_price_or_a_load_the_cost_is_unknown_and_the_way_out_is_proven(row: DrilledPool) -> None:
    told = proof(SOURCE, row)
    assert (told.cost, told.basis) == (None, None) and told.within_seconds == 95


def test_a_load_that_was_missed_with_the_replicas_it_was_divided_by_proves_nothing() -> None:
    told = found(SOURCE, replace(TARGET, bad=60))
    assert isinstance(told, Refusal) and told.reason is Reason.CANNOT_MEET_OBJECTIVE
    assert told.message == "60 of 1000 requests missed the objective on pool g5, at the workload's own load on 3 replicas"


def test_a_ramp_that_told_no_capacity_proves_nothing_and_is_not_taken_for_a_broken_promise() -> None:
    told = found(SOURCE, replace(TARGET, capacity=None, message="the objective is missed at any load: 2 of 90"))
    assert isinstance(told, Refusal) and told.reason is Reason.NOTHING_MEASURED and "2 of 90" in told.message
    unsent = found(SOURCE, replace(TARGET, capacity=None, requests=None, bad=None))
    assert isinstance(unsent, Refusal) and unsent.reason is Reason.CANNOT_MEET_OBJECTIVE


def test_a_start_that_nobody_saw_proves_nothing() -> None:
    told = found(SOURCE, replace(TARGET, start_seconds=None))
    assert isinstance(told, Refusal) and told.reason is Reason.PROBE_FAILED


@pytest.mark.parametrize(
    ("finished", "reason"),
    [("Decided", Reason.PROBE_FAILED), ("SLOAtRisk", Reason.SLO_AT_RISK), ("BudgetTooSmall", Reason.BUDGET_TOO_SMALL)],
)
def test_a_trial_that_did_not_measure_the_pool_says_why(finished: str, reason: Reason) -> None:
    """One that measured the pool in use alone has ended well."""
    told = found(SOURCE, replace(TARGET, measured=False, message="exit code 1"), finished=finished)
    assert told == Refusal(reason, "exit code 1")


def test_a_pool_that_is_gone_proves_nothing() -> None:
    world = drilling().world
    world.tick()
    world.grounds["g5"].exists = False
    told = proof_of(analysis(world.snapshot(), world.now), DRILL, TRIAL)
    assert isinstance(told, Refusal) and told.reason is Reason.TARGET_GONE and "pool g5" in told.message
