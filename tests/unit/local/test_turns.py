"""Turns: of all generators on a machine one sends at a time, in the order in which they ask, and none that dies keeps the others waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from aiohttp import web

from patience import PATIENCE
from steelyard.local.turns import Turns
from steelyard_runtime.failure import Failure
from steelyard_runtime.load.probe import WARMING, Probe
from steelyard_runtime.load.probed_step import ProbedStep
from steelyard_runtime.load.turn import turn
from unit.runtime.test_probe import answering, ready, spec_of


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


# Probes that take turns


@pytest.mark.parametrize("shared", [True, False])
async def test_of_two_probes_that_share_a_machine_one_sends_at_a_time(socket: str, shared: bool) -> None:
    """Their first requests are to warm their servers, before anything is measured."""
    in_flight = {"a": 0, "b": 0}
    came = {"a": 0, "b": 0}
    together = 0

    def server(name: str) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            nonlocal together
            if request.method == "GET":
                return await ready(request)
            came[name] += 1
            in_flight[name] += 1
            await asyncio.sleep(0.005)
            together += min(came.values()) > WARMING and all(in_flight.values())
            in_flight[name] -= 1
            return web.json_response({})

        return handle

    steady = {"loads": [20, 40], "seconds": 0.5}
    async with asyncio.timeout(PATIENCE), answering(server("a")) as one, answering(server("b")) as other:
        turns = {"turn": socket} if shared else {}
        found = [Probe(spec_of(port, port, steady=steady, **turns)) for port in (one, other)]
        told = await asyncio.gather(*(probe.run() for probe in found))
    assert [each["result"] for each in told] == ["Probed", "Probed"]
    assert (together == 0) is shared


async def test_a_step_that_others_disturbed_is_sent_again_where_the_machine_is_shared(socket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[ProbedStep] = []

    def disturbed(step: ProbedStep) -> bool:
        """The first one."""
        seen.append(step)
        return step is seen[0]

    monkeypatch.setattr(ProbedStep, "disturbed", property(disturbed))

    async def handle(request: web.Request) -> web.StreamResponse:
        return await ready(request) if request.method == "GET" else web.json_response({})

    async with asyncio.timeout(PATIENCE), answering(handle) as port:
        again = await Probe(spec_of(port, port, turn=socket)).run()
        seen.clear()
        with pytest.raises(Failure, match="could not send"):
            await Probe(spec_of(port, port)).run()
    assert "message" not in again and isinstance(again["steps"], list) and len(again["steps"]) >= 2
