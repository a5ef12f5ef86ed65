"""How many requests a second a workload is asked for, over time: what a scenario says of it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from steelyard.api.describe import says
from steelyard.api.model import SpecModel
from steelyard.api.rule import Rule
from steelyard.simulate.duration import Duration

Rate = Annotated[float, Field(ge=0, le=1e6)]
Factor = Annotated[float, Field(gt=0, le=1e6)]
Period = Annotated[Duration, Field(ge=1)]


class RateStep(SpecModel):
    """From then on this rate."""

    at: Annotated[Duration, says("When the rate begins, from the start of the load.", example="6h")]
    rate: Annotated[Rate, says("The rate from then on.", unit="requests per second", example=40)]


class Sine(SpecModel):
    """A wave around a mean; never below 0."""

    mean: Annotated[Rate, says("The rate that it swings around.", unit="requests per second", example=40)]
    amplitude: Annotated[Rate, says("How far it swings to either side.", unit="requests per second", example=25)]
    period: Annotated[Period, says("The time of one wave.", example="1d")] = 86400.0
    peak: Annotated[Duration, says("When it is highest for the first time.", example="14h")] = 50400.0


class TraceFile(SpecModel):
    """Rates from a file."""

    file: Annotated[
        str,
        says(
            "A CSV file with the columns t_s (seconds, growing) and rate_rps (requests per second), plain or .gz; a relative path begins at "
            "the scenario's folder. Between two rows the rate goes along a line; after the last one the trace begins again.",
            example="traces/week.csv.gz",
        ),
    ]
    scale: Annotated[Factor, says("A factor on every rate.", example=0.1)] = 1.0


class Load(SpecModel):
    """Exactly one way to say the rate."""

    RULES = (
        Rule(
            "",
            "must give exactly one of constant, steps, sine and trace",
            lambda load: sum(v is not None for v in (load.constant, load.steps, load.sine, load.trace)) == 1,
        ),
    )

    constant: Annotated[Rate | None, says("Always this rate.", unit="requests per second", example=40)] = None
    steps: Annotated[tuple[RateStep, ...] | None, says("A rate from each of these moments on; 0 before the first.", least=1)] = None
    sine: Annotated[Sine | None, says("A wave, such as a day's.")] = None
    trace: Annotated[TraceFile | None, says("A recorded trace.")] = None


class Noise(SpecModel):
    """Bursts on top of the chance that independent requests have anyway (a Poisson stream)."""

    cv: Annotated[
        Annotated[float, Field(ge=0, le=10)],
        says("Standard deviation over mean of the rate from one burst to the next (gamma distributed). 0: no bursts.", example=0.3),
    ] = 0.0
    period: Annotated[Period, says("The time of one burst.", example="10s")] = 10.0
