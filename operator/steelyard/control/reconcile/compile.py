"""CompiledModels: one Job an attempt, progress while it runs, its result in status. Never touches serving."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from steelyard.api.status_values import EXACT_MAX
from steelyard.control.clock import Clock
from steelyard.control.gather.pod_trouble import secret_keys, trouble
from steelyard.control.gather.served_artifact import refused_artifact
from steelyard.control.gather.termination import last_word
from steelyard.control.gather.unplaced import is_unplaced, no_room
from steelyard.control.gather.workload_facts import server_status
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.api_client import ApiClient
from steelyard.control.kube.apply import Applier, Outcome, Patched, Unchanged, Waiting
from steelyard.control.kube.errors import Forbidden, Invalid, NotFound
from steelyard.control.kube.manifest import Manifest
from steelyard.control.kube.resource import COMPILED_MODELS, INFERENCE_WORKLOADS, JOBS, PODS, ObjectKey
from steelyard.control.kube.store import Store
from steelyard.control.reconcile.refusals import Refusals
from steelyard.control.telemetry.metrics import Gauges, Sample
from steelyard.core.compiling.attempt import (
    Attempts,
    Built,
    Ended,
    Failure,
    FailureClass,
    JobOutcome,
    NoJob,
    Running,
    StartJob,
    next_attempt,
)
from steelyard.core.compiling.eta import remaining
from steelyard.core.compiling.site import User, compile_site, is_asked_for, pools_to_compile_on
from steelyard.core.compiling.spoilt import Refused, reopened
from steelyard.core.compiling.superseded import Known
from steelyard.core.compiling.way import Way, begins_anew
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.decision import Note
from steelyard.core.vocabulary.reason import STUCK, Reason, Refusal
from steelyard.render import label, name
from steelyard.render.compile_job import PROGRESS_PORT, CompileJobIntent, compile_job
from steelyard.status.patch import changes
from steelyard.status.scalar import count, time_of, time_text

LOOK_AGAIN_SECONDS = 3.0
"""Pace of progress while a Job runs."""
KILLED = 137
"""Exit code after SIGKILL: of the kernel for memory, of the kubelet for a grace that is over."""
ASKED_FOR_AGAIN_SECONDS = 60.0
"""Nobody tells when a workload asks again for what it asked for before."""
NOT_ASKED_FOR = Refusal(Reason.COMPILING, "it is not tried again as long as no workload that uses it asks for it")
DEADLINE_EXCEEDED = "DeadlineExceeded"
DIGEST = re.compile("sha256:[0-9a-f]{64}")
LONGEST_URI = 1024
MOST_SECONDS = 2**31
UNREADABLE = Failure(
    failure_class=FailureClass.INFRASTRUCTURE,
    reason="ResultUnreadable",
    message="the compile pod says that it has succeeded, but not with which artifact; it is tried again",
)

UsersOf = Callable[[Manifest], tuple[User, ...]]
"""The workloads that use a CompiledModel, each with the pools as it sees them."""
FetchProgress = Callable[[str], Awaitable[Mapping[str, Any] | None]]
"""GET a pod's /progress; None if it did not answer."""


@dataclass(frozen=True, slots=True)
class Compiled:
    """What one pass over a CompiledModel wants told, and when to look again."""

    notes: tuple[Note, ...]
    again: float | None
    ended: Ended | None = None
    changed: bool = False
    """Whether the status was written. The store tells nobody of our own writes: who uses it has to be told."""


class CompileReconciler:
    """Level-triggered: derives the attempt's outcome from the Job and its pod as they are."""

    def __init__(
        self,
        client: ApiClient,
        applier: Applier,
        store: Store,
        settings: Settings,
        fetch_progress: FetchProgress,
        users_of: UsersOf,
        clock: Clock,
    ) -> None:
        self._client = client
        self._applier = applier
        self._store = store
        self._settings = settings
        self._fetch_progress = fetch_progress
        self._users_of = users_of
        self._clock = clock
        self._refused_writes = Refusals(clock)

    async def reconcile(self, key: ObjectKey, namespace_uid: str) -> Compiled:
        """One pass over one CompiledModel."""
        began = self._clock.monotonic()
        compiled = self._store.get(key)
        if compiled is None:
            self._refused_writes.forget(key.namespace, key.name)
        if compiled is None or manifests.is_leaving(compiled) or self._store.behind(key):
            return Compiled((), None if compiled is None else 1.0)
        status = compiled.get("status") or {}
        now = self._clock.now()
        before = attempts_of(status)
        attempts = reopened(before, self._refusals(compiled), now)
        found = self._store.get(JOBS.key(key.namespace, name.compile_job(key.name, attempts.count))) if attempts.count else None
        # That of a CompiledModel of this name that is gone goes too; until then no other of its name can be made.
        job = found if found is not None and manifests.controller_uid(found) == manifests.uid(compiled) else None
        pod = self._pod_of(job)
        outcome = outcome_of(job, pod)
        spec = compiled["spec"]
        toolchain = self._settings.toolchain_of(spec["backend"], spec["target"], spec["toolchain"])
        needs_device = toolchain is not None and toolchain.compile_needs_device
        # Who uses it is looked up among all workloads of the namespace, and only asked where it matters.
        users = self._users_of(compiled) if needs_device or attempts.failure is not None else ()
        pools = pools_to_compile_on(spec["key"], users, self._settings, now) if needs_device else ()
        nowhere = needs_device and not pools
        # What was published once may be what serves, whatever is asked for now.
        goes_on = attempts.failure is None or attempts.spoilt > 0 or is_asked_for(spec["key"], users, self._settings)
        others = self._running_jobs(on_a_pool=needs_device)
        room = others < self._settings.compile_jobs_at_once
        may_start = toolchain is not None and not nowhere and goes_on and room
        after, start = next_attempt(attempts, outcome, now, may_start=may_start)
        progress = await self._progress(pod) if isinstance(outcome, Running) else None
        if progress is not None and progress.get("etaSeconds") is None:
            progress = {**progress, "etaSeconds": self._eta(progress, compiled["spec"]["backend"], now)}
        generation = int(manifests.metadata(compiled).get("generation", 1))
        if after.failure is not None and not after.open:
            # With the attempt what it waited for has ended.
            waits = None if goes_on else NOT_ASKED_FOR
        elif job is not None:
            waits = self._pod_waits(job, pod, spec["model"], now)
        else:
            refused = next(iter(self._refused_writes.told(compiled)), None)
            waits = (
                (Refusal(Reason.OBJECT_INVALID, str(refused)) if refused is not None else None)
                or (name_taken(found) if found is not None else None)
                or (no_pool(spec["backend"]) if nowhere else None)
            )
        if after.built is None and after.failure is None and not after.open and not room:
            waits = waits or no_turn(others, self._settings.compile_jobs_at_once)
        wanted = status_of(after, start, progress, waits, status, key.name, generation, now)
        patch = changes(status, wanted)
        if patch is not None:
            written = await self._client.patch_status(
                COMPILED_MODELS, key.namespace, key.name, patch, version=manifests.version(compiled), uid=manifests.uid(compiled)
            )
            self._store.wrote(COMPILED_MODELS, written)
        site = compile_site(toolchain, self._settings, pools, attempt=start.count, factor=start.factor) if start and toolchain else None
        if start is not None and toolchain is not None and site is not None:
            intent = CompileJobIntent(
                namespace=key.namespace,
                namespace_uid=namespace_uid,
                compiled_name=key.name,
                compiled_uid=manifests.uid(compiled),
                spec=compiled["spec"],
                image=toolchain.compile_image,
                attempt=start.count,
                site=site,
            )
            await self._make(compiled, compile_job(intent, self._settings))
        self._refused_writes.ended(compiled, began)
        ended = _end_of(attempts, after, job, compiled["spec"]["backend"], now)
        notes = (*_reopening_notes(before, attempts), *_notes(attempts, after), *_waiting_notes(status, wanted))
        again = self._again(after, start, now, may_start=may_start) if goes_on or after.open else ASKED_FOR_AGAIN_SECONDS
        return Compiled(notes, again, ended, changed=patch is not None)

    async def _make(self, compiled: Manifest, job: Manifest) -> None:
        """Make the Job. What the API server refuses is told by the next pass and tried later, as everything that it refuses."""
        key = JOBS.key_of(job)
        if self._refused_writes.waits(compiled, key):
            return
        try:
            await self._applier.apply(JOBS, job)
        except (Forbidden, Invalid) as refused:
            self._refused_writes.refused(compiled, key, refused)
            return
        self._refused_writes.granted(compiled, key)

    def _again(self, after: Attempts, start: StartJob | None, now: datetime, *, may_start: bool) -> float | None:
        if after.built is not None:
            return None
        if after.open or start is not None or not may_start:
            return LOOK_AGAIN_SECONDS
        if after.retry_at is not None:
            return max(0.5, (after.retry_at - now).total_seconds())
        return LOOK_AGAIN_SECONDS if after.failure is None else None

    def _pod_waits(self, job: Manifest, pod: Manifest | None, model: Manifest, now: datetime) -> Refusal | None:
        """What keeps the attempt's pod from running."""
        if pod is None:
            return None
        keys = secret_keys(self._settings.store_secret, model["uri"], model.get("secretName"))
        return no_node(job, pod) or trouble(pod, "its Job", keys, now)

    def _refusals(self, compiled: Manifest) -> tuple[Refused, ...]:
        """Of the pods of those who use it, whichever artifact they name."""
        found = []
        for owner in manifests.metadata(compiled).get("ownerReferences") or ():
            if owner.get("kind") == INFERENCE_WORKLOADS.kind:
                pods = self._store.labelled(PODS, label.WORKLOAD, owner["name"])
                here = (refused_artifact(p) for p in pods if manifests.namespace(p) == manifests.namespace(compiled))
                found += [refusal for each in here if each is not None for _, refusal in (each,)]
        return tuple(found)

    def _pod_of(self, job: Manifest | None) -> Manifest | None:
        if job is None:
            return None
        pods = self._store.owned_by(manifests.uid(job), PODS)
        return max(pods, key=lambda p: (manifests.metadata(p).get("creationTimestamp", ""), manifests.name(p)), default=None)

    def _running_jobs(self, *, on_a_pool: bool) -> int:
        """Counted apart: a Job that waits for a device must not hold up those that need none."""
        running = (manifests.labels(j) for j in self._store.all(JOBS) if not _ended(j))
        return sum(1 for labels in running if labels.get(label.ROLE) == label.COMPILE and (label.POOL in labels) == on_a_pool)

    def _eta(self, progress: Mapping[str, Any], backend: str, now: datetime) -> int | None:
        """By the other CompiledModels of the back end; the compile itself does not know."""
        try:
            elapsed = (now - time_of(str(progress["startedAt"]))).total_seconds()
        except (KeyError, TypeError, ValueError):
            return None
        done = (each["status"]["seconds"] for each in self._store.all(COMPILED_MODELS) if _built_by(each, backend))
        return remaining(elapsed, map(float, done))

    async def _progress(self, pod: Manifest | None) -> Mapping[str, Any] | None:
        address = ((pod or {}).get("status") or {}).get("podIP")
        if not address or not (server_status(pod or {}).get("state") or {}).get("running"):
            return None
        return await self._fetch_progress(f"http://{address}:{PROGRESS_PORT}/progress")


def no_pool(backend: str) -> Refusal:
    """Why a compile that takes a device does not begin."""
    return Refusal(
        Reason.COMPILING,
        f"compiling with {backend} takes a device, and no pool that a workload selects and that would serve this artifact has a resourceName:"
        " add one, or let one of them be selected",
    )


def no_turn(others: int, at_once: int) -> Refusal:
    """Why a compile that could begin does not yet."""
    which = "another one" if others == 1 else f"{others} others"
    return Refusal(Reason.COMPILING, f"it waits for {which} to end: config.compile.jobsAtOnce lets {at_once} run at the same time")


def name_taken(job: Manifest) -> Refusal:
    """Why an attempt that has begun has no Job."""
    whose = "belongs to another, most often to a CompiledModel of this name that was deleted; it goes first"
    return Refusal(Reason.COMPILING, f"Job {manifests.name(job)} {whose}")


def no_node(job: Manifest, pod: Manifest) -> Refusal | None:
    """What the Job waits for while the scheduler finds no node for its pod. Only what stays the same while it waits."""
    if not is_unplaced(pod):
        return None
    return Refusal(Reason.UNPLACED, no_room(pod, "its Job", manifests.labels(job).get(label.POOL)))


def outcome_of(job: Manifest | None, pod: Manifest | None) -> JobOutcome:
    """What became of the attempt. The pod's termination message is the result; the Job's conditions speak where there is none."""
    if job is None:
        return NoJob()
    ended = (server_status(pod or {}).get("state") or {}).get("terminated")
    told = last_word(ended)
    if told.get("result") == "Succeeded":
        return _built(told)
    if told.get("result") == "Failed":
        known = str(told.get("class")) in {c.value for c in FailureClass}
        return Failure(
            failure_class=FailureClass(str(told["class"])) if known else FailureClass.INFRASTRUCTURE,
            reason=str(told.get("reason", "CompileFailed"))[:64],
            message=str(told.get("message", "the compile failed; see the Job's log")),
            log_tail=str(told.get("logTail", "")),
        )
    condition = _ended(job)
    late = condition is not None and condition.get("reason") == DEADLINE_EXCEEDED
    # A cgroup without a word of its kernel: what nobody else ended was ended for memory.
    killed = ended is not None and ended.get("exitCode") == KILLED and not late and not _taken_away(pod or {})
    if killed or (ended is not None and ended.get("reason") == "OOMKilled"):
        return Failure(
            failure_class=FailureClass.OUT_OF_MEMORY,
            reason="OOMKilled",
            message="the compile ran out of memory; it is tried again with twice as much",
        )
    if condition is None and ended is None:
        return Running()
    if late:
        return Failure(
            failure_class=FailureClass.INFRASTRUCTURE,
            reason=DEADLINE_EXCEEDED,
            message="the compile took longer than config.compile.deadlineSeconds, the wait for a node included: raise it, or add nodes",
        )
    if condition is None:
        return Running()  # The container has ended without a word; the Job's controller has not said so yet.
    return Failure(
        failure_class=FailureClass.INFRASTRUCTURE,
        reason="NoResult",
        message=f"the Job ended without a result ({condition.get('message') or condition.get('reason') or condition.get('type')}); it is tried again",
    )


def _built(told: Mapping[str, Any]) -> Built | Failure:
    """The artifact that the compile pod names, if its words can be one: they come from where untrusted models are read."""
    made: Any = told.get("artifact")
    try:
        built = Built(
            uri=str(made["uri"]),
            digest=str(made["digest"]),
            size_bytes=int(made.get("sizeBytes", 0)),
            seconds=float(told.get("seconds", 0.0)),
            cached=told.get("cached") is True,
        )
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        return UNREADABLE
    sound = len(built.uri) <= LONGEST_URI and DIGEST.fullmatch(built.digest) and 0 <= built.seconds < MOST_SECONDS
    return built if sound and 0 <= built.size_bytes <= EXACT_MAX else UNREADABLE


def attempts_of(status: Mapping[str, Any]) -> Attempts:
    """What the status remembers."""
    failure, made, retry = status.get("failure"), status.get("artifact"), status.get("nextRetryTime")
    ready = _ready(status)
    return Attempts(
        count=int(status.get("attempts", 0)),
        open=bool(status.get("jobName")),
        factor=int(status.get("memoryFactor", 1)),
        failure=Failure(
            failure_class=FailureClass(failure["class"]),
            reason=failure.get("reason", ""),
            message=failure.get("message", ""),
            log_tail=failure.get("logTail", ""),
        )
        if failure
        else None,
        retry_at=time_of(retry) if retry else None,
        built=Built(uri=made["uri"], digest=made["digest"], size_bytes=int(made["sizeBytes"]), seconds=float(status.get("seconds", 0)))
        if made
        else None,
        built_at=time_of(ready["lastTransitionTime"]) if made and ready.get("status") == "True" else None,
        spoilt=int(status.get("spoilt", 0)),
    )


def status_of(
    attempts: Attempts,
    start: StartJob | None,
    progress: Mapping[str, Any] | None,
    waits: Refusal | None,
    old: Mapping[str, Any],
    called: str,
    generation: int,
    now: datetime,
) -> Manifest:
    """The whole status as it should stand. `waits`: what keeps an attempt from running, if anything does."""
    status: Manifest = {"observedGeneration": generation, "attempts": attempts.count, "memoryFactor": attempts.factor}
    if attempts.spoilt:
        status["spoilt"] = attempts.spoilt
    if attempts.open:
        status["jobName"] = name.compile_job(called, attempts.count)
    if attempts.built is not None:
        made = attempts.built
        status |= {"artifact": {"uri": made.uri, "digest": made.digest, "sizeBytes": made.size_bytes}, "seconds": round(made.seconds)}
        status["progress"] = {"phase": "Done", "percent": 100}
        ready = ("True", Reason.COMPILED, "the artifact is published and its answers agree with the uncompiled model's")
    elif attempts.failure is not None:
        failure = attempts.failure
        status["failure"] = {
            "class": failure.failure_class.value,
            "reason": failure.reason[:64],
            "message": failure.message[:512],
            "logTail": failure.log_tail[-1800:],
        }
        if attempts.retry_at is not None:
            status["nextRetryTime"] = time_text(attempts.retry_at)
        again = "change the workload's model or compile options"
        if attempts.open or attempts.retry_at is not None:
            by_itself = "it is being tried again" if attempts.open else "it is tried again at nextRetryTime"
            again = waits.message if waits is not None else by_itself
        why = Reason.ARTIFACT_SPOILT if failure.failure_class is FailureClass.SPOILT else Reason.COMPILE_FAILED
        ready = ("False", why, f"{failure.reason}: {failure.message[:300]}; {again}")
    elif waits is not None:
        ready = ("False", waits.reason, waits.message)
    else:
        ready = ("Unknown", Reason.COMPILING, "the model is being compiled")
    if attempts.open and attempts.built is None:
        status["progress"] = _progress_out(progress) or old.get("progress") or {"phase": "Pending", "percent": 0}
        if start is not None:
            status["progress"] = {"phase": "Pending", "percent": 0}
    status["conditions"] = [_condition(*ready, old, generation, now)]
    return status


PHASES = {
    "Fetching": "Fetching",
    "Verifying": "Fetching",
    "Tracing": "Tracing",
    "Compiling": "Compiling",
    "Checking": "Verifying",
    "Publishing": "Publishing",
}


def _progress_out(raw: Mapping[str, Any] | None) -> Manifest | None:
    phase = PHASES.get(str((raw or {}).get("phase")))
    if raw is None or phase is None:
        return None
    try:
        # Whole tens of percent: a status is not a progress bar, and every value is a write.
        percent = int(min(max(float(raw.get("percent") or 0), 0), 100) // 10 * 10)
        eta = None if raw.get("etaSeconds") is None else count(float(raw["etaSeconds"]))
    except (TypeError, ValueError):
        return None
    out: Manifest = {"phase": phase, "percent": percent}
    if eta is not None:
        out["etaSeconds"] = eta
    if raw.get("lastLogLine"):
        out["lastLogLine"] = str(raw["lastLogLine"])[:256]
    return out


def _built_by(compiled: Manifest, backend: str) -> bool:
    return compiled["spec"].get("backend") == backend and "seconds" in (compiled.get("status") or {})


def _condition(status: str, reason: Reason, message: str, old: Mapping[str, Any], generation: int, now: datetime) -> Manifest:
    before = _ready(old)
    since = before["lastTransitionTime"] if before.get("status") == status else time_text(now)
    return {
        "type": "Ready",
        "status": status,
        "reason": reason.value,
        "message": message[:1024],
        "observedGeneration": generation,
        "lastTransitionTime": since,
    }


def compile_gauges(store: Store) -> Gauges:
    """Progress of the compiles that run."""
    return Gauges(
        tuple(
            Sample("steelyard_compile_progress_ratio", (manifests.namespace(each) or "", manifests.name(each)), percent / 100)
            for each in store.all(COMPILED_MODELS)
            if (status := each.get("status") or {}).get("jobName")
            and (percent := (status.get("progress") or {}).get("percent")) is not None
        )
    )


def _end_of(before: Attempts, after: Attempts, job: Manifest | None, backend: str, now: datetime) -> Ended | None:
    if after.built is not None and before.built is None:
        return Ended(backend, "Found" if after.built.cached else "Built", after.built.seconds)
    if after.failure is not None and after.failure != before.failure:
        began = ((job or {}).get("status") or {}).get("startTime")
        return Ended(backend, after.failure.failure_class.value, (now - time_of(began)).total_seconds() if began else None)
    return None


def _reopening_notes(before: Attempts, after: Attempts) -> tuple[Note, ...]:
    if before.built is None or after.failure is None:
        return ()
    when = f"at {time_text(after.retry_at)}, for this is not the first time" if after.retry_at and after.spoilt > 1 else "now"
    return (Note(Reason.ARTIFACT_SPOILT, f"{after.failure.reason}: {after.failure.message}; it is compiled again {when}", warning=True),)


def _notes(before: Attempts, after: Attempts) -> tuple[Note, ...]:
    if after.built is not None and before.built is None and after.built.cached:
        return (Note(Reason.COMPILED, f"found in the store, {after.built.size_bytes / 2**20:.0f} MiB: nothing had to be compiled"),)
    if after.built is not None and before.built is None:
        return (Note(Reason.COMPILED, f"compiled in {after.built.seconds:.0f} s, {after.built.size_bytes / 2**20:.0f} MiB"),)
    if after.failure is not None and after.failure != before.failure:
        return (Note(Reason.COMPILE_FAILED, f"{after.failure.reason}: {after.failure.message}", warning=True),)
    if after.open and not before.open:
        return (Note(Reason.COMPILING, f"attempt {after.count}"),)
    return ()


def _waiting_notes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Note, ...]:
    """One event when something begins to keep the pod from running that somebody has to mend."""
    was, now = _ready(before), _ready(after)
    stuck = next((reason for reason in STUCK if now.get("reason") == reason.value), None)
    if stuck is None or was.get("reason") == stuck.value:
        return ()
    return (Note(stuck, now["message"], warning=True),)


def _ready(status: Mapping[str, Any]) -> Mapping[str, Any]:
    return next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})


def _ended(job: Manifest) -> Mapping[str, Any] | None:
    """The condition that says so. At its deadline that is FailureTarget: Failed waits for its pods to end (Kubernetes 1.31)."""
    conditions = [c for c in (job.get("status") or {}).get("conditions") or () if c.get("status") == "True"]
    late = (c for c in conditions if c.get("type") == "FailureTarget" and c.get("reason") == DEADLINE_EXCEEDED)
    return next((c for c in conditions if c.get("type") in {"Complete", "Failed"}), next(late, None))


def _taken_away(pod: Manifest) -> bool:
    """Whether somebody ended the pod who did not ask its container: a drain, a preemption, the kubelet (which then gives it a reason)."""
    status = pod.get("status") or {}
    disrupted = any(c.get("type") == "DisruptionTarget" and c.get("status") == "True" for c in status.get("conditions") or ())
    return manifests.is_leaving(pod) or disrupted or bool(status.get("reason"))


async def join_owners(client: ApiClient, store: Store, wanted: Manifest) -> bool:
    """Create the CompiledModel, or add the workload to its users, or make it anew. True if something was written."""
    key = COMPILED_MODELS.key_of(wanted)
    live = store.get(key)
    if store.behind(key) or (live is not None and manifests.is_leaving(live)):
        return False
    mine = manifests.metadata(wanted)["ownerReferences"][0]
    if live is None:
        store.wrote(COMPILED_MODELS, await client.create(COMPILED_MODELS, wanted))
        return True
    uid, version, users = manifests.uid(live), manifests.version(live), manifests.owner_uids(live)
    anew = begins_anew(attempts_of(live.get("status") or {}), _way(live), _way(wanted), shared=len(users) > 1)
    if mine["uid"] in users and not anew:
        return False
    try:
        if mine["uid"] not in users:
            joined = [*(manifests.metadata(live).get("ownerReferences") or ()), mine]
            written = await client.patch_owners(COMPILED_MODELS, key.namespace, key.name, joined, version=version, uid=uid)
        else:
            # At this version only: it may have been built, or joined, meanwhile.
            written = await client.delete(COMPILED_MODELS, key.namespace, key.name, uid=uid, version=version)
            if manifests.uid(written) != uid:
                store.gone(key, uid)
                written = await client.create(COMPILED_MODELS, wanted)
    except NotFound:
        return False
    store.wrote(COMPILED_MODELS, written)
    return True


def known(compiled: Manifest) -> Known:
    """A CompiledModel, as far as it matters whether it is still used."""
    meta, spec = manifests.metadata(compiled), compiled["spec"]
    return Known(
        name=manifests.name(compiled),
        key=spec["key"],
        backend=spec["backend"],
        created=str(meta.get("creationTimestamp", "")),
        attempts=attempts_of(compiled.get("status") or {}),
    )


async def leave(client: ApiClient, store: Store, applier: Applier, compiled: Manifest, user: str) -> Outcome:
    """Take the workload with this uid out of a CompiledModel's users; without any it is deleted. Its artifact stays in the store."""
    key = COMPILED_MODELS.key_of(compiled)
    others = [owner for owner in manifests.metadata(compiled).get("ownerReferences") or () if owner["uid"] != user]
    if not others:
        return await applier.delete(COMPILED_MODELS, key.namespace, key.name, owner_uid=user)
    if store.behind(key) or manifests.is_leaving(compiled):
        return Waiting(key, "it is being changed")
    uid, version = manifests.uid(compiled), manifests.version(compiled)
    try:
        written = await client.patch_owners(COMPILED_MODELS, key.namespace, key.name, others, version=version, uid=uid)
    except NotFound:
        return Unchanged(key)
    store.wrote(COMPILED_MODELS, written)
    return Patched(key, written)


def _way(compiled: Manifest) -> Way:
    model = compiled["spec"]["model"]
    return Way(model["uri"], model.get("secretName"))
