"""What a running object tells of its server, and the InferenceWorkload that measures it: ten lines that change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.cli.group import API_VERSION, WORKLOAD
from steelyard.cli.promise import METRICS, Promise
from steelyard.status.raw import Raw

LONGEST_NAME = 32
"""Of a workload."""
KINDS: Mapping[str, tuple[str, str, str]] = {
    "deployment": ("Deployment", "/apis/apps/v1", "deployments"),
    "statefulset": ("StatefulSet", "/apis/apps/v1", "statefulsets"),
    "leaderworkerset": ("LeaderWorkerSet", "/apis/leaderworkerset.x-k8s.io/v1", "leaderworkersets"),
    "inferenceservice": ("InferenceService", "/apis/serving.kserve.io/v1beta1", "inferenceservices"),
}
SHORT = {"deploy": "deployment", "deployments": "deployment", "sts": "statefulset", "statefulsets": "statefulset", "lws": "leaderworkerset"}
PORT_NOTE, PATH_NOTE = "prometheus.io/port", "prometheus.io/path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """One whose metrics are known. `words`: that tell it in an image or a command. `port`: of its page, and the argument and variable that say another.
    `told`: the times that it tells; `unseen`: those of them that it tells a mean or a part of alone, and `remedy` what would show them."""

    words: tuple[str, ...]
    port: int
    argument: str | None = "--port"
    variable: str | None = None
    told: tuple[str, ...] = ("e2e",)
    unseen: tuple[str, ...] = ()
    remedy: str = ""


PROFILES: Mapping[str, Server] = {
    "vllm": Server(words=("vllm",), port=8000, told=METRICS),
    "sglang": Server(words=("sglang",), port=30000, told=("e2e", "ttft")),
    "trtllm": Server(words=("trtllm-serve", "tensorrt-llm"), port=8000, told=METRICS),
    "tgi": Server(words=("text-generation-inference", "text-generation-launcher"), port=80, variable="PORT"),
    "tei": Server(words=("text-embeddings-inference", "text-embeddings-router"), port=80, variable="PORT"),
    "ovms": Server(words=("openvino/model_server", "ovms"), port=8000, argument="--rest_port"),
    "mlserver": Server(words=("mlserver",), port=8082, argument=None),
    "triton": Server(
        words=("tritonserver",),
        port=8002,
        argument="--metrics-port",
        told=("e2e", "ttft"),
        unseen=("e2e",),
        remedy="with decoupled models and --metrics-config histogram_latencies=true promise ttft",
    ),
    "torchserve": Server(words=("torchserve",), port=8082, argument=None, unseen=("e2e",)),
    "kserve": Server(
        words=("kserve/sklearnserver", "kserve/xgbserver", "kserve/lgbserver", "kserve/pmmlserver", "kserve/paddleserver"),
        port=8080,
        argument="--http_port",
        unseen=("e2e",),
    ),
    "rayserve": Server(words=("rayproject/ray", "ray-ml"), port=8080, argument="--metrics-export-port"),
    "bentoml": Server(words=("bentoml",), port=3000, variable="PORT"),
    "infinity": Server(words=("michaelf34/infinity", "infinity_emb"), port=7997),
}
"""By name."""
ANY_REMEDY = "give --requests and --latency of a histogram that a gateway or a proxy in the pod has"
"""Of a time that is told by a mean or a part alone."""
MANY_BACKENDS = ("triton", "torchserve", "kserve", "rayserve", "bentoml")
"""Servers that may run another's engine, whose name then stands beside theirs."""
NAMES: Mapping[str, str] = {
    "requests": "requestCounter",
    "status_label": "statusLabel",
    "errors": "errorCounter",
    "refused": "refusedCounter",
    "latency": "latencyHistogram",
    "first_token": "firstTokenHistogram",
    "token_gap": "tokenGapHistogram",
}
"""Options that name a metric, and the API's word."""
HISTOGRAMS: Mapping[str, str] = {"e2e": "latencyHistogram", "ttft": "firstTokenHistogram", "itl": "tokenGapHistogram"}
ASSUMED = Promise("e2e", 1000, "99")
"""Where nothing is promised; it is said."""


@dataclass(frozen=True, slots=True)
class Guess:
    """What was found out of an object. `profile` None: nothing tells. `said`: by what, one sentence each."""

    profile: str | None
    port: int | None = None
    path: str | None = None
    said: tuple[str, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What is asked for. `port` and `path` None: those of the profile. `names`: of the metrics in place of a profile, as the API takes them."""

    namespace: str
    kind: str
    object: str
    name: str
    profile: str
    promises: Sequence[Promise]
    names: Raw | None = None
    port: int | None = None
    path: str | None = None


def named(text: str) -> tuple[str, str] | None:
    """(kind as in `KINDS`, name) of `deployment/chat`; None of anything else."""
    kind, _, name = text.partition("/")
    kind = SHORT.get(kind.lower(), kind.lower())
    return (kind, name) if kind in KINDS and re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name) else None


def workload_name(called: str) -> str:
    """A name that a workload may have, near the object's."""
    name = re.sub("[^-a-z0-9]", "-", called.lower())[:LONGEST_NAME].strip("-")
    return name if re.match("[a-z]", name) else f"w-{name}"[:LONGEST_NAME].strip("-")


def guess(template: Raw, profile: str | None = None) -> Guess:
    """From the template of its pods: images, commands and arguments tell the server, annotations and arguments the port. profile: as the user says."""
    containers = [c for c in (template.get("spec") or {}).get("containers") or () if isinstance(c, dict)]
    said: list[str] = []
    found, servers = profile, tuple(containers)
    if found is None:
        found, servers, by = _server(containers)
        if found is None:
            return Guess(None, said=tuple(str(c.get("image")) for c in containers))
        said.append(f"profile {found}: {by}")
    usual = PROFILES[found].port
    port, by = port_told(template) or _port(servers, PROFILES[found]) or (usual, f"the usual one of {found}")
    said.append(f"port {port}: {by}")
    return Guess(found, port=None if port == usual else port, path=path_told(template), said=tuple(said))


def untold(profile: str, promises: Sequence[Promise]) -> list[str]:
    """The promised times that such a server does not tell."""
    return [each.metric for each in promises if each.metric not in PROFILES[profile].told]


def unseen(profile: str, promises: Sequence[Promise]) -> str:
    """A sentence on the promised times of which such a server tells a mean or a part alone; empty without any."""
    server = PROFILES[profile]
    metrics = [each.metric for each in promises if each.metric in server.unseen]
    if not metrics:
        return ""
    todo = f"{server.remedy}; or {ANY_REMEDY}" if server.remedy else ANY_REMEDY
    return f"{profile} tells no histogram of {' and '.join(metrics)}: costs of requests will be told, and not how many were good; {todo}"


def port_told(template: Raw) -> tuple[int, str] | None:
    """The port of its page, where an annotation says one, and by what."""
    text = _notes(template).get(PORT_NOTE)
    return (int(text), f"annotation {PORT_NOTE}") if text is not None and str(text).isdigit() else None


def path_told(template: Raw) -> str | None:
    """The path of its page, where an annotation says another than the usual one."""
    path = _notes(template).get(PATH_NOTE)
    return None if path in {None, "/metrics"} else str(path)


def _notes(template: Raw) -> Raw:
    return (template.get("metadata") or {}).get("annotations") or {}


def _server(containers: Sequence[Raw]) -> tuple[str | None, tuple[Raw, ...], str]:
    """(profile, its container, by what it is told). Any image tells it sooner than a command, in which a model's name may stand."""
    # Triton runs vLLM as a back end, and its image says so.
    servers = sorted(((name, server.words) for name, server in PROFILES.items()), key=lambda each: each[0] not in MANY_BACKENDS)
    told = (
        (name, container, look(container, words))
        for look in (_by_image, _by_command)
        for name, words in servers
        for container in containers
    )
    return next(((name, (container,), by) for name, container, by in told if by is not None), (None, (), ""))


def _by_image(container: Raw, words: Sequence[str]) -> str | None:
    image = str(container.get("image", ""))
    named = any(word in image.rpartition("/")[2].lower() or f"/{word}" in f"/{image}".lower() for word in words)
    return f"image {image}" if named else None


def _by_command(container: Raw, words: Sequence[str]) -> str | None:
    named = any(word in each.lower() for each in _words(container)[:4] for word in words)
    return f"command of container {container.get('name')}" if named else None


def _words(container: Raw) -> list[str]:
    return [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]


def _port(containers: Sequence[Raw], server: Server) -> tuple[int, str] | None:
    """Where their words say it, and which."""
    given = (
        told
        for container in containers
        for told in (
            (_argument(container, server.argument), f"argument {server.argument}"),
            (_variable(container, server.variable), f"variable {server.variable}"),
        )
    )
    return next(((int(text), by) for text, by in given if text is not None and str(text).isdigit()), None)


def _variable(container: Raw, name: str | None) -> str | None:
    told = (each for each in container.get("env") or () if isinstance(each, dict))
    return next((str(each["value"]) for each in told if each.get("name") == name and "value" in each), None)


def _argument(container: Raw, name: str | None) -> str | None:
    """Of `--port 8001` or `--port=8001`, also inside of a shell's command."""
    words = " ".join(_words(container)).split()
    for at, word in enumerate(words):
        if word == name and at + 1 < len(words):
            return words[at + 1]
        if word.startswith(f"{name}="):
            return word.partition("=")[2]
    return None


def manifest(asked: Observed) -> Raw:
    """The object as the API takes it."""
    metrics: Raw = {"profile": asked.profile} if asked.names is None else {"names": asked.names}
    if asked.port is not None:
        metrics["port"] = asked.port
    if asked.path is not None:
        metrics["path"] = asked.path
    latency = [{"metric": p.metric, "milliseconds": p.milliseconds, "percent": p.percent} for p in asked.promises]
    return {
        "apiVersion": API_VERSION,
        "kind": WORKLOAD.name,
        "metadata": {"name": asked.name, "namespace": asked.namespace},
        "spec": {
            "server": {"existing": {"kind": KINDS[asked.kind][0], "name": asked.object, "metrics": metrics}},
            "objective": {"latency": latency},
        },
    }


def as_lines(made: Raw) -> str:
    """The same in YAML of ten lines at most, as people write it. JSON's flow is YAML's."""
    meta, spec = made["metadata"], made["spec"]
    return "\n".join(
        (
            f"apiVersion: {made['apiVersion']}",
            f"kind: {made['kind']}",
            f"metadata: {_flow(meta)}",
            "spec:",
            "  server:",
            f"    existing: {_flow(spec['server']['existing'])}",
            "  objective:",
            f"    latency: [{', '.join(map(_flow, spec['objective']['latency']))}]",
        )
    )


def _flow(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    plain = (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z/][-A-Za-z0-9./_]*", value)
        and value.lower() not in {"y", "n", "yes", "no", "on", "off", "true", "false", "null"}
    )
    return str(value) if plain else json.dumps(value)
