"""What is computed of a server that generates text is what such a server does, iteration by iteration; and its intervals hold the truth about as often
as they say."""

from __future__ import annotations

from math import log
from statistics import fmean, median

import numpy as np

from property.effort import THOROUGH
from steelyard.core.facts.snapshot import Promise
from steelyard.core.performance.token_law import token_law
from steelyard.simulate.lengths import Lengths
from unit.core.token_engine import TokenEngine, lengths

COVERED = range(1000, 1200) if THOROUGH else range(1000, 1012)
"""Servers of the study of coverage, by number."""


def drawn(number: int) -> tuple[TokenEngine, Lengths, Promise]:
    """A server of which only the kind is known: a floor of 6 to 50 ms, 8 to 256 sequences, and memory for all of them or for some."""
    chance = np.random.default_rng([number, 11])

    def between(low: float, high: float) -> float:
        return float(np.exp(chance.uniform(log(low), log(high))))

    floor, prompt, output = between(0.006, 0.05), between(60, 2500), between(40, 500)
    sequences, requests = int(chance.choice([8, 16, 32, 64, 128, 256])), lengths(prompt, output, float(chance.choice([0.0, 0.5, 0.8])))
    enough = chance.random() < 0.5
    memory = 10**9 if enough else int((prompt + output) * sequences * chance.uniform(0.3, 0.9))
    engine = TokenEngine(
        floor=floor,
        sequence=floor * between(0.002, 0.02),
        context=floor * between(2e-6, 5e-5),
        prompt=floor * between(1 / 350, 1 / 120),
        outside=float(chance.uniform(0, 0.02)),
        sequences=sequences,
        memory=max(memory, requests.longest + 1),
    )
    first = 3 * (floor + engine.prompt * prompt) * between(2, 30)
    token = None if chance.random() < 0.4 else floor * float(chance.uniform(1.5, 5))
    return engine, requests, Promise(allowed=float(chance.choice([0.05, 0.01])), within=None, first=first, between=token)


def test_intervals_of_capacity_and_saturation_hold_the_truth_about_as_often_as_they_say() -> None:
    """From windows at 20 to 70 % of the capacity. At length, and with -s, it prints the figures that docs/explanation/capacity.md tells."""
    held, full, off, widths = list[bool](), list[bool](), list[float](), list[float]()
    for number in COVERED:
        engine, requests, promise = drawn(number)
        chance, truth = np.random.default_rng([number, 12]), engine.capacity(requests, promise, number)
        load = chance.uniform(0.2, 0.7) * truth
        windows = engine.windows(requests, (load * chance.uniform(0.8, 1.2, 12)).tolist(), promise, number)
        law = token_law(windows)
        assert law is not None
        found, most = law.capacity(promise), law.saturation
        assert found is not None
        held.append(found.lower <= truth <= found.upper)
        full.append(most.lower <= engine.saturation(requests, number) <= most.upper)
        off.append(abs(log(max(found.point, 1e-9) / truth)))
        widths.append(log(found.upper / max(found.lower, 1e-9)) / 2)
    print(
        f"\n{len(held)} servers: capacity {fmean(held):.1%} held, half a width of {median(widths):.1%}, off by {median(off):.1%} in the median"
        f" and {fmean(off):.1%} in the mean; saturation {fmean(full):.1%} held"
    )
    assert fmean(held) >= 0.88
    assert fmean(full) >= 0.88
    assert median(off) < 0.1
    assert median(widths) < 0.4, "and they are no wider than they need to be"
