"""What the Job of a probe tells: its start, its ramp, its result or why there is none; and what its pod is to the rest: it costs, and serves nobody."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.control.gather.devices import devices_of_pod
from steelyard.control.gather.pod_facts import pod_facts
from steelyard.control.gather.probe_job import probe_of, refused_probe
from steelyard.control.gather.queued import Quota
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import ACCELERATOR_TRIALS, INFERENCE_WORKLOADS, JOBS, NODES, PODS
from steelyard.core.economics.ledger import Component
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import Probe, ProbeState, ProbeStep
from steelyard.core.facts.snapshot import RefusedWrite, Snapshot
from steelyard.render.label import TRIAL
from steelyard.render.name import probe_job
from steelyard.status.memory import memory_of
from unit.api import objects
from unit.control.test_hostile_objects import LABELS, POOL, Cluster, node, pod

WORKLOAD, KEY, MOVE = WorkloadKey("shop", "chat"), PlacementKey(POOL, "0a1b2c3d"), "20260101t000000-x"
MADE = datetime(2026, 1, 1, tzinfo=UTC)
NAME = probe_job(WORKLOAD, KEY, MOVE)
PROBING = {**LABELS, "steelyard.dev/role": "probe", "steelyard.dev/move": MOVE}
STEP = {"rate": 8, "seconds": 10.0, "good": 79, "slow": 1, "error": 0, "shed": 0, "p50": 20, "p99": 88.5, "finished": [30, 31]}
RESULT = {"result": "Probed", "readySeconds": 0.25, "steps": [STEP, {**STEP, "rate": 16, "p99": None}]}
OWNER = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "chat", "uid": "u-chat", "controller": True}


def at(seconds: float) -> str:
    return (MADE + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def a_job(*, reason: str | None = None, owner: Manifest = OWNER, **labels: str) -> Manifest:
    condition = {"type": "Failed", "status": "True", "reason": reason, "message": "Job has reached the specified backoff limit"}
    meta = {
        "name": NAME,
        "namespace": "shop",
        "uid": "u-job",
        "creationTimestamp": at(0),
        "labels": {**PROBING, **labels},
        "ownerReferences": [owner],
    }
    return {"metadata": meta, "spec": {"activeDeadlineSeconds": 900}, "status": {"conditions": [condition] if reason else []}}


def a_pod(
    *, server: Manifest | None = None, generator: Manifest | None = None, phase: str = "Running", of: str = "u-job", **status: Any
) -> Manifest:
    meta = {"name": "probe-1", "namespace": "shop", "uid": "u-pod", "creationTimestamp": at(1), "labels": PROBING}
    meta["ownerReferences"] = [{"kind": "Job", "name": NAME, "uid": of, "controller": True}]
    statuses = {
        "initContainerStatuses": [{"name": "server", **(server or {})}],
        "containerStatuses": [{"name": "probe", **(generator or {})}],
    }
    asked = {"cpu": "1", "memory": "2Gi", "aws.amazon.com/neurondevice": "1"}
    containers = [{"name": "probe", "resources": {"requests": {"cpu": "500m", "memory": "512Mi"}}}]
    spec = {
        "nodeName": "n",
        "initContainers": [{"name": "server", "restartPolicy": "Always", "resources": {"requests": asked}}],
        "containers": containers,
    }
    return {"metadata": meta, "spec": spec, "status": {"phase": phase, **statuses, **status}}


RUNS = {"state": {"running": {"startedAt": at(42)}}}


def ended(message: str, code: int = 0, reason: str = "Completed") -> Manifest:
    return {"state": {"terminated": {"exitCode": code, "reason": reason, "startedAt": at(42), "finishedAt": at(100), "message": message}}}


def told(job: Manifest, pod: Manifest | None, now: datetime = MADE + timedelta(minutes=5)) -> Probe:
    found = probe_of(job, pod, WORKLOAD, {}, now)
    assert found is not None and (found.move, found.key, found.started) == (MOVE, KEY, MADE)
    return found


@pytest.mark.parametrize("pod", [None, a_pod(phase="Pending"), a_pod(server=RUNS)])
def test_it_starts_until_the_server_is_ready(pod: Manifest | None) -> None:
    found = told(a_job(), pod)
    assert (found.state, found.ready_seconds, found.message) == (ProbeState.STARTING, None, "")


def test_it_runs_once_what_asks_has_begun_which_is_when_the_server_was_ready() -> None:
    found = told(a_job(), a_pod(server=RUNS, generator=RUNS))
    assert (found.state, found.ready_seconds) == (ProbeState.RUNNING, 42)


@pytest.mark.parametrize("job", [a_job(), a_job(reason="BackoffLimitExceeded")])
def test_its_result_is_its_last_word_whatever_the_job_says(job: Manifest) -> None:
    found = told(job, a_pod(server=RUNS, generator=ended(json.dumps({**RESULT, "message": "the load generator could\nnot"}))))
    assert (found.state, found.ready_seconds, found.message) == (ProbeState.DONE, 42.25, "the load generator could not")
    first, second = found.steps
    assert first == ProbeStep(
        rate=8, seconds=10, good=79, slow=1, error=0, shed=0, p50_milliseconds=20, p99_milliseconds=88.5, finished=(30, 31)
    )
    assert (second.rate, second.offered, second.p99_milliseconds) == (16, 80, None)


HOSTILE = [
    "",
    "no",
    "[]",
    "null",
    '{"result":"Probed"}',
    json.dumps({**RESULT, "steps": []}),
    json.dumps({**RESULT, "steps": [STEP] * 33}),
    json.dumps({**RESULT, "readySeconds": -1}),
    json.dumps({**RESULT, "readySeconds": None}),
    json.dumps({**RESULT, "readySeconds": 1e300}),
    *(
        json.dumps({**RESULT, "steps": [{**STEP, name: value}]})
        for name in ("rate", "seconds", "good", "slow", "error", "shed", "p50", "p99")
        for value in (-1, "1", True, [], {}, 1e300, float("nan"), float("inf"))
    ),
    *(json.dumps({**RESULT, "steps": [{**STEP, "finished": value}]}) for value in (None, 1, "1", {}, [-1], [True], [0.5], [1] * 33)),
    *(json.dumps({**RESULT, "steps": [{**STEP, name: value}]}) for name in ("good", "shed") for value in (0.5, None, 2**60)),
    json.dumps({**RESULT, "steps": [{**STEP, "rate": 0}]}),
    json.dumps({**RESULT, "steps": [{**STEP, "seconds": 0}]}),
    json.dumps({**RESULT, "steps": [{**STEP, "good": 0, "slow": 0}]}),
    '{"result":"Probed","readySeconds":0,"steps":' + "[" * 4000,
    '{"result":"Probed","readySeconds":0,"steps":[{"good":1' + "0" * 3000 + "}]}",
]


@pytest.mark.parametrize("word", HOSTILE)
def test_what_is_no_result_is_a_failure_with_words(word: str) -> None:
    found = told(a_job(), a_pod(generator=ended(word)))
    assert (found.state, found.steps) == (ProbeState.FAILED, ())
    assert 20 < len(found.message) <= 400


@pytest.mark.parametrize(
    ("job", "pod", "words"),
    [
        (
            a_job(),
            a_pod(generator=ended('{"result":"Failed","message":"the probe has measured nothing"}', 1)),
            "the probe has measured nothing",
        ),
        (a_job(), a_pod(generator=ended("", 137, "OOMKilled")), "ended without a result, with exit code 137 (OOMKilled)"),
        (
            a_job(reason="DeadlineExceeded"),
            a_pod(phase="Pending"),
            "did not end within its 900 s, the wait for a node and for its server included",
        ),
        (a_job(reason="DeadlineExceeded"), None, f"no pod of it is there; `kubectl describe job {NAME} --namespace shop`"),
        (a_job(reason="PodFailurePolicy"), None, "ended without a result: Job has reached the specified backoff limit"),
        (a_job(), a_pod(server={"restartCount": 2, "lastState": ended("boom", 1)["state"]}), "--container server --previous"),
        (a_job(), a_pod(server={"lastState": ended("its digest is another", 3)["state"]}), "refused its artifact: its digest is another"),
    ],
)
def test_it_fails_and_says_why(job: Manifest, pod: Manifest | None, words: str) -> None:
    found = told(job, pod)
    assert found.state is ProbeState.FAILED and words in found.message


UNPLACED = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable"}]


@pytest.mark.parametrize(
    ("pod", "words"),
    [
        (
            a_pod(phase="Pending", conditions=UNPLACED),
            f"no node of pool {POOL} has room for its probe, which asks for aws.amazon.com/neurondevice 1, cpu 1,",
        ),
        (a_pod(server={"state": {"waiting": {"reason": "ImagePullBackOff", "message": "denied"}}}), "which its node cannot pull (denied)"),
        (
            a_pod(server={"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "s" not found'}}}),
            "waits for Secret s",
        ),
    ],
)
def test_what_somebody_may_mend_is_waited_for_and_said(pod: Manifest, words: str) -> None:
    """A node may come, and a registry answer: its deadline is the end."""
    found = told(a_job(), pod)
    assert found.state is ProbeState.STARTING and words in found.message


def test_a_job_of_another_name_or_one_that_leaves_is_no_probe() -> None:
    other = a_job()
    other["metadata"]["name"] = "mine"
    leaving = a_job()
    leaving["metadata"]["deletionTimestamp"] = at(5)
    for job in (other, leaving, a_job(**{"steelyard.dev/move": "another"})):
        assert probe_of(job, None, WORKLOAD, {}, MADE) is None


def test_it_holds_what_both_of_its_containers_ask_for() -> None:
    asked = pod_facts(a_pod(), None, None).resources
    assert (asked.cpu, asked.memory_gib) == (1.5, 2.5)
    assert devices_of_pod(a_pod(), "aws.amazon.com/neurondevice", {"n"}) == 1


def test_a_probe_whose_server_refuses_its_artifact_says_so_to_the_compile() -> None:
    word = json.dumps({"result": "Failed", "reason": "ArtifactCorrupt", "message": "m"})
    refusing = a_pod(server={"lastState": ended(word, 3)["state"]})
    spec = json.dumps({"artifact": {"uri": "s3://a/k/manifest.json", "digest": "d"}, "backend": "openvino"})
    refusing["spec"]["initContainers"][0]["env"] = [{"name": "STEELYARD_SERVE_SPEC", "value": spec}]
    found = refused_artifact(refusing)
    assert found is not None and found[1].reason == "ArtifactCorrupt"


def test_a_job_that_the_api_server_does_not_take_is_waited_for_with_its_words() -> None:
    move = memory_of(REMEMBERED).move
    assert move is not None
    others = (RefusedWrite("Job", "another", "no"), RefusedWrite("Service", NAME, "no"))
    assert refused_probe(WORKLOAD, move, others) is refused_probe(WORKLOAD, None, (RefusedWrite("Job", NAME, "no"),)) is None
    found = refused_probe(WORKLOAD, move, (*others, RefusedWrite("Job", NAME, "exceeded quota: q")))
    assert found is not None and (found.move, found.key, found.state) == (MOVE, KEY, ProbeState.STARTING)
    assert "the API server refuses Job" in found.message and "exceeded quota: q" in found.message


# Beside everything else

REMEMBERED = {
    "move": {
        "id": MOVE,
        "kind": "Exploration",
        "step": "Probe",
        "from": "another",
        "to": POOL,
        "fromRevision": "1a1b2c3d",
        "toRevision": "0a1b2c3d",
        "startedTime": at(0),
        "stepTime": at(0),
        "deadlineTime": at(900),
    }
}


def the_workload(status: Manifest) -> Manifest:
    made = objects.workload()
    made["metadata"] |= {"name": "chat", "namespace": "shop", "uid": "u-chat", "generation": 1}
    return {**made, "status": status}


@pytest.fixture
def cluster() -> Cluster:
    cluster = Cluster()
    cluster.put(INFERENCE_WORKLOADS, the_workload(REMEMBERED), "MODIFIED")
    cluster.put(NODES, node("n"))
    cluster.put(PODS, pod("chat-1"))
    return cluster


def frozen(cluster: Cluster) -> Snapshot:
    seen = cluster.world.freeze(WORKLOAD, MADE + timedelta(minutes=5))
    assert isinstance(seen, Snapshot)
    return seen


def test_a_snapshot_has_the_probe_of_the_move_under_way_and_no_other(cluster: Cluster) -> None:
    assert frozen(cluster).probe is None
    cluster.put(JOBS, a_job())
    cluster.put(PODS, a_pod(generator=RUNS))
    probe = frozen(cluster).probe
    assert probe is not None and probe.state is ProbeState.RUNNING
    cluster.put(JOBS, a_job(owner={**OWNER, "uid": "u-of-another"}), "MODIFIED")
    assert frozen(cluster).probe is None, "it is another workload's"
    joined = a_job(owner={**OWNER, "controller": False})
    cluster.put(JOBS, joined, "MODIFIED")
    assert frozen(cluster).probe is None, "who is named as an owner did not make it"


def test_a_pod_that_says_it_is_the_jobs_and_is_another_jobs_tells_nothing(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job())
    cluster.put(PODS, a_pod(of="u-another", generator=ended(json.dumps(RESULT))))
    probe = frozen(cluster).probe
    assert probe is not None and probe.state is ProbeState.STARTING


def test_a_pod_that_cannot_be_read_does_not_hide_its_job(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job())
    cluster.put(PODS, a_pod(generator={"state": "no state"}))
    probe = frozen(cluster).probe
    assert probe is not None and probe.state is ProbeState.STARTING
    assert [called for called, _ in cluster.told] == ["probe-1"]


@pytest.mark.parametrize(
    "move", [REMEMBERED["move"], {**REMEMBERED["move"], "from": POOL, "fromRevision": "0a1b2c3d", "to": "another"}, None]
)
def test_its_pod_is_paid_for_by_the_workload_and_counts_as_no_replica(cluster: Cluster, move: Manifest | None) -> None:
    """Also that of the end that a move comes from, and one that drains when the move has ended."""
    cluster.put(INFERENCE_WORKLOADS, the_workload({"move": move} if move else {}), "MODIFIED")
    before = frozen(cluster).placements
    cluster.put(JOBS, a_job())
    conditions = [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True", "lastTransitionTime": at(2)}]
    cluster.put(PODS, a_pod(server=RUNS, generator=RUNS, conditions=conditions))
    assert frozen(cluster).placements == before
    pods = {each.name: each for each in cluster.world.pods()}
    assert (pods["probe-1"].probes, pods["chat-1"].probes) == (True, False)
    (paid,) = cluster.world.paid_nodes(tuple(pods.values()))
    (probing,) = [each for each in paid.pods if each.uid == "u-pod"]
    assert (probing.account.workload, probing.account.component) == ("shop/chat", Component.TRANSITION)
    assert probing.since == MADE + timedelta(seconds=2)


def test_the_pod_of_a_trial_is_paid_for_by_the_workload_apart_from_its_moves(cluster: Cluster) -> None:
    asked = {"name": "asked", "namespace": "shop", "uid": "u-asked"}
    cluster.put(ACCELERATOR_TRIALS, {"metadata": asked, "spec": {"workloadName": "chat"}})
    cluster.put(JOBS, a_job(owner={"kind": "AcceleratorTrial", "name": "asked", "uid": "u-asked", "controller": True}, **{TRIAL: "asked"}))
    tried = a_pod(server=RUNS, generator=RUNS)
    tried["metadata"]["labels"] = {**PROBING, TRIAL: "asked"}
    cluster.put(PODS, tried)
    (paid,) = cluster.world.paid_nodes(cluster.world.pods())
    (trying,) = [each for each in paid.pods if each.uid == "u-pod"]
    assert (trying.account.workload, trying.account.component) == ("shop/chat", Component.TRIAL)


def test_who_only_labels_a_pod_as_a_probe_is_not_counted(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job(owner={**OWNER, "uid": "u-of-another"}))
    cluster.put(PODS, a_pod())
    assert cluster.counted() == ["chat-1"]


def test_it_is_counted_to_its_end_though_its_job_goes_first(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job())
    cluster.put(PODS, a_pod())
    assert cluster.counted() == ["chat-1", "probe-1"]
    cluster.put(JOBS, a_job(), "DELETED")
    assert cluster.counted() == ["chat-1", "probe-1"]


def test_a_probe_that_waits_for_a_node_waits_for_the_pool(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job())
    nowhere = [{**UNPLACED[0], "lastTransitionTime": at(3)}]
    cluster.put(PODS, a_pod(phase="Pending", conditions=nowhere))
    assert cluster.world.waits(POOL).since is not None


def test_its_wait_for_quota_is_no_wait_for_the_pool(cluster: Cluster) -> None:
    cluster.put(JOBS, a_job())
    nowhere, queue = [{**UNPLACED[0], "lastTransitionTime": at(3)}], "kueue.x-k8s.io/queue-name"
    waits = a_pod(phase="Pending", conditions=nowhere)
    cluster.put(PODS, {**waits, "metadata": {**waits["metadata"], "labels": {**waits["metadata"]["labels"], queue: "team-a"}}})
    assert [each["metadata"]["name"] for each in cluster.world.in_queues()] == ["probe-1"]
    given = MADE + timedelta(minutes=9)
    cluster.world.quota_of = lambda pod: Quota(given=given)
    assert cluster.world.waits(POOL).since == given
