"""What the batcher makes of an engine's answers, and of rows that nobody waits for any more."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from patience import PATIENCE
from steelyard_runtime.serve.batcher import Batcher, Batching, Full, UnsoundError
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.state import State
from unit.runtime.played import LENGTHS, WAYS, Answering, PlayedEngine, sums

BAD = 666


@pytest.fixture
async def playing() -> AsyncIterator[Callable[..., tuple[Batcher, PlayedEngine]]]:
    batchers = []

    def play(answering: Answering, largest: int = 8, delay: float = 0.0) -> tuple[Batcher, PlayedEngine]:
        engine = PlayedEngine(answering)
        batcher = Batcher(engine, WAYS, Batching(LENGTHS, (1, 8), largest, delay, 16, 1), Metrics(()), State())
        batchers.append(batcher)
        return batcher, engine

    yield play
    for batcher in batchers:
        await batcher.close()


async def answers(batcher: Batcher, first_tokens: list[int]) -> list[object]:
    """What each row gets; they wait together, so they run together."""
    submitted = [batcher.submit([token, 1], batcher.admit(1)) for token in first_tokens]
    return await asyncio.wait_for(asyncio.gather(*submitted, return_exceptions=True), PATIENCE)


async def test_a_row_whose_embedding_is_not_finite_fails_alone(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    def with_a_hole(ids: np.ndarray) -> np.ndarray:
        found = sums(ids)
        found[ids[:, 0] == BAD, 1] = np.nan
        found[ids[:, 0] == BAD + 1, 0] = -np.inf
        return found

    batcher, engine = playing(with_a_hole)
    first, bad, infinite, last = await answers(batcher, [3, BAD, BAD + 1, 4])
    assert isinstance(bad, UnsoundError)
    assert isinstance(infinite, UnsoundError)
    assert (list(first), list(last)) == ([4, 3], [5, 4])
    assert engine.runs == [[3, BAD, BAD + 1, 4]]


@pytest.mark.parametrize("answering", [lambda ids: sums(ids)[:-1], lambda ids: sums(ids)[:, 0], lambda _: np.float32(1)])
async def test_an_answer_of_too_few_rows_or_of_another_shape_is_an_error_and_nobody_waits_for_ever(
    playing: Callable[..., tuple[Batcher, PlayedEngine]], answering: Answering
) -> None:
    batcher, _ = playing(answering)
    assert all(isinstance(each, UnsoundError) for each in await answers(batcher, [1, 2, 3]))


async def test_rows_that_only_fill_a_compiled_batch_may_hold_anything(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    batcher, _ = playing(lambda ids: np.concatenate([sums(ids), np.full((5, 2), np.nan, np.float32)]))
    assert [list(each) for each in await answers(batcher, [1, 2])] == [[2, 1], [3, 2]]


async def test_a_batch_that_is_full_waits_for_no_more(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    batcher, engine = playing(sums, delay=10 * PATIENCE)
    assert len(await answers(batcher, list(range(8)))) == 8
    assert engine.runs == [list(range(8))]


async def test_places_that_are_given_back_are_there_again(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    batcher, _ = playing(sums)
    batcher.admit(16)
    with pytest.raises(Full):
        batcher.admit(1)
    batcher.withdraw(16)
    batcher.admit(1)
    batcher.admit(15)


def failing_on(*bad: int) -> Answering:
    def answering(ids: np.ndarray) -> np.ndarray:
        if np.isin(ids[:, 0], bad).any():
            raise RuntimeError("index out of range")
        return sums(ids)

    return answering


async def test_a_row_that_the_engine_cannot_take_fails_alone_and_its_neighbours_are_answered(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    batcher, engine = playing(failing_on(BAD))
    found = await answers(batcher, [1, 2, BAD, BAD, 3])
    assert [isinstance(each, RuntimeError) for each in found] == [False, False, True, True, False]
    assert [list(found[place]) for place in (0, 1, 4)] == [[2, 1], [3, 2], [4, 3]]
    assert engine.runs == [[1, 2, BAD, BAD, 3], [1], [2], [BAD], [BAD], [3]]


async def test_an_engine_that_fails_on_everything_is_tried_with_two_rows_more_and_no_others(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    batcher, engine = playing(failing_on(*range(8)))
    assert all(isinstance(each, RuntimeError) for each in await answers(batcher, list(range(8))))
    assert engine.runs == [list(range(8)), [0], [1]]
    assert (batcher._admitted, batcher._state.batches) == (0, {})


async def test_rows_that_it_cannot_take_at_the_front_of_a_batch_fail_none_behind_them_once_it_has_computed_any(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    batcher, engine = playing(failing_on(BAD))
    await answers(batcher, [7])
    found = await answers(batcher, [BAD, BAD, 1, 2, BAD])
    assert [isinstance(each, RuntimeError) for each in found] == [True, True, False, False, True]
    assert engine.runs[1:] == [[BAD, BAD, 1, 2, BAD], [BAD], [BAD], [7], [1], [2], [BAD]]


async def test_an_engine_that_has_broken_is_known_by_the_row_that_it_computed_last(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    def breaks(ids: np.ndarray) -> np.ndarray:
        if len(engine.runs) > 1:
            raise RuntimeError("the device is lost")
        return sums(ids)

    batcher, engine = playing(breaks)
    await answers(batcher, [7])
    assert all(isinstance(each, RuntimeError) for each in await answers(batcher, [1, 2, 3, 4]))
    assert engine.runs[1:] == [[1, 2, 3, 4], [1], [2], [7]]


async def test_a_request_of_more_inputs_than_places_is_taken_beside_others_while_a_place_is_free(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    batcher, _ = playing(sums)
    batcher.admit(15)
    batcher.admit(64)
    with pytest.raises(Full):
        batcher.admit(1)


async def test_a_row_that_fails_alone_is_not_tried_again(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    batcher, engine = playing(failing_on(BAD))
    assert isinstance((await answers(batcher, [BAD]))[0], RuntimeError)
    assert engine.runs == [[BAD]]


async def test_a_row_that_nobody_waits_for_any_more_is_not_tried_alone(playing: Callable[..., tuple[Batcher, PlayedEngine]]) -> None:
    begun, free = threading.Event(), threading.Event()

    def held(ids: np.ndarray) -> np.ndarray:
        begun.set()
        assert free.wait(PATIENCE)
        return failing_on(BAD)(ids)

    batcher, engine = playing(held)
    submitted = [batcher.submit([token, 1], batcher.admit(1)) for token in (1, 2, BAD)]
    await asyncio.to_thread(begun.wait, PATIENCE)
    submitted[1].cancel()
    free.set()
    await asyncio.gather(*submitted, return_exceptions=True)
    assert engine.runs == [[1, 2, BAD], [1], [BAD]]


async def test_each_run_of_the_engine_has_its_own_beginning_to_be_found_stuck_by(
    playing: Callable[..., tuple[Batcher, PlayedEngine]],
) -> None:
    beginnings = []

    def watched(ids: np.ndarray) -> np.ndarray:
        beginnings.append(batcher._state.batches[0])
        return failing_on(BAD)(ids)

    batcher, _ = playing(watched)
    await answers(batcher, [1, BAD])
    assert len(set(beginnings)) == 3
    assert beginnings == sorted(beginnings)
