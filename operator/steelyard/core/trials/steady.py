"""What the steady loads of a trial say of power and of latency, for claims of these (ADR 0052)."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

from steelyard.core.facts.capacity import Capacity
from steelyard.core.facts.energy import UnitEnergy
from steelyard.core.facts.percentile import Percentile
from steelyard.core.facts.trial import SteadyStep
from steelyard.core.performance.percentile import USUAL
from steelyard.core.performance.probe_steps import told
from steelyard.core.statistics.confidence_sequence import NORMAL
from steelyard.core.statistics.interval import Interval
from steelyard.core.statistics.significant import significant


def energy_of(steady: Sequence[SteadyStep]) -> UnitEnergy | None:
    """Of the highest rate whose joules are known: it is nearest to where the objective is just kept. None where no counter told, or nothing was good.

    A counter says exactly what was drawn. By chance alone more or fewer requests came than usually do, and power differs by no more than they do.
    """
    known = [each for each in _sound(steady) if each.joules and each.drawn and each.step.good]
    if not known:
        return None
    found = max(known, key=lambda each: each.step.rate)
    assert found.joules is not None and found.drawn is not None
    off = 1 + NORMAL / sqrt(found.step.offered)
    watts, each = found.joules / found.drawn, found.joules / found.step.good
    answered = (found.step.good + found.step.slow) / found.drawn
    return UnitEnergy(
        each=_around(each, off),
        watts=_around(watts, off),
        load=significant(answered),
        n=found.step.good,
        estimated=False,
    )


def percentile_of(steady: Sequence[SteadyStep], capacity: Capacity | None) -> Percentile | None:
    """Of the highest rate that is one that a replica is meant for; None where none was, or it is not known there."""
    if capacity is None:
        return None
    least, most = (part * capacity.rate.point for part in USUAL)
    known = [each for each in _sound(steady) if each.took is not None and each.percent is not None and least <= each.step.rate <= most]
    if not known:
        return None
    found = max(known, key=lambda each: each.step.rate)
    assert found.took is not None and found.percent is not None
    took = Interval(significant(found.took.point), significant(found.took.lower), significant(found.took.upper))
    return Percentile(took, found.percent, significant(found.step.rate), found.step.good + found.step.slow)


def _around(value: float, off: float) -> Interval:
    return Interval(significant(value), significant(value / off), significant(value * off))


def _sound(steady: Sequence[SteadyStep]) -> list[SteadyStep]:
    """Of which as many requests came as their rate and length say."""
    return [each for each in steady if told((each.step,))]
