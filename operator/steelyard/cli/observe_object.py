"""What a running object tells of its server, and the InferenceWorkload that measures it: ten lines that change nothing."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from steelyard.cli.group import API_VERSION, WORKLOAD
from steelyard.cli.promise import Promise
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
PROFILES: Mapping[str, tuple[str, int]] = {"vllm": ("vllm", 8000), "mlserver": ("mlserver", 8082)}
"""By name: the word in an image or a command that tells it, and the port of its page."""
E2E_ALONE = frozenset({"mlserver"})
"""Profiles of servers that tell how long whole requests take, and no time of tokens."""
PORT_NOTE, PATH_NOTE = "prometheus.io/port", "prometheus.io/path"
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
    """What is asked for. `port` and `path` None: those of the profile."""

    namespace: str
    kind: str
    object: str
    name: str
    profile: str
    promises: Sequence[Promise]
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
    found = profile
    if found is None:
        found, by = next(((name, by) for c in containers for name, by in _tells(c)), (None, ""))
        if found is not None:
            said.append(f"profile {found}: {by}")
    if found is None:
        return Guess(None, said=tuple(str(c.get("image")) for c in containers))
    port, usual = None, PROFILES[found][1]
    notes = (template.get("metadata") or {}).get("annotations") or {}
    if str(notes.get(PORT_NOTE, "")).isdigit():
        port = int(notes[PORT_NOTE])
        said.append(f"port {port}: annotation {PORT_NOTE}")
    elif found == "vllm" and (given := _argument(containers, "--port")) is not None and given.isdigit():
        port = int(given)
        said.append(f"port {port}: argument --port")
    else:
        said.append(f"port {usual}: the usual one of {found}")
    path = str(notes[PATH_NOTE]) if notes.get(PATH_NOTE) not in {None, "/metrics"} else None
    return Guess(found, None if port == usual else port, path, tuple(said))


def _tells(container: Raw) -> Iterator[tuple[str, str]]:
    image = str(container.get("image", ""))
    words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
    for name, (word, _) in PROFILES.items():
        if word in image.rpartition("/")[2].lower() or f"/{word}" in image.lower():
            yield name, f"image {image}"
        elif any(word in each.lower() for each in words[:4]):
            yield name, f"command of container {container.get('name')}"


def _argument(containers: Sequence[Raw], name: str) -> str | None:
    """Of `--port 8001` or `--port=8001`, also inside of a shell's command."""
    for container in containers:
        words = " ".join(str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))).split()
        for at, word in enumerate(words):
            if word == name and at + 1 < len(words):
                return words[at + 1]
            if word.startswith(f"{name}="):
                return word.partition("=")[2]
    return None


def manifest(asked: Observed) -> Raw:
    """The object as the API takes it."""
    metrics: Raw = {"profile": asked.profile}
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
