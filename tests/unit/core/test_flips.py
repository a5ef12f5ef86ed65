"""Where a claimed ratio of costs depends on the load: by whole replicas that are shared as the trial's own steady loads are, and by what is sure."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.trial import TrialPhase, TrialRow
from steelyard.core.rebalancing.verdict import TOLERANCE
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.flips import AROUND, LOADS, costs_at, flips
from steelyard_runtime.load.rates import shares

DIGITS = 0.006
"""Part of a load that its three digits leave out."""
HALF = Claim(name="half", metric=ClaimMetric.UNIT_COST, ratio=0.5, relative_to="dear")


def row(pool: str, carries: float, price: float, wide: float = 1.0, basis: Basis = Basis.PROBED) -> TrialRow:
    """Of a pool whose capacity is known but for a factor."""
    rate = Interval(carries, carries / wide, carries * wide)
    return TrialRow(pool=pool, phase=TrialPhase.MEASURED, capacity=Capacity(rate, basis, 1000), each=price)


def said_at(sentence: str, load: float) -> str:
    """true, open or false."""
    for part in sentence.split("; ")[:-1]:
        ranges = [(float(low), float(high)) for low, high in re.findall(r"from (\S+) to (\S+?)(?:,| |$)", part)]
        ranges += [(float(at), float(at)) for at in re.findall(r"at ([0-9.e+-]+)", part)]
        if any(low * (1 - DIGITS) <= load <= high * (1 + DIGITS) for low, high in ranges):
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


@given(st.floats(1, 100), st.floats(1, 100), st.floats(0.1, 5), st.floats(1.0, 1.3), st.floats(2, 300))
def test_each_load_is_true_false_or_open_as_whole_replicas_are_by_the_ends_of_both_capacities(
    mine: float, theirs: float, price: float, wide: float, load: float
) -> None:
    def replicas(carries: float, at: float) -> int:
        return shares([at], carries)[0].replicas

    def word(at: float) -> str:
        ratios = [
            price * replicas(cheap, at) / replicas(dear, at)
            for cheap in (mine / wide, mine * wide)
            for dear in (theirs / wide, theirs * wide)
        ]
        holds = {ratio <= 0.5 * (1 + TOLERANCE) for ratio in ratios}
        return "open" if len(holds) == 2 else str(holds.pop()).lower()

    loads = [load / AROUND * AROUND ** (2 * step / (LOADS - 1)) for step in range(LOADS)]
    sentence = flips(HALF, row("cheap", mine, price, wide), row("dear", theirs, 1.0, wide), load)
    words = [word(at) for at in loads]
    assert (sentence == "") is (len(set(words)) == 1)
    assert not sentence or [said_at(sentence, at) for at in loads] == words


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
