"""The pod of a program of the user's own: theirs is what runs in it, ours is everything else."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from steelyard.core.facts.custom import Custom, Drain, Probes, Variable, Variant
from steelyard.core.facts.identity import PlacementKey, WorkloadKey
from steelyard.core.facts.resources import Resources
from steelyard.core.facts.server_page import ServerPage
from steelyard.core.facts.snapshot import Model, PodAccess, Registries, ServeCache, Settings
from steelyard.core.placing.intent import CustomIntent, Intent
from steelyard.render.deployment import deployment
from steelyard.render.objects import desired
from steelyard_runtime.models.fetching import wanted_model
from steelyard_runtime.models.policy import DownloadPolicy

IMAGE, DIGEST, COMMIT = f"example.com/ranker@sha256:{'a' * 64}", f"sha256:{'b' * 64}", "c" * 40
WORKLOAD = WorkloadKey("shop", "ranker")
SETTINGS = Settings(
    toolchains={},
    store_uri="s3://artifacts",
    store_read_secret="store-read",
    store_endpoint="http://minio:9000",
    hub_endpoint="https://hub.example.com",
    fetch_image="runtime:1",
    public_keys="PEM",
    serve_cache=ServeCache(host_path="/var/cache/x", claim=None, size_bytes=7),
)
CUSTOM = Custom(
    general=Variant(
        image=IMAGE,
        command=("serve",),
        args=("--workers=2",),
        env=(Variable(name="LEVEL", value="info"), Variable(name="KEY", secret=("serving-ranker", "token"))),
    ),
    families=("nvidia",),
    port=8000,
    model_path="/models/ranker",
    disk_gib=30.0,
    probes=Probes(live="/live", ready="/ready", startup_seconds=302),
    drain=Drain(delay_seconds=10, timeout_seconds=60),
    page=ServerPage(promises=(), profile="mlserver", port=8082),
)
MODEL = Model(uri="s3://models/ranker", digest=DIGEST, revision=None, task="", secret_name="models")


def intent(custom: Custom = CUSTOM, model: Model | None = None, **changes: Any) -> CustomIntent:
    program = custom.program("nvidia")
    assert program is not None
    plain = CustomIntent(
        key=PlacementKey("gpus", "1a2b3c4d"),
        asked="5e6f7a8b",
        replicas=2,
        program=program,
        server=custom,
        model=model,
        resources=Resources(3.0, 12.0, 1.0),
        resource_name="nvidia.com/gpu",
        node_selector={"pool": "gpus"},
        tolerations=({"key": "gpu", "operator": "Exists"},),
        scheduler=None,
        runtime_class="nvidia",
        access=PodAccess(pull_secrets=("registry",), account="models"),
    )
    return replace(plain, **changes)


def made(of: CustomIntent, settings: Settings = SETTINGS) -> Any:
    return deployment(WORKLOAD, "uid-1", of, settings)


def pod(of: CustomIntent, settings: Settings = SETTINGS) -> Any:
    return made(of, settings)["spec"]["template"]["spec"]


RESTRICTED = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
SIZE = {"cpu": "3000m", "memory": "12288Mi", "ephemeral-storage": "30720Mi", "nvidia.com/gpu": "1"}


def test_the_pod_is_the_known_one() -> None:
    assert pod(intent()) == {
        "automountServiceAccountToken": False,
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccountName": "models",
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 65532,
            "runAsGroup": 65532,
            "fsGroup": 65532,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "terminationGracePeriodSeconds": 75,
        "containers": [
            {
                "name": "server",
                "image": IMAGE,
                "imagePullPolicy": "IfNotPresent",
                "command": ["serve"],
                "args": ["--workers=2"],
                "env": [
                    {"name": "HOME", "value": "/tmp"},
                    {"name": "LEVEL", "value": "info"},
                    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "serving-ranker", "key": "token"}}},
                ],
                "ports": [{"name": "http", "containerPort": 8000}, {"name": "metrics", "containerPort": 8082}],
                "resources": {"requests": SIZE, "limits": SIZE},
                "startupProbe": {
                    "httpGet": {"path": "/ready", "port": "http"},
                    "timeoutSeconds": 5,
                    "periodSeconds": 5,
                    "failureThreshold": 61,
                },
                "readinessProbe": {
                    "httpGet": {"path": "/ready", "port": "http"},
                    "timeoutSeconds": 5,
                    "periodSeconds": 5,
                    "failureThreshold": 2,
                },
                "livenessProbe": {
                    "httpGet": {"path": "/live", "port": "http"},
                    "timeoutSeconds": 5,
                    "periodSeconds": 10,
                    "failureThreshold": 3,
                },
                "lifecycle": {"preStop": {"sleep": {"seconds": 10}}},
                "securityContext": RESTRICTED,
                "terminationMessagePolicy": "FallbackToLogsOnError",
                "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}, {"name": "shm", "mountPath": "/dev/shm"}],
            }
        ],
        "volumes": [
            {"name": "tmp", "emptyDir": {"sizeLimit": "30720Mi"}},
            {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "2048Mi"}},
        ],
        "nodeSelector": {"pool": "gpus"},
        "tolerations": [{"key": "gpu", "operator": "Exists"}],
        "runtimeClassName": "nvidia",
    }


def test_its_pods_say_what_they_are_and_its_deployment_names_no_artifact() -> None:
    found = made(intent())
    labels = found["spec"]["template"]["metadata"]["labels"]
    assert (labels["steelyard.dev/server"], "steelyard.dev/fetches" in labels) == ("custom", False)
    assert "steelyard.dev/server" not in found["spec"]["selector"]["matchLabels"]
    assert found["metadata"]["annotations"] == {"steelyard.dev/asked": "5e6f7a8b"}
    assert found["spec"]["progressDeadlineSeconds"] > 302
    assert made(intent(model=MODEL))["spec"]["template"]["metadata"]["labels"]["steelyard.dev/fetches"] == "model"


def test_nothing_of_the_store_is_in_its_pod() -> None:
    text = json.dumps(pod(intent(model=MODEL)))
    assert not {each for each in ("store-read", "artifacts", "PEM", "/var/cache/x") if each in text}


MODELS = {
    "s3": MODEL,
    "a claim": Model(uri="pvc://claim/ranker", digest=DIGEST, revision=None, task=""),
    "a registry": Model(uri="oci://registry.example.com/ranker", digest=DIGEST, revision=None, task="", secret_name="models"),
    "the hub": Model(uri="hf://org/ranker", digest=None, revision=COMMIT, task="", secret_name="models"),
}


@pytest.mark.parametrize("source", MODELS)
def test_a_model_is_fetched_by_the_runtime_and_read_only_to_the_program(source: str) -> None:
    found = pod(intent(model=MODELS[source]))
    [fetcher], [server] = found["initContainers"], found["containers"]
    assert (fetcher["image"], fetcher["args"], fetcher["securityContext"]) == ("runtime:1", ["fetch-model"], RESTRICTED)
    [seen] = [m for m in server["volumeMounts"] if m["mountPath"] == "/models/ranker"]
    [written] = [m for m in fetcher["volumeMounts"] if m["name"] == seen["name"]]
    assert (seen["readOnly"], "readOnly" in written) == (True, False)
    volumes = {v["name"]: v for v in found["volumes"]}
    assert "emptyDir" in volumes[seen["name"]], "a copy, that nobody else can change"
    assert all("emptyDir" in volumes[m["name"]] for m in server["volumeMounts"])
    assert len(volumes) == len(found["volumes"])
    assert {m["name"] for c in (server, fetcher) for m in c["volumeMounts"]} == set(volumes)


@pytest.mark.parametrize("source", MODELS)
def test_the_runtime_reads_what_the_operator_writes_for_it(source: str) -> None:
    model = MODELS[source]
    [fetcher] = pod(intent(model=model))["initContainers"]
    wanted = wanted_model({v["name"]: v["value"] for v in fetcher["env"] if "value" in v})
    assert (wanted.digest, wanted.revision) == (model.digest, model.revision)
    assert str(wanted.into) in {m["mountPath"] for m in fetcher["volumeMounts"]}
    assert wanted.policy.max_bytes == 15 * 2**30
    assert "spec.server.custom.disk" in wanted.policy.remedy
    if source == "a claim":
        assert wanted.uri == "file:///var/lib/steelyard/model/ranker"


def test_only_what_fetches_has_the_keys_to_the_models_source_and_the_network_the_platform_team_allows() -> None:
    registries = Registries(allowed=("registry.example.com",), private=("registry.example.com",), plain_http=(), token_hosts={})
    found = pod(intent(model=MODELS["a registry"]), replace(SETTINGS, registries=registries))
    [fetcher], [server] = found["initContainers"], found["containers"]
    assert {v["name"] for v in fetcher["env"] if "valueFrom" in v} == {"OCI_USERNAME", "OCI_PASSWORD"}
    assert "models" not in json.dumps(server["env"])
    policy = wanted_model({v["name"]: v["value"] for v in fetcher["env"] if "value" in v}).policy
    assert policy == DownloadPolicy(
        registries=("registry.example.com",), private=("registry.example.com",), max_bytes=policy.max_bytes, remedy=policy.remedy
    )
    [of_s3] = pod(intent(model=MODEL))["initContainers"]
    told = {v["name"]: v.get("value") for v in of_s3["env"]}
    assert (told["AWS_ENDPOINT_URL"], "MODEL_AWS_ACCESS_KEY_ID" in told, "AWS_ACCESS_KEY_ID" in told) == ("http://minio:9000", True, False)
    [of_hub] = pod(intent(model=MODELS["the hub"]))["initContainers"]
    assert {v["name"]: v.get("value") for v in of_hub["env"]}["HF_ENDPOINT"] == "https://hub.example.com"


@pytest.mark.parametrize("store", ["", "pvc://artifacts", "s3://artifacts"])
def test_a_model_of_s3_is_fetched_from_the_configured_region_whatever_the_store_is(store: str) -> None:
    [fetcher] = pod(intent(model=MODEL), replace(SETTINGS, store_uri=store, store_region="eu-central-1"))["initContainers"]
    assert {"name": "AWS_REGION", "value": "eu-central-1"} in fetcher["env"]


def test_what_fetches_makes_the_pod_no_larger_and_takes_no_device() -> None:
    found = pod(intent(model=MODEL))
    of_fetcher, of_server = (c["resources"]["requests"] for c in (found["initContainers"][0], found["containers"][0]))
    assert {name: of_server[name] for name in of_fetcher} == of_fetcher
    assert "nvidia.com/gpu" not in of_fetcher


def test_one_port_is_listed_once_and_a_home_of_ones_own_stays() -> None:
    same = replace(CUSTOM, page=replace(CUSTOM.page, port=8000), general=replace(CUSTOM.general, env=(Variable(name="HOME", value="/x"),)))
    [server] = pod(intent(same))["containers"]
    assert server["ports"] == [{"name": "http", "containerPort": 8000}]
    assert server["env"] == [{"name": "HOME", "value": "/x"}]


def test_without_a_delay_it_is_told_to_end_at_once() -> None:
    [server] = pod(intent(replace(CUSTOM, drain=Drain(delay_seconds=0, timeout_seconds=60))))["containers"]
    assert "lifecycle" not in server


def test_services_find_its_port_by_name() -> None:
    wanted = desired(Intent(workload=WORKLOAD, workload_uid="uid-1", create=(intent(),)), SETTINGS)
    assert [m["kind"] for m in wanted.present] == ["Service", "PodDisruptionBudget", "Service", "Deployment"]
    assert all(m["spec"]["ports"][0]["targetPort"] == "http" for m in wanted.present if m["kind"] == "Service")
    assert not wanted.compiled
