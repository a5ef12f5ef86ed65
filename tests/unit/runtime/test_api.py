"""How requests are judged whose clients leave, whose bodies are large or no bodies at all, and whose engine fails."""

from __future__ import annotations

import asyncio
import itertools
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from patience import PATIENCE, until
from steelyard_runtime.serve import api
from steelyard_runtime.serve.api import PIECE
from steelyard_runtime.tokens import pieces
from unit.runtime.played import PlayedEngine, PlayedTokenizer, serving, sums

BAD = 666
AT_ONCE, AT_LEISURE = (1e-6,), (1e9,)
"""Objectives that every request is late for, and none."""


class Held(PlayedEngine):
    """Answers only once it is let go."""

    def __init__(self) -> None:
        self.free = threading.Event()
        super().__init__(self._held)

    def _held(self, ids: np.ndarray) -> np.ndarray:
        assert self.free.wait(PATIENCE)
        return sums(ids)


@pytest.fixture
def held() -> Iterator[Held]:
    engine = Held()
    yield engine
    engine.free.set()


def body(*first_tokens: int) -> bytes:
    return json.dumps({"model": "tiny", "input": [[token, 1] for token in first_tokens]}).encode()


# Clients that leave


@pytest.mark.parametrize(("objectives", "counted"), [(AT_ONCE, {"slow": 1}), (AT_LEISURE, {"499": 1}), ((), {"499": 1})])
async def test_a_client_that_leaves_after_the_objective_was_served_too_late_and_one_that_leaves_before_is_no_request(
    held: Held, objectives: tuple[float, ...], counted: dict[str, float]
) -> None:
    async with serving(held, objectives=objectives) as server:
        _, writer = await server.send(body(5))
        await until(lambda: held.runs)
        writer.close()
        await until(server.counts)  # while the engine is still at it
        assert server.counts() == counted
        assert server.in_flight() == 0
        held.free.set()
        assert (await server.post(body(6)))[0] == 200
        assert sum(server.counts().values()) == 2


async def test_a_client_that_leaves_before_it_has_sent_its_request_is_no_request_however_late_it_is(held: Held) -> None:
    async with serving(held, objectives=AT_ONCE) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{")
        await until(server.in_flight)
        writer.close()
        await until(server.counts)
        assert server.counts() == {"499": 1}


async def test_rows_whose_client_has_left_are_never_computed_and_their_places_are_free_at_once(held: Held) -> None:
    async with serving(held, objectives=AT_ONCE, max_batch=1, queue_limit=5) as server:
        first = asyncio.create_task(server.post(body(5)))
        await until(lambda: held.runs)
        stays = asyncio.create_task(server.post(body(6)))
        leaving = [await server.send(body(token, token + 1)) for token in (10, 20)]
        await until(lambda: server.batcher._admitted == 5)
        for _, writer in leaving:
            writer.close()
        await until(lambda: server.batcher._admitted == 1)
        comes = asyncio.create_task(server.post(body(1, 2, 3, 4)))  # as many as there are places, while the engine is still at the first
        await until(lambda: server.batcher._admitted == 5)
        held.free.set()
        assert [status for status, _ in await asyncio.gather(first, stays, comes)] == [200] * 3
        assert held.runs == [[5], [6], [1], [2], [3], [4]]
        assert server.batcher._admitted == 0


async def test_once_a_row_has_failed_the_others_of_its_request_are_not_waited_for() -> None:
    def failing(ids: np.ndarray) -> np.ndarray:
        if (ids == BAD).any():
            raise RuntimeError("engine")
        return sums(ids)

    engine = PlayedEngine(failing)
    async with serving(engine, max_batch=1) as server:
        assert (await server.post(body(BAD, 6, 7, 8)))[0] == 500
        assert (await server.post(body(9)))[0] == 200
        assert engine.runs[-1] == [9]
        assert [8] not in engine.runs
        assert server.batcher._admitted == 0


async def test_who_is_cut_off_when_a_drains_time_is_over_is_on_the_servers_account(held: Held) -> None:
    async with serving(held, objectives=AT_LEISURE) as server:
        reader, _ = await server.send(body(5))
        await until(lambda: held.runs)
        server.connections.cut_off = True
        await server.runner.cleanup()
        assert await reader.read() == b""
        assert server.counts() == {"error": 1}


# Bodies


async def test_a_large_body_is_read_beside_the_loop_and_a_small_one_in_it() -> None:
    class Watched(PlayedTokenizer):
        def __init__(self) -> None:
            self.threads: set[threading.Thread] = set()

        @property
        def longest(self) -> int:
            self.threads.add(threading.current_thread())
            return 16

        def encode(self, texts: object) -> tuple[list[list[int]], int]:
            return [[1]], 0

    tokenizer = Watched()
    async with serving(PlayedEngine(), tokenizer) as server:
        assert (await server.embed(input="a"))[0] == 200
        assert tokenizer.threads == {threading.current_thread()}
        tokenizer.threads.clear()
        assert (await server.embed(input="a" * 80_000))[0] == 200
        assert len(tokenizer.threads) == 1
        assert threading.current_thread() not in tokenizer.threads


@pytest.mark.parametrize(("encoding", "sent"), [("gzip", body(5)), ("br", b"\xff" * 50)])
async def test_a_body_that_is_not_in_its_encoding_is_the_clients_error_and_ends_its_connection(encoding: str, sent: bytes) -> None:
    async with serving(PlayedEngine()) as server:
        reader, _ = await server.send(sent, content_encoding=encoding)
        answer = (await asyncio.wait_for(reader.read(), PATIENCE)).decode()
        assert " 400 " in answer.partition("\r\n")[0]
        assert "the encoding that its headers name" in answer
        assert "Connection: close" in answer
        assert server.counts() == {"400": 1}


@pytest.mark.parametrize("header", ["²", "9" * 5000, "99", "-1", "x"])
async def test_a_header_length_that_is_no_length_within_the_body_is_the_clients_error(header: str) -> None:
    sent = b'{"inputs":[{"name":"text","datatype":"BYTES","shape":[1],"data":["a"]}]}'
    async with serving(PlayedEngine()) as server:
        status, answer = await server.post(sent, "/v2/models/tiny/infer", inference_header_content_length=header)
        assert (status, "length of the JSON part" in answer["error"], server.counts()) == (400, True, {"400": 1})


async def test_an_encoding_format_of_null_is_none() -> None:
    async with serving(PlayedEngine()) as server:
        assert (await server.embed(input=[5, 1], encoding_format=None))[1]["data"][0]["embedding"] == [6, 5]
        assert [(await server.embed(input=[5, 1], encoding_format=other))[0] for other in ("", False, "int8")] == [400] * 3


# Tokens


async def test_large_bodies_beyond_the_memory_for_them_are_shed_and_small_ones_are_not(held: Held, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "limit", lambda: 0)
    large = json.dumps({"model": "tiny", "input": [[5, 1]], "user": "x" * 1_500_000}).encode()
    async with serving(held) as server:  # of 4 texts of 100,000 characters: 2.5 MB always have room
        first = asyncio.create_task(server.post(large))
        await until(lambda: held.runs)
        status, refusal = await server.post(large)
        assert status == 429
        assert refusal["error"]["message"] == "large requests fill the memory that is for them; try again in 1 s"
        small = asyncio.create_task(server.post(body(6)))
        held.free.set()
        assert [(await first)[0], (await small)[0], (await server.post(large))[0]] == [200, 200, 200]
        assert server.counts() == {"good": 3, "shed": 1}


async def test_a_body_in_pieces_is_bounded_as_well_and_one_that_is_too_large_is_refused_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "limit", lambda: 0)
    async with serving(PlayedEngine()) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b"POST /v1/embeddings HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        with suppress(ConnectionError):
            for _ in range(30):
                writer.write(b"%x\r\n" % 100_000 + b"x" * 100_000 + b"\r\n")
                await writer.drain()
        assert b" 413 " in await asyncio.wait_for(reader.readline(), PATIENCE)
        writer.close()
        assert (await server.post(body(6)))[0] == 200


class Stopping(PlayedTokenizer):
    """Takes no long text before it is free to."""

    def __init__(self) -> None:
        self.free = threading.Event()
        self.order: list[str] = []

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        self.order += [text[0] for text in texts]
        assert len(texts[0]) == 1 or self.free.wait(PATIENCE)
        return super().encode(texts)


async def test_a_short_text_waits_for_no_text_of_a_large_request() -> None:
    tokenizer = Stopping()
    async with serving(PlayedEngine(), tokenizer) as server:
        large = asyncio.create_task(server.embed(input=[letter * PIECE for letter in "abcd"]))
        await until(lambda: tokenizer.order)
        assert (await server.embed(input="s"))[0] == 200
        tokenizer.free.set()
        assert (await large)[0] == 200
        assert tokenizer.order == ["a", "s", "b", "c", "d"]


async def test_between_the_texts_of_a_large_request_another_large_one_has_its_turn() -> None:
    tokenizer = Stopping()
    async with serving(PlayedEngine(), tokenizer) as server:
        first = asyncio.create_task(server.embed(input=[letter * PIECE for letter in "abcd"]))
        await until(lambda: tokenizer.order)
        second = asyncio.create_task(server.embed(input="z" * PIECE))
        await until(lambda: server.batcher._admitted == 5)
        tokenizer.free.set()
        assert [status for status, _ in await asyncio.gather(first, second)] == [200, 200]
        assert tokenizer.order == ["a", "z", "b", "c", "d"]


async def test_what_is_no_text_is_read_beside_the_loop_however_small_it_is() -> None:
    class Watched(PlayedTokenizer):
        def __init__(self) -> None:
            self.threads: list[threading.Thread] = []

        def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
            self.threads.append(threading.current_thread())
            return super().encode(texts)

    sent = json.dumps({"inputs": [{"name": "text", "datatype": "BYTES", "shape": [1], "data": ["a"]}]}).encode()
    here = {}
    for task in ("embeddings", "image-classification"):
        tokenizer = Watched()
        async with serving(PlayedEngine(), tokenizer, task=task) as server:
            assert (await server.post(sent, "/v2/models/tiny/infer"))[0] == 200
        here[task] = tokenizer.threads == [threading.current_thread()]
    assert here == {"embeddings": True, "image-classification": False}


async def test_as_many_large_texts_are_tokenized_at_once_as_there_are_threads() -> None:
    class Meeting(PlayedTokenizer):
        def __init__(self) -> None:
            self.both = threading.Barrier(2)

        def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
            self.both.wait(PATIENCE)
            return super().encode(texts)

    async with serving(PlayedEngine(), Meeting(), threads=2) as server:
        large = (server.embed(input=letter * PIECE) for letter in "ab")
        assert [status for status, _ in await asyncio.gather(*large)] == [200, 200]


async def test_texts_that_are_tokenized_in_pieces_keep_their_order_and_all_that_were_cut_are_counted() -> None:
    class Cutting(PlayedTokenizer):
        def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
            return [[int(text[0]), 1] for text in texts], sum(len(text) > self.longest for text in texts)

    async with serving(PlayedEngine(), Cutting()) as server:
        _, answer = await server.embed(input=["1" * PIECE, "2", "3" * (PIECE - 1), "4" * 17])
        assert [item["embedding"] for item in answer["data"]] == [[2, 1], [3, 2], [4, 3], [5, 4]]
        assert server.metrics.registry.get_sample_value("steelyard_server_truncated_inputs_total") == 3


@given(st.lists(st.text(alphabet="ab", max_size=12), max_size=12), st.integers(1, 10))
def test_pieces_are_the_texts_in_order_none_too_large_but_for_one_text_and_no_two_that_would_fit_together(
    texts: list[str], most: int
) -> None:
    found = list(pieces(texts, most))
    assert [text for piece in found for text in piece] == texts
    assert all(piece and (len(piece) == 1 or len("".join(piece)) <= most) for piece in found)
    assert all(len("".join(one)) + len(other[0]) > most for one, other in itertools.pairwise(found))


# The engine


async def test_before_the_model_is_there_a_request_is_told_so_and_is_an_error() -> None:
    async with serving(PlayedEngine(), ready=False) as server:
        status, answer = await server.embed(input=[5, 1])
        assert (status, answer["error"]["code"]) == (503, "not_ready")
        assert server.counts() == {"error": 1}


@pytest.mark.parametrize("error", [TimeoutError("device"), ConnectionResetError("device"), RuntimeError("device")])
async def test_an_engine_that_fails_is_an_error_whatever_it_raises(error: Exception) -> None:
    def failing(_: np.ndarray) -> np.ndarray:
        raise error

    async with serving(PlayedEngine(failing)) as server:
        assert (await server.embed(input=[5, 1]))[0] == 500
        assert server.counts() == {"error": 1}


async def test_an_embedding_that_is_not_finite_is_an_error() -> None:
    async with serving(PlayedEngine(lambda ids: sums(ids) * np.nan)) as server:
        assert (await server.embed(input=[5, 1]))[0] == 500
        assert server.counts() == {"error": 1}
