"""Two installations over the same namespaces: one writes, the other says so, and takes over when the first is gone."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest

from cluster.audit import AuditEvent
from cluster.fixtures import new_namespace
from cluster.waiting import wait_until
from fault.meanwhile import first, meanwhile
from fault.move_run import SOON, MoveRun
from fault.test_upgrade import a_cluster_of_its_own, definitions
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver

IN_THE_WAY = "another installation works in the same namespaces"
CRDS = Path(__file__).parents[2] / "crds"


def writes(run: MoveRun, user: str) -> list[tuple[str, str, str, str]]:
    """All that a user wrote but the Lease of its own leader, or tried to."""
    seen: list[AuditEvent] = run.audit.writes(user, except_resources=())
    return [(e.verb, e.resource, e.namespace, e.name) for e in seen if (e.resource, e.name) != ("leases", "steelyard")]


def stands_back(run: MoveRun, operator: OperatorProcess, other: str, where: str) -> None:
    """Wait until it has seen all that there is and leads its own installation; it says what is in its way."""
    run.until("its own Lease", lambda _: operator.has_said("elected"), SOON)
    run.until("what it has listed", lambda _: operator.has_said("synced"), SOON)
    run.until("its claim", lambda _: operator.has_said("claimed") or operator.has_said(IN_THE_WAY), SOON)
    assert not operator.has_said("claimed"), "both write"
    [complaint] = operator.complaints()
    assert complaint.startswith(f"[-] claim: the installation {other}/steelyard works in {where} too; this one writes nothing.")
    assert f"helm uninstall steelyard -n {other}" in complaint
    run.until("the metric", lambda _: f'steelyard_standing_back{{installation="{other}/steelyard"}} 1.0' in operator.metrics(), SOON)
    assert "steelyard_leader 0.0" in operator.metrics()
    assert operator.running


def ended(operator: OperatorProcess) -> None:
    operator.signal(signal.SIGTERM)
    assert operator.process is not None
    assert operator.process.wait(SOON) == 0


@first
@meanwhile
def test_the_second_installation_over_a_namespace_writes_nothing_and_takes_over_when_the_first_has_ended(a_move):
    run = a_move(small=True)
    user = f"second-{run.tag}"
    with new_namespace(run.cluster, "second") as elsewhere:
        one = run.start_operator()
        run.apply()
        run.until_serving()
        two = run.start_operator(user=user, installed_in=elsewhere, watchNamespaces=[run.namespace, elsewhere])
        stands_back(run, two, run.namespace, run.namespace)
        assert one.complaints() == []
        run.until_moved()
        assert writes(run, user) == [], "not even where nobody else works"
        ended(one)
        run.replicas = 2
        run.least(run.replicas)
        run.apply()
        run.until("the second to be done with what the first left", lambda _: run.world.ready_pods(run.cheap) == 2, SOON)
        assert two.has_said("claimed") and two.complaints() == []
        assert run.writes(user)
        assert run.world.lost == 0
        run.end_operators()


@first
@meanwhile
def test_an_installation_of_the_whole_cluster_and_one_of_a_namespace_see_each_other(a_move):
    del a_move  # The whole cluster would be that of all other tests.
    with a_cluster_of_its_own("test-installations", definitions(CRDS)) as run, new_namespace(run.cluster, "whole") as elsewhere:
        whole, narrow = f"whole-{run.tag}", f"narrow-{run.tag}"
        run.start_operator(user=narrow)
        run.apply()
        run.until_serving()
        everywhere = run.start_operator(user=whole, installed_in=elsewhere, watchNamespaces=[])
        stands_back(run, everywhere, run.namespace, run.namespace)
        assert writes(run, whole) == []
        ended(run.operators[0])
        run.until("the whole cluster's to be at work", lambda _: everywhere.has_said("claimed") and run.writes(whole), SOON)

        again = run.start_operator(user=narrow)
        run.audit.mark()
        stands_back(run, again, elsewhere, run.namespace)
        run.until_moved()
        assert writes(run, narrow) == []
        assert run.writes(whole)
        ended(everywhere)
        run.until("the namespace's to be at work", lambda _: again.has_said("claimed"), SOON)
        run.replicas = 2
        run.least(run.replicas)
        run.apply()
        run.until("what is asked of it", lambda _: run.world.ready_pods(run.cheap) == 2, SOON)
        assert run.world.lost == 0
        wait_until("no complaint", lambda: again.complaints() == [], seconds=SOON)
        run.end_operators()
