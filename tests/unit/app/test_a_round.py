"""What a round of observation does with all pods, one pass after the other."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from steelyard.app.config import Config
from steelyard.app.operator import Identity, Operator


class HereItEndsError(Exception):
    """Of what is looked at."""


async def test_who_waits_goes_on_between_the_booking_of_all_pods_and_their_reading() -> None:
    nobody: Any = None
    done: list[str] = []
    operator = Operator(Config(), nobody, Identity.of("p", "ns"), host="", port=0)

    async def read(*_: Any) -> None:
        done.append("read")
        raise HereItEndsError

    async def other() -> None:
        done.append("another's turn")

    operator.elector = SimpleNamespace(leading=False)  # type: ignore[assignment]

    async def look(_: Any) -> tuple[()]:
        return ()

    operator.existing = SimpleNamespace(look=look)  # type: ignore[assignment]
    operator.snapshots = SimpleNamespace(existing=tuple, pods=tuple, paid_nodes=lambda _: (), window_seconds=dict)  # type: ignore[assignment]
    operator.cost_ledger = SimpleNamespace(book=lambda *_, **__: done.append("booked"))  # type: ignore[assignment]
    operator.observing = SimpleNamespace(round=read)  # type: ignore[assignment]
    beside = asyncio.create_task(other())
    with pytest.raises(HereItEndsError):
        await operator._observe_once()
    await beside
    assert done == ["booked", "another's turn", "read"]


@pytest.mark.parametrize(("took", "rests"), [(2.0, 3.0), (5.0, 0.0), (7.0, 0.0)], ids=["in time", "just in time", "late"])
async def test_a_round_begins_one_interval_after_the_last_one_began_and_at_once_where_that_took_longer(took: float, rests: float) -> None:
    nobody: Any = None
    operator = Operator(Config(), nobody, Identity.of("p", "ns"), host="", port=0)
    now, slept = [0.0], list[float]()

    async def once() -> None:
        now[0] += took

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        raise HereItEndsError

    operator.clock = SimpleNamespace(monotonic=lambda: now[0], sleep=sleep)  # type: ignore[assignment]
    operator._observe_once = once  # type: ignore[method-assign]
    with pytest.raises(HereItEndsError):
        await operator._observe()
    assert slept == [rests]
