"""A small part of the benchmark `scale`, for what holds at every size: a fleet on a real API server, whose pods are played."""

import asyncio
import json
from collections.abc import Iterator

import pytest

from bench.scaling import fleet
from bench.scaling.rig import USER, Rig, at_rest, events, held, metrics, ready, rig
from cluster.audit import AuditEvent
from cluster.waiting import wait_until
from patience import PATIENCE
from stub.operator_process import OperatorProcess

pytestmark = pytest.mark.apiserver
WORKLOADS = fleet.A_NAMESPACE + 10
"""A namespace that goes at once, and some that stay."""
REST_SECONDS = 20.0
"""Each is looked at in it, every pod is read, and with windows this short each is decided on."""
LEASE = "/apis/coordination.k8s.io/v1/namespaces/default/leases/steelyard"


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with rig(WORKLOADS, tmp_path_factory.mktemp("fleet"), print, {"windowSeconds": 10}) as found:
        yield found


def renewals(stage: Rig) -> int:
    """Of the Lease since the audit log was marked."""
    return len([e for e in stage.audit.writes(USER, except_resources=()) if e.resource == "leases"])


def is_unread(event: AuditEvent) -> bool:
    """Whether it tells of a workload that its pods could not be read."""
    status = (event.request or {}).get("status") or {}
    return any(c["type"] == "Observed" and c["status"] == "False" for c in status.get("conditions") or ())


def looks(operator: OperatorProcess) -> float:
    return sum(value for (name, _), value in metrics(operator).items() if name == "steelyard_keys_processed_total")


def rest(stage: Rig, operator: OperatorProcess) -> None:
    """Until there comes a while in which nothing is written but the Lease, although everybody is looked at and every pod is read."""

    def quiet() -> bool:
        before = looks(operator)
        stage.pages.ask()
        still = at_rest(stage, print, REST_SECONDS, REST_SECONDS)
        return still and looks(operator) - before >= WORKLOADS and not stage.pages.ask()["never"] and renewals(stage) > 0

    wait_until("a while without a write", quiet, seconds=PATIENCE, logs=[operator.log])


def test_it_comes_to_rest_and_a_process_that_begins_beside_it_has_nothing_to_write(stage: Rig) -> None:
    with stage.operator() as operator:
        ready(operator)
        rest(stage, operator)
    with stage.operator() as operator:
        stage.audit.mark()
        ready(operator)
        before = looks(operator)
        # A few windows: until the first one is complete, and beyond.
        wait_until("looks", lambda: looks(operator) - before >= 4 * WORKLOADS, seconds=PATIENCE, logs=[operator.log])
        written = stage.written()
        # What a busy machine did not get to read in time is told, and that is no mistake.
        late = any(is_unread(e) for e in written)
        assert late or not written, [(e.verb, e.resource, e.name, json.dumps(e.request)[:2000]) for e in written][:3]
        assert late or not events(operator, "decided"), "nothing is recorded that the predecessor has not recorded"


def test_what_others_run_on_a_node_of_a_pool_is_theirs_to_pay(stage: Rig) -> None:
    path = f"/api/v1/namespaces/{stage.size.namespaces[0]}/pods"
    container = {"name": "a", "image": "theirs", "resources": {"requests": {"cpu": "8"}}}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "theirs"},
        "spec": {"nodeName": "node-00-000", "containers": [container]},
    }

    async def runs() -> None:
        async with fleet.Writer(stage.cluster) as writer:
            await writer.call("POST", path, pod)
            await writer.call("PATCH", f"{path}/theirs/status", {"status": {"phase": "Running"}}, fleet.MERGE)

    def theirs(operator: OperatorProcess) -> float:
        return sum(
            v for (name, labels), v in metrics(operator).items() if name == "steelyard_hourly_cost_usd" and 'cost="others"' in labels
        )

    asyncio.run(runs())
    stage.audit.mark()
    with stage.operator() as operator:
        ready(operator)
        wait_until("what others pay", lambda: theirs(operator) > 0, seconds=PATIENCE, logs=[operator.log])
    assert others_asked_for(stage)
    # Who works in some namespaces may not read the others.
    stage.audit.mark()
    with stage.operator(watchNamespaces=[stage.size.namespaces[0]]) as operator:
        ready(operator)
        wait_until("workloads to be looked at", lambda: looks(operator) >= 2 * fleet.A_NAMESPACE, seconds=PATIENCE, logs=[operator.log])
    assert not others_asked_for(stage)


def others_asked_for(stage: Rig) -> list[AuditEvent]:
    return stage.audit.events(lambda e: e.user == USER and e.verb == "list" and "status.phase" in e.uri)


def test_most_of_it_goes_at_once_and_the_lease_stays(stage: Rig) -> None:
    with stage.operator() as operator:
        ready(operator)
        wait_until("the whole fleet to be seen", lambda: held(operator) == stage.size.workloads, seconds=PATIENCE, logs=[operator.log])
        wait_until("the Lease", lambda: stage.cluster.api.get(LEASE), seconds=PATIENCE)
        before = stage.cluster.api.get(LEASE)["spec"]
        left = stage.size.workloads - stage.delete(fleet.A_NAMESPACE)
        stage.audit.mark()
        wait_until("the deleted to be gone", lambda: held(operator) <= left, seconds=PATIENCE, logs=[operator.log])
        wait_until("five renewals", lambda: renewals(stage) >= 5, seconds=PATIENCE, logs=[operator.log])
        after = stage.cluster.api.get(LEASE)["spec"]
        assert operator.running
        assert (after["holderIdentity"], after["leaseTransitions"]) == (before["holderIdentity"], before["leaseTransitions"])
        assert not events(operator, "leadership lost")
