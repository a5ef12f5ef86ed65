"""What the catalogue's claims say of a model on an accelerator, directly or by inference, and how far such an inference is usually off."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import exp, log
from statistics import median

from steelyard.core.catalogue.accelerator import Accelerator
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.dtype import alike
from steelyard.core.catalogue.throughput_claim import Load, ThroughputClaim
from steelyard.core.facts.estimate import Estimate, Kind, Unit

SPREADS = {
    Kind.SAME: {Unit.REQUESTS: 3.5, Unit.TOKENS: 2.5},
    Kind.OTHER_SIZE: {Unit.REQUESTS: 3.6, Unit.TOKENS: 2.5},
    Kind.SIMILAR_MODEL: {Unit.REQUESTS: 3.6, Unit.TOKENS: 6.2},
    Kind.OTHER_ACCELERATOR: {Unit.REQUESTS: 3.6, Unit.TOKENS: 20.0},
}
"""Factor within which nine of ten estimates were right when each shipped claim was left out and estimated from the others, never below
that of a nearer kind: docs/benchmarks/claims.md, and a test that compares. How far claims are from measurements is not in it."""

_ENCODING = frozenset(
    {
        "embeddings",
        "feature-extraction",
        "fill-mask",
        "question-answering",
        "sentence-similarity",
        "text-classification",
        "text-ranking",
        "token-classification",
    }
)
"""Tasks that are one pass of an encoder over a text, whatever is read off its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """`model`: a URI, or a name. dtype empty: any."""

    model: str
    task: str
    accelerator: str
    devices: int = 1
    dtype: str = ""
    load: Load = Load.SATURATED
    unit: Unit = Unit.REQUESTS


def estimate(catalogue: Catalogue, question: Question) -> Estimate | None:
    """The nearest kind that any claim allows, as the median of what its claims say; None where nothing does.

    Claims marked as outliers are not asked. Only claims of the same load and unit are, and of no other width of number format.
    """
    names = {other: m.name for m in catalogue.models.values() for other in m.also}
    name = _name(names, question.model)
    claims = [
        c
        for _, c in sorted(catalogue.claims.items())
        if not c.outlier and c.load is question.load and c.unit is question.unit and alike(c.dtype, question.dtype)
    ]
    mine = [c for c in claims if _name(names, c.model) == name]
    here = [c for c in mine if c.accelerator == question.accelerator]
    same = [c for c in here if c.devices == question.devices]
    if same:
        return _estimate(question, Kind.SAME, same, lambda _: 1.0, f"claimed for {name} on {question.devices} x {question.accelerator}")
    if here:
        counts = ", ".join(map(str, sorted({c.devices for c in here})))
        because = f"claimed for {name} on {counts} x {question.accelerator}, in proportion to the devices"
        return _estimate(question, Kind.OTHER_SIZE, here, lambda c: question.devices / c.devices, because)
    sizes = {c.model: p for c in claims if (p := catalogue.parameters(_name(names, c.model))) is not None}
    return _similar(question, catalogue.parameters(name), sizes, claims) or _elsewhere(catalogue, question, name, mine)


def _similar(question: Question, asked: float | None, sizes: Mapping[str, float], claims: Sequence[ThroughputClaim]) -> Estimate | None:
    if asked is None:
        return None
    sized = [c for c in claims if c.accelerator == question.accelerator and _work(c.task) == _work(question.task) and c.model in sizes]
    if not sized:
        return None
    nearest = min(abs(log(sizes[c.model] / asked)) for c in sized)
    like = [c for c in sized if abs(log(sizes[c.model] / asked)) <= nearest + 1e-9]
    models = ", ".join(f"{m} with {sizes[m]:g}" for m in sorted({c.model for c in like}))
    because = f"claimed for {models} million parameters on {question.accelerator} against {asked:g}"
    return _estimate(question, Kind.SIMILAR_MODEL, like, lambda c: question.devices / c.devices * sizes[c.model] / asked, because)


def _elsewhere(catalogue: Catalogue, question: Question, name: str, mine: Sequence[ThroughputClaim]) -> Estimate | None:
    """Generated tokens wait for memory, everything else for arithmetic (the roofline of Williams, Waterman and Patterson, 2009)."""
    fact, unit = (_bandwidth, "GB/s") if question.unit is Unit.TOKENS else (_arithmetic, "TFLOPS of 16 bits")
    asked = _fact(catalogue, question.accelerator, fact)
    known = {c.accelerator: figure for c in mine if (figure := _fact(catalogue, c.accelerator, fact)) is not None}
    if asked is None or not known:
        return None
    others = ", ".join(f"{a} with {known[a]:g}" for a in sorted(known))
    because = f"claimed for {name} on {others} {unit} against {asked:g}"
    usable = [c for c in mine if c.accelerator in known]
    return _estimate(
        question, Kind.OTHER_ACCELERATOR, usable, lambda c: question.devices / c.devices * asked / known[c.accelerator], because
    )


def _estimate(
    question: Question, kind: Kind, claims: Sequence[ThroughputClaim], scale: Callable[[ThroughputClaim], float], because: str
) -> Estimate:
    return Estimate(
        throughput=exp(median(log(c.throughput * scale(c)) for c in claims)),
        unit=question.unit,
        spread=SPREADS[kind][question.unit],
        kind=kind,
        n=len(claims),
        because=because,
    )


def _name(names: Mapping[str, str], model: str) -> str:
    """The catalogue's name for the model: the last part of a URI, in lower case, or what that is another name of."""
    last = model.rstrip("/").rpartition("/")[2].lower()
    return names.get(last, last)


def _work(task: str) -> str:
    return "encoding" if task in _ENCODING else task


def _fact(catalogue: Catalogue, name: str, fact: Callable[[Accelerator], float | None]) -> float | None:
    found = catalogue.accelerators.get(name)
    return fact(found) if found else None


def _bandwidth(accelerator: Accelerator) -> float | None:
    return accelerator.bandwidth


def _arithmetic(accelerator: Accelerator) -> float | None:
    return accelerator.tflops.get("bf16", accelerator.tflops.get("fp16"))
