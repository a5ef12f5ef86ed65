"""A probe: a ramp on one server that serves nobody else, judged as the server itself judges."""

from __future__ import annotations

import asyncio
import json
import math
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from free_port import free_port
from loopbacks import loopbacks
from patience import PATIENCE, until
from steelyard_runtime.artifacts.publish import Published
from steelyard_runtime.failure import Failure
from steelyard_runtime.load import probed_step
from steelyard_runtime.load.beginning import LATEST, Begin, Beginning
from steelyard_runtime.load.energy import counters, used
from steelyard_runtime.load.entry import Entry
from steelyard_runtime.load.lengths import Lengths
from steelyard_runtime.load.probe import STEADY_SEED, TOLD_BEHIND, WARMING, Probe
from steelyard_runtime.load.probe_spec import Objective, ProbeSpec, probe_spec
from steelyard_runtime.load.probed_step import BEHIND, PARTS, ProbedStep, at_least
from steelyard_runtime.load.rates import FEWER_STEPS, FULLER, MOST_LOADS, MOST_STEPS, SPARE, Seen, Share, rates, shares
from steelyard_runtime.load.schedule import arrivals_of_step
from steelyard_runtime.load.steady_step import SteadyStep
from steelyard_runtime.termination import LIMIT, fitted
from unit.runtime.played import PlayedEngine, serving, sums
from unit.runtime.server_process import ServerProcess, environment

RAMP = {"first": 20, "most": 40, "halvings": 3}
LEISURE = {"metric": "e2e", "milliseconds": 60_000, "percent": "99"}


def told(port: int, ready: int, **changes: Any) -> dict[str, str]:
    document = {
        "server": {"url": f"http://127.0.0.1:{port}", "ready": f"http://127.0.0.1:{ready}/readyz"},
        "model": "tiny",
        "task": "embeddings",
        "objective": {"latency": [LEISURE]},
        "ramp": RAMP,
        "step": {"seconds": 0.5, "requests": 5},
        "seconds": PATIENCE,
        **changes,
    }
    return {"STEELYARD_PROBE_SPEC": json.dumps(document)}


def spec_of(port: int = 1, ready: int = 1, **changes: Any) -> ProbeSpec:
    return probe_spec(told(port, ready, **changes))


@asynccontextmanager
async def answering(handle: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[int]:
    """A server in this loop that does as it is told with every request."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def ready(_: web.Request) -> web.StreamResponse:
    return web.Response(text="ok")


# The rates


def ramped(first: float, most: float, carries: float, full: float = 0.0, steps: int = MOST_STEPS) -> tuple[list[float], float]:
    """The rates for a server that keeps the promise up to `carries` requests per second and can do no more from `full` on, and what it kept."""
    ramp = rates(first, most, 3, steps)
    found = [next(ramp).rate]
    while True:
        try:
            found.append(ramp.send(Seen(kept=found[-1] <= carries, full=found[-1] >= full)).rate)
        except StopIteration as end:
            return found, end.value


def taken(first: float, most: float, carries: float, full: float = 0.0) -> list[float]:
    return ramped(first, most, carries, full)[0]


def test_rates_double_until_the_promise_breaks_and_then_three_are_between() -> None:
    assert taken(4, 100, carries=21) == [4, 8, 16, 32, 24, 20, 22]


def test_the_steps_between_a_load_that_kept_the_promise_and_one_that_broke_it_are_marked() -> None:
    ramp, sent = rates(4, 100, 2), []
    step = next(ramp)
    for kept in (True, False, True, False):
        sent.append(step)
        step = ramp.send(Seen(kept=kept, full=False))
    assert [(each.rate, each.between) for each in (*sent, step)] == [(4, False), (8, False), (6, True), (7, True), (16, False)]


def test_rates_may_grow_faster_until_the_promise_breaks() -> None:
    ramp, sent = rates(1, 1024, 2, growth=4.0), []
    step = next(ramp)
    for kept in (True, True, False, True):
        sent.append(step.rate)
        step = ramp.send(Seen(kept=kept, full=True))
    assert [*sent, step.rate] == [1, 4, 16, 10, 13]


def test_rates_end_at_the_most_that_is_asked_for() -> None:
    assert taken(4, 20, carries=1000) == [4, 8, 16, 20]


def test_a_first_rate_that_is_too_much_is_halved() -> None:
    assert taken(8, 64, carries=1.5) == [8, 4, 2, 1]


def test_where_the_promise_breaks_before_the_server_is_full_ever_more_is_sent_until_it_is() -> None:
    assert taken(4, 100, carries=21, full=100) == [4, 8, 16, 32, 24, 20, 22, 64, 128]


def test_a_server_that_is_never_full_is_asked_for_eight_times_the_load_that_breaks_the_promise_at_most() -> None:
    assert taken(4, 100, carries=21, full=1e9)[-FULLER:] == [64, 128, 256]


def test_a_server_that_was_full_on_the_way_is_not_asked_for_more() -> None:
    assert taken(4, 100, carries=21, full=23) == taken(4, 100, carries=21)


def test_where_the_promise_is_kept_to_the_end_no_more_is_sent() -> None:
    assert taken(4, 20, carries=1000, full=1e9) == [4, 8, 16, 20]


@pytest.mark.parametrize("carries", [0.0, 1e-3, 7e4, 1e12])
def test_a_ramp_has_an_end_and_its_result_fits_into_a_termination_message(carries: float) -> None:
    found = taken(1e-3, 1e6, carries, full=1e99)
    assert len(found) <= MOST_STEPS + FULLER
    steps = [ProbedStep(rate, (), 30.0, seconds=86_400, outcomes=Counter(good=10**8, slow=10**8, error=10**8)) for rate in found]
    for each in steps[:TOLD_BEHIND]:
        each.answered = [float(n) for n in range(86_400)]
    message = {
        "result": "Probed",
        "readySeconds": 3600.123,
        "steps": [each.told(when=number < TOLD_BEHIND) | {"p50": 123456.7, "p99": 123456.7} for number, each in enumerate(steps)],
        "message": "m" * 300,
    }
    whole = fitted(message)
    assert len(whole) <= LIMIT and json.loads(whole) == message


@pytest.mark.parametrize("carries", [0.0, *(2.0**power for power in range(-10, 22))])
def test_with_steady_steps_a_ramp_is_shorter_and_both_fit_into_a_termination_message(carries: float) -> None:
    found, _ = ramped(1e-3, 1e6, carries, full=1e99, steps=FEWER_STEPS)
    assert len(found) <= FEWER_STEPS + FULLER
    many = Counter(good=10**8, slow=10**8, error=10**8)
    took = {"p50": 123456.7, "p99": 123456.7}
    steps = [ProbedStep(1e5 + rate, (), 30.0, seconds=3600.12, outcomes=many).told() | took for rate in found]
    for each in steps[:TOLD_BEHIND]:
        each["finished"] = [10**6 - 1] * PARTS
    share = Share(1e6 / 7, 10**15 - 1, 1e6 / 7)
    step = ProbedStep(share.rate, (), 30.0, seconds=3600.12, outcomes=many, input=10**12, output=10**12)
    message = {
        "result": "Probed",
        "readySeconds": 3600.123,
        "began": 1234567890.123,
        "steps": steps,
        "steady": [
            SteadyStep(share, step, 123456789.123, 3600.123).told()
            | took
            | {"p95": 123456.7, "mean": 123456.7, "percent": 99.9999, "took": [123456.7] * 3}
        ]
        * MOST_LOADS,
        "message": "m" * 300,
    }
    whole = fitted(message)
    assert len(whole) <= LIMIT and json.loads(whole) == message


# The steady rates


@pytest.mark.parametrize(
    ("first", "most", "carries", "kept"),
    [(4, 100, 21, 20), (4, 20, 1000, 20), (8, 64, 1.5, 1), (8, 64, 0.1, 0), (4, 100, 24, 24)],
)
def test_a_ramp_tells_the_highest_rate_that_kept_the_promise(first: float, most: float, carries: float, kept: float) -> None:
    assert ramped(first, most, carries, full=1e9)[1] == kept


def test_a_load_is_shared_among_as_many_replicas_as_keep_some_spare() -> None:
    assert SPARE == 0.9
    assert shares((5, 9, 10, 95), kept=10) == [Share(5, 1, 5), Share(9, 1, 9), Share(10, 2, 5), Share(95, 11, 95 / 11)]


@pytest.mark.parametrize("kept", [0.01, 1.0, 7.3, 1e5])
def test_no_replica_has_more_than_it_may_and_one_less_would_have_to(kept: float) -> None:
    for share in shares((0.001, 1, 6.57, 123.4, 1e6), kept):
        assert share.rate <= SPARE * kept * (1 + 1e-9) and share.rate * share.replicas == pytest.approx(share.load)
        assert share.replicas == 1 or share.load / (share.replicas - 1) > SPARE * kept


def test_of_a_server_that_kept_nothing_no_load_is_shared() -> None:
    assert shares((5, 10), kept=0.0) == []


def test_arrivals_are_the_same_for_the_same_seed_and_scale_with_the_rate() -> None:
    def arrivals(rate: float, seconds: float, seed: int) -> list[float]:
        return list(arrivals_of_step(rate, seconds, 1, seed))

    assert arrivals(20, 30, seed=7) == arrivals(20, 30, seed=7) != arrivals(20, 30, seed=8)
    assert arrivals(40, 15, seed=7) == pytest.approx([at / 2 for at in arrivals(20, 30, seed=7)])
    assert len(arrivals(20, 1000, seed=7)) == pytest.approx(20_000, rel=0.05)


def test_a_step_has_all_requests_of_its_time_and_as_many_as_it_must_have() -> None:
    few = list(arrivals_of_step(10, 2.0, 1, seed=3))
    more = list(arrivals_of_step(10, 2.0, len(few) + 5, seed=3))
    assert more[: len(few)] == few and len(more) == len(few) + 5
    assert few[-1] < 2.0 <= more[len(few)] and more == sorted(more)


# The lengths


def test_lengths_are_drawn_as_they_were_seen() -> None:
    seen = Lengths((1, 2, 4, 8), (0, 0, 10, 30, 40))
    chance = random.Random(3)
    drawn = Counter(seen.draw(chance) for _ in range(8000))
    assert set(drawn) == {3, 4, 5, 6, 7, 8}
    assert sum(drawn[n] for n in (3, 4)) == pytest.approx(2000, rel=0.1)
    assert drawn[8] == pytest.approx(4000 / 4 + 2000, rel=0.1), "a quarter of its bucket, and all above the last edge"


@pytest.mark.parametrize(
    "lengths",
    [
        {"edges": [1, 2], "counts": [1, 2]},
        {"edges": [2, 1], "counts": [1, 2, 3]},
        {"edges": [1, 2], "counts": [3, 2, 3]},
        {"edges": [0, 2], "counts": [1, 2, 3]},
        {"edges": [1, 2], "counts": [1, 2, -3]},
        {"edges": list(range(1, 100)), "counts": [1] * 100},
        {"edges": "x", "counts": [1]},
    ],
)
def test_lengths_that_make_no_sense_are_refused_by_name(lengths: dict[str, Any]) -> None:
    with pytest.raises(Failure, match=r"lengths\.input"):
        spec_of(lengths={"input": lengths})


def test_without_lengths_or_of_nobody_it_takes_its_own() -> None:
    assert spec_of().input == spec_of(lengths={"input": {"edges": [1, 2], "counts": [0, 0, 0]}}).input


@pytest.mark.parametrize(
    "change",
    [
        {"task": "poetry"},
        {"ramp": {**RAMP, "first": 8, "most": 4}},
        {"seed": -1},
        {"begin": {}},
        {"begin": {"by": 1e12, "port": 8081}},
        {"begin": {"by": 2e9, "port": 0}},
        {"begin": {"by": 2e9, "port": 8081, "at": 2e9}},
        {"steady": {"loads": [], "seconds": 1}},
        {"steady": {"loads": [1] * (MOST_LOADS + 1), "seconds": 1}},
        {"steady": {"loads": [0], "seconds": 1}},
        {"steady": {"loads": [True], "seconds": 1}},
        {"steady": {"loads": 5, "seconds": 1}},
        {"steady": {"loads": [5]}},
        {"steady": {"loads": [5], "seconds": 1}, "ramp": {**RAMP, "halvings": FEWER_STEPS}},
        {"objective": {"latency": [{**LEISURE, "percent": "101"}]}},
    ],
)
def test_a_specification_that_makes_no_sense_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="STEELYARD_PROBE_SPEC"):
        spec_of(**change)


@pytest.mark.parametrize("absent", [{}, {"begin": None, "steady": None}])
def test_without_a_moment_or_loads_there_are_none(absent: dict[str, Any]) -> None:
    spec = spec_of(**absent, ramp={**RAMP, "halvings": MOST_STEPS - 1})
    assert (spec.begin, spec.steady, spec.steps) == (None, None, MOST_STEPS)


# The judgement

E2E, TTFT, ITL = Objective("e2e", 1.0, 0.01), Objective("ttft", 0.2, 0.05), Objective("itl", 0.05, 0.1)


def entry(seconds: float, status: int = 200, **more: Any) -> Entry:
    return Entry(0, 10.0, 10.0, 10.0 + seconds, status, "", 1, **more)


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (entry(0.9, first=0.1, between=0.04), "good"),
        (entry(1.1, first=0.1, between=0.04), "slow"),
        (entry(0.9, first=0.3, between=0.04), "slow"),
        (entry(0.9, first=0.1, between=0.06), "slow"),
        (entry(0.1), "good"),
        (entry(0.9), "slow"),
        (entry(0.1, 429), "shed"),
        (entry(0.1, 503), "error"),
        (entry(0.1, 0), "error"),
        (entry(30.0, 0), "slow"),
        (entry(0.1, 400), "rejected"),
    ],
)
def test_a_request_is_judged_as_the_server_judges_it(answer: Entry, outcome: str) -> None:
    step = ProbedStep(1.0, (E2E, TTFT, ITL), 30.0)
    step.add(answer)
    assert dict(step.outcomes) == {outcome: 1}
    assert step.offered == (outcome != "rejected")


def test_a_step_breaks_the_promise_where_more_is_missed_than_chance_may_make_of_what_is_allowed() -> None:
    def step(missed: int, of: int = 30) -> ProbedStep:
        found = ProbedStep(1.0, (E2E,), 30.0)
        for number in range(of):
            found.add(entry(2.0 if number < missed else 0.5))
        return found

    assert [step(n).kept for n in range(4)] == [True, True, False, False]
    assert step(15, of=1000).kept and not step(20, of=1000).kept
    assert not ProbedStep(1.0, (E2E,), 30.0).kept, "of nothing nobody knows"


def test_each_objective_counts_with_its_own_percent() -> None:
    step = ProbedStep(1.0, (E2E, TTFT), 30.0)
    for number in range(200):
        step.add(entry(0.5, first=0.3 if number < 12 else 0.1))
    assert step.kept, "6 % of the first tokens were late where 5 % may be, in 200"
    for _ in range(12):
        step.add(entry(0.5, first=0.3))
    assert not step.kept


def test_a_generator_that_was_late_is_blamed_for_what_was_not_kept_and_for_nothing_else() -> None:
    def step(missed: int, late: int, by: float = 0.2) -> ProbedStep:
        found = ProbedStep(1.0, (E2E,), 30.0)
        for number in range(100):
            found.leaves(by if number < late else 0.001)
            found.add(entry(2.0 if number < missed else 0.5))
        return found

    assert not step(missed=0, late=50).disturbed, "so late or not, the server has kept it"
    assert not step(missed=50, late=1).disturbed, "one of a hundred has not made half of them slow"
    assert step(missed=50, late=20).disturbed
    assert step(missed=0, late=1, by=1.5).disturbed, "who is late by more than a second did not send that much"


@pytest.mark.parametrize(("bad", "n", "allowed"), [(0, 10, 0.0), (3, 30, 0.01), (900, 100_000, 0.01), (99_000, 100_000, 0.01)])
def test_the_chance_of_misses_is_the_binomials(bad: int, n: int, allowed: float) -> None:
    drawn = np.random.default_rng(5).binomial(n, allowed, 20_000)
    assert at_least(bad, n, allowed) == pytest.approx((drawn >= bad).mean(), abs=0.02)


@pytest.mark.parametrize(("percent", "n"), [(50, 200), (95, 2000), (99, 5000)])
def test_how_long_requests_take_is_told_with_bounds_that_hold_the_truth_and_narrow_with_more_of_them(percent: float, n: int) -> None:
    objective, chance = Objective("e2e", 1.0, 1 - percent / 100), random.Random(3)
    true, widths = -math.log(objective.allowed), []
    for many in (n, 16 * n):
        inside = 0
        for _ in range(20):
            step = ProbedStep(1.0, (Objective("e2e", 2.0, 0.5), objective, Objective("ttft", 0.1, 0.2)), 30.0)
            for _ in range(many):
                step.latencies.add(chance.expovariate(1.0))
            assert step.whole_request is not None and step.whole_request[0] is objective, "the shortest for the whole of a request"
            point, lower, upper = (each / 1000 for each in step.whole_request[1])
            assert lower <= point <= upper
            inside += lower <= true <= upper
        assert inside == 20, "late ones come by themselves here, and bounds allow for clusters"
        widths.append(upper / lower)
    assert widths[1] < widths[0]


@pytest.mark.parametrize(("metric", "n"), [("e2e", 0), ("e2e", 1000), ("ttft", 100_000)])
def test_without_enough_answers_or_such_an_objective_nothing_is_told_of_a_percentile(metric: str, n: int) -> None:
    step = ProbedStep(1.0, (Objective(metric, 1.0, 0.01),), 30.0)
    for _ in range(n):
        step.latencies.add(0.1)
    assert step.whole_request is None


def test_tokens_are_those_of_good_requests_and_known_where_each_of_them_told() -> None:
    def told(*entries: Entry) -> dict[str, object]:
        step = ProbedStep(1.0, (E2E,), 30.0)
        for each in entries:
            step.add(each)
        return {name: n for name, n in SteadyStep(Share(1, 1, 1), step, None).told().items() if name in ("input", "output", "joules")}

    both = entry(0.5, input=3, output=7)
    assert told(both, both, entry(2.0, input=100, output=100), entry(0.1, 429)) == {"input": 6, "output": 14}
    assert told(both, entry(0.5, input=2)) == {"input": 5}
    assert told(entry(0.5), both) == {}
    assert told(entry(2.0, input=3, output=7)) == {}, "of no good request nothing is known"


# The energy

PAGE = """# TYPE steelyard_server_device_energy_joules_total counter
steelyard_server_device_energy_joules_total{device="GPU-a"} 1.5
steelyard_server_device_energy_joules_total{device="GPU-b"} 2e+06
steelyard_server_node_energy_joules_total{processor="package-0"} 7.0
"""


def test_energy_is_that_of_the_servers_devices_alone() -> None:
    assert counters(PAGE) == {"GPU-a": 1.5, "GPU-b": 2e6}
    assert counters("") == counters(PAGE.replace("1.5", "NaN").replace("2e+06", "+Inf")) == {}
    with pytest.raises(ValueError, match="html"):
        counters("<html>")


@pytest.mark.parametrize(
    ("before", "after", "joules"),
    [
        ({"a": 1.0, "b": 5.0}, {"a": 3.0, "b": 5.5}, 2.5),
        ({"a": 1.0}, {"a": 1.0}, 0.0),
        ({}, {}, None),
        ({}, {"a": 3.0}, None),
        ({"a": 1.0}, {}, None),
        ({"a": 1.0}, {"a": 3.0, "b": 5.0}, None),
        ({"a": 4.0, "b": 1.0}, {"a": 3.0, "b": 9.0}, None),
    ],
)
def test_energy_is_unknown_where_a_counter_is_not_there_or_began_again(
    before: dict[str, float], after: dict[str, float], joules: float | None
) -> None:
    assert used(before, after) == joules


# The ramp


def test_a_ramp_on_our_own_server_tells_each_step_and_stops_where_it_was_told_to() -> None:
    async def probed() -> dict[str, Any]:
        async with serving(PlayedEngine()) as server, answering(ready) as readiness:
            result = await Probe(spec_of(server.port, readiness)).run()
            answered = server.metrics.registry.get_sample_value("steelyard_server_requests_total", {"outcome": "good"})
            assert answered == sum(step["good"] for step in result["steps"]) + 5, "five warmed it"
            return result

    result = asyncio.run(probed())
    assert set(result) == {"result", "readySeconds", "steps"}
    assert [step["rate"] for step in result["steps"]] == [20, 40]
    for step in result["steps"]:
        when = {"finished"}  # Where the machine stood still at the end of a step, its last answers came after it.
        assert set(step) - when == {"rate", "seconds", "good", "slow", "error", "shed", "p50", "p99"}
        assert step["seconds"] >= 0.5 and step["good"] >= 5 and step["slow"] == step["error"] == step["shed"] == 0


def test_what_a_server_cannot_carry_breaks_the_promise_and_what_it_can_is_found_below() -> None:
    """It takes 20 ms a request, one at a time: 50 a second at most, whatever the machine."""

    def slow(ids: np.ndarray) -> np.ndarray:
        time.sleep(0.02)
        return sums(ids)

    async def probed() -> dict[str, Any]:
        latency = [{"metric": "e2e", "milliseconds": 400, "percent": "90"}]
        async with serving(PlayedEngine(slow), max_batch=1) as server, answering(ready) as readiness:
            step = {"seconds": 1, "requests": 5}
            return await Probe(
                spec_of(server.port, readiness, objective={"latency": latency}, ramp={**RAMP, "first": 2, "most": 1000}, step=step)
            ).run()

    result = asyncio.run(probed())
    full = next(step for step in result["steps"] if "finished" in step)
    assert len(full["finished"]) == PARTS and sum(full["finished"]) <= BEHIND * sum(
        full[name] for name in ("good", "slow", "error", "shed")
    )
    assert sum(full["finished"]) / full["seconds"] <= 50 * 1.01, "so much it completes at most"
    good = {step["rate"]: step["good"] / sum(step[name] for name in ("good", "slow", "error", "shed")) for step in result["steps"]}
    assert all(share < 0.9 for rate, share in good.items() if rate >= 100)
    assert good[2] > 0.5 and len(result["steps"]) >= 4
    assert max(good) <= 256, "it does not go on where the promise has broken"


def test_the_queue_of_a_step_is_gone_before_the_next_begins() -> None:
    at_work, most = [0], [0]

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz":
            most.append(at_work[0])
            return web.Response()
        at_work[0] += 1
        await asyncio.sleep(0.5)
        at_work[0] -= 1
        return web.json_response({"usage": {"prompt_tokens": 1}})

    async def probed() -> None:
        async with answering(handle) as port:
            await Probe(spec_of(port, port, step={"seconds": 0.2, "requests": 5})).run()

    asyncio.run(probed())
    assert len(most) >= 3 and set(most) == {0}


def test_a_generator_that_is_too_slow_itself_says_so_and_blames_no_server() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"usage": {"prompt_tokens": 1}})

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            probe = Probe(
                spec_of(
                    port,
                    port,
                    objective={"latency": [{"metric": "e2e", "milliseconds": 400, "percent": "99"}]},
                    ramp={**RAMP, "first": 2, "most": 8},
                )
            )

            async def hog() -> None:
                """Somebody takes the processor once a step has been told."""
                while not probe.steps:
                    await asyncio.sleep(0.01)
                while True:
                    time.sleep(0.15)
                    await asyncio.sleep(0)

            hogging = asyncio.create_task(hog())
            try:
                return await probe.run()
            finally:
                hogging.cancel()

    result = asyncio.run(probed())
    assert [step["rate"] for step in result["steps"]] == [2]
    assert result["steps"][0]["slow"] == 0
    assert "the load generator could not send 4 requests per second in time" in result["message"]


@pytest.mark.parametrize("why", ["stopped", "over"])
def test_a_probe_that_ends_early_tells_the_steps_that_it_has(why: str) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"usage": {"prompt_tokens": 1}})

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            probe = Probe(spec_of(port, port, ramp={**RAMP, "first": 20, "most": 1e6}, seconds=PATIENCE if why == "stopped" else 4))

            async def stop() -> None:
                while not probe.steps:
                    await asyncio.sleep(0.01)
                if why == "stopped":
                    probe.stopping.set()

            stopping = asyncio.create_task(stop())
            result = await probe.run()
            await stopping
            return result

    result = asyncio.run(probed())
    assert result["steps"][0]["rate"] == 20
    assert result["message"] == ("it was told to stop before its end" if why == "stopped" else "its 4 s were over before its end")


async def test_an_error_that_nobody_foresaw_costs_none_of_the_steps_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.json_response({"usage": {"prompt_tokens": 1}})

    async def breaks(*_: object) -> None:
        raise RuntimeError("nobody foresaw it")

    monkeypatch.setattr(Probe, "_at_lengths", breaks)
    async with answering(handle) as port:
        result = await Probe(spec_of(port, port, ramp={**RAMP, "first": 20, "most": 20})).run()
    assert (len(result["steps"]), result["message"]) == (1, "it ended before its end: RuntimeError: nobody foresaw it")  # type: ignore[arg-type]


def test_a_server_that_is_never_ready_is_waited_for_so_long_and_no_longer() -> None:
    async def probed() -> None:
        with pytest.raises(Failure, match="has measured nothing: its 1 s were over"):
            await Probe(spec_of(free_port(), free_port(), seconds=1)).run()

    asyncio.run(probed())


def test_no_request_is_longer_than_what_the_server_takes() -> None:
    """The lengths of requests and of answers are drawn each by itself, and those of users fit together."""
    counts = {"edges": [1024, 2048], "counts": [0, 1000, 1000]}
    spec = spec_of(1, 1, task="text-generation", lengths={"input": counts, "output": counts, "most": 2048})
    asked = [json.loads(body) for body in Probe(spec)._bodies(random.Random(3)).made]
    assert max(1.3 * len(each["prompt"].split()) + each["max_tokens"] for each in asked) <= 2048
    assert min(len(each["prompt"].split()) for each in asked) > 700


def test_a_server_that_refuses_its_requests_as_wrong_is_no_bad_server() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.path == "/readyz" else 422)

    async def probed() -> None:
        async with answering(handle) as port:
            with pytest.raises(Failure, match=r"refuses (\d+) of \1 of the probe's requests as wrong"):
                await Probe(spec_of(port, port)).run()

    asyncio.run(probed())


def test_text_is_asked_for_in_a_stream_and_its_tokens_are_judged() -> None:
    asked: list[dict[str, Any]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz":
            return web.Response()
        asked.append({"path": request.path, **await request.json()})
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        for _ in range(3):
            await answer.write(b'data: {"choices":[{"index":0,"text":"a"}]}\n\n')
            await asyncio.sleep(0.1)
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async def probed(itl: int) -> dict[str, Any]:
        async with answering(handle) as port:
            lengths = {"input": {"edges": [2, 3], "counts": [0, 1, 1]}, "output": {"edges": [6, 7], "counts": [0, 1, 1]}}
            latency = [{"metric": "itl", "milliseconds": itl, "percent": "99"}]
            changes = {
                "task": "text-generation",
                "ramp": {**RAMP, "first": 10, "most": 10},
                "lengths": lengths,
                "objective": {"latency": latency},
            }
            return await Probe(spec_of(port, port, **changes)).run()

    easy, hard = asyncio.run(probed(60_000)), asyncio.run(probed(20))
    assert easy["steps"][0]["slow"] == 0 and easy["steps"][0]["good"] > 0
    assert [step["good"] for step in hard["steps"]] == [0] * 4
    assert {(each["path"], each["max_tokens"], each["stream"], len(each["prompt"].split())) for each in asked} == {
        ("/v1/completions", 7, True, 3)
    }


# The beginning


@pytest.mark.parametrize(
    ("words", "moment"),
    [
        (["1900000000"], 1.9e9),
        (["1900000000.5", "1950000000", "nonsense"], 1900000000.5),
        (["1700000000"], 1.8e9),
        (["2100000000"], 2e9),
        (["nonsense", "", "nan", "inf", "1e12", "5", "-1900000000", "1900000000"], 1.9e9),
        (["nonsense"], None),
    ],
)
def test_the_first_moment_counts_a_past_one_is_now_and_none_is_after_the_latest(words: list[str], moment: float | None) -> None:
    beginning = Beginning(Begin(by=2e9, port=1))
    heard = [beginning.hear(word, now=1.8e9) for word in words]
    assert heard == [word[:1].isdigit() and word not in ("5", "1e12") for word in words]
    assert beginning.moment == moment


def test_it_waits_until_it_is_told_and_begins_at_the_latest_moment_untold() -> None:
    async def waited() -> None:
        untold = Beginning(Begin(by=time.time() - 1, port=1))
        await untold.come()
        assert untold.report({"steps": [3]}) == {"state": "Measuring", "begin": untold.asked.by, "ready": True, "steps": [3]}
        assert untold.hear("1900000000", time.time()) and untold.moment == untold.asked.by, "who comes too late changes nothing"

        told = Beginning(Begin(by=LATEST, port=1))
        assert told.report({}) == {"state": "Starting", "begin": None, "ready": False}
        coming = asyncio.create_task(told.come())
        await until(lambda: told.report({}) == {"state": "Waiting", "begin": None, "ready": True})
        assert not coming.done()
        told.hear("1000000000", time.time())
        await asyncio.wait_for(coming, PATIENCE)

    asyncio.run(waited())


async def embeds(_: web.Request) -> web.StreamResponse:
    return web.json_response({"usage": {"prompt_tokens": 1}})


def test_a_probe_is_asked_how_far_it_is_and_begins_when_it_is_told_to() -> None:
    asked: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        asked.append(request.path)
        return await embeds(request)

    async def probed() -> None:
        async with answering(handle) as port, aiohttp.ClientSession() as session:
            begin = {"by": LATEST, "port": free_port()}
            probe = Probe(spec_of(port, port, begin=begin))
            assert probe.beginning is not None
            running = asyncio.create_task(probe.run())
            await until(lambda: running.done() or probe.beginning.state == "Waiting")

            async def get(path: str, method: str = "GET", address: str = "127.0.0.1") -> tuple[int, Any]:
                async with session.request(method, f"http://{address}:{begin['port']}{path}") as answer:
                    return answer.status, await (answer.json() if answer.status == 200 else answer.text())

            waiting = {"state": "Waiting", "begin": None, "ready": True, "began": 0.0, "steps": [], "ramped": False}
            assert await get("/progress") == (200, waiting)
            for word in ("", "soon", "nan", "1e12"):
                assert (await get(f"/progress?begin={word}"))[0] == 400
            assert (await get("/progress?begin=1900000000", "HEAD"))[0] == 405
            assert (await get("/metrics"))[0] == 404
            for address in loopbacks():
                assert await get("/progress", address=address) == (200, waiting)
            assert asked.count("/v1/embeddings") == WARMING, "nothing is measured before the moment"

            before = time.time()
            status, told = await get("/progress?begin=1000000000")
            assert status == 200 and before <= told["begin"] <= time.time(), "a past moment is now"
            assert (await get("/progress?begin=1900000000"))[1]["begin"] == told["begin"]
            await until(lambda: probe.steps)
            _, meanwhile = await get("/progress")
            assert meanwhile["state"] == "Measuring" and not meanwhile["ramped"]
            result = await running
            assert meanwhile["steps"] == result["steps"][: len(meanwhile["steps"])] != [] and meanwhile["began"] == result["began"]
            assert result["result"] == "Probed" and set(result) == {"result", "readySeconds", "began", "steps"}
            assert result["began"] >= round(told["begin"], 3)

    asyncio.run(probed())


@pytest.mark.usefixtures("never_hopeless")
def test_once_the_ramp_is_over_it_is_told_with_the_steady_steps_that_have_ended_while_others_are_sent() -> None:
    async def probed() -> None:
        async with answering(embeds) as port, aiohttp.ClientSession() as session:
            begin = {"by": 1e9, "port": free_port()}
            probe = Probe(spec_of(port, port, begin=begin, ramp=ONE_STEP, steady={"loads": [9, 12], "seconds": 1}))
            running = asyncio.create_task(probe.run())
            await until(lambda: running.done() or probe.steady)
            async with session.get(f"http://127.0.0.1:{begin['port']}/progress") as answer:
                meanwhile = await answer.json()
            result = await running
            assert meanwhile["ramped"] and meanwhile["steps"] == result["steps"]
            assert meanwhile["steady"] == result["steady"][:1] and len(result["steady"]) == 2

    asyncio.run(probed())


@pytest.mark.usefixtures("never_hopeless")
def test_one_that_is_told_that_all_is_answered_ends_with_what_it_has_and_never_before_its_ramp_is_over() -> None:
    async def probed() -> None:
        async with answering(embeds) as port, aiohttp.ClientSession() as session:
            begin = {"by": 1e9, "port": free_port()}
            ramp = {"first": 20, "most": 40, "halvings": 0}
            probe = Probe(spec_of(port, port, begin=begin, ramp=ramp, steady={"loads": [9, 12], "seconds": 3600}))
            running = asyncio.create_task(probe.run())
            await until(lambda: running.done() or probe.began)
            async with session.get(f"http://127.0.0.1:{begin['port']}/progress?enough") as answer:
                assert answer.status == 200
            result = await asyncio.wait_for(running, PATIENCE)
            assert [step["rate"] for step in result["steps"]] == [20, 40] and result["steady"] == []
            assert result["message"] == "it was told that all is answered, and sent no more"

    asyncio.run(probed())


def test_a_probe_whose_port_is_taken_begins_at_the_latest_moment() -> None:
    async def probed() -> None:
        async with answering(embeds) as port:
            result = await Probe(spec_of(port, port, begin={"by": 1e9, "port": port})).run()
            assert result["steps"][0]["good"] > 0 and result["began"] > 1e9

    asyncio.run(probed())


# The steady steps

ONE_STEP = {"first": 20, "most": 20, "halvings": 0}


@pytest.fixture
def never_hopeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes these slower, and nothing else."""
    monkeypatch.setattr(probed_step, "HOPELESS", PATIENCE)


@pytest.mark.usefixtures("never_hopeless")
def test_after_the_ramp_each_load_is_held_by_a_replica_at_its_share_with_its_tokens_and_energy() -> None:
    joules = [100.0]

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/metrics":
            return web.Response(text=f'steelyard_server_device_energy_joules_total{{device="GPU-a"}} {joules[0]}\n')
        joules[0] += 2.0 * (request.path == "/v1/embeddings")
        return web.json_response({"usage": {"prompt_tokens": 3}})

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            return await Probe(spec_of(port, port, ramp=ONE_STEP, steady={"loads": [9, 90], "seconds": 0.5})).run()

    result = asyncio.run(probed())
    assert set(result) == {"result", "readySeconds", "steps", "steady"} and len(result["steps"]) == 1
    assert [(step["load"], step["replicas"], step["rate"]) for step in result["steady"]] == [(9, 1, 9), (90, 5, 18)]
    ramp = {"rate", "seconds", "good", "slow", "error", "shed", "p50", "p99"}
    for step in result["steady"]:
        assert set(step) == ramp | {"load", "replicas", "p95", "mean", "input", "joules", "drawn"}
        assert 0 < step["mean"] <= step["p99"]
        assert step["seconds"] <= step["drawn"] + 0.01
        assert step["seconds"] >= 0.5 and step["good"] > 0 and step["slow"] == step["error"] == step["shed"] == 0
        assert (step["input"], step["joules"]) == (3 * step["good"], 2 * step["good"])
        assert step["p50"] <= step["p95"] <= step["p99"]


@pytest.mark.usefixtures("never_hopeless")
@pytest.mark.parametrize("first", [20, 5])
def test_equal_loads_have_equal_requests_whatever_the_ramp_was(first: float) -> None:
    sent: list[list[str]] = [[]]

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/v1/embeddings":
            sent[-1].append((await request.json())["input"])
        if request.path == "/metrics":
            sent.append([])
        return await embeds(request)

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            return await Probe(
                spec_of(port, port, ramp={**ONE_STEP, "first": first}, steady={"loads": [18, 18], "seconds": 1}, seed=5)
            ).run()

    result = asyncio.run(probed())
    assert len(result["steps"]) == (1 if first == 20 else 3)
    bodies = [json.loads(each)["input"] for each in Probe(spec_of(seed=5))._bodies(random.Random(5)).made]
    for index in (0, 1):
        count = len(list(arrivals_of_step(18, 1, 5, seed=5 + STEADY_SEED + index)))
        # Two that leave at once may come in either order.
        assert Counter(sent[1 + 2 * index]) == Counter(bodies[:count])


@pytest.mark.usefixtures("never_hopeless")
def test_a_ramp_has_as_many_steps_as_it_may() -> None:
    async def probed() -> dict[str, Any]:
        async with answering(embeds) as port:
            return await Probe(replace(spec_of(port, port, ramp={"first": 20, "most": 1000, "halvings": 0}), steps=2)).run()

    assert [step["rate"] for step in asyncio.run(probed())["steps"]] == [20, 40]


def test_of_a_server_that_keeps_nothing_no_load_is_asked() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.path == "/readyz" else 500)

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            return await Probe(spec_of(port, port, ramp=ONE_STEP, steady={"loads": [9], "seconds": 0.5})).run()

    result = asyncio.run(probed())
    assert result["steady"] == [] and result["steps"]


@pytest.mark.usefixtures("never_hopeless")
@pytest.mark.parametrize("why", ["stopped", "late"])
def test_steady_steps_are_told_as_far_as_they_went_and_as_the_generator_was_in_time(why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    probes: list[Probe] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz" and probes[0].steady:
            # Between the first steady step and the second.
            if why == "stopped":
                probes[0].stopping.set()
            else:
                monkeypatch.setattr(probed_step, "HOPELESS", -1.0)
        return await embeds(request)

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            probes.append(Probe(spec_of(port, port, ramp=ONE_STEP, steady={"loads": [9, 12.5, 36], "seconds": 0.5})))
            return await probes[0].run()

    result = asyncio.run(probed())
    assert [step["load"] for step in result["steady"]] == [9] and len(result["steps"]) == 1
    assert result["message"] == (
        "it was told to stop before its end"
        if why == "stopped"
        else "the load generator was late in the steady steps of 12.5, 36 requests per second: they are left out"
    )


@pytest.mark.usefixtures("never_hopeless")
@pytest.mark.parametrize(
    ("usage", "tokens"),
    [
        ({"prompt_tokens": 3, "completion_tokens": 7}, {"input": 3, "output": 7}),
        ({"completion_tokens": 7}, {"output": 7}),
        (None, {}),
    ],
)
def test_tokens_of_text_are_told_where_its_stream_tells_them(usage: dict[str, int] | None, tokens: dict[str, int]) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/v1/completions":
            return web.Response()
        answer = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await answer.prepare(request)
        await answer.write(b'data: {"choices":[{"index":0,"text":"a"}]}\n\n')
        if usage:
            await answer.write(b'data: {"choices":[],"usage":' + json.dumps(usage).encode() + b"}\n\n")
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            return await Probe(spec_of(port, port, task="text-generation", ramp=ONE_STEP, steady={"loads": [9], "seconds": 0.5})).run()

    (step,) = asyncio.run(probed())["steady"]
    assert {name: step[name] for name in ("input", "output") if name in step} == {name: n * step["good"] for name, n in tokens.items()}
    assert "joules" not in step


# The process


@pytest.mark.parametrize("how", ["to its end", "until SIGTERM"])
def test_a_probe_of_a_real_server_leaves_its_result_as_the_termination_message(artifact: Published, tmp_path: Path, how: str) -> None:
    with ServerProcess(tmp_path, artifact) as server:
        server.wait_until_ready()
        most = 40 if how == "to its end" else 1e6
        spec = told(server.port, server.observe_port, ramp={**RAMP, "first": 20, "most": most})
        with (tmp_path / "probe.err").open("w") as err:
            command = [sys.executable, "-m", "steelyard_runtime.main", "--console", "probe"]
            probe = subprocess.Popen(command, env=environment(tmp_path, "probe", **spec), stderr=err)
        if how == "until SIGTERM":
            while "step:" not in (tmp_path / "probe.err").read_text():
                assert probe.poll() is None
                time.sleep(0.05)
            probe.send_signal(signal.SIGTERM)
        assert probe.wait(PATIENCE) == 0, (tmp_path / "probe.err").read_text()
    message = (tmp_path / "probe.termination").read_bytes()
    result = json.loads(message)
    assert len(message) <= LIMIT and result["result"] == "Probed"
    assert result["steps"][0]["good"] > 0 and result["steps"][0]["error"] == 0
    assert ("message" in result) == (how == "until SIGTERM")


def test_a_probe_that_measured_nothing_fails_and_says_why(tmp_path: Path) -> None:
    spec = told(free_port(), free_port(), seconds=1)
    command = [sys.executable, "-m", "steelyard_runtime.main", "probe"]
    found = subprocess.run(command, env=environment(tmp_path, "probe", **spec), capture_output=True, check=False, timeout=PATIENCE)
    assert found.returncode == 1
    result = json.loads((tmp_path / "probe.termination").read_bytes())
    assert (result["result"], result["reason"]) == ("Failed", "Interrupted")
