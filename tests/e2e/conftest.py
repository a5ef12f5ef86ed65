"""What end-to-end tests share: the ground, and tenants on it. Each test file says which tenant it needs.

The order matters for the time it takes only: the move comes first, and the five minutes of rest after it pass while the others run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cluster.fixtures import new_namespace
from e2e.golden_move import Moved, move
from e2e.ground import Ground
from e2e.laws import try_laws
from e2e.tenant import Tenant

_HERE = Path(__file__).parent
FIRST, LAST = ("test_golden_move",), ("test_compile_image", "test_demo", "test_rest")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The move first, the long waits last; the rest as it comes."""

    def turn(item: pytest.Item) -> int:
        name = item.path.stem
        if item.path.parent != _HERE:
            return 0
        if name in FIRST:
            return FIRST.index(name) - len(FIRST)
        return 1 + LAST.index(name) if name in LAST else 0

    ours = [at for at, item in enumerate(items) if item.path.parent == _HERE]
    ordered = sorted((items[at] for at in ours), key=turn)
    for at, item in zip(ours, ordered, strict=True):
        items[at] = item


@pytest.fixture(scope="session")
def ground() -> Iterator[Ground]:
    """One cluster for all of them."""
    with Ground.laid("e2e") as laid:
        yield laid


@pytest.fixture(scope="session")
def a_tenant(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[], Tenant]]:
    """Makes a tenant that stays until the session's end."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(Tenant(ground, tmp_path_factory.mktemp("tenant")))


@pytest.fixture(scope="session")
def moved(a_tenant: Callable[[], Tenant]) -> Moved:
    """A tenant whose workload has just moved, though its operator died three times; its client goes on for the whole session."""
    return move(a_tenant())


@pytest.fixture(scope="session")
def pair(a_tenant: Callable[[], Tenant]) -> Tenant:
    """A tenant with two replicas on one pool, and nowhere to move to."""
    tenant = a_tenant()
    tenant.ground.give_artifacts(tenant.namespace)
    tenant.pool("only", "pool-b", "openvino", "0.20")
    tenant.start_operator()
    tenant.apply(replicas=2, most=2, mode="Observe")
    tenant.until_serving(2)
    return tenant


@pytest.fixture(scope="session")
def laws_are_tried(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The namespace of the pod that tries the laws of all back ends."""
    with new_namespace(ground.cluster, "e2e") as namespace:
        try_laws(ground, namespace, tmp_path_factory.mktemp("pytest"))
        yield namespace


@pytest.fixture(scope="session", autouse=True)
def beside(request: pytest.FixtureRequest) -> None:
    """What takes minutes of idle processors begins with the session, when its test is in it."""
    if any(item.path.stem == "test_compile_image" for item in request.session.items):
        request.getfixturevalue("laws_are_tried")
