"""Requests that a user gives are sent as they are, by a probe of a server that nobody else knows anything of."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from patience import PATIENCE
from steelyard_runtime.failure import Failure
from steelyard_runtime.load.asking import JSON
from steelyard_runtime.load.probe import Probe
from steelyard_runtime.load.probe_spec import ProbeSpec, probe_spec
from steelyard_runtime.load.samples import Samples, read_samples
from unit.runtime.test_probe import answering

SOURCE = "key requests.jsonl of ConfigMap ranker"
RANK = {"path": "/v1/rank", "body": {"query": "ä", "documents": ["a", "b"]}}
IMAGE = {"path": "/v1/see?size=2", "base64": base64.b64encode(b"\x00\xff").decode(), "headers": {"Content-Type": "image/png", "X-Key": "a"}}


def written(folder: Path, *lines: Any) -> Samples:
    path = folder / "requests.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines))
    return Samples(path, SOURCE)


def test_a_line_is_a_request_with_its_path_body_and_headers(tmp_path: Path) -> None:
    rank, image, word = read_samples(written(tmp_path, RANK, "", IMAGE, {"path": "/", "body": None}))
    assert (rank.path, json.loads(rank.body), rank.headers) == ("/v1/rank", RANK["body"], JSON)
    assert (image.path, image.body) == ("/v1/see?size=2", b"\x00\xff")
    assert image.headers == {"content-type": "image/png", "x-key": "a"}
    assert word.body == b"null", "a body that is given"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", "line 2 of key requests.jsonl of ConfigMap ranker is no JSON"),
        ("[1]", "line 2 of key requests.jsonl of ConfigMap ranker must be an object"),
        ({"body": {}}, "ConfigMap ranker.path must be a string"),
        ({"path": "v1/rank", "body": {}}, ".path must be a path from the root"),
        ({"path": "/a b", "body": {}}, ".path must be a path from the root"),
        ({"path": "/a\r\nHost: b", "body": {}}, ".path must be a path from the root"),
        ({"path": "/"}, ".body must be given, as JSON, or base64 in its place"),
        ({"path": "/", "body": {}, "base64": "AA=="}, ".body must be given, as JSON, or base64 in its place"),
        ({"path": "/", "base64": "ä"}, ".base64 must be base64"),
        ({"path": "/", "body": {}, "method": "GET"}, "has fields this runtime does not know: method"),
        ({"path": "/", "body": {}, "headers": {"a": 1}}, ".headers.a must be a string"),
        ({"path": "/", "body": {}, "headers": {"a": "b\r\nc: d"}}, ".headers.a must be left out"),
        ({"path": "/", "body": {}, "headers": {"Content-Length": "9"}}, ".headers.content-length must be left out"),
        ({"path": "/", "body": {}, "headers": ["a"]}, ".headers must be an object"),
    ],
)
def test_a_line_that_is_no_request_is_named_with_what_to_write(tmp_path: Path, line: Any, words: str) -> None:
    with pytest.raises(Failure) as failure:
        read_samples(written(tmp_path, RANK, line))
    assert words in failure.value.message


def test_what_is_missing_or_empty_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(Failure, match=r"there is no key requests\.jsonl of ConfigMap ranker: make it, with one request a line"):
        read_samples(Samples(tmp_path / "requests.jsonl", SOURCE))
    with pytest.raises(Failure, match="has 0 requests: give 1 to 10000"):
        read_samples(written(tmp_path, "", " "))
    (tmp_path / "requests.jsonl").write_bytes(b"\xff")
    with pytest.raises(Failure, match="no text in UTF-8"):
        read_samples(Samples(tmp_path / "requests.jsonl", SOURCE))


def spec_of(port: int, samples: Samples, metric: str = "e2e", milliseconds: int = 60_000) -> ProbeSpec:
    url = f"http://127.0.0.1:{port}"
    document = {
        "server": {"url": url, "ready": f"{url}/healthz"},
        "samples": {"path": str(samples.path), "source": samples.source},
        "objective": {"latency": [{"metric": metric, "milliseconds": milliseconds, "percent": "99"}]},
        "ramp": {"first": 20, "most": 20, "halvings": 0},
        "step": {"seconds": 0.5, "requests": 5},
        "seconds": PATIENCE,
    }
    return probe_spec({"STEELYARD_PROBE_SPEC": json.dumps(document)})


async def test_each_of_them_is_asked_about_as_often_as_any_other(tmp_path: Path) -> None:
    asked: list[tuple[str, str, bytes]] = []

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path != "/healthz":
            asked.append((request.method, request.path_qs, await request.read()))
        return web.Response(text="not even JSON")

    async with answering(handle) as port:
        told = await Probe(spec_of(port, written(tmp_path, RANK, IMAGE))).run()
    (step, *_) = told["steps"]  # type: ignore[misc]
    assert step["good"] > 0 and step["slow"] == step["error"] == 0
    rank, image = asked.count(("POST", "/v1/rank", json.dumps(RANK["body"]).encode())), asked.count(("POST", "/v1/see?size=2", b"\x00\xff"))
    assert rank + image == len(asked) and abs(rank - image) <= 2, "the first few only warm the server"


async def test_they_come_in_another_order_than_in_their_file_and_in_the_same_on_every_pool(tmp_path: Path) -> None:
    samples = written(tmp_path, *({"path": f"/{number}", "body": {}} for number in range(50)))

    async def order() -> list[str]:
        paths: list[str] = []

        async def handle(request: web.Request) -> web.StreamResponse:
            if request.path not in {"/healthz", *paths}:
                paths.append(request.path)
            return web.Response()

        async with answering(handle) as port:
            await Probe(spec_of(port, samples)).run()
        return paths

    one, other = await order(), await order()
    few = min(len(one), len(other))
    assert one[:few] == other[:few] != [f"/{number}" for number in range(few)]


async def test_an_answer_that_streams_is_judged_by_its_first_event(tmp_path: Path) -> None:
    """The whole of it takes longer than its first token may."""
    first, whole, limit = 0.0, 2.5, 2000

    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/healthz":
            return web.Response()
        answer = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await answer.prepare(request)
        await asyncio.sleep(first)
        await answer.write(b'data: {"choices":[{"index":0,"text":"a"}]}\n\n')
        await asyncio.sleep(whole - first)
        await answer.write(b"data: [DONE]\n\n")
        return answer

    async with answering(handle) as port:
        kept = (await Probe(spec_of(port, written(tmp_path, RANK), "ttft", limit)).run())["steps"]
        first = whole
        broken = (await Probe(spec_of(port, written(tmp_path, RANK), "ttft", limit)).run())["steps"]
    assert kept[0]["good"] > 0 and kept[0]["slow"] == 0  # type: ignore[index]
    assert broken[0]["good"] == 0 and broken[0]["slow"] > 0  # type: ignore[index]


async def test_samples_that_the_server_does_not_take_are_named(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if request.path == "/healthz" else 422)

    async with answering(handle) as port:
        with pytest.raises(Failure, match=r"refuses [0-9]+ of [0-9]+ of the requests of key requests\.jsonl of ConfigMap ranker as wrong"):
            await Probe(spec_of(port, written(tmp_path, RANK))).run()


async def test_a_step_is_no_figure_where_the_server_refuses_some_of_the_samples(tmp_path: Path) -> None:
    """What it does with the others is another load."""

    async def handle(request: web.Request) -> web.StreamResponse:
        wrong = request.path != "/healthz" and b"wrong" in await request.read()
        return web.Response(status=422 if wrong else 200)

    samples = (*(4 * [RANK]), {**RANK, "body": {"wrong": True}})
    async with answering(handle) as port:
        with pytest.raises(Failure, match=r"refuses [0-9]+ of [0-9]+ of the requests of key requests\.jsonl of ConfigMap ranker as wrong"):
            await Probe(spec_of(port, written(tmp_path, *samples))).run()


async def test_a_probe_without_its_samples_ends_with_that_word_before_it_asks(tmp_path: Path) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        raise AssertionError(request.path)

    async with answering(handle) as port:
        with pytest.raises(Failure, match=r"there is no key requests\.jsonl of ConfigMap ranker"):
            await Probe(spec_of(port, Samples(tmp_path / "requests.jsonl", SOURCE))).run()
