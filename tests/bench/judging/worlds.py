"""Worlds of two pools, drawn by number: what is true stands in the scenario, and what is claimed is off by a factor that is known here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log

import numpy as np

from bench.kinds import OBJECTIVES, Kind, lengths, requests, saturation, server
from steelyard.simulate.carried import carried
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth
from steelyard.simulate.workload_entry import ObjectiveEntry

HOME, RIVAL = "home", "rival"
HOURS = 6.0
STEP, WINDOW = 60, 120
TRIAL = 3600
"""Seconds that one trial may take at most."""
BUDGET_HOURS = 1.5
"""Of one replica of the dearer pool: what a day's trials may cost."""
EXACT = 40_000
"""Requests by which it is found what a replica truly carries."""
OFF = 1.15
"""The least factor by which a claim is off that is not true."""
UNIT_COST = "UnitCost"


class Form(StrEnum):
    """Of a claim."""

    RATIO = "ratio"
    """As a multiple of what the first pool has."""
    VALUE = "value"
    """The figure itself."""


REQUESTS, INPUT, OUTPUT = "GoodRequests", "InputTokens", "OutputTokens"
"""What a claim counts."""
OF_TOKENS, SOME = 0.1, 100.0
"""Part of the claims on servers that tell no tokens which are of tokens all the same, and tokens of a request by them. No word can
be said of them."""
PROMISED: Mapping[str, Sequence[str]] = {"ttft and itl": ("ttft", "itl"), "ttft": ("ttft",), "itl": ("itl",)}
"""What may be promised of text: one of the two alone, or both."""


class Load(StrEnum):
    """How many replicas of the first pool carry it."""

    LIGHT = "light"
    MIDDLE = "middle"
    HEAVY = "heavy"


REPLICAS = {Load.LIGHT: 1.6, Load.MIDDLE: 4.5, Load.HEAVY: 9.0}
"""Capacities of the first pool that the load is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """A world and what is true in it. true_ratio: unit cost on the rival over that on the first pool, where each just keeps the promise. claimed: what the claim
    says, and off: how many times the truth that is, 1 for a true one. unit: what it counts. comparable: whether the servers tell that. promised:
    which times are. trusted: the unit cost on the rival over that on the first for who believes the claim and knows all of the first. budget:
    money that a day's trials may cost."""

    scenario: Scenario
    kind: Kind
    busy_told: bool
    load: Load
    devices: int
    metric: str
    true_ratio: float
    off: float
    claimed: float
    budget: float
    form: Form = Form.RATIO
    unit: str = REQUESTS
    comparable: bool = True
    promised: str = "e2e"
    trusted: float = 1.0

    @property
    def cells(self) -> Mapping[str, str | int | float | bool]:
        """What was drawn, as a row of a table has it."""
        drawn = {"kind": self.kind.value, "busy_told": self.busy_told, "load": self.load.value, "devices": self.devices}
        of = {"promised": self.promised, "metric": self.metric, "claim": self.form.value, "unit": self.unit, "comparable": self.comparable}
        return {**drawn, **of, "true_ratio": self.true_ratio, "off": self.off, "claimed": self.claimed}


def draw(number: int, hours: float = HOURS) -> Drawn:
    """The world of that number, for so long."""
    chance = np.random.default_rng([number, 7])
    kind, load = Kind(chance.choice(list(Kind))), Load(chance.choice(list(Load)))
    told, devices = bool(chance.integers(2)), int(chance.choice([1, 8]))
    speed, ratio = float(2 ** chance.uniform(-1, 2)), float(2 ** chance.uniform(-1, 1))
    off = 1.0 if chance.random() < 0.5 else exp(float(chance.choice([-1, 1])) * float(chance.uniform(log(OFF), log(2))))
    metric = str(chance.choice([UNIT_COST, "Throughput"]))
    home, rival = server(kind, 1.0), server(kind, speed)
    more = np.random.default_rng([number, 8])
    form, promised = Form(more.choice(list(Form))), str(more.choice(list(PROMISED))) if kind is Kind.TOKENS else "e2e"
    unit, promise = _unit(kind, more), _promise(kind, promised)
    entry = ObjectiveEntry.model_validate(promise)
    capacities = [carried(Truth.model_validate(each), entry, lengths(kind), requests=EXACT) for each in (home, rival)]
    rate = REPLICAS[load] * capacities[0]
    prices = (1.0, ratio * capacities[1] / capacities[0])
    budget = BUDGET_HOURS * max(prices)
    full = [saturation(kind, each) for each in (home, rival)]
    if metric == UNIT_COST:
        true = ratio if form is Form.RATIO else prices[1] / 3.6 / capacities[1] * (1 if unit == REQUESTS else 1000 / _each(kind, unit))
        trusted = off * ratio
    else:
        true = full[1] / full[0] if form is Form.RATIO else full[1] * _each(kind, unit)
        trusted = prices[1] / (off * full[1] / full[0])
    claimed = off * true
    claim = {"metric": metric, "unit": unit, **({"ratio": claimed, "relativeTo": HOME} if form is Form.RATIO else {"value": claimed})}
    scenario = Scenario.model_validate(
        {
            "days": hours / 24,
            "seed": number + 1,
            "stepSeconds": STEP,
            "pools": [_pool(HOME, prices[0], devices, []), _pool(RIVAL, prices[1], devices, [claim])],
            "workloads": [
                {
                    "name": "work",
                    "load": {"constant": rate},
                    **requests(kind),
                    "objective": promise,
                    "scaling": {"minReplicas": 1, "maxReplicas": 60},
                    "rebalancing": {
                        "mode": "Auto",
                        "windowSeconds": WINDOW,
                        "cooldownSeconds": 3600,
                        "bakeSeconds": 600,
                        "deadlineSeconds": TRIAL,
                        "exploration": {"budget": f"{budget:.4f}", "aim": "Verdict", "deadlineSeconds": TRIAL},
                    },
                    "truth": {HOME: {**home, "busyTold": told}, RIVAL: {**rival, "busyTold": told}},
                }
            ],
        }
    )
    return Drawn(
        scenario=scenario,
        kind=kind,
        busy_told=told,
        load=load,
        devices=devices,
        metric=metric,
        true_ratio=ratio,
        off=off,
        claimed=claimed,
        budget=budget,
        form=form,
        unit=unit,
        comparable=unit == REQUESTS or kind is Kind.TOKENS,
        promised=promised,
        trusted=trusted,
    )


def _unit(kind: Kind, chance: np.random.Generator) -> str:
    """Of text, requests or tokens; of others requests, but for a few."""
    of_tokens = chance.random() < (0.6 if kind is Kind.TOKENS else OF_TOKENS)
    return str(chance.choice([INPUT, OUTPUT])) if of_tokens else REQUESTS


def _promise(kind: Kind, promised: str) -> Mapping[str, object]:
    """The objective, of what is promised alone."""
    left_out = {f"{each}Milliseconds" for each in ("ttft", "itl") if each not in PROMISED.get(promised, ("ttft", "itl"))}
    return {name: value for name, value in OBJECTIVES[kind].items() if name not in left_out}


def _each(kind: Kind, unit: str) -> float:
    """Units of a request; of servers that count none, as many as some might have."""
    counted = lengths(kind)
    return 1.0 if unit == REQUESTS else SOME if counted is None else counted.means[0 if unit == INPUT else 1]


def _pool(name: str, price: float, devices: int, claims: list[Mapping[str, object]]) -> Mapping[str, object]:
    """Nodes with so many devices, one for each replica; `price` is that of a replica."""
    size = {"cpu": 8 * devices + 2, "memoryGiB": 32 * devices + 16, "devices": devices}
    return {"name": name, "family": "nvidia", **size, "pricePerHour": price * devices, "nodes": 0, "maxNodes": 60, "claims": claims}
