"""What is read of servers that people run is what their clients saw: each out of its own package, with a model that takes as long as it is told.

Not in `make test`: the environments are large. `make test-servers`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from cluster.waiting import wait_until
from patience import PATIENCE
from servers.real_server import KINDS, TRITON, RealServer
from steelyard.core.facts.server_page import ServerPage
from steelyard.observe.exposition import parse
from steelyard.observe.failure import RejectedError
from steelyard.observe.profiles import contract_of
from steelyard.observe.sample import Counts, Sample, Tally
from unit.observe.pods import T0

pytestmark = pytest.mark.servers

LIMIT = 0.5
"""Seconds: an edge of each of their histograms, or within the edges around it."""
FAST, LATE, FAIL, ANSWERED_WITH_AN_ERROR = 5, 1500, -1, -2
ASKED = (*(FAST,) * 24, *(LATE,) * 3, *(FAIL,) * 4)


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind.profile)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(request.param, tmp_path_factory.mktemp(request.param.profile)) as server:
        yield server


def read(server: RealServer) -> Sample:
    contract = contract_of(ServerPage(profile=server.kind.profile, promises=(("e2e", LIMIT),), allowed=(0.01,)))
    return contract.sample(parse(server.page(), contract.wanted), T0, 0)


def counts(server: RealServer) -> Counts:
    return read(server).counts


def settled(server: RealServer) -> Counts:
    """Once the page has been the same for as long as it may be behind."""
    found: list[Counts | None] = []

    def stands() -> bool:
        try:
            found.append(counts(server))
        except RejectedError:  # Nothing is told before the first export.
            found.append(None)
        newest = found[-server.kind.looks_alike :]
        return len(newest) == server.kind.looks_alike and newest[0] is not None and all(each == newest[0] for each in newest)

    wait_until("the page to stand still", stands, seconds=PATIENCE, every=1.0)
    last = found[-1]
    assert last is not None
    return last


def test_outcomes_are_those_that_the_client_saw(server: RealServer) -> None:
    before = settled(server)
    took = []
    for milliseconds in ASKED:
        began = time.monotonic()
        status = server.ask(milliseconds)
        took.append((status, time.monotonic() - began))
        assert (status == 200) == (milliseconds >= 0), status
    after = settled(server)
    grown = (after - before).tally
    good = sum(1 for status, seconds in took if status == 200 and seconds <= LIMIT)
    failed = sum(1 for status, _ in took if status != 200)
    if server.kind.profile == "kserve":
        # It times its steps alone, those that failed among them, and tells of no errors: no more than a bound is known.
        assert (grown.error, grown.good, grown.offered) == (0, 0, len(ASKED) - failed)
        assert good <= grown.unsure
        return
    if server.kind.profile == "triton":
        # Of its time it tells a sum: any of those that were answered may have been good.
        assert grown == Tally(good=0, slow=len(ASKED) - failed, error=failed, unsure=len(ASKED) - failed)
        return
    assert grown == Tally(good=good, slow=len(ASKED) - failed - good, error=failed, unsure=grown.unsure)
    assert grown.good <= good <= grown.good + grown.unsure


def test_what_it_says_of_itself_is_no_request(server: RealServer) -> None:
    before = settled(server)
    for _ in range(5):
        server.page()
    assert settled(server) == before


@pytest.fixture(scope="module")
def triton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealServer]:
    with RealServer(TRITON, tmp_path_factory.mktemp("triton")) as server:
        yield server


def told(server: RealServer, name: str) -> float:
    """The sum of a counter's series on its page."""
    return sum(parse(server.page(), frozenset({name})).series[name].values())


def test_triton_tells_a_mean_that_is_its_clients_and_says_that_good_requests_are_unknown_by_it(triton: RealServer) -> None:
    before, requests = told(triton, "nv_inference_request_duration_us"), settled(triton).answered
    began = time.monotonic()
    for milliseconds in (FAST, LATE, LATE):
        assert triton.ask(milliseconds) == 200
    took = time.monotonic() - began
    assert settled(triton).answered - requests == 3
    assert (FAST + 2 * LATE) / 1000 <= (told(triton, "nv_inference_request_duration_us") - before) / 1e6 <= took
    sample = read(triton)
    assert [within.blind for within in sample.counts.told] == [True]
    assert "the server tells of e2e a mean alone (nv_inference_request_duration_us)" in sample.blind
    assert "told by a gateway, or a proxy in the pod, that has a histogram of them" in sample.blind


def test_triton_counts_an_error_that_its_model_answers_with_as_answered(triton: RealServer) -> None:
    """What the tutorial says of it: only what its model raises is a failure."""
    before = settled(triton)
    assert triton.ask(ANSWERED_WITH_AN_ERROR) == 500
    grown = (settled(triton) - before).tally
    assert (grown.offered, grown.error) == (1, 0)
