"""One world played to its end: what was said of its claim, when, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, log

from bench.judging.worlds import HOME, RIVAL, Drawn
from steelyard.core.facts.memory import ClaimVerdict, MoveKind, VerdictWord
from steelyard.core.statistics.confidence_sequence import NORMAL, WRONG, widening
from steelyard.simulate.alone import alone as alone_on
from steelyard.simulate.drive import steps
from steelyard.simulate.scenario_file import Loaded
from steelyard.simulate.world import World

POWER = 0.84
"""Standard deviations: a test of fixed size finds what it looks for in 80 % of cases."""
SURE = 2.576
"""The same of a two-sided error of 1 %."""
EFFECT = log(1.15)
PLAYED, SETTLED = 6.0, 3.0
"""Hours of a pool alone that are played, and from when on its size has settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """verdict: the last word; n: requests behind the first conclusive one, and fixed_n: those that a test of fixed size needs to tell an effect of 15 %
    by the spread that was seen; None where there was none. measured: the last figure. overshoot: money of trials beyond the budget. cost: of the
    replicas. ends_on: the pool that holds most of the load at the end."""

    verdict: VerdictWord
    n: int | None
    fixed_n: float | None
    measured: float | None
    overshoot: float
    cost: float
    missed: float
    ends_on: str


def judged(drawn: Drawn) -> Judged:
    """As decided."""
    first: ClaimVerdict | None = None
    tried, trial, hours = 0.0, False, 0.0

    world = World(drawn.scenario, {})
    (tenant,) = world.tenants.values()
    for _ in steps(world):
        first = first or next((c for c in tenant.memory.claims if c.verdict is not VerdictWord.INCONCLUSIVE), None)
        stood, move = tenant.tally.replica_hours.get(RIVAL, 0.0), tenant.memory.move
        tried += (stood - hours) * _price(drawn, RIVAL) if trial else 0.0
        hours, trial = stood, move is not None and move.kind is MoveKind.EXPLORATION and move.target.pool == RIVAL
    memory = tenant.memory
    last = memory.claims[0] if memory.claims else None
    return Judged(
        verdict=last.verdict if last else VerdictWord.INCONCLUSIVE,
        n=first.n if first else None,
        fixed_n=_fixed(first) if first else None,
        measured=last.measured if last else None,
        overshoot=max(0.0, tried - drawn.budget),
        cost=_cost(drawn, tenant.tally.replica_hours),
        missed=tenant.tally.missed / max(1, tenant.tally.ended),
        ends_on=memory.allocation[0].pool if memory.allocation else "",
    )


def alone(drawn: Drawn, pool: str, *, busy_told: bool) -> float:
    """Money where the workload is on one pool from beginning to end, sized by the same rule: what `steelyard simulate` compares with. The load is
    constant, so that the hours in which the size has settled stand for those that are not played. busy_told: by its servers, whatever they tell
    in this world."""
    hours = drawn.scenario.days * 24
    played = min(hours, PLAYED)
    (entry,) = drawn.scenario.workloads
    truth = {name: each.model_copy(update={"busy_told": busy_told}) for name, each in entry.truth.items()}
    workloads = (entry.model_copy(update={"truth": truth}),)
    scenario = drawn.scenario.model_copy(update={"days": played / 24, "workloads": workloads})
    (work,) = alone_on(Loaded(scenario, {}), scenario.workloads[0].name, pool, lambda _: None).workloads
    settled = sum(_cost(drawn, row.tally.replica_hours) for row in work.rows if row.until > SETTLED * 3600)
    return _cost(drawn, work.tally.replica_hours) + settled * max(0.0, hours - played) / (PLAYED - SETTLED)


def _price(drawn: Drawn, pool: str) -> float:
    """Money per hour of a replica: its device's part of a node."""
    (entry,) = (p for p in drawn.scenario.pools if p.name == pool)
    return (entry.price_per_hour or 0.0) / max(1, entry.devices)


def _cost(drawn: Drawn, hours: dict[str, float]) -> float:
    return sum(hours.get(pool, 0.0) * _price(drawn, pool) for pool in (HOME, RIVAL))


def _fixed(first: ClaimVerdict) -> float | None:
    """The spread of one request follows from the bounds and n, as if requests were independent."""
    if not first.lower or not first.upper or first.lower <= 0:
        return None
    half = log(first.upper / first.lower) / 2 / (widening(WRONG) * NORMAL)
    return float(half * half * first.n * ((SURE + POWER) / EFFECT) ** 2)


def factor(found: float, true: float) -> float:
    """How many times off, either way."""
    return exp(abs(log(found / true)))
