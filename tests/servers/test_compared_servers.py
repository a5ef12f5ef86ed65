"""The servers that the benchmark `serving` compares do the same work: each, with each of its settings, answers what ours answers, also where requests
come together and share a batch."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from bench.servers.artifact import Artifact, tiny
from bench.servers.compared import others, ours
from bench.servers.inputs import CLASSIFICATION, EMBEDDINGS, RANKING, TASKS
from bench.servers.server import Server

pytestmark = pytest.mark.servers

LOGISTIC = {"infinity", "steelyard"}
"""Servers that make probabilities of scores themselves."""


@pytest.fixture(scope="module", params=TASKS)
def artifact(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Artifact:
    return tiny(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def right(artifact: Artifact) -> Iterator[list[np.ndarray]]:
    server = ours(artifact)[0]
    try:
        with server.start(artifact.scratch).alone():
            yield said(server, artifact)
    finally:
        server.stop()


def inputs(artifact: Artifact) -> list[str]:
    if artifact.task in (EMBEDDINGS, CLASSIFICATION, RANKING):
        return [" ".join(["the", "river", "and", "winter"][place % 4] for place in range(number)) for number in range(8, 24)]
    return [str(number) for number in range(16)]


def said(server: Server, artifact: Artifact) -> list[np.ndarray]:
    with ThreadPoolExecutor(8) as pool:
        return [read(server.name, artifact.task, answer) for answer in pool.map(server.answer, inputs(artifact))]


def read(name: str, task: str, answer: object) -> np.ndarray:
    """Probabilities, the largest first; or a vector."""
    found = np.array(list(numbers(answer)))
    assert len(found), answer
    if task == EMBEDDINGS:
        return found
    if task == RANKING:
        return np.sort(found if name in LOGISTIC else 1 / (1 + np.exp(-found)))[::-1]
    if name not in LOGISTIC:
        found = np.exp(found - found.max())
    return np.sort(found / found.sum())[::-1]


def numbers(answer: object) -> Iterator[float]:
    if isinstance(answer, dict):
        for value in answer.values():
            yield from numbers(value)
    elif isinstance(answer, list):
        for value in answer:
            yield from numbers(value)
    elif isinstance(answer, float):
        yield answer


def test_every_server_answers_what_ours_answers(artifact: Artifact, right: list[np.ndarray]) -> None:
    for server in (setting for settings in others(artifact, print, install=True) for setting in settings):
        try:
            with server.start(artifact.scratch).alone():
                found = said(server, artifact)
        finally:
            server.stop()
        for mine, theirs in zip(right, found, strict=True):
            np.testing.assert_allclose(theirs, mine, atol=2e-3, err_msg=f"{server.name} ({server.batching})")
