"""A trial judges claims of power and latency by its own steady loads, and says what is missing where these do not tell."""

from __future__ import annotations

from dataclasses import replace

import pytest

from steelyard.core.facts.capacity import Basis, Capacity
from steelyard.core.facts.claim import Claim, ClaimMetric
from steelyard.core.facts.memory import ClaimVerdict, VerdictWord
from steelyard.core.facts.probe import ProbeStep
from steelyard.core.facts.trial import PoolClaim, SteadyStep
from steelyard.core.statistics.interval import Interval
from steelyard.core.trials.steady import energy_of, percentile_of
from steelyard.core.vocabulary.reason import Reason
from unit.core.asked_trial import AskedTrial
from unit.core.test_asked_trial import asked, world
from unit.core.world import Ground

CONFIRMED, REFUTED, INCONCLUSIVE = VerdictWord.CONFIRMED, VerdictWord.REFUTED, VerdictWord.INCONCLUSIVE
POWER, LATENCY = ClaimMetric.POWER, ClaimMetric.LATENCY


def claim(metric: ClaimMetric, figure: float, of: str | None = None) -> PoolClaim:
    ratio, value = (figure, None) if of else (None, figure)
    return PoolClaim(pool="cheap", claim=Claim(name="vendor", metric=metric, ratio=ratio, relative_to=of, value=value))


def judged(trial: AskedTrial) -> ClaimVerdict:
    trial.to_its_end()
    (told,) = trial.memory.verdicts
    return told.verdict


@pytest.mark.parametrize(
    ("of", "figure", "word"),
    [(None, 300.0, CONFIRMED), (None, 100.0, REFUTED), ("dear", 0.9, CONFIRMED), ("dear", 0.1, REFUTED)],
)
def test_a_claim_of_power_is_judged_by_the_joules_of_the_steady_loads_over_their_seconds(
    of: str | None, figure: float, word: VerdictWord
) -> None:
    trial = asked(claims=(claim(POWER, figure, of),), watts={"cheap": 200.0, "dear": 400.0})
    verdict = judged(trial)
    assert verdict.verdict is word and verdict.measured == pytest.approx(200.0 if of is None else 0.5, rel=0.01)
    assert trial.finished == Reason.DECIDED


@pytest.mark.parametrize(
    ("of", "figure", "word"), [(None, 70.0, CONFIRMED), (None, 40.0, REFUTED), ("dear", 0.9, CONFIRMED), ("dear", 0.2, REFUTED)]
)
def test_a_claim_of_latency_is_judged_by_the_objectives_percentile_at_a_steady_load(
    of: str | None, figure: float, word: VerdictWord
) -> None:
    """Both pools are equally full at that load."""
    pools = {"dear": Ground(price=2.0, speed=10.0), "cheap": Ground(price=1.0, speed=10.0)}
    trial = AskedTrial(world=world(**pools), claims=(claim(LATENCY, figure, of),), took={"cheap": 60.0, "dear": 120.0})
    verdict = judged(trial)
    assert verdict.verdict is word and verdict.measured == pytest.approx(60.0 if of is None else 0.5)
    assert trial.finished == Reason.DECIDED


@pytest.mark.parametrize(
    ("metric", "figure", "what"), [(POWER, 300.0, "nothing tells what energy pool"), (LATENCY, 70.0, "has not answered enough")]
)
@pytest.mark.parametrize("of", [None, "dear"])
def test_what_nobody_told_leaves_the_claim_open_with_what_is_missing(metric: ClaimMetric, figure: float, what: str, of: str | None) -> None:
    trial = asked(claims=(claim(metric, figure, of),), watts={"dear": 400.0}, took={"dear": 120.0})
    verdict = judged(trial)
    assert verdict.verdict is INCONCLUSIVE and verdict.measured is None and what in verdict.message
    assert trial.finished == Reason.BUDGET_SPENT and what in trial.memory.said and "a larger spec.budget" not in trial.memory.said


# A single load


def step(rate: float, **more: object) -> SteadyStep:
    sent = ProbeStep(rate=rate, seconds=100.0, good=round(99 * rate), slow=round(rate), error=0, shed=0)
    return replace(SteadyStep(load=rate, replicas=1, step=sent), **more)  # type: ignore[arg-type]


TOOK = {"percent": 99.0, "took": Interval(50.0, 45.0, 55.0)}
CAPACITY = Capacity(Interval(20.0, 19.0, 21.0), Basis.PROBED, 1000)


def test_energy_is_of_the_highest_rate_that_tells_it_and_less_sure_the_fewer_were_sent() -> None:
    few, many = step(1.0, joules=1e4, drawn=100.0), step(16.0, joules=2e4, drawn=125.0)
    found, thin = energy_of((many, few, step(18.0))), energy_of((few,))
    assert found is not None and thin is not None
    assert (found.watts.point, found.load, found.n) == (160.0, 12.8, 1584) and not found.estimated
    assert found.each.point == pytest.approx(2e4 / 1584, rel=1e-3)
    assert found.watts.upper / found.watts.point < thin.watts.upper / thin.watts.point
    assert found.watts.upper == pytest.approx(160.0 * (1 + 1.96 / 40), rel=1e-3)


@pytest.mark.parametrize("told", [{}, {"joules": 10.0}, {"joules": 0.0, "drawn": 100.0}, {"joules": 10.0, "drawn": 0.0}])
def test_without_a_counter_that_moved_energy_is_unknown_and_never_0(told: dict[str, float]) -> None:
    assert energy_of((step(10.0, **told),)) is None


def test_a_load_of_which_fewer_were_sent_than_asked_for_says_nothing() -> None:
    late = step(10.0, joules=10.0, drawn=100.0, **TOOK)
    late = replace(late, step=replace(late.step, good=100))
    assert energy_of((late,)) is None and percentile_of((late,), CAPACITY) is None


@pytest.mark.parametrize(("rate", "usual"), [(9.9, False), (10.0, True), (20.0, True), (20.1, False)])
def test_a_percentile_is_of_a_load_that_a_replica_is_meant_for(rate: float, usual: bool) -> None:
    found = percentile_of((step(rate, **TOOK),), CAPACITY)
    assert (found is not None) is usual
    assert found is None or (found.milliseconds, found.percent, found.load, found.n) == (TOOK["took"], 99.0, rate, found.n)


def test_of_two_such_loads_the_higher_one_tells_the_percentile_and_without_a_capacity_none_does() -> None:
    both = step(18.0, **TOOK), step(12.0, percent=99.0, took=Interval(1.0, 1.0, 1.0))
    found = percentile_of(both, CAPACITY)
    assert found is not None and found.milliseconds == TOOK["took"]
    assert percentile_of(both, None) is None
