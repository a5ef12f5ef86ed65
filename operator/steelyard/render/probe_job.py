"""The Job of a probe: one pod with the server of a placement as its Deployment would have it, and the load generator that asks it over loopback.

The server is a sidecar (an init container that goes on; Kubernetes 1.29): the generator begins once it is ready, and its end is the Job's. It
needs no API token and no Service: its result is its termination message. Of a program of the user's own it asks what the user's samples say, which it
alone finds in its pod.
"""

from __future__ import annotations

import json
import math
from typing import NamedTuple

from steelyard.core.facts.identity import WorkloadKey
from steelyard.core.facts.probe import LengthRamps, Lengths, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import Settings
from steelyard.core.placing.intent import CustomIntent, PlacementIntent, ProbeIntent, TrialIntent
from steelyard.render import label, name, runtime_word
from steelyard.render.deployment import HTTP_PORT, METRICS_PORT, pod_of
from steelyard.render.manifest import Manifest, owned_by_workload, owner
from steelyard.render.pod import Part, container_security
from steelyard.render.protected_pod import left_alone
from steelyard.render.quantity import requests_equal_limits

PROBE_SPEC = "STEELYARD_PROBE_SPEC"
GENERATOR = "probe"
"""The container that asks."""
GENERATOR_RESOURCES, GENERATOR_DISK_GIB = Resources(0.5, 0.375), 0.0625
"""Half a core sends several hundred requests a second; what it cannot send in time it does not blame on the server."""
STEP_REQUESTS = 1
"""A step in which chance sends none goes on until it has one."""
MOST_TOKENS = 2**20
"""Of a request; the generator sends no longer ones."""
USUAL_GROWTH = 2.0
"""Of the rates of a ramp, where the generator is told of no other."""
SAMPLES, SAMPLES_MOUNT, SAMPLES_FILE = "samples", "/var/run/steelyard/samples", "requests.jsonl"
"""What a custom server is asked."""
BEGIN_PORT = 28081
"""Where the generator of a trial is told to begin, once those of the other pools are ready as well. Below the ports that connections get, and none that a
server is known to take: MLServer, for one, listens on 8081 whatever it is asked for, and pod and ports are shared."""
KEEP_SECONDS = 3600
"""A finished Job keeps its log for an hour; its result stands in the evidence."""


def probe_job(workload: WorkloadKey, uid: str, intent: ProbeIntent, settings: Settings) -> Manifest:
    """One attempt, which ends after `intent.seconds` whatever it waits for."""
    key = intent.placement.key
    about = _About(name.probe_job(workload, key, intent.move), label.of_probe(workload, key, intent.move), owned_by_workload(workload, uid))
    return _job(about, workload.namespace, intent.placement, probe_spec(intent), settings)


def trial_job(intent: TrialIntent, settings: Settings) -> Manifest:
    """The same for one pool of an AcceleratorTrial: it begins with the others, and goes on with steady loads."""
    placement, trial = intent.placement, intent.trial
    about = _About(
        name.trial_job(trial.name, placement.key.pool),
        label.of_trial(intent.workload, placement.key, trial.name),
        owner("AcceleratorTrial", trial.name, intent.trial_uid, controller=True),
    )
    spec = {
        **_spec(placement, intent.ramp, intent.seconds),
        "begin": {"by": intent.begin_by, "port": BEGIN_PORT},
        **({} if intent.length_ramps is None else {"lengthRamps": _length_ramps(intent.length_ramps)}),
        **({"steady": {"loads": list(intent.loads), "seconds": intent.load_seconds}} if intent.loads else {}),
    }
    return _job(about, trial.namespace, placement, spec, settings)


class _About(NamedTuple):
    name: str
    labels: dict[str, str]
    owner: Manifest


def _job(about: _About, namespace: str, placement: PlacementIntent | CustomIntent, spec: Manifest, settings: Settings) -> Manifest:
    pod, samples = pod_of(placement, settings), _samples(placement)
    server = {**pod.spec["containers"][0], "restartPolicy": "Always"}
    generator = {**_generator(_generator_image(placement, settings), spec, settings), **({"volumeMounts": [samples[1]]} if samples else {})}
    # What fetches a model comes before what serves it.
    before = [*pod.spec.get("initContainers", []), server]
    volumes = [*pod.spec["volumes"], *([samples[0]] if samples else [])]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": about.name, "namespace": namespace, "labels": about.labels, "ownerReferences": [about.owner]},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": spec["seconds"],
            "ttlSecondsAfterFinished": KEEP_SECONDS,
            "template": {
                "metadata": {
                    # Of the pod alone: Kueue suspends a Job in a queue, and one that does not begin is told by no pod.
                    "labels": {**about.labels, **label.of_queue(placement.access.queue), **pod.labels},
                    "annotations": left_alone(spec["seconds"]),
                },
                "spec": {**pod.spec, "restartPolicy": "Never", "initContainers": before, "containers": [generator], "volumes": volumes},
            },
        },
    }


def _generator_image(placement: PlacementIntent | CustomIntent, settings: Settings) -> str | None:
    """Of the server's own image, where that has one: the node has it by then."""
    return settings.fetch_image if isinstance(placement, CustomIntent) else placement.image


def _samples(placement: PlacementIntent | CustomIntent) -> Part | None:
    """Optional: where it is missing the generator says so, and no pod waits for it in silence."""
    found = placement.samples if isinstance(placement, CustomIntent) else None
    if found is None:
        return None
    items = [{"key": found.key, "path": SAMPLES_FILE}]
    return (
        {"name": SAMPLES, "configMap": {"name": found.config_map, "items": items, "optional": True}},
        {"name": SAMPLES, "mountPath": SAMPLES_MOUNT, "readOnly": True},
    )


def _generator(image: str | None, spec: Manifest, settings: Settings) -> Manifest:
    return {
        "name": GENERATOR,
        "image": image,
        "imagePullPolicy": settings.image_pull_policy,
        "args": ["probe"],
        "env": [{"name": PROBE_SPEC, "value": json.dumps(spec, sort_keys=True, separators=(",", ":"))}],
        "resources": requests_equal_limits(GENERATOR_RESOURCES, None, GENERATOR_DISK_GIB),
        "securityContext": container_security(),
        "terminationMessagePolicy": "File",
        **({"ports": [{"name": "begin", "containerPort": BEGIN_PORT}]} if "begin" in spec else {}),
    }


def probe_spec(intent: ProbeIntent) -> Manifest:
    """What the generator is told."""
    return _spec(intent.placement, intent.ramp, intent.seconds)


def _spec(placement: PlacementIntent | CustomIntent, ramp: Ramp, seconds: int) -> Manifest:
    return {
        **(_of_samples(placement) if isinstance(placement, CustomIntent) else _of_task(placement, ramp)),
        "objective": {
            "latency": [{"metric": o.metric, "milliseconds": o.milliseconds, "percent": f"{o.percent:g}"} for o in placement.latency]
        },
        "ramp": {
            "first": ramp.first,
            "most": max(ramp.first, ramp.most),
            "halvings": ramp.halvings,
            **({} if ramp.growth == USUAL_GROWTH else {"growth": ramp.growth}),
        },
        "step": {
            "seconds": ramp.step_seconds,
            "requests": STEP_REQUESTS,
            **({} if ramp.between_seconds is None else {"between": ramp.between_seconds}),
        },
        "seconds": seconds,
    }


def _of_task(placement: PlacementIntent, ramp: Ramp) -> Manifest:
    """Requests that the generator makes itself."""
    return {
        "server": {"url": f"http://127.0.0.1:{HTTP_PORT}", "ready": f"http://127.0.0.1:{METRICS_PORT}/readyz"},
        "model": _served_name(placement),
        "task": runtime_word.task(placement.task),
        "lengths": _lengths(ramp, placement),
    }


def _of_samples(placement: CustomIntent) -> Manifest:
    url = f"http://127.0.0.1:{placement.server.port}"
    return {
        "server": {"url": url, "ready": f"{url}{placement.server.probes.ready}"},
        "samples": {"path": f"{SAMPLES_MOUNT}/{SAMPLES_FILE}", "source": str(placement.samples)},
    }


def _length_ramps(asked: LengthRamps) -> Manifest:
    return {
        "factors": list(asked.factors),
        "growth": asked.growth,
        "halvings": asked.halvings,
        "seconds": asked.step_seconds,
        "between": asked.between_seconds,
    }


def _served_name(placement: PlacementIntent) -> str:
    """vLLM may be told to call the model something else."""
    arguments = dict(placement.vllm.arguments) if placement.vllm is not None else {}
    return arguments.get("served-model-name") or placement.model_name


def _lengths(ramp: Ramp, placement: PlacementIntent) -> Manifest:
    told = ramp.lengths or Lengths(input=())
    counts = {direction: _counts(found) for direction, found in (("input", told.input), ("output", told.output)) if found}
    most = placement.vllm.max_model_length if placement.vllm is not None else None
    return {**counts, **({} if most is None else {"most": min(most, MOST_TOKENS)})}


def _counts(cumulative: tuple[tuple[float, int], ...]) -> Manifest:
    """Of the edges that are a number of tokens, and of all requests."""
    finite = [(int(edge), count) for edge, count in cumulative if 1 <= edge <= MOST_TOKENS and math.isfinite(edge)]
    return {"edges": [edge for edge, _ in finite], "counts": [*(count for _, count in finite), cumulative[-1][1]]}
