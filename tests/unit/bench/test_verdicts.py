"""What a world of the benchmark says of itself is so: else its bars say nothing."""

import pytest

from bench.judging import play
from bench.judging.play import alone, factor
from bench.judging.worlds import EXACT, HOME, HOURS, INPUT, OFF, OUTPUT, REQUESTS, RIVAL, UNIT_COST, Drawn, Form, draw
from bench.kinds import Kind
from bench.verdicts import OPERATOR, TRIAL, WORLDS, bars
from steelyard.core.facts.memory import VerdictWord
from steelyard.simulate.carried import carried


def figure(world: Drawn, pool: str) -> float:
    """What is true of a pool in the claim's metric and unit: by a server that is played alone."""
    (entry,) = world.scenario.workloads
    (found,) = (p for p in world.scenario.pools if p.name == pool)
    counted = {OUTPUT: 1, INPUT: 0}
    each = entry.lengths.means[counted[world.unit]] if entry.lengths and world.unit in counted else 1.0
    if world.metric != UNIT_COST:
        return entry.truth[pool].saturation(entry.lengths) * each
    held = carried(entry.truth[pool], entry.objective, entry.lengths, requests=EXACT)
    per = 1000 if world.unit == REQUESTS else 1_000_000
    return (found.price_per_hour or 0.0) / found.devices / 3600 / (held * each) * per


@pytest.mark.parametrize("number", [0, 2, 7, 10, 13, 104])
def test_a_world_is_as_it_is_drawn(number: int) -> None:
    world = draw(number)
    (entry,) = world.scenario.workloads
    prices = {p.name: (p.price_per_hour or 0.0) / p.devices for p in world.scenario.pools}
    held = {pool: carried(entry.truth[pool], entry.objective, entry.lengths, requests=EXACT) for pool in (HOME, RIVAL)}
    assert prices[RIVAL] / held[RIVAL] / (prices[HOME] / held[HOME]) == pytest.approx(world.true_ratio)
    assert world.off == 1 or factor(world.off, 1.0) >= OFF
    (claim,) = next(p for p in world.scenario.pools if p.name == RIVAL).claims
    assert (claim.value if world.form is Form.VALUE else claim.ratio) == world.claimed
    assert claim.unit is not None
    if world.comparable:
        true = figure(world, RIVAL) / (1.0 if world.form is Form.VALUE else figure(world, HOME))
        assert world.claimed == pytest.approx(world.off * true)
    assert draw(number).scenario == world.scenario


def row(**changes: object) -> dict[str, object]:
    usual = {
        "judge": OPERATOR,
        "kind": Kind.SEQUENTIAL.value,
        "busy_told": True,
        "metric": UNIT_COST,
        "claim": Form.RATIO.value,
        "unit": REQUESTS,
        "promised": "e2e",
        "comparable": True,
        "true_ratio": 0.7,
        "off": 1.0,
        "claimed": 0.7,
        "verdict": VerdictWord.CONFIRMED.value,
        "measured": 0.7,
        "n": 300,
    }
    rest = {
        "fixed_n": 1000.0,
        "overshoot_money": 0.0,
        "window_money": 0.1,
        "moved_to_cheapest": True,
        "regret": 0.02,
        "trusting_regret": 0.1,
    }
    return {**usual, **rest, **changes}


def missed(*rows: dict[str, object]) -> list[str]:
    """But for the numbers of worlds."""
    found = bars(rows)  # type: ignore[arg-type]
    assert [bar.met for bar in found if bar.asked.endswith("worlds")] == [False, False]
    return [bar.asked.split(":")[0] for bar in found if bar.met is False and not bar.asked.endswith("worlds")]


def test_fewer_worlds_than_are_asked_for_miss_a_bar() -> None:
    assert [bars([row()] * many)[0].met for many in (WORLDS - 1, WORLDS)] == [False, True]  # type: ignore[list-item]


@pytest.mark.parametrize("number", [7, 12])
def test_a_pool_alone_costs_what_it_would_cost_if_it_were_played_to_the_end(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    short = alone(draw(number), HOME, busy_told=False)
    monkeypatch.setattr(play, "PLAYED", HOURS)
    assert short == pytest.approx(alone(draw(number), HOME, busy_told=False), rel=0.005)


def test_a_bar_is_missed_by_what_it_is_about_and_by_nothing_else() -> None:
    assert missed(row(), row(off=0.8, claimed=0.56, verdict="Refuted")) == []
    assert missed(row(verdict="Refuted")) == ["true claims Refuted"]
    assert missed(row(off=0.8, claimed=0.56)) == ["false claims Confirmed"]
    assert missed(row(off=1.5, claimed=1.05, verdict="Refuted")) == ["true claims Refuted"]
    assert missed(row(off=1.5, claimed=1.05, verdict="Inconclusive", n=None)) == [
        "claims that are off by 15 % or more are judged",
        "requests to a word",
    ]
    assert missed(row(moved_to_cheapest=False)) == ["a pool that is cheaper by 15 % or more is reached"]
    assert missed(row(overshoot_money=0.2)) == ["trials cost at most a window more than their budget"]
    assert missed(row(regret=0.2)) == ["mean regret at most 8%", "mean regret at most 8%, sequential, busy time told"]


def test_words_of_trials_are_in_targets_of_their_own() -> None:
    nothing = dict.fromkeys(("fixed_n", "overshoot_money", "window_money", "moved_to_cheapest", "regret", "trusting_regret"))
    by_a_trial = row(judge=TRIAL, **nothing)
    assert missed(row(), by_a_trial, {**by_a_trial, "off": 0.8, "claimed": 0.56, "verdict": "Refuted"}) == []
    assert missed(row(), {**by_a_trial, "verdict": "Refuted"}) == ["by trials, true claims Refuted"]
    assert missed(row(verdict="Refuted"), by_a_trial) == ["true claims Refuted"]


def test_one_kind_of_server_that_is_done_badly_is_no_mean_of_many() -> None:
    badly = row(kind=Kind.TOKENS.value, busy_told=False, regret=0.3)
    assert missed(*[row()] * 20, badly) == ["mean regret at most 8%, tokens, busy time not told"]


def test_one_way_of_claiming_that_is_measured_wrongly_is_no_median_of_many() -> None:
    wrongly = row(claim=Form.VALUE.value, promised="itl", measured=0.5)
    assert missed(*[row()] * 20, wrongly) == ["the same of each metric, form, unit and promise"]


def test_a_claim_of_what_nobody_tells_counts_neither_as_judged_nor_as_not_judged_and_misses_by_any_word() -> None:
    untold = row(comparable=False, off=0.7, verdict="Inconclusive", measured=None, n=None)
    assert missed(row(), untold) == []
    assert missed(row(), {**untold, "verdict": "Refuted"}) == ["a claim of what the servers do not tell gets no word and no figure"]


def test_what_a_pool_costs_where_its_servers_tell_how_busy_they_are_is_less_than_where_they_do_not() -> None:
    untold = next(each for each in map(draw, range(100)) if not each.busy_told and each.kind is Kind.SEQUENTIAL)
    assert alone(untold, HOME, busy_told=True) < alone(untold, HOME, busy_told=False)
