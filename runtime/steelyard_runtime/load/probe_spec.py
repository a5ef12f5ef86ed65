"""What a probe is told: STEELYARD_PROBE_SPEC."""

from collections.abc import Mapping
from dataclasses import dataclass

from steelyard_runtime.document import Document, from_environment
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.load.lengths import ANSWER, WORDS, Between, Lengths, lengths_of
from steelyard_runtime.load.rates import MOST_STEPS

VARIABLE = "STEELYARD_PROBE_SPEC"
GENERATES = "text-generation"
TASKS = ("embeddings", GENERATES)
METRICS = ("e2e", "ttft", "itl")


@dataclass(frozen=True, slots=True)
class Objective:
    """So many of all requests take no longer. `allowed`: the fraction that may."""

    metric: str
    seconds: float
    allowed: float


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """Rates in requests per second. `seconds`: for all of it. `step_seconds` and `step_requests`: a step has as many of both, and more of one."""

    url: str
    ready: str
    model: str
    generates: bool
    objectives: tuple[Objective, ...]
    first: float
    most: float
    halvings: int
    seconds: float
    step_seconds: float
    step_requests: int
    input: Lengths | Between
    output: Lengths | Between
    seed: int


def probe_spec(environment: Mapping[str, str]) -> ProbeSpec:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    server, ramp, step = document.child("server"), document.child("ramp"), document.child("step")
    objective, lengths = document.child("objective"), document.child("lengths", optional=True)
    task = document.text("task")
    first = ramp.number("first", 0.001, 1_000_000)
    spec = ProbeSpec(
        url=server.text("url").rstrip("/"),
        ready=server.text("ready"),
        model=document.text("model"),
        generates=task == GENERATES,
        objectives=tuple(_objective(each) for each in objective.children("latency")),
        first=first,
        most=ramp.number("most", first, 1_000_000),
        halvings=ramp.integer("halvings", 0, MOST_STEPS - 1),
        seconds=document.number("seconds", 1, 86_400),
        step_seconds=step.number("seconds", 0.01, 3600),
        step_requests=step.integer("requests", 1, 100_000),
        input=lengths_of(lengths, "input") or Between(*WORDS),
        output=lengths_of(lengths, "output") or Between(*ANSWER),
        seed=document.integer("seed", 0, 1 << 53, 1),
    )
    for part in (document, server, ramp, step, objective, lengths):
        part.finish()
    if task not in TASKS:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION, f"{VARIABLE}.task {task!r} has no requests here; there are some for: {', '.join(TASKS)}"
        )
    return spec


def _objective(item: Document) -> Objective:
    metric, milliseconds, percent = item.text("metric"), item.number("milliseconds", 0.001, 86_400_000), item.text("percent", "99")
    item.finish()
    try:
        allowed = 1 - float(percent) / 100
    except ValueError:
        allowed = -1.0
    if metric not in METRICS:
        raise item.invalid("metric", f"one of {', '.join(METRICS)}", metric)
    if not 0 <= allowed < 1:
        raise item.invalid("percent", "a decimal string above 0, at most 100", percent)
    return Objective(metric, milliseconds / 1000, allowed)
