"""What the judge lets through of what is no request of HTTP. The rest, with a server around it: tests/contract/test_vllm.py."""

from __future__ import annotations

import asyncio
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
