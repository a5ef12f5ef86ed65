"""When requests are sent: a Poisson process of a rate that changes by steps, the same for the same seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

LONGEST = 86400.0
"""Seconds; whatever else was asked, sending ends after a day."""
MOST = 50_000_000
"""Requests; the same in count."""


@dataclass(frozen=True, slots=True)
class Step:
    """A rate in requests per second, for some seconds."""

    rate: float
    seconds: float


def parsed(text: str) -> tuple[Step, ...]:
    """Read 'R1:S1,R2:S2'; raises `ValueError` saying what is wrong."""
    steps = []
    for part in text.split(","):
        rate, colon, seconds = part.partition(":")
        try:
            step = Step(float(rate), float(seconds))
        except ValueError:
            colon = ""
        if not colon or not 0 <= step.rate <= 100_000 or not 0 < step.seconds <= LONGEST:
            raise ValueError(f"{part!r} is not RATE:SECONDS (rate 0 to 100000, seconds above 0 to {LONGEST:.0f})")
        steps.append(step)
    if sum(step.seconds for step in steps) > LONGEST:
        raise ValueError(f"the schedule is longer than {LONGEST:.0f} seconds")
    return tuple(steps)


def arrivals(steps: tuple[Step, ...], seed: int) -> Iterator[float]:
    """Yield the intended times in seconds from the start, rising."""
    chance = random.Random(seed)
    begin = 0.0
    count = 0
    for step in steps:
        end = begin + step.seconds
        time = begin
        # A Poisson process forgets: starting afresh at every step is the process of the changing rate.
        while step.rate > 0 and count < MOST:
            time += chance.expovariate(step.rate)
            if time >= end:
                break
            count += 1
            yield time
        begin = end


def arrivals_of_step(rate: float, seconds: float, least: int, seed: int) -> Iterator[float]:
    """Yield the intended times of a probe's step in seconds from its start: all within its time, and as many beyond it as make `least`."""
    chance = random.Random(seed)
    time = chance.expovariate(rate)
    count = 0
    while time < seconds or count < least:
        count += 1
        yield time
        time += chance.expovariate(rate)
