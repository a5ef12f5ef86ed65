"""The played server says what the real one says, in the way that the operator believes, and is as slow as its processor."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from steelyard.observe.contract import STEELYARD
from steelyard.observe.exposition import parse
from steelyard.observe.sample import Tally
from steelyard.observe.termination import final
from steelyard_runtime.serve.metrics import Metrics
from stub.server import Behaviour, StubServer


def served(requests: int) -> StubServer:
    """A server that has answered so many requests, each fiftieth of them too late."""
    server = StubServer(Behaviour(0.004, broken=0.02))
    server.serve(requests, 3600.0)
    return server


def names(exposition: str) -> set[str]:
    """Series by name."""
    return {line.split("{")[0].split(" ")[0] for line in exposition.splitlines() if line and not line.startswith("#")}


def test_the_last_word_has_the_fields_of_the_real_servers():
    real = Metrics((600.0,)).final()["final"]
    played = served(100).final["final"]
    assert isinstance(real, dict)
    assert isinstance(played, dict)
    assert played.keys() == real.keys()
    assert played["requests"].keys() == real["requests"].keys()
    assert played["tokens"].keys() == real["tokens"].keys()


def test_the_operator_takes_the_last_word_as_that_of_the_process_that_it_scraped():
    server = served(100)
    told = final(json.dumps(server.final))
    assert told is not None
    assert told.tally == Tally(98, 2, 0, 0)
    seen = STEELYARD.sample(parse(server.exposition().encode(), STEELYARD.wanted), datetime.now(UTC), 0)
    assert seen.start == pytest.approx(told.start, abs=0.001)


def test_all_that_the_operator_reads_is_exposed_and_nothing_that_the_real_server_does_not_expose():
    played = names(served(100).exposition())
    elsewhere = {STEELYARD.GOOD_INPUT, STEELYARD.GOOD_CACHED, STEELYARD.GOOD_OUTPUT, STEELYARD.ENERGY, STEELYARD.SEQUENCES, STEELYARD.LATE}
    assert played >= {name for name in STEELYARD.wanted if not name.startswith("vllm:")} - elsewhere
    real = Metrics((600.0,))
    real.batches((1,), 1)
    assert played <= names(real.exposition().decode())


def test_a_processor_that_is_asked_for_less_than_it_can_answers_all_in_time():
    server = StubServer(Behaviour(0.004))
    for _ in range(1000):
        server.serve(int(0.095 * server.behaviour.saturated), 0.1)
    assert server.late == server.shed == server.slow == server.waiting == 0


def test_a_processor_that_is_asked_for_too_much_answers_late_and_then_sheds():
    server = StubServer(Behaviour(0.004))
    for _ in range(30):
        server.serve(int(0.13 * server.behaviour.saturated), 0.1)
    assert server.late > 0
    assert server.shed == 0
    for _ in range(100):
        server.serve(int(0.13 * server.behaviour.saturated), 0.1)
    assert server.shed > 0
    assert sum(server.counts.values()) + server.waiting == 130 * int(0.13 * server.behaviour.saturated), "each request has one outcome"


def test_a_tick_that_comes_late_is_no_overload():
    server = StubServer(Behaviour(0.004))
    server.serve(int(5 * 0.9 * server.behaviour.saturated), 5.0)
    assert server.late == server.shed == server.waiting == 0
