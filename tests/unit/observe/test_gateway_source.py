"""What a Prometheus has of a gateway's backends: pages that a real Envoy answered with, as a scripted Prometheus gives them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from steelyard.observe.backend import Backend, contract_at_a_gateway
from steelyard.observe.exposition import parse
from steelyard.observe.failure import Failure, Reason
from steelyard.observe.gateway_source import AtGateway, NoGatewaySource, PrometheusGatewaySource
from steelyard.observe.sample import Sample, Tally
from unit.observe.servers import says, stalls
from unit.observe.test_prometheus_source import NOW, SHORT, matrix, prometheus

CONTRACT = contract_at_a_gateway((("e2e", 0.05),), (0.01,))
CHAT, IDLE, GONE = (Backend(f"shop_{name}_80", CONTRACT) for name in ("chat", "idle", "gone"))
PAGES = Path(__file__).parent / "pages"
A, B = "10.0.0.1:8002", "10.0.0.2:8002"


def scraped(when: str, at: float = NOW, instance: str = A, job: str = "envoy") -> list[dict[str, Any]]:
    """The page of one process of the gateway as Prometheus keeps it."""
    page = parse((PAGES / f"envoy-1.40-{when}.txt").read_bytes(), CONTRACT.wanted)
    return [
        {"metric": {"__name__": name, "job": job, "instance": instance, **dict(labels)}, "values": [[at, str(value)]]}
        for name, some in page.series.items()
        for labels, value in some.items()
    ]


async def read(series: Iterable[dict[str, Any]], backend: Backend = CHAT) -> AtGateway:
    behaviour = says(matrix([*series]), content_type="application/json")
    async with prometheus(behaviour, source=PrometheusGatewaySource) as (source, _):
        return (await source.read([backend]))[backend]


async def only(series: Iterable[dict[str, Any]], backend: Backend = CHAT) -> Sample:
    found = await read(series, backend)
    assert not isinstance(found, Failure), found
    (sample,) = found.values()
    return sample


async def failure(series: Iterable[dict[str, Any]], backend: Backend = CHAT) -> Failure:
    found = await read(series, backend)
    assert isinstance(found, Failure)
    return found


async def test_answers_are_told_by_their_status_and_late_ones_by_the_histogram() -> None:
    sample = await only(scraped("late"))
    assert sample.at.timestamp() == NOW
    # Two of the 25 that took longer than 50 ms or not are the failures: at least 20 of the 23 answers were in time, and at most 22.
    assert sample.counts.tally == Tally(good=20, slow=3, error=1, shed=1, unsure=2)


async def test_what_the_histogram_does_not_show_yet_is_not_late() -> None:
    assert (await only(scraped("early"))).counts.tally == Tally(good=23, slow=0, error=1, shed=1)


async def test_a_backend_that_was_asked_nothing_yet_has_answered_nothing() -> None:
    assert (await only(scraped("late"), IDLE)).counts.tally == Tally()


async def test_answers_of_envoy_itself_alone_say_nothing_of_how_long_a_backend_takes() -> None:
    assert (await failure(scraped("late"), GONE)).reason is Reason.MISSING


async def test_a_backend_that_is_no_cluster_is_unknown_and_what_to_look_at_is_said() -> None:
    found = await failure(scraped("late"), Backend("shop_other_80", CONTRACT))
    assert found.reason is Reason.EMPTY
    assert found.why.startswith('the query envoy_cluster_upstream_rq{envoy_cluster_name="shop_other_80"} returned nothing recent')
    assert "observe.gateway.clusterName" in found.why


async def test_each_process_of_a_gateway_has_counters_of_its_own() -> None:
    found = await read([*scraped("late"), *scraped("early", NOW + 1, B)])
    assert not isinstance(found, Failure)
    assert {process: sample.at.timestamp() for process, sample in found.items()} == {A: NOW, B: NOW + 1}


async def test_two_jobs_that_scrape_the_same_process_count_once_and_the_newer_wins() -> None:
    sample = await only([*scraped("early"), *scraped("late", NOW + 1, job="again")])
    assert (sample.at.timestamp(), sample.counts.observed, sample.counts.told[0].observed) == (NOW + 1, 0, 25)


@pytest.mark.parametrize(("value", "reason"), [("NaN", Reason.NOT_A_NUMBER), ("-1", Reason.NEGATIVE), ("0.5", Reason.NOT_WHOLE)])
async def test_garbage_is_refused(value: str, reason: Reason) -> None:
    bad = scraped("late")
    next(each for each in bad if each["metric"]["__name__"] == "envoy_cluster_upstream_rq")["values"][0][1] = value
    assert (await failure(bad)).reason is reason


async def test_many_backends_are_asked_for_by_one_query_and_in_parts_where_they_are_more() -> None:
    behaviour = says(matrix(scraped("late")), content_type="application/json")
    async with prometheus(behaviour, source=PrometheusGatewaySource) as (source, queries):
        found = await source.read([CHAT, IDLE, *(Backend(f"shop_x{n}_80", CONTRACT) for n in range(49))])
    assert len(found) == 51
    assert len(queries) == 2
    assert 'envoy_cluster_name=~"shop_chat_80|shop_idle_80|' in queries[0] and queries[0].endswith("[15s]")


async def test_a_prometheus_that_does_not_answer_makes_every_backend_unknown_without_telling_its_password() -> None:
    async with prometheus(stalls, timeout=SHORT, source=PrometheusGatewaySource) as (source, _):
        (found,) = {*(await source.read([CHAT, IDLE])).values()}
    assert isinstance(found, Failure)
    assert found.reason is Reason.TIMEOUT and "secret" not in found.why


async def test_without_a_source_it_is_said_what_to_set() -> None:
    (found,) = (await NoGatewaySource().read([CHAT])).values()
    assert isinstance(found, Failure) and "observe.gateway.prometheusUrl" in found.why
