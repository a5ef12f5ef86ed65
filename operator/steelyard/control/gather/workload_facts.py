"""InferenceWorkloads, and the Deployments and pods that stand for them, as the core sees them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from statistics import median
from typing import Any

from steelyard.api import compile_options as asked_for
from steelyard.api import exit_drill as asked_drill
from steelyard.api import metrics_page
from steelyard.api.compile_options import BackendFormat
from steelyard.api.existing import ExistingServer
from steelyard.api.inference_workload import InferenceWorkload
from steelyard.api.metrics_page import TimeUnit
from steelyard.api.objective import Objective
from steelyard.api.quantity import gibibytes
from steelyard.api.rebalancing import Mode as ModeAsked
from steelyard.api.scaling import Scaling as ScalingAsked
from steelyard.api.server import CustomServer, EnvironmentVariable, LatencyFrom, Switch, VllmServer
from steelyard.api.server import Variant as VariantAsked
from steelyard.api.source import ModelSource
from steelyard.api.traffic import InferencePools as InferencePoolsAsked
from steelyard.api.traffic import PoolExtent, Traffic
from steelyard.control.gather.pool_facts import compile_resources_of, resources_of
from steelyard.control.gather.queued import NOT_QUEUED, Queued, QuotaOf, ordered_at, unsaid
from steelyard.control.gather.termination import last_word
from steelyard.control.gather.unplaced import unplaced, waiting_since
from steelyard.control.kube import manifest as manifests
from steelyard.control.kube.manifest import Manifest
from steelyard.core.facts.accuracy import Accuracy, Measure
from steelyard.core.facts.custom import Custom, Drain, Probes, Variable, Variant
from steelyard.core.facts.existing import Existing
from steelyard.core.facts.exit_drill import ExitDrill
from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.route import InferencePools, RouteParent, Routing
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.server_page import LabelValues, PageNames, ServerPage
from steelyard.core.facts.snapshot import (
    Aim,
    CompileOptions,
    LatencyObjective,
    Mode,
    Model,
    ModelVariant,
    NumberFormat,
    Owner,
    Placement,
    PodAccess,
    PoolChoice,
    ProbeFirst,
    Rebalancing,
    Scaling,
    VllmOptions,
    Workload,
)
from steelyard.core.facts.unit_cost import Unit
from steelyard.core.vocabulary.reason import Refusal
from steelyard.render import label
from steelyard.render.custom_server import FETCHER
from steelyard.status.scalar import time_of

MOST_REPLICAS = 10_000
"""As many as the API lets anybody ask for."""
PER_SECOND = {TimeUnit.SECONDS: 1.0, TimeUnit.MILLISECONDS: 1e3, TimeUnit.MICROSECONDS: 1e6}
CRASHES = 2
"""Restarts of one container after which a replica counts as crashing: the first may be bad luck."""
FATAL_WAITING = frozenset({"CrashLoopBackOff", "InvalidImageName", "ErrImageNeverPull"})
"""Not CreateContainerConfigError: a Secret that is missing is no fault of the pool or of the artifact, and the pod starts once it is there."""
HOPELESS = 3
"""Exit code of the server that refused its artifact, and of what fetches a model that is not there: no restart will mend that."""


def workload_of(parsed: InferenceWorkload, raw: Manifest) -> Workload:
    """The spec and identity of one workload."""
    spec = parsed.spec
    policy, options = spec.rebalancing, spec.compile
    return Workload(
        key=WorkloadKey(manifests.namespace(raw) or "", manifests.name(raw)),
        uid=manifests.uid(raw),
        generation=int(manifests.metadata(raw).get("generation", 0)),
        model=_model(spec.model),
        compile=_compile_options(options, None),
        compile_by_family={own.family: _compile_options(options, own) for own in options.families},
        format_by_backend={str(own.name): _number_format(own) for own in options.backends},
        variants=tuple(map(_model_variant, options.variants)),
        latency=tuple(
            LatencyObjective(metric=str(o.metric), milliseconds=o.milliseconds, percent=float(o.percent)) for o in spec.objective.latency
        ),
        unit=Unit(spec.objective.unit.value),
        max_unit_cost=_max_unit_cost(spec.objective),
        error_budget=spec.objective.error_budget_percent / 100,
        scaling=_scaling(spec.scaling, bound=spec.server.existing is None),
        rebalancing=Rebalancing(
            mode=_mode(policy.mode, spec.server.existing),
            min_saving_percent=float(policy.min_saving_percent),
            payback_seconds=policy.payback_seconds,
            cooldown_seconds=policy.cooldown_seconds,
            window_seconds=policy.window_seconds,
            bake_seconds=policy.bake_seconds,
            min_good_requests=policy.min_good_requests,
            deadline_seconds=policy.deadline_seconds,
            exploration_budget=None if policy.exploration.budget is None else float(policy.exploration.budget),
            exploration_deadline_seconds=policy.exploration.deadline_seconds,
            aim=Aim(str(policy.exploration.aim)),
            probe=ProbeFirst(str(policy.exploration.probe)),
            paused=policy.paused,
        ),
        pools={p.name: _choice(p.to_raw()) for p in spec.placement.pools},
        min_families=spec.placement.min_accelerator_families,
        max_spot_percent=spec.placement.max_spot_percent,
        deleting=manifests.is_leaving(raw),
        server=next(kind for kind in ("vllm", "custom", "existing", "steelyard") if getattr(spec.server, kind) is not None),
        access=PodAccess(
            pull_secrets=tuple(sorted(spec.pods.image_pull_secrets)),
            account=spec.pods.service_account_name,
            compile_account=spec.pods.compile_service_account_name,
            queue=spec.pods.queue_name,
        ),
        accuracy=tuple(Accuracy(Measure(str(each.measure)), float(each.limit)) for each in spec.objective.accuracy),
        compile_resources=compile_resources_of(options.resources.to_raw()) if options.resources is not None else None,
        vllm=_vllm(spec.server.vllm) if spec.server.vllm is not None else None,
        exit_drill=_exit_drill(spec.placement.exit_drill) if spec.placement.exit_drill is not None else None,
        existing=_existing(spec.server.existing, spec.objective) if spec.server.existing is not None else None,
        custom=_custom(spec.server.custom, spec.objective) if spec.server.custom is not None else None,
        routing=_routing(spec.traffic, spec.server.custom)
        if spec.traffic is not None and spec.traffic.parent_refs and spec.server.existing is None
        else None,
        samples=_samples(spec.traffic),
    )


def _samples(given: Traffic | None) -> Samples | None:
    if given is None or given.samples is None:
        return None
    return Samples(config_map=given.samples.config_map.name, key=given.samples.config_map.key)


def _routing(given: Traffic, custom: CustomServer | None) -> Routing:
    parents = (
        RouteParent(name=each.name, namespace=each.namespace, section=each.section_name, port=each.port) for each in given.parent_refs
    )
    return Routing(
        parents=tuple(dict.fromkeys(parents)),
        hostnames=tuple(sorted(given.hostnames)),
        path=given.path,
        pools=None if given.inference_pools is None else _pools(given.inference_pools, custom),
    )


def _pools(given: InferencePoolsAsked, custom: CustomServer | None) -> InferencePools:
    picker = given.endpoint_picker_ref
    return InferencePools(
        shared=given.extent == PoolExtent.SHARED,
        picker=picker.name,
        picker_port=picker.port,
        failure_mode=str(picker.failure_mode),
        target_port=custom.port if custom is not None else None,
    )


def _model(given: ModelSource | None) -> Model:
    """Without a name where it is not told what is served."""
    if given is None:
        return Model(uri="", digest=None, revision=None, task="")
    return Model(uri=given.uri, digest=given.digest, revision=given.revision, task=given.task or "", secret_name=given.secret_name)


def _scaling(given: ScalingAsked, *, bound: bool) -> Scaling:
    """bound: whether the bounds are ours to keep; the replicas of what exists already are its owner's."""
    if not bound:
        return Scaling(minimum=1, maximum=MOST_REPLICAS, owner=Owner.EXTERNAL, priority=given.priority)
    return Scaling(minimum=given.min_replicas, maximum=given.max_replicas, owner=Owner(str(given.owner)), priority=given.priority)


def _mode(given: ModeAsked, existing: ExistingServer | None) -> Mode:
    """What is not ours is never moved, whatever an API server without the definition's rules has taken."""
    mode = Mode(str(given))
    return Mode.RECOMMEND if existing is not None and mode is Mode.AUTO else mode


def _existing(given: ExistingServer, objective: Objective) -> Existing:
    return Existing(kind=str(given.kind), name=given.name, page=page_of(given.metrics, objective))


def _custom(given: CustomServer, objective: Objective) -> Custom:
    return Custom(
        general=_variant(given),
        families=given.families,
        variants={own.family: _variant(own) for own in given.variants},
        port=given.port,
        model_path=given.model_path,
        disk_gib=gibibytes(given.disk),
        probes=Probes(live=given.probes.live_path, ready=given.probes.ready_path, startup_seconds=given.probes.startup_seconds),
        drain=Drain(delay_seconds=given.drain.delay_seconds, timeout_seconds=given.drain.timeout_seconds),
        page=replace(page_of(given.metrics, objective), at_gateway=given.latency_from is LatencyFrom.GATEWAY),
    )


def _variant(given: CustomServer | VariantAsked) -> Variant:
    resources = given.resources if isinstance(given, VariantAsked) else None
    return Variant(
        image=given.image,
        command=given.command,
        args=given.args,
        env=tuple(map(_variable, given.env)),
        resources=None if resources is None else resources_of(resources.to_raw()),
    )


def _variable(given: EnvironmentVariable) -> Variable:
    secret = given.secret
    return Variable(name=given.name, value=given.value, secret=None if secret is None else (secret.name, secret.key))


def page_of(given: metrics_page.ServerPage, objective: Objective) -> ServerPage:
    """Where a server of somebody else's says what it did, and by which promises it is judged."""
    return ServerPage(
        promises=tuple((str(o.metric), o.milliseconds / 1000) for o in objective.latency),
        allowed=tuple(1 - float(o.percent) / 100 for o in objective.latency),
        profile=str(given.profile or ""),
        names=None if given.names is None else _names(given.names),
        port=given.port,
        path=given.path,
    )


def _names(given: metrics_page.MetricNames) -> PageNames:
    return PageNames(
        requests=given.request_counter,
        errors=given.error_counter,
        status_label=given.status_label,
        whole=given.latency_histogram,
        first=given.first_token_histogram,
        between=given.token_gap_histogram,
        per_second=PER_SECOND[given.unit],
        refused=given.refused_counter,
        prompt=given.prompt_token_counter,
        cached=given.cached_token_counter,
        output=given.output_token_counter,
        labels=_labels(given.labels),
        request_labels=_labels(given.request_labels),
        error_labels=_labels(given.error_labels),
        refused_labels=_labels(given.refused_labels),
        histogram_labels=_labels(given.histogram_labels),
    )


def _labels(given: tuple[metrics_page.LabelMatch, ...]) -> LabelValues:
    return tuple((each.name, tuple(sorted(each.values))) for each in sorted(given, key=lambda each: each.name))


def _exit_drill(given: asked_drill.ExitDrill) -> ExitDrill:
    return ExitDrill(every_seconds=given.every_seconds, budget=float(given.budget))


def _max_unit_cost(objective: Objective) -> float | None:
    return None if objective.max_unit_cost is None else float(objective.max_unit_cost)


def _compile_options(general: asked_for.CompileOptions, own: asked_for.FamilyOptions | None) -> CompileOptions:
    """What a family gives itself replaces what is given for all."""

    def chosen(field: str) -> Any:
        value = getattr(own, field, None)
        return getattr(general, field) if value is None else value

    return CompileOptions(
        dtype=str(chosen("dtype")),
        quantization=str(chosen("quantization")),
        batch_sizes=tuple(chosen("batch_sizes")),
        sequence_lengths=tuple(chosen("sequence_lengths")),
        tensor_parallel=chosen("tensor_parallel"),
        flags=tuple(sorted(str(flag) for flag in chosen("flags"))),
    )


def _number_format(own: BackendFormat | asked_for.ModelVariant) -> NumberFormat:
    return NumberFormat(
        dtype=None if own.dtype is None else str(own.dtype), quantization=None if own.quantization is None else str(own.quantization)
    )


def _model_variant(own: asked_for.ModelVariant) -> ModelVariant:
    numbers = _number_format(own)
    return ModelVariant(
        name=own.name,
        backend=None if own.backend is None else str(own.backend),
        dtype=numbers.dtype,
        quantization=numbers.quantization,
    )


def _vllm(given: VllmServer) -> VllmOptions:
    return VllmOptions(
        max_model_length=given.max_model_length,
        max_sequences=given.max_sequences,
        max_batched_tokens=given.max_batched_tokens,
        memory_percent=given.memory_percent,
        prefix_caching=given.prefix_caching is Switch.ENABLED,
        arguments=tuple(sorted((str(each.name), each.value) for each in given.arguments)),
    )


def _choice(raw: dict[str, Any]) -> PoolChoice:
    resources = raw.get("resources")
    return PoolChoice(
        minimum=int(raw.get("minReplicas", 0)),
        maximum=raw.get("maxReplicas"),
        resources=resources_of(resources) if resources else None,
        devices=int(raw.get("devicesPerReplica", 1)),
    )


def placement_of(
    deployment: Manifest,
    pods: Sequence[Manifest],
    owner_of_replicas: str | None,
    artifact_key: str | None = None,
    trouble: Refusal | None = None,
    *,
    in_queue: Queued = NOT_QUEUED,
    quota_of: QuotaOf = unsaid,
    refused_nodes: str = "",
) -> Placement:
    """One Deployment with its pods. Ready counts pods that are ready and not leaving: those that a Service sends requests to. `trouble`: what
    keeps them from serving beside crashes and a lack of nodes. in_queue: those of them that wait for quota. quota_of: what Kueue says of a pod. refused_nodes: why
    no node comes for those without one."""
    labels, notes = manifests.labels(deployment), manifests.annotations(deployment)
    crashing = [why for pod in sorted(pods, key=manifests.name) if (why := crash_of(pod)) is not None]
    waiting, why_waiting = unplaced(deployment, pods, labels[label.POOL])
    return Placement(
        key=label.key_of(labels),
        desired=int((deployment.get("spec") or {}).get("replicas", 0)),
        ready=sum(1 for pod in pods if pod_ready(pod)),
        pods=sum(1 for pod in pods if (pod.get("status") or {}).get("phase") not in {"Succeeded", "Failed"}),
        crashing=len(crashing),
        unplaced=waiting,
        unplaced_message=f"{why_waiting}; cluster-autoscaler: {refused_nodes}" if refused_nodes and waiting else why_waiting,
        refused_nodes=refused_nodes if waiting else "",
        crash_message=crashing[0] if crashing else "",
        trouble=trouble,
        waiting_since=waiting_since(deployment, pods, quota_of),
        queued=in_queue.count,
        queued_message=in_queue.message,
        queued_since=in_queue.since,
        quota_given=in_queue.given,
        start_seconds=start_seconds_of(pods, quota_of),
        replicas_owner=owner_of_replicas,
        artifact_digest=notes.get(label.ARTIFACT),
        artifact_key=artifact_key,
        asked=notes.get(label.ASKED, ""),
        name=manifests.name(deployment),
    )


def start_seconds_of(pods: Sequence[Manifest], quota_of: QuotaOf = unsaid) -> float | None:
    """The median over ready pods. One whose server was started again tells when it became ready again, and of one that was in a queue what counts is
    when it had its quota."""
    waits = []
    for pod in pods:
        status = pod.get("status") or {}
        restarted = any(c.get("restartCount") for c in status.get("containerStatuses") or ())
        ready: Manifest = next((c for c in status.get("conditions") or () if c.get("type") == "Ready"), {})
        made, since = ordered_at(pod, quota_of), moment(ready.get("lastTransitionTime"))
        if pod_ready(pod) and not restarted and made is not None and since is not None:
            waits.append((since - made).total_seconds())
    return median(waits) if waits else None


def pod_ready(pod: Manifest) -> bool:
    """Ready, and not on its way out."""
    if manifests.is_leaving(pod):
        return False
    return any(c.get("type") == "Ready" and c.get("status") == "True" for c in (pod.get("status") or {}).get("conditions") or ())


def server_status(pod: Manifest) -> dict[str, Any]:
    """The status of the container that serves, which is a sidecar in a probe, perhaps after one that fetches its model; empty before there is one."""
    status = pod.get("status") or {}
    if manifests.labels(pod).get(label.ROLE) == label.PROBE:
        return next((dict(s) for s in status.get("initContainerStatuses") or () if s.get("name") != FETCHER), {})
    return next((dict(s) for s in status.get("containerStatuses") or ()), {})


def _fetching(pod: Manifest) -> dict[str, Any]:
    """The status of the container that fetches a model for a program of the user's own, until it has; empty where there is none, or it has."""
    found = next((s for s in (pod.get("status") or {}).get("initContainerStatuses") or () if s.get("name") == FETCHER), None)
    done = found is not None and ((found.get("state") or {}).get("terminated") or {}).get("exitCode") == 0
    return {} if found is None or done else dict(found)


def moment(text: str | None) -> datetime | None:
    """A Kubernetes time, if there is one."""
    return None if not text else time_of(text)


def crash_of(pod: Manifest) -> str | None:
    """Why this replica will not come to serve, in a sentence that changes only when it ends once more; None while it may come."""
    if manifests.is_leaving(pod) or pod_ready(pod):
        return None  # What a server that serves said before it was started again is past.
    status = _fetching(pod) or server_status(pod)
    waiting = (status.get("state") or {}).get("waiting") or {}
    ended = (status.get("lastState") or {}).get("terminated") or (status.get("state") or {}).get("terminated") or {}
    restarts = int(status.get("restartCount", 0))
    if ended.get("exitCode") == HOPELESS and status.get("name") == FETCHER:
        return f"the model cannot be fetched: {_said(ended)}"
    if ended.get("exitCode") == HOPELESS and manifests.labels(pod).get(label.SERVER) != label.CUSTOM:
        return f"the server refused its artifact: {_said(ended)}"
    if ended and (waiting.get("reason") in FATAL_WAITING or restarts >= CRASHES):
        return _ending(pod, ended, restarts)
    if waiting.get("reason") in FATAL_WAITING:
        return f"{waiting['reason']}: {waiting.get('message') or 'see kubectl describe pod'}"[:400]
    if restarts >= CRASHES:
        return f"pod {manifests.name(pod)} was restarted {restarts} times: see `{_logs(pod)}`"
    return None


def _ending(pod: Manifest, ended: Manifest, restarts: int) -> str:
    """How often, and how it ended last."""
    why, said = str(ended.get("reason") or ""), _message(ended)
    code = f"exit code {ended.get('exitCode', 'unknown')}{f' ({why})' if why else ''}{f': {said}' if said else ''}"
    todo = "ask for more memory in spec.placement.pools[].resources" if why == "OOMKilled" else f"see `{_logs(pod)}`"
    return f"pod {manifests.name(pod)} was restarted {restarts} times, the last time after {code}: {todo}"


def _logs(pod: Manifest) -> str:
    probes = manifests.labels(pod).get(label.ROLE) == label.PROBE
    container = FETCHER if _fetching(pod) else "server" if probes else None
    of = f" --container {container}" if container else ""
    return f"kubectl logs {manifests.name(pod)} --namespace {manifests.namespace(pod)}{of} --previous"


def _said(ended: dict[str, Any]) -> str:
    """The message it left, on one line, else the kubelet's word."""
    return _message(ended) or str(ended.get("reason") or "")


def _message(ended: Manifest) -> str:
    """Of a word of ours its sentence, which has a todo in it; else all that it left."""
    return re.sub(r"\s+", " ", str(last_word(ended).get("message") or ended.get("message") or ""))[:300]
