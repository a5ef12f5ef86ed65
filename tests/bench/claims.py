"""How far an inference from advertised figures is off: each shipped claim left out and estimated from the others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil, floor, log10
from statistics import median

from matplotlib.figure import Figure

from bench.benchmark import Bar, Row, Say
from steelyard.app.catalogue import shipped
from steelyard.core.catalogue.catalogue import Catalogue
from steelyard.core.catalogue.estimate import SPREADS, Question, estimate
from steelyard.core.catalogue.throughput_claim import Load, ThroughputClaim
from steelyard.core.facts.capacity import CLAIM_SPREAD
from steelyard.core.facts.estimate import Kind, Unit

ABOUT = """How far estimates from advertised figures are off

Where nothing is measured, the catalogue estimates a throughput from claims: for the same model and size, for another number of devices, for
a model of similar size, or for another accelerator ([the catalogue](../reference/catalogue.md#estimates)). Here every shipped claim is left
out in turn, together with every claim that would answer more directly, and is estimated from the claims that remain. The factor is the
greater of estimate / claim and claim / estimate; 1 is exact. Nine in ten estimates are within `p90_factor`.

`spread` is what decisions use, for saturated claims of all tasks together: `p90_factor` rounded up to two digits, never below that of a
nearer kind, and never below 2, the factor of a pool's own claim. The rows for single tasks and for other loads are shown only.

**Limits.** This does not show how far claims are from measurements: nothing was measured here. The claims come from a few sources, so they
may agree with each other better than with the figures of other vendors. Estimates of one kind share claims, so n counts estimates that are
not independent. Two rows are wide for a reason that is visible in the data: `Same` for requests rests on image generators at different
image sizes alone, and `OtherAccelerator` for tokens compares engines (TensorRT-LLM on GPUs, an early vLLM on Neuron) more than devices.
"""
COLUMNS = ("kind", "unit", "load", "task", "n", "median_factor", "p90_factor", "spread")
ALL = "all"
ENCODING = "feature-extraction"


def rows(say: Say, *, quick: bool) -> Iterable[Row]:
    """One row for each kind, unit and load that has any estimate, under saturation also one for each task. Quick: saturation alone."""
    catalogue = shipped()
    for load in (Load.SATURATED,) if quick else Load:
        for unit in Unit:
            say(f"claims of load {load.value} in {unit.value}")
            claims = [c for c in catalogue.claims.values() if c.load is load and c.unit is unit]
            tasks = sorted({c.task for c in claims}) if load is Load.SATURATED else []
            for task in (ALL, *tasks):
                for kind in Kind:
                    found = sorted(factors(catalogue, [c for c in claims if task in (ALL, c.task)], kind))
                    if found:
                        yield {
                            "kind": kind.value,
                            "unit": unit.value,
                            "load": load.value,
                            "task": task,
                            "n": len(found),
                            "median_factor": median(found),
                            "p90_factor": found[ceil(0.9 * len(found)) - 1],
                            "spread": SPREADS[kind][unit] if load is Load.SATURATED and task == ALL else None,
                        }


def factors(catalogue: Catalogue, claims: Sequence[ThroughputClaim], kind: Kind) -> Iterable[float]:
    """The factor by which the estimate of this kind is off, for each claim that the others allow one for."""
    for claim in claims:
        if claim.outlier:
            continue
        left = {key: c for key, c in catalogue.claims.items() if key != claim.key and not _nearer(claim, c, kind)}
        asked = Question(
            model=claim.model,
            task=claim.task,
            accelerator=claim.accelerator,
            devices=claim.devices,
            dtype=claim.dtype,
            load=claim.load,
            unit=claim.unit,
        )
        found = estimate(replace(catalogue, claims=left), asked)
        if found is not None and found.kind is kind:
            yield max(found.throughput / claim.throughput, claim.throughput / found.throughput)


def _nearer(claim: ThroughputClaim, other: ThroughputClaim, kind: Kind) -> bool:
    """Whether `other` would answer for `claim` more directly than an estimate of this kind does."""
    if kind is Kind.SAME or claim.accelerator != other.accelerator:
        return False
    if kind is Kind.OTHER_ACCELERATOR:
        return True
    return claim.model == other.model and (kind is Kind.SIMILAR_MODEL or claim.devices == other.devices)


def spreads(table: Sequence[Row]) -> Mapping[Kind, Mapping[Unit, float]]:
    """The spreads that the table asks for."""
    found: dict[Kind, dict[Unit, float]] = {kind: {} for kind in Kind}
    for unit in Unit:
        least = CLAIM_SPREAD
        for kind in Kind:
            row = _row(table, kind, unit, ALL)
            least = max(least, _rounded_up(float(row["p90_factor"] or 0)) if row else 0.0)
            found[kind][unit] = least
    return found


def _row(table: Sequence[Row], kind: Kind, unit: Unit, task: str) -> Row | None:
    asked = (kind.value, unit.value, Load.SATURATED.value, task)
    return next((r for r in table if (r["kind"], r["unit"], r["load"], r["task"]) == asked), None)


def _rounded_up(figure: float) -> float:
    places = 1 - floor(log10(figure))
    return round(ceil(figure * 10**places - 1e-9) / 10**places, places)


def bars(table: Sequence[Row]) -> Sequence[Bar]:
    """The spreads in use are those measured. For encoders, which Steelyard's own server runs, estimates are held to what a claim is held to."""
    asked = spreads(table)
    found = []
    for unit in Unit:
        used = ", ".join(f"{kind.value} {SPREADS[kind][unit]:g}" for kind in Kind)
        held = all(SPREADS[kind][unit] == asked[kind][unit] for kind in Kind)
        found.append(Bar(f"{unit.value}: the spreads in use are those measured", used, held))
    for kind in Kind:
        row, said = _row(table, kind, Unit.REQUESTS, ENCODING), f"encoders, {kind.value}: nine in ten within the factor {CLAIM_SPREAD:g}"
        if row is None:
            found.append(Bar(said, "no two claims of one encoder differ in their conditions alone", None))
        else:
            top = float(row["p90_factor"] or 0)
            found.append(Bar(said, f"{top:.2f}, in the median {row['median_factor']:.2f} (n = {row['n']})", top <= CLAIM_SPREAD))
    return found


def draw(figure: Figure, table: Sequence[Row]) -> None:
    """Median and nine in ten, by kind and unit, under saturation."""
    axes = figure.subplots()
    shown = [r for r in table if r["load"] == Load.SATURATED.value and r["task"] == ALL]
    for place, row in enumerate(shown):
        middle, top = float(row["median_factor"] or 1), float(row["p90_factor"] or 1)
        axes.plot([place, place], [middle, top], color="tab:blue")
        axes.plot(place, middle, "o", color="tab:blue", label="median" if place == 0 else None)
        axes.plot(place, top, "_", color="tab:blue", markersize=18, label="nine in ten" if place == 0 else None)
        axes.plot(place, float(row["spread"] or 1), "x", color="tab:red", label="in use" if place == 0 else None)
    axes.set_xticks(
        range(len(shown)), [f"{r['kind']}\n{str(r['unit']).removesuffix('PerSecond')}\nn = {r['n']}" for r in shown], fontsize=7
    )
    axes.set_yscale("log")
    axes.set_yticks([1, 2, 5, 10, 20], ["1", "2", "5", "10", "20"])
    axes.set_ylabel("factor between estimate and claim")
    axes.set_title("Each claim estimated from the others, load Saturated")
    axes.legend()
