import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from cluster.waiting import wait_until
from steelyard.control.fencing import LeaseFence
from steelyard.control.lease import Elector, LeaseTiming, Outcome
from steelyard.control.resource import CONFIG_MAPS, LEASES

pytestmark = pytest.mark.apiserver
PROGRAM = Path(__file__).with_name("leader_process.py")
OPERATOR = Path(__file__).parents[3] / "operator"


class Candidate:
    def __init__(self, control_plane, namespace, name):
        self.name = name
        kubeconfig = control_plane.kubeconfig_for(name, "system:masters")
        environment = {**os.environ, "PYTHONPATH": str(OPERATOR)}
        self.process = subprocess.Popen([sys.executable, str(PROGRAM), str(kubeconfig), namespace, name], env=environment)

    def signal(self, number):
        os.kill(self.process.pid, number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def writer(control_plane, namespace):
    return control_plane.api.get(f"/api/v1/namespaces/{namespace}/configmaps/counter")["data"]["writer"]


@pytest.mark.parametrize("attempt", range(3))
async def test_a_leader_stopped_past_its_lease_writes_nothing_after_its_successor_and_exits(
    client, control_plane, namespace, audit, attempt
):
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": namespace, "name": "counter"}}
    await client.create(CONFIG_MAPS, {**body, "data": {"count": "0", "writer": ""}})
    audit.mark()
    first = Candidate(control_plane, namespace, f"first-{attempt}")
    candidates = [first]
    try:
        wait_until("the first leads", lambda: writer(control_plane, namespace) == first.name, seconds=30)
        second = Candidate(control_plane, namespace, f"second-{attempt}")
        candidates.append(second)
        await asyncio.sleep(1.5 + attempt / 7)
        first.signal(signal.SIGSTOP)
        wait_until("the second leads", lambda: writer(control_plane, namespace) == second.name, seconds=30)
        first.signal(signal.SIGCONT)
        assert first.process.wait(timeout=10) == 3
        before = control_plane.api.get(f"/api/v1/namespaces/{namespace}/configmaps/counter")["data"]
        await asyncio.sleep(1)
        after = control_plane.api.get(f"/api/v1/namespaces/{namespace}/configmaps/counter")["data"]
        assert int(after["count"]) > int(before["count"]) and after["writer"] == second.name, "the second goes on"
        lease = await client.get(LEASES, namespace, "leader")
        assert (lease["spec"]["holderIdentity"], lease["spec"]["leaseTransitions"]) == (second.name, 1)
    finally:
        for candidate in candidates:
            candidate.end()
    await asyncio.sleep(0.5)
    writes = [event for event in audit.writes() if event.namespace == namespace and event.resource == "configmaps" and event.code == 200]
    users = [event.user for event in writes]
    assert first.name in users
    takeover = users.index(second.name)
    assert first.name not in users[takeover:]
    assert second.name not in users[:takeover]


async def test_a_released_lease_is_taken_over_at_once_with_correct_times_and_transitions(client, clock, namespace):
    def candidate(identity):
        fence = LeaseFence(clock)
        return Elector(client, namespace=namespace, name="l", identity=identity, clock=clock, fence=fence), fence

    first, first_fence = candidate("first")
    running = asyncio.create_task(first.run())
    while not first.leading:
        await asyncio.sleep(0.02)
    first_fence.check()
    second, second_fence = candidate("second")
    waiting = asyncio.create_task(second.run())
    await asyncio.sleep(1)
    assert not second.leading and second.holder == "first"
    assert await first.release()
    assert first_fence.lost
    assert await asyncio.wait_for(running, 5) is Outcome.STOPPED
    started = clock.monotonic()
    while not second.leading:
        await asyncio.sleep(0.02)
    assert clock.monotonic() - started < 10.0, "not the lease duration, which is 15 s"
    second_fence.check()
    lease = (await client.get(LEASES, namespace, "l"))["spec"]
    assert (lease["holderIdentity"], lease["leaseTransitions"], lease["leaseDurationSeconds"]) == ("second", 1, 15)
    assert lease["renewTime"].endswith("Z") and len(lease["renewTime"]) == len("2026-01-01T00:00:00.000000Z")
    assert abs((clock.now() - _moment(lease["renewTime"])).total_seconds()) < 5
    second.stop()
    await asyncio.wait_for(waiting, 5)
    await second.release()


def _moment(text):
    from datetime import datetime

    return datetime.fromisoformat(text.replace("Z", "+00:00"))


async def test_a_lease_taken_by_hand_ends_the_leadership_within_the_deadline(client, control_plane, clock, namespace):
    timing = LeaseTiming(duration=4.0, renew_deadline=2.5, retry_period=0.5)
    lost = asyncio.Event()
    fence = LeaseFence(clock, margin=timing.margin)
    elector = Elector(client, namespace=namespace, name="l", identity="a", clock=clock, fence=fence, timing=timing, on_lost=lost.set)
    running = asyncio.create_task(elector.run())
    while not elector.leading:
        await asyncio.sleep(0.02)
    patch = '{"spec":{"holderIdentity":"thief"}}'
    await asyncio.to_thread(control_plane.kubectl, "-n", namespace, "patch", "lease", "l", "--type=merge", "-p", patch)
    assert await asyncio.wait_for(running, 10) is Outcome.LOST
    assert lost.is_set() and fence.lost
