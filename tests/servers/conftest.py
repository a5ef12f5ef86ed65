"""The cluster that tests of servers in one share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from servers.ground import Servers


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Made for the first of them."""
    with Servers.laid() as laid:
        yield laid
