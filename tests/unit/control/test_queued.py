"""Pods that wait for quota: they are told apart from those that wait for a node, in Kueue's words, and their wait is no part of any start."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.control.gather.probe_job import probe_of
from steelyard.control.gather.queued import NOTHING_SAID, PATIENCE, Quota, queued
from steelyard.control.gather.unplaced import unplaced, waiting_since
from steelyard.control.gather.workload_facts import placement_of, pod_ready
from steelyard.core.facts.probe import Probe, ProbeState
from unit.control.test_placement_facts import DEPLOYMENT
from unit.control.test_probe_facts import KEY, MADE, RUNS, WORKLOAD, a_job, a_pod

START = datetime(2026, 1, 1, tzinfo=UTC)
LATER = START + timedelta(minutes=5)
QUEUE = "kueue.x-k8s.io/queue-name"
NO_MORE = "couldn't assign flavors to pod set main: insufficient unused quota for cpu in flavor spot, 1 more needed"
WORDS = f"wait for quota of LocalQueue team-a: {NO_MORE}"
GATED = ("PodScheduled", "False", "SchedulingGated")
NOWHERE = ("PodScheduled", "False", "Unschedulable")
READY = ("Ready", "True", "")


def at(seconds: float) -> str:
    return (START + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def pod(
    *conditions: tuple[str, str, str], gate: str | None = None, queue: str | None = "team-a", name: str = "w-1", since: float = 0
) -> dict[str, Any]:
    """A pod that was made at START, whose conditions changed `since` seconds after."""
    told = [{"type": kind, "status": status, "reason": why, "lastTransitionTime": at(since)} for kind, status, why in conditions]
    gates = {"schedulingGates": [{"name": gate}]} if gate else {}
    meta = {"name": name, "namespace": "n", "uid": name, "creationTimestamp": at(0), "labels": {QUEUE: queue} if queue else {}}
    return {"metadata": meta, "spec": {"containers": [{"resources": {"requests": {"cpu": "1"}}}], **gates}, "status": {"conditions": told}}


def waiting(name: str = "w-1", **more: Any) -> dict[str, Any]:
    return pod(GATED, gate="kueue.x-k8s.io/admission", name=name, **more)


def saying(**quotas: Quota) -> Any:
    return lambda pod: quotas.get(pod["metadata"]["name"].replace("-", "_"), NOTHING_SAID)


def test_replicas_that_wait_for_quota_are_counted_with_the_words_of_kueue_and_are_not_without_a_node() -> None:
    pods = [waiting("w-2"), waiting("w-1"), pod(READY, name="w-3")]
    found = queued(pods, saying(w_1=Quota(why=NO_MORE), w_2=Quota(why="other words")), pod_ready, LATER)
    assert (found.count, found.message, found.since) == (2, WORDS, START)
    placement = placement_of(DEPLOYMENT, pods, None, in_queue=found)
    assert (placement.queued, placement.queued_message, placement.queued_since) == (2, WORDS, START)
    assert (placement.ready, placement.unplaced, placement.waiting_since, placement.crashing) == (1, 0, None, 0)
    assert unplaced(DEPLOYMENT, pods, "p") == (0, "")


def test_a_pod_that_kueue_takes_at_once_has_not_waited() -> None:
    assert queued([waiting()], saying(), pod_ready, START + PATIENCE - timedelta(seconds=1)).count == 0
    assert queued([waiting()], saying(), pod_ready, START + PATIENCE).count == 1


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (waiting(), "wait for quota of LocalQueue team-a: Kueue has not said why"),
        (waiting(queue=None), "wait for quota of a queue of Kueue: Kueue has not said why"),
        (pod(GATED, gate="kueue.x-k8s.io/topology"), "wait for quota of LocalQueue team-a: Kueue has not said why"),
        (pod(GATED, gate="example.com/somebody-else"), ""),
        ({**waiting(), "metadata": {**waiting()["metadata"], "deletionTimestamp": at(9)}}, ""),
        (pod(NOWHERE), ""),
    ],
)
def test_only_the_gates_of_kueue_are_a_wait_for_quota(made: dict[str, Any], message: str) -> None:
    assert queued([made], saying(), pod_ready, LATER).message == message


def test_a_start_is_counted_from_the_moment_at_which_there_was_quota() -> None:
    slow, quick = pod(READY, since=300, name="w-1"), pod(READY, since=100, queue=None, name="w-2")
    given = saying(w_1=Quota(given=START + timedelta(seconds=260)))
    assert placement_of(DEPLOYMENT, [slow], None, quota_of=given).start_seconds == 40
    assert placement_of(DEPLOYMENT, [slow, quick], None).start_seconds == 100, "when it had quota is not known, which is not at once"
    assert placement_of(DEPLOYMENT, [slow], None).start_seconds is None


def test_a_wait_for_a_node_begins_when_there_is_quota() -> None:
    """The condition PodScheduled is False all along, and so keeps the time of the pod's making."""
    given = START + timedelta(minutes=50)
    assert waiting_since({}, [pod(NOWHERE)], saying(w_1=Quota(given=given))) == given
    assert waiting_since({}, [pod(NOWHERE)]) == START, "where nobody tells, serving comes first"
    assert waiting_since({}, [pod(NOWHERE, queue=None)], saying()) == START


def test_what_has_its_quota_and_is_not_ready_tells_since_when() -> None:
    first, last = START + timedelta(seconds=30), START + timedelta(seconds=70)
    pods = [pod(name="w-1"), pod(name="w-2"), pod(READY, name="w-3"), waiting("w-4")]
    later = START + timedelta(seconds=90)
    quotas = saying(w_1=Quota(given=first), w_2=Quota(given=last), w_3=Quota(given=later), w_4=Quota(given=later))
    assert queued(pods, quotas, pod_ready, LATER).given == last


def probe(pod: dict[str, Any] | None, quota: Quota = NOTHING_SAID, job: dict[str, Any] | None = None) -> Probe:
    found = probe_of(job or a_job(), pod, WORKLOAD, {}, MADE + timedelta(minutes=5), lambda _: quota)
    assert found is not None and found.key == KEY and found.move
    return found


def in_queue(made: dict[str, Any], *, gated: bool) -> dict[str, Any]:
    labels = {**made["metadata"]["labels"], QUEUE: "team-a"}
    spec = {**made["spec"], "schedulingGates": [{"name": "kueue.x-k8s.io/admission"}] if gated else []}
    return {**made, "metadata": {**made["metadata"], "labels": labels}, "spec": spec}


def test_a_probe_says_what_its_pod_waits_for() -> None:
    found = probe(in_queue(a_pod(phase="Pending"), gated=True), Quota(why=NO_MORE))
    assert (found.state, found.queued, found.message) == (ProbeState.STARTING, True, f"its pod has to {WORDS}"[:400])


def test_a_probe_that_ended_without_quota_is_told_from_one_that_failed() -> None:
    late = a_job(reason="DeadlineExceeded")
    found = probe(in_queue(a_pod(phase="Pending"), gated=True), Quota(why=NO_MORE), late)
    assert (found.state, found.queued) == (ProbeState.FAILED, True)
    assert found.message.startswith("the probe did not begin within its 900 s: its pod had to wait for quota of LocalQueue team-a")
    assert not probe(in_queue(a_pod(phase="Pending"), gated=False), NOTHING_SAID, late).queued


def test_the_start_of_a_probe_leaves_out_its_wait_for_quota() -> None:
    runs = in_queue(a_pod(server=RUNS, generator=RUNS), gated=False)
    assert probe(runs, Quota(given=MADE + timedelta(seconds=30))).ready_seconds == 12
    assert probe(runs).ready_seconds is None
    assert probe(a_pod(server=RUNS, generator=RUNS)).ready_seconds == 42
