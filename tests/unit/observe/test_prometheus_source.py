"""A scripted Prometheus: answers that a real one gives only on a bad day."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from patience import PATIENCE
from steelyard.core.facts.server_page import PageNames, ServerPage
from steelyard.observe.contract import STEELYARD
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.profiles import contract_of
from steelyard.observe.prometheus_source import PODS_A_QUERY, PrometheusSource
from steelyard.observe.sample import Sample, Tally
from unit.observe.pods import pod
from unit.observe.servers import bombs, floods, says, stalls, trickles

NOW = 1_800_000_000.0
SHORT = 0.3
"""Seconds that one who never answers is waited for."""


def series(name: str, value: str, at: float = NOW, pod: str = "a", job: str = "pods", **labels: str) -> dict:
    metric = {"__name__": name, "namespace": "shop", "pod": pod, "job": job, "instance": "10.0.0.1:9090", **labels}
    return {"metric": metric, "values": [[at - 5, "0"], [at, value]]}


def healthy(good: int = 4, at: float = NOW, **target: str) -> list[dict]:
    return [
        series("up", "1", at, **target),
        *(
            series("steelyard_server_requests_total", str(n), at, outcome=o, **target)
            for o, n in (("good", good), ("slow", 1), ("error", 0), ("shed", 0))
        ),
        *(
            series("steelyard_request_duration_seconds_bucket", str(n), at, le=le, **target)
            for le, n in (("0.1", good), ("+Inf", good + 1))
        ),
        series("steelyard_server_start_time_seconds", "1000.5", at, **target),
        series("steelyard_server_clock_seconds", str(at), at, **target),
    ]


def matrix(result: list[dict]) -> str:
    return json.dumps({"status": "success", "data": {"resultType": "matrix", "result": result}})


@asynccontextmanager
async def prometheus(behaviour, timeout: float = PATIENCE, source=PrometheusSource) -> AsyncIterator[tuple[Any, list[str]]]:
    queries: list[str] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        queries.append((await request.post())["query"])
        return await behaviour(request)

    application = web.Application()
    application.router.add_post("/base/api/v1/query", handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        async with aiohttp.ClientSession() as session:
            yield source(session, f"http://user:secret@127.0.0.1:{runner.addresses[0][1]}/base", timeout_seconds=timeout), queries
    finally:
        await runner.cleanup()


async def read(text: str, *names: str):
    async with prometheus(says(text, content_type="application/json")) as (source, _):
        return await source.read([pod(name) for name in names or ("a",)])


async def failure(result: list[dict]) -> Failure:
    answer = (await read(matrix(result)))["uid-a"]
    assert isinstance(answer, Failure)
    return answer


async def test_the_newest_scrape_of_a_pod_becomes_a_sample():
    answer = (await read(matrix(healthy())))["uid-a"]
    assert isinstance(answer, Sample)
    assert answer.counts.tally == Tally(4, 1, 0, 0)
    assert (answer.at.timestamp(), answer.start, answer.buckets) == (NOW, 1000.5, {0.1: 4, float("inf"): 5})


QUERY = 'the query steelyard_server_requests_total{namespace="shop",pod="a"}'


async def test_an_empty_result_is_unknown_and_names_the_query():
    empty = await failure([])
    assert empty.reason is Reason.EMPTY
    assert empty.why.startswith(f"{QUERY} returned nothing recent")


async def test_a_target_that_is_down_is_no_silence_even_while_old_samples_are_there():
    down = await failure([series("up", "0", NOW + 5), *healthy()[1:]])
    assert down == Failure(Reason.TARGET_DOWN, 'the query up{namespace="shop",pod="a"} says 0: Prometheus cannot scrape the pod')
    assert (await failure([series("up", "0")])).reason is Reason.TARGET_DOWN


async def test_a_metric_that_vanished_from_the_newest_scrape_is_missing():
    older = [series("steelyard_server_requests_total", "9", NOW - 5, outcome=o) for o in ("good", "slow", "error", "shed")]
    rest = [each for each in healthy() if each["metric"]["__name__"] != "steelyard_server_requests_total"]
    assert (await failure(rest)).reason is Reason.EMPTY
    assert (await failure(rest + older)).reason is Reason.EMPTY
    assert (await failure(healthy()[:2] + healthy()[3:])).reason is Reason.MISSING


async def test_without_up_nothing_is_proved():
    assert (await failure(healthy()[1:])).reason is Reason.EMPTY


@pytest.mark.parametrize(
    ("value", "reason"),
    [("NaN", Reason.NOT_A_NUMBER), ("+Inf", Reason.INFINITE), ("-1", Reason.NEGATIVE), ("x", Reason.SYNTAX), ("0.5", Reason.NOT_WHOLE)],
)
async def test_garbage_values_are_refused(value, reason):
    bad = healthy()
    bad[1]["values"][-1][1] = value
    found = await failure(bad)
    assert found.reason is reason
    assert found.why.startswith(QUERY)


async def test_the_same_series_twice_is_refused():
    assert (
        await failure([*healthy(), series("steelyard_server_requests_total", "4", outcome="good", replica="b")])
    ).reason is Reason.DUPLICATE


async def test_two_jobs_that_scrape_the_same_pod_count_once_and_the_newer_wins():
    answer = (await read(matrix([*healthy(4), *healthy(5, NOW + 1, job="again")])))["uid-a"]
    assert isinstance(answer, Sample)
    assert answer.counts.tally.good == 5


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (stalls, Reason.TIMEOUT),
        (trickles, Reason.TIMEOUT),
        (bombs, Reason.CONTENT_TYPE),
        (says("", status=503, content_type="text/html"), Reason.CONTENT_TYPE),
        (says("{", content_type="application/json"), Reason.SYNTAX),
        (says("[" * 100_000, content_type="application/json"), Reason.SYNTAX),
        (says("[]", content_type="application/json"), Reason.SYNTAX),
        (says('{"status":"success","data":{"resultType":"vector","result":[]}}', content_type="application/json"), Reason.SYNTAX),
        (
            says(
                '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{},"values":[[1,"2"]]}]}}',
                content_type="application/json",
            ),
            Reason.SYNTAX,
        ),
        (
            says(
                '{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"up"},"values":[7]}]}}',
                content_type="application/json",
            ),
            Reason.SYNTAX,
        ),
        (
            says('{"status":"error","errorType":"bad_data","error":"1:2 at 12:00:07"}', status=400, content_type="application/json"),
            Reason.QUERY,
        ),
        (says(status=302, Location="/"), Reason.CONTENT_TYPE),
    ],
)
async def test_a_broken_prometheus_is_a_failure_of_every_pod_and_tells_no_secret(behaviour, reason):
    async with prometheus(behaviour, SHORT if reason is Reason.TIMEOUT else PATIENCE) as (source, _):
        answers = await source.read([pod("a"), pod("b")])
    assert {answer.reason for answer in answers.values()} == {reason}
    (why,) = {answer.why for answer in answers.values()}
    assert why.startswith("Prometheus at http://127.0.0.1:")
    assert "secret" not in why
    assert "12:00" not in why


async def test_an_endless_answer_is_cut(monkeypatch):
    monkeypatch.setattr("steelyard.observe.prometheus.LARGEST", 300_000)
    async with prometheus(floods) as (source, _):
        assert (await source.read([pod()]))["uid-a"].reason is Reason.TOO_LARGE


async def test_pods_are_asked_for_together_but_in_bounded_queries():
    async with prometheus(says(matrix([]), content_type="application/json")) as (source, queries):
        await source.read([pod(f"p{n}") for n in range(PODS_A_QUERY + 1)] + [pod("x", namespace="other")])
    assert len([query for query in queries if STEELYARD.REQUESTS in query]) == 3


async def test_names_are_data_and_never_query():
    async with prometheus(says(matrix([]), content_type="application/json")) as (source, queries):
        await source.read([pod('a"} or vector(1) #', namespace='n"\\')])
    (query,) = [query for query in queries if STEELYARD.REQUESTS in query]
    assert 'namespace="n\\"\\\\"' in query
    assert 'pod=~"a\\"\\\\}\\\\ or\\\\ vector\\\\(1\\\\)\\\\ \\\\#"' in query


# --- servers that are not ours ------------------------------------------------------------------------------------------------------------

NAMES = PageNames(
    requests="n_total",
    labels=(("handler", ("/predict",)),),
    request_labels=(("outcome", ("ok",)),),
    errors="n_total",
    error_labels=(("outcome", ("bad",)),),
    whole="t",
)
PAGE = ServerPage(names=NAMES, promises=(("e2e", 0.1),), allowed=(0.01,), port=8000)


def labelled(**more: str) -> list[dict]:
    handlers = [
        series("n_total", n, handler=handler, outcome=outcome)
        for handler, outcome, n in (("/predict", "ok", "10"), ("/predict", "bad", "2"), ("/health", "ok", "500"))
    ]
    times = [series("t_bucket", n, handler="/predict", le=le) for le, n in (("0.1", "8"), ("+Inf", "10"))]
    return [series("up", "1"), *handlers, *times, *(series(name, value) for name, value in more.items())]


async def test_labels_that_were_given_select_among_those_of_the_server():
    async with prometheus(says(matrix(labelled()), content_type="application/json")) as (source, queries):
        answer = (await source.read([pod(contract=contract_of(PAGE))]))["uid-a"]
    assert isinstance(answer, Sample)
    assert answer.counts.tally == Tally(good=8, slow=2, error=2)
    assert len(queries) == 2, "one of the pages, one of their energy: nothing is lacking"


async def test_what_is_lacking_is_asked_for_once_a_round_and_told_with_what_is_near():
    names = json.dumps(
        {"status": "success", "data": {"resultType": "vector", "result": [{"metric": {"__name__": "requests_total"}, "value": [0, "1"]}]}}
    )

    async def behaviour(request: web.Request) -> web.Response:
        query = (await request.post())["query"]
        text = names if query.startswith("count by (__name__)") else matrix([series("up", "1")])
        return web.Response(text=text, content_type="application/json")

    page = ServerPage(names=PageNames(requests="request_total", whole="t"), promises=(("e2e", 0.1),), port=8000)
    async with prometheus(behaviour) as (source, queries):
        told = await source.read([pod(name, contract=contract_of(page)) for name in "abc"])
        asked = [*queries]
        names = "no JSON"
        again = await source.read([pod(name, contract=contract_of(page)) for name in "abc"])
    assert again == told, "one answer that fails takes nothing back of what was told"
    assert [query for query in asked if query.startswith("count")] == ['count by (__name__) ({namespace="shop",pod="a"})']
    for answer in told.values():
        assert isinstance(answer, Failure) and answer.reason is Reason.EMPTY
        assert "the page has requests_total: correct the name, or the profile" in answer.why
