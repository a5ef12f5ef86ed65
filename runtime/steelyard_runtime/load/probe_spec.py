"""What a probe is told: STEELYARD_PROBE_SPEC."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from steelyard_runtime.document import Document, from_environment
from steelyard_runtime.failure import Reason, user_failure
from steelyard_runtime.generate.task import TEXT
from steelyard_runtime.listening import EVERYWHERE
from steelyard_runtime.load.beginning import EARLIEST, LATEST, Begin
from steelyard_runtime.load.lengths import ANSWER, MOST_TOKENS, WORDS, Between, Lengths, lengths_of
from steelyard_runtime.load.rates import FEWER_STEPS, MOST_LENGTH_RAMPS, MOST_LOADS, MOST_STEPS
from steelyard_runtime.load.samples import Samples, samples_of
from steelyard_runtime.tasks.graph_task import GraphTask
from steelyard_runtime.tasks.registry import GRAPHS, SERVED, TASKS
from steelyard_runtime.tasks.task import Task

VARIABLE = "STEELYARD_PROBE_SPEC"
METRICS = ("e2e", "ttft", "itl")
LEAST_FACTOR, MOST_FACTOR = 0.1, 10
"""Of lengths."""
MOST_HALVINGS = 4
"""Of a ramp at other lengths: its result has room for no more."""
Part = TypeVar("Part")


@dataclass(frozen=True, slots=True)
class Objective:
    """So many of all requests take no longer. `allowed`: the fraction that may."""

    metric: str
    seconds: float
    allowed: float


@dataclass(frozen=True, slots=True)
class Steady:
    """After the ramp, loads in requests per second, each for `seconds` at one of the replicas that would carry it."""

    loads: tuple[float, ...]
    seconds: float


@dataclass(frozen=True, slots=True)
class LengthRamps:
    """After the ramp, a shorter one for each of `factors`, with all lengths times it: from `growth` times below what a replica is expected to carry
    then up to as much above, and `halvings` between. Steps of `seconds`, and of `between_seconds` between a load that kept the promise and one that
    broke it."""

    factors: tuple[float, ...]
    growth: float
    halvings: int
    seconds: float
    between_seconds: float


@dataclass(frozen=True, slots=True)
class ProbeSpec:
    """Rates in requests per second. `seconds`: for all of it. `step_seconds` and `step_requests`: a step has as many of both, and more of one.
    `growth`: times the last rate that the next one is, until the promise breaks. `between_seconds`: of a step between a load that kept the promise and one that broke it."""

    url: str
    ready: str
    model: str
    task: Task | None
    """What is asked for; None for text in a stream, where it is a graph, and where samples say it."""
    graph: GraphTask | None
    objectives: tuple[Objective, ...]
    first: float
    most: float
    halvings: int
    growth: float
    steps: int
    """Of the ramp, at most."""
    seconds: float
    step_seconds: float
    between_seconds: float
    step_requests: int
    input: Lengths | Between
    output: Lengths | Between
    most_tokens: int
    """Of a request and its answer together, that the server takes."""
    seed: int
    begin: Begin | None
    steady: Steady | None
    samples: Samples | None = None
    """All that is asked for, where they are given."""
    length_ramps: LengthRamps | None = None
    turn: str | None = None
    """The socket at which it is told that it is its turn to send, where it has the machine's processors not for itself."""


def probe_spec(environment: Mapping[str, str]) -> ProbeSpec:
    """Read the specification; raises `Failure` (InvalidSpec) naming the field."""
    document = from_environment(VARIABLE, environment)
    server, ramp, step = document.child("server"), document.child("ramp"), document.child("step")
    objective, lengths = document.child("objective"), document.child("lengths", optional=True)
    samples = _optional(document, "samples", samples_of)
    task = document.text("task", None if samples is None else TEXT)
    first = ramp.number("first", 0.001, 1_000_000)
    begin, steady = _optional(document, "begin", _begin), _optional(document, "steady", _steady)
    steps = MOST_STEPS if steady is None else FEWER_STEPS
    spec = ProbeSpec(
        url=server.text("url").rstrip("/"),
        ready=server.text("ready"),
        model=document.text("model", None if samples is None else samples.source),
        task=TASKS.get(task),
        graph=GRAPHS.get(task),
        objectives=tuple(_objective(each) for each in objective.children("latency")),
        first=first,
        most=ramp.number("most", first, 1_000_000),
        halvings=ramp.integer("halvings", 0, steps - 1),
        growth=ramp.number("growth", 1.1, 16, 2.0),
        steps=steps,
        seconds=document.number("seconds", 1, 86_400),
        step_seconds=(usual := step.number("seconds", 0.01, 3600)),
        between_seconds=step.number("between", 0.01, 3600, usual),
        step_requests=step.integer("requests", 1, 100_000),
        input=lengths_of(lengths, "input") or Between(*WORDS),
        output=lengths_of(lengths, "output") or Between(*ANSWER),
        most_tokens=lengths.integer("most", 2, MOST_TOKENS, MOST_TOKENS),
        seed=document.integer("seed", 0, 1 << 53, 1),
        begin=begin,
        steady=steady,
        samples=samples,
        length_ramps=_optional(document, "lengthRamps", _length_ramps),
        turn=document.optional_text("turn"),
    )
    for part in (document, server, ramp, step, objective, lengths):
        part.finish()
    if task != TEXT and task not in SERVED:
        raise user_failure(
            Reason.UNSUPPORTED_OPTION,
            f"{VARIABLE}.task {task!r} has no requests here; there are some for: {', '.join((*SERVED, TEXT))}",
        )
    return spec


def _optional(document: Document, name: str, read: Callable[[Document], Part]) -> Part | None:
    given, child = document.has(name), document.child(name, optional=True)
    part = read(child) if given else None
    child.finish()
    return part


def _begin(item: Document) -> Begin:
    return Begin(item.number("by", EARLIEST, LATEST), item.integer("port", 1, 65_535), item.text("host", EVERYWHERE))


def _steady(item: Document) -> Steady:
    return Steady(item.numbers("loads", 0.001, 1_000_000, MOST_LOADS), item.number("seconds", 0.01, 3600))


def _length_ramps(item: Document) -> LengthRamps:
    found = LengthRamps(
        factors=item.numbers("factors", LEAST_FACTOR, MOST_FACTOR, MOST_LENGTH_RAMPS),
        growth=item.number("growth", 1.1, 16),
        halvings=item.integer("halvings", 0, MOST_HALVINGS),
        seconds=(usual := item.number("seconds", 0.01, 3600)),
        between_seconds=item.number("between", 0.01, 3600, usual),
    )
    if len(set(found.factors)) < len(found.factors):
        raise item.invalid("factors", "each of them once", list(found.factors))
    return found


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
