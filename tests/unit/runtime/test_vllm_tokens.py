"""Tokens are counted for the request that they were made for, whatever way the engine hands them out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from steelyard_runtime.generate.engine_tokens import REQUEST, Tokens, engine_of, watch
from steelyard_runtime.generate.good_tokens import GoodTokens


def output(prompt: list[int] | None, *choices: list[int], kept: int | None = 0) -> SimpleNamespace:
    each = [SimpleNamespace(index=index, token_ids=tokens) for index, tokens in enumerate(choices)]
    return SimpleNamespace(prompt_token_ids=prompt, num_cached_tokens=kept, outputs=each)


class Engine:
    """Hands out what the test says, one piece after the other."""

    def __init__(self, *pieces: SimpleNamespace) -> None:
        self._pieces, self.ended = pieces, 0

    async def generate(self, prompt: Any, sampling_params: Any, request_id: str, **_: Any) -> AsyncGenerator[Any, None]:
        try:
            for piece in self._pieces:
                await asyncio.sleep(0)
                yield piece
        finally:
            self.ended += 1


def kind(name: str) -> SimpleNamespace:
    return SimpleNamespace(output_kind=SimpleNamespace(name=name))


async def ask(engine: Any, times: int = 1, kind_: str = "DELTA") -> Tokens:
    """One user's request, which asks the engine so many times, each in a task of its own."""
    tokens = Tokens()
    REQUEST.set(tokens)

    async def one() -> None:
        async for _ in engine.generate("words", kind(kind_), "id", priority=0):
            pass

    await asyncio.gather(*(one() for _ in range(times)))
    return tokens


def run(engine: Any, *asked: Any) -> list[Tokens]:
    """Requests at the same time."""

    async def together() -> list[Tokens]:
        assert watch(engine)
        return list(await asyncio.gather(*(asyncio.create_task(ask(engine, *each)) for each in asked)))

    return asyncio.run(together())


@pytest.mark.parametrize(
    ("name", "pieces"),
    [
        ("DELTA", (output([1, 2, 3], [7], kept=2), output(None, [8, 9], kept=2), output(None, [], kept=2))),
        ("FINAL_ONLY", (output([1, 2, 3], [7, 8, 9], kept=2),)),
        ("CUMULATIVE", (output([1, 2, 3], [7], kept=2), output([1, 2, 3], [7, 8], kept=2), output([1, 2, 3], [7, 8, 9], kept=2))),
    ],
)
def test_however_they_are_handed_out_each_counts_once(name: str, pieces: tuple[SimpleNamespace, ...]) -> None:
    assert run(Engine(*pieces), (1, name)) == [Tokens(input=3, cached=2, output=3)]


def test_each_choice_counts_and_the_prompt_that_they_share_once() -> None:
    assert run(Engine(output([1, 2], [7], [8]), output(None, [9], [9, 9])), ()) == [Tokens(input=2, cached=0, output=5)]


def test_requests_at_the_same_time_have_their_own_and_one_of_several_prompts_has_all() -> None:
    found = run(Engine(output([1, 2], [7, 8])), (1,), (3,), (1,))
    assert [each.output for each in found] == [2, 6, 2]
    assert [each.input for each in found] == [2, 6, 2]


def test_what_is_no_users_request_is_passed_on_as_it_is() -> None:
    engine = Engine(output([1], [2]))
    assert watch(engine)

    async def golden() -> list[Any]:
        return [each async for each in engine.generate("words", kind("DELTA"), "id")]

    assert len(asyncio.run(golden())) == 1


def test_whoever_leaves_ends_the_work_of_the_engine() -> None:
    engine = Engine(output([1], [2]), output(None, [3]), output(None, [4]))
    assert watch(engine)

    async def leaves() -> tuple[Tokens, int]:
        tokens = Tokens()
        REQUEST.set(tokens)
        outputs = engine.generate("words", kind("DELTA"), "id")
        await anext(outputs)
        await outputs.aclose()
        return tokens, engine.ended

    assert asyncio.run(leaves()) == (Tokens(input=1, cached=0, output=1), 1), "at once, and not when it is collected"


def test_an_engine_of_another_kind_is_not_counted() -> None:
    assert not watch(SimpleNamespace())
    assert engine_of({}) is engine_of({"app": SimpleNamespace()}) is None
    assert engine_of({"app": SimpleNamespace(state=SimpleNamespace(engine_client=1))}) == 1


def test_where_one_request_does_not_tell_what_was_cached_nothing_is_told_of_it() -> None:
    assert run(Engine(output([1, 2], [7], kept=None)), ()) == [Tokens(input=2, cached=None, output=1)]
    registry = CollectorRegistry()
    good = GoodTokens(registry)
    assert b"steelyard_server_good_cached_input_tokens_total 0.0" in generate_latest(registry)
    good.add(Tokens(input=5, cached=2, output=1))
    assert b"steelyard_server_good_cached_input_tokens_total 2.0" in generate_latest(registry)
    for _ in range(2):
        good.add(Tokens(input=5, cached=None, output=1))
    page = generate_latest(registry)
    assert b"cached" not in page
    assert b"steelyard_server_good_input_tokens_total 15.0" in page and b"steelyard_server_good_output_tokens_total 3.0" in page
