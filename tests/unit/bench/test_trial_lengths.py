"""Trials of text in whole worlds: where a claim truly flips by the length of requests the trial says so, and where it does not it says that."""

import pytest

from bench.judging.trial import Tried, tried
from bench.judging.worlds import HOME, RIVAL, UNIT_COST, Drawn, Load
from bench.kinds import OBJECTIVES, Kind, objective
from steelyard.core.facts.memory import VerdictWord
from steelyard.simulate.carried import carried
from steelyard.simulate.lengths import Lengths
from steelyard.simulate.scenario import Scenario
from steelyard.simulate.truth import Truth

FACTORS = (0.5, 2.0)
BUDGET = 3.0
CLAIMED, TOLERANCE = 0.7, 1.1
SERVER = {
    "floorMilliseconds": 25,
    "sequenceMicroseconds": 200,
    "contextMicroseconds": 0.3,
    "promptMicroseconds": 100,
    "kvTokens": 200_000,
    "maxSequences": 64,
}
LITTLE_MEMORY = {**SERVER, "kvTokens": 8000}
"""For a few long requests at the same time."""
LENGTHS = {"prompt": (300, 900), "output": (120, 360)}
"""(mean, most)."""


def lengths(factor: float = 1.0) -> dict[str, dict[str, float]]:
    return {name: {"mean": factor * mean, "spread": 0.4, "most": int(factor * most)} for name, (mean, most) in LENGTHS.items()}


def world(rival: dict[str, float], price: float) -> Drawn:
    """Home is a usual server; the rival costs `price` of it, and is claimed to cost CLAIMED of it a request."""
    size = {"cpu": 10, "memoryGiB": 48, "devices": 1}
    claim = {"metric": UNIT_COST, "ratio": CLAIMED, "relativeTo": HOME}
    pools = [
        {"name": name, "family": "nvidia", **size, "pricePerHour": each, "nodes": 0, "maxNodes": 60, "claims": claims}
        for name, each, claims in ((HOME, 1.0, []), (RIVAL, price, [claim]))
    ]
    entry = {
        "name": "work",
        "load": {"constant": 16.0},
        "lengths": lengths(),
        "objective": OBJECTIVES[Kind.TOKENS],
        "scaling": {"minReplicas": 1, "maxReplicas": 60},
        "rebalancing": {"mode": "Auto", "windowSeconds": 120},
        "truth": {HOME: {"tokens": SERVER, "startSeconds": 60}, RIVAL: {"tokens": rival, "startSeconds": 60}},
    }
    scenario = Scenario.model_validate({"days": 0.25, "seed": 3, "stepSeconds": 60, "pools": pools, "workloads": [entry]})
    return Drawn(
        scenario=scenario,
        kind=Kind.TOKENS,
        busy_told=False,
        load=Load.MIDDLE,
        devices=1,
        metric=UNIT_COST,
        true_ratio=0.0,
        off=1.0,
        claimed=CLAIMED,
        budget=BUDGET,
    )


def holds(truth: dict[str, float], factor: float) -> float:
    made = Truth.model_validate({"tokens": truth})
    return carried(made, objective(Kind.TOKENS), Lengths.model_validate(lengths(factor)), requests=20_000)


def true(rival: dict[str, float], price: float) -> dict[float, bool]:
    """Whether the claim is true, by played servers alone."""
    return {factor: price * holds(SERVER, factor) / holds(rival, factor) <= CLAIMED * TOLERANCE for factor in (*FACTORS, 1.0)}


def found(told: Tried) -> dict[float, VerdictWord]:
    return {**told.at_lengths, 1.0: told.verdict}


@pytest.mark.parametrize(
    ("rival", "price", "flips"), [(LITTLE_MEMORY, 0.3, True), (SERVER, 0.4, False)], ids=["flips by length", "holds at all lengths"]
)
def test_a_trial_says_of_each_length_what_is_true_there(rival: dict[str, float], price: float, flips: bool) -> None:
    truly = true(rival, price)
    assert (set(truly.values()) == {True, False}) is flips
    told = tried(world(rival, price), FACTORS)
    assert told.ended == "Decided"
    assert found(told) == {factor: VerdictWord.CONFIRMED if yes else VerdictWord.REFUTED for factor, yes in truly.items()}
    assert told.spent <= told.reserved <= BUDGET
    for pool, server in ((HOME, SERVER), (RIVAL, rival)):
        for factor in (*FACTORS, 1.0):
            assert told.carried[pool][factor] == pytest.approx(holds(server, factor), rel=0.35)
