"""An operator beside healthy objects: whatever else is put there, all that it reads is read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from property.hostile.strategies import (
    COMPILING,
    OF_TRIAL,
    PROBE,
    PROBE_JOB,
    PROBING,
    REPLICA_SET,
    SERVING,
    TRIAL_JOB,
    TRIAL_JOB_OF_POD,
    TRYING,
    Manifest,
)
from steelyard.app.config import Config
from steelyard.app.operator import Identity, Operator
from steelyard.app.wiring import settings_of
from steelyard.control.gather.compile_snapshots import CompileSnapshots
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.spec import Unreadable
from steelyard.control.gather.trial_snapshots import TrialSnapshots
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    ACCELERATOR_TRIALS,
    COMPILED_MODELS,
    DEPLOYMENTS,
    INFERENCE_WORKLOADS,
    JOBS,
    NODES,
    PODS,
    Resource,
)
from steelyard.control.telemetry.compile_gauges import compile_gauges
from steelyard.control.telemetry.cost_ledger import CostLedger
from steelyard.control.telemetry.trial_gauges import trial_gauges
from steelyard.core.decide import decide
from steelyard.core.decide_compile import decide_compile
from steelyard.core.decide_trial import decide_trial
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.snapshot import Snapshot
from steelyard.core.vocabulary.reading import Unknown
from steelyard.status.trial import status_of_trial
from unit.api import objects

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL = WorkloadKey("well", "chat")
"""A healthy workload in a namespace of its own."""
WORKLOAD = WorkloadKey("shop", "chat")


SINCE, UNTIL = "2026-03-01T11:00:00.000Z", "2026-03-01T13:00:00.000Z"
REMEMBERED = {
    "placements": [{"pool": "gpu", "revision": "0a1b2c3d", "desiredReplicas": 1, "capacityPerReplica": "10", "capacityBasis": "Measured"}],
    "move": {
        "id": "m",
        "kind": "Exploration",
        "step": "Surge",
        "from": "gpu",
        "to": "other",
        "fromRevision": "0a1b2c3d",
        "toRevision": "1a1b2c3d",
        "startedTime": SINCE,
        "stepTime": SINCE,
        "deadlineTime": UNTIL,
    },
    "history": [{"from": "gpu", "to": "other", "time": SINCE, "outcome": "Moved"}],
    "quarantine": [{"pool": "gpu", "revision": "1a1b2c3d", "until": UNTIL, "failures": 1, "reason": "TargetCrashed"}],
    "conditions": [{"type": "Ready", "status": "True", "reason": "Serving", "lastTransitionTime": SINCE}],
}
SHORT = {"exhausted": {"since": SINCE, "until": UNTIL, "failures": 2, "reason": "no node"}, "unreadyNodes": {"startedTime": SINCE}}


def workload(namespace: str) -> Manifest:
    made = objects.workload()
    made["metadata"] = {"name": "chat", "namespace": namespace, "uid": f"u-{namespace}", "generation": 1}
    return made


def pool() -> Manifest:
    made = objects.pool()
    made["spec"] |= {
        "accelerator": {"family": "nvidia", "model": "a10g", "resourceName": "nvidia.com/gpu"},
        "backends": [{"name": "onnxruntime"}],
        "nodes": {"selector": {"pool": "gpu"}},
    }
    made["spec"]["shapes"][0]["instanceType"] = "m"
    made["metadata"] = {"name": "gpu", "uid": "u-pool", "generation": 1}
    return made


def deployment(namespace: str) -> Manifest:
    owner = {
        "apiVersion": "steelyard.dev/v1alpha1",
        "kind": "InferenceWorkload",
        "name": "chat",
        "uid": f"u-{namespace}",
        "controller": True,
    }
    called = "chat-gpu-0a1b2c3d"
    meta = {"name": called, "namespace": namespace, "uid": f"u-d-{namespace}", "labels": SERVING, "ownerReferences": [owner]}
    template = {
        "spec": {"containers": [{"name": "serve", "resources": {"requests": {"cpu": "1", "memory": "1Gi", "nvidia.com/gpu": "1"}}}]}
    }
    return {"metadata": meta, "spec": {"replicas": 1, "template": template}}


def pod(called: str, namespace: str) -> Manifest:
    since = "2026-02-01T00:00:00Z"
    conditions = [{"type": kind, "status": "True", "lastTransitionTime": since} for kind in ("PodScheduled", "Ready")]
    running = {"name": "serve", "restartCount": 0, "state": {"running": {"startedAt": since}}}
    return {
        "metadata": {
            "name": called,
            "namespace": namespace,
            "uid": f"u-{called}",
            "creationTimestamp": since,
            "labels": SERVING,
            "ownerReferences": [REPLICA_SET],
        },
        "spec": {"nodeName": "node", **deployment(namespace)["spec"]["template"]["spec"]},
        "status": {"phase": "Running", "podIP": "10.0.0.1", "conditions": conditions, "containerStatuses": [running]},
    }


def node(called: str) -> Manifest:
    labels = {"pool": "gpu", "node.kubernetes.io/instance-type": "m"}
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    held = {"cpu": "4", "memory": "16Gi", "nvidia.com/gpu": "1"}
    meta = {"name": called, "uid": f"u-{called}", "creationTimestamp": "2026-01-01T00:00:00Z", "labels": labels}
    return {"metadata": meta, "status": {"conditions": [ready], "allocatable": held, "capacity": held}}


def compiled(status: Manifest | None = None) -> Manifest:
    made = objects.compiled()
    owner = {"apiVersion": "steelyard.dev/v1alpha1", "kind": "InferenceWorkload", "name": "chat", "uid": "u-shop"}
    made["spec"] |= {"backend": "onnxruntime", "target": "cpu/x86-64"}
    made["metadata"] = {"name": "openvino-0", "namespace": "shop", "uid": "u-compiled", "generation": 1, "ownerReferences": [owner]}
    return {**made, "status": status or {"attempts": 1, "jobName": "openvino-0-1"}}


def job() -> Manifest:
    owner = {"kind": "CompiledModel", "name": "openvino-0", "uid": "u-compiled", "controller": True}
    meta = {"name": "openvino-0-1", "namespace": "shop", "uid": "u-openvino-0-1", "creationTimestamp": "2026-03-01T00:00:00Z"}
    return {"metadata": {**meta, "labels": COMPILING, "ownerReferences": [owner]}, "status": {"active": 1}}


def probe_job() -> Manifest:
    """Of the move that workload shop/chat remembers."""
    owner = {"kind": "InferenceWorkload", "name": "chat", "uid": "u-shop", "controller": True}
    meta = {"name": PROBE_JOB, "namespace": "shop", "uid": "u-probe", "creationTimestamp": "2026-03-01T00:00:00Z"}
    return {
        "metadata": {**meta, "labels": PROBING, "ownerReferences": [owner]},
        "spec": {"activeDeadlineSeconds": 900},
        "status": {"active": 1},
    }


def probe_pod() -> Manifest:
    """It has measured, and its server has not ended yet."""
    since = "2026-03-01T00:01:00Z"
    steps = [{"rate": 4, "seconds": 10, "good": 39, "slow": 1, "error": 0, "shed": 0, "p99": 80.5}]
    message = json.dumps({"result": "Probed", "readySeconds": 0.1, "steps": steps})
    ended = {"terminated": {"exitCode": 0, "startedAt": since, "finishedAt": since, "message": message}}
    made = pod("probe", "shop")
    server = {**made["spec"]["containers"][0], "restartPolicy": "Always"}
    made["metadata"] |= {"labels": PROBING, "ownerReferences": [PROBE]}
    made["spec"] |= {"initContainers": [server], "containers": [{"name": "probe", "resources": {"requests": {"cpu": "500m"}}}]}
    made["status"] |= {
        "initContainerStatuses": made["status"]["containerStatuses"],
        "containerStatuses": [{"name": "probe", "state": ended}],
    }
    return made


def trial() -> Manifest:
    """It has started, and waits for what its only pool's replica tells."""
    row = {"pool": "gpu", "phase": "Measuring", "revision": "0a1b2c3d", "pricePerHour": "0.5", "lengths": [{"factor": "2"}]}
    status = {"startedTime": SINCE, "beginTime": SINCE, "loadSeconds": 600, "reserved": "1", "pools": [row]}
    spec = {"workloadName": "chat", "pools": ["gpu"], "budget": "2.00", "load": {"lengthFactors": ["2"]}}
    meta = {"name": "asked", "namespace": "shop", "uid": "u-asked", "generation": 1, "creationTimestamp": "2026-03-01T00:00:00Z"}
    return {**objects.trial(), "metadata": meta, "spec": spec, "status": status}


def trial_replica_job() -> Manifest:
    meta = {"name": TRIAL_JOB, "namespace": "shop", "uid": "u-trying", "creationTimestamp": "2026-03-01T00:00:00Z"}
    return {
        "metadata": {**meta, "labels": TRYING, "ownerReferences": [OF_TRIAL]},
        "spec": {"activeDeadlineSeconds": 900},
        "status": {"active": 1},
    }


def trial_pod() -> Manifest:
    """It has measured."""
    made = probe_pod()
    ended = made["status"]["containerStatuses"][0]["state"]["terminated"]
    word = json.loads(ended["message"])
    lengths = [{"factor": 2, "steps": [[8, 20, 160, 0, 0, 20.0, 60.0]], "over": True}]
    steady = [{**word["steps"][0], "load": 8, "replicas": 2, "p95": 60.0}]
    ended["message"] = json.dumps({**word, "began": 1_772_323_200.5, "steady": steady, "lengths": lengths})
    made["metadata"] |= {"name": "trial-pod", "uid": "u-trial-pod", "labels": TRYING, "ownerReferences": [TRIAL_JOB_OF_POD]}
    return made


class Ground:
    """The healthy ones stand; `put` adds another object, `look` reads everything."""

    def __init__(self) -> None:
        config = Config.model_validate(
            {"toolchains": {"onnxruntime": {"serveImage": "s", "compileImage": "c"}}, "store": {"uri": "s3://a"}}
        )
        nobody: Any = None
        self.operator = Operator(config, nobody, Identity.of("p", "ns"), host="", port=0)
        self.told: list[str] = []
        self.operator.events = SimpleNamespace(record=lambda about, *_: self.told.append(about["metadata"]["name"]))  # type: ignore[assignment]
        store = self.operator.store
        self.world = self.operator.snapshots = SnapshotBuilder(
            store,
            settings_of(config),
            lambda *_: Unknown("nothing was read"),
            synced=lambda: True,
            clock_suspect=lambda: False,
            reader=self.operator.reader,
        )
        self.compiles = CompileSnapshots(store, self.world.settings, self.world.users_of, self.operator.reader)
        self.trials = TrialSnapshots(store, self.world, self.operator.reader, lambda: True)
        self.ledger = CostLedger(self.operator.metrics, NOW)
        self.versions = 0
        for resource, made in (
            (ACCELERATOR_POOLS, pool()),
            (NODES, node("well-node")),
            (INFERENCE_WORKLOADS, {**workload("shop"), "status": REMEMBERED}),
            (INFERENCE_WORKLOADS, workload("well")),
            *((DEPLOYMENTS, deployment(namespace)) for namespace in ("shop", "well")),
            (PODS, {**pod("well", "well"), "spec": {**pod("well", "well")["spec"], "nodeName": "well-node"}}),
            (PODS, pod("neighbour", "shop")),
            (COMPILED_MODELS, compiled()),
            (JOBS, job()),
            (JOBS, probe_job()),
            (ACCELERATOR_TRIALS, trial()),
            (JOBS, trial_replica_job()),
        ):
            self.put(resource, made)

    def put(self, resource: Resource, made: Manifest, event: str = "MODIFIED") -> None:
        """As a watch brings it."""
        self.versions += 1
        meta = {**made["metadata"], "resourceVersion": str(self.versions)}
        self.operator.store.observe(resource, event, {**made, "metadata": meta})

    def look(self, *, neighbours: bool = False) -> None:
        """Read everything that the operator reads, decide, and see that the healthy ones are as ever; with `neighbours` also the pod that the
        workload has beside what was put there."""
        world = self.world
        pods = world.pods()
        assert "u-well" in {each.uid for each in pods}
        nodes = world.paid_nodes(pods)
        assert "well-node" in {each.name for each in nodes}
        self.ledger.book(nodes, NOW, leading=False)
        world.devices("nvidia.com/gpu", {"pool": "gpu"})
        world.window_seconds()
        world.decides()
        for each in world.pools():
            world.waits(each.name)
        seen = world.freeze(WELL, NOW)
        assert isinstance(seen, Snapshot)
        assert [(p.desired, p.ready) for p in seen.placements] == [(1, 1)]
        decide(seen, NOW)
        other = world.freeze(WORKLOAD, NOW)
        if neighbours:
            assert isinstance(other, Snapshot)
            assert [p.ready >= 1 for p in other.placements] == [True]
        if isinstance(other, Snapshot):
            decide(other, NOW)
        else:
            assert other is None or isinstance(other, Unreadable)
        for compiled_model in self.operator.store.all(COMPILED_MODELS):
            frozen = self.operator.reader.read(COMPILED_MODELS, compiled_model, lambda each: self.compiles.freeze(each, (), {}, {}, NOW))
            if frozen is not None:
                decide_compile(frozen, NOW)
        for asked in self.operator.store.all(ACCELERATOR_TRIALS):
            found = self.trials.freeze(asked, (), NOW)
            if not isinstance(found, Unreadable):
                decision = decide_trial(found, NOW)
                jobs = {row.pool: "asked-0" for row in decision.memory.rows}
                status_of_trial(decision, self.world.settings, jobs, asked.get("status") or {}, 1, NOW)
        compile_gauges(self.operator.store, self.operator.reader)
        trial_gauges(self.operator.store, self.operator.reader, NOW, "usd")

    def leaves(self, resource: Resource, made: Manifest) -> None:
        """It is deleted."""
        self.put(resource, made, "DELETED")
        assert manifests.uid(made) not in {manifests.uid(each) for each in self.operator.store.all(resource)}
