"""A probe's ramps at other lengths: as long as they should be, the same for the same seed, around what is expected there, and told in short."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from patience import PATIENCE
from steelyard_runtime.failure import Failure
from steelyard_runtime.load import probed_step
from steelyard_runtime.load.length_ramp import NO_ROOM, LengthRamp, truncated, were_cut
from steelyard_runtime.load.lengths import MOST_TOKENS
from steelyard_runtime.load.probe import LONGEST_INPUT, Probe
from steelyard_runtime.load.probe_spec import LengthRamps, probe_spec
from steelyard_runtime.load.probed_step import PARTS, ProbedStep
from steelyard_runtime.load.rates import FEWER_STEPS, MOST_LENGTH_RAMPS, Share
from steelyard_runtime.load.steady_step import SteadyStep
from steelyard_runtime.termination import LIMIT, fitted, has_room
from unit.runtime.test_probe import answering, spec_of, told

ONE_STEP = {"first": 20, "most": 20, "halvings": 0}
TEN = {"input": {"edges": [9, 10], "counts": [0, 100, 100]}, "output": {"edges": [9, 10], "counts": [0, 100, 100]}}
"""All requests have ten words, and ten tokens are asked for."""


def asked(*factors: float, **changes: Any) -> dict[str, Any]:
    return {"factors": list(factors), "growth": 4, "halvings": 0, "seconds": 0.5, **changes}


@pytest.fixture(autouse=True)
def never_hopeless(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine makes these slower, and nothing else."""
    monkeypatch.setattr(probed_step, "HOPELESS", PATIENCE)


def ran(handle: Callable[[web.Request], Any], **changes: Any) -> dict[str, Any]:
    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            return await Probe(spec_of(port, port, ramp=ONE_STEP, **changes)).run()

    return asyncio.run(probed())


async def embeds(request: web.Request) -> web.StreamResponse:
    return web.json_response({"usage": {"prompt_tokens": 1}})


def test_after_the_ramp_each_factor_has_one_of_its_own_around_what_is_expected_there() -> None:
    result = ran(embeds, lengthRamps=asked(0.5, 2, halvings=2), steady={"loads": [9], "seconds": 0.5})
    assert set(result) == {"result", "readySeconds", "steps", "lengths", "steady"}
    half, double = result["lengths"]
    assert (half["factor"], double["factor"]) == (0.5, 2) and half["over"] and double["over"]
    assert [step[0] for step in half["steps"]] == [10, 40, 160], "half as long: twice the rate is expected"
    assert [step[0] for step in double["steps"]] == [2.5, 10, 40]
    assert all(step[2] > 0 and step[3] == step[4] == 0 for ramp in (half, double) for step in ramp["steps"])
    assert [step["load"] for step in result["steady"]] == [9], "and then the loads"


def test_a_promise_that_breaks_is_looked_for_between_by_longer_steps() -> None:
    """It answers what is as long as usual, and half of the requests that are longer: no rate keeps the promise."""

    async def handle(request: web.Request) -> web.StreamResponse:
        long = request.path == "/v1/embeddings" and len((await request.json())["input"].split()) > 10
        return web.Response(status=500) if long else await embeds(request)

    (double,) = ran(handle, lengths=TEN, lengthRamps=asked(2, halvings=2, between=1))["lengths"]
    assert [step[0] for step in double["steps"]] == [2.5, 1.25, 0.625]
    assert [step[1] >= 1 for step in double["steps"]][1:] == [True, True]
    assert all(step[2] == 0 and step[4] > 0 for step in double["steps"])


@pytest.mark.parametrize(("factor", "words"), [(0.5, 5), (2, 20), (0.1, 1), (10, 100)])
def test_all_lengths_are_so_many_times_the_usual_ones(factor: float, words: int) -> None:
    embeddings, text = (Probe(spec_of(lengths=TEN, task=task)) for task in ("embeddings", "text-generation"))
    made = [json.loads(each) for each in embeddings._bodies(random.Random(1), factor).made]
    assert {len(each["input"].split()) for each in made} == {words}
    made = [json.loads(each) for each in text._bodies(random.Random(1), factor).made]
    assert {(len(each["prompt"].split()), each["max_tokens"]) for each in made} == {(words, words)}


def test_every_pool_is_sent_the_same_requests_at_a_length_whatever_else_it_is_sent() -> None:
    def sent(**changes: Any) -> Counter[str]:
        found: list[str] = []

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.path == "/v1/embeddings":
                found.append((await request.json())["input"])
            return await embeds(request)

        ran(handle, lengths=TEN, **changes)
        return Counter(each for each in found if len(each.split()) == 20)

    alone, after_another = sent(lengthRamps=asked(2)), sent(lengthRamps=asked(0.5, 2))
    assert alone == after_another and alone.total() > 0


def test_no_other_length_is_asked_of_a_server_that_keeps_nothing() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.path == "/readyz" else 500)

    assert ran(handle, lengthRamps=asked(0.5, 2))["lengths"] == []


def test_requests_that_a_server_refuses_at_a_length_are_told_and_no_figure_is_made_of_the_others() -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        long = request.path == "/v1/embeddings" and len((await request.json())["input"].split()) > 10
        return web.Response(status=400) if long else await embeds(request)

    half, double = ran(handle, lengths=TEN, lengthRamps=asked(0.5, 2))["lengths"]
    assert half["steps"] and "message" not in half
    assert double["steps"] == [] and double["over"] and "refuses" in double["message"]


def test_requests_that_the_server_cuts_are_told_and_no_figure_is_made_of_them() -> None:
    cut = [0]

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/metrics":
            return web.Response(text=f"steelyard_server_truncated_inputs_total {cut[0]}\n")
        cut[0] += request.path == "/v1/embeddings" and len((await request.json())["input"].split()) > 10
        return await embeds(request)

    half, double = ran(handle, lengths=TEN, lengthRamps=asked(0.5, 2))["lengths"]
    assert half["steps"] and "message" not in half
    assert double["steps"] == [] and f"the server cut {cut[0]} of its requests" in double["message"]


def test_requests_that_would_be_cut_are_not_sent() -> None:
    long = {"input": {"edges": [LONGEST_INPUT // 10, LONGEST_INPUT // 9], "counts": [0, 9, 9]}}
    (ramp,) = ran(embeds, lengths=long, lengthRamps=asked(10))["lengths"]
    assert ramp == {"factor": 10, "steps": [], "over": True, "message": "requests so long cannot be sent: they would be cut"}
    longer = Probe(spec_of(task="text-generation", lengths={"output": {"edges": [MOST_TOKENS - 1, MOST_TOKENS], "counts": [0, 9, 9]}}))
    assert longer._bodies(random.Random(1), 1).cut == 0 < longer._bodies(random.Random(1), 2).cut


def test_a_generator_that_is_late_at_a_length_says_so_and_its_steps_before_that_stand(monkeypatch: pytest.MonkeyPatch) -> None:
    probes: list[Probe] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz" and probes[0].lengths and probes[0].lengths[0].steps:
            monkeypatch.setattr(probed_step, "HOPELESS", -1.0)
        return await embeds(request)

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            probes.append(Probe(spec_of(port, port, ramp=ONE_STEP, lengthRamps=asked(2))))
            return await probes[0].run()

    (ramp,) = asyncio.run(probed())["lengths"]
    assert [step[0] for step in ramp["steps"]] == [2.5] and ramp["over"]
    assert ramp["message"] == "the load generator could not send 10 requests per second in time"


def test_a_ramp_that_is_not_over_is_told_as_one_that_goes_on() -> None:
    probes: list[Probe] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/readyz" and probes[0].lengths and probes[0].lengths[0].steps:
            probes[0].stopping.set()
        return await embeds(request)

    async def probed() -> dict[str, Any]:
        async with answering(handle) as port:
            probes.append(Probe(spec_of(port, port, ramp=ONE_STEP, lengthRamps=asked(2))))
            return await probes[0].run()

    (ramp,) = asyncio.run(probed())["lengths"]
    assert len(ramp["steps"]) == 1 and "over" not in ramp


def full(rate: float, seconds: float, many: int, size: float) -> ProbedStep:
    """Of a server that is full: what came is answered in the last part of the step alone."""
    step = ProbedStep(rate, (), 30.0, seconds=seconds, outcomes=Counter(good=many, slow=many, error=many))
    step.answered = [seconds * (part + 0.5) / PARTS for part in range(PARTS)] * int(size)
    for _ in range(10):
        step.latencies.add(119.0)
    return step


def test_of_the_steps_in_which_the_server_was_full_that_of_the_highest_rate_says_when_answers_came() -> None:
    ramp = LengthRamp(2, [full(40.0, 1.0, 50, 1), full(80.0, 1.0, 80, 2), full(60.0, 1.0, 60, 3)])
    assert ramp.told()["finished"] == [1, *[2] * PARTS]
    assert ramp.told(whole=False) == {"factor": 2, "steps": [], "message": NO_ROOM}


def whole(counts: int, size: float, rate: float) -> dict[str, object]:
    ramps = [LengthRamp(0.15 + n, [full(rate + n, 3600.12, counts, size) for n in range(7)], over=True) for n in range(MOST_LENGTH_RAMPS)]
    steps = [full(rate + n, 3600.12, counts, size).told(when=n < 2) for n in range(FEWER_STEPS + 3)]
    share = Share(rate * 7, 7, rate)
    steady = [SteadyStep(share, full(rate, 3600.12, counts, size), 123456.789, 3600.12).told() | {"took": [123456.7] * 3}] * 3
    result = {"result": "Probed", "readySeconds": 3600.12, "began": 1234567890.123, "steps": steps, "steady": steady}
    return {**result, "lengths": [each.told() for each in ramps]}


def test_the_result_of_a_usual_trial_has_room_for_two_ramps_more() -> None:
    """A hundred requests a second for half a minute and more."""
    result = whole(9_999, 99, 123.4567)
    assert len(fitted(result)) <= LIMIT and json.loads(fitted(result)) == result


def test_ramps_for_which_the_result_has_no_room_say_that_and_take_nothing_from_the_others() -> None:
    probe = Probe(spec_of(lengthRamps=asked(0.5, 2)))
    probe.steps = [full(123_456.7891 + n, 3600.12, 10**8, 9) for n in range(FEWER_STEPS + 3)]
    probe.lengths = [LengthRamp(factor, [*probe.steps[:7], *probe.steps[:7]], over=True) for factor in (0.5, 2)]
    result = probe._result("m" * 300)
    assert not has_room({**result, "lengths": [each.told() for each in probe.lengths]})
    assert json.loads(fitted(result)) == result
    assert [(each["factor"], each["steps"], each["message"]) for each in result["lengths"]] == [(0.5, [], NO_ROOM), (2, [], NO_ROOM)]  # type: ignore[attr-defined]


def test_a_result_is_whole_json_with_its_message_however_near_to_the_limit_its_ramps_come() -> None:
    probe = Probe(spec_of(lengthRamps=asked(0.5)))
    probe.steps = [full(1, 1, 1, 9)]
    ramp = LengthRamp(0.5, [full(1, 1, 1, 9)] * 80)
    while has_room({**probe._result(""), "lengths": [ramp.told()]}):
        ramp.steps.append(ramp.steps[0])
    for digits in range(1, 40):
        probe.lengths = [LengthRamp(0.5, [*ramp.steps[:-2], full(10**digits, 1, 1, 9)])]
        assert len(fitted(probe._result("m" * 300))) <= LIMIT


def test_how_many_inputs_were_cut_is_what_the_counter_rose_by_and_not_known_where_one_page_alone_tells() -> None:
    page = "# TYPE steelyard_server_truncated_inputs_total counter\nsteelyard_server_truncated_inputs_total {}\n"
    assert truncated(page.format(7)) == 7 and truncated("") is None
    assert (were_cut(3, 7), were_cut(7, 3), were_cut(None, None)) == (4, 0, 0)
    assert were_cut(None, 7) is were_cut(3, None) is None


@pytest.mark.parametrize(
    "wrong",
    [
        asked(),
        asked(0.01),
        asked(11),
        asked(2, 2),
        asked(0.5, 2, 4),
        asked(2, halvings=5),
        asked(2, growth=1),
        asked(2, seconds=0),
        asked(2, more=1),
    ],
)
def test_ramps_that_make_no_sense_are_refused_by_name(wrong: dict[str, Any]) -> None:
    with pytest.raises(Failure, match="lengthRamps"):
        probe_spec(told(1, 1, lengthRamps=wrong))


def test_without_any_there_are_none() -> None:
    assert spec_of().length_ramps is None
    assert spec_of(lengthRamps=asked(0.5, 2)).length_ramps == LengthRamps((0.5, 2.0), 4.0, 0, 0.5, 0.5)
