"""One pass over a CompiledModel whose compile takes a device: which Job is made, and what the status says while it cannot run."""

import asyncio
import json
from dataclasses import dataclass, field, replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.parse import parse
from steelyard.app.config import Config
from steelyard.app.wiring import settings_of
from steelyard.control.gather.compile_job import end_of, is_running
from steelyard.control.gather.snapshot_builder import SnapshotBuilder
from steelyard.control.gather.workload_facts import workload_of
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Created, Patched, Refusal, Refused
from steelyard.control.kube.errors import ApiError, NotFound, QuotaExceeded
from steelyard.control.kube.resource import (
    ACCELERATOR_POOLS,
    COMPILED_MODELS,
    INFERENCE_WORKLOADS,
    JOBS,
    NAMESPACES,
    NODES,
    PODS,
    Resource,
)
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.compile import Compiled, CompileReconciler
from steelyard.control.reconcile.compile_users import join_owners, leave
from steelyard.control.telemetry.decision_log import DecisionLog
from steelyard.control.telemetry.events import EventRecorder, EventType
from steelyard.control.telemetry.metrics import Metrics
from steelyard.core.compiling.attempt import LONGEST_PAUSE, Built, Failure, FailureClass
from steelyard.core.compiling.candidate import compile_inputs
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.model_memory import ModelMemory
from steelyard.core.facts.snapshot import ArtifactState, Settings
from steelyard.core.placing.decision import Note
from steelyard.core.vocabulary.reading import Unknown
from steelyard.core.vocabulary.reason import Reason
from steelyard.render import label
from steelyard.render.compile_job import PROGRESS_PORT
from steelyard.status.compiled_model import artifact_of
from unit.api import objects
from unit.control.virtual_time import ManualClock

KEY = COMPILED_MODELS.key("ns", "inductor-0")
SETTINGS = settings_of(
    Config.model_validate(
        {
            "toolchains": {
                "inductor": {"serveImage": "s", "compileImage": "c", "target": "sm_86", "compileNeedsDevice": True},
                "openvino": {"serveImage": "s", "compileImage": "c"},
            },
            "compile": {"jobsAtOnce": 1},
        }
    )
)


def key_of(raw: dict[str, Any], settings: Settings) -> str:
    parsed = parse(InferenceWorkload, raw)
    assert isinstance(parsed, InferenceWorkload)
    raw["metadata"] |= {"namespace": "ns", "uid": "u"}
    return compile_inputs(workload_of(parsed, raw), settings.toolchains["inductor"], "nvidia").key


@dataclass
class Cluster:
    """A store, and what was written to the cluster of it."""

    settings: Settings = SETTINGS
    jobs: list[dict[str, Any]] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    """Addresses of progress; none answers."""
    versions: int = 1
    refuses: ApiError | None = None
    """What the API server answers to a Job."""
    taken: bool = False
    """Whether the Job's name is taken, by one that is not watched."""
    tries: int = 0
    namespace_uid: str | None = "u-ns"
    """Of the namespace as it is now; None where it is gone."""
    yields: bool = False
    """Whether other passes go on while a status is written."""

    def __post_init__(self) -> None:
        self.clock = ManualClock()
        self.store = Store(self.clock, index_labels=(label.WORKLOAD, label.POOL))
        self.world = SnapshotBuilder(self.store, self.settings, lambda *_: Unknown(""), synced=lambda: True, clock_suspect=lambda: False)
        made = objects.compiled()
        made["spec"] |= {"backend": "inductor", "target": "sm_86", "key": key_of(objects.workload(), self.settings)}
        made["metadata"]["ownerReferences"] = [{"kind": "InferenceWorkload", "name": "w", "uid": "u-w"}]
        self.add(COMPILED_MODELS, "inductor-0", made)
        client = cast(ApiClient, SimpleNamespace(patch_status=self._patch_status, get=self._get))
        applier = cast(Applier, SimpleNamespace(apply=self._apply))
        log = DecisionLog(cast(EventRecorder, SimpleNamespace(record=self._record)), Metrics())
        self.reconciler = CompileReconciler(
            client, applier, self.store, self.settings, self._progress, self.world.users_of, log, self.clock
        )

    def add(self, resource: Resource, name: str, made: dict[str, Any], **metadata: Any) -> None:
        self.versions += 1
        namespace = {"namespace": metadata.pop("namespace", "ns")} if resource.namespaced else {}
        now = self.clock.now().isoformat()
        kept = {"uid": f"u-{name}", "generation": 1, "creationTimestamp": now, **made.get("metadata", {}), **metadata, **namespace}
        made = {**made, "metadata": {**kept, "name": name, "resourceVersion": str(self.versions)}}
        self.store.observe(resource, "ADDED", made)

    def other_compile(self, name: str, namespace: str = "other", **labels: str) -> None:
        """A CompiledModel whose first Job has been made."""
        spec = {"backend": "inductor", "target": "sm_86", "key": "k", "toolchain": {}, "model": {"uri": "s3://m"}}
        self.add(COMPILED_MODELS, name, {"spec": spec, "status": {"attempts": 1, "open": True}}, namespace=namespace)
        owner = {"kind": "CompiledModel", "name": name, "uid": f"u-{name}", "controller": True}
        mine = {"steelyard.dev/role": "compile", "steelyard.dev/compiled-model": name, **labels}
        self.add(JOBS, f"{name}-1", {"metadata": {"labels": mine, "ownerReferences": [owner]}}, namespace=namespace)

    def use(self, name: str, *pools: str) -> None:
        """A workload that names these pools."""
        made = objects.workload()
        if pools:
            made["spec"]["placement"] = {"pools": [{"name": each} for each in pools]}
        self.add(INFERENCE_WORKLOADS, name, made)

    def pool(self, name: str, backend: str = "inductor") -> None:
        made = objects.pool()
        made["spec"] |= {
            "accelerator": {"family": "nvidia", "model": "a10g", "resourceName": "nvidia.com/gpu"},
            "backends": [{"name": backend}],
            "nodes": {"selector": {"pool": name}},
        }
        del made["spec"]["claims"]
        self.add(ACCELERATOR_POOLS, name, made)
        ready = {"conditions": [{"type": "Ready", "status": "True"}]}
        self.add(NODES, f"node-{name}", {"metadata": {"labels": {"pool": name}}, "status": ready})

    def reconcile(self) -> dict[str, Any]:
        """One pass; the status as it stands then."""
        asyncio.run(self.reconciler.reconcile(KEY))
        seen = self.store.get(KEY)
        assert seen is not None
        status: dict[str, Any] = seen["status"]
        self.add(COMPILED_MODELS, "inductor-0", seen)
        return status

    def _record(self, _: Any, kind: EventType, reason: Reason, message: str) -> None:
        self.notes.append(Note(reason, message, warning=kind is EventType.WARNING))

    async def _patch_status(self, resource: Resource, namespace: str, name: str, patch: Any, **_: Any) -> Any:
        if self.yields:
            await asyncio.sleep(0)
        seen = self.store.get(resource.key(namespace, name))
        assert seen is not None
        self.versions += 1
        status = {k: v for k, v in {**(seen.get("status") or {}), **patch}.items() if v is not None}
        return {**seen, "status": status, "metadata": {**seen["metadata"], "resourceVersion": str(self.versions)}}

    async def _get(self, resource: Resource, namespace: None, name: str) -> dict[str, Any]:
        assert resource == NAMESPACES
        if self.namespace_uid is None:
            raise NotFound(f"namespace {name} not found", status=404)
        return {"metadata": {"name": name, "uid": self.namespace_uid}}

    async def _apply(self, resource: Resource, made: dict[str, Any]) -> Refused | None:
        assert resource == JOBS
        self.tries += 1
        if self.refuses is not None:
            raise self.refuses
        if self.taken:
            key = resource.key_of(made)
            return Refused(key, Refusal.NOT_OURS, f"{key} exists and belongs to somebody else; delete or rename it")
        if self.store.get(resource.key_of(made)) is None:
            self.jobs.append(made)
            self.add(JOBS, made["metadata"]["name"], made)
        return None

    def scheduler_says(self, reason: str) -> None:
        """Of the Job's pod."""
        self._pod({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False", "reason": reason}]})

    def kubelet_says(self, reason: str, message: str) -> None:
        """Of the Job's first container, which waits."""
        waiting = {"waiting": {"reason": reason, "message": message}}
        self._pod({"phase": "Pending", "initContainerStatuses": [{"name": "fetch", "state": waiting}]})

    def _pod(self, status: dict[str, Any]) -> None:
        (job,) = self.jobs
        name = job["metadata"]["name"]
        metadata = {"ownerReferences": [{"kind": "Job", "name": name, "uid": f"u-{name}", "controller": True}]}
        self.add(PODS, f"{name}-x", {"metadata": metadata, "spec": job["spec"]["template"]["spec"], "status": status})

    def runs_at(self, address: str) -> None:
        """The Job's pod, in its first container."""
        self._pod(
            {
                "phase": "Running",
                "podIP": address,
                "initContainerStatuses": [{"name": "fetch", "state": {"running": {"startedAt": "2026-01-01T00:00:00Z"}}}],
            }
        )

    async def _progress(self, url: str) -> None:
        self.asked.append(url)

    def pod_ended(self, owner: str, word: dict[str, Any]) -> None:
        """The pod of the Job with this uid, with its last word."""
        ended = {"terminated": {"exitCode": 1, "reason": "Error", "message": json.dumps(word)}}
        metadata = {"ownerReferences": [{"kind": "Job", "name": "j", "uid": owner, "controller": True}]}
        self.add(PODS, f"{owner}-x", {"metadata": metadata, "status": {"containerStatuses": [{"name": "compile", "state": ended}]}})


def message(status: dict[str, Any]) -> str:
    """Of a compile that goes on."""
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "Unknown", "Compiling")
    return str(condition["message"])


def waits(status: dict[str, Any], reason: str) -> str:
    """Of one that does not, for this reason."""
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["reason"]) == ("Ready", "False", reason)
    return str(condition["message"])


def test_the_job_runs_on_a_pool_that_a_user_of_the_model_selects() -> None:
    cluster = Cluster()
    for name in ("a", "b", "c"):
        cluster.pool(name)
    cluster.use("w", "b")
    cluster.use("of-another-model", "a", "c")
    cluster.reconcile()
    (job,) = cluster.jobs
    pod = job["spec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"pool": "b"}
    assert pod["initContainers"][1]["resources"]["requests"]["nvidia.com/gpu"] == "1"


def test_without_a_pool_nothing_begins_and_the_status_says_what_to_add_and_then_it_begins() -> None:
    cluster = Cluster()
    cluster.pool("cpu", backend="openvino")
    cluster.use("w")
    status = cluster.reconcile()
    assert (cluster.jobs, status.get("jobName")) == ([], None)
    assert "takes a device" in waits(status, "Compiling")
    assert "resourceName: add one" in waits(status, "Compiling")
    cluster.pool("gpu")
    assert message(cluster.reconcile()) == "the model is being compiled"
    assert len(cluster.jobs) == 1


def test_a_job_without_a_node_says_what_it_waits_for_and_says_it_once() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.scheduler_says("Unschedulable")
    status = cluster.reconcile()
    assert "no node of pool gpu has room for its Job" in waits(status, "Unplaced")
    assert "cpu 1000m, ephemeral-storage 10240Mi, memory 4096Mi, nvidia.com/gpu 1: free one or add one" in waits(status, "Unplaced")
    assert "kubectl describe pod inductor-0-1-x --namespace ns" in waits(status, "Unplaced")
    assert cluster.reconcile() == status
    assert len(cluster.jobs) == 1


def test_a_job_that_the_scheduler_has_not_looked_at_yet_waits_for_nothing() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.scheduler_says("SchedulingGated")
    assert message(cluster.reconcile()) == "the model is being compiled"


def test_a_secret_that_is_missing_is_named_with_the_command_that_makes_it_and_told_once() -> None:
    cluster = Cluster(settings=replace(SETTINGS, store_secret="artifact-store", store_read_secret="artifact-store-read"))
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.kubelet_says("CreateContainerConfigError", 'secret "artifact-store" not found')
    status = cluster.reconcile()
    assert waits(status, "SecretMissing") == (
        "its Job waits for Secret artifact-store, which namespace ns does not have: `kubectl create secret generic artifact-store"
        " --namespace ns --from-literal=AWS_ACCESS_KEY_ID=... --from-literal=AWS_SECRET_ACCESS_KEY=...` makes it"
    )
    assert cluster.reconcile() == status
    assert [(n.reason.value, n.warning) for n in cluster.notes if n.warning] == [("SecretMissing", True)]
    compiled = cluster.store.get(KEY)
    assert compiled is not None
    found = artifact_of(compiled["status"])
    assert (found.state, found.waits and found.waits.reason) == (ArtifactState.COMPILING, Reason.SECRET_MISSING)
    cluster.kubelet_says("ContainerCreating", "")
    assert message(cluster.reconcile()) == "the model is being compiled"


def test_an_image_that_cannot_be_pulled_is_one_sentence_whether_the_kubelet_tries_or_waits() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    said = []
    for reason, words in (("ErrImagePull", "c: not found"), ("ImagePullBackOff", 'Back-off pulling image "c": ErrImagePull: c: not found')):
        cluster.kubelet_says(reason, words)
        said.append(waits(cluster.reconcile(), "ImageUnavailable"))
    assert said[0] == said[1]
    assert said[0].startswith("its Job waits for image c, which its node cannot pull (c: not found): correct the image")


def test_a_compile_that_has_no_turn_yet_says_for_how_many_it_waits() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.other_compile("inductor-9", **{"steelyard.dev/pool": "gpu"})
    status = cluster.reconcile()
    assert waits(status, "Compiling") == "it waits for another one to end: config.compile.jobsAtOnce lets 1 run at the same time"
    assert (cluster.jobs, cluster.reconcile()) == ([], status)


def test_passes_at_the_same_time_take_no_more_places_than_there_are() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    one = cluster.store.get(KEY)
    assert one is not None
    other = COMPILED_MODELS.key("ns", "inductor-1")
    cluster.add(COMPILED_MODELS, other.name, {**one, "metadata": {"ownerReferences": one["metadata"]["ownerReferences"]}})

    async def together() -> None:
        await asyncio.gather(*(cluster.reconciler.reconcile(key) for key in (KEY, other)))

    cluster.yields = True
    asyncio.run(together())
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]
    left = cluster.store.get(other)
    assert left is not None
    assert "to end" in waits(left["status"], "Compiling")


def test_a_job_on_general_nodes_takes_no_place_from_those_on_devices() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.other_compile("openvino-0")
    cluster.reconcile()
    assert len(cluster.jobs) == 1, "one at a time of each kind"
    waiting = Cluster()
    waiting.pool("gpu")
    waiting.use("w")
    waiting.other_compile("inductor-9", **{"steelyard.dev/pool": "gpu"})
    waiting.reconcile()
    assert waiting.jobs == []


def test_a_job_that_is_about_to_run_on_a_device_takes_no_turn_of_its_namespace_on_general_nodes() -> None:
    cluster = Cluster()
    queues = [
        cluster.reconciler._snapshots._queue({JOBS.key("ns", "inductor-0-1"): True}, kind, cluster.clock.now()) for kind in (True, False)
    ]
    assert [(dict(queue.running), set(queue.served)) for queue in queues] == [({"ns": 1}, {"ns"}), ({}, set())]


def test_each_attempt_compiles_into_the_store_of_the_namespace_as_it_is_then() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.pod_ended("u-inductor-0-1", {"result": "Failed", "class": "OutOfMemory"})
    cluster.add(JOBS, "inductor-0-1", {**cluster.jobs[0], "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    cluster.reconcile()
    # Deleted, and made again under its name.
    cluster.namespace_uid = "u-made-again"
    cluster.reconcile()
    told = [json.loads(job["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"]) for job in cluster.jobs]
    assert [each["store"]["uri"].rpartition("/")[2] for each in told] == ["u-ns", "u-made-again"]


def test_a_compiled_model_that_went_with_its_namespace_is_looked_at_no_more() -> None:
    cluster = Cluster()
    one = cluster.store.get(KEY)
    assert one is not None
    cluster.store.observe(COMPILED_MODELS, "DELETED", one)
    cluster.namespace_uid = None
    assert asyncio.run(cluster.reconciler.reconcile(KEY)) == Compiled(None)


def test_jobs_that_nobody_of_ours_owns_take_no_place() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    labels = {"steelyard.dev/role": "compile", "steelyard.dev/pool": "gpu"}
    for number in range(3):
        cluster.add(JOBS, f"sleep-{number}", {"metadata": {"labels": labels}}, namespace="evil")
    cluster.other_compile("inductor-9", **{"steelyard.dev/pool": "gpu"})
    known = cluster.store.get(JOBS.key("other", "inductor-9-1"))
    assert known is not None
    cluster.add(JOBS, "inductor-9-1", {"metadata": {**known["metadata"], "ownerReferences": []}}, namespace="other")
    owner = {"kind": "CompiledModel", "name": "inductor-0", "uid": "u-inductor-0", "controller": True}
    forged = {"labels": {**labels, "steelyard.dev/compiled-model": "inductor-0"}, "ownerReferences": [owner]}
    cluster.add(JOBS, "sleep-in-disguise", {"metadata": forged})
    cluster.reconcile()
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]


def test_a_job_whose_pods_a_quota_refuses_lets_the_compiles_of_other_namespaces_begin() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.other_compile("inductor-9", **{"steelyard.dev/pool": "gpu"})
    cluster.reconcile()
    assert cluster.jobs == []
    cluster.clock.seconds += 150
    cluster.reconcile()
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]


def test_a_namespace_with_many_compiles_lets_that_of_another_begin_before_its_second_one() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.other_compile("inductor-9", namespace="ns", **{"steelyard.dev/pool": "gpu"})
    one = cluster.store.get(KEY)
    assert one is not None
    cluster.add(
        COMPILED_MODELS,
        "inductor-1",
        one,
        namespace="other",
        uid="u-1",
        ownerReferences=[{"kind": "InferenceWorkload", "name": "v", "uid": "u-v"}],
    )
    cluster.add(INFERENCE_WORKLOADS, "v", objects.workload(), namespace="other", uid="u-v")
    other = COMPILED_MODELS.key("other", "inductor-1")
    for _ in range(2):
        cluster.reconcile()
        asyncio.run(cluster.reconciler.reconcile(other))
    assert cluster.jobs == [], "the only place is taken"
    cluster.clock.seconds += 3
    done = cluster.store.get(JOBS.key("ns", "inductor-9-1"))
    assert done is not None
    cluster.add(JOBS, "inductor-9-1", {**done, "status": {"conditions": [{"type": "Complete", "status": "True"}]}})
    cluster.reconcile()
    assert cluster.jobs == [], "its namespace was served last"
    asyncio.run(cluster.reconciler.reconcile(other))
    assert [job["metadata"]["namespace"] for job in cluster.jobs] == ["other"]


def test_a_compile_that_needs_no_device_asks_no_pool() -> None:
    chain = replace(SETTINGS.toolchains["inductor"], compile_needs_device=False)
    cluster = Cluster(settings=replace(SETTINGS, toolchains={"inductor": chain}))
    cluster.reconcile()
    (job,) = cluster.jobs
    assert "nodeSelector" not in job["spec"]["template"]["spec"]


def test_the_job_of_a_deleted_model_of_the_same_name_says_nothing_and_its_name_is_waited_for() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    owner = {"kind": "CompiledModel", "name": "inductor-0", "uid": "u-deleted", "controller": True}
    failed = {"conditions": [{"type": "Failed", "status": "True"}]}
    cluster.add(JOBS, "inductor-0-1", {"metadata": {"ownerReferences": [owner]}, "status": failed}, uid="u-old")
    cluster.pod_ended("u-old", {"result": "Failed", "class": "User", "reason": "ModelNotFound", "message": "of the old address"})
    cluster.reconcile()
    status = cluster.reconcile()
    assert "Job inductor-0-1 belongs to another" in waits(status, "Compiling")
    assert (status["attempts"], status.get("failure"), cluster.jobs) == (1, None, [])
    old = cluster.store.get(JOBS.key("ns", "inductor-0-1"))
    assert old is not None
    cluster.store.observe(JOBS, "DELETED", old)
    assert message(cluster.reconcile()) == "the model is being compiled"
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]


def test_a_job_that_a_quota_refuses_is_told_in_its_words_and_tried_less_and_less_often() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.refuses = QuotaExceeded("exceeded quota: q, requested: count/jobs.batch=1", status=403)
    for _ in range(1200):
        cluster.reconcile()
        cluster.clock.seconds += 3
    (condition,) = cluster.reconcile()["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "ObjectInvalid")
    assert "the API server refuses Job inductor-0-1" in condition["message"] and "exceeded quota: q" in condition["message"]
    assert 10 < cluster.tries < 30, "of an hour"
    assert [note.message for note in cluster.notes if note.warning] == [condition["message"]], "one event, however often it is tried"
    cluster.refuses = None
    cluster.clock.seconds += 301
    cluster.reconcile()
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]
    assert message(cluster.reconcile()) == "the model is being compiled"


def test_a_job_whose_name_somebody_else_has_taken_is_told_and_tried_less_and_less_often() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.taken = True
    for _ in range(1200):
        cluster.reconcile()
        cluster.clock.seconds += 3
    (condition,) = cluster.reconcile()["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "ObjectInvalid")
    assert "Job inductor-0-1" in condition["message"] and "belongs to somebody else" in condition["message"]
    assert 10 < cluster.tries < 30, "of an hour"
    assert [note.message for note in cluster.notes if note.warning] == [condition["message"]]
    cluster.taken = False
    cluster.clock.seconds += 301
    cluster.reconcile()
    assert [job["metadata"]["name"] for job in cluster.jobs] == ["inductor-0-1"]


def killed(
    status: dict[str, Any] | None = None, *, conditions: tuple[dict[str, str], ...] = (), reason: str = "Error", leaving: bool = False
) -> Built | Failure | None:
    """What is made of a container that SIGKILL ended, in a pod with this status and a Job with these conditions."""
    container = {"name": "compile", "state": {"terminated": {"exitCode": 137, "reason": reason}}}
    pod = {
        "metadata": {"deletionTimestamp": "2026-03-01T12:00:00Z"} if leaving else {},
        "status": {"containerStatuses": [container], **(status or {})},
    }
    return end_of({"status": {"conditions": [{"status": "True", **each} for each in conditions]}}, pod)


def state(name: str, code: int | None = None, reason: str = "", word: dict[str, Any] | None = None) -> dict[str, Any]:
    """Of a container that has ended with this code and word, or runs."""
    if code is None:
        return {"name": name, "state": {"running": {"startedAt": "2026-03-01T12:00:00Z"}}}
    return {"name": name, "state": {"terminated": {"exitCode": code, "reason": reason, "message": json.dumps(word) if word else ""}}}


MADE = {"result": "Succeeded", "artifact": {"uri": "s3://a/k/manifest.json", "digest": f"sha256:{'d' * 64}", "sizeBytes": 1}, "seconds": 1}
LOST = {"result": "Failed", "class": "User", "reason": "ModelNotFound", "message": "m", "logTail": "l"}


def ended(*before: dict[str, Any], last: dict[str, Any] | None = None) -> Built | Failure | None:
    """What is made of a pod with these containers."""
    return end_of({}, {"metadata": {}, "status": {"initContainerStatuses": list(before), "containerStatuses": [last] if last else []}})


def test_a_compile_ends_with_the_word_of_the_container_that_publishes() -> None:
    found = ended(state("fetch", 0), state("compile", 0), last=state("publish", 0, word=MADE))
    assert isinstance(found, Built)
    assert ended(state("fetch", 0), state("compile"), last=None) is None
    assert ended(state("fetch", 0), state("compile", 0), last=state("publish")) is None


@pytest.mark.parametrize(
    ("told", "accuracy"),
    [
        ({"cosineMin": 0.99987}, Accuracy(Measure.LEAST_COSINE, 0.99987)),
        ({"logprobWorst": 0.012}, Accuracy(Measure.WORST_LOGPROB, 0.012)),
        ({"logprobWorst": 0}, Accuracy(Measure.WORST_LOGPROB, 0.0)),
        *((wrong, None) for wrong in (None, 3, [], {}, {"cosineMin": None}, {"cosineMin": 1.5}, {"cosineMin": True}, {"logprobWorst": -1})),
        *(({"cosineMin": wrong}, None) for wrong in ("1", float("nan"), float("inf"))),
    ],
)
def test_how_near_an_artifact_is_to_the_reference_is_known_where_its_compile_tells(told: Any, accuracy: Accuracy | None) -> None:
    found = ended(state("fetch", 0), state("compile", 0), last=state("publish", 0, word={**MADE, "accuracy": told}))
    assert isinstance(found, Built) and found.accuracy == accuracy


@pytest.mark.parametrize(
    ("told", "memory"),
    [
        ({"weightsBytes": 16, "cacheBytesPerToken": 4, "positions": 512}, ModelMemory(weights=16, token=4, positions=512)),
        ({"weightsBytes": 16}, ModelMemory(weights=16)),
        ({"weightsBytes": 16, "cacheBytesPerToken": "4", "positions": -1}, ModelMemory(weights=16)),
        *(
            (wrong, None)
            for wrong in (None, 3, [], {}, {"weightsBytes": 0}, {"weightsBytes": True}, {"weightsBytes": 1.5}, {"weightsBytes": 2**60})
        ),
    ],
)
def test_what_a_model_takes_of_memory_is_known_where_its_compile_tells(told: Any, memory: ModelMemory | None) -> None:
    found = ended(state("fetch", 0), state("compile", 0), last=state("publish", 0, word={**MADE, "memory": told}))
    assert isinstance(found, Built) and found.memory == memory


@pytest.mark.parametrize("failing", ["fetch", "compile", "publish"])
def test_whichever_container_fails_its_word_is_the_result(failing: str) -> None:
    states = {
        name: state(name, 1 if name == failing else 0, word=LOST if name == failing else None) for name in ("fetch", "compile", "publish")
    }
    found = ended(states["fetch"], states["compile"], last=states["publish"] if failing == "publish" else None)
    assert isinstance(found, Failure)
    assert (found.failure_class, found.reason) == (FailureClass.USER, "ModelNotFound")


@pytest.mark.parametrize("failing", ["fetch", "compile"])
def test_whichever_container_runs_out_of_memory_the_next_attempt_has_more(failing: str) -> None:
    found = ended(*([state("fetch", 0)] if failing == "compile" else []), state(failing, 137, "OOMKilled"))
    assert isinstance(found, Failure)
    assert found.failure_class is FailureClass.OUT_OF_MEMORY


@pytest.mark.parametrize("code", [0, 1])
def test_a_container_that_has_read_a_model_cannot_say_that_the_compile_has_succeeded(code: int) -> None:
    assert not isinstance(ended(state("fetch", 0), state("compile", code, word=MADE)), Built)
    over = end_of({"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}}, {
        "metadata": {}, "status": {"initContainerStatuses": [state("compile", code, word=MADE)], "containerStatuses": []}
    })  # fmt: skip
    assert isinstance(over, Failure)


def test_progress_is_read_while_any_of_the_containers_runs() -> None:
    for statuses in (
        {"initContainerStatuses": [state("fetch")]},
        {"initContainerStatuses": [state("fetch", 0), state("compile")]},
        {"initContainerStatuses": [state("fetch", 0), state("compile", 0)], "containerStatuses": [state("publish")]},
    ):
        assert is_running({"status": statuses})
    assert not is_running({"status": {"initContainerStatuses": [state("fetch", 0)]}})


@pytest.mark.parametrize(("address", "host"), [("10.0.0.7", "10.0.0.7"), ("fd00::7", "[fd00::7]")])
def test_progress_is_read_at_the_address_of_the_pod(address: str, host: str) -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.runs_at(address)
    cluster.reconcile()
    assert cluster.asked == [f"http://{host}:{PROGRESS_PORT}/progress"]


@pytest.mark.parametrize("kind", ["FailureTarget", "Failed"])
def test_a_compile_that_is_killed_at_its_deadline_did_not_run_out_of_memory(kind: str) -> None:
    for leaving in (True, False):
        found = killed(conditions=({"type": kind, "reason": "DeadlineExceeded"},), leaving=leaving)
        assert isinstance(found, Failure)
        assert (found.failure_class, found.reason) == (FailureClass.INFRASTRUCTURE, "DeadlineExceeded")


@pytest.mark.parametrize(
    ("status", "leaving"),
    [
        ({}, True),
        ({"conditions": [{"type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI"}]}, False),
        ({"reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}, False),
    ],
    ids=["deleted", "drained", "evicted"],
)
def test_a_compile_whose_pod_is_taken_away_did_not_run_out_of_memory(status: dict[str, Any], leaving: bool) -> None:
    assert killed(status, leaving=leaving) is None, "its Job has not said yet how it ends"
    found = killed(status, conditions=({"type": "Failed", "reason": "BackoffLimitExceeded"},), leaving=leaving)
    assert isinstance(found, Failure)
    assert (found.failure_class, found.reason) == (FailureClass.INFRASTRUCTURE, "NoResult")


def test_a_compile_that_nobody_ended_or_whose_kernel_says_so_ran_out_of_memory() -> None:
    evicted = {"reason": "Evicted"}
    for found in (killed(), killed(evicted, reason="OOMKilled", leaving=True), killed(conditions=({"type": "Failed"},))):
        assert isinstance(found, Failure)
        assert found.failure_class is FailureClass.OUT_OF_MEMORY


@dataclass
class Corrected:
    """A CompiledModel that has not found its model, and the workload that names another address now."""

    owners: tuple[str, ...] = ("u-w",)
    written: list[tuple[str, Any]] = field(default_factory=list)
    lingers: bool = False

    def __post_init__(self) -> None:
        self.store = Store(ManualClock(), index_labels=(label.WORKLOAD, label.POOL))
        self.live = objects.compiled()
        owners = [{"kind": "InferenceWorkload", "name": uid, "uid": uid} for uid in self.owners]
        self.live["metadata"] |= {
            "name": KEY.name,
            "namespace": KEY.namespace,
            "uid": "u-old",
            "resourceVersion": "7",
            "labels": {label.MANAGED_BY: label.MANAGER},
            "ownerReferences": owners,
        }
        self.live["status"] = {"attempts": 1, "failure": {"class": "User", "reason": "ModelNotFound", "message": "m"}}
        self.store.observe(COMPILED_MODELS, "ADDED", self.live)

    def join(self, **model: Any) -> bool:
        """A pass of the workload `u-w`, which wants this of the model. Whether it wrote anything."""
        spec = {**self.live["spec"], "model": {**self.live["spec"]["model"], **model}}
        owner = {"kind": "InferenceWorkload", "name": "w", "uid": "u-w"}
        wanted = {"metadata": {"name": KEY.name, "namespace": KEY.namespace, "ownerReferences": [owner]}, "spec": spec}

        async def create(_: Resource, made: dict[str, Any]) -> dict[str, Any]:
            self.written.append(("create", made["spec"]["model"]))
            return {**made, "metadata": {**made["metadata"], "uid": "u-new", "resourceVersion": "9"}}

        async def delete(_: Resource, *__: str, uid: str, version: str) -> dict[str, Any]:
            self.written.append(("delete", (uid, version)))
            leaving = {**self.live["metadata"], "deletionTimestamp": "2026-03-01T12:00:00Z", "resourceVersion": "8"}
            return {**self.live, "metadata": leaving} if self.lingers else {"kind": "Status"}

        async def patch_owners(*_: Any, **__: Any) -> dict[str, Any]:
            self.written.append(("join", None))
            return {**self.live, "metadata": {**self.live["metadata"], "resourceVersion": "8"}}

        client = cast(ApiClient, SimpleNamespace(create=create, delete=delete, patch_owners=patch_owners))
        return isinstance(asyncio.run(join_owners(client, self.store, wanted)), Created | Patched)


@pytest.mark.parametrize("change", [{"uri": "s3://models/right"}, {"secretName": "credentials"}])
def test_a_workload_whose_model_was_corrected_makes_its_compiled_model_anew(change: dict[str, Any]) -> None:
    model = Corrected()
    assert model.join(**change)
    assert [(verb, what) for verb, what in model.written if verb == "delete"] == [("delete", ("u-old", "7"))], "as it was looked at"
    (made,) = (what for verb, what in model.written if verb == "create")
    assert change.items() <= made.items()
    found = model.store.get(KEY)
    assert found is not None
    assert (found["metadata"]["uid"], found.get("status")) == ("u-new", None)
    assert not model.join(**change), "and once"


def test_a_workload_whose_model_was_not_corrected_leaves_it_as_it_is() -> None:
    model = Corrected()
    assert not model.join()
    assert model.written == []


def test_what_others_use_too_is_not_made_anew() -> None:
    for owners in (("u-w", "u-other"), ("u-other",)):
        model = Corrected(owners=owners)
        model.join(uri="s3://models/right")
        assert [verb for verb, _ in model.written] == ([] if "u-w" in owners else ["join"])


def test_one_whose_deletion_waits_is_made_anew_when_it_has_gone() -> None:
    model = Corrected(lingers=True)
    model.join(uri="s3://models/right")
    assert [verb for verb, _ in model.written] == ["delete"]
    assert not model.join(uri="s3://models/right")
    left = model.store.get(KEY)
    assert left is not None
    model.store.observe(COMPILED_MODELS, "DELETED", left)
    assert model.join(uri="s3://models/right")
    assert [verb for verb, _ in model.written] == ["delete", "create"]


def test_a_model_that_was_not_found_says_what_to_do_and_when_it_is_tried_again() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    word = {
        "result": "Failed",
        "class": "User",
        "reason": "ModelNotFound",
        "message": "there are no objects below s3://m; upload the model",
    }
    cluster.pod_ended("u-inductor-0-1", word)
    status = cluster.reconcile()
    assert "nextRetryTime" in status
    (condition,) = status["conditions"]
    assert condition["message"] == f"ModelNotFound: {word['message']}; it is tried again at nextRetryTime"


def test_what_no_workload_asks_for_any_more_is_not_tried_again_until_one_does() -> None:
    chain = replace(SETTINGS.toolchains["inductor"], compile_needs_device=False)
    cluster = Cluster(settings=replace(SETTINGS, toolchains={"inductor": chain}))
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.pod_ended("u-inductor-0-1", {"result": "Failed", "class": "Infrastructure", "reason": "StoreUnavailable", "message": "m"})
    cluster.add(JOBS, "inductor-0-1", {**cluster.jobs[0], "status": {"conditions": [{"type": "Failed", "status": "True"}]}})
    cluster.reconcile()
    changed = objects.workload()
    changed["spec"]["model"]["digest"] = "sha256:" + "9" * 64
    cluster.add(INFERENCE_WORKLOADS, "w", changed, generation=2)
    cluster.clock.seconds += 2 * LONGEST_PAUSE.total_seconds()
    (condition,) = cluster.reconcile()["conditions"]
    assert "as long as no workload that uses it asks for it" in condition["message"]
    assert len(cluster.jobs) == 1
    cluster.add(INFERENCE_WORKLOADS, "w", objects.workload(), generation=3)
    (condition,) = cluster.reconcile()["conditions"]
    assert "being tried again" in condition["message"]
    assert len(cluster.jobs) == 2


def test_a_job_that_had_no_node_until_its_deadline_says_when_it_is_tried_again_and_no_more_what_it_waited_for() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.scheduler_says("Unschedulable")
    late = {"conditions": [{"type": "FailureTarget", "status": "True", "reason": "DeadlineExceeded"}]}
    cluster.add(JOBS, "inductor-0-1", {**cluster.jobs[0], "status": late})
    for _ in range(2):
        (condition,) = cluster.reconcile()["conditions"]
        assert condition["message"].startswith("DeadlineExceeded: ")
        assert condition["message"].endswith("; it is tried again at nextRetryTime")


@pytest.mark.parametrize(("owners", "done"), [(("u-w", "u-other"), [("patch", ["u-other"])]), (("u-w",), [("delete", ("u-old", "7"))])])
def test_a_user_that_leaves_takes_nothing_from_the_others_and_the_last_one_takes_it_along(
    owners: tuple[str, ...], done: list[tuple[str, Any]]
) -> None:
    model = Corrected(owners=owners)

    async def patch_owners(*found: Any, version: str, uid: str) -> dict[str, Any]:
        assert (uid, version) == ("u-old", "7"), "as it was looked at"
        model.written.append(("patch", [owner["uid"] for owner in found[-1]]))
        return {**model.live, "metadata": {**model.live["metadata"], "resourceVersion": "8"}}

    async def delete(*_: Any, uid: str, version: str, propagation: str) -> dict[str, Any]:
        model.written.append(("delete", (uid, version)))
        return {"kind": "Status"}

    client = cast(ApiClient, SimpleNamespace(patch_owners=patch_owners, delete=delete))
    asyncio.run(leave(client, model.store, Applier(client, model.store), model.live, "u-w"))
    assert model.written == done
    assert (model.store.get(KEY) is None) == (owners == ("u-w",))


def test_what_a_compile_waits_for_fits_into_its_condition_however_much_it_is() -> None:
    cluster = Cluster()
    cluster.pool("gpu")
    cluster.use("w")
    cluster.reconcile()
    cluster.kubelet_says("CreateContainerConfigError", f'secret "{"s" * 2000}" not found')
    assert len(waits(cluster.reconcile(), "SecretMissing")) == 1024
