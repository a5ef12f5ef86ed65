"""What fault tests share: the control plane with our kinds in it, and golden moves in namespaces of their own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.meanwhile import AT_ONCE, Door, curtain, spare
from fault.move_run import MoveRun

played: list[tuple[float, float, str]] = []
"""(beginning in seconds of the stage, length, name) of every scene that has ended."""

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def kinds(control_plane: Cluster) -> Cluster:
    """The shared control plane with our kinds installed."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    control_plane.until_established()
    return control_plane


def _play(cluster: Cluster, name: str, opened: float, door: Door, scene: Callable[..., None], given: dict[str, Any]) -> None:
    with ExitStack() as stack:
        stack.enter_context(door.passed())
        began = time.monotonic()
        stack.callback(lambda: played.append((began - opened, time.monotonic() - began, name)))

        def make(**how: Any) -> MoveRun:
            namespace = stack.enter_context(new_namespace(cluster, "move"))
            return stack.enter_context(MoveRun(cluster, namespace, **how))

        scene(a_move=make, **given)


@pytest.fixture(scope="session")
def stage(kinds: Cluster, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """All scenes of this session, playing."""
    scenes = [item for item in request.session.items if hasattr(getattr(item, "function", None), "scene")]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scene") as pool:
        futures, opened, door = {}, time.monotonic(), Door(spare)
        for item in sorted(scenes, key=lambda i: getattr(i.function, "long", False) is False):
            given = dict(item.callspec.params) if hasattr(item, "callspec") else {}
            futures[item.nodeid] = pool.submit(_play, kinds, item.nodeid, opened, door, item.function.scene, given)
        yield futures
        # Normally all have ended. After an interruption what still plays is told to end.
        for future in futures.values():
            future.cancel()
        curtain.set()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """When each scene played: pytest's own durations are those of waiting for one after the other."""
    if played and terminalreporter.config.option.durations:
        terminalreporter.section("scenes: seconds from, seconds long")
        for began, length, name in sorted(played):
            terminalreporter.write_line(f"{began:6.0f} {length:6.0f}  {name.rpartition('/')[2]}")


@pytest.fixture
def a_move(stage: dict[str, Future[None]], request: pytest.FixtureRequest) -> Future[None]:
    """To a scene: makes a golden move in a namespace of its own, `a_move(proxied=True)`. To the test that waits for it: its future."""
    return stage[request.node.nodeid]
