"""Token models: TTFT, ITL, capacity and cost from counters, at the lengths that were seen and at others."""

from dataclasses import replace
from math import isinf

import numpy as np
import pytest

from property.core.curves import PLENTY, Server
from steelyard.core.performance.iteration import PRIOR
from steelyard.core.performance.lengths import Lengths
from steelyard.core.performance.token_latency import Slots, TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenLoad, TokenMetric
from steelyard.core.statistics.interval import lowest

CHAT, SUMMARY = Lengths(prompt=1000, output=250), Lengths(prompt=6000, output=250)
SERVER = Server(np.log([0.0066, 1 / 180, 6e-6, 1 / 260, 1.2, 0.8]))


def fitted(*loads: TokenLoad) -> TokenLatency:
    found = token_latency(loads)
    assert found is not None
    return found


def four(lengths: Lengths) -> tuple[TokenLoad, ...]:
    return tuple(SERVER.at(used, lengths) for used in (0.1, 0.35, 0.6, 0.85))


@pytest.mark.parametrize("metric", TokenMetric)
def test_four_loads_of_a_server_that_keeps_the_law_predict_all_others(metric: TokenMetric) -> None:
    curve = fitted(*four(CHAT)).curve(metric, CHAT, PLENTY)
    for used in (0.2, 0.5, 0.7, 0.9):
        told = SERVER.at(used, CHAT)
        interval = curve.at(told.rate)
        # A mean over what the figures may be: beyond the loads seen, near the saturation, it is more than at the true ones.
        assert interval.point == pytest.approx(told.mean(metric), rel=0.02 if used < 0.85 else 0.03)
        assert interval.lower <= (told.mean(metric) or 0) <= interval.upper


def test_near_the_saturation_the_less_is_known_the_more_is_expected_beyond_what_the_likeliest_figures_say() -> None:
    one, all_four = (found.curve(TokenMetric.ITL, CHAT, PLENTY) for found in (fitted(SERVER.at(0.5, CHAT)), fitted(*four(CHAT))))
    more = []
    for curve in (one, all_four):
        mean = curve.belief.mean[:, None]
        rate = 0.9 * curve.saturation(mean)
        more.append(curve.at(float(rate[0])).point / float(curve.law(mean, rate)[0]))
    assert more[0] > more[1] >= 1.0
    assert more[0] > 1.02


def test_one_load_is_enough_for_a_wide_interval() -> None:
    one, all_four = fitted(SERVER.at(0.5, CHAT)), fitted(*four(CHAT))
    told = SERVER.at(0.7, CHAT)
    width = [found.curve(TokenMetric.ITL, CHAT, PLENTY).at(told.rate) for found in (one, all_four)]
    assert width[0].lower <= told.itl <= width[0].upper
    assert width[0].upper / width[0].lower > 1.5 * width[1].upper / width[1].lower


def test_longer_prompts_shift_capacity_and_are_known_less_until_they_were_seen() -> None:
    limit = 0.02
    chat_only = fitted(*four(CHAT))
    both = fitted(*four(CHAT), SERVER.at(0.3, SUMMARY), SERVER.at(0.6, SUMMARY))
    now, then = (chat_only.curve(TokenMetric.ITL, lengths, PLENTY).capacity(limit) for lengths in (CHAT, SUMMARY))
    assert then.point < now.point / 2
    assert then.upper / then.lower > 1.5 * now.upper / now.lower
    seen = both.curve(TokenMetric.ITL, SUMMARY, PLENTY).capacity(limit)
    assert seen.upper / seen.lower < then.upper / then.lower
    truth = np.interp(
        limit, *zip(*((SERVER.at(u, SUMMARY).itl, SERVER.at(u, SUMMARY).rate) for u in np.linspace(0.1, 0.95, 200)), strict=True)
    )
    for capacity in (then, seen):
        assert capacity.lower <= truth <= capacity.upper
    assert seen.point == pytest.approx(truth, rel=0.05)


def test_a_server_that_holds_fewer_sequences_saturates_earlier() -> None:
    found = fitted(*four(CHAT))
    free, bounded = (found.curve(TokenMetric.TTFT, CHAT, slots) for slots in (PLENTY, Slots(8)))
    assert bounded.capacity(10.0).point < 0.5 * free.capacity(10.0).point
    told = SERVER.at(0.9, CHAT)
    assert told.rate * told.itl * CHAT.output > 8
    assert isinf(bounded.at(told.rate).point)
    assert bounded.at(0.02 * told.rate).point == pytest.approx(free.at(0.02 * told.rate).point, rel=0.05)


@pytest.mark.parametrize("seconds", [0.02, 5.0])
def test_of_two_limits_the_second_is_looked_at_closely_only_where_it_may_be_the_stricter_one(seconds: float) -> None:
    found = fitted(*four(CHAT))
    first, between = (found.curve(metric, CHAT, Slots(64), 0.05) for metric in (TokenMetric.TTFT, TokenMetric.ITL))
    other, alone = first.capacity(1.0), between.capacity(seconds)
    told = between.capacity(seconds, other)
    assert lowest([other, told]) == lowest([other, alone])
    assert (told == other) is (seconds == 5.0), "each of both happens"


def test_a_promise_for_more_requests_has_a_longer_tail() -> None:
    found, told = fitted(*four(CHAT)), SERVER.at(0.5, CHAT)
    for metric in TokenMetric:
        points = [found.curve(metric, CHAT, Slots(64), allowed).at(told.rate).point for allowed in (0.1, 0.05, 0.01)]
        assert (told.mean(metric) or 0) < points[0]
        assert points == sorted(points)


def test_near_the_saturation_of_its_slots_a_request_waits_for_one_and_tokens_come_as_before() -> None:
    found = fitted(*four(CHAT))
    ttft, itl = (found.curve(metric, CHAT, Slots(16), 0.01) for metric in (TokenMetric.TTFT, TokenMetric.ITL))
    full = ttft.full.point
    assert ttft.at(0.5 * full).point < 0.3
    assert ttft.at(0.97 * full).point > 3
    assert itl.at(0.97 * full).point < 1.3 * itl.at(0.5 * full).point


def test_a_load_that_tells_no_ttft_still_tells_of_capacity() -> None:
    found = fitted(*(replace(load, ttft=None) for load in four(CHAT)))
    told = SERVER.at(0.7, CHAT)
    assert found.curve(TokenMetric.ITL, CHAT, PLENTY).at(told.rate).point == pytest.approx(told.itl, rel=0.05)
    ttft = found.curve(TokenMetric.TTFT, CHAT, PLENTY).at(told.rate)
    assert ttft.lower <= (told.ttft or 0) <= ttft.upper


def test_batches_that_came_at_once_teach_the_law_of_arrivals() -> None:
    iteration, loads = SERVER.of(CHAT), []
    for batch in (1, 8, 32):
        n = np.asarray(float(batch))
        itl, ttft = float(iteration.itl(np.asarray(0.0), n)), float(iteration.ttft_of_batch(n))
        loads.append(TokenLoad(rate=batch / (ttft + CHAT.output * itl), requests=10_000, lengths=CHAT, batch=batch, itl=itl, ttft=ttft))
    told = SERVER.at(0.6, CHAT)
    assert fitted(*loads).curve(TokenMetric.ITL, CHAT, PLENTY).at(told.rate).point == pytest.approx(told.itl, rel=0.05)


def test_one_wild_load_does_not_move_the_others_much() -> None:
    wild = replace(SERVER.at(0.5, CHAT), itl=10 * SERVER.at(0.5, CHAT).itl)
    told = SERVER.at(0.7, CHAT)
    found = fitted(*four(CHAT), SERVER.at(0.45, CHAT), wild)
    assert found.curve(TokenMetric.ITL, CHAT, PLENTY).at(told.rate).point == pytest.approx(told.itl, rel=0.25)
    assert found.fit.scatter > 2 * fitted(*four(CHAT)).fit.scatter


def test_without_a_load_there_is_no_law() -> None:
    assert token_latency(()) is None


def test_what_one_epoch_taught_is_the_prior_of_the_next() -> None:
    before = fitted(*four(CHAT)).fit.belief.widened(1.3)
    faster = Server(SERVER.logs + np.array([np.log(0.8), 0, 0, 0, 0, 0]))
    one = faster.at(0.5, CHAT)
    told = faster.at(0.8, CHAT)
    errors = []
    for prior in (before, PRIOR):
        found = token_latency([one], prior)
        assert found is not None
        errors.append(abs(found.curve(TokenMetric.ITL, CHAT, PLENTY).at(told.rate).point / told.itl - 1))
    assert errors[0] < 0.05 < errors[1]
