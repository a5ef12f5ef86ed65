"""The Job of a probe: the server as its Deployment has it, and beside it what asks it, told so that it understands."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.probe import Lengths, Ramp
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.samples import Samples
from steelyard.core.facts.snapshot import LatencyObjective, PodAccess, ServeCache, Settings, VllmOptions
from steelyard.core.placing.intent import CustomIntent, PlacementIntent, ProbeIntent
from steelyard.render import label
from steelyard.render.deployment import HTTP_PORT, deployment
from steelyard.render.probe_job import probe_job
from steelyard_runtime.load.lengths import Lengths as Drawn
from steelyard_runtime.load.probe_spec import Objective, ProbeSpec, probe_spec
from steelyard_runtime.load.samples import Samples as Understood
from unit.render.test_custom_server import MODEL
from unit.render.test_custom_server import SETTINGS as WITH_FETCHER
from unit.render.test_custom_server import intent as custom
from unit.render.test_what_pods_are_told import PLACEMENT, SETTINGS, values

WORKLOAD = WorkloadKey("shop", "search")
RAMP = Ramp(first=2.5, most=40.0, step_seconds=12, halvings=3)
RICH = replace(
    PLACEMENT,
    latency=(LatencyObjective(metric="e2e", milliseconds=100, percent=99.5),),
    node_selector={"pool": "p"},
    tolerations=({"key": "p", "operator": "Exists"},),
    scheduler="volcano",
    runtime_class="nvidia",
    access=PodAccess(pull_secrets=("pull",), account="models"),
    resource_name="nvidia.com/gpu",
    resources=Resources(1.0, 2.0, 1.0),
)


def job_of(
    placement: PlacementIntent | CustomIntent = RICH, settings: Settings = SETTINGS, ramp: Ramp = RAMP, move: str = "20260101t000000-p"
) -> Any:
    return probe_job(WORKLOAD, "uid-3", ProbeIntent(move=move, placement=placement, ramp=ramp, seconds=900), settings)


def containers_of(job: Any) -> tuple[Any, Any]:
    """What serves, and what asks."""
    pod = job["spec"]["template"]["spec"]
    (*_, server), (generator,) = pod["initContainers"], pod["containers"]
    return server, generator


def told(**change: Any) -> ProbeSpec:
    """What the generator makes of it."""
    _, generator = containers_of(job_of(**change))
    return probe_spec({name: value for name, value in values(generator).items() if value is not None})


@pytest.mark.parametrize(
    "settings", [SETTINGS, replace(SETTINGS, store_uri="pvc://store", serve_cache=ServeCache(host_path="/c", claim=None, size_bytes=7))]
)
def test_the_server_is_the_one_of_its_deployment_and_goes_on_beside_what_asks_it(settings: Settings) -> None:
    job, serving = job_of(settings=settings), deployment(WORKLOAD, "uid-3", RICH, settings)["spec"]["template"]["spec"]
    server, generator = containers_of(job)
    assert server == {**serving["containers"][0], "restartPolicy": "Always"}
    assert generator["image"] == server["image"], "which the node has by then"
    pod = job["spec"]["template"]["spec"]
    same = {name: part for name, part in pod.items() if name not in {"initContainers", "containers", "restartPolicy"}}
    assert same == {name: part for name, part in serving.items() if name != "containers"}
    assert pod["restartPolicy"] == "Never" and pod["automountServiceAccountToken"] is False


def test_the_pod_of_a_probe_is_in_the_queue_and_its_job_is_not_suspended_there() -> None:
    job = job_of(replace(RICH, access=PodAccess(queue="team-a")))
    assert job["spec"]["template"]["metadata"]["labels"] == {**job["metadata"]["labels"], "kueue.x-k8s.io/queue-name": "team-a"}
    assert "kueue.x-k8s.io/queue-name" not in job["metadata"]["labels"]


def test_the_generator_is_small_holds_no_credentials_and_writes_nowhere() -> None:
    _, generator = containers_of(job_of(settings=replace(SETTINGS, store_read_secret="reader", public_keys="PEM")))
    assert [each["name"] for each in generator["env"]] == ["STEELYARD_PROBE_SPEC"]
    assert "volumeMounts" not in generator and "ports" not in generator
    assert generator["securityContext"]["readOnlyRootFilesystem"] and not generator["securityContext"]["allowPrivilegeEscalation"]
    assert (
        generator["resources"]["requests"]
        == generator["resources"]["limits"]
        == {"cpu": "500m", "memory": "384Mi", "ephemeral-storage": "64Mi"}
    )


def test_it_is_the_workloads_and_no_service_selects_it() -> None:
    job = job_of()
    labels = job["spec"]["template"]["metadata"]["labels"]
    assert (
        labels
        == job["metadata"]["labels"]
        == {
            "app.kubernetes.io/managed-by": "steelyard",
            "steelyard.dev/workload": "search",
            "steelyard.dev/pool": "cpu",
            "steelyard.dev/revision": "1a2b3c4d",
            "steelyard.dev/role": "probe",
            "steelyard.dev/move": "20260101t000000-p",
        }
    )
    for selector in (label.serving(WORKLOAD), label.selector(WORKLOAD, RICH.key)):
        assert not selector.items() <= labels.items()
    (owner,) = job["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("InferenceWorkload", "uid-3", True)


def test_it_is_tried_once_and_has_an_end() -> None:
    spec = job_of()["spec"]
    assert (spec["backoffLimit"], spec["activeDeadlineSeconds"], spec["ttlSecondsAfterFinished"]) == (0, 900, 3600)
    annotations = spec["template"]["metadata"]["annotations"]
    assert annotations == {"karpenter.sh/do-not-disrupt": "900s", "cluster-autoscaler.kubernetes.io/safe-to-evict": "false"}


def test_each_move_and_each_of_its_ends_has_a_job_of_its_own_whose_name_is_short_enough() -> None:
    other = replace(RICH, key=PlacementKey("cpu", "00000000"))
    names = {job_of()["metadata"]["name"], job_of(move="m2")["metadata"]["name"], job_of(other)["metadata"]["name"]}
    assert len(names) == 3
    assert all(len(name) + 32 - len("search") <= 63 and name.startswith("search-probe-") for name in names)
    assert job_of() == job_of()


def test_the_generator_understands_what_it_is_told() -> None:
    spec = told()
    assert (spec.url, spec.ready) == (f"http://127.0.0.1:{HTTP_PORT}", "http://127.0.0.1:9090/readyz")
    assert (spec.model, spec.task.name, spec.first, spec.most, spec.halvings, spec.step_seconds, spec.seconds) == (
        "search",
        "embeddings",
        2.5,
        40,
        3,
        12,
        900,
    )
    (objective,) = spec.objectives
    assert (objective.metric, objective.seconds) == ("e2e", 0.1) and objective.allowed == pytest.approx(0.005)


def test_text_is_asked_of_the_name_under_which_vllm_serves_it() -> None:
    latency = (LatencyObjective(metric="ttft", milliseconds=500, percent=95), LatencyObjective(metric="itl", milliseconds=50, percent=90))
    text = replace(
        RICH, backend="vllm", task="text-generation", latency=latency, vllm=VllmOptions(arguments=(("served-model-name", "chat"),))
    )
    spec = told(placement=text)
    assert spec.task is None and spec.model == "chat"
    assert spec.objectives == (Objective("ttft", 0.5, pytest.approx(0.05)), Objective("itl", 0.05, pytest.approx(0.1)))
    assert told(placement=replace(text, vllm=VllmOptions())).model == "search"
    assert told(placement=replace(text, vllm=VllmOptions(max_model_length=2048))).most_tokens == 2048, "and nothing longer than it takes"


CUSTOM = custom(model=MODEL, latency=RICH.latency, samples=Samples(config_map="asked", key="peak.jsonl"))


def test_a_program_of_the_users_own_is_asked_at_its_own_port_what_the_samples_say() -> None:
    spec = told(placement=CUSTOM, settings=WITH_FETCHER)
    assert (spec.url, spec.ready) == ("http://127.0.0.1:8000", "http://127.0.0.1:8000/ready")
    assert spec.samples == Understood(Path("/var/run/steelyard/samples/requests.jsonl"), "key peak.jsonl of ConfigMap asked")
    assert spec.task is spec.graph is None and spec.objectives == told().objectives


def test_its_model_is_fetched_before_it_begins_and_its_server_runs_as_its_deployment_has_it() -> None:
    pod = job_of(CUSTOM, WITH_FETCHER)["spec"]["template"]
    fetcher, server = pod["spec"]["initContainers"]
    serving = deployment(WORKLOAD, "uid-3", CUSTOM, WITH_FETCHER)["spec"]["template"]
    assert fetcher == serving["spec"]["initContainers"][0]
    assert server == {**serving["spec"]["containers"][0], "restartPolicy": "Always"}
    for kind in ("steelyard.dev/server", "steelyard.dev/fetches"):
        assert pod["metadata"]["labels"][kind] == serving["metadata"]["labels"][kind]
    without = replace(CUSTOM, model=None)
    (alone,) = job_of(without, WITH_FETCHER)["spec"]["template"]["spec"]["initContainers"]
    (program,) = deployment(WORKLOAD, "uid-3", without, WITH_FETCHER)["spec"]["template"]["spec"]["containers"]
    assert alone == {**program, "restartPolicy": "Always"}


def test_the_generator_alone_sees_the_samples_and_is_no_program_of_the_users_own() -> None:
    pod = job_of(CUSTOM, WITH_FETCHER)["spec"]["template"]["spec"]
    (generator,) = pod["containers"]
    assert generator["image"] == WITH_FETCHER.fetch_image and generator["args"] == ["probe"]
    (mount,) = generator["volumeMounts"]
    assert mount == {"name": "samples", "mountPath": "/var/run/steelyard/samples", "readOnly": True}
    (volume,) = (each for each in pod["volumes"] if "configMap" in each)
    items = [{"key": "peak.jsonl", "path": "requests.jsonl"}]
    assert volume == {"name": "samples", "configMap": {"name": "asked", "items": items, "optional": True}}
    assert not any(each["name"] == "samples" for container in pod["initContainers"] for each in container["volumeMounts"])


@pytest.mark.parametrize(
    ("seen", "drawn"),
    [
        (((1.0, 0), (4.0, 7), (math.inf, 9)), Drawn((1, 4), (0, 7, 9))),
        (((math.inf, 9),), None),
        (((0.5, 1), (2.0, 3), (1e12, 5), (math.inf, 9)), Drawn((2,), (3, 9))),
        (((1.0, 0), (math.inf, 0)), None),
    ],
)
def test_lengths_are_sent_as_they_were_seen(seen: Any, drawn: Drawn | None) -> None:
    spec = told(ramp=replace(RAMP, lengths=Lengths(input=seen)))
    assert (spec.input if isinstance(spec.input, Drawn) else None) == drawn
    assert not isinstance(spec.output, Drawn)
