"""What exporters count of pods' energy, as Prometheus keeps it: a doubt makes it unknown, and no pod unread."""

import asyncio
import json

import pytest
from aiohttp import web

from steelyard.core.economics.energy import MOST_METERS, Meters
from steelyard.core.facts.resources import Resources
from steelyard.observe.observed_pod import ObservedPod
from steelyard.observe.pod_energy import DEVICES, PODS_A_QUERY, PROCESSORS
from steelyard.observe.sample import Sample
from unit.observe.pods import pod
from unit.observe.test_prometheus_source import NOW, SHORT, healthy, matrix, prometheus


def device(millijoules: str, uuid: str = "GPU-1", at: float = NOW, before: str = "exported_", **labels: str) -> dict:
    """As dcgm-exporter tells it: behind the labels of the exporter's own pod, unless these give way."""
    own = {"namespace": "gpu-operator", "pod": "dcgm-exporter-x7"} if before else {}
    metric = {"__name__": DEVICES, **own, f"{before}namespace": "shop", f"{before}pod": "a", "UUID": uuid, "gpu": "0", **labels}
    return {"metric": metric, "values": [[at - 30, "0"], [at, millijoules]]}


def processor(joules: str, zone: str = "package", at: float = NOW, **labels: str) -> dict:
    metric = {
        "__name__": PROCESSORS,
        "pod_id": "uid-a",
        "pod_name": "a",
        "pod_namespace": "shop",
        "state": "running",
        "zone": zone,
        **labels,
    }
    return {"metric": metric, "values": [[at, joules]]}


def graphics(name: str = "a") -> ObservedPod:
    return pod(name, cpu_limit=None, resources=Resources(4.0, 16.0, 1.0))


async def told(energy: list[dict], of: ObservedPod) -> Meters | None:
    """What is told of the pod where Prometheus has these series beside a healthy page of it."""

    async def answer(request: web.Request) -> web.Response:
        query = (await request.post())["query"]
        mine = [s for s in energy if s["metric"]["__name__"] in query and ("exported_pod" in query) == ("exported_pod" in s["metric"])]
        return web.Response(text=matrix(mine if DEVICES in query or PROCESSORS in query else healthy()), content_type="application/json")

    async with prometheus(answer) as (source, _):
        found = (await source.read([of]))[of.uid]
    assert isinstance(found, Sample), "what is told of energy makes no pod unread"
    return found.meters


async def test_a_devices_millijoules_are_its_pods_joules():
    found = await told([device("4500"), device("500", "GPU-2")], graphics())
    assert found is not None
    assert (dict(found.joules), found.at.timestamp(), found.estimated) == ({"GPU-1": 4.5, "GPU-2": 0.5}, NOW, False)


async def test_the_exporters_labels_may_also_be_kept_as_they_are():
    found = await told([device("4500", before="")], graphics())
    assert found is not None and dict(found.joules) == {"GPU-1": 4.5}


async def test_the_exporters_own_pod_is_no_pod_of_ours():
    stranger = device("4500")
    stranger["metric"]["exported_namespace"] = "other"
    assert await told([stranger], graphics()) is None


async def test_processors_are_told_by_the_pods_uid_and_are_an_estimate():
    found = await told([processor("12.5"), processor("1.5", "dram")], pod())
    assert found is not None
    assert (dict(found.joules), found.estimated) == ({"package": 12.5, "dram": 1.5}, True)
    assert await told([processor("12.5", pod_id="uid-of-another-one-with-this-name")], pod()) is None


async def test_each_kind_of_pod_has_its_own_exporter():
    assert await told([device("4500")], pod()) is None
    assert await told([processor("12.5")], graphics()) is None


@pytest.mark.parametrize(
    "energy",
    [
        [],
        [device("NaN")],
        [device("+Inf")],
        [device("-1")],
        [device("much")],
        [device("4500"), device("4600", gpu="1")],
        [device("4500", GPU_I_ID="3", GPU_I_PROFILE="2g.20gb")],
        [device("4500", uuid="")],
        [device(str(n), f"GPU-{n}") for n in range(MOST_METERS + 1)],
    ],
    ids=[
        "nothing",
        "NaN",
        "infinite",
        "negative",
        "no number",
        "one device twice",
        "a part of a device",
        "no name",
        "an explosion of labels",
    ],
)
async def test_what_is_in_doubt_is_unknown(energy: list[dict]):
    assert await told(energy, graphics()) is None


async def test_a_device_whose_series_ended_is_not_the_pods_any_more():
    found = await told([device("4500", at=NOW - 60), device("700", "GPU-2")], graphics())
    assert found is not None and dict(found.joules) == {"GPU-2": 0.7}


@pytest.mark.parametrize("trouble", ["stalls", "breaks"])
async def test_where_nobody_answers_for_energy_the_pods_are_read_all_the_same(trouble: str):
    async def answer(request: web.Request) -> web.Response:
        if DEVICES not in (await request.post())["query"]:
            return web.Response(text=matrix(healthy()), content_type="application/json")
        if trouble == "stalls":
            await asyncio.sleep(3600)
        return web.Response(text="{", content_type="application/json")

    async with prometheus(answer, SHORT * 5 if trouble == "stalls" else 30.0) as (source, _):
        found = (await source.read([graphics()]))["uid-a"]
    assert isinstance(found, Sample) and found.meters is None


async def test_pods_are_asked_for_together_but_in_bounded_queries():
    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            text=json.dumps({"status": "success", "data": {"resultType": "matrix", "result": []}}), content_type="application/json"
        )

    async with prometheus(answer) as (source, queries):
        await source.read([pod(f"p{n}", namespace=f"n{n}") for n in range(PODS_A_QUERY + 1)])
        assert len([q for q in queries if PROCESSORS in q]) == 2
        await source.read([graphics(f"g{n}") for n in range(PODS_A_QUERY)])
        (one, other) = [q for q in queries if DEVICES in q]
    assert {"exported_pod=~" in one, "exported_pod=~" in other} == {True, False}
