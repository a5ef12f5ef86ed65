"""What end-to-end tests share: the ground, and tenants on it. Each test file says which tenant it needs.

Their order is for the time alone. What makes the processors busy comes first; the five minutes of rest pass last, while tests run that
only send a few requests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cluster.fixtures import new_namespace
from e2e.golden_move import Moved, move
from e2e.ground import Ground
from e2e.laws import try_laws
from e2e.rest import Rest
from e2e.tenant import Tenant

_HERE = Path(__file__).parent
_ORDER = (
    "test_golden_move",
    "test_command_line",
    "test_compile_image",
    "test_demo",
    "test_default_deny",
    "test_tasks",
    "test_claims_and_prometheus",
    "test_two_replicas",
    "test_probe",
    "test_trial",
    "test_rest",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """As in _ORDER, and before it what is not named there."""

    def turn(item: pytest.Item) -> int:
        name = item.path.stem
        return _ORDER.index(name) if name in _ORDER else -1

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
def a_tenant(ground: Ground, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Tenant]:
    """Makes a tenant, to be used as a context manager."""
    return lambda: Tenant(ground, tmp_path_factory.mktemp("tenant"))


@pytest.fixture(scope="session")
def moved(a_tenant: Callable[[], Tenant]) -> Iterator[Moved]:
    """A tenant whose workload has just moved, though its operator died three times; its client goes on for the whole session."""
    with a_tenant() as tenant:
        yield move(tenant)


@pytest.fixture(scope="session")
def resting(moved: Moved) -> Rest:
    """The same tenant, left alone from the first use of this on."""
    return Rest(moved)


@pytest.fixture(scope="session")
def beside_the_rest(request: pytest.FixtureRequest) -> None:
    """For tests that are light enough: the rest begins no later than they do, when its test is in this session."""
    if any(item.path.stem == "test_rest" for item in request.session.items):
        request.getfixturevalue("resting")


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
