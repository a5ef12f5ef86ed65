"""The moments at which requests arrive: a Poisson stream whose rate follows the load, times gamma distributed bursts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from steelyard.simulate.load import Load, Noise

Seconds = NDArray[np.float64]
LONGEST = 10.0
"""Seconds within which the rate counts as constant."""


@dataclass(frozen=True, slots=True)
class Trace:
    """Rates (requests per second) at growing moments (seconds); it repeats after `period`."""

    moments: Seconds
    rates: Seconds
    period: float


class Rates:
    """The load of one workload as a function of time."""

    def __init__(self, load: Load, traces: Mapping[str, Trace]) -> None:
        self._load = load
        self._trace = traces[load.trace.file] if load.trace else None
        steps = sorted(load.steps or (), key=lambda s: s.at)
        self._moments = np.array([s.at for s in steps])
        self._rates = np.array([0.0, *(s.rate for s in steps)])

    def at(self, moments: Seconds) -> Seconds:
        """Requests per second at each moment (seconds since the load began)."""
        load = self._load
        if load.constant is not None:
            return np.full(len(moments), load.constant)
        if load.sine is not None:
            turn = 2 * np.pi * (moments - load.sine.peak) / load.sine.period
            return np.maximum(0.0, load.sine.mean + load.sine.amplitude * np.cos(turn))
        if self._trace is not None and load.trace is not None:
            return load.trace.scale * np.interp(moments % self._trace.period, self._trace.moments, self._trace.rates)
        return self._rates[np.searchsorted(self._moments, moments, side="right")]


class Arrivals:
    """Asked for one step after the other. The stream depends on seed and load alone, not on what becomes of the requests, nor on the lead."""

    def __init__(self, rates: Rates, noise: Noise, chance: np.random.Generator) -> None:
        self._rates = rates
        self._noise = noise
        self._chance = chance
        self._piece = min(LONGEST, noise.period) if noise.cv else LONGEST
        self._burst = 1.0
        self._burst_until = 0.0

    def between(self, start: float, end: float, times: float = 1.0) -> Seconds:
        """Growing moments in [start, end); `times` is a factor on the rate. Before 0 there are none."""
        if start < 0:
            return np.zeros(0)
        pieces = max(1, round((end - start) / self._piece))
        edges = np.linspace(start, end, pieces + 1)
        means = self._rates.at((edges[:-1] + edges[1:]) / 2) * np.diff(edges) * times
        if self._noise.cv:
            means = means * np.array([self._burst_at(edge) for edge in edges[:-1]])
        counts = self._chance.poisson(means)
        spread = self._chance.random(int(counts.sum())) * np.repeat(np.diff(edges), counts)
        return np.sort(np.repeat(edges[:-1], counts) + spread)

    def _burst_at(self, moment: float) -> float:
        while moment >= self._burst_until:
            self._burst = float(self._chance.gamma(1 / self._noise.cv**2, self._noise.cv**2))
            self._burst_until += self._noise.period
        return self._burst
