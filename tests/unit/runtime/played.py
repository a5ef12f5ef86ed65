"""The server's API on loopback in the test's own loop, with an engine and a tokenizer that do as they are told."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
from aiohttp import web

from patience import PATIENCE
from steelyard_runtime.artifacts.golden import Golden
from steelyard_runtime.serve.api import Api
from steelyard_runtime.serve.batcher import Batcher
from steelyard_runtime.serve.connections import Connections
from steelyard_runtime.serve.metrics import Metrics
from steelyard_runtime.serve.model import Model
from steelyard_runtime.serve.spec import ServeSpec
from steelyard_runtime.serve.state import State
from steelyard_runtime.tasks.embeddings import EmbeddingHead

LENGTHS, DIMENSION = (8, 16), 2
Answering = Callable[[np.ndarray], np.ndarray]


def sums(ids: np.ndarray) -> np.ndarray:
    """An embedding to know a row by: the sum of its tokens, and the first."""
    return np.stack([ids.sum(axis=1), ids[:, 0]], axis=1).astype(np.float32)


class PlayedEngine:
    """Answers as it is told, and remembers what it was given."""

    fixed_batch = False
    fixed_lengths = False
    workers = 1

    def __init__(self, answering: Answering = sums) -> None:
        self._answering = answering
        self.runs: list[list[int]] = []
        """The first token of each row, run by run."""

    def run(self, ids: np.ndarray, mask: np.ndarray) -> np.ndarray:
        self.runs.append([int(row[0]) for row in ids])
        return self._answering(ids)


class PlayedTokenizer:
    """Each text is as many tokens as it has characters."""

    vocabulary = 1000
    longest = LENGTHS[-1]

    def encode(self, texts: Sequence[str]) -> tuple[list[list[int]], int]:
        return [[1] * min(len(text), self.longest) for text in texts], 0


@dataclass
class Serving:
    port: int
    metrics: Metrics
    batcher: Batcher
    runner: web.AppRunner
    connections: Connections

    def counts(self) -> dict[str, float]:
        """What is not zero: by outcome, and by status of what was rejected."""
        found = {}
        for family in self.metrics.registry.collect():
            if family.name in ("steelyard_server_requests", "steelyard_server_rejected"):
                found.update({next(iter(s.labels.values())): s.value for s in family.samples if s.value and s.name.endswith("_total")})
        return found

    def in_flight(self) -> float:
        return self.metrics.registry.get_sample_value("steelyard_server_in_flight") or 0.0

    async def send(self, body: bytes, path: str = "/v1/embeddings", **headers: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Send a request on a connection of its own."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        writer.write(f"POST {path} HTTP/1.1\r\nHost: x\r\n{more}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await writer.drain()
        return reader, writer

    async def post(self, body: bytes, path: str = "/v1/embeddings", **headers: str) -> tuple[int, Any]:
        """Return the answer's status and document."""
        reader, writer = await self.send(body, path, **headers)
        head = (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)).decode().lower()
        length = int(head.partition("content-length: ")[2].partition("\r\n")[0])
        document = json.loads(await reader.readexactly(length))
        writer.close()
        return int(head.split(" ")[1]), document

    async def embed(self, **fields: Any) -> tuple[int, Any]:
        return await self.post(json.dumps({"model": "tiny", **fields}).encode())


WAYS = EmbeddingHead(cast(Any, PlayedTokenizer()))
"""Rows of token ids in, a vector for each out."""


@asynccontextmanager
async def serving(
    engine: PlayedEngine, tokenizer: PlayedTokenizer | None = None, *, ready: bool = True, **changes: Any
) -> AsyncIterator[Serving]:
    fields: dict[str, Any] = {
        "model": "tiny",
        "task": "embeddings",
        "backend": "",
        "artifact_uri": "",
        "artifact_digest": "",
        "objectives": (),
        "max_batch": 8,
        "max_delay": 0.0,
        "queue_limit": 64,
        "max_age": 0,
        "drain_delay": 0,
        "drain_timeout": 1,
        "threads": 1,
        "max_inputs": 4,
        "max_chars": 100_000,
    }
    spec = ServeSpec(**{**fields, **changes})
    metrics, state, connections = Metrics(spec.objectives), State(), Connections(spec.max_age, random.Random(1))
    api = Api(spec, "pod-a", metrics, state, connections, "v")
    runner = api.runner()
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    told: Any = tokenizer or PlayedTokenizer()
    manifest: Any = SimpleNamespace(dimension=DIMENSION, sequence_lengths=LENGTHS, batch_sizes=(1, 8), task=spec.task)
    model = Model(manifest, engine, EmbeddingHead(told), Golden((), ()))
    batcher = model.batcher(spec, metrics, state)
    if ready:
        api.serve(model, batcher)
    try:
        yield Serving(runner.addresses[0][1], metrics, batcher, runner, connections)
    finally:
        connections.cut_off = True
        await runner.cleanup()
        await batcher.close()
