"""The judge without a server: what is no request of HTTP, and readers that stand still. The rest: tests/contract/test_vllm.py."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard_runtime.generate.ground import judged_by
from steelyard_runtime.generate.judge import Judge


@pytest.mark.parametrize(("kind", "reached", "told"), [("lifespan", True, []), ("websocket", False, [{"type": "websocket.close"}])])
def test_a_conversation_that_nobody_would_judge_or_wait_for_is_closed(
    kind: str, reached: bool, told: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in judged_by((), limit=1, max_age=0.0, token="t").items():
        monkeypatch.setenv(name, value)
    seen, sent = [], []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    async def receive() -> Any:
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Judge(application)({"type": kind, "path": "/v1/realtime", "headers": []}, receive, send))
    assert (bool(seen), sent) == (reached, told)


def test_an_answer_whose_reader_stands_still_runs_and_is_judged_already(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in judged_by((), limit=1, max_age=0.0, token="t").items():
        monkeypatch.setenv(name, value)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x", "more_body": False})

    async def stands_still(message: Any) -> None:
        if message["type"] == "http.response.body":
            reached.set()
            await asyncio.Event().wait()

    reached = asyncio.Event()

    async def state() -> Any:
        judge, told = Judge(application), []

        async def send(message: Any) -> None:
            told.append(message.get("body"))

        asked = {"type": "http", "method": "POST", "path": "/v1/completions", "headers": [], "client": ("a", 1)}
        reading = asyncio.create_task(judge(asked, send, stands_still))
        await reached.wait()
        await judge({"type": "http", "method": "GET", "path": "/steelyard/state", "headers": [(b"x-steelyard-token", b"t")]}, send, send)
        reading.cancel()
        return json.loads(told[-1])

    found = asyncio.run(state())
    assert (found["running"], found["unjudged"], found["final"]["requests"]["good"]) == (1, 0, 1), "a drain that cuts it off adds no error"


@pytest.mark.parametrize("most", [48, None])
def test_how_many_requests_the_engine_runs_at_once_is_told_where_vllm_says_it(most: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in judged_by((), limit=1, max_age=0.0, token="t").items():
        monkeypatch.setenv(name, value)

    async def nothing(*_: Any) -> None:
        raise AssertionError("vLLM is not asked")

    async def page() -> bytes:
        told: list[bytes] = []

        async def send(message: Any) -> None:
            told.append(message.get("body", b""))

        config = SimpleNamespace(scheduler_config=SimpleNamespace(max_num_seqs=most))
        asked = {"type": "http", "method": "GET", "path": "/steelyard/metrics", "headers": [(b"x-steelyard-token", b"t")]}
        judge, known = Judge(nothing), SimpleNamespace(state=SimpleNamespace(vllm_config=config))
        await judge(asked, nothing, send)  # vLLM has not started yet
        await judge({**asked, "app": known}, nothing, send)
        await judge({**asked, "app": known}, nothing, send)
        return told[-1]

    assert (b"steelyard_server_sequences 48.0" in asyncio.run(page())) is (most is not None)


@pytest.mark.parametrize(("age", "most"), [(0.0, 0), (3600.0, 20_000)])
def test_connections_that_are_remembered_are_looked_through_ever_less_often(age: float, most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each look goes through all of them, in vLLM's own loop."""
    for name, value in judged_by((), limit=1, max_age=age, token="t").items():
        monkeypatch.setenv(name, value)

    class Looked(dict[Any, float]):
        times = 0

        def items(self) -> Any:
            Looked.times += 1
            return super().items()

    async def application(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    async def send(message: Any) -> None:
        pass

    async def asked() -> Judge:
        judge = Judge(application)
        for port in range(20_000):
            judge._retires = Looked(judge._retires) if type(judge._retires) is dict else judge._retires
            await judge({"type": "http", "method": "POST", "path": "/v1/completions", "headers": [], "client": ("a", port)}, send, send)
        return judge

    judge = asyncio.run(asked())
    assert (len(judge._retires), Looked.times <= 3) == (most, True)
