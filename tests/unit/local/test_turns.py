"""Turns: of all generators on a machine one sends at a time, in the order in which they ask, and none that dies keeps the others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from patience import PATIENCE
from steelyard.local.turns import Turns
from steelyard_runtime.failure import Failure
from steelyard_runtime.load.turn import turn


@pytest.fixture
def socket(tmp_path: Path) -> Iterator[str]:
    with closing(Turns(tmp_path / "turns")):
        yield str(tmp_path / "turns")


async def test_one_sends_at_a_time_and_all_have_as_many_steps_at_any_moment(socket: str) -> None:
    order: list[str] = []
    sending = 0

    async def generator(name: str, steps: int) -> None:
        nonlocal sending
        for _ in range(steps):
            async with turn(socket):
                sending += 1
                assert sending == 1
                order.append(name)
                await asyncio.sleep(0.02)
                sending -= 1

    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(generator(name, 5) for name in "abc"))
    for done in range(1, len(order) + 1):
        counts = [order[:done].count(name) for name in "abc"]
        assert max(counts) - min(counts) <= 1, order


async def test_one_that_is_done_is_not_waited_for(socket: str) -> None:
    async with asyncio.timeout(PATIENCE):
        async with turn(socket):
            pass
        for _ in range(3):
            async with turn(socket):
                pass


async def test_one_that_dies_in_its_turn_gives_it_back(socket: str) -> None:
    _, dying = await asyncio.open_unix_connection(socket)
    waiting = asyncio.create_task(_one(socket))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    dying.transport.abort()
    async with asyncio.timeout(PATIENCE):
        await waiting


async def test_one_that_dies_while_it_waits_is_passed_over(socket: str) -> None:
    async with turn(socket):
        _, dying = await asyncio.open_unix_connection(socket)
        dying.transport.abort()
    async with asyncio.timeout(PATIENCE):
        await _one(socket)


async def test_without_a_socket_nobody_waits() -> None:
    async with turn(None), turn(None):
        pass


async def test_where_nobody_gives_turns_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="nobody gives turns"):
        await _one(str(tmp_path / "none"))


async def _one(socket: str) -> None:
    async with turn(socket):
        pass
