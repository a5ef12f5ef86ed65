"""The operator starts on the versions of Kubernetes that it may run on, which are those that the chart allows and the tests have."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from cluster.binaries import KUBERNETES, TOOLS
from steelyard.app.config import Config
from steelyard.app.kubernetes_version import NEWEST, OLDEST
from steelyard.app.operator import Identity, Operator

CHART = Path(__file__).parents[3] / "charts/steelyard/Chart.yaml"


async def started(version: tuple[int, int]) -> Operator:
    """An operator that has asked the API server for its version and its kinds, and listed everything."""
    nobody: Any = None
    operator = Operator(Config(), nobody, Identity.of("p", "ns"), host="", port=0)

    async def answer(value: Any) -> Any:
        return value

    client = SimpleNamespace(server_version=lambda: answer(version), serves=lambda _: answer(True))
    operator.client = client  # type: ignore[assignment]
    lists: list[str] = []
    operator.sweep = SimpleNamespace(prime=lambda: answer(lists.append("all")), run=lambda: answer(None))  # type: ignore[assignment]
    operator.snapshots = SimpleNamespace(workloads=tuple)  # type: ignore[assignment]
    operator._observe = lambda: answer(None)  # type: ignore[method-assign, assignment]
    operator._look_at_kinds = lambda: answer(None)  # type: ignore[method-assign, assignment]
    await operator._prime()
    await asyncio.gather(*operator._tasks)
    assert bool(lists) == operator._kinds_served
    return operator


def test_an_older_kubernetes_is_refused_with_both_versions_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        operator = asyncio.run(started((1, 34)))
    assert (operator._exit, operator._stop.is_set(), operator._kinds_served) == (1, True, False)
    (line,) = caplog.records
    assert "too old" in line.getMessage()


@pytest.mark.parametrize("version", [OLDEST, NEWEST])
def test_the_tested_versions_start_without_a_word(version: tuple[int, int], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        operator = asyncio.run(started(version))
    assert (operator._exit, operator._kinds_served) == (0, True)
    assert not caplog.records


def test_a_newer_kubernetes_is_warned_of_and_starts(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        operator = asyncio.run(started((1, NEWEST[1] + 1)))
    assert operator._kinds_served
    (line,) = caplog.records
    assert "not tested" in line.getMessage()


def test_the_chart_allows_the_versions_that_the_tests_run_on() -> None:
    tested = sorted(tool.minor for tool in TOOLS.values() if tool.module == KUBERNETES)
    allowed = [f"1.{minor}" for minor in range(OLDEST[1], NEWEST[1] + 1)]
    assert tested == allowed
    assert yaml.safe_load(CHART.read_text())["kubeVersion"] == f">={allowed[0]}.0-0 <1.{NEWEST[1] + 1}.0-0"
