"""A fleet of hundreds on the real API server: nothing is written at rest, every page is read in turn, and a look costs what it costs in a
smaller fleet. No second is judged: `make bench B=scale` is where seconds are, with thousands."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from bench.scaling.fleet import A_NAMESPACE
from bench.scaling.rig import Rig, at_rest, cpu_seconds, metrics, ready, rig
from cluster.waiting import wait_until
from patience import PATIENCE
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver

WORKLOADS = 500
LOOKS = 4
"""At each workload, that are measured."""
MORE = 1.5
"""Times the processor time for a look, with all that belongs to it, in a fleet of a fifth."""
TOLD = "steelyard_keys_processed_total"


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(WORKLOADS, tmp_path_factory.mktemp("scale"), lambda _: None) as stage:
        yield stage


def looks(operator: OperatorProcess) -> float:
    return sum(value for (name, _), value in metrics(operator).items() if name == TOLD)


def measured(operator: OperatorProcess, workloads: int) -> float:
    """Processor seconds of a look, over so many of them that each workload had its turns."""
    began, before = cpu_seconds(operator), looks(operator)
    wait_until("looks", lambda: looks(operator) >= before + LOOKS * workloads, seconds=PATIENCE, logs=[operator.log], every=5.0)
    return (cpu_seconds(operator) - began) / (looks(operator) - before)


def test_a_fleet_at_rest_costs_in_proportion_to_itself_and_nothing_is_written(fleet: Rig) -> None:
    with fleet.operator() as operator:
        ready(operator)
        at_rest(fleet, lambda _: None, 30.0, PATIENCE)
        fleet.audit.mark()
        fleet.pages.ask()
        many = measured(operator, WORKLOADS)
        written, read = fleet.writes(), fleet.pages.ask()
        renewed = [e for e in fleet.audit.writes("operator", except_resources=()) if e.resource == "leases"]
        assert not written
        assert renewed, "it was alive all the time"
        assert read["never"] == 0, "every page was read"
        assert operator.running
        # A fifth of it goes in one moment.
        left = WORKLOADS - fleet.delete(A_NAMESPACE)
        objects = ("steelyard_store_objects", 'resource="inferenceworkloads.steelyard.dev"')
        wait_until("those to be gone", lambda: metrics(operator).get(objects) == left, seconds=PATIENCE, logs=[operator.log], every=1.0)
        time.sleep(1.0)
        assert operator.running, "the Lease is kept"
    with fleet.operator(watchNamespaces=list(fleet.size.namespaces[1:2])) as operator:
        ready(operator)
        at_rest(fleet, lambda _: None, 30.0, PATIENCE)
        few = measured(operator, A_NAMESPACE)
    assert many < MORE * few, (many, few)
