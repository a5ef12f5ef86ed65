"""What a server is told: STEELYARD_SERVE_SPEC."""

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard_runtime.document import Document, from_environment
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.tasks.registry import SERVED, USUAL

VARIABLE = "STEELYARD_SERVE_SPEC"


@dataclass(frozen=True, slots=True)
class ServeSpec:
    """Times in seconds, but for `objectives`."""

    model: str
    task: str
    backend: str
    artifact_uri: str
    artifact_digest: str
    objectives: tuple[float, ...]
    """Milliseconds end to end, each of which a good request keeps; rising."""
    max_batch: int
    max_delay: float
    queue_limit: int
    """Inputs that may wait, not requests: a request of 64 texts takes 64 places."""
    max_age: float
    """Of a kept-alive connection; 0 is unbounded."""
    drain_delay: float
    drain_timeout: float
    threads: int
    """Inferences at once, each on one core."""
    max_inputs: int
    max_chars: int


def serve_spec(environment: Mapping[str, str]) -> ServeSpec:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    artifact = document.child("artifact")
    objective = document.child("objective", optional=True)
    batching = document.child("batching", optional=True)
    queue = document.child("queue", optional=True)
    connection = document.child("connection", optional=True)
    drain = document.child("drain", optional=True)
    limits = document.child("limits", optional=True)
    spec = ServeSpec(
        model=document.text("model"),
        task=document.text("task", USUAL),
        backend=document.text("backend"),
        artifact_uri=artifact.text("uri"),
        artifact_digest=artifact.text("digest"),
        objectives=tuple(sorted({_milliseconds(item) for item in objective.children("latency")})),
        max_batch=batching.integer("maxBatch", 1, 4096, 8),
        max_delay=batching.number("maxDelayMs", 0, 10_000, 0) / 1000,
        queue_limit=queue.integer("limit", 1, 1_000_000, 256),
        max_age=connection.number("maxAgeSeconds", 0, 86_400, 10),
        drain_delay=drain.number("delaySeconds", 0, 600, 3),
        drain_timeout=drain.number("timeoutSeconds", 0, 3600, 20),
        threads=document.integer("threads", 1, 256, 1),
        max_inputs=limits.integer("maxInputs", 1, 100_000, 64),
        max_chars=limits.integer("maxChars", 1, 10_000_000, 20_000),
    )
    for part in (document, artifact, objective, batching, queue, connection, drain, limits):
        part.finish()
    if spec.task not in SERVED:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, f"{VARIABLE}.task {spec.task!r} is not served by this image; it serves: {', '.join(SERVED)}"
        )
    return spec


def _milliseconds(item: Document) -> float:
    metric = item.text("metric")
    if metric != "e2e":
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, f"the answers of this server are sent whole and have no {metric} latency; set an objective for e2e"
        )
    milliseconds = item.number("milliseconds", 0.001, 86_400_000)
    item.text("percent", "99")
    item.finish()
    return milliseconds
