"""What the operator writes into pods, the runtime reads: both sides of the same sentence."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from steelyard.api.vllm_task import VLLM_TASKS
from steelyard.core.compiling.site import CompileSite
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.snapshot import LatencyObjective, PodAccess, Registries, ServeCache, Settings, VllmOptions
from steelyard.core.placing.intent import PlacementIntent
from steelyard.render.compile_job import CompileJobIntent, compile_job
from steelyard.render.deployment import deployment
from steelyard_runtime.artifacts.cache import cache_from_environment
from steelyard_runtime.artifacts.signature import PUBLIC_KEYS, SIGNING_KEYS
from steelyard_runtime.compile.spec import CompileSpec, compile_spec
from steelyard_runtime.generate.spec import is_text, text_spec
from steelyard_runtime.generate.task import task_of
from steelyard_runtime.models.policy import DownloadPolicy

DIGEST, COMMIT = "sha256:" + "a" * 64, "c" * 40
SETTINGS = Settings(toolchains={}, store_uri="s3://artifacts", hub_endpoint="https://hub.example.com")
PLACEMENT = PlacementIntent(
    key=PlacementKey("cpu", "1a2b3c4d"),
    asked="1a2b3c4d",
    replicas=1,
    backend="openvino",
    image="serve:1",
    artifact_uri="s3://artifacts/uid-1/0/manifest.json",
    artifact_digest=DIGEST,
    model_name="search",
    task="feature-extraction",
    latency=(),
    batch_sizes=(1, 8),
    resources=Resources(1.0, 2.0),
    resource_name=None,
    family="cpu",
    node_selector={},
    tolerations=(),
    scheduler=None,
)
GENERAL = CompileSite(node_selector={}, resources=Resources(1.0, 4.0))
MODELS = {
    "s3://models/encoder": {"digest": DIGEST},
    "pvc://models/encoder": {"digest": DIGEST},
    "oci://registry.example.com/team/encoder": {"digest": DIGEST},
    "hf://org/encoder": {"revision": COMMIT},
}


def job_of(uri: str, settings: Settings, *, secretName: str | None = None, site: CompileSite = GENERAL, **change: Any) -> Any:  # noqa: N803
    """The compile Job of a model."""
    spec = {
        "key": "0" * 64,
        "model": {"uri": uri, "task": "feature-extraction", **MODELS[uri], **({"secretName": secretName} if secretName else {})},
        "backend": "openvino",
        "toolchain": {"openvino": "2026.4.1"},
        "target": "cpu/x86-64",
        "dtype": "Auto",
        "batchSizes": [1, 8],
        "sequenceLengths": [32],
        **change,
    }
    intent = CompileJobIntent(
        namespace="shop",
        namespace_uid="uid-1",
        compiled_name="openvino-0",
        compiled_uid="uid-2",
        spec=spec,
        image="compile:1",
        attempt=1,
        site=site,
    )
    return compile_job(intent, settings)


def steps_of(job: Any) -> dict[str, Any]:
    """The containers of a compile Job by name, in their order."""
    pod = job["spec"]["template"]["spec"]
    return {container["name"]: container for container in (*pod["initContainers"], *pod["containers"])}


def environment_of(uri: str, settings: Settings = SETTINGS, step: str = "fetch", **change: Any) -> dict[str, str]:
    """Of a container of the compile Job."""
    container = steps_of(job_of(uri, settings, **change))[step]
    return {variable["name"]: variable["value"] for variable in container["env"] if "value" in variable}


def told(uri: str, **change: Any) -> CompileSpec:
    """What the runtime makes of it."""
    return compile_spec(environment_of(uri, **change))


@pytest.mark.parametrize("uri", MODELS)
def test_the_runtime_reads_what_the_operator_writes_for_every_source_of_models(uri: str) -> None:
    spec = told(uri)
    assert (spec.model_digest, spec.model_revision) == (MODELS[uri].get("digest"), MODELS[uri].get("revision"))
    assert (spec.task, spec.dtype, spec.quantization) == ("embeddings", "default", "none")
    assert spec.store_uri == "s3://artifacts/uid-1"


@pytest.mark.parametrize(("word", "read"), [("Int8Dynamic", "int8dynamic"), ("Int8WeightOnly", "int8weightonly"), ("None", "none")])
def test_quantisation_is_named_alike_on_both_sides(word: str, read: str) -> None:
    assert told("s3://models/encoder", quantization=word).quantization == read


def test_only_a_compile_that_needs_the_hub_may_go_to_it() -> None:
    hub = environment_of("hf://org/encoder")
    assert (hub["HF_HUB_OFFLINE"], hub["HF_ENDPOINT"]) == ("0", "https://hub.example.com")
    assert not {name for name in environment_of("s3://models/encoder") if name.startswith("HF_")}


def serving(settings: Settings) -> Any:
    """The pod template of a placement."""
    return deployment(WorkloadKey("shop", "search"), "uid-3", PLACEMENT, settings)["spec"]["template"]["spec"]


CACHES = {
    "hostPath": (ServeCache(host_path="/var/cache/x", claim=None, size_bytes=7), {"path": "/var/cache/x", "type": "DirectoryOrCreate"}),
    "persistentVolumeClaim": (ServeCache(host_path=None, claim="near", size_bytes=7), {"claimName": "near"}),
}


@pytest.mark.parametrize("kind", CACHES)
def test_a_server_keeps_what_it_downloads_where_the_configuration_says_and_gives_up_nothing_else(kind: str) -> None:
    place, source = CACHES[kind]
    plain, pod = serving(SETTINGS), serving(replace(SETTINGS, serve_cache=place))
    (container,) = pod["containers"]
    (before,) = plain["containers"]
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    found = cache_from_environment({**environment, "STEELYARD_CACHE_DIR": "/tmp"})  # type: ignore[dict-item]
    assert found is not None
    assert found.limit == 7
    mounted = next(mount["name"] for mount in container["volumeMounts"] if mount["mountPath"] == environment["STEELYARD_CACHE_DIR"])
    assert next(volume for volume in pod["volumes"] if volume["name"] == mounted) == {"name": mounted, kind: source}
    assert (pod["securityContext"], container["securityContext"]) == (plain["securityContext"], before["securityContext"])


def values(container: Any) -> dict[str, str | None]:
    """Environment variables of a container."""
    return {each["name"]: each.get("value") for each in container["env"]}


def test_private_keys_go_to_the_container_that_publishes_alone_and_public_ones_to_all_that_load() -> None:
    settings = replace(SETTINGS, signing_secret="keys", public_keys="PEM", store_secret="writer", store_read_secret="reader")
    steps = steps_of(job_of("s3://models/encoder", settings, secretName="mine"))
    (server,) = serving(settings)["containers"]
    assert {name for name, each in steps.items() if "signing" in {m["name"] for m in each["volumeMounts"]}} == {"publish"}
    assert [values(each).get(SIGNING_KEYS) for each in (*steps.values(), server)] == [None, None, "/var/run/steelyard/signing", None]
    assert [values(each).get(PUBLIC_KEYS) for each in (*steps.values(), server)] == ["PEM", None, "PEM", "PEM"]
    assert [v["secret"]["secretName"] for v in serving(settings)["volumes"] if "secret" in v] == []
    assert [m["readOnly"] for m in steps["publish"]["volumeMounts"] if m["name"] == "signing"] == [True]


def test_each_container_of_a_compile_holds_what_its_step_needs_and_nothing_else() -> None:
    settings = replace(SETTINGS, store_secret="writer", store_read_secret="reader")
    steps = steps_of(job_of("hf://org/encoder", settings, secretName="hub-token"))
    assert list(steps) == ["fetch", "compile", "publish"]
    assert [each["args"] for each in steps.values()] == [["fetch"], ["compile"], ["publish"]]
    assert secrets_of(steps["fetch"]) == {**keys("reader"), "HF_TOKEN": "hub-token/HF_TOKEN"}
    assert [each["name"] for each in steps["compile"]["env"]] == ["STEELYARD_COMPILE_SPEC"]
    assert secrets_of(steps["publish"]) == keys("writer")


def test_the_container_that_compiles_reads_the_store_only_for_graphs_that_checkpoints_share() -> None:
    settings = replace(SETTINGS, store_secret="writer", store_read_secret="reader", store_uri="pvc://artifacts")
    alone, shared = (steps_of(job_of("s3://models/encoder", settings, flags=flags))["compile"] for flags in ([], ["--separate-weights"]))
    assert (secrets_of(alone), secrets_of(shared)) == ({}, keys("reader"))
    assert [m["name"] for m in alone["volumeMounts"]] == ["tmp-compile", "fetched", "made"]
    assert [m["readOnly"] for m in shared["volumeMounts"] if m["name"] == "store"] == [True]


@pytest.mark.parametrize("uri", ["s3://models/encoder", "pvc://models/encoder"])
def test_what_one_container_has_written_the_next_can_only_read(uri: str) -> None:
    job = job_of(uri, replace(SETTINGS, store_uri="pvc://artifacts", compile_disk_gib=3.0))
    writes = {name: sorted(m["name"] for m in each["volumeMounts"] if not m.get("readOnly")) for name, each in steps_of(job).items()}
    assert writes == {"fetch": ["fetched", "tmp-fetch"], "compile": ["made", "tmp-compile"], "publish": ["store", "tmp-publish"]}
    pod = job["spec"]["template"]["spec"]
    assert {m["name"] for each in steps_of(job).values() for m in each["volumeMounts"]} == {v["name"] for v in pod["volumes"]}
    assert {v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if "emptyDir" in v} == {"3072Mi"}
    assert {each["resources"]["limits"]["ephemeral-storage"] for each in steps_of(job).values()} == {"3072Mi"}


def test_pods_are_pulled_and_known_as_the_workload_says_and_hold_no_token() -> None:
    named = PodAccess(pull_secrets=("registry",), account="models", compile_account="models-compile")
    made = deployment(WorkloadKey("shop", "search"), "uid-3", replace(PLACEMENT, access=named), SETTINGS)["spec"]["template"]["spec"]
    spec = {"imagePullSecrets": ["registry"], "serviceAccountName": "models-compile"}
    job = job_of("s3://models/encoder", SETTINGS, **spec)["spec"]["template"]["spec"]
    for pod, account in ((made, "models"), (job, "models-compile")):
        assert (pod["imagePullSecrets"], pod["serviceAccountName"]) == ([{"name": "registry"}], account)
        assert pod["automountServiceAccountToken"] is False
    for pod in (serving(SETTINGS), job_of("s3://models/encoder", SETTINGS)["spec"]["template"]["spec"]):
        assert not {"imagePullSecrets", "serviceAccountName"} & pod.keys()


def test_a_placement_in_a_queue_says_so_on_its_deployment_and_on_its_pods_alone() -> None:
    queue = {"kueue.x-k8s.io/queue-name": "team-a"}
    workload = WorkloadKey("shop", "search")
    plain, made = (
        deployment(workload, "uid-3", replace(PLACEMENT, access=access), SETTINGS) for access in (PodAccess(), PodAccess(queue="team-a"))
    )
    assert made["metadata"]["labels"] == {**plain["metadata"]["labels"], **queue}
    assert made["spec"]["template"]["metadata"]["labels"] == {**plain["spec"]["template"]["metadata"]["labels"], **queue}
    assert made["spec"]["selector"] == plain["spec"]["selector"], "what is in no queue is selected all the same"
    assert made["metadata"]["name"] == plain["metadata"]["name"]


def test_a_compile_has_the_disk_that_its_workload_asks_for_and_half_of_it_is_for_the_model() -> None:
    settings = replace(SETTINGS, compile_disk_gib=10.0)
    plain, large = (job_of("s3://models/encoder", settings, site=site) for site in (GENERAL, replace(GENERAL, disk_gib=60.0)))
    for job, gib in ((plain, 10), (large, 60)):
        pod = job["spec"]["template"]["spec"]
        asked = {
            each["resources"][kind]["ephemeral-storage"]
            for each in (*pod["initContainers"], *pod["containers"])
            for kind in ("requests", "limits")
        }
        assert asked == {f"{gib * 1024}Mi"}
        assert {each["emptyDir"]["sizeLimit"] for each in pod["volumes"] if "sizeLimit" in each.get("emptyDir", {})} == {f"{gib * 1024}Mi"}
        (told,) = {env["value"] for each in pod["initContainers"] for env in each["env"] if env["name"] == "STEELYARD_COMPILE_SPEC"}
        assert json.loads(told)["download"]["maxBytes"] == gib * 2**30 // 2


def test_a_serving_pod_gets_disk_for_its_artifact_and_what_is_made_of_it() -> None:
    for size, limit in ((1 << 30, "4096Mi"), (None, "20480Mi")):
        made = deployment(WorkloadKey("shop", "search"), "uid-3", replace(PLACEMENT, artifact_bytes=size), SETTINGS)
        pod = made["spec"]["template"]["spec"]
        resources = pod["containers"][0]["resources"]
        assert resources["requests"]["ephemeral-storage"] == resources["limits"]["ephemeral-storage"] == limit
        assert [v["emptyDir"]["sizeLimit"] for v in pod["volumes"] if "emptyDir" in v] == [limit]


def test_who_sets_no_cache_gets_the_pod_that_was_made_before_there_was_one() -> None:
    pod = serving(SETTINGS)
    with_cache = replace(SETTINGS, serve_cache=CACHES["hostPath"][0])
    made, other = (deployment(WorkloadKey("shop", "search"), "uid-3", PLACEMENT, each) for each in (SETTINGS, with_cache))
    assert made["metadata"] == other["metadata"], "the same Deployment, whose template is not written again"
    (container,) = pod["containers"]
    assert [variable["name"] for variable in container["env"]] == [
        "STEELYARD_SERVE_SPEC",
        "STEELYARD_CACHE_DIR",
        "POD_NAME",
        "AWS_REGION",
    ]
    assert container["env"][1]["value"] == "/tmp/artifacts"
    assert container["volumeMounts"] == [{"name": "tmp", "mountPath": "/tmp"}]
    assert pod["volumes"] == [{"name": "tmp", "emptyDir": {"sizeLimit": "20480Mi"}}]


def secrets_of(container: Any) -> dict[str, str]:
    """By environment variable of a container, the Secret and the key that it comes from."""
    assert "envFrom" not in container, "of a Secret only what is named"
    sources = {each["name"]: each["valueFrom"]["secretKeyRef"] for each in container["env"] if "secretKeyRef" in each.get("valueFrom", {})}
    return {name: f"{source['name']}/{source['key']}" for name, source in sources.items()}


def keys(secret: str, prefix: str = "") -> dict[str, str]:
    return {f"{prefix}{key}": f"{secret}/{key}" for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")}


@pytest.mark.parametrize(("reader", "read_by"), [(None, {}), ("reader", keys("reader"))])
def test_a_serving_pod_gets_no_secret_but_the_one_to_read_the_store_with(reader: str | None, read_by: dict[str, str]) -> None:
    settings = replace(SETTINGS, store_secret="writer", store_read_secret=reader)
    (container,) = serving(settings)["containers"]
    assert secrets_of(container) == read_by


@pytest.mark.parametrize(
    ("uri", "taken"),
    [
        ("s3://models/encoder", keys("mine", "MODEL_")),
        ("pvc://models/encoder", {}),
        ("hf://org/encoder", {"HF_TOKEN": "mine/HF_TOKEN"}),
        ("oci://registry.example.com/team/encoder", {"OCI_USERNAME": "mine/OCI_USERNAME", "OCI_PASSWORD": "mine/OCI_PASSWORD"}),
    ],
)
def test_of_a_users_secret_a_pod_gets_the_credentials_of_its_source_and_nothing_that_could_send_it_elsewhere(
    uri: str, taken: dict[str, str]
) -> None:
    assert secrets_of(steps_of(job_of(uri, SETTINGS, secretName="mine"))["fetch"]) == taken


def test_what_a_download_may_do_is_the_configurations_word() -> None:
    registries = Registries(
        allowed=("registry.example.com",),
        private=("minio:9000",),
        plain_http=("minio:9000",),
        token_hosts={"r.example.com": "id.example.com"},
    )
    settings = replace(SETTINGS, registries=registries, compile_disk_gib=2.0)
    assert told("oci://registry.example.com/team/encoder", settings=settings).download == DownloadPolicy(
        registries=("registry.example.com",),
        private=("minio:9000",),
        plain_http=("minio:9000",),
        token_hosts={"r.example.com": "id.example.com"},
        max_bytes=1 << 30,
    )


ON_A_POOL = CompileSite(
    node_selector={"pool": "gpu", "arch": "amd64"},
    resources=Resources(1.0, 4.0, 1.0),
    pool="gpu",
    resource_name="nvidia.com/gpu",
    tolerations=({"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"},),
    scheduler="bin-packer",
    runtime_class="nvidia",
)


def test_a_compile_that_takes_a_device_is_placed_as_the_serving_pods_of_its_pool_are() -> None:
    job = job_of("s3://models/encoder", SETTINGS, site=ON_A_POOL)
    serving = deployment(
        WorkloadKey("shop", "search"),
        "uid-3",
        replace(
            PLACEMENT,
            resources=ON_A_POOL.resources,
            resource_name=ON_A_POOL.resource_name,
            node_selector=ON_A_POOL.node_selector,
            tolerations=ON_A_POOL.tolerations,
            scheduler=ON_A_POOL.scheduler,
            runtime_class=ON_A_POOL.runtime_class,
        ),
        SETTINGS,
    )
    ours, theirs = job["spec"]["template"]["spec"], serving["spec"]["template"]["spec"]
    for part in ("nodeSelector", "tolerations", "schedulerName", "runtimeClassName"):
        assert ours[part] == theirs[part]
    assert ours["runtimeClassName"] == "nvidia"
    devices = [each["resources"]["limits"].get("nvidia.com/gpu") for each in (*steps_of(job).values(), theirs["containers"][0])]
    assert devices == ["1", "1", None, "1"], "what publishes needs none, and its pod has one"
    assert job["metadata"]["labels"]["steelyard.dev/pool"] == job["spec"]["template"]["metadata"]["labels"]["steelyard.dev/pool"] == "gpu"


def test_a_compile_on_general_nodes_names_no_pool_and_asks_for_no_device() -> None:
    job = job_of("s3://models/encoder", SETTINGS)
    assert "steelyard.dev/pool" not in job["metadata"]["labels"]
    pod = job["spec"]["template"]["spec"]
    assert not {"nodeSelector", "tolerations", "schedulerName", "runtimeClassName"} & pod.keys()
    assert [each["resources"]["limits"] for each in steps_of(job).values()] == [
        {"cpu": "1000m", "memory": "4096Mi", "ephemeral-storage": "10240Mi"}
    ] * 3


def test_a_server_of_text_is_told_what_it_reads_and_has_shared_memory_and_time_to_start() -> None:
    options = VllmOptions(max_model_length=4096, max_sequences=16, memory_percent=80, arguments=(("seed", "3"),))
    promised = (
        LatencyObjective(metric="ttft", milliseconds=400, percent=95.0),
        LatencyObjective(metric="itl", milliseconds=50, percent=95.0),
    )
    intent = replace(PLACEMENT, backend="vllm", task="text-generation", latency=promised, batch_sizes=(1,), vllm=options)
    made = deployment(WorkloadKey("team", "search"), "uid-1", intent, SETTINGS)
    pod = made["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    told = {each["name"]: each.get("value", "") for each in container["env"]}
    assert is_text(told)
    spec = text_spec(told)
    assert (spec.model, spec.limit, spec.words) == ("search", 64, ("--gpu-memory-utilization=0.80", "--seed=3"))
    assert [each["metric"] for each in spec.latency] == ["ttft", "itl"]
    assert {"name": "shm", "mountPath": "/dev/shm"} in container["volumeMounts"]
    assert container["startupProbe"]["failureThreshold"] * container["startupProbe"]["periodSeconds"] >= 3600
    assert made["spec"]["progressDeadlineSeconds"] > 3600


def test_preparing_a_model_for_vllm_has_shared_memory_and_no_other_compile_has() -> None:
    uri = "s3://models/encoder"
    for backend, shared in (("vllm", True), ("openvino", False)):
        container = steps_of(job_of(uri, SETTINGS, backend=backend))["compile"]
        assert any(mount["mountPath"] == "/dev/shm" for mount in container["volumeMounts"]) == shared


@pytest.mark.parametrize(
    ("memory", "parallel", "size"), [(64.0, 1, "2048Mi"), (64.0, 4, "8192Mi"), (3.0, 1, "1536Mi"), (16.0, 8, "8192Mi")]
)
def test_memory_that_processes_share_grows_with_them_and_is_half_of_the_pods_at_most(memory: float, parallel: int, size: str) -> None:
    intent = replace(PLACEMENT, backend="vllm", vllm=VllmOptions(), resources=Resources(1.0, memory), tensor_parallel=parallel)
    site = replace(GENERAL, resources=Resources(1.0, memory))
    for made in (
        deployment(WorkloadKey("team", "search"), "uid-1", intent, SETTINGS),
        job_of("s3://models/encoder", SETTINGS, backend="vllm", tensorParallel=parallel, site=site),
    ):
        (volume,) = (each for each in made["spec"]["template"]["spec"]["volumes"] if each["name"] == "shm")
        assert volume["emptyDir"] == {"medium": "Memory", "sizeLimit": size}


@pytest.mark.parametrize("task", ["feature-extraction", "sentence-similarity", "text-classification", "text-ranking"])
def test_a_server_that_pools_is_told_its_task_in_words_that_it_knows(task: str) -> None:
    promised = (LatencyObjective(metric="e2e", milliseconds=400, percent=95.0),)
    intent = replace(PLACEMENT, backend="vllm", task=task, latency=promised, vllm=VllmOptions())
    pod = deployment(WorkloadKey("team", "search"), "uid-1", intent, SETTINGS)["spec"]["template"]["spec"]
    told = {each["name"]: each.get("value", "") for each in pod["containers"][0]["env"]}
    assert is_text(told)
    assert task_of(text_spec(told).task).pools
    assert tuple(sorted(VLLM_TASKS)) == (
        "feature-extraction",
        "sentence-similarity",
        "text-classification",
        "text-generation",
        "text-ranking",
    )
