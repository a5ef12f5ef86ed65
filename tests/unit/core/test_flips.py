"""Where a claimed ratio of costs depends on the load: by whole replicas that are shared as the trial's own steady loads are, and by what is sure."""

from __future__ import annotations

import re
from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.trial import TrialPhase, TrialRow
from steelyard.core.rebalancing.verdict import TOLERANCE
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.flips import AROUND, costs_at, flips
from steelyard_runtime.load.rates import shares

HALF = Claim(name="half", metric=ClaimMetric.UNIT_COST, ratio=0.5, relative_to="dear")


def row(pool: str, carries: float, price: float, wide: float = 1.0, basis: Basis = Basis.PROBED) -> TrialRow:
    """Of a pool whose capacity is known but for a factor."""
    rate = Interval(carries, carries / wide, carries * wide)
    return TrialRow(pool=pool, phase=TrialPhase.MEASURED, capacity=Capacity(rate, basis, 1000), each=price)


def said_at(sentence: str, load: float) -> str:
    """true, open or false."""
    for part in sentence.split("; ")[:-1]:
        for low, high in re.findall(r"from (\S+) to (\S+?)(?:,| |$)", part):
            if float(low) <= load <= float(high):
                return part.split()[0]
    return sentence.rsplit("; ", maxsplit=1)[-1].split(maxsplit=1)[0]


@given(st.floats(0.5, 200), st.floats(1, 500))
def test_replicas_are_those_that_the_trials_own_loads_are_shared_among(carries: float, load: float) -> None:
    costs = costs_at(row("cheap", carries, 1.0), load)
    assert costs is not None
    assert costs.point == shares([load], carries)[0].replicas


def test_a_load_that_fills_the_cheap_pools_replica_is_not_said_to_be_true_where_the_trial_needs_two() -> None:
    """At 38 a second each of 40 and of 50 would be enough for itself; the trial gives a replica nine tenths of it, and needs two and one."""
    sentence = flips(HALF, row("cheap", 40, 0.4), row("dear", 50, 1.0), 38.0)
    assert said_at(sentence, 38.0) == "false"
    assert said_at(sentence, 30.0) == "true"


@given(st.floats(1, 100), st.floats(1, 100), st.floats(0.1, 5), st.floats(1.0, 1.3), st.floats(2, 300), st.floats(0, 1))
def test_no_load_is_called_true_or_false_where_the_bounds_allow_the_other(
    mine: float, theirs: float, price: float, wide: float, load: float, at: float
) -> None:
    sentence = flips(HALF, row("cheap", mine, price, wide), row("dear", theirs, 1.0, wide), load)
    if not sentence:
        return
    here = load * AROUND ** (2 * at - 1)
    ratios = [
        price * ceil(here / (0.9 * a) * (1 - 1e-9)) / ceil(here / (0.9 * b) * (1 - 1e-9))
        for a in (mine / wide, mine * wide)
        for b in (theirs / wide, theirs * wide)
    ]
    holds = {ratio <= 0.5 * (1 + TOLERANCE) for ratio in ratios}
    if said_at(sentence, here) == "true":
        near = said_at(sentence, here * 1.03) == said_at(sentence, here / 1.03) == "true"
        assert not near or holds == {True}


def test_bounds_that_allow_both_are_open_and_said_to_be() -> None:
    sentence = flips(HALF, row("cheap", 40, 0.4, 1.05), row("dear", 50, 1.0, 1.05), 38.0)
    assert "; open from " in sentence and sentence.startswith("true from ")
    # Between 0.9 x 40 / 1.05 and 0.9 x 40 x 1.05 nobody knows whether one replica is enough.
    assert said_at(sentence, 36.0) == "open" and said_at(sentence, 33.0) == "true" and said_at(sentence, 38.5) == "false"


def test_a_load_that_was_only_carried_says_nothing() -> None:
    assert flips(HALF, row("cheap", 40, 0.4, basis=Basis.CARRIED), row("dear", 50, 1.0), 38.0) == ""
    assert flips(HALF, row("cheap", 40, 0.4), row("dear", 50, 1.0, basis=Basis.CARRIED), 38.0) == ""


@pytest.mark.parametrize("price", [0.01, 10.0])
def test_what_is_the_same_at_all_loads_flips_at_none(price: float) -> None:
    assert flips(HALF, row("cheap", 40, price), row("dear", 50, 1.0), 38.0) == ""
