import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from apiserver.control.resources import CONFIG_MAPS
from cluster.recorded import until_recorded
from cluster.waiting import wait_until
from patience import PATIENCE, until
from steelyard.control.clock import AnchoredClock, stopwatch
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.credentials import Kubeconfig
from steelyard.control.kube.resource import LEASES
from steelyard.control.leadership.fencing import LeaseFence
from steelyard.control.leadership.lease import Elector, LeaseTiming, Outcome
from steelyard.control.leadership.own_loop import OwnLoop, handed_over

pytestmark = pytest.mark.apiserver
PROGRAM = Path(__file__).with_name("leader_process.py")
OPERATOR = Path(__file__).parents[3] / "operator"


class Candidate:
    def __init__(self, control_plane, namespace, name, lapsed):
        self.name = name
        kubeconfig = control_plane.kubeconfig_for(name, "system:masters")
        environment = {**os.environ, "PYTHONPATH": str(OPERATOR)}
        self.process = subprocess.Popen([sys.executable, str(PROGRAM), str(kubeconfig), namespace, name, str(lapsed)], env=environment)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def counter(control_plane, namespace):
    return control_plane.api.get(f"/api/v1/namespaces/{namespace}/configmaps/counter")["data"]


def leads(control_plane, namespace, candidate):
    return counter(control_plane, namespace)["writer"] == candidate.name


def looks(control_plane, candidate):
    """Whether it has read the Lease twice from now on: the second time it has seen all that was written before."""
    audit = control_plane.audit()
    return lambda: len(audit.events(lambda e: (e.user, e.verb, e.resource) == (candidate.name, "get", "leases"))) >= 2


@pytest.mark.parametrize("attempt", range(3))
async def test_a_leader_stopped_past_its_lease_writes_nothing_after_its_successor_and_exits(
    client, control_plane, namespace, audit, tmp_path, attempt
):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "counter"}}
    await client.create(CONFIG_MAPS, {**body, "data": {"count": "0", "writer": ""}})
    audit.mark()
    lapsed = tmp_path / "lapsed"
    lapsed.touch()
    first = Candidate(control_plane, namespace, f"first-{attempt}", lapsed)
    candidates = [first]
    try:
        wait_until("the first leads", lambda: leads(control_plane, namespace, first), seconds=PATIENCE)
        second = Candidate(control_plane, namespace, f"second-{attempt}", lapsed)
        candidates.append(second)
        wait_until("the second stands by", looks(control_plane, second), seconds=PATIENCE)
        await asyncio.sleep(attempt / 7)
        first.signal(signal.SIGSTOP)
        while not leads(control_plane, namespace, second):
            looked = looks(control_plane, second)
            wait_until("a look", lambda looked=looked: looked() or leads(control_plane, namespace, second), seconds=PATIENCE)
            if not leads(control_plane, namespace, second):
                with lapsed.open("ab") as file:
                    file.write(b".")
        first.signal(signal.SIGCONT)
        assert first.process.wait(timeout=PATIENCE) == 3
        before = int(counter(control_plane, namespace)["count"])
        wait_until("the second goes on", lambda: int(counter(control_plane, namespace)["count"]) > before, seconds=PATIENCE)
        assert leads(control_plane, namespace, second)
        lease = await client.get(LEASES, namespace, "leader")
        assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == (second.name, 1)
    finally:
        for candidate in candidates:
            candidate.end()
    until_recorded(control_plane, audit)
    writes = [event for event in audit.writes() if event.namespace == namespace and event.resource == "configmaps" and event.code == 200]
    users = [event.user for event in writes]
    assert first.name in users
    takeover = users.index(second.name)
    assert first.name not in users[takeover:]
    assert second.name not in users[:takeover]


async def test_a_released_lease_is_taken_over_at_once_with_correct_times_and_transitions(client, clock, namespace):
    # Longer than any test waits: who leads has not waited for it to run out.
    timing = LeaseTiming(duration=6000.0, renew_deadline=4000.0, retry_period=0.5)

    def candidate(identity):
        fence = LeaseFence(clock)
        return Elector(client, namespace=namespace, name="l", identity=identity, clock=clock, fence=fence, timing=timing), fence

    first, first_fence = candidate("first")
    running = asyncio.create_task(first.run())
    await until(lambda: first.leading)
    first_fence.check()
    second, second_fence = candidate("second")
    waiting = asyncio.create_task(second.run())
    await until(lambda: second.holder == "first")
    assert not second.leading
    before = clock.now()
    assert await first.release()
    assert first_fence.lost
    assert await asyncio.wait_for(running, PATIENCE) is Outcome.STOPPED
    await until(lambda: second.leading)
    second_fence.check()
    lease = (await client.get(LEASES, namespace, "l"))["spec"]
    assert (lease["holderIdentity"], lease["leaseTransitions"], lease["leaseDurationSeconds"]) == ("second", 1, 6000)
    assert lease["renewTime"].endswith("Z") and len(lease["renewTime"]) == len("2026-01-01T00:00:00.000000Z")
    assert before <= _moment(lease["renewTime"]) <= clock.now()
    second.stop()
    await asyncio.wait_for(waiting, PATIENCE)
    await second.release()


def _moment(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00"))


async def test_a_lease_taken_by_hand_ends_the_leadership_at_the_deadline(client, control_plane, namespace):
    timing = LeaseTiming(duration=6000.0, renew_deadline=4000.0, retry_period=0.5)
    ahead = 0.0
    clock = AnchoredClock(stopwatch=lambda: stopwatch() + ahead)
    lost = asyncio.Event()
    fence = LeaseFence(clock, margin=timing.margin)
    elector = Elector(client, namespace=namespace, name="l", identity="a", clock=clock, fence=fence, timing=timing, on_lost=lost.set)
    running = asyncio.create_task(elector.run())
    await until(lambda: elector.leading)
    patch = '{"spec":{"holderIdentity":"thief"}}'
    await asyncio.to_thread(control_plane.kubectl, "-n", namespace, "patch", "lease", "l", "--type=merge", "-p", patch)
    await until(lambda: elector.holder == "thief")
    assert elector.leading, "until then nobody else writes"
    ahead = timing.renew_deadline
    assert await asyncio.wait_for(running, PATIENCE) is Outcome.LOST
    assert lost.is_set() and fence.lost


async def test_a_leader_whose_loop_does_not_turn_renews_all_the_same_until_it_is_said_to_stand_still(control_plane, namespace):
    timing = LeaseTiming(duration=30.0, renew_deadline=20.0, retry_period=0.5)
    ahead, stands = 0.0, False
    clock = AnchoredClock(stopwatch=lambda: stopwatch() + ahead)
    fence = LeaseFence(clock, margin=timing.margin)
    elected = asyncio.Event()
    apart = OwnLoop("elector")
    client = await apart.run(ApiClient.connect(Kubeconfig(control_plane.kubeconfig_for("apart", "system:masters")), clock=clock))
    elector = Elector(
        client,
        namespace=namespace,
        name="l",
        identity="a",
        clock=clock,
        fence=fence,
        timing=timing,
        on_elected=handed_over(elected.set),
        works=lambda: not stands,
    )
    running = asyncio.create_task(apart.run(elector.run()))
    await asyncio.wait_for(elected.wait(), PATIENCE)
    # From here on this loop does not turn, while more time passes than one renewal buys.
    for _ in range(5):
        before = _renewed(control_plane, namespace)
        wait_until("a renewal", lambda before=before: _renewed(control_plane, namespace) != before, seconds=PATIENCE)
        ahead += timing.renew_deadline / 4
    fence.check()
    assert elector.leading and not running.done()
    stands = True
    await asyncio.sleep(2 * timing.retry_period)
    ahead += timing.renew_deadline
    assert await asyncio.wait_for(running, PATIENCE) is Outcome.LOST
    assert fence.lost
    await apart.run(client.close())
    await apart.close()


def _renewed(control_plane, namespace):
    return control_plane.api.get(f"/apis/coordination.k8s.io/v1/namespaces/{namespace}/leases/l")["spec"]["renewTime"]
