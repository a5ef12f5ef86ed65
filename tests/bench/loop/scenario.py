"""One world with one trace, and what every entrant makes of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

import numpy as np

from bench.benchmark import Row
from bench.loop.bound import Bound, bound
from bench.loop.entrants import ENTRANTS, HPA_TUNED, Entrant
from bench.loop.outcome import Outcome
from bench.loop.traces import Trace, recorded
from bench.loop.tune import Frontier, frontier, tuned
from bench.loop.world import World, run
from bench.loop.worlds import KNOWLEDGE, world

ALLOWANCES = (0.01, 0.001)
DEVELOPMENT = "deepseek-r1"
"""The trace on which knobs are set. It counts for no bar."""
DEVELOPMENT_SEED = 0
"""Of no scenario: its claims are others."""
SETTINGS = tuple(np.linspace(0.40, 1.10, 15).tolist())
"""Of HPA's target, for what it would cost at other misses."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """kind: a name of WORLDS. seconds: how much of the trace, and of the one for development; None for all of it."""

    kind: str
    trace: Trace
    seed: int
    seconds: int | None = None

    def __str__(self) -> str:
        return f"{self.trace.name} in {self.kind}, seed {self.seed}"

    def rows(self) -> Iterator[Row]:
        """The clairvoyant's rows, then one for each entrant, allowance and knowledge."""
        trace = self.trace if self.seconds is None else self.trace.first(self.seconds)
        known, learnt = (world(self.kind, trace, knowledge, self.seed) for knowledge in KNOWLEDGE)
        least = bound(known, (0.0, *ALLOWANCES))
        for allowance in (*ALLOWANCES, 0.0):
            yield self._clairvoyant(known, least, allowance)
        for knowledge, place in zip(KNOWLEDGE, (known, learnt), strict=True):
            hpa = frontier(HPA_TUNED, place, SETTINGS)
            for entrant in ENTRANTS:
                for allowance in ALLOWANCES:
                    setting = _setting(entrant.name, self.kind, knowledge, allowance, self.seconds)
                    outcome = run(place, entrant.make(place, setting or 0.0), allowance=allowance)
                    yield self._row(entrant, knowledge, allowance, setting, outcome, least, hpa)

    def _row(
        self, entrant: Entrant, knowledge: str, allowance: float, setting: float | None, outcome: Outcome, least: Bound, hpa: Frontier
    ) -> Row:
        own = least.at(outcome.missed_part)
        hpa_cost = hpa.cost_at(outcome.missed_part)
        return {
            "trace": self.trace.name,
            "policy": entrant.name,
            "knowledge": knowledge,
            "allowance": allowance,
            "cost_per_1k": outcome.cost_per_1k,
            "vs_clairvoyant": outcome.cost / least.at(allowance),
            "slo_miss": outcome.missed_part,
            "moves_per_day": outcome.moves / outcome.days,
            "seed": self.seed,
            "world": self.kind,
            "days": outcome.days,
            "development": self.trace.name == DEVELOPMENT,
            "overloaded": outcome.overloaded / outcome.requests,
            "starts_per_day": outcome.starts / outcome.days,
            "vs_clairvoyant_at_own_miss": outcome.cost / own,
            "vs_hpa_tuned_at_own_miss": None if hpa_cost is None else outcome.cost / hpa_cost,
            "regret_per_day": (outcome.cost - own) / outcome.days,
            "setting": setting,
        }

    def _clairvoyant(self, known: World, least: Bound, allowance: float) -> Row:
        cost = least.at(allowance)
        return {
            "trace": self.trace.name,
            "policy": "clairvoyant",
            "knowledge": "all",
            "allowance": allowance,
            "cost_per_1k": 1000 * cost / (least.requests * (1 - allowance)),
            "vs_clairvoyant": 1.0,
            "slo_miss": allowance,
            "moves_per_day": None,
            "seed": self.seed,
            "world": self.kind,
            "days": known.days,
            "development": self.trace.name == DEVELOPMENT,
            "overloaded": None,
            "starts_per_day": None,
            "vs_clairvoyant_at_own_miss": 1.0,
            "vs_hpa_tuned_at_own_miss": None,
            "regret_per_day": 0.0,
            "setting": None,
        }


@cache
def _setting(name: str, kind: str, knowledge: str, allowance: float, seconds: int | None) -> float | None:
    """Of the entrant's knob, found on the trace for development in the same kind of world; None without a knob."""
    entrant = next(e for e in ENTRANTS if e.name == name)
    if entrant.knob is None:
        return None
    trace = recorded()[DEVELOPMENT]
    place = world(kind, trace if seconds is None else trace.first(seconds), knowledge, DEVELOPMENT_SEED)
    return tuned(entrant, place, allowance)
