"""What a server of generated text is told: STEELYARD_SERVE_SPEC with back end vllm."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from steelyard_runtime.document import from_environment
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.generate import words
from steelyard_runtime.generate.promise import promise_of
from steelyard_runtime.generate.task import TEXT, task_of
from steelyard_runtime.serve.spec import VARIABLE

BACKEND = "vllm"


@dataclass(frozen=True, slots=True)
class TextSpec:
    """Times in seconds."""

    model: str
    task: str
    artifact_uri: str
    artifact_digest: str
    latency: tuple[Mapping[str, Any], ...]
    """As it was given, and known to be readable: the judge inside of vLLM reads it again."""
    words: tuple[str, ...]
    """Of words.SERVED."""
    limit: int
    """Requests that may be answered or wait at the same time; beyond it they are shed."""
    max_age: float
    drain_delay: float
    drain_timeout: float
    threads: int


def is_text(environment: Mapping[str, str]) -> bool:
    """Whether the specification is for vLLM; what cannot be read is left to the reader that says what is wrong."""
    try:
        return bool(json.loads(environment.get(VARIABLE, ""))["backend"] == BACKEND)
    except (ValueError, KeyError, TypeError):
        return False


def text_spec(environment: Mapping[str, str]) -> TextSpec:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    document.text("backend")
    artifact = document.child("artifact")
    objective = document.child("objective", optional=True)
    queue = document.child("queue", optional=True)
    connection = document.child("connection", optional=True)
    drain = document.child("drain", optional=True)
    latency = (json.loads(environment[VARIABLE]).get("objective") or {}).get("latency") or []
    promise_of(objective.children("latency"))
    spec = TextSpec(
        model=document.text("model"),
        task=document.text("task", TEXT),
        artifact_uri=artifact.text("uri"),
        artifact_digest=artifact.text("digest"),
        latency=tuple(latency),
        words=document.texts("words"),
        limit=queue.integer("limit", 1, 1_000_000, 1024),
        max_age=connection.number("maxAgeSeconds", 0, 86_400, 10),
        drain_delay=drain.number("delaySeconds", 0, 600, 3),
        drain_timeout=drain.number("timeoutSeconds", 0, 3600, 20),
        threads=document.integer("threads", 1, 1024, 1),
    )
    for part in (document, artifact, objective, queue, connection, drain):
        part.finish()
    if task_of(spec.task).pools and any(each["metric"] != "e2e" for each in spec.latency):
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"{VARIABLE}.objective.latency must be of the metric e2e for task {spec.task!r}: its answers have no tokens",
        )
    words.read(spec.words, words.SERVED)
    return spec
