"""Token models: TTFT, ITL, capacity and cost from counters, at the lengths that were seen and at others."""

from dataclasses import replace
from math import inf, isinf

import numpy as np
import pytest

from property.core.curves import Server
from steelyard.core.performance.iteration import PRIOR
from steelyard.core.performance.lengths import Lengths, cost_of_good_requests, cost_of_tokens
from steelyard.core.performance.token_latency import TokenLatency, token_latency
from steelyard.core.performance.token_load import TokenLoad, TokenMetric, TokenWindow, token_loads
from steelyard.core.statistics.interval import Interval

CHAT, SUMMARY = Lengths(prompt=1000, output=250), Lengths(prompt=6000, output=250)
SERVER = Server(np.log([0.0066, 1 / 180, 6e-6, 1 / 260, 1.2, 0.8]))


def fitted(*loads: TokenLoad, percent: float = 95.0) -> TokenLatency:
    found = token_latency(loads, percent=percent)
    assert found is not None
    return found


def four(lengths: Lengths) -> tuple[TokenLoad, ...]:
    return tuple(SERVER.at(used, lengths) for used in (0.1, 0.35, 0.6, 0.85))


@pytest.mark.parametrize("metric", TokenMetric)
def test_four_loads_of_a_server_that_keeps_the_law_predict_all_others(metric: TokenMetric) -> None:
    curve = fitted(*four(CHAT)).curve(metric, CHAT)
    for used in (0.2, 0.5, 0.7, 0.9):
        told = SERVER.at(used, CHAT)
        interval = curve.at(told.rate)
        assert interval.point == pytest.approx(told.mean(metric), rel=0.02)
        assert interval.lower <= (told.mean(metric) or 0) <= interval.upper


def test_one_load_is_enough_for_a_wide_interval() -> None:
    one, all_four = fitted(SERVER.at(0.5, CHAT)), fitted(*four(CHAT))
    told = SERVER.at(0.7, CHAT)
    width = [found.curve(TokenMetric.ITL, CHAT).at(told.rate) for found in (one, all_four)]
    assert width[0].lower <= told.itl <= width[0].upper
    assert width[0].upper / width[0].lower > 1.5 * width[1].upper / width[1].lower


def test_longer_prompts_shift_capacity_and_are_known_less_until_they_were_seen() -> None:
    limit = 0.02
    chat_only = fitted(*four(CHAT))
    both = fitted(*four(CHAT), SERVER.at(0.3, SUMMARY), SERVER.at(0.6, SUMMARY))
    now, then = (chat_only.curve(TokenMetric.ITL, lengths).capacity(limit) for lengths in (CHAT, SUMMARY))
    assert then.point < now.point / 2
    assert then.upper / then.lower > 1.5 * now.upper / now.lower
    seen = both.curve(TokenMetric.ITL, SUMMARY).capacity(limit)
    assert seen.upper / seen.lower < then.upper / then.lower
    truth = np.interp(
        limit, *zip(*((SERVER.at(u, SUMMARY).itl, SERVER.at(u, SUMMARY).rate) for u in np.linspace(0.1, 0.95, 200)), strict=True)
    )
    for capacity in (then, seen):
        assert capacity.lower <= truth <= capacity.upper
    assert seen.point == pytest.approx(truth, rel=0.05)


def test_a_server_that_holds_fewer_sequences_saturates_earlier() -> None:
    found = fitted(*four(CHAT))
    free, bounded = (found.curve(TokenMetric.ITL, CHAT, slots=slots) for slots in (inf, 8))
    assert bounded.capacity(10.0).point < 0.5 * free.capacity(10.0).point
    told = SERVER.at(0.9, CHAT)
    assert told.rate * told.itl * CHAT.output > 8
    assert isinf(bounded.at(told.rate).point)
    assert bounded.at(0.1 * told.rate).point == free.at(0.1 * told.rate).point


def test_a_promised_quantile_is_the_mean_times_the_tail_that_was_seen() -> None:
    heavy = [replace(load, tails={TokenMetric.TTFT: 2.5 * (load.ttft or 0)}) for load in four(CHAT)]
    found = fitted(*heavy)
    told = SERVER.at(0.5, CHAT)
    assert found.curve(TokenMetric.TTFT, CHAT, tail=True).at(told.rate).point == pytest.approx(2.5 * (told.ttft or 0), rel=0.05)
    unseen = fitted(*four(CHAT)).curve(TokenMetric.TTFT, CHAT, tail=True).at(told.rate)
    assert unseen.lower < 1.5 * (told.ttft or 0) < unseen.upper


def test_a_promise_for_more_requests_has_a_longer_tail() -> None:
    points = [fitted(*four(CHAT), percent=p).curve(TokenMetric.TTFT, CHAT, tail=True).at(1.0).point for p in (50.0, 90.0, 95.0, 99.0)]
    assert points == sorted(points)


def test_a_load_that_tells_no_ttft_still_tells_of_capacity() -> None:
    found = fitted(*(replace(load, ttft=None) for load in four(CHAT)))
    told = SERVER.at(0.7, CHAT)
    assert found.curve(TokenMetric.ITL, CHAT).at(told.rate).point == pytest.approx(told.itl, rel=0.05)
    ttft = found.curve(TokenMetric.TTFT, CHAT).at(told.rate)
    assert ttft.lower <= (told.ttft or 0) <= ttft.upper


def test_batches_that_came_at_once_teach_the_law_of_arrivals() -> None:
    iteration, loads = SERVER.of(CHAT), []
    for batch in (1, 8, 32):
        n = np.asarray(float(batch))
        itl, ttft = float(iteration.itl(np.asarray(0.0), n)), float(iteration.ttft_of_batch(n))
        loads.append(TokenLoad(rate=batch / (ttft + CHAT.output * itl), requests=10_000, lengths=CHAT, batch=batch, itl=itl, ttft=ttft))
    told = SERVER.at(0.6, CHAT)
    assert fitted(*loads).curve(TokenMetric.ITL, CHAT).at(told.rate).point == pytest.approx(told.itl, rel=0.05)


def test_one_wild_load_does_not_move_the_others_much() -> None:
    wild = replace(SERVER.at(0.5, CHAT), itl=10 * SERVER.at(0.5, CHAT).itl)
    told = SERVER.at(0.7, CHAT)
    found = fitted(*four(CHAT), SERVER.at(0.45, CHAT), wild)
    assert found.curve(TokenMetric.ITL, CHAT).at(told.rate).point == pytest.approx(told.itl, rel=0.25)
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
        errors.append(abs(found.curve(TokenMetric.ITL, CHAT).at(told.rate).point / told.itl - 1))
    assert errors[0] < 0.05 < errors[1]


def window(rate: float, lengths: Lengths, itl: float = 0.01, requests: int = 600) -> TokenWindow:
    tokens = round(requests * lengths.output)
    return TokenWindow(
        replica_seconds=requests / rate,
        requests=requests,
        prompt_tokens=round(requests * lengths.prompt),
        output_tokens=tokens,
        ttft_seconds=0.1 * requests,
        itl_seconds=itl * (tokens - requests),
        gaps=tokens - requests,
        ttft={0.1: requests // 2, 0.2: requests, inf: requests},
        itl={0.01: tokens // 2, 0.02: tokens - requests, inf: tokens - requests},
    )


def test_windows_of_one_load_add_up_and_lengths_keep_them_apart() -> None:
    loads = token_loads([window(2.0, CHAT), window(2.02, CHAT), window(2.0, SUMMARY), window(5.0, CHAT)], 95.0)
    assert sorted((round(load.rate), round(load.lengths.prompt), load.requests) for load in loads) == [
        (2, 1000, 1200),
        (2, 6000, 600),
        (5, 1000, 600),
    ]
    first = next(load for load in loads if load.requests == 1200)
    assert first.itl == pytest.approx(0.01)
    assert first.ttft == pytest.approx(0.1)
    assert first.tails[TokenMetric.TTFT] == pytest.approx(0.19)


def test_windows_without_traffic_tell_nothing() -> None:
    assert (
        token_loads(
            [TokenWindow(replica_seconds=60, requests=0, prompt_tokens=0, output_tokens=0, ttft_seconds=0, itl_seconds=0, gaps=0)], 95.0
        )
        == ()
    )


def test_a_replica_of_3_60_an_hour_at_2_requests_a_second_costs_half_a_unit_per_1000_and_2_per_million_tokens() -> None:
    cost = cost_of_good_requests(3.6, Interval(2.0, 1.0, 4.0))
    assert cost == Interval(0.5, 0.25, 1.0)
    assert cost_of_tokens(cost, CHAT.output).point == pytest.approx(2.0)
    assert cost_of_tokens(cost, CHAT.prompt).point == pytest.approx(0.5)
