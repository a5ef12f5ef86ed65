"""What fault tests share: the control plane with our kinds in it, and golden moves in namespaces of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from cluster.cluster import Cluster
from cluster.fixtures import new_namespace
from fault.meanwhile import AT_ONCE, curtain
from fault.move_run import MoveRun

CRDS = Path(__file__).parents[2] / "crds"


@pytest.fixture(scope="session")
def kinds(control_plane: Cluster) -> Cluster:
    """The shared control plane with our kinds installed."""
    control_plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", str(CRDS))
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "-l", "app.kubernetes.io/part-of=steelyard")
    return control_plane


def _play(cluster: Cluster, scene: Callable[..., None], given: dict[str, Any]) -> None:
    with ExitStack() as stack:

        def make(**how: Any) -> MoveRun:
            namespace = stack.enter_context(new_namespace(cluster, "move"))
            return stack.enter_context(MoveRun(cluster, namespace, **how))

        scene(a_move=make, **given)


@pytest.fixture(scope="session")
def stage(kinds: Cluster, request: pytest.FixtureRequest) -> Iterator[dict[str, Future[None]]]:
    """All scenes of this session, playing."""
    scenes = [item for item in request.session.items if hasattr(getattr(item, "function", None), "scene")]
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="scene") as pool:
        futures = {}
        for item in sorted(scenes, key=lambda i: getattr(i.function, "long", False) is False):
            given = dict(item.callspec.params) if hasattr(item, "callspec") else {}
            futures[item.nodeid] = pool.submit(_play, kinds, item.function.scene, given)
        yield futures
        # Normally all have ended. After an interruption what still plays is told to end.
        for future in futures.values():
            future.cancel()
        curtain.set()


@pytest.fixture
def a_move(stage: dict[str, Future[None]], request: pytest.FixtureRequest) -> Future[None]:
    """To a scene: makes a golden move in a namespace of its own, `a_move(proxied=True)`. To the test that waits for it: its future."""
    return stage[request.node.nodeid]
