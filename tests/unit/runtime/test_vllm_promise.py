"""How one answer keeps what is promised, by the events that vLLM sends: compact JSON, in the order of its own fields."""

from __future__ import annotations

import json

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from steelyard_runtime.document import Document
from steelyard_runtime.generate.late import Late
from steelyard_runtime.generate.promise import Promise, Stream, promise_of
from steelyard_runtime.serve.outcome import Outcome


def event(index: int, text: str = "x") -> bytes:
    """As vLLM serialises a chunk of a completion."""
    document = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "story", "choices": [{"index": index, "text": text}]}
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def delta(index: int, **content: object) -> bytes:
    """As vLLM serialises a chunk of a chat."""
    document = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "choices": [{"index": index, "delta": content}]}
    return b"data: " + json.dumps(document, separators=(",", ":")).encode() + b"\n\n"


def streaming(**promised: float | tuple[float, ...]) -> Stream:
    found = Stream(Promise(**promised), 0.0)  # type: ignore[arg-type]
    found.begins(200, [(b"content-type", b"text/event-stream; charset=utf-8")])
    return found


@pytest.mark.parametrize("choices", [1, 2, 4])
def test_the_time_between_tokens_is_that_of_one_choice_however_many_a_request_asks_for(choices: int) -> None:
    stream = streaming(itl=100.0)
    for step in range(5):
        for index in range(choices):
            stream.sends(event(index), 1 + 0.2 * step + 0.001 * index)
    assert stream.between == pytest.approx(0.2)
    assert stream.tokens == 5 * choices
    assert stream.outcome(2.0) is Outcome.SLOW


def test_a_chat_that_calls_a_tool_is_judged_by_the_events_that_carry_the_call() -> None:
    stream = streaming(ttft=2500.0, itl=150.0)
    stream.sends(delta(0, role="assistant", content=""), 1.0)
    stream.sends(delta(0, tool_calls=[{"index": 0, "id": "c1", "type": "function", "function": {"name": "weather", "arguments": ""}}]), 2.0)
    for step in range(1, 4):
        stream.sends(delta(0, tool_calls=[{"index": 0, "function": {"arguments": '{"'}}]), 2.0 + 0.1 * step)
    assert (stream.first, stream.tokens) == (1.0, 4)
    assert stream.between == pytest.approx(0.1)
    assert stream.outcome(2.4) is Outcome.GOOD


def test_choices_that_begin_one_after_the_other_do_not_make_the_time_between_tokens_longer() -> None:
    stream = streaming()
    for index in range(3):
        for step in range(4):
            stream.sends(event(index), 10 * index + 0.1 * step)
    assert stream.between == pytest.approx(0.1)


def test_choices_with_one_token_each_have_no_time_between_tokens() -> None:
    stream = streaming(itl=1.0)
    for index in range(4):
        stream.sends(event(index), 1.0 + index)
    assert stream.between is None
    assert stream.outcome(5.0) is Outcome.GOOD


def test_a_model_that_writes_what_looks_like_another_choice_is_one_choice() -> None:
    stream = streaming()
    for step in range(4):
        stream.sends(event(0, f'{{"choices":[{{"index":{step},'), 0.1 * step)
    assert stream.between == pytest.approx(0.1)


def test_a_chat_calls_tools_within_one_choice() -> None:
    stream = streaming()
    stream.sends(delta(0, role="assistant", content=""), 0.9)
    for step in range(4):
        stream.sends(delta(0, tool_calls=[{"index": step, "function": {"arguments": "x"}}]), 1 + 0.1 * step)
    assert (stream.first, stream.tokens) == (0.9, 4)
    assert stream.between == pytest.approx(0.1)


def test_whoever_leaves_before_anything_is_late_is_no_request() -> None:
    assert streaming(ttft=1000.0, e2e=(5000.0,)).given_up(0.9) is None
    assert streaming().given_up(1e6) is None, "nothing is promised"


def test_whoever_leaves_when_a_promise_is_broken_for_good_was_served_slowly() -> None:
    assert streaming(ttft=1000.0).given_up(1.1) is Outcome.SLOW
    begun = streaming(ttft=1000.0, e2e=(5000.0,))
    begun.sends(event(0), 0.9)
    assert begun.given_up(4.9) is None
    assert begun.given_up(5.1) is Outcome.SLOW
    late = streaming(ttft=1000.0)
    late.sends(event(0), 1.1)
    assert late.given_up(1.2) is Outcome.SLOW, "its first token came too late, whatever follows"


def test_whoever_leaves_between_two_slow_tokens_is_no_request_because_the_mean_could_still_be_kept() -> None:
    stream = streaming(itl=100.0)
    stream.sends(event(0), 1.0)
    stream.sends(event(0), 2.0)
    assert stream.given_up(2.1) is None


def test_an_answer_says_which_promises_it_missed() -> None:
    stream = streaming(e2e=(2500.0,), ttft=500.0, itl=200.0)
    for at in (0.6, 1.0, 1.1):
        stream.sends(event(0), at)
    assert stream.missed(1.1) == ("ttft", "itl")
    assert stream.missed(3.0) == ("e2e", "ttft", "itl")
    assert streaming().missed(9.9) == ()


PAGE = """steelyard_server_late_requests_total{metric="ttft",percent="99"} %s
steelyard_server_late_requests_total{metric="itl",percent="90.5"} %s
"""


def test_late_answers_are_counted_by_promise_from_zero_on() -> None:
    registry = CollectorRegistry()
    promise = promise_of(
        Document({"metric": metric, "milliseconds": 100, "percent": percent}, "latency[0]")
        for metric, percent in (("ttft", "99"), ("itl", "90.5"))
    )
    late = Late(promise, registry)
    assert PAGE % ("0.0", "0.0") in generate_latest(registry).decode()
    late.add(("itl",))
    late.add(("ttft", "itl"))
    assert PAGE % ("1.0", "2.0") in generate_latest(registry).decode()


def test_of_one_promise_outcomes_tell_all() -> None:
    registry = CollectorRegistry()
    late = Late(Promise(ttft=100.0, percents=(("ttft", "99"),)), registry)
    late.add(("ttft",))
    assert b"late" not in generate_latest(registry)
