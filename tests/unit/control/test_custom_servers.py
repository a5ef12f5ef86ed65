"""A program of the user's own on its way from the API to the core and back: its spec, its pods, and what keeps them from serving."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.observing import _observed
from steelyard.app.wiring import settings_of
from steelyard.cli.facts.workload import workload as shown
from steelyard.control.gather.pod_facts import pod_facts
from steelyard.control.gather.pod_trouble import trouble
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.gather.workload_facts import crash_of, workload_of
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.reader import Reader
from steelyard.control.kube.resource import ACCELERATOR_POOLS, DEPLOYMENTS, INFERENCE_WORKLOADS, NODES, PODS
from steelyard.control.kube.store import Store
from steelyard.core.decide import decide
from steelyard.core.facts.custom import Variable
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.snapshot import Snapshot, Workload
from steelyard.core.placing.intent import CustomIntent
from steelyard.core.planning.option import refusal_of
from steelyard.core.replay.difference import differences
from steelyard.core.replay.record import outcome, record
from steelyard.core.replay.record import read as read_record
from steelyard.core.trials.look import TrialSnapshot
from steelyard.core.vocabulary.condition import ConditionType
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason, Refusal
from steelyard.observe.named_metrics import NamedMetrics
from steelyard.render.objects import desired
from steelyard.render.probe_job import BEGIN_PORT
from steelyard.status.workload import status_of
from unit.api import objects
from unit.control.virtual_time import ManualClock

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KEY = WorkloadKey("team", "ranker")
IMAGE, NEURON = f"example.com/team/ranker@sha256:{'a' * 64}", f"example.com/team/ranker-neuron@sha256:{'b' * 64}"
SERVER: dict[str, Any] = {
    "image": IMAGE,
    "families": ["cpu"],
    "args": ["--workers=2"],
    "env": [{"name": "LEVEL", "value": "info"}, {"name": "KEY", "secret": {"name": "serving-a", "key": "token"}}],
    "variants": [{"family": "neuron-inf2", "image": NEURON, "resources": {"cpu": "3", "memory": "12Gi"}}],
    "port": 8000,
    "metrics": {"names": objects.NAMES, "port": 9000},
}


def raw(generation: int = 1, **server: Any) -> Manifest:
    made = objects.changed(objects.workload(), {"spec.model": objects.GONE, "spec.server": {"custom": {**SERVER, **server}}})
    meta = {"name": "ranker", "namespace": "team", "uid": "u-ranker", "generation": generation, "creationTimestamp": "2026-01-05T08:00:00Z"}
    return {**made, "metadata": meta}


def read(**server: Any) -> Workload:
    parsed = parse(InferenceWorkload, raw(**server))
    assert isinstance(parsed, InferenceWorkload), parsed
    return workload_of(parsed, raw(**server))


class Stage:
    """A store with a pool of CPUs, one of Inferentia, and a node of each."""

    def __init__(self) -> None:
        self.store = Store(ManualClock(), index_labels=("steelyard.dev/workload", "steelyard.dev/pool"))
        self._versions = 0
        self.world = SnapshotBuilder(
            self.store,
            replace(settings_of(Config()), fetch_image="fetch:1"),
            lambda *_: Unknown("nothing was read yet", pending=True),
            synced=lambda: True,
            clock_suspect=lambda: False,
        )
        for name, family in (("cpus", "cpu"), ("inf", "neuron-inf2"), ("gpus", "nvidia")):
            device = {} if family == "cpu" else {"resourceName": "example.com/device"}
            shape = {"instanceType": name, "devices": 0 if family == "cpu" else 1, "cpu": 8, "memory": "32Gi", "pricePerHour": "1", "priceClass": "Static", "asOf": "2026-02-01"}  # fmt: skip
            changes = {"metadata.name": name, "spec.accelerator": {"family": family, "model": f"model-{name}", **device}, "spec.claims": [], "spec.backends": [{"name": "vllm"}], "spec.shapes": [shape], "spec.nodes.selector": {"pool": name}}  # fmt: skip
            pool = objects.changed(objects.pool(), changes)
            pool["metadata"] |= {"uid": f"u-{name}", "generation": 1, "creationTimestamp": "2026-01-01T00:00:00Z"}
            self.put(ACCELERATOR_POOLS, pool)
            held = {"cpu": "8", "memory": "32Gi", "pods": "110", **({} if family == "cpu" else {"example.com/device": "1"})}
            meta = {"name": f"n-{name}", "uid": f"u-n-{name}", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"pool": name, "node.kubernetes.io/instance-type": name}}  # fmt: skip
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
            self.put(NODES, {"metadata": meta, "status": {"conditions": [ready], "allocatable": held, "capacity": held}})

    def put(self, resource: Any, made: Manifest) -> None:
        self._versions += 1
        self.store.observe(resource, "ADDED", {**made, "metadata": {**made["metadata"], "resourceVersion": str(self._versions)}})

    def freeze(self) -> Snapshot:
        found = self.world.freeze(KEY, NOW)
        assert isinstance(found, Snapshot), found
        return found

    def place(self) -> Manifest:
        """What is decided is done: the Deployment, and one pod of it that serves."""
        decision = decide(self.freeze(), NOW)
        [deployment] = [m for m in desired(decision.intent, self.world.settings).present if m["kind"] == "Deployment"]
        deployment["metadata"] |= {"uid": "u-d", "creationTimestamp": "2026-03-01T11:00:00Z"}
        self.put(DEPLOYMENTS, deployment)
        template = deployment["spec"]["template"]
        pod = {
            "metadata": {
                "name": "ranker-1", "namespace": "team", "uid": "u-pod", "creationTimestamp": "2026-03-01T11:00:00Z", "labels": {**template["metadata"]["labels"], "pod-template-hash": "abcde"},
                "ownerReferences": [{"kind": "ReplicaSet", "name": f"{deployment['metadata']['name']}-abcde", "uid": "u-rs", "controller": True}],
            },
            "spec": {**template["spec"], "nodeName": "n-cpus"},
            "status": {
                "phase": "Running", "podIP": "10.0.0.9",
                "conditions": [{"type": each, "status": "True", "lastTransitionTime": "2026-03-01T11:01:00Z"} for each in ("PodScheduled", "Ready")],
                "containerStatuses": [{"name": "server", "restartCount": 0, "state": {"running": {"startedAt": "2026-03-01T11:00:30Z"}}}],
            },
        }  # fmt: skip
        self.put(PODS, pod)
        return pod


def test_the_spec_is_read_whole() -> None:
    found = read(drain={"delaySeconds": 7}, disk="40Gi", modelPath="/m")
    custom = found.custom
    assert custom is not None
    assert (found.server, custom.families, custom.port, custom.page.port) == ("custom", ("cpu",), 8000, 9000)
    assert (custom.drain.delay_seconds, custom.drain.timeout_seconds, custom.disk_gib, custom.model_path) == (7, 30, 40.0, "/m")
    assert custom.general.env == (Variable(name="LEVEL", value="info"), Variable(name="KEY", secret=("serving-a", "token")))
    assert custom.variants["neuron-inf2"].resources == Resources(3.0, 12.0)
    assert custom.page.promises == tuple((o.metric, o.milliseconds / 1000) for o in found.latency)


def test_it_is_placed_without_store_toolchain_and_condition_of_a_compile() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    decision = decide(stage.freeze(), NOW)
    [order] = decision.intent.create
    assert isinstance(order, CustomIntent)
    assert order.image in {IMAGE, NEURON}
    assert decision.intent.compile == ()
    assert ConditionType.COMPILED not in {c.type for c in decision.conditions}
    refused = {option.pool: refusal_of(option) for option in decision.options}["gpus"]
    assert refused is not None
    assert (refused.reason, "add {family: nvidia, image:" in refused.message) == (Reason.NO_VARIANT, True)


def test_without_a_variant_for_any_pool_it_is_held_with_what_to_write() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw(families=["amd"], variants=[]))
    placed = next(c for c in decide(stage.freeze(), NOW).conditions if c.type is ConditionType.PLACED)
    assert placed.reason is Reason.NO_POOL
    assert "spec.server.custom is for amd, and pool cpus is of the family cpu: add {family: cpu" in placed.message


def test_kubectl_and_the_command_name_its_image_where_no_model_is_named() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    snapshot = stage.freeze()
    status = status_of(decide(snapshot, NOW), snapshot, {}, "ranker", NOW)
    assert status["summary"]["model"] == "ranker"
    assert shown(raw()).model == "ranker"
    assert shown(raw(image=None, families=None)).model == "ranker-neuron"


def test_its_pods_are_read_by_its_page_at_their_own_port_and_no_busy_time_is_made_up() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    stage.place()
    [facts] = stage.world.pods()
    assert facts.page is not None and facts.page.names is not None
    assert (facts.page.port, facts.page.names.requests, facts.cpu_limit, facts.probes) == (9000, "n_total", None, False)
    assert facts.cost_per_hour is not None and facts.cost_per_hour > 0
    observed = _observed(facts, "")
    assert isinstance(observed.contract, NamedMetrics)
    assert (observed.metrics_port, observed.contract.counter) == (9000, "n_total")


def test_where_a_gateway_tells_of_its_requests_its_pods_name_the_backend_and_a_probes_do_not() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, objects.changed(raw(latencyFrom="Gateway"), {"spec.traffic": {"parentRefs": [{"name": "models"}]}}))
    pod = stage.place()
    [facts] = stage.world.pods()
    observed = _observed(facts, "{namespace}_{service}_{port}")
    service = pod["metadata"]["ownerReferences"][0]["name"].removesuffix("-abcde")
    assert observed.backend is not None
    assert observed.backend.cluster == f"team_{service}_80"
    assert observed.backend.contract.promises == facts.page.promises  # type: ignore[union-attr]
    assert isinstance(observed.contract, NamedMetrics)
    assert observed.contract.promises == (), "what its own page tells judges nothing"
    probing = objects.changed(pod, {"metadata.labels": {**pod["metadata"]["labels"], "steelyard.dev/role": "probe"}})
    seen = _observed(pod_facts(probing, None, None, facts.page), "{namespace}_{service}_{port}")
    assert seen.backend is None
    assert isinstance(seen.contract, NamedMetrics) and seen.contract.promises


def test_other_names_reach_the_pods_that_stand_and_another_port_those_to_come() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    stage.place()
    before = stage.freeze()
    other = {"names": {**objects.NAMES, "requestCounter": "m_total"}, "port": 9000}
    stage.put(INFERENCE_WORKLOADS, raw(2, metrics=other))
    [facts] = stage.world.pods()
    assert facts.page is not None and facts.page.names is not None
    assert facts.page.names.requests == "m_total"
    asked = {p.asked for p in stage.freeze().placements}
    assert asked == {p.asked for p in before.placements}
    stage.put(INFERENCE_WORKLOADS, raw(3, metrics={**other, "port": 9100}))
    [facts] = stage.world.pods()
    assert facts.page is not None and facts.page.port == 9000, "where that pod has it"


def test_the_last_requests_of_a_workload_that_is_gone_are_still_read() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    stage.place()
    stage.world.pods()
    stage.store.observe(INFERENCE_WORKLOADS, "DELETED", raw())
    [facts] = stage.world.pods()
    assert facts.page is not None and facts.page.port == 9000


def test_one_port_for_both_is_found_by_the_name_of_requests() -> None:
    custom = read().custom
    assert custom is not None
    spec = {"containers": [{"name": "server", "ports": [{"name": "http", "containerPort": 8000}]}]}
    meta = {"name": "a", "namespace": "team", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": {"steelyard.dev/pool": "cpus", "steelyard.dev/workload": "ranker"}}  # fmt: skip
    page = pod_facts({"metadata": meta, "spec": spec}, None, None, custom.page).page
    assert page is not None and page.port == 8000


def starting(**status: Any) -> Manifest:
    meta = {"name": "ranker-1", "namespace": "team", "labels": {"steelyard.dev/server": "custom", "steelyard.dev/role": "serving"}}
    spec = {"initContainers": [{"name": "fetch-model", "image": "fetch:1"}], "containers": [{"name": "server", "image": IMAGE}]}
    return {"metadata": meta, "spec": spec, "status": {"phase": "Pending", **status}}


def test_an_image_that_cannot_be_pulled_is_the_users_to_correct() -> None:
    waits = {"name": "server", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}
    found = trouble(starting(containerStatuses=[waits]), "a replica on pool cpus", {}, NOW)
    assert found is not None
    assert (found.reason, "correct the image in spec.server.custom" in found.message, "config.toolchains" in found.message) == (
        Reason.IMAGE_UNAVAILABLE,
        True,
        False,
    )


def fetching(code: int, message: str, restarts: int = 0) -> Manifest:
    ended = {"terminated": {"exitCode": code, "reason": "Error", "message": message}}
    init = {"name": "fetch-model", "restartCount": restarts, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}
    waits = {"name": "server", "restartCount": 0, "state": {"waiting": {"reason": "PodInitializing"}}}
    return starting(initContainerStatuses=[init], containerStatuses=[waits])


def test_a_model_that_is_not_what_was_asked_for_is_told_at_once() -> None:
    word = '{"result":"Failed","reason":"ModelDigestMismatch","message":"the model\'s digest is sha256:1, not sha256:2"}'
    assert crash_of(fetching(3, word)) == "the model cannot be fetched: the model's digest is sha256:1, not sha256:2"


def test_a_source_that_does_not_answer_is_told_with_the_log_to_read() -> None:
    told = crash_of(fetching(1, "{}", restarts=3))
    assert told is not None
    assert "restarted 3 times" in told and "--container fetch-model --previous" in told


def test_a_server_that_ends_again_and_again_is_told_by_its_own_sentence() -> None:
    word = (
        '{"result":"Failed","class":"Infrastructure","reason":"AccuracyTooLow","message":"golden samples: do not use it","logTail":"..."}'
    )
    ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": word}}
    told = crash_of(starting(containerStatuses=[{"name": "server", "restartCount": 1, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": ended}]))  # fmt: skip
    assert told is not None
    assert "after exit code 1 (Error): golden samples: do not use it: see" in told


def as_a_probe(pod: Manifest, *after: Manifest) -> Manifest:
    """The same with the server as a sidecar, whose status comes after that of what fetches, and with the generator."""
    labels = {**pod["metadata"]["labels"], "steelyard.dev/role": "probe", "steelyard.dev/pool": "cpus", "steelyard.dev/workload": "ranker"}
    before = pod["status"].get("initContainerStatuses", [])
    status = {**pod["status"], "initContainerStatuses": [*before, *after], "containerStatuses": [{"name": "probe", "state": {}}]}
    return {
        "metadata": {**pod["metadata"], "labels": labels, "creationTimestamp": "2026-03-01T11:00:00Z"},
        "spec": pod["spec"],
        "status": status,
    }


def test_what_a_probe_asks_of_it_is_no_users_request() -> None:
    page, probe = read().custom.page, as_a_probe(starting())  # type: ignore[union-attr]
    serving = objects.changed(probe, {"metadata.labels": {**probe["metadata"]["labels"], "steelyard.dev/role": "serving"}})
    assert [pod_facts(pod, None, None, page).probes for pod in (probe, serving)] == [True, False]


def test_in_a_probe_the_server_is_the_sidecar_after_what_fetches_its_model() -> None:
    done = {"name": "fetch-model", "restartCount": 0, "state": {"terminated": {"exitCode": 0}}}
    ended = {"name": "server", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3, "message": "boom"}}}  # fmt: skip
    told = crash_of(as_a_probe(starting(initContainerStatuses=[done]), ended))
    assert told is not None and "exit code 3: boom" in told and "--container server" in told
    told = crash_of(as_a_probe(fetching(1, "{}", restarts=3)))
    assert told is not None and "restarted 3 times" in told and "--container fetch-model" in told


def test_once_the_model_is_there_the_program_is_looked_at() -> None:
    done = {
        "name": "fetch-model",
        "restartCount": 1,
        "state": {"terminated": {"exitCode": 0}},
        "lastState": {"terminated": {"exitCode": 1}},
    }
    running = {"name": "server", "restartCount": 0, "state": {"running": {"startedAt": "2026-03-01T11:00:00Z"}}}
    assert crash_of(starting(initContainerStatuses=[done], containerStatuses=[running])) is None
    ended = {"name": "server", "restartCount": 4, "state": {"waiting": {"reason": "CrashLoopBackOff"}}, "lastState": {"terminated": {"exitCode": 3, "message": "boom"}}}  # fmt: skip
    told = crash_of(starting(initContainerStatuses=[done], containerStatuses=[ended]))
    assert told is not None and "exit code 3" in told and "artifact" not in told, "3 is our servers' word and not everybody's"


def test_no_word_of_such_a_program_is_taken_for_one_about_an_artifact() -> None:
    told = {"artifact": {"uri": "s3://a/key/manifest.json", "digest": "sha256:1"}, "backend": "openvino"}
    word = json.dumps({"reason": "ArtifactCorrupt", "message": "compile it again"})
    state = {"terminated": {"exitCode": 3, "message": word, "startedAt": "2026-03-01T11:00:00Z"}}
    pod = starting(containerStatuses=[{"name": "server", "restartCount": 1, "state": state}])
    pod["spec"]["containers"][0]["env"] = [{"name": "STEELYARD_SERVE_SPEC", "value": json.dumps(told)}]
    assert refused_artifact(pod) is None
    del pod["metadata"]["labels"]["steelyard.dev/server"]
    assert refused_artifact(pod) is not None


def test_a_decision_about_one_is_decided_again_from_its_record() -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    stage.place()
    snapshot = stage.freeze()
    decision = decide(snapshot, NOW)
    found = read_record(json.loads(json.dumps(record(snapshot, decision, NOW))))
    assert found.snapshot == snapshot
    assert list(differences(found.decided, json.loads(json.dumps(outcome(decide(found.snapshot, found.now)))))) == []


@pytest.mark.parametrize("seconds", [0, 3600])
def test_the_same_facts_are_decided_alike(seconds: int) -> None:
    stage = Stage()
    stage.put(INFERENCE_WORKLOADS, raw())
    now = NOW + timedelta(seconds=seconds)
    assert decide(stage.freeze(), now).desired == decide(stage.freeze(), now).desired


def test_nothing_is_tried_by_requests_that_nobody_knows() -> None:
    stage = Stage()
    asked = {**raw(), "spec": {**raw()["spec"], "placement": {"exitDrill": {"everySeconds": 604_800, "budget": "2.00"}}}}
    stage.put(INFERENCE_WORKLOADS, asked)
    stage.place()
    drill = decide(stage.freeze(), NOW).memory.exit_drill
    assert drill is not None
    told = (drill.reason, drill.message)
    assert told == (
        Reason.NOTHING_MEASURED.value,
        "it has a custom server, and nobody knows what requests it takes: give some in spec.traffic.samples, or leave spec.placement.exitDrill out",
    )
    frozen, asked_live = (trial_of(stage, **load) for load in ({}, LIVE))
    assert isinstance(frozen, Refusal)
    assert (
        "give some in spec.traffic.samples; or compare its pools by the requests that it gets, with spec.load.mode Live" in frozen.message
    )
    assert isinstance(asked_live, Snapshot), asked_live


def test_by_samples_it_is_tried_as_any() -> None:
    stage = Stage()
    drill = {"placement": {"exitDrill": {"everySeconds": 604_800, "budget": "2.00"}}}
    stage.put(INFERENCE_WORKLOADS, {**raw(), "spec": {**raw()["spec"], **drill, "traffic": {"samples": {"configMap": {"name": "asked"}}}}})
    stage.place()
    assert stage.freeze().workload.samples == Samples(config_map="asked", key="requests.jsonl")
    memory = decide(stage.freeze(), NOW).memory.exit_drill
    assert memory is not None and memory.reason != Reason.NOTHING_MEASURED.value, memory.message
    assert isinstance(trial_of(stage), Snapshot)


def test_no_trial_begins_on_the_port_that_its_generator_listens_at() -> None:
    stage = Stage()
    for server in ({"port": BEGIN_PORT}, {"metrics": {"profile": "mlserver", "port": BEGIN_PORT}}):
        made = raw(**server)
        stage.put(INFERENCE_WORKLOADS, {**made, "spec": {**made["spec"], "traffic": {"samples": {"configMap": {"name": "asked"}}}}})
        frozen = trial_of(stage)
        assert isinstance(frozen, Refusal) and f"listens on port {BEGIN_PORT}" in frozen.message
        assert isinstance(trial_of(stage, **LIVE), Snapshot)


LIVE = {"spec.load": {"mode": "Live"}, "spec.durationSeconds": objects.GONE}


def trial_of(stage: Stage, **changes: Any) -> Snapshot | Refusal:
    """What an AcceleratorTrial of its two pools sees of it."""
    made = objects.changed(objects.trial(), {"spec.workloadName": "ranker", "spec.pools": ["cpus", "inf"], "spec.claims": []})
    made["metadata"] |= {"namespace": "team", "uid": "u-trial", "generation": 1, "creationTimestamp": "2026-03-01T11:59:00Z"}
    trials = TrialSnapshots(stage.store, stage.world, Reader(lambda *_: None), lambda: True)
    frozen = trials.freeze(objects.changed(made, changes), (), NOW)
    assert isinstance(frozen, TrialSnapshot)
    return frozen.workload
